/*
 * chart.h
 *		What a chart shows, as it was read from its specification.
 *
 * Memory is palloc'd in the current context and not freed one by one.
 */
#ifndef MLOPS_CHART_H
#define MLOPS_CHART_H

#include "utils/jsonb.h"

/* Limits of a specification; beyond them it is no chart to look at. */
#define MLOPS_MAX_SERIES		64
#define MLOPS_MAX_CATEGORIES	400
#define MLOPS_MAX_BARS			2000	/* of a series */
#define MLOPS_MAX_CELLS			40000

/* How a series is drawn. */
typedef enum MlopsMark
{
	MLOPS_LINE,					/* x, y: a line through all points */
	MLOPS_STEP,					/* the same, level until the next point */
	MLOPS_POINTS,				/* x, y; a whisker from low to high */
	MLOPS_BARS,					/* from base (0) to the value */
	MLOPS_BAND,					/* x, and the area from low to high */
	MLOPS_CELLS					/* x and y are categories, shade 0 to 1 */
} MlopsMark;

/* A series; arrays have n elements, or are NULL if not given. */
typedef struct MlopsSeries
{
	MlopsMark	mark;
	char	   *name;			/* in the legend; NULL: not there */
	int			color;			/* 0: neutral, 1 to 8 */
	bool		dashed;
	int			n;
	double	   *x;				/* NaN: nothing is drawn */
	double	   *y;
	double	   *low;
	double	   *high;
	double	   *base;
	double	   *shade;
	char	  **labels;			/* text beside a bar or point, in a cell */
} MlopsSeries;

/* An axis: of numbers, or of categories at 1, 2, 3, ... */
typedef struct MlopsAxis
{
	char	   *label;			/* NULL: none */
	bool		has_low;
	bool		has_high;
	double		low;
	double		high;
	bool		categorical;
	int			n_categories;
	char	  **categories;
} MlopsAxis;

typedef struct MlopsChart
{
	char	   *title;			/* NULL: none; so are the next two */
	char	   *subtitle;
	char	   *description;
	double		width;
	double		height;			/* 0: as the chart needs it */
	bool		square;			/* the area of the data is to be one */
	MlopsAxis	x;
	MlopsAxis	y;
	int			n_series;
	MlopsSeries *series;
} MlopsChart;

/*
 * Read and check a specification; what it may hold is in docs/reference.md.
 * 22023 for what it may not, 54000 beyond the limits above.
 */
extern MlopsChart *mlops_chart_read(Jsonb *spec);

/* The chart as SVG, palloc'd. */
extern char *mlops_chart_draw(const MlopsChart *chart);

#endif							/* MLOPS_CHART_H */
