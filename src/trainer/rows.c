/*
 * rows.c
 *		The matrix: mapped, checked, and gathered by role.
 *
 * Everything about the layout is checked against the size that the memfd
 * really has, which cannot shrink, for it is sealed.  The blocks are mapped
 * read only; only the output region can be written.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trainer/worker.h"

#define MAX_ROWS			(UINT64_C(1) << 40)
#define MAX_ROWS_PER_BLOCK	(UINT32_C(1) << 26)

/* What mlops_rows_check() may find, as bits. */
#define BAD_ROLE		1u
#define BAD_FEATURE		2u
#define BAD_CATEGORY	4u
#define BAD_GROUP		8u
#define BAD_MARGIN		16u

static bool check_layout(const MlopsMatrixLayout *layout, uint64_t size,
						 uint64_t *n_blocks);
static bool check_array(const MlopsMatrixLayout *layout, uint64_t offset,
						uint64_t width, uint64_t align, bool required);
static bool check_output(const MlopsMatrixLayout *layout, uint64_t size,
						 uint64_t blocks_size);
static unsigned check_block(const MlopsRows *rows, uint64_t block,
							const bool *categorical, uint64_t *count);
static unsigned check_row(const float *features, uint32_t n_features,
						  const bool *categorical);
static unsigned check_info(const MlopsRows *rows, uint64_t block);
static bool reserve(MlopsBatch *batch, const MlopsRows *rows,
					uint64_t n_rows);
static void pack(const MlopsRows *rows, uint64_t block, unsigned roles,
				 MlopsBatch *batch);

/*
 * Map the matrix as layout says, instead of what was mapped before.
 */
bool
mlops_rows_map(MlopsRows *rows, const MlopsMatrixLayout *layout)
{
	struct stat status;
	void	   *map;

	mlops_rows_unmap(rows);
	if (fstat(MLOPS_TRAINER_MATRIX, &status) != 0 || status.st_size < 0)
		return mlops_fail("there is no matrix");
	if (!check_layout(layout, (uint64_t) status.st_size, &rows->n_blocks))
		return false;
	rows->layout = *layout;
	if (layout->n_rows == 0)
		return true;

	rows->blocks_size = rows->n_blocks * layout->block_bytes;
	map = mmap(NULL, rows->blocks_size, PROT_READ, MAP_SHARED | MAP_POPULATE,
			   MLOPS_TRAINER_MATRIX, 0);
	if (map == MAP_FAILED)
		return mlops_fail("could not map the matrix");
	rows->blocks = map;
	if (layout->output_offset != 0)
	{
		rows->output_size = layout->n_rows * layout->n_outputs *
			sizeof(float);
		map = mmap(NULL, rows->output_size, PROT_READ | PROT_WRITE,
				   MAP_SHARED, MLOPS_TRAINER_MATRIX,
				   (off_t) layout->output_offset);
		if (map == MAP_FAILED)
			return mlops_fail("could not map the matrix");
		rows->output = map;
	}
	return true;
}

/*
 * Unmap, if mapped.
 */
void
mlops_rows_unmap(MlopsRows *rows)
{
	if (rows->blocks != NULL)
		munmap(rows->blocks, rows->blocks_size);
	if (rows->output != NULL)
		munmap(rows->output, rows->output_size);
	memset(rows, 0, sizeof(*rows));
}

/*
 * Look at every row that is not left out: roles are known, features are
 * numbers or NaN but not infinite (a binned matrix and the model's trees
 * would not agree about those), codes of categories are whole and small (the
 * library makes a bin for each up to the largest), groups stand together, base
 * margins are finite.  Counts the roles.
 */
bool
mlops_rows_check(MlopsRows *rows, const MlopsJob *job)
{
	uint32_t	n_features = rows->layout.n_features;
	bool	   *categorical = calloc(n_features, sizeof(bool));
	uint64_t	train = 0;
	uint64_t	validation = 0;
	uint64_t	test = 0;
	unsigned	bad = 0;

	if (categorical == NULL)
		return mlops_fail("out of memory");
	for (uint32_t i = 0; i < n_features; i++)
		categorical[i] = job->feature_types[i][0] == 'c';

#pragma omp parallel for schedule(dynamic) \
	reduction(+:train, validation, test) reduction(|:bad)
	for (uint64_t block = 0; block < rows->n_blocks; block++)
	{
		uint64_t	count[3] = {0, 0, 0};

		bad |= check_block(rows, block, categorical, count) |
			check_info(rows, block);
		train += count[MLOPS_ROLE_TRAIN];
		validation += count[MLOPS_ROLE_VALIDATION];
		test += count[MLOPS_ROLE_TEST];
	}
	free(categorical);

	rows->count[MLOPS_ROLE_TRAIN] = train;
	rows->count[MLOPS_ROLE_VALIDATION] = validation;
	rows->count[MLOPS_ROLE_TEST] = test;
	if (bad & BAD_ROLE)
		return mlops_fail("a row has an unknown role");
	if (bad & BAD_FEATURE)
		return mlops_fail("a feature has an infinite value");
	if (bad & BAD_CATEGORY)
		return mlops_fail("a category's code is not a whole number below %d",
						  MLOPS_MAX_CATEGORY);
	if (bad & BAD_GROUP)
		return mlops_fail("rows are not in the order of their groups");
	if (bad & BAD_MARGIN)
		return mlops_fail("a base margin is not a finite number");
	return true;
}

