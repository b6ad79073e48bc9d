/*
 * forest_explain_test.c
 *		Contributions, leaves and descriptions of models.
 *
 * Small random models are written here as JSON, with nodes numbered in the
 * order of their growth; their Shapley values are those of the definition,
 * a sum over all subsets of features.  Long paths have a formula.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forest_fixture.h"
#include "forest/describe.h"
#include "forest/explain.h"

#define MAX_NODES 64
#define MAX_TREES 12
#define N_FEATURES 5
#define N_CATEGORIES 40

/* A tree as the test knows it; sets are of categories that go right. */
typedef struct Tree
{
	int			n_nodes;
	int			left[MAX_NODES];	/* -1: leaf */
	int			parent[MAX_NODES];
	int			feature[MAX_NODES];
	int			default_left[MAX_NODES];
	float		condition[MAX_NODES];
	double		cover[MAX_NODES];
	unsigned long long set[MAX_NODES];	/* 0: numeric split */
} Tree;

/* A model as the test knows it. */
typedef struct Model
{
	int			n_outputs;
	int			n_parallel;
	int			n_trees;
	bool		dart;
	Tree		trees[MAX_TREES];
	float		weights[MAX_TREES];
	char	   *text;
	size_t		size;
	size_t		capacity;
} Model;

static unsigned long long state = 88172645463325252ULL;

static void test_random(int number, bool degenerate);
static void test_row(const Model *model, const MlopsForest *forest,
					 MlopsExplainer *explainer, const float *row,
					 double *worst, double *additive, unsigned *wrong_leaves);
static void test_path(unsigned n_features, unsigned n_taken, double share);
static void test_chain(unsigned depth, unsigned n_features);
static void test_fixture(unsigned number);
static void test_linear(void);
static void test_sets(void);
static void test_features(void);
static void test_data_frame(void);

/* All tests. */
int
main(void)
{
	int			i;

	for (i = 0; i < 60; i++)
		test_random(i, i % 6 == 5);
	test_path(1, 1, 0.3);
	test_path(7, 4, 0.5);
	test_path(8, 8, 0.7);
	test_path(41, 20, 0.9);
	test_path(48, 48, 0.01);
	test_path(120, 119, 0.5);
	test_path(120, 60, 0.5);
	test_path(300, 290, 0.95);
	test_path(1000, 1000, 0.999);
	test_path(1000, 500, 0.5);
	test_path(3000, 2999, 0.9);
	test_chain(5000, 40);
	test_chain(30000, 2000);
	for (i = 0; i < FIXTURE_COUNT; i++)
		test_fixture(i);
	test_linear();
	test_sets();
	test_features();
	test_data_frame();
	return check_total();
}

/* A random number below this one. */
static unsigned
below(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 20) % n;
}

/* Append to the text of a model. */
__attribute__((format(printf, 2, 3))) static void
put(Model *model, const char *format,...)
{
	va_list		args;

	if (model->capacity - model->size < 4096)
	{
		model->capacity = 2 * model->capacity + 8192;
		model->text = realloc(model->text, model->capacity);
		if (model->text == NULL)
			abort();
	}
	va_start(args, format);
	model->size += vsnprintf(model->text + model->size, 4096, format, args);
	va_end(args);
}

/* What stands before the trees. */
static void
put_head(Model *model, unsigned n_features, const char *more)
{
	int			i;

	put(model, "{\"version\":[1,7,4],\"learner\":{\"learner_model_param\":{"
		"\"num_feature\":\"%u\",\"num_class\":\"0\",\"num_target\":\"%d\","
		"\"base_score\":\"2.5E-1\"},\"objective\":{\"name\":"
		"\"reg:squarederror\",\"reg_loss_param\":{\"scale_pos_weight\":\"1\"}},"
		"\"attributes\":{},\"feature_names\":[],\"feature_types\":[],"
		"\"gradient_booster\":{\"name\":\"gbtree\",\"model\":{", n_features,
		model->n_outputs);
	if (model->dart)
	{
		put(model, "\"weight_drop\":[");
		for (i = 0; i < model->n_trees; i++)
			put(model, "%s%.9g", i ? "," : "", model->weights[i]);
		put(model, "],");
	}
	put(model, "\"gbtree_model_param\":{\"num_trees\":\"%d\","
		"\"num_parallel_tree\":\"%d\",\"size_leaf_vector\":\"0\"},%s"
		"\"tree_info\":[", model->n_trees, model->n_parallel, more);
	for (i = 0; i < model->n_trees; i++)
		put(model, "%s%d", i ? "," : "",
			i / model->n_parallel % model->n_outputs);
	put(model, "],\"trees\":[");
}

