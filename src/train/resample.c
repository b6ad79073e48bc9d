/*
 * resample.c
 *		The error of metrics by resampling the rows with a seed.
 *
 * The bootstrap: units are drawn with replacement, all metrics are computed
 * of what was drawn, and how much they vary from drawing to drawing is their
 * standard error.  Of two versions it is the same rows that are drawn for
 * both, so what the versions have in common cancels out.
 *
 * Errors shrink with the square root of the number of units.  So where there
 * are very many, some of them are drawn, and the error found is scaled by the
 * square root of what was drawn to what there is.
 */
#include "postgres.h"

#include <math.h>

#include "math/paired.h"
#include "miscadmin.h"
#include "train/resample.h"
#include "utils/memutils.h"

/* Outputs that are measured in one drawing, and in all of them, about. */
#define OUTPUTS_PER_DRAWING	20000
#define LEAST_ROWS			1000
#define OUTPUTS_IN_ALL		4000000
#define MOST_DRAWINGS		1000

/* Rows drawn. */
typedef struct Drawing
{
	size_t		n;
	size_t		capacity;
	int			n_measures;
	int			n_outputs[2];
	float	   *label;
	float	   *upper;
	float	   *weight;
	unsigned   *group;
	float	   *outputs[2];
} Drawing;

static size_t units_to_draw(const MlopsUnits *units, size_t n_rows,
							int n_outputs);
static void draw(Drawing *drawing, const MlopsRows *rows,
				 float *const *outputs, const MlopsUnits *units, size_t n,
				 MlopsRandom *random);
static void reserve(Drawing *drawing, const MlopsRows *rows, size_t n);
static void *resized(void *array, size_t size);
static void copy_rows(Drawing *drawing, const MlopsRows *rows,
					  float *const *outputs, size_t first, size_t n,
					  unsigned group);
static void measure_drawing(const Drawing *drawing,
							const MlopsMeasure *measures,
							MlopsSpread *spreads);

MlopsUnits
mlops_units_of(const MlopsRows *rows)
{
	MlopsUnits	units = {rows->n, NULL};

	if (rows->group == NULL)
		return units;
	units.n = 0;
	units.starts = palloc_extended(sizeof(size_t) * (rows->n + 1),
								   MCXT_ALLOC_HUGE);
	for (size_t i = 0; i < rows->n; i++)
		if (i == 0 || rows->group[i] != rows->group[i - 1])
			units.starts[units.n++] = i;
	units.starts[units.n] = rows->n;
	return units;
}

void
mlops_resample_errors(const MlopsMeasure *measures, int n_measures,
					  const MlopsRows *rows, float *const *outputs,
					  const MlopsUnits *units, uint64 seed,
					  int least_drawings,
					  double errors[MLOPS_MAX_METRICS])
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "mlops resampling",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	size_t		n = units_to_draw(units, rows->n, measures[0].n_outputs);
	size_t		cost = Max(n * measures[0].n_outputs, 1);
	int			drawings = least_drawings;
	MlopsSpread spreads[MLOPS_MAX_METRICS] = {0};
	Drawing		drawing = {0};
	MlopsRandom random;

	mlops_random_seed(&random, seed);
	drawing.n_measures = n_measures;
	for (int i = 0; i < n_measures; i++)
		drawing.n_outputs[i] = measures[i].n_outputs;
	/* a p-value wants its error more exact than an interval does */
	if (n_measures > 1)
		drawings = Max(least_drawings, Min(OUTPUTS_IN_ALL / cost,
										   MOST_DRAWINGS));
	for (int i = 0; i < drawings && units->n > 1; i++)
	{
		CHECK_FOR_INTERRUPTS();
		draw(&drawing, rows, outputs, units, n, &random);
		measure_drawing(&drawing, measures, spreads);
	}
	for (int i = 0; i < MLOPS_MAX_METRICS; i++)
		errors[i] = spreads[i].n < 2 || spreads[i].n * 10 < drawings * 9 ?
			NAN : mlops_spread_deviation(&spreads[i]) *
			sqrt((double) n / units->n);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/*
 * How many units one drawing takes, for which it costs no more than it may.
 */
