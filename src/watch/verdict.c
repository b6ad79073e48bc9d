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
#include "math/significance.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "watch/figures.h"

/* Of windows without drift, how many stay below the bound. */
#define LEVEL	0.99

static void change_option(MlopsDriftOptions *options, const char *name,
						  const JsonbValue *value);
static double number_of(const char *name, const JsonbValue *value);
static void unknown_option(const char *name) pg_attribute_noreturn();
static void weigh(MlopsDriftFigures *f, MlopsFigure figure,
				  const MlopsThreshold *threshold);
static double by_chance(const MlopsDriftFigures *f, MlopsFigure figure);
static double distance_by_chance(const MlopsDriftFigures *f,
								 MlopsDistance distance);
static double cramers_v_by_chance(const MlopsDriftFigures *f);

void
mlops_drift_options(MlopsDriftOptions *options, Jsonb *changes)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *name = NULL;

	for (int i = 0; i < MLOPS_FIGURES; i++)
		options->threshold[i] = (MlopsThreshold) {NAN, NAN};
	options->threshold[MLOPS_FIGURE_PSI] = (MlopsThreshold) {0.1, 0.25};
	options->threshold[MLOPS_FIGURE_JS] = (MlopsThreshold) {0.05, 0.1};
	options->min_rows = 100;
	options->drift_share = 0.5;
	if (changes == NULL)
		return;
	if (!JB_ROOT_IS_OBJECT(changes))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("thresholds must be a JSON object")));
	iterator = JsonbIteratorInit(&changes->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			name = pnstrdup(value.val.string.val, value.val.string.len);
		else if (token == WJB_VALUE)
			change_option(options, name, &value);
	}
}

void
mlops_drift_adjust(MlopsDriftFigures *figures, int n)
{
	double	   *p = palloc(sizeof(double) * Max(n, 1));

	for (int i = 0; i < n; i++)
		p[i] = figures[i].figure[MLOPS_FIGURE_P_VALUE];
	if (!mlops_adjust_p_values(p, n))
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	for (int i = 0; i < n; i++)
		figures[i].figure[MLOPS_FIGURE_P_ADJUSTED] = p[i];
	pfree(p);
}

void
mlops_drift_decide(MlopsDriftFigures *figures,
				   const MlopsDriftOptions *options)
{
	figures->status = MLOPS_DRIFT_INSUFFICIENT;
	if (figures->n < options->min_rows ||
		figures->n_reference < options->min_rows)
		return;
	figures->status = MLOPS_DRIFT_NONE;
	for (int i = 0; i < MLOPS_FIGURES; i++)
		if (!isnan(figures->figure[i]) &&
			(!isnan(options->threshold[i].potential) ||
			 !isnan(options->threshold[i].detected)))
			weigh(figures, i, &options->threshold[i]);
}

/* One member of thresholds. */
static void
change_option(MlopsDriftOptions *options, const char *name,
			  const JsonbValue *value)
{
	MlopsThreshold threshold = {NAN, NAN};
	int			figure = 0;

	if (strcmp(name, "min_rows") == 0)
	{
		options->min_rows = number_of(name, value);
		return;
	}
	if (strcmp(name, "drift_share") == 0)
	{
		options->drift_share = number_of(name, value);
		return;
	}
	while (figure < MLOPS_FIGURES &&
		   strcmp(name, mlops_figure_names[figure]) != 0)
		figure++;
	if (figure == MLOPS_FIGURES || figure == MLOPS_FIGURE_CHI2 ||
		figure == MLOPS_FIGURE_WASSERSTEIN)
		unknown_option(name);
	if (value->type == jbvBinary &&
		JsonContainerIsArray(value->val.binary.data) &&
		JsonContainerSize(value->val.binary.data) == 2)
	{
		threshold.potential =
			number_of(name, getIthJsonbValueFromContainer(value->val.binary.data, 0));
		threshold.detected =
			number_of(name, getIthJsonbValueFromContainer(value->val.binary.data, 1));
	}
	else if (value->type != jbvNull)
		threshold.detected = number_of(name, value);
	options->threshold[figure] = threshold;
	options->given[figure] = true;
}

/* A number that is not negative; 22023. */
static double
number_of(const char *name, const JsonbValue *value)
{
	double		number = -1;

	if (value->type == jbvNumeric)
		number = DatumGetFloat8(DirectFunctionCall1(numeric_float8,
													NumericGetDatum(value->val.numeric)));
	if (!(number >= 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("threshold \"%s\" is not understood", name),
				 errdetail("It is one number that is not negative, for detected drift, or two in an array, for potential and detected drift, or null.")));
	return number;
}

