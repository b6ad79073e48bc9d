/*
 * evaluate.c
 *		Prediction of one row by the nodes of the trees, in portable C.
 *
 * The sums are libxgboost's own: margins start at the base score, trees are
 * added in their order, each in float32.  (Compile without contraction of
 * multiply and add: in a linear model that would change the last bit.)
 *
 * Nothing is allocated and nothing can fail: the block was checked when it
 * was opened.
 */
#include <math.h>
#include <string.h>

#include "forest/block.h"
#include "forest/path.h"

/* Rows of more features are read in place, not through slots on the stack. */
#define SLOT_FEATURES 2048

/* Trees that are walked at once, so that their loads overlap. */
#define LANES 8

static void add_straight(const MlopsForest *forest, const float *row,
						 float *output);
static void fill_slots(const MlopsForest *forest, const float *row,
					   float *slots);
static float walk_straight(const MlopsNode *nodes, const MlopsTree *tree,
						   const float *slots);
static float walk_general(const MlopsForest *forest, const MlopsTree *tree,
						  const float *row);
static void add_linear(const MlopsForest *forest, const float *row,
					   float *output);

/*
 * Add to the margins of a row what any forest or linear model adds.
 */
void
mlops_walk_forest(const MlopsForest *forest, const float *row, float *output)
{
	if (forest->booster == MLOPS_BOOSTER_GBLINEAR)
		add_linear(forest, row, output);
	else if ((forest->flags & MLOPS_BLOCK_STRAIGHT) &&
			 forest->n_features <= SLOT_FEATURES)
		add_straight(forest, row, output);
	else
		mlops_walk_trees(forest, 0, forest->n_trees, row, output);
}

/*
 * Add the leaves of all trees, where all are straight.
 */
static void
add_straight(const MlopsForest *forest, const float *row, float *output)
{
	const MlopsTree *tree = mlops_forest_section(forest,
												 MLOPS_SECTION_TREES);
	const MlopsNode *nodes = mlops_forest_section(forest,
												  MLOPS_SECTION_NODES);
	float		slots[2 * SLOT_FEATURES + 1];
	uint32_t	left = forest->n_trees;

	fill_slots(forest, row, slots);
	for (; left >= LANES; left -= LANES, tree += LANES)
	{
		uint32_t	at[LANES];
		uint32_t	steps = 0;
		int			k;

		for (k = 0; k < LANES; k++)
		{
			at[k] = tree[k].first;
			steps = tree[k].depth > steps ? tree[k].depth : steps;
		}
		/* Leaves lead to themselves, so the shallower trees just wait. */
		for (; steps > 0; steps--)
		{
#pragma GCC unroll 8
			for (k = 0; k < LANES; k++)
			{
				const MlopsNode *node = &nodes[at[k]];

				at[k] = node->left + !(slots[node->slot] < node->value);
			}
		}
		for (k = 0; k < LANES; k++)
			output[tree[k].output] += nodes[at[k]].value;
	}
	for (; left > 0; left--, tree++)
		output[tree->output] += walk_straight(nodes, tree, slots);
}

/*
 * Write a row into slots; see MlopsNode.
 */
static void
fill_slots(const MlopsForest *forest, const float *row, float *slots)
{
	uint32_t	i;

	for (i = 0; i < forest->n_features; i++)
	{
		float		feature = row[i];
		bool		missing = isnan(feature);

		slots[2 * i] = missing ? -INFINITY : feature;
		slots[2 * i + 1] = missing ? INFINITY : feature;
	}
	slots[2 * forest->n_features] = -INFINITY;
}

/*
 * The leaf value of one straight tree.
 */
static float
walk_straight(const MlopsNode *nodes, const MlopsTree *tree,
			  const float *slots)
{
	uint32_t	at = tree->first;
	uint32_t	steps;

	for (steps = tree->depth; steps > 0; steps--)
		at = nodes[at].left + !(slots[nodes[at].slot] < nodes[at].value);
	return nodes[at].value;
}

/*
 * Add the leaves of some trees of any kind.
 */
void
mlops_walk_trees(const MlopsForest *forest, uint32_t first, uint32_t count,
				 const float *row, float *output)
{
	const MlopsTree *trees = mlops_forest_section(forest,
												  MLOPS_SECTION_TREES);
	uint32_t	i;

	for (i = first; i < first + count; i++)
		output[trees[i].output] += walk_general(forest, &trees[i], row);
}

/*
 * Add the leaves of some trees of any kind to the sums of a batch.
 */
void
mlops_walk_batch(const MlopsForest *forest, uint32_t first, uint32_t count,
				 const MlopsBatch *batch)
{
	const MlopsTree *trees = mlops_forest_section(forest,
												  MLOPS_SECTION_TREES);
	uint32_t	i;
	uint32_t	r;

	for (i = first; i < first + count; i++)
	{
		float	   *sums = batch->sums + (size_t) trees[i].output *
			batch->width;

		for (r = 0; r < batch->n; r++)
			sums[r] += walk_general(forest, &trees[i],
									batch->rows + r * batch->stride);
	}
}

/*
 * The leaf value of one tree of any kind.
 */
static float
walk_general(const MlopsForest *forest, const MlopsTree *tree,
			 const float *row)
{
	const MlopsNode *nodes = mlops_forest_section(forest,
												  MLOPS_SECTION_NODES);
	uint32_t	at = tree->first;

	while (nodes[at].left != at)
		at = nodes[at].left + mlops_node_goes_right(forest, nodes[at].slot,
													nodes[at].value, row);
	return nodes[at].value;
}

/*
 * Add a linear model: the bias first, then the features that are there.
 */
static void
add_linear(const MlopsForest *forest, const float *row, float *output)
{
	const float *weights = mlops_forest_section(forest, MLOPS_SECTION_LINEAR);
	uint32_t	n_outputs = forest->n_outputs;
	const float *bias = weights + (size_t) forest->n_features * n_outputs;
	uint32_t	i;
	uint32_t	k;

	for (k = 0; k < n_outputs; k++)
	{
		float		sum = bias[k] + output[k];

		for (i = 0; i < forest->n_features; i++)
		{
			if (!isnan(row[i]))
				sum += row[i] * weights[(size_t) i * n_outputs + k];
		}
		output[k] = sum;
	}
}
