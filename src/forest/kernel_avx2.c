/*
 * kernel_avx2.c
 *		Evaluation with AVX2: shuffles of 16 bytes, 32 rows in a vector.
 */
#include "forest/path.h"
#include "forest/ranks.h"

#ifdef MLOPS_HAVE_X86

#include <immintrin.h>

#define KERNEL(name) mlops_avx2_##name
#define KERNEL_TARGET __attribute__((target("avx2,popcnt,bmi,bmi2,lzcnt")))
#define KERNEL_TABLES

#define INLINE KERNEL_TARGET inline __attribute__((always_inline))

/*
 * Twice the number of 16 cuts that are not above the feature.
 */
static INLINE uint64_t
count_twice(const float *block, float feature)
{
	__m256		all = _mm256_set1_ps(feature);
	__m256i		low = _mm256_castps_si256(
		_mm256_cmp_ps(all, _mm256_load_ps(block), _CMP_GE_OQ));
	__m256i		high = _mm256_castps_si256(
		_mm256_cmp_ps(all, _mm256_load_ps(block + 8), _CMP_GE_OQ));

	return (unsigned) __builtin_popcount((unsigned) _mm256_movemask_epi8(
		_mm256_packs_epi32(low, high)));
}

/*
 * The rank in a group of one block.
 */
static INLINE unsigned
rank_in_block(const float *block, float feature)
{
	return count_twice(block, feature) / 2;
}

/*
 * The rank in a group of more.
 */
