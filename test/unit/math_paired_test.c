/*
 * math_paired_test.c
 *		Errors of means, McNemar's test, random numbers.
 *
 * Prints "ok N - name" or "not ok N - name" for each check and ends with
 * "N passed, N failed"; exit code 1 if one failed.  Expected values are
 * those of scipy 1.10 and numpy.
 */
#include <math.h>
#include <stdbool.h>

#include "check.h"
#include "math/paired.h"

static bool near(double a, double b);
static void test_mcnemar(void);
static void test_spread(void);
static void test_mean_error(void);
static void test_random(void);

/* Run all tests. */
int
main(void)
{
	test_mcnemar();
	test_spread();
	test_mean_error();
	test_random();
	return check_total();
}

/* Equal to 1e-10, relatively. */
static bool
near(double a, double b)
{
	return fabs(a - b) <= 1e-10 * fmax(1e-30, fabs(b));
}

/* 2 * binom.cdf(min(b, c), b + c, 0.5) - binom.pmf(min(b, c), b + c, 0.5) */
static void
test_mcnemar(void)
{
	check(mlops_mcnemar(0, 0) == 1, "no discordant rows");
	check(near(mlops_mcnemar(0, 1), 0.5), "one discordant row");
	check(near(mlops_mcnemar(1, 0), 0.5), "the same the other way");
	check(near(mlops_mcnemar(3, 3), 1), "as many on both sides");
	check(near(mlops_mcnemar(0, 10), pow(0.5, 10)), "ten to none");
	check(near(mlops_mcnemar(2, 8), (2 * 56 - 45) / 1024.0), "two to eight");
	check(near(mlops_mcnemar(8, 2), mlops_mcnemar(2, 8)), "symmetric");
	check(fabs(mlops_mcnemar(49000, 51000) -
			   mlops_normal_p_value(2000 / sqrt(100000))) <
		  1e-5, "exact and normal agree where they meet");
	check(near(mlops_mcnemar(100000, 101000),
			   mlops_normal_p_value(1000 / sqrt(201000))), "many rows");
	check(mlops_mcnemar(0, 99999) == 0, "underflow is 0");
}

/* statistics.stdev() */
static void
test_spread(void)
{
	MlopsSpread spread = {0};
	MlopsSpread shifted = {0};

	check(isnan(mlops_spread_deviation(&spread)), "no deviation of nothing");
	mlops_spread_add(&spread, 2);
	check(isnan(mlops_spread_deviation(&spread)), "nor of one number");
	mlops_spread_add(&spread, 4);
	mlops_spread_add(&spread, 9);
	check(near(spread.mean, 5) &&
		  near(mlops_spread_deviation(&spread), sqrt(13)), "three numbers");
	for (int i = 0; i < 1000; i++)
		mlops_spread_add(&shifted, 1e9 + i % 2);
	check(fabs(mlops_spread_deviation(&shifted) - sqrt(0.25 * 1000 / 999)) <
		  1e-7, "far from zero");
}

/* The error of a mean is deviation / sqrt(n) if weights are equal. */
static void
test_mean_error(void)
{
	MlopsMeanError error = {5};
	MlopsMeanError weighted = {5};
	MlopsMeanError none = {0};

	check(isnan(mlops_mean_error_get(&none)), "no error of nothing");
	mlops_mean_error_add(&error, 2, 1);
	check(isnan(mlops_mean_error_get(&error)), "nor of one value");
	mlops_mean_error_add(&error, 4, 1);
	mlops_mean_error_add(&error, 9, 1);
	check(near(mlops_mean_error_get(&error), sqrt(13.0 / 3)), "three values");
	check(near(mlops_mean_error_rows(&error), 3), "three rows");

	mlops_mean_error_add(&weighted, 2, 7);
	mlops_mean_error_add(&weighted, 4, 7);
	mlops_mean_error_add(&weighted, 1000, 0);
	mlops_mean_error_add(&weighted, 9, 7);
	check(near(mlops_mean_error_get(&weighted), sqrt(13.0 / 3)) &&
		  weighted.n == 3, "equal weights change nothing, 0 does not count");
	mlops_mean_error_add(&weighted, 5, 21);
	check(near(mlops_mean_error_rows(&weighted), 42.0 * 42 / (3 * 49 + 441)),
		  "effective rows");
}

/* Every index of ten comes about as often, and a seed says which. */
static void
test_random(void)
{
	MlopsRandom a;
	MlopsRandom b;
	size_t		counts[10] = {0};
	size_t		other = 0;
	bool		same = true;
	double		chi = 0;

	mlops_random_seed(&a, 42);
	mlops_random_seed(&b, 42);
	for (int i = 0; i < 100000; i++)
	{
		size_t		index = mlops_random_index(&a, 10);

		same &= (index == mlops_random_index(&b, 10)) && index < 10;
		counts[index]++;
	}
	for (int i = 0; i < 10; i++)
		chi += (counts[i] - 10000.0) * (counts[i] - 10000.0) / 10000;
	check(same, "one seed, one stream");
	check(chi < 27.9, "indexes come about as often");
	mlops_random_seed(&a, 42);
	mlops_random_seed(&b, 43);
	for (int i = 0; i < 1000; i++)
		other += (mlops_random_index(&a, 10) == mlops_random_index(&b, 10));
	check(other > 50 && other < 150, "the next seed is another stream");
	check(mlops_random_index(&a, 1) == 0, "of one there is one");
}
