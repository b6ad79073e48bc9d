/*
 * explain.c
 *		Why a row is predicted as it is: explain, explain_text, predict_full.
 *
 * Contributions are exact Shapley values of the margin.  All texts are the
 * same whatever the session's settings of locale and digits are; only a
 * column's value is written by the output function of its type.
 */
#include "postgres.h"

#include <math.h>

#include "base/base.h"
#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "serve/explain.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

PG_FUNCTION_INFO_V1(mlops_explain_rows);
PG_FUNCTION_INFO_V1(mlops_explain_text);
PG_FUNCTION_INFO_V1(mlops_predict_full);

static char *feature_text(MlopsPlace *place, int feature);
static char *number_text(double value);
static int	compare_contributions(const void *a, const void *b, void *arg);
static void append_value(StringInfo line, MlopsPlace *place, int feature);
static void append_contribution(StringInfo line, double contribution);

/* explain(model model_ref, input record, label text) */
Datum
mlops_explain_rows(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *label = mlops_optional_text(fcinfo, 2);
	const MlopsSignature *signature;
	MlopsPlace *place;
	MlopsReasons *reasons;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return (Datum) 0;

	place = mlops_call_site_place(fcinfo, PG_GETARG_TEXT_PP(0), 0);
	mlops_place_predict(place, PG_GETARG_HEAPTUPLEHEADER(1));
	reasons = mlops_reasons(place, mlops_class_choose(place, label));
	signature = place->predictor->signature;

	for (int i = 0; i <= reasons->n_features; i++)
	{
		bool		bias = (i == reasons->n_features);
		int			feature = bias ? i : reasons->order[i];
		char	   *value = bias ? NULL : feature_text(place, feature);
		Datum		values[3];
		bool		nulls[3] = {false, value == NULL, false};

		values[0] = CStringGetTextDatum(bias ? "(bias)" :
										signature->feature_names[feature]);
		values[1] = value ? CStringGetTextDatum(value) : (Datum) 0;
		values[2] = Float8GetDatum(reasons->contribution[feature]);
		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 nulls);
	}
	return (Datum) 0;
}

/* explain_text(model model_ref, input record, top integer, label text) */
Datum
mlops_explain_text(PG_FUNCTION_ARGS)
{
	char	   *label = mlops_optional_text(fcinfo, 3);
	int			top;
	MlopsPlace *place;
	MlopsReasons *reasons;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	top = PG_ARGISNULL(2) ? 3 : PG_GETARG_INT32(2);
	if (top < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"top\" is out of range: %d", top),
				 errhint("It must be at least 1.")));

	place = mlops_call_site_place(fcinfo, PG_GETARG_TEXT_PP(0), 0);
	mlops_place_predict(place, PG_GETARG_HEAPTUPLEHEADER(1));
	reasons = mlops_reasons(place, mlops_class_choose(place, label));
	PG_RETURN_TEXT_P(cstring_to_text(mlops_reasons_line(place, reasons, top)));
}

/* predict_full(model model_ref, input record, reasons integer) */
Datum
mlops_predict_full(PG_FUNCTION_ARGS)
{
	int			top = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT32(2);
	const MlopsVersion *version;
	MlopsPlace *place;
	Datum		values[7] = {0};
	bool		nulls[7] = {false};
	int			class = -1;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	if (top < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"reasons\" is out of range: %d", top),
				 errhint("It must be at least 0, which gives none.")));
	place = mlops_call_site_place(fcinfo, PG_GETARG_TEXT_PP(0), 0);
	mlops_place_predict(place, PG_GETARG_HEAPTUPLEHEADER(1));
	version = place->predictor->version;

	values[0] = Float8GetDatum((double) place->outputs[0]);
	nulls[0] = version->n_classes > 2;
	nulls[1] = nulls[2] = nulls[3] = version->n_classes == 0;
	if (version->n_classes > 0)
	{
		class = mlops_class_predicted(version, place->outputs);
		values[1] = CStringGetTextDatum(version->classes[class]);
		values[2] = Float8GetDatum(mlops_class_probability(version,
														   place->outputs,
														   class));
		values[3] = PointerGetDatum(mlops_class_probabilities(version,
															  place->outputs));
	}
	values[4] = CStringGetTextDatum(place->reference.model);
	values[5] = Int32GetDatum(version->version);
	nulls[6] = (top == 0);
	if (top > 0)
	{
		MlopsReasons *reasons = mlops_reasons(place,
											  mlops_class_choose(place, NULL));

		values[6] = CStringGetTextDatum(mlops_reasons_line(place, reasons,
														   top));
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(mlops_call_site_result(fcinfo),
													  values, nulls)));
}

