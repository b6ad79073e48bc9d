/*
 * batch_take.c
 *		Which calls of an expression a node predicts, see batch.h.
 *
 * The node evaluates a call for exactly those rows for which the expression
 * would, so that errors, costs and counts stay what they are.  Where CASE,
 * AND, OR, COALESCE or a filter decides that, the node evaluates what decides
 * for a row when it reads it: the same conditions in the same order, which
 * are then evaluated a second time where they stand.  Hence a guard
 *
 * - is taken only where all rows are read, as it may fail;
 * - may hold nothing volatile, and no prediction: a call that is decided by
 *   predictions is left for a second node above;
 * - is weighed against what the call gains, see pays() in batch_plan.c.
 */
#include "postgres.h"

#include "base/base.h"
#include "catalog/pg_type.h"
#include "data/encode.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "serve/batch.h"
#include "serve/batch_take.h"
#include "serve/planner.h"
#include "utils/lsyscache.h"

/* The part of the rows that is expected to pass a guard. */
#define GUARD_SELECTIVITY (1.0 / 3)

/* What an expression may not use, see is_bound_elsewhere(). */
typedef struct Bound
{
	bool		by_plan;		/* Params that other nodes compute */
	bool		by_expression;	/* what an expression around it gives */
} Bound;

static List *take_twice(List *expressions, MlopsTaking *taking,
						Node *(*mutator) (Node *node, void *arg));
static Node *take_aggregates(Node *node, void *arg);
static Node *take_calls(Node *node, void *arg);
static Node *take_call(FuncExpr *call, MlopsTaking *taking);
static bool is_shared(int i, const FuncExpr *call, Expr *guard,
					  MlopsTaking *taking);
static bool add_call(FuncExpr *call, Expr *guard, MlopsTaking *taking);
static Node *take_window(WindowFunc *window, MlopsTaking *taking);
static Node *take_subscript(SubscriptingRef *reference, MlopsTaking *taking);
static Node *take_array_coercion(ArrayCoerceExpr *coercion,
								 MlopsTaking *taking);
static Node *take_case(CaseExpr *expression, MlopsTaking *taking);
static List *take_in_turn(List *args, Expr *(*goes_on) (Expr *arg),
						  MlopsTaking *taking);
static Node *take_where(Node *node, Expr *condition, MlopsTaking *taking);
static Expr *case_reaches(const CaseExpr *expression, int i, bool result);
static Expr *is_not_false(Expr *arg);
static Expr *is_not_true(Expr *arg);
static Expr *is_true(Expr *arg);
static Expr *is_null(Expr *arg);
static bool is_always_evaluated(Node *node);
static Expr *path_guard(const MlopsTaking *taking);
static bool is_guard(Expr *guard, const FuncExpr *call,
					 const MlopsTaking *taking);
static bool is_taken(FuncExpr *expression, const MlopsTaking *taking);
static bool is_value(Expr *value, bool certain);
static bool is_known(Node *node, bool no_params);
static bool is_bound_elsewhere(Node *node, void *arg);
static bool has_function_of(Node *node, void *arg);
static bool is_in_same_run(const MlopsBatchCall *call,
						   const MlopsTaking *taking);
static double count_splits(FuncExpr *call);
static double count_operators(Expr *expression);

List *
mlops_take_calls(List *expressions, MlopsTaking *taking)
{
	return take_twice(expressions, taking, take_calls);
}

List *
mlops_take_aggregates(List *expressions, MlopsTaking *taking)
{
	return take_twice(expressions, taking, take_aggregates);
}

bool
mlops_takes_any(List *expressions, const MlopsTaking *taking)
{
	MlopsTaking other = *taking;

	other.calls = list_copy(taking->calls);
	other.guards = list_copy(taking->guards);
	other.take = MLOPS_TAKE_ANY;
	(void) mlops_take_calls(expressions, &other);
	return list_length(other.calls) > list_length(taking->calls);
}

/*
 * First calls that need no guard, so that others which are equal need none
 * either, wherever they stand.
 */
