/*
 * retrain.c
 *		mlops.retrain(): train a challenger, hold it against the champion,
 *		decide.
 *
 * The rows that are new to the champion are cut in two by time: the challenger
 * trains on all rows up to the cut, and both are compared on the rest, which
 * neither has seen.  Were all new rows held out, the challenger would train on
 * just the rows that the champion knows, and could not be better.  After the
 * gate held, the same recipe is trained once more with all rows, so that the
 * newest ones are not lost, and that version serves.
 *
 * An attempt runs in a subtransaction: what fails in it is undone and becomes
 * a decision, and a dry run is undone as well.  It reads under the snapshot of
 * the calling statement, to which only what this transaction did is added.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/xact.h"
#include "base/attempt.h"
#include "base/base.h"
#include "base/members.h"
#include "data/span.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "watch/alert.h"
#include "watch/guard.h"
#include "watch/retrain.h"
#include "watch/trigger.h"

PG_FUNCTION_INFO_V1(mlops_retrain);

/* The order of the arguments of mlops.retrain() in SQL. */
enum
{
	ARG_MODEL, ARG_REASON, ARG_FORCE, ARG_DRY_RUN, ARG_UNTIL
};

/* The columns of mlops.decision_result. */
#define N_COLUMNS 15

/* One decision on its way. */
typedef struct Attempt
{
	MlopsLoop  *loop;
	bool		force;			/* train, whatever the policy says */
	MlopsDecision *decision;
	MlopsDecisionHistory *history;
	MemoryContext context;		/* of all this */
	TimestampTz started_at;
	bool		admitted;		/* triggers and limits let it go ahead */
	bool		silent;			/* nothing that is worth a row */
	bool		counted;
	MlopsSpanCount count;		/* rows that are new to the champion */
} Attempt;

static MlopsDecision *decide(const char *model, const char *reason,
							 bool force, bool dry_run, TimestampTz until);
static void try_attempt(Attempt *attempt);
static void run_attempt(void *arg);
static int	quieten(void);
static void fail_attempt(Attempt *attempt, ErrorData *error);
static void skip(Attempt *attempt, const char *reason);
static void count_rows(Attempt *attempt);
static bool is_due(Attempt *attempt);
static void challenge(Attempt *attempt);
static TimestampTz remembered(const MlopsLoop *loop);
static int	train(Attempt *attempt, const char *source, int64 *n_rounds,
				  const char *description, int64 *version_id);
static void promote(Attempt *attempt, int64 version_id);
static void record(Attempt *attempt);
static void add_decision(void *arg);
static void announce(const Attempt *attempt);
static void tell(const Attempt *attempt, const char *event,
				 const char *details);
static char *subject_of(const Attempt *attempt);
static char *details_of(const MlopsDecision *decision);
static Datum result_row(FunctionCallInfo fcinfo,
						const MlopsDecision *decision);
static void put_version(Datum *values, bool *nulls, int column, int version);

/* retrain(model text, reason text, ...) returns decision_result */
Datum
mlops_retrain(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	MemoryContext old_context;
	MlopsDecision *decision;
	Datum		result;
	char	   *model;
	char	   *reason;

	PreventCommandIfReadOnly("mlops.retrain()");
	context = AllocSetContextCreate(CurrentMemoryContext, "mlops retrain",
									ALLOCSET_DEFAULT_SIZES);
	old_context = MemoryContextSwitchTo(context);
	model = mlops_required_text(fcinfo, ARG_MODEL, "model");
	reason = mlops_required_text(fcinfo, ARG_REASON, "reason");
	mlops_check_given(fcinfo, ARG_FORCE, "force");
	mlops_check_given(fcinfo, ARG_DRY_RUN, "dry_run");
	if (!PG_ARGISNULL(ARG_UNTIL) &&
		TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMPTZ(ARG_UNTIL)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be finite", "until"),
				 errhint("Leave it out to decide by the rows until now.")));
	decision = decide(model, reason,
					  PG_GETARG_BOOL(ARG_FORCE), PG_GETARG_BOOL(ARG_DRY_RUN),
					  PG_ARGISNULL(ARG_UNTIL) ? GetCurrentTimestamp() :
					  PG_GETARG_TIMESTAMPTZ(ARG_UNTIL));
	MemoryContextSwitchTo(old_context);
	result = result_row(fcinfo, decision);
	MemoryContextDelete(context);
	return result;
}

char *
mlops_retrain_if_due(const char *model, TimestampTz until)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "mlops retrain",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	MlopsDecision *decision = decide(model, NULL, false, false, until);
	char	   *message;

	MemoryContextSwitchTo(old_context);
	message = psprintf("%s: %s", decision->action, decision->reason);
	MemoryContextDelete(context);
	return message;
}

