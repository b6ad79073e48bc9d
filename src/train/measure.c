/*
 * measure.c
 *		Which metrics fit a stored version, and what they are on some rows.
 *
 * The power of a tweedie deviance and the quantile of a quantile loss are
 * read from the model itself, so that they are right for imported models as
 * well.  No row and no model makes them fail: where the model does not say,
 * the library's default holds.
 */
#include "postgres.h"

#include <math.h>

#include "base/base.h"
#include "forest/value.h"
#include "train/measure.h"

static MlopsTask task_of(const char *name);
static double model_parameter(const MlopsPredictor *predictor,
							  Snapshot snapshot, const char *group,
							  const char *name, double fallback);
static bool read_parameter(const MlopsDocument *document, const char *group,
						   const char *name, double *value);

MlopsMeasure
mlops_measure_of(const MlopsPredictor *predictor, Snapshot snapshot)
{
	const char *objective = predictor->info.objective;
	MlopsMeasure measure = {0};

	measure.task = task_of(predictor->version->task);
	measure.n_classes = predictor->version->n_classes;
	measure.n_outputs = predictor->info.n_outputs;
	measure.reverse = (strcmp(objective, "survival:cox") == 0);
	measure.margins = (measure.task == MLOPS_BINARY &&
					   strcmp(objective, "binary:logitraw") == 0);
	if (measure.task != MLOPS_REGRESSION)
		return measure;

	if (strcmp(objective, "count:poisson") == 0)
		measure.parameter = 1;
	else if (strcmp(objective, "reg:gamma") == 0)
		measure.parameter = 2;
	else if (strcmp(objective, "reg:tweedie") == 0)
		measure.parameter = model_parameter(predictor, snapshot,
											"tweedie_regression_param",
											"tweedie_variance_power", 1.5);
	if (measure.parameter > 0)
		measure.family = MLOPS_FAMILY_DEVIANCE;
	if (strcmp(objective, "reg:quantileerror") == 0)
	{
		measure.family = MLOPS_FAMILY_QUANTILE;
		measure.parameter = model_parameter(predictor, snapshot,
											"quantile_loss_param",
											"quantile_alpha", 0.5);
	}
	return measure;
}

int
mlops_measure(const MlopsMeasure *measure, const MlopsRows *rows,
			  const float *outputs, MlopsMetric metrics[MLOPS_MAX_METRICS])
{
	const float *label = rows->label;
	const float *weight = rows->weight;
	size_t		n = rows->n;
	int			n_metrics = -1;

	switch (measure->task)
	{
		case MLOPS_BINARY:
			n_metrics = mlops_metrics_binary(label, outputs, weight, n,
											 metrics);
			break;
		case MLOPS_MULTICLASS:
			n_metrics = mlops_metrics_multiclass(label, outputs,
												 measure->n_classes, weight,
												 n, metrics);
			break;
		case MLOPS_REGRESSION:
			if (measure->family == MLOPS_FAMILY_DEVIANCE)
				n_metrics = mlops_metrics_deviance(label, outputs, weight, n,
												   measure->parameter,
												   metrics);
			else if (measure->family == MLOPS_FAMILY_QUANTILE)
				n_metrics = mlops_metrics_quantile(label, outputs, weight, n,
												   measure->parameter,
												   metrics);
			else
				n_metrics = mlops_metrics_regression(label, outputs, weight,
													 n, metrics);
			break;
		case MLOPS_RANKING:
			n_metrics = mlops_metrics_ranking(label, outputs, rows->group,
											  weight, n, metrics);
			break;
		case MLOPS_SURVIVAL:
			n_metrics = mlops_metrics_survival(label, rows->upper, outputs,
											   measure->reverse, weight, n,
											   metrics);
			break;
	}
	if (n_metrics < 0)
		mlops_out_of_memory();
	return n_metrics;
}

bool
mlops_measure_hit(const MlopsMeasure *measure, float label,
				  const float *outputs)
{
	return mlops_measure_class(measure, outputs, 0.5) == (int) label;
}

int
mlops_measure_class(const MlopsMeasure *measure, const float *outputs,
					double threshold)
{
	int			best = 0;

	if (measure->n_outputs == 1)
		return (double) outputs[0] > threshold ? 1 : 0;
	for (int i = 1; i < measure->n_outputs; i++)
		if (outputs[i] > outputs[best])
			best = i;
	return best;
}

MlopsUnits
mlops_units_of(const MlopsRows *rows)
{
	MlopsUnits	units = {rows->n, NULL};

	if (rows->group == NULL)
		return units;
	units.n = 0;
	units.starts = palloc_extended(sizeof(size_t) * (rows->n + 1),
								   MCXT_ALLOC_HUGE);
	for (size_t i = 0; i < rows->n; i++)
		if (i == 0 || rows->group[i] != rows->group[i - 1])
			units.starts[units.n++] = i;
	units.starts[units.n] = rows->n;
	return units;
}

/*
 * The task of a stored name.
 */
static MlopsTask
task_of(const char *name)
{
	static const char *const names[] = {
		"binary", "multiclass", "regression", "ranking", "survival"
	};

	for (int i = 0; i < lengthof(names); i++)
		if (strcmp(name, names[i]) == 0)
			return (MlopsTask) i;
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("version has the unknown task \"%s\"", name)));
}

/*
 * A parameter of the objective, as the stored model has it.
 */
static double
model_parameter(const MlopsPredictor *predictor, Snapshot snapshot,
				const char *group, const char *name, double fallback)
{
	const MlopsVersion *version = predictor->version;
	char	   *model = mlops_artefact_load(version->version_id, "model",
											version->model_size, snapshot);
	MlopsDocument document;
	MlopsForestError error;
	double		value;

	/* nothing may throw before the document is freed */
	if (!mlops_document_read(&document, model, version->model_size, &error))
		return fallback;
	if (!read_parameter(&document, group, name, &value))
		value = fallback;
	mlops_document_free(&document);
	return value;
}

/*
 * The number in a string member of learner.objective.group, which may stand
 * in brackets; false if there is none.
 */
static bool
read_parameter(const MlopsDocument *document, const char *group,
			   const char *name, double *value)
{
	const MlopsValue *node = &document->nodes[0];
	const char *const path[] = {"learner", "objective", group, name};
	char		text[64];
	const char *start;
	char	   *end;
	size_t		length;

	for (int i = 0; i < lengthof(path); i++)
		node = mlops_value_member(document, node, path[i]);
	if (node == NULL || node->kind != MLOPS_VALUE_STRING)
		return false;
	length = Min(node->data.length, sizeof(text) - 1);
	memcpy(text, mlops_document_text(document, node->data), length);
	text[length] = '\0';
	start = text + strspn(text, "[ ");
	*value = strtod(start, &end);
	return end != start && isfinite(*value);
}
