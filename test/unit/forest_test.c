/*
 * forest_test.c
 *		Models: what they evaluate to, what is accepted and what is refused.
 *
 * Expected values come from libxgboost (the fixtures) or are worked out here
 * from the published formulas.  Rules are tested by one edit each of a
 * genuine model.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forest_fixture.h"

/* One edit of a model in JSON, and what is said of the result. */
typedef struct Edit
{
	const char *fixture;
	const char *from;			/* first occurrence is replaced */
	const char *to;
	const char *says;			/* part of the message, NULL if accepted */
} Edit;

static const Edit edits[] = {
	/* Header. */
	{"regression.json", "\"version\":[1,7,4]", "\"version\":[1,7]", "version"},
	{"regression.json", "\"version\":[1,7,4]", "\"version\":[-1,0,0]", "version"},
	{"regression.json", "\"learner\":", "\"teacher\":", "no \"learner\""},
	{"regression.json", "\"num_feature\":\"5\",\"num_target\"", "\"num_feature\":\"0\",\"num_target\"", "num_feature is not between"},
	{"regression.json", "\"num_feature\":\"5\",\"num_target\"", "\"num_feature\":\"1048577\",\"num_target\"", "num_feature is not between"},
	{"regression.json", "\"num_class\":\"0\"", "\"num_class\":\"1e3\"", "num_class is no count"},
	{"regression.json", "\"num_class\":\"0\"", "\"num_class\":\"3\"", "round is not whole"},
	{"regression.json", "\"num_class\":\"0\"", "\"num_class\":\"\"", "num_class is no count"},
	{"regression.json", "\"num_target\":\"1\"", "\"num_target\":\"99999999999\"", "num_target"},
	{"regression.json", "\"num_target\":\"1\"", "\"num_targets\":\"1\"", NULL},
	{"regression.json", "\"base_score\":\"4E-1\"", "\"base_score\":\"abc\"", "base_score is no number"},
	{"regression.json", "\"base_score\":\"4E-1\"", "\"base_score\":\"\"", "base_score is no number"},
	{"regression.json", "\"base_score\":\"4E-1\"", "\"base_score\":\"1E39\"", "base_score is no number"},
	{"regression.json", "\"base_score\":\"4E-1\"", "\"base_score\":\"NaN\"", "base_score is no number"},
	{"regression.json", "\"base_score\":\"4E-1\"", "\"base_score\":\"[4E-1]\"", "base_score is no number"},
	{"regression.json", "\"base_score\":\"4E-1\"", "\"base_score\":\"0.4000000006\"", "more than 9 digits"},
	{"regression.json", "\"base_score\":\"4E-1\"", "\"base_score\":\"12345678.9E-10\"", NULL},
	{"regression.json", "\"base_score\":\"4E-1\"", "\"base_score\":4E-1", "base_score is no string"},
	{"poisson.json", "\"base_score\":\"4E-1\"", "\"base_score\":\"0\"", "does not fit the objective"},
	{"regression.json", "reg:squarederror", "evil:objective", "unknown objective"},
	{"regression.json", "reg:squarederror", "reg:logistic", NULL},
	{"regression.json", "reg:squarederror", "multi:softprob", "without classes"},
	{"regression.json", "\"scale_pos_weight\":\"1\"", "\"scale_pos_weight\":\"nan\"", "not plain"},
	{"regression.json", "\"scale_pos_weight\":\"1\"", "\"scale_pos_weight\":\"inf\"", "not plain"},
	{"regression.json", "\"scale_pos_weight\":\"1\"", "\"alpha\":\"[0.1, 0.5]\"", NULL},
	{"regression.json", "\"scale_pos_weight\":\"1\"", "\"alpha\":\"[0.1, 0.5\"", "not plain"},
	{"regression.json", "\"scale_pos_weight\":\"1\"", "\"method\":\"topk\"", NULL},
	{"regression.json", "\"reg_loss_param\":{", "\"softmax_multiclass_param\":{", "num_class is no count"},
	{"regression.json", "\"feature_names\":[\"a\",", "\"feature_names\":[", "feature_names do not fit"},
	{"regression.json", "\"feature_names\":[\"a\",", "\"feature_names\":[1,", "array of numbers and other"},
	{"categorical.json", "\"feature_types\":[\"q\",", "\"feature_types\":[\"evil\",", "bad value in feature_types"},
	{"regression.json", "\"attributes\":{", "\"attributes\":{\"a\":1,\"b\":\"\\u00e9\\n\",", "an attribute is no string"},
	/* Booster. */
	{"regression.json", "\"name\":\"gbtree\"", "\"name\":\"tree\"", "unknown booster"},
	{"regression.json", "\"name\":\"gbtree\"", "\"name\":\"dart\"", "dart without trees"},
	{"regression.json", "\"num_trees\":\"5\"", "\"num_trees\":\"6\"", "wrong number of trees"},
	{"regression.json", "\"num_parallel_tree\":\"1\"", "\"num_parallel_tree\":\"2\"", "round is not whole"},
	{"regression.json", "\"num_parallel_tree\":\"1\"", "\"num_parallel_tree\":\"0\"", "num_parallel_tree is not between"},
	{"regression.json", "\"size_leaf_vector\":\"0\"", "\"size_leaf_vector\":\"2\"", "size_leaf_vector is not between"},
	{"regression.json", "\"size_leaf_vector\":\"0\"", "\"size_leaf_vector\":\"1\"", NULL},
	{"regression.json", "\"tree_info\":[0,", "\"tree_info\":[1,", "tree_info is out of order"},
	{"regression.json", "\"tree_info\":[0,", "\"tree_info\":[", "tree_info does not fit"},
	{"regression.json", "\"tree_info\"", "\"iteration_indptr\":[0,1,2,3,4,5],\"tree_info\"", NULL},
	{"regression.json", "\"tree_info\"", "\"iteration_indptr\":[0,2,2,3,4,5],\"tree_info\"", "iteration_indptr is out of order"},
	{"regression.json", "\"tree_info\"", "\"iteration_indptr\":[0,1,2,3,4],\"tree_info\"", "iteration_indptr does not fit"},
	{"regression.json", "\"tree_info\"", "\"cats\":{\"enc\":[],\"feature_segments\":[],\"sorted_idx\":[]},\"tree_info\"", NULL},
	{"regression.json", "\"tree_info\"", "\"cats\":{\"enc\":[{}],\"feature_segments\":[],\"sorted_idx\":[]},\"tree_info\"", "categories do not fit"},
	{"regression.json", "\"tree_info\"", "\"weight_drop\":[1,0.5,1.0,1E0,2],\"tree_info\"", NULL},
	{"regression.json", "\"tree_info\"", "\"weight_drop\":[1,0.5],\"tree_info\"", "weight_drop does not fit"},
	{"linear.json", "\"weights\":[", "\"weights\":[1.5,", "wrong number of weights"},
	{"linear.json", "\"weights\":[", "\"weights\":[NaN],\"w\":[", "wrong number of weights"},
	/* Trees. */
	{"regression.json", "\"id\":0", "\"id\":1", "its id is not its place"},
	{"regression.json", "\"id\":0", "\"id\":[0]", "its id is not its place"},
	{"regression.json", "\"num_deleted\":\"0\"", "\"num_deleted\":\"1\"", "wrong number of deleted nodes"},
	{"regression.json", "\"left_children\":[1,", "\"left_children\":[0,", "side by side"},
	{"regression.json", "\"left_children\":[1,", "\"left_children\":[100,", "left_children is out of range"},
	{"regression.json", "\"left_children\":[1,", "\"left_children\":[-2,", "left_children is out of range"},
	{"regression.json", "\"left_children\":[1,", "\"left_children\":[1.0,", "left_children is out of range"},
	{"regression.json", "\"left_children\":[1,", "\"left_children\":[true,", "left_children is out of range"},
	{"regression.json", "\"left_children\":[1,", "\"left_children\":[1,1,", "left_children has a wrong length"},
	{"regression.json", "\"right_children\":[2,", "\"right_children\":[3,", "side by side"},
	{"regression.json", "\"right_children\":[2,", "\"right_children\":[-1,", "side by side"},
	{"regression.json", "\"parents\":[2147483647,0,", "\"parents\":[2147483647,1,", "a child has another parent"},
	{"regression.json", "\"parents\":[2147483647,", "\"parents\":[0,", "the root has a parent"},
	{"regression.json", "\"split_indices\":[", "\"split_indices\":[5],\"s\":[", "split_indices has a wrong length"},
	{"regression.json", "\"default_left\":[", "\"default_left\":[2],\"d\":[", "default_left has a wrong length"},
	{"regression.json", "\"base_weights\":[", "\"base_weights\":[NaN],\"b\":[", "base_weights has a wrong length"},
	{"regression.json", "\"split_type\"", "\"splits\"", NULL},
	{"regression.json", "\"loss_changes\"", "\"changes\"", "loss_changes has a wrong length"},
	{"regression.json", "\"split_conditions\":[", "\"split_conditions\":[null,", "array of numbers and other"},
	{"categorical.json", "\"categories_nodes\":[", "\"categories_nodes\":[0,", "categories do not fit"},
	{"categorical.json", "\"categories_segments\":[0", "\"categories_segments\":[1", "categories out of order"},
	{"categorical.json", "\"categories\":[", "\"categories\":[16777216,", "categories is out of range"},
	{"categorical.json", "\"categories\":[", "\"categories\":[-1,", "categories is out of range"},
	{"categorical.json", "NaN", "0.0", NULL},
	/* Text. */
	{"regression.json", "{", "{,", "malformed UBJ"},
	{"regression.json", "{\"learner\"", "{ learner", "key expected"},
	{"regression.json", "\"id\":0", "\"id\":00", "malformed JSON"},
	{"regression.json", "\"id\":0", "\"id\":0,\"id\":0", "key twice"},
	{"regression.json", "\"id\":0", "\"id\":0,\"\\u0069d\":0", "key twice"},
	{"regression.json", "\"id\":0", "\"id\":0,\"x\":\"\\ud83d\\ude00\\/\\b\"", NULL},
	{"regression.json", "\"id\":0", "\"id\":0,\"x\":\"\\ud83d\"", "surrogate"},
	{"regression.json", "\"id\":0", "\"id\":0,\"x\":\"\\u0000\"", "bad escape"},
	{"regression.json", "\"id\":0", "\"id\":0,\"x\":\"\\x\"", "bad escape"},
	{"regression.json", "\"id\":0", "\"id\":0,\"x\":\"\t\"", "control character"},
	{"regression.json", "\"id\":0", "\"id\":0,\"x\":\"\xC0\x80\"", "not UTF-8"},
	{"regression.json", "\"id\":0", "\"id\":0,\"x\":\"\xED\xA0\x80\"", "not UTF-8"},
	{"regression.json", "\"id\":0", "\"id\":0,\"x\":[[[[[[[[[[[[]]]]]]]]]]]]", "nested too deep"},
	{"regression.json", "\"id\":0", "\"id\":0,\"x\":[[[[]]]]", NULL},
	{"regression.json", "\"id\":0", "\"id\":0,\"x\":[1.,2]", "malformed JSON"},
	{"regression.json", "\"id\":0", "\"id\":0,\"x\":[1,]", "malformed JSON"},
	{"regression.json", "\"id\":0", "\"id\":0,\"x\":99999999999999999999", "malformed JSON"},
	{"regression.json", "\"id\":0", "\"id\" : 0 , \"x\" : [ null , { } , -1e-5 ] ", "array of numbers and other"},
	{"regression.json", "\"id\":0", "\"id\" : 0 , \"x\" : [ null , { } ] ", NULL},
};