/*
 * Come to a decision and write it down, if there was something to decide.
 * reason is the trigger of a forced one.  The current memory context is the
 * decision's alone: contexts below it may be deleted.
 */
static MlopsDecision *
decide(const char *model, const char *reason, bool force, bool dry_run,
	   TimestampTz until)
{
	Attempt		attempt = {.force = force, .context = CurrentMemoryContext};
	MlopsDecision *decision = palloc0(sizeof(MlopsDecision));

	attempt.started_at = GetCurrentTimestamp();
	attempt.decision = decision;
	attempt.loop = mlops_loop_open(model, until);
	if (!force && !attempt.loop->has_policy)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no retraining policy", model),
				 errhint("Set one with mlops.set_retraining_policy().")));
	decision->dry_run = dry_run;
	decision->data_until = until;
	decision->n_rows = -1;
	decision->champion_value = decision->challenger_value = NAN;
	decision->gain = decision->ci_low = decision->ci_high = NAN;
	decision->probability = NAN;
	if (force)
		decision->triggers = list_make1(unconstify(char *, reason));
	if (!mlops_retraining_lock(attempt.loop->model))
	{
		skip(&attempt, "another retraining of the model is under way");
		attempt.silent = true;
		return decision;
	}
	attempt.history = mlops_decision_history(attempt.loop->model, until,
											 attempt.loop->policy->created_at);
	try_attempt(&attempt);
	record(&attempt);
	return decision;
}

/*
 * Run the attempt in a subtransaction, which is undone after a dry run or an
 * error.  Contexts below the attempt's are deleted after an error: what a
 * training holds that is no memory is given back by that.
 */
static void
try_attempt(Attempt *attempt)
{
	ErrorData  *error = attempt->decision->dry_run ?
		mlops_attempt_undone(run_attempt, attempt) :
		mlops_attempt(run_attempt, attempt);

	if (error == NULL)
		return;
	MemoryContextDeleteChildren(attempt->context);
	fail_attempt(attempt, error);
}

/* All that may fail; arg is the attempt. */
static void
run_attempt(void *arg)
{
	Attempt    *attempt = arg;
	MlopsLoop  *loop = attempt->loop;
	int			nest_level = quieten();

	CommandCounterIncrement();
	PushCopiedSnapshot(GetActiveSnapshot());
	UpdateActiveSnapshotCommandId();
	mlops_loop_bind(loop);
	attempt->decision->champion = loop->champion->version;
	if ((attempt->force || !loop->policy->guard ||
		 !mlops_guard_run(loop, attempt->decision)) && is_due(attempt))
		challenge(attempt);
	PopActiveSnapshot();
	AtEOXact_GUC(true, nest_level);
}

/*
 * What a training has to say of its rows is recorded with its run, and was
 * said when the recipe was tried first: let the client hear errors only, until
 * the nest level of settings that is returned ends.
 */
