/*
 * categories.c
 *		The categories that a model keeps of its training data frame.
 *
 * Version 3.1 and later write them as "cats" of the forest: by feature either
 * the bytes of all names with the offsets of each, or whole numbers; empty
 * where a feature has none.  A category's place is its code in the splits, so
 * whoever encodes rows by these lists gives the model what it was trained on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forest/model.h"

/* Bytes of a whole number as text, with its NUL. */
#define DIGITS 24

static bool check_members(MlopsModel *model, const MlopsValue *recoder);
static bool check_columns(const MlopsModel *model, const MlopsValue *columns,
						  const MlopsValue *segments);
static bool read_strings(const MlopsModel *model, const MlopsValue *offsets,
						 const MlopsValue *values, char *text,
						 const char **names);
static bool read_whole(const MlopsModel *model, const MlopsValue *values,
					   char *text, const char **names);
static bool no_array(const MlopsValue *value);

/*
 * Check the container and remember its columns in the model, unless it is
 * empty, as it is without a data frame.
 */
bool
mlops_categories_check(MlopsModel *model, const MlopsValue *recoder)
{
	const MlopsDocument *document = model->document;
	const MlopsValue *columns;
	const MlopsValue *segments;
	const MlopsValue *sorted;
	uint32_t	total = 0;

	if (recoder == NULL)
		return true;
	if (!check_members(model, recoder))
		return false;
	columns = mlops_value_member(document, recoder, "enc");
	segments = mlops_value_member(document, recoder, "feature_segments");
	sorted = mlops_value_member(document, recoder, "sorted_idx");
	if (columns == NULL || columns->count == 0)
	{
		if ((segments != NULL && segments->count > 1) ||
			(sorted != NULL && sorted->count > 0))
			return mlops_forest_fail(model->err, "categories of no feature");
		return true;
	}
	if (columns->kind != MLOPS_VALUE_ARRAY ||
		columns->count != model->n_features)
		return mlops_forest_fail(model->err,
								 "categories do not fit the features");
	model->categories = columns;
	if (!check_columns(model, columns, segments))
		return false;
	if (sorted != NULL && sorted->count > 0)
	{
		MlopsNumberIterator iterator;
		MlopsNumber number;

		mlops_numbers_begin(document, segments, &iterator);
		while (mlops_numbers_next(&iterator, &number))
			total = number.integer;
		if (sorted->count != total)
			return mlops_forest_fail(model->err,
									 "sorted_idx has a wrong length");
		mlops_numbers_begin(document, sorted, &iterator);
		while (mlops_numbers_next(&iterator, &number))
		{
			if (number.kind != MLOPS_NUMBER_INTEGER || number.integer < 0 ||
				number.integer >= total)
				return mlops_forest_fail(model->err,
										 "sorted_idx is out of range");
		}
	}
	return true;
}

/*
 * Only members that are known: three arrays, two flags.
 */
static bool
check_members(MlopsModel *model, const MlopsValue *recoder)
{
	static const char *const keys[] = {
		"enc", "feature_segments", "sorted_idx", "is_ref", "sorted"
	};
	const MlopsDocument *document = model->document;
	uint32_t	known = 0;
	size_t		i;

	if (recoder->kind != MLOPS_VALUE_OBJECT)
		return mlops_forest_fail(model->err, "\"cats\" is no object");
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
	{
		const MlopsValue *member = mlops_value_member(document, recoder,
													  keys[i]);

		if (member == NULL)
			continue;
		known++;
		if (i < 3 ? no_array(member) : member->kind != MLOPS_VALUE_NUMBER)
			return mlops_forest_fail(model->err, "%s of \"cats\" is malformed",
									 keys[i]);
	}
	if (known != recoder->count)
		return mlops_forest_fail(model->err, "unknown member of \"cats\"");
	return true;
}

/*
 * Is this no array?
 */
static bool
no_array(const MlopsValue *value)
{
	return value == NULL || (value->kind != MLOPS_VALUE_ARRAY &&
							 value->kind != MLOPS_VALUE_NUMBERS);
}

/*
 * Check all columns, and the segments, which are where each begins if the
 * categories of all are counted through.
 */
