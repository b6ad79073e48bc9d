/*
 * run.c
 *		What runs have recorded, read back.
 */
#include "postgres.h"

#include "catalog/internal.h"

char *
mlops_run_argument(int64 run_id, const char *name, Snapshot snapshot)
{
	MlopsScan	scan;
	ScanKeyData key;
	HeapTuple	tuple;
	char	   *result = NULL;

	mlops_key_int8(&key, Anum_run_run_id, run_id);
	mlops_scan_begin(&scan, "run", "run_pkey", snapshot, 1, &key);
	tuple = mlops_scan_next(&scan);
	if (HeapTupleIsValid(tuple))
	{
		Jsonb	   *arguments = mlops_scan_json(&scan, tuple,
												Anum_run_arguments);
		JsonbValue *value = NULL;

		if (JB_ROOT_IS_OBJECT(arguments))
			value = getKeyJsonValueFromContainer(&arguments->root, name,
												 strlen(name), NULL);
		if (value != NULL && value->type == jbvString)
			result = pnstrdup(value->val.string.val, value->val.string.len);
	}
	mlops_scan_end(&scan);
	return result;
}
