/*
 * math_distance_test.c
 *		Distances, tests and bins on a stream that anything can make again.
 *
 * The expected digits are those of scipy and numpy on the same stream, each
 * with the bins and the conventions of some tool that watches models.
 *
 * Prints "ok N - name" or "not ok N - name" for each check and ends with
 * "N passed, N failed"; exit code 1 if one failed.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "math/distance.h"
#include "math/ecdf.h"
#include "math/edges.h"
#include "math/locate.h"
#include "math/quantile.h"
#include "math/significance.h"

#define N_REFERENCE	2000
#define N_CURRENT	1500

static double stream_reference[N_REFERENCE];
static double stream_current[N_CURRENT];
static double reference[N_REFERENCE];
static double current[N_CURRENT];

static void digits(double value, const char *expected, const char *name);
static void make_stream(void);
static int	compare_doubles(const void *a, const void *b);
static double distance(MlopsDistance kind, const double *a, const double *b,
					   int k);
static double stddev(const double *x, int n, double *skewness);
static void test_samples(void);
static void test_sturges(void);
static void test_doane(void);
static void test_padded(void);
static void test_deciles(void);
static void test_categories(void);
static void test_significance(void);
static void test_zeros(void);
static void test_null(void);
static void test_hidden(void);
static void test_knots(void);
static double by_chance(MlopsDistance kind, const double *a, const double *b,
						double value);
static void test_merge(void);
static void test_locate(void);

/* Run all tests. */
int
main(void)
{
	make_stream();
	test_samples();
	test_sturges();
	test_doane();
	test_padded();
	test_deciles();
	test_categories();
	test_significance();
	test_zeros();
	test_null();
	test_hidden();
	test_merge();
	test_locate();
	test_knots();
	return check_total();
}

/* The value must print as twelve expected digits. */
static void
digits(double value, const char *expected, const char *name)
{
	char		text[64];

	snprintf(text, sizeof(text), "%.12g", value);
	if (strcmp(text, expected) != 0)
		printf("# %s, expected %s\n", text, expected);
	check(strcmp(text, expected) == 0, "%s", name);
}

/* A linear congruential generator; the current part is bent and moved. */
static void
make_stream(void)
{
	uint32_t	s = 42;

	for (int i = 0; i < N_REFERENCE + N_CURRENT; i++)
	{
		double		u;

		s = (UINT32_C(1103515245) * s + 12345) & 0x7fffffff;
		u = s / 2147483648.0;
		if (i < N_REFERENCE)
			stream_reference[i] = u;
		else
			stream_current[i - N_REFERENCE] = u;
	}
	memcpy(reference, stream_reference, sizeof(reference));
	for (int i = 0; i < N_CURRENT; i++)
		current[i] = pow(stream_current[i], 1.2) + 0.05;
	qsort(reference, N_REFERENCE, sizeof(double), compare_doubles);
	qsort(current, N_CURRENT, sizeof(double), compare_doubles);
	digits(stream_reference[0], "0.582307589706", "the stream's first value");
	digits(stream_reference[2], "0.465976424981", "the stream's third value");
}

/* qsort() comparator. */
static int
compare_doubles(const void *a, const void *b)
{
	double		left = *(const double *) a;
	double		right = *(const double *) b;

	return left < right ? -1 : left > right;
}

/* A distance between counts. */
static double
distance(MlopsDistance kind, const double *a, const double *b, int k)
{
	double		p[MLOPS_DISTANCE_BINS];
	double		q[MLOPS_DISTANCE_BINS];

	mlops_shares(a, k, p);
	mlops_shares(b, k, q);
	return mlops_distance(kind, p, q, k);
}

/* Of the population, with the skewness. */
static double
stddev(const double *x, int n, double *skewness)
{
	double		mean = 0;
	double		m2 = 0;
	double		m3 = 0;

	for (int i = 0; i < n; i++)
		mean += x[i] / n;
	for (int i = 0; i < n; i++)
	{
		m2 += pow(x[i] - mean, 2) / n;
		m3 += pow(x[i] - mean, 3) / n;
	}
	*skewness = m3 / pow(m2, 1.5);
	return sqrt(m2);
}

