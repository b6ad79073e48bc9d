/*
 * planner.c
 *		How calls of the predict functions are planned.
 *
 * A row argument whose columns are known becomes the columns that the model
 * needs, so that no row is formed and no other column is read: predict(m, t)
 * becomes _predict(m, '{a,b}', t.a, t.b).  The plan binds columns, never a
 * version: which one serves is decided when it is executed, and what it was
 * given is checked then.  A plan depends on the tables of aliases and models,
 * whose invalidation a deploy sends with its transaction.
 *
 * A plan outlives its snapshot, so columns are bound only if what serves
 * under the snapshot of the planning is what serves now.  Otherwise the row
 * stays, which any version can take, and the plan is one to be made again.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/xact.h"
#include "base/base.h"
#include "base/compat.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/planmain.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "port/pg_bitutils.h"
#include "rewrite/rewriteManip.h"
#include "serve/call_site.h"
#include "serve/planner.h"
#include "serve/row_columns.h"
#include "serve/version_cache.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(mlops_predict_support);

/* Columns that are passed one by one; more go as one row. */
#define MAX_SINGLE_COLUMNS 95

/* Models whose costs are remembered; see version_cost(). */
#define COST_ENTRIES 8

/* A call of a predict function: what it predicts with. */
typedef struct Call
{
	MlopsReference reference;
	bool		pinned;			/* predict_pinned() */
	int			row;			/* the place of the row among its arguments */
} Call;

/* What a version costs to predict with, as it was at a moment. */
typedef struct CostEntry
{
	MlopsMoment moment;
	char		key[NAMEDATALEN * 4];	/* "": unused */
	double		cost;			/* operators; 0: not known */
} CostEntry;

static uint64 n_bound = 0;		/* calls that were given columns */
static bool plan_bound = false; /* in this transaction */
static bool alias_changed = false;	/* since then */
static Oid	alias_relation = InvalidOid;
static Oid	model_relation = InvalidOid;

static Node *simplify(SupportRequestSimplify *request);
static bool read_call(FuncExpr *call, Call *result);
static bool is_plannable(PlannerInfo *root);
static const MlopsPredictor *current_version(PlannerInfo *root,
											 const Call *call);
static int *needed_columns(const MlopsSignature *signature,
						   const MlopsRowColumns *columns);
static Oid	column_function(FuncExpr *call, const Call *what);
static Node *column_call(FuncExpr *call, const Call *what, Oid function,
						 const MlopsSignature *signature,
						 const MlopsRowColumns *columns, const int *needed);
static bool is_indexed(PlannerInfo *root, FuncExpr *call);
static bool contains(Node *node, void *context);
static void depend(PlannerInfo *root, const Call *what);
static void watch_aliases(void);
static void alias_invalidated(Datum argument, Oid relation);
static void transaction_ends(XactEvent event, void *argument);
static bool estimate(SupportRequestCost *request);
static double version_cost(const Call *what);
static double evaluation_cost(const MlopsPredictor *predictor);

/* _predict_support(internal) returns internal */
Datum
mlops_predict_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);

	if (IsA(request, SupportRequestSimplify))
		PG_RETURN_POINTER(simplify((SupportRequestSimplify *) request));
	if (IsA(request, SupportRequestCost) &&
		estimate((SupportRequestCost *) request))
		PG_RETURN_POINTER(request);
	PG_RETURN_POINTER(NULL);
}

uint64
mlops_bound_calls(void)
{
	return n_bound;
}

const MlopsPredictor *
mlops_planned_version(FuncExpr *call)
{
	Snapshot	snapshot;
	Call		what;
	int64		version_id;

	if (!ActiveSnapshotSet() || !read_call(call, &what))
		return NULL;
	snapshot = GetActiveSnapshot();
	version_id = mlops_resolve_quietly(&what.reference, snapshot,
									   MLOPS_PREDICT);
	return version_id == 0 ? NULL : mlops_version_get(version_id, snapshot);
}

/* Every plan with columns depends on mlops.model; see depend(). */
bool
mlops_plan_is_bound(const PlannedStmt *plan)
{
	return OidIsValid(model_relation) &&
		list_member_oid(plan->relationOids, model_relation);
}

bool
mlops_planning_is_bound(const PlannerGlobal *glob)
{
	return OidIsValid(model_relation) &&
		list_member_oid(glob->relationOids, model_relation);
}

