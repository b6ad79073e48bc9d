/*
 * describe.c
 *		Features and their importance, as the model file has them.
 *
 * Everything is checked before anything is allocated by its size, and what is
 * returned is one piece of memory.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forest/describe.h"
#include "forest/model.h"

/* Bytes of a name made up for a feature, with its NUL. */
#define MADE_NAME 12

/* A model that is read, and the storage for its trees. */
typedef struct Reading
{
	MlopsDocument document;
	MlopsModel	model;
	MlopsTreeScratch scratch;
	const MlopsValue *names;	/* NULL: none */
	const MlopsValue *types;
} Reading;

static bool reading_begin(Reading *reading, const void *data, size_t size,
						  MlopsForestError *err);
static void reading_end(Reading *reading);
static const MlopsValue *first_of(const MlopsDocument *document,
								  const MlopsValue *value);
static const MlopsValue *feature_array(Reading *reading, const char *key);
static bool measure_features(Reading *reading, size_t *n_categories,
							 size_t *bytes);
static void *take(char **at, size_t bytes);
static void lay_out(Reading *reading, MlopsModelFeatures *features,
					size_t n_categories, char *at);
static bool fill_categories(Reading *reading, MlopsModelFeatures *features,
							const char **list, char *text);
static bool scan_splits(Reading *reading, MlopsModelFeatures *features);
static bool sum_tree(Reading *reading, const MlopsValue *value,
					 uint32_t index, float **gains,
					 MlopsImportance *importance);
static void sum_linear(const MlopsModel *model, MlopsImportance *importance);

/*
 * Read what the model says of its features.
 */
bool
mlops_model_features(const void *data, size_t size,
					 MlopsModelFeatures **features, MlopsForestError *err)
{
	Reading		reading;
	size_t		n_categories;
	size_t		bytes;
	bool		good;

	*features = NULL;
	good = reading_begin(&reading, data, size, err) &&
		measure_features(&reading, &n_categories, &bytes);
	if (good)
	{
		*features = calloc(1, bytes);
		good = *features != NULL || mlops_forest_fail(err, "out of memory");
	}
	if (good)
	{
		lay_out(&reading, *features, n_categories,
				(char *) *features + sizeof(MlopsModelFeatures));
		good = scan_splits(&reading, *features);
	}
	reading_end(&reading);
	if (good)
		return true;
	free(*features);
	*features = NULL;
	return false;
}

/*
 * Sum what the splits of each feature say.
 */
bool
mlops_model_importance(const void *data, size_t size,
					   MlopsImportance **importance, uint32_t *n_features,
					   MlopsForestError *err)
{
	Reading		reading;
	float	   *gains = NULL;
	bool		good = reading_begin(&reading, data, size, err);

	*importance = NULL;
	*n_features = 0;
	if (good)
	{
		*importance = calloc(reading.model.n_features,
							 sizeof(MlopsImportance));
		*n_features = reading.model.n_features;
		good = *importance != NULL || mlops_forest_fail(err, "out of memory");
	}
	if (good && reading.model.linear != NULL)
		sum_linear(&reading.model, *importance);
	if (good && reading.model.trees != NULL)
	{
		const MlopsValue *value = first_of(&reading.document,
													reading.model.trees);
		uint32_t	index;

		for (index = 0; good && value != NULL; index++)
		{
			good = sum_tree(&reading, value, index, &gains, *importance);
			value = mlops_value_next(&reading.document, value);
		}
	}
	free(gains);
	reading_end(&reading);
	if (good)
		return true;
	free(*importance);
	*importance = NULL;
	return false;
}

/*
 * Read and check a model but for its trees; end it in any case.
 */
static bool
reading_begin(Reading *reading, const void *data, size_t size,
			  MlopsForestError *err)
{
	memset(reading, 0, sizeof(*reading));
	if (!mlops_document_read(&reading->document, data, size, err) ||
		!mlops_model_read(&reading->document, &reading->model, err))
		return false;
	reading->names = feature_array(reading, "feature_names");
	reading->types = feature_array(reading, "feature_types");
	return true;
}

/*
 * Free what a reading holds.
 */
static void
reading_end(Reading *reading)
{
	mlops_tree_free(&reading->scratch);
	mlops_model_free(&reading->model);
	mlops_document_free(&reading->document);
}

/*
 * The first element of an array; NULL if there is no array.
 */
static const MlopsValue *
first_of(const MlopsDocument *document, const MlopsValue *value)
{
	return value ? mlops_value_first(document, value) : NULL;
}

/*
 * An array of the learner with an element for each feature; NULL if there is
 * none.
 */
static const MlopsValue *
feature_array(Reading *reading, const char *key)
{
	const MlopsDocument *document = &reading->document;
	const MlopsValue *array =
		mlops_value_member(document,
						   mlops_value_member(document, &document->nodes[0],
											  "learner"), key);

	return array != NULL && array->count > 0 ? array : NULL;
}

/*
 * The categories of all features together, and bytes for everything.
 */
static bool
measure_features(Reading *reading, size_t *n_categories, size_t *bytes)
{
	const MlopsModel *model = &reading->model;
	const MlopsValue *value;
	size_t		n = model->n_features;

	*n_categories = 0;
	*bytes = sizeof(MlopsModelFeatures) + 8 * sizeof(void *) +
		n * (3 * sizeof(void *) + 2 * sizeof(uint32_t) + sizeof(bool));
	if (reading->names == NULL)
		*bytes += n * MADE_NAME;
	for (value = first_of(model->document, reading->names);
		 value != NULL; value = mlops_value_next(model->document, value))
		*bytes += (size_t) value->data.length + 1;
	for (value = first_of(model->document, model->categories);
		 value != NULL; value = mlops_value_next(model->document, value))
	{
		uint32_t	count;
		size_t		length;

		if (!mlops_categories_measure(model, value, &count, &length))
			return false;
		*n_categories += count;
		*bytes += count * sizeof(char *) + length;
	}
	return true;
}

