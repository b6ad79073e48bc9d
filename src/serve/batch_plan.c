/*
 * batch_plan.c
 *		Where plans predict many rows at a time.
 *
 * A hook goes over each finished plan that has calls with columns.  Below an
 * aggregation or a WindowAgg it puts a node that predicts for what that
 * evaluates for each row; over a scan, join or aggregation, one that takes
 * over its target list; and nodes above these for calls that are left.
 * Results stay the same bit for bit, in the same order, and so do errors;
 * therefore
 *
 * - calls are evaluated for the rows for which they were, see batch_take.c; of
 *   conditions those in the first that has any, by each node;
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
#include "serve/batch_take.h"
#include "serve/planner.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

/* Fewer rows are not worth a node. */
#define FEW_ROWS 64

/* Splits that take the time of keeping a column for later. */
#define SPLITS_PER_VALUE 3
#define SPLITS_PER_COPY 50

/* The same of evaluating a guard, and an operator in it. */
#define SPLITS_PER_GUARD 100
#define SPLITS_PER_OPERATOR 10

/* A node over a plan, while it is made. */
typedef struct Batching
{
	MlopsReading reading;
	MlopsTaking taking;			/* the calls that it takes */
	int			n_columns;		/* of the plan below */
	List	   *columns;		/* what becomes these, or NIL */
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
static void visit_agg(Plan **place, Batching *what,
					  const Statement *statement);
static void visit_window(WindowAgg *window, Batching *what,
						 const Statement *statement);
static bool batch_arguments(Plan *plan, List *needed, const Batching *what);
static bool batch_projection(Plan **place, const Batching *what);
static bool has_late_calls(const Plan *plan);
static List *take_filter(Plan *plan, Batching *batching);
static bool is_own_frame(const WindowAgg *window);
static List *column_numbers(int n, const AttrNumber *columns);
static bool pays(const Batching *batching, const Plan *child, List *kept);
static bool is_call(Node *node);
static bool is_column(Node *node);
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

	if (statement->commandType == CMD_UTILITY)
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
	what.reading = reading;
	what.taking.certain = reading >= MLOPS_READS_TO_END;
	if (IsA(plan, Agg))
		visit_agg(place, &what, statement);
	else if (IsA(plan, WindowAgg))
		visit_window((WindowAgg *) plan, &what, statement);
	else if (is_projecting(plan) && is_readable(plan, reading, statement))
		while (batch_projection(place, &what))
			;
}

/* Put nodes below an aggregation, for its input, and over it, for its rows. */
static void
visit_agg(Plan **place, Batching *what, const Statement *statement)
{
	Agg		   *agg = (Agg *) *place;
	Batching	below = *what;
	List	   *needed = column_numbers(agg->numCols, agg->grpColIdx);

	if (outerPlan(agg) == NULL || agg->aggstrategy == AGG_MIXED ||
		agg->chain != NIL || agg->groupingSets != NIL)
		return;
	if (mlops_reads_first(agg))
		below.reading = MLOPS_READS_ALL;
	below.taking.certain = below.reading >= MLOPS_READS_TO_END;
	if (is_readable(outerPlan(agg), below.reading, statement))
		while (batch_arguments(&agg->plan, needed, &below))
			;
	if (is_readable(*place, what->reading, statement))
		while (batch_projection(place, what))
			;
}

/*
 * Put nodes below a WindowAgg, for what it evaluates for each row, if it
 * reads and returns all of them.
 */
