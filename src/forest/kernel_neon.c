/*
 * kernel_neon.c
 *		Evaluation with NEON: look-ups in 64 bytes, 16 rows in a vector.
 */
#include "forest/path.h"
#include "forest/ranks.h"

#ifdef MLOPS_HAVE_NEON

#include <arm_neon.h>

#define KERNEL(name) mlops_neon_##name
#define KERNEL_TARGET

#define INLINE inline __attribute__((always_inline))

/*
 * The rank in a group of one block.
 */
static INLINE unsigned
rank_in_block(const float *block, float feature)
{
	float32x4_t all = vdupq_n_f32(feature);
	uint32x4_t	low = vaddq_u32(vcleq_f32(vld1q_f32(block), all),
								vcleq_f32(vld1q_f32(block + 4), all));
	uint32x4_t	high = vaddq_u32(vcleq_f32(vld1q_f32(block + 8), all),
								 vcleq_f32(vld1q_f32(block + 12), all));

	/* Each compare that holds counts -1. */
	return -vaddvq_u32(vaddq_u32(low, high));
}

/*
 * The rank in a group of more than one block.
 */
static INLINE unsigned
rank_in_blocks(const float *block, float feature)
{
	unsigned	count = rank_in_block(block, feature) * MLOPS_CUT_BLOCK;

	return count + rank_in_block(block + MLOPS_CUT_BLOCK + count, feature);
}

/*
 * All bits for NaN, none else.
 */
static INLINE unsigned
missing_bits(float feature)
{
	return -(unsigned) (feature != feature);
}

/*
 * Is one of n features NaN?
 */
static INLINE bool
any_missing(const float *row, uint32_t n)
{
	unsigned	missing = 0;
	uint32_t	i;

	for (i = 0; i < n; i++)
		missing |= missing_bits(row[i]);
	return missing != 0;
}

/* Biased ranks of all slots. */
typedef struct Table
{
	uint8x16x4_t ranks;
} Table;

/*
 * Fill the table from the ranks of 64 slots.
 */
static INLINE void
table_load(Table *table, const uint64_t *slots, const bool half)
{
	int			i;

	for (i = 0; i < 4; i++)
		table->ranks.val[i] = veorq_u8(
			vcombine_u8(vcreate_u8(slots[2 * i]),
						vcreate_u8(slots[2 * i + 1])),
			vdupq_n_u8(MLOPS_RANK_BIAS));
}

/*
 * Compare 16 splits of a unit, and leave of each one bit of its own.  Bit 6
 * tells which table has the rank, if there are two.
 */
static INLINE uint8x16_t
compare_quarter(const Table *table, const Table *lowest,
				const MlopsUnit *unit, int quarter)
{
	static const uint8_t bits[16] = {
		1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128
	};
	uint8x16_t	at = vld1q_u8(unit->table + 16 * quarter);
	uint8x16_t	rank = vqtbl4q_u8(table->ranks,
								  vandq_u8(at,
										   vdupq_n_u8(MLOPS_CHUNK_SLOTS - 1)));
	int8x16_t	bound = vreinterpretq_s8_u8(vld1q_u8(unit->bound +
													 16 * quarter));

	if (lowest != NULL)
		rank = vbslq_u8(vtstq_u8(at, vdupq_n_u8(MLOPS_CHUNK_SLOTS)),
						vqtbl4q_u8(lowest->ranks,
								   vandq_u8(at, vdupq_n_u8(MLOPS_CHUNK_SLOTS -
														   1))), rank);
	return vandq_u8(vcgtq_s8(vreinterpretq_s8_u8(rank), bound),
					vld1q_u8(bits));
}

/*
 * Compare all quarters.
 */
static INLINE uint64_t
compare_quarters(const Table *table, const Table *lowest,
				 const MlopsUnit *unit)
{
	uint8x16_t	low = vpaddq_u8(compare_quarter(table, lowest, unit, 0),
								compare_quarter(table, lowest, unit, 1));
	uint8x16_t	high = vpaddq_u8(compare_quarter(table, lowest, unit, 2),
								 compare_quarter(table, lowest, unit, 3));
	uint8x16_t	sums = vpaddq_u8(low, high);

	sums = vpaddq_u8(sums, sums);
	return vgetq_lane_u64(vreinterpretq_u64_u8(sums), 0);
}

/*
 * Compare all splits of a unit: a bit for each, set if it goes right.
 */
static INLINE uint64_t
table_compare(const Table *table, const MlopsUnit *unit, const int tables)
{
	return compare_quarters(table, NULL, unit);
}

/*
 * The same if values may be missing.
 */
static INLINE uint64_t
table_compare_missing(const Table *table, const Table *lowest,
					  const MlopsUnit *unit, const int tables)
{
	return compare_quarters(table, lowest, unit);
}

#define LANES 16
#define KERNEL_PARTS 2
typedef uint8x16_t Lanes;
typedef uint8x16_t Mask;

/* Which of these ranks reach a limit, and go right? */
static INLINE Mask
lanes_compare(const uint8_t *ranks, uint8_t limit)
{
	return vcgeq_s8(vreinterpretq_s8_u8(vld1q_u8(ranks)),
					vdupq_n_s8((int8_t) limit));
}

/* Way n, or n + 1 where the mask is set. */
static INLINE Lanes
lanes_way(Mask mask, int n)
{
	return vsubq_u8(vdupq_n_u8(n), mask);
}

/* The right where the mask is set, else the left. */
static INLINE Lanes
lanes_choose(Mask mask, Lanes left, Lanes right)
{
	return vbslq_u8(mask, right, left);
}

/* Every way plus n. */
static INLINE Lanes
lanes_add(Lanes ways, int n)
{
	return vaddq_u8(ways, vdupq_n_u8(n));
}

/* Write the bytes of a vector. */
static INLINE void
lanes_store(uint8_t *to, Lanes from)
{
	vst1q_u8(to, from);
}

/*
 * Add the leaf of each row's way to its sum.
 */
static INLINE void
add_ways(const float *leaves, const uint8_t *ways, uint32_t n, float *sums,
		 MlopsShape shape)
{
	uint32_t	i;

	for (i = 0; i < n; i++)
		sums[i] += leaves[ways[i]];
}

#include "forest/kernel_row.h"
#include "forest/kernel_batch.h"

#endif							/* MLOPS_HAVE_NEON */
