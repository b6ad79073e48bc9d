/*
 * version_cache.c
 *		Versions that this backend has loaded.
 *
 * Each has a memory context of its own.  With shared memory only a small part
 * is in there, and the rest is in the memory of all backends: the reference
 * to it is given back when the transaction ends, so that a session that does
 * nothing keeps nothing there, and taken again when the version is asked for
 * in a later one.  If it has been dropped meanwhile, the version is loaded
 * anew.  What has just been stored and is not committed stays private.
 *
 * What was dropped from memory keeps its entry, without a predictor, so that
 * its counts go on when it is loaded again; MAX_UNLOADED bounds those.
 */
#include "postgres.h"

#include "access/xact.h"
#include "base/base.h"
#include "data/image.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "serve/telemetry.h"
#include "serve/version_cache.h"
#include "storage/ipc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

typedef struct CacheEntry
{
	MlopsVersionKey key;
	MemoryContext context;
	MlopsPredictor *predictor;	/* NULL: not loaded */
	MlopsSharedReference shared;	/* .version NULL: private */
	bool		held;			/* the reference is, in this transaction */
	struct CacheEntry *next_held;
	MlopsUsage *usage;
	uint64		last_used;
	/* for mlops.stat_cache */
	int64		loads;
	int64		hits;
	double		load_time;		/* of the last one, milliseconds */
	TimestampTz last_use;
} CacheEntry;

/* Entries of versions that are not loaded. */
#define MAX_UNLOADED 1000

PG_FUNCTION_INFO_V1(mlops_stat_cache);

static HTAB *cache = NULL;
static MemoryContext cache_context = NULL;
static CacheEntry *held = NULL; /* entries whose reference is held */
static CacheEntry *last_entry = NULL;	/* that was asked for */
static uint64 uses = 0;
static uint64 serial = 0;

static void create_cache(void);
static CacheEntry *find_entry(const MlopsVersionKey *key);
static bool is_there(CacheEntry *entry);
static void load(CacheEntry *entry, Snapshot snapshot);
static void load_image(CacheEntry *entry, const void *image);
static void keep(CacheEntry *entry, MemoryContext context,
				 MlopsPredictor *predictor);
static void unload(CacheEntry *entry);
static void hold(CacheEntry *entry);
static void release(CacheEntry *entry);
static void release_all(void);
static void transaction_ends(XactEvent event, void *argument);
static void backend_exits(int code, Datum argument);
static void touch(CacheEntry *entry);
static void evict(const MlopsVersionKey *keep);
static void put_statistics(ReturnSetInfo *result,
						   const MlopsSharedStatistics *statistics,
						   bool shared);

const MlopsPredictor *
mlops_version_get(int64 version_id, Snapshot snapshot)
{
	MlopsVersionKey key;
	CacheEntry *entry;
	instr_time	started;
	instr_time	duration;

	mlops_version_key(version_id, &key);
	entry = find_entry(&key);
	if (is_there(entry))
	{
		entry->hits++;
		entry->usage->counts.hits++;
		touch(entry);
		return entry->predictor;
	}

	INSTR_TIME_SET_CURRENT(started);
	mlops_usage_trying = entry->usage;
	load(entry, snapshot);
	mlops_usage_trying = NULL;
	INSTR_TIME_SET_CURRENT(duration);
	INSTR_TIME_SUBTRACT(duration, started);
	entry->load_time = INSTR_TIME_GET_MILLISEC(duration);
	entry->loads++;
	touch(entry);
	evict(&key);
	return entry->predictor;
}

uint64
mlops_version_cache_serial(void)
{
	return serial;
}

/*
 * _stat_cache() returns TABLE (version_id bigint, bytes bigint, loads bigint,
 * hits bigint, load_time float8, last_use timestamptz, shared boolean,
 * sessions integer)
 */
