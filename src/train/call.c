/*
 * call.c
 *		The arguments of a training, and how they are recorded.
 */
#include "postgres.h"

#include "base/base.h"
#include "base/members.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "train/call.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/numeric.h"
#include "utils/syscache.h"

/* The order of the arguments of mlops.train() in SQL. */
enum
{
	ARG_MODEL, ARG_SOURCE, ARG_TARGET, ARG_FEATURES, ARG_EXCLUDE, ARG_KEY,
	ARG_EVENT_TIME, ARG_WEIGHT, ARG_BASE_MARGIN, ARG_TASK, ARG_POSITIVE,
	ARG_QUERY_GROUP, ARG_TARGET_UPPER, ARG_EVENT_OBSERVED, ARG_PARAMS,
	ARG_INIT_MODEL, ARG_VALIDATION, ARG_TEST, ARG_SPLIT, ARG_SPLIT_COLUMN,
	ARG_DEPLOY, ARG_SEED, ARG_DESCRIPTION, N_ARGS
};

/* Their names in records, and what they are. */
typedef enum ArgumentKind
{
	KIND_TEXT, KIND_LIST, KIND_JSON, KIND_NUMBER, KIND_INTEGER, KIND_DEPLOY
} ArgumentKind;

static const struct
{
	const char *name;
	ArgumentKind kind;
}			arguments_of_train[N_ARGS] = {
	{"model", KIND_TEXT}, {"source", KIND_TEXT}, {"target", KIND_TEXT},
	{"features", KIND_LIST}, {"exclude", KIND_LIST}, {"key", KIND_LIST},
	{"event_time", KIND_TEXT}, {"weight", KIND_TEXT},
	{"base_margin", KIND_TEXT}, {"task", KIND_TEXT},
	{"positive", KIND_TEXT}, {"query_group", KIND_TEXT},
	{"target_upper", KIND_TEXT}, {"event_observed", KIND_TEXT},
	{"params", KIND_JSON}, {"init_model", KIND_TEXT},
	{"validation", KIND_NUMBER}, {"test", KIND_NUMBER},
	{"split", KIND_TEXT}, {"split_column", KIND_TEXT},
	{"deploy", KIND_DEPLOY}, {"seed", KIND_INTEGER},
	{"description", KIND_TEXT}
};

/* The names of MlopsSplit after AUTO, in its order. */
static const char *const split_names[] = {
	"hash", "time", "random", "stratified", "group", "column", "none"
};

static Datum argument_of_json(ArgumentKind kind, const JsonbValue *value,
							  bool *null);
static Datum list_of_json(const JsonbValue *value);
static Oid	deploy_mode_type(void);
static void check_model_name(const char *name);
static void split_argument(MlopsTrainCall *call, const char *name);
static void settle_task(MlopsTrainCall *call, const char *task);
static void check_objective_task(const MlopsObjective *objective,
								 MlopsTask task);
static void check_task_columns(const MlopsDatasetRequest *data);
static const char *split_text(const MlopsTrainCall *call,
							  const MlopsDataset *dataset);
static void add_metrics(StringInfo json, const MlopsTrainRequest *request);
static double fraction_argument(FunctionCallInfo fcinfo, int argument,
								const char *name);
static MlopsDeployMode deploy_argument(FunctionCallInfo fcinfo,
									   const char **name);
static void add_text(StringInfo json, const char *name, const char *value);
static void add_list(StringInfo json, const char *name, const List *list);
static void add_json(StringInfo json, const char *name, Jsonb *value);

