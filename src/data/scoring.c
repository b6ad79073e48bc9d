/*
 * scoring.c
 *		Predictions of a source kept in a table.
 *
 * One statement does the work: it predicts every row of the source that may
 * have changed, joins what the table holds already, and writes the rows that
 * are new, whose features have another hash, or which another version has
 * scored.  Rows that stay as they are are not touched, so that a call over
 * unchanged rows writes nothing.
 *
 * A lock on the table's name is held until the transaction ends: a second
 * call waits, and then finds nothing left to do.  It takes its snapshot after
 * the lock.  Everything runs with the caller's rights.
 */
#include "postgres.h"

#include "base/base.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "data/scoring.h"
#include "data/source.h"
#include "executor/spi.h"
#include "math/hash.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

/* Columns of the table besides the key and those that are copied. */
typedef struct OwnColumn
{
	const char *name;
	const char *type;
	Oid			type_id;
	const char *value;			/* in the statement that fills it */
} OwnColumn;

static const OwnColumn own_columns[] = {
	{"prediction", "double precision", FLOAT8OID, "(s._mlops_scored).prediction"},
	{"label", "text", TEXTOID, "(s._mlops_scored).label"},
	{"probability", "double precision", FLOAT8OID, "(s._mlops_scored).probability"},
	{"reasons", "text", TEXTOID, "(s._mlops_scored).reasons"},
	{"model", "text", TEXTOID, "(s._mlops_scored).model"},
	{"version", "integer", INT4OID, "(s._mlops_scored).version"},
	{"input_hash", "bigint", INT8OID, "(s._mlops_scored).input_hash"},
	{"scored_at", "timestamp with time zone", TIMESTAMPTZOID,
	"pg_catalog.now()"}
};

static RangeVar *table_name(const char *text);
static char *qualified_name(const RangeVar *name);
static List *copied_columns(const MlopsScoring *scoring);
static bool is_own_column(const MlopsScoring *scoring, const OwnColumn *own);
static void check_names(const MlopsScoring *scoring);
static void create_table(const MlopsScoring *scoring,
						 const MlopsSource *source);
static void check_table(const MlopsScoring *scoring,
						const MlopsSource *source, Oid table);
static void check_column(const MlopsScoring *scoring, Oid table,
						 const char *name, Oid type);
static void check_changed_at(const MlopsScoring *scoring,
							 const MlopsSource *source);
static char *source_rows(const MlopsScoring *scoring,
						 const MlopsSource *source,
						 const MlopsSignature *signature);
static char *same_key(const MlopsScoring *scoring, const char *left,
					  const char *right);
static char *to_read_all(const MlopsScoring *scoring, const char *reference);
static char *scoring_statement(const MlopsScoring *scoring,
							   const MlopsSource *source,
							   const MlopsSignature *signature,
							   const char *reference, bool all);
static void append_names(StringInfo text, List *names, const char *prefix);
static List *add_name(List *names, const char *name);
static SPITupleTable *execute(const char *statement, int n, Oid *types,
							  Datum *values);

void
mlops_scoring_open(MlopsScoring *scoring)
{
	MlopsSource *source = mlops_source_open(scoring->source);
	RangeVar   *name = table_name(scoring->table);
	Oid			table;

	check_names(scoring);
	check_changed_at(scoring, source);
	scoring->target = qualified_name(name);
	DirectFunctionCall1(pg_advisory_xact_lock_int8,
						Int64GetDatum((int64) mlops_hash_bytes(scoring->target,
															   strlen(scoring->target),
															   0)));
	table = RangeVarGetRelid(name, AccessShareLock, true);
	scoring->created = !OidIsValid(table);
	if (scoring->created)
		create_table(scoring, source);
	else
		check_table(scoring, source, table);
}

void
mlops_scoring_run(MlopsScoring *scoring, const char *reference,
				  const MlopsPredictor *predictor)
{
	MlopsSource *source = mlops_source_open(scoring->source);
	SPITupleTable *result;
	bool		all = scoring->full || scoring->created ||
		scoring->changed_at == NULL;
	bool		null;

	SPI_connect();
	if (!all)
	{
		result = execute(to_read_all(scoring, reference), 0, NULL, NULL);
		all = result->numvals > 0;
	}
	result = execute(scoring_statement(scoring, source,
									   predictor->signature, reference, all),
					 all ? 0 : 1, (Oid[]) {INTERVALOID},
					 (Datum[]) {IntervalPGetDatum(scoring->lookback)});
	scoring->inserted =
		DatumGetInt64(SPI_getbinval(result->vals[0], result->tupdesc, 1,
									&null));
	scoring->updated =
		DatumGetInt64(SPI_getbinval(result->vals[0], result->tupdesc, 2,
									&null));
	if (scoring->prune)
	{
		(void) execute(psprintf("DELETE FROM %s t WHERE NOT EXISTS"
								" (SELECT FROM (SELECT * FROM %s) s WHERE %s)",
								scoring->target, source->from,
								same_key(scoring, "s", "t")),
					   0, NULL, NULL);
		scoring->removed = SPI_processed;
	}
	SPI_finish();
}

