/*
 * resample.c
 *		The error of metrics by resampling the rows with a seed.
 *
 * The bootstrap: rows are drawn with replacement, all metrics are computed of
 * what was drawn, and how much they vary from drawing to drawing is their
 * standard error.  Of two versions it is the same rows that are drawn for
 * both, so what the versions have in common cancels out.
 *
 * Errors shrink with the square root of the number of rows.  So where there
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
	int			n_measures;
	int			n_outputs[2];
	float	   *label;
	float	   *upper;
	float	   *weight;
	float	   *outputs[2];
} Drawing;

static void *floats(size_t n);
static void draw(Drawing *drawing, const MlopsRows *rows,
				 float *const *outputs, MlopsRandom *random);
static void measure_drawing(const Drawing *drawing,
							const MlopsMeasure *measures,
							MlopsSpread *spreads);

void
mlops_resample_errors(const MlopsMeasure *measures, int n_measures,
					  const MlopsRows *rows, float *const *outputs,
					  uint64 seed, int least_drawings,
					  double errors[MLOPS_MAX_METRICS])
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "mlops resampling",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	size_t		n = Min(rows->n, Max(OUTPUTS_PER_DRAWING /
								 measures[0].n_outputs, LEAST_ROWS));
	size_t		cost = Max(n * measures[0].n_outputs, 1);
	int			drawings = least_drawings;
	MlopsSpread spreads[MLOPS_MAX_METRICS] = {0};
	Drawing		drawing = {n, n_measures};
	MlopsRandom random;

	Assert(rows->group == NULL);
	drawing.label = floats(n);
	drawing.upper = rows->upper ? floats(n) : NULL;
	drawing.weight = rows->weight ? floats(n) : NULL;
	for (int i = 0; i < n_measures; i++)
	{
		drawing.n_outputs[i] = measures[i].n_outputs;
		drawing.outputs[i] = floats(n * measures[i].n_outputs);
	}

	mlops_random_seed(&random, seed);
	/* a p-value wants its error more exact than an interval does */
	if (n_measures > 1)
		drawings = Max(least_drawings, Min(OUTPUTS_IN_ALL / cost,
										   MOST_DRAWINGS));
	for (int i = 0; i < drawings && rows->n > 1; i++)
	{
		CHECK_FOR_INTERRUPTS();
		draw(&drawing, rows, outputs, &random);
		measure_drawing(&drawing, measures, spreads);
	}
	for (int i = 0; i < MLOPS_MAX_METRICS; i++)
		errors[i] = spreads[i].n < 2 || spreads[i].n * 10 < drawings * 9 ?
			NAN : mlops_spread_deviation(&spreads[i]) *
			sqrt((double) n / rows->n);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/*
 * Room for n numbers.
 */
static void *
floats(size_t n)
{
	return palloc_extended(sizeof(float) * Max(n, 1), MCXT_ALLOC_HUGE);
}

/*
 * Draw as many rows as there is room for.
 */
static void
draw(Drawing *drawing, const MlopsRows *rows, float *const *outputs,
	 MlopsRandom *random)
{
	for (size_t i = 0; i < drawing->n; i++)
	{
		size_t		row = mlops_random_index(random, rows->n);

		drawing->label[i] = rows->label[row];
		if (rows->upper != NULL)
			drawing->upper[i] = rows->upper[row];
		if (rows->weight != NULL)
			drawing->weight[i] = rows->weight[row];
		for (int k = 0; k < drawing->n_measures; k++)
		{
			size_t		width = drawing->n_outputs[k];

			memcpy(drawing->outputs[k] + i * width, outputs[k] + row * width,
				   sizeof(float) * width);
		}
	}
}

/*
 * Measure what was drawn; what is not defined on it is left out.
 */
static void
measure_drawing(const Drawing *drawing, const MlopsMeasure *measures,
				MlopsSpread *spreads)
{
	MlopsRows	rows = {drawing->n, drawing->label, drawing->upper,
	drawing->weight, NULL};
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
