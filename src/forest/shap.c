/*
 * shap.c
 *		Exact Shapley values of the margin (path-dependent TreeSHAP).
 *
 * A leaf is worth value * product over the features of its path of (1 if the
 * row goes that way, the share of the cover that does if it is unknown).
 * The Shapley value of such a product is the integral from 0 to 1 over t of
 * its partial derivative at (t, ..., t): a polynomial, which Gauss-Legendre
 * quadrature integrates exactly.  All factors lie between 0 and 1 and all
 * weights are positive, so nothing cancels.
 *
 * With n features on the longest path n / 2 points are exact.  Polynomials
 * of this kind are within 1e-20 of ones of degree sqrt(46 n), so 3.4 sqrt(n)
 * points are enough in double if that is fewer.  Points are taken four at a
 * time: one pass down a tree (the products) and one up (sums of leaves) give
 * the contributions of all its features.  Time per row is O(nodes * points),
 * memory beside the forest O(nodes + features), whatever the depth: nodes
 * lie level by level (see block.h), so there is no recursion and no stack.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "forest/block.h"
#include "forest/explain.h"
#include "math/cpu.h"

/* Points of the quadrature that are treated at once. */
#define LANES 4

/* Greatest power of two of passes: enough for MLOPS_MAX_FEATURES on a path. */
#define RULES 12

/* Shares below this are none: their products could underflow. */
#define LEAST_SHARE 1e-100

/* Covers of children may differ from their parent's by this part of it. */
#define COVER_TOLERANCE 1e-3

/* A split of which the row left the path above: no way is the row's own. */
#define ASIDE 2

#define NO_SPLIT UINT32_MAX

typedef double Lanes __attribute__((vector_size(LANES * sizeof(double))));

/*
 * A split; the k-th one of a tree has the nodes 2k + 1 and 2k + 2 as its
 * children.  previous is the child of the nearest split by the same feature
 * above, as 2 * split + side; without one it is child 0 of a split after the
 * last, which every row passes and whose share is 1.
 */
typedef struct Split
{
	uint32_t	place;			/* its node in the tree */
	uint32_t	previous;
	uint32_t	slot;			/* as in MlopsNode */
	float		value;
	double		share[2];		/* of the cover, of all splits by the feature */
	double		step[2];		/* of the cover, of this split alone */
	double		scale[2];		/* value of a child that is a leaf, else 1 */
} Split;

/* What the way up needs of the way down; for splits on the row's side. */
typedef struct Factor
{
	Lanes		inverse;		/* of the factor of the child that it takes */
	Lanes		pull;			/* that, times 1 - share */
} Factor;

/* Points t of one pass, with 1 - t and its inverse. */
typedef struct Pass
{
	Lanes		t;
	Lanes		u;
	Lanes		inverse_u;
	Lanes		weight;
} Pass;

/* A tree, in the order in which trees are explained. */
typedef struct Plan
{
	uint64_t	first;			/* of its splits */
	uint32_t	n_splits;
	uint32_t	output;
	uint32_t	rule;			/* it takes 2^rule passes */
} Plan;

struct MlopsExplainer
{
	const MlopsForest *forest;
	double	   *bias;			/* [n_outputs], base score included */
	Split	   *splits;			/* of all trees */
	Plan	   *plans;			/* [n_plans], trees with splits only */
	uint32_t	n_plans;
	Pass	   *rules[RULES];	/* [2^rule], those that occur */
	Lanes	   *values;			/* of the nodes of the tree at hand */
	Factor	   *factors;		/* of its splits, and one more */
	unsigned char *taken;		/* side that the row takes, or ASIDE */
	Lanes	   *sums;			/* [n_features] */
	bool		wide;			/* the machine has vectors of four doubles */
};

/* What is needed while trees are read, at most as large as the largest. */
typedef struct Survey
{
	uint32_t   *last;			/* [n_features]: child of the last split by it */
	uint32_t   *distinct;		/* [nodes]: features above the node */
	uint32_t   *split_of;		/* [nodes]: its split, NO_SPLIT if a leaf */
	double	   *mean;			/* [nodes] */
	unsigned char *state;		/* [splits]: children seen */
} Survey;

