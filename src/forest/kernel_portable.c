/*
 * kernel_portable.c
 *		Evaluation of batches in C for any machine: 16 rows in a vector, which
 *		the compiler makes out of what there is.
 */
#include "forest/path.h"
#include "forest/ranks.h"

#define KERNEL(name) mlops_portable_##name
#define KERNEL_TARGET

#define INLINE inline __attribute__((always_inline))

/*
 * The rank in a group of one block.
 */
static INLINE unsigned
rank_in_block(const float *block, float feature)
{
	int			count = 0;
	int			i;

	for (i = 0; i < MLOPS_CUT_BLOCK; i++)
		count += block[i] <= feature;
	return count;
}

/*
 * The rank in a group of more than one block.
 */
static INLINE unsigned
rank_in_blocks(const float *block, float feature)
{
	unsigned	count = rank_in_block(block, feature) * MLOPS_CUT_BLOCK;

	return count + rank_in_block(block + MLOPS_CUT_BLOCK + count, feature);
}

/*
 * All bits for NaN, none else.
 */
static INLINE unsigned
missing_bits(float feature)
{
	return -(unsigned) (feature != feature);
}

#define LANES 16
typedef int8_t Lanes __attribute__((vector_size(LANES)));
typedef Lanes Mask;

/* Which of these ranks are below a limit, and go left? */
static INLINE Mask
lanes_compare(const uint8_t *ranks, uint8_t limit)
{
	Lanes		all = {0};

	memcpy(&all, ranks, sizeof(all));
	return all < (int8_t) limit;
}

/* Way n + 1, or n where the mask is set. */
static INLINE Lanes
lanes_way(Mask mask, int n)
{
	return mask + (int8_t) (n + 1);
}

/* The left where the mask is set, else the right. */
static INLINE Lanes
lanes_choose(Mask mask, Lanes left, Lanes right)
{
	return (left & mask) | (right & ~mask);
}

/* Write the bytes of a vector. */
static INLINE void
lanes_store(uint8_t *to, Lanes from)
{
	memcpy(to, &from, sizeof(from));
}

/*
 * Add the leaf of each row's way to its sum.
 */
static INLINE void
add_ways(const float *leaves, const uint8_t *ways, uint32_t n, float *sums,
		 MlopsShape shape)
{
	uint32_t	i;

	for (i = 0; i < n; i++)
		sums[i] += leaves[ways[i]];
}

#include "forest/kernel_batch.h"
