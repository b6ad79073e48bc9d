/*
 * alert_state.c
 *		What becomes of an alert: pending, open, acknowledged, resolved.
 *
 * Of a rule, an event, a subject, a slice and a feature at most one alert is
 * not resolved.  It is pending until it was seen often enough and the
 * cooldown since the one before it is over; pending ones that come to nothing
 * are removed.  The clock is that of what was seen: a window is seen at its
 * start, so windows that are caught up after a stop are judged as if they
 * had been computed in time, and one that is computed again is known by it.
 */
#include "postgres.h"

#include "base/event.h"
#include "base/members.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "watch/alert_state.h"

/* Bytes of details that are told; a notification takes some 8,000 in all. */
#define LONGEST_DETAILS	5000

/* More than months differ by. */
#define MARGIN_DAYS	4

/* What a rule has of a subject. */
typedef struct History
{
	MlopsAlert *current;		/* not resolved, or NULL */
	MlopsAlert *counted;		/* the time was seen in it, or NULL */
	TimestampTz raised_for;		/* latest of the resolved ones, or
								 * DT_NOBEGIN */
} History;

static History history_of(List *alerts, const MlopsSighting *sighting);
static bool is_condition(const char *event);
static void see(const MlopsAlertRule *rule, History *history,
				const MlopsSighting *sighting);
static void see_well(const MlopsAlertRule *rule, MlopsAlert *alert,
					 const MlopsSighting *sighting);
static MlopsAlert *new_alert(const MlopsAlertRule *rule,
							 const MlopsSighting *sighting);
static bool raise_if_due(const MlopsAlertRule *rule, MlopsAlert *alert,
						 TimestampTz last_raised,
						 const MlopsSighting *sighting);
static void resolve(MlopsAlert *alert, const MlopsSighting *sighting);
static bool is_before(TimestampTz time, const Interval *span,
					  TimestampTz other);
static bool is_endless(const Interval *span);
static int	find_time(const MlopsAlert *alert, TimestampTz time);
static void add_time(MlopsAlert *alert, TimestampTz time);
static void remove_time(MlopsAlert *alert, int i);
static void forget_times(MlopsAlert *alert, const Interval *period,
						 TimestampTz now);
static void tell(const char *event, const MlopsAlert *alert,
				 const MlopsSighting *sighting);

/*
 * Those that the time may have been seen in, and those whose cooldown may not
 * be over; some days more, for months are not all as long.
 */
List *
mlops_alerts_at(const MlopsAlertRule *rule, const char *subject,
				TimestampTz at)
{
	Datum		since = TimestampTzGetDatum(at);

	if (is_endless(rule->cooldown))
		return mlops_alerts_of(rule->rule_id, subject, DT_NOBEGIN);
	since = DirectFunctionCall2(timestamptz_mi_interval, since,
								IntervalPGetDatum(rule->cooldown));
	return mlops_alerts_of(rule->rule_id, subject,
						   DatumGetTimestampTz(since) -
						   MARGIN_DAYS * USECS_PER_DAY);
}

void
mlops_alert_judge(const MlopsAlertRule *rule, List *alerts,
				  const MlopsSighting *sighting)
{
	History		history = history_of(alerts, sighting);

	if (sighting->is_seen)
		see(rule, &history, sighting);
	else if (history.current != NULL)
		see_well(rule, history.current, sighting);
}

/* What the rule has of the subject; alerts are in the order of numbers. */
static History
history_of(List *alerts, const MlopsSighting *sighting)
{
	History		history = {NULL, NULL, DT_NOBEGIN};
	ListCell   *cell;

	foreach(cell, alerts)
	{
		MlopsAlert *alert = lfirst(cell);

		if (strcmp(alert->event, sighting->event) != 0 ||
			strcmp(alert->subject, sighting->subject) != 0 ||
			strcmp(alert->slice, sighting->slice) != 0 ||
			strcmp(alert->feature, sighting->feature) != 0)
			continue;
		if (find_time(alert, sighting->at) >= 0)
			history.counted = alert;
		if (strcmp(alert->state, "resolved") != 0)
			history.current = alert;
		else if (alert->raised_for > history.raised_for)
			history.raised_for = alert->raised_for;
	}
	return history;
}