static bool allocate(MlopsExplainer *explainer, Survey *survey);
static void *aligned(size_t count, size_t width);
static bool explain_forest(MlopsExplainer *explainer, Survey *survey);
static uint32_t survey_tree(MlopsExplainer *explainer, Survey *survey,
							const MlopsTree *tree, Split *splits);
static void shares(const MlopsNodeStatistics *node,
				   const MlopsNodeStatistics *children, double *step);
static uint32_t link_splits(Split *splits, uint32_t n_splits,
							Survey *survey);
static void multiply(Split *split, const Split *splits, uint32_t none);
static double tree_mean(const MlopsTree *tree, const Split *splits,
						uint32_t n_splits, double *mean);
static uint32_t rule_for(uint32_t n_features);
static void sort_plans(MlopsExplainer *explainer);
static int	compare_plans(const void *a, const void *b);
static bool make_rule(MlopsExplainer *explainer, uint32_t rule);
static void legendre(uint32_t n, uint32_t i, long double *node,
					 long double *weight);
static void explain_linear(const MlopsForest *forest, const float *row,
						   double *contribution);
static void explain_run(MlopsExplainer *explainer, const Plan *plan,
						const Plan *end, const float *row,
						double *contribution);

/*
 * Read a forest for explanations; NULL if out of memory.
 */
MlopsExplainer *
mlops_explainer_create(const MlopsForest *forest)
{
	MlopsExplainer *explainer = calloc(1, sizeof(MlopsExplainer));
	Survey		survey;
	bool		good;

	if (explainer == NULL)
		return NULL;
	memset(&survey, 0, sizeof(survey));
	explainer->forest = forest;
#if defined(__x86_64__)
	explainer->wide = MLOPS_CPU_HAS(AVX, "avx");
#endif
	good = forest->booster == MLOPS_BOOSTER_GBLINEAR ||
		(allocate(explainer, &survey) &&
		 explain_forest(explainer, &survey));
	free(survey.last);
	free(survey.distinct);
	free(survey.split_of);
	free(survey.mean);
	free(survey.state);
	if (good)
		return explainer;
	mlops_explainer_free(explainer);
	return NULL;
}

/*
 * Free what mlops_explainer_create() made; NULL is allowed.
 */
void
mlops_explainer_free(MlopsExplainer *explainer)
{
	int			i;

	if (explainer == NULL)
		return;
	for (i = 0; i < RULES; i++)
		free(explainer->rules[i]);
	free(explainer->bias);
	free(explainer->splits);
	free(explainer->plans);
	free(explainer->values);
	free(explainer->factors);
	free(explainer->taken);
	free(explainer->sums);
	free(explainer);
}

/*
 * Contributions of one row, output by output.
 */
void
mlops_explain(MlopsExplainer *explainer, const float *row,
			  double *contribution)
{
	const MlopsForest *forest = explainer->forest;
	size_t		width = (size_t) forest->n_features + 1;
	const Plan *plan = explainer->plans;
	const Plan *end;
	uint32_t	k;

	if (forest->booster == MLOPS_BOOSTER_GBLINEAR)
	{
		explain_linear(forest, row, contribution);
		return;
	}
	memset(contribution, 0, width * forest->n_outputs * sizeof(double));
	for (k = 0; k < forest->n_outputs; k++)
		contribution[(k + 1) * width - 1] = explainer->bias[k];
	for (; plan < explainer->plans + explainer->n_plans; plan = end)
	{
		for (end = plan; end < explainer->plans + explainer->n_plans &&
			 compare_plans(plan, end) == 0; end++)
			;
		explain_run(explainer, plan, end, row,
					contribution + plan->output * width);
	}
}

/*
 * Make room for everything but the rules; false if out of memory.
 */
