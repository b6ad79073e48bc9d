/*
 * kernel.h
 *		Evaluation of the layout of ranks.h, for any instruction set.
 *
 * Included once by each kernel_*.c, which defines before
 *		KERNEL(name)		the name of a function of this instruction set
 *		KERNEL_TARGET		the attribute that allows its instructions
 *		rank_in_block()		how many of 16 cuts are not above a feature
 *		rank_in_blocks()	the same of a group of more
 *		missing_bits()		all bits set for NaN, none for others
 *		Lanes, Mask			bytes of LANES rows, and what a compare gives
 *		lanes_load(), lanes_store(), lanes_above(), lanes_way(),
 *		lanes_choose()
 *		add_ways()			add leaves to the sums of some rows
 * and with KERNEL_ROW also
 *		Table				the ranks of 64 slots in registers
 *		table_load(), table_compare()
 *
 * A row goes through all trees: a unit's bytes of slots are looked up in the
 * table, and one compare decides all of its splits.  In a batch, a tree goes
 * through all rows: one compare decides one split for LANES rows, and the
 * ways through the tree are chosen from the leaves up.  Either way no branch
 * depends on the data.
 */
#include <string.h>

#include "forest/path.h"
#include "forest/ranks.h"

#define KERNEL_INLINE KERNEL_TARGET static inline __attribute__((always_inline))

/*
 * The rank of a feature in its lowest byte, 255 for NaN.
 */
KERNEL_INLINE unsigned
rank_of(const MlopsGroup *group, const char *cuts, float feature)
{
	const float *block = (const float *) (cuts + group->start);

	return missing_bits(feature) |
		(group->blocks > 1 ? rank_in_blocks(block, feature) :
		 rank_in_block(block, feature));
}

/*
 * 1 if a rank is above a bound, else 0.  As a compare it might become a
 * branch, and what is chosen cannot be guessed.
 */
KERNEL_INLINE uint32_t
is_above(int8_t rank, int8_t bound)
{
	return (uint32_t) (bound - rank) >> 31;
}

/*
 * The value of the leaf that a walk over nodes from one of them ends in.
 * Leaves are no splits of a feature, so their slot is not read.
 */
KERNEL_INLINE float
walk_nodes(const MlopsForest *forest, const MlopsTree *tree, uint32_t at,
		   const float *row)
{
	const MlopsNode *nodes = mlops_forest_section(forest,
												  MLOPS_SECTION_NODES);
	uint32_t	steps;

	if (!tree->straight)
	{
		while (nodes[at].left != at)
			at = nodes[at].left +
				mlops_node_goes_right(forest, nodes[at].slot,
									  nodes[at].value, row);
		return nodes[at].value;
	}
	for (steps = tree->depth; steps > 6; steps--)
	{
		const MlopsNode *node = &nodes[at];
		uint32_t	feature = node->slot / 2;
		uint32_t	inner = node->left != at;
		float		value = row[inner ? feature : 0];
		uint32_t	right = (value >= node->value) |
			((value != value) & node->slot);

		at = node->left + (right & inner);
	}
	return nodes[at].value;
}

#ifdef KERNEL_ROW

/* Ways through the three splits of bits 0 .. 2, then 1 .. 3, then ... */
#define BIT(k, n) ((k) >> (n) & 1)
#define TWO(k) (2 * BIT(k, 0) + BIT(k, 1 + BIT(k, 0)))
#define THREE(k) (2 * TWO(k) + BIT(k, 3 + TWO(k)))
#define TIMES_2(f, k) f(k), f((k) + 1)
#define TIMES_8(f, k) TIMES_2(f, k), TIMES_2(f, (k) + 2), \
	TIMES_2(f, (k) + 4), TIMES_2(f, (k) + 6)
#define TIMES_32(f, k) TIMES_8(f, k), TIMES_8(f, (k) + 8), \
	TIMES_8(f, (k) + 16), TIMES_8(f, (k) + 24)
#define TIMES_128(f) TIMES_32(f, 0), TIMES_32(f, 32), TIMES_32(f, 64), \
	TIMES_32(f, 96)
#define THREE_BY_8(k) (8 * THREE(k))
#define THREE_START(k) (7 + 7 * THREE(k))

