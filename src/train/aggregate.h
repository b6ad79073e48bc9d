/*
 * aggregate.h
 *		What the metric aggregates share.
 */
#ifndef MLOPS_AGGREGATE_H
#define MLOPS_AGGREGATE_H

#include "fmgr.h"

/*
 * The weight in that argument of a transition, 1 if there is no such argument;
 * 22023 unless it is finite and at least 0.
 */
extern double mlops_aggregate_weight(FunctionCallInfo fcinfo, int argument);

/* A label that is a number, as 0 or 1 or NaN; 22023 for any other. */
extern double mlops_aggregate_binary(double label, const char *name);

#endif							/* MLOPS_AGGREGATE_H */
