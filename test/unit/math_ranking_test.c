/*
 * math_ranking_test.c
 *		Metrics by order, curves and their errors, against plain definitions.
 *
 * Prints "ok N - name" or "not ok N - name" for each check and ends with
 * "N passed, N failed"; exit code 1 if one failed.  Meant to run under the
 * address and undefined behaviour sanitizers.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "math/curves.h"
#include "math/deviance.h"
#include "math/hash.h"
#include "math/metrics.h"
#include "math/order.h"
#include "math/sample.h"

#define N 300

static uint64_t state = 1;

static bool near(double a, double b);
static double uniform(void);
static void test_order(void);
static double all_pairs(const double *rows, int n, bool reverse);
static void test_concordance(void);
static void test_auc(void);
static void test_ranking_by_hand(void);
static void test_survival_by_hand(void);
static void test_undefined(void);
static void test_curves(void);
static void test_delong(void);
static void test_intervals(void);
static void test_losses(void);
static void test_directions(void);

/* Run all tests. */
int
main(void)
{
	test_order();
	test_concordance();
	test_auc();
	test_ranking_by_hand();
	test_survival_by_hand();
	test_undefined();
	test_curves();
	test_delong();
	test_intervals();
	test_losses();
	test_directions();
	return check_total();
}

/* Equal to 1e-12; NaN equals NaN. */
static bool
near(double a, double b)
{
	return (isnan(a) && isnan(b)) || a == b || fabs(a - b) <= 1e-12;
}

/* A number in [0, 1), the same sequence in each run. */
static double
uniform(void)
{
	return mlops_hash_unit(mlops_hash_mix(state++));
}

/* Ascending, stable, zeros equal, infinities at the ends. */
static void
test_order(void)
{
	double		values[2 * N];
	void	   *memory;
	MlopsOrder *order;
	bool		good = true;
	int			i;

	for (i = 0; i < N; i++)
	{
		values[2 * i] = i % 7 == 0 ? floor(uniform() * 5) - 2 :
			(uniform() - 0.5) * exp(uniform() * 500);
		values[2 * i + 1] = NAN;
	}
	values[10] = INFINITY;
	values[20] = -INFINITY;
	values[30] = 0.0;
	values[40] = -0.0;
	order = mlops_order_rows(values, 2, N, &memory);
	for (i = 1; order != NULL && i < N; i++)
	{
		double		a = values[2 * order[i - 1].row];
		double		b = values[2 * order[i].row];

		good = good && (a < b || (a == b && order[i - 1].row < order[i].row &&
								  order[i - 1].key == order[i].key));
	}
	check(order != NULL && good, "order of doubles");
	check(order != NULL && order[0].row == 10 && order[N - 1].row == 5,
		  "infinities come first and last");
	free(memory);
	order = mlops_order_rows(values, 2, 0, &memory);
	check(order != NULL, "order of nothing");
	free(memory);
}

/* Harrell's concordance pair by pair. */
static double
all_pairs(const double *rows, int n, bool reverse)
{
	double		good = 0;
	double		pairs = 0;
	int			i;
	int			j;

	for (i = 0; i < n; i++)
	{
		for (j = 0; j < n; j++)
		{
			const double *a = rows + 4 * i;
			const double *b = rows + 4 * j;
			double		d = reverse ? a[2] - b[2] : b[2] - a[2];

			if (isinf(a[1]) ||
				!(a[1] < b[0] || (a[1] == b[0] && b[1] > b[0])))
				continue;
			pairs += a[3] * b[3];
			good += a[3] * b[3] * (d > 0 ? 1 : d == 0 ? 0.5 : 0);
		}
	}
	return pairs > 0 ? good / pairs : NAN;
}

