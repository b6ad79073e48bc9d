/*
 * association.c
 *		How far one feature alone tells the target.
 *
 * Everything follows from the rows sorted by the feature: ties are neighbours
 * there, bins are runs of neighbours that part no tie.  Sorting is by digits
 * of the float's bits, in linear time.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/association.h"

#define DIGIT_BITS		11
#define DIGIT_VALUES	(1 << DIGIT_BITS)
#define MAX_BINS		256
#define MISSING			UINT32_MAX

#define PLACE(word)		((uint32_t) ((word) >> 32))
#define ROW(word)		((uint32_t) (word))

/* Rows of a bin; what of them is counted is up to the caller. */
typedef struct Bin
{
	size_t		rows;
	double		sum;
} Bin;

typedef struct Bins
{
	int			n;
	Bin		   *bins;
	int		   *of_row;			/* the bin of each sorted row */
} Bins;

static uint32_t float_place(float x);
static size_t run_end(const uint64_t *sorted, size_t n, size_t from);
static bool make_bins(const uint64_t *sorted, size_t n, bool categorical,
					  Bins *bins);
static int	new_bin(Bins *bins);
static void free_bins(Bins *bins);
static double direct_auc(const uint64_t *sorted, const float *label,
						 size_t n);
static double binned_auc(Bins *bins, const uint64_t *sorted,
						 const float *label, size_t n);
static int	compare_rates(const void *a, const void *b);
static double spearman(const uint64_t *sorted, const double *ranks,
					   size_t n);
static double binned_r2(Bins *bins, const uint64_t *sorted,
						const float *label, size_t n);

void
mlops_association_sort(const float *x, size_t n, MlopsAssociationWork *work)
{
	uint64_t   *from = work + n;
	uint64_t   *to = work;

	/* an odd number of passes ends where the result is wanted */
	for (size_t i = 0; i < n; i++)
		from[i] = (uint64_t) float_place(x[i]) << 32 | i;
	for (int shift = 32; shift < 64; shift += DIGIT_BITS)
	{
		size_t		starts[DIGIT_VALUES] = {0};
		size_t		start = 0;
		uint64_t   *swap = from;

		for (size_t i = 0; i < n; i++)
			starts[(from[i] >> shift) & (DIGIT_VALUES - 1)]++;
		for (int digit = 0; digit < DIGIT_VALUES; digit++)
		{
			size_t		count = starts[digit];

			starts[digit] = start;
			start += count;
		}
		for (size_t i = 0; i < n; i++)
			to[starts[(from[i] >> shift) & (DIGIT_VALUES - 1)]++] = from[i];
		from = to;
		to = swap;
	}
}

void
mlops_association_ranks(const float *x, size_t n, double *ranks,
						MlopsAssociationWork *work)
{
	mlops_association_sort(x, n, work);
	for (size_t i = 0; i < n;)
	{
		size_t		end = run_end(work, n, i);
		double		rank = (i + 1 + end) / 2.0;

		for (; i < end; i++)
			ranks[ROW(work[i])] = rank;
	}
}

double
mlops_association_binary(const float *x, const float *label, size_t n,
						 bool categorical, MlopsAssociationWork *work)
{
	Bins		bins;
	double		auc;
	double		direct;

	mlops_association_sort(x, n, work);
	if (!make_bins(work, n, categorical, &bins))
		return NAN;
	auc = binned_auc(&bins, work, label, n);
	free_bins(&bins);
	if (categorical)
		return auc;
	direct = direct_auc(work, label, n);
	return direct > auc ? direct : auc;
}

