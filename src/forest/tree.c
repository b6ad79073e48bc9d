/*
 * tree.c
 *		Check of one tree of a model.
 *
 * The arrays of a tree are read into scratch storage that grows to the
 * largest tree; what they say is compared before anything is allocated, so
 * storage is bounded by the input.  A tree is taken only if every node is
 * reached exactly once from the root or is one that pruning has deleted.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "forest/model.h"

/* What libxgboost writes as parent of the root and feature of the deleted. */
#define NO_PARENT INT32_MAX
#define DELETED_FEATURE INT32_MAX

static bool bad_tree(const MlopsModel *model, uint32_t index,
					 const char *what);
static bool check_header(const MlopsModel *model, const MlopsValue *value,
						 uint32_t index, uint32_t *n_nodes,
						 uint32_t *n_deleted);
static bool grow_nodes(const MlopsModel *model, MlopsTreeScratch *scratch,
					   uint32_t n_nodes);
static bool grow_categories(const MlopsModel *model,
							MlopsTreeScratch *scratch, uint32_t count);
static bool grow(const MlopsModel *model, void *array, size_t count,
				 size_t width);
static bool read_nodes(const MlopsModel *model, const MlopsValue *value,
					   MlopsTreeScratch *scratch);
static bool read_types(const MlopsModel *model, const MlopsValue *value,
					   MlopsTreeScratch *scratch);
static bool read_categories(const MlopsModel *model, const MlopsValue *value,
							uint32_t index, MlopsTreeScratch *scratch);
static bool check_segments(const MlopsModel *model, uint32_t index,
						   const MlopsTreeScratch *scratch);
static bool walk(const MlopsModel *model, uint32_t index,
				 MlopsTreeScratch *scratch);
static const char *check_node(const MlopsModel *model,
							  const MlopsTreeScratch *scratch, uint32_t node);
static bool check_deleted(const MlopsModel *model, uint32_t index,
						  const MlopsTreeScratch *scratch,
						  uint32_t n_deleted);

/*
 * Read and check one tree.
 */
bool
mlops_tree_read(const MlopsModel *model, const MlopsValue *value,
				uint32_t index, MlopsTreeScratch *scratch)
{
	const MlopsValue *left = mlops_value_member(model->document, value,
												"left_children");
	uint32_t	n_nodes;
	uint32_t	n_deleted;

	if (!check_header(model, value, index, &n_nodes, &n_deleted))
		return false;
	if (left == NULL || left->count != n_nodes)
		return bad_tree(model, index, "left_children has a wrong length");
	if (!grow_nodes(model, scratch, n_nodes))
		return false;
	scratch->n_nodes = n_nodes;
	return read_nodes(model, value, scratch) &&
		read_types(model, value, scratch) &&
		walk(model, index, scratch) &&
		check_deleted(model, index, scratch, n_deleted) &&
		read_categories(model, value, index, scratch);
}

/*
 * Free the storage.
 */
void
mlops_tree_free(MlopsTreeScratch *scratch)
{
	free(scratch->left);
	free(scratch->right);
	free(scratch->parent);
	free(scratch->feature);
	free(scratch->condition);
	free(scratch->cover);
	free(scratch->weight);
	free(scratch->default_left);
	free(scratch->categorical);
	free(scratch->order);
	free(scratch->place);
	free(scratch->category_node);
	free(scratch->category_start);
	free(scratch->category_count);
	free(scratch->category);
	memset(scratch, 0, sizeof(*scratch));
}

/*
 * Fail with the number of the tree; always false.
 */
static bool
bad_tree(const MlopsModel *model, uint32_t index, const char *what)
{
	return mlops_forest_fail(model->err, "tree %u: %s", index, what);
}

/*
 * The tree's number and its parameters.
 */
static bool
check_header(const MlopsModel *model, const MlopsValue *value,
			 uint32_t index, uint32_t *n_nodes, uint32_t *n_deleted)
{
	const MlopsDocument *document = model->document;
	const MlopsValue *param = mlops_value_member(document, value,
												 "tree_param");
	const MlopsValue *id = mlops_value_member(document, value, "id");
	uint32_t	n_features;
	uint32_t	leaf_size;
	int32_t		number;

	if (id == NULL || id->kind != MLOPS_VALUE_NUMBER ||
		!mlops_read_integers(model, id, "id", 1, index, index, &number))
		return bad_tree(model, index, "its id is not its place");
	if (!mlops_member_count(model, param, "num_nodes", true, 0,
							1, MLOPS_MAX_NODES, n_nodes) ||
		!mlops_member_count(model, param, "num_feature", true, 0,
							0, MLOPS_MAX_FEATURES, &n_features) ||
		!mlops_member_count(model, param, "num_deleted", false, 0,
							0, *n_nodes - 1, n_deleted) ||
		!mlops_member_count(model, param, "size_leaf_vector", false, 0,
							0, 1, &leaf_size))
		return false;
	if (n_features != model->n_features)
		return bad_tree(model, index, "wrong number of features");
	return true;
}

