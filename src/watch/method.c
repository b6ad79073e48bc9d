/*
 * method.c
 *		The figures and verdicts that other tools would give.
 *
 * Each tool cuts its own bins and leaves out what is missing; infinite values,
 * which none of them takes, are left out, too.  Two samples become counts over
 * the same bins, and these become figures.
 */
#include "postgres.h"

#include <math.h>

#include "base/base.h"
#include "math/edges.h"
#include "math/significance.h"
#include "watch/method.h"

/* NannyML learns its threshold from so many parts of the reference. */
#define CHUNKS	10

/* TFDV's standard histogram. */
#define BUCKETS	10

/* One column of both sides: samples of a number, or nothing of a category. */
typedef struct Pair
{
	const double *base;			/* ascending and finite */
	const double *now;
	size_t		n_base;
	size_t		n_now;
} Pair;

/* Counts of both sides over the same bins. */
typedef struct Binned
{
	int			n;
	double	   *base;
	double	   *now;
} Binned;

static Pair take_pair(const MlopsDriftRows *base, const MlopsDriftRows *now,
					  int column);
static const double *finite_part(const double *sample, size_t *n);
static Binned new_binned(int n);
static Binned bin_codes(const MlopsTally *base, const MlopsTally *now,
						int category);
static Binned bin_values(const Pair *pair);
static Binned bin_edges(const Pair *pair, double low, double high, int n);
static Binned bin_padded(const Pair *pair);
static Binned bin_aligned(const Pair *pair);
static double bucket_mass(const double *edges, const double *counts,
						  double low, double high);
static size_t distinct(const double *sample, size_t n);
static double distance_of(MlopsDistance kind, const Binned *binned);
static void evidently(const Pair *pair, const Binned *codes,
					  const MlopsDriftOptions *options, MlopsDriftFigures *f);
static void evidently_tests(const Binned *binned, MlopsDriftFigures *f);
static Binned nannyml_bins(const Pair *pair);
static void nannyml(const MlopsDriftReference *reference, int column,
					const Pair *pair, const Binned *codes,
					const MlopsDriftOptions *options, MlopsDriftFigures *f);
static double learned_bound(const MlopsDriftReference *reference, int column,
							const Pair *pair);
static Binned chunk_codes(const MlopsDriftRows *rows, int column,
						  uint64 first, uint64 last);
static Pair chunk_pair(const MlopsDriftRows *rows, int column, uint64 first,
					   uint64 last, const Pair *pair);
static void mlrun(const MlopsSummary *base, const MlopsSummary *now,
				  const Pair *pair, MlopsDriftFigures *f);
static void tfdv(const Pair *pair, const Binned *codes,
				 const MlopsDriftOptions *options, MlopsDriftFigures *f);
static void decide(MlopsDriftFigures *f, const MlopsDriftOptions *options,
				   MlopsFigure figure, double bound);

static const char *const method_names[] = {
	"mlops", "evidently", "nannyml", "mlrun", "tfdv"
};

MlopsDriftMethod
mlops_drift_method(const char *name)
{
	return name == NULL ? MLOPS_METHOD_OWN :
		mlops_word_of("method", name, method_names, lengthof(method_names));
}

bool
mlops_drift_method_stored(MlopsDriftMethod method)
{
	return method == MLOPS_METHOD_OWN || method == MLOPS_METHOD_MLRUN;
}

void
mlops_drift_method_apply(MlopsDriftMethod method,
						 const MlopsDriftOptions *options,
						 const MlopsDriftReference *reference,
						 const MlopsTally *window, const MlopsDriftRows *rows,
						 int column, MlopsDriftFigures *f)
{
	int			category = column - reference->layout->n_numbers;
	Pair		pair = {0};
	Binned		codes = {0};

	for (int i = 0; i < MLOPS_FIGURES; i++)
		f->figure[i] = NAN;
	f->status = MLOPS_DRIFT_INSUFFICIENT;
	if (reference->rows != NULL && category < 0)
		pair = take_pair(reference->rows, rows, column);
	else if (reference->rows != NULL)
		codes = bin_codes(reference->tally, window, category);
	if (f->n * (1 - f->missing) < 1 ||
		f->n_reference * (1 - f->missing_reference) < 1 ||
		(category < 0 && reference->rows != NULL &&
		 (pair.n_base == 0 || pair.n_now == 0)))
		return;
	f->status = MLOPS_DRIFT_NONE;
	if (method == MLOPS_METHOD_EVIDENTLY)
		evidently(&pair, category < 0 ? NULL : &codes, options, f);
	else if (method == MLOPS_METHOD_NANNYML)
		nannyml(reference, column, &pair, category < 0 ? NULL : &codes,
				options, f);
	else if (method == MLOPS_METHOD_TFDV)
		tfdv(&pair, category < 0 ? NULL : &codes, options, f);
	else if (category < 0)
		mlrun(&reference->numbers[column], &window->numbers[column],
			  reference->rows == NULL ? NULL : &pair, f);
}

