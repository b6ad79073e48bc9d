/*
 * params.h
 *		Training parameters: names, ranges, defaults.
 *
 * libxgboost takes anything, and some of it crashes it or eats all memory;
 * so every name and value is checked here, before a trainer starts.
 */
#ifndef MLOPS_PARAMS_H
#define MLOPS_PARAMS_H

#include "data/dataset.h"
#include "train/trainer.h"
#include "utils/jsonb.h"

typedef struct MlopsParams
{
	int			n_rounds;		/* num_boost_round */
	int			early_stopping; /* -1: not given */
	int			max_bin;
	const char *eval_metric;	/* NULL: not given */
	bool		has_base_score;
	double		base_score;
	uint64		seen;			/* private: which names have been read */
	/* what libxgboost is given, by its own names */
	int			n_given;
	MlopsTrainerParam *given;
} MlopsParams;

/*
 * Read an object of parameters.  22023 with the nearest name as a hint if
 * one is unknown, out of range or of the wrong type.
 */
extern MlopsParams *mlops_params_parse(Jsonb *object);

/*
 * Everything that libxgboost is to be told for the task, defaults included,
 * in a fixed order.  label_mean is the weighted mean of the training labels.
 */
extern MlopsTrainerParam *mlops_params_complete(const MlopsParams *params,
												MlopsTask task, int n_classes,
												double label_mean, int64 seed,
												int *n);

/* The metric that validation goes by, and whether larger is better. */
extern const char *mlops_params_metric(const MlopsParams *params,
									   MlopsTask task, bool *maximize);

/* The objective of the task. */
extern const char *mlops_task_objective(MlopsTask task);

#endif							/* MLOPS_PARAMS_H */
