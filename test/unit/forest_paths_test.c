/*
 * forest_paths_test.c
 *		All paths give the same bits, by row and in batches.
 *
 * Models of every kind are drawn by a fixed generator and written as JSON:
 * full, ragged and very deep trees, stumps, few and thousands of features, one
 * and many thresholds, classes, dart, categories, infinite thresholds.  Rows
 * hold missing and infinite values, both zeros, thresholds and their
 * neighbours.  The walk over nodes, which forest_test.c holds against the
 * library, is what every other way to evaluate is compared with.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forest/ranks.h"
#include "forest_fixture.h"

/* Rows that each model is tried with. */
#define ROWS 300

/* Nodes of a drawn tree, at most. */
#define NODES 4096

typedef enum Growth
{
	GROW_FULL,					/* every leaf at the depth */
	GROW_RAGGED,				/* leaves at any depth */
	GROW_CHAIN					/* one split on each level */
} Growth;

/* A kind of models. */
typedef struct Kind
{
	const char *name;
	unsigned	n_features;
	unsigned	n_outputs;
	unsigned	n_trees;
	unsigned	depth;
	Growth		growth;
	unsigned	n_values;		/* thresholds that a feature may have */
	bool		dart;
	unsigned	categorical;	/* one in so many trees, 0: none */
	bool		infinite;		/* infinite thresholds among others */
	int			shape;			/* that must be there, -1: no layout */
} Kind;

static const Kind kinds[] = {
	{"stumps", 3, 1, 60, 1, GROW_FULL, 7, false, 0, false, MLOPS_SHAPE_THREE},
	{"depth 3", 20, 1, 53, 3, GROW_FULL, 100, false, 0, false, MLOPS_SHAPE_THREE},
	{"depth 4", 20, 1, 53, 4, GROW_FULL, 100, false, 0, false, MLOPS_SHAPE_FOUR},
	{"depth 5", 20, 1, 53, 5, GROW_FULL, 254, false, 0, false, MLOPS_SHAPE_FIVE},
	{"depth 6", 20, 1, 53, 6, GROW_FULL, 255, false, 0, false, MLOPS_SHAPE_SIX},
	{"depth 7", 20, 1, 37, 7, GROW_FULL, 255, false, 0, false, MLOPS_SHAPE_RECORDS},
	{"depth 8", 20, 1, 37, 8, GROW_FULL, 16, false, 0, false, MLOPS_SHAPE_RECORDS},
	{"depth 8, 35 groups", 35, 1, 40, 8, GROW_FULL, 17, false, 0, false, MLOPS_SHAPE_RECORDS},
	{"depth 8, 49 groups", 49, 3, 33, 8, GROW_FULL, 1, false, 0, false, MLOPS_SHAPE_RECORDS},
	{"full groups", 3, 1, 101, 6, GROW_FULL, 255, false, 0, false, MLOPS_SHAPE_SIX},
	{"full groups below", 4, 1, 61, 8, GROW_FULL, 255, false, 0, false, MLOPS_SHAPE_RECORDS},
	{"36 full groups", 36, 1, 230, 8, GROW_FULL, 255, false, 0, false, MLOPS_SHAPE_RECORDS},
	{"ragged of 8", 12, 1, 150, 8, GROW_RAGGED, 50, false, 0, false, MLOPS_SHAPE_RECORDS},
	{"depth 9", 10, 1, 17, 9, GROW_FULL, 300, false, 0, false, MLOPS_SHAPE_NODES},
	{"ragged", 12, 1, 200, 10, GROW_RAGGED, 50, false, 0, false, MLOPS_SHAPE_NODES},
	{"ragged of 6", 12, 1, 200, 6, GROW_RAGGED, 50, false, 0, false, MLOPS_SHAPE_SIX},
	{"chains", 5, 1, 100, 60, GROW_CHAIN, 1000, false, 0, false, MLOPS_SHAPE_NODES},
	{"one feature", 1, 1, 100, 6, GROW_FULL, 3000, false, 0, false, MLOPS_SHAPE_SIX},
	{"64 groups", 64, 1, 90, 6, GROW_FULL, 40, false, 0, false, MLOPS_SHAPE_SIX},
	{"65 groups", 65, 1, 90, 6, GROW_FULL, 40, false, 0, false, MLOPS_SHAPE_SIX},
	{"70 groups", 70, 1, 40, 7, GROW_FULL, 20, false, 0, false, MLOPS_SHAPE_RECORDS},
	{"many groups", 20, 1, 200, 8, GROW_FULL, 1500, false, 0, false, MLOPS_SHAPE_NODES},
	{"200 features", 200, 1, 150, 4, GROW_FULL, 300, false, 0, false, MLOPS_SHAPE_FOUR},
	{"300 features", 300, 2, 400, 6, GROW_FULL, 3, false, 0, false, MLOPS_SHAPE_SIX},
	{"900 features", 900, 1, 800, 6, GROW_FULL, 2, false, 0, false, MLOPS_SHAPE_SIX},
	{"3000 features", 3000, 1, 40, 3, GROW_FULL, 9, false, 0, false, -1},
	{"classes", 16, 26, 520, 6, GROW_RAGGED, 16, false, 0, false, MLOPS_SHAPE_SIX},
	{"100 classes", 16, 100, 400, 3, GROW_RAGGED, 16, false, 0, false, MLOPS_SHAPE_THREE},
	{"400 classes", 16, 400, 800, 3, GROW_FULL, 16, false, 0, false, MLOPS_SHAPE_THREE},
	{"dart", 20, 1, 53, 6, GROW_FULL, 255, true, 0, false, MLOPS_SHAPE_SIX},
	{"some categories", 20, 1, 101, 6, GROW_FULL, 50, false, 7, false, MLOPS_SHAPE_PLAIN},
	{"categories", 5, 2, 40, 5, GROW_FULL, 50, false, 1, false, -1},
	{"infinite", 8, 1, 101, 6, GROW_FULL, 20, false, 0, true, MLOPS_SHAPE_SIX},
	{"infinite below", 8, 1, 61, 11, GROW_FULL, 20, false, 0, true, MLOPS_SHAPE_NODES},
	{"leaves alone", 4, 1, 20, 0, GROW_FULL, 5, false, 0, false, -1},
	{"one tree", 4, 1, 1, 6, GROW_FULL, 5, false, 0, false, -1},
	{"linear", 4, 1, 0, 0, GROW_FULL, 1, false, 0, false, -1},
};

