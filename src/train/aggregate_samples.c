/*
 * aggregate_samples.c
 *		Metric aggregates that must see all rows at once, and their state.
 *
 * mlops.sample_state holds rows of some doubles.  Within an aggregate it is
 * flat with room to spare while it is small, because many groups with a
 * memory context each are slow; then an expanded object, a child of the
 * aggregate's context.  Transitions change either in place.  The executor
 * flattens it for other workers and nodes, where the limit of 1 GB of any
 * value holds.  Its text form is that of bytea.
 *
 * The state of a window's frame is read many times: final functions change
 * nothing.  Only those may hold malloc()ed memory, and they raise no error
 * while they do.
 */
#include "postgres.h"

#include <math.h>

#include "base/base.h"
#include "base/compat.h"
#include "math/moved.h"
#include "math/sample.h"
#include "train/aggregate.h"
#include "utils/builtins.h"
#include "utils/expandeddatum.h"
#include "utils/memutils.h"

#define SAMPLES_MAGIC 0x6d6c7373
#define MAX_WIDTH 4
#define SMALL_ROWS 128			/* from then on expanded */

/* Flat: this and room for rows of width doubles; width 0 has none. */
typedef struct FlatSamples
{
	int32		vl_len_;
	int32		width;
	int64		n;				/* rows */
	double		values[FLEXIBLE_ARRAY_MEMBER];
} FlatSamples;

/* Expanded; values are in the object's own context. */
typedef struct Samples
{
	ExpandedObjectHeader header;
	int			magic;
	int			width;			/* doubles in a row, 0: none yet */
	uint64		n;				/* rows */
	uint64		capacity;		/* rows */
	double	   *values;
} Samples;

/* Rows to read, of either form. */
typedef struct SampleView
{
	const double *values;
	int			width;
	uint64		n;
	bool		nan;			/* one of the values is */
} SampleView;

typedef double (*SampleMetric) (const double *rows, int width, size_t n,
								bool *memory);

static Size samples_flat_size(ExpandedObjectHeader *header);
static void samples_flatten(ExpandedObjectHeader *header, void *result,
							Size size);
static FlatSamples *checked_flat(struct varlena *bytes);
static FlatSamples *flat_argument(Datum datum);
static FlatSamples *new_flat(int width, uint64 room, const FlatSamples *old);
static uint64 flat_room(const FlatSamples *flat);
static FlatSamples *small_argument(FunctionCallInfo fcinfo);
static Samples *samples_to_change(FunctionCallInfo fcinfo);
static void append_rows(Samples *samples, const double *values, int width,
						uint64 n);
static SampleView view_samples(Datum datum);
static Datum add_row(FunctionCallInfo fcinfo, const double *values, int width,
					 double weight);
static Datum add_scored(FunctionCallInfo fcinfo, double label);
static void check_width(const SampleView *view, int least, int most);
static Datum sample_result(FunctionCallInfo fcinfo, SampleMetric metric);
static Datum metric_result(double value, bool memory,
						   FunctionCallInfo fcinfo);

static const ExpandedObjectMethods samples_methods = {
	samples_flat_size,
	samples_flatten
};

PG_FUNCTION_INFO_V1(mlops_sample_state_in);
PG_FUNCTION_INFO_V1(mlops_sample_state_out);
PG_FUNCTION_INFO_V1(mlops_sample_state_recv);
PG_FUNCTION_INFO_V1(mlops_sample_state_send);
PG_FUNCTION_INFO_V1(mlops_sample_combine);
PG_FUNCTION_INFO_V1(mlops_scored_add_boolean);
PG_FUNCTION_INFO_V1(mlops_scored_add_number);
PG_FUNCTION_INFO_V1(mlops_roc_auc_final);
PG_FUNCTION_INFO_V1(mlops_pr_auc_final);
PG_FUNCTION_INFO_V1(mlops_ndcg_add);
PG_FUNCTION_INFO_V1(mlops_ndcg_final);
PG_FUNCTION_INFO_V1(mlops_concordance_add);
PG_FUNCTION_INFO_V1(mlops_concordance_final);
PG_FUNCTION_INFO_V1(mlops_moved_add);
PG_FUNCTION_INFO_V1(mlops_psi_final);
PG_FUNCTION_INFO_V1(mlops_ks_final);
PG_FUNCTION_INFO_V1(mlops_wasserstein_final);

/* Input, in the forms of bytea; 22P02 for what is no state. */
Datum
mlops_sample_state_in(PG_FUNCTION_ARGS)
{
	Datum		bytes = DirectFunctionCall1(byteain, PG_GETARG_DATUM(0));

	PG_RETURN_POINTER(checked_flat((struct varlena *) DatumGetPointer(bytes)));
}

