/*
 * math_test.c
 *		Sums, sorting, quantiles and metrics against values worked out by hand,
 *		and at their edges.
 *
 * Prints "ok N - name" or "not ok N - name" for each check and ends with
 * "N passed, N failed"; exit code 1 if one failed.  Meant to run under the
 * address and undefined behaviour sanitizers.
 */
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "math/hash.h"
#include "math/metrics.h"
#include "math/quantile.h"
#include "math/sum.h"

static void check_near(double got, double want, const char *name);
static void test_sum(void);
static void test_sort(void);
static void test_sort_random(size_t n);
static void test_quantile(void);
static void test_binary(void);
static void test_binary_weights(void);
static void test_binary_undefined(void);
static void test_regression(void);
static void test_regression_edges(void);
static void test_multiclass(void);
static void test_multiclass_edges(void);
static void test_metric_names(void);

/* Run all tests. */
int
main(void)
{
	test_sum();
	test_sort();
	test_quantile();
	test_binary();
	test_binary_weights();
	test_binary_undefined();
	test_regression();
	test_regression_edges();
	test_multiclass();
	test_multiclass_edges();
	test_metric_names();
	return check_total();
}

/* Equal to 1e-12 relative; NaN equals NaN. */
static void
check_near(double got, double want, const char *name)
{
	bool		good = isnan(want) ? isnan(got) : got == want ||
		fabs(got - want) <= 1e-12 * fabs(want);

	if (!good)
		printf("# got %.17g, want %.17g\n", got, want);
	check(good, "%s", name);
}

/* What plain addition loses is kept; infinities stay what they are. */
static void
test_sum(void)
{
	MlopsSum	s = {0};
	MlopsSum	t = {0};
	int			i;

	mlops_sum_add(&s, 1e16);
	for (i = 0; i < 1000; i++)
		mlops_sum_add(&s, 1);
	mlops_sum_add(&s, -1e16);
	check(mlops_sum_value(&s) == 1000, "sum: 1e16 + 1000 x 1 - 1e16");
	mlops_sum_add(&t, INFINITY);
	mlops_sum_add(&t, 1);
	check(mlops_sum_value(&t) == INFINITY, "sum: infinity stays");
	mlops_sum_add(&t, -INFINITY);
	check(isnan(mlops_sum_value(&t)), "sum: opposite infinities are NaN");
}

/* Order of special values, NaN last whatever its sign. */
static void
test_sort(void)
{
	float		v[] = {1, -NAN, INFINITY, -0.0f, NAN, 1e-45f, -FLT_MAX, 0,
	-INFINITY, -1e-45f, FLT_MAX, 1};
	float		want[] = {-INFINITY, -FLT_MAX, -1e-45f, -0.0f, 0, 1e-45f, 1,
	1, FLT_MAX, INFINITY};
	bool		good = true;
	int			i;

	check(mlops_sort_floats(v, 12), "sort: memory");
	for (i = 0; i < 10; i++)
		good = good && v[i] == want[i];
	check(good, "sort: special values ascend");
	check(signbit(v[3]) && !signbit(v[4]), "sort: -0.0 before 0.0");
	check(isnan(v[10]) && isnan(v[11]), "sort: NaN last");
	check(mlops_sort_floats(NULL, 0), "sort: nothing");
	check(!mlops_sort_floats(v, SIZE_MAX / 4), "sort: more than memory");

	good = true;
	for (i = 0; i < 12; i++)
		good = good && (mlops_float_of_key(mlops_float_key(v[i])) == v[i] ||
						isnan(v[i]));
	check(good, "sort: keys give their floats back");
	test_sort_random(48);
	test_sort_random(49);
	test_sort_random(100000);
}

/* n random bit patterns come out ascending, with the same sum of keys. */
static void
test_sort_random(size_t n)
{
	float	   *v = malloc(n * sizeof(float));
	uint64_t	sum = 0;
	bool		good = v != NULL;
	size_t		i;

	for (i = 0; good && i < n; i++)
	{
		v[i] = mlops_float_of_key((uint32_t) mlops_hash_mix(i));
		sum += mlops_float_key(v[i]);
	}
	good = good && mlops_sort_floats(v, n);
	for (i = 0; good && i < n; i++)
	{
		sum -= mlops_float_key(v[i]);
		good = i == 0 || mlops_float_key(v[i - 1]) <= mlops_float_key(v[i]);
	}
	check(good && sum == 0, "sort: random bits");
	free(v);
}

