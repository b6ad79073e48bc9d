/*
 * advice.c
 *		What a good colleague would say about the data before it is trusted.
 *
 * It looks at a sample of the training rows, at most SAMPLE_ROWS of them and
 * SAMPLE_VALUES values, copied column by column; what it says of all rows was
 * counted while they were read, or is looked up once more.  Each kind of
 * advice is one message, however many features it concerns; the record has
 * one entry for each.  Thresholds are such that ordinary data gets no advice.
 */
#include "postgres.h"

#include <math.h>

#include "base/members.h"
#include "data/advice.h"
#include "data/overlap.h"
#include "lib/stringinfo.h"
#include "math/association.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#define SAMPLE_ROWS		100000
#define SAMPLE_VALUES	(4 * 1000 * 1000)
#define SAMPLE_LEAST	1000	/* rows, if there are so many */

/* Fewer rows than that tell nothing of leaks and identifiers. */
#define LEAST_ROWS		100
#define LEAST_OF_CLASS	10
#define LEAK			0.995
#define LEAK_OF_CLASSES	0.98	/* bins mix classes where they meet */
#define ID_SHARE		0.95	/* of values that are distinct */
#define ONE_VALUE		0.995	/* share of the most frequent label */
#define FEW_ROWS		50
#define FEW_PER_FEATURE 5
#define FEW_TEST_ROWS	20
#define KEY_OVERLAP		0.01	/* of the keys in the test */
#define ROW_OVERLAP		0.05
#define LEAST_OVERLAP	10		/* rows */
#define FLOAT4_INTEGERS 16777216.0
#define MAX_NAMED		5

/* The rows that are looked at. */
typedef struct Sample
{
	size_t		n;
	float	   *labels;
	double	   *ranks;			/* of labels that are numbers, else NULL */
	float	   *column;			/* [n], the feature that is looked at */
	float	   *features;		/* [n_features][n] */
	MlopsAssociationWork *work;
} Sample;

typedef struct Advice
{
	MlopsDataset *dataset;
	const MlopsDatasetPlan *plan;
	MlopsMatrix *matrix;
	Sample		sample;
	StringInfoData json;
} Advice;

/* Names for one message. */
typedef struct Names
{
	int			n;
	StringInfoData text;
} Names;

static void take_sample(Advice *a);
static void take_sample_block(Advice *a, uint64 rows, uint64 stride,
							  uint64 *seen);
static float *sample_column(Advice *a, int feature);
static void advise_leaks(Advice *a);
static double association(Advice *a, int feature);
static bool label_varies(const Advice *a);
static void advise_constants(Advice *a);
static bool *constant_in_sample(Advice *a, int *n);
static void constant_in_all(Advice *a, bool *constant);
static bool same_value(float left, float right);
static void advise_identifiers(Advice *a);
static bool is_identifier(Advice *a, int input);
static bool numbers_identify(Advice *a, const MlopsInput *input);
static bool named_like_key(const char *name);
static void advise_clocks(Advice *a);
static void advise_classes(Advice *a);
static void advise_constant_label(Advice *a);
static void advise_few_rows(Advice *a);
static void advise_overlap(Advice *a);
static void advise_key_overlap(Advice *a);
static void add_name(Names *names, const char *name);
static void record(Advice *a, const char *kind, const char *feature,
				   const char *message);

void
mlops_advice_prepare(MlopsDataset *dataset)
{
	MlopsDatasetPlan *plan = dataset->plan;
	bool		by_row = plan->split == MLOPS_SPLIT_HASH && plan->n_key == 0;

	if (plan->time >= 0)
		plan->clocks = palloc0(sizeof(MlopsClock) * Max(plan->n_fields, 1));
	for (int i = 0; plan->time >= 0 && i < plan->n_fields; i++)
	{
		const MlopsField *field = &plan->fields[i];
		MlopsClock *clock = &plan->clocks[plan->n_clocks];

		if (field->attribute == plan->time ||
			(field->conversion != MLOPS_FROM_DATE &&
			 field->conversion != MLOPS_FROM_TIMESTAMP &&
			 field->conversion != MLOPS_FROM_TIMESTAMPTZ))
			continue;
		clock->attribute = field->attribute;
		clock->conversion = field->conversion;
		clock->name = dataset->signature->inputs[i].name;
		plan->n_clocks++;
	}
	if (plan->split == MLOPS_SPLIT_NONE ||
		(plan->test == 0 && plan->split != MLOPS_SPLIT_COLUMN))
		return;
	if (plan->n_key > 0 && plan->split != MLOPS_SPLIT_HASH)
		plan->keys = mlops_overlap_create();
	if (!by_row)
		plan->rows = mlops_overlap_create();
}

