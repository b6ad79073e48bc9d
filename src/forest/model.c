/*
 * model.c
 *		Check of a model document, all but its trees.
 *
 * libxgboost itself trusts what it loads, and crashes or reads beyond its
 * arrays where a file contradicts itself.  So everything that any reader of
 * the model relies on is checked here, also where our evaluator would not
 * care.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "forest/model.h"
#include "forest/objective.h"

/* The longest value of an objective's parameter, and of a base score. */
#define TEXT_MAX 511

/* The most digits of a base score that libxgboost reads. */
#define SCORE_DIGITS 9

static bool read_version(MlopsModel *model, const MlopsValue *root);
static bool read_header(MlopsModel *model, const MlopsValue *learner);
static bool read_base(MlopsModel *model, const MlopsValue *param);
static bool parse_scores(MlopsModel *model, const char *text, size_t length);
static unsigned count_digits(const char *text, size_t length);
static bool read_objective(MlopsModel *model, const MlopsValue *objective,
						   uint32_t n_classes);
static bool check_parameters(MlopsModel *model, const MlopsValue *group);
static bool plain_parameter(const char *text, size_t length);
static bool check_names(MlopsModel *model, const MlopsValue *learner);
static bool read_booster(MlopsModel *model, const MlopsValue *booster);
static bool read_linear(MlopsModel *model, const MlopsValue *body);
static bool read_forest(MlopsModel *model, const MlopsValue *body,
						const MlopsValue *weights);
static bool check_tree_info(MlopsModel *model, const MlopsValue *body);
static bool check_rounds(MlopsModel *model, const MlopsValue *body);
static bool read_weights(MlopsModel *model, const MlopsValue *weights);
static bool allocate(MlopsModel *model, float **floats, size_t count);

/*
 * Check the document from its root down.
 */
bool
mlops_model_read(const MlopsDocument *document, MlopsModel *model,
				 MlopsForestError *err)
{
	const MlopsValue *root = &document->nodes[0];
	const MlopsValue *learner = mlops_value_member(document, root, "learner");

	memset(model, 0, sizeof(*model));
	model->document = document;
	model->err = err;
	if (root->kind != MLOPS_VALUE_OBJECT)
		return mlops_forest_fail(err, "model is no object");
	if (learner == NULL || learner->kind != MLOPS_VALUE_OBJECT)
		return mlops_forest_fail(err, "model has no \"learner\"");
	return read_version(model, root) &&
		read_header(model, learner) &&
		check_names(model, learner) &&
		read_booster(model, mlops_value_member(document, learner,
											   "gradient_booster"));
}

/*
 * Free what a model owns.
 */
void
mlops_model_free(MlopsModel *model)
{
	free(model->base);
	free(model->weights);
	free(model->linear);
	model->base = model->weights = model->linear = NULL;
}

/*
 * Allocate floats of the model.
 */
static bool
allocate(MlopsModel *model, float **floats, size_t count)
{
	*floats = malloc((count ? count : 1) * sizeof(float));
	if (*floats == NULL)
		return mlops_forest_fail(model->err, "out of memory");
	return true;
}

/*
 * The version of the library that wrote the model.
 */
static bool
read_version(MlopsModel *model, const MlopsValue *root)
{
	return mlops_read_integers(model,
							   mlops_value_member(model->document, root,
												  "version"),
							   "version", 3, 0, 999, model->version);
}

/*
 * Dimensions, objective and base score.
 */
