/*
 * losstree.c
 *		How large a loss is to be expected of a row: a small regression tree.
 *
 * Cuts are quantiles of each feature, at most CUTS of them, from a part of
 * the rows that is spread over all; infinity parts what is missing from the
 * rest.  A split must explain so much more than chance that the best of all
 * cuts of noise would seldom do.
 */
#include "math/losstree.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CUTS			63
#define SAMPLE			4096
#define LEAST_RATIO		12

/* What the rows of a bin, or of a side, add up to. */
typedef struct Total
{
	double		n;
	double		sum;
} Total;

typedef struct Growing
{
	const float *features;
	const double *loss;
	size_t		p;
	size_t		least;
	size_t	   *rows;			/* those of a node stand together */
	float	   *cuts;			/* [p x CUTS] */
	int		   *n_cuts;
	MlopsLossTree *tree;
} Growing;

typedef struct Split
{
	double		gain;
	int			feature;
	float		cut;
	bool		missing_left;
} Split;

static int	compare(const void *a, const void *b);
static int	find_cuts(const float *features, size_t n, size_t p,
					  size_t feature, float *cuts);
static void describe(Growing *g, MlopsLossNode *node, size_t first,
					 size_t count);
static void grow(Growing *g, int node, size_t first, size_t count,
				 int depth);
static void try_feature(const Growing *g, size_t first, size_t count,
						size_t feature, Split *best);
static double explained(Total left, Total right);
static bool goes_left(const MlopsLossNode *node, const float *features);

bool
mlops_loss_tree_fit(const float *features, const double *loss, size_t n,
					size_t p, size_t least, MlopsLossTree *tree)
{
	Growing		g = {features, loss, p, least, NULL, NULL, NULL, tree};
	bool		memory;

	g.rows = malloc(n * sizeof(size_t));
	g.cuts = malloc((p + 1) * CUTS * sizeof(float));
	g.n_cuts = malloc((p + 1) * sizeof(int));
	memory = g.rows != NULL && g.cuts != NULL && g.n_cuts != NULL;
	memset(tree, 0, sizeof(*tree));
	for (size_t i = 0; memory && i < n; i++)
		g.rows[i] = i;
	for (size_t i = 0; memory && i < p; i++)
	{
		g.n_cuts[i] = find_cuts(features, n, p, i, g.cuts + i * CUTS);
		memory = g.n_cuts[i] >= 0;
	}
	if (memory)
	{
		tree->n_nodes = 1;
		grow(&g, 0, 0, n, 0);
	}
	free(g.rows);
	free(g.cuts);
	free(g.n_cuts);
	return memory;
}

int
mlops_loss_tree_leaf(const MlopsLossTree *tree, const float *features)
{
	int			at = 0;

	while (tree->nodes[at].feature >= 0)
		at = tree->nodes[at].left + !goes_left(&tree->nodes[at], features);
	return at;
}

double
mlops_loss_tree_mean(const MlopsLossTree *tree, const size_t *rows,
					 double *error)
{
	double		n = 0;
	double		mean = 0;
	double		variance = 0;

	for (int i = 0; i < tree->n_nodes; i++)
		n += rows[i];
	for (int i = 0; i < tree->n_nodes; i++)
	{
		const MlopsLossNode *leaf = &tree->nodes[i];
		double		share = rows[i] / n;

		if (rows[i] == 0)
			continue;
		mean += share * leaf->mean;
		variance += share * leaf->variance / n +
			share * share * leaf->variance / leaf->n;
	}
	*error = sqrt(variance);
	return mean;
}

/* qsort() comparator of floats. */
static int
compare(const void *a, const void *b)
{
	float		x = *(const float *) a;
	float		y = *(const float *) b;

	return (x > y) - (x < y);
}

/* Distinct quantiles of a feature; how many, -1: out of memory. */
static int
find_cuts(const float *features, size_t n, size_t p, size_t feature,
		  float *cuts)
{
	size_t		step = 1 + (n - 1) / SAMPLE;
	float	   *values = malloc((n / step + 1) * sizeof(float));
	size_t		m = 0;
	int			n_cuts = 0;

	if (values == NULL)
		return -1;
	for (size_t i = 0; i < n; i += step)
		if (!isnan(features[i * p + feature]))
			values[m++] = features[i * p + feature];
	qsort(values, m, sizeof(float), compare);
	for (int i = 1; i <= CUTS && m > 0; i++)
	{
		float		cut = values[i * (m - 1) / (CUTS + 1) + (m > 1)];

		if (cut > values[0] && (n_cuts == 0 || cut > cuts[n_cuts - 1]))
			cuts[n_cuts++] = cut;
	}
	free(values);
	return n_cuts;
}

