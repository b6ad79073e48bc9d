/*
 * monitor.h
 *		Monitors: windows of a source, looked at one after the other.
 */
#ifndef MLOPS_MONITOR_H
#define MLOPS_MONITOR_H

#include "catalog/monitor.h"

/* What became of a run of a monitor. */
typedef struct MlopsMonitorOutcome
{
	List	   *windows;		/* those computed, MlopsMonitorWindow * in the
								 * order of time; errors of theirs are in
								 * them */
	int			n_left;			/* those that there was no time for */
	bool		busy;			/* another transaction is at it, and nothing
								 * was done */
	bool		timed_out;		/* the statement's timeout came */
	ErrorData  *end;			/* the error that came after those windows, a
								 * cancel for example, or NULL */
} MlopsMonitorOutcome;

/*
 * Compute the windows of a monitor that are due at `until`, at most
 * max_windows, and again those of the last `recompute` (NULL: ten windows, and
 * those at the end that wait for rows or labels) that have changed, as long as
 * max_duration (NULL: any time) and the statement's timeout allow.  Alerts are
 * judged after each window.  The outcome is in the current memory context.
 *
 * 42704, 42501 (also for a monitor that somebody with fewer rights wrote) and
 * whatever comes before the first window are raised.  If outcome->end is not,
 * windows computed before it are stored.
 */
extern void mlops_monitor_run(const char *name, TimestampTz until,
							  int max_windows, const Interval *recompute,
							  const Interval *max_duration,
							  MlopsMonitorOutcome *outcome);

/*
 * Create a monitor out of what is filled in: reference, source, window_size;
 * NULL, NIL or 0 elsewhere is the default.  Checks rights and everything
 * else; fills in the rest.
 */
extern void mlops_monitor_create(MlopsMonitor *monitor);

/* Drop it, after checking rights; 42704. */
extern void mlops_monitor_drop(const char *name);

#endif							/* MLOPS_MONITOR_H */
