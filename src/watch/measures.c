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
#include "math/metrics.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "watch/measures.h"

#define ESTIMATED	"estimated_"

/* Standard errors that a metric may be worse by. */
#define POTENTIAL_ERRORS	2
#define DETECTED_ERRORS		3

static const char *const groups[] = {
	"drift", "consecutive_drift", "performance", "estimate"
};

/* Metrics that have a better and a worse. */
static const char *const metric_names[] = {
	"roc_auc", "pr_auc", "accuracy", "precision", "recall", "f1", "mcc",
	"gini", "r2", "f1_macro", "balanced_accuracy", "roc_auc_ovr", "ndcg",
	"ndcg_5", "ndcg_10", "map", "mrr", "concordance", "log_loss", "brier",
	"rmse", "mae", "mape", "poisson_deviance", "gamma_deviance",
	"tweedie_deviance", "pinball_loss", "mae_observed"
};

/* Metrics that have none, and are kept only. */
static const char *const neutral_names[] = {
	"base_rate", "mean_error", "coverage"
};

static void add_wish(MlopsMeasures *measures, const char *name);
static bool is_among(const char *name, const char *const *names, int n);
static int	figure_of(const char *name);
static bool is_metric(const char *name);
static void unknown_metric(const char *name) pg_attribute_noreturn();
static Jsonb *drift_thresholds(Jsonb *thresholds);
static void check_bound(const char *name, const JsonbValue *value);
static bool bound_of(Jsonb *thresholds, const char *name,
					 MlopsThreshold *bound);
static double number_of(const JsonbValue *value);

MlopsMeasures *
mlops_measures_of(List *metrics, Jsonb *thresholds)
{
	MlopsMeasures *measures = palloc0(sizeof(MlopsMeasures));
	bool		named = false;
	ListCell   *cell;

	if (!JB_ROOT_IS_OBJECT(thresholds))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("thresholds must be a JSON object"),
				 errhint("Write them as in '{\"psi\": 0.2, \"roc_auc\": 0.7}'.")));
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
	ListCell   *cell;

	foreach(cell, wanted)
		if (strcmp(lfirst(cell), metric) == 0)
			return true;
	return wanted == NIL;
}

MlopsDriftStatus
mlops_measures_judge(const MlopsMeasures *measures,
					 const MlopsJudged *judged, double *threshold)
{
	int			sign = mlops_metric_direction(judged->name);
	const char *name = judged->estimated ?
		psprintf(ESTIMATED "%s", judged->name) : judged->name;
	MlopsThreshold bound = {NAN, NAN};
	bool		few = judged->n < measures->options.min_rows ||
		isnan(judged->value);

	*threshold = NAN;
	if (sign == 0)
		return few ? MLOPS_DRIFT_INSUFFICIENT : MLOPS_DRIFT_NONE;
	if (!bound_of(measures->thresholds, name, &bound))
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
	int			figure = figure_of(name);
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

/* Is a name in an array of them? */
static bool
is_among(const char *name, const char *const *names, int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* The figure of drift of that name, -1 if there is none. */
static int
figure_of(const char *name)
{
	for (int i = 0; i < MLOPS_DECIDERS; i++)
		if (strcmp(mlops_figure_names[i], name) == 0)
			return i;
	return -1;
}

/* Is it the name of a metric of performance? */
static bool
is_metric(const char *name)
{
	return is_among(name, metric_names, lengthof(metric_names)) ||
		is_among(name, neutral_names, lengthof(neutral_names));
}

/* 22023: there is no such metric. */
static void
unknown_metric(const char *name)
{
	const char *names[lengthof(groups) + lengthof(metric_names) +
					  lengthof(neutral_names) + MLOPS_DECIDERS];
	const char *nearest;
	int			n = 0;

	for (int i = 0; i < lengthof(groups); i++)
		names[n++] = groups[i];
	for (int i = 0; i < lengthof(metric_names); i++)
		names[n++] = metric_names[i];
	for (int i = 0; i < lengthof(neutral_names); i++)
		names[n++] = neutral_names[i];
	for (int i = 0; i < MLOPS_DECIDERS; i++)
		names[n++] = mlops_figure_names[i];
	nearest = mlops_closest_match(name, names, n);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("there is no metric \"%s\"", name),
			 nearest != NULL ? errhint("Perhaps \"%s\" is meant.", nearest) :
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
	JsonbIterator *iterator = JsonbIteratorInit(&thresholds->root);
	JsonbIteratorToken token;
	JsonbValue	key = {0};
	JsonbValue	value;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *name;

		if (token == WJB_KEY)
			key = value;
		if (token != WJB_VALUE)
			continue;
		name = pnstrdup(key.val.string.val, key.val.string.len);
		if (is_metric(name) || (strncmp(name, ESTIMATED,
										strlen(ESTIMATED)) == 0 &&
								is_metric(name + strlen(ESTIMATED))))
		{
			check_bound(name, &value);
			continue;
		}
		/* it is called so where its value is shown */
		if (strcmp(name, "drifted_share") == 0)
		{
			key.val.string.val = "drift_share";
			key.val.string.len = strlen("drift_share");
		}
		pushJsonbValue(&state, WJB_KEY, &key);
		pushJsonbValue(&state, WJB_VALUE, &value);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* 22023 unless it is a number, two of them, or null. */
static void
check_bound(const char *name, const JsonbValue *value)
{
	bool		good = value->type == jbvNull || !isnan(number_of(value));

	if (value->type == jbvBinary &&
		JsonContainerIsArray(value->val.binary.data) &&
		JsonContainerSize(value->val.binary.data) == 2)
	{
		JsonbContainer *array = value->val.binary.data;

		good = !isnan(number_of(getIthJsonbValueFromContainer(array, 0))) &&
			!isnan(number_of(getIthJsonbValueFromContainer(array, 1)));
	}
	if (!good)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("threshold \"%s\" is not understood", name),
				 errdetail("It is one number, beyond which the metric is bad, or two in an array, for potentially and surely bad, or null.")));
}

/* The threshold of a metric; false if there is none. */
static bool
bound_of(Jsonb *thresholds, const char *name, MlopsThreshold *bound)
{
	JsonbValue	buffer;
	JsonbValue *value = getKeyJsonValueFromContainer(&thresholds->root, name,
													 strlen(name), &buffer);

	if (value == NULL)
		return false;
	if (value->type == jbvBinary)
	{
		JsonbContainer *array = value->val.binary.data;

		bound->potential = number_of(getIthJsonbValueFromContainer(array, 0));
		bound->detected = number_of(getIthJsonbValueFromContainer(array, 1));
	}
	else if (value->type != jbvNull)
		bound->detected = number_of(value);
	return true;
}

/* A number, NaN if it is none. */
static double
number_of(const JsonbValue *value)
{
	return value->type != jbvNumeric ? NAN :
		DatumGetFloat8(DirectFunctionCall1(numeric_float8,
										   NumericGetDatum(value->val.numeric)));
}