/* Random times with ties, intervals, censoring and weights. */
static void
test_concordance(void)
{
	double		rows[4 * N];
	bool		good = true;
	bool		memory;
	int			trial;
	int			i;

	for (trial = 0; trial < 40; trial++)
	{
		int			n = trial < 5 ? trial : (int) (uniform() * N);

		for (i = 0; i < n; i++)
		{
			double		kind = uniform();
			double	   *r = rows + 4 * i;

			r[0] = floor(uniform() * 20);
			r[1] = kind < 0.5 ? r[0] : kind < 0.7 ? INFINITY :
				r[0] + 1 + floor(uniform() * 4);
			r[2] = trial % 2 ? floor(r[0] / 3 + uniform() * 5) : uniform();
			r[3] = trial % 3 ? 1 : floor(uniform() * 3);
		}
		good = good &&
			near(mlops_sample_concordance(rows, 4, n, false, &memory),
				 all_pairs(rows, n, false)) && memory &&
			near(mlops_sample_concordance(rows, 4, n, true, &memory),
				 all_pairs(rows, n, true)) && memory;
	}
	check(good, "concordance is that of all pairs");
}

/* The area of doubles is the area of the same floats. */
static void
test_auc(void)
{
	float		label[N];
	float		score[N];
	float		weight[N];
	double		rows[3 * N];
	bool		memory;
	MlopsMetric out[MLOPS_MAX_METRICS];
	int			m;
	int			i;

	for (i = 0; i < N; i++)
	{
		rows[3 * i] = label[i] = uniform() < 0.3;
		rows[3 * i + 1] = score[i] = (float) floor(uniform() * 50);
		rows[3 * i + 2] = weight[i] = (float) floor(uniform() * 4);
	}
	m = mlops_metrics_binary(label, score, weight, N, out);
	check(near(mlops_sample_roc_auc(rows, 3, N, &memory),
			   mlops_metric_get(out, m, "roc_auc")), "ROC area");
	check(near(mlops_sample_pr_auc(rows, 3, N, &memory),
			   mlops_metric_get(out, m, "pr_auc")), "average precision");
	check(isnan(mlops_sample_roc_auc(rows, 3, 1, &memory)) && memory &&
		  isnan(mlops_sample_pr_auc(rows, 3, 0, &memory)) && memory,
		  "areas that are not defined");
}

/* Two groups, one of them with ties, and one that does not count. */
static void
test_ranking_by_hand(void)
{
	const float relevance[] = {2, 0, 1, 0, 0, 1, 0};
	const float score[] = {3, 2, 1, 5, 4, 7, 7};
	const unsigned group[] = {4, 4, 4, 9, 9, 2, 2};
	const float weight[] = {2, 0, 0, 1, 1, 1, 0};
	double		first = (3 + 1 / log2(4)) / (3 + 1 / log2(3));
	double		last = (1 + 1 / log2(3)) / 2;
	MlopsMetric out[MLOPS_MAX_METRICS];
	int			n = mlops_metrics_ranking(relevance, score, group, NULL, 7,
										  out);

	check(n == 5, "five metrics of ranking");
	check(near(mlops_metric_get(out, n, "ndcg"), (first + last) / 2),
		  "ndcg by hand");
	check(near(mlops_metric_get(out, n, "map"),
			   ((1 + 2.0 / 3) / 2 + 0.5) / 2), "map by hand");
	check(near(mlops_metric_get(out, n, "mrr"), (1 + 0.75) / 2),
		  "mrr by hand");
	n = mlops_metrics_ranking(relevance, score, group, weight, 7, out);
	check(near(mlops_metric_get(out, n, "ndcg"), (2 * first + last) / 3),
		  "a group's weight is that of its first row");
}

/* One event, one interval, one censored row. */
static void
test_survival_by_hand(void)
{
	const float lower[] = {5, 6, 7};
	const float upper[] = {5, 7, INFINITY};
	const float prediction[] = {4, 9, 8};
	MlopsMetric out[MLOPS_MAX_METRICS];
	int			n = mlops_metrics_survival(lower, upper, prediction, false,
										   NULL, 3, out);

	check(n == 2 && near(out[0].value, 2.0 / 3) && near(out[1].value, 1),
		  "survival by hand");
	n = mlops_metrics_survival(lower, upper, prediction, true, NULL, 3, out);
	check(n == 1 && near(out[0].value, 1.0 / 3), "hazards are reversed");
	n = mlops_metrics_survival(upper, lower, prediction, false, NULL, 3, out);
	check(n == 2 && isnan(out[0].value) && isnan(out[1].value),
		  "bounds the wrong way round");
}

