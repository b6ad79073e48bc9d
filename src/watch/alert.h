/*
 * alert.h
 *		Who is told of what happens to models, and what becomes of it.
 *
 * Two things are told apart.  An event is a notification to whoever listens
 * (base/event.h); it is sent here, whether there is a rule or not.  An alert
 * is a row that a rule raised, and that stays until it is resolved.
 *
 * A subject is what an event is about, such as "monitor churn", "job watch
 * churn" or "model churn".
 * drift, performance, no_data and failure are conditions of their subject:
 * they last until it is seen to be well.  retraining, promotion and rollback
 * happen and are over.
 */
#ifndef MLOPS_ALERT_H
#define MLOPS_ALERT_H

#include "datatype/timestamp.h"

struct MlopsMonitor;			/* catalog/monitor.h */

/*
 * Judge a window that was computed just now, or again: its rows in
 * mlops.monitor_window and mlops.monitor_result are written.  Sends events
 * and raises and resolves alerts by the rules of the model.  Counts a window
 * once, however often it is computed.
 */
extern void mlops_alert_window(const struct MlopsMonitor *monitor,
							   TimestampTz window_start);

/*
 * Something happened now: send the event and judge the rules.  event is
 * retraining, promotion, rollback or failure; status is potential or
 * detected, as least_status of a rule (detected for what is not a matter of
 * degree); message is for people; details is the text of a JSON object or
 * NULL.
 */
extern void mlops_alert_event(int64 model_id, const char *model,
							  const char *event, const char *subject,
							  const char *status, const char *message,
							  const char *details);

/* The subject is well: resolve its alerts of that event, where rules say so. */
extern void mlops_alert_clear(int64 model_id, const char *model,
							  const char *event, const char *subject,
							  const char *message);

/* The subject is no more: its alerts, of all events, are over. */
extern void mlops_alert_forget(int64 model_id, const char *subject);

/*
 * What mlops.create_alert_rule() does with its defaults, for others; the
 * caller has been checked.  Does nothing if there is a rule of that name for
 * the model already.
 */
extern void mlops_alert_rule_default(int64 model_id, const char *name);

#endif							/* MLOPS_ALERT_H */
