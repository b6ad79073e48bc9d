/*
 * role_guard.h
 *		Roles that go, and the jobs that pg_cron would run as them.
 */
#ifndef MLOPS_ROLE_GUARD_H
#define MLOPS_ROLE_GUARD_H

/* Look at roles that are dropped or renamed from now on; from _PG_init. */
extern void mlops_role_guard_init(void);

#endif							/* MLOPS_ROLE_GUARD_H */
