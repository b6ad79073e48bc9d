/*
 * budget.h
 *		The time that windows of a monitor may take.
 */
#ifndef MLOPS_BUDGET_H
#define MLOPS_BUDGET_H

#include "datatype/timestamp.h"
#include "utils/elog.h"

typedef struct MlopsBudget
{
	TimestampTz deadline;		/* DT_NOEND: none */
	TimestampTz timeout;		/* when the server ends the statement,
								 * likewise */
	int64		longest;		/* microseconds of the longest window */
	int			n_windows;
} MlopsBudget;

/*
 * Begin now: for max_duration, which must be positive (22023), or without a
 * limit if that is NULL, and until the statement's timeout in any case.
 */
extern void mlops_budget_begin(MlopsBudget *budget,
							   const Interval *max_duration);

/*
 * Is there time for one more window, if it takes no more than twice as long
 * as any before?  Always for the first one, unless the timeout is over.
 */
extern bool mlops_budget_allows(const MlopsBudget *budget);

/* A window took from then until now. */
extern void mlops_budget_spend(MlopsBudget *budget, TimestampTz from);

/*
 * Is the error that of the statement's timeout?  If so, the statement may end
 * as if it had come to its end by itself, for which it gets the same time
 * once more; no budget that begins in it allows anything.
 */
extern bool mlops_budget_forgives(const MlopsBudget *budget,
								  const ErrorData *error);

#endif							/* MLOPS_BUDGET_H */
