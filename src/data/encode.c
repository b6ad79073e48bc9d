/*
 * encode.c
 *		Rows of any type into the features of a signature.
 *
 * Binding does all that depends on names and types; encoding a row is then a
 * loop over the inputs without catalog access, but for an enum label that
 * came after the binding.
 */
#include "postgres.h"

#include <math.h>

#include "data/encode.h"
#include "data/field.h"
#include "utils/builtins.h"

/*
 * What of a field suffices for the most frequent conversions; fields are
 * large, and a row would touch a cache line or two of each.
 */
typedef struct Step
{
	int32		attribute;
	int32		feature;
	int32		conversion;
} Step;

struct MlopsEncoder
{
	int			n_fields;
	int			n_straight;		/* first ones; see mlops_encode_arguments() */
	MlopsField *fields;
	Step	   *steps;			/* of the fields, in the same order */
};

static pg_attribute_always_inline int encode_field(const MlopsEncoder *encoder,
												   int i, Datum value,
												   bool null,
												   float *features);
static int	encode_other(const MlopsField *field, Datum value, bool null,
						 float *feature);
static bool is_in_order(const MlopsSignature *signature, TupleDesc tupdesc);
static void bind_field(MlopsField *field, const MlopsInput *input, int i,
					   const MlopsSignature *signature, TupleDesc tupdesc);
static int	find_attribute(const MlopsInput *input, TupleDesc tupdesc);
static bool stands_for(MlopsConversion given, MlopsInputKind trained);
static MlopsDictionary *category_dictionary(const MlopsInput *input);
static bool encode_category(const MlopsField *field, Datum value,
							float *feature);

/*
 * The encoder does not point to the signature or the descriptor.
 */
MlopsEncoder *
mlops_encoder_bind(const MlopsSignature *signature, TupleDesc tupdesc)
{
	MlopsEncoder *encoder = palloc0(sizeof(MlopsEncoder));
	bool		in_order = is_in_order(signature, tupdesc);

	encoder->n_fields = signature->n_inputs;
	encoder->fields = palloc0(sizeof(MlopsField) * signature->n_inputs);
	encoder->steps = palloc(sizeof(Step) * signature->n_inputs);
	for (int i = 0; i < signature->n_inputs; i++)
	{
		MlopsField *field = &encoder->fields[i];
		const MlopsInput *input = &signature->inputs[i];

		bind_field(field, input,
				   in_order ? i : find_attribute(input, tupdesc), signature,
				   tupdesc);
		encoder->steps[i] = (Step)
		{
			field->attribute, field->first_feature, field->conversion
		};
		if (encoder->n_straight == i && field->attribute == i &&
			field->first_feature == i &&
			field->conversion == MLOPS_FROM_FLOAT8)
			encoder->n_straight++;
	}
	return encoder;
}

/*
 * What is out of float32's range becomes infinite and is compared as such.
 */
int
mlops_encode_row(const MlopsEncoder *encoder, const Datum *values,
				 const bool *nulls, float *features)
{
	int			unseen = 0;

	for (int i = 0; i < encoder->n_fields; i++)
	{
		int			attribute = encoder->steps[i].attribute;

		unseen += encode_field(encoder, i, values[attribute],
							   nulls[attribute], features);
	}
	return unseen;
}

/*
 * Columns that the planner bound are in the order of the features; where these
 * are float8, nothing has to be looked up.
 */
int
mlops_encode_arguments(const MlopsEncoder *encoder,
					   const NullableDatum *arguments, float *features)
{
	int			n_straight = encoder->n_straight;
	int			unseen = 0;

	for (int i = 0; i < n_straight; i++)
		features[i] = unlikely(arguments[i].isnull) ? get_float4_nan() :
			(float) DatumGetFloat8(arguments[i].value);
	for (int i = n_straight; i < encoder->n_fields; i++)
	{
		const NullableDatum *argument =
			&arguments[encoder->steps[i].attribute];

		unseen += encode_field(encoder, i, argument->value, argument->isnull,
							   features);
	}
	return unseen;
}

int
mlops_encode_numbered(const MlopsEncoder *encoder, const int16 *numbers,
					  const Datum *values, const bool *nulls, float *features)
{
	int			n_straight = encoder->n_straight;
	int			unseen = 0;

	for (int i = 0; i < n_straight; i++)
	{
		int			k = numbers[i] - 1;

		features[i] = unlikely(nulls[k]) ? get_float4_nan() :
			(float) DatumGetFloat8(values[k]);
	}
	for (int i = n_straight; i < encoder->n_fields; i++)
	{
		int			k = numbers[encoder->steps[i].attribute] - 1;

		unseen += encode_field(encoder, i, values[k], nulls[k], features);
	}
	return unseen;
}

bool
mlops_encoder_is_lasting(const MlopsEncoder *encoder)
{
	for (int i = 0; i < encoder->n_fields; i++)
		if (encoder->steps[i].conversion == MLOPS_FROM_ENUM)
			return false;
	return true;
}

bool
mlops_encodes_surely(Oid type)
{
	MlopsConversion conversion;

	return mlops_conversion_of(type, &conversion) &&
		!MLOPS_IS_ARRAY(conversion) && conversion != MLOPS_FROM_ENUM;
}

