/*
 * curves.c
 *		A classifier on a source as tables for charts: the confusion matrix,
 *		ROC, precision-recall, lift and calibration.
 *
 * Of several classes, a curve is that of one class against the rest.
 */
#include "postgres.h"

#include <math.h>

#include "base/base.h"
#include "fmgr.h"
#include "funcapi.h"
#include "math/curves.h"
#include "math/sum.h"
#include "train/predictions.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(mlops_confusion_matrix);
PG_FUNCTION_INFO_V1(mlops_roc_curve);
PG_FUNCTION_INFO_V1(mlops_pr_curve);
PG_FUNCTION_INFO_V1(mlops_lift_curve);
PG_FUNCTION_INFO_V1(mlops_calibration_curve);

/* The order of the arguments in SQL; the curves' last is points or bins. */
enum
{
	ARG_MODEL, ARG_SOURCE, ARG_TARGET, ARG_LABEL, ARG_WEIGHT, ARG_SIZE
};

/* That of confusion_matrix() after the target. */
enum
{
	ARG_MATRIX_THRESHOLD = ARG_TARGET + 1, ARG_MATRIX_WEIGHT
};

#define MOST_POINTS	100000
#define MOST_BINS	1000
#define MOST_COLUMNS 7

/* The quantile of the intervals of calibration_curve(): 95 %. */
#define CALIBRATION_CONFIDENCE 0.95

/* What a curve is made of. */
typedef struct Curve
{
	MemoryContext context;		/* of all of it */
	MemoryContext caller;
	ReturnSetInfo *result;
	size_t		n;
	int			size;			/* points or bins */
	const float *label;			/* 1 or 0 */
	const float *score;			/* probability of the class */
	const float *weight;		/* or NULL */
} Curve;

/* The rows of each actual and predicted class. */
typedef struct Cell
{
	int64		n;
	MlopsSum	weight;
} Cell;

static void curve_open(FunctionCallInfo fcinfo, const char *size_name,
					   int size, int least, int most, Curve *curve);
static void curve_close(Curve *curve);
static void check_count(long count, const char *needed);
static void check_classifier(const MlopsPredictions *predictions);
static int	chosen_class(FunctionCallInfo fcinfo,
						 const MlopsPredictions *predictions);
static void one_against_rest(const MlopsPredictions *predictions, int class,
							 Curve *curve);
static void put_numbers(Curve *curve, const double *numbers, int n);
static void check_threshold(double threshold);
static Cell *count_cells(const MlopsPredictions *predictions,
						 double threshold);
static void put_cells(ReturnSetInfo *result, const MlopsVersion *version,
					  const Cell *cells);

