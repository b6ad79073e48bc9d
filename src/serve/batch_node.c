/*
 * batch_node.c
 *		A node of a plan that predicts many rows at a time.
 *
 * It reads up to MLOPS_NODE_ROWS rows of the plan below, encodes each as it
 * comes, straight from its slot, keeps the columns that somebody above reads,
 * in no more than work_mem, and predicts all of them by one run over the
 * trees.  Then it hands them on, in their order, each with its predictions
 * behind its columns.
 *
 * Which version predicts is decided as at any call site, when the first row
 * is there: without rows there is nothing to fail.  What a function says of a
 * row, be it an error, is made when that row is handed on.  The plan is made
 * so that nothing between can tell the difference, see batch_plan.c.
 *
 * Kept columns and temporary data are in contexts of their own; the rest is
 * memory of the query.
 */
#include "postgres.h"

#include "base/base.h"
#include "base/compat.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "serve/batch.h"
#include "serve/telemetry.h"
#include "serve/version_cache.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

/* A run: one model over one choice of columns. */
typedef struct Run
{
	const MlopsBatchCall *call; /* the first of those that it serves */
	bool		margin;
	FmgrInfo	site;			/* stands for the call site */
	FunctionCallInfo fcinfo;
	MlopsPlace *place;
	int64		version_id;		/* for which the arrays are; 0: none */
	int			n_features;
	int			n_outputs;
	/* where the values come from: the slot itself, or a projection of it */
	ProjectionInfo *projection; /* NULL: the slot */
	TupleDesc	row_type;		/* the values by name, of that slot */
	int			sign;			/* attribute, 0 if there is none */
	bool		always;			/* each row is needed */
	bool		wanted;			/* the present row is */
	bool		ready;			/* the version is known, for this batch */
	/* the rows that are there, and where each row of the batch is in them */
	int			n;
	int			at[MLOPS_NODE_ROWS];	/* -1: NULL */
	float	   *features;		/* [MLOPS_NODE_ROWS][n_features] */
	float	   *outputs;		/* [MLOPS_NODE_ROWS][n_outputs] */
	int			unseen;			/* categories, for mlops.stat_model */
	double		encoding;		/* milliseconds of the first of TIMED_ROWS */
} Run;

/* The encoding of one row of so many is timed. */
#define TIMED_ROWS 64

/* A column of the plan below that is kept. */
typedef struct Kept
{
	int			attribute;		/* from 0 */
	int16		length;
	bool		by_value;
	Datum	   *values;			/* [MLOPS_NODE_ROWS] */
	bool	   *nulls;
} Kept;

/* What says for which rows a call is needed. */
typedef struct Guard
{
	ExprState  *condition;		/* NULL: all */
	bool		wanted[MLOPS_NODE_ROWS];
} Guard;

typedef struct BatchState
{
	CustomScanState css;
	int			n_columns;
	int			n_calls;
	MlopsBatchCall *calls;
	int		   *runs_of;		/* the run of each call */
	int			n_guards;		/* with conditions */
	Guard	   *guards;			/* of each call */
	int			n_runs;
	Run		   *runs;
	int			n_kept;
	Kept	   *kept;
	int			last_attribute; /* of the plan below that is read */
	MemoryContext kept_context; /* of the batch */
	bool		to_end;			/* see mlops_batch_node() */
	int			n_first;		/* calls that conditions need */
	int			n;				/* rows of the batch */
	int			next;			/* to be handed on */
	bool		done;			/* the plan below has ended */
} BatchState;

/* Has the executor been asked for all rows of the statement that it runs? */
static bool run_to_end = false;
static ExecutorRun_hook_type previous_run = NULL;

static void run(mlops_run_parameters);
static Node *create_state(CustomScan *plan);
static void begin(CustomScanState *node, EState *estate, int flags);
static TupleTableSlot *next_row(CustomScanState *node);
static void end(CustomScanState *node);
static void rescan(CustomScanState *node);
static void explain(CustomScanState *node, List *ancestors, ExplainState *es);
static void begin_calls(BatchState *state, List *tlist);
static void begin_run(BatchState *state, Run *run,
					  const MlopsBatchCall *call);
