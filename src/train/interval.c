/*
 * interval.c
 *		Confidence intervals of metrics.
 *
 * Most metrics are means over rows (or query groups), of the rows where they
 * are defined: precision is the mean of the labels over the rows predicted
 * positive.  So what a metric is on one row alone is the term of its mean, and
 * no formula stands here a second time.
 */
#include "postgres.h"

#include <math.h>

#include "base/base.h"
#include "math/curves.h"
#include "math/paired.h"
#include "miscadmin.h"
#include "train/interval.h"
#include "train/resample.h"

#define ROWS_PER_INTERRUPT	4096

/* The seed of the drawings behind intervals: one for all. */
#define INTERVAL_SEED		42
#define INTERVAL_DRAWINGS	200

/* How the interval of a metric is made. */
typedef enum Method
{
	BY_DRAWING,
	BY_ODDS,					/* the same, for the logarithm of the odds */
	BY_MEAN,					/* normal, by the variance of the terms */
	BY_ROOT,					/* the same, for the logarithm of its square */
	BY_SHARE,					/* Wilson's */
	BY_AREA						/* DeLong's */
} Method;

typedef struct Kind
{
	const char *name;
	Method		method;
	double		least;
	double		most;
} Kind;

static const Kind kinds[] = {
	{"accuracy", BY_SHARE, 0, 1},
	{"precision", BY_SHARE, 0, 1},
	{"recall", BY_SHARE, 0, 1},
	{"base_rate", BY_SHARE, 0, 1},
	{"coverage", BY_SHARE, 0, 1},
	{"log_loss", BY_MEAN, 0, INFINITY},
	{"brier", BY_MEAN, 0, 1},
	{"mae", BY_MEAN, 0, INFINITY},
	{"mape", BY_MEAN, 0, INFINITY},
	{"mean_error", BY_MEAN, -INFINITY, INFINITY},
	{"poisson_deviance", BY_MEAN, 0, INFINITY},
	{"gamma_deviance", BY_MEAN, 0, INFINITY},
	{"tweedie_deviance", BY_MEAN, 0, INFINITY},
	{"pinball_loss", BY_MEAN, 0, INFINITY},
	{"mae_observed", BY_MEAN, 0, INFINITY},
	{"ndcg", BY_MEAN, 0, 1},
	{"ndcg_5", BY_MEAN, 0, 1},
	{"ndcg_10", BY_MEAN, 0, 1},
	{"map", BY_MEAN, 0, 1},
	{"mrr", BY_MEAN, 0, 1},
	{"rmse", BY_ROOT, 0, INFINITY},
	{"roc_auc", BY_AREA, 0, 1},
	{"gini", BY_AREA, -1, 1},
	{"pr_auc", BY_ODDS, 0, 1},
	{"f1", BY_DRAWING, 0, 1},
	{"f1_macro", BY_DRAWING, 0, 1},
	{"mcc", BY_DRAWING, -1, 1},
	{"balanced_accuracy", BY_DRAWING, 0, 1},
	{"roc_auc_ovr", BY_DRAWING, 0, 1},
	{"concordance", BY_DRAWING, 0, 1},
	{"r2", BY_DRAWING, -INFINITY, 1},
};

static const Kind other_kind = {NULL, BY_DRAWING, -INFINITY, INFINITY};

static const Kind *kind_of(const char *name);
static bool any_method(const MlopsMetric *metrics, int n, Method least,
					   Method most);
static void mean_errors(const MlopsMeasure *measure, const MlopsRows *rows,
						const float *outputs, const MlopsUnits *units,
						const MlopsMetric *metrics, int n_metrics,
						MlopsMeanError *errors);
static double area_error(const MlopsRows *rows, const float *outputs);
static MlopsInterval mean_interval(const Kind *kind, double value,
								   const MlopsMeanError *error, double z);
static MlopsInterval odds_interval(const Kind *kind, double value,
								   double error, double z);
static MlopsInterval plain_interval(const Kind *kind, double value,
									double error, double z);

void
mlops_intervals(const MlopsMeasure *measure, const MlopsRows *rows,
				float *outputs, const MlopsMetric *metrics, int n_metrics,
				double confidence, MlopsInterval *intervals)
{
	double		z = mlops_normal_quantile(0.5 + confidence / 2);
	MlopsUnits	units = mlops_units_of(rows);
	MlopsMeanError means[MLOPS_MAX_METRICS] = {0};
	double		drawn[MLOPS_MAX_METRICS] = {0};
	double		area = NAN;

	if (any_method(metrics, n_metrics, BY_MEAN, BY_SHARE))
		mean_errors(measure, rows, outputs, &units, metrics, n_metrics,
					means);
	if (any_method(metrics, n_metrics, BY_AREA, BY_AREA))
		area = area_error(rows, outputs);
	if (any_method(metrics, n_metrics, BY_DRAWING, BY_ODDS))
		mlops_resample_errors(measure, 1, rows, &outputs, INTERVAL_SEED,
							  INTERVAL_DRAWINGS, drawn);
	for (int i = 0; i < n_metrics; i++)
	{
		const Kind *kind = kind_of(metrics[i].name);
		double		value = metrics[i].value;

		if (!isfinite(value))
			intervals[i] = (MlopsInterval) {NAN, NAN};
		else if (kind->method == BY_AREA)
			intervals[i] = plain_interval(kind, value,
										  kind->least < 0 ? 2 * area : area,
										  z);
		else if (kind->method == BY_DRAWING)
			intervals[i] = plain_interval(kind, value, drawn[i], z);
		else if (kind->method == BY_ODDS)
			intervals[i] = odds_interval(kind, value, drawn[i], z);
		else
			intervals[i] = mean_interval(kind, value, &means[i], z);
	}
	if (units.starts != NULL)
		pfree(units.starts);
}

