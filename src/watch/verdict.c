/*
 * verdict.c
 *		When a figure means drift.
 *
 * A figure is held against its threshold, but never one that samples of these
 * sizes would reach without any drift in more than one of a hundred windows:
 * the larger of the two is the bound.  What chance alone does is only worked
 * out for figures that reach their threshold.
 */
#include "postgres.h"

#include <math.h>

#include "base/base.h"
#include "base/members.h"
#include "math/curves.h"
#include "math/significance.h"
#include "watch/figures.h"

/*
 * Of windows without drift, how many may reach a bound; the figures that
 * decide share it.
 */
#define ALARMS	0.01

static void change_option(MlopsDriftOptions *options, const char *name,
						  const JsonbValue *value);
static bool is_learned(const JsonbValue *value, MlopsFigure figure);
static bool decides(const MlopsDriftFigures *f,
					const MlopsDriftOptions *options, MlopsFigure figure);
static void weigh(MlopsDriftFigures *f, MlopsFigure figure,
				  const MlopsThreshold *threshold, double level);
static double by_chance(const MlopsDriftFigures *f, MlopsFigure figure,
						double level);
static double distance_by_chance(const MlopsDriftFigures *f,
								 MlopsDistance distance, MlopsFigure figure,
								 double level);
static double missing_by_chance(const MlopsDriftFigures *f, double level);
static double new_by_chance(double n, double n_reference, double level);
static double outside_by_chance(const MlopsDriftFigures *f, double n,
								double n_reference, double level);
static double cramers_v_by_chance(const MlopsDriftFigures *f, double level);

void
mlops_drift_options(MlopsDriftOptions *options, Jsonb *changes)
{
	MlopsMembers members;

	memset(options, 0, sizeof(MlopsDriftOptions));
	for (int i = 0; i < MLOPS_DECIDERS; i++)
		options->threshold[i] = (MlopsThreshold) {NAN, NAN};
	options->threshold[MLOPS_FIGURE_PSI] = (MlopsThreshold) {0.1, 0.25};
	options->threshold[MLOPS_FIGURE_JS] = (MlopsThreshold) {0.05, 0.1};
	options->threshold[MLOPS_FIGURE_LINF] = (MlopsThreshold) {0.1, NAN};
	options->threshold[MLOPS_FIGURE_WASSERSTEIN_STD] =
		(MlopsThreshold) {0.1, NAN};
	options->min_rows = 100;
	options->drift_share = 0.5;
	if (changes == NULL)
		return;
	mlops_object_check(changes, "thresholds", "{\"psi\": 0.2}");
	mlops_members_begin(&members, &changes->root);
	while (mlops_members_next(&members))
		change_option(options, members.name, &members.value);
}

double
mlops_threshold_number(const char *name, const JsonbValue *value)
{
	double		number = mlops_member_number(value);

	if (!(number >= 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("threshold \"%s\" is not understood", name),
				 errdetail("It is one number that is not negative, for detected drift, or two in an array, for potential and detected drift, or null.")));
	return number;
}

double
mlops_threshold_element(const char *name, const JsonbValue *array, int i)
{
	JsonbContainer *elements = array->val.binary.data;

	return mlops_threshold_number(name,
								  getIthJsonbValueFromContainer(elements, i));
}

void
mlops_drift_adjust(MlopsDriftFigures *figures, int n)
{
	double	   *p = palloc(sizeof(double) * Max(n, 1));

	for (int i = 0; i < n; i++)
		p[i] = figures[i].figure[MLOPS_FIGURE_P_VALUE];
	if (!mlops_adjust_p_values(p, n))
		mlops_out_of_memory();
	for (int i = 0; i < n; i++)
		figures[i].figure[MLOPS_FIGURE_P_ADJUSTED] = p[i];
	pfree(p);
}

double
mlops_drift_decider(const MlopsDriftFigures *f, MlopsFigure figure)
{
	switch (figure)
	{
		case MLOPS_RATE_MISSING:
			return f->missing;
		case MLOPS_RATE_UNSEEN:
			return f->unseen;
		case MLOPS_RATE_OUT_OF_RANGE:
			return f->out_of_range;
		default:
			return f->figure[figure];
	}
}

