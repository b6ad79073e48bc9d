/*
 * privilege.c
 *		What a role may do with a model.
 *
 * Rights are looked up for every snapshot that predicts, so they are kept
 * per model and role, and forgotten when a grant, an owner, a role or a
 * membership changes.  They are read as last committed, never under an old
 * snapshot: what is kept must hold for later statements too.
 */
#include "postgres.h"

#include "catalog/internal.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

/* What is kept, by model and role. */
typedef struct RightsKey
{
	int64		model_id;
	Oid			role;
	uint32		padding;
} RightsKey;

typedef struct Rights
{
	RightsKey	key;
	int			privilege;		/* the highest MlopsPrivilege, or -1 */
} Rights;

static HTAB *rights_cache = NULL;
static bool rights_stale = false;
static Rights last_rights;		/* a copy of what was found last, or role 0 */
static Oid	watched_relations[2];	/* mlops.model, mlops.model_grant */

static const char *const privilege_names[] = {"predict", "read", "manage"};

static void prepare_cache(void);
static void forget_relation(Datum arg, Oid relation);
static void forget_role(Datum arg, int cache, uint32 hash);
static int	highest_privilege(const MlopsModel *model, Oid role);
static char *current_owner(const MlopsModel *model);
static int	granted_privilege(int64 model_id, Oid role);

MlopsPrivilege
mlops_privilege_parse(const char *name)
{
	for (int i = 0; i < lengthof(privilege_names); i++)
		if (strcmp(name, privilege_names[i]) == 0)
			return (MlopsPrivilege) i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown privilege: \"%s\"", name),
			 errhint("Privileges on models are predict, read and manage.")));
}

bool
mlops_model_allows(const MlopsModel *model, Oid role,
				   MlopsPrivilege privilege)
{
	RightsKey	key = {model->model_id, role, 0};
	Rights	   *rights;
	bool		found;
	int			highest;

	if (rights_cache != NULL && !rights_stale &&
		last_rights.key.model_id == key.model_id &&
		last_rights.key.role == role)
		return last_rights.privilege >= (int) privilege;
	prepare_cache();
	rights = hash_search(rights_cache, &key, HASH_FIND, NULL);
	if (rights != NULL)
	{
		last_rights = *rights;
		return rights->privilege >= (int) privilege;
	}

	/* the scans may process invalidations: keep the result only if none */
	highest = highest_privilege(model, role);
	if (!rights_stale)
	{
		rights = hash_search(rights_cache, &key, HASH_ENTER, &found);
		rights->privilege = highest;
	}
	return highest >= (int) privilege;
}

void
mlops_model_check(const MlopsModel *model, MlopsPrivilege privilege)
{
	if (!mlops_model_allows(model, GetUserId(), privilege))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for model \"%s\"", model->name),
				 errdetail("Role \"%s\" lacks the privilege %s.",
						   GetUserNameFromId(GetUserId(), false),
						   privilege_names[privilege]),
				 errhint("Its owner can give it with mlops.grant_model().")));
}

MlopsModel *
mlops_model_managed(const char *name)
{
	MlopsModel *model = mlops_model_lookup(name, NULL, false);

	mlops_model_check(model, MLOPS_MANAGE);
	return model;
}

MlopsModel *
mlops_model_kept(const char *name)
{
	/* nobody waits, or makes others wait, without the right */
	mlops_model_keep(mlops_model_managed(name)->name);
	return mlops_model_managed(name);
}

/* Make the cache, or empty it if something has changed. */
static void
prepare_cache(void)
{
	HASHCTL		control = {0};
	Oid			model_relation;

	if (rights_cache != NULL && !rights_stale)
		return;
	model_relation = mlops_catalog_relation("model");	/* may fail */
	last_rights.key.role = InvalidOid;
	if (rights_cache == NULL)
	{
		CacheRegisterRelcacheCallback(forget_relation, (Datum) 0);
		CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, forget_role, (Datum) 0);
		CacheRegisterSyscacheCallback(AUTHOID, forget_role, (Datum) 0);
	}
	else
		hash_destroy(rights_cache);

	rights_stale = false;
	watched_relations[0] = model_relation;
	watched_relations[1] = InvalidOid;	/* until it is read */
	control.keysize = sizeof(RightsKey);
	control.entrysize = sizeof(Rights);
	control.hcxt = CacheMemoryContext;
	rights_cache = hash_create("mlops rights", 64, &control,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static void
forget_relation(Datum arg, Oid relation)
{
	if (!OidIsValid(relation) || relation == watched_relations[0] ||
		relation == watched_relations[1])
		rights_stale = true;
}

static void
forget_role(Datum arg, int cache, uint32 hash)
{
	rights_stale = true;
}

/* The highest privilege of the role, -1 for none; a higher one includes lower ones. */
static int
highest_privilege(const MlopsModel *model, Oid role)
{
	Oid			owner;

	/* first what needs no table */
	if (superuser_arg(role))
		return MLOPS_MANAGE;
	owner = get_role_oid(current_owner(model), true);
	if (OidIsValid(owner) && has_privs_of_role(role, owner))
		return MLOPS_MANAGE;
	return granted_privilege(model->model_id, role);
}

/* The owner as last committed; of a model dropped since, as it was. */
static char *
current_owner(const MlopsModel *model)
{
	MlopsScan	scan;
	ScanKeyData key;
	HeapTuple	tuple;
	char	   *owner = model->owner;

	mlops_key_int8(&key, Anum_model_model_id, model->model_id);
	mlops_scan_begin(&scan, "model", "model_pkey", NULL, 1, &key);
	tuple = mlops_scan_next(&scan);
	if (HeapTupleIsValid(tuple))
		owner = mlops_scan_text(&scan, tuple, Anum_model_owner);
	mlops_scan_end(&scan);
	return owner;
}

/* The highest privilege granted to the role, to one it has, or to public. */
static int
granted_privilege(int64 model_id, Oid role)
{
	MlopsScan	scan;
	ScanKeyData key;
	HeapTuple	tuple;
	int			highest = -1;

	watched_relations[1] = mlops_catalog_relation("model_grant");
	mlops_key_int8(&key, Anum_model_grant_model_id, model_id);
	mlops_scan_begin(&scan, "model_grant", "model_grant_pkey", NULL, 1, &key);
	while (HeapTupleIsValid(tuple = mlops_scan_next(&scan)))
	{
		char	   *grantee = mlops_scan_text(&scan, tuple,
											  Anum_model_grant_role);
		char	   *name = mlops_scan_text(&scan, tuple,
										   Anum_model_grant_privilege);
		Oid			grantee_oid = get_role_oid(grantee, true);

		if (strcmp(grantee, "public") == 0 ||
			(OidIsValid(grantee_oid) && has_privs_of_role(role, grantee_oid)))
			highest = Max(highest, (int) mlops_privilege_parse(name));
	}
	mlops_scan_end(&scan);
	return highest;
}