/* Does the event last until its subject is well, or is it over at once? */
static bool
is_condition(const char *event)
{
	return strcmp(event, "retraining") != 0 &&
		strcmp(event, "promotion") != 0 && strcmp(event, "rollback") != 0;
}

/* The event was seen. */
static void
see(const MlopsAlertRule *rule, History *history,
	const MlopsSighting *sighting)
{
	MlopsAlert *alert = history->current;

	/* of what is over at once, the next one is an alert of its own */
	if (alert != NULL && !is_condition(sighting->event) &&
		rule->auto_reset && !TIMESTAMP_IS_NOBEGIN(alert->raised_for) &&
		!is_before(sighting->at, rule->cooldown, alert->raised_for))
	{
		history->raised_for = alert->raised_for;
		alert->state = "resolved";
		alert->resolved_at = GetCurrentTimestamp();
		mlops_alert_store(alert);
		alert = NULL;
	}
	if (history->counted != NULL)
	{
		/* computed again: only what is said of it may have changed */
		if (history->counted != alert ||
			alert->last_seen_at != sighting->at)
			return;
	}
	else if (alert == NULL)
		alert = new_alert(rule, sighting);
	else
	{
		add_time(alert, sighting->at);
		alert->n_seen++;
	}
	if (sighting->at >= alert->last_seen_at)
	{
		alert->last_seen_at = sighting->at;
		alert->message = sighting->message;
		alert->details = sighting->details;
		alert->severity = rule->severity;
	}
	alert->first_seen_at = Min(alert->first_seen_at, sighting->at);
	if (strcmp(alert->state, "pending") == 0 &&
		raise_if_due(rule, alert, history->raised_for, sighting))
	{
		mlops_alert_store(alert);
		tell("alert", alert, sighting);
	}
	else
		mlops_alert_store(alert);
}

/*
 * The subject is well at a time.  If the event had been seen at that very
 * time, that no longer holds; else it is over if that time is later.
 */
static void
see_well(const MlopsAlertRule *rule, MlopsAlert *alert,
		 const MlopsSighting *sighting)
{
	bool		is_pending = strcmp(alert->state, "pending") == 0;
	int			i = find_time(alert, sighting->at);
	bool		is_over;

	if (i >= 0)
	{
		remove_time(alert, i);
		alert->n_seen--;
		if (alert->n_times > 0)
			alert->last_seen_at = alert->times[alert->n_times - 1];
	}
	if (sighting->at < alert->last_seen_at)
		is_over = false;
	else if (is_pending && rule->period != NULL)
	{
		forget_times(alert, rule->period, sighting->at);
		is_over = alert->n_times == 0;
	}
	else
		is_over = true;

	if (is_over && is_pending)
	{
		mlops_alert_delete(alert);
		alert->state = "resolved";
	}
	else if (is_over && rule->auto_reset)
		resolve(alert, sighting);
	else
		mlops_alert_store(alert);
}

/* An alert of what was seen, pending, not stored yet. */
static MlopsAlert *
new_alert(const MlopsAlertRule *rule, const MlopsSighting *sighting)
{
	MlopsAlert *alert = palloc0(sizeof(MlopsAlert));

	alert->rule_id = rule->rule_id;
	alert->model_id = rule->model_id;
	alert->rule = rule->name;
	alert->event = sighting->event;
	alert->subject = sighting->subject;
	alert->slice = sighting->slice;
	alert->feature = sighting->feature;
	alert->severity = rule->severity;
	alert->state = "pending";
	alert->n_seen = 1;
	alert->first_seen_at = alert->last_seen_at = sighting->at;
	alert->raised_at = alert->raised_for = DT_NOBEGIN;
	alert->resolved_at = alert->acknowledged_at = DT_NOBEGIN;
	alert->message = sighting->message;
	alert->details = sighting->details;
	alert->times = palloc(sizeof(TimestampTz) * 2);
	alert->times[0] = sighting->at;
	alert->n_times = 1;
	return alert;
}

