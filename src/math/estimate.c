/*
 * estimate.c
 *		Metrics without labels: what they are to be expected.
 *
 * Areas under curves are those of rows that stand there twice, positive with
 * the calibrated probability as weight and negative with the rest; the others
 * follow from expected counts.
 */
#include "math/estimate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/metric_row.h"
#include "math/sample.h"
#include "math/sum.h"

/* Expected numbers of rows, and sums over rows. */
typedef struct Counts
{
	MlopsSum	tp;
	MlopsSum	fp;
	MlopsSum	fn;
	MlopsSum	tn;
	MlopsSum	log_loss;
	MlopsSum	brier;
} Counts;

/* The same for one of many classes. */
typedef struct ClassCounts
{
	MlopsSum	label;
	MlopsSum	hit;
	double		predicted;
} ClassCounts;

static bool areas(const double *probability, const double *calibrated,
				  size_t stride, size_t n, double *roc, double *pr);
static void count_rows(const double *probability, const double *calibrated,
					   size_t n, Counts *counts);
static void average_classes(const ClassCounts *classes, int k, double *f1,
							double *balanced);

int
mlops_estimate_binary(const double *probability, const double *calibrated,
					  size_t n, MlopsMetric out[MLOPS_MAX_METRICS])
{
	Counts		counts;
	double		roc;
	double		pr;
	double		tp;
	double		fp;
	double		fn;
	double		tn;
	int			m = 0;

	if (!areas(probability, calibrated, 1, n, &roc, &pr))
		return -1;
	count_rows(probability, calibrated, n, &counts);
	tp = mlops_sum_value(&counts.tp);
	fp = mlops_sum_value(&counts.fp);
	fn = mlops_sum_value(&counts.fn);
	tn = mlops_sum_value(&counts.tn);
	m = set_metric(out, m, "roc_auc", roc, true);
	m = set_metric(out, m, "pr_auc", pr, true);
	m = set_metric(out, m, "log_loss",
			ratio(mlops_sum_value(&counts.log_loss), n), true);
	m = set_metric(out, m, "brier", ratio(mlops_sum_value(&counts.brier), n), true);
	m = set_metric(out, m, "accuracy", ratio(tp + tn, n), true);
	m = set_metric(out, m, "precision", ratio(tp, tp + fp), true);
	m = set_metric(out, m, "recall", ratio(tp, tp + fn), true);
	m = set_metric(out, m, "f1", ratio(2 * tp, 2 * tp + fp + fn), true);
	m = set_metric(out, m, "mcc", ratio(tp * tn - fp * fn,
									sqrt((tp + fn) * (fp + tn)) *
									sqrt((tp + fp) * (fn + tn))), true);
	return set_metric(out, m, "base_rate", ratio(tp + fn, n), true);
}

int
mlops_estimate_multiclass(const double *probability,
						  const double *calibrated, int k, size_t n,
						  MlopsMetric out[MLOPS_MAX_METRICS])
{
	ClassCounts *classes = calloc(k, sizeof(ClassCounts));
	MlopsSum	log_loss = {0};
	MlopsSum	hit = {0};
	double		f1;
	double		balanced;
	double		ovr = 0;
	int			m = 0;

	if (classes == NULL)
		return -1;
	for (size_t i = 0; i < n; i++)
	{
		const double *p = probability + i * k;
		const double *c = calibrated + i * k;
		int			best = 0;
		double		all = 0;

		for (int j = 0; j < k; j++)
		{
			if (p[j] > p[best])
				best = j;
			all += clip(p[j]);
		}
		classes[best].predicted += 1;
		mlops_sum_add(&classes[best].hit, c[best]);
		mlops_sum_add(&hit, c[best]);
		for (int j = 0; j < k; j++)
		{
			mlops_sum_add(&classes[j].label, c[j]);
			mlops_sum_add(&log_loss, -c[j] * log(clip(p[j]) / all));
		}
	}
	average_classes(classes, k, &f1, &balanced);
	free(classes);
	for (int j = 0; j < k; j++)
	{
		double		roc;

		if (!areas(probability + j, calibrated + j, k, n, &roc, NULL))
			return -1;
		ovr += roc / k;
	}
	m = set_metric(out, m, "log_loss", ratio(mlops_sum_value(&log_loss), n), true);
	m = set_metric(out, m, "accuracy", ratio(mlops_sum_value(&hit), n), true);
	m = set_metric(out, m, "f1_macro", f1, true);
	m = set_metric(out, m, "balanced_accuracy", balanced, true);
	return set_metric(out, m, "roc_auc_ovr", ovr, true);
}

/*
 * Areas under the ROC and, unless pr is NULL, the precision and recall curve;
 * false: out of memory.
 */
static bool
areas(const double *probability, const double *calibrated, size_t stride,
	  size_t n, double *roc, double *pr)
{
	double	   *rows = malloc(6 * (n > 0 ? n : 1) * sizeof(double));
	bool		memory = (rows != NULL);

	for (size_t i = 0; i < n && memory; i++)
	{
		double		p = probability[i * stride];
		double		c = calibrated[i * stride];
		const double both[6] = {1, p, c, 0, p, 1 - c};

		memcpy(rows + 6 * i, both, sizeof(both));
	}
	if (memory)
		*roc = mlops_sample_roc_auc(rows, 3, 2 * n, &memory);
	if (memory && pr != NULL)
		*pr = mlops_sample_pr_auc(rows, 3, 2 * n, &memory);
	free(rows);
	return memory;
}

/* Sums over the rows of a binary classification. */
static void
count_rows(const double *probability, const double *calibrated, size_t n,
		   Counts *counts)
{
	memset(counts, 0, sizeof(*counts));
	for (size_t i = 0; i < n; i++)
	{
		double		p = probability[i];
		double		c = calibrated[i];
		bool		positive = p > 0.5;

		mlops_sum_add(positive ? &counts->tp : &counts->fn, c);
		mlops_sum_add(positive ? &counts->fp : &counts->tn, 1 - c);
		mlops_sum_add(&counts->log_loss,
					  -c * log(clip(p)) - (1 - c) * log(1 - clip(p)));
		mlops_sum_add(&counts->brier,
					  c * (1 - p) * (1 - p) + (1 - c) * p * p);
	}
}

/* Means over the classes that are expected, or for f1 predicted either. */
static void
average_classes(const ClassCounts *classes, int k, double *f1,
				double *balanced)
{
	double		sum_f1 = 0;
	double		sum_recall = 0;
	int			n_f1 = 0;
	int			n_recall = 0;

	for (int j = 0; j < k; j++)
	{
		double		label = mlops_sum_value(&classes[j].label);
		double		hit = mlops_sum_value(&classes[j].hit);

		if (label + classes[j].predicted > 0)
		{
			sum_f1 += 2 * hit / (label + classes[j].predicted);
			n_f1++;
		}
		if (label > 0)
		{
			sum_recall += hit / label;
			n_recall++;
		}
	}
	*f1 = ratio(sum_f1, n_f1);
	*balanced = ratio(sum_recall, n_recall);
}
