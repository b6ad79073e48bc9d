/*
 * predict.c
 *		The functions that predict a row.
 *
 * What happens between the reference and the features is call_site.c's; here
 * is what becomes of the outputs.  Margins are what the trees or the linear
 * model add up to with the base score, before the objective's transformation.
 *
 * The functions come in two forms: with a row, as people call them, and with
 * the columns that the planner bound in its place (see planner.c).  The latter
 * are not strict, since a column may be NULL.
 */
#include "postgres.h"

#include "base/base.h"
#include "catalog/pg_type.h"
#include "serve/call_site.h"
#include "serve/prediction.h"
#include "serve/telemetry.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(mlops_predict);
PG_FUNCTION_INFO_V1(mlops_predict_label);
PG_FUNCTION_INFO_V1(mlops_predict_proba);
PG_FUNCTION_INFO_V1(mlops_predict_proba_label);
PG_FUNCTION_INFO_V1(mlops_predict_pinned);
PG_FUNCTION_INFO_V1(mlops_predict_margin);
PG_FUNCTION_INFO_V1(mlops_predict_margins);
PG_FUNCTION_INFO_V1(mlops_predict_leaf);
PG_FUNCTION_INFO_V1(mlops_classes);

PG_FUNCTION_INFO_V1(mlops_predict_columns);
PG_FUNCTION_INFO_V1(mlops_predict_label_columns);
PG_FUNCTION_INFO_V1(mlops_predict_proba_columns);
PG_FUNCTION_INFO_V1(mlops_predict_proba_label_columns);
PG_FUNCTION_INFO_V1(mlops_predict_pinned_columns);
PG_FUNCTION_INFO_V1(mlops_predict_margin_columns);
PG_FUNCTION_INFO_V1(mlops_predict_margins_columns);

static MlopsPlace *predict_row(FunctionCallInfo fcinfo);
static MlopsPlace *margin_row(FunctionCallInfo fcinfo);
static MlopsPlace *predict_columns(FunctionCallInfo fcinfo, int names,
								   bool margin);
static MlopsPlace *pinned_place(FunctionCallInfo fcinfo);
static Datum label_of(const MlopsPlace *place);
static Datum probabilities_of(const MlopsPlace *place);
static Datum probability_of(const MlopsPlace *place, text *label);
static Datum margin_of(const MlopsPlace *place);
static Datum margins_of(const MlopsPlace *place);

/* predict(model model_ref, input record) returns float8 */
Datum
mlops_predict(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(mlops_place_single(predict_row(fcinfo)));
}

/* predict_pinned(model text, version integer, input record) returns float8 */
Datum
mlops_predict_pinned(PG_FUNCTION_ARGS)
{
	MlopsPlace *place = pinned_place(fcinfo);

	mlops_place_predict(place, PG_GETARG_HEAPTUPLEHEADER(2));
	PG_RETURN_FLOAT8(mlops_place_single(place));
}

/* predict_label(model model_ref, input record) returns text */
Datum
mlops_predict_label(PG_FUNCTION_ARGS)
{
	return label_of(predict_row(fcinfo));
}

/* predict_proba(model model_ref, input record) returns float8[] */
Datum
mlops_predict_proba(PG_FUNCTION_ARGS)
{
	return probabilities_of(predict_row(fcinfo));
}

/* predict_proba(model model_ref, input record, label text) returns float8 */
Datum
mlops_predict_proba_label(PG_FUNCTION_ARGS)
{
	return probability_of(predict_row(fcinfo), PG_GETARG_TEXT_PP(2));
}

/* predict_margin(model model_ref, input record) returns float8 */
Datum
mlops_predict_margin(PG_FUNCTION_ARGS)
{
	return margin_of(margin_row(fcinfo));
}

/* predict_margins(model model_ref, input record) returns float8[] */
Datum
mlops_predict_margins(PG_FUNCTION_ARGS)
{
	return margins_of(margin_row(fcinfo));
}

/* _predict(model model_ref, columns text[], VARIADIC "any") returns float8 */
Datum
mlops_predict_columns(PG_FUNCTION_ARGS)
{
	MlopsPlace *place = predict_columns(fcinfo, 1, false);

	if (place == NULL)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(mlops_place_single(place));
}

/*
 * _predict_pinned(model text, version integer, columns text[],
 * VARIADIC "any") returns float8
 */
Datum
mlops_predict_pinned_columns(PG_FUNCTION_ARGS)
{
	MlopsPlace *place;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	place = pinned_place(fcinfo);
	if (!mlops_place_encode_columns(place, fcinfo, 2))
		PG_RETURN_NULL();
	mlops_place_evaluate(place);
	PG_RETURN_FLOAT8(mlops_place_single(place));
}