/* What stands after the trees. */
static void
put_tail(Model *model)
{
	put(model, "]}}}}");
}

/* Grow a random tree, of no split at times. */
static void
grow(Tree *tree, bool degenerate)
{
	int			n_splits = below(10) == 0 ? 0 : 1 + below(11);
	int			i;

	memset(tree, 0, sizeof(*tree));
	tree->n_nodes = 1;
	tree->left[0] = -1;
	tree->cover[0] = 1000;
	tree->condition[0] = (below(2000) - 1000.0) / 256;
	while (n_splits-- > 0)
	{
		int			at;
		int			child = tree->n_nodes;

		do
			at = below(tree->n_nodes);
		while (tree->left[at] != -1);
		tree->left[at] = child;
		tree->feature[at] = below(N_FEATURES);
		tree->default_left[at] = below(2);
		tree->condition[at] = (below(8) - 4.0f) / 2;
		if (tree->feature[at] == N_FEATURES - 1)
			tree->set[at] = state % (1ULL << N_CATEGORIES) | 1ULL << below(40);
		for (i = child; i < child + 2; i++)
		{
			tree->left[i] = -1;
			tree->parent[i] = at;
			tree->condition[i] = (below(2000) - 1000.0) / 256;
		}
		tree->cover[child] = (float) (tree->cover[at] * (below(9) / 8.0));
		tree->cover[child + 1] = tree->cover[at] - tree->cover[child];
		tree->n_nodes += 2;
	}
	for (i = 0; degenerate && i < tree->n_nodes; i++)
	{
		static const double odd[] = {0, -5, 1e30, 1e-38, 0, 7};

		tree->cover[i] = odd[below(6)];
	}
}

/* One array of a tree, with what format makes of each node. */
#define ARRAY(name, ...) \
	do { \
		put(model, "\"" name "\":["); \
		for (i = 0; i < tree->n_nodes; i++) \
			put(model, i ? "," : ""), put(model, __VA_ARGS__); \
		put(model, "],"); \
	} while (0)

/* Write a tree. */
static void
put_tree(Model *model, const Tree *tree, int id, unsigned n_features)
{
	static const char *const names[] = {
		"categories_nodes", "categories_segments", "categories_sizes",
		"categories"
	};
	int			part;
	int			i;
	int			k;

	put(model, "%s{", id ? "," : "");
	ARRAY("left_children", "%d", tree->left[i]);
	ARRAY("right_children", "%d", tree->left[i] < 0 ? -1 : tree->left[i] + 1);
	ARRAY("parents", "%d", i ? tree->parent[i] : 2147483647);
	ARRAY("split_indices", "%d", tree->left[i] < 0 ? 0 : tree->feature[i]);
	ARRAY("default_left", "%d", tree->default_left[i]);
	ARRAY("split_type", "%d", tree->left[i] >= 0 && tree->set[i] != 0);
	ARRAY("split_conditions", "%.9g", tree->condition[i]);
	ARRAY("base_weights", "%d.0", i);
	ARRAY("loss_changes", "%d.5", i);
	ARRAY("sum_hessian", "%.9g", tree->cover[i]);
	for (part = 0; part < 4; part++)
	{
		int			total = 0;

		put(model, "\"%s\":[", names[part]);
		for (i = 0; i < tree->n_nodes; i++)
		{
			int			count = __builtin_popcountll(tree->set[i]);
			const int	simple[3] = {i, total, count};

			if (part < 3 && count > 0)
				put(model, "%s%d", total ? "," : "", simple[part]);
			for (k = 0; part == 3 && k < N_CATEGORIES; k++)
			{
				if (tree->set[i] >> k & 1)
					put(model, "%s%d", total++ ? "," : "", k);
			}
			if (part < 3)
				total += count;
		}
		put(model, "],");
	}
	put(model, "\"id\":%d,\"tree_param\":{\"num_nodes\":\"%d\","
		"\"num_feature\":\"%u\",\"num_deleted\":\"0\","
		"\"size_leaf_vector\":\"0\"}}", id, tree->n_nodes, n_features);
}

