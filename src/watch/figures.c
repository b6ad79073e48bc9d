/*
 * figures.c
 *		What drift looks like in one column.
 *
 * Distances are over the bins of the reference, with what is missing as a bin
 * of its own, and of categories what the reference has not.  Tests, KS and
 * Wasserstein are over what is not missing.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/catalog.h"
#include "math/significance.h"
#include "watch/figures.h"

/*
 * Categories with less than this share of the reference, or fewer rows in it,
 * are one bin of PSI.
 */
#define RARE		0.01
#define RARE_ROWS	20.0

/* Those with fewer rows are among the others everywhere. */
#define KEPT_ROWS	5

const char *const mlops_figure_names[MLOPS_DECIDERS] = {
	"psi", "js", "hellinger", "tv", "kl", "linf", "wasserstein",
	"wasserstein_std", "ks", "chi2", "cramers_v", "p_value", "p_adjusted",
	"missing", "unseen", "out_of_range"
};

static void start_figures(const MlopsDriftReference *reference, int column,
						  MlopsDriftFigures *f);
static void stored_number(const MlopsBaseline *baseline,
						  MlopsSummary *summary);
static void stored_category(const MlopsBaseline *baseline,
							const MlopsWindowColumn *column,
							MlopsDriftCategories *categories);
static const MlopsBaseline *find_baseline(List *baselines,
										  const MlopsWindowColumn *column);
static void counted_category(const MlopsTally *tally, int category,
							 MlopsDriftCategories *categories);
static int	compare_codes(const void *a, const void *b, void *arg);
static void measure_number(const MlopsDriftReference *reference,
						   const MlopsTally *window,
						   const MlopsDriftRows *rows, int column,
						   MlopsDriftFigures *f);
static bool bins_are_values(const MlopsSummary *base);
static void measure_knots(const MlopsSummary *base, const MlopsSummary *now,
						  const MlopsKnots *knots, MlopsDriftFigures *f);
static void measure_samples(const MlopsDriftRows *reference,
							const MlopsDriftRows *rows, int column,
							MlopsDriftFigures *f);
static void measure_category(const MlopsDriftReference *reference,
							 const MlopsTally *window, int category,
							 MlopsDriftFigures *f);
static void drop_empty(MlopsDriftFigures *f);
static void measure_bins(MlopsDriftFigures *f);

MlopsDriftReference *
mlops_drift_reference_stored(const MlopsWindowLayout *layout, List *baselines)
{
	MlopsDriftReference *reference = palloc0(sizeof(MlopsDriftReference));
	int			n = layout->n_columns - layout->n_numbers;

	reference->layout = layout;
	reference->numbers = palloc0(sizeof(MlopsSummary) *
								 Max(layout->n_numbers, 1));
	reference->categories = palloc0(sizeof(MlopsDriftCategories) * Max(n, 1));
	for (int i = 0; i < layout->n_columns; i++)
	{
		const MlopsWindowColumn *column = &layout->columns[i];
		const MlopsBaseline *baseline = find_baseline(baselines, column);

		if (i < layout->n_numbers)
			stored_number(baseline, &reference->numbers[i]);
		else
			stored_category(baseline, column,
							&reference->categories[i - layout->n_numbers]);
	}
	return reference;
}

void
mlops_drift_reference_skip_widths(MlopsDriftReference *reference)
{
	for (int i = 0; i < reference->layout->n_numbers; i++)
		reference->numbers[i].width_low =
			reference->numbers[i].width_high = NAN;
}

MlopsDriftReference *
mlops_drift_reference_rows(const MlopsDriftRows *rows)
{
	MlopsDriftReference *reference = palloc0(sizeof(MlopsDriftReference));
	const MlopsWindowLayout *layout = rows->layout;
	MlopsTally *tally = mlops_tally_rows(rows, NULL);
	int			n = layout->n_columns - layout->n_numbers;

	reference->layout = layout;
	reference->rows = rows;
	reference->tally = tally;
	reference->numbers = unconstify(MlopsSummary *, tally->numbers);
	reference->categories = palloc0(sizeof(MlopsDriftCategories) * Max(n, 1));
	for (int i = 0; i < n; i++)
		counted_category(tally, i, &reference->categories[i]);
	return reference;
}

