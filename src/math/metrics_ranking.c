/*
 * metrics_ranking.c
 *		Metrics of ranking by query group, and of survival times.
 *
 * Both copy the floats into rows of doubles and leave the order to sample.c.
 */
#include <stdint.h>
#include <stdlib.h>

#include "math/metric_row.h"
#include "math/order.h"
#include "math/sample.h"
#include "math/sum.h"

enum
{
	NDCG, NDCG_5, NDCG_10, MAP, MRR, N_RANKING
};

static bool ranking_valid(const float *relevance, const float *score,
						  const float *weight, size_t n);
static bool group_metrics(const double *rows, double *labelled, size_t n,
						  double values[N_RANKING], bool *counts);
static double reciprocal_rank(const double *rows, size_t n, bool *memory);
static double expected_reciprocal(size_t before, size_t tied,
								  size_t relevant);
static bool survival_rows(const float *lower, const float *upper,
						  const float *prediction, const float *weight,
						  size_t n, double *rows, size_t *count);
static double observed_error(const double *rows, size_t n);

int
mlops_metrics_ranking(const float *relevance, const float *score,
					  const unsigned *group, const float *weight, size_t n,
					  MlopsMetric out[MLOPS_MAX_METRICS])
{
	static const char *const names[N_RANKING] = {
		"ndcg", "ndcg_5", "ndcg_10", "map", "mrr"
	};
	MlopsSum	sums[N_RANKING] = {{0, 0}};
	MlopsSum	all = {0};
	bool		valid = ranking_valid(relevance, score, weight, n);
	double	   *rows = NULL;
	double	   *labelled = NULL;
	bool		memory = n <= SIZE_MAX / 32 - 1;
	size_t		first;
	size_t		last;
	size_t		i;
	int			m = 0;

	if (memory && valid)
	{
		rows = malloc((2 * n + 1) * sizeof(double));
		labelled = malloc((2 * n + 1) * sizeof(double));
		memory = rows != NULL && labelled != NULL;
	}
	for (first = 0; memory && valid && first < n; first = last)
	{
		double		values[N_RANKING];
		double		w;
		bool		counts;

		for (last = first; last < n && group[last] == group[first]; last++)
		{
			rows[2 * (last - first)] = relevance[last];
			rows[2 * (last - first) + 1] = score[last];
		}
		if (row_weight(weight, first, &w) == 0)
			continue;
		memory = group_metrics(rows, labelled, last - first, values, &counts);
		if (!counts)
			continue;
		mlops_sum_add(&all, w);
		for (i = 0; i < N_RANKING; i++)
			mlops_sum_add(&sums[i], w * values[i]);
	}
	free(rows);
	free(labelled);
	if (!memory)
		return -1;
	for (i = 0; i < N_RANKING; i++)
		m = set_metric(out, m, names[i],
					   ratio(mlops_sum_value(&sums[i]),
							 mlops_sum_value(&all)), valid);
	return m;
}

int
mlops_metrics_survival(const float *lower, const float *upper,
					   const float *prediction, bool reverse,
					   const float *weight, size_t n,
					   MlopsMetric out[MLOPS_MAX_METRICS])
{
	double	   *rows;
	double		concordance = NAN;
	double		error = NAN;
	bool		memory = true;
	size_t		count;
	bool		valid;
	int			m = 0;

	if (n > SIZE_MAX / 64)
		return -1;
	rows = calloc(4 * n + 1, sizeof(double));
	if (rows == NULL)
		return -1;
	valid = survival_rows(lower, upper, prediction, weight, n, rows, &count);
	if (valid)
	{
		concordance = mlops_sample_concordance(rows, 4, count, reverse,
											   &memory);
		error = observed_error(rows, count);
	}
	free(rows);
	if (!memory)
		return -1;
	m = set_metric(out, m, "concordance", concordance, valid);
	if (!reverse)
		m = set_metric(out, m, "mae_observed", error, valid);
	return m;
}

/* No NaN, no negative or infinite relevance, no bad weight. */
static bool
ranking_valid(const float *relevance, const float *score,
			  const float *weight, size_t n)
{
	size_t		i;

	for (i = 0; i < n; i++)
	{
		double		w;

		if (row_weight(weight, i, &w) < 0 || isnan(score[i]) ||
			!(relevance[i] >= 0 && relevance[i] <= 1000))
			return false;
	}
	return true;
}

