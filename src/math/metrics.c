/*
 * metrics.c
 *		How good predictions are: truth first, prediction second.
 *
 * Binary and multiclass ranking metrics sort (score, signed weight) pairs
 * once by radix, ties grouped: the sign of the weight is the label, so the
 * sorted array needs no way back to the rows.  All sums are compensated, and
 * the mean of the labels is taken relative to the first of them, so that a
 * constant label has exactly no variance.
 *
 * Memory is malloc()ed and freed before return.
 */
#include "math/metrics.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "math/metric_row.h"
#include "math/quantile.h"
#include "math/sum.h"

/* In place of a class index: class 1 is a label over 0.5. */
#define BINARY_LABEL (-1)

/* Sums over the rows that count, by label and prediction where it applies. */
typedef struct BinaryTotals
{
	bool		valid;			/* no NaN, no bad weight */
	MlopsSum	tp;
	MlopsSum	fp;
	MlopsSum	fn;
	MlopsSum	tn;
	MlopsSum	log_loss;
	MlopsSum	brier;
} BinaryTotals;

typedef struct RegressionTotals
{
	bool		valid;
	size_t		rows;			/* that count */
	MlopsSum	weight;
	MlopsSum	error;			/* prediction less label */
	MlopsSum	absolute;
	MlopsSum	square;
	MlopsSum	relative;		/* absolute error by size of label */
	MlopsSum	variation;		/* squared distance of labels to their mean */
} RegressionTotals;

typedef struct ClassTotals
{
	MlopsSum	truth;			/* weight of the rows of the class */
	MlopsSum	predicted;		/* of the rows predicted as the class */
	MlopsSum	hit;			/* of both */
} ClassTotals;

typedef struct MulticlassTotals
{
	bool		valid;
	MlopsSum	weight;
	MlopsSum	hit;
	MlopsSum	log_loss;
	ClassTotals *classes;		/* [k] */
} MulticlassTotals;

/* The areas under the two curves, NaN where not defined. */
typedef struct CurveAreas
{
	double		roc;
	double		pr;
} CurveAreas;

const MlopsKnownMetric mlops_known_metrics[] = {
	{"roc_auc", 1}, {"pr_auc", 1}, {"accuracy", 1}, {"precision", 1},
	{"recall", 1}, {"f1", 1}, {"mcc", 1}, {"gini", 1}, {"r2", 1},
	{"f1_macro", 1}, {"balanced_accuracy", 1}, {"roc_auc_ovr", 1},
	{"ndcg", 1}, {"ndcg_5", 1}, {"ndcg_10", 1}, {"map", 1}, {"mrr", 1},
	{"concordance", 1}, {"log_loss", -1}, {"brier", -1}, {"rmse", -1},
	{"mae", -1}, {"mape", -1}, {"poisson_deviance", -1},
	{"gamma_deviance", -1}, {"tweedie_deviance", -1}, {"pinball_loss", -1},
	{"mae_observed", -1}, {"base_rate", 0}, {"mean_error", 0},
	{"coverage", 0}, {NULL, 0}
};

static void binary_totals(const float *label, const float *probability,
						  const float *weight, size_t n, BinaryTotals *t);
static double matthews(double tp, double fp, double fn, double tn);
static void regression_totals(const float *label, const float *prediction,
							  const float *weight, size_t n,
							  RegressionTotals *t);
static void label_variation(const float *label, const float *weight, size_t n,
							RegressionTotals *t);
static double r2_of_totals(const RegressionTotals *t);
static void multiclass_totals(const float *label, const float *probability,
							  int k, const float *weight, size_t n,
							  MulticlassTotals *t);
static bool multiclass_row(MulticlassTotals *t, float label,
						   const float *probability, int k, double w);
static void class_averages(const ClassTotals *classes, int k, double *f1,
						   double *balanced, bool *all_present);
static bool roc_auc_ovr(const float *label, const float *probability, int k,
						const float *weight, size_t n, double *value);
static bool curve_areas(const float *label, int class_index,
						const float *score, size_t stride,
						const float *weight, size_t n, CurveAreas *areas);
static bool curve_items(const float *label, int class_index,
						const float *score, size_t stride,
						const float *weight, size_t n,
						MlopsSortItem *items, size_t *count);
static void areas_of_items(const MlopsSortItem *sorted, size_t n,
						   CurveAreas *areas);

