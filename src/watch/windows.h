/*
 * windows.h
 *		Windows of time that rows fall into.
 *
 * Windows of months, or of days, are cut at midnights of the session's time
 * zone, those of hours and less at whole multiples since a Monday, in UTC
 * where the column has a time zone.
 */
#ifndef MLOPS_WINDOWS_H
#define MLOPS_WINDOWS_H

#include "datatype/timestamp.h"

typedef struct MlopsWindows
{
	int32		months;			/* these, or else microseconds */
	int64		length;
	bool		zoned;			/* times are timestamptz */
	bool		absolute;		/* and are cut as such */
} MlopsWindows;

/*
 * Windows of that size for times that are timestamptz, or local; 22023 for a
 * size that is not positive, or mixes months with others.
 */
extern MlopsWindows mlops_windows_of(const Interval *size, bool zoned);

/*
 * The start of the window that a finite time lies in, 22008 if there is no
 * such moment.  Comparable with other starts only.
 */
extern int64 mlops_windows_start(const MlopsWindows *windows, int64 time);

/* That start as the moment that it is. */
extern TimestampTz mlops_windows_moment(const MlopsWindows *windows,
										int64 start);

/* The start of the window after that one. */
extern int64 mlops_windows_next(const MlopsWindows *windows, int64 start);

#endif							/* MLOPS_WINDOWS_H */
