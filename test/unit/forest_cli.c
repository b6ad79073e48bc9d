/*
 * forest_cli.c
 *		The forest module as a command, for comparison with other programs.
 *
 *	forest_cli margin|predict MODEL < ROWS > OUTPUTS
 *		rows and outputs are float32 in the machine's byte order
 *	forest_cli explain MODEL < ROWS > CONTRIBUTIONS
 *		float64
 *	forest_cli leaves MODEL < ROWS > NODES
 *		uint32
 *	forest_cli json|dump MODEL > TEXT
 *	forest_cli importance MODEL
 *		weight, total gain and total cover of every feature
 *	forest_cli features MODEL
 *		name, type and categories of every feature
 *	forest_cli info MODEL
 *	forest_cli time|explain_time MODEL < ROWS
 *		nanoseconds per row
 *	forest_cli check MODEL...
 *		a line "accepted NAME" or "refused NAME: reason" for each, where
 *		accepted models have also been opened, predicted and written as JSON
 *
 * MLOPS_PATH in the environment forces a path of forest.h, where there is none
 * of that name the exit status is 3; MLOPS_BATCH evaluates all rows at once.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "forest/describe.h"
#include "forest/explain.h"

static void *slurp(FILE *file, size_t *size);
static void *slurp_file(const char *name, size_t *size);
static void *build(const char *name, const MlopsForest **forest);
static void choose(bool *batch);
static int	rows(const char *what, const char *name);
static int	explain(const char *what, const char *name);
static int	leaves(const char *name);
static int	json(const char *what, const char *name);
static int	importance(const char *name);
static int	features(const char *name);
static int	info(const char *name);
static void check(const char *name);

/*
 * Choose by the first argument.
 */
int
main(int argc, char **argv)
{
	int			i;

	if (argc >= 3 && strcmp(argv[1], "check") == 0)
	{
		for (i = 2; i < argc; i++)
			check(argv[i]);
		return 0;
	}
	if (argc == 3 && strncmp(argv[1], "explain", 7) == 0)
		return explain(argv[1], argv[2]);
	if (argc == 3 && strcmp(argv[1], "leaves") == 0)
		return leaves(argv[2]);
	if (argc == 3 && (strcmp(argv[1], "json") == 0 ||
					  strcmp(argv[1], "dump") == 0))
		return json(argv[1], argv[2]);
	if (argc == 3 && strcmp(argv[1], "importance") == 0)
		return importance(argv[2]);
	if (argc == 3 && strcmp(argv[1], "features") == 0)
		return features(argv[2]);
	if (argc == 3 && strcmp(argv[1], "info") == 0)
		return info(argv[2]);
	if (argc == 3)
		return rows(argv[1], argv[2]);
	fprintf(stderr, "usage: %s margin|predict|time|explain|explain_time|"
			"leaves|json|dump|importance|features|info|check MODEL\n",
			argv[0]);
	return 2;
}

/*
 * Read a stream to its end; the caller frees.
 */
static void *
slurp(FILE *file, size_t *size)
{
	size_t		capacity = 1 << 16;
	char	   *data = malloc(capacity);
	size_t		got;

	*size = 0;
	while ((got = fread(data + *size, 1, capacity - *size, file)) > 0)
	{
		*size += got;
		if (*size == capacity)
			data = realloc(data, capacity *= 2);
		if (data == NULL)
			abort();
	}
	return data;
}

/*
 * Read a file whole, into a buffer of just its size, so that a sanitizer sees
 * any read beyond it.
 */
static void *
slurp_file(const char *name, size_t *size)
{
	FILE	   *file = fopen(name, "rb");
	void	   *data;

	if (file == NULL)
	{
		perror(name);
		exit(2);
	}
	data = slurp(file, size);
	fclose(file);
	return realloc(data, *size ? *size : 1);
}

/*
 * Build and open the model in a file, or exit; the caller frees the block.
 */
static void *
build(const char *name, const MlopsForest **forest)
{
	MlopsForestError err;
	size_t		size;
	size_t		block_size;
	void	   *block;
	void	   *data = slurp_file(name, &size);

	if (!mlops_forest_build(data, size, &block, &block_size, &err) ||
		(*forest = mlops_forest_open(block, block_size, &err)) == NULL)
	{
		fprintf(stderr, "%s: %s\n", name, err.message);
		exit(1);
	}
	free(data);
	return block;
}

