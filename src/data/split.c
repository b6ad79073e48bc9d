/*
 * split.c
 *		Which rows train, validate and test.
 *
 * By hash: a row's part follows from its key alone, or from all of its values
 * if there is no key, and from the seed.  It stays where it is when rows are
 * added or come in another order, and rows with one key stay together.
 *
 * By time: the newest rows test, those before them validate.  Rows of one
 * moment stay together; the boundary moves to the nearer end of them.
 */
#include "postgres.h"

#include <math.h>

#include "data/plan.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "catalog/pg_type.h"

/* the time of a given rank is found 16 bits at a time */
#define DIGIT_BITS		16
#define DIGIT_VALUES	(1 << DIGIT_BITS)

/* The times from which validation and test begin. */
typedef struct TimeSplit
{
	int64		validation;
	int64		test;
	bool		has_validation;
	bool		has_test;
} TimeSplit;

static MlopsRole split_by_hash(const MlopsDatasetPlan *plan, uint64 hash);
static void split_by_time(MlopsDatasetPlan *plan, MlopsMatrix *matrix);
static void set_roles(const TimeSplit *split, MlopsMatrix *matrix,
					  uint64 rows);
static int64 time_of_rank(MlopsMatrix *matrix, uint64 rank);
static void count_digits(MlopsMatrix *matrix, uint64 prefix, int shift,
						 uint64 *counts);
static uint64 count_before(MlopsMatrix *matrix, int64 time);
static bool find_boundary(MlopsMatrix *matrix, uint64 end, double fraction,
						  int64 *boundary, uint64 *rank);

#define HASH_OF_NAN		UINT64CONST(0x7FF8000000000000)

/* Times as unsigned numbers of the same order, and back. */
#define TIME_TO_KEY(t)	((uint64) (t) ^ (UINT64CONST(1) << 63))
#define KEY_TO_TIME(k)	((int64) ((k) ^ (UINT64CONST(1) << 63)))

void
mlops_split_check(double validation, double test)
{
	/* written so that NaN is refused */
	if (!(validation >= 0 && validation < 1 && test >= 0 && test < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("validation and test must be fractions"),
				 errdetail("Each is at least 0 and less than 1; given are %g and %g.",
						   validation, test)));
	if (validation + test >= 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("validation and test leave no rows to train on"),
				 errdetail("Together they must be less than 1; given are %g and %g.",
						   validation, test)));
}

/*
 * Decide how values of a type are hashed: so that equal ones have one hash,
 * and no setting of the session matters where that can be had.
 */
void
mlops_key_bind(MlopsKeyPart *part, Oid type, int attribute)
{
	Oid			base = getBaseType(type);
	int16		length;
	bool		by_value;
	Oid			output;
	bool		is_varlena;

	part->attribute = attribute;
	get_typlenbyval(base, &length, &by_value);
	if (base != UUIDOID &&
		mlops_conversion_of(base, &part->field.conversion) &&
		MLOPS_IS_CATEGORY(part->field.conversion))
	{
		part->form = MLOPS_KEY_BYTES;
		if (part->field.conversion == MLOPS_FROM_ENUM)
			part->field.labels = mlops_enum_labels(base,
												   &part->field.n_labels);
	}
	else if (base == NUMERICOID)
		part->form = MLOPS_KEY_NUMERIC;
	else if (base == FLOAT4OID)
		part->form = MLOPS_KEY_FLOAT4;
	else if (base == FLOAT8OID)
		part->form = MLOPS_KEY_FLOAT8;
	else if (by_value)
		part->form = MLOPS_KEY_WORD;
	else if (length > 0 && base != INTERVALOID)
	{
		part->form = MLOPS_KEY_FIXED;
		part->length = length;
	}
	else
	{
		part->form = MLOPS_KEY_OUTPUT;
		getTypeOutputInfo(base, &output, &is_varlena);
		fmgr_info(output, &part->output);
	}
}