MlopsDriftStatus
mlops_drift_method_mlrun(const MlopsDriftFigures *figures, int n,
						 double *mean, double *bound)
{
	int			numbers = 0;

	*mean = 0;
	for (int i = 0; i < n; i++)
	{
		if (figures[i].column->feature < 0 || isnan(figures[i].value))
			continue;
		numbers++;
		*mean += figures[i].value;
	}
	*mean = numbers > 0 ? *mean / numbers : NAN;
	*bound = *mean >= 0.7 ? 0.7 : 0.5;
	return numbers == 0 ? MLOPS_DRIFT_INSUFFICIENT :
		*mean >= 0.7 ? MLOPS_DRIFT_DETECTED :
		*mean >= 0.5 ? MLOPS_DRIFT_POTENTIAL : MLOPS_DRIFT_NONE;
}

/* Both samples of a number. */
static Pair
take_pair(const MlopsDriftRows *base, const MlopsDriftRows *now, int column)
{
	Pair		pair;

	pair.base = mlops_drift_sample(base, column, &pair.n_base);
	pair.base = finite_part(pair.base, &pair.n_base);
	pair.now = mlops_drift_sample(now, column, &pair.n_now);
	pair.now = finite_part(pair.now, &pair.n_now);
	return pair;
}

/* The finite part of an ascending sample. */
static const double *
finite_part(const double *sample, size_t *n)
{
	while (*n > 0 && isinf(sample[*n - 1]))
		--*n;
	while (*n > 0 && isinf(sample[0]))
	{
		sample++;
		--*n;
	}
	return sample;
}

/* Empty bins. */
static Binned
new_binned(int n)
{
	Binned		binned = {n, palloc0(sizeof(double) * Max(n, 1)),
	palloc0(sizeof(double) * Max(n, 1))};

	return binned;
}

/* A bin for each category that either side has. */
static Binned
bin_codes(const MlopsTally *base, const MlopsTally *now, int category)
{
	int			n = Max(base->n_codes[category], now->n_codes[category]);
	Binned		binned = new_binned(n);

	binned.n = 0;
	for (int i = 0; i < n; i++)
	{
		uint64		a = i < base->n_codes[category] ?
			base->codes[category][i] : 0;
		uint64		b = i < now->n_codes[category] ?
			now->codes[category][i] : 0;

		if (a + b == 0)
			continue;
		binned.base[binned.n] = a;
		binned.now[binned.n++] = b;
	}
	return binned;
}

/* A bin for each value that either side has. */
static Binned
bin_values(const Pair *pair)
{
	Binned		binned = new_binned(distinct(pair->base, pair->n_base) +
									distinct(pair->now, pair->n_now));
	size_t		i = 0;
	size_t		j = 0;

	binned.n = 0;
	while (i < pair->n_base || j < pair->n_now)
	{
		double		x = j >= pair->n_now ||
			(i < pair->n_base && pair->base[i] < pair->now[j]) ?
			pair->base[i] : pair->now[j];

		for (; i < pair->n_base && pair->base[i] == x; i++)
			binned.base[binned.n]++;
		for (; j < pair->n_now && pair->now[j] == x; j++)
			binned.now[binned.n]++;
		binned.n++;
	}
	return binned;
}

