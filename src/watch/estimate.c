/*
 * estimate.c
 *		mlops.estimate_performance(): metrics of rows that have no labels yet.
 *
 * Classification: the probabilities are calibrated on a reference with
 * labels, and metrics follow from them.  Regression: a small tree learns on
 * the reference how large losses are where, and the rows are weighed by where
 * they fall.  Both hold while inputs change and their meaning does not, which
 * every row of the result says.
 *
 * Errors are raised only while no malloc()ed memory is held.
 */
#include "postgres.h"

#include <math.h>

#include "base/base.h"
#include "fmgr.h"
#include "funcapi.h"
#include "math/calibrate.h"
#include "math/curves.h"
#include "math/estimate.h"
#include "math/losstree.h"
#include "miscadmin.h"
#include "train/evaluation.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"
#include "watch/estimate.h"

#define N_COLUMNS		7
#define MOST_LOSSES		2
#define MOST_FEATURES	20000000	/* floats that trees are grown from */
#define LEAST_LEAF		20
#define FEW_ROWS		1000

#define ASSUMPTION \
	"holds while inputs change and what they mean for the target does not"

PG_FUNCTION_INFO_V1(mlops_estimate_performance);

/* The order of the arguments in SQL. */
enum
{
	ARG_MODEL, ARG_SOURCE, ARG_REFERENCE, ARG_TARGET, ARG_CALIBRATION,
	ARG_CONFIDENCE
};

typedef enum Method
{
	BY_ISOTONIC, BY_PLATT, BY_NOTHING
} Method;

static const char *const method_names[] = {"isotonic", "platt", "none"};

/* What is computed, of what. */
typedef struct Estimation
{
	const MlopsEstimateRequest *request;
	Method		method;
	const MlopsPredictions *reference;
	MlopsEvaluation realized;
	const char *note;
} Estimation;

/* The probabilities of a source, while it is read. */
typedef struct Scores
{
	int			k;				/* of each row; 1 of two classes */
	bool		margins;
	uint64		n;
	uint64		capacity;
	double	   *values;
} Scores;

/* Rows to grow trees from, while the reference is read. */
typedef struct Losses
{
	const MlopsMeasure *measure;
	size_t		p;				/* features, the last is the prediction */
	uint64		stride;			/* each so many-th row is taken */
	uint64		seen;
	uint64		n;
	uint64		capacity;
	float	   *features;		/* [n x p] */
	double	   *values[MOST_LOSSES];
} Losses;

/* Rows of the source by leaf, while it is read. */
typedef struct Leaves
{
	size_t		p;
	float	   *features;		/* of one row */
	MlopsLossTree trees[MOST_LOSSES];
	size_t		rows[MOST_LOSSES][MLOPS_LOSS_NODES];
} Leaves;

static void check_task(const MlopsPredictions *predictions);
static void put_row(const MlopsEstimate *estimate, void *arg);
static uint64 read_source(const Estimation *e, const char *source,
						  bool labels, MlopsReaderCallback callback,
						  void *arg);
static void take_scores(const MlopsReaderRow *row, void *arg);
static void estimate_classes(Estimation *e);
static void calibrate(const Estimation *e, int class, const Scores *scores,
					  double *calibrated);
static void calibrate_by(Method method, const double *score,
						 const double *label, size_t n, const Scores *scores,
						 int class, double *calibrated);
static void normalize(const Scores *scores, double *calibrated);
static double units_of(const char *name, const MlopsMetric *metrics, int m,
					   double n);
static double half_width(const Estimation *e, const MlopsMetric *metrics,
						 int m, int i, uint64 n);
static void put_classes(Estimation *e, const MlopsMetric *metrics, int m,
						uint64 n);
static void estimate_numbers(Estimation *e);
static void take_losses(const MlopsReaderRow *row, void *arg);
static void fill_features(const MlopsReaderRow *row, size_t p,
						  float *features);
static void take_leaves(const MlopsReaderRow *row, void *arg);
static void put_loss(Estimation *e, const Leaves *leaves, int i, uint64 n);
static void put(const Estimation *e, const char *name, double estimate,
				double low, double high, uint64 n);