char *
mlops_dataset_advice(MlopsDataset *dataset, MlopsMatrix *matrix)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "mlops advice",
												  ALLOCSET_DEFAULT_SIZES);
	Advice		a = {0};
	char	   *result;

	MemoryContextSwitchTo(context);
	a.dataset = dataset;
	a.plan = dataset->plan;
	a.matrix = matrix;
	initStringInfo(&a.json);
	appendStringInfoChar(&a.json, '[');
	take_sample(&a);
	advise_leaks(&a);
	advise_clocks(&a);
	advise_overlap(&a);
	advise_constants(&a);
	advise_identifiers(&a);
	advise_classes(&a);
	advise_few_rows(&a);
	appendStringInfoChar(&a.json, ']');
	MemoryContextSwitchTo(caller);
	result = pstrdup(a.json.data);
	MemoryContextDelete(context);
	return result;
}

/*
 * Copy every so many training rows, feature by feature.
 */
static void
take_sample(Advice *a)
{
	int			n_features = a->matrix->layout.n_features;
	Sample	   *s = &a->sample;
	uint64		n_train = a->dataset->n_rows[MLOPS_ROLE_TRAIN];
	uint64		limit = SAMPLE_VALUES / n_features;
	uint64		stride;
	uint64		seen = 0;
	uint64		first = 0;
	uint64		rows = 0;

	limit = Min(Max(limit, SAMPLE_LEAST), SAMPLE_ROWS);
	stride = (n_train + limit - 1) / limit;
	s->labels = palloc(sizeof(float) * limit);
	s->features = palloc_extended(sizeof(float) * limit * n_features,
								  MCXT_ALLOC_HUGE);
	s->column = palloc(sizeof(float) * limit);
	while (mlops_matrix_next(a->matrix, &first, &rows))
		take_sample_block(a, rows, stride, &seen);
	s->work = palloc(sizeof(MlopsAssociationWork) *
					 MLOPS_ASSOCIATION_WORK(s->n));
	if (a->dataset->n_classes == 0)
	{
		s->ranks = palloc(sizeof(double) * s->n);
		mlops_association_ranks(s->labels, s->n, s->ranks, s->work);
	}
}

/*
 * The rows of a block that are taken; *seen counts training rows.
 */
static void
take_sample_block(Advice *a, uint64 rows, uint64 stride, uint64 *seen)
{
	Sample	   *s = &a->sample;
	const uint8 *roles = mlops_matrix_role(a->matrix);
	int			width = a->matrix->layout.n_features;

	for (uint64 i = 0; i < rows; i++)
	{
		const float *features = mlops_matrix_features(a->matrix) + i * width;

		if (roles[i] != MLOPS_ROLE_TRAIN || (*seen)++ % stride != 0)
			continue;
		memcpy(s->features + s->n * width, features, sizeof(float) * width);
		s->labels[s->n] = a->plan->cox ? fabsf(mlops_matrix_label(a->matrix)[i]) :
			mlops_matrix_label(a->matrix)[i];
		s->n++;
	}
}

/*
 * One feature of the sample, in the order of rows.
 */
static float *
sample_column(Advice *a, int feature)
{
	Sample	   *s = &a->sample;
	int			width = a->matrix->layout.n_features;

	for (size_t i = 0; i < s->n; i++)
		s->column[i] = s->features[i * width + feature];
	return s->column;
}

/*
 * Features that alone nearly decide the target.
 */
