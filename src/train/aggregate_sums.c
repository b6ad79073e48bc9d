/*
 * aggregate_sums.c
 *		Metric aggregates whose state is a few compensated sums.
 *
 * The state is float8[], so it crosses nodes: pairs of a sum and the error of
 * its rounding, as in math/sum.h.  Transitions are strict and start from an
 * array of zeros, so that a row with a NULL is skipped and no row gives NULL.
 * Within an aggregate the state is changed in place.  A NaN among the values
 * of a row that counts gives NaN; a row of weight 0 does not count.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "math/deviance.h"
#include "math/metric_row.h"
#include "math/sum.h"
#include "train/aggregate.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/typcache.h"

/* The state of a mean. */
typedef struct MeanState
{
	MlopsSum	weight;
	MlopsSum	value;
} MeanState;

/* By label and prediction. */
typedef struct TwoClassState
{
	MlopsSum	tp;
	MlopsSum	fp;
	MlopsSum	fn;
	MlopsSum	tn;
} TwoClassState;

/*
 * The labels' moments after Welford, and the error of their prediction.  The
 * mean is compensated, too, so that labels far from 0 lose nothing.
 */
typedef struct R2State
{
	double		rows;
	MlopsSum	weight;
	MlopsSum	mean;
	MlopsSum	m2;
	MlopsSum	square;
} R2State;

#define ECE_BINS 10

/* Sums of as many weights as there can be rows stay finite, their squares too */
#define MAX_WEIGHT 1e100

typedef struct EceState
{
	struct
	{
		MlopsSum	label;
		MlopsSum	probability;
	}			bins[ECE_BINS];
	MlopsSum	weight;
} EceState;

#define N_DOUBLES(type) ((int) (sizeof(type) / sizeof(double)))

static double checked_probability(double probability);
static double *state_of(FunctionCallInfo fcinfo, int argument, int n,
						ArrayType **array);
static double *state_to_change(FunctionCallInfo fcinfo, int n,
							   ArrayType **array);
static Datum add_to_mean(FunctionCallInfo fcinfo, double value,
						 double weight);
static Datum mean_result(FunctionCallInfo fcinfo, bool root);
static Datum add_log_loss(FunctionCallInfo fcinfo, double label);
static Datum add_brier(FunctionCallInfo fcinfo, double label);
static Datum add_ece(FunctionCallInfo fcinfo, double label);
static Datum add_deviance(FunctionCallInfo fcinfo, double power,
						  int weight_argument);
static Datum add_two_class(FunctionCallInfo fcinfo, double label,
						   double predicted);
static Datum two_class_result(FunctionCallInfo fcinfo, double wanted_fp,
							  double wanted_fn);
static bool values_equal(FunctionCallInfo fcinfo);

PG_FUNCTION_INFO_V1(mlops_sums_combine);
PG_FUNCTION_INFO_V1(mlops_mean_final);
PG_FUNCTION_INFO_V1(mlops_root_mean_final);
PG_FUNCTION_INFO_V1(mlops_squared_error_add);
PG_FUNCTION_INFO_V1(mlops_absolute_error_add);
PG_FUNCTION_INFO_V1(mlops_relative_error_add);
PG_FUNCTION_INFO_V1(mlops_pinball_add);
PG_FUNCTION_INFO_V1(mlops_poisson_add);
PG_FUNCTION_INFO_V1(mlops_gamma_add);
PG_FUNCTION_INFO_V1(mlops_tweedie_add);
PG_FUNCTION_INFO_V1(mlops_log_loss_add_boolean);
PG_FUNCTION_INFO_V1(mlops_log_loss_add_number);
PG_FUNCTION_INFO_V1(mlops_brier_add_boolean);
PG_FUNCTION_INFO_V1(mlops_brier_add_number);
PG_FUNCTION_INFO_V1(mlops_ece_add_boolean);
PG_FUNCTION_INFO_V1(mlops_ece_add_number);
PG_FUNCTION_INFO_V1(mlops_ece_final);
PG_FUNCTION_INFO_V1(mlops_r2_add);
PG_FUNCTION_INFO_V1(mlops_r2_combine);
PG_FUNCTION_INFO_V1(mlops_r2_final);
PG_FUNCTION_INFO_V1(mlops_hit_add);
PG_FUNCTION_INFO_V1(mlops_two_class_add_boolean);
PG_FUNCTION_INFO_V1(mlops_two_class_add_number);
PG_FUNCTION_INFO_V1(mlops_precision_final);
PG_FUNCTION_INFO_V1(mlops_recall_final);
PG_FUNCTION_INFO_V1(mlops_f1_final);