/*
 * Resize *array, which is a pointer to a pointer, to count elements.
 */
static bool
grow(const MlopsModel *model, void *array, size_t count, size_t width)
{
	void	  **pointer = array;
	void	   *larger = realloc(*pointer, count * width);

	if (larger == NULL)
		return mlops_forest_fail(model->err, "out of memory");
	*pointer = larger;
	return true;
}

/*
 * Make room for the nodes of a tree.
 */
static bool
grow_nodes(const MlopsModel *model, MlopsTreeScratch *scratch,
		   uint32_t n_nodes)
{
	if (n_nodes <= scratch->capacity)
		return true;
	if (!grow(model, &scratch->left, n_nodes, sizeof(int32_t)) ||
		!grow(model, &scratch->right, n_nodes, sizeof(int32_t)) ||
		!grow(model, &scratch->parent, n_nodes, sizeof(int32_t)) ||
		!grow(model, &scratch->feature, n_nodes, sizeof(int32_t)) ||
		!grow(model, &scratch->condition, n_nodes, sizeof(float)) ||
		!grow(model, &scratch->cover, n_nodes, sizeof(float)) ||
		!grow(model, &scratch->weight, n_nodes, sizeof(float)) ||
		!grow(model, &scratch->default_left, n_nodes, sizeof(int32_t)) ||
		!grow(model, &scratch->categorical, n_nodes, sizeof(int32_t)) ||
		!grow(model, &scratch->order, n_nodes, sizeof(uint32_t)) ||
		!grow(model, &scratch->place, n_nodes, sizeof(uint32_t)))
		return false;
	scratch->capacity = n_nodes;
	return true;
}

/*
 * Make room for categories, and for nodes that split by them.
 */
static bool
grow_categories(const MlopsModel *model, MlopsTreeScratch *scratch,
				uint32_t count)
{
	if (count <= scratch->category_capacity)
		return true;
	if (!grow(model, &scratch->category, count, sizeof(int32_t)) ||
		!grow(model, &scratch->category_node, count, sizeof(int32_t)) ||
		!grow(model, &scratch->category_start, count, sizeof(int32_t)) ||
		!grow(model, &scratch->category_count, count, sizeof(int32_t)))
		return false;
	scratch->category_capacity = count;
	return true;
}

/*
 * Read the arrays that have an element for every node.
 */
static bool
read_nodes(const MlopsModel *model, const MlopsValue *value,
		   MlopsTreeScratch *scratch)
{
	const MlopsDocument *document = model->document;
	uint32_t	n = scratch->n_nodes;
	int64_t		last = (int64_t) n - 1;

#define MEMBER(name) mlops_value_member(document, value, name), name, n
	/* Not kept, but read by libxgboost: put where weight goes afterwards. */
	return mlops_read_floats(model, MEMBER("loss_changes"),
							 scratch->weight) &&
		mlops_read_floats(model, MEMBER("base_weights"), scratch->weight) &&
		mlops_read_floats(model, MEMBER("sum_hessian"), scratch->cover) &&
		mlops_read_floats(model, MEMBER("split_conditions"),
						  scratch->condition) &&
		mlops_read_integers(model, MEMBER("left_children"), -1, last,
							scratch->left) &&
		mlops_read_integers(model, MEMBER("right_children"), -1, last,
							scratch->right) &&
		mlops_read_integers(model, MEMBER("parents"), 0, INT32_MAX,
							scratch->parent) &&
		mlops_read_integers(model, MEMBER("split_indices"), 0, UINT32_MAX,
							scratch->feature) &&
		mlops_read_integers(model, MEMBER("default_left"), 0, 1,
							scratch->default_left);
#undef MEMBER
}

/*
 * Read the types of the splits; before categories there were none.
 */
static bool
read_types(const MlopsModel *model, const MlopsValue *value,
		   MlopsTreeScratch *scratch)
{
	const MlopsValue *types = mlops_value_member(model->document, value,
												 "split_type");

	if (types != NULL)
		return mlops_read_integers(model, types, "split_type",
								   scratch->n_nodes, 0, 1,
								   scratch->categorical);
	memset(scratch->categorical, 0, scratch->n_nodes * sizeof(int32_t));
	return true;
}

/*
 * Put the nodes in order, level by level from the root, and check each.  As
 * children name their parent, none is met twice.
 */
static bool
walk(const MlopsModel *model, uint32_t index, MlopsTreeScratch *scratch)
{
	uint32_t	n = 1;
	uint32_t	level_end = 1;
	uint32_t	i;

	memset(scratch->place, 0xFF, scratch->n_nodes * sizeof(uint32_t));
	scratch->order[0] = 0;
	scratch->depth = 0;
	scratch->n_categorical = 0;
	if (scratch->parent[0] != NO_PARENT)
		return bad_tree(model, index, "the root has a parent");
	for (i = 0; i < n; i++)
	{
		uint32_t	node = scratch->order[i];
		const char *why = check_node(model, scratch, node);

		if (why != NULL)
			return bad_tree(model, index, why);
		if (i == level_end)
		{
			scratch->depth++;
			level_end = n;
		}
		scratch->place[node] = i;
		if (scratch->left[node] == -1)
			continue;
		scratch->n_categorical += scratch->categorical[node];
		scratch->order[n++] = scratch->left[node];
		scratch->order[n++] = scratch->right[node];
	}
	scratch->n_reachable = n;
	return true;
}

