/*
 * flatten.c
 *		From a model file to a block.
 *
 * Trees are checked and flattened one by one into buffers that grow; the
 * block is then allocated in its final size and filled.  Nodes are numbered
 * level by level, which puts the levels that every row visits side by side
 * and children after their parent.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "forest/buffer.h"
#include "forest/model.h"
#include "forest/ranks.h"

typedef struct Builder
{
	const MlopsModel *model;
	MlopsTreeScratch scratch;
	MlopsBuffer sections[MLOPS_SECTION_COUNT];
	uint32_t	flags;
	uint32_t	max_depth;
	bool		numbered;		/* some node is not numbered by its place */
	uint32_t	max_number;
} Builder;

static void *append(Builder *builder, MlopsSectionKind kind, size_t bytes);
static bool flatten_trees(Builder *builder);
static bool flatten_tree(Builder *builder, uint32_t index);
static bool flatten_node(Builder *builder, uint32_t place, uint32_t first,
						 float weight, MlopsNode *node,
						 MlopsNodeStatistics *statistics);
static bool straight(const Builder *builder, const MlopsNode *nodes);
static bool flatten_categories(Builder *builder, uint32_t first);
static bool append_categories(Builder *builder, const int32_t *categories,
							  uint32_t count, uint32_t *index);
static bool flatten_numbers(Builder *builder);
static void finish_numbers(Builder *builder);
static bool flatten_arrays(Builder *builder);
static bool flatten_ranks(Builder *builder);
static bool append_floats(Builder *builder, MlopsSectionKind kind,
						  const float *floats, size_t count);
static bool write_block(Builder *builder, void **block, size_t *block_size);
static void write_header(const Builder *builder, MlopsForest *forest,
						 size_t size);

/*
 * Check a model and flatten it.
 */
bool
mlops_forest_build(const void *data, size_t size, void **block,
				   size_t *block_size, MlopsForestError *err)
{
	MlopsDocument document;
	MlopsModel	model;
	Builder		builder;
	bool		good;
	int			i;

	*block = NULL;
	*block_size = 0;
	if (!mlops_document_read(&document, data, size, err))
		return false;
	memset(&builder, 0, sizeof(builder));
	builder.model = &model;
	good = mlops_model_read(&document, &model, err) &&
		flatten_trees(&builder) &&
		flatten_arrays(&builder) &&
		flatten_ranks(&builder) &&
		write_block(&builder, block, block_size);
	mlops_tree_free(&builder.scratch);
	for (i = 0; i < MLOPS_SECTION_COUNT; i++)
		free(builder.sections[i].data);
	mlops_model_free(&model);
	mlops_document_free(&document);
	return good;
}

/*
 * Room for more bytes at the end of a section; NULL if out of memory.
 */
static void *
append(Builder *builder, MlopsSectionKind kind, size_t bytes)
{
	void	   *room = mlops_buffer_room(&builder->sections[kind], bytes);

	if (room == NULL)
		mlops_forest_fail(builder->model->err, "out of memory");
	return room;
}

/*
 * All trees in their order.
 */
static bool
flatten_trees(Builder *builder)
{
	const MlopsModel *model = builder->model;
	const MlopsValue *value;
	uint32_t	index = 0;

	builder->flags = MLOPS_BLOCK_STRAIGHT;
	if (model->trees == NULL)
		return true;
	for (value = mlops_value_first(model->document, model->trees);
		 value != NULL;
		 value = mlops_value_next(model->document, value), index++)
	{
		if (!mlops_tree_read(model, value, index, &builder->scratch) ||
			!flatten_tree(builder, index))
			return false;
	}
	return true;
}

/*
 * One tree, whose nodes follow those of the trees before it.
 */