/* A drawn tree, as XGBoost numbers it. */
typedef struct Tree
{
	unsigned	count;
	int			left[NODES];
	int			parent[NODES];
	unsigned	depth[NODES];
	unsigned	feature[NODES];
	double		condition[NODES];
	bool		missing_left[NODES];
	bool		categorical[NODES];
} Tree;

static uint64_t random_state = 7;

static uint32_t random_below(uint32_t limit);
static double threshold(const Kind *kind);
static void grow(const Kind *kind, Tree *tree, bool categorical);
static void write_list(FILE *file, const char *name, const Tree *tree,
					   int which);
static void write_tree(FILE *file, const Kind *kind, const Tree *tree,
					   unsigned id);
static char *write_model(const Kind *kind, size_t *size);
static float *draw_rows(const Kind *kind, size_t stride);
static void test_kind(const Kind *kind);
static void test_fixture(unsigned number);
static void test_forest(const char *name, const MlopsForest *forest,
						const float *rows, unsigned n, size_t stride);
static void test_batch(const char *name, const MlopsForest *forest,
					   const float *rows, unsigned n, size_t stride,
					   const float *want);
static unsigned differing(const float *left, const float *right, size_t n);
static void test_damaged(const Kind *kind);
static void damage(MlopsForest *forest, MlopsSectionKind section);
static void test_choice(void);

/* Run all tests. */
int
main(void)
{
	unsigned	i;

	test_choice();
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
	{
		test_kind(&kinds[i]);
		if (kinds[i].shape >= 0)
			test_damaged(&kinds[i]);
	}
	for (i = 0; i < FIXTURE_COUNT; i++)
		test_fixture(i);
	return check_total();
}

/* A number below limit, which is not 0; the same ones in every run. */
static uint32_t
random_below(uint32_t limit)
{
	random_state = random_state * UINT64_C(6364136223846793005) +
		UINT64_C(1442695040888963407);
	return (uint32_t) (random_state >> 33) % limit;
}

/* One of the thresholds that a feature may have: multiples of 1/8 about 0. */
static double
threshold(const Kind *kind)
{
	return ((double) random_below(kind->n_values) - kind->n_values / 2) / 8;
}

