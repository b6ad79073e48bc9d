/*
 * classifier.c
 *		Can trees tell which of two sources a row is of?
 *
 * The trees are grown by mlops-trainer, one model for each fold, on the rows
 * of the others.  Twins, rows that both sides have, must not fall into
 * different folds: the trees would learn one twin's side and be wrong about
 * the other.  So the fold of a row is a hash of its values and of how many
 * rows of its side had the same before it.
 *
 * Trainer and matrix end with the memory context that is current.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/base.h"
#include "data/matrix.h"
#include "forest/describe.h"
#include "math/curves.h"
#include "math/hash.h"
#include "miscadmin.h"
#include "train/trainer.h"
#include "watch/multivariate.h"

#define FOLDS		5
#define ROUNDS		60
#define MAX_BIN		256

/*
 * The most frequent categories of both sides have a code each, if they have
 * rows to learn from; all others are one more.
 */
#define CATEGORIES	254
#define LEAST_ROWS	5

/* A comparison on its way. */
typedef struct Classifier
{
	const MlopsSides *sides;
	size_t		n;				/* rows of both sides, the reference first */
	uint8	   *fold;			/* [n] */
	MlopsMatrix *matrix;
	MlopsTrainer *trainer;
	MlopsTrainRequest request;
	/* over the folds that could be measured */
	int			measured;
	double		auc;			/* sums */
	double		variance;
	double	   *gain;			/* [n_used] */
} Classifier;

/* A row by its values. */
typedef struct Row
{
	uint64		hash;
	unsigned	row;
} Row;

static void assign_folds(Classifier *c, const MlopsSide *side, size_t first);
static int	compare_rows(const void *a, const void *b);
static void fill_matrix(Classifier *c);
static float *recode_category(const MlopsSides *sides, int column, int *n);
static void count_codes(const MlopsSide *side, int width, int column,
						uint64 *counts);
static int	count_categories(const MlopsSides *sides, int column);
static int	compare_counts(const void *a, const void *b, void *arg);
static float plain_number(float value);
static void describe_training(Classifier *c);
static void set_roles(Classifier *c, int fold);
static void measure_fold(Classifier *c, int fold,
						 const MlopsTrainOutcome *outcome);
static void add_gains(Classifier *c, const MlopsTrainOutcome *outcome);
static void conclude(const Classifier *c, const MlopsSidesOptions *options,
					 MlopsSidesVerdict *verdict);

void
mlops_sides_classify(const MlopsSides *sides,
					 const MlopsSidesOptions *options,
					 MlopsSidesVerdict *verdict)
{
	Classifier	c = {sides};
	uint64		memory = (uint64) mlops_max_train_memory * 1024 * 1024;

	c.n = sides->reference.n + sides->current.n;
	c.fold = palloc_extended(c.n, MCXT_ALLOC_HUGE);
	c.gain = palloc0(sizeof(double) * sides->n_used);
	assign_folds(&c, &sides->reference, 0);
	assign_folds(&c, &sides->current, sides->reference.n);
	c.matrix = mlops_matrix_create(memory);
	c.trainer = mlops_trainer_start(c.matrix, mlops_effective_threads(),
									mlops_trainer_nice);
	fill_matrix(&c);
	describe_training(&c);
	for (int fold = 0; fold < FOLDS; fold++)
	{
		MlopsTrainOutcome *outcome;

		set_roles(&c, fold);
		mlops_trainer_begin(c.trainer, &c.request, memory - c.matrix->size);
		outcome = mlops_trainer_finish(c.trainer, NULL, NULL);
		measure_fold(&c, fold, outcome);
		add_gains(&c, outcome);
		pfree(outcome->model);
	}
	mlops_trainer_stop(c.trainer);
	mlops_matrix_close(c.matrix);
	conclude(&c, options, verdict);
}

/* The folds of a side, whose rows stand from `first` on. */
static void
assign_folds(Classifier *c, const MlopsSide *side, size_t first)
{
	int			width = c->sides->layout->n_columns;
	Row		   *rows = palloc_extended(sizeof(Row) * side->n,
									   MCXT_ALLOC_HUGE);
	uint64		before = 0;

	for (size_t i = 0; i < side->n; i++)
		rows[i] = (Row)
		{
			mlops_hash_row(side->values + i * width, width, c->sides->seed),
				i
		};
	qsort(rows, side->n, sizeof(Row), compare_rows);
	for (size_t i = 0; i < side->n; i++)
	{
		before = i > 0 && rows[i].hash == rows[i - 1].hash ? before + 1 : 0;
		c->fold[first + rows[i].row] =
			mlops_hash_mix(rows[i].hash + before) % FOLDS;
	}
	pfree(rows);
}