static char *edit_text(const char *text, size_t size, const char *from,
					   const char *to, size_t *length);
static void test_fixture(unsigned number);
static void test_json(const Fixture *fixture, const void *model, size_t size);
static void test_edits(void);
static void test_edit(const Edit *edit);
static const MlopsForest *open_edited(const char *name, const Edit *changes,
									  unsigned count, void **block);
static void test_base_scores(void);
static void test_weights_of_trees(void);
static void test_transforms(void);
static void test_infinite(void);
static void test_categories(void);
static void test_integers(void);
static void test_ubj_forms(void);

/* Run all tests. */
int
main(void)
{
	unsigned	i;

	for (i = 0; i < FIXTURE_COUNT; i++)
		test_fixture(i);
	test_edits();
	test_base_scores();
	test_weights_of_trees();
	test_transforms();
	test_infinite();
	test_categories();
	test_integers();
	test_ubj_forms();
	return check_total();
}

/* A fixture evaluates to the library's bits, also by way of our JSON. */
static void
test_fixture(unsigned number)
{
	Fixture		fixture;
	MlopsForestError err = {""};
	MlopsForestInfo info;
	const MlopsForest *forest;
	void	   *block;
	void	   *twin;

	fixture_load(number, &fixture);
	forest = fixture_open(fixture.model, fixture.size, &block, &err);
	check(forest != NULL, "%s opens %s", fixture.name, err.message);
	if (forest == NULL)
		return;
	mlops_forest_info(forest, &info);
	check(strcmp(info.objective, fixture.objective) == 0 &&
		  strcmp(info.booster, fixture.booster) == 0 &&
		  info.n_features == fixture.n_features &&
		  info.n_outputs == fixture.n_outputs &&
		  info.version[0] == 1 && info.version[1] == 7 &&
		  info.categorical == (strstr(fixture.name, "categorical") != NULL),
		  "%s says what it is", fixture.name);
	check(fixture_mismatches(&fixture, forest) == 0,
		  "%s has the library's bits", fixture.name);
	fixture_open(fixture.model, fixture.size, &twin, &err);
	check(memcmp(block, twin, ((const uint64_t *) block)[1]) == 0,
		  "%s builds the same block twice", fixture.name);
	free(twin);
	free(block);
	test_json(&fixture, fixture.model, fixture.size);
	fixture_free(&fixture);
}

