/*
 * reader.h
 *		A source read row by row through the eyes of stored versions.
 *
 * What evaluates, compares, scores, explains or watches a version reads a
 * source with this: the columns that the versions need, encoded as they were
 * trained, and whatever else of the row is asked for.  The source is analysed
 * and run with the caller's rights, under the active snapshot, in an order
 * that is the same each time, and nothing is materialised.
 */
#ifndef MLOPS_READER_H
#define MLOPS_READER_H

#include "access/tupdesc.h"
#include "data/predictor.h"
#include "nodes/pg_list.h"

typedef struct MlopsReaderRequest
{
	const char *source;			/* relation name or query */
	int			n_predictors;	/* 0 or more; all read the same rows */
	const MlopsPredictor *const *predictors;
	const char *target;			/* column or expression; NULL: no labels */
	const char *weight;			/* column, or NULL */
	const char *query_group;	/* column, or NULL: rows come ordered by it */
	const char *target_upper;	/* expression, or NULL: see dataset.h */
	const char *event_observed; /* boolean expression, or NULL */
	bool		target_recorded;	/* the target is a version's, not the caller's */
	bool		bounds_recorded;	/* and so are the two before */
	List	   *columns;		/* of char *: given as they are, in this order */
	bool		predict;		/* fill outputs of each row */
} MlopsReaderRequest;

/* One row; all of it is valid until the callback returns. */
typedef struct MlopsReaderRow
{
	uint64		number;			/* from 0 */
	/* per predictor */
	float	  **features;		/* [n_features]; NaN is missing */
	float	  **outputs;		/* [n_outputs] as predict gives them, or NULL */
	int		   *unseen;			/* categories that were not known */
	/* the label in the terms of the first predictor's version */
	bool		has_label;		/* false: the target is NULL, or none asked */
	double		label;			/* a number, or the index of a class; -1: a
								 * class that the version does not know */
	double		label_upper;	/* survival: infinite if censored */
	double		weight;			/* 1 if there is none */
	uint64		group;			/* counts groups from 0 */
	Datum	   *values;			/* of columns */
	bool	   *nulls;
} MlopsReaderRow;

typedef struct MlopsReader MlopsReader;

/* Called for each row in a context that is reset often; may raise errors. */
typedef void (*MlopsReaderCallback) (const MlopsReaderRow *row, void *arg);

/*
 * Analyse the source; lives in the current memory context.  Errors are those
 * of a source and of an encoder: 42703, 42702, 42804 and what the server says
 * of a query.  42501 for a recorded expression that may do more than compute:
 * it is somebody else's, and would run with the caller's rights.  22023 for a
 * negative or NULL weight, when read.
 */
extern MlopsReader *mlops_reader_open(const MlopsReaderRequest *request);

/* The types of the columns asked for, with their names. */
extern TupleDesc mlops_reader_columns(const MlopsReader *reader);

/* Read all rows; returns how many.  May be called again. */
extern uint64 mlops_reader_run(MlopsReader *reader,
							   MlopsReaderCallback callback, void *arg);

#endif							/* MLOPS_READER_H */
