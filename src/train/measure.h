/*
 * measure.h
 *		Which metrics fit a stored version, and what they are on some rows.
 */
#ifndef MLOPS_MEASURE_H
#define MLOPS_MEASURE_H

#include "data/dataset.h"
#include "data/predictor.h"
#include "math/metrics.h"

/* Families of metrics of numbers. */
typedef enum MlopsFamily
{
	MLOPS_FAMILY_PLAIN,			/* the metrics of the task */
	MLOPS_FAMILY_DEVIANCE,		/* counts, gamma, tweedie */
	MLOPS_FAMILY_QUANTILE
} MlopsFamily;

typedef struct MlopsMeasure
{
	MlopsTask	task;
	MlopsFamily family;
	int			n_classes;
	int			n_outputs;
	double		parameter;		/* power of a deviance, or the quantile */
	bool		reverse;		/* survival: a hazard, not a time */
	bool		margins;		/* binary: log odds are predicted */
} MlopsMeasure;

/* Rows to measure; the arrays are not owned. */
typedef struct MlopsRows
{
	size_t		n;
	const float *label;			/* number, or index of a class */
	const float *upper;			/* survival, else NULL */
	const float *weight;		/* or NULL */
	const unsigned *group;		/* ranking, else NULL */
} MlopsRows;

/*
 * What a metric is a mean over: rows, or query groups.  starts has n + 1
 * entries, of groups' first rows; NULL if units are rows.
 */
typedef struct MlopsUnits
{
	size_t		n;
	size_t	   *starts;
} MlopsUnits;

/* The units of the rows, palloc'd. */
extern MlopsUnits mlops_units_of(const MlopsRows *rows);

/* What fits the version; reads parameters of the objective from its model. */
extern MlopsMeasure mlops_measure_of(const MlopsPredictor *predictor,
									 Snapshot snapshot);

/*
 * All metrics of the rows from outputs[n x n_outputs]; their number.  NaN
 * where not defined.  The number and order do not depend on the rows.
 */
extern int	mlops_measure(const MlopsMeasure *measure, const MlopsRows *rows,
						  const float *outputs,
						  MlopsMetric metrics[MLOPS_MAX_METRICS]);

/* Is the class that outputs predict the label's?  Classification only. */
extern bool mlops_measure_hit(const MlopsMeasure *measure, float label,
							  const float *outputs);

/* The class that outputs[n_outputs] predict; over the threshold if binary. */
extern int	mlops_measure_class(const MlopsMeasure *measure,
								const float *outputs, double threshold);

#endif							/* MLOPS_MEASURE_H */
