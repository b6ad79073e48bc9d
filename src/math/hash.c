/*
 * hash.c
 *		64-bit hashes for splits and keys, 128-bit fingerprints of rows.
 *
 * Two 64-bit words at a time are keyed and multiplied to 128 bits, whose
 * halves are folded together; the running hash is one of the factors, and a
 * bijective mixer ends it.  The unit test flips every input bit of random
 * inputs and asks that each output bit changes in 45 to 55 % of the cases,
 * that no two of a million structured rows (small integers, one cell moved)
 * collide in 64 bits, and that the low and high bits of sequential keys fill
 * buckets evenly (chi-square).
 *
 * Words are put together by value and bytes read as little-endian, so results
 * do not depend on the machine.
 */
#include "math/hash.h"

#include <math.h>
#include <string.h>

/* Odd, about half of the bits set; nothing else is asked of them. */
#define KEY_A UINT64_C(0x9e3779b97f4a7c15)
#define KEY_B UINT64_C(0xc2b2ae3d27d4eb4f)
#define KEY_C UINT64_C(0x8cb92ba72f3d8dd7)
#define KEY_D UINT64_C(0xd6e8feb86659fd93)

static inline uint64_t fold(uint64_t a, uint64_t b);
static inline uint64_t step(uint64_t h, uint64_t a, uint64_t b);
static inline uint64_t step_other(uint64_t h, uint64_t a, uint64_t b);
static inline uint64_t rotate(uint64_t x, int bits);
static inline uint64_t load_bytes(const unsigned char *p, size_t len);
static inline uint32_t float_bits(float value);
static inline uint64_t float_pair(const float *values, int n, int i);
static void hex_digits(uint64_t value, char *out);

/* Multiplications by odd numbers and shifted xors: each can be undone. */
uint64_t
mlops_hash_mix(uint64_t x)
{
	x ^= x >> 32;
	x *= UINT64_C(0xd6e8feb86659fd93);
	x ^= x >> 32;
	x *= UINT64_C(0xd6e8feb86659fd93);
	x ^= x >> 32;
	return x;
}

uint64_t
mlops_hash_bytes(const void *bytes, size_t len, uint64_t seed)
{
	const unsigned char *p = bytes;
	uint64_t	h = mlops_hash_mix(seed + KEY_A);
	size_t		left = len;

	for (; left >= 16; left -= 16, p += 16)
		h = step(h, load_bytes(p, 8), load_bytes(p + 8, 8));
	if (left > 8)
		h = step(h, load_bytes(p, 8), load_bytes(p + 8, left - 8));
	else if (left > 0)
		h = step(h, load_bytes(p, left), 0);
	/* the length tells "a" from "a\0" */
	return mlops_hash_mix(h ^ (uint64_t) len * KEY_B);
}

uint64_t
mlops_hash_row(const float *values, int n, uint64_t seed)
{
	uint64_t	h = mlops_hash_mix(seed + KEY_C);
	int			i;

	for (i = 0; i + 4 <= n; i += 4)
		h = step(h, float_bits(values[i]) |
				 (uint64_t) float_bits(values[i + 1]) << 32,
				 float_bits(values[i + 2]) |
				 (uint64_t) float_bits(values[i + 3]) << 32);
	if (i < n)
		h = step(h, float_pair(values, n, i), float_pair(values, n, i + 2));
	return mlops_hash_mix(h ^ (uint64_t) n * KEY_B);
}

MlopsHash128
mlops_hash128_words(const uint64_t *words, int n)
{
	MlopsHash128 h = {KEY_A, KEY_C};
	int			i;

	for (i = 0; i < n; i += 2)
	{
		uint64_t	a = words[i];
		uint64_t	b = i + 1 < n ? words[i + 1] : 0;

		h.low = step(h.low, a, b);
		h.high = step_other(h.high, a, b);
	}
	h.low = mlops_hash_mix(h.low ^ (uint64_t) n * KEY_B);
	h.high = mlops_hash_mix(h.high + (uint64_t) n * KEY_D);
	return h;
}

MlopsHash128
mlops_hash128_floats(const float *values, int n)
{
	MlopsHash128 h = {KEY_B, KEY_D};
	int			i;

	for (i = 0; i < n; i += 4)
	{
		uint64_t	a = float_pair(values, n, i);
		uint64_t	b = float_pair(values, n, i + 2);

		h.low = step(h.low, a, b);
		h.high = step_other(h.high, a, b);
	}
	h.low = mlops_hash_mix(h.low ^ (uint64_t) n * KEY_B);
	h.high = mlops_hash_mix(h.high + (uint64_t) n * KEY_D);
	return h;
}

