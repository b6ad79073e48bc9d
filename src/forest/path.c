/*
 * path.c
 *		Which evaluator predicts, and batches of rows.
 *
 * Every path gives the same bits, so the choice is one of speed alone: the
 * best that the processor can, unless another one is forced.  It is made for
 * the process, before or between predictions.
 */
#include <string.h>

#include "forest/objective.h"
#include "forest/path.h"
#include "forest/ranks.h"
#include "math/cpu.h"

/* Fewer rows are not worth a batch, where single rows are walked. */
#define FEW_ROWS 12

typedef struct Path
{
	const char *name;
	MlopsRowKernel row;			/* NULL: walk over nodes */
	MlopsBatchKernel batch;		/* NULL: not in this build */
	uint32_t	few;			/* FEW_ROWS where row serves single rows: vectors
								 * take their time however few rows they hold */
} Path;

static const Path paths[MLOPS_PATH_COUNT] = {
	[MLOPS_PATH_PORTABLE] = {"portable", mlops_portable_row, mlops_portable_batch, 12},
#ifdef MLOPS_HAVE_NEON
	[MLOPS_PATH_NEON] = {"neon", mlops_neon_row, mlops_neon_batch, 16},
#else
	[MLOPS_PATH_NEON] = {"neon", NULL, NULL, 0},
#endif
#ifdef MLOPS_HAVE_X86
	[MLOPS_PATH_AVX2] = {"avx2", mlops_avx2_row, mlops_avx2_batch, 36},
	[MLOPS_PATH_AVX512] = {"avx512", mlops_avx512_row, mlops_avx512_batch, 36},
#else
	[MLOPS_PATH_AVX2] = {"avx2", NULL, NULL, 0},
	[MLOPS_PATH_AVX512] = {"avx512", NULL, NULL, 0},
#endif
};

/* The path in use, NULL until the first prediction. */
static const Path *current;

static const Path *current_path(void);
static void run_rows(const MlopsForest *forest, const float *rows, size_t n,
					 size_t stride, float *outputs, bool transform);
static uint32_t batch_width(const MlopsForest *forest);
static void run_batch(const MlopsForest *forest, MlopsBatch *batch,
					  float *outputs);

/*
 * The name of a path.
 */
const char *
mlops_forest_path_name(MlopsPath path)
{
	return paths[path].name;
}

/*
 * Find a path by its name; false if there is none of this name.
 */
bool
mlops_forest_path_find(const char *name, MlopsPath *path)
{
	int			i;

	for (i = 0; i < MLOPS_PATH_COUNT; i++)
	{
		if (strcmp(paths[i].name, name) == 0)
		{
			*path = i;
			return true;
		}
	}
	return false;
}

/*
 * Is a path in this build, and can this processor run it?
 */
bool
mlops_forest_path_available(MlopsPath path)
{
	if (paths[path].batch == NULL)
		return false;
#ifdef MLOPS_HAVE_X86
	if (path == MLOPS_PATH_AVX2 || path == MLOPS_PATH_AVX512)
	{
		if (!MLOPS_CPU_HAS(AVX2, "avx2") || !MLOPS_CPU_HAS(POPCNT, "popcnt") ||
			!MLOPS_CPU_HAS(BMI1, "bmi") || !MLOPS_CPU_HAS(BMI2, "bmi2"))
			return false;
	}
	if (path == MLOPS_PATH_AVX512)
		return MLOPS_CPU_HAS(AVX512F, "avx512f") &&
			MLOPS_CPU_HAS(AVX512BW, "avx512bw") &&
			MLOPS_CPU_HAS(AVX512VL, "avx512vl") &&
			MLOPS_CPU_HAS(AVX512_VBMI, "avx512vbmi");
#endif
	return true;
}

/*
 * Does a path evaluate this block by itself, not by the walk over nodes?
 */
bool
mlops_forest_path_applies(const MlopsForest *forest, MlopsPath path)
{
	return path == MLOPS_PATH_PORTABLE || mlops_forest_ranked(forest);
}

/*
 * Use a path from now on; false, and no change, if it is not available.
 */
bool
mlops_forest_path_force(MlopsPath path)
{
	if (!mlops_forest_path_available(path))
		return false;
	current = &paths[path];
	return true;
}

/*
 * Use the best path from now on.
 */
void
mlops_forest_path_choose(void)
{
	int			i = MLOPS_PATH_COUNT - 1;

	while (!mlops_forest_path_available(i))
		i--;
	current = &paths[i];
}

/*
 * The path in use.
 */
