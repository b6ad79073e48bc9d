/*
 * scoring.h
 *		Predictions of a source kept in a table.
 */
#ifndef MLOPS_SCORING_H
#define MLOPS_SCORING_H

#include "data/predictor.h"
#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

typedef struct MlopsScoring
{
	const char *source;			/* relation name or query */
	const char *table;			/* a name, qualified or not */
	List	   *key;			/* of char *: columns that name a row */
	List	   *columns;		/* of char *: columns to copy besides */
	const char *changed_at;		/* column: when a row changed, or NULL */
	Interval   *lookback;		/* rows are read again so long after that */
	int			reasons;		/* features told for each row; 0: none */
	bool		prune;			/* remove rows whose key left the source */
	bool		full;			/* read all rows whatever changed_at says */

	/* set by mlops_scoring_open() */
	char	   *target;			/* the table, qualified and quoted */
	bool		created;

	/* set by mlops_scoring_run() */
	int64		inserted;
	int64		updated;
	int64		removed;
} MlopsScoring;

/*
 * Find the table, or make it, and keep other calls with the same table out
 * until the transaction ends.  All happens with the caller's rights.  42701
 * if a column of the key is called like one of the result, 42703 or 42804 if
 * the table lacks a column, 42P10 if its key is not unique.
 */
extern void mlops_scoring_open(MlopsScoring *scoring);

/*
 * Predict new and changed rows by the version, which `reference` names, and
 * write them; remove others if asked to.  21000 if a key is there twice.
 */
extern void mlops_scoring_run(MlopsScoring *scoring, const char *reference,
							  const MlopsPredictor *predictor);

#endif							/* MLOPS_SCORING_H */