/* qsort() comparator: by value, and in the order of the source. */
static int
compare_rows(const void *a, const void *b)
{
	const Row  *left = a;
	const Row  *right = b;

	if (left->hash != right->hash)
		return left->hash < right->hash ? -1 : 1;
	return left->row < right->row ? -1 : left->row > right->row;
}

/* Rows of both sides with their side as label. */
static void
fill_matrix(Classifier *c)
{
	const MlopsSides *sides = c->sides;
	MlopsMatrixArrays arrays = {0};
	int			width = sides->layout->n_columns;
	float	  **codes = palloc0(sizeof(float *) * sides->n_used);
	int		   *n_codes = palloc0(sizeof(int) * sides->n_used);

	for (int f = 0; f < sides->n_used; f++)
		if (sides->used[f] >= sides->layout->n_numbers)
			codes[f] = recode_category(sides, sides->used[f], &n_codes[f]);
	mlops_matrix_layout(c->matrix, sides->n_used, &arrays);
	for (size_t i = 0; i < c->n; i++)
	{
		bool		current = i >= sides->reference.n;
		const float *values = current ?
			sides->current.values + (i - sides->reference.n) * width :
			sides->reference.values + i * width;
		uint32		at = i % c->matrix->layout.rows_per_block;
		float	   *row;

		if (at == 0)
			mlops_trainer_poll(c->trainer);
		mlops_matrix_append(c->matrix);
		row = mlops_matrix_features(c->matrix) + (Size) at * sides->n_used;
		for (int f = 0; f < sides->n_used; f++)
		{
			float		value = values[sides->used[f]];

			row[f] = codes[f] == NULL ? plain_number(value) :
				isnan(value) ? value : codes[f][(int) value];
		}
		mlops_matrix_label(c->matrix)[at] = current;
	}
	mlops_matrix_add_outputs(c->matrix, 1);
}

/*
 * Other codes for a category, by its own [*n]: the most frequent have one
 * each, and all others have one.  What is equally frequent is treated alike,
 * or the order in which categories came would tell the sides apart.
 */
static float *
recode_category(const MlopsSides *sides, int column, int *n)
{
	int			width = sides->layout->n_columns;
	uint64	   *counts;
	int		   *order;
	float	   *codes;
	int			kept;
	uint64		least = LEAST_ROWS;

	*n = count_categories(sides, column);
	counts = palloc0(sizeof(uint64) * Max(*n, 1));
	order = palloc(sizeof(int) * Max(*n, 1));
	codes = palloc(sizeof(float) * Max(*n, 1));
	count_codes(&sides->reference, width, column, counts);
	count_codes(&sides->current, width, column, counts);
	for (int i = 0; i < *n; i++)
		order[i] = i;
	qsort_arg(order, *n, sizeof(int), compare_counts, counts);
	kept = Min(*n, CATEGORIES);
	if (kept < *n)
		least = Max(least, counts[order[kept]] + 1);
	while (kept > 0 && counts[order[kept - 1]] < least)
		kept--;
	for (int i = 0; i < *n; i++)
		codes[order[i]] = Min(i, kept);
	pfree(counts);
	pfree(order);
	return codes;
}

/* Rows by code. */
static void
count_codes(const MlopsSide *side, int width, int column, uint64 *counts)
{
	for (size_t i = 0; i < side->n; i++)
	{
		float		code = side->values[i * width + column];

		if (!isnan(code))
			counts[(int) code]++;
	}
}

/* How many codes there are: one more than the largest. */
static int
count_categories(const MlopsSides *sides, int column)
{
	int			width = sides->layout->n_columns;
	int			n = 0;

	for (size_t i = 0; i < sides->reference.n; i++)
		if (sides->reference.values[i * width + column] >= n)
			n = (int) sides->reference.values[i * width + column] + 1;
	for (size_t i = 0; i < sides->current.n; i++)
		if (sides->current.values[i * width + column] >= n)
			n = (int) sides->current.values[i * width + column] + 1;
	return n;
}

/* qsort_arg() comparator of codes: more frequent ones first. */
static int
compare_counts(const void *a, const void *b, void *arg)
{
	const uint64 *counts = arg;
	int			left = *(const int *) a;
	int			right = *(const int *) b;

	if (counts[left] != counts[right])
		return counts[left] > counts[right] ? -1 : 1;
	return left - right;
}

/* A number that the library takes: what is infinite becomes the largest. */
static float
plain_number(float value)
{
	return isinf(value) ? copysignf(FLT_MAX, value) : value;
}

