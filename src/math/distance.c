/*
 * distance.c
 *		How far two distributions over the same bins are apart.
 *
 * The null distribution is drawn rather than taken from its limit, a
 * chi-square: with few rows in a bin, which is when it matters, a bin that
 * happens to be empty weighs far more in PSI than the limit knows.
 */
#include "math/distance.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "math/random.h"

#define DRAWS	2000
#define FIRST_DRAWS	100

/* Above so many expected, a binomial number is drawn as a rounded normal one. */
#define MANY	16

static double psi(const double *p, const double *q, int k);
static double kl(const double *p, const double *q, int k);
static double kl_filled(const double *p, const double *q, int k);
static double js(const double *p, const double *q, int k);
static double hellinger(const double *p, const double *q, int k);
static double total_variation(const double *p, const double *q, int k);
static double l_infinity(const double *p, const double *q, int k);
static void lift(double *shares, const MlopsChance *chance, double by);
static double draw(const MlopsChance *chance, MlopsRandom *random,
				   const double *reference_shares, double n_reference,
				   const double *current_shares, double n_current);
static double gamma_quantile(double mean, double mean_square, double level);
static double over_zero(double share);
static double binomial(MlopsRandom *random, double n, double p);
static void multinomial(MlopsRandom *random, double n, const double *shares,
						int k, double *counts);
static int	compare_doubles(const void *a, const void *b);

void
mlops_shares(const double *counts, int k, double *shares)
{
	double		total = 0;

	for (int i = 0; i < k; i++)
		total += counts[i];
	for (int i = 0; i < k; i++)
		shares[i] = total > 0 ? counts[i] / total : 0;
}

void
mlops_shares_fill(double *shares, int k)
{
	double		least = INFINITY;
	double		fill = MLOPS_DISTANCE_ZERO;

	for (int i = 0; i < k; i++)
		if (shares[i] > 0 && shares[i] < least)
			least = shares[i];
	if (least <= MLOPS_DISTANCE_ZERO)
		fill = least / 1e6;
	for (int i = 0; i < k; i++)
		if (shares[i] == 0)
			shares[i] = fill;
}

double
mlops_distance(MlopsDistance kind, const double *p, const double *q, int k)
{
	switch (kind)
	{
		case MLOPS_PSI:
			return psi(p, q, k);
		case MLOPS_KL:
			return kl(p, q, k);
		case MLOPS_KL_SYMMETRIC:
			return kl_filled(q, p, k) + kl_filled(p, q, k);
		case MLOPS_JS:
			return js(p, q, k);
		case MLOPS_HELLINGER:
			return hellinger(p, q, k);
		case MLOPS_TV:
			return total_variation(p, q, k);
		case MLOPS_LINF:
			return l_infinity(p, q, k);
	}
	return NAN;
}

int
mlops_distance_merge(const double *reference, const double *current, int k,
					 int n_rare, double share, double *merged_reference,
					 double *merged_current)
{
	double		total = 0;
	int			n = share > 0;

	merged_reference[0] = merged_current[0] = 0;
	for (int i = 0; i < k; i++)
		total += reference[i];
	for (int i = 0; i < k; i++)
	{
		bool		rare = share > 0 && (i == n_rare || (i < n_rare &&
														 reference[i] < share * total));
		int			to = rare ? 0 : n++;

		if (!rare)
			merged_reference[to] = merged_current[to] = 0;
		merged_reference[to] += reference[i];
		merged_current[to] += current[i];
	}
	return n;
}

double
mlops_distance_hidden(const double *reference, int k, int n_rare,
					  double least)
{
	double		rows[3] = {0};
	double		total = 0;

	for (int i = 0; i < k; i++)
	{
		double		above = reference[i] - least;

		total += reference[i];
		if (i < n_rare && above >= 0 && above <= 2)
			rows[(int) above] += reference[i];
	}
	if (total == 0 || reference[n_rare] == 0)
		return 0;
	return fmax(rows[0], fmax(rows[1], rows[2])) / total;
}

