/*
 * train.c
 *		mlops.train(): from a source to a stored version.
 *
 * Everything happens in the caller's transaction and under the snapshot of
 * the calling statement: reading, and the comparison with the version that
 * serves.  Matrix and trainer belong to a memory context of the call, so that
 * whatever ends it ends them.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "base/base.h"
#include "catalog/catalog.h"
#include "data/predictor.h"
#include "miscadmin.h"
#include "train/challenge.h"
#include "train/progress.h"
#include "train/split_metrics.h"
#include "train/train.h"
#include "train/warm_start.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(mlops_train);

/* A training on its way. */
typedef struct Training
{
	MlopsTrainCall *call;
	const char *trigger;		/* what asked for it */
	MlopsDataset *dataset;
	MlopsMatrix *matrix;
	MlopsTrainer *trainer;
	MlopsTrainRequest request;
	MlopsTrainOutcome *outcome;
	MlopsChallenge *challenge;	/* NULL unless deploy => 'if_better' */
	MlopsWarmStart *start;		/* NULL unless init_model is given */
	int			n_outputs;
	int			n_threads;
	uint64		memory_limit;	/* bytes, matrix and trainer */
	TimestampTz started_at;
	char	   *snapshot;
	/* the result */
	void	   *forest;			/* block */
	size_t		forest_size;
	const MlopsForest *opened;	/* the block, ready for use */
	MlopsForestInfo info;
	List	   *metrics;
	List	   *baselines;
	char	   *advice;			/* jsonb text */
	int			version;
	int64		version_id;
	bool		deployed;
} Training;

static void check_before(const MlopsTrainCall *call);
static void check_library(const Training *training);
static void read_rows(Training *training);
static void on_rows(uint64 rows, void *arg);
static uint64 trainer_memory(const Training *training, double rows);
static void prepare_request(Training *training);
static void run_trainer(Training *training);
static void on_round(int round, int n_rounds, const char *metric,
					 double value, void *arg);
static void build_forest(Training *training);
static void evaluate(Training *training);
static void store(Training *training);
static void decide(Training *training, int64 version_id);
static MlopsTrainReport *outcome_of(const Training *training);

/*
 * train(model text, source text, target text, ...) returns train_result; the
 * arguments are those of enum in call.c
 */
Datum
mlops_train(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	MemoryContext old_context;
	MlopsTrainReport *report;
	Datum		result;

	context = AllocSetContextCreate(CurrentMemoryContext, "mlops train",
									ALLOCSET_DEFAULT_SIZES);
	old_context = MemoryContextSwitchTo(context);
	PreventCommandIfReadOnly("mlops.train()");
	report = mlops_train_run(mlops_train_call(fcinfo), "manual", true);
	MemoryContextSwitchTo(old_context);
	result = mlops_train_result(fcinfo, &report->result);
	MemoryContextDelete(context);
	return result;
}

MlopsTrainReport *
mlops_train_run(MlopsTrainCall *call, const char *trigger, bool keep)
{
	Training   *training = palloc0(sizeof(Training));

	training->started_at = GetCurrentTimestamp();
	training->call = call;
	training->trigger = trigger;
	check_before(training->call);

	mlops_progress_begin(training->call->model);
	training->snapshot = mlops_snapshot_text();
	training->memory_limit = (uint64) mlops_max_train_memory * 1024 * 1024;
	training->n_threads = mlops_effective_threads();
	if (training->call->init_model != NULL)
		training->start = mlops_warm_start_open(training->call);
	if (training->call->deploy == MLOPS_DEPLOY_IF_BETTER)
		training->challenge = mlops_challenge_open(training->call->model,
												   &training->call->data);
	training->dataset = mlops_dataset_open(&training->call->data);
	mlops_params_check(training->call->params, training->dataset->signature);
	training->matrix = mlops_matrix_create(training->memory_limit);
	training->trainer = mlops_trainer_start(training->matrix,
											training->n_threads,
											mlops_trainer_nice);
	check_library(training);
	read_rows(training);
	prepare_request(training);
	run_trainer(training);
	evaluate(training);
	mlops_matrix_close(training->matrix);
	if (keep)
		store(training);
	mlops_progress_end();
	return outcome_of(training);
}

