/*
 * marks.c
 *		What a row carries besides features, target, weight and time: bounds
 *		of survival, query group, base margins, split.
 *
 * Values that are refused are counted, and are one error when all rows have
 * been read: it tells how many there are and what stands in the first.  Only
 * what leaves no way to go on, a missing group or margin, ends at once.
 */
#include "postgres.h"

#include <math.h>

#include "base/compat.h"
#include "data/plan.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"

static void take_bounds(MlopsDatasetPlan *plan, const Datum *values,
						const bool *nulls, float *label, float *upper);
static double upper_bound(MlopsDatasetPlan *plan, const Datum *values,
						  const bool *nulls, float label);
static void take_group(MlopsDatasetPlan *plan, const Datum *values,
					   const bool *nulls, MlopsMarks *marks);
static void take_split(MlopsDatasetPlan *plan, const Datum *values,
					   const bool *nulls, MlopsMarks *marks);
static void complain(MlopsComplaint *complaint, double number,
					 const char *text);
static void take_margins(const MlopsDatasetPlan *plan, const Datum *values,
						 const bool *nulls, MlopsMarks *marks);
static void take_array(const MlopsDatasetPlan *plan, Datum value,
					   MlopsMarks *marks);
static void margin_error(const MlopsDatasetPlan *plan, const char *what)
			pg_attribute_noreturn();

void
mlops_marks_take(MlopsDatasetPlan *plan, const Datum *values,
				 const bool *nulls, float *label, MlopsMarks *marks)
{
	uint64		hash = 0;

	memset(marks, 0, sizeof(MlopsMarks));
	marks->role = MLOPS_ROLE_TRAIN;
	if (plan->target->task == MLOPS_SURVIVAL)
	{
		float		bounds[2];

		take_bounds(plan, values, nulls, label, &marks->upper);
		bounds[0] = *label;
		bounds[1] = marks->upper;
		hash = mlops_hash_row(bounds, 2, 0);
	}
	if (plan->group >= 0)
	{
		take_group(plan, values, nulls, marks);
		hash = mlops_hash_mix(hash + marks->group_hash + 1);
	}
	if (plan->margin >= 0)
	{
		take_margins(plan, values, nulls, marks);
		hash = mlops_hash_mix(hash + mlops_hash_row(marks->margins,
													marks->n_margins, 0));
	}
	if (plan->split_column >= 0)
	{
		take_split(plan, values, nulls, marks);
		hash = mlops_hash_mix(hash + marks->split_hash + 1);
	}
	marks->hash = hash;
}

void
mlops_marks_place(const MlopsDatasetPlan *plan, const MlopsMarks *marks,
				  MlopsMatrix *matrix)
{
	const MlopsMatrixLayout *layout = &matrix->layout;
	uint64		at = (layout->n_rows - 1) % layout->rows_per_block;

	if (layout->upper_offset != 0)
		mlops_matrix_upper(matrix)[at] = marks->upper;
	if (layout->group_offset != 0)
		mlops_matrix_group(matrix)[at] = marks->group;
	if (layout->n_margins == 0)
		return;
	if (marks->n_margins != layout->n_margins)
		margin_error(plan, psprintf("It has %d elements in a row, and %d in those before.",
									marks->n_margins, layout->n_margins));
	memcpy(mlops_matrix_margin(matrix) + at * layout->n_margins,
		   marks->margins, sizeof(float) * layout->n_margins);
}

void
mlops_marks_check(const MlopsDatasetPlan *plan, uint64 n_rows)
{
	const MlopsComplaint *c;

	c = &plan->bad_times;
	if (c->n > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("times of survival must be greater than 0"),
				 errdetail("In " UINT64_FORMAT " of " UINT64_FORMAT " rows they are not; in the first the target is %g.",
						   c->n, n_rows, c->number),
				 errhint("Leave these rows out, or use another unit of time.")));
	c = &plan->bad_bounds;
	if (c->n > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s does not fit the target", plan->upper >= 0 ?
						"target_upper" : "event_observed"),
				 errdetail("In " UINT64_FORMAT " of " UINT64_FORMAT " rows it %s; in the first %s.",
						   c->n, n_rows, plan->upper < 0 ? "is NULL" :
						   plan->cox ? "is neither the target nor infinite" :
						   "is less than the target or NaN", c->text),
				 plan->cox && plan->upper >= 0 ?
				 errhint("Cox regression takes times that are exact or censored; use an objective of the kind survival:aft.") : 0));
	c = &plan->bad_split;
	if (c->n > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("split_column \"%s\" has values that name no split",
						plan->split_name),
				 errdetail("They stand in " UINT64_FORMAT " of " UINT64_FORMAT " rows; the first is %s.",
						   c->n, n_rows, c->text),
				 plan->split_conversion == MLOPS_FROM_BOOL ?
				 errhint("It must be true for the test and false for training.") :
				 errhint("It must be \"train\", \"validation\" or \"test\".")));
}

/*
 * Lower and upper bound of a time.  Both are positive; but a lower bound of 0
 * is allowed below a finite upper one: the event came some time before it.
 */
static void
take_bounds(MlopsDatasetPlan *plan, const Datum *values, const bool *nulls,
			float *label, float *upper)
{
	double		bound = *label;

	if (plan->upper >= 0)
		bound = upper_bound(plan, values, nulls, *label);
	else if (plan->observed >= 0 && nulls[plan->observed])
		complain(&plan->bad_bounds, *label,
				 psprintf("the target is %g", *label));
	else if (plan->observed >= 0 && !DatumGetBool(values[plan->observed]))
		bound = INFINITY;
	*upper = (float) bound;
	if (*label < 0 ||
		(*label == 0 && (plan->upper < 0 || isinf(*upper) || *upper <= 0)))
		complain(&plan->bad_times, *label, "");
	if (plan->cox && isinf(*upper))
		*label = -*label;
}