static List *
take_twice(List *expressions, MlopsTaking *taking,
		   Node *(*mutator) (Node *node, void *arg))
{
	taking->only_always = true;
	(void) mutator((Node *) expressions, taking);
	taking->only_always = false;
	return (List *) mutator((Node *) expressions, taking);
}

/*
 * Mutator: the tree with placeholders for calls that are evaluated for each
 * input of an aggregate, or for each that its filter lets through.
 */
static Node *
take_aggregates(Node *node, void *arg)
{
	MlopsTaking *taking = arg;

	if (node == NULL)
		return NULL;
	if (IsA(node, Aggref))
	{
		Aggref	   *aggref = (Aggref *) node;
		Expr	   *filter = aggref->aggfilter;
		Aggref	   *result = makeNode(Aggref);

		*result = *aggref;
		result->aggfilter = (Expr *) take_calls((Node *) filter, taking);
		result->args = (List *)
			take_where((Node *) aggref->args,
					   filter == NULL ? NULL : is_true(filter), taking);
		return (Node *) result;
	}
	return expression_tree_mutator(node, take_aggregates, arg);
}

/*
 * Mutator: the tree with placeholders for calls; they are collected.
 */
static Node *
take_calls(Node *node, void *arg)
{
	MlopsTaking *taking = arg;

	if (node == NULL)
		return NULL;
	switch (nodeTag(node))
	{
		case T_FuncExpr:
			return take_call((FuncExpr *) node, taking);
		case T_WindowFunc:
			return take_window((WindowFunc *) node, taking);
		case T_SubscriptingRef:
			return take_subscript((SubscriptingRef *) node, taking);
		case T_ArrayCoerceExpr:
			return take_array_coercion((ArrayCoerceExpr *) node, taking);
		case T_CaseExpr:
			return take_case((CaseExpr *) node, taking);
		case T_CoalesceExpr:
			{
				CoalesceExpr *result = makeNode(CoalesceExpr);

				*result = *(CoalesceExpr *) node;
				result->args = take_in_turn(result->args, is_null, taking);
				return (Node *) result;
			}
		case T_BoolExpr:
			{
				BoolExpr   *result = makeNode(BoolExpr);

				*result = *(BoolExpr *) node;
				result->args =
					take_in_turn(result->args, result->boolop == OR_EXPR ?
								 is_not_true : is_not_false, taking);
				return (Node *) result;
			}
		default:
			if (!is_always_evaluated(node))
				return node;
			return expression_tree_mutator(node, take_calls, arg);
	}
}

/* The placeholder of a call if it is taken, else the call of what is. */
static Node *
take_call(FuncExpr *call, MlopsTaking *taking)
{
	Expr	   *guard = path_guard(taking);
	int			i = 0;

	while (i < list_length(taking->calls) &&
		   !equal(list_nth(taking->calls, i), call))
		i++;
	if (i < list_length(taking->calls) ? !is_shared(i, call, guard, taking) :
		!add_call(call, guard, taking))
		return call->funcretset ? (Node *) call :
			expression_tree_mutator((Node *) call, take_calls, taking);
	return (Node *) makeVar(MLOPS_CALL_VARNO, i + 1, exprType((Node *) call),
							exprTypmod((Node *) call),
							exprCollation((Node *) call), 0);
}

/*
 * Can a call that is taken stand for one with that guard too?  Its own guard
 * lets through what either does.
 */
static bool
is_shared(int i, const FuncExpr *call, Expr *guard, MlopsTaking *taking)
{
	ListCell   *cell = list_nth_cell(taking->guards, i);
	Expr	   *known = lfirst(cell);

	if (known == NULL)
		return true;
	if (taking->take != MLOPS_TAKE_ANY)
		return false;
	if (guard == NULL)
		lfirst(cell) = NULL;
	else if (!equal(guard, known))
	{
		if (taking->only_always || !is_guard(guard, call, taking))
			return false;
		taking->operators += count_operators(guard);
		lfirst(cell) = makeBoolExpr(OR_EXPR, list_make2(known, guard), -1);
	}
	return true;
}

