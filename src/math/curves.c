/*
 * curves.c
 *		Curves of binary classification, and the error of the area under one.
 *
 * The rows that count are sorted once into steps: groups of equal score with
 * the weights of both classes, highest score first.  Every curve is one walk
 * over the steps.  Memory is malloc()ed and freed before return.
 */
#include "math/curves.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "math/metric_row.h"
#include "math/order.h"
#include "math/sum.h"

/* The rows of one score. */
typedef struct Step
{
	double		score;
	double		positive;		/* weights */
	double		negative;
	double		square;			/* sum of squared weights */
	double		product;		/* sum of weight x score */
	size_t		n;
	size_t		positives;		/* rows */
} Step;

typedef struct Steps
{
	Step	   *step;			/* by falling score; malloc()ed, or NULL */
	size_t		count;
	double		positive;		/* weights of all */
	double		negative;
} Steps;

/* What rows in a bin add up to. */
typedef struct BinSums
{
	MlopsSum	positive;
	MlopsSum	weight;
	MlopsSum	square;
	MlopsSum	product;
	size_t		n;
	size_t		positives;
	double		first;			/* score of its first and last step */
	double		last;
} BinSums;

static int	make_steps(const float *label, const float *score,
					   const float *weight, size_t n, Steps *steps);
static int	counted_rows(const float *label, const float *score,
						 const float *weight, size_t n, double *scores,
						 size_t *rows, size_t *count);
static bool fill_steps(const float *label, const float *weight,
					   const double *scores, const size_t *rows,
					   size_t count, Steps *steps);
static size_t thin(const double *place, const double *merit, size_t n,
				   size_t max, size_t *keep);
static long thin_curve(const Steps *steps, size_t max_points, bool roc,
					   double *x, double *y, size_t *keep);
static void curve_values(const Steps *steps, bool roc, double *x, double *y,
						 double *place, double *merit);
static long curve(const float *label, const float *score,
				  const float *weight, size_t n, size_t max_points, bool roc,
				  MlopsRocPoint *out);
static void bin_steps(const Steps *steps, int bins, bool by_value,
					  BinSums *sums);
static int	weight_bin(double before, double own, double all, int bins);
static BinSums *binned(const float *label, const float *score,
					   const float *weight, size_t n, int bins,
					   bool by_value, Steps *steps, int *state);

long
mlops_curve_roc(const float *label, const float *score, const float *weight,
				size_t n, size_t max_points, MlopsRocPoint *out)
{
	return curve(label, score, weight, n, max_points, true, out);
}

long
mlops_curve_pr(const float *label, const float *score, const float *weight,
			   size_t n, size_t max_points, MlopsPrPoint *out)
{
	MlopsRocPoint *points = malloc(max_points * sizeof(MlopsRocPoint));
	long		count;
	long		i;

	if (points == NULL)
		return -1;
	count = curve(label, score, weight, n, max_points, false, points);
	for (i = 0; i < count; i++)
	{
		out[i].threshold = points[i].threshold;
		out[i].recall = points[i].fpr;
		out[i].precision = points[i].tpr;
	}
	free(points);
	return count;
}

long
mlops_curve_lift(const float *label, const float *score, const float *weight,
				 size_t n, int bins, MlopsLiftBin *out)
{
	Steps		steps;
	int			state;
	BinSums    *sums = binned(label, score, weight, n, bins, false, &steps,
							  &state);
	double		all = steps.positive + steps.negative;
	MlopsSum	weights = {0};
	MlopsSum	positives = {0};
	long		count = 0;
	int			b;

	if (state <= 0 || steps.positive == 0)
	{
		free(sums);
		return state < 0 ? -1 : 0;
	}
	for (b = 0; b < bins; b++)
	{
		double		own = mlops_sum_value(&sums[b].weight);
		double		positive = mlops_sum_value(&sums[b].positive);
		MlopsLiftBin *bin = out + count;

		if (sums[b].n == 0)
			continue;
		mlops_sum_add(&weights, own);
		mlops_sum_add(&positives, positive);
		bin->bin = b + 1;
		bin->n = sums[b].n;
		bin->positives = sums[b].positives;
		bin->share = fmin(mlops_sum_value(&weights) / all, 1);
		bin->precision = positive / own;
		bin->lift = bin->precision / (steps.positive / all);
		bin->gain = fmin(mlops_sum_value(&positives) / steps.positive, 1);
		bin->high_score = sums[b].first;
		bin->low_score = sums[b].last;
		count++;
	}
	free(sums);
	return count;
}

