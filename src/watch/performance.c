/*
 * performance.c
 *		mlops.performance(): realised metrics by windows of time.
 *
 * The source is read once.  Its rows are put in the order of their windows
 * and slices and else stay in theirs, so each window has the very figures
 * that mlops.evaluate() gives of its rows.  What a window needs in memory is
 * given back after it.
 */
#include "postgres.h"

#include "base/base.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "train/evaluation.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#include "watch/windows.h"

#define N_COLUMNS		7
#define MAX_WINDOWS		10000

PG_FUNCTION_INFO_V1(mlops_performance);

/* The order of the arguments in SQL. */
enum
{
	ARG_MODEL, ARG_SOURCE, ARG_EVENT_TIME, ARG_WINDOW_SIZE, ARG_TARGET,
	ARG_BY, ARG_WEIGHT, ARG_QUERY_GROUP, ARG_TARGET_UPPER,
	ARG_EVENT_OBSERVED, ARG_CONFIDENCE
};

/* A row that falls into a window. */
typedef struct Place
{
	int64		start;			/* of the window */
	unsigned	slice;			/* its rank in the order of slices */
	size_t		place;
} Place;

static const char *event_time_of(FunctionCallInfo fcinfo, const char *model);
static Place *sorted_places(const MlopsPredictions *predictions,
							const MlopsWindows *windows, size_t *n);
static unsigned *slice_ranks(const MlopsPredictions *predictions,
							 unsigned **order);
static int	compare_windows(const void *a, const void *b);
static int	compare_slices(const void *a, const void *b);
static void put_window(ReturnSetInfo *result,
					   const MlopsPredictions *predictions,
					   const MlopsWindows *windows, const unsigned *order,
					   Place *places, size_t n, double confidence);
static void put_rows(ReturnSetInfo *result,
					 const MlopsPredictions *predictions, TimestampTz start,
					 Jsonb *slice, const Place *places, size_t n,
					 double confidence);

/* performance(model model_ref, source text, ...) returns setof record */
Datum
mlops_performance(PG_FUNCTION_ARGS)
{
	MlopsPredictionsRequest request = {0};
	MlopsPredictions *predictions;
	MlopsWindows windows;
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext context;
	MemoryContext old;
	double		confidence;
	Place	   *places;
	unsigned   *order = NULL;
	size_t		n;
	size_t		n_windows = 0;

	InitMaterializedSRF(fcinfo, 0);
	context = AllocSetContextCreate(CurrentMemoryContext, "mlops performance",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	request.models[0] = mlops_required_text(fcinfo, ARG_MODEL, "model");
	request.source = mlops_required_text(fcinfo, ARG_SOURCE, "source");
	mlops_check_given(fcinfo, ARG_WINDOW_SIZE, "window_size");
	(void) mlops_windows_of(PG_GETARG_INTERVAL_P(ARG_WINDOW_SIZE), false);
	request.at = event_time_of(fcinfo, request.models[0]);
	request.target = mlops_optional_text(fcinfo, ARG_TARGET);
	request.by = mlops_optional_list(fcinfo, ARG_BY);
	request.weight = mlops_optional_text(fcinfo, ARG_WEIGHT);
	request.query_group = mlops_optional_text(fcinfo, ARG_QUERY_GROUP);
	request.target_upper = mlops_optional_text(fcinfo, ARG_TARGET_UPPER);
	request.event_observed = mlops_optional_text(fcinfo, ARG_EVENT_OBSERVED);
	confidence = mlops_open_fraction(fcinfo, ARG_CONFIDENCE, "confidence",
									 0.95);

	predictions = mlops_predictions_read(&request);
	windows = mlops_windows_of(PG_GETARG_INTERVAL_P(ARG_WINDOW_SIZE),
							   predictions->at_zoned);
	places = sorted_places(predictions, &windows, &n);
	if (predictions->slices != NULL)
	{
		unsigned   *ranks = slice_ranks(predictions, &order);

		for (size_t i = 0; i < n; i++)
			places[i].slice = ranks[predictions->slice[places[i].place]];
	}
	for (size_t i = 0, next; i < n; i = next)
	{
		for (next = i + 1; next < n && places[next].start == places[i].start;)
			next++;
		if (++n_windows > MAX_WINDOWS)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("source has more than %d windows", MAX_WINDOWS),
					 errhint("Pass a larger window_size, or fewer rows.")));
		put_window(result, predictions, &windows, order, places + i, next - i,
				   confidence);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return (Datum) 0;
}

/*
 * The column that windows are made by: the argument, or what the version was
 * trained with; 22023 if there is neither.
 */
