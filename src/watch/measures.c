/*
 * measures.c
 *		What a monitor measures, and when a figure of it is bad.
 *
 * The names of figures of drift, of metrics and of groups of them are one
 * vocabulary; thresholds are members of one object.  Those of drift are left
 * to verdict.c.
 */
#include "postgres.h"

#include <math.h>

#include "base/base.h"
#include "base/compat.h"
#include "base/members.h"
#include "math/metrics.h"
#include "watch/measures.h"

#define ESTIMATED	"estimated_"

/* Standard errors that a metric may be worse by. */
#define POTENTIAL_ERRORS	2
#define DETECTED_ERRORS		3

/* Metrics of performance that there are at most. */
#define MOST_METRICS		40

static const char *const groups[] = {
	"drift", "consecutive_drift", "performance", "estimate"
};

static void add_wish(MlopsMeasures *measures, const char *name);
static bool is_metric(const char *name);
static void unknown_metric(const char *name) pg_attribute_noreturn();
static Jsonb *drift_thresholds(Jsonb *thresholds);
static void check_bound(const char *name, const JsonbValue *value);
static MlopsThreshold bound_of(const JsonbValue *value);

MlopsMeasures *
mlops_measures_of(List *metrics, Jsonb *thresholds)
{
	MlopsMeasures *measures = palloc0(sizeof(MlopsMeasures));
	bool		named = false;
	ListCell   *cell;

	mlops_object_check(thresholds, "thresholds",
					   "{\"psi\": 0.2, \"roc_auc\": 0.7}");
	measures->thresholds = thresholds;
	mlops_drift_options(&measures->options, drift_thresholds(thresholds));
	if (metrics == NIL)
	{
		measures->drift = true;
		measures->performance = MLOPS_IF_LABELLED;
	}
	foreach(cell, metrics)
		add_wish(measures, lfirst(cell));

	/* figures that are named decide alone */
	for (int i = 0; i < MLOPS_DECIDERS; i++)
		named |= measures->figures[i];
	for (int i = 0; i < MLOPS_DECIDERS; i++)
	{
		MlopsThreshold *bound = &measures->options.threshold[i];

		if (!named)
			measures->figures[i] = !isnan(bound->potential) ||
				!isnan(bound->detected) || measures->options.learned[i];
		else if (!measures->figures[i])
		{
			*bound = (MlopsThreshold) {NAN, NAN};
			measures->options.learned[i] = false;
		}
	}
	measures->drift |= named;
	return measures;
}

bool
mlops_measures_want(const MlopsMeasures *measures, const char *metric,
					bool estimated)
{
	List	   *wanted = estimated ? measures->estimated : measures->metrics;

	return wanted == NIL || mlops_names_have(wanted, metric);
}

MlopsDriftStatus
mlops_measures_judge(const MlopsMeasures *measures,
					 const MlopsJudged *judged, double *threshold)
{
	int			sign = mlops_metric_direction(judged->name);
	const char *name = judged->estimated ?
		psprintf(ESTIMATED "%s", judged->name) : judged->name;
	JsonbValue	buffer;
	JsonbValue *given =
		getKeyJsonValueFromContainer(&measures->thresholds->root, name,
									 strlen(name), &buffer);
	MlopsThreshold bound;
	bool		few = judged->n < measures->options.min_rows ||
		isnan(judged->value);

	*threshold = NAN;
	if (sign == 0)
		return few ? MLOPS_DRIFT_INSUFFICIENT : MLOPS_DRIFT_NONE;
	if (given != NULL)
		bound = bound_of(given);
	else
	{
		double		error = sqrt(judged->error * judged->error +
								 judged->expected_error *
								 judged->expected_error);

		bound.potential = judged->expected - sign * POTENTIAL_ERRORS * error;
		bound.detected = judged->expected - sign * DETECTED_ERRORS * error;
	}
	*threshold = isnan(bound.detected) ? bound.potential : bound.detected;
	if (few)
		return MLOPS_DRIFT_INSUFFICIENT;
	if (sign * judged->value < sign * bound.detected)
		return MLOPS_DRIFT_DETECTED;
	return sign * judged->value < sign * bound.potential ?
		MLOPS_DRIFT_POTENTIAL : MLOPS_DRIFT_NONE;
}

