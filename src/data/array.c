/*
 * array.c
 *		Arrays of numbers, arrays of booleans and bit strings: a feature for
 *		each element.
 *
 * All values of a column have the length that the signature was given; where
 * training finds it, a value that is not NULL says it.  Elements are read in
 * place, nothing is allocated but for a value that is toasted.
 */
#include "postgres.h"

#include "access/tupmacs.h"
#include "base/compat.h"
#include "data/plan.h"
#include "executor/tuptable.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/varbit.h"

/* Takes the lengths that one row of the probe gives. */
typedef struct LengthReceiver
{
	DestReceiver pub;
	bool		found;
	int		   *lengths;		/* by column of the source; -1: not known */
	int			n;
	const int  *columns;		/* indexes, as the statement has them */
} LengthReceiver;

static void no_length_error(const MlopsSource *source, int column,
							const char *what) pg_attribute_noreturn();
static void check_shape(const MlopsField *field, ArrayType *array);
static void take_elements(const MlopsField *field, ArrayType *array,
						  float *features);
static void length_error(const MlopsField *field, int length)
			pg_attribute_noreturn();
static void shape_error(const MlopsField *field, const char *what)
			pg_attribute_noreturn();
static char *row_detail(const MlopsField *field);
static bool probe(const MlopsSource *source, const char *target,
				  const int *columns, int n, int *lengths);
static bool receive_lengths(TupleTableSlot *slot, DestReceiver *self);
static void no_startup(DestReceiver *self, int operation, TupleDesc row);
static void no_shutdown(DestReceiver *self);

void
mlops_array_features(const MlopsField *field, Datum value, float *features)
{
	ArrayType  *array = DatumGetArrayTypeP(value);

	check_shape(field, array);
	take_elements(field, array, features);
	if ((Pointer) array != DatumGetPointer(value))
		pfree(array);
}

void
mlops_bit_features(const MlopsField *field, Datum value, float *features)
{
	VarBit	   *string = DatumGetVarBitP(value);
	const bits8 *bits = VARBITS(string);

	if (VARBITLEN(string) != field->n_features)
		length_error(field, VARBITLEN(string));
	for (int i = 0; i < field->n_features; i++)
		features[i] = (bits[i / BITS_PER_BYTE] &
					   (HIGHBIT >> i % BITS_PER_BYTE)) != 0;
	if ((Pointer) string != DatumGetPointer(value))
		pfree(string);
}

/*
 * Each statement finds the lengths of all columns that the row has which it
 * finds: mostly one does.
 */
void
mlops_array_lengths(const MlopsSource *source, const char *target,
					List *columns, int *lengths)
{
	int		   *open = palloc(sizeof(int) * Max(list_length(columns), 1));

	for (;;)
	{
		ListCell   *cell;
		int			n = 0;

		foreach(cell, columns)
			if (lengths[lfirst_int(cell)] < 0)
				open[n++] = lfirst_int(cell);
		if (n == 0)
			break;
		if (!probe(source, target, open, n, lengths) ||
			lengths[open[0]] < 0)
			no_length_error(source, open[0], "has no value in any row");
		for (int i = 0; i < n; i++)
			if (lengths[open[i]] == 0)
				no_length_error(source, open[i], "has no elements in a row");
	}
	pfree(open);
}

/*
 * Refuse a column of arrays whose length cannot be known.
 */
static void
no_length_error(const MlopsSource *source, int column, const char *what)
{
	const char *name = source->columns[column].name;

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("array column \"%s\" %s", name, what),
			 errdetail("Each element becomes a feature; a row whose target is not NULL says how many there are."),
			 errhint("Use exclude => %s, or give it as NULL where it is not known.",
					 quote_literal_cstr(name))));
}

/*
 * Refuse an array that is not one of as many elements as there are features.
 */
static void
check_shape(const MlopsField *field, ArrayType *array)
{
	int			length = 0;

	if (ARR_NDIM(array) > 1)
		shape_error(field, psprintf("has %d dimensions, not one",
									ARR_NDIM(array)));
	if (ARR_NDIM(array) == 1)
	{
		length = ARR_DIMS(array)[0];
		if (ARR_LBOUND(array)[0] != 1)
			shape_error(field, psprintf("begins at %d, not at 1",
										ARR_LBOUND(array)[0]));
	}
	if (length != field->n_features)
		length_error(field, length);
}