/*
 * What is wrong with this node and its children; NULL if nothing.
 */
static const char *
check_node(const MlopsModel *model, const MlopsTreeScratch *scratch,
		   uint32_t node)
{
	int32_t		left = scratch->left[node];
	int32_t		right = scratch->right[node];

	if (!isfinite(scratch->cover[node]) || !isfinite(scratch->weight[node]))
		return "a statistic is not finite";
	if (left == -1)
	{
		if (right != -1)
			return "a node has one child";
		if (!isfinite(scratch->condition[node]))
			return "a leaf is not finite";
		if (scratch->categorical[node])
			return "a leaf has categories";
		return NULL;
	}
	if (left == 0 || right != left + 1)
		return "children do not lie side by side";
	if (scratch->parent[left] != node || scratch->parent[right] != node)
		return "a child has another parent";
	if (scratch->feature[node] >= model->n_features)
		return "split by a feature that is none";
	if (!scratch->categorical[node] && isnan(scratch->condition[node]))
		return "a threshold is not a number";
	return NULL;
}

/*
 * Nodes out of reach must be those that pruning deleted, all of them.
 */
static bool
check_deleted(const MlopsModel *model, uint32_t index,
			  const MlopsTreeScratch *scratch, uint32_t n_deleted)
{
	uint32_t	i;

	if (scratch->n_nodes - scratch->n_reachable != n_deleted)
		return bad_tree(model, index, "wrong number of deleted nodes");
	for (i = 0; i < scratch->n_nodes && n_deleted > 0; i++)
	{
		if (scratch->place[i] != UINT32_MAX)
			continue;
		if (scratch->left[i] != -1 || scratch->right[i] != -1 ||
			scratch->feature[i] != DELETED_FEATURE ||
			scratch->categorical[i])
			return bad_tree(model, index, "a node is out of reach");
	}
	return true;
}

/*
 * Read the categories of categorical splits, node by node.
 */
static bool
read_categories(const MlopsModel *model, const MlopsValue *value,
				uint32_t index, MlopsTreeScratch *scratch)
{
	const MlopsDocument *document = model->document;
	const MlopsValue *nodes = mlops_value_member(document, value,
												 "categories_nodes");
	const MlopsValue *starts = mlops_value_member(document, value,
												  "categories_segments");
	const MlopsValue *counts = mlops_value_member(document, value,
												  "categories_sizes");
	const MlopsValue *all = mlops_value_member(document, value, "categories");
	uint32_t	n = scratch->n_categorical;

	scratch->n_categories = 0;
	if (nodes == NULL && starts == NULL && counts == NULL && all == NULL &&
		n == 0)
		return true;
	if (nodes == NULL || all == NULL || nodes->count != n || all->count < n)
		return bad_tree(model, index, "categories do not fit the splits");
	scratch->n_categories = all->count;
	return grow_categories(model, scratch, all->count) &&
		mlops_read_integers(model, nodes, "categories_nodes", n,
							0, (int64_t) scratch->n_nodes - 1,
							scratch->category_node) &&
		mlops_read_integers(model, starts, "categories_segments", n,
							0, INT32_MAX, scratch->category_start) &&
		mlops_read_integers(model, counts, "categories_sizes", n,
							1, INT32_MAX, scratch->category_count) &&
		mlops_read_integers(model, all, "categories", all->count,
							0, MLOPS_MAX_CATEGORY - 1, scratch->category) &&
		check_segments(model, index, scratch);
}

/*
 * The nodes ascend and are just the categorical ones; their categories lie
 * one after the other, without gap, and ascend within each node.
 */
static bool
check_segments(const MlopsModel *model, uint32_t index,
			   const MlopsTreeScratch *scratch)
{
	uint32_t	at = 0;
	uint32_t	i;
	int32_t		k;

	for (i = 0; i < scratch->n_categorical; i++)
	{
		int32_t		count = scratch->category_count[i];

		if ((i > 0 && scratch->category_node[i] <=
			 scratch->category_node[i - 1]) ||
			!scratch->categorical[scratch->category_node[i]])
			return bad_tree(model, index, "categories of another node");
		if (scratch->category_start[i] != at ||
			count > scratch->n_categories - at)
			return bad_tree(model, index, "categories out of order");
		for (k = 1; k < count; k++)
		{
			if (scratch->category[at + k] <= scratch->category[at + k - 1])
				return bad_tree(model, index, "categories do not ascend");
		}
		at += count;
	}
	if (at != scratch->n_categories)
		return bad_tree(model, index, "categories of no node");
	return true;
}