void
mlops_drift_decide(MlopsDriftFigures *figures,
				   const MlopsDriftOptions *options)
{
	int			deciding = 0;
	bool		enough = figures->n >= options->min_rows &&
		figures->n_reference >= options->min_rows;

	figures->status = enough ? MLOPS_DRIFT_NONE : MLOPS_DRIFT_INSUFFICIENT;
	for (int i = 0; i < MLOPS_DECIDERS; i++)
	{
		figures->each[i] = figures->status;
		figures->each_bound[i] = NAN;
	}
	if (!enough)
		return;
	for (int i = 0; i < MLOPS_DECIDERS; i++)
		deciding += decides(figures, options, i);
	for (int i = 0; i < MLOPS_DECIDERS; i++)
		if (decides(figures, options, i))
			weigh(figures, i, &options->threshold[i], 1 - ALARMS / deciding);
}

/* Does a figure decide: is it there, and held against something? */
static bool
decides(const MlopsDriftFigures *f, const MlopsDriftOptions *options,
		MlopsFigure figure)
{
	return !isnan(mlops_drift_decider(f, figure)) &&
		(!isnan(options->threshold[figure].potential) ||
		 !isnan(options->threshold[figure].detected));
}

/* One member of thresholds; 22023. */
static void
change_option(MlopsDriftOptions *options, const char *name,
			  const JsonbValue *value)
{
	static const char *const names[] = {
		"psi", "js", "hellinger", "tv", "kl", "linf", "wasserstein_std", "ks",
		"cramers_v", "p_value", "p_adjusted", "missing", "unseen",
		"out_of_range", "min_rows", "drift_share"
	};
	MlopsThreshold threshold = {NAN, NAN};
	int			figure;

	(void) mlops_word_of("threshold", name, names, lengthof(names));
	if (strcmp(name, "min_rows") == 0)
	{
		options->min_rows = mlops_threshold_number(name, value);
		return;
	}
	if (strcmp(name, "drift_share") == 0)
	{
		options->drift_share = mlops_threshold_number(name, value);
		return;
	}
	figure = mlops_word_place(name, mlops_figure_names, MLOPS_DECIDERS);
	if (is_learned(value, figure))
		options->learned[figure] = true;
	else if (mlops_member_is_array(value, 2))
	{
		threshold.potential = mlops_threshold_element(name, value, 0);
		threshold.detected = mlops_threshold_element(name, value, 1);
	}
	else if (value->type != jbvNull)
		threshold.detected = mlops_threshold_number(name, value);
	options->threshold[figure] = threshold;
	options->given[figure] = true;
}

/* Is a threshold to be learned?  That of a p-value is not. */
static bool
is_learned(const JsonbValue *value, MlopsFigure figure)
{
	return value->type == jbvString && value->val.string.len == 7 &&
		memcmp(value->val.string.val, "learned", 7) == 0 &&
		figure != MLOPS_FIGURE_P_VALUE && figure != MLOPS_FIGURE_P_ADJUSTED;
}

/*
 * Hold a figure against its threshold.  The first figure is what is reported
 * unless a later one says more.
 */
static void
weigh(MlopsDriftFigures *f, MlopsFigure figure,
	  const MlopsThreshold *threshold, double level)
{
	bool		small = (figure == MLOPS_FIGURE_P_VALUE ||
						 figure == MLOPS_FIGURE_P_ADJUSTED);
	double		sign = small ? -1 : 1;
	double		value = mlops_drift_decider(f, figure);
	double		least = isnan(threshold->potential) ? threshold->detected :
		threshold->potential;
	double		bound = least;
	MlopsDriftStatus status = MLOPS_DRIFT_NONE;

	if (sign * value >= sign * least)
	{
		double		chance = small ? NAN : by_chance(f, figure, level);

		bound = fmax(least, chance);
		if (sign * value >= sign * bound)
		{
			double		detected = fmax(threshold->detected, chance);

			status = MLOPS_DRIFT_POTENTIAL;
			if (!isnan(threshold->detected) &&
				sign * value >= sign * detected)
			{
				status = MLOPS_DRIFT_DETECTED;
				bound = detected;
			}
		}
	}
	f->each[figure] = status;
	f->each_bound[figure] = bound;
	if (f->metric != NULL && status <= f->status)
		return;
	f->status = status;
	f->metric = mlops_figure_names[figure];
	f->value = value;
	f->bound = bound;
}

