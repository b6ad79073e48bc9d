/*
 * quantile.h
 *		Sorting float arrays, and quantiles of sorted arrays.
 *
 * Plain C.  The sort is a radix sort over the bits, so its time does not
 * depend on the order of the input and a million values take some ten
 * milliseconds.
 */
#ifndef MLOPS_QUANTILE_H
#define MLOPS_QUANTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A sort key with the value that travels with it. */
typedef struct MlopsSortItem
{
	uint32_t	key;			/* see mlops_float_key() */
	float		value;			/* carried along, never looked at */
} MlopsSortItem;

/* What a NaN sorts as: after everything else. */
#define MLOPS_KEY_NAN UINT32_MAX

/*
 * A key whose unsigned order is the order of the floats: -inf first, +inf
 * last, every NaN after that, -0.0 directly before +0.0.
 */
extern uint32_t mlops_float_key(float value);

/* The float of a key; MLOPS_KEY_NAN gives the default quiet NaN. */
extern float mlops_float_of_key(uint32_t key);

/* Sort ascending in place, NaN last; false: out of memory, unchanged. */
extern bool mlops_sort_floats(float *values, size_t n);

/*
 * Sort items by key, stable, using scratch[n]; returns the one of the two
 * arrays that holds the result.
 */
extern MlopsSortItem *mlops_sort_items(MlopsSortItem *items,
									   MlopsSortItem *scratch, size_t n);

/*
 * The q-quantile, 0 <= q <= 1, of n ascending values without NaN: numpy's
 * default, linear between the two nearest ranks; NaN when n is 0 or q is NaN.
 * Between an infinite value and another the nearer of the two is taken.
 */
extern double mlops_quantile(const float *sorted, size_t n, double q);

#endif							/* MLOPS_QUANTILE_H */
