/*
 * compare.c
 *		mlops.compare(): two versions on the same rows, with paired tests.
 *
 * Both are measured by the metrics of the first, so that one number is not
 * held against another one of the same name.  The error of a difference comes
 * from resampling rows, but for the area under the ROC curve, where DeLong's
 * covariance is exact enough and cheaper, for accuracy, where McNemar's test
 * counts what it needs, and for rankings: their metrics are means over query
 * groups, and what resampling groups would find in the end is the error of
 * the mean of their differences.
 */
#include "postgres.h"

#include <math.h>

#include "base/base.h"
#include "fmgr.h"
#include "funcapi.h"
#include "math/curves.h"
#include "math/paired.h"
#include "miscadmin.h"
#include "train/compare.h"
#include "train/resample.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(mlops_compare);

/* The order of the arguments in SQL. */
enum
{
	ARG_MODEL, ARG_OTHER, ARG_SOURCE, ARG_TARGET, ARG_WEIGHT,
	ARG_QUERY_GROUP, ARG_TARGET_UPPER, ARG_EVENT_OBSERVED, ARG_CONFIDENCE,
	ARG_SEED
};

#define N_COLUMNS	9
#define DRAWINGS	200

/* Fewer rows, or query groups, than this make no test. */
#define LEAST_UNITS	10

static bool same_classes(const MlopsVersion *a, const MlopsVersion *b);
static void compare_groups(const MlopsPredictions *predictions,
						   const MlopsUnits *units,
						   const MlopsMetric *metrics,
						   const MlopsMetric *others, int n, double *errors);
static void compare_areas(const MlopsPredictions *predictions,
						  MlopsComparison *comparison, double scale);
static void compare_hits(const MlopsPredictions *predictions,
						 MlopsComparison *comparison);
static double p_value_of(const MlopsComparison *comparison, double difference);
static void put_comparison(ReturnSetInfo *result,
						   const MlopsPredictions *predictions,
						   const MlopsComparison *comparison, double confidence);

/* compare(model model_ref, other model_ref, ...) returns setof record */
Datum
mlops_compare(PG_FUNCTION_ARGS)
{
	MlopsPredictionsRequest request = {0};
	MlopsPredictions *predictions;
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext context;
	MemoryContext old;
	MlopsComparison comparisons[MLOPS_MAX_METRICS];
	double		confidence;
	int64		seed = PG_ARGISNULL(ARG_SEED) ? 42 : PG_GETARG_INT64(ARG_SEED);
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	context = AllocSetContextCreate(CurrentMemoryContext, "mlops compare",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	request.models[0] = mlops_required_text(fcinfo, ARG_MODEL, "model");
	request.models[1] = mlops_required_text(fcinfo, ARG_OTHER, "other");
	request.source = mlops_required_text(fcinfo, ARG_SOURCE, "source");
	request.target = mlops_optional_text(fcinfo, ARG_TARGET);
	request.weight = mlops_optional_text(fcinfo, ARG_WEIGHT);
	request.query_group = mlops_optional_text(fcinfo, ARG_QUERY_GROUP);
	request.target_upper = mlops_optional_text(fcinfo, ARG_TARGET_UPPER);
	request.event_observed = mlops_optional_text(fcinfo, ARG_EVENT_OBSERVED);
	request.check = mlops_comparison_check;
	confidence = mlops_open_fraction(fcinfo, ARG_CONFIDENCE, "confidence",
									 0.95);

	predictions = mlops_predictions_read(&request);
	n = mlops_comparison_of(predictions, (uint64) seed, comparisons);
	for (int i = 0; i < n; i++)
		put_comparison(result, predictions, &comparisons[i], confidence);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return (Datum) 0;
}

void
mlops_comparison_check(const MlopsPredictions *predictions)
{
	const MlopsVersion *a = predictions->predictors[0]->version;
	const MlopsVersion *b = predictions->predictors[1]->version;

	if (strcmp(a->task, b->task) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("versions do not predict the same thing"),
				 errdetail("The task of %s is %s, that of %s is %s.",
						   predictions->names[0], a->task,
						   predictions->names[1], b->task),
				 errhint("Compare versions of one task.")));
	if (!same_classes(a, b))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("versions do not tell the same classes apart"),
				 errhint("mlops.classes() lists the classes; the positive one is the last.")));
}