/*
 * How the interval of the metric is made.
 */
static const Kind *
kind_of(const char *name)
{
	for (int i = 0; i < lengthof(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return &other_kind;
}

/*
 * Is there a metric that is defined, and whose method is one of these?
 */
static bool
any_method(const MlopsMetric *metrics, int n, Method least, Method most)
{
	for (int i = 0; i < n; i++)
	{
		Method		method = kind_of(metrics[i].name)->method;

		if (method >= least && method <= most && isfinite(metrics[i].value))
			return true;
	}
	return false;
}

/*
 * The errors of all metrics that are means, from their values on each unit.
 */
static void
mean_errors(const MlopsMeasure *measure, const MlopsRows *rows,
			const float *outputs, const MlopsUnits *units,
			const MlopsMetric *metrics, int n_metrics, MlopsMeanError *errors)
{
	for (int i = 0; i < n_metrics; i++)
		errors[i].mean = kind_of(metrics[i].name)->method == BY_ROOT ?
			metrics[i].value * metrics[i].value : metrics[i].value;

	for (size_t unit = 0; unit < units->n; unit++)
	{
		size_t		first = units->starts ? units->starts[unit] : unit;
		size_t		end = units->starts ? units->starts[unit + 1] : unit + 1;
		double		weight = rows->weight ? rows->weight[first] : 1;
		MlopsRows	one = {end - first, rows->label + first,
			rows->upper ? rows->upper + first : NULL, NULL,
		rows->group ? rows->group + first : NULL};
		MlopsMetric terms[MLOPS_MAX_METRICS];

		if (unit % ROWS_PER_INTERRUPT == 0)
			CHECK_FOR_INTERRUPTS();
		mlops_measure(measure, &one, outputs + first * measure->n_outputs,
					  terms);
		for (int i = 0; i < n_metrics; i++)
		{
			double		term = terms[i].value;

			if (kind_of(metrics[i].name)->method == BY_ROOT)
				term *= term;
			if (!isnan(term))
				mlops_mean_error_add(&errors[i], term, weight);
		}
	}
}

/*
 * The standard error of the area under the ROC curve.
 */
static double
area_error(const MlopsRows *rows, const float *outputs)
{
	MlopsDelong delong;

	if (!mlops_delong(rows->label, outputs, NULL, rows->weight, rows->n,
					  &delong))
		mlops_out_of_memory();
	return sqrt(delong.variance[0]);
}

/*
 * The interval of a mean, of the root of one, or of a share.  Squared errors
 * are skewed, their logarithm much less.
 */
static MlopsInterval
mean_interval(const Kind *kind, double value, const MlopsMeanError *error,
			  double z)
{
	MlopsInterval interval;
	double		factor;

	if (kind->method == BY_SHARE)
	{
		mlops_wilson(value, mlops_mean_error_rows(error), z, &interval.low,
					 &interval.high);
		return interval;
	}
	if (kind->method == BY_MEAN)
		return plain_interval(kind, value, mlops_mean_error_get(error), z);
	factor = z * mlops_mean_error_get(error) / (2 * error->mean);
	if (error->mean == 0)
		return (MlopsInterval) {0, 0};
	return (MlopsInterval) {value * exp(-factor), value * exp(factor)};
}

/*
 * The value and z errors to both sides on the scale of the logarithm of the
 * odds, where a share near 0 or 1 is less skewed (Boyd, Eng and Page, 2013).
 */
static MlopsInterval
odds_interval(const Kind *kind, double value, double error, double z)
{
	double		odds = value / (1 - value);
	double		factor = exp(z * error / (value * (1 - value)));

	if (isnan(error) || !(value > 0 && value < 1))
		return plain_interval(kind, value, error, z);
	return (MlopsInterval) {
		1 - 1 / (1 + odds / factor),
		1 - 1 / (1 + odds * factor)
	};
}

/*
 * The value and z errors to both sides, within what the metric can be.
 */
static MlopsInterval
plain_interval(const Kind *kind, double value, double error, double z)
{
	if (isnan(error))
		return (MlopsInterval) {NAN, NAN};
	/* by rounding, the value may be beyond what it can be */
	return (MlopsInterval) {
		Min(value, Max(value - z * error, kind->least)),
		Max(value, Min(value + z * error, kind->most))
	};
}
