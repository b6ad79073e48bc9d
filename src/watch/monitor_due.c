/*
 * monitor_due.c
 *		Which windows of a monitor are to be computed.
 *
 * Due are windows that have ended and were not looked at, those that have
 * more rows or labels than when they were, or as many and others, and those
 * that failed.  Fewer rows are no reason: a source may keep its rows for a
 * short time only, and what was found must stay.
 *
 * One query reads the time of each row and its label.  Others are told by
 * the sum of hashes of times and labels.
 */
#include "postgres.h"

#include "access/xact.h"
#include "math/hash.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"
#include "watch/monitor_run.h"

/* Windows that have all they wait for and are looked at again, by default. */
#define RECOMPUTED	10

/* Of fingerprints, the highest bits are of columns, the others of rows. */
#define COLUMN_BITS	16

/* Rows of a window. */
typedef struct Count
{
	int64		start;			/* hash key */
	int64		n_rows;
	int64		n_labelled;
	int64		n_repeated;
	uint64		fingerprint;	/* sum of the rows' hashes, in any order */
} Count;

typedef struct Counting
{
	const MlopsWindows *windows;
	HTAB	   *counts;
	Count	   *last;
	int64		earliest;		/* start of a window; DT_NOEND: no rows */
	uint64		columns;		/* what rows are hashed by */
} Counting;

/* Windows to compute, by why. */
typedef struct Choice
{
	List	   *fresh;
	List	   *changed;
	List	   *failed;
} Choice;

static int64 start_of(const MlopsMonitorRun *run, TimestampTz moment);
static int64 bound_of(const MlopsMonitorRun *run, int64 start);
static int64 first_start(const MlopsMonitorRun *run, List *stored);
static int	recomputed(const MlopsMonitorRun *run, List *stored);
static TimestampTz reach_back(List *stored, const Interval *recompute);
static int64 last_start(const MlopsMonitorRun *run, List *stored);
static void count_row(const MlopsPeriodsRow *row, void *arg);
static MlopsDueWindow *window_at(const MlopsMonitorRun *run,
								 const Counting *counting, int64 start,
								 int64 *next);
static uint64 columns_of(const MlopsMonitorRun *run);
static void choose(const MlopsMonitorRun *run, const Counting *counting,
				   List *stored, int64 start, int64 end, Choice *choice);
static bool has_changed(const MlopsDueWindow *window,
						const MlopsMonitorWindow *before);
static List *taken(const MlopsMonitorRun *run, const Choice *choice);
static int	compare_due(const ListCell *a, const ListCell *b);

List *
mlops_monitor_due(MlopsMonitorRun *run, List *stored)
{
	Counting	counting = {&run->windows};
	Choice		choice = {NIL};
	HASHCTL		control = {0};
	int64		start = first_start(run, stored);
	int64		end = last_start(run, stored);

	counting.earliest = DT_NOEND;
	counting.columns = columns_of(run);
	control.keysize = sizeof(int64);
	control.entrysize = sizeof(Count);
	control.hcxt = CurrentMemoryContext;
	counting.counts = hash_create("mlops monitor windows", 256, &control,
								  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	if (start == DT_NOBEGIN || start < end)
		mlops_periods_scan(run->periods, start == DT_NOBEGIN ? DT_NOBEGIN :
						   bound_of(run, start), bound_of(run, end),
						   run->target, run->target_recorded, run->inputs,
						   count_row, &counting);
	if (start == DT_NOBEGIN)
		start = counting.earliest;
	if (start < end)
		choose(run, &counting, stored, start, end, &choice);
	hash_destroy(counting.counts);
	return taken(run, &choice);
}

List *
mlops_monitor_due_blind(const MlopsMonitorRun *run, List *stored)
{
	List	   *windows = NIL;
	TimestampTz start;

	if (stored == NIL)
		return NIL;
	start = ((MlopsMonitorWindow *) llast(stored))->window_end;
	while (list_length(windows) < run->max_windows)
	{
		MlopsDueWindow *window = palloc0(sizeof(MlopsDueWindow));

		window->window_start = start;
		window->window_end = start =
			DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
													TimestampTzGetDatum(start),
													IntervalPGetDatum(run->monitor->window_size)));
		if (window->window_end > run->until)
			break;
		windows = lappend(windows, window);
	}
	return windows;
}