/* Does a row go right? */
static bool
goes_right(const Tree *tree, int at, const float *row)
{
	float		x = row[tree->feature[at]];

	if (isnan(x))
		return !tree->default_left[at];
	if (tree->set[at] != 0)
		return x >= 0 && x < N_CATEGORIES && (tree->set[at] >> (int) x & 1);
	return !(x < tree->condition[at]);
}

/* What a tree is expected to say if only these features are known. */
static double
expected(const Tree *tree, int at, const float *row, unsigned known)
{
	int			left = tree->left[at];
	double		sum;

	if (left < 0)
		return tree->condition[at];
	if (known >> tree->feature[at] & 1)
		return expected(tree, left + goes_right(tree, at, row), row, known);
	sum = tree->cover[at];
	if (sum <= 0)
		return (expected(tree, left, row, known) +
				expected(tree, left + 1, row, known)) / 2;
	return (expected(tree, left, row, known) * (float) tree->cover[left] +
			expected(tree, left + 1, row, known) *
			(float) tree->cover[left + 1]) / sum;
}

/* The Shapley value of a feature, by its definition. */
static double
shapley(const Tree *tree, const float *row, int feature)
{
	static const double weight[N_FEATURES] = {
		1 / 5.0, 1 / 20.0, 1 / 30.0, 1 / 20.0, 1 / 5.0
	};
	double		sum = 0;
	unsigned	known;

	for (known = 0; known < 1u << N_FEATURES; known++)
	{
		if (!(known >> feature & 1))
			sum += weight[__builtin_popcount(known)] *
				(expected(tree, 0, row, known | 1u << feature) -
				 expected(tree, 0, row, known));
	}
	return sum;
}

/* Compare a random model with the definition. */
static void
test_random(int number, bool degenerate)
{
	Model		model = {.n_outputs = 1 + number % 3,
		.n_parallel = 1 + number % 2,.dart = number % 4 == 1};
	MlopsForestError err;
	const MlopsForest *forest;
	MlopsExplainer *explainer;
	void	   *block;
	double		worst = 0;
	double		additive = 0;
	unsigned	wrong_leaves = 0;
	float		row[N_FEATURES];
	int			i;
	int			k;

	model.n_trees = 2 * model.n_outputs * model.n_parallel;
	for (i = 0; i < model.n_trees; i++)
	{
		grow(&model.trees[i], degenerate);
		model.weights[i] = model.dart ? (1 + below(8)) / 8.0f : 1;
	}
	put_head(&model, N_FEATURES, "");
	for (i = 0; i < model.n_trees; i++)
		put_tree(&model, &model.trees[i], i, N_FEATURES);
	put_tail(&model);
	forest = fixture_open(model.text, model.size, &block, &err);
	check(forest != NULL, "random model %d%s", number,
		  forest ? "" : err.message);
	if (forest == NULL)
		return;
	explainer = mlops_explainer_create(forest);
	for (i = 0; i < 10; i++)
	{
		for (k = 0; k < N_FEATURES; k++)
			row[k] = below(4) == 0 ? NAN : (below(10) - 5.0f) / 2;
		if (below(4) != 0)
			row[N_FEATURES - 1] = below(50);
		test_row(&model, forest, explainer, row, &worst, &additive,
				 &wrong_leaves);
	}
	check(degenerate ? isfinite(worst) : worst < 1e-12,
		  "random model %d: contributions within %.1e%s", number, worst,
		  degenerate ? ", of covers that mean nothing" : "");
	check(additive < 1e-12, "random model %d: sums within %.1e", number,
		  additive);
	check(wrong_leaves == 0, "random model %d: %u wrong leaves", number,
		  wrong_leaves);
	mlops_explainer_free(explainer);
	free(block);
	free(model.text);
}

