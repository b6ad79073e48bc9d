/*
 * objectives.h
 *		What XGBoost can be told to learn: objectives and their metrics.
 */
#ifndef MLOPS_OBJECTIVES_H
#define MLOPS_OBJECTIVES_H

#include "data/dataset.h"

/* How predictions come from margins, and with them the base score. */
typedef enum MlopsLink
{
	MLOPS_LINK_IDENTITY,
	MLOPS_LINK_LOGIT,
	MLOPS_LINK_LOG
} MlopsLink;

/* The base score unless one is given. */
typedef enum MlopsBaseScore
{
	MLOPS_BASE_MEAN,			/* of the labels to train on */
	MLOPS_BASE_LOGIT,			/* the logit of that mean */
	MLOPS_BASE_NEUTRAL,			/* the one whose margin is 0 */
	MLOPS_BASE_HALF,			/* 0.5, which is the same for all classes */
	MLOPS_BASE_LIBRARY			/* it fits one that belongs to the leaves */
} MlopsBaseScore;

typedef struct MlopsObjective
{
	const char *name;			/* XGBoost's */
	MlopsTask	task;
	MlopsLabelRange labels;
	MlopsLink	link;
	MlopsBaseScore base_score;
	const char *metric;			/* the default one */
	const char *metrics;		/* allowed, blanks between and at both ends; one
								 * that ends with @ takes a number */
	const char *criterion;		/* what versions are compared by */
	int			since;			/* version of the library, 200 is 2.0; or 0 */
} MlopsObjective;

/* The objective of that name; 22023 with the nearest one if there is none. */
extern const MlopsObjective *mlops_objective_named(const char *name);

/* The same, but NULL if there is none. */
extern const MlopsObjective *mlops_objective_known(const char *name);

/* What a task means unless an objective is given. */
extern const MlopsObjective *mlops_objective_default(MlopsTask task);

/* The names of all objectives of the task, for a hint; palloc'd. */
extern char *mlops_objective_list(MlopsTask task);

/* 22023 unless the metric can be taken of the objective's predictions. */
extern void mlops_objective_check_metric(const MlopsObjective *objective,
										 const char *metric);

/* Whether XGBoost's metric is better when larger. */
extern bool mlops_library_metric_maximized(const char *metric);

/*
 * The base score of a training, given the mean of its labels; NAN: leave it
 * to the library.  neutral: base margins take its place.
 */
extern double mlops_objective_base_score(const MlopsObjective *objective,
										 double label_mean, bool neutral);

#endif							/* MLOPS_OBJECTIVES_H */