/* (state, state): add the second state's sums to the first's. */
Datum
mlops_sums_combine(PG_FUNCTION_ARGS)
{
	int			n = ArrayGetNItems(ARR_NDIM(PG_GETARG_ARRAYTYPE_P(0)),
								   ARR_DIMS(PG_GETARG_ARRAYTYPE_P(0)));
	ArrayType  *array;
	MlopsSum   *a;
	const MlopsSum *b;

	if (n % 2 != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("not the state of a metric aggregate"),
				 errdetail("Only the aggregates call this function.")));
	a = (MlopsSum *) state_to_change(fcinfo, n, &array);
	b = (const MlopsSum *) state_of(fcinfo, 1, n, NULL);
	for (int i = 0; i < n / 2; i++)
	{
		mlops_sum_add(&a[i], b[i].sum);
		a[i].error += b[i].error;
	}
	PG_RETURN_ARRAYTYPE_P(array);
}

/* (state): the weighted mean, NULL of no weight. */
Datum
mlops_mean_final(PG_FUNCTION_ARGS)
{
	return mean_result(fcinfo, false);
}

/* (state): the root of the weighted mean, NULL of no weight. */
Datum
mlops_root_mean_final(PG_FUNCTION_ARGS)
{
	return mean_result(fcinfo, true);
}

/* (state, label, prediction [, weight]). */
Datum
mlops_squared_error_add(PG_FUNCTION_ARGS)
{
	double		error = PG_GETARG_FLOAT8(2) - PG_GETARG_FLOAT8(1);

	return add_to_mean(fcinfo, error * error,
					   mlops_aggregate_weight(fcinfo, 3));
}

/* (state, label, prediction [, weight]). */
Datum
mlops_absolute_error_add(PG_FUNCTION_ARGS)
{
	return add_to_mean(fcinfo, fabs(PG_GETARG_FLOAT8(2) - PG_GETARG_FLOAT8(1)),
					   mlops_aggregate_weight(fcinfo, 3));
}

/* (state, label, prediction [, weight]): the error by the label's size. */
Datum
mlops_relative_error_add(PG_FUNCTION_ARGS)
{
	double		label = PG_GETARG_FLOAT8(1);
	double		error = fabs(PG_GETARG_FLOAT8(2) - label);

	return add_to_mean(fcinfo, error / Max(fabs(label), DBL_EPSILON),
					   mlops_aggregate_weight(fcinfo, 3));
}

/* (state, label, prediction, alpha [, weight]). */
Datum
mlops_pinball_add(PG_FUNCTION_ARGS)
{
	double		alpha = PG_GETARG_FLOAT8(3);

	if (!(alpha >= 0 && alpha <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"alpha\" is out of range: %g", alpha),
				 errhint("It must be at least 0 and at most 1.")));
	return add_to_mean(fcinfo,
					   mlops_unit_pinball(PG_GETARG_FLOAT8(1),
										  PG_GETARG_FLOAT8(2), alpha),
					   mlops_aggregate_weight(fcinfo, 4));
}

/* (state, label, prediction [, weight]). */
Datum
mlops_poisson_add(PG_FUNCTION_ARGS)
{
	return add_deviance(fcinfo, 1, 3);
}

/* (state, label, prediction [, weight]). */
Datum
mlops_gamma_add(PG_FUNCTION_ARGS)
{
	return add_deviance(fcinfo, 2, 3);
}

/* (state, label, prediction, power [, weight]). */
Datum
mlops_tweedie_add(PG_FUNCTION_ARGS)
{
	double		power = PG_GETARG_FLOAT8(3);

	if (!(power >= 1 && power <= 2))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"power\" is out of range: %g", power),
				 errhint("It must be at least 1 and at most 2.")));
	return add_deviance(fcinfo, power, 4);
}

/* (state, label boolean, probability [, weight]). */
Datum
mlops_log_loss_add_boolean(PG_FUNCTION_ARGS)
{
	return add_log_loss(fcinfo, PG_GETARG_BOOL(1));
}

/* (state, label float8, probability [, weight]). */
Datum
mlops_log_loss_add_number(PG_FUNCTION_ARGS)
{
	return add_log_loss(fcinfo, mlops_aggregate_binary(PG_GETARG_FLOAT8(1),
													   "label"));
}

/* (state, label boolean, probability [, weight]). */
Datum
mlops_brier_add_boolean(PG_FUNCTION_ARGS)
{
	return add_brier(fcinfo, PG_GETARG_BOOL(1));
}