/*
 * Take bytes, rounded up to a multiple of eight.
 */
static void *
take(char **at, size_t bytes)
{
	void	   *taken = *at;

	*at += (bytes + 7) / 8 * 8;
	return taken;
}

/*
 * Lay out the arrays from at on, and fill them as far as trees do not
 * matter.
 */
static void
lay_out(Reading *reading, MlopsModelFeatures *features, size_t n_categories,
		char *at)
{
	const MlopsDocument *document = &reading->document;
	uint32_t	n = reading->model.n_features;
	const MlopsValue *name = first_of(document, reading->names);
	const MlopsValue *type = first_of(document, reading->types);
	const char **list;
	uint32_t	i;

	features->n_features = n;
	features->named = name != NULL;
	features->names = take(&at, n * sizeof(char *));
	features->types = take(&at, n * sizeof(char *));
	features->categories = take(&at, n * sizeof(char **));
	list = take(&at, n_categories * sizeof(char *));
	features->n_categories = take(&at, n * sizeof(uint32_t));
	features->max_category = take(&at, n * sizeof(uint32_t));
	features->splits_by_category = take(&at, n * sizeof(bool));
	for (i = 0; i < n; i++)
	{
		features->names[i] = at;
		if (name == NULL)
			at += snprintf(at, MADE_NAME, "f%u", i) + 1;
		else
		{
			memcpy(at, mlops_document_text(document, name->data),
				   name->data.length);
			at += name->data.length + 1;
			name = mlops_value_next(document, name);
		}
		if (type != NULL)
		{
			features->types[i] = mlops_model_known_type(&reading->document,
														type);
			type = mlops_value_next(document, type);
		}
	}
	fill_categories(reading, features, list, at);
}

/*
 * Fill the categories of all features; their lists one after the other from
 * list on, their text from text on.  They were checked with the model.
 */
static bool
fill_categories(Reading *reading, MlopsModelFeatures *features,
				const char **list, char *text)
{
	const MlopsModel *model = &reading->model;
	const MlopsValue *value = first_of(model->document,
												model->categories);
	uint32_t	i;

	for (i = 0; value != NULL; i++)
	{
		size_t		length;

		if (!mlops_categories_measure(model, value,
									  &features->n_categories[i], &length) ||
			!mlops_categories_read(model, value, text, list))
			return false;
		features->categories[i] = list;
		list += features->n_categories[i];
		text += length;
		value = mlops_value_next(model->document, value);
	}
	return true;
}

/*
 * Check all trees, and which features they split by category.
 */
static bool
scan_splits(Reading *reading, MlopsModelFeatures *features)
{
	const MlopsModel *model = &reading->model;
	const MlopsTreeScratch *scratch = &reading->scratch;
	const MlopsValue *value = first_of(model->document,
												model->trees);
	uint32_t	index;
	uint32_t	i;

	for (index = 0; value != NULL; index++)
	{
		if (!mlops_tree_read(model, value, index, &reading->scratch))
			return false;
		for (i = 0; i < scratch->n_categorical; i++)
		{
			uint32_t	feature = scratch->feature[scratch->category_node[i]];
			uint32_t	last = scratch->category[scratch->category_start[i] +
												 scratch->category_count[i] - 1];

			features->splits_by_category[feature] = true;
			if (last > features->max_category[feature])
				features->max_category[feature] = last;
		}
		value = mlops_value_next(model->document, value);
	}
	return true;
}

/*
 * Add the splits of a tree.  *gains is storage that is used again.
 */
static bool
sum_tree(Reading *reading, const MlopsValue *value, uint32_t index,
		 float **gains, MlopsImportance *importance)
{
	const MlopsModel *model = &reading->model;
	const MlopsTreeScratch *scratch = &reading->scratch;
	float	   *larger;
	uint32_t	i;

	if (!mlops_tree_read(model, value, index, &reading->scratch))
		return false;
	larger = realloc(*gains, scratch->capacity * sizeof(float));
	if (larger == NULL)
		return mlops_forest_fail(model->err, "out of memory");
	*gains = larger;
	if (!mlops_read_floats(model,
						   mlops_value_member(model->document, value,
											  "loss_changes"),
						   "loss_changes", scratch->n_nodes, larger))
		return false;
	for (i = 0; i < scratch->n_reachable; i++)
	{
		uint32_t	node = scratch->order[i];
		MlopsImportance *feature;

		if (scratch->left[node] == -1)
			continue;
		feature = &importance[scratch->feature[node]];
		feature->weight += 1;
		feature->total_gain += isfinite(larger[node]) ? larger[node] : 0;
		feature->total_cover += scratch->cover[node];
	}
	return true;
}

/*
 * The coefficients of a linear model.
 */
static void
sum_linear(const MlopsModel *model, MlopsImportance *importance)
{
	uint32_t	n_outputs = model->n_outputs;
	uint32_t	i;
	uint32_t	k;

	for (i = 0; i < model->n_features; i++)
	{
		const float *weights = model->linear + (size_t) i * n_outputs;

		for (k = 0; k < n_outputs; k++)
			importance[i].weight += n_outputs == 1 ? weights[k] :
				fabs(weights[k]);
	}
}