Datum
mlops_stat_cache(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MlopsSharedStatistics *list;
	MlopsVersionKey key;
	HASH_SEQ_STATUS sequence;
	CacheEntry *entry;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	mlops_version_key(0, &key);
	list = mlops_shared_versions_list(&n);
	for (int i = 0; i < n; i++)
		if (list[i].key.relation == key.relation &&
			list[i].key.file == key.file)
			put_statistics(result, &list[i], true);

	if (cache == NULL)
		return (Datum) 0;
	hash_seq_init(&sequence, cache);
	while ((entry = hash_seq_search(&sequence)) != NULL)
	{
		MlopsSharedStatistics one = {0};

		if (entry->predictor == NULL || entry->key.relation != key.relation ||
			entry->key.file != key.file)
			continue;
		one.key = entry->key;
		one.bytes = MemoryContextMemAllocated(entry->context, true);
		one.loads = entry->loads;
		one.hits = entry->hits;
		one.load_time = entry->load_time;
		one.last_use = entry->last_use;
		put_statistics(result, &one, false);
	}
	return (Datum) 0;
}

/* Add a row to the result of _stat_cache(). */
static void
put_statistics(ReturnSetInfo *result, const MlopsSharedStatistics *statistics,
			   bool shared)
{
	Datum		values[8];
	bool		nulls[8] = {0};

	values[0] = Int64GetDatum(statistics->key.version_id);
	values[1] = Int64GetDatum(statistics->bytes);
	values[2] = Int64GetDatum(statistics->loads);
	values[3] = Int64GetDatum(statistics->hits);
	values[4] = Float8GetDatum(statistics->load_time);
	values[5] = TimestampTzGetDatum(statistics->last_use);
	values[6] = BoolGetDatum(shared);
	values[7] = Int32GetDatum(statistics->references);
	nulls[7] = !shared;
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* Make the empty cache. */
static void
create_cache(void)
{
	HASHCTL		control = {0};

	if (cache_context == NULL)
		cache_context = AllocSetContextCreate(TopMemoryContext,
											  "mlops versions",
											  ALLOCSET_SMALL_SIZES);
	RegisterXactCallback(transaction_ends, NULL);
	before_shmem_exit(backend_exits, (Datum) 0);
	control.keysize = sizeof(MlopsVersionKey);
	control.entrysize = sizeof(CacheEntry);
	control.hcxt = cache_context;
	cache = hash_create("mlops versions", 16, &control,
						HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* The entry of a version, made if there is none: most often the last one. */
static CacheEntry *
find_entry(const MlopsVersionKey *key)
{
	CacheEntry *entry = last_entry;
	bool		found;

	if (entry != NULL && entry->predictor != NULL &&
		memcmp(&entry->key, key, sizeof(MlopsVersionKey)) == 0)
		return entry;
	if (cache == NULL)
		create_cache();
	entry = hash_search(cache, key, HASH_ENTER, &found);
	if (!found)
		memset((char *) entry + sizeof(MlopsVersionKey), 0,
			   sizeof(CacheEntry) - sizeof(MlopsVersionKey));
	if (entry->usage == NULL)
		entry->usage = mlops_usage_find(key);
	last_entry = entry;
	return entry;
}

/* Whether the version is loaded, and if it is shared, still where it was. */
static bool
is_there(CacheEntry *entry)
{
	if (entry->predictor == NULL)
		return false;
	if (entry->shared.version == NULL || entry->held)
		return true;
	if (mlops_shared_versions_again(&entry->shared))
	{
		hold(entry);
		return true;
	}
	unload(entry);
	return false;
}

/*
 * Load the version: from shared memory, or from the tables and into it.
 */
static void
load(CacheEntry *entry, Snapshot snapshot)
{
	MemoryContext context;
	MemoryContext old_context;
	MlopsPredictor *predictor;
	MlopsSharedReference shared;
	const void *image;
	instr_time	started;
	instr_time	duration;

	if (entry->held)
		release(entry);			/* it could not be opened before */
	image = mlops_shared_versions_find(&entry->key, &shared);
	if (image == NULL)
	{
		/* built under the current context, so that an error frees it */
		INSTR_TIME_SET_CURRENT(started);
		context = AllocSetContextCreate(CurrentMemoryContext, "mlops version",
										ALLOCSET_SMALL_SIZES);
		old_context = MemoryContextSwitchTo(context);
		predictor = mlops_predictor_load(entry->key.version_id, snapshot);
		MemoryContextSwitchTo(old_context);
		INSTR_TIME_SET_CURRENT(duration);
		INSTR_TIME_SUBTRACT(duration, started);
		mlops_usage_touch(entry->usage);
		entry->usage->counts.loads++;
		entry->usage->counts.load_time += INSTR_TIME_GET_MILLISEC(duration);

		image = mlops_shared_versions_put(&entry->key, predictor,
										  INSTR_TIME_GET_MILLISEC(duration),
										  &shared);
		if (image == NULL)
		{
			keep(entry, context, predictor);
			return;
		}
		entry->shared = shared;
		hold(entry);
		MemoryContextDelete(context);
	}
	else
	{
		entry->shared = shared;
		hold(entry);
		entry->usage->counts.hits++;
	}
	load_image(entry, image);
}

/*
 * Load what lies in shared memory.  The reference is held, and is given back
 * by the end of the transaction if this fails.
 */
static void
load_image(CacheEntry *entry, const void *image)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "mlops version",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	MlopsPredictor *predictor = mlops_image_open(image);

	MemoryContextSwitchTo(old_context);
	keep(entry, context, predictor);
}

/* Let the entry have what was loaded into the context. */
static void
keep(CacheEntry *entry, MemoryContext context, MlopsPredictor *predictor)
{
	MemoryContextSetParent(context, cache_context);
	predictor->usage = entry->usage;
	entry->context = context;
	entry->predictor = predictor;
}

/* Drop what the entry has loaded. */
static void
unload(CacheEntry *entry)
{
	if (entry->held)
		release(entry);
	MemoryContextDelete(entry->context);
	entry->context = NULL;
	entry->predictor = NULL;
	entry->shared.version = NULL;
	serial++;
}

/* The entry has a reference to shared memory that is to be given back. */
static void
hold(CacheEntry *entry)
{
	entry->held = true;
	entry->next_held = held;
	held = entry;
}

/* Give back the entry's reference. */
static void
release(CacheEntry *entry)
{
	CacheEntry **link = &held;

	while (*link != entry)
		link = &(*link)->next_held;
	*link = entry->next_held;
	entry->held = false;
	mlops_shared_versions_release(&entry->shared);
}

/*
 * Give back all references.  Places outlive transactions, and must ask again.
 */
static void
release_all(void)
{
	if (held == NULL)
		return;
	serial++;
	while (held != NULL)
		release(held);
}

/* Transaction callback. */
static void
transaction_ends(XactEvent event, void *argument)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
		case XACT_EVENT_PREPARE:
			release_all();
			break;
		default:
			break;
	}
}