double
mlops_distance_null(const MlopsChance *chance, double level, double value)
{
	double		pooled[MLOPS_DISTANCE_BINS];
	double		shares[MLOPS_DISTANCE_BINS];
	double		draws[DRAWS];
	double		n_reference = 0;
	double		n_current = 0;
	double		sum = 0;
	double		squares = 0;
	int			above = 0;
	MlopsRandom random = {42};

	for (int i = 0; i < chance->k; i++)
	{
		pooled[i] = chance->reference[i] + chance->current[i];
		n_reference += chance->reference[i];
		n_current += chance->current[i];
	}
	if (n_reference == 0 || n_current == 0)
		return NAN;
	mlops_shares(pooled, chance->k, pooled);
	memcpy(shares, pooled, sizeof(shares));
	lift(shares, chance, chance->hidden * n_reference /
		 (n_reference + n_current));
	lift(pooled, chance, -chance->hidden * n_current /
		 (n_reference + n_current));
	for (int i = 0; i < DRAWS; i++)
	{
		draws[i] = draw(chance, &random, pooled, n_reference, shares,
						n_current);
		sum += draws[i];
		squares += draws[i] * draws[i];
		above += draws[i] > value;
		if (i == FIRST_DRAWS - 1 && above > FIRST_DRAWS / 10)
			return fmax(gamma_quantile(sum / FIRST_DRAWS,
									   squares / FIRST_DRAWS, level),
						nextafter(value, INFINITY));
	}
	qsort(draws, DRAWS, sizeof(double), compare_doubles);
	return draws[(int) fmin(level * DRAWS, DRAWS - 1)];
}

/* Add to the share of bin n_rare, at the cost of those before it. */
static void
lift(double *shares, const MlopsChance *chance, double by)
{
	double	   *all = &shares[chance->n_rare];
	double		before = 0;

	if (by == 0)
		return;
	for (int i = 0; i < chance->n_rare; i++)
		before += shares[i];
	by = fmin(fmax(by, -*all), before);
	*all += by;
	for (int i = 0; i < chance->n_rare; i++)
		shares[i] *= 1 - by / before;
}

/* The distance of two samples that are drawn from these shares. */
static double
draw(const MlopsChance *chance, MlopsRandom *random,
	 const double *reference_shares, double n_reference,
	 const double *current_shares, double n_current)
{
	double		p[MLOPS_DISTANCE_BINS];
	double		q[MLOPS_DISTANCE_BINS];
	double		a[MLOPS_DISTANCE_BINS];
	double		b[MLOPS_DISTANCE_BINS];
	int			k;

	multinomial(random, n_reference, reference_shares, chance->k, p);
	multinomial(random, n_current, current_shares, chance->k, q);
	k = mlops_distance_merge(p, q, chance->k, chance->n_rare, chance->share,
							 a, b);
	mlops_shares(a, k, a);
	mlops_shares(b, k, b);
	return mlops_distance(chance->kind, a, b, k);
}

