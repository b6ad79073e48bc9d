/*
 * ticks.c
 *		Where an axis has its ticks, and numbers as people read them.
 *
 * Steps are kept as a mantissa and a power of ten, and values are made of
 * whole numbers by one multiplication or division, so that a tick at 0.3 is
 * 0.3 and not 0.30000000000000004, and labels need no guess at decimals.
 */
#include "math/ticks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void scientific_text(double value, int digits, char *out, size_t size);
static double scaled(double whole, int exponent);
static int	count_ticks(double low, double high, const MlopsTicks *ticks);
static void group_thousands(const char *digits, char *out, size_t size);
static void trim_zeros(char *number);

/* See ticks.h. */
void
mlops_ticks_choose(double low, double high, int want, MlopsTicks *ticks)
{
	double		raw;

	want = want < 1 ? 1 : want > 50 ? 50 : want;
	/* each part by itself: the difference may overflow */
	raw = high / want - low / want;
	if (!(raw > 1e-300))
		raw = 1e-300;
	ticks->exponent = (int) floor(log10(raw));
	ticks->mantissa = 1;
	/* the logarithm may be a little off, so look from one step below */
	ticks->exponent--;
	while (scaled(ticks->mantissa, ticks->exponent) < raw * (1 - 1e-9))
	{
		ticks->mantissa = ticks->mantissa == 1 ? 2 :
			ticks->mantissa == 2 ? 5 : 1;
		if (ticks->mantissa == 1)
			ticks->exponent++;
	}
	ticks->index = ceil(low / mlops_ticks_step(ticks) - 1e-6);
	ticks->n = count_ticks(low, high, ticks);
}

/* See ticks.h. */
double
mlops_ticks_step(const MlopsTicks *ticks)
{
	return scaled(ticks->mantissa, ticks->exponent);
}

/* See ticks.h. */
double
mlops_ticks_value(const MlopsTicks *ticks, int i)
{
	return scaled((ticks->index + i) * ticks->mantissa, ticks->exponent);
}

/* See ticks.h. */
void
mlops_ticks_label(const MlopsTicks *ticks, int i, char *out, size_t size)
{
	double		value = mlops_ticks_value(ticks, i);
	double		last = fmax(fabs(mlops_ticks_value(ticks, 0)),
							fabs(mlops_ticks_value(ticks, ticks->n - 1)));
	char		digits[64];

	if (value == 0)
		snprintf(out, size, "0");
	else if (last >= 1e9 || ticks->exponent < -5)
	{
		int			significant = last > 0 ?
			(int) floor(log10(last)) - ticks->exponent + 1 : 1;

		scientific_text(value, significant < 1 ? 1 :
						significant > 15 ? 15 : significant, out, size);
	}
	else
	{
		snprintf(digits, sizeof(digits), "%.*f",
				 ticks->exponent < 0 ? -ticks->exponent : 0, value);
		group_thousands(digits, out, size);
	}
}

/* See ticks.h. */
void
mlops_readable_number(double value, int digits, char *out, size_t size)
{
	char		text[64];

	if (isnan(value))
		snprintf(out, size, "NaN");
	else if (isinf(value))
		snprintf(out, size, value > 0 ? "Infinity" : "-Infinity");
	else if (value == 0)
		snprintf(out, size, "0");
	else
	{
		int			exponent;

		/* after rounding to that many digits */
		snprintf(text, sizeof(text), "%.*e", digits - 1, value);
		exponent = atoi(strchr(text, 'e') + 1);
		if (exponent >= 9 || exponent < -5)
		{
			scientific_text(value, digits, out, size);
			return;
		}
		snprintf(text, sizeof(text), "%.*f",
				 digits - 1 > exponent ? digits - 1 - exponent : 0, value);
		trim_zeros(text);
		group_thousands(text, out, size);
	}
}

/* A number such as 1.5e9, with so many digits, without trailing zeros. */
static void
scientific_text(double value, int digits, char *out, size_t size)
{
	char		text[64];
	char	   *e;
	int			exponent;

	snprintf(text, sizeof(text), "%.*e", digits - 1, value);
	e = strchr(text, 'e');
	exponent = atoi(e + 1);
	*e = '\0';
	trim_zeros(text);
	snprintf(out, size, "%se%d", text, exponent);
}

/* whole * 10^exponent with one rounding, as far as 10^|exponent| is exact. */
static double
scaled(double whole, int exponent)
{
	return exponent < 0 ? whole / pow(10, -exponent) :
		whole * pow(10, exponent);
}

/* How many ticks from the first one on lie within the range; 1 to 100. */
static int
count_ticks(double low, double high, const MlopsTicks *ticks)
{
	double		step = mlops_ticks_step(ticks);
	double		n = floor(high / step + 1e-6) - ticks->index + 1;

	return n < 1 ? 1 : n > 100 ? 100 : (int) n;
}

/* Copy a number, a comma after each third digit before the point. */
static void
group_thousands(const char *digits, char *out, size_t size)
{
	const char *start = digits + (*digits == '-');
	int			whole = (int) strcspn(start, ".");
	size_t		used = 0;

	for (const char *p = digits; *p != '\0' && used + 2 < size; p++)
	{
		int			left = whole - (int) (p - start);

		if (p > start && left > 0 && left % 3 == 0 && whole > 3)
			out[used++] = ',';
		out[used++] = *p;
	}
	out[used] = '\0';
}

/* Cut zeros, and the point, at the end of a number with a point. */
static void
trim_zeros(char *number)
{
	size_t		n = strlen(number);

	if (strchr(number, '.') == NULL)
		return;
	while (number[n - 1] == '0')
		n--;
	if (number[n - 1] == '.')
		n--;
	number[n] = '\0';
}
