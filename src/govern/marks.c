/*
 * marks.c
 *		The series of a chart: lines, points, bars, bands and cells.
 *
 * Shapes are drawn first and are cut at the edge of the area of the data;
 * labels are drawn after all shapes and may stand outside.  A series of many
 * points is thinned: a chart has no more pixels, and a browser has its
 * limits.
 */
#include "postgres.h"

#include <math.h>

#include "govern/frame.h"
#include "govern/svg.h"
#include "miscadmin.h"

/* A line keeps four points of each of so many pieces, others every k-th. */
#define MAX_PIECES		500
#define MAX_POINTS		2000

/* Shapes of a series tell their values to the pointer up to this number. */
#define MAX_TOOLTIPS	500

#define MAX_BAR			44

static void draw_line(StringInfo out, const MlopsFrame *frame,
					  const MlopsSeries *series);
static int *thin(const MlopsSeries *series, const double *value, int *n);
static int	keep_piece(const double *value, int first, int end, int *kept);
static void draw_run(StringInfo out, const MlopsFrame *frame,
					 const MlopsSeries *series, const int *kept, int n);
static void draw_band(StringInfo out, const MlopsFrame *frame,
					  const MlopsSeries *series);
static void draw_point(StringInfo out, const MlopsFrame *frame,
					   const MlopsSeries *series, int i);
static void draw_whisker(StringInfo out, const MlopsFrame *frame,
						 const MlopsSeries *series, int i);
static void draw_box(StringInfo out, const MlopsFrame *frame,
					 const MlopsSeries *series, int i, int group);
static bool bar_box(const MlopsFrame *frame, const MlopsSeries *series,
					int i, int group, MlopsBox *box);
static double place_band(const MlopsScale *scale, const MlopsSeries *series,
						 const double *place);
static bool cell_box(const MlopsFrame *frame, const MlopsSeries *series,
					 int i, MlopsBox *box);
static void tooltip(StringInfo out, const MlopsFrame *frame,
					const MlopsSeries *series, int i);
static void append_value(StringInfo out, const MlopsAxis *axis, double value);
static void label_cell(StringInfo out, const MlopsFrame *frame,
					   const MlopsSeries *series, int i);
static void label_beside(StringInfo out, MlopsFrame *frame,
						 const MlopsSeries *series, int i, int group);
static bool claim(MlopsFrame *frame, const MlopsBox *box);

/* See frame.h. */
void
mlops_marks_draw(StringInfo out, const MlopsFrame *frame,
				 const MlopsSeries *series, int group)
{
	int			every = 1;

	appendStringInfo(out, "<g class=\"c%d\">\n", series->color);
	if (series->mark == MLOPS_LINE || series->mark == MLOPS_STEP)
		draw_line(out, frame, series);
	else if (series->mark == MLOPS_BAND)
		draw_band(out, frame, series);
	else
	{
		if (series->mark == MLOPS_POINTS && series->n > MAX_POINTS)
			every = (series->n + MAX_POINTS - 1) / MAX_POINTS;
		for (int i = 0; i < series->n; i += every)
		{
			CHECK_FOR_INTERRUPTS();
			if (series->mark == MLOPS_POINTS)
				draw_point(out, frame, series, i);
			else
				draw_box(out, frame, series, i, group);
		}
	}
	appendStringInfoString(out, "</g>\n");
}

/* See frame.h. */
void
mlops_marks_label(StringInfo out, MlopsFrame *frame,
				  const MlopsSeries *series, int group)
{
	if (series->labels == NULL || series->mark == MLOPS_LINE ||
		series->mark == MLOPS_STEP || series->mark == MLOPS_BAND ||
		series->n > MAX_POINTS)
		return;
	for (int i = 0; i < series->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (isnan(series->x[i]) || isnan(series->y[i]))
			continue;
		if (series->mark == MLOPS_CELLS)
			label_cell(out, frame, series, i);
		else
			label_beside(out, frame, series, i, group);
	}
}

/* A line, in runs between points that are no numbers. */
static void
draw_line(StringInfo out, const MlopsFrame *frame, const MlopsSeries *series)
{
	int			n;
	int		   *kept = thin(series, series->y, &n);
	int			start = 0;

	appendStringInfo(out, "<path class=\"line%s\" d=\"",
					 series->dashed ? " dash" : "");
	for (int i = 0; i <= n; i++)
	{
		if (i < n && !isnan(series->x[kept[i]]) && !isnan(series->y[kept[i]]))
			continue;
		draw_run(out, frame, series, kept + start, i - start);
		start = i + 1;
	}
	appendStringInfoString(out, "\"/>\n");
}

/*
 * Which points of a line are drawn: all, or of each of MAX_PIECES pieces the
 * first, the lowest, the highest and the last, so that no peak is lost.
 */