/* A quantile of the gamma distribution of a mean and mean square. */
static double
gamma_quantile(double mean, double mean_square, double level)
{
	double		shape = mean * mean / fmax(mean_square - mean * mean, 1e-300);
	/* of the normal distribution, by Hastings; level is over 0.5 */
	double		t = sqrt(-2 * log(1 - level));
	double		z = t - (2.515517 + t * (0.802853 + t * 0.010328)) /
		(1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
	double		root = 1 - 1 / (9 * shape) + z / (3 * sqrt(shape));

	return mean * root * root * root;
}

/* Sum of (p - q) ln(p / q). */
static double
psi(const double *p, const double *q, int k)
{
	double		sum = 0;

	for (int i = 0; i < k; i++)
	{
		double		a = over_zero(p[i]);
		double		b = over_zero(q[i]);

		sum += (a - b) * log(a / b);
	}
	return sum;
}

/* Sum of p ln(p / q), both without zeros and scaled to a sum of 1. */
static double
kl(const double *p, const double *q, int k)
{
	double		sum = 0;
	double		sum_p = 0;
	double		sum_q = 0;

	for (int i = 0; i < k; i++)
	{
		if (p[i] == 0 && q[i] == 0)
			continue;
		sum_p += over_zero(p[i]);
		sum_q += over_zero(q[i]);
	}
	for (int i = 0; i < k; i++)
	{
		double		a = over_zero(p[i]) / sum_p;

		if (p[i] > 0 || q[i] > 0)
			sum += a * log(a / (over_zero(q[i]) / sum_q));
	}
	return sum;
}

/* Sum of p ln(p / q), with zeros in q filled and 0 ln 0 being 0. */
static double
kl_filled(const double *p, const double *q, int k)
{
	double		sum = 0;

	for (int i = 0; i < k; i++)
		if (p[i] > 0)
			sum += p[i] * log(p[i] / over_zero(q[i]));
	return sum;
}

/* Half the divergences of both from their mean. */
static double
js(const double *p, const double *q, int k)
{
	double		sum = 0;

	for (int i = 0; i < k; i++)
	{
		double		m = (p[i] + q[i]) / 2;

		if (p[i] > 0)
			sum += p[i] * log2(p[i] / m);
		if (q[i] > 0)
			sum += q[i] * log2(q[i] / m);
	}
	return sum > 0 ? sum / 2 : 0;
}

/* The Euclidean distance of the roots over the root of 2. */
static double
hellinger(const double *p, const double *q, int k)
{
	double		sum = 0;

	for (int i = 0; i < k; i++)
	{
		double		difference = sqrt(p[i]) - sqrt(q[i]);

		sum += difference * difference;
	}
	return sqrt(sum / 2);
}

/* Half the sum of differences. */
static double
total_variation(const double *p, const double *q, int k)
{
	double		sum = 0;

	for (int i = 0; i < k; i++)
		sum += fabs(p[i] - q[i]);
	return sum / 2;
}

/* The largest difference. */
static double
l_infinity(const double *p, const double *q, int k)
{
	double		largest = 0;

	for (int i = 0; i < k; i++)
		largest = fmax(largest, fabs(p[i] - q[i]));
	return largest;
}

/* A share, or what stands for 0. */
static double
over_zero(double share)
{
	return share == 0 ? MLOPS_DISTANCE_ZERO : share;
}

/* How many of n succeed with probability p each. */
static double
binomial(MlopsRandom *random, double n, double p)
{
	double		odds;
	double		density;
	double		unit;
	double		x = 0;

	if (n <= 0 || p <= 0)
		return 0;
	if (p >= 1)
		return n;
	if (p > 0.5)
		return n - binomial(random, n, 1 - p);
	if (n * p > MANY)
	{
		double		width = sqrt(n * p * (1 - p));
		double		z = mlops_random_normal(random);

		/* with the skewness of a binomial number */
		x = rint(n * p + width * z + (1 - 2 * p) * (z * z - 1) / 6);
		return x < 0 ? 0 : x > n ? n : x;
	}
	odds = p / (1 - p);
	density = exp(n * log1p(-p));
	unit = mlops_random_unit(random);
	while (unit >= density && x < n)
	{
		unit -= density;
		x++;
		density *= odds * (n - x + 1) / x;
		if (density == 0 && x > n * p)
			break;
	}
	return x;
}

/* n drawings from shares, bin by bin. */
static void
multinomial(MlopsRandom *random, double n, const double *shares, int k,
			double *counts)
{
	double		left = 1;

	for (int i = 0; i < k; i++)
	{
		if (i == k - 1 || shares[i] >= left)
			counts[i] = shares[i] > 0 ? n : 0;
		else
			counts[i] = binomial(random, n, shares[i] / left);
		n -= counts[i];
		left -= shares[i];
	}
}

/* qsort() comparator. */
static int
compare_doubles(const void *a, const void *b)
{
	double		left = *(const double *) a;
	double		right = *(const double *) b;

	return left < right ? -1 : left > right;
}