/* A model as JSON holds no NaN and evaluates to the same. */
static void
test_json(const Fixture *fixture, const void *model, size_t size)
{
	MlopsForestError err = {""};
	const MlopsForest *forest;
	char	   *text;
	char	   *again;
	size_t		length;
	size_t		same;
	void	   *block;

	if (!mlops_model_to_json(model, size, &text, &length, &err))
	{
		check(false, "%s as JSON: %s", fixture->name, err.message);
		return;
	}
	check(strlen(text) == length && strstr(text, "NaN") == NULL,
		  "%s as JSON has no NaN", fixture->name);
	forest = fixture_open(text, length, &block, &err);
	check(forest && fixture_mismatches(fixture, forest) == 0,
		  "%s as JSON has the library's bits %s", fixture->name, err.message);
	free(block);
	check(mlops_model_to_json(text, length, &again, &same, &err) &&
		  same == length && memcmp(text, again, length) == 0,
		  "%s as JSON is stable", fixture->name);
	free(again);
	again = NULL;
	forest = mlops_model_to_ubj(text, length, &again, &same, &err) ?
		fixture_open(again, same, &block, &err) : NULL;
	check(forest && fixture_mismatches(fixture, forest) == 0,
		  "%s as UBJ has the library's bits", fixture->name);
	if (forest)
		free(block);
	free(again);
	free(text);
}