/* Output: what follows the length word, as bytea. */
Datum
mlops_sample_state_out(PG_FUNCTION_ARGS)
{
	FlatSamples *flat = flat_argument(PG_GETARG_DATUM(0));

	return DirectFunctionCall1(byteaout, PointerGetDatum(flat));
}

/* Binary input; 22P02 for what is no state. */
Datum
mlops_sample_state_recv(PG_FUNCTION_ARGS)
{
	Datum		bytes = DirectFunctionCall1(bytearecv, PG_GETARG_DATUM(0));

	PG_RETURN_POINTER(checked_flat((struct varlena *) DatumGetPointer(bytes)));
}

/* Binary output: the same bytes as text has. */
Datum
mlops_sample_state_send(PG_FUNCTION_ARGS)
{
	FlatSamples *flat = flat_argument(PG_GETARG_DATUM(0));

	return DirectFunctionCall1(byteasend, PointerGetDatum(flat));
}

/* (state, state): the rows of both. */
Datum
mlops_sample_combine(PG_FUNCTION_ARGS)
{
	SampleView	more = view_samples(PG_GETARG_DATUM(1));
	FlatSamples *small = small_argument(fcinfo);
	Samples    *samples;

	if (more.n == 0)
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	if (small != NULL && (small->width == 0 || small->width == more.width) &&
		small->n + more.n <= SMALL_ROWS)
	{
		FlatSamples *flat = new_flat(more.width, small->n + more.n, small);

		memcpy(flat->values + flat->n * flat->width, more.values,
			   more.n * flat->width * sizeof(double));
		flat->n += more.n;
		PG_RETURN_POINTER(flat);
	}
	samples = samples_to_change(fcinfo);
	append_rows(samples, more.values, more.width, more.n);
	PG_RETURN_DATUM(EOHPGetRWDatum(&samples->header));
}

/* (state, label boolean, score [, weight]). */
Datum
mlops_scored_add_boolean(PG_FUNCTION_ARGS)
{
	return add_scored(fcinfo, PG_GETARG_BOOL(1));
}

/* (state, label float8, score [, weight]). */
Datum
mlops_scored_add_number(PG_FUNCTION_ARGS)
{
	return add_scored(fcinfo, mlops_aggregate_binary(PG_GETARG_FLOAT8(1),
													 "label"));
}

/* (state): NULL if one of the classes is missing. */
Datum
mlops_roc_auc_final(PG_FUNCTION_ARGS)
{
	return sample_result(fcinfo, mlops_sample_roc_auc);
}

/* (state): NULL if nothing is positive. */
Datum
mlops_pr_auc_final(PG_FUNCTION_ARGS)
{
	return sample_result(fcinfo, mlops_sample_pr_auc);
}

/* (state, relevance, score [, k integer]). */
Datum
mlops_ndcg_add(PG_FUNCTION_ARGS)
{
	double		row[3] = {PG_GETARG_FLOAT8(1), PG_GETARG_FLOAT8(2), 0};
	int			width = PG_NARGS() > 3 ? 3 : 2;

	if (row[0] < 0 || row[0] > 1000)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("relevance must be between 0 and 1000, not %g",
						row[0]),
				 errhint("Relevance is a grade, such as 0 for irrelevant and 4 for perfect.")));
	if (width > 2)
	{
		row[2] = PG_GETARG_INT32(3);
		if (row[2] < 1)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"k\" is out of range: %g", row[2]),
					 errhint("It must be at least 1.")));
	}
	return add_row(fcinfo, row, width, 1);
}

/* (state): NULL if nothing is relevant; 22023 unless k is the same for all. */
Datum
mlops_ndcg_final(PG_FUNCTION_ARGS)
{
	SampleView	view = view_samples(PG_GETARG_DATUM(0));
	uint64		k = 0;
	bool		memory;
	double		value;

	if (view.n == 0)
		PG_RETURN_NULL();
	check_width(&view, 2, 3);
	if (view.nan)
		PG_RETURN_FLOAT8(NAN);
	for (uint64 i = 0; view.width > 2 && i < view.n; i++)
	{
		if (view.values[3 * i + 2] != view.values[2])
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("k must be the same for all rows of a group"),
					 errhint("Pass a constant.")));
	}
	if (view.width > 2)
		k = (uint64) view.values[2];
	value = mlops_sample_ndcg(view.values, view.width, view.n, k, &memory);
	return metric_result(value, memory, fcinfo);
}

/* (state, event_time, observed, prediction [, weight]). */
Datum
mlops_concordance_add(PG_FUNCTION_ARGS)
{
	double		time = PG_GETARG_FLOAT8(1);
	bool		observed = PG_GETARG_BOOL(2);
	double		weight = mlops_aggregate_weight(fcinfo, 4);
	double		row[4] = {time, observed ? time : INFINITY,
	PG_GETARG_FLOAT8(3), weight};

	if (isinf(time))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time must be finite"),
				 errhint("For an event that was not observed, pass the last time seen and false.")));
	return add_row(fcinfo, row, PG_NARGS() > 4 ? 4 : 3, weight);
}

