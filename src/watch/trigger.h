/*
 * trigger.h
 *		Is a retraining due, and may it be?
 */
#ifndef MLOPS_TRIGGER_H
#define MLOPS_TRIGGER_H

#include "data/span.h"
#include "watch/loop.h"

/*
 * Those of the policy's triggers that hold, a List of char *; count is of the
 * rows that are new to the champion.  The loop is bound.
 */
extern List *mlops_triggers(const MlopsLoop *loop,
							const MlopsDecisionHistory *history,
							const MlopsSpanCount *count);

/* Why there may be no retraining now, a palloc'd sentence, or NULL. */
extern char *mlops_trigger_limit(const MlopsLoop *loop,
								 const MlopsDecisionHistory *history);

#endif							/* MLOPS_TRIGGER_H */
