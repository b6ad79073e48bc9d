/*
 * multivariate.c
 *		mlops.drift_multivariate().
 *
 * Columns that each look as they always did may go together as they never
 * did.  Rows are sampled into memory, 4 bytes a value.
 */
#include "postgres.h"

#include <math.h>

#include "base/base.h"
#include "base/members.h"
#include "catalog/catalog.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "watch/drift.h"
#include "watch/multivariate.h"

PG_FUNCTION_INFO_V1(mlops_drift_multivariate);

#define LEAST_ROWS	100
#define MOST_ROWS	10000000

/* Columns of the result. */
enum
{
	COLUMN_METHOD, COLUMN_VALUE, COLUMN_LOW, COLUMN_HIGH, COLUMN_STATUS,
	COLUMN_CI_LOW, COLUMN_CI_HIGH, COLUMN_N, COLUMN_N_REFERENCE,
	COLUMN_FEATURES, N_COLUMNS
};

static const char *const method_names[] = {"classifier", "pca"};

static size_t row_limit(FunctionCallInfo fcinfo, int argument);
static void read_options(MlopsSidesOptions *options, Jsonb *changes);
static void change_option(MlopsSidesOptions *options, const char *name,
						  const JsonbValue *value);
static void change_bounds(MlopsSidesOptions *options, MlopsSidesMethod method,
						  const char *name, const JsonbValue *value);
static MlopsWindowLayout *layout_of(const char *model, const char *reference,
									List *names);
static void use_columns(MlopsSides *sides, const bool *wanted);
static Datum result_row(TupleDesc type, MlopsSidesMethod method,
						const MlopsSides *sides,
						const MlopsSidesVerdict *verdict);
static Datum blamed_features(const MlopsSides *sides, const double *share);
static int	compare_shares(const void *a, const void *b, void *arg);

/*
 * drift_multivariate(source, reference, features, method, model, max_rows,
 * seed, thresholds)
 */
Datum
mlops_drift_multivariate(PG_FUNCTION_ARGS)
{
	char	   *source = mlops_required_text(fcinfo, 0, "source");
	char	   *reference = mlops_required_text(fcinfo, 1, "reference");
	char	   *model = mlops_optional_text(fcinfo, 4);
	TupleDesc	type = mlops_result_type(fcinfo);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "mlops multivariate drift",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	List	   *names = mlops_optional_list(fcinfo, 2);
	char	   *method_name = mlops_optional_text(fcinfo, 3);
	MlopsSidesMethod method = method_name == NULL ? MLOPS_SIDES_CLASSIFIER :
		mlops_word_of("method", method_name, method_names,
					  lengthof(method_names));
	size_t		most = row_limit(fcinfo, 5);
	MlopsSides	sides = {0};
	MlopsSidesOptions options;
	MlopsSidesVerdict verdict = {MLOPS_DRIFT_INSUFFICIENT, NAN, NAN, NAN,
	NAN, NAN};
	Datum		result;

	sides.seed = PG_ARGISNULL(6) ? 42 : PG_GETARG_INT64(6);
	read_options(&options, PG_ARGISNULL(7) ? NULL : PG_GETARG_JSONB_P(7));
	sides.layout = layout_of(model, reference, names);
	use_columns(&sides, mlops_window_wanted(sides.layout, model == NULL ?
											NIL : names));
	mlops_side_read(&sides.reference, sides.layout, reference, most,
					sides.seed);
	mlops_side_read(&sides.current, sides.layout, source, most, sides.seed);
	verdict.share = palloc0(sizeof(double) * sides.n_used);
	if (sides.reference.n >= options.min_rows &&
		sides.current.n >= options.min_rows)
	{
		if (method == MLOPS_SIDES_CLASSIFIER)
			mlops_sides_classify(&sides, &options, &verdict);
		else
			mlops_sides_reconstruct(&sides, &options, &verdict);
	}
	MemoryContextSwitchTo(caller);
	result = result_row(type, method, &sides, &verdict);
	MemoryContextDelete(context);
	return result;
}

/* How many rows of a side are taken at most; 22023. */
static size_t
row_limit(FunctionCallInfo fcinfo, int argument)
{
	int32		limit = PG_ARGISNULL(argument) ? 25000 :
		PG_GETARG_INT32(argument);

	if (limit < LEAST_ROWS || limit > MOST_ROWS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_rows must be between %d and %d", LEAST_ROWS,
						MOST_ROWS)));
	return limit;
}

/* Defaults, and what the caller changes; 22023. */
static void
read_options(MlopsSidesOptions *options, Jsonb *changes)
{
	MlopsMembers members;

	*options = (MlopsSidesOptions)
	{
		LEAST_ROWS, {0.45, NAN}, {0.65, NAN}, 3, 0.65
	};
	if (changes == NULL)
		return;
	mlops_object_check(changes, "thresholds", "{\"auc\": 0.7}");
	mlops_members_begin(&members, &changes->root);
	while (mlops_members_next(&members))
		change_option(options, members.name, &members.value);
}

