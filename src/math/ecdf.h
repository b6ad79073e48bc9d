/*
 * ecdf.h
 *		Two samples of numbers compared by their distribution functions.
 *
 * Plain C.  Samples are ascending and without NaN.  Where of the reference
 * nothing but its 101 quantiles is left, a window is counted between these,
 * and both measures are approximate: KS by at most 0.01 plus two rows.
 */
#ifndef MLOPS_ECDF_H
#define MLOPS_ECDF_H

#include <stddef.h>
#include <stdint.h>

#include "math/locate.h"

#define MLOPS_KNOTS		101

/* The largest difference of the functions; NaN if a sample is empty. */
extern double mlops_ks(const double *a, size_t n_a, const double *b,
					   size_t n_b);

/* The area between them; NaN if a sample is empty or holds an infinity. */
extern double mlops_wasserstein(const double *a, size_t n_a, const double *b,
								size_t n_b);

/* A window counted between the quantiles of n reference values. */
typedef struct MlopsKnots
{
	double		quantile[MLOPS_KNOTS];	/* at i/100 */
	double		n_reference;
	double		mean;			/* of the reference */
	int			n;				/* different ones */
	double		value[MLOPS_KNOTS];
	MlopsCuts	cuts;
	int			tail;			/* the knot where the longer tail begins, and
								 * how that is taken: see ecdf.c */
	double		tail_mean;
	/* even cells lie between knots, odd ones at them */
	uint64_t	cell[MLOPS_CELLS];
	double		tail_sum;		/* of what was counted in that tail */
	double		below;			/* how far values lie under the first knot, */
	double		above;			/* and over the last one, summed */
} MlopsKnots;

/* Begin with quantiles and mean of n_reference values, none NaN. */
extern void mlops_knots_begin(MlopsKnots *knots, const double *quantile,
							  double mean, double n_reference);

/* Count values[i * stride]; NaN is left out. */
extern void mlops_knots_count(MlopsKnots *knots, const float *values,
							  size_t stride, size_t rows);

/* How many were counted. */
extern double mlops_knots_total(const MlopsKnots *knots);

/* As above, of the reference and what was counted. */
extern double mlops_knots_ks(const MlopsKnots *knots);
extern double mlops_knots_wasserstein(const MlopsKnots *knots);

/*
 * The quantile at `level` of the Wasserstein distance between two samples of
 * these sizes of the reference, of 1,000 drawn Brownian bridges.
 */
extern double mlops_wasserstein_null(const double *quantile, double n_a,
									 double n_b, double level);

#endif							/* MLOPS_ECDF_H */