/* The definition, at its ends and between them. */
static void
test_quantile(void)
{
	const float v[] = {1, 2, 4, 8};
	const float ends[] = {-INFINITY, 1, INFINITY};
	const float both[] = {-INFINITY, INFINITY};
	const float huge[] = {-FLT_MAX, FLT_MAX};

	check_near(mlops_quantile(v, 4, 0.5), 3, "quantile: median of four");
	check_near(mlops_quantile(v, 4, 0.25), 1.75, "quantile: first quartile");
	check_near(mlops_quantile(v, 4, 0.9), 6.8, "quantile: ninth decile");
	check(mlops_quantile(v, 4, 0) == 1, "quantile: 0 is the minimum");
	check(mlops_quantile(v, 4, 1) == 8, "quantile: 1 is the maximum");
	check(mlops_quantile(v, 4, -3) == 1, "quantile: below 0 as 0");
	check(mlops_quantile(v, 4, 7) == 8, "quantile: above 1 as 1");
	check(mlops_quantile(v, 1, 0.7) == 1, "quantile: one value");
	check(isnan(mlops_quantile(v, 0, 0.5)), "quantile: no value");
	check(isnan(mlops_quantile(v, 4, NAN)), "quantile: NaN asked for");
	check(mlops_quantile(ends, 3, 0.2) == -INFINITY, "quantile: near -inf");
	check(mlops_quantile(ends, 3, 0.4) == 1, "quantile: off -inf");
	check(!isnan(mlops_quantile(both, 2, 0.5)), "quantile: between both inf");
	check_near(mlops_quantile(huge, 2, 0.75), FLT_MAX / 2.0,
			   "quantile: no overflow");
}

/* Six rows, worked out by hand; the scores tie across the classes. */
static void
test_binary(void)
{
	const float y[] = {1, 0, 1, 1, 0, 0};
	const float p[] = {0.75f, 0.75f, 0.5f, 0.875f, 0.25f, 0.125f};
	MlopsMetric out[MLOPS_MAX_METRICS];
	int			m = mlops_metrics_binary(y, p, NULL, 6, out);
	double		loss = -(log(0.75) + log(0.25) + log(0.5) + log(0.875) +
						 log(0.75) + log(0.875)) / 6;

	check(m == 11 && m <= MLOPS_MAX_METRICS, "binary: eleven metrics");
	/* pairs won: 3 + 2.5 + 2 of 9 */
	check_near(mlops_metric_get(out, m, "roc_auc"), 7.5 / 9, "binary: roc");
	/* 1/3 x 1 + 1/3 x 2/3 + 1/3 x 3/4 */
	check_near(mlops_metric_get(out, m, "pr_auc"),
			   (1 + 2.0 / 3 + 3.0 / 4) / 3, "binary: average precision");
	check_near(mlops_metric_get(out, m, "log_loss"), loss, "binary: loss");
	check_near(mlops_metric_get(out, m, "brier"),
			   (0.0625 + 0.5625 + 0.25 + 0.015625 + 0.0625 + 0.015625) / 6,
			   "binary: brier");
	/* exactly one half is not positive: tp 2, fp 1, fn 1, tn 2 */
	check_near(mlops_metric_get(out, m, "accuracy"), 4.0 / 6, "binary: acc");
	check_near(mlops_metric_get(out, m, "precision"), 2.0 / 3,
			   "binary: precision");
	check_near(mlops_metric_get(out, m, "recall"), 2.0 / 3, "binary: recall");
	check_near(mlops_metric_get(out, m, "f1"), 2.0 / 3, "binary: f1");
	check_near(mlops_metric_get(out, m, "mcc"), 3.0 / 9, "binary: mcc");
	check_near(mlops_metric_get(out, m, "base_rate"), 0.5, "binary: base");
	check_near(mlops_metric_get(out, m, "gini"), 2 * 7.5 / 9 - 1,
			   "binary: gini");
}