/* The table's name out of its text. */
static RangeVar *
table_name(const char *text)
{
	List	   *names = mlops_name_parts(text, 3);

	if (names == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("into_table is no name of a table"),
				 errdetail("Given is: \"%s\".", text),
				 errhint("Pass a name such as scores or public.scores.")));
	return makeRangeVarFromNameList(names);
}

/*
 * The name of the table, which may not be there yet, with its schema and
 * quoted: two ways to write it are one name.
 */
static char *
qualified_name(const RangeVar *name)
{
	Oid			table = RangeVarGetRelid(name, NoLock, true);
	Oid			schema = OidIsValid(table) ? get_rel_namespace(table) :
		RangeVarGetCreationNamespace(name);

	return pstrdup(quote_qualified_identifier(get_namespace_name(schema),
											  name->relname));
}

/* Columns that the table takes over from the source, the key first. */
static List *
copied_columns(const MlopsScoring *scoring)
{
	List	   *names = list_copy(scoring->key);
	ListCell   *cell;

	foreach(cell, scoring->columns)
		names = add_name(names, lfirst(cell));
	if (scoring->changed_at != NULL)
		names = add_name(names, scoring->changed_at);
	return names;
}

/* Append a name that is not in the list yet. */
static List *
add_name(List *names, const char *name)
{
	ListCell   *cell;

	foreach(cell, names)
		if (strcmp(lfirst(cell), name) == 0)
			return names;
	return lappend(names, pstrdup(name));
}

/* Reasons are a column only if they are asked for. */
static bool
is_own_column(const MlopsScoring *scoring, const OwnColumn *own)
{
	return scoring->reasons > 0 || strcmp(own->name, "reasons") != 0;
}

/*
 * 42701 if a column of the key is listed twice, or a copied column would
 * collide with one of the result.
 */
static void
check_names(const MlopsScoring *scoring)
{
	List	   *key = NIL;
	ListCell   *cell;

	foreach(cell, scoring->key)
	{
		key = add_name(key, lfirst(cell));
		if (list_length(key) <= foreach_current_index(cell))
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("column \"%s\" is listed twice",
							(char *) lfirst(cell)),
					 errhint("Name each column of the key once.")));
	}
	foreach(cell, copied_columns(scoring))
		for (int i = 0; i < lengthof(own_columns); i++)
			if (strcmp(lfirst(cell), own_columns[i].name) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_COLUMN),
						 errmsg("column \"%s\" would be there twice",
								own_columns[i].name),
						 errhint("Rename it in a query that is the source.")));
}

/* 42804 unless changed_at is a moment. */
static void
check_changed_at(const MlopsScoring *scoring, const MlopsSource *source)
{
	Oid			type;

	if (scoring->changed_at == NULL)
		return;
	type = source->columns[mlops_source_column(source,
											   scoring->changed_at)].type;
	type = getBaseType(type);
	if (type != TIMESTAMPTZOID && type != TIMESTAMPOID && type != DATEOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("changed_at \"%s\" is no date or timestamp",
						scoring->changed_at),
				 errdetail("It is of type %s.", format_type_be(type))));
}

/* Make the table, with the key as its primary key. */
static void
create_table(const MlopsScoring *scoring, const MlopsSource *source)
{
	StringInfoData statement;
	ListCell   *cell;

	initStringInfo(&statement);
	appendStringInfo(&statement, "CREATE TABLE %s (", scoring->target);
	foreach(cell, copied_columns(scoring))
	{
		const MlopsColumn *column =
			&source->columns[mlops_source_column(source, lfirst(cell))];

		appendStringInfo(&statement, "%s %s, ",
						 quote_identifier(column->name),
						 format_type_be_qualified(column->type));
	}
	for (int i = 0; i < lengthof(own_columns); i++)
		if (is_own_column(scoring, &own_columns[i]))
			appendStringInfo(&statement, "%s %s, ", own_columns[i].name,
							 own_columns[i].type);
	appendStringInfoString(&statement, "PRIMARY KEY (");
	append_names(&statement, scoring->key, "");
	appendStringInfoString(&statement, "))");

	mlops_statement_execute(statement.data);
}

