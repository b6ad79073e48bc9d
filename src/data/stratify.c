/*
 * stratify.c
 *		The same share of every label in training, validation and test.
 *
 * Each stratum (a class; of numbers a tenth between two deciles; of survival
 * the rows whose event was observed and the others) is sorted by the hash
 * that stands in the time array.  Its first rows test, the next validate, as
 * many as the fractions say, rounded.
 *
 * Nothing is sorted and no row is copied: the hashes and deciles of the ranks
 * that are wanted are found eight bits at a time, for all strata in one pass
 * over the matrix.  Rows of one hash are taken in their order, so that the
 * counts are exact; with a key they stay together instead.
 */
#include "postgres.h"

#include <math.h>

#include "data/plan.h"

#define DIGIT_BITS		8
#define DIGIT_VALUES	(1 << DIGIT_BITS)
#define N_DECILES		9

/* The value of a rank within a stratum, and how far it is known. */
typedef struct Wanted
{
	int			stratum;
	uint64		rank;			/* among the values with the prefix */
	uint64		prefix;			/* in the end the value */
	uint64	   *counts;			/* [DIGIT_VALUES], while a digit is found */
} Wanted;

/* Value and stratum of a row of the mapped block. */
typedef struct Stratifier Stratifier;
typedef void (*RowReader) (const Stratifier *s, uint64 at, uint64 *value,
						   int *stratum);

struct Stratifier
{
	const MlopsDatasetPlan *plan;
	MlopsMatrix *matrix;
	RowReader	read;
	int			n_strata;
	uint64		deciles[N_DECILES]; /* as label_value() gives them */
	uint64	   *sizes;			/* rows by stratum */
	Wanted	   *test;			/* by stratum: the first row after */
	Wanted	   *validation;
};

static void find_deciles(Stratifier *s);
static void count_strata(Stratifier *s);
static void want_ranks(Stratifier *s);
static void find_values(Stratifier *s, Wanted *wanted, int n, int bits);
static void count_digits(Stratifier *s, Wanted *wanted, int n, int shift,
						 int bits);
static void set_roles(Stratifier *s);
static bool is_before(const MlopsDatasetPlan *plan, Wanted *end,
					  uint64 value);
static uint64 label_value(float label);
static void read_label(const Stratifier *s, uint64 at, uint64 *value,
					   int *stratum);
static void read_order(const Stratifier *s, uint64 at, uint64 *value,
					   int *stratum);

void
mlops_stratify(const MlopsDataset *dataset, MlopsMatrix *matrix)
{
	Stratifier	s = {0};
	const MlopsTarget *target = dataset->plan->target;

	s.plan = dataset->plan;
	s.matrix = matrix;
	if (target->n_codes > 0)
		s.n_strata = target->n_classes;
	else if (target->task == MLOPS_SURVIVAL)
		s.n_strata = 2;
	else
	{
		s.n_strata = N_DECILES + 1;
		find_deciles(&s);
	}
	s.read = read_order;
	s.sizes = palloc0(sizeof(uint64) * s.n_strata);
	count_strata(&s);
	want_ranks(&s);
	find_values(&s, s.test, s.n_strata, 64);
	find_values(&s, s.validation, s.n_strata, 64);
	set_roles(&s);
}

/*
 * The labels between tenths of the rows.
 */
static void
find_deciles(Stratifier *s)
{
	Wanted		wanted[N_DECILES] = {0};

	for (int i = 0; i < N_DECILES; i++)
		wanted[i].rank = s->matrix->layout.n_rows * (i + 1) / (N_DECILES + 1);
	s->read = read_label;
	find_values(s, wanted, N_DECILES, 32);
	for (int i = 0; i < N_DECILES; i++)
		s->deciles[i] = wanted[i].prefix;
}

/*
 * How many rows each stratum has.
 */
static void
count_strata(Stratifier *s)
{
	const MlopsMatrixLayout *layout = &s->matrix->layout;

	for (uint64 row = 0; row < layout->n_rows; row++)
	{
		uint64		at = mlops_matrix_seek(s->matrix, row);
		uint64		value;
		int			stratum;

		s->read(s, at, &value, &stratum);
		s->sizes[stratum]++;
	}
}

/*
 * The ranks at which test and validation end; never all of a stratum, so
 * that something of it is trained on.
 */
static void
want_ranks(Stratifier *s)
{
	s->test = palloc0(sizeof(Wanted) * s->n_strata);
	s->validation = palloc0(sizeof(Wanted) * s->n_strata);
	for (int i = 0; i < s->n_strata; i++)
	{
		uint64		last = Max(s->sizes[i], 1) - 1;
		uint64		n_test = (uint64) rint(s->sizes[i] * s->plan->test);
		uint64		n_held = n_test +
			(uint64) rint(s->sizes[i] * s->plan->validation);

		s->test[i].stratum = i;
		s->test[i].rank = Min(n_test, last);
		s->validation[i].stratum = i;
		s->validation[i].rank = Min(n_held, last);
	}
}

