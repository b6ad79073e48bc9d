/*
 * alert.c
 *		Rules of alerts, and alerts.
 *
 * Read by index scans, so that a window that is judged sees what the same
 * transaction wrote of the window before it, and what others committed.
 */
#include "postgres.h"

#include "catalog/alert.h"
#include "catalog/internal.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

/* Columns of mlops.alert_rule, by number. */
enum
{
	RULE_RULE_ID = 1, RULE_NAME, RULE_MODEL_ID, RULE_EVENTS, RULE_METRICS,
	RULE_FEATURES, RULE_LEAST_STATUS, RULE_SEVERITY, RULE_MIN_COUNT,
	RULE_PERIOD, RULE_COOLDOWN, RULE_AUTO_RESET, RULE_ENABLED
};

/* And of mlops.alert. */
enum
{
	ALERT_ALERT_ID = 1, ALERT_RULE_ID, ALERT_MODEL_ID, ALERT_RULE,
	ALERT_EVENT, ALERT_SUBJECT, ALERT_SEVERITY, ALERT_STATE, ALERT_N_SEEN,
	ALERT_FIRST_SEEN_AT, ALERT_LAST_SEEN_AT, ALERT_RAISED_AT,
	ALERT_RESOLVED_AT, ALERT_ACKNOWLEDGED_AT, ALERT_ACKNOWLEDGED_BY,
	ALERT_NOTE, ALERT_MESSAGE, ALERT_DETAILS, ALERT_SLICE, ALERT_FEATURE,
	ALERT_RAISED_FOR, ALERT_SEEN_AT
};

static void keep_rules(int64 model_id);
static MlopsAlertRule *read_rule(MlopsScan *scan, HeapTuple tuple);
static void find_alerts(List **alerts, int64 rule_id, const char *subject,
						const char *index, int column, TimestampTz since);
static MlopsAlert *read_alert(MlopsScan *scan, HeapTuple tuple);
static char *read_json(MlopsScan *scan, HeapTuple tuple, int column);
static void read_times(MlopsAlert *alert, MlopsScan *scan, HeapTuple tuple);
static void add_times(MlopsArguments *arguments, const MlopsAlert *alert);
static void add_alert(MlopsArguments *arguments, const MlopsAlert *alert);
static int	compare_rules(const ListCell *a, const ListCell *b);
static int	compare_alerts(const ListCell *a, const ListCell *b);

List *
mlops_alert_rules(int64 model_id)
{
	List	   *rules = NIL;
	MlopsScan	scan;
	ScanKeyData key;
	HeapTuple	tuple;

	keep_rules(model_id);
	mlops_key_int8(&key, RULE_MODEL_ID, model_id);
	mlops_scan_begin(&scan, "alert_rule", "alert_rule_model_id", NULL, 1,
					 &key);
	while (HeapTupleIsValid(tuple = mlops_scan_next(&scan)))
		if (mlops_scan_bool(&scan, tuple, RULE_ENABLED))
			rules = lappend(rules, read_rule(&scan, tuple));
	mlops_scan_end(&scan);
	list_sort(rules, compare_rules);
	return rules;
}

MlopsAlertRule *
mlops_alert_rule_lookup(const char *name)
{
	MlopsAlertRule *rule = NULL;
	MlopsScan	scan;
	ScanKeyData key;
	HeapTuple	tuple;

	mlops_key_text(&key, RULE_NAME, name);
	mlops_scan_begin(&scan, "alert_rule", "alert_rule_name_key", NULL, 1,
					 &key);
	if (HeapTupleIsValid(tuple = mlops_scan_next(&scan)))
		rule = read_rule(&scan, tuple);
	mlops_scan_end(&scan);
	return rule;
}

bool
mlops_alert_rule_insert(MlopsAlertRule *rule)
{
	MlopsArguments a = {0};

	mlops_add_text(&a, rule->name);
	mlops_add_int8(&a, rule->model_id);
	mlops_add_names(&a, rule->events, true);
	mlops_add_names(&a, rule->metrics, true);
	mlops_add_names(&a, rule->features, true);
	mlops_add_text(&a, rule->least_status);
	mlops_add_text(&a, rule->severity);
	mlops_add_int4(&a, rule->min_count);
	mlops_add_interval(&a, rule->period);
	mlops_add_interval(&a, rule->cooldown);
	mlops_add_bool(&a, rule->auto_reset);
	mlops_add_text(&a, mlops_current_role());
	return mlops_catalog_execute("INSERT INTO mlops.alert_rule (name,"
								 " model_id, events, metrics, features,"
								 " least_status, severity, min_count, period,"
								 " cooldown, auto_reset, created_by)"
								 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8,"
								 " $9, $10, $11, $12)"
								 " ON CONFLICT (name) DO NOTHING"
								 " RETURNING rule_id", &a,
								 &rule->rule_id) > 0;
}