static void
visit_window(WindowAgg *window, Batching *what, const Statement *statement)
{
	List	   *needed = list_concat(column_numbers(window->partNumCols,
													window->partColIdx),
									 column_numbers(window->ordNumCols,
													window->ordColIdx));

	if (!what->taking.certain || window->runCondition != NIL ||
		window->plan.qual != NIL || outerPlan(window) == NULL ||
		contain_subplans((Node *) window->plan.targetlist) ||
		!is_readable(outerPlan(window), what->reading, statement))
		return;
	what->taking.own_frame = is_own_frame(window);
	while (batch_arguments(&window->plan, needed, what))
		;
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
 * Put a node below an aggregation for calls in arguments of its aggregates,
 * or below a WindowAgg for calls in its target list; false if there are none.
 * The other columns that it needs of the plan below are given by number.
 */
static bool
batch_arguments(Plan *plan, List *needed, const Batching *what)
{
	Plan	   *child = outerPlan(plan);
	int			n = list_length(child->targetlist);
	Batching	batching = *what;
	Attributes	attributes = {OUTER_VAR, n, list_copy(needed)};
	List	   *own = list_make2(plan->targetlist, plan->qual);

	batching.varno = OUTER_VAR;
	batching.taking.lasting = contain_volatile_functions((Node *) own);
	own = IsA(plan, Agg) ? mlops_take_aggregates(own, &batching.taking) :
		mlops_take_calls(own, &batching.taking);
	if (batching.taking.calls == NIL ||
		!mlops_plan_reads_ahead(child, batching.taking.certain))
		return false;

	/* all stands in terms of the plan below already, and keeps its place */
	batching.n_columns = n;
	own = (List *) to_columns((Node *) own, &batching);
	(void) collect_attributes((Node *) own, &attributes);
	if (!pays(&batching, child, attributes.found))
		return false;
	plan->targetlist = linitial(own);
	plan->qual = lsecond(own);
	outerPlan(plan) =
		mlops_batch_node(child,
						 column_entries(child, batching.taking.calls),
						 batching.taking.calls, batching.taking.guards,
						 attributes.found,
						 batching.reading == MLOPS_READS_TO_END);
	return true;
}

/*
 * Put a node over a plan that evaluates its target list, and let that return
 * the columns that are needed for it.  From the first condition with a call
 * on, the node evaluates the conditions too, for what passes those before.
 * False if there are no calls that it can take.
 */
static bool
batch_projection(Plan **place, const Batching *what)
{
	Plan	   *child = *place;
	Plan		before = *child;
	Batching	batching = *what;
	MlopsTaking *taking = &batching.taking;
	Attributes	attributes = {INDEX_VAR, 0, NIL};
	List	   *own;
	List	   *calls;
	List	   *guards;
	List	   *qual;
	int			n_first;
	ListCell   *cell;

	if (contain_subplans((Node *) before.targetlist))
		return false;
	taking->lasting =
		contain_volatile_functions((Node *) before.targetlist) ||
		contain_volatile_functions((Node *) before.qual);
	qual = take_filter(child, &batching);
	n_first = list_length(taking->calls);
	own = list_make2(mlops_take_calls(before.targetlist, taking), qual);
	if (taking->calls == NIL)
		return false;

	(void) collect_columns((Node *) own, &batching);
	(void) collect_columns((Node *) taking->calls, &batching);
	(void) collect_columns((Node *) taking->guards, &batching);
	batching.n_columns = list_length(batching.columns);
	batching.varno = OUTER_VAR;
	calls = (List *) to_columns((Node *) taking->calls, &batching);
	guards = (List *) to_columns((Node *) taking->guards, &batching);
	batching.varno = INDEX_VAR;
	own = (List *) to_columns((Node *) own, &batching);
	attributes.last = batching.n_columns;
	(void) collect_attributes((Node *) own, &attributes);

	/* what the node evaluates is evaluated when a row is handed on */
	child->targetlist = NIL;
	foreach(cell, batching.columns)
		child->targetlist = lappend(child->targetlist,
									makeTargetEntry(lfirst(cell),
													foreach_current_index(cell) + 1,
													NULL, false));
	if (!pays(&batching, child, attributes.found) ||
		!mlops_plan_reads_ahead(child, taking->certain))
	{
		child->targetlist = before.targetlist;
		child->qual = before.qual;
		return false;
	}
	*place = mlops_batch_node(child, linitial(own), calls, guards,
							  attributes.found,
							  batching.reading == MLOPS_READS_TO_END);
	mlops_batch_node_filter(*place, lsecond(own),
							qual != NIL ? n_first : list_length(calls));
	return true;
}

/*
 * Is it a node that makes values for the rows that meet its conditions?  Then
 * these have to stay there.
 */
static bool
has_late_calls(const Plan *plan)
{
	return mlops_is_batch_node(plan) && mlops_batch_node_late_calls(plan) > 0;
}

/*
 * The conditions of a plan from the first with calls on, with placeholders;
 * the plan is left those before it, all if there are none.  Later ones are
 * evaluated for some rows only, so they may use no other calls.  If they have
 * other calls, so that one more node will be put above for these, then what
 * is evaluated behind them may use no other calls either.
 */
static List *
take_filter(Plan *plan, Batching *batching)
{
	MlopsTaking *taking = &batching->taking;
	List	   *all = plan->qual;
	List	   *below = NIL;
	List	   *result = NIL;
	ListCell   *cell;

	if (has_late_calls(plan))
		return NIL;
	foreach(cell, all)
	{
		List	   *condition =
			mlops_take_calls(list_make1(lfirst(cell)), taking);

		if (taking->calls == NIL)
		{
			below = lappend(below, lfirst(cell));
			continue;
		}
		taking->take = MLOPS_TAKE_EQUAL;
		result = lappend(result, linitial(condition));
	}
	if (contain_subplans((Node *) result))
	{
		taking->calls = NIL;
		taking->guards = NIL;
		taking->splits = 0;
		taking->operators = 0;
		taking->take = MLOPS_TAKE_ANY;
		return NIL;
	}
	if (result != NIL && !mlops_takes_any(result, taking))
		taking->take = MLOPS_TAKE_SAME_RUN;
	plan->qual = below;
	return result;
}

/*
 * Is each row in its own frame?  Not looked into are offsets by RANGE, which
 * an operator class decides.
 */
static bool
is_own_frame(const WindowAgg *window)
{
	int			options = window->frameOptions;

	if ((options & FRAMEOPTION_EXCLUSION) != 0 ||
		((options & FRAMEOPTION_RANGE) != 0 &&
		 (options & (FRAMEOPTION_START_OFFSET | FRAMEOPTION_END_OFFSET)) != 0))
		return false;
	return (options & (FRAMEOPTION_START_UNBOUNDED_PRECEDING |
					   FRAMEOPTION_START_CURRENT_ROW |
					   FRAMEOPTION_START_OFFSET_PRECEDING)) != 0 &&
		(options & (FRAMEOPTION_END_UNBOUNDED_FOLLOWING |
					FRAMEOPTION_END_CURRENT_ROW |
					FRAMEOPTION_END_OFFSET_FOLLOWING)) != 0;
}

/* The numbers as a list. */
static List *
column_numbers(int n, const AttrNumber *columns)
{
	List	   *result = NIL;

	for (int i = 0; i < n; i++)
		result = list_append_unique_int(result, columns[i]);
	return result;
}

/* Is keeping these columns of the plan below made up for? */
static bool
pays(const Batching *batching, const Plan *child, List *kept)
{
	double		needed = mlops_batch_min_splits +
		batching->taking.operators * SPLITS_PER_OPERATOR;
	ListCell   *cell;

	if (mlops_batch_min_splits == 0)
		return true;
	foreach(cell, batching->taking.guards)
		needed += lfirst(cell) == NULL ? 0 : SPLITS_PER_GUARD;
	foreach(cell, kept)
	{
		TargetEntry *entry = list_nth(child->targetlist, lfirst_int(cell) - 1);

		needed += get_typbyval(exprType((Node *) entry->expr)) ?
			SPLITS_PER_VALUE : SPLITS_PER_COPY;
	}
	return batching->taking.splits >= needed;
}

/* Is it the placeholder of a call? */
static bool
is_call(Node *node)
{
	return IsA(node, Var) && ((Var *) node)->varno == MLOPS_CALL_VARNO;
}

/* Is it what a plan below has to return, as it is known only there? */
static bool
is_column(Node *node)
{
	return IsA(node, Var) || IsA(node, Aggref) || IsA(node, GroupingFunc);
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
	if (is_call(node))
	{
		Var		   *var = copyObject((Var *) node);

		var->varno = batching->varno;
		var->varattno += batching->n_columns;
		return (Node *) var;
	}
	if (batching->columns != NIL && is_column(node))
	{
		while (!equal(list_nth(batching->columns, i++), node))
			;
		return (Node *) makeVar(batching->varno, i, exprType(node),
								exprTypmod(node), exprCollation(node), 0);
	}
	return expression_tree_mutator(node, to_columns, arg);
}

/* Walker: collect columns, each once. */
static bool
collect_columns(Node *node, void *arg)
{
	Batching   *batching = arg;

	if (node == NULL)
		return false;
	if (is_call(node))
		return false;
	if (is_column(node))
	{
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