/* Bins of equal width, and one for all that lies outside. */
static Binned
bin_edges(const Pair *pair, double low, double high, int n)
{
	Binned		binned = new_binned(n + 1);
	double		edges[MLOPS_EDGE_BINS + 1];
	double		below;
	double		above;

	mlops_edges(low, high, n, edges);
	mlops_edges_count(edges, n, pair->base, pair->n_base, binned.base, &below,
					  &above);
	binned.base[n] = below + above;
	mlops_edges_count(edges, n, pair->now, pair->n_now, binned.now, &below,
					  &above);
	binned.now[n] = below + above;
	return binned;
}

/*
 * MLRun's: 20 bins between the extremes of the reference and two that are
 * open; the greatest value itself belongs to the upper one of these.
 */
static Binned
bin_padded(const Pair *pair)
{
	int			n = MLOPS_SUMMARY_WIDTH_BINS;
	Binned		binned = new_binned(n + 2);
	double		edges[MLOPS_EDGE_BINS + 1];

	mlops_edges(pair->base[0], pair->base[pair->n_base - 1], n, edges);
	for (int side = 0; side < 2; side++)
	{
		const double *sample = side == 0 ? pair->base : pair->now;
		size_t		size = side == 0 ? pair->n_base : pair->n_now;
		double	   *counts = side == 0 ? binned.base : binned.now;

		mlops_edges_count(edges, n, sample, size, counts + 1, &counts[0],
						  &counts[n + 1]);
		for (size_t i = 0; i < size; i++)
			if (sample[i] == edges[n])
			{
				counts[n]--;
				counts[n + 1]++;
			}
	}
	return binned;
}

/*
 * TFDV's: each side has buckets between its own extremes, and both are spread
 * evenly over the cells that all edges make together.
 */
static Binned
bin_aligned(const Pair *pair)
{
	Binned		binned = new_binned(2 * BUCKETS + 1);
	double		edges[2][BUCKETS + 1];
	double		counts[2][BUCKETS];
	double		below;
	double		above;
	double		from = -INFINITY;

	mlops_edges(pair->base[0], pair->base[pair->n_base - 1], BUCKETS,
				edges[0]);
	mlops_edges(pair->now[0], pair->now[pair->n_now - 1], BUCKETS, edges[1]);
	mlops_edges_count(edges[0], BUCKETS, pair->base, pair->n_base, counts[0],
					  &below, &above);
	mlops_edges_count(edges[1], BUCKETS, pair->now, pair->n_now, counts[1],
					  &below, &above);
	binned.n = 0;
	for (;;)
	{
		double		to = INFINITY;

		for (int i = 0; i < 2 * (BUCKETS + 1); i++)
		{
			double		edge = edges[i % 2][i / 2];

			if (edge > from && edge < to)
				to = edge;
		}
		if (isinf(to))
			return binned;
		if (!isinf(from))
		{
			binned.base[binned.n] = bucket_mass(edges[0], counts[0], from,
												to);
			binned.now[binned.n++] = bucket_mass(edges[1], counts[1], from,
												 to);
		}
		from = to;
	}
}

/* What of the buckets lies between two places, if they are even. */
static double
bucket_mass(const double *edges, const double *counts, double low,
			double high)
{
	double		mass = 0;

	for (int i = 0; i < BUCKETS; i++)
	{
		double		overlap = fmin(high, edges[i + 1]) - fmax(low, edges[i]);

		if (overlap > 0)
			mass += counts[i] * overlap / (edges[i + 1] - edges[i]);
	}
	return mass;
}

/* How many different values an ascending sample has. */
static size_t
distinct(const double *sample, size_t n)
{
	size_t		found = n > 0;

	for (size_t i = 1; i < n; i++)
		found += sample[i] != sample[i - 1];
	return found;
}

/* A distance between both sides. */
static double
distance_of(MlopsDistance kind, const Binned *binned)
{
	double	   *p = palloc(sizeof(double) * Max(binned->n, 1));
	double	   *q = palloc(sizeof(double) * Max(binned->n, 1));
	double		distance;

	mlops_shares(binned->base, binned->n, p);
	mlops_shares(binned->now, binned->n, q);
	distance = mlops_distance(kind, p, q, binned->n);
	pfree(p);
	pfree(q);
	return distance;
}

/*
 * Evidently: up to 20 different values of the reference are categories, else
 * bins by Sturges' rule over both sides.  Tests decide up to 1,000 values,
 * distances above.
 */