void
mlops_drift_measure(const MlopsDriftReference *reference,
					const MlopsTally *window, const MlopsDriftRows *rows,
					int column, MlopsDriftFigures *figures)
{
	start_figures(reference, column, figures);
	figures->exact = true;
	figures->n = window->n;
	if (column < reference->layout->n_numbers)
		measure_number(reference, window, rows, column, figures);
	else
		measure_category(reference, window,
						 column - reference->layout->n_numbers, figures);
	measure_bins(figures);
}

void
mlops_drift_measure_shares(const MlopsDriftReference *reference, int column,
						   const double *shares, double n,
						   MlopsDriftFigures *figures)
{
	int			n_numbers = reference->layout->n_numbers;
	const MlopsDriftCategories *categories = column < n_numbers ? NULL :
		&reference->categories[column - n_numbers];
	const MlopsSummary *base = column < n_numbers ?
		&reference->numbers[column] : NULL;
	int			missing = base != NULL ? base->n_bins :
		MLOPS_SLOT_MISSING(categories);
	double		total = 0;

	start_figures(reference, column, figures);
	figures->n = n;
	figures->n_bins = missing + 1;
	figures->reference = palloc(sizeof(double) * figures->n_bins);
	figures->current = palloc(sizeof(double) * figures->n_bins);
	for (int i = 0; i <= missing; i++)
	{
		figures->reference[i] = base == NULL ? categories->count[i] :
			i < missing ? base->bin_count[i] : base->n_missing;
		figures->current[i] = shares[i] * n;
		total += figures->reference[i];
	}
	figures->n_reference = total;
	figures->missing = shares[missing];
	figures->missing_reference = total > 0 ?
		figures->reference[missing] / total : NAN;
	if (categories != NULL)
	{
		figures->n_rare = MLOPS_SLOT_OTHER(categories);
		figures->rare = total > 0 ? fmax(RARE, RARE_ROWS / total) : RARE;
	}
	measure_bins(figures);
}

double
mlops_drift_least_kept(const MlopsDriftFigures *figures)
{
	double		least = figures->n_rare < MLOPS_DRIFT_KEPT ? KEPT_ROWS :
		INFINITY;

	for (int i = 0; i < figures->n_rare && least != KEPT_ROWS; i++)
		least = Min(least, figures->reference[i]);
	return least;
}

/* Nothing is known of a column yet. */
static void
start_figures(const MlopsDriftReference *reference, int column,
			  MlopsDriftFigures *f)
{
	memset(f, 0, sizeof(MlopsDriftFigures));
	f->column = &reference->layout->columns[column];
	f->value = f->bound = f->importance = NAN;
	f->unseen = f->out_of_range = NAN;
	for (int i = 0; i < MLOPS_FIGURES; i++)
		f->figure[i] = NAN;
}

/* A stored baseline as the summary that it was made of. */
static void
stored_number(const MlopsBaseline *baseline, MlopsSummary *summary)
{
	summary->n = baseline->n;
	summary->n_missing = summary->bin_missing = baseline->n_missing;
	summary->n_bins = 1;
	summary->min = summary->max = summary->mean = summary->stddev =
		summary->skewness = NAN;
	summary->width_low = summary->width_high = NAN;
	for (int i = 0; i < MLOPS_SUMMARY_QUANTILES; i++)
		summary->quantile[i] = NAN;
	if (baseline->n_quantiles != MLOPS_SUMMARY_QUANTILES ||
		baseline->n_edges < 0 || baseline->n_edges >= MLOPS_SUMMARY_BINS)
		return;

	summary->min = baseline->min;
	summary->max = baseline->max;
	summary->mean = baseline->mean;
	summary->stddev = baseline->stddev;
	memcpy(summary->quantile, baseline->quantiles,
		   sizeof(summary->quantile));
	summary->n_bins = baseline->n_edges + 1;
	for (int i = 0; i < summary->n_bins; i++)
		summary->bin_count[i] = baseline->bin_counts[i];
	for (int i = 0; i < baseline->n_edges; i++)
		summary->edge[i] = baseline->edges[i];
	if (baseline->n_widths != MLOPS_SUMMARY_WIDTH_BINS ||
		isinf(baseline->min) || isinf(baseline->max))
		return;
	summary->width_low = baseline->min;
	summary->width_high = baseline->max;
	for (int i = 0; i < MLOPS_SUMMARY_WIDTH_BINS; i++)
		summary->width_count[i] = baseline->width_counts[i];
}

