/*
 * catalog.h
 *		The tables of schema mlops: typed structs in, rows out.
 *
 * Nothing else knows their columns.  Writes go through the server's query
 * machinery with the rights of the extension's owner, after the caller has
 * been checked here; reads on the path of predict are direct index scans.
 *
 * What a function returns is palloc'd in the current memory context.
 */
#ifndef MLOPS_CATALOG_H
#define MLOPS_CATALOG_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/snapshot.h"

/* The alias of the version that serves when none is named. */
#define MLOPS_CHAMPION	"champion"

/* Artefacts are stored in rows of at most this many bytes. */
#define MLOPS_CHUNK_SIZE	(16 * 1024 * 1024)

/* What a role may do with a model; the owner may do all. */
typedef enum MlopsPrivilege
{
	MLOPS_PREDICT,				/* use it in queries */
	MLOPS_READ,					/* see versions, runs, metrics; export it */
	MLOPS_MANAGE				/* train, deploy, drop, grant */
} MlopsPrivilege;

/* A row of mlops.model. */
typedef struct MlopsModel
{
	int64		model_id;
	char	   *name;
	char	   *owner;			/* a role's name */
	int			keep_versions;	/* 0: all */
} MlopsModel;

/* A parsed model reference: m, m/3 or m@alias. */
typedef struct MlopsReference
{
	char	   *model;
	int			version;		/* 0 unless given */
	char	   *alias;			/* NULL if a version is given */
} MlopsReference;

/* A row of mlops.version; what serving needs of it. */
typedef struct MlopsVersion
{
	int64		version_id;
	int64		model_id;
	int			version;
	char	   *task;			/* as mlops_task_name() writes them */
	Jsonb	   *signature;
	int			n_classes;		/* 0 if it is no classification */
	char	  **classes;		/* labels as text, in the order of outputs */
	size_t		model_size;
	size_t		forest_size;
	bool		dropped;
	int64		run_id;
	char	   *objective;
	char	   *target;			/* column or expression that it was trained on */
	bool		committed;		/* the row is nobody's to roll back any more */
} MlopsVersion;

/* Statistics of a feature or of the predictions over the training rows. */
typedef struct MlopsBaseline
{
	char	   *feature;		/* encoded feature, or output */
	char	   *kind;			/* number, category or prediction */
	int64		n;				/* rows, missing ones included */
	int64		n_missing;
	bool		has_moments;	/* false if all are missing or a category */
	double		min;
	double		max;
	double		mean;
	double		stddev;
	double		skewness;
	int			n_quantiles;	/* 101 or 0 */
	double	   *quantiles;
	int			n_edges;		/* inner edges of the quantile bins */
	double	   *edges;
	int64	   *bin_counts;		/* n_edges + 1, none if n_edges < 0 */
	int			n_widths;		/* 20 or 0: equal-width bins, min to max */
	int64	   *width_counts;
	int			n_categories;	/* the most frequent, at most 100 */
	char	  **categories;
	int64	   *category_counts;
	int64		n_other;		/* rows in all other categories */
} MlopsBaseline;

/* A metric of a split. */
typedef struct MlopsMetricRow
{
	const char *split;			/* train, validation or test */
	const char *name;
	int			step;			/* boosting round of the history, else -1 */
	double		value;
} MlopsMetricRow;

/* All that a training leaves behind. */
typedef struct MlopsRunRecord
{
	const char *kind;			/* train or import */
	const char *call;			/* arguments as given: jsonb text */
	const char *effective;		/* arguments after defaults: jsonb text */
	const char *source;			/* as given */
	const char *query;			/* as run */
	const char *relations;		/* jsonb text: [{relation, columns}] */
	const char *library_version;
	int			threads;
	int64		seed;
	const char *trigger;		/* what asked for it: manual, or import */
	const char *snapshot;		/* that the rows were read under */
	TimestampTz started_at;
	int64		rows_train;
	int64		rows_validation;
	int64		rows_test;
	int64		rows_skipped;
	const char *fingerprint_ordered;	/* 32 hex digits */
	const char *fingerprint_unordered;
	bool		has_event_time;
	TimestampTz event_time_min;
	TimestampTz event_time_max;
	bool		row_security;	/* rows may have been filtered by policies */
	int64		peak_memory;	/* bytes, matrix and trainer */
	double		read_seconds;
	double		train_seconds;
	double		cpu_seconds;
	/* of a run that took place elsewhere; else 0 and NULL: now and here */
	TimestampTz ended_at;
	const char *server_version;
	const char *extension_version;
	const char *wal_position;
	const char *advice;			/* jsonb text: [{kind, feature, message}] */
} MlopsRunRecord;

