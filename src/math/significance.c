/*
 * significance.c
 *		Whether two samples may be of one population.
 *
 * KS of two samples: each order in which the values may lie is a path through
 * a lattice.  The share of paths that leave the band of width d is summed
 * along it; all terms are positive, so small p-values keep their digits.
 *
 * KS of one sample: Durbin's matrix (Marsaglia, Tsang and Wang 2003) for few
 * values; twice Smirnov's one-sided sum where both sides do not meet; else
 * the limit with the corrections for n of Vrbik (2018).
 */
#include "math/significance.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Up to here the matrix is small. */
#define FEW	140

/* Above, Smirnov's sum gives way to its expansion. */
#define MANY	50000

typedef struct RankedP
{
	double		p;
	size_t		place;
} RankedP;

static double paths_outside(double d, size_t m, size_t n);
static double one_sample(double d, double n);
static double durbin(double d, int n);
static void multiply(const double *a, const double *b, double *c, int m);
static double smirnov(double d, double n);
static double kolmogorov(double t);
static double gamma_series(double a, double x);
static double gamma_fraction(double a, double x);
static int	compare_ranked(const void *a, const void *b);

double
mlops_ks_p_value(double d, size_t n_a, size_t n_b)
{
	double		exact;

	if (n_a == 0 || n_b == 0 || isnan(d))
		return NAN;
	if (n_a > MLOPS_KS_EXACT || n_b > MLOPS_KS_EXACT)
		return mlops_ks_p_asymptotic(d, n_a, n_b);
	exact = paths_outside(d, n_a < n_b ? n_a : n_b, n_a < n_b ? n_b : n_a);
	return isnan(exact) ? mlops_ks_p_asymptotic(d, n_a, n_b) : exact;
}

double
mlops_ks_p_asymptotic(double d, double n_a, double n_b)
{
	if (n_a <= 0 || n_b <= 0 || isnan(d))
		return NAN;
	return one_sample(d, rint(n_a * n_b / (n_a + n_b)));
}

double
mlops_chi2_p_value(double x, double dof)
{
	double		a = dof / 2;

	if (isnan(x) || !(dof > 0))
		return NAN;
	x /= 2;
	if (x <= 0)
		return 1;
	if (isinf(x))
		return 0;
	return x < a + 1 ? 1 - gamma_series(a, x) : gamma_fraction(a, x);
}

double
mlops_chi2_samples(const double *a, const double *b, int k, bool yates,
				   int *dof)
{
	double		total_a = 0;
	double		total_b = 0;
	double		sum = 0;
	int			columns = 0;

	*dof = 0;
	for (int i = 0; i < k; i++)
	{
		total_a += a[i];
		total_b += b[i];
		columns += a[i] + b[i] > 0;
	}
	if (columns < 2 || total_a == 0 || total_b == 0)
		return NAN;
	*dof = columns - 1;
	for (int i = 0; i < k; i++)
	{
		double		column = a[i] + b[i];
		double		expected_a = column * (total_a / (total_a + total_b));
		double		expected_b = column - expected_a;
		double		off = fabs(a[i] - expected_a);

		if (column == 0)
			continue;
		if (yates && *dof == 1)
			off -= fmin(0.5, off);
		sum += off * off / expected_a + off * off / expected_b;
	}
	return sum;
}

double
mlops_cramers_v(double chi2, double n)
{
	return n > 0 ? sqrt(chi2 / n) : NAN;
}

bool
mlops_adjust_p_values(double *p, size_t n)
{
	RankedP    *ranked = malloc(sizeof(RankedP) * (n + 1));
	size_t		tests = 0;
	double		least = 1;

	if (ranked == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isnan(p[i]))
			ranked[tests++] = (RankedP) {p[i], i};
	qsort(ranked, tests, sizeof(RankedP), compare_ranked);
	for (size_t i = tests; i-- > 0;)
	{
		least = fmin(least, ranked[i].p * tests / (i + 1));
		p[ranked[i].place] = least;
	}
	free(ranked);
	return true;
}

/*
 * The share of lattice paths from (0, 0) to (m, n), m <= n, that come to a
 * point where |i/m - j/n| >= d.  NaN: out of memory.
 */
static double
paths_outside(double d, size_t m, size_t n)
{
	/* differences are whole multiples of 1/mn: compare as such */
	double		bound = rint(d * (double) m * (double) n);
	double		size = (double) m * n / ((double) m + n);
	double	   *row;
	double		result;

	if (bound <= 0)
		return 1;
	/* far below the least double, by the bound of Dvoretzky and others */
	if (size * d * d > 450)
		return 0;
	row = malloc((n + 1) * sizeof(double));
	if (row == NULL)
		return NAN;
	for (size_t j = 0; j <= n; j++)
		row[j] = (double) j * m >= bound;
	for (size_t i = 1; i <= m; i++)
	{
		/* |i n - j m| < bound */
		double		middle = (double) i * n;
		double		low = floor((middle - bound) / m) + 1;
		double		high = ceil((middle + bound) / m) - 1;
		size_t		from = low > 0 ? (size_t) low : 0;
		size_t		to = high < n ? (size_t) high : n;

		if (from > 0)
			row[from - 1] = 1;
		for (size_t j = from; j <= to; j++)
		{
			double		share = (double) i / (i + j);

			row[j] = row[j] * share + (j > 0 ? row[j - 1] * (1 - share) : 0);
		}
		if (to < n)
			row[to + 1] = 1;
	}
	result = row[n];
	free(row);
	return result;
}

