/*
 * ranks_build.c
 *		What the layout of ranks.h will be for a forest, and its groups.
 *
 * Four steps: every tree gets a shape; the thresholds of the splits that the
 * shapes cover are sorted into groups; trees are gathered into chunks; units
 * and outcomes are filled in, by ranks_fill.c.  Sizes are known before the
 * last step, which is only taken if the layout will be faster than a walk over
 * the nodes and not larger than these.  Time is that of sorting thresholds.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "forest/ranks_build.h"

/* Trees side by side that get one shape, so that chunks are not too many. */
#define WINDOW 8

/* The layout may be as large as the nodes that it stands for, and this. */
#define FREE_BYTES 8192

/* A tree of fewer nodes is not worth 64 records. */
#define RECORDS_NODES 80

/* Nanoseconds, roughly, of what is done for a row; see worth(). */
typedef struct Costs
{
	double		group;
	double		chunk;
	double		map;
	double		shapes[MLOPS_SHAPE_RECORDS + 1];
	double		nodes;			/* beside the steps of the walk */
} Costs;

static const Costs row_costs = {
	3.0, 6.0, 20.0, {1.0, 1.7, 2.3, 3.0, 5.0}, 6.0
};
static const Costs batch_costs = {
	3.0, 0.5, 1.0, {0.6, 0.9, 1.1, 1.5, 3.0}, 4.0
};

#define COST_STEP 1.5
#define COST_WALK 2.0

static void *zeroed(size_t count, size_t size);
static bool prepare(MlopsRankBuilder *builder);
static void finish(MlopsRankBuilder *builder);
static MlopsShape natural_shape(const MlopsRankSource *source,
								const MlopsTree *tree);
static void choose_shapes(MlopsRankBuilder *builder);
static uint32_t shape_levels(MlopsShape shape);
static void collect_cuts(MlopsRankBuilder *builder, uint32_t at,
						 uint32_t levels);
static int	compare_cuts(const void *left, const void *right);
static void group_cuts(MlopsRankBuilder *builder);
static void count_blocks(MlopsRankBuilder *builder);
static uint32_t group_size(uint32_t left);
static uint32_t block_count(uint32_t count);
static bool make_groups(MlopsRankBuilder *builder);
static void fill_group(MlopsGroup *group, const MlopsCut *cuts, uint32_t count,
					   float *blocks);
static bool make_chunks(MlopsRankBuilder *builder);
static void begin_chunk(MlopsRankBuilder *builder, uint32_t tree,
						MlopsShape shape);
static bool add_tree(MlopsRankBuilder *builder, uint32_t tree);
static uint32_t new_groups(MlopsRankBuilder *builder, uint32_t at,
						   uint32_t levels, uint16_t *fresh, uint32_t count);
static void place_chunks(MlopsRankBuilder *builder);
static bool worth(const MlopsRankBuilder *builder);
static double cost(const MlopsRankBuilder *builder, const Costs *costs);
static uint32_t steps_of(const MlopsTree *tree);

/*
 * Make the layout of a forest.
 */
bool
mlops_ranks_build(const MlopsRankSource *source, MlopsRankSections *sections)
{
	MlopsRankBuilder		builder;
	bool		good;

	memset(sections, 0, sizeof(*sections));
	memset(&builder, 0, sizeof(builder));
	if (source->n_trees == 0)
		return true;
	builder.source = source;
	builder.sections = sections;
	good = prepare(&builder);
	if (good)
	{
		choose_shapes(&builder);
		group_cuts(&builder);
		if (builder.n_groups > 0 && builder.n_groups <= MLOPS_MAX_GROUPS)
		{
			good = make_chunks(&builder);
			if (good && worth(&builder))
				good = make_groups(&builder) && mlops_ranks_fill(&builder);
		}
	}
	finish(&builder);
	return good;
}

/*
 * Free the sections.
 */
void
mlops_ranks_free(MlopsRankSections *sections)
{
	int			i;

	for (i = 0; i < MLOPS_SECTION_COUNT; i++)
		free(sections->data[i]);
}

/*
 * Memory for the first two steps; false if there is none.  Not more splits
 * than half of the nodes are cuts.
 */