static void
evidently(const Pair *pair, const Binned *codes,
		  const MlopsDriftOptions *options, MlopsDriftFigures *f)
{
	Binned		binned;
	Binned		values = {0};
	bool		many = true;	/* more than five different values */
	double	   *p;
	double	   *q;

	if (codes != NULL)
		binned = values = *codes;
	else
	{
		double		low = Min(pair->base[0], pair->now[0]);
		double		high = Max(pair->base[pair->n_base - 1],
							   pair->now[pair->n_now - 1]);

		values = bin_values(pair);
		binned = values;
		if (distinct(pair->base, pair->n_base) > 20)
			binned = bin_edges(pair, low, high,
							   mlops_bins_sturges(pair->n_base + pair->n_now,
												  low, high));
		/* both sides lie within the edges */
		binned.n -= binned.base != values.base;
		many = values.n > 5;
	}
	p = palloc(sizeof(double) * binned.n);
	q = palloc(sizeof(double) * binned.n);
	f->figure[MLOPS_FIGURE_JS] = sqrt(distance_of(MLOPS_JS, &binned) *
									  log(2));
	mlops_shares(binned.base, binned.n, p);
	mlops_shares(binned.now, binned.n, q);
	mlops_shares_fill(p, binned.n);
	mlops_shares_fill(q, binned.n);
	f->figure[MLOPS_FIGURE_PSI] = mlops_distance(MLOPS_PSI, p, q, binned.n);
	f->figure[MLOPS_FIGURE_KL] = mlops_distance(MLOPS_KL, p, q, binned.n);
	if (codes == NULL)
	{
		f->figure[MLOPS_FIGURE_KS] = mlops_ks(pair->base, pair->n_base,
											  pair->now, pair->n_now);
		f->figure[MLOPS_FIGURE_WASSERSTEIN] =
			mlops_wasserstein(pair->base, pair->n_base, pair->now,
							  pair->n_now);
		f->figure[MLOPS_FIGURE_WASSERSTEIN_STD] =
			f->figure[MLOPS_FIGURE_WASSERSTEIN] / fmax(f->stddev, 0.001);
	}
	if (codes == NULL && many)
		f->figure[MLOPS_FIGURE_P_VALUE] =
			mlops_ks_p_value(f->figure[MLOPS_FIGURE_KS], pair->n_base,
							 pair->n_now);
	else
		evidently_tests(&values, f);
	if (f->n_reference * (1 - f->missing_reference) < 1000.5)
		decide(f, options, MLOPS_FIGURE_P_VALUE, 0.05);
	else if (codes == NULL && many)
		decide(f, options, MLOPS_FIGURE_WASSERSTEIN_STD, 0.1);
	else
		decide(f, options, MLOPS_FIGURE_JS, 0.1);
}

/*
 * Two values: a test of two proportions.  More: chi-square of the window
 * against the reference taken as exact, infinite for a new value.
 */
static void
evidently_tests(const Binned *binned, MlopsDriftFigures *f)
{
	double		n_base = 0;
	double		n_now = 0;
	double		sum = 0;

	for (int i = 0; i < binned->n; i++)
	{
		n_base += binned->base[i];
		n_now += binned->now[i];
	}
	if (binned->n == 1)
	{
		f->figure[MLOPS_FIGURE_P_VALUE] = 1;
		return;
	}
	if (binned->n == 2)
	{
		double		p = (binned->base[0] + binned->now[0]) / (n_base + n_now);
		double		z = (binned->base[0] / n_base - binned->now[0] / n_now) /
			sqrt(p * (1 - p) * (1 / n_base + 1 / n_now));

		f->figure[MLOPS_FIGURE_P_VALUE] = erfc(fabs(z) / M_SQRT2);
		return;
	}
	for (int i = 0; i < binned->n; i++)
	{
		double		expected = binned->base[i] / n_base * n_now;

		sum += (binned->now[i] - expected) * (binned->now[i] - expected) /
			expected;
	}
	f->figure[MLOPS_FIGURE_CHI2] = sum;
	f->figure[MLOPS_FIGURE_P_VALUE] = mlops_chi2_p_value(sum, binned->n - 1);
}

/*
 * NannyML's bins of numbers: values of their own if the reference has few,
 * else by Doane's rule over the reference, with one for all outside.
 */