/* A stored baseline by slots; known codes that it has not kept are others. */
static void
stored_category(const MlopsBaseline *baseline, const MlopsWindowColumn *column,
				MlopsDriftCategories *categories)
{
	while (categories->n_kept < baseline->n_categories &&
		   categories->n_kept < MLOPS_DRIFT_KEPT &&
		   baseline->category_counts[categories->n_kept] >= KEPT_ROWS)
		categories->n_kept++;
	for (int i = 0; i < baseline->n_categories; i++)
		categories->count[Min(i, categories->n_kept)] +=
			baseline->category_counts[i];
	categories->count[MLOPS_SLOT_OTHER(categories)] += baseline->n_other;
	categories->count[MLOPS_SLOT_MISSING(categories)] = baseline->n_missing;
	categories->n_codes = column->n_known;
	categories->slot = palloc(sizeof(int) * Max(column->n_known, 1));
	for (int code = 0; code < column->n_known; code++)
	{
		int			slot = 0;

		while (slot < categories->n_kept &&
			   strcmp(column->categories[code],
					  baseline->categories[slot]) != 0)
			slot++;
		categories->slot[code] = slot;
	}
}

/* The baseline of a column; XX001 if there is none. */
static const MlopsBaseline *
find_baseline(List *baselines, const MlopsWindowColumn *column)
{
	static const char *const kinds[] = {"number", "prediction", "category"};
	ListCell   *cell;

	foreach(cell, baselines)
	{
		const MlopsBaseline *baseline = lfirst(cell);

		if (strcmp(baseline->feature, column->name) == 0 &&
			strcmp(baseline->kind, kinds[column->kind]) == 0)
			return baseline;
	}
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("baseline of \"%s\" is missing", column->name),
			 errhint("Give a reference to compare with.")));
}

/*
 * Counts by slots: the most frequent codes, all others that there are, and
 * what has no row, which is unseen.
 */
static void
counted_category(const MlopsTally *tally, int category,
				 MlopsDriftCategories *categories)
{
	const uint64 *codes = tally->codes[category];
	int			n = tally->n_codes[category];
	int		   *order = palloc(sizeof(int) * Max(n, 1));
	int			present = 0;

	for (int i = 0; i < n; i++)
		if (codes[i] > 0)
			order[present++] = i;
	qsort_arg(order, present, sizeof(int), compare_codes,
			  unconstify(uint64 *, codes));
	while (categories->n_kept < present &&
		   categories->n_kept < MLOPS_DRIFT_KEPT &&
		   codes[order[categories->n_kept]] >= KEPT_ROWS)
		categories->n_kept++;
	categories->n_codes = n;
	categories->slot = palloc(sizeof(int) * Max(n, 1));
	for (int i = 0; i < n; i++)
		categories->slot[i] = MLOPS_SLOT_UNSEEN;
	for (int i = 0; i < present; i++)
	{
		int			slot = Min(i, categories->n_kept);

		categories->slot[order[i]] = slot;
		categories->count[slot] += codes[order[i]];
	}
	categories->count[MLOPS_SLOT_MISSING(categories)] =
		tally->missing[category];
	pfree(order);
}

/* qsort_arg() comparator of codes: more frequent ones first. */
static int
compare_codes(const void *a, const void *b, void *arg)
{
	const uint64 *codes = arg;
	int			left = *(const int *) a;
	int			right = *(const int *) b;

	if (codes[left] != codes[right])
		return codes[left] > codes[right] ? -1 : 1;
	return left - right;
}

