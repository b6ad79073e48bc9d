/*
 * math_estimate_test.c
 *		Calibration, estimated metrics, expected losses.
 *
 * Prints "ok N - name" or "not ok N - name" for each check and ends with
 * "N passed, N failed"; exit code 1 if one failed.  Expected values are those
 * of scikit-learn 1.2 and numpy on numbers that any program can draw: scores
 * by a congruential generator with the seed 11, which claim more than is
 * true, since a row is positive with the square of its score.
 */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "check.h"
#include "math/calibrate.h"
#include "math/estimate.h"
#include "math/losstree.h"

#define REFERENCE 2000
#define ROWS 3000

static double score[ROWS];
static double label[ROWS];

static bool printed(double a, double b);
static void draw(double *out, size_t n, unsigned long long seed);
static void test_isotonic(void);
static void test_binary(void);
static void test_multiclass(void);
static void test_platt(void);
static void test_small(void);
static void test_loss_tree(void);

/* Run all tests. */
int
main(void)
{
	draw(score, ROWS, 11);
	draw(label, ROWS, 99);
	for (int i = 0; i < ROWS; i++)
		label[i] = label[i] < score[i] * score[i];
	test_isotonic();
	test_binary();
	test_multiclass();
	test_platt();
	test_small();
	test_loss_tree();
	return check_total();
}

/* Equal to twelve digits. */
static bool
printed(double a, double b)
{
	return fabs(a - b) < 1e-12;
}

/* Numbers in [0, 1). */
static void
draw(double *out, size_t n, unsigned long long seed)
{
	for (size_t i = 0; i < n; i++)
	{
		seed = (1103515245 * seed + 12345) % (1ULL << 31);
		out[i] = seed / 2147483648.0;
	}
}

/* Knots, and between them. */
static void
test_isotonic(void)
{
	MlopsIsotonic isotonic;
	bool		rising = true;

	check(mlops_isotonic_fit(score, label, REFERENCE, &isotonic) &&
		  isotonic.n == 44, "44 knots");
	check(printed(mlops_isotonic_at(&isotonic, 0.5), 0.244609892996),
		  "calibrated 0.5");
	for (size_t i = 1; i < isotonic.n; i++)
		rising = rising && isotonic.x[i] > isotonic.x[i - 1] &&
			isotonic.y[i] >= isotonic.y[i - 1];
	check(rising, "knots rise");
	check(mlops_isotonic_at(&isotonic, -1) == isotonic.y[0] &&
		  mlops_isotonic_at(&isotonic, 2) == isotonic.y[isotonic.n - 1],
		  "constant outside");
	mlops_isotonic_free(&isotonic);
}

/* The estimates of the last 1,000 rows. */
static void
test_binary(void)
{
	MlopsIsotonic isotonic;
	MlopsMetric metrics[MLOPS_MAX_METRICS];
	double		calibrated[ROWS];
	int			n = ROWS - REFERENCE;
	int			m;

	if (!mlops_isotonic_fit(score, label, REFERENCE, &isotonic))
		abort();
	for (int i = 0; i < n; i++)
		calibrated[i] = mlops_isotonic_at(&isotonic, score[REFERENCE + i]);
	m = mlops_estimate_binary(score + REFERENCE, calibrated, n, metrics);
	check(m == 10, "ten metrics");
	check(printed(mlops_metric_get(metrics, m, "accuracy"), 0.759835244201),
		  "accuracy");
	check(printed(mlops_metric_get(metrics, m, "f1"), 0.707222156722), "f1");
	check(printed(mlops_metric_get(metrics, m, "precision"), 0.589565182231),
		  "precision");
	check(printed(mlops_metric_get(metrics, m, "recall"), 0.883548013930),
		  "recall");
	check(printed(mlops_metric_get(metrics, m, "roc_auc"), 0.882598666253),
		  "roc_auc");
	mlops_isotonic_free(&isotonic);

	/* labels that are known are metrics as they are */
	m = mlops_estimate_binary(score, label, ROWS, metrics);
	{
		static float s[ROWS];
		static float y[ROWS];
		MlopsMetric known[MLOPS_MAX_METRICS];
		bool		same = true;
		int			k;

		for (int i = 0; i < ROWS; i++)
		{
			s[i] = score[i];
			y[i] = label[i];
		}
		k = mlops_metrics_binary(y, s, NULL, ROWS, known);
		for (int i = 0; i < m; i++)
			same = same && fabs(metrics[i].value -
								mlops_metric_get(known, k, metrics[i].name)) <
				1e-6;
		check(same, "certain labels");
	}
}