static const uint8_t three[128] = {TIMES_128(THREE)};
static const uint8_t three_by_8[128] = {TIMES_128(THREE_BY_8)};
static const uint8_t three_start[128] = {TIMES_128(THREE_START)};
static const uint8_t two[8] = {TIMES_8(TWO, 0)};

/* Trees whose records are asked for at once. */
#define AHEAD 16

/* A row while it is evaluated. */
typedef struct RowState
{
	const MlopsForest *forest;
	const float *row;
	Table		table;
	const int8_t *lanes;		/* biased ranks, then these plus 1 */
} RowState;

/*
 * The way through a tree of this shape, whose compares are the lowest bits.
 */
KERNEL_INLINE unsigned
way_of(uint64_t right, const int shape)
{
	unsigned	top;

	if (shape == MLOPS_SHAPE_THREE)
		return three[right & 127];
	if (shape == MLOPS_SHAPE_FOUR)
	{
		top = right & 1;
		return 8 * top + three[(right >> (1 + 7 * top)) & 127];
	}
	if (shape == MLOPS_SHAPE_FIVE)
	{
		top = two[right & 7];
		return 8 * top + three[(right >> (3 + 7 * top)) & 127];
	}
	top = right & 127;
	return three_by_8[top] + three[(right >> three_start[top]) & 127];
}

/*
 * The leaf below two records.
 */
KERNEL_INLINE float
record_leaf(const MlopsRecord *record, const int8_t *lanes)
{
	record += is_above(lanes[record->above.lane], record->above.bound);
	return record->leaf[is_above(lanes[record->split.lane],
								 record->split.bound)];
}

/*
 * Add the leaves of a chunk's trees.  shape, tables and single are constants:
 * each use is a loop of its own.
 */
KERNEL_INLINE void
add_chunk(const RowState *state, const MlopsChunk *chunk, float *output,
		  const int shape, const int tables, const bool single)
{
	const MlopsForest *forest = state->forest;
	const MlopsTree *tree = (const MlopsTree *)
		mlops_forest_section(forest, MLOPS_SECTION_TREES) + chunk->first_tree;
	const MlopsUnit *unit = mlops_line(forest, chunk->units);
	const char *outcomes = mlops_line(forest, chunk->outcomes);
	const int	trees = MLOPS_SHAPE_TREES(shape);
	const int	width = MLOPS_SHAPE_WIDTH(shape);
	uint32_t	left = chunk->n_trees;
	float		sum = output[0];

	for (; left > 0; unit++)
	{
		uint64_t	right = table_compare(&state->table, unit, tables);
		uint32_t	count = left < trees ? left : trees;
		uint32_t	k;

		for (k = 0; k < count; k++, tree++)
		{
			unsigned	way = way_of(right, shape);
			float		leaf;

			if (shape == MLOPS_SHAPE_NODES)
				leaf = walk_nodes(forest, tree,
								  ((const uint32_t *) outcomes)[way],
								  state->row);
			else
				leaf = ((const float *) outcomes)[way];
			if (single)
				sum += leaf;
			else
				output[tree->output] += leaf;
			if (trees > 1)
				right >>= width & 63;
			outcomes += width * sizeof(float);
		}
		left -= count;
	}
	if (single)
		output[0] = sum;
}

/*
 * The same for trees with records.  These are spread over more memory than
 * a cache holds, so they are asked for some trees before they are used.
 */
KERNEL_INLINE void
add_chunk_records(const RowState *state, const MlopsChunk *chunk,
				  float *output, const int tables, const bool single)
{
	const MlopsForest *forest = state->forest;
	const MlopsTree *tree = (const MlopsTree *)
		mlops_forest_section(forest, MLOPS_SECTION_TREES) + chunk->first_tree;
	const MlopsUnit *unit = mlops_line(forest, chunk->units);
	const MlopsRecord *records = mlops_line(forest, chunk->outcomes);
	uint32_t	left = chunk->n_trees;
	float		sum = output[0];

	while (left > 0)
	{
		const MlopsRecord *ahead[AHEAD];
		uint32_t	count = left < AHEAD ? left : AHEAD;
		uint32_t	k;

		for (k = 0; k < count; k++, unit++, records += MLOPS_UNIT_RECORDS)
		{
			uint64_t	right = table_compare(&state->table, unit, tables);

			ahead[k] = records + 2 * way_of(right, MLOPS_SHAPE_RECORDS);
			__builtin_prefetch(ahead[k]);
			__builtin_prefetch((const char *) (ahead[k] + 2) - 1);
		}
		for (k = 0; k < count; k++, tree++)
		{
			float		leaf = record_leaf(ahead[k], state->lanes);

			if (single)
				sum += leaf;
			else
				output[tree->output] += leaf;
		}
		left -= count;
	}
	if (single)
		output[0] = sum;
}

