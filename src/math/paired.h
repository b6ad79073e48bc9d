/*
 * paired.h
 *		How sure a metric is: errors of means, paired tests, resampling by seed.
 *
 * Plain C, no allocation, no failure.  The random numbers are the same on
 * every machine.
 */
#ifndef MLOPS_PAIRED_H
#define MLOPS_PAIRED_H

#include <stddef.h>
#include <stdint.h>

/* A stream of random numbers; its state is all there is to it. */
typedef struct MlopsRandom
{
	uint64_t	state;
} MlopsRandom;

extern void mlops_random_seed(MlopsRandom *random, uint64_t seed);

/* A number in [0, n), n at least 1. */
extern size_t mlops_random_index(MlopsRandom *random, size_t n);

/* Mean and variance of numbers one by one, by Welford's recurrence. */
typedef struct MlopsSpread
{
	size_t		n;
	double		mean;
	double		squares;		/* sum of squared distances to the mean */
} MlopsSpread;

extern void mlops_spread_add(MlopsSpread *spread, double x);

/* The standard deviation with n - 1, NaN of less than two numbers. */
extern double mlops_spread_deviation(const MlopsSpread *spread);

/*
 * The error of a weighted mean that is known: add each value with its weight,
 * then ask.  The variance is that of a ratio, sum of w^2 (x - mean)^2 over
 * the squared sum of weights, times n / (n - 1).
 */
typedef struct MlopsMeanError
{
	double		mean;
	size_t		n;
	double		weights;
	double		squared_weights;
	double		squares;
} MlopsMeanError;

extern void mlops_mean_error_add(MlopsMeanError *error, double x,
								 double weight);

/* The standard error; NaN of less than two values. */
extern double mlops_mean_error_get(const MlopsMeanError *error);

/* Kish's effective number of values: n if all weights are equal. */
extern double mlops_mean_error_rows(const MlopsMeanError *error);

/* The two-sided p-value of a standard normal statistic. */
extern double mlops_normal_p_value(double z);

/*
 * McNemar's test with mid-p: the two-sided p-value of b and c, the rows of
 * which only the first and only the second version is right.  1 if both are
 * 0.  From 100,000 rows on by the normal approximation.
 */
extern double mlops_mcnemar(uint64_t b, uint64_t c);

#endif							/* MLOPS_PAIRED_H */
