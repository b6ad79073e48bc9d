/*
 * alert_rule.c
 *		Rules of alerts as SQL sees them, and what people answer.
 */
#include "postgres.h"

#include "base/base.h"
#include "base/compat.h"
#include "catalog/alert.h"
#include "catalog/catalog.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"
#include "watch/alert.h"
#include "watch/measures.h"

PG_FUNCTION_INFO_V1(mlops_create_alert_rule);
PG_FUNCTION_INFO_V1(mlops_drop_alert_rule);
PG_FUNCTION_INFO_V1(mlops_acknowledge);

static const char *const event_names[] =
{"drift", "performance", "no_data", "failure", "retraining", "promotion",
"rollback"};

static const char *const status_names[] = {"potential", "detected"};

static const char *const severity_names[] = {"info", "warning", "critical"};

static MlopsAlertRule *find_rule(const char *name);
static MlopsModel *check_manage(int64 model_id);
static MlopsAlertRule *rule_of(FunctionCallInfo fcinfo);
static const char *checked_word(FunctionCallInfo fcinfo, int argument,
								const char *name,
								const char *const *words, int n);
static void check_word(const char *argument, const char *word,
					   const char *const *words, int n);
static Interval *checked_interval(FunctionCallInfo fcinfo, int argument,
								  const char *name, bool may_be_zero);
static void check_events(List *events);
static void check_metrics(List *metrics);
static void check_features(const MlopsModel *model, List *features);
static void check_list(const char *argument, List *names);

/* create_alert_rule(model text, name text, ...) returns text */
Datum
mlops_create_alert_rule(PG_FUNCTION_ARGS)
{
	char	   *model_name = mlops_required_text(fcinfo, 0, "model");
	MlopsAlertRule *rule;
	MlopsModel *model;

	PreventCommandIfReadOnly("mlops.create_alert_rule()");
	rule = rule_of(fcinfo);
	model = mlops_model_kept(model_name);
	rule->model_id = model->model_id;
	if (rule->name == NULL)
		rule->name = model->name;
	check_features(model, rule->features);
	if (!mlops_alert_rule_insert(rule))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("alert rule \"%s\" exists already", rule->name),
				 errhint("Give another name, or drop it with mlops.drop_alert_rule().")));
	PG_RETURN_TEXT_P(cstring_to_text(rule->name));
}

void
mlops_alert_rule_default(int64 model_id, const char *name)
{
	MlopsAlertRule rule = {0};
	Interval	day = {0, 1, 0};

	if (mlops_alert_rule_lookup(name) != NULL)
		return;
	rule.name = name;
	rule.model_id = model_id;
	for (int i = 0; i < 4; i++)
		rule.events = lappend(rule.events, pstrdup(event_names[i]));
	rule.least_status = "detected";
	rule.severity = "warning";
	rule.min_count = 1;
	rule.cooldown = &day;
	rule.auto_reset = true;
	mlops_alert_rule_insert(&rule);
}

/* drop_alert_rule(name text) returns void */
Datum
mlops_drop_alert_rule(PG_FUNCTION_ARGS)
{
	char	   *name = mlops_required_text(fcinfo, 0, "name");
	MlopsAlertRule *rule;

	PreventCommandIfReadOnly("mlops.drop_alert_rule()");
	rule = find_rule(name);
	mlops_model_keep(check_manage(rule->model_id)->name);
	rule = find_rule(name);
	(void) check_manage(rule->model_id);
	mlops_alert_rule_delete(rule);
	PG_RETURN_VOID();
}

/* acknowledge(alert bigint, note text) returns void */
Datum
mlops_acknowledge(PG_FUNCTION_ARGS)
{
	MlopsAlert *alert;
	MlopsAlertRule *rule;
	bool		resolve;

	PreventCommandIfReadOnly("mlops.acknowledge()");
	mlops_check_given(fcinfo, 0, "alert");
	alert = mlops_alert_lookup(PG_GETARG_INT64(0));
	if (alert == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("alert " INT64_FORMAT " does not exist",
						PG_GETARG_INT64(0)),
				 errhint("The view mlops.alerts lists those that you may see.")));
	(void) check_manage(alert->model_id);
	if (strcmp(alert->state, "pending") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("alert " INT64_FORMAT " has not been raised",
						alert->alert_id),
				 errdetail("It is pending: seen %d times so far.",
						   alert->n_seen)));

	/* nothing else would ever resolve it */
	rule = mlops_alert_rule_lookup(alert->rule);
	resolve = rule == NULL || rule->rule_id != alert->rule_id ||
		!rule->auto_reset;
	mlops_alert_acknowledge(alert, mlops_optional_text(fcinfo, 1), resolve);
	PG_RETURN_VOID();
}

/* The rule of that name; 42704. */
static MlopsAlertRule *
find_rule(const char *name)
{
	MlopsAlertRule *rule = mlops_alert_rule_lookup(name);

	if (rule == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("alert rule \"%s\" does not exist", name),
				 errhint("The view mlops.alert_rules lists those that you may use.")));
	return rule;
}

/*
 * The model, which the current role may manage: 42501, or 42704 if it has
 * gone.
 */
static MlopsModel *
check_manage(int64 model_id)
{
	MlopsModel *model = mlops_model_by_id(model_id, NULL);

	if (model == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the model has just been dropped"),
				 errhint("What belonged to it is gone, too.")));
	mlops_model_check(model, MLOPS_MANAGE);
	return model;
}

