/*
 * version_cache.c
 *		Versions that this backend has loaded.
 *
 * Each has a memory context of its own.  The key holds the oid of
 * mlops.version besides the version's id, because a dropped and newly created
 * extension counts ids anew.
 *
 * What was dropped from memory keeps its entry, without a predictor, so that
 * its counts go on when it is loaded again; MAX_UNLOADED bounds those.
 */
#include "postgres.h"

#include "base/base.h"
#include "catalog/internal.h"
#include "funcapi.h"
#include "portability/instr_time.h"
#include "serve/version_cache.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

typedef struct CacheKey
{
	int64		version_id;
	Oid			relation;		/* mlops.version */
	uint32		padding;
} CacheKey;

typedef struct CacheEntry
{
	CacheKey	key;
	MemoryContext context;
	MlopsPredictor *predictor;	/* NULL: not loaded */
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
static uint64 uses = 0;
static uint64 serial = 0;

static void create_cache(void);
static void load(CacheEntry *entry, MemoryContext context,
				 MlopsPredictor *predictor, instr_time started);
static void touch(CacheEntry *entry);
static void evict(const CacheKey *keep);

const MlopsPredictor *
mlops_version_get(int64 version_id, Snapshot snapshot)
{
	CacheKey	key = {version_id, mlops_catalog_relation("version"), 0};
	CacheEntry *entry;
	MemoryContext context;
	MemoryContext old_context;
	MlopsPredictor *predictor;
	instr_time	started;
	bool		found;

	if (cache == NULL)
		create_cache();
	entry = hash_search(cache, &key, HASH_FIND, NULL);
	if (entry != NULL && entry->predictor != NULL)
	{
		entry->hits++;
		touch(entry);
		return entry->predictor;
	}

	/* built under the current context, so that an error frees it */
	INSTR_TIME_SET_CURRENT(started);
	context = AllocSetContextCreate(CurrentMemoryContext, "mlops version",
									ALLOCSET_SMALL_SIZES);
	old_context = MemoryContextSwitchTo(context);
	predictor = mlops_predictor_load(version_id, snapshot);
	MemoryContextSwitchTo(old_context);

	entry = hash_search(cache, &key, HASH_ENTER, &found);
	if (!found)
		entry->loads = entry->hits = 0;
	load(entry, context, predictor, started);
	evict(&key);
	return predictor;
}

uint64
mlops_version_cache_serial(void)
{
	return serial;
}

/*
 * _stat_cache() returns TABLE (version_id bigint, bytes bigint, loads bigint,
 * hits bigint, load_time float8, last_use timestamptz)
 */
Datum
mlops_stat_cache(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			relation = mlops_catalog_relation("version");
	HASH_SEQ_STATUS sequence;
	CacheEntry *entry;

	InitMaterializedSRF(fcinfo, 0);
	if (cache == NULL)
		return (Datum) 0;
	hash_seq_init(&sequence, cache);
	while ((entry = hash_seq_search(&sequence)) != NULL)
	{
		Datum		values[6];
		bool		nulls[6] = {0};

		if (entry->predictor == NULL || entry->key.relation != relation)
			continue;
		values[0] = Int64GetDatum(entry->key.version_id);
		values[1] = Int64GetDatum((int64) MemoryContextMemAllocated(entry->context, true));
		values[2] = Int64GetDatum(entry->loads);
		values[3] = Int64GetDatum(entry->hits);
		values[4] = Float8GetDatum(entry->load_time);
		values[5] = TimestampTzGetDatum(entry->last_use);
		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 nulls);
	}
	return (Datum) 0;
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
	control.keysize = sizeof(CacheKey);
	control.entrysize = sizeof(CacheEntry);
	control.hcxt = cache_context;
	cache = hash_create("mlops versions", 16, &control,
						HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Let the entry have what was loaded since then. */
static void
load(CacheEntry *entry, MemoryContext context, MlopsPredictor *predictor,
	 instr_time started)
{
	instr_time	duration;

	INSTR_TIME_SET_CURRENT(duration);
	INSTR_TIME_SUBTRACT(duration, started);
	MemoryContextSetParent(context, cache_context);
	entry->context = context;
	entry->predictor = predictor;
	entry->loads++;
	entry->load_time = INSTR_TIME_GET_MILLISEC(duration);
	touch(entry);
}

/* The entry is the one used last. */
static void
touch(CacheEntry *entry)
{
	entry->last_used = ++uses;
	entry->last_use = GetCurrentTimestamp();
}

/*
 * Drop the least recently used versions until the rest fits, and the entries
 * of what is not loaded when there are too many.
 */
static void
evict(const CacheKey *keep)
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
				memcmp(&entry->key, keep, sizeof(CacheKey)) != 0 &&
				(oldest == NULL || entry->last_used < oldest->last_used))
				oldest = entry;
		if (oldest == NULL)
			break;
		MemoryContextDelete(oldest->context);
		oldest->context = NULL;
		oldest->predictor = NULL;
		serial++;
	}

	if (hash_get_num_entries(cache) <= MAX_UNLOADED)
		return;
	hash_seq_init(&sequence, cache);
	while ((entry = hash_seq_search(&sequence)) != NULL)
		n_unloaded += entry->predictor == NULL;
	if (n_unloaded <= MAX_UNLOADED)
		return;
	hash_seq_init(&sequence, cache);
	while ((entry = hash_seq_search(&sequence)) != NULL)
		if (entry->predictor == NULL)
			hash_search(cache, &entry->key, HASH_REMOVE, NULL);
}
