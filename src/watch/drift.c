/*
 * drift.c
 *		mlops.drift() and mlops.drift_between().
 *
 * Against a stored baseline the source is read once and not kept.  Slices, and
 * a reference that is a source, need the rows in memory, 4 bytes a value.
 */
#include "postgres.h"

#include <math.h>

#include "base/base.h"
#include "catalog/catalog.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"
#include "watch/drift.h"

PG_FUNCTION_INFO_V1(mlops_drift);
PG_FUNCTION_INFO_V1(mlops_drift_between);

/* Columns of the result before and after the figures. */
enum
{
	COLUMN_SLICE, COLUMN_FEATURE, COLUMN_KIND, COLUMN_STATUS, COLUMN_METRIC,
	COLUMN_VALUE, COLUMN_THRESHOLD, COLUMN_FIGURES,
	COLUMN_N = COLUMN_FIGURES + MLOPS_FIGURES, COLUMN_N_REFERENCE,
	COLUMN_MISSING, COLUMN_MISSING_REFERENCE, COLUMN_UNSEEN,
	COLUMN_OUT_OF_RANGE, COLUMN_IMPORTANCE, COLUMN_IMPACT, COLUMN_EXACT,
	N_COLUMNS
};

/* What one call does. */
typedef struct Drift
{
	const MlopsDriftRequest *request;
	MlopsWindowLayout *layout;
	bool	   *wanted;			/* [n_columns] */
	double	   *importance;		/* [n_columns], NaN of outputs; or NULL */
	MlopsThresholds *learned;	/* [n_columns], or NULL */
} Drift;

/* A call from SQL. */
typedef struct Call
{
	MlopsDriftRequest request;
	ReturnSetInfo *result;
	MemoryContext caller;		/* what was current before */
} Call;

static void begin_call(Call *call, FunctionCallInfo fcinfo, int method,
					   int thresholds);
static void end_call(Call *call);
static double *importances(const Drift *drift, Snapshot snapshot);
static List *stored_baselines(const MlopsDriftRequest *request,
							  Snapshot snapshot);
static void compare_stored(Drift *drift, List *baselines);
static void compare_rows(Drift *drift);
static void compare_all(Drift *drift, const MlopsDriftReference *reference,
						const MlopsTally *window, const MlopsDriftRows *rows,
						Jsonb *slice);
static void decide(const Drift *drift, MlopsDriftFigures *figures);
static double impact(const MlopsDriftFigures *figures);
static int	compare_impacts(const void *a, const void *b);
static void weigh_features(const Drift *drift, MlopsDriftFigures *figures,
						   int n);
static MlopsDriftStatus whole_status(const Drift *drift,
									 const MlopsDriftFigures *figures, int n,
									 double *share);
static void give_whole(const Drift *drift, const MlopsDriftFigures *figures,
					   int n, Jsonb *slice);
static void give_column(const Drift *drift, const MlopsDriftFigures *figures,
						Jsonb *slice);
static void put_row(const MlopsDriftRow *row, void *arg);
static void put_figures(const MlopsDriftFigures *figures, Datum *values,
						bool *nulls);

/* drift(model, source, reference, method, by, features, thresholds) */
Datum
mlops_drift(PG_FUNCTION_ARGS)
{
	Call		call = {{0}};
	MlopsDriftRequest *request = &call.request;
	Snapshot	snapshot = GetActiveSnapshot();
	MlopsReference reference;

	request->model = mlops_required_text(fcinfo, 0, "model");
	request->source = mlops_required_text(fcinfo, 1, "source");
	request->reference = mlops_optional_text(fcinfo, 2);
	reference = mlops_reference_parse(request->model);
	begin_call(&call, fcinfo, 3, 6);
	request->by = mlops_optional_list(fcinfo, 4);
	request->features = mlops_optional_list(fcinfo, 5);
	request->predictor =
		mlops_predictor_load(mlops_resolve(&reference, snapshot, MLOPS_READ),
							 snapshot);
	mlops_drift_run(request);
	end_call(&call);
	return (Datum) 0;
}

