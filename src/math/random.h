/*
 * random.h
 *		Random numbers that are the same each time.
 *
 * Plain C.  For simulations whose result is shown: no seed but the one given.
 */
#ifndef MLOPS_RANDOM_H
#define MLOPS_RANDOM_H

#include <math.h>
#include <stdint.h>

#include "math/hash.h"

typedef struct MlopsRandom
{
	uint64_t	state;
} MlopsRandom;

/* Uniform in [0, 1). */
static inline double
mlops_random_unit(MlopsRandom *random)
{
	random->state += UINT64_C(0x9e3779b97f4a7c15);
	return mlops_hash_unit(mlops_hash_mix(random->state));
}

/* Standard normal, by Box and Muller. */
static inline double
mlops_random_normal(MlopsRandom *random)
{
	double		radius = sqrt(-2 * log(1 - mlops_random_unit(random)));

	return radius * cos(6.283185307179586 * mlops_random_unit(random));
}

#endif							/* MLOPS_RANDOM_H */
