/*
 * statement.c
 *		Index scans and statements on the tables of schema mlops.
 *
 * Scans are for the path of predict: no planning, no rights on the tables.
 * Statements are for changes, so that constraints hold.  They run with the
 * rights of the owner of the tables, who owns the extension; whoever calls
 * them has checked what the user may do.  After an error, the server itself
 * restores user, settings and query machinery at the end of the transaction.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/internal.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* What the rights of the extension's owner are exchanged for. */
typedef struct Elevation
{
	Oid			user;
	int			security;
	int			nest_level;		/* of settings */
} Elevation;

/* Relations whose oids are known; see mlops_catalog_relation(). */
#define MAX_RELATIONS 64

typedef struct KnownRelation
{
	const char *name;			/* a constant of the program */
	Oid			relation;
	Oid			file;			/* 0: not known yet */
} KnownRelation;

static KnownRelation known_relations[MAX_RELATIONS];
static int	n_known_relations = 0;
static uint64 generation = 1;	/* of what is known */

static KnownRelation *know_relation(const char *name);
static Oid	look_up_relation(const char *name);
static void forget_relation(Datum argument, Oid relation);
static void forget_schema(Datum argument, int cache, uint32 hash);
static void forget_all(void);
static void become_owner(Elevation *elevation);
static void become_user(const Elevation *elevation);
static Oid	catalog_owner(void);

Oid
mlops_catalog_relation(const char *name)
{
	return know_relation(name)->relation;
}

Oid
mlops_catalog_file(const char *name, Oid *relation)
{
	KnownRelation *known = know_relation(name);
	uint64		before = generation;
	HeapTuple	tuple;
	Oid			file = known->file;

	*relation = known->relation;
	if (OidIsValid(file))
		return file;
	tuple = mlops_catalog_class(name, *relation);
	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	file = ((Form_pg_class) GETSTRUCT(tuple))->relfilenode;
	ReleaseSysCache(tuple);
	if (generation == before)
		known->file = file;
	return file;
}

uint64
mlops_catalog_generation(void)
{
	return generation;
}

/*
 * Each name is looked up once, until a relation of the oid or a schema
 * changes.
 */
static KnownRelation *
know_relation(const char *name)
{
	static bool registered = false;
	Oid			relation;

	for (int i = 0; i < n_known_relations; i++)
		if (known_relations[i].name == name)
			return &known_relations[i];
	if (!registered)
	{
		CacheRegisterRelcacheCallback(forget_relation, (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, forget_schema, (Datum) 0);
		registered = true;
	}
	relation = look_up_relation(name);
	if (n_known_relations == MAX_RELATIONS)
		forget_all();
	known_relations[n_known_relations] = (KnownRelation)
	{
		name, relation
	};
	return &known_relations[n_known_relations++];
}

HeapTuple
mlops_catalog_class(const char *name, Oid relation)
{
	HeapTuple	tuple = SearchSysCache2(RELNAMENSP, PointerGetDatum(name),
										ObjectIdGetDatum(get_namespace_oid("mlops", true)));

	if (HeapTupleIsValid(tuple) &&
		((Form_pg_class) GETSTRUCT(tuple))->oid != relation)
	{
		ReleaseSysCache(tuple);
		return NULL;
	}
	return tuple;
}

/* The oid of a relation of schema mlops; 42P01 if there is none. */
static Oid
look_up_relation(const char *name)
{
	Oid			namespace = get_namespace_oid("mlops", true);
	Oid			relation = InvalidOid;

	if (OidIsValid(namespace))
		relation = get_relname_relid(name, namespace);
	if (!OidIsValid(relation))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table \"mlops.%s\" does not exist", name),
				 errhint("Run CREATE EXTENSION mlops in this database.")));
	return relation;
}

/* Relcache callback; InvalidOid means every relation. */
static void
forget_relation(Datum argument, Oid relation)
{
	for (int i = 0; i < n_known_relations; i++)
		if (!OidIsValid(relation) || known_relations[i].relation == relation)
			forget_all();
}

/* Syscache callback. */
static void
forget_schema(Datum argument, int cache, uint32 hash)
{
	forget_all();
}

static void
forget_all(void)
{
	n_known_relations = 0;
	generation++;
}

void
mlops_scan_begin(MlopsScan *scan, const char *table, const char *index,
				 Snapshot snapshot, int n_keys, ScanKey keys)
{
	memset(scan, 0, sizeof(MlopsScan));
	scan->committed = true;
	if (mlops_quick_scan(scan, table, snapshot, n_keys, keys))
		return;
	scan->relation = table_open(mlops_catalog_relation(table),
								AccessShareLock);
	/* only now: REINDEX CONCURRENTLY puts another one in its place */
	scan->scan = systable_beginscan(scan->relation,
									mlops_catalog_relation(index), true,
									snapshot, n_keys, keys);
}

