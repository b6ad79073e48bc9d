/*
 * method.h
 *		The figures and verdicts that other tools would give.
 */
#ifndef MLOPS_METHOD_H
#define MLOPS_METHOD_H

#include "watch/figures.h"

typedef enum MlopsDriftMethod
{
	MLOPS_METHOD_OWN,
	MLOPS_METHOD_EVIDENTLY,
	MLOPS_METHOD_NANNYML,
	MLOPS_METHOD_MLRUN,
	MLOPS_METHOD_TFDV
} MlopsDriftMethod;

/* By its name, NULL being our own; 22023 if there is none. */
extern MlopsDriftMethod mlops_drift_method(const char *name);

/* Can it do with a stored baseline? */
extern bool mlops_drift_method_stored(MlopsDriftMethod method);

/*
 * Put the tool's figures in place of ours (what it does not know becomes
 * NaN), and decide as it does; thresholds that are given win.
 */
extern void mlops_drift_method_apply(MlopsDriftMethod method,
									 const MlopsDriftOptions *options,
									 const MlopsDriftReference *reference,
									 const MlopsTally *window,
									 const MlopsDriftRows *rows, int column,
									 MlopsDriftFigures *figures);

/*
 * MLRun's verdict on the whole, by the mean over numbers; that and the bound
 * it was held against go to *mean and *bound.
 */
extern MlopsDriftStatus
			mlops_drift_method_mlrun(const MlopsDriftFigures *figures, int n,
									 double *mean, double *bound);

#endif							/* MLOPS_METHOD_H */
