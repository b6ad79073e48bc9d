/*
 * calibrate.h
 *		From scores to probabilities: isotonic regression and Platt's sigmoid.
 *
 * Plain C.  Nothing may be NaN; labels are 0 or 1.
 */
#ifndef MLOPS_CALIBRATE_H
#define MLOPS_CALIBRATE_H

#include <stdbool.h>
#include <stddef.h>

/* Knots that are joined by lines; constant beyond the first and last. */
typedef struct MlopsIsotonic
{
	size_t		n;
	double	   *x;				/* malloc'd, ascending */
	double	   *y;				/* in the same block */
} MlopsIsotonic;

/*
 * The non-decreasing function of n > 0 scores that fits the labels best, by
 * squares; it equals that of scikit-learn.  Scores that are equal count as
 * one with their mean.  false: out of memory.
 */
extern bool mlops_isotonic_fit(const double *score, const double *label,
							   size_t n, MlopsIsotonic *isotonic);
extern double mlops_isotonic_at(const MlopsIsotonic *isotonic, double score);
extern void mlops_isotonic_free(MlopsIsotonic *isotonic);

/* 1 / (1 + exp(-(slope * log odds of the score + shift))) */
typedef struct MlopsPlatt
{
	double		slope;
	double		shift;
} MlopsPlatt;

/*
 * The most likely sigmoid of n scores that are probabilities, with Platt's
 * targets, which are less sure than the labels.  Never fails.
 */
extern MlopsPlatt mlops_platt_fit(const double *score, const double *label,
								  size_t n);
extern double mlops_platt_at(const MlopsPlatt *platt, double score);

#endif							/* MLOPS_CALIBRATE_H */
