/*
 * forest_fuzz.c
 *		libFuzzer target: models and blocks of any bytes.
 *
 * An input is tried as a model and, with header and checksum made good, as a
 * block.  What builds must open, and its JSON must build to the same block.
 * All that opens is also explained, and every model described and dumped.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "forest/block.h"
#include "forest/describe.h"
#include "forest/explain.h"

/* Rows that are predicted, of which few are explained. */
#define ROWS 20

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_model(const uint8_t *data, size_t size);
static void try_json(const uint8_t *data, size_t size,
					 const MlopsForest *forest, size_t block_size);
static void try_block(const uint8_t *data, size_t size);
static void try_descriptions(const uint8_t *data, size_t size,
							 const MlopsForest *forest);
static void predict(const MlopsForest *forest, bool genuine);
static void predict_by_path(const MlopsForest *forest,
							const MlopsForestInfo *info, const float *rows,
							float *want, bool genuine);
static bool same(const float *left, const float *right, size_t n);
static void explain(const MlopsForest *forest, const float *row);
static void require(bool good);

/* Try one input. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_model(data, size);
	try_block(data, size);
	return 0;
}

/* What follows from a successful build. */
static void
require(bool good)
{
	if (!good)
		abort();
}

/* Build, open, predict, and go through JSON. */
static void
try_model(const uint8_t *data, size_t size)
{
	MlopsForestError err;
	const MlopsForest *forest;
	void	   *block;
	size_t		block_size;

	if (!mlops_forest_build(data, size, &block, &block_size, &err))
	{
		require(block == NULL && strlen(err.message) > 0);
		return;
	}
	forest = mlops_forest_open(block, block_size, &err);
	require(forest != NULL);
	predict(forest, true);
	try_descriptions(data, size, forest);
	try_json(data, size, forest, block_size);
	free(block);
}

/*
 * The JSON of a model builds to the same block, but for base scores, whose
 * domain depends on the version.
 */
static void
try_json(const uint8_t *data, size_t size, const MlopsForest *forest,
		 size_t block_size)
{
	MlopsForestError err;
	char	   *text;
	size_t		length;
	void	   *again;
	size_t		again_size;

	require(mlops_model_to_json(data, size, &text, &length, &err));
	require(strlen(text) == length);
	require(mlops_forest_build(text, length, &again, &again_size, &err));
	require(again_size == block_size &&
			memcmp(forest, again, block_size) == 0);
	free(again);
	free(text);

	require(mlops_model_to_ubj(data, size, &text, &length, &err));
	require(mlops_forest_build(text, length, &again, &again_size, &err));
	require(again_size == block_size &&
			memcmp(forest, again, block_size) == 0);
	free(again);
	free(text);
}

/* A model that builds can be described, and has as many features. */
static void
try_descriptions(const uint8_t *data, size_t size, const MlopsForest *forest)
{
	MlopsForestError err;
	MlopsModelFeatures *features;
	MlopsImportance *importance;
	uint32_t	n_features;
	char	   *text;
	size_t		length;
	uint32_t	i;
	uint32_t	k;

	require(mlops_model_features(data, size, &features, &err));
	require(features->n_features == forest->n_features);
	for (i = 0; i < features->n_features; i++)
	{
		require(strlen(features->names[i]) <= size + 12);
		for (k = 0; k < features->n_categories[i]; k++)
			require(strlen(features->categories[i][k]) <= size);
	}
	if (mlops_model_dump_labelled(data, size, features, &text, &length, &err))
		require(strlen(text) == length);
	free(text);
	free(features);
	require(mlops_model_importance(data, size, &importance, &n_features,
								   &err));
	require(n_features == forest->n_features);
	free(importance);
	if (mlops_model_dump(data, size, NULL, &text, &length, &err))
		require(strlen(text) == length);
	free(text);
}

/*
 * Explain a row: numbers in a model's range give numbers.  Models of many
 * features and outputs would only take time.
 */
