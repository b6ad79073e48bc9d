/*
 * to_json.c
 *		A checked model as JSON text.
 *
 * The library's own JSON of a categorical model is none: the thresholds of
 * categorical splits are bare NaN.  Nothing compares with them, so they are
 * written as 0.  All keys are kept.  A base score in brackets, as 3.1 and
 * later write it, is written without where one number says the same: older
 * libraries would silently take 0.5 instead.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forest/buffer.h"
#include "forest/model.h"

typedef struct Text
{
	const MlopsDocument *document;
	MlopsBuffer out;
} Text;

static bool put(Text *text, const char *bytes, size_t length);
static bool put_value(Text *text, const MlopsValue *value);
static bool put_container(Text *text, const MlopsValue *value, bool object);
static bool put_numbers(Text *text, const MlopsValue *value);
static bool is_real(const Text *text, const MlopsValue *value);
static bool put_number(Text *text, const MlopsNumber *number);
static bool put_string(Text *text, MlopsRange range);

/*
 * Read and check a model of either format and write it as JSON.
 */
bool
mlops_model_to_json(const void *data, size_t size, char **text,
					size_t *length, MlopsForestError *err)
{
	MlopsDocument document;
	MlopsModel	model;
	Text		out = {&document};
	bool		good;

	*text = NULL;
	*length = 0;
	if (!mlops_document_read(&document, data, size, err))
		return false;
	good = mlops_model_read(&document, &model, err) &&
		mlops_model_check_trees(&model);
	if (good && !(put_value(&out, &document.nodes[0]) && put(&out, "", 1)))
		good = mlops_forest_fail(err, "out of memory");
	if (good)
	{
		*text = out.out.data;
		*length = out.out.size - 1;
	}
	else
		free(out.out.data);
	mlops_model_free(&model);
	mlops_document_free(&document);
	return good;
}

/*
 * Check all trees.
 */
bool
mlops_model_check_trees(const MlopsModel *model)
{
	MlopsTreeScratch scratch;
	const MlopsValue *value = model->trees ?
		mlops_value_first(model->document, model->trees) : NULL;
	uint32_t	index;
	bool		good = true;

	memset(&scratch, 0, sizeof(scratch));
	for (index = 0; good && value != NULL; index++)
	{
		good = mlops_tree_read(model, value, index, &scratch);
		value = mlops_value_next(model->document, value);
	}
	mlops_tree_free(&scratch);
	return good;
}

/*
 * Append bytes; false if out of memory.
 */
static bool
put(Text *text, const char *bytes, size_t length)
{
	return mlops_buffer_put(&text->out, bytes, length);
}

/*
 * Append a value.
 */
static bool
put_value(Text *text, const MlopsValue *value)
{
	MlopsNumberIterator iterator;
	MlopsNumber number;

	switch ((MlopsValueKind) value->kind)
	{
		case MLOPS_VALUE_OBJECT:
			return put_container(text, value, true);
		case MLOPS_VALUE_ARRAY:
			return put_container(text, value, false);
		case MLOPS_VALUE_NUMBERS:
			return put_numbers(text, value);
		case MLOPS_VALUE_STRING:
			if (mlops_value_has_key(text->document, value, "base_score"))
				return put_string(text, mlops_plain_base_score(text->document,
															   value));
			return put_string(text, value->data);
		case MLOPS_VALUE_NUMBER:
			mlops_numbers_begin(text->document, value, &iterator);
			mlops_numbers_next(&iterator, &number);
			return put_number(text, &number);
		case MLOPS_VALUE_NULL:
			break;
	}
	return put(text, "null", 4);
}

/*
 * Append an object or an array of values.
 */
static bool
put_container(Text *text, const MlopsValue *value, bool object)
{
	const MlopsValue *child;
	bool		first = true;

	if (!put(text, object ? "{" : "[", 1))
		return false;
	for (child = mlops_value_first(text->document, value); child != NULL;
		 child = mlops_value_next(text->document, child))
	{
		if (!first && !put(text, ",", 1))
			return false;
		if (object &&
			(!put_string(text, child->key) || !put(text, ":", 1)))
			return false;
		if (!put_value(text, child))
			return false;
		first = false;
	}
	return put(text, object ? "}" : "]", 1);
}

