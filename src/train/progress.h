/*
 * progress.h
 *		What trainings that run show to other sessions.
 *
 * Each backend has a place in shared memory if the library is preloaded;
 * without preloading, reports go nowhere.  A place empties when its
 * transaction ends, however it ends.
 */
#ifndef MLOPS_PROGRESS_H
#define MLOPS_PROGRESS_H

/* Ask for shared memory; from _PG_init. */
extern void mlops_progress_init(void);

/* A training of the model begins in this transaction. */
extern void mlops_progress_begin(const char *model);

/* It has come to "reading", "training", "evaluating", "storing". */
extern void mlops_progress_phase(const char *phase);

extern void mlops_progress_rows(uint64 rows, double estimated);
extern void mlops_progress_round(int round, int rounds, const char *metric,
								 double value);
extern void mlops_progress_end(void);

#endif							/* MLOPS_PROGRESS_H */
