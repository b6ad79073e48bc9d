/*
 * slices.h
 *		Slices of rows by the values of some columns.
 */
#ifndef MLOPS_SLICES_H
#define MLOPS_SLICES_H

#include "access/tupdesc.h"
#include "utils/jsonb.h"

/* More slices than this are not what anybody would look at. */
#define MLOPS_MAX_SLICES	1000

typedef struct MlopsSlices MlopsSlices;

/* Slices by these columns; 42701 if one is there twice. */
extern MlopsSlices *mlops_slices_create(TupleDesc columns);

/*
 * The number of the slice that the values belong to, from 0 in the order in
 * which they come.  54000 if there are too many.  Uses the current memory
 * context for what is not kept.
 */
extern unsigned mlops_slices_find(MlopsSlices *slices, const Datum *values,
								  const bool *nulls);

/*
 * The numbers of all slices in the order of their values, column by column as
 * jsonb orders them; how many goes to *n.
 */
extern unsigned *mlops_slices_order(const MlopsSlices *slices, int *n);

/* {"column": value, ...} of a slice. */
extern Jsonb *mlops_slices_name(const MlopsSlices *slices, unsigned slice);

#endif							/* MLOPS_SLICES_H */