static bool
flatten_tree(Builder *builder, uint32_t index)
{
	const MlopsModel *model = builder->model;
	MlopsTreeScratch *scratch = &builder->scratch;
	uint32_t	n = scratch->n_reachable;
	uint64_t	first = builder->sections[MLOPS_SECTION_NODES].size /
		sizeof(MlopsNode);
	float		weight = model->weights ? model->weights[index] : 1.0f;
	MlopsNodeStatistics *statistics;
	MlopsNode  *nodes;
	MlopsTree  *tree;
	uint32_t	i;

	if (first + n >= INT32_MAX)
		return mlops_forest_fail(model->err, "model has too many nodes");
	tree = append(builder, MLOPS_SECTION_TREES, sizeof(MlopsTree));
	nodes = append(builder, MLOPS_SECTION_NODES, n * sizeof(MlopsNode));
	statistics = append(builder, MLOPS_SECTION_STATISTICS,
						n * sizeof(MlopsNodeStatistics));
	if (tree == NULL || nodes == NULL || statistics == NULL)
		return false;
	for (i = 0; i < n; i++)
	{
		if (!flatten_node(builder, i, first, weight, &nodes[i],
						  &statistics[i]))
			return mlops_forest_fail(model->err,
									 "tree %u: a weighted leaf is not finite",
									 index);
	}
	tree->first = first;
	tree->count = n;
	tree->depth = scratch->depth;
	tree->output = index / model->n_parallel % model->n_outputs;
	tree->straight = straight(builder, nodes);
	if (!tree->straight)
		builder->flags &= ~MLOPS_BLOCK_STRAIGHT;
	if (scratch->n_categorical > 0)
		builder->flags |= MLOPS_BLOCK_CATEGORICAL;
	if (scratch->depth > builder->max_depth)
		builder->max_depth = scratch->depth;
	return flatten_numbers(builder) && flatten_categories(builder, first);
}

/*
 * One node at its place in the tree that begins at first.  The product with
 * the tree's weight is rounded to float32 on its own, as libxgboost does it.
 */
static bool
flatten_node(Builder *builder, uint32_t place, uint32_t first, float weight,
			 MlopsNode *node, MlopsNodeStatistics *statistics)
{
	const MlopsTreeScratch *scratch = &builder->scratch;
	uint32_t	old = scratch->order[place];

	statistics->cover = scratch->cover[old];
	statistics->weight = scratch->weight[old];
	node->value = scratch->condition[old];
	if (scratch->left[old] == -1)
	{
		statistics->weight = node->value;
		if (builder->model->weights)
			node->value *= weight;
		node->slot = 2 * builder->model->n_features;
		node->left = first + place;
		return isfinite(node->value);
	}
	node->slot = 2 * (uint32_t) scratch->feature[old] +
		!scratch->default_left[old];
	node->left = first + scratch->place[scratch->left[old]];
	if (scratch->categorical[old])
		node->slot |= MLOPS_SLOT_CATEGORICAL;
	return true;
}

/*
 * Can the tree be walked without branches, and is it worth it?  The walk
 * always takes depth steps, so not if most leaves lie far above the deepest.
 */
static bool
straight(const Builder *builder, const MlopsNode *nodes)
{
	const MlopsTreeScratch *scratch = &builder->scratch;
	uint32_t	balanced = 0;
	uint32_t	i;

	while (scratch->n_reachable >> (balanced + 1))
		balanced++;
	if (scratch->n_categorical > 0 ||
		scratch->depth > MLOPS_STRAIGHT_DEPTH ||
		scratch->depth > 2 * balanced + 2)
		return false;
	for (i = 0; i < scratch->n_reachable; i++)
	{
		if (nodes[i].value == -INFINITY)
			return false;
	}
	return true;
}

/*
 * Append the categories of a tree's splits, and put their places into the
 * nodes, of which the root is the one numbered first.
 */
