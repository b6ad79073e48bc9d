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
 * The lanes of a record's splits, and behind them their bounds.
 */
static INLINE __m128i
record_splits(const MlopsRecord *record)
{
	return _mm_load_si128((const __m128i *) record->lane);
}

/*
 * Compare the ranks of the lanes with the bounds.
 */
static INLINE unsigned
compare_splits(__m512i ranks, __m128i splits)
{
	return (uint8_t) _cvtmask16_u32(
		_mm_cmpgt_epi8_mask(_mm512_castsi512_si128(ranks),
							_mm_srli_si128(splits, 8)));
}

/*
 * The compares of a record.
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

#define KERNEL_DECIDE_ROWS

/*
 * The ranks of lanes by a row's table of so many parts of 16 bytes; if that is
 * negative, as many are for missing values lowest, which bit 6 of a lane asks
 * for.
 */
static INLINE __m256i
row_look_up(const uint8_t *row, __m256i lanes, const int tables)
{
	__m512i		at = _mm512_castsi256_si512(lanes);
	__m256i		ranks;

	if (tables == 4)
		return _mm512_castsi512_si256(
			_mm512_permutexvar_epi8(at, _mm512_load_si512(row)));
	if (tables == -4)
		return _mm512_castsi512_si256(_mm512_permutex2var_epi8(
			_mm512_load_si512(row), at, _mm512_load_si512(row + 64)));
	ranks = _mm256_permutexvar_epi8(lanes,
									_mm256_load_si256((const __m256i *) row));
	if (tables > 0)
		return ranks;
	return _mm256_mask_permutexvar_epi8(
		ranks,
		_mm256_test_epi8_mask(lanes, _mm256_set1_epi8(MLOPS_CHUNK_SLOTS)),
		lanes, _mm256_load_si256((const __m256i *) (row + 32)));
}

/*
 * The compares of two records for each of two rows.
 */
static INLINE uint32_t
decide_rows(const uint8_t *row, const uint8_t *next,
			const MlopsRecord **first, const MlopsRecord **second,
			const int tables)
{
	__m256i		at = _mm256_inserti128_si256(
		_mm256_castsi128_si256(record_splits(first[0])),
		record_splits(second[0]), 1);
	__m256i		at_next = _mm256_inserti128_si256(
		_mm256_castsi128_si256(record_splits(first[1])),
		record_splits(second[1]), 1);
	__m256i		ranks = _mm256_unpacklo_epi64(
		row_look_up(row, at, tables), row_look_up(next, at_next, tables));

	return _cvtmask32_u32(
		_mm256_cmpgt_epi8_mask(ranks, _mm256_unpackhi_epi64(at, at_next)));
}

#define DECIDED(right, row, tree) \
	((uint8_t) ((right) >> (8 * (row) + 16 * (tree))))

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

/* The sum of two vectors of ways. */
static INLINE Lanes
lanes_sum(Lanes a, Lanes b)
{
	return _mm512_add_epi8(a, b);
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