/*
 * How many rows have one of the roles; after mlops_rows_check().
 */
uint64_t
mlops_rows_count(const MlopsRows *rows, unsigned roles)
{
	uint64_t	n_rows = 0;

	for (int role = 0; role < 3; role++)
		n_rows += (roles >> role & 1) ? rows->count[role] : 0;
	return n_rows;
}

/*
 * How many rows a block holds: rows_per_block, or less in the last one.
 */
uint64_t
mlops_rows_in_block(const MlopsRows *rows, uint64_t block)
{
	uint64_t	first = block * rows->layout.rows_per_block;
	uint64_t	rest = rows->layout.n_rows - first;

	return rest < rows->layout.rows_per_block ?
		rest : rows->layout.rows_per_block;
}

/*
 * The roles of a block's rows.
 */
const uint8_t *
mlops_rows_roles(const MlopsRows *rows, uint64_t block)
{
	return (const uint8_t *) rows->blocks +
		block * rows->layout.block_bytes + rows->layout.role_offset;
}

/*
 * The rows of a block that have one of the roles: in place if all have, else
 * packed into the batch's buffer, which the next call overwrites.
 */
bool
mlops_rows_batch(const MlopsRows *rows, uint64_t block, unsigned roles,
				 MlopsBatch *batch)
{
	const MlopsMatrixLayout *layout = &rows->layout;
	const char *start = rows->blocks + block * layout->block_bytes;
	const uint8_t *role = mlops_rows_roles(rows, block);
	uint64_t	n_rows = mlops_rows_in_block(rows, block);
	uint64_t	n_found = 0;

	for (uint64_t i = 0; i < n_rows; i++)
		n_found += role[i] < 32 && (roles >> role[i] & 1);

	if (n_found == n_rows)
	{
		batch->n_rows = n_rows;
		batch->features = (const float *) start;
		batch->label = (const float *) (start + layout->label_offset);
		batch->weight = layout->weight_offset != 0 ?
			(const float *) (start + layout->weight_offset) : NULL;
		batch->margin = layout->margin_offset != 0 ?
			(const float *) (start + layout->margin_offset) : NULL;
		return true;
	}
	if (!reserve(batch, rows, layout->rows_per_block))
		return false;
	pack(rows, block, roles, batch);
	return true;
}

/*
 * All rows that have one of the roles, packed.
 */
bool
mlops_rows_pack(const MlopsRows *rows, unsigned roles, MlopsBatch *all)
{
	if (!reserve(all, rows, mlops_rows_count(rows, roles)))
		return false;
	for (uint64_t block = 0; block < rows->n_blocks; block++)
		pack(rows, block, roles, all);
	return true;
}

/*
 * An array with the width numbers of 4 bytes that stand at offset for each
 * row of the roles; *column is malloc'd.
 */
bool
mlops_rows_column(const MlopsRows *rows, unsigned roles, uint64_t offset,
				  uint32_t width, uint32_t **column)
{
	uint64_t	n_rows = mlops_rows_count(rows, roles);
	uint32_t   *to = calloc(n_rows > 0 ? n_rows : 1, width * sizeof(uint32_t));

	*column = to;
	if (to == NULL)
		return mlops_fail("out of memory");
	for (uint64_t block = 0; block < rows->n_blocks; block++)
	{
		const uint32_t *from = (const uint32_t *)
			(rows->blocks + block * rows->layout.block_bytes + offset);
		const uint8_t *role = mlops_rows_roles(rows, block);
		uint64_t	n = mlops_rows_in_block(rows, block);

		for (uint64_t i = 0; i < n; i++)
		{
			if (role[i] >= 32 || !(roles >> role[i] & 1))
				continue;
			memcpy(to, from + i * width, width * sizeof(uint32_t));
			to += width;
		}
	}
	return true;
}

