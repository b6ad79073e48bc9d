/*
 * curves.h
 *		Curves of binary classification, and the error of the area under one.
 *
 * Plain C.  label over 0.5 is positive; score orders the rows, the higher the
 * more positive; rows of equal score are never told apart.  weight NULL means
 * 1 for every row, and a row with weight 0 counts as absent.
 *
 * Functions that fill a curve return how many entries were written to out,
 * which the caller provides; 0 if the curve is not defined on the rows (a NaN,
 * a bad weight, a class that is missing), and -1 when memory is out.
 */
#ifndef MLOPS_CURVES_H
#define MLOPS_CURVES_H

#include <stdbool.h>
#include <stddef.h>

typedef struct MlopsRocPoint
{
	double		threshold;		/* positive from this score up; first: +inf */
	double		fpr;			/* share of the negatives predicted positive */
	double		tpr;			/* share of the positives */
} MlopsRocPoint;

typedef struct MlopsPrPoint
{
	double		threshold;		/* positive from this score up; first: +inf */
	double		recall;
	double		precision;		/* the first point, recall 0, has 1 */
} MlopsPrPoint;

typedef struct MlopsLiftBin
{
	int			bin;			/* from 1, the highest scores first */
	size_t		n;				/* rows */
	size_t		positives;		/* rows with a positive label */
	double		share;			/* of the weight in this and earlier bins */
	double		precision;		/* weighted share of positives in the bin */
	double		lift;			/* precision over that of all rows */
	double		gain;			/* share of the positives up to here */
	double		low_score;		/* least and greatest score in the bin */
	double		high_score;
} MlopsLiftBin;

typedef struct MlopsCalibrationBin
{
	int			bin;			/* from 1, the lowest probabilities first */
	size_t		n;
	double		mean_prediction;
	double		observed;		/* weighted share of positives */
	double		low;			/* Wilson's interval of observed; with */
	double		high;			/* weights of (sum w)^2 / sum w^2 rows */
} MlopsCalibrationBin;

/* Areas under the ROC curve of one or two scores of the same rows. */
typedef struct MlopsDelong
{
	double		auc[2];
	double		variance[2];	/* of each area; NaN: a class has one row */
	double		covariance;		/* of the two */
} MlopsDelong;

/*
 * The ROC curve from (0, 0) to (1, 1), one point for each distinct score, at
 * most max_points >= 3.  Of more than that, one is kept in each equal step of
 * fpr + tpr, the one farthest above the diagonal, so the point of the largest
 * tpr - fpr always stays.
 */
extern long mlops_curve_roc(const float *label, const float *score,
							const float *weight, size_t n,
							size_t max_points, MlopsRocPoint *out);

/*
 * The precision-recall curve, from recall 0 to recall 1.  Of more than
 * max_points >= 3 points, one is kept in each equal step of recall, the one of
 * the largest F1, so the point of the largest F1 of all always stays.  Needs
 * a positive row only.
 */
extern long mlops_curve_pr(const float *label, const float *score,
						   const float *weight, size_t n,
						   size_t max_points, MlopsPrPoint *out);

/*
 * The rows by falling score in bins of equal weight.  Rows of equal score
 * stay together, in the bin that the middle of them falls into; a bin left
 * without rows is left out.  out has room for bins >= 1 entries.  Needs a
 * positive row only.
 */
extern long mlops_curve_lift(const float *label, const float *score,
							 const float *weight, size_t n, int bins,
							 MlopsLiftBin *out);

/*
 * Predicted against observed share of positives: bins of equal width over
 * [0, 1], or with quantiles of equal weight (ties as for lift).  Bins without
 * rows are left out; a probability outside [0, 1] is not defined.  z is the
 * normal quantile of the interval, 1.96 for 95 %.
 */
extern long mlops_curve_calibration(const float *label,
									const float *probability,
									const float *weight, size_t n, int bins,
									bool quantiles, double z,
									MlopsCalibrationBin *out);

/*
 * DeLong's variance of the area under the ROC curve (DeLong et al., 1988), by
 * ranks; other NULL: of one score only, the second entries are NaN.  With
 * weights, the placements are weighted and each class's variance is that of a
 * weighted mean.  All NaN where the areas are not defined; false: memory.
 */
extern bool mlops_delong(const float *label, const float *score,
						 const float *other, const float *weight, size_t n,
						 MlopsDelong *out);

/*
 * Wilson's interval of a share p observed on n (possibly effective) rows; NaN
 * for n of 0 or less.
 */
extern void mlops_wilson(double p, double n, double z, double *low,
						 double *high);

/* The standard normal's quantile, to full double; NaN outside (0, 1). */
extern double mlops_normal_quantile(double p);

#endif							/* MLOPS_CURVES_H */