/*
 * Add the leaves of a chunk whose table takes this many parts.
 */
KERNEL_INLINE void
add_shape(const RowState *state, const MlopsChunk *chunk, float *output,
		  const int tables)
{
	bool		single = state->forest->n_outputs == 1;

#define ADD_SHAPE(shape) \
	case shape: \
		if (single) \
			add_chunk(state, chunk, output, shape, tables, true); \
		else \
			add_chunk(state, chunk, output, shape, tables, false); \
		break

	switch (chunk->shape)
	{
			ADD_SHAPE(MLOPS_SHAPE_THREE);
			ADD_SHAPE(MLOPS_SHAPE_FOUR);
			ADD_SHAPE(MLOPS_SHAPE_FIVE);
			ADD_SHAPE(MLOPS_SHAPE_SIX);
			ADD_SHAPE(MLOPS_SHAPE_NODES);
		case MLOPS_SHAPE_RECORDS:
			if (single)
				add_chunk_records(state, chunk, output, tables, true);
			else
				add_chunk_records(state, chunk, output, tables, false);
			break;
	}
#undef ADD_SHAPE
}

/*
 * The ranks of all groups of a row, eight in a word.
 */
KERNEL_INLINE void
rank_row(const MlopsForest *forest, const float *row, uint64_t *words)
{
	const MlopsGroup *groups = mlops_forest_section(forest,
													MLOPS_SECTION_GROUPS);
	const char *cuts = mlops_forest_section(forest, MLOPS_SECTION_CUTS);
	uint32_t	left = mlops_group_count(forest);
	uint64_t	word;
	uint32_t	k;

	for (; left >= 8; left -= 8)
	{
		word = 0;
#pragma GCC unroll 8
		for (k = 0; k < 8; k++, groups++)
			word = word >> 8 |
				(uint64_t) rank_of(groups, cuts, row[groups->feature]) << 56;
		*words++ = word;
	}
	word = 0;
	for (k = 0; k < left; k++, groups++)
		word |= (uint64_t) (rank_of(groups, cuts, row[groups->feature]) &
							0xFF) << 8 * k;
	if (left > 0)
		*words = word;
}

/*
 * Bring the ranks of a chunk's slots together.
 */
KERNEL_INLINE void
gather_slots(const MlopsForest *forest, const MlopsChunk *chunk,
			 const uint64_t *words, uint64_t *slots)
{
	const uint16_t *map = (const uint16_t *)
		mlops_forest_section(forest, MLOPS_SECTION_MAPS) +
		(size_t) chunk->map * MLOPS_CHUNK_SLOTS;
	const uint8_t *ranks = (const uint8_t *) words;
	uint32_t	i;
	uint32_t	k;

	for (i = 0; i < MLOPS_CHUNK_SLOTS; i += 8)
	{
		uint64_t	word = 0;

		for (k = 0; k < 8; k++)
			word |= (uint64_t) ranks[map[i + k]] << 8 * k;
		slots[i / 8] = word;
	}
}

/*
 * Biased ranks, and these plus 1, for the lanes of records.
 */
KERNEL_INLINE void
fill_lanes(const uint64_t *slots, uint64_t *lanes)
{
	const uint64_t high = UINT64_C(0x8080808080808080);
	const uint64_t ones = UINT64_C(0x0101010101010101);
	int			i;

	for (i = 0; i < 8; i++)
	{
		uint64_t	rank = slots[i] ^ high;

		lanes[i] = rank;
		/* Add to each byte without carry into the next. */
		lanes[8 + i] = ((rank & ~high) + ones) ^ (rank & high);
	}
}

/*
 * Add the leaves of all trees to the outputs of a row.
 */
