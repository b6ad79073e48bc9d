/*
 * dataset.h
 *		From a source (relation or query) to a matrix of training rows.
 *
 * mlops_dataset_open() analyses the source with the caller's rights and
 * decides which columns are features and of what kind; it reads no row, but
 * for one that says how many elements the arrays have.
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
	MLOPS_REGRESSION,			/* counts and the like included */
	MLOPS_RANKING,
	MLOPS_SURVIVAL
} MlopsTask;

/* How rows fall into training, validation and test. */
typedef enum MlopsSplit
{
	MLOPS_SPLIT_AUTO,			/* by time if there is an event time; by group
								 * if there are query groups; else by hash */
	MLOPS_SPLIT_HASH,			/* of the key, or of the row */
	MLOPS_SPLIT_TIME,
	MLOPS_SPLIT_RANDOM,			/* by row number and seed */
	MLOPS_SPLIT_STRATIFIED,		/* by hash, the same share of each label */
	MLOPS_SPLIT_GROUP,			/* by hash of split_column, or query_group */
	MLOPS_SPLIT_COLUMN,			/* as split_column says: a boolean, true for
								 * test, or train, validation, test */
	MLOPS_SPLIT_NONE
} MlopsSplit;

/* What labels an objective can take; others are 22023 with the value. */
typedef enum MlopsLabelRange
{
	MLOPS_LABEL_ANY,
	MLOPS_LABEL_NOT_NEGATIVE,	/* counts, tweedie */
	MLOPS_LABEL_POSITIVE,		/* gamma, survival */
	MLOPS_LABEL_UNIT,			/* logistic: 0 to 1 */
	MLOPS_LABEL_ABOVE_MINUS_ONE,	/* squared logarithmic error */
	MLOPS_LABEL_GRADE,			/* ranking: a gain is 2^label - 1 */
	MLOPS_LABEL_RELEVANT		/* rank:map: 0 or 1 */
} MlopsLabelRange;

/* The lower-case name of the task. */
extern const char *mlops_task_name(MlopsTask task);

/*
 * Sees every row that is taken, as the statement gives it: attribute 0 is the
 * target.  row counts from 0, as in the matrix.
 */
typedef void (*MlopsRowTap) (TupleDesc tupdesc, const Datum *values,
							 const bool *nulls, uint64 row, void *arg);

/*
 * Columns that belong to a task, query_group and the bounds of survival, are
 * given with that task only: the caller has seen to it.
 */
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
	const char *task;			/* a task's name, or NULL */
	const char *positive;		/* label of the positive class, or NULL */
	double		validation;		/* fraction of rows, 0 for none */
	double		test;
	int64		seed;			/* of hash and random splits */
	MlopsSplit	split;
	const char *split_column;	/* for the splits GROUP and COLUMN */
	MlopsLabelRange label_range;
	bool		balanced;		/* weights by 1 / frequency of the class */
	const char *query_group;	/* ranking: column; rows are read ordered by
								 * it, and a group is never split */
	/*
	 * Survival: the target is the lower bound of the time.  Its upper bound
	 * is target_upper (infinite or NULL: censored), else infinite where
	 * event_observed is false, else the target itself.  With cox a row that
	 * is censored gets the negative time as label, and no upper bound.
	 */
	const char *target_upper;	/* column or expression, or NULL */
	const char *event_observed; /* boolean column or expression, or NULL */
	bool		cox;
	const char *base_margin;	/* column: a number, or an array with one for
								 * each output; or NULL */
	const MlopsSignature *fixed;	/* warm start: the features are these, with
									 * these categories; or NULL */
	int			n_fixed_classes;	/* and the classes are these */
	char	  **fixed_classes;
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
	bool		grouped;		/* the matrix has group numbers */
	bool		bounded;		/* the matrix has upper bounds of labels */
	int			n_margins;		/* base margins of a row, 0 for none */
	MlopsSplit	split;			/* never AUTO */
	int			n_classes;		/* 0 if there are none; set by _read */
	char	  **classes;		/* binary: the positive one is last */
	char	   *class_type;		/* format_type of the target */
	char	   *query;			/* the statement that is run */
	char	   *relations;		/* jsonb text, see MlopsRunRecord */
	bool		row_security;
	double		estimated_rows; /* the planner's */

	/* set by mlops_dataset_read() */
	uint64		n_rows[3];		/* by MlopsRole */
	uint64		n_groups[3];	/* if grouped */
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

/*
 * The upper bounds of labels and the group numbers of a split in row order,
 * palloc'd; NULL if there are none.
 */
extern float *mlops_dataset_upper(MlopsDataset *dataset, MlopsMatrix *matrix,
								  MlopsRole role);
extern uint32 *mlops_dataset_groups(MlopsDataset *dataset,
									MlopsMatrix *matrix, MlopsRole role);

/*
 * What a good colleague would say about the data, as NOTICEs and WARNINGs
 * with hints; after _read.  Returns them as jsonb text for the run's record:
 * [{"kind", "feature", "message"}].
 */
extern char *mlops_dataset_advice(MlopsDataset *dataset, MlopsMatrix *matrix);

#endif							/* MLOPS_DATASET_H */