/* The area under the ROC curve alone. */
static double
roc_auc(const float *label, const float *score, const float *weight, size_t n)
{
	MlopsMetric out[MLOPS_MAX_METRICS];
	int			m = mlops_metrics_binary(label, score, weight, n, out);

	return mlops_metric_get(out, m, "roc_auc");
}

/* A weight of 2 is the row twice, a weight of 0 is no row. */
static void
test_binary_weights(void)
{
	const float y[] = {1, 0, 1, 0, NAN, 1};
	const float p[] = {0.75f, 0.5f, 0.25f, 0.25f, 0.5f, NAN};
	const float w[] = {2, 1, 1, 3, 0, 0};
	const float y2[] = {1, 1, 0, 1, 0, 0, 0};
	const float p2[] = {0.75f, 0.75f, 0.5f, 0.25f, 0.25f, 0.25f, 0.25f};
	const float tiny[] = {2e-44f, 1e-44f, 1e-44f, 3e-44f, 0, 0};
	MlopsMetric a[MLOPS_MAX_METRICS];
	MlopsMetric b[MLOPS_MAX_METRICS];
	int			m = mlops_metrics_binary(y, p, w, 6, a);
	int			i;

	check(m == mlops_metrics_binary(y2, p2, NULL, 7, b), "weights: count");
	for (i = 0; i < m; i++)
		check_near(a[i].value, b[i].value, a[i].name);
	check(fabs(roc_auc(y, p, tiny, 6) - a[0].value) < 0.05,
		  "weights: denormal");
}

/* What is not defined is NaN, and only that. */
static void
test_binary_undefined(void)
{
	const float ones[] = {1, 1, 1};
	const float zeros[] = {0, 0, 0};
	const float p[] = {0.25f, 0.75f, 0.25f};
	const float low[] = {0.25f, 0.125f, 0.25f};
	const float extreme[] = {-INFINITY, INFINITY, 2};
	const float hole[] = {0.5f, NAN, 0.5f};
	const float minus[] = {1, -1, 1};
	const float endless[] = {1, INFINITY, 1};
	const float mixed[] = {0, 1, 0};
	const float signs[] = {-0.0f, 0.0f, -0.0f};
	MlopsMetric out[MLOPS_MAX_METRICS];
	int			m = mlops_metrics_binary(ones, p, NULL, 3, out);
	int			i;
	bool		all = true;

	check(isnan(mlops_metric_get(out, m, "roc_auc")), "only ones: roc");
	check_near(mlops_metric_get(out, m, "pr_auc"), 1, "only ones: pr");
	check_near(mlops_metric_get(out, m, "recall"), 1.0 / 3, "only ones: rec");
	check(isnan(mlops_metric_get(out, m, "mcc")), "only ones: mcc");
	m = mlops_metrics_binary(zeros, low, NULL, 3, out);
	check(isnan(mlops_metric_get(out, m, "pr_auc")), "only zeros: pr");
	check(isnan(mlops_metric_get(out, m, "precision")), "no positive: prec");
	check(isnan(mlops_metric_get(out, m, "f1")), "neither: f1");
	check_near(mlops_metric_get(out, m, "accuracy"), 1, "only zeros: acc");
	check_near(mlops_metric_get(out, m, "log_loss"),
			   -(2 * log(0.75) + log(0.875)) / 3, "only zeros: loss");
	m = mlops_metrics_binary(mixed, extreme, NULL, 3, out);
	check_near(mlops_metric_get(out, m, "log_loss"),
			   -(2 * log(1 - DBL_EPSILON) + log(DBL_EPSILON)) / 3,
			   "infinite scores are clipped");
	check_near(mlops_metric_get(out, m, "roc_auc"), 1, "infinite scores sort");
	check_near(roc_auc(mixed, signs, NULL, 3), 0.5, "zeros tie");

	m = mlops_metrics_binary(mixed, p, NULL, 0, out);
	for (i = 0; i < m; i++)
		all = all && isnan(out[i].value);
	m = mlops_metrics_binary(mixed, hole, NULL, 3, out);
	for (i = 0; i < m; i++)
		all = all && isnan(out[i].value);
	m = mlops_metrics_binary(hole, p, NULL, 3, out);
	for (i = 0; i < m; i++)
		all = all && isnan(out[i].value);
	m = mlops_metrics_binary(mixed, p, minus, 3, out);
	for (i = 0; i < m; i++)
		all = all && isnan(out[i].value);
	m = mlops_metrics_binary(mixed, p, endless, 3, out);
	for (i = 0; i < m; i++)
		all = all && isnan(out[i].value);
	m = mlops_metrics_binary(mixed, p, zeros, 3, out);
	for (i = 0; i < m; i++)
		all = all && isnan(out[i].value);
	check(all && m == 11, "no row, NaN, bad weights, zero weights: all NaN");
	/* refused before a row is read */
	check(mlops_metrics_binary(mixed, p, NULL, SIZE_MAX / 4, out) == -1,
		  "more rows than memory");
}