static void
explain(const MlopsForest *forest, const float *row)
{
	size_t		width = (size_t) forest->n_outputs * (forest->n_features + 1);
	uint32_t   *leaf = malloc(((size_t) forest->n_trees + 1) *
							  sizeof(uint32_t));
	MlopsExplainer *explainer;
	double	   *contribution;

	require(leaf != NULL);
	mlops_forest_leaves(forest, row, leaf);
	free(leaf);
	if (width > 1 << 20)
		return;
	explainer = mlops_explainer_create(forest);
	contribution = malloc(width * sizeof(double));
	require(explainer != NULL && contribution != NULL);
	mlops_explain(explainer, row, contribution);
	if (forest->booster != MLOPS_BOOSTER_GBLINEAR)
	{
		size_t		i;

		for (i = 0; i < width; i++)
			require(!isnan(contribution[i]));
	}
	free(contribution);
	mlops_explainer_free(explainer);
}

/* Open as a block whose header says what it must, and predict. */
static void
try_block(const uint8_t *data, size_t size)
{
	size_t		block_size = size / MLOPS_FOREST_ALIGN * MLOPS_FOREST_ALIGN;
	MlopsForestError err;
	MlopsForest *block;

	if (block_size < sizeof(MlopsForest))
		return;
	block = aligned_alloc(MLOPS_FOREST_ALIGN, block_size);
	require(block != NULL);
	memcpy(block, data, block_size);
	block->magic = MLOPS_BLOCK_MAGIC;
	block->format = MLOPS_BLOCK_FORMAT;
	block->size = block_size;
	block->checksum = mlops_block_checksum(block, block_size);
	if (mlops_forest_open(block, block_size, &err) != NULL)
		predict(block, false);
	free(block);
}

/*
 * Predict some rows of odd values, row by row and in a batch, by every path.
 * What a model says is the same by all; a block that is made up may say one
 * thing in its nodes and another in its ranks.
 */
static void
predict(const MlopsForest *forest, bool genuine)
{
	static const float odd[] = {
		0.0f, NAN, -1.5f, INFINITY, 7.0f, -INFINITY, 1e38f, -0.0f, 0.5f
	};
	MlopsForestInfo info;
	float	   *rows;
	float	   *want;
	uint32_t	i;
	int			path;

	mlops_forest_info(forest, &info);
	rows = malloc((size_t) ROWS * info.n_features * sizeof(float));
	want = malloc((size_t) ROWS * info.n_outputs * sizeof(float));
	require(rows != NULL && want != NULL);
	for (i = 0; i < ROWS * info.n_features; i++)
		rows[i] = odd[(i + i / info.n_features) % 9];
	for (path = 0; path < MLOPS_PATH_COUNT; path++)
	{
		if (mlops_forest_path_force(path))
			predict_by_path(forest, &info, rows, want, genuine);
	}
	for (i = 0; i < 3; i++)
		explain(forest, rows + (size_t) i * info.n_features);
	free(rows);
	free(want);
}

/*
 * Predict by the path that is forced.  The portable one comes first, row by
 * row, and fills want, which all else is compared with if genuine.
 */
static void
predict_by_path(const MlopsForest *forest, const MlopsForestInfo *info,
				const float *rows, float *want, bool genuine)
{
	size_t		n_values = (size_t) ROWS * info->n_outputs;
	float	   *got = malloc(n_values * sizeof(float));
	uint32_t	i;

	require(got != NULL);
	for (i = 0; i < ROWS; i++)
		mlops_forest_predict(forest, rows + (size_t) i * info->n_features,
							 got + (size_t) i * info->n_outputs);
	if (mlops_forest_path() == MLOPS_PATH_PORTABLE)
		memcpy(want, got, n_values * sizeof(float));
	require(!genuine || same(got, want, n_values));
	mlops_forest_predict_batch(forest, rows, ROWS, info->n_features, got);
	require(!genuine || same(got, want, n_values));
	free(got);
}

/* Are all bits the same?  A NaN, of infinite sums, is as good as another. */
static bool
same(const float *left, const float *right, size_t n)
{
	size_t		i;

	for (i = 0; i < n; i++)
	{
		if (memcmp(&left[i], &right[i], sizeof(float)) != 0 &&
			!(isnan(left[i]) && isnan(right[i])))
			return false;
	}
	return true;
}
