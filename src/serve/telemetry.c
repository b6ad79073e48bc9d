/*
 * telemetry.c
 *		What versions are used for: mlops.stat_model.
 *
 * Shared memory holds a table of mlops.stat_model_max versions; a new one
 * takes the place of the one that was used last longest ago.  Flushes of one
 * version meet at the spinlock of its entry, once per transaction.  A session
 * remembers where the entry is, and by its generation, which changes when the
 * entry is dropped, whether it is there still: then it needs no other lock.
 *
 * The time of rows is sampled, since reading the clock takes a good part of
 * what a prediction takes: that of the first row of a session, then after 2,
 * 4, 8 and so on, and of each 64th in the end.  A row that is timed stands for
 * those since the one before, or since the last flush, and all of them for
 * the last ones; where none was timed, the last one before does.
 *
 * Flushing happens in transaction callbacks, where nothing may be thrown.
 */
#include "postgres.h"

#include "access/xact.h"
#include "base/base.h"
#include "catalog/catalog.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "serve/stat_file.h"
#include "serve/telemetry.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define LOCK_NAME "mlops telemetry"

/* Rows from one taking of the time to the next. */
#define TIMED_ROWS 64

/* Rows after which a statement that goes on is flushed. */
#define FLUSH_ROWS 65536

/* A version in shared memory. */
typedef struct Entry
{
	MlopsVersionKey key;
	slock_t		mutex;			/* of what follows */
	uint64		generation;		/* rises when the entry is dropped */
	MlopsUsageCounts counts;
	TimestampTz first_use;
	TimestampTz last_use;
} Entry;

PG_FUNCTION_INFO_V1(mlops_stat_model);
PG_FUNCTION_INFO_V1(mlops_stat_model_reset);

MlopsUsage *mlops_usage_trying = NULL;

static LWLock *lock = NULL;		/* of the table */
static HTAB *entries = NULL;	/* NULL: the session's own are all there is */
static HTAB *usages = NULL;
static MlopsUsage *pending = NULL;
static shmem_request_hook_type previous_request_hook = NULL;
static shmem_startup_hook_type previous_startup_hook = NULL;

static void request_memory(void);
static void start_memory(void);
static void start_entries(void);
static void create_usages(void);
static void flush(MlopsUsage *usage);
static void take_row_time(MlopsUsage *usage);
static bool add_to_entry(MlopsUsage *usage, TimestampTz now);
static void flush_all(void);
static Entry *find_entry(const MlopsVersionKey *key, TimestampTz now);
static void drop_oldest(void);
static void drop(Entry *entry);
static void add(MlopsUsageCounts *sum, const MlopsUsageCounts *counts);
static void count_failure(void);
static void transaction_ends(XactEvent event, void *argument);
static void subtransaction_ends(SubXactEvent event,
								SubTransactionId subtransaction,
								SubTransactionId parent, void *argument);
static Entry *list_entries(int *n);
static void put_entry(ReturnSetInfo *result, const Entry *entry);
static void forget(const MlopsVersionKey *key);
static void load_entries(void);
static void save_entries(int code, Datum argument);
static int	compare_records(const void *a, const void *b);

void
mlops_telemetry_init(void)
{
	if (!process_shared_preload_libraries_in_progress ||
		mlops_stat_model_max == 0)
		return;
	previous_request_hook = shmem_request_hook;
	shmem_request_hook = request_memory;
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = start_memory;
}

MlopsUsage *
mlops_usage_find(const MlopsVersionKey *key)
{
	MlopsUsage *usage;
	bool		found;

	if (usages == NULL)
		create_usages();
	usage = hash_search(usages, key, HASH_ENTER, &found);
	if (!found)
		memset((char *) usage + sizeof(MlopsVersionKey), 0,
			   sizeof(MlopsUsage) - sizeof(MlopsVersionKey));
	return usage;
}