bool
mlops_input_takes(const MlopsInput *input, Oid type)
{
	MlopsConversion conversion;

	return mlops_conversion_of(type, &conversion) &&
		stands_for(conversion, input->kind);
}

/*
 * Write the features of field i; 1 if it is an unseen category, else 0.
 */
static pg_attribute_always_inline int
encode_field(const MlopsEncoder *encoder, int i, Datum value, bool null,
			 float *features)
{
	const Step *step = &encoder->steps[i];
	float	   *feature = features + step->feature;

	if (likely(!null))
	{
		if (step->conversion == MLOPS_FROM_FLOAT8)
		{
			*feature = (float) DatumGetFloat8(value);
			return 0;
		}
		if (step->conversion == MLOPS_FROM_FLOAT4)
		{
			*feature = DatumGetFloat4(value);
			return 0;
		}
		if (step->conversion == MLOPS_FROM_INT4)
		{
			*feature = (float) DatumGetInt32(value);
			return 0;
		}
	}
	return encode_other(&encoder->fields[i], value, null, feature);
}

/*
 * The same of any field.
 */
static int
encode_other(const MlopsField *field, Datum value, bool null, float *feature)
{
	if (null)
		for (int part = 0; part < field->n_features; part++)
			feature[part] = get_float4_nan();
	else if (MLOPS_IS_SCALAR(field->conversion))
		*feature = (float) mlops_scalar(field->conversion, value);
	else if (MLOPS_IS_CATEGORY(field->conversion))
		return encode_category(field, value, feature);
	else
		mlops_field_parts(field, value, feature);
	return 0;
}

/*
 * Are the columns just the inputs, in their order?  Inputs have different
 * names, so then there is nothing to be looked for.
 */
static bool
is_in_order(const MlopsSignature *signature, TupleDesc tupdesc)
{
	if (tupdesc->natts != signature->n_inputs)
		return false;
	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);

		if (attribute->attisdropped ||
			strcmp(NameStr(attribute->attname),
				   signature->inputs[i].name) != 0)
			return false;
	}
	return true;
}

/*
 * Bind one input to column i.
 */
static void
bind_field(MlopsField *field, const MlopsInput *input, int i,
		   const MlopsSignature *signature, TupleDesc tupdesc)
{
	Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);

	if (!mlops_conversion_of(attribute->atttypid, &field->conversion) ||
		!stands_for(field->conversion, input->kind))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" has another type than at training",
						input->name),
				 errdetail("The model was trained on %s, given is %s.",
						   input->type_name,
						   format_type_with_typemod(attribute->atttypid,
													attribute->atttypmod)),
				 errhint("Cast the column.")));

	field->attribute = i;
	mlops_field_bind(field, attribute->atttypid, input,
					 signature->time_zone);
	if (field->kind == MLOPS_INPUT_CATEGORY)
		field->dictionary = category_dictionary(input);
}

/*
 * The index of the column with the input's name: 42703 if there is none,
 * 42702 if there are two.
 */
static int
find_attribute(const MlopsInput *input, TupleDesc tupdesc)
{
	int			found = -1;

	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);

		if (attribute->attisdropped ||
			strcmp(NameStr(attribute->attname), input->name) != 0)
			continue;
		if (found >= 0)
			ereport(ERROR,
					(errcode(ERRCODE_AMBIGUOUS_COLUMN),
					 errmsg("column \"%s\" is there twice in the row",
							input->name),
					 errhint("Give one of them another name.")));
		found = i;
	}
	if (found < 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" is missing in the row", input->name),
				 errdetail("The model needs it, of type %s.",
						   input->type_name)));
	return found;
}

/*
 * May a column that is read so stand for one of the trained kind?  Numbers
 * stand for each other, and so do texts; dates and timestamps do where no
 * time zone is involved.  Any other column must be of the trained kind.
 */
static bool
stands_for(MlopsConversion given, MlopsInputKind trained)
{
	switch (trained)
	{
		case MLOPS_INPUT_DATE:
		case MLOPS_INPUT_TIMESTAMP:
			return given == MLOPS_FROM_DATE || given == MLOPS_FROM_TIMESTAMP;
		default:
			return mlops_conversion_kind(given) == trained;
	}
}

/*
 * A dictionary of the input's categories; the code of each is its place.
 */
static MlopsDictionary *
category_dictionary(const MlopsInput *input)
{
	MlopsDictionary *dictionary = mlops_dictionary_create();

	for (int i = 0; i < input->n_categories; i++)
	{
		int			code = mlops_dictionary_add(dictionary,
												input->categories[i],
												strlen(input->categories[i]));

		if (code != i)
			elog(ERROR, "categories of column \"%s\" cannot be loaded",
				 input->name);
	}
	return dictionary;
}

/*
 * The place of a category; unseen ones are missing, and the result is true.
 */
static bool
encode_category(const MlopsField *field, Datum value, float *feature)
{
	MlopsBytes	bytes;
	int			code;

	mlops_bytes_open(field, value, &bytes);
	code = mlops_dictionary_find(field->dictionary, bytes.bytes,
								 bytes.length);
	mlops_bytes_close(&bytes);
	*feature = code < 0 ? get_float4_nan() : (float) code;
	return code < 0;
}
