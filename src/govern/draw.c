/*
 * draw.c
 *		A chart as SVG: the frame around the data, and the order of it all.
 *
 * The same specification gives the same bytes: nothing depends on time,
 * locale or the order of hashing.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "govern/frame.h"
#include "govern/svg.h"
#include "utils/builtins.h"

/* Entries of a legend: the width of one without text, and of text at most. */
#define SWATCH			34
#define LEGEND_TEXT		300

/* How far shapes may stand out of the area of the data. */
#define OVERHANG		5

PG_FUNCTION_INFO_V1(mlops_draw);

static void draw_header(StringInfo out, const MlopsFrame *frame);
static void draw_x_axis(StringInfo out, const MlopsFrame *frame);
static void draw_y_axis(StringInfo out, const MlopsFrame *frame);
static void draw_names(StringInfo out, const MlopsFrame *frame, bool is_x);
static void draw_axis_labels(StringInfo out, const MlopsFrame *frame);
static void draw_baseline(StringInfo out, const MlopsFrame *frame);
static void draw_data(StringInfo out, MlopsFrame *frame);
static char *describe(const MlopsChart *chart);
static double legend_width(const MlopsChart *chart, const char *name);

/* draw(spec jsonb) returns text */
Datum
mlops_draw(PG_FUNCTION_ARGS)
{
	MlopsChart *chart;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	chart = mlops_chart_read(PG_GETARG_JSONB_P(0));
	PG_RETURN_TEXT_P(cstring_to_text(mlops_chart_draw(chart)));
}

/* See chart.h. */
char *
mlops_chart_draw(const MlopsChart *chart)
{
	MlopsFrame *frame = mlops_frame_make(chart);
	StringInfoData out;

	initStringInfo(&out);
	mlops_svg_begin(&out, chart->width, frame->height,
					chart->title ? chart->title : "Chart",
					chart->description ? chart->description :
					describe(chart));
	draw_header(&out, frame);
	draw_x_axis(&out, frame);
	draw_y_axis(&out, frame);
	draw_data(&out, frame);
	draw_axis_labels(&out, frame);
	mlops_svg_end(&out);
	return out.data;
}

/* See frame.h. */
int
mlops_legend_rows(const MlopsChart *chart)
{
	double		x = 0;
	int			rows = 0;

	for (int i = 0; i < chart->n_series; i++)
	{
		double		width;

		if (chart->series[i].name == NULL)
			continue;
		width = legend_width(chart, chart->series[i].name);
		if (rows == 0 || x + width > chart->width - 2 * MLOPS_MARGIN)
		{
			rows++;
			x = 0;
		}
		x += width;
	}
	return rows;
}

/* See frame.h. */
void
mlops_legend_draw(StringInfo out, const MlopsChart *chart, double top)
{
	double		x = 0;

	for (int i = 0; i < chart->n_series; i++)
	{
		const MlopsSeries *series = &chart->series[i];
		MlopsText	how = {.class = "strong",.size = MLOPS_TEXT_SIZE};
		double		width;
		double		left;

		if (series->name == NULL)
			continue;
		width = legend_width(chart, series->name);
		if (x > 0 && x + width > chart->width - 2 * MLOPS_MARGIN)
		{
			x = 0;
			top += MLOPS_LEGEND_ROW;
		}
		left = MLOPS_MARGIN + x;
		appendStringInfo(out, "<g class=\"legend c%d\">\n", series->color);
		if (series->mark == MLOPS_LINE || series->mark == MLOPS_STEP)
			mlops_svg_line(out, series->dashed ? "line dash" : "line",
						   left + 1, top + 10, left + 17, top + 10);
		else
		{
			appendStringInfo(out, "<rect class=\"%s\"",
							 series->mark == MLOPS_BAND ? "band" : "fill");
			mlops_svg_attribute(out, "x", left + 3);
			mlops_svg_attribute(out, "y", top + 4);
			mlops_svg_attribute(out, "width", 12);
			mlops_svg_attribute(out, "height", 12);
			mlops_svg_attribute(out, "rx",
								series->mark == MLOPS_POINTS ? 6 : 2);
			appendStringInfoString(out, "/>\n");
		}
		how.x = left + 23;
		how.y = top + 14;
		how.room = width - SWATCH;
		mlops_svg_text(out, &how, series->name);
		appendStringInfoString(out, "</g>\n");
		x += width;
	}
}

