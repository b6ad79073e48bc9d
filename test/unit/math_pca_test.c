/*
 * math_pca_test.c
 *		Eigenvectors, principal components and what they leave of a row.
 *
 * Expected digits are those of numpy and scikit-learn on the same stream of
 * numbers, which anything can make again.
 *
 * Prints "ok N - name" or "not ok N - name" for each check and ends with
 * "N passed, N failed"; exit code 1 if one failed.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "math/eigen.h"
#include "math/pca.h"

#define ROWS	500
#define COLUMNS	6
#define MOST	60

static uint32_t state = 42;

static void near(double value, double expected, double tolerance,
				 const char *name);
static double uniform(void);
static void test_known(void);
static void test_random(int n, const char *name);
static void test_bad(void);
static void make_rows(double *rows);
static MlopsPcaSums *sums_of(const double *rows, size_t first, size_t last);
static void free_sums(MlopsPcaSums *sums);
static MlopsPca *new_pca(void);
static void free_pca(MlopsPca *pca);
static void test_components(void);
static void test_parts(void);
static void test_constant(void);

/* Run all tests. */
int
main(void)
{
	test_known();
	test_random(1, "one by one");
	test_random(2, "two by two");
	test_random(3, "three by three");
	test_random(MOST, "sixty by sixty");
	test_bad();
	test_components();
	test_parts();
	test_constant();
	return check_total();
}

/* A number that must be so near. */
static void
near(double value, double expected, double tolerance, const char *name)
{
	if (!(fabs(value - expected) <= tolerance))
		printf("# %.15g, not %.15g\n", value, expected);
	check(fabs(value - expected) <= tolerance, "%s", name);
}

/* The next number of the stream, in [0, 1). */
static double
uniform(void)
{
	state = (uint32_t) ((UINT64_C(1103515245) * state + 12345) %
						UINT64_C(2147483648));
	return state / 2147483648.0;
}

/* Matrices whose eigenvalues are known. */
static void
test_known(void)
{
	double		a[9] = {2, -1, 0, -1, 2, -1, 0, -1, 2};
	double		same[9] = {3, 0, 0, 0, 3, 0, 0, 0, 3};
	double		zero[4] = {0};
	double		values[3];
	double		vectors[9];
	double		work[9];

	check(mlops_eigen_symmetric(3, a, values, vectors, work), "it is solved");
	near(values[0], 2 + sqrt(2), 1e-14, "the largest of -1 2 -1");
	near(values[1], 2, 1e-14, "the middle one");
	near(values[2], 2 - sqrt(2), 1e-14, "the smallest");
	near(fabs(vectors[1]), sqrt(0.5), 1e-14, "the middle of its vector");
	check(mlops_eigen_symmetric(3, same, values, vectors, work) &&
		  values[0] == 3 && values[1] == 3 && values[2] == 3,
		  "a multiple of one");
	check(mlops_eigen_symmetric(2, zero, values, vectors, work) &&
		  values[0] == 0 && values[1] == 0 && fabs(vectors[0]) == 1,
		  "nothing at all");
}

/* Vectors are those of the values, of length 1 and at right angles. */
static void
test_random(int n, const char *name)
{
	double		a[MOST * MOST];
	double		copy[MOST * MOST];
	double		values[MOST];
	double		vectors[MOST * MOST];
	double		work[3 * MOST];
	double		worst = 0;
	double		angle = 0;
	bool		falling = true;

	for (int i = 0; i < n; i++)
		for (int j = 0; j <= i; j++)
			a[i * n + j] = a[j * n + i] = uniform() - 0.5;
	memcpy(copy, a, sizeof(a));
	check(mlops_eigen_symmetric(n, a, values, vectors, work), "%s", name);
	for (int v = 0; v < n; v++)
	{
		falling = falling && (v == 0 || values[v] <= values[v - 1]);
		for (int i = 0; i < n; i++)
		{
			double		product = 0;
			double		other = 0;

			for (int k = 0; k < n; k++)
			{
				product += copy[i * n + k] * vectors[v * n + k];
				other += vectors[i * n + k] * vectors[v * n + k];
			}
			worst = fmax(worst, fabs(product -
									 values[v] * vectors[v * n + i]));
			angle = fmax(angle, fabs(other - (i == v)));
		}
	}
	check(falling && worst < 1e-12 && angle < 1e-12, "its vectors");
}

/* What is not finite has no eigenvalues. */
static void
test_bad(void)
{
	double		a[4] = {1, NAN, NAN, 1};
	double		b[4] = {INFINITY, 0, 0, 1};
	double		values[2];
	double		vectors[4];
	double		work[6];

	check(!mlops_eigen_symmetric(2, a, values, vectors, work), "NaN");
	check(!mlops_eigen_symmetric(2, b, values, vectors, work), "infinite");
}

/* Rows of columns that go together, on different scales. */
static void
make_rows(double *rows)
{
	state = 42;
	for (int r = 0; r < ROWS; r++)
	{
		double		a = uniform();
		double		b = uniform();
		double	   *row = rows + r * COLUMNS;

		row[0] = a;
		row[1] = 10 * a + uniform();
		row[2] = b - 3;
		row[3] = 0.5 * b + 0.1 * uniform();
		row[4] = a - b + 0.3 * uniform();
		row[5] = uniform() * uniform();
	}
}

