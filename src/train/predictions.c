/*
 * predictions.c
 *		What one or two versions predict of a source, beside the truth.
 *
 * Both versions predict a row when it is read, so they always see the same
 * rows.  Arrays grow by doubling and are never more than twice too large.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "data/span.h"
#include "train/predictions.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

/* The number of query groups, and of rows, that a number of each row can be. */
#define MAX_ROWS ((uint64) PG_UINT32_MAX)

/* Reading, until it is done. */
typedef struct Reading
{
	MlopsPredictions *result;
	bool		has_weight;
	int			at;				/* which of the row's values is its time, or
								 * -1 */
	Oid			at_type;
	uint64		capacity;
	float	   *label;
	float	   *upper;
	float	   *weight;
	unsigned   *group;
	uint64		n_null;			/* rows without a label */
	uint64		n_unknown;		/* rows whose class is not known */
} Reading;

static const char *or_recorded(const char *given,
							   const MlopsVersion *version,
							   const char *name, Snapshot snapshot);
static void fill_reader_request(MlopsReaderRequest *reader,
								const MlopsPredictionsRequest *request,
								const MlopsPredictions *predictions,
								Snapshot snapshot);
static void check_survival_and_group(const MlopsPredictionsRequest *request,
									 MlopsTask task);
static void load(MlopsPredictions *predictions, const char *model,
				 Snapshot snapshot);
static void bind_by(Reading *reading, const MlopsPredictionsRequest *request,
					TupleDesc columns);
static int64 time_of(const Reading *reading, const MlopsReaderRow *row);
static void grow(Reading *reading);
static void *grown(void *array, size_t size);
static void take_row(const MlopsReaderRow *row, void *arg);
static void check_rows(const Reading *reading, uint64 n_read);

MlopsPredictions *
mlops_predictions_read(const MlopsPredictionsRequest *request)
{
	MlopsPredictions *predictions = palloc0(sizeof(MlopsPredictions));
	Snapshot	snapshot = GetActiveSnapshot();
	MlopsReaderRequest reader_request = {0};
	MlopsReader *reader;
	Reading		reading = {0};
	uint64		n_read;

	for (int i = 0; i < 2 && request->models[i] != NULL; i++)
		load(predictions, request->models[i], snapshot);
	if (request->check != NULL)
		request->check(predictions);
	check_survival_and_group(request, predictions->measures[0].task);
	fill_reader_request(&reader_request, request, predictions, snapshot);
	reader = mlops_reader_open(&reader_request);
	reading.result = predictions;
	bind_by(&reading, request, mlops_reader_columns(reader));
	reading.has_weight = (request->weight != NULL);
	grow(&reading);
	n_read = mlops_reader_run(reader, take_row, &reading);

	predictions->rows.label = reading.label;
	predictions->rows.upper = reading.upper;
	predictions->rows.weight = reading.weight;
	predictions->rows.group = reading.group;
	check_rows(&reading, n_read);
	return predictions;
}

int64
mlops_rows_counted(const MlopsRows *rows)
{
	int64		n = 0;

	if (rows->weight == NULL)
		return rows->n;
	for (size_t i = 0; i < rows->n; i++)
		n += (rows->weight[i] > 0);
	return n;
}

double
mlops_open_fraction(FunctionCallInfo fcinfo, int argument, const char *name,
					double fallback)
{
	double		value = fallback;

	if (!PG_ARGISNULL(argument))
		value = PG_GETARG_FLOAT8(argument);
	if (!(value > 0 && value < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" is out of range: %g", name, value),
				 errhint("It must be more than 0 and less than 1.")));
	return value;
}

/*
 * An argument, or what the version was trained with.
 */
static const char *
or_recorded(const char *given, const MlopsVersion *version, const char *name,
			Snapshot snapshot)
{
	return given != NULL ? given :
		mlops_run_argument(version->run_id, name, snapshot);
}

/*
 * What the reader is asked for.  The target must be known.
 */