/* Everything of a number but distances. */
static void
measure_number(const MlopsDriftReference *reference, const MlopsTally *window,
			   const MlopsDriftRows *rows, int column, MlopsDriftFigures *f)
{
	const MlopsSummary *base = &reference->numbers[column];
	const MlopsSummary *now = &window->numbers[column];
	const MlopsKnots *knots = &window->knots[column];
	double		present = mlops_knots_total(knots);

	f->n_reference = base->n;
	f->missing_reference = base->n > 0 ?
		(double) base->n_missing / base->n : NAN;
	f->missing = window->n > 0 ? (double) now->bin_missing / window->n : NAN;
	f->n_bins = base->n_bins + 1;
	f->reference = palloc(sizeof(double) * f->n_bins);
	f->current = palloc(sizeof(double) * f->n_bins);
	for (int i = 0; i < base->n_bins; i++)
	{
		f->reference[i] = base->bin_count[i];
		f->current[i] = now->bin_count[i];
	}
	f->reference[base->n_bins] = base->n_missing;
	f->current[base->n_bins] = now->bin_missing;
	f->quantile = base->quantile;
	f->stddev = base->stddev;
	if (present == 0 || base->n == base->n_missing)
		return;

	f->out_of_range = (knots->cell[0] + knots->cell[2 * knots->n]) / present;
	f->outside = (knots->below + knots->above) / present;
	f->exact = reference->rows != NULL;
	if (f->exact)
		measure_samples(reference->rows, rows, column, f);
	else
	{
		measure_knots(base, now, knots, f);
		f->figure[MLOPS_FIGURE_P_VALUE] =
			mlops_ks_p_asymptotic(f->figure[MLOPS_FIGURE_KS],
								  base->n - base->n_missing, present);
	}
	if (base->stddev > 0)
		f->figure[MLOPS_FIGURE_WASSERSTEIN_STD] =
			f->figure[MLOPS_FIGURE_WASSERSTEIN] / base->stddev;
}

/*
 * Has every value of a baseline a bin of its own, as far as its quantiles
 * say?  Then they are the edges and the maximum, but for one between two
 * neighbours that was interpolated.
 */
static bool
bins_are_values(const MlopsSummary *base)
{
	int			bin = 0;
	int			between = -1;

	for (int i = 0; i < MLOPS_SUMMARY_QUANTILES; i++)
	{
		double		x = base->quantile[i];

		while (bin < base->n_bins - 1 && x > base->edge[bin])
			bin++;
		if (x == base->max || (bin < base->n_bins - 1 &&
							   x == base->edge[bin]))
			continue;
		if (between == bin)
			return false;
		between = bin;
	}
	return true;
}

/*
 * KS and Wasserstein against a stored baseline.  If every value of it has a
 * bin of its own, the counts of the bins say more than the quantiles.
 */
static void
measure_knots(const MlopsSummary *base, const MlopsSummary *now,
			  const MlopsKnots *knots, MlopsDriftFigures *f)
{
	double		ks = 0;
	double		area = knots->below + knots->above;
	double		total = 0;
	double		seen = 0;
	double		seen_base = 0;

	if (!bins_are_values(base) || isinf(base->min) || isinf(base->max))
	{
		f->figure[MLOPS_FIGURE_KS] = mlops_knots_ks(knots);
		f->figure[MLOPS_FIGURE_WASSERSTEIN] = mlops_knots_wasserstein(knots);
		return;
	}
	for (int i = 0; i < base->n_bins; i++)
		total += now->bin_count[i];
	area /= total;
	for (int i = 0; i < base->n_bins - 1; i++)
	{
		double		to = i + 1 < base->n_bins - 1 ? base->edge[i + 1] :
			base->max;
		double		difference;

		seen += now->bin_count[i];
		seen_base += base->bin_count[i];
		difference = fabs(seen / total -
						  seen_base / (base->n - base->n_missing));
		ks = fmax(ks, difference);
		area += difference * (to - base->edge[i]);
	}
	/* what is under the least value or over the greatest has no bin */
	ks = fmax(ks, fmax(knots->cell[0], knots->cell[2 * knots->n]) / total);
	f->figure[MLOPS_FIGURE_KS] = ks;
	f->figure[MLOPS_FIGURE_WASSERSTEIN] = isinf(area) ? NAN : area;
}

/* KS and Wasserstein of both samples as they are. */
static void
measure_samples(const MlopsDriftRows *reference, const MlopsDriftRows *rows,
				int column, MlopsDriftFigures *f)
{
	size_t		n_base;
	size_t		n_now;
	double	   *base = mlops_drift_sample(reference, column, &n_base);
	double	   *now = mlops_drift_sample(rows, column, &n_now);

	f->figure[MLOPS_FIGURE_KS] = mlops_ks(base, n_base, now, n_now);
	f->figure[MLOPS_FIGURE_WASSERSTEIN] = mlops_wasserstein(base, n_base, now,
															n_now);
	f->figure[MLOPS_FIGURE_P_VALUE] =
		mlops_ks_p_value(f->figure[MLOPS_FIGURE_KS], n_base, n_now);
	pfree(base);
	pfree(now);
}