typedef struct MlopsVersionRecord
{
	const char *task;
	const char *objective;
	const char *booster;
	int			n_features;
	int			n_trees;
	int			n_rounds;
	Jsonb	   *signature;
	const char *target;
	const char *class_type;
	int			n_classes;
	char	  **classes;
	const char *description;
	const void *model;			/* UBJ or JSON */
	size_t		model_size;
	const void *forest;			/* block */
	size_t		forest_size;
	List	   *metrics;		/* of MlopsMetricRow * */
	List	   *baselines;		/* of MlopsBaseline * */
} MlopsVersionRecord;

/* From when on an alias pointed to a version. */
typedef struct MlopsAliasPeriod
{
	TimestampTz valid_from;
	int64		version_id;		/* 0: to none */
} MlopsAliasPeriod;

/* --- references and rights ------------------------------------------- */

/* Parse "m", "m/3", "m@alias"; 22023 if it is none of them. */
extern MlopsReference mlops_reference_parse(const char *text);

/* The same; false if it is none of them. */
extern bool mlops_reference_read(const char *text,
								 MlopsReference *reference);

/* 22023 unless the name can stand in a model reference. */
extern void mlops_model_name_check(const char *name);

/*
 * The model as the snapshot sees it (NULL: as last committed); if there is
 * none, NULL if missing_ok, else 42704.
 */
extern MlopsModel *mlops_model_lookup(const char *name, Snapshot snapshot,
									  bool missing_ok);

/* The model of that number, or NULL. */
extern MlopsModel *mlops_model_by_id(int64 model_id, Snapshot snapshot);

/*
 * Whether a role may do something with a model.  Rights are those that are
 * committed last, as everywhere in the server, whatever the snapshot.
 */
extern bool mlops_model_allows(const MlopsModel *model, Oid role,
							   MlopsPrivilege privilege);

/* 42501 unless the current role has the privilege on the model. */
extern void mlops_model_check(const MlopsModel *model,
							  MlopsPrivilege privilege);

/*
 * The model of that name as last committed, which the current role may
 * manage: 42704, 42501.
 */
extern MlopsModel *mlops_model_managed(const char *name);

/* The same, after mlops_model_keep(). */
extern MlopsModel *mlops_model_kept(const char *name);

/* The privilege of that name; 22023 if there is none. */
extern MlopsPrivilege mlops_privilege_parse(const char *name);

/*
 * Give or take a privilege; the caller has been checked.  role is a role's
 * name or "public".  Taking what was not given does nothing.
 */
extern void mlops_model_grant(const MlopsModel *model, const char *role,
							  MlopsPrivilege privilege, bool grant);

/* Change what is not NULL (keep_versions: not negative). */
extern void mlops_model_alter(const MlopsModel *model, const char *owner,
							  const char *description, int keep_versions);

/* Remove the model and all that belongs to it, but its runs and history. */
extern void mlops_model_drop(const MlopsModel *model);

/* --- versions ---------------------------------------------------------- */

/*
 * The version_id that a reference means under the snapshot, after checking
 * the privilege of the current role.  42704 if there is none, 55000 if
 * nothing is deployed.  Index scans only: fit for the path of predict.
 */
extern int64 mlops_resolve(const MlopsReference *reference,
						   Snapshot snapshot, MlopsPrivilege privilege);

/* The same without an error: 0 if there is none, or no right to it. */
extern int64 mlops_resolve_quietly(const MlopsReference *reference,
								   Snapshot snapshot,
								   MlopsPrivilege privilege);

/*
 * The tables whose relcache invalidation says that a reference may mean
 * another version: the one of aliases, and the one of models.
 */
extern Oid	mlops_alias_relation(void);
extern Oid	mlops_model_relation(void);

