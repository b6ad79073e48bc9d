/*
 * plan_nodes.c
 *		What has to be known of the nodes of a finished plan.
 *
 * Two things: which of the plans below a node are read to their end, and
 * whether reading a plan further than its reader has come can be noticed.
 * Of nodes that are not named here nothing is taken for granted.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "serve/batch.h"

static bool keeps_outer(JoinType type);
static void visit_list(List *plans, MlopsReading reading,
					   MlopsPlanVisitor visitor, void *arg);
static bool expressions(const Plan *plan, List **result);
static bool join_expressions(const Plan *plan, List **result);
static bool scan_expressions(const Plan *plan, List **result);
static bool may_fail(List *expressions);
static bool all_read_ahead(List *plans, bool certain);

void
mlops_plan_visit(Plan *plan, MlopsReading reading, MlopsPlanVisitor visitor,
				 void *arg)
{
	MlopsReading outer = reading;
	MlopsReading inner = MLOPS_READS_SOME;

	switch (nodeTag(plan))
	{
		case T_Result:
		case T_ProjectSet:
		case T_Gather:
		case T_GatherMerge:
		case T_Group:
		case T_Unique:
		case T_IncrementalSort:
		case T_NestLoop:
		case T_LockRows:
			break;
		case T_Agg:
			if (mlops_reads_first((Agg *) plan))
				outer = MLOPS_READS_ALL;
			break;
		case T_Sort:
		case T_Hash:
		case T_ModifyTable:
			outer = MLOPS_READS_ALL;
			break;
		case T_WindowAgg:
			/* may have seen enough */
			if (((WindowAgg *) plan)->runCondition != NIL)
				outer = Min(reading, MLOPS_READS_MOST);
			break;
		case T_Material:
		case T_MergeJoin:
			outer = Min(reading, MLOPS_READS_MOST);
			break;
		case T_SetOp:
			/* one with two plans, as of version 18, need not read both */
			if (innerPlan(plan) == NULL)
				break;
			outer = Min(reading, MLOPS_READS_MOST);
			if (((SetOp *) plan)->strategy == SETOP_HASHED)
				inner = outer;
			break;
		case T_HashJoin:
			/* not read if there is nothing to be joined with */
			if (!keeps_outer(((Join *) plan)->jointype))
				outer = Min(reading, MLOPS_READS_MOST);
			inner = reading;
			break;
		case T_SubqueryScan:
			visitor(&((SubqueryScan *) plan)->subplan, reading, arg);
			return;
		case T_Append:
			visit_list(((Append *) plan)->appendplans, reading, visitor, arg);
			return;
		case T_MergeAppend:
			visit_list(((MergeAppend *) plan)->mergeplans, reading, visitor,
					   arg);
			return;
		case T_CustomScan:
			visit_list(((CustomScan *) plan)->custom_plans, MLOPS_READS_SOME,
					   visitor, arg);
			outer = MLOPS_READS_SOME;
			break;
		default:
			/* LIMIT, or not known */
			outer = MLOPS_READS_SOME;
			break;
	}
	if (outerPlan(plan) != NULL)
		visitor(&outerPlan(plan), outer, arg);
	if (innerPlan(plan) != NULL)
		visitor(&innerPlan(plan), inner, arg);
}

bool
mlops_reads_first(const Agg *agg)
{
	return agg->aggstrategy == AGG_PLAIN || agg->aggstrategy == AGG_HASHED;
}

bool
mlops_plan_reads_ahead(const Plan *plan, bool certain)
{
	List	   *list = NIL;

	check_stack_depth();
	if (plan == NULL)
		return true;
	if (!expressions(plan, &list) ||
		contain_volatile_functions((Node *) plan->targetlist) ||
		contain_volatile_functions((Node *) plan->qual) ||
		contain_volatile_functions((Node *) list))
		return false;
	/* a sort has seen all rows before its first result */
	if (IsA(plan, Sort))
		certain = true;
	if (!certain &&
		(may_fail(plan->targetlist) || may_fail(plan->qual) ||
		 may_fail(list)))
		return false;

	if (IsA(plan, SubqueryScan))
		return mlops_plan_reads_ahead(((const SubqueryScan *) plan)->subplan,
									  certain);
	if (IsA(plan, Append))
		return all_read_ahead(((const Append *) plan)->appendplans, certain);
	if (IsA(plan, MergeAppend))
		return all_read_ahead(((const MergeAppend *) plan)->mergeplans,
							  certain);
	return mlops_plan_reads_ahead(outerPlan(plan), certain) &&
		mlops_plan_reads_ahead(innerPlan(plan), certain);
}

/* Does a join return all rows of its outer plan? */
static bool
keeps_outer(JoinType type)
{
	return type == JOIN_LEFT || type == JOIN_ANTI || type == JOIN_FULL;
}

