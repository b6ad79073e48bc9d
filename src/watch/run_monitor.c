/*
 * run_monitor.c
 *		mlops.run_monitor(): compute the windows of a monitor that are due.
 *
 * A run holds the lock of its monitor until the transaction ends.  What was
 * written before is read as last committed, and the rows under a snapshot
 * that is taken after the lock: a run that comes second finds the first one's
 * windows, and has nothing left to do.
 *
 * Each window is computed and stored in a subtransaction.  An error becomes
 * its row, and the next window goes on.  What ends the statement ends the run,
 * too, and is handed to the caller, who may keep what was computed before.
 *
 * The texts of a monitor are run with the rights of the caller, and with the
 * search path and time zone of who wrote them.  Nobody is made to run what
 * somebody with fewer rights has written.
 */
#include "postgres.h"

#include <math.h>

#include "base/attempt.h"
#include "base/base.h"
#include "data/signature.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#include "watch/alert.h"
#include "watch/monitor.h"
#include "watch/monitor_run.h"

#define N_COLUMNS		7

PG_FUNCTION_INFO_V1(mlops_run_monitor);

/* The order of the arguments in SQL. */
enum
{
	ARG_MONITOR, ARG_UNTIL, ARG_MAX_WINDOWS, ARG_RECOMPUTE, ARG_MAX_DURATION
};

/* The counting of rows, as work that may fail. */
typedef struct Count
{
	MlopsMonitorRun *run;
	List	   *stored;
	List	   *due;
} Count;

/* A window, likewise. */
typedef struct Work
{
	MlopsMonitorRun *run;
	const MlopsDueWindow *due;
	const ErrorData *error;		/* that was met before, or NULL */
	MlopsMonitorWindow *window;
	MemoryContext context;		/* that the window lives in */
} Work;

static MlopsMonitor *take_monitor(const char *name, bool *busy);
static void check_author(const char *author, const char *what,
						 const char *name, const char *hint);
static void tell_time(const char *name, const MlopsMonitorOutcome *outcome);
static List *inputs_of(const MlopsMonitor *monitor, int64 version_id);
static void run_windows(MlopsMonitorRun *run, MlopsMonitorOutcome *outcome);
static void prepare(MlopsMonitorRun *run);
static void count_rows(void *arg);
static void run_window(void *arg);
static void compute_window(void *arg);
static void store_failure(Work *work, const ErrorData *error,
						  instr_time start);
static double seconds_since(instr_time start);
static char *message_of(const MlopsMonitorRun *run,
						const MlopsMonitorWindow *window, List *results);
static void put_window(ReturnSetInfo *result,
					   const MlopsMonitorWindow *window);