void
mlops_alert_rule_delete(const MlopsAlertRule *rule)
{
	MlopsArguments a = {0};

	mlops_add_int8(&a, rule->rule_id);
	mlops_catalog_execute("SELECT 1::bigint FROM mlops.alert_rule"
						  " WHERE rule_id = $1 FOR UPDATE", &a, NULL);
	mlops_catalog_execute("DELETE FROM mlops.alert"
						  " WHERE rule_id = $1 AND state = 'pending'", &a,
						  NULL);
	mlops_catalog_execute("UPDATE mlops.alert SET state = 'resolved',"
						  " resolved_at = clock_timestamp()"
						  " WHERE rule_id = $1 AND state <> 'resolved'", &a,
						  NULL);
	mlops_catalog_execute("DELETE FROM mlops.alert_rule WHERE rule_id = $1",
						  &a, NULL);
}

bool
mlops_model_has_feature(int64 model_id, const char *feature)
{
	MlopsArguments a = {0};

	mlops_add_int8(&a, model_id);
	mlops_add_text(&a, feature);
	return mlops_catalog_execute("SELECT 1::bigint FROM mlops.baseline b"
								 " JOIN mlops.version v USING (version_id)"
								 " WHERE v.model_id = $1 AND b.feature = $2"
								 " LIMIT 1", &a, NULL) > 0;
}

List *
mlops_alerts_of(int64 rule_id, const char *subject, TimestampTz since)
{
	List	   *found = NIL;
	List	   *alerts = NIL;
	ListCell   *cell;

	find_alerts(&found, rule_id, subject, "alert_unresolved", 0, 0);
	find_alerts(&found, rule_id, subject, "alert_last_seen_at",
				ALERT_LAST_SEEN_AT, since);
	find_alerts(&found, rule_id, subject, "alert_raised_for",
				ALERT_RAISED_FOR, since);
	list_sort(found, compare_alerts);
	foreach(cell, found)
		if (alerts == NIL || compare_alerts(list_tail(alerts), cell) != 0)
			alerts = lappend(alerts, lfirst(cell));
	return alerts;
}

MlopsAlert *
mlops_alert_lookup(int64 alert_id)
{
	MlopsAlert *alert = NULL;
	MlopsScan	scan;
	ScanKeyData key;
	HeapTuple	tuple;

	mlops_key_int8(&key, ALERT_ALERT_ID, alert_id);
	mlops_scan_begin(&scan, "alert", "alert_pkey", NULL, 1, &key);
	if (HeapTupleIsValid(tuple = mlops_scan_next(&scan)))
		alert = read_alert(&scan, tuple);
	mlops_scan_end(&scan);
	return alert;
}

void
mlops_alert_store(MlopsAlert *alert)
{
	MlopsArguments a = {0};

	add_alert(&a, alert);
	if (alert->alert_id == 0)
		mlops_catalog_execute("INSERT INTO mlops.alert (rule_id, model_id,"
							  " rule, event, subject, slice, feature,"
							  " severity, state, n_seen, first_seen_at,"
							  " last_seen_at, raised_at, raised_for,"
							  " resolved_at, message, details, seen_at)"
							  " VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7,"
							  " $8, $9, $10, $11, $12, $13, $14, $15, $16,"
							  " $17::jsonb, $18) RETURNING alert_id", &a,
							  &alert->alert_id);
	else
	{
		mlops_add_int8(&a, alert->alert_id);
		mlops_catalog_execute("UPDATE mlops.alert SET rule_id = $1,"
							  " model_id = $2, rule = $3, event = $4,"
							  " subject = $5, slice = $6::jsonb,"
							  " feature = $7, severity = $8, state = CASE"
							  " WHEN state = 'acknowledged' AND $9 = 'open'"
							  " THEN state ELSE $9 END, n_seen = $10,"
							  " first_seen_at = $11, last_seen_at = $12,"
							  " raised_at = $13, raised_for = $14,"
							  " resolved_at = $15, message = $16,"
							  " details = $17::jsonb, seen_at = $18"
							  " WHERE alert_id = $19", &a, NULL);
	}
}

void
mlops_alert_acknowledge(const MlopsAlert *alert, const char *note,
						bool resolve)
{
	MlopsArguments a = {0};

	mlops_add_int8(&a, alert->alert_id);
	mlops_add_text(&a, mlops_current_role());
	mlops_add_text(&a, note);
	mlops_add_bool(&a, resolve);
	mlops_catalog_execute("UPDATE mlops.alert SET"
						  " acknowledged_at = clock_timestamp(),"
						  " acknowledged_by = $2, note = COALESCE($3, note),"
						  " state = CASE WHEN $4 THEN 'resolved'"
						  " WHEN state = 'open' THEN 'acknowledged'"
						  " ELSE state END,"
						  " resolved_at = CASE WHEN $4 THEN"
						  " COALESCE(resolved_at, clock_timestamp())"
						  " ELSE resolved_at END"
						  " WHERE alert_id = $1", &a, NULL);
}

