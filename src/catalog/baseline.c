/*
 * baseline.c
 *		What is stored of the values that a version was trained on.
 *
 * An index scan, so that it can be read where nothing may be planned.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/internal.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

static void read_values(MlopsBaseline *baseline, MlopsScan *scan,
						HeapTuple tuple);
static void read_counts(MlopsBaseline *baseline, MlopsScan *scan,
						HeapTuple tuple);
static double *read_float8s(MlopsScan *scan, HeapTuple tuple, int column,
							int *n);
static int64 *read_int8s(MlopsScan *scan, HeapTuple tuple, int column,
						 int *n);

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
		char	   *kind = mlops_scan_text(&scan, tuple, Anum_baseline_kind);
		char	   *name = mlops_scan_text(&scan, tuple,
										   Anum_baseline_feature);

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

List *
mlops_baselines(int64 version_id, Snapshot snapshot)
{
	List	   *baselines = NIL;
	MlopsScan	scan;
	ScanKeyData key;
	HeapTuple	tuple;

	mlops_key_int8(&key, Anum_baseline_version_id, version_id);
	mlops_scan_begin(&scan, "baseline", "baseline_pkey", snapshot, 1, &key);
	while (HeapTupleIsValid(tuple = mlops_scan_next(&scan)))
	{
		MlopsBaseline *baseline = palloc0(sizeof(MlopsBaseline));

		baseline->feature = mlops_scan_text(&scan, tuple,
											Anum_baseline_feature);
		baseline->kind = mlops_scan_text(&scan, tuple, Anum_baseline_kind);
		read_values(baseline, &scan, tuple);
		read_counts(baseline, &scan, tuple);
		baselines = lappend(baselines, baseline);
	}
	mlops_scan_end(&scan);
	return baselines;
}

/* Fill quantiles and categories; what is NULL has none. */
static void
read_values(MlopsBaseline *baseline, MlopsScan *scan, HeapTuple tuple)
{
	Datum	   *elements;
	bool		null;
	Datum		value;

	baseline->quantiles = read_float8s(scan, tuple, Anum_baseline_quantiles,
									   &baseline->n_quantiles);
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

/*
 * Fill all else.  XX001 if the arrays do not belong together, which a table
 * that somebody wrote to may hold.
 */
static void
read_counts(MlopsBaseline *baseline, MlopsScan *scan, HeapTuple tuple)
{
	int			n_bins;
	int			n_counts;

	baseline->n = mlops_scan_int8(scan, tuple, Anum_baseline_n);
	baseline->n_missing = mlops_scan_int8(scan, tuple,
										  Anum_baseline_n_missing);
	baseline->min = mlops_scan_float8(scan, tuple, Anum_baseline_min);
	baseline->max = mlops_scan_float8(scan, tuple, Anum_baseline_max);
	baseline->mean = mlops_scan_float8(scan, tuple, Anum_baseline_mean);
	baseline->stddev = mlops_scan_float8(scan, tuple, Anum_baseline_stddev);
	baseline->skewness = mlops_scan_float8(scan, tuple,
										   Anum_baseline_skewness);
	baseline->has_moments = !isnan(baseline->min);

	baseline->edges = read_float8s(scan, tuple, Anum_baseline_edges,
								   &baseline->n_edges);
	if (baseline->edges == NULL)
		baseline->n_edges = -1;
	baseline->bin_counts = read_int8s(scan, tuple, Anum_baseline_bin_counts,
									  &n_bins);
	baseline->width_counts = read_int8s(scan, tuple,
										Anum_baseline_width_counts,
										&baseline->n_widths);
	baseline->category_counts = read_int8s(scan, tuple,
										   Anum_baseline_category_counts,
										   &n_counts);
	baseline->n_other = mlops_scan_int8(scan, tuple, Anum_baseline_n_other);
	if ((baseline->n_edges >= 0 && n_bins != baseline->n_edges + 1) ||
		n_counts != baseline->n_categories)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("baseline of \"%s\" cannot be used",
						baseline->feature)));
}

/* Numbers, *n of them; none if it is NULL. */
static double *
read_float8s(MlopsScan *scan, HeapTuple tuple, int column, int *n)
{
	bool		null;
	Datum		value = mlops_scan_value(scan, tuple, column, &null);
	Datum	   *elements;
	double	   *numbers;

	*n = 0;
	if (null)
		return NULL;
	deconstruct_array(DatumGetArrayTypeP(value), FLOAT8OID, sizeof(float8),
					  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &elements, NULL, n);
	numbers = palloc(sizeof(double) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		numbers[i] = DatumGetFloat8(elements[i]);
	return numbers;
}

/* Counts, *n of them; none if it is NULL. */
static int64 *
read_int8s(MlopsScan *scan, HeapTuple tuple, int column, int *n)
{
	bool		null;
	Datum		value = mlops_scan_value(scan, tuple, column, &null);
	Datum	   *elements;
	int64	   *counts;

	*n = 0;
	if (null)
		return NULL;
	deconstruct_array(DatumGetArrayTypeP(value), INT8OID, sizeof(int64),
					  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &elements, NULL, n);
	counts = palloc(sizeof(int64) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		counts[i] = DatumGetInt64(elements[i]);
	return counts;
}
