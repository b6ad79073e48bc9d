/*
 * contest.c
 *		A challenger and a champion on the same rows.
 *
 * Both predict a row when it is read, so what is compared is the same rows
 * under one snapshot by construction.  Errors of differences are those of
 * mlops.compare(): from resampling, which draws the same rows for both, or
 * from a paired test.
 */
#include "postgres.h"

#include <math.h>

#include "base/base.h"
#include "math/curves.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "train/compare.h"
#include "train/objectives.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "watch/contest.h"

/* Slices and groups with fewer rows say nothing. */
#define LEAST_ROWS		30

/* Rows that the time of a prediction is taken on, and how often. */
#define LATENCY_ROWS	1000
#define LATENCY_ROUNDS	5

#define SEED			42

/* Feature rows, until there are enough. */
typedef struct Sample
{
	int			n_features;
	int			n;
	float	   *features;		/* [LATENCY_ROWS x n_features] */
} Sample;

/* The rows of a slice, and what a version predicts of them. */
typedef struct Slice
{
	MlopsRows	rows;
	float	   *outputs[2];
} Slice;

static MlopsPredictionsRequest request_of(const MlopsContest *contest,
										  List *by);
static const char *criterion_of(const MlopsPredictions *predictions);
static void check_metric(const MlopsComparison *comparisons, int n,
						 const char *metric);
static void fill_decision(const MlopsComparison *comparison,
						  double confidence, MlopsDecision *decision);
static void gather(const MlopsPredictions *predictions, unsigned number,
				   Slice *slice);
static double metric_of(const MlopsPredictions *predictions, int version,
						const Slice *slice, const char *metric);
static double positive_share(const MlopsPredictions *predictions,
							 const Slice *slice);
static void take_features(const MlopsReaderRow *row, void *arg);

MlopsPredictions *
mlops_contest_read(const MlopsContest *contest, List *by)
{
	MlopsPredictionsRequest request = request_of(contest, by);

	request.models[1] = psprintf("%s/%d", contest->model, contest->champion);
	request.check = mlops_comparison_check;
	return mlops_predictions_read(&request);
}

void
mlops_contest_compare(MlopsPredictions *predictions, const char *metric,
					  double confidence, MlopsDecision *decision,
					  List **metrics)
{
	MlopsComparison comparisons[MLOPS_MAX_METRICS];
	int			n = mlops_comparison_of(predictions, SEED, comparisons);

	decision->metric = metric ? metric : criterion_of(predictions);
	decision->n_rows = mlops_rows_counted(&predictions->rows);
	check_metric(comparisons, n, decision->metric);
	for (int i = 0; i < n; i++)
	{
		MlopsMetricRow *row;

		if (strcmp(comparisons[i].name, decision->metric) == 0)
			fill_decision(&comparisons[i], confidence, decision);
		if (metrics == NULL)
			continue;
		row = palloc(sizeof(MlopsMetricRow));
		*row = (MlopsMetricRow) {"test", comparisons[i].name, -1,
		comparisons[i].value};
		*metrics = lappend(*metrics, row);
	}
}

double
mlops_contest_slice_loss(const MlopsPredictions *predictions,
						 const char *metric, char **worst)
{
	double		largest = NAN;
	int			n;

	(void) mlops_slices_order(predictions->slices, &n);
	*worst = NULL;
	for (int i = 0; i < n; i++)
	{
		Slice		slice;
		double		loss;

		CHECK_FOR_INTERRUPTS();
		gather(predictions, i, &slice);
		if (slice.rows.n < LEAST_ROWS)
			continue;
		loss = (metric_of(predictions, 1, &slice, metric) -
				metric_of(predictions, 0, &slice, metric)) *
			mlops_metric_direction(metric);
		if (isnan(loss) || loss <= largest)
			continue;
		largest = loss;
		*worst = JsonbToCString(NULL,
								&mlops_slices_name(predictions->slices,
												   i)->root, 0);
	}
	return largest;
}

