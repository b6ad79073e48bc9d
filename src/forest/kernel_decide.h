/*
 * kernel_decide.h
 *		Batches through trees with records, which are decided row by row.
 *
 * Needs, beside what kernel_batch.h says,
 *		lanes_sum()			adds two vectors
 *		decide_rows()		decides a record of each of two trees for each of two
 *							rows, by the tables of these
 *		DECIDED()			the compares of one of them, for record_leaves[]
 *
 * One compare of a vector of rows decides a split for all of them, however few
 * come to it.  Of a level with many splits it takes less to look up those that
 * a row does come to: so the first five levels are decided as in other shapes,
 * and the last three by a shuffle of the ranks of each row.  These are kept
 * twice, by lane and by row.  That is for forests whose groups all fit into one
 * table.
 */
#ifndef MLOPS_FOREST_KERNEL_DECIDE_H
#define MLOPS_FOREST_KERNEL_DECIDE_H

#include "forest/kernel_ways.h"

/*
 * Bytes of a row: the ranks of 16 slots for each part of its table, and as
 * much once more with missing values lowest.
 */
#define TABLE_BYTES(tables) ((tables) < 0 ? -32 * (tables) : 16 * (tables))

/*
 * Copy ranks from lanes to the tables of rows.
 */
static KERNEL_INLINE void
fill_tables(const BatchState *state, uint32_t lane, uint8_t *to, size_t size)
{
	const MlopsBatch *batch = state->batch;
	uint32_t	n_groups = mlops_group_count(state->forest);
	uint32_t	i;
	uint32_t	k;

	for (k = 0; k < n_groups; k++)
	{
		const uint8_t *ranks = batch->lanes +
			(size_t) (lane + k) * batch->width;

		for (i = 0; i < batch->n; i++)
			to[i * size + k] = ranks[i];
	}
}

/*
 * Make the tables of all rows, behind the lanes, if that was not done for
 * another chunk; where they begin.
 */
static KERNEL_INLINE const uint8_t *
make_tables(BatchState *state, const int tables)
{
	size_t		size = TABLE_BYTES(tables);
	uint8_t    *to = state->batch->lanes +
		(size_t) MLOPS_CHUNK_LANES * state->batch->width;

	if (state->rows != NULL)
		return state->rows;
	fill_tables(state, 0, to, size);
	if (tables < 0)
		fill_tables(state, state->half, to + size / 2, size);
	state->rows = to;
	return to;
}

/*
 * The ways of n rows through five levels, in units of eight bytes of records;
 * writes whole vectors.
 */
KERNEL_TARGET static __attribute__((noinline)) void
find_records(const uint8_t *lanes, const uint16_t *offsets,
			 const uint8_t *limits, uint32_t n, uint8_t *ways)
{
	uint32_t	i;

	FOR_ROWS(lanes, n, i, columns,
			 store_rows(columns, ways + i,
						times_six(columns,
								  find_ways_of(columns, offsets, limits,
											   MLOPS_SHAPE_FIVE))));
}

_Static_assert(sizeof(MlopsRecord) == 6 * 8, "find_records() counts on it");

/*
 * The record that such a way leads to.
 */
static KERNEL_INLINE const MlopsRecord *
record_at(const MlopsRecord *records, uint8_t way)
{
	return (const MlopsRecord *) ((const char *) records + (size_t) 8 * way);
}

/*
 * Ask for the records of two trees.
 */
static KERNEL_INLINE void
ask_for_records(const MlopsRecord *records)
{
	uint32_t	i;

	for (i = 0; i < 2 * MLOPS_TREE_RECORDS * sizeof(MlopsRecord);
		 i += MLOPS_LINE)
		__builtin_prefetch((const char *) records + i);
}

/* The records of two trees, and the ways of n rows to them. */
typedef struct Decided
{
	const MlopsRecord *records;
	const uint8_t (*ways)[MLOPS_BATCH_ROWS + ROWS];
	const uint8_t *rows;		/* their tables */
	uint32_t	n;
} Decided;

/*
 * Add the leaves of two trees to the sums of rows, or those of one of them.
 * Rows are taken by pairs; there is room for one more.
 */