static bool
read_header(MlopsModel *model, const MlopsValue *learner)
{
	const MlopsValue *param = mlops_value_member(model->document, learner,
												 "learner_model_param");
	const MlopsValue *objective = mlops_value_member(model->document, learner,
													 "objective");
	uint32_t	n_classes;
	uint32_t	n_targets;

	if (!mlops_member_count(model, param, "num_feature", true, 0,
							1, MLOPS_MAX_FEATURES, &model->n_features) ||
		!mlops_member_count(model, param, "num_class", true, 0,
							0, MLOPS_MAX_OUTPUTS, &n_classes) ||
		!mlops_member_count(model, param, "num_target", false, 1,
							1, MLOPS_MAX_OUTPUTS, &n_targets))
		return false;
	if (n_classes > 1 && n_targets > 1)
		return mlops_forest_fail(model->err,
								 "model has several classes and targets");
	model->n_outputs = n_classes > n_targets ? n_classes : n_targets;
	return read_objective(model, objective, n_classes) &&
		read_base(model, param);
}

/*
 * The base score: one number or, from 3.1 on, a list in brackets of one
 * number or one for each output; turned into margins.
 */
static bool
read_base(MlopsModel *model, const MlopsValue *param)
{
	const MlopsValue *value = mlops_value_member(model->document, param,
												 "base_score");
	bool		recent = model->version[0] > 3 ||
		(model->version[0] == 3 && model->version[1] >= 1);
	const char *text;
	size_t		length;

	if (value == NULL || value->kind != MLOPS_VALUE_STRING)
		return mlops_forest_fail(model->err, "base_score is no string");
	text = mlops_document_text(model->document, value->data);
	length = value->data.length;
	if (length > 0 && text[0] == '[')
	{
		if (!recent || length < 2 || text[length - 1] != ']')
			return mlops_forest_fail(model->err, "base_score is no number");
		text++;
		length -= 2;
	}
	if (!allocate(model, &model->base, model->n_outputs) ||
		!parse_scores(model, text, length))
		return false;
	if (!mlops_objective_margins(model->objective, recent, model->base,
								 model->n_outputs))
		return mlops_forest_fail(model->err,
								 "base_score does not fit the objective");
	return true;
}

/*
 * One number for all outputs, or as many as there are, separated by commas.
 */
static bool
parse_scores(MlopsModel *model, const char *text, size_t length)
{
	uint32_t	count = 0;
	size_t		at = 0;
	uint32_t	i;

	while (count < model->n_outputs)
	{
		MlopsNumber number;
		size_t		used;

		while (at < length && text[at] == ' ')
			at++;
		used = at == length ? 0 :
			mlops_json_number((const unsigned char *) text + at,
							  length - at, &number);
		if (used == 0 || number.kind == MLOPS_NUMBER_BOOLEAN ||
			!isfinite(number.real))
			return mlops_forest_fail(model->err, "base_score is no number");
		if (count_digits(text + at, used) > SCORE_DIGITS)
			return mlops_forest_fail(model->err,
									 "base_score has more than %d digits",
									 SCORE_DIGITS);
		model->base[count++] = number.real;
		at += used;
		if (at == length || text[at] != ',')
			break;
		at++;
	}
	if (at != length || (count != 1 && count != model->n_outputs))
		return mlops_forest_fail(model->err,
								 "base_score has a wrong number of elements");
	for (i = count; i < model->n_outputs; i++)
		model->base[i] = model->base[0];
	return true;
}

/*
 * The number of digits before an exponent.  libxgboost writes at most nine,
 * and ignores a base score with more, silently.
 */
static unsigned
count_digits(const char *text, size_t length)
{
	unsigned	digits = 0;
	size_t		i;

	for (i = 0; i < length && text[i] != 'e' && text[i] != 'E'; i++)
		digits += text[i] >= '0' && text[i] <= '9';
	return digits;
}

/*
 * The objective, which must be one we know, and its parameters.
 */
