/*
 * batch_plan.c
 *		Where plans predict many rows at a time.
 *
 * A hook goes over each finished plan that has calls with columns.  Below an
 * aggregation it puts a node that predicts for its arguments; over a scan or
 * join, one that takes over its target list.  Results stay the same bit for
 * bit, in the same order, and so do errors; therefore
 *
 * - only calls that are evaluated for every row are taken: none in CASE, AND,
 *   OR, COALESCE, or arguments of aggregates with a filter; of conditions
 *   those in the first that has any;
 * - up to MLOPS_NODE_ROWS rows are read before the first is handed on, so all
 *   rows must be read anyway, or reading them must not be able to fail; and
 *   nothing volatile is below (if rows fail for several reasons, another
 *   one than before may be told);
 * - encoding must not be able to fail, see mlops_encodes_surely().  What else
 *   a call may say is said of the same row as before.
 *
 * An UPDATE that evaluates its plan again, for a row that somebody else has
 * changed, does so with a node of its own, which gets that row alone.
 */
#include "postgres.h"

#include "base/base.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/planner.h"
#include "serve/batch.h"
#include "serve/planner.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

/* Fewer rows are not worth a node. */
#define FEW_ROWS 64

/* Stands for a call, by its number, while a target list is rewritten. */
#define CALL_VARNO ROWID_VAR

/* Splits that take the time of keeping a column for later. */
#define SPLITS_PER_VALUE 3
#define SPLITS_PER_COPY 50

/* Calls that may be taken beside those that are taken already. */
typedef enum Take
{
	TAKE_ANY,
	TAKE_SAME_RUN,				/* of the same version and columns */
	TAKE_EQUAL					/* none */
} Take;

/* A node over a plan, while it is made. */
typedef struct Batching
{
	MlopsReading reading;
	bool		certain;		/* all rows are read */
	List	   *calls;			/* those that it takes, as they stand */
	double		splits;			/* that a row passes in them */
	Take		take;			/* which other calls it may take */
	int			n_columns;		/* of the plan below */
	List	   *columns;		/* Vars that become these, or NIL */
	int			varno;			/* what they become, see to_columns() */
} Batching;

/* A statement. */
typedef struct Statement
{
	bool		has_subplans;
	MlopsReading *readings;		/* of its subplans */
} Statement;

static planner_hook_type previous_planner = NULL;

static PlannedStmt *plan_query(Query *query, const char *text, int options,
							   ParamListInfo parameters);
static void batch_statement(PlannedStmt *statement, int options);
static bool only_inserts(const Plan *plan);
static void visit(Plan **place, MlopsReading reading, void *arg);
static bool is_projecting(const Plan *plan);
static bool is_readable(const Plan *plan, MlopsReading reading,
						const Statement *statement);
static void batch_arguments(Agg *agg, const Batching *what);
static void batch_projection(Plan **place, const Batching *what);
static List *take_filter(List *qual, Batching *batching, List **below);
static Node *take_aggregates(Node *node, void *arg);
static Node *take_calls(Node *node, void *arg);
static bool is_always_evaluated(Node *node);
static bool is_taken(FuncExpr *call, const Batching *batching);
static bool is_value(Expr *value, bool certain);
static bool has_exec_param(Node *node, void *arg);
static bool is_in_same_run(const MlopsBatchCall *call, List *calls);
static double count_splits(FuncExpr *call);
static bool pays(const Batching *batching, const Plan *child, List *kept);
static Node *to_columns(Node *node, void *arg);
static bool collect_columns(Node *node, void *arg);
static bool collect_attributes(Node *node, void *arg);
static List *column_entries(const Plan *child, List *calls);

/* What collect_attributes() looks for. */
typedef struct Attributes
{
	int			varno;
	int			last;			/* no attributes beyond */
	List	   *found;			/* of integers */
} Attributes;

void
mlops_batch_init(void)
{
	mlops_batch_node_init();
	previous_planner = planner_hook;
	planner_hook = plan_query;
}

