/*
 * shared_versions.c
 *		Versions in shared memory, for all backends.
 *
 * One region, whose size is fixed at the start of the server, is a dynamic
 * shared area in place: it never grows, and lies at the same address
 * everywhere, so that readers need not attach to it.  A hash table says what
 * lies where.  One lock guards both: shared for looking something up,
 * exclusive for putting in and dropping.
 *
 * An entry that is dropped may be used for another version at once.  Each has
 * a generation that is never used twice, by which a backend knows whether
 * what it has seen there is there still.  It takes its reference again without
 * the lock: it adds to the count first and then looks at the generation, while
 * who drops an entry takes the generation away first and then looks at the
 * count.  So one of the two sees the other.  Counts of entries that are not in
 * use may therefore rise for a moment, and are never set.
 *
 * Nothing is put in but what is committed: the key of a version would
 * otherwise mean something else after a rollback.
 */
#include "postgres.h"

#include "access/xact.h"
#include "base/base.h"
#include "data/image.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "serve/shared_versions.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/dsa.h"
#include "utils/freepage.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define LOCK_NAME "mlops versions"

/* What a version takes at least, so that it gets pages of its own. */
#define LEAST_BYTES (8 * 1024 + 1)

struct MlopsSharedVersion
{
	MlopsVersionKey key;
	pg_atomic_uint64 generation;	/* 0: dropped */
	pg_atomic_uint32 references;
	dsa_pointer memory;
	Size		bytes;			/* of memory, in full pages */
	const char *image;
	pg_atomic_uint64 last_use;	/* TimestampTz */
	pg_atomic_uint64 hits;
	int64		loads;
	double		load_time;
};

/* All but the table and the region. */
typedef struct Control
{
	LWLock	   *lock;
	uint64		generation;		/* the last one used */
	Size		used;			/* bytes of entries */
} Control;

static Control *control = NULL;
static HTAB *versions = NULL;
static void *region = NULL;
static dsa_area *area = NULL;	/* attached on demand */
static shmem_request_hook_type previous_request_hook = NULL;
static shmem_startup_hook_type previous_startup_hook = NULL;

static void request_memory(void);
static void start_memory(void);
static Size region_bytes(void);
static Size usable_bytes(void);
static int	most_versions(void);
static void attach(void);
static void detach_at_exit(int code, Datum argument);
static MlopsSharedVersion *make_room(Size bytes, dsa_pointer *memory,
									 const MlopsVersionKey *key);
static bool drop(MlopsSharedVersion *version);
static void start_entries(void);
static MlopsSharedVersion *oldest_unused(void);
static Size bytes_in_use(void);
static const void *take(MlopsSharedVersion *version,
						MlopsSharedReference *reference);

void
mlops_shared_versions_init(void)
{
	if (!process_shared_preload_libraries_in_progress ||
		mlops_shared_cache_size == 0)
		return;
	previous_request_hook = shmem_request_hook;
	shmem_request_hook = request_memory;
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = start_memory;
}

TimestampTz
mlops_use_time(void)
{
	TimestampTz time = GetCurrentStatementStartTimestamp();

	return time != 0 ? time : GetCurrentTimestamp();
}

void
mlops_version_key(int64 version_id, MlopsVersionKey *key)
{
	memset(key, 0, sizeof(MlopsVersionKey));
	key->version_id = version_id;
	key->database = MyDatabaseId;
	mlops_version_table(&key->relation, &key->file);
}

const void *
mlops_shared_versions_find(const MlopsVersionKey *key,
						   MlopsSharedReference *reference)
{
	MlopsSharedVersion *version;
	const void *image = NULL;

	reference->version = NULL;
	if (control == NULL)
		return NULL;
	LWLockAcquire(control->lock, LW_SHARED);
	version = hash_search(versions, key, HASH_FIND, NULL);
	if (version != NULL)
	{
		image = take(version, reference);
		pg_atomic_fetch_add_u64(&version->hits, 1);
	}
	LWLockRelease(control->lock);
	return image;
}

bool
mlops_shared_versions_again(const MlopsSharedReference *reference)
{
	MlopsSharedVersion *version = reference->version;

	/* a full barrier */
	pg_atomic_fetch_add_u32(&version->references, 1);
	if (pg_atomic_read_u64(&version->generation) != reference->generation)
	{
		pg_atomic_fetch_sub_u32(&version->references, 1);
		return false;
	}
	pg_atomic_write_u64(&version->last_use, (uint64) mlops_use_time());
	return true;
}

void
mlops_shared_versions_release(const MlopsSharedReference *reference)
{
	pg_atomic_fetch_sub_u32(&reference->version->references, 1);
}

