/*
 * tally.h
 *		Rows as a layout has them, kept or counted.
 *
 * A tally of the reference cuts its own bins and sees the rows twice.  That of
 * a window is counted in the bins of the reference, in one pass, and between
 * its quantiles.
 */
#ifndef MLOPS_TALLY_H
#define MLOPS_TALLY_H

#include "data/window.h"
#include "math/ecdf.h"
#include "math/summary.h"
#include "train/slices.h"

/* --- rows in memory ---------------------------------------------------- */

typedef struct MlopsDriftRows
{
	const MlopsWindowLayout *layout;
	MlopsSlices *slices;		/* NULL: no slices */
	TupleDesc	by;				/* the columns that make them */
	uint64		n;
	uint64		room;
	float	   *values;			/* [n][n_columns] */
	unsigned   *slice;			/* [n], NULL without slices */
	MemoryContext context;
	/* of rows that were sorted: slice s is order[starts[s] .. starts[s + 1]) */
	unsigned	n_slices;
	uint64	   *starts;
	uint64	   *order;
} MlopsDriftRows;

/*
 * Read all rows of a source; by lists the columns (char *) that make slices.
 * With like, the slices are those of these rows, and may become more; 42804
 * if a column has another type there.
 */
extern MlopsDriftRows *mlops_drift_rows_read(MlopsWindowLayout *layout,
											 const char *source, List *by,
											 const MlopsDriftRows *like);

/* Find the rows of all slices, once. */
extern void mlops_drift_rows_sort(MlopsDriftRows *rows);

/* Those of a slice, copied; the rows have been sorted. */
extern MlopsDriftRows *mlops_drift_rows_of(const MlopsDriftRows *rows,
										   unsigned slice);

/* The values of a column that are not missing, ascending; *n of them. */
extern double *mlops_drift_sample(const MlopsDriftRows *rows, int column,
								  size_t *n);

/* --- counts ------------------------------------------------------------ */

typedef struct MlopsTally
{
	const MlopsWindowLayout *layout;
	uint64		n;
	const MlopsSummary *numbers;	/* [n_numbers] */
	MlopsKnots *knots;			/* [n_numbers]; NULL of a reference */
	/* per category */
	uint64	  **codes;			/* [n_codes], rows by code */
	int		   *n_codes;
	uint64	   *missing;
	/* private */
	MlopsSummarizer *summarizer;
	MemoryContextCallback guard;
	MemoryContext context;
} MlopsTally;

/*
 * Count rows in memory; reference is NULL for a reference, or has the bins and
 * quantiles of one.  The tally lives in the current memory context.
 */
extern MlopsTally *mlops_tally_rows(const MlopsDriftRows *rows,
									const MlopsSummary *reference);

/* The same of a window's source, which is read once and not kept. */
extern MlopsTally *mlops_tally_source(MlopsWindowLayout *layout,
									  const char *source,
									  const MlopsSummary *reference);

#endif							/* MLOPS_TALLY_H */