/* The start of the window that a moment lies in. */
static int64
start_of(const MlopsMonitorRun *run, TimestampTz moment)
{
	int64		time = moment;

	if (!run->windows.zoned)
		time = DatumGetTimestamp(DirectFunctionCall1(timestamptz_timestamp,
													 TimestampTzGetDatum(moment)));
	return mlops_windows_start(&run->windows, time);
}

/* A start in terms of the time column. */
static int64
bound_of(const MlopsMonitorRun *run, int64 start)
{
	return run->windows.zoned ? mlops_windows_moment(&run->windows, start) :
		start;
}

/*
 * The start of the first window that may be due: of those to look at again,
 * or of the first of all.  DT_NOBEGIN: the first that has a row.
 */
static int64
first_start(const MlopsMonitorRun *run, List *stored)
{
	const MlopsMonitorWindow *window;
	TimestampTz first;
	ListCell   *cell;

	if (stored == NIL)
		return run->monitor->start_at == DT_NOBEGIN ? DT_NOBEGIN :
			start_of(run, run->monitor->start_at);
	window = list_nth(stored, recomputed(run, stored));
	first = window->window_start;
	if (run->recompute != NULL)
		first = reach_back(stored, run->recompute);
	foreach(cell, stored)
	{
		window = lfirst(cell);
		if (window->window_start >= first)
			break;
		if (strcmp(window->state, "failed") == 0)
			first = window->window_start;
	}
	return start_of(run, first);
}

/*
 * The place of the first window that is looked at again unless it is said: of
 * the last ones, not counting those at the end that have no rows yet or no
 * labels, for they may all come at once.  Labels that never come are not
 * waited for without end.
 */
static int
recomputed(const MlopsMonitorRun *run, List *stored)
{
	int			place = list_length(stored);
	int			unlabelled = 0;

	while (place > 0)
	{
		const MlopsMonitorWindow *window = list_nth(stored, place - 1);

		if (strcmp(window->state, "empty") != 0 &&
			(!run->labelled || window->n_labelled > 0 ||
			 ++unlabelled > MLOPS_LATEST_WINDOWS))
			break;
		place--;
	}
	return Max(place - RECOMPUTED, 0);
}

/*
 * How far back an interval reaches from the end of the last window, but not
 * beyond the first one.
 */
static TimestampTz
reach_back(List *stored, const Interval *recompute)
{
	Datum		first = TimestampTzGetDatum(((MlopsMonitorWindow *)
											 linitial(stored))->window_start);
	Datum		end = TimestampTzGetDatum(((MlopsMonitorWindow *)
										   llast(stored))->window_end);

	if (DatumGetBool(DirectFunctionCall2(interval_ge,
										 IntervalPGetDatum(recompute),
										 DirectFunctionCall2(timestamp_mi,
															 end, first))))
		return DatumGetTimestampTz(first);
	first = DirectFunctionCall2(timestamptz_mi_interval, end,
								IntervalPGetDatum(recompute));
	return DatumGetTimestampTz(first);
}

/*
 * The start of the window behind the last one that is due.  If it is known
 * where new windows begin, no more than can be computed.
 */
static int64
last_start(const MlopsMonitorRun *run, List *stored)
{
	int64		end = start_of(run, run->until);
	int64		start;

	if (stored != NIL)
		start = start_of(run, ((MlopsMonitorWindow *) llast(stored))->window_end);
	else if (run->monitor->start_at != DT_NOBEGIN)
		start = start_of(run, run->monitor->start_at);
	else
		return end;
	for (int i = 0; i < run->max_windows && start < end; i++)
		start = mlops_windows_next(&run->windows, start);
	return Min(start, end);
}

/* A MlopsPeriodsCallback. */
static void
count_row(const MlopsPeriodsRow *row, void *arg)
{
	Counting   *counting = arg;
	int64		start = mlops_windows_start(counting->windows, row->time);
	Count	   *count = counting->last;
	bool		found;

	if (count == NULL || count->start != start)
	{
		counting->last = count = hash_search(counting->counts, &start,
											 HASH_ENTER, &found);
		if (!found)
			*count = (Count)
		{
			start
		};
		counting->earliest = Min(counting->earliest, start);
	}
	if (row->repeated)
	{
		count->n_repeated++;
		return;
	}
	count->n_rows++;
	count->n_labelled += row->labelled;
	count->fingerprint += row->hash;
}

/*
 * The window of that start, with its counts; *next is the start behind it.  A
 * window of local time that the clocks skip belongs to the one before it.
 */