/* One metric of a regression. */
static double
number(const char *name, const float *label, const float *prediction,
	   const float *weight, size_t n)
{
	MlopsMetric out[MLOPS_MAX_METRICS];
	int			m = mlops_metrics_regression(label, prediction, weight, n,
											 out);

	return mlops_metric_get(out, m, name);
}

/* Four rows, worked out by hand. */
static void
test_regression(void)
{
	const float y[] = {3, -0.5f, 2, 7};
	const float p[] = {2.5f, 0, 2, 8};
	const float w[] = {1, 0, 2, 1};
	MlopsMetric out[MLOPS_MAX_METRICS];
	int			m = mlops_metrics_regression(y, p, NULL, 4, out);

	check(m == 5, "regression: five metrics");
	check_near(mlops_metric_get(out, m, "rmse"), sqrt(0.375), "rmse");
	check_near(mlops_metric_get(out, m, "mae"), 0.5, "mae");
	check_near(mlops_metric_get(out, m, "r2"), 1 - 1.5 / 29.1875, "r2");
	check_near(mlops_metric_get(out, m, "mape"),
			   (0.5 / 3 + 1 + 1.0 / 7) / 4, "mape");
	check_near(mlops_metric_get(out, m, "mean_error"), 0.25, "mean_error");
	check_near(number("rmse", y, p, w, 4), sqrt(1.25 / 4), "rmse weighted");
	check_near(number("mae", y, p, w, 4), 1.5 / 4, "mae weighted");
	/* mean 3.5; 0.25 + 2 x 2.25 + 12.25 */
	check_near(number("r2", y, p, w, 4), 1 - 1.25 / 17, "r2 weighted");
}

/* Constants, one row, no row, infinities, large numbers. */
static void
test_regression_edges(void)
{
	const float same[] = {0.1f, 0.1f, 0.1f};
	const float p[] = {0.2f, 0.1f, 0};
	const float big[] = {FLT_MAX, -FLT_MAX, 0};
	const float endless[] = {INFINITY, 1, 2};
	const float hole[] = {NAN, 1, 2};
	const float zero[] = {0, 0, 0};

	check(isnan(number("r2", same, p, NULL, 3)), "r2 of a constant label");
	check(isnan(number("r2", same, same, NULL, 3)), "r2 of a perfect constant");
	check(isnan(number("r2", p, same, NULL, 1)), "r2 of one row");
	check(number("rmse", same, same, NULL, 3) == 0, "rmse of no error");
	check(isnan(number("rmse", same, p, NULL, 0)), "rmse of no row");
	check_near(number("rmse", big, zero, NULL, 3), FLT_MAX * sqrt(2.0 / 3),
			   "rmse of the largest");
	check_near(number("r2", big, big, NULL, 3), 1, "r2 of the largest");
	check(number("mae", p, endless, NULL, 3) == INFINITY, "mae with infinity");
	check(number("r2", p, endless, NULL, 3) == -INFINITY, "r2 with infinity");
	check(isnan(number("rmse", p, hole, NULL, 3)), "rmse with NaN");
	check(isnan(number("rmse", hole, p, NULL, 3)), "rmse with NaN label");
	check(isnan(number("mae", p, same, zero, 3)), "mae with zero weights");
}