/*
 * Append an array of numbers.
 */
static bool
put_numbers(Text *text, const MlopsValue *value)
{
	MlopsNumberIterator iterator;
	MlopsNumber number;
	bool		real = is_real(text, value);
	bool		first = true;

	if (!put(text, "[", 1))
		return false;
	mlops_numbers_begin(text->document, value, &iterator);
	while (mlops_numbers_next(&iterator, &number))
	{
		if (real && number.kind == MLOPS_NUMBER_INTEGER)
			number.kind = MLOPS_NUMBER_FLOAT;
		if ((!first && !put(text, ",", 1)) || !put_number(text, &number))
			return false;
		first = false;
	}
	return put(text, "]", 1);
}

/*
 * Is this an array in which the library wants no integers?  A model that has
 * been through other software may have 1 where it had 1.0.
 */
static bool
is_real(const Text *text, const MlopsValue *value)
{
	static const char *const keys[] = {
		"split_conditions", "base_weights", "sum_hessian", "loss_changes",
		"weight_drop", "weights"
	};
	size_t		i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
	{
		if (mlops_value_has_key(text->document, value, keys[i]))
			return true;
	}
	return false;
}

/*
 * Append a number.  Nine digits name a float32 exactly; one that looks like
 * an integer gets a fraction, as the library tells the two apart.  What JSON
 * has no number for is NaN, which no reader uses, and infinity, for which
 * the smallest power of ten beyond float32 stands.
 */
static bool
put_number(Text *text, const MlopsNumber *number)
{
	char		digits[40];
	int			length;

	if (number->kind == MLOPS_NUMBER_BOOLEAN)
		length = snprintf(digits, sizeof(digits), "%s",
						  number->integer ? "true" : "false");
	else if (number->kind == MLOPS_NUMBER_INTEGER)
		length = snprintf(digits, sizeof(digits), "%lld",
						  (long long) number->integer);
	else if (isnan(number->real))
		length = snprintf(digits, sizeof(digits), "0.0");
	else if (isinf(number->real))
		length = snprintf(digits, sizeof(digits), "%s",
						  number->real > 0 ? "1E39" : "-1E39");
	else
	{
		length = snprintf(digits, sizeof(digits), "%.9g", number->real);
		if (strpbrk(digits, ".e") == NULL)
			length += snprintf(digits + length, sizeof(digits) - length,
							   ".0");
	}
	return put(text, digits, length);
}

/*
 * Append a string, with the escapes that JSON demands.
 */
static bool
put_string(Text *text, MlopsRange range)
{
	static const char hex[] = "0123456789abcdef";
	const char *bytes = mlops_document_text(text->document, range);
	size_t		start = 0;
	size_t		i;

	if (!put(text, "\"", 1))
		return false;
	for (i = 0; i < range.length; i++)
	{
		unsigned char c = bytes[i];
		char		escape[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
		size_t		length = sizeof(escape);

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		if (c >= 0x20)
		{
			escape[1] = c;
			length = 2;
		}
		if (!put(text, bytes + start, i - start) ||
			!put(text, escape, length))
			return false;
		start = i + 1;
	}
	return put(text, bytes + start, range.length - start) &&
		put(text, "\"", 1);
}

/*
 * A base score without its brackets if all its elements are the same.
 */
MlopsRange
mlops_plain_base_score(const MlopsDocument *document, const MlopsValue *value)
{
	const char *bytes = mlops_document_text(document, value->data);
	MlopsRange	element = value->data;
	size_t		length;
	size_t		i;

	if (value->data.length < 2 || bytes[0] != '[' ||
		bytes[value->data.length - 1] != ']')
		return value->data;
	length = strcspn(bytes + 1, ",]");
	for (i = 1 + length; i + 1 < value->data.length; i += 1 + length)
	{
		if (value->data.length - i < length + 2 || bytes[i] != ',' ||
			memcmp(bytes + 1, bytes + i + 1, length) != 0)
			return value->data;
	}
	element.offset++;
	element.length = length;
	return element;
}
