/*
 * importance.c
 *		Which features a version goes by, over all.
 *
 * Splits, gains and covers are those of the model file, as python3-xgboost's
 * get_score() has them.  With a source also the mean size of the contributions
 * over its rows, summed over the outputs.
 */
#include "postgres.h"

#include <math.h>
#include <stdlib.h>

#include "base/base.h"
#include "data/reader.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "serve/explain.h"
#include "serve/importance.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(mlops_importance);

/* What is gathered from the rows of a source. */
typedef struct Contributions
{
	MlopsExplainer *explainer;
	int			n_features;
	int			n_outputs;
	double	   *row;			/* as mlops_explain() gives them */
	double	   *sum;			/* [n_features], of their sizes */
} Contributions;

/* What features are sorted by. */
typedef struct Ranking
{
	const double *shap;			/* NULL: there was no source */
	const MlopsImportance *importance;
	bool		linear;
} Ranking;

static double *mean_contributions(const MlopsPredictor *predictor,
								  const char *source);
static void take_row(const MlopsReaderRow *row, void *arg);
static double gain(const MlopsImportance *importance);
static double rank_value(const Ranking *ranking, int feature);
static int	compare_features(const void *a, const void *b, void *arg);
static void put_row(ReturnSetInfo *result, const char *name,
					const Ranking *ranking, int feature);

/* importance(model model_ref, source text) */
Datum
mlops_importance(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *spelled = mlops_required_text(fcinfo, 0, "model");
	char	   *source = mlops_optional_text(fcinfo, 1);
	MlopsReference reference = mlops_reference_parse(spelled);
	Snapshot	snapshot = GetActiveSnapshot();
	MlopsPredictor *predictor;
	Ranking		ranking = {0};
	int		   *order;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	predictor = mlops_predictor_load(mlops_resolve(&reference, snapshot,
												   MLOPS_READ), snapshot);
	n = predictor->info.n_features;
	ranking.importance = mlops_predictor_importance(predictor, snapshot);
	ranking.linear = strcmp(predictor->info.booster, "gblinear") == 0;
	if (source != NULL)
		ranking.shap = mean_contributions(predictor, source);

	order = palloc(sizeof(int) * n);
	for (int i = 0; i < n; i++)
		order[i] = i;
	qsort_arg(order, n, sizeof(int), compare_features, &ranking);
	for (int i = 0; i < n; i++)
		put_row(result, predictor->signature->feature_names[order[i]],
				&ranking, order[i]);
	return (Datum) 0;
}

MlopsImportance *
mlops_predictor_importance(const MlopsPredictor *predictor,
						   Snapshot snapshot)
{
	const MlopsVersion *version = predictor->version;
	char	   *model = mlops_artefact_load(version->version_id, "model",
											version->model_size, snapshot);
	MlopsForestError error = {""};
	MlopsImportance *importance = NULL;
	MlopsImportance *copy = NULL;
	uint32		n = 0;
	bool		ok = mlops_model_importance(model, version->model_size,
											&importance, &n, &error);

	/* nothing may throw before importance is freed */
	if (ok && n == predictor->info.n_features)
		copy = palloc_extended(sizeof(MlopsImportance) * n,
							   MCXT_ALLOC_NO_OOM);
	if (copy != NULL)
		memcpy(copy, importance, sizeof(MlopsImportance) * n);
	if (ok)
		free(importance);
	if (!ok || n != predictor->info.n_features)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("stored model cannot be read"),
				 ok ? errdetail("It has another number of features than its signature.") :
				 errdetail_internal("%s.", error.message)));
	if (copy == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	return copy;
}

/* Mean sizes of the contributions over the source; NaN without rows. */
static double *
mean_contributions(const MlopsPredictor *predictor, const char *source)
{
	MlopsReaderRequest request = {0};
	Contributions contributions = {0};
	uint64		n_rows;
	int			n = predictor->info.n_features;

	contributions.explainer = mlops_context_explainer(predictor->forest);
	contributions.n_features = n;
	contributions.n_outputs = predictor->info.n_outputs;
	contributions.row = palloc_extended(sizeof(double) *
										contributions.n_outputs * (n + 1),
										MCXT_ALLOC_HUGE);
	contributions.sum = palloc0(sizeof(double) * n);

	request.source = source;
	request.n_predictors = 1;
	request.predictors = &predictor;
	n_rows = mlops_reader_run(mlops_reader_open(&request), take_row,
							  &contributions);
	for (int i = 0; i < n; i++)
		contributions.sum[i] /= n_rows;
	return contributions.sum;
}

/* Callback of the reader: add the contributions of a row. */
static void
take_row(const MlopsReaderRow *row, void *arg)
{
	Contributions *contributions = arg;
	int			n = contributions->n_features;

	CHECK_FOR_INTERRUPTS();
	mlops_explain(contributions->explainer, row->features[0],
				  contributions->row);
	for (int output = 0; output < contributions->n_outputs; output++)
	{
		const double *of_output = contributions->row +
			(Size) output * (n + 1);

		for (int i = 0; i < n; i++)
			contributions->sum[i] += fabs(of_output[i]);
	}
}

/* The mean gain of a feature's splits, 0 if it has none. */
static double
gain(const MlopsImportance *importance)
{
	return importance->weight == 0 ? 0 :
		importance->total_gain / importance->weight;
}

/* What a feature is sorted by; the greatest comes first. */
static double
rank_value(const Ranking *ranking, int feature)
{
	if (ranking->shap != NULL && !isnan(ranking->shap[feature]))
		return ranking->shap[feature];
	if (ranking->linear)
		return fabs(ranking->importance[feature].weight);
	return gain(&ranking->importance[feature]);
}

/* qsort_arg() comparator of features: the greatest first, then in order. */
static int
compare_features(const void *a, const void *b, void *arg)
{
	int			left = *(const int *) a;
	int			right = *(const int *) b;
	double		left_value = rank_value(arg, left);
	double		right_value = rank_value(arg, right);

	if (left_value != right_value)
		return left_value > right_value ? -1 : 1;
	return left - right;
}

/* Return what is known of a feature; linear models have weights only. */
static void
put_row(ReturnSetInfo *result, const char *name, const Ranking *ranking,
		int feature)
{
	const MlopsImportance *importance = &ranking->importance[feature];
	Datum		values[7] = {0};
	bool		nulls[7] = {false};

	values[0] = CStringGetTextDatum(name);
	values[1] = Float8GetDatum(importance->weight);
	values[2] = Float8GetDatum(gain(importance));
	values[3] = Float8GetDatum(importance->weight == 0 ? 0 :
							   importance->total_cover / importance->weight);
	values[4] = Float8GetDatum(importance->total_gain);
	values[5] = Float8GetDatum(importance->total_cover);
	nulls[2] = nulls[3] = nulls[4] = nulls[5] = ranking->linear;
	nulls[6] = ranking->shap == NULL || isnan(ranking->shap[feature]);
	if (!nulls[6])
		values[6] = Float8GetDatum(ranking->shap[feature]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}