/*
 * Free a batch's buffer; the batch can be used again.
 */
void
mlops_batch_free(MlopsBatch *batch)
{
	free(batch->buffer);
	memset(batch, 0, sizeof(*batch));
}

/*
 * Does a memfd of size bytes hold what layout says?
 */
static bool
check_layout(const MlopsMatrixLayout *layout, uint64_t size,
			 uint64_t *n_blocks)
{
	uint64_t	page = (uint64_t) sysconf(_SC_PAGESIZE);

	if (layout->n_features < 1 || layout->n_features > MLOPS_MAX_FEATURES ||
		layout->rows_per_block < 1 ||
		layout->rows_per_block > MAX_ROWS_PER_BLOCK ||
		layout->n_rows > MAX_ROWS ||
		layout->block_bytes == 0 || layout->block_bytes % page != 0)
		return mlops_fail("layout of the matrix is out of range");
	*n_blocks = layout->n_rows / layout->rows_per_block +
		(layout->n_rows % layout->rows_per_block != 0);
	if (*n_blocks > size / layout->block_bytes)
		return mlops_fail("matrix is smaller than its layout");
	if (layout->features_offset != 0 ||
		!check_array(layout, layout->features_offset,
					 layout->n_features * sizeof(float), 4, false) ||
		!check_array(layout, layout->label_offset, 4, 4, true) ||
		!check_array(layout, layout->weight_offset, 4, 4, false) ||
		!check_array(layout, layout->time_offset, 8, 8, false) ||
		!check_array(layout, layout->upper_offset, 4, 4, false) ||
		!check_array(layout, layout->group_offset, 4, 4, false) ||
		layout->n_margins > MLOPS_MAX_OUTPUTS ||
		(layout->n_margins > 0) != (layout->margin_offset > 0) ||
		!check_array(layout, layout->margin_offset,
					 layout->n_margins * sizeof(float), 4, false) ||
		!check_array(layout, layout->role_offset, 1, 1, true))
		return mlops_fail("an array is outside of its block");
	return check_output(layout, size, *n_blocks * layout->block_bytes);
}

/*
 * Does an array of rows_per_block elements, width bytes each, lie in a block?
 */
static bool
check_array(const MlopsMatrixLayout *layout, uint64_t offset, uint64_t width,
			uint64_t align, bool required)
{
	if (required && offset == 0)
		return false;
	return offset <= layout->block_bytes && offset % align == 0 &&
		layout->rows_per_block * width <= layout->block_bytes - offset;
}

/*
 * Does the output region, if there is one, lie behind the blocks and end
 * before the memfd does?
 */
static bool
check_output(const MlopsMatrixLayout *layout, uint64_t size,
			 uint64_t blocks_size)
{
	uint64_t	page = (uint64_t) sysconf(_SC_PAGESIZE);

	if (layout->output_offset == 0)
		return true;
	if (layout->n_outputs < 1 || layout->n_outputs > MLOPS_MAX_OUTPUTS ||
		layout->output_offset < blocks_size ||
		layout->output_offset > size || layout->output_offset % page != 0 ||
		layout->n_rows >
		(size - layout->output_offset) / sizeof(float) / layout->n_outputs)
		return mlops_fail("output region is outside of the matrix");
	return true;
}

/*
 * Check one block and count its roles.  Returns BAD_ bits.
 */
static unsigned
check_block(const MlopsRows *rows, uint64_t block, const bool *categorical,
			uint64_t *count)
{
	uint32_t	n_features = rows->layout.n_features;
	const float *features = (const float *) (rows->blocks +
											 block * rows->layout.block_bytes);
	const uint8_t *role = mlops_rows_roles(rows, block);
	uint64_t	n_rows = mlops_rows_in_block(rows, block);
	unsigned	bad = 0;

	for (uint64_t i = 0; i < n_rows; i++)
	{
		if (role[i] == MLOPS_ROLE_NONE)
			continue;
		if (role[i] > MLOPS_ROLE_TEST)
			return BAD_ROLE;
		count[role[i]]++;
		bad |= check_row(features + i * n_features, n_features, categorical);
	}
	return bad;
}

/*
 * Check groups and base margins of one block, and that its groups follow on
 * those of the block before.  Returns BAD_ bits.
 */
