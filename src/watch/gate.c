/*
 * gate.c
 *		When a challenger may take the champion's place.
 *
 * All checks are made and written down, whatever the first of them says, so
 * that a decision shows how near it was.  A figure that cannot be told, such
 * as the area under a curve of one class, holds no check that asks for it.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "base/base.h"
#include "base/compat.h"
#include "base/members.h"
#include "watch/gate.h"

/* Of the rows that the champion has not seen, this share decides. */
#define HOLDOUT		(1.0 / 3)
#define CONFIDENCE	0.95

/* Checks, as they are made. */
typedef struct Judgement
{
	StringInfoData json;
	bool		ok;				/* all held until now */
	const char *reason;			/* why not, of the first that did not */
} Judgement;

static void take_member(MlopsGate *gate, const char *name,
						const JsonbValue *value);
static void take_fairness(MlopsGate *gate, const JsonbValue *value);
static List *floors_of(const JsonbValue *value);
static double number_of(const char *name, const JsonbValue *value,
						double least, double most);
static List *names_of(const char *name, const JsonbValue *value);
static void report_kind(const char *name, const char *kind)
			pg_attribute_noreturn();
static void report_unknown(const char *name) pg_attribute_noreturn();
static void check_complete(const MlopsGate *gate);
static bool add_check(Judgement *judgement, const char *name, double value,
					  double bound, bool ok);
static void fail(Judgement *judgement, const char *reason);
static void judge_gain(Judgement *judgement, const MlopsGate *gate,
					   const MlopsDecision *decision);
static void judge_floors(Judgement *judgement, const MlopsGate *gate,
						 const List *metrics);
static void judge_slices(Judgement *judgement, const MlopsGate *gate,
						 const MlopsPredictions *predictions,
						 const char *metric);
static void judge_fairness(Judgement *judgement, const MlopsGate *gate,
						   const MlopsContest *contest, const char *metric);
static void judge_latency(Judgement *judgement, const MlopsGate *gate,
						  const MlopsContest *contest);
static char *figures(const MlopsDecision *decision);

MlopsGate *
mlops_gate_parse(Jsonb *json)
{
	MlopsGate  *gate = palloc0(sizeof(MlopsGate));
	MlopsMembers members;

	mlops_object_check(json, "gate", "{\"metric\": \"roc_auc\"}");
	gate->min_probability = 0.5;
	gate->max_slice_loss = NAN;
	gate->max_latency = NAN;
	gate->max_difference = NAN;
	gate->holdout = HOLDOUT;
	mlops_members_begin(&members, &json->root);
	while (mlops_members_next(&members))
		take_member(gate, members.name, &members.value);
	check_complete(gate);
	return gate;
}

bool
mlops_gate_judge(const MlopsGate *gate, const MlopsContest *contest,
				 MlopsDecision *decision, List **metrics)
{
	MlopsPredictions *predictions = mlops_contest_read(contest,
													   gate->slices);
	Judgement	judgement = {.ok = true};

	mlops_contest_compare(predictions, gate->metric, CONFIDENCE, decision,
						  metrics);
	initStringInfo(&judgement.json);
	appendStringInfoChar(&judgement.json, '[');
	judge_gain(&judgement, gate, decision);
	judge_floors(&judgement, gate, *metrics);
	if (gate->slices != NIL)
		judge_slices(&judgement, gate, predictions, decision->metric);
	if (gate->fairness_columns != NIL)
		judge_fairness(&judgement, gate, contest, decision->metric);
	if (!isnan(gate->max_latency))
		judge_latency(&judgement, gate, contest);
	appendStringInfoChar(&judgement.json, ']');
	decision->checks = judgement.json.data;
	decision->reason = judgement.ok ?
		psprintf(decision->gain > 0 ? "%s: better by %.4g" :
				 "%s: not better, and worse by %.4g only",
				 figures(decision), fabs(decision->gain)) :
		judgement.reason;
	return judgement.ok;
}

/* One member of a gate; 22023. */
static void
take_member(MlopsGate *gate, const char *name, const JsonbValue *value)
{
	if (strcmp(name, "metric") == 0)
	{
		if (value->type != jbvString)
			report_kind(name, "a metric's name");
		gate->metric = mlops_member_text(value);
		if (mlops_metric_direction(gate->metric) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("versions cannot be compared by \"%s\"",
							gate->metric),
					 errhint("mlops.evaluate() lists the metrics of a version.")));
	}
	else if (strcmp(name, "min_gain") == 0)
		gate->min_gain = number_of(name, value, -DBL_MAX, DBL_MAX);
	else if (strcmp(name, "min_probability") == 0)
		gate->min_probability = number_of(name, value, 0, 1);
	else if (strcmp(name, "floors") == 0)
		gate->floors = floors_of(value);
	else if (strcmp(name, "slices") == 0)
		gate->slices = names_of(name, value);
	else if (strcmp(name, "max_slice_loss") == 0)
		gate->max_slice_loss = number_of(name, value, 0, DBL_MAX);
	else if (strcmp(name, "max_latency") == 0)
		gate->max_latency = number_of(name, value, 0, DBL_MAX);
	else if (strcmp(name, "fairness") == 0)
		take_fairness(gate, value);
	else if (strcmp(name, "holdout") == 0)
		gate->holdout = number_of(name, value, 0.01, 0.99);
	else
		report_unknown(name);
}