/*
 * Write the elements; NULL is missing.
 */
static void
take_elements(const MlopsField *field, ArrayType *array, float *features)
{
	const bits8 *present = ARR_NULLBITMAP(array);
	char	   *at = ARR_DATA_PTR(array);

	/* what embeddings are made of */
	if (present == NULL && field->element == MLOPS_FROM_FLOAT4)
	{
		memcpy(features, at, sizeof(float) * field->n_features);
		return;
	}
	if (present == NULL && field->element == MLOPS_FROM_FLOAT8)
	{
		for (int i = 0; i < field->n_features; i++)
			features[i] = (float) ((const float8 *) at)[i];
		return;
	}
	for (int i = 0; i < field->n_features; i++)
	{
		Datum		element;

		if (present != NULL && att_isnull(i, present))
		{
			features[i] = get_float4_nan();
			continue;
		}
		element = fetch_att(at, field->element_by_value,
							field->element_length);
		features[i] = (float) mlops_scalar(field->element, element);
		at = att_addlength_pointer(at, field->element_length, at);
		at = (char *) att_align_nominal(at, field->element_align);
	}
}

/*
 * Refuse a value of another length.
 */
static void
length_error(const MlopsField *field, int length)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("array in column \"%s\" has length %d, not %d",
					field->name, length, field->n_features),
			 errdetail("%s", row_detail(field))));
}

/*
 * Refuse an array of another shape.
 */
static void
shape_error(const MlopsField *field, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("array in column \"%s\" %s", field->name, what),
			 errdetail("%s", row_detail(field))));
}

/*
 * Where a value of another shape was met, and what it should be like.
 */
static char *
row_detail(const MlopsField *field)
{
	if (field->rows_before == NULL)
		return psprintf("The model was trained on arrays of length %d.",
						field->n_features);
	return psprintf("It is so in row " UINT64_FORMAT " of the source; the first array that was found has length %d, and all must have it.",
					*field->rows_before + 1, field->n_features);
}

/*
 * Look for a row in which the first of the columns is not NULL, nor is the
 * target, and note the lengths that it has; false if there is none.
 */
static bool
probe(const MlopsSource *source, const char *target, const int *columns,
	  int n, int *lengths)
{
	LengthReceiver receiver = {0};
	StringInfoData query;

	initStringInfo(&query);
	appendStringInfoString(&query, "SELECT ");
	for (int i = 0; i < n; i++)
		appendStringInfo(&query, "%sc%d", i > 0 ? ", " : "", i);
	appendStringInfo(&query, " FROM (SELECT %s AS label", target);
	for (int i = 0; i < n; i++)
	{
		const MlopsColumn *column = &source->columns[columns[i]];
		MlopsConversion conversion;

		(void) mlops_conversion_of(column->type, &conversion);
		appendStringInfo(&query, ", pg_catalog.%s(%s) AS c%d",
						 conversion == MLOPS_FROM_BITS ? "length" :
						 "cardinality", quote_identifier(column->name), i);
	}
	appendStringInfo(&query, " FROM %s) AS lengths WHERE label IS NOT NULL AND c0 IS NOT NULL LIMIT 1",
					 source->from);

	receiver.pub.receiveSlot = receive_lengths;
	receiver.pub.rStartup = no_startup;
	receiver.pub.rShutdown = no_shutdown;
	receiver.pub.rDestroy = no_shutdown;
	receiver.pub.mydest = DestNone;
	receiver.lengths = lengths;
	receiver.columns = columns;
	receiver.n = n;
	mlops_statement_run(query.data, &receiver.pub);
	pfree(query.data);
	return receiver.found;
}

/*
 * Note the lengths of a row.
 */
static bool
receive_lengths(TupleTableSlot *slot, DestReceiver *self)
{
	LengthReceiver *receiver = (LengthReceiver *) self;

	slot_getallattrs(slot);
	receiver->found = true;
	for (int i = 0; i < receiver->n; i++)
		if (!slot->tts_isnull[i])
			receiver->lengths[receiver->columns[i]] =
				DatumGetInt32(slot->tts_values[i]);
	return true;
}

/*
 * The probe composed its statement itself: nothing to check.
 */
static void
no_startup(DestReceiver *self, int operation, TupleDesc row)
{
}

/*
 * Nothing is held that would have to be released.
 */
static void
no_shutdown(DestReceiver *self)
{
}
