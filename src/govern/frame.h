/*
 * frame.h
 *		Where things are in a chart: two scales, and the area between them.
 */
#ifndef MLOPS_FRAME_H
#define MLOPS_FRAME_H

#include "govern/chart.h"
#include "lib/stringinfo.h"
#include "math/ticks.h"

/* From values to pixels; categories are at 1, 2, 3, ... */
typedef struct MlopsScale
{
	bool		categorical;
	double		low;			/* value at start */
	double		high;			/* value at end */
	double		start;			/* pixel */
	double		end;
	MlopsTicks	ticks;			/* of numbers */
} MlopsScale;

/* Labels of values in a chart, at most. */
#define MLOPS_MAX_LABELS	500

/* A rectangle in pixels. */
typedef struct MlopsBox
{
	double		x;
	double		y;
	double		width;
	double		height;
} MlopsBox;

/* A chart whose area of data is between the starts and ends of the scales. */
typedef struct MlopsFrame
{
	const MlopsChart *chart;
	MlopsScale	x;
	MlopsScale	y;
	double		height;			/* of the whole chart */
	double		label_room;		/* at the right of horizontal bars */
	int			n_grouped;		/* series of bars side by side, at least 1 */
	bool		empty;			/* there is nothing to draw */
	int			n_labels;		/* drawn beside bars and points, and where */
	MlopsBox	labels[MLOPS_MAX_LABELS];
} MlopsFrame;

/* The pixel of a value. */
extern double mlops_scale_at(const MlopsScale *scale, double value);

/* Pixels between two neighbours of a scale of categories. */
extern double mlops_scale_band(const MlopsScale *scale);

/* Sizes of text. */
#define MLOPS_TITLE_SIZE	16
#define MLOPS_TEXT_SIZE		12
#define MLOPS_TICK_SIZE		11

/* Find out where everything goes. */
extern MlopsFrame *mlops_frame_make(const MlopsChart *chart);

/*
 * Draw the shapes of a series, or the labels that stand beside them.  A label
 * that would stand on another one is left out.
 */
extern void mlops_marks_draw(StringInfo out, const MlopsFrame *frame,
							 const MlopsSeries *series, int group);
extern void mlops_marks_label(StringInfo out, MlopsFrame *frame,
							  const MlopsSeries *series, int group);

/* Rows that the legend takes, and drawing it from this y on. */
extern int	mlops_legend_rows(const MlopsChart *chart);
extern void mlops_legend_draw(StringInfo out, const MlopsChart *chart,
							  double top);

/* Margins and distances that several parts share. */
#define MLOPS_MARGIN		16
#define MLOPS_LEGEND_ROW	20
#define MLOPS_TITLE_ROW		24
#define MLOPS_SUBTITLE_ROW	18

#endif							/* MLOPS_FRAME_H */
