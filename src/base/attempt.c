/*
 * attempt.c
 *		Work whose error is an answer, and not the end of the statement.
 */
#include "postgres.h"

#include "access/xact.h"
#include "base/attempt.h"
#include "utils/resowner.h"

static ErrorData *attempt(void (*work) (void *arg), void *arg, bool keep);
static ErrorData *unless_it_ends(ErrorData *error);

ErrorData *
mlops_attempt(void (*work) (void *arg), void *arg)
{
	return unless_it_ends(attempt(work, arg, true));
}

ErrorData *
mlops_attempt_all(void (*work) (void *arg), void *arg)
{
	return attempt(work, arg, true);
}

ErrorData *
mlops_attempt_undone(void (*work) (void *arg), void *arg)
{
	return unless_it_ends(attempt(work, arg, false));
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
	return error;
}

/*
 * The error, or NULL; raised again if nobody must go on after it.  Classes:
 * transaction rollback, a cancel and other interventions of an operator.
 */
static ErrorData *
unless_it_ends(ErrorData *error)
{
	int			class;

	if (error == NULL)
		return NULL;
	class = ERRCODE_TO_CATEGORY(error->sqlerrcode);
	if (class == ERRCODE_TO_CATEGORY(ERRCODE_T_R_SERIALIZATION_FAILURE) ||
		class == ERRCODE_TO_CATEGORY(ERRCODE_QUERY_CANCELED))
		ReThrowError(error);
	return error;
}
