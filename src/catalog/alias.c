/*
 * alias.c
 *		Which version an alias points to, and the history of that.
 *
 * Each line of the history knows the line before it that a rollback would
 * return to, so that rollbacks in a row go back step by step, and a deploy
 * after a rollback starts from there.  Lines are only ever added.
 *
 * A change sends an invalidation of mlops.alias with the transaction: plans
 * that were made for what served before are made anew.  A session looks for
 * invalidations when it takes a lock that it does not hold yet; in a
 * transaction that holds all its locks it would go on with the old plan.  So
 * sessions in a transaction are woken as well, and look at once if they are
 * idle, else before their next command.
 */
#include "postgres.h"

#include "base/compat.h"
#include "catalog/internal.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "storage/procsignal.h"
#include "utils/inval.h"
#include "utils/resowner.h"

/* A line of the history. */
typedef struct HistoryLine
{
	int64		history_id;
	TimestampTz changed_at;
	int64		version_id;
} HistoryLine;

/* Whether this transaction has changed what others are to notice. */
static bool announced = false;

static int64 current_history(const MlopsModel *model, const char *alias);
static void point_alias(const MlopsModel *model, const char *alias,
						const MlopsVersion *version, int64 previous_id,
						const char *action, const char *note);
static int64 add_history(const MlopsModel *model, const char *alias,
						 const MlopsVersion *version, int64 previous_id,
						 const char *action, const char *note);
static void announce(void);
static void wake_sessions(ResourceReleasePhase phase, bool commit,
						  bool top_level, void *argument);
static int	compare_lines(const void *a, const void *b);

void
mlops_alias_set(const MlopsModel *model, const char *alias,
				const MlopsVersion *version, const char *action,
				const char *note)
{
	mlops_model_lock(model->name);
	point_alias(model, alias, version, current_history(model, alias), action,
				note);
	announce();
}

int
mlops_alias_rollback(const MlopsModel *model, const char *alias,
					 const char *note)
{
	MlopsArguments arguments = {0};
	int64		current;
	int64		target = 0;
	int64		version_id = 0;
	MlopsVersion *version;

	mlops_model_lock(model->name);
	current = current_history(model, alias);
	mlops_add_int8(&arguments, current);

	/* the nearest earlier line with another version that is still there */
	mlops_catalog_execute("WITH RECURSIVE earlier AS ("
						  " SELECT h.previous_id, 0 AS step"
						  " FROM mlops.alias_history h"
						  " WHERE h.history_id = $1"
						  " UNION ALL"
						  " SELECT h.previous_id, e.step + 1"
						  " FROM earlier e JOIN mlops.alias_history h"
						  "  ON h.history_id = e.previous_id)"
						  " SELECT h.history_id FROM earlier e"
						  " JOIN mlops.alias_history h"
						  "  ON h.history_id = e.previous_id"
						  " JOIN mlops.version v USING (version_id)"
						  " WHERE v.dropped_at IS NULL AND h.version_id <>"
						  "  (SELECT c.version_id FROM mlops.alias_history c"
						  "   WHERE c.history_id = $1)"
						  " ORDER BY e.step LIMIT 1", &arguments, &target);
	if (target == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no earlier version to return to",
						model->name),
				 errhint("The view mlops.deployments shows what served when.")));

	arguments = (MlopsArguments) {0};
	mlops_add_int8(&arguments, target);
	mlops_catalog_execute("SELECT version_id FROM mlops.alias_history"
						  " WHERE history_id = $1", &arguments, &version_id);
	version = mlops_version_load(version_id, NULL);
	current = 0;
	mlops_catalog_execute("SELECT COALESCE(previous_id, 0)"
						  " FROM mlops.alias_history WHERE history_id = $1",
						  &arguments, &current);
	point_alias(model, alias, version, current, "rollback", note);
	announce();
	return version->version;
}

void
mlops_alias_drop(const MlopsModel *model, const char *alias,
				 const char *note)
{
	MlopsArguments arguments = {0};
	int64		current;

	mlops_model_lock(model->name);
	current = current_history(model, alias);
	mlops_add_text(&arguments, model->name);
	mlops_add_text(&arguments, alias);
	if (mlops_catalog_execute("DELETE FROM mlops.alias"
							  " WHERE model = $1 AND alias = $2",
							  &arguments, NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("alias \"%s\" of model \"%s\" does not exist",
						alias, model->name),
				 errhint("The view mlops.versions lists the aliases.")));
	add_history(model, alias, NULL, current, "drop_alias", note);
	announce();
}

/* The line of the history that says where the alias points, or 0. */
static int64
current_history(const MlopsModel *model, const char *alias)
{
	MlopsArguments arguments = {0};
	int64		history_id = 0;

	mlops_add_text(&arguments, model->name);
	mlops_add_text(&arguments, alias);
	mlops_catalog_execute("SELECT history_id FROM mlops.alias"
						  " WHERE model = $1 AND alias = $2",
						  &arguments, &history_id);
	return history_id;
}

/* Write the history and let the alias point to the version. */
static void
point_alias(const MlopsModel *model, const char *alias,
			const MlopsVersion *version, int64 previous_id,
			const char *action, const char *note)
{
	MlopsArguments arguments = {0};

	mlops_add_text(&arguments, model->name);
	mlops_add_text(&arguments, alias);
	mlops_add_int8(&arguments, model->model_id);
	mlops_add_int8(&arguments, version->version_id);
	mlops_add_int4(&arguments, version->version);
	mlops_add_int8(&arguments, add_history(model, alias, version,
										   previous_id, action, note));
	mlops_catalog_execute("INSERT INTO mlops.alias (model, alias, model_id,"
						  " version_id, version, history_id)"
						  " VALUES ($1, $2, $3, $4, $5, $6)"
						  " ON CONFLICT (model, alias) DO UPDATE SET"
						  " version_id = EXCLUDED.version_id,"
						  " version = EXCLUDED.version,"
						  " history_id = EXCLUDED.history_id",
						  &arguments, NULL);
}

