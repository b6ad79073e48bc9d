/*
 * versions.c
 *		Versions as files, and the end of versions and models.
 */
#include "postgres.h"

#include <stdlib.h>

#include "catalog/catalog.h"
#include "fmgr.h"
#include "forest/forest.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(mlops_drop_version);
PG_FUNCTION_INFO_V1(mlops_drop_model);
PG_FUNCTION_INFO_V1(mlops_export_model);

static bytea *model_as_json(const char *model, size_t size);
static bytea *make_bytea(const char *bytes, size_t size);

/* drop_version(model model_ref) returns void */
Datum
mlops_drop_version(PG_FUNCTION_ARGS)
{
	char	   *spelled = text_to_cstring(PG_GETARG_TEXT_PP(0));
	MlopsReference reference = mlops_reference_parse(spelled);
	MlopsModel *model;
	int64		version_id;

	PreventCommandIfReadOnly("mlops.drop_version()");
	if (reference.version == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" names no version by its number", spelled),
				 errhint("Write 'model/version'.")));
	model = mlops_model_lookup(reference.model, NULL, false);
	mlops_model_check(model, MLOPS_MANAGE);
	mlops_model_lock(model->name);
	version_id = mlops_resolve(&reference, NULL, MLOPS_MANAGE);
	mlops_version_drop(model, mlops_version_load(version_id, NULL));
	PG_RETURN_VOID();
}

/* drop_model(model text) returns void */
Datum
mlops_drop_model(PG_FUNCTION_ARGS)
{
	MlopsModel *model;

	PreventCommandIfReadOnly("mlops.drop_model()");
	model = mlops_model_lookup(text_to_cstring(PG_GETARG_TEXT_PP(0)), NULL,
							   false);
	mlops_model_check(model, MLOPS_MANAGE);
	mlops_model_drop(model);
	PG_RETURN_VOID();
}

/* export_model(model model_ref, format text) returns bytea */
Datum
mlops_export_model(PG_FUNCTION_ARGS)
{
	char	   *spelled = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *format = text_to_cstring(PG_GETARG_TEXT_PP(1));
	MlopsReference reference = mlops_reference_parse(spelled);
	Snapshot	snapshot = GetActiveSnapshot();
	MlopsVersion *version;
	char	   *model;

	if (strcmp(format, "ubj") != 0 && strcmp(format, "json") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown model format: \"%s\"", format),
				 errhint("Formats are ubj and json.")));
	version = mlops_version_load(mlops_resolve(&reference, snapshot,
											   MLOPS_READ), snapshot);
	model = mlops_artefact_load(version->version_id, "model",
								version->model_size, snapshot);
	if (strcmp(format, "json") == 0)
		PG_RETURN_BYTEA_P(model_as_json(model, version->model_size));
	PG_RETURN_BYTEA_P(make_bytea(model, version->model_size));
}

/* The UBJ model as JSON; XX001 if it is none, 54000 if it gets too long. */
static bytea *
model_as_json(const char *model, size_t size)
{
	MlopsForestError error;
	char	   *text;
	size_t		length;
	bytea	   *result = NULL;

	if (!mlops_model_to_json(model, size, &text, &length, &error))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("stored model cannot be read"),
				 errdetail_internal("%s.", error.message)));

	/* nothing may throw before text is freed */
	if (length <= MaxAllocSize - VARHDRSZ)
		result = palloc_extended(VARHDRSZ + length, MCXT_ALLOC_NO_OOM);
	if (result != NULL)
	{
		SET_VARSIZE(result, VARHDRSZ + length);
		memcpy(VARDATA(result), text, length);
	}
	free(text);
	if (result == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("model is too large for JSON: %zu bytes", length),
				 errhint("Export it as ubj.")));
	return result;
}

/* A bytea with a copy of the bytes. */
static bytea *
make_bytea(const char *bytes, size_t size)
{
	bytea	   *result = palloc(VARHDRSZ + size);

	SET_VARSIZE(result, VARHDRSZ + size);
	memcpy(VARDATA(result), bytes, size);
	return result;
}