void
mlops_alert_delete(const MlopsAlert *alert)
{
	MlopsArguments a = {0};

	mlops_add_int8(&a, alert->alert_id);
	mlops_catalog_execute("DELETE FROM mlops.alert WHERE alert_id = $1", &a,
						  NULL);
}

void
mlops_alerts_forget(int64 model_id, const char *subject)
{
	MlopsArguments a = {0};

	mlops_add_int8(&a, model_id);
	mlops_add_text(&a, subject);
	mlops_catalog_execute("DELETE FROM mlops.alert WHERE model_id = $1"
						  " AND subject = $2 AND state = 'pending'", &a, NULL);
	mlops_catalog_execute("UPDATE mlops.alert SET state = 'resolved',"
						  " resolved_at = clock_timestamp()"
						  " WHERE model_id = $1 AND subject = $2"
						  " AND state <> 'resolved'", &a, NULL);
}

/*
 * Keep the rules of a model from being dropped until the transaction ends: who
 * drops one changes its alerts, in another order than who judges windows.
 */
static void
keep_rules(int64 model_id)
{
	MlopsArguments a = {0};

	mlops_add_int8(&a, model_id);
	mlops_catalog_execute("SELECT 1::bigint FROM mlops.alert_rule"
						  " WHERE model_id = $1 FOR KEY SHARE", &a, NULL);
}

/* A row of mlops.alert_rule as a struct. */
static MlopsAlertRule *
read_rule(MlopsScan *scan, HeapTuple tuple)
{
	MlopsAlertRule *rule = palloc0(sizeof(MlopsAlertRule));

	rule->rule_id = mlops_scan_int8(scan, tuple, RULE_RULE_ID);
	rule->name = mlops_scan_text(scan, tuple, RULE_NAME);
	rule->model_id = mlops_scan_int8(scan, tuple, RULE_MODEL_ID);
	rule->events = mlops_scan_names(scan, tuple, RULE_EVENTS);
	rule->metrics = mlops_scan_names(scan, tuple, RULE_METRICS);
	rule->features = mlops_scan_names(scan, tuple, RULE_FEATURES);
	rule->least_status = mlops_scan_text(scan, tuple, RULE_LEAST_STATUS);
	rule->severity = mlops_scan_text(scan, tuple, RULE_SEVERITY);
	rule->min_count = mlops_scan_int4(scan, tuple, RULE_MIN_COUNT);
	rule->period = mlops_scan_interval(scan, tuple, RULE_PERIOD);
	rule->cooldown = mlops_scan_interval(scan, tuple, RULE_COOLDOWN);
	rule->auto_reset = mlops_scan_bool(scan, tuple, RULE_AUTO_RESET);
	return rule;
}

/*
 * Add the alerts that an index finds, with a column of at least that time, if
 * there is one.
 */
static void
find_alerts(List **alerts, int64 rule_id, const char *subject,
			const char *index, int column, TimestampTz since)
{
	MlopsScan	scan;
	ScanKeyData keys[3];
	HeapTuple	tuple;

	mlops_key_int8(&keys[0], ALERT_RULE_ID, rule_id);
	mlops_key_text(&keys[1], ALERT_SUBJECT, subject);
	if (column != 0)
		ScanKeyInit(&keys[2], column, BTGreaterEqualStrategyNumber,
					F_TIMESTAMPTZ_GE, TimestampTzGetDatum(since));
	mlops_scan_begin(&scan, "alert", index, NULL, column != 0 ? 3 : 2, keys);
	while (HeapTupleIsValid(tuple = mlops_scan_next(&scan)))
		*alerts = lappend(*alerts, read_alert(&scan, tuple));
	mlops_scan_end(&scan);
}

