/*
 * order.c
 *		Rows in the order of one of their values.
 *
 * A least significant digit radix sort of (key, row) pairs, 11 bits at a
 * time, with the histograms of all digits made in one pass.  Few rows are
 * inserted one by one instead.
 */
#include "math/order.h"

#include <stdlib.h>
#include <string.h>

#define DIGIT_BITS 11
#define DIGITS 6
#define BUCKETS (1 << DIGIT_BITS)
#define FEW 64

static uint64_t double_key(double value);
static void insert_all(MlopsOrder *items, size_t n);
static MlopsOrder *sort_all(MlopsOrder *items, MlopsOrder *scratch,
							size_t n);
static void sort_digit(const MlopsOrder *from, MlopsOrder *to, size_t n,
					   int digit, size_t *counts);

MlopsOrder *
mlops_order_rows(const double *values, size_t stride, size_t n,
				 void **memory)
{
	MlopsOrder *items;
	size_t		i;

	*memory = NULL;
	if (n > SIZE_MAX / (2 * sizeof(MlopsOrder)) - 1)
		return NULL;
	*memory = malloc((2 * n + 1) * sizeof(MlopsOrder));
	if (*memory == NULL)
		return NULL;
	items = *memory;
	for (i = 0; i < n; i++)
	{
		items[i].key = double_key(values[i * stride]);
		items[i].row = i;
	}
	if (n > FEW)
		return sort_all(items, items + n, n);
	insert_all(items, n);
	return items;
}

/* Bits whose unsigned order is the order of the values; not for NaN. */
static uint64_t
double_key(double value)
{
	uint64_t	bits;

	value += 0.0;				/* -0 ties with 0 */
	memcpy(&bits, &value, sizeof(bits));
	return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

/* Sort a few rows. */
static void
insert_all(MlopsOrder *items, size_t n)
{
	size_t		i;

	for (i = 1; i < n; i++)
	{
		MlopsOrder	item = items[i];
		size_t		j;

		for (j = i; j > 0 && items[j - 1].key > item.key; j--)
			items[j] = items[j - 1];
		items[j] = item;
	}
}

/* Sort many rows, into one of the two arrays, which is returned. */
static MlopsOrder *
sort_all(MlopsOrder *items, MlopsOrder *scratch, size_t n)
{
	size_t		counts[DIGITS][BUCKETS];
	size_t		i;
	int			d;

	memset(counts, 0, sizeof(counts));
	for (i = 0; i < n; i++)
	{
		for (d = 0; d < DIGITS; d++)
			counts[d][items[i].key >> (d * DIGIT_BITS) & (BUCKETS - 1)]++;
	}
	for (d = 0; d < DIGITS; d++)
	{
		MlopsOrder *swap = items;

		if (counts[d][items[0].key >> (d * DIGIT_BITS) & (BUCKETS - 1)] == n)
			continue;
		sort_digit(items, scratch, n, d, counts[d]);
		items = scratch;
		scratch = swap;
	}
	return items;
}

/* One pass: distribute by a digit; counts become the places. */
static void
sort_digit(const MlopsOrder *from, MlopsOrder *to, size_t n, int digit,
		   size_t *counts)
{
	size_t		place = 0;
	size_t		i;

	for (i = 0; i < BUCKETS; i++)
	{
		size_t		count = counts[i];

		counts[i] = place;
		place += count;
	}
	for (i = 0; i < n; i++)
	{
		uint64_t	bucket = from[i].key >> (digit * DIGIT_BITS) &
			(BUCKETS - 1);

		to[counts[bucket]++] = from[i];
	}
}
