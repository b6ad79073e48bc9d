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
#include "base/compat.h"
#include "train/constraints.h"
#include "train/param_rules.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/numeric.h"

static const char *booster_name(MlopsBooster booster);
static const MlopsParamRule *find_rule(const char *name);
static void report_unknown(const char *name) pg_attribute_noreturn();
static void accept(MlopsParams *params, const MlopsParamRule *rule,
				   const char *spelled, const JsonbValue *value);
static double number_value(const MlopsParamRule *rule, const char *spelled,
						   const JsonbValue *value);
static char *choice_value(const MlopsParamRule *rule, const char *spelled,
						  const JsonbValue *value);
static void check_range(const MlopsParamRule *rule, const char *spelled,
						double number);
static double flag_value(const char *spelled, const JsonbValue *value);
static void take_metrics(MlopsParams *params, const char *spelled,
						 const JsonbValue *value);
static char *metric_word(const char *spelled, const JsonbValue *value);
static bool take_special(MlopsParams *params, const char *name, char *text,
						 double number);
static void check_together(const MlopsParams *params);
static void check_objective(const MlopsParams *params,
							const MlopsObjective *objective);
static const char *objectives_of(const char *prefix);
static void check_base_score(const MlopsObjective *objective,
							 double base_score);
static void add_defaults(const MlopsParams *params,
						 const MlopsObjective *objective,
						 MlopsTrainerParam *all, int *n);
static const char *fallback_of(const MlopsParamRule *rule,
							   const MlopsParams *params,
							   const MlopsObjective *objective);
static bool is_seen(const MlopsParams *params, const MlopsParamRule *rule);
static const char *given_value(const MlopsParams *params, const char *name);

MlopsParams *
mlops_params_parse(Jsonb *object)
{
	MlopsParams *params = palloc0(sizeof(MlopsParams));
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	const MlopsParamRule *rule = NULL;
	char	   *name = NULL;

	if (!JB_ROOT_IS_OBJECT(object))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("params must be a JSON object"),
				 errhint("Write them as in '{\"max_depth\": 4}'.")));
	params->n_rounds = 100;
	params->early_stopping = -1;
	params->max_bin = 256;
	params->num_parallel_tree = 1;
	params->given = palloc0(sizeof(MlopsTrainerParam) * MLOPS_N_PARAM_RULES);

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
		else if (token == WJB_VALUE && rule != NULL)
			accept(params, rule, name, &value);
	}
	check_together(params);
	return params;
}

Jsonb *
mlops_params_with_rounds(Jsonb *object, int64 n_rounds)
{
	JsonbParseState *state = NULL;
	JsonbIterator *iterator = JsonbIteratorInit(&object->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	bool		skip = false;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		const MlopsParamRule *rule;

		if (token == WJB_KEY)
		{
			rule = find_rule(pnstrdup(value.val.string.val,
									  value.val.string.len));
			skip = rule != NULL &&
				(strcmp(rule->name, "num_boost_round") == 0 ||
				 strcmp(rule->name, "early_stopping_rounds") == 0);
		}
		if (!skip && (token == WJB_KEY || token == WJB_VALUE))
			pushJsonbValue(&state, token, &value);
	}
	value.type = jbvString;
	value.val.string.val = "num_boost_round";
	value.val.string.len = strlen("num_boost_round");
	pushJsonbValue(&state, WJB_KEY, &value);
	value.type = jbvNumeric;
	value.val.numeric = int64_to_numeric(n_rounds);
	pushJsonbValue(&state, WJB_VALUE, &value);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

void
mlops_params_go_on(MlopsParams *params, const char *booster,
				   const MlopsObjective *objective, int num_parallel_tree)
{
	const char *given = NULL;
	const char *was = NULL;

	if (params->has_base_score)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("base_score cannot be given with init_model"),
				 errhint("The model has one already.")));
	if (is_seen(params, find_rule("booster")) &&
		strcmp(booster_name(params->booster), booster) != 0)
	{
		given = booster_name(params->booster);
		was = booster;
	}
	else if (params->objective != NULL && params->objective != objective)
	{
		given = params->objective->name;
		was = objective->name;
	}
	else if (is_seen(params, find_rule("num_parallel_tree")) &&
			 params->num_parallel_tree != num_parallel_tree)
	{
		given = psprintf("num_parallel_tree %d", params->num_parallel_tree);
		was = psprintf("num_parallel_tree %d", num_parallel_tree);
	}
	if (given != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("init_model was trained with other parameters"),
				 errdetail("It has %s, not %s.", was, given)));
	params->go_on = true;
	params->objective = objective;
	params->num_parallel_tree = num_parallel_tree;
	while (strcmp(booster_name(params->booster), booster) != 0)
		params->booster = (params->booster + 1) % (MLOPS_GBLINEAR + 1);
	check_together(params);
}

