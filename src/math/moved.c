/*
 * moved.c
 *		How far the current ones of some numbers are from the others.
 *
 * All malloc()ed memory is freed before a function returns.
 */
#include "math/moved.h"

#include <math.h>
#include <stdlib.h>

#include "math/distance.h"
#include "math/ecdf.h"
#include "math/order.h"
#include "math/summary.h"

typedef double (*SampleDistance) (const double *a, size_t n_a,
								  const double *b, size_t n_b);

static double of_samples(const double *rows, int width, size_t n,
						 bool *memory, SampleDistance distance);
static double psi_of(MlopsSummarizer *base, const float *values,
					 size_t n_base, size_t n_now, bool *memory);

double
mlops_moved_psi(const double *rows, int width, size_t n, bool *memory)
{
	float	   *values = malloc(sizeof(float) * (n + 1));
	MlopsSummarizer *base = mlops_summary_begin(1);
	size_t		n_base = 0;
	size_t		last = n;
	double		psi = NAN;

	*memory = values != NULL && base != NULL;
	for (size_t i = 0; *memory && i < n; i++)
	{
		if (rows[i * width] > 0.5)
			values[--last] = (float) rows[i * width + 1];
		else
			values[n_base++] = (float) rows[i * width + 1];
	}
	if (*memory && n_base > 0 && n_base < n)
		psi = psi_of(base, values, n_base, n - n_base, memory);
	mlops_summary_free(base);
	free(values);
	return psi;
}

double
mlops_moved_ks(const double *rows, int width, size_t n, bool *memory)
{
	return of_samples(rows, width, n, memory, mlops_ks);
}

double
mlops_moved_wasserstein(const double *rows, int width, size_t n,
						bool *memory)
{
	return of_samples(rows, width, n, memory, mlops_wasserstein);
}

/* A distance of both sides, each in ascending order. */
static double
of_samples(const double *rows, int width, size_t n, bool *memory,
		   SampleDistance distance)
{
	void	   *scratch;
	MlopsOrder *order = mlops_order_rows(rows + 1, width, n, &scratch);
	double	   *base = malloc(sizeof(double) * (n + 1));
	double	   *now = malloc(sizeof(double) * (n + 1));
	size_t		n_base = 0;
	size_t		n_now = 0;
	double		result = NAN;

	*memory = order != NULL && base != NULL && now != NULL;
	for (size_t i = 0; *memory && i < n; i++)
	{
		const double *row = rows + order[i].row * width;

		if (row[0] > 0.5)
			now[n_now++] = row[1];
		else
			base[n_base++] = row[1];
	}
	if (*memory)
		result = distance(base, n_base, now, n_now);
	free(scratch);
	free(base);
	free(now);
	return result;
}

/* PSI of n_now values, which follow n_base others, in the bins of these. */
static double
psi_of(MlopsSummarizer *base, const float *values, size_t n_base,
	   size_t n_now, bool *memory)
{
	double		p[MLOPS_SUMMARY_BINS];
	double		q[MLOPS_SUMMARY_BINS];
	const MlopsSummary *bins;
	MlopsSummarizer *now;
	int			n_bins;

	*memory = mlops_summary_add(base, values, 1, n_base, NULL, 0) &&
		mlops_summary_edges(base);
	if (!*memory)
		return NAN;
	mlops_summary_count(base, values, 1, n_base, NULL, 0);
	bins = mlops_summary_columns(base);
	now = mlops_summary_begin_window(bins, 1);
	*memory = now != NULL;
	if (now == NULL)
		return NAN;
	mlops_summary_count(now, values + n_base, 1, n_now, NULL, 0);
	n_bins = bins->n_bins;
	for (int i = 0; i < n_bins; i++)
	{
		p[i] = bins->bin_count[i];
		q[i] = mlops_summary_columns(now)->bin_count[i];
	}
	mlops_summary_free(now);
	mlops_shares(p, n_bins, p);
	mlops_shares(q, n_bins, q);
	return mlops_distance(MLOPS_PSI, p, q, n_bins);
}
