/*
 * challenge.c
 *		Is a new version better than the one that serves?
 */
#include "postgres.h"

#include <math.h>

#include "data/encode.h"
#include "data/predictor.h"
#include "math/metrics.h"
#include "train/challenge.h"
#include "train/split_metrics.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

struct MlopsChallenge
{
	MlopsPredictor *champion;	/* NULL: nothing serves */
	MemoryContext context;
	MlopsEncoder *encoder;
	int			batch;			/* rows that are predicted together */
	int			n_waiting;		/* of those that are not predicted yet */
	float	   *features;		/* theirs: [batch x n_features] */
	uint64		n_rows;			/* that are predicted */
	float	   *outputs;		/* theirs: [n_rows x n_outputs] */
	uint64		capacity;		/* rows that outputs has room for */
	bool		comparable;
	char	   *note;
};

static void predict_row(TupleDesc tupdesc, const Datum *values,
						const bool *nulls, uint64 row, void *arg);
static void bind(MlopsChallenge *challenge, TupleDesc tupdesc);
static void predict_waiting(MlopsChallenge *challenge);
static bool same_prediction(const MlopsVersion *champion,
							const MlopsDataset *dataset);
static const MlopsObjective *objective_of(const MlopsChallenge *challenge);
static float *outputs_of_role(const MlopsChallenge *challenge,
							  MlopsMatrix *matrix, MlopsRole role, uint64 n);
static MlopsRole arena(const MlopsDataset *dataset);

MlopsChallenge *
mlops_challenge_open(const char *model, MlopsDatasetRequest *request)
{
	MlopsChallenge *challenge = palloc0(sizeof(MlopsChallenge));
	Snapshot	snapshot = GetActiveSnapshot();
	int64		version_id = mlops_alias_version(model, MLOPS_CHAMPION,
												 snapshot);
	const MlopsSignature *signature;

	challenge->context = CurrentMemoryContext;
	if (version_id == 0)
		return challenge;
	challenge->champion = mlops_predictor_load(version_id, snapshot);
	signature = challenge->champion->signature;
	for (int i = 0; i < signature->n_inputs; i++)
		request->also = lappend(request->also, signature->inputs[i].name);
	request->tap = predict_row;
	request->tap_arg = challenge;
	return challenge;
}

List *
mlops_challenge_metrics(MlopsChallenge *challenge, MlopsDataset *dataset,
						MlopsMatrix *matrix, const MlopsParams *params)
{
	MlopsRole	role = arena(dataset);
	List	   *metrics;
	float	   *outputs;

	if (challenge->champion == NULL || dataset->n_rows[role] == 0)
		return NIL;
	if (!same_prediction(challenge->champion->version, dataset) ||
		objective_of(challenge) == NULL)
	{
		ereport(WARNING,
				(errmsg("version %d, which serves, predicts something else",
						challenge->champion->version->version),
				 errdetail("Its task is %s, with other classes or another task than this training.",
						   challenge->champion->version->task),
				 errhint("Compare the versions by hand, and use mlops.deploy().")));
		return NIL;
	}
	challenge->comparable = true;
	predict_waiting(challenge);
	outputs = outputs_of_role(challenge, matrix, role, dataset->n_rows[role]);
	metrics = mlops_evaluate_outputs(dataset, matrix, role, params,
									 objective_of(challenge), outputs,
									 "champion");
	pfree(outputs);
	return metrics;
}

bool
mlops_challenge_won(MlopsChallenge *challenge,
					const MlopsDataset *dataset, const MlopsParams *params,
					List *metrics)
{
	const char *criterion = mlops_params_objective(params,
												   dataset->task)->criterion;
	const char *split = arena(dataset) == MLOPS_ROLE_TEST ? "test" :
		"validation";
	double		new_value;
	double		old_value;

	if (challenge->champion == NULL)
	{
		challenge->note = "first version";
		return true;
	}
	new_value = mlops_evaluate_find(metrics, split, criterion);
	old_value = mlops_evaluate_find(metrics, "champion", criterion);
	challenge->note = psprintf("%s on the %s rows: %.6g, of version %d: %.6g",
							   criterion, split, new_value,
							   challenge->champion->version->version,
							   old_value);
	return challenge->comparable &&
		(mlops_metric_direction(criterion) > 0 ? new_value > old_value :
		 new_value < old_value);
}

