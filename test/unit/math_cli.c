/*
 * math_cli.c
 *		The numbers of src/math on data from a file, for the oracle.
 *
 *		math_cli binary N WEIGHTED FILE
 *		math_cli regression N WEIGHTED FILE
 *		math_cli multiclass N WEIGHTED FILE K
 *		math_cli summary N COLUMNS FILE
 *		math_cli bench N COLUMNS
 *
 * FILE holds native float32: labels, then predictions (N x K), then weights
 * if WEIGHTED is 1; for summary N x COLUMNS values, row by row.  Output: name
 * and value, a tab between, doubles with 17 digits.  Exit code 2: bad call or
 * file, 3: out of memory.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "math/hash.h"
#include "math/metrics.h"
#include "math/quantile.h"
#include "math/summary.h"

static float *read_floats(const char *path, size_t n);
static int	run_metrics(const char *kind, size_t n, int weighted,
						const char *path, int k);
static int	run_summary(size_t n, int columns, const char *path);
static void print_summary(int c, const MlopsSummary *s);
static int	run_bench(size_t n, int columns);
static double milliseconds(void);

/* Dispatch on the first argument. */
int
main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "";
	size_t		n = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	int			third = argc > 3 ? atoi(argv[3]) : 0;

	if (strcmp(kind, "bench") == 0 && argc == 4)
		return run_bench(n, third);
	if (strcmp(kind, "summary") == 0 && argc == 5)
		return run_summary(n, third, argv[4]);
	if (argc == 5 || argc == 6)
		return run_metrics(kind, n, third, argv[4],
						   argc == 6 ? atoi(argv[5]) : 1);
	fprintf(stderr, "usage: math_cli KIND N WEIGHTED|COLUMNS [FILE [K]]\n");
	return 2;
}

/* Exactly n floats of a file, malloc()ed; ends the program otherwise. */
static float *
read_floats(const char *path, size_t n)
{
	FILE	   *file = fopen(path, "rb");
	float	   *values = malloc((n + 1) * sizeof(float));

	if (file == NULL || values == NULL ||
		fread(values, sizeof(float), n + 1, file) != n)
	{
		fprintf(stderr, "math_cli: \"%s\" does not hold %zu floats\n",
				path, n);
		exit(2);
	}
	fclose(file);
	return values;
}

/* Print all metrics of a kind. */
static int
run_metrics(const char *kind, size_t n, int weighted, const char *path, int k)
{
	float	   *label = read_floats(path, n * (1 + k + (weighted != 0)));
	float	   *prediction = label + n;
	float	   *weight = weighted ? prediction + n * k : NULL;
	MlopsMetric out[MLOPS_MAX_METRICS];
	int			m = -1;
	int			i;

	if (strcmp(kind, "binary") == 0)
		m = mlops_metrics_binary(label, prediction, weight, n, out);
	else if (strcmp(kind, "regression") == 0)
		m = mlops_metrics_regression(label, prediction, weight, n, out);
	else if (strcmp(kind, "multiclass") == 0)
		m = mlops_metrics_multiclass(label, prediction, k, weight, n, out);
	for (i = 0; i < m; i++)
		printf("%s\t%.17g\n", out[i].name, out[i].value);
	free(label);
	return m < 0 ? 3 : 0;
}

/* Print the summaries of all columns, read in blocks of uneven size. */
static int
run_summary(size_t n, int columns, const char *path)
{
	float	   *values = read_floats(path, n * columns);
	MlopsSummarizer *s = mlops_summary_begin(columns);
	size_t		rows = 777;
	size_t		at;
	int			c;

	if (s == NULL)
		return 3;
	for (at = 0; at < n; at += rows)
	{
		if (!mlops_summary_add(s, values + at * columns, columns,
							   n - at < rows ? n - at : rows, NULL, 0))
			return 3;
	}
	if (!mlops_summary_edges(s))
		return 3;
	for (at = 0; at < n; at += rows)
		mlops_summary_count(s, values + at * columns, columns,
							n - at < rows ? n - at : rows, NULL, 0);
	for (c = 0; c < columns; c++)
		print_summary(c, &mlops_summary_columns(s)[c]);
	mlops_summary_free(s);
	free(values);
	return 0;
}

