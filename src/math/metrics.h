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

#include <stdbool.h>
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
 * Other tasks, with the same rules; each returns the count, -1: memory.
 * Counts, labels >= 0, predictions > 0: poisson_deviance, rmse, mae, r2,
 * mean_error.  Gamma (labels > 0) and tweedie of a power in (1, 2):
 * gamma_deviance or tweedie_deviance instead of the first.  Quantile alpha:
 * pinball_loss, coverage (share of labels <= prediction), mae, mean_error.
 */
extern int	mlops_metrics_deviance(const float *label,
								   const float *prediction,
								   const float *weight, size_t n,
								   double power,	/* 1 poisson, 2 gamma */
								   MlopsMetric out[MLOPS_MAX_METRICS]);
extern int	mlops_metrics_quantile(const float *label,
								   const float *prediction,
								   const float *weight, size_t n,
								   double alpha,
								   MlopsMetric out[MLOPS_MAX_METRICS]);

/*
 * Ranking: relevance >= 0, score, and the number of each row's query group,
 * rows of a group together; a group's weight is that of its first row.  Means
 * over groups: ndcg, ndcg_5, ndcg_10 (gain 2^relevance - 1, ties in score
 * averaged as scikit-learn does with linear gain replaced), map (relevance
 * over 0.5 is relevant), mrr.  A group without a relevant row counts as
 * absent.
 */
extern int	mlops_metrics_ranking(const float *relevance, const float *score,
								  const unsigned *group, const float *weight,
								  size_t n,
								  MlopsMetric out[MLOPS_MAX_METRICS]);

/*
 * Survival: time (lower bound), its upper bound (the same if the event was
 * observed, else more or infinite), and the predicted time; of cox the hazard
 * ratio, with reverse.  Gives concordance (Harrell's), and with reverse false
 * also mae_observed (over rows whose event was observed).
 */
extern int	mlops_metrics_survival(const float *lower, const float *upper,
								   const float *prediction, bool reverse,
								   const float *weight, size_t n,
								   MlopsMetric out[MLOPS_MAX_METRICS]);

/* The value of the metric of that name among count, NaN if not among them. */
extern double mlops_metric_get(const MlopsMetric *metrics, int count,
							   const char *name);

/* The metrics that there are, until a name that is NULL. */
typedef struct MlopsKnownMetric
{
	const char *name;
	int			direction;		/* 1: larger is better, -1: smaller, 0: neither */
} MlopsKnownMetric;

extern const MlopsKnownMetric mlops_known_metrics[];

/* The direction of a metric, 0 if there is no such one. */
extern int	mlops_metric_direction(const char *name);

#endif							/* MLOPS_METRICS_H */
