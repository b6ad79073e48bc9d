/*
 * edges.h
 *		Bins of equal width as other tools cut them, and counts within them.
 *
 * Plain C.  Values are finite.  The numbers of bins are those of numpy's
 * rules, which grow with the sample; at most MLOPS_EDGE_BINS here.
 */
#ifndef MLOPS_EDGES_H
#define MLOPS_EDGES_H

#include <stddef.h>

#define MLOPS_EDGE_BINS	120

/* Bins of n values between low and high by Sturges' rule. */
extern int	mlops_bins_sturges(double n, double low, double high);

/* The same by Doane's rule, for values of this skewness. */
extern int	mlops_bins_doane(double n, double low, double high,
							 double skewness);

/* The n_bins + 1 edges; a single value is put into the middle of a bin. */
extern void mlops_edges(double low, double high, int n_bins, double *edges);

/*
 * Count ascending values: bin i holds edges[i] <= x < edges[i + 1], the last
 * one its upper edge, too.  What lies outside goes to *below and *above.
 */
extern void mlops_edges_count(const double *edges, int n_bins,
							  const double *sorted, size_t n,
							  double *counts, double *below, double *above);

#endif							/* MLOPS_EDGES_H */