static MlopsDueWindow *
window_at(const MlopsMonitorRun *run, const Counting *counting, int64 start,
		  int64 *next)
{
	MlopsDueWindow *window = palloc0(sizeof(MlopsDueWindow));
	int64		time;

	window->window_start = mlops_windows_moment(&run->windows, start);
	window->from = time = bound_of(run, start);
	window->before = mlops_windows_start(&run->windows, time - 1);
	window->before = bound_of(run, window->before);
	do
	{
		const Count *count = hash_search(counting->counts, &start, HASH_FIND,
										 NULL);

		if (count != NULL)
		{
			window->n_rows += count->n_rows;
			window->n_labelled += count->n_labelled;
			window->n_repeated += count->n_repeated;
			window->fingerprint += count->fingerprint;
		}
		start = mlops_windows_next(&run->windows, start);
		window->window_end = mlops_windows_moment(&run->windows, start);
	} while (window->window_end <= window->window_start);
	window->to = bound_of(run, start);
	window->fingerprint = window->fingerprint << COLUMN_BITS >> COLUMN_BITS |
		counting->columns << (64 - COLUMN_BITS);
	*next = start;
	return window;
}

/*
 * A hash of what is looked at of rows: with other columns, as after a
 * training or mlops.alter_monitor(), fingerprints say nothing of each other.
 */
static uint64
columns_of(const MlopsMonitorRun *run)
{
	const char *target = run->target != NULL ? run->target : "";
	uint64		hash = mlops_hash_bytes(target, strlen(target), 0);
	ListCell   *cell;

	foreach(cell, run->inputs)
		hash = mlops_hash_bytes(lfirst(cell), strlen(lfirst(cell)), hash);
	return hash;
}

/*
 * Go through the windows from one start to before another and the stored ones
 * beside them.
 */
static void
choose(const MlopsMonitorRun *run, const Counting *counting, List *stored,
	   int64 start, int64 end, Choice *choice)
{
	int			place = 0;

	while (start < end && list_length(choice->fresh) < run->max_windows)
	{
		MlopsDueWindow *window = window_at(run, counting, start, &start);
		const MlopsMonitorWindow *before = NULL;

		CHECK_FOR_INTERRUPTS();
		while (place < list_length(stored))
		{
			before = list_nth(stored, place);
			if (before->window_start >= window->window_start)
				break;
			before = NULL;
			place++;
		}
		if (before == NULL || before->window_start != window->window_start)
		{
			choice->fresh = lappend(choice->fresh, window);
			continue;
		}
		window->version = before->version;
		window->completed = strcmp(before->state, "completed") == 0;
		if (strcmp(before->state, "failed") == 0)
			choice->failed = lappend(choice->failed, window);
		else if (has_changed(window, before))
			choice->changed = lappend(choice->changed, window);
	}
}

/*
 * Is there more in a window than there was, or something else, or could that
 * not be computed the last time?  Under a
 * snapshot that is older than what was computed, something else is no reason:
 * it may be what was there before.
 */
static bool
has_changed(const MlopsDueWindow *window, const MlopsMonitorWindow *before)
{
	uint64		differences;

	if (window->n_rows > before->n_rows ||
		window->n_labelled > before->n_labelled)
		return true;
	if (before->error != NULL)
		return window->n_rows == before->n_rows &&
			window->n_labelled == before->n_labelled;
	if (IsolationUsesXactSnapshot() &&
		before->computed_at >= GetCurrentTransactionStartTimestamp())
		return false;
	differences = window->fingerprint ^ before->fingerprint;
	return window->n_rows == before->n_rows &&
		window->n_labelled == before->n_labelled && differences != 0 &&
		differences >> (64 - COLUMN_BITS) == 0;
}

/*
 * As many as can be computed, in the order of time: new ones first, so that
 * windows that always fail keep nobody from going on.
 */
static List *
taken(const MlopsMonitorRun *run, const Choice *choice)
{
	List	   *all = list_concat(list_concat(list_copy(choice->fresh),
											  choice->changed),
								  choice->failed);

	if (list_length(all) > run->max_windows)
		all = list_truncate(all, run->max_windows);
	list_sort(all, compare_due);
	return all;
}

/* list_sort() comparator of due windows in the order of time. */
static int
compare_due(const ListCell *a, const ListCell *b)
{
	TimestampTz left = ((MlopsDueWindow *) lfirst(a))->window_start;
	TimestampTz right = ((MlopsDueWindow *) lfirst(b))->window_start;

	return left < right ? -1 : left > right;
}
