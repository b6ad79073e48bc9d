/*
 * job.c
 *		Jobs and their runs.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/internal.h"
#include "catalog/job.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/fmgroids.h"

/* Columns of mlops.job, by number. */
enum
{
	JOB_JOB_ID = 1, JOB_NAME, JOB_KIND, JOB_MODEL_ID, JOB_SUBJECT,
	JOB_SCHEDULE, JOB_RUN_AS, JOB_CRON_JOB_ID, JOB_CRON_DATABASE,
	JOB_SYSTEM_IDENTIFIER
};

/* What of a job is locked: its row, and its being run. */
enum
{
	LOCK_ROW = 1, LOCK_RUN
};

static MlopsJob *read_job(MlopsScan *scan, HeapTuple tuple);
static LOCKTAG tag_of(int64 job_id, int what);
static void add_place(MlopsArguments *arguments, const MlopsJob *job);

MlopsJob *
mlops_job_by_id(int64 job_id)
{
	MlopsJob   *job = NULL;
	MlopsScan	scan;
	ScanKeyData key;
	HeapTuple	tuple;

	mlops_key_int8(&key, JOB_JOB_ID, job_id);
	mlops_scan_begin(&scan, "job", "job_pkey", NULL, 1, &key);
	if (HeapTupleIsValid(tuple = mlops_scan_next(&scan)))
		job = read_job(&scan, tuple);
	mlops_scan_end(&scan);
	return job;
}

MlopsJob *
mlops_job_lookup(const char *name)
{
	MlopsJob   *job = NULL;
	MlopsScan	scan;
	ScanKeyData key;
	HeapTuple	tuple;

	mlops_key_text(&key, JOB_NAME, name);
	mlops_scan_begin(&scan, "job", "job_name_key", NULL, 1, &key);
	if (HeapTupleIsValid(tuple = mlops_scan_next(&scan)))
		job = read_job(&scan, tuple);
	mlops_scan_end(&scan);
	return job;
}

List *
mlops_jobs(void)
{
	List	   *jobs = NIL;
	MlopsScan	scan;
	ScanKeyData key;
	HeapTuple	tuple;

	ScanKeyInit(&key, JOB_JOB_ID, BTGreaterStrategyNumber, F_INT8GT,
				Int64GetDatum(0));
	mlops_scan_begin(&scan, "job", "job_pkey", NULL, 1, &key);
	while (HeapTupleIsValid(tuple = mlops_scan_next(&scan)))
		jobs = lappend(jobs, read_job(&scan, tuple));
	mlops_scan_end(&scan);
	return jobs;
}

bool
mlops_job_insert(MlopsJob *job)
{
	MlopsArguments a = {0};

	mlops_add_text(&a, job->schedule);
	add_place(&a, job);
	mlops_add_text(&a, job->name);
	mlops_add_text(&a, job->kind);
	mlops_add_int8(&a, job->model_id);
	mlops_add_text(&a, job->subject);
	mlops_add_text(&a, job->run_as);
	mlops_add_text(&a, job->system_identifier);
	return mlops_catalog_execute("INSERT INTO mlops.job (schedule,"
								 " cron_job_id, cron_database, name, kind,"
								 " model_id, subject, run_as,"
								 " system_identifier)"
								 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
								 " ON CONFLICT (name) DO NOTHING"
								 " RETURNING job_id", &a, &job->job_id) > 0;
}

void
mlops_job_update(const MlopsJob *job)
{
	MlopsArguments a = {0};

	mlops_add_text(&a, job->schedule);
	add_place(&a, job);
	mlops_add_int8(&a, job->job_id);
	mlops_catalog_execute("UPDATE mlops.job SET schedule = $1,"
						  " cron_job_id = $2, cron_database = $3"
						  " WHERE job_id = $4", &a, NULL);
}

void
mlops_job_delete(int64 job_id)
{
	MlopsArguments a = {0};

	mlops_add_int8(&a, job_id);
	mlops_catalog_execute("DELETE FROM mlops.job WHERE job_id = $1", &a,
						  NULL);
}

