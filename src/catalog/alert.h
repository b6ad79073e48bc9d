/*
 * alert.h
 *		Rules of alerts, and alerts: typed structs in, rows out.
 *
 * Everything is read as last committed, with what this transaction did.
 * Nothing here checks rights.  What a function returns is palloc'd in the
 * current memory context.
 */
#ifndef MLOPS_CATALOG_ALERT_H
#define MLOPS_CATALOG_ALERT_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

/* A row of mlops.alert_rule. */
typedef struct MlopsAlertRule
{
	int64		rule_id;		/* 0 before it is stored */
	const char *name;
	int64		model_id;
	List	   *events;			/* of char *, as all lists here */
	List	   *metrics;		/* NIL: any */
	List	   *features;		/* NIL: the model as a whole */
	const char *least_status;	/* potential or detected */
	const char *severity;		/* info, warning or critical */
	int			min_count;
	Interval   *period;			/* NULL: one after the other */
	Interval   *cooldown;
	bool		auto_reset;
} MlopsAlertRule;

/* A row of mlops.alert. */
typedef struct MlopsAlert
{
	int64		alert_id;		/* 0 before it is stored */
	int64		rule_id;		/* 0: the rule is gone */
	int64		model_id;
	const char *rule;
	const char *event;
	const char *subject;
	const char *slice;			/* jsonb text */
	const char *feature;		/* "": the model as a whole */
	const char *severity;
	const char *state;			/* pending, open, acknowledged, resolved */
	int			n_seen;
	TimestampTz first_seen_at;	/* times of windows are their starts */
	TimestampTz last_seen_at;
	TimestampTz raised_at;		/* DT_NOBEGIN, as all below: not yet */
	TimestampTz raised_for;		/* the time that it was raised for */
	TimestampTz resolved_at;
	TimestampTz acknowledged_at;
	const char *acknowledged_by;	/* or NULL */
	const char *note;			/* or NULL */
	const char *message;
	const char *details;		/* jsonb text */
	int			n_times;		/* the last times that it was seen, ascending */
	TimestampTz *times;
} MlopsAlert;

/* Times that an alert keeps; as many as a rule can count. */
#define MLOPS_ALERT_TIMES	1000

/* The rules of a model that are enabled, MlopsAlertRule *, by their names. */
extern List *mlops_alert_rules(int64 model_id);

/* The rule of that name, or NULL. */
extern MlopsAlertRule *mlops_alert_rule_lookup(const char *name);

/* Store a new rule; false if its name is taken. */
extern bool mlops_alert_rule_insert(MlopsAlertRule *rule);

/* Remove it; its alerts are resolved, and stay. */
extern void mlops_alert_rule_delete(const MlopsAlertRule *rule);

/* Does any version of the model have such a feature? */
extern bool mlops_model_has_feature(int64 model_id, const char *feature);

/*
 * The alerts that a rule has on a subject, MlopsAlert *, oldest first: those
 * that are not resolved, or were seen or raised at that time or later.
 */
extern List *mlops_alerts_of(int64 rule_id, const char *subject,
							 TimestampTz since);

/* The alert of that number, or NULL. */
extern MlopsAlert *mlops_alert_lookup(int64 alert_id);

/*
 * Write it: a new row if it has no number yet, which it gets.  What somebody
 * acknowledged meanwhile stays so.
 */
extern void mlops_alert_store(MlopsAlert *alert);

/* Remove one that was never raised. */
extern void mlops_alert_delete(const MlopsAlert *alert);

/* Resolve what a subject has, drop what is pending. */
extern void mlops_alerts_forget(int64 model_id, const char *subject);

/* Say who has seen an alert, and resolve it too if that is asked for. */
extern void mlops_alert_acknowledge(const MlopsAlert *alert,
									const char *note, bool resolve);

#endif							/* MLOPS_CATALOG_ALERT_H */
