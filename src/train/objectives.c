/*
 * objectives.c
 *		What XGBoost can be told to learn: objectives and their metrics.
 *
 * Versions of the library differ in the base score that they choose when none
 * is given: 1.7 takes 0.5 nearly always, later ones fit it.  So it is given
 * always, but where leaves are medians or quantiles, whose base score only
 * the library can fit, and does in all of its versions.
 */
#include "postgres.h"

#include <math.h>

#include "base/base.h"
#include "lib/stringinfo.h"
#include "train/objectives.h"

#define CLASS_METRICS	" logloss error error@ auc aucpr rmse mae "
#define NUMBER_METRICS	" rmse mae mape rmsle mphe "
#define RANK_METRICS	" ndcg ndcg@ map map@ pre pre@ auc aucpr "

/* Probabilities are kept this far from 0 and 1, counts and the like from 0. */
#define SMALLEST		1e-6

/* The first of each task is its default. */
static const MlopsObjective objectives[] = {
	{"binary:logistic", MLOPS_BINARY, MLOPS_LABEL_ANY, MLOPS_LINK_LOGIT,
		MLOPS_BASE_MEAN, "logloss", CLASS_METRICS, "log_loss"},
	{"binary:logitraw", MLOPS_BINARY, MLOPS_LABEL_ANY, MLOPS_LINK_IDENTITY,
		MLOPS_BASE_LOGIT, "logloss", CLASS_METRICS, "log_loss"},
	{"binary:hinge", MLOPS_BINARY, MLOPS_LABEL_ANY, MLOPS_LINK_IDENTITY,
		MLOPS_BASE_NEUTRAL, "error", " error auc aucpr rmse mae ",
		"accuracy"},
	{"multi:softprob", MLOPS_MULTICLASS, MLOPS_LABEL_ANY,
		MLOPS_LINK_IDENTITY, MLOPS_BASE_HALF, "mlogloss",
		" mlogloss merror auc ", "log_loss"},
	{"multi:softmax", MLOPS_MULTICLASS, MLOPS_LABEL_ANY,
		MLOPS_LINK_IDENTITY, MLOPS_BASE_HALF, "mlogloss",
		" mlogloss merror auc ", "log_loss"},
	{"reg:squarederror", MLOPS_REGRESSION, MLOPS_LABEL_ANY,
		MLOPS_LINK_IDENTITY, MLOPS_BASE_MEAN, "rmse", NUMBER_METRICS,
		"rmse"},
	{"reg:squaredlogerror", MLOPS_REGRESSION, MLOPS_LABEL_ABOVE_MINUS_ONE,
		MLOPS_LINK_IDENTITY, MLOPS_BASE_MEAN, "rmsle", NUMBER_METRICS,
		"rmse"},
	{"reg:logistic", MLOPS_REGRESSION, MLOPS_LABEL_UNIT, MLOPS_LINK_LOGIT,
		MLOPS_BASE_MEAN, "rmse", " rmse mae mape rmsle logloss ", "rmse"},
	{"reg:pseudohubererror", MLOPS_REGRESSION, MLOPS_LABEL_ANY,
		MLOPS_LINK_IDENTITY, MLOPS_BASE_MEAN, "mphe", NUMBER_METRICS, "mae"},
	{"reg:absoluteerror", MLOPS_REGRESSION, MLOPS_LABEL_ANY,
		MLOPS_LINK_IDENTITY, MLOPS_BASE_LIBRARY, "mae", NUMBER_METRICS,
		"mae", 107},
	{"reg:quantileerror", MLOPS_REGRESSION, MLOPS_LABEL_ANY,
		MLOPS_LINK_IDENTITY, MLOPS_BASE_LIBRARY, "quantile",
		" quantile rmse mae mape rmsle mphe ", "pinball_loss", 200},
	{"count:poisson", MLOPS_REGRESSION, MLOPS_LABEL_NOT_NEGATIVE,
		MLOPS_LINK_LOG, MLOPS_BASE_MEAN, "poisson-nloglik",
		" poisson-nloglik rmse mae rmsle ", "poisson_deviance"},
	{"reg:gamma", MLOPS_REGRESSION, MLOPS_LABEL_POSITIVE, MLOPS_LINK_LOG,
		MLOPS_BASE_MEAN, "gamma-nloglik",
		" gamma-nloglik gamma-deviance rmse mae mape rmsle ",
		"gamma_deviance"},
	{"reg:tweedie", MLOPS_REGRESSION, MLOPS_LABEL_NOT_NEGATIVE,
		MLOPS_LINK_LOG, MLOPS_BASE_MEAN, "tweedie-nloglik",
		" tweedie-nloglik tweedie-nloglik@ rmse mae rmsle ",
		"tweedie_deviance"},
	{"rank:ndcg", MLOPS_RANKING, MLOPS_LABEL_GRADE,
		MLOPS_LINK_IDENTITY, MLOPS_BASE_NEUTRAL, "ndcg", RANK_METRICS,
		"ndcg"},
	{"rank:pairwise", MLOPS_RANKING, MLOPS_LABEL_GRADE,
		MLOPS_LINK_IDENTITY, MLOPS_BASE_NEUTRAL, "ndcg", RANK_METRICS,
		"ndcg"},
	{"rank:map", MLOPS_RANKING, MLOPS_LABEL_RELEVANT,
		MLOPS_LINK_IDENTITY, MLOPS_BASE_NEUTRAL, "map", RANK_METRICS,
		"map"},
	{"survival:aft", MLOPS_SURVIVAL, MLOPS_LABEL_POSITIVE, MLOPS_LINK_LOG,
		MLOPS_BASE_MEAN, "aft-nloglik",
		" aft-nloglik interval-regression-accuracy ", "concordance"},
	{"survival:cox", MLOPS_SURVIVAL, MLOPS_LABEL_POSITIVE, MLOPS_LINK_LOG,
		MLOPS_BASE_NEUTRAL, "cox-nloglik", " cox-nloglik ", "concordance"},
};

