/*
 * attempt.h
 *		Work whose error is an answer, and not the end of the statement.
 */
#ifndef MLOPS_ATTEMPT_H
#define MLOPS_ATTEMPT_H

#include "utils/elog.h"

/*
 * Do work in a subtransaction.  NULL if it was done; else all of it is
 * undone, and the error is returned, palloc'd in the current memory context,
 * which is also the one that the work begins in.
 *
 * Errors that end a statement are raised again: a cancel, a shutdown, and
 * what makes the whole transaction worthless.
 */
extern ErrorData *mlops_attempt(void (*work) (void *arg), void *arg);

/*
 * The same, but errors that end a statement are returned as well: the caller
 * sees to it that it ends.
 */
extern ErrorData *mlops_attempt_all(void (*work) (void *arg), void *arg);

/* mlops_attempt(), but undone in any case: only what it found out stays. */
extern ErrorData *mlops_attempt_undone(void (*work) (void *arg), void *arg);

/* Its SQLSTATE as text; palloc'd. */
extern char *mlops_attempt_code(const ErrorData *error);

/* Its message, with the detail and the hint if there are such; palloc'd. */
extern char *mlops_attempt_message(const ErrorData *error);

#endif							/* MLOPS_ATTEMPT_H */
