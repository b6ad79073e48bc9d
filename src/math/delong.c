/*
 * delong.c
 *		The error of the area under the ROC curve, and of shares.
 *
 * A row's placement is the weighted share of the other class that it is
 * ordered rightly against, ties by half; the area is the mean placement of
 * either class, and its variance the sum of the variances of both means
 * (DeLong, DeLong and Clarke-Pearson, 1988).
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "math/curves.h"
#include "math/metric_row.h"
#include "math/order.h"
#include "math/sum.h"

/* The rows that count. */
typedef struct Rows
{
	size_t		n;
	double	   *weight;			/* [n] */
	double	   *score;			/* [n] */
	double	   *place[2];		/* [n], placements by each score */
	bool	   *positive;		/* [n] */
	size_t		count[2];		/* negatives, positives */
	double		all[2];			/* their weights */
} Rows;

static bool take_rows(const float *label, const float *score,
					  const float *other, const float *weight, size_t n,
					  Rows *rows);
static void take_scores(const float *score, const float *weight, size_t n,
						Rows *rows);
static bool placements(Rows *rows, double *place);
static void areas_and_errors(const Rows *rows, int scores, MlopsDelong *out);
static double mean_place(const Rows *rows, int which, bool positive);
static double error_of(const Rows *rows, int a, int b,
					   const double means[2][2]);

bool
mlops_delong(const float *label, const float *score, const float *other,
			 const float *weight, size_t n, MlopsDelong *out)
{
	Rows		rows = {0};
	int			scores = other == NULL ? 1 : 2;
	bool		memory;
	bool		valid;
	int			s;

	out->auc[0] = out->auc[1] = NAN;
	out->variance[0] = out->variance[1] = out->covariance = NAN;
	if (n > SIZE_MAX / 128)
		return false;
	rows.weight = malloc((n + 1) * sizeof(double));
	rows.score = malloc((n + 1) * sizeof(double));
	rows.place[0] = malloc((n + 1) * sizeof(double));
	rows.place[1] = malloc((n + 1) * sizeof(double));
	rows.positive = malloc((n + 1) * sizeof(bool));
	memory = rows.weight != NULL && rows.score != NULL &&
		rows.place[0] != NULL && rows.place[1] != NULL &&
		rows.positive != NULL;
	valid = memory && take_rows(label, score, other, weight, n, &rows);
	for (s = 0; s < scores && valid && memory; s++)
	{
		take_scores(s == 0 ? score : other, weight, n, &rows);
		memory = placements(&rows, rows.place[s]);
	}
	if (valid && memory)
		areas_and_errors(&rows, scores, out);
	free(rows.weight);
	free(rows.score);
	free(rows.place[0]);
	free(rows.place[1]);
	free(rows.positive);
	return memory;
}

void
mlops_wilson(double p, double n, double z, double *low, double *high)
{
	double		centre = p + z * z / (2 * n);
	double		half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
	double		scale = 1 + z * z / n;

	*low = *high = NAN;
	if (!(n > 0))
		return;
	*low = p <= 0 ? 0 : fmax((centre - half) / scale, 0);
	*high = p >= 1 ? 1 : fmin((centre + half) / scale, 1);
}

