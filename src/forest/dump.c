/*
 * dump.c
 *		Trees as text, for people.
 *
 * The text is that of libxgboost's dump with statistics.  Nodes are visited
 * by links to their parents, without recursion, as a tree may be as deep as
 * it has splits; for the same reason indentation ends at some depth, and the
 * text as a whole is bounded.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forest/buffer.h"
#include "forest/describe.h"
#include "forest/model.h"

#define MAX_INDENT 64
#define MAX_TEXT ((size_t) 512 << 20)

typedef struct Dump
{
	const MlopsModelFeatures *labels;
	MlopsModel	model;
	MlopsTreeScratch scratch;
	float	   *gains;			/* of the nodes of the tree at hand */
	int32_t    *set;			/* which categories a node has, -1: none */
	MlopsBuffer text;
} Dump;

static bool dump_model(Dump *dump);
static bool put(Dump *dump, const char *bytes, size_t length);
static bool put_format(Dump *dump, const char *format,...)
			__attribute__((format(printf, 2, 3)));
static bool put_string(Dump *dump, const char *text);
static bool dump_linear(Dump *dump);
static bool dump_trees(Dump *dump);
static bool read_tree(Dump *dump, const MlopsValue *value, uint32_t index);
static bool dump_tree(Dump *dump);
static bool dump_node(Dump *dump, uint32_t node, uint32_t depth);
static bool dump_split(Dump *dump, uint32_t node);
static bool dump_set(Dump *dump, uint32_t node, uint32_t feature);

/*
 * Dump with the model's own names or those given.
 */
bool
mlops_model_dump(const void *data, size_t size, const char *const *names,
				 char **text, size_t *length, MlopsForestError *err)
{
	MlopsModelFeatures *features;
	bool		good;

	*text = NULL;
	*length = 0;
	if (!mlops_model_features(data, size, &features, err))
		return false;
	if (names != NULL)
		features->names = (const char **) names;
	memset(features->n_categories, 0,
		   features->n_features * sizeof(uint32_t));
	good = mlops_model_dump_labelled(data, size, features, text, length, err);
	free(features);
	return good;
}

/*
 * Dump with the caller's names and categories.
 */
bool
mlops_model_dump_labelled(const void *data, size_t size,
						  const MlopsModelFeatures *labels, char **text,
						  size_t *length, MlopsForestError *err)
{
	MlopsDocument document;
	Dump		dump;
	bool		good;

	*text = NULL;
	*length = 0;
	memset(&dump, 0, sizeof(dump));
	dump.labels = labels;
	if (!mlops_document_read(&document, data, size, err))
		return false;
	good = mlops_model_read(&document, &dump.model, err) &&
		dump_model(&dump) && put(&dump, "", 1);
	if (good)
	{
		*text = dump.text.data;
		*length = dump.text.size - 1;
	}
	else
		free(dump.text.data);
	free(dump.gains);
	free(dump.set);
	mlops_tree_free(&dump.scratch);
	mlops_model_free(&dump.model);
	mlops_document_free(&document);
	return good;
}

/*
 * Dump a model of any kind.
 */
static bool
dump_model(Dump *dump)
{
	if (dump->labels->n_features != dump->model.n_features)
		return mlops_forest_fail(dump->model.err,
								 "labels are for another number of features");
	return dump->model.linear ? dump_linear(dump) : dump_trees(dump);
}

/*
 * Append bytes; false with an error if there are too many.
 */
static bool
put(Dump *dump, const char *bytes, size_t length)
{
	if (length > MAX_TEXT - dump->text.size)
		return mlops_forest_fail(dump->model.err,
								 "text of the trees is above 512 MB");
	return mlops_buffer_put(&dump->text, bytes, length) ||
		mlops_forest_fail(dump->model.err, "out of memory");
}

/*
 * Append something short in a printf format.
 */
static bool
put_format(Dump *dump, const char *format,...)
{
	char		buffer[160];
	va_list		args;
	int			length;

	va_start(args, format);
	length = vsnprintf(buffer, sizeof(buffer), format, args);
	va_end(args);
	return put(dump, buffer, length);
}

/*
 * Append a string.
 */
static bool
put_string(Dump *dump, const char *text)
{
	return put(dump, text, strlen(text));
}

/*
 * Bias and weights of a linear model, an output a column.
 */
static bool
dump_linear(Dump *dump)
{
	const MlopsModel *model = &dump->model;
	uint32_t	n = model->n_outputs;
	uint32_t	row;
	uint32_t	k;

	if (!put_string(dump, "bias:"))
		return false;
	for (row = 0; row <= model->n_features; row++)
	{
		/* The bias is the last row of the weights, but comes first here. */
		const float *weights = model->linear +
			(size_t) (row == 0 ? model->n_features : row - 1) * n;

		if (row > 0 && !(put_string(dump, dump->labels->names ?
									dump->labels->names[row - 1] : "") &&
						 put_string(dump, ":")))
			return false;
		for (k = 0; k < n; k++)
		{
			if (!put_format(dump, " %.9g", weights[k]))
				return false;
		}
		if (!put_string(dump, row == 0 ? "\nweight:\n" : "\n"))
			return false;
	}
	return true;
}

/*
 * All trees.
 */