/* The text with the first occurrence of from replaced; NULL if there is none. */
static char *
edit_text(const char *text, size_t size, const char *from, const char *to,
		  size_t *length)
{
	const char *at = strstr(text, from);
	char	   *out;

	if (at == NULL)
		return NULL;
	*length = size - strlen(from) + strlen(to);
	out = malloc(*length + 1);
	memcpy(out, text, at - text);
	memcpy(out + (at - text), to, strlen(to));
	strcpy(out + (at - text) + strlen(to), at + strlen(from));
	return out;
}

/* All rules. */
static void
test_edits(void)
{
	unsigned	i;

	for (i = 0; i < sizeof(edits) / sizeof(edits[0]); i++)
		test_edit(&edits[i]);
}

/* One rule. */
static void
test_edit(const Edit *edit)
{
	Fixture		fixture;
	MlopsForestError err = {""};
	const MlopsForest *forest;
	char	   *text;
	size_t		length;
	void	   *block;

	fixture_load_named(edit->fixture, &fixture);
	text = edit_text((char *) fixture.model, fixture.size, edit->from,
					 edit->to, &length);
	if (text == NULL)
	{
		check(false, "%s holds %s", edit->fixture, edit->from);
		fixture_free(&fixture);
		return;
	}
	forest = fixture_open(text, length, &block, &err);
	if (edit->says == NULL)
		check(forest != NULL, "%.60s is accepted %s", edit->to, err.message);
	else
		check(forest == NULL && strstr(err.message, edit->says) != NULL,
			  "%.60s is refused: %s", edit->to, err.message);
	free(block);
	free(text);
	fixture_free(&fixture);
}

