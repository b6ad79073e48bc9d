/*
 * reader.c
 *		A source read row by row through the eyes of stored versions.
 *
 * The statement selects each column that anybody needs once, under its own
 * name, and behind them the expressions, which have no name that an encoder
 * could take for a column's.  The encoders are bound to that row type when
 * the reader is opened, so errors about columns come before any row is read;
 * when the statement runs, its row type must be the same.
 *
 * The executor calls receive() for every row.  Where rows are predicted, they
 * are gathered, predicted together, which is faster, and then handed on in
 * their order.  Nothing is held that an error would have to release: all
 * memory is that of contexts.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "data/encode.h"
#include "data/label.h"
#include "data/reader.h"
#include "data/source.h"
#include "executor/tuptable.h"
#include "forest/forest.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#define ROWS_PER_RESET	64

struct MlopsReader
{
	MlopsReaderRequest request;
	MlopsSource *source;
	MemoryContext context;
	char	   *query;
	TupleDesc	row_type;		/* of the statement */
	TupleDesc	columns;		/* of the columns asked for */
	int		   *places;			/* their attributes in the statement */
	MlopsEncoder **encoders;
	MlopsLabel *label;
	/* attributes in the statement, -1 if there is none */
	int			target;
	int			upper;
	MlopsConversion upper_conversion;
	int			observed;
	int			weight;
	MlopsConversion weight_conversion;
	int			group;
	Oid			group_collation;
	TypeCacheEntry *group_type;
};

/* A statement that runs. */
typedef struct Receiver
{
	DestReceiver pub;
	MlopsReader *reader;
	MlopsReaderCallback callback;
	void	   *arg;
	MemoryContext row_context;
	MemoryContext batch_context;	/* of what is kept of rows in the batch */
	int			capacity;		/* of the batch; 1: rows are not kept */
	int			n;				/* rows in it */
	MlopsReaderRow *rows;		/* [capacity]; arrays of one are adjacent */
	uint64		n_rows;			/* handed on */
	uint64		group;			/* of the last row that was read */
	bool		has_group;		/* a row has been seen */
	Datum		group_value;	/* of the last row, copied */
} Receiver;

/* What the statement selects, while it is composed. */
typedef struct Selection
{
	List	   *columns;		/* indexes into the source's columns */
	List	   *expressions;	/* of MlopsExpression * */
} Selection;

static int	select_column(MlopsReader *reader, Selection *selection,
						  const char *name);
static int	select_expression(MlopsReader *reader, Selection *selection,
							  const char *what, const char *text,
							  bool recorded, MlopsExpression **result);
static void bind_columns(MlopsReader *reader, Selection *selection);
static void bind_weight(MlopsReader *reader, Selection *selection);
static void bind_group(MlopsReader *reader, Selection *selection);
static void bind_bounds(MlopsReader *reader, Selection *selection);
static void place_expressions(MlopsReader *reader,
							  const Selection *selection);
static void make_row_type(MlopsReader *reader, const Selection *selection);
static void compose(MlopsReader *reader, const Selection *selection);
static int	batch_rows(const MlopsReaderRequest *request);
static void allocate_rows(Receiver *r);
static void allocate_arrays(Receiver *r, int predictor);
static void receiver_startup(DestReceiver *self, int operation,
							 TupleDesc row);
static bool receive(TupleTableSlot *slot, DestReceiver *self);
static void receiver_shutdown(DestReceiver *self);
static void keep_columns(Receiver *r, MlopsReaderRow *row,
						 const TupleTableSlot *slot);
static void hand_on(Receiver *r);
static void take_label(const MlopsReader *reader, MlopsReaderRow *row,
					   const Datum *values, const bool *nulls);
static double upper_bound(const MlopsReader *reader, double lower,
						  const Datum *values, const bool *nulls);
static double take_weight(const MlopsReader *reader, const Datum *values,
						  const bool *nulls);
static void take_group(Receiver *r, const Datum *values, const bool *nulls);

