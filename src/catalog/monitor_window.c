/*
 * monitor_window.c
 *		Windows that monitors have looked at, and what was found in them.
 *
 * A window is replaced as a whole: its row is kept and counts its runs, its
 * results go and come anew.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/internal.h"
#include "catalog/monitor.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"

/* Columns by number, as sql/parts/catalog.sql creates them. */
#define Anum_window_monitor_id		1
#define Anum_window_window_start	2
#define Anum_window_window_end		3
#define Anum_window_state			4
#define Anum_window_status			5
#define Anum_window_version			6
#define Anum_window_n_rows			7
#define Anum_window_n_labelled		8
#define Anum_window_error			9
#define Anum_window_error_code		10
#define Anum_window_runs			11
#define Anum_window_computed_at		12
#define Anum_window_seconds			14
#define Anum_window_fingerprint		15

#define Anum_result_monitor_id		1
#define Anum_result_window_start	2
#define Anum_result_measure			3
#define Anum_result_slice			4
#define Anum_result_feature			5
#define Anum_result_metric			6
#define Anum_result_status			7
#define Anum_result_value			8
#define Anum_result_threshold		9
#define Anum_result_ci_low			10
#define Anum_result_ci_high			11
#define Anum_result_n				12
#define Anum_result_importance		13
#define Anum_result_kind			14

static MlopsMonitorWindow *read_window(MlopsScan *scan, HeapTuple tuple);
static MlopsMonitorResult *read_result(MlopsScan *scan, HeapTuple tuple);
static int	compare_starts(const ListCell *a, const ListCell *b);
static int	status_rank(const char *status);
static void key_time(ScanKey key, int column, StrategyNumber strategy,
					 Oid function, TimestampTz value);
static void store_results(MlopsArguments *window, List *results);
static void add_array(MlopsArguments *arguments, Oid array, Oid type,
					  Datum *values, const bool *nulls, int n);

List *
mlops_monitor_windows(int64 monitor_id, TimestampTz from, int most,
					  Snapshot snapshot)
{
	List	   *windows = NIL;
	MlopsScan	scan;
	ScanKeyData keys[2];
	HeapTuple	tuple;

	mlops_key_int8(&keys[0], Anum_window_monitor_id, monitor_id);
	key_time(&keys[1], Anum_window_window_start,
			 BTGreaterEqualStrategyNumber, F_TIMESTAMPTZ_GE, from);
	mlops_scan_begin(&scan, "monitor_window", "monitor_window_pkey",
					 snapshot, 2, keys);
	while (HeapTupleIsValid(tuple = mlops_scan_next(&scan)))
		windows = lappend(windows, read_window(&scan, tuple));
	mlops_scan_end(&scan);
	list_sort(windows, compare_starts);
	if (most > 0 && list_length(windows) > most)
		windows = list_copy_tail(windows, list_length(windows) - most);
	return windows;
}

MlopsMonitorWindow *
mlops_monitor_window(int64 monitor_id, TimestampTz window_start,
					 Snapshot snapshot)
{
	MlopsMonitorWindow *window = NULL;
	MlopsScan	scan;
	ScanKeyData keys[2];
	HeapTuple	tuple;

	mlops_key_int8(&keys[0], Anum_window_monitor_id, monitor_id);
	key_time(&keys[1], Anum_window_window_start, BTEqualStrategyNumber,
			 F_TIMESTAMPTZ_EQ, window_start);
	mlops_scan_begin(&scan, "monitor_window", "monitor_window_pkey",
					 snapshot, 2, keys);
	tuple = mlops_scan_next(&scan);
	if (HeapTupleIsValid(tuple))
		window = read_window(&scan, tuple);
	mlops_scan_end(&scan);
	return window;
}

List *
mlops_monitor_results(int64 monitor_id, TimestampTz window_start,
					  Snapshot snapshot)
{
	List	   *results = NIL;
	MlopsScan	scan;
	ScanKeyData keys[2];
	HeapTuple	tuple;

	mlops_key_int8(&keys[0], Anum_result_monitor_id, monitor_id);
	key_time(&keys[1], Anum_result_window_start, BTEqualStrategyNumber,
			 F_TIMESTAMPTZ_EQ, window_start);
	mlops_scan_begin(&scan, "monitor_result", "monitor_result_pkey",
					 snapshot, 2, keys);
	while (HeapTupleIsValid(tuple = mlops_scan_next(&scan)))
		results = lappend(results, read_result(&scan, tuple));
	mlops_scan_end(&scan);
	return results;
}

