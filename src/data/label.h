/*
 * label.h
 *		Values of a target into the labels of a stored version.
 *
 * Private to data/.  Training decides what a target is while it reads it,
 * see target.h; here the version says so.
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

typedef struct MlopsLabel
{
	Oid			type;			/* base type of the target */
	bool		has_conversion;
	MlopsField	field;			/* its conversion and enum labels */
	FmgrInfo	output;			/* of a type without conversion */
	MlopsDictionary *classes;	/* NULL: labels are numbers */
} MlopsLabel;

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
