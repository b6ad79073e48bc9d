/*
 * describe.h
 *		What a model file says of its features and trees, for people.
 *
 * Plain C.  These read the model as libxgboost wrote it (JSON or UBJ), which
 * is checked like in mlops_forest_build(); the block does not hold all of it.
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
	const char **types;			/* [n_features], "float", "int", "i", "q",
								 * "c", ...; NULL where not known */
	/* categories by code, where the model has them (3.1 and later) */
	uint32_t   *n_categories;	/* [n_features], 0: none */
	const char ***categories;	/* [n_features][n_categories] */
	bool	   *splits_by_category; /* [n_features]: some split is categorical */
	uint32_t   *max_category;	/* [n_features]: greatest code in a split */
} MlopsModelFeatures;

extern bool mlops_model_features(const void *data, size_t size,
								 MlopsModelFeatures **features,
								 MlopsForestError *err);

/*
 * Importance by feature, as get_score() of python3-xgboost defines it: weight
 * (splits), total_gain, total_cover; gain and cover are their means.  Of a
 * linear model weight is the coefficient, the others 0.  importance is
 * malloc'd, [n_features].
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
 * The trees as text, like libxgboost's dump with statistics; names[n_features]
 * or NULL for those of the model.  *text is malloc'd.
 */
extern bool mlops_model_dump(const void *data, size_t size,
							 const char *const *names,
							 char **text, size_t *length,
							 MlopsForestError *err);

#endif							/* MLOPS_FOREST_DESCRIBE_H */
