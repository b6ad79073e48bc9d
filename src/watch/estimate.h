/*
 * estimate.h
 *		Metrics that are expected of rows without labels, one by one as
 *		mlops.estimate_performance() returns them.
 */
#ifndef MLOPS_WATCH_ESTIMATE_H
#define MLOPS_WATCH_ESTIMATE_H

/* One metric; valid until the sink returns. */
typedef struct MlopsEstimate
{
	const char *metric;
	double		estimate;		/* NaN, as the numbers below: not defined */
	double		low;
	double		high;
	double		realized;		/* on the reference */
	int64		n;				/* rows of the source */
	const char *note;
} MlopsEstimate;

typedef void (*MlopsEstimateSink) (const MlopsEstimate *estimate, void *arg);

typedef struct MlopsEstimateRequest
{
	const char *model;			/* reference */
	const char *source;
	const char *reference;		/* source with labels */
	const char *target;			/* NULL: what the version was trained on */
	const char *calibration;	/* NULL: isotonic */
	double		confidence;
	MlopsEstimateSink sink;
	void	   *arg;
} MlopsEstimateRequest;

/*
 * Estimate, and hand each metric to the sink.  Needs the privilege predict;
 * errors are those of the function.  Memory is taken from the current
 * context.
 */
extern void mlops_estimate_run(const MlopsEstimateRequest *request);

#endif							/* MLOPS_WATCH_ESTIMATE_H */
