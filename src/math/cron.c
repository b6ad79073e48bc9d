/*
 * cron.c
 *		When a schedule in the language of cron comes round next.
 *
 * What pg_cron takes by accident is not taken here: letters after a number,
 * ranges that are empty, more than five fields.
 */
#include "math/cron.h"

#include <stddef.h>
#include <string.h>

/* Days that are looked at for the next one: 40 years. */
#define MOST_DAYS	14610

/* A field: its range, and what its values are called. */
typedef struct Field
{
	int			low;
	int			high;
	const char *names;			/* three letters each, or NULL */
	const char *problem;		/* if it cannot be read */
} Field;

static const Field fields[5] = {
	{0, 59, NULL, "the minute must be from 0 to 59"},
	{0, 23, NULL, "the hour must be from 0 to 23"},
	{1, 31, NULL, "the day of the month must be from 1 to 31"},
	{1, 12, "janfebmaraprmayjunjulaugsepoctnovdec",
	"the month must be from 1 to 12, or a name such as jan"},
	{0, 7, "sunmontuewedthufrisat",
	"the day of the week must be from 0 to 7, or a name such as mon"}
};

/* What a word stands for. */
static const struct
{
	const char *word;
	const char *schedule;
}			words[] = {
	{"@yearly", "0 0 1 1 *"},
	{"@annually", "0 0 1 1 *"},
	{"@monthly", "0 0 1 * *"},
	{"@weekly", "0 0 * * 0"},
	{"@daily", "0 0 * * *"},
	{"@midnight", "0 0 * * *"},
	{"@hourly", "0 * * * *"}
};

static bool parse_seconds(const char *text, int *seconds);
static bool parse_fields(const char *text, MlopsCron *cron,
						 const char **problem);
static const char *parse_list(const char *text, const Field *field,
							  uint64_t *bits);
static const char *parse_range(const char *text, const Field *field,
							   uint64_t *bits);
static const char *parse_value(const char *text, const Field *field,
							   int *value);
static const char *parse_number(const char *text, int *value);
static const char *skip_blanks(const char *text);
static char lower(char c);
static bool is_blank(char c);
static bool matches_day(const MlopsCron *cron, const MlopsCronTime *time);
static bool next_minute(const MlopsCron *cron, MlopsCronTime *time);
static void next_day(MlopsCronTime *time);
static int	days_in(int year, int month);
static int	weekday_of(const MlopsCronTime *time);

bool
mlops_cron_parse(const char *text, MlopsCron *cron, const char **problem)
{
	const char *word = skip_blanks(text);
	size_t		length = strlen(word);
	int			seconds;

	memset(cron, 0, sizeof(MlopsCron));
	if (*word == '@')
	{
		while (length > 0 && is_blank(word[length - 1]))
			length--;
		if (length == 7 && (memcmp(word, "@reboot", 7) == 0))
		{
			cron->reboot = true;
			return true;
		}
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (strlen(words[i].word) == length &&
				memcmp(words[i].word, word, length) == 0)
				return parse_fields(words[i].schedule, cron, problem);
		*problem = "the word must be one such as @hourly, @daily, @weekly or @monthly";
		return false;
	}
	if (parse_seconds(word, &seconds))
	{
		cron->seconds = seconds;
		if (seconds >= 1 && seconds <= 59)
			return true;
		*problem = "an interval must be from 1 to 59 seconds";
		return false;
	}
	return parse_fields(word, cron, problem);
}

bool
mlops_cron_next(const MlopsCron *cron, MlopsCronTime *time)
{
	for (int i = 0; i < MOST_DAYS; i++)
	{
		if (matches_day(cron, time) && next_minute(cron, time))
			return true;
		next_day(time);
	}
	return false;
}

/* "5 seconds", "1 second": is it one of these?  The number may be any. */
static bool
parse_seconds(const char *text, int *seconds)
{
	const char *unit = "second";

	text = parse_number(text, seconds);
	if (text == NULL || !is_blank(*text))
		return false;
	text = skip_blanks(text);
	while (*unit != '\0' && lower(*text) == *unit)
		text++, unit++;
	if (*unit != '\0')
		return false;
	if (lower(*text) == 's')
		text++;
	return *skip_blanks(text) == '\0';
}

/* The five fields. */
static bool
parse_fields(const char *text, MlopsCron *cron, const char **problem)
{
	uint64_t	bits[5] = {0, 0, 0, 0, 0};
	bool		is_star[5];

	for (int i = 0; i < 5; i++)
	{
		text = skip_blanks(text);
		*problem = "there must be five fields: minute, hour, day of month, month, day of week";
		if (*text == '\0')
			return false;
		is_star[i] = *text == '*';
		if (i == 2 && text[0] == '$' && is_blank(text[1]))
		{
			cron->last_day = true;
			text++;
			continue;
		}
		text = parse_list(text, &fields[i], &bits[i]);
		if (text == NULL)
		{
			*problem = fields[i].problem;
			return false;
		}
	}
	if (*skip_blanks(text) != '\0')
		return false;
	cron->minutes = bits[0];
	cron->hours = (uint32_t) bits[1];
	cron->days = (uint32_t) bits[2];
	cron->months = (uint32_t) bits[3];
	cron->weekdays = (uint32_t) ((bits[4] | bits[4] >> 7) & 0x7f);
	cron->both = is_star[2] || is_star[4];
	return true;
}

