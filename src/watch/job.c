/*
 * job.c
 *		What pg_cron runs: a job, by its number.
 *
 * A job is one statement and one transaction.  Each of its steps is a
 * subtransaction of its own, and so is each window of a monitor, so that what
 * was done before an error stays, and the row that says what went wrong can be
 * written.  That holds for a cancel as well, after which nothing more is
 * tried.  Windows that there is no time for before statement_timeout are left
 * to the next run, and so is what comes after them.
 *
 * A job that has lost what it is for, or its row, tells so and ends itself.
 */
#include "postgres.h"

#include "access/xact.h"
#include "base/base.h"
#include "base/event.h"
#include "base/members.h"
#include "catalog/catalog.h"
#include "catalog/job.h"
#include "catalog/monitor.h"
#include "catalog/policy.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"
#include "watch/alert.h"
#include "watch/monitor.h"
#include "watch/retrain.h"
#include "watch/scheduler.h"

PG_FUNCTION_INFO_V1(mlops_run_job);

/* Windows of a monitor that a run computes. */
#define MOST_WINDOWS	1000

/* A run that is under way. */
typedef struct Run
{
	const MlopsJob *job;
	const MlopsModel *model;
	TimestampTz until;			/* its clock */
	StringInfoData message;		/* what was done so far */
	char	   *error;			/* of the first step that failed, or NULL */
	char		error_code[6];
	bool		is_cancelled;	/* no more steps */
	bool		is_late;		/* windows are left for lack of time */
	/* of the monitor that is being run */
	const char *monitor;
	int			n_windows;
	int			n_failed;
	int			n_left;			/* that there was no time for */
} Run;

typedef void (*Step) (Run *run);

static MlopsJob *job_to_run(int64 job_id, char **message);
static char *job_is_gone(int64 job_id);
static char *job_is_over(const MlopsJob *job, const char *what);
static char *missing_subject(const MlopsJob *job, MlopsModel **model);
static void check_caller(const MlopsJob *job, const MlopsModel *model);
static char *run_job(const MlopsJob *job, const MlopsModel *model);
static void run_steps(Run *run);
static void run_monitor(Run *run, const char *name);
static void monitor_step(Run *run);
static void retrain_step(Run *run);
static void rights_step(Run *run);
static bool try_step(Run *run, Step step);
static void note_error(Run *run, const ErrorData *error);
static void add_message(Run *run, const char *message);
static void tell(const Run *run);

/* run_job(job bigint) returns text */
Datum
mlops_run_job(PG_FUNCTION_ARGS)
{
	MlopsJob   *job;
	MlopsModel *model = NULL;
	char	   *message;
	char	   *missing;

	PreventCommandIfReadOnly("mlops.run_job()");
	mlops_check_given(fcinfo, 0, "job");
	job = job_to_run(PG_GETARG_INT64(0), &message);
	if (job != NULL)
	{
		missing = missing_subject(job, &model);
		check_caller(job, model);
		if (missing == NULL)
		{
			/* it may be gone after that */
			mlops_model_keep(model->name);
			missing = missing_subject(job, &model);
		}
		message = missing != NULL ? job_is_over(job, missing) :
			run_job(job, model);
	}
	PG_RETURN_TEXT_P(cstring_to_text(message));
}

/*
 * The job, or NULL and a message that says why it is not run.  One that is
 * just being scheduled is waited for: pg_cron may be faster than a commit.
 */
static MlopsJob *
job_to_run(int64 job_id, char **message)
{
	MlopsJob   *job = mlops_job_by_id(job_id);

	if (job == NULL)
	{
		mlops_job_await(job_id);
		job = mlops_job_by_id(job_id);
	}
	if (job == NULL)
	{
		*message = job_is_gone(job_id);
		return NULL;
	}
	if (strcmp(job->system_identifier, mlops_system_identifier()) == 0)
		return job;
	*message = psprintf("job \"%s\" was scheduled on another cluster; nothing was done",
						job->name);
	ereport(NOTICE,
			(errmsg("%s", *message),
			 errhint("Call mlops.schedule() to have it run on this one.")));
	return NULL;
}

