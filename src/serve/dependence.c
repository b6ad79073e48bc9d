/*
 * dependence.c
 *		How predictions move with one feature: partial dependence.
 *
 * Of the source a sample is kept as features: the rows whose number has the
 * smallest hashes, so that it is spread evenly and the same each time.  The
 * feature is then set to each point of a grid in all of them (Friedman, 2001);
 * what single rows predict there are the individual conditional expectations
 * (Goldstein et al., 2015), of which low and high are quantiles.
 */
#include "postgres.h"

#include <math.h>

#include "base/base.h"
#include "data/reader.h"
#include "funcapi.h"
#include "math/hash.h"
#include "math/quantile.h"
#include "miscadmin.h"
#include "serve/explain.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(mlops_partial_dependence);

#define MAX_POINTS	1000
#define MAX_ROWS	100000

/* A row of the sample. */
typedef struct SampleRow
{
	uint64		hash;			/* of its number */
	float	   *features;
} SampleRow;

typedef struct Dependence
{
	const MlopsPredictor *predictor;
	ReturnSetInfo *result;
	MemoryContext context;		/* of the sample */
	int			feature;
	int			points;
	int			max_rows;
	int			class;			/* -1: none */
	int			n_rows;
	int			allocated;
	SampleRow  *rows;			/* a heap, the greatest hash first */
	float	   *predictions;	/* of the sample at one point */
} Dependence;

/* A category and how many rows of the sample have it. */
typedef struct CategoryCount
{
	int			code;
	int			count;
} CategoryCount;

static int	bounded_argument(FunctionCallInfo fcinfo, int argument,
							 const char *name, int otherwise, int most);
static int	choose_class(const MlopsVersion *version, const char *model,
						 const char *label);
static void take_row(const MlopsReaderRow *row, void *arg);
static void add_row(Dependence *dependence, uint64 hash,
					const float *features);
static void sift_up(SampleRow *rows, int i);
static void sift_down(SampleRow *rows, int n);
static void gather(Dependence *dependence);
static void all_numbers(Dependence *dependence);
static void all_categories(Dependence *dependence, const MlopsInput *input);
static int	compare_counts(const void *a, const void *b);
static double predict_sample(Dependence *dependence);
static void add_point(Dependence *dependence, float value, const char *text,
					  bool is_number);

/* partial_dependence(model, source, feature, points, label, max_rows) */
Datum
mlops_partial_dependence(PG_FUNCTION_ARGS)
{
	Dependence	dependence = {0};
	MlopsReaderRequest request = {0};
	char	   *spelled = mlops_required_text(fcinfo, 0, "model");
	char	   *source = mlops_required_text(fcinfo, 1, "source");
	char	   *feature = mlops_required_text(fcinfo, 2, "feature");
	MlopsReference reference = mlops_reference_parse(spelled);
	Snapshot	snapshot = GetActiveSnapshot();
	const MlopsInput *input;

	dependence.points = bounded_argument(fcinfo, 3, "points", 20, MAX_POINTS);
	dependence.max_rows = bounded_argument(fcinfo, 5, "max_rows", 1000,
										   MAX_ROWS);
	dependence.result = (ReturnSetInfo *) fcinfo->resultinfo;
	dependence.context = CurrentMemoryContext;
	InitMaterializedSRF(fcinfo, 0);

	/* not from the cache: the source may predict and so evict it */
	dependence.predictor =
		mlops_predictor_load(mlops_resolve(&reference, snapshot,
										   MLOPS_PREDICT), snapshot);
	dependence.class = choose_class(dependence.predictor->version,
									reference.model,
									mlops_optional_text(fcinfo, 4));
	dependence.feature = mlops_feature_find(dependence.predictor->signature,
											feature);

	request.source = source;
	request.n_predictors = 1;
	request.predictors = &dependence.predictor;
	mlops_reader_run(mlops_reader_open(&request), take_row, &dependence);

	dependence.predictions = palloc(sizeof(float) * Max(dependence.n_rows, 1));
	input = mlops_feature_input(dependence.predictor->signature,
								dependence.feature);
	if (dependence.n_rows == 0)
		return (Datum) 0;
	gather(&dependence);
	if (input->kind == MLOPS_INPUT_BOOLEAN)
	{
		add_point(&dependence, 0, "false", true);
		add_point(&dependence, 1, "true", true);
	}
	else if (input->kind == MLOPS_INPUT_CATEGORY)
		all_categories(&dependence, input);
	else
		all_numbers(&dependence);
	return (Datum) 0;
}

