/*
 * alert.c
 *		What is told of windows and of what happens to models.
 *
 * A rule turns a window into sightings: of each event that it names, and of
 * each slice and feature, whether it was seen, or its subject was well.  With
 * what is not known (too few rows, no labels yet) nothing changes.  Each
 * sighting is held against the alerts that the rule has raised before, in
 * alert_state.c.
 *
 * Nothing is locked: who computes windows of a monitor, or runs a job, is
 * alone in it, and a subject belongs to one of them.
 */
#include "postgres.h"

#include <math.h>

#include "base/base.h"
#include "base/event.h"
#include "base/members.h"
#include "catalog/alert.h"
#include "catalog/monitor.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "watch/alert.h"
#include "watch/alert_state.h"

/* Figures that a message names, and that its details list. */
#define TOLD_FIGURES	3
#define LISTED_FIGURES	20

/* A window, and what the parts of this file need of it. */
typedef struct Window
{
	const MlopsMonitor *monitor;
	const MlopsMonitorWindow *row;
	List	   *results;		/* of MlopsMonitorResult * */
	const char *subject;
} Window;

/* What is told of: by all rules, and by events. */
static const char *const window_events[] =
{"drift", "performance", "no_data", "failure"};

static void send_window_events(const Window *window);
static List *figures_for(const Window *window, const char *event,
						 const MlopsAlertRule *rule);
static bool is_of_event(const MlopsMonitorResult *result, const char *event);
static bool is_wanted(const MlopsMonitorResult *result, const char *event,
					  const MlopsAlertRule *rule);
static bool has_metric(List *metrics, const MlopsMonitorResult *result);
static void judge_window(const Window *window, const MlopsAlertRule *rule);
static void judge_state(const Window *window, const MlopsAlertRule *rule,
						const char *event, List *alerts);
static void judge_figures(const Window *window, const MlopsAlertRule *rule,
						  const char *event, List *alerts);
static List *take_group(List **figures);
static int	rank_of(const char *status);
static int	worst_of(List *figures);
static List *at_least(List *figures, int rank);
static char *figures_message(const Window *window, const char *event,
							 List *figures);
static char *state_message(const Window *window, const char *event);
static char *window_details(const Window *window, List *figures);
static void append_time(StringInfo json, const char *name, TimestampTz time);
static void append_figure(StringInfo json, const MlopsMonitorResult *result);
static char *slice_text(const MlopsMonitorResult *result);

void
mlops_alert_window(const MlopsMonitor *monitor, TimestampTz window_start)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "mlops alerts",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	Window		window = {monitor};
	ListCell   *cell;

	CHECK_FOR_INTERRUPTS();
	window.row = mlops_monitor_window(monitor->monitor_id, window_start,
									  NULL);
	if (window.row != NULL)
	{
		window.results = mlops_monitor_results(monitor->monitor_id,
											   window_start, NULL);
		window.subject = psprintf("monitor %s", monitor->name);
		send_window_events(&window);
		foreach(cell, mlops_alert_rules(monitor->model_id))
			judge_window(&window, lfirst(cell));
	}
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
}

void
mlops_alert_event(int64 model_id, const char *model, const char *event,
				  const char *subject, const char *status,
				  const char *message, const char *details)
{
	MlopsSighting sighting = {model, event, subject, "{}", ""};
	ListCell   *cell;

	sighting.at = GetCurrentTimestamp();
	sighting.is_seen = true;
	sighting.message = message;
	sighting.details = details != NULL ? details : "{}";
	mlops_event(event, model, sighting.details);
	foreach(cell, mlops_alert_rules(model_id))
	{
		MlopsAlertRule *rule = lfirst(cell);

		if (mlops_names_have(rule->events, event) &&
			rank_of(status) >= rank_of(rule->least_status))
			mlops_alert_judge(rule,
							  mlops_alerts_at(rule, subject, sighting.at),
							  &sighting);
	}
}