/* drift_between(source, reference, features, by, method, thresholds) */
Datum
mlops_drift_between(PG_FUNCTION_ARGS)
{
	Call		call = {{0}};
	MlopsDriftRequest *request = &call.request;

	request->source = mlops_required_text(fcinfo, 0, "source");
	request->reference = mlops_required_text(fcinfo, 1, "reference");
	begin_call(&call, fcinfo, 4, 5);
	request->features = mlops_optional_list(fcinfo, 2);
	request->by = mlops_optional_list(fcinfo, 3);
	mlops_drift_run(request);
	end_call(&call);
	return (Datum) 0;
}

void
mlops_drift_run(const MlopsDriftRequest *request)
{
	Drift		drift = {request};
	Snapshot	snapshot = GetActiveSnapshot();

	if (request->predictor == NULL)
	{
		drift.layout = mlops_window_infer(request->reference,
										  request->features);
		drift.wanted = mlops_window_wanted(drift.layout, NIL);
	}
	else
	{
		drift.layout = mlops_window_of_predictor(request->predictor);
		drift.wanted = mlops_window_wanted(drift.layout, request->features);
		drift.importance = importances(&drift, snapshot);
	}
	if (request->reference != NULL)
		compare_rows(&drift);
	else
		compare_stored(&drift, stored_baselines(request, snapshot));
}

const char *
mlops_drift_status_name(MlopsDriftStatus status)
{
	static const char *const names[] = {
		"insufficient data", "none", "potential", "detected"
	};

	return names[status];
}

/*
 * The result, and the arguments that both functions have.  What is allocated
 * until end_call() goes then.
 */
static void
begin_call(Call *call, FunctionCallInfo fcinfo, int method, int thresholds)
{
	MemoryContext context;

	InitMaterializedSRF(fcinfo, 0);
	context = AllocSetContextCreate(CurrentMemoryContext, "mlops drift",
									ALLOCSET_DEFAULT_SIZES);
	call->caller = MemoryContextSwitchTo(context);
	call->result = (ReturnSetInfo *) fcinfo->resultinfo;
	call->request.method = mlops_drift_method(mlops_optional_text(fcinfo,
																  method));
	mlops_drift_options(&call->request.options,
						PG_ARGISNULL(thresholds) ? NULL :
						PG_GETARG_JSONB_P(thresholds));
	call->request.sink = put_row;
	call->request.arg = call->result;
}

/* Release all memory but the result. */
static void
end_call(Call *call)
{
	MemoryContext context = MemoryContextSwitchTo(call->caller);

	MemoryContextDelete(context);
}

/* The share of each feature in the total gain; equal ones if there is none. */
static double *
importances(const Drift *drift, Snapshot snapshot)
{
	const MlopsWindowLayout *layout = drift->layout;
	const MlopsPredictor *predictor = layout->predictor;
	const MlopsImportance *all = drift->request->importance != NULL ?
		drift->request->importance :
		mlops_predictor_importance(predictor, snapshot);
	bool		linear = strcmp(predictor->info.booster, "gblinear") == 0;
	double	   *shares = palloc(sizeof(double) * layout->n_columns);
	double		total = 0;

	for (int i = 0; i < layout->n_columns; i++)
	{
		int			feature = layout->columns[i].feature;

		shares[i] = feature < 0 ? NAN : linear ? fabs(all[feature].weight) :
			all[feature].total_gain;
		if (feature >= 0)
			total += shares[i];
	}
	for (int i = 0; i < layout->n_columns; i++)
		shares[i] = isnan(shares[i]) ? NAN : total > 0 ? shares[i] / total :
			1.0 / predictor->info.n_features;
	return shares;
}

/*
 * The baselines of the version: 55000 if it has none, 22023 for a method that
 * cannot do with them.
 */