MlopsReasons *
mlops_reasons(MlopsPlace *place, int class)
{
	int			n = place->predictor->info.n_features;
	int			n_outputs = place->predictor->info.n_outputs;
	MlopsExplainer *explainer = mlops_place_explainer(place);
	MlopsReasons *reasons = palloc(sizeof(MlopsReasons));
	double	   *all = palloc_extended(sizeof(double) * n_outputs * (n + 1),
									  MCXT_ALLOC_HUGE);

	mlops_explain(explainer, place->features, all);
	reasons->n_features = n;
	reasons->contribution = all;
	if (place->predictor->version->n_classes > 2)
		reasons->contribution = all + (Size) class * (n + 1);
	else if (place->predictor->version->n_classes == 2 && class == 0)
		for (int i = 0; i <= n; i++)
			all[i] = 0.0 - all[i];

	reasons->order = palloc(sizeof(int) * Max(n, 1));
	for (int i = 0; i < n; i++)
		reasons->order[i] = i;
	qsort_arg(reasons->order, n, sizeof(int), compare_contributions,
			  reasons->contribution);
	return reasons;
}

/* Features that contribute nothing are no reasons. */
char *
mlops_reasons_line(MlopsPlace *place, const MlopsReasons *reasons, int top)
{
	const MlopsSignature *signature = place->predictor->signature;
	StringInfoData line;

	initStringInfo(&line);
	for (int i = 0; i < Min(top, reasons->n_features); i++)
	{
		int			feature = reasons->order[i];

		if (reasons->contribution[feature] == 0)
			break;
		if (i > 0)
			appendStringInfoString(&line, ", ");
		appendStringInfoString(&line, signature->feature_names[feature]);
		appendStringInfoChar(&line, '=');
		append_value(&line, place, feature);
		append_contribution(&line, reasons->contribution[feature]);
	}
	return line.data;
}

/*
 * The value of a feature in the row that the place has encoded, as text:
 * the column's own if it is one feature, else that of the part.  NULL if it
 * is missing.
 */
static char *
feature_text(MlopsPlace *place, int feature)
{
	const MlopsInput *input =
		mlops_feature_input(place->predictor->signature, feature);
	Form_pg_attribute attribute;
	int			i;
	Oid			function;
	bool		is_varlena;

	if (input->n_features > 1 || MLOPS_KIND_IS_ARRAY(input->kind))
		return isnan(place->features[feature]) ? NULL :
			mlops_float_text(place->features[feature]);

	i = mlops_place_attribute(place,
							  input - place->predictor->signature->inputs);
	if (place->nulls[i])
		return NULL;
	attribute = TupleDescAttr(place->tupdesc, i);
	switch (getBaseType(attribute->atttypid))
	{
		case BOOLOID:
			return DatumGetBool(place->values[i]) ? "true" : "false";
		case FLOAT4OID:
			return mlops_float_text(DatumGetFloat4(place->values[i]));
		case FLOAT8OID:
			return number_text(DatumGetFloat8(place->values[i]));
		case NUMERICOID:
			return numeric_normalize(DatumGetNumeric(place->values[i]));
		case BPCHAROID:
			return TextDatumGetCString(DirectFunctionCall1(rtrim1,
														   place->values[i]));
		default:
			getTypeOutputInfo(attribute->atttypid, &function, &is_varlena);
			return OidOutputFunctionCall(function, place->values[i]);
	}
}

