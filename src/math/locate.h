/*
 * locate.h
 *		Where many values lie among at most 127 cuts.
 *
 * Plain C, no allocation.  By the widest vectors that the processor has; the
 * places are the same by any.
 */
#ifndef MLOPS_LOCATE_H
#define MLOPS_LOCATE_H

#include <stdbool.h>
#include <stdint.h>

/* Values that are located at once. */
#define MLOPS_LOCATE	256
#define MLOPS_CUTS		127

/* Ascending cuts, ready to be searched. */
typedef struct MlopsCuts
{
	float		heap[MLOPS_CUTS + 1] __attribute__((aligned(64)));
	float		equal[MLOPS_CUTS + 1] __attribute__((aligned(64)));
} MlopsCuts;

/*
 * Cells that a value may be in: 2 i between cuts i - 1 and i, 2 i + 1 at cut i,
 * and MLOPS_NOWHERE for NaN.
 */
#define MLOPS_NOWHERE	(2 * MLOPS_CUTS + 2)
#define MLOPS_CELLS		(MLOPS_NOWHERE + 1)

/*
 * Prepare n ascending cuts: a value over cut[i] lies behind it.  One that is
 * the cut itself is at it with exact[i], else before it.
 */
extern void mlops_cuts_begin(MlopsCuts *cuts, const float *cut,
							 const bool *exact, int n);

/* The cells of x[MLOPS_LOCATE]. */
extern void mlops_locate(const MlopsCuts *cuts, const float *x,
						 uint16_t *cells);

/* The same with vectors of so many values; false: not possible here. */
extern bool mlops_locate_by(int lanes, const MlopsCuts *cuts, const float *x,
							uint16_t *cells);

#endif							/* MLOPS_LOCATE_H */