MlopsUsage *
mlops_usage_begin_call(int64 version_id)
{
	MlopsVersionKey key;
	MlopsUsage *usage;

	mlops_version_key(version_id, &key);
	usage = mlops_usage_find(&key);
	mlops_usage_touch(usage);
	if (mlops_track_usage)
		usage->counts.calls++;
	return usage;
}

void
mlops_usage_touch(MlopsUsage *usage)
{
	if (usage->pending)
		return;
	usage->pending = true;
	usage->next = pending;
	pending = usage;
}

void
mlops_usage_batch(MlopsUsage *usage, const float *features, int n_rows,
				  int n_features, int unseen, double time)
{
	int64		missing = 0;

	if (!mlops_track_usage)
		return;
	for (int i = 0; i < n_rows; i++)
		missing += mlops_count_missing(features + (Size) i * n_features,
									   n_features);
	mlops_usage_touch(usage);
	usage->counts.rows += n_rows;
	usage->counts.missing += missing - unseen;
	usage->counts.unseen += unseen;
	usage->counts.time += time;
	if (usage->counts.rows >= FLUSH_ROWS)
		flush(usage);
}

void
mlops_usage_start_clock(MlopsUsage *usage)
{
	mlops_usage_touch(usage);
	usage->interval = usage->wait;
	usage->wait = 0;
	if (usage->untimed < usage->interval)
		return;
	usage->timing = true;
	INSTR_TIME_SET_CURRENT(usage->started);
}

void
mlops_usage_stop_clock(MlopsUsage *usage)
{
	instr_time	duration;

	INSTR_TIME_SET_CURRENT(duration);
	INSTR_TIME_SUBTRACT(duration, usage->started);
	usage->timing = false;
	usage->last_time = INSTR_TIME_GET_MILLISEC(duration);
	usage->row_time += usage->last_time * usage->untimed;
	usage->timed += usage->untimed;
	usage->untimed = 0;
	usage->step = Min(usage->step * 2 + 1, TIMED_ROWS - 1);
	usage->interval = usage->step;
	if (usage->counts.rows >= FLUSH_ROWS)
		flush(usage);
}

/*
 * _stat_model() returns TABLE (version_id bigint, calls bigint, rows bigint,
 * total_time float8, errors bigint, missing bigint, unseen bigint, cache_hits
 * bigint, loads bigint, load_time float8, first_use timestamptz, last_use
 * timestamptz)
 */
Datum
mlops_stat_model(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MlopsVersionKey key;
	Entry	   *list;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	mlops_version_key(0, &key);
	flush_all();
	list = list_entries(&n);
	for (int i = 0; i < n; i++)
		if (list[i].key.database == key.database &&
			list[i].key.relation == key.relation &&
			list[i].key.file == key.file)
			put_entry(result, &list[i]);
	return (Datum) 0;
}

/*
 * stat_model_reset(model text) returns void: forget what was counted for the
 * model, or for all that the role may manage.
 */
Datum
mlops_stat_model_reset(PG_FUNCTION_ARGS)
{
	MlopsModel *model = NULL;
	MlopsVersionKey key;
	Entry	   *list;
	int			n;

	if (!PG_ARGISNULL(0))
	{
		model = mlops_model_lookup(text_to_cstring(PG_GETARG_TEXT_PP(0)),
								   NULL, false);
		mlops_model_check(model, MLOPS_MANAGE);
	}
	mlops_version_key(0, &key);
	flush_all();
	list = list_entries(&n);
	for (int i = 0; i < n; i++)
	{
		MlopsModel	of = {.owner = ""};

		if (list[i].key.database != key.database ||
			list[i].key.relation != key.relation)
			continue;
		of.model_id = mlops_version_model(list[i].key.version_id);
		if (model ? of.model_id == model->model_id :
			mlops_model_allows(&of, GetUserId(), MLOPS_MANAGE))
			forget(&list[i].key);
	}
	PG_RETURN_VOID();
}