/*
 * The call with the columns in place of the row, or NULL where that cannot
 * be, or where the call would fail: it does so when it is executed.
 */
static Node *
simplify(SupportRequestSimplify *request)
{
	PlannerInfo *root = request->root;
	FuncExpr   *call = request->fcall;
	const MlopsPredictor *predictor;
	MlopsRowColumns columns;
	Call		what;
	int		   *needed;
	Oid			function;

	if (!is_plannable(root) || !read_call(call, &what))
		return NULL;
	if (!mlops_row_columns(root, list_nth(call->args, what.row), &columns))
		return NULL;
	depend(root, &what);
	function = column_function(call, &what);
	if (!OidIsValid(function) ||
		!mlops_may_execute(call->funcid, GetUserId()) ||
		!mlops_may_execute(function, GetUserId()) ||
		(what.pinned && is_indexed(root, call)))
		return NULL;
	predictor = current_version(root, &what);
	if (predictor == NULL)
		return NULL;
	needed = needed_columns(predictor->signature, &columns);
	if (needed == NULL)
		return NULL;
	return column_call(call, &what, function, predictor->signature, &columns,
					   needed);
}

/*
 * What the call predicts with; false if that is not known.  Only the
 * functions with a row in the place where predict() has it are simplified,
 * and predict_pinned(), where it is third.
 */
static bool
read_call(FuncExpr *call, Call *result)
{
	Const	   *model = linitial(call->args);

	memset(result, 0, sizeof(Call));
	if (!IsA(model, Const) || model->constisnull)
		return false;
	result->pinned = model->consttype == TEXTOID;
	result->row = result->pinned ? 2 : 1;
	if (result->pinned)
	{
		Const	   *version = lsecond(call->args);

		if (!IsA(version, Const) || version->constisnull ||
			DatumGetInt32(version->constvalue) <= 0)
			return false;
		result->reference.model = TextDatumGetCString(model->constvalue);
		result->reference.version = DatumGetInt32(version->constvalue);
		return true;
	}
	return mlops_reference_read(TextDatumGetCString(model->constvalue),
								&result->reference);
}

/*
 * Whether the expressions of a query are being prepared: later on it is
 * settled which columns each relation has to give.  Grouping by rows, and
 * grouping sets, give columns another value than they have in the row.
 */
static bool
is_plannable(PlannerInfo *root)
{
	ListCell   *cell;

	if (root == NULL || root->parse == NULL || root->glob == NULL ||
		root->simple_rel_array != NULL || !ActiveSnapshotSet() ||
		(root->parse->commandType != CMD_SELECT &&
		 root->parse->commandType != CMD_INSERT &&
		 root->parse->commandType != CMD_UPDATE &&
		 root->parse->commandType != CMD_DELETE) ||
		root->parse->groupingSets != NIL)
		return false;
	foreach(cell, root->parse->groupClause)
		if (type_is_rowtype(exprType(get_sortgroupclause_expr(lfirst(cell),
															  root->parse->targetList))))
			return false;
	return true;
}

/*
 * The version that the call means, if columns can be bound for it; else NULL.
 * Under an old snapshot it may be another one than now.
 */
static const MlopsPredictor *
current_version(PlannerInfo *root, const Call *call)
{
	Snapshot	snapshot = GetActiveSnapshot();
	int64		version_id = mlops_resolve_quietly(&call->reference, snapshot,
												   MLOPS_PREDICT);

	if (version_id == 0 ||
		version_id != mlops_resolve_quietly(&call->reference, NULL,
											MLOPS_PREDICT))
	{
		root->glob->transientPlan = true;
		return NULL;
	}
	return mlops_version_get(version_id, snapshot);
}

/*
 * For each input the index of its column; NULL if one is missing, there
 * twice or of a type that cannot stand for it, or if something that must be
 * executed would be left out.
 */
