/*
 * kernel_avx512.c
 *		Evaluation with AVX-512 VBMI: 64 bytes in a register, 64 rows in a
 *		vector.
 */
#include "forest/path.h"
#include "forest/ranks.h"

#ifdef MLOPS_HAVE_X86

#include <immintrin.h>

#define KERNEL(name) mlops_avx512_##name
#define KERNEL_TARGET \
	__attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx2," \
						  "popcnt,bmi,bmi2,lzcnt")))
#define KERNEL_ROW

#define INLINE KERNEL_TARGET static inline __attribute__((always_inline))

/*
 * How many of 16 cuts are not above the feature?
 */
INLINE unsigned
count_cuts(const float *cuts, float feature)
{
	return __builtin_popcount(
		_mm512_cmp_ps_mask(_mm512_load_ps(cuts), _mm512_set1_ps(feature),
						   _CMP_LE_OQ));
}

/* The ranks of all slots. */
typedef struct Table
{
	__m512i		ranks;
} Table;

/*
 * Fill the table from the ranks of 64 slots.
 */
INLINE void
table_load(Table *table, const uint64_t *slots)
{
	table->ranks = _mm512_set_epi64(slots[7], slots[6], slots[5], slots[4],
									slots[3], slots[2], slots[1], slots[0]);
}

/*
 * Compare all splits of a unit: a bit for each, set if it goes right.
 */
INLINE uint64_t
table_compare(const Table *table, const MlopsUnit *unit, const int tables)
{
	__m512i		rank = _mm512_permutexvar_epi8(
		_mm512_load_si512(unit->table), table->ranks);

	rank = _mm512_add_epi8(rank, _mm512_load_si512(unit->shift));
	return _cvtmask64_u64(
		_mm512_cmpgt_epi8_mask(rank, _mm512_load_si512(unit->bound)));
}

#define LANES 64
typedef __m512i Lanes;
typedef __mmask64 Mask;

/* Which of these ranks are above a bound? */
INLINE Mask
lanes_above(const uint8_t *ranks, uint8_t bound)
{
	return _mm512_cmpgt_epi8_mask(_mm512_loadu_si512(ranks),
								  _mm512_set1_epi8((char) bound));
}

/* Way n, or n + 1 where the mask is set. */
INLINE Lanes
lanes_way(Mask mask, int n)
{
	return _mm512_mask_mov_epi8(_mm512_set1_epi8((char) n), mask,
								_mm512_set1_epi8((char) (n + 1)));
}

/* The right where the mask is set, else the left. */
INLINE Lanes
lanes_choose(Mask mask, Lanes left, Lanes right)
{
	return _mm512_mask_blend_epi8(mask, left, right);
}

/* Write the bytes of a vector. */
INLINE void
lanes_store(uint8_t *to, Lanes from)
{
	_mm512_storeu_si512(to, from);
}

/*
 * Add the leaf of each row's way to its sum.
 */
INLINE void
add_ways(const float *leaves, const uint8_t *ways, uint32_t n, float *sums,
		 MlopsShape shape)
{
	uint32_t	i;

	for (i = 0; i < n; i++)
		sums[i] += leaves[ways[i]];
}

#include "forest/kernel.h"

#endif							/* MLOPS_HAVE_X86 */