MlopsReader *
mlops_reader_open(const MlopsReaderRequest *request)
{
	MlopsReader *reader = palloc0(sizeof(MlopsReader));
	Selection	selection = {NIL, NIL};
	MlopsExpression *target = NULL;

	reader->request = *request;
	reader->context = CurrentMemoryContext;
	reader->source = mlops_source_open(request->source);
	reader->target = reader->upper = reader->observed = -1;
	reader->weight = reader->group = -1;

	for (int i = 0; i < request->n_predictors; i++)
	{
		const MlopsSignature *signature = request->predictors[i]->signature;

		for (int k = 0; k < signature->n_inputs; k++)
			(void) select_column(reader, &selection,
								 signature->inputs[k].name);
	}
	bind_columns(reader, &selection);
	bind_weight(reader, &selection);
	bind_group(reader, &selection);
	if (request->target != NULL)
	{
		reader->target = select_expression(reader, &selection, "target",
										   request->target,
										   request->target_recorded, &target);
		reader->label = mlops_label_open(target, request->n_predictors > 0 ?
										 request->predictors[0]->version :
										 NULL);
	}
	bind_bounds(reader, &selection);
	place_expressions(reader, &selection);
	make_row_type(reader, &selection);
	compose(reader, &selection);

	reader->encoders = palloc0(sizeof(MlopsEncoder *) *
							   Max(request->n_predictors, 1));
	for (int i = 0; i < request->n_predictors; i++)
		reader->encoders[i] =
			mlops_encoder_bind(request->predictors[i]->signature,
							   reader->row_type);
	return reader;
}

TupleDesc
mlops_reader_columns(const MlopsReader *reader)
{
	return reader->columns;
}

uint64
mlops_reader_run(MlopsReader *reader, MlopsReaderCallback callback,
				 void *arg)
{
	Receiver   *r = palloc0(sizeof(Receiver));
	uint64		n_rows;

	r->pub.receiveSlot = receive;
	r->pub.rStartup = receiver_startup;
	r->pub.rShutdown = receiver_shutdown;
	r->pub.rDestroy = receiver_shutdown;
	r->pub.mydest = DestNone;
	r->reader = reader;
	r->callback = callback;
	r->arg = arg;
	allocate_rows(r);
	r->batch_context = AllocSetContextCreate(CurrentMemoryContext,
											 "mlops reader batch",
											 ALLOCSET_DEFAULT_SIZES);
	r->row_context = AllocSetContextCreate(CurrentMemoryContext,
										   "mlops reader row",
										   ALLOCSET_DEFAULT_SIZES);
	mlops_statement_run(reader->query, &r->pub);
	n_rows = r->n_rows;
	MemoryContextDelete(r->row_context);
	MemoryContextDelete(r->batch_context);
	pfree(r);
	return n_rows;
}

/*
 * The attribute of a column in the statement, to which it is added unless it
 * stands there already.  42703 or 42702 if the name means no single column.
 */
static int
select_column(MlopsReader *reader, Selection *selection, const char *name)
{
	int			column = mlops_source_column(reader->source, name);
	ListCell   *cell;

	foreach(cell, selection->columns)
		if (lfirst_int(cell) == column)
			return foreach_current_index(cell);
	selection->columns = lappend_int(selection->columns, column);
	return list_length(selection->columns) - 1;
}

/*
 * Add an expression, a recorded one only if it is harmless; the result counts
 * expressions only, see place_expressions().
 */
static int
select_expression(MlopsReader *reader, Selection *selection,
				  const char *what, const char *text, bool recorded,
				  MlopsExpression **result)
{
	*result = mlops_source_expression(reader->source, what, text);
	if (recorded && !(*result)->harmless)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("recorded %s is not run unasked", what),
				 errdetail("It holds a query, or a function that is volatile or not the server's: \"%s\".",
						   text),
				 errhint("If you trust it, pass it as argument \"%s\".", what)));
	selection->expressions = lappend(selection->expressions, *result);
	return list_length(selection->expressions) - 1;
}

/*
 * Select the columns that are asked for as they are.
 */
static void
bind_columns(MlopsReader *reader, Selection *selection)
{
	List	   *names = reader->request.columns;
	ListCell   *cell;

	reader->columns = CreateTemplateTupleDesc(list_length(names));
	reader->places = palloc(sizeof(int) * Max(list_length(names), 1));
	foreach(cell, names)
	{
		int			i = foreach_current_index(cell);
		const MlopsColumn *column;

		reader->places[i] = select_column(reader, selection, lfirst(cell));
		column = &reader->source->columns[list_nth_int(selection->columns,
													   reader->places[i])];
		TupleDescInitEntry(reader->columns, i + 1, column->name,
						   column->type, column->typmod, 0);
	}
}

/*
 * Select the weight; 42804 if it is no number.
 */
static void
bind_weight(MlopsReader *reader, Selection *selection)
{
	const char *name = reader->request.weight;
	Oid			type;

	if (name == NULL)
		return;
	reader->weight = select_column(reader, selection, name);
	type = reader->source->columns[mlops_source_column(reader->source,
													   name)].type;
	if (!mlops_conversion_of(type, &reader->weight_conversion) ||
		!MLOPS_IS_NUMBER(reader->weight_conversion))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("weight column \"%s\" is no number", name),
				 errdetail("It is of type %s.", format_type_be(type))));
}