/* Ranges with commas between, up to a blank or the end; NULL if malformed. */
static const char *
parse_list(const char *text, const Field *field, uint64_t *bits)
{
	text = parse_range(text, field, bits);
	while (text != NULL && *text == ',')
		text = parse_range(text + 1, field, bits);
	if (text != NULL && *text != '\0' && !is_blank(*text))
		return NULL;
	return text;
}

/* "*", a value or a range; a step after the first and the last. */
static const char *
parse_range(const char *text, const Field *field, uint64_t *bits)
{
	int			from = field->low;
	int			to = field->high;
	int			step = 1;
	bool		may_step = true;

	if (*text == '*')
		text++;
	else
	{
		text = parse_value(text, field, &from);
		if (text == NULL)
			return NULL;
		to = from;
		may_step = *text == '-';
		if (may_step)
			text = parse_value(text + 1, field, &to);
		if (text == NULL)
			return NULL;
	}
	if (*text == '/')
	{
		text = may_step ? parse_number(text + 1, &step) : NULL;
		if (text == NULL || step < 1 || step > field->high)
			return NULL;
	}
	if (from > to)
		return NULL;
	for (int i = from; i <= to; i += step)
		*bits |= UINT64_C(1) << i;
	return text;
}

/* A number or a name in the field's range. */
static const char *
parse_value(const char *text, const Field *field, int *value)
{
	const char *end = parse_number(text, value);

	for (int i = 0; end == NULL && field->names != NULL &&
		 field->names[3 * i] != '\0'; i++)
	{
		const char *name = field->names + 3 * i;

		if (lower(text[0]) == name[0] && lower(text[1]) == name[1] &&
			lower(text[2]) == name[2])
		{
			*value = i + field->low;
			end = text + 3;
		}
	}
	if (end == NULL || *value < field->low || *value > field->high)
		return NULL;
	return end;
}

/* Digits, at most four of them; NULL if there are none, or more. */
static const char *
parse_number(const char *text, int *value)
{
	int			n = 0;

	*value = 0;
	while (text[n] >= '0' && text[n] <= '9')
	{
		if (n == 4)
			return NULL;
		*value = *value * 10 + (text[n] - '0');
		n++;
	}
	return n > 0 ? text + n : NULL;
}

/* To the first character that is no blank. */
static const char *
skip_blanks(const char *text)
{
	while (is_blank(*text))
		text++;
	return text;
}

/* An ASCII letter in lower case. */
static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

/* Space or tab. */
static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Does the day match? */
static bool
matches_day(const MlopsCron *cron, const MlopsCronTime *time)
{
	bool		day = cron->last_day ?
		time->day == days_in(time->year, time->month) :
		(cron->days >> time->day & 1) != 0;
	bool		weekday = (cron->weekdays >> weekday_of(time) & 1) != 0;

	if ((cron->months >> time->month & 1) == 0)
		return false;
	return cron->both ? day && weekday : day || weekday;
}

/*
 * The first minute of the day after the time that matches; false if there is
 * none.  A minute of -1 is before the first one of its hour.
 */
static bool
next_minute(const MlopsCron *cron, MlopsCronTime *time)
{
	int			minute = time->minute + 1;

	for (int hour = time->hour; hour < 24; hour++)
	{
		if ((cron->hours >> hour & 1) != 0)
			for (; minute < 60; minute++)
				if ((cron->minutes >> minute & 1) != 0)
				{
					time->hour = hour;
					time->minute = minute;
					return true;
				}
		minute = 0;
	}
	return false;
}

/* Just before the first minute of the next day. */
static void
next_day(MlopsCronTime *time)
{
	time->hour = 0;
	time->minute = -1;
	if (++time->day <= days_in(time->year, time->month))
		return;
	time->day = 1;
	if (++time->month <= 12)
		return;
	time->month = 1;
	time->year++;
}

/* Days of a month. */
static int
days_in(int year, int month)
{
	static const int days[] =
	{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool		is_leap = year % 4 == 0 &&
		(year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && is_leap);
}

/* 0 for Sunday, by Sakamoto's method. */
static int
weekday_of(const MlopsCronTime *time)
{
	static const int shift[] = {0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4};
	int			year = time->year - (time->month < 3);

	return (year + year / 4 - year / 100 + year / 400 +
			shift[time->month - 1] + time->day) % 7;
}
