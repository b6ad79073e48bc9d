/*
 * monitor.h
 *		Monitors, the windows they have looked at, and label sources: typed
 *		structs in, rows out.
 *
 * Snapshots are as in catalog.h: NULL sees what is committed now, and what
 * this transaction did.  Nothing here checks rights.  What a function returns
 * is palloc'd in the current memory context.
 */
#ifndef MLOPS_CATALOG_MONITOR_H
#define MLOPS_CATALOG_MONITOR_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/snapshot.h"

/* A row of mlops.monitor, with the name of its model. */
typedef struct MlopsMonitor
{
	int64		monitor_id;		/* 0 before it is stored */
	char	   *name;
	int64		model_id;
	char	   *model;			/* its name */
	char	   *reference;		/* what is watched: m, m/3 or m@alias */
	char	   *source;
	char	   *event_time;		/* column */
	Interval   *window_size;
	Interval   *lateness;
	TimestampTz start_at;		/* DT_NOBEGIN: the earliest row */
	List	   *segments;		/* of char *, as all lists here */
	List	   *metrics;		/* NIL: the default */
	List	   *features;		/* NIL: all */
	Jsonb	   *thresholds;
	char	   *baseline_source;	/* or NULL */
	char	   *target;			/* or NULL: what the version was trained on */
	bool		enabled;
	char	   *created_by;		/* role whose texts these are */
	char	   *time_zone;		/* that windows are cut in */
	char	   *search_path;	/* that names in the texts mean */
} MlopsMonitor;

/* A row of mlops.monitor_window. */
typedef struct MlopsMonitorWindow
{
	TimestampTz window_start;
	TimestampTz window_end;
	const char *state;			/* completed, empty or failed */
	const char *status;			/* none, potential, detected, or insufficient
								 * data: of the model as a whole */
	int			version;		/* that was looked at; 0: none */
	int64		n_rows;
	int64		n_labelled;
	uint64		fingerprint;	/* of times, labels and inputs of its rows */
	const char *error;			/* of one that failed, the last time */
	const char *error_code;
	int			runs;			/* times that it was computed */
	TimestampTz computed_at;
	double		seconds;
	const char *message;		/* for people; not stored */
} MlopsMonitorWindow;

/* A row of mlops.monitor_result. */
typedef struct MlopsMonitorResult
{
	const char *measure;		/* drift, consecutive drift, performance or
								 * estimate */
	Jsonb	   *slice;			/* {}: all rows */
	const char *feature;		/* "": the model as a whole */
	const char *kind;			/* model, number, category or prediction */
	const char *metric;
	const char *status;
	double		value;			/* NaN, as all numbers here: none */
	double		threshold;
	double		ci_low;
	double		ci_high;
	int64		n;
	double		importance;
} MlopsMonitorResult;

/* A row of mlops.label_source. */
typedef struct MlopsLabelSource
{
	char	   *query;
	List	   *key;			/* of char *: columns */
	char	   *label;			/* column */
	char	   *created_by;
} MlopsLabelSource;

/* A metric as it was when a version was made, and of how many rows. */
typedef struct MlopsExpectedMetric
{
	char	   *name;
	double		value;
	int64		n;
} MlopsExpectedMetric;

/* --- monitors ---------------------------------------------------------- */

/* The monitor of that name; without one, NULL if missing_ok, else 42704. */
extern MlopsMonitor *mlops_monitor_lookup(const char *name, Snapshot snapshot,
										  bool missing_ok);

/* The monitors of a model, MlopsMonitor *, in the order of their names. */
extern List *mlops_monitors_of(int64 model_id, Snapshot snapshot);

/* Store a new one; 42710 if the name is taken. */
extern void mlops_monitor_insert(MlopsMonitor *monitor);

/* Store all columns of one that is there. */
extern void mlops_monitor_update(const MlopsMonitor *monitor);

/* Remove it with its windows. */
extern void mlops_monitor_delete(const MlopsMonitor *monitor);

/*
 * Take the monitor for this transaction, to compute windows of it or to drop
 * it; if another transaction has it, wait, or else false.
 */
extern bool mlops_monitor_lock(const MlopsMonitor *monitor, bool wait);

/* --- windows ----------------------------------------------------------- */

/* As far back labels are waited for, and looked for by triggers. */
#define MLOPS_LATEST_WINDOWS	1000

/*
 * The windows that were looked at and start at `from` or later, at most `most`
 * of the latest (0: all), MlopsMonitorWindow * in the order of time.
 */
extern List *mlops_monitor_windows(int64 monitor_id, TimestampTz from,
								   int most, Snapshot snapshot);

/* One window, or NULL. */
extern MlopsMonitorWindow *mlops_monitor_window(int64 monitor_id,
												TimestampTz window_start,
												Snapshot snapshot);

/* What was found in a window: MlopsMonitorResult *. */
extern List *mlops_monitor_results(int64 monitor_id,
								   TimestampTz window_start,
								   Snapshot snapshot);

/*
 * The worst status of the model as a whole among results of a measure (NULL:
 * of any): of rows with feature "" and slice {}; NULL if there is none.
 */
extern const char *mlops_monitor_status(List *results, const char *measure);

/*
 * Write down why a window could not be computed again, which is as it was
 * otherwise; runs are filled in.
 */
extern void mlops_monitor_window_blame(int64 monitor_id,
									   MlopsMonitorWindow *window);

/*
 * Write a window and what was found in it (MlopsMonitorResult *) in place of
 * what was there; runs, computed_at and computed_by are filled in.
 */
extern void mlops_monitor_window_store(int64 monitor_id,
									   MlopsMonitorWindow *window,
									   List *results);

/* --- labels ------------------------------------------------------------ */

/* The label source of a model, or NULL. */
extern MlopsLabelSource *mlops_label_source(int64 model_id,
											Snapshot snapshot);

/* Set it; NULL removes it. */
extern void mlops_label_source_set(int64 model_id,
								   const MlopsLabelSource *source);

/*
 * What the metrics of a version were when it was made, MlopsExpectedMetric *:
 * on its test rows, else on its validation rows; of one that was refitted on
 * all rows, what its challenger had.
 */
extern List *mlops_expected_metrics(int64 version_id);

#endif							/* MLOPS_CATALOG_MONITOR_H */