static int *
needed_columns(const MlopsSignature *signature,
			   const MlopsRowColumns *columns)
{
	int		   *order = mlops_row_columns_sort(columns);
	int		   *needed = palloc(sizeof(int) * signature->n_inputs);
	bool	   *used = palloc0(sizeof(bool) * Max(columns->n, 1));

	for (int i = 0; i < signature->n_inputs; i++)
	{
		int			k = mlops_row_column_find(columns, order,
											  signature->inputs[i].name);

		if (k < 0 || used[k] ||
			!mlops_input_takes(&signature->inputs[i],
							   exprType((Node *) columns->values[k])))
			return NULL;
		used[k] = true;
		needed[i] = k;
	}
	for (int k = 0; k < columns->n; k++)
		if (!used[k] && contain_volatile_functions((Node *) columns->values[k]))
			return NULL;
	return needed;
}

/*
 * The function that takes columns in place of the row: its name has an
 * underscore before it, and behind the other arguments there are the names,
 * text[], and the values.
 */
static Oid
column_function(FuncExpr *call, const Call *what)
{
	Oid			types[FUNC_MAX_ARGS];
	int			n = 0;
	char	   *name = get_func_name(call->funcid);
	ListCell   *cell;

	if (name == NULL)
		return InvalidOid;
	foreach(cell, call->args)
		if (foreach_current_index(cell) != what->row)
			types[n++] = exprType(lfirst(cell));
	types[n++] = TEXTARRAYOID;
	types[n++] = ANYOID;
	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
						   CStringGetDatum(psprintf("_%s", name)),
						   PointerGetDatum(buildoidvector(types, n)),
						   ObjectIdGetDatum(get_func_namespace(call->funcid)));
}

/* Write the new call. */
static Node *
column_call(FuncExpr *call, const Call *what, Oid function,
			const MlopsSignature *signature, const MlopsRowColumns *columns,
			const int *needed)
{
	int			n = signature->n_inputs;
	const char **names = palloc(sizeof(char *) * n);
	List	   *args = NIL;
	List	   *values = NIL;
	List	   *fields = NIL;
	ListCell   *cell;
	FuncExpr   *result;

	foreach(cell, call->args)
		if (foreach_current_index(cell) != what->row)
			args = lappend(args, lfirst(cell));
	for (int i = 0; i < n; i++)
	{
		names[i] = signature->inputs[i].name;
		values = lappend(values, columns->values[needed[i]]);
		fields = lappend(fields, makeString(pstrdup(names[i])));
	}
	args = lappend(args, makeConst(TEXTARRAYOID, -1, InvalidOid, -1,
								   PointerGetDatum(mlops_text_array(names, n)),
								   false, false));
	if (n > MAX_SINGLE_COLUMNS)
	{
		RowExpr    *row = makeNode(RowExpr);

		row->args = values;
		row->row_typeid = RECORDOID;
		row->row_format = COERCE_EXPLICIT_CALL;
		row->colnames = fields;
		row->location = -1;
		values = list_make1(row);
	}
	args = list_concat(args, values);
	if (columns->sign != NULL)
		args = lappend(args, columns->sign);

	result = makeFuncExpr(function, call->funcresulttype, args,
						  call->funccollid, call->inputcollid,
						  COERCE_EXPLICIT_CALL);
	result->location = call->location;
	n_bound++;
	return (Node *) result;
}

/*
 * Whether an index of the one table that the call reads contains it: there it
 * stands with the row, and has to be found again.
 */
static bool
is_indexed(PlannerInfo *root, FuncExpr *call)
{
	int			varno;
	RangeTblEntry *rte;
	Relation	relation;
	Node	   *sought;
	ListCell   *cell;
	bool		found = false;

	if (!bms_get_singleton_member(pull_varnos(root, (Node *) call), &varno))
		return false;
	rte = rt_fetch(varno, root->parse->rtable);
	if (rte->rtekind != RTE_RELATION)
		return false;

	/* as it would be written in the index */
	sought = copyObject((Node *) call);
	if (varno != 1)
		ChangeVarNodes(sought, varno, 1, 0);
	relation = table_open(rte->relid, NoLock);
	foreach(cell, RelationGetIndexList(relation))
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);

		found |= contains((Node *) RelationGetIndexExpressions(index), sought) ||
			contains((Node *) RelationGetIndexPredicate(index), sought);
		index_close(index, AccessShareLock);
	}
	table_close(relation, NoLock);
	return found;
}

/* Whether the tree contains what equals the other one. */
static bool
contains(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return equal(node, context) ||
		expression_tree_walker(node, contains, context);
}

/*
 * Have the plan made anew when what it was made from changes: which version
 * serves, the right to call the function, the role.
 */