/* shmem_request_hook */
static void
request_memory(void)
{
	if (previous_request_hook)
		previous_request_hook();
	RequestAddinShmemSpace(hash_estimate_size(mlops_stat_model_max,
											  sizeof(Entry)));
	RequestNamedLWLockTranche(LOCK_NAME, 1);
}

/* shmem_startup_hook */
static void
start_memory(void)
{
	HASHCTL		info = {0};

	if (previous_startup_hook)
		previous_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	info.keysize = sizeof(MlopsVersionKey);
	info.entrysize = sizeof(Entry);
	entries = ShmemInitHash("mlops telemetry", mlops_stat_model_max,
							mlops_stat_model_max, &info,
							HASH_ELEM | HASH_BLOBS);
	if (!IsUnderPostmaster)
		start_entries();
	lock = &GetNamedLWLockTranche(LOCK_NAME)->lock;
	LWLockRelease(AddinShmemInitLock);
	if (!IsUnderPostmaster)
	{
		load_entries();
		on_shmem_exit(save_entries, (Datum) 0);
	}
}

/*
 * Have the locks and generations of all entries ready: they are not made anew
 * when an entry is used again.
 */
static void
start_entries(void)
{
	MlopsVersionKey key = {0};
	bool		found;

	for (key.version_id = 0; key.version_id < mlops_stat_model_max;
		 key.version_id++)
	{
		Entry	   *entry = hash_search(entries, &key, HASH_ENTER, &found);

		SpinLockInit(&entry->mutex);
		entry->generation = 0;
	}
	for (key.version_id = 0; key.version_id < mlops_stat_model_max;
		 key.version_id++)
		hash_search(entries, &key, HASH_REMOVE, NULL);
}

