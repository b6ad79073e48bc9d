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
#include "train/objectives.h"
#include "train/trainer.h"
#include "utils/jsonb.h"

/* More metrics of a round would not fit into a frame of the trainer's. */
#define MLOPS_MAX_EVAL_METRICS	(MLOPS_MAX_ROUND_METRICS / 2)

typedef enum MlopsBooster
{
	MLOPS_GBTREE,
	MLOPS_DART,
	MLOPS_GBLINEAR
} MlopsBooster;

typedef struct MlopsParams
{
	const MlopsObjective *objective;	/* NULL: not given */
	MlopsBooster booster;
	int			n_rounds;		/* num_boost_round */
	int			early_stopping; /* -1: not given */
	int			max_bin;
	int			num_parallel_tree;
	int			n_metrics;		/* eval_metric; 0: not given */
	const char *metrics[MLOPS_MAX_EVAL_METRICS];
	bool		has_base_score;
	double		base_score;
	bool		balanced;		/* class_weight is "balanced" */
	Jsonb	   *monotone;		/* of columns, NULL: none */
	Jsonb	   *interaction;
	bool		go_on;			/* from a model, which has a base score */
	uint64		seen;			/* private: which names have been read */
	/* what libxgboost is given, by its own names */
	int			n_given;
	MlopsTrainerParam *given;
} MlopsParams;

/*
 * Read an object of parameters.  22023 with the nearest name as a hint if
 * one is unknown, out of range or of the wrong type, or if some do not go
 * together.
 */
extern MlopsParams *mlops_params_parse(Jsonb *object);

/*
 * The same object, but with this number of rounds and without early stopping;
 * palloc'd.
 */
extern Jsonb *mlops_params_with_rounds(Jsonb *object, int64 n_rounds);

/*
 * The training goes on from a model of this booster, objective and number of
 * trees in a round; 22023 if other ones are given.
 */
extern void mlops_params_go_on(MlopsParams *params, const char *booster,
							   const MlopsObjective *objective,
							   int num_parallel_tree);

/*
 * What can be told before rows are read: whether constraints name columns of
 * the signature, whether the booster can take its features.
 */
extern void mlops_params_check(const MlopsParams *params,
							   const MlopsSignature *signature);

/* 0A000 if a parameter needs a later version of the library. */
extern void mlops_params_check_library(const MlopsParams *params,
									   const char *version);

/* What is learned: the objective given, or the task's. */
extern const MlopsObjective *mlops_params_objective(const MlopsParams *params,
													MlopsTask task);

/*
 * Everything that libxgboost is to be told, after the dataset was read, the
 * defaults of the main parameters included, in a fixed order.  22023 for what
 * does not fit the task.
 */
extern MlopsTrainerParam *mlops_params_complete(const MlopsParams *params,
												const MlopsDataset *dataset,
												int64 seed, int *n);

/*
 * The metrics of rounds, at least one; the last one is what early stopping
 * goes by.
 */
extern int	mlops_params_metrics(const MlopsParams *params,
								 const MlopsObjective *objective,
								 const char **metrics);

/* A number that was given or is the default, such as quantile_alpha. */
extern double mlops_params_number(const MlopsParams *params,
								  const char *name);

/* Whether it was given with this value, as libxgboost reads it. */
extern bool mlops_params_has(const MlopsParams *params, const char *name,
							 const char *value);

#endif							/* MLOPS_PARAMS_H */
