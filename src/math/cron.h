/*
 * cron.h
 *		When a schedule in the language of cron comes round next.
 *
 * Plain C.  The language is that of pg_cron: five fields (minute, hour, day of
 * month, month, day of week) of *, numbers, names, ranges, steps and lists; $
 * as the day of month is its last day; words such as @daily; and
 * "N seconds", 1 to 59.  As in cron, a day has to match both of its fields if
 * one of them begins with *, else either.
 */
#ifndef MLOPS_CRON_H
#define MLOPS_CRON_H

#include <stdbool.h>
#include <stdint.h>

/* A schedule, parsed. */
typedef struct MlopsCron
{
	uint64_t	minutes;		/* bit i: minute i, and so on */
	uint32_t	hours;
	uint32_t	days;			/* of the month, from bit 1 */
	uint32_t	months;			/* from bit 1 */
	uint32_t	weekdays;		/* bit 0: Sunday */
	bool		last_day;		/* of the month, instead of days */
	bool		both;			/* a day has to match both fields */
	bool		reboot;			/* runs when the server starts, only */
	int			seconds;		/* an interval; 0: the fields count */
} MlopsCron;

/* A minute of the Gregorian calendar. */
typedef struct MlopsCronTime
{
	int			year;
	int			month;			/* 1 to 12 */
	int			day;			/* from 1 */
	int			hour;
	int			minute;
} MlopsCronTime;

/*
 * Parse a schedule; false if it is none, and *problem says why, in a few
 * words: a constant.
 */
extern bool mlops_cron_parse(const char *text, MlopsCron *cron,
							 const char **problem);

/*
 * The first minute after *time that the fields match; false if there is none
 * in the next 40 years.  *time becomes it.  Not for intervals and @reboot.
 */
extern bool mlops_cron_next(const MlopsCron *cron, MlopsCronTime *time);

#endif							/* MLOPS_CRON_H */
