/*
 * predict.c
 *		The final model's predictions of all rows, into the output region.
 *
 * They must be, bit for bit, what the model that was sent predicts for the
 * values.  For the training rows of a model that was not cut that is what the
 * booster has kept while it was trained; for all others the values go through
 * its trees.
 */
#include <stdio.h>
#include <string.h>

#include <xgboost/c_api.h>

#include "trainer/worker.h"

#define PREDICT_CONFIG \
	"{\"type\":0,\"training\":false,\"iteration_begin\":0," \
	"\"iteration_end\":0,\"strict_shape\":false,\"cache_id\":0," \
	"\"missing\":NaN}"

static bool predict_cached(const MlopsJob *job, MlopsRows *rows);
static bool predict_batch(const MlopsJob *job, const MlopsRows *rows,
						  const MlopsBatch *batch, const float **values);
static bool predict_matrix(const MlopsJob *job, const MlopsRows *rows,
						   const MlopsBatch *batch, const float **values, const bst_ulong **shape,
						   bst_ulong *n_dimensions);
static bool check_shape(const MlopsRows *rows, uint64_t n_rows,
						const bst_ulong *shape, bst_ulong n_dimensions);
static const float *scatter(MlopsRows *rows, uint64_t block, unsigned roles,
							const float *values);

/*
 * Fill the output region; rows that are left out keep what is there.
 */
bool
mlops_predict_all(const MlopsJob *job, MlopsRows *rows)
{
	unsigned	roles = MLOPS_ROLES(MLOPS_ROLE_TRAIN) |
		MLOPS_ROLES(MLOPS_ROLE_VALIDATION) | MLOPS_ROLES(MLOPS_ROLE_TEST);
	MlopsBatch	batch;
	bool		good = true;

	memset(&batch, 0, sizeof(batch));
	if (job->cached)
	{
		good = predict_cached(job, rows);
		roles &= ~MLOPS_ROLES(MLOPS_ROLE_TRAIN);
	}
	for (uint64_t block = 0; good && block < rows->n_blocks; block++)
	{
		const float *values;

		good = mlops_rows_batch(rows, block, roles, &batch);
		if (good && batch.n_rows > 0)
		{
			good = predict_batch(job, rows, &batch, &values);
			if (good)
				(void) scatter(rows, block, roles, values);
		}
	}
	mlops_batch_free(&batch);
	return good;
}

/*
 * The training rows, from what the booster has kept.
 */
static bool
predict_cached(const MlopsJob *job, MlopsRows *rows)
{
	const bst_ulong *shape;
	bst_ulong	n_dimensions;
	const float *values;

	if (XGBoosterPredictFromDMatrix(job->booster, job->train, PREDICT_CONFIG,
									&shape, &n_dimensions, &values) != 0)
		return mlops_fail_library();
	if (!check_shape(rows, rows->count[MLOPS_ROLE_TRAIN], shape,
					 n_dimensions))
		return false;
	for (uint64_t block = 0; block < rows->n_blocks; block++)
		values = scatter(rows, block, MLOPS_ROLES(MLOPS_ROLE_TRAIN), values);
	return true;
}

/*
 * Packed rows, from their values.  *values is the library's until its next
 * call.
 */
static bool
predict_batch(const MlopsJob *job, const MlopsRows *rows,
			  const MlopsBatch *batch, const float **values)
{
	const bst_ulong *shape;
	bst_ulong	n_dimensions;
	char		array[160];

	mlops_array_text(array, sizeof(array), batch->features, batch->n_rows,
					 rows->layout.n_features);
	if (job->rewrites || batch->margin != NULL)
	{
		if (!predict_matrix(job, rows, batch, values, &shape, &n_dimensions))
			return false;
	}
	else if (XGBoosterPredictFromDense(job->booster, array, PREDICT_CONFIG,
									   NULL, &shape, &n_dimensions,
									   values) != 0)
		return mlops_fail_library();
	return check_shape(rows, batch->n_rows, shape, n_dimensions);
}

/*
 * A linear model predicts from a matrix of the library's only, dart rounds
 * otherwise without one, and base margins belong to one.
 */
static bool
predict_matrix(const MlopsJob *job, const MlopsRows *rows,
			   const MlopsBatch *batch, const float **values,
			   const bst_ulong **shape, bst_ulong *n_dimensions)
{
	char		array[160];
	MlopsHandle matrix;
	char		config[64];
	bool		good;

	mlops_array_text(array, sizeof(array), batch->features, batch->n_rows,
					 rows->layout.n_features);
	snprintf(config, sizeof(config), "{\"missing\":NaN,\"nthread\":%d}",
			 job->n_threads);
	if (XGDMatrixCreateFromDense(array, config, &matrix) != 0)
		return mlops_fail_library();
	good = mlops_set_features(matrix, job) &&
		mlops_set_margin(matrix, rows, batch->margin, batch->n_rows);
	if (good && XGBoosterPredictFromDMatrix(job->booster, matrix,
											PREDICT_CONFIG, shape,
											n_dimensions, values) != 0)
		good = mlops_fail_library();
	XGDMatrixFree(matrix);
	return good;
}

/*
 * Has the library given n_outputs numbers for each of n_rows rows?
 */
static bool
check_shape(const MlopsRows *rows, uint64_t n_rows, const bst_ulong *shape,
			bst_ulong n_dimensions)
{
	uint64_t	n_outputs = 1;

	for (bst_ulong i = 1; i < n_dimensions; i++)
		n_outputs *= shape[i];
	if (n_dimensions < 1 || shape[0] != n_rows)
		return mlops_fail("libxgboost gave a wrong number of predictions");
	if (n_outputs != rows->layout.n_outputs)
		return mlops_fail("model has %llu outputs, not %u",
						  (unsigned long long) n_outputs,
						  rows->layout.n_outputs);
	return true;
}

/*
 * Put packed predictions where the rows of a block with the given roles
 * stand.  Returns what is left of them.
 */
static const float *
scatter(MlopsRows *rows, uint64_t block, unsigned roles, const float *values)
{
	uint32_t	n_outputs = rows->layout.n_outputs;
	const uint8_t *role = mlops_rows_roles(rows, block);
	uint64_t	n_rows = mlops_rows_in_block(rows, block);
	float	   *output = rows->output +
		block * rows->layout.rows_per_block * n_outputs;

	for (uint64_t i = 0; i < n_rows; i++)
	{
		if (role[i] >= 32 || !(roles >> role[i] & 1))
			continue;
		memcpy(output + i * n_outputs, values, n_outputs * sizeof(float));
		values += n_outputs;
	}
	return values;
}