KERNEL_TARGET void
KERNEL(row) (const MlopsForest *forest, const float *row, float *output)
{
	/* In the byte order of words, byte k of slots is slot k. */
	uint64_t	words[MLOPS_MAX_GROUPS / 8];
	uint64_t	slots[8] = {0};
	uint64_t	lanes[16];
	uint32_t	n_chunks;
	const MlopsChunk *chunk = mlops_chunks(forest, &n_chunks);
	bool		shared = mlops_group_count(forest) <= MLOPS_CHUNK_SLOTS;
	uint32_t	map = UINT32_MAX;
	RowState	state;

	state.forest = forest;
	state.row = row;
	state.lanes = (const int8_t *) lanes;
	rank_row(forest, row, shared ? slots : words);
	table_load(&state.table, slots);
	if (shared && forest->max_depth > 6)
		fill_lanes(slots, lanes);
	for (; n_chunks > 0; n_chunks--, chunk++)
	{
		if (chunk->shape == MLOPS_SHAPE_PLAIN)
		{
			mlops_walk_trees(forest, chunk->first_tree, chunk->n_trees, row,
							 output);
			continue;
		}
		if (!shared && chunk->map != map)
		{
			map = chunk->map;
			gather_slots(forest, chunk, words, slots);
			table_load(&state.table, slots);
			if (forest->max_depth > 6)
				fill_lanes(slots, lanes);
		}
#ifdef KERNEL_TABLES
		if (chunk->n_slots <= 32)
			add_shape(&state, chunk, output, 2);
		else if (chunk->n_slots <= 48)
			add_shape(&state, chunk, output, 3);
		else
#endif
			add_shape(&state, chunk, output, 4);
	}
}

#endif							/* KERNEL_ROW */

/* Two vectors at a time share what is loaded of a split. */
typedef struct Pair
{
	Lanes		first;
	Lanes		second;
} Pair;

#define PAIR (2 * LANES)

/*
 * Between two ways, by one split.
 */
KERNEL_INLINE Pair
choose(const uint8_t *lanes, uint16_t offset, uint8_t bound, Pair left,
	   Pair right)
{
	Pair		chosen;

	chosen.first = lanes_choose(lanes_above(lanes + offset, bound),
								left.first, right.first);
	chosen.second = lanes_choose(lanes_above(lanes + offset + LANES, bound),
								 left.second, right.second);
	return chosen;
}

/*
 * Way n or n + 1, by one split.
 */
KERNEL_INLINE Pair
choose_last(const uint8_t *lanes, uint16_t offset, uint8_t bound, int n)
{
	Pair		chosen;

	chosen.first = lanes_way(lanes_above(lanes + offset, bound), n);
	chosen.second = lanes_way(lanes_above(lanes + offset + LANES, bound), n);
	return chosen;
}

/*
 * Ways n .. n + 7, by seven splits of three levels.
 */
KERNEL_INLINE Pair
choose_eight(const uint8_t *lanes, const uint16_t *offsets,
			 const uint8_t *bounds, int n)
{
	Pair		left;
	Pair		right;

	left = choose(lanes, offsets[1], bounds[1],
				  choose_last(lanes, offsets[3], bounds[3], n),
				  choose_last(lanes, offsets[4], bounds[4], n + 2));
	right = choose(lanes, offsets[2], bounds[2],
				   choose_last(lanes, offsets[5], bounds[5], n + 4),
				   choose_last(lanes, offsets[6], bounds[6], n + 6));
	return choose(lanes, offsets[0], bounds[0], left, right);
}

/*
 * Ways n .. n + 15, by a split and those of two subtrees.
 */
KERNEL_INLINE Pair
choose_sixteen(const uint8_t *lanes, const uint16_t *offsets,
			   const uint8_t *bounds, int split, int below, int n)
{
	Pair		left = choose_eight(lanes, offsets + below, bounds + below, n);
	Pair		right = choose_eight(lanes, offsets + below + 7,
									 bounds + below + 7, n + 8);

	return choose(lanes, offsets[split], bounds[split], left, right);
}

/*
 * The ways of a pair of vectors through a tree.
 */
