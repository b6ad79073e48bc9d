/*
 * order.h
 *		Rows in the order of one of their values.
 *
 * Plain C.  A radix sort over the bits of doubles: stable, and its time does
 * not depend on the order of the input.  Digits that all rows share, such as
 * the low bits of floats that were widened, cost nothing.
 */
#ifndef MLOPS_ORDER_H
#define MLOPS_ORDER_H

#include <stddef.h>
#include <stdint.h>

typedef struct MlopsOrder
{
	uint64_t	key;			/* equal for equal values, -0 and 0 too */
	size_t		row;
} MlopsOrder;

/*
 * The rows of n values that are not NaN, values[i * stride], in ascending
 * order; NULL: out of memory (never for n of 0).  *memory is to be freed by
 * the caller with free(), also when NULL is returned.
 */
extern MlopsOrder *mlops_order_rows(const double *values, size_t stride,
									size_t n, void **memory);

#endif							/* MLOPS_ORDER_H */