/* (state, label float8, probability [, weight]). */
Datum
mlops_brier_add_number(PG_FUNCTION_ARGS)
{
	return add_brier(fcinfo, mlops_aggregate_binary(PG_GETARG_FLOAT8(1),
													"label"));
}

/* (state, label boolean, probability [, weight]). */
Datum
mlops_ece_add_boolean(PG_FUNCTION_ARGS)
{
	return add_ece(fcinfo, PG_GETARG_BOOL(1));
}

/* (state, label float8, probability [, weight]). */
Datum
mlops_ece_add_number(PG_FUNCTION_ARGS)
{
	return add_ece(fcinfo, mlops_aggregate_binary(PG_GETARG_FLOAT8(1),
												  "label"));
}

/* (state): what the shares of positives are off by, weighted by bin. */
Datum
mlops_ece_final(PG_FUNCTION_ARGS)
{
	const EceState *state = (const EceState *)
		state_of(fcinfo, 0, N_DOUBLES(EceState), NULL);
	double		all = mlops_sum_value(&state->weight);
	MlopsSum	sum = {0};

	if (all == 0)
		PG_RETURN_NULL();
	for (int i = 0; i < ECE_BINS; i++)
		mlops_sum_add(&sum, fabs(mlops_sum_value(&state->bins[i].label) -
								 mlops_sum_value(&state->bins[i].probability)));
	PG_RETURN_FLOAT8(mlops_sum_value(&sum) / all);
}

/* (state, label, prediction [, weight]). */
Datum
mlops_r2_add(PG_FUNCTION_ARGS)
{
	ArrayType  *array;
	R2State    *state = (R2State *)
		state_to_change(fcinfo, N_DOUBLES(R2State), &array);
	double		label = PG_GETARG_FLOAT8(1);
	double		error = PG_GETARG_FLOAT8(2) - label;
	double		weight = mlops_aggregate_weight(fcinfo, 3);
	double		delta = label - state->mean.sum - state->mean.error;

	if (weight > 0)
	{
		double		before = mlops_sum_value(&state->weight);
		double		share;

		mlops_sum_add(&state->weight, weight);
		share = weight / mlops_sum_value(&state->weight);
		mlops_sum_add(&state->mean, state->rows == 0 ? label : delta * share);
		if (state->rows > 0)
			mlops_sum_add(&state->m2, before * share * delta * delta);
		mlops_sum_add(&state->square, weight * error * error);
		state->rows++;
	}
	PG_RETURN_ARRAYTYPE_P(array);
}

/* (state, state): the moments of both, after Chan. */
Datum
mlops_r2_combine(PG_FUNCTION_ARGS)
{
	ArrayType  *array;
	R2State    *a = (R2State *)
		state_to_change(fcinfo, N_DOUBLES(R2State), &array);
	const R2State *b = (const R2State *)
		state_of(fcinfo, 1, N_DOUBLES(R2State), NULL);
	double		delta = (b->mean.sum - a->mean.sum) +
		(b->mean.error - a->mean.error);

	if (a->rows == 0)
		*a = *b;
	else if (b->rows > 0)
	{
		double		before = mlops_sum_value(&a->weight);
		double		share;

		mlops_sum_add(&a->weight, b->weight.sum);
		a->weight.error += b->weight.error;
		share = mlops_sum_value(&b->weight) / mlops_sum_value(&a->weight);
		mlops_sum_add(&a->mean, delta * share);
		mlops_sum_add(&a->m2, b->m2.sum);
		a->m2.error += b->m2.error;
		mlops_sum_add(&a->m2, before * share * delta * delta);
		a->rows += b->rows;
		mlops_sum_add(&a->square, b->square.sum);
		a->square.error += b->square.error;
	}
	PG_RETURN_ARRAYTYPE_P(array);
}

