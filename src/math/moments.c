/*
 * moments.c
 *		Mean, deviation and skewness that parts can be merged of.
 *
 * A part is computed around its own mean, and parts are merged by the formulas
 * of Chan, Golub and LeVeque, and of Pebay for the third moment.  The mean has
 * twice the digits of a double: far from 0 and close together, the rounding of
 * a mean is not small beside the deviations from it.
 */
#include "math/moments.h"

#include <math.h>

/* Sums side by side, so that additions need not wait for each other. */
#define LANES 4

void
mlops_moments_of(MlopsMoments *b, const float *x, size_t count)
{
	double		sum[LANES] = {0};
	double		sum1[LANES] = {0};
	double		sum2[LANES] = {0};
	double		sum3[LANES] = {0};
	double		mean;
	double		rest;
	double		s2;
	size_t		i;
	int			l;

	for (i = 0; i < count; i++)
		sum[i % LANES] += x[i];
	b->n = (double) count;
	mean = ((sum[0] + sum[1]) + (sum[2] + sum[3])) / b->n;

	for (i = 0; i + LANES <= count; i += LANES)
	{
		for (l = 0; l < LANES; l++)
		{
			double		d = x[i + l] - mean;

			sum1[l] += d;
			sum2[l] += d * d;
			sum3[l] += d * d * d;
		}
	}
	for (; i < count; i++)
	{
		double		d = x[i] - mean;

		sum1[0] += d;
		sum2[0] += d * d;
		sum3[0] += d * d * d;
	}

	/* move the centre by what rounding left out of the mean */
	rest = ((sum1[0] + sum1[1]) + (sum1[2] + sum1[3])) / b->n;
	s2 = (sum2[0] + sum2[1]) + (sum2[2] + sum2[3]);
	b->mean.sum = mean;
	b->mean.error = rest;
	b->m2 = s2 - b->n * rest * rest;
	b->m3 = (sum3[0] + sum3[1]) + (sum3[2] + sum3[3]) -
		3 * rest * s2 + 2 * b->n * rest * rest * rest;
}

void
mlops_moments_merge(MlopsMoments *a, const MlopsMoments *b)
{
	double		n = a->n + b->n;
	double		delta;

	if (a->n == 0)
	{
		*a = *b;
		return;
	}
	delta = (b->mean.sum - a->mean.sum) + (b->mean.error - a->mean.error);
	a->m3 += b->m3 +
		delta * delta * delta * (a->n * b->n / n) * ((a->n - b->n) / n) +
		3 * delta * (a->n * b->m2 - b->n * a->m2) / n;
	a->m2 += b->m2 + delta * delta * (a->n * b->n / n);
	mlops_sum_add(&a->mean, delta * (b->n / n));
	a->n = n;
}

double
mlops_moments_mean(const MlopsMoments *m)
{
	return m->n > 0 ? mlops_sum_value(&m->mean) : NAN;
}

double
mlops_moments_stddev(const MlopsMoments *m)
{
	/* rounding may leave a trace under 0 */
	return m->n > 0 ? sqrt(fmax(m->m2, 0) / m->n) : NAN;
}

double
mlops_moments_skewness(const MlopsMoments *m)
{
	double		stddev = mlops_moments_stddev(m);

	return stddev > 0 ? m->m3 / m->n / (stddev * stddev * stddev) : NAN;
}
