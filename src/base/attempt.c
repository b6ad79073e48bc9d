/*
 * attempt.c
 *		Work whose error is an answer, and not the end of the statement.
 */
#include "postgres.h"

#include "access/xact.h"
#include "base/attempt.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

static ErrorData *attempt(void (*work) (void *arg), void *arg, bool keep);
static bool ends_statement(const ErrorData *error);

ErrorData *
mlops_attempt(void (*work) (void *arg), void *arg)
{
	return attempt(work, arg, true);
}

ErrorData *
mlops_attempt_undone(void (*work) (void *arg), void *arg)
{
	return attempt(work, arg, false);
}

char *
mlops_attempt_code(const ErrorData *error)
{
	return pstrdup(unpack_sql_state(error->sqlerrcode));
}

char *
mlops_attempt_message(const ErrorData *error)
{
	return psprintf("%s%s%s%s%s", error->message ? error->message : "",
					error->detail ? "\n" : "",
					error->detail ? error->detail : "",
					error->hint ? "\n" : "", error->hint ? error->hint : "");
}

/* Do work, and undo it after an error or unless it is to be kept. */
static ErrorData *
attempt(void (*work) (void *arg), void *arg, bool keep)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		work(arg);
		if (keep)
			ReleaseCurrentSubTransaction();
		else
			RollbackAndReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	if (error != NULL && ends_statement(error))
		ReThrowError(error);
	return error;
}

/*
 * Must nobody go on after this error?  Classes: transaction rollback, a
 * cancel and other interventions of an operator.
 */
static bool
ends_statement(const ErrorData *error)
{
	int			class = ERRCODE_TO_CATEGORY(error->sqlerrcode);

	return class == ERRCODE_TO_CATEGORY(ERRCODE_T_R_SERIALIZATION_FAILURE) ||
		class == ERRCODE_TO_CATEGORY(ERRCODE_QUERY_CANCELED);
}