/*
 * Obey MLOPS_PATH and MLOPS_BATCH, see above; exits if that is impossible.
 */
static void
choose(bool *batch)
{
	const char *name = getenv("MLOPS_PATH");
	MlopsPath	path;

	*batch = getenv("MLOPS_BATCH") != NULL;
	if (name != NULL && (!mlops_forest_path_find(name, &path) ||
						 !mlops_forest_path_force(path)))
	{
		fprintf(stderr, "no path \"%s\" here\n", name);
		exit(3);
	}
}

/*
 * Evaluate the rows of the standard input.
 */
static int
rows(const char *what, const char *name)
{
	bool		batch = false;
	const MlopsForest *forest;
	void	   *block = build(name, &forest);
	MlopsForestInfo facts;
	size_t		size;
	float	   *data = slurp(stdin, &size);
	float	   *output;
	struct timespec start;
	struct timespec end;
	size_t		n;
	size_t		n_done = 0;
	size_t		i;

	choose(&batch);
	mlops_forest_info(forest, &facts);
	n = size / sizeof(float) / facts.n_features;
	output = malloc((n * facts.n_outputs + 1) * sizeof(float));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	if (batch)
	{
		if (strcmp(what, "margin") == 0)
			mlops_forest_margin_batch(forest, data, n, facts.n_features,
									  output);
		else
			mlops_forest_predict_batch(forest, data, n, facts.n_features,
									   output);
		n_done = n;
	}
	for (i = n_done; i < n; i++)
	{
		if (strcmp(what, "margin") == 0)
			mlops_forest_margin(forest, data + i * facts.n_features,
								output + i * facts.n_outputs);
		else
			mlops_forest_predict(forest, data + i * facts.n_features,
								 output + i * facts.n_outputs);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	if (strcmp(what, "time") == 0)
		printf("%.0f\n", ((end.tv_sec - start.tv_sec) * 1e9 +
						  (end.tv_nsec - start.tv_nsec)) / (n ? n : 1));
	else
		fwrite(output, sizeof(float), n * facts.n_outputs, stdout);
	free(output);
	free(data);
	free(block);
	return 0;
}

/*
 * Explain the rows of the standard input.
 */
static int
explain(const char *what, const char *name)
{
	const MlopsForest *forest;
	void	   *block = build(name, &forest);
	MlopsExplainer *explainer = mlops_explainer_create(forest);
	MlopsForestInfo facts;
	size_t		size;
	float	   *data = slurp(stdin, &size);
	struct timespec start;
	struct timespec end;
	double	   *output;
	size_t		width;
	size_t		n;
	size_t		i;

	mlops_forest_info(forest, &facts);
	n = size / sizeof(float) / facts.n_features;
	width = (size_t) facts.n_outputs * (facts.n_features + 1);
	output = malloc(width * sizeof(double));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	for (i = 0; i < n; i++)
	{
		mlops_explain(explainer, data + i * facts.n_features, output);
		if (strcmp(what, "explain") == 0)
			fwrite(output, sizeof(double), width, stdout);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	if (strcmp(what, "explain_time") == 0)
		printf("%.0f\n", ((end.tv_sec - start.tv_sec) * 1e9 +
						  (end.tv_nsec - start.tv_nsec)) / (n ? n : 1));
	mlops_explainer_free(explainer);
	free(output);
	free(data);
	free(block);
	return 0;
}

/*
 * The leaves of the rows of the standard input.
 */
static int
leaves(const char *name)
{
	const MlopsForest *forest;
	void	   *block = build(name, &forest);
	MlopsForestInfo facts;
	size_t		size;
	float	   *data = slurp(stdin, &size);
	uint32_t   *leaf;
	size_t		i;

	mlops_forest_info(forest, &facts);
	leaf = malloc(((size_t) facts.n_trees + 1) * sizeof(uint32_t));
	for (i = 0; i < size / sizeof(float) / facts.n_features; i++)
	{
		mlops_forest_leaves(forest, data + i * facts.n_features, leaf);
		fwrite(leaf, sizeof(uint32_t), facts.n_trees, stdout);
	}
	free(leaf);
	free(data);
	free(block);
	return 0;
}

/*
 * Write a model as JSON, or its trees as text.
 */
static int
json(const char *what, const char *name)
{
	MlopsForestError err;
	size_t		size;
	size_t		length;
	char	   *text;
	void	   *data = slurp_file(name, &size);

	if (!(strcmp(what, "json") == 0 ?
		  mlops_model_to_json(data, size, &text, &length, &err) :
		  mlops_model_dump(data, size, NULL, &text, &length, &err)))
	{
		fprintf(stderr, "%s: %s\n", name, err.message);
		return 1;
	}
	fwrite(text, 1, length, stdout);
	free(text);
	free(data);
	return 0;
}

/*
 * Print the importance of features.
 */
static int
importance(const char *name)
{
	MlopsForestError err;
	MlopsImportance *all;
	size_t		size;
	void	   *data = slurp_file(name, &size);
	uint32_t	n_features;
	uint32_t	i;

	if (!mlops_model_importance(data, size, &all, &n_features, &err))
	{
		fprintf(stderr, "%s: %s\n", name, err.message);
		return 1;
	}
	for (i = 0; i < n_features; i++)
		printf("%.17g %.17g %.17g\n", all[i].weight, all[i].total_gain,
			   all[i].total_cover);
	free(all);
	free(data);
	return 0;
}

/*
 * Print the features, a line each.
 */
static int
features(const char *name)
{
	MlopsForestError err;
	MlopsModelFeatures *all;
	size_t		size;
	void	   *data = slurp_file(name, &size);
	uint32_t	i;
	uint32_t	k;

	if (!mlops_model_features(data, size, &all, &err))
	{
		fprintf(stderr, "%s: %s\n", name, err.message);
		return 1;
	}
	for (i = 0; i < all->n_features; i++)
	{
		printf("%s\t%s\t%d", all->names[i],
			   all->types[i] ? all->types[i] : "-",
			   all->splits_by_category[i] ? (int) all->max_category[i] : -1);
		for (k = 0; k < all->n_categories[i]; k++)
			printf("\t%s", all->categories[i][k]);
		putchar('\n');
	}
	free(all);
	free(data);
	return 0;
}

/*
 * Print what a block says of itself.
 */
static int
info(const char *name)
{
	const MlopsForest *forest;
	void	   *block = build(name, &forest);
	MlopsForestInfo facts;

	mlops_forest_info(forest, &facts);
	printf("%s %s features=%u outputs=%u trees=%u rounds=%u depth=%u "
		   "nodes=%llu categorical=%d version=%d.%d.%d\n",
		   facts.objective, facts.booster, facts.n_features,
		   facts.n_outputs, facts.n_trees, facts.n_rounds, facts.max_depth,
		   (unsigned long long) facts.n_nodes, facts.categorical,
		   facts.version[0], facts.version[1], facts.version[2]);
	free(block);
	return 0;
}

/*
 * Try a model of unknown quality with everything that the module does.
 */
static void
check(const char *name)
{
	MlopsForestError err;
	const MlopsForest *forest;
	MlopsForestInfo facts;
	size_t		size;
	size_t		block_size;
	void	   *block;
	void	   *data = slurp_file(name, &size);
	float	   *row;
	float	   *output;
	char	   *text;
	uint32_t	i;

	if (!mlops_forest_build(data, size, &block, &block_size, &err))
	{
		printf("refused %s: %s\n", name, err.message);
		free(data);
		return;
	}
	forest = mlops_forest_open(block, block_size, &err);
	if (forest == NULL || !mlops_model_to_json(data, size, &text, &size, &err))
	{
		printf("broken %s: %s\n", name, err.message);
		exit(1);
	}
	mlops_forest_info(forest, &facts);
	row = malloc(facts.n_features * sizeof(float));
	output = malloc(facts.n_outputs * sizeof(float));
	for (i = 0; i < facts.n_features; i++)
		row[i] = i % 3 == 0 ? NAN : (float) i - 2.5f;
	mlops_forest_predict(forest, row, output);
	printf("accepted %s\n", name);
	free(row);
	free(output);
	free(text);
	free(block);
	free(data);
}