/* What each fold asks of the trainer. */
static void
describe_training(Classifier *c)
{
	MlopsTrainRequest *request = &c->request;
	MlopsTrainerParam *params = palloc0(sizeof(MlopsTrainerParam) * 16);
	bool	   *categorical = palloc(sizeof(bool) * c->sides->n_used);
	const MlopsTrainerParam all[] = {
		{"booster", "gbtree"},
		{"tree_method", "hist"},
		{"objective", "binary:logistic"},
		{"base_score", psprintf("%.9g", (double) c->sides->current.n / c->n)},
		{"seed", psprintf(UINT64_FORMAT, c->sides->seed & 0x7fffffff)},
		{"max_bin", psprintf("%d", MAX_BIN)},
		{"eta", "0.1"},
		{"max_depth", "4"},
		{"min_child_weight", "5"},
		{"eval_metric", "logloss"}
	};

	StaticAssertStmt(lengthof(all) <= 16, "too many parameters");
	memcpy(params, all, sizeof(all));
	request->params = params;
	request->n_params = lengthof(all);
	request->n_rounds = ROUNDS;
	request->n_features = c->sides->n_used;
	request->feature_names = palloc(sizeof(char *) * c->sides->n_used);
	request->categorical = categorical;
	request->max_bin = MAX_BIN;
	request->predict = true;
	for (int f = 0; f < c->sides->n_used; f++)
	{
		request->feature_names[f] = psprintf("f%d", f);
		categorical[f] = c->sides->used[f] >= c->sides->layout->n_numbers;
	}
}

/* Hold a fold back. */
static void
set_roles(Classifier *c, int fold)
{
	for (size_t i = 0; i < c->n; i++)
	{
		uint64		at = mlops_matrix_seek(c->matrix, i);

		mlops_matrix_role(c->matrix)[at] =
			c->fold[i] == fold ? MLOPS_ROLE_TEST : MLOPS_ROLE_TRAIN;
	}
}

/* The area and its variance in the rows that were held back. */
static void
measure_fold(Classifier *c, int fold, const MlopsTrainOutcome *outcome)
{
	uint64		n = mlops_matrix_outputs(c->matrix, MLOPS_ROLE_TEST, NULL);
	float	   *score = palloc_extended(sizeof(float) * Max(n, 1),
										MCXT_ALLOC_HUGE);
	float	   *label = palloc_extended(sizeof(float) * Max(n, 1),
										MCXT_ALLOC_HUGE);
	MlopsDelong delong;
	size_t		rows = 0;

	(void) mlops_matrix_outputs(c->matrix, MLOPS_ROLE_TEST, score);
	for (size_t i = 0; i < c->n; i++)
		if (c->fold[i] == fold)
			label[rows++] = i >= c->sides->reference.n;
	if (!mlops_delong(label, score, NULL, NULL, n, &delong))
		mlops_out_of_memory();
	pfree(score);
	pfree(label);
	if (isnan(delong.auc[0]))
		return;
	c->measured++;
	c->auc += delong.auc[0];
	c->variance += isnan(delong.variance[0]) ? 0.25 : delong.variance[0];
}

/* What each column has contributed to the trees. */
static void
add_gains(Classifier *c, const MlopsTrainOutcome *outcome)
{
	MlopsImportance *importance;
	uint32		n;
	MlopsForestError error = {""};

	if (!mlops_model_importance(outcome->model, outcome->model_size,
								&importance, &n, &error))
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("trainer returned a model that cannot be used"),
				 errdetail_internal("%s.", error.message)));
	/* trees without a split know no features */
	for (int f = 0; f < Min(n, c->sides->n_used); f++)
		c->gain[f] += importance[f].total_gain;
	free(importance);
}

/*
 * The mean over the folds.  It is drift outside of the bounds, if the sides
 * can be told apart beyond doubt as well.
 */
static void
conclude(const Classifier *c, const MlopsSidesOptions *options,
		 MlopsSidesVerdict *verdict)
{
	double		error;
	double		total = 0;

	if (c->measured == 0)
		return;
	error = 1.96 * sqrt(c->variance) / c->measured;
	verdict->value = c->auc / c->measured;
	verdict->ci_low = Max(verdict->value - error, 0);
	verdict->ci_high = Min(verdict->value + error, 1);
	verdict->low = options->low[MLOPS_SIDES_CLASSIFIER];
	verdict->high = options->high[MLOPS_SIDES_CLASSIFIER];
	verdict->status = MLOPS_DRIFT_NONE;
	if ((verdict->value > verdict->high && verdict->ci_low > 0.5) ||
		(verdict->value < verdict->low && verdict->ci_high < 0.5))
		verdict->status = MLOPS_DRIFT_DETECTED;
	for (int f = 0; f < c->sides->n_used; f++)
		total += c->gain[f];
	for (int f = 0; f < c->sides->n_used; f++)
		verdict->share[f] = total > 0 ? c->gain[f] / total : 0;
}
