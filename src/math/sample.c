/*
 * sample.c
 *		Metrics of rows of doubles that need the rows in some order.
 *
 * Rows are sorted by radix as (key, row) pairs; nothing is copied.  Memory is
 * malloc()ed and freed before return.
 */
#include "math/sample.h"

#include <math.h>
#include <stdlib.h>

#include "math/order.h"
#include "math/sum.h"

/* The areas under the two curves, NaN where not defined. */
typedef struct Areas
{
	double		roc;
	double		pr;
} Areas;

/* Weights by rank of prediction, so that prefixes are summed in log time. */
typedef struct RankSums
{
	double	   *tree;			/* [n + 1], a Fenwick tree; 0 is not used */
	size_t		n;
	MlopsSum	all;
} RankSums;

static inline double weight_of(const double *rows, int width, int weight,
							   size_t i);
static Areas areas_of(const double *rows, int width, size_t n, bool *memory);
static double best_dcg(const double *rows, int width, size_t n, size_t k,
					   bool *memory);
static double tied_dcg(const double *rows, int width, const MlopsOrder *order,
					   size_t n, size_t k);
static double discount(size_t rank);
static size_t *prediction_ranks(const double *rows, int width, size_t n);
static double concordance_of(const double *rows, int width, size_t n,
							 bool reverse, const MlopsOrder *earlier,
							 const MlopsOrder *later, const size_t *ranks,
							 RankSums *sums);
static void rank_add(RankSums *sums, size_t rank, double weight);
static double rank_below(const RankSums *sums, size_t rank);

double
mlops_sample_roc_auc(const double *rows, int width, size_t n, bool *memory)
{
	return areas_of(rows, width, n, memory).roc;
}

double
mlops_sample_pr_auc(const double *rows, int width, size_t n, bool *memory)
{
	return areas_of(rows, width, n, memory).pr;
}

double
mlops_sample_ndcg(const double *rows, int width, size_t n, size_t k,
				  bool *memory)
{
	void	   *space;
	MlopsOrder *order;
	double		best;
	double		got;

	*memory = true;
	if (k == 0)
		k = n;
	best = best_dcg(rows, width, n, k, memory);
	if (!(best > 0))
		return NAN;
	order = mlops_order_rows(rows + 1, width, n, &space);
	*memory = order != NULL;
	got = *memory ? tied_dcg(rows, width, order, n, k) : NAN;
	free(space);
	return got / best;
}

double
mlops_sample_concordance(const double *rows, int width, size_t n,
						 bool reverse, bool *memory)
{
	void	   *space1 = NULL;
	void	   *space2 = NULL;
	MlopsOrder *earlier = mlops_order_rows(rows + 1, width, n, &space1);
	MlopsOrder *later = mlops_order_rows(rows, width, n, &space2);
	size_t	   *ranks = prediction_ranks(rows, width, n);
	RankSums	sums = {calloc(n + 1, sizeof(double)), n, {0, 0}};
	double		value = NAN;

	*memory = earlier != NULL && later != NULL && ranks != NULL &&
		sums.tree != NULL;
	if (*memory)
		value = concordance_of(rows, width, n, reverse, earlier, later,
							   ranks, &sums);
	free(space1);
	free(space2);
	free(ranks);
	free(sums.tree);
	return value;
}

/* The weight of row i, in column weight if the rows have one. */
static inline double
weight_of(const double *rows, int width, int weight, size_t i)
{
	return width > weight ? rows[i * width + weight] : 1;
}

/*
 * Walk down the scores, rows of equal score in one step.  ROC: trapezoids;
 * precision-recall: the sum of (recall gained) x (precision there).
 */
static Areas
areas_of(const double *rows, int width, size_t n, bool *memory)
{
	Areas		areas = {NAN, NAN};
	void	   *space;
	MlopsOrder *order = mlops_order_rows(rows + 1, width, n, &space);
	MlopsSum	positive = {0};
	MlopsSum	negative = {0};
	MlopsSum	roc = {0};
	MlopsSum	pr = {0};
	double		tp = 0;
	double		fp = 0;
	size_t		i = n;

	*memory = order != NULL;
	while (order != NULL && i > 0)
	{
		uint64_t	key = order[i - 1].key;
		double		new_tp;
		double		new_fp;

		for (; i > 0 && order[i - 1].key == key; i--)
		{
			size_t		row = order[i - 1].row;

			mlops_sum_add(rows[row * width] > 0.5 ? &positive : &negative,
						  weight_of(rows, width, 2, row));
		}
		new_tp = mlops_sum_value(&positive);
		new_fp = mlops_sum_value(&negative);
		mlops_sum_add(&roc, (new_fp - fp) * (new_tp + tp) / 2);
		if (new_tp > tp)
			mlops_sum_add(&pr, (new_tp - tp) * (new_tp / (new_tp + new_fp)));
		tp = new_tp;
		fp = new_fp;
	}
	free(space);
	if (tp > 0)
		areas.pr = mlops_sum_value(&pr) / tp;
	if (tp > 0 && fp > 0)
		areas.roc = mlops_sum_value(&roc) / tp / fp;
	return areas;
}

