/*
 * role_guard.c
 *		Roles that go, and the jobs that pg_cron would run as them.
 *
 * pg_cron keeps the names of roles, and nothing tells it that one has been
 * dropped or renamed.  When it reads its jobs the next time, the one of a role
 * that is not there is an error, and its launcher starts again and again
 * without running any job of the cluster.  So our jobs of such a role are
 * removed just before the transaction commits, in the database of pg_cron,
 * whatever database the role is dropped in.  That takes the module in the
 * session that drops it: shared_preload_libraries.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/memutils.h"
#include "watch/cron_remote.h"
#include "watch/role_guard.h"
#include "watch/scheduler.h"

/* A role that was dropped or changed in this transaction. */
typedef struct Role
{
	Oid			oid;
	char	   *name;			/* that it had before */
} Role;

static object_access_hook_type next_hook = NULL;
static List *roles = NIL;		/* of Role *, in TopTransactionContext */

static void look_at_object(ObjectAccessType access, Oid class_id,
						   Oid object_id, int sub_id, void *argument);
static void note_role(Oid oid);
static void at_end(XactEvent event, void *argument);
static void remove_jobs(const Role *role, const char *place);

void
mlops_role_guard_init(void)
{
	next_hook = object_access_hook;
	object_access_hook = look_at_object;
	RegisterXactCallback(at_end, NULL);
}

/* The hook: of all objects, roles that go or change. */
static void
look_at_object(ObjectAccessType access, Oid class_id, Oid object_id,
			   int sub_id, void *argument)
{
	if (next_hook)
		next_hook(access, class_id, object_id, sub_id, argument);
	if (class_id == AuthIdRelationId &&
		(access == OAT_DROP || access == OAT_POST_ALTER) &&
		!IsBinaryUpgrade)
		note_role(object_id);
}

/*
 * Remember the name of a role.  What the statement has done to it is not to
 * be seen yet.
 */
static void
note_role(Oid oid)
{
	char	   *name = GetUserNameFromId(oid, true);
	MemoryContext old;
	Role	   *role;

	if (name == NULL)
		return;
	old = MemoryContextSwitchTo(TopTransactionContext);
	role = palloc(sizeof(Role));
	role->oid = oid;
	role->name = pstrdup(name);
	roles = lappend(roles, role);
	MemoryContextSwitchTo(old);
}

/* Callback at the end of a transaction. */
static void
at_end(XactEvent event, void *argument)
{
	char	   *place;
	ListCell   *cell;

	if (roles == NIL)
		return;
	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE)
	{
		place = mlops_scheduler_place();
		if (place != NULL)
			foreach(cell, roles)
				remove_jobs(lfirst(cell), place);
	}
	roles = NIL;
}

/* Remove the jobs of a role, unless it still is there by that name. */
static void
remove_jobs(const Role *role, const char *place)
{
	MlopsCronRequest request = {place};
	char	   *name = GetUserNameFromId(role->oid, true);
	int64		removed;

	if (name != NULL && strcmp(name, role->name) == 0)
		return;
	request.owner = role->name;
	if (!mlops_cron_remote(&request, WARNING, &removed))
		ereport(WARNING,
				(errmsg("jobs of role \"%s\" may be left in pg_cron",
						role->name),
				 errdetail("They would keep pg_cron from running any job."),
				 errhint("Delete them from the table cron.job in database \"%s\".",
						 place)));
	else if (removed > 0)
		ereport(NOTICE,
				(errmsg("jobs of role \"%s\" were removed from pg_cron: %d",
						role->name, (int) removed),
				 errhint("Another role may schedule them with mlops.schedule().")));
}