static Binned
nannyml_bins(const Pair *pair)
{
	size_t		values = distinct(pair->base, pair->n_base);
	double		low = pair->base[0];
	double		high = pair->base[pair->n_base - 1];
	double		mean = 0;
	double		m2 = 0;
	double		m3 = 0;

	if (values <= 50 && values <= 0.9 * pair->n_base)
		return bin_values(pair);
	for (size_t i = 0; i < pair->n_base; i++)
		mean += pair->base[i] / pair->n_base;
	for (size_t i = 0; i < pair->n_base; i++)
	{
		double		off = pair->base[i] - mean;

		m2 += off * off / pair->n_base;
		m3 += off * off * off / pair->n_base;
	}
	return bin_edges(pair, low, high,
					 mlops_bins_doane(pair->n_base, low, high,
									  m3 / pow(m2, 1.5)));
}

/* NannyML: distances over its bins; a bound learned from the reference. */
static void
nannyml(const MlopsDriftReference *reference, int column, const Pair *pair,
		const Binned *codes, const MlopsDriftOptions *options,
		MlopsDriftFigures *f)
{
	Binned		binned = codes != NULL ? *codes : nannyml_bins(pair);
	int			dof;

	f->figure[MLOPS_FIGURE_JS] = sqrt(distance_of(MLOPS_JS, &binned));
	f->figure[MLOPS_FIGURE_HELLINGER] = distance_of(MLOPS_HELLINGER, &binned);
	if (codes == NULL)
	{
		f->figure[MLOPS_FIGURE_KS] = mlops_ks(pair->base, pair->n_base,
											  pair->now, pair->n_now);
		f->figure[MLOPS_FIGURE_P_VALUE] =
			mlops_ks_p_value(f->figure[MLOPS_FIGURE_KS], pair->n_base,
							 pair->n_now);
		f->figure[MLOPS_FIGURE_WASSERSTEIN] =
			mlops_wasserstein(pair->base, pair->n_base, pair->now,
							  pair->n_now);
	}
	else
	{
		f->figure[MLOPS_FIGURE_LINF] = distance_of(MLOPS_LINF, &binned);
		f->figure[MLOPS_FIGURE_CHI2] = mlops_chi2_samples(binned.base,
														  binned.now,
														  binned.n, true,
														  &dof);
		f->figure[MLOPS_FIGURE_P_VALUE] =
			mlops_chi2_p_value(f->figure[MLOPS_FIGURE_CHI2], dof);
	}
	decide(f, options, MLOPS_FIGURE_JS,
		   learned_bound(reference, column, codes == NULL ? pair : NULL));
}

/*
 * Mean and three standard deviations of the distance between parts of the
 * reference, in the order of its rows, and all of it.  What does not divide
 * is a smaller last part.
 */
static double
learned_bound(const MlopsDriftReference *reference, int column,
			  const Pair *pair)
{
	const MlopsDriftRows *rows = reference->rows;
	uint64		size = Max(rows->n / CHUNKS, 1);
	double		sum = 0;
	double		squares = 0;
	int			n = 0;
	double		mean;

	for (uint64 first = 0; first < rows->n; first += size)
	{
		uint64		last = Min(first + size, rows->n);
		Binned		binned;
		double		distance;

		if (pair != NULL)
		{
			Pair		chunk = chunk_pair(rows, column, first, last, pair);

			if (chunk.n_now == 0)
				continue;
			binned = nannyml_bins(&chunk);
		}
		else
			binned = chunk_codes(rows, column, first, last);
		distance = sqrt(distance_of(MLOPS_JS, &binned));
		sum += distance;
		squares += distance * distance;
		n++;
	}
	if (n == 0)
		return NAN;
	mean = sum / n;
	return mean + 3 * sqrt(fmax(squares / n - mean * mean, 0));
}

/* The categories of all rows, and of some of them as the other side. */
static Binned
chunk_codes(const MlopsDriftRows *rows, int column, uint64 first, uint64 last)
{
	int			width = rows->layout->n_columns;
	int			n = 0;
	Binned		binned;

	for (uint64 i = 0; i < rows->n; i++)
	{
		float		code = rows->values[i * width + column];

		if (code >= n)
			n = (int) code + 1;
	}
	binned = new_binned(n);
	for (uint64 i = 0; i < rows->n; i++)
	{
		float		code = rows->values[i * width + column];

		if (isnan(code))
			continue;
		binned.base[(int) code]++;
		if (i >= first && i < last)
			binned.now[(int) code]++;
	}
	return binned;
}