/* run_monitor(monitor text, until timestamptz, ...) returns setof record */
Datum
mlops_run_monitor(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext context;
	MemoryContext old;
	TimestampTz until = GetCurrentTimestamp();
	int			max_windows = 1000;
	char	   *name;
	MlopsMonitorOutcome outcome;
	ListCell   *cell;

	PreventCommandIfReadOnly("mlops.run_monitor()");
	InitMaterializedSRF(fcinfo, 0);
	context = AllocSetContextCreate(CurrentMemoryContext, "mlops monitor",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	name = mlops_required_text(fcinfo, ARG_MONITOR, "monitor");
	if (!PG_ARGISNULL(ARG_UNTIL))
		until = PG_GETARG_TIMESTAMPTZ(ARG_UNTIL);
	if (!PG_ARGISNULL(ARG_MAX_WINDOWS))
		max_windows = PG_GETARG_INT32(ARG_MAX_WINDOWS);
	mlops_monitor_run(name, until, max_windows,
					  PG_ARGISNULL(ARG_RECOMPUTE) ? NULL :
					  PG_GETARG_INTERVAL_P(ARG_RECOMPUTE),
					  PG_ARGISNULL(ARG_MAX_DURATION) ? NULL :
					  PG_GETARG_INTERVAL_P(ARG_MAX_DURATION), &outcome);
	if (outcome.end != NULL && !outcome.timed_out)
		ReThrowError(outcome.end);
	if (outcome.busy)
		ereport(NOTICE,
				(errmsg("monitor \"%s\" is being run by another session",
						name)));
	tell_time(name, &outcome);
	foreach(cell, outcome.windows)
		put_window(result, lfirst(cell));
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return (Datum) 0;
}

/* Say that there was no time for windows, if so. */
static void
tell_time(const char *name, const MlopsMonitorOutcome *outcome)
{
	if (outcome->n_left == 0)
		return;
	ereport(outcome->timed_out ? WARNING : NOTICE,
			(errmsg(outcome->timed_out ?
					"timeout while monitor \"%s\" was run; windows left: %d" :
					"no time for more windows of monitor \"%s\"; left: %d",
					name, outcome->n_left),
			 errhint("The next call of mlops.run_monitor() goes on with them.")));
}

void
mlops_monitor_run(const char *name, TimestampTz until, int max_windows,
				  const Interval *recompute, const Interval *max_duration,
				  MlopsMonitorOutcome *outcome)
{
	MlopsMonitorRun run = {0};
	MlopsMonitor *monitor;
	Interval	none = {0};
	int			nest_level;

	memset(outcome, 0, sizeof(MlopsMonitorOutcome));
	mlops_budget_begin(&run.budget, max_duration);

	if (TIMESTAMP_NOT_FINITE(until))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be finite", "until")));
	if (max_windows < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be positive", "max_windows")));
	if (recompute != NULL &&
		DatumGetBool(DirectFunctionCall2(interval_lt,
										 IntervalPGetDatum(recompute),
										 IntervalPGetDatum(&none))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be negative",
						"recompute")));
	monitor = take_monitor(name, &outcome->busy);
	if (outcome->busy)
		return;
	if (!monitor->enabled)
	{
		ereport(NOTICE,
				(errmsg("monitor \"%s\" is not enabled", name),
				 errhint("mlops.alter_monitor() enables it.")));
		return;
	}
	run.monitor = monitor;
	run.until = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_mi_interval,
														TimestampTzGetDatum(until),
														IntervalPGetDatum(monitor->lateness)));
	if (TIMESTAMP_NOT_FINITE(run.until))
		return;
	run.max_windows = max_windows;
	run.recompute = recompute;

	nest_level = NewGUCNestLevel();
	(void) set_config_option("search_path", monitor->search_path,
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	(void) set_config_option("TimeZone", monitor->time_zone,
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	PushActiveSnapshot(GetTransactionSnapshot());
	run_windows(&run, outcome);
	PopActiveSnapshot();
	AtEOXact_GUC(true, nest_level);
}

/*
 * The monitor, after the checks of rights, with its lock; *busy if somebody
 * else has that.  It is read again then, for it may have been changed.
 */
static MlopsMonitor *
take_monitor(const char *name, bool *busy)
{
	MlopsMonitor *monitor = mlops_monitor_lookup(name, NULL, false);

	mlops_model_keep(mlops_model_managed(monitor->model)->name);
	*busy = !mlops_monitor_lock(monitor, false);
	if (*busy)
		return monitor;
	monitor = mlops_monitor_lookup(name, NULL, false);
	(void) mlops_model_managed(monitor->model);
	check_author(monitor->created_by, "monitor", name,
				 "Let that role run it, or make it yours with mlops.alter_monitor(), after a look at it in mlops.monitors.");
	return monitor;
}

/*
 * 42501 unless whoever wrote what is to be run might do all that the current
 * role may.
 */
static void
check_author(const char *author, const char *what, const char *name,
			 const char *hint)
{
	Oid			role = get_role_oid(author, true);

	if (OidIsValid(role) && has_privs_of_role(role, GetUserId()))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("%s of \"%s\" was written by another role", what, name),
			 errdetail("Role \"%s\" %s, so its queries are not run with the rights of \"%s\".",
					   author, OidIsValid(role) ? "has fewer rights" :
					   "is not there any more",
					   GetUserNameFromId(GetUserId(), false)),
			 errhint("%s", hint)));
}

/*
 * Find the windows that are due, and compute them while there is time.
 */
static void
run_windows(MlopsMonitorRun *run, MlopsMonitorOutcome *outcome)
{
	Count		count = {run};
	ErrorData  *error;
	ListCell   *cell;

	prepare(run);
	count.stored = mlops_monitor_windows(run->monitor->monitor_id,
										 DT_NOBEGIN, 0, NULL);
	error = mlops_attempt(count_rows, &count);
	if (error != NULL)
	{
		count.due = mlops_monitor_due_blind(run, count.stored);
		/* there is no window to put it down to */
		if (count.due == NIL)
			ReThrowError(error);
	}
	outcome->n_left = list_length(count.due);
	foreach(cell, count.due)
	{
		Work		work = {run, lfirst(cell), error};
		TimestampTz start = GetCurrentTimestamp();

		if (!mlops_budget_allows(&run->budget))
			break;
		work.context = CurrentMemoryContext;
		outcome->end = mlops_attempt_all(run_window, &work);
		if (outcome->end != NULL)
			break;
		outcome->windows = lappend(outcome->windows, work.window);
		outcome->n_left--;
		mlops_budget_spend(&run->budget, start);
	}
	outcome->timed_out = outcome->windows != NIL && outcome->end != NULL &&
		mlops_budget_forgives(&run->budget, outcome->end);
}

