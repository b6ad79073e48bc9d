/*
 * gate.h
 *		When a challenger may take the champion's place.
 */
#ifndef MLOPS_GATE_H
#define MLOPS_GATE_H

#include "watch/contest.h"

/* A bound of one metric. */
typedef struct MlopsFloor
{
	const char *metric;
	double		value;
} MlopsFloor;

/* What a gate asks for; NaN and NIL: not asked for. */
typedef struct MlopsGate
{
	const char *metric;			/* NULL: what the objective is judged by */
	double		min_gain;
	double		min_probability;
	List	   *floors;			/* of MlopsFloor * */
	List	   *slices;			/* of char *: columns */
	double		max_slice_loss;
	double		max_latency;	/* microseconds a row */
	List	   *fairness_columns;	/* of char * */
	double		max_difference;
	double		holdout;		/* share of the new rows to compare on */
} MlopsGate;

/* Read a gate; 22023 for what it cannot be. */
extern MlopsGate *mlops_gate_parse(Jsonb *json);

/*
 * Compare both versions under the active snapshot and make all checks of the
 * gate.  They go to the decision with all that a comparison fills in; reason
 * says what decided.  True if all hold.  *metrics as in
 * mlops_contest_compare().
 */
extern bool mlops_gate_judge(const MlopsGate *gate,
							 const MlopsContest *contest,
							 MlopsDecision *decision, List **metrics);

#endif							/* MLOPS_GATE_H */
