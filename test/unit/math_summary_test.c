/*
 * math_summary_test.c
 *		Column summaries against values worked out by hand, and at their edges.
 *
 * Prints "ok N - name" or "not ok N - name" for each check and ends with
 * "N passed, N failed"; exit code 1 if one failed.  Meant to run under the
 * address and undefined behaviour sanitizers.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "math/hash.h"
#include "math/summary.h"

static void check_near(double got, double want, const char *name);
static MlopsSummarizer *summarise(const float *block, int columns,
								  size_t rows, const uint8_t *role,
								  size_t step);
static int	bin_of(const MlopsSummary *summary, float value);
static void test_summary_small(void);
static void test_summary_empty(void);
static void test_summary_infinite(void);
static void test_summary_ties(void);
static void test_summary_flags(void);
static void test_summary_roles(void);
static void test_summary_sample(void);
static void test_summary_wide(void);
static void test_window(void);
static void test_extreme_values(void);

/* Run all tests. */
int
main(void)
{
	test_summary_small();
	test_summary_empty();
	test_summary_infinite();
	test_summary_ties();
	test_summary_flags();
	test_summary_roles();
	test_summary_sample();
	test_summary_wide();
	test_window();
	test_extreme_values();
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

/* Both passes over a block in pieces of step rows; NULL: out of memory. */
static MlopsSummarizer *
summarise(const float *block, int columns, size_t rows, const uint8_t *role,
		  size_t step)
{
	MlopsSummarizer *s = mlops_summary_begin(columns);
	bool		good = s != NULL;
	size_t		at;

	for (at = 0; good && at < rows; at += step)
		good = mlops_summary_add(s, block + at * columns, columns,
								 rows - at < step ? rows - at : step,
								 role ? role + at : NULL, 1);
	good = good && mlops_summary_edges(s);
	for (at = 0; good && at < rows; at += step)
		mlops_summary_count(s, block + at * columns, columns,
							rows - at < step ? rows - at : step,
							role ? role + at : NULL, 1);
	if (good)
		return s;
	mlops_summary_free(s);
	printf("Bail out! out of memory\n");
	exit(1);
}

/* The quantile bin that a value falls into. */
static int
bin_of(const MlopsSummary *summary, float value)
{
	int			bin = 0;
	int			i;

	for (i = 0; i < summary->n_bins - 1; i++)
		bin += value > summary->edge[i];
	return bin;
}

/* Two columns, worked out by hand; the second has a hole. */
static void
test_summary_small(void)
{
	float		block[20 * 2];
	const MlopsSummary *c;
	MlopsSummarizer *s;
	bool		even = true;
	int			i;

	for (i = 0; i < 20; i++)
	{
		block[2 * i] = (float) (i + 1);
		block[2 * i + 1] = i == 0 ? NAN : i == 1 ? 10 : 0;
	}
	s = summarise(block, 2, 20, NULL, 7);
	c = mlops_summary_columns(s);
	check(c->n == 20 && c->n_missing == 0 && !c->sampled, "summary: rows");
	check(c->min == 1 && c->max == 20, "summary: range");
	check_near(c->mean, 10.5, "summary: mean");
	check_near(c->stddev, sqrt(33.25), "summary: deviation");
	check(fabs(c->skewness) < 1e-15, "summary: no skewness");
	check_near(c->quantile[50], 10.5, "summary: median");
	check_near(c->quantile[10], 2.9, "summary: first decile");
	check(c->n_bins == 10, "summary: ten bins");
	for (i = 0; i < 10; i++)
		even = even && c->bin_count[i] == 2;
	for (i = 0; i < 20; i++)
		even = even && c->width_count[i] == 1;
	check(even, "summary: even bins");

	c++;
	check(c->n == 20 && c->n_missing == 1 && c->bin_missing == 1,
		  "summary: one is missing");
	check_near(c->mean, 10.0 / 19, "summary: mean of the others");
	/* variance p (1 - p) 100, skewness (1 - 2 p) / sqrt(p (1 - p)) */
	check_near(c->stddev, 10 * sqrt(18) / 19, "summary: two values, stddev");
	check_near(c->skewness, 17 / sqrt(18), "summary: two values, skewness");
	check(c->n_bins == 2 && c->edge[0] == 0 && c->bin_count[0] == 18 &&
		  c->bin_count[1] == 1, "summary: two values, two bins");
	check(c->width_count[0] == 18 && c->width_count[19] == 1,
		  "summary: two values, width");
	mlops_summary_free(s);
}

/* No row, one row, all missing, a constant. */
static void
test_summary_empty(void)
{
	const float block[] = {NAN, 0.1f, NAN, 0.1f, NAN, 0.1f};
	const MlopsSummary *c;
	MlopsSummarizer *s = summarise(block, 2, 0, NULL, 1);

	c = mlops_summary_columns(s);
	check(c->n == 0 && isnan(c->mean) && isnan(c->quantile[50]) &&
		  isnan(c->min) && c->n_bins == 1 && c->bin_count[0] == 0,
		  "summary: no row");
	mlops_summary_free(s);
	s = summarise(block, 2, 3, NULL, 3);
	c = mlops_summary_columns(s);
	check(c->n == 3 && c->n_missing == 3 && isnan(c->max) &&
		  isnan(c->stddev) && isnan(c->quantile[0]) && c->n_bins == 1 &&
		  c->bin_missing == 3 && isnan(c->width_low), "summary: all missing");
	c++;
	check(c->mean == 0.1f && c->stddev == 0 && isnan(c->skewness),
		  "summary: a constant has exactly no deviation");
	check(c->n_bins == 1 && c->bin_count[0] == 3 && c->width_count[19] == 3 &&
		  c->width_above == 0, "summary: bins of a constant");
	mlops_summary_free(s);
	s = summarise(block, 2, 1, NULL, 3);
	c = mlops_summary_columns(s);
	check(c[1].n == 1 && c[1].quantile[37] == 0.1f, "summary: one row");
	mlops_summary_free(s);
	check(mlops_summary_begin(0) == NULL, "summary: no column");
	mlops_summary_free(NULL);
}

/* Infinite values are counted, but leave the moments alone. */
static void
test_summary_infinite(void)
{
	const float block[] = {1, INFINITY, 3, -INFINITY, NAN, 2, INFINITY};
	const float only[] = {INFINITY, INFINITY};
	const MlopsSummary *c;
	MlopsSummarizer *s = summarise(block, 1, 7, NULL, 2);

	c = mlops_summary_columns(s);
	check(c->n == 7 && c->n_missing == 1 && c->n_infinite == 3,
		  "infinite: counted");
	check(c->min == -INFINITY && c->max == INFINITY, "infinite: range");
	check_near(c->mean, 2, "infinite: mean of the others");
	check_near(c->stddev, sqrt(2.0 / 3), "infinite: stddev of the others");
	check(c->width_low == 1 && c->width_high == 3 && c->width_below == 1 &&
		  c->width_above == 2 && c->width_count[0] == 1 &&
		  c->width_count[10] == 1 && c->width_count[19] == 1,
		  "infinite: outside of the bins of equal width");
	check(c->n_bins == 5 && c->bin_count[0] == 1 && c->bin_count[4] == 2,
		  "infinite: in the first and the last quantile bin");
	mlops_summary_free(s);
	s = summarise(only, 1, 2, NULL, 2);
	c = mlops_summary_columns(s);
	check(c->n_infinite == 2 && isnan(c->mean) && isnan(c->width_low) &&
		  c->n_bins == 1 && c->bin_count[0] == 2, "infinite: nothing else");
	mlops_summary_free(s);
}

/* A value that fills several deciles has a bin of its own. */
static void
test_summary_ties(void)
{
	float		block[1000 * 3];
	const MlopsSummary *c;
	MlopsSummarizer *s;
	bool		sound = true;
	int			i;
	int			b;

	for (i = 0; i < 1000; i++)
	{
		block[3 * i] = i < 900 ? 5 : (float) (i - 950);
		block[3 * i + 1] = i < 950 ? 7 : (float) i / 1000;
		block[3 * i + 2] = i < 950 ? 0 : (float) i;
	}
	s = summarise(block, 3, 1000, NULL, 100);
	c = mlops_summary_columns(s);
	for (i = 0; i < 3; i++)
	{
		uint64_t	total = 0;

		for (b = 0; b < c[i].n_bins; b++)
			total += c[i].bin_count[b];
		for (b = 0; b < c[i].n_bins - 1; b++)
			sound = sound && c[i].edge[b] < c[i].max;
		sound = sound && total == 1000;
	}
	check(sound, "ties: counts add up, no edge at the maximum");
	/* deciles: 5 nine times, or less once; 900 and one more fives */
	b = bin_of(c, 5);
	check(c[0].bin_count[b] == 901, "ties: the value in the middle");
	check(bin_of(c, 4) < b && bin_of(c, 6) > b,
		  "ties: neighbours apart");
	check(c[1].n_bins == 2 && c[1].bin_count[1] == 950,
		  "ties: the value at the maximum");
	check(c[2].n_bins == 2 && c[2].bin_count[0] == 950,
		  "ties: the value at the minimum");
	mlops_summary_free(s);
}

/* Few values get a bin each, however rare; eleven are too many for that. */
static void
test_summary_flags(void)
{
	float		block[1100 * 3];
	const MlopsSummary *c;
	MlopsSummarizer *s;
	int			i;

	for (i = 0; i < 1100; i++)
	{
		block[3 * i] = i == 500;
		block[3 * i + 1] = (float) (i % 10);
		block[3 * i + 2] = (float) (i % 11);
	}
	s = summarise(block, 3, 1100, NULL, 1100);
	c = mlops_summary_columns(s);
	check(c[0].n_bins == 2 && c[0].bin_count[1] == 1, "a rare flag");
	check(c[1].n_bins == 10 && c[1].edge[8] == 8 && c[1].bin_count[9] == 110,
		  "ten values, ten bins");
	check(c[2].n_bins == 10 && c[2].bin_count[0] == 200 &&
		  c[2].bin_count[9] == 100 && c[2].edge[8] == 9,
		  "eleven values, deciles");
	mlops_summary_free(s);
}

/* Only rows of the wanted role; the size of the pieces does not matter. */
static void
test_summary_roles(void)
{
	float		block[5000];
	uint8_t		role[5000];
	const MlopsSummary *a;
	const MlopsSummary *b;
	MlopsSummarizer *s;
	MlopsSummarizer *t;
	float		kept[5000];
	size_t		n = 0;
	int			i;

	for (i = 0; i < 5000; i++)
	{
		block[i] = (float) mlops_hash_unit(mlops_hash_mix(i));
		role[i] = i % 3;
		if (role[i] == 1)
			kept[n++] = block[i];
	}
	s = summarise(block, 1, 5000, role, 333);
	t = summarise(kept, 1, n, NULL, n);
	a = mlops_summary_columns(s);
	b = mlops_summary_columns(t);
	check(a->n == n && b->n == n, "roles: rows");
	check(memcmp(a->quantile, b->quantile, sizeof(a->quantile)) == 0 &&
		  memcmp(a->bin_count, b->bin_count, sizeof(a->bin_count)) == 0 &&
		  memcmp(a->width_count, b->width_count, sizeof(a->width_count)) == 0,
		  "roles: the same as without the other rows");
	check_near(a->mean, b->mean, "roles: mean");
	mlops_summary_free(s);
	mlops_summary_free(t);
}

/* Over the limit: exact counts, quantiles close, the same every time. */
static void
test_summary_sample(void)
{
	size_t		n = 3 * MLOPS_SUMMARY_SAMPLE + 12345;
	float	   *block = malloc(n * sizeof(float));
	const MlopsSummary *a;
	const MlopsSummary *b;
	MlopsSummarizer *s;
	MlopsSummarizer *t;
	double		worst = 0;
	uint64_t	total = 0;
	size_t		i;

	if (block == NULL)
		exit(1);
	for (i = 0; i < n; i++)
		block[i] = (float) (i * UINT64_C(7919) % n) / (float) n;
	s = summarise(block, 1, n, NULL, 1000);
	t = summarise(block, 1, n, NULL, 4097);
	a = mlops_summary_columns(s);
	b = mlops_summary_columns(t);
	for (i = 0; i < MLOPS_SUMMARY_QUANTILES; i++)
		worst = fmax(worst, fabs(a->quantile[i] - i / 100.0));
	for (i = 0; i < MLOPS_SUMMARY_BINS; i++)
		total += a->bin_count[i];
	check(a->sampled && worst < 0.0105, "sample: quantiles within the bound");
	check(a->n == n && total == n, "sample: counts exact");
	check(a->min == 0 && a->max == (float) (n - 1) / (float) n &&
		  a->quantile[100] == a->max, "sample: range exact");
	check(fabs(a->mean - 0.5) < 1e-5, "sample: mean exact");
	check(memcmp(a->quantile, b->quantile, sizeof(a->quantile)) == 0,
		  "sample: the same for other blocks");
	mlops_summary_free(s);
	mlops_summary_free(t);
	s = summarise(block, 1, MLOPS_SUMMARY_SAMPLE, NULL, 1000);
	check(!mlops_summary_columns(s)->sampled, "sample: not at the limit");
	mlops_summary_free(s);
	s = summarise(block, 1, MLOPS_SUMMARY_SAMPLE + 1, NULL, 1000);
	check(mlops_summary_columns(s)->sampled, "sample: one over the limit");
	mlops_summary_free(s);
	free(block);
}

/* More columns than a tile, a stride larger than the columns. */
static void
test_summary_wide(void)
{
	enum
	{
		COLUMNS = 37, STRIDE = 41, ROWS = 600
	};
	float	   *block = malloc(sizeof(float) * STRIDE * ROWS);
	MlopsSummarizer *s = mlops_summary_begin(COLUMNS);
	const MlopsSummary *c;
	bool		good = true;
	int			i;
	int			r;

	if (block == NULL || s == NULL)
		exit(1);
	for (r = 0; r < ROWS; r++)
	{
		for (i = 0; i < STRIDE; i++)
			block[r * STRIDE + i] = i < COLUMNS ? (float) (i * 1000 + r) :
				NAN;
	}
	good = mlops_summary_add(s, block, STRIDE, ROWS, NULL, 0) &&
		mlops_summary_edges(s);
	mlops_summary_count(s, block, STRIDE, ROWS, NULL, 0);
	c = mlops_summary_columns(s);
	for (i = 0; i < COLUMNS; i++)
		good = good && c[i].min == i * 1000 && c[i].n_missing == 0 &&
			fabs(c[i].mean - (i * 1000 + 299.5)) < 1e-9 &&
			c[i].bin_count[3] == 60 && c[i].width_count[19] == 30;
	check(good, "wide: every column its own");
	mlops_summary_free(s);
	free(block);
}

/* New rows in the bins of earlier ones. */
static void
test_window(void)
{
	float		block[100];
	const float later[] = {-5, 0, 55, 99, 1000, NAN};
	const MlopsSummary *c;
	MlopsSummarizer *s;
	MlopsSummarizer *t;
	int			i;

	for (i = 0; i < 100; i++)
		block[i] = (float) i;
	s = summarise(block, 1, 100, NULL, 100);
	t = mlops_summary_begin_window(mlops_summary_columns(s), 1);
	mlops_summary_free(s);
	if (t == NULL)
		exit(1);
	mlops_summary_count(t, later, 1, 6, NULL, 0);
	c = mlops_summary_columns(t);
	check(c->n == 6 && c->n_missing == 1 && c->bin_missing == 1,
		  "window: rows");
	check(c->bin_count[0] == 2 && c->bin_count[5] == 1 &&
		  c->bin_count[9] == 2, "window: quantile bins");
	check(c->width_below == 1 && c->width_above == 1 &&
		  c->width_count[0] == 1 && c->width_count[11] == 1 &&
		  c->width_count[19] == 1, "window: bins of equal width");
	check(isnan(c->mean) && isnan(c->quantile[5]), "window: no moments");
	mlops_summary_free(t);
}

/* Denormals and the largest floats, in two columns with an outlier first. */
static void
test_extreme_values(void)
{
	float		block[3000 * 3];
	const MlopsSummary *c;
	MlopsSummarizer *s;
	int			i;

	for (i = 0; i < 3000; i++)
	{
		block[3 * i] = (i % 3 - 1) * FLT_MAX;
		block[3 * i + 1] = i % 2 ? 1e-45f : 3e-45f;
		block[3 * i + 2] = i == 0 ? 1e30f : (float) (i % 2);
	}
	s = summarise(block, 3, 3000, NULL, 512);
	c = mlops_summary_columns(s);
	check_near(c[0].stddev, FLT_MAX * sqrt(2.0 / 3), "extreme: largest");
	check(fabs(c[0].mean) < 1e23 && fabs(c[0].skewness) < 1e-12,
		  "extreme: largest, mean and skewness");
	check(c[0].n_bins == 3 && c[0].bin_count[1] == 1000 &&
		  c[0].width_count[0] == 1000, "extreme: largest, bins");
	check_near(c[1].mean, (1e-45f + (double) 3e-45f) / 2, "extreme: denormal");
	check(c[1].n_bins == 2 && c[1].bin_count[0] == 1500 &&
		  c[1].width_count[19] == 1500, "extreme: denormal, bins");
	check_near(c[2].max, 1e30f, "extreme: outlier");
	check(c[2].n_bins == 3 && c[2].bin_count[2] == 1, "extreme: its bin");
	mlops_summary_free(s);
}