/* Compare one row: contributions, their sums, and leaves. */
static void
test_row(const Model *model, const MlopsForest *forest,
		 MlopsExplainer *explainer, const float *row, double *worst,
		 double *additive, unsigned *wrong_leaves)
{
	double		got[3 * (N_FEATURES + 1)];
	uint32_t	leaf[MAX_TREES];
	int			k;
	int			f;
	int			i;

	mlops_explain(explainer, row, got);
	mlops_forest_leaves(forest, row, leaf);
	for (k = 0; k < model->n_outputs; k++)
	{
		const double *mine = got + k * (N_FEATURES + 1);
		double		bias = 0.25;
		double		margin = 0.25;
		double		sum = 0;

		for (i = 0; i < model->n_trees; i++)
		{
			int			at = 0;

			if (i / model->n_parallel % model->n_outputs != k)
				continue;
			while (model->trees[i].left[at] >= 0)
				at = model->trees[i].left[at] +
					goes_right(&model->trees[i], at, row);
			*wrong_leaves += leaf[i] != at;
			margin += (float) (model->weights[i] *
							   model->trees[i].condition[at]);
			bias += model->weights[i] *
				expected(&model->trees[i], 0, row, 0);
		}
		for (f = 0; f < N_FEATURES; f++)
		{
			double		value = 0;

			for (i = 0; i < model->n_trees; i++)
			{
				if (i / model->n_parallel % model->n_outputs == k)
					value += model->weights[i] *
						shapley(&model->trees[i], row, f);
			}
			*worst = fmax(*worst, isfinite(mine[f]) ?
						  fabs(mine[f] - value) : INFINITY);
			sum += mine[f];
		}
		*worst = fmax(*worst, fabs(mine[N_FEATURES] - bias));
		*additive = fmax(*additive, fabs(sum + mine[N_FEATURES] - margin) /
						 fmax(1, fabs(margin)));
	}
}

/*
 * Write a chain: every split has a leaf of this value as its left child and
 * goes on to the right; a share of the cover goes on.  Rows with 1 go on,
 * rows with 0 do not.
 */
static void
put_chain(Model *model, unsigned depth, unsigned n_features, double share,
		  float inner, float last)
{
	unsigned	n = 2 * depth + 1;
	unsigned	i;

	model->n_outputs = model->n_parallel = model->n_trees = 1;
	put_head(model, n_features, "");
	put(model, "{\"id\":0,\"tree_param\":{\"num_nodes\":\"%u\",\"num_feature\":"
		"\"%u\",\"num_deleted\":\"0\",\"size_leaf_vector\":\"0\"}", n,
		n_features);
#define CHAIN(name, format, split, leaf) \
	do { \
		put(model, ",\"" name "\":["); \
		for (i = 0; i < n; i++) \
			put(model, "%s" format, i ? "," : "", \
				i % 2 == 0 && i + 1 < n ? (split) : (leaf)); \
		put(model, "]"); \
	} while (0)
	CHAIN("left_children", "%d", (int) i + 1, -1);
	CHAIN("right_children", "%d", (int) i + 2, -1);
	CHAIN("parents", "%d", i ? (int) i - 2 : 2147483647,
		  (int) i - (i % 2 ? 1 : 2));
	CHAIN("split_indices", "%d", i / 2 % n_features, 0);
	CHAIN("default_left", "%d", 0, 0);
	CHAIN("split_type", "%d", 0, 0);
	CHAIN("base_weights", "%.1f", 0.0, 0.0);
	CHAIN("loss_changes", "%.1f", 1.0, 0.0);
	CHAIN("split_conditions", "%.9g", 0.5, i % 2 ? inner : last);
	CHAIN("sum_hessian", "%.9g", fmax(1e-37, 1e6 * pow(share, i / 2)),
		  fmax(1e-37, 1e6 * pow(share, i / 2) * (i % 2 ? 1 - share : 1)));
	put(model, "}");
	put_tail(model);
}

/*
 * One leaf under many features, of which some are as it wants them.  The
 * Shapley value of one of a features that are, with b that are not, is the
 * integral of (1 - z) (t + z (1 - t))^(a - 1) (z (1 - t))^b.
 */
