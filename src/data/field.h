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
#include "pgtime.h"
#include "utils/float.h"

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
	MLOPS_FROM_DATE,
	MLOPS_FROM_TIMESTAMP,
	MLOPS_FROM_TIMESTAMPTZ,
	MLOPS_FROM_TEXT,			/* varchar too */
	MLOPS_FROM_BPCHAR,
	MLOPS_FROM_NAME,
	MLOPS_FROM_CHAR,			/* the type "char" */
	MLOPS_FROM_ENUM
} MlopsConversion;

#define MLOPS_IS_NUMBER(c)		((c) <= MLOPS_FROM_NUMERIC)
#define MLOPS_IS_INTEGER(c)		((c) <= MLOPS_FROM_INT8)
#define MLOPS_IS_SCALAR(c)		((c) <= MLOPS_FROM_BOOL)
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
} MlopsField;

/* The bytes of a category, from _open until _close. */
typedef struct MlopsBytes
{
	const char *bytes;
	int			length;
	void	   *owned;			/* what _close frees, or NULL */
	char		buffer[NAMEDATALEN];
} MlopsBytes;

/* How values of the type are read, domains seen through; false: cannot be. */
extern bool mlops_conversion_of(Oid type, MlopsConversion *conversion);
extern MlopsInputKind mlops_conversion_kind(MlopsConversion conversion);

/* Parts that a date or timestamp yields: their number, their names. */
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

/* The parts of a date or timestamp, NaN if it is infinite. */
extern void mlops_field_parts(const MlopsField *field, Datum value,
							  float *features);

/* A numeric as the nearest double; out of range is infinite. */
extern double mlops_numeric_to_double(Datum value);

/*
 * A number or boolean as a double.
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
		default:
			return mlops_numeric_to_double(value);
	}
}

#endif							/* MLOPS_FIELD_H */