/*
 * All metrics of one group, of rows (relevance, score), with labelled[n x 2]
 * to work in; counts says whether there is a relevant row.  false: memory.
 */
static bool
group_metrics(const double *rows, double *labelled, size_t n,
			  double values[N_RANKING], bool *counts)
{
	bool		relevant = false;
	bool		memory[N_RANKING];
	size_t		i;

	*counts = false;
	for (i = 0; i < n; i++)
	{
		*counts = *counts || rows[2 * i] > 0;
		relevant = relevant || rows[2 * i] > 0.5;
		labelled[2 * i] = rows[2 * i] > 0.5;
		labelled[2 * i + 1] = rows[2 * i + 1];
	}
	if (!*counts)
		return true;
	values[NDCG] = mlops_sample_ndcg(rows, 2, n, 0, &memory[NDCG]);
	values[NDCG_5] = mlops_sample_ndcg(rows, 2, n, 5, &memory[NDCG_5]);
	values[NDCG_10] = mlops_sample_ndcg(rows, 2, n, 10, &memory[NDCG_10]);
	values[MAP] = values[MRR] = 0;
	memory[MAP] = memory[MRR] = true;
	if (relevant)
	{
		values[MAP] = mlops_sample_pr_auc(labelled, 2, n, &memory[MAP]);
		values[MRR] = reciprocal_rank(labelled, n, &memory[MRR]);
	}
	return memory[NDCG] && memory[NDCG_5] && memory[NDCG_10] &&
		memory[MAP] && memory[MRR];
}

/* One by the rank of the first row of label 1, of rows (label, score). */
static double
reciprocal_rank(const double *rows, size_t n, bool *memory)
{
	void	   *space;
	MlopsOrder *order = mlops_order_rows(rows + 1, 2, n, &space);
	double		value = NAN;
	size_t		i = n;

	*memory = order != NULL;
	while (order != NULL && i > 0 && isnan(value))
	{
		uint64_t	key = order[i - 1].key;
		size_t		before = n - i;
		size_t		relevant = 0;

		for (; i > 0 && order[i - 1].key == key; i--)
			relevant += rows[order[i - 1].row * 2] > 0.5;
		if (relevant > 0)
			value = expected_reciprocal(before, n - i - before, relevant);
	}
	free(space);
	return value;
}

/*
 * The mean of 1 / rank of the first relevant row over all orders of tied rows,
 * some of them relevant, that follow before others.  The chance that it is
 * the one at j is that of the earlier ones all not being relevant.
 */
static double
expected_reciprocal(size_t before, size_t tied, size_t relevant)
{
	MlopsSum	sum = {0};
	double		chance = (double) relevant / tied;
	size_t		j;

	for (j = 0; j + relevant <= tied; j++)
	{
		mlops_sum_add(&sum, chance / (before + j + 1));
		if (j + 1 < tied)
			chance *= (double) (tied - j - relevant) / (tied - j - 1);
	}
	return mlops_sum_value(&sum);
}

/* The rows that count, as sample.h has them; false: one is not valid. */
static bool
survival_rows(const float *lower, const float *upper,
			  const float *prediction, const float *weight, size_t n,
			  double *rows, size_t *count)
{
	size_t		m = 0;
	size_t		i;

	for (i = 0; i < n; i++)
	{
		double		w;
		int			counts = row_weight(weight, i, &w);

		if (counts == 0)
			continue;
		if (counts < 0 || isnan(prediction[i]) || !(lower[i] <= upper[i]))
			return false;
		rows[4 * m] = lower[i];
		rows[4 * m + 1] = upper[i];
		rows[4 * m + 2] = prediction[i];
		rows[4 * m + 3] = w;
		m++;
	}
	*count = m;
	return true;
}

/* The mean distance of prediction and time over the observed events. */
static double
observed_error(const double *rows, size_t n)
{
	MlopsSum	sum = {0};
	MlopsSum	all = {0};
	size_t		i;

	for (i = 0; i < n; i++)
	{
		const double *r = rows + 4 * i;

		if (r[0] != r[1])
			continue;
		mlops_sum_add(&sum, r[3] * fabs(r[2] - r[0]));
		mlops_sum_add(&all, r[3]);
	}
	return ratio(mlops_sum_value(&sum), mlops_sum_value(&all));
}
