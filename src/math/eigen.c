/*
 * eigen.c
 *		Eigenvalues and eigenvectors of symmetric matrices.
 *
 * Householder's reflections make the matrix tridiagonal, then the QL method
 * with implicit shifts makes it diagonal.  Vectors are kept as rows, so that
 * every inner loop runs along memory.
 */
#include "math/eigen.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* A value takes two or three; after so many it never comes. */
#define MOST_SWEEPS	60

static double reflection(int n, double *x, double *beta);
static void reflect_rest(int n, int first, double *a, const double *v,
						 double beta, double *p);
static void multiply_reflections(int n, const double *a, const double *beta,
								 double *vectors, double *sum);
static bool make_diagonal(int n, double *diagonal, double *beside,
						  double *vectors);
static void sweep(int n, int from, int to, double *diagonal, double *beside,
				  double *vectors);
static void rotate(int n, double *row, double *next, double c, double s);
static void sort_values(int n, double *values, double *vectors);

bool
mlops_eigen_symmetric(int n, double *a, double *values, double *vectors,
					  double *work)
{
	double	   *beside = work;
	double	   *beta = work + n;
	double	   *free_row = work + 2 * n;

	for (int i = 0; i < n * n; i++)
		if (!isfinite(a[i]))
			return false;
	/* row k keeps what was reflected by behind its diagonal */
	for (int k = 0; k < n - 1; k++)
	{
		double	   *v = a + k * n + k + 1;

		values[k] = a[k * n + k];
		beside[k] = reflection(n - k - 1, v, &beta[k]);
		if (beta[k] != 0)
			reflect_rest(n, k + 1, a, v, beta[k], free_row);
	}
	values[n - 1] = a[n * n - 1];
	beside[n - 1] = 0;
	multiply_reflections(n, a, beta, vectors, free_row);
	if (!make_diagonal(n, values, beside, vectors))
		return false;
	sort_values(n, values, vectors);
	return true;
}

/*
 * The reflection I - beta v v' that leaves of x[n] only its first entry, which
 * is returned; v takes the place of x.
 */
static double
reflection(int n, double *x, double *beta)
{
	double		scale = 0;
	double		square = 0;
	double		length;
	double		first = x[0];

	*beta = 0;
	for (int i = 1; i < n; i++)
		scale = fmax(scale, fabs(x[i]));
	if (scale == 0)
		return first;
	scale = fmax(scale, fabs(first));
	for (int i = 0; i < n; i++)
	{
		x[i] /= scale;
		square += x[i] * x[i];
	}
	length = copysign(sqrt(square), -x[0]);
	square -= x[0] * length;
	x[0] -= length;
	*beta = 1 / square;
	return length * scale;
}

/* Reflect what of a lies at or behind row and column `first`, both ways. */
static void
reflect_rest(int n, int first, double *a, const double *v, double beta,
			 double *p)
{
	int			m = n - first;
	double		half = 0;

	for (int i = 0; i < m; i++)
	{
		const double *row = a + (first + i) * n + first;
		double		sum = 0;

		for (int j = 0; j < m; j++)
			sum += row[j] * v[j];
		p[i] = beta * sum;
		half += beta / 2 * p[i] * v[i];
	}
	for (int i = 0; i < m; i++)
		p[i] -= half * v[i];
	for (int i = 0; i < m; i++)
	{
		double	   *row = a + (first + i) * n + first;

		for (int j = 0; j < m; j++)
			row[j] -= v[i] * p[j] + p[i] * v[j];
	}
}

/*
 * The product of all reflections, last first, so that row i of vectors is
 * what unit vector i of the tridiagonal matrix stands for.
 */
static void
multiply_reflections(int n, const double *a, const double *beta,
					 double *vectors, double *sum)
{
	memset(vectors, 0, sizeof(double) * n * n);
	for (int i = 0; i < n; i++)
		vectors[i * n + i] = 1;
	for (int k = n - 2; k >= 0; k--)
	{
		const double *v = a + k * n + k + 1;
		int			m = n - k - 1;

		if (beta[k] == 0)
			continue;
		for (int i = 0; i < m; i++)
		{
			double	   *row = vectors + (k + 1 + i) * n + k + 1;

			sum[i] = 0;
			for (int j = 0; j < m; j++)
				sum[i] += row[j] * v[j];
			for (int j = 0; j < m; j++)
				row[j] -= beta[k] * sum[i] * v[j];
		}
	}
}

/* Sweep until the tridiagonal matrix is diagonal; false: it never is. */
static bool
make_diagonal(int n, double *diagonal, double *beside, double *vectors)
{
	for (int from = 0; from < n; from++)
	{
		for (int sweeps = 0;; sweeps++)
		{
			int			to = from;

			while (to < n - 1 && fabs(beside[to]) > DBL_EPSILON *
				   (fabs(diagonal[to]) + fabs(diagonal[to + 1])) &&
				   fabs(beside[to]) > DBL_MIN)
				to++;
			if (to == from)
				break;
			if (sweeps == MOST_SWEEPS)
				return false;
			sweep(n, from, to, diagonal, beside, vectors);
		}
	}
	return true;
}

/*
 * One implicit QL step on rows from .. to, with the eigenvalue of the first
 * two by two that is nearer to its corner as shift.
 */
static void
sweep(int n, int from, int to, double *diagonal, double *beside,
	  double *vectors)
{
	double		ratio = (diagonal[from + 1] - diagonal[from]) /
		(2 * beside[from]);
	double		g = diagonal[to] - diagonal[from] + beside[from] /
		(ratio + copysign(hypot(ratio, 1), ratio));
	double		s = 1;
	double		c = 1;
	double		shift = 0;

	for (int i = to - 1; i >= from; i--)
	{
		double		f = s * beside[i];
		double		b = c * beside[i];
		double		r = hypot(f, g);

		beside[i + 1] = r;
		if (r == 0)
		{
			diagonal[i + 1] -= shift;
			beside[to] = 0;
			return;
		}
		s = f / r;
		c = g / r;
		g = diagonal[i + 1] - shift;
		r = (diagonal[i] - g) * s + 2 * c * b;
		shift = s * r;
		diagonal[i + 1] = g + shift;
		g = c * r - b;
		rotate(n, vectors + i * n, vectors + (i + 1) * n, c, s);
	}
	diagonal[from] -= shift;
	beside[from] = g;
	beside[to] = 0;
}

/* Turn two rows into each other. */
static void
rotate(int n, double *row, double *next, double c, double s)
{
	for (int k = 0; k < n; k++)
	{
		double		x = row[k];
		double		y = next[k];

		row[k] = c * x - s * y;
		next[k] = s * x + c * y;
	}
}

/* The largest first; n is small beside what came before. */
static void
sort_values(int n, double *values, double *vectors)
{
	for (int i = 0; i < n - 1; i++)
	{
		int			largest = i;

		for (int j = i + 1; j < n; j++)
			if (values[j] > values[largest])
				largest = j;
		for (int k = 0; largest != i && k < n; k++)
		{
			double		x = vectors[i * n + k];

			vectors[i * n + k] = vectors[largest * n + k];
			vectors[largest * n + k] = x;
		}
		if (largest != i)
		{
			double		x = values[i];

			values[i] = values[largest];
			values[largest] = x;
		}
	}
}