static void
test_path(unsigned n_features, unsigned n_taken, double share)
{
	Model		model = {0};
	MlopsForestError err;
	const MlopsForest *forest;
	MlopsExplainer *explainer;
	void	   *block;
	float	   *row = calloc(n_features, sizeof(float));
	double	   *got = calloc(n_features + 1, sizeof(double));
	double		real = share;
	long double value = 0;
	double		worst = 0;
	double		sum = 0;
	unsigned	b = n_features - n_taken;
	unsigned	i;

	/* Covers that float32 cannot hold would be other shares. */
	if (pow(share, n_features) < 1e-38)
		real = share = pow(1e-38, 1.0 / n_features);
	put_chain(&model, n_features, n_features, share, 0.0f, 1.0f);
	forest = fixture_open(model.text, model.size, &block, &err);
	if (forest == NULL)
		abort();
	for (i = 0; i < n_taken; i++)
		row[i] = 1;
	for (i = 0; i < n_taken; i++)
		value += (1 - (long double) real) *
			expl(lgammal(n_taken) - lgammal(i + 1) - lgammal(n_taken - i) +
				 (b + i) * logl(real) + lgammal(n_taken - i) +
				 lgammal(i + b + 1) - lgammal(n_features + 1));
	explainer = mlops_explainer_create(forest);
	mlops_explain(explainer, row, got);
	for (i = 0; i < n_taken; i++)
		worst = fmax(worst, fabs(got[i] - (double) value) /
					 fmax((double) value, 1e-9));
	for (i = 0; i <= n_features; i++)
		sum += got[i];
	/* Covers are float32: but for halves, 1 - share is not quite its own. */
	check(worst < (share == 0.5 ? 1e-12 : 1e-6 / (1 - share)) && fabs(sum - 0.25 - (b == 0)) < 1e-12,
		  "path of %u features, %u taken: within %.1e of the formula, "
		  "sum within %.1e", n_features, n_taken, worst,
		  fabs(sum - 0.25 - (b == 0)));
	mlops_explainer_free(explainer);
	free(block);
	free(model.text);
	free(row);
	free(got);
}

/* A tree as deep as it has splits. */
static void
test_chain(unsigned depth, unsigned n_features)
{
	Model		model = {0};
	MlopsForestError err;
	const MlopsForest *forest;
	MlopsExplainer *explainer;
	void	   *block;
	float	   *row = calloc(n_features, sizeof(float));
	double	   *got = calloc(n_features + 1, sizeof(double));
	uint32_t	leaf;
	char	   *text;
	size_t		length;
	double		sum = 0;
	unsigned	i;

	put_chain(&model, depth, n_features, 0.999, 0.125f, 3.0f);
	forest = fixture_open(model.text, model.size, &block, &err);
	if (forest == NULL)
		abort();
	for (i = 0; i < n_features; i++)
		row[i] = i == 7 ? 0 : i % 3 ? 1 : NAN;
	explainer = mlops_explainer_create(forest);
	mlops_explain(explainer, row, got);
	mlops_forest_leaves(forest, row, &leaf);
	for (i = 0; i <= n_features; i++)
		sum += got[i];
	check(fabs(sum - 0.375) < 1e-12 && leaf == 15,
		  "tree of depth %u: sum within %.1e, leaf %u", depth,
		  fabs(sum - 0.375), leaf);
	check(mlops_model_dump(model.text, model.size, NULL, &text, &length,
						   &err) && strlen(text) == length,
		  "its text has %zu bytes", length);
	free(text);
	mlops_explainer_free(explainer);
	free(block);
	free(model.text);
	free(row);
	free(got);
}