static void begin_guards(BatchState *state, List *guards);
static void read_slot(BatchState *state, Run *run);
static void read_projection(BatchState *state, Run *run);
static void begin_kept(BatchState *state, List *needed);
static void check_execute(Oid function);
static bool fill(BatchState *state);
static bool has_room(const BatchState *state);
static void take_row(BatchState *state, TupleTableSlot *slot);
static void find_wanted(BatchState *state, TupleTableSlot *slot);
static void encode(BatchState *state, Run *run, TupleTableSlot *slot);
static double milliseconds_since(instr_time started);
static void prepare(BatchState *state, Run *run);
static void bind(Run *run);
static void refresh(Run *run);
static void evaluate(Run *run);
static void hand_on(BatchState *state, int row);
static void write_values(BatchState *state, int row, int first, int end);

static const CustomScanMethods scan_methods = {
	"MlopsPredict", create_state
};

static const CustomExecMethods exec_methods = {
	.CustomName = "MlopsPredict",
	.BeginCustomScan = begin,
	.ExecCustomScan = next_row,
	.EndCustomScan = end,
	.ReScanCustomScan = rescan,
	.ExplainCustomScan = explain
};

void
mlops_batch_node_init(void)
{
	RegisterCustomScanMethods(&scan_methods);
	previous_run = ExecutorRun_hook;
	ExecutorRun_hook = run;
}

Plan *
mlops_batch_node(Plan *child, List *tlist, List *calls, List *guards,
				 List *needed, bool to_end)
{
	static int	last_number = 0;
	CustomScan *node = makeNode(CustomScan);
	Plan	   *plan = &node->scan.plan;
	int			n = list_length(child->targetlist);
	ListCell   *cell;

	plan->startup_cost = child->startup_cost;
	plan->total_cost = child->total_cost;
	plan->plan_rows = child->plan_rows;
	plan->plan_width = child->plan_width + 8 * list_length(calls);
	plan->parallel_safe = child->parallel_safe;
	mlops_plan_follow(plan, child);
	/* the planner counts from 0; two of ours must not be equal in a plan */
	plan->plan_node_id = 0x40000000 + (last_number++ & 0xfffffff);
	plan->targetlist = tlist;
	plan->lefttree = child;
	plan->extParam = bms_copy(child->extParam);
	plan->allParam = bms_copy(child->allParam);
	foreach(cell, child->targetlist)
	{
		TargetEntry *entry = lfirst(cell);
		Var		   *var = makeVarFromTargetEntry(OUTER_VAR, entry);

		node->custom_scan_tlist =
			lappend(node->custom_scan_tlist,
					makeTargetEntry((Expr *) var, entry->resno,
									entry->resname, false));
	}
	foreach(cell, calls)
		node->custom_scan_tlist =
			lappend(node->custom_scan_tlist,
					makeTargetEntry(lfirst(cell), ++n, NULL, false));
	node->custom_exprs = guards;
	node->custom_private = list_make3(needed, makeBoolean(to_end),
									  makeInteger(list_length(calls)));
	node->methods = &scan_methods;
	return plan;
}

void
mlops_batch_node_filter(Plan *node, List *qual, int n_first)
{
	List	   *values = ((CustomScan *) node)->custom_private;

	node->qual = qual;
	lthird(values) = makeInteger(n_first);
}

int
mlops_batch_node_late_calls(const Plan *node)
{
	const CustomScan *scan = (const CustomScan *) node;

	return list_length(scan->custom_exprs) -
		intVal(lthird(scan->custom_private));
}

bool
mlops_is_batch_node(const Plan *plan)
{
	return IsA(plan, CustomScan) &&
		((const CustomScan *) plan)->methods == &scan_methods;
}

/* ExecutorRun_hook. */
static void
run(mlops_run_parameters)
{
	bool		before = run_to_end;

	PG_TRY();
	{
		run_to_end = count == 0;
		if (previous_run != NULL)
			previous_run(mlops_run_arguments);
		else
			standard_ExecutorRun(mlops_run_arguments);
	}
	PG_FINALLY();
	{
		run_to_end = before;
	}
	PG_END_TRY();
}

/* CreateCustomScanState. */
static Node *
create_state(CustomScan *plan)
{
	BatchState *state = palloc0(sizeof(BatchState));

	NodeSetTag(state, T_CustomScanState);
	state->css.methods = &exec_methods;
	return (Node *) state;
}