/* estimate_performance(model model_ref, ...) returns setof record */
Datum
mlops_estimate_performance(PG_FUNCTION_ARGS)
{
	MlopsEstimateRequest request = {0};
	MemoryContext context;
	MemoryContext old;

	InitMaterializedSRF(fcinfo, 0);
	request.sink = put_row;
	request.arg = fcinfo->resultinfo;
	context = AllocSetContextCreate(CurrentMemoryContext, "mlops estimate",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	request.model = mlops_required_text(fcinfo, ARG_MODEL, "model");
	request.source = mlops_required_text(fcinfo, ARG_SOURCE, "source");
	request.reference = mlops_required_text(fcinfo, ARG_REFERENCE,
											"reference");
	request.target = mlops_optional_text(fcinfo, ARG_TARGET);
	request.calibration = mlops_optional_text(fcinfo, ARG_CALIBRATION);
	request.confidence = mlops_open_fraction(fcinfo, ARG_CONFIDENCE,
											 "confidence", 0.95);
	mlops_estimate_run(&request);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return (Datum) 0;
}

void
mlops_estimate_run(const MlopsEstimateRequest *request)
{
	MlopsPredictionsRequest rows = {0};
	Estimation	e = {request};

	e.method = request->calibration == NULL ? BY_ISOTONIC :
		mlops_word_of("calibration", request->calibration, method_names,
					  lengthof(method_names));
	rows.models[0] = request->model;
	rows.source = request->reference;
	rows.target = request->target;
	rows.check = check_task;
	e.reference = mlops_predictions_read(&rows);
	mlops_evaluation_rows(&e.reference->measures[0], &e.reference->rows,
						  e.reference->outputs[0], request->confidence,
						  &e.realized);
	if (e.reference->measures[0].n_classes > 0)
		estimate_classes(&e);
	else
		estimate_numbers(&e);
}

/*
 * A MlopsEstimateSink: return a row of SQL.
 */
static void
put_row(const MlopsEstimate *estimate, void *arg)
{
	ReturnSetInfo *result = arg;
	const double numbers[] = {estimate->estimate, estimate->low,
	estimate->high, estimate->realized};
	Datum		values[N_COLUMNS];
	bool		nulls[N_COLUMNS] = {0};

	values[0] = CStringGetTextDatum(estimate->metric);
	for (int i = 0; i < lengthof(numbers); i++)
	{
		values[i + 1] = Float8GetDatum(numbers[i]);
		nulls[i + 1] = isnan(numbers[i]) || isnan(estimate->estimate);
	}
	nulls[4] = isnan(estimate->realized);
	values[5] = Int64GetDatum(estimate->n);
	values[6] = CStringGetTextDatum(estimate->note);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * 0A000 for tasks whose metrics are not of single rows.
 */
static void
check_task(const MlopsPredictions *predictions)
{
	MlopsTask	task = predictions->measures[0].task;

	if (task == MLOPS_RANKING || task == MLOPS_SURVIVAL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("performance of model \"%s\" cannot be estimated",
						predictions->names[0]),
				 errdetail("It is estimated of classes and of numbers, not of rankings and survival times.")));
}

/*
 * Read a source through the version, with labels or without; 22023 if it has
 * no rows.
 */
static uint64
read_source(const Estimation *e, const char *source, bool labels,
			MlopsReaderCallback callback, void *arg)
{
	MlopsReaderRequest request = {0};
	uint64		n;

	request.source = source;
	request.n_predictors = 1;
	request.predictors = e->reference->predictors;
	request.predict = true;
	if (labels)
	{
		request.target = e->request->target ? e->request->target :
			e->reference->predictors[0]->version->target;
		request.target_recorded = (e->request->target == NULL);
	}
	n = mlops_reader_run(mlops_reader_open(&request), callback, arg);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("source has no rows"),
				 errhint("Pass a source with at least one row.")));
	return n;
}

/*
 * A MlopsReaderCallback: keep what is predicted of a row.
 */
