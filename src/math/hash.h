/*
 * hash.h
 *		64-bit hashes for splits and keys, 128-bit fingerprints of rows.
 *
 * Plain C, no allocation, no failure.  The values are part of what is stored:
 * they are the same on every machine, whatever its byte order, and must never
 * change (the unit test pins some).  They protect against accident, not
 * against somebody who looks for a collision.
 */
#ifndef MLOPS_HASH_H
#define MLOPS_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Room for 32 hex digits and the end of the string. */
#define MLOPS_FINGERPRINT_HEX 33

typedef struct MlopsHash128
{
	uint64_t	low;
	uint64_t	high;
} MlopsHash128;

/* What has been added to it so far; all zero is the start. */
typedef struct MlopsFingerprint
{
	uint64_t	n_rows;
	MlopsHash128 sum;			/* of the row hashes, modulo 2^128 */
	MlopsHash128 chain;			/* depends on their order as well */
} MlopsFingerprint;

/* A bijection of 64-bit values in which every bit moves every bit. */
extern uint64_t mlops_hash_mix(uint64_t x);

/* The hash of len bytes; NULL is allowed when len is 0. */
extern uint64_t mlops_hash_bytes(const void *bytes, size_t len, uint64_t seed);

/* The hash of n floats; all NaN are one value, and so are -0.0 and 0.0. */
extern uint64_t mlops_hash_row(const float *values, int n, uint64_t seed);

/* 128 bits over n words, and over n floats that are treated as above. */
extern MlopsHash128 mlops_hash128_words(const uint64_t *words, int n);
extern MlopsHash128 mlops_hash128_floats(const float *values, int n);

/* A number in [0, 1) out of the upper 53 bits of a hash. */
extern double mlops_hash_unit(uint64_t hash);

/* Start a fingerprint; a zeroed struct is the same. */
extern void mlops_fingerprint_init(MlopsFingerprint *fingerprint);

/* Count one row in, given its hash. */
extern void mlops_fingerprint_add(MlopsFingerprint *fingerprint,
								  MlopsHash128 row);

/* The two values in hex, each followed by a zero byte. */
extern void mlops_fingerprint_hex(const MlopsFingerprint *fingerprint,
								  char ordered[MLOPS_FINGERPRINT_HEX],
								  char unordered[MLOPS_FINGERPRINT_HEX]);

#endif							/* MLOPS_HASH_H */