double
mlops_hash_unit(uint64_t hash)
{
	return (double) (hash >> 11) * 0x1p-53;
}

void
mlops_fingerprint_init(MlopsFingerprint *fingerprint)
{
	memset(fingerprint, 0, sizeof(*fingerprint));
}

/*
 * The sum counts a row as often as it comes, which an xor would not.  The
 * chain is, for a given row, a bijection of its 128 bits.
 */
void
mlops_fingerprint_add(MlopsFingerprint *fingerprint, MlopsHash128 row)
{
	MlopsHash128 *sum = &fingerprint->sum;
	MlopsHash128 *chain = &fingerprint->chain;

	sum->low += row.low;
	sum->high += row.high + (sum->low < row.low);

	chain->low = mlops_hash_mix((chain->low ^ row.low) + KEY_A);
	chain->high = mlops_hash_mix((chain->high ^ row.high) +
								 rotate(chain->low, 23));
	fingerprint->n_rows++;
}

void
mlops_fingerprint_hex(const MlopsFingerprint *fingerprint,
					  char ordered[MLOPS_FINGERPRINT_HEX],
					  char unordered[MLOPS_FINGERPRINT_HEX])
{
	hex_digits(fingerprint->chain.high, ordered);
	hex_digits(fingerprint->chain.low, ordered + 16);
	hex_digits(fingerprint->sum.high, unordered);
	hex_digits(fingerprint->sum.low, unordered + 16);
}

/* The two halves of the 128-bit product a * b, folded together. */
static inline uint64_t
fold(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
	unsigned __int128 product = (unsigned __int128) a * b;

	return (uint64_t) product ^ (uint64_t) (product >> 64);
#else
	uint64_t	low = (uint32_t) a * (uint64_t) (uint32_t) b;
	uint64_t	mid1 = (a >> 32) * (uint32_t) b + (low >> 32);
	uint64_t	mid2 = (uint32_t) a * (b >> 32) + (uint32_t) mid1;
	uint64_t	high = (a >> 32) * (b >> 32) + (mid1 >> 32) + (mid2 >> 32);

	return (mid2 << 32 | (uint32_t) low) ^ high;
#endif
}

/*
 * Take two words into the hash.  The hash goes on beside the product too, so
 * that a factor that happens to be 0 does not lose what came before.
 */
static inline uint64_t
step(uint64_t h, uint64_t a, uint64_t b)
{
	return rotate(h, 29) + fold(a ^ h ^ KEY_A, b ^ KEY_B);
}

/* The same with other keys and the words' places changed. */
static inline uint64_t
step_other(uint64_t h, uint64_t a, uint64_t b)
{
	return rotate(h, 37) + fold(a ^ KEY_C, b ^ h ^ KEY_D);
}

/* x with its bits moved left in a circle, 0 < bits < 64. */
static inline uint64_t
rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

/* Up to 8 bytes as a little-endian number, zeros above. */
static inline uint64_t
load_bytes(const unsigned char *p, size_t len)
{
	uint64_t	word = 0;
	size_t		i;

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	if (len == 8)
	{
		memcpy(&word, p, 8);
		return word;
	}
#endif
	for (i = 0; i < len; i++)
		word |= (uint64_t) p[i] << (8 * i);
	return word;
}

/* The bits of a float, one pattern for all NaN and one for both zeros. */
static inline uint32_t
float_bits(float value)
{
	uint32_t	bits;

	value += 0.0f;
	memcpy(&bits, &value, sizeof(bits));
	return isnan(value) ? 0x7fc00000 : bits;
}

/* The floats at i and i + 1 as one word, 0 for what lies behind the end. */
static inline uint64_t
float_pair(const float *values, int n, int i)
{
	uint64_t	low = i < n ? float_bits(values[i]) : 0;
	uint64_t	high = i + 1 < n ? float_bits(values[i + 1]) : 0;

	return low | high << 32;
}

/* 16 hex digits and a zero byte. */
static void
hex_digits(uint64_t value, char *out)
{
	int			i;

	for (i = 15; i >= 0; i--, value >>= 4)
		out[i] = "0123456789abcdef"[value & 15];
	out[16] = '\0';
}