/*
 * Between getting memory and having an entry for it nothing throws.
 */
const void *
mlops_shared_versions_put(const MlopsVersionKey *key,
						  const MlopsPredictor *predictor, double load_time,
						  MlopsSharedReference *reference)
{
	Size		bytes = mlops_image_size(predictor) + MLOPS_FOREST_ALIGN;
	MlopsSharedVersion *version;
	dsa_pointer memory = InvalidDsaPointer;
	const void *image = NULL;

	reference->version = NULL;
	if (control == NULL || !predictor->version->committed)
		return NULL;
	bytes = TYPEALIGN(FPM_PAGE_SIZE, Max(bytes, LEAST_BYTES));
	if (bytes > usable_bytes())
		return NULL;

	attach();
	LWLockAcquire(control->lock, LW_EXCLUSIVE);
	version = hash_search(versions, key, HASH_FIND, NULL);
	if (version == NULL)
	{
		version = make_room(bytes, &memory, key);
		if (version != NULL)
		{
			version->image = (char *) TYPEALIGN(MLOPS_FOREST_ALIGN,
												dsa_get_address(area, memory));
			mlops_image_write(predictor, unconstify(char *, version->image));
			version->memory = memory;
			version->bytes = bytes;
			version->loads = 1;
			version->load_time = load_time;
			pg_atomic_write_u64(&version->last_use, 0);
			pg_atomic_write_u64(&version->hits, 0);
			pg_write_barrier();
			pg_atomic_write_u64(&version->generation,
								++control->generation);
			control->used += bytes;
		}
	}
	if (version != NULL)
		image = take(version, reference);
	LWLockRelease(control->lock);
	return image;
}

MlopsSharedStatistics *
mlops_shared_versions_list(int *n)
{
	MlopsSharedStatistics *list;
	MlopsSharedVersion *version;
	HASH_SEQ_STATUS sequence;

	*n = 0;
	if (control == NULL)
		return NULL;
	list = palloc(sizeof(MlopsSharedStatistics) * most_versions());
	LWLockAcquire(control->lock, LW_SHARED);
	hash_seq_init(&sequence, versions);
	while ((version = hash_seq_search(&sequence)) != NULL)
	{
		MlopsSharedStatistics *one = &list[*n];

		if (version->key.database != MyDatabaseId)
			continue;
		one->key = version->key;
		one->bytes = version->bytes;
		one->loads = version->loads;
		one->hits = pg_atomic_read_u64(&version->hits);
		one->load_time = version->load_time;
		one->last_use = pg_atomic_read_u64(&version->last_use);
		one->references = pg_atomic_read_u32(&version->references);
		(*n)++;
	}
	LWLockRelease(control->lock);
	return list;
}

/* shmem_request_hook */
static void
request_memory(void)
{
	if (previous_request_hook)
		previous_request_hook();
	RequestAddinShmemSpace(sizeof(Control));
	RequestAddinShmemSpace(region_bytes());
	RequestAddinShmemSpace(hash_estimate_size(most_versions(),
											  sizeof(MlopsSharedVersion)));
	RequestNamedLWLockTranche(LOCK_NAME, 1);
}

/*
 * shmem_startup_hook; also after a crash, when nothing of it is there.
 */
static void
start_memory(void)
{
	HASHCTL		info = {0};
	bool		found;

	if (previous_startup_hook)
		previous_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	info.keysize = sizeof(MlopsVersionKey);
	info.entrysize = sizeof(MlopsSharedVersion);
	versions = ShmemInitHash("mlops versions", most_versions(),
							 most_versions(), &info, HASH_ELEM | HASH_BLOBS);
	region = ShmemInitStruct("mlops version memory", region_bytes(), &found);
	control = ShmemInitStruct("mlops version control", sizeof(Control),
							  &found);
	if (!found)
	{
		dsa_area   *new_area;

		control->lock = &GetNamedLWLockTranche(LOCK_NAME)->lock;
		control->generation = 0;
		control->used = 0;
		start_entries();
		new_area = dsa_create_in_place(region, region_bytes(),
									   control->lock->tranche, NULL);
		dsa_pin(new_area);
		dsa_set_size_limit(new_area, region_bytes());
		dsa_detach(new_area);
	}
	LWLockRelease(AddinShmemInitLock);
}

/*
 * Have the atomic numbers of all entries ready: entries are not made anew
 * when they are used again.
 */
