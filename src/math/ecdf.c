/*
 * ecdf.c
 *		Two samples of numbers compared by their distribution functions.
 *
 * The values are float32 and the knots double, so each knot is held as the
 * largest float32 that is not above it: x < knot is the same as x <= that
 * float, unless the knot is a float32 itself.
 */
#include "math/ecdf.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "math/random.h"

#define DRAWS	1000

static void count_cells(MlopsKnots *knots, const float *x,
						const uint16_t *cells, size_t n);
static float float_not_above(double x);
static double share_at(const MlopsKnots *knots, int knot, bool left);
static int	fat_tail(const MlopsKnots *knots, double *mean);
static double area_between(double width, double from, double to);
static int	compare_doubles(const void *a, const void *b);

double
mlops_ks(const double *a, size_t n_a, const double *b, size_t n_b)
{
	size_t		i = 0;
	size_t		j = 0;
	double		largest = 0;

	if (n_a == 0 || n_b == 0)
		return NAN;
	while (i < n_a && j < n_b)
	{
		double		x = a[i] < b[j] ? a[i] : b[j];
		double		difference;

		while (i < n_a && a[i] == x)
			i++;
		while (j < n_b && b[j] == x)
			j++;
		difference = fabs((double) i / n_a - (double) j / n_b);
		if (difference > largest)
			largest = difference;
	}
	return largest;
}

double
mlops_wasserstein(const double *a, size_t n_a, const double *b, size_t n_b)
{
	size_t		i = 0;
	size_t		j = 0;
	double		sum = 0;
	double		last;

	if (n_a == 0 || n_b == 0 || isinf(a[0]) || isinf(b[0]) ||
		isinf(a[n_a - 1]) || isinf(b[n_b - 1]))
		return NAN;
	last = a[0] < b[0] ? a[0] : b[0];
	while (i < n_a || j < n_b)
	{
		double		x = j >= n_b || (i < n_a && a[i] < b[j]) ? a[i] : b[j];

		sum += fabs((double) i / n_a - (double) j / n_b) * (x - last);
		last = x;
		while (i < n_a && a[i] == x)
			i++;
		while (j < n_b && b[j] == x)
			j++;
	}
	return sum;
}

void
mlops_knots_begin(MlopsKnots *knots, const double *quantile,
				  double mean, double n_reference)
{
	float		cut[MLOPS_KNOTS];
	bool		exact[MLOPS_KNOTS];

	memset(knots, 0, sizeof(MlopsKnots));
	memcpy(knots->quantile, quantile, sizeof(knots->quantile));
	knots->n_reference = n_reference;
	knots->mean = mean;
	for (int i = 0; i < MLOPS_KNOTS; i++)
		if (knots->n == 0 || quantile[i] > knots->value[knots->n - 1])
			knots->value[knots->n++] = quantile[i];
	for (int i = 0; i < knots->n; i++)
	{
		cut[i] = float_not_above(knots->value[i]);
		exact[i] = cut[i] == knots->value[i];
	}
	mlops_cuts_begin(&knots->cuts, cut, exact, knots->n);
	knots->tail = fat_tail(knots, &knots->tail_mean);
}

void
mlops_knots_count(MlopsKnots *knots, const float *values, size_t stride,
				  size_t rows)
{
	while (rows > 0)
	{
		float		x[MLOPS_LOCATE];
		uint16_t	cells[MLOPS_LOCATE];
		size_t		n = rows < MLOPS_LOCATE ? rows : MLOPS_LOCATE;

		for (size_t r = 0; r < n; r++)
			x[r] = values[r * stride];
		for (size_t r = n; r < MLOPS_LOCATE; r++)
			x[r] = NAN;
		mlops_locate(&knots->cuts, x, cells);
		count_cells(knots, x, cells, n);
		values += n * stride;
		rows -= n;
	}
}

double
mlops_knots_total(const MlopsKnots *knots)
{
	double		total = 0;

	for (int i = 0; i <= 2 * knots->n; i++)
		total += knots->cell[i];
	return total;
}

double
mlops_knots_ks(const MlopsKnots *knots)
{
	double		total = mlops_knots_total(knots);
	double		seen = 0;
	double		largest = 0;

	if (total == 0 || knots->n_reference == 0)
		return NAN;
	for (int i = 0; i < knots->n; i++)
	{
		seen += knots->cell[2 * i];
		largest = fmax(largest,
					   fabs(seen / total - share_at(knots, i, true)));
		seen += knots->cell[2 * i + 1];
		largest = fmax(largest,
					   fabs(seen / total - share_at(knots, i, false)));
	}
	return largest;
}

