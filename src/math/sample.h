/*
 * sample.h
 *		Metrics of rows of doubles that need the rows in some order.
 *
 * Plain C.  rows[n x width], row by row; the columns are named below, and a
 * last column, weight, may be left out, which means 1 everywhere.  Nothing may
 * be NaN, and weights must be finite and at least 0; a weight of 0 is a row
 * that does not count.  NaN: not defined on these rows, or out of memory,
 * which only *memory (false) tells apart.
 */
#ifndef MLOPS_SAMPLE_H
#define MLOPS_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * (label, score [, weight]), label over 0.5 is positive: the area under the
 * ROC curve by trapezoids, and average precision, both over distinct scores.
 */
extern double mlops_sample_roc_auc(const double *rows, int width, size_t n,
								   bool *memory);
extern double mlops_sample_pr_auc(const double *rows, int width, size_t n,
								  bool *memory);

/*
 * (relevance >= 0, score [, ...]) of one query: discounted gain of the first k (0: of
 * all) by falling score over the best there could be.  Gain 2^relevance - 1,
 * discount 1 / log2(rank + 1), the gain averaged over rows of equal score.
 * NaN if no relevance is over 0.
 */
extern double mlops_sample_ndcg(const double *rows, int width, size_t n,
								size_t k, bool *memory);

/*
 * (lower, upper, prediction [, weight]): Harrell's concordance.  The event of
 * a row was observed if lower equals upper, else it lies between the two, and
 * upper may be infinite.  A pair is comparable if one's event surely came
 * first: its upper bound is below the other's lower bound, or equal to it and
 * the other's was not observed then.  It is concordant if the first one's
 * prediction is smaller, (greater with reverse); half if equal.  A pair weighs
 * the product of both weights.  O(n log n).  NaN if no pair is comparable.
 */
extern double mlops_sample_concordance(const double *rows, int width,
									   size_t n, bool reverse, bool *memory);

#endif							/* MLOPS_SAMPLE_H */
