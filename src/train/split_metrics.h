/*
 * split_metrics.h
 *		How good a trained version is on each split, and whether it is better
 *		than the one that serves.
 */
#ifndef MLOPS_SPLIT_METRICS_H
#define MLOPS_SPLIT_METRICS_H

#include "data/dataset.h"
#include "catalog/catalog.h"
#include "forest/forest.h"
#include "train/params.h"

/*
 * Metrics of all splits that have rows, from the predictions in the matrix: a
 * List of MlopsMetricRow *.
 */
extern List *mlops_evaluate_splits(MlopsDataset *dataset, MlopsMatrix *matrix,
								   const MlopsParams *params, int n_outputs);

/*
 * Metrics of the rows of one role from outputs[n x n_outputs] in row order,
 * called those of `split`.  The outputs are a model's of the objective
 * `source`, and may be changed; the metrics are those of the params'.
 */
extern List *mlops_evaluate_outputs(MlopsDataset *dataset,
									MlopsMatrix *matrix, MlopsRole role,
									const MlopsParams *params,
									const MlopsObjective *source,
									float *outputs, const char *split);

/*
 * The statistics of each output, as it is served, over the rows of validation
 * and test, or over the training rows if those are few: MlopsBaseline *.
 */
extern List *mlops_evaluate_baselines(MlopsDataset *dataset,
									  MlopsMatrix *matrix,
									  const MlopsForest *forest,
									  int n_outputs);

/* A metric among rows, NaN if it is not there. */
extern double mlops_evaluate_find(List *metrics, const char *split,
								  const char *name);

#endif							/* MLOPS_SPLIT_METRICS_H */
