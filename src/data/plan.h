/*
 * plan.h
 *		What a dataset knows between opening and reading.
 *
 * Private to data/.  Everything lives in the memory context that was current
 * at mlops_dataset_open(), dictionaries included.
 */
#ifndef MLOPS_PLAN_H
#define MLOPS_PLAN_H

#include "data/dataset.h"
#include "data/field.h"
#include "data/source.h"
#include "data/target.h"
#include "math/hash.h"

/* How the value of a key column is hashed. */
typedef enum MlopsKeyForm
{
	MLOPS_KEY_WORD,				/* passed by value */
	MLOPS_KEY_FIXED,			/* bytes of a fixed length */
	MLOPS_KEY_BYTES,			/* text-like: its bytes */
	MLOPS_KEY_NUMERIC,			/* without trailing zeros */
	MLOPS_KEY_OUTPUT			/* its text */
} MlopsKeyForm;

typedef struct MlopsKeyPart
{
	int			attribute;
	MlopsKeyForm form;
	int			length;			/* KEY_FIXED */
	MlopsField	field;			/* KEY_BYTES */
	FmgrInfo	output;			/* KEY_OUTPUT */
} MlopsKeyPart;

typedef struct MlopsDatasetPlan
{
	MemoryContext context;

	/* of the statement's columns; the target is the first */
	int			n_attributes;
	Oid		   *types;

	/* the inputs of the signature, in its order */
	int			n_fields;
	MlopsField *fields;
	int			n_dictionaries; /* of them categories */

	MlopsTarget *target;
	int			weight;			/* attribute, or -1 */
	MlopsConversion weight_conversion;
	char	   *weight_name;
	int			time;			/* attribute, or -1 */
	MlopsConversion time_conversion;
	char	   *time_name;
	int			n_key;			/* columns of the key */
	MlopsKeyPart *key;

	double		validation;		/* fractions */
	double		test;
	uint64		seed;

	MlopsRowTap tap;			/* or NULL */
	void	   *tap_arg;

	/* by category input: rows of role TRAIN per category */
	uint64	  **counts;
} MlopsDatasetPlan;

/* --- columns.c --------------------------------------------------------- */

/*
 * Choose the features and make the signature (without categories) and the
 * fields of the plan; compose the statement.
 */
extern void mlops_columns_choose(MlopsDataset *dataset,
								 const MlopsDatasetRequest *request,
								 const MlopsSource *source,
								 const MlopsExpression *target);

/* --- split.c ------------------------------------------------------------ */

/* 22023 unless the fractions leave something to train on. */
extern void mlops_split_check(double validation, double test);

extern void mlops_key_bind(MlopsKeyPart *part, Oid type, int attribute);

/* A hash of the key's values; NULLs are values here. */
extern uint64 mlops_key_hash(const MlopsDatasetPlan *plan,
							 const Datum *values, const bool *nulls);

/* The role of a row by its hash. */
extern MlopsRole mlops_split_by_hash(const MlopsDatasetPlan *plan,
									 uint64 hash);

/* The times from which validation and test begin. */
typedef struct MlopsTimeSplit
{
	int64		validation;
	int64		test;
	bool		has_validation;
	bool		has_test;
} MlopsTimeSplit;

extern void mlops_split_by_time(const MlopsDatasetPlan *plan,
								MlopsMatrix *matrix, MlopsTimeSplit *split);

/* --- receiver.c ---------------------------------------------------------- */

/* Run the statement into the matrix; labels and categories are provisional. */
extern void mlops_receive(MlopsDataset *dataset, MlopsMatrix *matrix,
						  MlopsReadCallback callback, void *arg);

/* --- finish.c ------------------------------------------------------------ */

/* Fix roles, labels and categories. */
extern void mlops_finish(MlopsDataset *dataset, MlopsMatrix *matrix);

#endif							/* MLOPS_PLAN_H */
