/*
 * describe.h
 *		What a model file says of its features and trees, for people.
 *
 * Plain C.  These read the model as libxgboost wrote it (JSON or UBJ), which
 * is checked like in mlops_forest_build(); the block does not hold all of it.
 * What they return is the caller's to free(); on failure there is nothing to
 * free and err says why.
 */
#ifndef MLOPS_FOREST_DESCRIBE_H
#define MLOPS_FOREST_DESCRIBE_H

#include "forest/forest.h"

/* Features as the model names them; everything is one malloc'd piece. */
typedef struct MlopsModelFeatures
{
	uint32_t	n_features;
	bool		named;			/* the model has names */
	const char **names;			/* [n_features], "f0" ... if it has none */
	const char **types;			/* [n_features], "float", "int", "i", "q" or
								 * "c"; NULL where not known */

	/*
	 * Categories by code, where the model has them (3.1 and later, trained on
	 * a data frame).  Such a model expects these codes; whole numbers are
	 * given in digits.
	 */
	uint32_t   *n_categories;	/* [n_features], 0: none */
	const char ***categories;	/* [n_features][n_categories] */
	bool	   *splits_by_category; /* [n_features]: some split is categorical */
	uint32_t   *max_category;	/* [n_features]: greatest code in a split */
} MlopsModelFeatures;

/* Read the features; names and categories are UTF-8. */
extern bool mlops_model_features(const void *data, size_t size,
								 MlopsModelFeatures **features,
								 MlopsForestError *err);

/*
 * Importance by feature, as get_score() of python3-xgboost defines it: weight
 * (splits), total_gain, total_cover; gain and cover are these two over weight.
 * Features without a split are 0 (get_score() leaves them out), gains that
 * are not finite count as 0.  Of a linear model weight is the coefficient, or
 * of several outputs the sum of their absolute values, and the others are 0.
 * importance is malloc'd, [n_features].
 */
typedef struct MlopsImportance
{
	double		weight;
	double		total_gain;
	double		total_cover;
} MlopsImportance;

extern bool mlops_model_importance(const void *data, size_t size,
								   MlopsImportance **importance,
								   uint32_t *n_features,
								   MlopsForestError *err);

/*
 * The trees as text, the same as libxgboost's dump with statistics, after a
 * line "booster[N]:" for each; lines deeper than 64 splits are not indented
 * any further.  names[n_features] or NULL for those of the model.  Of a
 * linear model bias and weights, an output a column.  *text is malloc'd,
 * *length bytes and a NUL; above 512 MB it is an error.
 */
extern bool mlops_model_dump(const void *data, size_t size,
							 const char *const *names,
							 char **text, size_t *length,
							 MlopsForestError *err);

/*
 * The same with the caller's names, types and, where n_categories is not 0,
 * categories by name; what is NULL in labels is not used.  labels->n_features
 * must be the model's.
 */
extern bool mlops_model_dump_labelled(const void *data, size_t size,
									  const MlopsModelFeatures *labels,
									  char **text, size_t *length,
									  MlopsForestError *err);

#endif							/* MLOPS_FOREST_DESCRIBE_H */
