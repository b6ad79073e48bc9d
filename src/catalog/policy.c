/*
 * policy.c
 *		When a model is trained again, and what was decided each time.
 *
 * Decisions are only ever added.  What earlier ones mean is counted by their
 * clock, data_until, and not by when they were made, so that a history that
 * is played again is decided as it would have been.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/internal.h"
#include "catalog/pg_type.h"
#include "catalog/policy.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* Columns by number, as sql/parts/catalog.sql creates them. */
#define Anum_policy_model_id		1
#define Anum_policy_source			2
#define Anum_policy_event_time		3
#define Anum_policy_trigger_on		4
#define Anum_policy_gate			5
#define Anum_policy_cooldown		6
#define Anum_policy_max_per_day		7
#define Anum_policy_max_age			8
#define Anum_policy_min_new_rows	9
#define Anum_policy_memory			10
#define Anum_policy_refit			11
#define Anum_policy_guard			12
#define Anum_policy_max_failures	13
#define Anum_policy_enabled			14
#define Anum_policy_created_at		15
#define Anum_policy_created_by		16
#define Anum_policy_search_path		17
#define Anum_policy_time_zone		18

#define Anum_decision_decision_id	1
#define Anum_decision_model_id		2
#define Anum_decision_decided_at	4
#define Anum_decision_action		5
#define Anum_decision_dry_run		6
#define Anum_decision_reason		8
#define Anum_decision_champion		9
#define Anum_decision_challenger	10
#define Anum_decision_refitted		11
#define Anum_decision_data_until	14
#define Anum_decision_metric		15

#define Anum_run_kind				3
#define Anum_run_started_at			8
#define Anum_run_current_role_name	10
#define Anum_run_event_time_max		34

/* A row of mlops.decision, as the history needs it. */
typedef struct Line
{
	int64		id;
	TimestampTz made_at;
	TimestampTz at;				/* by its clock */
	char	   *action;
	char	   *reason;
	int			champion;
	int			challenger;
	int			refitted;
	char	   *metric;
} Line;

static Line *decision_lines(const MlopsModel *model, TimestampTz until,
							int *n);
static void read_line(MlopsScan *scan, HeapTuple tuple, Line *line);
static int	compare_lines(const void *a, const void *b);
static bool is_action(const Line *line, const char *action);
static void add_version(MlopsArguments *arguments, int version);

MlopsPolicy *
mlops_policy_load(const MlopsModel *model)
{
	MlopsPolicy *policy = NULL;
	MlopsScan	scan;
	ScanKeyData key;
	HeapTuple	tuple;

	mlops_key_int8(&key, Anum_policy_model_id, model->model_id);
	mlops_scan_begin(&scan, "retraining_policy", "retraining_policy_pkey",
					 NULL, 1, &key);
	tuple = mlops_scan_next(&scan);
	if (HeapTupleIsValid(tuple))
	{
		policy = palloc0(sizeof(MlopsPolicy));
		policy->source = mlops_scan_text(&scan, tuple, Anum_policy_source);
		policy->event_time = mlops_scan_text(&scan, tuple,
											 Anum_policy_event_time);
		policy->trigger_on = mlops_scan_names(&scan, tuple,
											  Anum_policy_trigger_on);
		policy->gate = mlops_scan_json(&scan, tuple, Anum_policy_gate);
		policy->cooldown = mlops_scan_interval(&scan, tuple,
											   Anum_policy_cooldown);
		policy->max_per_day = mlops_scan_int4(&scan, tuple,
											  Anum_policy_max_per_day);
		policy->max_age = mlops_scan_interval(&scan, tuple,
											  Anum_policy_max_age);
		policy->min_new_rows = mlops_scan_int8(&scan, tuple,
											   Anum_policy_min_new_rows);
		policy->memory = mlops_scan_interval(&scan, tuple, Anum_policy_memory);
		policy->refit = mlops_scan_bool(&scan, tuple, Anum_policy_refit);
		policy->guard = mlops_scan_bool(&scan, tuple, Anum_policy_guard);
		policy->max_failures = mlops_scan_int4(&scan, tuple,
											   Anum_policy_max_failures);
		policy->enabled = mlops_scan_bool(&scan, tuple, Anum_policy_enabled);
		policy->created_at = mlops_scan_time(&scan, tuple,
											 Anum_policy_created_at);
		policy->created_by = mlops_scan_text(&scan, tuple,
											 Anum_policy_created_by);
		policy->search_path = mlops_scan_text(&scan, tuple,
											  Anum_policy_search_path);
		policy->time_zone = mlops_scan_text(&scan, tuple,
											Anum_policy_time_zone);
	}
	mlops_scan_end(&scan);
	return policy;
}

