/*
 * policy.c
 *		mlops.set_retraining_policy() and mlops.drop_retraining_policy().
 *
 * A source is analysed, so that what cannot be one is refused at once; whether
 * the model can be trained on it shows when that is tried.
 */
#include "postgres.h"

#include "base/base.h"
#include "catalog/policy.h"
#include "data/reader.h"
#include "data/span.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "watch/gate.h"
#include "watch/policy.h"

PG_FUNCTION_INFO_V1(mlops_set_retraining_policy);
PG_FUNCTION_INFO_V1(mlops_drop_retraining_policy);

/* The order of the arguments of mlops.set_retraining_policy() in SQL. */
enum
{
	ARG_MODEL, ARG_TRIGGER_ON, ARG_GATE, ARG_COOLDOWN, ARG_SOURCE,
	ARG_EVENT_TIME, ARG_MAX_AGE, ARG_MIN_NEW_ROWS, ARG_MEMORY, ARG_REFIT,
	ARG_GUARD, ARG_MAX_PER_DAY, ARG_MAX_FAILURES, ARG_ENABLED
};

static MlopsModel *managed_model(FunctionCallInfo fcinfo);
static void check_source(const MlopsPolicy *policy);
static List *triggers_argument(FunctionCallInfo fcinfo, int argument);
static Interval *interval_argument(FunctionCallInfo fcinfo, int argument,
								   const char *name, bool zero);
static int64 count_argument(const char *name, int64 value);
static bool given(FunctionCallInfo fcinfo, int argument, const char *name);

/* set_retraining_policy(model text, ...) returns void */
Datum
mlops_set_retraining_policy(PG_FUNCTION_ARGS)
{
	MlopsPolicyArguments arguments = {
		.trigger_on = ARG_TRIGGER_ON, .gate = ARG_GATE,
		.cooldown = ARG_COOLDOWN, .source = ARG_SOURCE,
		.event_time = ARG_EVENT_TIME, .max_age = ARG_MAX_AGE,
		.min_new_rows = ARG_MIN_NEW_ROWS, .memory = ARG_MEMORY,
		.refit = ARG_REFIT, .guard = ARG_GUARD,
		.max_per_day = ARG_MAX_PER_DAY, .max_failures = ARG_MAX_FAILURES,
		.enabled = ARG_ENABLED
	};
	MlopsModel *model;

	PreventCommandIfReadOnly("mlops.set_retraining_policy()");
	model = managed_model(fcinfo);
	mlops_policy_store(model, mlops_policy_of(fcinfo, &arguments));
	PG_RETURN_VOID();
}

/* drop_retraining_policy(model text) returns void */
Datum
mlops_drop_retraining_policy(PG_FUNCTION_ARGS)
{
	MlopsModel *model;

	PreventCommandIfReadOnly("mlops.drop_retraining_policy()");
	model = managed_model(fcinfo);
	if (!mlops_policy_drop(model))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" has no retraining policy",
						model->name),
				 errhint("The view mlops.retraining_policies lists them.")));
	PG_RETURN_VOID();
}

MlopsPolicy *
mlops_policy_of(FunctionCallInfo fcinfo, const MlopsPolicyArguments *at)
{
	MlopsPolicy *policy = mlops_policy_default();

	policy->trigger_on = triggers_argument(fcinfo, at->trigger_on);
	if (given(fcinfo, at->gate, "gate"))
		policy->gate = PG_GETARG_JSONB_P(at->gate);
	(void) mlops_gate_parse(policy->gate);
	if (given(fcinfo, at->cooldown, "cooldown"))
		policy->cooldown = interval_argument(fcinfo, at->cooldown, "cooldown",
											 true);
	policy->source = mlops_optional_text(fcinfo, at->source);
	policy->event_time = mlops_optional_text(fcinfo, at->event_time);
	check_source(policy);
	policy->max_age = interval_argument(fcinfo, at->max_age, "max_age",
										false);
	if (given(fcinfo, at->min_new_rows, "min_new_rows"))
		policy->min_new_rows = count_argument("min_new_rows",
											  PG_GETARG_INT64(at->min_new_rows));
	policy->memory = interval_argument(fcinfo, at->memory, "memory", false);
	if (given(fcinfo, at->refit, "refit"))
		policy->refit = PG_GETARG_BOOL(at->refit);
	if (given(fcinfo, at->guard, "guard"))
		policy->guard = PG_GETARG_BOOL(at->guard);
	if (given(fcinfo, at->max_per_day, "max_per_day"))
		policy->max_per_day = count_argument("max_per_day",
											 PG_GETARG_INT32(at->max_per_day));
	if (given(fcinfo, at->max_failures, "max_failures"))
		policy->max_failures = count_argument("max_failures",
											  PG_GETARG_INT32(at->max_failures));
	if (given(fcinfo, at->enabled, "enabled"))
		policy->enabled = PG_GETARG_BOOL(at->enabled);
	policy->created_by = GetUserNameFromId(GetUserId(), false);
	policy->search_path = GetConfigOptionByName("search_path", NULL, false);
	policy->time_zone = GetConfigOptionByName("TimeZone", NULL, false);
	return policy;
}