/* A fixture in JSON with some changes, built; NULL if refused. */
static const MlopsForest *
open_edited(const char *name, const Edit *changes, unsigned count,
			void **block)
{
	Fixture		fixture;
	MlopsForestError err = {""};
	const MlopsForest *forest;
	char	   *text;
	size_t		size;
	unsigned	i;

	fixture_load_named(name, &fixture);
	if (!mlops_model_to_json(fixture.model, fixture.size, &text, &size, &err))
		abort();
	for (i = 0; i < count; i++)
	{
		char	   *next = edit_text(text, size, changes[i].from,
									 changes[i].to, &size);

		if (next == NULL)
		{
			printf("# %s holds no %s\n", name, changes[i].from);
			abort();
		}
		free(text);
		text = next;
	}
	forest = fixture_open(text, size, block, &err);
	if (forest == NULL)
		printf("# %s\n", err.message);
	free(text);
	fixture_free(&fixture);
	return forest;
}

/* Base scores in brackets, one or one for each output, from 3.1 on. */
static void
test_base_scores(void)
{
	static const Edit one[] = {
		{NULL, "\"version\":[1,7,4]", "\"version\":[3,1,0]", NULL},
		{NULL, "\"base_score\":\"0.4\"", "\"base_score\":\"[4E-1]\"", NULL},
	};
	static const Edit three[] = {
		{NULL, "\"version\":[1,7,4]", "\"version\":[3,1,0]", NULL},
		{NULL, "\"base_score\":\"4E-1\"", "\"base_score\":\"[4E-1,1.5,-2E0]\"", NULL},
	};
	static const Edit edge[] = {
		{NULL, "\"version\":[1,7,4]", "\"version\":[3,1,0]", NULL},
		{NULL, "\"base_score\":\"4E-1\"", "\"base_score\":\"[0E0]\"", NULL},
	};
	static const Edit edge_old = {
		NULL, "\"base_score\":\"4E-1\"", "\"base_score\":\"0E0\"", NULL
	};
	Edit		plain[2];
	Fixture		fixture;
	const MlopsForest *forest;
	void	   *block;
	float		output[3];
	float		before[3];

	memcpy(plain, one, sizeof(plain));
	plain[1].from = "\"base_score\":\"4E-1\"";
	fixture_load_named("binary.ubj", &fixture);
	forest = open_edited("binary.ubj", plain, 2, &block);
	check(forest && fixture_mismatches(&fixture, forest) == 0,
		  "a base score in brackets is the same number");
	free(block);
	forest = open_edited("binary.ubj", edge, 2, &block);
	mlops_forest_margin(forest, fixture.rows, output);
	check(output[0] < fixture.margins[0] - 13.0f &&
		  output[0] > fixture.margins[0] - 14.0f,
		  "a base score of 0 is taken as a millionth by 3.1");
	free(block);
	forest = open_edited("binary.ubj", &edge_old, 1, &block);
	check(forest == NULL, "a base score of 0 is refused before");
	free(block);
	fixture_free(&fixture);

	fixture_load_named("classes.ubj", &fixture);
	forest = open_edited("classes.ubj", NULL, 0, &block);
	mlops_forest_margin(forest, fixture.rows, before);
	free(block);
	forest = open_edited("classes.ubj", three, 2, &block);
	mlops_forest_margin(forest, fixture.rows, output);
	check(fabsf(output[0] - before[0]) < 1e-6f &&
		  fabsf(output[1] - before[1] - 1.1f) < 1e-6f &&
		  fabsf(output[2] - before[2] + 2.4f) < 1e-6f,
		  "each output has its own base score");
	free(block);
	fixture_free(&fixture);
}