static bool
allocate(MlopsExplainer *explainer, Survey *survey)
{
	const MlopsForest *forest = explainer->forest;
	const MlopsTree *trees = mlops_forest_section(forest,
												  MLOPS_SECTION_TREES);
	size_t		largest = 1;
	uint32_t	i;

	for (i = 0; i < forest->n_trees; i++)
		largest = trees[i].count > largest ? trees[i].count : largest;
	explainer->bias = calloc(forest->n_outputs, sizeof(double));
	explainer->splits = aligned(forest->n_nodes / 2 + 1, sizeof(Split));
	explainer->plans = calloc(forest->n_trees + 1, sizeof(Plan));
	explainer->values = aligned(largest, sizeof(Lanes));
	explainer->factors = aligned(largest / 2 + 1, sizeof(Factor));
	explainer->taken = calloc(largest / 2 + 1, 1);
	explainer->sums = aligned(forest->n_features, sizeof(Lanes));
	survey->last = malloc(forest->n_features * sizeof(uint32_t));
	survey->distinct = malloc(largest * sizeof(uint32_t));
	survey->split_of = malloc(largest * sizeof(uint32_t));
	survey->mean = malloc(largest * sizeof(double));
	survey->state = malloc(largest / 2 + 1);
	return explainer->bias && explainer->splits && explainer->plans &&
		explainer->values && explainer->factors && explainer->taken &&
		explainer->sums && survey->last && survey->distinct &&
		survey->split_of && survey->mean && survey->state;
}

/*
 * Memory at a multiple of 64 bytes; NULL if there is none.
 */
static void *
aligned(size_t count, size_t width)
{
	return aligned_alloc(64, (count * width + 63) / 64 * 64);
}

/*
 * Read all trees: their splits, the bias, and the order to explain them in.
 */
static bool
explain_forest(MlopsExplainer *explainer, Survey *survey)
{
	const MlopsForest *forest = explainer->forest;
	const float *base = mlops_forest_section(forest, MLOPS_SECTION_BASE);
	const MlopsTree *trees = mlops_forest_section(forest,
												  MLOPS_SECTION_TREES);
	const MlopsNode *nodes = mlops_forest_section(forest,
												  MLOPS_SECTION_NODES);
	uint64_t	first = 0;
	uint32_t	i;

	for (i = 0; i < forest->n_features; i++)
		survey->last[i] = NO_SPLIT;
	for (i = 0; i < forest->n_outputs; i++)
		explainer->bias[i] = base[i];
	for (i = 0; i < forest->n_trees; i++)
	{
		Plan	   *plan = &explainer->plans[explainer->n_plans];
		Split	   *splits = explainer->splits + first;
		uint32_t	distinct = survey_tree(explainer, survey, &trees[i],
										   splits);

		plan->first = first;
		plan->n_splits = trees[i].count / 2;
		plan->output = trees[i].output;
		plan->rule = rule_for(distinct);
		explainer->bias[plan->output] += plan->n_splits == 0 ?
			nodes[trees[i].first].value :
			tree_mean(&trees[i], splits, plan->n_splits, survey->mean);
		if (plan->n_splits == 0)
			continue;
		if (!make_rule(explainer, plan->rule))
			return false;
		explainer->n_plans++;
		first += plan->n_splits;
	}
	sort_plans(explainer);
	return true;
}

/*
 * Fill the splits of a tree; the most features that a path of it has.
 */
static uint32_t
survey_tree(MlopsExplainer *explainer, Survey *survey, const MlopsTree *tree,
			Split *splits)
{
	const MlopsForest *forest = explainer->forest;
	const MlopsNode *nodes = (const MlopsNode *)
		mlops_forest_section(forest, MLOPS_SECTION_NODES) + tree->first;
	const MlopsNodeStatistics *statistics = (const MlopsNodeStatistics *)
		mlops_forest_section(forest, MLOPS_SECTION_STATISTICS) + tree->first;
	uint32_t	n_splits = 0;
	uint32_t	i;
	int			side;

	for (i = 0; i < tree->count; i++)
	{
		Split	   *split = &splits[n_splits];

		survey->split_of[i] = NO_SPLIT;
		if (nodes[i].left == tree->first + i)
			continue;
		survey->split_of[i] = n_splits;
		split->place = i;
		split->slot = nodes[i].slot;
		split->value = nodes[i].value;
		shares(&statistics[i], &statistics[2 * n_splits + 1], split->step);
		for (side = 0; side < 2; side++)
		{
			uint32_t	child = 2 * n_splits + 1 + side;

			split->scale[side] = nodes[child].left == tree->first + child ?
				nodes[child].value : 1.0;
		}
		n_splits++;
	}
	return link_splits(splits, n_splits, survey);
}

