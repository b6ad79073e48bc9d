/*
 * ranks_fill.c
 *		Units and outcomes of the layout of ranks.h.
 *
 * All ways that go through a place without a split have the outcome of the
 * leaf above it, so that it does not matter where rows go there.
 */
#include <stdlib.h>
#include <string.h>

#include "forest/ranks_build.h"

/* Biased, what no rank is above. */
#define NO_BOUND 0x7F

static void load_map(MlopsRankBuilder *builder, const MlopsChunk *chunk);
static void fill_chunk(const MlopsRankBuilder *builder,
					   const MlopsChunk *chunk, uint8_t *lines);
static void fill_splits(const MlopsRankBuilder *builder, MlopsUnit *unit,
						MlopsShape shape, uint32_t first, uint32_t place,
						uint32_t at, void *outcomes);
static uint32_t split_place(MlopsShape shape, uint32_t place);
static void fill_record(const MlopsRankBuilder *builder, MlopsRecord *record,
						uint32_t at);
static uint8_t lane_of(const MlopsRankBuilder *builder, const MlopsNode *node,
					   uint8_t *bound);

/*
 * Make the sections of chunks, maps and units.
 */
bool
mlops_ranks_fill(MlopsRankBuilder *builder)
{
	MlopsRankSections *sections = builder->sections;
	uint8_t    *lines = calloc(builder->n_lines + 1, MLOPS_LINE);
	uint32_t	i;

	if (lines == NULL)
		return false;
	for (i = 0; i < builder->n_chunks; i++)
	{
		const MlopsChunk *chunk = &builder->chunks[i];

		if (i == 0 || chunk->map != builder->chunks[i - 1].map)
			load_map(builder, chunk);
		if (chunk->shape != MLOPS_SHAPE_PLAIN)
			fill_chunk(builder, chunk, lines);
	}
	sections->data[MLOPS_SECTION_UNITS] = lines;
	sections->size[MLOPS_SECTION_UNITS] = builder->n_lines * MLOPS_LINE;
	sections->data[MLOPS_SECTION_CHUNKS] = builder->chunks;
	sections->size[MLOPS_SECTION_CHUNKS] = builder->n_chunks *
		sizeof(MlopsChunk);
	sections->data[MLOPS_SECTION_MAPS] = builder->maps;
	sections->size[MLOPS_SECTION_MAPS] = (size_t) builder->n_maps *
		MLOPS_CHUNK_SLOTS * sizeof(uint16_t);
	builder->chunks = NULL;
	builder->maps = NULL;
	return true;
}

/*
 * Note which slot each group of a chunk has.
 */
static void
load_map(MlopsRankBuilder *builder, const MlopsChunk *chunk)
{
	const uint16_t *map = builder->maps + chunk->map * MLOPS_CHUNK_SLOTS;
	uint32_t	i;

	for (i = 0; i < chunk->n_slots; i++)
		builder->slots[map[i]] = i;
}

/*
 * Fill the units and outcomes of a chunk.
 */
static void
fill_chunk(const MlopsRankBuilder *builder, const MlopsChunk *chunk,
		   uint8_t *lines)
{
	uint32_t	trees = MLOPS_SHAPE_TREES(chunk->shape);
	uint32_t	width = MLOPS_SHAPE_WIDTH(chunk->shape);
	uint8_t    *outcomes = lines + (size_t) chunk->outcomes * MLOPS_LINE;
	size_t		entry = MLOPS_OUTCOME_LINES(chunk->shape) * MLOPS_LINE /
		MLOPS_UNIT_SPLITS;
	MlopsUnit  *unit = (MlopsUnit *)
		(lines + (size_t) chunk->units * MLOPS_LINE);
	uint32_t	i;

	for (i = 0; i < chunk->n_trees; i++)
	{
		uint32_t	first = i % trees * width;
		uint32_t	root = builder->source->
			trees[chunk->first_tree + i].first;

		if (first == 0)
			memset(unit[i / trees].bound, NO_BOUND, MLOPS_UNIT_SPLITS);
		fill_splits(builder, &unit[i / trees], chunk->shape, first, 1, root,
					outcomes + (size_t) i * width * entry);
	}
}

