/*
 * what_if.c
 *		One row with other values in one column or feature.
 *
 * A candidate for a column is read by the input function of the column's type
 * and takes the place of its value, so it goes the way that a row goes.  A
 * candidate for a part of a column, and what is taken from the baseline, takes
 * the place of the feature.
 */
#include "postgres.h"

#include "base/base.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "serve/explain.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(mlops_what_if);

/* Values of a number that are tried if none are given. */
#define GRID_POINTS 20

/* What is changed, and where the results go. */
typedef struct WhatIf
{
	MlopsPlace *place;
	ReturnSetInfo *result;
	int			class;
	double		before;			/* the outcome of the row as given */
	int			attribute;		/* column that is changed, -1: a feature */
	int			feature;		/* the feature, or the column's first */
} WhatIf;

static void find_changed(WhatIf *what_if, const char *name);
static void try_candidates(WhatIf *what_if, ArrayType *candidates);
static void put_candidate(WhatIf *what_if, char *candidate);
static void try_baseline(WhatIf *what_if);
static void check_may_read(const WhatIf *what_if);
static void try_numbers(WhatIf *what_if, const MlopsBaseline *baseline);
static void try_categories(WhatIf *what_if, const MlopsBaseline *baseline);
static void try_feature(WhatIf *what_if, float value, const char *text);
static void add_result(WhatIf *what_if, const char *value);

/* what_if(model, input, feature, candidates text[], label) */
Datum
mlops_what_if(PG_FUNCTION_ARGS)
{
	WhatIf		what_if = {0};
	char	   *label = mlops_optional_text(fcinfo, 4);

	what_if.result = (ReturnSetInfo *) fcinfo->resultinfo;
	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return (Datum) 0;

	what_if.place = mlops_call_site_place(fcinfo, PG_GETARG_TEXT_PP(0), 0);
	mlops_place_predict(what_if.place, PG_GETARG_HEAPTUPLEHEADER(1));
	what_if.class = mlops_class_choose(what_if.place, label);
	what_if.before = mlops_outcome(what_if.place->predictor->version,
								   what_if.place->outputs, what_if.class);
	find_changed(&what_if, mlops_required_text(fcinfo, 2, "feature"));
	if (!PG_ARGISNULL(3))
		try_candidates(&what_if, PG_GETARG_ARRAYTYPE_P(3));
	else
		try_baseline(&what_if);
	return (Datum) 0;
}

/* The column of that name, else the feature; 42703 if there is neither. */
static void
find_changed(WhatIf *what_if, const char *name)
{
	const MlopsSignature *signature = what_if->place->predictor->signature;

	for (int i = 0; i < signature->n_inputs; i++)
		if (strcmp(signature->inputs[i].name, name) == 0)
		{
			what_if->attribute = mlops_place_attribute(what_if->place, i);
			what_if->feature = signature->inputs[i].first_feature;
			return;
		}
	what_if->attribute = -1;
	what_if->feature = mlops_feature_find(signature, name);
}

/* Predict the row with each of the candidates. */
static void
try_candidates(WhatIf *what_if, ArrayType *candidates)
{
	MlopsPlace *place = what_if->place;
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	deconstruct_array(candidates, TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		char	   *candidate = nulls[i] ? NULL :
			TextDatumGetCString(elements[i]);

		CHECK_FOR_INTERRUPTS();
		put_candidate(what_if, candidate);
		mlops_forest_predict(place->predictor->forest, place->features,
							 place->outputs);
		add_result(what_if, candidate);
	}
}

/* Put the candidate, NULL for a missing value, into the place's features. */
static void
put_candidate(WhatIf *what_if, char *candidate)
{
	MlopsPlace *place = what_if->place;
	int			i = what_if->attribute;
	Form_pg_attribute attribute;
	Oid			type;
	int32		typmod;
	Oid			function;
	Oid			parameter;

	if (i < 0)
	{
		place->features[what_if->feature] = candidate == NULL ?
			get_float4_nan() :
			(float) DatumGetFloat8(DirectFunctionCall1(float8in,
													   CStringGetDatum(candidate)));
		return;
	}
	place->nulls[i] = (candidate == NULL);
	if (candidate != NULL)
	{
		attribute = TupleDescAttr(place->tupdesc, i);
		/* of a domain the type below: a constraint might run anything */
		typmod = attribute->atttypmod;
		type = getBaseTypeAndTypmod(attribute->atttypid, &typmod);
		getTypeInputInfo(type, &function, &parameter);
		place->values[i] = OidInputFunctionCall(function, candidate,
												parameter, typmod);
	}
	(void) mlops_encode_row(place->encoder, place->values, place->nulls,
							place->features);
}

