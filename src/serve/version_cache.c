/*
 * version_cache.c
 *		Versions that this backend has loaded.
 *
 * Each has a memory context of its own.  The key holds the oid of
 * mlops.version besides the version's id, because a dropped and newly created
 * extension counts ids anew.
 */
#include "postgres.h"

#include "base/base.h"
#include "catalog/internal.h"
#include "serve/version_cache.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

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
	MlopsPredictor *predictor;
	uint64		last_used;
} CacheEntry;

static HTAB *cache = NULL;
static MemoryContext cache_context = NULL;
static uint64 uses = 0;
static uint64 serial = 0;

static void create_cache(void);
static void evict(const CacheKey *keep);

const MlopsPredictor *
mlops_version_get(int64 version_id, Snapshot snapshot)
{
	CacheKey	key = {version_id, mlops_catalog_relation("version"), 0};
	CacheEntry *entry;
	MemoryContext context;
	MemoryContext old_context;
	MlopsPredictor *predictor;
	bool		found;

	if (cache == NULL)
		create_cache();
	entry = hash_search(cache, &key, HASH_FIND, NULL);
	if (entry != NULL)
	{
		entry->last_used = ++uses;
		return entry->predictor;
	}

	/* built under the current context, so that an error frees it */
	context = AllocSetContextCreate(CurrentMemoryContext, "mlops version",
									ALLOCSET_SMALL_SIZES);
	old_context = MemoryContextSwitchTo(context);
	predictor = mlops_predictor_load(version_id, snapshot);
	MemoryContextSwitchTo(old_context);

	entry = hash_search(cache, &key, HASH_ENTER, &found);
	MemoryContextSetParent(context, cache_context);
	entry->context = context;
	entry->predictor = predictor;
	entry->last_used = ++uses;
	evict(&key);
	return predictor;
}

uint64
mlops_version_cache_serial(void)
{
	return serial;
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

/* Drop the least recently used versions until the rest fits. */
static void
evict(const CacheKey *keep)
{
	while (MemoryContextMemAllocated(cache_context, true) >
		   (Size) mlops_cache_size * 1024)
	{
		HASH_SEQ_STATUS sequence;
		CacheEntry *entry;
		CacheEntry *oldest = NULL;

		hash_seq_init(&sequence, cache);
		while ((entry = hash_seq_search(&sequence)) != NULL)
			if (memcmp(&entry->key, keep, sizeof(CacheKey)) != 0 &&
				(oldest == NULL || entry->last_used < oldest->last_used))
				oldest = entry;
		if (oldest == NULL)
			return;
		MemoryContextDelete(oldest->context);
		hash_search(cache, &oldest->key, HASH_REMOVE, NULL);
		serial++;
	}
}