/* planner_hook. */
static PlannedStmt *
plan_query(Query *query, const char *text, int options,
		   ParamListInfo parameters)
{
	uint64		bound = mlops_bound_calls();
	PlannedStmt *statement;

	if (previous_planner != NULL)
		statement = previous_planner(query, text, options, parameters);
	else
		statement = standard_planner(query, text, options, parameters);
	if (mlops_batch && mlops_bound_calls() != bound && ActiveSnapshotSet())
		batch_statement(statement, options);
	return statement;
}

/*
 * Put nodes into a plan.  Whoever may run parallel plans wants all rows of
 * it; whether that is so is seen when it is executed.
 */
static void
batch_statement(PlannedStmt *statement, int options)
{
	int			n = list_length(statement->subplans);
	Statement	what = {n > 0, palloc(sizeof(MlopsReading) * Max(n, 1))};
	ListCell   *cell;

	if (statement->commandType == CMD_UTILITY || statement->rowMarks != NIL)
		return;
	/* a subplan runs when it is first needed, or for a row */
	foreach(cell, statement->subplans)
		if (!only_inserts(lfirst(cell)) &&
			!mlops_plan_reads_ahead(lfirst(cell), true))
			return;

	for (int i = 0; i < n; i++)
		what.readings[i] = MLOPS_READS_UNKNOWN;
	visit(&statement->planTree,
		  (options & CURSOR_OPT_PARALLEL_OK) != 0 &&
		  (options & CURSOR_OPT_SCROLL) == 0 ?
		  MLOPS_READS_TO_END : MLOPS_READS_SOME, &what);
	/* a CTE is read by the statement and by subplans behind it */
	for (int i = n - 1; i >= 0; i--)
	{
		Plan	   *plan = list_nth(statement->subplans, i);
		MlopsReading reading = what.readings[i];

		if (plan == NULL)
			continue;
		visit(&plan, reading == MLOPS_READS_UNKNOWN ? MLOPS_READS_SOME :
			  reading, &what);
		lfirst(list_nth_cell(statement->subplans, i)) = plan;
	}
}

/* Is it an INSERT in WITH that nothing reads? */
static bool
only_inserts(const Plan *plan)
{
	return plan != NULL && IsA(plan, ModifyTable) &&
		((const ModifyTable *) plan)->operation == CMD_INSERT &&
		((const ModifyTable *) plan)->returningLists == NIL;
}

/*
 * A MlopsPlanVisitor: put nodes below a plan and over it.
 */
static void
visit(Plan **place, MlopsReading reading, void *arg)
{
	const Statement *statement = arg;
	Plan	   *plan = *place;
	Batching	what = {0};

	check_stack_depth();
	mlops_plan_visit(plan, reading, visit, arg);
	if (IsA(plan, CteScan))
	{
		MlopsReading *known =
			&statement->readings[((CteScan *) plan)->ctePlanId - 1];

		*known = Min(*known, reading);
	}
	if (IsA(plan, Agg) && outerPlan(plan) != NULL)
	{
		if (mlops_reads_first((Agg *) plan))
			reading = MLOPS_READS_ALL;
		what.reading = reading;
		what.certain = reading >= MLOPS_READS_TO_END;
		if (((Agg *) plan)->aggstrategy != AGG_MIXED &&
			((Agg *) plan)->chain == NIL &&
			((Agg *) plan)->groupingSets == NIL &&
			is_readable(outerPlan(plan), reading, statement))
			batch_arguments((Agg *) plan, &what);
	}
	else if (is_projecting(plan))
	{
		what.reading = reading;
		what.certain = reading >= MLOPS_READS_TO_END;
		if (is_readable(plan, reading, statement))
			batch_projection(place, &what);
	}
}

/* Does the plan evaluate a target list for each of its rows, and no more? */
static bool
is_projecting(const Plan *plan)
{
	switch (nodeTag(plan))
	{
		case T_SeqScan:
		case T_IndexScan:
		case T_IndexOnlyScan:
		case T_BitmapHeapScan:
		case T_TidRangeScan:
		case T_SubqueryScan:
		case T_FunctionScan:
		case T_ValuesScan:
		case T_CteScan:
		case T_NestLoop:
		case T_MergeJoin:
		case T_HashJoin:
			return true;
		case T_Result:
			return outerPlan(plan) != NULL;
		default:
			return false;
	}
}

