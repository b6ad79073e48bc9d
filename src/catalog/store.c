/*
 * store.c
 *		Storing what a training made, and dropping it again.
 *
 * Everything of a version is written in the caller's transaction, so either
 * all of it is there or nothing.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "base/base.h"
#include "catalog/internal.h"
#include "catalog/pg_type.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

static MlopsModel *lock_or_create_model(const char *name);
static int	next_version(const MlopsModel *model);
static int64 store_run(const MlopsModel *model, const MlopsRunRecord *run);
static int64 store_version(const MlopsModel *model, int number, int64 run_id,
						   const MlopsRunRecord *run,
						   const MlopsVersionRecord *record);
static void store_artefact(int64 version_id, const char *kind,
						   const char *bytes, size_t size);
static void store_metrics(int64 run_id, List *metrics);
static void store_baseline(int64 version_id, const MlopsBaseline *baseline);
static void apply_retention(const MlopsModel *model, int newest);
static void add_float8_array(MlopsArguments *arguments, const double *values,
							 int n);
static void add_int8_array(MlopsArguments *arguments, const int64 *values,
						   int n);
static void add_text_array(MlopsArguments *arguments, char **strings, int n);

void
mlops_version_store(const char *model_name, const MlopsRunRecord *run,
					const MlopsVersionRecord *record,
					int *version, int64 *version_id)
{
	MlopsModel *model = lock_or_create_model(model_name);
	int64		run_id = store_run(model, run);
	ListCell   *cell;

	*version = next_version(model);
	*version_id = store_version(model, *version, run_id, run, record);
	store_artefact(*version_id, "model", record->model, record->model_size);
	store_artefact(*version_id, "forest", record->forest,
				   record->forest_size);
	store_metrics(run_id, record->metrics);
	foreach(cell, record->baselines)
		store_baseline(*version_id, lfirst(cell));
	if (model->keep_versions > 0)
		apply_retention(model, *version);
}

void
mlops_version_drop(const MlopsModel *model, const MlopsVersion *version)
{
	MlopsArguments arguments = {0};
	int64		aliases = 0;

	mlops_model_lock(model->name);
	mlops_add_int8(&arguments, version->version_id);
	if (mlops_catalog_execute("SELECT 1::bigint FROM mlops.alias"
							  " WHERE version_id = $1", &arguments,
							  &aliases) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("cannot drop version %d of model \"%s\"",
						version->version, model->name),
				 errdetail("An alias points to it."),
				 errhint("Deploy another version, or drop the alias with mlops.drop_alias().")));

	mlops_catalog_execute("DELETE FROM mlops.artefact WHERE version_id = $1",
						  &arguments, NULL);
	mlops_add_text(&arguments, mlops_current_role());
	mlops_catalog_execute("UPDATE mlops.version SET dropped_at = now(),"
						  " dropped_by = $2 WHERE version_id = $1",
						  &arguments, NULL);
}

/*
 * The model, locked against others that store versions of it.  Created, with
 * the current role as its owner, if nobody has done so.
 */
static MlopsModel *
lock_or_create_model(const char *name)
{
	MlopsModel *model;
	MlopsArguments arguments = {0};

	mlops_model_lock(name);
	model = mlops_model_lookup(name, NULL, true);
	if (model != NULL)
	{
		mlops_model_check(model, MLOPS_MANAGE);
		if (IsolationUsesXactSnapshot() &&
			mlops_model_lookup(name, GetTransactionSnapshot(), true) == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("model \"%s\" was created by a concurrent transaction",
							name),
					 errhint("Train again in a new transaction.")));
		return model;
	}

	mlops_add_text(&arguments, name);
	mlops_add_text(&arguments, mlops_current_role());
	mlops_catalog_execute("INSERT INTO mlops.model (name, owner, created_by)"
						  " VALUES ($1, $2, $2)", &arguments, NULL);
	return mlops_model_lookup(name, NULL, false);
}

/*
 * One more than the highest number so far, as last committed: the model is
 * locked, and dropped versions keep their rows.
 */
static int
next_version(const MlopsModel *model)
{
	MlopsScan	scan;
	ScanKeyData key;
	HeapTuple	tuple;
	int			highest = 0;

	mlops_key_int8(&key, Anum_version_model_id, model->model_id);
	mlops_scan_begin(&scan, "version", "version_model_id_version_key", NULL,
					 1, &key);
	while (HeapTupleIsValid(tuple = mlops_scan_next(&scan)))
	{
		int			number = mlops_scan_int4(&scan, tuple,
											 Anum_version_version);

		highest = Max(highest, number);
	}
	mlops_scan_end(&scan);
	return highest + 1;
}