/*
 * The shares of a split's cover that its children have: over the cover of
 * the split, as libxgboost takes it.  Where the children do not add up to it
 * they are taken over their sum, and where that is nothing as halves.
 */
static void
shares(const MlopsNodeStatistics *node, const MlopsNodeStatistics *children,
	   double *step)
{
	double		left = children[0].cover > 0 ? children[0].cover : 0;
	double		right = children[1].cover > 0 ? children[1].cover : 0;
	double		sum = left + right;

	if (fabs(sum - node->cover) <= COVER_TOLERANCE * node->cover)
		sum = node->cover;
	step[0] = sum > 0 ? fmin(left / sum, 1) : 0.5;
	step[1] = sum > 0 ? fmin(right / sum, 1) : 0.5;
}

/*
 * Find for every split the one above it by the same feature, walking the
 * tree in depth with last[] as the state of the path, and multiply shares.
 * Returns the most features on a path; last[] is left as it was.
 */
static uint32_t
link_splits(Split *splits, uint32_t n_splits, Survey *survey)
{
	uint32_t	most = 0;
	uint32_t	at = 0;

	memset(survey->state, 0, n_splits);
	survey->distinct[0] = 0;
	for (;;)
	{
		uint32_t	k = survey->split_of[at];

		if (k != NO_SPLIT && survey->state[k] < 2)
		{
			Split	   *split = &splits[k];
			uint32_t   *last = &survey->last[(split->slot &
											  ~MLOPS_SLOT_CATEGORICAL) / 2];
			uint32_t	side = survey->state[k]++;

			if (side == 0)
			{
				split->previous = *last;
				multiply(split, splits, 2 * n_splits);
			}
			*last = 2 * k + side;
			survey->distinct[2 * k + 1 + side] = survey->distinct[at] +
				(split->previous == 2 * n_splits);
			at = 2 * k + 1 + side;
			continue;
		}
		if (survey->distinct[at] > most)
			most = survey->distinct[at];
		if (k != NO_SPLIT)
			survey->last[(splits[k].slot & ~MLOPS_SLOT_CATEGORICAL) / 2] =
				splits[k].previous == 2 * n_splits ? NO_SPLIT :
				splits[k].previous;
		if (at == 0)
			return most;
		at = splits[(at - 1) / 2].place;
	}
}

/*
 * Shares of a split's children in all splits by its feature on the path, of
 * which previous is the last or NO_SPLIT, which becomes none.
 */
static void
multiply(Split *split, const Split *splits, uint32_t none)
{
	double		above = 1.0;
	int			side;

	if (split->previous == NO_SPLIT)
		split->previous = none;
	else
		above = splits[split->previous / 2].share[split->previous & 1];
	for (side = 0; side < 2; side++)
	{
		split->share[side] = above * split->step[side];
		if (split->share[side] < LEAST_SHARE)
			split->share[side] = 0.0;
	}
}

/*
 * The expected value of a tree that has splits.
 */
static double
tree_mean(const MlopsTree *tree, const Split *splits, uint32_t n_splits,
		  double *mean)
{
	uint32_t	i;

	for (i = 0; i < tree->count; i++)
		mean[i] = 1.0;
	for (i = n_splits; i-- > 0;)
		mean[splits[i].place] =
			mean[2 * i + 1] * splits[i].scale[0] * splits[i].step[0] +
			mean[2 * i + 2] * splits[i].scale[1] * splits[i].step[1];
	return mean[0];
}

/*
 * The rule for paths of this many features; the points are rounded up to
 * LANES * 2^rule.
 */
static uint32_t
rule_for(uint32_t n_features)
{
	double		points = fmin((n_features + 1) / 2,
							  ceil(3.4 * sqrt(n_features)) + 1);
	uint32_t	rule = 0;

	while (LANES * (1u << rule) < points)
		rule++;
	return rule;
}

