/*
 * matrix.c
 *		The shared mapping that a source query is read into.
 *
 * The memfd is sealed against shrinking before anybody else gets it, so that
 * a trainer that cuts it cannot kill the backend with SIGBUS, and against
 * further seals, so that it cannot stop the backend from growing it.
 *
 * It grows by whole blocks.  Pages that are never written take no memory, but
 * count towards the limit.  One block of about BLOCK_TARGET bytes is mapped
 * at a time; predictions are copied out with pread(), not mapped.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/base.h"
#include "data/matrix.h"
#include "miscadmin.h"
#include "storage/fd.h"

#define BLOCK_TARGET	(4 * 1024 * 1024)
#define ROWS_ALIGN		64		/* rows per block: a multiple, and no fewer */
#define ARRAY_ALIGN		64		/* of each array in a block, bytes */
#define BLOCK_ALIGN		UINT64CONST(65536)	/* a multiple of any page size */

typedef struct MlopsMatrixGuard
{
	MemoryContextCallback callback;
	MlopsMatrix *matrix;
} MlopsMatrixGuard;

static uint64 place_array(uint64 *offset, bool wanted, uint64 bytes);
static void matrix_reset_callback(void *arg);
static void unmap_window(MlopsMatrix *matrix);
static uint64 n_blocks(const MlopsMatrix *matrix, uint64 rows);
static void grow(MlopsMatrix *matrix, uint64 size);
static void read_fully(MlopsMatrix *matrix, char *to, uint64 length,
					   uint64 offset);

MlopsMatrix *
mlops_matrix_create(uint64 max_size)
{
	MlopsMatrix *matrix = palloc0(sizeof(MlopsMatrix));
	MlopsMatrixGuard *guard = palloc0(sizeof(MlopsMatrixGuard));

	matrix->fd = -1;
	matrix->max_size = max_size;
	matrix->guard = guard;
	guard->matrix = matrix;
	guard->callback.func = matrix_reset_callback;
	guard->callback.arg = guard;
	MemoryContextRegisterResetCallback(CurrentMemoryContext,
									   &guard->callback);

	if (!AcquireExternalFD())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not create memory for training data: %m")));
	matrix->fd = memfd_create("mlops matrix",
							  MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (matrix->fd < 0)
	{
		int			save_errno = errno;

		ReleaseExternalFD();
		errno = save_errno;
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not create memory for training data: %m")));
	}
	if (fcntl(matrix->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_SYSTEM_ERROR),
				 errmsg("could not seal memory for training data: %m")));
	return matrix;
}

/*
 * Offsets of the arrays of a block that holds about BLOCK_TARGET bytes.  The
 * widest arrays come first; each starts on an ARRAY_ALIGN boundary because
 * rows_per_block is a multiple of ROWS_ALIGN.
 */
void
mlops_matrix_layout(MlopsMatrix *matrix, int n_features,
					const MlopsMatrixArrays *arrays)
{
	MlopsMatrixLayout *layout = &matrix->layout;
	uint64		row_bytes;
	uint64		rows;
	uint64		offset;

	if (matrix->layout.rows_per_block != 0)
		elog(ERROR, "matrix has a layout already");
	if (n_features < 1 || n_features > MLOPS_MAX_FEATURES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("number of features must be between 1 and %d",
						MLOPS_MAX_FEATURES)));

	row_bytes = sizeof(float) * n_features + sizeof(float) + sizeof(uint8) +
		(arrays->weight ? sizeof(float) : 0) +
		(arrays->event_time ? sizeof(int64) : 0) +
		(arrays->upper ? sizeof(float) : 0) +
		(arrays->group ? sizeof(uint32) : 0) +
		sizeof(float) * arrays->n_margins;
	rows = BLOCK_TARGET / row_bytes / ROWS_ALIGN * ROWS_ALIGN;
	rows = Max(rows, ROWS_ALIGN);

	layout->rows_per_block = (uint32) rows;
	layout->n_features = n_features;
	offset = TYPEALIGN64(ARRAY_ALIGN, rows * n_features * sizeof(float));
	layout->label_offset = offset;
	offset += rows * sizeof(float);
	layout->time_offset = place_array(&offset, arrays->event_time,
									  rows * sizeof(int64));
	layout->weight_offset = place_array(&offset, arrays->weight,
										rows * sizeof(float));
	layout->upper_offset = place_array(&offset, arrays->upper,
									   rows * sizeof(float));
	layout->group_offset = place_array(&offset, arrays->group,
									   rows * sizeof(uint32));
	layout->n_margins = arrays->n_margins;
	layout->margin_offset = place_array(&offset, arrays->n_margins > 0,
										rows * sizeof(float) *
										arrays->n_margins);
	layout->role_offset = offset;
	offset += rows * sizeof(uint8);
	layout->block_bytes = TYPEALIGN64(BLOCK_ALIGN, offset);
}

/*
 * The offset of an array that is wanted, which *offset then leaves behind; 0
 * of one that is not.
 */
static uint64
place_array(uint64 *offset, bool wanted, uint64 bytes)
{
	uint64		place = *offset;

	if (!wanted)
		return 0;
	*offset += bytes;
	return place;
}

uint64
mlops_matrix_seek(MlopsMatrix *matrix, uint64 row)
{
	uint64		block = row / matrix->layout.rows_per_block;
	uint64		at = row % matrix->layout.rows_per_block;
	void	   *window;

	if (at == 0)
		CHECK_FOR_INTERRUPTS();
	if (matrix->window != NULL && matrix->window_block == block)
		return at;
	if ((block + 1) * matrix->layout.block_bytes > matrix->size)
		elog(ERROR, "row " UINT64_FORMAT " is not in the matrix", row);
	unmap_window(matrix);
	window = mmap(NULL, matrix->layout.block_bytes, PROT_READ | PROT_WRITE,
				  MAP_SHARED, matrix->fd,
				  (off_t) (block * matrix->layout.block_bytes));
	if (window == MAP_FAILED)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not map training data: %m")));
	matrix->window = window;
	matrix->window_block = block;
	return at;
}