/* Write the run; returns its id. */
static int64
store_run(const MlopsModel *model, const MlopsRunRecord *run)
{
	MlopsArguments a = {0};
	int64		run_id = 0;

	mlops_add_text(&a, run->kind);
	mlops_add_int8(&a, model->model_id);
	mlops_add_text(&a, model->name);
	mlops_add_time(&a, run->started_at);
	mlops_add_text(&a, mlops_current_role());
	mlops_add_text(&a, mlops_session_role());
	mlops_add_text(&a, application_name ? application_name : "");
	mlops_add_text(&a, run->trigger);
	mlops_add_text(&a, run->call);
	mlops_add_text(&a, run->effective);
	mlops_add_text(&a, run->source);
	mlops_add_text(&a, run->query);
	mlops_add_text(&a, run->relations);
	mlops_add_bool(&a, run->row_security);
	mlops_add_text(&a, run->extension_version ? run->extension_version :
				   MLOPS_VERSION);
	mlops_add_text(&a, run->library_version);
	mlops_add_int4(&a, run->threads);
	mlops_add_int8(&a, run->seed);
	mlops_add_text(&a, run->snapshot);
	mlops_add_int8(&a, run->rows_train);
	mlops_add_int8(&a, run->rows_validation);
	mlops_add_int8(&a, run->rows_test);
	mlops_add_int8(&a, run->rows_skipped);
	mlops_add_text(&a, run->fingerprint_ordered);
	mlops_add_text(&a, run->fingerprint_unordered);
	mlops_add_datum(&a, TIMESTAMPTZOID,
					TimestampTzGetDatum(run->event_time_min),
					!run->has_event_time);
	mlops_add_datum(&a, TIMESTAMPTZOID,
					TimestampTzGetDatum(run->event_time_max),
					!run->has_event_time);
	mlops_add_int8(&a, run->peak_memory);
	mlops_add_float8(&a, run->read_seconds);
	mlops_add_float8(&a, run->train_seconds);
	mlops_add_float8(&a, run->cpu_seconds);
	mlops_add_datum(&a, TIMESTAMPTZOID, TimestampTzGetDatum(run->ended_at),
					run->ended_at == 0);
	mlops_add_text(&a, run->server_version);
	mlops_add_text(&a, run->wal_position);
	mlops_add_text(&a, run->advice ? run->advice : "[]");
	mlops_catalog_execute("INSERT INTO mlops.run (kind, state, model_id,"
						  " model, started_at, ended_at, current_role_name,"
						  " session_role_name, application_name,"
						  " trigger_kind, arguments, effective, source,"
						  " query, relations, row_security, server_version,"
						  " extension_version, library_version, threads,"
						  " seed, snapshot, wal_position, rows_train,"
						  " rows_validation, rows_test, rows_skipped,"
						  " fingerprint_ordered, fingerprint_unordered,"
						  " event_time_min, event_time_max, peak_memory,"
						  " read_seconds, train_seconds, cpu_seconds,"
						  " advice)"
						  " VALUES ($1, 'completed', $2, $3, $4,"
						  " COALESCE($32, clock_timestamp()), $5, $6, $7, $8, $9::jsonb,"
						  " $10::jsonb, $11, $12, $13::jsonb, $14,"
						  " COALESCE($33, current_setting('server_version')),"
						  " $15, $16, $17, $18, $19,"
						  " COALESCE($34, pg_current_wal_lsn()::text), $20,"
						  " $21, $22, $23, $24, $25, $26, $27, $28, $29,"
						  " $30, $31, $35::jsonb) RETURNING run_id", &a, &run_id);
	return run_id;
}

