/*
 * significance.h
 *		Whether two samples may be of one population: Kolmogorov-Smirnov,
 *		chi-square, and many tests at once.
 *
 * Plain C.
 */
#ifndef MLOPS_SIGNIFICANCE_H
#define MLOPS_SIGNIFICANCE_H

#include <stdbool.h>
#include <stddef.h>

/* Up to so many values in both samples the p-value of KS is exact. */
#define MLOPS_KS_EXACT	10000

/*
 * The two-sided p-value of a KS statistic d of samples of n_a and n_b values:
 * exact up to MLOPS_KS_EXACT, else that of one sample of the harmonic size,
 * the same choice that scipy makes.  NaN if a sample is empty; out of memory
 * leaves the second one.
 */
extern double mlops_ks_p_value(double d, size_t n_a, size_t n_b);

/* The same by the size n_a n_b / (n_a + n_b) alone, which is rounded. */
extern double mlops_ks_p_asymptotic(double d, double n_a, double n_b);

/* The chance that a chi-square of dof degrees of freedom is x or more. */
extern double mlops_chi2_p_value(double x, double dof);

/*
 * Chi-square of the 2 x k table of two samples' counts; columns that both
 * lack are left out.  *dof degrees of freedom, 0 if there is nothing to test,
 * and NaN then.  yates: corrected for continuity if *dof is 1.
 */
extern double mlops_chi2_samples(const double *a, const double *b, int k,
								 bool yates, int *dof);

/* Cramer's V of such a table, 0 to 1, from its chi-square and n rows. */
extern double mlops_cramers_v(double chi2, double n);

/*
 * Benjamini and Hochberg: p-values, of which NaN are left out, in place as
 * adjusted ones.  false: out of memory, unchanged.
 */
extern bool mlops_adjust_p_values(double *p, size_t n);

#endif							/* MLOPS_SIGNIFICANCE_H */
