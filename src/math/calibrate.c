/*
 * calibrate.c
 *		Isotonic regression by pooling neighbours, and Platt's sigmoid by
 *		Newton's method.
 */
#include "math/calibrate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/order.h"

/* Probabilities are kept that far from 0 and 1 before their odds are taken. */
#define LEAST_PROBABILITY	1e-12
#define MOST_STEPS			100

static size_t merge_equal(const MlopsOrder *order, const double *score,
						  const double *label, size_t n, double *x,
						  double *y, double *weight);
static void pool(double *y, double *weight, double *size, size_t n);
static size_t keep_corners(double *x, double *y, size_t n);
static double log_odds(double probability);
static double platt_loss(const MlopsPlatt *platt, const double *score,
						 const double *label, size_t n,
						 const double target[2]);
static double softplus(double x);
static void platt_derivatives(const MlopsPlatt *platt, const double *score,
							  const double *label, size_t n,
							  const double target[2], double gradient[2],
							  double hessian[3]);

bool
mlops_isotonic_fit(const double *score, const double *label, size_t n,
				   MlopsIsotonic *isotonic)
{
	void	   *memory = NULL;
	size_t		n_all = n;
	double	   *x = malloc(4 * n * sizeof(double));
	double	   *y;
	double	   *weight;
	MlopsOrder *order = x ? mlops_order_rows(score, 1, n, &memory) : NULL;

	if (order == NULL)
	{
		free(x);
		free(memory);
		return false;
	}
	y = x + n;
	weight = y + n;
	n = merge_equal(order, score, label, n, x, y, weight);
	free(memory);
	pool(y, weight, weight + n_all, n);
	isotonic->n = keep_corners(x, y, n);
	isotonic->x = x;
	isotonic->y = y;
	return true;
}

double
mlops_isotonic_at(const MlopsIsotonic *isotonic, double score)
{
	const double *x = isotonic->x;
	const double *y = isotonic->y;
	size_t		low = 0;
	size_t		high = isotonic->n - 1;

	if (score <= x[low])
		return y[low];
	if (score >= x[high])
		return y[high];
	while (high - low > 1)
	{
		size_t		middle = low + (high - low) / 2;

		if (x[middle] <= score)
			low = middle;
		else
			high = middle;
	}
	return y[low] + (y[high] - y[low]) / (x[high] - x[low]) *
		(score - x[low]);
}

void
mlops_isotonic_free(MlopsIsotonic *isotonic)
{
	free(isotonic->x);
	isotonic->x = isotonic->y = NULL;
}

MlopsPlatt
mlops_platt_fit(const double *score, const double *label, size_t n)
{
	double		positive = 0;
	double		target[2];
	MlopsPlatt	platt = {1, 0};
	double		loss;

	for (size_t i = 0; i < n; i++)
		positive += label[i];
	target[0] = 1 / (n - positive + 2);
	target[1] = (positive + 1) / (positive + 2);
	loss = platt_loss(&platt, score, label, n, target);
	for (int step = 0; step < MOST_STEPS; step++)
	{
		double		gradient[2] = {0, 0};
		double		hessian[3] = {1e-12, 0, 1e-12};
		double		determinant;
		double		part = 1;
		MlopsPlatt	next;
		double		next_loss;

		platt_derivatives(&platt, score, label, n, target, gradient, hessian);
		if (fabs(gradient[0]) + fabs(gradient[1]) < 1e-10 * n)
			break;
		determinant = hessian[0] * hessian[2] - hessian[1] * hessian[1];
		if (!(determinant > 0))
		{
			/* one score only: the shift alone matters */
			hessian[0] = determinant = 1;
			hessian[1] = gradient[0] = 0;
			determinant = hessian[2];
		}
		do
		{
			next.slope = platt.slope - part *
				(hessian[2] * gradient[0] - hessian[1] * gradient[1]) /
				determinant;
			next.shift = platt.shift - part *
				(hessian[0] * gradient[1] - hessian[1] * gradient[0]) /
				determinant;
			next_loss = platt_loss(&next, score, label, n, target);
			part /= 2;
		} while (!(next_loss <= loss) && part > 1e-12);
		if (!(next_loss < loss))
			break;
		platt = next;
		loss = next_loss;
	}
	return platt;
}