static List *
stored_baselines(const MlopsDriftRequest *request, Snapshot snapshot)
{
	List	   *baselines = request->baselines != NIL ? request->baselines :
		mlops_baselines(request->predictor->version->version_id, snapshot);

	if (baselines == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no baseline", request->model),
				 errdetail("Its version was not trained here."),
				 errhint("Give a reference to compare with.")));
	if (!mlops_drift_method_stored(request->method))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("this method needs a reference"),
				 errdetail("It cuts its bins from values, which a stored baseline has not."),
				 errhint("Give the training rows as reference => ...")));
	return baselines;
}

/* Hold a source, and slices of it, against a stored baseline. */
static void
compare_stored(Drift *drift, List *baselines)
{
	const char *source = drift->request->source;
	List	   *by = drift->request->by;
	MlopsDriftReference *reference =
		mlops_drift_reference_stored(drift->layout, baselines);
	MlopsDriftRows *rows;
	unsigned   *order;
	int			n;

	(void) mlops_drift_learn(reference, &drift->request->options);
	if (drift->request->method != MLOPS_METHOD_MLRUN)
		mlops_drift_reference_skip_widths(reference);
	if (by == NIL)
	{
		compare_all(drift, reference,
					mlops_tally_source(drift->layout, source,
									   reference->numbers), NULL,
					mlops_empty_object());
		return;
	}
	rows = mlops_drift_rows_read(drift->layout, source, by, NULL);
	compare_all(drift, reference, mlops_tally_rows(rows, reference->numbers),
				NULL, mlops_empty_object());
	mlops_drift_rows_sort(rows);
	order = mlops_slices_order(rows->slices, &n);
	for (int i = 0; i < n; i++)
	{
		MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
													  "mlops drift slice",
													  ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(context);

		compare_all(drift, reference,
					mlops_tally_rows(mlops_drift_rows_of(rows, order[i]),
									 reference->numbers), NULL,
					mlops_slices_name(rows->slices, order[i]));
		MemoryContextSwitchTo(old);
		MemoryContextDelete(context);
	}
}

/* Hold a source against another one, and each slice against the same one. */
static void
compare_rows(Drift *drift)
{
	const MlopsDriftRequest *request = drift->request;
	List	   *by = request->by;
	MlopsDriftRows *base = mlops_drift_rows_read(drift->layout,
												 request->reference, by,
												 NULL);
	MlopsDriftRows *now = mlops_drift_rows_read(drift->layout,
												request->source, by, base);
	MlopsDriftReference *reference = mlops_drift_reference_rows(base);
	unsigned   *order;
	int			n;

	drift->learned = mlops_drift_learn(reference, &request->options);
	compare_all(drift, reference, mlops_tally_rows(now, reference->numbers),
				now, mlops_empty_object());
	if (by == NIL)
		return;
	mlops_drift_rows_sort(base);
	mlops_drift_rows_sort(now);
	order = mlops_slices_order(now->slices, &n);
	for (int i = 0; i < n; i++)
	{
		MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
													  "mlops drift slice",
													  ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(context);
		MlopsDriftRows *some = mlops_drift_rows_of(now, order[i]);

		reference =
			mlops_drift_reference_rows(mlops_drift_rows_of(base, order[i]));
		compare_all(drift, reference,
					mlops_tally_rows(some, reference->numbers), some,
					mlops_slices_name(now->slices, order[i]));
		MemoryContextSwitchTo(old);
		MemoryContextDelete(context);
	}
}

/* Compare all columns that are wanted and give them on. */
static void
compare_all(Drift *drift, const MlopsDriftReference *reference,
			const MlopsTally *window, const MlopsDriftRows *rows,
			Jsonb *slice)
{
	const MlopsWindowLayout *layout = drift->layout;
	MlopsDriftMethod method = drift->request->method;
	const MlopsDriftOptions *options = &drift->request->options;
	MlopsDriftFigures *figures = palloc(sizeof(MlopsDriftFigures) *
										layout->n_columns);
	int			n = 0;

	for (int i = 0; i < layout->n_columns; i++)
	{
		int			column = layout->order[i];

		CHECK_FOR_INTERRUPTS();
		if (!drift->wanted[column])
			continue;
		mlops_drift_measure(reference, window, rows, column, &figures[n]);
		if (drift->importance != NULL)
			figures[n].importance = drift->importance[column];
		if (method != MLOPS_METHOD_OWN)
			mlops_drift_method_apply(method, options,
									 reference, window, rows, column,
									 &figures[n]);
		n++;
	}
	if (method == MLOPS_METHOD_OWN)
		mlops_drift_adjust(figures, n);
	for (int i = 0; method == MLOPS_METHOD_OWN && i < n; i++)
		decide(drift, &figures[i]);
	if (drift->importance != NULL)
		qsort(figures, n, sizeof(MlopsDriftFigures), compare_impacts);
	for (int i = 0; i < n; i++)
		give_column(drift, &figures[i], slice);
	give_whole(drift, figures, n, slice);
}

