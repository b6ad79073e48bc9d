/*
 * math_hash_test.c
 *		Hashes and fingerprints: pinned values, avalanche, collisions.
 *
 * Prints "ok N - name" or "not ok N - name" for each check and ends with
 * "N passed, N failed"; exit code 1 if one failed.  Meant to run under the
 * address and undefined behaviour sanitizers.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "math/hash.h"
#include "math/quantile.h"

static void test_hash_pinned(void);
static void test_hash_equalities(void);
static uint64_t hash_words(const uint64_t *words, int which);
static void test_avalanche(int which, const char *name);
static int	compare_words(const void *a, const void *b);
static void test_collisions(void);
static void test_buckets(void);
static void test_fingerprint(void);

/* Run all tests. */
int
main(void)
{
	test_hash_pinned();
	test_hash_equalities();
	test_avalanche(0, "mlops_hash_mix");
	test_avalanche(1, "mlops_hash_bytes");
	test_avalanche(2, "mlops_hash128_words, low");
	test_avalanche(3, "mlops_hash128_words, high");
	test_avalanche(4, "mlops_fingerprint chain, low and high");
	test_collisions();
	test_buckets();
	test_fingerprint();
	return check_total();
}

/* Stored hashes must stay what they are; see the header. */
static void
test_hash_pinned(void)
{
	const float row[] = {1.5f, -2, 0, NAN, 1e10f};
	const uint64_t words[] = {1, 2, 3};
	MlopsHash128 h = mlops_hash128_words(words, 3);
	MlopsHash128 f = mlops_hash128_floats(row, 5);
	MlopsFingerprint fingerprint;
	char		ordered[MLOPS_FINGERPRINT_HEX];
	char		unordered[MLOPS_FINGERPRINT_HEX];

	check(mlops_hash_mix(1) == UINT64_C(0x4179b061e0c0e0d0), "pinned: mix");
	check(mlops_hash_bytes("abc", 3, 0) == UINT64_C(0xc7d6dd94136c3df7),
		  "pinned: bytes");
	check(mlops_hash_bytes("the quick brown fox jumps", 25, 7) ==
		  UINT64_C(0x27cac026e232619a), "pinned: more bytes");
	check(mlops_hash_row(row, 5, 42) == UINT64_C(0xcb121c435f2f3e45),
		  "pinned: row");
	mlops_fingerprint_init(&fingerprint);
	mlops_fingerprint_add(&fingerprint, h);
	mlops_fingerprint_add(&fingerprint, f);
	mlops_fingerprint_hex(&fingerprint, ordered, unordered);
	check(strcmp(ordered, "0652d943140bfdea15d6cbbb2043faae") == 0,
		  "pinned: ordered");
	check(strcmp(unordered, "0ddeb7e278074ca6d33ecd6d155056ee") == 0,
		  "pinned: unordered");
	check(mlops_hash_unit(UINT64_MAX) < 1 && mlops_hash_unit(0) == 0 &&
		  mlops_hash_unit(UINT64_C(1) << 63) == 0.5, "unit interval");
}

/* What must hash the same, and what must not. */
static void
test_hash_equalities(void)
{
	const float zero[] = {0, -0.0f, 0, 0, 0};
	const float minus[] = {-0.0f, 0, 0, -0.0f, -0.0f};
	const float nan1[] = {NAN};
	const float nan2[] = {mlops_float_of_key(0) /* all bits set */ };
	const char	bytes[40] = "abcdefghijklmnopqrstuvwxyz";
	uint64_t	seen[64];
	int			n = 0;
	int			i;
	int			j;
	bool		good = true;

	check(mlops_hash_row(zero, 5, 1) == mlops_hash_row(minus, 5, 1) &&
		  mlops_hash128_floats(zero, 5).low ==
		  mlops_hash128_floats(minus, 5).low, "zeros are one value");
	check(mlops_hash_row(nan1, 1, 1) == mlops_hash_row(nan2, 1, 1) &&
		  mlops_hash128_floats(nan1, 1).high ==
		  mlops_hash128_floats(nan2, 1).high, "NaN is one value");
	check(mlops_hash_bytes(NULL, 0, 3) == mlops_hash_bytes(bytes, 0, 3),
		  "no bytes");
	/* lengths, in zeros and in letters, and seeds are all different */
	for (i = 0; i < 5; i++)
		seen[n++] = mlops_hash_row(zero, i, 0);
	for (i = 0; i < 40; i++)
		seen[n++] = mlops_hash_bytes(bytes, i, 0);
	seen[n++] = mlops_hash_bytes(bytes, 5, 1);
	seen[n++] = mlops_hash_row(zero, 3, 1);
	for (i = 0; i < n; i++)
	{
		for (j = 0; j < i; j++)
			good = good && seen[i] != seen[j];
	}
	check(good, "lengths and seeds matter");
}

/* One of the functions under test on three words, as 64 bits. */
static uint64_t
hash_words(const uint64_t *words, int which)
{
	MlopsFingerprint f = {0};
	MlopsHash128 h = {words[1], words[2]};

	switch (which)
	{
		case 0:
			return mlops_hash_mix(words[0]);
		case 1:
			return mlops_hash_bytes(words, 24, 1);
		case 2:
			return mlops_hash128_words(words, 3).low;
		case 3:
			return mlops_hash128_words(words, 3).high;
		default:
			f.chain.high = words[0];
			mlops_fingerprint_add(&f, h);
			return f.chain.high;
	}
}