static void
depend(PlannerInfo *root, const Call *what)
{
	PlannerGlobal *glob = root->glob;

	watch_aliases();
	if (what->reference.version == 0)
		glob->relationOids = list_append_unique_oid(glob->relationOids,
													alias_relation);
	model_relation = mlops_model_relation();
	glob->relationOids = list_append_unique_oid(glob->relationOids,
												model_relation);
	glob->dependsOnRole = true;
}

/*
 * A plan that is being made is not yet known to the plan cache, which would
 * therefore keep it if a deploy were noticed before it is done.  So whoever
 * has bound a plan and then notices one lets all plans go at the end of the
 * transaction.
 */
static void
watch_aliases(void)
{
	static bool registered = false;

	if (!registered)
	{
		CacheRegisterRelcacheCallback(alias_invalidated, (Datum) 0);
		RegisterXactCallback(transaction_ends, NULL);
		registered = true;
	}
	alias_relation = mlops_alias_relation();
	plan_bound = true;
}

/* Relcache callback; InvalidOid means every relation. */
static void
alias_invalidated(Datum argument, Oid relation)
{
	if (plan_bound && (relation == alias_relation || !OidIsValid(relation)))
		alias_changed = true;
}

/* Transaction callback. */
static void
transaction_ends(XactEvent event, void *argument)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT &&
		event != XACT_EVENT_PREPARE)
		return;
	if (alias_changed)
		ResetPlanCache();
	plan_bound = alias_changed = false;
}

/*
 * The cost of a call by the size of its model, with a row or with columns;
 * false if the model is not known.
 */
static bool
estimate(SupportRequestCost *request)
{
	FuncExpr   *call = (FuncExpr *) request->node;
	Call		what;
	double		operators;
	char	   *name;

	if (call == NULL || !IsA(call, FuncExpr) || !ActiveSnapshotSet() ||
		!read_call(call, &what))
		return false;
	operators = version_cost(&what);
	if (operators == 0)
		return false;
	name = get_func_name(call->funcid);
	if (name != NULL && name[0] != '_')
		operators += 50;		/* a row is formed and taken apart */
	request->startup = 0;
	request->per_tuple = cpu_operator_cost * operators;
	return true;
}

/*
 * What the version costs that a call means, in operators; 0 if there is none.
 * The planner asks for the same call many times.
 */
static double
version_cost(const Call *what)
{
	static CostEntry entries[COST_ENTRIES];
	static int	next = 0;
	MlopsMoment moment;
	CostEntry  *entry;
	Snapshot	snapshot = GetActiveSnapshot();
	int64		version_id;
	char	   *key = psprintf("%s/%d@%s", what->reference.model,
							   what->reference.version,
							   what->reference.alias ? what->reference.alias :
							   "");

	(void) mlops_moment_now(&moment);
	for (int i = 0; i < COST_ENTRIES; i++)
		if (strcmp(entries[i].key, key) == 0 &&
			memcmp(&entries[i].moment, &moment, sizeof(MlopsMoment)) == 0)
			return entries[i].cost;

	version_id = mlops_resolve_quietly(&what->reference, snapshot,
									   MLOPS_PREDICT);
	if (version_id == 0)
		return 0;
	if (strlen(key) >= sizeof(entry->key))
		return evaluation_cost(mlops_version_get(version_id, snapshot));
	entry = &entries[next];
	entry->key[0] = '\0';
	entry->cost = evaluation_cost(mlops_version_get(version_id, snapshot));
	entry->moment = moment;
	strlcpy(entry->key, key, sizeof(entry->key));
	next = (next + 1) % COST_ENTRIES;
	return entry->cost;
}

/*
 * Operators that take as long as one prediction: some for each column, and
 * one for ten splits on the way to a leaf of each tree.
 */
static double
evaluation_cost(const MlopsPredictor *predictor)
{
	const MlopsForestInfo *info = &predictor->info;
	double		depth = 0;

	/* a logarithm near enough, without the pages of the library */
	if (info->n_trees > 0)
		depth = pg_leftmost_one_pos64(info->n_nodes / info->n_trees + 1);
	return 5 + predictor->signature->n_inputs +
		info->n_trees * Min(depth, info->max_depth) / 10 +
		info->n_outputs * 0.1;
}
