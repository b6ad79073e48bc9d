/*
 * predict.c
 *		The functions that predict a row.
 *
 * What happens between the reference and the features is call_site.c's; here
 * is what becomes of the outputs.  Margins are what the trees or the linear
 * model add up to with the base score, before the objective's transformation.
 */
#include "postgres.h"

#include "base/base.h"
#include "catalog/pg_type.h"
#include "serve/call_site.h"
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

static MlopsPlace *predict_row(FunctionCallInfo fcinfo);
static MlopsPlace *margin_row(FunctionCallInfo fcinfo);

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
	int			version = PG_GETARG_INT32(1);
	MlopsPlace *place;

	if (version <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"version\" is out of range: %d", version),
				 errhint("It must be at least 1.")));
	place = mlops_call_site_place(fcinfo, PG_GETARG_TEXT_PP(0), version);
	mlops_place_predict(place, PG_GETARG_HEAPTUPLEHEADER(2));
	PG_RETURN_FLOAT8(mlops_place_single(place));
}

/* predict_label(model model_ref, input record) returns text */
Datum
mlops_predict_label(PG_FUNCTION_ARGS)
{
	MlopsPlace *place = predict_row(fcinfo);
	const MlopsVersion *version = place->predictor->version;
	int			class;

	mlops_class_require(place);
	class = mlops_class_predicted(version, place->outputs);
	PG_RETURN_TEXT_P(cstring_to_text(version->classes[class]));
}

/* predict_proba(model model_ref, input record) returns float8[] */
Datum
mlops_predict_proba(PG_FUNCTION_ARGS)
{
	MlopsPlace *place = predict_row(fcinfo);

	mlops_class_require(place);
	PG_RETURN_ARRAYTYPE_P(mlops_class_probabilities(place->predictor->version,
													place->outputs));
}

/* predict_proba(model model_ref, input record, label text) returns float8 */
Datum
mlops_predict_proba_label(PG_FUNCTION_ARGS)
{
	MlopsPlace *place = predict_row(fcinfo);
	const MlopsVersion *version = place->predictor->version;
	char	   *label = text_to_cstring(PG_GETARG_TEXT_PP(2));
	int			class;

	mlops_class_require(place);
	class = mlops_class_find(version, place->reference.model, label);
	PG_RETURN_FLOAT8(mlops_class_probability(version, place->outputs, class));
}

/* predict_margin(model model_ref, input record) returns float8 */
Datum
mlops_predict_margin(PG_FUNCTION_ARGS)
{
	MlopsPlace *place = margin_row(fcinfo);

	if (place->predictor->info.n_outputs > 1)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("model \"%s\" has %u margins",
						place->reference.model,
						place->predictor->info.n_outputs),
				 errhint("Use mlops.predict_margins().")));
	PG_RETURN_FLOAT8((float8) place->outputs[0]);
}

/* predict_margins(model model_ref, input record) returns float8[] */
Datum
mlops_predict_margins(PG_FUNCTION_ARGS)
{
	MlopsPlace *place = margin_row(fcinfo);
	int			n = place->predictor->info.n_outputs;
	Datum	   *margins = palloc(sizeof(Datum) * n);

	for (int i = 0; i < n; i++)
		margins[i] = Float8GetDatum((float8) place->outputs[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(margins, n, FLOAT8OID,
										  sizeof(float8), FLOAT8PASSBYVAL,
										  TYPALIGN_DOUBLE));
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
	mlops_forest_margin(place->predictor->forest, place->features,
						place->outputs);
	return place;
}
