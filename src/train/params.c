/*
 * params.c
 *		Training parameters: names, ranges, defaults.
 *
 * The names of the library and those of its scikit-learn interface are both
 * understood.  What would make a training depend on the machine (threads,
 * devices) or on files is not a parameter.
 */
#include "postgres.h"

#include <math.h>

#include "base/base.h"
#include "train/params.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/numeric.h"

typedef enum ParamKind
{
	PARAM_INTEGER,
	PARAM_REAL,
	PARAM_CHOICE
} ParamKind;

/* A parameter that libxgboost knows. */
typedef struct ParamRule
{
	const char *name;			/* as libxgboost calls it */
	const char *alias;			/* or NULL */
	ParamKind	kind;
	double		low;
	bool		low_open;		/* low itself is out of range */
	double		high;
	const char *choices;		/* separated by blanks, both ends too */
} ParamRule;

/*
 * Bounds are those of libxgboost where it has any, else what still makes
 * sense and neither overflows float32 nor takes memory without bound.
 */
static const ParamRule rules[] = {
	{"alpha", "reg_alpha", PARAM_REAL, 0, false, 1e12, NULL},
	{"base_score", NULL, PARAM_REAL, -1e30, false, 1e30, NULL},
	{"colsample_bylevel", NULL, PARAM_REAL, 0, true, 1, NULL},
	{"colsample_bynode", NULL, PARAM_REAL, 0, true, 1, NULL},
	{"colsample_bytree", NULL, PARAM_REAL, 0, true, 1, NULL},
	{"early_stopping_rounds", NULL, PARAM_INTEGER, 0, false, 100000, NULL},
	{"eta", "learning_rate", PARAM_REAL, 0, true, 1, NULL},
	{"eval_metric", NULL, PARAM_CHOICE, 0, false, 0,
	" rmse mae mape rmsle logloss error auc aucpr mlogloss merror "},
	{"gamma", "min_split_loss", PARAM_REAL, 0, false, 1e12, NULL},
	{"grow_policy", NULL, PARAM_CHOICE, 0, false, 0,
	" depthwise lossguide "},
	{"lambda", "reg_lambda", PARAM_REAL, 0, false, 1e12, NULL},
	{"max_bin", NULL, PARAM_INTEGER, 2, false, 4096, NULL},
	{"max_cat_threshold", NULL, PARAM_INTEGER, 1, false, 65536, NULL},
	{"max_cat_to_onehot", NULL, PARAM_INTEGER, 1, false, 65536, NULL},
	{"max_delta_step", NULL, PARAM_REAL, 0, false, 1e12, NULL},
	{"max_depth", NULL, PARAM_INTEGER, 0, false, 24, NULL},
	{"max_leaves", NULL, PARAM_INTEGER, 0, false, 1000000, NULL},
	{"min_child_weight", NULL, PARAM_REAL, 0, false, 1e12, NULL},
	{"num_boost_round", "n_estimators", PARAM_INTEGER, 1, false, 100000, NULL},
	{"scale_pos_weight", NULL, PARAM_REAL, 0, true, 1e12, NULL},
	{"subsample", NULL, PARAM_REAL, 0, true, 1, NULL},
	{"tree_method", NULL, PARAM_CHOICE, 0, false, 0, " hist "},
};

/* Names that people will try, and where that is set instead. */
static const char *const elsewhere[][2] = {
	{"device", "Training runs on the processor."},
	{"n_jobs", "Set mlops.threads."},
	{"nthread", "Set mlops.threads."},
	{"num_class", "It follows from the target."},
	{"objective", "It follows from the argument task."},
	{"random_state", "Use the argument seed of mlops.train()."},
	{"seed", "Use the argument seed of mlops.train()."},
	{"verbosity", "The view mlops.stat_progress_train shows the progress."},
};

static const ParamRule *find_rule(const char *name);
static void report_unknown(const char *name) pg_attribute_noreturn();
static void accept(MlopsParams *params, const ParamRule *rule,
				   const char *spelled, const JsonbValue *value);
static double number_value(const ParamRule *rule, const char *spelled,
						   const JsonbValue *value);
static char *choice_value(const ParamRule *rule, const char *spelled,
						  const JsonbValue *value);
static void check_range(const ParamRule *rule, const char *spelled,
						double number);
static void check_together(const MlopsParams *params);
static const char *given_value(const MlopsParams *params, const char *name);

