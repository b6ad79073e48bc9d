/*
 * estimate.h
 *		Metrics without labels: what they are to be expected.
 *
 * Plain C.  The label of each row is taken as drawn with calibrated
 * probabilities, and the metric as if each row stood there once with each
 * label, weighing as much as that is probable.
 */
#ifndef MLOPS_ESTIMATE_H
#define MLOPS_ESTIMATE_H

#include "math/metrics.h"

/*
 * Binary classification: the probability as predicted, and as calibrated.
 * Gives roc_auc, pr_auc, log_loss, brier, accuracy, precision, recall, f1,
 * mcc, base_rate, as mlops_metrics_binary() means them.  Returns the count,
 * -1: out of memory.
 */
extern int	mlops_estimate_binary(const double *probability,
								  const double *calibrated, size_t n,
								  MlopsMetric out[MLOPS_MAX_METRICS]);

/*
 * Multiclass, both [n x k] row by row: log_loss, accuracy, f1_macro,
 * balanced_accuracy, roc_auc_ovr, as mlops_metrics_multiclass() means them.
 */
extern int	mlops_estimate_multiclass(const double *probability,
									  const double *calibrated, int k,
									  size_t n,
									  MlopsMetric out[MLOPS_MAX_METRICS]);

#endif							/* MLOPS_ESTIMATE_H */
