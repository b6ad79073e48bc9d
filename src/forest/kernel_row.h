/*
 * kernel_row.h
 *		Evaluation of single rows by ranks, for any instruction set.
 *
 * Needs, beside what kernel.h says,
 *		Table				the ranks of 64 slots in registers
 *		table_load()		fills it, or its first half if no slot is beyond,
 *							word by word: these were just written, and a vector
 *							could not be read before they are in memory
 *		table_compare()		decides all splits of a unit, if no value of the
 *							row is missing
 *		table_compare_missing() the same if one may be, by a second table for
 *							splits where these go left
 *		table_decide(), table_decide_missing()	the same for the splits of a
 *							record, for record_leaves[]; they are read one by one
 *							if KERNEL_DECIDE is not defined
 * and KERNEL_TABLES, if the compare is faster when fewer slots are used.
 *
 * A row goes through all trees: a unit's bytes of slots are looked up in the
 * table, and one compare decides all of its splits.  No branch depends on the
 * data, but at missing values and the ends of ragged trees.
 */
#ifndef MLOPS_FOREST_KERNEL_ROW_H
#define MLOPS_FOREST_KERNEL_ROW_H

#include "forest/kernel.h"
#include "forest/kernel_ways.h"

/* Trees whose records are asked for at once. */
#define AHEAD 16