/*
 * Put trees of the same output and rule together.
 */
static void
sort_plans(MlopsExplainer *explainer)
{
	qsort(explainer->plans, explainer->n_plans, sizeof(Plan), compare_plans);
}

/*
 * By output, then by rule.
 */
static int
compare_plans(const void *a, const void *b)
{
	const Plan *x = a;
	const Plan *y = b;

	if (x->output != y->output)
		return x->output < y->output ? -1 : 1;
	return (x->rule > y->rule) - (x->rule < y->rule);
}

/*
 * Compute the points of a rule, unless it is known; false if out of memory.
 */
static bool
make_rule(MlopsExplainer *explainer, uint32_t rule)
{
	uint32_t	n = LANES * (1u << rule);
	Pass	   *passes;
	uint32_t	i;

	if (explainer->rules[rule] != NULL)
		return true;
	passes = aligned(1u << rule, sizeof(Pass));
	explainer->rules[rule] = passes;
	if (passes == NULL)
		return false;
	for (i = 0; i < n; i++)
	{
		Pass	   *pass = &passes[i / LANES];
		long double node;
		long double weight;

		legendre(n, i, &node, &weight);
		pass->t[i % LANES] = (double) ((1 + node) / 2);
		pass->u[i % LANES] = (double) ((1 - node) / 2);
		pass->inverse_u[i % LANES] = (double) (2 / (1 - node));
		pass->weight[i % LANES] = (double) (weight / 2);
	}
	return true;
}

/*
 * The i-th of n points of the Gauss-Legendre rule on (-1, 1) and its weight,
 * by Newton's method on the recurrence of the polynomials.
 */
static void
legendre(uint32_t n, uint32_t i, long double *node, long double *weight)
{
	long double x = cosl(3.14159265358979323846L * (i + 0.75L) / (n + 0.5L));
	long double slope = 1;
	int			step;

	for (step = 0; step < 20; step++)
	{
		long double before = 1;
		long double value = x;
		long double change;
		uint32_t	k;

		for (k = 2; k <= n; k++)
		{
			long double next = ((2 * k - 1) * x * value -
								(k - 1) * before) / k;

			before = value;
			value = next;
		}
		slope = n * (x * value - before) / (x * x - 1);
		change = value / slope;
		x -= change;
		if (fabsl(change) < 1e-18L)
			break;
	}
	*node = x;
	*weight = 2 / ((1 - x * x) * slope * slope);
}

/*
 * A linear model: each feature that is there adds its weight times its value.
 */
static void
explain_linear(const MlopsForest *forest, const float *row,
			   double *contribution)
{
	const float *weights = mlops_forest_section(forest, MLOPS_SECTION_LINEAR);
	const float *base = mlops_forest_section(forest, MLOPS_SECTION_BASE);
	uint32_t	n_outputs = forest->n_outputs;
	uint32_t	i;
	uint32_t	k;

	for (k = 0; k < n_outputs; k++)
	{
		for (i = 0; i < forest->n_features; i++)
			*contribution++ = isnan(row[i]) ? 0.0 :
				(double) row[i] * weights[(size_t) i * n_outputs + k];
		*contribution++ = (double) base[k] +
			weights[(size_t) forest->n_features * n_outputs + k];
	}
}

/*
 * Down a tree: at every node the product of the factors of its path, at a
 * leaf times its value.  factor[n_splits] and taken[n_splits] stand for the
 * split that is above all others.
 */
