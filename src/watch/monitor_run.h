/*
 * monitor_run.h
 *		A run of a monitor, while it lasts; private to the files of monitors.
 */
#ifndef MLOPS_MONITOR_RUN_H
#define MLOPS_MONITOR_RUN_H

#include "data/period.h"
#include "serve/importance.h"
#include "watch/budget.h"
#include "watch/measures.h"
#include "watch/windows.h"

/* A version that windows are looked at with. */
typedef struct MlopsMonitorVersion
{
	int64		version_id;
	const MlopsPredictor *predictor;
	const MlopsImportance *importance;
	List	   *baselines;		/* of MlopsBaseline * */
	List	   *expected;		/* of MlopsExpectedMetric * */
	const char *spelled;		/* model/version */
} MlopsMonitorVersion;

typedef struct MlopsMonitorRun
{
	const MlopsMonitor *monitor;
	const MlopsModel *model;
	MlopsReference reference;
	MlopsMeasures *measures;
	const MlopsLabelSource *labels; /* or NULL */
	TimestampTz until;			/* less lateness: windows end by then */
	int			max_windows;
	const Interval *recompute;	/* or NULL */
	MlopsBudget budget;			/* of time */
	/* of the source; NULL and not known before it could be read */
	MlopsPeriods *periods;
	MlopsWindows windows;
	const char *target;			/* of labels in the source; NULL: none */
	bool		target_recorded;
	bool		labelled;		/* labels are to be had */
	List	   *inputs;			/* of char *: stored columns that are hashed */
	/* of what is watched */
	MlopsMonitorVersion *version;	/* the last one used, or NULL */
	MemoryContext version_context;	/* its memory */
	MlopsAliasPeriod *aliases;
	int			n_aliases;
} MlopsMonitorRun;

/* A window that is to be computed. */
typedef struct MlopsDueWindow
{
	TimestampTz window_start;
	TimestampTz window_end;
	int64		from;			/* the same in terms of the time column */
	int64		to;
	int64		before;			/* where the window before it starts */
	int64		n_rows;
	int64		n_labelled;
	int64		n_repeated;		/* rows with several labels */
	uint64		fingerprint;	/* of times, labels and inputs of all rows */
	int			version;		/* that it was computed with before, or 0 */
	bool		completed;		/* it was, before */
} MlopsDueWindow;

/*
 * Open the source of a run, and find out where labels are.  42703 if
 * performance was asked for by name and there are none, and all errors of a
 * source.
 */
extern void mlops_monitor_open(MlopsMonitorRun *run);

/*
 * Where the labels of the monitor's model come from, or NULL.  42501 if a
 * role with fewer rights has written it: even planning a query may run what
 * it calls.
 */
extern MlopsLabelSource *mlops_monitor_labels(const MlopsMonitor *monitor);

/*
 * The windows to compute, MlopsDueWindow * in the order of time, from one
 * scan of the source.  stored are those computed before, likewise a list of
 * MlopsMonitorWindow *.
 */
extern List *mlops_monitor_due(MlopsMonitorRun *run, List *stored);

/* The same by the calendar alone: those after the last one stored. */
extern List *mlops_monitor_due_blind(const MlopsMonitorRun *run,
									 List *stored);

/*
 * Compute a window that has rows: MlopsMonitorResult *, of all measures.  The
 * version goes to window->version.
 */
extern List *mlops_monitor_compute(MlopsMonitorRun *run,
								   const MlopsDueWindow *due,
								   MlopsMonitorWindow *window);

/*
 * Load the version that a window is looked at with, unless it is the last one
 * used: the one that it was computed with before, else the one that served
 * when it ended, else the one that serves now.  55000 if there is none.
 */
extern void mlops_monitor_version(MlopsMonitorRun *run,
								  const MlopsDueWindow *due);

#endif							/* MLOPS_MONITOR_RUN_H */