/* Four rows of three classes, worked out by hand. */
static void
test_multiclass(void)
{
	const float y[] = {0, 1, 2, 1};
	const float p[] = {
		0.5f, 0.25f, 0.25f,
		0.25f, 0.5f, 0.25f,
		0.5f, 0.25f, 0.25f,
		0.125f, 0.5f, 0.375f
	};
	MlopsMetric out[MLOPS_MAX_METRICS];
	int			m = mlops_metrics_multiclass(y, p, 3, NULL, 4, out);

	check(m == 5, "multiclass: five metrics");
	check_near(mlops_metric_get(out, m, "log_loss"),
			   -(3 * log(0.5) + log(0.25)) / 4, "multiclass: loss");
	check_near(mlops_metric_get(out, m, "accuracy"), 0.75, "multiclass: acc");
	/* 2/3, 1 and 0 */
	check_near(mlops_metric_get(out, m, "f1_macro"), 5.0 / 9,
			   "multiclass: f1");
	check_near(mlops_metric_get(out, m, "balanced_accuracy"), 2.0 / 3,
			   "multiclass: balanced");
	/* class 0: 2.5 of 3; class 1: 4 of 4; class 2: 1 of 3 */
	check_near(mlops_metric_get(out, m, "roc_auc_ovr"),
			   (2.5 / 3 + 1 + 1.0 / 3) / 3, "multiclass: roc");
}

/* A class that does not occur, labels that are none, no row, one class. */
static void
test_multiclass_edges(void)
{
	const float y[] = {0, 1};
	const float p[] = {0.5f, 0.25f, 0.25f, 0.25f, 0.5f, 0.25f};
	const float zero_one[] = {1, 0, 0, 0, 0, 1};
	const float bad[][2] = {{0, 3}, {0, -1}, {0, 0.5f}, {NAN, 1}, {1, 1e30f}};
	const float hole[] = {0.5f, 0.5f, NAN, 1, 0, 0};
	MlopsMetric out[MLOPS_MAX_METRICS];
	int			m = mlops_metrics_multiclass(y, p, 3, NULL, 2, out);
	bool		all = true;
	int			i;

	check(isnan(mlops_metric_get(out, m, "roc_auc_ovr")),
		  "a class that does not occur: no roc");
	check_near(mlops_metric_get(out, m, "f1_macro"), 1,
			   "a class that does not occur is not averaged");
	m = mlops_metrics_multiclass(y, zero_one, 3, NULL, 2, out);
	check(fabs(mlops_metric_get(out, m, "log_loss") +
			   log(DBL_EPSILON) / 2) < 1e-12, "probability 0 is clipped");
	for (i = 0; i < 5; i++)
	{
		m = mlops_metrics_multiclass(bad[i], p, 3, NULL, 2, out);
		all = all && m == 5 && isnan(out[0].value) && isnan(out[2].value);
	}
	check(all, "labels that are no class");
	m = mlops_metrics_multiclass(y, hole, 3, NULL, 2, out);
	check(isnan(out[1].value), "a probability is NaN");
	m = mlops_metrics_multiclass(y, p, 3, NULL, 0, out);
	check(m == 5 && isnan(out[1].value), "multiclass of no row");
	m = mlops_metrics_multiclass(y, p, 0, NULL, 2, out);
	check(m == 5 && isnan(out[1].value), "multiclass of no class");
	m = mlops_metrics_multiclass(y, zero_one, 1, NULL, 1, out);
	check(m == 5 && out[1].value == 1 && isnan(out[4].value), "one class");
}

/* Look-ups by name. */
static void
test_metric_names(void)
{
	const MlopsMetric one = {"mae", 2};

	check(mlops_metric_get(&one, 1, "mae") == 2, "metric by name");
	check(isnan(mlops_metric_get(&one, 1, "rmse")), "metric not there");
	check(mlops_metric_direction("roc_auc") == 1, "larger is better");
	check(mlops_metric_direction("log_loss") == -1, "smaller is better");
	check(mlops_metric_direction("base_rate") == 0, "neither is better");
	check(mlops_metric_direction("nonsense") == 0, "no such metric");
}