/* A row while it is evaluated. */
typedef struct RowState
{
	const MlopsForest *forest;
	const float *row;
	Table		table;
	Table		lowest;			/* missing values lowest, if there are any */
#ifndef KERNEL_DECIDE
	uint64_t	lanes[32];		/* see fill_lanes() */
#endif
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
 * Decide all splits of a unit.  tables tells the parts that the table takes;
 * it is negative if values may be missing.
 */
static KERNEL_INLINE uint64_t
compare(const RowState *state, const MlopsUnit *unit, const int tables)
{
	return tables < 0 ?
		table_compare_missing(&state->table, &state->lowest, unit, -tables) :
		table_compare(&state->table, unit, tables);
}

/*
 * The record below the way through a tree's first five levels, whose compares
 * are the lowest bits; its records begin at first.
 */
static KERNEL_INLINE const MlopsRecord *
record_below(uint64_t right, const MlopsRecord *first)
{
	unsigned	top = right & 7;
	unsigned	below = (right >> two_start[top]) & 127;

	return (const MlopsRecord *)
		((const char *) first + two_bytes[top] + three_bytes[below]);
}

/*
 * The leaf below a way, by its record.
 */
static KERNEL_INLINE float
leaf_of_record(const RowState *state, const MlopsRecord *record,
				const int tables)
{
#ifdef KERNEL_DECIDE
	unsigned	right = tables < 0 ?
		table_decide_missing(&state->table, &state->lowest, record, -tables) :
		table_decide(&state->table, record, tables);

	return record->leaf[record_leaves[right]];
#else
	return record_leaf(record, (const int8_t *) state->lanes);
#endif
}

#ifdef KERNEL_WAYS

/* Trees whose ways are found at once, and blocks of them before that. */
#define BLOCK 8
#define DELAY 2

/*
 * Add the leaves of as many trees of six levels as there are whole blocks of;
 * returns their number.  The compares of a block are read back as one vector,
 * which has to wait until they have left the processor's queue of stores, so
 * this is done two blocks later.
 */
static KERNEL_INLINE uint32_t
add_blocks(const RowState *state, const MlopsChunk *chunk, float *output,
		   const int tables, const bool single)
{
	const MlopsForest *forest = state->forest;
	const MlopsTree *tree = (const MlopsTree *)
		mlops_forest_section(forest, MLOPS_SECTION_TREES) + chunk->first_tree;
	const MlopsUnit *unit = mlops_line(forest, chunk->units);
	const float *leaves = mlops_line(forest, chunk->outcomes);
	uint64_t	right[DELAY + 1][BLOCK] __attribute__((aligned(64)));
	uint32_t	count = chunk->n_trees / BLOCK;
	uint64_t   *next = right[0];
	uint64_t   *last = right[1];
	uint64_t   *other = right[2];
	float		sum = output[0];
	uint32_t	i;
	uint32_t	k;

	for (i = 0; i < count + DELAY; i++)
	{
		uint64_t   *old = last;

		if (i < count)
		{
#pragma GCC unroll 8
			for (k = 0; k < BLOCK; k++)
				next[k] = compare(state, unit++, tables);
		}
		if (i >= DELAY)
		{
			uint64_t	ways = find_ways(last);

#pragma GCC unroll 8
			for (k = 0; k < BLOCK; k++, tree++, leaves += MLOPS_UNIT_SPLITS)
			{
				if (single)
					sum += leaves[(uint8_t) ways];
				else
					output[tree->output] += leaves[(uint8_t) ways];
				ways >>= 8;
			}
		}
		last = other;
		other = next;
		next = old;
	}
	if (single)
		output[0] = sum;
	return count * BLOCK;
}

#endif							/* KERNEL_WAYS */

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
	float		sum;

#ifdef KERNEL_WAYS
	if (shape == MLOPS_SHAPE_SIX)
	{
		uint32_t	done = add_blocks(state, chunk, output, tables, single);

		left -= done;
		tree += done;
		unit += done;
		outcomes += (size_t) done * width * sizeof(float);
	}
#endif
	sum = output[0];
	for (; left > 0; unit++)
	{
		uint64_t	right = compare(state, unit, tables);
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

		for (k = 0; k < count; k += 2, unit++)
		{
			uint64_t	right = compare(state, unit, tables);

			ahead[k] = record_below(right, records);
			ahead[k + 1] = record_below(right >> 32,
										records + MLOPS_TREE_RECORDS);
			ask_for(ahead[k]);
			ask_for(ahead[k + 1]);
			records += 2 * MLOPS_TREE_RECORDS;
		}
		for (k = 0; k < count; k++, tree++)
		{
			float		leaf = leaf_of_record(state, ahead[k], tables);

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
 * Add the leaves of a chunk whose table takes this many parts; see compare().
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
 * The same for any chunk of units, by a row without missing values.
 */
KERNEL_TARGET static void
add_chunk_complete(const RowState *state, const MlopsChunk *chunk,
				   float *output)
{
#ifdef KERNEL_TABLES
	if (chunk->n_slots <= 32)
		add_shape(state, chunk, output, 2);
	else if (chunk->n_slots <= 48)
		add_shape(state, chunk, output, 3);
	else
#endif
		add_shape(state, chunk, output, 4);
}

/*
 * The same by a row with some.
 */
KERNEL_TARGET static void
add_chunk_missing(const RowState *state, const MlopsChunk *chunk,
				  float *output)
{
#ifdef KERNEL_TABLES
	if (chunk->n_slots <= 32)
		add_shape(state, chunk, output, -2);
	else
#endif
		add_shape(state, chunk, output, -4);
}

/*
 * The ranks of all groups of a row, eight in a word.  If values may be missing
 * these have the lowest rank in one, and the highest in the other.
 */
static KERNEL_INLINE void
rank_row(const MlopsForest *forest, const float *row, uint64_t *lowest,
		 uint64_t *highest, const bool missing)
{
	const MlopsGroup *groups = mlops_forest_section(forest,
													MLOPS_SECTION_GROUPS);
	const char *cuts = mlops_forest_section(forest, MLOPS_SECTION_CUTS);
	uint32_t	left = mlops_group_count(forest);
	uint64_t	word;
	uint64_t	raised;
	uint32_t	k;

	for (; left >= 8; left -= 8)
	{
		word = 0;
		raised = 0;
#pragma GCC unroll 8
		for (k = 0; k < 8; k++, groups++)
		{
			float		feature = row[groups->feature];

			word = word >> 8 |
				(uint64_t) rank_of(groups, cuts, feature) << 56;
			if (missing)
				raised = raised >> 8 | (uint64_t) missing_bits(feature) << 56;
		}
		*lowest++ = word;
		if (missing)
			*highest++ = word | raised;
	}
	word = 0;
	raised = 0;
	for (k = 0; k < left; k++, groups++)
	{
		float		feature = row[groups->feature];

		word |= (uint64_t) (rank_of(groups, cuts, feature) & 0xFF) << 8 * k;
		if (missing)
			raised |= (uint64_t) (missing_bits(feature) & 0xFF) << 8 * k;
	}
	if (left > 0)
	{
		*lowest = word;
		if (missing)
			*highest = word | raised;
	}
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

#ifndef KERNEL_DECIDE

/*
 * The lanes of records: slots, those with missing values lowest, and all once
 * more for bit 7.
 */
static KERNEL_INLINE void
fill_lanes(const uint64_t *slots, const uint64_t *lowest, uint64_t *lanes)
{
	const uint64_t high = UINT64_C(0x8080808080808080);
	int			i;

	for (i = 0; i < 8; i++)
	{
		lanes[i] = lanes[16 + i] = slots[i] ^ high;
		lanes[8 + i] = lanes[24 + i] = lowest[i] ^ high;
	}
}

#endif							/* KERNEL_DECIDE */

/*
 * Bring the slots of a row into the tables.
 */
static KERNEL_INLINE void
load_slots(RowState *state, uint64_t slots[2][8], const bool half,
		   const bool missing)
{
	table_load(&state->table, slots[missing], half);
	if (missing)
		table_load(&state->lowest, slots[0], half);
#ifndef KERNEL_DECIDE
	fill_lanes(slots[missing], slots[0], state->lanes);
#endif
}

/*
 * Add the leaves of all trees to the outputs of a row; missing tells whether
 * values may be missing.
 */
static KERNEL_INLINE void
add_row(const MlopsForest *forest, const float *row, float *output,
		const bool missing)
{
	/* In the byte order of words, byte k of slots is slot k. */
	uint64_t	words[2][MLOPS_MAX_GROUPS / 8];
	uint64_t	slots[2][8];
	uint32_t	n_chunks;
	const MlopsChunk *chunk = mlops_chunks(forest, &n_chunks);
	bool		shared = mlops_group_count(forest) <= MLOPS_CHUNK_SLOTS;
	uint32_t	map = UINT32_MAX;
	RowState	state;

	state.forest = forest;
	state.row = row;
	memset(slots, 0, missing ? sizeof(slots) : sizeof(slots[0]));
	rank_row(forest, row, shared ? slots[0] : words[0],
			 shared ? slots[1] : words[1], missing);
	if (mlops_group_count(forest) <= MLOPS_CHUNK_SLOTS / 2)
		load_slots(&state, slots, true, missing);
	else
		load_slots(&state, slots, false, missing);
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
			gather_slots(forest, chunk, words[0], slots[0]);
			if (missing)
				gather_slots(forest, chunk, words[1], slots[1]);
			load_slots(&state, slots, false, missing);
		}
		if (missing)
			add_chunk_missing(&state, chunk, output);
		else
			add_chunk_complete(&state, chunk, output);
	}
}

/*
 * Add the leaves of all trees to the outputs of a row.
 */
KERNEL_TARGET void
KERNEL(row) (const MlopsForest *forest, const float *row, float *output)
{
	if (row_missing(forest, row))
		add_row(forest, row, output, true);
	else
		add_row(forest, row, output, false);
}

#endif							/* MLOPS_FOREST_KERNEL_ROW_H */
