/*
 * frame.c
 *		Where everything goes in a chart.
 *
 * From the outside in: title, subtitle and legend take rows at the top, axis
 * labels and ticks what their text needs at the left and below, labels of
 * bars the room at the right, and the data what is left.  Ticks are chosen
 * last, as many as have room beside each other.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "govern/frame.h"
#include "govern/svg.h"
#include "miscadmin.h"

/* A row of horizontal bars, and the height of other charts by their width. */
#define ROW_HEIGHT		26
#define GROUPED_HEIGHT	13
#define ASPECT			0.6

/* Distances between ticks, at least, and around their labels. */
#define X_TICK_EVERY	70
#define Y_TICK_EVERY	46
#define TICK_GAP		14

/* An axis does not move out to a tick that is this part of a step away. */
#define FAR_TICK		0.6

/* Names of categories take at most this part of the width. */
#define CATEGORY_PART	0.36

/* What the values of a chart reach from and to. */
typedef struct Extent
{
	double		low;
	double		high;
} Extent;

static void choose_range(MlopsFrame *frame, bool is_x);
static Extent extent_of(const MlopsChart *chart, bool is_x);
static void extend(Extent *extent, double value);
static void extend_bars(Extent *extent, const MlopsSeries *series,
						bool is_x, bool values);
static void choose_ticks(MlopsScale *scale, const MlopsAxis *axis, int want);
static void fit_ticks(MlopsScale *scale, const MlopsAxis *axis,
					  double *widest);
static double widest_tick(const MlopsScale *scale);
static double left_margin(const MlopsFrame *frame);
static double label_room(const MlopsChart *chart);
static bool labels_above(const MlopsChart *chart);
static int	count_groups(const MlopsChart *chart);
static bool share_place(const MlopsChart *chart, const MlopsSeries *a,
						const MlopsSeries *b);

/* See frame.h. */
MlopsFrame *
mlops_frame_make(const MlopsChart *chart)
{
	MlopsFrame *frame = palloc0(sizeof(MlopsFrame));
	double		top = MLOPS_MARGIN;
	double		bottom = 12 + (chart->x.label ? 22 : 4) + 20;
	double		right;
	double		widest = 0;

	frame->chart = chart;
	frame->n_grouped = count_groups(chart);
	frame->label_room = label_room(chart);
	if (chart->title)
		top += MLOPS_TITLE_ROW;
	if (chart->subtitle)
		top += MLOPS_SUBTITLE_ROW;
	top += mlops_legend_rows(chart) * MLOPS_LEGEND_ROW + 8;
	if (labels_above(chart))
		top += 14;

	choose_range(frame, true);
	choose_range(frame, false);
	frame->height = chart->height > 0 ? chart->height :
		chart->y.categorical ?
		top + bottom + Max(chart->y.n_categories, 3) *
		(frame->n_grouped > 1 ? GROUPED_HEIGHT * frame->n_grouped + 10 :
		 ROW_HEIGHT) :
		chart->width * ASPECT + top - 50;
	/* before the left margin is known, for the ticks that decide on it */
	frame->y.start = frame->height - bottom;
	frame->y.end = top;
	choose_ticks(&frame->y, &chart->y,
				 (int) (fabs(frame->y.start - frame->y.end) / Y_TICK_EVERY));

	right = 20 + frame->label_room;
	frame->x.start = left_margin(frame);
	frame->x.end = chart->width - right;
	fit_ticks(&frame->x, &chart->x, &widest);
	frame->x.start = Max(frame->x.start, widest / 2 + 6);
	frame->x.end = Min(frame->x.end, chart->width - widest / 2 - 6);

	if (chart->square && chart->height == 0)
	{
		frame->height = top + bottom + frame->x.end - frame->x.start;
		frame->y.start = frame->height - bottom;
	}
	/* a small chart with much text: something is left for the data */
	if (frame->y.start - frame->y.end < 40)
	{
		frame->y.start = frame->y.end + 40;
		frame->height = frame->y.start + bottom;
	}
	frame->x.end = Max(frame->x.end, frame->x.start + 40);
	if (chart->y.categorical)
	{
		/* the first category is at the top */
		double		swap = frame->y.start;

		frame->y.start = frame->y.end;
		frame->y.end = swap;
	}
	return frame;
}

