/*
 * job.h
 *		Jobs and their runs: typed structs in, rows out.
 *
 * Everything is read as last committed, with what this transaction did.
 * Nothing here checks rights.  What a function returns is palloc'd in the
 * current memory context.
 */
#ifndef MLOPS_CATALOG_JOB_H
#define MLOPS_CATALOG_JOB_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

/* A row of mlops.job. */
typedef struct MlopsJob
{
	int64		job_id;			/* 0 before it is stored */
	const char *name;
	const char *kind;			/* monitor, retrain or watch */
	int64		model_id;		/* the model may be gone */
	const char *subject;		/* name of a monitor, or of the model */
	const char *schedule;		/* NULL: none */
	const char *run_as;			/* a role's name */
	int64		cron_job_id;	/* of pg_cron, 0: none */
	const char *cron_database;	/* where pg_cron lives, or NULL */
	const char *system_identifier;	/* of the cluster */
} MlopsJob;

/* A row of mlops.job_run. */
typedef struct MlopsJobRun
{
	int64		job_id;
	const char *state;			/* completed, failed or skipped */
	TimestampTz started_at;
	TimestampTz ended_at;
	const char *message;		/* or NULL, as both below */
	const char *error;
	const char *error_code;
} MlopsJobRun;

/* Runs that are kept of each job. */
#define MLOPS_JOB_RUNS	1000

/* The job of that number, or NULL. */
extern MlopsJob *mlops_job_by_id(int64 job_id);

/* The job of that name, or NULL. */
extern MlopsJob *mlops_job_lookup(const char *name);

/* All jobs, MlopsJob *, in the order of their numbers. */
extern List *mlops_jobs(void);

/* Store a new one, which gets its number; false if its name is taken. */
extern bool mlops_job_insert(MlopsJob *job);

/* Store what may change: schedule, where pg_cron has it. */
extern void mlops_job_update(const MlopsJob *job);

/* Remove it with its runs. */
extern void mlops_job_delete(int64 job_id);

/*
 * Write down a run by the current role; the oldest ones go.  A job that was
 * ended meanwhile has no runs.
 */
extern void mlops_job_run_add(const MlopsJobRun *run);

/*
 * Whoever schedules or unschedules a job holds it until the transaction ends;
 * who is to run it waits for that, and holds nothing then.
 */
extern void mlops_job_hold(int64 job_id);
extern void mlops_job_await(int64 job_id);

/*
 * Take the job for this transaction, to run it or to end it; if another one
 * has it, wait, or else false.
 */
extern bool mlops_job_claim(int64 job_id, bool wait);

/* This cluster's identifier, as jobs keep it. */
extern char *mlops_system_identifier(void);

#endif							/* MLOPS_CATALOG_JOB_H */