static void
start_entries(void)
{
	MlopsVersionKey key = {0};
	bool		found;

	for (key.version_id = 0; key.version_id < most_versions();
		 key.version_id++)
	{
		MlopsSharedVersion *version = hash_search(versions, &key, HASH_ENTER,
												  &found);

		pg_atomic_init_u64(&version->generation, 0);
		pg_atomic_init_u32(&version->references, 0);
		pg_atomic_init_u64(&version->last_use, 0);
		pg_atomic_init_u64(&version->hits, 0);
	}
	for (key.version_id = 0; key.version_id < most_versions();
		 key.version_id++)
		hash_search(versions, &key, HASH_REMOVE, NULL);
}

static Size
region_bytes(void)
{
	return TYPEALIGN(FPM_PAGE_SIZE, Max((Size) mlops_shared_cache_size * 1024,
										(Size) 1024 * 1024));
}

/* The rest is for the area itself. */
static Size
usable_bytes(void)
{
	return region_bytes() / 64 * 63;
}

/* As many as there may be on average of 64 kB. */
static int
most_versions(void)
{
	return (int) Min(Max(region_bytes() / 65536, 64), 16384);
}

/* Attach to the area, for as long as the backend lives. */
static void
attach(void)
{
	MemoryContext old_context;

	if (area != NULL)
		return;
	old_context = MemoryContextSwitchTo(TopMemoryContext);
	area = dsa_attach_in_place(region, NULL);
	MemoryContextSwitchTo(old_context);
	dsa_pin_mapping(area);
	on_shmem_exit(detach_at_exit, (Datum) 0);
}

/* on_shmem_exit */
static void
detach_at_exit(int code, Datum argument)
{
	dsa_detach(area);
	dsa_release_in_place(region);
	area = NULL;
}

/*
 * Memory and an entry for the key, dropping what was not used for longest;
 * NULL if there is not enough that may be dropped.  The lock is held.
 */
static MlopsSharedVersion *
make_room(Size bytes, dsa_pointer *memory, const MlopsVersionKey *key)
{
	MlopsSharedVersion *version;
	bool		found;

	/* drop nothing in vain */
	if (bytes_in_use() + bytes > usable_bytes())
		return NULL;
	while (control->used + bytes > usable_bytes() ||
		   hash_get_num_entries(versions) >= most_versions() ||
		   !DsaPointerIsValid(*memory = dsa_allocate_extended(area, bytes,
															  DSA_ALLOC_HUGE |
															  DSA_ALLOC_NO_OOM)))
	{
		version = oldest_unused();
		if (version == NULL)
			return NULL;
		(void) drop(version);	/* if not, it is in use by now */
	}
	version = hash_search(versions, key, HASH_ENTER_NULL, &found);
	if (version == NULL)
		dsa_free(area, *memory);
	return version;
}

/*
 * Drop a version that nobody uses; false if somebody does by now.  The lock is
 * held.
 */
static bool
drop(MlopsSharedVersion *version)
{
	uint64		generation = pg_atomic_read_u64(&version->generation);

	pg_atomic_write_u64(&version->generation, 0);
	pg_memory_barrier();
	if (pg_atomic_read_u32(&version->references) != 0)
	{
		pg_atomic_write_u64(&version->generation, generation);
		return false;
	}
	dsa_free(area, version->memory);
	control->used -= version->bytes;
	hash_search(versions, &version->key, HASH_REMOVE, NULL);
	return true;
}

/* Of the versions that nobody uses the one that was used last longest ago. */
static MlopsSharedVersion *
oldest_unused(void)
{
	HASH_SEQ_STATUS sequence;
	MlopsSharedVersion *version;
	MlopsSharedVersion *oldest = NULL;

	hash_seq_init(&sequence, versions);
	while ((version = hash_seq_search(&sequence)) != NULL)
		if (pg_atomic_read_u32(&version->references) == 0 &&
			(oldest == NULL ||
			 (TimestampTz) pg_atomic_read_u64(&version->last_use) <
			 (TimestampTz) pg_atomic_read_u64(&oldest->last_use)))
			oldest = version;
	return oldest;
}

/* Bytes of the versions that somebody uses. */
static Size
bytes_in_use(void)
{
	HASH_SEQ_STATUS sequence;
	MlopsSharedVersion *version;
	Size		bytes = 0;

	hash_seq_init(&sequence, versions);
	while ((version = hash_seq_search(&sequence)) != NULL)
		if (pg_atomic_read_u32(&version->references) > 0)
			bytes += version->bytes;
	return bytes;
}

/* Take a reference.  The lock is held. */
static const void *
take(MlopsSharedVersion *version, MlopsSharedReference *reference)
{
	pg_atomic_fetch_add_u32(&version->references, 1);
	pg_atomic_write_u64(&version->last_use, (uint64) mlops_use_time());
	reference->version = version;
	reference->generation = pg_atomic_read_u64(&version->generation);
	return version->image;
}
