/*
 * scheduler.h
 *		Where pg_cron is, and what is asked of it.
 */
#ifndef MLOPS_SCHEDULER_H
#define MLOPS_SCHEDULER_H

#include "catalog/job.h"

/*
 * The database where pg_cron lives, NULL if the server has not loaded it: its
 * settings are then not known, or only what somebody wrote into a file.
 */
extern char *mlops_scheduler_place(void);

/*
 * Let pg_cron run the job by its schedule; fills in where it has it.  In
 * this database it is part of the transaction.  In another one it is
 * committed at once; if this transaction is undone, the job ends itself.
 */
extern void mlops_scheduler_add(MlopsJob *job);

/*
 * Let pg_cron forget a job whose row has been removed: in this database at
 * once, in another one just before this transaction commits.  A job that
 * cannot be removed, since it is another role's, ends itself when it is run.
 */
extern void mlops_scheduler_remove(const MlopsJob *job);

/* The same for a job of which only the number is known, wherever it is. */
extern int64 mlops_scheduler_remove_number(int64 job_id);

#endif							/* MLOPS_SCHEDULER_H */
