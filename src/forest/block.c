/*
 * block.c
 *		Check of stored blocks.
 *
 * A block is data like any other: it may come out of a dump, a replica or a
 * damaged page.  After the checks here no prediction reads outside of it or
 * fails to end, whatever its bytes are; that its numbers are the model's own
 * is what the checksum is for.
 */
#include <math.h>
#include <string.h>

#include "forest/block.h"
#include "forest/objective.h"
#include "forest/ranks.h"
#include "forest/value.h"

_Static_assert(sizeof(MlopsForest) == 512, "size of the header is format");
_Static_assert(sizeof(MlopsTree) == 16, "size of a tree is format");
_Static_assert(sizeof(MlopsNode) == 12, "size of a node is format");

static const char *check_header(const MlopsForest *forest, size_t size);
static const char *check_sections(const MlopsForest *forest);
static const char *check_trees(const MlopsForest *forest);
static const char *check_nodes(const MlopsForest *forest,
							   const MlopsTree *tree);
static bool category_listed(const uint32_t *list, uint32_t count,
							uint32_t category);
static bool node_good(const MlopsForest *forest, const MlopsTree *tree,
					  uint32_t index);
static bool categories_good(const MlopsForest *forest, float value);

/*
 * Check a block and return it for use.
 */
const MlopsForest *
mlops_forest_open(const void *block, size_t size, MlopsForestError *err)
{
	const MlopsForest *forest = block;
	const char *why;

	if (mlops_forest_is_outdated(block, size))
	{
		mlops_forest_fail(err, "forest block is of another layout");
		return NULL;
	}
	why = check_header(forest, size);
	if (why == NULL)
		why = check_sections(forest);
	if (why == NULL)
		why = check_trees(forest);
	if (why == NULL)
		why = mlops_ranks_check(forest);
	if (why == NULL)
		return forest;
	mlops_forest_fail(err, "forest block is damaged: %s", why);
	return NULL;
}

/*
 * Is this a block, but of another format or byte order?
 */
bool
mlops_forest_is_outdated(const void *block, size_t size)
{
	uint32_t	head[2];

	if (size < sizeof(head))
		return false;
	memcpy(head, block, sizeof(head));
	if (head[0] == __builtin_bswap32(MLOPS_BLOCK_MAGIC))
		return true;
	return head[0] == MLOPS_BLOCK_MAGIC && head[1] != MLOPS_BLOCK_FORMAT;
}

/*
 * Fill info from an opened block.
 */
void
mlops_forest_info(const MlopsForest *forest, MlopsForestInfo *info)
{
	static const char *const boosters[] = {"gbtree", "dart", "gblinear"};
	int			i;

	info->objective = mlops_objective_name(forest->objective);
	info->booster = boosters[forest->booster];
	info->n_features = forest->n_features;
	info->n_outputs = forest->n_outputs;
	info->n_trees = forest->n_trees;
	info->n_rounds = forest->n_rounds;
	info->max_depth = forest->max_depth;
	info->n_nodes = forest->n_nodes;
	info->categorical = (forest->flags & MLOPS_BLOCK_CATEGORICAL) != 0;
	for (i = 0; i < 3; i++)
		info->version[i] = forest->version[i];
}

/*
 * Bytes of an opened block.
 */
size_t
mlops_forest_size(const MlopsForest *forest)
{
	return forest->size;
}

/*
 * A 64-bit checksum of everything after the checksum itself: multiply and
 * rotate, in four lanes so that it runs at the speed of memory.
 */
uint64_t
mlops_block_checksum(const void *block, size_t size)
{
	const unsigned char *at = (const unsigned char *) block +
		offsetof(MlopsForest, version);
	const unsigned char *end = (const unsigned char *) block + size;
	const uint64_t prime = UINT64_C(0x9E3779B97F4A7C15);
	uint64_t	lanes[4] = {1, 2, 3, 4};
	uint64_t	sum = size;
	int			i;

	/* Blocks are a multiple of 64 bytes, the rest of the header is 8 mod 32. */
	for (i = 0; at < end; at += 8, i = (i + 1) & 3)
	{
		uint64_t	word;

		memcpy(&word, at, sizeof(word));
		word = (lanes[i] ^ word) * prime;
		lanes[i] = word << 29 | word >> 35;
	}
	for (i = 0; i < 4; i++)
	{
		sum = (sum ^ lanes[i]) * prime;
		sum ^= sum >> 32;
	}
	return sum;
}

