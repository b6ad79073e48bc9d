/*
 * calendar.c
 *		The parts of dates and timestamps that are features.
 *
 * hour is 0 to 24 with the minutes as its fraction, so that trees can split
 * within an hour; day_of_week is ISO's, Monday 1 to Sunday 7.  The rest count
 * from 1.  The epoch is never a feature: a tree cannot follow it beyond the
 * training rows.
 *
 * A timestamptz is read in the signature's time zone, whatever the session's
 * is: the same row must give the same features everywhere.
 */
#include "postgres.h"

#include "data/field.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

/* hour comes first, dates go without it */
static const char *const part_names[] = {
	"hour", "day_of_week", "day_of_month", "day_of_year", "month"
};

static bool split_timestamp(Timestamp value, int *day, int *minute);
static bool split_timestamptz(TimestampTz value, pg_tz *zone, int *day,
							  int *minute);

/*
 * How many features an input of the kind yields.
 */
int
mlops_kind_features(MlopsInputKind kind)
{
	switch (kind)
	{
		case MLOPS_INPUT_DATE:
			return lengthof(part_names) - 1;
		case MLOPS_INPUT_TIMESTAMP:
		case MLOPS_INPUT_TIMESTAMPTZ:
			return lengthof(part_names);
		default:
			return 1;
	}
}

/*
 * The name of a part, NULL if the kind has no parts.
 */
const char *
mlops_kind_part(MlopsInputKind kind, int part)
{
	switch (kind)
	{
		case MLOPS_INPUT_DATE:
			return part_names[part + 1];
		case MLOPS_INPUT_TIMESTAMP:
		case MLOPS_INPUT_TIMESTAMPTZ:
			return part_names[part];
		default:
			return NULL;
	}
}

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

void
mlops_field_parts(const MlopsField *field, Datum value, float *features)
{
	int			day = 0;		/* from 2000-01-01 */
	int			minute = 0;		/* of the day */
	bool		finite;
	int			year;
	int			month;
	int			day_of_month;
	int			julian;

	switch (field->conversion)
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
			Assert(field->conversion == MLOPS_FROM_TIMESTAMPTZ);
			finite = split_timestamptz(DatumGetTimestampTz(value),
									   field->zone, &day, &minute);
			break;
	}
	if (!finite)
	{
		for (int i = 0; i < field->n_features; i++)
			features[i] = get_float4_nan();
		return;
	}

	julian = day + POSTGRES_EPOCH_JDATE;
	j2date(julian, &year, &month, &day_of_month);
	if (field->kind != MLOPS_INPUT_DATE)
		*features++ = minute / 60.0f;
	*features++ = (j2day(julian) + 6) % 7 + 1;
	*features++ = day_of_month;
	*features++ = julian - date2j(year, 1, 1) + 1;
	*features = month;
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