/* Write the version's row; returns its id. */
static int64
store_version(const MlopsModel *model, int number, int64 run_id,
			  const MlopsRunRecord *run, const MlopsVersionRecord *record)
{
	MlopsArguments a = {0};
	int64		version_id = 0;

	mlops_add_int8(&a, model->model_id);
	mlops_add_int4(&a, number);
	mlops_add_text(&a, record->task);
	mlops_add_int8(&a, record->model_size);
	mlops_add_int8(&a, record->forest_size);
	mlops_add_text(&a, record->class_type);
	if (record->n_classes > 0)
		add_text_array(&a, record->classes, record->n_classes);
	else
		mlops_add_datum(&a, TEXTARRAYOID, (Datum) 0, true);
	mlops_add_json(&a, record->signature);
	mlops_add_int8(&a, run_id);
	mlops_add_text(&a, record->objective);
	mlops_add_text(&a, record->booster);
	mlops_add_int4(&a, record->n_features);
	mlops_add_int4(&a, record->n_trees);
	mlops_add_int4(&a, record->n_rounds);
	mlops_add_text(&a, record->target);
	mlops_add_text(&a, run->library_version);
	mlops_add_text(&a, mlops_sha256_hex(record->model, record->model_size));
	mlops_add_text(&a, record->description);
	mlops_add_text(&a, mlops_current_role());
	mlops_catalog_execute("INSERT INTO mlops.version (model_id, version,"
						  " task, model_size, forest_size, class_type,"
						  " classes, signature, run_id, objective, booster,"
						  " n_features, n_trees, n_rounds, target,"
						  " library_version, model_sha256, description,"
						  " created_by)"
						  " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,"
						  " $11, $12, $13, $14, $15, $16, $17, $18, $19)"
						  " RETURNING version_id", &a, &version_id);
	return version_id;
}

/* Write the bytes in chunks. */
static void
store_artefact(int64 version_id, const char *kind, const char *bytes,
			   size_t size)
{
	int			n_chunks = (size + MLOPS_CHUNK_SIZE - 1) / MLOPS_CHUNK_SIZE;

	for (int i = 0; i < n_chunks; i++)
	{
		size_t		offset = (size_t) i * MLOPS_CHUNK_SIZE;
		size_t		length = Min(size - offset, MLOPS_CHUNK_SIZE);
		bytea	   *data = palloc(VARHDRSZ + length);
		MlopsArguments arguments = {0};

		SET_VARSIZE(data, VARHDRSZ + length);
		memcpy(VARDATA(data), bytes + offset, length);
		mlops_add_int8(&arguments, version_id);
		mlops_add_text(&arguments, kind);
		mlops_add_int4(&arguments, i);
		mlops_add_datum(&arguments, BYTEAOID, PointerGetDatum(data), false);
		mlops_catalog_execute("INSERT INTO mlops.artefact"
							  " (version_id, kind, chunk, data)"
							  " VALUES ($1, $2, $3, $4)", &arguments, NULL);
		pfree(data);
	}
}

/*
 * Write the metrics of the run and their history, which has a line for each
 * round: one statement for each table.
 */
static void
store_metrics(int64 run_id, List *metrics)
{
	int			n = list_length(metrics);
	char	  **splits = palloc(sizeof(char *) * Max(n, 1));
	char	  **names = palloc(sizeof(char *) * Max(n, 1));
	int64	   *rounds = palloc(sizeof(int64) * Max(n, 1));
	double	   *values = palloc(sizeof(double) * Max(n, 1));
	MlopsArguments arguments = {0};

	for (int i = 0; i < n; i++)
	{
		MlopsMetricRow *metric = list_nth(metrics, i);

		splits[i] = (char *) metric->split;
		names[i] = (char *) metric->name;
		rounds[i] = metric->step;
		values[i] = metric->value;
	}
	mlops_add_int8(&arguments, run_id);
	add_text_array(&arguments, splits, n);
	add_text_array(&arguments, names, n);
	add_int8_array(&arguments, rounds, n);
	add_float8_array(&arguments, values, n);
	mlops_catalog_execute("INSERT INTO mlops.metric"
						  " (run_id, split, name, value)"
						  " SELECT $1, m.split, m.name, NULLIF(m.value, 'NaN')"
						  " FROM unnest($2, $3, $4, $5)"
						  "  AS m (split, name, round, value)"
						  " WHERE m.round < 0", &arguments, NULL);
	mlops_catalog_execute("INSERT INTO mlops.metric_history"
						  " (run_id, split, name, round, value)"
						  " SELECT $1, m.split, m.name, m.round,"
						  "  NULLIF(m.value, 'NaN')"
						  " FROM unnest($2, $3, $4, $5)"
						  "  AS m (split, name, round, value)"
						  " WHERE m.round >= 0", &arguments, NULL);
}