MlopsPolicy *
mlops_policy_default(void)
{
	MlopsPolicy *policy = palloc0(sizeof(MlopsPolicy));

	policy->gate = mlops_empty_object();
	policy->cooldown = palloc0(sizeof(Interval));
	policy->cooldown->day = 1;
	policy->max_per_day = 4;
	policy->min_new_rows = 100;
	policy->refit = true;
	policy->guard = true;
	policy->max_failures = 3;
	policy->enabled = true;
	return policy;
}

/* The model of the first argument, which the role must be allowed to manage. */
static MlopsModel *
managed_model(FunctionCallInfo fcinfo)
{
	char	   *name = mlops_required_text(fcinfo, ARG_MODEL, "model");

	return mlops_model_kept(name);
}

/* Errors of the source, if one is given, and of its event time. */
static void
check_source(const MlopsPolicy *policy)
{
	MlopsReaderRequest request = {.source = policy->source};

	if (policy->source == NULL)
		return;
	if (policy->event_time != NULL)
		(void) mlops_span_query(policy->source, policy->event_time,
								DT_NOBEGIN, DT_NOEND);
	else
		(void) mlops_reader_open(&request);
}

/* What makes a retraining due; 22023 for what does not. */
static List *
triggers_argument(FunctionCallInfo fcinfo, int argument)
{
	static const char *const known[] = {
		"drift", "performance", "estimate", "age", "new_rows", "schedule"
	};
	List	   *triggers = mlops_optional_list(fcinfo, argument);
	ListCell   *cell;

	foreach(cell, triggers)
		(void) mlops_word_of("trigger", lfirst(cell), known, lengthof(known));
	if (triggers == NIL)
		ereport(ERROR,
				(errcode(PG_ARGISNULL(argument) ?
						 ERRCODE_NULL_VALUE_NOT_ALLOWED :
						 ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" names no trigger", "trigger_on"),
				 errhint("Triggers are drift, performance, estimate, age, new_rows and schedule.")));
	return triggers;
}

/* A length of time that is positive, or zero where that is allowed. */
static Interval *
interval_argument(FunctionCallInfo fcinfo, int argument, const char *name,
				  bool zero)
{
	Interval	nothing = {0};
	Interval   *interval;
	int			order;

	if (PG_ARGISNULL(argument))
		return NULL;
	interval = PG_GETARG_INTERVAL_P(argument);
	order = DatumGetInt32(DirectFunctionCall2(interval_cmp,
											  IntervalPGetDatum(interval),
											  IntervalPGetDatum(&nothing)));
	if (order < 0 || (order == 0 && !zero))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" is out of range", name),
				 errhint(zero ? "It must not be negative." :
						 "It must be positive.")));
	return interval;
}

/* A number that is at least 1. */
static int64
count_argument(const char *name, int64 value)
{
	if (value < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" is out of range: " INT64_FORMAT,
						name, value),
				 errhint("It must be at least 1.")));
	return value;
}

/* Is there such an argument?  22004 if it is NULL. */
static bool
given(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (argument < 0)
		return false;
	mlops_check_given(fcinfo, argument, name);
	return true;
}
