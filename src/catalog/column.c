/*
 * column.c
 *		Columns of rows that were found, and of rows to be written.
 */
#include "postgres.h"

#include <math.h>

#include "base/base.h"
#include "catalog/internal.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/timestamp.h"

char *
mlops_scan_text(MlopsScan *scan, HeapTuple tuple, int column)
{
	bool		null;
	Datum		value = mlops_scan_value(scan, tuple, column, &null);

	return null ? NULL : TextDatumGetCString(value);
}

Jsonb *
mlops_scan_json(MlopsScan *scan, HeapTuple tuple, int column)
{
	bool		null;
	Datum		value = mlops_scan_value(scan, tuple, column, &null);

	return null ? NULL : DatumGetJsonbPCopy(value);
}

bool
mlops_scan_bool(MlopsScan *scan, HeapTuple tuple, int column)
{
	bool		null;
	Datum		value = mlops_scan_value(scan, tuple, column, &null);

	return !null && DatumGetBool(value);
}

int
mlops_scan_int4(MlopsScan *scan, HeapTuple tuple, int column)
{
	bool		null;
	Datum		value = mlops_scan_value(scan, tuple, column, &null);

	return null ? 0 : DatumGetInt32(value);
}

int64
mlops_scan_int8(MlopsScan *scan, HeapTuple tuple, int column)
{
	bool		null;
	Datum		value = mlops_scan_value(scan, tuple, column, &null);

	return null ? 0 : DatumGetInt64(value);
}

double
mlops_scan_float8(MlopsScan *scan, HeapTuple tuple, int column)
{
	bool		null;
	Datum		value = mlops_scan_value(scan, tuple, column, &null);

	return null ? NAN : DatumGetFloat8(value);
}

TimestampTz
mlops_scan_time(MlopsScan *scan, HeapTuple tuple, int column)
{
	bool		null;
	Datum		value = mlops_scan_value(scan, tuple, column, &null);

	return null ? DT_NOBEGIN : DatumGetTimestampTz(value);
}

Interval *
mlops_scan_interval(MlopsScan *scan, HeapTuple tuple, int column)
{
	bool		null;
	Datum		value = mlops_scan_value(scan, tuple, column, &null);

	return null ? NULL :
		DatumGetIntervalP(datumCopy(value, false, sizeof(Interval)));
}

List *
mlops_scan_names(MlopsScan *scan, HeapTuple tuple, int column)
{
	bool		null;
	Datum		value = mlops_scan_value(scan, tuple, column, &null);

	return null ? NIL : mlops_text_array_to_list(DatumGetArrayTypeP(value));
}

void
mlops_add_time(MlopsArguments *arguments, TimestampTz time)
{
	mlops_add_datum(arguments, TIMESTAMPTZOID, TimestampTzGetDatum(time),
					TIMESTAMP_IS_NOBEGIN(time));
}

void
mlops_add_interval(MlopsArguments *arguments, const Interval *interval)
{
	mlops_add_datum(arguments, INTERVALOID, IntervalPGetDatum(interval),
					interval == NULL);
}

void
mlops_add_json(MlopsArguments *arguments, const Jsonb *json)
{
	mlops_add_datum(arguments, JSONBOID, JsonbPGetDatum(json), json == NULL);
}

void
mlops_add_names(MlopsArguments *arguments, const List *names, bool nullable)
{
	const char **strings = palloc(sizeof(char *) * (list_length(names) + 1));
	int			n = 0;
	ListCell   *cell;

	foreach(cell, names)
		strings[n++] = lfirst(cell);
	mlops_add_datum(arguments, TEXTARRAYOID,
					PointerGetDatum(mlops_text_array(strings, n)),
					nullable && n == 0);
}