static void
fill_reader_request(MlopsReaderRequest *reader,
					const MlopsPredictionsRequest *request,
					const MlopsPredictions *predictions, Snapshot snapshot)
{
	const MlopsVersion *version = predictions->predictors[0]->version;
	MlopsTask	task = predictions->measures[0].task;

	reader->source = request->source;
	reader->n_predictors = predictions->n_versions;
	reader->predictors = predictions->predictors;
	reader->predict = true;
	reader->target = request->target ? request->target : version->target;
	reader->target_recorded = (request->target == NULL);
	if (request->target == NULL &&
		(version->target == NULL || version->target[0] == '\0'))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("it is not known what \"%s\" was trained on",
						predictions->names[0]),
				 errhint("Pass target => with the column or expression that holds the truth.")));
	reader->weight = request->weight;
	reader->columns = request->at == NULL ? request->by :
		lappend(list_copy(request->by), unconstify(char *, request->at));
	if (task == MLOPS_RANKING)
	{
		reader->query_group = or_recorded(request->query_group, version,
										  "query_group", snapshot);
		if (reader->query_group == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a ranking is evaluated within query groups"),
					 errhint("Pass query_group => with the column that tells the groups apart.")));
	}
	if (task == MLOPS_SURVIVAL && request->target_upper == NULL &&
		request->event_observed == NULL)
	{
		reader->target_upper = or_recorded(NULL, version, "target_upper",
										   snapshot);
		reader->event_observed = or_recorded(NULL, version, "event_observed",
											 snapshot);
		reader->bounds_recorded = true;
	}
	else if (task == MLOPS_SURVIVAL)
	{
		reader->target_upper = request->target_upper;
		reader->event_observed = request->event_observed;
	}
}

/*
 * Refuse what only other tasks take.
 */
static void
check_survival_and_group(const MlopsPredictionsRequest *request,
						 MlopsTask task)
{
	const char *name = NULL;

	if (request->query_group != NULL && task != MLOPS_RANKING)
		name = "query_group";
	else if (request->target_upper != NULL && task != MLOPS_SURVIVAL)
		name = "target_upper";
	else if (request->event_observed != NULL && task != MLOPS_SURVIVAL)
		name = "event_observed";
	if (request->target_upper != NULL && request->event_observed != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("target_upper and event_observed exclude each other"),
				 errhint("An infinite or NULL target_upper says that the event was not observed.")));
	if (name != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" is for %s only", name,
						name[0] == 'q' ? "rankings" : "survival times"),
				 errdetail("The model does something else.")));
}

/*
 * Load one version, after checking that the caller may predict with it.
 */
static void
load(MlopsPredictions *predictions, const char *model, Snapshot snapshot)
{
	int			i = predictions->n_versions++;
	MlopsReference reference = mlops_reference_parse(model);
	int64		version_id = mlops_resolve(&reference, snapshot,
										   MLOPS_PREDICT);
	MlopsPredictor *predictor = mlops_predictor_load(version_id, snapshot);

	predictions->predictors[i] = predictor;
	predictions->measures[i] = mlops_measure_of(predictor, snapshot);
	predictions->names[i] = psprintf("%s/%d", reference.model,
									 predictor->version->version);
}

/*
 * Slices by the columns but the last, if that is a time; 42804 if it should
 * be one and is not.
 */
static void
bind_by(Reading *reading, const MlopsPredictionsRequest *request,
		TupleDesc columns)
{
	MlopsPredictions *predictions = reading->result;
	int			n = list_length(request->by);

	reading->at = -1;
	if (request->at != NULL)
	{
		reading->at = n;
		reading->at_type = mlops_time_type(request->at,
										   TupleDescAttr(columns, n)->atttypid);
		predictions->at_zoned = (reading->at_type == TIMESTAMPTZOID);
		if (n > 0)
		{
			TupleDesc	all = columns;

			columns = CreateTemplateTupleDesc(n);
			for (int i = 0; i < n; i++)
				TupleDescCopyEntry(columns, i + 1, all, i + 1);
		}
	}
	if (n > 0)
		predictions->slices = mlops_slices_create(columns);
}

/*
 * When the row was, as it is kept.
 */