/* BeginCustomScan: all but what depends on the version. */
static void
begin(CustomScanState *node, EState *estate, int flags)
{
	BatchState *state = (BatchState *) node;
	CustomScan *plan = (CustomScan *) node->ss.ps.plan;

	outerPlanState(node) = ExecInitNode(outerPlan(plan), estate, flags);
	state->n_columns = list_length(outerPlan(plan)->targetlist);
	state->kept_context = AllocSetContextCreate(estate->es_query_cxt,
												"mlops batch",
												ALLOCSET_DEFAULT_SIZES);
	begin_kept(state, linitial(plan->custom_private));
	state->to_end = boolVal(lsecond(plan->custom_private));
	state->n_first = intVal(lthird(plan->custom_private));
	begin_calls(state, plan->custom_scan_tlist);
	begin_guards(state, plan->custom_exprs);
}

/* ExecCustomScan. */
static TupleTableSlot *
next_row(CustomScanState *node)
{
	BatchState *state = (BatchState *) node;
	ExprContext *econtext = node->ss.ps.ps_ExprContext;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;
	int			row;

	for (;;)
	{
		ResetExprContext(econtext);
		if (state->next >= state->n && !fill(state))
			return ExecClearTuple(node->ss.ps.ps_ResultTupleSlot);
		row = state->next++;
		hand_on(state, row);
		write_values(state, row, 0, state->n_first);
		econtext->ecxt_scantuple = slot;
		if (node->ss.ps.qual == NULL || ExecQual(node->ss.ps.qual, econtext))
			break;
		InstrCountFiltered1(node, 1);
	}
	write_values(state, row, state->n_first, state->n_calls);
	if (node->ss.ps.ps_ProjInfo == NULL)
		return slot;
	return ExecProject(node->ss.ps.ps_ProjInfo);
}

/* EndCustomScan. */
static void
end(CustomScanState *node)
{
	ExecEndNode(outerPlanState(node));
}

/* ReScanCustomScan. */
static void
rescan(CustomScanState *node)
{
	BatchState *state = (BatchState *) node;

	state->n = state->next = 0;
	state->done = false;
	if (outerPlanState(node)->chgParam == NULL)
		ExecReScan(outerPlanState(node));
}

/* ExplainCustomScan: the models, once each. */
static void
explain(CustomScanState *node, List *ancestors, ExplainState *es)
{
	BatchState *state = (BatchState *) node;
	List	   *models = NIL;

	for (int i = 0; i < state->n_runs; i++)
	{
		const MlopsBatchCall *call = state->runs[i].call;
		char	   *model = text_to_cstring(call->model);

		if (call->pinned_version > 0)
			model = psprintf("%s/%d", model, call->pinned_version);
		models = list_append_unique(models, makeString(model));
	}
	for (int i = 0; i < list_length(models); i++)
		lfirst(list_nth_cell(models, i)) = strVal(list_nth(models, i));
	ExplainPropertyList("Models", models, es);
	ExplainPropertyInteger("Batch Rows", NULL, MLOPS_NODE_ROWS, es);
}

/*
 * Read the calls, which stand behind the columns, and make a run for each
 * choice of model and columns.
 */
static void
begin_calls(BatchState *state, List *tlist)
{
	state->n_calls = list_length(tlist) - state->n_columns;
	state->calls = palloc0(sizeof(MlopsBatchCall) * state->n_calls);
	state->runs_of = palloc(sizeof(int) * state->n_calls);
	state->runs = palloc0(sizeof(Run) * state->n_calls);
	for (int i = 0; i < state->n_calls; i++)
	{
		TargetEntry *entry = list_nth(tlist, state->n_columns + i);
		MlopsBatchCall *call = &state->calls[i];
		int			run = 0;

		if (!mlops_batch_call_read((Node *) entry->expr, call))
			elog(ERROR, "call of a predict function cannot be read");
		check_execute(call->call->funcid);
		if (call->kind == MLOPS_PREDICT_SCORED)
			call->row_type =
				lookup_rowtype_tupdesc_copy(call->call->funcresulttype, -1);
		while (run < state->n_runs &&
			   !mlops_batch_call_same(state->runs[run].call, call))
			run++;
		if (run == state->n_runs)
			begin_run(state, &state->runs[state->n_runs++], call);
		state->runs_of[i] = run;
	}
}

/* Make a run for the call, without a version so far. */
static void
begin_run(BatchState *state, Run *run, const MlopsBatchCall *call)
{
	run->call = call;
	run->margin = call->kind == MLOPS_PREDICT_MARGIN ||
		call->kind == MLOPS_PREDICT_MARGINS;
	fmgr_info(call->call->funcid, &run->site);
	run->fcinfo = palloc0(SizeForFunctionCallInfo(0));
	InitFunctionCallInfoData(*run->fcinfo, &run->site, 0, InvalidOid, NULL,
							 NULL);
	if (mlops_batch_call_is_plain(call))
		read_slot(state, run);
	else
		read_projection(state, run);
}