/*
 * What does not depend on the source.
 */
static void
prepare(MlopsMonitorRun *run)
{
	const MlopsMonitor *monitor = run->monitor;

	run->model = mlops_model_lookup(monitor->model, NULL, false);
	run->reference = mlops_reference_parse(monitor->reference);
	run->measures = mlops_measures_of(monitor->metrics, monitor->thresholds);
	run->labels = mlops_monitor_labels(monitor);
	if (run->reference.alias != NULL)
		run->aliases = mlops_alias_periods(run->model, run->reference.alias,
										   GetActiveSnapshot(),
										   &run->n_aliases);
	run->version_context = AllocSetContextCreate(CurrentMemoryContext,
												 "mlops monitor version",
												 ALLOCSET_DEFAULT_SIZES);
}

/* Work for mlops_attempt(). */
static void
count_rows(void *arg)
{
	Count	   *count = arg;

	mlops_monitor_open(count->run);
	count->due = mlops_monitor_due(count->run, count->stored);
}

void
mlops_monitor_open(MlopsMonitorRun *run)
{
	const MlopsMonitor *monitor = run->monitor;
	Snapshot	snapshot = GetActiveSnapshot();
	MlopsWish	wish = run->measures->performance;
	int64		version_id = mlops_resolve_quietly(&run->reference, snapshot,
												   MLOPS_READ);

	/* what a monitor is told itself goes before what its model is told */
	if (wish == MLOPS_UNWANTED || monitor->target != NULL)
		run->labels = NULL;
	run->periods = mlops_periods_open(monitor->source, monitor->event_time,
									  &run->labels, wish == MLOPS_WANTED);
	run->windows = mlops_windows_of(monitor->window_size,
									mlops_periods_zoned(run->periods));
	run->inputs = mlops_periods_stored(run->periods,
									   inputs_of(monitor, version_id));
	if (wish == MLOPS_UNWANTED)
		return;
	run->target = monitor->target;
	if (run->labels == NULL && run->target == NULL && version_id != 0)
	{
		run->target = mlops_version_load(version_id, snapshot)->target;
		run->target_recorded = true;
		if (run->target != NULL && (run->target[0] == '\0' ||
									!mlops_periods_have(run->periods,
														run->target)))
			run->target = NULL;
	}
	run->labelled = run->labels != NULL || run->target != NULL;
	if (!run->labelled && wish == MLOPS_WANTED &&
		version_id != 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("source has no labels to measure performance by"),
				 errdetail("It lacks columns of the target: \"%s\".",
						   mlops_version_load(version_id, snapshot)->target),
				 errhint("Pass target =>, or tell where labels come from with mlops.set_label_source().")));
}

/*
 * The columns that what is found in a window depends on, beside labels: what
 * the version takes, and what slices are cut by.
 */
static List *
inputs_of(const MlopsMonitor *monitor, int64 version_id)
{
	List	   *names = list_copy(monitor->segments);
	MlopsSignature *signature;

	if (version_id == 0)
		return names;
	signature = mlops_signature_from_jsonb(mlops_version_load(version_id,
															  GetActiveSnapshot())->signature);
	for (int i = 0; i < signature->n_inputs; i++)
		names = lappend(names, signature->inputs[i].name);
	return names;
}

MlopsLabelSource *
mlops_monitor_labels(const MlopsMonitor *monitor)
{
	MlopsLabelSource *labels = mlops_label_source(monitor->model_id, NULL);

	if (labels != NULL)
		check_author(labels->created_by, "label source", monitor->model,
					 "Let that role run it, or call mlops.set_label_source() yourself.");
	return labels;
}

/*
 * Work for mlops_attempt_all(): compute one window and store it, or that it
 * failed, and judge it.  The window is the caller's if there was no error.
 */
