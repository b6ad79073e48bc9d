/*
 * stat_file.h
 *		What versions were used for, from a stop of the server to its start.
 */
#ifndef MLOPS_STAT_FILE_H
#define MLOPS_STAT_FILE_H

#include "serve/telemetry.h"

/* What is kept of a version. */
typedef struct MlopsUsageRecord
{
	MlopsVersionKey key;
	MlopsUsageCounts counts;
	TimestampTz first_use;
	TimestampTz last_use;
} MlopsUsageRecord;

/* Most records that a file may have: what mlops.stat_model_max may be. */
#define MLOPS_USAGE_RECORDS 1000000

/*
 * Was the server shut down in order, so that what lies in shared memory is
 * whole?  For the postmaster as it exits.
 */
extern bool mlops_stat_file_is_due(void);

/* Write n records, in place of what is there.  Throws nothing. */
extern void mlops_stat_file_write(const MlopsUsageRecord *records, int n);

/*
 * Read the records and remove the file: n of them, malloc'd, the caller's to
 * free(); NULL if there are none.  Throws nothing.
 */
extern MlopsUsageRecord *mlops_stat_file_read(int *n);

/* Remove the file, if there is one.  Throws nothing. */
extern void mlops_stat_file_remove(void);

#endif							/* MLOPS_STAT_FILE_H */
