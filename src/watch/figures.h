/*
 * figures.h
 *		What drift looks like in one column: figures, and what decides.
 */
#ifndef MLOPS_FIGURES_H
#define MLOPS_FIGURES_H

#include "math/distance.h"
#include "math/ecdf.h"
#include "utils/jsonb.h"
#include "watch/tally.h"

typedef enum MlopsFigure
{
	MLOPS_FIGURE_PSI,
	MLOPS_FIGURE_JS,
	MLOPS_FIGURE_HELLINGER,
	MLOPS_FIGURE_TV,
	MLOPS_FIGURE_KL,
	MLOPS_FIGURE_LINF,
	MLOPS_FIGURE_WASSERSTEIN,
	MLOPS_FIGURE_WASSERSTEIN_STD,
	MLOPS_FIGURE_KS,
	MLOPS_FIGURE_CHI2,
	MLOPS_FIGURE_CRAMERS_V,
	MLOPS_FIGURE_P_VALUE,
	MLOPS_FIGURE_P_ADJUSTED,
	MLOPS_FIGURES,
	/* rates, which have thresholds as well */
	MLOPS_RATE_MISSING = MLOPS_FIGURES,
	MLOPS_RATE_UNSEEN,
	MLOPS_RATE_OUT_OF_RANGE,
	MLOPS_DECIDERS
} MlopsFigure;

/* As they are called in SQL. */
extern const char *const mlops_figure_names[MLOPS_DECIDERS];

typedef enum MlopsDriftStatus
{
	MLOPS_DRIFT_INSUFFICIENT,
	MLOPS_DRIFT_NONE,
	MLOPS_DRIFT_POTENTIAL,
	MLOPS_DRIFT_DETECTED
} MlopsDriftStatus;

/* What a figure is held against; NaN: not at all. */
typedef struct MlopsThreshold
{
	double		potential;
	double		detected;
} MlopsThreshold;

/* Those of one column. */
typedef struct MlopsThresholds
{
	MlopsThreshold of[MLOPS_DECIDERS];
} MlopsThresholds;

typedef struct MlopsDriftOptions
{
	MlopsThreshold threshold[MLOPS_DECIDERS];
	bool		given[MLOPS_DECIDERS];	/* by the caller */
	bool		learned[MLOPS_DECIDERS];	/* from parts of the reference */
	double		min_rows;
	double		drift_share;	/* of importance, for the whole to drift */
} MlopsDriftOptions;

/* One column, held against its reference. */
typedef struct MlopsDriftFigures
{
	const MlopsWindowColumn *column;
	MlopsDriftStatus status;
	const char *metric;			/* what decided, or would have */
	double		value;			/* of it */
	double		bound;			/* it was held against */
	/* the same of each figure alone; NaN: it was not held against anything */
	MlopsDriftStatus each[MLOPS_DECIDERS];
	double		each_bound[MLOPS_DECIDERS];
	double		figure[MLOPS_FIGURES];	/* NaN: none */
	bool		exact;			/* KS and Wasserstein are */
	int64		n;				/* rows, missing ones included */
	int64		n_reference;
	double		missing;		/* share of rows */
	double		missing_reference;
	double		unseen;			/* shares of what is not missing; NaN: none */
	double		out_of_range;
	double		outside;		/* part of Wasserstein that these make */
	double		importance;		/* share of all; NaN: none */
	/* what the figures came from: counts by bin */
	int			n_bins;
	double	   *reference;
	double	   *current;
	int			n_rare;			/* PSI merges these where rare, by share */
	double		rare;
	int			dof;			/* of chi2 */
	const double *quantile;		/* [101] of a number's reference */
	double		stddev;
} MlopsDriftFigures;

/*
 * The categories of a reference, by slots: those kept, all others, missing.
 * What the reference has not goes to the others: with many rare categories
 * some are always new.
 */
typedef struct MlopsDriftCategories
{
	int			n_kept;			/* at most MLOPS_DRIFT_KEPT */
	double		count[MLOPS_DISTANCE_BINS];
	int			n_codes;
	int		   *slot;			/* [n_codes]; codes above are unseen */
} MlopsDriftCategories;

#define MLOPS_DRIFT_KEPT	100
#define MLOPS_SLOT_OTHER(c)		((c)->n_kept)
#define MLOPS_SLOT_MISSING(c)	((c)->n_kept + 1)
#define MLOPS_SLOTS(c)			((c)->n_kept + 2)

/* With how many rows in the reference a category had a slot of its own. */
extern double mlops_drift_least_kept(const MlopsDriftFigures *figures);

/* The slot of codes that the reference has not, before they are counted. */
#define MLOPS_SLOT_UNSEEN		(-1)

/* What drift is held against. */
typedef struct MlopsDriftReference
{
	const MlopsWindowLayout *layout;
	MlopsSummary *numbers;		/* [n_numbers] */
	MlopsDriftCategories *categories;
	/* NULL: it is a stored baseline */
	const MlopsDriftRows *rows;
	const MlopsTally *tally;
} MlopsDriftReference;

/* Out of a version's baselines (MlopsBaseline *); XX001 if one is missing. */
extern MlopsDriftReference *
mlops_drift_reference_stored(const MlopsWindowLayout *layout,
							 List *baselines);

/* Count nothing in its bins of equal width, which only MLRun's figures need. */
extern void mlops_drift_reference_skip_widths(MlopsDriftReference *reference);

/* Out of rows. */
extern MlopsDriftReference *
			mlops_drift_reference_rows(const MlopsDriftRows *rows);

/*
 * The figures of a column of a window; rows is NULL if the window was not
 * kept, and KS and Wasserstein are approximate then.  p_adjusted, importance
 * and what decides are left to others.
 */
extern void mlops_drift_measure(const MlopsDriftReference *reference,
								const MlopsTally *window,
								const MlopsDriftRows *rows, int column,
								MlopsDriftFigures *figures);

/*
 * The same of the distances only, where nothing of a window of n rows is known
 * but the share in each bin: of a number those of its reference and what is
 * missing, of a category the reference's slots.
 */
extern void mlops_drift_measure_shares(const MlopsDriftReference *reference,
									   int column, const double *shares,
									   double n, MlopsDriftFigures *figures);

/* Defaults, and what a caller changes by jsonb (NULL: nothing); 22023. */
extern void mlops_drift_options(MlopsDriftOptions *options, Jsonb *changes);

/* A number of thresholds, which is not negative; 22023. */
extern double mlops_threshold_number(const char *name,
									 const JsonbValue *value);

/* The same of an element of an array. */
extern double mlops_threshold_element(const char *name,
									  const JsonbValue *array, int i);

/*
 * Of each column of a reference that has rows, what its own parts reach by the
 * figures that are to be learned; NULL if none is, 22023 without rows.
 */
extern MlopsThresholds *
mlops_drift_learn(const MlopsDriftReference *reference,
				  const MlopsDriftOptions *options);

/* Adjust the p-values over all columns. */
extern void mlops_drift_adjust(MlopsDriftFigures *figures, int n);

/* A figure or rate by its number, NaN if there is none. */
extern double mlops_drift_decider(const MlopsDriftFigures *figures,
								  MlopsFigure figure);

/* Decide status, metric, value and bound, and those of each figure. */
extern void mlops_drift_decide(MlopsDriftFigures *figures,
							   const MlopsDriftOptions *options);

#endif							/* MLOPS_FIGURES_H */
