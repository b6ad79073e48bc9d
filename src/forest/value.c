/*
 * value.c
 *		The document tree: storage, look-up, and numbers read in place.
 *
 * What both readers share.  Numbers are decoded when they are asked for, to
 * the nearest float32 directly from the text: through a double some would be
 * rounded twice and no longer be the model's own.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forest/value.h"

/* Objects with more members than this are checked for duplicates by sorting. */
#define PAIRWISE_MEMBERS 24

/* The longest number that is read; libxgboost writes about 20 characters. */
#define NUMBER_MAX 127

typedef struct KeyText
{
	const char *text;
	size_t		length;
} KeyText;

static int	compare_keys(const void *a, const void *b);
static bool unique_small(const MlopsDocument *document, uint32_t object,
						 KeyText *keys, uint32_t count);
static uint64_t read_big_endian(const unsigned char *at, size_t width);
static void decode_ubj(char marker, const unsigned char *at,
					   MlopsNumber *number);

/*
 * Set the message of err, cut to fit; always false.
 */
bool
mlops_forest_fail(MlopsForestError *err, const char *format,...)
{
	va_list		args;

	va_start(args, format);
	vsnprintf(err->message, sizeof(err->message), format, args);
	va_end(args);
	return false;
}

/*
 * Read a document of either format.  The legacy binary format, which has no
 * marker of its own, is refused with the rest.
 */
bool
mlops_document_read(MlopsDocument *document, const void *data, size_t size,
					MlopsForestError *err)
{
	bool		good;

	memset(document, 0, sizeof(*document));
	document->source = data;
	document->size = size;
	document->err = err;
	if (size >= INT32_MAX)
		return mlops_forest_fail(err, "model is larger than 2 GB");
	if (mlops_model_is_json(data, size))
		good = mlops_json_read(document);
	else if (size >= 2 && document->source[0] == '{')
		good = mlops_ubj_read(document);
	else
		return mlops_forest_fail(err, "model is neither JSON nor UBJ");
	if (!good)
		mlops_document_free(document);
	return good;
}

/*
 * Free everything but the source.
 */
void
mlops_document_free(MlopsDocument *document)
{
	free(document->nodes);
	free(document->side);
	document->nodes = NULL;
	document->side = NULL;
	document->n_nodes = document->capacity = 0;
}

/*
 * Is this the beginning of a JSON object?  A UBJ object goes on with the
 * marker of a key's length or its end, never with a quote or white space.
 */
bool
mlops_model_is_json(const void *model, size_t size)
{
	const unsigned char *data = model;
	size_t		i = 0;

	while (i < size && strchr(" \t\r\n", data[i]) && data[i] != 0)
		i++;
	if (i > 0)
		return true;
	if (size < 2 || data[0] != '{')
		return false;
	return data[1] == '"' || data[1] == ' ' || data[1] == '\n' ||
		data[1] == '\r' || data[1] == '\t' || data[1] == '}';
}

/*
 * Append an empty node.  Pointers to nodes do not survive this, indexes do.
 */
uint32_t
mlops_document_add(MlopsDocument *document, MlopsValueKind kind)
{
	MlopsValue *node;

	if (document->n_nodes == document->capacity)
	{
		uint32_t	capacity = document->capacity ?
			document->capacity + document->capacity / 2 : 64;
		MlopsValue *nodes = realloc(document->nodes,
									capacity * sizeof(MlopsValue));

		if (nodes == NULL)
		{
			mlops_forest_fail(document->err, "out of memory");
			return MLOPS_VALUE_NONE;
		}
		document->nodes = nodes;
		document->capacity = capacity;
	}
	node = &document->nodes[document->n_nodes];
	memset(node, 0, sizeof(*node));
	node->kind = kind;
	node->next = MLOPS_VALUE_NONE;
	node->child = MLOPS_VALUE_NONE;
	return document->n_nodes++;
}

/*
 * UTF-8 as RFC 3629 has it: shortest forms only, no surrogates, nothing
 * above U+10FFFF; and no NUL, which C strings and the server cannot hold.
 */
bool
mlops_utf8_valid(const unsigned char *text, size_t length)
{
	size_t		i = 0;

	while (i < length)
	{
		unsigned	lead = text[i];
		unsigned	low = 0x80;
		unsigned	high = 0xBF;
		size_t		more;

		if (lead == 0)
			return false;
		more = lead < 0x80 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
		if ((lead >= 0x80 && lead < 0xC2) || lead > 0xF4)
			return false;
		if (lead == 0xE0)
			low = 0xA0;
		else if (lead == 0xED)
			high = 0x9F;
		else if (lead == 0xF0)
			low = 0x90;
		else if (lead == 0xF4)
			high = 0x8F;
		if (more > length - i - 1)
			return false;
		for (i++; more > 0; more--, i++)
		{
			if (text[i] < low || text[i] > high)
				return false;
			low = 0x80;
			high = 0xBF;
		}
	}
	return true;
}

