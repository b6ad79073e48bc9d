/*
 * versions.c
 *		Versions as files, and the end of versions and models.
 */
#include "postgres.h"

#include <stdlib.h>

#include "base/compat.h"
#include "catalog/catalog.h"
#include "data/signature.h"
#include "fmgr.h"
#include "forest/describe.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(mlops_drop_version);
PG_FUNCTION_INFO_V1(mlops_drop_model);
PG_FUNCTION_INFO_V1(mlops_export_model);

static bytea *converted_model(const MlopsVersion *version, const char *model,
							  bool json);
static bytea *model_as_text(const MlopsVersion *version, const char *model);
static const char *to_utf8(const char *string);
static void unreadable(const MlopsForestError *error) pg_attribute_noreturn();
static bytea *take_bytea(char *bytes, size_t length);
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
	bool		json = strcmp(format, "json") == 0;
	bool		text = strcmp(format, "text") == 0;
	MlopsVersion *version;
	char	   *model;

	if (!json && !text && strcmp(format, "ubj") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown model format: \"%s\"", format),
				 errhint("Formats are ubj, json and text.")));
	version = mlops_version_load(mlops_resolve(&reference, snapshot,
											   MLOPS_READ), snapshot);
	model = mlops_artefact_load(version->version_id, "model",
								version->model_size, snapshot);
	if (text)
		PG_RETURN_BYTEA_P(model_as_text(version, model));

	/* an imported file may be of either format: as such it is not touched */
	if (json == mlops_model_is_json(model, version->model_size))
		PG_RETURN_BYTEA_P(make_bytea(model, version->model_size));
	PG_RETURN_BYTEA_P(converted_model(version, model, json));
}

/* The model as JSON or UBJ, which it is not yet. */
static bytea *
converted_model(const MlopsVersion *version, const char *model, bool json)
{
	MlopsForestError error;
	char	   *bytes;
	size_t		length;

	if (!(json ? mlops_model_to_json : mlops_model_to_ubj)
		(model, version->model_size, &bytes, &length, &error))
		unreadable(&error);
	return take_bytea(bytes, length);
}

/* The trees as text, with the names and categories of the signature. */
static bytea *
model_as_text(const MlopsVersion *version, const char *model)
{
	MlopsSignature *signature = mlops_signature_from_jsonb(version->signature);
	MlopsModelFeatures labels = {0};
	MlopsForestError error;
	char	   *text;
	size_t		length;

	labels.n_features = signature->n_features;
	labels.named = true;
	labels.names = palloc0(sizeof(char *) * labels.n_features);
	labels.n_categories = palloc0(sizeof(uint32_t) * labels.n_features);
	labels.categories = palloc0(sizeof(char **) * labels.n_features);
	for (int i = 0; i < signature->n_features; i++)
		labels.names[i] = to_utf8(signature->feature_names[i]);
	for (int i = 0; i < signature->n_inputs; i++)
	{
		const MlopsInput *input = &signature->inputs[i];

		if (input->kind != MLOPS_INPUT_CATEGORY)
			continue;
		labels.n_categories[input->first_feature] = input->n_categories;
		labels.categories[input->first_feature] =
			palloc(sizeof(char *) * Max(input->n_categories, 1));
		for (int j = 0; j < input->n_categories; j++)
			labels.categories[input->first_feature][j] =
				to_utf8(input->categories[j]);
	}
	if (!mlops_model_dump_labelled(model, version->model_size, &labels, &text,
								   &length, &error))
		unreadable(&error);
	return take_bytea(text, length);
}

/* A string in UTF-8. */
static const char *
to_utf8(const char *string)
{
	return pg_server_to_any(string, strlen(string), PG_UTF8);
}

/* The stored model cannot be read. */
static void
unreadable(const MlopsForestError *error)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("stored model cannot be read"),
			 errdetail_internal("%s.", error->message)));
}

/* A bytea out of malloc'd bytes, which are freed; 54000 if it gets too long. */
static bytea *
take_bytea(char *bytes, size_t length)
{
	bytea	   *result = NULL;

	/* nothing may throw before the bytes are freed */
	if (length <= MaxAllocSize - VARHDRSZ)
		result = palloc_extended(VARHDRSZ + length, MCXT_ALLOC_NO_OOM);
	if (result != NULL)
	{
		SET_VARSIZE(result, VARHDRSZ + length);
		memcpy(VARDATA(result), bytes, length);
	}
	free(bytes);
	if (result == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("model is too large for this format: %zu bytes",
						length),
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
