/*
 * multivariate.h
 *		Whether two sources differ in how their columns go together.
 *
 * Private to watch/.  Rows are sampled first, then one of two methods says
 * how far the sources are apart, within which bounds that is no drift, and
 * which columns tell them apart.
 */
#ifndef MLOPS_MULTIVARIATE_H
#define MLOPS_MULTIVARIATE_H

#include "data/window.h"
#include "utils/jsonb.h"
#include "watch/figures.h"

/* Rows of a source, a sample of them if there are too many, in its order. */
typedef struct MlopsSide
{
	uint64		seen;			/* rows of the source */
	size_t		n;				/* rows in values */
	float	   *values;			/* [n][layout->n_columns] */
} MlopsSide;

/* Two sources that were read with one layout. */
typedef struct MlopsSides
{
	MlopsWindowLayout *layout;
	int			n_used;
	int		   *used;			/* columns of the layout */
	MlopsSide	reference;
	MlopsSide	current;
	uint64		seed;
} MlopsSides;

/* What the caller may change; NaN: not given. */
typedef struct MlopsSidesOptions
{
	double		min_rows;
	double		low[2];			/* bounds, by method */
	double		high[2];
	double		deviations;		/* of the chunks, PCA */
	double		explained;		/* share of variance, PCA */
} MlopsSidesOptions;

typedef enum MlopsSidesMethod
{
	MLOPS_SIDES_CLASSIFIER,
	MLOPS_SIDES_PCA
} MlopsSidesMethod;

/* What a method says; NaN where it has nothing to say. */
typedef struct MlopsSidesVerdict
{
	MlopsDriftStatus status;
	double		value;
	double		low;			/* bounds of what is no drift */
	double		high;
	double		ci_low;			/* of value, 95 % */
	double		ci_high;
	double	   *share;			/* [n_used] of what tells the sides apart */
} MlopsSidesVerdict;

/*
 * Sample at most so many rows of a source, the same each time for the same
 * rows, in the current memory context.  The columns that it must have are
 * those of the layout.
 */
extern void mlops_side_read(MlopsSide *side, MlopsWindowLayout *layout,
							const char *source, size_t most, uint64 seed);

/*
 * Can trees tell which side a row is of?  value is the area under the ROC
 * curve in rows that the trees were not grown on.  Errors are those of a
 * trainer; 54000 over mlops.max_train_memory.
 */
extern void mlops_sides_classify(const MlopsSides *sides,
								 const MlopsSidesOptions *options,
								 MlopsSidesVerdict *verdict);

/*
 * Do the principal components of the reference describe the other side as
 * well?  value is the mean error.  54000 for too many columns.
 */
extern void mlops_sides_reconstruct(const MlopsSides *sides,
									const MlopsSidesOptions *options,
									MlopsSidesVerdict *verdict);

#endif							/* MLOPS_MULTIVARIATE_H */