/*
 * Order of keys for sorting: any total order does.
 */
static int
compare_keys(const void *a, const void *b)
{
	const KeyText *x = a;
	const KeyText *y = b;

	if (x->length != y->length)
		return x->length < y->length ? -1 : 1;
	return memcmp(x->text, y->text, x->length);
}

/*
 * Collect the keys of an object into keys[count]; if there are few, compare
 * each with each and say whether all differ.
 */
static bool
unique_small(const MlopsDocument *document, uint32_t object, KeyText *keys,
			 uint32_t count)
{
	uint32_t	node = document->nodes[object].child;
	uint32_t	i;
	uint32_t	j;

	for (i = 0; i < count; i++, node = document->nodes[node].next)
	{
		keys[i].length = document->nodes[node].key.length;
		keys[i].text = mlops_document_text(document,
										   document->nodes[node].key);
		for (j = 0; count <= PAIRWISE_MEMBERS && j < i; j++)
			if (compare_keys(&keys[i], &keys[j]) == 0)
				return false;
	}
	return true;
}

/*
 * Refuse an object that names a member twice: readers differ in which of the
 * two they take.
 */
bool
mlops_document_unique_keys(MlopsDocument *document, uint32_t object)
{
	uint32_t	count = document->nodes[object].count;
	KeyText		few[PAIRWISE_MEMBERS];
	KeyText    *keys = few;
	bool		unique;
	uint32_t	i;

	if (count > PAIRWISE_MEMBERS)
		keys = malloc(count * sizeof(KeyText));
	if (keys == NULL)
		return mlops_forest_fail(document->err, "out of memory");
	unique = unique_small(document, object, keys, count);
	if (count > PAIRWISE_MEMBERS)
	{
		qsort(keys, count, sizeof(KeyText), compare_keys);
		for (i = 1; i < count && unique; i++)
			unique = compare_keys(&keys[i - 1], &keys[i]) != 0;
		free(keys);
	}
	if (!unique)
		mlops_forest_fail(document->err, "an object has a key twice");
	return unique;
}

/*
 * The bytes of a range; not NUL-terminated.
 */
const char *
mlops_document_text(const MlopsDocument *document, MlopsRange range)
{
	return (const char *) (range.side ? document->side : document->source) +
		range.offset;
}

/*
 * Compare a string node with a C string.
 */
bool
mlops_value_is(const MlopsDocument *document, const MlopsValue *value,
			   const char *text)
{
	size_t		length = strlen(text);

	return value != NULL && value->kind == MLOPS_VALUE_STRING &&
		value->data.length == length &&
		memcmp(mlops_document_text(document, value->data), text, length) == 0;
}

/*
 * Compare the key of a member with a C string.
 */
bool
mlops_value_has_key(const MlopsDocument *document, const MlopsValue *value,
					const char *key)
{
	size_t		length = strlen(key);

	return value->key.length == length &&
		memcmp(mlops_document_text(document, value->key), key, length) == 0;
}

/*
 * Find a member by its key; keys are unique.
 */
const MlopsValue *
mlops_value_member(const MlopsDocument *document, const MlopsValue *object,
				   const char *key)
{
	size_t		length = strlen(key);
	const MlopsValue *member;

	if (object == NULL || object->kind != MLOPS_VALUE_OBJECT)
		return NULL;
	for (member = mlops_value_first(document, object); member != NULL;
		 member = mlops_value_next(document, member))
	{
		if (member->key.length == length &&
			memcmp(mlops_document_text(document, member->key), key,
				   length) == 0)
			return member;
	}
	return NULL;
}

/*
 * The first member or element.
 */
const MlopsValue *
mlops_value_first(const MlopsDocument *document, const MlopsValue *value)
{
	if (value->child == MLOPS_VALUE_NONE)
		return NULL;
	return &document->nodes[value->child];
}

/*
 * The member or element after this one.
 */
const MlopsValue *
mlops_value_next(const MlopsDocument *document, const MlopsValue *value)
{
	if (value->next == MLOPS_VALUE_NONE)
		return NULL;
	return &document->nodes[value->next];
}

/*
 * Start to walk the numbers of a node; of any other node there are none.
 */
void
mlops_numbers_begin(const MlopsDocument *document, const MlopsValue *value,
					MlopsNumberIterator *iterator)
{
	memset(iterator, 0, sizeof(*iterator));
	if (value == NULL || (value->kind != MLOPS_VALUE_NUMBERS &&
						  value->kind != MLOPS_VALUE_NUMBER))
		return;
	iterator->at = document->source + value->data.offset;
	iterator->end = iterator->at + value->data.length;
	iterator->left = value->kind == MLOPS_VALUE_NUMBER ? 1 : value->count;
	iterator->form = value->form;
	iterator->marker = value->marker;
}

/*
 * The next number; false after the last.  The reader has checked the bytes.
 */