/*
 * Predict the row with values that the version was trained on.  They are
 * training data, which not everybody may read who may predict.
 */
static void
try_baseline(WhatIf *what_if)
{
	const MlopsPredictor *predictor = what_if->place->predictor;
	const MlopsSignature *signature = predictor->signature;
	const MlopsInput *input = mlops_feature_input(signature,
												  what_if->feature);
	MlopsBaseline *baseline;

	if (what_if->attribute >= 0 && input->n_features > 1)
		(void) mlops_feature_find(signature, input->name);	/* an error */
	if (input->kind == MLOPS_INPUT_BOOLEAN)
	{
		try_feature(what_if, 0, "false");
		try_feature(what_if, 1, "true");
		return;
	}
	check_may_read(what_if);
	baseline = mlops_baseline_values(predictor->version->version_id,
									 signature->feature_names[what_if->feature],
									 ActiveSnapshotSet() ?
									 GetActiveSnapshot() : NULL);
	if (signature->categorical[what_if->feature])
		try_categories(what_if, baseline);
	else
		try_numbers(what_if, baseline);
}

/* 42501 unless the current role may read what the model was trained on. */
static void
check_may_read(const WhatIf *what_if)
{
	const char *name = what_if->place->reference.model;
	const MlopsModel *model = mlops_model_lookup(name, NULL, false);

	if (!mlops_model_allows(model, GetUserId(), MLOPS_READ))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for model \"%s\"", name),
				 errdetail("Values of its training rows need the privilege read."),
				 errhint("Give the candidates.")));
}

/* Try quantiles of the training rows; 55000 if none are stored. */
static void
try_numbers(WhatIf *what_if, const MlopsBaseline *baseline)
{
	const MlopsSignature *signature = what_if->place->predictor->signature;
	float		last = get_float4_nan();

	if (baseline == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no values of feature \"%s\" are stored",
						signature->feature_names[what_if->feature]),
				 errhint("Give the candidates.")));
	for (int i = 0; i < GRID_POINTS && baseline->n_quantiles > 0; i++)
	{
		int			at = (i * (baseline->n_quantiles - 1) +
						  (GRID_POINTS - 1) / 2) / (GRID_POINTS - 1);
		float		value = (float) baseline->quantiles[at];

		if (value == last)
			continue;
		try_feature(what_if, value, mlops_float_text(value));
		last = value;
	}
}

/* Try the most frequent categories, or all if it is not known which. */
static void
try_categories(WhatIf *what_if, const MlopsBaseline *baseline)
{
	const MlopsInput *input =
		mlops_feature_input(what_if->place->predictor->signature,
							what_if->feature);

	if (baseline == NULL)
	{
		for (int i = 0; i < input->n_categories; i++)
			try_feature(what_if, i, input->categories[i]);
		return;
	}
	for (int i = 0; i < baseline->n_categories; i++)
	{
		int			code = 0;

		/* those of a model from elsewhere are in no order */
		while (code < input->n_categories &&
			   strcmp(input->categories[code], baseline->categories[i]) != 0)
			code++;
		if (code < input->n_categories)
			try_feature(what_if, code, input->categories[code]);
	}
}

/* Predict the row with this value of the feature. */
static void
try_feature(WhatIf *what_if, float value, const char *text)
{
	MlopsPlace *place = what_if->place;

	CHECK_FOR_INTERRUPTS();
	place->features[what_if->feature] = value;
	mlops_forest_predict(place->predictor->forest, place->features,
						 place->outputs);
	add_result(what_if, text);
}

/* Return what the place's outputs say. */
static void
add_result(WhatIf *what_if, const char *value)
{
	const MlopsVersion *version = what_if->place->predictor->version;
	const float *outputs = what_if->place->outputs;
	double		outcome = mlops_outcome(version, outputs, what_if->class);
	Datum		values[4] = {0};
	bool		nulls[4] = {value == NULL, false, false,
	version->n_classes == 0};

	if (value != NULL)
		values[0] = CStringGetTextDatum(value);
	values[1] = Float8GetDatum(outcome);
	values[2] = Float8GetDatum(outcome - what_if->before);
	if (version->n_classes > 0)
	{
		int			class = mlops_class_predicted(version, outputs);

		values[3] = CStringGetTextDatum(version->classes[class]);
	}
	tuplestore_putvalues(what_if->result->setResult, what_if->result->setDesc,
						 values, nulls);
}