/* Take a call for which the guard holds, if that can be. */
static bool
add_call(FuncExpr *call, Expr *guard, MlopsTaking *taking)
{
	double		splits;

	if (taking->take == MLOPS_TAKE_EQUAL || !is_taken(call, taking))
		return false;
	if (guard != NULL &&
		(taking->only_always || taking->take != MLOPS_TAKE_ANY ||
		 !is_guard(guard, call, taking)))
		return false;
	splits = count_splits(call);
	if (guard != NULL)
	{
		splits *= GUARD_SELECTIVITY;
		taking->operators += count_operators(guard);
	}
	taking->splits += splits;
	taking->calls = lappend(taking->calls, copyObject(call));
	taking->guards = lappend(taking->guards, guard);
	return true;
}

/*
 * An aggregate over a window gets each row if all are in their own frames.
 * It does so wherever it stands.  Other window functions look at some rows.
 */
static Node *
take_window(WindowFunc *window, MlopsTaking *taking)
{
	WindowFunc *result = makeNode(WindowFunc);
	List	   *path = taking->path;

	*result = *window;
	if (!window->winagg || !taking->own_frame)
		return (Node *) window;
	taking->path = NIL;
	result->aggfilter = (Expr *) take_calls((Node *) window->aggfilter,
											taking);
	result->args = (List *)
		take_where((Node *) window->args, window->aggfilter == NULL ? NULL :
				   is_true(window->aggfilter), taking);
	taking->path = path;
	return (Node *) result;
}

/* Subscripts are not evaluated where there is no array. */
static Node *
take_subscript(SubscriptingRef *reference, MlopsTaking *taking)
{
	SubscriptingRef *result = makeNode(SubscriptingRef);

	*result = *reference;
	if (reference->refassgnexpr == NULL)
		result->refexpr = (Expr *) take_calls((Node *) result->refexpr,
											  taking);
	return (Node *) result;
}

/* The other expression is evaluated for each element. */
static Node *
take_array_coercion(ArrayCoerceExpr *coercion, MlopsTaking *taking)
{
	ArrayCoerceExpr *result = makeNode(ArrayCoerceExpr);

	*result = *coercion;
	result->arg = (Expr *) take_calls((Node *) coercion->arg, taking);
	return (Node *) result;
}

/* The first condition is always evaluated, and what is compared with. */
static Node *
take_case(CaseExpr *expression, MlopsTaking *taking)
{
	CaseExpr   *result = makeNode(CaseExpr);
	int			n = list_length(expression->args);

	*result = *expression;
	result->arg = (Expr *) take_calls((Node *) expression->arg, taking);
	result->args = NIL;
	for (int i = 0; i < n; i++)
	{
		CaseWhen   *when = list_nth(expression->args, i);
		CaseWhen   *taken = makeNode(CaseWhen);

		*taken = *when;
		taken->expr = (Expr *)
			take_where((Node *) when->expr,
					   i == 0 ? NULL : case_reaches(expression, i, false),
					   taking);
		taken->result = (Expr *)
			take_where((Node *) when->result,
					   case_reaches(expression, i, true), taking);
		result->args = lappend(result->args, taken);
	}
	result->defresult = (Expr *)
		take_where((Node *) expression->defresult,
				   case_reaches(expression, n, false), taking);
	return (Node *) result;
}

/*
 * Arguments of which each is evaluated if the ones before let go on; the
 * first one always.
 */
static List *
take_in_turn(List *args, Expr *(*goes_on) (Expr *arg), MlopsTaking *taking)
{
	List	   *result = NIL;
	List	   *path = taking->path;
	ListCell   *cell;

	taking->path = list_copy(path);
	foreach(cell, args)
	{
		result = lappend(result, take_calls(lfirst(cell), taking));
		taking->path = lappend(taking->path, goes_on(lfirst(cell)));
	}
	taking->path = path;
	return result;
}