static bool
flatten_categories(Builder *builder, uint32_t first)
{
	const MlopsTreeScratch *scratch = &builder->scratch;
	uint32_t	i;

	for (i = 0; i < scratch->n_categorical; i++)
	{
		MlopsNode  *nodes = (MlopsNode *)
			builder->sections[MLOPS_SECTION_NODES].data;
		uint32_t	index;

		if (!append_categories(builder,
							   scratch->category + scratch->category_start[i],
							   scratch->category_count[i], &index))
			return false;
		memcpy(&nodes[first + scratch->place[scratch->category_node[i]]].value,
			   &index, sizeof(index));
	}
	return true;
}

/*
 * Append one set of ascending categories, in the smaller of its two forms.
 */
static bool
append_categories(Builder *builder, const int32_t *categories,
				  uint32_t count, uint32_t *index)
{
	uint32_t	n_words = categories[count - 1] / 32 + 1;
	bool		list = n_words > 2 * count + 8;
	uint32_t   *words;
	uint32_t	i;

	if (list)
		n_words = count;
	*index = builder->sections[MLOPS_SECTION_CATEGORIES].size /
		sizeof(uint32_t);
	words = append(builder, MLOPS_SECTION_CATEGORIES,
				   (1 + (size_t) n_words) * sizeof(uint32_t));
	if (words == NULL)
		return false;
	*words++ = list ? n_words | MLOPS_CATEGORY_LIST : n_words;
	if (!list)
		memset(words, 0, n_words * sizeof(uint32_t));
	for (i = 0; i < count; i++)
	{
		if (list)
			words[i] = categories[i];
		else
			words[categories[i] / 32] |= 1u << categories[i] % 32;
	}
	return true;
}

/*
 * Append the numbers that a tree's left children have in the model.
 */
static bool
flatten_numbers(Builder *builder)
{
	const MlopsTreeScratch *scratch = &builder->scratch;
	uint32_t	n_pairs = scratch->n_reachable / 2;
	uint32_t   *numbers = append(builder, MLOPS_SECTION_NUMBERS,
								 n_pairs * sizeof(uint32_t));
	uint32_t	k;

	if (numbers == NULL)
		return false;
	for (k = 0; k < n_pairs; k++)
	{
		numbers[k] = scratch->order[2 * k + 1];
		if (numbers[k] != 2 * k + 1)
			builder->numbered = true;
		if (numbers[k] > builder->max_number)
			builder->max_number = numbers[k];
	}
	return true;
}

/*
 * Leave out the numbers if they are the places, and make them short if all
 * of them fit.
 */
static void
finish_numbers(Builder *builder)
{
	MlopsBuffer *numbers = &builder->sections[MLOPS_SECTION_NUMBERS];
	size_t		count = numbers->size / sizeof(uint32_t);
	size_t		i;

	if (!builder->numbered)
		numbers->size = 0;
	else if (builder->max_number <= UINT16_MAX)
	{
		for (i = 0; i < count; i++)
		{
			uint32_t	number;
			uint16_t	narrow;

			memcpy(&number, numbers->data + i * sizeof(number),
				   sizeof(number));
			narrow = number;
			memcpy(numbers->data + i * sizeof(narrow), &narrow,
				   sizeof(narrow));
		}
		numbers->size = count * sizeof(uint16_t);
	}
}

/*
 * The sections that are arrays of the model.
 */
static bool
flatten_arrays(Builder *builder)
{
	const MlopsModel *model = builder->model;
	size_t		n_weights = ((size_t) model->n_features + 1) *
		model->n_outputs;

	return append_floats(builder, MLOPS_SECTION_BASE, model->base,
						 model->n_outputs) &&
		(model->linear == NULL ||
		 append_floats(builder, MLOPS_SECTION_LINEAR, model->linear,
					   n_weights)) &&
		(model->weights == NULL ||
		 append_floats(builder, MLOPS_SECTION_WEIGHTS, model->weights,
					   model->n_trees));
}

/*
 * The second layout of the trees, where it is worth it.
 */
