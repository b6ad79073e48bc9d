/*
 * shared_versions.h
 *		Versions in shared memory, for all backends.
 *
 * What lies there is an image (data/image.h) that was checked in full before
 * it was put in.  A reference keeps it from being dropped; whoever takes one
 * gives it back at the end of the transaction at the latest.  Without
 * shared_preload_libraries, or with mlops.shared_cache_size = 0, there is
 * none of it.
 */
#ifndef MLOPS_SHARED_VERSIONS_H
#define MLOPS_SHARED_VERSIONS_H

#include "data/predictor.h"
#include "datatype/timestamp.h"

/* What a version is called in all databases, and for ever. */
typedef struct MlopsVersionKey
{
	int64		version_id;
	Oid			database;
	Oid			relation;		/* see mlops_version_table() */
	Oid			file;
	uint32		padding;
} MlopsVersionKey;

/* A version that was found: where, and which one lay there then. */
typedef struct MlopsSharedVersion MlopsSharedVersion;
typedef struct MlopsSharedReference
{
	MlopsSharedVersion *version;	/* NULL: none */
	uint64		generation;
} MlopsSharedReference;

/* For mlops.stat_cache. */
typedef struct MlopsSharedStatistics
{
	MlopsVersionKey key;
	int64		bytes;
	int64		loads;
	int64		hits;
	double		load_time;		/* milliseconds */
	TimestampTz last_use;
	int			references;
} MlopsSharedStatistics;

/* Ask for shared memory; from _PG_init. */
extern void mlops_shared_versions_init(void);

/*
 * When the session's statement began, instead of what the clock says: good
 * enough to say when something was used, and known already.
 */
extern TimestampTz mlops_use_time(void);

/* The key of a version of this database. */
extern void mlops_version_key(int64 version_id, MlopsVersionKey *key);

/* Take a reference; the image, or NULL if it is not there. */
extern const void *mlops_shared_versions_find(const MlopsVersionKey *key,
											  MlopsSharedReference *reference);

/* Take it again after it was given back; false if it has been dropped. */
extern bool mlops_shared_versions_again(const MlopsSharedReference *reference);

/* Give it back.  Throws nothing. */
extern void mlops_shared_versions_release(const MlopsSharedReference *reference);

/*
 * Put a checked version in, and take a reference: the image, which is another
 * backend's if that was faster.  NULL if there is no room, all that could go
 * being in use, or if what was loaded may still be rolled back.
 */
extern const void *mlops_shared_versions_put(const MlopsVersionKey *key,
											 const MlopsPredictor *predictor,
											 double load_time,
											 MlopsSharedReference *reference);

/* Versions of this database: an array in the current memory context. */
extern MlopsSharedStatistics *mlops_shared_versions_list(int *n);

#endif							/* MLOPS_SHARED_VERSIONS_H */
