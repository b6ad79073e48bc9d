/*
 * forest_fixture.c
 *		Fixtures, for the tests of the forest module.
 *
 * Paths are relative to the top of the tree, where tests are run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forest_fixture.h"

#define FOLDER "test/data/models/"

static const char *const names[FIXTURE_COUNT] = {
	"binary.ubj", "regression.json", "classes.ubj", "dart.ubj",
	"categorical.json", "categorical_ubj.ubj", "linear.json", "forest.ubj",
	"poisson.json", "aft.ubj", "deleted.ubj",
};

static void *slurp(const char *name, size_t *size);
static void read_expected(Fixture *fixture, FILE *file);
static void read_floats(FILE *file, const char *word, float *out,
						unsigned count);

/* Load a fixture, or abort. */
void
fixture_load(unsigned number, Fixture *fixture)
{
	const char *dot = strchr(names[number], '.');
	char		path[128];
	FILE	   *file;

	memset(fixture, 0, sizeof(*fixture));
	fixture->name = names[number];
	fixture->json = strcmp(dot, ".json") == 0;
	snprintf(path, sizeof(path), FOLDER "%s", names[number]);
	fixture->model = slurp(path, &fixture->size);
	snprintf(path, sizeof(path), FOLDER "%.*s.txt",
			 (int) (dot - names[number]), names[number]);
	file = fopen(path, "r");
	if (file == NULL)
	{
		perror(path);
		exit(2);
	}
	read_expected(fixture, file);
	fclose(file);
}

/* Load the fixture with this file name, or abort. */
void
fixture_load_named(const char *name, Fixture *fixture)
{
	unsigned	i;

	for (i = 0; i < FIXTURE_COUNT; i++)
	{
		if (strcmp(names[i], name) == 0)
		{
			fixture_load(i, fixture);
			return;
		}
	}
	abort();
}

/* Free a fixture. */
void
fixture_free(Fixture *fixture)
{
	free(fixture->model);
	free(fixture->rows);
	free(fixture->margins);
	free(fixture->predictions);
}

/* Build and open a model out of a buffer of just its size. */
const MlopsForest *
fixture_open(const void *model, size_t size, void **block,
			 MlopsForestError *err)
{
	void	   *copy = fixture_copy(model, size);
	const MlopsForest *forest = NULL;
	size_t		block_size;

	if (mlops_forest_build(copy, size, block, &block_size, err))
		forest = mlops_forest_open(*block, block_size, err);
	free(copy);
	return forest;
}

/* Compare all rows with the library, margins and predictions. */
unsigned
fixture_mismatches(const Fixture *fixture, const MlopsForest *forest)
{
	float		output[16];
	unsigned	n_outputs = fixture->n_outputs;
	unsigned	wrong = 0;
	unsigned	i;
	unsigned	k;

	for (i = 0; i < fixture->n_rows; i++)
	{
		const float *row = fixture->rows + i * fixture->n_features;

		mlops_forest_margin(forest, row, output);
		for (k = 0; k < n_outputs; k++)
			wrong += memcmp(&output[k], &fixture->margins[i * n_outputs + k],
							sizeof(float)) != 0;
		mlops_forest_predict(forest, row, output);
		for (k = 0; k < n_outputs; k++)
			wrong += memcmp(&output[k],
							&fixture->predictions[i * n_outputs + k],
							sizeof(float)) != 0;
	}
	return wrong;
}

/* Copy bytes; the caller frees. */
void *
fixture_copy(const void *bytes, size_t size)
{
	void	   *copy = malloc(size ? size : 1);

	if (copy == NULL)
		abort();
	memcpy(copy, bytes, size);
	return copy;
}

/* Read a file whole, with a NUL after it. */
static void *
slurp(const char *name, size_t *size)
{
	FILE	   *file = fopen(name, "rb");
	char	   *data;

	if (file == NULL)
	{
		perror(name);
		exit(2);
	}
	fseek(file, 0, SEEK_END);
	*size = ftell(file);
	rewind(file);
	data = calloc(*size + 1, 1);
	if (data == NULL || fread(data, 1, *size, file) != *size)
		abort();
	fclose(file);
	return data;
}

/* Read what the library returned. */
static void
read_expected(Fixture *fixture, FILE *file)
{
	unsigned	i;

	if (fscanf(file, "objective %63s booster %15s shape %u %u %u",
			   fixture->objective, fixture->booster, &fixture->n_rows,
			   &fixture->n_features, &fixture->n_outputs) != 5 ||
		fixture->n_outputs > 16)
		abort();
	fixture->rows = calloc(fixture->n_rows * fixture->n_features,
						   sizeof(float));
	fixture->margins = calloc(fixture->n_rows * fixture->n_outputs,
							  sizeof(float));
	fixture->predictions = calloc(fixture->n_rows * fixture->n_outputs,
								  sizeof(float));
	for (i = 0; i < fixture->n_rows; i++)
	{
		read_floats(file, "row", fixture->rows + i * fixture->n_features,
					fixture->n_features);
		read_floats(file, "margin", fixture->margins + i * fixture->n_outputs,
					fixture->n_outputs);
		read_floats(file, "predict",
					fixture->predictions + i * fixture->n_outputs,
					fixture->n_outputs);
	}
}

/* Read a line of hexadecimal floats after its first word. */
static void
read_floats(FILE *file, const char *word, float *out, unsigned count)
{
	char		text[64];
	unsigned	i;

	if (fscanf(file, "%63s", text) != 1 || strcmp(text, word) != 0)
		abort();
	for (i = 0; i < count; i++)
	{
		if (fscanf(file, "%63s", text) != 1)
			abort();
		out[i] = strtof(text, NULL);
	}
}
