/*
 * cron_test.c
 *		Schedules of cron: when they come round next, and what is none.
 *
 * The times were computed by a plain restatement of cron's rules in Python,
 * by its own calendar.  Prints "ok N - name" or "not ok N - name" for each
 * check and ends with "N passed, N failed"; exit code 1 if one failed.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "math/cron.h"

static const struct
{
	const char *schedule;
	const char *after;
	const char *next;			/* NULL: never */
}			times[] = {
	{"* * * * *", "2024-02-28 23:59", "2024-02-29 00:00"},
	{"*/15 * * * *", "2024-03-10 10:44", "2024-03-10 10:45"},
	{"*/15 * * * *", "2024-03-10 10:45", "2024-03-10 11:00"},
	{"7 * * * *", "2024-12-31 23:07", "2025-01-01 00:07"},
	{"0 3 * * *", "2024-02-28 03:00", "2024-02-29 03:00"},
	{"30 5 * * mon-fri", "2024-03-08 05:30", "2024-03-11 05:30"},
	{"30 5 * * MON-FRI", "2024-03-07 05:30", "2024-03-08 05:30"},
	{"0 0 13 * fri", "2024-09-01 00:00", "2024-09-06 00:00"},
	{"0 0 13 * 5", "2024-09-13 00:00", "2024-09-20 00:00"},
	{"0 0 */2 * 1", "2024-09-01 00:00", "2024-09-09 00:00"},
	{"0 0 1 * */2", "2024-09-01 00:00", "2024-10-01 00:00"},
	{"0 0 29 2 *", "2024-03-01 00:00", "2028-02-29 00:00"},
	{"0 0 29 2 *", "2096-03-01 00:00", "2104-02-29 00:00"},
	{"0 0 31 4,6,9,11 *", "2024-01-01 00:00", NULL},
	{"0 0 31 * *", "2024-01-31 00:00", "2024-03-31 00:00"},
	{"0 0 $ * *", "2024-02-01 12:00", "2024-02-29 00:00"},
	{"0 0 $ 2 *", "2023-01-01 00:00", "2023-02-28 00:00"},
	{"59 23 $ feb,apr *", "2024-02-29 23:59", "2024-04-30 23:59"},
	{"0 12 * * 7", "2024-03-02 13:00", "2024-03-03 12:00"},
	{"0 12 * * 0", "2024-03-02 13:00", "2024-03-03 12:00"},
	{"0 12 * * sun", "2024-03-03 12:00", "2024-03-10 12:00"},
	{"5-10/2,58 1,13 * * *", "2024-05-05 13:09", "2024-05-05 13:58"},
	{"5-10/2,58 1,13 * * *", "2024-05-05 13:58", "2024-05-06 01:05"},
	{"1-59/7 * * * *", "2024-05-05 00:57", "2024-05-05 01:01"},
	{"0 9-17/4 * jan-mar,dec *", "2024-03-31 17:00", "2024-12-01 09:00"},
	{"@hourly", "2024-06-30 23:15", "2024-07-01 00:00"},
	{"@daily", "2024-12-31 00:00", "2025-01-01 00:00"},
	{"@midnight", "2024-12-31 00:00", "2025-01-01 00:00"},
	{"@weekly", "2024-03-03 00:00", "2024-03-10 00:00"},
	{"@monthly", "2024-01-01 00:00", "2024-02-01 00:00"},
	{"@yearly", "2024-01-01 00:00", "2025-01-01 00:00"},
	{"@annually", "2023-12-31 23:59", "2024-01-01 00:00"},
	{"0 0 * * 6,0", "2024-03-03 00:00", "2024-03-09 00:00"},
	{"0 0 1,15 * 3", "2024-05-14 00:00", "2024-05-15 00:00"},
	{"0 0 1-7 * 1", "2024-05-08 00:00", "2024-05-13 00:00"},
	{"0 0 * 2 mon", "2024-03-01 00:00", "2025-02-03 00:00"},
	{"59 23 31 12 *", "2024-12-31 23:59", "2025-12-31 23:59"},
	{"0 0-23/6 * * *", "2024-12-31 18:01", "2025-01-01 00:00"},
	{"0,30 */12 1 1-12/3 *", "2024-10-01 12:31", "2025-01-01 00:00"}
};

static const char *const bad[] = {
	"", " ", "*", "* * * *", "* * * * * *", "60 * * * *", "-1 * * * *",
	"* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 0 *", "* * * 13 *",
	"* * * * 8", "* * * * fry", "* * * jam *", "mon * * * *",
	"5/2 * * * *", "*/0 * * * *", "*/60 * * * *", "10-5 * * * *",
	"* * * * fri-sun", "1,,2 * * * *", "1, * * * *", "5x * * * *",
	"1-x * * * *", "@", "@dayly", "@dailyx", "@daily 5", "0 seconds",
	"60 seconds", "99999 seconds", "5 minutes", "5 secondss", "5seconds",
	"$ * * * *", "* * $1 * *", "* * $/2 * *", "99999999999999999999 * * * *",
	"* * * january *", "\n* * * * *", "* * * * *;"
};

static void test_times(void);
static void test_bad(void);
static void test_others(void);

/* Run all tests. */
int
main(void)
{
	test_times();
	test_bad();
	test_others();
	return check_total();
}

/* The next time after one, for each of the table. */
static void
test_times(void)
{
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
	{
		MlopsCron	cron;
		MlopsCronTime time;
		const char *problem;
		char		text[64] = "never";
		char		name[128];

		snprintf(name, sizeof(name), "%s after %s", times[i].schedule,
				 times[i].after);
		if (sscanf(times[i].after, "%d-%d-%d %d:%d", &time.year, &time.month,
				   &time.day, &time.hour, &time.minute) != 5 ||
			!mlops_cron_parse(times[i].schedule, &cron, &problem) ||
			cron.seconds != 0 || cron.reboot)
		{
			check(false, "%s", name);
			continue;
		}
		if (mlops_cron_next(&cron, &time))
			snprintf(text, sizeof(text), "%04d-%02d-%02d %02d:%02d",
					 time.year, time.month, time.day, time.hour, time.minute);
		check(strcmp(text, times[i].next != NULL ? times[i].next :
					 "never") == 0, "%s", name);
	}
}

/* What is no schedule has a problem that is said. */
static void
test_bad(void)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		MlopsCron	cron;
		const char *problem = NULL;
		char		name[128];
		bool		good = !mlops_cron_parse(bad[i], &cron, &problem);

		snprintf(name, sizeof(name), "no schedule: \"%s\"", bad[i]);
		check(good && problem != NULL, "%s", name);
	}
}

/* Intervals, @reboot, blanks. */
static void
test_others(void)
{
	MlopsCron	cron;
	const char *problem;

	check(mlops_cron_parse("5 seconds", &cron, &problem) &&
		  cron.seconds == 5, "5 seconds");
	check(mlops_cron_parse(" 59\tSecond ", &cron, &problem) &&
		  cron.seconds == 59, "59 Second");
	check(mlops_cron_parse("@reboot", &cron, &problem) && cron.reboot,
		  "@reboot");
	check(mlops_cron_parse("\t0  *\t* * * ", &cron, &problem) &&
		  cron.minutes == 1 && cron.hours == 0xffffff && cron.both,
		  "blanks of all kinds");
	check(mlops_cron_parse("0 0 1 1 7", &cron, &problem) &&
		  cron.weekdays == 1 && !cron.both, "7 is Sunday");
	check(mlops_cron_parse("* * * * */7", &cron, &problem) &&
		  cron.weekdays == 1, "every seventh day is Sunday");
}
