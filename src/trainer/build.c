/*
 * build.c
 *		From mapped rows to the library's matrices.
 *
 * The binned training matrix is made by callbacks, block after block, so that
 * no second copy of all values exists; the library goes over the blocks
 * several times.  Rows to validate on become a plain matrix: bins know
 * neither values outside of the training range nor categories that were not
 * trained on, where the model's trees do.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xgboost/c_api.h>

#include "trainer/worker.h"

/* The state of the callbacks. */
typedef struct BatchIterator
{
	const MlopsRows *rows;
	unsigned	roles;
	uint64_t	block;			/* the next one */
	MlopsBatch	batch;
	MlopsHandle proxy;
	bool		failed;
} BatchIterator;

static bool build_quantile(MlopsJob *job, const MlopsRows *rows);
static bool build_plain(const MlopsJob *job, const MlopsRows *rows,
						unsigned roles, MlopsHandle *matrix);
static void reset_iterator(DataIterHandle handle);
static int	next_batch(DataIterHandle handle);
static bool set_batch_info(MlopsHandle matrix, const MlopsRows *rows,
						   const MlopsBatch *batch);
static bool set_row_info(MlopsHandle matrix, const MlopsRows *rows,
						 unsigned roles);
static bool set_column(MlopsHandle matrix, const char *name,
					   const MlopsRows *rows, unsigned roles,
					   uint64_t offset);
static bool set_groups(MlopsHandle matrix, const MlopsRows *rows,
					   unsigned roles);
static bool set_group_info(MlopsHandle matrix, const uint32_t *group,
						   const float *weight, uint64_t n_rows);
static void array_text(char *text, size_t size, const void *data,
					   const char *type, uint64_t n_rows, uint32_t n_columns);
static bool set_info(MlopsHandle matrix, const char *name, const void *data,
					 const char *type, uint64_t n_rows, uint32_t n_columns);

/*
 * Make job->train and, if asked for, job->validation.
 */
bool
mlops_build_matrices(MlopsJob *job, const MlopsRows *rows)
{
	bool		good;

	if (job->quantile)
		good = build_quantile(job, rows);
	else
		good = build_plain(job, rows, MLOPS_ROLES(MLOPS_ROLE_TRAIN),
						   &job->train);
	if (good && (job->command.flags & MLOPS_TRAIN_VALIDATE))
		good = build_plain(job, rows, MLOPS_ROLES(MLOPS_ROLE_VALIDATION),
						   &job->validation);
	return good;
}

/*
 * Give a matrix the names and types of its columns.
 */
bool
mlops_set_features(MlopsHandle matrix, const MlopsJob *job)
{
	bst_ulong	n_features = job->command.n_features;

	if (XGDMatrixSetStrFeatureInfo(matrix, "feature_name",
								   job->feature_names, n_features) != 0 ||
		XGDMatrixSetStrFeatureInfo(matrix, "feature_type",
								   job->feature_types, n_features) != 0)
		return mlops_fail_library();
	return true;
}

/*
 * Give a matrix n_rows base margins; NULL: there are none.
 */
bool
mlops_set_margin(MlopsHandle matrix, const MlopsRows *rows,
				 const float *margin, uint64_t n_rows)
{
	return margin == NULL ||
		set_info(matrix, "base_margin", margin, "<f4", n_rows,
				 rows->layout.n_margins);
}

/*
 * How the library wants to be told where an array is: n_columns 0 for one
 * dimension.
 */
void
mlops_array_text(char *text, size_t size, const float *data, uint64_t n_rows,
				 uint32_t n_columns)
{
	array_text(text, size, data, "<f4", n_rows, n_columns);
}

/*
 * The training rows as a matrix of bins.
 */
