/*
 * budget.c
 *		The time that windows of a monitor may take.
 *
 * An error that ends a statement takes all with it that the statement has
 * done.  So a run of a monitor stops before the timeout comes: when the next
 * window would not fit, as far as can be told from those before.  Where that
 * was wrong, the timeout is caught, and the statement ends.
 */
#include "postgres.h"

#include "access/xact.h"
#include "base/compat.h"
#include "storage/proc.h"
#include "utils/fmgrprotos.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"
#include "watch/budget.h"

/* So much longer than all before may a window be. */
#define RESERVE		2

/* Start of the last statement whose timeout was caught. */
static TimestampTz forgiven = 0;

static TimestampTz end_of(TimeoutId timeout);

void
mlops_budget_begin(MlopsBudget *budget, const Interval *max_duration)
{
	TimestampTz now = GetCurrentTimestamp();
	Interval	none = {0};

	*budget = (MlopsBudget)
	{
		DT_NOEND, end_of(STATEMENT_TIMEOUT)
	};
	if (forgiven == GetCurrentStatementStartTimestamp())
		budget->timeout = now;
	budget->deadline = Min(budget->timeout,
						   end_of(MLOPS_TRANSACTION_TIMEOUT));
	if (max_duration == NULL || mlops_interval_sign(max_duration) > 0)
		return;
	if (mlops_interval_sign(max_duration) < 0 ||
		!DatumGetBool(DirectFunctionCall2(interval_gt,
										  IntervalPGetDatum(max_duration),
										  IntervalPGetDatum(&none))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be positive", "max_duration")));
	budget->deadline =
		Min(budget->deadline,
			DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
													TimestampTzGetDatum(now),
													IntervalPGetDatum(max_duration))));
}

bool
mlops_budget_allows(const MlopsBudget *budget)
{
	TimestampTz now = GetCurrentTimestamp();

	if (budget->n_windows == 0)
		return now < budget->timeout;
	return budget->deadline == DT_NOEND ||
		budget->deadline - now >= RESERVE * budget->longest;
}

void
mlops_budget_spend(MlopsBudget *budget, TimestampTz from)
{
	budget->longest = Max(budget->longest, GetCurrentTimestamp() - from);
	budget->n_windows++;
}

bool
mlops_budget_forgives(const MlopsBudget *budget, const ErrorData *error)
{
	if (error->sqlerrcode != ERRCODE_QUERY_CANCELED ||
		GetCurrentTimestamp() < budget->timeout)
		return false;
	forgiven = GetCurrentStatementStartTimestamp();
	if (StatementTimeout > 0 && !get_timeout_active(STATEMENT_TIMEOUT))
		enable_timeout_after(STATEMENT_TIMEOUT, StatementTimeout);
	return true;
}

/* When a timeout will come; DT_NOEND if it is not running. */
static TimestampTz
end_of(TimeoutId timeout)
{
	return get_timeout_active(timeout) ? get_timeout_finish_time(timeout) :
		DT_NOEND;
}