static bool
read_objective(MlopsModel *model, const MlopsValue *objective,
			   uint32_t n_classes)
{
	const MlopsDocument *document = model->document;
	const MlopsValue *name = mlops_value_member(document, objective, "name");
	const MlopsValue *softmax = mlops_value_member(document, objective,
												   "softmax_multiclass_param");
	const MlopsValue *member;
	bool		multiclass;
	uint32_t	count;

	if (name == NULL || name->kind != MLOPS_VALUE_STRING)
		return mlops_forest_fail(model->err, "model has no objective");
	model->objective =
		mlops_objective_find(mlops_document_text(document, name->data),
							 name->data.length);
	if (model->objective < 0)
		return mlops_forest_fail(model->err, "unknown objective \"%.*s\"",
								 name->data.length > 60 ? 60 :
								 (int) name->data.length,
								 mlops_document_text(document, name->data));
	for (member = mlops_value_first(document, objective); member != NULL;
		 member = mlops_value_next(document, member))
	{
		if (member != name && !check_parameters(model, member))
			return false;
	}
	multiclass = mlops_objective_transform(model->objective) ==
		MLOPS_TRANSFORM_SOFTMAX;
	if (multiclass && n_classes < 1)
		return mlops_forest_fail(model->err, "multiclass without classes");
	if (!multiclass && softmax == NULL)
		return true;
	if (!mlops_member_count(model, softmax, "num_class", true, 0,
							1, MLOPS_MAX_OUTPUTS, &count))
		return false;
	if (count != model->n_outputs || softmax->count != 1)
		return mlops_forest_fail(model->err,
								 "objective and model differ in classes");
	return true;
}

/*
 * A group of parameters of the objective: numbers and names as strings, or
 * (the position biases of ranking) an array of numbers.
 */
static bool
check_parameters(MlopsModel *model, const MlopsValue *group)
{
	const MlopsDocument *document = model->document;
	const MlopsValue *member;

	if (group->kind == MLOPS_VALUE_NUMBERS)
		return true;
	if (group->kind != MLOPS_VALUE_OBJECT)
		return mlops_forest_fail(model->err,
								 "objective parameters are no object");
	for (member = mlops_value_first(document, group); member != NULL;
		 member = mlops_value_next(document, member))
	{
		if (member->kind != MLOPS_VALUE_STRING ||
			!plain_parameter(mlops_document_text(document, member->data),
							 member->data.length))
			return mlops_forest_fail(model->err,
									 "objective parameter is not plain");
	}
	return true;
}

/*
 * Is this a finite number, a list of such in brackets, or a lower-case word
 * that is no name of something that is not finite?
 */
static bool
plain_parameter(const char *text, size_t length)
{
	char		copy[TEXT_MAX + 1];
	char	   *at = copy;
	char	   *end;

	if (length == 0 || length > TEXT_MAX)
		return false;
	memcpy(copy, text, length);
	copy[length] = 0;
	if (strspn(copy, "abcdefghijklmnopqrstuvwxyz_:-") == length)
		return strcmp(copy, "nan") != 0 && strcmp(copy, "-nan") != 0 &&
			strcmp(copy, "inf") != 0 && strcmp(copy, "-inf") != 0;
	if ((copy[0] == '[' && copy[length - 1] == ']') ||
		(copy[0] == '(' && copy[length - 1] == ')'))
	{
		copy[length - 1] = 0;
		at++;
	}
	for (;;)
	{
		if (strspn(at, " +-.0123456789eE") == 0 ||
			!isfinite(strtof(at, &end)) || end == at)
			return false;
		at = end + strspn(end, " ");
		if (*at == 0)
			return at >= copy + length - 1;
		if (*at++ != ',')
			return false;
		/* A tuple of one ends with a comma. */
		if (*at == 0)
			return true;
	}
}

/*
 * Names and types of the features, and the attributes.
 */
