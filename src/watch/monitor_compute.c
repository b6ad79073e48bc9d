/*
 * monitor_compute.c
 *		What is found in a window of a monitor.
 *
 * Each measure reads the rows of the window by a query around the source,
 * with the bounds of the window in it, and says what the function of SQL
 * says: mlops.drift(), mlops.performance(), mlops.estimate_performance().
 * Figures become narrow rows; the worst of those that are of the model as a
 * whole is the status of the window.
 */
#include "postgres.h"

#include <math.h>

#include "base/base.h"
#include "data/cut.h"
#include "math/curves.h"
#include "miscadmin.h"
#include "train/evaluation.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "watch/drift.h"
#include "watch/estimate.h"
#include "watch/monitor_run.h"

/* Of the intervals that are kept, and that errors are taken from. */
#define CONFIDENCE	0.95

/* Gathering the results of a measure. */
typedef struct Gathering
{
	MlopsMonitorRun *run;
	const char *measure;
	MemoryContext context;		/* of the results: sinks are called in those
								 * of slices */
	List	   *results;		/* of MlopsMonitorResult * */
} Gathering;

/* The rows of a window. */
typedef struct Rows
{
	MlopsMonitorRun *run;
	const MlopsDueWindow *due;
	const char *query;			/* for them */
	const char *labelled;		/* with labels, or NULL: there are none */
	const char *label;			/* column of joined labels, or NULL */
} Rows;

static void check_labels(const MlopsMonitorRun *run,
						 const MlopsDueWindow *due);
static int	reads(const Rows *rows);
static List *measured(const Rows *rows);
static void load_version(MlopsMonitorRun *run, int64 version_id);
static int64 version_of(MlopsMonitorRun *run, const MlopsDueWindow *due);
static int64 usable_version(int64 version_id);
static List *drift_of(MlopsMonitorRun *run, const char *query,
					  const char *reference, const char *measure);
static void take_drift(const MlopsDriftRow *row, void *arg);
static bool fits(MlopsFigure figure, MlopsWindowKind kind);
static void take_whole(Gathering *gathering, const MlopsDriftRow *row);
static MlopsMonitorResult *new_result(const char *measure, Jsonb *slice,
									  const char *feature, const char *kind,
									  const char *metric,
									  MlopsDriftStatus status, int64 n);
static Jsonb *copy_slice(const Jsonb *slice);
static List *performance_of(const Rows *rows);
static List *performance_slices(MlopsMonitorRun *run,
								const MlopsPredictions *predictions);
static List *evaluated(MlopsMonitorRun *run,
					   const MlopsEvaluation *evaluation, Jsonb *slice);
static void expect(const MlopsMonitorRun *run, MlopsJudged *judged);
static List *estimates_of(MlopsMonitorRun *run, const char *query);
static void take_estimate(const MlopsEstimate *estimate, void *arg);

List *
mlops_monitor_compute(MlopsMonitorRun *run, const MlopsDueWindow *due,
					  MlopsMonitorWindow *window)
{
	Rows		rows = {run, due};
	List	   *results;
	MlopsCut   *cut;

	mlops_monitor_version(run, due);
	window->version = run->version->predictor->version->version;
	check_labels(run, due);
	rows.query = mlops_periods_query(run->periods, due->from, due->to, NULL);
	if (run->labelled && due->n_labelled > 0)
		rows.labelled = mlops_periods_query(run->periods, due->from, due->to,
											&rows.label);
	if (reads(&rows) < 2 || !mlops_periods_computed(run->periods))
		return measured(&rows);

	cut = mlops_cut_take(rows.labelled != NULL ? rows.labelled : rows.query);
	rows.query = MLOPS_CUT_SOURCE;
	if (rows.labelled != NULL)
		rows.labelled = MLOPS_CUT_SOURCE;
	mlops_cut_show(cut);
	PG_TRY();
	{
		results = measured(&rows);
	}
	PG_FINALLY();
	{
		mlops_cut_show(NULL);
	}
	PG_END_TRY();
	mlops_cut_end(cut);
	return results;
}

/*
 * 21000 if a row has several labels.
 */
static void
check_labels(const MlopsMonitorRun *run, const MlopsDueWindow *due)
{
	StringInfoData key;
	ListCell   *cell;

	if (due->n_repeated == 0)
		return;
	initStringInfo(&key);
	foreach(cell, run->labels->key)
		appendStringInfo(&key, "%s\"%s\"", key.len > 0 ? ", " : "",
						 (char *) lfirst(cell));
	ereport(ERROR,
			(errcode(ERRCODE_CARDINALITY_VIOLATION),
			 errmsg("labels are not unique by %s", key.data),
			 errdetail("%lld labels are for rows that have one already.",
					   (long long) due->n_repeated),
			 errhint("Let the query of mlops.set_label_source() give one label for each key.")));
}

