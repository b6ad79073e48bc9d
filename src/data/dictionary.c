/*
 * dictionary.c
 *		Distinct byte strings and their codes.
 *
 * A hash table of the server's simplehash kind finds the code of a value; it
 * is keyed by the 64-bit hash that also enters the fingerprints, so that a
 * value is hashed once.  Bytes are compared, the hash alone never decides.
 */
#include "postgres.h"

#include "data/dictionary.h"
#include "math/hash.h"

typedef struct DictionaryKey
{
	const char *bytes;
	uint32		length;
	uint64		hash;
} DictionaryKey;

typedef struct DictionaryEntry
{
	DictionaryKey key;
	int			code;
	char		status;			/* of simplehash */
} DictionaryEntry;

#define SH_PREFIX dictionary
#define SH_ELEMENT_TYPE DictionaryEntry
#define SH_KEY_TYPE DictionaryKey
#define SH_KEY key
#define SH_HASH_KEY(tb, key) ((uint32) (key).hash)
#define SH_EQUAL(tb, a, b) \
	((a).hash == (b).hash && (a).length == (b).length && \
	 memcmp((a).bytes, (b).bytes, (a).length) == 0)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

#define INITIAL_VALUES	64

static DictionaryKey make_key(const char *bytes, int length);
static void store_value(MlopsDictionary *dictionary, DictionaryKey *key);

/*
 * An empty dictionary in the current memory context.
 */
MlopsDictionary *
mlops_dictionary_create(void)
{
	MlopsDictionary *dictionary = palloc0(sizeof(MlopsDictionary));

	dictionary->context = CurrentMemoryContext;
	dictionary->index = dictionary_create(CurrentMemoryContext,
										  INITIAL_VALUES, NULL);
	dictionary->max_values = INITIAL_VALUES;
	dictionary->values = palloc(sizeof(MlopsDictionaryValue) *
								INITIAL_VALUES);
	return dictionary;
}

int
mlops_dictionary_find(const MlopsDictionary *dictionary, const char *bytes,
					  int length)
{
	DictionaryEntry *entry = dictionary_lookup(dictionary->index,
											   make_key(bytes, length));

	return entry == NULL ? -1 : entry->code;
}

int
mlops_dictionary_add(MlopsDictionary *dictionary, const char *bytes,
					 int length)
{
	DictionaryKey key = make_key(bytes, length);
	DictionaryEntry *entry = dictionary_lookup(dictionary->index, key);
	bool		found;

	if (entry != NULL)
		return entry->code;
	if (dictionary->n_values == MLOPS_DICTIONARY_VALUES ||
		dictionary->n_bytes + length > MLOPS_DICTIONARY_BYTES)
		return -1;

	/* the copy first: an error in it must leave no entry behind */
	store_value(dictionary, &key);
	entry = dictionary_insert(dictionary->index, key, &found);
	Assert(!found);
	entry->code = dictionary->n_values - 1;
	return entry->code;
}

int
mlops_compare_bytes(const char *a, size_t a_length,
					const char *b, size_t b_length)
{
	int			order = memcmp(a, b, Min(a_length, b_length));

	if (order != 0 || a_length == b_length)
		return order;
	return a_length < b_length ? -1 : 1;
}

/*
 * The key that stands for a value; it points to the caller's bytes.
 */
static DictionaryKey
make_key(const char *bytes, int length)
{
	DictionaryKey key;

	key.bytes = bytes;
	key.length = length;
	key.hash = mlops_hash_bytes(bytes, length, 0);
	return key;
}

/*
 * Append a copy of the value under the next code, and let the key point to
 * the copy.
 */
static void
store_value(MlopsDictionary *dictionary, DictionaryKey *key)
{
	MlopsDictionaryValue *value;
	char	   *copy = MemoryContextAlloc(dictionary->context,
										  key->length + 1);

	memcpy(copy, key->bytes, key->length);
	copy[key->length] = '\0';
	if (dictionary->n_values == dictionary->max_values)
	{
		dictionary->values = repalloc(dictionary->values,
									  sizeof(MlopsDictionaryValue) *
									  dictionary->max_values * 2);
		dictionary->max_values *= 2;
	}
	value = &dictionary->values[dictionary->n_values++];
	value->bytes = copy;
	value->length = key->length;
	value->hash = key->hash;
	dictionary->n_bytes += key->length;
	key->bytes = copy;
}