/* Draw a tree, level by level. */
static void
grow(const Kind *kind, Tree *tree, bool categorical)
{
	unsigned	i;

	tree->count = 1;
	tree->parent[0] = INT32_MAX;
	tree->depth[0] = 0;
	for (i = 0; i < tree->count; i++)
	{
		bool		split = tree->depth[i] < kind->depth;

		if (kind->growth == GROW_RAGGED && tree->depth[i] > 0)
			split = split && random_below(4) != 0;
		if (kind->growth == GROW_CHAIN)
			split = split && i + 1 == tree->count;
		tree->left[i] = -1;
		tree->feature[i] = 0;
		tree->categorical[i] = false;
		tree->missing_left[i] = false;
		if (!split || tree->count + 2 > NODES)
		{
			tree->condition[i] = (double) random_below(1 << 20) / (1 << 18) - 2;
			continue;
		}
		tree->left[i] = tree->count;
		tree->feature[i] = random_below(kind->n_features);
		tree->condition[i] = threshold(kind);
		if (kind->infinite && random_below(5) == 0)
			tree->condition[i] = random_below(2) ? INFINITY : -INFINITY;
		tree->missing_left[i] = random_below(2);
		tree->categorical[i] = categorical && random_below(3) == 0;
		tree->parent[tree->count] = tree->parent[tree->count + 1] = i;
		tree->depth[tree->count] = tree->depth[tree->count + 1] =
			tree->depth[i] + 1;
		tree->count += 2;
	}
}

/* Write one member of a tree, which is the one of this number. */
static void
write_list(FILE *file, const char *name, const Tree *tree, int which)
{
	unsigned	i;

	fprintf(file, "\"%s\":[", name);
	for (i = 0; i < tree->count; i++)
	{
		if (i > 0)
			fputc(',', file);
		if (which == 0)
			fprintf(file, "%d", tree->left[i]);
		else if (which == 1)
			fprintf(file, "%d", tree->left[i] < 0 ? -1 : tree->left[i] + 1);
		else if (which == 2)
			fprintf(file, "%d", tree->parent[i]);
		else if (which == 3)
			fprintf(file, "%u", tree->feature[i]);
		else if (which == 4)
			fprintf(file, "%d", tree->missing_left[i]);
		else if (which == 5)
			fprintf(file, "%d", tree->categorical[i]);
		else if (which == 6 && isinf(tree->condition[i]))
			fputs(tree->condition[i] > 0 ? "Infinity" : "-Infinity", file);
		else
			fprintf(file, "%.9g", which == 6 ? tree->condition[i] : 1.0);
	}
	fputs("],", file);
}

/* Write a tree. */
static void
write_tree(FILE *file, const Kind *kind, const Tree *tree, unsigned id)
{
	static const char *const members[] = {
		"left_children", "right_children", "parents", "split_indices",
		"default_left", "split_type", "split_conditions", "base_weights",
		"loss_changes", "sum_hessian"
	};
	const char *comma = "";
	unsigned	n_sets = 0;
	unsigned	i;

	fputs("{", file);
	for (i = 0; i < 10; i++)
		write_list(file, members[i], tree, i);
	/* Every set holds two categories. */
	fputs("\"categories_nodes\":[", file);
	for (i = 0; i < tree->count; i++)
	{
		if (tree->categorical[i])
			fprintf(file, "%s%u", n_sets++ ? "," : "", i);
	}
	fputs("],\"categories_segments\":[", file);
	for (i = 0; i < n_sets; i++)
		fprintf(file, "%s%u", i ? "," : "", 2 * i);
	fputs("],\"categories_sizes\":[", file);
	for (i = 0; i < n_sets; i++)
		fprintf(file, "%s2", i ? "," : "");
	fputs("],\"categories\":[", file);
	for (i = 0; i < n_sets; i++, comma = ",")
	{
		unsigned	first = random_below(6);

		fprintf(file, "%s%u,%u", comma, first, first + 1 + random_below(90));
	}
	fprintf(file, "],\"id\":%u,\"tree_param\":{\"num_deleted\":\"0\","
			"\"num_feature\":\"%u\",\"num_nodes\":\"%u\","
			"\"size_leaf_vector\":\"0\"}}", id, kind->n_features, tree->count);
}

