/*
 * windows.c
 *		Windows of time that rows fall into.
 */
#include "postgres.h"

#include "common/int.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "watch/windows.h"

/* Days from 2000-01-01, a Saturday, to the Monday that windows start from. */
#define MONDAY		(INT64CONST(2) * USECS_PER_DAY)

static int64 floor_to(int64 value, int64 step);
static void out_of_range(void);
static int64 month_start(int64 time, int32 months);

MlopsWindows
mlops_windows_of(const Interval *size, bool zoned)
{
	MlopsWindows windows = {size->month, 0, zoned, false};
	int64		days;
	bool		bad;

	bad = pg_mul_s64_overflow(size->day, USECS_PER_DAY, &days) ||
		pg_add_s64_overflow(days, size->time, &windows.length);
	if (bad || (size->month != 0 && (size->day != 0 || size->time != 0)) ||
		size->month < 0 || (size->month == 0 && windows.length <= 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" is no length of a window",
						"window_size"),
				 errhint("It must be positive, such as '1 month', or '7 days', or '6 hours'; months do not mix with others.")));
	windows.absolute = zoned && size->month == 0 && size->day == 0;
	return windows;
}

int64
mlops_windows_start(const MlopsWindows *windows, int64 time)
{
	int64		shifted;

	if (windows->zoned && !windows->absolute)
		time = DatumGetTimestamp(DirectFunctionCall1(timestamptz_timestamp,
													 TimestampTzGetDatum(time)));
	if (windows->months > 0)
		return month_start(time, windows->months);
	if (pg_sub_s64_overflow(time, MONDAY, &shifted))
		out_of_range();
	time = floor_to(shifted, windows->length) + MONDAY;
	if (!IS_VALID_TIMESTAMP(time))
		out_of_range();
	return time;
}

TimestampTz
mlops_windows_moment(const MlopsWindows *windows, int64 start)
{
	if (windows->absolute)
		return start;
	return DatumGetTimestampTz(DirectFunctionCall1(timestamp_timestamptz,
												   TimestampGetDatum(start)));
}

int64
mlops_windows_next(const MlopsWindows *windows, int64 start)
{
	struct pg_tm tm;
	fsec_t		fraction;
	int64		next;
	int64		month;

	if (windows->months == 0)
	{
		if (pg_add_s64_overflow(start, windows->length, &next) ||
			!IS_VALID_TIMESTAMP(next))
			out_of_range();
		return next;
	}
	if (timestamp2tm(start, NULL, &tm, &fraction, NULL, NULL) != 0)
		out_of_range();
	month = (int64) tm.tm_year * 12 + tm.tm_mon - 1 + windows->months;
	tm.tm_year = month / 12;
	tm.tm_mon = month % 12 + 1;
	if (month < 0 || tm2timestamp(&tm, 0, NULL, &next) != 0)
		out_of_range();
	return next;
}

/* The largest multiple of step that is not larger; may be far out of range. */
static int64
floor_to(int64 value, int64 step)
{
	int64		rest = value % step;

	if (rest < 0)
		rest += step;
	if (pg_sub_s64_overflow(value, rest, &value))
		out_of_range();
	return value;
}

/* 22008: a time whose window begins before all times. */
static void
out_of_range(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
			 errmsg("event time lies in no window that has a start")));
}

/* The start of the months that the time lies in, counted from 2000-01. */
static int64
month_start(int64 time, int32 months)
{
	struct pg_tm tm;
	fsec_t		fraction;
	Timestamp	start;
	int64		month;

	if (timestamp2tm(time, NULL, &tm, &fraction, NULL, NULL) != 0)
		out_of_range();
	month = floor_to((int64) (tm.tm_year - 2000) * 12 + tm.tm_mon - 1,
					 months);
	memset(&tm, 0, sizeof(tm));
	tm.tm_year = 2000 + (int) (floor_to(month, 12) / 12);
	tm.tm_mon = 1 + (int) (month - floor_to(month, 12));
	tm.tm_mday = 1;
	if (tm2timestamp(&tm, 0, NULL, &start) != 0)
		out_of_range();
	return start;
}
