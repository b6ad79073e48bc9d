/*
 * guard.c
 *		Was the last promotion a mistake?
 *
 * A gate decides by few rows, and the world may turn.  Rows that came after
 * the promotion are new to both versions, so they are a fair test of it.  It
 * is repeated whenever somebody looks, so doubt has to be small: a difference
 * of three standard errors.
 */
#include "postgres.h"

#include <math.h>

#include "data/span.h"
#include "utils/snapmgr.h"
#include "watch/guard.h"

/* The normal distribution below minus three standard errors. */
#define WORSE_BEYOND_DOUBT	0.00135

#define CONFIDENCE			0.95

static int64 version_before(const MlopsLoop *loop,
							const MlopsDecision *promotion);

bool
mlops_guard_run(const MlopsLoop *loop, MlopsDecision *decision)
{
	MlopsDecision *promotion = mlops_decision_promotion(loop->model,
														loop->until);
	MlopsDecision trial = *decision;
	MlopsContest contest;
	MlopsSpanCount count;
	char	   *source;

	if (promotion == NULL || version_before(loop, promotion) == 0)
		return false;
	source = mlops_span_query(loop->source, loop->event_time,
							  promotion->data_until, loop->until);
	mlops_span_count(source, loop->event_time, loop->target, 0.5, &count);
	if (count.n_labelled < loop->policy->min_new_rows)
		return false;
	contest = mlops_loop_contest(loop, loop->champion->version,
								 promotion->champion, source);
	mlops_contest_compare(mlops_contest_read(&contest, NIL),
						  promotion->metric, CONFIDENCE, &trial, NULL);
	if (!(trial.probability < WORSE_BEYOND_DOUBT))
		return false;

	mlops_model_lock(loop->model->name);
	if (mlops_alias_version(loop->model->name, MLOPS_CHAMPION, NULL) !=
		loop->champion->version_id)
		return false;
	*decision = trial;
	decision->action = MLOPS_ROLLED_BACK;
	decision->challenger = loop->champion->version;
	decision->reason =
		psprintf("%s %.6g of version %d against %.6g of version %d on " INT64_FORMAT " rows since its promotion",
				 trial.metric, trial.challenger_value,
				 loop->champion->version, trial.champion_value,
				 promotion->champion, trial.n_rows);
	decision->champion = mlops_alias_rollback(loop->model, MLOPS_CHAMPION,
											  decision->reason);
	return true;
}

/*
 * The version_id of the one that served before a promotion; 0 if it is not
 * there any more, if the promoted one does not serve, or if the promotion is
 * too long ago to be doubted.
 */
static int64
version_before(const MlopsLoop *loop, const MlopsDecision *promotion)
{
	MlopsReference reference = {loop->model->name, promotion->champion};
	int			promoted = promotion->refitted ? promotion->refitted :
		promotion->challenger;
	Snapshot	snapshot = GetActiveSnapshot();
	int64		version_id;

	if (loop->champion->version != promoted ||
		(loop->policy->max_age != NULL &&
		 mlops_loop_before(loop->until, loop->policy->max_age) >
		 promotion->data_until))
		return 0;
	version_id = mlops_resolve_quietly(&reference, snapshot, MLOPS_MANAGE);
	if (version_id == 0 || mlops_version_load(version_id, snapshot)->dropped)
		return 0;
	return version_id;
}