KERNEL_INLINE Pair
pair_ways(const uint8_t *lanes, const uint16_t *offsets,
		  const uint8_t *bounds, const int shape)
{
	Pair		left;
	Pair		right;

	if (shape == MLOPS_SHAPE_THREE)
		return choose_eight(lanes, offsets, bounds, 0);
	if (shape == MLOPS_SHAPE_FOUR)
		return choose_sixteen(lanes, offsets, bounds, 0, 1, 0);
	if (shape == MLOPS_SHAPE_FIVE)
	{
		left = choose_sixteen(lanes, offsets, bounds, 1, 3, 0);
		right = choose_sixteen(lanes, offsets, bounds, 2, 17, 16);
		return choose(lanes, offsets[0], bounds[0], left, right);
	}
	left = choose(lanes, offsets[1], bounds[1],
				  choose_sixteen(lanes, offsets, bounds, 3, 7, 0),
				  choose_sixteen(lanes, offsets, bounds, 4, 21, 16));
	right = choose(lanes, offsets[2], bounds[2],
				   choose_sixteen(lanes, offsets, bounds, 5, 35, 32),
				   choose_sixteen(lanes, offsets, bounds, 6, 49, 48));
	return choose(lanes, offsets[0], bounds[0], left, right);
}

#if LANES >= 32

/*
 * Ways n .. n + 15 through seven splits and those above eight pairs of
 * records.
 */
KERNEL_INLINE Pair
choose_records(const uint8_t *lanes, const uint16_t *offsets,
			   const uint8_t *bounds, const uint16_t *lane_offset,
			   const MlopsRecord *record)
{
	Pair		pairs[8];
	int			i;

#pragma GCC unroll 8
	for (i = 0; i < 8; i++, record += 2)
		pairs[i] = choose_last(lanes, lane_offset[record->above.lane],
							   record->above.bound, 2 * i);
#pragma GCC unroll 4
	for (i = 0; i < 4; i++)
		pairs[i] = choose(lanes, offsets[3 + i], bounds[3 + i],
						  pairs[2 * i], pairs[2 * i + 1]);
	return choose(lanes, offsets[0], bounds[0],
				  choose(lanes, offsets[1], bounds[1], pairs[0], pairs[1]),
				  choose(lanes, offsets[2], bounds[2], pairs[2], pairs[3]));
}

/*
 * The ways of n rows through seven levels; writes whole pairs of vectors.
 */
KERNEL_TARGET static __attribute__((noinline)) void
find_ways_records(const uint8_t *lanes, const uint16_t *offsets,
				  const uint8_t *bounds, const uint16_t *lane_offset,
				  const MlopsRecord *records, uint32_t n, uint8_t *ways)
{
	uint32_t	i;
	int			k;

	for (i = 0; i < n; i += PAIR, lanes += PAIR)
	{
		Pair		all[8];

		for (k = 0; k < 8; k++)
		{
			all[k] = choose_records(lanes, offsets + 7 + 7 * k,
									bounds + 7 + 7 * k, lane_offset,
									records + 16 * k);
			all[k].first = lanes_add(all[k].first, 16 * k);
			all[k].second = lanes_add(all[k].second, 16 * k);
		}
#pragma GCC unroll 4
		for (k = 0; k < 4; k++)
			all[k] = choose(lanes, offsets[3 + k], bounds[3 + k], all[2 * k],
							all[2 * k + 1]);
		all[0] = choose(lanes, offsets[1], bounds[1], all[0], all[1]);
		all[2] = choose(lanes, offsets[2], bounds[2], all[2], all[3]);
		all[0] = choose(lanes, offsets[0], bounds[0], all[0], all[2]);
		lanes_store(ways + i, all[0].first);
		lanes_store(ways + i + LANES, all[0].second);
	}
}

#endif							/* LANES >= 32 */

/*
 * The ways of n rows through a tree; writes whole pairs of vectors.
 */
#define FIND_WAYS(name, shape) \
KERNEL_TARGET static __attribute__((noinline)) void \
name(const uint8_t *lanes, const uint16_t *offsets, const uint8_t *bounds, \
	 uint32_t n, uint8_t *ways) \
{ \
	uint32_t	i; \
	for (i = 0; i < n; i += PAIR) \
	{ \
		Pair		found = pair_ways(lanes + i, offsets, bounds, shape); \
		lanes_store(ways + i, found.first); \
		lanes_store(ways + i + LANES, found.second); \
	} \
}

