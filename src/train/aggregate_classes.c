/*
 * aggregate_classes.c
 *		Metric aggregates over any classes, and their state.
 *
 * mlops.class_state is a confusion matrix: the names of the classes and, for
 * each pair of label and predicted class that occurred, a compensated sum of
 * weights.  A class is the text of its value; numbers that are equal have one
 * text.  Within an aggregate the state stays flat while it is small, because
 * many groups with a memory context each are slow; then it is an expanded
 * object, a child of the aggregate's context.  Either is changed in place.
 */
#include "postgres.h"

#include <math.h>

#include "base/compat.h"
#include "catalog/pg_type.h"
#include "math/hash.h"
#include "math/sum.h"
#include "train/aggregate.h"
#include "utils/builtins.h"
#include "utils/expandeddatum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#define CLASSES_MAGIC 0x6d6c6373
#define MAX_CLASSES 100000
#define MAX_CELLS (32 * 1024 * 1024)
#define SMALL_CELLS 64			/* from then on expanded */

/* The weight of one label and predicted class. */
typedef struct Cell
{
	int32		label;
	int32		predicted;
	MlopsSum	weight;
} Cell;

/* Flat: this, n_cells cells, then the names, each with its final 0 byte. */
typedef struct FlatClasses
{
	int32		vl_len_;
	int32		n_classes;
	int32		n_cells;
	int32		name_bytes;
	Cell		cells[FLEXIBLE_ARRAY_MEMBER];
} FlatClasses;

/* Numbers of things by their hash; 0 is a free slot, else the number + 1. */
typedef struct HashIndex
{
	int32	   *slots;
	uint32		size;			/* a power of 2, more than twice the things */
} HashIndex;

typedef struct Classes
{
	ExpandedObjectHeader header;
	int			magic;
	int32		n_classes;
	int32		n_cells;
	int32		class_room;
	int32		cell_room;
	char	  **names;
	Cell	   *cells;
	HashIndex	by_name;
	HashIndex	by_pair;
	Size		name_bytes;
} Classes;

/* How the values of a call become text. */
typedef struct ClassText
{
	Oid			type;
	FmgrInfo	output;
} ClassText;

/* Of one class. */
typedef struct ClassSums
{
	MlopsSum	label;
	MlopsSum	predicted;
	MlopsSum	hit;
} ClassSums;

static Size classes_flat_size(ExpandedObjectHeader *header);
static void classes_flatten(ExpandedObjectHeader *header, void *result,
							Size size);
static FlatClasses *checked_flat(struct varlena *bytes);
static bool flat_valid(const FlatClasses *flat, Size size);
static FlatClasses *small_argument(FunctionCallInfo fcinfo);
static bool add_in_place(FlatClasses *flat, const char *label,
						 const char *predicted, double weight);
static Datum flattened(Classes *classes);
static Classes *classes_to_change(FunctionCallInfo fcinfo);
static Classes *classes_of(Datum datum, MemoryContext parent);
static void add_flat(Classes *classes, const FlatClasses *flat);
static void add_weight(Classes *classes, int32 label, int32 predicted,
					   double weight, double error);
static int32 class_number(Classes *classes, const char *name);
static void index_grow(Classes *classes, HashIndex *index, uint32 size);
static void index_put(HashIndex *index, uint64 hash, int32 number);
static uint64 pair_hash(int32 label, int32 predicted);
static char *class_text(FunctionCallInfo fcinfo, int argument);
static ClassSums *class_sums(const Classes *classes, double *all);

static const ExpandedObjectMethods classes_methods = {
	classes_flat_size,
	classes_flatten
};

PG_FUNCTION_INFO_V1(mlops_class_state_in);
PG_FUNCTION_INFO_V1(mlops_class_state_out);
PG_FUNCTION_INFO_V1(mlops_class_state_recv);
PG_FUNCTION_INFO_V1(mlops_class_state_send);
PG_FUNCTION_INFO_V1(mlops_class_add);
PG_FUNCTION_INFO_V1(mlops_class_combine);
PG_FUNCTION_INFO_V1(mlops_balanced_accuracy_final);
PG_FUNCTION_INFO_V1(mlops_f1_macro_final);
PG_FUNCTION_INFO_V1(mlops_mcc_final);

/* Input, in the forms of bytea; 22P02 for what is no state. */
Datum
mlops_class_state_in(PG_FUNCTION_ARGS)
{
	Datum		bytes = DirectFunctionCall1(byteain, PG_GETARG_DATUM(0));

	PG_RETURN_POINTER(checked_flat((struct varlena *) DatumGetPointer(bytes)));
}