uint64
mlops_key_part_hash(const MlopsKeyPart *part, Datum value)
{
	MlopsBytes	bytes = {0};
	double		number;
	uint64		hash;

	switch (part->form)
	{
		case MLOPS_KEY_WORD:
			return mlops_hash_mix((uint64) value);
		case MLOPS_KEY_FLOAT4:
			number = DatumGetFloat4(value);
			return mlops_hash_mix(isnan(number) ? HASH_OF_NAN :
								  Float8GetDatum(number == 0 ? 0 : number));
		case MLOPS_KEY_FLOAT8:
			number = DatumGetFloat8(value);
			return mlops_hash_mix(isnan(number) ? HASH_OF_NAN :
								  Float8GetDatum(number == 0 ? 0 : number));
		case MLOPS_KEY_FIXED:
			return mlops_hash_bytes(DatumGetPointer(value), part->length, 0);
		case MLOPS_KEY_BYTES:
			mlops_bytes_open(&part->field, value, &bytes);
			break;
		case MLOPS_KEY_NUMERIC:
			value = DirectFunctionCall1(numeric_trim_scale, value);
			bytes.owned = DatumGetCString(DirectFunctionCall1(numeric_out,
															  value));
			bytes.bytes = bytes.owned;
			bytes.length = strlen(bytes.bytes);
			break;
		case MLOPS_KEY_OUTPUT:
			bytes.owned = OutputFunctionCall(unconstify(FmgrInfo *,
														&part->output),
											 value);
			bytes.bytes = bytes.owned;
			bytes.length = strlen(bytes.bytes);
			break;
	}
	hash = mlops_hash_bytes(bytes.bytes, bytes.length, 0);
	mlops_bytes_close(&bytes);
	return hash;
}

uint64
mlops_key_hash(const MlopsDatasetPlan *plan, const Datum *values,
			   const bool *nulls)
{
	uint64		hash = 0;

	for (int i = 0; i < plan->n_key; i++)
	{
		const MlopsKeyPart *part = &plan->key[i];
		uint64		value = 0;

		if (!nulls[part->attribute])
			value = mlops_key_part_hash(part, values[part->attribute]);
		hash = mlops_hash_mix(hash + value + 1);
	}
	return hash;
}

/*
 * The role of a row by its hash.
 */
static MlopsRole
split_by_hash(const MlopsDatasetPlan *plan, uint64 hash)
{
	double		place;

	if (plan->test == 0 && plan->validation == 0)
		return MLOPS_ROLE_TRAIN;
	place = mlops_hash_unit(mlops_hash_mix(hash ^
										   mlops_hash_mix(plan->seed)));
	if (place < plan->test)
		return MLOPS_ROLE_TEST;
	if (place < plan->test + plan->validation)
		return MLOPS_ROLE_VALIDATION;
	return MLOPS_ROLE_TRAIN;
}

/*
 * With query groups, what is drawn is the group.
 */
MlopsRole
mlops_split_row(const MlopsDatasetPlan *plan, const MlopsMarks *marks,
				uint64 row, uint64 row_hash, uint64 key_hash, int64 *order)
{
	uint64		hash = plan->n_key > 0 ? key_hash : row_hash;

	switch (plan->split)
	{
		case MLOPS_SPLIT_NONE:
			return MLOPS_ROLE_TRAIN;
		case MLOPS_SPLIT_COLUMN:
			return marks->role;
		case MLOPS_SPLIT_GROUP:
			return split_by_hash(plan, plan->split_column >= 0 ?
									   marks->split_hash : marks->group_hash);
		case MLOPS_SPLIT_RANDOM:
			row = plan->group >= 0 ? marks->group : row;
			return split_by_hash(plan, mlops_hash_mix(row + 1));
		case MLOPS_SPLIT_STRATIFIED:
			hash = mlops_hash_mix(hash ^ mlops_hash_mix(plan->seed));
			*order = KEY_TO_TIME(hash);
			return MLOPS_ROLE_NONE;
		case MLOPS_SPLIT_TIME:
			return MLOPS_ROLE_NONE;
		case MLOPS_SPLIT_HASH:
		case MLOPS_SPLIT_AUTO:
			break;
	}
	return split_by_hash(plan, plan->group >= 0 ? marks->group_hash :
							   hash);
}

bool
mlops_split_ordered(const MlopsDatasetPlan *plan)
{
	return plan->split == MLOPS_SPLIT_TIME ||
		plan->split == MLOPS_SPLIT_STRATIFIED;
}

void
mlops_split_settle(MlopsDataset *dataset, MlopsMatrix *matrix)
{
	if (dataset->split == MLOPS_SPLIT_TIME)
		split_by_time(dataset->plan, matrix);
	else if (dataset->split == MLOPS_SPLIT_STRATIFIED)
		mlops_stratify(dataset, matrix);
	if (dataset->grouped)
		mlops_groups_settle(dataset, matrix);
}

