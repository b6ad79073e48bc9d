/*
 * policy.h
 *		When a model is trained again, and what was decided each time.
 *
 * The tables mlops.retraining_policy and mlops.decision, and what a run has
 * recorded that a training like it needs.  What is returned is palloc'd in
 * the current memory context; all is read as last committed.
 */
#ifndef MLOPS_POLICY_H
#define MLOPS_POLICY_H

#include "catalog/catalog.h"

/* A row of mlops.retraining_policy. */
typedef struct MlopsPolicy
{
	char	   *source;			/* NULL: the champion's */
	char	   *event_time;		/* NULL: the champion's */
	List	   *trigger_on;		/* of char * */
	Jsonb	   *gate;
	Interval   *cooldown;
	int			max_per_day;
	Interval   *max_age;		/* NULL: none */
	int64		min_new_rows;
	Interval   *memory;			/* NULL: all rows */
	bool		refit;
	bool		guard;
	int			max_failures;
	bool		enabled;
	TimestampTz created_at;
	char	   *created_by;		/* a role's name */
	char	   *search_path;	/* that the source was written under */
	char	   *time_zone;
} MlopsPolicy;

/* The actions of decisions. */
#define MLOPS_PROMOTED		"promoted"
#define MLOPS_KEPT			"kept"
#define MLOPS_SKIPPED		"skipped"
#define MLOPS_FAILED		"failed"
#define MLOPS_ROLLED_BACK	"rolled back"

/* A row of mlops.decision. */
typedef struct MlopsDecision
{
	int64		decision_id;	/* 0: was not recorded */
	const char *action;
	bool		dry_run;
	List	   *triggers;		/* of char * */
	const char *reason;			/* a sentence without its full stop */
	int			champion;		/* versions; 0: none */
	int			challenger;
	int			refitted;
	int			trainings;		/* that were run */
	int64		n_rows;			/* that both were held against; -1: none */
	TimestampTz data_until;		/* the clock of the decision */
	const char *metric;			/* NULL: none; NaN where there are none: */
	double		champion_value;
	double		challenger_value;
	double		gain;			/* of the challenger, better is positive */
	double		ci_low;
	double		ci_high;
	double		probability;	/* that the challenger is better */
	const char *checks;			/* jsonb text: [{check, value, bound, ok}] */
	double		seconds;
	const char *error_code;		/* SQLSTATE of a failure, or NULL */
} MlopsDecision;

/* What a run recorded that a training like it needs. */
typedef struct MlopsRecipe
{
	char	   *kind;			/* train or import */
	char	   *role;			/* that ran it */
	Jsonb	   *arguments;		/* as given */
	bool		has_event_time;
	TimestampTz event_time_max; /* of the rows that it read */
	TimestampTz started_at;
} MlopsRecipe;

/* What earlier decisions mean for one at a time. */
typedef struct MlopsDecisionHistory
{
	bool		any;			/* whether a training was decided on, or a
								 * rollback: at last_at */
	TimestampTz last_at;
	int64		in_a_day;		/* trainings decided on in the 24 hours before */
	int64		failures;		/* since the last one that did not fail */
	char	   *last_reason;	/* of the last one of all; NULL: there is none */
} MlopsDecisionHistory;

/* The model's policy, or NULL. */
extern MlopsPolicy *mlops_policy_load(const MlopsModel *model);

/* Write it, in the place of the one that is there. */
extern void mlops_policy_store(const MlopsModel *model,
							   const MlopsPolicy *policy);

/* Remove it; false if there is none. */
extern bool mlops_policy_drop(const MlopsModel *model);

/* Write a decision; fills in its id. */
extern void mlops_decision_add(const MlopsModel *model,
							   MlopsDecision *decision);

/*
 * Decisions that are no dry runs, up to the time of the clock; failures are
 * counted of those that were made since a moment.
 */
extern MlopsDecisionHistory *mlops_decision_history(const MlopsModel *model,
													TimestampTz until,
													TimestampTz since);

/*
 * The last decision up to the time that changed what serves, if it was a
 * promotion; else NULL.  Only versions, times, metric and id are filled.
 */
extern MlopsDecision *mlops_decision_promotion(const MlopsModel *model,
											   TimestampTz until);

/* What the run of a version recorded; XX001 if it is not there. */
extern MlopsRecipe *mlops_recipe_load(const MlopsVersion *version);

/*
 * Let a run of this transaction have been tested on n rows, with these metrics
 * (MlopsMetricRow *).
 */
extern void mlops_run_add_test(int64 run_id, int64 n, const List *metrics);

/*
 * One retraining of a model at a time: false if another transaction is at
 * it; held until the transaction ends.
 */
extern bool mlops_retraining_lock(const MlopsModel *model);

#endif							/* MLOPS_POLICY_H */
