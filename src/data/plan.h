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
#include "data/encode.h"
#include "data/field.h"
#include "data/source.h"
#include "data/target.h"
#include "math/hash.h"

/* How the value of a key column is hashed. */
typedef enum MlopsKeyForm
{
	MLOPS_KEY_WORD,				/* passed by value */
	MLOPS_KEY_FLOAT4,			/* zero has no sign, NaN is one value */
	MLOPS_KEY_FLOAT8,
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

/* Rows whose value is refused: how many, and what stands in the first. */
typedef struct MlopsComplaint
{
	uint64		n;
	double		number;
	char		text[NAMEDATALEN];
} MlopsComplaint;

/* A date or timestamp that should not be later than the event. */
typedef struct MlopsClock
{
	int			attribute;
	MlopsConversion conversion;
	const char *name;
	uint64		n_later;
} MlopsClock;

/* Rows whose hash of something passes a mask; see overlap.c. */
typedef struct MlopsHashSample MlopsHashSample;

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

	/* survival: attributes, or -1 */
	int			upper;
	MlopsConversion upper_conversion;
	int			observed;
	bool		cox;

	int			group;			/* the query group's attribute, or -1 */
	MlopsKeyPart group_part;
	char	   *group_name;
	uint64		group_hash;		/* of the row before */
	uint64		n_groups;		/* so far */

	int			margin;			/* attribute, or -1 */
	char	   *margin_name;
	MlopsConversion margin_conversion;	/* of it, or of its elements */
	Oid			margin_element; /* of an array, else InvalidOid */
	int16		margin_length;	/* of an element, as arrays need it */
	bool		margin_by_value;
	char		margin_align;

	MlopsSplit	split;			/* never AUTO */
	int			split_column;	/* attribute, or -1 */
	MlopsKeyPart split_part;
	MlopsConversion split_conversion;
	char	   *split_name;

	bool		balanced;
	double		validation;		/* fractions; 0 if the split has none */
	double		test;
	uint64		seed;

	MlopsEncoder *encoder;		/* of a fixed signature, else NULL */

	/* what is refused once all rows have been read */
	MlopsComplaint bad_bounds;
	MlopsComplaint bad_times;	/* of survival */
	MlopsComplaint bad_split;

	/* for advice: features that are times, samples of keys and rows */
	int			n_clocks;
	MlopsClock *clocks;
	MlopsHashSample *keys;		/* or NULL */
	MlopsHashSample *rows;		/* or NULL */

	MlopsRowTap tap;			/* or NULL */
	void	   *tap_arg;

	/* by category input: rows of role TRAIN per category */
	uint64	  **counts;
	uint64	   *class_rows;		/* by class: rows of role TRAIN, weight > 0 */
} MlopsDatasetPlan;

/* --- dataset.c --------------------------------------------------------- */

/* Fix the columns of the matrix, before the first row. */
extern void mlops_dataset_lay_out(MlopsDataset *dataset, MlopsMatrix *matrix,
								  int n_margins);

/* --- columns.c --------------------------------------------------------- */

/*
 * Choose the features and make the signature (without categories) and the
 * fields of the plan; compose the statement.
 */
extern void mlops_columns_choose(MlopsDataset *dataset,
								 const MlopsDatasetRequest *request,
								 const MlopsSource *source,
								 const MlopsExpression *target);

/* --- array.c ------------------------------------------------------------- */

/*
 * Find how many elements the arrays (or bits) of some columns have, in
 * lengths[column]; those that are not negative are known already.  columns
 * are indexes into the source's.  Runs statements under the active snapshot.
 * 22023 if a column is NULL in all rows whose target is not.
 */
extern void mlops_array_lengths(const MlopsSource *source,
								const char *target, List *columns,
								int *lengths);

/* --- features.c ---------------------------------------------------------- */

/* Takes the features of one row after another. */
typedef struct MlopsFeatureReader MlopsFeatureReader;

/*
 * Plan how the dataset's fields are read; palloc'd.  words[n_dictionaries]
 * takes the hashes of each row's categories; *rows_before counts the rows
 * read before the one that is taken, for messages.
 */
extern MlopsFeatureReader *mlops_features_plan(MlopsDataset *dataset,
											   uint64 *words,
											   const uint64 *rows_before);

/*
 * Write the features of a row, and the hashes of its categories to words.  A
 * category itself is 0 or NaN until _place puts its provisional code there.
 * 22003 for an infinite feature, 22023 for an array of another length, 54000
 * for too many categories.
 */
extern void mlops_features_take(MlopsFeatureReader *reader,
								const Datum *values, const bool *nulls,
								float *features);
/* The same for features that are there, codes of categories among them. */
extern void mlops_features_aside(MlopsFeatureReader *reader,
								 const Datum *values, const bool *nulls,
								 float *features);
extern void mlops_features_place(const MlopsFeatureReader *reader,
								 float *features);

/* --- roles.c ------------------------------------------------------------- */