/* Write a model as JSON; malloc'd. */
static char *
write_model(const Kind *kind, size_t *size)
{
	char	   *text;
	FILE	   *file = open_memstream(&text, size);
	Tree	   *tree = malloc(sizeof(Tree));
	bool		linear = kind->n_trees == 0;
	unsigned	i;

	fprintf(file, "{\"version\":[1,7,4],\"learner\":{\"attributes\":{},"
			"\"feature_names\":[],\"feature_types\":[],"
			"\"learner_model_param\":{\"base_score\":\"4E-1\","
			"\"num_class\":\"%u\",\"num_feature\":\"%u\","
			"\"num_target\":\"1\"},\"gradient_booster\":{",
			kind->n_outputs > 1 ? kind->n_outputs : 0, kind->n_features);
	if (kind->dart)
	{
		fputs("\"name\":\"dart\",\"weight_drop\":[", file);
		for (i = 0; i < kind->n_trees; i++)
			fprintf(file, "%s%.7g", i ? "," : "", 1.0 / (i + 1));
		fputs("],\"gbtree\":{", file);
	}
	fprintf(file, "\"name\":\"%s\",\"model\":{", linear ? "gblinear" :
			"gbtree");
	if (linear)
		fputs("\"weights\":[1.5,-2,0.25,3,1]", file);
	else
	{
		fprintf(file, "\"gbtree_model_param\":{\"num_parallel_tree\":\"1\","
				"\"num_trees\":\"%u\",\"size_leaf_vector\":\"0\"},"
				"\"tree_info\":[", kind->n_trees);
		for (i = 0; i < kind->n_trees; i++)
			fprintf(file, "%s%u", i ? "," : "", i % kind->n_outputs);
		fputs("],\"trees\":[", file);
		for (i = 0; i < kind->n_trees; i++)
		{
			if (i > 0)
				fputc(',', file);
			grow(kind, tree, kind->categorical && i % kind->categorical == 0);
			write_tree(file, kind, tree, i);
		}
		fputs("]", file);
	}
	fprintf(file, "}%s},\"objective\":{\"name\":\"%s\",%s",
			kind->dart ? "}" : "",
			kind->n_outputs > 1 ? "multi:softprob" : "binary:logistic",
			kind->n_outputs > 1 ? "\"softmax_multiclass_param\":" :
			"\"reg_loss_param\":");
	if (kind->n_outputs > 1)
		fprintf(file, "{\"num_class\":\"%u\"}}}}", kind->n_outputs);
	else
		fputs("{}}}}", file);
	fclose(file);
	free(tree);
	return text;
}

/* Draw rows, each of stride floats but the last, which ends the memory. */
static float *
draw_rows(const Kind *kind, size_t stride)
{
	static const float odd[] = {
		NAN, NAN, NAN, INFINITY, -INFINITY, 0.0f, -0.0f, 3e38f, 1e-45f
	};
	size_t		count = (ROWS - 1) * stride + kind->n_features;
	float	   *rows = malloc(count * sizeof(float));
	size_t		i;

	for (i = 0; i < count; i++)
	{
		rows[i] = (float) threshold(kind);
		switch (random_below(6))
		{
			case 0:
				rows[i] = odd[random_below(9)];
				break;
			case 1:
				rows[i] = nextafterf(rows[i], random_below(2) ? 1e9f : -1e9f);
				break;
			case 2:
				rows[i] = (float) random_below(40);
				break;
			case 3:
				rows[i] += (float) random_below(1000) / 4000.0f;
				break;
		}
	}
	/* Some rows miss everything, some nothing. */
	for (i = 0; i < kind->n_features; i++)
	{
		rows[i] = NAN;
		rows[stride + i] = (float) threshold(kind);
	}
	return rows;
}