void
mlops_job_run_add(const MlopsJobRun *run)
{
	MlopsArguments a = {0};

	mlops_add_int8(&a, run->job_id);
	mlops_add_text(&a, run->state);
	mlops_add_time(&a, run->started_at);
	mlops_add_time(&a, run->ended_at);
	mlops_add_text(&a, run->message);
	mlops_add_text(&a, run->error);
	mlops_add_text(&a, run->error_code);
	mlops_add_text(&a, mlops_current_role());
	mlops_catalog_execute("INSERT INTO mlops.job_run (job_id, state,"
						  " started_at, ended_at, message, error, error_code,"
						  " run_by)"
						  " SELECT j.job_id, $2, $3, $4, $5, $6, $7, $8"
						  " FROM mlops.job j WHERE j.job_id = $1"
						  " FOR KEY SHARE", &a, NULL);
	a = (MlopsArguments) {0};
	mlops_add_int8(&a, run->job_id);
	mlops_add_int4(&a, MLOPS_JOB_RUNS);
	mlops_catalog_execute("DELETE FROM mlops.job_run WHERE job_id = $1"
						  " AND started_at < (SELECT r.started_at"
						  "  FROM mlops.job_run r WHERE r.job_id = $1"
						  "  ORDER BY r.started_at DESC OFFSET $2 - 1"
						  "  LIMIT 1)", &a, NULL);
}

void
mlops_job_hold(int64 job_id)
{
	LOCKTAG		tag = tag_of(job_id, LOCK_ROW);

	(void) LockAcquire(&tag, ExclusiveLock, false, false);
}

void
mlops_job_await(int64 job_id)
{
	LOCKTAG		tag = tag_of(job_id, LOCK_ROW);

	(void) LockAcquire(&tag, ShareLock, false, false);
	LockRelease(&tag, ShareLock, false);
}

bool
mlops_job_claim(int64 job_id, bool wait)
{
	LOCKTAG		tag = tag_of(job_id, LOCK_RUN);

	return LockAcquire(&tag, ExclusiveLock, false, !wait) !=
		LOCKACQUIRE_NOT_AVAIL;
}

char *
mlops_system_identifier(void)
{
	return psprintf(UINT64_FORMAT, GetSystemIdentifier());
}

/* A lock of class mlops.job; numbers are folded into four bytes. */
static LOCKTAG
tag_of(int64 job_id, int what)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, mlops_catalog_relation("job"),
					   (Oid) (job_id ^ (job_id >> 32)), what);
	return tag;
}

/* Append where pg_cron has the job. */
static void
add_place(MlopsArguments *arguments, const MlopsJob *job)
{
	mlops_add_datum(arguments, INT8OID, Int64GetDatum(job->cron_job_id),
					job->cron_job_id == 0);
	mlops_add_text(arguments, job->cron_database);
}

/* A row of mlops.job as a struct. */
static MlopsJob *
read_job(MlopsScan *scan, HeapTuple tuple)
{
	MlopsJob   *job = palloc0(sizeof(MlopsJob));

	job->job_id = mlops_scan_int8(scan, tuple, JOB_JOB_ID);
	job->name = mlops_scan_text(scan, tuple, JOB_NAME);
	job->kind = mlops_scan_text(scan, tuple, JOB_KIND);
	job->model_id = mlops_scan_int8(scan, tuple, JOB_MODEL_ID);
	job->subject = mlops_scan_text(scan, tuple, JOB_SUBJECT);
	job->schedule = mlops_scan_text(scan, tuple, JOB_SCHEDULE);
	job->run_as = mlops_scan_text(scan, tuple, JOB_RUN_AS);
	job->cron_job_id = mlops_scan_int8(scan, tuple, JOB_CRON_JOB_ID);
	job->cron_database = mlops_scan_text(scan, tuple, JOB_CRON_DATABASE);
	job->system_identifier = mlops_scan_text(scan, tuple,
											 JOB_SYSTEM_IDENTIFIER);
	return job;
}