/* Two classes of two are one against the other. */
static void
test_multiclass(void)
{
	static double p[2 * ROWS];
	static double c[2 * ROWS];
	static float pf[3 * ROWS];
	static float y[ROWS];
	MlopsMetric two[MLOPS_MAX_METRICS];
	MlopsMetric one[MLOPS_MAX_METRICS];
	double		chance[ROWS];
	double		p3[3 * ROWS];
	double		c3[3 * ROWS];
	bool		same = true;
	int			m;
	int			k;

	for (int i = 0; i < ROWS; i++)
	{
		chance[i] = score[i] * score[i];
		p[2 * i + 1] = score[i];
		p[2 * i] = 1 - score[i];
		c[2 * i + 1] = chance[i];
		c[2 * i] = 1 - chance[i];
		y[i] = (i * 7) % 3;
		for (int j = 0; j < 3; j++)
		{
			pf[3 * i + j] = (1 + (i * (j + 3)) % 17) / 40.0;
			p3[3 * i + j] = pf[3 * i + j];
			c3[3 * i + j] = (j == y[i]);
		}
	}
	m = mlops_estimate_multiclass(p, c, 2, ROWS, two);
	k = mlops_estimate_binary(score, chance, ROWS, one);
	check(printed(mlops_metric_get(two, m, "accuracy"),
				  mlops_metric_get(one, k, "accuracy")) &&
		  printed(mlops_metric_get(two, m, "log_loss"),
				  mlops_metric_get(one, k, "log_loss")) &&
		  printed(mlops_metric_get(two, m, "roc_auc_ovr"),
				  mlops_metric_get(one, k, "roc_auc")), "two classes");
	m = mlops_estimate_multiclass(p3, c3, 3, ROWS, two);
	k = mlops_metrics_multiclass(y, pf, 3, NULL, ROWS, one);
	for (int i = 0; i < m; i++)
		same = same && fabs(two[i].value -
							mlops_metric_get(one, k, two[i].name)) < 1e-9;
	check(same && m == 5, "three classes, certain labels");
}

/* sklearn.calibration._sigmoid_calibration of the log odds */
static void
test_platt(void)
{
	MlopsPlatt	platt = mlops_platt_fit(score, label, REFERENCE);
	double		one[4] = {0.5, 0.5, 0.5, 0.5};
	double		sure[4] = {0, 0, 1, 1};
	double		some[4] = {0, 1, 1, 0};

	check(fabs(platt.slope - 1.2634461218) < 1e-5 &&
		  fabs(platt.shift - (-1.1953647170)) < 1e-5, "sigmoid");
	platt = mlops_platt_fit(one, some, 4);
	check(fabs(mlops_platt_at(&platt, 0.5) - 0.5) < 1e-6, "one score");
	platt = mlops_platt_fit(sure, some, 4);
	check(fabs(mlops_platt_at(&platt, 1) - 0.5) < 1e-6, "sure of nothing");
	platt = mlops_platt_fit(sure, sure, 4);
	check(mlops_platt_at(&platt, 1) > 0.7 && mlops_platt_at(&platt, 1) < 1 &&
		  mlops_platt_at(&platt, 0) < 0.3, "few rows are not taken for sure");
}

/* One row, equal scores, falling labels. */
static void
test_small(void)
{
	double		x[5] = {0.1, 0.2, 0.2, 0.3, 0.4};
	double		y[5] = {1, 1, 0, 0, 0};
	MlopsIsotonic isotonic;
	MlopsMetric metrics[MLOPS_MAX_METRICS];

	check(mlops_isotonic_fit(x, y, 1, &isotonic) && isotonic.n == 1 &&
		  mlops_isotonic_at(&isotonic, 9) == 1, "one row");
	mlops_isotonic_free(&isotonic);
	check(mlops_isotonic_fit(x, y, 5, &isotonic) && isotonic.n == 2 &&
		  printed(mlops_isotonic_at(&isotonic, 0.25), 0.4), "falling labels");
	mlops_isotonic_free(&isotonic);
	check(mlops_estimate_binary(x, y, 0, metrics) == 10 &&
		  isnan(metrics[0].value) && isnan(metrics[4].value), "no rows");
	check(mlops_estimate_binary(x, y, 1, metrics) == 10 &&
		  isnan(metrics[0].value) && metrics[4].value == 0, "one row");
}

/* A loss that depends on one of three features, and on what is missing. */
static void
test_loss_tree(void)
{
	static float features[3 * ROWS];
	static double loss[ROWS];
	static double noise[ROWS];
	MlopsLossTree tree;
	size_t		rows[MLOPS_LOSS_NODES] = {0};
	double		error;
	double		mean = 0;
	bool		close = true;

	draw(noise, ROWS, 5);
	for (int i = 0; i < ROWS; i++)
	{
		features[3 * i] = i % 13;
		features[3 * i + 1] = i % 10 == 0 ? NAN : score[i];
		features[3 * i + 2] = 1;
		loss[i] = (i % 10 == 0 ? 5 : score[i] < 0.25 ? 1 : 2) + noise[i] / 5;
		mean += loss[i] / ROWS;
	}
	check(mlops_loss_tree_fit(features, loss, ROWS, 3, 50, &tree) &&
		  tree.n_nodes >= 5, "grown");
	for (int i = 0; i < ROWS; i++)
	{
		int			leaf = mlops_loss_tree_leaf(&tree, features + 3 * i);

		rows[leaf]++;
		close = close && tree.nodes[leaf].feature < 0 &&
			tree.nodes[leaf].n >= 50;
		if (features[3 * i + 1] < 0.2 || features[3 * i + 1] > 0.3 ||
			i % 10 == 0)
			close = close && fabs(tree.nodes[leaf].mean - loss[i]) < 0.2;
	}
	check(close, "leaves are where the losses are");
	check(fabs(mlops_loss_tree_mean(&tree, rows, &error) - mean) < 1e-12 &&
		  error > 0 && error < 0.05, "mean of all");
	for (int i = 0; i < ROWS; i++)
		loss[i] = noise[i];
	check(mlops_loss_tree_fit(features, loss, ROWS, 3, 50, &tree) &&
		  tree.n_nodes == 1, "noise alone grows nothing");
	check(mlops_loss_tree_fit(features, loss, 1, 3, 50, &tree) &&
		  tree.n_nodes == 1 && isnan(tree.nodes[0].variance), "one row");
}