int
mlops_metrics_binary(const float *label, const float *probability,
					 const float *weight, size_t n,
					 MlopsMetric out[MLOPS_MAX_METRICS])
{
	BinaryTotals t;
	CurveAreas	areas;
	double		tp;
	double		fp;
	double		fn;
	double		tn;
	double		all;
	int			m = 0;

	if (!curve_areas(label, BINARY_LABEL, probability, 1, weight, n, &areas))
		return -1;
	binary_totals(label, probability, weight, n, &t);
	tp = mlops_sum_value(&t.tp);
	fp = mlops_sum_value(&t.fp);
	fn = mlops_sum_value(&t.fn);
	tn = mlops_sum_value(&t.tn);
	all = (tp + fn) + (fp + tn);

	m = set_metric(out, m, "roc_auc", areas.roc, t.valid);
	m = set_metric(out, m, "pr_auc", areas.pr, t.valid);
	m = set_metric(out, m, "log_loss",
				   ratio(mlops_sum_value(&t.log_loss), all), t.valid);
	m = set_metric(out, m, "brier",
				   ratio(mlops_sum_value(&t.brier), all), t.valid);
	m = set_metric(out, m, "accuracy", ratio(tp + tn, all), t.valid);
	m = set_metric(out, m, "precision", ratio(tp, tp + fp), t.valid);
	m = set_metric(out, m, "recall", ratio(tp, tp + fn), t.valid);
	m = set_metric(out, m, "f1", ratio(2 * tp, 2 * tp + fp + fn), t.valid);
	m = set_metric(out, m, "mcc", matthews(tp, fp, fn, tn), t.valid);
	m = set_metric(out, m, "base_rate", ratio(tp + fn, all), t.valid);
	m = set_metric(out, m, "gini", 2 * areas.roc - 1, t.valid);
	return m;
}

int
mlops_metrics_regression(const float *label, const float *prediction,
						 const float *weight, size_t n,
						 MlopsMetric out[MLOPS_MAX_METRICS])
{
	RegressionTotals t;
	double		all;
	int			m = 0;

	regression_totals(label, prediction, weight, n, &t);
	all = mlops_sum_value(&t.weight);

	m = set_metric(out, m, "rmse",
				   sqrt(ratio(mlops_sum_value(&t.square), all)), t.valid);
	m = set_metric(out, m, "mae",
				   ratio(mlops_sum_value(&t.absolute), all), t.valid);
	m = set_metric(out, m, "r2", r2_of_totals(&t), t.valid);
	m = set_metric(out, m, "mape",
				   ratio(mlops_sum_value(&t.relative), all), t.valid);
	m = set_metric(out, m, "mean_error",
				   ratio(mlops_sum_value(&t.error), all), t.valid);
	return m;
}

int
mlops_metrics_multiclass(const float *label, const float *probability, int k,
						 const float *weight, size_t n,
						 MlopsMetric out[MLOPS_MAX_METRICS])
{
	MulticlassTotals t;
	double		all;
	double		f1 = NAN;
	double		balanced = NAN;
	double		ovr = NAN;
	bool		all_present = false;
	bool		enough = true;
	int			m = 0;

	memset(&t, 0, sizeof(t));
	t.classes = calloc(k > 0 ? k : 1, sizeof(ClassTotals));
	if (t.classes == NULL)
		return -1;
	multiclass_totals(label, probability, k, weight, n, &t);
	if (t.valid)
		class_averages(t.classes, k, &f1, &balanced, &all_present);
	free(t.classes);
	if (all_present && k > 1)
		enough = roc_auc_ovr(label, probability, k, weight, n, &ovr);
	if (!enough)
		return -1;

	all = mlops_sum_value(&t.weight);
	m = set_metric(out, m, "log_loss",
				   ratio(mlops_sum_value(&t.log_loss), all), t.valid);
	m = set_metric(out, m, "accuracy",
				   ratio(mlops_sum_value(&t.hit), all), t.valid);
	m = set_metric(out, m, "f1_macro", f1, t.valid);
	m = set_metric(out, m, "balanced_accuracy", balanced, t.valid);
	m = set_metric(out, m, "roc_auc_ovr", ovr, t.valid);
	return m;
}

double
mlops_metric_get(const MlopsMetric *metrics, int count, const char *name)
{
	int			i;

	for (i = 0; i < count; i++)
	{
		if (strcmp(metrics[i].name, name) == 0)
			return metrics[i].value;
	}
	return NAN;
}

int
mlops_metric_direction(const char *name)
{
	for (const MlopsKnownMetric *known = mlops_known_metrics;
		 known->name != NULL; known++)
		if (strcmp(known->name, name) == 0)
			return known->direction;
	return 0;
}