/* The table must have all columns, and a unique index on the key. */
static void
check_table(const MlopsScoring *scoring, const MlopsSource *source,
			Oid table)
{
	const char *unique =
		"SELECT 1 FROM pg_catalog.pg_index i"
		" WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid"
		" AND i.indpred IS NULL AND i.indexprs IS NULL AND"
		" ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a"
		" WHERE a.attrelid = $1 AND a.attnum = ANY"
		" ((i.indkey::int2[])[0:i.indnkeyatts - 1]) ORDER BY a.attname)"
		" = ARRAY(SELECT k FROM pg_catalog.unnest($2) k"
		" ORDER BY k COLLATE \"C\")";
	const char **key = palloc(sizeof(char *) * list_length(scoring->key));
	SPITupleTable *found;
	ListCell   *cell;

	foreach(cell, copied_columns(scoring))
		check_column(scoring, table, lfirst(cell),
					 source->columns[mlops_source_column(source,
														 lfirst(cell))].type);
	for (int i = 0; i < lengthof(own_columns); i++)
		if (is_own_column(scoring, &own_columns[i]))
			check_column(scoring, table, own_columns[i].name,
						 own_columns[i].type_id);

	foreach(cell, scoring->key)
		key[foreach_current_index(cell)] = lfirst(cell);
	SPI_connect();
	found = execute(unique, 2, (Oid[]) {OIDOID, TEXTARRAYOID},
					(Datum[]) {ObjectIdGetDatum(table),
							   PointerGetDatum(mlops_text_array(key,
																list_length(scoring->key)))});
	if (found->numvals == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
				 errmsg("table %s has no unique index on the key",
						scoring->target),
				 errhint("Create one, or name a table that is not there yet.")));
	SPI_finish();
}

/* One column of a table that is there already. */
static void
check_column(const MlopsScoring *scoring, Oid table, const char *name,
			 Oid type)
{
	AttrNumber	column = get_attnum(table, name);

	if (column == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("table %s has no column \"%s\"", scoring->target,
						name),
				 errhint("Add the column, of type %s, or name a table that is not there yet.",
						 format_type_be(type))));
	if (get_atttype(table, column) != type)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of table %s has another type", name,
						scoring->target),
				 errdetail("It is %s, and would have to be %s.",
						   format_type_be(get_atttype(table, column)),
						   format_type_be(type))));
}

/* A SELECT of the columns that are copied or that the version needs. */
static char *
source_rows(const MlopsScoring *scoring, const MlopsSource *source,
			const MlopsSignature *signature)
{
	List	   *names = copied_columns(scoring);
	StringInfoData text;
	ListCell   *cell;

	for (int i = 0; i < signature->n_inputs; i++)
		names = add_name(names, signature->inputs[i].name);
	foreach(cell, names)
		(void) mlops_source_column(source, lfirst(cell));
	initStringInfo(&text);
	appendStringInfoString(&text, "SELECT ");
	append_names(&text, names, "");
	appendStringInfo(&text, " FROM %s", source->from);
	return text.data;
}

/* A condition: two rows have one key. */
static char *
same_key(const MlopsScoring *scoring, const char *left, const char *right)
{
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	foreach(cell, scoring->key)
	{
		const char *name = quote_identifier(lfirst(cell));

		appendStringInfo(&text, "%s%s.%s = %s.%s",
						 text.len > 0 ? " AND " : "", left, name, right,
						 name);
	}
	return text.data;
}

/*
 * A query that has a row if all rows are to be read: the table has no moment
 * to begin from, or not all of it is of the version.
 */
static char *
to_read_all(const MlopsScoring *scoring, const char *reference)
{
	MlopsReference version = mlops_reference_parse(reference);

	return psprintf("SELECT 1 WHERE NOT EXISTS (SELECT FROM %s t"
					" WHERE t.%s IS NOT NULL) OR EXISTS (SELECT FROM %s t"
					" WHERE t.version IS DISTINCT FROM %d"
					" OR t.model IS DISTINCT FROM %s)",
					scoring->target, quote_identifier(scoring->changed_at),
					scoring->target, version.version,
					quote_literal_cstr(version.model));
}