MlopsParams *
mlops_params_parse(Jsonb *object)
{
	MlopsParams *params = palloc0(sizeof(MlopsParams));
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	const ParamRule *rule = NULL;
	char	   *name = NULL;

	if (!JB_ROOT_IS_OBJECT(object))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("params must be a JSON object"),
				 errhint("Write them as in '{\"max_depth\": 4}'.")));
	params->n_rounds = 100;
	params->early_stopping = -1;
	params->max_bin = 256;
	params->given = palloc0(sizeof(MlopsTrainerParam) * lengthof(rules));

	iterator = JsonbIteratorInit(&object->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			name = pnstrdup(value.val.string.val, value.val.string.len);
			rule = find_rule(name);
			if (rule == NULL)
				report_unknown(name);
		}
		else if (token == WJB_VALUE)
			accept(params, rule, name, &value);
	}
	check_together(params);
	return params;
}

MlopsTrainerParam *
mlops_params_complete(const MlopsParams *params, MlopsTask task,
					  int n_classes, double label_mean, int64 seed, int *n)
{
	MlopsTrainerParam *all = palloc0(sizeof(MlopsTrainerParam) *
									 (params->n_given + 8));
	double		base_score = task == MLOPS_MULTICLASS ? 0.5 : label_mean;
	bool		unused;

	*n = 0;
	all[(*n)++] = (MlopsTrainerParam) {"booster", "gbtree"};
	all[(*n)++] = (MlopsTrainerParam) {"tree_method", "hist"};
	all[(*n)++] = (MlopsTrainerParam) {"objective", mlops_task_objective(task)};
	if (task == MLOPS_MULTICLASS)
		all[(*n)++] = (MlopsTrainerParam) {"num_class", psprintf("%d", n_classes)};
	if (params->has_base_score)
		base_score = params->base_score;
	if (task == MLOPS_BINARY && (base_score <= 0 || base_score >= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("base_score must lie between 0 and 1, but is %g",
						base_score)));
	all[(*n)++] = (MlopsTrainerParam) {"base_score",
	psprintf("%.9g", base_score)};
	all[(*n)++] = (MlopsTrainerParam) {"seed", psprintf(INT64_FORMAT, seed)};
	all[(*n)++] = (MlopsTrainerParam) {"max_bin",
	psprintf("%d", params->max_bin)};
	all[(*n)++] = (MlopsTrainerParam) {"eval_metric",
	mlops_params_metric(params, task, &unused)};
	for (int i = 0; i < params->n_given; i++)
		all[(*n)++] = params->given[i];
	return all;
}

const char *
mlops_params_metric(const MlopsParams *params, MlopsTask task, bool *maximize)
{
	static const char *const defaults[] = {"logloss", "mlogloss", "rmse"};
	static const char *const allowed[] = {
		" logloss error auc aucpr rmse mae ",
		" mlogloss merror ",
		" rmse mae mape rmsle ",
	};
	const char *metric = params->eval_metric;

	if (metric == NULL)
		metric = defaults[task];
	else if (strstr(allowed[task], psprintf(" %s ", metric)) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("eval_metric \"%s\" does not fit the task %s",
						metric, mlops_task_name(task)),
				 errhint("One of these does:%s.",
						 pnstrdup(allowed[task], strlen(allowed[task]) - 1))));
	*maximize = strncmp(metric, "auc", 3) == 0;
	return metric;
}

const char *
mlops_task_objective(MlopsTask task)
{
	static const char *const objectives[] = {
		"binary:logistic", "multi:softprob", "reg:squarederror"
	};

	return objectives[task];
}

/* The rule of that name or alias, or NULL. */
static const ParamRule *
find_rule(const char *name)
{
	for (int i = 0; i < lengthof(rules); i++)
		if (strcmp(rules[i].name, name) == 0 ||
			(rules[i].alias && strcmp(rules[i].alias, name) == 0))
			return &rules[i];
	return NULL;
}

/* Say that there is no such parameter, and what may have been meant. */
static void
report_unknown(const char *name)
{
	const char *candidates[2 * lengthof(rules)];
	const char *closest;
	int			n = 0;

	for (int i = 0; i < lengthof(elsewhere); i++)
		if (strcmp(name, elsewhere[i][0]) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"%s\" is not a training parameter", name),
					 errhint("%s", elsewhere[i][1])));
	for (int i = 0; i < lengthof(rules); i++)
	{
		candidates[n++] = rules[i].name;
		if (rules[i].alias)
			candidates[n++] = rules[i].alias;
	}
	closest = mlops_closest_match(name, candidates, n);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" is not a training parameter", name),
			 closest ? errhint("Perhaps you meant \"%s\".", closest) :
			 errhint("docs/reference.md lists the parameters.")));
}

