/*
 * scan_call.c
 *		Predictions of rows of a table, read where the scan has them.
 *
 * An expression gets each argument of a call ready when a statement starts,
 * checks it again at the first row, and copies it at each.  For a statement of
 * one row that is more than all else of a prediction.  So in a finished plan a
 * scan whose target list predicts from columns of its table has their numbers
 * in place of them: _predict(m, '{a,b}', t.a, t.b) becomes
 * _predict(m, '{a,b}', '3 7'), and so has an aggregation in arguments.  When
 * the statement starts, the call site is told where the node keeps the slot
 * of its row, and reads the columns there.
 *
 * That needs the call to be found in the expression of the node.  Therefore
 * only what is compiled into that expression is looked at, and only SELECT
 * without row locks: others may run a plan a second time, for a row that
 * somebody else has changed.  Aggregation by hashing keeps only columns that
 * it knows it needs, so it is left alone.  A call site that was not told of a
 * slot refuses numbers as a wrong count of values.
 *
 * Numbers are not checked against rights on columns, so nobody else may write
 * them: a call that was changed here has a mark that no query can give it.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "catalog/pg_type.h"
#include "executor/execExpr.h"
#include "executor/executor.h"
#include "executor/nodeAgg.h"
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
static Node *take_aggregates(Node *node, void *arg);
static Node *take_calls(Node *node, void *varno);
static bool is_compiled_with(Node *node);
static Node *numbered_call(FuncExpr *call, int varno);
static void tell_calls(ExprState *expression, TupleTableSlot **slot);
static bool calls_function(ExprState *expression, ExprEvalStep *step);

void
mlops_scan_call_init(void)
{
	previous_planner = planner_hook;
	planner_hook = plan_query;
}

void
mlops_scan_call_start(PlanState *state)
{
	if (IsA(state, AggState))
	{
		AggState   *agg = (AggState *) state;

		for (int i = 0; i < agg->numphases; i++)
			if (agg->phases[i].evaltrans != NULL)
				tell_calls(agg->phases[i].evaltrans,
						   &agg->tmpcontext->ecxt_outertuple);
	}
	else if (state->ps_ProjInfo != NULL &&
			 (IsA(state, SeqScanState) || IsA(state, IndexScanState) ||
			  IsA(state, BitmapHeapScanState)))
		tell_calls(&state->ps_ProjInfo->pi_state,
				   &state->ps_ExprContext->ecxt_scantuple);
}

/* Tell the calls with numbers in an expression where the slot is kept. */
static void
tell_calls(ExprState *expression, TupleTableSlot **slot)
{
	for (int i = 0; i < expression->steps_len; i++)
	{
		ExprEvalStep *step = &expression->steps[i];
		FmgrInfo   *function;

		if (!calls_function(expression, step))
			continue;
		function = step->d.func.finfo;
		if (function->fn_expr != NULL && IsA(function->fn_expr, FuncExpr) &&
			((FuncExpr *) function->fn_expr)->inputcollid == NUMBERS_MARK)
			mlops_call_site_read_slot(function, slot);
	}
}

/*
 * Whether the step is a call of a function that is not strict, as all are that
 * take columns.  What stands in a step that is ready is the address of its
 * code, whose operation the server has to search for, so it is remembered.
 */
static bool
calls_function(ExprState *expression, ExprEvalStep *step)
{
	static struct
	{
		intptr_t	code;
		ExprEvalOp	operation;
	}			known[32];
	int			place = step->opcode / 16 % lengthof(known);

	if (known[place].code != step->opcode || step->opcode == 0)
	{
		known[place].code = step->opcode;
		known[place].operation = ExecEvalStepOp(expression, step);
	}
	return known[place].operation == EEOP_FUNCEXPR ||
		known[place].operation == EEOP_FUNCEXPR_FUSAGE;
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
	int			varno;

	check_stack_depth();
	mlops_plan_visit(plan, reading, visit, arg);
	if (IsA(plan, SeqScan) || IsA(plan, IndexScan) ||
		IsA(plan, BitmapHeapScan))
	{
		varno = ((Scan *) plan)->scanrelid;
		plan->targetlist = (List *) take_calls((Node *) plan->targetlist,
											   &varno);
	}
	else if (IsA(plan, Agg) && ((Agg *) plan)->chain == NIL &&
			 ((Agg *) plan)->groupingSets == NIL &&
			 (((Agg *) plan)->aggstrategy == AGG_PLAIN ||
			  ((Agg *) plan)->aggstrategy == AGG_SORTED))
	{
		plan->targetlist = (List *) take_aggregates((Node *) plan->targetlist,
													NULL);
		plan->qual = (List *) take_aggregates((Node *) plan->qual, NULL);
	}
}

/* Mutator: the tree with numbers in calls in arguments of aggregates. */
static Node *
take_aggregates(Node *node, void *arg)
{
	int			varno = OUTER_VAR;
	Aggref	   *result;

	if (node == NULL)
		return NULL;
	if (!IsA(node, Aggref))
		return expression_tree_mutator(node, take_aggregates, arg);
	result = makeNode(Aggref);
	*result = *(Aggref *) node;
	result->args = (List *) take_calls((Node *) result->args, &varno);
	return (Node *) result;
}

/* Mutator: the tree with numbers of the relation's columns in calls. */
static Node *
take_calls(Node *node, void *varno)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, FuncExpr))
	{
		Node	   *call = numbered_call((FuncExpr *) node, *(int *) varno);

		if (call != NULL)
			return call;
	}
	if (!is_compiled_with(node))
		return node;
	return expression_tree_mutator(node, take_calls, varno);
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

/* The call with numbers of columns of the relation, or NULL. */
static Node *
numbered_call(FuncExpr *call, int varno)
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

		if (!IsA(value, Var) || value->varno != varno || value->varattno <= 0)
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