/* Contributions of a real model add up to the library's margins. */
static void
test_fixture(unsigned number)
{
	Fixture		fixture;
	MlopsForestError err;
	MlopsModelFeatures *features;
	MlopsImportance *importance;
	const MlopsForest *forest;
	MlopsExplainer *explainer;
	void	   *block;
	double		got[16 * 16];
	double		worst = 0;
	uint32_t	n_features;
	unsigned	i;
	unsigned	k;
	unsigned	f;

	fixture_load(number, &fixture);
	forest = fixture_open(fixture.model, fixture.size, &block, &err);
	explainer = mlops_explainer_create(forest);
	for (i = 0; i < fixture.n_rows; i++)
	{
		mlops_explain(explainer, fixture.rows + i * fixture.n_features, got);
		for (k = 0; k < fixture.n_outputs; k++)
		{
			double		sum = 0;

			for (f = 0; f <= fixture.n_features; f++)
				sum += got[k * (fixture.n_features + 1) + f];
			worst = fmax(worst, fabs(sum - fixture.margins
									 [i * fixture.n_outputs + k]));
		}
	}
	check(worst < 2e-6, "%s: sums within %.1e of the margin", fixture.name,
		  worst);
	mlops_explainer_free(explainer);
	free(block);
	check(mlops_model_features(fixture.model, fixture.size, &features, &err) &&
		  features->n_features == 5 && features->named &&
		  strcmp(features->names[4], "\xC3\xA9") == 0,
		  "%s: names", fixture.name);
	free(features);
	check(mlops_model_importance(fixture.model, fixture.size, &importance,
								 &n_features, &err) &&
		  n_features == 5 && importance[0].weight != 0,
		  "%s: importance", fixture.name);
	free(importance);
	fixture_free(&fixture);
}

/* A linear model: weight times value, nothing for what is missing. */
static void
test_linear(void)
{
	static const char *const text =
		"{\"version\":[1,7,4],\"learner\":{\"learner_model_param\":{"
		"\"num_feature\":\"2\",\"num_class\":\"0\",\"num_target\":\"1\","
		"\"base_score\":\"5E-1\"},\"objective\":{\"name\":"
		"\"reg:squarederror\",\"reg_loss_param\":{\"scale_pos_weight\":\"1\"}},"
		"\"gradient_booster\":{\"name\":\"gblinear\",\"model\":{"
		"\"weights\":[1.5,-2.0,0.25]}}}}";
	static const float row[2] = {2.0f, NAN};
	MlopsForestError err;
	MlopsImportance *importance;
	const MlopsForest *forest;
	MlopsExplainer *explainer;
	void	   *block;
	double		got[3];
	uint32_t	n;

	forest = fixture_open(text, strlen(text), &block, &err);
	explainer = mlops_explainer_create(forest);
	mlops_explain(explainer, row, got);
	check(got[0] == 3.0 && got[1] == 0.0 && got[2] == 0.75,
		  "linear: %g %g %g", got[0], got[1], got[2]);
	check(mlops_model_importance(text, strlen(text), &importance, &n, &err) &&
		  importance[1].weight == -2.0, "linear: importance");
	free(importance);
	mlops_explainer_free(explainer);
	free(block);
}

/* The labels of the caller are in the text. */
static void
test_sets(void)
{
	static const char *const names[N_FEATURES] = {"a", "b", "c", "d", "kind"};
	static const char *const kinds[] = {"red", "green", "blue"};
	const char **categories[N_FEATURES] = {NULL, NULL, NULL, NULL,
	(const char **) kinds};
	uint32_t	counts[N_FEATURES] = {0, 0, 0, 0, 3};
	MlopsModelFeatures labels = {.n_features = N_FEATURES,
		.names = (const char **) names, .n_categories = counts,
	.categories = categories};
	Model		model = {.n_outputs = 1,.n_parallel = 1,.n_trees = 1};
	Tree	   *tree = &model.trees[0];
	MlopsForestError err;
	char	   *text;
	size_t		length;

	tree->n_nodes = 3;
	tree->left[0] = 1;
	tree->left[1] = tree->left[2] = -1;
	tree->feature[0] = 4;
	tree->set[0] = 1 | 4 | 8;
	tree->cover[0] = 10;
	tree->cover[1] = 4;
	tree->cover[2] = 6;
	tree->condition[1] = 0.5f;
	put_head(&model, N_FEATURES, "");
	put_tree(&model, tree, 0, N_FEATURES);
	put_tail(&model);
	check(mlops_model_dump_labelled(model.text, model.size, &labels, &text,
									&length, &err) &&
		  strcmp(text, "booster[0]:\n0:[kind:{red,blue,3}] yes=2,no=1,"
				 "missing=2,gain=0.5,cover=10\n\t1:leaf=0.5,cover=4\n"
				 "\t2:leaf=0,cover=6\n") == 0, "names in a dump");
	free(text);
	labels.n_features = 4;
	check(!mlops_model_dump_labelled(model.text, model.size, &labels, &text,
									 &length, &err) && text == NULL,
		  "labels for others: %s", err.message);
	free(model.text);
}