static void
take_scores(const MlopsReaderRow *row, void *arg)
{
	Scores	   *scores = arg;
	double	   *values;

	if (scores->n == scores->capacity)
	{
		scores->capacity *= 2;
		scores->values = repalloc_huge(scores->values, sizeof(double) *
									   scores->capacity * scores->k);
	}
	values = scores->values + scores->n++ * scores->k;
	for (int j = 0; j < scores->k; j++)
		values[j] = row->outputs[0][j];
	if (scores->margins)
		values[0] = (float) (1 / (1 + exp(-values[0])));
}

/*
 * Estimate the metrics of a classification.
 */
static void
estimate_classes(Estimation *e)
{
	const MlopsMeasure *measure = &e->reference->measures[0];
	Scores		scores = {measure->n_outputs, measure->margins, 0, 1024};
	MlopsMetric metrics[MLOPS_MAX_METRICS];
	double	   *calibrated;
	uint64		n;
	int			m;

	scores.values = palloc_extended(sizeof(double) * scores.capacity *
									scores.k, MCXT_ALLOC_HUGE);
	n = read_source(e, e->request->source, false, take_scores, &scores);
	calibrated = palloc_extended(sizeof(double) * n * scores.k,
								 MCXT_ALLOC_HUGE);
	for (int j = 0; j < scores.k; j++)
		calibrate(e, j, &scores, calibrated);
	if (scores.k > 1)
		normalize(&scores, calibrated);
	CHECK_FOR_INTERRUPTS();
	m = scores.k > 1 ?
		mlops_estimate_multiclass(scores.values, calibrated, scores.k, n,
								  metrics) :
		mlops_estimate_binary(scores.values, calibrated, n, metrics);
	if (m < 0)
		mlops_out_of_memory();
	e->note = psprintf("%s; %s%s", e->method == BY_NOTHING ?
					   "probabilities taken as they are" :
					   psprintf("probabilities calibrated on %zu rows (%s)",
								e->reference->rows.n,
								method_names[e->method]), ASSUMPTION,
					   e->method == BY_ISOTONIC &&
					   e->reference->rows.n < FEW_ROWS ?
					   "; few rows to calibrate on, platt may be better" : "");
	put_classes(e, metrics, m, n);
}

/*
 * Calibrate the probabilities of a class, against all others if there are
 * several.
 */
static void
calibrate(const Estimation *e, int class, const Scores *scores,
		  double *calibrated)
{
	const MlopsPredictions *reference = e->reference;
	size_t		n = reference->rows.n;
	double	   *score = palloc_extended(sizeof(double) * n, MCXT_ALLOC_HUGE);
	double	   *label = palloc_extended(sizeof(double) * n, MCXT_ALLOC_HUGE);

	CHECK_FOR_INTERRUPTS();
	for (size_t i = 0; i < n; i++)
	{
		int			truth = (int) reference->rows.label[i];

		score[i] = reference->outputs[0][i * scores->k + class];
		label[i] = scores->k == 1 ? truth : truth == class;
	}
	calibrate_by(e->method, score, label, n, scores, class, calibrated);
	pfree(score);
	pfree(label);
}

/*
 * The same, from the scores and labels of the reference.
 */
static void
calibrate_by(Method method, const double *score, const double *label,
			 size_t n, const Scores *scores, int class, double *calibrated)
{
	MlopsIsotonic isotonic = {0};
	MlopsPlatt	platt = {1, 0};

	if (method == BY_ISOTONIC &&
		!mlops_isotonic_fit(score, label, n, &isotonic))
		mlops_out_of_memory();
	if (method == BY_PLATT)
		platt = mlops_platt_fit(score, label, n);
	for (uint64 i = 0; i < scores->n; i++)
	{
		double		x = scores->values[i * scores->k + class];

		calibrated[i * scores->k + class] =
			method == BY_ISOTONIC ? mlops_isotonic_at(&isotonic, x) :
			method == BY_PLATT ? mlops_platt_at(&platt, x) : x;
	}
	mlops_isotonic_free(&isotonic);
}