/* May rows of the plan be read ahead, and are there enough of them? */
static bool
is_readable(const Plan *plan, MlopsReading reading,
			const Statement *statement)
{
	return reading != MLOPS_READS_SOME &&
		(plan->plan_rows >= FEW_ROWS || mlops_batch_min_splits == 0) &&
		(reading >= MLOPS_READS_TO_END || !statement->has_subplans);
}

/*
 * Put a node below an aggregation for calls in arguments of its aggregates.
 */
static void
batch_arguments(Agg *agg, const Batching *what)
{
	Plan	   *plan = &agg->plan;
	Plan	   *child = outerPlan(plan);
	int			n = list_length(child->targetlist);
	Batching	batching = *what;
	Attributes	attributes = {OUTER_VAR, n, NIL};
	List	   *tlist;
	List	   *qual;

	batching.varno = OUTER_VAR;
	tlist = (List *) take_aggregates((Node *) plan->targetlist, &batching);
	qual = (List *) take_aggregates((Node *) plan->qual, &batching);
	if (batching.calls == NIL ||
		!mlops_plan_reads_ahead(child, batching.certain))
		return;

	/* all stands in terms of the plan below already, and keeps its place */
	batching.n_columns = n;
	tlist = (List *) to_columns((Node *) tlist, &batching);
	qual = (List *) to_columns((Node *) qual, &batching);
	(void) collect_attributes((Node *) tlist, &attributes);
	(void) collect_attributes((Node *) qual, &attributes);
	for (int i = 0; i < agg->numCols; i++)
		attributes.found = list_append_unique_int(attributes.found,
												  agg->grpColIdx[i]);
	if (!pays(&batching, child, attributes.found))
		return;
	plan->targetlist = tlist;
	plan->qual = qual;
	outerPlan(plan) =
		mlops_batch_node(child,
						 column_entries(child, batching.calls),
						 batching.calls, attributes.found,
						 batching.reading == MLOPS_READS_TO_END);
}

/*
 * Put a node over a scan or join that evaluates its target list, and let that
 * return the columns that are needed for it.  From the first condition with a
 * call on, the node evaluates the conditions too, for what passes those before.
 */
static void
batch_projection(Plan **place, const Batching *what)
{
	Plan	   *child = *place;
	Plan		before = *child;
	Batching	batching = *what;
	Attributes	attributes = {INDEX_VAR, 0, NIL};
	List	   *qual;
	List	   *tlist;
	List	   *calls;
	int			n_first;
	ListCell   *cell;

	if (contain_subplans((Node *) before.targetlist))
		return;
	qual = take_filter(before.qual, &batching, &child->qual);
	n_first = list_length(batching.calls);
	batching.take = qual != NIL ? TAKE_SAME_RUN : TAKE_ANY;
	tlist = (List *) take_calls((Node *) before.targetlist, &batching);
	if (batching.calls == NIL)
		return;

	(void) collect_columns((Node *) tlist, &batching);
	(void) collect_columns((Node *) qual, &batching);
	(void) collect_columns((Node *) batching.calls, &batching);
	batching.n_columns = list_length(batching.columns);
	batching.varno = OUTER_VAR;
	calls = (List *) to_columns((Node *) batching.calls, &batching);
	batching.varno = INDEX_VAR;
	tlist = (List *) to_columns((Node *) tlist, &batching);
	qual = (List *) to_columns((Node *) qual, &batching);
	attributes.last = batching.n_columns;
	(void) collect_attributes((Node *) tlist, &attributes);
	(void) collect_attributes((Node *) qual, &attributes);

	/* what the node evaluates is evaluated when a row is handed on */
	child->targetlist = NIL;
	foreach(cell, batching.columns)
		child->targetlist = lappend(child->targetlist,
									makeTargetEntry(lfirst(cell),
													foreach_current_index(cell) + 1,
													NULL, false));
	if (!pays(&batching, child, attributes.found) ||
		!mlops_plan_reads_ahead(child, batching.certain))
	{
		child->targetlist = before.targetlist;
		child->qual = before.qual;
		return;
	}
	*place = mlops_batch_node(child, tlist, calls, attributes.found,
							  batching.reading == MLOPS_READS_TO_END);
	mlops_batch_node_filter(*place, qual,
							qual != NIL ? n_first : list_length(calls));
}

