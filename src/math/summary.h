/*
 * summary.h
 *		Statistics of many float32 columns at once: the drift baseline.
 *
 * Plain C.  The rows come in blocks, row by row (row-major), and twice: the
 * first pass takes moments, extremes and a sample, from which the bin edges
 * follow; the second counts the bins.
 *
 *		s = mlops_summary_begin(n_columns);
 *		mlops_summary_add(s, block, ...);		for each block
 *		mlops_summary_edges(s);
 *		mlops_summary_count(s, block, ...);		for each block again
 *		columns = mlops_summary_columns(s);
 *		mlops_summary_free(s);
 *
 * mlops_summary_begin_window() starts at the second pass with the edges of an
 * earlier summary, to hold new rows against it.  The state is malloc()ed:
 * callers that may be left by an error free it in a reset callback.
 */
#ifndef MLOPS_SUMMARY_H
#define MLOPS_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Up to so many values of a column its quantiles are exact; above it they are
 * those of a sample of at least half as many, spread evenly over the rows, the
 * same for the same values in the same order.  The rank of a quantile is then
 * off by more than 0.0105 with a probability under one in a million
 * (Dvoretzky, Kiefer and Wolfowitz: 2 exp(-2 m e^2) with m = 65,536), and by
 * 0.002 typically.  With so many columns that the samples would need more
 * than MLOPS_SUMMARY_MEMORY bytes, the number is halved until they do not
 * (but not under 4,096), and the error grows with the root.
 */
#define MLOPS_SUMMARY_SAMPLE 131072
#define MLOPS_SUMMARY_MEMORY ((size_t) 128 * 1024 * 1024)

#define MLOPS_SUMMARY_QUANTILES 101
#define MLOPS_SUMMARY_BINS 10
#define MLOPS_SUMMARY_WIDTH_BINS 20
#define MLOPS_SUMMARY_ROWS 256

typedef struct MlopsSummary
{
	/* exact, from the first pass */
	uint64_t	n;				/* rows, missing ones included */
	uint64_t	n_missing;		/* of them NaN */
	uint64_t	n_infinite;		/* of them infinite */
	double		min;			/* of what is not missing, else NaN */
	double		max;
	double		mean;			/* of the finite values, else NaN */
	double		stddev;			/* of the population */
	double		skewness;		/* of the population, NaN if constant */

	/* quantile[i] at i/100, NaN if all are missing; exact at 0 and 100 */
	double		quantile[MLOPS_SUMMARY_QUANTILES];
	bool		sampled;		/* quantiles and edges are of a sample */

	/*
	 * Quantile bins.  Bin b holds edge[b - 1] < x <= edge[b], the first and
	 * the last bin are open.  No edge repeats and none lies at the maximum.
	 * n_bins is 1 to 10, there are n_bins - 1 edges.
	 */
	int			n_bins;
	double		edge[MLOPS_SUMMARY_BINS - 1];
	uint64_t	bin_count[MLOPS_SUMMARY_BINS];
	uint64_t	bin_missing;	/* NaN, as the second pass saw them */

	/*
	 * Bins of equal width between the least and the greatest finite value,
	 * both included; all but the last leave out their upper end.  A constant
	 * falls into the last one.  NaN: no finite value, nothing counted.
	 */
	double		width_low;
	double		width_high;
	uint64_t	width_count[MLOPS_SUMMARY_WIDTH_BINS];
	uint64_t	width_below;	/* under width_low: -inf, or a window's */
	uint64_t	width_above;	/* over width_high */
} MlopsSummary;

typedef struct MlopsSummarizer MlopsSummarizer;

/* Begin the first pass over n_columns >= 1; NULL: out of memory. */
extern MlopsSummarizer *mlops_summary_begin(int n_columns);

/*
 * Begin at the second pass with the edges of reference[n_columns] (copied);
 * n and n_missing are then counted in the second pass, and what else the
 * first pass gives is NaN or 0.  NULL: out of memory.
 */
extern MlopsSummarizer *
mlops_summary_begin_window(const MlopsSummary *reference, int n_columns);

/*
 * First pass: take rows, column c of row r at block[r * stride + c].  With
 * role not NULL only rows with role[r] == wanted.  false: out of memory, and
 * the state is only good for mlops_summary_free().
 */
extern bool mlops_summary_add(MlopsSummarizer *s, const float *block,
							  size_t stride, size_t rows,
							  const uint8_t *role, uint8_t wanted);

/* End the first pass: everything but the counts is there.  false: memory. */
extern bool mlops_summary_edges(MlopsSummarizer *s);

/* Second pass: count a block of rows into the bins. */
extern void mlops_summary_count(MlopsSummarizer *s, const float *block,
								size_t stride, size_t rows,
								const uint8_t *role, uint8_t wanted);

/*
 * The same of one column, MLOPS_SUMMARY_ROWS at once: x[MLOPS_SUMMARY_ROWS]
 * has NaN behind the first `rows`, and is at a multiple of 64 bytes.  What was
 * counted so shows after a call of mlops_summary_count(), if of no row.
 */
extern void mlops_summary_count_column(MlopsSummarizer *s, int column,
									   const float *x, size_t rows);

/* The summaries of all columns; they live until mlops_summary_free(). */
extern const MlopsSummary *mlops_summary_columns(const MlopsSummarizer *s);

/* Release all of it; NULL is allowed. */
extern void mlops_summary_free(MlopsSummarizer *s);

#endif							/* MLOPS_SUMMARY_H */