/* What a figure stays below in a share of all windows without drift. */
static double
by_chance(const MlopsDriftFigures *f, MlopsFigure figure, double level)
{
	double		n = f->n * (1 - f->missing);
	double		n_reference = f->n_reference * (1 - f->missing_reference);

	switch (figure)
	{
		case MLOPS_FIGURE_PSI:
			return distance_by_chance(f, MLOPS_PSI, figure, level);
		case MLOPS_FIGURE_JS:
			return distance_by_chance(f, MLOPS_JS, figure, level);
		case MLOPS_FIGURE_HELLINGER:
			return distance_by_chance(f, MLOPS_HELLINGER, figure, level);
		case MLOPS_FIGURE_TV:
			return distance_by_chance(f, MLOPS_TV, figure, level);
		case MLOPS_FIGURE_KL:
			return distance_by_chance(f, MLOPS_KL, figure, level);
		case MLOPS_FIGURE_LINF:
			return distance_by_chance(f, MLOPS_LINF, figure, level);
		case MLOPS_FIGURE_WASSERSTEIN_STD:
			return (mlops_wasserstein_null(f->quantile, n_reference, n,
										   level) +
					outside_by_chance(f, n, n_reference, level)) / f->stddev;
		case MLOPS_FIGURE_KS:
			/* by the first term of Kolmogorov's series */
			return sqrt(-log((1 - level) / 2) / 2 *
						(1 / n + 1 / n_reference));
		case MLOPS_FIGURE_CRAMERS_V:
			return cramers_v_by_chance(f, level);
		case MLOPS_RATE_MISSING:
			return missing_by_chance(f, level);
		case MLOPS_RATE_UNSEEN:
		case MLOPS_RATE_OUT_OF_RANGE:
			return new_by_chance(n, n_reference, level);
		default:
			return NAN;
	}
}

/*
 * The same of a distance; PSI merges rare categories.  Those that are many had
 * to be seldom in the reference to have no bin, and are less so elsewhere.
 */
static double
distance_by_chance(const MlopsDriftFigures *f, MlopsDistance distance,
				   MlopsFigure figure, double level)
{
	MlopsChance chance = {distance, f->reference, f->current, f->n_bins,
		f->n_rare, figure == MLOPS_FIGURE_PSI ? f->rare : 0};

	if (f->rare > 0)
		chance.hidden = mlops_distance_hidden(f->reference, f->n_bins,
											  f->n_rare,
											  mlops_drift_least_kept(f));
	return mlops_distance_null(&chance, level, f->figure[figure]);
}

/* The same of the rate of what is missing. */
static double
missing_by_chance(const MlopsDriftFigures *f, double level)
{
	double		p = (f->missing_reference * f->n_reference + 1) /
		(f->n_reference + 2);

	return p + mlops_normal_quantile(level) *
		sqrt(p * (1 - p) * (1.0 / f->n + 1.0 / f->n_reference));
}

/*
 * The same of a share of what the reference has none of: that may have a
 * chance of -log(1 - level) / n_reference, and the number be that of Poisson.
 */
static double
new_by_chance(double n, double n_reference, double level)
{
	double		mean = n * -log(1 - level) / n_reference;
	double		chance = exp(-mean);
	double		sum = chance;
	double		most = 0;

	if (mean > 500)
		return (mean + mlops_normal_quantile(level) * sqrt(mean) + 1) / n;
	while (sum < level && most < n)
	{
		chance *= mean / ++most;
		sum += chance;
	}
	return (most + 1) / n;
}

/*
 * The part of Wasserstein that values beyond the reference make, of which its
 * quantiles tell nothing: all of it if chance explains so many, but no more
 * than they would make that far out again.  Of long tails it is the most.
 */
static double
outside_by_chance(const MlopsDriftFigures *f, double n, double n_reference,
				  double level)
{
	double		share = new_by_chance(n, n_reference, level);
	double		range = f->quantile[MLOPS_SUMMARY_QUANTILES - 1] -
		f->quantile[0];

	return f->out_of_range <= share ? fmin(f->outside, share * range) : 0;
}

/* The same of Cramer's V, from the quantile of chi-square, by halving. */
static double
cramers_v_by_chance(const MlopsDriftFigures *f, double level)
{
	double		n = f->n * (1 - f->missing) +
		f->n_reference * (1 - f->missing_reference);
	double		low = 0;
	double		high = 1000;

	for (int i = 0; i < 60; i++)
	{
		double		middle = (low + high) / 2;

		if (mlops_chi2_p_value(middle, f->dof) > 1 - level)
			low = middle;
		else
			high = middle;
	}
	return mlops_cramers_v(high, n);
}
