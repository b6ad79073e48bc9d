/*
 * overlap.h
 *		Do training and test share keys, or whole rows?
 *
 * Private to data/.
 */
#ifndef MLOPS_OVERLAP_H
#define MLOPS_OVERLAP_H

#include "data/plan.h"

/* Of a sample of hashes: those in the test, and of them those in training. */
typedef struct MlopsOverlap
{
	int			n_rows;
	int			n_distinct;
	int			n_test;
	int			n_both;
} MlopsOverlap;

/* An empty sample, of about 1.5 MB, in the current memory context. */
extern MlopsHashSample *mlops_overlap_create(void);

/* A row and the hash of what it may share with others; rows in their order. */
extern void mlops_overlap_add(MlopsHashSample *sample, uint64 hash,
							  uint64 row);

/* Count, once roles are settled.  May be called once. */
extern void mlops_overlap_count(MlopsHashSample *sample, MlopsMatrix *matrix,
								MlopsOverlap *overlap);

#endif							/* MLOPS_OVERLAP_H */
