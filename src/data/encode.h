/*
 * encode.h
 *		Rows into features.
 *
 * An encoder binds a signature to a row type by column name.  It lives in
 * the memory context that was current when it was bound, and never changes.
 */
#ifndef MLOPS_ENCODE_H
#define MLOPS_ENCODE_H

#include "access/tupdesc.h"
#include "data/signature.h"

typedef struct MlopsEncoder MlopsEncoder;

/*
 * Bind.  A column that the signature needs and the row lacks is 42703, one
 * whose type cannot stand for the trained one is 42804; both name it.
 */
extern MlopsEncoder *mlops_encoder_bind(const MlopsSignature *signature,
										TupleDesc tupdesc);

/*
 * Encode values/nulls, indexed by attribute number - 1, into
 * features[n_features]; NULL, NaN and unseen categories are NaN.  Returns how
 * many categories were unseen.
 */
extern int	mlops_encode_row(const MlopsEncoder *encoder, const Datum *values,
							 const bool *nulls, float *features);

/* The same of values as a function gets them, in the order of the columns. */
extern int	mlops_encode_arguments(const MlopsEncoder *encoder,
								   const NullableDatum *arguments,
								   float *features);

/*
 * The same of values/nulls in another order: numbers has the attribute number
 * of each column of the row type that was bound.
 */
extern int	mlops_encode_numbered(const MlopsEncoder *encoder,
								  const int16 *numbers, const Datum *values,
								  const bool *nulls, float *features);

/* Whether nothing that the encoder holds can change: it has no enum. */
extern bool mlops_encoder_is_lasting(const MlopsEncoder *encoder);

/*
 * Whether values of the type are encoded without an error, whatever they are:
 * not so arrays, which may be of a wrong length, and enums, whose labels may
 * have to be looked up.
 */
extern bool mlops_encodes_surely(Oid type);

/* Whether a column of the type can stand for the input. */
extern bool mlops_input_takes(const MlopsInput *input, Oid type);

#endif							/* MLOPS_ENCODE_H */