double
mlops_association_classes(const float *x, const float *label, size_t n,
						  int n_classes, bool categorical,
						  MlopsAssociationWork *work)
{
	Bins		bins;
	size_t	   *counts;
	size_t	   *best;
	double		pure = 0;
	double		most = 0;

	mlops_association_sort(x, n, work);
	if (!make_bins(work, n, categorical, &bins))
		return NAN;
	counts = calloc((size_t) (bins.n + 1) * n_classes, sizeof(size_t));
	best = calloc(bins.n + 1, sizeof(size_t));
	if (counts == NULL || best == NULL)
		pure = NAN;
	else
	{
		/* the last row of counts is for all bins together */
		for (size_t i = 0; i < n; i++)
		{
			int			class = (int) label[ROW(work[i])];

			counts[(size_t) bins.of_row[i] * n_classes + class]++;
			counts[(size_t) bins.n * n_classes + class]++;
		}
		for (int bin = 0; bin <= bins.n; bin++)
			for (int class = 0; class < n_classes; class++)
				if (counts[(size_t) bin * n_classes + class] > best[bin])
					best[bin] = counts[(size_t) bin * n_classes + class];
		for (int bin = 0; bin < bins.n; bin++)
			pure += best[bin];
		most = best[bins.n];
	}
	free(counts);
	free(best);
	free_bins(&bins);
	return most < n ? (pure - most) / (n - most) : NAN;
}

double
mlops_association_number(const float *x, const float *label,
						 const double *ranks, size_t n, bool categorical,
						 MlopsAssociationWork *work)
{
	Bins		bins;
	double		r2;
	double		rho;

	mlops_association_sort(x, n, work);
	if (!make_bins(work, n, categorical, &bins))
		return NAN;
	r2 = binned_r2(&bins, work, label, n);
	free_bins(&bins);
	if (categorical)
		return r2;
	rho = fabs(spearman(work, ranks, n));
	return rho > r2 ? rho : r2;
}

/*
 * A float as an unsigned number of the same order; missing ones come last.
 */
static uint32_t
float_place(float x)
{
	uint32_t	bits;

	if (isnan(x))
		return MISSING;
	if (x == 0)
		x = 0;					/* -0 is 0 */
	memcpy(&bits, &x, sizeof(bits));
	return bits >> 31 ? ~bits : bits | UINT32_C(0x80000000);
}

/*
 * The end of the run of equal values that begins at `from`.
 */
static size_t
run_end(const uint64_t *sorted, size_t n, size_t from)
{
	size_t		end = from + 1;

	while (end < n && PLACE(sorted[end]) == PLACE(sorted[from]))
		end++;
	return end;
}

/*
 * Bins of about equal size; of categories one for each, and one for all that
 * are rare; missing values are one, too.  False: out of memory.
 */
static bool
make_bins(const uint64_t *sorted, size_t n, bool categorical, Bins *bins)
{
	size_t		wanted = n / MAX_BINS > MLOPS_BIN_ROWS ?
		n / MAX_BINS : MLOPS_BIN_ROWS;
	int			rare = -1;
	int			open = -1;

	bins->n = 0;
	bins->bins = calloc(n / MLOPS_BIN_ROWS + 4, sizeof(Bin));
	bins->of_row = malloc((n + 1) * sizeof(int));
	if (bins->bins == NULL || bins->of_row == NULL)
	{
		free_bins(bins);
		return false;
	}
	for (size_t i = 0; i < n;)
	{
		size_t		end = run_end(sorted, n, i);
		int			bin;

		if (PLACE(sorted[i]) == MISSING ||
			(categorical && end - i >= MLOPS_BIN_ROWS))
			bin = new_bin(bins);
		else if (categorical)
			bin = rare = rare < 0 ? new_bin(bins) : rare;
		else
		{
			if (open < 0 || bins->bins[open].rows >= wanted)
				open = new_bin(bins);
			bin = open;
		}
		bins->bins[bin].rows += end - i;
		for (; i < end; i++)
			bins->of_row[i] = bin;
	}
	return true;
}

/*
 * One bin more, empty.
 */
static int
new_bin(Bins *bins)
{
	return bins->n++;
}

/*
 * Release what make_bins() took.
 */
static void
free_bins(Bins *bins)
{
	free(bins->bins);
	free(bins->of_row);
}

/*
 * The area under the curve of the feature as a score, in the better of its
 * directions, and with missing values at the better of its ends.
 */