/* Output: what follows the length word, as bytea. */
Datum
mlops_class_state_out(PG_FUNCTION_ARGS)
{
	return DirectFunctionCall1(byteaout,
							   PointerGetDatum(PG_GETARG_VARLENA_P(0)));
}

/* Binary input; 22P02 for what is no state. */
Datum
mlops_class_state_recv(PG_FUNCTION_ARGS)
{
	Datum		bytes = DirectFunctionCall1(bytearecv, PG_GETARG_DATUM(0));

	PG_RETURN_POINTER(checked_flat((struct varlena *) DatumGetPointer(bytes)));
}

/* Binary output: the same bytes as text has. */
Datum
mlops_class_state_send(PG_FUNCTION_ARGS)
{
	return DirectFunctionCall1(byteasend,
							   PointerGetDatum(PG_GETARG_VARLENA_P(0)));
}

/* (state, label, predicted [, weight]). */
Datum
mlops_class_add(PG_FUNCTION_ARGS)
{
	double		weight = mlops_aggregate_weight(fcinfo, 3);
	FlatClasses *small = small_argument(fcinfo);
	Classes    *classes;
	char	   *label;
	char	   *predicted;

	if (weight <= 0)
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	label = class_text(fcinfo, 1);
	predicted = class_text(fcinfo, 2);
	if (small != NULL && add_in_place(small, label, predicted, weight))
		PG_RETURN_POINTER(small);
	classes = small != NULL && small->n_cells < SMALL_CELLS ?
		classes_of(PG_GETARG_DATUM(0), CurrentMemoryContext) :
		classes_to_change(fcinfo);
	add_weight(classes, class_number(classes, label),
			   class_number(classes, predicted), weight, 0);
	if (small != NULL && small->n_cells < SMALL_CELLS)
		return flattened(classes);
	PG_RETURN_DATUM(EOHPGetRWDatum(&classes->header));
}

/* (state, state): the matrix of both. */
Datum
mlops_class_combine(PG_FUNCTION_ARGS)
{
	FlatClasses *more = checked_flat((struct varlena *)
									 PG_GETARG_VARLENA_P(1));
	FlatClasses *small = small_argument(fcinfo);
	bool		flat = small != NULL &&
		(Size) small->n_cells + more->n_cells <= SMALL_CELLS;
	Classes    *classes = flat ?
		classes_of(PG_GETARG_DATUM(0), CurrentMemoryContext) :
		classes_to_change(fcinfo);

	add_flat(classes, more);
	if (flat)
		return flattened(classes);
	PG_RETURN_DATUM(EOHPGetRWDatum(&classes->header));
}