static void
advise_leaks(Advice *a)
{
	const MlopsSignature *signature = a->dataset->signature;
	double		limit = a->dataset->n_classes > 2 ? LEAK_OF_CLASSES : LEAK;
	const char *measure = a->dataset->n_classes == 2 ? "an AUC" :
		a->dataset->n_classes > 2 ? "a purity of classes" : "a correlation";
	Names		names = {0};
	double		strongest = 0;

	if (a->sample.n < LEAST_ROWS || !label_varies(a))
		return;
	for (int i = 0; i < signature->n_features; i++)
	{
		double		strength;

		CHECK_FOR_INTERRUPTS();
		strength = association(a, i);
		if (isnan(strength) || strength < limit)
			continue;
		strongest = Max(strongest, strength);
		add_name(&names, signature->feature_names[i]);
		record(a, "leak", signature->feature_names[i],
			   psprintf("alone it tells the target with %s of %.4f",
						measure, strength));
	}
	if (names.n == 1)
		ereport(WARNING,
				(errmsg("feature %s alone nearly decides the target",
						names.text.data),
				 errdetail("Alone it tells the target with %s of %.4f.",
						   measure, strongest),
				 errhint("If it is known only after the fact, leave it out with exclude.")));
	else if (names.n > 1)
		ereport(WARNING,
				(errmsg("%d features each nearly decide the target alone",
						names.n),
				 errdetail("They are %s; the strongest tells it with %s of %.4f.",
						   names.text.data, measure, strongest),
				 errhint("If they are known only after the fact, leave them out with exclude.")));
}

/*
 * How far a feature alone tells the target, 0 to 1 or NaN.
 */
static double
association(Advice *a, int feature)
{
	Sample	   *s = &a->sample;
	const float *x = sample_column(a, feature);
	bool		categorical = a->dataset->signature->categorical[feature];

	if (a->dataset->n_classes == 2)
		return mlops_association_binary(x, s->labels, s->n, categorical,
										s->work);
	if (a->dataset->n_classes > 2)
		return mlops_association_classes(x, s->labels, s->n,
										 a->dataset->n_classes, categorical,
										 s->work);
	return mlops_association_number(x, s->labels, s->ranks, s->n,
									categorical, s->work);
}

/*
 * Are there enough different labels to speak of deciding them?  Two classes
 * need some rows each, numbers must not be nearly all the same.
 */
static bool
label_varies(const Advice *a)
{
	const uint64 *rows = a->plan->class_rows;
	uint64		most = 0;
	size_t		run = 1;

	if (a->dataset->n_classes == 2)
		return rows[0] >= LEAST_OF_CLASS && rows[1] >= LEAST_OF_CLASS;
	if (a->dataset->n_classes > 2)
	{
		for (int i = 0; i < a->dataset->n_classes; i++)
			most = Max(most, rows[i]);
		return most <= a->dataset->n_rows[MLOPS_ROLE_TRAIN] * 0.99;
	}
	/* the work still has the labels sorted */
	for (size_t i = 1; i < a->sample.n; i++)
	{
		bool		same = a->sample.work[i] >> 32 == a->sample.work[i - 1] >> 32;

		run = same ? run + 1 : 1;
		most = Max(most, run);
	}
	return most <= a->sample.n * 0.99;
}

/*
 * Columns that have one value in all training rows.
 */
static void
advise_constants(Advice *a)
{
	const MlopsSignature *signature = a->dataset->signature;
	Names		names = {0};
	int			n;
	bool	   *constant = constant_in_sample(a, &n);

	if (n > 0)
		constant_in_all(a, constant);
	for (int i = 0; n > 0 && i < signature->n_inputs; i++)
	{
		const MlopsInput *input = &signature->inputs[i];
		bool		missing;

		if (!constant[i])
			continue;
		missing = isnan(a->sample.features[input->first_feature]);
		add_name(&names, input->name);
		record(a, "constant", input->name, missing ?
			   "it is missing in every training row" :
			   "it has the same value in every training row");
	}
	if (names.n > 0)
		ereport(NOTICE,
				(names.n == 1 ?
				 errmsg("column %s says nothing", names.text.data) :
				 errmsg("%d columns say nothing: %s", names.n,
						names.text.data),
				 errdetail("In the training rows there is one value only, or none.")));
}

/*
 * Which inputs have one value in the sample; *n counts them.
 */
static bool *
constant_in_sample(Advice *a, int *n)
{
	const MlopsSignature *signature = a->dataset->signature;
	const Sample *s = &a->sample;
	int			width = signature->n_features;
	bool	   *constant = palloc(sizeof(bool) * signature->n_inputs);

	*n = 0;
	for (int i = 0; i < signature->n_inputs; i++)
	{
		int			from = signature->inputs[i].first_feature;
		int			to = from + signature->inputs[i].n_features;

		constant[i] = s->n > 1;
		for (size_t row = 1; row < s->n && constant[i]; row++)
			for (int f = from; f < to && constant[i]; f++)
				constant[i] = same_value(s->features[f],
										 s->features[row * width + f]);
		*n += constant[i];
	}
	return constant;
}