/* The rule that the arguments describe, but for its model; 22004, 22023. */
static MlopsAlertRule *
rule_of(FunctionCallInfo fcinfo)
{
	MlopsAlertRule *rule = palloc0(sizeof(MlopsAlertRule));

	rule->name = mlops_optional_text(fcinfo, 1);
	if (rule->name != NULL &&
		(rule->name[0] == '\0' || strlen(rule->name) > 200))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must have 1 to 200 bytes", "name"),
				 errhint("NULL stands for the name of the model.")));
	rule->events = mlops_optional_list(fcinfo, 2);
	check_events(rule->events);
	rule->metrics = mlops_optional_list(fcinfo, 3);
	if (!PG_ARGISNULL(3))
		check_metrics(rule->metrics);
	rule->features = mlops_optional_list(fcinfo, 4);
	if (!PG_ARGISNULL(4))
		check_list("features", rule->features);
	rule->least_status = checked_word(fcinfo, 5, "least_status",
									  status_names, lengthof(status_names));
	rule->severity = checked_word(fcinfo, 6, "severity", severity_names,
								  lengthof(severity_names));
	mlops_check_given(fcinfo, 7, "min_count");
	mlops_check_given(fcinfo, 10, "auto_reset");
	rule->min_count = PG_GETARG_INT32(7);
	if (rule->min_count < 1 || rule->min_count > MLOPS_ALERT_TIMES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be from 1 to %d", "min_count",
						MLOPS_ALERT_TIMES),
				 errhint("So often something is seen before an alert is raised.")));
	rule->period = checked_interval(fcinfo, 8, "period", false);
	rule->cooldown = checked_interval(fcinfo, 9, "cooldown", true);
	if (rule->cooldown == NULL)
		rule->cooldown = palloc0(sizeof(Interval));
	rule->auto_reset = PG_GETARG_BOOL(10);
	return rule;
}

/* A text argument that is one of the words. */
static const char *
checked_word(FunctionCallInfo fcinfo, int argument, const char *name,
			 const char *const *words, int n)
{
	char	   *word = mlops_required_text(fcinfo, argument, name);

	check_word(name, word, words, n);
	return word;
}

/* 22023 unless the word is one of them. */
static void
check_word(const char *argument, const char *word,
		   const char *const *words, int n)
{
	const char *nearest;
	StringInfoData all;

	for (int i = 0; i < n; i++)
		if (strcmp(word, words[i]) == 0)
			return;
	nearest = mlops_closest_match(word, words, n);
	initStringInfo(&all);
	for (int i = 0; i < n; i++)
		appendStringInfo(&all, "%s%s", i == 0 ? "" :
						 i == n - 1 ? " or " : ", ", words[i]);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("argument \"%s\" cannot be \"%s\"", argument, word),
			 nearest != NULL ?
			 errhint("Perhaps you meant \"%s\".", nearest) :
			 errhint("It is %s.", all.data)));
}

/* An interval that is positive, or not negative; NULL if it is NULL. */
static Interval *
checked_interval(FunctionCallInfo fcinfo, int argument, const char *name,
				 bool may_be_zero)
{
	Interval   *interval;
	Interval	zero = {0};
	int			sign;

	if (PG_ARGISNULL(argument))
		return NULL;
	interval = PG_GETARG_INTERVAL_P(argument);
	sign = DatumGetInt32(DirectFunctionCall2(interval_cmp,
											 IntervalPGetDatum(interval),
											 IntervalPGetDatum(&zero)));
	if (mlops_interval_sign(interval) != 0 || sign < 0 ||
		(sign == 0 && !may_be_zero))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be %s", name,
						may_be_zero ? "0 or positive" : "positive"),
				 errhint("It is a span of time, such as '1 day'.")));
	return interval;
}

/* 22004 or 22023 unless all are events. */
static void
check_events(List *events)
{
	ListCell   *cell;

	if (events == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" names no events", "events"),
				 errhint("Such as '{drift,performance,no_data,failure}'.")));
	check_list("events", events);
	foreach(cell, events)
		check_word("events", lfirst(cell), event_names,
				   lengthof(event_names));
}

/* 22023 unless all are names that results of monitors have, or of groups. */
static void
check_metrics(List *metrics)
{
	Datum		none = JsonbPGetDatum(mlops_empty_object());
	List	   *others = NIL;
	ListCell   *cell;

	check_list("metrics", metrics);
	foreach(cell, metrics)
		if (strcmp(lfirst(cell), "drifted_share") != 0)
			others = lappend(others, lfirst(cell));
	(void) mlops_measures_of(others, DatumGetJsonbP(none));
}

/* 22023 unless all are features of some version of the model, or "*". */
static void
check_features(const MlopsModel *model, List *features)
{
	ListCell   *cell;

	foreach(cell, features)
		if (strcmp(lfirst(cell), "*") != 0 &&
			!mlops_model_has_feature(model->model_id, lfirst(cell)))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("model \"%s\" has no feature \"%s\"",
							model->name, (char *) lfirst(cell)),
					 errhint("The view mlops.baselines lists them; '*' stands for all.")));
}

/* 22023 for a list that is empty, or has empty names or a name twice. */
static void
check_list(const char *argument, List *names)
{
	ListCell   *cell;

	if (names == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" is an empty list", argument),
				 errhint("Leave it out for the default.")));
	foreach(cell, names)
	{
		ListCell   *other;

		if (((char *) lfirst(cell))[0] == '\0')
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"%s\" has an empty name", argument),
					 errhint("Write such as '{a,b}'.")));
		for_each_cell(other, names, lnext(names, cell))
			if (strcmp(lfirst(cell), lfirst(other)) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("argument \"%s\" names \"%s\" twice",
								argument, (char *) lfirst(cell)),
						 errhint("Once is enough.")));
	}
}
