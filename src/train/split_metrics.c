/*
 * split_metrics.c
 *		How good a trained version is on each split.
 *
 * The trainer has written its predictions for all rows into the matrix; what
 * is computed from them here is computed in double.
 */
#include "postgres.h"

#include <math.h>

#include "base/base.h"
#include "data/predictor.h"
#include "math/metrics.h"
#include "math/summary.h"
#include "miscadmin.h"
#include "train/split_metrics.h"
#include "utils/float.h"

/*
 * With so many rows that were not trained on, the baseline of predictions is
 * made of them: on those that were, trees are surer than on any others.
 */
#define LEAST_HELD_OUT	200

static const char *const split_names[] = {"train", "validation", "test"};

/* What is known of the rows of a split; arrays that are not there are NULL. */
typedef struct Truth
{
	uint64		n;
	float	   *labels;
	float	   *weights;
	float	   *upper;
	uint32	   *groups;
} Truth;

static int	compute_metrics(const MlopsDataset *dataset,
							const MlopsParams *params,
							const MlopsObjective *source, const Truth *t,
							const float *outputs, MlopsMetric *metrics);
static int	regression_metrics(const MlopsParams *params, const Truth *t,
							   const float *outputs, MlopsMetric *metrics);
static float *upper_of_signs(float *labels, uint64 n);
static void free_truth(Truth *truth);
static void predict_rows(MlopsMatrix *matrix, const MlopsForest *forest,
						 MlopsRole role, int n_outputs, float *outputs);
static void free_summary(void *arg);

List *
mlops_evaluate_splits(MlopsDataset *dataset, MlopsMatrix *matrix,
					  const MlopsParams *params, int n_outputs)
{
	const MlopsObjective *objective = mlops_params_objective(params,
															 dataset->task);
	List	   *rows = NIL;

	for (int role = 0; role < lengthof(split_names); role++)
	{
		uint64		n = dataset->n_rows[role];
		float	   *outputs;

		if (n == 0)
			continue;
		CHECK_FOR_INTERRUPTS();
		outputs = palloc_extended(sizeof(float) * n * n_outputs,
								  MCXT_ALLOC_HUGE);
		mlops_matrix_outputs(matrix, role, outputs);
		rows = list_concat(rows,
						   mlops_evaluate_outputs(dataset, matrix, role,
												  params, objective, outputs,
												  split_names[role]));
		pfree(outputs);
	}
	return rows;
}

List *
mlops_evaluate_outputs(MlopsDataset *dataset, MlopsMatrix *matrix,
					   MlopsRole role, const MlopsParams *params,
					   const MlopsObjective *source, float *outputs,
					   const char *split)
{
	List	   *rows = NIL;
	MlopsMetric metrics[MLOPS_MAX_METRICS];
	Truth		truth = {0};
	int			n_metrics;

	truth.n = mlops_dataset_labels(dataset, matrix, role, &truth.labels,
								   &truth.weights);
	if (dataset->bounded)
		truth.upper = mlops_dataset_upper(dataset, matrix, role);
	else if (dataset->task == MLOPS_SURVIVAL)
		truth.upper = upper_of_signs(truth.labels, truth.n);
	if (dataset->grouped)
		truth.groups = mlops_dataset_groups(dataset, matrix, role);
	if (strcmp(source->name, "binary:logitraw") == 0)
		for (uint64 i = 0; i < truth.n; i++)
			outputs[i] = (float) (1 / (1 + exp(-(double) outputs[i])));

	n_metrics = compute_metrics(dataset, params, source, &truth, outputs,
								metrics);
	for (int i = 0; i < n_metrics; i++)
	{
		MlopsMetricRow *row = palloc(sizeof(MlopsMetricRow));

		*row = (MlopsMetricRow) {split, metrics[i].name, -1,
		metrics[i].value};
		rows = lappend(rows, row);
	}
	free_truth(&truth);
	return rows;
}

List *
mlops_evaluate_baselines(MlopsDataset *dataset, MlopsMatrix *matrix,
						 const MlopsForest *forest, int n_outputs)
{
	bool		held_out = dataset->n_rows[MLOPS_ROLE_VALIDATION] +
		dataset->n_rows[MLOPS_ROLE_TEST] >= LEAST_HELD_OUT;
	int			first = held_out ? MLOPS_ROLE_VALIDATION : MLOPS_ROLE_TRAIN;
	int			last = held_out ? MLOPS_ROLE_TEST : MLOPS_ROLE_TRAIN;
	uint64		n = 0;
	MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));
	MlopsSummarizer *state;
	const MlopsSummary *summaries;
	float	   *outputs;
	List	   *baselines = NIL;

	callback->func = free_summary;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	for (int role = first; role <= last; role++)
		n += dataset->n_rows[role];
	outputs = palloc_extended(sizeof(float) * n * n_outputs, MCXT_ALLOC_HUGE);
	n = 0;
	for (int role = first; role <= last; role++)
	{
		/* what is served knows no base margins */
		if (dataset->n_margins > 0)
			predict_rows(matrix, forest, role, n_outputs,
						 outputs + n * n_outputs);
		else
			mlops_matrix_outputs(matrix, role, outputs + n * n_outputs);
		n += dataset->n_rows[role];
	}

	state = mlops_summary_begin(n_outputs);
	callback->arg = state;
	if (state == NULL ||
		!mlops_summary_add(state, outputs, n_outputs, n, NULL, 0) ||
		!mlops_summary_edges(state))
		mlops_out_of_memory();
	mlops_summary_count(state, outputs, n_outputs, n, NULL, 0);
	summaries = mlops_summary_columns(state);
	for (int i = 0; i < n_outputs; i++)
		baselines = lappend(baselines,
							mlops_number_baseline(n_outputs > 1 ?
												  dataset->classes[i] :
												  "prediction", "prediction",
												  &summaries[i]));
	callback->arg = NULL;
	mlops_summary_free(state);
	pfree(outputs);
	return baselines;
}