static unsigned
check_info(const MlopsRows *rows, uint64_t block)
{
	const MlopsMatrixLayout *layout = &rows->layout;
	const char *start = rows->blocks + block * layout->block_bytes;
	const uint32_t *group = (const uint32_t *) (start + layout->group_offset);
	const float *margin = (const float *) (start + layout->margin_offset);
	const uint8_t *role = mlops_rows_roles(rows, block);
	uint64_t	n_rows = mlops_rows_in_block(rows, block);
	uint64_t	width = layout->n_margins;
	unsigned	bad = 0;

	if (layout->group_offset != 0)
	{
		if (block > 0 && group[0] < *(const uint32_t *)
			((const char *) (group + layout->rows_per_block - 1) -
			 layout->block_bytes))
			bad |= BAD_GROUP;
		for (uint64_t i = 1; i < n_rows; i++)
			bad |= group[i] < group[i - 1] ? BAD_GROUP : 0;
	}
	if (layout->margin_offset != 0)
	{
		/* false for NaN and infinities alike */
		for (uint64_t i = 0; i < n_rows * width; i++)
			if (role[i / width] != MLOPS_ROLE_NONE &&
				!(margin[i] - margin[i] == 0))
				bad |= BAD_MARGIN;
	}
	return bad;
}

/*
 * Check one row's features.  Returns BAD_ bits.
 */
static unsigned
check_row(const float *features, uint32_t n_features,
		  const bool *categorical)
{
	unsigned	bad = 0;

	for (uint32_t i = 0; i < n_features; i++)
	{
		float		value = features[i];

		/* false for NaN, true for both infinities */
		if (value - value != 0 && value == value)
			bad |= BAD_FEATURE;
		if (categorical[i] && value == value &&
			!(value >= 0 && value < MLOPS_MAX_CATEGORY &&
			  value == (float) (int) value))
			bad |= BAD_CATEGORY;
	}
	return bad;
}

/*
 * Make room for n_rows and start packing at the first.
 */
static bool
reserve(MlopsBatch *batch, const MlopsRows *rows, uint64_t n_rows)
{
	uint32_t	n_margins = rows->layout.margin_offset != 0 ?
		rows->layout.n_margins : 0;
	size_t		width = rows->layout.n_features + 2 + n_margins;
	size_t		size;

	if (__builtin_mul_overflow(n_rows, width * sizeof(float), &size))
		return mlops_fail("out of memory");
	if (batch->buffer == NULL || batch->buffer_size < size)
	{
		free(batch->buffer);
		batch->buffer_size = size;
		batch->buffer = malloc(size > 0 ? size : 1);
		if (batch->buffer == NULL)
			return mlops_fail("out of memory");
	}
	batch->n_rows = 0;
	batch->features = batch->buffer;
	batch->label = batch->buffer + n_rows * rows->layout.n_features;
	batch->weight = rows->layout.weight_offset != 0 ?
		batch->label + n_rows : NULL;
	batch->margin = n_margins > 0 ? batch->label + 2 * n_rows : NULL;
	return true;
}

/*
 * Append a block's rows of the given roles, a run of them at a time, to a
 * batch with room for them.
 */
static void
pack(const MlopsRows *rows, uint64_t block, unsigned roles, MlopsBatch *batch)
{
	const MlopsMatrixLayout *layout = &rows->layout;
	const char *start = rows->blocks + block * layout->block_bytes;
	const float *features = (const float *) start;
	const float *label = (const float *) (start + layout->label_offset);
	const float *weight = (const float *) (start + layout->weight_offset);
	const uint8_t *role = mlops_rows_roles(rows, block);
	const float *margin = (const float *) (start + layout->margin_offset);
	uint64_t	n_rows = mlops_rows_in_block(rows, block);
	uint32_t	width = layout->n_features;
	uint32_t	n_margins = layout->n_margins;

	for (uint64_t i = 0; i < n_rows;)
	{
		uint64_t	first = i;
		uint64_t	to = batch->n_rows;
		uint64_t	run;

		while (i < n_rows && role[i] < 32 && (roles >> role[i] & 1))
			i++;
		run = i - first;
		if (run == 0)
		{
			i++;
			continue;
		}
		memcpy((float *) batch->features + to * width,
			   features + first * width, run * width * sizeof(float));
		memcpy((float *) batch->label + to, label + first,
			   run * sizeof(float));
		if (batch->weight != NULL)
			memcpy((float *) batch->weight + to, weight + first,
				   run * sizeof(float));
		if (batch->margin != NULL)
			memcpy((float *) batch->margin + to * n_margins,
				   margin + first * n_margins,
				   run * n_margins * sizeof(float));
		batch->n_rows += run;
	}
}
