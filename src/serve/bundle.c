/*
 * bundle.c
 *		mlops.export_bundle() and mlops.import_bundle(): a version with all
 *		that belongs to it, as one piece of bytes.
 *
 *		"mlops-bundle"		12 bytes
 *		format				uint32, now 1
 *		manifest's length	uint64
 *		manifest			JSON, UTF-8
 *		artefacts			as the manifest lists them, without gaps
 *		SHA-256				32 bytes, of everything before
 *
 * Numbers have their most significant byte first.  A reader passes over
 * members of the manifest that it does not know; what it must not pass over
 * needs another format number.  The forest is not part of it: it is always
 * built from the model's bytes, which are checked like any import.
 */
#include "postgres.h"

#include "base/base.h"
#include "base/compat.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "data/declare.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "serve/manifest.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(mlops_export_bundle);
PG_FUNCTION_INFO_V1(mlops_import_bundle);

#define BUNDLE_MAGIC	"mlops-bundle"
#define MAGIC_SIZE		12
#define BUNDLE_FORMAT	1
#define HEADER_SIZE		(MAGIC_SIZE + 4 + 8)
#define DIGEST_SIZE		PG_SHA256_DIGEST_LENGTH

static char *make_manifest(const MlopsVersion *version, const char *model);
static const char *open_bundle(const char *bytes, size_t size,
							   size_t *manifest_size);
static void check_model(const MlopsManifest *manifest, const char *bytes,
						size_t size);
static void check_facts(const MlopsManifest *manifest,
						const MlopsArrival *arrival);
static void compute_digest(const char *bytes, size_t size, uint8 *digest);
static void refuse(const char *detail) pg_attribute_noreturn();

/* export_bundle(model model_ref) returns bytea */
Datum
mlops_export_bundle(PG_FUNCTION_ARGS)
{
	char	   *spelled = text_to_cstring(PG_GETARG_TEXT_PP(0));
	MlopsReference reference = mlops_reference_parse(spelled);
	Snapshot	snapshot = GetActiveSnapshot();
	int64		version_id = mlops_resolve(&reference, snapshot, MLOPS_READ);
	MlopsVersion *version = mlops_version_load(version_id, snapshot);
	char	   *model = mlops_artefact_load(version_id, "model",
											version->model_size, snapshot);
	char	   *manifest = make_manifest(version, model);
	size_t		length = strlen(manifest);
	size_t		size = HEADER_SIZE + length + version->model_size;
	uint32		format = pg_hton32(BUNDLE_FORMAT);
	uint64		big_length = pg_hton64(length);
	bytea	   *bundle;
	char	   *at;

	if (size > MaxAllocSize - VARHDRSZ - DIGEST_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("version is too large for a bundle: %zu bytes", size)));
	bundle = palloc(VARHDRSZ + size + DIGEST_SIZE);
	SET_VARSIZE(bundle, VARHDRSZ + size + DIGEST_SIZE);
	at = VARDATA(bundle);
	memcpy(at, BUNDLE_MAGIC, MAGIC_SIZE);
	memcpy(at + MAGIC_SIZE, &format, 4);
	memcpy(at + MAGIC_SIZE + 4, &big_length, 8);
	memcpy(at + HEADER_SIZE, manifest, length);
	memcpy(at + HEADER_SIZE + length, model, version->model_size);
	compute_digest(at, size, (uint8 *) at + size);
	PG_RETURN_BYTEA_P(bundle);
}

/* import_bundle(bundle bytea, model text, deploy deploy_mode) returns train_result */
Datum
mlops_import_bundle(PG_FUNCTION_ARGS)
{
	MlopsArrival arrival = {.started_at = GetCurrentTimestamp()};
	MlopsManifest manifest = {0};
	MlopsForestInfo info;
	MlopsSignature *signature;
	bytea	   *data;
	const char *bytes;
	const char *model;
	char	   *text;
	size_t		size;
	size_t		length;
	Datum		jsonb;

	PreventCommandIfReadOnly("mlops.import_bundle()");
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"bundle\" must not be NULL")));
	arrival.deploy = mlops_arrival_deploy(fcinfo, 2, "false");
	data = PG_GETARG_BYTEA_PP(0);
	bytes = VARDATA_ANY(data);
	size = VARSIZE_ANY_EXHDR(data);
	model = open_bundle(bytes, size, &length);

	text = pnstrdup(bytes + HEADER_SIZE, length);
	if (strlen(text) != length)
		refuse("Its manifest has a NUL byte.");
	text = pg_any_to_server(text, length, PG_UTF8);
	jsonb = DirectFunctionCall1(jsonb_in, CStringGetDatum(text));
	mlops_manifest_read(DatumGetJsonbP(jsonb), &manifest, &arrival);

	arrival.model = mlops_optional_text(fcinfo, 1);
	if (arrival.model == NULL)
		arrival.model = manifest.model;
	arrival.note = "imported from a bundle";
	mlops_arrival_check(arrival.model);

	size -= DIGEST_SIZE + (model - bytes);
	check_model(&manifest, model, size);
	mlops_arrival_build(&arrival, model, size, &info);
	check_facts(&manifest, &arrival);
	signature = mlops_signature_accept(arrival.version.signature);
	if (signature->n_features != info.n_features)
		refuse("Its signature does not fit the model.");
	arrival.version.signature = mlops_signature_to_jsonb(signature);
	mlops_arrival_classes(&arrival, &info);
	return mlops_arrival_store(fcinfo, &arrival);
}

