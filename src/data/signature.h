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
	MLOPS_INPUT_TIMESTAMPTZ		/* the same, in the signature's time zone */
} MlopsInputKind;

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
	char	  **feature_names;	/* "distance", "dep_time.hour" */
	bool	   *categorical;	/* per feature */
	char	   *time_zone;		/* for timestamptz; NULL if there is none */
} MlopsSignature;

/*
 * Number the features of the inputs, whose name and kind are set, and name
 * them: the column itself, or "column.part" for dates and timestamps.
 */
extern void mlops_signature_lay_out(MlopsSignature *signature);

extern Jsonb *mlops_signature_to_jsonb(const MlopsSignature *signature);

/* XX001 if the jsonb is no signature. */
extern MlopsSignature *mlops_signature_from_jsonb(Jsonb *jsonb);

#endif							/* MLOPS_SIGNATURE_H */