const char *
mlops_monitor_status(List *results, const char *measure)
{
	const char *worst = NULL;
	ListCell   *cell;

	foreach(cell, results)
	{
		const MlopsMonitorResult *result = lfirst(cell);

		if (result->feature[0] != '\0' ||
			JB_ROOT_COUNT(result->slice) != 0 ||
			(measure != NULL && strcmp(result->measure, measure) != 0))
			continue;
		if (worst == NULL || status_rank(result->status) > status_rank(worst))
			worst = result->status;
	}
	return worst;
}

void
mlops_monitor_window_store(int64 monitor_id, MlopsMonitorWindow *window,
						   List *results)
{
	MlopsArguments key = {0};
	MlopsArguments a;
	int64		runs = 0;

	window->computed_at = GetCurrentTimestamp();
	mlops_add_int8(&key, monitor_id);
	mlops_add_time(&key, window->window_start);
	a = key;
	mlops_add_time(&a, window->window_end);
	mlops_add_text(&a, window->state);
	mlops_add_text(&a, window->status);
	mlops_add_datum(&a, INT4OID, Int32GetDatum(window->version),
					window->version == 0);
	mlops_add_int8(&a, window->n_rows);
	mlops_add_int8(&a, window->n_labelled);
	mlops_add_text(&a, window->error);
	mlops_add_text(&a, window->error_code);
	mlops_add_time(&a, window->computed_at);
	mlops_add_text(&a, mlops_current_role());
	mlops_add_float8(&a, window->seconds);
	mlops_add_int8(&a, window->fingerprint);
	mlops_catalog_execute("INSERT INTO mlops.monitor_window AS w"
						  " (monitor_id, window_start, window_end, state,"
						  " status, version, n_rows, n_labelled, error,"
						  " error_code, computed_at, computed_by, seconds,"
						  " fingerprint)"
						  " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,"
						  " $11, $12, $13, $14)"
						  " ON CONFLICT (monitor_id, window_start)"
						  " DO UPDATE SET (window_end, state, status,"
						  " version, n_rows, n_labelled, error, error_code,"
						  " runs, computed_at, computed_by, seconds,"
						  " fingerprint) ="
						  " ($3, $4, $5, $6, $7, $8, $9, $10, w.runs + 1,"
						  " $11, $12, $13, $14) RETURNING runs::bigint", &a,
						  &runs);
	window->runs = runs;
	a = key;
	mlops_catalog_execute("DELETE FROM mlops.monitor_result"
						  " WHERE monitor_id = $1 AND window_start = $2",
						  &a, NULL);
	if (results != NIL)
		store_results(&key, results);
}

void
mlops_monitor_window_blame(int64 monitor_id, MlopsMonitorWindow *window)
{
	MlopsArguments a = {0};
	int64		runs = 0;

	mlops_add_int8(&a, monitor_id);
	mlops_add_datum(&a, TIMESTAMPTZOID,
					TimestampTzGetDatum(window->window_start), false);
	mlops_add_text(&a, window->error);
	mlops_add_text(&a, window->error_code);
	mlops_catalog_execute("UPDATE mlops.monitor_window"
						  " SET error = $3, error_code = $4, runs = runs + 1"
						  " WHERE monitor_id = $1 AND window_start = $2"
						  " RETURNING runs::bigint", &a, &runs);
	window->runs = runs;
}

/*
 * A line each: name, value, number of rows.  What counts is the first split
 * that has the metric, then what a retraining found.
 */