/* 22023: there is no such threshold. */
static void
unknown_option(const char *name)
{
	static const char *const names[] = {
		"psi", "js", "hellinger", "tv", "kl", "linf", "wasserstein_std", "ks",
		"cramers_v", "p_value", "p_adjusted", "min_rows", "drift_share"
	};
	const char *nearest = mlops_closest_match(name, names, lengthof(names));

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("there is no threshold \"%s\"", name),
			 nearest != NULL ? errhint("Perhaps \"%s\" is meant.", nearest) :
			 errhint("There are psi, js, hellinger, tv, kl, linf, wasserstein_std, ks, cramers_v, p_value, p_adjusted, min_rows and drift_share.")));
}

/*
 * Hold a figure against its threshold.  The first figure is what is reported
 * unless a later one says more.
 */
static void
weigh(MlopsDriftFigures *f, MlopsFigure figure,
	  const MlopsThreshold *threshold)
{
	bool		small = (figure == MLOPS_FIGURE_P_VALUE ||
						 figure == MLOPS_FIGURE_P_ADJUSTED);
	double		sign = small ? -1 : 1;
	double		value = f->figure[figure];
	double		least = isnan(threshold->potential) ? threshold->detected :
		threshold->potential;
	double		bound = least;
	MlopsDriftStatus status = MLOPS_DRIFT_NONE;

	if (sign * value >= sign * least)
	{
		double		chance = small ? NAN : by_chance(f, figure);

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
	if (f->metric != NULL && status <= f->status)
		return;
	f->status = status;
	f->metric = mlops_figure_names[figure];
	f->value = value;
	f->bound = bound;
}

/* What a figure stays below in LEVEL of all windows without drift. */
static double
by_chance(const MlopsDriftFigures *f, MlopsFigure figure)
{
	double		n = f->n * (1 - f->missing);
	double		n_reference = f->n_reference * (1 - f->missing_reference);

	switch (figure)
	{
		case MLOPS_FIGURE_PSI:
			return mlops_distance_null(MLOPS_PSI, f->psi_reference,
									   f->psi_current, f->n_psi, LEVEL);
		case MLOPS_FIGURE_JS:
			return distance_by_chance(f, MLOPS_JS);
		case MLOPS_FIGURE_HELLINGER:
			return distance_by_chance(f, MLOPS_HELLINGER);
		case MLOPS_FIGURE_TV:
			return distance_by_chance(f, MLOPS_TV);
		case MLOPS_FIGURE_KL:
			return distance_by_chance(f, MLOPS_KL);
		case MLOPS_FIGURE_LINF:
			return distance_by_chance(f, MLOPS_LINF);
		case MLOPS_FIGURE_WASSERSTEIN_STD:
			return mlops_wasserstein_null(f->quantile, n_reference, n,
										  LEVEL) / f->stddev;
		case MLOPS_FIGURE_KS:
			/* where twice the first term of Kolmogorov's series is 1 - LEVEL */
			return sqrt(-log((1 - LEVEL) / 2) / 2 *
						(1 / n + 1 / n_reference));
		case MLOPS_FIGURE_CRAMERS_V:
			return cramers_v_by_chance(f);
		default:
			return NAN;
	}
}

/* The same of a distance over all bins. */
static double
distance_by_chance(const MlopsDriftFigures *f, MlopsDistance distance)
{
	return mlops_distance_null(distance, f->reference, f->current, f->n_bins,
							   LEVEL);
}

/* The same of Cramer's V, from the quantile of chi-square, by halving. */
static double
cramers_v_by_chance(const MlopsDriftFigures *f)
{
	double		n = f->n * (1 - f->missing) +
		f->n_reference * (1 - f->missing_reference);
	double		low = 0;
	double		high = 1000;
	int			dof;

	(void) mlops_chi2_samples(f->reference, f->current, f->n_bins - 1, false,
							  &dof);
	for (int i = 0; i < 60; i++)
	{
		double		middle = (low + high) / 2;

		if (mlops_chi2_p_value(middle, dof) > 1 - LEVEL)
			low = middle;
		else
			high = middle;
	}
	return mlops_cramers_v(high, n);
}