void
mlops_policy_store(const MlopsModel *model, const MlopsPolicy *policy)
{
	MlopsArguments a = {0};

	mlops_add_int8(&a, model->model_id);
	mlops_add_text(&a, policy->source);
	mlops_add_text(&a, policy->event_time);
	mlops_add_names(&a, policy->trigger_on, false);
	mlops_add_json(&a, policy->gate);
	mlops_add_interval(&a, policy->cooldown);
	mlops_add_int4(&a, policy->max_per_day);
	mlops_add_interval(&a, policy->max_age);
	mlops_add_int8(&a, policy->min_new_rows);
	mlops_add_interval(&a, policy->memory);
	mlops_add_bool(&a, policy->refit);
	mlops_add_bool(&a, policy->guard);
	mlops_add_int4(&a, policy->max_failures);
	mlops_add_bool(&a, policy->enabled);
	mlops_add_text(&a, policy->created_by);
	mlops_add_text(&a, policy->search_path);
	mlops_add_text(&a, policy->time_zone);
	mlops_catalog_execute("INSERT INTO mlops.retraining_policy (model_id,"
						  " source, event_time, trigger_on, gate, cooldown,"
						  " max_per_day, max_age, min_new_rows, memory,"
						  " refit, guard, max_failures, enabled, created_by,"
						  " search_path, time_zone)"
						  " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,"
						  " $11, $12, $13, $14, $15, $16, $17)"
						  " ON CONFLICT (model_id) DO UPDATE SET"
						  " source = $2, event_time = $3, trigger_on = $4,"
						  " gate = $5, cooldown = $6, max_per_day = $7,"
						  " max_age = $8, min_new_rows = $9, memory = $10,"
						  " refit = $11, guard = $12, max_failures = $13,"
						  " enabled = $14, created_at = DEFAULT,"
						  " created_by = $15, search_path = $16,"
						  " time_zone = $17", &a, NULL);
}

bool
mlops_policy_drop(const MlopsModel *model)
{
	MlopsArguments a = {0};

	mlops_add_int8(&a, model->model_id);
	return mlops_catalog_execute("DELETE FROM mlops.retraining_policy"
								 " WHERE model_id = $1", &a, NULL) > 0;
}

void
mlops_decision_add(const MlopsModel *model, MlopsDecision *decision)
{
	MlopsArguments a = {0};

	mlops_add_int8(&a, model->model_id);
	mlops_add_text(&a, model->name);
	mlops_add_text(&a, decision->action);
	mlops_add_bool(&a, decision->dry_run);
	mlops_add_names(&a, decision->triggers, false);
	mlops_add_text(&a, decision->reason);
	add_version(&a, decision->champion);
	add_version(&a, decision->challenger);
	add_version(&a, decision->refitted);
	mlops_add_int4(&a, decision->trainings);
	mlops_add_datum(&a, INT8OID, Int64GetDatum(decision->n_rows),
					decision->n_rows < 0);
	mlops_add_time(&a, decision->data_until);
	mlops_add_text(&a, decision->metric);
	mlops_add_float8(&a, decision->champion_value);
	mlops_add_float8(&a, decision->challenger_value);
	mlops_add_float8(&a, decision->gain);
	mlops_add_float8(&a, decision->ci_low);
	mlops_add_float8(&a, decision->ci_high);
	mlops_add_float8(&a, decision->probability);
	mlops_add_text(&a, decision->checks ? decision->checks : "[]");
	mlops_add_float8(&a, decision->seconds);
	mlops_add_text(&a, mlops_current_role());
	mlops_add_text(&a, decision->error_code);
	mlops_catalog_execute("INSERT INTO mlops.decision (model_id, model,"
						  " decided_at, action, dry_run, triggers, reason,"
						  " champion, challenger, refitted, trainings,"
						  " n_rows, data_until, metric, champion_value,"
						  " challenger_value, gain, ci_low, ci_high,"
						  " probability, checks, seconds, decided_by,"
						  " error_code)"
						  " VALUES ($1, $2, clock_timestamp(), $3, $4, $5,"
						  " $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,"
						  " $16, $17, $18, $19, $20::jsonb, $21, $22, $23)"
						  " RETURNING decision_id", &a,
						  &decision->decision_id);
}