/* All sums of binary classification but those that need an order. */
static void
binary_totals(const float *label, const float *probability,
			  const float *weight, size_t n, BinaryTotals *t)
{
	size_t		i;

	memset(t, 0, sizeof(*t));
	for (i = 0; i < n; i++)
	{
		double		p = probability[i];
		bool		truth = label[i] > 0.5f;
		double		miss = truth ? 1 - p : p;
		double		w;
		int			counts = row_weight(weight, i, &w);

		if (counts == 0)
			continue;
		if (counts < 0 || isnan(label[i]) || isnan(p))
			return;
		if (p > 0.5)
			mlops_sum_add(truth ? &t->tp : &t->fp, w);
		else
			mlops_sum_add(truth ? &t->fn : &t->tn, w);
		mlops_sum_add(&t->log_loss,
					  -w * log(truth ? clip(p) : 1 - clip(p)));
		mlops_sum_add(&t->brier, w * miss * miss);
	}
	t->valid = true;
}

/* Matthews' correlation of label and prediction, NaN if one is constant. */
static double
matthews(double tp, double fp, double fn, double tn)
{
	double		label = (tp + fn) * (fp + tn);
	double		predicted = (tp + fp) * (fn + tn);

	return ratio(tp * tn - fp * fn, sqrt(label) * sqrt(predicted));
}

/* All sums of regression. */
static void
regression_totals(const float *label, const float *prediction,
				  const float *weight, size_t n, RegressionTotals *t)
{
	size_t		i;

	memset(t, 0, sizeof(*t));
	for (i = 0; i < n; i++)
	{
		double		y = label[i];
		double		error = prediction[i] - y;
		double		w;
		int			counts = row_weight(weight, i, &w);

		if (counts == 0)
			continue;
		if (counts < 0 || isnan(y) || isnan(prediction[i]))
			return;
		t->rows++;
		mlops_sum_add(&t->weight, w);
		mlops_sum_add(&t->error, w * error);
		mlops_sum_add(&t->absolute, w * fabs(error));
		mlops_sum_add(&t->square, w * error * error);
		mlops_sum_add(&t->relative,
					  w * fabs(error) / fmax(fabs(y), DBL_EPSILON));
	}
	t->valid = true;
	label_variation(label, weight, n, t);
}

/* The weighted squared distance of the labels to their weighted mean. */
static void
label_variation(const float *label, const float *weight, size_t n,
				RegressionTotals *t)
{
	MlopsSum	shifted = {0};
	double		first = NAN;
	double		mean;
	double		w;
	size_t		i;

	for (i = 0; i < n; i++)
	{
		if (row_weight(weight, i, &w) == 0)
			continue;
		if (isnan(first))
			first = label[i];
		mlops_sum_add(&shifted, w * (label[i] - first));
	}
	mean = ratio(mlops_sum_value(&shifted), mlops_sum_value(&t->weight));
	for (i = 0; i < n; i++)
	{
		double		d = label[i] - first - mean;

		if (row_weight(weight, i, &w) != 0)
			mlops_sum_add(&t->variation, w * d * d);
	}
}

/* The share of the labels' variance that the predictions explain. */
static double
r2_of_totals(const RegressionTotals *t)
{
	if (t->rows < 2)
		return NAN;
	return 1 - ratio(mlops_sum_value(&t->square),
					 mlops_sum_value(&t->variation));
}

/* All sums of multiclass classification; t is zeroed, with classes[k]. */
static void
multiclass_totals(const float *label, const float *probability, int k,
				  const float *weight, size_t n, MulticlassTotals *t)
{
	size_t		i;

	for (i = 0; i < n; i++)
	{
		double		w;
		int			counts = row_weight(weight, i, &w);

		if (counts == 0)
			continue;
		if (counts < 0 ||
			!multiclass_row(t, label[i], probability + i * k, k, w))
			return;
	}
	t->valid = true;
}

/*
 * Count one row of weight w; false if a value is not what it must be.  The
 * log loss is of the clipped probabilities, scaled to the sum of 1.
 */
static bool
multiclass_row(MulticlassTotals *t, float label, const float *probability,
			   int k, double w)
{
	double		sum = 0;
	int			best = 0;
	int			truth;
	int			c;

	if (!(label >= 0 && label < k) || label != floorf(label))
		return false;
	truth = (int) label;
	for (c = 0; c < k; c++)
	{
		if (isnan(probability[c]))
			return false;
		if (probability[c] > probability[best])
			best = c;
		sum += clip(probability[c]);
	}

	mlops_sum_add(&t->weight, w);
	mlops_sum_add(&t->log_loss, -w * log(clip(probability[truth]) / sum));
	mlops_sum_add(&t->classes[truth].truth, w);
	mlops_sum_add(&t->classes[best].predicted, w);
	if (best == truth)
	{
		mlops_sum_add(&t->hit, w);
		mlops_sum_add(&t->classes[truth].hit, w);
	}
	return true;
}

