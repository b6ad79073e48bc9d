/*
 * internal.h
 *		What the files of catalog/ share: index scans and statements.
 */
#ifndef MLOPS_CATALOG_INTERNAL_H
#define MLOPS_CATALOG_INTERNAL_H

#include "access/genam.h"
#include "access/skey.h"
#include "catalog/catalog.h"
#include "utils/relcache.h"

/* Columns by number, as sql/parts/catalog.sql creates them. */
#define Anum_model_model_id			1
#define Anum_model_name				2
#define Anum_model_owner			3
#define Anum_model_keep_versions	5

#define Anum_model_grant_model_id	1
#define Anum_model_grant_role		2
#define Anum_model_grant_privilege	3

#define Anum_version_version_id		1
#define Anum_version_model_id		2
#define Anum_version_version		3
#define Anum_version_dropped_at		4
#define Anum_version_task			5
#define Anum_version_model_size		6
#define Anum_version_forest_size	7
#define Anum_version_classes		9
#define Anum_version_signature		10
#define Anum_version_run_id			12
#define Anum_version_objective		13
#define Anum_version_target			18

#define Anum_artefact_version_id	1
#define Anum_artefact_kind			2
#define Anum_artefact_chunk			3
#define Anum_artefact_data			4

#define Anum_run_run_id				1
#define Anum_run_arguments			14

#define Anum_alias_model			1
#define Anum_alias_alias			2
#define Anum_alias_model_id			3
#define Anum_alias_version_id		4

#define Anum_alias_history_history_id	1
#define Anum_alias_history_model_id		2
#define Anum_alias_history_alias		4
#define Anum_alias_history_version_id	6
#define Anum_alias_history_changed_at	10

#define Anum_baseline_version_id	1
#define Anum_baseline_kind			2
#define Anum_baseline_feature		3
#define Anum_baseline_n				4
#define Anum_baseline_n_missing		5
#define Anum_baseline_min			6
#define Anum_baseline_max			7
#define Anum_baseline_mean			8
#define Anum_baseline_stddev		9
#define Anum_baseline_skewness		10
#define Anum_baseline_quantiles		11
#define Anum_baseline_edges			12
#define Anum_baseline_bin_counts	13
#define Anum_baseline_width_counts	14
#define Anum_baseline_categories	15
#define Anum_baseline_category_counts	16
#define Anum_baseline_n_other		17

/* An index scan over a table of ours; no rights are checked. */
typedef struct MlopsScan
{
	Relation	relation;
	SysScanDesc scan;
	bool		committed;		/* so are all the rows that it has given */
	/* of a quick scan, instead of relation and scan */
	TupleDesc	layout;			/* NULL: it is none */
	Oid			locked;
	Snapshot	snapshot;
	List	   *rows;			/* of HeapTuple */
	int			next_row;
} MlopsScan;

/*
 * Read a table that is small, and known to quick_scan.c, without opening it;
 * false if that is not to be done.  Rows come in no order.
 */
extern bool mlops_quick_scan(MlopsScan *scan, const char *name,
							 Snapshot snapshot, int n_keys, ScanKey keys);
extern HeapTuple mlops_quick_next(MlopsScan *scan);
extern void mlops_quick_end(MlopsScan *scan);

/*
 * Begin a scan by the index, whose keys have the table's column numbers.
 * snapshot NULL sees what is committed now and what this transaction did.
 */
extern void mlops_scan_begin(MlopsScan *scan, const char *table,
							 const char *index, Snapshot snapshot,
							 int n_keys, ScanKey keys);
extern HeapTuple mlops_scan_next(MlopsScan *scan);
extern Datum mlops_scan_value(MlopsScan *scan, HeapTuple tuple, int column,
							  bool *null);

/*
 * The same of a type, copied out of the row: NULL, false, 0, NaN, DT_NOBEGIN
 * or NIL if it is NULL.
 */