/* before_shmem_exit: not every process ends its last transaction. */
static void
backend_exits(int code, Datum argument)
{
	release_all();
}

/* The entry is the one used last. */
static void
touch(CacheEntry *entry)
{
	entry->last_used = ++uses;
	entry->last_use = mlops_use_time();
}

/*
 * Drop the least recently used versions until the rest fits, and the entries
 * of what is not loaded when there are too many.
 */
static void
evict(const MlopsVersionKey *keep)
{
	HASH_SEQ_STATUS sequence;
	CacheEntry *entry;
	int			n_unloaded = 0;

	while (MemoryContextMemAllocated(cache_context, true) >
		   (Size) mlops_cache_size * 1024)
	{
		CacheEntry *oldest = NULL;

		hash_seq_init(&sequence, cache);
		while ((entry = hash_seq_search(&sequence)) != NULL)
			if (entry->predictor != NULL &&
				memcmp(&entry->key, keep, sizeof(MlopsVersionKey)) != 0 &&
				(oldest == NULL || entry->last_used < oldest->last_used))
				oldest = entry;
		if (oldest == NULL)
			break;
		unload(oldest);
	}

	if (hash_get_num_entries(cache) <= MAX_UNLOADED)
		return;
	hash_seq_init(&sequence, cache);
	while ((entry = hash_seq_search(&sequence)) != NULL)
		n_unloaded += entry->predictor == NULL;
	if (n_unloaded <= MAX_UNLOADED)
		return;
	last_entry = NULL;
	hash_seq_init(&sequence, cache);
	while ((entry = hash_seq_search(&sequence)) != NULL)
		if (entry->predictor == NULL && !entry->held)
			hash_search(cache, &entry->key, HASH_REMOVE, NULL);
}
