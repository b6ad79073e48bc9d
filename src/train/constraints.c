/*
 * constraints.c
 *		Monotone and interaction constraints: columns to feature numbers.
 *
 * libxgboost knows features by number only, takes numbers that there are
 * none of without a word, and more signs than features as well; so nothing
 * but what is checked here reaches it.
 */
#include "postgres.h"

#include "base/base.h"
#include "base/compat.h"
#include "lib/stringinfo.h"
#include "train/constraints.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

static Jsonb *container_value(const JsonbValue *value);
static void report_monotone(void) pg_attribute_noreturn();
static void report_interaction(void) pg_attribute_noreturn();
static int	sign_value(const JsonbValue *value);
static char *name_value(const JsonbValue *value);
static void features_named(const MlopsSignature *signature, const char *name,
						   const char *constraint, int *first, int *n);
static void report_name(const MlopsSignature *signature, const char *name,
						const char *constraint) pg_attribute_noreturn();

Jsonb *
mlops_monotone_read(const JsonbValue *value)
{
	Jsonb	   *object = container_value(value);
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	element;

	if (object == NULL || !JB_ROOT_IS_OBJECT(object))
		report_monotone();
	iterator = JsonbIteratorInit(&object->root);
	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
		if (token == WJB_VALUE)
			(void) sign_value(&element);
	return object;
}

Jsonb *
mlops_interaction_read(const JsonbValue *value)
{
	Jsonb	   *array = container_value(value);
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	element;

	if (array == NULL || !JB_ROOT_IS_ARRAY(array))
		report_interaction();
	iterator = JsonbIteratorInit(&array->root);
	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
	{
		Jsonb	   *group;
		JsonbIterator *names;
		JsonbValue	name;

		if (token != WJB_ELEM)
			continue;
		group = container_value(&element);
		if (group == NULL || !JB_ROOT_IS_ARRAY(group) ||
			JB_ROOT_COUNT(group) == 0)
			report_interaction();
		names = JsonbIteratorInit(&group->root);
		while ((token = JsonbIteratorNext(&names, &name, true)) != WJB_DONE)
			if (token == WJB_ELEM && name.type != jbvString)
				report_interaction();
	}
	return array;
}

char *
mlops_monotone_text(Jsonb *monotone, const MlopsSignature *signature)
{
	int		   *signs = palloc0(sizeof(int) * Max(signature->n_features, 1));
	int			first = 0;
	int			n;
	char	   *name = NULL;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	StringInfoData text;

	if (monotone == NULL)
		return NULL;
	iterator = JsonbIteratorInit(&monotone->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			name = name_value(&value);
		if (token != WJB_VALUE)
			continue;
		features_named(signature, name, "monotone_constraints", &first, &n);
		if (n != 1)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" becomes %d features", name, n),
					 errdetail("A monotone constraint is one of a single feature."),
					 errhint("Name the feature, such as \"%s\".",
							 signature->feature_names[first])));
		if (signature->categorical[first])
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" is a category", name),
					 errdetail("A monotone constraint needs numbers, which have an order.")));
		signs[first] = sign_value(&value);
	}

	initStringInfo(&text);
	for (int i = 0; i < signature->n_features; i++)
		appendStringInfo(&text, "%c%d", i == 0 ? '(' : ',', signs[i]);
	appendStringInfoChar(&text, ')');
	return text.data;
}

char *
mlops_interaction_text(Jsonb *interaction, const MlopsSignature *signature)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	StringInfoData text;

	if (interaction == NULL)
		return NULL;
	initStringInfo(&text);
	iterator = JsonbIteratorInit(&interaction->root);
	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		char		last = text.len > 0 ? text.data[text.len - 1] : '[';
		int			first;
		int			n;

		if (token == WJB_BEGIN_ARRAY)
			appendStringInfoString(&text, last == ']' ? ",[" : "[");
		else if (token == WJB_END_ARRAY)
			appendStringInfoChar(&text, ']');
		else if (token == WJB_ELEM)
		{
			features_named(signature, name_value(&value),
						   "interaction_constraints", &first, &n);
			for (int i = 0; i < n; i++)
				appendStringInfo(&text, "%s%d",
								 i > 0 || last != '[' ? "," : "", first + i);
		}
	}
	return text.data;
}

/* An object or array inside of a jsonb as one of its own; NULL if neither. */
static Jsonb *
container_value(const JsonbValue *value)
{
	JsonbValue	copy = *value;

	return value->type == jbvBinary ? JsonbValueToJsonb(&copy) : NULL;
}

/* What monotone_constraints must look like. */
static void
report_monotone(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value of parameter \"monotone_constraints\""),
			 errhint("Write them as in '{\"price\": -1, \"area\": 1}': 1 for rising, -1 for falling, 0 for neither.")));
}

/* What interaction_constraints must look like. */
static void
report_interaction(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value of parameter \"interaction_constraints\""),
			 errhint("Write them as in '[[\"area\", \"rooms\"], [\"age\"]]': arrays of columns that may meet in a tree.")));
}

/* 1, 0 or -1. */
static int
sign_value(const JsonbValue *value)
{
	double		number = 2;

	if (value->type == jbvNumeric)
		number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
													NumericGetDatum(value->val.numeric)));
	if (number != 1 && number != 0 && number != -1)
		report_monotone();
	return (int) number;
}

/* The text of a key or string; palloc'd. */
static char *
name_value(const JsonbValue *value)
{
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* The features of a column, or the one of that name. */
static void
features_named(const MlopsSignature *signature, const char *name,
			   const char *constraint, int *first, int *n)
{
	for (int i = 0; i < signature->n_inputs; i++)
		if (strcmp(signature->inputs[i].name, name) == 0)
		{
			*first = signature->inputs[i].first_feature;
			*n = signature->inputs[i].n_features;
			return;
		}
	*n = 1;
	for (*first = 0; *first < signature->n_features; (*first)++)
		if (strcmp(signature->feature_names[*first], name) == 0)
			return;
	report_name(signature, name, constraint);
}

/* There is no such column among the features. */
static void
report_name(const MlopsSignature *signature, const char *name,
			const char *constraint)
{
	const char **names = palloc(sizeof(char *) * Max(signature->n_inputs, 1));
	const char *closest;

	for (int i = 0; i < signature->n_inputs; i++)
		names[i] = signature->inputs[i].name;
	closest = mlops_closest_match(name, names, signature->n_inputs);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" in %s is no column that is trained on", name,
					constraint),
			 closest ? errhint("Perhaps you meant \"%s\".", closest) :
			 errhint("Name columns that are features, each as it is in the source.")));
}