/* {"columns": [...], "max_difference": number} */
static void
take_fairness(MlopsGate *gate, const JsonbValue *value)
{
	MlopsMembers members;

	if (value->type != jbvBinary ||
		!JsonContainerIsObject(value->val.binary.data))
		report_kind("fairness", "an object");
	mlops_members_begin(&members, value->val.binary.data);
	while (mlops_members_next(&members))
	{
		if (strcmp(members.name, "columns") == 0)
			gate->fairness_columns = names_of("columns", &members.value);
		else if (strcmp(members.name, "max_difference") == 0)
			gate->max_difference = number_of("max_difference",
											 &members.value, 0, DBL_MAX);
		else
			report_unknown(members.name);
	}
}

/* {"metric": number, ...} */
static List *
floors_of(const JsonbValue *value)
{
	List	   *floors = NIL;
	MlopsMembers members;

	if (value->type != jbvBinary ||
		!JsonContainerIsObject(value->val.binary.data))
		report_kind("floors", "an object of metrics and numbers");
	mlops_members_begin(&members, value->val.binary.data);
	while (mlops_members_next(&members))
	{
		MlopsFloor *bounded = palloc(sizeof(MlopsFloor));

		bounded->metric = members.name;
		bounded->value = number_of(members.name, &members.value, -DBL_MAX,
								   DBL_MAX);
		if (mlops_metric_direction(bounded->metric) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("there is no floor for \"%s\"", bounded->metric),
					 errhint("mlops.evaluate() lists the metrics of a version.")));
		floors = lappend(floors, bounded);
	}
	return floors;
}

/* A number in a range; 22023. */
static double
number_of(const char *name, const JsonbValue *value, double least,
		  double most)
{
	double		number = mlops_member_number(value);

	if (value->type != jbvNumeric)
		report_kind(name, "a number");
	if (!(number >= least && number <= most))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" of the gate is out of range: %g", name,
						number),
				 errhint("It must be at least %g and at most %g.", least,
						 most)));
	return number;
}

/* A list of names, or one name; 22023. */
static List *
names_of(const char *name, const JsonbValue *value)
{
	List	   *names = NIL;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	element;

	if (value->type == jbvString)
		return list_make1(mlops_member_text(value));
	if (value->type != jbvBinary ||
		!JsonContainerIsArray(value->val.binary.data))
		report_kind(name, "a list of columns");
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		if (element.type != jbvString)
			report_kind(name, "a list of columns");
		names = lappend(names, mlops_member_text(&element));
	}
	if (names == NIL)
		report_kind(name, "a list of columns");
	return names;
}

/* Say that a member is of the wrong kind. */
static void
report_kind(const char *name, const char *kind)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" of the gate must be %s", name, kind),
			 errhint("Write a gate as in '{\"metric\": \"roc_auc\", \"min_gain\": 0.01}'.")));
}

/* Say that there is no such member. */
static void
report_unknown(const char *name)
{
	static const char *const names[] = {
		"metric", "min_gain", "min_probability", "floors", "slices",
		"max_slice_loss", "max_latency", "fairness", "columns",
		"max_difference", "holdout"
	};
	const char *closest = mlops_closest_match(name, names, lengthof(names));

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("a gate has no \"%s\"", name),
			 closest ? errhint("Perhaps you meant \"%s\".", closest) :
			 errhint("It has metric, min_gain, min_probability, floors, slices, max_slice_loss, max_latency, fairness and holdout.")));
}

/* 22023 for one of two that need each other. */
static void
check_complete(const MlopsGate *gate)
{
	if ((gate->slices == NIL) != isnan(gate->max_slice_loss))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("slices and max_slice_loss need each other"),
				 errhint("Name the columns in slices, and how much worse a slice may be in max_slice_loss.")));
	if ((gate->fairness_columns == NIL) != isnan(gate->max_difference))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("fairness needs columns and max_difference"),
				 errhint("Write it as in '{\"fairness\": {\"columns\": [\"sex\"], \"max_difference\": 0.1}}'.")));
}

