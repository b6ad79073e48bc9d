/*
 * objective.c
 *		What each objective of XGBoost does to base score and margin.
 *
 * Blocks store an objective by its place in the table: append only.
 */
#include <math.h>
#include <string.h>

#include "forest/objective.h"

/* The smallest distance that libxgboost keeps from 0 and 1. */
#define SMALL_STEP 1e-6f

typedef struct Objective
{
	const char *name;
	MlopsTransform transform;
} Objective;

static const Objective objectives[] = {
	{"reg:squarederror", MLOPS_TRANSFORM_IDENTITY},
	{"reg:squaredlogerror", MLOPS_TRANSFORM_IDENTITY},
	{"reg:absoluteerror", MLOPS_TRANSFORM_IDENTITY},
	{"reg:pseudohubererror", MLOPS_TRANSFORM_IDENTITY},
	{"reg:quantileerror", MLOPS_TRANSFORM_IDENTITY},
	{"reg:expectileerror", MLOPS_TRANSFORM_EXPECTILE},
	{"reg:logistic", MLOPS_TRANSFORM_SIGMOID},
	{"reg:gamma", MLOPS_TRANSFORM_EXP},
	{"reg:tweedie", MLOPS_TRANSFORM_EXP},
	{"binary:logistic", MLOPS_TRANSFORM_SIGMOID},
	{"binary:logitraw", MLOPS_TRANSFORM_IDENTITY},
	{"binary:hinge", MLOPS_TRANSFORM_STEP},
	{"count:poisson", MLOPS_TRANSFORM_EXP},
	{"survival:cox", MLOPS_TRANSFORM_EXP},
	{"survival:aft", MLOPS_TRANSFORM_EXP_DOUBLE},
	{"multi:softprob", MLOPS_TRANSFORM_SOFTMAX},
	{"multi:softmax", MLOPS_TRANSFORM_SOFTMAX},
	{"rank:pairwise", MLOPS_TRANSFORM_IDENTITY},
	{"rank:ndcg", MLOPS_TRANSFORM_IDENTITY},
	{"rank:map", MLOPS_TRANSFORM_IDENTITY},
};

static float sigmoid(float margin);
static void softmax(float *output, uint32_t count);
static void increments(float *scores, uint32_t count);
static void expectiles(float *output, uint32_t count);

/*
 * Find an objective by its name, which need not be terminated.
 */
int
mlops_objective_find(const char *name, size_t length)
{
	int			i;

	for (i = 0; i < mlops_objective_count(); i++)
	{
		if (strlen(objectives[i].name) == length &&
			memcmp(objectives[i].name, name, length) == 0)
			return i;
	}
	return -1;
}

/*
 * Number of objectives known.
 */
int
mlops_objective_count(void)
{
	return sizeof(objectives) / sizeof(objectives[0]);
}

/*
 * Name by number.
 */
const char *
mlops_objective_name(int code)
{
	return objectives[code].name;
}

/*
 * Transformation by number.
 */
MlopsTransform
mlops_objective_transform(int code)
{
	return objectives[code].transform;
}

/*
 * Base scores, which are stored as predictions, to margins.
 */
bool
mlops_objective_margins(int code, bool clamp, float *scores, uint32_t count)
{
	MlopsTransform transform = objectives[code].transform;
	uint32_t	i;

	if (transform == MLOPS_TRANSFORM_EXPECTILE)
	{
		increments(scores, count);
		return true;
	}
	for (i = 0; i < count; i++)
	{
		float		score = scores[i];

		if (transform == MLOPS_TRANSFORM_SIGMOID)
		{
			if (clamp && score >= 0.0f && score <= 1.0f)
				score = fminf(fmaxf(score, SMALL_STEP), 1.0f - SMALL_STEP);
			if (!(score > 0.0f && score < 1.0f))
				return false;
			scores[i] = -logf(1.0f / score - 1.0f);
		}
		else if (transform == MLOPS_TRANSFORM_EXP ||
				 transform == MLOPS_TRANSFORM_EXP_DOUBLE)
		{
			if (!(score > 0.0f))
				return false;
			scores[i] = logf(score);
		}
		if (!isfinite(scores[i]))
			return false;
	}
	return true;
}

/*
 * Margins of one row to predictions.  Survival times go through the exp() of
 * doubles in libxgboost, alone among its objectives.
 */
void
mlops_objective_predict(int code, float *output, uint32_t count)
{
	MlopsTransform transform = objectives[code].transform;
	uint32_t	i;

	if (transform == MLOPS_TRANSFORM_IDENTITY)
		return;
	if (transform == MLOPS_TRANSFORM_SOFTMAX)
		softmax(output, count);
	else if (transform == MLOPS_TRANSFORM_EXPECTILE)
		expectiles(output, count);
	else
	{
		for (i = 0; i < count; i++)
		{
			if (transform == MLOPS_TRANSFORM_SIGMOID)
				output[i] = sigmoid(output[i]);
			else if (transform == MLOPS_TRANSFORM_EXP)
				output[i] = expf(output[i]);
			else if (transform == MLOPS_TRANSFORM_EXP_DOUBLE)
				output[i] = (float) exp(output[i]);
			else
				output[i] = output[i] > 0.0f ? 1.0f : 0.0f;
		}
	}
}

/*
 * 1 / (1 + exp(-margin)), the exponent bounded so that nothing overflows.
 */
static float
sigmoid(float margin)
{
	float		x = -margin;

	if (88.7f < x)
		x = 88.7f;
	return 1.0f / (expf(x) + 1.0f + 1e-16f);
}

/*
 * Softmax relative to the largest margin, summed in double.
 */
static void
softmax(float *output, uint32_t count)
{
	float		largest = output[0];
	double		sum = 0.0;
	uint32_t	i;

	for (i = 1; i < count; i++)
		largest = fmaxf(output[i], largest);
	for (i = 0; i < count; i++)
	{
		output[i] = expf(output[i] - largest);
		sum += output[i];
	}
	for (i = 0; i < count; i++)
		output[i] /= (float) sum;
}

/*
 * Expectiles are modelled as increments behind a softplus, so that they never
 * cross; here the base scores, from last to first.
 */
static void
increments(float *scores, uint32_t count)
{
	uint32_t	i;

	for (i = count - 1; i > 0; i--)
	{
		float		gap = scores[i] - scores[i - 1] - SMALL_STEP;

		if (gap < SMALL_STEP)
			gap = SMALL_STEP;
		scores[i] = gap + logf(-expm1f(-gap));
	}
}

/*
 * The inverse: sum of the increments' softplus.
 */
static void
expectiles(float *output, uint32_t count)
{
	float		sum = output[0];
	uint32_t	i;

	for (i = 1; i < count; i++)
	{
		float		x = output[i];
		float		softplus = x > 0.0f ? x + log1pf(expf(-x)) :
			log1pf(expf(x));

		sum += SMALL_STEP + softplus;
		output[i] = sum;
	}
}