bool
mlops_matrix_next(MlopsMatrix *matrix, uint64 *first, uint64 *rows)
{
	*first += *rows;
	if (*first >= matrix->layout.n_rows)
		return false;
	*rows = Min(matrix->layout.n_rows - *first,
				matrix->layout.rows_per_block);
	(void) mlops_matrix_seek(matrix, *first);
	return true;
}

uint64
mlops_matrix_append(MlopsMatrix *matrix)
{
	uint64		row = matrix->layout.n_rows;

	if (matrix->layout.output_offset != 0)
		elog(ERROR, "matrix with predictions takes no more rows");
	if (row % matrix->layout.rows_per_block == 0)
		grow(matrix, (n_blocks(matrix, row) + 1) *
			 matrix->layout.block_bytes);
	matrix->layout.n_rows = row + 1;
	return mlops_matrix_seek(matrix, row);
}

/*
 * May be called again, with another n_outputs, for another training.
 */
void
mlops_matrix_add_outputs(MlopsMatrix *matrix, int n_outputs)
{
	MlopsMatrixLayout *layout = &matrix->layout;
	uint64		blocks = n_blocks(matrix, layout->n_rows);

	if (n_outputs < 1 || n_outputs > MLOPS_MAX_OUTPUTS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("number of outputs must be between 1 and %d",
						MLOPS_MAX_OUTPUTS)));
	if (layout->n_rows == 0)
		elog(ERROR, "matrix without rows has no predictions");
	grow(matrix, blocks * layout->block_bytes +
		 TYPEALIGN64(BLOCK_ALIGN, layout->n_rows * n_outputs * sizeof(float)));
	layout->output_offset = blocks * layout->block_bytes;
	layout->n_outputs = n_outputs;
}

uint64
mlops_matrix_outputs(MlopsMatrix *matrix, MlopsRole role, float *output)
{
	const MlopsMatrixLayout *layout = &matrix->layout;
	size_t		width = layout->n_outputs * sizeof(float);
	char	   *buffer = NULL;
	uint64		first = 0;
	uint64		rows = 0;
	uint64		count = 0;

	if (output != NULL)
	{
		if (layout->output_offset == 0)
			elog(ERROR, "matrix has no predictions");
		buffer = palloc_extended(layout->rows_per_block * width,
								 MCXT_ALLOC_HUGE);
	}
	while (mlops_matrix_next(matrix, &first, &rows))
	{
		const uint8 *roles = mlops_matrix_role(matrix);

		if (output != NULL)
			read_fully(matrix, buffer, rows * width,
					   layout->output_offset + first * width);
		for (uint64 i = 0; i < rows; i++)
		{
			if (roles[i] != role)
				continue;
			if (output != NULL)
				memcpy((char *) output + count * width, buffer + i * width,
					   width);
			count++;
		}
	}
	if (buffer != NULL)
		pfree(buffer);
	return count;
}

void
mlops_matrix_close(MlopsMatrix *matrix)
{
	unmap_window(matrix);
	if (matrix->fd >= 0)
	{
		close(matrix->fd);
		ReleaseExternalFD();
		matrix->fd = -1;
	}
}

/*
 * The matrix's memory goes: give back what is not memory of the context.
 */
static void
matrix_reset_callback(void *arg)
{
	mlops_matrix_close(((MlopsMatrixGuard *) arg)->matrix);
}

/*
 * Unmap the mapped block, if any.
 */
static void
unmap_window(MlopsMatrix *matrix)
{
	if (matrix->window == NULL)
		return;
	munmap(matrix->window, matrix->layout.block_bytes);
	matrix->window = NULL;
}

/*
 * Blocks that so many rows fill or begin.
 */
static uint64
n_blocks(const MlopsMatrix *matrix, uint64 rows)
{
	return (rows + matrix->layout.rows_per_block - 1) /
		matrix->layout.rows_per_block;
}

/*
 * Make the memfd size bytes long, unless it is that already.  Errors: 54000
 * over the limit, 53200 if the system refuses.
 */
static void
grow(MlopsMatrix *matrix, uint64 size)
{
	const uint64 mega = 1024 * 1024;

	if (size <= matrix->size)
		return;
	if (size > matrix->max_size)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("training data exceeds mlops.max_train_memory"),
				 errdetail("The " UINT64_FORMAT " rows read so far, %u numbers each, need " UINT64_FORMAT " MB; of mlops.max_train_memory = %d MB, " UINT64_FORMAT " MB are for rows.",
						   matrix->layout.n_rows, matrix->layout.n_features,
						   (size + mega - 1) / mega, mlops_max_train_memory,
						   matrix->max_size / mega),
				 errhint("Use fewer columns or a sample of the rows, or raise mlops.max_train_memory.")));
	if (ftruncate(matrix->fd, (off_t) size) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not grow memory for training data: %m")));
	matrix->size = size;
}

/*
 * Copy length bytes of the memfd.
 */
static void
read_fully(MlopsMatrix *matrix, char *to, uint64 length, uint64 offset)
{
	while (length > 0)
	{
		ssize_t		got = pread(matrix->fd, to, length, (off_t) offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_SYSTEM_ERROR),
					 errmsg("could not read predictions: %m")));
		to += got;
		offset += got;
		length -= got;
	}
}