static void
run_window(void *arg)
{
	Work	   *work = arg;
	const ErrorData *error = work->error;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "mlops monitor window",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	MlopsMonitorWindow *window = palloc0(sizeof(MlopsMonitorWindow));
	instr_time	start;

	CHECK_FOR_INTERRUPTS();
	window->window_start = work->due->window_start;
	window->window_end = work->due->window_end;
	window->n_rows = work->due->n_rows;
	window->n_labelled = work->due->n_labelled;
	window->fingerprint = work->due->fingerprint;
	work->window = window;
	INSTR_TIME_SET_CURRENT(start);
	old = MemoryContextSwitchTo(context);
	if (error == NULL)
		error = mlops_attempt(compute_window, work);
	MemoryContextSwitchTo(old);
	if (error != NULL)
		store_failure(work, error, start);
	MemoryContextDelete(context);

	/* so that it sees what was stored */
	PushActiveSnapshot(GetTransactionSnapshot());
	mlops_alert_window(work->run->monitor, window->window_start);
	PopActiveSnapshot();
}

/* Work for mlops_attempt(): compute a window and store it. */
static void
compute_window(void *arg)
{
	Work	   *work = arg;
	MlopsMonitorWindow *window = work->window;
	List	   *results = NIL;
	instr_time	start;

	INSTR_TIME_SET_CURRENT(start);
	window->state = "empty";
	if (work->due->n_rows > 0)
	{
		window->state = "completed";
		results = mlops_monitor_compute(work->run, work->due, window);
	}
	window->status = mlops_monitor_status(results, NULL);
	if (window->status == NULL)
		window->status = "insufficient data";
	window->message = MemoryContextStrdup(work->context,
										  message_of(work->run, window,
													 results));
	window->seconds = seconds_since(start);
	mlops_monitor_window_store(work->run->monitor->monitor_id, window,
							   results);
}

/*
 * Store that a window failed, which was begun at that time.  What was found in
 * it before stays: its rows may never be read again.
 */
static void
store_failure(Work *work, const ErrorData *error, instr_time start)
{
	MlopsMonitorWindow *window = work->window;
	const MlopsMonitor *monitor = work->run->monitor;

	/* one that was dropped meanwhile has no windows: 42704 */
	(void) mlops_monitor_lookup(monitor->name, NULL, false);
	window->state = "failed";
	window->status = "insufficient data";
	window->error = window->message = mlops_attempt_message(error);
	window->error_code = mlops_attempt_code(error);
	window->seconds = seconds_since(start);
	if (work->due->completed)
		mlops_monitor_window_blame(monitor->monitor_id, window);
	else
		mlops_monitor_window_store(monitor->monitor_id, window, NIL);
}

/* The seconds that have passed. */
static double
seconds_since(instr_time start)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, start);
	return INSTR_TIME_GET_DOUBLE(now);
}

/*
 * What there is to say of a window: what is bad of the model as a whole.
 */
static char *
message_of(const MlopsMonitorRun *run, const MlopsMonitorWindow *window,
		   List *results)
{
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	if (strcmp(window->state, "empty") == 0)
		appendStringInfoString(&text, "no rows");
	else if (run->labelled && window->n_labelled == 0)
		appendStringInfoString(&text, "no labels");
	foreach(cell, results)
	{
		const MlopsMonitorResult *result = lfirst(cell);

		if (result->feature[0] != '\0' ||
			JB_ROOT_COUNT(result->slice) != 0 ||
			(strcmp(result->status, "potential") != 0 &&
			 strcmp(result->status, "detected") != 0))
			continue;
		appendStringInfo(&text, "%s%s%s %.3g (%s)",
						 text.len > 0 ? ", " : "",
						 strcmp(result->measure, "consecutive drift") == 0 ?
						 "consecutive " :
						 strcmp(result->measure, "estimate") == 0 ?
						 "estimated " : "",
						 result->metric, result->value, result->status);
	}
	return text.data;
}

/*
 * Add a window to the result.
 */
static void
put_window(ReturnSetInfo *result, const MlopsMonitorWindow *window)
{
	Datum		values[N_COLUMNS];
	bool		nulls[N_COLUMNS] = {0};

	values[0] = TimestampTzGetDatum(window->window_start);
	values[1] = TimestampTzGetDatum(window->window_end);
	values[2] = CStringGetTextDatum(window->state);
	values[3] = CStringGetTextDatum(window->status);
	values[4] = Int64GetDatum(window->n_rows);
	values[5] = Int64GetDatum(window->n_labelled);
	nulls[6] = window->message == NULL || window->message[0] == '\0';
	if (!nulls[6])
		values[6] = CStringGetTextDatum(window->message);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}