/* Sums over rows first .. last - 1. */
static MlopsPcaSums *
sums_of(const double *rows, size_t first, size_t last)
{
	MlopsPcaSums *sums = calloc(1, sizeof(MlopsPcaSums));

	sums->n = COLUMNS;
	sums->sum = calloc(COLUMNS, sizeof(double));
	sums->products = calloc(COLUMNS * COLUMNS, sizeof(double));
	mlops_pca_add(sums, rows + first * COLUMNS, last - first);
	return sums;
}

/* Release them. */
static void
free_sums(MlopsPcaSums *sums)
{
	free(sums->sum);
	free(sums->products);
	free(sums);
}

/* Room for components. */
static MlopsPca *
new_pca(void)
{
	MlopsPca   *pca = calloc(1, sizeof(MlopsPca));

	pca->mean = calloc(COLUMNS, sizeof(double));
	pca->deviation = calloc(COLUMNS, sizeof(double));
	pca->values = calloc(COLUMNS, sizeof(double));
	pca->components = calloc(COLUMNS * COLUMNS, sizeof(double));
	return pca;
}

/* Release it. */
static void
free_pca(MlopsPca *pca)
{
	free(pca->mean);
	free(pca->deviation);
	free(pca->values);
	free(pca->components);
	free(pca);
}

/* The digits of StandardScaler and PCA(n_components=0.65). */
static void
test_components(void)
{
	double	   *rows = malloc(sizeof(double) * ROWS * COLUMNS);
	double		work[COLUMNS * COLUMNS + 3 * COLUMNS];
	double		rest[COLUMNS];
	double		sum = 0;
	MlopsPcaSums *sums;
	MlopsPca   *pca = new_pca();

	make_rows(rows);
	sums = sums_of(rows, 0, ROWS);
	check(mlops_pca_fit(pca, sums, 0.65, work), "components are found");
	check(pca->k == 2, "as many as explain 65 %%");
	near(pca->values[0], 2.8805421526601034, 1e-12,
		 "the first component's variance");
	near(pca->values[1], 2.0700452404767464, 1e-12,
		 "that of the second");
	near(pca->values[5], 0.004641814500344863, 1e-12,
		 "that of the last");
	for (int r = 0; r < ROWS; r++)
		sum += mlops_pca_error(pca, rows + r * COLUMNS, rest, work);
	near(sum / ROWS, 0.8598516140747817, 1e-12, "mean reconstruction error");
	near(mlops_pca_error(pca, rows, rest, work), 1.0893109967161136, 1e-12,
		 "error of the first row");
	near(fabs(rest[5]), 1.0815691886953667, 1e-12, "what is left of its last column");
	check(mlops_pca_fit(pca, sums, 1, work) && pca->k == COLUMNS &&
		  mlops_pca_error(pca, rows, rest, work) < 1e-13,
		  "all components leave nothing");
	free_sums(sums);
	free_pca(pca);
	free(rows);
}

/* Sums of parts, and parts taken off. */
static void
test_parts(void)
{
	double	   *rows = malloc(sizeof(double) * ROWS * COLUMNS);
	double		work[COLUMNS * COLUMNS + 3 * COLUMNS];
	MlopsPcaSums *all;
	MlopsPcaSums *part;
	MlopsPcaSums *others;
	MlopsPca   *a = new_pca();
	MlopsPca   *b = new_pca();
	double		worst = 0;

	make_rows(rows);
	all = sums_of(rows, 0, ROWS);
	part = sums_of(rows, 0, 123);
	others = sums_of(rows, 123, ROWS);
	mlops_pca_less(all, part);
	check(all->rows == others->rows && mlops_pca_fit(a, all, 0.65, work) &&
		  mlops_pca_fit(b, others, 0.65, work), "some rows are taken off");
	for (int i = 0; i < COLUMNS; i++)
		worst = fmax(worst, fabs(a->values[i] - b->values[i]));
	check(a->k == b->k && worst < 1e-11, "as if they had not been there");
	free_sums(all);
	free_sums(part);
	free_sums(others);
	free_pca(a);
	free_pca(b);
	free(rows);
}

/* Columns that do not vary, and none that does. */
static void
test_constant(void)
{
	double	   *rows = malloc(sizeof(double) * ROWS * COLUMNS);
	double		work[COLUMNS * COLUMNS + 3 * COLUMNS];
	double		rest[COLUMNS];
	double		error;
	MlopsPcaSums *sums;
	MlopsPca   *pca = new_pca();

	make_rows(rows);
	for (int r = 0; r < ROWS; r++)
		rows[r * COLUMNS + 2] = 0.1;
	sums = sums_of(rows, 0, ROWS);
	check(mlops_pca_fit(pca, sums, 0.65, work) && pca->deviation[2] == 1 &&
		  fabs(pca->values[COLUMNS - 1]) < 1e-14, "one constant");
	error = mlops_pca_error(pca, rows, rest, work);
	check(error > 0.1 && fabs(rest[2]) < 1e-13, "which leaves nothing");
	free_sums(sums);
	memset(rows, 0, sizeof(double) * ROWS * COLUMNS);
	sums = sums_of(rows, 0, ROWS);
	check(mlops_pca_fit(pca, sums, 0.65, work) && pca->k == 0 &&
		  mlops_pca_error(pca, rows, rest, work) == 0, "all constant");
	free_sums(sums);
	free_pca(pca);
	free(rows);
}