double
mlops_contest_difference(const MlopsContest *contest, List *columns,
						 const char *metric)
{
	MlopsPredictionsRequest request = request_of(contest, columns);
	MlopsPredictions *predictions = mlops_predictions_read(&request);
	double		least = NAN;
	double		most = NAN;
	int			n;

	(void) mlops_slices_order(predictions->slices, &n);
	for (int i = 0; i < n; i++)
	{
		Slice		slice;
		double		value;

		CHECK_FOR_INTERRUPTS();
		gather(predictions, i, &slice);
		if (slice.rows.n < LEAST_ROWS)
			continue;
		value = predictions->measures[0].task == MLOPS_BINARY ?
			positive_share(predictions, &slice) :
			metric_of(predictions, 0, &slice, metric);
		/* NaN is ignored by both */
		least = fmin(least, value);
		most = fmax(most, value);
	}
	return n < 2 ? NAN : most - least;
}

double
mlops_contest_latency(const MlopsContest *contest)
{
	MlopsReference reference = {(char *) contest->model, contest->challenger};
	Snapshot	snapshot = GetActiveSnapshot();
	MlopsPredictor *predictor =
		mlops_predictor_load(mlops_resolve(&reference, snapshot,
										   MLOPS_PREDICT), snapshot);
	const MlopsPredictor *predictors[1] = {predictor};
	MlopsReaderRequest request = {
		.source = contest->source, .n_predictors = 1,
		.predictors = predictors
	};
	Sample		sample = {predictor->info.n_features};
	float	   *outputs = palloc(sizeof(float) * predictor->info.n_outputs);
	double		best = INFINITY;

	sample.features = palloc_extended(sizeof(float) * LATENCY_ROWS *
									  Max(sample.n_features, 1),
									  MCXT_ALLOC_HUGE);
	mlops_reader_run(mlops_reader_open(&request), take_features, &sample);
	for (int round = 0; round < LATENCY_ROUNDS; round++)
	{
		instr_time	start;
		instr_time	elapsed;

		CHECK_FOR_INTERRUPTS();
		INSTR_TIME_SET_CURRENT(start);
		for (int i = 0; i < sample.n; i++)
			mlops_forest_predict(predictor->forest,
								 sample.features + i * sample.n_features,
								 outputs);
		INSTR_TIME_SET_CURRENT(elapsed);
		INSTR_TIME_SUBTRACT(elapsed, start);
		best = Min(best, INSTR_TIME_GET_DOUBLE(elapsed) * 1e6 /
				   Max(sample.n, 1));
	}
	return best;
}

/* What is asked of the challenger alone. */
static MlopsPredictionsRequest
request_of(const MlopsContest *contest, List *by)
{
	MlopsPredictionsRequest request = {
		.models = {psprintf("%s/%d", contest->model, contest->challenger)},
		.source = contest->source,
		.target = contest->target,
		.weight = contest->weight,
		.query_group = contest->query_group,
		.target_upper = contest->target_upper,
		.event_observed = contest->event_observed,
		.by = by
	};

	return request;
}

/* What the challenger's objective is judged by. */
static const char *
criterion_of(const MlopsPredictions *predictions)
{
	const MlopsVersion *version = predictions->predictors[0]->version;
	const MlopsObjective *objective =
		mlops_objective_known(version->objective);

	if (objective == NULL)
		objective = mlops_objective_default(predictions->measures[0].task);
	return objective->criterion;
}

/* 22023 unless the metric is among those compared, and has a better end. */
static void
check_metric(const MlopsComparison *comparisons, int n, const char *metric)
{
	const char *names[MLOPS_MAX_METRICS];
	const char *closest;

	for (int i = 0; i < n; i++)
	{
		if (strcmp(comparisons[i].name, metric) == 0 &&
			mlops_metric_direction(metric) != 0)
			return;
		names[i] = comparisons[i].name;
	}
	closest = mlops_closest_match(metric, names, n);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("versions cannot be compared by \"%s\"", metric),
			 closest ? errhint("Perhaps you meant \"%s\".", closest) :
			 errhint("mlops.evaluate() lists the metrics of a version.")));
}