/*
 * Scale the probabilities of each row to a sum of 1; where all are 0, they
 * stay what was predicted.
 */
static void
normalize(const Scores *scores, double *calibrated)
{
	for (uint64 i = 0; i < scores->n; i++)
	{
		double	   *row = calibrated + i * scores->k;
		double		sum = 0;

		for (int j = 0; j < scores->k; j++)
			sum += row[j];
		for (int j = 0; j < scores->k; j++)
			row[j] = sum > 0 ? row[j] / sum :
				scores->values[i * scores->k + j];
	}
}

/*
 * Of how many of the rows a metric is a mean, more or less: precision of those
 * predicted positive, others of the positive ones, or of the rarer class.
 */
static double
units_of(const char *name, const MlopsMetric *metrics, int m, double n)
{
	double		base = mlops_metric_get(metrics, m, "base_rate");
	double		units = n;

	if (strcmp(name, "precision") == 0)
		units = n * base * mlops_metric_get(metrics, m, "recall") /
			mlops_metric_get(metrics, m, "precision");
	else if (strcmp(name, "roc_auc") == 0)
		units = n * fmin(base, 1 - base);
	else if (strcmp(name, "recall") == 0 || strcmp(name, "f1") == 0 ||
			 strcmp(name, "mcc") == 0 || strcmp(name, "pr_auc") == 0)
		units = n * base;
	return units > 0 && units <= n ? units : n;
}

/*
 * Half of the width of a metric's band.  Its error is that which it has on
 * the reference, as of so many rows as the source has, and that of the
 * calibration, which has seen as many as the reference.  NAN if it has none
 * on the reference.
 */
static double
half_width(const Estimation *e, const MlopsMetric *metrics, int m, int i,
		   uint64 n)
{
	const MlopsEvaluation *realized = &e->realized;
	const char *name = metrics[i].name;
	double		ratio = units_of(name, realized->metrics,
								 realized->n_metrics,
								 e->reference->rows.n) /
		units_of(name, metrics, m, n);

	for (int k = 0; k < realized->n_metrics; k++)
	{
		double		there = realized->metrics[k].value;
		double		here = metrics[i].value;

		if (strcmp(realized->metrics[k].name, name) != 0)
			continue;
		/* a share varies the more the nearer it is to one half */
		if (strcmp(name, "accuracy") == 0 || strcmp(name, "precision") == 0 ||
			strcmp(name, "recall") == 0 || strcmp(name, "base_rate") == 0)
			ratio *= fmax(here * (1 - here) / (there * (1 - there)), 1);
		return (realized->intervals[k].high - realized->intervals[k].low) /
			2 * sqrt(1 + ratio);
	}
	return NAN;
}

/*
 * Add the estimates to the result.
 */
static void
put_classes(Estimation *e, const MlopsMetric *metrics, int m, uint64 n)
{
	for (int i = 0; i < m; i++)
	{
		const char *name = metrics[i].name;
		double		value = metrics[i].value;
		double		half = half_width(e, metrics, m, i, n);
		double		least = strcmp(name, "mcc") == 0 ? -1 : 0;
		double		most = strcmp(name, "log_loss") == 0 ? INFINITY : 1;

		/* a reference of which nothing is known, as all is 0 or 1 */
		if (!isfinite(half))
			half = NAN;
		put(e, name, value, isnan(half) ? NAN : fmax(value - half, least),
			isnan(half) ? NAN : fmin(value + half, most), n);
	}
}

/*
 * Estimate the losses of a regression.
 */
