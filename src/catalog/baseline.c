/*
 * baseline.c
 *		What is stored of the values that a version was trained on.
 *
 * An index scan, so that it can be read where nothing may be planned.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/internal.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

static void read_values(MlopsBaseline *baseline, MlopsScan *scan,
						HeapTuple tuple);

MlopsBaseline *
mlops_baseline_values(int64 version_id, const char *feature,
					  Snapshot snapshot)
{
	MlopsBaseline *baseline = NULL;
	MlopsScan	scan;
	ScanKeyData key;
	HeapTuple	tuple;

	/* not by the name, for its index has the database's collation */
	mlops_key_int8(&key, Anum_baseline_version_id, version_id);
	mlops_scan_begin(&scan, "baseline", "baseline_pkey", snapshot, 1, &key);
	while (baseline == NULL &&
		   HeapTupleIsValid(tuple = mlops_scan_next(&scan)))
	{
		bool		null;
		char	   *kind = TextDatumGetCString(mlops_scan_value(&scan, tuple,
																Anum_baseline_kind, &null));
		char	   *name = TextDatumGetCString(mlops_scan_value(&scan, tuple,
																Anum_baseline_feature, &null));

		if (strcmp(kind, "prediction") != 0 && strcmp(name, feature) == 0)
		{
			baseline = palloc0(sizeof(MlopsBaseline));
			baseline->feature = name;
			baseline->kind = kind;
			read_values(baseline, &scan, tuple);
		}
	}
	mlops_scan_end(&scan);
	return baseline;
}

/* Fill quantiles and categories; what is NULL has none. */
static void
read_values(MlopsBaseline *baseline, MlopsScan *scan, HeapTuple tuple)
{
	Datum	   *elements;
	bool		null;
	Datum		value;

	value = mlops_scan_value(scan, tuple, Anum_baseline_quantiles, &null);
	if (!null)
	{
		deconstruct_array(DatumGetArrayTypeP(value), FLOAT8OID,
						  sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
						  &elements, NULL, &baseline->n_quantiles);
		baseline->quantiles = palloc(sizeof(double) *
									 Max(baseline->n_quantiles, 1));
		for (int i = 0; i < baseline->n_quantiles; i++)
			baseline->quantiles[i] = DatumGetFloat8(elements[i]);
	}
	value = mlops_scan_value(scan, tuple, Anum_baseline_categories, &null);
	if (!null)
	{
		deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false,
						  TYPALIGN_INT, &elements, NULL,
						  &baseline->n_categories);
		baseline->categories = palloc(sizeof(char *) *
									  Max(baseline->n_categories, 1));
		for (int i = 0; i < baseline->n_categories; i++)
			baseline->categories[i] = TextDatumGetCString(elements[i]);
	}
}
