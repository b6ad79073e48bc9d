/*
 * monitor.c
 *		Monitors: create, alter, drop; where labels come from.
 *
 * What a monitor is told is tried when it is created, on no rows: its
 * columns, features, metrics and thresholds are then known to be good.  What
 * goes wrong later is a row of the window that it goes wrong in.
 */
#include "postgres.h"

#include "base/base.h"
#include "data/window.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "watch/alert.h"
#include "watch/drift.h"
#include "watch/monitor.h"
#include "watch/monitor_run.h"
#include "watch/schedule.h"

PG_FUNCTION_INFO_V1(mlops_create_monitor);
PG_FUNCTION_INFO_V1(mlops_alter_monitor);
PG_FUNCTION_INFO_V1(mlops_drop_monitor);
PG_FUNCTION_INFO_V1(mlops_set_label_source);

/* The order of the arguments in SQL. */
enum
{
	ARG_MODEL, ARG_SOURCE, ARG_EVENT_TIME, ARG_WINDOW_SIZE, ARG_SCHEDULE,
	ARG_SEGMENTS, ARG_METRICS, ARG_THRESHOLDS, ARG_NAME, ARG_FEATURES,
	ARG_TARGET, ARG_BASELINE_SOURCE, ARG_LATENESS, ARG_START_AT
};

enum
{
	ALTER_MONITOR, ALTER_ENABLED, ALTER_SOURCE, ALTER_EVENT_TIME,
	ALTER_SEGMENTS, ALTER_METRICS, ALTER_THRESHOLDS, ALTER_FEATURES,
	ALTER_TARGET, ALTER_BASELINE_SOURCE, ALTER_LATENESS
};

static void fill_defaults(MlopsMonitor *monitor);
static char *recorded_event_time(const MlopsMonitor *monitor);
static void check_name(const char *name);
static void check_monitor(const MlopsMonitor *monitor);
static void check_baseline(const MlopsMonitorRun *run);
static void try_version(MlopsMonitorRun *run);
static void take_row(const MlopsDriftRow *row, void *arg);
static void take_time(const MlopsPeriodsRow *row, void *arg);
static void alter_list(List **list, FunctionCallInfo fcinfo, int argument);
static void alter_text(char **text, FunctionCallInfo fcinfo, int argument);

/* create_monitor(model model_ref, source text, ...) returns text */
Datum
mlops_create_monitor(PG_FUNCTION_ARGS)
{
	MlopsMonitor monitor = {0};
	char	   *schedule = mlops_optional_text(fcinfo, ARG_SCHEDULE);

	PreventCommandIfReadOnly("mlops.create_monitor()");
	monitor.reference = mlops_required_text(fcinfo, ARG_MODEL, "model");
	monitor.source = mlops_required_text(fcinfo, ARG_SOURCE, "source");
	monitor.event_time = mlops_optional_text(fcinfo, ARG_EVENT_TIME);
	if (!PG_ARGISNULL(ARG_WINDOW_SIZE))
		monitor.window_size = PG_GETARG_INTERVAL_P(ARG_WINDOW_SIZE);
	monitor.segments = mlops_optional_list(fcinfo, ARG_SEGMENTS);
	monitor.metrics = mlops_optional_list(fcinfo, ARG_METRICS);
	if (!PG_ARGISNULL(ARG_THRESHOLDS))
		monitor.thresholds = PG_GETARG_JSONB_P(ARG_THRESHOLDS);
	monitor.name = mlops_optional_text(fcinfo, ARG_NAME);
	monitor.features = mlops_optional_list(fcinfo, ARG_FEATURES);
	monitor.target = mlops_optional_text(fcinfo, ARG_TARGET);
	monitor.baseline_source = mlops_optional_text(fcinfo,
												  ARG_BASELINE_SOURCE);
	if (!PG_ARGISNULL(ARG_LATENESS))
		monitor.lateness = PG_GETARG_INTERVAL_P(ARG_LATENESS);
	if (!PG_ARGISNULL(ARG_START_AT))
		monitor.start_at = PG_GETARG_TIMESTAMPTZ(ARG_START_AT);
	else
		monitor.start_at = DT_NOBEGIN;
	if (schedule != NULL)
		mlops_schedule_check(schedule);
	mlops_monitor_create(&monitor);
	if (schedule != NULL)
		(void) mlops_schedule(monitor.name, schedule, "monitor", NULL);
	PG_RETURN_TEXT_P(cstring_to_text(monitor.name));
}