/* Gain, interval and probability of a difference with its error. */
static void
fill_decision(const MlopsComparison *comparison, double confidence,
			  MlopsDecision *decision)
{
	double		half = mlops_normal_quantile(0.5 + confidence / 2) *
		comparison->error;

	decision->challenger_value = comparison->value;
	decision->champion_value = comparison->other;
	decision->gain = (comparison->value - comparison->other) *
		mlops_metric_direction(comparison->name);
	decision->ci_low = decision->gain - half;
	decision->ci_high = decision->gain + half;
	if (isnan(decision->gain) || isnan(comparison->error))
		decision->probability = NAN;
	else if (comparison->error > 0)
		decision->probability = 0.5 *
			erfc(-decision->gain / comparison->error / M_SQRT2);
	else
		decision->probability = decision->gain > 0 ? 1 :
			decision->gain < 0 ? 0 : 0.5;
}

/* Copies of a slice's rows and of what is predicted of them. */
static void
gather(const MlopsPredictions *predictions, unsigned number, Slice *slice)
{
	const MlopsRows *all = &predictions->rows;
	size_t		n = 0;
	float	   *label;
	float	   *upper;
	float	   *weight;
	unsigned   *group;

	for (size_t i = 0; i < all->n; i++)
		n += (predictions->slice[i] == number);
	label = palloc_extended(sizeof(float) * (n + 1), MCXT_ALLOC_HUGE);
	upper = palloc_extended(sizeof(float) * (n + 1), MCXT_ALLOC_HUGE);
	weight = palloc_extended(sizeof(float) * (n + 1), MCXT_ALLOC_HUGE);
	group = palloc_extended(sizeof(unsigned) * (n + 1), MCXT_ALLOC_HUGE);
	for (int k = 0; k < predictions->n_versions; k++)
		slice->outputs[k] =
			palloc_extended(sizeof(float) * (n + 1) *
							predictions->measures[k].n_outputs,
							MCXT_ALLOC_HUGE);
	n = 0;
	for (size_t i = 0; i < all->n; i++)
	{
		if (predictions->slice[i] != number)
			continue;
		label[n] = all->label[i];
		upper[n] = all->upper ? all->upper[i] : 0;
		weight[n] = all->weight ? all->weight[i] : 1;
		group[n] = all->group ? all->group[i] : 0;
		for (int k = 0; k < predictions->n_versions; k++)
		{
			int			width = predictions->measures[k].n_outputs;

			memcpy(slice->outputs[k] + n * width,
				   predictions->outputs[k] + i * width,
				   sizeof(float) * width);
		}
		n++;
	}
	slice->rows = (MlopsRows) {n, label, all->upper ? upper : NULL,
	all->weight ? weight : NULL, all->group ? group : NULL};
}

/* A metric of a version (0: the challenger) on a slice, by one measure. */
static double
metric_of(const MlopsPredictions *predictions, int version,
		  const Slice *slice, const char *metric)
{
	MlopsMeasure measure = predictions->measures[version];
	MlopsMetric metrics[MLOPS_MAX_METRICS];
	int			n;

	measure.family = predictions->measures[0].family;
	measure.parameter = predictions->measures[0].parameter;
	n = mlops_measure(&measure, &slice->rows, slice->outputs[version],
					  metrics);
	return mlops_metric_get(metrics, n, metric);
}

/* The share of a slice's rows that the challenger predicts as positive. */
static double
positive_share(const MlopsPredictions *predictions, const Slice *slice)
{
	size_t		positive = 0;

	for (size_t i = 0; i < slice->rows.n; i++)
		positive += mlops_measure_class(&predictions->measures[0],
										&slice->outputs[0][i], 0.5);
	return (double) positive / slice->rows.n;
}

/* A MlopsReaderCallback: keep the first rows. */
static void
take_features(const MlopsReaderRow *row, void *arg)
{
	Sample	   *sample = arg;

	if (sample->n == LATENCY_ROWS)
		return;
	memcpy(sample->features + sample->n * sample->n_features,
		   row->features[0], sizeof(float) * sample->n_features);
	sample->n++;
}