static bool
build_quantile(MlopsJob *job, const MlopsRows *rows)
{
	BatchIterator iterator;
	char		config[128];
	bool		good = false;

	memset(&iterator, 0, sizeof(iterator));
	iterator.rows = rows;
	iterator.roles = MLOPS_ROLES(MLOPS_ROLE_TRAIN);
	if (XGProxyDMatrixCreate(&iterator.proxy) != 0)
		return mlops_fail_library();
	snprintf(config, sizeof(config),
			 "{\"missing\":NaN,\"nthread\":%d,\"max_bin\":%u}",
			 job->n_threads, job->command.max_bin);

	if (mlops_set_features(iterator.proxy, job))
	{
		int			status;

		status = XGQuantileDMatrixCreateFromCallback(&iterator,
													 iterator.proxy, NULL,
													 reset_iterator,
													 next_batch, config,
													 &job->train);
		/* the callback's own failure comes first, and is kept */
		if (iterator.failed)
			good = false;
		else if (status != 0)
			good = mlops_fail_library();
		else
			good = mlops_set_features(job->train, job) &&
				set_row_info(job->train, rows, iterator.roles);
	}
	XGDMatrixFree(iterator.proxy);
	mlops_batch_free(&iterator.batch);
	return good;
}

/*
 * Rows of the given roles as a matrix of values, which takes 8 bytes for each
 * that is not missing.
 */
static bool
build_plain(const MlopsJob *job, const MlopsRows *rows, unsigned roles,
			MlopsHandle *matrix)
{
	MlopsBatch	all;
	char		text[160];
	char		config[64];
	bool		good;

	memset(&all, 0, sizeof(all));
	good = mlops_rows_pack(rows, roles, &all);
	if (good)
	{
		mlops_array_text(text, sizeof(text), all.features, all.n_rows,
						 rows->layout.n_features);
		snprintf(config, sizeof(config), "{\"missing\":NaN,\"nthread\":%d}",
				 job->n_threads);
		if (XGDMatrixCreateFromDense(text, config, matrix) != 0)
			good = mlops_fail_library();
		else
			good = set_batch_info(*matrix, rows, &all) &&
				mlops_set_features(*matrix, job) &&
				set_row_info(*matrix, rows, roles);
	}
	mlops_batch_free(&all);
	return good;
}

/*
 * Callback: begin again at the first block.
 */
static void
reset_iterator(DataIterHandle handle)
{
	((BatchIterator *) handle)->block = 0;
}

/*
 * Callback: hand over the next block that has rows of the roles.  Returns 1
 * if there was one, 0 at the end and on failure.
 */
static int
next_batch(DataIterHandle handle)
{
	BatchIterator *iterator = handle;
	const MlopsRows *rows = iterator->rows;
	MlopsBatch *batch = &iterator->batch;
	char		text[160];

	do
	{
		if (iterator->failed || iterator->block >= rows->n_blocks)
			return 0;
		if (!mlops_rows_batch(rows, iterator->block++, iterator->roles,
							  batch))
		{
			iterator->failed = true;
			return 0;
		}
	} while (batch->n_rows == 0);

	mlops_array_text(text, sizeof(text), batch->features, batch->n_rows,
					 rows->layout.n_features);
	if (XGProxyDMatrixSetDataDense(iterator->proxy, text) != 0)
		iterator->failed = !mlops_fail_library();
	else
		iterator->failed = !set_batch_info(iterator->proxy, rows, batch);
	return iterator->failed ? 0 : 1;
}

/*
 * Set a matrix's labels and weights, which the library copies.  Those of
 * ranking are weights of groups, and come later.
 */
static bool
set_batch_info(MlopsHandle matrix, const MlopsRows *rows,
			   const MlopsBatch *batch)
{
	if (!set_info(matrix, "label", batch->label, "<f4", batch->n_rows, 0))
		return false;
	return batch->weight == NULL || rows->layout.group_offset != 0 ||
		set_info(matrix, "weight", batch->weight, "<f4", batch->n_rows, 0);
}

/*
 * Set what else a whole matrix knows of its rows: bounds of labels, base
 * margins, groups.
 */