const char *
mlops_challenge_note(const MlopsChallenge *challenge)
{
	return challenge->note;
}

/* A MlopsRowTap: the champion predicts rows as they are read. */
static void
predict_row(TupleDesc tupdesc, const Datum *values, const bool *nulls,
			uint64 row, void *arg)
{
	MlopsChallenge *challenge = arg;

	if (challenge->encoder == NULL)
		bind(challenge, tupdesc);
	Assert(row == challenge->n_rows + challenge->n_waiting);
	(void) mlops_encode_row(challenge->encoder, values, nulls,
							challenge->features + (Size) challenge->n_waiting *
							challenge->champion->info.n_features);
	if (++challenge->n_waiting == challenge->batch)
		predict_waiting(challenge);
}

/*
 * Bind the champion's encoder to the statement's columns, the first of which
 * is the target and must not be taken for a feature of the same name.
 */
static void
bind(MlopsChallenge *challenge, TupleDesc tupdesc)
{
	const MlopsForestInfo *info = &challenge->champion->info;
	MemoryContext old_context = MemoryContextSwitchTo(challenge->context);
	TupleDesc	columns = CreateTupleDescCopy(tupdesc);

	namestrcpy(&TupleDescAttr(columns, 0)->attname, "");
	challenge->encoder = mlops_encoder_bind(challenge->champion->signature,
											columns);
	challenge->batch = mlops_predictor_rows(info);
	challenge->features = palloc(sizeof(float) * challenge->batch *
								 info->n_features);
	challenge->capacity = 4096;
	challenge->outputs = palloc_extended(sizeof(float) * challenge->capacity *
										 info->n_outputs, MCXT_ALLOC_HUGE);
	MemoryContextSwitchTo(old_context);
}

/* Predict the rows that wait, if any do. */
static void
predict_waiting(MlopsChallenge *challenge)
{
	const MlopsPredictor *champion = challenge->champion;
	int			n_outputs = champion->info.n_outputs;

	if (challenge->n_rows + challenge->n_waiting > challenge->capacity)
	{
		challenge->capacity *= 2;
		challenge->outputs = repalloc_huge(challenge->outputs,
										   sizeof(float) * n_outputs *
										   challenge->capacity);
	}
	mlops_forest_predict_batch(champion->forest, challenge->features,
							   challenge->n_waiting,
							   champion->info.n_features,
							   challenge->outputs +
							   challenge->n_rows * n_outputs);
	challenge->n_rows += challenge->n_waiting;
	challenge->n_waiting = 0;
}

/* Whether the two versions tell the same classes apart, or both numbers. */
static bool
same_prediction(const MlopsVersion *champion, const MlopsDataset *dataset)
{
	if (strcmp(champion->task, mlops_task_name(dataset->task)) != 0 ||
		champion->n_classes != dataset->n_classes)
		return false;
	for (int i = 0; i < champion->n_classes; i++)
		if (strcmp(champion->classes[i], dataset->classes[i]) != 0)
			return false;
	return true;
}

/* What the champion was trained for; NULL if that is not known here. */
static const MlopsObjective *
objective_of(const MlopsChallenge *challenge)
{
	return mlops_objective_known(challenge->champion->info.objective);
}

/* The champion's outputs of the n rows of a role, in row order. */
static float *
outputs_of_role(const MlopsChallenge *challenge, MlopsMatrix *matrix,
				MlopsRole role, uint64 n)
{
	int			n_outputs = challenge->champion->info.n_outputs;
	float	   *outputs = palloc_extended(sizeof(float) * n * n_outputs,
										  MCXT_ALLOC_HUGE);
	uint64		taken = 0;

	for (uint64 row = 0; row < matrix->layout.n_rows && taken < n; row++)
	{
		uint64		at = mlops_matrix_seek(matrix, row);

		if (mlops_matrix_role(matrix)[at] != role)
			continue;
		memcpy(outputs + taken * n_outputs,
			   challenge->outputs + row * n_outputs,
			   sizeof(float) * n_outputs);
		taken++;
	}
	return outputs;
}

/* The rows that versions are compared on. */
static MlopsRole
arena(const MlopsDataset *dataset)
{
	return dataset->n_rows[MLOPS_ROLE_TEST] > 0 ? MLOPS_ROLE_TEST :
		MLOPS_ROLE_VALIDATION;
}