static bool
prepare(MlopsRankBuilder *builder)
{
	const MlopsRankSource *source = builder->source;

	builder->room = source->n_nodes / 2;
	builder->shapes = zeroed(source->n_trees, 1);
	builder->cuts = zeroed(builder->room, sizeof(MlopsCut));
	builder->first_cut = zeroed((size_t) source->n_features + 1,
								sizeof(uint32_t));
	builder->first_group = zeroed(source->n_features, sizeof(uint32_t));
	return builder->shapes && builder->cuts && builder->first_cut &&
		builder->first_group;
}

/*
 * Free what only the building needs.
 */
static void
finish(MlopsRankBuilder *builder)
{
	free(builder->shapes);
	free(builder->cuts);
	free(builder->first_cut);
	free(builder->first_group);
	free(builder->chunks);
	free(builder->maps);
	free(builder->slots);
	free(builder->used);
}

/*
 * Zeroed memory, also for a count of 0.
 */
static void *
zeroed(size_t count, size_t size)
{
	return calloc(count ? count : 1, size);
}

/*
 * The shape of a tree by itself.
 */
static MlopsShape
natural_shape(const MlopsRankSource *source, const MlopsTree *tree)
{
	uint32_t	i;

	for (i = tree->first; i < tree->first + tree->count; i++)
	{
		if (source->nodes[i].slot & MLOPS_SLOT_CATEGORICAL)
			return MLOPS_SHAPE_PLAIN;
	}
	if (tree->depth <= 3)
		return MLOPS_SHAPE_THREE;
	if (tree->depth <= 6)
		return MLOPS_SHAPE_THREE + (tree->depth - 3);
	if (tree->depth <= 8 && tree->count >= RECORDS_NODES)
		return MLOPS_SHAPE_RECORDS;
	return MLOPS_SHAPE_NODES;
}

/*
 * Give all trees of a window the largest shape among them, but for plain
 * ones, and collect the thresholds that are covered.
 */
static void
choose_shapes(MlopsRankBuilder *builder)
{
	const MlopsRankSource *source = builder->source;
	uint32_t	start;
	uint32_t	i;

	for (start = 0; start < source->n_trees; start += WINDOW)
	{
		uint32_t	end = start + WINDOW;
		MlopsShape	largest = MLOPS_SHAPE_THREE;

		if (end > source->n_trees)
			end = source->n_trees;
		for (i = start; i < end; i++)
		{
			builder->shapes[i] = natural_shape(source, &source->trees[i]);
			if (builder->shapes[i] != MLOPS_SHAPE_PLAIN &&
				builder->shapes[i] > largest)
				largest = builder->shapes[i];
		}
		for (i = start; i < end; i++)
		{
			if (builder->shapes[i] == MLOPS_SHAPE_PLAIN)
				continue;
			builder->shapes[i] = largest;
			collect_cuts(builder, source->trees[i].first,
						 shape_levels(largest));
		}
	}
}

/*
 * How many levels of a tree a shape holds as splits over ranks.
 */
static uint32_t
shape_levels(MlopsShape shape)
{
	if (shape == MLOPS_SHAPE_PLAIN)
		return 0;
	return shape == MLOPS_SHAPE_RECORDS ? 8 : MLOPS_SHAPE_LEVELS(shape);
}

/*
 * Collect the thresholds of so many levels from a node on.
 */
static void
collect_cuts(MlopsRankBuilder *builder, uint32_t at, uint32_t levels)
{
	const MlopsNode *node = &builder->source->nodes[at];

	if (levels == 0 || mlops_is_leaf(builder, at))
		return;
	builder->cuts[builder->n_cuts].feature = node->slot / 2;
	/* One zero: both compare the same. */
	builder->cuts[builder->n_cuts++].value = node->value + 0.0f;
	collect_cuts(builder, node->left, levels - 1);
	collect_cuts(builder, node->left + 1, levels - 1);
}

/*
 * Order by feature, then value.
 */
static int
compare_cuts(const void *left, const void *right)
{
	const MlopsCut  *a = left;
	const MlopsCut  *b = right;

	if (a->feature != b->feature)
		return a->feature < b->feature ? -1 : 1;
	return (a->value > b->value) - (a->value < b->value);
}