static bool
check_names(MlopsModel *model, const MlopsValue *learner)
{
	static const char *const keys[] = {"feature_names", "feature_types"};
	const MlopsDocument *document = model->document;
	const MlopsValue *attributes = mlops_value_member(document, learner,
													  "attributes");
	const MlopsValue *value;
	int			i;

	for (i = 0; i < 2; i++)
	{
		const MlopsValue *array = mlops_value_member(document, learner,
													 keys[i]);

		if (array == NULL)
			continue;
		if ((array->kind != MLOPS_VALUE_ARRAY &&
			 array->kind != MLOPS_VALUE_NUMBERS) ||
			(array->count != 0 && array->count != model->n_features))
			return mlops_forest_fail(model->err, "%s do not fit", keys[i]);
		if (array->count > 0 && array->kind != MLOPS_VALUE_ARRAY)
			return mlops_forest_fail(model->err, "%s are no strings", keys[i]);
		for (value = mlops_value_first(document, array); value != NULL;
			 value = mlops_value_next(document, value))
		{
			if (value->kind != MLOPS_VALUE_STRING ||
				(i == 1 && mlops_model_known_type(document, value) == NULL))
				return mlops_forest_fail(model->err, "bad value in %s",
										 keys[i]);
		}
	}
	if (attributes == NULL)
		return true;
	if (attributes->kind != MLOPS_VALUE_OBJECT)
		return mlops_forest_fail(model->err, "attributes are no object");
	for (value = mlops_value_first(document, attributes); value != NULL;
		 value = mlops_value_next(document, value))
	{
		if (value->kind != MLOPS_VALUE_STRING)
			return mlops_forest_fail(model->err, "an attribute is no string");
	}
	return true;
}

/*
 * The type of a feature as a constant, NULL if XGBoost has no such.
 */
const char *
mlops_model_known_type(const MlopsDocument *document,
					   const MlopsValue *value)
{
	static const char *const types[] = {"int", "float", "i", "q", "c"};
	size_t		i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
	{
		if (mlops_value_is(document, value, types[i]))
			return types[i];
	}
	return NULL;
}

/*
 * The booster, of one of three kinds.  From 3.3 on a dart model is written
 * as gbtree, with the trees' weights beside the model, from 3.4 on inside it.
 */
static bool
read_booster(MlopsModel *model, const MlopsValue *booster)
{
	const MlopsDocument *document = model->document;
	const MlopsValue *name = mlops_value_member(document, booster, "name");
	const MlopsValue *inner = booster;
	const MlopsValue *weights = NULL;
	const MlopsValue *body;

	if (mlops_value_is(document, name, "gblinear"))
	{
		model->booster = MLOPS_BOOSTER_GBLINEAR;
		return read_linear(model,
						   mlops_value_member(document, booster, "model"));
	}
	if (mlops_value_is(document, name, "dart"))
	{
		inner = mlops_value_member(document, booster, "gbtree");
		weights = mlops_value_member(document, booster, "weight_drop");
		name = mlops_value_member(document, inner, "name");
		if (inner == NULL || weights == NULL)
			return mlops_forest_fail(model->err, "dart without trees");
		if (name != NULL && !mlops_value_is(document, name, "gbtree"))
			return mlops_forest_fail(model->err, "dart of another booster");
	}
	else if (!mlops_value_is(document, name, "gbtree"))
		return mlops_forest_fail(model->err, "unknown booster");
	body = mlops_value_member(document, inner, "model");
	if (weights == NULL)
		weights = mlops_value_member(document, inner, "weight_drop");
	if (weights == NULL)
		weights = mlops_value_member(document, body, "weight_drop");
	model->booster = weights ? MLOPS_BOOSTER_DART : MLOPS_BOOSTER_GBTREE;
	return read_forest(model, body, weights);
}

/*
 * The weights of a linear model, the bias last.
 */
static bool
read_linear(MlopsModel *model, const MlopsValue *body)
{
	const MlopsValue *weights = mlops_value_member(model->document, body,
												   "weights");
	const MlopsValue *rounds = mlops_value_member(model->document, body,
												  "boosted_rounds");
	size_t		count = ((size_t) model->n_features + 1) * model->n_outputs;
	int32_t		n_rounds = 0;
	size_t		i;

	if (weights == NULL || weights->count != count)
		return mlops_forest_fail(model->err,
								 "linear model has a wrong number of weights");
	if (!allocate(model, &model->linear, count) ||
		!mlops_read_floats(model, weights, "weights", count, model->linear))
		return false;
	for (i = 0; i < count; i++)
	{
		if (!isfinite(model->linear[i]))
			return mlops_forest_fail(model->err, "weight is not finite");
	}
	if (rounds != NULL &&
		!mlops_read_integers(model, rounds, "boosted_rounds", 1,
							 0, INT32_MAX, &n_rounds))
		return false;
	/* to linear models the library adds the first base score, everywhere */
	for (i = 1; i < model->n_outputs; i++)
		model->base[i] = model->base[0];
	model->n_rounds = (uint32_t) n_rounds;
	return true;
}

