/*
 * evaluation.c
 *		mlops.evaluate(): the metrics of a version on a source, by slices.
 *
 * The rows of a slice are gathered out of those of all, one slice at a time,
 * so memory is that of the predictions and of the largest slice.
 */
#include "postgres.h"

#include "base/base.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "train/evaluation.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(mlops_evaluate);

/* The order of the arguments in SQL. */
enum
{
	ARG_MODEL, ARG_SOURCE, ARG_TARGET, ARG_BY, ARG_WEIGHT, ARG_QUERY_GROUP,
	ARG_TARGET_UPPER, ARG_EVENT_OBSERVED, ARG_CONFIDENCE
};

#define N_COLUMNS 6

static void put_slice(ReturnSetInfo *result, Jsonb *name,
					  const MlopsEvaluation *evaluation);
static void put_slices(ReturnSetInfo *result,
					   const MlopsPredictions *predictions,
					   double confidence);
static size_t *order_rows(const MlopsPredictions *predictions, int n_slices,
						  size_t **starts);
static void *gathered(const void *array, const size_t *places, size_t n,
					  size_t size);

/* evaluate(model model_ref, source text, ...) returns setof record */
Datum
mlops_evaluate(PG_FUNCTION_ARGS)
{
	MlopsPredictionsRequest request = {0};
	MlopsPredictions *predictions;
	MlopsEvaluation evaluation;
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext context;
	MemoryContext old;
	double		confidence;

	InitMaterializedSRF(fcinfo, 0);
	context = AllocSetContextCreate(CurrentMemoryContext, "mlops evaluate",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	request.models[0] = mlops_required_text(fcinfo, ARG_MODEL, "model");
	request.source = mlops_required_text(fcinfo, ARG_SOURCE, "source");
	request.target = mlops_optional_text(fcinfo, ARG_TARGET);
	request.by = mlops_optional_list(fcinfo, ARG_BY);
	request.weight = mlops_optional_text(fcinfo, ARG_WEIGHT);
	request.query_group = mlops_optional_text(fcinfo, ARG_QUERY_GROUP);
	request.target_upper = mlops_optional_text(fcinfo, ARG_TARGET_UPPER);
	request.event_observed = mlops_optional_text(fcinfo, ARG_EVENT_OBSERVED);
	confidence = mlops_open_fraction(fcinfo, ARG_CONFIDENCE, "confidence",
									 0.95);

	predictions = mlops_predictions_read(&request);
	mlops_evaluation_rows(&predictions->measures[0], &predictions->rows,
						  predictions->outputs[0], confidence, &evaluation);
	put_slice(result, mlops_empty_object(), &evaluation);
	if (predictions->slices != NULL)
		put_slices(result, predictions, confidence);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return (Datum) 0;
}

void
mlops_evaluation_rows(const MlopsMeasure *measure, const MlopsRows *rows,
					  float *outputs, double confidence,
					  MlopsEvaluation *evaluation)
{
	evaluation->counted = mlops_rows_counted(rows);
	evaluation->n_metrics = mlops_measure(measure, rows, outputs,
										  evaluation->metrics);
	mlops_intervals(measure, rows, outputs, evaluation->metrics,
					evaluation->n_metrics, confidence,
					evaluation->intervals);
}

void
mlops_evaluation_at(const MlopsPredictions *predictions,
					const size_t *places, size_t n, double confidence,
					MlopsEvaluation *evaluation)
{
	const MlopsRows *all = &predictions->rows;
	const MlopsMeasure *measure = &predictions->measures[0];
	MlopsRows	rows = {
		n,
		gathered(all->label, places, n, sizeof(float)),
		gathered(all->upper, places, n, sizeof(float)),
		gathered(all->weight, places, n, sizeof(float)),
		gathered(all->group, places, n, sizeof(unsigned))
	};

	mlops_evaluation_rows(measure, &rows,
						  gathered(predictions->outputs[0], places, n,
								   sizeof(float) * measure->n_outputs),
						  confidence, evaluation);
}

void
mlops_evaluation_columns(const MlopsEvaluation *evaluation, int i,
						 Datum *values, bool *nulls)
{
	const MlopsMetric *metric = &evaluation->metrics[i];
	const MlopsInterval *interval = &evaluation->intervals[i];

	values[0] = CStringGetTextDatum(metric->name);
	mlops_put_number(values, nulls, 1, metric->value);
	mlops_put_number(values, nulls, 2, interval->low);
	mlops_put_number(values, nulls, 3, interval->high);
	values[4] = Int64GetDatum(evaluation->counted);
}

/*
 * Add the metrics of a slice to the result.
 */
static void
put_slice(ReturnSetInfo *result, Jsonb *name,
		  const MlopsEvaluation *evaluation)
{
	for (int i = 0; i < evaluation->n_metrics; i++)
	{
		Datum		values[N_COLUMNS];
		bool		nulls[N_COLUMNS] = {0};

		values[0] = JsonbPGetDatum(name);
		mlops_evaluation_columns(evaluation, i, values + 1, nulls + 1);
		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 nulls);
	}
}

/*
 * Add the metrics of each slice.
 */
static void
put_slices(ReturnSetInfo *result, const MlopsPredictions *predictions,
		   double confidence)
{
	int			n_slices;
	unsigned   *order = mlops_slices_order(predictions->slices, &n_slices);
	size_t	   *starts;
	size_t	   *places = order_rows(predictions, n_slices, &starts);

	for (int i = 0; i < n_slices; i++)
	{
		unsigned	slice = order[i];
		MlopsEvaluation evaluation;
		MemoryContext context;
		MemoryContext old;

		CHECK_FOR_INTERRUPTS();
		context = AllocSetContextCreate(CurrentMemoryContext, "mlops slice",
										ALLOCSET_DEFAULT_SIZES);
		old = MemoryContextSwitchTo(context);
		mlops_evaluation_at(predictions, places + starts[slice],
							starts[slice + 1] - starts[slice], confidence,
							&evaluation);
		put_slice(result, mlops_slices_name(predictions->slices, slice),
				  &evaluation);
		MemoryContextSwitchTo(old);
		MemoryContextDelete(context);
	}
}

/*
 * The rows sorted by slice, else in their order; slice s has those from
 * starts[s] to before starts[s + 1].
 */
static size_t *
order_rows(const MlopsPredictions *predictions, int n_slices,
		   size_t **starts)
{
	size_t		n = predictions->rows.n;
	size_t	   *places = palloc_extended(sizeof(size_t) * n, MCXT_ALLOC_HUGE);
	size_t	   *next = palloc0(sizeof(size_t) * (n_slices + 1));

	*starts = palloc0(sizeof(size_t) * (n_slices + 1));
	for (size_t i = 0; i < n; i++)
		(*starts)[predictions->slice[i] + 1]++;
	for (int s = 0; s < n_slices; s++)
		(*starts)[s + 1] += (*starts)[s];
	memcpy(next, *starts, sizeof(size_t) * (n_slices + 1));
	for (size_t i = 0; i < n; i++)
		places[next[predictions->slice[i]]++] = i;
	pfree(next);
	return places;
}

/*
 * A copy of the elements at these places; NULL of no array.
 */
static void *
gathered(const void *array, const size_t *places, size_t n, size_t size)
{
	char	   *copy;

	if (array == NULL)
		return NULL;
	copy = palloc_extended(Max(n, 1) * size, MCXT_ALLOC_HUGE);
	for (size_t i = 0; i < n; i++)
		memcpy(copy + i * size, (const char *) array + places[i] * size,
			   size);
	return copy;
}
