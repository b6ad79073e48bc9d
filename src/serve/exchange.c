/*
 * exchange.c
 *		mlops.import_model(), and what all ways in have in common.
 *
 * The bytes come from anywhere.  The reader in forest/ checks every one of
 * them and builds what predicts; libxgboost never sees them.  They are stored
 * as given, so that an export returns the same file.
 */
#include "postgres.h"

#include <stdlib.h>

#include "base/base.h"
#include "base/compat.h"
#include "data/declare.h"
#include "data/predictor.h"
#include "miscadmin.h"
#include "serve/exchange.h"
#include "train/result.h"
#include "trainer/protocol.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/json.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(mlops_import_model);

/* The arguments of import_model, in this order. */
enum
{
	ARG_MODEL,
	ARG_DATA,
	ARG_SIGNATURE,
	ARG_CLASSES,
	ARG_TARGET,
	ARG_DEPLOY,
	ARG_DESCRIPTION
};

static MlopsSignature *declare(const MlopsArrival *arrival, Jsonb *given);
static void set_classes(MlopsArrival *arrival, ArrayType *given,
						const MlopsForestInfo *info);
static char *call_json(FunctionCallInfo fcinfo, const MlopsArrival *arrival);
static char *effective_json(const MlopsArrival *arrival,
							const MlopsSignature *signature);
static void add_strings(StringInfo json, const char *name,
						char *const *strings, int n);
static const char *objective_task(const char *objective);
static void refuse_model(const MlopsForestError *error)
			pg_attribute_noreturn();
static void add_string(StringInfo json, const char *name, const char *value);
static void deploy_arrival(const MlopsArrival *arrival, int64 version_id,
						   bool *deployed);

/*
 * import_model(model text, data bytea, signature jsonb, classes text[],
 * target text, deploy deploy_mode, description text) returns train_result
 */
Datum
mlops_import_model(PG_FUNCTION_ARGS)
{
	MlopsArrival arrival = {.started_at = GetCurrentTimestamp()};
	MlopsForestInfo info;
	MlopsSignature *signature;
	bytea	   *data;
	char		library[48];

	PreventCommandIfReadOnly("mlops.import_model()");
	arrival.model = mlops_required_text(fcinfo, ARG_MODEL, "model");
	if (PG_ARGISNULL(ARG_DATA))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"data\" must not be NULL")));
	arrival.deploy = mlops_arrival_deploy(fcinfo, ARG_DEPLOY, "first");
	arrival.note = "imported";
	mlops_arrival_check(arrival.model);

	data = PG_GETARG_BYTEA_PP(ARG_DATA);
	mlops_arrival_build(&arrival, VARDATA_ANY(data), VARSIZE_ANY_EXHDR(data),
						&info);
	CHECK_FOR_INTERRUPTS();
	signature = declare(&arrival, PG_ARGISNULL(ARG_SIGNATURE) ? NULL :
						PG_GETARG_JSONB_P(ARG_SIGNATURE));
	arrival.version.signature = mlops_signature_to_jsonb(signature);
	arrival.version.task = objective_task(info.objective);
	set_classes(&arrival, PG_ARGISNULL(ARG_CLASSES) ? NULL :
				PG_GETARG_ARRAYTYPE_P(ARG_CLASSES), &info);
	mlops_arrival_classes(&arrival, &info);
	arrival.version.target = mlops_optional_text(fcinfo, ARG_TARGET);
	if (arrival.version.target == NULL)
		arrival.version.target = "";
	arrival.version.description = mlops_optional_text(fcinfo,
													  ARG_DESCRIPTION);

	snprintf(library, sizeof(library), "%d.%d.%d", info.version[0],
			 info.version[1], info.version[2]);
	arrival.run = (MlopsRunRecord) {
		.kind = "import",
		.call = call_json(fcinfo, &arrival),
		.effective = effective_json(&arrival, signature),
		.source = "", .query = "", .relations = "[]",
		.library_version = library,
		.trigger = "manual",
		.snapshot = mlops_snapshot_text(),
		.started_at = arrival.started_at,
		.fingerprint_ordered = "", .fingerprint_unordered = ""
	};
	return mlops_arrival_store(fcinfo, &arrival);
}

const char *
mlops_arrival_deploy(FunctionCallInfo fcinfo, int argument,
					 const char *fallback)
{
	char	   *label;

	if (PG_ARGISNULL(argument))
		return fallback;
	label = DatumGetCString(OidFunctionCall1(F_ENUM_OUT,
											 PG_GETARG_DATUM(argument)));
	if (strcmp(label, "if_better") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("deploy \"if_better\" needs rows to compare versions on"),
				 errhint("Import without deploying, compare, then call mlops.deploy().")));
	return label;
}

