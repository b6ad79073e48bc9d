/*
 * twister.c
 *		The Mersenne Twister MT19937, seeded and drawn from as Python does.
 *
 * Any words are a state that goes through the whole period, but for those
 * that are all zero (of the first word only the highest bit counts), with
 * which drawing might never end.
 */
#include "math/twister.h"

#include <stdbool.h>

#define WORDS	MLOPS_TWISTER_WORDS
#define MIDDLE	397
#define MOST_DRAWN 1000

static void generate(uint32_t *words);
static uint32_t below(uint32_t *words, uint64_t *position, uint32_t n);

/* By the array of one word that holds the seed. */
uint64_t
mlops_twister_seed(uint32_t *words, uint32_t seed)
{
	uint32_t	i = 1;

	words[0] = 19650218;
	for (uint32_t k = 1; k < WORDS; k++)
		words[k] = 1812433253u * (words[k - 1] ^ (words[k - 1] >> 30)) + k;
	for (int k = 0; k < WORDS; k++)
	{
		words[i] = (words[i] ^ ((words[i - 1] ^ (words[i - 1] >> 30)) *
								1664525u)) + seed;
		if (++i == WORDS)
		{
			words[0] = words[WORDS - 1];
			i = 1;
		}
	}
	for (int k = 0; k < WORDS - 1; k++)
	{
		words[i] = (words[i] ^ ((words[i - 1] ^ (words[i - 1] >> 30)) *
								1566083941u)) - i;
		if (++i == WORDS)
		{
			words[0] = words[WORDS - 1];
			i = 1;
		}
	}
	words[0] = 0x80000000u;
	return WORDS;
}

uint32_t
mlops_twister_next(uint32_t *words, uint64_t *position)
{
	uint32_t	y;

	if (*position >= WORDS)
	{
		generate(words);
		*position = 0;
	}
	y = words[(*position)++];
	y ^= y >> 11;
	y ^= (y << 7) & 0x9d2c5680u;
	y ^= (y << 15) & 0xefc60000u;
	return y ^ (y >> 18);
}

void
mlops_twister_sample(uint32_t *words, uint64_t *position, uint32_t n,
					 uint32_t k, uint32_t *drawn)
{
	uint32_t	pool[MOST_DRAWN];
	bool		taken[MOST_DRAWN] = {false};
	uint32_t	few = 21;		/* where drawing again is the cheaper way */

	if (k > 5)
	{
		uint32_t	power = 1;

		while (power < 3 * k)
			power *= 4;
		few += power;
	}
	for (uint32_t i = 0; i < n; i++)
		pool[i] = i;
	for (uint32_t i = 0; i < k; i++)
	{
		uint32_t	j;

		if (n <= few)
		{
			j = below(words, position, n - i);
			drawn[i] = pool[j];
			pool[j] = pool[n - i - 1];
			continue;
		}
		do
			j = below(words, position, n);
		while (taken[j]);
		taken[j] = true;
		drawn[i] = j;
	}
}

/* Make the next words out of the present ones. */
static void
generate(uint32_t *words)
{
	for (int k = 0; k < WORDS; k++)
	{
		uint32_t	y = (words[k] & 0x80000000u) |
			(words[(k + 1) % WORDS] & 0x7fffffffu);

		words[k] = words[(k + MIDDLE) % WORDS] ^ (y >> 1) ^
			((y & 1) ? 0x9908b0dfu : 0);
	}
}

/*
 * A number in [0, n), n at least 1, by as many bits as n has.
 */
static uint32_t
below(uint32_t *words, uint64_t *position, uint32_t n)
{
	int			bits = 32 - __builtin_clz(n);
	uint32_t	r;

	do
		r = mlops_twister_next(words, position) >> (32 - bits);
	while (r >= n);
	return r;
}
