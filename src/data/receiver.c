/*
 * receiver.c
 *		Rows of the running plan straight into the matrix.
 *
 * The executor calls receive() for every row; nothing is materialised.  It
 * must not touch the catalog, and what it allocates for a row goes into a
 * context that is reset every few rows.
 *
 * Each row is hashed as it was read: features as float32, categories and
 * labels as their bytes, so that neither the order in which categories turn
 * up nor the cap on their number changes a hash.
 */
#include "postgres.h"

#include <math.h>

#include "base/compat.h"
#include "data/overlap.h"
#include "executor/tuptable.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/*
 * Rows between two calls of the callback, two looks at the clock, for sources
 * that are slow, and two resets of row memory.
 */
#define ROWS_PER_CALLBACK	4096
#define ROWS_PER_LOOK		16
#define MS_PER_CALLBACK		500
#define ROWS_PER_RESET		256

/* Words that are hashed for a row besides its numbers. */
#define FIXED_WORDS			5

typedef struct Receiver
{
	DestReceiver pub;
	MlopsDataset *dataset;
	MlopsDatasetPlan *plan;
	MlopsMatrix *matrix;
	MlopsReadCallback callback;
	void	   *callback_arg;
	MemoryContext row_context;
	uint64		rows_seen;
	TimestampTz called_at;		/* the callback */
	uint64		rows_without_time;
	bool		has_weight;		/* a weight above zero was seen */
	MlopsFingerprint fingerprint;
	MlopsFeatureReader *features;
	uint64	   *words;			/* FIXED_WORDS, then one per category */
	int64		time_min;
	int64		time_max;
} Receiver;

static void receiver_startup(DestReceiver *self, int operation,
							 TupleDesc row);
static bool receive(TupleTableSlot *slot, DestReceiver *self);
static bool callback_due(Receiver *r);
static void receiver_shutdown(DestReceiver *self);
static void take_row(Receiver *r, const Datum *values, const bool *nulls);
static void take_encoded(Receiver *r, const Datum *values, const bool *nulls,
						 float *features);
static MlopsHash128 hash_row(Receiver *r, const float *features,
							 uint64 label_hash, float weight, int64 time,
							 uint64 marks_hash);
static uint64 hash_without_marks(const Receiver *r, MlopsHash128 hash,
								 const MlopsMarks *marks);
static float take_weight(Receiver *r, const Datum *values,
						 const bool *nulls);
static void weight_error(Receiver *r, const char *what)
			pg_attribute_noreturn();
static bool take_time(Receiver *r, const Datum *values, const bool *nulls,
					  int64 *time);
static void watch_clocks(Receiver *r, const Datum *values, const bool *nulls,
						 int64 time);
static int64 clock_time(MlopsConversion conversion, Datum value);
static TimestampTz public_time(const MlopsDatasetPlan *plan, int64 time);
static void check_result(Receiver *r);

void
mlops_receive(MlopsDataset *dataset, MlopsMatrix *matrix,
			  MlopsReadCallback callback, void *arg)
{
	MlopsDatasetPlan *plan = dataset->plan;
	Receiver   *r = palloc0(sizeof(Receiver));

	r->pub.receiveSlot = receive;
	r->pub.rStartup = receiver_startup;
	r->pub.rShutdown = receiver_shutdown;
	r->pub.rDestroy = receiver_shutdown;
	r->pub.mydest = DestNone;
	r->dataset = dataset;
	r->plan = plan;
	r->matrix = matrix;
	r->callback = callback;
	r->callback_arg = arg;
	r->row_context = AllocSetContextCreate(CurrentMemoryContext,
										   "mlops row",
										   ALLOCSET_DEFAULT_SIZES);
	/* one more for marks */
	r->words = palloc0(sizeof(uint64) *
					   (FIXED_WORDS + plan->n_dictionaries + 1));
	r->features = mlops_features_plan(dataset, r->words + FIXED_WORDS,
									  &r->rows_seen);
	mlops_fingerprint_init(&r->fingerprint);
	r->called_at = GetCurrentTimestamp();
	r->time_min = PG_INT64_MAX;
	r->time_max = PG_INT64_MIN;

	mlops_statement_run(dataset->query, &r->pub);

	MemoryContextDelete(r->row_context);
	check_result(r);
	mlops_fingerprint_hex(&r->fingerprint, dataset->fingerprint_ordered,
						  dataset->fingerprint_unordered);
	if (plan->time >= 0)
	{
		dataset->event_time_min = public_time(plan, r->time_min);
		dataset->event_time_max = public_time(plan, r->time_max);
	}
}

/*
 * The statement was analysed anew: its columns must be those that were bound.
 */
static void
receiver_startup(DestReceiver *self, int operation, TupleDesc row)
{
	MlopsDatasetPlan *plan = ((Receiver *) self)->plan;
	bool		same = (row->natts == plan->n_attributes);

	for (int i = 0; same && i < row->natts; i++)
		same = (TupleDescAttr(row, i)->atttypid == plan->types[i]);
	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("source has changed while it was read"),
				 errhint("Try again.")));
}

