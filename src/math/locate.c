/*
 * locate.c
 *		Where many values lie among at most 127 cuts.
 *
 * The cuts stand as a tree of seven levels in an array: the children of node
 * i are 2 i and 2 i + 1.  A search is seven comparisons without a branch; with
 * vectors, 8 or 16 values go down at once, and as long as a level fits into a
 * few registers, the cut of each is fetched from these by a shuffle.
 */
#include "math/locate.h"

#include <math.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_VECTORS
#include <immintrin.h>

#include "math/cpu.h"
#endif

#define LEVELS	7
#define LEAVES	(MLOPS_CUTS + 1)

typedef void (*Locator) (const MlopsCuts *cuts, const float *x,
						 uint16_t *cells);

static void locate_one_by_one(const MlopsCuts *cuts, const float *x,
							  uint16_t *cells);
static Locator locator_of(int lanes);

void
mlops_cuts_begin(MlopsCuts *cuts, const float *cut, const bool *exact, int n)
{
	cuts->heap[0] = INFINITY;
	for (int level = 0; level < LEVELS; level++)
	{
		int			first = 1 << level;
		int			step = LEAVES >> level;

		for (int i = 0; i < first; i++)
		{
			int			at = i * step + step / 2 - 1;

			cuts->heap[first + i] = at < n ? cut[at] : INFINITY;
		}
	}
	for (int i = 0; i < LEAVES; i++)
		cuts->equal[i] = i < n && exact[i] ? cut[i] : NAN;
}

void
mlops_locate(const MlopsCuts *cuts, const float *x, uint16_t *cells)
{
	static Locator best = NULL;

	for (int lanes = 16; best == NULL; lanes /= 2)
		best = locator_of(lanes);
	best(cuts, x, cells);
}

bool
mlops_locate_by(int lanes, const MlopsCuts *cuts, const float *x,
				uint16_t *cells)
{
	Locator		locator = locator_of(lanes);

	if (locator != NULL)
		locator(cuts, x, cells);
	return locator != NULL;
}

/* Without vectors. */
static void
locate_one_by_one(const MlopsCuts *cuts, const float *x, uint16_t *cells)
{
	for (int i = 0; i < MLOPS_LOCATE; i++)
	{
		unsigned	node = 1;

		for (int level = 0; level < LEVELS; level++)
			node = 2 * node + (cuts->heap[node] < x[i]);
		node -= LEAVES;
		cells[i] = isnan(x[i]) ? MLOPS_NOWHERE :
			2 * node + (cuts->equal[node] == x[i]);
	}
}

#ifdef HAVE_VECTORS

/* With 8 values in a vector. */
static __attribute__((target("avx2"))) void
locate_avx2(const MlopsCuts *cuts, const float *x, uint16_t *cells)
{
	const __m256 low = _mm256_load_ps(cuts->heap);
	const __m256 high = _mm256_load_ps(cuts->heap + 8);

	for (int i = 0; i < MLOPS_LOCATE; i += 8)
	{
		__m256		value = _mm256_loadu_ps(x + i);
		__m256i		node = _mm256_set1_epi32(1);
		__m256		missing = _mm256_cmp_ps(value, value, _CMP_UNORD_Q);
		__m256		equal;

		for (int level = 0; level < LEVELS; level++)
		{
			__m256		cut = level < 3 ?
				_mm256_permutevar8x32_ps(low, node) : level == 3 ?
				_mm256_permutevar8x32_ps(high, node) :
				_mm256_i32gather_ps(cuts->heap, node, 4);
			__m256i		over =
				_mm256_castps_si256(_mm256_cmp_ps(cut, value, _CMP_LT_OQ));

			node = _mm256_sub_epi32(_mm256_add_epi32(node, node), over);
		}
		node = _mm256_sub_epi32(node, _mm256_set1_epi32(LEAVES));
		equal = _mm256_cmp_ps(_mm256_i32gather_ps(cuts->equal, node, 4),
							  value, _CMP_EQ_OQ);
		node = _mm256_sub_epi32(_mm256_add_epi32(node, node),
								_mm256_castps_si256(equal));
		node = _mm256_blendv_epi8(node, _mm256_set1_epi32(MLOPS_NOWHERE),
								  _mm256_castps_si256(missing));
		_mm_storeu_si128((__m128i *) (cells + i),
						 _mm_packus_epi32(_mm256_castsi256_si128(node),
										  _mm256_extracti128_si256(node, 1)));
	}
}

