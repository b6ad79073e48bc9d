/*
 * batch.h
 *		Predictions of many rows at a time, as a node of a plan.
 *
 * batch_plan.c puts the node into finished plans, for calls that batch_take.c
 * takes out of expressions, batch_node.c executes it, batch_call.c reads calls
 * for all of them, and plan_nodes.c knows other nodes.  The node hands on the
 * rows of the plan below it, with predictions behind their columns.
 */
#ifndef MLOPS_BATCH_H
#define MLOPS_BATCH_H

#include "nodes/plannodes.h"
#include "serve/prediction.h"

/* Rows that are predicted at a time. */
#define MLOPS_NODE_ROWS 128

/* A call of a predict function with columns; points into the call. */
typedef struct MlopsBatchCall
{
	FuncExpr   *call;
	MlopsPredictionKind kind;
	text	   *model;			/* reference, or model of a pinned one */
	int			pinned_version; /* 0: not pinned */
	text	   *label;			/* of one probability, else NULL */
	TupleDesc	row_type;		/* of the result; a null pointer at first */
	ArrayType  *names;			/* of the columns */
	List	   *values;			/* their expressions, in the same order */
	Expr	   *sign;			/* NULL where there is no row; or a null pointer */
} MlopsBatchCall;

/* How many of a plan's rows are read; in this order. */
typedef enum MlopsReading
{
	MLOPS_READS_SOME,			/* perhaps a few */
	MLOPS_READS_MOST,			/* all, unless another plan gives nothing */
	MLOPS_READS_TO_END,			/* all that the statement is asked for */
	MLOPS_READS_ALL,
	MLOPS_READS_UNKNOWN
} MlopsReading;

/* Register the hook, and the node, by name for workers; from _PG_init. */
extern void mlops_batch_init(void);
extern void mlops_batch_node_init(void);

/* Read a call; false if it is none, or its model or label is no constant. */
extern bool mlops_batch_call_read(Node *node, MlopsBatchCall *call);

/* Do two calls give a model the same columns, so that one run serves both? */
extern bool mlops_batch_call_same(const MlopsBatchCall *a,
								  const MlopsBatchCall *b);

/*
 * Are all values of a call columns of the slot, and each of them once?  Then
 * nothing has to be moved.
 */
extern bool mlops_batch_call_is_plain(const MlopsBatchCall *call);

/* The expression without changes of its type that leave its bits. */
extern Expr *mlops_batch_bare_value(Expr *value);

/*
 * A node over a plan.  tlist is what it returns, in terms of INDEX_VAR: from
 * 1 the n_columns columns of the plan, then the calls, FuncExprs in terms of
 * OUTER_VAR, and their guards, for each a condition of the same terms without
 * which it is not evaluated, or a null pointer.  needed, a list of integers, has those columns that anybody
 * reads; the others are NULL.  With to_end it reads ahead only if all rows of
 * the statement are asked for when it is executed.
 */
extern Plan *mlops_batch_node(Plan *child, List *tlist, List *calls,
							  List *guards, List *needed, bool to_end);

/*
 * Let the node hand on only rows that meet the conditions, of its own terms.
 * The first calls are those that they need; others have no value before.
 */
extern void mlops_batch_node_filter(Plan *node, List *qual, int n_first);

/* How many calls have a value only for rows that meet the conditions? */
extern int	mlops_batch_node_late_calls(const Plan *node);

/* Is it such a node? */
extern bool mlops_is_batch_node(const Plan *plan);

/*
 * May rows of a plan be read before those who read it come to them?  It must
 * hold nothing volatile, and if not all rows are read for certain, nothing
 * that may fail.  Plans that are not known may not.
 */
extern bool mlops_plan_reads_ahead(const Plan *plan, bool certain);

/*
 * The plans below one that is read so: each is given to the function with its
 * place, where it may be replaced, and how it is read.
 */
typedef void (*MlopsPlanVisitor) (Plan **place, MlopsReading reading,
								  void *arg);
extern void mlops_plan_visit(Plan *plan, MlopsReading reading,
							 MlopsPlanVisitor visitor, void *arg);

/* Does an aggregation read all of its input before its first result? */
extern bool mlops_reads_first(const Agg *agg);

#endif							/* MLOPS_BATCH_H */