/*
 * Everything about a forest but the trees.
 */
static bool
read_forest(MlopsModel *model, const MlopsValue *body,
			const MlopsValue *weights)
{
	const MlopsDocument *document = model->document;
	const MlopsValue *param = mlops_value_member(document, body,
												 "gbtree_model_param");
	const MlopsValue *trees = mlops_value_member(document, body, "trees");
	uint32_t	leaf_size;

	if (!mlops_member_count(model, param, "num_trees", true, 0,
							0, MLOPS_MAX_TREES, &model->n_trees) ||
		!mlops_member_count(model, param, "num_parallel_tree", false, 1,
							1, MLOPS_MAX_TREES, &model->n_parallel) ||
		!mlops_member_count(model, param, "size_leaf_vector", false, 0,
							0, 1, &leaf_size))
		return false;
	if (trees == NULL || trees->count != model->n_trees ||
		(trees->kind != MLOPS_VALUE_ARRAY && model->n_trees > 0))
		return mlops_forest_fail(model->err, "wrong number of trees");
	model->trees = trees;
	return check_tree_info(model, body) &&
		check_rounds(model, body) &&
		mlops_categories_check(model,
							   mlops_value_member(document, body, "cats")) &&
		(weights == NULL || read_weights(model, weights));
}

/*
 * Trees come in whole rounds, in a round output by output.
 */
static bool
check_tree_info(MlopsModel *model, const MlopsValue *body)
{
	const MlopsValue *info = mlops_value_member(model->document, body,
												"tree_info");
	uint64_t	per_round = (uint64_t) model->n_parallel * model->n_outputs;
	MlopsNumberIterator iterator;
	MlopsNumber number;
	uint32_t	i = 0;

	if (info == NULL || info->kind != MLOPS_VALUE_NUMBERS ||
		info->count != model->n_trees)
		return mlops_forest_fail(model->err, "tree_info does not fit");
	if (model->n_trees % per_round != 0)
		return mlops_forest_fail(model->err, "last round is not whole");
	model->n_rounds = model->n_trees / per_round;
	mlops_numbers_begin(model->document, info, &iterator);
	for (; mlops_numbers_next(&iterator, &number); i++)
	{
		if (number.kind != MLOPS_NUMBER_INTEGER ||
			number.integer != i / model->n_parallel % model->n_outputs)
			return mlops_forest_fail(model->err, "tree_info is out of order");
	}
	return true;
}

/*
 * Where each round begins (2.0 and later): ascending from 0 to the end.
 */
static bool
check_rounds(MlopsModel *model, const MlopsValue *body)
{
	const MlopsValue *rounds = mlops_value_member(model->document, body,
												  "iteration_indptr");
	MlopsNumberIterator iterator;
	MlopsNumber number;
	int64_t		last = -1;

	if (rounds == NULL)
		return true;
	mlops_numbers_begin(model->document, rounds, &iterator);
	while (mlops_numbers_next(&iterator, &number))
	{
		if (number.kind != MLOPS_NUMBER_INTEGER || number.integer <= last ||
			(last < 0 && number.integer != 0))
			return mlops_forest_fail(model->err,
									 "iteration_indptr is out of order");
		last = number.integer;
	}
	if (rounds->kind != MLOPS_VALUE_NUMBERS || last != model->n_trees)
		return mlops_forest_fail(model->err, "iteration_indptr does not fit");
	model->n_rounds = rounds->count - 1;
	return true;
}