MlopsTrainCall *
mlops_train_call(FunctionCallInfo fcinfo)
{
	MlopsTrainCall *call = palloc0(sizeof(MlopsTrainCall));

	call->model = mlops_required_text(fcinfo, ARG_MODEL, "model");
	check_model_name(call->model);
	call->data.source = mlops_required_text(fcinfo, ARG_SOURCE, "source");
	call->data.target = mlops_required_text(fcinfo, ARG_TARGET, "target");
	call->data.features = mlops_optional_list(fcinfo, ARG_FEATURES);
	call->data.exclude = mlops_optional_list(fcinfo, ARG_EXCLUDE);
	call->data.key = mlops_optional_list(fcinfo, ARG_KEY);
	call->data.event_time = mlops_optional_text(fcinfo, ARG_EVENT_TIME);
	call->data.weight = mlops_optional_text(fcinfo, ARG_WEIGHT);
	call->data.base_margin = mlops_optional_text(fcinfo, ARG_BASE_MARGIN);
	call->data.positive = mlops_optional_text(fcinfo, ARG_POSITIVE);
	call->data.query_group = mlops_optional_text(fcinfo, ARG_QUERY_GROUP);
	call->data.target_upper = mlops_optional_text(fcinfo, ARG_TARGET_UPPER);
	call->data.event_observed = mlops_optional_text(fcinfo,
													ARG_EVENT_OBSERVED);
	call->data.split_column = mlops_optional_text(fcinfo, ARG_SPLIT_COLUMN);
	call->init_model = mlops_optional_text(fcinfo, ARG_INIT_MODEL);
	call->data.validation = fraction_argument(fcinfo, ARG_VALIDATION,
											  "validation");
	call->data.test = fraction_argument(fcinfo, ARG_TEST, "test");
	call->data.seed = PG_ARGISNULL(ARG_SEED) ? 42 : PG_GETARG_INT64(ARG_SEED);
	if (call->data.seed < 0 || call->data.seed > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"seed\" is out of range: " INT64_FORMAT,
						call->data.seed),
				 errhint("It must be at least 0 and at most 2147483647.")));
	call->params_given = PG_ARGISNULL(ARG_PARAMS) ?
		mlops_empty_object() : PG_GETARG_JSONB_P(ARG_PARAMS);
	call->params = mlops_params_parse(call->params_given);
	settle_task(call, mlops_optional_text(fcinfo, ARG_TASK));
	split_argument(call, mlops_optional_text(fcinfo, ARG_SPLIT));
	call->deploy = deploy_argument(fcinfo, &call->deploy_name);
	call->description = mlops_optional_text(fcinfo, ARG_DESCRIPTION);
	return call;
}

MlopsTrainCall *
mlops_train_call_of_json(Jsonb *arguments)
{
	LOCAL_FCINFO(fcinfo, N_ARGS);
	MlopsTrainCall *call;
	JsonbValue *value;

	InitFunctionCallInfoData(*fcinfo, NULL, N_ARGS, InvalidOid, NULL, NULL);
	for (int i = 0; i < N_ARGS; i++)
	{
		const char *name = arguments_of_train[i].name;

		value = getKeyJsonValueFromContainer(&arguments->root, name,
											 strlen(name), NULL);
		fcinfo->args[i].value =
			argument_of_json(arguments_of_train[i].kind, value,
							 &fcinfo->args[i].isnull);
	}
	call = mlops_train_call(fcinfo);
	value = getKeyJsonValueFromContainer(&arguments->root, "recipe",
										 strlen("recipe"), NULL);
	if (value != NULL && value->type == jbvBinary)
		call->recipe = JsonbValueToJsonb(value);
	return call;
}

void
mlops_train_call_settle(MlopsTrainCall *call, const MlopsObjective *objective)
{
	call->params->objective = objective;
	if (objective != NULL)
	{
		call->data.label_range = objective->labels;
		if (mlops_params_has(call->params, "ndcg_exp_gain", "0"))
			call->data.label_range = MLOPS_LABEL_NOT_NEGATIVE;
		call->data.cox = strcmp(objective->name, "survival:cox") == 0;
	}
	check_task_columns(&call->data);
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
	add_text(&json, "base_margin", call->data.base_margin);
	add_text(&json, "task", call->task_name);
	add_text(&json, "positive", call->data.positive);
	add_text(&json, "query_group", call->data.query_group);
	add_text(&json, "target_upper", call->data.target_upper);
	add_text(&json, "event_observed", call->data.event_observed);
	add_json(&json, "params", call->params_given);
	add_text(&json, "init_model", call->init_model);
	mlops_append_number(&json, "validation", call->validation);
	mlops_append_number(&json, "test", call->test);
	add_text(&json, "split", call->split_name);
	add_text(&json, "split_column", call->data.split_column);
	add_text(&json, "deploy", call->deploy_name);
	mlops_append_int8(&json, "seed", call->data.seed);
	add_text(&json, "description", call->description);
	add_json(&json, "recipe", call->recipe);
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
	add_text(&json, "split", split_text(call, dataset));
	mlops_append_number(&json, "validation", call->data.validation);
	mlops_append_number(&json, "test", call->data.test);
	mlops_append_int8(&json, "seed", call->data.seed);
	mlops_append_int8(&json, "max_categories", mlops_max_categories);
	if (dataset->signature->time_zone)
		add_text(&json, "time_zone", dataset->signature->time_zone);
	mlops_append_int8(&json, "num_boost_round", request->n_rounds);
	mlops_append_int8(&json, "early_stopping_rounds", request->early_stopping);
	mlops_append_name(&json, "library");
	appendStringInfoChar(&json, '{');
	for (int i = 0; i < request->n_params; i++)
		if (strcmp(request->params[i].name, "eval_metric") != 0)
			add_text(&json, request->params[i].name,
					 request->params[i].value);
	add_metrics(&json, request);
	appendStringInfoString(&json, "}}");
	return json.data;
}

