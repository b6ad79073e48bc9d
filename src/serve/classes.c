/*
 * classes.c
 *		Outputs of a classifier, and the classes that they stand for.
 *
 * Two classes have one output, the probability of the second one or, with
 * binary:logitraw, its logit; more have one for each.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "serve/call_site.h"
#include "utils/array.h"

static bool is_raw(const MlopsVersion *version);

void
mlops_class_require(const MlopsPlace *place)
{
	if (place->predictor->version->n_classes == 0)
	{
		mlops_place_count_error(place);
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("model \"%s\" predicts numbers, not classes",
						place->reference.model),
				 errhint("Use mlops.predict().")));
	}
}

int
mlops_class_find(const MlopsVersion *version, const char *model,
				 const char *label)
{
	for (int i = 0; i < version->n_classes; i++)
		if (strcmp(version->classes[i], label) == 0)
			return i;
	if (version->n_classes == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("model \"%s\" predicts numbers, not classes", model),
				 errhint("Leave out the label.")));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("model \"%s\" has no class \"%s\"", model, label),
			 errhint("mlops.classes() lists the classes.")));
}

int
mlops_class_choose(const MlopsPlace *place, const char *label)
{
	const MlopsVersion *version = place->predictor->version;

	if (label != NULL)
		return mlops_class_find(version, place->reference.model, label);
	if (version->n_classes > 2)
		return mlops_class_predicted(version, place->outputs);
	return version->n_classes - 1;
}

/* Binary: by 0.5.  Otherwise the most probable, the first of equals. */
int
mlops_class_predicted(const MlopsVersion *version, const float *outputs)
{
	int			best = 0;

	if (version->n_classes == 2)
		return outputs[0] > (is_raw(version) ? 0.0f : 0.5f) ? 1 : 0;
	for (int i = 1; i < version->n_classes; i++)
		if (outputs[i] > outputs[best])
			best = i;
	return best;
}

double
mlops_class_probability(const MlopsVersion *version, const float *outputs,
						int class)
{
	if (version->n_classes > 2)
		return (double) outputs[class];
	if (is_raw(version))
		return 1 / (1 + exp(class == 1 ? -(double) outputs[0] :
							(double) outputs[0]));
	return class == 1 ? (double) outputs[0] : 1.0 - (double) outputs[0];
}

ArrayType *
mlops_class_probabilities(const MlopsVersion *version, const float *outputs)
{
	int			n = version->n_classes;
	Datum	   *probabilities = palloc(sizeof(Datum) * n);

	for (int i = 0; i < n; i++)
		probabilities[i] =
			Float8GetDatum(mlops_class_probability(version, outputs, i));
	return construct_array(probabilities, n, FLOAT8OID, sizeof(float8),
						   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
}

double
mlops_outcome(const MlopsVersion *version, const float *outputs, int class)
{
	return class < 0 ? (double) outputs[0] :
		mlops_class_probability(version, outputs, class);
}

/* Whether the output of a binary version is the logit of a probability. */
static bool
is_raw(const MlopsVersion *version)
{
	return strcmp(version->objective, "binary:logitraw") == 0;
}