void
mlops_alert_clear(int64 model_id, const char *model, const char *event,
				  const char *subject, const char *message)
{
	MlopsSighting sighting = {model, event, subject, "{}", ""};
	ListCell   *cell;

	sighting.at = GetCurrentTimestamp();
	sighting.message = message;
	sighting.details = "{}";
	foreach(cell, mlops_alert_rules(model_id))
	{
		MlopsAlertRule *rule = lfirst(cell);

		if (mlops_names_have(rule->events, event))
			mlops_alert_judge(rule,
							  mlops_alerts_at(rule, subject, sighting.at),
							  &sighting);
	}
}

void
mlops_alert_forget(int64 model_id, const char *subject)
{
	mlops_alerts_forget(model_id, subject);
}

/* Notify of what is bad about the model as a whole, whatever the rules. */
static void
send_window_events(const Window *window)
{
	const char *model = window->monitor->model;

	if (window->row->error != NULL)
		mlops_event("failure", model, window_details(window, NIL));
	else if (strcmp(window->row->state, "empty") == 0)
		mlops_event("no_data", model, window_details(window, NIL));
	else
		for (int i = 0; i < 2; i++)
		{
			List	   *figures = at_least(figures_for(window,
													   window_events[i],
													   NULL),
										   rank_of("detected"));

			if (figures != NIL)
				mlops_event(window_events[i], model,
							window_details(window, figures));
		}
}

/*
 * The results that an event is about, for a rule; rule NULL: those of all
 * rows, of the model as a whole.
 */
static List *
figures_for(const Window *window, const char *event,
			const MlopsAlertRule *rule)
{
	List	   *figures = NIL;
	ListCell   *cell;

	foreach(cell, window->results)
	{
		MlopsMonitorResult *result = lfirst(cell);

		if (!is_of_event(result, event))
			continue;
		if (rule != NULL ? is_wanted(result, event, rule) :
			result->feature[0] == '\0' &&
			strcmp(slice_text(result), "{}") == 0)
			figures = lappend(figures, result);
	}
	return figures;
}

/* Is it drift, or performance, realised or estimated? */
static bool
is_of_event(const MlopsMonitorResult *result, const char *event)
{
	bool		is_drift = strcmp(result->measure, "drift") == 0 ||
	strcmp(result->measure, "consecutive drift") == 0;

	return is_drift == (strcmp(event, "drift") == 0);
}

/*
 * Is a result one that the rule asks for?  Performance is always that of the
 * model.  So is drift, unless features are named ("*": all), or a figure
 * that features have.
 */
static bool
is_wanted(const MlopsMonitorResult *result, const char *event,
		  const MlopsAlertRule *rule)
{
	bool		is_whole = result->feature[0] == '\0';

	if (rule->metrics != NIL && !has_metric(rule->metrics, result))
		return false;
	if (strcmp(event, "performance") == 0)
		return is_whole;
	if (rule->features == NIL)
		return is_whole || mlops_names_have(rule->metrics, result->metric);
	return !is_whole && (mlops_names_have(rule->features, "*") ||
						 mlops_names_have(rule->features, result->feature));
}

/* Is the result's metric, or its measure, among the names? */
static bool
has_metric(List *metrics, const MlopsMonitorResult *result)
{
	const char *measure = result->measure;

	if (strcmp(measure, "consecutive drift") == 0)
		measure = "consecutive_drift";
	if (mlops_names_have(metrics, measure))
		return true;
	if (strcmp(measure, "estimate") == 0)
		return mlops_names_have(metrics, psprintf("estimated_%s", result->metric));
	return mlops_names_have(metrics, result->metric);
}