static int *
thin(const MlopsSeries *series, const double *value, int *n)
{
	int		   *kept = palloc(sizeof(int) * (Min(series->n,
												 4 * MAX_PIECES) + 1));

	*n = 0;
	if (series->n <= 4 * MAX_PIECES)
	{
		for (int i = 0; i < series->n; i++)
			kept[(*n)++] = i;
		return kept;
	}
	for (int piece = 0; piece < MAX_PIECES; piece++)
	{
		int			first = (int) ((int64) series->n * piece / MAX_PIECES);
		int			end = (int) ((int64) series->n * (piece + 1) / MAX_PIECES);

		*n += keep_piece(value, first, end, kept + *n);
	}
	return kept;
}

/* Of one piece: its ends and extremes, in their order.  Returns how many. */
static int
keep_piece(const double *value, int first, int end, int *kept)
{
	int			lowest = first;
	int			highest = first;
	int			candidates[4];
	int			n = 0;

	for (int i = first; i < end; i++)
	{
		if (value[i] < value[lowest] || isnan(value[lowest]))
			lowest = i;
		if (value[i] > value[highest] || isnan(value[highest]))
			highest = i;
	}
	candidates[0] = first;
	candidates[1] = Min(lowest, highest);
	candidates[2] = Max(lowest, highest);
	candidates[3] = end - 1;
	for (int i = 0; i < 4; i++)
		if (n == 0 || candidates[i] > kept[n - 1])
			kept[n++] = candidates[i];
	return n;
}

/* A part of a line without gaps; a point alone is a dot. */
static void
draw_run(StringInfo out, const MlopsFrame *frame, const MlopsSeries *series,
		 const int *kept, int n)
{
	for (int i = 0; i < n; i++)
	{
		double		y = mlops_scale_at(&frame->y, series->y[kept[i]]);

		if (i > 0 && series->mark == MLOPS_STEP)
		{
			appendStringInfoChar(out, 'H');
			mlops_svg_number(out, mlops_scale_at(&frame->x,
												 series->x[kept[i]]));
			appendStringInfoChar(out, 'V');
			mlops_svg_number(out, y);
			continue;
		}
		appendStringInfoChar(out, i == 0 ? 'M' : 'L');
		mlops_svg_number(out, mlops_scale_at(&frame->x, series->x[kept[i]]));
		appendStringInfoChar(out, ' ');
		mlops_svg_number(out, y);
	}
	if (n == 1)
		appendStringInfoString(out, "h0");
}

/* The area between low and high; a gap where one of them is no number. */
static void
draw_band(StringInfo out, const MlopsFrame *frame, const MlopsSeries *series)
{
	int			n;
	int		   *kept = thin(series, series->high, &n);
	int			start = 0;

	appendStringInfoString(out, "<path class=\"band\" d=\"");
	for (int i = 0; i <= n; i++)
	{
		if (i < n && !isnan(series->x[kept[i]]) &&
			!isnan(series->low[kept[i]]) && !isnan(series->high[kept[i]]))
			continue;
		/* forth along the upper edge, back along the lower one */
		for (int j = start; j < 2 * i - start; j++)
		{
			int			at = kept[j < i ? j : 2 * i - 1 - j];

			appendStringInfoChar(out, j == start ? 'M' : 'L');
			mlops_svg_number(out, mlops_scale_at(&frame->x, series->x[at]));
			appendStringInfoChar(out, ' ');
			mlops_svg_number(out, mlops_scale_at(&frame->y,
												 j < i ? series->high[at] :
												 series->low[at]));
		}
		if (i > start)
			appendStringInfoChar(out, 'Z');
		start = i + 1;
	}
	appendStringInfoString(out, "\"/>\n");
}

/* A dot, with a whisker if it has low and high. */
static void
draw_point(StringInfo out, const MlopsFrame *frame,
		   const MlopsSeries *series, int i)
{
	if (isnan(series->x[i]) || isnan(series->y[i]))
		return;
	if (series->low != NULL && series->high != NULL)
		draw_whisker(out, frame, series, i);
	appendStringInfoString(out, "<circle class=\"fill\"");
	mlops_svg_attribute(out, "cx", mlops_scale_at(&frame->x, series->x[i]));
	mlops_svg_attribute(out, "cy", mlops_scale_at(&frame->y, series->y[i]));
	mlops_svg_attribute(out, "r", series->n > 200 ? 2.5 : 4);
	tooltip(out, frame, series, i);
	appendStringInfoString(out, "</circle>\n");
}

