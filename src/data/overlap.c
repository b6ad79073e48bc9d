/*
 * overlap.c
 *		Do training and test share keys, or whole rows?
 *
 * A sample of hashes is kept while rows are read: all rows of those hashes
 * whose lowest bits are zero.  When it is full another bit is asked for, and
 * half of them go.  So what is in the sample is there with all of its rows,
 * and shares of hashes in it are shares of all.
 */
#include "postgres.h"

#include "data/overlap.h"

#define MAX_ENTRIES		65536

typedef struct Entry
{
	uint64		hash;
	uint64		row;
	uint8		role;
} Entry;

struct MlopsHashSample
{
	uint64		mask;
	int			n;
	Entry		entries[MAX_ENTRIES];
};

static void thin_out(MlopsHashSample *sample);
static int	compare_hashes(const void *a, const void *b);

MlopsHashSample *
mlops_overlap_create(void)
{
	MlopsHashSample *sample = palloc(sizeof(MlopsHashSample));

	sample->mask = 0;
	sample->n = 0;
	return sample;
}

void
mlops_overlap_add(MlopsHashSample *sample, uint64 hash, uint64 row)
{
	hash = mlops_hash_mix(hash);
	if ((hash & sample->mask) != 0)
		return;
	if (sample->n == MAX_ENTRIES)
		thin_out(sample);
	/* one hash of very many rows may fill it; it stands for itself then */
	if (sample->n == MAX_ENTRIES || (hash & sample->mask) != 0)
		return;
	sample->entries[sample->n].hash = hash;
	sample->entries[sample->n].row = row;
	sample->n++;
}

void
mlops_overlap_count(MlopsHashSample *sample, MlopsMatrix *matrix,
					MlopsOverlap *overlap)
{
	Entry	   *entries = sample->entries;

	memset(overlap, 0, sizeof(MlopsOverlap));
	/* they are in the order of rows until they are sorted */
	for (int i = 0; i < sample->n; i++)
	{
		uint64		at = mlops_matrix_seek(matrix, entries[i].row);

		entries[i].role = mlops_matrix_role(matrix)[at];
	}
	qsort(entries, sample->n, sizeof(Entry), compare_hashes);
	overlap->n_rows = sample->n;
	for (int i = 0; i < sample->n;)
	{
		uint64		hash = entries[i].hash;
		bool		trains = false;
		bool		tests = false;

		for (; i < sample->n && entries[i].hash == hash; i++)
		{
			trains |= entries[i].role == MLOPS_ROLE_TRAIN;
			tests |= entries[i].role == MLOPS_ROLE_TEST;
		}
		overlap->n_distinct++;
		overlap->n_test += tests;
		overlap->n_both += tests && trains;
	}
}

/*
 * Ask for one bit more, and let go what does not have it.
 */
static void
thin_out(MlopsHashSample *sample)
{
	int			n = 0;

	sample->mask = sample->mask << 1 | 1;
	for (int i = 0; i < sample->n; i++)
		if ((sample->entries[i].hash & sample->mask) == 0)
			sample->entries[n++] = sample->entries[i];
	sample->n = n;
}

/*
 * qsort() comparator of entries.
 */
static int
compare_hashes(const void *a, const void *b)
{
	const Entry *left = a;
	const Entry *right = b;

	if (left->hash != right->hash)
		return left->hash < right->hash ? -1 : 1;
	return left->row < right->row ? -1 : left->row > right->row;
}
