/*
 * result.h
 *		The row that makers of versions return: mlops.train_result.
 */
#ifndef MLOPS_RESULT_H
#define MLOPS_RESULT_H

#include "catalog/catalog.h"
#include "datatype/timestamp.h"
#include "fmgr.h"

typedef struct MlopsTrainResult
{
	const char *model;
	int			version;
	const char *task;
	int64		rows_train;
	int64		rows_validation;
	int64		rows_test;
	List	   *metrics;		/* of MlopsMetricRow *, in the order of splits;
								 * history may be among them */
	bool		deployed;
	TimestampTz started_at;
} MlopsTrainResult;

/* The row of the calling function's result type; elapsed ends now. */
extern Datum mlops_train_result(FunctionCallInfo fcinfo,
								const MlopsTrainResult *result);

#endif							/* MLOPS_RESULT_H */
