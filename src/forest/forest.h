/*
 * forest.h
 *		Model files of XGBoost, checked and flattened, and their evaluation.
 *
 * Plain C: no header of the server, no libxgboost.  mlops_forest_build()
 * reads the JSON or UBJ of a booster once, checks every byte of it and
 * writes one position-independent block.  The block is what is stored and
 * what predicts: mlops_forest_open() checks its bounds in one linear pass,
 * and nothing is allocated after that.
 *
 * Predictions are the float32 that libxgboost returns, bit for bit.
 */
#ifndef MLOPS_FOREST_H
#define MLOPS_FOREST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A block must start at a multiple of this many bytes. */
#define MLOPS_FOREST_ALIGN 64

/* Why a model or a block was refused: one line, no full stop. */
typedef struct MlopsForestError
{
	char		message[256];
} MlopsForestError;

/* The block, used in place.  Opaque: see forest/block.h. */
typedef struct MlopsForest MlopsForest;

/* What a block says of itself. */
typedef struct MlopsForestInfo
{
	const char *objective;		/* XGBoost's name, such as "binary:logistic" */
	const char *booster;		/* "gbtree", "dart" or "gblinear" */
	uint32_t	n_features;
	uint32_t	n_outputs;		/* margins per row: classes or targets, else 1 */
	uint32_t	n_trees;
	uint32_t	n_rounds;
	uint32_t	max_depth;		/* of the deepest tree, in splits */
	uint64_t	n_nodes;		/* of all trees, leaves included */
	bool		categorical;	/* has a categorical split */
	int			version[3];		/* of the libxgboost that wrote the model */
} MlopsForestInfo;

/*
 * Check the model in data[0 .. size), JSON or UBJ as XGBoost 1.7 to 3.x
 * writes them, and flatten it.  On success *block is a block of *block_size
 * bytes from aligned_alloc(), the caller's to free().  On failure nothing is
 * allocated and err says why.
 */
extern bool mlops_forest_build(const void *data, size_t size,
							   void **block, size_t *block_size,
							   MlopsForestError *err);

/*
 * Check a stored block, which may come from anywhere, and return it ready
 * for use; NULL with err set if it cannot be used.  The block stays the
 * caller's and must outlive the result.  An outdated layout is an error that
 * mlops_forest_is_outdated() tells apart: rebuild the block from the model.
 */
extern const MlopsForest *mlops_forest_open(const void *block, size_t size,
											MlopsForestError *err);
extern bool mlops_forest_is_outdated(const void *block, size_t size);

/* Bytes of an opened block. */
extern size_t mlops_forest_size(const MlopsForest *forest);

/* Fill info; its strings live as long as the block. */
extern void mlops_forest_info(const MlopsForest *forest,
							  MlopsForestInfo *info);

/*
 * Predict one row: row[n_features] with NaN for missing, output[n_outputs].
 * _margin leaves out the objective's transformation, _predict applies it
 * (for multi:softmax too output holds the n_outputs class probabilities).
 * No errors, no allocation, no global state but the path, see below.
 */
extern void mlops_forest_margin(const MlopsForest *forest, const float *row,
								float *output);
extern void mlops_forest_predict(const MlopsForest *forest, const float *row,
								 float *output);

/*
 * The same for n rows: row i begins at rows + i * stride, stride at least
 * n_features, and its outputs at outputs + i * n_outputs.  Faster from some
 * dozen rows on, to the same bits; a hundred and more at a time are best.
 */
extern void mlops_forest_margin_batch(const MlopsForest *forest,
									  const float *rows, size_t n,
									  size_t stride, float *outputs);
extern void mlops_forest_predict_batch(const MlopsForest *forest,
									   const float *rows, size_t n,
									   size_t stride, float *outputs);

/*
 * Paths: ways to evaluate, to the same bits, by other instructions.  The
 * process uses the best that its processor has, which is found out by the
 * first prediction, unless one is forced.
 */
typedef enum MlopsPath
{
	MLOPS_PATH_PORTABLE,
	MLOPS_PATH_NEON,
	MLOPS_PATH_AVX2,
	MLOPS_PATH_AVX512,
	MLOPS_PATH_COUNT
} MlopsPath;

/* Names are "portable", "neon", "avx2" and "avx512"; false: no such path. */
extern const char *mlops_forest_path_name(MlopsPath path);
extern bool mlops_forest_path_find(const char *name, MlopsPath *path);

/* Can this build and processor use it? */
extern bool mlops_forest_path_available(MlopsPath path);

/*
 * Does it evaluate this block, at least some of its trees, by itself?  The
 * portable one does for every block; else the others leave it to that one.
 */
extern bool mlops_forest_path_applies(const MlopsForest *forest,
									  MlopsPath path);

/*
 * Use this path from now on; false, and no change, if it is not available.
 * Or the best; and which is used.  Not while another thread predicts.
 */
extern bool mlops_forest_path_force(MlopsPath path);
extern void mlops_forest_path_choose(void);
extern MlopsPath mlops_forest_path(void);

/* Would these bytes be read as JSON, by how they begin? */
extern bool mlops_model_is_json(const void *data, size_t size);

/*
 * The model as valid JSON text that XGBoost loads and predicts the same with
 * (the library's own JSON holds bare NaN in categorical models).  On success
 * *text is malloc'd, *length bytes long and NUL-terminated besides.
 */
extern bool mlops_model_to_json(const void *data, size_t size,
								char **text, size_t *length,
								MlopsForestError *err);

/*
 * The same as UBJ, with numbers of the types that XGBoost wants of each
 * array.  *bytes is malloc'd.
 */
extern bool mlops_model_to_ubj(const void *data, size_t size,
							   char **bytes, size_t *length,
							   MlopsForestError *err);

#endif							/* MLOPS_FOREST_H */
