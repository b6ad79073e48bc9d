/*
 * train.h
 *		A training, started from SQL or from a retraining.
 *
 * There is one way to train: what mlops.train() does with its arguments is
 * done with those that a run has recorded.
 */
#ifndef MLOPS_TRAIN_H
#define MLOPS_TRAIN_H

#include "train/call.h"
#include "train/result.h"

typedef struct MlopsTrainReport
{
	MlopsTrainResult result;
	int64		version_id;		/* 0: it was not stored */
	int64		n_rounds;		/* that this training added */
} MlopsTrainReport;

/*
 * Train in the caller's transaction and under its active snapshot, and store
 * the version unless keep is false; trigger is what asked for it.  All of it
 * lives in the current memory context, which the caller deletes afterwards,
 * and which ends matrix and trainer if an error comes.
 */
extern MlopsTrainReport *mlops_train_run(MlopsTrainCall *call,
										 const char *trigger, bool keep);

#endif							/* MLOPS_TRAIN_H */
