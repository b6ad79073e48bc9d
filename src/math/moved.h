/*
 * moved.h
 *		How far the current ones of some numbers are from the others.
 *
 * Plain C.  rows[n x 2]: a flag, over 0.5 for what is current and else part
 * of the reference, and a number that is not NaN.  NaN: one of both is empty,
 * (Wasserstein) a number is infinite, or out of memory, which only *memory
 * (false) tells apart.
 */
#ifndef MLOPS_MOVED_H
#define MLOPS_MOVED_H

#include <stdbool.h>
#include <stddef.h>

/* Population stability index over at most ten bins of the reference. */
extern double mlops_moved_psi(const double *rows, int width, size_t n,
							  bool *memory);

/* The Kolmogorov-Smirnov statistic. */
extern double mlops_moved_ks(const double *rows, int width, size_t n,
							 bool *memory);

/* The Wasserstein distance. */
extern double mlops_moved_wasserstein(const double *rows, int width, size_t n,
									  bool *memory);

#endif							/* MLOPS_MOVED_H */
