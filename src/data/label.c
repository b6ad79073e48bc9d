/*
 * label.c
 *		Values of a target into the labels of a stored version.
 *
 * A class is known by its text, and the text of a value must be the one that
 * it had at training, whatever its type is now: a class 1 of an integer
 * column is found again by the numeric 1.00.  So target.c reads values with
 * what is here.
 */
#include "postgres.h"

#include <math.h>

#include "data/label.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

static void check_number(const MlopsLabel *label,
						 const MlopsExpression *expression, bool ranking);
static void number_error(double number);

MlopsLabel *
mlops_label_open(const MlopsExpression *expression,
				 const MlopsVersion *version)
{
	MlopsLabel *label = palloc0(sizeof(MlopsLabel));

	mlops_label_type_open(&label->type, expression->type);
	if (version == NULL || version->n_classes == 0)
		check_number(label, expression, version != NULL &&
					 strcmp(version->task, "ranking") == 0);
	else
	{
		label->classes = mlops_dictionary_create();
		for (int i = 0; i < version->n_classes; i++)
			(void) mlops_dictionary_add(label->classes, version->classes[i],
										strlen(version->classes[i]));
	}
	return label;
}

double
mlops_label_of(MlopsLabel *label, Datum value)
{
	MlopsBytes	bytes = {0};
	int			code;

	if (label->classes == NULL)
		return mlops_label_number(&label->type, value);
	mlops_label_bytes(&label->type, value, &bytes);
	code = mlops_dictionary_find(label->classes, bytes.bytes, bytes.length);
	mlops_bytes_close(&bytes);
	return code < 0 ? MLOPS_LABEL_UNKNOWN : code;
}

void
mlops_label_type_open(MlopsLabelType *type, Oid oid)
{
	Oid			output;
	bool		is_varlena;

	type->oid = getBaseType(oid);
	type->has_conversion = mlops_conversion_of(type->oid,
											   &type->field.conversion);
	type->field.kind = type->has_conversion ?
		mlops_conversion_kind(type->field.conversion) : MLOPS_INPUT_CATEGORY;
	if (type->has_conversion && type->field.conversion == MLOPS_FROM_ENUM)
		type->field.labels = mlops_enum_labels(type->oid,
											   &type->field.n_labels);
	getTypeOutputInfo(type->oid, &output, &is_varlena);
	fmgr_info(output, &type->output);
}

bool
mlops_label_is_number(const MlopsLabelType *type)
{
	return type->has_conversion && MLOPS_IS_NUMBER(type->field.conversion);
}

bool
mlops_label_is_boolean(const MlopsLabelType *type)
{
	return type->has_conversion && type->field.conversion == MLOPS_FROM_BOOL;
}

double
mlops_label_number(const MlopsLabelType *type, Datum value)
{
	double		number = mlops_scalar(type->field.conversion, value);

	if (isnan(number) || isinf((float) number))
		number_error(number);
	return number;
}

char *
mlops_label_text(MlopsLabelType *type, Datum value)
{
	if (mlops_label_is_boolean(type))
		return pstrdup(DatumGetBool(value) ? "true" : "false");
	if (mlops_label_is_number(type))
	{
		double		number = mlops_scalar(type->field.conversion, value);

		if (isnan(number) || isinf(number))
			number_error(number);
		if (type->field.conversion == MLOPS_FROM_NUMERIC)
			value = DirectFunctionCall1(numeric_trim_scale, value);
		else if (number == 0 && type->field.conversion == MLOPS_FROM_FLOAT8)
			value = Float8GetDatum(0);
		else if (number == 0 && type->field.conversion == MLOPS_FROM_FLOAT4)
			value = Float4GetDatum(0);
	}
	return OutputFunctionCall(&type->output, value);
}

void
mlops_label_bytes(MlopsLabelType *type, Datum value, MlopsBytes *bytes)
{
	if (type->has_conversion && MLOPS_IS_CATEGORY(type->field.conversion))
		mlops_bytes_open(&type->field, value, bytes);
	else
	{
		bytes->owned = mlops_label_text(type, value);
		bytes->bytes = bytes->owned;
		bytes->length = strlen(bytes->bytes);
	}
}

/*
 * Refuse an expression that is no number, where numbers are predicted.  Of a
 * ranking, relevant or not is a relevance.
 */
static void
check_number(const MlopsLabel *label, const MlopsExpression *expression,
			 bool ranking)
{
	if (!mlops_label_is_number(&label->type) &&
		!(ranking && mlops_label_is_boolean(&label->type)))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("target must be a number for this model"),
				 errdetail("It is of type %s.",
						   format_type_with_typemod(expression->type,
													expression->typmod)),
				 errhint("Cast the target, or pass target => with the expression that holds the truth.")));
}

/*
 * Refuse a number that cannot be a label.
 */
static void
number_error(double number)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("target is not a finite number in a row"),
			 errdetail("It is %g; a label is a float4.", number),
			 errhint("Make it NULL, so that the row is skipped.")));
}
