/*
 * objective.h
 *		What each objective of XGBoost does to base score and margin.
 *
 * The formulas, their order of operations and their use of float functions
 * are those of libxgboost, so that the results are the same bits.
 */
#ifndef MLOPS_FOREST_OBJECTIVE_H
#define MLOPS_FOREST_OBJECTIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum MlopsTransform
{
	MLOPS_TRANSFORM_IDENTITY,
	MLOPS_TRANSFORM_SIGMOID,
	MLOPS_TRANSFORM_EXP,
	MLOPS_TRANSFORM_EXP_DOUBLE,
	MLOPS_TRANSFORM_STEP,
	MLOPS_TRANSFORM_SOFTMAX,
	MLOPS_TRANSFORM_EXPECTILE
} MlopsTransform;

/* Number of the objective with this name, which blocks store; -1 if none. */
extern int	mlops_objective_find(const char *name, size_t length);

/* How many there are, and what they are; code is less than the count. */
extern int	mlops_objective_count(void);
extern const char *mlops_objective_name(int code);
extern MlopsTransform mlops_objective_transform(int code);

/*
 * Turn the base scores of a model into margins, in place.  clamp: allow 0 and
 * 1 for probabilities, as libxgboost does from 3.1 on.  False if a base score
 * is outside of the objective's domain.
 */
extern bool mlops_objective_margins(int code, bool clamp, float *scores,
									uint32_t count);

/* Turn the margins of one row into predictions, in place. */
extern void mlops_objective_predict(int code, float *output, uint32_t count);

#endif							/* MLOPS_FOREST_OBJECTIVE_H */