double
mlops_normal_quantile(double p)
{
	double		tail = p < 0.5 ? p : 1 - p;
	double		t;
	double		x;
	int			i;

	if (!(p > 0 && p < 1))
		return NAN;
	/* Abramowitz and Stegun 26.2.23 to 4.5e-4, then Halley's steps */
	t = sqrt(-2 * log(tail));
	x = t - (2.515517 + t * (0.802853 + t * 0.010328)) /
		(1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
	for (i = 0; i < 3; i++)
	{
		double		error = erfc(x / M_SQRT2) / 2 - tail;
		double		step = error * sqrt(2 * M_PI) * exp(x * x / 2);

		x += step / (1 - x * step / 2);
	}
	return p < 0.5 ? -x : p == 0.5 ? 0 : x;
}

/* Labels and weights of the rows that count; false: no areas are defined. */
static bool
take_rows(const float *label, const float *score, const float *other,
		  const float *weight, size_t n, Rows *rows)
{
	MlopsSum	all[2] = {{0, 0}, {0, 0}};
	size_t		i;

	for (i = 0; i < n; i++)
	{
		double		w;
		bool		positive = label[i] > 0.5f;
		int			counts = row_weight(weight, i, &w);

		if (counts == 0)
			continue;
		if (counts < 0 || isnan(label[i]) || isnan(score[i]) ||
			(other != NULL && isnan(other[i])))
			return false;
		rows->weight[rows->n] = w;
		rows->positive[rows->n] = positive;
		rows->n++;
		rows->count[positive]++;
		mlops_sum_add(&all[positive], w);
	}
	rows->all[0] = mlops_sum_value(&all[0]);
	rows->all[1] = mlops_sum_value(&all[1]);
	return rows->count[0] > 0 && rows->count[1] > 0;
}

/* The scores of the rows that count. */
static void
take_scores(const float *score, const float *weight, size_t n, Rows *rows)
{
	size_t		m = 0;
	size_t		i;

	for (i = 0; i < n; i++)
	{
		double		w;

		if (row_weight(weight, i, &w) > 0)
			rows->score[m++] = score[i];
	}
}

/* The placement of each row by rows->score; false: out of memory. */
static bool
placements(Rows *rows, double *place)
{
	void	   *space;
	MlopsOrder *order = mlops_order_rows(rows->score, 1, rows->n, &space);
	MlopsSum	below[2] = {{0, 0}, {0, 0}};
	size_t		first;
	size_t		last;
	size_t		i;

	for (first = 0; order != NULL && first < rows->n; first = last)
	{
		MlopsSum	tied[2] = {{0, 0}, {0, 0}};

		for (last = first; last < rows->n &&
			 order[last].key == order[first].key; last++)
		{
			size_t		row = order[last].row;

			mlops_sum_add(&tied[rows->positive[row]], rows->weight[row]);
		}
		for (i = first; i < last; i++)
		{
			size_t		row = order[i].row;
			bool		positive = rows->positive[row];
			double		share = (mlops_sum_value(&below[!positive]) +
								 mlops_sum_value(&tied[!positive]) / 2) /
				rows->all[!positive];

			place[row] = positive ? share : 1 - share;
		}
		mlops_sum_add(&below[0], mlops_sum_value(&tied[0]));
		mlops_sum_add(&below[1], mlops_sum_value(&tied[1]));
	}
	free(space);
	return order != NULL;
}

/* Everything out of the placements of one or two scores. */
static void
areas_and_errors(const Rows *rows, int scores, MlopsDelong *out)
{
	double		means[2][2];
	int			s;

	for (s = 0; s < scores; s++)
	{
		means[s][0] = mean_place(rows, s, false);
		means[s][1] = mean_place(rows, s, true);
		out->auc[s] = means[s][1];
	}
	for (s = 0; s < scores; s++)
		out->variance[s] = error_of(rows, s, s, means);
	if (scores > 1)
		out->covariance = error_of(rows, 0, 1, means);
}

/* The mean placement of the rows of a class. */
static double
mean_place(const Rows *rows, int which, bool positive)
{
	MlopsSum	sum = {0};
	size_t		i;

	for (i = 0; i < rows->n; i++)
	{
		if (rows->positive[i] == positive)
			mlops_sum_add(&sum, rows->weight[i] * rows->place[which][i]);
	}
	return mlops_sum_value(&sum) / rows->all[positive];
}

/*
 * The covariance of the areas a and b: over both classes, the sum of squared
 * weight x the product of deviations, by the squared sum of weights, with
 * Bessel's n / (n - 1).  NaN if a class has one row.
 */
static double
error_of(const Rows *rows, int a, int b, const double means[2][2])
{
	MlopsSum	sum[2] = {{0, 0}, {0, 0}};
	double		error = 0;
	size_t		i;
	int			c;

	for (i = 0; i < rows->n; i++)
	{
		double		w = rows->weight[i];

		c = rows->positive[i];
		mlops_sum_add(&sum[c], w * w * (rows->place[a][i] - means[a][c]) *
					  (rows->place[b][i] - means[b][c]));
	}
	for (c = 0; c < 2; c++)
	{
		if (rows->count[c] < 2)
			return NAN;
		error += mlops_sum_value(&sum[c]) / (rows->all[c] * rows->all[c]) *
			rows->count[c] / (rows->count[c] - 1.0);
	}
	return error;
}