MlopsPath
mlops_forest_path(void)
{
	return current_path() - paths;
}

/*
 * The path in use, chosen if that was not done yet.
 */
static const Path *
current_path(void)
{
	if (current == NULL)
		mlops_forest_path_choose();
	return current;
}

/*
 * The margins of one row.
 */
void
mlops_forest_margin(const MlopsForest *forest, const float *row,
					float *output)
{
	MlopsRowKernel kernel = current_path()->row;

	memcpy(output, mlops_forest_section(forest, MLOPS_SECTION_BASE),
		   forest->n_outputs * sizeof(float));
	if (kernel != NULL && (forest->flags & MLOPS_BLOCK_RANKED_ROWS) &&
		mlops_forest_ranked(forest))
		kernel(forest, row, output);
	else
		mlops_walk_forest(forest, row, output);
}

/*
 * The predictions of one row.
 */
void
mlops_forest_predict(const MlopsForest *forest, const float *row,
					 float *output)
{
	mlops_forest_margin(forest, row, output);
	mlops_objective_predict(forest->objective, output, forest->n_outputs);
}

/*
 * The margins of many rows.
 */
void
mlops_forest_margin_batch(const MlopsForest *forest, const float *rows,
						  size_t n, size_t stride, float *outputs)
{
	run_rows(forest, rows, n, stride, outputs, false);
}

/*
 * The predictions of many rows.
 */
void
mlops_forest_predict_batch(const MlopsForest *forest, const float *rows,
						   size_t n, size_t stride, float *outputs)
{
	run_rows(forest, rows, n, stride, outputs, true);
}

/*
 * Evaluate rows in batches, where these are possible.
 */
static void
run_rows(const MlopsForest *forest, const float *rows, size_t n,
		 size_t stride, float *outputs, bool transform)
{
	uint32_t	n_outputs = forest->n_outputs;
	uint32_t	width = batch_width(forest);
	uint32_t	few = forest->flags & MLOPS_BLOCK_RANKED_ROWS ?
		current_path()->few : FEW_ROWS;
	MlopsBatch	batch;
	uint32_t	i;

	if (width > 1 && few > width / 2)
		few = width / 2;
	for (; n > 0; n -= batch.n)
	{
		batch.n = n < width ? n : width;
		if (batch.n < few)
		{
			batch.n = 1;
			mlops_forest_margin(forest, rows, outputs);
		}
		else
		{
			batch.rows = rows;
			batch.stride = stride;
			batch.width = width;
			run_batch(forest, &batch, outputs);
		}
		rows += batch.n * stride;
		for (i = 0; i < batch.n; i++, outputs += n_outputs)
		{
			if (transform)
				mlops_objective_predict(forest->objective, outputs,
										n_outputs);
		}
	}
}

/*
 * Rows of a batch of this forest; 1 if they are evaluated one by one.
 */
static uint32_t
batch_width(const MlopsForest *forest)
{
	uint32_t	n_groups = mlops_group_count(forest);
	uint32_t	n_lanes;
	uint32_t	width = MLOPS_BATCH_ROWS;

	if (!mlops_forest_ranked(forest))
		return 1;
	n_lanes = 2 * (n_groups > MLOPS_CHUNK_SLOTS ? n_groups :
				   MLOPS_CHUNK_SLOTS);
	while (width >= 32)
	{
		if (n_lanes * width <= MLOPS_BATCH_LANES &&
			forest->n_outputs * width <= MLOPS_BATCH_SUMS)
			return width;
		width /= 2;
	}
	return 1;
}

/*
 * Evaluate one batch, whose sums are kept output by output.
 */
static void
run_batch(const MlopsForest *forest, MlopsBatch *batch, float *outputs)
{
	const float *base = mlops_forest_section(forest, MLOPS_SECTION_BASE);
	uint32_t	n_outputs = forest->n_outputs;
	float		sums[MLOPS_BATCH_SUMS] __attribute__((aligned(64)));
	uint8_t		lanes[MLOPS_BATCH_LANES + MLOPS_BATCH_SLACK]
	__attribute__((aligned(64)));
	uint32_t	i;
	uint32_t	k;

	batch->sums = sums;
	batch->lanes = lanes;
	for (k = 0; k < n_outputs; k++)
	{
		for (i = 0; i < batch->width; i++)
			sums[k * batch->width + i] = base[k];
	}
	current_path()->batch(forest, batch);
	for (i = 0; i < batch->n; i++)
	{
		for (k = 0; k < n_outputs; k++)
			*outputs++ = sums[k * batch->width + i];
	}
}
