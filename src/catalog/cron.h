/*
 * cron.h
 *		The jobs of pg_cron, in the database where it lives.
 */
#ifndef MLOPS_CATALOG_CRON_H
#define MLOPS_CATALOG_CRON_H

/*
 * Let pg_cron run a command by a schedule, in the database that is given or
 * (NULL) in this one, as the current role and with its rights on pg_cron.  A
 * job of that name of the same role is replaced.  Returns pg_cron's number.
 * 55000 if pg_cron is not installed in this database, 42501 with the GRANT
 * that is missing.
 */
extern int64 mlops_cron_add(const char *name, const char *schedule,
							const char *command, const char *database);

/*
 * Remove the jobs with that command in that database, of those that the
 * current role may see: its own.  Returns how many there were; 0 also if
 * there is no pg_cron here.
 */
extern int64 mlops_cron_remove(const char *command, const char *database);

/*
 * Remove all jobs of ours that a role has, or that are run in a database; the
 * other one is NULL.  The current role must be a superuser.  Returns how many
 * there were.
 */
extern int64 mlops_cron_remove_all(const char *role, const char *database);

#endif							/* MLOPS_CATALOG_CRON_H */
