/*
 * model_ref.h
 *		The type mlops.model_ref: a model, version or alias by name.
 */
#ifndef MLOPS_MODEL_REF_H
#define MLOPS_MODEL_REF_H

#include "catalog/catalog.h"

/*
 * What the reference says, and a copy of it, both of which stay for ever; NULL
 * if too many are kept already.  Errors: those of mlops_reference_parse().
 */
extern text *mlops_reference_known(text *key, MlopsReference *reference);

#endif							/* MLOPS_MODEL_REF_H */