/*
 * _predict_label(model model_ref, columns text[], VARIADIC "any") returns
 * text
 */
Datum
mlops_predict_label_columns(PG_FUNCTION_ARGS)
{
	MlopsPlace *place = predict_columns(fcinfo, 1, false);

	if (place == NULL)
		PG_RETURN_NULL();
	return label_of(place);
}

/*
 * _predict_proba(model model_ref, columns text[], VARIADIC "any") returns
 * float8[]
 */
Datum
mlops_predict_proba_columns(PG_FUNCTION_ARGS)
{
	MlopsPlace *place = predict_columns(fcinfo, 1, false);

	if (place == NULL)
		PG_RETURN_NULL();
	return probabilities_of(place);
}

/*
 * _predict_proba(model model_ref, label text, columns text[],
 * VARIADIC "any") returns float8
 */
Datum
mlops_predict_proba_label_columns(PG_FUNCTION_ARGS)
{
	MlopsPlace *place;

	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	place = predict_columns(fcinfo, 2, false);
	if (place == NULL)
		PG_RETURN_NULL();
	return probability_of(place, PG_GETARG_TEXT_PP(1));
}

/*
 * _predict_margin(model model_ref, columns text[], VARIADIC "any") returns
 * float8
 */
Datum
mlops_predict_margin_columns(PG_FUNCTION_ARGS)
{
	MlopsPlace *place = predict_columns(fcinfo, 1, true);

	if (place == NULL)
		PG_RETURN_NULL();
	return margin_of(place);
}

/*
 * _predict_margins(model model_ref, columns text[], VARIADIC "any") returns
 * float8[]
 */
Datum
mlops_predict_margins_columns(PG_FUNCTION_ARGS)
{
	MlopsPlace *place = predict_columns(fcinfo, 1, true);

	if (place == NULL)
		PG_RETURN_NULL();
	return margins_of(place);
}

/* predict_leaf(model model_ref, input record) returns integer[] */
Datum
mlops_predict_leaf(PG_FUNCTION_ARGS)
{
	MlopsPlace *place = mlops_call_site_place(fcinfo, PG_GETARG_TEXT_PP(0), 0);
	int			n = place->predictor->info.n_trees;
	uint32	   *leaves;
	Datum	   *numbers;

	if (strcmp(place->predictor->info.booster, "gblinear") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("model \"%s\" is linear and has no trees",
						place->reference.model),
				 errhint("mlops.explain() shows the parts of its prediction.")));
	mlops_place_encode(place, PG_GETARG_HEAPTUPLEHEADER(1));
	leaves = palloc(sizeof(uint32) * Max(n, 1));
	numbers = palloc(sizeof(Datum) * Max(n, 1));
	mlops_forest_leaves(place->predictor->forest, place->features, leaves);
	mlops_usage_end_row(place->predictor->usage, place->features,
						place->predictor->signature->n_features);
	for (int i = 0; i < n; i++)
		numbers[i] = Int32GetDatum((int32) leaves[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(numbers, n, INT4OID, sizeof(int32),
										  true, TYPALIGN_INT));
}

/* classes(model model_ref) returns text[] */
Datum
mlops_classes(PG_FUNCTION_ARGS)
{
	MlopsPlace *place = mlops_call_site_place(fcinfo, PG_GETARG_TEXT_PP(0), 0);
	const MlopsVersion *version = place->predictor->version;

	mlops_class_require(place);
	PG_RETURN_ARRAYTYPE_P(mlops_text_array((const char *const *) version->classes,
										   version->n_classes));
}

bool
mlops_prediction_kind(PGFunction function, MlopsPredictionKind *kind)
{
	static const struct
	{
		PGFunction	function;
		MlopsPredictionKind kind;
	}			kinds[] = {
		{mlops_predict_columns, MLOPS_PREDICT_NUMBER},
		{mlops_predict_pinned_columns, MLOPS_PREDICT_PINNED},
		{mlops_predict_label_columns, MLOPS_PREDICT_LABEL},
		{mlops_predict_proba_columns, MLOPS_PREDICT_PROBABILITIES},
		{mlops_predict_proba_label_columns, MLOPS_PREDICT_PROBABILITY},
		{mlops_predict_margin_columns, MLOPS_PREDICT_MARGIN},
		{mlops_predict_margins_columns, MLOPS_PREDICT_MARGINS},
		{mlops_score_columns, MLOPS_PREDICT_SCORED},
	};

	for (int i = 0; i < lengthof(kinds); i++)
	{
		if (kinds[i].function != function)
			continue;
		*kind = kinds[i].kind;
		return true;
	}
	return false;
}

