/*
 * measures.h
 *		What a monitor measures, and when a figure of it is bad.
 */
#ifndef MLOPS_MEASURES_H
#define MLOPS_MEASURES_H

#include "catalog/monitor.h"
#include "watch/figures.h"

/* Performance is measured where labels are to be had, unless it is named. */
typedef enum MlopsWish
{
	MLOPS_UNWANTED,
	MLOPS_IF_LABELLED,
	MLOPS_WANTED
} MlopsWish;

typedef struct MlopsMeasures
{
	bool		drift;
	bool		consecutive;	/* against the window before */
	MlopsWish	performance;
	bool		estimate;
	bool		figures[MLOPS_DECIDERS];	/* of drift, that are kept */
	List	   *metrics;		/* of performance (char *); NIL: all */
	List	   *estimated;		/* of estimates; NIL: all */
	MlopsDriftOptions options;
	Jsonb	   *thresholds;
} MlopsMeasures;

/* A metric, with what it ought to be. */
typedef struct MlopsJudged
{
	const char *name;
	bool		estimated;
	double		value;
	double		error;			/* standard error; NaN: not known */
	int64		n;				/* rows */
	double		expected;		/* NaN: not known */
	double		expected_error; /* likewise */
} MlopsJudged;

/* What these metrics and thresholds say; 22023 if they are not understood. */
extern MlopsMeasures *mlops_measures_of(List *metrics, Jsonb *thresholds);

/* Is a metric among those that are asked for? */
extern bool mlops_measures_want(const MlopsMeasures *measures,
								const char *metric, bool estimated);

/*
 * The status of a metric.  It is held against its threshold, if there is one,
 * else against what is expected of it: worse by 2 standard errors of the
 * difference is potential, by 3 detected.  *threshold becomes what it is
 * detected beyond, NaN if it is not judged.
 */
extern MlopsDriftStatus mlops_measures_judge(const MlopsMeasures *measures,
											 const MlopsJudged *judged,
											 double *threshold);

#endif							/* MLOPS_MEASURES_H */
