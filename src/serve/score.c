/*
 * score.c
 *		mlops.score(): predictions kept in a table.
 *
 * What a reference means is decided once, after the lock on the table: the
 * whole call is scored by that version.  The statement that scores calls
 * mlops._score() for each row.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "base/base.h"
#include "data/scoring.h"
#include "funcapi.h"
#include "math/hash.h"
#include "miscadmin.h"
#include "serve/call_site.h"
#include "serve/explain.h"
#include "serve/prediction.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(mlops_score);
PG_FUNCTION_INFO_V1(mlops_score_row);
PG_FUNCTION_INFO_V1(mlops_score_plain);
PG_FUNCTION_INFO_V1(mlops_score_columns);

/* Arguments by position. */
enum
{
	ARG_MODEL, ARG_SOURCE, ARG_INTO_TABLE, ARG_KEY, ARG_COLUMNS,
	ARG_CHANGED_AT, ARG_LOOKBACK, ARG_REASONS, ARG_PRUNE, ARG_RESCORE
};

static int	interval_sign(Interval *interval);
static void read_arguments(FunctionCallInfo fcinfo, MlopsScoring *scoring);
static Datum result_row(FunctionCallInfo fcinfo, const MlopsScoring *scoring,
						const char *model, int version,
						TimestampTz started_at);

/*
 * score(model model_ref, source text, into_table text, key name_list, ...)
 * returns score_result
 */
Datum
mlops_score(PG_FUNCTION_ARGS)
{
	TimestampTz started_at = GetCurrentTimestamp();
	char	   *spelled = mlops_required_text(fcinfo, ARG_MODEL, "model");
	MlopsReference reference;
	MlopsScoring scoring = {0};
	const MlopsPredictor *predictor;
	Snapshot	snapshot;

	PreventCommandIfReadOnly("mlops.score()");
	read_arguments(fcinfo, &scoring);
	reference = mlops_reference_parse(spelled);
	/* before a table is made for a model that is not there */
	(void) mlops_resolve(&reference, NULL, MLOPS_PREDICT);
	mlops_scoring_open(&scoring);

	snapshot = GetTransactionSnapshot();
	PushActiveSnapshot(snapshot);
	/* not the cache's: what the source calls may evict versions */
	predictor = mlops_predictor_load(mlops_resolve(&reference, snapshot,
												   MLOPS_PREDICT), snapshot);
	mlops_scoring_run(&scoring, psprintf("%s/%d", reference.model,
										 predictor->version->version),
					  predictor);
	PopActiveSnapshot();
	return result_row(fcinfo, &scoring, reference.model,
					  predictor->version->version, started_at);
}

/* _score(model model_ref, input record, reasons integer) returns _scored */
Datum
mlops_score_row(PG_FUNCTION_ARGS)
{
	MlopsPlace *place = mlops_call_site_place(fcinfo, PG_GETARG_TEXT_PP(0), 0);

	mlops_place_predict(place, PG_GETARG_HEAPTUPLEHEADER(1));
	return mlops_scored_value(place, PG_GETARG_INT32(2),
							  mlops_call_site_result(fcinfo));
}

/* _score(model model_ref, input record) returns _scored */
Datum
mlops_score_plain(PG_FUNCTION_ARGS)
{
	MlopsPlace *place = mlops_call_site_place(fcinfo, PG_GETARG_TEXT_PP(0), 0);

	mlops_place_predict(place, PG_GETARG_HEAPTUPLEHEADER(1));
	return mlops_scored_value(place, 0, mlops_call_site_result(fcinfo));
}

/*
 * __score(model model_ref, columns text[], VARIADIC "any") returns _scored
 */
Datum
mlops_score_columns(PG_FUNCTION_ARGS)
{
	MlopsPlace *place;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	place = mlops_call_site_place(fcinfo, PG_GETARG_TEXT_PP(0), 0);
	if (!mlops_place_encode_columns(place, fcinfo, 1))
		PG_RETURN_NULL();
	mlops_place_evaluate(place);
	return mlops_scored_value(place, 0, mlops_call_site_result(fcinfo));
}

