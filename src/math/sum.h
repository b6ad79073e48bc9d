/*
 * sum.h
 *		A sum in double that keeps what rounding takes away.
 *
 * Knuth's exact error of each addition is summed apart, so the error of the
 * result does not grow with the number of terms.  Needs arithmetic as IEEE
 * 754 has it: not to be compiled with -ffast-math.
 */
#ifndef MLOPS_SUM_H
#define MLOPS_SUM_H

#include <math.h>

typedef struct MlopsSum
{
	double		sum;			/* rounded; all zero is an empty sum */
	double		error;			/* what the rounding of sum left out */
} MlopsSum;

/* Add one term. */
static inline void
mlops_sum_add(MlopsSum *s, double x)
{
	double		sum = s->sum + x;
	double		part = sum - s->sum;

	s->error += (s->sum - (sum - part)) + (x - part);
	s->sum = sum;
}

/* The sum; infinities come through as plain addition gives them. */
static inline double
mlops_sum_value(const MlopsSum *s)
{
	return isfinite(s->sum) ? s->sum + s->error : s->sum;
}

#endif							/* MLOPS_SUM_H */