/* A kind of models: the layout that it should get, and all paths. */
static void
test_kind(const Kind *kind)
{
	MlopsForestError err = {""};
	const MlopsForest *forest;
	size_t		size;
	char	   *text = write_model(kind, &size);
	size_t		stride = kind->n_features + random_below(3);
	float	   *rows = draw_rows(kind, stride);
	void	   *block;
	bool		found = kind->shape < 0;

	forest = fixture_open(text, size, &block, &err);
	check(forest != NULL, "%s opens %s", kind->name, err.message);
	if (forest != NULL)
	{
		uint32_t	n_chunks;
		const MlopsChunk *chunks = mlops_chunks(forest, &n_chunks);
		uint32_t	i;

		for (i = 0; i < n_chunks; i++)
			found = kind->shape < 0 ? false :
				found || chunks[i].shape == kind->shape;
		check(found && mlops_forest_path_applies(forest, MLOPS_PATH_AVX2) ==
			  (kind->shape >= 0), "%s has the layout expected", kind->name);
		test_forest(kind->name, forest, rows, ROWS, stride);
		/* Row by row too where that is not worth it. */
		if (!found || !mlops_forest_ranked(forest) ||
			(forest->flags & MLOPS_BLOCK_RANKED_ROWS))
			n_chunks = 0;
		((MlopsForest *) block)->flags |= MLOPS_BLOCK_RANKED_ROWS;
		if (n_chunks > 0)
			test_forest(kind->name, forest, rows, ROWS, stride);
	}
	free(block);
	free(rows);
	free(text);
}

/* A fixture, on its rows. */
static void
test_fixture(unsigned number)
{
	Fixture		fixture;
	MlopsForestError err = {""};
	const MlopsForest *forest;
	void	   *block;
	float	   *rows;

	fixture_load(number, &fixture);
	forest = fixture_open(fixture.model, fixture.size, &block, &err);
	rows = fixture_copy(fixture.rows, (size_t) fixture.n_rows *
						fixture.n_features * sizeof(float));
	if (forest != NULL)
		test_forest(fixture.name, forest, rows, fixture.n_rows,
					fixture.n_features);
	free(rows);
	free(block);
	fixture_free(&fixture);
}

/* Compare every path that is available with the portable one, row by row. */
static void
test_forest(const char *name, const MlopsForest *forest, const float *rows,
			unsigned n, size_t stride)
{
	MlopsForestInfo info;
	size_t		n_values;
	float	   *want;
	float	   *got;
	unsigned	i;
	int			path;

	mlops_forest_info(forest, &info);
	n_values = (size_t) n * info.n_outputs;
	want = malloc(n_values * sizeof(float));
	got = malloc(n_values * sizeof(float));
	mlops_forest_path_force(MLOPS_PATH_PORTABLE);
	for (i = 0; i < n; i++)
		mlops_forest_margin(forest, rows + i * stride,
							want + i * info.n_outputs);
	for (path = 0; path < MLOPS_PATH_COUNT; path++)
	{
		if (!mlops_forest_path_force(path))
			continue;
		memset(got, 0xFF, n_values * sizeof(float));
		for (i = 0; i < n; i++)
		{
			/* A row of its own, so that any read beyond it is seen. */
			float	   *row = fixture_copy(rows + i * stride, info.n_features *
										   sizeof(float));

			mlops_forest_margin(forest, row, got + i * info.n_outputs);
			free(row);
		}
		check(differing(got, want, n_values) == 0, "%s by %s: same bits",
			  name, mlops_forest_path_name(path));
		test_batch(name, forest, rows, n, stride, want);
	}
	mlops_forest_path_choose();
	free(want);
	free(got);
}

/* The same in batches of many sizes, and predictions. */
static void
test_batch(const char *name, const MlopsForest *forest, const float *rows,
		   unsigned n, size_t stride, const float *want)
{
	static const unsigned sizes[] = {
		1, 11, 12, 13, 31, 32, 33, 47, 48, 64, 100, 127, 128, 129, 300
	};
	MlopsForestInfo info;
	unsigned	n_bad = 0;
	unsigned	i;
	unsigned	k;

	mlops_forest_info(forest, &info);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		unsigned	size = sizes[i] < n ? sizes[i] : n;
		unsigned	first = n - size;
		size_t		n_values = (size_t) size * info.n_outputs;
		float	   *got = malloc(n_values * sizeof(float));
		float	   *one = malloc(info.n_outputs * sizeof(float));

		mlops_forest_margin_batch(forest, rows + first * stride, size, stride,
								  got);
		n_bad += differing(got, want + (size_t) first * info.n_outputs,
						   n_values);
		mlops_forest_predict_batch(forest, rows + first * stride, size,
								   stride, got);
		for (k = 0; k < size; k++)
		{
			mlops_forest_predict(forest, rows + (first + k) * stride, one);
			n_bad += differing(one, got + (size_t) k * info.n_outputs,
							   info.n_outputs);
		}
		free(one);
		free(got);
	}
	check(n_bad == 0, "%s by %s in batches: same bits", name,
		  mlops_forest_path_name(mlops_forest_path()));
}