long
mlops_curve_calibration(const float *label, const float *probability,
						const float *weight, size_t n, int bins,
						bool quantiles, double z, MlopsCalibrationBin *out)
{
	Steps		steps;
	int			state;
	BinSums    *sums;
	long		count = 0;
	size_t		i;
	int			b;

	for (i = 0; i < n; i++)
	{
		double		w;

		if (row_weight(weight, i, &w) > 0 &&
			!(probability[i] >= 0 && probability[i] <= 1))
			return 0;
	}
	sums = binned(label, probability, weight, n, bins, !quantiles, &steps,
				  &state);
	for (b = bins - 1; state > 0 && b >= 0; b--)
	{
		double		own = mlops_sum_value(&sums[b].weight);
		MlopsCalibrationBin *bin = out + count;

		if (sums[b].n == 0)
			continue;
		bin->bin = bins - b;
		bin->n = sums[b].n;
		bin->mean_prediction = mlops_sum_value(&sums[b].product) / own;
		bin->observed = mlops_sum_value(&sums[b].positive) / own;
		mlops_wilson(bin->observed,
					 own * own / mlops_sum_value(&sums[b].square), z,
					 &bin->low, &bin->high);
		count++;
	}
	free(sums);
	return state < 0 ? -1 : count;
}

/*
 * Sort the rows that count into steps: 1 done, 0 a row is not valid or none
 * counts, -1 out of memory.  The caller frees steps->step.
 */
static int
make_steps(const float *label, const float *score, const float *weight,
		   size_t n, Steps *steps)
{
	double	   *scores = NULL;
	size_t	   *rows = NULL;
	size_t		count = 0;
	int			state = -1;

	memset(steps, 0, sizeof(*steps));
	if (n < SIZE_MAX / 128)
	{
		scores = malloc((n + 1) * sizeof(double));
		rows = malloc((n + 1) * sizeof(size_t));
	}
	if (scores != NULL && rows != NULL)
		state = counted_rows(label, score, weight, n, scores, rows, &count);
	if (state > 0 && !fill_steps(label, weight, scores, rows, count, steps))
		state = -1;
	free(scores);
	free(rows);
	return state;
}

/* The numbers and scores of the rows that count; 1, or 0 as make_steps(). */
static int
counted_rows(const float *label, const float *score, const float *weight,
			 size_t n, double *scores, size_t *rows, size_t *count)
{
	size_t		m = 0;
	size_t		i;

	for (i = 0; i < n; i++)
	{
		double		w;
		int			counts = row_weight(weight, i, &w);

		if (counts == 0)
			continue;
		if (counts < 0 || isnan(label[i]) || isnan(score[i]))
			return 0;
		scores[m] = score[i];
		rows[m] = i;
		m++;
	}
	*count = m;
	return m > 0;
}

/* Group rows of equal score, highest first; false: out of memory. */
static bool
fill_steps(const float *label, const float *weight, const double *scores,
		   const size_t *rows, size_t count, Steps *steps)
{
	void	   *space;
	MlopsOrder *order = mlops_order_rows(scores, 1, count, &space);
	MlopsSum	totals[2] = {{0, 0}, {0, 0}};
	size_t		i = count;

	steps->step = calloc(count, sizeof(Step));
	while (order != NULL && steps->step != NULL && i > 0)
	{
		Step	   *step = steps->step + steps->count++;
		MlopsSum	sums[2] = {{0, 0}, {0, 0}};
		uint64_t	key = order[i - 1].key;

		step->score = scores[order[i - 1].row];
		for (; i > 0 && order[i - 1].key == key; i--)
		{
			size_t		row = rows[order[i - 1].row];
			bool		positive = label[row] > 0.5f;
			double		w;

			(void) row_weight(weight, row, &w);
			mlops_sum_add(&sums[positive], w);
			mlops_sum_add(&totals[positive], w);
			step->square += w * w;
			step->n++;
			step->positives += positive;
		}
		step->positive = mlops_sum_value(&sums[1]);
		step->negative = mlops_sum_value(&sums[0]);
		step->product = (step->positive + step->negative) * step->score;
	}
	steps->positive = mlops_sum_value(&totals[1]);
	steps->negative = mlops_sum_value(&totals[0]);
	free(space);
	return i == 0;
}

/*
 * Choose at most max >= 3 of n points: the first, the last, and between them
 * the one of most merit in each equal step of place, which grows from 0 to 1.
 * Writes their numbers to keep; returns how many.
 */
static size_t
thin(const double *place, const double *merit, size_t n, size_t max,
	 size_t *keep)
{
	size_t		cells = max - 2;
	size_t		count = 0;
	size_t		last_cell = SIZE_MAX;
	size_t		i;

	keep[count++] = 0;
	for (i = 1; i + 1 < n; i++)
	{
		size_t		cell = place[i] >= 1 ? cells - 1 :
			(size_t) (place[i] * cells);

		if (n > max && cell == last_cell)
		{
			if (merit[i] > merit[keep[count - 1]])
				keep[count - 1] = i;
			continue;
		}
		keep[count++] = i;
		last_cell = cell;
	}
	if (n > 1)
		keep[count++] = n - 1;
	return count;
}