/* Two samples without bins. */
static void
test_samples(void)
{
	static const double x[] = {1, 2, 2, 3};
	static const double infinite[] = {1, INFINITY};
	double		skewness;
	double		d = mlops_ks(reference, N_REFERENCE, current, N_CURRENT);
	double		w = mlops_wasserstein(reference, N_REFERENCE, current,
									  N_CURRENT);

	digits(d, "0.0485", "KS");
	digits(mlops_ks_p_value(d, N_REFERENCE, N_CURRENT), "0.0344556035142",
		   "exact p-value of KS");
	check(fabs(mlops_ks_p_asymptotic(d, N_REFERENCE, N_CURRENT) /
			   0.0343198936474 - 1) < 0.001, "asymptotic p-value of KS");
	digits(w, "0.0159259177433", "Wasserstein");
	digits(w / stddev(reference, N_REFERENCE, &skewness), "0.0550985203908",
		   "Wasserstein in standard deviations");
	check(mlops_ks(x, 4, x, 4) == 0 && mlops_wasserstein(x, 4, x, 4) == 0,
		  "no distance from itself");
	check(mlops_ks(x, 1, x + 3, 1) == 1 &&
		  mlops_wasserstein(x, 1, x + 3, 1) == 2, "two single values");
	check(isnan(mlops_ks(x, 0, x, 4)) && isnan(mlops_wasserstein(x, 4, x, 0)),
		  "no value");
	check(isnan(mlops_wasserstein(x, 4, infinite, 2)) &&
		  mlops_ks(x, 4, infinite, 2) == 0.5, "infinity");
}

/* Bins over both samples. */
static void
test_sturges(void)
{
	double		low = fmin(reference[0], current[0]);
	double		high = fmax(reference[N_REFERENCE - 1],
							current[N_CURRENT - 1]);
	int			n = mlops_bins_sturges(N_REFERENCE + N_CURRENT, low, high);
	double		edges[MLOPS_EDGE_BINS + 1];
	double		a[MLOPS_EDGE_BINS];
	double		b[MLOPS_EDGE_BINS];
	double		below;
	double		above;

	check(n == 13, "Sturges' rule");
	mlops_edges(low, high, n, edges);
	mlops_edges_count(edges, n, reference, N_REFERENCE, a, &below, &above);
	check(below + above == 0, "nothing lies outside");
	mlops_edges_count(edges, n, current, N_CURRENT, b, &below, &above);
	digits(sqrt(distance(MLOPS_JS, a, b, n) * log(2)), "0.0890096828526",
		   "Jensen-Shannon distance, natural logarithm");
	mlops_shares(a, n, a);
	mlops_shares(b, n, b);
	mlops_shares_fill(a, n);
	mlops_shares_fill(b, n);
	digits(mlops_distance(MLOPS_PSI, a, b, n), "0.0640514202542",
		   "PSI with zeros filled");
	digits(mlops_distance(MLOPS_KL, a, b, n), "0.0313303174857",
		   "Kullback-Leibler");
}

/* Bins over the reference, and one for the rest. */
static void
test_doane(void)
{
	double		skewness;
	double		edges[MLOPS_EDGE_BINS + 1];
	double		a[MLOPS_EDGE_BINS + 1];
	double		b[MLOPS_EDGE_BINS + 1];
	double		below;
	double		above;
	int			n;

	(void) stddev(reference, N_REFERENCE, &skewness);
	n = mlops_bins_doane(N_REFERENCE, reference[0],
						 reference[N_REFERENCE - 1], skewness);
	mlops_edges(reference[0], reference[N_REFERENCE - 1], n, edges);
	mlops_edges_count(edges, n, reference, N_REFERENCE, a, &below, &above);
	a[n] = below + above;
	mlops_edges_count(edges, n, current, N_CURRENT, b, &below, &above);
	b[n] = below + above;
	check(a[n] == 0 && b[n] > 0, "Doane's rule, and a bin for the rest");
	digits(sqrt(distance(MLOPS_JS, a, b, n + 1)), "0.174817747933",
		   "Jensen-Shannon distance, base 2");
	digits(distance(MLOPS_JS, a, b, n + 1), "0.0305612449924",
		   "Jensen-Shannon divergence, base 2");
	digits(distance(MLOPS_HELLINGER, a, b, n + 1), "0.167821900879",
		   "Hellinger");
}