/*
 * Fill in the tree below a node, which has this place in heap order; first is
 * where in the unit the tree begins, outcomes where its own begin.
 */
static void
fill_splits(const MlopsRankBuilder *builder, MlopsUnit *unit, MlopsShape shape,
			uint32_t first, uint32_t place, uint32_t at, void *outcomes)
{
	const MlopsNode *node = &builder->source->nodes[at];
	uint32_t	ways = 1u << MLOPS_SHAPE_LEVELS(shape);
	uint32_t	leftmost = place;
	uint32_t	count = 1;
	uint32_t	i;

	if (place < ways && !mlops_is_leaf(builder, at))
	{
		uint32_t	to = first + split_place(shape, place);

		unit->table[to] = lane_of(builder, node, &unit->bound[to]);
		fill_splits(builder, unit, shape, first, 2 * place, node->left,
					outcomes);
		fill_splits(builder, unit, shape, first, 2 * place + 1,
					node->left + 1, outcomes);
		return;
	}
	for (; leftmost < ways; leftmost *= 2)
		count *= 2;
	for (i = leftmost - ways; i < leftmost - ways + count; i++)
	{
		if (shape == MLOPS_SHAPE_RECORDS)
			fill_record(builder, (MlopsRecord *) outcomes + i, at);
		else if (shape == MLOPS_SHAPE_NODES)
			((uint32_t *) outcomes)[i] = at;
		else
			((float *) outcomes)[i] = node->value;
	}
}

/*
 * Where in the bytes of a tree the split at this place in heap order lies.
 */
static uint32_t
split_place(MlopsShape shape, uint32_t place)
{
	uint32_t	top = MLOPS_SHAPE_LEVELS(shape) - 3;
	uint32_t	level = 31 - __builtin_clz(place);
	uint32_t	below;
	uint32_t	subtree;

	if (level < top)
		return place - 1;
	below = level - top;
	subtree = (place >> below) - (1u << top);
	place = 1u << below | (place & ((1u << below) - 1));
	return (1u << top) - 1 + 7 * subtree + place - 1;
}

/*
 * Fill a record with what is below a node, or with a leaf alone.  A leaf is
 * its own left child, and where there is one it is the right child as well.
 */
static void
fill_record(const MlopsRankBuilder *builder, MlopsRecord *record, uint32_t at)
{
	const MlopsNode *nodes = builder->source->nodes;
	uint32_t	below[15];
	uint8_t		bound;
	uint32_t	i;

	below[0] = at;
	for (i = 0; i < 7; i++)
	{
		uint32_t	left = nodes[below[i]].left;

		record->bound[i] = NO_BOUND;
		if (!mlops_is_leaf(builder, below[i]))
		{
			record->lane[i] = lane_of(builder, &nodes[below[i]], &bound);
			record->bound[i] = (int8_t) bound;
		}
		below[2 * i + 1] = left;
		below[2 * i + 2] = left + (left != below[i]);
	}
	record->bound[7] = NO_BOUND;
	for (i = 0; i < 8; i++)
		record->leaf[i] = nodes[below[7 + i]].value;
}

/*
 * The lane of a split, with bit 4 in bit 7 once more, and its bound.
 */
static uint8_t
lane_of(const MlopsRankBuilder *builder, const MlopsNode *node, uint8_t *bound)
{
	uint32_t	group;
	uint32_t	number;
	uint8_t		lane;

	mlops_ranks_find_cut(builder, node, &group, &number);
	*bound = number ^ MLOPS_RANK_BIAS;
	lane = builder->slots[group] + (node->slot & 1 ? 0 : MLOPS_CHUNK_SLOTS);
	return lane | (lane >> 4 & 1) << 7;
}
