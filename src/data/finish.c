/*
 * finish.c
 *		After the last row: roles, labels and categories as they stay.
 *
 * Two passes over the matrix, a block at a time.  The first gives rows their
 * role where that hangs on all rows, puts final labels in place and counts
 * categories over the training rows.  Then categories are chosen, and the
 * second pass, if there are any, replaces codes by places.
 *
 * Categories come from training rows only: what merely validation or test
 * rows hold is unseen there, as it would be in production.
 */
#include "postgres.h"

#include <math.h>

#include "base/base.h"
#include "data/plan.h"

/* Sums over the rows of role TRAIN. */
typedef struct TrainSums
{
	double		weight;
	double		label;			/* times weight */
	uint64	   *classes;		/* rows per class */
} TrainSums;

typedef struct RankedCategory
{
	const MlopsDictionaryValue *value;
	int			code;
	uint64		count;
} RankedCategory;

static void check_margins(const MlopsDataset *dataset,
						  const MlopsMatrix *matrix);
static void first_pass(MlopsDataset *dataset, MlopsMatrix *matrix,
					   TrainSums *sums);
static void take_block(MlopsDataset *dataset, MlopsMatrix *matrix,
					   uint64 rows, TrainSums *sums);
static void count_categories(MlopsDataset *dataset, MlopsMatrix *matrix,
							 uint64 rows);
static void balance(MlopsDataset *dataset, MlopsMatrix *matrix,
					TrainSums *sums);
static void balance_block(MlopsMatrix *matrix, uint64 rows,
						  const double *factors, TrainSums *sums);
static void check_split(MlopsDataset *dataset, const TrainSums *sums);
static void choose_categories(MlopsDataset *dataset, float **places);
static int	rank_categories(MlopsDictionary *dictionary,
							const uint64 *counts, RankedCategory *ranked);
static float *fix_categories(MlopsInput *input, MlopsDictionary *dictionary,
							 const uint64 *counts);
static int	compare_frequency(const void *a, const void *b);
static int	compare_value(const void *a, const void *b);
static void second_pass(MlopsDataset *dataset, MlopsMatrix *matrix,
						float **places);

void
mlops_finish(MlopsDataset *dataset, MlopsMatrix *matrix)
{
	MlopsDatasetPlan *plan = dataset->plan;
	MlopsTarget *target = plan->target;
	TrainSums	sums = {0};
	float	  **places;

	mlops_target_close(target);
	dataset->task = target->task;
	dataset->n_classes = target->n_classes;
	dataset->classes = target->classes;
	check_margins(dataset, matrix);

	sums.classes = palloc0(sizeof(uint64) * Max(target->n_classes, 1));
	plan->counts = palloc0(sizeof(uint64 *) * plan->n_fields);
	for (int i = 0; i < plan->n_fields; i++)
		if (plan->fields[i].dictionary != NULL)
			plan->counts[i] =
				palloc0(sizeof(uint64) *
						Max(plan->fields[i].dictionary->n_values, 1));
	mlops_split_settle(dataset, matrix);
	plan->class_rows = sums.classes;
	first_pass(dataset, matrix, &sums);
	check_split(dataset, &sums);
	if (plan->balanced)
		balance(dataset, matrix, &sums);
	dataset->label_mean = sums.label / sums.weight;

	if (plan->n_dictionaries == 0 || plan->encoder != NULL)
		return;
	places = palloc0(sizeof(float *) * plan->n_fields);
	choose_categories(dataset, places);
	second_pass(dataset, matrix, places);
}

/*
 * There must be a base margin for each output.
 */
static void
check_margins(const MlopsDataset *dataset, const MlopsMatrix *matrix)
{
	int			n_outputs = dataset->task == MLOPS_MULTICLASS ?
		dataset->n_classes : 1;
	int			n_margins = matrix->layout.n_margins;

	if (n_margins != 0 && n_margins != n_outputs)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("base_margin \"%s\" must have %d elements, not %d",
						dataset->plan->margin_name, n_outputs, n_margins),
				 n_outputs > 1 ?
				 errhint("It is an array with one for each class, in the order of the classes.") :
				 errhint("It is one number for each row.")));
}

/*
 * Labels and counts, block by block.
 */
static void
first_pass(MlopsDataset *dataset, MlopsMatrix *matrix, TrainSums *sums)
{
	uint64		first = 0;
	uint64		rows = 0;

	while (mlops_matrix_next(matrix, &first, &rows))
	{
		take_block(dataset, matrix, rows, sums);
		count_categories(dataset, matrix, rows);
	}
}

