/*
 * scheduler.c
 *		Where pg_cron is, and what is asked of it.
 *
 * pg_cron lives in one database of a cluster.  That may be this one, where
 * everything is part of the transaction, or another one, where a background
 * worker does it (cron_remote.c).  What pg_cron has of a job is its number in
 * SELECT mlops.run_job(number): a job whose row is not there, because a
 * transaction was undone or somebody else's job could not be removed, is
 * found out when it is run, and ends itself.
 *
 * Removal elsewhere cannot be undone, so it waits for the end of the
 * transaction: until then jobs are in a list, and one whose row is there
 * again, since a savepoint was rolled back, is left alone.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/cron.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "watch/cron_remote.h"
#include "watch/schedule.h"
#include "watch/scheduler.h"

#define LIBRARY_HINT \
	"Install the package postgresql-%d-cron, add pg_cron to shared_preload_libraries, set cron.database_name = '%s', restart the server, and let a superuser run in that database: CREATE EXTENSION pg_cron;"

/* A job to be removed elsewhere when the transaction commits. */
typedef struct Removal
{
	int64		job_id;
	char	   *place;
} Removal;

static List *removals = NIL;	/* of Removal *, in TopTransactionContext */

static bool is_here(const char *place);
static char *command_of(int64 job_id);
static char *this_database(void);
static const char *for_cron(const char *schedule);
static void remove_later(int64 job_id, const char *place);
static void at_end(XactEvent event, void *argument);
static void remove_now(const Removal *removal);

char *
mlops_scheduler_missing(char **hint)
{
	char	   *place = mlops_scheduler_place();
	char	   *database = this_database();

	if (place == NULL)
	{
		*hint = psprintf(LIBRARY_HINT, PG_VERSION_NUM / 10000, database);
		return pstrdup("The server has not loaded pg_cron.");
	}
	if (is_here(place) && !OidIsValid(get_extension_oid("pg_cron", true)))
	{
		*hint = pstrdup("A superuser runs in this database: CREATE EXTENSION pg_cron;");
		return pstrdup("This is the database of pg_cron, but the extension is not installed in it.");
	}
	if (!is_here(place) && !OidIsValid(get_database_oid(place, true)))
	{
		*hint = psprintf("Set cron.database_name, such as to '%s', restart the server, and let a superuser run in that database: CREATE EXTENSION pg_cron;",
						 database);
		return psprintf("The setting cron.database_name is \"%s\", a database that does not exist.",
						place);
	}
	return NULL;
}

char *
mlops_scheduler_place(void)
{
	int			flags = GetConfigOptionFlags("cron.database_name", true);
	const char *place;

	if (flags == 0 || (flags & GUC_CUSTOM_PLACEHOLDER) != 0)
		return NULL;
	place = GetConfigOption("cron.database_name", true, false);
	return place != NULL ? pstrdup(place) : NULL;
}

void
mlops_scheduler_add(MlopsJob *job)
{
	char	   *hint;
	char	   *missing = mlops_scheduler_missing(&hint);
	char	   *place = mlops_scheduler_place();
	char	   *name = psprintf("mlops %u/" INT64_FORMAT, MyDatabaseId,
								job->job_id);
	MlopsCronRequest request = {place, name, for_cron(job->schedule),
	command_of(job->job_id), this_database()};

	if (missing != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("pg_cron is needed to schedule jobs"),
				 errdetail("%s", missing),
				 errhint("%s", hint)));
	if (is_here(place))
		job->cron_job_id = mlops_cron_add(name, request.schedule,
										  request.command, NULL);
	else
		mlops_cron_remote(&request, ERROR, &job->cron_job_id);
	job->cron_database = place;
}

void
mlops_scheduler_remove(const MlopsJob *job)
{
	char	   *place = mlops_scheduler_place();

	if (job->cron_job_id == 0 || place == NULL)
		return;
	if (!is_here(place))
		remove_later(job->job_id, place);
	else if (mlops_cron_remove(command_of(job->job_id), place) == 0 &&
			 strcmp(job->system_identifier, mlops_system_identifier()) == 0 &&
			 OidIsValid(get_role_oid(job->run_as, true)))
		ereport(NOTICE,
				(errmsg("pg_cron still has job " INT64_FORMAT " of role \"%s\"",
						job->job_id, job->run_as),
				 errdetail("It ends itself when it is run next.")));
}

int64
mlops_scheduler_remove_number(int64 job_id)
{
	char	   *place = mlops_scheduler_place();
	MlopsCronRequest request = {place, NULL, NULL, command_of(job_id),
	this_database()};
	int64		removed = 0;

	if (place == NULL)
		return 0;
	if (is_here(place))
		return mlops_cron_remove(request.command, place);
	mlops_cron_remote(&request, WARNING, &removed);
	return removed;
}

/* Is it this database? */
static bool
is_here(const char *place)
{
	return strcmp(place, this_database()) == 0;
}

/* What pg_cron runs. */
static char *
command_of(int64 job_id)
{
	return psprintf("SELECT mlops.run_job(" INT64_FORMAT ")", job_id);
}

/* The name of this database. */
static char *
this_database(void)
{
	return get_database_name(MyDatabaseId);
}

/* A schedule as pg_cron gets it, whose @yearly never comes round. */
static const char *
for_cron(const char *schedule)
{
	while (*schedule == ' ' || *schedule == '\t')
		schedule++;
	if (strncmp(schedule, "@yearly", 7) == 0 ||
		strncmp(schedule, "@annually", 9) == 0)
		return "0 0 1 1 *";
	return schedule;
}

/* Remove a job when the transaction commits. */
static void
remove_later(int64 job_id, const char *place)
{
	static bool registered = false;
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
	Removal    *removal = palloc(sizeof(Removal));

	if (!registered)
		RegisterXactCallback(at_end, NULL);
	registered = true;
	removal->job_id = job_id;
	removal->place = pstrdup(place);
	removals = lappend(removals, removal);
	MemoryContextSwitchTo(old);
}

/* Callback at the end of a transaction. */
static void
at_end(XactEvent event, void *argument)
{
	ListCell   *cell;

	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE)
		foreach(cell, removals)
			remove_now(lfirst(cell));
	removals = NIL;
}

/* Remove a job, if its row is really gone; what fails is only said. */
static void
remove_now(const Removal *removal)
{
	MlopsCronRequest request = {removal->place, NULL, NULL,
	command_of(removal->job_id), this_database()};
	int64		removed;

	if (mlops_job_by_id(removal->job_id) == NULL)
		mlops_cron_remote(&request, WARNING, &removed);
}