/*
 * Select the query group, by which the rows are ordered; 42804 if its values
 * cannot be told apart.
 */
static void
bind_group(MlopsReader *reader, Selection *selection)
{
	const char *name = reader->request.query_group;
	MlopsExpression *column;

	if (name == NULL)
		return;
	reader->group = select_column(reader, selection, name);
	column = mlops_source_expression(reader->source, "query_group", name);
	reader->group_collation = column->collation;
	reader->group_type = lookup_type_cache(column->type,
										   TYPECACHE_EQ_OPR_FINFO |
										   TYPECACHE_LT_OPR);
	if (!OidIsValid(reader->group_type->eq_opr_finfo.fn_oid) ||
		!OidIsValid(reader->group_type->lt_opr))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("query group \"%s\" cannot be ordered", name),
				 errdetail("It is of type %s.",
						   format_type_with_typemod(column->type,
													column->typmod))));
}

/*
 * Select what bounds survival times from above; 42804 for other types.
 */
static void
bind_bounds(MlopsReader *reader, Selection *selection)
{
	const MlopsReaderRequest *request = &reader->request;
	MlopsExpression *expression;
	MlopsConversion conversion;

	if (request->target_upper != NULL)
	{
		reader->upper = select_expression(reader, selection, "target_upper",
										  request->target_upper,
										  request->bounds_recorded,
										  &expression);
		if (!mlops_conversion_of(expression->type,
								 &reader->upper_conversion) ||
			!MLOPS_IS_NUMBER(reader->upper_conversion))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("target_upper is no number"),
					 errdetail("It is of type %s.",
							   format_type_be(expression->type))));
	}
	if (request->event_observed != NULL)
	{
		reader->observed = select_expression(reader, selection,
											 "event_observed",
											 request->event_observed,
											 request->bounds_recorded,
											 &expression);
		if (!mlops_conversion_of(expression->type, &conversion) ||
			conversion != MLOPS_FROM_BOOL)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("event_observed is no boolean"),
					 errdetail("It is of type %s.",
							   format_type_be(expression->type))));
	}
}

/*
 * Now that it is known how many columns there are: expressions follow them.
 */
static void
place_expressions(MlopsReader *reader, const Selection *selection)
{
	int			n = list_length(selection->columns);

	if (reader->target >= 0)
		reader->target += n;
	if (reader->upper >= 0)
		reader->upper += n;
	if (reader->observed >= 0)
		reader->observed += n;
}

/*
 * The row type of the statement.  It has at least one column.
 */
static void
make_row_type(MlopsReader *reader, const Selection *selection)
{
	int			n_columns = list_length(selection->columns);
	int			n = n_columns + list_length(selection->expressions);
	ListCell   *cell;

	if (n > MaxTupleAttributeNumber)
		ereport(ERROR,
				(errcode(ERRCODE_TOO_MANY_COLUMNS),
				 errmsg("%d columns of the source are needed", n),
				 errdetail("A query has at most %d.",
						   MaxTupleAttributeNumber)));
	reader->row_type = CreateTemplateTupleDesc(Max(n, 1));
	if (n == 0)
		TupleDescInitEntry(reader->row_type, 1, "", BOOLOID, -1, 0);
	foreach(cell, selection->columns)
	{
		const MlopsColumn *column =
			&reader->source->columns[lfirst_int(cell)];

		TupleDescInitEntry(reader->row_type, foreach_current_index(cell) + 1,
						   column->name, column->type, column->typmod, 0);
	}
	foreach(cell, selection->expressions)
	{
		const MlopsExpression *expression = lfirst(cell);

		TupleDescInitEntry(reader->row_type,
						   n_columns + foreach_current_index(cell) + 1,
						   "", expression->type, expression->typmod, 0);
	}
}

/*
 * The statement.  Without anything to select it still gives every row.
 */
static void
compose(MlopsReader *reader, const Selection *selection)
{
	StringInfoData query;
	ListCell   *cell;
	const char *separator = " ";

	initStringInfo(&query);
	appendStringInfoString(&query, "SELECT");
	foreach(cell, selection->columns)
	{
		const char *name = reader->source->columns[lfirst_int(cell)].name;

		appendStringInfo(&query, "%s%s", separator, quote_identifier(name));
		separator = ", ";
	}
	foreach(cell, selection->expressions)
	{
		const MlopsExpression *expression = lfirst(cell);

		appendStringInfo(&query, "%s%s", separator, expression->text);
		separator = ", ";
	}
	if (*separator == ' ')
		appendStringInfoString(&query, " true");
	appendStringInfo(&query, " FROM %s", reader->source->from);
	if (reader->group >= 0)
		appendStringInfo(&query, " ORDER BY %d", reader->group + 1);
	reader->query = query.data;
}

