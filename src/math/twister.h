/*
 * twister.h
 *		The Mersenne Twister MT19937, seeded and drawn from as Python does.
 *
 * Plain C, no allocation.  The state is MLOPS_TWISTER_WORDS words and the
 * position in them, which the caller keeps.
 */
#ifndef MLOPS_TWISTER_H
#define MLOPS_TWISTER_H

#include <stdint.h>

#define MLOPS_TWISTER_WORDS 624

/* Seed as random.Random(seed) does; returns the position. */
extern uint64_t mlops_twister_seed(uint32_t *words, uint32_t seed);

/* The next 32 random bits. */
extern uint32_t mlops_twister_next(uint32_t *words, uint64_t *position);

/*
 * k of the numbers 0 to n - 1 without repetition, as random.sample() draws
 * them; k at most n, n at most 1,000.
 */
extern void mlops_twister_sample(uint32_t *words, uint64_t *position,
								 uint32_t n, uint32_t k, uint32_t *drawn);

#endif							/* MLOPS_TWISTER_H */