/*
 * Final labels of a block, and sums over its training rows.
 */
static void
take_block(MlopsDataset *dataset, MlopsMatrix *matrix, uint64 rows,
		   TrainSums *sums)
{
	const MlopsDatasetPlan *plan = dataset->plan;
	const MlopsTarget *target = plan->target;
	float	   *labels = mlops_matrix_label(matrix);
	const uint8 *roles = mlops_matrix_role(matrix);
	const float *weights = dataset->weighted ?
		mlops_matrix_weight(matrix) : NULL;

	for (uint64 i = 0; i < rows; i++)
	{
		double		weight = weights == NULL ? 1 : weights[i];

		if (target->n_codes > 0)
			labels[i] = target->recoded[(int) labels[i]];
		dataset->n_rows[roles[i]]++;
		if (roles[i] != MLOPS_ROLE_TRAIN)
			continue;
		sums->weight += weight;
		/* the label of Cox is negative if the row is censored */
		sums->label += weight * (plan->cox ? fabsf(labels[i]) : labels[i]);
		if (target->n_codes > 0 && weight > 0)
			sums->classes[(int) labels[i]]++;
	}
}

/*
 * Count the categories of a block's training rows.
 */
static void
count_categories(MlopsDataset *dataset, MlopsMatrix *matrix, uint64 rows)
{
	const MlopsDatasetPlan *plan = dataset->plan;
	const uint8 *roles = mlops_matrix_role(matrix);
	int			width = matrix->layout.n_features;

	for (int f = 0; f < plan->n_fields; f++)
	{
		const float *column = mlops_matrix_features(matrix) +
			plan->fields[f].first_feature;
		uint64	   *counts = plan->counts[f];

		if (counts == NULL)
			continue;
		for (uint64 i = 0; i < rows; i++)
			if (roles[i] == MLOPS_ROLE_TRAIN && !isnan(column[i * width]))
				counts[(int) column[i * width]]++;
	}
}

/*
 * Balanced weights: as if the classes had equally many training rows.  Those
 * of the test rows stay, so that metrics there are of the data as it is; the
 * sums become those of the new weights.
 */
static void
balance(MlopsDataset *dataset, MlopsMatrix *matrix, TrainSums *sums)
{
	uint64		first = 0;
	uint64		rows = 0;
	double	   *factors;
	double		n = 0;
	int			n_classes = 0;

	if (dataset->n_classes == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("balanced weights need classes"),
				 errdetail("The target makes the task %s.",
						   mlops_task_name(dataset->task))));
	factors = palloc(sizeof(double) * dataset->n_classes);
	for (int i = 0; i < dataset->n_classes; i++)
	{
		n += sums->classes[i];
		n_classes += sums->classes[i] > 0;
	}
	for (int i = 0; i < dataset->n_classes; i++)
		factors[i] = sums->classes[i] == 0 ? 1 :
			n / ((double) n_classes * sums->classes[i]);

	sums->weight = 0;
	sums->label = 0;
	while (mlops_matrix_next(matrix, &first, &rows))
		balance_block(matrix, rows, factors, sums);
	pfree(factors);
}

/*
 * Balance a block, and add its training rows to the sums.
 */
static void
balance_block(MlopsMatrix *matrix, uint64 rows, const double *factors,
			  TrainSums *sums)
{
	const uint8 *roles = mlops_matrix_role(matrix);
	const float *labels = mlops_matrix_label(matrix);
	float	   *weights = mlops_matrix_weight(matrix);

	for (uint64 i = 0; i < rows; i++)
	{
		if (roles[i] == MLOPS_ROLE_TEST)
			continue;
		weights[i] = (float) (weights[i] * factors[(int) labels[i]]);
		if (roles[i] != MLOPS_ROLE_TRAIN)
			continue;
		sums->weight += weights[i];
		sums->label += (double) weights[i] * labels[i];
	}
}

/*
 * Errors and notices about the sizes of the splits.
 */
static void
check_split(MlopsDataset *dataset, const TrainSums *sums)
{
	const MlopsDatasetPlan *plan = dataset->plan;
	const uint64 *rows = dataset->n_rows;
	int			n_classes = 0;

	if (rows[MLOPS_ROLE_TRAIN] == 0 || sums->weight == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the split leaves no rows to train on"),
				 errdetail("Rows for training, validation and test: " UINT64_FORMAT ", " UINT64_FORMAT ", " UINT64_FORMAT "%s.",
						   rows[MLOPS_ROLE_TRAIN],
						   rows[MLOPS_ROLE_VALIDATION], rows[MLOPS_ROLE_TEST],
						   rows[MLOPS_ROLE_TRAIN] == 0 ? "" :
						   "; all for training have weight 0")));
	for (int i = 0; i < dataset->n_classes; i++)
		n_classes += sums->classes[i] > 0;
	if (dataset->n_classes > 0 && n_classes < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rows to train on have one class only"),
				 errhint("Use more rows, or another split.")));
	if (plan->validation > 0 && rows[MLOPS_ROLE_VALIDATION] == 0)
		ereport(NOTICE,
				(errmsg("no rows are left for validation")));
	if (plan->test > 0 && rows[MLOPS_ROLE_TEST] == 0)
		ereport(NOTICE,
				(errmsg("no rows are left for the test")));
}

