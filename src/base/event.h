/*
 * event.h
 *		What happens to models, told to whoever listens.
 */
#ifndef MLOPS_EVENT_H
#define MLOPS_EVENT_H

/* The channel to LISTEN on. */
#define MLOPS_EVENT_CHANNEL	"mlops_events"

/*
 * NOTIFY, when the transaction commits, with the payload
 * {"event": event, "model": model, "at": time, "details": details}.  details
 * is the text of a JSON object, or NULL for an empty one; one that is too long
 * for a notification is left out, and "truncated": true stands there instead.
 */
extern void mlops_event(const char *event, const char *model,
						const char *details);

#endif							/* MLOPS_EVENT_H */
