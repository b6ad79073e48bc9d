/*
 * drift.h
 *		Drift of the rows of a source, row by row of what mlops.drift() returns.
 */
#ifndef MLOPS_DRIFT_H
#define MLOPS_DRIFT_H

#include "serve/importance.h"
#include "watch/method.h"

/* One column, or the whole; valid until the sink returns. */
typedef struct MlopsDriftRow
{
	Jsonb	   *slice;			/* {}: all rows */
	const char *feature;		/* NULL: the whole */
	const char *kind;
	MlopsDriftStatus status;
	const char *metric;			/* what decided; NULL: none did */
	double		value;			/* of it, NaN if there is none */
	double		threshold;
	const MlopsDriftFigures *figures;	/* NULL of the whole */
	int64		n;				/* -1: not known, nothing is compared */
	int64		n_reference;
} MlopsDriftRow;

typedef void (*MlopsDriftSink) (const MlopsDriftRow *row, void *arg);

typedef struct MlopsDriftRequest
{
	const char *source;
	const char *reference;		/* source, or NULL: the stored baseline */
	const MlopsPredictor *predictor;	/* NULL: what the reference's columns
										 * are; features are theirs then */
	const char *model;			/* as it was spelled, for messages */
	/* these are looked up if they are NULL or NIL */
	const MlopsImportance *importance;
	List	   *baselines;		/* of MlopsBaseline * */
	List	   *by;				/* of char *: columns that make slices */
	List	   *features;		/* of char *; NIL: all */
	MlopsDriftMethod method;
	MlopsDriftOptions options;
	MlopsDriftSink sink;
	void	   *arg;
} MlopsDriftRequest;

/*
 * Compute, and hand each row to the sink: of all rows, then of each slice,
 * columns first and then the whole.  The caller has checked rights on the
 * model.  Memory is taken from the current context.
 */
extern void mlops_drift_run(const MlopsDriftRequest *request);

/* As it is called in SQL. */
extern const char *mlops_drift_status_name(MlopsDriftStatus status);

#endif							/* MLOPS_DRIFT_H */