static INLINE unsigned
rank_in_blocks(const float *block, float feature)
{
	uint64_t	count = count_twice(block, feature) * (MLOPS_CUT_BLOCK / 2);

	return count + count_twice(block + MLOPS_CUT_BLOCK + count, feature) / 2;
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

/* Sixteen biased ranks in both halves of a register, four times. */
typedef struct Table
{
	__m256i		part[4];
} Table;

/*
 * Fill the table, or its first half, from the ranks of 64 slots.
 */
static INLINE void
table_load(Table *table, const volatile uint64_t *slots, const bool half)
{
	int			i;

	for (i = 0; i < (half ? 2 : 4); i++)
		table->part[i] = _mm256_xor_si256(
			_mm256_broadcastsi128_si256(
				_mm_set_epi64x(slots[2 * i + 1], slots[2 * i])),
			_mm256_set1_epi8((char) MLOPS_RANK_BIAS));
}

/*
 * The ranks of half of a unit's splits.  A shuffle gives 0 where bit 7 is set,
 * so two parts that differ in that bit are united by an or, and the pairs of
 * them are told apart by bit 5.
 */
static INLINE __m256i
ranks_half(const Table *table, __m256i at, const int tables)
{
	__m256i		flipped = _mm256_xor_si256(at, _mm256_set1_epi8(-128));
	__m256i		rank = _mm256_or_si256(
		_mm256_shuffle_epi8(table->part[0], at),
		_mm256_shuffle_epi8(table->part[1], flipped));

	if (tables > 2)
	{
		__m256i		other = _mm256_shuffle_epi8(table->part[2], at);

		if (tables > 3)
			other = _mm256_or_si256(other, _mm256_shuffle_epi8(table->part[3],
															   flipped));
		rank = _mm256_blendv_epi8(rank, other, _mm256_slli_epi16(at, 2));
	}
	return rank;
}

/*
 * Compare half of a unit's splits.
 */
static INLINE uint32_t
compare_half(const Table *table, const MlopsUnit *unit, const int half,
			 const int tables)
{
	const __m256i *line = (const __m256i *) unit + half;
	__m256i		rank = ranks_half(table, _mm256_load_si256(line), tables);

	return _mm256_movemask_epi8(
		_mm256_cmpgt_epi8(rank, _mm256_load_si256(line + 2)));
}

/*
 * The same if values may be missing: bit 6 tells which table has the rank.
 */
static INLINE uint32_t
compare_half_missing(const Table *table, const Table *lowest,
					 const MlopsUnit *unit, const int half, const int tables)
{
	const __m256i *line = (const __m256i *) unit + half;
	__m256i		at = _mm256_load_si256(line);
	__m256i		rank = _mm256_blendv_epi8(ranks_half(table, at, tables),
										  ranks_half(lowest, at, tables),
										  _mm256_add_epi8(at, at));

	return _mm256_movemask_epi8(
		_mm256_cmpgt_epi8(rank, _mm256_load_si256(line + 2)));
}

/*
 * Compare all splits of a unit: a bit for each, set if it goes right.
 */
static INLINE uint64_t
table_compare(const Table *table, const MlopsUnit *unit, const int tables)
{
	return compare_half(table, unit, 0, tables) |
		(uint64_t) compare_half(table, unit, 1, tables) << 32;
}

/*
 * The same if values may be missing.
 */
static INLINE uint64_t
table_compare_missing(const Table *table, const Table *lowest,
					  const MlopsUnit *unit, const int tables)
{
	return compare_half_missing(table, lowest, unit, 0, tables) |
		(uint64_t) compare_half_missing(table, lowest, unit, 1, tables) << 32;
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
 * The ranks of their lanes in the lower half; see ranks_half().
 */
static INLINE __m128i
record_ranks(const Table *table, __m128i at, const int tables)
{
	__m128i		part[4];
	__m128i		flipped = _mm_xor_si128(at, _mm_set1_epi8(-128));
	__m128i		rank;
	int			i;

#pragma GCC unroll 4
	for (i = 0; i < tables; i++)
		part[i] = _mm256_castsi256_si128(table->part[i]);
	rank = _mm_or_si128(_mm_shuffle_epi8(part[0], at),
						_mm_shuffle_epi8(part[1], flipped));
	if (tables > 2)
	{
		__m128i		other = _mm_shuffle_epi8(part[2], at);

		if (tables > 3)
			other = _mm_or_si128(other, _mm_shuffle_epi8(part[3], flipped));
		rank = _mm_blendv_epi8(rank, other, _mm_slli_epi16(at, 2));
	}
	return rank;
}

/*
 * Compare them with the bounds.
 */
static INLINE unsigned
compare_splits(__m128i ranks, __m128i splits)
{
	return (uint8_t) _mm_movemask_epi8(
		_mm_cmpgt_epi8(ranks, _mm_srli_si128(splits, 8)));
}

/*
 * The compares of a record.
 */
static INLINE unsigned
table_decide(const Table *table, const MlopsRecord *record, const int tables)
{
	__m128i		splits = record_splits(record);

	return compare_splits(record_ranks(table, splits, tables), splits);
}

/*
 * The same if values may be missing.
 */
static INLINE unsigned
table_decide_missing(const Table *table, const Table *lowest,
					 const MlopsRecord *record, const int tables)
{
	__m128i		splits = record_splits(record);
	__m128i		ranks = _mm_blendv_epi8(
		record_ranks(table, splits, tables),
		record_ranks(lowest, splits, tables), _mm_add_epi8(splits, splits));

	return compare_splits(ranks, splits);
}

#define KERNEL_DECIDE_ROWS

/*
 * A part of a row's table in both halves of a register.
 */
static INLINE __m256i
row_part(const uint8_t *row, int part)
{
	return _mm256_broadcastsi128_si256(
		_mm_load_si128((const __m128i *) row + part));
}

/*
 * The ranks of the lanes in both halves; see ranks_half().
 */
static INLINE __m256i
row_ranks(const uint8_t *row, __m256i at, const int tables)
{
	Table		table;
	int			i;

#pragma GCC unroll 4
	for (i = 0; i < tables; i++)
		table.part[i] = row_part(row, i);
	return ranks_half(&table, at, tables);
}

/*
 * The same by a table of so many parts; if that is negative, as many are for
 * missing values lowest.
 */
static INLINE __m256i
row_look_up(const uint8_t *row, __m256i at, const int tables)
{
	if (tables >= 0)
		return row_ranks(row, at, tables);
	return _mm256_blendv_epi8(row_ranks(row, at, -tables),
							  row_ranks(row - 16 * tables, at, -tables),
							  _mm256_add_epi8(at, at));
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

	return _mm256_movemask_epi8(
		_mm256_cmpgt_epi8(ranks, _mm256_unpackhi_epi64(at, at_next)));
}

#define DECIDED(right, row, tree) \
	((uint8_t) ((right) >> (8 * (row) + 16 * (tree))))

#define LANES 32
#define KERNEL_PARTS 4
typedef __m256i Lanes;
typedef __m256i Mask;

/*
 * Which of these ranks are below a limit, and go left?  This way round the
 * compare reads memory.
 */
static INLINE Mask
lanes_compare(const uint8_t *ranks, uint8_t limit)
{
	return _mm256_cmpgt_epi8(_mm256_set1_epi8((char) limit),
							 _mm256_loadu_si256((const __m256i *) ranks));
}

/* Way n + 1, or n where the mask is set. */
static INLINE Lanes
lanes_way(Mask mask, int n)
{
	return _mm256_add_epi8(mask, _mm256_set1_epi8((char) (n + 1)));
}

/* The left where the mask is set, else the right. */
static INLINE Lanes
lanes_choose(Mask mask, Lanes left, Lanes right)
{
	return _mm256_blendv_epi8(right, left, mask);
}

/* Every way plus n. */
static INLINE Lanes
lanes_add(Lanes ways, int n)
{
	return _mm256_add_epi8(ways, _mm256_set1_epi8((char) n));
}

/* The sum of two vectors of ways. */
static INLINE Lanes
lanes_sum(Lanes a, Lanes b)
{
	return _mm256_add_epi8(a, b);
}

/* Write the bytes of a vector. */
static INLINE void
lanes_store(uint8_t *to, Lanes from)
{
	_mm256_storeu_si256((__m256i *) to, from);
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

#endif							/* MLOPS_HAVE_X86 */
