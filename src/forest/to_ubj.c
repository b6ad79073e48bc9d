/*
 * to_ubj.c
 *		A checked model as Universal Binary JSON.
 *
 * libxgboost asks of each array of a tree that it has one type of number, as
 * it writes them itself; all other numbers carry their type one by one, like
 * those that it reads from JSON.  All keys are kept, and a base score loses
 * its brackets where that says the same, as in to_json.c.
 */
#include <stdlib.h>
#include <string.h>

#include "forest/buffer.h"
#include "forest/model.h"

typedef struct Bytes
{
	const MlopsDocument *document;
	MlopsBuffer out;
} Bytes;

/* Arrays whose numbers are all of one type. */
static const struct
{
	const char *key;
	char		marker;
}			typed[] = {
	{"base_weights", 'd'},
	{"loss_changes", 'd'},
	{"split_conditions", 'd'},
	{"sum_hessian", 'd'},
	{"weights", 'd'},
	{"categories", 'l'},
	{"categories_nodes", 'l'},
	{"left_children", 'l'},
	{"right_children", 'l'},
	{"parents", 'l'},
	{"split_indices", 'l'},
	{"categories_segments", 'L'},
	{"categories_sizes", 'L'},
	{"default_left", 'U'},
	{"split_type", 'U'},
};

static bool put(Bytes *out, const void *bytes, size_t length);
static bool put_marker(Bytes *out, char marker);
static bool put_big_endian(Bytes *out, uint64_t bits, size_t width);
static bool put_length(Bytes *out, uint64_t length);
static bool put_value(Bytes *out, const MlopsValue *value);
static bool put_object(Bytes *out, const MlopsValue *value);
static bool put_array(Bytes *out, const MlopsValue *value);
static bool put_typed(Bytes *out, const MlopsValue *value, char marker);
static bool put_number(Bytes *out, const MlopsNumber *number, bool real);
static bool put_payload(Bytes *out, const MlopsNumber *number, char marker);
static bool put_string(Bytes *out, MlopsRange range);

/*
 * Read and check a model of either format and write it as UBJ.
 */
bool
mlops_model_to_ubj(const void *data, size_t size, char **bytes,
				   size_t *length, MlopsForestError *err)
{
	MlopsDocument document;
	MlopsModel	model;
	Bytes		out = {&document};
	bool		good;

	*bytes = NULL;
	*length = 0;
	if (!mlops_document_read(&document, data, size, err))
		return false;
	good = mlops_model_read(&document, &model, err) &&
		mlops_model_check_trees(&model);
	if (good && !put_value(&out, &document.nodes[0]))
		good = mlops_forest_fail(err, "out of memory");
	if (good)
	{
		*bytes = out.out.data;
		*length = out.out.size;
	}
	else
		free(out.out.data);
	mlops_model_free(&model);
	mlops_document_free(&document);
	return good;
}

/*
 * Append bytes; false if out of memory.
 */
static bool
put(Bytes *out, const void *bytes, size_t length)
{
	return mlops_buffer_put(&out->out, bytes, length);
}

/*
 * Append a marker.
 */
static bool
put_marker(Bytes *out, char marker)
{
	return put(out, &marker, 1);
}

/*
 * Append the low bytes of a number, the most significant first.
 */
static bool
put_big_endian(Bytes *out, uint64_t bits, size_t width)
{
	unsigned char bytes[8];
	size_t		i;

	for (i = 0; i < width; i++)
		bytes[i] = bits >> (8 * (width - 1 - i));
	return put(out, bytes, width);
}

/*
 * Append a length, always of type L.
 */
static bool
put_length(Bytes *out, uint64_t length)
{
	return put_marker(out, 'L') && put_big_endian(out, length, 8);
}

/*
 * Append a value with its marker.
 */
