/*
 * kernel_portable.c
 *		Evaluation in C for any machine.  A batch has 16 rows in a vector,
 *		which the compiler makes out of what there is.
 *
 * A single row walks through the splits of units, whose two bytes each are in
 * the nearest cache where nodes would not be.
 */
#include "forest/path.h"
#include "forest/ranks.h"

#define KERNEL(name) mlops_portable_##name
#define KERNEL_TARGET

#define INLINE inline __attribute__((always_inline))

/* Nodes of this many bytes stay in the nearest cache. */
#define NEAR_BYTES 24576

/* Trees that are walked at once: as many as a unit holds of any shape. */
#define TOGETHER 8

/* Four floats, and what their compares give. */
typedef float Floats __attribute__((vector_size(16)));
typedef int32_t Counts __attribute__((vector_size(16)));

/*
 * Four floats from memory.
 */
static INLINE Floats
four_floats(const float *from)
{
	Floats		four;

	memcpy(&four, from, sizeof(four));
	return four;
}

/*
 * The rank in a group of one block.
 */
static INLINE unsigned
rank_in_block(const float *block, float feature)
{
	Floats		all = {feature, feature, feature, feature};
	Counts		counts;

	/* Each compare that holds counts -1. */
	counts = (four_floats(block) <= all) + (four_floats(block + 4) <= all) +
		(four_floats(block + 8) <= all) + (four_floats(block + 12) <= all);
	return -(unsigned) (counts[0] + counts[1] + counts[2] + counts[3]);
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

/*
 * Is one of n features NaN?
 */
static INLINE bool
any_missing(const float *row, uint32_t n)
{
	Counts		some = {0};
	unsigned	missing = 0;
	uint32_t	i;

	for (i = 0; i + 4 <= n; i += 4)
	{
		Floats		four = four_floats(row + i);

		some |= four != four;
	}
	for (; i < n; i++)
		missing |= missing_bits(row[i]);
	return (missing | some[0] | some[1] | some[2] | some[3]) != 0;
}

#define LANES 16
#define KERNEL_PARTS 2
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

/* Every way plus n. */
static INLINE Lanes
lanes_add(Lanes ways, int n)
{
	return ways + (int8_t) n;
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

/*
 * The ranks of all groups of a row, biased, and those with missing lowest.
 */
static void
rank_groups(const MlopsForest *forest, const float *row, int8_t *ranks,
			int8_t *lowest)
{
	const MlopsGroup *groups = mlops_forest_section(forest,
													MLOPS_SECTION_GROUPS);
	const char *cuts = mlops_forest_section(forest, MLOPS_SECTION_CUTS);
	uint32_t	n_groups = mlops_group_count(forest);
	uint32_t	i;

	for (i = 0; i < n_groups; i++)
	{
		float		feature = row[groups[i].feature];
		const float *block = (const float *) (cuts + groups[i].start);
		unsigned	missing = missing_bits(feature);
		unsigned	rank = groups[i].blocks > 1 ?
			rank_in_blocks(block, feature) : rank_in_block(block, feature);

		ranks[i] = (int8_t) ((rank | missing) ^ MLOPS_RANK_BIAS);
		lowest[i] = (int8_t) ((rank & ~missing) ^ MLOPS_RANK_BIAS);
	}
}

/*
 * 1 if a row goes right at a split of a unit, else 0.
 */
static INLINE uint32_t
goes_right(const MlopsUnit *unit, uint32_t split, const int8_t *lanes)
{
	return is_above(lanes[unit->table[split]], (int8_t) unit->bound[split]);
}

/*
 * The ways through so many trees of a chunk, the first of which begins a
 * unit.  They go down together, so that their loads overlap.
 */
static INLINE void
find_ways(const MlopsUnit *unit, const int8_t *lanes, uint32_t *ways,
		  const int count, const int shape)
{
	const int	trees = MLOPS_SHAPE_TREES(shape);
	const int	width = MLOPS_SHAPE_WIDTH(shape);
	const int	top = MLOPS_SHAPE_LEVELS(shape) - 3;
	uint32_t	below[TOGETHER];
	int			level;
	int			k;

#pragma GCC unroll 8
	for (k = 0; k < count; k++)
		ways[k] = below[k] = 0;
#pragma GCC unroll 3
	for (level = 0; level < top; level++)
	{
#pragma GCC unroll 8
		for (k = 0; k < count; k++)
			ways[k] = 2 * ways[k] +
				goes_right(&unit[k / trees], k % trees * width +
						   (1u << level) - 1 + ways[k], lanes);
	}
#pragma GCC unroll 3
	for (level = 0; level < 3; level++)
	{
#pragma GCC unroll 8
		for (k = 0; k < count; k++)
			below[k] = 2 * below[k] +
				goes_right(&unit[k / trees], k % trees * width +
						   (1u << top) - 1 + 7 * ways[k] +
						   (1u << level) - 1 + below[k], lanes);
	}
#pragma GCC unroll 8
	for (k = 0; k < count; k++)
		ways[k] = 8 * ways[k] + below[k];
}

/*
 * The leaf that a way through a tree leads to; shape is a constant.
 */
static INLINE float
leaf_of(const MlopsForest *forest, const MlopsTree *tree, const float *row,
		const int8_t *lanes, const char *outcomes, uint32_t way,
		const int shape)
{
	if (shape == MLOPS_SHAPE_RECORDS)
		return record_leaf((const MlopsRecord *) outcomes + way,
						   lanes);
	if (shape == MLOPS_SHAPE_NODES)
		return walk_nodes(forest, tree, ((const uint32_t *) outcomes)[way],
						  row);
	return ((const float *) outcomes)[way];
}

/*
 * Add the leaves of a chunk's trees; shape is a constant.
 */
static INLINE void
add_trees(const MlopsForest *forest, const MlopsChunk *chunk,
		  const float *row, const int8_t *lanes, float *output,
		  const int shape)
{
	const MlopsTree *tree = (const MlopsTree *)
		mlops_forest_section(forest, MLOPS_SECTION_TREES) + chunk->first_tree;
	const MlopsUnit *unit = mlops_line(forest, chunk->units);
	const char *outcomes = mlops_line(forest, chunk->outcomes);
	const int	trees = MLOPS_SHAPE_TREES(shape);
	const size_t size = shape == MLOPS_SHAPE_RECORDS ?
		MLOPS_TREE_RECORDS * sizeof(MlopsRecord) :
		MLOPS_SHAPE_WIDTH(shape) * sizeof(float);
	uint32_t	left = chunk->n_trees;
	uint32_t	count;
	uint32_t	k;

	for (; left > 0; left -= count, unit += TOGETHER / trees)
	{
		uint32_t	ways[TOGETHER];

		count = left < TOGETHER ? left : TOGETHER;
		if (count == TOGETHER)
			find_ways(unit, lanes, ways, TOGETHER, shape);
		else
		{
			for (k = 0; k < count; k += trees)
				find_ways(unit + k / trees, lanes, ways + k, trees, shape);
		}
		for (k = 0; shape == MLOPS_SHAPE_RECORDS && k < count; k++)
			ask_for((const MlopsRecord *) (outcomes + k * size) +
					ways[k]);
		for (k = 0; k < count; k++, tree++, outcomes += size)
			output[tree->output] += leaf_of(forest, tree, row, lanes,
											outcomes, ways[k], shape);
	}
}

/*
 * Add the leaves of a chunk's trees.
 */
static void
add_chunk(const MlopsForest *forest, const MlopsChunk *chunk,
		  const float *row, const int8_t *lanes, float *output)
{
#define ADD_SHAPE(shape) \
	case shape: \
		add_trees(forest, chunk, row, lanes, output, shape); \
		break

	switch (chunk->shape)
	{
			ADD_SHAPE(MLOPS_SHAPE_THREE);
			ADD_SHAPE(MLOPS_SHAPE_FOUR);
			ADD_SHAPE(MLOPS_SHAPE_FIVE);
			ADD_SHAPE(MLOPS_SHAPE_SIX);
			ADD_SHAPE(MLOPS_SHAPE_RECORDS);
			ADD_SHAPE(MLOPS_SHAPE_NODES);
		default:
			mlops_walk_trees(forest, chunk->first_tree, chunk->n_trees, row,
							 output);
	}
#undef ADD_SHAPE
}

/*
 * Add the leaves of all trees to the outputs of a row.  Lanes come twice, so
 * that bit 7 of a unit's table does not matter.
 */
void
mlops_portable_row(const MlopsForest *forest, const float *row, float *output)
{
	int8_t		ranks[2][MLOPS_MAX_GROUPS];
	int8_t		lanes[4][MLOPS_CHUNK_SLOTS] = {{0}};
	const uint16_t *maps = mlops_forest_section(forest, MLOPS_SECTION_MAPS);
	bool		shared = mlops_group_count(forest) <= MLOPS_CHUNK_SLOTS;
	uint32_t	map = UINT32_MAX;
	uint32_t	n_chunks;
	const MlopsChunk *chunk = mlops_chunks(forest, &n_chunks);
	uint32_t	i;

	if (forest->sections[MLOPS_SECTION_NODES].length <= NEAR_BYTES)
	{
		mlops_walk_forest(forest, row, output);
		return;
	}
	if (shared)
	{
		rank_groups(forest, row, lanes[0], lanes[1]);
		memcpy(lanes[2], lanes[0], sizeof(lanes) / 2);
	}
	else
		rank_groups(forest, row, ranks[0], ranks[1]);
	for (; n_chunks > 0; n_chunks--, chunk++)
	{
		if (!shared && chunk->map != map)
		{
			map = chunk->map;
			for (i = 0; i < MLOPS_CHUNK_SLOTS; i++)
			{
				uint16_t	group = maps[map * MLOPS_CHUNK_SLOTS + i];

				lanes[0][i] = ranks[0][group];
				lanes[1][i] = ranks[1][group];
			}
			memcpy(lanes[2], lanes[0], sizeof(lanes) / 2);
		}
		add_chunk(forest, chunk, row, lanes[0], output);
	}
}