FIND_WAYS(find_ways_three, MLOPS_SHAPE_THREE)
FIND_WAYS(find_ways_four, MLOPS_SHAPE_FOUR)
FIND_WAYS(find_ways_five, MLOPS_SHAPE_FIVE)
FIND_WAYS(find_ways_six, MLOPS_SHAPE_SIX)

/* A batch while it is evaluated. */
typedef struct BatchState
{
	const MlopsForest *forest;
	const MlopsBatch *batch;
	uint32_t	half;			/* lanes of ranks before those plus 1 */
	bool		direct;			/* lanes are slots, of the greatest width */
	uint16_t	lane_offset[2 * MLOPS_CHUNK_SLOTS];
} BatchState;

/*
 * The ranks of a batch, a lane for each group, and one for those plus 1.
 */
KERNEL_INLINE void
rank_batch(const BatchState *state)
{
	const MlopsBatch *batch = state->batch;
	const MlopsForest *forest = state->forest;
	const MlopsGroup *groups = mlops_forest_section(forest,
													MLOPS_SECTION_GROUPS);
	const char *cuts = mlops_forest_section(forest, MLOPS_SECTION_CUTS);
	uint32_t	n_groups = mlops_group_count(forest);
	uint32_t	i;
	uint32_t	r;

	for (i = 0; i < n_groups; i++)
	{
		const float *feature = batch->rows + groups[i].feature;
		uint8_t    *lane = batch->lanes + (size_t) i * batch->width;
		uint8_t    *next = lane + (size_t) state->half * batch->width;

		for (r = 0; r < batch->n; r++, feature += batch->stride)
		{
			unsigned	rank = rank_of(&groups[i], cuts, *feature) ^
				MLOPS_RANK_BIAS;

			lane[r] = rank;
			next[r] = rank + 1;
		}
	}
}

/*
 * Where the lanes of a chunk's slots begin.
 */
KERNEL_INLINE void
place_lanes(BatchState *state, const MlopsChunk *chunk)
{
	const uint16_t *map = (const uint16_t *)
		mlops_forest_section(state->forest, MLOPS_SECTION_MAPS) +
		(size_t) chunk->map * MLOPS_CHUNK_SLOTS;
	uint32_t	i;

	for (i = 0; i < MLOPS_CHUNK_SLOTS; i++)
	{
		state->lane_offset[i] = map[i] * state->batch->width;
		state->lane_offset[i + MLOPS_CHUNK_SLOTS] =
			(map[i] + state->half) * state->batch->width;
	}
}

/*
 * Where the lanes of a unit's splits begin.
 */
KERNEL_INLINE void
place_splits(const BatchState *state, const MlopsUnit *unit,
			 uint16_t *offsets)
{
	uint32_t	i;

	if (state->direct)
	{
		for (i = 0; i < MLOPS_UNIT_SPLITS; i++)
			offsets[i] = (uint16_t) ((unit->table[i] & 63) |
									 (unit->shift[i] & 1) << 6) *
				MLOPS_BATCH_ROWS;
	}
	else
	{
		for (i = 0; i < MLOPS_UNIT_SPLITS; i++)
			offsets[i] = state->lane_offset[(unit->table[i] & 63) |
											(unit->shift[i] & 1) << 6];
	}
}

/*
 * Add the leaves below records to the sums.  With wide vectors the seventh
 * level has been decided.
 */
KERNEL_INLINE void
add_records(const BatchState *state, const MlopsRecord *records,
			const uint8_t *ways, float *sums)
{
	const uint16_t *offset = state->lane_offset;
	const int8_t *lane = (const int8_t *) state->batch->lanes;
	uint32_t	i;

	for (i = 0; i < state->batch->n; i++, lane++)
	{
#if LANES >= 32
		const MlopsRecord *record = &records[ways[i]];
#else
		const MlopsRecord *record = &records[2 * ways[i]];

		record += is_above(lane[offset[record->above.lane]],
						   record->above.bound);
#endif
		sums[i] += record->leaf[is_above(lane[offset[record->split.lane]],
										 record->split.bound)];
	}
}

/*
 * Add the leaves below numbers of nodes to the sums.
 */