/* Features of a model without names. */
static void
test_features(void)
{
	Model		model = {.n_outputs = 1,.n_parallel = 1,.n_trees = 1};
	MlopsForestError err;
	MlopsModelFeatures *features;

	grow(&model.trees[0], false);
	put_head(&model, N_FEATURES, "");
	put_tree(&model, &model.trees[0], 0, N_FEATURES);
	put_tail(&model);
	check(mlops_model_features(model.text, model.size, &features, &err) &&
		  !features->named && strcmp(features->names[3], "f3") == 0 &&
		  features->types[3] == NULL && features->n_categories[4] == 0,
		  "features without names");
	free(features);
	check(!mlops_model_features("{", 1, &features, &err) && features == NULL,
		  "no model: %s", err.message);
	free(model.text);
}

/* Categories of a data frame, and containers that contradict themselves. */
static void
test_data_frame(void)
{
#define NONE "{\"offsets\":[],\"values\":[]},"
#define CATS(columns, segments, sorted) "\"cats\":{\"enc\":[" NONE NONE NONE \
	columns "],\"feature_segments\":[" segments "],\"sorted_idx\":[" sorted \
	"]},"
#define WORDS "{\"offsets\":[0,3,3,5],\"values\":[114,101,100,-61,-87]}"
#define WHOLE "{\"type\":7,\"values\":[-5,700000]},"
	static const struct
	{
		const char *text;
		const char *says;		/* NULL: good */
	}			cases[] = {
		{CATS(WHOLE WORDS, "0,0,0,0,2,5", "1,0,2,1,0"), NULL},
		{CATS(WHOLE WORDS, "0,0,0,0,2,5", ""), NULL},
		{CATS(WHOLE WORDS, "0,0,0,0,2,6", ""), "do not fit"},
		{CATS(WHOLE WORDS, "0,0,0,0,2", ""), "wrong length"},
		{CATS(WHOLE WORDS, "0,0,0,0,2,5", "1"), "wrong length"},
		{CATS(WHOLE WORDS, "0,0,0,0,2,5", "1,0,2,1,5"), "out of range"},
		{CATS(WHOLE "{\"offsets\":[0,9],\"values\":[65]}", "0,0,0,0,2,3", ""), "out of order"},
		{CATS(WHOLE "{\"offsets\":[0,1],\"values\":[0]}", "0,0,0,0,2,3", ""), "not UTF-8"},
		{CATS(WHOLE "{\"offsets\":[0,1],\"values\":[65,66]}", "0,0,0,0,2,3", ""), "more text"},
		{CATS(WHOLE "{\"values\":[1.5]}", "0,0,0,0,2,3", ""), "whole number"},
		{CATS(WHOLE "{\"offsets\":[0,1]}", "0,0,0,0,2,3", ""), "malformed"},
		{"\"cats\":{\"evil\":[]},", "unknown member"},
		{"\"cats\":[],", "no object"},
	};
	size_t		i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		Model		model = {.n_outputs = 1,.n_parallel = 1,.n_trees = 1};
		MlopsForestError err;
		MlopsModelFeatures *features;
		bool		good;

		grow(&model.trees[0], false);
		put_head(&model, N_FEATURES, cases[i].text);
		put_tree(&model, &model.trees[0], 0, N_FEATURES);
		put_tail(&model);
		good = mlops_model_features(model.text, model.size, &features, &err);
		check(good == (cases[i].says == NULL) &&
			  (good || strstr(err.message, cases[i].says)),
			  "container %zu: %s", i, good ? "taken" : err.message);
		if (good)
			check(features->n_categories[3] == 2 &&
				  strcmp(features->categories[3][0], "-5") == 0 &&
				  strcmp(features->categories[3][1], "700000") == 0 &&
				  features->n_categories[4] == 3 &&
				  strcmp(features->categories[4][0], "red") == 0 &&
				  strcmp(features->categories[4][1], "") == 0 &&
				  strcmp(features->categories[4][2], "\xC3\xA9") == 0,
				  "container %zu: categories", i);
		free(features);
		free(model.text);
	}
}
