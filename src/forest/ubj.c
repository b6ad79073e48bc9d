/*
 * ubj.c
 *		Reader of Universal Binary JSON, as libxgboost writes it.
 *
 * Lengths are always of type L there, arrays untyped, counted or typed,
 * objects never counted.  Every length is compared with what is left of the
 * input before anything is done with it.
 */
#include <string.h>

#include "forest/value.h"

typedef struct Reader
{
	MlopsDocument *document;
	size_t		at;
} Reader;

static uint32_t read_value(Reader *reader, unsigned depth);
static uint32_t read_object(Reader *reader, unsigned depth);
static bool read_members(Reader *reader, uint32_t object, unsigned depth);
static uint32_t read_array(Reader *reader, unsigned depth);
static bool read_elements(Reader *reader, uint32_t array, bool counted,
						  uint64_t count, unsigned depth);
static bool read_typed(Reader *reader, uint32_t array);
static uint32_t read_number(Reader *reader, char marker);
static bool read_length(Reader *reader, uint64_t *length);
static bool read_string(Reader *reader, MlopsRange *range);
static bool malformed(Reader *reader, const char *what);

/*
 * Read the whole source as one object.
 */
bool
mlops_ubj_read(MlopsDocument *document)
{
	Reader		reader = {document, 0};

	if (read_value(&reader, 0) == MLOPS_VALUE_NONE)
		return false;
	if (reader.at != document->size)
		return malformed(&reader, "bytes after the end");
	return true;
}

/*
 * Fail with the place; always false.
 */
static bool
malformed(Reader *reader, const char *what)
{
	return mlops_forest_fail(reader->document->err,
							 "malformed UBJ at byte %zu: %s",
							 reader->at, what);
}

/*
 * Read one value with its marker.  Returns its node, MLOPS_VALUE_NONE on
 * error.
 */
static uint32_t
read_value(Reader *reader, unsigned depth)
{
	MlopsDocument *document = reader->document;
	uint32_t	node;
	char		marker;

	if (reader->at >= document->size)
	{
		malformed(reader, "unexpected end");
		return MLOPS_VALUE_NONE;
	}
	if (depth > MLOPS_VALUE_MAX_DEPTH)
	{
		malformed(reader, "nested too deep");
		return MLOPS_VALUE_NONE;
	}
	marker = document->source[reader->at++];
	switch (marker)
	{
		case '{':
			return read_object(reader, depth);
		case '[':
			return read_array(reader, depth);
		case 'Z':
			return mlops_document_add(document, MLOPS_VALUE_NULL);
		case 'S':
			node = mlops_document_add(document, MLOPS_VALUE_STRING);
			if (node == MLOPS_VALUE_NONE ||
				!read_string(reader, &document->nodes[node].data))
				return MLOPS_VALUE_NONE;
			return node;
	}
	return read_number(reader, marker);
}

/*
 * Read an object after its brace, and check that its keys are unique.
 */
static uint32_t
read_object(Reader *reader, unsigned depth)
{
	uint32_t	object = mlops_document_add(reader->document,
											MLOPS_VALUE_OBJECT);

	if (object == MLOPS_VALUE_NONE ||
		!read_members(reader, object, depth) ||
		!mlops_document_unique_keys(reader->document, object))
		return MLOPS_VALUE_NONE;
	return object;
}

/*
 * Read members up to and including the closing brace.
 */
static bool
read_members(Reader *reader, uint32_t object, unsigned depth)
{
	MlopsDocument *document = reader->document;
	uint32_t	last = MLOPS_VALUE_NONE;

	for (;;)
	{
		MlopsRange	key;
		uint32_t	node;

		if (reader->at >= document->size)
			return malformed(reader, "unexpected end");
		if (document->source[reader->at] == '}')
		{
			reader->at++;
			return true;
		}
		if (!read_string(reader, &key))
			return false;
		node = read_value(reader, depth + 1);
		if (node == MLOPS_VALUE_NONE)
			return false;
		document->nodes[node].key = key;
		if (last == MLOPS_VALUE_NONE)
			document->nodes[object].child = node;
		else
			document->nodes[last].next = node;
		last = node;
		document->nodes[object].count++;
	}
}

/*
 * Read an array after its bracket.
 */
static uint32_t
read_array(Reader *reader, unsigned depth)
{
	MlopsDocument *document = reader->document;
	uint32_t	array = mlops_document_add(document, MLOPS_VALUE_NUMBERS);
	uint64_t	count = 0;
	bool		counted = false;

	if (array == MLOPS_VALUE_NONE)
		return MLOPS_VALUE_NONE;
	if (reader->at < document->size && document->source[reader->at] == '$')
		return read_typed(reader, array) ? array : MLOPS_VALUE_NONE;
	if (reader->at < document->size && document->source[reader->at] == '#')
	{
		reader->at++;
		counted = true;
		if (!read_length(reader, &count))
			return MLOPS_VALUE_NONE;
	}
	if (!read_elements(reader, array, counted, count, depth))
		return MLOPS_VALUE_NONE;
	return array;
}