/* Make the session's table. */
static void
create_usages(void)
{
	HASHCTL		info = {0};

	info.keysize = sizeof(MlopsVersionKey);
	info.entrysize = sizeof(MlopsUsage);
	info.hcxt = TopMemoryContext;
	usages = hash_create("mlops usage", 16, &info,
						 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	RegisterXactCallback(transaction_ends, NULL);
	RegisterSubXactCallback(subtransaction_ends, NULL);
}

/* Add what the session has counted to what all have.  Throws nothing. */
static void
flush(MlopsUsage *usage)
{
	TimestampTz now = usage->counts.rows < FLUSH_ROWS ? mlops_use_time() :
		GetCurrentTimestamp();

	take_row_time(usage);
	if (entries == NULL)
	{
		add(&usage->total, &usage->counts);
		if (usage->first_use == 0)
			usage->first_use = now;
		usage->last_use = now;
	}
	else if (!add_to_entry(usage, now))
	{
		LWLockAcquire(lock, LW_SHARED);
		usage->entry = hash_search(entries, &usage->key, HASH_FIND, NULL);
		if (usage->entry == NULL)
		{
			LWLockRelease(lock);
			LWLockAcquire(lock, LW_EXCLUSIVE);
			usage->entry = find_entry(&usage->key, now);
		}
		if (usage->entry != NULL)
			usage->generation = ((Entry *) usage->entry)->generation;
		(void) add_to_entry(usage, now);
		LWLockRelease(lock);
	}
	memset(&usage->counts, 0, sizeof(MlopsUsageCounts));
}

/* Put the time of single rows into the counts, for all of them. */
static void
take_row_time(MlopsUsage *usage)
{
	if (usage->timed > 0)
		usage->counts.time += usage->row_time *
			(usage->timed + usage->untimed) / usage->timed;
	else
		usage->counts.time += usage->last_time * usage->untimed;
	usage->wait = Max(usage->interval - usage->untimed, usage->wait);
	usage->interval = 0;
	usage->untimed = usage->timed = 0;
	usage->row_time = 0;
}

/*
 * Add what was counted to the entry that the session remembers; false if it
 * remembers none, or not that of its version any more.
 */
static bool
add_to_entry(MlopsUsage *usage, TimestampTz now)
{
	Entry	   *entry = usage->entry;
	bool		there;

	if (entry == NULL)
		return false;
	SpinLockAcquire(&entry->mutex);
	there = entry->generation == usage->generation;
	if (there)
	{
		add(&entry->counts, &usage->counts);
		entry->last_use = now;
	}
	SpinLockRelease(&entry->mutex);
	return there;
}

/* Flush all that there is. */
static void
flush_all(void)
{
	while (pending != NULL)
	{
		MlopsUsage *usage = pending;

		pending = usage->next;
		usage->pending = false;
		usage->timing = false;	/* of a row that failed */
		flush(usage);
	}
}

/*
 * The entry of a version in shared memory, made if it is not there; NULL if
 * it cannot be.  The lock is held exclusively.
 */
static Entry *
find_entry(const MlopsVersionKey *key, TimestampTz now)
{
	Entry	   *entry = hash_search(entries, key, HASH_FIND, NULL);
	bool		found;

	if (entry != NULL)
		return entry;
	while (hash_get_num_entries(entries) >= mlops_stat_model_max)
		drop_oldest();
	entry = hash_search(entries, key, HASH_ENTER_NULL, &found);
	if (entry == NULL)
		return NULL;
	memset(&entry->counts, 0, sizeof(MlopsUsageCounts));
	entry->first_use = entry->last_use = now;
	return entry;
}

/* Drop the entry that was used last longest ago.  The lock is held. */
static void
drop_oldest(void)
{
	HASH_SEQ_STATUS sequence;
	Entry	   *entry;
	Entry	   *oldest = NULL;

	hash_seq_init(&sequence, entries);
	while ((entry = hash_seq_search(&sequence)) != NULL)
		if (oldest == NULL || entry->last_use < oldest->last_use)
			oldest = entry;
	if (oldest != NULL)
		drop(oldest);
}

/* Drop an entry, and let all who remember it know.  The lock is held. */
static void
drop(Entry *entry)
{
	SpinLockAcquire(&entry->mutex);
	entry->generation++;
	SpinLockRelease(&entry->mutex);
	hash_search(entries, &entry->key, HASH_REMOVE, NULL);
}

/* Add counts to others. */
static void
add(MlopsUsageCounts *sum, const MlopsUsageCounts *counts)
{
	sum->calls += counts->calls;
	sum->rows += counts->rows;
	sum->errors += counts->errors;
	sum->missing += counts->missing;
	sum->unseen += counts->unseen;
	sum->hits += counts->hits;
	sum->loads += counts->loads;
	sum->load_time += counts->load_time;
	sum->time += counts->time;
}

/* Something is rolled back: it failed if a version was at work. */
static void
count_failure(void)
{
	if (mlops_usage_trying == NULL)
		return;
	mlops_usage_touch(mlops_usage_trying);
	mlops_usage_trying->counts.errors++;
	mlops_usage_trying = NULL;
}

/* Transaction callback. */
static void
transaction_ends(XactEvent event, void *argument)
{
	switch (event)
	{
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
			count_failure();
			flush_all();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PREPARE:
			mlops_usage_trying = NULL;
			flush_all();
			break;
		default:
			break;
	}
}

/* Subtransaction callback. */
static void
subtransaction_ends(SubXactEvent event, SubTransactionId subtransaction,
					SubTransactionId parent, void *argument)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		count_failure();
}

/* A copy of what was counted: an array in the current memory context. */
static Entry *
list_entries(int *n)
{
	HASH_SEQ_STATUS sequence;
	Entry	   *list;
	Entry	   *entry;
	MlopsUsage *usage;

	*n = 0;
	if (entries != NULL)
	{
		list = palloc(sizeof(Entry) * mlops_stat_model_max);
		LWLockAcquire(lock, LW_SHARED);
		hash_seq_init(&sequence, entries);
		while ((entry = hash_seq_search(&sequence)) != NULL)
		{
			SpinLockAcquire(&entry->mutex);
			list[*n] = *entry;
			SpinLockRelease(&entry->mutex);
			(*n)++;
		}
		LWLockRelease(lock);
		return list;
	}

	if (usages == NULL)
		return NULL;
	list = palloc(sizeof(Entry) * hash_get_num_entries(usages));
	hash_seq_init(&sequence, usages);
	while ((usage = hash_seq_search(&sequence)) != NULL)
	{
		if (usage->first_use == 0)
			continue;
		list[*n].key = usage->key;
		list[*n].counts = usage->total;
		list[*n].first_use = usage->first_use;
		list[*n].last_use = usage->last_use;
		(*n)++;
	}
	return list;
}

