/*
 * window.h
 *		The rows of a source as numbers in which drift is looked for.
 *
 * A layout says what columns there are: the features and outputs of a
 * version, or what can be made of the columns of any source.  Two sources
 * that are read with one layout can be compared: a category has the same code
 * in both, also one that the version has never seen.
 */
#ifndef MLOPS_WINDOW_H
#define MLOPS_WINDOW_H

#include "access/tupdesc.h"
#include "data/predictor.h"
#include "nodes/pg_list.h"

typedef enum MlopsWindowKind
{
	MLOPS_WINDOW_NUMBER,
	MLOPS_WINDOW_PREDICTION,	/* a number, too */
	MLOPS_WINDOW_CATEGORY		/* a code from 0 */
} MlopsWindowKind;

struct MlopsDictionary;

typedef struct MlopsWindowColumn
{
	MlopsWindowKind kind;
	const char *name;			/* of the feature or output */
	const char *input;			/* the source's column; NULL of an output */
	int			feature;		/* of the version; -1 of an output */
	int			n_known;		/* codes below are places in categories */
	char	  **categories;
	struct MlopsDictionary *others; /* codes from n_known on */
} MlopsWindowColumn;

typedef struct MlopsWindowLayout
{
	const MlopsPredictor *predictor;
	bool		predict;		/* outputs are there */
	int			n_columns;
	int			n_numbers;		/* they come first, categories after them */
	MlopsWindowColumn *columns;
	int		   *order;			/* [n_columns]: features as they are numbered,
								 * then outputs */
} MlopsWindowLayout;

/* The features and outputs of a version. */
extern MlopsWindowLayout *
mlops_window_of_predictor(const MlopsPredictor *predictor);

/* The same without outputs. */
extern MlopsWindowLayout *
mlops_window_of_features(const MlopsPredictor *predictor);

/*
 * Columns of a source, all that can be compared, or those named (char *), for
 * which there must be a way: 42703, 42804 if there is none.
 */
extern MlopsWindowLayout *mlops_window_infer(const char *source,
											 List *names);

/*
 * Which columns are meant, [n_columns]: those of the names (char *) of features
 * or of their inputs, or all for NIL; 42703 for a name that is neither.
 */
extern bool *mlops_window_wanted(const MlopsWindowLayout *layout,
								 List *names);

typedef struct MlopsWindow MlopsWindow;

/*
 * Called for each row: values[n_columns], NaN being missing, and the columns
 * asked for beside.  All of it is valid until it returns.
 */
typedef void (*MlopsWindowCallback) (const float *values, const Datum *beside,
									 const bool *nulls, void *arg);

/*
 * Analyse a source that is to be read with the layout, with other columns of
 * it beside (char *).  Errors are those of a reader.
 */
extern MlopsWindow *mlops_window_open(MlopsWindowLayout *layout,
									  const char *source, List *beside);

/* The types of the columns beside. */
extern TupleDesc mlops_window_beside(const MlopsWindow *window);

/* Read all rows; returns how many. */
extern uint64 mlops_window_run(MlopsWindow *window,
							   MlopsWindowCallback callback, void *arg);

#endif							/* MLOPS_WINDOW_H */