/*
 * Fix the categories of each input; places[field] maps codes to them.
 */
static void
choose_categories(MlopsDataset *dataset, float **places)
{
	const MlopsDatasetPlan *plan = dataset->plan;

	for (int i = 0; i < plan->n_fields; i++)
		if (plan->fields[i].dictionary != NULL)
			places[i] = fix_categories(&dataset->signature->inputs[i],
									   plan->fields[i].dictionary,
									   plan->counts[i]);
}

/*
 * Choose the categories of one input and sort them.  Returns the place of
 * each code, NaN for those that are left out.
 */
static float *
fix_categories(MlopsInput *input, MlopsDictionary *dictionary,
			   const uint64 *counts)
{
	int			n_codes = dictionary->n_values;
	RankedCategory *ranked = palloc(sizeof(RankedCategory) *
									Max(n_codes, 1));
	float	   *places = palloc(sizeof(float) * Max(n_codes, 1));
	int			n = rank_categories(dictionary, counts, ranked);

	if (n > mlops_max_categories)
	{
		uint64		lost = 0;

		for (int i = mlops_max_categories; i < n; i++)
			lost += ranked[i].count;
		ereport(NOTICE,
				(errmsg("column \"%s\" has %d distinct values, the %d most frequent are kept",
						input->name, n, mlops_max_categories),
				 errdetail("The others are missing in " UINT64_FORMAT " training rows; the setting is mlops.max_categories.",
						   lost)));
		n = mlops_max_categories;
	}
	qsort(ranked, n, sizeof(RankedCategory), compare_value);

	for (int code = 0; code < n_codes; code++)
		places[code] = get_float4_nan();
	input->n_categories = n;
	input->categories = palloc(sizeof(char *) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		input->categories[i] = ranked[i].value->bytes;
		places[ranked[i].code] = i;
	}
	pfree(ranked);
	return places;
}

/*
 * The categories that training rows hold, the most frequent first.
 */
static int
rank_categories(MlopsDictionary *dictionary, const uint64 *counts,
				RankedCategory *ranked)
{
	int			n = 0;

	for (int code = 0; code < dictionary->n_values; code++)
	{
		if (counts[code] == 0)
			continue;
		ranked[n].value = &dictionary->values[code];
		ranked[n].code = code;
		ranked[n].count = counts[code];
		n++;
	}
	qsort(ranked, n, sizeof(RankedCategory), compare_frequency);
	return n;
}

/*
 * qsort() comparator: more frequent ones first, then by bytes.
 */
static int
compare_frequency(const void *a, const void *b)
{
	const RankedCategory *left = a;
	const RankedCategory *right = b;

	if (left->count != right->count)
		return left->count > right->count ? -1 : 1;
	return compare_value(a, b);
}

/*
 * qsort() comparator: by bytes.
 */
static int
compare_value(const void *a, const void *b)
{
	const MlopsDictionaryValue *left = ((const RankedCategory *) a)->value;
	const MlopsDictionaryValue *right = ((const RankedCategory *) b)->value;

	return mlops_compare_bytes(left->bytes, left->length,
							   right->bytes, right->length);
}

/*
 * Replace codes by places.
 */
static void
second_pass(MlopsDataset *dataset, MlopsMatrix *matrix, float **places)
{
	const MlopsDatasetPlan *plan = dataset->plan;
	int			n_features = matrix->layout.n_features;
	uint64		first = 0;
	uint64		rows = 0;

	while (mlops_matrix_next(matrix, &first, &rows))
	{
		for (int f = 0; f < plan->n_fields; f++)
		{
			float	   *column = mlops_matrix_features(matrix) +
				plan->fields[f].first_feature;

			if (places[f] == NULL)
				continue;
			for (uint64 i = 0; i < rows; i++)
			{
				float	   *cell = &column[i * n_features];

				if (!isnan(*cell))
					*cell = places[f][(int) *cell];
			}
		}
	}
}