void
mlops_arrival_check(const char *name)
{
	MlopsModel *model;

	mlops_model_name_check(name);
	model = mlops_model_lookup(name, NULL, true);
	if (model != NULL)
		mlops_model_check(model, MLOPS_MANAGE);
}

void
mlops_arrival_build(MlopsArrival *arrival, const void *model, size_t size,
					MlopsForestInfo *info)
{
	MlopsVersionRecord *version = &arrival->version;
	const MlopsForest *forest = NULL;
	MlopsForestError error;

	if (size > MLOPS_MAX_MODEL)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("model file is too large: %zu bytes", size),
				 errdetail("At most %llu MB are taken.",
						   (unsigned long long) (MLOPS_MAX_MODEL >> 20))));
	version->model = model;
	version->model_size = size;
	version->forest = mlops_predictor_build(model, size,
											&version->forest_size, &error);
	if (version->forest != NULL)
		forest = mlops_forest_open(version->forest, version->forest_size,
								   &error);
	if (forest == NULL)
		refuse_model(&error);
	mlops_forest_info(forest, info);
	version->objective = info->objective;
	version->booster = info->booster;
	version->n_features = info->n_features;
	version->n_trees = info->n_trees;
	version->n_rounds = info->n_rounds;
}

/* The task of an objective's name. */
static const char *
objective_task(const char *objective)
{
	if (strncmp(objective, "binary:", 7) == 0)
		return "binary";
	if (strncmp(objective, "multi:", 6) == 0)
		return "multiclass";
	if (strncmp(objective, "rank:", 5) == 0)
		return "ranking";
	if (strncmp(objective, "survival:", 9) == 0)
		return "survival";
	return "regression";
}

void
mlops_arrival_classes(const MlopsArrival *arrival,
					  const MlopsForestInfo *info)
{
	const MlopsVersionRecord *version = &arrival->version;
	const char *task = objective_task(info->objective);
	int			expected = 0;

	if (strcmp(version->task, task) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a model of objective \"%s\" has no task \"%s\"",
						info->objective, version->task),
				 errdetail("Its task is \"%s\".", task)));
	if (strcmp(task, "multiclass") == 0)
		expected = info->n_outputs;
	else if (strcmp(task, "binary") == 0)
		expected = 2;
	if (strcmp(task, "multiclass") == 0 ? info->n_outputs < 3 :
		info->n_outputs != 1)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("model of objective \"%s\" has %u outputs",
						info->objective, info->n_outputs),
				 errdetail("A multiclass model has at least 3, any other has 1."),
				 errhint("Train one model for each target, and two classes with binary:logistic.")));
	if (version->n_classes != expected)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 expected == 0 ?
				 errmsg("model of objective \"%s\" has no classes",
						info->objective) :
				 errmsg("number of labels is %d, of classes %d",
						version->n_classes, expected),
				 expected == 0 ? errhint("Leave classes out.") :
				 expected == 2 ?
				 errhint("Give the label of the positive class last.") :
				 errhint("Give them in the order of the model's outputs.")));
	for (int i = 0; i < version->n_classes; i++)
		for (int j = 0; j < i; j++)
			if (strcmp(version->classes[i], version->classes[j]) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("class \"%s\" is given twice",
								version->classes[i]),
						 errhint("Labels must differ.")));
}

Datum
mlops_arrival_store(FunctionCallInfo fcinfo, const MlopsArrival *arrival)
{
	MlopsTrainResult result = {
		.model = arrival->model,
		.task = arrival->version.task,
		.rows_train = arrival->run.rows_train,
		.rows_validation = arrival->run.rows_validation,
		.rows_test = arrival->run.rows_test,
		.metrics = arrival->version.metrics,
		.started_at = arrival->started_at
	};
	int64		version_id;

	mlops_version_store(arrival->model, &arrival->run, &arrival->version,
						&result.version, &version_id);
	deploy_arrival(arrival, version_id, &result.deployed);
	return mlops_train_result(fcinfo, &result);
}

/* 22023 with a reason out of the model reader. */
static void
refuse_model(const MlopsForestError *error)
{
	char	   *reason = pstrdup(error->message);
	bool		other = strcmp(reason, "model is neither JSON nor UBJ") == 0;

	/* it may quote the file, cut within a character */
	for (char *at = reason; *at != '\0'; at++)
		if (IS_HIGHBIT_SET(*at) || (unsigned char) *at < ' ')
			*at = '?';
	/* a sentence, unless it begins with a name out of the file */
	if (strcspn(reason, " ") < strcspn(reason, "_"))
		reason[0] = pg_toupper(reason[0]);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("model file cannot be used"),
			 errdetail_internal("%s.", reason),
			 other ? errhint("XGBoost's old binary format is not read: save the model as .json or .ubj.") : 0));
}