/* Add a row to the result of _stat_model(). */
static void
put_entry(ReturnSetInfo *result, const Entry *entry)
{
	const MlopsUsageCounts *counts = &entry->counts;
	Datum		values[12];
	bool		nulls[12] = {0};

	values[0] = Int64GetDatum(entry->key.version_id);
	values[1] = Int64GetDatum(counts->calls);
	values[2] = Int64GetDatum(counts->rows);
	values[3] = Float8GetDatum(counts->time);
	values[4] = Int64GetDatum(counts->errors);
	values[5] = Int64GetDatum(counts->missing);
	values[6] = Int64GetDatum(counts->unseen);
	values[7] = Int64GetDatum(counts->hits);
	values[8] = Int64GetDatum(counts->loads);
	values[9] = Float8GetDatum(counts->load_time);
	values[10] = TimestampTzGetDatum(entry->first_use);
	values[11] = TimestampTzGetDatum(entry->last_use);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* Forget what was counted for a version. */
static void
forget(const MlopsVersionKey *key)
{
	MlopsUsage *usage;
	Entry	   *entry;

	if (entries != NULL)
	{
		LWLockAcquire(lock, LW_EXCLUSIVE);
		entry = hash_search(entries, key, HASH_FIND, NULL);
		if (entry != NULL)
			drop(entry);
		LWLockRelease(lock);
		return;
	}
	usage = hash_search(usages, key, HASH_FIND, NULL);
	memset(&usage->total, 0, sizeof(MlopsUsageCounts));
	usage->first_use = 0;
}

/*
 * The server starts: put what was saved into the empty table, the versions
 * used last if there is room for some only.
 */
static void
load_entries(void)
{
	MlopsUsageRecord *records = NULL;
	int			n = 0;

	if (mlops_stat_model_save)
		records = mlops_stat_file_read(&n);
	else
		mlops_stat_file_remove();
	for (int i = 0; i < Min(n, mlops_stat_model_max); i++)
	{
		Entry	   *entry = find_entry(&records[i].key, records[i].first_use);

		if (entry == NULL)
			break;
		entry->counts = records[i].counts;
		entry->last_use = records[i].last_use;
	}
	free(records);
}

/* on_shmem_exit callback: the server stops, and nobody else is there. */
static void
save_entries(int code, Datum argument)
{
	HASH_SEQ_STATUS sequence;
	MlopsUsageRecord *records;
	Entry	   *entry;
	int			n = hash_get_num_entries(entries);

	if (n == 0 || !mlops_stat_model_save || !mlops_stat_file_is_due())
		return;
	records = malloc(sizeof(MlopsUsageRecord) * n);
	if (records == NULL)
	{
		ereport(LOG,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
		return;
	}
	n = 0;
	hash_seq_init(&sequence, entries);
	while ((entry = hash_seq_search(&sequence)) != NULL)
		records[n++] = (MlopsUsageRecord) {entry->key, entry->counts,
		entry->first_use, entry->last_use};
	qsort(records, n, sizeof(MlopsUsageRecord), compare_records);
	mlops_stat_file_write(records, n);
	free(records);
}

/* qsort() comparator: the version used last first. */
static int
compare_records(const void *a, const void *b)
{
	TimestampTz left = ((const MlopsUsageRecord *) a)->last_use;
	TimestampTz right = ((const MlopsUsageRecord *) b)->last_use;

	return left > right ? -1 : left < right;
}
