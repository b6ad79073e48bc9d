/*
 * array_input.c
 *		Predictions of arrays of numbers.
 *
 * An array has no names, so it is taken only where no value could be misread:
 * by models all of whose inputs are numbers, booleans or arrays of them.
 * Nothing is allocated per call, but for a value that is out of line.
 */
#include "postgres.h"

#include "access/tupmacs.h"
#include "base/compat.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "serve/call_site.h"
#include "serve/telemetry.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(mlops_predict_array);

/* Features that a message names at most. */
#define LISTED 20

static ArrayType *aligned_array(MlopsPlace *place, Datum argument);
static void require_numbers(const MlopsPlace *place);
static float number(Oid type, Datum value);
static void check_length(const MlopsPlace *place, ArrayType *array);
static char *feature_list(const MlopsSignature *signature);
static void encode_array(const MlopsPlace *place, ArrayType *array);

/* predict_array(model model_ref, input anyarray) returns float8 */
Datum
mlops_predict_array(PG_FUNCTION_ARGS)
{
	MlopsPlace *place = mlops_call_site_place(fcinfo, PG_GETARG_TEXT_PP(0), 0);
	ArrayType  *array;

	mlops_usage_begin_row(place->predictor->usage);
	array = aligned_array(place, PG_GETARG_DATUM(1));
	check_length(place, array);
	if (ARR_ELEMTYPE(array) == FLOAT4OID && !ARR_HASNULL(array))
		memcpy(place->features, ARR_DATA_PTR(array),
			   sizeof(float) * place->predictor->signature->n_features);
	else
		encode_array(place, array);
	mlops_usage_row(place->predictor->usage, 0);
	mlops_place_evaluate(place);
	PG_RETURN_FLOAT8(mlops_place_single(place));
}

/*
 * The array, aligned and with a long header.  A stored one has a short header
 * and lies anywhere: it is copied to the place's scratch memory.  The first
 * call after a change of version checks the inputs as well.
 */
static ArrayType *
aligned_array(MlopsPlace *place, Datum argument)
{
	struct varlena *packed = PG_DETOAST_DATUM_PACKED(argument);
	Size		size;

	if (place->scratch == NULL)
		require_numbers(place);
	size = VARSIZE_ANY_EXHDR(packed) + VARHDRSZ;
	if (place->scratch_size < size)
	{
		place->scratch = MemoryContextAlloc(mlops_place_context(place), size * 2);
		place->scratch_size = size * 2;
	}
	if (!VARATT_IS_SHORT(packed))
		return (ArrayType *) packed;
	SET_VARSIZE(place->scratch, size);
	memcpy(VARDATA(place->scratch), VARDATA_SHORT(packed), size - VARHDRSZ);
	return (ArrayType *) place->scratch;
}

/* 0A000 if an input is something else than numbers. */
static void
require_numbers(const MlopsPlace *place)
{
	const MlopsSignature *signature = place->predictor->signature;

	for (int i = 0; i < signature->n_inputs; i++)
	{
		const MlopsInput *input = &signature->inputs[i];

		if (input->kind != MLOPS_INPUT_NUMBER &&
			input->kind != MLOPS_INPUT_BOOLEAN &&
			!MLOPS_KIND_IS_ARRAY(input->kind))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("model \"%s\" takes more than numbers",
							place->reference.model),
					 errdetail("Column \"%s\" is of type %s.",
							   input->name, input->type_name),
					 errhint("Use mlops.predict() with a row, or mlops.predict_json().")));
	}
}

/* A number or boolean as predict() reads it; 42804 if it is neither. */
static float
number(Oid type, Datum value)
{
	switch (type)
	{
		case FLOAT4OID:
			return DatumGetFloat4(value);
		case FLOAT8OID:
			return (float) DatumGetFloat8(value);
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return (float) DatumGetInt32(value);
		case INT8OID:
			return (float) (double) DatumGetInt64(value);
		case BOOLOID:
			return DatumGetBool(value) ? 1 : 0;
		case NUMERICOID:
			value = DirectFunctionCall1(numeric_float8_no_overflow, value);
			return (float) DatumGetFloat8(value);
		default:
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("input is of type %s[], not numbers",
							format_type_be(type)),
					 errhint("Cast it to real[].")));
	}
}

/* 22023 unless there is one element for each feature. */
static void
check_length(const MlopsPlace *place, ArrayType *array)
{
	int			n = place->predictor->signature->n_features;
	int			given = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("input has %d dimensions, not one",
						ARR_NDIM(array)),
				 errhint("Predict one row at a time.")));
	if (given != n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("input has %d elements, the model takes %d",
						given, n),
				 errdetail_internal("%s", feature_list(place->predictor->signature))));
}

/* The first features in their order, for a message. */
static char *
feature_list(const MlopsSignature *signature)
{
	StringInfoData list;

	initStringInfo(&list);
	appendStringInfoString(&list, "In this order: ");
	for (int i = 0; i < Min(signature->n_features, LISTED); i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "",
						 signature->feature_names[i]);
	appendStringInfoString(&list,
						   signature->n_features > LISTED ? ", ..." : ".");
	return list.data;
}

/* Elements of any type of numbers into features; NULL is missing. */
static void
encode_array(const MlopsPlace *place, ArrayType *array)
{
	Oid			type = ARR_ELEMTYPE(array);
	int			n = place->predictor->signature->n_features;
	bits8	   *present = ARR_NULLBITMAP(array);
	char	   *at = ARR_DATA_PTR(array);
	int16		length;
	bool		by_value;
	char		align;

	get_typlenbyvalalign(type, &length, &by_value, &align);
	for (int i = 0; i < n; i++)
	{
		if (present != NULL && (present[i / 8] & (1 << (i % 8))) == 0)
		{
			place->features[i] = get_float4_nan();
			continue;
		}
		place->features[i] = number(type, fetch_att(at, by_value, length));
		at = att_addlength_pointer(at, length, at);
		at = (char *) att_align_nominal(at, align);
	}
}