/* Write a check down; NaN as null.  Returns ok. */
static bool
add_check(Judgement *judgement, const char *name, double value, double bound,
		  bool ok)
{
	StringInfo	json = &judgement->json;

	appendStringInfoString(json, json->len > 1 ? ", {" : "{");
	mlops_append_text(json, "check", name);
	mlops_append_number(json, "value", value);
	mlops_append_number(json, "bound", bound);
	mlops_append_value(json, "ok", ok ? "true" : "false");
	appendStringInfoChar(json, '}');
	return ok;
}

/* A check did not hold; the first reason stays. */
static void
fail(Judgement *judgement, const char *reason)
{
	judgement->ok = false;
	if (judgement->reason == NULL)
		judgement->reason = reason;
}

/* Is it better, and how sure is that?  A tie is not better. */
static void
judge_gain(Judgement *judgement, const MlopsGate *gate,
		   const MlopsDecision *decision)
{
	if (!add_check(judgement, "min_gain", decision->gain, gate->min_gain,
				   decision->gain > gate->min_gain))
		fail(judgement, isnan(decision->gain) ?
			 psprintf("%s cannot be told on these rows", decision->metric) :
			 gate->min_gain == 0 ?
			 psprintf("%s: not better", figures(decision)) :
			 psprintf("%s: a gain of %.4g, more than %.4g is asked for",
					  figures(decision), decision->gain, gate->min_gain));
	if (!add_check(judgement, "min_probability", decision->probability,
				   gate->min_probability,
				   decision->probability >= gate->min_probability ||
				   gate->min_probability == 0))
		fail(judgement, isnan(decision->probability) ?
			 psprintf("%s: there are too few rows to tell",
					  figures(decision)) :
			 psprintf("%s: better with probability %.4g, %.4g is asked for",
					  figures(decision), decision->probability,
					  gate->min_probability));
}

/* Are all metrics within their bounds? */
static void
judge_floors(Judgement *judgement, const MlopsGate *gate,
			 const List *metrics)
{
	ListCell   *cell;

	foreach(cell, gate->floors)
	{
		const MlopsFloor *bounded = lfirst(cell);
		int			direction = mlops_metric_direction(bounded->metric);
		double		value = NAN;
		ListCell   *found;

		foreach(found, metrics)
			if (strcmp(((MlopsMetricRow *) lfirst(found))->name,
					   bounded->metric) == 0)
				value = ((MlopsMetricRow *) lfirst(found))->value;
		if (!add_check(judgement, psprintf("floor of %s", bounded->metric),
					   value, bounded->value,
					   direction * value >= direction * bounded->value))
			fail(judgement, psprintf("%s is %.6g, and must be at %s %.6g",
									 bounded->metric, value,
									 direction > 0 ? "least" : "most",
									 bounded->value));
	}
}

/* Does any slice lose more than it may? */
static void
judge_slices(Judgement *judgement, const MlopsGate *gate,
			 const MlopsPredictions *predictions, const char *metric)
{
	char	   *slice;
	double		loss = mlops_contest_slice_loss(predictions, metric, &slice);

	/* slices that are too small to say anything forbid nothing */
	if (!add_check(judgement, slice ? psprintf("loss in %s", slice) :
				   "loss in slices", loss, gate->max_slice_loss,
				   isnan(loss) || loss <= gate->max_slice_loss))
		fail(judgement, psprintf("in the slice %s %s is worse by %.4g, at most %.4g is allowed",
								 slice, metric, loss, gate->max_slice_loss));
}

/* Are groups treated alike? */
static void
judge_fairness(Judgement *judgement, const MlopsGate *gate,
			   const MlopsContest *contest, const char *metric)
{
	double		difference = mlops_contest_difference(contest,
													  gate->fairness_columns,
													  metric);

	if (!add_check(judgement, "fairness", difference, gate->max_difference,
				   isnan(difference) || difference <= gate->max_difference))
		fail(judgement, psprintf("groups differ by %.4g, at most %.4g is allowed",
								 difference, gate->max_difference));
}

/* Is it fast enough? */
static void
judge_latency(Judgement *judgement, const MlopsGate *gate,
			  const MlopsContest *contest)
{
	double		latency = mlops_contest_latency(contest);

	if (!add_check(judgement, "max_latency", latency, gate->max_latency,
				   latency <= gate->max_latency))
		fail(judgement, psprintf("a row takes %.4g microseconds, at most %.4g are allowed",
								 latency, gate->max_latency));
}

/* The two values in words. */
static char *
figures(const MlopsDecision *decision)
{
	return psprintf("%s %.6g against %.6g of version %d on " INT64_FORMAT " new rows",
					decision->metric, decision->challenger_value,
					decision->champion_value, decision->champion,
					decision->n_rows);
}