/* Hold a window against a rule. */
static void
judge_window(const Window *window, const MlopsAlertRule *rule)
{
	bool		is_completed = strcmp(window->row->state, "completed") == 0;
	List	   *alerts = mlops_alerts_at(rule, window->subject,
										 window->row->window_start);

	for (int i = 0; i < lengthof(window_events); i++)
	{
		if (!mlops_names_have(rule->events, window_events[i]))
			continue;
		if (i >= 2)
			judge_state(window, rule, window_events[i], alerts);
		else if (is_completed)
			judge_figures(window, rule, window_events[i], alerts);
	}
}

/* A window that failed, or was empty, or was not. */
static void
judge_state(const Window *window, const MlopsAlertRule *rule,
			const char *event, List *alerts)
{
	MlopsSighting sighting = {window->monitor->model, event, window->subject,
	"{}", ""};
	bool		is_failure = strcmp(event, "failure") == 0;
	bool		has_failed = window->row->error != NULL;

	if (has_failed && !is_failure)
		return;
	sighting.at = window->row->window_start;
	sighting.is_seen = is_failure ? has_failed :
		strcmp(window->row->state, "empty") == 0;
	sighting.message = state_message(window, sighting.is_seen ? event :
									 "well");
	sighting.details = window_details(window, NIL);
	mlops_alert_judge(rule, alerts, &sighting);
}

/* Drift or performance of each slice and feature that the rule asks for. */
static void
judge_figures(const Window *window, const MlopsAlertRule *rule,
			  const char *event, List *alerts)
{
	List	   *figures = figures_for(window, event, rule);

	while (figures != NIL)
	{
		List	   *group = take_group(&figures);
		MlopsMonitorResult *first = linitial(group);
		MlopsSighting sighting = {window->monitor->model, event,
		window->subject};

		if (worst_of(group) < 0)
			continue;
		sighting.slice = slice_text(first);
		sighting.feature = first->feature;
		sighting.at = window->row->window_start;
		sighting.is_seen = worst_of(group) >= rank_of(rule->least_status);
		if (sighting.is_seen)
			group = at_least(group, rank_of(rule->least_status));
		sighting.message = sighting.is_seen ?
			figures_message(window, event, group) :
			state_message(window, "well");
		sighting.details = window_details(window, group);
		mlops_alert_judge(rule, alerts, &sighting);
	}
}

/* Take those of the first one's slice and feature out of the list. */
static List *
take_group(List **figures)
{
	MlopsMonitorResult *first = linitial(*figures);
	char	   *slice = slice_text(first);
	List	   *group = NIL;
	List	   *rest = NIL;
	ListCell   *cell;

	foreach(cell, *figures)
	{
		MlopsMonitorResult *result = lfirst(cell);

		if (strcmp(result->feature, first->feature) == 0 &&
			strcmp(slice_text(result), slice) == 0)
			group = lappend(group, result);
		else
			rest = lappend(rest, result);
	}
	*figures = rest;
	return group;
}

/* How bad a status is; -1: nothing is known. */
static int
rank_of(const char *status)
{
	if (strcmp(status, "detected") == 0)
		return 2;
	if (strcmp(status, "potential") == 0)
		return 1;
	return strcmp(status, "none") == 0 ? 0 : -1;
}

/* The worst rank among them. */
static int
worst_of(List *figures)
{
	int			worst = -1;
	ListCell   *cell;

	foreach(cell, figures)
		worst = Max(worst,
					rank_of(((MlopsMonitorResult *) lfirst(cell))->status));
	return worst;
}

/* Those of at least that rank. */
static List *
at_least(List *figures, int rank)
{
	List	   *found = NIL;
	ListCell   *cell;

	foreach(cell, figures)
		if (rank_of(((MlopsMonitorResult *) lfirst(cell))->status) >= rank)
			found = lappend(found, lfirst(cell));
	return found;
}

