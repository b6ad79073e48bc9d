/*
 * features.c
 *		The features of rows as training reads them.
 *
 * Scalars of one conversion are taken in one loop without a switch, for most
 * columns are such; the rest goes field by field through the code that
 * prediction uses.  Nothing here touches the catalog, but for a label that
 * was added to an enum meanwhile.
 */
#include "postgres.h"

#include <math.h>

#include "base/compat.h"
#include "data/plan.h"
#include "utils/builtins.h"

#define HASH_OF_MISSING		UINT64CONST(0x9E3779B97F4A7C15)

/* The code of a category that is not there. */
#define MISSING				(-1)

/* A scalar input: where its value is and where it goes. */
typedef struct ScalarStep
{
	int			attribute;
	int			feature;
	int			field;
} ScalarStep;

/* Scalar inputs of one conversion, taken in one loop. */
typedef struct ScalarRun
{
	MlopsConversion conversion;
	int			n_steps;
	ScalarStep *steps;
} ScalarRun;

struct MlopsFeatureReader
{
	const MlopsDatasetPlan *plan;
	const MlopsSignature *signature;
	const uint64 *rows_before;
	int			n_runs;			/* at most one per scalar conversion */
	ScalarRun	runs[MLOPS_FROM_INTERVAL + 1];
	int			n_others;		/* fields that are no scalars */
	int		   *others;
	uint64	   *words;			/* hashes, one per category */
	float	   *codes;			/* one per category */
};

static void plan_runs(MlopsFeatureReader *r);
static void take_scalars(const MlopsFeatureReader *r, const Datum *values,
						 const bool *nulls, float *features);
static bool take_run(const ScalarRun *run, MlopsConversion conversion,
					 const Datum *values, const bool *nulls,
					 float *features);
static void take_others(MlopsFeatureReader *r, const Datum *values,
						const bool *nulls, float *features);
static void take_parts(const MlopsFeatureReader *r, const MlopsField *field,
					   Datum value, float *features);
static void out_of_range(const MlopsFeatureReader *r, const ScalarRun *run,
						 const Datum *values, const float *features)
			pg_attribute_noreturn();
static int	take_category(const MlopsFeatureReader *r, int field,
						  Datum value);
static void too_many_values(const MlopsFeatureReader *r, int field)
			pg_attribute_noreturn();

MlopsFeatureReader *
mlops_features_plan(MlopsDataset *dataset, uint64 *words,
					const uint64 *rows_before)
{
	MlopsFeatureReader *r = palloc0(sizeof(MlopsFeatureReader));
	MlopsDatasetPlan *plan = dataset->plan;

	r->plan = plan;
	r->signature = dataset->signature;
	r->rows_before = rows_before;
	r->words = words;
	r->codes = palloc0(sizeof(float) * Max(plan->n_dictionaries, 1));
	for (int i = 0; i < plan->n_fields; i++)
		plan->fields[i].rows_before = rows_before;
	plan_runs(r);
	return r;
}

void
mlops_features_take(MlopsFeatureReader *reader, const Datum *values,
					const bool *nulls, float *features)
{
	take_scalars(reader, values, nulls, features);
	take_others(reader, values, nulls, features);
}

void
mlops_features_place(const MlopsFeatureReader *r, float *features)
{
	int			category = 0;

	for (int i = 0; i < r->n_others; i++)
	{
		const MlopsField *field = &r->plan->fields[r->others[i]];

		if (!MLOPS_IS_CATEGORY(field->conversion))
			continue;
		if (r->codes[category] != MISSING)
			features[field->first_feature] = r->codes[category];
		category++;
	}
}

void
mlops_features_aside(MlopsFeatureReader *r, const Datum *values,
					 const bool *nulls, float *features)
{
	int			category = 0;

	for (int i = 0; i < r->n_others; i++)
	{
		const MlopsField *field = &r->plan->fields[r->others[i]];
		float	   *feature = features + field->first_feature;
		MlopsBytes	bytes;

		if (!MLOPS_IS_CATEGORY(field->conversion))
			continue;
		r->codes[category] = MISSING;
		r->words[category] = HASH_OF_MISSING;
		if (!nulls[field->attribute])
		{
			mlops_bytes_open(field, values[field->attribute], &bytes);
			r->words[category] = mlops_hash_bytes(bytes.bytes, bytes.length,
												  0);
			mlops_bytes_close(&bytes);
			/* NaN if it is unseen */
			r->codes[category] = *feature;
			*feature = 0;
		}
		category++;
	}
}

/*
 * Sort the fields by how they are read.
 */
static void
plan_runs(MlopsFeatureReader *r)
{
	const MlopsDatasetPlan *plan = r->plan;

	r->others = palloc(sizeof(int) * plan->n_fields);
	for (int i = 0; i < plan->n_fields; i++)
		if (!MLOPS_IS_SCALAR(plan->fields[i].conversion))
			r->others[r->n_others++] = i;
	for (int c = 0; MLOPS_IS_SCALAR(c); c++)
	{
		ScalarRun  *run = &r->runs[r->n_runs];

		run->conversion = c;
		run->steps = palloc(sizeof(ScalarStep) * plan->n_fields);
		for (int i = 0; i < plan->n_fields; i++)
		{
			const MlopsField *field = &plan->fields[i];

			if (field->conversion != c)
				continue;
			run->steps[run->n_steps].attribute = field->attribute;
			run->steps[run->n_steps].feature = field->first_feature;
			run->steps[run->n_steps].field = i;
			run->n_steps++;
		}
		if (run->n_steps > 0)
			r->n_runs++;
	}
}

