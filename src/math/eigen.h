/*
 * eigen.h
 *		Eigenvalues and eigenvectors of symmetric matrices.
 *
 * Plain C, no allocation.
 */
#ifndef MLOPS_EIGEN_H
#define MLOPS_EIGEN_H

#include <stdbool.h>

/*
 * Of the symmetric a[n x n], n at least 1, which is used up: values[n], the
 * largest first, and the vectors of length 1 that go with them as the rows of
 * vectors[n x n]; their signs mean nothing.  work has room for 3 n numbers.
 * false: something is not finite.
 */
extern bool mlops_eigen_symmetric(int n, double *a, double *values,
								  double *vectors, double *work);

#endif							/* MLOPS_EIGEN_H */