KERNEL_INLINE void
add_nodes(const BatchState *state, const MlopsTree *tree,
		  const uint32_t *nodes, const uint8_t *ways, float *sums)
{
	const MlopsBatch *batch = state->batch;
	uint32_t	i;

	for (i = 0; i < batch->n; i++)
		sums[i] += walk_nodes(state->forest, tree, nodes[ways[i]],
							  batch->rows + i * batch->stride);
}

/*
 * Add the leaves of a chunk's trees to the sums of a batch.
 */
KERNEL_INLINE void
batch_chunk(const BatchState *state, const MlopsChunk *chunk)
{
	const MlopsForest *forest = state->forest;
	const MlopsBatch *batch = state->batch;
	const MlopsTree *tree = (const MlopsTree *)
		mlops_forest_section(forest, MLOPS_SECTION_TREES) + chunk->first_tree;
	const MlopsUnit *unit = mlops_line(forest, chunk->units);
	const char *outcomes = mlops_line(forest, chunk->outcomes);
	uint32_t	trees = MLOPS_SHAPE_TREES(chunk->shape);
	uint32_t	width = MLOPS_SHAPE_WIDTH(chunk->shape);
	uint32_t	i;

	for (i = 0; i < chunk->n_trees; i++, tree++)
	{
		uint16_t	offsets[MLOPS_UNIT_SPLITS];
		uint8_t		ways[MLOPS_BATCH_ROWS + PAIR]
		__attribute__((aligned(64)));
		float	   *sums = batch->sums + (size_t) tree->output * batch->width;
		uint32_t	first = i % trees * width;
		const uint16_t *places = offsets + first;
		const uint8_t *bounds = unit[i / trees].bound + first;

		if (first == 0)
			place_splits(state, &unit[i / trees], offsets);
		switch (chunk->shape)
		{
			case MLOPS_SHAPE_THREE:
				find_ways_three(batch->lanes, places, bounds, batch->n, ways);
				break;
			case MLOPS_SHAPE_FOUR:
				find_ways_four(batch->lanes, places, bounds, batch->n, ways);
				break;
			case MLOPS_SHAPE_FIVE:
				find_ways_five(batch->lanes, places, bounds, batch->n, ways);
				break;
#if LANES >= 32
			case MLOPS_SHAPE_RECORDS:
				find_ways_records(batch->lanes, places, bounds,
								  state->lane_offset,
								  (const MlopsRecord *) outcomes, batch->n,
								  ways);
				break;
#endif
			default:
				find_ways_six(batch->lanes, places, bounds, batch->n, ways);
		}
		if (chunk->shape == MLOPS_SHAPE_RECORDS)
			add_records(state, (const MlopsRecord *) outcomes, ways, sums);
		else if (chunk->shape == MLOPS_SHAPE_NODES)
			add_nodes(state, tree, (const uint32_t *) outcomes, ways, sums);
		else
			add_ways((const float *) outcomes, ways, batch->n, sums,
					 chunk->shape);
		outcomes += chunk->shape == MLOPS_SHAPE_RECORDS ?
			MLOPS_UNIT_RECORDS * sizeof(MlopsRecord) : width * sizeof(float);
	}
}

/*
 * Add the leaves of all trees to the sums of a batch.
 */
KERNEL_TARGET void
KERNEL(batch) (const MlopsForest *forest, const MlopsBatch *batch)
{
	uint32_t	n_chunks;
	const MlopsChunk *chunk = mlops_chunks(forest, &n_chunks);
	uint32_t	n_groups = mlops_group_count(forest);
	uint32_t	map = UINT32_MAX;
	BatchState	state;

	state.forest = forest;
	state.batch = batch;
	state.half = n_groups > MLOPS_CHUNK_SLOTS ? n_groups : MLOPS_CHUNK_SLOTS;
	state.direct = n_groups <= MLOPS_CHUNK_SLOTS &&
		batch->width == MLOPS_BATCH_ROWS;
	rank_batch(&state);
	for (; n_chunks > 0; n_chunks--, chunk++)
	{
		if (chunk->shape == MLOPS_SHAPE_PLAIN)
		{
			mlops_walk_batch(forest, chunk->first_tree, chunk->n_trees, batch);
			continue;
		}
		if (chunk->map != map)
			place_lanes(&state, chunk);
		map = chunk->map;
		batch_chunk(&state, chunk);
	}
}