void
mlops_params_check(const MlopsParams *params, const MlopsSignature *signature)
{
	(void) mlops_monotone_text(params->monotone, signature);
	(void) mlops_interaction_text(params->interaction, signature);
	if (params->booster != MLOPS_GBLINEAR)
		return;
	for (int i = 0; i < signature->n_features; i++)
		if (signature->categorical[i])
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("booster gblinear takes no categories"),
					 errdetail("Feature \"%s\" is one.",
							   signature->feature_names[i]),
					 errhint("Exclude it, or make a column of numbers or booleans of it.")));
}

void
mlops_params_check_library(const MlopsParams *params, const char *version)
{
	int			major = 0;
	int			minor = 0;
	int			there;
	const char *what = NULL;
	int			since = 0;

	if (sscanf(version, "%d.%d", &major, &minor) != 2)
		elog(ERROR, "unexpected version of libxgboost: \"%s\"", version);
	there = major * 100 + minor;
	for (int i = 0; i < MLOPS_N_PARAM_RULES; i++)
		if (is_seen(params, &mlops_param_rules[i]) && mlops_param_rules[i].since > there)
		{
			what = psprintf("parameter \"%s\"", mlops_param_rules[i].name);
			since = mlops_param_rules[i].since;
		}
	if (params->objective != NULL && params->objective->since > there)
	{
		what = psprintf("objective %s", params->objective->name);
		since = params->objective->since;
	}
	if (what != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s needs libxgboost %d.%d or later", what,
						since / 100, since % 100),
				 errdetail("This server trains with libxgboost %s.",
						   version)));
}

const MlopsObjective *
mlops_params_objective(const MlopsParams *params, MlopsTask task)
{
	return params->objective != NULL ? params->objective :
		mlops_objective_default(task);
}

