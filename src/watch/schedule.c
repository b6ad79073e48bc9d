/*
 * schedule.c
 *		Schedules as SQL sees them: jobs made, ended, and when they run next.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "base/base.h"
#include "catalog/catalog.h"
#include "catalog/job.h"
#include "catalog/monitor.h"
#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "math/cron.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "watch/alert.h"
#include "watch/schedule.h"
#include "watch/scheduler.h"

PG_FUNCTION_INFO_V1(mlops_schedule_job);
PG_FUNCTION_INFO_V1(mlops_unschedule_job);
PG_FUNCTION_INFO_V1(mlops_next_run);
PG_FUNCTION_INFO_V1(mlops_job_obstacle);

/* Bytes that a schedule may have. */
#define LONGEST_SCHEDULE	200

static const char *const kind_names[] = {"monitor", "retrain", "watch"};

static char *current_role_name(void);
static MlopsModel *model_of_subject(const char *kind, const char *subject);
static void check_name(const char *name);
static void check_login(void);
static MlopsJob *take_over(const MlopsJob *wanted);
static bool unschedule(const char *name, bool missing_ok);
static void end_job(const MlopsJob *job);
static pg_tz *zone_of_cron(void);
static bool next_moment(const MlopsCron *cron, TimestampTz after,
						TimestampTz *next);

/* schedule(subject text, schedule text, kind text, name text) returns bigint */
Datum
mlops_schedule_job(PG_FUNCTION_ARGS)
{
	char	   *subject = mlops_required_text(fcinfo, 0, "subject");
	char	   *schedule = mlops_optional_text(fcinfo, 1);
	char	   *kind = mlops_required_text(fcinfo, 2, "kind");

	PreventCommandIfReadOnly("mlops.schedule()");
	PG_RETURN_INT64(mlops_schedule(subject, schedule, kind,
								   mlops_optional_text(fcinfo, 3)));
}

/* unschedule(name text) returns void */
Datum
mlops_unschedule_job(PG_FUNCTION_ARGS)
{
	PreventCommandIfReadOnly("mlops.unschedule()");
	unschedule(mlops_required_text(fcinfo, 0, "name"), false);
	PG_RETURN_VOID();
}

/*
 * _next_run(schedule text, last_started timestamptz) returns timestamptz:
 * NULL for what has no next time, or is no schedule
 */
Datum
mlops_next_run(PG_FUNCTION_ARGS)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz next;
	MlopsCron	cron;
	const char *problem;

	if (PG_ARGISNULL(0) ||
		!mlops_cron_parse(text_to_cstring(PG_GETARG_TEXT_PP(0)), &cron,
						  &problem) || cron.reboot)
		PG_RETURN_NULL();
	if (cron.seconds > 0)
	{
		if (PG_ARGISNULL(1))
			PG_RETURN_TIMESTAMPTZ(now);
		next = TimestampTzPlusMilliseconds(PG_GETARG_TIMESTAMPTZ(1),
										   cron.seconds * INT64CONST(1000));
		PG_RETURN_TIMESTAMPTZ(Max(now, next));
	}
	if (!next_moment(&cron, now, &next))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(next);
}

/* _job_obstacle(run_as text, system_identifier text) returns text */
Datum
mlops_job_obstacle(PG_FUNCTION_ARGS)
{
	char	   *role = mlops_required_text(fcinfo, 0, "run_as");
	char	   *cluster = mlops_required_text(fcinfo, 1, "system_identifier");

	if (strcmp(cluster, mlops_system_identifier()) != 0)
		PG_RETURN_TEXT_P(cstring_to_text("it was scheduled on another cluster"));
	if (!OidIsValid(get_role_oid(role, true)))
		PG_RETURN_TEXT_P(cstring_to_text(psprintf("role \"%s\" does not exist",
												  role)));
	PG_RETURN_NULL();
}

int64
mlops_schedule(const char *subject, const char *schedule, const char *kind,
			   const char *name)
{
	MlopsJob	wanted = {0};
	MlopsJob   *job;
	MlopsModel *model;

	(void) mlops_word_of("kind of job", kind, kind_names,
						 lengthof(kind_names));
	model = model_of_subject(kind, subject);
	mlops_model_check(model, MLOPS_MANAGE);
	wanted.name = name != NULL ? name : psprintf("%s %s", kind, subject);
	check_name(wanted.name);
	if (schedule != NULL)
	{
		mlops_schedule_check(schedule);
		check_login();
	}
	wanted.kind = kind;
	wanted.model_id = model->model_id;
	wanted.subject = subject;
	wanted.schedule = schedule;
	wanted.run_as = current_role_name();
	wanted.system_identifier = mlops_system_identifier();

	job = take_over(&wanted);
	mlops_job_hold(job->job_id);
	if (schedule != NULL)
		mlops_scheduler_add(job);
	mlops_job_update(job);
	return job->job_id;
}

void
mlops_schedule_check(const char *schedule)
{
	MlopsCron	cron;
	const char *problem = "it is too long";

	if (strlen(schedule) > LONGEST_SCHEDULE ||
		!mlops_cron_parse(schedule, &cron, &problem))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid schedule: \"%.200s\"", schedule),
				 errdetail("It cannot be read: %s.", problem),
				 errhint("Such as '0 * * * *' (each hour), '30 5 * * mon-fri' or '@daily'; times are those of GMT.")));
}

int
mlops_unschedule_subject(const char *kind, const char *subject)
{
	int			n = 0;
	ListCell   *cell;

	foreach(cell, mlops_jobs())
	{
		MlopsJob   *job = lfirst(cell);

		if (strcmp(job->subject, subject) == 0 &&
			(kind == NULL || strcmp(job->kind, kind) == 0))
			n += unschedule(job->name, true);
	}
	return n;
}