/*
 * The upper bound that target_upper gives.
 */
static double
upper_bound(MlopsDatasetPlan *plan, const Datum *values, const bool *nulls,
			float label)
{
	double		bound = INFINITY;

	if (!nulls[plan->upper])
		bound = mlops_scalar(plan->upper_conversion, values[plan->upper]);
	if (!((float) bound >= label) ||
		(plan->cox && !isinf((float) bound) && (float) bound != label))
		complain(&plan->bad_bounds, bound,
				 psprintf("the target is %g and its upper bound %g", label,
						  bound));
	return bound;
}

/*
 * The query group: rows come ordered by it.
 */
static void
take_group(MlopsDatasetPlan *plan, const Datum *values, const bool *nulls,
		   MlopsMarks *marks)
{
	if (nulls[plan->group])
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("query_group \"%s\" is NULL in a row",
						plan->group_name),
				 errhint("Leave such rows out by a query as the source.")));
	marks->group_hash = mlops_key_part_hash(&plan->group_part,
											values[plan->group]);
	if (plan->n_groups == 0 || marks->group_hash != plan->group_hash)
	{
		if (plan->n_groups > PG_UINT32_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("source has too many query groups")));
		plan->group_hash = marks->group_hash;
		plan->n_groups++;
	}
	marks->group = (uint32) (plan->n_groups - 1);
}

/*
 * The hash of the split column, NULL being a value, or the role it names.
 */
static void
take_split(MlopsDatasetPlan *plan, const Datum *values, const bool *nulls,
		   MlopsMarks *marks)
{
	static const char *const names[] = {"train", "validation", "test"};
	Datum		value = values[plan->split_column];
	MlopsBytes	bytes = {0};
	int			role = 0;

	if (plan->split == MLOPS_SPLIT_GROUP)
	{
		if (!nulls[plan->split_column])
			marks->split_hash = mlops_key_part_hash(&plan->split_part, value);
		return;
	}
	if (nulls[plan->split_column])
	{
		complain(&plan->bad_split, 0, "NULL");
		return;
	}
	if (plan->split_conversion == MLOPS_FROM_BOOL)
		role = DatumGetBool(value) ? MLOPS_ROLE_TEST : MLOPS_ROLE_TRAIN;
	else
	{
		mlops_bytes_open(&plan->split_part.field, value, &bytes);
		while (role < lengthof(names) &&
			   (bytes.length != strlen(names[role]) ||
				memcmp(bytes.bytes, names[role], bytes.length) != 0))
			role++;
		if (role == lengthof(names))
			complain(&plan->bad_split, 0,
					 psprintf("\"%s\"", pnstrdup(bytes.bytes, bytes.length)));
		mlops_bytes_close(&bytes);
	}
	marks->role = role == lengthof(names) ? MLOPS_ROLE_TRAIN : role;
	marks->split_hash = role;
}

/*
 * Count a value that is refused, and keep the first.
 */
static void
complain(MlopsComplaint *complaint, double number, const char *text)
{
	if (complaint->n++ > 0)
		return;
	complaint->number = number;
	/* not in the midst of a character */
	strlcpy(complaint->text, text, pg_mbcliplen(text, strlen(text),
												NAMEDATALEN - 1) + 1);
}

/*
 * The base margins of a row.
 */
static void
take_margins(const MlopsDatasetPlan *plan, const Datum *values,
			 const bool *nulls, MlopsMarks *marks)
{
	if (nulls[plan->margin])
		margin_error(plan, "It is NULL in a row.");
	if (OidIsValid(plan->margin_element))
		take_array(plan, values[plan->margin], marks);
	else
	{
		marks->n_margins = 1;
		marks->margins = palloc(sizeof(float));
		marks->margins[0] = (float) mlops_scalar(plan->margin_conversion,
												 values[plan->margin]);
	}
	for (int i = 0; i < marks->n_margins; i++)
		if (isnan(marks->margins[i]) || isinf(marks->margins[i]))
			margin_error(plan, "It is not a finite number in a row.");
}

/*
 * The elements of an array of margins.
 */
static void
take_array(const MlopsDatasetPlan *plan, Datum value, MlopsMarks *marks)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	Datum	   *elements;
	bool	   *nulls;

	deconstruct_array(array, plan->margin_element, plan->margin_length,
					  plan->margin_by_value, plan->margin_align,
					  &elements, &nulls, &marks->n_margins);
	if (marks->n_margins == 0)
		margin_error(plan, "It is an empty array in a row.");
	if (marks->n_margins > MLOPS_MAX_CLASSES)
		margin_error(plan, psprintf("It has %d elements in a row.",
									marks->n_margins));
	marks->margins = palloc(sizeof(float) * marks->n_margins);
	for (int i = 0; i < marks->n_margins; i++)
	{
		if (nulls[i])
			margin_error(plan, "An element of it is NULL in a row.");
		marks->margins[i] = (float) mlops_scalar(plan->margin_conversion,
												 elements[i]);
	}
}

/*
 * Refuse a base margin.
 */
static void
margin_error(const MlopsDatasetPlan *plan, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("base_margin \"%s\" cannot be used", plan->margin_name),
			 errdetail("%s", what),
			 errhint("It is a finite number for each row, or an array of one for each class.")));
}