/* Add a line to the history; returns its id.  version NULL: points nowhere. */
static int64
add_history(const MlopsModel *model, const char *alias,
			const MlopsVersion *version, int64 previous_id,
			const char *action, const char *note)
{
	MlopsArguments a = {0};
	int64		history_id = 0;

	mlops_add_int8(&a, model->model_id);
	mlops_add_text(&a, model->name);
	mlops_add_text(&a, alias);
	mlops_add_text(&a, action);
	mlops_add_datum(&a, INT8OID,
					Int64GetDatum(version ? version->version_id : 0),
					version == NULL);
	mlops_add_datum(&a, INT4OID,
					Int32GetDatum(version ? version->version : 0),
					version == NULL);
	mlops_add_datum(&a, INT8OID, Int64GetDatum(previous_id),
					previous_id == 0);
	mlops_add_text(&a, note);
	mlops_add_text(&a, mlops_current_role());
	mlops_add_text(&a, mlops_session_role());
	mlops_catalog_execute("INSERT INTO mlops.alias_history (model_id, model,"
						  " alias, action, version_id, version, previous_id,"
						  " note, changed_by, session_role_name)"
						  " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
						  " RETURNING history_id", &a, &history_id);
	return history_id;
}

/* Let plans that depend on aliases be made anew, at commit. */
static void
announce(void)
{
	CacheInvalidateRelcacheByRelid(mlops_catalog_relation("alias"));
	mlops_wake_at_commit();
}

void
mlops_wake_at_commit(void)
{
	static bool registered = false;

	if (!registered)
		RegisterResourceReleaseCallback(wake_sessions, NULL);
	registered = true;
	announced = true;
}

/*
 * Callback at the end of a transaction, when its invalidations were sent: the
 * other sessions of the database that are in a transaction look for them.
 * May not fail.  Nothing is locked: a signal to one that has just ended its
 * transaction does no harm, nor does one to a process that has gone.
 */
static void
wake_sessions(ResourceReleasePhase phase, bool commit, bool top_level,
			  void *argument)
{
	if (!announced || !top_level || phase != RESOURCE_RELEASE_AFTER_LOCKS)
		return;
	announced = false;
	for (uint32 i = 0; commit && i < ProcGlobal->allProcCount; i++)
	{
		volatile PGPROC *process = &ProcGlobal->allProcs[i];
		int			pid = process->pid;

		if (pid != 0 && pid != MyProcPid &&
			process->databaseId == MyDatabaseId &&
			mlops_is_in_transaction(process))
			(void) SendProcSignal(pid, PROCSIG_CATCHUP_INTERRUPT,
								  MLOPS_ANY_PROCESS);
	}
}

/*
 * Times are those at which transactions began, so a later line may have an
 * earlier time: it counts from then on, and hides what began after it.
 */
MlopsAliasPeriod *
mlops_alias_periods(const MlopsModel *model, const char *alias,
					Snapshot snapshot, int *n)
{
	int			n_lines = 0;
	int			max_lines = 16;
	HistoryLine *lines = palloc(sizeof(HistoryLine) * max_lines);
	MlopsAliasPeriod *periods;
	int			first;
	MlopsScan	scan;
	ScanKeyData key;
	HeapTuple	tuple;

	/* not by the alias, for its index has the database's collation */
	mlops_key_int8(&key, Anum_alias_history_model_id, model->model_id);
	mlops_scan_begin(&scan, "alias_history", "alias_history_model_id",
					 snapshot, 1, &key);
	while (HeapTupleIsValid(tuple = mlops_scan_next(&scan)))
	{
		HistoryLine line;

		if (strcmp(mlops_scan_text(&scan, tuple, Anum_alias_history_alias),
				   alias) != 0)
			continue;
		line.history_id = mlops_scan_int8(&scan, tuple,
										  Anum_alias_history_history_id);
		line.changed_at = mlops_scan_time(&scan, tuple,
										  Anum_alias_history_changed_at);
		line.version_id = mlops_scan_int8(&scan, tuple,
										  Anum_alias_history_version_id);
		if (n_lines == max_lines)
			lines = repalloc_huge(lines, sizeof(HistoryLine) *
								  (max_lines *= 2));
		lines[n_lines++] = line;
	}
	mlops_scan_end(&scan);
	qsort(lines, n_lines, sizeof(HistoryLine), compare_lines);

	/* from the end: what a later line hides is left out */
	periods = palloc(sizeof(MlopsAliasPeriod) * max_lines);
	first = n_lines;
	for (int i = n_lines - 1; i >= 0; i--)
		if (first == n_lines ||
			lines[i].changed_at < periods[first].valid_from)
			periods[--first] = (MlopsAliasPeriod)
			{
				lines[i].changed_at, lines[i].version_id
			};
	*n = n_lines - first;
	memmove(periods, periods + first, sizeof(MlopsAliasPeriod) * *n);
	pfree(lines);
	return periods;
}

/* qsort() comparator of lines in the order in which they were written. */
static int
compare_lines(const void *a, const void *b)
{
	int64		left = ((const HistoryLine *) a)->history_id;
	int64		right = ((const HistoryLine *) b)->history_id;

	return left < right ? -1 : left > right;
}
