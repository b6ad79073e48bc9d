/*
 * compare.h
 *		Two versions on the same rows, metric by metric.
 */
#ifndef MLOPS_COMPARE_H
#define MLOPS_COMPARE_H

#include "train/predictions.h"

/* One metric of both versions. */
typedef struct MlopsComparison
{
	const char *name;
	double		value;			/* of the first version */
	double		other;			/* of the second */
	double		error;			/* of the difference; NaN: not known */
	double		p_value;		/* NaN: by the error */
} MlopsComparison;

/* 22023 unless both versions predict the same thing; for a request's check. */
extern void mlops_comparison_check(const MlopsPredictions *predictions);

/*
 * All metrics that both versions have, by the measure of the first, with the
 * errors of their differences; how many.
 */
extern int	mlops_comparison_of(MlopsPredictions *predictions, uint64 seed,
								MlopsComparison comparisons[MLOPS_MAX_METRICS]);

#endif							/* MLOPS_COMPARE_H */