/* How many measures read the rows. */
static int
reads(const Rows *rows)
{
	const MlopsMeasures *measures = rows->run->measures;

	return measures->drift + measures->consecutive + measures->estimate +
		(rows->labelled != NULL);
}

/*
 * What all measures say of the rows of a window.
 */
static List *
measured(const Rows *rows)
{
	MlopsMonitorRun *run = rows->run;
	const MlopsMeasures *measures = run->measures;
	List	   *results = NIL;

	if (measures->drift)
		results = drift_of(run, rows->query, run->monitor->baseline_source,
						   "drift");
	if (measures->consecutive)
		results = list_concat(results,
							  drift_of(run, rows->query,
									   mlops_periods_query(run->periods,
														   rows->due->before,
														   rows->due->from,
														   NULL),
									   "consecutive drift"));
	if (rows->labelled != NULL)
		results = list_concat(results, performance_of(rows));
	if (measures->estimate)
		results = list_concat(results, estimates_of(run, rows->query));
	return results;
}

void
mlops_monitor_version(MlopsMonitorRun *run, const MlopsDueWindow *due)
{
	int64		version_id = version_of(run, due);

	if (run->version == NULL || run->version->version_id != version_id)
		load_version(run, version_id);
}

/*
 * Load a version into the memory of the run.
 */
static void
load_version(MlopsMonitorRun *run, int64 version_id)
{
	MemoryContext old;
	MlopsMonitorVersion *version;
	Snapshot	snapshot = GetActiveSnapshot();

	/* of the one before, nothing is left */
	run->version = NULL;
	MemoryContextReset(run->version_context);
	old = MemoryContextSwitchTo(run->version_context);
	version = palloc0(sizeof(MlopsMonitorVersion));
	version->version_id = version_id;
	version->predictor = mlops_predictor_load(version_id, snapshot);
	version->spelled = psprintf("%s/%d", run->monitor->model,
								version->predictor->version->version);
	version->importance = mlops_predictor_importance(version->predictor,
													 snapshot);
	version->baselines = mlops_baselines(version_id, snapshot);
	version->expected = mlops_expected_metrics(version_id);
	MemoryContextSwitchTo(old);
	run->version = version;
}

/*
 * Which version a window is looked at with.
 */
static int64
version_of(MlopsMonitorRun *run, const MlopsDueWindow *due)
{
	Snapshot	snapshot = GetActiveSnapshot();
	int64		version_id = 0;

	if (run->reference.version > 0)
		return mlops_resolve(&run->reference, snapshot, MLOPS_READ);
	if (due->version > 0)
	{
		MlopsReference before = {run->reference.model, due->version, NULL};

		version_id = usable_version(mlops_resolve_quietly(&before, snapshot,
														  MLOPS_READ));
	}
	for (int i = 0; version_id == 0 && i < run->n_aliases; i++)
		if (run->aliases[i].valid_from <= due->window_end &&
			(i + 1 == run->n_aliases ||
			 run->aliases[i + 1].valid_from > due->window_end))
			version_id = usable_version(run->aliases[i].version_id);
	return version_id != 0 ? version_id :
		mlops_resolve(&run->reference, snapshot, MLOPS_READ);
}

/*
 * The version, or 0 if it was dropped.
 */
static int64
usable_version(int64 version_id)
{
	return version_id != 0 &&
		!mlops_version_load(version_id, GetActiveSnapshot())->dropped ?
		version_id : 0;
}

/*
 * The drift of the rows of a query, against another or, if that is NULL, the
 * version's baseline.
 */
static List *
drift_of(MlopsMonitorRun *run, const char *query, const char *reference,
		 const char *measure)
{
	Gathering	gathering = {run, measure, CurrentMemoryContext};
	MlopsDriftRequest request = {0};

	request.source = query;
	request.reference = reference;
	request.predictor = run->version->predictor;
	request.model = run->version->spelled;
	request.importance = run->version->importance;
	request.baselines = run->version->baselines;
	request.by = run->monitor->segments;
	request.features = run->monitor->features;
	request.method = MLOPS_METHOD_OWN;
	request.options = run->measures->options;
	request.sink = take_drift;
	request.arg = &gathering;
	mlops_drift_run(&request);
	return gathering.results;
}

