/*
 * scan_call.h
 *		Predictions of rows of a table, read where the scan has them.
 */
#ifndef MLOPS_SCAN_CALL_H
#define MLOPS_SCAN_CALL_H

#include "nodes/execnodes.h"

/* Register the hook, behind that of batches; called once per process. */
extern void mlops_scan_call_init(void);

/*
 * Tell the calls of a node that has just been started, if it is a scan whose
 * plan was changed, where their columns are.
 */
extern void mlops_scan_call_start(PlanState *state);

#endif							/* MLOPS_SCAN_CALL_H */