/* Decide on a column, by thresholds of its own if they were learned. */
static void
decide(const Drift *drift, MlopsDriftFigures *figures)
{
	MlopsDriftOptions options = drift->request->options;

	if (drift->learned != NULL)
		memcpy(options.threshold,
			   drift->learned[figures->column - drift->layout->columns].of,
			   sizeof(options.threshold));
	mlops_drift_decide(figures, &options);
}

/* Where drift meets what the model goes by. */
static double
impact(const MlopsDriftFigures *figures)
{
	return figures->importance * figures->figure[MLOPS_FIGURE_PSI];
}

/*
 * qsort() comparator: the largest impact first, those without behind, and
 * features in order.
 */
static int
compare_impacts(const void *a, const void *b)
{
	const MlopsDriftFigures *left = a;
	const MlopsDriftFigures *right = b;
	double		x = impact(left);
	double		y = impact(right);

	if (isnan(x) != isnan(y))
		return isnan(x) ? 1 : -1;
	if (x != y && !isnan(x))
		return x > y ? -1 : 1;
	if (left->column->feature != right->column->feature)
		return (unsigned) left->column->feature <
			(unsigned) right->column->feature ? -1 : 1;
	return left->column < right->column ? -1 : left->column > right->column;
}

/*
 * What each feature weighs in the whole: its importance, or all the same if
 * there is none; predictions weigh nothing.
 */
static void
weigh_features(const Drift *drift, MlopsDriftFigures *figures, int n)
{
	double		total = 0;
	int			features = 0;

	for (int i = 0; i < n; i++)
	{
		if (figures[i].column->feature < 0)
			continue;
		features++;
		if (!isnan(figures[i].importance))
			total += figures[i].importance;
	}
	for (int i = 0; i < n; i++)
	{
		bool		feature = figures[i].column->feature >= 0;

		if (drift->request->method != MLOPS_METHOD_OWN || total == 0)
			figures[i].importance = feature ? 1.0 / features : NAN;
		else if (feature)
			figures[i].importance /= total;
	}
}

/*
 * The status of the whole by the share of features that drift; *share of
 * those that led to it.
 */
static MlopsDriftStatus
whole_status(const Drift *drift, const MlopsDriftFigures *figures, int n,
			 double *share)
{
	double		shares[MLOPS_DRIFT_DETECTED + 1] = {0};

	for (int i = 0; i < n; i++)
		if (figures[i].column->feature >= 0)
			shares[figures[i].status] += figures[i].importance;
	*share = shares[MLOPS_DRIFT_DETECTED];
	if (*share > 0 && *share >= drift->request->options.drift_share)
		return MLOPS_DRIFT_DETECTED;
	*share += shares[MLOPS_DRIFT_POTENTIAL];
	if (*share > 0 && *share >= drift->request->options.drift_share)
		return MLOPS_DRIFT_POTENTIAL;
	return *share > 0 || shares[MLOPS_DRIFT_NONE] > 0 ? MLOPS_DRIFT_NONE :
		MLOPS_DRIFT_INSUFFICIENT;
}