/*
 * The weights of dart, one for each tree.
 */
static bool
read_weights(MlopsModel *model, const MlopsValue *weights)
{
	uint32_t	i;

	if (weights->count != model->n_trees)
		return mlops_forest_fail(model->err, "weight_drop does not fit");
	if (!allocate(model, &model->weights, model->n_trees) ||
		!mlops_read_floats(model, weights, "weight_drop", model->n_trees,
						   model->weights))
		return false;
	for (i = 0; i < model->n_trees; i++)
	{
		if (!isfinite(model->weights[i]))
			return mlops_forest_fail(model->err, "weight is not finite");
	}
	return true;
}

/*
 * Parameters are strings, also numbers; signs, blanks and exponents are not
 * among what libxgboost writes for a count.
 */
bool
mlops_member_count(const MlopsModel *model, const MlopsValue *object,
				   const char *key, bool required, uint32_t fallback,
				   uint32_t least, uint32_t most, uint32_t *count)
{
	const MlopsValue *member = mlops_value_member(model->document, object,
												  key);
	const char *text;
	uint64_t	value = 0;
	uint32_t	i;

	*count = fallback;
	if (member == NULL && !required)
		return true;
	if (member == NULL || member->kind != MLOPS_VALUE_STRING ||
		member->data.length == 0 || member->data.length > 10)
		return mlops_forest_fail(model->err, "%s is no count", key);
	text = mlops_document_text(model->document, member->data);
	for (i = 0; i < member->data.length; i++)
	{
		if (text[i] < '0' || text[i] > '9')
			return mlops_forest_fail(model->err, "%s is no count", key);
		value = value * 10 + (text[i] - '0');
	}
	if (value < least || value > most)
		return mlops_forest_fail(model->err, "%s is not between %u and %u",
								 key, least, most);
	*count = (uint32_t) value;
	return true;
}

/*
 * Read integers; a single number counts as an array of one, booleans as 0
 * and 1 where both are in range.
 */
bool
mlops_read_integers(const MlopsModel *model, const MlopsValue *array,
					const char *what, uint32_t count, int64_t least,
					int64_t most, int32_t *out)
{
	MlopsNumberIterator iterator;
	MlopsNumber number;
	uint32_t	i;

	mlops_numbers_begin(model->document, array, &iterator);
	if (array == NULL || iterator.left != count ||
		(array->kind != MLOPS_VALUE_NUMBERS &&
		 array->kind != MLOPS_VALUE_NUMBER))
		return mlops_forest_fail(model->err, "%s has a wrong length", what);
	for (i = 0; i < count; i++)
	{
		mlops_numbers_next(&iterator, &number);
		if (number.kind == MLOPS_NUMBER_FLOAT ||
			(number.kind == MLOPS_NUMBER_BOOLEAN &&
			 !(least == 0 && most == 1)) ||
			number.integer < least || number.integer > most)
			return mlops_forest_fail(model->err, "%s is out of range", what);
		out[i] = number.integer > INT32_MAX ? INT32_MAX :
			(int32_t) number.integer;
	}
	return true;
}

/*
 * Read numbers, whatever their value.
 */
bool
mlops_read_floats(const MlopsModel *model, const MlopsValue *array,
				  const char *what, uint32_t count, float *out)
{
	MlopsNumberIterator iterator;
	MlopsNumber number;
	uint32_t	i;

	if (array == NULL || array->kind != MLOPS_VALUE_NUMBERS ||
		array->count != count)
		return mlops_forest_fail(model->err, "%s has a wrong length", what);
	mlops_numbers_begin(model->document, array, &iterator);
	for (i = 0; i < count; i++)
	{
		mlops_numbers_next(&iterator, &number);
		if (number.kind == MLOPS_NUMBER_BOOLEAN)
			return mlops_forest_fail(model->err, "%s is no number", what);
		out[i] = number.real;
	}
	return true;
}
