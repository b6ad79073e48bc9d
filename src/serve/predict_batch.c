/*
 * predict_batch.c
 *		mlops.predict_batch(): predictions of a source with their keys.
 *
 * The source is read as evaluate() and its kin read it: its columns are
 * matched by name once, and rows are predicted many at a time.  One version
 * predicts all of them.
 */
#include "postgres.h"

#include "base/base.h"
#include "catalog/pg_type.h"
#include "data/reader.h"
#include "funcapi.h"
#include "nodes/makefuncs.h"
#include "serve/call_site.h"
#include "serve/telemetry.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(mlops_predict_batch);

/* Arguments by position. */
enum
{
	ARG_MODEL, ARG_SOURCE, ARG_KEY
};

/* A function takes two arguments for each column of the key. */
#define MAX_KEY_COLUMNS (FUNC_MAX_ARGS / 2)

/* The call, while its source is read. */
typedef struct Call
{
	ReturnSetInfo *result;
	const MlopsVersion *version;
	int			n_features;
	int			n_outputs;
	MlopsUsage *usage;			/* for mlops.stat_model */
	TupleDesc	key;			/* its columns */
	FunctionCallInfo to_object; /* jsonb_build_object(name, value, ...) */
} Call;

static List *read_key(FunctionCallInfo fcinfo);
static void bind_key(Call *call, TupleDesc key);
static void take_row(const MlopsReaderRow *row, void *arg);
static Datum key_of(const Call *call, const MlopsReaderRow *row);

/*
 * predict_batch(model model_ref, source text, key name_list)
 * returns TABLE (key jsonb, prediction float8, label text, probability float8)
 */
Datum
mlops_predict_batch(PG_FUNCTION_ARGS)
{
	char	   *spelled = mlops_required_text(fcinfo, ARG_MODEL, "model");
	Snapshot	snapshot = GetActiveSnapshot();
	MlopsReaderRequest request = {0};
	MlopsReference reference;
	const MlopsPredictor *predictor;
	MlopsReader *reader;
	Call		call = {0};

	request.source = mlops_required_text(fcinfo, ARG_SOURCE, "source");
	request.columns = read_key(fcinfo);
	reference = mlops_reference_parse(spelled);
	/* not the cache's: what the source calls may evict versions */
	predictor = mlops_predictor_load(mlops_resolve(&reference, snapshot,
												   MLOPS_PREDICT), snapshot);
	request.n_predictors = 1;
	request.predictors = &predictor;
	request.predict = true;
	reader = mlops_reader_open(&request);

	InitMaterializedSRF(fcinfo, 0);
	call.result = (ReturnSetInfo *) fcinfo->resultinfo;
	call.version = predictor->version;
	call.n_outputs = predictor->info.n_outputs;
	bind_key(&call, mlops_reader_columns(reader));
	call.n_features = predictor->info.n_features;
	call.usage = mlops_usage_begin_call(predictor->version->version_id);
	(void) mlops_reader_run(reader, take_row, &call);
	return (Datum) 0;
}

/* The names of the key's columns: at least one, and none twice. */
static List *
read_key(FunctionCallInfo fcinfo)
{
	List	   *key = mlops_optional_list(fcinfo, ARG_KEY);
	ListCell   *cell;

	if (key == NIL)
		ereport(ERROR,
				(errcode(PG_ARGISNULL(ARG_KEY) ?
						 ERRCODE_NULL_VALUE_NOT_ALLOWED :
						 ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"key\" must name a column"),
				 errhint("Name the columns that tell the rows of the source apart.")));
	if (list_length(key) > MAX_KEY_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"key\" has more than %d columns",
						MAX_KEY_COLUMNS)));
	foreach(cell, key)
		for (int i = 0; i < foreach_current_index(cell); i++)
			if (strcmp(list_nth(key, i), lfirst(cell)) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_COLUMN),
						 errmsg("column \"%s\" is twice in the key",
								(char *) lfirst(cell))));
	return key;
}

/* Prepare the call that makes an object of the key's columns. */
static void
bind_key(Call *call, TupleDesc key)
{
	FmgrInfo   *function = palloc(sizeof(FmgrInfo));
	int			n = key->natts;
	List	   *args = NIL;

	call->key = key;
	call->to_object = palloc0(SizeForFunctionCallInfo(2 * n));
	for (int i = 0; i < n; i++)
	{
		Form_pg_attribute column = TupleDescAttr(key, i);

		args = lappend(args, makeNullConst(TEXTOID, -1, InvalidOid));
		args = lappend(args, makeNullConst(column->atttypid,
										   column->atttypmod,
										   column->attcollation));
	}
	fmgr_info(F_JSONB_BUILD_OBJECT_ANY, function);
	/* it finds the types of its arguments there */
	fmgr_info_set_expr((Node *) makeFuncExpr(F_JSONB_BUILD_OBJECT_ANY,
											 JSONBOID, args, InvalidOid,
											 InvalidOid,
											 COERCE_EXPLICIT_CALL), function);
	InitFunctionCallInfoData(*call->to_object, function, 2 * n, InvalidOid,
							 NULL, NULL);
	for (int i = 0; i < n; i++)
		call->to_object->args[2 * i].value =
			CStringGetTextDatum(NameStr(TupleDescAttr(key, i)->attname));
}

/* A MlopsReaderCallback: one row of the result. */
static void
take_row(const MlopsReaderRow *row, void *arg)
{
	const Call *call = arg;
	const MlopsVersion *version = call->version;
	const float *outputs = row->outputs[0];
	Datum		values[4] = {0};
	bool		nulls[4] = {0};

	mlops_usage_row(call->usage, row->unseen[0]);
	mlops_usage_end_row(call->usage, row->features[0], call->n_features);
	values[0] = key_of(call, row);
	nulls[1] = call->n_outputs > 1;
	if (!nulls[1])
		values[1] = Float8GetDatum((float8) outputs[0]);
	nulls[2] = nulls[3] = version->n_classes == 0;
	if (version->n_classes > 0)
	{
		int			class = mlops_class_predicted(version, outputs);

		values[2] = CStringGetTextDatum(version->classes[class]);
		values[3] = Float8GetDatum(mlops_class_probability(version, outputs,
														   class));
	}
	tuplestore_putvalues(call->result->setResult, call->result->setDesc,
						 values, nulls);
}

/* The key of a row, jsonb. */
static Datum
key_of(const Call *call, const MlopsReaderRow *row)
{
	for (int i = 0; i < call->key->natts; i++)
	{
		call->to_object->args[2 * i + 1].value = row->values[i];
		call->to_object->args[2 * i + 1].isnull = row->nulls[i];
	}
	return FunctionCallInvoke(call->to_object);
}
