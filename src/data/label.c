/*
 * label.c
 *		Values of a target into the labels of a stored version.
 *
 * A class is known by its text, and the text of a value must be the one that
 * it had at training, whatever its type is now: a class 1 of an integer
 * column is found again by the numeric 1.00.  So the rules for the text are
 * those of target.c.
 */
#include "postgres.h"

#include <math.h>

#include "data/label.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

static void check_number(const MlopsLabel *label,
						 const MlopsExpression *expression, bool ranking);
static double checked(double number);
static char *class_text(MlopsLabel *label, Datum value);

MlopsLabel *
mlops_label_open(const MlopsExpression *expression,
				 const MlopsVersion *version)
{
	MlopsLabel *label = palloc0(sizeof(MlopsLabel));
	Oid			output;
	bool		is_varlena;

	label->type = getBaseType(expression->type);
	label->has_conversion = mlops_conversion_of(label->type,
												&label->field.conversion);
	if (label->has_conversion)
		label->field.kind = mlops_conversion_kind(label->field.conversion);
	if (label->has_conversion && label->field.conversion == MLOPS_FROM_ENUM)
		label->field.labels = mlops_enum_labels(label->type,
												&label->field.n_labels);
	getTypeOutputInfo(label->type, &output, &is_varlena);
	fmgr_info(output, &label->output);

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
		return checked(mlops_scalar(label->field.conversion, value));

	if (label->has_conversion && MLOPS_IS_CATEGORY(label->field.conversion))
		mlops_bytes_open(&label->field, value, &bytes);
	else
	{
		bytes.owned = class_text(label, value);
		bytes.bytes = bytes.owned;
		bytes.length = strlen(bytes.bytes);
	}
	code = mlops_dictionary_find(label->classes, bytes.bytes, bytes.length);
	mlops_bytes_close(&bytes);
	return code < 0 ? MLOPS_LABEL_UNKNOWN : code;
}

/*
 * Refuse an expression that is no number, where numbers are predicted.  Of a
 * ranking, relevant or not is a relevance.
 */
static void
check_number(const MlopsLabel *label, const MlopsExpression *expression,
			 bool ranking)
{
	bool		boolean = label->has_conversion &&
		label->field.conversion == MLOPS_FROM_BOOL;

	if (!label->has_conversion ||
		(!MLOPS_IS_NUMBER(label->field.conversion) && !(boolean && ranking)))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("target must be a number for this model"),
				 errdetail("It is of type %s.",
						   format_type_with_typemod(expression->type,
													expression->typmod)),
				 errhint("Cast the target, or pass target => with the expression that holds the truth.")));
}

/*
 * The number, unless it is none that a label can be.
 */
static double
checked(double number)
{
	if (isnan(number) || isinf((float) number))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("target is not a finite number in a row"),
				 errdetail("It is %g; a label is a float4.", number),
				 errhint("Make it NULL, so that the row is skipped.")));
	return number;
}

/*
 * The text of a class: numbers without trailing zeros and without a sign of
 * zero, booleans as words.
 */
static char *
class_text(MlopsLabel *label, Datum value)
{
	if (label->has_conversion && label->field.conversion == MLOPS_FROM_BOOL)
		return pstrdup(DatumGetBool(value) ? "true" : "false");
	if (label->has_conversion && MLOPS_IS_NUMBER(label->field.conversion))
	{
		double		number =
			checked(mlops_scalar(label->field.conversion, value));

		if (label->field.conversion == MLOPS_FROM_NUMERIC)
			value = DirectFunctionCall1(numeric_trim_scale, value);
		else if (number == 0 && label->field.conversion == MLOPS_FROM_FLOAT8)
			value = Float8GetDatum(0);
		else if (number == 0 && label->field.conversion == MLOPS_FROM_FLOAT4)
			value = Float4GetDatum(0);
	}
	return OutputFunctionCall(&label->output, value);
}
