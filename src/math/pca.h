/*
 * pca.h
 *		Principal components, and how badly they describe a row.
 *
 * Plain C, no allocation: the arrays are the caller's.  Columns are put on
 * one scale by their mean and deviation first, as scikit-learn's
 * StandardScaler and PCA do one after the other.
 */
#ifndef MLOPS_PCA_H
#define MLOPS_PCA_H

#include <stdbool.h>
#include <stddef.h>

/* Sums over rows; all 0 at first, and those of some rows can be taken off. */
typedef struct MlopsPcaSums
{
	int			n;				/* columns */
	double		rows;
	double	   *sum;			/* [n] */
	double	   *products;		/* [n x n], the lower triangle */
} MlopsPcaSums;

/*
 * Add rows[count x n] without NaN.  Means far off 0 cost digits, so they
 * should be small beside the deviations.
 */
extern void mlops_pca_add(MlopsPcaSums *sums, const double *rows,
						  size_t count);

/* Take off what was added to part. */
extern void mlops_pca_less(MlopsPcaSums *sums, const MlopsPcaSums *part);

typedef struct MlopsPca
{
	int			n;				/* columns */
	int			k;				/* components that are used */
	double	   *mean;			/* [n] */
	double	   *deviation;		/* [n]; 1 where there is none */
	double	   *values;			/* [n]: variance of each component */
	double	   *components;		/* [n x n]: row i is component i */
} MlopsPca;

/*
 * The components of the columns' correlations, as many of the largest as it
 * takes to explain more than `share` of the variance.  work has room for
 * n x n + 3 n.  false: something is not finite.
 */
extern bool mlops_pca_fit(MlopsPca *pca, const MlopsPcaSums *sums,
						  double share, double *work);

/*
 * What is left of row[n] without the components, on the common scale, goes to
 * rest[n]; its length is returned.  work has room for n.
 */
extern double mlops_pca_error(const MlopsPca *pca, const double *row,
							  double *rest, double *work);

#endif							/* MLOPS_PCA_H */