/* See frame.h. */
double
mlops_scale_at(const MlopsScale *scale, double value)
{
	/* by halves, as the range itself may overflow */
	double		part = (value / 2 - scale->low / 2) /
		(scale->high / 2 - scale->low / 2);

	return scale->start + part * (scale->end - scale->start);
}

/* See frame.h. */
double
mlops_scale_band(const MlopsScale *scale)
{
	return fabs(scale->end - scale->start) / (scale->high - scale->low);
}

/* Set the values that an axis starts and ends with. */
static void
choose_range(MlopsFrame *frame, bool is_x)
{
	const MlopsAxis *axis = is_x ? &frame->chart->x : &frame->chart->y;
	MlopsScale *scale = is_x ? &frame->x : &frame->y;
	Extent		extent = extent_of(frame->chart, is_x);

	scale->categorical = axis->categorical;
	if (axis->categorical)
	{
		scale->low = 0.5;
		scale->high = Max(axis->n_categories, 1) + 0.5;
		return;
	}
	if (extent.low > extent.high)
	{
		frame->empty = true;
		extent.low = axis->has_high && !axis->has_low ? axis->high - 1 : 0;
		extent.high = axis->has_low ? axis->low + 1 : 1;
	}
	scale->low = axis->has_low ? axis->low : extent.low;
	scale->high = axis->has_high ? axis->high : extent.high;
	if (scale->high - scale->low <= 1e-12 * fabs(scale->high))
	{
		/* one value: in the middle, unless an end is given */
		double		around = scale->high == 0 ? 1 : fabs(scale->high) / 2;

		if (!axis->has_low)
			scale->low = Min(scale->low, scale->high) - around;
		if (!axis->has_high)
			scale->high = Max(scale->low, scale->high) + around;
	}
	if (scale->high - scale->low < 1e-290)
		scale->high = scale->low + 1e-290;
}

/* From where to where the values on an axis are; low > high without any. */
static Extent
extent_of(const MlopsChart *chart, bool is_x)
{
	Extent		extent = {DBL_MAX, -DBL_MAX};

	/* values are on the axis that has no categories, else on y */
	bool		values = is_x == chart->y.categorical;

	for (int i = 0; i < chart->n_series; i++)
	{
		const MlopsSeries *series = &chart->series[i];
		const double *place = is_x ? series->x : series->y;

		for (int j = 0; j < series->n; j++)
		{
			if (series->mark != MLOPS_BAND || is_x)
				extend(&extent, place[j]);
			if (values && series->low)
				extend(&extent, series->low[j]);
			if (values && series->high)
				extend(&extent, series->high[j]);
		}
		if (series->mark == MLOPS_BARS)
			extend_bars(&extent, series, is_x, values);
	}
	return extent;
}

/* Let the extent hold a value that is a number. */
static void
extend(Extent *extent, double value)
{
	if (isnan(value))
		return;
	extent->low = Min(extent->low, value);
	extent->high = Max(extent->high, value);
}

/* Bars reach to their base, and are wide where their places are numbers. */
static void
extend_bars(Extent *extent, const MlopsSeries *series, bool is_x,
			bool values)
{
	double		half = 0;

	if (extent->low > extent->high)
		return;
	if (values)
	{
		if (series->base == NULL)
			extend(extent, 0);
		for (int i = 0; series->base && i < series->n; i++)
			extend(extent, series->base[i]);
		return;
	}
	if (!is_x)
		return;
	half = series->n > 1 ?
		(extent->high - extent->low) / (series->n - 1) / 2 : 0.5;
	extent->low -= half;
	extent->high += half;
}

/*
 * About that many ticks.  Ends that are free move out to the next tick if
 * that is near, else a little.
 */
static void
choose_ticks(MlopsScale *scale, const MlopsAxis *axis, int want)
{
	double		step;
	double		low;
	double		high;
	double		little;

	if (scale->categorical)
		return;
	mlops_ticks_choose(scale->low, scale->high, Max(want, 1), &scale->ticks);
	step = mlops_ticks_step(&scale->ticks);
	little = scale->high * 0.03 - scale->low * 0.03;
	if (!axis->has_low && fabs(scale->low / step) < 1e15)
	{
		low = floor(scale->low / step + 1e-6) * step;
		scale->low = scale->low - low > FAR_TICK * step ?
			scale->low - little : low;
	}
	if (!axis->has_high && fabs(scale->high / step) < 1e15)
	{
		high = ceil(scale->high / step - 1e-6) * step;
		scale->high = high - scale->high > FAR_TICK * step ?
			scale->high + little : high;
	}
	mlops_ticks_choose(scale->low, scale->high, Max(want, 1), &scale->ticks);
}

