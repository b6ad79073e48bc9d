/*
 * challenge.h
 *		Is a new version better than the one that serves?
 *
 * Both are compared on the same rows: while the source is read, the version
 * that serves predicts every row from the columns that it needs, and after
 * the training its metrics are taken on the test rows, or on the validation
 * rows where there are none to test.
 */
#ifndef MLOPS_CHALLENGE_H
#define MLOPS_CHALLENGE_H

#include "train/params.h"

typedef struct MlopsChallenge MlopsChallenge;

/*
 * Load the version of the model that serves, if any; the request is told to
 * read what it needs.
 */
extern MlopsChallenge *mlops_challenge_open(const char *model,
											MlopsDatasetRequest *request);

/*
 * The metrics of the version that serves, MlopsMetricRow * of split
 * "champion"; NIL if nothing serves, or it predicts something else, which is
 * said in a WARNING.
 */
extern List *mlops_challenge_metrics(MlopsChallenge *challenge,
									 MlopsDataset *dataset,
									 MlopsMatrix *matrix,
									 const MlopsParams *params);

/* Whether a version with these metrics, the champion's among them, wins. */
extern bool mlops_challenge_won(MlopsChallenge *challenge,
								const MlopsDataset *dataset,
								const MlopsParams *params, List *metrics);

/* Why it won or not, for the history; after mlops_challenge_won(). */
extern const char *mlops_challenge_note(const MlopsChallenge *challenge);

#endif							/* MLOPS_CHALLENGE_H */
