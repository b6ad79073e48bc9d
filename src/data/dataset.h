/*
 * dataset.h
 *		From a source (relation or query) to a matrix of training rows.
 *
 * mlops_dataset_open() analyses the source with the caller's rights and
 * decides which columns are features and of what kind; it reads no row.
 * mlops_dataset_read() runs the query under the active snapshot into a matrix
 * while the plan runs, decides the task unless it was given, assigns the
 * splits and fixes classes and categories.
 *
 * All of it lives in the memory context that is current at _open.
 */
#ifndef MLOPS_DATASET_H
#define MLOPS_DATASET_H

#include "access/tupdesc.h"
#include "datatype/timestamp.h"
#include "data/matrix.h"
#include "data/signature.h"
#include "nodes/pg_list.h"

typedef enum MlopsTask
{
	MLOPS_BINARY,
	MLOPS_MULTICLASS,
	MLOPS_REGRESSION
} MlopsTask;

/* "binary", "multiclass" or "regression". */
extern const char *mlops_task_name(MlopsTask task);

/*
 * Sees every row that is taken, as the statement gives it: attribute 0 is the
 * target.  row counts from 0, as in the matrix.
 */
typedef void (*MlopsRowTap) (TupleDesc tupdesc, const Datum *values,
							 const bool *nulls, uint64 row, void *arg);

typedef struct MlopsDatasetRequest
{
	const char *source;			/* relation name or query */
	const char *target;			/* column or expression over the source */
	List	   *features;		/* of char *; NIL: all that can be used */
	List	   *exclude;		/* of char * */
	List	   *key;			/* of char *; never features; rows of one key
								 * stay together in a hash split */
	const char *event_time;		/* column, or NULL; implies a time split */
	const char *weight;			/* column, or NULL */
	const char *task;			/* binary, multiclass, regression, or NULL */
	const char *positive;		/* label of the positive class, or NULL */
	double		validation;		/* fraction of rows, 0 for none */
	double		test;
	int64		seed;			/* of the hash split */
	List	   *also;			/* columns to read besides, for the tap */
	MlopsRowTap tap;			/* or NULL */
	void	   *tap_arg;
} MlopsDatasetRequest;

typedef struct MlopsDataset
{
	MlopsTask	task;			/* final after _read */
	bool		task_known;		/* given, or clear from the target's type:
								 * task is right before _read already */
	MlopsSignature *signature;	/* categories are set by _read */
	bool		weighted;
	bool		has_event_time;
	int			n_classes;		/* 0 for regression; set by _read */
	char	  **classes;		/* binary: the positive one is last */
	char	   *class_type;		/* format_type of the target */
	char	   *query;			/* the statement that is run */
	char	   *relations;		/* jsonb text, see MlopsRunRecord */
	bool		row_security;
	double		estimated_rows; /* the planner's */

	/* set by mlops_dataset_read() */
	uint64		n_rows[3];		/* by MlopsRole */
	uint64		n_skipped;		/* rows whose target is NULL */
	double		label_mean;		/* weighted, over the training rows; binary:
								 * the share of the positive class */
	TimestampTz event_time_min; /* over all rows that are used */
	TimestampTz event_time_max;
	char		fingerprint_ordered[33];
	char		fingerprint_unordered[33];
	double		read_seconds;

	struct MlopsDatasetPlan *plan;	/* private to data/ */
} MlopsDataset;

/* Called every few thousand rows, to poll the trainer and show progress. */
typedef void (*MlopsReadCallback) (uint64 rows, void *arg);

extern MlopsDataset *mlops_dataset_open(const MlopsDatasetRequest *request);
extern void mlops_dataset_read(MlopsDataset *dataset, MlopsMatrix *matrix,
							   MlopsReadCallback callback, void *arg);

/*
 * Baselines of all features over the training rows, a List of
 * MlopsBaseline * (catalog/catalog.h); apart from _read so that it can be
 * done while the trainer works.
 */
extern List *mlops_dataset_baselines(MlopsDataset *dataset,
									 MlopsMatrix *matrix);

/* The baseline of one column of numbers; kind as in MlopsBaseline. */
struct MlopsBaseline;
struct MlopsSummary;
extern struct MlopsBaseline *
			mlops_number_baseline(const char *name, const char *kind,
								  const struct MlopsSummary *summary);

/*
 * Labels and weights of a split in row order, palloc'd; weights is NULL if
 * there are none.
 */
extern uint64 mlops_dataset_labels(MlopsDataset *dataset, MlopsMatrix *matrix,
								   MlopsRole role, float **labels,
								   float **weights);

#endif							/* MLOPS_DATASET_H */
