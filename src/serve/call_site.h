/*
 * call_site.h
 *		What a place in a query where something is predicted knows.
 *
 * A call site is one FmgrInfo.  It has a place for each model reference that
 * it sees; a place knows the version that the reference means now, the row
 * type that comes, and what was made of both.  All of it lives as long as the
 * FmgrInfo.  Pointers into a place are good until the next call with it.
 */
#ifndef MLOPS_CALL_SITE_H
#define MLOPS_CALL_SITE_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "data/encode.h"
#include "data/predictor.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "forest/explain.h"

/* What tells one state of the database from another, for one role. */
typedef struct MlopsMoment
{
	TransactionId xmin;
	TransactionId xmax;
	uint32		xcnt;
	int32		subxcnt;
	CommandId	curcid;
	Oid			role;
} MlopsMoment;

/* What a call site knows of one model reference. */
typedef struct MlopsPlace
{
	MemoryContext context;		/* of what hangs below: the call site's */
	text	   *key;			/* reference, or model of a pinned one */
	int			pinned_version; /* 0: not pinned */
	MlopsReference reference;
	bool		owns_reference;	/* and key; else they stay for ever */
	bool		resolved;
	MlopsMoment moment;			/* when version_id was read */
	int64		version_id;
	const MlopsPredictor *predictor;
	uint64		serial;			/* of the cache, when predictor was got */
	/* made for the version; all but the arrays on demand */
	MemoryContext version_memory;	/* see mlops_place_context() */
	void	   *arrays;			/* memory of the two below, at first */
	float	   *features;		/* [n_features] */
	float	   *outputs;		/* [n_outputs] */
	MlopsExplainer *explainer;
	struct MlopsJsonInput *json;	/* see json_input.c */
	void	   *scratch;		/* see predict_array() */
	Size		scratch_size;
	/* the row type that the encoder is bound to */
	Oid			row_type;
	int32		row_typmod;
	uint64		row_form;		/* rises when the type is altered */
	TupleDesc	tupdesc;
	MlopsEncoder *encoder;
	MemoryContext encoder_context;
	Datum	   *values;			/* the row, by attribute number - 1 */
	bool	   *nulls;
	int		   *attributes;		/* index in values by input, on demand */
	/* of values as arguments: see mlops_place_encode_columns() */
	bool		bound;			/* the two below are known */
	bool		as_row;			/* they come as one row */
	int			sign;			/* argument NULL where there is no row, or -1 */
	/* of columns in a slot: see mlops_call_site_read_slot() */
	TupleTableSlot **slot;		/* NULL: they are arguments */
	const int16 *numbers;		/* of the columns, in the order of the names */
	int			last_number;	/* the greatest */
} MlopsPlace;

/*
 * The place of a reference, or of a version by its number, at the function's
 * call site, with the version loaded that it means under the active snapshot.
 * Errors: those of mlops_resolve() and mlops_predictor_load().
 */
extern MlopsPlace *mlops_call_site_place(FunctionCallInfo fcinfo, text *key,
										 int pinned_version);

/* Memory that is freed when the place takes another version. */
extern MemoryContext mlops_place_context(MlopsPlace *place);

/*
 * Have a call site that was not used yet read its columns from a slot, which
 * stands there for each row; the argument behind their names has their
 * numbers, an int2vector.
 */
extern void mlops_call_site_read_slot(FmgrInfo *function,
									  TupleTableSlot **slot);

/* What the call site keeps besides its places; NULL at first. */
extern void **mlops_call_site_extra(FunctionCallInfo fcinfo);

/* The row type that the function returns, kept there. */
extern TupleDesc mlops_call_site_result(FunctionCallInfo fcinfo);

/* The present moment: active snapshot and role; false without a snapshot. */
extern bool mlops_moment_now(MlopsMoment *moment);

/*
 * Write the row into values, nulls and features of the place.  Errors: those
 * of mlops_encoder_bind().
 */
extern void mlops_place_encode(MlopsPlace *place, HeapTupleHeader row);

/*
 * The same of columns that the planner bound.  Argument `names` is a text[]
 * of their names; behind it come their values, or one row of them, and then
 * perhaps an argument that is NULL where there is no row: false if it is.
 * 40001 if the version needs a column that is not among them.
 */
extern bool mlops_place_encode_columns(MlopsPlace *place,
									   FunctionCallInfo fcinfo, int names);

/*
 * Whether the names, a List of char *, have all columns of the version: if
 * not, 40001 as above, and the session plans anew.
 */
extern void mlops_place_check_columns(const MlopsPlace *place, List *names);

/* Encode the row and write its prediction into outputs. */
extern void mlops_place_predict(MlopsPlace *place, HeapTupleHeader row);

/* Write the prediction, or the margins, of the features into outputs. */
extern void mlops_place_evaluate(MlopsPlace *place);
extern void mlops_place_evaluate_margin(MlopsPlace *place);

/* An error is about to be reported that is the version's; see telemetry.h. */
extern void mlops_place_count_error(const MlopsPlace *place);

/* After encoding: the index in values of the column of an input. */
extern int	mlops_place_attribute(MlopsPlace *place, int input);

/* The one number that outputs hold; 0A000 if there are several classes. */
extern double mlops_place_single(const MlopsPlace *place);

/* The explainer of the version; made when it is first asked for. */
extern MlopsExplainer *mlops_place_explainer(MlopsPlace *place);

/* An explainer that is freed with the current memory context. */
extern MlopsExplainer *mlops_context_explainer(const MlopsForest *forest);

/*
 * Classes.  The outputs are those of mlops_forest_predict(), and class is a
 * class's number.  _require: 0A000 unless it is a classifier.  _find: 22023
 * if there is no such class, 0A000 if there are none.  _choose: the class
 * with the label; without a label the one predicted of several, the positive
 * one of two, -1 if there are none.
 */
extern void mlops_class_require(const MlopsPlace *place);
extern int	mlops_class_find(const MlopsVersion *version, const char *model,
							 const char *label);
extern int	mlops_class_choose(const MlopsPlace *place, const char *label);
extern int	mlops_class_predicted(const MlopsVersion *version,
								  const float *outputs);
extern double mlops_class_probability(const MlopsVersion *version,
									  const float *outputs, int class);

/* The probabilities of all classes, float8[]. */
extern ArrayType *mlops_class_probabilities(const MlopsVersion *version,
											const float *outputs);

/*
 * What charts and candidates show of a row: the probability of the class, or
 * the value if class is -1.
 */
extern double mlops_outcome(const MlopsVersion *version,
							const float *outputs, int class);

#endif							/* MLOPS_CALL_SITE_H */