/*
 * Sort the cuts, keep the distinct ones, and number the groups.
 */
static void
group_cuts(MlopsRankBuilder *builder)
{
	const MlopsRankSource *source = builder->source;
	MlopsCut		   *cuts = builder->cuts;
	size_t		kept = 0;
	size_t		i;
	uint32_t	feature;

	qsort(cuts, builder->n_cuts, sizeof(MlopsCut), compare_cuts);
	for (i = 0; i < builder->n_cuts; i++)
	{
		if (kept == 0 || compare_cuts(&cuts[kept - 1], &cuts[i]) != 0)
			cuts[kept++] = cuts[i];
	}
	builder->n_cuts = kept;
	for (i = 0, feature = 0; feature < source->n_features; feature++)
	{
		uint32_t	count;

		builder->first_cut[feature] = i;
		builder->first_group[feature] = builder->n_groups;
		while (i < kept && cuts[i].feature == feature)
			i++;
		count = i - builder->first_cut[feature];
		builder->n_groups += (count + MLOPS_GROUP_CUTS - 1) /
			MLOPS_GROUP_CUTS;
	}
	builder->first_cut[source->n_features] = kept;
	count_blocks(builder);
}

/*
 * Count the blocks of all groups.
 */
static void
count_blocks(MlopsRankBuilder *builder)
{
	uint32_t	i;

	for (i = 0; i < builder->source->n_features; i++)
	{
		uint32_t	left = builder->first_cut[i + 1] - builder->first_cut[i];

		while (left > 0)
		{
			uint32_t	count = group_size(left);
			uint32_t	blocks = block_count(count);

			builder->n_blocks += blocks + (blocks > 1);
			left -= count;
		}
	}
}

/*
 * Cuts of the next group, if a feature has so many left.
 */
static uint32_t
group_size(uint32_t left)
{
	return left < MLOPS_GROUP_CUTS ? left : MLOPS_GROUP_CUTS;
}

/*
 * The group of a split, and the number of its cut within that.
 */
void
mlops_ranks_find_cut(const MlopsRankBuilder *builder, const MlopsNode *node,
					 uint32_t *group, uint32_t *number)
{
	uint32_t	feature = node->slot / 2;
	uint32_t	first = builder->first_cut[feature];
	uint32_t	low = first;
	uint32_t	high = builder->first_cut[feature + 1] - 1;

	while (low < high)
	{
		uint32_t	middle = low + (high - low) / 2;

		if (builder->cuts[middle].value < node->value)
			low = middle + 1;
		else
			high = middle;
	}
	*group = builder->first_group[feature] + (low - first) / MLOPS_GROUP_CUTS;
	*number = (low - first) % MLOPS_GROUP_CUTS;
}

/*
 * Write the sections of groups and cuts.
 */
static bool
make_groups(MlopsRankBuilder *builder)
{
	MlopsRankSections *sections = builder->sections;
	MlopsGroup *groups = zeroed(builder->n_groups, sizeof(MlopsGroup));
	float	   *blocks = zeroed(builder->n_blocks,
								MLOPS_CUT_BLOCK * sizeof(float));
	uint32_t	feature;
	uint32_t	n = 0;
	uint32_t	next = 0;

	sections->data[MLOPS_SECTION_GROUPS] = groups;
	sections->data[MLOPS_SECTION_CUTS] = blocks;
	if (groups == NULL || blocks == NULL)
		return false;
	for (feature = 0; feature < builder->source->n_features; feature++)
	{
		uint32_t	at = builder->first_cut[feature];
		uint32_t	end = builder->first_cut[feature + 1];

		while (at < end)
		{
			uint32_t	count = group_size(end - at);

			groups[n].feature = feature;
			groups[n].start = next * MLOPS_LINE;
			fill_group(&groups[n], &builder->cuts[at], count,
					   blocks + (size_t) next * MLOPS_CUT_BLOCK);
			next += groups[n].blocks + (groups[n].blocks > 1);
			n++;
			at += count;
		}
	}
	sections->size[MLOPS_SECTION_GROUPS] = n * sizeof(MlopsGroup);
	sections->size[MLOPS_SECTION_CUTS] = (size_t) next * MLOPS_CUT_BLOCK *
		sizeof(float);
	return true;
}

