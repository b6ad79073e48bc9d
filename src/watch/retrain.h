/*
 * retrain.h
 *		The loop: train a challenger, hold it against the champion, decide.
 *
 * All of it runs in the caller's transaction with the current role's rights;
 * the role must be allowed to manage the model.  What fails in a training, or
 * in reading its rows, is undone and becomes a decision "failed"; a cancel is
 * an error as ever.  until is the clock: rows are read up to it, and age,
 * cooldown and limits are counted by it; GetCurrentTimestamp() in a job.
 */
#ifndef MLOPS_RETRAIN_H
#define MLOPS_RETRAIN_H

#include "datatype/timestamp.h"

/*
 * What a job does: check the last promotion, then train again if the model's
 * policy says so.  Returns what was decided in one line, palloc'd.  42704 if
 * there is no such model, 55000 if it has no policy, 42501.
 */
extern char *mlops_retrain_if_due(const char *model, TimestampTz until);

#endif							/* MLOPS_RETRAIN_H */