static bool
check_columns(const MlopsModel *model, const MlopsValue *columns,
			  const MlopsValue *segments)
{
	const MlopsDocument *document = model->document;
	const MlopsValue *column = mlops_value_first(document, columns);
	MlopsNumberIterator iterator;
	MlopsNumber number;
	uint32_t	total = 0;

	mlops_numbers_begin(document, segments, &iterator);
	if (iterator.left != model->n_features + 1)
		return mlops_forest_fail(model->err,
								 "feature_segments has a wrong length");
	while (mlops_numbers_next(&iterator, &number))
	{
		uint32_t	count;
		size_t		bytes;
		char	   *text;
		bool		good;

		if (number.kind != MLOPS_NUMBER_INTEGER || number.integer != total)
			return mlops_forest_fail(model->err,
									 "feature_segments do not fit");
		if (column == NULL)
			break;
		if (!mlops_categories_measure(model, column, &count, &bytes))
			return false;
		text = malloc(bytes + 1);
		good = text != NULL ?
			mlops_categories_read(model, column, text, NULL) :
			mlops_forest_fail(model->err, "out of memory");
		free(text);
		if (!good)
			return false;
		total += count;
		column = mlops_value_next(document, column);
	}
	return true;
}

/*
 * The categories of a column, and how many bytes their text takes at most.
 */
bool
mlops_categories_measure(const MlopsModel *model, const MlopsValue *column,
						 uint32_t *count, size_t *bytes)
{
	const MlopsValue *offsets = mlops_value_member(model->document, column,
												   "offsets");
	const MlopsValue *values = mlops_value_member(model->document, column,
												  "values");

	if (no_array(values) || (offsets != NULL && no_array(offsets)))
		return mlops_forest_fail(model->err, "categories of a feature are "
								 "malformed");
	if (offsets == NULL)
	{
		*count = values->count;
		*bytes = (size_t) values->count * DIGITS;
	}
	else
	{
		*count = offsets->count > 0 ? offsets->count - 1 : 0;
		*bytes = (size_t) values->count + *count;
	}
	return *count < MLOPS_MAX_CATEGORY ||
		mlops_forest_fail(model->err, "a feature has too many categories");
}

/*
 * Write the categories of a column one after the other into text, each with
 * a NUL, and where they begin into names, unless that is NULL.
 */
bool
mlops_categories_read(const MlopsModel *model, const MlopsValue *column,
					  char *text, const char **names)
{
	const MlopsValue *offsets = mlops_value_member(model->document, column,
												   "offsets");
	const MlopsValue *values = mlops_value_member(model->document, column,
												  "values");

	return offsets != NULL ?
		read_strings(model, offsets, values, text, names) :
		read_whole(model, values, text, names);
}

/*
 * Categories that are names.
 */
static bool
read_strings(const MlopsModel *model, const MlopsValue *offsets,
			 const MlopsValue *values, char *text, const char **names)
{
	MlopsNumberIterator at;
	MlopsNumberIterator bytes;
	MlopsNumber offset;
	MlopsNumber byte;
	int64_t		last = 0;
	uint32_t	i;

	mlops_numbers_begin(model->document, offsets, &at);
	mlops_numbers_begin(model->document, values, &bytes);
	for (i = 0; mlops_numbers_next(&at, &offset); i++)
	{
		char	   *start = text;

		if (offset.kind != MLOPS_NUMBER_INTEGER || offset.integer < last ||
			offset.integer > values->count || (i == 0 && offset.integer != 0))
			return mlops_forest_fail(model->err,
									 "offsets of categories are out of order");
		for (; last < offset.integer; last++)
		{
			if (!mlops_numbers_next(&bytes, &byte) ||
				byte.kind != MLOPS_NUMBER_INTEGER ||
				byte.integer < -128 || byte.integer > 255)
				return mlops_forest_fail(model->err,
										 "a category is no text");
			*text++ = (char) byte.integer;
		}
		if (i == 0)
			continue;
		if (!mlops_utf8_valid((const unsigned char *) start, text - start))
			return mlops_forest_fail(model->err, "a category is not UTF-8");
		*text++ = 0;
		if (names != NULL)
			names[i - 1] = start;
	}
	if (last != values->count)
		return mlops_forest_fail(model->err, "categories have more text");
	return true;
}

/*
 * Categories that are whole numbers.
 */
static bool
read_whole(const MlopsModel *model, const MlopsValue *values, char *text,
		   const char **names)
{
	MlopsNumberIterator iterator;
	MlopsNumber number;
	uint32_t	i;

	mlops_numbers_begin(model->document, values, &iterator);
	if (iterator.left != values->count)
		return mlops_forest_fail(model->err, "a category is no number");
	for (i = 0; mlops_numbers_next(&iterator, &number); i++)
	{
		if (number.kind != MLOPS_NUMBER_INTEGER)
			return mlops_forest_fail(model->err,
									 "a category is no whole number");
		if (names != NULL)
			names[i] = text;
		text += snprintf(text, DIGITS, "%lld",
						 (long long) number.integer) + 1;
	}
	return true;
}