/*
 * Find the values of all ranks, whose values have so many bits.  What is left
 * of a rank is how many rows of that very value come before it.
 */
static void
find_values(Stratifier *s, Wanted *wanted, int n, int bits)
{
	uint64	   *counts = palloc(sizeof(uint64) * DIGIT_VALUES * n);

	for (int shift = bits - DIGIT_BITS; shift >= 0; shift -= DIGIT_BITS)
	{
		memset(counts, 0, sizeof(uint64) * DIGIT_VALUES * n);
		for (int i = 0; i < n; i++)
			wanted[i].counts = counts + i * DIGIT_VALUES;
		count_digits(s, wanted, n, shift, bits);
		for (int i = 0; i < n; i++)
		{
			uint64		digit = 0;

			/* a stratum without rows ends at the last digit */
			while (digit < DIGIT_VALUES - 1 &&
				   wanted[i].rank >= wanted[i].counts[digit])
				wanted[i].rank -= wanted[i].counts[digit++];
			wanted[i].prefix |= digit << shift;
		}
	}
	pfree(counts);
}

/*
 * Count the digit at `shift` of the rows whose higher digits are those of the
 * prefix.  With one rank for each stratum the row's own is looked at only;
 * labels are of one stratum, and of few ranks.
 */
static void
count_digits(Stratifier *s, Wanted *wanted, int n, int shift, int bits)
{
	const MlopsMatrixLayout *layout = &s->matrix->layout;
	int			above = shift + DIGIT_BITS;
	bool		by_stratum = (s->read == read_order);

	for (uint64 row = 0; row < layout->n_rows; row++)
	{
		uint64		at = mlops_matrix_seek(s->matrix, row);
		uint64		value;
		int			stratum;

		s->read(s, at, &value, &stratum);
		for (int i = by_stratum ? stratum : 0;
			 i < (by_stratum ? stratum + 1 : n); i++)
			if (above == bits ||
				(value >> above) == (wanted[i].prefix >> above))
				wanted[i].counts[(value >> shift) & (DIGIT_VALUES - 1)]++;
	}
}

/*
 * Give each row its role.
 */
static void
set_roles(Stratifier *s)
{
	const MlopsMatrixLayout *layout = &s->matrix->layout;

	for (uint64 row = 0; row < layout->n_rows; row++)
	{
		uint64		at = mlops_matrix_seek(s->matrix, row);
		uint8	   *roles;
		uint64		value;
		int			stratum;
		bool		tests;
		bool		held;

		s->read(s, at, &value, &stratum);
		/* both look at it, for both count the rows of their value */
		tests = is_before(s->plan, &s->test[stratum], value);
		held = is_before(s->plan, &s->validation[stratum], value);
		roles = mlops_matrix_role(s->matrix);
		roles[at] = tests ? MLOPS_ROLE_TEST :
			held ? MLOPS_ROLE_VALIDATION : MLOPS_ROLE_TRAIN;
	}
}

/*
 * Does a row stand before the end?  Of those that have its very value, as
 * many as are left of the rank, unless a key holds them together.
 */
static bool
is_before(const MlopsDatasetPlan *plan, Wanted *end, uint64 value)
{
	if (value != end->prefix)
		return value < end->prefix;
	if (plan->n_key > 0 || end->rank == 0)
		return false;
	end->rank--;
	return true;
}

/*
 * A label as an unsigned number of the same order.
 */
static uint64
label_value(float label)
{
	uint32		bits;

	label = label == 0 ? 0 : label;
	memcpy(&bits, &label, sizeof(bits));
	return (bits >> 31) != 0 ? (uint32) ~bits : bits | UINT32_C(0x80000000);
}

/*
 * A RowReader: the label, all rows being one stratum.
 */
static void
read_label(const Stratifier *s, uint64 at, uint64 *value, int *stratum)
{
	*value = label_value(mlops_matrix_label(s->matrix)[at]);
	*stratum = 0;
}

/*
 * A RowReader: the hash, and the stratum of the label.
 */
static void
read_order(const Stratifier *s, uint64 at, uint64 *value, int *stratum)
{
	const MlopsTarget *target = s->plan->target;
	float		label = mlops_matrix_label(s->matrix)[at];

	*value = (uint64) mlops_matrix_time(s->matrix)[at];
	if (target->n_codes > 0)
		*stratum = (int) target->recoded[(int) label];
	else if (target->task == MLOPS_SURVIVAL)
		*stratum = s->plan->cox ? label < 0 :
			isinf(mlops_matrix_upper(s->matrix)[at]) != 0;
	else
	{
		*stratum = 0;
		while (*stratum < N_DECILES &&
			   label_value(label) >= s->deciles[*stratum])
			(*stratum)++;
	}
}