/* confusion_matrix(model model_ref, source text, ...) returns setof record */
Datum
mlops_confusion_matrix(PG_FUNCTION_ARGS)
{
	MlopsPredictionsRequest request = {0};
	MlopsPredictions *predictions;
	MemoryContext context;
	MemoryContext old;
	double		threshold = PG_ARGISNULL(ARG_MATRIX_THRESHOLD) ? 0.5 :
		PG_GETARG_FLOAT8(ARG_MATRIX_THRESHOLD);

	InitMaterializedSRF(fcinfo, 0);
	context = AllocSetContextCreate(CurrentMemoryContext,
									"mlops confusion matrix",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	request.models[0] = mlops_required_text(fcinfo, ARG_MODEL, "model");
	request.source = mlops_required_text(fcinfo, ARG_SOURCE, "source");
	request.target = mlops_optional_text(fcinfo, ARG_TARGET);
	request.weight = mlops_optional_text(fcinfo, ARG_MATRIX_WEIGHT);
	request.check = check_classifier;
	check_threshold(threshold);

	predictions = mlops_predictions_read(&request);
	put_cells((ReturnSetInfo *) fcinfo->resultinfo,
			  predictions->predictors[0]->version,
			  count_cells(predictions, threshold));
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return (Datum) 0;
}

/* roc_curve(model model_ref, source text, ...) returns setof record */
Datum
mlops_roc_curve(PG_FUNCTION_ARGS)
{
	Curve		curve;
	MlopsRocPoint *points;
	long		n;

	curve_open(fcinfo, "points", 200, 3, MOST_POINTS, &curve);
	points = palloc(sizeof(MlopsRocPoint) * curve.size);
	n = mlops_curve_roc(curve.label, curve.score, curve.weight, curve.n,
						curve.size, points);
	check_count(n, "The curve needs rows of the class and rows of others.");
	for (long i = 0; i < n; i++)
		put_numbers(&curve, (double[]) {points[i].threshold, points[i].fpr,
					points[i].tpr}, 3);
	curve_close(&curve);
	return (Datum) 0;
}

/* pr_curve(model model_ref, source text, ...) returns setof record */
Datum
mlops_pr_curve(PG_FUNCTION_ARGS)
{
	Curve		curve;
	MlopsPrPoint *points;
	long		n;

	curve_open(fcinfo, "points", 200, 3, MOST_POINTS, &curve);
	points = palloc(sizeof(MlopsPrPoint) * curve.size);
	n = mlops_curve_pr(curve.label, curve.score, curve.weight, curve.n,
					   curve.size, points);
	check_count(n, "The curve needs rows of the class.");
	for (long i = 0; i < n; i++)
		put_numbers(&curve, (double[]) {points[i].threshold,
					points[i].recall, points[i].precision}, 3);
	curve_close(&curve);
	return (Datum) 0;
}

/* lift_curve(model model_ref, source text, ...) returns setof record */
Datum
mlops_lift_curve(PG_FUNCTION_ARGS)
{
	Curve		curve;
	MlopsLiftBin *bins;
	long		n;

	curve_open(fcinfo, "bins", 10, 1, MOST_BINS, &curve);
	bins = palloc(sizeof(MlopsLiftBin) * curve.size);
	n = mlops_curve_lift(curve.label, curve.score, curve.weight, curve.n,
						 curve.size, bins);
	check_count(n, "The curve needs rows of the class.");
	for (long i = 0; i < n; i++)
	{
		Datum		values[MOST_COLUMNS];
		bool		nulls[MOST_COLUMNS] = {0};

		values[0] = Int32GetDatum(bins[i].bin);
		values[1] = Float8GetDatum(bins[i].share);
		values[2] = Int64GetDatum(bins[i].n);
		values[3] = Int64GetDatum(bins[i].positives);
		values[4] = Float8GetDatum(bins[i].precision);
		values[5] = Float8GetDatum(bins[i].lift);
		values[6] = Float8GetDatum(bins[i].gain);
		tuplestore_putvalues(curve.result->setResult, curve.result->setDesc,
							 values, nulls);
	}
	curve_close(&curve);
	return (Datum) 0;
}

/* calibration_curve(model model_ref, source text, ...) returns setof record */
Datum
mlops_calibration_curve(PG_FUNCTION_ARGS)
{
	Curve		curve;
	MlopsCalibrationBin *bins;
	double		z = mlops_normal_quantile(0.5 + CALIBRATION_CONFIDENCE / 2);
	long		n;

	curve_open(fcinfo, "bins", 10, 1, MOST_BINS, &curve);
	bins = palloc(sizeof(MlopsCalibrationBin) * curve.size);
	n = mlops_curve_calibration(curve.label, curve.score, curve.weight,
								curve.n, curve.size, false, z, bins);
	check_count(n, "The curve needs probabilities, from 0 to 1.");
	for (long i = 0; i < n; i++)
	{
		Datum		values[MOST_COLUMNS];
		bool		nulls[MOST_COLUMNS] = {0};

		values[0] = Int32GetDatum(bins[i].bin);
		values[1] = Int64GetDatum(bins[i].n);
		values[2] = Float8GetDatum(bins[i].mean_prediction);
		values[3] = Float8GetDatum(bins[i].observed);
		values[4] = Float8GetDatum(bins[i].low);
		values[5] = Float8GetDatum(bins[i].high);
		tuplestore_putvalues(curve.result->setResult, curve.result->setDesc,
							 values, nulls);
	}
	curve_close(&curve);
	return (Datum) 0;
}

/*
 * Read what a curve is made of, with its arguments; until curve_close() the
 * current memory context is one of its own.  size is the default of the last
 * argument, which must lie in least to most: 22023.
 */
static void
curve_open(FunctionCallInfo fcinfo, const char *size_name, int size,
		   int least, int most, Curve *curve)
{
	MlopsPredictionsRequest request = {0};
	MlopsPredictions *predictions;

	InitMaterializedSRF(fcinfo, 0);
	curve->result = (ReturnSetInfo *) fcinfo->resultinfo;
	curve->context = AllocSetContextCreate(CurrentMemoryContext,
										   "mlops curve",
										   ALLOCSET_DEFAULT_SIZES);
	curve->caller = MemoryContextSwitchTo(curve->context);
	request.models[0] = mlops_required_text(fcinfo, ARG_MODEL, "model");
	request.source = mlops_required_text(fcinfo, ARG_SOURCE, "source");
	request.target = mlops_optional_text(fcinfo, ARG_TARGET);
	request.weight = mlops_optional_text(fcinfo, ARG_WEIGHT);
	request.check = check_classifier;
	curve->size = PG_ARGISNULL(ARG_SIZE) ? size : PG_GETARG_INT32(ARG_SIZE);
	if (curve->size < least || curve->size > most)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" is out of range: %d", size_name,
						curve->size),
				 errhint("It must be at least %d and at most %d.", least,
						 most)));

	predictions = mlops_predictions_read(&request);
	one_against_rest(predictions, chosen_class(fcinfo, predictions), curve);
}

/*
 * Back to the caller's memory context; the rest is freed.
 */
static void
curve_close(Curve *curve)
{
	MemoryContextSwitchTo(curve->caller);
	MemoryContextDelete(curve->context);
}

/*
 * An error if a curve could not be made.
 */
static void
check_count(long count, const char *needed)
{
	if (count < 0)
		mlops_out_of_memory();
	if (count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("curve is not defined on the rows of the source"),
				 errdetail("%s", needed)));
}