/* A line from low to high, along the axis of the values. */
static void
draw_whisker(StringInfo out, const MlopsFrame *frame,
			 const MlopsSeries *series, int i)
{
	double		x = mlops_scale_at(&frame->x, series->x[i]);
	double		y = mlops_scale_at(&frame->y, series->y[i]);

	if (isnan(series->low[i]) || isnan(series->high[i]))
		return;
	if (frame->y.categorical)
		mlops_svg_line(out, "line thin",
					   mlops_scale_at(&frame->x, series->low[i]), y,
					   mlops_scale_at(&frame->x, series->high[i]), y);
	else
		mlops_svg_line(out, "line thin",
					   x, mlops_scale_at(&frame->y, series->low[i]),
					   x, mlops_scale_at(&frame->y, series->high[i]));
}

/* A bar or a cell. */
static void
draw_box(StringInfo out, const MlopsFrame *frame,
		 const MlopsSeries *series, int i, int group)
{
	MlopsBox	box;
	bool		cell = series->mark == MLOPS_CELLS;

	if (!(cell ? cell_box(frame, series, i, &box) :
		  bar_box(frame, series, i, group, &box)))
		return;
	appendStringInfo(out, "<rect class=\"fill %s\"", cell ? "cell" : "bar");
	mlops_svg_attribute(out, "x", box.x);
	mlops_svg_attribute(out, "y", box.y);
	mlops_svg_attribute(out, "width", box.width);
	mlops_svg_attribute(out, "height", box.height);
	mlops_svg_attribute(out, "rx", 2);
	if (cell)
	{
		double		shade = isnan(series->shade[i]) ? 0 :
			Max(0, Min(1, series->shade[i]));

		/* what is empty can still be seen */
		mlops_svg_attribute(out, "fill-opacity", 0.05 + 0.95 * shade);
	}
	tooltip(out, frame, series, i);
	appendStringInfoString(out, "</rect>\n");
}

/* Where a bar is; false if a value of it is no number. */
static bool
bar_box(const MlopsFrame *frame, const MlopsSeries *series, int i, int group,
		MlopsBox *box)
{
	bool		across = frame->y.categorical;
	const double *place = across ? series->y : series->x;
	const MlopsScale *places = across ? &frame->y : &frame->x;
	const MlopsScale *values = across ? &frame->x : &frame->y;
	double		value = across ? series->x[i] : series->y[i];
	double		base = series->base ? series->base[i] : 0;
	double		band = place_band(places, series, place);
	double		wide = Min(band * 0.74, MAX_BAR) / frame->n_grouped;
	double		middle = mlops_scale_at(places, place[i]);
	double		from;
	double		to;

	if (isnan(place[i]) || isnan(value) || isnan(base))
		return false;
	if (!places->categorical)
		wide = band * 0.96 / frame->n_grouped;
	if (frame->n_grouped > 1)
		middle += (group - (frame->n_grouped - 1) / 2.0) * wide;
	from = mlops_scale_at(values, Max(base, values->low));
	to = mlops_scale_at(values, value);
	/* a bar of nothing is a line */
	if (fabs(to - from) < 1)
		to = from + (to < from ? -1 : 1);
	box->x = across ? Min(from, to) : middle - wide / 2;
	box->y = across ? middle - wide / 2 : Min(from, to);
	box->width = across ? fabs(to - from) : wide;
	box->height = across ? wide : fabs(to - from);
	return true;
}

/* The pixels that a bar may take along the axis of its places. */
static double
place_band(const MlopsScale *scale, const MlopsSeries *series,
		   const double *place)
{
	double		span = fabs(scale->end - scale->start);
	double		nearest = INFINITY;

	if (scale->categorical)
		return mlops_scale_band(scale);
	for (int i = 1; i < series->n; i++)
	{
		double		apart = fabs(mlops_scale_at(scale, place[i]) -
								 mlops_scale_at(scale, place[i - 1]));

		if (apart > 0)
			nearest = Min(nearest, apart);
	}
	return Max(1, isfinite(nearest) ? Min(nearest, span) : span / 4);
}

/* Where a cell is; false if a value of it is no number. */
static bool
cell_box(const MlopsFrame *frame, const MlopsSeries *series, int i,
		 MlopsBox *box)
{
	double		wide = mlops_scale_band(&frame->x);
	double		high = mlops_scale_band(&frame->y);

	if (isnan(series->x[i]) || isnan(series->y[i]))
		return false;
	box->x = mlops_scale_at(&frame->x, series->x[i]) - wide / 2 + 1;
	box->y = mlops_scale_at(&frame->y, series->y[i]) - high / 2 + 1;
	box->width = Max(wide - 2, 1);
	box->height = Max(high - 2, 1);
	return true;
}

