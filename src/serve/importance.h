/*
 * importance.h
 *		Which features a version goes by.
 */
#ifndef MLOPS_IMPORTANCE_H
#define MLOPS_IMPORTANCE_H

#include "data/predictor.h"
#include "forest/describe.h"

/*
 * What the model file of a version says of its features, [n_features] in the
 * current memory context; XX001 if it cannot be read.
 */
extern MlopsImportance *
			mlops_predictor_importance(const MlopsPredictor *predictor,
									   Snapshot snapshot);

#endif							/* MLOPS_IMPORTANCE_H */
