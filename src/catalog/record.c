/*
 * record.c
 *		All that is known of a version, as JSON text.
 *
 * Rows out for whoever takes a version elsewhere.  The columns stand there
 * under their own names, without ids, which mean nothing in another database,
 * and without what belongs to the place of a version and not to itself:
 * aliases, grants, when it was dropped.
 */
#include "postgres.h"

#include "catalog/internal.h"

char *
mlops_version_record_json(int64 version_id)
{
	MlopsArguments arguments = {0};
	char	   *text;

	mlops_add_int8(&arguments, version_id);
	text = mlops_catalog_text("SELECT jsonb_build_object("
							  " 'model', m.name,"
							  " 'version', to_jsonb(v) - '{version_id,"
							  "model_id,run_id,dropped_at,dropped_by,"
							  "forest_size}'::text[],"
							  " 'run', to_jsonb(r) - '{run_id,parent_run_id,"
							  "model_id,model}'::text[],"
							  " 'metrics', COALESCE((SELECT jsonb_agg("
							  "   jsonb_build_array(x.split, x.name, x.value)"
							  "   ORDER BY x.split, x.name)"
							  "  FROM mlops.metric x"
							  "  WHERE x.run_id = v.run_id), '[]'),"
							  " 'history', COALESCE((SELECT jsonb_agg("
							  "   jsonb_build_array(x.split, x.name, x.round,"
							  "    x.value) ORDER BY x.split, x.name, x.round)"
							  "  FROM mlops.metric_history x"
							  "  WHERE x.run_id = v.run_id), '[]'),"
							  " 'baselines', COALESCE((SELECT jsonb_agg("
							  "   to_jsonb(b) - 'version_id'"
							  "   ORDER BY b.kind, b.feature)"
							  "  FROM mlops.baseline b"
							  "  WHERE b.version_id = v.version_id), '[]'))"
							  " FROM mlops.version v"
							  " JOIN mlops.run r USING (run_id)"
							  " JOIN mlops.model m ON m.model_id = v.model_id"
							  " WHERE v.version_id = $1", &arguments);
	if (text == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("version with id %lld is missing",
						(long long) version_id)));
	return text;
}