double
mlops_knots_wasserstein(const MlopsKnots *knots)
{
	double		total = mlops_knots_total(knots);
	double		seen = 0;
	double		sum;

	if (total == 0 || knots->n_reference == 0 || isinf(knots->value[0]) ||
		isinf(knots->value[knots->n - 1]) || isinf(knots->below) ||
		isinf(knots->above))
		return NAN;
	sum = (knots->below + knots->above) / total;
	for (int i = 0; i < knots->n - 1; i++)
	{
		double		width = knots->value[i + 1] - knots->value[i];
		double		base = share_at(knots, i, false);
		double		base_inside = share_at(knots, i + 1, true) - base;
		double		inside = knots->cell[2 * i + 2] / total;
		double		from;

		seen += knots->cell[2 * i] + knots->cell[2 * i + 1];
		from = seen / total - base;
		if (i == knots->tail)
			sum += fabs(from * width + inside * knots->value[i + 1] -
						knots->tail_sum / total -
						base_inside * (knots->value[i + 1] - knots->tail_mean));
		else
			sum += area_between(width, from, from + inside - base_inside);
	}
	return sum;
}

double
mlops_wasserstein_null(const double *quantile, double n_a, double n_b,
					   double level)
{
	double		draws[DRAWS];
	MlopsRandom random = {42};

	if (n_a == 0 || n_b == 0 || isinf(quantile[0]) ||
		isinf(quantile[MLOPS_KNOTS - 1]))
		return NAN;
	for (int d = 0; d < DRAWS; d++)
	{
		double		walk[MLOPS_KNOTS];
		double		last = 0;

		walk[0] = 0;
		for (int i = 1; i < MLOPS_KNOTS; i++)
			walk[i] = walk[i - 1] + mlops_random_normal(&random) / 10;
		draws[d] = 0;
		for (int i = 1; i < MLOPS_KNOTS; i++)
		{
			double		bridge = walk[i] -
				walk[MLOPS_KNOTS - 1] * i / (MLOPS_KNOTS - 1);

			draws[d] += area_between(quantile[i] - quantile[i - 1], last,
									 bridge);
			last = bridge;
		}
	}
	qsort(draws, DRAWS, sizeof(double), compare_doubles);
	return draws[(int) fmin(level * DRAWS, DRAWS - 1)] *
		sqrt(1 / n_a + 1 / n_b);
}

/*
 * Count located values, n at most MLOPS_LOCATE.  Few lie under the first knot,
 * over the last one, or in the tail.
 */
static void
count_cells(MlopsKnots *knots, const float *x, const uint16_t *cells,
			size_t n)
{
	unsigned	last = 2 * knots->n;
	unsigned	tail = knots->tail < 0 ? MLOPS_NOWHERE : 2 * knots->tail + 2;

	for (size_t r = 0; r < n; r++)
	{
		unsigned	cell = cells[r];

		knots->cell[cell]++;
		if (cell == 0)
			knots->below += knots->value[0] - x[r];
		else if (cell == tail)
			knots->tail_sum += cell == MLOPS_NOWHERE ? 0 : x[r];
		else if (cell == last)
			knots->above += x[r] - knots->value[knots->n - 1];
	}
}

/* The largest float32 that is not above x. */
static float
float_not_above(double x)
{
	float		f = (float) x;

	return f > x ? nextafterf(f, -INFINITY) : f;
}

/*
 * The reference's share of values up to a knot, or under it with left: what
 * the ranks of the quantiles say that fell together in it.
 */
static double
share_at(const MlopsKnots *knots, int knot, bool left)
{
	double		n = knots->n_reference;
	int			first = 0;
	int			last;
	double		rank;

	while (knots->quantile[first] < knots->value[knot])
		first++;
	last = first;
	while (last + 1 < MLOPS_KNOTS &&
		   knots->quantile[last + 1] == knots->value[knot])
		last++;
	if (!left)
		return fmin(1, (floor((n - 1) * last / 100.0) + 1) / n);
	rank = (n - 1) * first / 100.0;
	if (last > first || rank == floor(rank))
		return floor(rank) / n;
	return (floor(rank) + 1) / n;
}

/*
 * The end interval, first or last, that is the wider one, and the mean of the
 * reference's values in it (-1 if there is none): what the mean of all leaves for it if all other
 * intervals are even.  In a long tail even would be far off.
 */
static int
fat_tail(const MlopsKnots *knots, double *mean)
{
	const double *quantile = knots->quantile;
	int			last = MLOPS_KNOTS - 2;
	int			tail = quantile[1] - quantile[0] >
		quantile[last + 1] - quantile[last] ? 0 : last;
	double		left = knots->mean * (MLOPS_KNOTS - 1);

	*mean = 0;
	if (quantile[tail] == quantile[tail + 1])
		return -1;
	for (int i = 0; i <= last; i++)
		if (i != tail)
			left -= (quantile[i] + quantile[i + 1]) / 2;
	*mean = fmin(fmax(left, quantile[tail]), quantile[tail + 1]);
	return tail == 0 ? 0 : knots->n - 2;
}

/* The area under |f| where f goes straight from one height to another. */
static double
area_between(double width, double from, double to)
{
	if ((from < 0) == (to < 0) || from == to)
		return width * (fabs(from) + fabs(to)) / 2;
	return width * (from * from + to * to) / (2 * fabs(from - to));
}

/* qsort() comparator. */
static int
compare_doubles(const void *a, const void *b)
{
	double		left = *(const double *) a;
	double		right = *(const double *) b;

	return left < right ? -1 : left > right;
}