extern char *mlops_scan_text(MlopsScan *scan, HeapTuple tuple, int column);
extern Jsonb *mlops_scan_json(MlopsScan *scan, HeapTuple tuple, int column);
extern bool mlops_scan_bool(MlopsScan *scan, HeapTuple tuple, int column);
extern int	mlops_scan_int4(MlopsScan *scan, HeapTuple tuple, int column);
extern int64 mlops_scan_int8(MlopsScan *scan, HeapTuple tuple, int column);
extern double mlops_scan_float8(MlopsScan *scan, HeapTuple tuple,
								int column);
extern TimestampTz mlops_scan_time(MlopsScan *scan, HeapTuple tuple,
								   int column);
extern Interval *mlops_scan_interval(MlopsScan *scan, HeapTuple tuple,
									 int column);
extern List *mlops_scan_names(MlopsScan *scan, HeapTuple tuple, int column);
extern void mlops_scan_end(MlopsScan *scan);

/* Equality keys. */
extern void mlops_key_text(ScanKey key, int column, const char *value);
extern void mlops_key_int8(ScanKey key, int column, int64 value);
extern void mlops_key_int4(ScanKey key, int column, int value);

/* The oid of a table of schema mlops. */
extern Oid	mlops_catalog_relation(const char *name);

/* The number of its file as well; 0 if the name is another's by now. */
extern Oid	mlops_catalog_file(const char *name, Oid *relation);

/*
 * Changes when one of the tables that were asked for, or a schema, has
 * changed, as far as the session has noticed.
 */
extern uint64 mlops_catalog_generation(void);

/*
 * When this transaction commits, have sessions that are in one look for what
 * was invalidated before their next command.
 */
extern void mlops_wake_at_commit(void);

/*
 * Its row of pg_class, to be released; by the name, since that was looked up
 * to find the oid.  NULL if the table of the name is another one by now.
 */
extern HeapTuple mlops_catalog_class(const char *name, Oid relation);

/* Arguments of a statement. */
#define MLOPS_MAX_ARGUMENTS 48
typedef struct MlopsArguments
{
	int			n;
	Oid			types[MLOPS_MAX_ARGUMENTS];
	Datum		values[MLOPS_MAX_ARGUMENTS];
	char		nulls[MLOPS_MAX_ARGUMENTS];
} MlopsArguments;

/* Append one; a NULL string is NULL, and so is a NaN number. */
extern void mlops_add_text(MlopsArguments *arguments, const char *value);
extern void mlops_add_int4(MlopsArguments *arguments, int value);
extern void mlops_add_int8(MlopsArguments *arguments, int64 value);
extern void mlops_add_float8(MlopsArguments *arguments, double value);
extern void mlops_add_bool(MlopsArguments *arguments, bool value);
extern void mlops_add_time(MlopsArguments *arguments, TimestampTz time);
extern void mlops_add_interval(MlopsArguments *arguments,
							   const Interval *interval);
extern void mlops_add_json(MlopsArguments *arguments, const Jsonb *json);
/* A text[]; without names it is NULL if it may be, else empty. */
extern void mlops_add_names(MlopsArguments *arguments, const List *names,
							bool nullable);
extern void mlops_add_datum(MlopsArguments *arguments, Oid type, Datum value,
							bool null);

/*
 * Run a statement with the rights of the extension's owner and a search path
 * of pg_catalog.  Returns how many rows it touched; the first column of the
 * first row, a bigint, goes to *result if that is asked for.
 */
extern uint64 mlops_catalog_execute(const char *command,
									MlopsArguments *arguments,
									int64 *result);

/*
 * The first column of the first row of a query under the active snapshot, as
 * text in the current memory context; NULL if there is no row.  Rights and
 * search path as above; numbers with all their digits.
 */
extern char *mlops_catalog_text(const char *query, MlopsArguments *arguments);

/* Names of the current and the session role; palloc'd. */
extern char *mlops_current_role(void);
extern char *mlops_session_role(void);

#endif							/* MLOPS_CATALOG_INTERNAL_H */