/* alter_monitor(monitor text, enabled boolean, ...) returns void */
Datum
mlops_alter_monitor(PG_FUNCTION_ARGS)
{
	char	   *name = mlops_required_text(fcinfo, ALTER_MONITOR, "monitor");
	MlopsMonitor *monitor = mlops_monitor_lookup(name, NULL, false);

	PreventCommandIfReadOnly("mlops.alter_monitor()");
	(void) mlops_model_kept(monitor->model);
	if (!PG_ARGISNULL(ALTER_ENABLED))
		monitor->enabled = PG_GETARG_BOOL(ALTER_ENABLED);
	alter_text(&monitor->source, fcinfo, ALTER_SOURCE);
	alter_text(&monitor->event_time, fcinfo, ALTER_EVENT_TIME);
	alter_list(&monitor->segments, fcinfo, ALTER_SEGMENTS);
	alter_list(&monitor->metrics, fcinfo, ALTER_METRICS);
	if (!PG_ARGISNULL(ALTER_THRESHOLDS))
		monitor->thresholds = PG_GETARG_JSONB_P(ALTER_THRESHOLDS);
	alter_list(&monitor->features, fcinfo, ALTER_FEATURES);
	alter_text(&monitor->target, fcinfo, ALTER_TARGET);
	alter_text(&monitor->baseline_source, fcinfo, ALTER_BASELINE_SOURCE);
	if (!PG_ARGISNULL(ALTER_LATENESS))
		monitor->lateness = PG_GETARG_INTERVAL_P(ALTER_LATENESS);

	/* from now on it is the caller's, and names mean what they mean here */
	monitor->created_by = GetUserNameFromId(GetUserId(), false);
	monitor->search_path = GetConfigOptionByName("search_path", NULL, false);
	if (monitor->enabled)
		check_monitor(monitor);
	mlops_monitor_update(monitor);
	PG_RETURN_VOID();
}

/* drop_monitor(monitor text) returns void */
Datum
mlops_drop_monitor(PG_FUNCTION_ARGS)
{
	PreventCommandIfReadOnly("mlops.drop_monitor()");
	mlops_monitor_drop(mlops_required_text(fcinfo, 0, "monitor"));
	PG_RETURN_VOID();
}

/* set_label_source(model text, query text, key name_list, label text) */
Datum
mlops_set_label_source(PG_FUNCTION_ARGS)
{
	MlopsModel *model = mlops_model_kept(mlops_required_text(fcinfo, 0,
													  "model"));
	MlopsLabelSource source = {0};

	PreventCommandIfReadOnly("mlops.set_label_source()");
	source.query = mlops_optional_text(fcinfo, 1);
	if (source.query == NULL)
	{
		mlops_label_source_set(model->model_id, NULL);
		PG_RETURN_VOID();
	}
	source.key = mlops_optional_list(fcinfo, 2);
	if (source.key == NIL)
		ereport(ERROR,
				(errcode(PG_ARGISNULL(2) ? ERRCODE_NULL_VALUE_NOT_ALLOWED :
						 ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must name columns", "key"),
				 errhint("They tell which row a label belongs to; labels and rows both have them.")));
	source.label = mlops_label_column(source.query, source.key,
									  mlops_optional_text(fcinfo, 3));
	source.created_by = GetUserNameFromId(GetUserId(), false);
	mlops_label_source_set(model->model_id, &source);
	PG_RETURN_VOID();
}

void
mlops_monitor_create(MlopsMonitor *monitor)
{
	MlopsReference reference = mlops_reference_parse(monitor->reference);
	MlopsModel *model = mlops_model_kept(reference.model);

	monitor->model_id = model->model_id;
	monitor->model = model->name;
	monitor->enabled = true;
	fill_defaults(monitor);
	check_name(monitor->name);
	check_monitor(monitor);
	mlops_monitor_insert(monitor);
}

void
mlops_monitor_drop(const char *name)
{
	MlopsMonitor *monitor = mlops_monitor_lookup(name, NULL, false);

	(void) mlops_model_kept(monitor->model);
	(void) mlops_monitor_lock(monitor, true);
	(void) mlops_unschedule_subject("monitor", name);
	mlops_alert_forget(monitor->model_id, psprintf("monitor %s", name));
	mlops_monitor_delete(monitor);
}

/*
 * What was not given of a new monitor.
 */
static void
fill_defaults(MlopsMonitor *monitor)
{
	if (monitor->window_size == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be NULL", "window_size")));
	if (monitor->lateness == NULL)
		monitor->lateness = palloc0(sizeof(Interval));
	if (monitor->thresholds == NULL)
		monitor->thresholds = mlops_empty_object();
	if (monitor->name == NULL)
		monitor->name = monitor->model;
	if (monitor->event_time == NULL)
		monitor->event_time = recorded_event_time(monitor);
	monitor->created_by = GetUserNameFromId(GetUserId(), false);
	monitor->time_zone = GetConfigOptionByName("TimeZone", NULL, false);
	monitor->search_path = GetConfigOptionByName("search_path", NULL, false);
}

/*
 * The event time that the version was trained with; 22023 if there is none.
 */
static char *
recorded_event_time(const MlopsMonitor *monitor)
{
	Snapshot	snapshot = GetActiveSnapshot();
	MlopsReference reference = mlops_reference_parse(monitor->reference);
	int64		version_id = mlops_resolve_quietly(&reference, snapshot,
												   MLOPS_READ);
	char	   *name = NULL;

	if (version_id != 0)
		name = mlops_run_argument(mlops_version_load(version_id,
													 snapshot)->run_id,
								  "event_time", snapshot);
	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("it is not known when the rows of the source were"),
				 errhint("Pass event_time => with the column that tells.")));
	return name;
}

