/*
 * target.h
 *		The target: its values into labels, its task, its classes.
 *
 * Private to data/.  What a target turns out to be is known when the last row
 * has been read; until then labels in the matrix are provisional, and
 * mlops_target_close() says what to put in their place.
 */
#ifndef MLOPS_TARGET_H
#define MLOPS_TARGET_H

#include "data/dataset.h"
#include "data/label.h"

/* More classes than that are no classification. */
#define MLOPS_MAX_CLASSES	1000

/* What stands in the label array while rows are read. */
typedef enum MlopsLabelMode
{
	MLOPS_LABEL_NUMBER,			/* the value itself: regression */
	MLOPS_LABEL_BOOLEAN,		/* 0 and 1 */
	MLOPS_LABEL_CODE,			/* a code of the dictionary */
	MLOPS_LABEL_UNDECIDED		/* 0 and 1 for the values seen so far */
} MlopsLabelMode;

typedef struct MlopsTarget
{
	MlopsLabelMode mode;
	bool		inferred;		/* the task was not given */
	MlopsTask	task;			/* if given, or once closed */
	const char *positive;		/* as given, or NULL */
	MlopsLabelType type;
	char	   *type_name;
	MlopsDictionary *labels;	/* mode CODE */
	bool		seen[2];		/* mode BOOLEAN */
	int			n_values;		/* mode UNDECIDED: distinct ones, at most 2 */
	Datum		values[2];		/* copies */
	double		numbers[2];
	int64		integers[2];
	MlopsLabelRange range;		/* of numbers */
	uint64		n_out_of_range;
	double		out_of_range;	/* the first of them */
	int			n_fixed;		/* classes that are given, or 0 */
	char	  **fixed;

	/* set by mlops_target_close() */
	int			n_classes;
	char	  **classes;
	int			n_codes;		/* 0: labels stay as they are */
	float	   *recoded;		/* by provisional label */
} MlopsTarget;

/*
 * Check task and positive class against the type.  42804 if they do not go
 * together, 22023 if they are not known.  NOTICEs come from _close.
 */
extern MlopsTarget *mlops_target_open(const MlopsExpression *expression,
									  const MlopsDatasetRequest *request);

/*
 * The provisional label of a value that is not NULL, and a hash of the value
 * that does not depend on what came before.  May visit all rows of the
 * matrix, and must be called before the row is appended.
 */
extern float mlops_target_label(MlopsTarget *target, Datum value,
								MlopsMatrix *matrix, uint64 *hash);

/* 22023 if labels were out of their range. */
extern void mlops_target_check(const MlopsTarget *target, uint64 n_rows);

/* Decide the task, name the classes; 22023 if they make no task. */
extern void mlops_target_close(MlopsTarget *target);

#endif							/* MLOPS_TARGET_H */
