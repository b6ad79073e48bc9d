/*
 * boost.c
 *		The boosting rounds.
 *
 * The model that is kept is the one of the best round where early stopping is
 * on: later trees are cut off.  Where a round changes what earlier ones left
 * (a linear model's weights, dart's weights of trees), the model is loaded
 * again from the bytes that it had at its best.
 */
/* memrchr() */
#define _GNU_SOURCE

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xgboost/c_api.h>

#include "trainer/worker.h"

/*
 * Over so many training rows their metrics, which nothing depends on, are
 * taken in every EVERY-th round and the last only: each time costs about half
 * of a round of boosting.
 */
#define MANY_ROWS	100000
#define EVERY		10

/* How far boosting has come. */
typedef struct Rounds
{
	uint32_t	done;
	double		best_value;		/* NaN before the first */
	uint32_t	best_round;
	char	   *best_model;		/* bytes; if job->rewrites only */
	size_t		best_size;
} Rounds;

static bool create_booster(MlopsJob *job);
static bool load_init(MlopsJob *job);
static bool set_params(const MlopsJob *job, MlopsHandle booster);
static bool one_round(MlopsJob *job, Rounds *rounds, bool *finished);
static bool evaluate(const MlopsJob *job, uint32_t round,
					 MlopsRoundMetric *metrics, uint32_t *n_metrics);
static bool parse_metrics(const char *text, MlopsRoundMetric *metrics,
						  uint32_t *n_metrics);
static bool parse_metric(const char *text, size_t length,
						 MlopsRoundMetric *metric);
static bool note_round(MlopsJob *job, Rounds *rounds, double value);
static bool keep_bytes(const MlopsJob *job, Rounds *rounds);
static bool keep_best(MlopsJob *job, const Rounds *rounds);

/*
 * Make job->booster from job->train; sets n_rounds, stopped_early and cached.
 */
bool
mlops_boost(MlopsJob *job)
{
	Rounds		rounds;
	bst_ulong	n_rows;
	bool		finished = false;
	bool		good;

	memset(&rounds, 0, sizeof(rounds));
	rounds.best_value = NAN;
	if (XGDMatrixNumRow(job->train, &n_rows) != 0)
		return mlops_fail_library();
	job->many_rows = n_rows > MANY_ROWS;
	good = create_booster(job);
	while (good && !finished)
		good = one_round(job, &rounds, &finished);

	if (good)
	{
		job->result.n_rounds = job->init_rounds + rounds.done;
		job->cached = !job->linear;
		if (job->command.early_stopping > 0 &&
			rounds.best_round + 1 < rounds.done)
			good = keep_best(job, &rounds);
	}
	free(rounds.best_model);
	return good;
}

/*
 * A booster that knows its matrices, parameters and features, and the model
 * to go on from.
 */
static bool
create_booster(MlopsJob *job)
{
	MlopsHandle matrices[2] = {job->train, job->validation};

	if (XGBoosterCreate(matrices, job->validation != NULL ? 2 : 1,
						&job->booster) != 0)
		return mlops_fail_library();
	if (job->init != NULL && !load_init(job))
		return false;
	return set_params(job, job->booster);
}

/*
 * Begin with the initial model; sets job->init_rounds.
 */
static bool
load_init(MlopsJob *job)
{
	bst_ulong	n_features;
	int			n_rounds;

	if (XGBoosterLoadModelFromBuffer(job->booster, job->init->bytes,
									 job->init->total) != 0 ||
		XGBoosterGetNumFeature(job->booster, &n_features) != 0 ||
		XGBoosterBoostedRounds(job->booster, &n_rounds) != 0)
		return mlops_fail_library();
	if (n_features != job->command.n_features)
		return mlops_fail("initial model has %llu features, not %u",
						  (unsigned long long) n_features,
						  job->command.n_features);
	if (n_rounds < 0 || n_rounds > MLOPS_MAX_ROUNDS)
		return mlops_fail("initial model has too many rounds");
	job->init_rounds = (uint32_t) n_rounds;
	return true;
}

/*
 * Set what the backend asks for, then what it may not, and the features:
 * those of the matrix are not copied into the model.
 */
static bool
set_params(const MlopsJob *job, MlopsHandle booster)
{
	bst_ulong	n_features = job->command.n_features;
	char		number[16];

	for (uint32_t i = 0; i < job->command.n_params; i++)
	{
		if (XGBoosterSetParam(booster, job->param_names[i],
							  job->param_values[i]) != 0)
			return mlops_fail_library();
	}
	snprintf(number, sizeof(number), "%d", job->n_threads);
	if (XGBoosterSetParam(booster, "nthread", number) != 0 ||
		XGBoosterSetParam(booster, "verbosity", "0") != 0)
		return mlops_fail_library();
	snprintf(number, sizeof(number), "%u", job->command.max_bin);
	if (!job->linear && XGBoosterSetParam(booster, "max_bin", number) != 0)
		return mlops_fail_library();
	if (XGBoosterSetStrFeatureInfo(booster, "feature_name",
								   job->feature_names, n_features) != 0 ||
		XGBoosterSetStrFeatureInfo(booster, "feature_type",
								   job->feature_types, n_features) != 0)
		return mlops_fail_library();
	return true;
}

/*
 * Train one round, evaluate it, tell the backend, and see whether it is the
 * last one.
 */
