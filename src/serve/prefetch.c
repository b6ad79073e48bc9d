/*
 * prefetch.c
 *		Rows of a table are asked from memory before they are read.
 *
 * A prediction reads more of the nearest caches than a processor's own
 * prefetching survives, so that each next row of a sequential scan would have
 * to be waited for: longer than its values take to be converted.  In plans
 * whose predict functions were given columns, a sequential scan that has
 * returned a row therefore asks for the next one of the page.
 *
 * That changes nothing but the time it takes.  What is read of the page is
 * not locked: it may be wrong and is only used as an address to ask for,
 * which cannot fail.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "nodes/nodeFuncs.h"
#include "serve/planner.h"
#include "serve/prefetch.h"
#include "serve/scan_call.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* Lines of memory, and how many of a row are asked for at most. */
#define LINE 64
#define MAX_LINES 6

static ExecutorStart_hook_type previous_start = NULL;

static void start(QueryDesc *query, int flags);
static bool plan_predicts(PlanState *state, void *context);
static bool predicts(Node *node, void *context);
static bool look_ahead(PlanState *state, void *context);
static TupleTableSlot *scan(PlanState *state);
static pg_attribute_always_inline void prefetch_next(const BufferHeapTupleTableSlot *slot);

void
mlops_prefetch_init(void)
{
	previous_start = ExecutorStart_hook;
	ExecutorStart_hook = start;
}

/*
 * ExecutorStart_hook.  The plan of a parallel worker has lost what it depends
 * on, so there its expressions are searched.
 */
static void
start(QueryDesc *query, int flags)
{
	bool		wanted;

	if (previous_start)
		previous_start(query, flags);
	else
		standard_ExecutorStart(query, flags);
	if (query->planstate == NULL || (flags & EXEC_FLAG_EXPLAIN_ONLY))
		return;
	if (IsParallelWorker())
	{
		Oid			namespace = get_namespace_oid("mlops", true);

		wanted = OidIsValid(namespace) &&
			plan_predicts(query->planstate, &namespace);
	}
	else
		wanted = mlops_plan_is_bound(query->plannedstmt);
	if (wanted)
		(void) look_ahead(query->planstate, NULL);
}

/* Whether a node or one below calls a function of the namespace. */
static bool
plan_predicts(PlanState *state, void *context)
{
	return predicts((Node *) state->plan->targetlist, context) ||
		predicts((Node *) state->plan->qual, context) ||
		planstate_tree_walker(state, plan_predicts, context);
}

/* The same of an expression. */
static bool
predicts(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr) &&
		get_func_namespace(((FuncExpr *) node)->funcid) == *(Oid *) context)
		return true;
	return expression_tree_walker(node, predicts, context);
}

/*
 * Have all sequential scans of heaps from a node on ask for their next rows,
 * where EXPLAIN ANALYZE has no function of its own, and all scans tell their
 * calls where rows are.
 */
static bool
look_ahead(PlanState *state, void *context)
{
	if (IsA(state, SeqScanState) && state->instrument == NULL &&
		((ScanState *) state)->ss_currentRelation->rd_rel->relam ==
		HEAP_TABLE_AM_OID)
		state->ExecProcNode = scan;
	mlops_scan_call_start(state);
	return planstate_tree_walker(state, look_ahead, context);
}

/* The next row of a sequential scan. */
static TupleTableSlot *
scan(PlanState *state)
{
	TupleTableSlot *result = state->ExecProcNodeReal(state);
	TupleTableSlot *slot = ((ScanState *) state)->ss_ScanTupleSlot;

	if (!TTS_EMPTY(slot) && TTS_IS_BUFFERTUPLE(slot))
		prefetch_next((BufferHeapTupleTableSlot *) slot);
	return result;
}

/*
 * Ask for the row behind the one in the slot.  Always inline: a compiler sees
 * no effect of it and would leave a call out.
 */
static pg_attribute_always_inline void
prefetch_next(const BufferHeapTupleTableSlot *slot)
{
	OffsetNumber next;
	Page		page;
	ItemId		item;
	const char *row;

	if (!BufferIsValid(slot->buffer) || slot->base.tuple == NULL)
		return;
	page = BufferGetPage(slot->buffer);
	next = ItemPointerGetOffsetNumberNoCheck(&slot->base.tuple->t_self) + 1;
	if (next > PageGetMaxOffsetNumber(page))
		return;
	item = PageGetItemId(page, next);
	row = (const char *) page + ItemIdGetOffset(item);
	for (uint32 i = 0; i < ItemIdGetLength(item) && i < MAX_LINES * LINE;
		 i += LINE)
		__builtin_prefetch(row + i);
}
