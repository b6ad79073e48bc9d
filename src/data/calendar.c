/*
 * calendar.c
 *		The parts of dates, times and timestamps that are features.
 *
 * hour is 0 to 24 with the minutes as its fraction, so that trees can split
 * within an hour; day_of_week is ISO's, Monday 1 to Sunday 7.  The rest count
 * from 1.  The epoch is never a feature: a tree cannot follow it beyond the
 * training rows.  Week, quarter and weekend are none either: each of them is
 * a split of day_of_year or day_of_week.
 *
 * What the parts mean is stored with every version by their names only, so
 * it must not change.
 *
 * A timestamptz is read in the signature's time zone, whatever the session's
 * is: the same row must give the same features everywhere.
 */
#include "postgres.h"

#include "base/compat.h"
#include "data/field.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

static bool split_timestamp(Timestamp value, int *day, int *minute);
static bool split_timestamptz(TimestampTz value, pg_tz *zone, int *day,
							  int *minute);

pg_tz *
mlops_time_zone(const char *name)
{
	pg_tz	   *zone = pg_tzset(name);

	if (zone == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("time zone \"%s\" is not known", name),
				 errdetail("The model was trained in this time zone.")));
	return zone;
}

float *
mlops_moment_parts(MlopsConversion conversion, bool with_hour, pg_tz *zone,
				   Datum value, float *features)
{
	int			n = with_hour ? 5 : 4;
	int			day = 0;		/* from 2000-01-01 */
	int			minute = 0;		/* of the day */
	bool		finite;
	int			year;
	int			month;
	int			day_of_month;
	int			julian;

	switch (conversion)
	{
		case MLOPS_FROM_DATE:
			day = DatumGetDateADT(value);
			finite = !DATE_NOT_FINITE(day);
			break;
		case MLOPS_FROM_TIMESTAMP:
			finite = split_timestamp(DatumGetTimestamp(value), &day,
									 &minute);
			break;
		default:
			Assert(conversion == MLOPS_FROM_TIMESTAMPTZ);
			finite = split_timestamptz(DatumGetTimestampTz(value), zone,
									   &day, &minute);
			break;
	}
	if (!finite)
	{
		for (int i = 0; i < n; i++)
			*features++ = get_float4_nan();
		return features;
	}

	julian = day + POSTGRES_EPOCH_JDATE;
	j2date(julian, &year, &month, &day_of_month);
	if (with_hour)
		*features++ = minute / 60.0f;
	*features++ = (j2day(julian) + 6) % 7 + 1;
	*features++ = day_of_month;
	*features++ = julian - date2j(year, 1, 1) + 1;
	*features++ = month;
	return features;
}

/*
 * Hour and minute of a time.
 */
void
mlops_time_parts(Datum value, float *features)
{
	TimeADT		time = DatumGetTimeADT(value);

	features[0] = (float) (time / (double) USECS_PER_HOUR);
	features[1] = time / USECS_PER_MINUTE % MINS_PER_HOUR;
}

/*
 * The same of a timetz, as written, and the hours its zone is ahead of UTC.
 */
void
mlops_timetz_parts(Datum value, float *features)
{
	const TimeTzADT *time = DatumGetTimeTzADTP(value);

	mlops_time_parts(TimeADTGetDatum(time->time), features);
	/* the server counts seconds to the west; no -0.0 for UTC */
	features[2] = time->zone == 0 ? 0 : -time->zone / (float) SECS_PER_HOUR;
}

double
mlops_interval_seconds(const Interval *interval)
{
	double		days = (double) interval->month * DAYS_PER_MONTH +
		interval->day;

	if (mlops_interval_sign(interval) != 0)
		return mlops_interval_sign(interval) * get_float8_infinity();
	return days * SECS_PER_DAY + interval->time / (double) USECS_PER_SEC;
}

/*
 * Day since 2000-01-01 and minute of the day; false if it is infinite.
 */
static bool
split_timestamp(Timestamp value, int *day, int *minute)
{
	int64		rest = value % USECS_PER_DAY;

	if (TIMESTAMP_NOT_FINITE(value))
		return false;
	*day = value / USECS_PER_DAY;
	if (rest < 0)
	{
		rest += USECS_PER_DAY;
		*day -= 1;
	}
	*minute = rest / USECS_PER_MINUTE;
	return true;
}

/*
 * The same of a timestamptz as clocks of the zone show it.
 */
static bool
split_timestamptz(TimestampTz value, pg_tz *zone, int *day, int *minute)
{
	struct pg_tm parts;
	fsec_t		fraction;
	int			offset;

	if (TIMESTAMP_NOT_FINITE(value))
		return false;
	if (timestamp2tm(value, &offset, &parts, &fraction, NULL, zone) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	*day = date2j(parts.tm_year, parts.tm_mon, parts.tm_mday) -
		POSTGRES_EPOCH_JDATE;
	*minute = parts.tm_hour * 60 + parts.tm_min;
	return true;
}
