/*
 * grants.c
 *		Who may do what with a model.
 *
 * Rights are of three kinds, each including those before it: predict, read,
 * manage.  The owner and superusers have all of them.
 */
#include "postgres.h"

#include "base/base.h"
#include "base/compat.h"
#include "catalog/catalog.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(mlops_grant_model);
PG_FUNCTION_INFO_V1(mlops_revoke_model);
PG_FUNCTION_INFO_V1(mlops_alter_model);
PG_FUNCTION_INFO_V1(mlops_has_model_privilege);

static void change_grant(FunctionCallInfo fcinfo, bool grant);

/* grant_model(model text, role text, privilege text) returns void */
Datum
mlops_grant_model(PG_FUNCTION_ARGS)
{
	PreventCommandIfReadOnly("mlops.grant_model()");
	change_grant(fcinfo, true);
	PG_RETURN_VOID();
}

/* revoke_model(model text, role text, privilege text) returns void */
Datum
mlops_revoke_model(PG_FUNCTION_ARGS)
{
	PreventCommandIfReadOnly("mlops.revoke_model()");
	change_grant(fcinfo, false);
	PG_RETURN_VOID();
}

/*
 * alter_model(model text, owner text, description text, keep_versions integer)
 * returns void
 */
Datum
mlops_alter_model(PG_FUNCTION_ARGS)
{
	char	   *name = mlops_required_text(fcinfo, 0, "model");
	char	   *owner = mlops_optional_text(fcinfo, 1);
	char	   *description = mlops_optional_text(fcinfo, 2);
	int			keep_versions = PG_ARGISNULL(3) ? -1 : PG_GETARG_INT32(3);
	MlopsModel *model;

	PreventCommandIfReadOnly("mlops.alter_model()");
	if (!PG_ARGISNULL(3) && keep_versions < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("keep_versions must not be negative, but is %d",
						keep_versions),
				 errhint("0 keeps all versions.")));
	model = mlops_model_lookup(name, NULL, false);
	mlops_model_check(model, MLOPS_MANAGE);

	/* as with tables: one must be able to become the old and the new owner */
	if (owner != NULL)
	{
		Oid			old_owner = get_role_oid(model->owner, true);

		mlops_check_can_own(GetUserId(), get_role_oid(owner, false));
		if (!superuser() &&
			(!OidIsValid(old_owner) ||
			 !has_privs_of_role(GetUserId(), old_owner)))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("must be owner of model \"%s\"", model->name),
					 errdetail("Its owner is \"%s\".", model->owner)));
	}
	mlops_model_alter(model, owner, description, keep_versions);
	PG_RETURN_VOID();
}

/*
 * has_model_privilege(model text, privilege text) returns boolean; NULL if
 * there is no such model
 */
Datum
mlops_has_model_privilege(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *privilege = text_to_cstring(PG_GETARG_TEXT_PP(1));
	MlopsPrivilege parsed = mlops_privilege_parse(privilege);
	MlopsModel *model = mlops_model_lookup(name, NULL, true);

	if (model == NULL)
		PG_RETURN_NULL();
	PG_RETURN_BOOL(mlops_model_allows(model, GetUserId(), parsed));
}

/* Check the three arguments and give or take the privilege. */
static void
change_grant(FunctionCallInfo fcinfo, bool grant)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *role = text_to_cstring(PG_GETARG_TEXT_PP(1));
	char	   *privilege = text_to_cstring(PG_GETARG_TEXT_PP(2));
	MlopsModel *model = mlops_model_lookup(name, NULL, false);

	mlops_model_check(model, MLOPS_MANAGE);

	/* a grant to a role that is gone can still be taken back */
	if (grant && strcmp(role, "public") != 0)
		(void) get_role_oid(role, false);
	mlops_model_grant(model, role, mlops_privilege_parse(privilege), grant);
}