/* Compile the guards; a run is for all rows if one of its calls is. */
static void
begin_guards(BatchState *state, List *guards)
{
	ListCell   *cell;

	state->guards = palloc0(sizeof(Guard) * state->n_calls);
	foreach(cell, guards)
	{
		int			call = foreach_current_index(cell);

		if (lfirst(cell) == NULL)
		{
			state->runs[state->runs_of[call]].always = true;
			continue;
		}
		state->guards[call].condition = ExecInitExpr(lfirst(cell),
													 &state->css.ss.ps);
		state->n_guards++;
	}
}

/* Values are read from the slot of the plan below. */
static void
read_slot(BatchState *state, Run *run)
{
	const MlopsBatchCall *call = run->call;
	List	   *names = mlops_text_array_to_list(call->names);
	int			last = 0;
	ListCell   *name;
	ListCell   *value;

	foreach(value, call->values)
		last = Max(last, ((Var *) mlops_batch_bare_value(lfirst(value)))->varattno);
	run->row_type = CreateTemplateTupleDesc(last);
	for (int i = 1; i <= last; i++)
	{
		TupleDescInitEntry(run->row_type, i, "", BOOLOID, -1, 0);
		TupleDescAttr(run->row_type, i - 1)->attisdropped = true;
	}
	forboth(name, names, value, call->values)
	{
		Var		   *var = (Var *) mlops_batch_bare_value(lfirst(value));

		TupleDescInitEntry(run->row_type, var->varattno, lfirst(name),
						   exprType(lfirst(value)),
						   exprTypmod(lfirst(value)), 0);
	}
	if (call->sign != NULL)
		run->sign = ((Var *) call->sign)->varattno;
	state->last_attribute = Max(state->last_attribute, Max(last, run->sign));
}

/* Values are computed from the slot of the plan below. */
static void
read_projection(BatchState *state, Run *run)
{
	const MlopsBatchCall *call = run->call;
	PlanState  *ps = &state->css.ss.ps;
	List	   *names = mlops_text_array_to_list(call->names);
	List	   *tlist = NIL;
	int			n = list_length(call->values);
	ListCell   *name;
	ListCell   *value;

	run->row_type = CreateTemplateTupleDesc(n);
	forboth(name, names, value, call->values)
	{
		int			i = list_length(tlist) + 1;

		TupleDescInitEntry(run->row_type, i, lfirst(name),
						   exprType(lfirst(value)),
						   exprTypmod(lfirst(value)), 0);
		tlist = lappend(tlist, makeTargetEntry(lfirst(value), i, NULL,
											   false));
	}
	if (call->sign != NULL)
	{
		run->sign = n + 1;
		tlist = lappend(tlist, makeTargetEntry(call->sign, run->sign, NULL,
											   false));
	}
	run->projection =
		ExecBuildProjectionInfo(tlist, ps->ps_ExprContext,
								ExecInitExtraTupleSlot(ps->state,
													   ExecTypeFromTL(tlist),
													   &TTSOpsVirtual),
								ps, NULL);
}

/* Make room for the columns that are kept. */
static void
begin_kept(BatchState *state, List *needed)
{
	TupleDesc	tupdesc = ExecGetResultType(outerPlanState(state));
	ListCell   *cell;

	state->kept = palloc0(sizeof(Kept) * Max(list_length(needed), 1));
	foreach(cell, needed)
	{
		Kept	   *kept = &state->kept[state->n_kept++];
		Form_pg_attribute attribute;

		kept->attribute = lfirst_int(cell) - 1;
		attribute = TupleDescAttr(tupdesc, kept->attribute);
		kept->length = attribute->attlen;
		kept->by_value = attribute->attbyval;
		kept->values = palloc(sizeof(Datum) * MLOPS_NODE_ROWS);
		kept->nulls = palloc(sizeof(bool) * MLOPS_NODE_ROWS);
		state->last_attribute = Max(state->last_attribute,
									lfirst_int(cell));
	}
}

/* What the executor checks of a function that an expression calls. */
static void
check_execute(Oid function)
{
	if (!mlops_may_execute(function, GetUserId()))
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION,
					   get_func_name(function));
	InvokeFunctionExecuteHook(function);
}