static bool
one_round(MlopsJob *job, Rounds *rounds, bool *finished)
{
	MlopsRoundMetric metrics[MLOPS_MAX_ROUND_METRICS];
	MlopsProgress progress = {rounds->done, 0};

	if (XGBoosterUpdateOneIter(job->booster,
							   (int) (job->init_rounds + rounds->done),
							   job->train) != 0)
		return mlops_fail_library();
	if (!evaluate(job, rounds->done, metrics, &progress.n_metrics))
		return false;
	mlops_wire_send(MLOPS_FRAME_PROGRESS, &progress, sizeof(progress),
					metrics, progress.n_metrics * sizeof(MlopsRoundMetric));
	rounds->done++;

	if (job->command.early_stopping > 0)
	{
		if (progress.n_metrics == 0 ||
			metrics[progress.n_metrics - 1].role != MLOPS_ROLE_VALIDATION)
			return mlops_fail("early stopping needs a metric");
		if (!note_round(job, rounds,
						metrics[progress.n_metrics - 1].value))
			return false;
		if (rounds->done - rounds->best_round > job->command.early_stopping)
		{
			job->result.stopped_early = rounds->done <
				job->command.n_rounds;
			*finished = true;
			return true;
		}
	}
	*finished = rounds->done >= job->command.n_rounds;
	return mlops_wire_stop_asked(finished);
}

/*
 * The metrics after a round, those of the validation rows last.  There may be
 * none when there are many rows and none to validate on.
 */
static bool
evaluate(const MlopsJob *job, uint32_t round, MlopsRoundMetric *metrics,
		 uint32_t *n_metrics)
{
	MlopsHandle matrices[2] = {job->train, job->validation};
	const char *names[2] = {"train", "validation"};
	const char *text;
	int			first = 0;
	int			end = job->validation != NULL ? 2 : 1;

	if (job->many_rows && round % EVERY != 0 &&
		round + 1 != job->command.n_rounds)
		first = 1;
	*n_metrics = 0;
	if (first == end)
		return true;
	if (XGBoosterEvalOneIter(job->booster, (int) round, matrices + first,
							 names + first, end - first, &text) != 0)
		return mlops_fail_library();
	return parse_metrics(text, metrics, n_metrics);
}

/*
 * Read "[0]\ttrain-rmse:0.5\tvalidation-rmse:0.6".
 */
static bool
parse_metrics(const char *text, MlopsRoundMetric *metrics, uint32_t *n_metrics)
{
	*n_metrics = 0;
	while ((text = strchr(text, '\t')) != NULL)
	{
		size_t		length = strcspn(++text, "\t\n");

		if (*n_metrics >= MLOPS_MAX_ROUND_METRICS)
			return mlops_fail("there are too many metrics");
		if (!parse_metric(text, length, &metrics[*n_metrics]))
			return mlops_fail("metric \"%.*s\" is not understood",
							  (int) (length < 80 ? length : 80), text);
		(*n_metrics)++;
	}
	return true;
}

/*
 * Read one "train-rmse:0.5".  The locale is always "C": nothing sets another.
 */
static bool
parse_metric(const char *text, size_t length, MlopsRoundMetric *metric)
{
	const char *colon = memrchr(text, ':', length);
	const char *dash = memchr(text, '-', length);
	size_t		name;
	char	   *end;

	if (colon == NULL || dash == NULL || dash > colon)
		return false;
	name = colon - dash - 1;
	if (name == 0 || name > MLOPS_METRIC_NAME)
		return false;
	memset(metric, 0, sizeof(*metric));
	metric->role = text[0] == 't' ? MLOPS_ROLE_TRAIN : MLOPS_ROLE_VALIDATION;
	memcpy(metric->name, dash + 1, name);
	metric->value = strtod(colon + 1, &end);
	return end == text + length;
}

/*
 * Is the round that was just done the best so far?  A metric that is not a
 * number is never better.
 */
static bool
note_round(MlopsJob *job, Rounds *rounds, double value)
{
	bool		better;

	if (isnan(rounds->best_value))
		better = rounds->done == 1 || !isnan(value);
	else if (job->command.flags & MLOPS_TRAIN_MAXIMIZE)
		better = value > rounds->best_value;
	else
		better = value < rounds->best_value;
	if (!better)
		return true;
	rounds->best_value = value;
	rounds->best_round = rounds->done - 1;
	return !job->rewrites || keep_bytes(job, rounds);
}

/*
 * Keep a copy of the model as it is now.
 */
static bool
keep_bytes(const MlopsJob *job, Rounds *rounds)
{
	const char *bytes;
	bst_ulong	size;

	if (XGBoosterSaveModelToBuffer(job->booster, "{\"format\":\"ubj\"}",
								   &size, &bytes) != 0)
		return mlops_fail_library();
	free(rounds->best_model);
	/* one more, for some versions read beyond the end */
	rounds->best_model = calloc(1, size + 1);
	if (rounds->best_model == NULL)
		return mlops_fail("out of memory");
	memcpy(rounds->best_model, bytes, size);
	rounds->best_size = size;
	return true;
}

/*
 * Replace the booster by the one that it was after its best round.
 */
static bool
keep_best(MlopsJob *job, const Rounds *rounds)
{
	MlopsHandle best = NULL;
	int			status;

	if (job->rewrites)
	{
		if (XGBoosterCreate(NULL, 0, &best) != 0)
			return mlops_fail_library();
		status = XGBoosterLoadModelFromBuffer(best, rounds->best_model,
											  rounds->best_size);
	}
	else
		status = XGBoosterSlice(job->booster, 0,
								(int) (job->init_rounds +
									   rounds->best_round + 1), 1, &best);
	if (status != 0)
	{
		bool		failed = status == -2 ?
			mlops_fail("could not cut the model to its best round") :
			mlops_fail_library();

		if (best != NULL)
			XGBoosterFree(best);
		return failed;
	}
	XGBoosterFree(job->booster);
	job->booster = best;
	job->cached = false;
	job->result.n_rounds = job->init_rounds + rounds->best_round + 1;
	return set_params(job, best);
}
