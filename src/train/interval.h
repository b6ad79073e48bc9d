/*
 * interval.h
 *		Confidence intervals of metrics.
 */
#ifndef MLOPS_INTERVAL_H
#define MLOPS_INTERVAL_H

#include "train/measure.h"

typedef struct MlopsInterval
{
	double		low;			/* NaN: not defined */
	double		high;
} MlopsInterval;

/*
 * Intervals of the metrics that mlops_measure() gave for the rows; see
 * docs/reference.md for which is made how.
 */
extern void mlops_intervals(const MlopsMeasure *measure,
							const MlopsRows *rows, float *outputs,
							const MlopsMetric *metrics, int n_metrics,
							double confidence, MlopsInterval *intervals);

#endif							/* MLOPS_INTERVAL_H */