double
mlops_evaluate_find(List *metrics, const char *split, const char *name)
{
	ListCell   *cell;

	foreach(cell, metrics)
	{
		MlopsMetricRow *row = lfirst(cell);

		if (row->step < 0 && strcmp(row->split, split) == 0 &&
			strcmp(row->name, name) == 0)
			return row->value;
	}
	return NAN;
}

/* The metrics of the task and objective; their number. */
static int
compute_metrics(const MlopsDataset *dataset, const MlopsParams *params,
				const MlopsObjective *source, const Truth *t,
				const float *outputs, MlopsMetric *metrics)
{
	int			n_metrics = -1;

	switch (dataset->task)
	{
		case MLOPS_BINARY:
			n_metrics = mlops_metrics_binary(t->labels, outputs, t->weights,
											 t->n, metrics);
			break;
		case MLOPS_MULTICLASS:
			n_metrics = mlops_metrics_multiclass(t->labels, outputs,
												 dataset->n_classes,
												 t->weights, t->n, metrics);
			break;
		case MLOPS_REGRESSION:
			n_metrics = regression_metrics(params, t, outputs, metrics);
			break;
		case MLOPS_RANKING:
			n_metrics = mlops_metrics_ranking(t->labels, outputs, t->groups,
											  t->weights, t->n, metrics);
			break;
		case MLOPS_SURVIVAL:
			n_metrics = mlops_metrics_survival(t->labels, t->upper, outputs,
											   strcmp(source->name,
													  "survival:cox") == 0,
											   t->weights, t->n, metrics);
			break;
	}
	if (n_metrics < 0)
		mlops_out_of_memory();
	return n_metrics;
}

/* Those of a regression, by what it minimizes. */
static int
regression_metrics(const MlopsParams *params, const Truth *t,
				   const float *outputs, MlopsMetric *metrics)
{
	const char *criterion = mlops_params_objective(params,
												   MLOPS_REGRESSION)->criterion;
	double		power = 0;

	if (strcmp(criterion, "pinball_loss") == 0)
		return mlops_metrics_quantile(t->labels, outputs, t->weights, t->n,
									  mlops_params_number(params,
														  "quantile_alpha"),
									  metrics);
	if (strcmp(criterion, "poisson_deviance") == 0)
		power = 1;
	else if (strcmp(criterion, "gamma_deviance") == 0)
		power = 2;
	else if (strcmp(criterion, "tweedie_deviance") == 0)
		power = mlops_params_number(params, "tweedie_variance_power");
	if (power > 0)
		return mlops_metrics_deviance(t->labels, outputs, t->weights, t->n,
									  power, metrics);
	return mlops_metrics_regression(t->labels, outputs, t->weights, t->n,
									metrics);
}

/*
 * Upper bounds of times that are negative where the event was not observed;
 * the times lose their signs.
 */
static float *
upper_of_signs(float *labels, uint64 n)
{
	float	   *upper = palloc_extended(sizeof(float) * Max(n, 1),
										MCXT_ALLOC_HUGE);

	for (uint64 i = 0; i < n; i++)
	{
		upper[i] = labels[i] < 0 ? get_float4_infinity() : labels[i];
		labels[i] = fabsf(labels[i]);
	}
	return upper;
}

/* Give back the arrays. */
static void
free_truth(Truth *truth)
{
	pfree(truth->labels);
	if (truth->weights != NULL)
		pfree(truth->weights);
	if (truth->upper != NULL)
		pfree(truth->upper);
	if (truth->groups != NULL)
		pfree(truth->groups);
}

/* The forest's own predictions of the rows of a role, in row order. */
static void
predict_rows(MlopsMatrix *matrix, const MlopsForest *forest, MlopsRole role,
			 int n_outputs, float *outputs)
{
	const MlopsMatrixLayout *layout = &matrix->layout;
	Size		n_features = layout->n_features;
	MlopsForestInfo info;
	float	   *features;
	int			most;
	int			n = 0;

	mlops_forest_info(forest, &info);
	most = mlops_predictor_rows(&info);
	features = palloc(sizeof(float) * most * n_features);
	for (uint64 row = 0; row < layout->n_rows; row++)
	{
		uint64		at = mlops_matrix_seek(matrix, row);

		if (mlops_matrix_role(matrix)[at] == role)
			memcpy(features + n++ * n_features,
				   mlops_matrix_features(matrix) + at * n_features,
				   sizeof(float) * n_features);
		if (n < most && row + 1 < layout->n_rows)
			continue;
		mlops_forest_predict_batch(forest, features, n, n_features, outputs);
		outputs += (Size) n * n_outputs;
		n = 0;
	}
	pfree(features);
}

/* A reset callback: release the summarizer, if it is still there. */
static void
free_summary(void *arg)
{
	mlops_summary_free(arg);
}
