/*
 * batch_take.h
 *		Which calls of an expression a node predicts, see batch.h.
 *
 * A call that stands where it is evaluated for some rows only is taken with a
 * guard: a condition on the row that is true if and only if it is evaluated.
 */
#ifndef MLOPS_BATCH_TAKE_H
#define MLOPS_BATCH_TAKE_H

#include "nodes/primnodes.h"

/* Stands for a call, by its number, while an expression is rewritten. */
#define MLOPS_CALL_VARNO ROWID_VAR

/* Calls that may be taken beside those that are taken already. */
typedef enum MlopsTake
{
	MLOPS_TAKE_ANY,
	MLOPS_TAKE_SAME_RUN,		/* of the same version and columns */
	MLOPS_TAKE_EQUAL			/* none */
} MlopsTake;

/* Calls that are taken out of expressions. */
typedef struct MlopsTaking
{
	bool		certain;		/* all rows are read */
	bool		lasting;		/* guards have to be immutable */
	bool		own_frame;		/* rows are in their own window frames */
	MlopsTake	take;
	List	   *calls;			/* as they stand */
	List	   *guards;			/* one for each, a null pointer: always */
	double		splits;			/* that a row is expected to pass in them */
	double		operators;		/* that guards are estimated to cost */
	/* of the place that is gone through */
	List	   *path;			/* conditions under which it is evaluated */
	bool		only_always;	/* take only calls without guards */
} MlopsTaking;

/*
 * The expressions with placeholders for calls.  An expression is evaluated
 * for each row, unless no more than MLOPS_TAKE_SAME_RUN may be taken; then a
 * call has to be, or to share its run with one, that has no guard.
 */
extern List *mlops_take_calls(List *expressions, MlopsTaking *taking);

/* The same for calls in arguments and filters of aggregates alone. */
extern List *mlops_take_aggregates(List *expressions, MlopsTaking *taking);

/* Is there a call that could be taken, given those that are? */
extern bool mlops_takes_any(List *expressions, const MlopsTaking *taking);

#endif							/* MLOPS_BATCH_TAKE_H */
