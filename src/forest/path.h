/*
 * path.h
 *		What the evaluators of the instruction sets offer to path.c.
 *
 * Private to forest/; how a path is chosen is in forest.h.
 */
#ifndef MLOPS_FOREST_PATH_H
#define MLOPS_FOREST_PATH_H

#include "forest/block.h"

/* What this build has; kernels count on the order of bytes in words. */
#if defined(__x86_64__)
#define MLOPS_HAVE_X86
#elif defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define MLOPS_HAVE_NEON
#endif

/* Rows of a batch, at most. */
#define MLOPS_BATCH_ROWS 128

/* Bytes for the lanes of a batch, and beyond them for whole vectors. */
#define MLOPS_BATCH_LANES 65536
#define MLOPS_BATCH_SLACK 256

/* Sums of a batch. */
#define MLOPS_BATCH_SUMS 8192

/*
 * Some rows and the sums of their leaves.  width, a multiple of 32 and at
 * most MLOPS_BATCH_ROWS, is what a lane and the sums of an output take.
 */
typedef struct MlopsBatch
{
	const float *rows;			/* row i begins at rows + i * stride */
	size_t		stride;
	uint32_t	n;				/* 1 .. width */
	uint32_t	width;
	float	   *sums;			/* [n_outputs][width] */
	uint8_t    *lanes;
} MlopsBatch;

/* Add the leaves of all trees to the margins of a row; of a batch. */
typedef void (*MlopsRowKernel) (const MlopsForest *forest, const float *row,
								float *output);
typedef void (*MlopsBatchKernel) (const MlopsForest *forest,
								  const MlopsBatch *batch);

#define MLOPS_DECLARE_KERNELS(path) \
extern void mlops_##path##_row(const MlopsForest *forest, const float *row, \
							   float *output); \
extern void mlops_##path##_batch(const MlopsForest *forest, \
								 const MlopsBatch *batch)

MLOPS_DECLARE_KERNELS(avx512);
MLOPS_DECLARE_KERNELS(avx2);
MLOPS_DECLARE_KERNELS(neon);
MLOPS_DECLARE_KERNELS(portable);

/* Add all leaves, or what a linear model adds, to the margins of a row. */
extern void mlops_walk_forest(const MlopsForest *forest, const float *row,
							  float *output);

/* Add the leaves of some trees by a walk over their nodes. */
extern void mlops_walk_trees(const MlopsForest *forest, uint32_t first,
							 uint32_t count, const float *row, float *output);
extern void mlops_walk_batch(const MlopsForest *forest, uint32_t first,
							 uint32_t count, const MlopsBatch *batch);

#endif							/* MLOPS_FOREST_PATH_H */