/* A row of mlops.alert as a struct. */
static MlopsAlert *
read_alert(MlopsScan *scan, HeapTuple tuple)
{
	MlopsAlert *alert = palloc0(sizeof(MlopsAlert));

	alert->alert_id = mlops_scan_int8(scan, tuple, ALERT_ALERT_ID);
	alert->rule_id = mlops_scan_int8(scan, tuple, ALERT_RULE_ID);
	alert->model_id = mlops_scan_int8(scan, tuple, ALERT_MODEL_ID);
	alert->rule = mlops_scan_text(scan, tuple, ALERT_RULE);
	alert->event = mlops_scan_text(scan, tuple, ALERT_EVENT);
	alert->subject = mlops_scan_text(scan, tuple, ALERT_SUBJECT);
	alert->slice = read_json(scan, tuple, ALERT_SLICE);
	alert->feature = mlops_scan_text(scan, tuple, ALERT_FEATURE);
	alert->severity = mlops_scan_text(scan, tuple, ALERT_SEVERITY);
	alert->state = mlops_scan_text(scan, tuple, ALERT_STATE);
	alert->n_seen = mlops_scan_int4(scan, tuple, ALERT_N_SEEN);
	alert->first_seen_at = mlops_scan_time(scan, tuple, ALERT_FIRST_SEEN_AT);
	alert->last_seen_at = mlops_scan_time(scan, tuple, ALERT_LAST_SEEN_AT);
	alert->raised_at = mlops_scan_time(scan, tuple, ALERT_RAISED_AT);
	alert->raised_for = mlops_scan_time(scan, tuple, ALERT_RAISED_FOR);
	alert->resolved_at = mlops_scan_time(scan, tuple, ALERT_RESOLVED_AT);
	alert->acknowledged_at = mlops_scan_time(scan, tuple,
											 ALERT_ACKNOWLEDGED_AT);
	alert->acknowledged_by = mlops_scan_text(scan, tuple,
											 ALERT_ACKNOWLEDGED_BY);
	alert->note = mlops_scan_text(scan, tuple, ALERT_NOTE);
	alert->message = mlops_scan_text(scan, tuple, ALERT_MESSAGE);
	alert->details = read_json(scan, tuple, ALERT_DETAILS);
	read_times(alert, scan, tuple);
	return alert;
}

/* A jsonb as text. */
static char *
read_json(MlopsScan *scan, HeapTuple tuple, int column)
{
	Jsonb	   *json = mlops_scan_json(scan, tuple, column);

	return JsonbToCString(NULL, &json->root, VARSIZE(json));
}

/* The times that an alert was seen at, with room for one more. */
static void
read_times(MlopsAlert *alert, MlopsScan *scan, HeapTuple tuple)
{
	bool		null;
	ArrayType  *array = DatumGetArrayTypeP(mlops_scan_value(scan, tuple,
															ALERT_SEEN_AT,
															&null));
	Datum	   *elements;

	deconstruct_array(array, TIMESTAMPTZOID, sizeof(TimestampTz),
					  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &elements, NULL,
					  &alert->n_times);
	alert->times = palloc(sizeof(TimestampTz) * (alert->n_times + 1));
	for (int i = 0; i < alert->n_times; i++)
		alert->times[i] = DatumGetTimestampTz(elements[i]);
}

/* Append the times that an alert was seen at. */
static void
add_times(MlopsArguments *arguments, const MlopsAlert *alert)
{
	Datum	   *elements = palloc(sizeof(Datum) * (alert->n_times + 1));

	for (int i = 0; i < alert->n_times; i++)
		elements[i] = TimestampTzGetDatum(alert->times[i]);
	mlops_add_datum(arguments, TIMESTAMPTZARRAYOID,
					PointerGetDatum(construct_array(elements, alert->n_times,
													TIMESTAMPTZOID,
													sizeof(TimestampTz),
													FLOAT8PASSBYVAL,
													TYPALIGN_DOUBLE)), false);
}

/* Append the columns of an alert in the order of mlops_alert_store(). */
static void
add_alert(MlopsArguments *arguments, const MlopsAlert *alert)
{
	mlops_add_datum(arguments, INT8OID, Int64GetDatum(alert->rule_id),
					alert->rule_id == 0);
	mlops_add_int8(arguments, alert->model_id);
	mlops_add_text(arguments, alert->rule);
	mlops_add_text(arguments, alert->event);
	mlops_add_text(arguments, alert->subject);
	mlops_add_text(arguments, alert->slice);
	mlops_add_text(arguments, alert->feature);
	mlops_add_text(arguments, alert->severity);
	mlops_add_text(arguments, alert->state);
	mlops_add_int4(arguments, alert->n_seen);
	mlops_add_time(arguments, alert->first_seen_at);
	mlops_add_time(arguments, alert->last_seen_at);
	mlops_add_time(arguments, alert->raised_at);
	mlops_add_time(arguments, alert->raised_for);
	mlops_add_time(arguments, alert->resolved_at);
	mlops_add_text(arguments, alert->message);
	mlops_add_text(arguments, alert->details);
	add_times(arguments, alert);
}

/* list_sort() comparator of rules by name. */
static int
compare_rules(const ListCell *a, const ListCell *b)
{
	return strcmp(((const MlopsAlertRule *) lfirst(a))->name,
				  ((const MlopsAlertRule *) lfirst(b))->name);
}

/* list_sort() comparator of alerts by number. */
static int
compare_alerts(const ListCell *a, const ListCell *b)
{
	int64		left = ((const MlopsAlert *) lfirst(a))->alert_id;
	int64		right = ((const MlopsAlert *) lfirst(b))->alert_id;

	return left < right ? -1 : left > right;
}
