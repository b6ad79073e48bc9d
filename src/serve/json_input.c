/*
 * json_input.c
 *		Predictions of JSON objects.
 *
 * The members become a row of types that stand for the trained ones, and that
 * row goes through the same encoder as any other, so the features cannot
 * differ from predict()'s.  Numbers stay numeric, which loses nothing, but
 * for real: the text of a real is read as a real again, since rounding it
 * twice could give its neighbour.
 */
#include "postgres.h"

#include <stdlib.h>

#include "base/compat.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "serve/call_site.h"
#include "serve/telemetry.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

PG_FUNCTION_INFO_V1(mlops_predict_json);

/* How the member of a name is read. */
typedef struct Member
{
	const char *name;
	int			name_length;
	const char *type_name;		/* at training */
	Oid			type;			/* that its value is made */
	FmgrInfo	input;			/* of the type */
	Oid			input_parameter;
} Member;

/* What a place keeps for objects; lives with the version. */
typedef struct MlopsJsonInput
{
	int			n_members;
	Member	   *members;
	MlopsEncoder *encoder;		/* of a row with one column per member */
	Datum	   *values;
	bool	   *nulls;
} MlopsJsonInput;

static MlopsJsonInput *json_input(MlopsPlace *place);
static Oid	member_type(const MlopsInput *input);
static Oid	trained_type(const char *name);
static void require_object(const Jsonb *input);
static Datum member_value(Member *member, const JsonbValue *value,
						  bool *null);
static Datum number_value(const Member *member, Numeric number);
static char *number_text(Numeric number);
static Datum text_value(Member *member, char *string);
static char *array_literal(const Member *member, JsonbContainer *array);
static void wrong_value(const Member *member, const char *given)
			pg_attribute_noreturn();

/* predict_json(model model_ref, input jsonb) returns float8 */
Datum
mlops_predict_json(PG_FUNCTION_ARGS)
{
	MlopsPlace *place = mlops_call_site_place(fcinfo, PG_GETARG_TEXT_PP(0), 0);
	Jsonb	   *input = PG_GETARG_JSONB_P(1);
	MlopsJsonInput *json;
	int			unseen;

	mlops_usage_begin_row(place->predictor->usage);
	json = json_input(place);
	require_object(input);
	for (int i = 0; i < json->n_members; i++)
	{
		Member	   *member = &json->members[i];
		JsonbValue	buffer;
		JsonbValue *value = getKeyJsonValueFromContainer(&input->root,
														 member->name,
														 member->name_length,
														 &buffer);

		if (value == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" is missing in the JSON object",
							member->name),
					 errdetail("The model needs it, of type %s.",
							   member->type_name),
					 errhint("A missing value is written as null.")));
		json->values[i] = member_value(member, value, &json->nulls[i]);
	}
	unseen = mlops_encode_row(json->encoder, json->values, json->nulls,
							  place->features);
	mlops_usage_row(place->predictor->usage, unseen);
	mlops_place_evaluate(place);
	PG_RETURN_FLOAT8(mlops_place_single(place));
}

/* What the place needs to read objects; made at the first call. */
static MlopsJsonInput *
json_input(MlopsPlace *place)
{
	const MlopsSignature *signature = place->predictor->signature;
	int			n = signature->n_inputs;
	MemoryContext old_context;
	MlopsJsonInput *json;
	TupleDesc	tupdesc;

	if (place->json != NULL)
		return place->json;
	old_context = MemoryContextSwitchTo(mlops_place_context(place));
	json = palloc0(sizeof(MlopsJsonInput));
	json->n_members = n;
	json->members = palloc0(sizeof(Member) * n);
	json->values = palloc(sizeof(Datum) * n);
	json->nulls = palloc(sizeof(bool) * n);
	tupdesc = CreateTemplateTupleDesc(n);
	for (int i = 0; i < n; i++)
	{
		Member	   *member = &json->members[i];
		Oid			function;

		member->name = signature->inputs[i].name;
		member->name_length = strlen(member->name);
		member->type_name = signature->inputs[i].type_name;
		member->type = member_type(&signature->inputs[i]);
		getTypeInputInfo(member->type, &function, &member->input_parameter);
		fmgr_info_cxt(function, &member->input, mlops_place_context(place));
		TupleDescInitEntry(tupdesc, i + 1, member->name, member->type, -1, 0);
	}
	json->encoder = mlops_encoder_bind(signature, tupdesc);
	MemoryContextSwitchTo(old_context);
	place->json = json;
	return json;
}

/*
 * The type that a member of the object is made: one that the encoder takes
 * for the input, and that holds every value a row may have there.
 */
static Oid
member_type(const MlopsInput *input)
{
	Oid			type;

	switch (input->kind)
	{
		case MLOPS_INPUT_BOOLEAN:
			return BOOLOID;
		case MLOPS_INPUT_DATE:
			return DATEOID;
		case MLOPS_INPUT_TIMESTAMP:
			return TIMESTAMPOID;
		case MLOPS_INPUT_TIMESTAMPTZ:
			return TIMESTAMPTZOID;
		default:
			break;
	}
	type = trained_type(input->type_name);
	if (input->kind == MLOPS_INPUT_NUMBER)
		return type == FLOAT4OID ? FLOAT4OID : NUMERICOID;
	if (input->kind == MLOPS_INPUT_CATEGORY)
		return type == BPCHAROID || type == UUIDOID ? type : TEXTOID;
	if (!OidIsValid(type))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("type \"%s\" does not exist", input->type_name),
				 errdetail("The model was trained on column \"%s\" of this type.",
						   input->name),
				 errhint("Use mlops.predict() with a row.")));
	return type;
}