/*
 * A MlopsDriftSink: a row for each figure that is kept.
 */
static void
take_drift(const MlopsDriftRow *row, void *arg)
{
	Gathering  *gathering = arg;
	const MlopsMeasures *measures = gathering->run->measures;
	MemoryContext old = MemoryContextSwitchTo(gathering->context);

	if (row->figures == NULL)
		take_whole(gathering, row);
	for (int i = 0; row->figures != NULL && i < MLOPS_DECIDERS; i++)
	{
		MlopsMonitorResult *result;

		if (!measures->figures[i] || !fits(i, row->figures->column->kind))
			continue;
		result = new_result(gathering->measure, row->slice, row->feature,
							row->kind, mlops_figure_names[i],
							row->figures->each[i], row->n);
		result->value = mlops_drift_decider(row->figures, i);
		result->threshold = row->figures->each_bound[i];
		result->importance = row->figures->importance;
		gathering->results = lappend(gathering->results, result);
	}
	MemoryContextSwitchTo(old);
}

/*
 * Is there such a figure of columns of that kind?
 */
static bool
fits(MlopsFigure figure, MlopsWindowKind kind)
{
	switch (figure)
	{
		case MLOPS_FIGURE_WASSERSTEIN:
		case MLOPS_FIGURE_WASSERSTEIN_STD:
		case MLOPS_FIGURE_KS:
		case MLOPS_RATE_OUT_OF_RANGE:
			return kind != MLOPS_WINDOW_CATEGORY;
		case MLOPS_FIGURE_CHI2:
		case MLOPS_FIGURE_CRAMERS_V:
		case MLOPS_RATE_UNSEEN:
			return kind == MLOPS_WINDOW_CATEGORY;
		default:
			return true;
	}
}

/*
 * The row of the model as a whole: the share of its features that drift.
 */
static void
take_whole(Gathering *gathering, const MlopsDriftRow *row)
{
	MlopsMonitorResult *result = new_result(gathering->measure, row->slice,
											"", "model", "drifted_share",
											row->status, Max(row->n, 0));

	result->value = row->value;
	result->threshold = row->threshold;
	gathering->results = lappend(gathering->results, result);
}

/*
 * A result without figures; strings are not copied unless they are short
 * lived.
 */
static MlopsMonitorResult *
new_result(const char *measure, Jsonb *slice, const char *feature,
		   const char *kind, const char *metric, MlopsDriftStatus status,
		   int64 n)
{
	MlopsMonitorResult *result = palloc(sizeof(MlopsMonitorResult));

	*result = (MlopsMonitorResult)
	{
		measure, copy_slice(slice), pstrdup(feature), pstrdup(kind),
			pstrdup(metric), mlops_drift_status_name(status), NAN, NAN, NAN,
			NAN, n, NAN
	};
	return result;
}

/*
 * A copy that outlives the memory of a slice.
 */
static Jsonb *
copy_slice(const Jsonb *slice)
{
	Jsonb	   *copy = palloc(VARSIZE(slice));

	memcpy(copy, slice, VARSIZE(slice));
	return copy;
}

/*
 * The realised performance of a window that has labels.
 */
static List *
performance_of(const Rows *rows)
{
	MlopsMonitorRun *run = rows->run;
	MlopsPredictionsRequest request = {0};
	MlopsPredictions *predictions;
	MlopsEvaluation evaluation;
	List	   *results;

	request.models[0] = run->version->spelled;
	request.source = rows->labelled;
	request.target = rows->label != NULL ? rows->label :
		run->target_recorded ? NULL : run->target;
	request.by = run->monitor->segments;
	predictions = mlops_predictions_read(&request);
	mlops_evaluation_rows(&predictions->measures[0], &predictions->rows,
						  predictions->outputs[0], CONFIDENCE, &evaluation);
	results = evaluated(run, &evaluation, mlops_empty_object());
	if (predictions->slices != NULL)
		results = list_concat(results, performance_slices(run, predictions));
	return results;
}

/*
 * The same of each slice.
 */
