/*
 * predictor.h
 *		A stored version, loaded and ready to predict rows.
 */
#ifndef MLOPS_PREDICTOR_H
#define MLOPS_PREDICTOR_H

#include "catalog/catalog.h"
#include "data/signature.h"
#include "forest/forest.h"

typedef struct MlopsBinding MlopsBinding;

typedef struct MlopsPredictor
{
	MlopsVersion *version;
	MlopsSignature *signature;
	const MlopsForest *forest;
	MlopsForestInfo info;
	MlopsBinding *bindings;		/* of serve/binding.c; NULL at first */
	struct MlopsUsage *usage;	/* of serve/telemetry.c; NULL at first */
} MlopsPredictor;

/*
 * Load a version under the snapshot into the current memory context; the
 * caller has checked rights.  42704 if it was dropped, XX001 if what is
 * stored of it cannot be used.
 */
extern MlopsPredictor *mlops_predictor_load(int64 version_id,
											Snapshot snapshot);

/*
 * Check a model, JSON or UBJ, and flatten it: a block of *size bytes in the
 * current memory context.  If it is refused, NULL and the reason in error.
 */
extern void *mlops_predictor_build(const void *model, size_t model_size,
								   size_t *size, MlopsForestError *error);

/* How many rows to predict together: fewer, where they are wide; at least 1. */
extern int	mlops_predictor_rows(const MlopsForestInfo *info);

#endif							/* MLOPS_PREDICTOR_H */
