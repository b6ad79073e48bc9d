/*
 * kernel_batch.h
 *		Evaluation of batches of rows by ranks, for any instruction set.
 *
 * Needs, beside what kernel.h says,
 *		LANES				rows in a vector
 *		Lanes, Mask			a byte of each, and what a compare gives
 *		lanes_compare()		compares ranks in memory with a limit: those that
 *							reach it go right
 *		lanes_way()			a way or the next, by a mask
 *		lanes_choose()		of two, by a mask
 *		lanes_add()			adds a number to ways
 *		lanes_store()		writes a vector
 *		add_ways()			adds leaves to the sums of rows
 *
 * A tree goes through all rows: one compare decides one split for LANES rows,
 * and the ways through the tree are chosen from the leaves up.  Where rows are
 * fewer than a vector has, the rest of it is computed from what lies there and
 * not used.
 */
#ifndef MLOPS_FOREST_KERNEL_BATCH_H
#define MLOPS_FOREST_KERNEL_BATCH_H

#include "forest/kernel.h"

/*
 * Bytes of so many rows that what is loaded of a split is shared by some
 * vectors, as many as there are registers for.
 */
typedef struct Rows
{
	Lanes		part[KERNEL_PARTS];
} Rows;

#define ROWS (KERNEL_PARTS * LANES)

/* The lanes from some row on, and how many vectors of them are asked for. */
typedef struct Columns
{
	const uint8_t *at;
	int			parts;			/* a constant */
} Columns;

/* For each vector that is asked for. */
#define EACH_PART(i, lanes) \
	_Pragma("GCC unroll 4") \
	for (i = 0; i < (lanes).parts; i++)

/*
 * Between two ways, by one split.
 */
static KERNEL_INLINE Rows
choose(Columns lanes, uint16_t offset, uint8_t limit, Rows left,
	   Rows right)
{
	Rows		chosen = {{{0}}};
	int			i;

	EACH_PART(i, lanes)
		chosen.part[i] = lanes_choose(
			lanes_compare(lanes.at + offset + i * LANES, limit),
			left.part[i], right.part[i]);
	return chosen;
}

/*
 * Way n or n + 1, by one split.
 */
static KERNEL_INLINE Rows
choose_last(Columns lanes, uint16_t offset, uint8_t limit, int n)
{
	Rows		chosen = {{{0}}};
	int			i;

	EACH_PART(i, lanes)
		chosen.part[i] = lanes_way(
			lanes_compare(lanes.at + offset + i * LANES, limit), n);
	return chosen;
}

/*
 * Every way plus n.
 */
static KERNEL_INLINE Rows
add_number(Columns lanes, Rows ways, int n)
{
	int			i;

	EACH_PART(i, lanes)
		ways.part[i] = lanes_add(ways.part[i], n);
	return ways;
}

#ifdef KERNEL_DECIDE_ROWS

/*
 * Six times every way.
 */
static KERNEL_INLINE Rows
times_six(Columns lanes, Rows ways)
{
	int			i;

	EACH_PART(i, lanes)
	{
		Lanes		twice = lanes_sum(ways.part[i], ways.part[i]);

		ways.part[i] = lanes_sum(twice, lanes_sum(twice, twice));
	}
	return ways;
}

#endif							/* KERNEL_DECIDE_ROWS */

/*
 * Write the ways of all rows.
 */
static KERNEL_INLINE void
store_rows(Columns lanes, uint8_t *to, Rows from)
{
	int			i;

	EACH_PART(i, lanes)
		lanes_store(to + i * LANES, from.part[i]);
}

/*
 * Ways n .. n + 7, by seven splits of three levels.
 */
static KERNEL_INLINE Rows
choose_eight(Columns lanes, const uint16_t *offsets,
			 const uint8_t *limits, int n)
{
	Rows		left;
	Rows		right;

	left = choose(lanes, offsets[1], limits[1],
				  choose_last(lanes, offsets[3], limits[3], n),
				  choose_last(lanes, offsets[4], limits[4], n + 2));
	right = choose(lanes, offsets[2], limits[2],
				   choose_last(lanes, offsets[5], limits[5], n + 4),
				   choose_last(lanes, offsets[6], limits[6], n + 6));
	return choose(lanes, offsets[0], limits[0], left, right);
}

