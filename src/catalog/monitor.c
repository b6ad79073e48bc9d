/*
 * monitor.c
 *		Monitors and label sources.
 *
 * A monitor is locked as an object of class mlops.monitor, so that two
 * transactions do not compute the same windows.
 */
#include "postgres.h"

#include "catalog/internal.h"
#include "catalog/monitor.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"

/* Columns by number, as sql/parts/catalog.sql creates them. */
#define Anum_monitor_monitor_id		1
#define Anum_monitor_name			2
#define Anum_monitor_model_id		3
#define Anum_monitor_reference		4
#define Anum_monitor_source			5
#define Anum_monitor_event_time		6
#define Anum_monitor_window_size	7
#define Anum_monitor_lateness		8
#define Anum_monitor_start_at		9
#define Anum_monitor_segments		10
#define Anum_monitor_metrics		11
#define Anum_monitor_features		12
#define Anum_monitor_thresholds		13
#define Anum_monitor_baseline_source 14
#define Anum_monitor_target			15
#define Anum_monitor_enabled		16
#define Anum_monitor_created_by		18
#define Anum_monitor_time_zone		19
#define Anum_monitor_search_path	20

#define Anum_label_source_model_id	1
#define Anum_label_source_query		2
#define Anum_label_source_key		3
#define Anum_label_source_label		4
#define Anum_label_source_created_by 6

static MlopsMonitor *read_monitor(MlopsScan *scan, HeapTuple tuple,
								  Snapshot snapshot);
static char *model_name(int64 model_id, Snapshot snapshot);
static int	compare_names(const ListCell *a, const ListCell *b);
static void add_monitor(MlopsArguments *arguments,
						const MlopsMonitor *monitor);

MlopsMonitor *
mlops_monitor_lookup(const char *name, Snapshot snapshot, bool missing_ok)
{
	MlopsMonitor *monitor = NULL;
	MlopsScan	scan;
	ScanKeyData key;
	HeapTuple	tuple;

	mlops_key_text(&key, Anum_monitor_name, name);
	mlops_scan_begin(&scan, "monitor", "monitor_name_key", snapshot, 1, &key);
	tuple = mlops_scan_next(&scan);
	if (HeapTupleIsValid(tuple))
		monitor = read_monitor(&scan, tuple, snapshot);
	mlops_scan_end(&scan);
	if (monitor == NULL && !missing_ok)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("monitor \"%s\" does not exist", name),
				 errhint("The view mlops.monitors lists those that you may see.")));
	return monitor;
}

List *
mlops_monitors_of(int64 model_id, Snapshot snapshot)
{
	List	   *monitors = NIL;
	MlopsScan	scan;
	ScanKeyData key;
	HeapTuple	tuple;

	mlops_key_int8(&key, Anum_monitor_model_id, model_id);
	mlops_scan_begin(&scan, "monitor", "monitor_model_id", snapshot, 1, &key);
	while (HeapTupleIsValid(tuple = mlops_scan_next(&scan)))
		monitors = lappend(monitors, read_monitor(&scan, tuple, snapshot));
	mlops_scan_end(&scan);
	list_sort(monitors, compare_names);
	return monitors;
}

void
mlops_monitor_insert(MlopsMonitor *monitor)
{
	MlopsArguments a = {0};

	add_monitor(&a, monitor);
	if (mlops_catalog_execute("INSERT INTO mlops.monitor (name, model_id,"
							  " reference, source, event_time, window_size,"
							  " lateness, start_at, segments, metrics,"
							  " features, thresholds, baseline_source, target,"
							  " enabled, created_by, time_zone, search_path)"
							  " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,"
							  " $10, $11, $12, $13, $14, $15, $16, $17, $18)"
							  " ON CONFLICT DO NOTHING RETURNING monitor_id",
							  &a, &monitor->monitor_id) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("monitor \"%s\" is there already", monitor->name),
				 errhint("Pass another name =>, change it with mlops.alter_monitor(), or drop it with mlops.drop_monitor().")));
}

void
mlops_monitor_update(const MlopsMonitor *monitor)
{
	MlopsArguments a = {0};

	add_monitor(&a, monitor);
	mlops_add_int8(&a, monitor->monitor_id);
	mlops_catalog_execute("UPDATE mlops.monitor SET (name, model_id,"
						  " reference, source, event_time, window_size,"
						  " lateness, start_at, segments, metrics,"
						  " features, thresholds, baseline_source, target,"
						  " enabled, created_by, time_zone, search_path)"
						  " = ($1, $2, $3, $4, $5, $6, $7, $8, $9,"
						  " $10, $11, $12, $13, $14, $15, $16, $17, $18)"
						  " WHERE monitor_id = $19", &a, NULL);
}

void
mlops_monitor_delete(const MlopsMonitor *monitor)
{
	MlopsArguments a = {0};

	mlops_add_int8(&a, monitor->monitor_id);
	mlops_catalog_execute("DELETE FROM mlops.monitor WHERE monitor_id = $1",
						  &a, NULL);
}

bool
mlops_monitor_lock(const MlopsMonitor *monitor, bool wait)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, mlops_catalog_relation("monitor"),
					   (uint32) monitor->monitor_id, 0);
	return LockAcquire(&tag, ExclusiveLock, false, !wait) !=
		LOCKACQUIRE_NOT_AVAIL;
}