/*
 * Blocks that a group of this many cuts has, without the one before them.
 */
static uint32_t
block_count(uint32_t count)
{
	return count <= MLOPS_CUT_BLOCK ? 1 : count / MLOPS_CUT_BLOCK + 1;
}

/*
 * Write the blocks of one group.
 */
static void
fill_group(MlopsGroup *group, const MlopsCut *cuts, uint32_t count,
		   float *blocks)
{
	uint32_t	i;

	group->blocks = block_count(count);
	if (group->blocks > 1)
	{
		for (i = 0; i < MLOPS_CUT_BLOCK; i++)
			blocks[i] = i + 1 < group->blocks ?
				cuts[(i + 1) * MLOPS_CUT_BLOCK - 1].value : NAN;
		blocks += MLOPS_CUT_BLOCK;
	}
	for (i = 0; i < group->blocks * MLOPS_CUT_BLOCK; i++)
		blocks[i] = i < count ? cuts[i].value : NAN;
}

/*
 * Gather trees into chunks.  Up to 64 groups all chunks share one map, in
 * which slots are groups.
 */
static bool
make_chunks(MlopsRankBuilder *builder)
{
	uint32_t	n_trees = builder->source->n_trees;
	uint32_t	i;

	builder->shared = builder->n_groups <= MLOPS_CHUNK_SLOTS;
	builder->chunks = zeroed(n_trees, sizeof(MlopsChunk));
	builder->maps = zeroed(builder->shared ? 1 : n_trees,
						   MLOPS_CHUNK_SLOTS * sizeof(uint16_t));
	builder->slots = zeroed(builder->n_groups, 1);
	builder->used = zeroed(builder->n_groups, sizeof(bool));
	if (!builder->chunks || !builder->maps || !builder->slots ||
		!builder->used)
		return false;
	builder->n_maps = builder->shared;
	for (i = 0; builder->shared && i < builder->n_groups; i++)
		builder->maps[i] = i;
	for (i = 0; i < n_trees; i++)
	{
		MlopsShape	shape = builder->shapes[i];

		if (builder->n_chunks > 0 &&
			builder->chunks[builder->n_chunks - 1].shape == shape &&
			add_tree(builder, i))
			continue;
		begin_chunk(builder, i, shape);
		if (!add_tree(builder, i))
		{
			/* Too many groups by itself: only its first six levels. */
			builder->shapes[i] = MLOPS_SHAPE_NODES;
			builder->chunks[builder->n_chunks - 1].shape = MLOPS_SHAPE_NODES;
			add_tree(builder, i);
		}
	}
	place_chunks(builder);
	return true;
}

/*
 * Start a chunk at a tree.
 */
static void
begin_chunk(MlopsRankBuilder *builder, uint32_t tree, MlopsShape shape)
{
	MlopsChunk *chunk = &builder->chunks[builder->n_chunks++];

	memset(chunk, 0, sizeof(*chunk));
	chunk->first_tree = tree;
	chunk->shape = shape;
	chunk->n_slots = builder->shared ? builder->n_groups : 1;
	if (!builder->shared)
	{
		chunk->map = builder->n_maps++;
		builder->n_used = 0;
		memset(builder->used, 0, builder->n_groups * sizeof(bool));
	}
}

/*
 * Add a tree to the last chunk; false if that has no slots left for it.
 */
static bool
add_tree(MlopsRankBuilder *builder, uint32_t tree)
{
	MlopsChunk *chunk = &builder->chunks[builder->n_chunks - 1];
	uint16_t   *map = builder->maps + chunk->map * MLOPS_CHUNK_SLOTS;
	uint16_t	fresh[256];		/* eight levels have 255 splits */
	uint32_t	count;
	uint32_t	i;

	if (!builder->shared)
	{
		count = new_groups(builder, builder->source->trees[tree].first,
						   shape_levels(chunk->shape), fresh, 0);
		if (builder->n_used + count > MLOPS_CHUNK_SLOTS)
		{
			for (i = 0; i < count; i++)
				builder->used[fresh[i]] = false;
			return false;
		}
		for (i = 0; i < count; i++)
			map[builder->n_used++] = fresh[i];
		if (builder->n_used > 0)
			chunk->n_slots = builder->n_used;
	}
	chunk->n_trees++;
	return true;
}

