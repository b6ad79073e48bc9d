/*
 * loop.c
 *		What retraining and guard know of a model: its policy, its champion,
 *		and a training like the champion's on other rows.
 *
 * The recipe is the record of the champion's training.  A version that was
 * retrained has as its own source the query that chose its rows, and a fixed
 * number of rounds; so the recipe that it came from is recorded with it, and
 * gone on with.
 */
#include "postgres.h"

#include "base/members.h"
#include "catalog/monitor.h"
#include "data/reader.h"
#include "data/signature.h"
#include "data/span.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "watch/loop.h"
#include "watch/policy.h"

static char *argument_of(const MlopsLoop *loop, const char *name);
static void find_source(MlopsLoop *loop);
static void set_option(const char *name, const char *value);
static void join_labels(MlopsLoop *loop);
static void check_author(const MlopsLoop *loop, const char *author,
						 const char *what);
static bool is_trusted(const char *author);
static void check_recorded(const MlopsLoop *loop);
static Jsonb *recipe_of(Jsonb *arguments);
static Jsonb *merged(Jsonb *object, const char *members);
static Jsonb *json_of(const char *text);
static char *text_of(Jsonb *json);
static List *inputs_of(const MlopsVersion *champion);

MlopsLoop *
mlops_loop_open(const char *name, TimestampTz until)
{
	MlopsLoop  *loop = palloc0(sizeof(MlopsLoop));

	loop->model = mlops_model_kept(name);
	loop->policy = mlops_policy_load(loop->model);
	loop->has_policy = (loop->policy != NULL);
	if (!loop->has_policy)
		loop->policy = mlops_policy_default();
	loop->gate = mlops_gate_parse(loop->policy->gate);
	loop->until = until;
	return loop;
}

void
mlops_loop_bind(MlopsLoop *loop)
{
	Snapshot	snapshot = GetActiveSnapshot();
	int64		version_id = mlops_alias_version(loop->model->name,
												 MLOPS_CHAMPION, snapshot);

	if (version_id == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no version that serves",
						loop->model->name),
				 errhint("Deploy one with mlops.deploy().")));
	loop->champion = mlops_version_load(version_id, snapshot);
	loop->recipe = mlops_recipe_load(loop->champion);
	loop->arguments = recipe_of(loop->recipe->arguments);
	if (loop->champion->target == NULL || loop->champion->target[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("it is not known what version %d was trained on",
						loop->champion->version),
				 errhint("Import it with target, or train a version here.")));
	loop->target = pstrdup(loop->champion->target);
	loop->weight = argument_of(loop, "weight");
	loop->query_group = argument_of(loop, "query_group");
	loop->target_upper = argument_of(loop, "target_upper");
	loop->event_observed = argument_of(loop, "event_observed");
	loop->event_time = loop->policy->event_time ? loop->policy->event_time :
		argument_of(loop, "event_time");
	if (loop->event_time == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("it is not known which rows are new to version %d",
						loop->champion->version),
				 errdetail("It was trained without event_time."),
				 errhint("Pass event_time to mlops.set_retraining_policy().")));
	find_source(loop);
	join_labels(loop);
	check_recorded(loop);
	loop->unseen = loop->recipe->has_event_time ?
		loop->recipe->event_time_max + 1 : loop->recipe->started_at;
}

MlopsContest
mlops_loop_contest(const MlopsLoop *loop, int challenger, int champion,
				   const char *source)
{
	MlopsContest contest = {
		loop->model->name, challenger, champion, source, loop->target,
		loop->weight, loop->query_group, loop->target_upper,
		loop->event_observed
	};

	return contest;
}

MlopsTrainCall *
mlops_loop_call(const MlopsLoop *loop, const char *source, int64 n_rounds,
				const char *description)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"deploy\": \"false\", \"test\": 0");
	mlops_append_text(&json, "model", loop->model->name);
	mlops_append_text(&json, "source", source);
	mlops_append_value(&json, "recipe", text_of(loop->arguments));
	mlops_append_text(&json, "event_time", loop->event_time);
	mlops_append_text(&json, "description", description);
	if (n_rounds > 0)
	{
		JsonbValue *params =
			getKeyJsonValueFromContainer(&loop->arguments->root, "params",
										 strlen("params"), NULL);
		Jsonb	   *fixed = params != NULL && params->type == jbvBinary ?
			JsonbValueToJsonb(params) : json_of("{}");

		mlops_append_value(&json, "params",
						   text_of(mlops_params_with_rounds(fixed, n_rounds)));
		mlops_append_int8(&json, "validation", 0);
		mlops_append_text(&json, "split", "none");
		mlops_append_text(&json, "split_column", NULL);
	}
	appendStringInfoChar(&json, '}');
	return mlops_train_call_of_json(merged(loop->arguments, json.data));
}

int64
mlops_loop_rounds(const MlopsLoop *loop)
{
	MlopsTrainCall *call = mlops_train_call_of_json(loop->arguments);
	bool		validates = call->data.validation > 0 ||
		call->data.split == MLOPS_SPLIT_COLUMN;

	return call->params->early_stopping != 0 && validates ? 0 :
		call->params->n_rounds;
}