/* Check a parameter and keep it. */
static void
accept(MlopsParams *params, const ParamRule *rule, const char *spelled,
	   const JsonbValue *value)
{
	double		number = 0;
	char	   *text;

	if ((params->seen & (UINT64CONST(1) << (rule - rules))) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"%s\" is given twice", rule->name),
				 errdetail("\"%s\" and \"%s\" are the same.", rule->name,
						   rule->alias ? rule->alias : rule->name)));
	params->seen |= UINT64CONST(1) << (rule - rules);
	if (rule->kind == PARAM_CHOICE)
		text = choice_value(rule, spelled, value);
	else
	{
		number = number_value(rule, spelled, value);
		text = rule->kind == PARAM_INTEGER ?
			psprintf("%d", (int) number) : float8out_internal(number);
	}

	if (strcmp(rule->name, "num_boost_round") == 0)
		params->n_rounds = (int) number;
	else if (strcmp(rule->name, "early_stopping_rounds") == 0)
		params->early_stopping = (int) number;
	else if (strcmp(rule->name, "max_bin") == 0)
		params->max_bin = (int) number;
	else if (strcmp(rule->name, "eval_metric") == 0)
		params->eval_metric = text;
	else if (strcmp(rule->name, "base_score") == 0)
	{
		params->has_base_score = true;
		params->base_score = number;
	}
	else if (strcmp(rule->name, "tree_method") != 0)
		params->given[params->n_given++] =
			(MlopsTrainerParam) {rule->name, text};
}

/* The number of a parameter, in range. */
static double
number_value(const ParamRule *rule, const char *spelled,
			 const JsonbValue *value)
{
	double		number;

	if (value->type != jbvNumeric)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"%s\" must be a number", spelled)));
	number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
												NumericGetDatum(value->val.numeric)));
	check_range(rule, spelled, number);
	return number;
}

/* 22023 unless the number is in the rule's range. */
static void
check_range(const ParamRule *rule, const char *spelled, double number)
{
	if (isnan(number) || number < rule->low || number > rule->high ||
		(rule->low_open && number == rule->low))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"%s\" is out of range: %g", spelled,
						number),
				 errhint("It must be %s %g and at most %g.",
						 rule->low_open ? "greater than" : "at least",
						 rule->low, rule->high)));
	if (rule->kind == PARAM_INTEGER && number != rint(number))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"%s\" must be a whole number, but is %g",
						spelled, number)));
}

/* The word of a parameter, one of the rule's choices. */
static char *
choice_value(const ParamRule *rule, const char *spelled,
			 const JsonbValue *value)
{
	char	   *word = NULL;

	if (value->type == jbvString)
		word = pnstrdup(value->val.string.val, value->val.string.len);
	if (word == NULL || word[0] == '\0' || strchr(word, ' ') != NULL ||
		strstr(rule->choices, psprintf(" %s ", word)) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value of parameter \"%s\"", spelled),
				 errhint("It must be one of these:%s.",
						 pnstrdup(rule->choices, strlen(rule->choices) - 1))));
	return word;
}

/* What libxgboost would refuse, or never end with, in combination. */
static void
check_together(const MlopsParams *params)
{
	const char *depth = given_value(params, "max_depth");
	const char *leaves = given_value(params, "max_leaves");
	const char *policy = given_value(params, "grow_policy");

	if (depth != NULL && strcmp(depth, "0") == 0 &&
		(leaves == NULL || strcmp(leaves, "0") == 0 ||
		 policy == NULL || strcmp(policy, "lossguide") != 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_depth 0 leaves the size of trees without a bound"),
				 errhint("Give max_leaves and \"grow_policy\": \"lossguide\" as well.")));
}

/* The value of a parameter as libxgboost will get it, or NULL. */
static const char *
given_value(const MlopsParams *params, const char *name)
{
	for (int i = 0; i < params->n_given; i++)
		if (strcmp(params->given[i].name, name) == 0)
			return params->given[i].value;
	return NULL;
}