/* (state): the share of variance explained, NULL of fewer than two labels. */
Datum
mlops_r2_final(PG_FUNCTION_ARGS)
{
	const R2State *state = (const R2State *)
		state_of(fcinfo, 0, N_DOUBLES(R2State), NULL);

	if (state->rows < 2 || mlops_sum_value(&state->m2) == 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(1 - mlops_sum_value(&state->square) /
					 mlops_sum_value(&state->m2));
}

/* (state, label, predicted [, weight]) of any type that has equality. */
Datum
mlops_hit_add(PG_FUNCTION_ARGS)
{
	return add_to_mean(fcinfo, values_equal(fcinfo),
					   mlops_aggregate_weight(fcinfo, 3));
}

/* (state, label boolean, predicted boolean [, weight]). */
Datum
mlops_two_class_add_boolean(PG_FUNCTION_ARGS)
{
	return add_two_class(fcinfo, PG_GETARG_BOOL(1), PG_GETARG_BOOL(2));
}

/* (state, label float8, predicted float8 [, weight]). */
Datum
mlops_two_class_add_number(PG_FUNCTION_ARGS)
{
	return add_two_class(fcinfo,
						 mlops_aggregate_binary(PG_GETARG_FLOAT8(1), "label"),
						 mlops_aggregate_binary(PG_GETARG_FLOAT8(2),
												"predicted class"));
}

/* (state): NULL if nothing was predicted positive. */
Datum
mlops_precision_final(PG_FUNCTION_ARGS)
{
	return two_class_result(fcinfo, 1, 0);
}

/* (state): NULL if nothing is positive. */
Datum
mlops_recall_final(PG_FUNCTION_ARGS)
{
	return two_class_result(fcinfo, 0, 1);
}

/* (state): NULL if nothing is or was predicted positive. */
Datum
mlops_f1_final(PG_FUNCTION_ARGS)
{
	return two_class_result(fcinfo, 0.5, 0.5);
}

double
mlops_aggregate_weight(FunctionCallInfo fcinfo, int argument)
{
	double		weight;

	if (PG_NARGS() <= argument)
		return 1;
	weight = PG_GETARG_FLOAT8(argument);
	if (!(weight >= 0 && weight <= MAX_WEIGHT))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"weight\" is out of range: %g", weight),
				 errhint("It must be at least 0 and at most %g.", MAX_WEIGHT)));
	return weight;
}

double
mlops_aggregate_binary(double label, const char *name)
{
	if (label != 0 && label != 1 && !isnan(label))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be 0 or 1, not %g", name, label),
				 errhint("Compare it with its positive value, as in outcome = 2, which gives a boolean.")));
	return label;
}

/*
 * A probability or NaN; 22023 outside [0, 1].
 */
static double
checked_probability(double probability)
{
	if (probability < 0 || probability > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("probability must be between 0 and 1, not %g",
						probability),
				 errhint("mlops.predict() gives probabilities for a binary model.")));
	return probability;
}

/*
 * The n doubles of a state argument; 22023 if it is no such state, which only
 * a call outside of the aggregates can bring about.
 */
static double *
state_of(FunctionCallInfo fcinfo, int argument, int n, ArrayType **array)
{
	ArrayType  *state = PG_GETARG_ARRAYTYPE_P(argument);

	if (ARR_NDIM(state) != 1 || ARR_DIMS(state)[0] != n ||
		ARR_HASNULL(state) || ARR_ELEMTYPE(state) != FLOAT8OID)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("not the state of a metric aggregate"),
				 errdetail("Only the aggregates call this function.")));
	if (array != NULL)
		*array = state;
	return (double *) ARR_DATA_PTR(state);
}

/* The same of the first argument, a copy unless an aggregate calls. */
static double *
state_to_change(FunctionCallInfo fcinfo, int n, ArrayType **array)
{
	double	   *values = state_of(fcinfo, 0, n, array);

	if (AggCheckCallContext(fcinfo, NULL))
		return values;
	*array = PG_GETARG_ARRAYTYPE_P_COPY(0);
	return (double *) ARR_DATA_PTR(*array);
}

/* Add one row to the state of a mean and return that. */
static Datum
add_to_mean(FunctionCallInfo fcinfo, double value, double weight)
{
	ArrayType  *array;
	MeanState  *state = (MeanState *)
		state_to_change(fcinfo, N_DOUBLES(MeanState), &array);

	if (weight > 0)
	{
		mlops_sum_add(&state->weight, weight);
		mlops_sum_add(&state->value, weight * value);
	}
	PG_RETURN_ARRAYTYPE_P(array);
}

/* The weighted mean or its root, NULL of no weight. */
static Datum
mean_result(FunctionCallInfo fcinfo, bool root)
{
	const MeanState *state = (const MeanState *)
		state_of(fcinfo, 0, N_DOUBLES(MeanState), NULL);
	double		weight = mlops_sum_value(&state->weight);
	double		mean;

	if (weight == 0)
		PG_RETURN_NULL();
	mean = mlops_sum_value(&state->value) / weight;
	PG_RETURN_FLOAT8(root ? sqrt(mean) : mean);
}