MlopsTrainerParam *
mlops_params_complete(const MlopsParams *params, const MlopsDataset *dataset,
					  int64 seed, int *n)
{
	const MlopsObjective *objective = mlops_params_objective(params,
															 dataset->task);
	MlopsTrainerParam *all = palloc0(sizeof(MlopsTrainerParam) *
									 (MLOPS_N_PARAM_RULES + params->n_given +
									  MLOPS_MAX_EVAL_METRICS + 16));
	const char *metrics[MLOPS_MAX_EVAL_METRICS];
	int			n_metrics = mlops_params_metrics(params, objective, metrics);
	double		base_score = params->has_base_score ? params->base_score :
		mlops_objective_base_score(objective, dataset->label_mean,
								   dataset->n_margins > 0);

	*n = 0;
	check_objective(params, objective);
	all[(*n)++] = (MlopsTrainerParam) {"booster",
	booster_name(params->booster)};
	if (params->booster != MLOPS_GBLINEAR)
		all[(*n)++] = (MlopsTrainerParam) {"tree_method", "hist"};
	all[(*n)++] = (MlopsTrainerParam) {"objective", objective->name};
	if (objective->task == MLOPS_MULTICLASS)
		all[(*n)++] = (MlopsTrainerParam) {"num_class",
		psprintf("%d", dataset->n_classes)};
	if (!isnan(base_score) && !params->go_on)
	{
		check_base_score(objective, base_score);
		all[(*n)++] = (MlopsTrainerParam) {"base_score",
		psprintf("%.9g", base_score)};
	}
	all[(*n)++] = (MlopsTrainerParam) {"seed", psprintf(INT64_FORMAT, seed)};
	if (params->booster != MLOPS_GBLINEAR)
	{
		all[(*n)++] = (MlopsTrainerParam) {"max_bin",
		psprintf("%d", params->max_bin)};
		all[(*n)++] = (MlopsTrainerParam) {"num_parallel_tree",
		psprintf("%d", params->num_parallel_tree)};
	}
	for (int i = 0; i < n_metrics; i++)
		all[(*n)++] = (MlopsTrainerParam) {"eval_metric", metrics[i]};
	for (int i = 0; i < params->n_given; i++)
		all[(*n)++] = params->given[i];
	if (params->monotone != NULL)
		all[(*n)++] = (MlopsTrainerParam) {"monotone_constraints",
		mlops_monotone_text(params->monotone, dataset->signature)};
	if (params->interaction != NULL)
		all[(*n)++] = (MlopsTrainerParam) {"interaction_constraints",
		mlops_interaction_text(params->interaction, dataset->signature)};
	add_defaults(params, objective, all, n);
	return all;
}

int
mlops_params_metrics(const MlopsParams *params,
					 const MlopsObjective *objective, const char **metrics)
{
	if (params->n_metrics == 0)
	{
		metrics[0] = objective->metric;
		if (strcmp(objective->metric, "tweedie-nloglik") == 0)
			metrics[0] = psprintf("tweedie-nloglik@%.9g",
								  mlops_params_number(params,
													  "tweedie_variance_power"));
		return 1;
	}
	for (int i = 0; i < params->n_metrics; i++)
	{
		mlops_objective_check_metric(objective, params->metrics[i]);
		metrics[i] = params->metrics[i];
	}
	return params->n_metrics;
}

double
mlops_params_number(const MlopsParams *params, const char *name)
{
	const char *text = given_value(params, name);

	if (text == NULL)
		text = find_rule(name)->fallback;
	return strtod(text, NULL);
}

bool
mlops_params_has(const MlopsParams *params, const char *name,
				 const char *value)
{
	const char *text = given_value(params, name);

	return text != NULL && strcmp(text, value) == 0;
}

/* The booster's name. */
static const char *
booster_name(MlopsBooster booster)
{
	static const char *const names[] = {"gbtree", "dart", "gblinear"};

	return names[booster];
}

/* The rule of that name or alias, or NULL. */
static const MlopsParamRule *
find_rule(const char *name)
{
	for (int i = 0; i < MLOPS_N_PARAM_RULES; i++)
		if (strcmp(mlops_param_rules[i].name, name) == 0 ||
			(mlops_param_rules[i].alias && strcmp(mlops_param_rules[i].alias, name) == 0))
			return &mlops_param_rules[i];
	return NULL;
}

/* Say that there is no such parameter, and what may have been meant. */
static void
report_unknown(const char *name)
{
	const char *candidates[2 * MLOPS_N_PARAM_RULES];
	const char *closest;
	int			n = 0;

	for (int i = 0; mlops_param_elsewhere[i][0] != NULL; i++)
		if (strcmp(name, mlops_param_elsewhere[i][0]) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"%s\" is not a training parameter", name),
					 errhint("%s", mlops_param_elsewhere[i][1])));
	for (int i = 0; i < MLOPS_N_PARAM_RULES; i++)
	{
		candidates[n++] = mlops_param_rules[i].name;
		if (mlops_param_rules[i].alias)
			candidates[n++] = mlops_param_rules[i].alias;
	}
	closest = mlops_closest_match(name, candidates, n);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" is not a training parameter", name),
			 closest ? errhint("Perhaps you meant \"%s\".", closest) :
			 errhint("See docs/reference.md for the parameters.")));
}

