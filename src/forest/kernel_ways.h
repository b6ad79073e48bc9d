/*
 * kernel_ways.h
 *		Tables of the ways through three levels of a tree, by its compares.
 */
#ifndef MLOPS_FOREST_KERNEL_WAYS_H
#define MLOPS_FOREST_KERNEL_WAYS_H

#include "forest/ranks.h"

/* Ways through the three splits of bits 0 .. 2, then 1 .. 3, then ... */
#define BIT(k, n) ((k) >> (n) & 1)
#define TWO(k) (2 * BIT(k, 0) + BIT(k, 1 + BIT(k, 0)))
#define THREE(k) (2 * TWO(k) + BIT(k, 3 + TWO(k)))
#define TIMES_2(f, k) f(k), f((k) + 1)
#define TIMES_8(f, k) TIMES_2(f, k), TIMES_2(f, (k) + 2), \
	TIMES_2(f, (k) + 4), TIMES_2(f, (k) + 6)
#define TIMES_32(f, k) TIMES_8(f, k), TIMES_8(f, (k) + 8), \
	TIMES_8(f, (k) + 16), TIMES_8(f, (k) + 24)
#define TIMES_128(f, k) TIMES_32(f, k), TIMES_32(f, (k) + 32), \
	TIMES_32(f, (k) + 64), TIMES_32(f, (k) + 96)
#define TIMES_256(f) TIMES_128(f, 0), TIMES_128(f, 128)
#define THREE_BY_8(k) (8 * THREE(k))
#define THREE_START(k) (7 + 7 * THREE(k))

static const uint8_t three[128] = {TIMES_128(THREE, 0)};
static const uint8_t three_by_8[128] = {TIMES_128(THREE_BY_8, 0)};
static const uint8_t three_start[128] = {TIMES_128(THREE_START, 0)};
static const uint8_t two[8] = {TIMES_8(TWO, 0)};

/* The same for five levels, in bytes of the records. */
#define TWO_START(k) (3 + 7 * TWO(k))
#define TWO_BYTES(k) (8 * sizeof(MlopsRecord) * TWO(k))
#define THREE_BYTES(k) (sizeof(MlopsRecord) * THREE(k))

static const uint8_t two_start[8] = {TIMES_8(TWO_START, 0)};
static const uint16_t two_bytes[8] = {TIMES_8(TWO_BYTES, 0)};
static const uint16_t three_bytes[128] = {TIMES_128(THREE_BYTES, 0)};

/* The leaf of a record, whatever the compare of its last split says. */
static const uint8_t record_leaves[256] = {TIMES_256(THREE)};

#endif							/* MLOPS_FOREST_KERNEL_WAYS_H */