/*
 * 0A000 unless the version tells classes apart.
 */
static void
check_classifier(const MlopsPredictions *predictions)
{
	if (predictions->measures[0].n_classes == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("model \"%s\" predicts numbers, not classes",
						predictions->names[0]),
				 errhint("Use mlops.evaluate().")));
}

/*
 * The class that a curve is of: as the argument label says, else the positive
 * one.  22023 if there is no such, or none given of several.
 */
static int
chosen_class(FunctionCallInfo fcinfo, const MlopsPredictions *predictions)
{
	const MlopsVersion *version = predictions->predictors[0]->version;
	char	   *label = mlops_optional_text(fcinfo, ARG_LABEL);

	if (label == NULL && version->n_classes > 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\" tells %d classes apart",
						predictions->names[0], version->n_classes),
				 errhint("Pass label => with the class that is held against the rest.")));
	if (label == NULL)
		return 1;
	for (int i = 0; i < version->n_classes; i++)
		if (strcmp(version->classes[i], label) == 0)
			return i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("model \"%s\" has no class \"%s\"",
					predictions->names[0], label),
			 errhint("mlops.classes() lists the classes.")));
}

/*
 * Labels and scores of one class against the rest.
 */
static void
one_against_rest(const MlopsPredictions *predictions, int class,
				 Curve *curve)
{
	size_t		n = predictions->rows.n;
	int			n_outputs = predictions->measures[0].n_outputs;
	const float *outputs = predictions->outputs[0];
	float	   *label = palloc_extended(sizeof(float) * n, MCXT_ALLOC_HUGE);
	float	   *score = palloc_extended(sizeof(float) * n, MCXT_ALLOC_HUGE);

	for (size_t i = 0; i < n; i++)
	{
		label[i] = (predictions->rows.label[i] == class);
		if (n_outputs > 1)
			score[i] = outputs[i * n_outputs + class];
		else
			score[i] = class == 1 ? outputs[i] : 1 - outputs[i];
	}
	curve->n = n;
	curve->label = label;
	curve->score = score;
	curve->weight = predictions->rows.weight;
}

/*
 * Add a row of numbers to the result.
 */
static void
put_numbers(Curve *curve, const double *numbers, int n)
{
	Datum		values[MOST_COLUMNS];
	bool		nulls[MOST_COLUMNS] = {0};

	for (int i = 0; i < n; i++)
		values[i] = Float8GetDatum(numbers[i]);
	tuplestore_putvalues(curve->result->setResult, curve->result->setDesc,
						 values, nulls);
}

/*
 * 22023 unless the threshold is a probability.
 */
static void
check_threshold(double threshold)
{
	if (!(threshold >= 0 && threshold <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"threshold\" is out of range: %g",
						threshold),
				 errhint("It must be at least 0 and at most 1.")));
}

/*
 * Count rows by actual and predicted class: cells[actual * k + predicted].
 */
static Cell *
count_cells(const MlopsPredictions *predictions, double threshold)
{
	const MlopsMeasure *measure = &predictions->measures[0];
	const MlopsRows *rows = &predictions->rows;
	size_t		k = measure->n_classes;
	Cell	   *cells = palloc_extended(sizeof(Cell) * k * k,
										MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	if (k > 2 && threshold != 0.5)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a threshold is for two classes"),
				 errdetail("Of more classes the most probable one is predicted.")));
	for (size_t i = 0; i < rows->n; i++)
	{
		int			actual = (int) rows->label[i];
		int			predicted =
			mlops_measure_class(measure, predictions->outputs[0] +
								i * measure->n_outputs, threshold);
		double		weight = rows->weight ? rows->weight[i] : 1;
		Cell	   *cell = &cells[actual * k + predicted];

		if (weight <= 0)
			continue;
		cell->n++;
		mlops_sum_add(&cell->weight, weight);
	}
	return cells;
}

/*
 * Add all pairs of classes to the result, with their share of the actual
 * class, NULL if it does not occur.
 */
static void
put_cells(ReturnSetInfo *result, const MlopsVersion *version,
		  const Cell *cells)
{
	int			k = version->n_classes;

	for (int actual = 0; actual < k; actual++)
	{
		const Cell *row = cells + (size_t) actual * k;
		MlopsSum	all = {0};

		for (int predicted = 0; predicted < k; predicted++)
			mlops_sum_add(&all, mlops_sum_value(&row[predicted].weight));
		for (int predicted = 0; predicted < k; predicted++)
		{
			Datum		values[4];
			bool		nulls[4] = {0};

			values[0] = CStringGetTextDatum(version->classes[actual]);
			values[1] = CStringGetTextDatum(version->classes[predicted]);
			values[2] = Int64GetDatum(row[predicted].n);
			nulls[3] = !(mlops_sum_value(&all) > 0);
			values[3] = Float8GetDatum(mlops_sum_value(&row[predicted].weight) /
									   mlops_sum_value(&all));
			tuplestore_putvalues(result->setResult, result->setDesc, values,
								 nulls);
		}
	}
}
