/*
 * warm_start.c
 *		A stored version to go on from.
 *
 * What is stored may come from an import, a dump or a replica, and is about
 * to be read by libxgboost, which crashes on much that is malformed: so the
 * bytes pass the checker first, although the trainer is a process apart.
 */
#include "postgres.h"

#include "catalog/catalog.h"
#include "data/predictor.h"
#include "train/warm_start.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

static void check_call(const MlopsTrainCall *call);
static void take_task(MlopsTrainCall *call, const MlopsVersion *version);
static void check_bytes(const MlopsWarmStart *start,
						const MlopsForestInfo *stored);

MlopsWarmStart *
mlops_warm_start_open(MlopsTrainCall *call)
{
	MlopsWarmStart *start = palloc0(sizeof(MlopsWarmStart));
	MlopsReference reference = mlops_reference_parse(call->init_model);
	Snapshot	snapshot = GetActiveSnapshot();
	int64		version_id = mlops_resolve(&reference, snapshot, MLOPS_READ);
	MlopsPredictor *predictor = mlops_predictor_load(version_id, snapshot);
	const MlopsForestInfo *info = &predictor->info;
	const MlopsObjective *objective = mlops_objective_known(info->objective);

	if (objective == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot go on from a model with objective %s",
						info->objective),
				 errhint("Train a new model, without init_model.")));
	check_call(call);
	start->reference = call->init_model;
	start->version = predictor->version->version;
	start->n_rounds = info->n_rounds;
	memcpy(start->library, info->version, sizeof(start->library));
	start->model_size = predictor->version->model_size;
	start->model = mlops_artefact_load(version_id, "model",
									   start->model_size, snapshot);
	check_bytes(start, info);

	mlops_params_go_on(call->params, info->booster, objective,
					   info->n_trees == 0 ? 1 :
					   info->n_trees / Max(info->n_rounds, 1) /
					   Max(info->n_outputs, 1));
	take_task(call, predictor->version);
	mlops_train_call_settle(call, objective);
	call->data.fixed = predictor->signature;
	return start;
}

void
mlops_warm_start_check_library(const MlopsWarmStart *start,
							   const char *version)
{
	int			major = 0;
	int			minor = 0;

	if (sscanf(version, "%d.%d", &major, &minor) != 2)
		elog(ERROR, "unexpected version of libxgboost: \"%s\"", version);
	if (start->library[0] > major ||
		(start->library[0] == major && start->library[1] > minor))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("libxgboost %s cannot go on from a model of version %d.%d",
						version, start->library[0], start->library[1]),
				 errhint("Train without init_model, or with a later library.")));
}

/* 22023 for arguments that would change what the model has. */
static void
check_call(const MlopsTrainCall *call)
{
	if (call->data.base_margin != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("base_margin cannot be given with init_model"),
				 errhint("The model has a base score already.")));
}

/* Task and classes are the version's. */
static void
take_task(MlopsTrainCall *call, const MlopsVersion *version)
{
	if (call->data.task != NULL &&
		strcmp(call->data.task, version->task) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("init_model has another task, %s", version->task),
				 errdetail("The task of this call is %s.", call->data.task)));
	if (call->data.positive != NULL &&
		(version->n_classes != 2 ||
		 strcmp(call->data.positive, version->classes[1]) != 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("init_model has another positive class"),
				 errhint("Leave out the argument positive.")));
	call->data.task = version->task;
	call->data.n_fixed_classes = version->n_classes;
	call->data.fixed_classes = version->classes;
}

/* XX001 unless the bytes are a sound model, and the one of the forest. */
static void
check_bytes(const MlopsWarmStart *start, const MlopsForestInfo *stored)
{
	MlopsForestError error;
	MlopsForestInfo info;
	size_t		size;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "mlops checked model",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	void	   *block = mlops_predictor_build(start->model, start->model_size,
											  &size, &error);
	const MlopsForest *forest = block == NULL ? NULL :
		mlops_forest_open(block, size, &error);

	MemoryContextSwitchTo(old_context);
	if (forest == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("model of \"%s\" cannot be used", start->reference),
				 errdetail_internal("%s.", error.message)));
	mlops_forest_info(forest, &info);
	if (info.n_features != stored->n_features ||
		info.n_outputs != stored->n_outputs ||
		info.n_trees != stored->n_trees || info.n_rounds != stored->n_rounds)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("model and forest of \"%s\" do not match",
						start->reference)));
	MemoryContextDelete(context);
}