static double
direct_auc(const uint64_t *sorted, const float *label, size_t n)
{
	double		below[2] = {0, 0};	/* negative, positive rows so far */
	double		missing[2] = {0, 0};
	double		wins = 0;
	double		pairs;
	double		areas[2];
	double		best = 0.5;

	for (size_t i = 0; i < n;)
	{
		size_t		end = run_end(sorted, n, i);
		bool		is_missing = PLACE(sorted[i]) == MISSING;
		double		here[2] = {0, 0};

		for (; i < end; i++)
			here[label[ROW(sorted[i])] > 0.5f]++;
		if (is_missing)
		{
			memcpy(missing, here, sizeof(here));
			break;
		}
		wins += here[1] * (below[0] + here[0] / 2);
		below[0] += here[0];
		below[1] += here[1];
	}
	pairs = (below[0] + missing[0]) * (below[1] + missing[1]);
	if (pairs == 0)
		return NAN;
	wins += missing[1] * missing[0] / 2;
	areas[0] = (wins + missing[1] * below[0]) / pairs;
	areas[1] = (wins + missing[0] * below[1]) / pairs;
	for (int i = 0; i < 2; i++)
		best = fmax(best, fmax(areas[i], 1 - areas[i]));
	return best;
}

/*
 * The area under the curve of the share of class 1 in a row's bin.
 */
static double
binned_auc(Bins *bins, const uint64_t *sorted, const float *label, size_t n)
{
	double		negative = 0;
	double		positive = 0;
	double		wins = 0;

	for (size_t i = 0; i < n; i++)
		bins->bins[bins->of_row[i]].sum += label[ROW(sorted[i])] > 0.5f;
	qsort(bins->bins, bins->n, sizeof(Bin), compare_rates);
	for (int i = 0; i < bins->n; i++)
	{
		double		ones = bins->bins[i].sum;
		double		zeros = bins->bins[i].rows - ones;

		wins += ones * (negative + zeros / 2);
		negative += zeros;
		positive += ones;
	}
	return negative * positive > 0 ? wins / (negative * positive) : NAN;
}

/*
 * qsort() comparator of bins by their means.
 */
static int
compare_rates(const void *a, const void *b)
{
	const Bin  *left = a;
	const Bin  *right = b;
	double		difference = left->sum * right->rows -
		right->sum * left->rows;

	return difference < 0 ? -1 : difference > 0;
}

/*
 * Spearman's coefficient over the rows that are not missing, 0 if half or
 * more are.  The label's ranks are those among all rows.
 */
static double
spearman(const uint64_t *sorted, const double *ranks, size_t n)
{
	size_t		present = n;
	double		mean_x;
	double		mean_y = 0;
	double		xx = 0;
	double		yy = 0;
	double		xy = 0;

	while (present > 0 && PLACE(sorted[present - 1]) == MISSING)
		present--;
	if (present * 2 <= n)
		return 0;
	mean_x = (present + 1) / 2.0;
	for (size_t i = 0; i < present; i++)
		mean_y += ranks[ROW(sorted[i])];
	mean_y /= present;
	for (size_t i = 0; i < present;)
	{
		size_t		end = run_end(sorted, present, i);
		double		x = (i + 1 + end) / 2.0 - mean_x;

		for (; i < end; i++)
		{
			double		y = ranks[ROW(sorted[i])] - mean_y;

			xx += x * x;
			yy += y * y;
			xy += x * y;
		}
	}
	return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : 0;
}

/*
 * The share of the label's variance that lies between bins, adjusted.
 */
static double
binned_r2(Bins *bins, const uint64_t *sorted, const float *label, size_t n)
{
	double		mean = 0;
	double		total = 0;
	double		within = 0;

	for (size_t i = 0; i < n; i++)
		mean += label[i];
	mean /= n;
	for (size_t i = 0; i < n; i++)
		bins->bins[bins->of_row[i]].sum += label[ROW(sorted[i])];
	for (size_t i = 0; i < n; i++)
	{
		const Bin  *bin = &bins->bins[bins->of_row[i]];
		double		y = label[ROW(sorted[i])];

		total += (y - mean) * (y - mean);
		within += (y - bin->sum / bin->rows) * (y - bin->sum / bin->rows);
	}
	if (total == 0 || n <= bins->n)
		return NAN;
	return 1 - within / total * (n - 1) / (n - bins->n);
}