/* Columns of the source that have a role other than feature, by index. */
typedef struct MlopsRoles
{
	const MlopsSource *source;
	const MlopsExpression *target;
	Bitmapset  *key;
	int			weight;			/* index, or -1 */
	int			time;
	int			group;
	int			margin;
	int			split;
	const MlopsExpression *upper;	/* or NULL */
	const MlopsExpression *observed;
} MlopsRoles;

/*
 * Find the columns of the request; 42703 for names that are not there, 22023
 * for arguments that do not go together.  Settles plan->split.
 */
extern MlopsRoles *mlops_roles_find(MlopsDatasetPlan *plan,
									const MlopsDatasetRequest *request,
									const MlopsSource *source,
									const MlopsExpression *target);

/* Why a column is never a feature; NULL if it may be one. */
extern const char *mlops_roles_why_never(const MlopsRoles *roles, int column);

/*
 * Bind the columns to attributes of the statement, to whose columns they are
 * added unless they stand there.  42804 for one of a wrong type.
 */
extern void mlops_roles_bind(MlopsDatasetPlan *plan, const MlopsRoles *roles,
							 List **selected);

/*
 * Bind the expressions, which follow n_attributes attributes.  Returns those
 * to be added, a List of MlopsExpression *.
 */
extern List *mlops_roles_expressions(MlopsDatasetPlan *plan,
									 const MlopsRoles *roles,
									 int n_attributes);

/* What the rows are to be ordered by, or NULL; palloc'd. */
extern char *mlops_roles_order(const MlopsDatasetPlan *plan,
							   const MlopsRoles *roles);

/*
 * The place of a column of the source among those of the statement, where it
 * is added unless it stands there.  The target is at 0.
 */
extern int	mlops_select_column(List **selected, int column);

/* --- marks.c ------------------------------------------------------------- */

/* What a row carries besides features, target, weight and time. */
typedef struct MlopsMarks
{
	float		upper;			/* survival without Cox */
	uint32		group;
	uint64		group_hash;
	uint64		split_hash;
	MlopsRole	role;			/* of the split COLUMN */
	int			n_margins;
	float	   *margins;		/* in the row's memory */
	uint64		hash;			/* of all that; 0 if there is nothing */
} MlopsMarks;

/*
 * Read the marks of a row whose label is given, which of Cox becomes negative
 * if the row is censored.  Values that are refused are counted in the plan.
 */
extern void mlops_marks_take(MlopsDatasetPlan *plan, const Datum *values,
							 const bool *nulls, float *label,
							 MlopsMarks *marks);

/* Write them into the matrix, whose last row it is. */
extern void mlops_marks_place(const MlopsDatasetPlan *plan,
							  const MlopsMarks *marks, MlopsMatrix *matrix);

/* 22023 if any row was refused. */
extern void mlops_marks_check(const MlopsDatasetPlan *plan, uint64 n_rows);

/* --- split.c ------------------------------------------------------------ */

/* 22023 unless the fractions leave something to train on. */
extern void mlops_split_check(double validation, double test);

extern void mlops_key_bind(MlopsKeyPart *part, Oid type, int attribute);

/* The hash of one value that is not NULL. */
extern uint64 mlops_key_part_hash(const MlopsKeyPart *part, Datum value);

/* A hash of the key's values; NULLs are values here. */
extern uint64 mlops_key_hash(const MlopsDatasetPlan *plan,
							 const Datum *values, const bool *nulls);

/*
 * The role of a row as it is read; MLOPS_ROLE_NONE if it hangs on all rows,
 * and then *order is what goes into the matrix for it.
 */
extern MlopsRole mlops_split_row(const MlopsDatasetPlan *plan,
								 const MlopsMarks *marks, uint64 row,
								 uint64 row_hash, uint64 key_hash,
								 int64 *order);

/* Does the matrix keep an order for the split? */
extern bool mlops_split_ordered(const MlopsDatasetPlan *plan);

/* Give every row its role where that hangs on all rows. */
extern void mlops_split_settle(MlopsDataset *dataset, MlopsMatrix *matrix);

/* --- groups.c ------------------------------------------------------------ */

/*
 * Count the query groups of each role, whose rows all have one role: by time
 * that of the newest row; 22023 if split_column parts a group.
 */
extern void mlops_groups_settle(MlopsDataset *dataset, MlopsMatrix *matrix);

/* --- stratify.c ---------------------------------------------------------- */

/*
 * Roles by the order of rows in their stratum, the same share of each; the
 * target is closed, labels are still provisional.
 */
extern void mlops_stratify(const MlopsDataset *dataset, MlopsMatrix *matrix);

/* --- receiver.c ---------------------------------------------------------- */

/* Run the statement into the matrix; labels and categories are provisional. */
extern void mlops_receive(MlopsDataset *dataset, MlopsMatrix *matrix,
						  MlopsReadCallback callback, void *arg);

/* --- finish.c ------------------------------------------------------------ */

/* Fix roles, labels and categories. */
extern void mlops_finish(MlopsDataset *dataset, MlopsMatrix *matrix);

#endif							/* MLOPS_PLAN_H */