/* Visit each plan of a list. */
static void
visit_list(List *plans, MlopsReading reading, MlopsPlanVisitor visitor,
		   void *arg)
{
	ListCell   *cell;

	foreach(cell, plans)
	{
		Plan	   *plan = lfirst(cell);

		visitor(&plan, reading, arg);
		lfirst(cell) = plan;
	}
}

/*
 * What a node evaluates beside its target list and condition; false if it is
 * not known.
 */
static bool
expressions(const Plan *plan, List **result)
{
	switch (nodeTag(plan))
	{
		case T_ProjectSet:
		case T_Material:
		case T_Sort:
		case T_IncrementalSort:
		case T_Agg:
		case T_Group:
		case T_Unique:
		case T_Gather:
		case T_GatherMerge:
		case T_SetOp:
		case T_Append:
		case T_MergeAppend:
			return true;
		case T_Result:
			*result = list_make1(((const Result *) plan)->resconstantqual);
			return true;
		case T_Limit:
			*result = list_make2(((const Limit *) plan)->limitOffset,
								 ((const Limit *) plan)->limitCount);
			return true;
		case T_WindowAgg:
			*result = list_make3(((const WindowAgg *) plan)->startOffset,
								 ((const WindowAgg *) plan)->endOffset,
								 ((const WindowAgg *) plan)->runCondition);
			return true;
		case T_Memoize:
			*result = ((const Memoize *) plan)->param_exprs;
			return true;
		case T_CustomScan:
			if (!mlops_is_batch_node(plan))
				return false;
			*result = list_make2(((const CustomScan *) plan)->custom_scan_tlist,
								 ((const CustomScan *) plan)->custom_exprs);
			return true;
		default:
			return join_expressions(plan, result) ||
				scan_expressions(plan, result);
	}
}

/* The same of joins. */
static bool
join_expressions(const Plan *plan, List **result)
{
	switch (nodeTag(plan))
	{
		case T_NestLoop:
			*result = ((const Join *) plan)->joinqual;
			return true;
		case T_MergeJoin:
			*result = list_make2(((const Join *) plan)->joinqual,
								 ((const MergeJoin *) plan)->mergeclauses);
			return true;
		case T_HashJoin:
			*result = list_make3(((const Join *) plan)->joinqual,
								 ((const HashJoin *) plan)->hashclauses,
								 ((const HashJoin *) plan)->hashkeys);
			return true;
		case T_Hash:
			*result = ((const Hash *) plan)->hashkeys;
			return true;
		default:
			return false;
	}
}

/* The same of scans. */
static bool
scan_expressions(const Plan *plan, List **result)
{
	switch (nodeTag(plan))
	{
		case T_SeqScan:
		case T_SubqueryScan:
		case T_CteScan:
		case T_NamedTuplestoreScan:
			return true;
		case T_IndexScan:
			*result = list_make4(((const IndexScan *) plan)->indexqual,
								 ((const IndexScan *) plan)->indexqualorig,
								 ((const IndexScan *) plan)->indexorderby,
								 ((const IndexScan *) plan)->indexorderbyorig);
			return true;
		case T_IndexOnlyScan:
			*result = list_make3(((const IndexOnlyScan *) plan)->indexqual,
								 ((const IndexOnlyScan *) plan)->recheckqual,
								 ((const IndexOnlyScan *) plan)->indexorderby);
			return true;
		case T_BitmapHeapScan:
			*result = ((const BitmapHeapScan *) plan)->bitmapqualorig;
			return true;
		case T_BitmapIndexScan:
			*result = ((const BitmapIndexScan *) plan)->indexqualorig;
			return true;
		case T_TidScan:
			*result = ((const TidScan *) plan)->tidquals;
			return true;
		case T_TidRangeScan:
			*result = ((const TidRangeScan *) plan)->tidrangequals;
			return true;
		case T_FunctionScan:
			*result = ((const FunctionScan *) plan)->functions;
			return true;
		case T_ValuesScan:
			*result = ((const ValuesScan *) plan)->values_lists;
			return true;
		default:
			return false;
	}
}

/*
 * May the evaluation of an expression end in an error?  The server knows of
 * functions that do not, because they must not leak their arguments.
 */
static bool
may_fail(List *expressions)
{
	ListCell   *cell;

	foreach(cell, expressions)
	{
		Node	   *node = lfirst(cell);

		if (node != NULL && IsA(node, TargetEntry))
			node = (Node *) ((TargetEntry *) node)->expr;
		if (node != NULL && IsA(node, List) ? may_fail((List *) node) :
			contain_leaked_vars(node))
			return true;
	}
	return false;
}

/* Do all plans of a list? */
static bool
all_read_ahead(List *plans, bool certain)
{
	ListCell   *cell;

	foreach(cell, plans)
		if (!mlops_plan_reads_ahead(lfirst(cell), certain))
			return false;
	return true;
}