/* Check a parameter and keep it. */
static void
accept(MlopsParams *params, const MlopsParamRule *rule, const char *spelled,
	   const JsonbValue *value)
{
	double		number = 0;
	char	   *text = NULL;

	if (is_seen(params, rule))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"%s\" is given twice", rule->name),
				 errdetail("\"%s\" and \"%s\" are the same.", rule->name,
						   rule->alias ? rule->alias : rule->name)));
	params->seen |= UINT64CONST(1) << (rule - mlops_param_rules);
	switch (rule->kind)
	{
		case MLOPS_PARAM_CHOICE:
			text = choice_value(rule, spelled, value);
			break;
		case MLOPS_PARAM_FLAG:
			number = flag_value(spelled, value);
			text = number != 0 ? "1" : "0";
			break;
		case MLOPS_PARAM_INTEGER:
			number = number_value(rule, spelled, value);
			text = psprintf("%d", (int) number);
			break;
		case MLOPS_PARAM_REAL:
			number = number_value(rule, spelled, value);
			text = float8out_internal(number);
			break;
		case MLOPS_PARAM_METRICS:
			take_metrics(params, spelled, value);
			return;
		case MLOPS_PARAM_CONSTRAINT:
			if (rule->name[0] == 'm')
				params->monotone = mlops_monotone_read(value);
			else
				params->interaction = mlops_interaction_read(value);
			return;
	}
	if (!take_special(params, rule->name, text, number))
		params->given[params->n_given++] =
			(MlopsTrainerParam) {rule->name, text};
}

/* Keep a parameter that has a place of its own; false if it has none. */
static bool
take_special(MlopsParams *params, const char *name, char *text, double number)
{
	if (strcmp(name, "num_boost_round") == 0)
		params->n_rounds = (int) number;
	else if (strcmp(name, "early_stopping_rounds") == 0)
		params->early_stopping = (int) number;
	else if (strcmp(name, "max_bin") == 0)
		params->max_bin = (int) number;
	else if (strcmp(name, "num_parallel_tree") == 0)
		params->num_parallel_tree = (int) number;
	else if (strcmp(name, "objective") == 0)
		params->objective = mlops_objective_named(text);
	else if (strcmp(name, "booster") == 0)
		params->booster = strcmp(text, "dart") == 0 ? MLOPS_DART :
			strcmp(text, "gblinear") == 0 ? MLOPS_GBLINEAR : MLOPS_GBTREE;
	else if (strcmp(name, "class_weight") == 0)
		params->balanced = true;
	else if (strcmp(name, "base_score") == 0)
	{
		params->has_base_score = true;
		params->base_score = number;
	}
	else
		return strcmp(name, "tree_method") == 0;
	return true;
}

/* 1 or 0 for true or false. */
static double
flag_value(const char *spelled, const JsonbValue *value)
{
	static const MlopsParamRule flag = {"", NULL, MLOPS_PARAM_INTEGER, 0, false, 1};

	if (value->type == jbvBool)
		return value->val.boolean;
	return number_value(&flag, spelled, value);
}

/* One metric, or an array of them. */
static void
take_metrics(MlopsParams *params, const char *spelled,
			 const JsonbValue *value)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	element;

	if (value->type != jbvBinary ||
		!JsonContainerIsArray(value->val.binary.data))
	{
		params->metrics[params->n_metrics++] = metric_word(spelled, value);
		return;
	}
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
	{
		char	   *metric;

		if (token != WJB_ELEM)
			continue;
		metric = metric_word(spelled, &element);
		for (int i = 0; i < params->n_metrics; i++)
			if (strcmp(params->metrics[i], metric) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("eval_metric \"%s\" is given twice",
								metric),
						 errhint("Name each metric once.")));
		if (params->n_metrics >= MLOPS_MAX_EVAL_METRICS)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("more than %d names in parameter \"%s\"",
							MLOPS_MAX_EVAL_METRICS, spelled),
					 errhint("Name fewer metrics.")));
		params->metrics[params->n_metrics++] = metric;
	}
	if (params->n_metrics == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"%s\" has no names", spelled),
				 errhint("Name a metric, or leave it out.")));
}