/*
 * Roles by time.  The fractions are of all rows.
 */
static void
split_by_time(MlopsDatasetPlan *plan, MlopsMatrix *matrix)
{
	uint64		first = 0;
	uint64		rows = 0;
	uint64		end = matrix->layout.n_rows;
	TimeSplit	split;

	split.has_test = find_boundary(matrix, end, plan->test, &split.test,
								   &end);
	split.has_validation = find_boundary(matrix, end, plan->validation,
										 &split.validation, &end);
	while (mlops_matrix_next(matrix, &first, &rows))
		set_roles(&split, matrix, rows);
}

/*
 * Roles of a block by time.
 */
static void
set_roles(const TimeSplit *split, MlopsMatrix *matrix, uint64 rows)
{
	const int64 *times = mlops_matrix_time(matrix);
	uint8	   *roles = mlops_matrix_role(matrix);

	for (uint64 i = 0; i < rows; i++)
	{
		if (split->has_test && times[i] >= split->test)
			roles[i] = MLOPS_ROLE_TEST;
		else if (split->has_validation && times[i] >= split->validation)
			roles[i] = MLOPS_ROLE_VALIDATION;
		else
			roles[i] = MLOPS_ROLE_TRAIN;
	}
}

/*
 * The time from which the newest `fraction` of all rows begins, counted back
 * from rank `end`, and the rank it has; false if that is no row.  Of the two
 * ends of the moment that the exact boundary falls into, the nearer is taken,
 * and never the first of all rows, which would leave nothing to train on.
 */
static bool
find_boundary(MlopsMatrix *matrix, uint64 end, double fraction,
			  int64 *boundary, uint64 *rank)
{
	uint64		wanted = (uint64) rint(matrix->layout.n_rows * fraction);
	uint64		exact;
	uint64		first;
	uint64		next;
	int64		time;

	if (wanted == 0 || end == 0)
		return false;
	exact = wanted < end ? end - wanted : 0;
	time = time_of_rank(matrix, exact);
	first = count_before(matrix, time);
	next = time == PG_INT64_MAX ? matrix->layout.n_rows :
		count_before(matrix, time + 1);
	if (first > 0 && exact - first <= next - exact)
	{
		*boundary = time;
		*rank = first;
		return true;
	}
	if (next >= end)
		return false;
	*boundary = time + 1;
	*rank = next;
	return true;
}

/*
 * The time that stands at the rank (from 0) when rows are sorted by time.
 */
static int64
time_of_rank(MlopsMatrix *matrix, uint64 rank)
{
	uint64	   *counts = palloc(sizeof(uint64) * DIGIT_VALUES);
	uint64		prefix = 0;

	for (int shift = 64 - DIGIT_BITS; shift >= 0; shift -= DIGIT_BITS)
	{
		uint64		digit = 0;

		count_digits(matrix, prefix, shift, counts);
		while (rank >= counts[digit])
			rank -= counts[digit++];
		Assert(digit < DIGIT_VALUES);
		prefix |= digit << shift;
	}
	pfree(counts);
	return KEY_TO_TIME(prefix);
}

/*
 * Count the digit at `shift` of the times whose higher digits are those of
 * the prefix.
 */
static void
count_digits(MlopsMatrix *matrix, uint64 prefix, int shift, uint64 *counts)
{
	uint64		first = 0;
	uint64		rows = 0;
	int			above = shift + DIGIT_BITS;

	memset(counts, 0, sizeof(uint64) * DIGIT_VALUES);
	while (mlops_matrix_next(matrix, &first, &rows))
	{
		const int64 *times = mlops_matrix_time(matrix);

		for (uint64 i = 0; i < rows; i++)
		{
			uint64		key = TIME_TO_KEY(times[i]);

			/* all bits above the first digit: there is no prefix yet */
			if (above == 64 || (key >> above) == (prefix >> above))
				counts[(key >> shift) & (DIGIT_VALUES - 1)]++;
		}
	}
}

/*
 * How many rows come before a time.
 */
static uint64
count_before(MlopsMatrix *matrix, int64 time)
{
	uint64		first = 0;
	uint64		rows = 0;
	uint64		count = 0;

	while (mlops_matrix_next(matrix, &first, &rows))
	{
		const int64 *times = mlops_matrix_time(matrix);

		for (uint64 i = 0; i < rows; i++)
			count += times[i] < time;
	}
	return count;
}