/* Title, subtitle and legend. */
static void
draw_header(StringInfo out, const MlopsFrame *frame)
{
	const MlopsChart *chart = frame->chart;
	MlopsText	how = {.class = "title",.size = MLOPS_TITLE_SIZE,
	.x = MLOPS_MARGIN,.room = chart->width - 2 * MLOPS_MARGIN,.bold = true};
	double		y = MLOPS_MARGIN;

	if (chart->title)
	{
		how.y = y + 15;
		mlops_svg_text(out, &how, chart->title);
		y += MLOPS_TITLE_ROW;
	}
	if (chart->subtitle)
	{
		how.class = "subtitle";
		how.size = MLOPS_TEXT_SIZE;
		how.bold = false;
		how.y = y + 11;
		mlops_svg_text(out, &how, chart->subtitle);
		y += MLOPS_SUBTITLE_ROW;
	}
	mlops_legend_draw(out, chart, y);
}

/* Ticks below, with lines of the grid; or names of categories. */
static void
draw_x_axis(StringInfo out, const MlopsFrame *frame)
{
	const MlopsScale *scale = &frame->x;
	double		top = Min(frame->y.start, frame->y.end);
	double		bottom = Max(frame->y.start, frame->y.end);
	MlopsText	how = {.class = "x tick",.size = MLOPS_TICK_SIZE,
	.y = bottom + 17,.anchor = MLOPS_MIDDLE};
	double		last = -INFINITY;

	if (scale->categorical)
	{
		draw_names(out, frame, true);
		return;
	}
	for (int i = 0; i < scale->ticks.n; i++)
	{
		char		label[64];
		double		half;

		how.x = mlops_scale_at(scale, mlops_ticks_value(&scale->ticks, i));
		if (how.x < scale->start - 0.5 || how.x > scale->end + 0.5)
			continue;
		mlops_svg_line(out, "grid", how.x, top, how.x, bottom);
		mlops_ticks_label(&scale->ticks, i, label, sizeof(label));
		half = mlops_svg_width(label, how.size) / 2;
		if (how.x - half < last + 4 ||
			how.x + half > frame->chart->width - 2)
			continue;
		mlops_svg_text(out, &how, label);
		last = how.x + half;
	}
}

/* Ticks at the left, with lines of the grid; or names of categories. */
static void
draw_y_axis(StringInfo out, const MlopsFrame *frame)
{
	const MlopsScale *scale = &frame->y;
	MlopsText	how = {.class = "y tick",.size = MLOPS_TICK_SIZE,
	.x = frame->x.start - 8,.anchor = MLOPS_END};
	double		last = INFINITY;

	if (scale->categorical)
	{
		draw_names(out, frame, false);
		return;
	}
	for (int i = 0; i < scale->ticks.n; i++)
	{
		char		label[64];
		double		y = mlops_scale_at(scale,
									   mlops_ticks_value(&scale->ticks, i));

		if (y > scale->start + 0.5 || y < scale->end - 0.5)
			continue;
		mlops_svg_line(out, "grid", frame->x.start, y, frame->x.end, y);
		if (y > last - 15)
			continue;
		mlops_ticks_label(&scale->ticks, i, label, sizeof(label));
		how.y = y + 4;
		mlops_svg_text(out, &how, label);
		last = y;
	}
}

/* Names of categories, every k-th where they have no room. */
static void
draw_names(StringInfo out, const MlopsFrame *frame, bool is_x)
{
	const MlopsAxis *axis = is_x ? &frame->chart->x : &frame->chart->y;
	const MlopsScale *scale = is_x ? &frame->x : &frame->y;
	double		band = mlops_scale_band(scale);
	int			every = 1;
	MlopsText	how = {.class = is_x ? "x tick" : "y tick",
		.size = is_x ? MLOPS_TICK_SIZE : MLOPS_TEXT_SIZE,
		.anchor = is_x ? MLOPS_MIDDLE : MLOPS_END
	};

	if (!is_x)
		every = Max(1, (int) ceil(15 / band));
	else if (band < 34)
	{
		/* if not all names are there, those that are can be read */
		double		widest = 28;

		for (int i = 0; i < axis->n_categories; i++)
			widest = Max(widest, mlops_svg_width(axis->categories[i],
												 how.size));
		every = Max(1, (int) ceil((Min(widest, 94) + 6) / band));
	}
	for (int i = 0; i < axis->n_categories; i += every)
	{
		double		at = mlops_scale_at(scale, i + 1);

		if (is_x)
		{
			/* at the edges a name has less room */
			how.room = Min(every * band - 6,
						   2 * Min(at, frame->chart->width - at) - 4);
			how.x = at;
			if (how.room < 20)
				continue;
			how.y = frame->y.categorical ? frame->y.end + 17 :
				frame->y.start + 17;
		}
		else
		{
			how.x = frame->x.start - 8;
			how.y = at + 4;
			how.room = how.x - MLOPS_MARGIN - (axis->label ? 20 : 0) + 1;
		}
		mlops_svg_text(out, &how, axis->categories[i]);
	}
}

