/*
 * exchange.h
 *		Versions that come from elsewhere: what all ways in have in common.
 */
#ifndef MLOPS_EXCHANGE_H
#define MLOPS_EXCHANGE_H

#include "catalog/catalog.h"
#include "fmgr.h"
#include "forest/forest.h"

/* A version on its way in. */
typedef struct MlopsArrival
{
	const char *model;			/* name */
	const char *deploy;			/* first, true or false */
	const char *note;			/* of the deployment, or NULL */
	TimestampTz started_at;
	MlopsRunRecord run;
	MlopsVersionRecord version;
} MlopsArrival;

/*
 * The label of a deploy_mode argument, `fallback` for NULL; 22023 for
 * if_better, as there are no rows to compare on.
 */
extern const char *mlops_arrival_deploy(FunctionCallInfo fcinfo, int argument,
										const char *fallback);

/*
 * What can be told before any work is done: a valid name (22023) of no model,
 * or of one that the current role may manage (42501).
 */
extern void mlops_arrival_check(const char *model);

/*
 * Check model bytes from outside, which stay where they are, and build what
 * predicts: fills model, forest and all that follows from them.  22023 with
 * the reason if they are refused, 54000 if they are too many.
 */
extern void mlops_arrival_build(MlopsArrival *arrival, const void *model,
								size_t size, MlopsForestInfo *info);

/*
 * 22023 unless task, number of outputs and classes go together; 0A000 for
 * models that no function of ours could serve.
 */
extern void mlops_arrival_classes(const MlopsArrival *arrival,
								  const MlopsForestInfo *info);

/* Store, deploy, and return the train_result; the last thing to be done. */
extern Datum mlops_arrival_store(FunctionCallInfo fcinfo,
								 const MlopsArrival *arrival);

#endif							/* MLOPS_EXCHANGE_H */