/*
 * Write the numbers, booleans and intervals of a row.
 */
static void
take_scalars(const MlopsFeatureReader *r, const Datum *values,
			 const bool *nulls, float *features)
{
	for (int i = 0; i < r->n_runs; i++)
	{
		const ScalarRun *run = &r->runs[i];
		bool		finite;

		/* a constant makes a loop without a switch */
		switch (run->conversion)
		{
			case MLOPS_FROM_FLOAT8:
				finite = take_run(run, MLOPS_FROM_FLOAT8, values, nulls,
								  features);
				break;
			case MLOPS_FROM_FLOAT4:
				finite = take_run(run, MLOPS_FROM_FLOAT4, values, nulls,
								  features);
				break;
			case MLOPS_FROM_INT4:
				finite = take_run(run, MLOPS_FROM_INT4, values, nulls,
								  features);
				break;
			case MLOPS_FROM_INT8:
				finite = take_run(run, MLOPS_FROM_INT8, values, nulls,
								  features);
				break;
			default:
				finite = take_run(run, run->conversion, values, nulls,
								  features);
				break;
		}
		if (unlikely(!finite))
			out_of_range(r, run, values, features);
	}
}

/*
 * Write the inputs of one conversion; false if one of them is infinite.
 */
static pg_attribute_always_inline bool
take_run(const ScalarRun *run, MlopsConversion conversion,
		 const Datum *values, const bool *nulls, float *features)
{
	bool		infinite = false;

	for (int i = 0; i < run->n_steps; i++)
	{
		const ScalarStep *step = &run->steps[i];
		float		number = get_float4_nan();

		if (!nulls[step->attribute])
			number = (float) mlops_scalar(conversion,
										  values[step->attribute]);
		features[step->feature] = number;
		infinite |= isinf(number);
	}
	return !infinite;
}

/*
 * Refuse a number that training cannot take.
 */
static void
out_of_range(const MlopsFeatureReader *r, const ScalarRun *run,
			 const Datum *values, const float *features)
{
	const ScalarStep *step = run->steps;
	const char *name;

	while (!isinf(features[step->feature]))
		step++;
	name = r->signature->inputs[step->field].name;
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("column \"%s\" is infinite or out of range", name),
			 errdetail("It is %g in a row; features are float4.",
					   mlops_scalar(run->conversion,
									values[step->attribute])),
			 errhint("Make it NULL there, or use exclude => %s.",
					 quote_literal_cstr(name))));
}

/*
 * Write categories and what has parts.  Categories are 0 or NaN for now;
 * their codes and hashes are kept aside.
 */
static void
take_others(MlopsFeatureReader *r, const Datum *values,
			const bool *nulls, float *features)
{
	int			category = 0;

	for (int i = 0; i < r->n_others; i++)
	{
		const MlopsField *field = &r->plan->fields[r->others[i]];
		float	   *feature = features + field->first_feature;
		bool		missing = nulls[field->attribute];

		if (MLOPS_IS_CATEGORY(field->conversion))
		{
			int			code = missing ? MISSING :
				take_category(r, r->others[i], values[field->attribute]);

			*feature = missing ? get_float4_nan() : 0;
			r->codes[category] = code;
			r->words[category] = missing ? HASH_OF_MISSING :
				field->dictionary->values[code].hash;
			category++;
		}
		else if (missing)
			for (int part = 0; part < field->n_features; part++)
				feature[part] = get_float4_nan();
		else
			take_parts(r, field, values[field->attribute], feature);
	}
}

/*
 * Write the features of a value that is neither scalar nor category.
 */
static void
take_parts(const MlopsFeatureReader *r, const MlopsField *field,
		   Datum value, float *features)
{
	const char *column;
	bool		infinite = false;
	int			part = 0;

	mlops_field_parts(field, value, features);
	for (int i = 0; i < field->n_features; i++)
		infinite |= isinf(features[i]) != 0;
	if (likely(!infinite))
		return;

	while (!isinf(features[part]))
		part++;
	column = r->signature->inputs[field - r->plan->fields].name;
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("column \"%s\" is infinite or out of range", column),
			 errdetail("It is so at \"%s\" in row " UINT64_FORMAT " of the source; features are float4.",
					   r->signature->feature_names[field->first_feature + part],
					   *r->rows_before + 1),
			 errhint("Make it NULL there, or use exclude => %s.",
					 quote_literal_cstr(column))));
}

/*
 * The provisional code of a category.
 */
static int
take_category(const MlopsFeatureReader *r, int field, Datum value)
{
	const MlopsField *f = &r->plan->fields[field];
	MlopsBytes	bytes;
	int			code;

	mlops_bytes_open(f, value, &bytes);
	code = mlops_dictionary_add(f->dictionary, bytes.bytes, bytes.length);
	mlops_bytes_close(&bytes);
	if (code < 0)
		too_many_values(r, field);
	return code;
}

/*
 * Refuse a category column whose dictionary is full.
 */
static void
too_many_values(const MlopsFeatureReader *r, int field)
{
	const char *name = r->signature->inputs[field].name;

	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("column \"%s\" has too many distinct values", name),
			 errdetail("A text feature may have %d of them, of %d MB together.",
					   MLOPS_DICTIONARY_VALUES,
					   (int) (MLOPS_DICTIONARY_BYTES >> 20)),
			 errhint("Use exclude => %s, or derive a coarser feature in a query.",
					 quote_literal_cstr(name))));
}
