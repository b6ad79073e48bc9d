/*
 * monitor.h
 *		Monitors: windows of a source, looked at one after the other.
 */
#ifndef MLOPS_MONITOR_H
#define MLOPS_MONITOR_H

#include "catalog/monitor.h"

/*
 * Compute the windows of a monitor that are due at `until`, at most
 * max_windows, and again those of the last `recompute` (NULL: ten windows)
 * whose rows or labels have become more.  Returns those computed,
 * MlopsMonitorWindow * in the order of time, in the current memory context;
 * their errors are in them.
 *
 * *busy says that another transaction is at it, and nothing was done.  42704,
 * 42501 (also for a monitor that somebody with fewer rights wrote), and
 * errors that end a statement are raised; the windows are then not stored.
 * Alerts are judged after each window.
 */
extern List *mlops_monitor_run(const char *name, TimestampTz until,
							   int max_windows, const Interval *recompute,
							   bool *busy);

/*
 * Create a monitor out of what is filled in: reference, source, window_size;
 * NULL, NIL or 0 elsewhere is the default.  Checks rights and everything
 * else; fills in the rest.
 */
extern void mlops_monitor_create(MlopsMonitor *monitor);

/* Drop it, after checking rights; 42704. */
extern void mlops_monitor_drop(const char *name);

#endif							/* MLOPS_MONITOR_H */