MlopsDecisionHistory *
mlops_decision_history(const MlopsModel *model, TimestampTz until,
					   TimestampTz since)
{
	MlopsDecisionHistory *history = palloc0(sizeof(MlopsDecisionHistory));
	int			n;
	Line	   *lines = decision_lines(model, until, &n);

	for (int i = 0; i < n; i++)
	{
		const Line *line = &lines[i];
		bool		skipped = is_action(line, MLOPS_SKIPPED);
		bool		failed = is_action(line, MLOPS_FAILED);
		bool		rolled_back = is_action(line, MLOPS_ROLLED_BACK);

		history->last_reason = line->reason;
		if (skipped)
			continue;
		if (!history->any || line->at > history->last_at)
			history->last_at = line->at;
		history->any = true;
		if (failed)
			history->failures += (line->made_at >= since);
		else if (!rolled_back)
			history->failures = 0;
		if (!rolled_back && line->at > until - USECS_PER_DAY)
			history->in_a_day++;
	}
	return history;
}

MlopsDecision *
mlops_decision_promotion(const MlopsModel *model, TimestampTz until)
{
	MlopsDecision *decision = NULL;
	int			n;
	Line	   *lines = decision_lines(model, until, &n);

	for (int i = n - 1; i >= 0; i--)
	{
		if (is_action(&lines[i], MLOPS_ROLLED_BACK))
			return NULL;
		if (!is_action(&lines[i], MLOPS_PROMOTED))
			continue;
		decision = palloc0(sizeof(MlopsDecision));
		decision->decision_id = lines[i].id;
		decision->action = lines[i].action;
		decision->champion = lines[i].champion;
		decision->challenger = lines[i].challenger;
		decision->refitted = lines[i].refitted;
		decision->data_until = lines[i].at;
		decision->metric = lines[i].metric;
		return decision;
	}
	return NULL;
}

MlopsRecipe *
mlops_recipe_load(const MlopsVersion *version)
{
	MlopsRecipe *recipe = palloc0(sizeof(MlopsRecipe));
	MlopsScan	scan;
	ScanKeyData key;
	HeapTuple	tuple;
	Datum		value;
	bool		null;

	mlops_key_int8(&key, Anum_run_run_id, version->run_id);
	mlops_scan_begin(&scan, "run", "run_pkey", NULL, 1, &key);
	tuple = mlops_scan_next(&scan);
	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("run with id %lld is missing",
						(long long) version->run_id)));
	recipe->kind = mlops_scan_text(&scan, tuple, Anum_run_kind);
	recipe->role = mlops_scan_text(&scan, tuple, Anum_run_current_role_name);
	recipe->arguments = mlops_scan_json(&scan, tuple, Anum_run_arguments);
	value = mlops_scan_value(&scan, tuple, Anum_run_event_time_max, &null);
	recipe->has_event_time = !null;
	recipe->event_time_max = null ? 0 : DatumGetTimestampTz(value);
	recipe->started_at = mlops_scan_time(&scan, tuple, Anum_run_started_at);
	mlops_scan_end(&scan);
	return recipe;
}

