/*
 * loop.h
 *		What retraining and guard know of a model: its policy, its champion,
 *		and a training like the champion's on other rows.
 *
 * A source is text that somebody wrote, and it is run with the rights of who
 * retrains.  So it is only run if its author, who set the policy or else
 * trained the champion, might do all that this role may.
 */
#ifndef MLOPS_LOOP_H
#define MLOPS_LOOP_H

#include "train/train.h"
#include "watch/contest.h"
#include "watch/gate.h"

typedef struct MlopsLoop
{
	MlopsModel *model;
	MlopsPolicy *policy;		/* never NULL: defaults if there is none */
	bool		has_policy;
	MlopsGate  *gate;
	TimestampTz until;			/* the clock */
	/* set by mlops_loop_bind() */
	MlopsVersion *champion;
	MlopsRecipe *recipe;
	Jsonb	   *arguments;		/* the recipe: those of the first training
								 * of its kind, with the source in use */
	char	   *source;			/* with labels */
	char	   *event_time;
	char	   *target;
	char	   *weight;			/* NULL, as the next ones: none */
	char	   *query_group;
	char	   *target_upper;
	char	   *event_observed;
	TimestampTz unseen;			/* rows from here on are new to the champion */
} MlopsLoop;

/*
 * Look up model and policy, as last committed; 42704, and 42501 unless the
 * current role may manage the model.
 */
extern MlopsLoop *mlops_loop_open(const char *model, TimestampTz until);

/*
 * Find the champion under the active snapshot, and what it was made of: 55000
 * if nothing serves, or its source or event time is not known; 42501 if its
 * source was written by a role with fewer rights.  From then on search_path and TimeZone
 * are those that the policy's source was written under; the caller has begun
 * a nest level of settings.
 */
extern void mlops_loop_bind(MlopsLoop *loop);

/* Two versions on rows of the loop's source. */
extern MlopsContest mlops_loop_contest(const MlopsLoop *loop, int challenger,
									   int champion, const char *source);

/*
 * A training like the champion's on these rows: with so many rounds on all of
 * them, or if n_rounds is 0 as the champion was, but without test rows.
 */
extern MlopsTrainCall *mlops_loop_call(const MlopsLoop *loop,
									   const char *source, int64 n_rounds,
									   const char *description);

/*
 * The number of rounds of the champion's recipe; 0 if it stops early, so that
 * a training on validation rows has to find it.
 */
extern int64 mlops_loop_rounds(const MlopsLoop *loop);

/* The moment so long before another one. */
extern TimestampTz mlops_loop_before(TimestampTz moment,
									 const Interval *interval);

#endif							/* MLOPS_LOOP_H */