/* One member of thresholds. */
static void
change_option(MlopsSidesOptions *options, const char *name,
			  const JsonbValue *value)
{
	enum
	{
		AUC, RECONSTRUCTION_ERROR, DEVIATIONS, EXPLAINED, MIN_ROWS
	};
	static const char *const names[] = {
		"auc", "reconstruction_error", "deviations", "explained", "min_rows"
	};

	switch (mlops_word_of("threshold", name, names, lengthof(names)))
	{
		case AUC:
			change_bounds(options, MLOPS_SIDES_CLASSIFIER, name, value);
			break;
		case RECONSTRUCTION_ERROR:
			change_bounds(options, MLOPS_SIDES_PCA, name, value);
			break;
		case DEVIATIONS:
			options->deviations = mlops_threshold_number(name, value);
			break;
		case EXPLAINED:
			options->explained = Min(mlops_threshold_number(name, value), 1);
			break;
		case MIN_ROWS:
			options->min_rows = Max(mlops_threshold_number(name, value), 20);
			break;
	}
}

/* The bounds of a method: two numbers, or the upper one. */
static void
change_bounds(MlopsSidesOptions *options, MlopsSidesMethod method,
			  const char *name, const JsonbValue *value)
{
	bool		both = mlops_member_is_array(value, 2);

	options->low[method] = both ? mlops_threshold_element(name, value, 0) : 0;
	options->high[method] = both ? mlops_threshold_element(name, value, 1) :
		mlops_threshold_number(name, value);
}

/* The features of a version, or what columns of the reference are named. */
static MlopsWindowLayout *
layout_of(const char *model, const char *reference, List *names)
{
	MlopsReference parsed;
	Snapshot	snapshot = GetActiveSnapshot();

	if (model == NULL)
		return mlops_window_infer(reference, names);
	parsed = mlops_reference_parse(model);
	return mlops_window_of_features(mlops_predictor_load(mlops_resolve(&parsed,
																	   snapshot,
																	   MLOPS_READ),
														 snapshot));
}

/* List the columns that are wanted. */
static void
use_columns(MlopsSides *sides, const bool *wanted)
{
	const MlopsWindowLayout *layout = sides->layout;

	sides->used = palloc(sizeof(int) * layout->n_columns);
	for (int i = 0; i < layout->n_columns; i++)
		if (wanted[layout->order[i]])
			sides->used[sides->n_used++] = layout->order[i];
}

/* The row that is returned. */
static Datum
result_row(TupleDesc type, MlopsSidesMethod method, const MlopsSides *sides,
		   const MlopsSidesVerdict *verdict)
{
	Datum		values[N_COLUMNS] = {0};
	bool		nulls[N_COLUMNS] = {0};

	values[COLUMN_METHOD] = CStringGetTextDatum(method_names[method]);
	mlops_put_number(values, nulls, COLUMN_VALUE, verdict->value);
	mlops_put_number(values, nulls, COLUMN_LOW, verdict->low);
	mlops_put_number(values, nulls, COLUMN_HIGH, verdict->high);
	values[COLUMN_STATUS] =
		CStringGetTextDatum(mlops_drift_status_name(verdict->status));
	mlops_put_number(values, nulls, COLUMN_CI_LOW, verdict->ci_low);
	mlops_put_number(values, nulls, COLUMN_CI_HIGH, verdict->ci_high);
	values[COLUMN_N] = Int64GetDatum(sides->current.seen);
	values[COLUMN_N_REFERENCE] = Int64GetDatum(sides->reference.seen);
	nulls[COLUMN_FEATURES] = verdict->status == MLOPS_DRIFT_INSUFFICIENT;
	if (!nulls[COLUMN_FEATURES])
		values[COLUMN_FEATURES] = blamed_features(sides, verdict->share);
	return HeapTupleGetDatum(heap_form_tuple(type, values, nulls));
}

/* [{"feature": ..., "share": ...}], the largest first, without zeros. */
static Datum
blamed_features(const MlopsSides *sides, const double *share)
{
	int		   *order = palloc(sizeof(int) * sides->n_used);
	JsonbParseState *state = NULL;

	for (int i = 0; i < sides->n_used; i++)
		order[i] = i;
	qsort_arg(order, sides->n_used, sizeof(int), compare_shares,
			  unconstify(double *, share));
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < sides->n_used; i++)
	{
		const char *name = sides->layout->columns[sides->used[order[i]]].name;
		JsonbValue	item;

		if (!(share[order[i]] > 0))
			continue;
		pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		item.type = jbvString;
		item.val.string.val = "feature";
		item.val.string.len = strlen("feature");
		pushJsonbValue(&state, WJB_KEY, &item);
		item.val.string.val = unconstify(char *, name);
		item.val.string.len = strlen(name);
		pushJsonbValue(&state, WJB_VALUE, &item);
		item.val.string.val = "share";
		item.val.string.len = strlen("share");
		pushJsonbValue(&state, WJB_KEY, &item);
		item.type = jbvNumeric;
		item.val.numeric =
			DatumGetNumeric(OidFunctionCall1(F_NUMERIC_FLOAT8,
											 Float8GetDatum(share[order[i]])));
		pushJsonbValue(&state, WJB_VALUE, &item);
		pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	}
	return JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&state,
														   WJB_END_ARRAY,
														   NULL)));
}

/* qsort_arg() comparator: the largest share first, then in order. */
static int
compare_shares(const void *a, const void *b, void *arg)
{
	const double *share = arg;
	int			left = *(const int *) a;
	int			right = *(const int *) b;

	if (share[left] != share[right])
		return share[left] > share[right] ? -1 : 1;
	return left - right;
}