TimestampTz
mlops_loop_before(TimestampTz moment, const Interval *interval)
{
	return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_mi_interval,
												   TimestampTzGetDatum(moment),
												   IntervalPGetDatum(interval)));
}

/* A text argument of the champion's training, palloc'd, or NULL. */
static char *
argument_of(const MlopsLoop *loop, const char *name)
{
	JsonbValue *value =
		getKeyJsonValueFromContainer(&loop->arguments->root, name,
									 strlen(name), NULL);

	if (value == NULL || value->type != jbvString)
		return NULL;
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* Where the rows come from, the labels joined if they stand elsewhere. */
static void
find_source(MlopsLoop *loop)
{
	StringInfoData json;

	if (loop->policy->source != NULL)
	{
		loop->source = loop->policy->source;
		check_author(loop, loop->policy->created_by, "retraining policy");
		set_option("search_path", loop->policy->search_path);
		set_option("TimeZone", loop->policy->time_zone);
	}
	else if (strcmp(loop->recipe->kind, "train") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("it is not known what version %d was trained on here",
						loop->champion->version),
				 errdetail("It was imported."),
				 errhint("Pass source to mlops.set_retraining_policy().")));
	else
	{
		loop->source = argument_of(loop, "source");
		check_author(loop, loop->recipe->role, "training run");
	}
	initStringInfo(&json);
	appendStringInfoString(&json, "{\"deploy\": \"false\"");
	mlops_append_text(&json, "source", loop->source);
	mlops_append_text(&json, "event_time", loop->event_time);
	mlops_append_text(&json, "target", loop->target);
	mlops_append_text(&json, "exclude", NULL);
	mlops_append_list(&json, "features", inputs_of(loop->champion));
	appendStringInfoChar(&json, '}');
	loop->arguments = merged(loop->arguments, json.data);
}

/* A setting, until the nest level of settings ends. */
static void
set_option(const char *name, const char *value)
{
	if (value != NULL)
		(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
}

/* If labels stand elsewhere and the source has no target, join them. */
static void
join_labels(MlopsLoop *loop)
{
	MlopsLabelSource *labels = mlops_label_source(loop->model->model_id, NULL);

	if (labels == NULL)
		return;
	check_author(loop, labels->created_by, "label source");
	loop->source = mlops_labelled_source(loop->source, loop->target,
										 labels->query, labels->key,
										 labels->label);
}

/* 42501 unless the author of a source might do all that the current role may. */
static void
check_author(const MlopsLoop *loop, const char *author, const char *what)
{
	if (is_trusted(author))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("%s of \"%s\" was written by another role", what,
					loop->model->name),
			 errdetail("Role \"%s\" has not all rights of \"%s\", so its queries are not run with these.",
					   author, GetUserNameFromId(GetUserId(), false)),
			 errhint("Look at the source, and pass it to mlops.set_retraining_policy() as the role that retrains.")));
}

/* May the role do all that the current one may? */
static bool
is_trusted(const char *author)
{
	Oid			role = get_role_oid(author, true);

	return OidIsValid(role) && has_privs_of_role(role, GetUserId());
}

/*
 * Expressions that another role wrote may only compute; the reader knows
 * which do.
 */
static void
check_recorded(const MlopsLoop *loop)
{
	MlopsReaderRequest request = {
		.source = loop->source,
		.target = loop->target,
		.target_upper = loop->target_upper,
		.event_observed = loop->event_observed,
		.target_recorded = true,
		.bounds_recorded = true
	};

	if (strcmp(loop->recipe->kind, "train") == 0 &&
		is_trusted(loop->recipe->role))
		return;
	(void) mlops_reader_open(&request);
}

/* The arguments that a training goes back to; its own if it is the first. */
static Jsonb *
recipe_of(Jsonb *arguments)
{
	JsonbValue *recipe = getKeyJsonValueFromContainer(&arguments->root,
													  "recipe",
													  strlen("recipe"), NULL);

	return recipe != NULL && recipe->type == jbvBinary ?
		JsonbValueToJsonb(recipe) : arguments;
}

/* An object with the members of another one, given as text, put over its own. */
static Jsonb *
merged(Jsonb *object, const char *members)
{
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat,
											  JsonbPGetDatum(object),
											  JsonbPGetDatum(json_of(members))));
}

/* JSON out of text that is known to be such. */
static Jsonb *
json_of(const char *text)
{
	return DatumGetJsonbP(OidFunctionCall1(F_JSONB_IN,
										   CStringGetDatum(text)));
}

/* The same the other way round. */
static char *
text_of(Jsonb *json)
{
	return JsonbToCString(NULL, &json->root, VARSIZE(json));
}

/*
 * The names of the columns that the champion takes: a column that the source
 * has got since, or the one in use has beside, is no feature.
 */
static List *
inputs_of(const MlopsVersion *champion)
{
	MlopsSignature *signature = mlops_signature_from_jsonb(champion->signature);
	List	   *names = NIL;

	for (int i = 0; i < signature->n_inputs; i++)
		names = lappend(names, signature->inputs[i].name);
	return names;
}
