/*
 * predictions.h
 *		What one or two versions predict of a source, beside the truth.
 *
 * All of it is kept in memory: for each row four bytes for the label, for
 * each output of each version, and, where there are such, for weight, upper
 * bound, query group and slice.
 */
#ifndef MLOPS_PREDICTIONS_H
#define MLOPS_PREDICTIONS_H

#include "data/reader.h"
#include "fmgr.h"
#include "train/measure.h"
#include "train/slices.h"

struct MlopsPredictions;

typedef struct MlopsPredictionsRequest
{
	const char *models[2];		/* references; the second may be NULL */
	const char *source;
	const char *target;			/* these: NULL is what the first version was
								 * trained with */
	const char *query_group;
	const char *target_upper;
	const char *event_observed;
	const char *weight;			/* NULL: none */
	List	   *by;				/* of char *: columns that make slices */
	const char *at;				/* column: the time of a row, or NULL */
	/* looks at the versions before anything is read, and may refuse; or NULL */
	void		(*check) (const struct MlopsPredictions *predictions);
} MlopsPredictionsRequest;

typedef struct MlopsPredictions
{
	int			n_versions;
	const MlopsPredictor *predictors[2];
	MlopsMeasure measures[2];
	char	   *names[2];		/* model/version */
	MlopsRows	rows;			/* those with a label that is known */
	float	   *outputs[2];		/* [n x n_outputs] */
	unsigned   *slice;			/* of each row; NULL without by */
	MlopsSlices *slices;
	int64	   *at;				/* of each row, -infinity for NULL; in local
								 * time unless the column is a timestamptz */
	bool		at_zoned;		/* it is one */
} MlopsPredictions;

/*
 * Read the source.  Needs the privilege predict on the models, and what the
 * source needs.  22023 if no row has a label that the first version knows; a
 * NOTICE counts those that it does not know.  Lives in the current memory
 * context.
 */
extern MlopsPredictions *
			mlops_predictions_read(const MlopsPredictionsRequest *request);

/* How many of the rows count: those of a weight above 0. */
extern int64 mlops_rows_counted(const MlopsRows *rows);

/* An argument in (0, 1), fallback if it is NULL; 22023. */
extern double mlops_open_fraction(FunctionCallInfo fcinfo, int argument,
								  const char *name, double fallback);

#endif							/* MLOPS_PREDICTIONS_H */
