/*
 * event.c
 *		Notifications.
 *
 * The server's own: they are sent when the transaction commits, not at all if
 * it does not, and equal ones of a transaction only once.
 */
#include "postgres.h"

#include "base/event.h"
#include "base/members.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "lib/stringinfo.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/timestamp.h"

/* Bytes that a payload may have; the server refuses 8000. */
#define LONGEST_PAYLOAD	7999

static void payload_of(StringInfo payload, const char *event,
					   const char *model, const char *details);

void
mlops_event(const char *event, const char *model, const char *details)
{
	StringInfoData payload;

	initStringInfo(&payload);
	payload_of(&payload, event, model, details != NULL ? details : "{}");
	if (payload.len > LONGEST_PAYLOAD)
	{
		resetStringInfo(&payload);
		payload_of(&payload, event, model, "{\"truncated\": true}");
	}
	Async_Notify(MLOPS_EVENT_CHANNEL, payload.data);
	pfree(payload.data);
}

/* Append the payload; details is JSON text. */
static void
payload_of(StringInfo payload, const char *event, const char *model,
		   const char *details)
{
	char		at[MAXDATELEN + 1];

	JsonEncodeDateTime(at, TimestampTzGetDatum(GetCurrentTimestamp()),
					   TIMESTAMPTZOID, NULL);
	appendStringInfoChar(payload, '{');
	mlops_append_text(payload, "event", event);
	mlops_append_text(payload, "model", model);
	mlops_append_text(payload, "at", at);
	mlops_append_value(payload, "details", details);
	appendStringInfoChar(payload, '}');
}
