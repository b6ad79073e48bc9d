/*
 * ticks.h
 *		Where an axis has its ticks, and numbers as people read them.
 *
 * Plain C, no locale: the decimal separator is a point, thousands are set
 * apart by commas.
 */
#ifndef MLOPS_TICKS_H
#define MLOPS_TICKS_H

#include <stddef.h>

/* Ticks at multiples of mantissa * 10^exponent: (index + i) of it, i < n. */
typedef struct MlopsTicks
{
	double		index;			/* a whole number, may be negative */
	int			n;				/* at least 1, at most 100 */
	int			mantissa;		/* 1, 2 or 5 */
	int			exponent;
} MlopsTicks;

/*
 * About `want` (1 to 50) ticks within [low, high], both finite, low < high;
 * never more than 2.5 times that.  The step is the smallest of the kind
 * 1, 2, 5 times a power of ten that makes no more than want + 1.
 */
extern void mlops_ticks_choose(double low, double high, int want,
							   MlopsTicks *ticks);

/* The step between two ticks, and the value of tick i, correctly rounded. */
extern double mlops_ticks_step(const MlopsTicks *ticks);
extern double mlops_ticks_value(const MlopsTicks *ticks, int i);

/*
 * The label of tick i, with just the decimals that the step needs; in the
 * manner of 1.5e9 where that is shorter.  Writes at most size bytes.
 */
extern void mlops_ticks_label(const MlopsTicks *ticks, int i, char *out,
							  size_t size);

/*
 * A number with `digits` (1 to 15) significant digits, without trailing
 * zeros; not finite: "NaN", "Infinity", "-Infinity".
 */
extern void mlops_readable_number(double value, int digits, char *out,
								  size_t size);

#endif							/* MLOPS_TICKS_H */