/* One name of the list of metrics; 22023. */
static void
add_wish(MlopsMeasures *measures, const char *name)
{
	int			figure = mlops_word_place(name, mlops_figure_names,
										  MLOPS_DECIDERS);
	size_t		prefix = strlen(ESTIMATED);

	if (figure >= 0)
		measures->figures[figure] = true;
	else if (strcmp(name, "drift") == 0)
		measures->drift = true;
	else if (strcmp(name, "consecutive_drift") == 0)
		measures->consecutive = true;
	else if (strcmp(name, "performance") == 0)
		measures->performance = MLOPS_WANTED;
	else if (strcmp(name, "estimate") == 0)
		measures->estimate = true;
	else if (strncmp(name, ESTIMATED, prefix) == 0 &&
			 is_metric(name + prefix))
	{
		measures->estimate = true;
		measures->estimated = lappend(measures->estimated,
									  unconstify(char *, name + prefix));
	}
	else if (is_metric(name))
	{
		measures->performance = MLOPS_WANTED;
		measures->metrics = lappend(measures->metrics,
									unconstify(char *, name));
	}
	else
		unknown_metric(name);
}

/* Is it the name of a metric of performance? */
static bool
is_metric(const char *name)
{
	for (const MlopsKnownMetric *known = mlops_known_metrics;
		 known->name != NULL; known++)
		if (strcmp(known->name, name) == 0)
			return true;
	return false;
}

/* 22023: there is no such metric. */
static void
unknown_metric(const char *name)
{
	const char *names[lengthof(groups) + MLOPS_DECIDERS + MOST_METRICS];
	const char *nearest;
	int			n = 0;

	for (int i = 0; i < lengthof(groups); i++)
		names[n++] = groups[i];
	for (int i = 0; i < MLOPS_DECIDERS; i++)
		names[n++] = mlops_figure_names[i];
	for (const MlopsKnownMetric *known = mlops_known_metrics;
		 known->name != NULL; known++)
		names[n++] = known->name;
	nearest = mlops_closest_match(name, names, n);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("there is no metric \"%s\"", name),
			 nearest != NULL ? errhint("Perhaps you meant \"%s\".", nearest) :
			 errhint("There are figures of drift such as psi, metrics such as roc_auc, estimated_roc_auc, and the groups drift, consecutive_drift, performance and estimate.")));
}

/*
 * The members that are drift's; what others are is checked.  NULL if there
 * are none.
 */
static Jsonb *
drift_thresholds(Jsonb *thresholds)
{
	JsonbParseState *state = NULL;
	MlopsMembers members;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	mlops_members_begin(&members, &thresholds->root);
	while (mlops_members_next(&members))
	{
		JsonbValue	key = {.type = jbvString};
		char	   *name = members.name;
		size_t		prefix = strlen(ESTIMATED);

		if (is_metric(name) || (strncmp(name, ESTIMATED, prefix) == 0 &&
								is_metric(name + prefix)))
		{
			check_bound(name, &members.value);
			continue;
		}
		/* it is called so where its value is shown */
		if (strcmp(name, "drifted_share") == 0)
			name = "drift_share";
		key.val.string.val = name;
		key.val.string.len = strlen(name);
		pushJsonbValue(&state, WJB_KEY, &key);
		pushJsonbValue(&state, WJB_VALUE, &members.value);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* 22023 unless it is a number, two of them, or null. */
static void
check_bound(const char *name, const JsonbValue *value)
{
	MlopsThreshold bound = bound_of(value);
	bool		good = value->type == jbvNull ||
		(!isnan(bound.detected) &&
		 (value->type == jbvNumeric || !isnan(bound.potential)));

	if (!good)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("threshold \"%s\" is not understood", name),
				 errdetail("It is one number, beyond which the metric is bad, or two in an array, for potentially and surely bad, or null.")));
}

/* The threshold that a member says: NaN where it says none. */
static MlopsThreshold
bound_of(const JsonbValue *value)
{
	MlopsThreshold bound = {NAN, mlops_member_number(value)};

	if (mlops_member_is_array(value, 2))
	{
		JsonbContainer *both = value->val.binary.data;

		bound.potential =
			mlops_member_number(getIthJsonbValueFromContainer(both, 0));
		bound.detected =
			mlops_member_number(getIthJsonbValueFromContainer(both, 1));
	}
	return bound;
}
