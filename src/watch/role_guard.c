/*
 * role_guard.c
 *		Roles and databases that go, and the jobs that pg_cron has of them.
 *
 * pg_cron keeps the names of roles, and nothing tells it that one has been
 * dropped or renamed.  When it reads its jobs the next time, the one of a role
 * that is not there is an error, and its launcher starts again and again
 * without running any job of the cluster.  So our jobs of such a role are
 * removed just before the transaction commits, in the database of pg_cron,
 * whatever database the role is dropped in.  That takes the module in the
 * session that drops it: shared_preload_libraries.  The jobs in a database
 * that is dropped would only fail each time; they go as well.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/memutils.h"
#include "watch/cron_remote.h"
#include "watch/role_guard.h"
#include "watch/scheduler.h"

/* A role or database that was dropped or changed in this transaction. */
typedef struct Changed
{
	bool		is_role;
	Oid			oid;
	char	   *name;			/* that it had before */
} Changed;

static object_access_hook_type next_hook = NULL;
static List *changes = NIL;		/* of Changed *, in TopTransactionContext */

static void look_at_object(ObjectAccessType access, Oid class_id,
						   Oid object_id, int sub_id, void *argument);
static void note_change(bool is_role, Oid oid);
static char *name_of(bool is_role, Oid oid);
static void at_end(XactEvent event, void *argument);
static void remove_jobs(const Changed *changed, const char *place);

void
mlops_role_guard_init(void)
{
	next_hook = object_access_hook;
	object_access_hook = look_at_object;
	RegisterXactCallback(at_end, NULL);
}

/* The hook: of all objects, roles that go or change, databases that go. */
static void
look_at_object(ObjectAccessType access, Oid class_id, Oid object_id,
			   int sub_id, void *argument)
{
	if (next_hook)
		next_hook(access, class_id, object_id, sub_id, argument);
	if (IsBinaryUpgrade)
		return;
	if (class_id == AuthIdRelationId &&
		(access == OAT_DROP || access == OAT_POST_ALTER))
		note_change(true, object_id);
	if (class_id == DatabaseRelationId && access == OAT_DROP)
		note_change(false, object_id);
}

/*
 * Remember the name of a role or a database.  What the statement has done to it is not to
 * be seen yet.
 */
static void
note_change(bool is_role, Oid oid)
{
	char	   *name = name_of(is_role, oid);
	MemoryContext old;
	Changed    *changed;

	if (name == NULL)
		return;
	old = MemoryContextSwitchTo(TopTransactionContext);
	changed = palloc(sizeof(Changed));
	changed->is_role = is_role;
	changed->oid = oid;
	changed->name = pstrdup(name);
	changes = lappend(changes, changed);
	MemoryContextSwitchTo(old);
}

/* The name that it has now, NULL if it is not there. */
static char *
name_of(bool is_role, Oid oid)
{
	return is_role ? GetUserNameFromId(oid, true) : get_database_name(oid);
}

/* Callback at the end of a transaction. */
static void
at_end(XactEvent event, void *argument)
{
	char	   *place;
	ListCell   *cell;

	if (changes == NIL)
		return;
	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE)
	{
		place = mlops_scheduler_place();
		if (place != NULL)
			foreach(cell, changes)
				remove_jobs(lfirst(cell), place);
	}
	changes = NIL;
}

/* Remove the jobs of what is not there any more by that name. */
static void
remove_jobs(const Changed *changed, const char *place)
{
	MlopsCronRequest request = {place};
	const char *kind = changed->is_role ? "role" : "database";
	char	   *name = name_of(changed->is_role, changed->oid);
	int64		removed;

	if (name != NULL && strcmp(name, changed->name) == 0)
		return;
	request.is_sweep = true;
	if (changed->is_role)
		request.owner = changed->name;
	else
		request.database = changed->name;
	if (!mlops_cron_remote(&request, WARNING, &removed))
		ereport(WARNING,
				(errmsg("jobs of %s \"%s\" may be left in pg_cron", kind,
						changed->name),
				 changed->is_role ?
				 errdetail("They would keep pg_cron from running any job.") : 0,
				 errhint("Delete them from the table cron.job in database \"%s\".",
						 place)));
	else if (removed > 0)
		ereport(NOTICE,
				(errmsg("jobs of %s \"%s\" were removed from pg_cron: %d",
						kind, changed->name, (int) removed),
				 changed->is_role ?
				 errhint("Another role may schedule them with mlops.schedule().") : 0));
}