bool
mlops_numbers_next(MlopsNumberIterator *iterator, MlopsNumber *number)
{
	char		marker = iterator->marker;

	if (iterator->left == 0)
		return false;
	iterator->left--;
	if (iterator->form == MLOPS_FORM_JSON)
	{
		while (strchr(" \t\r\n,", *iterator->at))
			iterator->at++;
		iterator->at += mlops_json_number(iterator->at,
										  iterator->end - iterator->at,
										  number);
		return true;
	}
	if (iterator->form == MLOPS_FORM_UBJ)
		marker = *iterator->at++;
	decode_ubj(marker, iterator->at, number);
	if (marker != 'T' && marker != 'F')
		iterator->at += mlops_ubj_width(marker);
	return true;
}

/*
 * Decode a JSON number or boolean, or one of the names that libxgboost writes
 * for numbers that JSON does not have.  0 for anything that does not fit.
 */
size_t
mlops_json_number(const unsigned char *text, size_t limit,
				  MlopsNumber *number)
{
	static const struct
	{
		const char *name;
		MlopsNumberKind kind;
		float		real;
	}			names[] = {
		{"true", MLOPS_NUMBER_BOOLEAN, 1.0f},
		{"false", MLOPS_NUMBER_BOOLEAN, 0.0f},
		{"NaN", MLOPS_NUMBER_FLOAT, NAN},
		{"Infinity", MLOPS_NUMBER_FLOAT, INFINITY},
		{"-Infinity", MLOPS_NUMBER_FLOAT, -INFINITY},
	};
	char		copy[NUMBER_MAX + 1];
	char	   *end;
	size_t		length = 0;
	bool		integer = true;
	size_t		i;

	/* No number goes on with a letter after its first byte or sign. */
	for (i = 0; i < sizeof(names) / sizeof(names[0]) &&
		 (text[0] > '9' || (limit > 1 && text[1] == 'I')); i++)
	{
		length = strlen(names[i].name);
		if (length <= limit && memcmp(text, names[i].name, length) == 0)
		{
			number->kind = names[i].kind;
			number->real = names[i].real;
			number->integer = number->kind == MLOPS_NUMBER_BOOLEAN ?
				(int64_t) names[i].real : 0;
			return length;
		}
	}
	for (length = 0; length < limit; length++)
	{
		unsigned char c = text[length];

		if (c == 0 || strchr("+-.eE0123456789", c) == NULL)
			break;
		if (length == NUMBER_MAX)
			return 0;
		if (c == '.' || c == 'e' || c == 'E')
			integer = false;
		copy[length] = c;
	}
	copy[length] = 0;
	number->kind = integer ? MLOPS_NUMBER_INTEGER : MLOPS_NUMBER_FLOAT;
	number->real = strtof(copy, &end);
	number->integer = 0;
	if (end != copy + length)
		return 0;				/* a locale with another decimal point */
	errno = 0;
	if (integer)
		number->integer = strtoll(copy, NULL, 10);
	return errno == 0 ? length : 0;
}

/*
 * The size of a UBJ number after its marker.
 */
size_t
mlops_ubj_width(char marker)
{
	switch (marker)
	{
		case 'i':
		case 'U':
			return 1;
		case 'I':
			return 2;
		case 'l':
		case 'd':
			return 4;
		case 'L':
		case 'D':
			return 8;
	}
	return 0;
}

/*
 * An unsigned integer of width bytes, most significant first.
 */
static uint64_t
read_big_endian(const unsigned char *at, size_t width)
{
	uint64_t	bits = 0;

	while (width-- > 0)
		bits = bits << 8 | *at++;
	return bits;
}

/*
 * Decode a UBJ number or boolean whose bytes, if any, start at at.
 */
static void
decode_ubj(char marker, const unsigned char *at, MlopsNumber *number)
{
	size_t		width = mlops_ubj_width(marker);
	uint64_t	bits = read_big_endian(at, marker == 'T' || marker == 'F' ?
									   0 : width);

	number->kind = MLOPS_NUMBER_INTEGER;
	number->integer = 0;
	if (marker == 'd')
	{
		uint32_t	half = (uint32_t) bits;

		number->kind = MLOPS_NUMBER_FLOAT;
		memcpy(&number->real, &half, sizeof(half));
		return;
	}
	if (marker == 'D')
	{
		double		wide;

		memcpy(&wide, &bits, sizeof(bits));
		number->kind = MLOPS_NUMBER_FLOAT;
		number->real = (float) wide;
		return;
	}
	if (marker == 'T' || marker == 'F')
	{
		number->kind = MLOPS_NUMBER_BOOLEAN;
		number->integer = marker == 'T';
	}
	else if (marker == 'U')
		number->integer = (int64_t) bits;
	else
		number->integer = (int64_t) (bits << (64 - 8 * width)) >>
			(64 - 8 * width);
	number->real = (float) number->integer;
}