static bool
put_value(Bytes *out, const MlopsValue *value)
{
	MlopsNumberIterator iterator;
	MlopsNumber number;
	size_t		i;

	switch ((MlopsValueKind) value->kind)
	{
		case MLOPS_VALUE_OBJECT:
			return put_object(out, value);
		case MLOPS_VALUE_ARRAY:
			return put_array(out, value);
		case MLOPS_VALUE_NUMBERS:
			for (i = 0; i < sizeof(typed) / sizeof(typed[0]); i++)
				if (mlops_value_has_key(out->document, value, typed[i].key))
					return put_typed(out, value, typed[i].marker);
			return put_array(out, value);
		case MLOPS_VALUE_STRING:
			if (!put_marker(out, 'S'))
				return false;
			if (mlops_value_has_key(out->document, value, "base_score"))
				return put_string(out, mlops_plain_base_score(out->document,
															  value));
			return put_string(out, value->data);
		case MLOPS_VALUE_NUMBER:
			mlops_numbers_begin(out->document, value, &iterator);
			return mlops_numbers_next(&iterator, &number) &&
				put_number(out, &number, false);
		case MLOPS_VALUE_NULL:
			break;
	}
	return put_marker(out, 'Z');
}

/*
 * Append an object; its members are not counted.
 */
static bool
put_object(Bytes *out, const MlopsValue *value)
{
	const MlopsValue *member;

	if (!put_marker(out, '{'))
		return false;
	for (member = mlops_value_first(out->document, value); member != NULL;
		 member = mlops_value_next(out->document, member))
	{
		if (!put_string(out, member->key) || !put_value(out, member))
			return false;
	}
	return put_marker(out, '}');
}

/*
 * Append an array whose elements have a marker each.  An empty one of no
 * other type counts as such.
 */
static bool
put_array(Bytes *out, const MlopsValue *value)
{
	const MlopsValue *element;
	MlopsNumberIterator iterator;
	MlopsNumber number;
	bool		real = mlops_value_has_key(out->document, value,
										   "weight_drop");
	size_t		i;

	for (i = 0; i < sizeof(typed) / sizeof(typed[0]); i++)
		if (value->count == 0 &&
			mlops_value_has_key(out->document, value, typed[i].key))
			return put_typed(out, value, typed[i].marker);
	if (!put(out, "[#", 2) || !put_length(out, value->count))
		return false;
	for (element = mlops_value_first(out->document, value); element != NULL;
		 element = mlops_value_next(out->document, element))
	{
		if (!put_value(out, element))
			return false;
	}
	mlops_numbers_begin(out->document, value, &iterator);
	while (mlops_numbers_next(&iterator, &number))
	{
		if (!put_number(out, &number, real))
			return false;
	}
	return true;
}

/*
 * Append an array of numbers of one type, which is named once.
 */
static bool
put_typed(Bytes *out, const MlopsValue *value, char marker)
{
	MlopsNumberIterator iterator;
	MlopsNumber number;

	if (!put(out, "[$", 2) || !put_marker(out, marker) ||
		!put_marker(out, '#') || !put_length(out, value->count))
		return false;
	mlops_numbers_begin(out->document, value, &iterator);
	while (mlops_numbers_next(&iterator, &number))
	{
		if (!put_payload(out, &number, marker))
			return false;
	}
	return true;
}

/*
 * Append a number with the marker of the least type that holds it.
 */
static bool
put_number(Bytes *out, const MlopsNumber *number, bool real)
{
	int64_t		integer = number->integer;
	char		marker = 'L';

	if (number->kind == MLOPS_NUMBER_BOOLEAN)
		return put_marker(out, integer ? 'T' : 'F');
	if (real || number->kind == MLOPS_NUMBER_FLOAT)
		marker = 'd';
	else if (integer >= INT8_MIN && integer <= INT8_MAX)
		marker = 'i';
	else if (integer >= INT16_MIN && integer <= INT16_MAX)
		marker = 'I';
	else if (integer >= INT32_MIN && integer <= INT32_MAX)
		marker = 'l';
	return put_marker(out, marker) && put_payload(out, number, marker);
}

/*
 * Append the bytes of a number of this type.
 */
static bool
put_payload(Bytes *out, const MlopsNumber *number, char marker)
{
	uint64_t	bits = (uint64_t) number->integer;
	uint32_t	half;

	if (marker == 'd')
	{
		memcpy(&half, &number->real, sizeof(half));
		bits = half;
	}
	return put_big_endian(out, bits, mlops_ubj_width(marker));
}

/*
 * Append a string with its length but without a marker.
 */
static bool
put_string(Bytes *out, MlopsRange range)
{
	return put_length(out, range.length) &&
		put(out, mlops_document_text(out->document, range), range.length);
}