/* 20 bins and two that are open; the maximum is in the upper one of these. */
static void
test_padded(void)
{
	double		edges[21];
	double		a[22];
	double		b[22];
	double		tv;
	double		hellinger;

	mlops_edges(reference[0], reference[N_REFERENCE - 1], 20, edges);
	mlops_edges_count(edges, 20, reference, N_REFERENCE, a + 1, &a[0],
					  &a[21]);
	mlops_edges_count(edges, 20, current, N_CURRENT, b + 1, &b[0], &b[21]);
	a[20]--;
	a[21]++;
	tv = distance(MLOPS_TV, a, b, 22);
	hellinger = distance(MLOPS_HELLINGER, a, b, 22);
	digits(tv, "0.1245", "total variation");
	digits(hellinger, "0.217227098742", "Hellinger of padded bins");
	digits(distance(MLOPS_KL_SYMMETRIC, a, b, 22), "0.53876027158",
		   "symmetric Kullback-Leibler");
	digits((tv + hellinger) / 2, "0.170863549371", "their mean");
}

/* Ten bins of the reference's quantiles, open at both ends. */
static void
test_deciles(void)
{
	double		a[10] = {0};
	double		b[10] = {0};
	double		edges[9];

	for (int i = 1; i < 10; i++)
	{
		double		h = (N_REFERENCE - 1) * i / 10.0;
		int			k = (int) h;

		edges[i - 1] = reference[k] + (h - k) * (reference[k + 1] -
												 reference[k]);
	}
	for (int i = 0; i < N_REFERENCE + N_CURRENT; i++)
	{
		double		x = i < N_REFERENCE ? reference[i] :
			current[i - N_REFERENCE];
		int			bin = 0;

		while (bin < 9 && x >= edges[bin])
			bin++;
		if (i < N_REFERENCE)
			a[bin]++;
		else
			b[bin]++;
	}
	digits(distance(MLOPS_PSI, a, b, 10), "0.0241366088141",
		   "PSI of deciles");
}

/* Three categories, and a fourth one that is new. */
static void
test_categories(void)
{
	double		a[4] = {0};
	double		b[4] = {0};
	int			dof;
	double		chi2;

	for (int i = 0; i < N_REFERENCE; i++)
		a[stream_reference[i] < 0.5 ? 0 : stream_reference[i] < 0.8 ? 1 : 2]++;
	for (int i = 0; i < N_CURRENT; i++)
		b[stream_current[i] < 0.4 ? 0 : stream_current[i] < 0.75 ? 1 :
		  stream_current[i] < 0.95 ? 2 : 3]++;
	check(a[0] == 996 && a[1] == 605 && a[2] == 399 && b[0] == 577 &&
		  b[1] == 541 && b[2] == 302 && b[3] == 80, "counts");
	chi2 = mlops_chi2_samples(a, b, 4, true, &dof);
	digits(chi2, "140.034732545", "chi-square");
	check(dof == 3, "its degrees of freedom");
	digits(mlops_chi2_p_value(chi2, dof), "3.71510346058e-30", "its p-value");
	digits(mlops_cramers_v(chi2, N_REFERENCE + N_CURRENT), "0.200024807422",
		   "Cramer's V");
	digits(distance(MLOPS_LINF, a, b, 4), "0.113333333333", "L-infinity");
	digits(distance(MLOPS_TV, a, b, 4), "0.113333333333",
		   "total variation of categories");
	digits(sqrt(distance(MLOPS_JS, a, b, 4)), "0.183780153784",
		   "Jensen-Shannon distance of categories");
}

/* Tests on their own. */
static void
test_significance(void)
{
	static const double a[] = {30, 70, 0};
	static const double b[] = {45, 55, 0};
	double		p[] = {0.01, NAN, 0.04, 0.03, 0.5};
	int			dof;

	check(fabs(mlops_chi2_p_value(mlops_chi2_samples(a, b, 3, true, &dof),
								  1) - 0.0409) < 5e-5 && dof == 1,
		  "two by two, corrected for continuity");
	check(fabs(mlops_chi2_p_value(mlops_chi2_samples(a, b, 3, false, &dof),
								  1) - 0.0285) < 5e-5, "and not");
	check(isnan(mlops_chi2_samples(a, b, 1, false, &dof)) && dof == 0,
		  "one category says nothing");
	check(mlops_adjust_p_values(p, 5) && fabs(p[0] - 0.04) < 1e-15 &&
		  isnan(p[1]) && fabs(p[2] - 0.16 / 3) < 1e-15 &&
		  fabs(p[3] - 0.16 / 3) < 1e-15 && p[4] == 0.5,
		  "Benjamini and Hochberg");
	check(mlops_ks_p_value(0, 5, 5) == 1 && mlops_ks_p_value(1, 1, 1) == 1 &&
		  fabs(mlops_ks_p_value(1, 3, 3) - 0.1) < 1e-15 &&
		  isnan(mlops_ks_p_value(0.5, 0, 3)), "KS of few values");
	check(mlops_ks_p_value(1, 9000, 9000) == 0 &&
		  mlops_ks_p_value(0.9, 20000, 20000) == 0, "no chance at all");
}

