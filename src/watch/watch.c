/*
 * watch.c
 *		mlops.watch() and mlops.unwatch(): the whole loop in one call.
 *
 * What watch() makes is what the functions for each part make, under the
 * model's name, and can be changed with those.  Where pg_cron is missing, all
 * of it is made but the schedule: the job is there, and whatever can run a
 * statement at times can run it.
 */
#include "postgres.h"

#include "base/base.h"
#include "catalog/alert.h"
#include "catalog/monitor.h"
#include "catalog/policy.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#include "watch/alert.h"
#include "watch/monitor.h"
#include "watch/policy.h"
#include "watch/schedule.h"

PG_FUNCTION_INFO_V1(mlops_watch);
PG_FUNCTION_INFO_V1(mlops_unwatch);

/* The order of the arguments of mlops.watch() in SQL; then a policy's. */
enum
{
	ARG_MODEL, ARG_SOURCE, ARG_EVENT_TIME, ARG_WINDOW_SIZE, ARG_SCHEDULE,
	ARG_TARGET, ARG_TRIGGER_ON, ARG_GATE, ARG_COOLDOWN, ARG_MAX_AGE,
	ARG_MIN_NEW_ROWS, ARG_MEMORY, ARG_REFIT, ARG_GUARD
};

static TimestampTz last_trained(const char *model);
static void make_monitor(FunctionCallInfo fcinfo, const char *model);
static void make_policy(FunctionCallInfo fcinfo, const MlopsModel *model);
static void make_job(FunctionCallInfo fcinfo, const MlopsModel *model);
static void say(FunctionCallInfo fcinfo, char *message);
static char *listed(const List *names);
static MlopsMonitor *take_watchers(const MlopsModel *model);
static MlopsModel *managed_model(FunctionCallInfo fcinfo);

/* watch(model text, source text, ...) returns setof text */
Datum
mlops_watch(PG_FUNCTION_ARGS)
{
	MlopsModel *model;

	PreventCommandIfReadOnly("mlops.watch()");
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	model = managed_model(fcinfo);
	if (mlops_monitor_lookup(model->name, NULL, true) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("model \"%s\" is watched already", model->name),
				 errdetail("There is a monitor of that name."),
				 errhint("Change it with mlops.alter_monitor() and mlops.set_retraining_policy(), or call mlops.unwatch() first.")));
	make_monitor(fcinfo, model->name);
	make_policy(fcinfo, model);
	mlops_alert_rule_default(model->model_id, model->name);
	say(fcinfo, psprintf("alert rule \"%s\": drift, performance, no_data, failure",
						 model->name));
	make_job(fcinfo, model);
	return (Datum) 0;
}

/* unwatch(model text) returns void */
Datum
mlops_unwatch(PG_FUNCTION_ARGS)
{
	MlopsModel *model;
	MlopsMonitor *monitor;
	MlopsAlertRule *rule;
	bool		watched;

	PreventCommandIfReadOnly("mlops.unwatch()");
	model = managed_model(fcinfo);
	monitor = take_watchers(model);
	watched = mlops_unschedule_subject("watch", model->name) > 0;
	rule = mlops_alert_rule_lookup(model->name);
	if (rule != NULL && rule->model_id == model->model_id)
	{
		mlops_alert_rule_delete(rule);
		watched = true;
	}
	watched |= mlops_policy_drop(model);
	if (monitor != NULL)
	{
		mlops_monitor_drop(monitor->name);
		watched = true;
	}
	if (!watched)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" is not watched", model->name),
				 errhint("The view mlops.watch_status lists those that are.")));
	PG_RETURN_VOID();
}

/* When the last row was of those that the version that serves has read. */
static TimestampTz
last_trained(const char *model)
{
	Snapshot	snapshot = GetActiveSnapshot();
	int64		version_id = mlops_alias_version(model, MLOPS_CHAMPION,
												 snapshot);
	MlopsRecipe *recipe;

	if (version_id == 0)
		return DT_NOBEGIN;
	recipe = mlops_recipe_load(mlops_version_load(version_id, snapshot));
	return recipe->has_event_time ? recipe->event_time_max : DT_NOBEGIN;
}

/*
 * The monitor, which has the model's name.  It has nothing to say of rows that
 * the version was trained on.
 */
