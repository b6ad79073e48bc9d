/*
 * kernel_avx512.c
 *		Evaluation with AVX-512 VBMI: 64 bytes in a register, 64 rows in a
 *		vector.
 */
#include "forest/path.h"
#include "forest/ranks.h"

#ifdef MLOPS_HAVE_X86

#include <immintrin.h>

#include "forest/kernel_ways.h"

#define KERNEL(name) mlops_avx512_##name
#define KERNEL_TARGET \
	__attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx2," \
						  "popcnt,bmi,bmi2,lzcnt")))

#define INLINE KERNEL_TARGET inline __attribute__((always_inline))

/*
 * The rank in a group of one block.
 */
static INLINE uint64_t
rank_in_block(const float *block, float feature)
{
	/* This way round the compare reads memory; 64 bits need no extension. */
	return (uint64_t) __builtin_popcountll(_cvtmask64_u64(
		_mm512_cmp_ps_mask(_mm512_set1_ps(feature), _mm512_load_ps(block),
						   _CMP_GE_OQ)));
}

/*
 * The rank in a group of more.
 */
static INLINE unsigned
rank_in_blocks(const float *block, float feature)
{
	uint64_t	count = rank_in_block(block, feature) * MLOPS_CUT_BLOCK;

	return count + rank_in_block(block + MLOPS_CUT_BLOCK + count, feature);
}

/*
 * All bits for NaN, none else.
 */
static INLINE unsigned
missing_bits(float feature)
{
	__m128		low = _mm_set_ss(feature);

	return _mm_cvtsi128_si32(_mm_castps_si128(_mm_cmpunord_ss(low, low)));
}

/*
 * Is one of n features NaN?
 */
static INLINE bool
any_missing(const float *row, uint32_t n)
{
	__m256		all = _mm256_setzero_ps();
	unsigned	missing = 0;
	__m256		some;
	uint32_t	i;

	for (i = 0; i + 8 <= n; i += 8)
	{
		some = _mm256_loadu_ps(row + i);
		all = _mm256_or_ps(all, _mm256_cmp_ps(some, some, _CMP_UNORD_Q));
	}
	if (n > 8 && i < n)
	{
		some = _mm256_loadu_ps(row + n - 8);
		all = _mm256_or_ps(all, _mm256_cmp_ps(some, some, _CMP_UNORD_Q));
		i = n;
	}
	for (; i < n; i++)
		missing |= missing_bits(row[i]);
	return (missing | _mm256_movemask_ps(all)) != 0;
}

/* Biased ranks of all slots. */
typedef struct Table
{
	__m512i		ranks;
} Table;

/*
 * Fill the table from the ranks of 64 slots.
 */
static INLINE void
table_load(Table *table, const volatile uint64_t *slots, const bool half)
{
	table->ranks = _mm512_xor_si512(
		_mm512_set_epi64(slots[7], slots[6], slots[5], slots[4], slots[3],
						 slots[2], slots[1], slots[0]),
		_mm512_set1_epi8((char) MLOPS_RANK_BIAS));
}

/*
 * Compare all splits of a unit: a bit for each, set if it goes right.
 */
static INLINE uint64_t
table_compare(const Table *table, const MlopsUnit *unit, const int tables)
{
	__m512i		rank = _mm512_permutexvar_epi8(
		_mm512_load_si512(unit->table), table->ranks);

	return _cvtmask64_u64(
		_mm512_cmpgt_epi8_mask(rank, _mm512_load_si512(unit->bound)));
}

/*
 * The same if values may be missing: bit 6 tells which table has the rank.
 */
static INLINE uint64_t
table_compare_missing(const Table *table, const Table *lowest,
					  const MlopsUnit *unit, const int tables)
{
	__m512i		rank = _mm512_permutex2var_epi8(
		table->ranks, _mm512_load_si512(unit->table), lowest->ranks);

	return _cvtmask64_u64(
		_mm512_cmpgt_epi8_mask(rank, _mm512_load_si512(unit->bound)));
}

#define KERNEL_DECIDE

/*
 * The splits of records below a way: eight words, each a lane and a bound.
 */
static INLINE __m128i
record_splits(const MlopsRecord *record)
{
	return _mm_castps_si128(_mm_shuffle_ps(
		_mm_loadu_ps((const float *) record),
		_mm_loadu_ps((const float *) (record + 2)), _MM_SHUFFLE(3, 0, 3, 0)));
}

/*
 * Compare them.  The rank of a lane is above the bound if the word with the
 * rank as its higher byte and 0 is above the word of the split.
 */
static INLINE unsigned
compare_splits(__m512i ranks, __m128i splits)
{
	return _cvtmask16_u32(_mm_cmpgt_epi16_mask(
		_mm_slli_epi16(_mm512_castsi512_si128(ranks), 8), splits));
}