/* The negative log likelihood, of a probability kept off 0 and 1. */
static Datum
add_log_loss(FunctionCallInfo fcinfo, double label)
{
	double		p = checked_probability(PG_GETARG_FLOAT8(2));
	double		loss = -log(label > 0 ? clip(p) : 1 - clip(p));

	if (isnan(p) || isnan(label))
		loss = NAN;
	return add_to_mean(fcinfo, loss, mlops_aggregate_weight(fcinfo, 3));
}

/* The squared distance of label and probability. */
static Datum
add_brier(FunctionCallInfo fcinfo, double label)
{
	double		d = label -
		checked_probability(PG_GETARG_FLOAT8(2));

	return add_to_mean(fcinfo, d * d, mlops_aggregate_weight(fcinfo, 3));
}

/* One row of the expected calibration error. */
static Datum
add_ece(FunctionCallInfo fcinfo, double label)
{
	ArrayType  *array;
	EceState   *state = (EceState *)
		state_to_change(fcinfo, N_DOUBLES(EceState), &array);
	double		p = checked_probability(PG_GETARG_FLOAT8(2));
	double		weight = mlops_aggregate_weight(fcinfo, 3);
	int			b = isnan(p) ? 0 : Min((int) (p * ECE_BINS), ECE_BINS - 1);

	if (weight > 0)
	{
		mlops_sum_add(&state->weight, weight);
		mlops_sum_add(&state->bins[b].label, weight * label);
		mlops_sum_add(&state->bins[b].probability, weight * p);
	}
	PG_RETURN_ARRAYTYPE_P(array);
}

/* The unit deviance; 22023 for what has none. */
static Datum
add_deviance(FunctionCallInfo fcinfo, double power, int weight_argument)
{
	double		label = PG_GETARG_FLOAT8(1);
	double		prediction = PG_GETARG_FLOAT8(2);
	double		weight = mlops_aggregate_weight(fcinfo, weight_argument);

	if (weight > 0 && (power == 2 ? label <= 0 : label < 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 power == 2 ? errmsg("label must be above 0, not %g", label) :
				 errmsg("label must not be negative, but is %g", label),
				 errdetail("The deviance is not defined for it.")));
	if (weight > 0 && prediction <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("prediction must be above 0, not %g", prediction),
				 errdetail("The deviance is not defined for it.")));
	return add_to_mean(fcinfo, weight > 0 ?
					   mlops_unit_deviance(label, prediction, power) : 0,
					   weight);
}

/* Count one row by label and prediction; NaN spoils all. */
static Datum
add_two_class(FunctionCallInfo fcinfo, double label, double predicted)
{
	ArrayType  *array;
	TwoClassState *state = (TwoClassState *)
		state_to_change(fcinfo, N_DOUBLES(TwoClassState), &array);
	double		weight = mlops_aggregate_weight(fcinfo, 3);
	bool		nan = isnan(label) || isnan(predicted);

	if (weight > 0 && (nan || (label > 0 && predicted > 0)))
		mlops_sum_add(&state->tp, nan ? NAN : weight);
	else if (weight > 0)
		mlops_sum_add(predicted > 0 ? &state->fp :
					  label > 0 ? &state->fn : &state->tn, weight);
	PG_RETURN_ARRAYTYPE_P(array);
}

/* tp / (tp + some of fp + some of fn), NULL if that is not defined. */
static Datum
two_class_result(FunctionCallInfo fcinfo, double wanted_fp, double wanted_fn)
{
	const TwoClassState *state = (const TwoClassState *)
		state_of(fcinfo, 0, N_DOUBLES(TwoClassState), NULL);
	double		tp = mlops_sum_value(&state->tp);
	double		all = tp + wanted_fp * mlops_sum_value(&state->fp) +
		wanted_fn * mlops_sum_value(&state->fn);

	if (all == 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(tp / all);
}

/* Whether the arguments 1 and 2, of one type, are equal. */
static bool
values_equal(FunctionCallInfo fcinfo)
{
	TypeCacheEntry *type = fcinfo->flinfo->fn_extra;

	if (type == NULL)
	{
		Oid			id = get_fn_expr_argtype(fcinfo->flinfo, 1);

		type = lookup_type_cache(id, TYPECACHE_EQ_OPR_FINFO);
		if (!OidIsValid(type->eq_opr_finfo.fn_oid))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_FUNCTION),
					 errmsg("type %s has no equality", format_type_be(id)),
					 errhint("Cast it to text.")));
		fcinfo->flinfo->fn_extra = type;
	}
	return DatumGetBool(FunctionCall2Coll(&type->eq_opr_finfo,
										  PG_GET_COLLATION(),
										  PG_GETARG_DATUM(1),
										  PG_GETARG_DATUM(2)));
}