HeapTuple
mlops_scan_next(MlopsScan *scan)
{
	HeapTuple	tuple = scan->layout ? mlops_quick_next(scan) :
		systable_getnext(scan->scan);

	if (HeapTupleIsValid(tuple) &&
		!HeapTupleHeaderXminCommitted(tuple->t_data) &&
		!TransactionIdDidCommit(HeapTupleHeaderGetXmin(tuple->t_data)))
		scan->committed = false;
	return tuple;
}

Datum
mlops_scan_value(MlopsScan *scan, HeapTuple tuple, int column, bool *null)
{
	return heap_getattr(tuple, column, scan->layout ? scan->layout :
						RelationGetDescr(scan->relation), null);
}

void
mlops_scan_end(MlopsScan *scan)
{
	if (scan->layout)
	{
		mlops_quick_end(scan);
		return;
	}
	systable_endscan(scan->scan);
	table_close(scan->relation, AccessShareLock);
}

void
mlops_key_text(ScanKey key, int column, const char *value)
{
	ScanKeyInit(key, column, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(value));
}

void
mlops_key_int8(ScanKey key, int column, int64 value)
{
	ScanKeyInit(key, column, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(value));
}

void
mlops_key_int4(ScanKey key, int column, int value)
{
	ScanKeyInit(key, column, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(value));
}

void
mlops_add_datum(MlopsArguments *arguments, Oid type, Datum value, bool null)
{
	int			i = arguments->n++;

	Assert(i < MLOPS_MAX_ARGUMENTS);
	arguments->types[i] = type;
	arguments->values[i] = value;
	arguments->nulls[i] = null ? 'n' : ' ';
}

void
mlops_add_text(MlopsArguments *arguments, const char *value)
{
	mlops_add_datum(arguments, TEXTOID,
					value ? CStringGetTextDatum(value) : (Datum) 0,
					value == NULL);
}

void
mlops_add_int4(MlopsArguments *arguments, int value)
{
	mlops_add_datum(arguments, INT4OID, Int32GetDatum(value), false);
}

void
mlops_add_int8(MlopsArguments *arguments, int64 value)
{
	mlops_add_datum(arguments, INT8OID, Int64GetDatum(value), false);
}

void
mlops_add_float8(MlopsArguments *arguments, double value)
{
	mlops_add_datum(arguments, FLOAT8OID, Float8GetDatum(value),
					isnan(value));
}

void
mlops_add_bool(MlopsArguments *arguments, bool value)
{
	mlops_add_datum(arguments, BOOLOID, BoolGetDatum(value), false);
}

uint64
mlops_catalog_execute(const char *command, MlopsArguments *arguments,
					  int64 *result)
{
	Elevation	elevation;
	int			status;
	uint64		processed;

	become_owner(&elevation);
	SPI_connect();
	status = SPI_execute_with_args(command, arguments->n, arguments->types,
								   arguments->values, arguments->nulls,
								   false, 0);
	if (status < 0)
		elog(ERROR, "statement on the catalog failed: %s",
			 SPI_result_code_string(status));
	processed = SPI_processed;
	if (result != NULL && processed > 0)
	{
		bool		null;

		*result = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
											  SPI_tuptable->tupdesc, 1,
											  &null));
	}
	SPI_finish();
	become_user(&elevation);
	return processed;
}

char *
mlops_catalog_text(const char *query, MlopsArguments *arguments)
{
	MemoryContext context = CurrentMemoryContext;
	Elevation	elevation;
	int			status;
	char	   *text = NULL;

	become_owner(&elevation);
	SPI_connect();
	status = SPI_execute_with_args(query, arguments->n, arguments->types,
								   arguments->values, arguments->nulls,
								   true, 1);
	if (status != SPI_OK_SELECT)
		elog(ERROR, "query on the catalog failed: %s",
			 SPI_result_code_string(status));
	if (SPI_processed > 0)
		text = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (text != NULL)
		text = MemoryContextStrdup(context, text);
	SPI_finish();
	become_user(&elevation);
	return text;
}

/* Take the rights of the extension's owner, and settings that decide results. */
static void
become_owner(Elevation *elevation)
{
	GetUserIdAndSecContext(&elevation->user, &elevation->security);
	SetUserIdAndSecContext(catalog_owner(),
						   elevation->security | SECURITY_LOCAL_USERID_CHANGE);
	elevation->nest_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	(void) set_config_option("extra_float_digits", "1",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
}

/* Give them back. */
static void
become_user(const Elevation *elevation)
{
	AtEOXact_GUC(true, elevation->nest_level);
	SetUserIdAndSecContext(elevation->user, elevation->security);
}

char *
mlops_current_role(void)
{
	return GetUserNameFromId(GetUserId(), false);
}

char *
mlops_session_role(void)
{
	return GetUserNameFromId(GetSessionUserId(), false);
}

/* The role that owns mlops.model, as does the extension. */
static Oid
catalog_owner(void)
{
	Oid			relation = mlops_catalog_relation("model");
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relation);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}
