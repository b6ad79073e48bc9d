/*
 * alias_place.h
 *		Where the row of an alias was found the last time.
 */
#ifndef MLOPS_ALIAS_PLACE_H
#define MLOPS_ALIAS_PLACE_H

#include "catalog/internal.h"
#include "utils/snapshot.h"

/*
 * Read where an alias points to under the snapshot, at the place where its row
 * was found the last time; false if that is not there (any more).  If it had
 * to be looked at, mlops.alias stays locked until the transaction ends.
 */
extern bool mlops_alias_recall(const MlopsReference *reference,
							   Snapshot snapshot, int64 *model_id,
							   int64 *version_id);

/* Note the place of the row that a scan of mlops.alias has just found. */
extern void mlops_alias_remember(const MlopsReference *reference,
								 const MlopsScan *scan, HeapTuple tuple,
								 int64 model_id, int64 version_id);

#endif							/* MLOPS_ALIAS_PLACE_H */