/*
 * Does this category go right at a split with the categories at this index?
 * What is no category, or beyond those that the split knows, goes left.
 */
bool
mlops_category_goes_right(const MlopsForest *forest, uint32_t index,
						  float feature)
{
	const uint32_t *words = mlops_forest_section(forest,
												 MLOPS_SECTION_CATEGORIES);
	uint32_t	category;
	uint32_t	count;

	if (!(feature >= 0.0f && feature < (float) MLOPS_MAX_CATEGORY))
		return false;
	category = (uint32_t) feature;
	words += index;
	count = *words++;
	if (count & MLOPS_CATEGORY_LIST)
		return category_listed(words, count & ~MLOPS_CATEGORY_LIST, category);
	return category / 32 < count &&
		(words[category / 32] >> category % 32 & 1) != 0;
}

/*
 * Binary search in an ascending list.
 */
static bool
category_listed(const uint32_t *list, uint32_t count, uint32_t category)
{
	uint32_t	low = 0;
	uint32_t	high = count;

	while (low < high)
	{
		uint32_t	middle = low + (high - low) / 2;

		if (list[middle] < category)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && list[low] == category;
}

/*
 * Check the header; what is wrong with it, NULL if nothing.
 */
static const char *
check_header(const MlopsForest *forest, size_t size)
{
	if ((uintptr_t) forest % MLOPS_FOREST_ALIGN != 0)
		return "it is not aligned";
	if (size < sizeof(MlopsForest) || size % MLOPS_FOREST_ALIGN != 0)
		return "its size is none";
	if (forest->magic != MLOPS_BLOCK_MAGIC)
		return "it is no forest";
	if (forest->size != size)
		return "it is not whole";
	if (forest->checksum != mlops_block_checksum(forest, size))
		return "its checksum differs";
	if (forest->objective >= mlops_objective_count() ||
		forest->booster > MLOPS_BOOSTER_GBLINEAR ||
		forest->n_features < 1 || forest->n_features > MLOPS_MAX_FEATURES ||
		forest->n_outputs < 1 || forest->n_outputs > MLOPS_MAX_OUTPUTS ||
		forest->n_trees > MLOPS_MAX_TREES ||
		forest->n_sections != MLOPS_SECTION_SLOTS)
		return "its header is out of range";
	return NULL;
}

/*
 * Check that sections lie in the block and are as long as the header says.
 */
static const char *
check_sections(const MlopsForest *forest)
{
	const MlopsSection *sections = forest->sections;
	bool		linear = forest->booster == MLOPS_BOOSTER_GBLINEAR;
	uint64_t	n_linear = ((uint64_t) forest->n_features + 1) *
		forest->n_outputs;
	uint64_t	n_pairs;
	uint32_t	i;

	for (i = 0; i < MLOPS_SECTION_SLOTS; i++)
	{
		if (sections[i].kind != i ||
			sections[i].offset % MLOPS_FOREST_ALIGN != 0 ||
			sections[i].offset > forest->size ||
			sections[i].length > forest->size - sections[i].offset)
			return "a section lies outside";
	}
	if (forest->n_nodes > INT32_MAX ||
		sections[MLOPS_SECTION_BASE].length !=
		forest->n_outputs * sizeof(float) ||
		sections[MLOPS_SECTION_TREES].length !=
		forest->n_trees * sizeof(MlopsTree) ||
		sections[MLOPS_SECTION_NODES].length !=
		forest->n_nodes * sizeof(MlopsNode) ||
		sections[MLOPS_SECTION_STATISTICS].length !=
		forest->n_nodes * sizeof(MlopsNodeStatistics) ||
		sections[MLOPS_SECTION_CATEGORIES].length % sizeof(uint32_t) != 0 ||
		sections[MLOPS_SECTION_LINEAR].length !=
		(linear ? n_linear * sizeof(float) : 0) ||
		sections[MLOPS_SECTION_WEIGHTS].length !=
		(forest->booster == MLOPS_BOOSTER_DART ?
		 forest->n_trees * sizeof(float) : 0))
		return "a section has a wrong length";
	if (linear && forest->n_trees > 0)
		return "a linear model has trees";
	n_pairs = forest->n_nodes < forest->n_trees ? 0 :
		(forest->n_nodes - forest->n_trees) / 2;
	if (sections[MLOPS_SECTION_NUMBERS].length != 0 &&
		sections[MLOPS_SECTION_NUMBERS].length != n_pairs * sizeof(uint16_t) &&
		sections[MLOPS_SECTION_NUMBERS].length != n_pairs * sizeof(uint32_t))
		return "a section has a wrong length";
	return NULL;
}

/*
 * Check that trees partition the nodes, and all nodes.
 */
static const char *
check_trees(const MlopsForest *forest)
{
	const MlopsTree *trees = mlops_forest_section(forest,
												  MLOPS_SECTION_TREES);
	uint64_t	next = 0;
	uint32_t	i;

	for (i = 0; i < forest->n_trees; i++)
	{
		const char *why;

		if (trees[i].first != next || trees[i].count < 1 ||
			trees[i].count > forest->n_nodes - next ||
			trees[i].depth >= trees[i].count ||
			trees[i].depth > forest->max_depth ||
			trees[i].output >= forest->n_outputs ||
			trees[i].straight > 1 ||
			(trees[i].straight && trees[i].depth > MLOPS_STRAIGHT_DEPTH) ||
			(!trees[i].straight && (forest->flags & MLOPS_BLOCK_STRAIGHT)))
			return "a tree is out of range";
		why = check_nodes(forest, &trees[i]);
		if (why != NULL)
			return why;
		next += trees[i].count;
	}
	if (next != forest->n_nodes)
		return "nodes of no tree";
	return NULL;
}

/*
 * Check the nodes of a tree: children follow in the order of their parents,
 * two for each, so every node but the root is the child of just one.
 */
static const char *
check_nodes(const MlopsForest *forest, const MlopsTree *tree)
{
	const MlopsNode *nodes = mlops_forest_section(forest,
												  MLOPS_SECTION_NODES);
	uint32_t	next = tree->first + 1;
	uint32_t	i;

	for (i = tree->first; i < tree->first + tree->count; i++)
	{
		if (!node_good(forest, tree, i))
			return "a node is out of range";
		if (nodes[i].left == i)
			continue;
		if (nodes[i].left != next)
			return "a node is out of order";
		next += 2;
	}
	return next == tree->first + tree->count ? NULL : "a node is out of reach";
}

/*
 * A node leads to itself, if a leaf, or to later nodes of the same tree.
 */
static bool
node_good(const MlopsForest *forest, const MlopsTree *tree, uint32_t index)
{
	const MlopsNode *nodes = mlops_forest_section(forest,
												  MLOPS_SECTION_NODES);
	const MlopsNode *node = &nodes[index];

	if (node->left == index)
		return node->slot == 2 * forest->n_features && isfinite(node->value);
	if (node->left <= index ||
		node->left - tree->first >= tree->count - 1)
		return false;
	if ((node->slot & ~MLOPS_SLOT_CATEGORICAL) >= 2 * forest->n_features)
		return false;
	if (node->slot & MLOPS_SLOT_CATEGORICAL)
		return !tree->straight && categories_good(forest, node->value);
	return !isnan(node->value) &&
		!(tree->straight && node->value == -INFINITY);
}

/*
 * Does the set of categories at this index lie within its section?
 */
static bool
categories_good(const MlopsForest *forest, float value)
{
	const uint32_t *words = mlops_forest_section(forest,
												 MLOPS_SECTION_CATEGORIES);
	uint64_t	n_words = forest->sections[MLOPS_SECTION_CATEGORIES].length /
		sizeof(uint32_t);
	uint32_t	index;

	memcpy(&index, &value, sizeof(index));
	return index < n_words &&
		(words[index] & ~MLOPS_CATEGORY_LIST) < n_words - index;
}
