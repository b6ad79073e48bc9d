/*
 * dictionary.h
 *		Distinct byte strings and their codes 0, 1, 2, ... in the order in
 *		which they came.
 *
 * Private to data/.  A dictionary lives in the memory context that was
 * current when it was created, with all that is added to it later.
 */
#ifndef MLOPS_DICTIONARY_H
#define MLOPS_DICTIONARY_H

/* What a dictionary holds at most: values, and bytes of all of them. */
#define MLOPS_DICTIONARY_VALUES	262144
#define MLOPS_DICTIONARY_BYTES	((size_t) 64 * 1024 * 1024)

typedef struct MlopsDictionaryValue
{
	char	   *bytes;			/* ends with a zero byte, not counted */
	uint32		length;
	uint64		hash;			/* mlops_hash_bytes() of them, seed 0 */
} MlopsDictionaryValue;

typedef struct MlopsDictionary
{
	struct dictionary_hash *index;
	MlopsDictionaryValue *values;	/* by code */
	int			n_values;
	int			max_values;		/* room in values */
	size_t		n_bytes;
	MemoryContext context;
} MlopsDictionary;

extern MlopsDictionary *mlops_dictionary_create(void);

/* The code of the value, or -1 if it is not there. */
extern int	mlops_dictionary_find(const MlopsDictionary *dictionary,
								  const char *bytes, int length);

/* The code of the value, which is added if new; -1 if there is no room. */
extern int	mlops_dictionary_add(MlopsDictionary *dictionary,
								 const char *bytes, int length);

/* Order of two byte strings: bytewise, a prefix before what it begins. */
extern int	mlops_compare_bytes(const char *a, size_t a_length,
								const char *b, size_t b_length);

#endif							/* MLOPS_DICTIONARY_H */