/*
 * The compares of the records below a way.
 */
static INLINE unsigned
table_decide(const Table *table, const MlopsRecord *record, const int tables)
{
	__m128i		splits = record_splits(record);

	return compare_splits(
		_mm512_permutexvar_epi8(_mm512_castsi128_si512(splits), table->ranks),
		splits);
}

/*
 * The same if values may be missing.
 */
static INLINE unsigned
table_decide_missing(const Table *table, const Table *lowest,
					 const MlopsRecord *record, const int tables)
{
	__m128i		splits = record_splits(record);

	return compare_splits(
		_mm512_permutex2var_epi8(table->ranks, _mm512_castsi128_si512(splits),
								 lowest->ranks), splits);
}

#define KERNEL_WAYS

/* Look bytes up in a table of 128. */
static INLINE __m512i
look_up(const uint8_t *table, __m512i at)
{
	return _mm512_maskz_permutex2var_epi8(
		UINT64_C(0x0101010101010101), _mm512_loadu_si512(table), at,
		_mm512_loadu_si512(table + 64));
}

/*
 * The ways through eight trees of six levels, by their compares.
 */
static INLINE uint64_t
find_ways(const uint64_t *right)
{
	const __m512i seven = _mm512_set1_epi64(127);
	__m512i		all = _mm512_load_si512(right);
	__m512i		top = _mm512_and_si512(all, seven);
	__m512i		below = _mm512_and_si512(
		_mm512_srlv_epi64(all, look_up(three_start, top)), seven);

	return _mm_cvtsi128_si64(_mm512_cvtepi64_epi8(
		_mm512_add_epi64(look_up(three_by_8, top), look_up(three, below))));
}

#define LANES 64
#define KERNEL_PARTS 2
typedef __m512i Lanes;
typedef __mmask64 Mask;

/* Which of these ranks reach a limit, and go right? */
static INLINE Mask
lanes_compare(const uint8_t *ranks, uint8_t limit)
{
	return _mm512_cmple_epi8_mask(_mm512_set1_epi8((char) limit),
								  _mm512_loadu_si512(ranks));
}

/* Way n, or n + 1 where the mask is set. */
static INLINE Lanes
lanes_way(Mask mask, int n)
{
	return _mm512_mask_mov_epi8(_mm512_set1_epi8((char) n), mask,
								_mm512_set1_epi8((char) (n + 1)));
}

/* The right where the mask is set, else the left. */
static INLINE Lanes
lanes_choose(Mask mask, Lanes left, Lanes right)
{
	return _mm512_mask_blend_epi8(mask, left, right);
}

/* Every way plus n. */
static INLINE Lanes
lanes_add(Lanes ways, int n)
{
	return _mm512_add_epi8(ways, _mm512_set1_epi8((char) n));
}

/* Write the bytes of a vector. */
static INLINE void
lanes_store(uint8_t *to, Lanes from)
{
	_mm512_storeu_si512(to, from);
}

/*
 * Add the leaf of each row's way to its sum.
 */
static INLINE void
add_ways(const float *leaves, const uint8_t *ways, uint32_t n, float *sums,
		 MlopsShape shape)
{
	uint32_t	width = MLOPS_SHAPE_WIDTH(shape);
	__m512		all[4];
	uint32_t	i;

	/* A tree of three levels has but eight leaves; beyond lies the next's. */
	all[0] = width < 16 ?
		_mm512_castps256_ps512(_mm256_loadu_ps(leaves)) :
		_mm512_loadu_ps(leaves);
	all[1] = width > 16 ? _mm512_loadu_ps(leaves + 16) : all[0];
	all[2] = width > 32 ? _mm512_loadu_ps(leaves + 32) : all[0];
	all[3] = width > 32 ? _mm512_loadu_ps(leaves + 48) : all[0];
	for (i = 0; i < n; i += 16)
	{
		__m512i		way = _mm512_cvtepu8_epi32(
			_mm_loadu_si128((const __m128i *) (ways + i)));
		__m512		leaf = _mm512_permutex2var_ps(all[0], way, all[1]);

		if (width > 32)
			leaf = _mm512_mask_blend_ps(
				_mm512_test_epi32_mask(way, _mm512_set1_epi32(32)), leaf,
				_mm512_permutex2var_ps(all[2], way, all[3]));
		_mm512_storeu_ps(sums + i, _mm512_add_ps(_mm512_loadu_ps(sums + i),
												 leaf));
	}
}

#include "forest/kernel_row.h"
#include "forest/kernel_batch.h"

#endif							/* MLOPS_HAVE_X86 */