static bool metric_fits(const char *allowed, const char *metric);

const MlopsObjective *
mlops_objective_named(const char *name)
{
	const MlopsObjective *objective = mlops_objective_known(name);
	const char *candidates[lengthof(objectives)];
	const char *closest;

	if (objective != NULL)
		return objective;
	for (int i = 0; i < lengthof(objectives); i++)
		candidates[i] = objectives[i].name;
	closest = strcmp(name, "reg:linear") == 0 ? "reg:squarederror" :
		mlops_closest_match(name, candidates, lengthof(objectives));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown objective: \"%s\"", name),
			 closest ? errhint("Perhaps you meant \"%s\".", closest) :
			 errhint("See docs/reference.md for the objectives.")));
}

const MlopsObjective *
mlops_objective_known(const char *name)
{
	for (int i = 0; i < lengthof(objectives); i++)
		if (strcmp(objectives[i].name, name) == 0)
			return &objectives[i];
	return NULL;
}

const MlopsObjective *
mlops_objective_default(MlopsTask task)
{
	for (int i = 0; i < lengthof(objectives); i++)
		if (objectives[i].task == task)
			return &objectives[i];
	elog(ERROR, "task %d has no objective", (int) task);
}

char *
mlops_objective_list(MlopsTask task)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < lengthof(objectives); i++)
		if (objectives[i].task == task)
			appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "",
							 objectives[i].name);
	return list.data;
}

void
mlops_objective_check_metric(const MlopsObjective *objective,
							 const char *metric)
{
	if (!metric_fits(objective->metrics, metric))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("eval_metric \"%s\" does not fit the objective %s",
						metric, objective->name),
				 errhint("One of these does:%s.",
						 pnstrdup(objective->metrics,
								  strlen(objective->metrics) - 1))));
}

bool
mlops_library_metric_maximized(const char *metric)
{
	static const char *const larger[] = {
		"auc", "ndcg", "map", "pre", "interval-regression-accuracy"
	};

	if (strcmp(metric, "mape") == 0)
		return false;
	for (int i = 0; i < lengthof(larger); i++)
		if (strncmp(metric, larger[i], strlen(larger[i])) == 0)
			return true;
	return false;
}

double
mlops_objective_base_score(const MlopsObjective *objective, double label_mean,
						   bool neutral)
{
	double		mean = label_mean;

	if (neutral || objective->base_score == MLOPS_BASE_NEUTRAL)
		return objective->link == MLOPS_LINK_LOGIT ? 0.5 :
			objective->link == MLOPS_LINK_LOG ? 1 : 0;
	if (objective->base_score == MLOPS_BASE_LIBRARY)
		return NAN;
	if (objective->base_score == MLOPS_BASE_HALF)
		return 0.5;
	if (objective->link == MLOPS_LINK_LOGIT ||
		objective->base_score == MLOPS_BASE_LOGIT)
		mean = Min(Max(mean, SMALLEST), 1 - SMALLEST);
	else if (objective->link == MLOPS_LINK_LOG)
		mean = Max(mean, SMALLEST);
	return objective->base_score == MLOPS_BASE_LOGIT ?
		log(mean / (1 - mean)) : mean;
}

/* Whether the metric, perhaps with a number behind an @, is among allowed. */
static bool
metric_fits(const char *allowed, const char *metric)
{
	const char *at = strchr(metric, '@');
	char	   *end;

	if (metric[0] == '\0' || strchr(metric, ' ') != NULL)
		return false;
	if (at == NULL)
		return strstr(allowed, psprintf(" %s ", metric)) != NULL;
	if (strstr(allowed, psprintf(" %.*s ", (int) (at - metric) + 1,
								 metric)) == NULL ||
		strlen(at) > 10 || at[1] < '0' || at[1] > '9')
		return false;
	/* a threshold, a power, or a whole number of rows */
	if (strncmp(metric, "error@", 6) == 0)
		return strtod(at + 1, &end) < 1 && *end == '\0';
	if (strncmp(metric, "tweedie", 7) == 0)
		return strtod(at + 1, &end) < 2 && *end == '\0' && atof(at + 1) >= 1;
	return strtol(at + 1, &end, 10) >= 1 && *end == '\0';
}