void
mlops_jobs_await(const char *kind, const char *subject)
{
	ListCell   *cell;

	foreach(cell, mlops_jobs())
	{
		MlopsJob   *job = lfirst(cell);

		if (strcmp(job->subject, subject) == 0 &&
			strcmp(job->kind, kind) == 0)
			(void) mlops_job_claim(job->job_id, true);
	}
}

/* The name of the current role. */
static char *
current_role_name(void)
{
	return GetUserNameFromId(GetUserId(), false);
}

/* The model that a job is for; 42704. */
static MlopsModel *
model_of_subject(const char *kind, const char *subject)
{
	MlopsModel *model;

	if (strcmp(kind, "monitor") != 0)
		return mlops_model_lookup(subject, NULL, false);
	model = mlops_model_by_id(mlops_monitor_lookup(subject, NULL,
												   false)->model_id, NULL);
	if (model == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the model of monitor \"%s\" has just been dropped",
						subject)));
	return model;
}

/* 22023 unless it can be a job's name. */
static void
check_name(const char *name)
{
	if (name[0] == '\0' || strlen(name) > 200)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the name of a job must have 1 to 200 bytes"),
				 errhint("Give one as the argument name.")));
}

/* 55000 unless the current role can log in, as pg_cron does for it. */
static void
check_login(void)
{
	HeapTuple	tuple = SearchSysCache1(AUTHOID,
										ObjectIdGetDatum(GetUserId()));
	bool		can = HeapTupleIsValid(tuple) &&
		((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin;

	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	if (!can)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("role \"%s\" cannot log in", current_role_name()),
				 errdetail("pg_cron connects as the role whose job it runs."),
				 errhint("Schedule as a role that can, or run ALTER ROLE ... LOGIN.")));
}

/*
 * The row of a job: the one of that name, if it is for the same and of the
 * same role, with the schedule wanted, else a new one in its place.  A new
 * number makes the old role's job of pg_cron end itself.  42710 if the name
 * is that of another kind of job.
 */
static MlopsJob *
take_over(const MlopsJob *wanted)
{
	MlopsJob   *job = mlops_job_lookup(wanted->name);

	if (job != NULL &&
		(strcmp(job->kind, wanted->kind) != 0 ||
		 strcmp(job->subject, wanted->subject) != 0))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("job \"%s\" exists already", wanted->name),
				 errdetail("Its kind is %s, and its subject \"%s\".",
						   job->kind, job->subject),
				 errhint("Give another name, or end it with mlops.unschedule().")));
	if (job != NULL &&
		strcmp(job->run_as, wanted->run_as) == 0 &&
		strcmp(job->system_identifier, wanted->system_identifier) == 0 &&
		job->model_id == wanted->model_id &&
		(wanted->schedule != NULL || job->cron_job_id == 0))
	{
		job->schedule = wanted->schedule;
		return job;
	}
	if (job != NULL)
		end_job(job);
	job = palloc(sizeof(MlopsJob));
	*job = *wanted;
	if (!mlops_job_insert(job))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("job \"%s\" has just been made by another transaction",
						job->name),
				 errhint("Try again.")));
	return job;
}

/*
 * End a job, the caller's rights checked; false if there is no job of that
 * name and missing_ok, else 42704.
 */
static bool
unschedule(const char *name, bool missing_ok)
{
	MlopsJob   *job = mlops_job_lookup(name);
	MlopsModel *model;

	if (job == NULL)
	{
		if (missing_ok)
			return false;
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("job \"%s\" does not exist", name),
				 errhint("The view mlops.schedules lists those that you may see.")));
	}
	model = mlops_model_by_id(job->model_id, NULL);
	if (model != NULL)
		mlops_model_check(model, MLOPS_MANAGE);
	else if (strcmp(job->run_as, current_role_name()) != 0 && !superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("job \"%s\" belongs to role \"%s\"", name,
						job->run_as),
				 errdetail("Its model has been dropped.")));
	end_job(job);
	return true;
}

/* Remove a job, its alerts, and what pg_cron has of it. */
static void
end_job(const MlopsJob *job)
{
	mlops_job_hold(job->job_id);
	mlops_job_delete(job->job_id);
	mlops_alert_forget(job->model_id, psprintf("job %s", job->name));
	mlops_scheduler_remove(job);
}

/* The time zone of schedules: pg_cron has a setting since 1.5. */
static pg_tz *
zone_of_cron(void)
{
	const char *name = GetConfigOption("cron.timezone", true, false);
	pg_tz	   *zone = name != NULL ? pg_tzset(name) : NULL;

	return zone != NULL ? zone : pg_tzset("GMT");
}

/* The first moment after another one that the fields match, if there is one. */
static bool
next_moment(const MlopsCron *cron, TimestampTz after, TimestampTz *next)
{
	pg_tz	   *zone = zone_of_cron();
	MlopsCronTime time;
	struct pg_tm tm;
	fsec_t		fraction;
	int			offset;

	if (timestamp2tm(after, &offset, &tm, &fraction, NULL, zone) != 0)
		return false;
	time = (MlopsCronTime)
	{
		tm.tm_year, tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min
	};
	if (!mlops_cron_next(cron, &time))
		return false;
	memset(&tm, 0, sizeof(tm));
	tm.tm_year = time.year;
	tm.tm_mon = time.month;
	tm.tm_mday = time.day;
	tm.tm_hour = time.hour;
	tm.tm_min = time.minute;
	offset = DetermineTimeZoneOffset(&tm, zone);
	return tm2timestamp(&tm, 0, &offset, next) == 0;
}