/* (state): NULL if no two rows can be compared. */
Datum
mlops_concordance_final(PG_FUNCTION_ARGS)
{
	SampleView	view = view_samples(PG_GETARG_DATUM(0));
	bool		memory;
	double		value;

	if (view.n == 0)
		PG_RETURN_NULL();
	check_width(&view, 3, 4);
	if (view.nan)
		PG_RETURN_FLOAT8(NAN);
	value = mlops_sample_concordance(view.values, view.width, view.n, false,
									 &memory);
	return metric_result(value, memory, fcinfo);
}

/* (state, value, is_current). */
Datum
mlops_moved_add(PG_FUNCTION_ARGS)
{
	double		row[2] = {PG_GETARG_BOOL(2), PG_GETARG_FLOAT8(1)};

	return add_row(fcinfo, row, 2, 1);
}

/* (state): NULL if there is nothing current, or nothing else. */
Datum
mlops_psi_final(PG_FUNCTION_ARGS)
{
	return sample_result(fcinfo, mlops_moved_psi);
}

/* (state): NULL likewise. */
Datum
mlops_ks_final(PG_FUNCTION_ARGS)
{
	return sample_result(fcinfo, mlops_moved_ks);
}

/* (state): NULL likewise, and if a value is infinite. */
Datum
mlops_wasserstein_final(PG_FUNCTION_ARGS)
{
	return sample_result(fcinfo, mlops_moved_wasserstein);
}

/* Bytes of the flat form; 54000 if no value can be as large. */
static Size
samples_flat_size(ExpandedObjectHeader *header)
{
	Samples    *samples = (Samples *) header;
	uint64		size = offsetof(FlatSamples, values) +
		samples->n * samples->width * sizeof(double);

	if (size >= MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many rows for a partial metric aggregate"),
				 errdetail("Its state of %llu rows would take more than 1 GB.",
						   (unsigned long long) samples->n),
				 errhint("Set max_parallel_workers_per_gather to 0 for this query.")));
	return size;
}

/* Write the flat form. */
static void
samples_flatten(ExpandedObjectHeader *header, void *result, Size size)
{
	Samples    *samples = (Samples *) header;
	FlatSamples *flat = result;

	SET_VARSIZE(flat, size);
	flat->width = samples->width;
	flat->n = samples->n;
	if (samples->n > 0)
		memcpy(flat->values, samples->values,
			   samples->n * samples->width * sizeof(double));
}

/* A plain bytea as a state, 22P02 if it is none. */
static FlatSamples *
checked_flat(struct varlena *bytes)
{
	FlatSamples *flat = (FlatSamples *) bytes;
	Size		size = VARSIZE(bytes);

	if (size < offsetof(FlatSamples, values) ||
		flat->width < 0 || flat->width > MAX_WIDTH || flat->width == 1 ||
		flat->n < 0 || flat->n > flat_room(flat))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input for type %s", "mlops.sample_state")));
	return flat;
}

/* A state in its flat form, checked. */
static FlatSamples *
flat_argument(Datum datum)
{
	return checked_flat(PG_DETOAST_DATUM(datum));
}

/* A flat state with that room, and the rows of an old one. */
static FlatSamples *
new_flat(int width, uint64 room, const FlatSamples *old)
{
	Size		size = offsetof(FlatSamples, values) +
		room * width * sizeof(double);
	FlatSamples *flat = palloc0(size);

	SET_VARSIZE(flat, size);
	flat->width = width;
	flat->n = old->n;
	memcpy(flat->values, old->values, old->n * old->width * sizeof(double));
	return flat;
}

/* How many rows a flat state can hold, whose header is all there. */
static uint64
flat_room(const FlatSamples *flat)
{
	return flat->width == 0 ? 0 :
		(VARSIZE(flat) - offsetof(FlatSamples, values)) /
		(flat->width * sizeof(double));
}

/* The first argument if it is flat and an aggregate's own, else NULL. */
static FlatSamples *
small_argument(FunctionCallInfo fcinfo)
{
	struct varlena *state = (struct varlena *)
		DatumGetPointer(PG_GETARG_DATUM(0));

	if (VARATT_IS_EXTENDED(state) || !AggCheckCallContext(fcinfo, NULL))
		return NULL;
	return checked_flat(state);
}

/*
 * The first argument as an object that may be changed: itself, if it is one,
 * else a copy in the aggregate's context.
 */