/* Weights of trees beside the model, as 3.3 writes dart, or inside as 3.4. */
static void
test_weights_of_trees(void)
{
	static const Edit halves[] = {
		{NULL, "\"name\":\"gbtree\"",
		"\"name\":\"gbtree\",\"weight_drop\":[0.5,0.5,0.5,0.5,0.5]", NULL},
		{NULL, "\"tree_info\"",
		"\"weight_drop\":[0.5,0.5,0.5,0.5,0.5],\"tree_info\"", NULL},
	};
	Fixture		fixture;
	MlopsForestInfo info;
	const MlopsForest *forest;
	void	   *block;
	float		base = 0.4f;
	float		output;

	fixture_load_named("regression.json", &fixture);
	for (int i = 0; i < 2; i++)
	{
		forest = open_edited("regression.json", &halves[i], 1, &block);
		mlops_forest_margin(forest, fixture.rows, &output);
		mlops_forest_info(forest, &info);
		check(fabsf((output - base) -
					0.5f * (fixture.margins[0] - base)) < 1e-6f &&
			  strcmp(info.booster, "dart") == 0,
			  i == 0 ? "weights beside the model count" :
			  "weights inside of the model count");
		free(block);
	}
	fixture_free(&fixture);
}

/* Transformations for which there is no fixture. */
static void
test_transforms(void)
{
	static const Edit hinge = {NULL, "reg:squarederror", "binary:hinge", NULL};
	static const Edit expectile = {
		NULL, "multi:softprob", "reg:expectileerror", NULL
	};
	static const Edit softmax = {
		NULL, "multi:softprob", "multi:softmax", NULL
	};
	Fixture		fixture;
	const MlopsForest *forest;
	void	   *block;
	float		margin[3];
	float		output[3];

	fixture_load_named("regression.json", &fixture);
	forest = open_edited("regression.json", &hinge, 1, &block);
	mlops_forest_predict(forest, fixture.rows, output);
	check(output[0] == (fixture.margins[0] > 0.0f ? 1.0f : 0.0f),
		  "hinge says on which side");
	free(block);
	fixture_free(&fixture);

	fixture_load_named("classes.ubj", &fixture);
	forest = open_edited("classes.ubj", &softmax, 1, &block);
	check(forest && fixture_mismatches(&fixture, forest) == 0,
		  "multi:softmax gives the probabilities of multi:softprob");
	free(block);
	forest = open_edited("classes.ubj", &expectile, 1, &block);
	mlops_forest_margin(forest, fixture.rows, margin);
	mlops_forest_predict(forest, fixture.rows, output);
	check(output[0] == margin[0] &&
		  fabs(output[1] - (margin[0] + 1e-6 +
							log1p(exp(margin[1])))) < 1e-5 &&
		  fabs(output[2] - (output[1] + 1e-6 +
							log1p(exp(margin[2])))) < 1e-5,
		  "expectiles are sums of softplus");
	free(block);
	fixture_free(&fixture);
}

