/*
 * constraints.h
 *		Monotone and interaction constraints: columns to feature numbers.
 */
#ifndef MLOPS_CONSTRAINTS_H
#define MLOPS_CONSTRAINTS_H

#include "data/signature.h"
#include "utils/jsonb.h"

/*
 * Take {"column": 1, ...} or [["a", "b"], ...] out of the parameters; 22023
 * if it is nothing like that.  The result is palloc'd.
 */
extern Jsonb *mlops_monotone_read(const JsonbValue *value);
extern Jsonb *mlops_interaction_read(const JsonbValue *value);

/*
 * The constraint as libxgboost takes it, NULL for NULL; 22023 for a name that
 * is neither an input column nor a feature of the signature.  A column that
 * becomes several features stands for all of them in an interaction, and is
 * an error in a monotone constraint.
 */
extern char *mlops_monotone_text(Jsonb *monotone,
								 const MlopsSignature *signature);
extern char *mlops_interaction_text(Jsonb *interaction,
									const MlopsSignature *signature);

#endif							/* MLOPS_CONSTRAINTS_H */
