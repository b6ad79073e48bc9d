/*
 * advice.h
 *		What a good colleague would say about the data.
 *
 * Private to data/; mlops_dataset_advice() is in dataset.h.
 */
#ifndef MLOPS_ADVICE_H
#define MLOPS_ADVICE_H

#include "data/plan.h"

/*
 * Choose what is watched while rows are read: times, keys, rows.  After the
 * columns have been chosen.
 */
extern void mlops_advice_prepare(MlopsDataset *dataset);

#endif							/* MLOPS_ADVICE_H */
