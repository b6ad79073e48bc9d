/*
 * label.h
 *		Values of a target into the labels of a stored version.
 *
 * Private to data/.  Training decides what a target is while it reads it,
 * see target.h; here the version says so.  How values are read is the same.
 */
#ifndef MLOPS_LABEL_H
#define MLOPS_LABEL_H

#include "catalog/catalog.h"
#include "data/dictionary.h"
#include "data/field.h"
#include "data/source.h"
#include "fmgr.h"

/* What mlops_label_of() gives for a class that the version does not know. */
#define MLOPS_LABEL_UNKNOWN	(-1.0)

/* How values of a type are read as labels. */
typedef struct MlopsLabelType
{
	Oid			oid;			/* base type of the target */
	bool		has_conversion;
	MlopsField	field;			/* its conversion and enum labels */
	FmgrInfo	output;
} MlopsLabelType;

typedef struct MlopsLabel
{
	MlopsLabelType type;
	MlopsDictionary *classes;	/* NULL: labels are numbers */
} MlopsLabel;

/* Fill it for a type or a domain; the memory is the current context's. */
extern void mlops_label_type_open(MlopsLabelType *type, Oid oid);

/* Is it a number; a boolean? */
extern bool mlops_label_is_number(const MlopsLabelType *type);
extern bool mlops_label_is_boolean(const MlopsLabelType *type);

/* The number of a value; 22003 unless it is finite as a float4. */
extern double mlops_label_number(const MlopsLabelType *type, Datum value);

/*
 * The text that the class of a value has: of numbers without trailing zeros
 * and without a sign of zero, so that equal ones have one text, of booleans a
 * word; 22003 for numbers that are not finite.  palloc'd.
 */
extern char *mlops_label_text(MlopsLabelType *type, Datum value);

/* The same without a copy where there need be none; mlops_bytes_close() it. */
extern void mlops_label_bytes(MlopsLabelType *type, Datum value,
							  MlopsBytes *bytes);

/*
 * Bind an expression to a version's classes, or to numbers if it has none or
 * version is NULL: 42804 if the expression is of no such type then.
 */
extern MlopsLabel *mlops_label_open(const MlopsExpression *expression,
									const MlopsVersion *version);

/*
 * The label of a value that is not NULL: a number, or the index of a class.
 * 22003 if a number does not fit into float4.  Allocates, now and then, in
 * the current memory context.
 */
extern double mlops_label_of(MlopsLabel *label, Datum value);

#endif							/* MLOPS_LABEL_H */