/* A number as its shortest exact text, the same in every session. */
static char *
number_text(double value)
{
	char	   *text = palloc(DOUBLE_SHORTEST_DECIMAL_LEN);

	if (isnan(value))
		return "NaN";
	if (isinf(value))
		return value > 0 ? "Infinity" : "-Infinity";
	double_to_shortest_decimal_buf(value, text);
	return text;
}

char *
mlops_float_text(float value)
{
	char	   *text = palloc(FLOAT_SHORTEST_DECIMAL_LEN);

	if (isnan(value))
		return "NaN";
	if (isinf(value))
		return value > 0 ? "Infinity" : "-Infinity";
	float_to_shortest_decimal_buf(value, text);
	return text;
}

const MlopsInput *
mlops_feature_input(const MlopsSignature *signature, int feature)
{
	int			low = 0;
	int			high = signature->n_inputs - 1;

	/* the last input that begins at or before the feature */
	while (low < high)
	{
		int			middle = (low + high + 1) / 2;

		if (signature->inputs[middle].first_feature <= feature)
			low = middle;
		else
			high = middle - 1;
	}
	return &signature->inputs[low];
}

int
mlops_feature_find(const MlopsSignature *signature, const char *name)
{
	for (int i = 0; i < signature->n_features; i++)
		if (strcmp(signature->feature_names[i], name) == 0)
			return i;
	for (int i = 0; i < signature->n_inputs; i++)
	{
		const MlopsInput *input = &signature->inputs[i];
		int			last = input->first_feature + input->n_features - 1;

		if (strcmp(input->name, name) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" is %d features", name,
							input->n_features),
					 errhint("Name one of them, \"%s\" to \"%s\".",
							 signature->feature_names[input->first_feature],
							 signature->feature_names[last])));
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("the model has no feature \"%s\"", name),
			 errhint("The view mlops.baselines and mlops.importance() list the features.")));
}

/* qsort_arg() comparator of features: largest first, then in order. */
static int
compare_contributions(const void *a, const void *b, void *arg)
{
	const double *contribution = arg;
	int			left = *(const int *) a;
	int			right = *(const int *) b;
	double		left_size = fabs(contribution[left]);
	double		right_size = fabs(contribution[right]);

	if (left_size != right_size)
		return left_size > right_size ? -1 : 1;
	return left - right;
}

/*
 * Append a feature's value.  A text that could be taken for something else,
 * by a comma or a parenthesis in it, stands in quotes.
 */
static void
append_value(StringInfo line, MlopsPlace *place, int feature)
{
	char	   *value = feature_text(place, feature);

	if (value == NULL)
	{
		appendStringInfoString(line, "NULL");
		return;
	}
	if (!place->predictor->signature->categorical[feature] ||
		(value[0] != '\0' && value[strcspn(value, " \t\r\n,=()\"")] == '\0' &&
		 strcmp(value, "NULL") != 0))
	{
		appendStringInfoString(line, value);
		return;
	}
	appendStringInfoChar(line, '"');
	for (const char *c = value; *c != '\0'; c++)
	{
		if (*c == '"')
			appendStringInfoChar(line, '"');
		appendStringInfoChar(line, *c);
	}
	appendStringInfoChar(line, '"');
}

/* Append " (+0.31)": about three digits, but never a rounded zero. */
static void
append_contribution(StringInfo line, double contribution)
{
	double		size = fabs(contribution);
	int			decimals = size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;

	if (size >= 0.005 && size < 1e9)
		appendStringInfo(line, " (%+.*f)", decimals, contribution);
	else
		appendStringInfo(line, " (%+.1e)", contribution);
}