/*
 * The conditions from the first with calls on, with placeholders; below gets
 * those before it, all if there are none.  Later ones are evaluated for some
 * rows only, so they may use no other calls.
 */
static List *
take_filter(List *qual, Batching *batching, List **below)
{
	List	   *result = NIL;
	ListCell   *cell;

	*below = NIL;
	batching->take = TAKE_ANY;
	foreach(cell, qual)
	{
		Node	   *condition = take_calls(lfirst(cell), batching);

		if (batching->calls == NIL)
		{
			*below = lappend(*below, condition);
			continue;
		}
		batching->take = TAKE_EQUAL;
		result = lappend(result, condition);
	}
	if (contain_subplans((Node *) result))
	{
		*below = qual;
		result = NIL;
		batching->calls = NIL;
		batching->splits = 0;
	}
	return result;
}

/*
 * Mutator: the tree with placeholders for calls that are evaluated for each
 * input of an aggregate.
 */
static Node *
take_aggregates(Node *node, void *arg)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Aggref))
	{
		Aggref	   *aggref = (Aggref *) node;
		Aggref	   *result;

		if (aggref->aggfilter != NULL)
			return node;
		result = makeNode(Aggref);
		*result = *aggref;
		result->args = (List *) take_calls((Node *) aggref->args, arg);
		return (Node *) result;
	}
	return expression_tree_mutator(node, take_aggregates, arg);
}

/*
 * Mutator: the tree with placeholders for calls that are evaluated whenever
 * the tree is; they are collected.
 */
static Node *
take_calls(Node *node, void *arg)
{
	Batching   *batching = arg;

	if (node == NULL)
		return NULL;
	if (IsA(node, FuncExpr))
	{
		int			i = 0;

		while (i < list_length(batching->calls) &&
			   !equal(list_nth(batching->calls, i), node))
			i++;
		if (i == list_length(batching->calls))
		{
			if (batching->take == TAKE_EQUAL ||
				!is_taken((FuncExpr *) node, batching))
				return ((FuncExpr *) node)->funcretset ? node :
					expression_tree_mutator(node, take_calls, arg);
			batching->calls = lappend(batching->calls, copyObject(node));
			batching->splits += count_splits((FuncExpr *) node);
		}
		return (Node *) makeVar(CALL_VARNO, i + 1, exprType(node),
								exprTypmod(node), exprCollation(node), 0);
	}
	if (IsA(node, SubscriptingRef))
	{
		SubscriptingRef *result;

		if (((SubscriptingRef *) node)->refassgnexpr != NULL)
			return node;
		result = makeNode(SubscriptingRef);
		*result = *(SubscriptingRef *) node;
		result->refexpr = (Expr *) take_calls((Node *) result->refexpr, arg);
		return (Node *) result;
	}
	if (!is_always_evaluated(node))
		return node;
	return expression_tree_mutator(node, take_calls, arg);
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
		case T_BoolExpr:
			return ((BoolExpr *) node)->boolop == NOT_EXPR;
		default:
			return false;
	}
}

/* Can the node predict what the call does, and does it pay? */
static bool
is_taken(FuncExpr *expression, const Batching *batching)
{
	MlopsBatchCall call;
	ListCell   *cell;

	if (!mlops_batch_call_read((Node *) expression, &call))
		return false;
	foreach(cell, call.values)
		if (!is_value(lfirst(cell), batching->certain) ||
			!mlops_encodes_surely(exprType(lfirst(cell))))
			return false;
	if (call.sign != NULL && !IsA(call.sign, Var))
		return false;
	if (batching->take == TAKE_SAME_RUN &&
		!is_in_same_run(&call, batching->calls))
		return false;
	return count_splits(expression) >= mlops_batch_min_splits;
}