/* The signature of the model that was built, as given or as its file says. */
static MlopsSignature *
declare(const MlopsArrival *arrival, Jsonb *given)
{
	MlopsModelFeatures *features;
	MlopsSignature *signature = NULL;
	MlopsForestError error;

	if (!mlops_model_features(arrival->version.model,
							  arrival->version.model_size, &features, &error))
		refuse_model(&error);
	PG_TRY();
	{
		signature = mlops_signature_declare(features, given);
	}
	PG_FINALLY();
	{
		free(features);
	}
	PG_END_TRY();
	return signature;
}

/* The labels as given, or '0', '1', ... as XGBoost numbers classes. */
static void
set_classes(MlopsArrival *arrival, ArrayType *given,
			const MlopsForestInfo *info)
{
	MlopsVersionRecord *version = &arrival->version;
	List	   *labels = mlops_text_array_to_list(given);
	bool		classifies = strcmp(version->task, "binary") == 0 ||
		strcmp(version->task, "multiclass") == 0;
	ListCell   *cell;
	int			i = 0;

	version->n_classes = list_length(labels);
	if (given == NULL && classifies)
		version->n_classes = Max(info->n_outputs, 2);
	version->classes = palloc(sizeof(char *) * Max(version->n_classes, 1));
	if (given == NULL)
		for (i = 0; i < version->n_classes; i++)
			version->classes[i] = psprintf("%d", i);
	foreach(cell, labels)
		version->classes[i++] = lfirst(cell);
	if (classifies)
		version->class_type = given ? "text" : "integer";
}

/* The call's arguments as JSON, but for the bytes, whose number is given. */
static char *
call_json(FunctionCallInfo fcinfo, const MlopsArrival *arrival)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	add_string(&json, "model", arrival->model);
	appendStringInfo(&json, ", \"bytes\": %zu, \"signature\": ",
					 arrival->version.model_size);
	if (PG_ARGISNULL(ARG_SIGNATURE))
		appendStringInfoString(&json, "null");
	else
	{
		Jsonb	   *given = PG_GETARG_JSONB_P(ARG_SIGNATURE);

		(void) JsonbToCString(&json, &given->root, VARSIZE(given));
	}
	if (PG_ARGISNULL(ARG_CLASSES))
		add_string(&json, "classes", NULL);
	else
		add_strings(&json, "classes", arrival->version.classes,
					arrival->version.n_classes);
	add_string(&json, "target", mlops_optional_text(fcinfo, ARG_TARGET));
	add_string(&json, "deploy", arrival->deploy);
	add_string(&json, "description", arrival->version.description);
	appendStringInfoChar(&json, '}');
	return json.data;
}

/* What the import came to, as JSON. */
static char *
effective_json(const MlopsArrival *arrival, const MlopsSignature *signature)
{
	const MlopsVersionRecord *version = &arrival->version;
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	add_string(&json, "task", version->task);
	add_string(&json, "format",
			   mlops_model_is_json(version->model, version->model_size) ?
			   "json" : "ubj");
	add_strings(&json, "features", signature->feature_names,
				signature->n_features);
	if (version->n_classes > 0)
		add_strings(&json, "classes", version->classes, version->n_classes);
	appendStringInfoChar(&json, '}');
	return json.data;
}

/* Append a member that is a list of strings. */
static void
add_strings(StringInfo json, const char *name, char *const *strings, int n)
{
	appendStringInfo(json, "%s\"%s\": [", json->len > 1 ? ", " : "", name);
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			appendStringInfoString(json, ", ");
		escape_json(json, strings[i]);
	}
	appendStringInfoChar(json, ']');
}

/* Append a member that is a string or null. */
static void
add_string(StringInfo json, const char *name, const char *value)
{
	appendStringInfo(json, "%s\"%s\": ", json->len > 1 ? ", " : "", name);
	if (value == NULL)
		appendStringInfoString(json, "null");
	else
		escape_json(json, value);
}

/* Let the stored version serve if it should. */
static void
deploy_arrival(const MlopsArrival *arrival, int64 version_id, bool *deployed)
{
	if (strcmp(arrival->deploy, "false") == 0 ||
		(strcmp(arrival->deploy, "first") == 0 &&
		 mlops_alias_version(arrival->model, MLOPS_CHAMPION, NULL) != 0))
		return;
	mlops_alias_set(mlops_model_lookup(arrival->model, NULL, false),
					MLOPS_CHAMPION, mlops_version_load(version_id, NULL),
					"deploy", arrival->note);
	*deployed = true;
}
