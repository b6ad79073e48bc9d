/*
 * schedule.h
 *		Jobs that pg_cron runs.
 *
 * A job is a row of mlops.job; what pg_cron has of it is only its number, in
 * SELECT mlops.run_job(number), to be run in this database by the role that
 * scheduled it.
 */
#ifndef MLOPS_SCHEDULE_H
#define MLOPS_SCHEDULE_H

#include "postgres_ext.h"

/*
 * What mlops.schedule() does, the caller's rights included.  kind is monitor,
 * retrain or watch; subject a monitor's name or a model's; schedule NULL: the
 * job is stored, and nothing runs it but who calls mlops.run_job(); name
 * NULL: kind and subject, such as "watch churn".  A job of that name is
 * scheduled anew.  Returns the job's number.
 */
extern int64 mlops_schedule(const char *subject, const char *schedule,
							const char *kind, const char *name);

/* 22023 unless it is a schedule as pg_cron knows them. */
extern void mlops_schedule_check(const char *schedule);

/*
 * Why jobs cannot be scheduled here, as the detail of an error, with what is
 * to be done about it in *hint; NULL if they can, as far as can be seen from
 * this database.  Never an error.
 */
extern char *mlops_scheduler_missing(char **hint);

/*
 * Wait until no job of that kind and subject runs, and let none of them run
 * before the transaction ends.
 */
extern void mlops_jobs_await(const char *kind, const char *subject);

/* The jobs of that subject go, all kinds if kind is NULL; says how many. */
extern int	mlops_unschedule_subject(const char *kind, const char *subject);

#endif							/* MLOPS_SCHEDULE_H */