/*
 * Keep those that have one value in all training rows.
 */
static void
constant_in_all(Advice *a, bool *constant)
{
	const MlopsSignature *signature = a->dataset->signature;
	const MlopsMatrixLayout *layout = &a->matrix->layout;

	if (a->sample.n == a->dataset->n_rows[MLOPS_ROLE_TRAIN])
		return;
	for (uint64 row = 0; row < layout->n_rows; row++)
	{
		uint64		at = mlops_matrix_seek(a->matrix, row);
		const float *features;

		if (mlops_matrix_role(a->matrix)[at] != MLOPS_ROLE_TRAIN)
			continue;
		features = mlops_matrix_features(a->matrix) + at * layout->n_features;
		for (int i = 0; i < signature->n_inputs; i++)
			for (int f = 0; constant[i] && f < signature->inputs[i].n_features;
				 f++)
			{
				int			feature = signature->inputs[i].first_feature + f;

				constant[i] = same_value(a->sample.features[feature],
										 features[feature]);
			}
	}
}

/*
 * Equal, or both missing.
 */
static bool
same_value(float left, float right)
{
	return left == right || (isnan(left) && isnan(right));
}

/*
 * Columns that name rows rather than describe them.
 */
static void
advise_identifiers(Advice *a)
{
	const MlopsSignature *signature = a->dataset->signature;
	Names		names = {0};

	if (a->sample.n < LEAST_ROWS)
		return;
	for (int i = 0; i < signature->n_inputs; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!is_identifier(a, i))
			continue;
		add_name(&names, signature->inputs[i].name);
		record(a, "identifier", signature->inputs[i].name,
			   "its values are nearly all different, like those of a key");
	}
	if (names.n > 0)
		ereport(WARNING,
				(names.n == 1 ?
				 errmsg("column %s looks like an identifier",
						names.text.data) :
				 errmsg("%d columns look like identifiers: %s", names.n,
						names.text.data),
				 errdetail("The values are nearly all different; a model learns them by heart, and new rows have others."),
				 errhint("Name such a column as key, or leave it out with exclude.")));
}

/*
 * Is an input made of text, or of integers, that are nearly all different and
 * follow each other, or are called like a key?
 */
static bool
is_identifier(Advice *a, int input)
{
	const MlopsInput *in = &a->dataset->signature->inputs[input];
	const MlopsDictionary *dictionary = a->plan->fields[input].dictionary;

	if (in->kind == MLOPS_INPUT_CATEGORY && a->plan->encoder == NULL &&
		dictionary != NULL)
		return dictionary->n_values >= LEAST_ROWS &&
			dictionary->n_values >= ID_SHARE * a->matrix->layout.n_rows;
	return in->kind == MLOPS_INPUT_NUMBER && in->n_features == 1 &&
		(strcmp(in->type_name, "integer") == 0 ||
		 strcmp(in->type_name, "bigint") == 0 ||
		 strcmp(in->type_name, "smallint") == 0) &&
		numbers_identify(a, in);
}

/*
 * See is_identifier(); integers over 2^24 fall together as float4.
 */
static bool
numbers_identify(Advice *a, const MlopsInput *input)
{
	const float *x = sample_column(a, input->first_feature);
	size_t		n = a->sample.n;
	size_t		distinct = 1;
	bool		rising = true;
	bool		falling = true;
	double		low = x[0];
	double		high = x[0];

	for (size_t i = 0; i < n; i++)
	{
		if (isnan(x[i]))
			return false;
		low = Min(low, x[i]);
		high = Max(high, x[i]);
		rising &= i == 0 || x[i] >= x[i - 1];
		falling &= i == 0 || x[i] <= x[i - 1];
	}
	mlops_association_sort(x, n, a->sample.work);
	for (size_t i = 1; i < n; i++)
		distinct += a->sample.work[i] >> 32 != a->sample.work[i - 1] >> 32;
	if (named_like_key(input->name) && high >= FLOAT4_INTEGERS)
		return distinct >= LEAST_ROWS;
	if (distinct < ID_SHARE * n)
		return false;
	return rising || falling || named_like_key(input->name) ||
		(distinct == n &&
		 high - low < 1.5 * (a->matrix->layout.n_rows + a->dataset->n_skipped));
}