static void
make_monitor(FunctionCallInfo fcinfo, const char *model)
{
	MlopsMonitor monitor = {0};

	monitor.name = pstrdup(model);
	monitor.reference = pstrdup(model);
	monitor.source = mlops_required_text(fcinfo, ARG_SOURCE, "source");
	monitor.event_time = mlops_optional_text(fcinfo, ARG_EVENT_TIME);
	monitor.target = mlops_optional_text(fcinfo, ARG_TARGET);
	monitor.start_at = last_trained(model);
	mlops_check_given(fcinfo, ARG_WINDOW_SIZE, "window_size");
	monitor.window_size = PG_GETARG_INTERVAL_P(ARG_WINDOW_SIZE);
	mlops_monitor_create(&monitor);
	say(fcinfo,
		psprintf("monitor \"%s\": windows of %s by %s", monitor.name,
				 DatumGetCString(DirectFunctionCall1(interval_out,
													 IntervalPGetDatum(monitor.window_size))),
				 monitor.event_time));
}

/* The policy, with the monitor's source. */
static void
make_policy(FunctionCallInfo fcinfo, const MlopsModel *model)
{
	MlopsPolicyArguments arguments = {
		.trigger_on = ARG_TRIGGER_ON, .gate = ARG_GATE,
		.cooldown = ARG_COOLDOWN, .source = ARG_SOURCE,
		.event_time = ARG_EVENT_TIME, .max_age = ARG_MAX_AGE,
		.min_new_rows = ARG_MIN_NEW_ROWS, .memory = ARG_MEMORY,
		.refit = ARG_REFIT, .guard = ARG_GUARD,
		.max_per_day = -1, .max_failures = -1, .enabled = -1
	};
	MlopsPolicy *policy = mlops_policy_of(fcinfo, &arguments);

	mlops_policy_store(model, policy);
	say(fcinfo, psprintf("retraining policy: on %s",
						 listed(policy->trigger_on)));
}

/* The job, scheduled if that can be. */
static void
make_job(FunctionCallInfo fcinfo, const MlopsModel *model)
{
	char	   *schedule = mlops_optional_text(fcinfo, ARG_SCHEDULE);
	char	   *hint = NULL;
	char	   *missing = NULL;
	int64		job;

	if (schedule != NULL)
	{
		mlops_schedule_check(schedule);
		missing = mlops_scheduler_missing(&hint);
	}
	job = mlops_schedule(model->name, missing ? NULL : schedule, "watch",
						 NULL);
	if (missing != NULL)
		ereport(WARNING,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" is watched, but nothing runs the job",
						model->name),
				 errdetail_internal("%s", missing),
				 hint ? errhint("%s", hint) : 0));
	if (missing == NULL && schedule != NULL)
		say(fcinfo, psprintf("job " INT64_FORMAT ": scheduled at %s", job,
							 schedule));
	else
		say(fcinfo, psprintf("job " INT64_FORMAT ": not scheduled; SELECT mlops.run_job(" INT64_FORMAT ") runs it",
							 job, job));
}

/* One more row of the result. */
static void
say(FunctionCallInfo fcinfo, char *message)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Datum		value = CStringGetTextDatum(message);
	bool		null = false;

	tuplestore_putvalues(result->setResult, result->setDesc, &value, &null);
}

/* Names with commas between. */
static char *
listed(const List *names)
{
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	foreach(cell, names)
		appendStringInfo(&text, "%s%s", cell == list_head(names) ? "" : ", ",
						 (char *) lfirst(cell));
	return text.data;
}

/*
 * Wait for the job and the monitor that mlops.watch() has made, and let nobody
 * run them any more: before the first row of theirs goes.  The monitor, or
 * NULL.
 */
static MlopsMonitor *
take_watchers(const MlopsModel *model)
{
	MlopsMonitor *monitor;

	mlops_jobs_await("watch", model->name);
	monitor = mlops_monitor_lookup(model->name, NULL, true);
	if (monitor == NULL || monitor->model_id != model->model_id)
		return NULL;
	(void) mlops_monitor_lock(monitor, true);
	return monitor;
}

/* The model of the first argument, which the role must be allowed to manage. */
static MlopsModel *
managed_model(FunctionCallInfo fcinfo)
{
	char	   *name = mlops_required_text(fcinfo, ARG_MODEL, "model");

	return mlops_model_kept(name);
}