static bool
dump_trees(Dump *dump)
{
	const MlopsModel *model = &dump->model;
	const MlopsValue *value = mlops_value_first(model->document,
												model->trees);
	uint32_t	index;

	for (index = 0; value != NULL; index++)
	{
		if (!read_tree(dump, value, index) ||
			!put_format(dump, "booster[%u]:\n", index) ||
			!dump_tree(dump))
			return false;
		value = mlops_value_next(model->document, value);
	}
	return true;
}

/*
 * Read a tree, with its gains and the places of its categories.
 */
static bool
read_tree(Dump *dump, const MlopsValue *value, uint32_t index)
{
	const MlopsModel *model = &dump->model;
	MlopsTreeScratch *scratch = &dump->scratch;
	uint32_t	before = scratch->capacity;
	uint32_t	i;

	if (!mlops_tree_read(model, value, index, scratch))
		return false;
	if (scratch->capacity > before)
	{
		free(dump->gains);
		free(dump->set);
		dump->gains = malloc(scratch->capacity * sizeof(float));
		dump->set = malloc(scratch->capacity * sizeof(int32_t));
		if (dump->gains == NULL || dump->set == NULL)
			return mlops_forest_fail(model->err, "out of memory");
	}
	for (i = 0; i < scratch->n_nodes; i++)
		dump->set[i] = -1;
	for (i = 0; i < scratch->n_categorical; i++)
		dump->set[scratch->category_node[i]] = i;
	return mlops_read_floats(model,
							 mlops_value_member(model->document, value,
												"loss_changes"),
							 "loss_changes", scratch->n_nodes, dump->gains);
}

/*
 * The nodes of a tree, each before its children, the left one first.
 */
static bool
dump_tree(Dump *dump)
{
	const MlopsTreeScratch *scratch = &dump->scratch;
	uint32_t	depth = 0;
	uint32_t	at = 0;

	for (;;)
	{
		if (!dump_node(dump, at, depth))
			return false;
		if (scratch->left[at] != -1)
		{
			at = scratch->left[at];
			depth++;
			continue;
		}
		while (at != 0 && scratch->right[scratch->parent[at]] == at)
		{
			at = scratch->parent[at];
			depth--;
		}
		if (at == 0)
			return true;
		at = scratch->right[scratch->parent[at]];
	}
}

/*
 * The line of a node.
 */
static bool
dump_node(Dump *dump, uint32_t node, uint32_t depth)
{
	static const char tabs[MAX_INDENT + 1] =
		"\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t"
		"\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t";
	const MlopsTreeScratch *scratch = &dump->scratch;

	if (!put(dump, tabs, depth < MAX_INDENT ? depth : MAX_INDENT) ||
		!put_format(dump, "%u:", node))
		return false;
	if (scratch->left[node] != -1)
		return dump_split(dump, node);
	return put_format(dump, "leaf=%.9g,cover=%.9g\n",
					  scratch->condition[node], scratch->cover[node]);
}

/*
 * What a split says: of an indicator ("i") only its name, of an integer
 * ("int") the threshold as one, of categories those that go right, as "yes".
 */
static bool
dump_split(Dump *dump, uint32_t node)
{
	const MlopsTreeScratch *scratch = &dump->scratch;
	uint32_t	feature = scratch->feature[node];
	const char *type = dump->labels->types ? dump->labels->types[feature] :
		NULL;
	int32_t		yes = scratch->left[node];
	int32_t		no = scratch->right[node];
	int32_t		missing = scratch->default_left[node] ? yes : no;
	bool		indicator = false;
	bool		good = put_string(dump, "[") &&
		(dump->labels->names ?
		 put_string(dump, dump->labels->names[feature]) :
		 put_format(dump, "f%u", feature));

	if (scratch->categorical[node])
	{
		good = good && dump_set(dump, node, feature);
		yes = scratch->right[node];
		no = scratch->left[node];
	}
	else if (type != NULL && strcmp(type, "i") == 0)
	{
		indicator = true;
		no = missing;
		yes = scratch->left[node] + scratch->right[node] - missing;
	}
	else if (type != NULL && strcmp(type, "int") == 0)
		good = good && put_format(dump, "<%.0f",
								  ceil(scratch->condition[node]));
	else
		good = good && put_format(dump, "<%.9g", scratch->condition[node]);
	good = good && put_format(dump, "] yes=%d,no=%d", yes, no);
	if (!indicator)
		good = good && put_format(dump, ",missing=%d", missing);
	return good && put_format(dump, ",gain=%.9g,cover=%.9g\n",
							  dump->gains[node], scratch->cover[node]);
}

/*
 * The categories that go right at a split, by name where there is one.
 */
static bool
dump_set(Dump *dump, uint32_t node, uint32_t feature)
{
	const MlopsModelFeatures *labels = dump->labels;
	const MlopsTreeScratch *scratch = &dump->scratch;
	const int32_t *codes = scratch->category +
		scratch->category_start[dump->set[node]];
	uint32_t	count = scratch->category_count[dump->set[node]];
	uint32_t	known = labels->n_categories && labels->categories ?
		labels->n_categories[feature] : 0;
	uint32_t	i;

	for (i = 0; i < count; i++)
	{
		if (!put_string(dump, i == 0 ? ":{" : ",") ||
			!((uint32_t) codes[i] < known ?
			  put_string(dump, labels->categories[feature][codes[i]]) :
			  put_format(dump, "%d", codes[i])))
			return false;
	}
	return put_string(dump, "}");
}