static void
estimate_numbers(Estimation *e)
{
	const MlopsPredictions *reference = e->reference;
	Losses		losses = {&reference->measures[0]};
	Leaves	   *leaves = palloc0(sizeof(Leaves));
	size_t		least;
	uint64		n;

	losses.p = leaves->p = reference->predictors[0]->info.n_features + 1;
	losses.stride = 1 + reference->rows.n * losses.p / MOST_FEATURES;
	losses.capacity = n = reference->rows.n / losses.stride + 1;
	losses.features = palloc_extended(sizeof(float) * n * losses.p,
									  MCXT_ALLOC_HUGE);
	for (int i = 0; i < MOST_LOSSES; i++)
		losses.values[i] = palloc_extended(sizeof(double) * n,
										   MCXT_ALLOC_HUGE);
	leaves->features = palloc(sizeof(float) * losses.p);
	(void) read_source(e, e->request->reference, true, take_losses, &losses);
	if (losses.n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("reference has other rows when it is read again"),
				 errhint("Pass a table, or a query without volatile functions.")));
	least = Max(LEAST_LEAF, losses.n / 200);
	for (int i = 0; i < MOST_LOSSES; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!mlops_loss_tree_fit(losses.features, losses.values[i], losses.n,
								 losses.p, least, &leaves->trees[i]))
			mlops_out_of_memory();
	}
	pfree(losses.features);

	n = read_source(e, e->request->source, false, take_leaves, leaves);
	for (int i = 0; i < MOST_LOSSES; i++)
	{
		e->note = psprintf("expected losses by %d groups of %llu rows; %s",
						   (leaves->trees[i].n_nodes + 1) / 2,
						   (unsigned long long) losses.n, ASSUMPTION);
		put_loss(e, leaves, i, n);
	}
}

/*
 * A MlopsReaderCallback: keep the features of a row with a label, and its
 * losses.  The first reading has counted the rows; if a volatile source has
 * more of them now, they are left out.
 */
static void
take_losses(const MlopsReaderRow *row, void *arg)
{
	Losses	   *losses = arg;
	double		error;
	double		alpha = losses->measure->parameter;

	if (!row->has_label || losses->seen++ % losses->stride != 0 ||
		losses->n == losses->capacity)
		return;
	error = row->label - row->outputs[0][0];
	if (!isfinite(error))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("prediction of a row of the reference is not finite")));
	fill_features(row, losses->p, losses->features + losses->n * losses->p);
	losses->values[0][losses->n] = fabs(error);
	losses->values[1][losses->n++] =
		losses->measure->family != MLOPS_FAMILY_QUANTILE ? error * error :
		error > 0 ? alpha * error : (alpha - 1) * error;
}

/*
 * The features of a row, then its prediction.
 */
static void
fill_features(const MlopsReaderRow *row, size_t p, float *features)
{
	memcpy(features, row->features[0], sizeof(float) * (p - 1));
	features[p - 1] = row->outputs[0][0];
}

/*
 * A MlopsReaderCallback: count a row in its leaves.
 */
static void
take_leaves(const MlopsReaderRow *row, void *arg)
{
	Leaves	   *leaves = arg;

	fill_features(row, leaves->p, leaves->features);
	for (int i = 0; i < MOST_LOSSES; i++)
		leaves->rows[i][mlops_loss_tree_leaf(&leaves->trees[i],
											 leaves->features)]++;
}

/*
 * Add an estimate to the result: the mean absolute error, and the root of the
 * mean squared one or the quantile loss.
 */
static void
put_loss(Estimation *e, const Leaves *leaves, int i, uint64 n)
{
	bool		quantile =
		e->reference->measures[0].family == MLOPS_FAMILY_QUANTILE;
	bool		root = i == 1 && !quantile;
	double		z = mlops_normal_quantile(0.5 + e->request->confidence / 2);
	double		error;
	double		mean = mlops_loss_tree_mean(&leaves->trees[i],
											leaves->rows[i], &error);
	double		low = isnan(error) ? NAN : fmax(mean - z * error, 0);
	double		high = mean + z * error;

	put(e, i == 0 ? "mae" : quantile ? "pinball_loss" : "rmse",
		root ? sqrt(mean) : mean, root ? sqrt(low) : low,
		root ? sqrt(high) : high, n);
}

/*
 * Give one metric.
 */
static void
put(const Estimation *e, const char *name, double estimate, double low,
	double high, uint64 n)
{
	MlopsEstimate row = {name, estimate, low, high,
		mlops_metric_get(e->realized.metrics, e->realized.n_metrics, name),
	n, e->note};

	e->request->sink(&row, e->request->arg);
}
