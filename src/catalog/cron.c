/*
 * cron.c
 *		The jobs of pg_cron, in the database where it lives.
 *
 * Everything is done by pg_cron's own functions with the caller's rights: it
 * is pg_cron that decides who may schedule what.  That the extension is there
 * is looked at first, since anybody could make a schema cron.
 */
#include "postgres.h"

#include "catalog/cron.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

/* pg_cron's function for jobs in other databases, since 1.4. */
#define SCHEDULE_ELSEWHERE \
	"cron.schedule_in_database(text, text, text, text, text, boolean)"

static void check_rights(bool elsewhere);
static int64 run(const char *command, int n, Oid *types, Datum *values);

int64
mlops_cron_add(const char *name, const char *schedule, const char *command,
			   const char *database)
{
	Oid			types[] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID};
	Datum		values[4];

	if (!OidIsValid(get_extension_oid("pg_cron", true)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("pg_cron is not installed in database \"%s\"",
						get_database_name(MyDatabaseId)),
				 errhint("A superuser runs there: CREATE EXTENSION pg_cron;")));
	check_rights(database != NULL);
	values[0] = CStringGetTextDatum(name);
	values[1] = CStringGetTextDatum(schedule);
	values[2] = CStringGetTextDatum(command);
	if (database == NULL)
		return run("SELECT cron.schedule($1, $2, $3)", 3, types, values);
	values[3] = CStringGetTextDatum(database);
	return run("SELECT cron.schedule_in_database($1, $2, $3, $4)", 4, types,
			   values);
}

int64
mlops_cron_remove(const char *command, const char *database)
{
	Oid			types[] = {TEXTOID, TEXTOID};
	Datum		values[2];

	if (!OidIsValid(get_extension_oid("pg_cron", true)))
		return 0;
	values[0] = CStringGetTextDatum("cron");
	if (run("SELECT pg_catalog.has_schema_privilege($1, 'USAGE')::int::bigint",
			1, types, values) == 0)
		return 0;
	values[0] = CStringGetTextDatum(command);
	values[1] = CStringGetTextDatum(database);
	return run("SELECT pg_catalog.count(cron.unschedule(j.jobid))"
			   " FROM cron.job j"
			   " WHERE j.command OPERATOR(pg_catalog.=) $1"
			   " AND j.database OPERATOR(pg_catalog.=) $2", 2, types, values);
}

int64
mlops_cron_remove_all(const char *role, const char *database)
{
	Oid			types[] = {TEXTOID};
	Datum		values[1];
	char	   *query;

	if (!OidIsValid(get_extension_oid("pg_cron", true)))
		return 0;
	values[0] = CStringGetTextDatum(role != NULL ? role : database);
	query = psprintf("SELECT pg_catalog.count(cron.unschedule(j.jobid))"
					 " FROM cron.job j"
					 " WHERE j.%s OPERATOR(pg_catalog.=) $1"
					 " AND j.command OPERATOR(pg_catalog.~)"
					 " '^SELECT mlops[.]run_job\\([0-9]+\\)$'",
					 role != NULL ? "username" : "database");
	return run(query, 1, types, values);
}

/* 42501 with the GRANT that the current role lacks to schedule jobs. */
static void
check_rights(bool elsewhere)
{
	Oid			types[] = {TEXTOID};
	Datum		values[1];
	char	   *role = GetUserNameFromId(GetUserId(), false);
	bool		schema;
	bool		function = true;

	values[0] = CStringGetTextDatum("cron");
	schema = run("SELECT pg_catalog.has_schema_privilege($1, 'USAGE')::int::bigint",
				 1, types, values) != 0;
	values[0] = CStringGetTextDatum(SCHEDULE_ELSEWHERE);
	if (schema && elsewhere)
		function = run("SELECT pg_catalog.has_function_privilege($1, 'EXECUTE')::int::bigint",
					   1, types, values) != 0;
	if (schema && function)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("role \"%s\" may not schedule jobs of pg_cron", role),
			 errhint("A superuser runs in database \"%s\": GRANT USAGE ON SCHEMA cron TO %s;%s%s%s",
					 get_database_name(MyDatabaseId), quote_identifier(role),
					 elsewhere ? " GRANT EXECUTE ON FUNCTION " SCHEDULE_ELSEWHERE " TO " : "",
					 elsewhere ? quote_identifier(role) : "",
					 elsewhere ? ";" : "")));
}

/* The bigint that a query returns, 0 if it is NULL. */
static int64
run(const char *command, int n, Oid *types, Datum *values)
{
	int64		result = 0;
	bool		null = true;
	Datum		value = (Datum) 0;

	SPI_connect();
	if (SPI_execute_with_args(command, n, types, values, NULL, false, 0) !=
		SPI_OK_SELECT)
		elog(ERROR, "statement on pg_cron failed");
	if (SPI_processed > 0)
		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
							  &null);
	if (!null)
		result = DatumGetInt64(value);
	SPI_finish();
	return result;
}