/* Read and predict the next rows; false if there are none. */
static bool
fill(BatchState *state)
{
	PlanState  *child = outerPlanState(state);
	int			most = state->to_end && !run_to_end ? 1 : MLOPS_NODE_ROWS;

	CHECK_FOR_INTERRUPTS();
	state->n = state->next = 0;
	for (int i = 0; i < state->n_runs; i++)
	{
		state->runs[i].n = 0;
		state->runs[i].ready = false;
	}
	MemoryContextReset(state->kept_context);
	while (!state->done && state->n < most && has_room(state))
	{
		TupleTableSlot *slot = ExecProcNode(child);

		if (TupIsNull(slot))
			state->done = true;
		else
			take_row(state, slot);
	}
	if (state->n == 0)
		return false;
	for (int i = 0; i < state->n_runs; i++)
		evaluate(&state->runs[i]);
	return true;
}

/* Do the columns that are kept leave room for those of one more row? */
static bool
has_room(const BatchState *state)
{
	return MemoryContextMemAllocated(state->kept_context, false) <
		(Size) work_mem * 1024;
}

/* Encode a row for each run, and keep what is read of it later. */
static void
take_row(BatchState *state, TupleTableSlot *slot)
{
	ExprContext *econtext = state->css.ss.ps.ps_ExprContext;
	MemoryContext old_context;
	int			row = state->n;

	slot_getsomeattrs(slot, state->last_attribute);
	ResetExprContext(econtext);
	old_context = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
	if (state->n_guards > 0)
		find_wanted(state, slot);
	for (int i = 0; i < state->n_runs; i++)
		encode(state, &state->runs[i], slot);

	MemoryContextSwitchTo(state->kept_context);
	for (int i = 0; i < state->n_kept; i++)
	{
		Kept	   *kept = &state->kept[i];
		Datum		value = slot->tts_values[kept->attribute];
		bool		null = slot->tts_isnull[kept->attribute];

		kept->nulls[row] = null;
		kept->values[row] = null || kept->by_value ? value :
			datumCopy(value, false, kept->length);
	}
	MemoryContextSwitchTo(old_context);
	state->n++;
}

/* Evaluate the guards of all calls for the row of the slot. */
static void
find_wanted(BatchState *state, TupleTableSlot *slot)
{
	ExprContext *econtext = state->css.ss.ps.ps_ExprContext;

	econtext->ecxt_outertuple = slot;
	for (int i = 0; i < state->n_runs; i++)
		state->runs[i].wanted = false;
	for (int i = 0; i < state->n_calls; i++)
	{
		Guard	   *guard = &state->guards[i];
		bool	   *wanted = &guard->wanted[state->n];
		bool		null;

		if (guard->condition == NULL)
			continue;
		*wanted = DatumGetBool(ExecEvalExpr(guard->condition, econtext,
											&null)) && !null;
		state->runs[state->runs_of[i]].wanted |= *wanted;
	}
}

/* Encode the row of the slot for one run, if it is needed there. */
static void
encode(BatchState *state, Run *run, TupleTableSlot *slot)
{
	ExprContext *econtext = state->css.ss.ps.ps_ExprContext;
	instr_time	started;
	bool		timed;

	run->at[state->n] = -1;
	if (!run->always && !run->wanted)
		return;
	if (run->projection != NULL)
	{
		econtext->ecxt_outertuple = slot;
		slot = ExecProject(run->projection);
	}
	/* not before there is a row */
	if (!run->ready)
		prepare(state, run);
	if (run->sign > 0 && slot->tts_isnull[run->sign - 1])
		return;
	timed = run->n % TIMED_ROWS == 0 && mlops_track_usage;
	if (timed)
		INSTR_TIME_SET_CURRENT(started);
	run->unseen += mlops_encode_row(run->place->encoder, slot->tts_values,
									slot->tts_isnull, run->features +
									(Size) run->n * run->n_features);
	run->at[state->n] = run->n++;
	if (timed)
		run->encoding += milliseconds_since(started);
}

/* The time that has passed. */
static double
milliseconds_since(instr_time started)
{
	instr_time	duration;

	INSTR_TIME_SET_CURRENT(duration);
	INSTR_TIME_SUBTRACT(duration, started);
	return INSTR_TIME_GET_MILLISEC(duration);
}