/* The reference, and some of its rows as the other side. */
static Pair
chunk_pair(const MlopsDriftRows *rows, int column, uint64 first, uint64 last,
		   const Pair *pair)
{
	MlopsDriftRows some = *rows;
	Pair		chunk = *pair;

	some.values += first * rows->layout->n_columns;
	some.n = last - first;
	chunk.now = mlops_drift_sample(&some, column, &chunk.n_now);
	chunk.now = finite_part(chunk.now, &chunk.n_now);
	return chunk;
}

/*
 * MLRun, numbers only.  With a stored baseline the greatest value of the
 * reference lies in the last of the 20 bins.
 */
static void
mlrun(const MlopsSummary *base, const MlopsSummary *now, const Pair *pair,
	  MlopsDriftFigures *f)
{
	Binned		binned;
	double		general;

	if (pair == NULL && isnan(base->width_low))
		return;
	if (pair != NULL)
		binned = bin_padded(pair);
	else
	{
		binned = new_binned(MLOPS_SUMMARY_WIDTH_BINS + 2);
		for (int i = 0; i < MLOPS_SUMMARY_WIDTH_BINS; i++)
		{
			binned.base[i + 1] = base->width_count[i];
			binned.now[i + 1] = now->width_count[i];
		}
		binned.now[0] = now->width_below;
		binned.now[MLOPS_SUMMARY_WIDTH_BINS + 1] = now->width_above;
	}
	f->figure[MLOPS_FIGURE_TV] = distance_of(MLOPS_TV, &binned);
	f->figure[MLOPS_FIGURE_HELLINGER] = distance_of(MLOPS_HELLINGER, &binned);
	f->figure[MLOPS_FIGURE_KL] = distance_of(MLOPS_KL_SYMMETRIC, &binned);
	general = (f->figure[MLOPS_FIGURE_TV] +
			   f->figure[MLOPS_FIGURE_HELLINGER]) / 2;
	f->metric = "general_drift";
	f->value = general;
	f->bound = general >= 0.7 ? 0.7 : 0.5;
	f->status = general >= 0.7 ? MLOPS_DRIFT_DETECTED :
		general >= 0.5 ? MLOPS_DRIFT_POTENTIAL : MLOPS_DRIFT_NONE;
}

/* TFDV: one figure, and no bound unless one is given. */
static void
tfdv(const Pair *pair, const Binned *codes, const MlopsDriftOptions *options,
	 MlopsDriftFigures *f)
{
	Binned		binned;

	if (codes != NULL)
	{
		f->figure[MLOPS_FIGURE_LINF] = distance_of(MLOPS_LINF, codes);
		f->figure[MLOPS_FIGURE_JS] = distance_of(MLOPS_JS, codes);
		decide(f, options, MLOPS_FIGURE_LINF, NAN);
		return;
	}
	binned = bin_aligned(pair);
	f->figure[MLOPS_FIGURE_JS] = distance_of(MLOPS_JS, &binned);
	decide(f, options, MLOPS_FIGURE_JS, NAN);
}

/* Detected, if a figure reaches the tool's bound, or what is given for it. */
static void
decide(MlopsDriftFigures *f, const MlopsDriftOptions *options,
	   MlopsFigure figure, double bound)
{
	MlopsThreshold threshold = {NAN, bound};
	double		sign = figure == MLOPS_FIGURE_P_VALUE ? -1 : 1;
	double		value = f->figure[figure];

	if (options->given[figure])
		threshold = options->threshold[figure];
	f->metric = mlops_figure_names[figure];
	f->value = value;
	f->bound = threshold.detected;
	f->status = MLOPS_DRIFT_NONE;
	if (sign * value >= sign * threshold.detected)
		f->status = MLOPS_DRIFT_DETECTED;
	else if (sign * value >= sign * threshold.potential)
	{
		f->status = MLOPS_DRIFT_POTENTIAL;
		f->bound = threshold.potential;
	}
}