static bool
flatten_ranks(Builder *builder)
{
	const MlopsBuffer *nodes = &builder->sections[MLOPS_SECTION_NODES];
	const MlopsBuffer *trees = &builder->sections[MLOPS_SECTION_TREES];
	MlopsRankSource source;
	MlopsRankSections ranks;
	bool		good;
	int			i;

	source.n_features = builder->model->n_features;
	source.n_trees = trees->size / sizeof(MlopsTree);
	source.n_nodes = nodes->size / sizeof(MlopsNode);
	source.trees = (const MlopsTree *) trees->data;
	source.nodes = (const MlopsNode *) nodes->data;
	good = mlops_ranks_build(&source, &ranks) ||
		mlops_forest_fail(builder->model->err, "out of memory");
	for (i = 0; good && i < MLOPS_SECTION_COUNT; i++)
	{
		void	   *room;

		if (ranks.size[i] == 0)
			continue;
		room = append(builder, i, ranks.size[i]);
		if (room != NULL)
			memcpy(room, ranks.data[i], ranks.size[i]);
		good = room != NULL;
	}
	if (ranks.rows)
		builder->flags |= MLOPS_BLOCK_RANKED_ROWS;
	mlops_ranks_free(&ranks);
	return good;
}

/*
 * Append floats to a section.
 */
static bool
append_floats(Builder *builder, MlopsSectionKind kind, const float *floats,
			  size_t count)
{
	void	   *room = append(builder, kind, count * sizeof(float));

	if (room == NULL)
		return false;
	memcpy(room, floats, count * sizeof(float));
	return true;
}

/*
 * Allocate the block and fill it.  Padding is zero, so that equal models give
 * equal blocks.
 */
static bool
write_block(Builder *builder, void **block, size_t *block_size)
{
	size_t		size = sizeof(MlopsForest);
	size_t		offsets[MLOPS_SECTION_COUNT];
	MlopsForest *forest;
	int			i;

	finish_numbers(builder);
	for (i = 0; i < MLOPS_SECTION_COUNT; i++)
	{
		offsets[i] = size;
		size += builder->sections[i].size;
		size = (size + MLOPS_FOREST_ALIGN - 1) / MLOPS_FOREST_ALIGN *
			MLOPS_FOREST_ALIGN;
	}
	forest = aligned_alloc(MLOPS_FOREST_ALIGN, size);
	if (forest == NULL)
		return mlops_forest_fail(builder->model->err, "out of memory");
	memset(forest, 0, size);
	for (i = 0; i < MLOPS_SECTION_COUNT; i++)
	{
		forest->sections[i].offset = offsets[i];
		forest->sections[i].length = builder->sections[i].size;
		if (builder->sections[i].size > 0)
			memcpy((char *) forest + offsets[i], builder->sections[i].data,
				   builder->sections[i].size);
	}
	write_header(builder, forest, size);
	*block = forest;
	*block_size = size;
	return true;
}

/*
 * Fill the header, whose sections are set, and sign the block.
 */
static void
write_header(const Builder *builder, MlopsForest *forest, size_t size)
{
	const MlopsModel *model = builder->model;
	uint32_t	i;

	forest->magic = MLOPS_BLOCK_MAGIC;
	forest->format = MLOPS_BLOCK_FORMAT;
	forest->size = size;
	memcpy(forest->version, model->version, sizeof(forest->version));
	forest->objective = model->objective;
	forest->booster = model->booster;
	forest->n_features = model->n_features;
	forest->n_outputs = model->n_outputs;
	forest->n_trees = model->n_trees;
	forest->n_rounds = model->n_rounds;
	forest->max_depth = builder->max_depth;
	forest->flags = builder->flags;
	forest->n_sections = MLOPS_SECTION_SLOTS;
	forest->n_nodes = builder->sections[MLOPS_SECTION_NODES].size /
		sizeof(MlopsNode);
	for (i = 0; i < MLOPS_SECTION_SLOTS; i++)
		forest->sections[i].kind = i;
	forest->checksum = mlops_block_checksum(forest, size);
}