/*
 * Have both the same classes, in the same order?
 */
static bool
same_classes(const MlopsVersion *a, const MlopsVersion *b)
{
	if (a->n_classes != b->n_classes)
		return false;
	for (int i = 0; i < a->n_classes; i++)
		if (strcmp(a->classes[i], b->classes[i]) != 0)
			return false;
	return true;
}

int
mlops_comparison_of(MlopsPredictions *predictions, uint64 seed,
					MlopsComparison comparisons[MLOPS_MAX_METRICS])
{
	const MlopsRows *rows = &predictions->rows;
	MlopsMeasure *measures = predictions->measures;
	MlopsUnits	units = mlops_units_of(rows);
	MlopsMetric metrics[MLOPS_MAX_METRICS];
	MlopsMetric others[MLOPS_MAX_METRICS];
	double		errors[MLOPS_MAX_METRICS];
	int			n;
	int			n_others;
	int			count = 0;

	measures[1].family = measures[0].family;
	measures[1].parameter = measures[0].parameter;
	n = mlops_measure(&measures[0], rows, predictions->outputs[0], metrics);
	n_others = mlops_measure(&measures[1], rows, predictions->outputs[1],
							 others);
	if (measures[0].task == MLOPS_RANKING)
		compare_groups(predictions, &units, metrics, others, n, errors);
	else
		mlops_resample_errors(measures, 2, rows, predictions->outputs, seed,
							  DRAWINGS, errors);
	for (int i = 0; i < n; i++)
	{
		MlopsComparison *comparison = &comparisons[count];
		bool		enough = units.n >= LEAST_UNITS;
		bool		shared = false;

		for (int k = 0; k < n_others; k++)
			shared |= strcmp(others[k].name, metrics[i].name) == 0;
		if (!shared)
			continue;
		count++;
		comparison->name = metrics[i].name;
		comparison->value = metrics[i].value;
		comparison->other = mlops_metric_get(others, n_others,
											 metrics[i].name);
		comparison->error = enough ? errors[i] : NAN;
		comparison->p_value = NAN;
		if (!enough)
			continue;
		if (strcmp(metrics[i].name, "roc_auc") == 0)
			compare_areas(predictions, comparison, 1);
		else if (strcmp(metrics[i].name, "gini") == 0)
			compare_areas(predictions, comparison, 2);
		else if (strcmp(metrics[i].name, "accuracy") == 0 &&
				 rows->weight == NULL)
			compare_hits(predictions, comparison);
	}
	return count;
}

/*
 * The errors of the differences of n metrics of a ranking, the same of both
 * versions, by their differences in each query group.
 */
static void
compare_groups(const MlopsPredictions *predictions, const MlopsUnits *units,
			   const MlopsMetric *metrics, const MlopsMetric *others, int n,
			   double *errors)
{
	const MlopsRows *rows = &predictions->rows;
	MlopsMeanError differences[MLOPS_MAX_METRICS] = {0};

	for (int i = 0; i < n; i++)
		differences[i].mean = metrics[i].value - others[i].value;
	for (size_t unit = 0; unit < units->n; unit++)
	{
		size_t		first = units->starts[unit];
		MlopsRows	group = {units->starts[unit + 1] - first,
			rows->label + first, NULL, NULL, rows->group + first};
		MlopsMetric terms[2][MLOPS_MAX_METRICS];

		CHECK_FOR_INTERRUPTS();
		for (int k = 0; k < 2; k++)
			mlops_measure(&predictions->measures[k], &group,
						  predictions->outputs[k] + first, terms[k]);
		for (int i = 0; i < n; i++)
		{
			double		difference = terms[0][i].value - terms[1][i].value;

			if (!isnan(difference))
				mlops_mean_error_add(&differences[i], difference,
									 rows->weight ? rows->weight[first] : 1);
		}
	}
	for (int i = 0; i < n; i++)
		errors[i] = mlops_mean_error_get(&differences[i]);
}