MlopsLabelSource *
mlops_label_source(int64 model_id, Snapshot snapshot)
{
	MlopsLabelSource *source = NULL;
	MlopsScan	scan;
	ScanKeyData key;
	HeapTuple	tuple;

	mlops_key_int8(&key, Anum_label_source_model_id, model_id);
	mlops_scan_begin(&scan, "label_source", "label_source_pkey", snapshot, 1,
					 &key);
	tuple = mlops_scan_next(&scan);
	if (HeapTupleIsValid(tuple))
	{
		source = palloc(sizeof(MlopsLabelSource));
		source->query = mlops_scan_text(&scan, tuple, Anum_label_source_query);
		source->key = mlops_scan_names(&scan, tuple, Anum_label_source_key);
		source->label = mlops_scan_text(&scan, tuple, Anum_label_source_label);
		source->created_by = mlops_scan_text(&scan, tuple,
											 Anum_label_source_created_by);
	}
	mlops_scan_end(&scan);
	return source;
}

void
mlops_label_source_set(int64 model_id, const MlopsLabelSource *source)
{
	MlopsArguments a = {0};

	mlops_add_int8(&a, model_id);
	if (source == NULL)
	{
		mlops_catalog_execute("DELETE FROM mlops.label_source"
							  " WHERE model_id = $1", &a, NULL);
		return;
	}
	mlops_add_text(&a, source->query);
	mlops_add_names(&a, source->key, true);
	mlops_add_text(&a, source->label);
	mlops_add_text(&a, source->created_by);
	mlops_catalog_execute("INSERT INTO mlops.label_source"
						  " (model_id, query, key, label, created_by)"
						  " VALUES ($1, $2, $3, $4, $5)"
						  " ON CONFLICT (model_id) DO UPDATE SET"
						  " query = excluded.query, key = excluded.key,"
						  " label = excluded.label,"
						  " created_at = pg_catalog.now(),"
						  " created_by = excluded.created_by", &a, NULL);
}

/* A monitor out of its row. */
static MlopsMonitor *
read_monitor(MlopsScan *scan, HeapTuple tuple, Snapshot snapshot)
{
	MlopsMonitor *monitor = palloc0(sizeof(MlopsMonitor));

	monitor->monitor_id = mlops_scan_int8(scan, tuple,
										  Anum_monitor_monitor_id);
	monitor->name = mlops_scan_text(scan, tuple, Anum_monitor_name);
	monitor->model_id = mlops_scan_int8(scan, tuple, Anum_monitor_model_id);
	monitor->model = model_name(monitor->model_id, snapshot);
	monitor->reference = mlops_scan_text(scan, tuple, Anum_monitor_reference);
	monitor->source = mlops_scan_text(scan, tuple, Anum_monitor_source);
	monitor->event_time = mlops_scan_text(scan, tuple,
										  Anum_monitor_event_time);
	monitor->window_size = mlops_scan_interval(scan, tuple,
											   Anum_monitor_window_size);
	monitor->lateness = mlops_scan_interval(scan, tuple,
											Anum_monitor_lateness);
	monitor->start_at = mlops_scan_time(scan, tuple, Anum_monitor_start_at);
	monitor->segments = mlops_scan_names(scan, tuple, Anum_monitor_segments);
	monitor->metrics = mlops_scan_names(scan, tuple, Anum_monitor_metrics);
	monitor->features = mlops_scan_names(scan, tuple, Anum_monitor_features);
	monitor->thresholds = mlops_scan_json(scan, tuple,
										  Anum_monitor_thresholds);
	monitor->baseline_source = mlops_scan_text(scan, tuple,
											   Anum_monitor_baseline_source);
	monitor->target = mlops_scan_text(scan, tuple, Anum_monitor_target);
	monitor->enabled = mlops_scan_bool(scan, tuple, Anum_monitor_enabled);
	monitor->created_by = mlops_scan_text(scan, tuple,
										  Anum_monitor_created_by);
	monitor->time_zone = mlops_scan_text(scan, tuple, Anum_monitor_time_zone);
	monitor->search_path = mlops_scan_text(scan, tuple,
										   Anum_monitor_search_path);
	return monitor;
}

/* The name of a model, which a foreign key keeps there. */
static char *
model_name(int64 model_id, Snapshot snapshot)
{
	MlopsScan	scan;
	ScanKeyData key;
	HeapTuple	tuple;
	char	   *name = NULL;

	mlops_key_int8(&key, Anum_model_model_id, model_id);
	mlops_scan_begin(&scan, "model", "model_pkey", snapshot, 1, &key);
	tuple = mlops_scan_next(&scan);
	if (HeapTupleIsValid(tuple))
		name = mlops_scan_text(&scan, tuple, Anum_model_name);
	mlops_scan_end(&scan);
	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("model with id %lld is missing",
						(long long) model_id)));
	return name;
}

/* list_sort() comparator of monitors by name. */
static int
compare_names(const ListCell *a, const ListCell *b)
{
	return strcmp(((MlopsMonitor *) lfirst(a))->name,
				  ((MlopsMonitor *) lfirst(b))->name);
}

/* Append the columns of a monitor that people give. */
static void
add_monitor(MlopsArguments *a, const MlopsMonitor *monitor)
{
	mlops_add_text(a, monitor->name);
	mlops_add_int8(a, monitor->model_id);
	mlops_add_text(a, monitor->reference);
	mlops_add_text(a, monitor->source);
	mlops_add_text(a, monitor->event_time);
	mlops_add_interval(a, monitor->window_size);
	mlops_add_interval(a, monitor->lateness);
	mlops_add_time(a, monitor->start_at);
	mlops_add_names(a, monitor->segments, true);
	mlops_add_names(a, monitor->metrics, true);
	mlops_add_names(a, monitor->features, true);
	mlops_add_json(a, monitor->thresholds);
	mlops_add_text(a, monitor->baseline_source);
	mlops_add_text(a, monitor->target);
	mlops_add_bool(a, monitor->enabled);
	mlops_add_text(a, monitor->created_by);
	mlops_add_text(a, monitor->time_zone);
	mlops_add_text(a, monitor->search_path);
}