/*
 * Is a column called like a key?
 */
static bool
named_like_key(const char *name)
{
	static const char *const words[] = {"id", "uuid", "guid", "key", "nr", "no"};
	const char *last = strrchr(name, '_');

	last = last == NULL ? name : last + 1;
	for (int i = 0; i < lengthof(words); i++)
		if (pg_strcasecmp(last, words[i]) == 0)
			return true;
	return false;
}

/*
 * Features that are later than the event.
 */
static void
advise_clocks(Advice *a)
{
	for (int i = 0; i < a->plan->n_clocks; i++)
	{
		const MlopsClock *clock = &a->plan->clocks[i];

		if (clock->n_later == 0)
			continue;
		record(a, "later_than_event", clock->name,
			   psprintf("it is later than the event time in " UINT64_FORMAT " rows",
						clock->n_later));
		ereport(WARNING,
				(errmsg("column \"%s\" is later than the event time",
						clock->name),
				 errdetail("It is in " UINT64_FORMAT " of " UINT64_FORMAT " rows.",
						   clock->n_later, a->matrix->layout.n_rows),
				 errhint("If it is filled in after the event, leave it out with exclude: it is not known when a prediction is made.")));
	}
}

/*
 * Nearly one class only, or classes of very few rows.
 */
static void
advise_classes(Advice *a)
{
	const uint64 *rows = a->plan->class_rows;
	uint64		n_train = a->dataset->n_rows[MLOPS_ROLE_TRAIN];
	int			n_rare = 0;
	int			rarest = 0;
	int			most = 0;

	if (a->dataset->n_classes == 0)
	{
		advise_constant_label(a);
		return;
	}
	for (int i = 0; i < a->dataset->n_classes; i++)
	{
		most = rows[i] > rows[most] ? i : most;
		rarest = rows[i] < rows[rarest] ? i : rarest;
		n_rare += rows[i] < LEAST_OF_CLASS;
	}
	if (rows[most] >= ONE_VALUE * n_train)
	{
		record(a, "one_class", NULL,
			   psprintf("class \"%s\" is " UINT64_FORMAT " of " UINT64_FORMAT " training rows",
						a->dataset->classes[most], rows[most], n_train));
		ereport(NOTICE,
				(errmsg("nearly all training rows are of class \"%s\"",
						a->dataset->classes[most]),
				 errdetail("They are " UINT64_FORMAT " of " UINT64_FORMAT ".",
						   rows[most], n_train),
				 errhint("Look at pr_auc rather than at accuracy; \"class_weight\": \"balanced\" makes classes weigh the same.")));
	}
	if (n_rare > 0 && n_train >= FEW_ROWS)
	{
		record(a, "rare_class", NULL,
			   psprintf("%d classes have fewer than %d training rows",
						n_rare, LEAST_OF_CLASS));
		ereport(NOTICE,
				(errmsg_plural("%d class has very few training rows",
							   "%d classes have very few training rows",
							   n_rare, n_rare),
				 errdetail("The rarest is \"%s\" with " UINT64_FORMAT ".",
						   a->dataset->classes[rarest], rows[rarest]),
				 errhint("Use more rows, or map rare classes to a common one.")));
	}
}

/*
 * Numbers that are nearly all the same.
 */
static void
advise_constant_label(Advice *a)
{
	Sample	   *s = &a->sample;
	size_t		most = 1;
	size_t		run = 1;

	if (s->n < LEAST_ROWS)
		return;
	mlops_association_sort(s->labels, s->n, s->work);
	for (size_t i = 1; i < s->n; i++)
	{
		run = s->work[i] >> 32 == s->work[i - 1] >> 32 ? run + 1 : 1;
		most = Max(most, run);
	}
	if (most < ONE_VALUE * s->n)
		return;
	record(a, "one_value", NULL, "nearly all training rows have one label");
	ereport(NOTICE,
			(errmsg("nearly all training rows have the same target"),
			 errdetail("It is the same in %.1f %% of them.",
					   100.0 * most / s->n)));
}

/*
 * Too few rows to learn from, or to test on.
 */
