/*
 * kernel_row.h
 *		Evaluation of single rows by ranks, for any instruction set.
 *
 * Needs, beside what kernel.h says,
 *		Table				the ranks of 64 slots in registers
 *		table_load()		fills it
 *		table_compare()		decides all splits of a unit
 * and KERNEL_TABLES, if the compare is faster when fewer slots are used.
 *
 * A row goes through all trees: a unit's bytes of slots are looked up in the
 * table, and one compare decides all of its splits.  No branch depends on the
 * data, but at missing values and the ends of ragged trees.
 */
#ifndef MLOPS_FOREST_KERNEL_ROW_H
#define MLOPS_FOREST_KERNEL_ROW_H

#include "forest/kernel.h"

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
static KERNEL_INLINE unsigned
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
static KERNEL_INLINE float
record_leaf(const MlopsRecord *record, const int8_t *lanes)
{
	record += is_above(lanes[record->above.lane],
					   record->above.limit - 1);
	return record->leaf[is_above(lanes[record->split.lane],
								 record->split.bound)];
}

/*
 * Add the leaves of a chunk's trees.  shape, tables and single are constants:
 * each use is a loop of its own.
 */
static KERNEL_INLINE void
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
static KERNEL_INLINE void
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
static KERNEL_INLINE void
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
static KERNEL_INLINE void
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
static KERNEL_INLINE void
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
static KERNEL_INLINE void
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

#endif							/* MLOPS_FOREST_KERNEL_ROW_H */
