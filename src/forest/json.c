/*
 * json.c
 *		Strict reader of JSON (RFC 8259), for model files.
 *
 * Two things beyond the standard are read, because libxgboost writes them:
 * the bare words NaN and Infinity.  Where they may stand in a model is
 * checked there.  A general JSON library refuses them, and would make a node
 * of every number.
 */
#include <stdlib.h>
#include <string.h>

#include "forest/value.h"

typedef struct Reader
{
	MlopsDocument *document;
	const unsigned char *text;
	size_t		size;
	size_t		at;
} Reader;

static uint32_t read_value(Reader *reader, unsigned depth);
static uint32_t read_object(Reader *reader, unsigned depth);
static bool read_member(Reader *reader, uint32_t object, uint32_t *last,
						unsigned depth);
static uint32_t read_array(Reader *reader, unsigned depth);
static bool read_elements(Reader *reader, uint32_t array, unsigned depth);
static uint32_t read_number(Reader *reader);
static size_t number_length(const unsigned char *text, size_t limit);
static bool read_string(Reader *reader, MlopsRange *range);
static bool decode_string(Reader *reader, size_t end, MlopsRange *range);
static bool decode_escape(Reader *reader, size_t end, unsigned char **out);
static bool decode_unicode(Reader *reader, size_t end, unsigned *code);
static unsigned char *write_utf8(unsigned char *out, unsigned code);
static bool side_reserve(MlopsDocument *document, size_t length);
static int	peek(Reader *reader);
static bool malformed(Reader *reader, const char *what);

/*
 * Read the whole source as one value.
 */
bool
mlops_json_read(MlopsDocument *document)
{
	Reader		reader = {document, document->source, document->size, 0};

	if (read_value(&reader, 0) == MLOPS_VALUE_NONE)
		return false;
	if (peek(&reader) >= 0)
		return malformed(&reader, "text after the end");
	return true;
}

/*
 * Fail with the place; always false.
 */
static bool
malformed(Reader *reader, const char *what)
{
	return mlops_forest_fail(reader->document->err,
							 "malformed JSON at byte %zu: %s",
							 reader->at, what);
}

/*
 * Skip white space; the character after it, -1 at the end.
 */
static int
peek(Reader *reader)
{
	while (reader->at < reader->size)
	{
		int			c = reader->text[reader->at];

		if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
			return c;
		reader->at++;
	}
	return -1;
}

/*
 * Read one value.  Returns its node, MLOPS_VALUE_NONE on error.
 */
static uint32_t
read_value(Reader *reader, unsigned depth)
{
	MlopsDocument *document = reader->document;
	uint32_t	node;
	MlopsRange	range;

	if (depth > MLOPS_VALUE_MAX_DEPTH)
	{
		malformed(reader, "nested too deep");
		return MLOPS_VALUE_NONE;
	}
	switch (peek(reader))
	{
		case '{':
			return read_object(reader, depth);
		case '[':
			return read_array(reader, depth);
		case '"':
			if (!read_string(reader, &range))
				return MLOPS_VALUE_NONE;
			node = mlops_document_add(document, MLOPS_VALUE_STRING);
			if (node != MLOPS_VALUE_NONE)
				document->nodes[node].data = range;
			return node;
		case 'n':
			if (reader->size - reader->at < 4 ||
				memcmp(reader->text + reader->at, "null", 4) != 0)
				break;
			reader->at += 4;
			return mlops_document_add(document, MLOPS_VALUE_NULL);
		default:
			return read_number(reader);
	}
	malformed(reader, "unknown word");
	return MLOPS_VALUE_NONE;
}

/*
 * Read an object from its brace on, and check that its keys are unique.
 */
static uint32_t
read_object(Reader *reader, unsigned depth)
{
	MlopsDocument *document = reader->document;
	uint32_t	object = mlops_document_add(document, MLOPS_VALUE_OBJECT);
	uint32_t	last = MLOPS_VALUE_NONE;

	if (object == MLOPS_VALUE_NONE)
		return object;
	reader->at++;
	if (peek(reader) != '}')
	{
		do
		{
			if (!read_member(reader, object, &last, depth))
				return MLOPS_VALUE_NONE;
		} while (peek(reader) == ',' && ++reader->at);
	}
	if (peek(reader) != '}')
	{
		malformed(reader, "comma or closing brace expected");
		return MLOPS_VALUE_NONE;
	}
	reader->at++;
	if (!mlops_document_unique_keys(document, object))
		return MLOPS_VALUE_NONE;
	return object;
}

/*
 * Read one key and its value, and link it after *last.
 */
