/*
 * alert_state.h
 *		One sighting against the alerts of a rule.
 */
#ifndef MLOPS_ALERT_STATE_H
#define MLOPS_ALERT_STATE_H

#include "catalog/alert.h"

/* That something was seen of a subject, or that the subject is well. */
typedef struct MlopsSighting
{
	const char *model;			/* name */
	const char *event;
	const char *subject;
	const char *slice;			/* jsonb text */
	const char *feature;
	TimestampTz at;				/* of a window: its start */
	bool		is_seen;
	const char *message;
	const char *details;		/* jsonb text */
} MlopsSighting;

/*
 * The alerts of a rule and a subject that matter to what is seen at a time,
 * MlopsAlert *: there may be many more.
 */
extern List *mlops_alerts_at(const MlopsAlertRule *rule, const char *subject,
							 TimestampTz at);

/*
 * Raise, go on with or resolve what the rule has of the sighting's subject
 * and event.  alerts are those at its time; what changes is written, and told.  A sighting of a time that was counted before is not
 * counted again.
 */
extern void mlops_alert_judge(const MlopsAlertRule *rule, List *alerts,
							  const MlopsSighting *sighting);

#endif							/* MLOPS_ALERT_STATE_H */
