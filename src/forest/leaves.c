/*
 * leaves.c
 *		Which leaf of each tree a row reaches.
 *
 * Nodes of a block lie in another order than in the model; the numbers that
 * they had there are in a section of their own (see block.h).
 */
#include "forest/block.h"
#include "forest/explain.h"

static uint32_t number_of(const MlopsForest *forest, uint32_t index,
						  const MlopsTree *tree, uint32_t place);

/*
 * The leaves of one row, tree by tree.
 */
void
mlops_forest_leaves(const MlopsForest *forest, const float *row,
					uint32_t *leaf)
{
	const MlopsTree *trees = mlops_forest_section(forest,
												  MLOPS_SECTION_TREES);
	const MlopsNode *nodes = mlops_forest_section(forest,
												  MLOPS_SECTION_NODES);
	uint32_t	i;

	for (i = 0; i < forest->n_trees; i++)
	{
		uint32_t	at = trees[i].first;

		while (nodes[at].left != at)
			at = nodes[at].left +
				mlops_node_goes_right(forest, nodes[at].slot,
									  nodes[at].value, row);
		leaf[i] = number_of(forest, i, &trees[i], at - trees[i].first);
	}
}

/*
 * The model's number of the node at this place in the tree with this index.
 * A tree of n splits has 2n + 1 nodes, so the splits of the trees before it
 * are half of their nodes but one for each.
 */
static uint32_t
number_of(const MlopsForest *forest, uint32_t index, const MlopsTree *tree,
		  uint32_t place)
{
	const void *numbers = mlops_forest_section(forest, MLOPS_SECTION_NUMBERS);
	uint64_t	length = forest->sections[MLOPS_SECTION_NUMBERS].length;
	uint64_t	n_pairs = (forest->n_nodes - forest->n_trees) / 2;
	uint64_t	pair;

	if (place == 0 || length == 0)
		return place;
	pair = (tree->first - index) / 2 + (place - 1) / 2;
	if (length == n_pairs * sizeof(uint16_t))
		return ((const uint16_t *) numbers)[pair] + (place - 1) % 2;
	return ((const uint32_t *) numbers)[pair] + (place - 1) % 2;
}