/* One summary, names prefixed with the column's number. */
static void
print_summary(int c, const MlopsSummary *s)
{
	int			i;

	printf("%d.n\t%" PRIu64 "\n", c, s->n);
	printf("%d.n_missing\t%" PRIu64 "\n", c, s->n_missing);
	printf("%d.min\t%.17g\n%d.max\t%.17g\n", c, s->min, c, s->max);
	printf("%d.mean\t%.17g\n", c, s->mean);
	printf("%d.stddev\t%.17g\n", c, s->stddev);
	printf("%d.skewness\t%.17g\n", c, s->skewness);
	printf("%d.sampled\t%d\n", c, s->sampled);
	for (i = 0; i < MLOPS_SUMMARY_QUANTILES; i++)
		printf("%d.q%d\t%.17g\n", c, i, s->quantile[i]);
	printf("%d.n_bins\t%d\n", c, s->n_bins);
	for (i = 0; i < s->n_bins - 1; i++)
		printf("%d.edge%d\t%.17g\n", c, i, s->edge[i]);
	for (i = 0; i < s->n_bins; i++)
		printf("%d.bin%d\t%" PRIu64 "\n", c, i, s->bin_count[i]);
	for (i = 0; i < MLOPS_SUMMARY_WIDTH_BINS; i++)
		printf("%d.width%d\t%" PRIu64 "\n", c, i, s->width_count[i]);
}

/* Time everything on n random rows; a name and milliseconds per line. */
static int
run_bench(size_t n, int columns)
{
	float	   *values = malloc(n * columns * sizeof(float));
	float	   *label = malloc(n * sizeof(float));
	float	   *score = malloc(n * sizeof(float));
	MlopsMetric out[MLOPS_MAX_METRICS];
	MlopsSummarizer *s = mlops_summary_begin(columns);
	MlopsFingerprint fingerprint = {0};
	uint64_t	hash = 0;
	double		t[8];
	size_t		i;

	if (values == NULL || label == NULL || score == NULL || s == NULL)
		return 3;
	for (i = 0; i < n * columns; i++)
		values[i] = (float) mlops_hash_unit(mlops_hash_mix(i));
	for (i = 0; i < n; i++)
	{
		score[i] = values[i * columns];
		label[i] = values[i * columns + columns - 1] < score[i];
	}
	t[0] = milliseconds();
	mlops_metrics_regression(label, score, NULL, n, out);
	t[1] = milliseconds();
	mlops_metrics_binary(label, score, NULL, n, out);
	t[2] = milliseconds();
	for (i = 0; i < n; i++)
		hash ^= mlops_hash_row(values + i * columns, columns, 1);
	t[3] = milliseconds();
	for (i = 0; i < n; i++)
		mlops_fingerprint_add(&fingerprint,
							  mlops_hash128_floats(values + i * columns,
												   columns));
	t[4] = milliseconds();
	for (i = 0; i < n; i += 4096)
	{
		if (!mlops_summary_add(s, values + i * columns, columns,
							   n - i < 4096 ? n - i : 4096, NULL, 0))
			return 3;
	}
	t[5] = milliseconds();
	if (!mlops_summary_edges(s))
		return 3;
	t[6] = milliseconds();
	for (i = 0; i < n; i += 4096)
		mlops_summary_count(s, values + i * columns, columns,
							n - i < 4096 ? n - i : 4096, NULL, 0);
	t[7] = milliseconds();
	printf("regression\t%.1f\nbinary\t%.1f\nhash_row\t%.1f\n"
		   "fingerprint\t%.1f\nsummary_add\t%.1f\nsummary_edges\t%.1f\n"
		   "summary_count\t%.1f\n", t[1] - t[0], t[2] - t[1], t[3] - t[2],
		   t[4] - t[3], t[5] - t[4], t[6] - t[5], t[7] - t[6]);
	/* so that nothing of it can be left out */
	fprintf(stderr, "%016" PRIx64 " %016" PRIx64 " %g\n", hash,
			fingerprint.sum.low, out[0].value);
	mlops_summary_free(s);
	free(values);
	free(label);
	free(score);
	return 0;
}

/* Processor time so far in milliseconds. */
static double
milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}