/*
 * An argument as SQL would pass it, out of its record; NULL if there is none,
 * or none of its kind.
 */
static Datum
argument_of_json(ArgumentKind kind, const JsonbValue *value, bool *null)
{
	static const enum jbvType types[] = {
		jbvString, jbvBinary, jbvBinary, jbvNumeric, jbvNumeric, jbvString
	};

	*null = (value == NULL || value->type != types[kind]);
	if (*null)
		return (Datum) 0;
	switch (kind)
	{
		case KIND_TEXT:
			return PointerGetDatum(cstring_to_text_with_len(value->val.string.val,
															value->val.string.len));
		case KIND_LIST:
			return list_of_json(value);
		case KIND_JSON:
			return JsonbPGetDatum(JsonbValueToJsonb(unconstify(JsonbValue *,
															   value)));
		case KIND_NUMBER:
			return DirectFunctionCall1(numeric_float8,
									   NumericGetDatum(value->val.numeric));
		case KIND_INTEGER:
			return DirectFunctionCall1(numeric_int8,
									   NumericGetDatum(value->val.numeric));
		case KIND_DEPLOY:
			return OidFunctionCall2(F_ENUM_IN,
									CStringGetDatum(pnstrdup(value->val.string.val,
															 value->val.string.len)),
									ObjectIdGetDatum(deploy_mode_type()));
	}
	return (Datum) 0;			/* keep the compiler quiet */
}

/* An array of strings as text[]. */
static Datum
list_of_json(const JsonbValue *value)
{
	JsonbIterator *iterator = JsonbIteratorInit(value->val.binary.data);
	JsonbIteratorToken token;
	JsonbValue	element;
	int			n = 0;
	int			most = 16;
	const char **names = palloc(sizeof(char *) * most);

	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM || element.type != jbvString)
			continue;
		if (n == most)
			names = repalloc(names, sizeof(char *) * (most *= 2));
		names[n++] = pnstrdup(element.val.string.val, element.val.string.len);
	}
	return PointerGetDatum(mlops_text_array(names, n));
}

/* The oid of mlops.deploy_mode. */
static Oid
deploy_mode_type(void)
{
	Oid			namespace = get_namespace_oid("mlops", false);

	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
						   CStringGetDatum("deploy_mode"),
						   ObjectIdGetDatum(namespace));
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

/*
 * Find out the task from its name, the objective and the columns that belong
 * to a task, and what labels it takes; 22023 where they do not go together.
 * A version to go on from knows better which objective of the task it is.
 */
static void
settle_task(MlopsTrainCall *call, const char *name)
{
	static const char *const names[] = {
		"binary", "multiclass", "regression", "ranking", "survival", "count"
	};
	MlopsDatasetRequest *data = &call->data;
	const MlopsObjective *objective = call->params->objective;
	MlopsTask	task = MLOPS_BINARY;
	bool		known = true;

	call->task_name = name;
	if (name != NULL && strcmp(name, "count") == 0)
	{
		task = MLOPS_REGRESSION;
		if (objective != NULL && strcmp(objective->name, "count:poisson") != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("objective %s does not fit the task count",
							objective->name),
					 errhint("Use task => 'regression', of which count is the objective count:poisson.")));
		objective = mlops_objective_named("count:poisson");
	}
	else if (name != NULL)
		task = mlops_word_of("task", name, names, lengthof(names));
	else if (objective != NULL)
		task = objective->task;
	else if (data->query_group != NULL)
		task = MLOPS_RANKING;
	else if (data->target_upper != NULL || data->event_observed != NULL)
		task = MLOPS_SURVIVAL;
	else
		known = false;

	if (known)
	{
		if (objective != NULL)
			check_objective_task(objective, task);
		else if (call->init_model == NULL &&
				 (task == MLOPS_RANKING || task == MLOPS_SURVIVAL))
			objective = mlops_objective_default(task);
		data->task = mlops_task_name(task);
	}
	data->balanced = call->params->balanced;
	mlops_train_call_settle(call, objective);
}