/* Infinite values and thresholds compare like any other. */
static void
test_infinite(void)
{
	static const Edit stump[] = {
		{NULL, "\"num_trees\":\"5\"", "\"num_trees\":\"1\"", NULL},
		{NULL, "\"tree_info\":[0,0,0,0,0]", "\"tree_info\":[0]", NULL},
		{NULL, "\"trees\":[", "\"trees\":[{\"id\":0,\"tree_param\":{"
			"\"num_nodes\":\"3\",\"num_feature\":\"5\"},"
			"\"left_children\":[1,-1,-1],\"right_children\":[2,-1,-1],"
			"\"parents\":[2147483647,0,0],\"split_indices\":[0,0,0],"
			"\"split_conditions\":[-1E39,1,2],"
			"\"default_left\":[true,false,false],\"loss_changes\":[0,0,0],"
			"\"sum_hessian\":[2,1,1],\"base_weights\":[0,1,2]}],\"old\":[",
		NULL},
	};
	Edit		high[4];
	const MlopsForest *forest;
	void	   *block;
	float		row[5] = {0, 0, 0, 0, 0};
	float		low_missing;
	float		low_lowest;
	float		high_highest;
	float		high_infinite;

	forest = open_edited("regression.json", stump, 3, &block);
	row[0] = NAN;
	mlops_forest_margin(forest, row, &low_missing);
	row[0] = -INFINITY;
	mlops_forest_margin(forest, row, &low_lowest);
	check(low_missing == 0.4f + 1.0f && low_lowest == 0.4f + 2.0f,
		  "nothing is less than minus infinity, and missing is apart");
	free(block);
	memcpy(high, stump, sizeof(stump));
	high[3] = stump[0];
	high[3].from = "-1E39";
	high[3].to = "Infinity";
	forest = open_edited("regression.json", high, 4, &block);
	row[0] = 3e38f;
	mlops_forest_margin(forest, row, &high_highest);
	row[0] = INFINITY;
	mlops_forest_margin(forest, row, &high_infinite);
	check(high_highest == 0.4f + 1.0f && high_infinite == 0.4f + 2.0f,
		  "infinity is not less than itself");
	free(block);
}

/* Sets of categories in both forms, and values that are no category. */
static void
test_categories(void)
{
	static const Edit change[] = {
		{NULL, "\"num_trees\":\"4\"", "\"num_trees\":\"1\"", NULL},
		{NULL, "\"tree_info\":[0,0,0,0]", "\"tree_info\":[0]", NULL},
		{NULL, "\"trees\":[", "\"trees\":[{\"id\":0,\"tree_param\":{"
			"\"num_nodes\":\"5\",\"num_feature\":\"5\"},"
			"\"left_children\":[1,3,-1,-1,-1],"
			"\"right_children\":[2,4,-1,-1,-1],"
			"\"parents\":[2147483647,0,0,1,1],\"split_indices\":[0,0,0,0,0],"
			"\"split_conditions\":[NaN,NaN,4,1,2],\"split_type\":[1,1,0,0,0],"
			"\"default_left\":[1,0,0,0,0],\"loss_changes\":[0,0,0,0,0],"
			"\"sum_hessian\":[2,1,1,1,1],\"base_weights\":[0,1,2,0,0],"
			"\"categories_nodes\":[0,1],\"categories_segments\":[0,2],"
			"\"categories_sizes\":[2,2],\"categories\":[0,33,7,16777215]}],"
			"\"old\":[",
		NULL},
	};
	static const struct
	{
		float		value;
		float		leaf;
	}			cases[] = {
		{0.0f, 4}, {-0.0f, 4}, {0.9f, 4}, {33.0f, 4}, {33.5f, 4}, {7.0f, 2},
		{7.99f, 2}, {8.0f, 1}, {1.0f, 1}, {32.0f, 1}, {64.0f, 1}, {-1.0f, 1},
		{-0.5f, 1}, {16777214.0f, 1}, {16777215.0f, 2}, {16777216.0f, 1},
		{1e30f, 1}, {INFINITY, 1}, {-INFINITY, 1}, {NAN, 2},
	};
	const MlopsForest *forest;
	void	   *block;
	float		row[5] = {0, 0, 0, 0, 0};
	float		output;
	unsigned	i;

	forest = open_edited("categorical.json", change, 3, &block);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		row[0] = cases[i].value;
		mlops_forest_margin(forest, row, &output);
		check(output == 0.4f + cases[i].leaf, "category %g leads to leaf %g",
			  cases[i].value, cases[i].leaf);
	}
	free(block);
}