static KERNEL_INLINE void
add_decided(const Decided *decided, float *sums, const int tables,
			const int tree, const int other)
{
	const MlopsRecord *records = decided->records;
	const uint8_t *ways = decided->ways[0];
	const uint8_t *end = ways + decided->n;
	const uint8_t *rows = decided->rows;
	uint32_t	k;

	for (; ways < end; ways += 2, sums += 2, rows += 2 * TABLE_BYTES(tables))
	{
		const MlopsRecord *first[2];
		const MlopsRecord *second[2];
		uint32_t	right;

#pragma GCC unroll 2
		for (k = 0; k < 2; k++)
		{
			first[k] = record_at(records + tree * MLOPS_TREE_RECORDS,
								 ways[tree * sizeof(*decided->ways) + k]);
			second[k] = record_at(records + other * MLOPS_TREE_RECORDS,
								  ways[other * sizeof(*decided->ways) + k]);
		}
		right = decide_rows(rows, rows + TABLE_BYTES(tables), first, second,
							tables);
#pragma GCC unroll 2
		for (k = 0; k < 2; k++)
		{
			float		sum = sums[k] +
				first[k]->leaf[record_leaves[DECIDED(right, k, 0)]];

			if (other != tree)
				sum += second[k]->leaf[record_leaves[DECIDED(right, k, 1)]];
			sums[k] = sum;
		}
	}
}

/*
 * The same as functions, which have registers of their own.
 */
#define ADD_DECIDED(name, tables) \
KERNEL_TARGET static __attribute__((noinline)) void \
name(const Decided *decided, float *sums) \
{ \
	add_decided(decided, sums, tables, 0, 1); \
}

ADD_DECIDED(add_half, 2)
ADD_DECIDED(add_whole, 4)
ADD_DECIDED(add_half_missing, -2)
ADD_DECIDED(add_whole_missing, -4)

/*
 * Add the leaves of a chunk's trees with records to the sums of a batch;
 * tables is a constant, see decide_rows().
 */
static KERNEL_INLINE void
add_chunk_decided(const BatchState *state, const MlopsChunk *chunk,
				  const uint8_t *rows, const int tables,
				  void (*add) (const Decided *decided, float *sums))
{
	const MlopsForest *forest = state->forest;
	const MlopsBatch *batch = state->batch;
	const MlopsTree *tree = (const MlopsTree *)
		mlops_forest_section(forest, MLOPS_SECTION_TREES) + chunk->first_tree;
	const MlopsUnit *unit = mlops_line(forest, chunk->units);
	const MlopsRecord *records = mlops_line(forest, chunk->outcomes);
	uint32_t	left = chunk->n_trees;
	Decided		decided = {records, NULL, rows, batch->n};
	uint32_t	count;
	uint32_t	k;

	for (; left > 0; left -= count, tree += 2, unit++)
	{
		uint16_t	offsets[MLOPS_UNIT_SPLITS];
		uint8_t		limits[MLOPS_UNIT_SPLITS];
		uint8_t		ways[2][MLOPS_BATCH_ROWS + ROWS]
		__attribute__((aligned(64)));

		count = left < 2 ? 1 : 2;
		decided.records = records;
		decided.ways = (const uint8_t (*)[MLOPS_BATCH_ROWS + ROWS]) ways;
		ask_for_records(records);
		place_splits(state, unit, offsets, limits);
		for (k = 0; k < count; k++)
			find_records(batch->lanes, offsets + 32 * k, limits + 32 * k,
						 batch->n, ways[k]);
		if (count == 2 && tree[0].output == tree[1].output)
			add(&decided, batch->sums + (size_t) tree->output * batch->width);
		else
		{
			add_decided(&decided, batch->sums +
						(size_t) tree[0].output * batch->width, tables, 0, 0);
			if (count == 2)
				add_decided(&decided, batch->sums +
							(size_t) tree[1].output * batch->width, tables,
							1, 1);
		}
		records += 2 * MLOPS_TREE_RECORDS;
	}
}

/*
 * The same with tables of as many parts as there are slots for, and a second
 * one if a value is missing.
 */
KERNEL_TARGET static __attribute__((noinline)) void
batch_decided(BatchState *state, const MlopsChunk *chunk)
{
#define ADD_CHUNK(tables, add) \
	add_chunk_decided(state, chunk, make_tables(state, tables), tables, add)

	if (mlops_group_count(state->forest) <= MLOPS_CHUNK_SLOTS / 2)
	{
		if (state->half > 0)
			ADD_CHUNK(-2, add_half_missing);
		else
			ADD_CHUNK(2, add_half);
	}
	else if (state->half > 0)
		ADD_CHUNK(-4, add_whole_missing);
	else
		ADD_CHUNK(4, add_whole);
#undef ADD_CHUNK
}

#endif							/* MLOPS_FOREST_KERNEL_DECIDE_H */