/* No rows, NaN, bad weights. */
static void
test_undefined(void)
{
	const float one[] = {1};
	const float zero[] = {0};
	const float nan[] = {NAN};
	const float minus[] = {-1};
	const unsigned group[] = {0};
	MlopsMetric out[MLOPS_MAX_METRICS];
	bool		good = true;
	int			n;
	int			i;

	n = mlops_metrics_ranking(one, nan, group, NULL, 1, out);
	for (i = 0; i < n; i++)
		good = good && isnan(out[i].value);
	n = mlops_metrics_ranking(zero, one, group, NULL, 1, out);
	for (i = 0; i < n; i++)
		good = good && isnan(out[i].value);
	n = mlops_metrics_ranking(NULL, NULL, NULL, NULL, 0, out);
	for (i = 0; i < n; i++)
		good = good && isnan(out[i].value);
	check(good, "rankings that are not defined");
	n = mlops_metrics_survival(NULL, NULL, NULL, false, NULL, 0, out);
	check(isnan(out[0].value) && isnan(out[1].value), "survival of no row");
	n = mlops_metrics_deviance(minus, one, NULL, 1, 1, out);
	check(isnan(out[0].value) && near(mlops_metric_get(out, n, "mae"), 2),
		  "a negative count has no deviance");
	n = mlops_metrics_deviance(one, one, minus, 1, 1, out);
	check(isnan(out[0].value) && isnan(mlops_metric_get(out, n, "mae")),
		  "a negative weight");
	n = mlops_metrics_quantile(one, nan, NULL, 1, 0.5, out);
	check(n == 4 && isnan(out[0].value) && isnan(out[3].value),
		  "quantile of NaN");
}

/* Points and bins by hand, at the smallest sizes. */
static void
test_curves(void)
{
	const float label[] = {1, 0, 1, 0};
	const float score[] = {0.9f, 0.5f, 0.5f, 0.1f};
	const float nan[] = {NAN, 0, 0, 0};
	MlopsRocPoint roc[N];
	MlopsPrPoint pr[N];
	MlopsLiftBin lift[4];
	MlopsCalibrationBin bins[4];
	long		n = mlops_curve_roc(label, score, NULL, 4, N, roc);

	check(n == 4 && isinf(roc[0].threshold) && roc[1].tpr == 0.5 &&
		  roc[2].fpr == 0.5 && roc[2].tpr == 1 && roc[3].fpr == 1,
		  "ROC curve by hand");
	n = mlops_curve_pr(label, score, NULL, 4, N, pr);
	check(n == 4 && pr[0].precision == 1 && pr[1].recall == 0.5 &&
		  near(pr[2].precision, 2.0 / 3) && pr[3].precision == 0.5,
		  "precision-recall curve by hand");
	n = mlops_curve_lift(label, score, NULL, 4, 2, lift);
	check(n == 2 && lift[0].n == 1 && lift[0].lift == 2 &&
		  lift[1].n == 3 && lift[1].gain == 1, "lift by hand");
	n = mlops_curve_calibration(label, score, NULL, 4, 4, false, 1.96, bins);
	check(n == 3 && bins[0].bin == 1 && bins[1].bin == 3 &&
		  bins[1].observed == 0.5 && bins[2].observed == 1 &&
		  bins[2].high == 1 && bins[2].low < 1, "calibration by hand");
	n = mlops_curve_calibration(label, score, NULL, 4, 2, true, 1.96, bins);
	check(n == 2 && bins[0].n + bins[1].n == 4, "calibration by quantiles");
	check(mlops_curve_roc(label, nan, NULL, 4, N, roc) == 0 &&
		  mlops_curve_roc(label, score, NULL, 1, N, roc) == 0 &&
		  mlops_curve_pr(nan, score, NULL, 4, N, pr) == 0 &&
		  mlops_curve_lift(label, score, NULL, 0, 4, lift) == 0 &&
		  mlops_curve_calibration(score, nan, NULL, 4, 4, false, 2, bins) == 0,
		  "curves that are not defined");
}

