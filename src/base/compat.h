/*
 * compat.h
 *		What differs between PostgreSQL 15, 16, 17 and 18.
 *
 * The only file with conditions on PG_VERSION_NUM.
 */
#ifndef MLOPS_COMPAT_H
#define MLOPS_COMPAT_H

#if PG_VERSION_NUM < 150000
#error "mlops needs PostgreSQL 15 or later"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* After the prototype of a function that does not return. */
#if PG_VERSION_NUM >= 180000
#define pg_attribute_noreturn() __attribute__((noreturn))
#endif

/* 42501 unless the member may give objects to the role. */
#if PG_VERSION_NUM < 160000
#define mlops_check_can_own(member, role) check_is_member_of_role(member, role)
#else
#define mlops_check_can_own(member, role) check_can_set_role(member, role)
#endif

/* This backend's number, from 0; needs storage/proc.h. */
#if PG_VERSION_NUM < 170000
#define mlops_process_number() (MyProc->pgprocno)
#else
#define mlops_process_number() GetNumberFromPGProc(MyProc)
#endif

/* A set for n events that no resource owner releases. */
#if PG_VERSION_NUM < 170000
#define mlops_create_wait_event_set(n) CreateWaitEventSet(TopMemoryContext, n)
#else
#define mlops_create_wait_event_set(n) CreateWaitEventSet(NULL, n)
#endif

/* intervals can be infinite from 17 on */
#if PG_VERSION_NUM < 170000
#define mlops_interval_sign(i) 0
#else
#define mlops_interval_sign(i) \
	(INTERVAL_IS_NOBEGIN(i) ? -1 : INTERVAL_IS_NOEND(i) ? 1 : 0)
#endif

/*
 * The columns of a range table entry as Vars that stand where the whole-row
 * Var stands; needs parser/parse_relation.h.  OLD and NEW are from 18 on.
 */
#if PG_VERSION_NUM < 180000
#define mlops_expand_rte(rte, var, names, vars) \
	expandRTE(rte, (var)->varno, 0, -1, true, names, vars)
#define mlops_var_is_current(var) true
#else
#define mlops_expand_rte(rte, var, names, vars) \
	expandRTE(rte, (var)->varno, 0, VAR_RETURNING_DEFAULT, -1, true, names, vars)
#define mlops_var_is_current(var) \
	((var)->varreturningtype == VAR_RETURNING_DEFAULT)
#endif

/* Outer joins that the one Var has been through, the other one too. */
#if PG_VERSION_NUM < 160000
#define mlops_var_follow(var, whole) ((void) 0)
#else
#define mlops_var_follow(var, whole) \
	((var)->varnullingrels = bms_copy((whole)->varnullingrels))
#endif

/* A process's transaction, and no hint at its slot; storage/proc.h. */
#if PG_VERSION_NUM < 170000
#define mlops_is_in_transaction(process) \
	LocalTransactionIdIsValid((process)->lxid)
#define MLOPS_ANY_PROCESS InvalidBackendId
#else
#define mlops_is_in_transaction(process) \
	LocalTransactionIdIsValid((process)->vxid.lxid)
#define MLOPS_ANY_PROCESS INVALID_PROC_NUMBER
#endif

/* 42501 or not: may the role call the function? */
#if PG_VERSION_NUM < 160000
#define mlops_may_execute(function, role) \
	(pg_proc_aclcheck(function, role, ACL_EXECUTE) == ACLCHECK_OK)
#else
#define mlops_may_execute(function, role) \
	(object_aclcheck(ProcedureRelationId, function, role, ACL_EXECUTE) == \
	 ACLCHECK_OK)
#endif

/* What a hook of ExecutorRun gets and hands on; needs executor/executor.h. */
#if PG_VERSION_NUM < 180000
#define mlops_run_parameters \
	QueryDesc *query, ScanDirection direction, uint64 count, bool once
#define mlops_run_arguments query, direction, count, once
#else
#define mlops_run_parameters \
	QueryDesc *query, ScanDirection direction, uint64 count
#define mlops_run_arguments query, direction, count
#endif

/* May the role connect to the database?  Needs utils/acl.h. */
#if PG_VERSION_NUM < 160000
#define mlops_may_connect(database, role) \
	(pg_database_aclcheck(database, role, ACL_CONNECT) == ACLCHECK_OK)
#else
#include "catalog/pg_database.h"
#define mlops_may_connect(database, role) \
	(object_aclcheck(DatabaseRelationId, database, role, ACL_CONNECT) == \
	 ACLCHECK_OK)
#endif

/* Has this transaction the lock, in just that mode?  Needs storage/lock.h. */
#if PG_VERSION_NUM < 170000
#define mlops_lock_is_mine(tag, mode) LockHeldByMe(tag, mode)
#else
#define mlops_lock_is_mine(tag, mode) LockHeldByMe(tag, mode, false)
#endif

/* Of the transaction, from 17 on; before, that of the statement is all. */
#if PG_VERSION_NUM < 170000
#define MLOPS_TRANSACTION_TIMEOUT STATEMENT_TIMEOUT
#else
#define MLOPS_TRANSACTION_TIMEOUT TRANSACTION_TIMEOUT
#endif

/* Where the pages of a relation are; storage/smgr.h. */
#if PG_VERSION_NUM < 160000
typedef struct RelFileNode MlopsFile;
#define mlops_set_file(file, space, database, number) \
	((file)->spcNode = (space), (file)->dbNode = (database), \
	 (file)->relNode = (number))
#define mlops_file_of(relation) ((relation)->rd_node)
#else
typedef struct RelFileLocator MlopsFile;
#define mlops_set_file(file, space, database, number) \
	((file)->spcOid = (space), (file)->dbOid = (database), \
	 (file)->relNumber = (number))
#define mlops_file_of(relation) ((relation)->rd_locator)
#endif

/* How much of a plan was forbidden by enable_... settings. */
#if PG_VERSION_NUM < 180000
#define mlops_plan_follow(plan, child) ((void) 0)
#else
#define mlops_plan_follow(plan, child) \
	((plan)->disabled_nodes = (child)->disabled_nodes)
#endif

/* What prints the properties of a node of a plan. */
#if PG_VERSION_NUM < 180000
#include "commands/explain.h"
#else
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#endif

#endif							/* MLOPS_COMPAT_H */
