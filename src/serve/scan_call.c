/*
 * scan_call.c
 *		Predictions of rows of a table, read where the scan has them.
 *
 * An expression gets each argument of a call ready when a statement starts,
 * and checks it again at the first row.  For a statement of one row that is
 * more than all else of a prediction.  So in a finished plan a scan whose
 * target list predicts from columns of its table has their numbers in place
 * of them: _predict(m, '{a,b}', t.a, t.b) becomes _predict(m, '{a,b}', '3 7').
 * When the statement starts, the call site is told the slot of the scan, and
 * reads the columns there (see mlops_place_encode_columns()).
 *
 * That needs the call to be found in the expression of the scan, and the scan
 * to give its rows in the one slot that it has.  Therefore only what is
 * compiled into that expression is looked at, only scans of tables, and only
 * SELECT without row locks: others may run a plan a second time, for a row
 * that somebody else has changed.  A call site that was not told of a slot
 * refuses numbers as a wrong count of values.
 *
 * Numbers are not checked against rights on columns, so nobody else may write
 * them: a call that was changed here has a mark that no query can give it.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "catalog/pg_type.h"
#include "executor/execExpr.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/planner.h"
#include "serve/batch.h"
#include "serve/call_site.h"
#include "serve/planner.h"
#include "serve/scan_call.h"
#include "utils/builtins.h"

/* The collation of a call with numbers: there is none of this oid. */
#define NUMBERS_MARK INT2VECTOROID

static planner_hook_type previous_planner = NULL;

static PlannedStmt *plan_query(Query *query, const char *text, int options,
							   ParamListInfo parameters);
static void visit(Plan **place, MlopsReading reading, void *arg);
static Node *take_calls(Node *node, void *scan);
static bool is_compiled_with(Node *node);
static Node *numbered_call(FuncExpr *call, const Scan *scan);

void
mlops_scan_call_init(void)
{
	previous_planner = planner_hook;
	planner_hook = plan_query;
}

void
mlops_scan_call_start(PlanState *state)
{
	ProjectionInfo *projection = state->ps_ProjInfo;
	ExprState  *expression;

	if (projection == NULL ||
		!(IsA(state, SeqScanState) || IsA(state, IndexScanState) ||
		  IsA(state, BitmapHeapScanState)))
		return;
	expression = &projection->pi_state;
	for (int i = 0; i < expression->steps_len; i++)
	{
		ExprEvalStep *step = &expression->steps[i];
		ExprEvalOp	operation = ExecEvalStepOp(expression, step);
		FmgrInfo   *function;

		if (operation != EEOP_FUNCEXPR && operation != EEOP_FUNCEXPR_FUSAGE)
			continue;
		function = step->d.func.finfo;
		if (function->fn_expr != NULL && IsA(function->fn_expr, FuncExpr) &&
			((FuncExpr *) function->fn_expr)->inputcollid == NUMBERS_MARK)
			mlops_call_site_read_slot(function,
									  ((ScanState *) state)->ss_ScanTupleSlot);
	}
}

/* planner_hook. */
static PlannedStmt *
plan_query(Query *query, const char *text, int options,
		   ParamListInfo parameters)
{
	uint64		bound = mlops_bound_calls();
	PlannedStmt *statement;
	ListCell   *cell;

	if (previous_planner != NULL)
		statement = previous_planner(query, text, options, parameters);
	else
		statement = standard_planner(query, text, options, parameters);
	if (mlops_bound_calls() == bound ||
		statement->commandType != CMD_SELECT || statement->rowMarks != NIL ||
		statement->hasModifyingCTE)
		return statement;
	visit(&statement->planTree, MLOPS_READS_SOME, NULL);
	foreach(cell, statement->subplans)
		if (lfirst(cell) != NULL)
			visit((Plan **) &lfirst(cell), MLOPS_READS_SOME, NULL);
	return statement;
}

/* A MlopsPlanVisitor: change the calls of a plan and of those below it. */
static void
visit(Plan **place, MlopsReading reading, void *arg)
{
	Plan	   *plan = *place;

	check_stack_depth();
	mlops_plan_visit(plan, reading, visit, arg);
	if (IsA(plan, SeqScan) || IsA(plan, IndexScan) ||
		IsA(plan, BitmapHeapScan))
		plan->targetlist = (List *) take_calls((Node *) plan->targetlist,
											   plan);
}

/* Mutator: the tree with numbers in calls. */
static Node *
take_calls(Node *node, void *scan)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, FuncExpr))
	{
		Node	   *call = numbered_call((FuncExpr *) node, scan);

		if (call != NULL)
			return call;
	}
	if (!is_compiled_with(node))
		return node;
	return expression_tree_mutator(node, take_calls, scan);
}

/* Is what is below the node evaluated by the same steps as the node itself? */
static bool
is_compiled_with(Node *node)
{
	switch (nodeTag(node))
	{
		case T_List:
		case T_TargetEntry:
		case T_FuncExpr:
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
		case T_BoolExpr:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_CaseExpr:
		case T_CaseWhen:
		case T_CoalesceExpr:
		case T_NullTest:
		case T_BooleanTest:
		case T_RowExpr:
		case T_MinMaxExpr:
			return true;
		default:
			return false;
	}
}

/* The call with numbers of columns of the scan's table, or NULL. */
static Node *
numbered_call(FuncExpr *call, const Scan *scan)
{
	MlopsBatchCall what;
	int			n;
	int			n_values;
	int16	   *numbers;
	FuncExpr   *result;
	ListCell   *cell;

	if (!mlops_batch_call_read((Node *) call, &what) || what.sign != NULL ||
		what.kind == MLOPS_PREDICT_SCORED)
		return NULL;
	n = list_length(what.values);
	numbers = palloc(sizeof(int16) * n);
	foreach(cell, what.values)
	{
		Var		   *value = lfirst(cell);

		if (!IsA(value, Var) || value->varno != scan->scanrelid ||
			value->varattno <= 0)
			return NULL;
		numbers[foreach_current_index(cell)] = value->varattno;
	}

	/* they are one by one, or one row */
	n_values = IsA(llast(call->args), RowExpr) ? 1 : n;
	result = makeNode(FuncExpr);
	*result = *call;
	result->inputcollid = NUMBERS_MARK;
	result->args = list_truncate(list_copy(call->args),
								 list_length(call->args) - n_values);
	result->args =
		lappend(result->args,
				makeConst(INT2VECTOROID, -1, InvalidOid, -1,
						  PointerGetDatum(buildint2vector(numbers, n)),
						  false, false));
	return (Node *) result;
}