/*
 * Ways n .. n + 15, by a split and those of two subtrees.
 */
static KERNEL_INLINE Rows
choose_sixteen(Columns lanes, const uint16_t *offsets,
			   const uint8_t *limits, int split, int below, int n)
{
	Rows		left = choose_eight(lanes, offsets + below, limits + below, n);
	Rows		right = choose_eight(lanes, offsets + below + 7,
									 limits + below + 7, n + 8);

	return choose(lanes, offsets[split], limits[split], left, right);
}

/*
 * The ways of some rows through a tree.
 */
static KERNEL_INLINE Rows
find_ways_of(Columns lanes, const uint16_t *offsets,
		  const uint8_t *limits, const int shape)
{
	Rows		left;
	Rows		right;

	if (shape == MLOPS_SHAPE_THREE)
		return choose_eight(lanes, offsets, limits, 0);
	if (shape == MLOPS_SHAPE_FOUR)
		return choose_sixteen(lanes, offsets, limits, 0, 1, 0);
	if (shape == MLOPS_SHAPE_FIVE)
	{
		left = choose_sixteen(lanes, offsets, limits, 1, 3, 0);
		right = choose_sixteen(lanes, offsets, limits, 2, 17, 16);
		return choose(lanes, offsets[0], limits[0], left, right);
	}
	left = choose(lanes, offsets[1], limits[1],
				  choose_sixteen(lanes, offsets, limits, 3, 7, 0),
				  choose_sixteen(lanes, offsets, limits, 4, 21, 16));
	right = choose(lanes, offsets[2], limits[2],
				   choose_sixteen(lanes, offsets, limits, 5, 35, 32),
				   choose_sixteen(lanes, offsets, limits, 6, 49, 48));
	return choose(lanes, offsets[0], limits[0], left, right);
}

/*
 * A split of a record, between two ways; way n or n + 1.
 */
static KERNEL_INLINE Rows
choose_below(Columns lanes, const uint16_t *lane_offset,
			 const MlopsRecord *record, int split, Rows left, Rows right)
{
	return choose(lanes, lane_offset[record->lane[split]],
				  record->bound[split] + 1, left, right);
}

static KERNEL_INLINE Rows
choose_last_below(Columns lanes, const uint16_t *lane_offset,
				  const MlopsRecord *record, int split, int n)
{
	return choose_last(lanes, lane_offset[record->lane[split]],
					   record->bound[split] + 1, n);
}

#if LANES >= 32

/* With wide vectors seven levels are decided, else six. */
#define NEXT_WAYS 4

#else

#define NEXT_WAYS 2

#endif

/*
 * The ways through the first splits of record n.
 */
static KERNEL_INLINE Rows
choose_next(Columns lanes, const uint16_t *lane_offset,
			const MlopsRecord *record, int n)
{
	record += n;
#if LANES >= 32
	return choose_below(lanes, lane_offset, record, 0,
						choose_last_below(lanes, lane_offset, record, 1,
										  4 * n),
						choose_last_below(lanes, lane_offset, record, 2,
										  4 * n + 2));
#else
	return choose_last_below(lanes, lane_offset, record, 0, 2 * n);
#endif
}

/*
 * The ways through a split of the fourth level, two of the fifth and those
 * of the records below these.
 */
static KERNEL_INLINE Rows
choose_records(Columns lanes, const uint16_t *offsets,
			   const uint8_t *limits, uint32_t fourth, uint32_t fifth,
			   const uint16_t *lane_offset, const MlopsRecord *record)
{
	Rows		left;
	Rows		right;

	left = choose(lanes, offsets[fifth], limits[fifth],
				  choose_next(lanes, lane_offset, record, 0),
				  choose_next(lanes, lane_offset, record, 1));
	right = choose(lanes, offsets[fifth + 1], limits[fifth + 1],
				   choose_next(lanes, lane_offset, record, 2),
				   choose_next(lanes, lane_offset, record, 3));
	return choose(lanes, offsets[fourth], limits[fourth], left, right);
}

/*
 * The ways of some rows through six or seven levels.
 */
