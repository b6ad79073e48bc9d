/*
 * metrics.h
 *		How good predictions are: truth first, prediction second.
 *
 * Plain C.  Labels and predictions are the float32 values as they were
 * predicted; everything is computed in double with compensated sums and
 * equals scikit-learn on the same numbers as float64.
 *
 * weight NULL means 1 for every row; a row with weight 0 counts as absent.
 * What is not defined on the rows given (one class only, no variance, a
 * denominator of 0, no row) is NaN where scikit-learn warns and gives 0 or 1.
 * A NaN in a row that counts, a weight that is negative or not finite, or a
 * class index out of range makes every metric NaN.
 */
#ifndef MLOPS_METRICS_H
#define MLOPS_METRICS_H

#include <stddef.h>

/* No function of this file gives more metrics than this. */
#define MLOPS_MAX_METRICS 16

typedef struct MlopsMetric
{
	const char *name;			/* a constant, lower case */
	double		value;			/* NaN: not defined on these rows */
} MlopsMetric;

/*
 * Binary classification: label 1 (over 0.5) or 0, probability of class 1; a
 * row is predicted positive when its probability is over 0.5.  Gives roc_auc,
 * pr_auc, log_loss, brier, accuracy, precision, recall, f1, mcc, base_rate,
 * gini.  Returns how many were written to out, -1: out of memory.
 */
extern int	mlops_metrics_binary(const float *label,
								 const float *probability,
								 const float *weight, size_t n,
								 MlopsMetric out[MLOPS_MAX_METRICS]);

/*
 * Regression.  Gives rmse, mae, r2, mape (numbers around 1, not percent),
 * mean_error (prediction less label).  Needs no memory; returns the count.
 */
extern int	mlops_metrics_regression(const float *label,
									 const float *prediction,
									 const float *weight, size_t n,
									 MlopsMetric out[MLOPS_MAX_METRICS]);

/*
 * Multiclass: label 0 to k - 1, probability[n x k] row by row; the first of
 * the largest is the class predicted.  Gives log_loss, accuracy, f1_macro
 * (over the classes in label or predicted), balanced_accuracy (over the
 * classes in label), roc_auc_ovr (macro; NaN unless all k occur).  Returns
 * the count, -1: out of memory.
 */
extern int	mlops_metrics_multiclass(const float *label,
									 const float *probability, int k,
									 const float *weight, size_t n,
									 MlopsMetric out[MLOPS_MAX_METRICS]);

/*
 * Single metrics, with the same rules.  The first two take any score that
 * orders the rows, and give NaN when memory is out, too.
 */
extern double mlops_roc_auc(const float *label, const float *score,
							const float *weight, size_t n);
extern double mlops_pr_auc(const float *label, const float *score,
						   const float *weight, size_t n);
extern double mlops_log_loss(const float *label, const float *probability,
							 const float *weight, size_t n);
extern double mlops_brier(const float *label, const float *probability,
						  const float *weight, size_t n);
extern double mlops_rmse(const float *label, const float *prediction,
						 const float *weight, size_t n);
extern double mlops_mae(const float *label, const float *prediction,
						const float *weight, size_t n);
extern double mlops_r2(const float *label, const float *prediction,
					   const float *weight, size_t n);

/* The value of the metric of that name among count, NaN if not among them. */
extern double mlops_metric_get(const MlopsMetric *metrics, int count,
							   const char *name);

/* 1: larger is better, -1: smaller is, 0: neither, or no such metric. */
extern int	mlops_metric_direction(const char *name);

#endif							/* MLOPS_METRICS_H */