/* Macro averages, each over the classes for which it is defined. */
static void
class_averages(const ClassTotals *classes, int k, double *f1,
			   double *balanced, bool *all_present)
{
	double		sum_f1 = 0;
	double		sum_recall = 0;
	int			n_f1 = 0;
	int			n_recall = 0;
	int			c;

	for (c = 0; c < k; c++)
	{
		double		truth = mlops_sum_value(&classes[c].truth);
		double		predicted = mlops_sum_value(&classes[c].predicted);
		double		hit = mlops_sum_value(&classes[c].hit);

		if (truth + predicted > 0)
		{
			sum_f1 += 2 * hit / (truth + predicted);
			n_f1++;
		}
		if (truth > 0)
		{
			sum_recall += hit / truth;
			n_recall++;
		}
	}
	*f1 = ratio(sum_f1, n_f1);
	*balanced = ratio(sum_recall, n_recall);
	*all_present = n_recall == k;
}

/* The mean over the classes of each against the rest; false: out of memory. */
static bool
roc_auc_ovr(const float *label, const float *probability, int k,
			const float *weight, size_t n, double *value)
{
	double		sum = 0;
	int			c;

	for (c = 0; c < k; c++)
	{
		CurveAreas	areas;

		if (!curve_areas(label, c, probability + c, k, weight, n, &areas))
			return false;
		sum += areas.roc;
	}
	*value = sum / k;
	return true;
}

/*
 * The areas under the ROC and the precision-recall curve for score[i *
 * stride], both NaN if a row is not valid; false: out of memory.  What is
 * positive, class_index says.
 */
static bool
curve_areas(const float *label, int class_index, const float *score,
			size_t stride, const float *weight, size_t n, CurveAreas *areas)
{
	MlopsSortItem *items;
	size_t		count;

	areas->roc = areas->pr = NAN;
	if (n == 0)
		return true;
	if (n > SIZE_MAX / (2 * sizeof(MlopsSortItem)))
		return false;
	items = malloc(2 * n * sizeof(MlopsSortItem));
	if (items == NULL)
		return false;
	if (curve_items(label, class_index, score, stride, weight, n,
					items, &count))
		areas_of_items(mlops_sort_items(items, items + n, count), count,
					   areas);
	free(items);
	return true;
}

/*
 * The rows that count as items: the score as key, the weight with the sign of
 * the class as value.  false: a row is not valid.
 */
static bool
curve_items(const float *label, int class_index, const float *score,
			size_t stride, const float *weight, size_t n,
			MlopsSortItem *items, size_t *count)
{
	size_t		m = 0;
	size_t		i;

	for (i = 0; i < n; i++)
	{
		bool		positive = class_index == BINARY_LABEL ?
			label[i] > 0.5f : label[i] == (float) class_index;
		float		s = score[i * stride];
		double		w;
		int			counts = row_weight(weight, i, &w);

		if (counts == 0)
			continue;
		if (counts < 0 || isnan(label[i]) || isnan(s))
			return false;
		/* 0 is added so that -0.0 ties with 0.0 */
		items[m].key = mlops_float_key(s + 0.0f);
		items[m].value = positive ? (float) w : (float) -w;
		m++;
	}
	*count = m;
	return true;
}

/*
 * Walk down the scores, rows of equal score in one step.  ROC: trapezoids;
 * precision-recall: average precision, the sum of (recall gained) x (precision
 * there).
 */
static void
areas_of_items(const MlopsSortItem *sorted, size_t n, CurveAreas *areas)
{
	MlopsSum	positive = {0};
	MlopsSum	negative = {0};
	MlopsSum	roc = {0};
	MlopsSum	pr = {0};
	double		tp = 0;
	double		fp = 0;
	size_t		i = n;

	while (i > 0)
	{
		uint32_t	key = sorted[i - 1].key;
		double		new_tp;
		double		new_fp;

		for (; i > 0 && sorted[i - 1].key == key; i--)
		{
			float		w = sorted[i - 1].value;

			mlops_sum_add(&positive, w > 0 ? w : 0);
			mlops_sum_add(&negative, w > 0 ? 0 : -w);
		}
		new_tp = mlops_sum_value(&positive);
		new_fp = mlops_sum_value(&negative);
		mlops_sum_add(&roc, (new_fp - fp) * (new_tp + tp) / 2);
		mlops_sum_add(&pr, (new_tp - tp) * (new_tp / (new_tp + new_fp)));
		tp = new_tp;
		fp = new_fp;
	}
	areas->roc = ratio(ratio(mlops_sum_value(&roc), tp), fp);
	areas->pr = ratio(mlops_sum_value(&pr), tp);
}