static const char *
event_time_of(FunctionCallInfo fcinfo, const char *model)
{
	Snapshot	snapshot = GetActiveSnapshot();
	char	   *given = mlops_optional_text(fcinfo, ARG_EVENT_TIME);
	const char *recorded;
	MlopsReference reference;
	MlopsVersion *version;

	if (given != NULL)
		return given;
	reference = mlops_reference_parse(model);
	version = mlops_predictor_load(mlops_resolve(&reference, snapshot,
												 MLOPS_PREDICT),
								   snapshot)->version;
	recorded = mlops_run_argument(version->run_id, "event_time", snapshot);
	if (recorded == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("it is not known when the rows of the source were"),
				 errhint("Pass event_time => with the column that tells.")));
	return recorded;
}

/*
 * The rows that have a time, sorted by their windows; how many goes to *n.  A
 * NOTICE counts the others.
 */
static Place *
sorted_places(const MlopsPredictions *predictions,
			  const MlopsWindows *windows, size_t *n)
{
	size_t		all = predictions->rows.n;
	Place	   *places = palloc_extended(sizeof(Place) * all,
										 MCXT_ALLOC_HUGE);

	*n = 0;
	for (size_t i = 0; i < all; i++)
	{
		int64		at = predictions->at[i];

		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (TIMESTAMP_NOT_FINITE(at))
			continue;
		places[*n].start = mlops_windows_start(windows, at);
		places[*n].slice = 0;
		places[*n].place = i;
		(*n)++;
	}
	qsort(places, *n, sizeof(Place), compare_windows);
	if (*n < all)
		ereport(NOTICE,
				(errmsg(UINT64_FORMAT " rows have no finite event time, and do not count",
						(uint64) (all - *n))));
	return places;
}

/*
 * By slice, its rank; *order is by rank, the slice.
 */
static unsigned *
slice_ranks(const MlopsPredictions *predictions, unsigned **order)
{
	int			n_slices;
	unsigned   *ranks;

	*order = mlops_slices_order(predictions->slices, &n_slices);
	ranks = palloc(sizeof(unsigned) * Max(n_slices, 1));
	for (int i = 0; i < n_slices; i++)
		ranks[(*order)[i]] = i;
	return ranks;
}

/*
 * qsort() comparator: by window, then in the order of the source.
 */
static int
compare_windows(const void *a, const void *b)
{
	const Place *x = a;
	const Place *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->place < y->place ? -1 : 1;
}

/*
 * The same within a window: by slice.
 */
static int
compare_slices(const void *a, const void *b)
{
	const Place *x = a;
	const Place *y = b;

	if (x->slice != y->slice)
		return x->slice < y->slice ? -1 : 1;
	return x->place < y->place ? -1 : 1;
}

/*
 * Add the metrics of a window to the result: of all its rows, then of its
 * slices.
 */
static void
put_window(ReturnSetInfo *result, const MlopsPredictions *predictions,
		   const MlopsWindows *windows, const unsigned *order, Place *places,
		   size_t n, double confidence)
{
	TimestampTz start = mlops_windows_moment(windows, places[0].start);

	put_rows(result, predictions, start, NULL, places, n, confidence);
	if (order == NULL)
		return;
	qsort(places, n, sizeof(Place), compare_slices);
	for (size_t i = 0, next; i < n; i = next)
	{
		for (next = i + 1; next < n && places[next].slice == places[i].slice;)
			next++;
		put_rows(result, predictions, start,
				 mlops_slices_name(predictions->slices,
								   order[places[i].slice]),
				 places + i, next - i, confidence);
	}
}

/*
 * Add the metrics of the rows at these places, one slice of a window; NULL
 * is that of all rows.
 */
static void
put_rows(ReturnSetInfo *result, const MlopsPredictions *predictions,
		 TimestampTz start, Jsonb *slice, const Place *places, size_t n,
		 double confidence)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "mlops window",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	size_t	   *at = palloc_extended(sizeof(size_t) * n, MCXT_ALLOC_HUGE);
	MlopsEvaluation evaluation;

	CHECK_FOR_INTERRUPTS();
	for (size_t i = 0; i < n; i++)
		at[i] = places[i].place;
	if (slice == NULL)
		slice = mlops_empty_object();
	mlops_evaluation_at(predictions, at, n, confidence, &evaluation);
	for (int i = 0; i < evaluation.n_metrics; i++)
	{
		Datum		values[N_COLUMNS];
		bool		nulls[N_COLUMNS] = {0};

		values[0] = TimestampTzGetDatum(start);
		values[1] = JsonbPGetDatum(slice);
		mlops_evaluation_columns(&evaluation, i, values + 2, nulls + 2);
		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 nulls);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