/* An integer argument from 1 to most; 22023 if it is outside. */
static int
bounded_argument(FunctionCallInfo fcinfo, int argument, const char *name,
				 int otherwise, int most)
{
	int			value = PG_ARGISNULL(argument) ? otherwise :
		PG_GETARG_INT32(argument);

	if (value < 1 || value > most)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" is out of range: %d", name, value),
				 errhint("It must be at least 1 and at most %d.", most)));
	return value;
}

/* The class whose probability is shown, -1 if there are none. */
static int
choose_class(const MlopsVersion *version, const char *model,
			 const char *label)
{
	if (label != NULL)
		return mlops_class_find(version, model, label);
	if (version->n_classes > 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\" tells %d classes apart", model,
						version->n_classes),
				 errhint("Say by label which one's probability is meant.")));
	return version->n_classes - 1;
}

/* Callback of the reader: take a row into the sample if it belongs there. */
static void
take_row(const MlopsReaderRow *row, void *arg)
{
	Dependence *dependence = arg;
	Size		size = sizeof(float) * dependence->predictor->info.n_features;
	uint64		hash = mlops_hash_mix(row->number);

	CHECK_FOR_INTERRUPTS();
	if (dependence->n_rows < dependence->max_rows)
		add_row(dependence, hash, row->features[0]);
	else if (hash < dependence->rows[0].hash)
	{
		dependence->rows[0].hash = hash;
		memcpy(dependence->rows[0].features, row->features[0], size);
		sift_down(dependence->rows, dependence->n_rows);
	}
}

/* Add a row to a sample that is not full. */
static void
add_row(Dependence *dependence, uint64 hash, const float *features)
{
	MemoryContext old_context = MemoryContextSwitchTo(dependence->context);
	Size		size = sizeof(float) * dependence->predictor->info.n_features;
	SampleRow  *row;

	if (dependence->rows == NULL)
	{
		dependence->allocated = Min(dependence->max_rows, 256);
		dependence->rows = palloc(sizeof(SampleRow) * dependence->allocated);
	}
	else if (dependence->n_rows == dependence->allocated)
	{
		dependence->allocated *= 2;
		dependence->rows = repalloc(dependence->rows,
									sizeof(SampleRow) * dependence->allocated);
	}
	row = &dependence->rows[dependence->n_rows++];
	row->hash = hash;
	row->features = palloc(size);
	memcpy(row->features, features, size);
	sift_up(dependence->rows, dependence->n_rows - 1);
	MemoryContextSwitchTo(old_context);
}

/* Move row i up to its place in the heap. */
static void
sift_up(SampleRow *rows, int i)
{
	while (i > 0 && rows[(i - 1) / 2].hash < rows[i].hash)
	{
		SampleRow	swap = rows[i];

		rows[i] = rows[(i - 1) / 2];
		rows[(i - 1) / 2] = swap;
		i = (i - 1) / 2;
	}
}

/* Move the first row down to its place in the heap of n. */
static void
sift_down(SampleRow *rows, int n)
{
	int			i = 0;

	for (;;)
	{
		int			child = 2 * i + 1;
		SampleRow	swap;

		if (child + 1 < n && rows[child + 1].hash > rows[child].hash)
			child++;
		if (child >= n || rows[child].hash <= rows[i].hash)
			return;
		swap = rows[i];
		rows[i] = rows[child];
		rows[child] = swap;
		i = child;
	}
}

/* Lay the features of the sample's rows one behind the other. */
static void
gather(Dependence *dependence)
{
	Size		n_features = dependence->predictor->info.n_features;
	float	   *features = palloc_extended(sizeof(float) * n_features *
										   dependence->n_rows,
										   MCXT_ALLOC_HUGE);

	for (int i = 0; i < dependence->n_rows; i++)
	{
		memcpy(features, dependence->rows[i].features,
			   sizeof(float) * n_features);
		pfree(dependence->rows[i].features);
		dependence->rows[i].features = features;
		features += n_features;
	}
}

/*
 * A grid of values that the sample has: all of them, or those at evenly
 * spaced ranks if there are more than points.
 */
