/*
 * call.c
 *		The arguments of a training, and how they are recorded.
 */
#include "postgres.h"

#include "base/base.h"
#include "catalog/pg_type.h"
#include "train/call.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgroids.h"
#include "utils/json.h"

/* The order of the arguments of mlops.train() in SQL. */
enum
{
	ARG_MODEL, ARG_SOURCE, ARG_TARGET, ARG_FEATURES, ARG_EXCLUDE, ARG_KEY,
	ARG_EVENT_TIME, ARG_WEIGHT, ARG_TASK, ARG_POSITIVE, ARG_PARAMS,
	ARG_VALIDATION, ARG_TEST, ARG_DEPLOY, ARG_SEED, ARG_DESCRIPTION
};

static void check_model_name(const char *name);
static void check_task(const char *task);
static List *list_argument(FunctionCallInfo fcinfo, int argument);
static double fraction_argument(FunctionCallInfo fcinfo, int argument,
								const char *name);
static MlopsDeployMode deploy_argument(FunctionCallInfo fcinfo,
									   const char **name);
static void add_text(StringInfo json, const char *name, const char *value);
static void add_list(StringInfo json, const char *name, const List *list);
static void add_number(StringInfo json, const char *name, double value);
static void add_integer(StringInfo json, const char *name, int64 value);
static void add_name(StringInfo json, const char *name);

MlopsTrainCall *
mlops_train_call(FunctionCallInfo fcinfo)
{
	MlopsTrainCall *call = palloc0(sizeof(MlopsTrainCall));

	call->model = mlops_required_text(fcinfo, ARG_MODEL, "model");
	check_model_name(call->model);
	call->data.source = mlops_required_text(fcinfo, ARG_SOURCE, "source");
	call->data.target = mlops_required_text(fcinfo, ARG_TARGET, "target");
	call->data.features = list_argument(fcinfo, ARG_FEATURES);
	call->data.exclude = list_argument(fcinfo, ARG_EXCLUDE);
	call->data.key = list_argument(fcinfo, ARG_KEY);
	call->data.event_time = mlops_optional_text(fcinfo, ARG_EVENT_TIME);
	call->data.weight = mlops_optional_text(fcinfo, ARG_WEIGHT);
	call->data.task = mlops_optional_text(fcinfo, ARG_TASK);
	check_task(call->data.task);
	call->data.positive = mlops_optional_text(fcinfo, ARG_POSITIVE);
	call->data.validation = fraction_argument(fcinfo, ARG_VALIDATION,
											  "validation");
	call->data.test = fraction_argument(fcinfo, ARG_TEST, "test");
	if (call->data.validation + call->data.test >= 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("validation and test leave no rows to train on"),
				 errdetail("They are %g and %g.", call->data.validation,
						   call->data.test)));
	call->data.seed = PG_ARGISNULL(ARG_SEED) ? 42 : PG_GETARG_INT64(ARG_SEED);
	if (call->data.seed < 0 || call->data.seed > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("seed is out of range: " INT64_FORMAT,
						call->data.seed),
				 errhint("It must be at least 0 and at most 2147483647.")));
	call->params_given = PG_ARGISNULL(ARG_PARAMS) ?
		DatumGetJsonbP(OidFunctionCall1(F_JSONB_IN, CStringGetDatum("{}"))) :
		PG_GETARG_JSONB_P(ARG_PARAMS);
	call->params = mlops_params_parse(call->params_given);
	call->deploy = deploy_argument(fcinfo, &call->deploy_name);
	call->description = mlops_optional_text(fcinfo, ARG_DESCRIPTION);
	return call;
}

char *
mlops_train_call_json(const MlopsTrainCall *call)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	add_text(&json, "model", call->model);
	add_text(&json, "source", call->data.source);
	add_text(&json, "target", call->data.target);
	add_list(&json, "features", call->data.features);
	add_list(&json, "exclude", call->data.exclude);
	add_list(&json, "key", call->data.key);
	add_text(&json, "event_time", call->data.event_time);
	add_text(&json, "weight", call->data.weight);
	add_text(&json, "task", call->data.task);
	add_text(&json, "positive", call->data.positive);
	add_name(&json, "params");
	appendStringInfoString(&json,
						   JsonbToCString(NULL, &call->params_given->root,
										  VARSIZE(call->params_given)));
	add_number(&json, "validation", call->data.validation);
	add_number(&json, "test", call->data.test);
	add_text(&json, "deploy", call->deploy_name);
	add_integer(&json, "seed", call->data.seed);
	add_text(&json, "description", call->description);
	appendStringInfoChar(&json, '}');
	return json.data;
}

