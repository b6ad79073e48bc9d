/*
 * metric_row.h
 *		What the metrics' own files share: rows that count, and results.
 */
#ifndef MLOPS_METRIC_ROW_H
#define MLOPS_METRIC_ROW_H

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "math/metrics.h"

/*
 * The weight of row i: 1 when the row counts, 0 when it does not, -1 when the
 * weight is none.
 */
static inline int
row_weight(const float *weight, size_t i, double *w)
{
	*w = 1;
	if (weight == NULL)
		return 1;
	*w = weight[i];
	if (*w == 0)
		return 0;
	return *w > 0 && *w <= FLT_MAX ? 1 : -1;
}

/* a / b, NaN when b is 0. */
static inline double
ratio(double a, double b)
{
	return b == 0 ? NAN : a / b;
}

/* A probability kept off 0 and 1 by the double epsilon; not NaN. */
static inline double
clip(double p)
{
	return p < DBL_EPSILON ? DBL_EPSILON :
		p > 1 - DBL_EPSILON ? 1 - DBL_EPSILON : p;
}

/* Write one metric, NaN if the rows were not valid; the next place. */
static inline int
set_metric(MlopsMetric *out, int at, const char *name, double value,
		   bool valid)
{
	out[at].name = name;
	out[at].value = valid ? value : NAN;
	return at + 1;
}

#endif							/* MLOPS_METRIC_ROW_H */