/* The model_id of a version as last committed, 0 if there is none. */
extern int64 mlops_version_model(int64 version_id);

/* A version's row; XX001 if it is not there. */
extern MlopsVersion *mlops_version_load(int64 version_id, Snapshot snapshot);

/*
 * The bytes of an artefact ("model" or "forest") of `size` bytes, as the
 * version's row says, aligned to MLOPS_FOREST_ALIGN inside palloc'd memory.
 * XX001 if they are not all there.  _read also says whether none of them can
 * be rolled back any more.
 */
extern char *mlops_artefact_load(int64 version_id, const char *kind,
								 size_t size, Snapshot snapshot);
extern char *mlops_artefact_read(int64 version_id, const char *kind,
								 size_t size, Snapshot snapshot,
								 bool *committed);

/*
 * What tells the versions of this database from those of others, and from
 * those of an extension that was dropped: the oid of mlops.version and the
 * number of its file, which a TRUNCATE changes.
 */
extern void mlops_version_table(Oid *relation, Oid *file);

/*
 * A text argument of a run as it was given, such as "query_group"; NULL if it
 * was not, or the run is not there.
 */
extern char *mlops_run_argument(int64 run_id, const char *name,
								Snapshot snapshot);

/*
 * Keep others from storing versions or changing aliases of the model of that
 * name until the transaction ends.
 */
extern void mlops_model_lock(const char *name);

/*
 * Keep the model of that name, if there is one, from being dropped until the
 * transaction ends; who is dropping it is waited for.  Whoever writes what
 * belongs to a model, and may lock its versions afterwards, keeps it first,
 * before all other locks.
 */
extern void mlops_model_keep(const char *name);

/*
 * Store a version under the next number of the model, which is created if
 * it does not exist yet, and apply the model's keep_versions.  Locks the
 * model.
 */
extern void mlops_version_store(const char *model,
								const MlopsRunRecord *run,
								const MlopsVersionRecord *record,
								int *version, int64 *version_id);

/*
 * All that is known of a version but its bytes, under the active snapshot, as
 * JSON text: {"model", "version", "run", "metrics", "history", "baselines"}.
 * version, run and baselines have the columns of the tables without ids;
 * metrics are [split, name, value], history [split, name, round, value].
 */
extern char *mlops_version_record_json(int64 version_id);

/* The SHA-256 of the bytes in hexadecimal digits; palloc'd. */
extern char *mlops_sha256_hex(const void *bytes, size_t size);

/* Remove a version's bytes; 55006 while an alias points to it. */
extern void mlops_version_drop(const MlopsModel *model,
							   const MlopsVersion *version);

/*
 * What the baseline of a version says of the values of a feature: quantiles
 * of a number, or the most frequent categories, most frequent first.  Only
 * name, kind and these are filled.  NULL if there is none.
 */
extern MlopsBaseline *mlops_baseline_values(int64 version_id,
											const char *feature,
											Snapshot snapshot);

/* All baselines of a version, filled in full: MlopsBaseline *. */
extern List *mlops_baselines(int64 version_id, Snapshot snapshot);

/* --- aliases ----------------------------------------------------------- */

/*
 * Let the alias point to the version and write the history.  Locks the
 * model; other sessions see it, and replan, when the transaction commits.
 */
extern void mlops_alias_set(const MlopsModel *model, const char *alias,
							const MlopsVersion *version, const char *action,
							const char *note);

/* Go back to what the alias pointed to before; 55000 if to nothing. */
extern int	mlops_alias_rollback(const MlopsModel *model, const char *alias,
								 const char *note);

/* Remove the alias; 42704 if there is none. */
extern void mlops_alias_drop(const MlopsModel *model, const char *alias,
							 const char *note);

/* The version_id an alias points to under the latest snapshot, or 0. */
extern int64 mlops_alias_version(const char *model, const char *alias,
								 Snapshot snapshot);

/*
 * What the alias pointed to at each time, as the snapshot sees its history:
 * *n periods in the order of time, each until the next one begins.  Index
 * scans only.
 */
extern MlopsAliasPeriod *mlops_alias_periods(const MlopsModel *model,
											 const char *alias,
											 Snapshot snapshot, int *n);

#endif							/* MLOPS_CATALOG_H */