/*
 * The statement; its one row counts what is new and what was there.  Unless
 * all rows are read, $1 is the interval to look back.
 */
static char *
scoring_statement(const MlopsScoring *scoring, const MlopsSource *source,
				  const MlopsSignature *signature, const char *reference,
				  bool all)
{
	List	   *copied = copied_columns(scoring);
	List	   *names = list_copy(copied);
	const char *key = quote_identifier(linitial(scoring->key));
	StringInfoData text;
	ListCell   *cell;

	for (int i = 0; i < lengthof(own_columns); i++)
		if (is_own_column(scoring, &own_columns[i]))
			names = lappend(names, pstrdup(own_columns[i].name));

	initStringInfo(&text);
	appendStringInfoString(&text, "WITH fresh AS MATERIALIZED (SELECT ");
	append_names(&text, copied, "s.");
	for (int i = 0; i < lengthof(own_columns); i++)
		if (is_own_column(scoring, &own_columns[i]))
			appendStringInfo(&text, ", %s AS %s", own_columns[i].value,
							 own_columns[i].name);
	appendStringInfo(&text,
					 ", o.%s IS NOT NULL AS _mlops_known"
					 " FROM (SELECT q.*, mlops._score(%s, q.*%s) AS _mlops_scored"
					 " FROM (%s",
					 key, quote_literal_cstr(reference),
					 scoring->reasons > 0 ?
					 psprintf(", %d", scoring->reasons) : "",
					 source_rows(scoring, source, signature));
	appendStringInfoString(&text, ") q");
	if (!all)
		appendStringInfo(&text,
						 " WHERE q.%s >= (SELECT pg_catalog.max(w.%s) FROM %s w) - $1",
						 quote_identifier(scoring->changed_at),
						 quote_identifier(scoring->changed_at),
						 scoring->target);
	/* predict each row once, however often its parts are used */
	appendStringInfo(&text,
					 " OFFSET 0) s LEFT JOIN %s o ON %s"
					 " WHERE o.%s IS NULL"
					 " OR o.version IS DISTINCT FROM (s._mlops_scored).version"
					 " OR o.model IS DISTINCT FROM (s._mlops_scored).model"
					 " OR o.input_hash IS DISTINCT FROM (s._mlops_scored).input_hash",
					 scoring->target, same_key(scoring, "s", "o"), key);
	foreach(cell, copied)
		if (foreach_current_index(cell) >= list_length(scoring->key))
			appendStringInfo(&text, " OR s.%s::text IS DISTINCT FROM o.%s::text",
							 quote_identifier(lfirst(cell)),
							 quote_identifier(lfirst(cell)));

	appendStringInfo(&text, "), written AS (INSERT INTO %s AS t (",
					 scoring->target);
	append_names(&text, names, "");
	appendStringInfoString(&text, ") SELECT ");
	append_names(&text, names, "f.");
	appendStringInfoString(&text, " FROM fresh f ON CONFLICT (");
	append_names(&text, scoring->key, "");
	appendStringInfoString(&text, ") DO UPDATE SET ");
	foreach(cell, names)
	{
		const char *name = quote_identifier(lfirst(cell));

		if (foreach_current_index(cell) >= list_length(scoring->key))
			appendStringInfo(&text, "%s = EXCLUDED.%s%s", name, name,
							 lnext(names, cell) ? ", " : "");
	}
	appendStringInfoString(&text,
						   ") SELECT pg_catalog.count(*) FILTER (WHERE NOT f._mlops_known),"
						   " pg_catalog.count(*) FILTER (WHERE f._mlops_known) FROM fresh f");
	return text.data;
}

/* Quoted names, each behind the prefix, with commas between them. */
static void
append_names(StringInfo text, List *names, const char *prefix)
{
	ListCell   *cell;

	foreach(cell, names)
		appendStringInfo(text, "%s%s%s",
						 cell == list_head(names) ? "" : ", ", prefix,
						 quote_identifier(lfirst(cell)));
}

/* Run a statement inside of SPI; SPI_processed tells its rows. */
static SPITupleTable *
execute(const char *statement, int n, Oid *types, Datum *values)
{
	int			status = SPI_execute_with_args(statement, n, types, values,
											   NULL, false, 0);

	if (status < 0)
		elog(ERROR, "SPI_execute_with_args failed: %s",
			 SPI_result_code_string(status));
	return SPI_tuptable;
}
