/*
 * moments.h
 *		Mean, deviation and skewness that parts can be merged of.
 *
 * Plain C, no allocation.  Nothing is lost to the scale of the values: a
 * million numbers that lie close together and far from 0 keep all digits of
 * their deviation.
 */
#ifndef MLOPS_MOMENTS_H
#define MLOPS_MOMENTS_H

#include <stddef.h>

#include "math/sum.h"

/* All zero is no value. */
typedef struct MlopsMoments
{
	double		n;
	MlopsSum	mean;
	double		m2;				/* sum of squared deviations from the mean */
	double		m3;				/* sum of their cubes */
} MlopsMoments;

/*
 * The moments of count > 0 finite values.  Meant for some hundreds at a time,
 * whose sum has no rounding to speak of.
 */
extern void mlops_moments_of(MlopsMoments *b, const float *x, size_t count);

/* Merge the moments b of other values into a. */
extern void mlops_moments_merge(MlopsMoments *a, const MlopsMoments *b);

/* NaN of no value. */
extern double mlops_moments_mean(const MlopsMoments *m);

/* Of the population; NaN of no value, exactly 0 of a constant. */
extern double mlops_moments_stddev(const MlopsMoments *m);

/* Of the population, m3 / n / stddev^3; NaN of no value or a constant. */
extern double mlops_moments_skewness(const MlopsMoments *m);

#endif							/* MLOPS_MOMENTS_H */
