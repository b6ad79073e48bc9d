/*
 * resample.h
 *		The error of metrics by resampling the rows with a seed.
 */
#ifndef MLOPS_RESAMPLE_H
#define MLOPS_RESAMPLE_H

#include "train/measure.h"

/*
 * The standard error of each metric of the first measure over
 * least_drawings drawings with replacement; with two measures, that of the
 * difference between the metrics of one name, over more if they are cheap.  NaN for a metric that is not
 * defined in nine of ten drawings, or that the second measure has not.  Cost
 * is bounded: of many rows fewer are drawn, and the error is scaled.
 */
extern void mlops_resample_errors(const MlopsMeasure *measures,
								  int n_measures, const MlopsRows *rows,
								  float *const *outputs, uint64 seed,
								  int least_drawings,
								  double errors[MLOPS_MAX_METRICS]);

#endif							/* MLOPS_RESAMPLE_H */