/* What is evaluated if the condition is true as well; NULL: always. */
static Node *
take_where(Node *node, Expr *condition, MlopsTaking *taking)
{
	List	   *path = taking->path;
	Node	   *result;

	if (condition != NULL)
		taking->path = lappend(list_copy(path), condition);
	result = take_calls(node, taking);
	taking->path = path;
	return result;
}

/*
 * Whether a CASE comes to its condition number i, or to the result of that;
 * behind the last condition is the default.  Conditions and what they compare
 * with are those of the CASE, so they are evaluated as far as it does.
 */
static Expr *
case_reaches(const CaseExpr *expression, int i, bool result)
{
	CaseExpr   *reaches = makeNode(CaseExpr);

	*reaches = *expression;
	reaches->casetype = BOOLOID;
	reaches->casecollid = InvalidOid;
	reaches->args = NIL;
	for (int k = 0; k < i + result; k++)
	{
		CaseWhen   *when = makeNode(CaseWhen);

		*when = *(CaseWhen *) list_nth(expression->args, k);
		when->result = (Expr *) makeBoolConst(k == i, false);
		reaches->args = lappend(reaches->args, when);
	}
	reaches->defresult = (Expr *) makeBoolConst(!result, false);
	return (Expr *) reaches;
}

/* AND goes on to its next argument. */
static Expr *
is_not_false(Expr *arg)
{
	BooleanTest *result = (BooleanTest *) is_true(arg);

	result->booltesttype = IS_NOT_FALSE;
	return (Expr *) result;
}

/* OR goes on to its next argument. */
static Expr *
is_not_true(Expr *arg)
{
	BooleanTest *result = (BooleanTest *) is_true(arg);

	result->booltesttype = IS_NOT_TRUE;
	return (Expr *) result;
}

/* A filter lets a row through. */
static Expr *
is_true(Expr *arg)
{
	BooleanTest *result = makeNode(BooleanTest);

	result->arg = arg;
	result->booltesttype = IS_TRUE;
	result->location = -1;
	return (Expr *) result;
}

/* COALESCE goes on to its next argument; a row of NULLs is a value. */
static Expr *
is_null(Expr *arg)
{
	NullTest   *result = makeNode(NullTest);

	result->arg = arg;
	result->nulltesttype = IS_NULL;
	result->argisrow = false;
	result->location = -1;
	return (Expr *) result;
}

/* Are all parts of the expression evaluated whenever it is? */
static bool
is_always_evaluated(Node *node)
{
	switch (nodeTag(node))
	{
		case T_List:
		case T_TargetEntry:
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
		case T_ScalarArrayOpExpr:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_CoerceToDomain:
		case T_NullTest:
		case T_BooleanTest:
		case T_FieldSelect:
		case T_ArrayExpr:
		case T_RowExpr:
		case T_MinMaxExpr:
			return true;
		default:
			return false;
	}
}

/* The guard of the place that is gone through; NULL: it needs none. */
static Expr *
path_guard(const MlopsTaking *taking)
{
	if (taking->path == NIL)
		return NULL;
	if (list_length(taking->path) == 1)
		return linitial(taking->path);
	return makeBoolExpr(AND_EXPR, list_copy(taking->path), -1);
}

/*
 * May the node evaluate the guard of a call when it reads a row?  If something
 * volatile stands beside it, what is only stable could change in between.
 * What another node gives stays the same until all are read again.
 */
static bool
is_guard(Expr *guard, const FuncExpr *call, const MlopsTaking *taking)
{
	Node	   *node = (Node *) guard;
	Oid			schema = get_func_namespace(call->funcid);

	return taking->certain && is_known(node, false) &&
		!(taking->lasting && contain_mutable_functions(node)) &&
		!has_function_of(node, &schema);
}

