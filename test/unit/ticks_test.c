/*
 * ticks_test.c
 *		Ticks of axes and numbers as text, by hand and over many ranges.
 *
 * Prints "ok N - name" or "not ok N - name" for each check and ends with
 * "N passed, N failed"; exit code 1 if one failed.  Meant to run under the
 * address and undefined behaviour sanitizers.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "math/ticks.h"

static bool ticks_are(double low, double high, int want, const char *labels);
static bool number_is(double value, int digits, const char *text);
static void test_labels(void);
static void test_ranges(void);
static void test_numbers(void);

/* Run all tests. */
int
main(void)
{
	test_labels();
	test_ranges();
	test_numbers();
	return check_total();
}

/* Whether the labels of a range are these, with a blank after each. */
static bool
ticks_are(double low, double high, int want, const char *labels)
{
	MlopsTicks	ticks;
	char		all[1000] = "";

	mlops_ticks_choose(low, high, want, &ticks);
	for (int i = 0; i < ticks.n; i++)
	{
		char		label[64];

		mlops_ticks_label(&ticks, i, label, sizeof(label));
		strcat(all, label);
		strcat(all, " ");
	}
	if (strcmp(all, labels) != 0)
		printf("# [%g, %g] by %d: %s, not %s\n", low, high, want, all,
			   labels);
	return strcmp(all, labels) == 0;
}

/* Whether a number is written like this. */
static bool
number_is(double value, int digits, const char *text)
{
	char		out[64];

	mlops_readable_number(value, digits, out, sizeof(out));
	if (strcmp(out, text) != 0)
		printf("# %.17g: %s, not %s\n", value, out, text);
	return strcmp(out, text) == 0;
}

/* Labels that people would write. */
static void
test_labels(void)
{
	check(ticks_are(0, 1, 5, "0 0.2 0.4 0.6 0.8 1.0 "), "a share");
	check(ticks_are(0, 1, 10,
					"0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1.0 "), "tenths");
	check(ticks_are(-4000, 10000, 7, "-4,000 -2,000 0 2,000 4,000 6,000 "
					"8,000 10,000 "), "thousands");
	check(ticks_are(3, 97, 5, "20 40 60 80 "), "only within the range");
	check(ticks_are(0.3, 0.35, 5, "0.30 0.31 0.32 0.33 0.34 0.35 "),
		  "hundredths");
	check(ticks_are(0, 2.5e9, 5, "0 5e8 1e9 1.5e9 2e9 2.5e9 "), "billions");
	check(ticks_are(0, 3e-7, 3, "0 1e-7 2e-7 3e-7 "), "small");
	check(ticks_are(1e6, 1e6 + 4, 4, "1,000,000 1,000,001 1,000,002 "
					"1,000,003 1,000,004 "), "a small part of a large number");
	check(ticks_are(-0.2, 0.2, 4, "-0.2 -0.1 0 0.1 0.2 "), "no minus zero");
}

/* Over many ranges: in order, within, as many as wanted, exact. */
static void
test_ranges(void)
{
	bool		within = true;
	bool		number = true;
	bool		exact = true;
	int			n = 0;

	for (int exponent = -290; exponent <= 290; exponent++)
		for (int low = -7; low <= 7; low++)
			for (int want = 1; want <= 13; want += 3)
			{
				double		unit = pow(10, exponent);
				double		span = (1 + (low + 7) % 5 * 0.37) * unit;
				double		start = low * unit * 0.31;
				MlopsTicks	ticks;

				mlops_ticks_choose(start, start + span, want, &ticks);
				number = number && ticks.n >= 1 && ticks.n <= want + 1;
				for (int i = 0; i < ticks.n; i++)
				{
					double		value = mlops_ticks_value(&ticks, i);
					char		text[64];
					char		digits[64];
					char		back[64];

					/* want = 1 may have no tick within */
					within = within && (want == 1 ||
										(value >= start - span * 1e-5 &&
										 value <= start + span * 1.00001));
					snprintf(text, sizeof(text), "%.0f", ticks.index + i);
					snprintf(digits, sizeof(digits), "%.17g", value);
					snprintf(back, sizeof(back), "%.0f",
							 value / mlops_ticks_step(&ticks));
					exact = exact && (strcmp(text, back) == 0 ||
									  value == 0);
					n++;
				}
			}
	printf("# %d ticks\n", n);
	check(n > 100000, "many ranges");
	check(within, "ticks lie within their range");
	check(number, "no more ticks than wanted, and one");
	check(exact, "ticks are multiples of the step");
}

/* Numbers beside bars and in legends. */
static void
test_numbers(void)
{
	check(number_is(0, 3, "0") && number_is(-0.0, 3, "0"), "zero");
	check(number_is(1234567.8, 3, "1,234,568") &&
		  number_is(1234567.8, 8, "1,234,567.8"), "whole digits are kept");
	check(number_is(0.74, 3, "0.74") && number_is(0.03984, 3, "0.0398"),
		  "no trailing zeros");
	check(number_is(999.96, 4, "1,000") && number_is(-12345.6, 6, "-12,345.6"),
		  "rounding, thousands, sign");
	check(number_is(1.5e9, 3, "1.5e9") && number_is(-2e-9, 3, "-2e-9") &&
		  number_is(1e300, 15, "1e300"), "large and small");
	check(number_is(NAN, 3, "NaN") && number_is(INFINITY, 3, "Infinity") &&
		  number_is(-INFINITY, 3, "-Infinity"), "not finite");
}