static inline __attribute__((always_inline)) void
pass_down(MlopsExplainer *explainer, const Split *splits, uint32_t n_splits,
		  const Pass *pass, const float *row)
{
	Lanes	   *values = explainer->values;
	Factor	   *factors = explainer->factors;
	unsigned char *taken = explainer->taken;
	const Lanes one = {1, 1, 1, 1};
	const Lanes t = pass->t;
	const Lanes u = pass->u;
	uint32_t	k;

	taken[n_splits] = 0;
	factors[n_splits].inverse = one;
	factors[n_splits].pull = one - one;
	values[0] = one;
	for (k = 0; k < n_splits; k++)
	{
		const Split *split = &splits[k];
		Lanes		value = values[split->place];
		Lanes	   *children = &values[2 * k + 1];

		if (taken[split->previous / 2] == (split->previous & 1))
		{
			unsigned	right = mlops_node_goes_right(explainer->forest,
													  split->slot,
													  split->value, row);
			Lanes		factor = t + u * split->share[right];
			Lanes		inverse = one / factor;

			taken[k] = right;
			factors[k].inverse = inverse;
			factors[k].pull = inverse * (1.0 - split->share[right]);
			value *= factors[split->previous / 2].inverse;
			children[right] = value * factor * split->scale[right];
			children[1 - right] = value * u *
				(split->share[1 - right] * split->scale[1 - right]);
		}
		else
		{
			taken[k] = ASIDE;
			children[0] = value * (split->step[0] * split->scale[0]);
			children[1] = value * (split->step[1] * split->scale[1]);
		}
	}
}

/*
 * Up a tree: at every node the sum of its leaves, and from it what each
 * split adds to its feature.  That is derived from the factor of the side
 * taken; what a split above by the same feature took to be its own below
 * this one is taken back.
 */
static inline __attribute__((always_inline)) void
pass_up(MlopsExplainer *explainer, const Split *splits, uint32_t n_splits,
		const Pass *pass)
{
	Lanes	   *values = explainer->values;
	const Factor *factors = explainer->factors;
	const unsigned char *taken = explainer->taken;
	const Lanes inverse_u = pass->inverse_u;
	uint32_t	k;

	for (k = n_splits; k-- > 0;)
	{
		const Split *split = &splits[k];
		const Lanes *children = &values[2 * k + 1];
		Lanes		sum = children[0] + children[1];

		if (taken[k] != ASIDE)
			explainer->sums[(split->slot & ~MLOPS_SLOT_CATEGORICAL) / 2] +=
				factors[k].pull * children[taken[k]] -
				inverse_u * children[1 - taken[k]] -
				factors[split->previous / 2].pull * sum;
		values[split->place] = sum;
	}
}

/*
 * One pass through the trees from plan to end, in two versions for machines
 * with and without vectors of four doubles: the same operations, so the same
 * results.
 */
static inline __attribute__((always_inline)) void
explain_pass(MlopsExplainer *explainer, const Plan *plan, const Plan *end,
			 const Pass *pass, const float *row)
{
	for (; plan < end; plan++)
	{
		const Split *splits = explainer->splits + plan->first;

		pass_down(explainer, splits, plan->n_splits, pass, row);
		pass_up(explainer, splits, plan->n_splits, pass);
	}
}

/* For any machine. */
static void
explain_narrow(MlopsExplainer *explainer, const Plan *plan, const Plan *end,
			   const Pass *pass, const float *row)
{
	explain_pass(explainer, plan, end, pass, row);
}

#if defined(__x86_64__)
/* For machines with AVX. */
static __attribute__((target("avx"))) void
explain_wide(MlopsExplainer *explainer, const Plan *plan, const Plan *end,
			 const Pass *pass, const float *row)
{
	explain_pass(explainer, plan, end, pass, row);
}
#else
#define explain_wide explain_narrow
#endif

/*
 * Add to the contributions of an output those of the trees from plan to end,
 * which have one rule.
 */
static void
explain_run(MlopsExplainer *explainer, const Plan *plan, const Plan *end,
			const float *row, double *contribution)
{
	uint32_t	n_features = explainer->forest->n_features;
	const Pass *pass = explainer->rules[plan->rule];
	const Pass *last = pass + (1u << plan->rule);
	uint32_t	i;

	for (; pass < last; pass++)
	{
		memset(explainer->sums, 0, n_features * sizeof(Lanes));
		if (explainer->wide)
			explain_wide(explainer, plan, end, pass, row);
		else
			explain_narrow(explainer, plan, end, pass, row);
		for (i = 0; i < n_features; i++)
		{
			Lanes		sum = explainer->sums[i] * pass->weight;

			contribution[i] += (sum[0] + sum[1]) + (sum[2] + sum[3]);
		}
	}
}
