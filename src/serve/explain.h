/*
 * explain.h
 *		The features of a row by what they contribute.
 *
 * Private to serve/.
 */
#ifndef MLOPS_SERVE_EXPLAIN_H
#define MLOPS_SERVE_EXPLAIN_H

#include "serve/call_site.h"

/* What a row's features add to the margin of an output. */
typedef struct MlopsReasons
{
	int			n_features;
	double	   *contribution;	/* [n_features + 1], the bias last */
	int		   *order;			/* features, largest |contribution| first */
} MlopsReasons;

/*
 * Explain the row that the place has encoded.  class is the class to explain,
 * -1 if there are none; for the first class of a binary model the signs are
 * those of its own log-odds.  palloc'd.
 */
extern MlopsReasons *mlops_reasons(MlopsPlace *place, int class);

/* The reasons as one line: the first ones, at most top. */
extern char *mlops_reasons_line(MlopsPlace *place,
								const MlopsReasons *reasons, int top);

/* A number as its shortest exact text, the same in every session. */
extern char *mlops_float_text(float value);

/* The input that a feature belongs to. */
extern const MlopsInput *mlops_feature_input(const MlopsSignature *signature,
											 int feature);

/*
 * The feature of that name, or of the column of that name if it is one
 * feature; 42703 if there is none, 22023 for a column of several features.
 */
extern int	mlops_feature_find(const MlopsSignature *signature,
							   const char *name);

#endif							/* MLOPS_SERVE_EXPLAIN_H */
