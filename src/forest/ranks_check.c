/*
 * ranks_check.c
 *		Check of the layout of ranks.h in stored blocks.
 *
 * After it no kernel reads outside of the block, writes outside of its own
 * buffers or fails to end.  What kernels mask themselves needs no check: bytes
 * of a unit only ever choose among 128 lanes.
 */
#include <math.h>

#include "forest/ranks.h"

_Static_assert(sizeof(MlopsGroup) == 16, "size of a group is format");
_Static_assert(sizeof(MlopsChunk) == 32, "size of a chunk is format");
_Static_assert(MLOPS_CUT_BLOCK * sizeof(float) == MLOPS_LINE,
			   "size of a block of cuts is format");
_Static_assert(sizeof(MlopsUnit) == MLOPS_UNIT_LINES * MLOPS_LINE,
			   "size of a unit is format");
_Static_assert(sizeof(MlopsRecord) == 48, "size of a record is format");

static bool groups_good(const MlopsForest *forest);
static bool maps_good(const MlopsForest *forest);
static const char *check_chunks(const MlopsForest *forest);
static bool chunk_good(const MlopsForest *forest, const MlopsChunk *chunk);
static bool lines_good(const MlopsForest *forest, uint64_t first,
					   uint64_t count);
static bool outcomes_good(const MlopsForest *forest, const MlopsChunk *chunk);

/*
 * Check the layout, if there is one.
 */
const char *
mlops_ranks_check(const MlopsForest *forest)
{
	const MlopsSection *sections = forest->sections;

	if (sections[MLOPS_SECTION_CHUNKS].length == 0)
		return NULL;
	if (sections[MLOPS_SECTION_GROUPS].length % sizeof(MlopsGroup) != 0 ||
		sections[MLOPS_SECTION_CUTS].length % MLOPS_LINE != 0 ||
		sections[MLOPS_SECTION_CHUNKS].length % sizeof(MlopsChunk) != 0 ||
		sections[MLOPS_SECTION_MAPS].length %
		(MLOPS_CHUNK_SLOTS * sizeof(uint16_t)) != 0 ||
		sections[MLOPS_SECTION_UNITS].length % MLOPS_LINE != 0)
		return "a section has a wrong length";
	if (!groups_good(forest))
		return "a group of ranks is out of range";
	if (!maps_good(forest))
		return "a slot of ranks is out of range";
	return check_chunks(forest);
}

/*
 * Groups have cuts of their own, and their first block leads to those.
 */
static bool
groups_good(const MlopsForest *forest)
{
	const MlopsGroup *groups = mlops_forest_section(forest,
													MLOPS_SECTION_GROUPS);
	const float *cuts = mlops_forest_section(forest, MLOPS_SECTION_CUTS);
	uint64_t	n_blocks = forest->sections[MLOPS_SECTION_CUTS].length /
		(MLOPS_CUT_BLOCK * sizeof(float));
	uint64_t	n_groups = forest->sections[MLOPS_SECTION_GROUPS].length /
		sizeof(MlopsGroup);
	uint64_t	next = 0;
	uint64_t	i;
	uint32_t	k;

	if (n_groups < 1 || n_groups > MLOPS_MAX_GROUPS)
		return false;
	for (i = 0; i < n_groups; i++)
	{
		const MlopsGroup *group = &groups[i];
		const float *block = cuts + next * MLOPS_CUT_BLOCK;

		if (group->feature >= forest->n_features ||
			group->start != next * MLOPS_LINE ||
			group->blocks < 1 || group->blocks > MLOPS_CUT_BLOCK)
			return false;
		next += group->blocks + (group->blocks > 1);
		if (next > n_blocks)
			return false;
		for (k = group->blocks - 1; group->blocks > 1 &&
			 k < MLOPS_CUT_BLOCK; k++)
		{
			if (!isnan(block[k]))
				return false;
		}
	}
	return next == n_blocks;
}

/*
 * Slots lead to groups.
 */
static bool
maps_good(const MlopsForest *forest)
{
	const uint16_t *maps = mlops_forest_section(forest, MLOPS_SECTION_MAPS);
	uint64_t	count = forest->sections[MLOPS_SECTION_MAPS].length /
		sizeof(uint16_t);
	uint32_t	n_groups = mlops_group_count(forest);
	uint64_t	i;

	for (i = 0; i < count; i++)
	{
		/* Kernels take slots for groups where these are few. */
		if (maps[i] >= n_groups ||
			(n_groups <= MLOPS_CHUNK_SLOTS && i < n_groups && maps[i] != i))
			return false;
	}
	return count > 0;
}

/*
 * Chunks partition the trees, and lines.
 */
static const char *
check_chunks(const MlopsForest *forest)
{
	uint32_t	n_chunks;
	const MlopsChunk *chunks = mlops_chunks(forest, &n_chunks);
	uint32_t	next = 0;
	uint32_t	i;

	if (forest->booster == MLOPS_BOOSTER_GBLINEAR)
		return "a linear model has ranks";
	for (i = 0; i < n_chunks; i++)
	{
		if (chunks[i].first_tree != next || chunks[i].n_trees < 1 ||
			chunks[i].n_trees > forest->n_trees - next ||
			!chunk_good(forest, &chunks[i]))
			return "a chunk of trees is out of range";
		next += chunks[i].n_trees;
	}
	return next == forest->n_trees ? NULL : "trees of no chunk";
}

/*
 * A chunk has a shape, a map and lines.
 */
static bool
chunk_good(const MlopsForest *forest, const MlopsChunk *chunk)
{
	uint64_t	n_maps = forest->sections[MLOPS_SECTION_MAPS].length /
		(MLOPS_CHUNK_SLOTS * sizeof(uint16_t));
	uint64_t	trees;
	uint64_t	n_units;

	if (chunk->shape >= MLOPS_SHAPE_COUNT || chunk->n_slots < 1 ||
		chunk->n_slots > MLOPS_CHUNK_SLOTS ||
		chunk->n_slots > mlops_group_count(forest) || chunk->map >= n_maps ||
		(mlops_group_count(forest) <= MLOPS_CHUNK_SLOTS && chunk->map != 0))
		return false;
	if (chunk->shape == MLOPS_SHAPE_PLAIN)
		return true;
	trees = MLOPS_SHAPE_TREES(chunk->shape);
	n_units = (chunk->n_trees + trees - 1) / trees;
	return lines_good(forest, chunk->units, n_units * MLOPS_UNIT_LINES) &&
		lines_good(forest, chunk->outcomes,
				   n_units * MLOPS_OUTCOME_LINES(chunk->shape)) &&
		outcomes_good(forest, chunk);
}

/*
 * Do these lines lie within their section?
 */
static bool
lines_good(const MlopsForest *forest, uint64_t first, uint64_t count)
{
	return (first + count) * MLOPS_LINE <=
		forest->sections[MLOPS_SECTION_UNITS].length;
}

/*
 * Numbers of nodes lie in their tree.
 */
static bool
outcomes_good(const MlopsForest *forest, const MlopsChunk *chunk)
{
	const MlopsTree *trees = mlops_forest_section(forest,
												  MLOPS_SECTION_TREES);
	const uint32_t *nodes = mlops_line(forest, chunk->outcomes);
	uint32_t	i;

	if (chunk->shape != MLOPS_SHAPE_NODES)
		return true;
	for (i = 0; i < chunk->n_trees * MLOPS_UNIT_SPLITS; i++)
	{
		const MlopsTree *tree = trees + chunk->first_tree +
			i / MLOPS_UNIT_SPLITS;

		if (nodes[i] - tree->first >= tree->count)
			return false;
	}
	return true;
}