/*
 * How many rows are gathered.
 */
static int
batch_rows(const MlopsReaderRequest *request)
{
	int			n = PG_INT32_MAX;

	for (int i = 0; i < request->n_predictors; i++)
		n = Min(n, mlops_predictor_rows(&request->predictors[i]->info));
	return request->predict && request->n_predictors > 0 ? n : 1;
}

/*
 * Make room for the rows of a batch.
 */
static void
allocate_rows(Receiver *r)
{
	const MlopsReaderRequest *request = &r->reader->request;
	int			n = Max(request->n_predictors, 1);
	int			n_columns = Max(r->reader->columns->natts, 1);

	r->capacity = batch_rows(request);
	r->rows = palloc0(sizeof(MlopsReaderRow) * r->capacity);
	for (int k = 0; k < r->capacity; k++)
	{
		MlopsReaderRow *row = &r->rows[k];

		row->features = palloc0(sizeof(float *) * n);
		row->unseen = palloc0(sizeof(int) * n);
		if (request->predict)
			row->outputs = palloc0(sizeof(float *) * n);
		row->values = palloc0(sizeof(Datum) * n_columns);
		row->nulls = palloc0(sizeof(bool) * n_columns);
	}
	for (int i = 0; i < request->n_predictors; i++)
		allocate_arrays(r, i);
}

/*
 * Features and outputs of all rows for one predictor, row after row.
 */
static void
allocate_arrays(Receiver *r, int predictor)
{
	const MlopsReaderRequest *request = &r->reader->request;
	const MlopsForestInfo *info = &request->predictors[predictor]->info;
	Size		n_features = Max(info->n_features, 1);
	float	   *features = palloc(sizeof(float) * n_features * r->capacity);
	float	   *outputs = NULL;

	if (request->predict)
		outputs = palloc(sizeof(float) * info->n_outputs * r->capacity);
	for (int k = 0; k < r->capacity; k++)
	{
		r->rows[k].features[predictor] = features + k * n_features;
		if (request->predict)
			r->rows[k].outputs[predictor] = outputs +
				(Size) k * info->n_outputs;
	}
}

/*
 * The statement was analysed anew: its columns must be those that were bound.
 */
static void
receiver_startup(DestReceiver *self, int operation, TupleDesc row)
{
	TupleDesc	bound = ((Receiver *) self)->reader->row_type;
	bool		same = (row->natts == bound->natts);

	for (int i = 0; same && i < row->natts; i++)
		same = (TupleDescAttr(row, i)->atttypid ==
				TupleDescAttr(bound, i)->atttypid);
	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("source has changed while it was read"),
				 errhint("Try again.")));
}

/*
 * Take one row.
 */
static bool
receive(TupleTableSlot *slot, DestReceiver *self)
{
	Receiver   *r = (Receiver *) self;
	const MlopsReader *reader = r->reader;
	MlopsReaderRow *row = &r->rows[r->n];
	MemoryContext old;

	CHECK_FOR_INTERRUPTS();
	slot_getallattrs(slot);
	old = MemoryContextSwitchTo(r->batch_context);
	for (int i = 0; i < reader->request.n_predictors; i++)
		row->unseen[i] = mlops_encode_row(reader->encoders[i],
										  slot->tts_values, slot->tts_isnull,
										  row->features[i]);
	take_label(reader, row, slot->tts_values, slot->tts_isnull);
	row->weight = 1;
	if (row->has_label || reader->target < 0)
	{
		row->weight = take_weight(reader, slot->tts_values,
								  slot->tts_isnull);
		if (reader->group >= 0)
			take_group(r, slot->tts_values, slot->tts_isnull);
	}
	row->group = r->group;
	keep_columns(r, row, slot);
	if (++r->n == r->capacity)
		hand_on(r);
	MemoryContextSwitchTo(old);
	return true;
}

/*
 * The statement ends: so does the last batch.  Nothing is held that would
 * have to be released.
 */
static void
receiver_shutdown(DestReceiver *self)
{
	Receiver   *r = (Receiver *) self;

	if (r->n > 0)
		hand_on(r);
}

/*
 * The columns that are asked for; copied, if the slot is to be used again
 * before they are handed on.
 */
