/*
 * span.c
 *		The rows of a source between two moments, and their labels.
 *
 * The column is compared as it is with a timestamptz, so that an index on it
 * can be used; a timestamp or a date is taken in the session's time zone, as
 * it is in a training.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "data/source.h"
#include "data/span.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/float.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

static void check_time(const MlopsSource *source, const char *event_time);

Oid
mlops_time_type(const char *event_time, Oid type)
{
	Oid			base = getBaseType(type);

	if (base != TIMESTAMPTZOID && base != TIMESTAMPOID && base != DATEOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("event_time column \"%s\" is no time", event_time),
				 errdetail("It is of type %s.", format_type_be(type)),
				 errhint("It must be a date, a timestamp or a timestamptz.")));
	return base;
}

int64
mlops_time_value(Datum value, Oid type)
{
	return DatumGetTimestamp(type == DATEOID ?
							 DirectFunctionCall1(date_timestamp, value) :
							 value);
}

char *
mlops_time_literal(int64 time, bool zoned)
{
	char		text[MAXDATELEN + 1];
	int			utc = 0;

	if (zoned)
		JsonEncodeDateTime(text, TimestampTzGetDatum(time), TIMESTAMPTZOID,
						   &utc);
	else
		JsonEncodeDateTime(text, TimestampGetDatum(time), TIMESTAMPOID, NULL);
	return psprintf("'%s'::pg_catalog.%s", text,
					zoned ? "timestamptz" : "timestamp");
}

char *
mlops_span_query(const char *source_text, const char *event_time,
				 TimestampTz from, TimestampTz until)
{
	MlopsSource *source = mlops_source_open(source_text);
	const char *column = quote_identifier(event_time);
	StringInfoData query;

	check_time(source, event_time);
	initStringInfo(&query);
	appendStringInfo(&query, "SELECT * FROM %s", source->from);
	if (!TIMESTAMP_NOT_FINITE(from))
		appendStringInfo(&query, " WHERE %s >= %s", column,
						 mlops_time_literal(from, true));
	if (!TIMESTAMP_NOT_FINITE(until))
		appendStringInfo(&query, " %s %s < %s",
						 TIMESTAMP_NOT_FINITE(from) ? "WHERE" : "AND",
						 column, mlops_time_literal(until, true));
	return query.data;
}

void
mlops_span_count(const char *source_text, const char *event_time,
				 const char *target, double share, MlopsSpanCount *count)
{
	MlopsSource *source = mlops_source_open(source_text);
	MlopsExpression *label = mlops_source_expression(source, "target",
													 target);
	char	   *query;
	HeapTuple	row;
	TupleDesc	columns;
	bool		null;
	bool		none;
	TimestampTz last;

	check_time(source, event_time);
	query = psprintf("SELECT pg_catalog.count(*), pg_catalog.count(label),"
					 " pg_catalog.percentile_disc(%s) WITHIN GROUP"
					 " (ORDER BY at) FILTER (WHERE label IS NOT NULL),"
					 " pg_catalog.max(at) FILTER (WHERE label IS NOT NULL)"
					 " FROM (SELECT %s::pg_catalog.timestamptz AS at,"
					 " (%s)::pg_catalog.text AS label FROM %s) AS rows",
					 float8out_internal(1 - share),
					 quote_identifier(event_time), label->text,
					 source->from);
	SPI_connect();
	if (SPI_execute(query, true, 0) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "counting the rows of a source failed");
	row = SPI_tuptable->vals[0];
	columns = SPI_tuptable->tupdesc;
	count->n_rows = DatumGetInt64(SPI_getbinval(row, columns, 1, &null));
	count->n_labelled = DatumGetInt64(SPI_getbinval(row, columns, 2, &null));
	count->cut = DatumGetTimestampTz(SPI_getbinval(row, columns, 3, &none));
	last = DatumGetTimestampTz(SPI_getbinval(row, columns, 4, &null));
	/* rows of one moment stay together */
	if (none)
		count->cut = DT_NOEND;
	else if (count->cut < last)
		count->cut++;
	SPI_finish();
}

char *
mlops_labelled_source(const char *source_text, const char *target,
					  const char *labels, const List *key, const char *label)
{
	MlopsSource *source = mlops_source_open(source_text);
	MlopsSource *truth;
	StringInfoData query;
	StringInfoData equal;
	StringInfoData columns;
	ListCell   *cell;

	if (mlops_source_has(source, target))
		return pstrdup(source_text);
	truth = mlops_source_open(labels);
	(void) mlops_source_column(truth, label);
	initStringInfo(&query);
	initStringInfo(&equal);
	initStringInfo(&columns);
	foreach(cell, key)
	{
		const char *column = quote_identifier(lfirst(cell));
		const char *separator = cell == list_head(key) ? "" : " AND ";

		(void) mlops_source_column(source, lfirst(cell));
		(void) mlops_source_column(truth, lfirst(cell));
		appendStringInfo(&equal, "%smlops_s.%s = mlops_l.%s", separator,
						 column, column);
		appendStringInfo(&columns, "%s, ", column);
	}
	/* a key with several labels is an error of the server, 21000 */
	appendStringInfo(&query, "SELECT mlops_s.*, mlops_l.mlops_label AS %s"
					 " FROM (SELECT * FROM %s) AS mlops_s LEFT JOIN (SELECT"
					 " %s(SELECT l FROM pg_catalog.unnest("
					 "pg_catalog.array_agg(%s)) AS l) AS mlops_label FROM %s"
					 " GROUP BY %.*s) AS mlops_l ON %s",
					 quote_identifier(target), source->from, columns.data,
					 quote_identifier(label), truth->from, columns.len - 2,
					 columns.data, equal.data);
	return query.data;
}

/* 42703 or 42804 unless the source has a column of that name with times. */
static void
check_time(const MlopsSource *source, const char *event_time)
{
	int			column = mlops_source_column(source, event_time);

	(void) mlops_time_type(event_time, source->columns[column].type);
}