/* Write the statistics of one feature or output. */
static void
store_baseline(int64 version_id, const MlopsBaseline *b)
{
	MlopsArguments a = {0};

	mlops_add_int8(&a, version_id);
	mlops_add_text(&a, b->kind);
	mlops_add_text(&a, b->feature);
	mlops_add_int8(&a, b->n);
	mlops_add_int8(&a, b->n_missing);
	mlops_add_float8(&a, b->has_moments ? b->min : NAN);
	mlops_add_float8(&a, b->has_moments ? b->max : NAN);
	mlops_add_float8(&a, b->has_moments ? b->mean : NAN);
	mlops_add_float8(&a, b->has_moments ? b->stddev : NAN);
	mlops_add_float8(&a, b->has_moments ? b->skewness : NAN);
	add_float8_array(&a, b->quantiles, b->n_quantiles);
	add_float8_array(&a, b->edges, b->bin_counts ? b->n_edges : -1);
	add_int8_array(&a, b->bin_counts, b->bin_counts ? b->n_edges + 1 : -1);
	add_int8_array(&a, b->width_counts, b->n_widths > 0 ? b->n_widths : -1);
	if (b->category_counts != NULL)
		add_text_array(&a, b->categories, b->n_categories);
	else
		mlops_add_datum(&a, TEXTARRAYOID, (Datum) 0, true);
	add_int8_array(&a, b->category_counts,
				   b->category_counts ? b->n_categories : -1);
	mlops_add_datum(&a, INT8OID, Int64GetDatum(b->n_other),
					b->category_counts == NULL);
	mlops_catalog_execute("INSERT INTO mlops.baseline (version_id, kind,"
						  " feature, n, n_missing, min, max, mean, stddev,"
						  " skewness, quantiles, edges, bin_counts,"
						  " width_counts, categories, category_counts,"
						  " n_other)"
						  " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,"
						  " $11, $12, $13, $14, $15, $16, $17)", &a, NULL);
}

/*
 * Drop what is older than the newest keep_versions, but never what an alias
 * points to, nor what a rollback would return to.
 */
static void
apply_retention(const MlopsModel *model, int newest)
{
	MlopsArguments a = {0};

	mlops_add_int8(&a, model->model_id);
	mlops_add_int4(&a, model->keep_versions);
	mlops_add_text(&a, mlops_current_role());
	mlops_catalog_execute("WITH old AS ("
						  " UPDATE mlops.version SET dropped_at = now(),"
						  "  dropped_by = $3"
						  " WHERE version_id IN ("
						  "  SELECT v.version_id FROM mlops.version v"
						  "  WHERE v.model_id = $1 AND v.dropped_at IS NULL"
						  "  ORDER BY v.version DESC OFFSET $2)"
						  " AND version_id NOT IN ("
						  "  SELECT a.version_id FROM mlops.alias a"
						  "  WHERE a.model_id = $1)"
						  " AND version_id NOT IN ("
						  "  SELECT p.version_id FROM mlops.alias a"
						  "  JOIN mlops.alias_history h USING (history_id)"
						  "  JOIN mlops.alias_history p"
						  "   ON p.history_id = h.previous_id"
						  "  WHERE a.model_id = $1)"
						  " RETURNING version_id)"
						  " DELETE FROM mlops.artefact"
						  " WHERE version_id IN (SELECT version_id FROM old)",
						  &a, NULL);
}

/* Append a float8[], NULL if n is negative. */
static void
add_float8_array(MlopsArguments *arguments, const double *values, int n)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		elements[i] = Float8GetDatum(values[i]);
	mlops_add_datum(arguments, FLOAT8ARRAYOID,
					n < 0 ? (Datum) 0 :
					PointerGetDatum(construct_array(elements, n, FLOAT8OID, 8,
													FLOAT8PASSBYVAL,
													TYPALIGN_DOUBLE)), n < 0);
}

/* Append a bigint[], NULL if n is negative. */
static void
add_int8_array(MlopsArguments *arguments, const int64 *values, int n)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		elements[i] = Int64GetDatum(values[i]);
	mlops_add_datum(arguments, INT8ARRAYOID,
					n < 0 ? (Datum) 0 :
					PointerGetDatum(construct_array(elements, n, INT8OID, 8,
													FLOAT8PASSBYVAL,
													TYPALIGN_DOUBLE)), n < 0);
}

/* Append a text[]. */
static void
add_text_array(MlopsArguments *arguments, char **strings, int n)
{
	mlops_add_datum(arguments, TEXTARRAYOID,
					PointerGetDatum(mlops_text_array((const char *const *) strings, n)),
					false);
}

char *
mlops_sha256_hex(const void *bytes, size_t size)
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	char	   *hex = palloc(2 * sizeof(digest) + 1);

	if (context == NULL || pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, bytes, size) < 0 ||
		pg_cryptohash_final(context, digest, sizeof(digest)) < 0)
		elog(ERROR, "could not compute SHA-256: %s",
			 pg_cryptohash_error(context));
	pg_cryptohash_free(context);
	hex_encode((const char *) digest, sizeof(digest), hex);
	hex[2 * sizeof(digest)] = '\0';
	return hex;
}