/* The name of a metric, if it is the name of one at all. */
static char *
metric_word(const char *spelled, const JsonbValue *value)
{
	char	   *word = NULL;

	if (value->type == jbvString)
		word = pnstrdup(value->val.string.val, value->val.string.len);
	if (word == NULL || word[0] == '\0' || strlen(word) >= MLOPS_METRIC_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value of parameter \"%s\"", spelled),
				 errhint("It must be the name of a metric, or an array of them.")));
	return word;
}

/* The number of a parameter, in range. */
static double
number_value(const MlopsParamRule *rule, const char *spelled,
			 const JsonbValue *value)
{
	double		number;

	if (value->type != jbvNumeric)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"%s\" must be a number", spelled),
				 errhint("It must be %s %g and at most %g.",
						 rule->low_open ? "greater than" : "at least",
						 rule->low, rule->high)));
	number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
												NumericGetDatum(value->val.numeric)));
	check_range(rule, spelled, number);
	return number;
}

/* 22023 unless the number is in the rule's range. */
static void
check_range(const MlopsParamRule *rule, const char *spelled, double number)
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
	if (rule->kind == MLOPS_PARAM_INTEGER && number != rint(number))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"%s\" must be a whole number, but is %g",
						spelled, number),
				 errhint("It must be %s %g and at most %g.",
						 rule->low_open ? "greater than" : "at least",
						 rule->low, rule->high)));
}

/* The word of a parameter, one of the rule's choices. */
static char *
choice_value(const MlopsParamRule *rule, const char *spelled,
			 const JsonbValue *value)
{
	char	   *word = NULL;

	if (value->type == jbvString)
		word = pnstrdup(value->val.string.val, value->val.string.len);
	if (word != NULL && rule->choices == NULL)
		return word;
	if (rule->choices == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value of parameter \"%s\"", spelled),
				 errhint("It must be a text.")));
	if (word != NULL && strcmp(word, "shotgun") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("updater \"shotgun\" is not supported"),
				 errdetail("What it learns depends on the timing of threads."),
				 errhint("Use \"coord_descent\".")));
	if (word == NULL || word[0] == '\0' || strchr(word, ' ') != NULL ||
		strstr(rule->choices, psprintf(" %s ", word)) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value of parameter \"%s\"", spelled),
				 errhint("It must be one of these:%s.",
						 pnstrdup(rule->choices, strlen(rule->choices) - 1))));
	return word;
}

/* What libxgboost would refuse, ignore, or never end with, in combination. */
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
	if (params->num_parallel_tree > 1000000 / params->n_rounds)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("num_parallel_tree times num_boost_round is over 1000000"),
				 errhint("A forest is usually one round of many trees.")));
	for (int i = 0; i < MLOPS_N_PARAM_RULES; i++)
		if (is_seen(params, &mlops_param_rules[i]) &&
			(mlops_param_rules[i].boosters & (1 << params->booster)) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("parameter \"%s\" does not apply to booster %s",
							mlops_param_rules[i].name,
							booster_name(params->booster)),
					 errhint("It belongs to %s.",
							 mlops_param_rules[i].boosters == MLOPS_TREES ?
							 "gbtree and dart" :
							 mlops_param_rules[i].boosters != MLOPS_LINEAR ?
							 "dart" :
							 "gblinear")));
	if (params->balanced && given_value(params, "scale_pos_weight") != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("class_weight and scale_pos_weight cannot be combined"),
				 errdetail("Both weigh the classes.")));
	if (params->objective != NULL)
		check_objective(params, params->objective);
}