/* Have the version loaded that predicts now, and an encoder bound. */
static void
prepare(BatchState *state, Run *run)
{
	const MlopsBatchCall *call = run->call;
	MemoryContext context = state->css.ss.ps.state->es_query_cxt;
	MlopsPlace *place = mlops_call_site_place(run->fcinfo, call->model,
											  call->pinned_version);

	run->place = place;
	run->ready = true;
	if (!place->bound)
		bind(run);
	if (place->version_id == run->version_id)
		return;
	run->n_features = place->predictor->signature->n_features;
	run->n_outputs = place->predictor->info.n_outputs;
	run->features = MemoryContextAllocHuge(context, sizeof(float) *
										   MLOPS_NODE_ROWS * run->n_features);
	run->outputs = MemoryContextAllocHuge(context, sizeof(float) *
										  MLOPS_NODE_ROWS * run->n_outputs);
	run->version_id = place->version_id;
}

/* Bind the encoder of the run's place to its slot. */
static void
bind(Run *run)
{
	MlopsPlace *place = run->place;
	MemoryContext old_context;

	mlops_usage_trying = place->predictor->usage;
	mlops_place_check_columns(place,
							  mlops_text_array_to_list(run->call->names));
	old_context = MemoryContextSwitchTo(mlops_place_context(place));
	place->encoder = mlops_encoder_bind(place->predictor->signature,
										run->row_type);
	MemoryContextSwitchTo(old_context);
	mlops_usage_trying = NULL;
	place->bound = true;
}

/*
 * Have the version loaded that was: others may have been loaded since then,
 * and it been evicted.  It cannot be another one, as the snapshot is the same.
 */
static void
refresh(Run *run)
{
	run->place = mlops_call_site_place(run->fcinfo, run->call->model,
									   run->call->pinned_version);
	if (run->place->version_id != run->version_id)
		elog(ERROR, "version changed while rows were read");
}

/* Predict the rows of a run, and count them. */
static void
evaluate(Run *run)
{
	const MlopsPredictor *predictor;
	int			timed = (run->n + TIMED_ROWS - 1) / TIMED_ROWS;
	instr_time	started;

	if (run->n == 0)
		return;
	refresh(run);
	predictor = run->place->predictor;
	INSTR_TIME_SET_CURRENT(started);
	if (run->margin)
		mlops_forest_margin_batch(predictor->forest, run->features, run->n,
								  run->n_features, run->outputs);
	else
		mlops_forest_predict_batch(predictor->forest, run->features, run->n,
								   run->n_features, run->outputs);
	mlops_usage_batch(predictor->usage, run->features, run->n,
					  run->n_features, run->unseen,
					  run->encoding * run->n / timed +
					  milliseconds_since(started));
	run->unseen = 0;
	run->encoding = 0;
}

/* Write the columns of a row into the slot; its calls have no values yet. */
static void
hand_on(BatchState *state, int row)
{
	TupleTableSlot *slot = state->css.ss.ss_ScanTupleSlot;

	ExecClearTuple(slot);
	memset(slot->tts_isnull, true,
		   sizeof(bool) * (state->n_columns + state->n_calls));
	for (int i = 0; i < state->n_kept; i++)
	{
		const Kept *kept = &state->kept[i];

		slot->tts_values[kept->attribute] = kept->values[row];
		slot->tts_isnull[kept->attribute] = kept->nulls[row];
	}
	ExecStoreVirtualTuple(slot);
}

/* Write the values of some calls into the slot. */
static void
write_values(BatchState *state, int row, int first, int end)
{
	TupleTableSlot *slot = state->css.ss.ss_ScanTupleSlot;
	ExprContext *econtext = state->css.ss.ps.ps_ExprContext;
	MemoryContext old_context =
		MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);

	for (int i = first; i < end; i++)
	{
		Run		   *run = &state->runs[state->runs_of[i]];
		int			at = run->at[row];
		int			column = state->n_columns + i;
		const Guard *guard = &state->guards[i];

		if (at < 0 || (guard->condition != NULL && !guard->wanted[row]))
			continue;
		if (unlikely(run->place->serial != mlops_version_cache_serial()))
			refresh(run);
		run->place->outputs = run->outputs + (Size) at * run->n_outputs;
		run->place->features = run->features + (Size) at * run->n_features;
		slot->tts_values[column] =
			mlops_prediction_value(run->place, state->calls[i].kind,
								   state->calls[i].label,
								   state->calls[i].row_type);
		slot->tts_isnull[column] = false;
	}
	MemoryContextSwitchTo(old_context);
}
