/*
 * range.c
 *		Ranges: the lower bound, the upper bound and the width.
 *
 * A bound is read as a value of its type: numbers as they are, dates and
 * timestamps as their parts.  A bound that is not there is missing, and so
 * is all of an empty range.  Ranges of integers and dates are stored with an
 * upper bound that is exclusive, as upper() gives it.
 */
#include "postgres.h"

#include "data/field.h"
#include "utils/date.h"
#include "utils/rangetypes.h"
#include "utils/timestamp.h"

static float *bound_features(const MlopsField *field,
							 const RangeBound *bound, float *features);
static double width(const MlopsField *field, const RangeBound *lower,
					const RangeBound *upper);
static bool is_finite(const MlopsField *field, Datum value);

void
mlops_range_features(const MlopsField *field, Datum value, float *features)
{
	RangeType  *range = DatumGetRangeTypeP(value);
	RangeBound	lower;
	RangeBound	upper;
	bool		empty;

	range_deserialize(field->range, range, &lower, &upper, &empty);
	if (empty)
		for (int i = 0; i < field->n_features; i++)
			features[i] = get_float4_nan();
	else
	{
		features = bound_features(field, &lower, features);
		features = bound_features(field, &upper, features);
		*features = (float) width(field, &lower, &upper);
	}
	if ((Pointer) range != DatumGetPointer(value))
		pfree(range);
}

/*
 * Write the features of a bound; returns the place behind them.
 */
static float *
bound_features(const MlopsField *field, const RangeBound *bound,
			   float *features)
{
	int			n = (field->n_features - 1) / 2;

	if (bound->infinite)
	{
		for (int i = 0; i < n; i++)
			*features++ = get_float4_nan();
		return features;
	}
	if (MLOPS_IS_NUMBER(field->element))
	{
		*features++ = (float) mlops_scalar(field->element, bound->val);
		return features;
	}
	return mlops_moment_parts(field->element,
							  field->kind != MLOPS_INPUT_DATERANGE,
							  field->zone, bound->val, features);
}

/*
 * Upper minus lower: in days for dates, in seconds for timestamps.  NaN
 * without one of them, or if one is an infinite time.
 */
static double
width(const MlopsField *field, const RangeBound *lower,
	  const RangeBound *upper)
{
	if (lower->infinite || upper->infinite ||
		!is_finite(field, lower->val) || !is_finite(field, upper->val))
		return get_float8_nan();
	switch (field->element)
	{
		case MLOPS_FROM_DATE:
			return (double) DatumGetDateADT(upper->val) -
				DatumGetDateADT(lower->val);
		case MLOPS_FROM_TIMESTAMP:
		case MLOPS_FROM_TIMESTAMPTZ:
			return ((double) DatumGetTimestamp(upper->val) -
					(double) DatumGetTimestamp(lower->val)) / USECS_PER_SEC;
		default:
			return mlops_scalar(field->element, upper->val) -
				mlops_scalar(field->element, lower->val);
	}
}

/*
 * Is a bound no infinite date or timestamp?
 */
static bool
is_finite(const MlopsField *field, Datum value)
{
	switch (field->element)
	{
		case MLOPS_FROM_DATE:
			return !DATE_NOT_FINITE(DatumGetDateADT(value));
		case MLOPS_FROM_TIMESTAMP:
		case MLOPS_FROM_TIMESTAMPTZ:
			return !TIMESTAMP_NOT_FINITE(DatumGetTimestamp(value));
		default:
			return true;
	}
}