/* Can the node predict what the call does, and does it pay? */
static bool
is_taken(FuncExpr *expression, const MlopsTaking *taking)
{
	MlopsBatchCall call;
	ListCell   *cell;

	if (!mlops_batch_call_read((Node *) expression, &call))
		return false;
	foreach(cell, call.values)
		if (!is_value(lfirst(cell), taking->certain) ||
			!mlops_encodes_surely(exprType(lfirst(cell))))
			return false;
	if (call.sign != NULL && !IsA(call.sign, Var))
		return false;
	if (taking->take == MLOPS_TAKE_SAME_RUN &&
		!is_in_same_run(&call, taking))
		return false;
	return count_splits(expression) >= mlops_batch_min_splits;
}

/* May the value be computed before its row is handed on, by the node? */
static bool
is_value(Expr *value, bool certain)
{
	if (IsA(value, Var) || IsA(value, Const))
		return true;
	return is_known((Node *) value, true) &&
		(certain || !contain_leaked_vars((Node *) value));
}

/*
 * Can the expression be evaluated for a row of the plan below, and again?
 * With no_params it may not use what other nodes of the plan give.
 */
static bool
is_known(Node *node, bool no_params)
{
	Bound		bound = {no_params, true};

	return !contain_volatile_functions(node) && !contain_subplans(node) &&
		!is_bound_elsewhere(node, &bound);
}

/*
 * Walker: is there a value that is not known to the node?
 */
static bool
is_bound_elsewhere(Node *node, void *arg)
{
	const Bound *bound = arg;
	Bound		inside = *bound;

	if (node == NULL)
		return false;
	inside.by_expression = false;
	switch (nodeTag(node))
	{
		case T_Param:
			return bound->by_plan &&
				((Param *) node)->paramkind != PARAM_EXTERN;
		case T_WindowFunc:
			return true;
		case T_CaseTestExpr:
		case T_CoerceToDomainValue:
			return bound->by_expression;
		case T_CaseWhen:
			return is_bound_elsewhere((Node *) ((CaseWhen *) node)->expr,
									  arg) ||
				is_bound_elsewhere((Node *) ((CaseWhen *) node)->result, arg);
		case T_CaseExpr:
			{
				CaseExpr   *expression = (CaseExpr *) node;

				if (expression->arg == NULL)
					break;
				return is_bound_elsewhere((Node *) expression->arg, arg) ||
					is_bound_elsewhere((Node *) expression->args, &inside) ||
					is_bound_elsewhere((Node *) expression->defresult,
									   &inside);
			}
		case T_ArrayCoerceExpr:
			{
				ArrayCoerceExpr *coercion = (ArrayCoerceExpr *) node;

				return is_bound_elsewhere((Node *) coercion->arg, arg) ||
					is_bound_elsewhere((Node *) coercion->elemexpr, &inside);
			}
		default:
			break;
	}
	return expression_tree_walker(node, is_bound_elsewhere, arg);
}

/*
 * Walker: is there a function of the schema, which may predict?  It would be
 * counted twice.
 */
static bool
has_function_of(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr) &&
		get_func_namespace(((FuncExpr *) node)->funcid) == *(Oid *) arg)
		return true;
	return expression_tree_walker(node, has_function_of, arg);
}

/* Does one run over the trees serve the call and one without a guard? */
static bool
is_in_same_run(const MlopsBatchCall *call, const MlopsTaking *taking)
{
	MlopsBatchCall other;
	ListCell   *cell;
	ListCell   *guard;

	forboth(cell, taking->calls, guard, taking->guards)
		if (lfirst(guard) == NULL &&
			mlops_batch_call_read(lfirst(cell), &other) &&
			mlops_batch_call_same(call, &other))
			return true;
	return false;
}

/* Splits that a row passes in the version that serves now; -1: not known. */
static double
count_splits(FuncExpr *call)
{
	const MlopsPredictor *predictor = mlops_planned_version(call);

	return predictor == NULL ? -1 :
		(double) predictor->info.n_trees * predictor->info.max_depth;
}

/* What evaluating an expression is estimated to cost, in operators. */
static double
count_operators(Expr *expression)
{
	QualCost	cost;

	cost_qual_eval_node(&cost, (Node *) expression, NULL);
	return cpu_operator_cost > 0 ? cost.per_tuple / cpu_operator_cost : 0;
}