Datum
mlops_prediction_value(MlopsPlace *place, MlopsPredictionKind kind,
					   text *label, TupleDesc row_type)
{
	switch (kind)
	{
		case MLOPS_PREDICT_LABEL:
			return label_of(place);
		case MLOPS_PREDICT_PROBABILITIES:
			return probabilities_of(place);
		case MLOPS_PREDICT_PROBABILITY:
			return probability_of(place, label);
		case MLOPS_PREDICT_MARGIN:
			return margin_of(place);
		case MLOPS_PREDICT_MARGINS:
			return margins_of(place);
		case MLOPS_PREDICT_SCORED:
			return mlops_scored_value(place, 0, row_type);
		default:
			return Float8GetDatum(mlops_place_single(place));
	}
}

/*
 * Predict the row in argument 1 by what the reference in argument 0 means
 * now; the outputs are in the place that is returned.
 */
static MlopsPlace *
predict_row(FunctionCallInfo fcinfo)
{
	MlopsPlace *place = mlops_call_site_place(fcinfo, PG_GETARG_TEXT_PP(0), 0);

	mlops_place_predict(place, PG_GETARG_HEAPTUPLEHEADER(1));
	return place;
}

/* The same, but the outputs are the margins. */
static MlopsPlace *
margin_row(FunctionCallInfo fcinfo)
{
	MlopsPlace *place = mlops_call_site_place(fcinfo, PG_GETARG_TEXT_PP(0), 0);

	mlops_place_encode(place, PG_GETARG_HEAPTUPLEHEADER(1));
	mlops_place_evaluate_margin(place);
	return place;
}

/*
 * The same for columns that the planner bound, see
 * mlops_place_encode_columns(): NULL if there is no row.
 */
static MlopsPlace *
predict_columns(FunctionCallInfo fcinfo, int names, bool margin)
{
	MlopsPlace *place;

	if (PG_ARGISNULL(0))
		return NULL;
	place = mlops_call_site_place(fcinfo, PG_GETARG_TEXT_PP(0), 0);
	if (!mlops_place_encode_columns(place, fcinfo, names))
		return NULL;
	if (margin)
		mlops_place_evaluate_margin(place);
	else
		mlops_place_evaluate(place);
	return place;
}

/* The place of the model in argument 0 and the version in argument 1. */
static MlopsPlace *
pinned_place(FunctionCallInfo fcinfo)
{
	int			version = PG_GETARG_INT32(1);

	if (version <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"version\" is out of range: %d", version),
				 errhint("It must be at least 1.")));
	return mlops_call_site_place(fcinfo, PG_GETARG_TEXT_PP(0), version);
}

/* The predicted class, text; 0A000 unless it is a classifier. */
static Datum
label_of(const MlopsPlace *place)
{
	const MlopsVersion *version = place->predictor->version;
	int			class;

	mlops_class_require(place);
	class = mlops_class_predicted(version, place->outputs);
	return CStringGetTextDatum(version->classes[class]);
}

/* The probabilities of all classes, float8[]; errors as above. */
static Datum
probabilities_of(const MlopsPlace *place)
{
	mlops_class_require(place);
	return PointerGetDatum(mlops_class_probabilities(place->predictor->version,
													 place->outputs));
}

/* The probability of the class with the label; 22023 if there is none. */
static Datum
probability_of(const MlopsPlace *place, text *label)
{
	const MlopsVersion *version = place->predictor->version;
	int			class;

	mlops_class_require(place);
	class = mlops_class_find(version, place->reference.model,
							 text_to_cstring(label));
	return Float8GetDatum(mlops_class_probability(version, place->outputs,
												  class));
}

/* The one margin, float8; 0A000 if there are several. */
static Datum
margin_of(const MlopsPlace *place)
{
	if (place->predictor->info.n_outputs > 1)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("model \"%s\" has %u margins",
						place->reference.model,
						place->predictor->info.n_outputs),
				 errhint("Use mlops.predict_margins().")));
	return Float8GetDatum((float8) place->outputs[0]);
}

/* All margins, float8[]. */
static Datum
margins_of(const MlopsPlace *place)
{
	int			n = place->predictor->info.n_outputs;
	Datum	   *margins = palloc(sizeof(Datum) * n);

	for (int i = 0; i < n; i++)
		margins[i] = Float8GetDatum((float8) place->outputs[i]);
	return PointerGetDatum(construct_array(margins, n, FLOAT8OID,
										   sizeof(float8), FLOAT8PASSBYVAL,
										   TYPALIGN_DOUBLE));
}