/* What can be told before any work is done. */
static void
check_before(const MlopsTrainCall *call)
{
	MlopsModel *model = mlops_model_lookup(call->model, NULL, true);

	if (model != NULL)
		mlops_model_check(model, MLOPS_MANAGE);
	if (call->params->early_stopping > 0 && call->data.validation == 0 &&
		call->data.split != MLOPS_SPLIT_COLUMN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("early_stopping_rounds needs validation rows"),
				 errhint("Give a fraction of the rows as validation.")));
	if (call->deploy == MLOPS_DEPLOY_IF_BETTER &&
		call->data.base_margin != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("deploy \"if_better\" cannot be combined with base_margin"),
				 errdetail("A version that serves predicts without base margins."),
				 errhint("Compare the versions by hand, and use mlops.deploy().")));
	if (call->deploy == MLOPS_DEPLOY_IF_BETTER && call->data.test == 0 &&
		call->data.validation == 0 && call->data.split != MLOPS_SPLIT_COLUMN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("deploy \"if_better\" needs rows to compare versions on"),
				 errhint("Give a fraction of the rows as test.")));
}

/* Can the library that the trainer has found do what is asked? */
static void
check_library(const Training *training)
{
	const char *version = mlops_trainer_version(training->trainer);

	mlops_params_check_library(training->call->params, version);
	if (training->start != NULL)
		mlops_warm_start_check_library(training->start, version);
}

/* Read the source into the matrix. */
static void
read_rows(Training *training)
{
	MlopsDataset *dataset = training->dataset;

	mlops_progress_phase("reading");
	mlops_dataset_read(dataset, training->matrix, on_rows, training);
	on_rows(training->matrix->layout.n_rows, training);
	if (dataset->task == MLOPS_BINARY &&
		(dataset->label_mean <= 0 || dataset->label_mean >= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("target \"%s\" has one class only in the rows to train on",
						training->call->data.target),
				 errdetail("They are " UINT64_FORMAT " rows.",
						   dataset->n_rows[MLOPS_ROLE_TRAIN])));
	training->n_outputs = dataset->task == MLOPS_MULTICLASS ?
		dataset->n_classes : 1;
	mlops_matrix_add_outputs(training->matrix, training->n_outputs);
}

/* A MlopsReadCallback: show progress, hear the trainer, keep the limit. */
static void
on_rows(uint64 rows, void *arg)
{
	Training   *training = arg;
	double		estimated = training->dataset->estimated_rows;
	uint64		needed = training->matrix->size +
		trainer_memory(training, rows);

	mlops_progress_rows(rows, estimated);
	mlops_trainer_poll(training->trainer);
	if (needed > training->memory_limit)
	{
		double		share = Max(estimated / Max(rows, 1), 1);

		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("training needs more memory than mlops.max_train_memory allows"),
				 errdetail("After " UINT64_FORMAT " rows of about %.0f it needs %.0f MB, for all of them it would need about %.0f MB; %d MB are allowed.",
						   rows, Max(estimated, rows), needed / 1048576.0,
						   needed / 1048576.0 * share, mlops_max_train_memory),
				 errhint("Train on fewer rows or features, or raise mlops.max_train_memory.")));
	}
}

/*
 * Bytes that the trainer will take for so many rows.  For each value one or
 * two in a binned matrix; in a plain one, which linear models and models to
 * go on from need, 8 and a packed copy of 4 while it is made, then 8 by column
 * for a linear model, or bins.  Rows to validate on are plain always.  For
 * each row gradients, predictions, partitions, and copies of what else is
 * known of it; and the library itself.
 */
static uint64
trainer_memory(const Training *training, double rows)
{
	const MlopsTrainCall *call = training->call;
	double		bins = call->params->max_bin > 256 ? 2.2 : 1.2;
	bool		linear = call->params->booster == MLOPS_GBLINEAR;
	double		per_value = linear ? 16.5 :
		training->start != NULL ? 12.5 + bins : bins;
	double		per_row = 48 + 24.0 * Max(training->n_outputs, 1) +
		16.0 * training->dataset->n_margins +
		(training->dataset->bounded ? 24 : 0) +
		(training->dataset->grouped ? 24 : 0);

	if (call->data.validation > 0)
		per_value += (12.5 - per_value) * call->data.validation;
	return 24 * 1024 * 1024 +
		(training->start != NULL ? 6 * training->start->model_size : 0) +
		(uint64) (rows * (per_value * training->matrix->layout.n_features +
						  per_row));
}

