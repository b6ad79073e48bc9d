/*
 * span.h
 *		The rows of a source between two moments, and their labels.
 *
 * Everything here makes queries out of a source, which are sources again, and
 * runs with the caller's rights.  A span begins at its first moment and ends
 * before its second; infinite ones are no bounds.  For windows that are read
 * one after the other, in the source's own time, see period.h.
 */
#ifndef MLOPS_SPAN_H
#define MLOPS_SPAN_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

/*
 * The type of a column of times, below domains: date, timestamp or
 * timestamptz; 42804 if the type is another.
 */
extern Oid	mlops_time_type(const char *event_time, Oid type);

/* A time of such a type: a timestamp, or a timestamptz if it is one. */
extern int64 mlops_time_value(Datum value, Oid type);

/*
 * A time as a literal, palloc'd, that means the same under all settings: a
 * timestamptz, or a timestamp, which dates compare with.
 */
extern char *mlops_time_literal(int64 time, bool zoned);

/* What there is in a span. */
typedef struct MlopsSpanCount
{
	int64		n_rows;
	int64		n_labelled;		/* whose target is not NULL */
	TimestampTz cut;			/* from here on there is the share of the
								 * labelled rows that was asked for, about;
								 * if there are any */
} MlopsSpanCount;

/*
 * The rows of a source whose column event_time lies in the span: a query,
 * palloc'd.  42703 and 42804 for a column that is not there, or no time.
 */
extern char *mlops_span_query(const char *source, const char *event_time,
							  TimestampTz from, TimestampTz until);

/*
 * Count the rows of a source of which all have the event time; target is a
 * column or expression; share in (0, 1) is that of the newest rows.
 */
extern void mlops_span_count(const char *source, const char *event_time,
							 const char *target, double share,
							 MlopsSpanCount *count);

/*
 * The source with a column that has the name `target`, unless it has one:
 * the column `label` of the query `labels` at the rows whose key columns are
 * equal; NULL where there is none.  21000, when it is read, for a key that has
 * several.  palloc'd.
 */
extern char *mlops_labelled_source(const char *source, const char *target,
								   const char *labels, const List *key,
								   const char *label);

#endif							/* MLOPS_SPAN_H */