/* For people: what was found in a window. */
static char *
figures_message(const Window *window, const char *event, List *figures)
{
	MlopsMonitorResult *first = linitial(figures);
	StringInfoData text;
	int			n = 0;
	ListCell   *cell;

	initStringInfo(&text);
	appendStringInfo(&text, "%s of model \"%s\"", event,
					 window->monitor->model);
	if (first->feature[0] != '\0')
		appendStringInfo(&text, ", feature \"%s\"", first->feature);
	if (strcmp(slice_text(first), "{}") != 0)
		appendStringInfo(&text, ", rows %s", slice_text(first));
	foreach(cell, figures)
	{
		MlopsMonitorResult *result = lfirst(cell);

		if (++n > TOLD_FIGURES)
			break;
		appendStringInfo(&text, "%s %s%s is %.4g", n == 1 ? ":" : ",",
						 strcmp(result->measure, "estimate") == 0 ?
						 "estimated " :
						 strcmp(result->measure, "consecutive drift") == 0 ?
						 "consecutive " : "",
						 result->metric, result->value);
		if (!isnan(result->threshold))
			appendStringInfo(&text, " (threshold %.4g)", result->threshold);
	}
	if (n > TOLD_FIGURES)
		appendStringInfo(&text, " and %d more", list_length(figures) -
						 TOLD_FIGURES);
	return text.data;
}

/* For people: that a window failed, was empty, or is well. */
static char *
state_message(const Window *window, const char *event)
{
	if (strcmp(event, "failure") == 0)
		return psprintf("monitor \"%s\" failed: %s", window->monitor->name,
						window->row->error ? window->row->error : "");
	if (strcmp(event, "no_data") == 0)
		return psprintf("monitor \"%s\" found no rows in a window",
						window->monitor->name);
	return psprintf("monitor \"%s\" found nothing wrong",
					window->monitor->name);
}

/* For programs: the window, and the figures. */
static char *
window_details(const Window *window, List *figures)
{
	const MlopsMonitorWindow *row = window->row;
	StringInfoData json;
	int			n = 0;
	ListCell   *cell;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	mlops_append_text(&json, "monitor", window->monitor->name);
	append_time(&json, "window_start", row->window_start);
	append_time(&json, "window_end", row->window_end);
	mlops_append_text(&json, "state", row->state);
	mlops_append_text(&json, "status", row->status);
	mlops_append_int8(&json, "version", row->version);
	mlops_append_int8(&json, "n_rows", row->n_rows);
	mlops_append_int8(&json, "runs", row->runs);
	if (row->error != NULL)
		mlops_append_text(&json, "error", row->error);
	if (figures != NIL)
		appendStringInfoString(&json, ", \"figures\": [");
	foreach(cell, figures)
	{
		if (++n > LISTED_FIGURES)
			break;
		if (n > 1)
			appendStringInfoString(&json, ", ");
		append_figure(&json, lfirst(cell));
	}
	appendStringInfoString(&json, figures != NIL ? "]}" : "}");
	return json.data;
}

/* Append a member that is a time. */
static void
append_time(StringInfo json, const char *name, TimestampTz time)
{
	char		text[MAXDATELEN + 1];

	JsonEncodeDateTime(text, TimestampTzGetDatum(time), TIMESTAMPTZOID, NULL);
	mlops_append_text(json, name, text);
}

/* Append a result as an object. */
static void
append_figure(StringInfo json, const MlopsMonitorResult *result)
{
	appendStringInfoChar(json, '{');
	mlops_append_text(json, "measure", result->measure);
	mlops_append_text(json, "metric", result->metric);
	mlops_append_text(json, "feature", result->feature);
	mlops_append_value(json, "slice", slice_text(result));
	mlops_append_text(json, "status", result->status);
	mlops_append_number(json, "value", result->value);
	mlops_append_number(json, "threshold", result->threshold);
	appendStringInfoChar(json, '}');
}

/* The slice of a result as text, always the same for the same slice. */
static char *
slice_text(const MlopsMonitorResult *result)
{
	return JsonbToCString(NULL, &result->slice->root,
						  VARSIZE(result->slice));
}