/* What a shape tells the pointer, after closing the tag before. */
static void
tooltip(StringInfo out, const MlopsFrame *frame, const MlopsSeries *series,
		int i)
{
	appendStringInfoChar(out, '>');
	if (series->n > MAX_TOOLTIPS)
		return;
	appendStringInfoString(out, "<title>");
	if (series->name)
	{
		mlops_svg_escape(out, series->name, 200);
		appendStringInfoString(out, ": ");
	}
	append_value(out, &frame->chart->x, series->x[i]);
	appendStringInfoString(out, ", ");
	append_value(out, &frame->chart->y, series->y[i]);
	if (series->labels && series->labels[i][0] != '\0')
	{
		appendStringInfoString(out, " (");
		mlops_svg_escape(out, series->labels[i], 200);
		appendStringInfoChar(out, ')');
	}
	appendStringInfoString(out, "</title>");
}

/* A value on an axis, or the name of its category. */
static void
append_value(StringInfo out, const MlopsAxis *axis, double value)
{
	char		text[64];

	if (axis->categorical && value >= 1 && value <= axis->n_categories)
		mlops_svg_escape(out, axis->categories[(int) value - 1], 200);
	else
	{
		mlops_readable_number(value, 4, text, sizeof(text));
		appendStringInfoString(out, text);
	}
}

/* The text in a cell, if it has room. */
static void
label_cell(StringInfo out, const MlopsFrame *frame,
		   const MlopsSeries *series, int i)
{
	MlopsBox	box;
	bool		dark = series->shade[i] > 0.5;
	MlopsText	how = {.class = dark ? "on" : "strong",
	.size = MLOPS_TEXT_SIZE, .anchor = MLOPS_MIDDLE};

	if (!cell_box(frame, series, i, &box))
		return;
	/* rather a smaller one than none */
	while (how.size > 7 &&
		   mlops_svg_width(series->labels[i], how.size) > box.width - 4)
		how.size--;
	if (mlops_svg_width(series->labels[i], how.size) > box.width - 4 ||
		how.size > box.height)
		return;
	how.x = box.x + box.width / 2;
	how.y = box.y + box.height / 2 + how.size * 0.35;
	mlops_svg_text(out, &how, series->labels[i]);
}

/* The text at the right of a horizontal bar or point, or above another. */
static void
label_beside(StringInfo out, MlopsFrame *frame,
			 const MlopsSeries *series, int i, int group)
{
	MlopsText	how = {.class = "value",.size = MLOPS_TICK_SIZE};
	bool		across = frame->y.categorical;
	double		x = mlops_scale_at(&frame->x, series->x[i]);
	double		y = mlops_scale_at(&frame->y, series->y[i]);
	MlopsBox	box = {x - 5, y - 5, 10, 10};
	double		room = across ? box.height : INFINITY;

	if (series->mark == MLOPS_BARS)
	{
		if (!bar_box(frame, series, i, group, &box))
			return;
		room = across ? mlops_scale_band(&frame->y) / frame->n_grouped :
			box.width / 0.74;
	}
	else if (series->high && !isnan(series->high[i]))
	{
		if (across)
			box.width = mlops_scale_at(&frame->x, series->high[i]) - box.x;
		else
			box.y = mlops_scale_at(&frame->y, series->high[i]) - 5;
	}
	if (across ? room < 9 :
		mlops_svg_width(series->labels[i], how.size) > room)
		return;
	how.anchor = across ? MLOPS_START : MLOPS_MIDDLE;
	how.room = across ? frame->label_room - 4 : 0;
	how.x = across ? box.x + box.width + 6 : box.x + box.width / 2;
	how.y = across ? box.y + box.height / 2 + 4 : box.y - 5;

	/* where its text will be: between the ticks and the edge */
	box.width = mlops_svg_width(series->labels[i], how.size);
	if (across)
		box.width = Min(box.width, how.room);
	else
		how.x = Max(frame->x.start + box.width / 2,
					Min(how.x, frame->chart->width - box.width / 2 - 2));
	box.x = across ? how.x : how.x - box.width / 2;
	box.y = how.y - how.size;
	box.height = how.size + 2;
	if (series->labels[i][0] != '\0' && claim(frame, &box))
		mlops_svg_text(out, &how, series->labels[i]);
}

/* Whether there is room and no label yet; if so, this one is there now. */
static bool
claim(MlopsFrame *frame, const MlopsBox *box)
{
	if (frame->n_labels >= MLOPS_MAX_LABELS ||
		box->x + box->width > frame->chart->width - 1)
		return false;
	for (int i = 0; i < frame->n_labels; i++)
	{
		const MlopsBox *other = &frame->labels[i];

		if (box->x < other->x + other->width &&
			other->x < box->x + box->width &&
			box->y < other->y + other->height &&
			other->y < box->y + box->height)
			return false;
	}
	frame->labels[frame->n_labels++] = *box;
	return true;
}