static KERNEL_INLINE Rows
find_ways_below(Columns lanes, const uint16_t *offsets, const uint8_t *limits,
				const uint16_t *lane_offset, const MlopsRecord *records)
{
	Rows		all[8];
	uint32_t	k;

	for (k = 0; k < 8; k++)
	{
		uint32_t	third = 3 + k / 2 * 7;

		all[k] = choose_records(lanes, offsets, limits, third + 1 + k % 2,
								third + 3 + k % 2 * 2, lane_offset,
								records + 4 * k);
		all[k] = add_number(lanes, all[k], 4 * NEXT_WAYS * k);
	}
#pragma GCC unroll 4
	for (k = 0; k < 4; k++)
		all[k] = choose(lanes, offsets[3 + 7 * k], limits[3 + 7 * k],
						all[2 * k], all[2 * k + 1]);
	all[0] = choose(lanes, offsets[1], limits[1], all[0], all[1]);
	all[2] = choose(lanes, offsets[2], limits[2], all[2], all[3]);
	return choose(lanes, offsets[0], limits[0], all[0], all[2]);
}

/*
 * Do something for all n rows from lanes on, ROWS at a time, or half of that
 * where these are enough.
 */
#define FOR_ROWS(lanes, n, i, columns, what) \
	for (i = 0; i + ROWS / 2 < n; i += ROWS) \
	{ \
		const Columns columns = {lanes + i, KERNEL_PARTS}; \
		what; \
	} \
	for (; i < n; i += ROWS / 2) \
	{ \
		const Columns columns = {lanes + i, KERNEL_PARTS / 2}; \
		what; \
	}

/*
 * The ways of n rows through a tree with records; writes whole vectors.
 */
KERNEL_TARGET static __attribute__((noinline)) void
find_ways_records(const uint8_t *lanes, const uint16_t *offsets,
				  const uint8_t *limits, const uint16_t *lane_offset,
				  const MlopsRecord *records, uint32_t n, uint8_t *ways)
{
	uint32_t	i;

	FOR_ROWS(lanes, n, i, columns,
			 store_rows(columns, ways + i,
						find_ways_below(columns, offsets, limits, lane_offset,
										records)));
}

/*
 * The ways of n rows through a tree; writes whole vectors.
 */
#define FIND_WAYS(name, shape) \
KERNEL_TARGET static __attribute__((noinline)) void \
name(const uint8_t *lanes, const uint16_t *offsets, const uint8_t *limits, \
	 uint32_t n, uint8_t *ways) \
{ \
	uint32_t	i; \
	FOR_ROWS(lanes, n, i, columns, \
			 store_rows(columns, ways + i, \
						find_ways_of(columns, offsets, limits, shape))); \
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
	uint32_t	half;			/* lanes before those with missing lowest, 0 if
								 * no value is missing */
	uint8_t		direct;			/* bits of a slot that are the number of its lane,
								 * whose width is the greatest; or 0 */
	uint16_t	lane_offset[2 * MLOPS_CHUNK_LANES];	/* twice, for bit 7 */
#ifdef KERNEL_DECIDE_ROWS
	const uint8_t *rows;		/* ranks by row, see kernel_decide.h; or NULL */
#endif
} BatchState;

/*
 * Write the ranks of a group into its lane, and into the one with missing
 * lowest if there is one; multiple tells if the group has more than one block.
 */
static KERNEL_INLINE void
rank_lane(const BatchState *state, const float *feature, const float *block,
		  uint8_t *lane, const bool multiple, const bool missing)
{
	const MlopsBatch *batch = state->batch;
	size_t		half = (size_t) state->half * batch->width;
	uint8_t    *end = lane + batch->n;

	for (; lane < end; lane++, feature += batch->stride)
	{
		unsigned	rank = multiple ? rank_in_blocks(block, *feature) :
			rank_in_block(block, *feature);

		lane[0] = rank ^ MLOPS_RANK_BIAS;
		if (missing)
		{
			lane[half] = lane[0];
			lane[0] = (rank | missing_bits(*feature)) ^ MLOPS_RANK_BIAS;
		}
	}
}

/*
 * The ranks of a batch, a lane for each group.
 */