/* 22023 if something given belongs to another objective or task. */
static void
check_objective(const MlopsParams *params, const MlopsObjective *objective)
{
	const char *metrics[MLOPS_MAX_EVAL_METRICS];

	for (int i = 0; i < MLOPS_N_PARAM_RULES; i++)
		if (is_seen(params, &mlops_param_rules[i]) && mlops_param_rules[i].objective != NULL &&
			strncmp(objective->name, mlops_param_rules[i].objective,
					strlen(mlops_param_rules[i].objective)) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("parameter \"%s\" does not apply to objective %s",
							mlops_param_rules[i].name, objective->name),
					 errhint("It belongs to %s.",
							 objectives_of(mlops_param_rules[i].objective))));
	if (objective->base_score == MLOPS_BASE_LIBRARY &&
		params->num_parallel_tree > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("objective %s cannot be combined with num_parallel_tree",
						objective->name),
				 errdetail("Each of the trees would take the whole step.")));
	if (params->balanced && objective->task != MLOPS_BINARY &&
		objective->task != MLOPS_MULTICLASS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("class_weight needs classes"),
				 errdetail("The objective is %s.", objective->name)));
	(void) mlops_params_metrics(params, objective, metrics);
}

/* The objectives that begin so, for a hint. */
static const char *
objectives_of(const char *prefix)
{
	if (strcmp(prefix, "binary:") == 0)
		return mlops_objective_list(MLOPS_BINARY);
	if (strcmp(prefix, "rank:") == 0)
		return mlops_objective_list(MLOPS_RANKING);
	return prefix;
}

/* 22023 if a base score has no margin. */
static void
check_base_score(const MlopsObjective *objective, double base_score)
{
	if (objective->link == MLOPS_LINK_LOGIT &&
		(base_score <= 0 || base_score >= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("base_score must lie between 0 and 1, but is %g",
						base_score),
				 errdetail("The objective is %s.", objective->name)));
	if (objective->link == MLOPS_LINK_LOG && base_score <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("base_score must be greater than 0, but is %g",
						base_score),
				 errdetail("The objective is %s.", objective->name)));
}

/*
 * Append the defaults of what is not given.  A model to go on from has those
 * of its objective.
 */
static void
add_defaults(const MlopsParams *params, const MlopsObjective *objective,
			 MlopsTrainerParam *all, int *n)
{
	for (int i = 0; i < MLOPS_N_PARAM_RULES; i++)
	{
		const char *fallback = fallback_of(&mlops_param_rules[i], params, objective);

		if (fallback != NULL && !is_seen(params, &mlops_param_rules[i]) &&
			!(params->go_on && mlops_param_rules[i].objective != NULL))
			all[(*n)++] = (MlopsTrainerParam) {mlops_param_rules[i].name, fallback};
	}
}

/* The default of a parameter; NULL if it does not apply or has none. */
static const char *
fallback_of(const MlopsParamRule *rule, const MlopsParams *params,
			const MlopsObjective *objective)
{
	if ((rule->boosters & (1 << params->booster)) == 0 ||
		(rule->objective != NULL &&
		 strncmp(objective->name, rule->objective,
				 strlen(rule->objective)) != 0))
		return NULL;
	if (params->booster == MLOPS_GBLINEAR && strcmp(rule->name, "eta") == 0)
		return "0.5";
	if (params->booster == MLOPS_GBLINEAR &&
		strcmp(rule->name, "lambda") == 0)
		return "0";
	if (strcmp(objective->name, "count:poisson") == 0 &&
		strcmp(rule->name, "max_delta_step") == 0)
		return "0.7";
	return rule->fallback;
}

/* Whether a parameter was given. */
static bool
is_seen(const MlopsParams *params, const MlopsParamRule *rule)
{
	return (params->seen & (UINT64CONST(1) << (rule - mlops_param_rules))) != 0;
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