void
mlops_run_add_test(int64 run_id, int64 n, const List *metrics)
{
	MlopsArguments tested = {0};
	ListCell   *cell;

	mlops_add_int8(&tested, run_id);
	mlops_add_int8(&tested, n);
	mlops_catalog_execute("UPDATE mlops.run SET rows_test = $2"
						  " WHERE run_id = $1", &tested, NULL);

	foreach(cell, metrics)
	{
		const MlopsMetricRow *row = lfirst(cell);
		MlopsArguments a = {0};

		mlops_add_int8(&a, run_id);
		mlops_add_text(&a, row->split);
		mlops_add_text(&a, row->name);
		mlops_add_float8(&a, row->value);
		mlops_catalog_execute("INSERT INTO mlops.metric"
							  " (run_id, split, name, value)"
							  " VALUES ($1, $2, $3, $4)"
							  " ON CONFLICT DO NOTHING", &a, NULL);
	}
}

bool
mlops_retraining_lock(const MlopsModel *model)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, mlops_catalog_relation("decision"),
					   hash_bytes((const unsigned char *) model->name,
								  strlen(model->name)), 0);
	return LockAcquire(&tag, ExclusiveLock, false, true) !=
		LOCKACQUIRE_NOT_AVAIL;
}

/*
 * The model's decisions up to the time, without dry runs, in the order in
 * which they were made; palloc'd.
 */
static Line *
decision_lines(const MlopsModel *model, TimestampTz until, int *n)
{
	int			capacity = 16;
	Line	   *lines = palloc(sizeof(Line) * capacity);
	MlopsScan	scan;
	ScanKeyData key;
	HeapTuple	tuple;

	*n = 0;
	mlops_key_int8(&key, Anum_decision_model_id, model->model_id);
	mlops_scan_begin(&scan, "decision", "decision_model_id", NULL, 1, &key);
	while (HeapTupleIsValid(tuple = mlops_scan_next(&scan)))
	{
		Line		line = {0};

		if (mlops_scan_bool(&scan, tuple, Anum_decision_dry_run))
			continue;
		read_line(&scan, tuple, &line);
		if (line.at > until)
			continue;
		if (*n == capacity)
			lines = repalloc_huge(lines, sizeof(Line) * (capacity *= 2));
		lines[(*n)++] = line;
	}
	mlops_scan_end(&scan);
	qsort(lines, *n, sizeof(Line), compare_lines);
	return lines;
}

/* Copy what is needed of a row. */
static void
read_line(MlopsScan *scan, HeapTuple tuple, Line *line)
{
	line->id = mlops_scan_int8(scan, tuple, Anum_decision_decision_id);
	line->made_at = mlops_scan_time(scan, tuple, Anum_decision_decided_at);
	line->at = mlops_scan_time(scan, tuple, Anum_decision_data_until);
	line->action = mlops_scan_text(scan, tuple, Anum_decision_action);
	line->reason = mlops_scan_text(scan, tuple, Anum_decision_reason);
	line->champion = mlops_scan_int4(scan, tuple, Anum_decision_champion);
	line->challenger = mlops_scan_int4(scan, tuple, Anum_decision_challenger);
	line->refitted = mlops_scan_int4(scan, tuple, Anum_decision_refitted);
	line->metric = mlops_scan_text(scan, tuple, Anum_decision_metric);
}

/* qsort() comparator of lines in the order in which they were written. */
static int
compare_lines(const void *a, const void *b)
{
	int64		left = ((const Line *) a)->id;
	int64		right = ((const Line *) b)->id;

	return left < right ? -1 : left > right;
}

/* Whether the line has this action. */
static bool
is_action(const Line *line, const char *action)
{
	return strcmp(line->action, action) == 0;
}

/* Append a version's number; 0 is NULL. */
static void
add_version(MlopsArguments *arguments, int version)
{
	mlops_add_datum(arguments, INT4OID, Int32GetDatum(version),
					version == 0);
}