static KERNEL_INLINE void
rank_batch(const BatchState *state, const bool missing)
{
	const MlopsBatch *batch = state->batch;
	const MlopsForest *forest = state->forest;
	const MlopsGroup *groups = mlops_forest_section(forest,
													MLOPS_SECTION_GROUPS);
	const char *cuts = mlops_forest_section(forest, MLOPS_SECTION_CUTS);
	uint32_t	n_groups = mlops_group_count(forest);
	uint32_t	i;

	for (i = 0; i < n_groups; i++)
	{
		const float *feature = batch->rows + groups[i].feature;
		const float *block = (const float *) (cuts + groups[i].start);
		uint8_t    *lane = batch->lanes + (size_t) i * batch->width;

		if (groups[i].blocks > 1)
			rank_lane(state, feature, block, lane, true, missing);
		else
			rank_lane(state, feature, block, lane, false, missing);
	}
}

/*
 * Is a value of one of the rows missing?
 */
static KERNEL_INLINE bool
batch_missing(const MlopsForest *forest, const MlopsBatch *batch)
{
	uint32_t	i = 0;

	while (i < batch->n &&
		   !row_missing(forest, batch->rows + i * batch->stride))
		i++;
	return i < batch->n;
}

/*
 * Where the lanes of a chunk's slots begin.
 */
static KERNEL_INLINE void
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
	memcpy(state->lane_offset + MLOPS_CHUNK_LANES, state->lane_offset,
		   MLOPS_CHUNK_LANES * sizeof(uint16_t));
}

/*
 * Where the lanes of a unit's splits begin, and the ranks that go right.
 */
static KERNEL_INLINE void
place_splits(const BatchState *state, const MlopsUnit *unit,
			 uint16_t *offsets, uint8_t *limits)
{
	uint32_t	i;

	for (i = 0; i < MLOPS_UNIT_SPLITS; i++)
		limits[i] = unit->bound[i] + 1;
	if (state->direct)
	{
		for (i = 0; i < MLOPS_UNIT_SPLITS; i++)
			offsets[i] = (uint16_t) (unit->table[i] & state->direct) *
				MLOPS_BATCH_ROWS;
	}
	else
	{
		for (i = 0; i < MLOPS_UNIT_SPLITS; i++)
			offsets[i] = state->lane_offset[unit->table[i]];
	}
}

/*
 * 1 if a row goes right at a split of a record, else 0.
 */
static KERNEL_INLINE uint32_t
goes_below(const MlopsRecord *record, uint32_t split, const uint16_t *offsets,
		   const int8_t *lanes)
{
	return is_above(lanes[offsets[record->lane[split]]],
					record->bound[split]);
}

/*
 * The leaf of row i, by its way and the records of the tree.
 */
static KERNEL_INLINE float
leaf_below(const int8_t *lanes, const uint16_t *offsets,
		   const MlopsRecord *records, unsigned way)
{
	const MlopsRecord *record = &records[way / NEXT_WAYS];
	unsigned	below = way % NEXT_WAYS;

#if NEXT_WAYS == 2
	below = 2 * below + goes_below(record, 1 + below, offsets, lanes);
#endif
	return record->leaf[2 * below + goes_below(record, 3 + below, offsets,
											 lanes)];
}

/*
 * Add the leaves below the records of two trees to the sums.
 */
static KERNEL_INLINE void
add_two(const BatchState *state, const MlopsRecord *records,
		uint8_t ways[2][MLOPS_BATCH_ROWS + ROWS], float *sums)
{
	const uint16_t *offsets = state->lane_offset;
	const int8_t *lanes = (const int8_t *) state->batch->lanes;
	uint32_t	n = state->batch->n;
	uint32_t	i;

#pragma GCC unroll 4
	for (i = 0; i < n; i++, lanes++)
	{
		float		first = leaf_below(lanes, offsets, records, ways[0][i]);
		float		second = leaf_below(lanes, offsets,
										records + MLOPS_TREE_RECORDS,
										ways[1][i]);

		sums[i] = sums[i] + first + second;
	}
}

/*
 * Add the leaves below the records of a tree to the sums.
 */
static KERNEL_INLINE void
add_one(const BatchState *state, const MlopsRecord *records,
		const uint8_t *ways, float *sums)
{
	const int8_t *lanes = (const int8_t *) state->batch->lanes;
	uint32_t	i;

	for (i = 0; i < state->batch->n; i++, lanes++)
		sums[i] += leaf_below(lanes, state->lane_offset, records, ways[i]);
}

/*
 * Add the leaves of a chunk's trees with records to the sums of a batch.
 */
