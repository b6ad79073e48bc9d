/*
 * edges.c
 *		Bins of equal width as other tools cut them, and counts within them.
 */
#include "math/edges.h"

#include <math.h>

static int	bins_of_width(double low, double high, double width);

int
mlops_bins_sturges(double n, double low, double high)
{
	return bins_of_width(low, high, (high - low) / (log2(n) + 1));
}

int
mlops_bins_doane(double n, double low, double high, double skewness)
{
	double		sigma = sqrt(6 * (n - 2) / ((n + 1) * (n + 3)));

	if (n <= 2 || isnan(skewness))
		return 1;
	return bins_of_width(low, high, (high - low) /
						 (1 + log2(n) + log2(1 + fabs(skewness) / sigma)));
}

void
mlops_edges(double low, double high, int n_bins, double *edges)
{
	double		step;

	if (low == high)
	{
		low -= 0.5;
		high += 0.5;
	}
	step = (high - low) / n_bins;
	for (int i = 0; i < n_bins; i++)
		edges[i] = low + i * step;
	edges[n_bins] = high;
}

void
mlops_edges_count(const double *edges, int n_bins, const double *sorted,
				  size_t n, double *counts, double *below, double *above)
{
	size_t		i = 0;

	for (*below = 0; i < n && sorted[i] < edges[0]; i++)
		++*below;
	for (int bin = 0; bin < n_bins; bin++)
		for (counts[bin] = 0; i < n && (sorted[i] < edges[bin + 1] ||
										(bin == n_bins - 1 &&
										 sorted[i] == edges[bin + 1])); i++)
			counts[bin]++;
	*above = n - i;
}

/* How many bins of a width there are between two values. */
static int
bins_of_width(double low, double high, double width)
{
	if (!(width > 0))
		return 1;
	return (int) fmin(fmax(ceil((high - low) / width), 1), MLOPS_EDGE_BINS);
}