/* Give the row for the whole. */
static void
give_whole(const Drift *drift, const MlopsDriftFigures *figures, int n,
		   Jsonb *slice)
{
	const MlopsDriftRequest *request = drift->request;
	MlopsDriftFigures *weighed = palloc(sizeof(MlopsDriftFigures) *
										Max(n, 1));
	MlopsDriftRow row = {slice};
	double		share;
	double		bound = request->options.drift_share;
	bool		mlrun = request->method == MLOPS_METHOD_MLRUN;

	memcpy(weighed, figures, sizeof(MlopsDriftFigures) * n);
	weigh_features(drift, weighed, n);
	row.status = whole_status(drift, weighed, n, &share);
	if (mlrun)
		row.status = mlops_drift_method_mlrun(figures, n, &share, &bound);
	row.kind = request->predictor != NULL ? "model" : "source";
	row.n = n > 0 ? figures[0].n : -1;
	row.n_reference = n > 0 ? figures[0].n_reference : -1;
	row.value = row.threshold = NAN;
	if (row.status != MLOPS_DRIFT_INSUFFICIENT)
	{
		row.metric = mlrun ? "general_drift" : "drifted_share";
		row.value = share;
		row.threshold = bound;
	}
	request->sink(&row, request->arg);
	pfree(weighed);
}

/* Give the row of a column. */
static void
give_column(const Drift *drift, const MlopsDriftFigures *figures,
			Jsonb *slice)
{
	static const char *const kinds[] = {"number", "prediction", "category"};
	MlopsDriftRow row = {slice, figures->column->name,
		kinds[figures->column->kind], figures->status, figures->metric,
		figures->value, figures->bound, figures, figures->n,
	figures->n_reference};

	drift->request->sink(&row, drift->request->arg);
}

/* A MlopsDriftSink: return a row of SQL. */
static void
put_row(const MlopsDriftRow *row, void *arg)
{
	ReturnSetInfo *result = arg;
	Datum		values[N_COLUMNS] = {0};
	bool		nulls[N_COLUMNS];

	memset(nulls, true, sizeof(nulls));
	values[COLUMN_SLICE] = JsonbPGetDatum(row->slice);
	values[COLUMN_KIND] = CStringGetTextDatum(row->kind);
	values[COLUMN_STATUS] =
		CStringGetTextDatum(mlops_drift_status_name(row->status));
	nulls[COLUMN_SLICE] = nulls[COLUMN_KIND] = nulls[COLUMN_STATUS] = false;
	nulls[COLUMN_FEATURE] = row->feature == NULL;
	if (row->feature != NULL)
		values[COLUMN_FEATURE] = CStringGetTextDatum(row->feature);
	nulls[COLUMN_METRIC] = row->metric == NULL;
	if (row->metric != NULL)
		values[COLUMN_METRIC] = CStringGetTextDatum(row->metric);
	mlops_put_number(values, nulls, COLUMN_VALUE, row->value);
	mlops_put_number(values, nulls, COLUMN_THRESHOLD, row->threshold);
	values[COLUMN_N] = Int64GetDatum(row->n);
	values[COLUMN_N_REFERENCE] = Int64GetDatum(row->n_reference);
	nulls[COLUMN_N] = nulls[COLUMN_N_REFERENCE] = row->n < 0;
	if (row->figures != NULL)
		put_figures(row->figures, values, nulls);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* What only columns have. */
static void
put_figures(const MlopsDriftFigures *figures, Datum *values, bool *nulls)
{
	for (int i = 0; i < MLOPS_FIGURES; i++)
		mlops_put_number(values, nulls, COLUMN_FIGURES + i,
						 figures->figure[i]);
	mlops_put_number(values, nulls, COLUMN_MISSING, figures->missing);
	mlops_put_number(values, nulls, COLUMN_MISSING_REFERENCE,
					 figures->missing_reference);
	mlops_put_number(values, nulls, COLUMN_UNSEEN, figures->unseen);
	mlops_put_number(values, nulls, COLUMN_OUT_OF_RANGE,
					 figures->out_of_range);
	mlops_put_number(values, nulls, COLUMN_IMPORTANCE, figures->importance);
	mlops_put_number(values, nulls, COLUMN_IMPACT, impact(figures));
	values[COLUMN_EXACT] = BoolGetDatum(figures->exact);
	nulls[COLUMN_EXACT] = false;
}