/* What the trainer is to do. */
static void
prepare_request(Training *training)
{
	const MlopsTrainCall *call = training->call;
	const MlopsDataset *dataset = training->dataset;
	MlopsTrainRequest *request = &training->request;
	bool		validate = dataset->n_rows[MLOPS_ROLE_VALIDATION] > 0;
	const char *metrics[MLOPS_MAX_EVAL_METRICS];
	int			n_metrics;

	request->params = mlops_params_complete(call->params, dataset,
											call->data.seed,
											&request->n_params);
	n_metrics = mlops_params_metrics(call->params,
									 mlops_params_objective(call->params,
															dataset->task),
									 metrics);
	request->maximize = mlops_library_metric_maximized(metrics[n_metrics - 1]);
	if (training->start != NULL)
	{
		request->init_model = training->start->model;
		request->init_size = training->start->model_size;
		request->init_rounds = training->start->n_rounds;
	}
	request->n_rounds = call->params->n_rounds;
	request->early_stopping = call->params->early_stopping;
	if (call->params->early_stopping < 0)
		request->early_stopping = 20;
	if (!validate)
		request->early_stopping = 0;
	request->feature_names = dataset->signature->feature_names;
	request->categorical = dataset->signature->categorical;
	request->n_features = dataset->signature->n_features;
	request->max_bin = call->params->max_bin;
	request->validate = validate;
	request->predict = true;
}

/* Train, and take the statistics of the features meanwhile. */
static void
run_trainer(Training *training)
{
	mlops_progress_phase("training");
	mlops_progress_round(0, training->request.n_rounds, NULL, NAN);
	mlops_trainer_begin(training->trainer, &training->request,
						training->memory_limit - training->matrix->size);
	training->baselines = mlops_dataset_baselines(training->dataset,
												  training->matrix);
	training->advice = mlops_dataset_advice(training->dataset,
											training->matrix);
	training->outcome = mlops_trainer_finish(training->trainer, on_round,
											 NULL);
	build_forest(training);
	mlops_trainer_stop(training->trainer);
}

/* A MlopsRoundCallback. */
static void
on_round(int round, int n_rounds, const char *metric, double value, void *arg)
{
	mlops_progress_round(round, n_rounds, metric, value);
}

/* Check what the trainer made as if a stranger had, and flatten it. */
static void
build_forest(Training *training)
{
	const MlopsTrainOutcome *outcome = training->outcome;
	const MlopsForest *forest = NULL;
	MlopsForestError error;

	training->forest = mlops_predictor_build(outcome->model,
											 outcome->model_size,
											 &training->forest_size, &error);
	if (training->forest != NULL)
		forest = mlops_forest_open(training->forest, training->forest_size,
								   &error);
	if (forest == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("trainer returned a model that cannot be used"),
				 errdetail_internal("%s.", error.message),
				 errhint("Extreme parameters or targets make trees with infinite leaves: scale the target, or lower eta.")));
	training->opened = forest;
	mlops_forest_info(forest, &training->info);
	if (training->info.n_features != training->request.n_features ||
		training->info.n_outputs != training->n_outputs)
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("trainer returned a model of other dimensions")));
}

/* Metrics of the new version, and of the one that serves. */
static void
evaluate(Training *training)
{
	ListCell   *cell;

	mlops_progress_phase("evaluating");
	training->metrics = mlops_evaluate_splits(training->dataset,
											  training->matrix,
											  training->call->params,
											  training->n_outputs);
	training->baselines = list_concat(training->baselines,
									  mlops_evaluate_baselines(training->dataset,
															   training->matrix,
															   training->opened,
															   training->n_outputs));
	if (training->challenge != NULL)
		training->metrics =
			list_concat(training->metrics,
						mlops_challenge_metrics(training->challenge,
												training->dataset,
												training->matrix,
												training->call->params));
	foreach(cell, training->outcome->history)
	{
		MlopsEvaluation *evaluation = lfirst(cell);
		MlopsMetricRow *row = palloc(sizeof(MlopsMetricRow));

		*row = (MlopsMetricRow) {evaluation->split, evaluation->metric,
		evaluation->round, evaluation->value};
		training->metrics = lappend(training->metrics, row);
	}
}

