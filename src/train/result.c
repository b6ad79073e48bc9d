/*
 * result.c
 *		The row that makers of versions return: mlops.train_result.
 *
 * Trainings and imports return the same type, so that what is written around
 * the one works with the other.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "base/base.h"
#include "funcapi.h"
#include "train/result.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgroids.h"
#include "utils/json.h"
#include "utils/timestamp.h"

#define N_COLUMNS 9

static Datum metrics_jsonb(const List *metrics);

Datum
mlops_train_result(FunctionCallInfo fcinfo, const MlopsTrainResult *result)
{
	Interval   *elapsed = palloc0(sizeof(Interval));
	Datum		values[N_COLUMNS];
	bool		nulls[N_COLUMNS] = {0};
	int			i = 0;

	elapsed->time = GetCurrentTimestamp() - result->started_at;

	values[i++] = CStringGetTextDatum(result->model);
	values[i++] = Int32GetDatum(result->version);
	values[i++] = CStringGetTextDatum(result->task);
	values[i++] = Int64GetDatum(result->rows_train);
	values[i++] = Int64GetDatum(result->rows_validation);
	values[i++] = Int64GetDatum(result->rows_test);
	values[i++] = metrics_jsonb(result->metrics);
	values[i++] = BoolGetDatum(result->deployed);
	values[i++] = IntervalPGetDatum(elapsed);
	return HeapTupleGetDatum(heap_form_tuple(mlops_result_type(fcinfo),
											 values, nulls));
}

/*
 * {split: {metric: value}}; the history is left out, undefined ones are null.
 * Names of a bundle can be any text.
 */
static Datum
metrics_jsonb(const List *metrics)
{
	StringInfoData json;
	const char *split = NULL;
	ListCell   *cell;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	foreach(cell, metrics)
	{
		const MlopsMetricRow *row = lfirst(cell);

		if (row->step >= 0)
			continue;
		if (split == NULL || strcmp(split, row->split) != 0)
		{
			appendStringInfoString(&json, split ? "}, " : "");
			escape_json(&json, row->split);
			appendStringInfoString(&json, ": {");
		}
		else
			appendStringInfoString(&json, ", ");
		split = row->split;
		escape_json(&json, row->name);
		appendStringInfo(&json, ": %s", isfinite(row->value) ?
						 float8out_internal(row->value) : "null");
	}
	appendStringInfoString(&json, split ? "}}" : "}");
	return OidFunctionCall1(F_JSONB_IN, CStringGetDatum(json.data));
}
