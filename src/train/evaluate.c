/*
 * evaluate.c
 *		How good a trained version is on each split.
 *
 * The trainer has written its predictions for all rows into the matrix; what
 * is computed from them here is computed in double.
 */
#include "postgres.h"

#include <math.h>

#include "math/metrics.h"
#include "math/summary.h"
#include "miscadmin.h"
#include "train/evaluate.h"
#include "utils/memutils.h"

static const char *const split_names[] = {"train", "validation", "test"};

static int	compute_metrics(const MlopsDataset *dataset, const float *labels,
							const float *outputs, const float *weights,
							uint64 n, MlopsMetric *metrics);
static void free_summary(void *arg);

List *
mlops_evaluate_splits(MlopsDataset *dataset, MlopsMatrix *matrix,
					  int n_outputs)
{
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
												  outputs,
												  split_names[role]));
		pfree(outputs);
	}
	return rows;
}

List *
mlops_evaluate_outputs(MlopsDataset *dataset, MlopsMatrix *matrix,
					   MlopsRole role, const float *outputs,
					   const char *split)
{
	List	   *rows = NIL;
	MlopsMetric metrics[MLOPS_MAX_METRICS];
	float	   *labels;
	float	   *weights;
	uint64		n = mlops_dataset_labels(dataset, matrix, role, &labels,
										 &weights);
	int			n_metrics = compute_metrics(dataset, labels, outputs, weights,
											n, metrics);

	for (int i = 0; i < n_metrics; i++)
	{
		MlopsMetricRow *row = palloc(sizeof(MlopsMetricRow));

		*row = (MlopsMetricRow) {split, metrics[i].name, -1,
		metrics[i].value};
		rows = lappend(rows, row);
	}
	pfree(labels);
	if (weights != NULL)
		pfree(weights);
	return rows;
}

List *
mlops_evaluate_baselines(MlopsDataset *dataset, MlopsMatrix *matrix,
						 int n_outputs)
{
	uint64		n = dataset->n_rows[MLOPS_ROLE_TRAIN];
	MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));
	MlopsSummarizer *state;
	const MlopsSummary *summaries;
	float	   *outputs;
	List	   *baselines = NIL;

	callback->func = free_summary;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	outputs = palloc_extended(sizeof(float) * n * n_outputs, MCXT_ALLOC_HUGE);
	mlops_matrix_outputs(matrix, MLOPS_ROLE_TRAIN, outputs);

	state = mlops_summary_begin(n_outputs);
	callback->arg = state;
	if (state == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	if (!mlops_summary_add(state, outputs, n_outputs, n, NULL, 0) ||
		!mlops_summary_edges(state))
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
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

const char *
mlops_evaluate_criterion(MlopsTask task)
{
	return task == MLOPS_REGRESSION ? "rmse" : "log_loss";
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

/* The metrics of the task; their number. */
static int
compute_metrics(const MlopsDataset *dataset, const float *labels,
				const float *outputs, const float *weights, uint64 n,
				MlopsMetric *metrics)
{
	int			n_metrics = -1;

	switch (dataset->task)
	{
		case MLOPS_BINARY:
			n_metrics = mlops_metrics_binary(labels, outputs, weights, n,
											 metrics);
			break;
		case MLOPS_MULTICLASS:
			n_metrics = mlops_metrics_multiclass(labels, outputs,
												 dataset->n_classes, weights,
												 n, metrics);
			break;
		case MLOPS_REGRESSION:
			n_metrics = mlops_metrics_regression(labels, outputs, weights, n,
												 metrics);
			break;
	}
	if (n_metrics < 0)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	return n_metrics;
}

/* A reset callback: release the summarizer, if it is still there. */
static void
free_summary(void *arg)
{
	mlops_summary_free(arg);
}