/* The whole curve into x and y [count + 1], and which points to keep. */
static long
thin_curve(const Steps *steps, size_t max_points, bool roc, double *x,
		   double *y, size_t *keep)
{
	double	   *place = malloc((steps->count + 1) * sizeof(double));
	double	   *merit = malloc((steps->count + 1) * sizeof(double));
	long		count = -1;

	if (place != NULL && merit != NULL)
	{
		curve_values(steps, roc, x, y, place, merit);
		count = thin(place, merit, steps->count + 1, max_points, keep);
	}
	free(place);
	free(merit);
	return count;
}

/*
 * The points after each step, with what thin() wants: x, y are fpr and tpr or
 * recall and precision.
 */
static void
curve_values(const Steps *steps, bool roc, double *x, double *y,
			 double *place, double *merit)
{
	MlopsSum	positive = {0};
	MlopsSum	negative = {0};
	size_t		i;

	x[0] = 0;
	y[0] = roc ? 0 : 1;
	place[0] = merit[0] = 0;
	for (i = 1; i <= steps->count; i++)
	{
		double		tp;
		double		fp;

		mlops_sum_add(&positive, steps->step[i - 1].positive);
		mlops_sum_add(&negative, steps->step[i - 1].negative);
		tp = mlops_sum_value(&positive);
		fp = mlops_sum_value(&negative);
		if (roc)
		{
			x[i] = i == steps->count ? 1 : fp / steps->negative;
			y[i] = i == steps->count ? 1 : tp / steps->positive;
			place[i] = (x[i] + y[i]) / 2;
			merit[i] = y[i] - x[i];
		}
		else
		{
			x[i] = i == steps->count ? 1 : tp / steps->positive;
			y[i] = tp / (tp + fp);
			place[i] = x[i];
			merit[i] = x[i] + y[i] > 0 ? 2 * x[i] * y[i] / (x[i] + y[i]) : 0;
		}
	}
}

/* Either curve; fpr and tpr stand for recall and precision in the other. */
static long
curve(const float *label, const float *score, const float *weight, size_t n,
	  size_t max_points, bool roc, MlopsRocPoint *out)
{
	Steps		steps;
	int			state = make_steps(label, score, weight, n, &steps);
	double	   *x;
	double	   *y;
	size_t	   *keep;
	long		count = -1;
	long		i;

	if (state <= 0 || max_points < 3 || steps.positive == 0 ||
		(roc && steps.negative == 0))
	{
		free(steps.step);
		return state < 0 ? -1 : 0;
	}
	x = malloc((steps.count + 1) * sizeof(double));
	y = malloc((steps.count + 1) * sizeof(double));
	keep = malloc((steps.count + 1) * sizeof(size_t));
	if (x != NULL && y != NULL && keep != NULL)
		count = thin_curve(&steps, max_points, roc, x, y, keep);
	for (i = 0; i < count; i++)
	{
		out[i].threshold = keep[i] == 0 ? INFINITY :
			steps.step[keep[i] - 1].score;
		out[i].fpr = x[keep[i]];
		out[i].tpr = y[keep[i]];
	}
	free(x);
	free(y);
	free(keep);
	free(steps.step);
	return count;
}

/*
 * Steps and their sums by bin, highest scores first; state as make_steps(),
 * steps without the steps themselves.  The caller frees the result.
 */
static BinSums *
binned(const float *label, const float *score, const float *weight, size_t n,
	   int bins, bool by_value, Steps *steps, int *state)
{
	BinSums    *sums = NULL;

	*state = make_steps(label, score, weight, n, steps);
	if (*state > 0)
	{
		sums = calloc(bins, sizeof(BinSums));
		if (sums == NULL)
			*state = -1;
		else
			bin_steps(steps, bins, by_value, sums);
	}
	free(steps->step);
	steps->step = NULL;
	return sums;
}

/* Add each step to its bin: by its score in [0, 1], or by weight before it. */
static void
bin_steps(const Steps *steps, int bins, bool by_value, BinSums *sums)
{
	double		all = steps->positive + steps->negative;
	MlopsSum	before = {0};
	size_t		i;

	for (i = 0; i < steps->count; i++)
	{
		const Step *step = steps->step + i;
		double		own = step->positive + step->negative;
		int			b = by_value ?
			bins - 1 - (int) fmin(step->score * bins, bins - 1) :
			weight_bin(mlops_sum_value(&before), own, all, bins);

		mlops_sum_add(&before, own);
		mlops_sum_add(&sums[b].positive, step->positive);
		mlops_sum_add(&sums[b].weight, own);
		mlops_sum_add(&sums[b].square, step->square);
		mlops_sum_add(&sums[b].product, step->product);
		if (sums[b].n == 0)
			sums[b].first = step->score;
		sums[b].last = step->score;
		sums[b].n += step->n;
		sums[b].positives += step->positives;
	}
}

/* The bin that the middle of a step falls into. */
static int
weight_bin(double before, double own, double all, int bins)
{
	return (int) fmin(floor((before + own / 2) / all * bins), bins - 1);
}
