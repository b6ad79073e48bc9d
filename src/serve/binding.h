/*
 * binding.h
 *		Encoders that are kept with a loaded version.
 *
 * Binding columns by name and building the dictionaries of categories takes
 * longer than a prediction, and a statement that reads one row would pay for
 * it each time.
 */
#ifndef MLOPS_BINDING_H
#define MLOPS_BINDING_H

#include "data/encode.h"
#include "data/predictor.h"
#include "utils/array.h"

/*
 * The encoder that was kept for values of these types under these names; NULL
 * if there is none.  It is good for as long as the version is loaded.
 */
extern MlopsEncoder *mlops_binding_find(const MlopsPredictor *predictor,
										const ArrayType *names,
										const Oid *types, int n);

/*
 * Keep an encoder with the version, if it is one to keep: its memory context,
 * which holds nothing else, becomes a child of the version's.
 */
extern void mlops_binding_keep(const MlopsPredictor *predictor,
							   const ArrayType *names, const Oid *types,
							   int n, MlopsEncoder *encoder,
							   MemoryContext context);

#endif							/* MLOPS_BINDING_H */