/* Zeros where logarithms are taken. */
static void
test_zeros(void)
{
	double		a[] = {0.5, 0.5, 0};
	double		b[] = {0.5, 0.25, 0.25};
	double		tiny[] = {0.99999, 0.00001, 0};

	check(fabs(mlops_distance(MLOPS_PSI, a, b, 3) -
			   (0.25 * log(2) + (0.25 - 1e-4) * log(2500))) < 1e-12,
		  "PSI takes 0 as 0.0001");
	check(isfinite(mlops_distance(MLOPS_KL, b, a, 3)),
		  "Kullback-Leibler stays finite");
	mlops_shares_fill(a, 3);
	mlops_shares_fill(tiny, 3);
	check(a[2] == 1e-4 && fabs(tiny[2] - 1e-11) < 1e-20, "fills");
	for (int i = 0; i < 3; i++)
		a[i] = 0;
	mlops_shares(a, 3, a);
	check(a[0] == 0, "shares of nothing");
}

/* What chance does to ten bins. */
static double
by_chance(MlopsDistance kind, const double *a, const double *b, double value)
{
	MlopsChance chance = {kind, a, b, 10, 0, 0};

	return mlops_distance_null(&chance, 0.99, value);
}

/* Chance: its quantile must be that of the limit where that holds. */
static void
test_null(void)
{
	double		a[10];
	double		b[10];
	double		few[10];
	double		none[10] = {0};

	for (int i = 0; i < 10; i++)
	{
		a[i] = 10000;
		b[i] = 5000;
		few[i] = 10;
	}
	/* chi-square of nine degrees of freedom: 21.666 */
	check(fabs(by_chance(MLOPS_PSI, a, b, 1) /
			   (21.666 * (1 / 100000.0 + 1 / 50000.0)) - 1) < 0.06,
		  "PSI of many rows by chance");
	check(fabs(by_chance(MLOPS_JS, a, b, 1) /
			   (21.666 * (1 / 100000.0 + 1 / 50000.0) / (8 * log(2))) - 1) <
		  0.06, "Jensen-Shannon likewise");
	check(by_chance(MLOPS_PSI, a, few, 1) > 0.2,
		  "a hundred rows reach 0.2 by chance");
	check(by_chance(MLOPS_PSI, a, few, 1) ==
		  by_chance(MLOPS_PSI, a, few, 1),
		  "the same each time");
	check(fabs(by_chance(MLOPS_PSI, a, few, 0.05) /
			   by_chance(MLOPS_PSI, a, few, 1) - 1) < 0.15 &&
		  by_chance(MLOPS_PSI, a, few, 0.05) > 0.05,
		  "well above a value it is estimated");
	check(isnan(by_chance(MLOPS_PSI, a, none, 1)),
		  "no window");
}

/*
 * What chose its bins by its own rows: a hundred categories alike, seven rows
 * each, of which those with less than five have one bin.
 */
static void
test_hidden(void)
{
	/* rows by Poisson, mean 7: 17 categories are below 5 */
	const double kept[] = {13, 9, 15, 13, 10, 7, 5, 3, 8};
	double		reference[MLOPS_DISTANCE_BINS] = {0};
	double		current[MLOPS_DISTANCE_BINS];
	int			n = 0;
	MlopsChance chance = {MLOPS_LINF, reference, current, 0, 0, 0, 0};
	double		without;

	for (int rows = 0; rows < 9; rows++)
		for (int i = 0; i < kept[rows]; i++)
			reference[n++] = 5 + rows;
	reference[n] = 57;
	for (int i = 0; i < n; i++)
		current[i] = 3;
	current[n] = 51;
	chance.k = n + 1;
	chance.n_rare = n;
	chance.hidden = mlops_distance_hidden(reference, n + 1, n, 5);
	check(fabs(chance.hidden - 105.0 / 740) < 1e-12, "what is hidden");
	without = mlops_distance_hidden(reference, n + 1, n, 20);
	check(without == 0, "no counts near, nothing hidden");
	without = mlops_distance_null(&(MlopsChance) {MLOPS_LINF, reference,
								  current, n + 1, n, 0, 0}, 0.99, 0.1);
	check(mlops_distance_null(&chance, 0.99, 0.1) > without + 0.08,
		  "and is expected of the bin of the rest");
	reference[n] = 0;
	check(mlops_distance_hidden(reference, n + 1, n, 5) == 0,
		  "nothing is hidden if there is no rest");
}

