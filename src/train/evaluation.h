/*
 * evaluation.h
 *		The metrics of some rows of a source, with their intervals.
 */
#ifndef MLOPS_EVALUATION_H
#define MLOPS_EVALUATION_H

#include "train/interval.h"
#include "train/predictions.h"

typedef struct MlopsEvaluation
{
	int			n_metrics;
	MlopsMetric metrics[MLOPS_MAX_METRICS];
	MlopsInterval intervals[MLOPS_MAX_METRICS];
	int64		counted;		/* rows that count */
} MlopsEvaluation;

/* Of the first version's predictions of rows at these n places. */
extern void mlops_evaluation_at(const MlopsPredictions *predictions,
								const size_t *places, size_t n,
								double confidence,
								MlopsEvaluation *evaluation);

/* Of rows and what a version predicts of them. */
extern void mlops_evaluation_rows(const MlopsMeasure *measure,
								  const MlopsRows *rows, float *outputs,
								  double confidence,
								  MlopsEvaluation *evaluation);

/*
 * Write metric, value, ci_low, ci_high and n of the i-th metric into five
 * columns of a result.
 */
extern void mlops_evaluation_columns(const MlopsEvaluation *evaluation,
									 int i, Datum *values, bool *nulls);

#endif							/* MLOPS_EVALUATION_H */