static size_t
units_to_draw(const MlopsUnits *units, size_t n_rows, int n_outputs)
{
	size_t		most = Max(OUTPUTS_PER_DRAWING / n_outputs, LEAST_ROWS);

	if (n_rows <= most)
		return units->n;
	return Max((size_t) ((double) units->n * most / n_rows), 2);
}

/*
 * Draw n units.
 */
static void
draw(Drawing *drawing, const MlopsRows *rows, float *const *outputs,
	 const MlopsUnits *units, size_t n, MlopsRandom *random)
{
	drawing->n = 0;
	for (size_t i = 0; i < n; i++)
	{
		size_t		unit = mlops_random_index(random, units->n);

		if (units->starts == NULL)
			copy_rows(drawing, rows, outputs, unit, 1, 0);
		else
			copy_rows(drawing, rows, outputs, units->starts[unit],
					  units->starts[unit + 1] - units->starts[unit], i);
	}
}

/*
 * Make room for n more rows.
 */
static void
reserve(Drawing *drawing, const MlopsRows *rows, size_t n)
{
	size_t		size;

	if (drawing->n + n <= drawing->capacity)
		return;
	drawing->capacity = Max(drawing->capacity * 2, drawing->n + n);
	drawing->capacity = Max(drawing->capacity, 1024);
	size = drawing->capacity * sizeof(float);
	drawing->label = resized(drawing->label, size);
	if (rows->upper != NULL)
		drawing->upper = resized(drawing->upper, size);
	if (rows->weight != NULL)
		drawing->weight = resized(drawing->weight, size);
	if (rows->group != NULL)
		drawing->group = resized(drawing->group, size);
	for (int i = 0; i < drawing->n_measures; i++)
		drawing->outputs[i] = resized(drawing->outputs[i],
									  size * drawing->n_outputs[i]);
}

/*
 * The array with another size.
 */
static void *
resized(void *array, size_t size)
{
	if (array == NULL)
		return palloc_extended(size, MCXT_ALLOC_HUGE);
	return repalloc_huge(array, size);
}

/*
 * Add n rows from the given one on, as members of a group.
 */
static void
copy_rows(Drawing *drawing, const MlopsRows *rows, float *const *outputs,
		  size_t first, size_t n, unsigned group)
{
	size_t		at = drawing->n;

	reserve(drawing, rows, n);
	for (size_t i = 0; i < n; i++)
	{
		drawing->label[at + i] = rows->label[first + i];
		if (rows->upper != NULL)
			drawing->upper[at + i] = rows->upper[first + i];
		if (rows->weight != NULL)
			drawing->weight[at + i] = rows->weight[first + i];
		if (rows->group != NULL)
			drawing->group[at + i] = group;
	}
	for (int k = 0; k < drawing->n_measures; k++)
	{
		size_t		width = drawing->n_outputs[k];

		memcpy(drawing->outputs[k] + at * width, outputs[k] + first * width,
			   sizeof(float) * n * width);
	}
	drawing->n += n;
}

/*
 * Measure what was drawn; what is not defined on it is left out.
 */
static void
measure_drawing(const Drawing *drawing, const MlopsMeasure *measures,
				MlopsSpread *spreads)
{
	MlopsRows	rows = {drawing->n, drawing->label, drawing->upper,
	drawing->weight, drawing->group};
	MlopsMetric metrics[MLOPS_MAX_METRICS];
	MlopsMetric others[MLOPS_MAX_METRICS];
	int			n = mlops_measure(&measures[0], &rows, drawing->outputs[0],
								  metrics);
	int			n_others = 0;

	if (drawing->n_measures > 1)
		n_others = mlops_measure(&measures[1], &rows, drawing->outputs[1],
								 others);
	for (int i = 0; i < n; i++)
	{
		double		value = metrics[i].value;

		if (drawing->n_measures > 1)
			value -= mlops_metric_get(others, n_others, metrics[i].name);
		if (isfinite(value))
			mlops_spread_add(&spreads[i], value);
	}
}