/* JSON for the library has no integers where it wants fractions. */
static void
test_integers(void)
{
	static const char model[] = "{\"version\":[1,7,4],\"learner\":{"
		"\"learner_model_param\":{\"num_feature\":\"1\",\"num_class\":\"0\","
		"\"base_score\":\"5E-1\"},\"objective\":{\"name\":"
		"\"reg:squarederror\"},\"gradient_booster\":{\"name\":\"gblinear\","
		"\"model\":{\"weights\":[2,-1],\"boosted_rounds\":3}}}}";
	MlopsForestError err = {""};
	char	   *text = NULL;
	size_t		length;

	check(mlops_model_to_json(model, strlen(model), &text, &length, &err) &&
		  strstr(text, "\"weights\":[2.0,-1.0]") &&
		  strstr(text, "\"boosted_rounds\":3}"),
		  "integers become fractions where the library wants them %s",
		  err.message);
	free(text);
}

/* Arrays of every UBJ form, by what the version array says of them. */
static void
test_ubj_forms(void)
{
	static const struct
	{
		const char *bytes;
		size_t		size;
		const char *says;
	}			forms[] = {
#define FORM(text, says) {text, sizeof(text) - 1, says}
#define KEY "{L\0\0\0\0\0\0\0\7version"
		FORM(KEY "[U\1U\7U\4]}", "no \"learner\""),
		FORM(KEY "[#L\0\0\0\0\0\0\0\3i\1i\7i\4}", "no \"learner\""),
		FORM(KEY "[$i#L\0\0\0\0\0\0\0\3\1\7\4}", "no \"learner\""),
		FORM(KEY "[$I#L\0\0\0\0\0\0\0\3\0\1\0\7\0\4}", "no \"learner\""),
		FORM(KEY "[$Z#L\0\0\0\0\0\0\0\3\1\7\4}", "unknown array type"),
		FORM(KEY "[$iL\0\0\0\0\0\0\0\3\1\7\4}", "typed array without count"),
		FORM(KEY "[$L#L\0\0\0\0\0\0\0\3\1\7\4}", "longer than the input"),
		FORM(KEY "[#L\1\0\0\0\0\0\0\3\1\7\4}", "longer than the input"),
		FORM(KEY "[#L\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\1}", "longer than"),
		FORM(KEY "[", "unexpected end"),
		FORM(KEY "[U\1SL\0\0\0\0\0\0\0\1a]}", "array of numbers and other"),
		FORM(KEY "SL\0\0\0\0\0\0\0\1\xFF}", "not UTF-8"),
		FORM(KEY "SL\0\0\0\0\0\0\0\1\0}", "not UTF-8"),
		FORM(KEY "Si\1a}", "length expected"),
		FORM(KEY "Q}", "unknown type"),
		FORM(KEY "Z" "L\0\0\0\0\0\0\0\7versionZ}", "key twice"),
		FORM(KEY "Z}}", "bytes after the end"),
		FORM(KEY "[[[[[[[[[[[[[[[[[[]}", "nested too deep"),
		FORM("binf", "neither JSON nor UBJ"),
		FORM("", "neither JSON nor UBJ"),
		FORM("{", "neither JSON nor UBJ"),
		FORM("{L", "length expected"),
		FORM("{}", "no \"learner\""),
		FORM(" {\"a\":1}x", "text after the end"),
		FORM("[1]", "neither JSON nor UBJ"),
	};
	unsigned	i;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
	{
		MlopsForestError err = {""};
		void	   *block;

		check(!fixture_open(forms[i].bytes, forms[i].size, &block, &err) &&
			  strstr(err.message, forms[i].says) != NULL,
			  "form %u is refused: %s", i, err.message);
	}
}