Datum
mlops_scored_value(MlopsPlace *place, int reasons, TupleDesc row_type)
{
	const MlopsVersion *version = place->predictor->version;
	Datum		values[7] = {0};
	bool		nulls[7] = {0};
	int			class = -1;
	uint64		hash;

	if (version->n_classes > 0)
		class = mlops_class_predicted(version, place->outputs);
	nulls[0] = place->predictor->info.n_outputs > 1;
	if (!nulls[0])
		values[0] = Float8GetDatum(mlops_place_single(place));
	nulls[1] = nulls[2] = class < 0;
	if (class >= 0)
	{
		values[1] = CStringGetTextDatum(version->classes[class]);
		values[2] = Float8GetDatum(mlops_class_probability(version,
														   place->outputs,
														   class));
	}
	nulls[3] = reasons <= 0;
	if (reasons > 0)
		values[3] = CStringGetTextDatum(mlops_reasons_line(place,
														   mlops_reasons(place, class),
														   reasons));
	values[4] = CStringGetTextDatum(place->reference.model);
	values[5] = Int32GetDatum(version->version);
	hash = mlops_hash_row(place->features,
						  place->predictor->signature->n_features, reasons);
	values[6] = Int64GetDatum((int64) hash);
	return HeapTupleGetDatum(heap_form_tuple(row_type, values, nulls));
}

/* -1, 0 or 1. */
static int
interval_sign(Interval *interval)
{
	Interval	zero = {0};

	return DatumGetInt32(DirectFunctionCall2(interval_cmp,
											 IntervalPGetDatum(interval),
											 IntervalPGetDatum(&zero)));
}

/* Take the arguments but the model; 22004 and 22023 name them. */
static void
read_arguments(FunctionCallInfo fcinfo, MlopsScoring *scoring)
{
	scoring->source = mlops_required_text(fcinfo, ARG_SOURCE, "source");
	scoring->table = mlops_required_text(fcinfo, ARG_INTO_TABLE,
										 "into_table");
	scoring->key = mlops_optional_list(fcinfo, ARG_KEY);
	if (scoring->key == NIL)
		ereport(ERROR,
				(errcode(PG_ARGISNULL(ARG_KEY) ?
						 ERRCODE_NULL_VALUE_NOT_ALLOWED :
						 ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"key\" must name a column"),
				 errhint("Name the columns that tell the rows of the source apart.")));
	scoring->columns = mlops_optional_list(fcinfo, ARG_COLUMNS);
	scoring->changed_at = mlops_optional_text(fcinfo, ARG_CHANGED_AT);
	if (PG_ARGISNULL(ARG_LOOKBACK))
		scoring->lookback = palloc0(sizeof(Interval));
	else
		scoring->lookback = PG_GETARG_INTERVAL_P(ARG_LOOKBACK);
	if (interval_sign(scoring->lookback) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"lookback\" must not be negative"),
				 errdetail("Rows that have changed would be left out.")));
	if (!PG_ARGISNULL(ARG_REASONS))
		scoring->reasons = PG_GETARG_INT32(ARG_REASONS);
	if (scoring->reasons < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"reasons\" is out of range: %d",
						scoring->reasons),
				 errhint("It must be at least 0, which gives none.")));
	scoring->prune = !PG_ARGISNULL(ARG_PRUNE) && PG_GETARG_BOOL(ARG_PRUNE);
	scoring->full = !PG_ARGISNULL(ARG_RESCORE) &&
		PG_GETARG_BOOL(ARG_RESCORE);
}

/* The composite value that the call returns. */
static Datum
result_row(FunctionCallInfo fcinfo, const MlopsScoring *scoring,
		   const char *model, int version, TimestampTz started_at)
{
	Interval   *elapsed = palloc0(sizeof(Interval));
	Datum		values[7];
	bool		nulls[7] = {0};
	int			i = 0;

	elapsed->time = GetCurrentTimestamp() - started_at;
	values[i++] = CStringGetTextDatum(scoring->target);
	values[i++] = CStringGetTextDatum(model);
	values[i++] = Int32GetDatum(version);
	values[i++] = Int64GetDatum(scoring->inserted);
	values[i++] = Int64GetDatum(scoring->updated);
	values[i++] = Int64GetDatum(scoring->removed);
	values[i++] = IntervalPGetDatum(elapsed);
	return HeapTupleGetDatum(heap_form_tuple(mlops_result_type(fcinfo),
											 values, nulls));
}