/* A job without a row: let pg_cron forget it.  42704 if it has none either. */
static char *
job_is_gone(int64 job_id)
{
	if (mlops_scheduler_remove_number(job_id) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("job " INT64_FORMAT " does not exist", job_id),
				 errhint("The view mlops.schedules lists those that you may see.")));
	return psprintf("job " INT64_FORMAT " does not exist any more, and pg_cron will not run it again",
					job_id);
}

/* A job that has lost what it is for ends; says so to whoever listens. */
static char *
job_is_over(const MlopsJob *job, const char *what)
{
	char	   *message = psprintf("%s does not exist any more, and job \"%s\" has ended itself",
								   what, job->name);
	StringInfoData details;

	mlops_job_delete(job->job_id);
	mlops_scheduler_remove(job);
	initStringInfo(&details);
	appendStringInfoChar(&details, '{');
	mlops_append_text(&details, "job", job->name);
	mlops_append_text(&details, "message", message);
	appendStringInfoChar(&details, '}');
	mlops_event("failure", job->subject, details.data);
	ereport(LOG,
			(errmsg("%s", message)));
	return message;
}

/*
 * What a job is for and has lost, in words; NULL if all is there.  *model is
 * its model, NULL if that is gone.
 */
static char *
missing_subject(const MlopsJob *job, MlopsModel **model)
{
	MlopsMonitor *monitor;

	*model = mlops_model_by_id(job->model_id, NULL);
	if (strcmp(job->kind, "monitor") != 0)
		return *model != NULL ? NULL : psprintf("model \"%s\"", job->subject);
	if (*model == NULL)
		return psprintf("the model of monitor \"%s\"", job->subject);
	monitor = mlops_monitor_lookup(job->subject, NULL, true);
	if (monitor == NULL || monitor->model_id != job->model_id)
		return psprintf("monitor \"%s\"", job->subject);
	return NULL;
}

/* 42501 unless the current role may run the job: it is its own, or it may
 * manage the model. */
static void
check_caller(const MlopsJob *job, const MlopsModel *model)
{
	if (strcmp(job->run_as, GetUserNameFromId(GetUserId(), false)) == 0 ||
		superuser())
		return;
	if (model == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("job \"%s\" belongs to role \"%s\"", job->name,
						job->run_as)));
	mlops_model_check(model, MLOPS_MANAGE);
}

/* Run it and write down how that ended; returns what was done. */
static char *
run_job(const MlopsJob *job, const MlopsModel *model)
{
	Run			run = {job, model};
	MlopsJobRun row = {job->job_id, "completed"};

	run.until = row.started_at = GetCurrentTimestamp();
	initStringInfo(&run.message);
	if (mlops_job_claim(job->job_id, false))
		run_steps(&run);
	else
	{
		row.state = "skipped";
		add_message(&run, "it is running already");
	}
	if (run.message.len == 0 && run.error == NULL)
		add_message(&run, "nothing to do");
	if (run.error != NULL)
	{
		row.state = "failed";
		row.error = run.error;
		row.error_code = run.error_code;
	}
	if (run.message.len > 0)
		row.message = run.message.data;
	row.ended_at = GetCurrentTimestamp();
	mlops_job_run_add(&row);
	if (strcmp(row.state, "skipped") != 0)
		tell(&run);
	if (run.error != NULL)
		add_message(&run, psprintf("failed: %s", run.error));
	return run.message.data;
}

/* What the job is to do, by its kind; what fails is in the run. */
static void
run_steps(Run *run)
{
	const char *kind = run->job->kind;
	ListCell   *cell;

	if (!try_step(run, rights_step))
		return;
	if (strcmp(kind, "monitor") == 0)
	{
		run_monitor(run, run->job->subject);
		return;
	}
	if (strcmp(kind, "watch") == 0)
		foreach(cell, mlops_monitors_of(run->model->model_id, NULL))
		{
			MlopsMonitor *monitor = lfirst(cell);

			if (monitor->enabled)
				run_monitor(run, monitor->name);
		}
	if (run->is_cancelled ||
		(strcmp(kind, "retrain") != 0 &&
		 mlops_policy_load(run->model) == NULL))
		return;
	if (run->is_late)
		add_message(run, "retraining is left to the next run");
	else
		try_step(run, retrain_step);
}

