/*
 * signature.h
 *		What a version takes: its input columns, by name, and how each becomes
 *		features.
 *
 * A signature is the preprocessing as fitted.  It is stored with the version
 * as jsonb, and the same code applies it in training and in prediction.
 */
#ifndef MLOPS_SIGNATURE_H
#define MLOPS_SIGNATURE_H

#include "utils/jsonb.h"

/* How a column becomes features. */
typedef enum MlopsInputKind
{
	MLOPS_INPUT_NUMBER,			/* one feature: its value */
	MLOPS_INPUT_BOOLEAN,		/* one feature: 0 or 1 */
	MLOPS_INPUT_CATEGORY,		/* one feature: its place in categories */
	MLOPS_INPUT_DATE,			/* day of week, day of month, ... */
	MLOPS_INPUT_TIMESTAMP,		/* hour besides */
	MLOPS_INPUT_TIMESTAMPTZ,	/* the same, in the signature's time zone */
	MLOPS_INPUT_INTERVAL,		/* one feature: seconds */
	MLOPS_INPUT_TIME,			/* hour, minute */
	MLOPS_INPUT_TIMETZ,			/* the same, and utc_offset */
	MLOPS_INPUT_INET,			/* family, masklen, four octets */
	MLOPS_INPUT_MACADDR,		/* three octets, local */
	MLOPS_INPUT_ARRAY,			/* a feature for each of its numbers */
	MLOPS_INPUT_BITS,			/* the same of booleans or bits: 0 or 1 */
	MLOPS_INPUT_RANGE,			/* lower, upper, width */
	MLOPS_INPUT_INTRANGE,		/* the same; an integer's upper is exclusive */
	MLOPS_INPUT_DATERANGE,		/* parts of lower and upper, width in days */
	MLOPS_INPUT_TSRANGE,		/* the same with hours, width in seconds */
	MLOPS_INPUT_TSTZRANGE		/* the same, in the signature's time zone */
} MlopsInputKind;

#define MLOPS_KIND_IS_ARRAY(kind) \
	((kind) == MLOPS_INPUT_ARRAY || (kind) == MLOPS_INPUT_BITS)
#define MLOPS_KIND_HAS_ZONE(kind) \
	((kind) == MLOPS_INPUT_TIMESTAMPTZ || (kind) == MLOPS_INPUT_TSTZRANGE)

/* Features that a stored signature may have. */
#define MLOPS_SIGNATURE_FEATURES	(1 << 20)

typedef struct MlopsInput
{
	char	   *name;			/* column name */
	char	   *type_name;		/* at training, as format_type writes it */
	MlopsInputKind kind;
	int			first_feature;	/* its features are first .. first + n - 1 */
	int			n_features;
	int			n_categories;	/* in the order of their codes */
	char	  **categories;
} MlopsInput;

typedef struct MlopsSignature
{
	int			n_inputs;
	MlopsInput *inputs;
	int			n_features;
	char	  **feature_names;	/* "distance", "dep_time.hour", "v[1]" */
	bool	   *categorical;	/* per feature */
	char	   *time_zone;		/* if a kind has one, else NULL */
} MlopsSignature;

/*
 * Number the features of the inputs, whose name and kind are set, of arrays
 * n_features too, and name them: the column itself, "column.part", or
 * "column[1]" and so on for arrays.
 */
extern void mlops_signature_lay_out(MlopsSignature *signature);

extern Jsonb *mlops_signature_to_jsonb(const MlopsSignature *signature);

/* XX001 if the jsonb is no signature. */
extern MlopsSignature *mlops_signature_from_jsonb(Jsonb *jsonb);

#endif							/* MLOPS_SIGNATURE_H */
