/*
 * field.h
 *		One column of a row type, bound: how its values become features.
 *
 * Private to data/.  Training and prediction convert with the code here, so
 * that they cannot differ.  How is decided once, when the column is bound;
 * a row costs a switch per column.
 */
#ifndef MLOPS_FIELD_H
#define MLOPS_FIELD_H

#include "data/dictionary.h"
#include "data/signature.h"
#include "datatype/timestamp.h"
#include "pgtime.h"
#include "utils/float.h"
#include "utils/typcache.h"

/* What a value is read as.  The order matters: see the macros below. */
typedef enum MlopsConversion
{
	MLOPS_FROM_INT2,
	MLOPS_FROM_INT4,
	MLOPS_FROM_INT8,
	MLOPS_FROM_FLOAT4,
	MLOPS_FROM_FLOAT8,
	MLOPS_FROM_NUMERIC,
	MLOPS_FROM_BOOL,
	MLOPS_FROM_INTERVAL,
	MLOPS_FROM_DATE,
	MLOPS_FROM_TIMESTAMP,
	MLOPS_FROM_TIMESTAMPTZ,
	MLOPS_FROM_TIME,
	MLOPS_FROM_TIMETZ,
	MLOPS_FROM_INET,			/* cidr too */
	MLOPS_FROM_MACADDR,
	MLOPS_FROM_MACADDR8,
	MLOPS_FROM_ARRAY,			/* of numbers */
	MLOPS_FROM_BOOL_ARRAY,
	MLOPS_FROM_BITS,			/* bit and varbit */
	MLOPS_FROM_RANGE,			/* of numbers */
	MLOPS_FROM_INT_RANGE,
	MLOPS_FROM_DATERANGE,
	MLOPS_FROM_TSRANGE,
	MLOPS_FROM_TSTZRANGE,
	MLOPS_FROM_TEXT,			/* varchar too */
	MLOPS_FROM_BPCHAR,
	MLOPS_FROM_NAME,
	MLOPS_FROM_CHAR,			/* the type "char" */
	MLOPS_FROM_UUID,
	MLOPS_FROM_ENUM
} MlopsConversion;

#define MLOPS_IS_NUMBER(c)		((c) <= MLOPS_FROM_NUMERIC)
#define MLOPS_IS_INTEGER(c)		((c) <= MLOPS_FROM_INT8)
#define MLOPS_IS_SCALAR(c)		((c) <= MLOPS_FROM_INTERVAL)
#define MLOPS_IS_ARRAY(c) \
	((c) >= MLOPS_FROM_ARRAY && (c) <= MLOPS_FROM_BITS)
#define MLOPS_IS_RANGE(c) \
	((c) >= MLOPS_FROM_RANGE && (c) <= MLOPS_FROM_TSTZRANGE)
#define MLOPS_IS_CATEGORY(c)	((c) >= MLOPS_FROM_TEXT)

typedef struct MlopsEnumLabel
{
	Oid			oid;
	const char *label;
} MlopsEnumLabel;

typedef struct MlopsField
{
	int			attribute;		/* index of its value in the row */
	MlopsConversion conversion;
	MlopsInputKind kind;
	int			first_feature;
	int			n_features;
	MlopsDictionary *dictionary;	/* of a category, else NULL */
	pg_tz	   *zone;			/* of a timestamptz, else NULL */
	int			n_labels;		/* of an enum: its labels by oid */
	MlopsEnumLabel *labels;
	/* of an array or range: how its elements or bounds are read and stored */
	MlopsConversion element;
	int16		element_length;
	bool		element_by_value;
	char		element_align;
	TypeCacheEntry *range;		/* of a range, else NULL */
	char	   *name;			/* of an array's column, for messages */
	const uint64 *rows_before;	/* training: rows read before this one, for
								 * messages; prediction: NULL */
} MlopsField;

/* The bytes of a category, from _open until _close. */
typedef struct MlopsBytes
{
	const char *bytes;
	int			length;
	void	   *owned;			/* what _close frees, or NULL */
	char		buffer[NAMEDATALEN];
} MlopsBytes;

/*
 * How values of the type are read, domains seen through; false: cannot be.
 * The result for a type is the same for ever: kinds of inputs are stored.
 */
extern bool mlops_conversion_of(Oid type, MlopsConversion *conversion);
extern MlopsInputKind mlops_conversion_kind(MlopsConversion conversion);

/*
 * Bind a column of the type, whose conversion is known, to an input; the
 * attribute and the dictionary are the caller's.  Palloc'd is what it needs;
 * it does not point to the input.
 */
extern void mlops_field_bind(MlopsField *field, Oid type,
							 const MlopsInput *input, const char *time_zone);

/*
 * Parts that a value of the kind yields: their number (of arrays 0, they
 * differ) and their names, NULL if it is one feature called like the column.
 */
extern int	mlops_kind_features(MlopsInputKind kind);
extern const char *mlops_kind_part(MlopsInputKind kind, int part);

/* Labels by oid of an enum, or of a domain over it; palloc'd. */
extern MlopsEnumLabel *mlops_enum_labels(Oid enum_type, int *n_labels);

/* What the label of an enum sorts by. */
extern double mlops_enum_position(Oid enum_type, const char *label);

/* The time zone by its name; XX001 if the server does not know it. */
extern pg_tz *mlops_time_zone(const char *name);

extern void mlops_bytes_open(const MlopsField *field, Datum value,
							 MlopsBytes *bytes);
extern void mlops_bytes_close(MlopsBytes *bytes);

/*
 * The features of a value that is neither scalar nor category.  What it does
 * not have, such as the parts of an infinite date, is NaN.  22023 for an
 * array of another length.
 */
extern void mlops_field_parts(const MlopsField *field, Datum value,
							  float *features);

/* --- the parts by family: calendar.c, array.c, range.c ------------------- */

/* The parts of a date or timestamp; returns the place behind them. */
extern float *mlops_moment_parts(MlopsConversion conversion, bool with_hour,
								 pg_tz *zone, Datum value, float *features);
extern void mlops_time_parts(Datum value, float *features);
extern void mlops_timetz_parts(Datum value, float *features);

extern void mlops_array_features(const MlopsField *field, Datum value,
								 float *features);
extern void mlops_bit_features(const MlopsField *field, Datum value,
							   float *features);
extern void mlops_range_features(const MlopsField *field, Datum value,
								 float *features);

/* Seconds of an interval, a month being 30 days; infinite if it is that. */
extern double mlops_interval_seconds(const Interval *interval);

/* A numeric as the nearest double; out of range is infinite. */
extern double mlops_numeric_to_double(Datum value);

/*
 * A number, boolean or interval as a double.
 */
static inline double
mlops_scalar(MlopsConversion conversion, Datum value)
{
	switch (conversion)
	{
		case MLOPS_FROM_FLOAT8:
			return DatumGetFloat8(value);
		case MLOPS_FROM_FLOAT4:
			return DatumGetFloat4(value);
		case MLOPS_FROM_INT4:
			return DatumGetInt32(value);
		case MLOPS_FROM_INT8:
			return (double) DatumGetInt64(value);
		case MLOPS_FROM_INT2:
			return DatumGetInt16(value);
		case MLOPS_FROM_BOOL:
			return DatumGetBool(value) ? 1.0 : 0.0;
		case MLOPS_FROM_INTERVAL:
			return mlops_interval_seconds((const Interval *)
										  DatumGetPointer(value));
		default:
			return mlops_numeric_to_double(value);
	}
}

#endif							/* MLOPS_FIELD_H */
