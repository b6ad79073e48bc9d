/*
 * prefetch.h
 *		Rows of a table are asked from memory before they are read.
 */
#ifndef MLOPS_PREFETCH_H
#define MLOPS_PREFETCH_H

/* Have scans below predictions look ahead; called once per process. */
extern void mlops_prefetch_init(void);

#endif							/* MLOPS_PREFETCH_H */