/* Everything of a category but distances. */
static void
measure_category(const MlopsDriftReference *reference,
				 const MlopsTally *window, int category, MlopsDriftFigures *f)
{
	const MlopsDriftCategories *base = &reference->categories[category];
	int			missing = MLOPS_SLOT_MISSING(base);
	double		unseen = 0;
	double		present = 0;
	double		base_present = 0;

	f->n_bins = MLOPS_SLOTS(base);
	f->reference = palloc(sizeof(double) * f->n_bins);
	f->current = palloc0(sizeof(double) * f->n_bins);
	memcpy(f->reference, base->count, sizeof(double) * f->n_bins);
	for (int i = 0; i < window->n_codes[category]; i++)
	{
		int			slot = i < base->n_codes ? base->slot[i] :
			MLOPS_SLOT_UNSEEN;

		if (slot == MLOPS_SLOT_UNSEEN)
		{
			unseen += window->codes[category][i];
			slot = MLOPS_SLOT_OTHER(base);
		}
		f->current[slot] += window->codes[category][i];
	}
	f->current[missing] = window->missing[category];
	for (int i = 0; i < missing; i++)
	{
		present += f->current[i];
		base_present += f->reference[i];
	}
	f->n_reference = base_present + f->reference[missing];
	f->missing_reference = f->n_reference > 0 ?
		f->reference[missing] / f->n_reference : NAN;
	f->missing = f->n > 0 ? f->current[missing] / f->n : NAN;
	f->n_rare = MLOPS_SLOT_OTHER(base);
	f->rare = f->n_reference > 0 ? fmax(RARE, RARE_ROWS / f->n_reference) :
		RARE;
	if (present == 0 || base_present == 0)
		return;
	f->unseen = unseen / present;
	f->figure[MLOPS_FIGURE_CHI2] = mlops_chi2_samples(f->reference,
													  f->current, missing,
													  false, &f->dof);
	f->figure[MLOPS_FIGURE_P_VALUE] =
		mlops_chi2_p_value(f->figure[MLOPS_FIGURE_CHI2], f->dof);
	f->figure[MLOPS_FIGURE_CRAMERS_V] =
		mlops_cramers_v(f->figure[MLOPS_FIGURE_CHI2],
						present + base_present);
}

/* Leave out bins that have no row on either side. */
static void
drop_empty(MlopsDriftFigures *f)
{
	int			n = 0;
	int			n_rare = f->n_rare;

	for (int i = 0; i < f->n_bins; i++)
	{
		/* the bin of all others stays, for rare ones join it */
		if (f->reference[i] + f->current[i] == 0 &&
			!(f->rare > 0 && i == n_rare))
		{
			f->n_rare -= i < n_rare;
			continue;
		}
		f->reference[n] = f->reference[i];
		f->current[n++] = f->current[i];
	}
	f->n_bins = n;
}

/* The distances, of whatever bins; none if one side has no row. */
static void
measure_bins(MlopsDriftFigures *f)
{
	static const struct
	{
		MlopsFigure figure;
		MlopsDistance distance;
	}			distances[] = {
		{MLOPS_FIGURE_JS, MLOPS_JS},
		{MLOPS_FIGURE_HELLINGER, MLOPS_HELLINGER},
		{MLOPS_FIGURE_TV, MLOPS_TV},
		{MLOPS_FIGURE_KL, MLOPS_KL},
		{MLOPS_FIGURE_LINF, MLOPS_LINF}
	};
	double		p[MLOPS_DISTANCE_BINS];
	double		q[MLOPS_DISTANCE_BINS];
	int			n;

	if (f->n == 0 || f->n_reference == 0)
		return;
	drop_empty(f);
	n = mlops_distance_merge(f->reference, f->current, f->n_bins, f->n_rare,
							 f->rare, p, q);
	mlops_shares(p, n, p);
	mlops_shares(q, n, q);
	f->figure[MLOPS_FIGURE_PSI] = mlops_distance(MLOPS_PSI, p, q, n);
	mlops_shares(f->reference, f->n_bins, p);
	mlops_shares(f->current, f->n_bins, q);
	for (int i = 0; i < lengthof(distances); i++)
		f->figure[distances[i].figure] =
			mlops_distance(distances[i].distance, p, q, f->n_bins);
}