/* The discounted gain of the rows in their best order; NaN without memory. */
static double
best_dcg(const double *rows, int width, size_t n, size_t k, bool *memory)
{
	void	   *space;
	MlopsOrder *order = mlops_order_rows(rows, width, n, &space);
	MlopsSum	sum = {0};
	size_t		i;

	*memory = order != NULL;
	for (i = 0; order != NULL && i < n && i < k; i++)
		mlops_sum_add(&sum, expm1(rows[order[n - 1 - i].row * width] *
								  M_LN2) * discount(i + 1));
	free(space);
	return order == NULL ? NAN : mlops_sum_value(&sum);
}

/* The discounted gain by falling score; equal scores share their gains. */
static double
tied_dcg(const double *rows, int width, const MlopsOrder *order, size_t n,
		 size_t k)
{
	MlopsSum	sum = {0};
	size_t		i = n;

	while (i > 0 && n - i < k)
	{
		uint64_t	key = order[i - 1].key;
		MlopsSum	gain = {0};
		MlopsSum	discounts = {0};
		size_t		first = i;

		for (; i > 0 && order[i - 1].key == key; i--)
		{
			size_t		rank = n - i + 1;

			mlops_sum_add(&gain, expm1(rows[order[i - 1].row * width] *
									   M_LN2));
			mlops_sum_add(&discounts, rank <= k ? discount(rank) : 0);
		}
		mlops_sum_add(&sum, mlops_sum_value(&gain) / (first - i) *
					  mlops_sum_value(&discounts));
	}
	return mlops_sum_value(&sum);
}

/* What a gain at a rank, from 1, counts. */
static double
discount(size_t rank)
{
	return 1 / log2(rank + 1.0);
}

/* The rank of each row's prediction, from 1, equal ones sharing it. */
static size_t *
prediction_ranks(const double *rows, int width, size_t n)
{
	void	   *space;
	MlopsOrder *order = mlops_order_rows(rows + 2, width, n, &space);
	size_t	   *ranks = malloc((n + 1) * sizeof(size_t));
	size_t		rank = 0;
	size_t		i;

	for (i = 0; order != NULL && ranks != NULL && i < n; i++)
	{
		if (i == 0 || order[i].key != order[i - 1].key)
			rank++;
		ranks[order[i].row] = rank;
	}
	if (order == NULL)
	{
		free(ranks);
		ranks = NULL;
	}
	free(space);
	return ranks;
}

/*
 * Sweep over the rows by lower bound (later), observed ones of a bound before
 * the others; the tree holds the rows (by upper bound, earlier) that are
 * surely before the one at hand.
 */
static double
concordance_of(const double *rows, int width, size_t n, bool reverse,
			   const MlopsOrder *earlier, const MlopsOrder *later,
			   const size_t *ranks, RankSums *sums)
{
	MlopsSum	good = {0};
	MlopsSum	pairs = {0};
	size_t		next = 0;
	size_t		first;
	size_t		last;

	for (first = 0; first < n; first = last)
	{
		double		bound = rows[later[first].row * width];
		int			pass;

		for (last = first; last < n && later[last].key == later[first].key;)
			last++;
		for (pass = 0; pass < 2; pass++)
		{
			size_t		i;

			for (; next < n; next++)
			{
				size_t		row = earlier[next].row;
				double		upper = rows[row * width + 1];

				if (upper == INFINITY || upper > bound ||
					(upper == bound && pass == 0))
					break;
				rank_add(sums, ranks[row], weight_of(rows, width, 3, row));
			}
			for (i = first; i < last; i++)
			{
				size_t		row = later[i].row;
				bool		observed = rows[row * width + 1] == bound;
				double		w = weight_of(rows, width, 3, row);
				double		all = mlops_sum_value(&sums->all);
				double		below;
				double		equal;

				if (observed != (pass == 0) || w == 0)
					continue;
				below = rank_below(sums, ranks[row] - 1);
				equal = rank_below(sums, ranks[row]) - below;
				if (reverse)
					below = all - below - equal;
				mlops_sum_add(&good, w * (below + equal / 2));
				mlops_sum_add(&pairs, w * all);
			}
		}
	}
	return mlops_sum_value(&pairs) > 0 ?
		mlops_sum_value(&good) / mlops_sum_value(&pairs) : NAN;
}

/* Add a weight at a rank from 1. */
static void
rank_add(RankSums *sums, size_t rank, double weight)
{
	mlops_sum_add(&sums->all, weight);
	for (; rank <= sums->n; rank += rank & -rank)
		sums->tree[rank] += weight;
}

/* The weights at ranks up to this one. */
static double
rank_below(const RankSums *sums, size_t rank)
{
	double		sum = 0;

	for (; rank > 0; rank -= rank & -rank)
		sum += sums->tree[rank];
	return sum;
}