/* As many ticks as have room beside each other; sets the widest label. */
static void
fit_ticks(MlopsScale *scale, const MlopsAxis *axis, double *widest)
{
	double		pixels = Max(scale->end - scale->start, 40);
	MlopsScale	free = *scale;
	int			want = (int) (pixels / X_TICK_EVERY);

	if (scale->categorical)
		return;
	for (want = Max(want, 2); want >= 2; want--)
	{
		double		apart;

		*scale = free;
		choose_ticks(scale, axis, want);
		*widest = widest_tick(scale);
		apart = pixels * mlops_ticks_step(&scale->ticks) /
			(scale->high - scale->low);
		if (apart >= *widest + TICK_GAP)
			break;
	}
}

/* The width of the widest label of a scale of numbers. */
static double
widest_tick(const MlopsScale *scale)
{
	double		widest = 0;

	for (int i = 0; i < scale->ticks.n; i++)
	{
		char		label[64];

		mlops_ticks_label(&scale->ticks, i, label, sizeof(label));
		widest = Max(widest, mlops_svg_width(label, MLOPS_TICK_SIZE));
	}
	return widest;
}

/* What the labels of the y axis take. */
static double
left_margin(const MlopsFrame *frame)
{
	const MlopsAxis *axis = &frame->chart->y;
	double		widest = 0;

	if (axis->categorical)
	{
		for (int i = 0; i < axis->n_categories; i++)
			widest = Max(widest, mlops_svg_width(axis->categories[i],
												 MLOPS_TEXT_SIZE));
		widest = Min(widest, frame->chart->width * CATEGORY_PART);
	}
	else
		widest = widest_tick(&frame->y);
	return MLOPS_MARGIN + (axis->label ? 20 : 0) + widest + 8;
}

/* What labels at the right of horizontal bars and points take. */
static double
label_room(const MlopsChart *chart)
{
	double		widest = 0;

	if (!chart->y.categorical)
		return 0;
	for (int i = 0; i < chart->n_series; i++)
	{
		const MlopsSeries *series = &chart->series[i];

		if (series->mark == MLOPS_CELLS || series->labels == NULL)
			continue;
		for (int j = 0; j < series->n; j++)
			widest = Max(widest, mlops_svg_width(series->labels[j],
												 MLOPS_TICK_SIZE));
	}
	return Min(widest > 0 ? widest + 10 : 0, chart->width / 4);
}

/* Whether labels stand above vertical bars or points. */
static bool
labels_above(const MlopsChart *chart)
{
	for (int i = 0; i < chart->n_series && !chart->y.categorical; i++)
		if (chart->series[i].labels != NULL)
			return true;
	return false;
}

/*
 * In how many bars a place is shared: all series of bars if two of them have
 * a bar at the same place, else 1.
 */
static int
count_groups(const MlopsChart *chart)
{
	int			n = 0;
	bool		shared = false;

	for (int i = 0; i < chart->n_series; i++)
	{
		if (chart->series[i].mark != MLOPS_BARS)
			continue;
		n++;
		for (int j = 0; j < i && !shared; j++)
		{
			CHECK_FOR_INTERRUPTS();
			shared = chart->series[j].mark == MLOPS_BARS &&
				share_place(chart, &chart->series[i], &chart->series[j]);
		}
	}
	return shared ? n : 1;
}

/* Whether both series have a bar at one place. */
static bool
share_place(const MlopsChart *chart, const MlopsSeries *a,
			const MlopsSeries *b)
{
	const double *first = chart->y.categorical ? a->y : a->x;
	const double *second = chart->y.categorical ? b->y : b->x;

	/* bars beyond these are lines anyway */
	for (int i = 0; i < Min(a->n, MLOPS_MAX_CATEGORIES); i++)
		for (int j = 0; j < Min(b->n, MLOPS_MAX_CATEGORIES); j++)
			if (first[i] == second[j])
				return true;
	return false;
}
