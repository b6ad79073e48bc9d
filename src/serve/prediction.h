/*
 * prediction.h
 *		What the predict functions with columns return, by kind.
 *
 * For what predicts many rows at a time in their place, see batch.h.
 */
#ifndef MLOPS_PREDICTION_H
#define MLOPS_PREDICTION_H

#include "serve/call_site.h"

typedef enum MlopsPredictionKind
{
	MLOPS_PREDICT_NUMBER,
	MLOPS_PREDICT_PINNED,		/* the same, by a version's number */
	MLOPS_PREDICT_LABEL,
	MLOPS_PREDICT_PROBABILITIES,
	MLOPS_PREDICT_PROBABILITY,	/* of one label */
	MLOPS_PREDICT_MARGIN,
	MLOPS_PREDICT_MARGINS,
	MLOPS_PREDICT_SCORED		/* for score() */
} MlopsPredictionKind;

/* The kind of a function; false if it is none of those with columns. */
extern bool mlops_prediction_kind(PGFunction function,
								  MlopsPredictionKind *kind);

/*
 * What the function returns for the outputs of the place; label is only for
 * MLOPS_PREDICT_PROBABILITY, and the row type of the result only for
 * MLOPS_PREDICT_SCORED, which reads the features too.  Errors: 0A000 and 22023
 * as the function has them.
 */
extern Datum mlops_prediction_value(MlopsPlace *place,
									MlopsPredictionKind kind, text *label,
									TupleDesc row_type);

/* The same of MLOPS_PREDICT_SCORED, with so many reasons, 0 for none. */
extern Datum mlops_scored_value(MlopsPlace *place, int reasons,
								TupleDesc row_type);

/* The function behind MLOPS_PREDICT_SCORED. */
extern Datum mlops_score_columns(PG_FUNCTION_ARGS);

#endif							/* MLOPS_PREDICTION_H */