static void
keep_columns(Receiver *r, MlopsReaderRow *row, const TupleTableSlot *slot)
{
	const MlopsReader *reader = r->reader;

	for (int i = 0; i < reader->columns->natts; i++)
	{
		int			place = reader->places[i];
		Form_pg_attribute attribute = TupleDescAttr(slot->tts_tupleDescriptor,
													place);

		row->values[i] = slot->tts_values[place];
		row->nulls[i] = slot->tts_isnull[place];
		if (r->capacity > 1 && !row->nulls[i])
			row->values[i] = datumCopy(row->values[i], attribute->attbyval,
									   attribute->attlen);
	}
}

/*
 * Predict the rows of the batch, and hand them on.
 */
static void
hand_on(Receiver *r)
{
	const MlopsReaderRequest *request = &r->reader->request;
	int			n = r->n;
	MemoryContext old = MemoryContextSwitchTo(r->row_context);

	for (int i = 0; request->predict && i < request->n_predictors; i++)
	{
		const MlopsPredictor *predictor = request->predictors[i];

		mlops_forest_predict_batch(predictor->forest, r->rows[0].features[i],
								   n, predictor->info.n_features,
								   r->rows[0].outputs[i]);
	}
	r->n = 0;
	for (int k = 0; k < n; k++)
	{
		r->rows[k].number = r->n_rows;
		r->callback(&r->rows[k], r->arg);
		if (++r->n_rows % ROWS_PER_RESET == 0)
			MemoryContextReset(r->row_context);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(r->batch_context);
}

/*
 * The label and its upper bound.
 */
static void
take_label(const MlopsReader *reader, MlopsReaderRow *row,
		   const Datum *values, const bool *nulls)
{
	row->has_label = (reader->target >= 0 && !nulls[reader->target]);
	row->label = row->label_upper = 0;
	if (!row->has_label)
		return;
	row->label = mlops_label_of(reader->label, values[reader->target]);
	row->label_upper = upper_bound(reader, row->label, values, nulls);
}

/*
 * The upper bound: as given, infinite if it is NULL or the event was not
 * observed, else the label itself.  22023 if it is below the label, as float4
 * like in training, or if it is not known whether the event was observed.
 */
static double
upper_bound(const MlopsReader *reader, double lower, const Datum *values,
			const bool *nulls)
{
	double		upper = lower;

	if (reader->upper >= 0)
		upper = nulls[reader->upper] ? get_float8_infinity() :
			mlops_scalar(reader->upper_conversion, values[reader->upper]);
	else if (reader->observed >= 0 && nulls[reader->observed])
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("event_observed is NULL in a row"),
				 errhint("Leave such rows out by a query as the source.")));
	else if (reader->observed >= 0 && !DatumGetBool(values[reader->observed]))
		upper = get_float8_infinity();
	if (!((float) upper >= (float) lower))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("upper bound of the target is below it in a row"),
				 errdetail("The bounds are %g and %g.", lower, upper)));
	return upper;
}

/*
 * The weight of a row; 22023 if it is none.  Rows that training would skip,
 * their target being NULL, are not asked for it.
 */
static double
take_weight(const MlopsReader *reader, const Datum *values,
			const bool *nulls)
{
	double		weight;

	if (reader->weight < 0)
		return 1;
	if (nulls[reader->weight])
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weight \"%s\" is NULL in a row",
						reader->request.weight),
				 errhint("Use coalesce() in a query.")));
	weight = mlops_scalar(reader->weight_conversion,
						  values[reader->weight]);
	if (!(weight >= 0) || isinf((float) weight))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weight \"%s\" is negative or not finite in a row",
						reader->request.weight),
				 errdetail("It is %g.", weight)));
	return weight;
}

/*
 * Count the groups; 22023 for NULL, which is no group.
 */
static void
take_group(Receiver *r, const Datum *values, const bool *nulls)
{
	MlopsReader *reader = r->reader;
	TypeCacheEntry *type = reader->group_type;
	Datum		value = values[reader->group];
	MemoryContext old;

	if (nulls[reader->group])
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("query_group \"%s\" is NULL in a row",
						reader->request.query_group),
				 errhint("Leave such rows out by a query as the source.")));
	if (r->has_group &&
		DatumGetBool(FunctionCall2Coll(&type->eq_opr_finfo,
									   reader->group_collation,
									   r->group_value, value)))
		return;
	if (r->has_group)
	{
		r->group++;
		if (!type->typbyval)
			pfree(DatumGetPointer(r->group_value));
	}
	r->has_group = true;
	old = MemoryContextSwitchTo(reader->context);
	r->group_value = datumCopy(value, type->typbyval, type->typlen);
	MemoryContextSwitchTo(old);
}