/* 22023 if the objective is one of another task. */
static void
check_objective_task(const MlopsObjective *objective, MlopsTask task)
{
	if (objective->task != task)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("objective %s does not fit the task %s",
						objective->name, mlops_task_name(task)),
				 errhint("One of these does: %s.",
						 mlops_objective_list(task))));
}

/* 22023 if a column belongs to another task, or one is missing. */
static void
check_task_columns(const MlopsDatasetRequest *data)
{
	const char *task = data->task ? data->task : "";
	bool		survival = strcmp(task, "survival") == 0;
	bool		ranking = strcmp(task, "ranking") == 0;

	if (ranking && data->query_group == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the task ranking needs query_group"),
				 errhint("Name the column that says which rows are ranked together.")));
	if (!ranking && data->query_group != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("query_group needs the task ranking"),
				 errdetail("The task given is %s.", task),
				 errhint("To keep rows of a group together, use split => 'group' and split_column.")));
	if (!survival &&
		(data->target_upper != NULL || data->event_observed != NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s needs the task survival",
						data->target_upper ? "target_upper" :
						"event_observed"),
				 errdetail("The task given is %s.", task)));
	if (data->target_upper != NULL && data->event_observed != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("target_upper and event_observed cannot be combined"),
				 errhint("An upper bound that is infinite or NULL says that the event was not observed.")));
	if (data->target_upper != NULL && data->cox)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("objective survival:cox takes no target_upper"),
				 errhint("Use event_observed, or the objective survival:aft.")));
}

/* How rows are split; NULL: as the columns suggest. */
static void
split_argument(MlopsTrainCall *call, const char *name)
{
	MlopsDatasetRequest *data = &call->data;

	call->split_name = name;
	call->validation = data->validation;
	call->test = data->test;
	data->split = MLOPS_SPLIT_AUTO;
	if (name != NULL)
		data->split = MLOPS_SPLIT_HASH +
			mlops_word_of("split", name, split_names, lengthof(split_names));
	if (data->split == MLOPS_SPLIT_NONE)
		data->validation = data->test = 0;
}

/* What was done, in words. */
static const char *
split_text(const MlopsTrainCall *call, const MlopsDataset *dataset)
{
	if (dataset->split == MLOPS_SPLIT_HASH)
		return call->data.key ? "hash of key" : "hash of row";
	if (dataset->split == MLOPS_SPLIT_AUTO)
		return "auto";
	return split_names[dataset->split - MLOPS_SPLIT_HASH];
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

/* The metrics of rounds: a text, or an array of several. */
static void
add_metrics(StringInfo json, const MlopsTrainRequest *request)
{
	List	   *metrics = NIL;

	for (int i = 0; i < request->n_params; i++)
		if (strcmp(request->params[i].name, "eval_metric") == 0)
			metrics = lappend(metrics, (char *) request->params[i].value);
	if (list_length(metrics) == 1)
		add_text(json, "eval_metric", linitial(metrics));
	else
		add_list(json, "eval_metric", metrics);
}

/* Members of a JSON object; those that are NULL or empty are left out. */
static void
add_text(StringInfo json, const char *name, const char *value)
{
	if (value != NULL)
		mlops_append_text(json, name, value);
}

/* See add_text(). */
static void
add_list(StringInfo json, const char *name, const List *list)
{
	if (list != NIL)
		mlops_append_list(json, name, list);
}

/* See add_text(). */
static void
add_json(StringInfo json, const char *name, Jsonb *value)
{
	if (value == NULL)
		return;
	mlops_append_name(json, name);
	(void) JsonbToCString(json, &value->root, VARSIZE(value));
}
