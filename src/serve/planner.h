/*
 * planner.h
 *		What is known of calls of the predict functions while a query is planned.
 */
#ifndef MLOPS_PLANNER_H
#define MLOPS_PLANNER_H

#include "data/predictor.h"
#include "nodes/pathnodes.h"
#include "nodes/plannodes.h"

/* Calls that this session has planned with columns in place of a row. */
extern uint64 mlops_bound_calls(void);

/*
 * The version that a call means under the active snapshot, which execution
 * need not find again; NULL if that is not known.  The call may be of any
 * predict function.  The result is good until the next mlops_version_get().
 */
extern const MlopsPredictor *mlops_planned_version(FuncExpr *call);

/* Did it give columns to a predict function of this plan? */
extern bool mlops_plan_is_bound(const PlannedStmt *plan);

/* The same of a plan that is being made. */
extern bool mlops_planning_is_bound(const PlannerGlobal *glob);

/* Have planning faster where it is; called once per process. */
extern void mlops_plan_widths_init(void);

#endif							/* MLOPS_PLANNER_H */