/* Rare bins become one. */
static void
test_merge(void)
{
	double		a[] = {60, 0.5, 30, 0.4, 2, 7};
	double		b[] = {10, 20, 30, 40, 50, 60};
	double		p[6];
	double		q[6];

	check(mlops_distance_merge(a, b, 6, 4, 0.01, p, q) == 4 &&
		  fabs(p[0] - 2.9) < 1e-12 && q[0] == 110 && p[1] == 60 &&
		  q[2] == 30 && q[3] == 60, "rare bins are merged");
	check(mlops_distance_merge(a, b, 6, 4, 0, p, q) == 6 && p[1] == 0.5 &&
		  q[5] == 60, "or not");
}

/* The reference known by its quantiles only. */
static void
test_knots(void)
{
	static MlopsKnots knots;
	static float values[N_CURRENT];
	float		sorted[N_REFERENCE];
	double		quantile[MLOPS_KNOTS];
	double		constant[MLOPS_KNOTS];
	double		below;
	double		mean = 0;

	for (int i = 0; i < N_REFERENCE; i++)
	{
		sorted[i] = (float) reference[i];
		mean += reference[i] / N_REFERENCE;
	}
	for (int i = 0; i < MLOPS_KNOTS; i++)
	{
		quantile[i] = mlops_quantile(sorted, N_REFERENCE, i / 100.0);
		constant[i] = 7;
	}
	for (int i = 0; i < N_CURRENT; i++)
		values[i] = (float) current[i];
	mlops_knots_begin(&knots, quantile, mean, N_REFERENCE);
	mlops_knots_count(&knots, values, 1, N_CURRENT);
	check(mlops_knots_total(&knots) == N_CURRENT, "all values are counted");
	check(fabs(mlops_knots_ks(&knots) - 0.0485) <= 0.011, "KS by quantiles");
	check(fabs(mlops_knots_wasserstein(&knots) / 0.0159259177433 - 1) < 0.02,
		  "Wasserstein by quantiles");
	below = mlops_wasserstein_null(quantile, 2000, 1500, 0.99);
	check(below > 0.0159 && below < 0.04, "Wasserstein by chance");

	mlops_knots_begin(&knots, constant, 7, 100);
	values[0] = 7;
	values[1] = 8;
	values[2] = NAN;
	values[3] = 6;
	mlops_knots_count(&knots, values, 1, 4);
	check(knots.n == 1 && mlops_knots_total(&knots) == 3 &&
		  fabs(mlops_knots_ks(&knots) - 1.0 / 3) < 1e-15 &&
		  fabs(mlops_knots_wasserstein(&knots) - 2.0 / 3) < 1e-15,
		  "a constant");
}

/* Cells by every way that there is, against a search one by one. */
static void
test_locate(void)
{
	static const int counts[] = {0, 1, 2, 5, 64, 101, MLOPS_CUTS};
	int			wrong = 0;
	int			ways = 0;

	for (int c = 0; c < 7; c++)
	{
		int			n = counts[c];
		float		cut[MLOPS_CUTS];
		bool		exact[MLOPS_CUTS];
		float		x[MLOPS_LOCATE];
		MlopsCuts	cuts;

		for (int i = 0; i < n; i++)
		{
			cut[i] = i == 0 ? -INFINITY : i == 126 ? INFINITY :
				i == 3 ? -0.0f : (i - 3) * 0.125f;
			exact[i] = i % 3 != 1;
		}
		for (int i = 0; i < MLOPS_LOCATE; i++)
			x[i] = i % 31 == 0 ? NAN : i % 37 == 0 ? INFINITY :
				i % 41 == 0 ? -INFINITY : (i - 50) * 0.0625f;
		mlops_cuts_begin(&cuts, cut, exact, n);
		for (int lanes = 1; lanes <= 16; lanes *= 2)
		{
			uint16_t	cells[MLOPS_LOCATE];

			if (!mlops_locate_by(lanes, &cuts, x, cells))
				continue;
			ways++;
			for (int i = 0; i < MLOPS_LOCATE; i++)
			{
				int			place = 0;

				while (place < n && cut[place] < x[i])
					place++;
				place = 2 * place + (place < n && exact[place] &&
									 cut[place] == x[i]);
				wrong += cells[i] != (isnan(x[i]) ? MLOPS_NOWHERE : place);
			}
		}
	}
	printf("# %d ways\n", ways / 7);
	check(wrong == 0 && ways >= 7, "cells by every way");
}
