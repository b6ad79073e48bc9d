/*
 * role_guard.h
 *		Roles and databases that go, and the jobs that pg_cron has of them.
 */
#ifndef MLOPS_ROLE_GUARD_H
#define MLOPS_ROLE_GUARD_H

/* Look at what is dropped or renamed from now on; from _PG_init. */
extern void mlops_role_guard_init(void);

#endif							/* MLOPS_ROLE_GUARD_H */