/* Number, mean and variance of a node's losses. */
static void
describe(Growing *g, MlopsLossNode *node, size_t first, size_t count)
{
	double		mean = 0;
	double		squares = 0;

	for (size_t i = 0; i < count; i++)
	{
		double		x = g->loss[g->rows[first + i]];
		double		before = x - mean;

		mean += before / (i + 1);
		squares += before * (x - mean);
	}
	node->feature = -1;
	node->n = count;
	node->mean = mean;
	node->variance = count > 1 ? squares / (count - 1) : NAN;
}

/* Describe a node, and split it if that explains enough. */
static void
grow(Growing *g, int at, size_t first, size_t count, int depth)
{
	MlopsLossNode *node = &g->tree->nodes[at];
	Split		best = {0, -1, 0, false};
	double		rest;
	size_t		middle = first;

	describe(g, node, first, count);
	if (depth == MLOPS_LOSS_DEPTH || count < 2 * g->least)
		return;
	for (size_t i = 0; i < g->p; i++)
		try_feature(g, first, count, i, &best);
	rest = node->variance * (count - 1) - best.gain;
	if (best.feature < 0 || best.gain * (count - 2) < LEAST_RATIO * rest)
		return;

	node->feature = best.feature;
	node->cut = best.cut;
	node->missing_left = best.missing_left;
	node->left = g->tree->n_nodes;
	g->tree->n_nodes += 2;
	for (size_t i = first; i < first + count; i++)
	{
		size_t		row = g->rows[i];

		if (!goes_left(node, g->features + row * g->p))
			continue;
		g->rows[i] = g->rows[middle];
		g->rows[middle++] = row;
	}
	grow(g, node->left, first, middle - first, depth + 1);
	grow(g, node->left + 1, middle, first + count - middle, depth + 1);
}

/* Hold the cuts of a feature against the best split so far. */
static void
try_feature(const Growing *g, size_t first, size_t count, size_t feature,
			Split *best)
{
	const float *cuts = g->cuts + feature * CUTS;
	int			n_cuts = g->n_cuts[feature];
	Total		bins[CUTS + 1] = {{0}};
	Total		missing = {0};
	Total		known = {0};
	Total		left = {0};

	for (size_t i = first; i < first + count; i++)
	{
		size_t		row = g->rows[i];
		float		value = g->features[row * g->p + feature];
		Total	   *bin = &missing;

		if (!isnan(value))
		{
			int			low = 0;
			int			high = n_cuts;

			while (low < high)
			{
				int			middle = (low + high) / 2;

				if (value < cuts[middle])
					high = middle;
				else
					low = middle + 1;
			}
			bin = &bins[low];
		}
		bin->n += 1;
		bin->sum += g->loss[row];
	}
	for (int i = 0; i <= n_cuts; i++)
	{
		known.n += bins[i].n;
		known.sum += bins[i].sum;
	}
	/* what is missing against all others */
	if (missing.n >= g->least && known.n >= g->least &&
		explained(known, missing) > best->gain)
		*best = (Split) {explained(known, missing), (int) feature, INFINITY,
		false};
	for (int i = 0; i < n_cuts; i++)
	{
		left.n += bins[i].n;
		left.sum += bins[i].sum;
		for (int side = 0; side < (missing.n > 0 ? 2 : 1); side++)
		{
			Total		a = left;
			Total		b = {known.n - left.n, known.sum - left.sum};
			Total	   *with = side ? &a : &b;
			double		gain;

			with->n += missing.n;
			with->sum += missing.sum;
			if (a.n < g->least || b.n < g->least)
				continue;
			gain = explained(a, b);
			if (gain > best->gain)
				*best = (Split) {gain, (int) feature, cuts[i], side};
		}
	}
}

/* The squares that two means explain more than one. */
static double
explained(Total left, Total right)
{
	double		distance = left.sum / left.n - right.sum / right.n;

	return distance * distance * left.n * right.n / (left.n + right.n);
}

/* Which way a row goes. */
static bool
goes_left(const MlopsLossNode *node, const float *features)
{
	float		value = features[node->feature];

	return isnan(value) ? node->missing_left : value < node->cut;
}
