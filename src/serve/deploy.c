/*
 * deploy.c
 *		Which version serves: deploy, rollback, aliases.
 *
 * All in the caller's transaction.  References are read as last committed,
 * not under the statement's snapshot: one deploys what is there.
 */
#include "postgres.h"

#include "base/base.h"
#include "catalog/catalog.h"
#include "fmgr.h"
#include "miscadmin.h"

PG_FUNCTION_INFO_V1(mlops_deploy);
PG_FUNCTION_INFO_V1(mlops_rollback);
PG_FUNCTION_INFO_V1(mlops_set_alias);
PG_FUNCTION_INFO_V1(mlops_drop_alias);

static int	point(const char *reference_text, const char *alias,
				  const char *action, const char *note);
static void check_alias(const char *alias);

/* deploy(model model_ref, note text) returns integer */
Datum
mlops_deploy(PG_FUNCTION_ARGS)
{
	char	   *reference = mlops_required_text(fcinfo, 0, "model");
	char	   *note = mlops_optional_text(fcinfo, 1);

	PreventCommandIfReadOnly("mlops.deploy()");
	PG_RETURN_INT32(point(reference, MLOPS_CHAMPION, "deploy", note));
}

/* set_alias(model model_ref, alias text, note text) returns integer */
Datum
mlops_set_alias(PG_FUNCTION_ARGS)
{
	char	   *reference = mlops_required_text(fcinfo, 0, "model");
	char	   *alias = mlops_required_text(fcinfo, 1, "alias");
	char	   *note = mlops_optional_text(fcinfo, 2);

	PreventCommandIfReadOnly("mlops.set_alias()");
	check_alias(alias);
	PG_RETURN_INT32(point(reference, alias, "set_alias", note));
}

/* rollback(model text, note text) returns integer */
Datum
mlops_rollback(PG_FUNCTION_ARGS)
{
	char	   *name = mlops_required_text(fcinfo, 0, "model");
	char	   *note = mlops_optional_text(fcinfo, 1);

	PreventCommandIfReadOnly("mlops.rollback()");
	PG_RETURN_INT32(mlops_alias_rollback(mlops_model_managed(name), MLOPS_CHAMPION,
										 note));
}

/* drop_alias(model text, alias text, note text) returns void */
Datum
mlops_drop_alias(PG_FUNCTION_ARGS)
{
	char	   *name = mlops_required_text(fcinfo, 0, "model");
	char	   *alias = mlops_required_text(fcinfo, 1, "alias");
	char	   *note = mlops_optional_text(fcinfo, 2);

	PreventCommandIfReadOnly("mlops.drop_alias()");
	mlops_alias_drop(mlops_model_managed(name), alias, note);
	PG_RETURN_VOID();
}

/* Let the alias of the reference's model point to the reference's version. */
static int
point(const char *reference_text, const char *alias, const char *action,
	  const char *note)
{
	MlopsReference reference = mlops_reference_parse(reference_text);
	MlopsModel *model = mlops_model_managed(reference.model);
	MlopsVersion *version;

	if (reference.version == 0 && strcmp(reference.alias, alias) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" names no other version", reference_text),
				 errhint("Name a version, as in '%s/2', or another alias.",
						 reference.model)));

	/* with the lock, the version cannot be dropped meanwhile */
	mlops_model_lock(model->name);
	version = mlops_version_load(mlops_resolve(&reference, NULL,
											   MLOPS_MANAGE), NULL);
	mlops_alias_set(model, alias, version, action, note);
	return version->version;
}

/* 22023 unless the alias is a lower-case name. */
static void
check_alias(const char *alias)
{
	size_t		length = strlen(alias);

	if (length == 0 || length > 63 || (alias[0] >= '0' && alias[0] <= '9') ||
		strspn(alias, "abcdefghijklmnopqrstuvwxyz0123456789_") != length)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid alias: \"%s\"", alias),
				 errhint("An alias has lower-case letters, digits and underscores, and does not begin with a digit.")));
}