/* Against a case by hand, and a score against itself. */
static void
test_delong(void)
{
	const float label[] = {1, 1, 0, 0};
	const float score[] = {3, 1, 2, 0};
	MlopsDelong d;

	check(mlops_delong(label, score, score, NULL, 4, &d) &&
		  d.auc[0] == 0.75 && near(d.variance[0], 0.125) &&
		  d.variance[0] == d.covariance && d.variance[1] == d.covariance,
		  "DeLong by hand");
	check(mlops_delong(label, score, NULL, NULL, 3, &d) &&
		  d.auc[0] == 0.5 && isnan(d.variance[0]) && isnan(d.auc[1]),
		  "DeLong with one negative");
	check(mlops_delong(label, score, NULL, NULL, 2, &d) && isnan(d.auc[0]),
		  "DeLong of one class");
}

/* Known values. */
static void
test_intervals(void)
{
	double		low;
	double		high;

	mlops_wilson(0.5, 10, 1.959963984540054, &low, &high);
	check(fabs(low - 0.236593090512564) < 1e-12 &&
		  fabs(high - 0.763406909487436) < 1e-12, "Wilson's interval");
	mlops_wilson(0, 5, 2, &low, &high);
	check(low == 0 && high > 0 && high < 1, "Wilson's interval at 0");
	mlops_wilson(0.5, 0, 2, &low, &high);
	check(isnan(low) && isnan(high), "Wilson's interval of no row");
	check(fabs(mlops_normal_quantile(0.975) - 1.959963984540054) < 1e-14 &&
		  mlops_normal_quantile(0.5) == 0 &&
		  near(mlops_normal_quantile(0.2), -mlops_normal_quantile(0.8)) &&
		  isnan(mlops_normal_quantile(0)) &&
		  isnan(mlops_normal_quantile(NAN)), "normal quantiles");
}

/* At values that are easy. */
static void
test_losses(void)
{
	check(near(mlops_unit_deviance(0, 1.5, 1), 3) &&
		  near(mlops_unit_deviance(2, 2, 1), 0) &&
		  near(mlops_unit_deviance(2, 2, 2), 0) &&
		  near(mlops_unit_deviance(2, 2, 1.5), 0) &&
		  near(mlops_unit_deviance(0, 1, 1.5), 4), "unit deviances");
	check(isnan(mlops_unit_deviance(0, 1, 2)) &&
		  isnan(mlops_unit_deviance(1, 0, 1)) &&
		  isnan(mlops_unit_deviance(NAN, 1, 1)), "no deviance");
	check(near(mlops_unit_pinball(3, 1, 0.9), 1.8) &&
		  near(mlops_unit_pinball(1, 3, 0.9), 0.2), "pinball loss");
}

/* Every name has its direction. */
static void
test_directions(void)
{
	static const char *const larger[] = {"ndcg", "ndcg_5", "ndcg_10", "map",
	"mrr", "concordance", "roc_auc"};
	static const char *const smaller[] = {"poisson_deviance",
		"gamma_deviance", "tweedie_deviance", "pinball_loss", "mae_observed",
	"mae", "rmse"};
	bool		good = true;
	int			i;

	for (i = 0; i < 7; i++)
		good = good && mlops_metric_direction(larger[i]) == 1 &&
			mlops_metric_direction(smaller[i]) == -1;
	check(good && mlops_metric_direction("coverage") == 0 &&
		  mlops_metric_direction("mean_error") == 0, "directions");
}
