/*
 * declare.h
 *		The signature of a model from elsewhere: as its file tells, and as a
 *		person tells.
 */
#ifndef MLOPS_DECLARE_H
#define MLOPS_DECLARE_H

#include "data/signature.h"
#include "forest/describe.h"

/*
 * The signature of a model with these features.  given is NULL, the form that
 * mlops.versions shows, an object by column name, or an array in the order of
 * the features; what it does not say comes from the features.  Whatever does
 * not fit is 22023 and names the feature.  Palloc'd; points into neither.
 */
extern MlopsSignature *mlops_signature_declare(const MlopsModelFeatures *features,
											   Jsonb *given);

/* As mlops_signature_from_jsonb(), but 22023 if the jsonb is none. */
extern MlopsSignature *mlops_signature_accept(Jsonb *jsonb);

#endif							/* MLOPS_DECLARE_H */
