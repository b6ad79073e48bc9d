/*
 * model.c
 *		Models: references, lookup, lock, changes.
 */
#include "postgres.h"

#include <limits.h>

#include "base/compat.h"
#include "catalog/internal.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "common/string.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/inval.h"

/* What of a model is locked: its versions and aliases, and its being there. */
enum
{
	LOCK_VERSIONS, LOCK_EXISTENCE
};

static uint32 number_of(const char *name);
static bool has_versions(const char *name);
static MlopsModel *read_model(MlopsScan *scan, HeapTuple tuple);
static int	parse_version(const char *text);
static void invalidate(const char *table);

MlopsReference
mlops_reference_parse(const char *text)
{
	MlopsReference reference;

	if (!mlops_reference_read(text, &reference))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid model reference: \"%s\"", text),
				 errhint("Write 'model', 'model/version' or 'model@alias'.")));
	return reference;
}

bool
mlops_reference_read(const char *text, MlopsReference *reference)
{
	const char *mark = text + strcspn(text, "/@");

	memset(reference, 0, sizeof(MlopsReference));
	reference->model = pnstrdup(text, mark - text);
	if (*mark == '/')
		reference->version = parse_version(mark + 1);
	else if (*mark == '@')
		reference->alias = pstrdup(mark + 1);
	else
		reference->alias = pstrdup(MLOPS_CHAMPION);

	return reference->model[0] != '\0' &&
		(*mark != '/' || reference->version > 0) &&
		(*mark != '@' || (mark[1] != '\0' &&
						  mark[1 + strcspn(mark + 1, "/@")] == '\0'));
}

void
mlops_model_name_check(const char *name)
{
	if (name[0] == '\0' || strpbrk(name, "/@") != NULL || strlen(name) > 200)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid model name: \"%s\"", name),
				 errhint("A name has 1 to 200 bytes, none of them / or @.")));
}

MlopsModel *
mlops_model_lookup(const char *name, Snapshot snapshot, bool missing_ok)
{
	MlopsScan	scan;
	ScanKeyData key;
	HeapTuple	tuple;
	MlopsModel *model = NULL;

	mlops_key_text(&key, Anum_model_name, name);
	mlops_scan_begin(&scan, "model", "model_name_key", snapshot, 1, &key);
	tuple = mlops_scan_next(&scan);
	if (HeapTupleIsValid(tuple))
		model = read_model(&scan, tuple);
	mlops_scan_end(&scan);

	if (model == NULL && !missing_ok)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" does not exist", name),
				 errhint("The view mlops.models lists those that you may use.")));
	return model;
}

MlopsModel *
mlops_model_by_id(int64 model_id, Snapshot snapshot)
{
	MlopsScan	scan;
	ScanKeyData key;
	HeapTuple	tuple;
	MlopsModel *model = NULL;

	mlops_key_int8(&key, Anum_model_model_id, model_id);
	mlops_scan_begin(&scan, "model", "model_pkey", snapshot, 1, &key);
	tuple = mlops_scan_next(&scan);
	if (HeapTupleIsValid(tuple))
		model = read_model(&scan, tuple);
	mlops_scan_end(&scan);
	return model;
}

void
mlops_model_lock(const char *name)
{
	LockDatabaseObject(mlops_catalog_relation("model"), number_of(name),
					   LOCK_VERSIONS, ExclusiveLock);
}

/*
 * Who has the versions needs no more, and must not wait for it: a drop that
 * has the existence waits for the versions.
 */
void
mlops_model_keep(const char *name)
{
	if (!has_versions(name))
		LockDatabaseObject(mlops_catalog_relation("model"), number_of(name),
						   LOCK_EXISTENCE, ShareLock);
}

void
mlops_model_grant(const MlopsModel *model, const char *role,
				  MlopsPrivilege privilege, bool grant)
{
	static const char *const names[] = {"predict", "read", "manage"};
	MlopsArguments arguments = {0};

	mlops_add_int8(&arguments, model->model_id);
	mlops_add_text(&arguments, role);
	mlops_add_text(&arguments, names[privilege]);
	if (grant)
	{
		mlops_add_text(&arguments, mlops_current_role());
		mlops_catalog_execute("INSERT INTO mlops.model_grant"
							  " (model_id, role, privilege, granted_by)"
							  " VALUES ($1, $2, $3, $4)"
							  " ON CONFLICT DO NOTHING", &arguments, NULL);
	}
	else
		mlops_catalog_execute("DELETE FROM mlops.model_grant"
							  " WHERE model_id = $1 AND role = $2"
							  " AND privilege = $3", &arguments, NULL);
	invalidate("model_grant");
}

void
mlops_model_alter(const MlopsModel *model, const char *owner,
				  const char *description, int keep_versions)
{
	MlopsArguments arguments = {0};

	mlops_add_int8(&arguments, model->model_id);
	mlops_add_text(&arguments, owner);
	mlops_add_text(&arguments, description);
	mlops_add_datum(&arguments, INT4OID, Int32GetDatum(keep_versions),
					keep_versions < 0);
	mlops_catalog_execute("UPDATE mlops.model SET"
						  " owner = COALESCE($2, owner),"
						  " description = COALESCE($3, description),"
						  " keep_versions = COALESCE($4, keep_versions)"
						  " WHERE model_id = $1", &arguments, NULL);
	invalidate("model");
}

void
mlops_model_drop(const MlopsModel *model)
{
	MlopsArguments arguments = {0};

	/* before anything that who keeps the model may wait for */
	LockDatabaseObject(mlops_catalog_relation("model"),
					   number_of(model->name), LOCK_EXISTENCE,
					   ExclusiveLock);
	mlops_model_lock(model->name);
	mlops_add_int8(&arguments, model->model_id);
	if (mlops_catalog_execute("DELETE FROM mlops.model WHERE model_id = $1",
							  &arguments, NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" does not exist", model->name),
				 errdetail("Another session has just dropped it.")));
	invalidate("model");
	invalidate("alias");
}

/*
 * The number that a model is locked by, a hash of its name: there may be no
 * row of that name yet.
 */
static uint32
number_of(const char *name)
{
	return DatumGetUInt32(hash_any((const unsigned char *) name,
								   strlen(name)));
}

/* Has this transaction called mlops_model_lock()? */
static bool
has_versions(const char *name)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, mlops_catalog_relation("model"),
					   number_of(name), LOCK_VERSIONS);
	return mlops_lock_is_mine(&tag, ExclusiveLock);
}

/* A row of mlops.model as a struct. */
static MlopsModel *
read_model(MlopsScan *scan, HeapTuple tuple)
{
	MlopsModel *model = palloc(sizeof(MlopsModel));

	model->model_id = mlops_scan_int8(scan, tuple, Anum_model_model_id);
	model->name = mlops_scan_text(scan, tuple, Anum_model_name);
	model->owner = mlops_scan_text(scan, tuple, Anum_model_owner);
	model->keep_versions = mlops_scan_int4(scan, tuple,
										   Anum_model_keep_versions);
	return model;
}

/* A version's number, or 0 if the text is none. */
static int
parse_version(const char *text)
{
	char	   *end;
	int			version;

	if (*text < '0' || *text > '9')
		return 0;
	errno = 0;
	version = strtoint(text, &end, 10);
	return errno == 0 && *end == '\0' && version > 0 ? version : 0;
}

/* Let every backend forget what it derived from the table, at commit. */
static void
invalidate(const char *table)
{
	CacheInvalidateRelcacheByRelid(mlops_catalog_relation(table));
	mlops_wake_at_commit();
}
