/*
 * contest.h
 *		A challenger and a champion on the same rows.
 *
 * Rows are read under the active snapshot with the caller's rights.
 */
#ifndef MLOPS_CONTEST_H
#define MLOPS_CONTEST_H

#include "catalog/policy.h"
#include "train/predictions.h"

typedef struct MlopsContest
{
	const char *model;
	int			challenger;		/* versions */
	int			champion;
	const char *source;			/* the rows */
	const char *target;
	const char *weight;			/* these as trained with, or NULL */
	const char *query_group;
	const char *target_upper;
	const char *event_observed;
} MlopsContest;

/*
 * What both predict of the rows, the challenger first, with slices by these
 * columns unless that is NIL.
 */
extern MlopsPredictions *mlops_contest_read(const MlopsContest *contest,
											List *by);

/*
 * Fill in the decision's metric, values, gain, interval of that confidence,
 * probability and n_rows.  metric NULL is what the challenger's objective is
 * judged by; 22023 for one that these versions do not have.  All metrics of
 * the challenger go to *metrics, MlopsMetricRow * of split "test", unless
 * that is NULL.
 */
extern void mlops_contest_compare(MlopsPredictions *predictions,
								  const char *metric, double confidence,
								  MlopsDecision *decision, List **metrics);

/*
 * The largest loss of the challenger in a slice, in the metric, where more is
 * worse, and which slice that is; NaN if there is no slice of enough rows.
 */
extern double mlops_contest_slice_loss(const MlopsPredictions *predictions,
									   const char *metric, char **slice);

/*
 * How far groups of rows by the columns lie apart in what the challenger does
 * for them: the share of rows that it predicts as positive, or of another
 * task than binary the metric.  NaN if there are no two groups of enough rows.
 */
extern double mlops_contest_difference(const MlopsContest *contest,
									   List *columns, const char *metric);

/* Microseconds that the challenger takes to predict a row. */
extern double mlops_contest_latency(const MlopsContest *contest);

#endif							/* MLOPS_CONTEST_H */