static bool
read_member(Reader *reader, uint32_t object, uint32_t *last, unsigned depth)
{
	MlopsDocument *document = reader->document;
	MlopsRange	key;
	uint32_t	node;

	if (peek(reader) != '"')
		return malformed(reader, "key expected");
	if (!read_string(reader, &key))
		return false;
	if (peek(reader) != ':')
		return malformed(reader, "colon expected");
	reader->at++;
	node = read_value(reader, depth + 1);
	if (node == MLOPS_VALUE_NONE)
		return false;
	document->nodes[node].key = key;
	if (*last == MLOPS_VALUE_NONE)
		document->nodes[object].child = node;
	else
		document->nodes[*last].next = node;
	*last = node;
	document->nodes[object].count++;
	return true;
}

/*
 * Read an array from its bracket on.
 */
static uint32_t
read_array(Reader *reader, unsigned depth)
{
	uint32_t	array = mlops_document_add(reader->document,
										   MLOPS_VALUE_NUMBERS);

	if (array == MLOPS_VALUE_NONE)
		return array;
	reader->at++;
	if (peek(reader) != ']' && !read_elements(reader, array, depth))
		return MLOPS_VALUE_NONE;
	if (peek(reader) != ']')
	{
		malformed(reader, "comma or closing bracket expected");
		return MLOPS_VALUE_NONE;
	}
	reader->at++;
	return array;
}

/*
 * Read the elements of an array that has some.  Numbers stay in the source:
 * the node made for one is dropped at once.
 */
static bool
read_elements(Reader *reader, uint32_t array, unsigned depth)
{
	MlopsDocument *document = reader->document;
	size_t		start = reader->at;
	uint32_t	last = MLOPS_VALUE_NONE;
	uint32_t	n = 0;
	bool		numbers = true;

	do
	{
		uint32_t	node = read_value(reader, depth + 1);
		bool		number;

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
	} while (peek(reader) == ',' && ++reader->at);
	document->nodes[array].count = n;
	document->nodes[array].form = MLOPS_FORM_JSON;
	document->nodes[array].data.offset = start;
	document->nodes[array].data.length = reader->at - start;
	if (!numbers)
		document->nodes[array].kind = MLOPS_VALUE_ARRAY;
	return true;
}

/*
 * Read a number, a boolean, NaN or an infinity.
 */
static uint32_t
read_number(Reader *reader)
{
	MlopsDocument *document = reader->document;
	size_t		limit = reader->size - reader->at;
	const unsigned char *text = reader->text + reader->at;
	size_t		length = number_length(text, limit);
	MlopsNumber number;
	uint32_t	node;

	/* One of the words, if it is no number. */
	if (length == 0 && limit > 0 && memchr("tfNI-", text[0], 5))
		length = mlops_json_number(text, limit, &number);
	else if (length > 0 && mlops_json_number(text, length, &number) != length)
		length = 0;
	if (length == 0)
	{
		malformed(reader, "value expected");
		return MLOPS_VALUE_NONE;
	}
	node = mlops_document_add(document, MLOPS_VALUE_NUMBER);
	if (node == MLOPS_VALUE_NONE)
		return node;
	document->nodes[node].form = MLOPS_FORM_JSON;
	document->nodes[node].data.offset = reader->at;
	document->nodes[node].data.length = length;
	reader->at += length;
	return node;
}

/*
 * The length of the number by JSON's grammar that starts here; 0 if none.
 */
static size_t
number_length(const unsigned char *text, size_t limit)
{
	size_t		i = 0;
	size_t		digits;
	int			part;

	if (i < limit && text[i] == '-')
		i++;
	digits = i;
	while (i < limit && text[i] >= '0' && text[i] <= '9')
		i++;
	if (i == digits || (text[digits] == '0' && i - digits > 1))
		return 0;
	for (part = 0; part < 2; part++)
	{
		if (i >= limit || (part == 0 ? text[i] != '.' :
						   text[i] != 'e' && text[i] != 'E'))
			continue;
		i++;
		if (part == 1 && i < limit && (text[i] == '+' || text[i] == '-'))
			i++;
		digits = i;
		while (i < limit && text[i] >= '0' && text[i] <= '9')
			i++;
		if (i == digits)
			return 0;
	}
	/* What follows must not be mistaken for a part of it. */
	if (i < limit && text[i] != 0 && strchr("+-.eE", text[i]))
		return 0;
	return i;
}

/*
 * Read a string from its quote on.  Without escapes it stays where it is.
 */
