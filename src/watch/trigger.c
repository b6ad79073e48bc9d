/*
 * trigger.c
 *		Is a retraining due, and may it be?
 *
 * All is judged by the clock of the decision.  What monitors have found counts
 * only of windows in which the version was looked at that serves now: what was
 * wrong with the one before it is no reason to replace its successor.
 */
#include "postgres.h"

#include "catalog/monitor.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "watch/trigger.h"

static bool holds(const MlopsLoop *loop, const char *trigger,
				  const MlopsDecisionHistory *history,
				  const MlopsSpanCount *count);
static bool is_old(const MlopsLoop *loop,
				   const MlopsDecisionHistory *history);
static bool was_detected(const MlopsLoop *loop, const char *measure);
static const char *latest_status(const MlopsLoop *loop,
								 const MlopsMonitor *monitor,
								 const char *measure);

List *
mlops_triggers(const MlopsLoop *loop, const MlopsDecisionHistory *history,
			   const MlopsSpanCount *count)
{
	List	   *triggers = NIL;
	ListCell   *cell;

	foreach(cell, loop->policy->trigger_on)
		if (holds(loop, lfirst(cell), history, count))
			triggers = lappend(triggers, lfirst(cell));
	return triggers;
}

char *
mlops_trigger_limit(const MlopsLoop *loop,
					const MlopsDecisionHistory *history)
{
	const MlopsPolicy *policy = loop->policy;

	if (!policy->enabled)
		return pstrdup("the policy is not enabled");
	if (history->failures >= policy->max_failures)
		return psprintf("the circuit breaker is open after %d failures in a row; a call of mlops.retrain() that does not fail closes it, and so does a new policy",
						policy->max_failures);
	if (history->any &&
		history->last_at > mlops_loop_before(loop->until, policy->cooldown))
		return psprintf("the cooldown after the last decision lasts until %s",
						DatumGetCString(DirectFunctionCall1(timestamptz_out,
															DirectFunctionCall2(timestamptz_pl_interval,
																				TimestampTzGetDatum(history->last_at),
																				IntervalPGetDatum(policy->cooldown)))));
	if (history->in_a_day >= policy->max_per_day)
		return psprintf("max_per_day of the policy, %d, is reached",
						policy->max_per_day);
	return NULL;
}

/* Does one trigger hold? */
static bool
holds(const MlopsLoop *loop, const char *trigger,
	  const MlopsDecisionHistory *history, const MlopsSpanCount *count)
{
	if (strcmp(trigger, "schedule") == 0)
		return true;
	if (strcmp(trigger, "age") == 0)
		return is_old(loop, history);
	if (strcmp(trigger, "new_rows") == 0)
		return count->n_labelled >= loop->policy->min_new_rows;
	return was_detected(loop, trigger);
}

/*
 * Has nothing been tried for so long?  From the last decision, so that a
 * champion that was kept is not challenged each time, else from its last row.
 */
static bool
is_old(const MlopsLoop *loop, const MlopsDecisionHistory *history)
{
	TimestampTz since = loop->unseen;

	if (loop->policy->max_age == NULL)
		return false;
	if (history->any && history->last_at > since)
		since = history->last_at;
	return mlops_loop_before(loop->until, loop->policy->max_age) >= since;
}

/*
 * Is the measure, drift, performance or estimate, "detected" in the latest
 * window of a monitor of the champion that could be judged?
 */
static bool
was_detected(const MlopsLoop *loop, const char *measure)
{
	ListCell   *cell;

	foreach(cell, mlops_monitors_of(loop->model->model_id, NULL))
	{
		const char *status = latest_status(loop, lfirst(cell), measure);

		if (status != NULL && strcmp(status, "detected") == 0)
			return true;
	}
	return false;
}

/*
 * The status of a measure in the latest window that was over by the clock and
 * had data enough for it, which may be an earlier one where labels are late;
 * NULL if there is none since the champion is looked at.
 */
static const char *
latest_status(const MlopsLoop *loop, const MlopsMonitor *monitor,
			  const char *measure)
{
	List	   *windows = mlops_monitor_windows(monitor->monitor_id,
												DT_NOBEGIN, MLOPS_LATEST_WINDOWS,
												NULL);

	for (int i = list_length(windows) - 1; i >= 0; i--)
	{
		const MlopsMonitorWindow *window = list_nth(windows, i);
		const char *status;

		if (window->window_end > loop->until ||
			strcmp(window->state, "completed") != 0)
			continue;
		if (window->version != loop->champion->version)
			return NULL;
		status = mlops_monitor_status(mlops_monitor_results(monitor->monitor_id,
															window->window_start,
															NULL), measure);
		if (status != NULL && strcmp(status, "insufficient data") != 0)
			return status;
	}
	return NULL;
}