/*
 * Open a pending alert that was seen often enough, if the cooldown after the
 * last one is over; says whether.
 */
static bool
raise_if_due(const MlopsAlertRule *rule, MlopsAlert *alert,
			 TimestampTz last_raised, const MlopsSighting *sighting)
{
	if (rule->period != NULL)
		forget_times(alert, rule->period, alert->last_seen_at);
	if (alert->n_times < rule->min_count)
		return false;
	if (!TIMESTAMP_IS_NOBEGIN(last_raised) &&
		is_before(sighting->at, rule->cooldown, last_raised))
		return false;
	alert->state = "open";
	alert->raised_at = GetCurrentTimestamp();
	alert->raised_for = sighting->at;
	return true;
}

/* It is over. */
static void
resolve(MlopsAlert *alert, const MlopsSighting *sighting)
{
	alert->state = "resolved";
	alert->resolved_at = GetCurrentTimestamp();
	mlops_alert_store(alert);
	tell("alert_resolved", alert, sighting);
}

/* Is a time before another one and a span after it? */
static bool
is_before(TimestampTz time, const Interval *span, TimestampTz other)
{
	Datum		later;

	if (is_endless(span))
		return true;
	later = DirectFunctionCall2(timestamptz_pl_interval,
								TimestampTzGetDatum(other),
								IntervalPGetDatum(span));
	return time < DatumGetTimestampTz(later);
}

/* Is a span longer than what can be added to times? */
static bool
is_endless(const Interval *span)
{
	Interval	long_time = {0, 0, 1000 * MONTHS_PER_YEAR};

	return DatumGetBool(DirectFunctionCall2(interval_gt,
											IntervalPGetDatum(span),
											IntervalPGetDatum(&long_time)));
}

/* Where a time is among those that the alert was seen at, or -1. */
static int
find_time(const MlopsAlert *alert, TimestampTz time)
{
	for (int i = alert->n_times - 1; i >= 0; i--)
		if (alert->times[i] == time)
			return i;
	return -1;
}

/* Keep a time in its place; the first one goes where there are too many. */
static void
add_time(MlopsAlert *alert, TimestampTz time)
{
	int			i = alert->n_times;

	while (i > 0 && alert->times[i - 1] > time)
	{
		alert->times[i] = alert->times[i - 1];
		i--;
	}
	alert->times[i] = time;
	alert->n_times++;
	if (alert->n_times > MLOPS_ALERT_TIMES)
		remove_time(alert, 0);
}

/* Remove the time at that place. */
static void
remove_time(MlopsAlert *alert, int i)
{
	alert->n_times--;
	memmove(alert->times + i, alert->times + i + 1,
			sizeof(TimestampTz) * (alert->n_times - i));
}

/* Remove the times that are the period, or more, before now. */
static void
forget_times(MlopsAlert *alert, const Interval *period, TimestampTz now)
{
	while (alert->n_times > 0 && !is_before(now, period, alert->times[0]))
		remove_time(alert, 0);
}

/* Notify of an alert; details that are too long are left to the row. */
static void
tell(const char *event, const MlopsAlert *alert,
	 const MlopsSighting *sighting)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	mlops_append_int8(&json, "alert", alert->alert_id);
	mlops_append_text(&json, "rule", alert->rule);
	mlops_append_text(&json, "event", alert->event);
	mlops_append_text(&json, "severity", alert->severity);
	mlops_append_text(&json, "subject", alert->subject);
	mlops_append_value(&json, "slice", alert->slice);
	mlops_append_text(&json, "feature", alert->feature);
	mlops_append_text(&json, "message", alert->message);
	mlops_append_value(&json, "details",
					 strlen(alert->details) <= LONGEST_DETAILS ?
					 alert->details : "{\"truncated\": true}");
	appendStringInfoChar(&json, '}');
	mlops_event(event, sighting->model, json.data);
	pfree(json.data);
}