/*
 * Blocks whose layout was changed at random but whose checksum is good: none
 * makes an evaluator leave its memory.  The sanitizers watch.
 */
static void
test_damaged(const Kind *kind)
{
	MlopsForestError err;
	MlopsForest *block;
	MlopsForest *copy;
	size_t		size;
	size_t		length;
	char	   *text = write_model(kind, &length);
	float	   *rows = draw_rows(kind, kind->n_features);
	float	   *outputs = malloc((size_t) ROWS * kind->n_outputs *
								 sizeof(float));
	unsigned	n_opened = 0;
	unsigned	i;
	int			path;

	if (!mlops_forest_build(text, length, (void **) &block, &size, &err))
		abort();
	copy = aligned_alloc(MLOPS_FOREST_ALIGN, size);
	for (i = 0; i < 150; i++)
	{
		memcpy(copy, block, size);
		copy->flags |= MLOPS_BLOCK_RANKED_ROWS;
		damage(copy, MLOPS_SECTION_GROUPS + i % 5);
		copy->checksum = mlops_block_checksum(copy, size);
		if (mlops_forest_open(copy, size, &err) == NULL)
			continue;
		n_opened++;
		for (path = 0; path < MLOPS_PATH_COUNT; path++)
		{
			if (!mlops_forest_path_force(path))
				continue;
			mlops_forest_margin(copy, rows, outputs);
			mlops_forest_margin_batch(copy, rows, 20, kind->n_features,
									  outputs);
		}
	}
	check(n_opened > 20 && n_opened < 150, "%s: %u of 150 damaged blocks open",
		  kind->name, n_opened);
	mlops_forest_path_choose();
	free(copy);
	free(block);
	free(outputs);
	free(rows);
	free(text);
}

/* Change a word of a section, or its size. */
static void
damage(MlopsForest *forest, MlopsSectionKind section)
{
	static const uint32_t words[] = {
		0, 1, 2, 3, 4, 5, 6, 63, 64, 65, 0x80, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF,
		0x7F7F7F7F, 0xFF800000, 0x7FC00000
	};
	MlopsSection *place = &forest->sections[section];
	uint32_t	word = words[random_below(sizeof(words) / sizeof(words[0]))];
	char	   *at = (char *) forest + place->offset;

	if (random_below(8) == 0)
	{
		place->length = random_below(2) ? place->length / 2 :
			place->length + random_below(200) - 100;
		return;
	}
	at += random_below(place->length / 4) * 4;
	if (random_below(3) == 0)
	{
		memcpy(&word, at, sizeof(word));
		word += (int) random_below(7) - 3;
	}
	memcpy(at, &word, sizeof(word));
}

/* How many floats differ in a bit? */
static unsigned
differing(const float *left, const float *right, size_t n)
{
	unsigned	count = 0;
	size_t		i;

	for (i = 0; i < n; i++)
		count += memcmp(&left[i], &right[i], sizeof(float)) != 0;
	return count;
}

/* Names lead to paths, and only what there is can be forced. */
static void
test_choice(void)
{
	MlopsPath	path;
	int			i;

	for (i = 0; i < MLOPS_PATH_COUNT; i++)
	{
		bool		available = mlops_forest_path_available(i);

		check(mlops_forest_path_find(mlops_forest_path_name(i), &path) &&
			  (int) path == i, "%s is found", mlops_forest_path_name(i));
		mlops_forest_path_force(MLOPS_PATH_PORTABLE);
		check(mlops_forest_path_force(i) == available &&
			  mlops_forest_path() == (available ? i : MLOPS_PATH_PORTABLE),
			  "%s is %s", mlops_forest_path_name(i),
			  available ? "here" : "not here");
	}
	check(!mlops_forest_path_find("auto", &path), "auto is no path");
	check(mlops_forest_path_available(MLOPS_PATH_PORTABLE),
		  "portable is everywhere");
	mlops_forest_path_choose();
	for (i = mlops_forest_path() + 1; i < MLOPS_PATH_COUNT; i++)
		check(!mlops_forest_path_available(i), "%s would be better",
			  mlops_forest_path_name(i));
}
