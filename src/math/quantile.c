/*
 * quantile.c
 *		Radix sort of floats, and quantiles of sorted arrays.
 *
 * A float's bits, with the sign bit turned for positive numbers and all bits
 * for negative ones, order as unsigned integers do.  Three passes of eleven
 * bits over (key, value) pairs sort them; a pass whose digit is the same for
 * all is skipped.
 */
#include "math/quantile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RADIX_BITS	11
#define RADIX_SIZE	(1 << RADIX_BITS)
#define RADIX_MASK	(RADIX_SIZE - 1)
#define RADIX_PASSES 3

/* Up to so many, moving one by one is quicker than three passes. */
#define INSERTION_LIMIT 48

static void insertion_sort(MlopsSortItem *items, size_t n);
static void scatter(const MlopsSortItem *from, MlopsSortItem *to, size_t n,
					int shift, const size_t *count);

uint32_t
mlops_float_key(float value)
{
	uint32_t	bits;

	if (isnan(value))
		return MLOPS_KEY_NAN;
	memcpy(&bits, &value, sizeof(bits));
	return bits & 0x80000000 ? ~bits : bits | 0x80000000;
}

float
mlops_float_of_key(uint32_t key)
{
	uint32_t	bits = key & 0x80000000 ? key & 0x7fffffff : ~key;
	float		value;

	if (key == MLOPS_KEY_NAN)
		bits = 0x7fc00000;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

bool
mlops_sort_floats(float *values, size_t n)
{
	MlopsSortItem *items;
	MlopsSortItem *sorted;
	size_t		i;

	if (n < 2)
		return true;
	if (n > SIZE_MAX / (2 * sizeof(MlopsSortItem)))
		return false;
	items = malloc(2 * n * sizeof(MlopsSortItem));
	if (items == NULL)
		return false;

	for (i = 0; i < n; i++)
	{
		items[i].key = mlops_float_key(values[i]);
		items[i].value = 0;
	}
	sorted = mlops_sort_items(items, items + n, n);
	for (i = 0; i < n; i++)
		values[i] = mlops_float_of_key(sorted[i].key);
	free(items);
	return true;
}

MlopsSortItem *
mlops_sort_items(MlopsSortItem *items, MlopsSortItem *scratch, size_t n)
{
	size_t		count[RADIX_PASSES][RADIX_SIZE];
	size_t		i;
	int			pass;

	if (n <= INSERTION_LIMIT)
	{
		insertion_sort(items, n);
		return items;
	}

	memset(count, 0, sizeof(count));
	for (i = 0; i < n; i++)
	{
		uint32_t	key = items[i].key;

		count[0][key & RADIX_MASK]++;
		count[1][key >> RADIX_BITS & RADIX_MASK]++;
		count[2][key >> (2 * RADIX_BITS)]++;
	}

	for (pass = 0; pass < RADIX_PASSES; pass++)
	{
		int			shift = pass * RADIX_BITS;
		MlopsSortItem *swap = items;

		if (count[pass][items[0].key >> shift & RADIX_MASK] == n)
			continue;
		scatter(items, scratch, n, shift, count[pass]);
		items = scratch;
		scratch = swap;
	}
	return items;
}

double
mlops_quantile(const float *sorted, size_t n, double q)
{
	double		rank;
	double		part;
	double		low;
	double		high;
	size_t		i;

	if (n == 0 || isnan(q))
		return NAN;
	if (q <= 0 || n == 1)
		return sorted[0];
	if (q >= 1)
		return sorted[n - 1];

	rank = q * (double) (n - 1);
	i = (size_t) rank;
	if (i >= n - 1)
		return sorted[n - 1];
	part = rank - (double) i;
	low = sorted[i];
	high = sorted[i + 1];
	if (low == high || !isfinite(low) || !isfinite(high))
		return part < 0.5 ? low : high;

	/* from the nearer end, as numpy does, so that rounding is the same */
	if (part < 0.5)
		return low + (high - low) * part;
	return high - (high - low) * (1 - part);
}

/* Sort a short array in place, stable. */
static void
insertion_sort(MlopsSortItem *items, size_t n)
{
	size_t		i;

	for (i = 1; i < n; i++)
	{
		MlopsSortItem item = items[i];
		size_t		j = i;

		for (; j > 0 && items[j - 1].key > item.key; j--)
			items[j] = items[j - 1];
		items[j] = item;
	}
}

/* One pass: from[n] to to[n], ordered by the digit at shift, stable. */
static void
scatter(const MlopsSortItem *from, MlopsSortItem *to, size_t n, int shift,
		const size_t *count)
{
	size_t		start[RADIX_SIZE];
	size_t		total = 0;
	size_t		i;
	int			digit;

	for (digit = 0; digit < RADIX_SIZE; digit++)
	{
		start[digit] = total;
		total += count[digit];
	}
	for (i = 0; i < n; i++)
		to[start[from[i].key >> shift & RADIX_MASK]++] = from[i];
}