List *
mlops_expected_metrics(int64 version_id)
{
	MlopsArguments a = {0};
	List	   *metrics = NIL;
	char	   *text;

	mlops_add_int8(&a, version_id);
	text = mlops_catalog_text("WITH own AS ("
							  " SELECT v.model_id, v.version, v.run_id"
							  " FROM mlops.version v"
							  " WHERE v.version_id = $1),"
							  " found AS ("
							  " SELECT d.challenger, d.metric,"
							  "  d.challenger_value, d.n_rows FROM own"
							  " JOIN mlops.decision d"
							  "  ON d.model_id = own.model_id"
							  "  AND d.refitted = own.version"
							  " ORDER BY d.decision_id DESC LIMIT 1),"
							  " runs AS ("
							  " SELECT run_id, 0 AS later FROM own"
							  " UNION ALL"
							  " SELECT v.run_id, 3 FROM own, found,"
							  "  mlops.version v"
							  " WHERE v.model_id = own.model_id"
							  "  AND v.version = found.challenger),"
							  " known AS ("
							  " SELECT m.name, m.value, r.rows_test AS n,"
							  "  x.later + 1 AS place"
							  " FROM runs x JOIN mlops.run r USING (run_id)"
							  " JOIN mlops.metric m USING (run_id)"
							  " WHERE m.split = 'test' AND r.rows_test > 0"
							  " UNION ALL"
							  " SELECT m.name, m.value, r.rows_validation,"
							  "  x.later + 2"
							  " FROM runs x JOIN mlops.run r USING (run_id)"
							  " JOIN mlops.metric m USING (run_id)"
							  " WHERE m.split = 'validation'"
							  "  AND r.rows_validation > 0"
							  " UNION ALL"
							  " SELECT metric, challenger_value, n_rows, 3"
							  " FROM found"
							  " WHERE metric IS NOT NULL AND n_rows > 0),"
							  " best AS ("
							  " SELECT DISTINCT ON (name) name, value, n"
							  " FROM known WHERE value IS NOT NULL"
							  " ORDER BY name, place)"
							  " SELECT string_agg(format('%s %s %s', name,"
							  "  value, n), E'\\n' ORDER BY name) FROM best",
							  &a);
	for (char *line = text; line != NULL && *line != '\0';)
	{
		MlopsExpectedMetric *metric = palloc0(sizeof(MlopsExpectedMetric));
		size_t		length = strcspn(line, " ");

		metric->name = pnstrdup(line, length);
		metric->value = strtod(line + length, &line);
		metric->n = strtoll(line, &line, 10);
		metrics = lappend(metrics, metric);
		if (*line == '\n')
			line++;
	}
	return metrics;
}

/* A window out of its row. */
static MlopsMonitorWindow *
read_window(MlopsScan *scan, HeapTuple tuple)
{
	MlopsMonitorWindow *window = palloc0(sizeof(MlopsMonitorWindow));

	window->window_start = mlops_scan_time(scan, tuple,
										   Anum_window_window_start);
	window->window_end = mlops_scan_time(scan, tuple, Anum_window_window_end);
	window->state = mlops_scan_text(scan, tuple, Anum_window_state);
	window->status = mlops_scan_text(scan, tuple, Anum_window_status);
	window->version = mlops_scan_int4(scan, tuple, Anum_window_version);
	window->n_rows = mlops_scan_int8(scan, tuple, Anum_window_n_rows);
	window->n_labelled = mlops_scan_int8(scan, tuple, Anum_window_n_labelled);
	window->error = mlops_scan_text(scan, tuple, Anum_window_error);
	window->error_code = mlops_scan_text(scan, tuple, Anum_window_error_code);
	window->runs = mlops_scan_int4(scan, tuple, Anum_window_runs);
	window->computed_at = mlops_scan_time(scan, tuple,
										  Anum_window_computed_at);
	window->seconds = mlops_scan_float8(scan, tuple, Anum_window_seconds);
	window->fingerprint = mlops_scan_int8(scan, tuple,
										  Anum_window_fingerprint);
	return window;
}

/* A result out of its row. */
static MlopsMonitorResult *
read_result(MlopsScan *scan, HeapTuple tuple)
{
	MlopsMonitorResult *result = palloc0(sizeof(MlopsMonitorResult));

	result->measure = mlops_scan_text(scan, tuple, Anum_result_measure);
	result->slice = mlops_scan_json(scan, tuple, Anum_result_slice);
	result->feature = mlops_scan_text(scan, tuple, Anum_result_feature);
	result->kind = mlops_scan_text(scan, tuple, Anum_result_kind);
	result->metric = mlops_scan_text(scan, tuple, Anum_result_metric);
	result->status = mlops_scan_text(scan, tuple, Anum_result_status);
	result->value = mlops_scan_float8(scan, tuple, Anum_result_value);
	result->threshold = mlops_scan_float8(scan, tuple, Anum_result_threshold);
	result->ci_low = mlops_scan_float8(scan, tuple, Anum_result_ci_low);
	result->ci_high = mlops_scan_float8(scan, tuple, Anum_result_ci_high);
	result->n = mlops_scan_int8(scan, tuple, Anum_result_n);
	result->importance = mlops_scan_float8(scan, tuple,
										   Anum_result_importance);
	return result;
}