/* Write it all down, and let the version serve if it should. */
static void
store(Training *training)
{
	const MlopsTrainCall *call = training->call;
	MlopsDataset *dataset = training->dataset;
	const MlopsTrainOutcome *outcome = training->outcome;
	MlopsRunRecord run = {
		.kind = "train",
		.call = mlops_train_call_json(call),
		.effective = mlops_train_effective_json(call, dataset,
												&training->request),
		.source = call->data.source,
		.query = dataset->query,
		.relations = dataset->relations,
		.library_version = mlops_trainer_version(training->trainer),
		.threads = training->n_threads,
		.seed = call->data.seed,
		.trigger = training->trigger,
		.snapshot = training->snapshot,
		.started_at = training->started_at,
		.rows_train = dataset->n_rows[MLOPS_ROLE_TRAIN],
		.rows_validation = dataset->n_rows[MLOPS_ROLE_VALIDATION],
		.rows_test = dataset->n_rows[MLOPS_ROLE_TEST],
		.rows_skipped = dataset->n_skipped,
		.fingerprint_ordered = dataset->fingerprint_ordered,
		.fingerprint_unordered = dataset->fingerprint_unordered,
		.has_event_time = dataset->has_event_time,
		.event_time_min = dataset->event_time_min,
		.event_time_max = dataset->event_time_max,
		.row_security = dataset->row_security,
		.peak_memory = training->matrix->size + outcome->peak_memory,
		.read_seconds = dataset->read_seconds,
		.train_seconds = outcome->build_seconds + outcome->train_seconds,
		.cpu_seconds = outcome->cpu_seconds,
		.advice = training->advice
	};
	MlopsVersionRecord version = {
		.task = mlops_task_name(dataset->task),
		.objective = training->info.objective,
		.booster = training->info.booster,
		.n_features = training->info.n_features,
		.n_trees = training->info.n_trees,
		.n_rounds = training->info.n_rounds,
		.signature = mlops_signature_to_jsonb(dataset->signature),
		.target = call->data.target,
		.class_type = dataset->n_classes > 0 ? dataset->class_type : NULL,
		.n_classes = dataset->n_classes,
		.classes = dataset->classes,
		.description = call->description,
		.model = outcome->model,
		.model_size = outcome->model_size,
		.forest = training->forest,
		.forest_size = training->forest_size,
		.metrics = training->metrics,
		.baselines = training->baselines
	};

	mlops_progress_phase("storing");
	mlops_version_store(call->model, &run, &version, &training->version,
						&training->version_id);
	decide(training, training->version_id);
	if (IsTransactionBlock())
		ereport(NOTICE,
				(errmsg("version %d of model \"%s\" is visible to others after COMMIT",
						training->version, call->model)));
}

/* Deploy the stored version if that was asked for. */
static void
decide(Training *training, int64 version_id)
{
	const MlopsTrainCall *call = training->call;
	MlopsModel *model;
	const char *note = NULL;

	switch (call->deploy)
	{
		case MLOPS_DEPLOY_FALSE:
			return;
		case MLOPS_DEPLOY_TRUE:
			break;
		case MLOPS_DEPLOY_FIRST:
			if (mlops_alias_version(call->model, MLOPS_CHAMPION, NULL) != 0)
				return;
			note = "first version";
			break;
		case MLOPS_DEPLOY_IF_BETTER:
			if (!mlops_challenge_won(training->challenge, training->dataset,
									 call->params, training->metrics))
				return;
			note = mlops_challenge_note(training->challenge);
			break;
	}
	model = mlops_model_lookup(call->model, NULL, false);
	mlops_alias_set(model, MLOPS_CHAMPION,
					mlops_version_load(version_id, NULL), "deploy", note);
	training->deployed = true;
}

/* What there is to say of it. */
static MlopsTrainReport *
outcome_of(const Training *training)
{
	const MlopsDataset *dataset = training->dataset;
	MlopsTrainReport *report = palloc0(sizeof(MlopsTrainReport));

	report->result = (MlopsTrainResult)
	{
		.model = training->call->model,
		.version = training->version,
		.task = mlops_task_name(dataset->task),
		.rows_train = dataset->n_rows[MLOPS_ROLE_TRAIN],
		.rows_validation = dataset->n_rows[MLOPS_ROLE_VALIDATION],
		.rows_test = dataset->n_rows[MLOPS_ROLE_TEST],
		.metrics = training->metrics,
		.deployed = training->deployed,
		.started_at = training->started_at
	};
	report->version_id = training->version_id;
	report->n_rounds = training->info.n_rounds -
		(training->start ? training->start->n_rounds : 0);
	return report;
}