static int64
time_of(const Reading *reading, const MlopsReaderRow *row)
{
	if (row->nulls[reading->at])
		return DT_NOBEGIN;
	return mlops_time_value(row->values[reading->at], reading->at_type);
}

/*
 * Make room for more rows.
 */
static void
grow(Reading *reading)
{
	MlopsPredictions *predictions = reading->result;
	MlopsTask	task = predictions->measures[0].task;
	size_t		size;

	reading->capacity = reading->capacity == 0 ? 1024 :
		reading->capacity * 2;
	size = reading->capacity * sizeof(float);
	reading->label = grown(reading->label, size);
	if (reading->has_weight)
		reading->weight = grown(reading->weight, size);
	if (task == MLOPS_SURVIVAL)
		reading->upper = grown(reading->upper, size);
	if (task == MLOPS_RANKING)
		reading->group = grown(reading->group, size);
	if (predictions->slices != NULL)
		predictions->slice = grown(predictions->slice, size);
	if (reading->at >= 0)
		predictions->at = grown(predictions->at,
								reading->capacity * sizeof(int64));
	for (int i = 0; i < predictions->n_versions; i++)
		predictions->outputs[i] =
			grown(predictions->outputs[i],
				  size * predictions->measures[i].n_outputs);
}

/*
 * The array with room for size bytes, in its own memory context.
 */
static void *
grown(void *array, size_t size)
{
	if (array == NULL)
		return palloc_extended(size, MCXT_ALLOC_HUGE);
	return repalloc_huge(array, size);
}

/*
 * A MlopsReaderCallback: keep a row that has a label.
 */
static void
take_row(const MlopsReaderRow *row, void *arg)
{
	Reading    *reading = arg;
	MlopsPredictions *predictions = reading->result;
	size_t		at = predictions->rows.n;

	if (!row->has_label)
	{
		reading->n_null++;
		return;
	}
	if (predictions->measures[0].n_classes > 0 && row->label < 0)
	{
		reading->n_unknown++;
		return;
	}
	if (at == MAX_ROWS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("source has more than %llu rows",
						(unsigned long long) MAX_ROWS)));
	if (at == reading->capacity)
		grow(reading);
	reading->label[at] = row->label;
	if (reading->weight != NULL)
		reading->weight[at] = row->weight;
	if (reading->upper != NULL)
		reading->upper[at] = row->label_upper;
	if (reading->group != NULL)
		reading->group[at] = row->group;
	if (predictions->slices != NULL)
		predictions->slice[at] = mlops_slices_find(predictions->slices,
												   row->values, row->nulls);
	if (reading->at >= 0)
		predictions->at[at] = time_of(reading, row);
	for (int i = 0; i < predictions->n_versions; i++)
	{
		int			n = predictions->measures[i].n_outputs;
		float	   *outputs = predictions->outputs[i] + at * n;

		memcpy(outputs, row->outputs[i], sizeof(float) * n);
		/* metrics and curves want probabilities, as in training */
		if (predictions->measures[i].margins)
			outputs[0] = (float) (1 / (1 + exp(-(double) outputs[0])));
	}
	predictions->rows.n++;
}

/*
 * Say what was left out; an error if nothing was left.
 */
static void
check_rows(const Reading *reading, uint64 n_read)
{
	if (reading->result->rows.n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 n_read == 0 ? errmsg("source has no rows") :
				 reading->n_unknown == 0 ?
				 errmsg("target is NULL in every row") :
				 errmsg("target has no class that the model knows"),
				 n_read == 0 ?
				 errhint("Pass a source with at least one row.") :
				 errdetail(UINT64_FORMAT " rows were read; the target is NULL in " UINT64_FORMAT " of them.",
						   n_read, reading->n_null),
				 reading->n_unknown == 0 ? 0 :
				 errhint("mlops.classes() lists the classes; pass target => with an expression that gives them.")));
	if (reading->n_unknown > 0)
		ereport(NOTICE,
				(errmsg(UINT64_FORMAT " rows have a class that the model does not know, and do not count",
						reading->n_unknown)));
}