/* Compute what is due of a monitor. */
static void
run_monitor(Run *run, const char *name)
{
	bool		is_good;

	if (run->is_cancelled)
		return;
	run->monitor = name;
	run->n_windows = run->n_failed = run->n_left = 0;
	is_good = try_step(run, monitor_step);
	if (run->n_windows == 0 && run->n_left == 0)
	{
		if (is_good)
			add_message(run, psprintf("monitor %s: nothing to do", name));
		return;
	}
	add_message(run, psprintf("monitor %s: windows computed: %d", name,
							  run->n_windows));
	if (run->n_failed > 0)
		appendStringInfo(&run->message, ", failed: %d", run->n_failed);
	if (run->n_left > 0)
		appendStringInfo(&run->message, ", left: %d", run->n_left);
	run->is_late |= run->n_left > 0;
}

/* The windows of run->monitor; what was computed before an error stays. */
static void
monitor_step(Run *run)
{
	MlopsMonitorOutcome outcome;
	ListCell   *cell;

	mlops_monitor_run(run->monitor, run->until, MOST_WINDOWS, NULL, NULL,
					  &outcome);
	run->n_windows = list_length(outcome.windows);
	run->n_left = outcome.n_left;
	foreach(cell, outcome.windows)
		if (strcmp(((MlopsMonitorWindow *) lfirst(cell))->state,
				   "failed") == 0)
			run->n_failed++;
	if (outcome.end != NULL)
		note_error(run, outcome.end);
}

/* Train again, if that is due. */
static void
retrain_step(Run *run)
{
	add_message(run, mlops_retrain_if_due(run->model->name, run->until));
}

/* 42501 if the role has lost its rights since it scheduled the job. */
static void
rights_step(Run *run)
{
	mlops_model_check(run->model, MLOPS_MANAGE);
}

/*
 * Do a step in a subtransaction; false if it failed, which is then noted.
 * What it leaves in the run is in the memory context of the caller.
 */
static bool
try_step(Run *run, Step step)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool is_good = true;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		step(run);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		note_error(run, error);
		FreeErrorData(error);
		is_good = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return is_good;
}

/* Keep the first error; after a cancel nothing more is tried. */
static void
note_error(Run *run, const ErrorData *error)
{
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		run->is_cancelled = true;
	if (run->error != NULL)
		return;
	run->error = error->detail != NULL ?
		psprintf("%s: %s", error->message, error->detail) :
		pstrdup(error->message);
	strlcpy(run->error_code, unpack_sql_state(error->sqlerrcode),
			sizeof(run->error_code));
}

/* Add to what was done. */
static void
add_message(Run *run, const char *message)
{
	appendStringInfo(&run->message, "%s%s", run->message.len > 0 ? "; " : "",
					 message);
}

/* A job that failed is an event, one that did not is well again. */
static void
tell(const Run *run)
{
	const MlopsJob *job = run->job;
	const MlopsModel *model = run->model;
	char	   *subject = psprintf("job %s", job->name);
	StringInfoData details;

	if (run->error == NULL)
	{
		mlops_alert_clear(model->model_id, model->name, "failure", subject,
						  "the job has run without an error");
		return;
	}
	initStringInfo(&details);
	appendStringInfoChar(&details, '{');
	mlops_append_text(&details, "job", job->name);
	mlops_append_text(&details, "error_code", run->error_code);
	mlops_append_text(&details, "error", run->error);
	appendStringInfoChar(&details, '}');
	mlops_alert_event(model->model_id, model->name, "failure", subject,
					  "detected",
					  psprintf("job \"%s\" failed: %s", job->name,
							   run->error), details.data);
}
