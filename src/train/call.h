/*
 * call.h
 *		The arguments of a training, and how they are recorded.
 */
#ifndef MLOPS_CALL_H
#define MLOPS_CALL_H

#include "train/params.h"

/* When a new version is to serve. */
typedef enum MlopsDeployMode
{
	MLOPS_DEPLOY_FIRST,
	MLOPS_DEPLOY_TRUE,
	MLOPS_DEPLOY_FALSE,
	MLOPS_DEPLOY_IF_BETTER
} MlopsDeployMode;

/* The arguments of mlops.train(). */
typedef struct MlopsTrainCall
{
	const char *model;
	MlopsDatasetRequest data;
	Jsonb	   *params_given;
	MlopsParams *params;
	MlopsDeployMode deploy;
	const char *deploy_name;
	const char *description;
	const char *init_model;		/* a reference, or NULL */
	const char *task_name;		/* as given, or NULL */
	const char *split_name;		/* as given, or NULL */
	double		validation;		/* as given; without a split both are 0 */
	double		test;			/* in data */
	Jsonb	   *recipe;			/* arguments of the training that this one
								 * repeats on other rows, or NULL */
} MlopsTrainCall;

/* Read and check them; 22004 or 22023 with the argument's name. */
extern MlopsTrainCall *mlops_train_call(FunctionCallInfo fcinfo);

/*
 * Let the objective be this one, or unknown if NULL, and the labels those
 * that it takes.  22023 for columns that do not go with the task, which has
 * been settled before.
 */
extern void mlops_train_call_settle(MlopsTrainCall *call,
									const MlopsObjective *objective);

/*
 * The same out of what mlops_train_call_json() has written, or a part of it;
 * members that it does not know are ignored.
 */
extern MlopsTrainCall *mlops_train_call_of_json(Jsonb *arguments);

/* As they were given, as a JSON object; palloc'd. */
extern char *mlops_train_call_json(const MlopsTrainCall *call);

/* What follows from them with all defaults, as a JSON object; palloc'd. */
extern char *mlops_train_effective_json(const MlopsTrainCall *call,
										const MlopsDataset *dataset,
										const MlopsTrainRequest *request);

#endif							/* MLOPS_CALL_H */
