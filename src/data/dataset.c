/*
 * dataset.c
 *		From a source to a matrix of training rows: the steps in order.
 *
 * A dataset and all it points to live in the memory context that was current
 * at mlops_dataset_open().  Nothing needs to be released.
 */
#include "postgres.h"

#include "data/advice.h"
#include "portability/instr_time.h"
#include "utils/builtins.h"

static void *copy_array(MlopsDataset *dataset, MlopsMatrix *matrix,
						MlopsRole role, uint64 offset);
static void copy_labels(MlopsMatrix *matrix, MlopsRole role, float *labels,
						float *weights);

MlopsDataset *
mlops_dataset_open(const MlopsDatasetRequest *request)
{
	MlopsDataset *dataset = palloc0(sizeof(MlopsDataset));
	MlopsDatasetPlan *plan = palloc0(sizeof(MlopsDatasetPlan));
	MlopsStatement statement = {0};
	MlopsSource *source;
	MlopsExpression *target;

	mlops_split_check(request->validation, request->test);
	dataset->plan = plan;
	dataset->signature = palloc0(sizeof(MlopsSignature));
	plan->context = CurrentMemoryContext;
	plan->validation = request->validation;
	plan->test = request->test;
	plan->seed = (uint64) request->seed;

	source = mlops_source_open(request->source);
	target = mlops_source_expression(source, "target", request->target);
	plan->target = mlops_target_open(target, request);
	mlops_columns_choose(dataset, request, source, target);
	mlops_statement_plan(dataset->query, &statement);

	dataset->task = plan->target->task;
	dataset->task_known = !plan->target->inferred ||
		plan->target->mode == MLOPS_LABEL_BOOLEAN;
	dataset->weighted = (plan->weight >= 0 || plan->balanced);
	dataset->has_event_time = (plan->time >= 0);
	dataset->grouped = (plan->group >= 0);
	dataset->bounded = (dataset->task == MLOPS_SURVIVAL &&
						!plan->target->inferred && !plan->cox);
	dataset->n_margins = (plan->margin >= 0);
	dataset->split = plan->split;
	mlops_advice_prepare(dataset);
	dataset->class_type = plan->target->type_name;
	dataset->relations = statement.relations;
	dataset->row_security = statement.row_security;
	dataset->estimated_rows = statement.estimated_rows;
	return dataset;
}

void
mlops_dataset_read(MlopsDataset *dataset, MlopsMatrix *matrix,
				   MlopsReadCallback callback, void *arg)
{
	MemoryContext old = MemoryContextSwitchTo(dataset->plan->context);
	instr_time	start;
	instr_time	end;

	INSTR_TIME_SET_CURRENT(start);
	mlops_receive(dataset, matrix, callback, arg);
	mlops_finish(dataset, matrix);
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	dataset->read_seconds = INSTR_TIME_GET_DOUBLE(end);
	MemoryContextSwitchTo(old);
}

/*
 * Only the first row tells how many margins there are.
 */
void
mlops_dataset_lay_out(MlopsDataset *dataset, MlopsMatrix *matrix,
					  int n_margins)
{
	MlopsMatrixArrays arrays = {
		.weight = dataset->weighted,
		.event_time = mlops_split_ordered(dataset->plan),
		.upper = dataset->bounded,
		.group = dataset->grouped,
		.n_margins = n_margins
	};

	dataset->n_margins = n_margins;
	mlops_matrix_layout(matrix, dataset->signature->n_features, &arrays);
}

uint64
mlops_dataset_labels(MlopsDataset *dataset, MlopsMatrix *matrix,
					 MlopsRole role, float **labels, float **weights)
{
	uint64		n = dataset->n_rows[role];
	Size		size = sizeof(float) * Max(n, 1);

	*labels = palloc_extended(size, MCXT_ALLOC_HUGE);
	*weights = dataset->weighted ?
		palloc_extended(size, MCXT_ALLOC_HUGE) : NULL;
	copy_labels(matrix, role, *labels, *weights);
	return n;
}

float *
mlops_dataset_upper(MlopsDataset *dataset, MlopsMatrix *matrix,
					MlopsRole role)
{
	return copy_array(dataset, matrix, role, matrix->layout.upper_offset);
}

uint32 *
mlops_dataset_groups(MlopsDataset *dataset, MlopsMatrix *matrix,
					 MlopsRole role)
{
	return copy_array(dataset, matrix, role, matrix->layout.group_offset);
}

/*
 * Copy an array of four bytes a row, NULL if it is not there.
 */
static void *
copy_array(MlopsDataset *dataset, MlopsMatrix *matrix, MlopsRole role,
		   uint64 offset)
{
	const MlopsMatrixLayout *layout = &matrix->layout;
	uint32	   *copy;
	uint64		n = 0;

	if (offset == 0)
		return NULL;
	copy = palloc_extended(sizeof(uint32) * Max(dataset->n_rows[role], 1),
						   MCXT_ALLOC_HUGE);
	for (uint64 row = 0; row < layout->n_rows; row++)
	{
		uint64		at = mlops_matrix_seek(matrix, row);

		if (mlops_matrix_role(matrix)[at] == role)
			copy[n++] = ((const uint32 *) (matrix->window + offset))[at];
	}
	return copy;
}

/*
 * Copy labels and weights (unless NULL) of the rows with the role.
 */
static void
copy_labels(MlopsMatrix *matrix, MlopsRole role, float *labels,
			float *weights)
{
	uint64		first = 0;
	uint64		rows = 0;
	uint64		n = 0;

	while (mlops_matrix_next(matrix, &first, &rows))
	{
		const uint8 *roles = mlops_matrix_role(matrix);

		for (uint64 i = 0; i < rows; i++)
		{
			if (roles[i] != role)
				continue;
			labels[n] = mlops_matrix_label(matrix)[i];
			if (weights != NULL)
				weights[n] = mlops_matrix_weight(matrix)[i];
			n++;
		}
	}
}