/* (state): the mean recall of the classes among the labels. */
Datum
mlops_balanced_accuracy_final(PG_FUNCTION_ARGS)
{
	Classes    *classes = classes_of(PG_GETARG_DATUM(0),
									 CurrentMemoryContext);
	double		all;
	ClassSums  *sums = class_sums(classes, &all);
	double		total = 0;
	int			n = 0;

	for (int i = 0; i < classes->n_classes; i++)
	{
		double		label = mlops_sum_value(&sums[i].label);

		if (label == 0)
			continue;
		total += mlops_sum_value(&sums[i].hit) / label;
		n++;
	}
	if (n == 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(total / n);
}

/* (state): the mean F1 of the classes that are or were predicted. */
Datum
mlops_f1_macro_final(PG_FUNCTION_ARGS)
{
	Classes    *classes = classes_of(PG_GETARG_DATUM(0),
									 CurrentMemoryContext);
	double		all;
	ClassSums  *sums = class_sums(classes, &all);
	double		total = 0;

	for (int i = 0; i < classes->n_classes; i++)
		total += 2 * mlops_sum_value(&sums[i].hit) /
			(mlops_sum_value(&sums[i].label) +
			 mlops_sum_value(&sums[i].predicted));
	if (classes->n_classes == 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(total / classes->n_classes);
}

/*
 * (state): the correlation of labels and predicted classes (Gorodkin, 2004);
 * NULL if either is always the same.
 */
Datum
mlops_mcc_final(PG_FUNCTION_ARGS)
{
	Classes    *classes = classes_of(PG_GETARG_DATUM(0),
									 CurrentMemoryContext);
	double		all;
	ClassSums  *sums = class_sums(classes, &all);
	MlopsSum	both = {0};
	MlopsSum	label = {0};
	MlopsSum	predicted = {0};
	double		scale;

	for (int i = 0; i < classes->n_classes; i++)
	{
		double		l = mlops_sum_value(&sums[i].label) / all;
		double		p = mlops_sum_value(&sums[i].predicted) / all;

		mlops_sum_add(&both, mlops_sum_value(&sums[i].hit) / all - l * p);
		mlops_sum_add(&label, l * (1 - l));
		mlops_sum_add(&predicted, p * (1 - p));
	}
	scale = sqrt(mlops_sum_value(&label)) * sqrt(mlops_sum_value(&predicted));
	if (!(scale > 0))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(mlops_sum_value(&both) / scale);
}

/* Bytes of the flat form; 54000 if no value can be as large. */
static Size
classes_flat_size(ExpandedObjectHeader *header)
{
	Classes    *classes = (Classes *) header;
	Size		size = offsetof(FlatClasses, cells) +
		sizeof(Cell) * classes->n_cells + classes->name_bytes;

	if (size >= MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many classes for a metric aggregate")));
	return size;
}

/* Write the flat form. */
static void
classes_flatten(ExpandedObjectHeader *header, void *result, Size size)
{
	Classes    *classes = (Classes *) header;
	FlatClasses *flat = result;
	char	   *name;

	SET_VARSIZE(flat, size);
	flat->n_classes = classes->n_classes;
	flat->n_cells = classes->n_cells;
	flat->name_bytes = classes->name_bytes;
	if (classes->n_cells > 0)
		memcpy(flat->cells, classes->cells, sizeof(Cell) * classes->n_cells);
	name = (char *) &flat->cells[classes->n_cells];
	for (int i = 0; i < classes->n_classes; i++)
	{
		Size		length = strlen(classes->names[i]) + 1;

		memcpy(name, classes->names[i], length);
		name += length;
	}
}

/* A plain bytea as a state, 22P02 if it is none. */
static FlatClasses *
checked_flat(struct varlena *bytes)
{
	FlatClasses *flat = (FlatClasses *) bytes;

	if (!flat_valid(flat, VARSIZE(bytes)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input for type %s", "mlops.class_state")));
	return flat;
}

/* Whether sizes, numbers of classes, weights and names are what they must. */
static bool
flat_valid(const FlatClasses *flat, Size size)
{
	const char *names;
	int			ends = 0;

	if (size < offsetof(FlatClasses, cells) || flat->n_classes < 0 ||
		flat->n_classes > MAX_CLASSES || flat->n_cells < 0 ||
		flat->name_bytes < 0 ||
		size != offsetof(FlatClasses, cells) +
		sizeof(Cell) * (Size) flat->n_cells + flat->name_bytes)
		return false;
	for (int i = 0; i < flat->n_cells; i++)
	{
		const Cell *cell = &flat->cells[i];

		if (cell->label < 0 || cell->label >= flat->n_classes ||
			cell->predicted < 0 || cell->predicted >= flat->n_classes ||
			!(cell->weight.sum > 0) || isnan(cell->weight.error))
			return false;
	}
	names = (const char *) &flat->cells[flat->n_cells];
	for (int i = 0; i < flat->name_bytes; i++)
		ends += names[i] == '\0';
	return ends == flat->n_classes &&
		(flat->name_bytes == 0 || names[flat->name_bytes - 1] == '\0');
}

/* The first argument if it is flat and an aggregate's own, else NULL. */
static FlatClasses *
small_argument(FunctionCallInfo fcinfo)
{
	struct varlena *state = (struct varlena *)
		DatumGetPointer(PG_GETARG_DATUM(0));

	if (VARATT_IS_EXTENDED(state) || !AggCheckCallContext(fcinfo, NULL))
		return NULL;
	return (FlatClasses *) state;
}

/* Add to a cell of a small flat state; false if it has no such cell. */
static bool
add_in_place(FlatClasses *flat, const char *label, const char *predicted,
			 double weight)
{
	const char *name = (const char *) &flat->cells[flat->n_cells];
	int			numbers[2] = {-1, -1};

	if (flat->n_cells > SMALL_CELLS)
		return false;
	for (int i = 0; i < flat->n_classes; i++)
	{
		if (strcmp(name, label) == 0)
			numbers[0] = i;
		if (strcmp(name, predicted) == 0)
			numbers[1] = i;
		name += strlen(name) + 1;
	}
	for (int i = 0; i < flat->n_cells; i++)
	{
		Cell	   *cell = &flat->cells[i];

		if (cell->label != numbers[0] || cell->predicted != numbers[1])
			continue;
		mlops_sum_add(&cell->weight, weight);
		return true;
	}
	return false;
}

/* The flat form of an object, in the current context. */
static Datum
flattened(Classes *classes)
{
	Size		size = EOH_get_flat_size(&classes->header);
	void	   *flat = palloc(size);

	EOH_flatten_into(&classes->header, flat, size);
	PG_RETURN_POINTER(flat);
}

/*
 * The first argument as an object that may be changed: itself, if it is one,
 * else a copy in the aggregate's context.
 */
static Classes *
classes_to_change(FunctionCallInfo fcinfo)
{
	Datum		datum = PG_GETARG_DATUM(0);
	MemoryContext parent;

	if (VARATT_IS_EXTERNAL_EXPANDED_RW(DatumGetPointer(datum)))
		return classes_of(datum, NULL);
	if (!AggCheckCallContext(fcinfo, &parent))
		parent = CurrentMemoryContext;
	if (VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(datum)))
		datum = PointerGetDatum(PG_DETOAST_DATUM(datum));
	return classes_of(datum, parent);
}

/* The object of a state, made under parent if it is flat. */
static Classes *
classes_of(Datum datum, MemoryContext parent)
{
	MemoryContext context;
	Classes    *classes;

	if (VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(datum)))
	{
		classes = (Classes *) DatumGetEOHP(datum);
		Assert(classes->magic == CLASSES_MAGIC);
		return classes;
	}
	context = AllocSetContextCreate(parent, "mlops classes",
									ALLOCSET_START_SMALL_SIZES);
	classes = MemoryContextAllocZero(context, sizeof(Classes));
	EOH_init_header(&classes->header, &classes_methods, context);
	classes->magic = CLASSES_MAGIC;
	add_flat(classes, checked_flat(PG_DETOAST_DATUM(datum)));
	return classes;
}

/* Add the cells of a checked flat state. */
static void
add_flat(Classes *classes, const FlatClasses *flat)
{
	const char *name = (const char *) &flat->cells[flat->n_cells];
	int32	   *numbers = palloc(sizeof(int32) * (flat->n_classes + 1));

	for (int i = 0; i < flat->n_classes; i++)
	{
		numbers[i] = class_number(classes, name);
		name += strlen(name) + 1;
	}
	for (int i = 0; i < flat->n_cells; i++)
	{
		const Cell *cell = &flat->cells[i];

		add_weight(classes, numbers[cell->label], numbers[cell->predicted],
				   cell->weight.sum, cell->weight.error);
	}
	pfree(numbers);
}

/* Add to a cell, which is made if it is not there. */
static void
add_weight(Classes *classes, int32 label, int32 predicted, double weight,
		   double error)
{
	HashIndex  *index = &classes->by_pair;
	uint64		hash = pair_hash(label, predicted);
	uint32		slot;
	Cell	   *cell = NULL;

	for (slot = hash & (index->size - 1); index->size > 0 &&
		 index->slots[slot] > 0; slot = (slot + 1) & (index->size - 1))
	{
		cell = &classes->cells[index->slots[slot] - 1];
		if (cell->label == label && cell->predicted == predicted)
			break;
		cell = NULL;
	}
	if (cell == NULL)
	{
		if (classes->n_cells == classes->cell_room)
		{
			int32		room = Max(classes->cell_room * 2, 8);
			MemoryContext context = classes->header.eoh_context;

			if (room > MAX_CELLS)
				ereport(ERROR,
						(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						 errmsg("too many classes in a metric aggregate")));
			if (classes->cells == NULL)
				classes->cells = MemoryContextAlloc(context,
													sizeof(Cell) * room);
			else
				classes->cells = repalloc_huge(classes->cells,
											   sizeof(Cell) * room);
			classes->cell_room = room;
			index_grow(classes, index, room * 4);
			for (int i = 0; i < classes->n_cells; i++)
				index_put(index, pair_hash(classes->cells[i].label,
										   classes->cells[i].predicted), i);
		}
		cell = &classes->cells[classes->n_cells];
		*cell = (Cell) {label, predicted, {0}};
		index_put(index, hash, classes->n_cells++);
	}
	mlops_sum_add(&cell->weight, weight);
	cell->weight.error += error;
}

/* The number of a class, which is made if it is not there. */
static int32
class_number(Classes *classes, const char *name)
{
	HashIndex  *index = &classes->by_name;
	MemoryContext context = classes->header.eoh_context;
	Size		length = strlen(name);
	uint64		hash = mlops_hash_bytes(name, length, 0);
	uint32		slot;

	for (slot = hash & (index->size - 1); index->size > 0 &&
		 index->slots[slot] > 0; slot = (slot + 1) & (index->size - 1))
	{
		if (strcmp(classes->names[index->slots[slot] - 1], name) == 0)
			return index->slots[slot] - 1;
	}
	if (classes->n_classes >= MAX_CLASSES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %d classes in a metric aggregate",
						MAX_CLASSES),
				 errhint("For numbers, use mlops.rmse() or mlops.mae().")));
	if (classes->n_classes == classes->class_room)
	{
		int32		room = Max(classes->class_room * 2, 4);

		if (classes->names == NULL)
			classes->names = MemoryContextAlloc(context,
												sizeof(char *) * room);
		else
			classes->names = repalloc(classes->names, sizeof(char *) * room);
		classes->class_room = room;
		index_grow(classes, index, room * 4);
		for (int i = 0; i < classes->n_classes; i++)
			index_put(index, mlops_hash_bytes(classes->names[i],
											  strlen(classes->names[i]), 0),
					  i);
	}
	classes->names[classes->n_classes] = MemoryContextStrdup(context, name);
	classes->name_bytes += length + 1;
	index_put(index, hash, classes->n_classes);
	return classes->n_classes++;
}

/* An empty index of that size, a power of 2, in place of the old one. */
static void
index_grow(Classes *classes, HashIndex *index, uint32 size)
{
	if (index->slots != NULL)
		pfree(index->slots);
	index->slots = MemoryContextAllocExtended(classes->header.eoh_context,
											  sizeof(int32) * (Size) size,
											  MCXT_ALLOC_HUGE |
											  MCXT_ALLOC_ZERO);
	index->size = size;
}

/* Enter a number that is not in the index. */
static void
index_put(HashIndex *index, uint64 hash, int32 number)
{
	uint32		slot = hash & (index->size - 1);

	while (index->slots[slot] > 0)
		slot = (slot + 1) & (index->size - 1);
	index->slots[slot] = number + 1;
}

/* The hash of a cell. */
static uint64
pair_hash(int32 label, int32 predicted)
{
	return mlops_hash_mix((uint64) (uint32) label << 32 |
						  (uint32) predicted);
}

/* The text of an argument, the same for values that are equal. */
static char *
class_text(FunctionCallInfo fcinfo, int argument)
{
	ClassText  *cache = fcinfo->flinfo->fn_extra;
	Datum		value = PG_GETARG_DATUM(argument);
	char	   *text;

	if (cache == NULL)
	{
		Oid			output;
		bool		varlena;

		cache = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt,
								   sizeof(ClassText));
		cache->type = getBaseType(get_fn_expr_argtype(fcinfo->flinfo, 1));
		getTypeOutputInfo(cache->type, &output, &varlena);
		fmgr_info_cxt(output, &cache->output, fcinfo->flinfo->fn_mcxt);
		fcinfo->flinfo->fn_extra = cache;
	}
	if (cache->type == NUMERICOID)
		value = DirectFunctionCall1(numeric_trim_scale, value);
	else if (cache->type == FLOAT8OID)
		value = Float8GetDatum(DatumGetFloat8(value) + 0.0);
	else if (cache->type == FLOAT4OID)
		value = Float4GetDatum(DatumGetFloat4(value) + 0.0f);
	text = OutputFunctionCall(&cache->output, value);
	if (cache->type == BPCHAROID)
	{
		for (char *end = text + strlen(text);
			 end > text && end[-1] == ' '; end--)
			end[-1] = '\0';
	}
	return text;
}

/* The sums of each class, and the weight of all rows. */
static ClassSums *
class_sums(const Classes *classes, double *all)
{
	ClassSums  *sums = palloc0(sizeof(ClassSums) * (classes->n_classes + 1));
	MlopsSum	total = {0};

	for (int i = 0; i < classes->n_cells; i++)
	{
		const Cell *cell = &classes->cells[i];
		double		weight = mlops_sum_value(&cell->weight);

		mlops_sum_add(&sums[cell->label].label, weight);
		mlops_sum_add(&sums[cell->predicted].predicted, weight);
		if (cell->label == cell->predicted)
			mlops_sum_add(&sums[cell->label].hit, weight);
		mlops_sum_add(&total, weight);
	}
	*all = mlops_sum_value(&total);
	return sums;
}
