/*
 * association.h
 *		How far one feature alone tells the target.
 *
 * Plain C.  A feature is n floats in which NaN is missing; a missing value is
 * a value of its own here, since that it is missing may tell the target.
 * Classes are whole numbers from 0.  Functions give NaN when memory is out.
 *
 * Where values are put into bins, a bin has at least MLOPS_BIN_ROWS rows, so
 * that a feature which says nothing does not seem to say much.
 */
#ifndef MLOPS_ASSOCIATION_H
#define MLOPS_ASSOCIATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MLOPS_BIN_ROWS	16

/* Two numbers for each row, which the functions overwrite. */
typedef uint64_t MlopsAssociationWork;

#define MLOPS_ASSOCIATION_WORK(n)	(2 * (size_t) (n))

/*
 * Sort a feature: work[0 .. n) holds its rows then, each as the position of
 * the value in the order (equal for equal values, missing last) in the upper
 * half and the row's number in the lower.  n is less than 2^32.
 */
extern void mlops_association_sort(const float *x, size_t n,
								   MlopsAssociationWork *work);

/* Mean ranks from 1 of numbers that are never missing. */
extern void mlops_association_ranks(const float *x, size_t n, double *ranks,
									MlopsAssociationWork *work);

/*
 * The area under the ROC curve, 0.5 to 1, of the better of two scores: the
 * feature itself, in the better direction (unless it is categorical), and
 * the share of class 1 in the bin of a row.  NaN if there is one class only.
 */
extern double mlops_association_binary(const float *x, const float *label,
									   size_t n, bool categorical,
									   MlopsAssociationWork *work);

/*
 * Purity of bins: the share of rows that are of the most frequent class of
 * their bin, scaled so that the share of the most frequent class of all is 0.
 */
extern double mlops_association_classes(const float *x, const float *label,
										size_t n, int n_classes,
										bool categorical,
										MlopsAssociationWork *work);

/*
 * Numbers, whose ranks are given: the larger of |Spearman's coefficient|
 * (not if categorical, or if half of the values or more are missing) and the
 * R2 of the means of bins, adjusted for their number.  NaN if the label is
 * constant.
 */
extern double mlops_association_number(const float *x, const float *label,
									   const double *ranks, size_t n,
									   bool categorical,
									   MlopsAssociationWork *work);

#endif							/* MLOPS_ASSOCIATION_H */