/* P(D >= d) of one sample of n values against its distribution. */
static double
one_sample(double d, double n)
{
	double		t2 = n * d * d;
	double		t = sqrt(t2);

	if (n < 1 || d <= 0)
		return 1;
	if (d >= 1)
		return 0;
	if (n <= FEW && t2 <= 4)
		return 1 - durbin(d, (int) n);
	if (t2 >= 2.2)
		return fmin(1, 2 * smirnov(d, n));
	return kolmogorov(t + 1 / (6 * sqrt(n)) + (t - 1) / (4 * n));
}

/*
 * P(D < d) for n values: an element of the n-th power of a matrix whose size
 * grows with n d.  The power is scaled as it grows.
 */
static double
durbin(double d, int n)
{
	int			k = (int) (n * d) + 1;
	int			m = 2 * k - 1;
	double		h = k - n * d;
	double	   *memory = calloc((size_t) 4 * m * m, sizeof(double));
	double	   *base = memory;
	double	   *power = memory + (size_t) m * m;
	double	   *work = memory + (size_t) 2 * m * m;
	double		result;
	int			exponent = 0;

	if (memory == NULL)
		return NAN;
	for (int i = 0; i < m; i++)
		for (int j = 0; j < m; j++)
			base[i * m + j] = i - j + 1 >= 0;
	for (int i = 0; i < m; i++)
	{
		base[i * m] -= pow(h, i + 1);
		base[(m - 1) * m + i] -= pow(h, m - i);
		power[i * m + i] = 1;
	}
	base[(m - 1) * m] += 2 * h - 1 > 0 ? pow(2 * h - 1, m) : 0;
	for (int i = 0; i < m; i++)
		for (int j = 0; j < m; j++)
			if (i - j + 1 > 0)
				base[i * m + j] /= tgamma(i - j + 2);
	for (int step = 0; step < n; step++)
	{
		multiply(power, base, work, m);
		memcpy(power, work, sizeof(double) * m * m);
		if (power[(k - 1) * m + k - 1] > 1e140)
		{
			for (int i = 0; i < m * m; i++)
				power[i] *= 1e-140;
			exponent += 140;
		}
	}
	result = power[(k - 1) * m + k - 1];
	for (int i = 1; i <= n; i++)
	{
		result = result * i / n;
		if (result < 1e-140)
		{
			result *= 1e140;
			exponent -= 140;
		}
	}
	free(memory);
	return result * pow(10, exponent);
}

/* c = a b, of m x m numbers. */
static void
multiply(const double *a, const double *b, double *c, int m)
{
	for (int i = 0; i < m; i++)
		for (int j = 0; j < m; j++)
		{
			double		sum = 0;

			for (int k = 0; k < m; k++)
				sum += a[i * m + k] * b[k * m + j];
			c[i * m + j] = sum;
		}
}

/* P(D+ >= d): Smirnov's sum, or for many values its first terms in 1/n. */
static double
smirnov(double d, double n)
{
	double		sum = 0;
	double		choose = 0;		/* log of the binomial coefficient */
	double		last = floor(n * (1 - d));

	if (n > MANY)
		return exp(-2 * n * d * d - 2.0 / 3 * d - 4.0 / 9 * n * pow(d, 4));
	for (double j = 0; j <= last; j++)
	{
		double		high = d + j / n;
		double		low = 1 - high;

		if (j > 0)
			choose += log((n - j + 1) / j);
		if (low > 0)
			sum += exp(choose + (j - 1) * log(high) + (n - j) * log(low));
		else if (j == n)
			sum += exp(choose + (j - 1) * log(high));
	}
	return d * sum;
}

/* The limit's P(T >= t), t being over 0. */
static double
kolmogorov(double t)
{
	double		sum = 0;

	if (t < 1)
	{
		/* the other series, which converges there */
		for (int k = 1; k < 20; k += 2)
			sum += exp(-k * k * M_PI * M_PI / (8 * t * t));
		return 1 - sqrt(2 * M_PI) / t * sum;
	}
	for (int k = 1; k < 20; k++)
		sum += (k % 2 ? 2 : -2) * exp(-2.0 * k * k * t * t);
	return sum;
}

/* The regularized lower incomplete gamma function, for x < a + 1. */
static double
gamma_series(double a, double x)
{
	double		term = 1 / a;
	double		sum = term;

	for (double n = a + 1; term > sum * 1e-17; n++)
	{
		term *= x / n;
		sum += term;
	}
	return sum * exp(-x + a * log(x) - lgamma(a));
}

/* The upper one by its continued fraction, as Lentz evaluates it. */
static double
gamma_fraction(double a, double x)
{
	double		b = x + 1 - a;
	double		c = 1e300;
	double		d = 1 / b;
	double		h = d;

	for (int i = 1; i < 100000; i++)
	{
		double		an = -i * (i - a);
		double		change;

		b += 2;
		d = an * d + b;
		d = 1 / (fabs(d) < 1e-300 ? 1e-300 : d);
		c = b + an / c;
		if (fabs(c) < 1e-300)
			c = 1e-300;
		change = c * d;
		h *= change;
		if (fabs(change - 1) < 1e-16)
			break;
	}
	return h * exp(-x + a * log(x) - lgamma(a));
}

/* qsort() comparator by p-value. */
static int
compare_ranked(const void *a, const void *b)
{
	double		left = ((const RankedP *) a)->p;
	double		right = ((const RankedP *) b)->p;

	return left < right ? -1 : left > right;
}