/* The manifest of a version in UTF-8. */
static char *
make_manifest(const MlopsVersion *version, const char *model)
{
	char	   *record = mlops_version_record_json(version->version_id);
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfo(&json, "{\"extension_version\": \"%s\", \"artefacts\": "
					 "[{\"kind\": \"model\", \"size\": %zu, \"sha256\": "
					 "\"%s\"}], ", MLOPS_VERSION, version->model_size,
					 mlops_sha256_hex(model, version->model_size));
	/* the record is an object with members */
	appendStringInfoString(&json, record + 1);
	return pg_server_to_any(json.data, json.len, PG_UTF8);
}

/*
 * Check the container; returns where the artefacts begin, and the length of
 * the manifest before.
 */
static const char *
open_bundle(const char *bytes, size_t size, size_t *manifest_size)
{
	uint8		digest[DIGEST_SIZE];
	uint32		format;
	uint64		length;

	if (size < HEADER_SIZE + DIGEST_SIZE ||
		memcmp(bytes, BUNDLE_MAGIC, MAGIC_SIZE) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("bundle is not valid"),
				 errdetail("It does not begin like one."),
				 errhint("Model files of XGBoost are for mlops.import_model().")));
	memcpy(&format, bytes + MAGIC_SIZE, 4);
	memcpy(&length, bytes + MAGIC_SIZE + 4, 8);
	format = pg_ntoh32(format);
	length = pg_ntoh64(length);
	if (format > BUNDLE_FORMAT)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("bundle has format %u, known is %d", format,
						BUNDLE_FORMAT),
				 errhint("A later release of mlops wrote it: update the extension here.")));
	if (format < 1)
		refuse("Its format is 0.");
	size -= DIGEST_SIZE;
	compute_digest(bytes, size, digest);
	if (memcmp(digest, bytes + size, DIGEST_SIZE) != 0)
		refuse("Its checksum is wrong: it was cut or changed on its way.");
	if (length > size - HEADER_SIZE)
		refuse("Its manifest is longer than the bundle.");
	*manifest_size = length;
	return bytes + HEADER_SIZE + length;
}

/* The bytes after the manifest must be the model that it names. */
static void
check_model(const MlopsManifest *manifest, const char *bytes, size_t size)
{
	if (manifest->model_size != size)
		refuse(psprintf("Its model has %zu bytes, it should have %zu.", size,
						manifest->model_size));
	if (strcmp(mlops_sha256_hex(bytes, size), manifest->model_sha256) != 0)
		refuse("Its model is not the one that the manifest names.");
}

/* What the manifest says of the model must be what the model says. */
static void
check_facts(const MlopsManifest *manifest, const MlopsArrival *arrival)
{
	const MlopsVersionRecord *version = &arrival->version;

	if (strcmp(manifest->objective, version->objective) != 0)
		refuse("Its manifest names another objective than its model.");
	if (strcmp(manifest->booster, version->booster) != 0)
		refuse("Its manifest names another booster than its model.");
	if (manifest->n_features != version->n_features ||
		manifest->n_trees != version->n_trees ||
		manifest->n_rounds != version->n_rounds)
		refuse("Its manifest has other counts of features or trees than its model.");
}

/* The SHA-256 of the bytes. */
static void
compute_digest(const char *bytes, size_t size, uint8 *digest)
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);

	if (context == NULL || pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, (const uint8 *) bytes, size) < 0 ||
		pg_cryptohash_final(context, digest, DIGEST_SIZE) < 0)
		elog(ERROR, "could not compute SHA-256: %s",
			 pg_cryptohash_error(context));
	pg_cryptohash_free(context);
}

/* Refuse the bundle. */
static void
refuse(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("bundle is not valid"),
			 errdetail_internal("%s", detail)));
}