double
mlops_platt_at(const MlopsPlatt *platt, double score)
{
	return 1 / (1 + exp(-(platt->slope * log_odds(score) + platt->shift)));
}

/*
 * The distinct scores, the mean label of each, and how many had it; returns
 * how many there are.
 */
static size_t
merge_equal(const MlopsOrder *order, const double *score,
			const double *label, size_t n, double *x, double *y,
			double *weight)
{
	size_t		m = 0;

	for (size_t i = 0; i < n;)
	{
		size_t		next = i;
		double		sum = 0;

		for (; next < n && order[next].key == order[i].key; next++)
			sum += label[order[next].row];
		x[m] = score[order[i].row];
		weight[m] = next - i;
		y[m++] = sum / (next - i);
		i = next;
	}
	return m;
}

/*
 * Make y non-decreasing: where a block is larger than the next, both become
 * their mean.  Blocks are kept in place, at the index of their first element,
 * with the number of elements in size; at the end each is spread.
 */
static void
pool(double *y, double *weight, double *size, size_t n)
{
	size_t		blocks = 0;

	for (size_t i = 0; i < n; i++)
	{
		y[blocks] = y[i];
		weight[blocks] = weight[i];
		size[blocks] = 1;
		for (blocks++; blocks > 1 && y[blocks - 2] >= y[blocks - 1]; blocks--)
		{
			double		all = weight[blocks - 2] + weight[blocks - 1];

			y[blocks - 2] = (y[blocks - 2] * weight[blocks - 2] +
							 y[blocks - 1] * weight[blocks - 1]) / all;
			weight[blocks - 2] = all;
			size[blocks - 2] += size[blocks - 1];
		}
	}
	for (size_t i = n; blocks-- > 0;)
		for (size_t k = 0; k < size[blocks]; k++)
			y[--i] = y[blocks];
}

/* Drop points within a level; returns how many are left. */
static size_t
keep_corners(double *x, double *y, size_t n)
{
	size_t		m = 0;
	double		before = NAN;

	for (size_t i = 0; i < n; i++)
	{
		bool		keep = i == 0 || i == n - 1 || y[i] != before ||
			y[i] != y[i + 1];

		before = y[i];
		if (keep)
		{
			x[m] = x[i];
			y[m++] = y[i];
		}
	}
	return m;
}

/* Of a probability that is not taken for sure. */
static double
log_odds(double probability)
{
	double		p = fmin(fmax(probability, LEAST_PROBABILITY),
						 1 - LEAST_PROBABILITY);

	return log(p) - log1p(-p);
}

/* The negative log likelihood of the targets of labels 0 and 1. */
static double
platt_loss(const MlopsPlatt *platt, const double *score,
		   const double *label, size_t n, const double target[2])
{
	double		loss = 0;

	for (size_t i = 0; i < n; i++)
	{
		double		f = platt->slope * log_odds(score[i]) + platt->shift;

		loss += softplus(f) - target[label[i] > 0.5] * f;
	}
	return loss;
}

/* log(1 + exp(x)), without overflow. */
static double
softplus(double x)
{
	return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

/* First and second derivatives of the loss by slope and shift, added up. */
static void
platt_derivatives(const MlopsPlatt *platt, const double *score,
				  const double *label, size_t n, const double target[2],
				  double gradient[2], double hessian[3])
{
	for (size_t i = 0; i < n; i++)
	{
		double		odds = log_odds(score[i]);
		double		p = 1 / (1 + exp(-(platt->slope * odds + platt->shift)));
		double		error = p - target[label[i] > 0.5];
		double		weight = p * (1 - p);

		gradient[0] += error * odds;
		gradient[1] += error;
		hessian[0] += weight * odds * odds;
		hessian[1] += weight * odds;
		hessian[2] += weight;
	}
}