/*
 * 22023 for a name that cannot be stored.
 */
static void
check_name(const char *name)
{
	if (name[0] == '\0' || strlen(name) > 200)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid name of a monitor: \"%s\"", name),
				 errhint("A name has 1 to 200 bytes.")));
}

/*
 * Try all that can be tried without rows.
 */
static void
check_monitor(const MlopsMonitor *monitor)
{
	MlopsMonitorRun run = {monitor};
	Interval	none = {0};
	int64		empty = 0;
	int64		version_id;

	/* 22008 for one that no time is left of */
	(void) DirectFunctionCall2(timestamptz_mi_interval,
							   TimestampTzGetDatum(GetCurrentTimestamp()),
							   IntervalPGetDatum(monitor->lateness));
	if (DatumGetBool(DirectFunctionCall2(interval_lt,
										 IntervalPGetDatum(monitor->lateness),
										 IntervalPGetDatum(&none))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be negative", "lateness")));
	if (TIMESTAMP_NOT_FINITE(monitor->start_at) &&
		monitor->start_at != DT_NOBEGIN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be finite", "start_at")));
	run.reference = mlops_reference_parse(monitor->reference);
	run.measures = mlops_measures_of(monitor->metrics, monitor->thresholds);
	if (run.measures->estimate && monitor->baseline_source == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("estimates need rows with labels to learn from"),
				 errhint("Pass baseline_source => with rows that the version was not trained on.")));
	run.labels = mlops_monitor_labels(monitor);
	version_id = mlops_resolve_quietly(&run.reference, GetActiveSnapshot(),
									   MLOPS_READ);
	/* what serves may come later, a version or an alias that is named not */
	if (version_id == 0 && (run.reference.version > 0 ||
							strcmp(run.reference.alias, MLOPS_CHAMPION) != 0))
		(void) mlops_resolve(&run.reference, GetActiveSnapshot(),
							 MLOPS_READ);
	mlops_monitor_open(&run);
	mlops_periods_need(run.periods, monitor->segments);
	mlops_periods_scan(run.periods, empty, empty, run.target,
					   run.target_recorded, run.inputs, take_time, &empty);
	if (version_id != 0)
		try_version(&run);
}

/*
 * What a monitor without a source for its baseline cannot do: 55000 if the
 * version has no baseline, 22023 if something is to be learned from it.
 */
static void
check_baseline(const MlopsMonitorRun *run)
{
	if (run->measures->drift && run->version->baselines == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no baseline",
						run->version->spelled),
				 errdetail("Its version was not trained here."),
				 errhint("Pass baseline_source =>, or metrics => 'performance'.")));
	for (int i = 0; i < MLOPS_DECIDERS; i++)
		if (run->measures->options.learned[i])
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("thresholds are learned from rows"),
					 errhint("Pass baseline_source => with the training rows.")));
}

/*
 * Look for drift in no rows: the features must be there, and the baseline.
 */
static void
try_version(MlopsMonitorRun *run)
{
	const MlopsMonitor *monitor = run->monitor;
	MlopsDueWindow due = {0};
	MlopsDriftRequest request = {0};

	run->version_context = AllocSetContextCreate(CurrentMemoryContext,
												 "mlops monitor version",
												 ALLOCSET_DEFAULT_SIZES);
	mlops_monitor_version(run, &due);
	if (monitor->baseline_source != NULL)
	{
		(void) mlops_window_open(mlops_window_of_predictor(run->version->predictor),
								 monitor->baseline_source, monitor->segments);
	}
	else
		check_baseline(run);
	if (run->version->baselines == NIL)
		return;
	request.source = mlops_periods_query(run->periods, 0, 0, NULL);
	request.predictor = run->version->predictor;
	request.model = run->version->spelled;
	request.importance = run->version->importance;
	request.baselines = run->version->baselines;
	request.by = monitor->segments;
	request.features = monitor->features;
	request.options = run->measures->options;
	/* what is learned is learned from rows, which are not read here */
	if (monitor->baseline_source != NULL)
		memset(request.options.learned, 0, sizeof(request.options.learned));
	request.sink = take_row;
	mlops_drift_run(&request);
}

/* A MlopsDriftSink for rows that nobody wants. */
static void
take_row(const MlopsDriftRow *row, void *arg)
{
}

/* A MlopsPeriodsCallback; a period from a time to the same has no rows. */
static void
take_time(const MlopsPeriodsRow *row, void *arg)
{
}

/*
 * Change a list if it is given; an empty one is none.
 */
static void
alter_list(List **list, FunctionCallInfo fcinfo, int argument)
{
	if (!PG_ARGISNULL(argument))
		*list = mlops_optional_list(fcinfo, argument);
}

/*
 * Change a text if it is given; an empty one is none, where there may be
 * none.
 */
static void
alter_text(char **text, FunctionCallInfo fcinfo, int argument)
{
	char	   *given = mlops_optional_text(fcinfo, argument);

	if (given != NULL)
		*text = given[0] == '\0' && argument >= ALTER_TARGET ? NULL : given;
}