static KERNEL_INLINE void
batch_records(const BatchState *state, const MlopsChunk *chunk)
{
	const MlopsForest *forest = state->forest;
	const MlopsBatch *batch = state->batch;
	const MlopsTree *tree = (const MlopsTree *)
		mlops_forest_section(forest, MLOPS_SECTION_TREES) + chunk->first_tree;
	const MlopsUnit *unit = mlops_line(forest, chunk->units);
	const MlopsRecord *records = mlops_line(forest, chunk->outcomes);
	uint32_t	left = chunk->n_trees;
	uint32_t	count;
	uint32_t	k;

	for (; left > 0; left -= count, tree += 2, unit++)
	{
		uint16_t	offsets[MLOPS_UNIT_SPLITS];
		uint8_t		limits[MLOPS_UNIT_SPLITS];
		uint8_t		ways[2][MLOPS_BATCH_ROWS + ROWS]
		__attribute__((aligned(64)));

		count = left < 2 ? 1 : 2;
		place_splits(state, unit, offsets, limits);
		for (k = 0; k < count; k++)
			find_ways_records(batch->lanes, offsets + 32 * k, limits + 32 * k,
							  state->lane_offset,
							  records + k * MLOPS_TREE_RECORDS, batch->n,
							  ways[k]);
		if (count == 2 && tree[0].output == tree[1].output)
			add_two(state, records, ways,
					batch->sums + (size_t) tree->output * batch->width);
		else
		{
			for (k = 0; k < count; k++)
				add_one(state, records + k * MLOPS_TREE_RECORDS, ways[k],
						batch->sums + (size_t) tree[k].output * batch->width);
		}
		records += 2 * MLOPS_TREE_RECORDS;
	}
}

/*
 * Add the leaves below numbers of nodes to the sums.
 */
static KERNEL_INLINE void
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
static KERNEL_INLINE void
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
		uint8_t		limits[MLOPS_UNIT_SPLITS];
		uint8_t		ways[MLOPS_BATCH_ROWS + ROWS]
		__attribute__((aligned(64)));
		float	   *sums = batch->sums + (size_t) tree->output * batch->width;
		uint32_t	first = i % trees * width;
		const uint16_t *places = offsets + first;
		const uint8_t *ends = limits + first;

		if (first == 0)
			place_splits(state, &unit[i / trees], offsets, limits);
		switch (chunk->shape)
		{
			case MLOPS_SHAPE_THREE:
				find_ways_three(batch->lanes, places, ends, batch->n, ways);
				break;
			case MLOPS_SHAPE_FOUR:
				find_ways_four(batch->lanes, places, ends, batch->n, ways);
				break;
			case MLOPS_SHAPE_FIVE:
				find_ways_five(batch->lanes, places, ends, batch->n, ways);
				break;
			default:
				find_ways_six(batch->lanes, places, ends, batch->n, ways);
		}
		if (chunk->shape == MLOPS_SHAPE_NODES)
			add_nodes(state, tree, (const uint32_t *) outcomes, ways, sums);
		else
			add_ways((const float *) outcomes, ways, batch->n, sums,
					 chunk->shape);
		outcomes += width * sizeof(float);
	}
}

#ifdef KERNEL_DECIDE_ROWS
#include "forest/kernel_decide.h"
#endif

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
	state.half = 0;
	state.direct = 0;
#ifdef KERNEL_DECIDE_ROWS
	state.rows = NULL;
#endif
	if (batch_missing(forest, batch))
		state.half = n_groups > MLOPS_CHUNK_SLOTS ? n_groups :
			MLOPS_CHUNK_SLOTS;
	if (n_groups <= MLOPS_CHUNK_SLOTS && batch->width == MLOPS_BATCH_ROWS)
		state.direct = state.half + MLOPS_CHUNK_SLOTS - 1;
	if (state.half > 0)
		rank_batch(&state, true);
	else
		rank_batch(&state, false);
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
#ifdef KERNEL_DECIDE_ROWS
		if (chunk->shape == MLOPS_SHAPE_RECORDS &&
			n_groups <= MLOPS_CHUNK_SLOTS)
		{
			batch_decided(&state, chunk);
			continue;
		}
#endif
		if (chunk->shape == MLOPS_SHAPE_RECORDS)
			batch_records(&state, chunk);
		else
			batch_chunk(&state, chunk);
	}
}

#endif							/* MLOPS_FOREST_KERNEL_BATCH_H */