/* Each input bit changes each output bit in 45 to 55 % of 4,000 cases. */
static void
test_avalanche(int which, const char *name)
{
	enum
	{
		CASES = 4000
	};
	int			bits = which == 0 ? 64 : 192;
	double		least = 1;
	double		most = 0;
	int			i;

	for (i = 0; i < bits; i++)
	{
		int			changed[64] = {0};
		int			r;
		int			b;

		for (r = 0; r < CASES; r++)
		{
			uint64_t	words[3];
			uint64_t	d;

			/* half of the cases are small numbers, as keys are */
			for (b = 0; b < 3; b++)
				words[b] = r % 2 ? (uint64_t) (r + b) :
					mlops_hash_mix(3 * r + b + 1);
			d = hash_words(words, which);
			words[i / 64] ^= UINT64_C(1) << i % 64;
			d ^= hash_words(words, which);
			for (b = 0; b < 64; b++)
				changed[b] += d >> b & 1;
		}
		for (b = 0; b < 64; b++)
		{
			least = fmin(least, changed[b] / (double) CASES);
			most = fmax(most, changed[b] / (double) CASES);
		}
	}
	printf("# %s: %.3f to %.3f\n", name, least, most);
	check(least > 0.45 && most < 0.55, "avalanche");
}

/* Order of 64-bit words, for qsort. */
static int
compare_words(const void *a, const void *b)
{
	uint64_t	x = *(const uint64_t *) a;
	uint64_t	y = *(const uint64_t *) b;

	return (x > y) - (x < y);
}

/* A million rows of small whole numbers, no two hash the same. */
static void
test_collisions(void)
{
	enum
	{
		N = 1000000
	};
	uint64_t   *hash = malloc(N * sizeof(uint64_t));
	int			same = 0;
	int			i;

	if (hash == NULL)
		exit(1);
	for (i = 0; i < N; i++)
	{
		float		row[6];
		int			j;
		int			rest = i;

		for (j = 0; j < 6; j++, rest /= 10)
			row[j] = (float) (rest % 10);
		hash[i] = mlops_hash_row(row, 6, 0);
	}
	qsort(hash, N, sizeof(uint64_t), compare_words);
	for (i = 1; i < N; i++)
		same += hash[i] == hash[i - 1];
	check(same == 0, "a million rows of digits do not collide");
	free(hash);
}

/*
 * Sequential keys fill 256 buckets evenly, by the low and by the high bits:
 * chi-square with 255 degrees of freedom stays under 350 (p about 1e-4).
 */
static void
test_buckets(void)
{
	enum
	{
		N = 256000
	};
	double		low[256] = {0};
	double		high[256] = {0};
	double		chi_low = 0;
	double		chi_high = 0;
	int			i;

	for (i = 0; i < N; i++)
	{
		char		key[16];
		uint64_t	h;

		snprintf(key, sizeof(key), "%d", i);
		h = mlops_hash_bytes(key, strlen(key), 0);
		low[h & 255]++;
		high[(int) (mlops_hash_unit(h) * 256)]++;
	}
	for (i = 0; i < 256; i++)
	{
		chi_low += (low[i] - 1000) * (low[i] - 1000) / 1000;
		chi_high += (high[i] - 1000) * (high[i] - 1000) / 1000;
	}
	printf("# chi-square %.0f and %.0f\n", chi_low, chi_high);
	check(chi_low < 350 && chi_high < 350, "sequential keys fill evenly");
}

/* The order matters to one half only; each row matters to both. */
static void
test_fingerprint(void)
{
	const uint64_t words[] = {5, 6, 7};
	char		text[4][2][MLOPS_FINGERPRINT_HEX];
	static const int order[4][4] = {
		{0, 1, 2, 2}, {2, 1, 0, 2}, {0, 1, 2, 1}, {0, 1, 2, -1}
	};
	MlopsFingerprint carry = {0};
	MlopsHash128 most = {UINT64_MAX, 0};
	int			i;
	int			j;

	for (i = 0; i < 4; i++)
	{
		MlopsFingerprint f;

		mlops_fingerprint_init(&f);
		for (j = 0; j < 4 && order[i][j] >= 0; j++)
			mlops_fingerprint_add(&f,
								  mlops_hash128_words(words + order[i][j], 1));
		mlops_fingerprint_hex(&f, text[i][0], text[i][1]);
	}
	check(strlen(text[0][0]) == 32 && strlen(text[0][1]) == 32 &&
		  strspn(text[0][0], "0123456789abcdef") == 32, "32 hex digits");
	check(strcmp(text[0][1], text[1][1]) == 0, "the sum knows no order");
	check(strcmp(text[0][0], text[1][0]) != 0, "the chain does");
	check(strcmp(text[0][1], text[2][1]) != 0, "which row comes twice");
	check(strcmp(text[0][1], text[3][1]) != 0 &&
		  strcmp(text[0][0], text[3][0]) != 0, "how many rows");
	mlops_fingerprint_add(&carry, most);
	mlops_fingerprint_add(&carry, most);
	check(carry.sum.low == UINT64_MAX - 1 && carry.sum.high == 1 &&
		  carry.n_rows == 2, "the sum carries");
}