/* Does one run over the trees serve the call and one of those? */
static bool
is_in_same_run(const MlopsBatchCall *call, List *calls)
{
	MlopsBatchCall other;
	ListCell   *cell;

	foreach(cell, calls)
		if (mlops_batch_call_read(lfirst(cell), &other) &&
			mlops_batch_call_same(call, &other))
			return true;
	return false;
}

/* May the value be computed before its row is handed on, by the node? */
static bool
is_value(Expr *value, bool certain)
{
	if (IsA(value, Var) || IsA(value, Const))
		return true;
	return !contain_volatile_functions((Node *) value) &&
		!contain_subplans((Node *) value) &&
		!has_exec_param((Node *) value, NULL) &&
		(certain || !contain_leaked_vars((Node *) value));
}

/* Walker: is there a value that another node of the plan has computed? */
static bool
has_exec_param(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param))
		return ((Param *) node)->paramkind != PARAM_EXTERN;
	return expression_tree_walker(node, has_exec_param, arg);
}

/* Splits that a row passes in the version that serves now; -1: not known. */
static double
count_splits(FuncExpr *call)
{
	const MlopsPredictor *predictor = mlops_planned_version(call);

	return predictor == NULL ? -1 :
		(double) predictor->info.n_trees * predictor->info.max_depth;
}

/* Is keeping these columns of the plan below made up for? */
static bool
pays(const Batching *batching, const Plan *child, List *kept)
{
	double		needed = mlops_batch_min_splits;
	ListCell   *cell;

	if (mlops_batch_min_splits == 0)
		return true;
	foreach(cell, kept)
	{
		TargetEntry *entry = list_nth(child->targetlist, lfirst_int(cell) - 1);

		needed += get_typbyval(exprType((Node *) entry->expr)) ?
			SPLITS_PER_VALUE : SPLITS_PER_COPY;
	}
	return batching->splits >= needed;
}

/*
 * Mutator: Vars become the columns that they are in the plan below, and
 * placeholders what stands behind these, all of the batching's varno.
 */
static Node *
to_columns(Node *node, void *arg)
{
	const Batching *batching = arg;
	int			i = 0;

	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
	{
		Var		   *var = copyObject((Var *) node);

		if (var->varno == CALL_VARNO)
			i = batching->n_columns + var->varattno;
		else if (batching->columns == NIL)
			return (Node *) var;
		else
			while (!equal(list_nth(batching->columns, i++), node))
				;
		var->varno = batching->varno;
		var->varattno = i;
		return (Node *) var;
	}
	return expression_tree_mutator(node, to_columns, arg);
}

/* Walker: collect Vars, each once. */
static bool
collect_columns(Node *node, void *arg)
{
	Batching   *batching = arg;

	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		if (((Var *) node)->varno != CALL_VARNO)
			batching->columns = list_append_unique(batching->columns, node);
		return false;
	}
	return expression_tree_walker(node, collect_columns, arg);
}

/* Walker: collect the attributes of Vars, see Attributes. */
static bool
collect_attributes(Node *node, void *arg)
{
	Attributes *attributes = arg;

	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		if (var->varno == attributes->varno &&
			var->varattno <= attributes->last)
			attributes->found = list_append_unique_int(attributes->found,
													   var->varattno);
		return false;
	}
	return expression_tree_walker(node, collect_attributes, arg);
}

/* A target list of all columns of the plan below, and then the calls. */
static List *
column_entries(const Plan *child, List *calls)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, child->targetlist)
	{
		TargetEntry *entry = flatCopyTargetEntry(lfirst(cell));

		entry->expr = (Expr *) makeVarFromTargetEntry(INDEX_VAR, entry);
		result = lappend(result, entry);
	}
	foreach(cell, calls)
	{
		Node	   *call = lfirst(cell);
		int			i = list_length(result) + 1;

		result = lappend(result,
						 makeTargetEntry((Expr *) makeVar(INDEX_VAR, i,
														  exprType(call),
														  exprTypmod(call),
														  exprCollation(call),
														  0), i, NULL, false));
	}
	return result;
}