/* list_sort() comparator of windows in the order of time. */
static int
compare_starts(const ListCell *a, const ListCell *b)
{
	TimestampTz left = ((MlopsMonitorWindow *) lfirst(a))->window_start;
	TimestampTz right = ((MlopsMonitorWindow *) lfirst(b))->window_start;

	return left < right ? -1 : left > right;
}

/* How bad a status is. */
static int
status_rank(const char *status)
{
	static const char *const names[] = {
		"insufficient data", "none", "potential", "detected"
	};
	int			rank = lengthof(names) - 1;

	while (rank > 0 && strcmp(names[rank], status) != 0)
		rank--;
	return rank;
}

/* A key of a time. */
static void
key_time(ScanKey key, int column, StrategyNumber strategy, Oid function,
		 TimestampTz value)
{
	ScanKeyInit(key, column, strategy, function, TimestampTzGetDatum(value));
}

/* Write results with one statement; a has the key of their window. */
static void
store_results(MlopsArguments *a, List *results)
{
	static const Oid types[] = {
		TEXTOID, JSONBOID, TEXTOID, TEXTOID, TEXTOID, FLOAT8OID, FLOAT8OID,
		FLOAT8OID, FLOAT8OID, INT8OID, FLOAT8OID, TEXTOID
	};
	int			n = list_length(results);
	Datum	   *values[lengthof(types)];
	bool	   *nulls[lengthof(types)];

	for (int k = 0; k < lengthof(types); k++)
	{
		values[k] = palloc(sizeof(Datum) * n);
		nulls[k] = palloc0(sizeof(bool) * n);
	}
	for (int i = 0; i < n; i++)
	{
		const MlopsMonitorResult *r = list_nth(results, i);
		const double numbers[] = {r->value, r->threshold, r->ci_low,
		r->ci_high};

		values[0][i] = CStringGetTextDatum(r->measure);
		values[1][i] = JsonbPGetDatum(r->slice);
		values[2][i] = CStringGetTextDatum(r->feature);
		values[3][i] = CStringGetTextDatum(r->metric);
		values[4][i] = CStringGetTextDatum(r->status);
		for (int k = 0; k < lengthof(numbers); k++)
		{
			values[5 + k][i] = Float8GetDatum(numbers[k]);
			nulls[5 + k][i] = isnan(numbers[k]);
		}
		values[9][i] = Int64GetDatum(r->n);
		values[10][i] = Float8GetDatum(r->importance);
		nulls[10][i] = isnan(r->importance);
		values[11][i] = CStringGetTextDatum(r->kind);
	}
	for (int k = 0; k < lengthof(types); k++)
		add_array(a, types[k] == TEXTOID ? TEXTARRAYOID :
				  types[k] == JSONBOID ? JSONBARRAYOID :
				  types[k] == INT8OID ? INT8ARRAYOID : FLOAT8ARRAYOID,
				  types[k], values[k], nulls[k], n);
	mlops_catalog_execute("INSERT INTO mlops.monitor_result (monitor_id,"
						  " window_start, measure, slice, feature, metric,"
						  " status, value, threshold, ci_low, ci_high, n,"
						  " importance, kind)"
						  " SELECT $1, $2, r.* FROM unnest($3, $4, $5, $6,"
						  " $7, $8, $9, $10, $11, $12, $13, $14) AS r", a,
						  NULL);
}

/* Append an array. */
static void
add_array(MlopsArguments *arguments, Oid array, Oid type, Datum *values,
		  const bool *nulls, int n)
{
	int			bound = 1;
	bool		varlena = type == TEXTOID || type == JSONBOID;
	ArrayType  *elements;

	elements = construct_md_array(values, unconstify(bool *, nulls), 1, &n,
								  &bound, type, varlena ? -1 : 8,
								  varlena ? false : FLOAT8PASSBYVAL,
								  varlena ? TYPALIGN_INT : TYPALIGN_DOUBLE);
	mlops_add_datum(arguments, array, PointerGetDatum(elements), false);
}