/*
 * Take a row, or skip it if its target is NULL.
 */
static bool
receive(TupleTableSlot *slot, DestReceiver *self)
{
	Receiver   *r = (Receiver *) self;
	MemoryContext old;

	slot_getallattrs(slot);
	old = MemoryContextSwitchTo(r->row_context);
	if (slot->tts_isnull[0])
		r->dataset->n_skipped++;
	else
	{
		uint64		row = r->matrix->layout.n_rows;

		take_row(r, slot->tts_values, slot->tts_isnull);
		if (r->plan->tap != NULL && r->matrix->layout.n_rows > row)
			r->plan->tap(slot->tts_tupleDescriptor, slot->tts_values,
						 slot->tts_isnull, row, r->plan->tap_arg);
	}
	r->rows_seen++;
	if (r->rows_seen % ROWS_PER_RESET == 0)
		MemoryContextReset(r->row_context);
	MemoryContextSwitchTo(old);
	if (r->callback != NULL && callback_due(r))
		r->callback(r->rows_seen, r->callback_arg);
	return true;
}

/*
 * Is it time for the callback, by the rows or by the clock?
 */
static bool
callback_due(Receiver *r)
{
	TimestampTz now;

	if (r->rows_seen % ROWS_PER_LOOK != 0)
		return false;
	now = GetCurrentTimestamp();
	if (r->rows_seen % ROWS_PER_CALLBACK != 0 &&
		now - r->called_at < MS_PER_CALLBACK * INT64CONST(1000))
		return false;
	r->called_at = now;
	return true;
}

/*
 * Nothing is held that would have to be released.
 */
static void
receiver_shutdown(DestReceiver *self)
{
}

/*
 * Write a row into the matrix, and hash it.  Its role may still be open.
 */
static void
take_row(Receiver *r, const Datum *values, const bool *nulls)
{
	MlopsDatasetPlan *plan = r->plan;
	MlopsMatrix *matrix = r->matrix;
	MlopsMarks	marks;
	MlopsHash128 hash;
	uint64		label_hash = 0;
	uint64		key_hash = 0;
	uint64		row = matrix->layout.n_rows;
	uint64		at;
	int64		time = 0;
	int64		order;
	float		weight = 1;
	float		label;
	float	   *features;
	MlopsRole	role;

	label = mlops_target_label(plan->target, values[0], matrix, &label_hash);
	if (plan->weight >= 0)
		weight = take_weight(r, values, nulls);
	if (plan->time >= 0 && !take_time(r, values, nulls, &time))
		return;
	if (plan->n_clocks > 0)
		watch_clocks(r, values, nulls, time);
	mlops_marks_take(plan, values, nulls, &label, &marks);

	if (row == 0)
		mlops_dataset_lay_out(r->dataset, matrix, marks.n_margins);
	at = mlops_matrix_append(matrix);
	features = mlops_matrix_features(matrix) +
		at * matrix->layout.n_features;
	if (plan->encoder != NULL)
		take_encoded(r, values, nulls, features);
	else
		mlops_features_take(r->features, values, nulls, features);

	hash = hash_row(r, features, label_hash, weight, time, marks.hash);
	mlops_fingerprint_add(&r->fingerprint, hash);
	mlops_features_place(r->features, features);
	if (plan->n_key > 0)
		key_hash = mlops_key_hash(plan, values, nulls);

	if (plan->keys != NULL)
		mlops_overlap_add(plan->keys, key_hash, row);
	if (plan->rows != NULL)
		mlops_overlap_add(plan->rows, hash_without_marks(r, hash, &marks),
						  row);

	order = time;
	role = mlops_split_row(plan, &marks, row, hash.low, key_hash, &order);
	mlops_matrix_label(matrix)[at] = label;
	mlops_matrix_role(matrix)[at] = role;
	mlops_marks_place(plan, &marks, matrix);
	if (r->dataset->weighted)
		mlops_matrix_weight(matrix)[at] = weight;
	if (mlops_split_ordered(plan))
		mlops_matrix_time(matrix)[at] = order;
}

/*
 * Features as an encoder of a fixed signature gives them; the hash of a row
 * is the one that it has without that signature.
 */
static void
take_encoded(Receiver *r, const Datum *values, const bool *nulls,
			 float *features)
{
	const MlopsSignature *signature = r->dataset->signature;

	(void) mlops_encode_row(r->plan->encoder, values, nulls, features);
	for (int i = 0; i < signature->n_features; i++)
		if (unlikely(isinf(features[i])))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("feature \"%s\" is infinite or out of range",
							signature->feature_names[i]),
					 errhint("Make it NULL there.")));
	mlops_features_aside(r->features, values, nulls, features);
}

/*
 * The hash of a row: its numbers, label, weight, time, categories and marks.
 */