static Samples *
samples_to_change(FunctionCallInfo fcinfo)
{
	Datum		datum = PG_GETARG_DATUM(0);
	MemoryContext parent;
	MemoryContext context;
	Samples    *samples;
	SampleView	view;

	if (VARATT_IS_EXTERNAL_EXPANDED_RW(DatumGetPointer(datum)))
	{
		samples = (Samples *) DatumGetEOHP(datum);
		Assert(samples->magic == SAMPLES_MAGIC);
		return samples;
	}
	if (!AggCheckCallContext(fcinfo, &parent))
		parent = CurrentMemoryContext;
	view = view_samples(datum);
	context = AllocSetContextCreate(parent, "mlops samples",
									ALLOCSET_START_SMALL_SIZES);
	samples = MemoryContextAllocZero(context, sizeof(Samples));
	EOH_init_header(&samples->header, &samples_methods, context);
	samples->magic = SAMPLES_MAGIC;
	append_rows(samples, view.values, view.width, view.n);
	return samples;
}

/* Add n rows; 22023 if they are of another width. */
static void
append_rows(Samples *samples, const double *values, int width, uint64 n)
{
	MemoryContext context = samples->header.eoh_context;
	uint64		needed = samples->n + n;

	if (n == 0)
		return;
	if (samples->width == 0)
		samples->width = width;
	if (samples->width != width)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("states of different metric aggregates"),
				 errdetail("Only the aggregates call this function.")));
	if (needed > samples->capacity)
	{
		uint64		capacity = Max(Max(needed, samples->capacity * 2), 16);
		Size		size = capacity * width * sizeof(double);

		if (samples->values == NULL)
			samples->values = MemoryContextAllocHuge(context, size);
		else
			samples->values = repalloc_huge(samples->values, size);
		samples->capacity = capacity;
	}
	memcpy(samples->values + samples->n * width, values,
		   n * width * sizeof(double));
	samples->n = needed;
}

/* The rows of a state in either form. */
static SampleView
view_samples(Datum datum)
{
	SampleView	view = {NULL, 0, 0, false};

	if (VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(datum)))
	{
		Samples    *samples = (Samples *) DatumGetEOHP(datum);

		Assert(samples->magic == SAMPLES_MAGIC);
		view.values = samples->values;
		view.width = samples->width;
		view.n = samples->n;
	}
	else
	{
		FlatSamples *flat = flat_argument(datum);

		view.values = flat->values;
		view.width = flat->width;
		view.n = flat->n;
	}
	for (uint64 i = 0; i < view.n * view.width && !view.nan; i++)
		view.nan = isnan(view.values[i]);
	return view;
}

/* Add one row to the state, unless it weighs nothing, and return that. */
static Datum
add_row(FunctionCallInfo fcinfo, const double *values, int width,
		double weight)
{
	FlatSamples *small = small_argument(fcinfo);
	Samples    *samples;

	if (weight <= 0)
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	if (small != NULL && (small->width == 0 || small->width == width) &&
		small->n < SMALL_ROWS)
	{
		uint64		room = flat_room(small);

		if (small->n == room)
			small = new_flat(width, Max(room * 2, 4), small);
		memcpy(small->values + small->n * width, values,
			   width * sizeof(double));
		small->n++;
		PG_RETURN_POINTER(small);
	}
	samples = samples_to_change(fcinfo);
	append_rows(samples, values, width, 1);
	PG_RETURN_DATUM(EOHPGetRWDatum(&samples->header));
}

/* Add (label, score [, weight]). */
static Datum
add_scored(FunctionCallInfo fcinfo, double label)
{
	double		weight = mlops_aggregate_weight(fcinfo, 3);
	double		row[3] = {label, PG_GETARG_FLOAT8(2), weight};

	return add_row(fcinfo, row, PG_NARGS() > 3 ? 3 : 2, weight);
}

/* 22023 unless the rows have so many columns. */
static void
check_width(const SampleView *view, int least, int most)
{
	if (view->width < least || view->width > most)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("states of different metric aggregates"),
				 errdetail("Only the aggregates call this function.")));
}

/* A metric of (label, score [, weight]). */
static Datum
sample_result(FunctionCallInfo fcinfo, SampleMetric metric)
{
	SampleView	view = view_samples(PG_GETARG_DATUM(0));
	bool		memory;
	double		value;

	if (view.n == 0)
		PG_RETURN_NULL();
	check_width(&view, 2, 3);
	if (view.nan)
		PG_RETURN_FLOAT8(NAN);
	value = metric(view.values, view.width, view.n, &memory);
	return metric_result(value, memory, fcinfo);
}

/* A metric's value as a result: NULL where it is not defined. */
static Datum
metric_result(double value, bool memory, FunctionCallInfo fcinfo)
{
	if (!memory)
		mlops_out_of_memory();
	if (isnan(value))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(value);
}
