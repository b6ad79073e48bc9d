/*
 * version_cache.h
 *		Versions that this backend has loaded.
 *
 * Versions never change, so what is loaded cannot be stale.  The least
 * recently used ones go when mlops.cache_size is exceeded; a pointer to a
 * loaded version is good until the next mlops_version_get() or the end of the
 * transaction, and a holder finds out by mlops_version_cache_serial() whether
 * it is still.
 */
#ifndef MLOPS_VERSION_CACHE_H
#define MLOPS_VERSION_CACHE_H

#include "data/predictor.h"

/*
 * The version, loaded under the snapshot if it is not yet.  XX001 if what is
 * stored of it cannot be used.
 */
extern const MlopsPredictor *mlops_version_get(int64 version_id,
											   Snapshot snapshot);

/* Changes whenever a loaded version is dropped from memory. */
extern uint64 mlops_version_cache_serial(void);

#endif							/* MLOPS_VERSION_CACHE_H */
