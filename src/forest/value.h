/*
 * value.h
 *		The document tree that the JSON and UBJ readers build.
 *
 * A document keeps the input where it is: strings are ranges of the source
 * (or, where a JSON string had escapes, of one side buffer), and an array of
 * numbers is a range of the source that is read again through an iterator.
 * Only objects, strings, single numbers and arrays of such cost a node, so
 * memory stays a small multiple of the input whatever the input is.  Nodes
 * refer to each other by index; node 0 is the root.
 *
 * The source must outlive the document.  mlops_document_free() frees the rest.
 */
#ifndef MLOPS_FOREST_VALUE_H
#define MLOPS_FOREST_VALUE_H

#include "forest/forest.h"

/* Containers may be nested this deep; a model needs nine. */
#define MLOPS_VALUE_MAX_DEPTH 16

/* "No node", as a link between nodes. */
#define MLOPS_VALUE_NONE UINT32_MAX

typedef enum MlopsValueKind
{
	MLOPS_VALUE_OBJECT,
	MLOPS_VALUE_ARRAY,			/* of anything but numbers and booleans */
	MLOPS_VALUE_NUMBERS,		/* array of numbers and booleans */
	MLOPS_VALUE_STRING,
	MLOPS_VALUE_NUMBER,			/* one number or boolean */
	MLOPS_VALUE_NULL
} MlopsValueKind;

/* How the elements of a number array, or one number, lie in the source. */
typedef enum MlopsNumberForm
{
	MLOPS_FORM_JSON,			/* JSON text, separated by commas */
	MLOPS_FORM_UBJ,				/* UBJ, a type marker before each */
	MLOPS_FORM_TYPED			/* UBJ, all of the type in marker */
} MlopsNumberForm;

/* A range of the source or, if side is set, of the side buffer. */
typedef struct MlopsRange
{
	uint32_t	offset;
	uint32_t	length:31;
	uint32_t	side:1;
} MlopsRange;

/* One node; key is meaningful for members of an object. */
typedef struct MlopsValue
{
	uint8_t		kind;			/* MlopsValueKind */
	uint8_t		form;			/* MlopsNumberForm */
	char		marker;			/* of MLOPS_FORM_TYPED */
	uint32_t	next;			/* next sibling */
	uint32_t	child;			/* first member or element */
	uint32_t	count;			/* members or elements */
	MlopsRange	key;
	MlopsRange	data;			/* string, number or numbers */
} MlopsValue;

typedef struct MlopsDocument
{
	const unsigned char *source;
	size_t		size;
	MlopsValue *nodes;
	uint32_t	n_nodes;
	uint32_t	capacity;
	unsigned char *side;		/* decoded strings */
	size_t		side_size;
	size_t		side_capacity;
	MlopsForestError *err;
} MlopsDocument;

/* One number out of a number array. */
typedef enum MlopsNumberKind
{
	MLOPS_NUMBER_INTEGER,
	MLOPS_NUMBER_FLOAT,
	MLOPS_NUMBER_BOOLEAN
} MlopsNumberKind;

typedef struct MlopsNumber
{
	MlopsNumberKind kind;
	int64_t		integer;		/* of integers and booleans */
	float		real;			/* nearest float32, of any kind */
} MlopsNumber;

typedef struct MlopsNumberIterator
{
	const unsigned char *at;
	const unsigned char *end;
	uint32_t	left;			/* elements still to come */
	uint8_t		form;
	char		marker;
} MlopsNumberIterator;

/*
 * Set the message of err from a printf format; always false, so that a check
 * can return it.
 */
extern bool mlops_forest_fail(MlopsForestError *err, const char *format,...)
			__attribute__((format(printf, 2, 3)));

/*
 * Read a whole document, JSON or UBJ by its first bytes.  False with err set
 * if it is malformed; document is then empty.
 */
extern bool mlops_document_read(MlopsDocument *document, const void *data,
								size_t size, MlopsForestError *err);
extern void mlops_document_free(MlopsDocument *document);

/* The two readers; each consumes the whole source of the document. */
extern bool mlops_json_read(MlopsDocument *document);
extern bool mlops_ubj_read(MlopsDocument *document);

/* For readers: a new node, MLOPS_VALUE_NONE with err set if out of memory. */
extern uint32_t mlops_document_add(MlopsDocument *document,
								   MlopsValueKind kind);

/* For readers: are these bytes UTF-8 without NUL? */
extern bool mlops_utf8_valid(const unsigned char *text, size_t length);

/* For readers: no two members of the object have the same key. */
extern bool mlops_document_unique_keys(MlopsDocument *document,
									   uint32_t object);

/*
 * For readers: decode the JSON number at text, of at most limit bytes, whose
 * syntax was checked before.  Returns its length, 0 if it is out of range.
 */
extern size_t mlops_json_number(const unsigned char *text, size_t limit,
								MlopsNumber *number);

/* Bytes of one UBJ number of this type, 0 if it is none. */
extern size_t mlops_ubj_width(char marker);

/* The bytes of a range. */
extern const char *mlops_document_text(const MlopsDocument *document,
									   MlopsRange range);

/* Does the string node (or NULL) hold exactly this text? */
extern bool mlops_value_is(const MlopsDocument *document,
						   const MlopsValue *value, const char *text);

/* Is the value the member of an object under exactly this key? */
extern bool mlops_value_has_key(const MlopsDocument *document,
								const MlopsValue *value, const char *key);

/* The member of an object, NULL if object is NULL, none or has no such. */
extern const MlopsValue *mlops_value_member(const MlopsDocument *document,
											const MlopsValue *object,
											const char *key);

/* First child and next sibling, NULL at the end. */
extern const MlopsValue *mlops_value_first(const MlopsDocument *document,
										   const MlopsValue *value);
extern const MlopsValue *mlops_value_next(const MlopsDocument *document,
										  const MlopsValue *value);

/* Walk the numbers of a MLOPS_VALUE_NUMBERS or MLOPS_VALUE_NUMBER node. */
extern void mlops_numbers_begin(const MlopsDocument *document,
								const MlopsValue *value,
								MlopsNumberIterator *iterator);
extern bool mlops_numbers_next(MlopsNumberIterator *iterator,
							   MlopsNumber *number);

#endif							/* MLOPS_FOREST_VALUE_H */