/* One of 64 numbers for each lane, by the lower six bits of its index. */
static inline __attribute__((target("avx512f,avx512bw,avx512vl"))) __m512
one_of_64(const __m512 *table, __m512i index)
{
	__mmask16	upper = _mm512_test_epi32_mask(index, _mm512_set1_epi32(32));

	return _mm512_mask_blend_ps(upper,
								_mm512_permutex2var_ps(table[0], index,
													   table[1]),
								_mm512_permutex2var_ps(table[2], index,
													   table[3]));
}

/* With 16 values in a vector. */
static __attribute__((target("avx512f,avx512bw,avx512vl"))) void
locate_avx512(const MlopsCuts *cuts, const float *x, uint16_t *cells)
{
	const __m512i one = _mm512_set1_epi32(1);
	__m512		heap[8];
	__m512		exact[8];

	for (int i = 0; i < 8; i++)
	{
		heap[i] = _mm512_load_ps(cuts->heap + 16 * i);
		exact[i] = _mm512_load_ps(cuts->equal + 16 * i);
	}
	for (int i = 0; i < MLOPS_LOCATE; i += 16)
	{
		__m512		value = _mm512_loadu_ps(x + i);
		__m512i		node = one;
		__mmask16	upper;
		__mmask16	equal;
		__m512		at;

		for (int level = 0; level < LEVELS; level++)
		{
			__m512		cut = level < 4 ?
				_mm512_permutexvar_ps(node, heap[0]) : level == 4 ?
				_mm512_permutexvar_ps(node, heap[1]) : level == 5 ?
				_mm512_permutex2var_ps(heap[2], node, heap[3]) :
				one_of_64(heap + 4, node);
			__mmask16	over = _mm512_cmp_ps_mask(cut, value, _CMP_LT_OQ);

			node = _mm512_add_epi32(node, node);
			node = _mm512_mask_add_epi32(node, over, node, one);
		}
		/* what is over 127 is a leaf; the lower bits are its number */
		upper = _mm512_test_epi32_mask(node, _mm512_set1_epi32(64));
		at = _mm512_mask_blend_ps(upper, one_of_64(exact, node),
								  one_of_64(exact + 4, node));
		equal = _mm512_cmp_ps_mask(at, value, _CMP_EQ_OQ);
		node = _mm512_sub_epi32(node, _mm512_set1_epi32(LEAVES));
		node = _mm512_add_epi32(node, node);
		node = _mm512_mask_add_epi32(node, equal, node, one);
		node = _mm512_mask_mov_epi32(node,
									 _mm512_cmp_ps_mask(value, value,
														_CMP_UNORD_Q),
									 _mm512_set1_epi32(MLOPS_NOWHERE));
		_mm256_storeu_si256((__m256i *) (cells + i),
							_mm512_cvtepi32_epi16(node));
	}
}

#endif

/* The way with vectors of so many values; NULL: not possible here. */
static Locator
locator_of(int lanes)
{
#ifdef HAVE_VECTORS
	if (lanes == 16 && MLOPS_CPU_HAS(AVX512F, "avx512f") &&
		MLOPS_CPU_HAS(AVX512BW, "avx512bw") &&
		MLOPS_CPU_HAS(AVX512VL, "avx512vl"))
		return locate_avx512;
	if (lanes == 8 && MLOPS_CPU_HAS(AVX2, "avx2"))
		return locate_avx2;
#endif
	return lanes == 1 ? locate_one_by_one : NULL;
}
