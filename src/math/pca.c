/*
 * pca.c
 *		Principal components, and how badly they describe a row.
 */
#include "math/pca.h"

#include <math.h>
#include <string.h>

#include "math/eigen.h"

/* Rows that are added at once, so that a product is loaded once for all. */
#define AT_ONCE	4

static void add_products(MlopsPcaSums *sums, const double *rows, int count);

void
mlops_pca_add(MlopsPcaSums *sums, const double *rows, size_t count)
{
	sums->rows += count;
	for (size_t r = 0; r < count; r++)
		for (int i = 0; i < sums->n; i++)
			sums->sum[i] += rows[r * sums->n + i];
	for (size_t r = 0; r < count; r += AT_ONCE)
		add_products(sums, rows + r * sums->n,
					 count - r < AT_ONCE ? (int) (count - r) : AT_ONCE);
}

void
mlops_pca_less(MlopsPcaSums *sums, const MlopsPcaSums *part)
{
	size_t		n = sums->n;

	sums->rows -= part->rows;
	for (size_t i = 0; i < n; i++)
		sums->sum[i] -= part->sum[i];
	for (size_t i = 0; i < n * n; i++)
		sums->products[i] -= part->products[i];
}

bool
mlops_pca_fit(MlopsPca *pca, const MlopsPcaSums *sums, double share,
			  double *work)
{
	int			n = sums->n;
	double	   *correlation = work;
	double		total = 0;
	double		explained = 0;

	pca->n = n;
	for (int i = 0; i < n; i++)
	{
		double		mean = sums->sum[i] / sums->rows;
		double		square = sums->products[i * n + i] / sums->rows;
		double		variance = square - mean * mean;
		/* what rounding leaves of a constant is no variance */
		bool		varies = variance > 1e-13 * square;

		pca->mean[i] = mean;
		pca->deviation[i] = varies ? sqrt(variance) : 1;
		correlation[i * n + i] = varies;
		for (int j = 0; j < i; j++)
		{
			double		both = correlation[i * n + i] *
				correlation[j * n + j];

			correlation[i * n + j] = correlation[j * n + i] = both *
				(sums->products[i * n + j] / sums->rows -
				 mean * pca->mean[j]) /
				(pca->deviation[i] * pca->deviation[j]);
		}
	}
	if (!mlops_eigen_symmetric(n, correlation, pca->values, pca->components,
							   work + (size_t) n * n))
		return false;
	for (int i = 0; i < n; i++)
		total += fmax(pca->values[i], 0);
	for (pca->k = 0; pca->k < n && total > 0 && explained <= share * total;)
		explained += fmax(pca->values[pca->k++], 0);
	return true;
}

double
mlops_pca_error(const MlopsPca *pca, const double *row, double *rest,
				double *work)
{
	int			n = pca->n;
	double		square = 0;

	for (int i = 0; i < n; i++)
		rest[i] = (row[i] - pca->mean[i]) / pca->deviation[i];
	for (int c = 0; c < pca->k; c++)
	{
		const double *component = pca->components + (size_t) c * n;

		work[c] = 0;
		for (int i = 0; i < n; i++)
			work[c] += component[i] * rest[i];
	}
	for (int c = 0; c < pca->k; c++)
	{
		const double *component = pca->components + (size_t) c * n;

		for (int i = 0; i < n; i++)
			rest[i] -= work[c] * component[i];
	}
	for (int i = 0; i < n; i++)
		square += rest[i] * rest[i];
	return sqrt(square);
}

/* Add the products of up to AT_ONCE rows. */
static void
add_products(MlopsPcaSums *sums, const double *rows, int count)
{
	int			n = sums->n;

	for (int i = 0; i < n; i++)
	{
		double	   *products = sums->products + (size_t) i * n;

		if (count < AT_ONCE)
		{
			for (int r = 0; r < count; r++)
				for (int j = 0; j <= i; j++)
					products[j] += rows[r * n + i] * rows[r * n + j];
			continue;
		}
		for (int j = 0; j <= i; j++)
			products[j] += rows[i] * rows[j] +
				rows[n + i] * rows[n + j] +
				rows[2 * n + i] * rows[2 * n + j] +
				rows[3 * n + i] * rows[3 * n + j];
	}
}