char *
mlops_train_effective_json(const MlopsTrainCall *call,
						   const MlopsDataset *dataset,
						   const MlopsTrainRequest *request)
{
	StringInfoData json;
	List	   *features = NIL;

	for (int i = 0; i < dataset->signature->n_features; i++)
		features = lappend(features, dataset->signature->feature_names[i]);

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	add_text(&json, "task", mlops_task_name(dataset->task));
	add_list(&json, "features", features);
	if (dataset->task == MLOPS_BINARY)
		add_text(&json, "positive", dataset->classes[1]);
	add_text(&json, "split", dataset->has_event_time ? "time" :
			 call->data.key ? "hash of key" : "hash of row");
	add_number(&json, "validation", call->data.validation);
	add_number(&json, "test", call->data.test);
	add_integer(&json, "seed", call->data.seed);
	add_integer(&json, "max_categories", mlops_max_categories);
	if (dataset->signature->time_zone)
		add_text(&json, "time_zone", dataset->signature->time_zone);
	add_integer(&json, "num_boost_round", request->n_rounds);
	add_integer(&json, "early_stopping_rounds", request->early_stopping);
	add_name(&json, "library");
	appendStringInfoChar(&json, '{');
	for (int i = 0; i < request->n_params; i++)
		add_text(&json, request->params[i].name, request->params[i].value);
	appendStringInfoString(&json, "}}");
	return json.data;
}

/* 22023 unless the name can stand in a model reference. */
static void
check_model_name(const char *name)
{
	if (name[0] == '\0' || strpbrk(name, "/@") != NULL || strlen(name) > 200)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid model name: \"%s\"", name),
				 errhint("A name has 1 to 200 bytes, none of them / or @.")));
}

/* 22023 unless it is NULL or a task. */
static void
check_task(const char *task)
{
	static const char *const names[] = {"binary", "multiclass", "regression"};
	const char *closest;

	if (task == NULL)
		return;
	for (int i = 0; i < lengthof(names); i++)
		if (strcmp(task, names[i]) == 0)
			return;
	closest = mlops_closest_match(task, names, lengthof(names));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown task: \"%s\"", task),
			 closest ? errhint("Perhaps you meant \"%s\".", closest) :
			 errhint("Tasks are binary, multiclass and regression.")));
}

/* A list of names; NIL for NULL. */
static List *
list_argument(FunctionCallInfo fcinfo, int argument)
{
	if (PG_ARGISNULL(argument))
		return NIL;
	return mlops_text_array_to_list(PG_GETARG_ARRAYTYPE_P(argument));
}

/* A fraction of the rows; 0 for NULL. */
static double
fraction_argument(FunctionCallInfo fcinfo, int argument, const char *name)
{
	double		fraction;

	if (PG_ARGISNULL(argument))
		return 0;
	fraction = PG_GETARG_FLOAT8(argument);
	if (!(fraction >= 0 && fraction < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" is out of range: %g", name, fraction),
				 errhint("It is a fraction of the rows, at least 0 and less than 1.")));
	return fraction;
}

/* The deploy mode and its name; first for NULL. */
static MlopsDeployMode
deploy_argument(FunctionCallInfo fcinfo, const char **name)
{
	static const char *const names[] = {"first", "true", "false", "if_better"};

	*name = PG_ARGISNULL(ARG_DEPLOY) ? names[0] :
		DatumGetCString(OidFunctionCall1(F_ENUM_OUT,
										 PG_GETARG_DATUM(ARG_DEPLOY)));
	for (int i = 0; i < lengthof(names); i++)
		if (strcmp(*name, names[i]) == 0)
			return (MlopsDeployMode) i;
	elog(ERROR, "unexpected deploy mode \"%s\"", *name);
}

/* Members of a JSON object; those that are NULL or empty are left out. */
static void
add_text(StringInfo json, const char *name, const char *value)
{
	if (value == NULL)
		return;
	add_name(json, name);
	escape_json(json, value);
}

/* See add_text(). */
static void
add_list(StringInfo json, const char *name, const List *list)
{
	ListCell   *cell;

	if (list == NIL)
		return;
	add_name(json, name);
	appendStringInfoChar(json, '[');
	foreach(cell, list)
	{
		if (cell != list_head(list))
			appendStringInfoString(json, ", ");
		escape_json(json, lfirst(cell));
	}
	appendStringInfoChar(json, ']');
}

/* See add_text(). */
static void
add_number(StringInfo json, const char *name, double value)
{
	add_name(json, name);
	appendStringInfoString(json, float8out_internal(value));
}

/* See add_text(). */
static void
add_integer(StringInfo json, const char *name, int64 value)
{
	add_name(json, name);
	appendStringInfo(json, INT64_FORMAT, value);
}

/* The name of the next member. */
static void
add_name(StringInfo json, const char *name)
{
	if (json->data[json->len - 1] != '{')
		appendStringInfoString(json, ", ");
	escape_json(json, name);
	appendStringInfoString(json, ": ");
}
