/*
 * math_association_test.c
 *		How far one feature tells the target, on data whose answer is known.
 *
 * Prints "ok N - name" or "not ok N - name" for each check and ends with
 * "N passed, N failed"; exit code 1 if one failed.
 */
#include <math.h>
#include <stdbool.h>

#include "check.h"
#include "math/association.h"

#define N	2000

static MlopsAssociationWork work[MLOPS_ASSOCIATION_WORK(N)];
static float x[N];
static float y[N];
static double ranks[N];

static float noise(int i);
static void test_sort(void);
static void test_binary(void);
static void test_classes(void);
static void test_number(void);

/* Run all tests. */
int
main(void)
{
	test_sort();
	test_binary();
	test_classes();
	test_number();
	return check_total();
}

/* Numbers of no order, all different. */
static float
noise(int i)
{
	return (i * 1237 + 11) % 2003;
}

/* Signs, zeros, missing values and ties. */
static void
test_sort(void)
{
	static const float in[] = {3, NAN, -1, 0.0f, -0.0f, -INFINITY, 3};
	static const int order[] = {5, 2, 3, 4, 0, 6, 1};
	bool		good = true;

	mlops_association_sort(in, 7, work);
	for (int i = 0; i < 7; i++)
		good &= (uint32_t) work[i] == order[i];
	check(good, "rows in the order of their values, missing last");
	check(work[2] >> 32 == work[3] >> 32, "both zeros are one value");
	mlops_association_ranks(in + 2, 5, ranks, work);
	check(ranks[0] == 2 && ranks[1] == 3.5 && ranks[2] == 3.5 &&
		  ranks[3] == 1 && ranks[4] == 5, "mean ranks");
}

/* Areas under the curve. */
static void
test_binary(void)
{
	for (int i = 0; i < N; i++)
	{
		x[i] = noise(i);
		y[i] = x[i] < 300;
	}
	check(mlops_association_binary(x, y, N, false, work) == 1, "falling");
	for (int i = 0; i < N; i++)
		x[i] = y[i] > 0 ? NAN : noise(i);
	check(mlops_association_binary(x, y, N, false, work) == 1, "missing");
	for (int i = 0; i < N; i++)
	{
		x[i] = noise(i);
		y[i] = i % 2;
	}
	check(mlops_association_binary(x, y, N, false, work) < 0.7, "noise");
	check(mlops_association_binary(x, y, N, true, work) == 0.5,
		  "rare categories are one");
	for (int i = 0; i < N; i++)
		x[i] = i % 4;
	check(mlops_association_binary(x, y, N, true, work) == 1, "categories");
	for (int i = 0; i < N; i++)
		y[i] = 1;
	check(isnan(mlops_association_binary(x, y, N, false, work)), "one class");
}

/* Purity. */
static void
test_classes(void)
{
	for (int i = 0; i < N; i++)
	{
		x[i] = i % 6;
		y[i] = i % 3;
	}
	check(mlops_association_classes(x, y, N, 3, true, work) == 1, "pure");
	for (int i = 0; i < N; i++)
		x[i] = noise(i);
	check(mlops_association_classes(x, y, N, 3, false, work) < 0.4, "mixed");
	for (int i = 0; i < N; i++)
		y[i] = 2;
	check(isnan(mlops_association_classes(x, y, N, 3, false, work)),
		  "one class of three");
}

/* Correlation, and variance between bins. */
static void
test_number(void)
{
	for (int i = 0; i < N; i++)
	{
		x[i] = noise(i);
		y[i] = -expf(x[i] / 300);
	}
	mlops_association_ranks(y, N, ranks, work);
	check(mlops_association_number(x, y, ranks, N, false, work) > 0.9999,
		  "a monotone function");
	for (int i = 0; i < N; i++)
		y[i] = (x[i] - 1000) * (x[i] - 1000);
	mlops_association_ranks(y, N, ranks, work);
	check(mlops_association_number(x, y, ranks, N, false, work) > 0.995,
		  "one that turns");
	for (int i = 0; i < N; i++)
		y[i] = i * 7919 % 1009;
	mlops_association_ranks(y, N, ranks, work);
	check(mlops_association_number(x, y, ranks, N, false, work) < 0.5,
		  "no function");
	for (int i = 0; i < N; i++)
		y[i] = 4;
	mlops_association_ranks(y, N, ranks, work);
	check(!(mlops_association_number(x, y, ranks, N, false, work) > 0),
		  "a constant");
}
