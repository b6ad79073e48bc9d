/*
 * cron_remote.h
 *		pg_cron in another database of the cluster.
 */
#ifndef MLOPS_CRON_REMOTE_H
#define MLOPS_CRON_REMOTE_H

#include "fmgr.h"

/* What is asked of pg_cron; see catalog/cron.h. */
typedef struct MlopsCronRequest
{
	const char *place;			/* the database where pg_cron lives */
	const char *name;			/* NULL: remove */
	const char *schedule;
	const char *command;
	const char *database;		/* where the command is to be run */
	bool		is_sweep;		/* remove all our jobs of the owner, or, if
								 * that is NULL, in the database, with the
								 * rights of a superuser */
	const char *owner;			/* a role */
} MlopsCronRequest;

/*
 * Do it in a background worker, with the current role's rights.  It is
 * committed there when this returns, whatever becomes of the caller's
 * transaction.  *result is pg_cron's number of a job, or how many were
 * removed.  What fails is reported at the level that is given, ERROR or
 * WARNING, as if it had happened here; false then.
 */
extern bool mlops_cron_remote(const MlopsCronRequest *request, int level,
							  int64 *result);

/* The worker; argument is a handle of shared memory. */
extern PGDLLEXPORT void mlops_cron_worker_main(Datum argument);

#endif							/* MLOPS_CRON_REMOTE_H */