/*
 * Read the elements of an untyped array, to the closing bracket if it is not
 * counted.  Numbers stay in the source: nodes made for them are dropped.
 */
static bool
read_elements(Reader *reader, uint32_t array, bool counted, uint64_t count,
			  unsigned depth)
{
	MlopsDocument *document = reader->document;
	size_t		start = reader->at;
	size_t		end;
	uint32_t	last = MLOPS_VALUE_NONE;
	uint32_t	n = 0;
	bool		numbers = true;

	while (!counted || n < count)
	{
		uint32_t	node;
		bool		number;

		if (reader->at >= document->size)
			return malformed(reader, "unexpected end");
		if (!counted && document->source[reader->at] == ']')
			break;
		node = read_value(reader, depth + 1);
		if (node == MLOPS_VALUE_NONE)
			return false;
		number = document->nodes[node].kind == MLOPS_VALUE_NUMBER;
		if (n > 0 && number != numbers)
			return malformed(reader, "array of numbers and other things");
		numbers = number;
		if (number)
			document->n_nodes--;
		else if (last == MLOPS_VALUE_NONE)
			document->nodes[array].child = node;
		else
			document->nodes[last].next = node;
		last = node;
		n++;
	}
	end = reader->at;
	if (!counted)
		reader->at++;
	document->nodes[array].count = n;
	document->nodes[array].form = MLOPS_FORM_UBJ;
	document->nodes[array].data.offset = start;
	document->nodes[array].data.length = end - start;
	if (!numbers)
		document->nodes[array].kind = MLOPS_VALUE_ARRAY;
	return true;
}

/*
 * Read an array of numbers of one type, from its dollar sign on.
 */
static bool
read_typed(Reader *reader, uint32_t array)
{
	MlopsDocument *document = reader->document;
	MlopsValue *node = &document->nodes[array];
	const unsigned char *head = document->source + reader->at;
	uint64_t	count;
	size_t		width;

	if (document->size - reader->at < 3 || head[2] != '#')
		return malformed(reader, "typed array without count");
	width = mlops_ubj_width(head[1]);
	if (width == 0)
		return malformed(reader, "unknown array type");
	reader->at += 3;
	if (!read_length(reader, &count))
		return false;
	if (count > (document->size - reader->at) / width)
		return malformed(reader, "array is longer than the input");
	node->form = MLOPS_FORM_TYPED;
	node->marker = head[1];
	node->count = count;
	node->data.offset = reader->at;
	node->data.length = count * width;
	reader->at += count * width;
	return true;
}

/*
 * Read one number or boolean after its marker; the node's range includes the
 * marker.
 */
static uint32_t
read_number(Reader *reader, char marker)
{
	MlopsDocument *document = reader->document;
	size_t		width = mlops_ubj_width(marker);
	uint32_t	node;

	if (width == 0 && marker != 'T' && marker != 'F')
	{
		malformed(reader, "unknown type");
		return MLOPS_VALUE_NONE;
	}
	if (width > document->size - reader->at)
	{
		malformed(reader, "unexpected end");
		return MLOPS_VALUE_NONE;
	}
	node = mlops_document_add(document, MLOPS_VALUE_NUMBER);
	if (node == MLOPS_VALUE_NONE)
		return node;
	document->nodes[node].form = MLOPS_FORM_UBJ;
	document->nodes[node].data.offset = reader->at - 1;
	document->nodes[node].data.length = width + 1;
	reader->at += width;
	return node;
}

/*
 * Read a length: marker L and eight bytes.  It never exceeds what is left of
 * the input, as whatever it counts takes at least a byte.
 */
static bool
read_length(Reader *reader, uint64_t *length)
{
	MlopsDocument *document = reader->document;
	uint64_t	bits = 0;
	int			i;

	if (document->size - reader->at < 9 ||
		document->source[reader->at] != 'L')
		return malformed(reader, "length expected");
	for (i = 1; i <= 8; i++)
		bits = bits << 8 | document->source[reader->at + i];
	reader->at += 9;
	if (bits > document->size - reader->at)
		return malformed(reader, "longer than the input");
	*length = bits;
	return true;
}

/*
 * Read a string without marker: its length and UTF-8.
 */
static bool
read_string(Reader *reader, MlopsRange *range)
{
	uint64_t	length;

	if (!read_length(reader, &length))
		return false;
	if (!mlops_utf8_valid(reader->document->source + reader->at, length))
		return malformed(reader, "string is not UTF-8");
	range->offset = reader->at;
	range->length = length;
	range->side = 0;
	reader->at += length;
	return true;
}