/* What the axes are. */
static void
draw_axis_labels(StringInfo out, const MlopsFrame *frame)
{
	double		bottom = Max(frame->y.start, frame->y.end);
	double		top = Min(frame->y.start, frame->y.end);
	MlopsText	how = {.class = "label",.size = MLOPS_TEXT_SIZE,
	.anchor = MLOPS_MIDDLE};

	if (frame->chart->x.label)
	{
		how.x = (frame->x.start + frame->x.end) / 2;
		how.y = bottom + 39;
		how.room = frame->x.end - frame->x.start;
		mlops_svg_text(out, &how, frame->chart->x.label);
	}
	if (frame->chart->y.label)
	{
		how.x = MLOPS_MARGIN + 10;
		how.y = (top + bottom) / 2;
		how.room = bottom - top;
		how.upright = true;
		mlops_svg_text(out, &how, frame->chart->y.label);
	}
}

/* The line that values are counted from: 0, or the edge; none of steps. */
static void
draw_baseline(StringInfo out, const MlopsFrame *frame)
{
	const MlopsScale *x = &frame->x;
	const MlopsScale *y = &frame->y;

	for (int i = 0; i < frame->chart->n_series; i++)
		if (frame->chart->series[i].base != NULL)
			return;
	if (y->categorical && !x->categorical)
	{
		double		at = mlops_scale_at(x, Max(x->low, Min(x->high, 0)));

		mlops_svg_line(out, "axis", at, y->start, at, y->end);
	}
	else if (!y->categorical)
	{
		double		at = mlops_scale_at(y, Max(y->low, Min(y->high, 0)));

		mlops_svg_line(out, "axis", x->start, at, x->end, at);
	}
}

/*
 * All series.  The shapes stand in an element of its own, which cuts what is
 * out of range without an id that another chart on the page could have, too.
 */
static void
draw_data(StringInfo out, MlopsFrame *frame)
{
	const MlopsChart *chart = frame->chart;
	double		x = frame->x.start - OVERHANG;
	double		y = Min(frame->y.start, frame->y.end) - OVERHANG;
	double		wide = frame->x.end - frame->x.start + 2 * OVERHANG;
	double		high = fabs(frame->y.end - frame->y.start) + 2 * OVERHANG;
	int			group = 0;
	MlopsText	nothing = {.class = "empty",.size = MLOPS_TEXT_SIZE,
		.x = x + wide / 2,.y = y + high / 2,.anchor = MLOPS_MIDDLE
	};

	appendStringInfoString(out, "<svg class=\"data\"");
	mlops_svg_attribute(out, "x", x);
	mlops_svg_attribute(out, "y", y);
	mlops_svg_attribute(out, "width", wide);
	mlops_svg_attribute(out, "height", high);
	appendStringInfoString(out, " viewBox=\"");
	mlops_svg_number(out, x);
	appendStringInfoChar(out, ' ');
	mlops_svg_number(out, y);
	appendStringInfoChar(out, ' ');
	mlops_svg_number(out, wide);
	appendStringInfoChar(out, ' ');
	mlops_svg_number(out, high);
	appendStringInfoString(out, "\">\n");
	for (int i = 0; i < chart->n_series; i++)
	{
		mlops_marks_draw(out, frame, &chart->series[i], group);
		group += chart->series[i].mark == MLOPS_BARS &&
			frame->n_grouped > 1;
	}
	draw_baseline(out, frame);
	appendStringInfoString(out, "</svg>\n");

	group = 0;
	for (int i = 0; i < chart->n_series; i++)
	{
		mlops_marks_label(out, frame, &chart->series[i], group);
		group += chart->series[i].mark == MLOPS_BARS &&
			frame->n_grouped > 1;
	}
	if (frame->empty)
		mlops_svg_text(out, &nothing, "No data");
}

/* What those who cannot see the chart are told of it. */
static char *
describe(const MlopsChart *chart)
{
	StringInfoData text;
	const char *before = "";

	initStringInfo(&text);
	if (chart->subtitle)
		appendStringInfo(&text, "%s. ", chart->subtitle);
	if (chart->y.label && chart->x.label)
		appendStringInfo(&text, "%s by %s. ", chart->y.label,
						 chart->x.label);
	for (int i = 0; i < chart->n_series; i++)
	{
		if (chart->series[i].name == NULL)
			continue;
		appendStringInfo(&text, "%s%s", before, chart->series[i].name);
		before = "; ";
	}
	return text.data;
}

/* What an entry of the legend takes. */
static double
legend_width(const MlopsChart *chart, const char *name)
{
	double		width = mlops_svg_width(name, MLOPS_TEXT_SIZE);

	return Min(width, Min(LEGEND_TEXT, chart->width / 2)) + SWATCH;
}
