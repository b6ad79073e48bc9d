/*
 * as_of.c
 *		Predictions by the version that served at a given time.
 *
 * A call site keeps the history of the model that it saw last, with the
 * moment at which it was read, so that a time that differs from row to row
 * costs a binary search.  Each version has a place of its own.
 */
#include "postgres.h"

#include "base/base.h"
#include "base/compat.h"
#include "serve/call_site.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(mlops_predict_as_of);

/* What served when. */
typedef struct Timeline
{
	MemoryContext context;		/* of all this */
	char	   *model;
	bool		known;			/* moment is one */
	MlopsMoment moment;			/* when the history was read */
	int			n;
	MlopsAliasPeriod *periods;
	int		   *versions;		/* numbers, 0 where not looked up yet */
} Timeline;

static Timeline *timeline(FunctionCallInfo fcinfo, const text *key);
static Timeline *read_timeline(const text *key);
static int	find_period(const Timeline *timeline, TimestampTz as_of);
static int	version_number(Timeline *timeline, int period);

/* predict_as_of(model text, input record, as_of timestamptz) */
Datum
mlops_predict_as_of(PG_FUNCTION_ARGS)
{
	text	   *key = PG_GETARG_TEXT_PP(0);
	TimestampTz as_of = PG_GETARG_TIMESTAMPTZ(2);
	Timeline   *history = timeline(fcinfo, key);
	int			period = find_period(history, as_of);
	MlopsPlace *place;

	if (period < 0 || history->periods[period].version_id == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no version of model \"%s\" was deployed at %s",
						history->model, timestamptz_to_str(as_of)),
				 errhint("The view mlops.deployments shows what served when.")));
	place = mlops_call_site_place(fcinfo, key,
								  version_number(history, period));
	mlops_place_predict(place, PG_GETARG_HEAPTUPLEHEADER(1));
	PG_RETURN_FLOAT8(mlops_place_single(place));
}

/* The history of the model under the active snapshot. */
static Timeline *
timeline(FunctionCallInfo fcinfo, const text *key)
{
	void	  **extra = mlops_call_site_extra(fcinfo);
	Timeline   *kept = *extra;
	MlopsMoment moment;

	if (kept != NULL && mlops_moment_now(&moment) && kept->known &&
		memcmp(&moment, &kept->moment, sizeof(MlopsMoment)) == 0 &&
		strlen(kept->model) == VARSIZE_ANY_EXHDR(key) &&
		memcmp(kept->model, VARDATA_ANY(key), VARSIZE_ANY_EXHDR(key)) == 0)
		return kept;

	/* made under the current context, so that an error frees it */
	*extra = read_timeline(key);
	MemoryContextSetParent(((Timeline *) *extra)->context,
						   fcinfo->flinfo->fn_mcxt);
	if (kept != NULL)
		MemoryContextDelete(kept->context);
	return *extra;
}

/*
 * Read the history of a model, after checking that the current role may
 * predict with it; in a memory context of its own.
 */
static Timeline *
read_timeline(const text *key)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "mlops history",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	Timeline   *history = palloc0(sizeof(Timeline));
	MlopsModel *model;
	Snapshot	snapshot;

	history->context = context;
	history->model = text_to_cstring(key);
	history->known = mlops_moment_now(&history->moment);
	snapshot = history->known ? GetActiveSnapshot() : NULL;
	if (strpbrk(history->model, "/@") != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not the name of a model", history->model),
				 errhint("Name the model without a version or alias.")));
	model = mlops_model_lookup(history->model, snapshot, false);
	mlops_model_check(model, MLOPS_PREDICT);
	history->periods = mlops_alias_periods(model, MLOPS_CHAMPION, snapshot,
										   &history->n);
	history->versions = palloc0(sizeof(int) * Max(history->n, 1));
	MemoryContextSwitchTo(old_context);
	return history;
}

/* The period that the time falls into; -1 if it is before all. */
static int
find_period(const Timeline *history, TimestampTz as_of)
{
	int			low = 0;
	int			high = history->n;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (history->periods[middle].valid_from <= as_of)
			low = middle + 1;
		else
			high = middle;
	}
	return low - 1;
}

/* The number of a period's version; 42704 if it was dropped. */
static int
version_number(Timeline *history, int period)
{
	Snapshot	snapshot = history->known ? GetActiveSnapshot() : NULL;
	MlopsVersion *version;

	if (history->versions[period] != 0)
		return history->versions[period];
	version = mlops_version_load(history->periods[period].version_id,
								 snapshot);
	if (version->dropped)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("version %d of model \"%s\" was dropped",
						version->version, history->model),
				 errdetail("It served from %s on.",
						   timestamptz_to_str(history->periods[period].valid_from)),
				 errhint("The view mlops.versions lists the versions that are left.")));
	history->versions[period] = version->version;
	return version->version;
}
