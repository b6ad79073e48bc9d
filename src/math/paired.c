/*
 * paired.c
 *		How sure a metric is: errors of means, paired tests, resampling by seed.
 *
 * The mid-p form of McNemar's test is after Fagerland, Lydersen and Laake
 * (2013): it keeps its level without the exact test's loss of power.
 */
#include <math.h>

#include "math/hash.h"
#include "math/paired.h"

/* The odd number next to 2^64 divided by the golden ratio. */
#define GOLDEN UINT64_C(0x9E3779B97F4A7C15)

/* More discordant rows than this are normal. */
#define EXACT_ROWS 100000

static double binomial_log(double n, double k);

/*
 * Start a stream; near seeds give streams without relation.
 */
void
mlops_random_seed(MlopsRandom *random, uint64_t seed)
{
	random->state = mlops_hash_mix(seed + GOLDEN);
}

/*
 * The bias by rounding is below n / 2^53.
 */
size_t
mlops_random_index(MlopsRandom *random, size_t n)
{
	random->state += GOLDEN;
	return (size_t) (mlops_hash_unit(mlops_hash_mix(random->state)) * n);
}

void
mlops_spread_add(MlopsSpread *spread, double x)
{
	double		distance = x - spread->mean;

	spread->n++;
	spread->mean += distance / spread->n;
	spread->squares += distance * (x - spread->mean);
}

double
mlops_spread_deviation(const MlopsSpread *spread)
{
	return spread->n < 2 ? NAN : sqrt(spread->squares / (spread->n - 1));
}

void
mlops_mean_error_add(MlopsMeanError *error, double x, double weight)
{
	double		distance = (x - error->mean) * weight;

	if (weight <= 0)
		return;
	error->n++;
	error->weights += weight;
	error->squared_weights += weight * weight;
	error->squares += distance * distance;
}

double
mlops_mean_error_get(const MlopsMeanError *error)
{
	if (error->n < 2)
		return NAN;
	return sqrt(error->squares * error->n / (error->n - 1)) / error->weights;
}

double
mlops_mean_error_rows(const MlopsMeanError *error)
{
	return error->weights * error->weights / error->squared_weights;
}

double
mlops_normal_p_value(double z)
{
	return erfc(fabs(z) / M_SQRT2);
}

double
mlops_mcnemar(uint64_t b, uint64_t c)
{
	uint64_t	least = b < c ? b : c;
	double		n = (double) b + (double) c;
	double		tail = 0;
	double		last = 0;

	if (n == 0)
		return 1;
	if (n > EXACT_ROWS)
		return mlops_normal_p_value(((double) b - (double) c) / sqrt(n));
	for (uint64_t k = 0; k <= least; k++)
	{
		last = exp(binomial_log(n, k) - n * M_LN2);
		tail += last;
	}
	return fmin(1, 2 * tail - last);
}

/*
 * The logarithm of the binomial coefficient.
 */
static double
binomial_log(double n, double k)
{
	return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1);
}