/* The type of that name without domains; InvalidOid if there is none. */
static Oid
trained_type(const char *name)
{
	LOCAL_FCINFO(fcinfo, 1);
	Datum		type;

	InitFunctionCallInfoData(*fcinfo, NULL, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = CStringGetTextDatum(name);
	fcinfo->args[0].isnull = false;
	type = to_regtype(fcinfo);
	return fcinfo->isnull ? InvalidOid : getBaseType(DatumGetObjectId(type));
}

/* 22023 unless the input is one object. */
static void
require_object(const Jsonb *input)
{
	if (JB_ROOT_IS_OBJECT(input))
		return;
	if (JB_ROOT_IS_ARRAY(input) && !JB_ROOT_IS_SCALAR(input))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("input is a JSON array, not an object"),
				 errhint("Predict its elements one by one, FROM jsonb_array_elements(...).")));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("input is no JSON object"),
			 errhint("Give an object with a member for each column.")));
}

/* A member's value in the member's type. */
static Datum
member_value(Member *member, const JsonbValue *value, bool *null)
{
	bool		is_text = member->type == TEXTOID || member->type == BPCHAROID;

	*null = value->type == jbvNull;
	switch (value->type)
	{
		case jbvNull:
			return (Datum) 0;
		case jbvNumeric:
			return number_value(member, value->val.numeric);
		case jbvBool:
			if (member->type == BOOLOID)
				return BoolGetDatum(value->val.boolean);
			if (is_text)
				return CStringGetTextDatum(value->val.boolean ? "true" : "false");
			wrong_value(member, "a boolean");
		case jbvString:
			if (is_text)
				return PointerGetDatum(cstring_to_text_with_len(value->val.string.val,
																value->val.string.len));
			return text_value(member, pnstrdup(value->val.string.val,
											   value->val.string.len));
		default:
			if (!JsonContainerIsArray(value->val.binary.data) ||
				!OidIsValid(get_element_type(member->type)))
				wrong_value(member,
							JsonContainerIsArray(value->val.binary.data) ?
							"an array" : "an object");
			return text_value(member,
							  array_literal(member, value->val.binary.data));
	}
}

/* A JSON number in the member's type. */
static Datum
number_value(const Member *member, Numeric number)
{
	switch (member->type)
	{
		case NUMERICOID:
			return NumericGetDatum(number);
		case FLOAT4OID:
			return Float4GetDatum(strtof(number_text(number), NULL));
		case TEXTOID:
		case BPCHAROID:
			return CStringGetTextDatum(number_text(number));
		default:
			wrong_value(member, "a number");
	}
}

/* A number as it is written. */
static char *
number_text(Numeric number)
{
	Datum		text = DirectFunctionCall1(numeric_out,
										   NumericGetDatum(number));

	return DatumGetCString(text);
}

/*
 * A text by the input function of the member's type, whose errors are given
 * the column's name.
 */
static Datum
text_value(Member *member, char *string)
{
	MemoryContext context = CurrentMemoryContext;
	volatile Datum value = (Datum) 0;

	PG_TRY();
	{
		value = InputFunctionCall(&member->input, string,
								  member->input_parameter, -1);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		error->message = psprintf("column \"%s\" of the JSON object: %s",
								  member->name, error->message);
		ReThrowError(error);
	}
	PG_END_TRY();
	return value;
}

/* A JSON array of numbers and booleans as the text of an array. */
static char *
array_literal(const Member *member, JsonbContainer *array)
{
	StringInfoData text;
	JsonbIterator *iterator = JsonbIteratorInit(array);
	JsonbIteratorToken token;
	JsonbValue	value;
	bool		first = true;

	initStringInfo(&text);
	appendStringInfoChar(&text, '{');
	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		if (token == WJB_BEGIN_ARRAY && text.len == 1)
			continue;
		if (token == WJB_END_ARRAY)
			break;
		if (token != WJB_ELEM)
			wrong_value(member, "a nested array");
		if (!first)
			appendStringInfoChar(&text, ',');
		first = false;
		if (value.type == jbvNumeric)
			appendStringInfoString(&text, number_text(value.val.numeric));
		else if (value.type == jbvBool)
			appendStringInfoString(&text, value.val.boolean ? "t" : "f");
		else if (value.type == jbvNull)
			appendStringInfoString(&text, "NULL");
		else
			appendStringInfoString(&text,
								   quote_identifier(pnstrdup(value.val.string.val,
															 value.val.string.len)));
	}
	appendStringInfoChar(&text, '}');
	return text.data;
}

/* Refuse a value of the wrong JSON type. */
static void
wrong_value(const Member *member, const char *given)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("column \"%s\" of the JSON object is %s",
					member->name, given),
			 errdetail("The model was trained on %s.", member->type_name)));
}