static void
advise_few_rows(Advice *a)
{
	uint64		n_train = a->dataset->n_rows[MLOPS_ROLE_TRAIN];
	uint64		n_test = a->dataset->n_rows[MLOPS_ROLE_TEST];
	int			n_features = a->dataset->signature->n_features;

	if (n_train < FEW_ROWS || n_train < FEW_PER_FEATURE * n_features)
	{
		record(a, "few_rows", NULL,
			   psprintf(UINT64_FORMAT " training rows for %d features",
						n_train, n_features));
		ereport(NOTICE,
				(errmsg("there are few rows to train on: " UINT64_FORMAT,
						n_train),
				 errdetail("Number of features: %d.", n_features),
				 errhint("Do not expect the model to hold on new rows before you have checked it.")));
	}
	if (n_test > 0 && n_test < FEW_TEST_ROWS)
	{
		record(a, "few_test_rows", NULL,
			   psprintf(UINT64_FORMAT " test rows", n_test));
		ereport(NOTICE,
				(errmsg("there are few rows to test on: " UINT64_FORMAT,
						n_test),
				 errhint("Metrics of so few rows are little more than chance.")));
	}
}

/*
 * Keys, or whole rows, on both sides.  Rows that are equal by chance do not
 * count: where few values make most rows equal, nothing is said.
 */
static void
advise_overlap(Advice *a)
{
	MlopsOverlap overlap;

	advise_key_overlap(a);
	if (a->plan->rows == NULL)
		return;
	mlops_overlap_count(a->plan->rows, a->matrix, &overlap);
	if (overlap.n_both < LEAST_OVERLAP ||
		overlap.n_both < ROW_OVERLAP * overlap.n_test ||
		overlap.n_distinct < 0.4 * overlap.n_rows)
		return;
	record(a, "duplicate_rows", NULL,
		   psprintf("%.1f %% of the rows to test on are also trained on",
					100.0 * overlap.n_both / overlap.n_test));
	ereport(WARNING,
			(errmsg("rows to test on are also trained on"),
			 errdetail("For %.1f %% of the test rows there is an equal training row.",
					   100.0 * overlap.n_both / overlap.n_test),
			 errhint("Remove duplicates with SELECT DISTINCT, or use split => 'hash', which keeps equal rows together.")));
}

/*
 * Keys on both sides.  By time that may be meant: the same customer, later.
 */
static void
advise_key_overlap(Advice *a)
{
	bool		by_time = a->plan->split == MLOPS_SPLIT_TIME;
	MlopsOverlap overlap;

	if (a->plan->keys == NULL)
		return;
	mlops_overlap_count(a->plan->keys, a->matrix, &overlap);
	if (overlap.n_both == 0 || overlap.n_both < KEY_OVERLAP * overlap.n_test)
		return;
	record(a, "key_overlap", NULL,
		   psprintf("%.1f %% of the keys in the test are in the training rows, too",
					100.0 * overlap.n_both / overlap.n_test));
	ereport(by_time ? NOTICE : WARNING,
			(errmsg("keys of test rows are in the training rows, too"),
			 errdetail("They are %.1f %% of the keys in the test.",
					   100.0 * overlap.n_both / overlap.n_test),
			 by_time ?
			 errhint("The test tells how well the model does on later rows of known keys; for keys it has not seen use split => 'hash'.") :
			 errhint("The test looks better than predictions for new keys will be; split => 'hash' keeps the rows of a key together.")));
}

/*
 * Add a name to those of a message, which names the first few.
 */
static void
add_name(Names *names, const char *name)
{
	if (names->n == 0)
		initStringInfo(&names->text);
	names->n++;
	if (names->n <= MAX_NAMED)
		appendStringInfo(&names->text, "%s\"%s\"",
						 names->n > 1 ? ", " : "", name);
	else if (names->n == MAX_NAMED + 1)
		appendStringInfoString(&names->text, ", ...");
}

/*
 * An entry of the record.
 */
static void
record(Advice *a, const char *kind, const char *feature, const char *message)
{
	appendStringInfoString(&a->json, a->json.len > 1 ? ", {" : "{");
	mlops_append_text(&a->json, "kind", kind);
	mlops_append_text(&a->json, "feature", feature);
	mlops_append_text(&a->json, "message", message);
	appendStringInfoChar(&a->json, '}');
}