/*
 * The error of the difference of two areas, by DeLong.
 */
static void
compare_areas(const MlopsPredictions *predictions, MlopsComparison *comparison,
			  double scale)
{
	const MlopsRows *rows = &predictions->rows;
	MlopsDelong delong;
	double		variance;

	if (!mlops_delong(rows->label, predictions->outputs[0],
					  predictions->outputs[1], rows->weight, rows->n,
					  &delong))
		mlops_out_of_memory();
	variance = delong.variance[0] + delong.variance[1] -
		2 * delong.covariance;
	/* rounding may leave less than nothing of equal scores */
	comparison->error = isnan(variance) ? NAN :
		scale * sqrt(Max(variance, 0));
}

/*
 * McNemar's test of which rows either version gets right alone, and the error
 * of the difference in accuracy.
 */
static void
compare_hits(const MlopsPredictions *predictions, MlopsComparison *comparison)
{
	const MlopsRows *rows = &predictions->rows;
	const MlopsMeasure *measures = predictions->measures;
	uint64		alone[2] = {0, 0};
	double		n = rows->n;
	double		difference;

	for (size_t i = 0; i < rows->n; i++)
	{
		bool		hit[2];

		for (int k = 0; k < 2; k++)
			hit[k] = mlops_measure_hit(&measures[k], rows->label[i],
									   predictions->outputs[k] +
									   i * measures[k].n_outputs);
		if (hit[0] != hit[1])
			alone[hit[0] ? 0 : 1]++;
	}
	difference = ((double) alone[0] - (double) alone[1]) / n;
	comparison->error = sqrt(((alone[0] + alone[1]) / n -
							  difference * difference) / n);
	comparison->p_value = mlops_mcnemar(alone[0], alone[1]);
}

/*
 * The p-value of a difference: a test's, else that of a normal difference
 * with the error found; NaN if there is none.
 */
static double
p_value_of(const MlopsComparison *comparison, double difference)
{
	if (!isnan(comparison->p_value) || isnan(comparison->error) ||
		isnan(difference))
		return comparison->p_value;
	if (difference == 0)
		return 1;
	return mlops_normal_p_value(difference / comparison->error);
}

/*
 * Add one metric to the result.
 */
static void
put_comparison(ReturnSetInfo *result, const MlopsPredictions *predictions,
			   const MlopsComparison *comparison, double confidence)
{
	double		z = mlops_normal_quantile(0.5 + confidence / 2);
	double		difference = comparison->value - comparison->other;
	double		p_value = p_value_of(comparison, difference);
	double		half = z * comparison->error;
	double		gain = difference * mlops_metric_direction(comparison->name);
	Datum		values[N_COLUMNS];
	bool		nulls[N_COLUMNS] = {0};

	values[0] = CStringGetTextDatum(comparison->name);
	mlops_put_number(values, nulls, 1, comparison->value);
	mlops_put_number(values, nulls, 2, comparison->other);
	mlops_put_number(values, nulls, 3, difference);
	mlops_put_number(values, nulls, 4, difference - half);
	mlops_put_number(values, nulls, 5, difference + half);
	mlops_put_number(values, nulls, 6, p_value);
	nulls[7] = !(p_value < 1 - confidence) || gain == 0 || isnan(gain);
	values[7] = nulls[7] ? (Datum) 0 :
		CStringGetTextDatum(predictions->names[gain > 0 ? 0 : 1]);
	values[8] = Int64GetDatum(mlops_rows_counted(&predictions->rows));
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}
