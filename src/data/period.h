/*
 * period.h
 *		The rows of a source within a period of time, and their labels.
 *
 * For monitors, which read one period of a source after the other.  Times are
 * in the terms of its time column: a moment if that is a timestamptz, else
 * local time.  Rows without a finite time are in no period.
 *
 * Labels stand in the source, or are joined to its rows by the columns of a
 * key; all functions run with the caller's rights.
 */
#ifndef MLOPS_PERIOD_H
#define MLOPS_PERIOD_H

#include "catalog/monitor.h"

typedef struct MlopsPeriods MlopsPeriods;

/*
 * Analyse a source.  *labels NULL: they stand in the source.  42703 if it has
 * no such column, 42804 if the time is no date, timestamp or timestamptz.  If
 * it lacks the key of the labels, 42703 if they are needed, else *labels
 * becomes NULL.
 */
extern MlopsPeriods *mlops_periods_open(const char *source,
										const char *event_time,
										const MlopsLabelSource **labels,
										bool needed);

/* Is the time column a timestamptz? */
extern bool mlops_periods_zoned(const MlopsPeriods *periods);

/* Has the source this column, or all columns that this expression reads? */
extern bool mlops_periods_have(const MlopsPeriods *periods,
							   const char *expression);

/* 42703 unless the source has these columns (char *). */
extern void mlops_periods_need(const MlopsPeriods *periods, List *columns);

/*
 * Those of the names that are stored columns of the only relation that the
 * source reads: they cost nothing to compute, and do not change by the clock.
 */
extern List *mlops_periods_stored(const MlopsPeriods *periods, List *names);

/*
 * Does the source join or compute, so that reading it again costs more than
 * reading a table?
 */
extern bool mlops_periods_computed(const MlopsPeriods *periods);

/*
 * A query for the rows from one time to before another, palloc'd; *label is
 * set to the column that their joined labels are in, if that is asked for.
 */
extern char *mlops_periods_query(const MlopsPeriods *periods, int64 from,
								 int64 to, const char **label);

/* A row of the source. */
typedef struct MlopsPeriodsRow
{
	int64		time;
	bool		labelled;
	bool		repeated;		/* it has come before, as a key has several
								 * labels */
	uint64		hash;			/* of its time, its label, the key that the
								 * label was joined by, and the columns asked
								 * for */
} MlopsPeriodsRow;

typedef void (*MlopsPeriodsCallback) (const MlopsPeriodsRow *row, void *arg);

/*
 * Read the times and labels of all rows of a period, by one query.  target is
 * the label of labels that stand in the source, NULL for none; 42501 if it is
 * one recorded with a version, and may do more than compute.  columns (char
 * *) are hashed as well.
 */
extern void mlops_periods_scan(const MlopsPeriods *periods, int64 from,
							   int64 to, const char *target, bool recorded,
							   List *columns, MlopsPeriodsCallback callback,
							   void *arg);

/*
 * The only column of a query beside those of a key, or the one given, which
 * it must have: 42703, 42702, 22023.
 */
extern char *mlops_label_column(const char *query, List *key,
								const char *given);

#endif							/* MLOPS_PERIOD_H */