static bool
read_string(Reader *reader, MlopsRange *range)
{
	size_t		start = ++reader->at;
	size_t		i;
	bool		escapes = false;

	for (i = start; i < reader->size && reader->text[i] != '"'; i++)
	{
		if (reader->text[i] < 0x20)
			return malformed(reader, "control character in a string");
		if (reader->text[i] == '\\')
		{
			escapes = true;
			i++;
		}
	}
	if (i >= reader->size)
		return malformed(reader, "string without end");
	if (!mlops_utf8_valid(reader->text + start, i - start))
		return malformed(reader, "string is not UTF-8");
	if (escapes)
		return decode_string(reader, i, range);
	range->offset = start;
	range->length = i - start;
	range->side = 0;
	reader->at = i + 1;
	return true;
}

/*
 * Decode a string with escapes, up to its quote at end, into the side buffer.
 */
static bool
decode_string(Reader *reader, size_t end, MlopsRange *range)
{
	MlopsDocument *document = reader->document;
	unsigned char *out;

	/* An escape is never longer decoded than written. */
	if (!side_reserve(document, end - reader->at))
		return false;
	out = document->side + document->side_size;
	while (reader->at < end)
	{
		if (reader->text[reader->at] != '\\')
			*out++ = reader->text[reader->at++];
		else if (!decode_escape(reader, end, &out))
			return false;
	}
	range->offset = document->side_size;
	range->length = out - (document->side + document->side_size);
	range->side = 1;
	document->side_size = out - document->side;
	reader->at = end + 1;
	return true;
}

/*
 * Decode one escape from its backslash on, which is never the last byte.
 */
static bool
decode_escape(Reader *reader, size_t end, unsigned char **out)
{
	static const char names[] = "\"\\/bfnrt";
	static const char means[] = "\"\\/\b\f\n\r\t";
	int			c = reader->text[reader->at + 1];
	const char *name = c ? strchr(names, c) : NULL;
	unsigned	code;
	unsigned	low;

	if (name != NULL)
	{
		*(*out)++ = means[name - names];
		reader->at += 2;
		return true;
	}
	if (!decode_unicode(reader, end, &code) || code == 0 ||
		(code >= 0xDC00 && code <= 0xDFFF))
		return malformed(reader, "bad escape in a string");
	if (code >= 0xD800 && code <= 0xDBFF)
	{
		if (!decode_unicode(reader, end, &low) ||
			low < 0xDC00 || low > 0xDFFF)
			return malformed(reader, "half of a surrogate pair");
		code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
	}
	*out = write_utf8(*out, code);
	return true;
}

/*
 * Read \uXXXX into *code; false if it is none.
 */
static bool
decode_unicode(Reader *reader, size_t end, unsigned *code)
{
	const unsigned char *text = reader->text + reader->at;
	int			i;

	if (end - reader->at < 6 || text[0] != '\\' || text[1] != 'u')
		return false;
	*code = 0;
	for (i = 2; i < 6; i++)
	{
		int			c = text[i];

		*code <<= 4;
		if (c >= '0' && c <= '9')
			*code += c - '0';
		else if (c >= 'a' && c <= 'f')
			*code += c - 'a' + 10;
		else if (c >= 'A' && c <= 'F')
			*code += c - 'A' + 10;
		else
			return false;
	}
	reader->at += 6;
	return true;
}

/*
 * Write a code point as UTF-8; the place after it.
 */
static unsigned char *
write_utf8(unsigned char *out, unsigned code)
{
	if (code < 0x80)
	{
		*out++ = code;
		return out;
	}
	if (code < 0x800)
		*out++ = 0xC0 | code >> 6;
	else
	{
		if (code < 0x10000)
			*out++ = 0xE0 | code >> 12;
		else
		{
			*out++ = 0xF0 | code >> 18;
			*out++ = 0x80 | (code >> 12 & 0x3F);
		}
		*out++ = 0x80 | (code >> 6 & 0x3F);
	}
	*out++ = 0x80 | (code & 0x3F);
	return out;
}

/*
 * Make room for length more bytes in the side buffer.  All decoded strings
 * together are shorter than the source, so twice its size is never needed.
 */
static bool
side_reserve(MlopsDocument *document, size_t length)
{
	size_t		capacity = document->side_capacity;
	unsigned char *side;

	if (length <= capacity - document->side_size)
		return true;
	capacity = capacity + capacity / 2 + length + 64;
	side = realloc(document->side, capacity);
	if (side == NULL)
		return mlops_forest_fail(document->err, "out of memory");
	document->side = side;
	document->side_capacity = capacity;
	return true;
}