static bool
set_row_info(MlopsHandle matrix, const MlopsRows *rows, unsigned roles)
{
	const MlopsMatrixLayout *layout = &rows->layout;
	uint32_t   *margin = NULL;
	bool		good = true;

	if (layout->upper_offset != 0)
		good = set_column(matrix, "label_lower_bound", rows, roles,
						  layout->label_offset) &&
			set_column(matrix, "label_upper_bound", rows, roles,
					   layout->upper_offset);
	if (good && layout->margin_offset != 0)
	{
		good = mlops_rows_column(rows, roles, layout->margin_offset,
								 layout->n_margins, &margin) &&
			mlops_set_margin(matrix, rows, (float *) margin,
							 mlops_rows_count(rows, roles));
		free(margin);
	}
	return good && (layout->group_offset == 0 ||
					set_groups(matrix, rows, roles));
}

/*
 * Set one number of each row of the roles, which stands at offset in a block.
 */
static bool
set_column(MlopsHandle matrix, const char *name, const MlopsRows *rows,
		   unsigned roles, uint64_t offset)
{
	uint32_t   *column;
	bool		good;

	if (!mlops_rows_column(rows, roles, offset, 1, &column))
		return false;
	good = set_info(matrix, name, column, "<f4",
					mlops_rows_count(rows, roles), 0);
	free(column);
	return good;
}

/*
 * Set the sizes and the weights of the groups.
 */
static bool
set_groups(MlopsHandle matrix, const MlopsRows *rows, unsigned roles)
{
	const MlopsMatrixLayout *layout = &rows->layout;
	uint32_t   *group = NULL;
	uint32_t   *weight = NULL;
	bool		good;

	good = mlops_rows_column(rows, roles, layout->group_offset, 1, &group) &&
		(layout->weight_offset == 0 ||
		 mlops_rows_column(rows, roles, layout->weight_offset, 1, &weight)) &&
		set_group_info(matrix, group, (float *) weight,
					   mlops_rows_count(rows, roles));
	free(group);
	free(weight);
	return good;
}

/*
 * Runs of equal numbers in group[n_rows] are the groups; weight may be NULL.
 */
static bool
set_group_info(MlopsHandle matrix, const uint32_t *group, const float *weight,
			   uint64_t n_rows)
{
	uint32_t   *sizes = calloc(n_rows > 0 ? n_rows : 1, sizeof(uint32_t));
	float	   *weights = calloc(n_rows > 0 ? n_rows : 1, sizeof(float));
	uint64_t	n_groups = 0;
	bool		good = sizes != NULL && weights != NULL;

	if (!good)
		mlops_fail("out of memory");
	for (uint64_t i = 0; good && i < n_rows; i++)
	{
		if (i == 0 || group[i] != group[i - 1])
			weights[n_groups++] = weight != NULL ? weight[i] : 1;
		sizes[n_groups - 1]++;
	}
	good = good && set_info(matrix, "group", sizes, "<u4", n_groups, 0);
	if (weight != NULL)
		good = good && set_info(matrix, "weight", weights, "<f4", n_groups, 0);
	free(sizes);
	free(weights);
	return good;
}

/*
 * Set one kind of information, which the library copies.
 */
static bool
set_info(MlopsHandle matrix, const char *name, const void *data,
		 const char *type, uint64_t n_rows, uint32_t n_columns)
{
	char		text[160];

	array_text(text, sizeof(text), data, type, n_rows, n_columns);
	if (XGDMatrixSetInfoFromInterface(matrix, name, text) != 0)
		return mlops_fail_library();
	return true;
}

/*
 * See mlops_array_text(); type is NumPy's.
 */
static void
array_text(char *text, size_t size, const void *data, const char *type,
		   uint64_t n_rows, uint32_t n_columns)
{
	char		shape[64];

	if (n_columns == 0)
		snprintf(shape, sizeof(shape), "%llu", (unsigned long long) n_rows);
	else
		snprintf(shape, sizeof(shape), "%llu,%u",
				 (unsigned long long) n_rows, n_columns);
	snprintf(text, size,
			 "{\"data\":[%llu,true],\"shape\":[%s],\"typestr\":\"%s\",\"version\":3}",
			 (unsigned long long) (uintptr_t) data, shape, type);
}
