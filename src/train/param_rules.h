/*
 * param_rules.h
 *		Training parameters: the table of names and ranges.
 *
 * Private to train/: read through params.c.
 */
#ifndef MLOPS_PARAM_RULES_H
#define MLOPS_PARAM_RULES_H

#include "train/params.h"

typedef enum MlopsParamKind
{
	MLOPS_PARAM_INTEGER,
	MLOPS_PARAM_REAL,
	MLOPS_PARAM_FLAG,					/* true or false, 1 or 0 */
	MLOPS_PARAM_CHOICE,
	MLOPS_PARAM_METRICS,				/* a word or several */
	MLOPS_PARAM_CONSTRAINT			/* an object or array, see constraints.c */
} MlopsParamKind;

/* Which boosters take a parameter. */
#define MLOPS_TREES		(1 << MLOPS_GBTREE | 1 << MLOPS_DART)
#define MLOPS_LINEAR	(1 << MLOPS_GBLINEAR)
#define MLOPS_ALL		(MLOPS_TREES | MLOPS_LINEAR)

/* A parameter that libxgboost knows, or that stands beside those. */
typedef struct MlopsParamRule
{
	const char *name;			/* as libxgboost calls it */
	const char *alias;			/* or NULL */
	MlopsParamKind	kind;
	double		low;
	bool		low_open;		/* low itself is out of range */
	double		high;
	const char *choices;		/* separated by blanks, both ends too */
	int			boosters;
	const char *fallback;		/* the library's default, NULL: not told */
	const char *objective;		/* how those that take it begin; NULL: all */
	int			since;			/* version of the library, 200 is 2.0; or 0 */
} MlopsParamRule;

#define MLOPS_N_PARAM_RULES		46

/* Sorted by name. */
extern const MlopsParamRule mlops_param_rules[MLOPS_N_PARAM_RULES];

/* Names that people will try, and what to do instead; the last is NULL. */
extern const char *const mlops_param_elsewhere[][2];

#endif							/* MLOPS_PARAM_RULES_H */