static int
quieten(void)
{
	int			nest_level = NewGUCNestLevel();

	if (client_min_messages < ERROR)
		(void) set_config_option("client_min_messages", "error",
								 PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	return nest_level;
}

/* The attempt failed; what it had found out is undone, but the champion. */
static void
fail_attempt(Attempt *attempt, ErrorData *error)
{
	MlopsDecision *decision = attempt->decision;

	decision->action = MLOPS_FAILED;
	decision->reason = error->detail != NULL ?
		psprintf("%s (%s)", error->message, error->detail) : error->message;
	decision->error_code = mlops_attempt_code(error);
	decision->challenger = decision->refitted = 0;
	attempt->silent = false;
	/* what failed before a training was asked for fails each time */
	if (!attempt->force && !attempt->admitted &&
		attempt->history->last_reason != NULL &&
		strcmp(attempt->history->last_reason, decision->reason) == 0)
		attempt->silent = true;
}

/* Nothing is done; the same reason is not written down twice in a row. */
static void
skip(Attempt *attempt, const char *reason)
{
	attempt->decision->action = MLOPS_SKIPPED;
	attempt->decision->reason = reason;
	attempt->silent = !attempt->force &&
		attempt->history != NULL && attempt->history->last_reason != NULL &&
		strcmp(attempt->history->last_reason, reason) == 0;
}

/*
 * Count the rows that are new to the champion, and not too old to be trained
 * on, else those held out might be all that there are.
 */
static void
count_rows(Attempt *attempt)
{
	MlopsLoop  *loop = attempt->loop;
	char	   *source = mlops_span_query(loop->source, loop->event_time,
										  Max(loop->unseen,
											  remembered(loop)),
										  loop->until);

	if (!attempt->counted)
		mlops_span_count(source, loop->event_time, loop->target,
						 loop->gate->holdout, &attempt->count);
	attempt->counted = true;
}

/* May, and can, a challenger be trained now? */
static bool
is_due(Attempt *attempt)
{
	MlopsLoop  *loop = attempt->loop;
	char	   *limit;

	if (!attempt->force)
	{
		ListCell   *cell;

		foreach(cell, loop->policy->trigger_on)
			if (strcmp(lfirst(cell), "new_rows") == 0)
				count_rows(attempt);
		attempt->decision->triggers = mlops_triggers(loop, attempt->history,
													 &attempt->count);
		if (attempt->decision->triggers == NIL)
		{
			skip(attempt, "no trigger holds");
			attempt->silent = true;
			return false;
		}
		limit = mlops_trigger_limit(loop, attempt->history);
		if (limit != NULL)
		{
			skip(attempt, limit);
			return false;
		}
	}
	attempt->admitted = true;
	count_rows(attempt);
	if (attempt->count.n_labelled >= loop->policy->min_new_rows)
		return true;
	skip(attempt,
		 psprintf(attempt->count.n_rows < loop->policy->min_new_rows ?
				  "fewer than " INT64_FORMAT " rows are new to version %d" :
				  "fewer than " INT64_FORMAT " of the rows that are new to version %d have a label",
				  loop->policy->min_new_rows, loop->champion->version));
	return false;
}

/* Train a challenger, compare, and decide. */
static void
challenge(Attempt *attempt)
{
	MlopsLoop  *loop = attempt->loop;
	MlopsDecision *decision = attempt->decision;
	TimestampTz from = remembered(loop);
	TimestampTz cut = attempt->count.cut;
	char	   *source = mlops_span_query(loop->source, loop->event_time, from,
										  cut);
	int64		n_rounds = mlops_loop_rounds(loop);
	int64		version_id = 0;
	MlopsContest contest;
	List	   *metrics = NIL;
	bool		passed;

	if (n_rounds == 0)
		(void) train(attempt, source, &n_rounds, NULL, NULL);
	decision->challenger = train(attempt, source, &n_rounds,
								 psprintf("challenger of version %d",
										  decision->champion), &version_id);
	contest = mlops_loop_contest(loop, decision->challenger,
								 decision->champion,
								 mlops_span_query(loop->source,
												  loop->event_time, cut,
												  loop->until));
	passed = mlops_gate_judge(loop->gate, &contest, decision, &metrics);
	mlops_run_add_test(mlops_version_load(version_id, NULL)->run_id,
					   decision->n_rows, metrics);
	decision->action = passed ? MLOPS_PROMOTED : MLOPS_KEPT;
	if (!passed || decision->dry_run)
		return;
	if (loop->policy->refit)
		decision->refitted =
			train(attempt,
				  mlops_span_query(loop->source, loop->event_time, from,
								   loop->until), &n_rounds,
				  psprintf("version %d trained on all rows",
						   decision->challenger), &version_id);
	promote(attempt, version_id);
}

/* The moment from which rows are trained on. */
static TimestampTz
remembered(const MlopsLoop *loop)
{
	return loop->policy->memory == NULL ? DT_NOBEGIN :
		mlops_loop_before(loop->until, loop->policy->memory);
}

/*
 * A training like the champion's on these rows, with *n_rounds; if these are
 * 0 it is only to find them, and nothing is stored.  Returns the version.
 */
static int
train(Attempt *attempt, const char *source, int64 *n_rounds,
	  const char *description, int64 *version_id)
{
	MemoryContext context = AllocSetContextCreate(attempt->context,
												  "mlops train",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	MlopsTrainReport *report;
	int			version;

	attempt->decision->trainings++;
	report = mlops_train_run(mlops_loop_call(attempt->loop, source,
											 *n_rounds, description),
							 "retraining", *n_rounds > 0);
	version = report->result.version;
	if (*n_rounds > 0)
		*version_id = report->version_id;
	else
		*n_rounds = Max(report->n_rounds, 1);
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
	CommandCounterIncrement();
	UpdateActiveSnapshotCommandId();
	return version;
}

/* Let the version serve, unless another one was deployed meanwhile. */
static void
promote(Attempt *attempt, int64 version_id)
{
	MlopsModel *model = attempt->loop->model;
	MlopsDecision *decision = attempt->decision;

	mlops_model_lock(model->name);
	if (mlops_alias_version(model->name, MLOPS_CHAMPION, NULL) ==
		attempt->loop->champion->version_id)
	{
		mlops_alias_set(model, MLOPS_CHAMPION,
						mlops_version_load(version_id, NULL), "deploy",
						decision->reason);
		return;
	}
	decision->action = MLOPS_KEPT;
	decision->reason = psprintf("another version than %d was deployed meanwhile",
								decision->champion);
}

/* Write the decision down, and tell who listens. */
static void
record(Attempt *attempt)
{
	MlopsDecision *decision = attempt->decision;
	ErrorData  *error;

	if (attempt->silent)
		return;
	if (decision->dry_run)
		decision->challenger = 0;
	decision->seconds = (GetCurrentTimestamp() - attempt->started_at) / 1e6;
	error = mlops_attempt(add_decision, attempt);
	if (error != NULL)
	{
		/* a model that was dropped meanwhile has no decisions: 42704 */
		(void) mlops_model_lookup(attempt->loop->model->name, NULL, false);
		ReThrowError(error);
	}
	if (!decision->dry_run)
		announce(attempt);
}

/* Work for mlops_attempt(). */
static void
add_decision(void *arg)
{
	Attempt    *attempt = arg;

	mlops_decision_add(attempt->loop->model, attempt->decision);
}

/* Tell of it: who listens, and the rules of alerts. */
static void
announce(const Attempt *attempt)
{
	const MlopsDecision *decision = attempt->decision;
	const char *details = details_of(decision);

	if (strcmp(decision->action, MLOPS_FAILED) == 0)
		tell(attempt, "failure", details);
	else if (decision->trainings > 0)
	{
		MlopsModel *model = attempt->loop->model;

		mlops_alert_clear(model->model_id, model->name, "failure",
						  subject_of(attempt), decision->reason);
		tell(attempt, "retraining", details);
	}
	if (strcmp(decision->action, MLOPS_ROLLED_BACK) == 0)
		tell(attempt, "rollback", details);
	if (strcmp(decision->action, MLOPS_PROMOTED) == 0)
		tell(attempt, "promotion", details);
}

/* One event. */
static void
tell(const Attempt *attempt, const char *event, const char *details)
{
	MlopsModel *model = attempt->loop->model;

	mlops_alert_event(model->model_id, model->name, event,
					  subject_of(attempt), "detected",
					  attempt->decision->reason, details);
}

/* What events are about. */
static char *
subject_of(const Attempt *attempt)
{
	return psprintf("model %s", attempt->loop->model->name);
}

/* A decision as a JSON object. */
static char *
details_of(const MlopsDecision *decision)
{
	StringInfoData json;
	int			serving = decision->champion;

	if (strcmp(decision->action, MLOPS_PROMOTED) == 0)
		serving = decision->refitted ? decision->refitted :
			decision->challenger;
	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	mlops_append_int8(&json, "decision", decision->decision_id);
	mlops_append_text(&json, "action", decision->action);
	mlops_append_text(&json, "reason", decision->reason);
	mlops_append_int8(&json, "serving", serving);
	if (isfinite(decision->gain))
	{
		mlops_append_text(&json, "metric", decision->metric);
		mlops_append_number(&json, "gain", decision->gain);
	}
	appendStringInfoChar(&json, '}');
	return json.data;
}

/* The composite value that the call returns, in the current context. */
static Datum
result_row(FunctionCallInfo fcinfo, const MlopsDecision *decision)
{
	Datum		values[N_COLUMNS];
	bool		nulls[N_COLUMNS] = {0};
	const char **triggers = palloc(sizeof(char *) *
								   (list_length(decision->triggers) + 1));
	int			n = 0;
	ListCell   *cell;

	foreach(cell, decision->triggers)
		triggers[n++] = lfirst(cell);
	values[0] = Int64GetDatum(decision->decision_id);
	nulls[0] = (decision->decision_id == 0);
	values[1] = CStringGetTextDatum(decision->action);
	values[2] = PointerGetDatum(mlops_text_array(triggers, n));
	values[3] = CStringGetTextDatum(decision->reason);
	put_version(values, nulls, 4, decision->champion);
	put_version(values, nulls, 5, decision->challenger);
	put_version(values, nulls, 6, decision->refitted);
	nulls[7] = (decision->metric == NULL);
	values[7] = nulls[7] ? (Datum) 0 : CStringGetTextDatum(decision->metric);
	mlops_put_number(values, nulls, 8, decision->champion_value);
	mlops_put_number(values, nulls, 9, decision->challenger_value);
	mlops_put_number(values, nulls, 10, decision->gain);
	mlops_put_number(values, nulls, 11, decision->ci_low);
	mlops_put_number(values, nulls, 12, decision->ci_high);
	mlops_put_number(values, nulls, 13, decision->probability);
	values[14] = Int32GetDatum(decision->trainings);
	return HeapTupleGetDatum(heap_form_tuple(mlops_result_type(fcinfo),
											 values, nulls));
}

/* A version's number; 0 is NULL. */
static void
put_version(Datum *values, bool *nulls, int column, int version)
{
	values[column] = Int32GetDatum(version);
	nulls[column] = (version == 0);
}