/*
 * Groups of so many levels from a node on that the chunk does not use yet:
 * they are marked as used and added to the count that are in fresh.
 */
static uint32_t
new_groups(MlopsRankBuilder *builder, uint32_t at, uint32_t levels,
		   uint16_t *fresh, uint32_t count)
{
	const MlopsNode *node = &builder->source->nodes[at];
	uint32_t	group;
	uint32_t	number;

	if (levels == 0 || mlops_is_leaf(builder, at))
		return count;
	mlops_ranks_find_cut(builder, node, &group, &number);
	if (!builder->used[group])
	{
		builder->used[group] = true;
		fresh[count++] = group;
	}
	count = new_groups(builder, node->left, levels - 1, fresh, count);
	return new_groups(builder, node->left + 1, levels - 1, fresh, count);
}

/*
 * Number the lines of all chunks: units first, then outcomes, of each.
 */
static void
place_chunks(MlopsRankBuilder *builder)
{
	uint32_t	i;

	for (i = 0; i < builder->n_chunks; i++)
	{
		MlopsChunk *chunk = &builder->chunks[i];
		uint32_t	trees = MLOPS_SHAPE_TREES(chunk->shape);
		uint64_t	n_units = (chunk->n_trees + trees - 1) / trees;

		if (chunk->shape == MLOPS_SHAPE_PLAIN)
			continue;
		chunk->units = builder->n_lines;
		builder->n_lines += n_units * MLOPS_UNIT_LINES;
		chunk->outcomes = builder->n_lines;
		builder->n_lines += n_units * MLOPS_OUTCOME_LINES(chunk->shape);
	}
}

/*
 * Is the layout faster than the walk over nodes, and small enough?
 */
static bool
worth(const MlopsRankBuilder *builder)
{
	const MlopsRankSource *source = builder->source;
	uint64_t	limit = source->n_nodes *
		(sizeof(MlopsNode) + sizeof(MlopsNodeStatistics)) + FREE_BYTES;
	uint64_t	size = (builder->n_lines + builder->n_blocks) * MLOPS_LINE +
		(uint64_t) builder->n_groups * sizeof(MlopsGroup) +
		builder->n_chunks * sizeof(MlopsChunk) +
		builder->n_maps * MLOPS_CHUNK_SLOTS * sizeof(uint16_t);
	double		walk = 0.0;
	uint32_t	i;

	for (i = 0; i < source->n_trees; i++)
		walk += COST_WALK + steps_of(&source->trees[i]) * COST_STEP;
	builder->sections->rows = cost(builder, &row_costs) < walk;
	return size <= limit && builder->n_lines <= UINT32_MAX &&
		(builder->sections->rows || cost(builder, &batch_costs) < walk);
}

/*
 * What the layout costs.
 */
static double
cost(const MlopsRankBuilder *builder, const Costs *costs)
{
	const MlopsRankSource *source = builder->source;
	double		sum = builder->n_groups * costs->group +
		builder->n_chunks * costs->chunk +
		(builder->shared ? 0.0 : builder->n_maps * costs->map);
	uint32_t	i;

	for (i = 0; i < source->n_trees; i++)
	{
		MlopsShape	shape = builder->shapes[i];
		uint32_t	steps = steps_of(&source->trees[i]);

		if (shape <= MLOPS_SHAPE_RECORDS)
			sum += costs->shapes[shape];
		else if (shape == MLOPS_SHAPE_PLAIN)
			sum += COST_WALK + steps * COST_STEP;
		else
			sum += costs->nodes + (steps > 6 ? (steps - 6) * COST_STEP : 0.0);
	}
	return sum;
}

/*
 * Steps of a walk through a tree: its depth, or what is likely if it is not
 * straight.
 */
static uint32_t
steps_of(const MlopsTree *tree)
{
	uint32_t	balanced = 0;

	while (tree->count >> (balanced + 1))
		balanced++;
	return tree->straight || tree->depth < 2 * balanced ? tree->depth :
		2 * balanced;
}