static List *
performance_slices(MlopsMonitorRun *run, const MlopsPredictions *predictions)
{
	int			n_slices;
	unsigned   *order = mlops_slices_order(predictions->slices, &n_slices);
	size_t	   *starts = palloc0(sizeof(size_t) * (n_slices + 2));
	size_t		n = predictions->rows.n;
	size_t	   *places = palloc_extended(sizeof(size_t) * n, MCXT_ALLOC_HUGE);
	List	   *results = NIL;

	/* rows by slice: where one ends is where the next one starts */
	for (size_t i = 0; i < n; i++)
		starts[predictions->slice[i] + 2]++;
	for (int i = 0; i < n_slices; i++)
		starts[i + 1] += starts[i];
	for (size_t i = 0; i < n; i++)
		places[starts[predictions->slice[i] + 1]++] = i;
	for (int i = 0; i < n_slices; i++)
	{
		unsigned	slice = order[i];
		MlopsEvaluation evaluation;

		CHECK_FOR_INTERRUPTS();
		mlops_evaluation_at(predictions, places + starts[slice],
							starts[slice + 1] - starts[slice], CONFIDENCE,
							&evaluation);
		results = list_concat(results,
							  evaluated(run, &evaluation,
										mlops_slices_name(predictions->slices,
														  slice)));
	}
	pfree(places);
	return results;
}

/*
 * The metrics that are asked for, judged.
 */
static List *
evaluated(MlopsMonitorRun *run, const MlopsEvaluation *evaluation,
		  Jsonb *slice)
{
	double		z = mlops_normal_quantile(0.5 + CONFIDENCE / 2);
	List	   *results = NIL;

	for (int i = 0; i < evaluation->n_metrics; i++)
	{
		const MlopsMetric *metric = &evaluation->metrics[i];
		const MlopsInterval *interval = &evaluation->intervals[i];
		MlopsJudged judged = {metric->name, false, metric->value,
			(interval->high - interval->low) / 2 / z, evaluation->counted,
		NAN, NAN};
		MlopsMonitorResult *result;
		MlopsDriftStatus status;
		double		threshold;

		if (!mlops_measures_want(run->measures, metric->name, false))
			continue;
		expect(run, &judged);
		status = mlops_measures_judge(run->measures, &judged, &threshold);
		result = new_result("performance", slice, "", "model", metric->name,
							status, evaluation->counted);
		result->value = metric->value;
		result->threshold = threshold;
		result->ci_low = interval->low;
		result->ci_high = interval->high;
		results = lappend(results, result);
	}
	return results;
}

/*
 * What the metric was when the version was made.  Its error then is that of
 * the window, as of so many rows.
 */
static void
expect(const MlopsMonitorRun *run, MlopsJudged *judged)
{
	ListCell   *cell;

	foreach(cell, run->version->expected)
	{
		const MlopsExpectedMetric *expected = lfirst(cell);

		if (strcmp(expected->name, judged->name) != 0)
			continue;
		judged->expected = expected->value;
		judged->expected_error = judged->error *
			sqrt((double) judged->n / expected->n);
	}
}

/*
 * What performance is expected of a window by its inputs alone.
 */
static List *
estimates_of(MlopsMonitorRun *run, const char *query)
{
	Gathering	gathering = {run, "estimate", CurrentMemoryContext};
	MlopsEstimateRequest request = {0};

	request.model = run->version->spelled;
	request.source = query;
	request.reference = run->monitor->baseline_source;
	request.target = run->monitor->target;
	request.confidence = CONFIDENCE;
	request.sink = take_estimate;
	request.arg = &gathering;
	mlops_estimate_run(&request);
	return gathering.results;
}

/*
 * A MlopsEstimateSink: it is held against what was realised on the reference;
 * the band has the errors of both.
 */
static void
take_estimate(const MlopsEstimate *estimate, void *arg)
{
	Gathering  *gathering = arg;
	const MlopsMeasures *measures = gathering->run->measures;
	double		z = mlops_normal_quantile(0.5 + CONFIDENCE / 2);
	MlopsJudged judged = {estimate->metric, true, estimate->estimate,
		(estimate->high - estimate->low) / 2 / z, estimate->n,
	estimate->realized, 0};
	MemoryContext old = MemoryContextSwitchTo(gathering->context);
	MlopsMonitorResult *result;
	MlopsDriftStatus status;
	double		threshold;

	if (!mlops_measures_want(measures, estimate->metric, true))
	{
		MemoryContextSwitchTo(old);
		return;
	}
	status = mlops_measures_judge(measures, &judged, &threshold);
	result = new_result("estimate", mlops_empty_object(), "", "model",
						estimate->metric, status, estimate->n);
	result->value = estimate->estimate;
	result->threshold = threshold;
	result->ci_low = estimate->low;
	result->ci_high = estimate->high;
	gathering->results = lappend(gathering->results, result);
	MemoryContextSwitchTo(old);
}