static MlopsHash128
hash_row(Receiver *r, const float *features, uint64 label_hash,
		 float weight, int64 time, uint64 marks_hash)
{
	int			n_words = FIXED_WORDS + r->plan->n_dictionaries;
	MlopsHash128 numbers = mlops_hash128_floats(features,
												r->matrix->layout.n_features);

	r->words[0] = numbers.low;
	r->words[1] = numbers.high;
	r->words[2] = label_hash;
	r->words[3] = r->plan->weight < 0 ? 0 : mlops_hash_row(&weight, 1, 0);
	r->words[4] = (uint64) time;
	if (marks_hash != 0)
		r->words[n_words++] = marks_hash;
	return mlops_hash128_words(r->words, n_words);
}

/*
 * The hash of the row that was hashed last, as if it had no marks: the same
 * on both sides of a split that a column decides.
 */
static uint64
hash_without_marks(const Receiver *r, MlopsHash128 hash,
				   const MlopsMarks *marks)
{
	if (marks->hash == 0)
		return hash.low;
	return mlops_hash128_words(r->words, FIXED_WORDS +
							   r->plan->n_dictionaries).low;
}

/*
 * The weight of a row: finite, at least 0.
 */
static float
take_weight(Receiver *r, const Datum *values, const bool *nulls)
{
	int			at = r->plan->weight;
	float		weight;

	if (nulls[at])
		weight_error(r, "It is NULL in a row.");
	weight = (float) mlops_scalar(r->plan->weight_conversion, values[at]);
	if (isnan(weight) || isinf(weight))
		weight_error(r, "It is not a finite number in a row.");
	if (weight < 0)
		weight_error(r, "It is negative in a row.");
	if (weight > 0)
		r->has_weight = true;
	return weight;
}

/*
 * Refuse a weight.
 */
static void
weight_error(Receiver *r, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("weight column \"%s\" must be 0 or more",
					r->plan->weight_name),
			 errdetail("%s", what)));
}

/*
 * The event time of a row in microseconds.  Rows without one are counted,
 * and are an error when all have been read.
 */
static bool
take_time(Receiver *r, const Datum *values, const bool *nulls, int64 *time)
{
	int			at = r->plan->time;

	if (nulls[at])
		*time = DT_NOEND;
	else
		*time = clock_time(r->plan->time_conversion, values[at]);
	if (TIMESTAMP_NOT_FINITE(*time))
	{
		r->rows_without_time++;
		return false;
	}
	r->time_min = Min(r->time_min, *time);
	r->time_max = Max(r->time_max, *time);
	return true;
}

/*
 * A date or timestamp in microseconds.
 */
static int64
clock_time(MlopsConversion conversion, Datum value)
{
	int			overflow;

	if (conversion == MLOPS_FROM_DATE)
		return date2timestamp_opt_overflow(DatumGetDateADT(value), &overflow);
	return DatumGetInt64(value);
}

/*
 * Count times that are later than the event.  Where only one of the two knows
 * its time zone, or is a date, a day is let pass.
 */
static void
watch_clocks(Receiver *r, const Datum *values, const bool *nulls, int64 time)
{
	MlopsDatasetPlan *plan = r->plan;

	for (int i = 0; i < plan->n_clocks; i++)
	{
		MlopsClock *clock = &plan->clocks[i];
		int64		slack = clock->conversion == plan->time_conversion ?
			0 : USECS_PER_DAY;
		int64		other;

		if (nulls[clock->attribute])
			continue;
		other = clock_time(clock->conversion, values[clock->attribute]);
		if (!TIMESTAMP_NOT_FINITE(other) && other - slack > time)
			clock->n_later++;
	}
}

/*
 * An event time as a timestamptz; dates and timestamps are taken in the time
 * zone of the session.
 */
static TimestampTz
public_time(const MlopsDatasetPlan *plan, int64 time)
{
	if (plan->time_conversion == MLOPS_FROM_TIMESTAMPTZ)
		return time;
	return DatumGetTimestampTz(DirectFunctionCall1(timestamp_timestamptz,
												   TimestampGetDatum(time)));
}

/*
 * Errors that show only when all rows have been read.
 */
static void
check_result(Receiver *r)
{
	uint64		rows = r->matrix->layout.n_rows;

	if (r->rows_without_time > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("event time \"%s\" is not there in every row",
						r->plan->time_name),
				 errdetail("It is NULL or infinite in " UINT64_FORMAT " of " UINT64_FORMAT " rows.",
						   r->rows_without_time,
						   r->rows_without_time + rows)));
	if (rows < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("source has too few rows to train on"),
				 errdetail("It has " UINT64_FORMAT ", and " UINT64_FORMAT " more whose target is NULL.",
						   rows, r->dataset->n_skipped)));
	mlops_target_check(r->plan->target, rows);
	mlops_marks_check(r->plan, rows);
	if (r->plan->weight >= 0 && !r->has_weight)
		weight_error(r, "It is 0 in every row.");
}