static void
all_numbers(Dependence *dependence)
{
	float	   *values = palloc(sizeof(float) * dependence->n_rows);
	int			points = dependence->points;
	int			n = 0;
	int			n_distinct = 0;
	float	   *distinct;

	for (int i = 0; i < dependence->n_rows; i++)
	{
		float		value = dependence->rows[i].features[dependence->feature];

		if (!isnan(value))
			values[n++] = value;
	}
	if (!mlops_sort_floats(values, n))
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	distinct = palloc(sizeof(float) * Max(n, 1));
	for (int i = 0; i < n; i++)
		if (i == 0 || values[i] != values[i - 1])
			distinct[n_distinct++] = values[i];

	if (n_distinct <= points)
	{
		for (int i = 0; i < n_distinct; i++)
			add_point(dependence, distinct[i],
					  mlops_float_text(distinct[i]), true);
		return;
	}
	for (int i = 0; i < points; i++)
	{
		int64		rank = points == 1 ? (n - 1) / 2 :
			((int64) i * (n - 1) + (points - 1) / 2) / (points - 1);

		if (i == 0 || values[rank] != distinct[0])
			add_point(dependence, values[rank],
					  mlops_float_text(values[rank]), true);
		distinct[0] = values[rank];
	}
}

/* The most frequent categories of the sample, at most points of them. */
static void
all_categories(Dependence *dependence, const MlopsInput *input)
{
	CategoryCount *counts = palloc(sizeof(CategoryCount) *
								   Max(input->n_categories, 1));

	for (int i = 0; i < input->n_categories; i++)
		counts[i] = (CategoryCount) {i, 0};
	for (int i = 0; i < dependence->n_rows; i++)
	{
		float		code = dependence->rows[i].features[dependence->feature];

		if (!isnan(code))
			counts[(int) code].count++;
	}
	qsort(counts, input->n_categories, sizeof(CategoryCount), compare_counts);
	for (int i = 0; i < Min(input->n_categories, dependence->points); i++)
		if (counts[i].count > 0)
			add_point(dependence, counts[i].code,
					  input->categories[counts[i].code], false);
}

/* qsort() comparator: the most frequent first, then by code. */
static int
compare_counts(const void *a, const void *b)
{
	const CategoryCount *left = a;
	const CategoryCount *right = b;

	if (left->count != right->count)
		return left->count > right->count ? -1 : 1;
	return left->code - right->code;
}

/*
 * Predict the rows of the sample as they are, together; the sum of the
 * outcomes.
 */
static double
predict_sample(Dependence *dependence)
{
	const MlopsPredictor *predictor = dependence->predictor;
	const MlopsForestInfo *info = &predictor->info;
	int			most = mlops_predictor_rows(info);
	float	   *outputs = palloc(sizeof(float) * most * info->n_outputs);
	double		sum = 0;

	for (int i = 0; i < dependence->n_rows; i += most)
	{
		int			n = Min(most, dependence->n_rows - i);

		CHECK_FOR_INTERRUPTS();
		mlops_forest_predict_batch(predictor->forest,
								   dependence->rows[i].features, n,
								   info->n_features, outputs);
		for (int k = 0; k < n; k++)
		{
			double		outcome = mlops_outcome(predictor->version,
												outputs + k * info->n_outputs,
												dependence->class);

			dependence->predictions[i + k] = (float) outcome;
			sum += outcome;
		}
	}
	pfree(outputs);
	return sum;
}

/*
 * Return a point: what the sample predicts with this value, which is left in
 * its rows.
 */
static void
add_point(Dependence *dependence, float value, const char *text,
		  bool is_number)
{
	float	   *predictions = dependence->predictions;
	int			n = dependence->n_rows;
	double		sum;
	Datum		values[6];
	bool		nulls[6] = {false, !is_number};

	for (int i = 0; i < n; i++)
		dependence->rows[i].features[dependence->feature] = value;
	sum = predict_sample(dependence);
	if (!mlops_sort_floats(predictions, n))
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));

	values[0] = CStringGetTextDatum(text);
	values[1] = Float8GetDatum((double) value);
	values[2] = Float8GetDatum(sum / n);
	values[3] = Float8GetDatum(mlops_quantile(predictions, n, 0.1));
	values[4] = Float8GetDatum(mlops_quantile(predictions, n, 0.9));
	values[5] = Int64GetDatum(n);
	tuplestore_putvalues(dependence->result->setResult,
						 dependence->result->setDesc, values, nulls);
}
