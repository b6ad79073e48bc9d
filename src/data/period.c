/*
 * period.c
 *		The rows of a source within a period of time, and their labels.
 *
 * The bounds of a period stand inside of the composed query, next to the
 * source, so that an index on the time serves.
 *
 * Joined labels are LEFT JOINed, so a row without one stays.  A key that has
 * several labels repeats its rows; the scan tells by the number that each row
 * of the source gets before the join.
 *
 * Hashes are of values as they are stored: what has two forms for one value,
 * such as numeric, has two hashes.
 */
#include "postgres.h"

#include "base/base.h"
#include "catalog/pg_type.h"
#include "data/period.h"
#include "data/source.h"
#include "data/span.h"
#include "executor/tuptable.h"
#include "lib/stringinfo.h"
#include "math/hash.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/value.h"
#include "parser/parser.h"
#include "utils/builtins.h"

/* What a joined label is called, unless the source has such a column. */
#define LABEL_NAME	"mlops_label"

struct MlopsPeriods
{
	MlopsSource *source;
	const char *event_time;
	Oid			type;			/* of it, below domains */
	const MlopsLabelSource *labels; /* or NULL */
	char	   *labels_from;
	char	   *label;			/* what the joined label is called */
};

/* A scan that runs. */
typedef struct Scan
{
	DestReceiver pub;
	Oid			type;
	bool		numbered;		/* rows come with their number at last */
	MemoryContext context;
	uint8	   *seen;			/* by number, a bit */
	uint64		room;			/* bytes of it */
	MlopsPeriodsCallback callback;
	void	   *arg;
} Scan;

static bool has_key(const MlopsPeriods *periods, List *key);
static void open_labels(MlopsPeriods *periods);
static bool missing_walker(Node *node, void *context);
static void append_period(StringInfo text, const MlopsPeriods *periods,
						  int64 from, int64 to);
static void append_labels(StringInfo text, const MlopsPeriods *periods);
static List *with_key(List *columns, List *key);
static void append_columns(StringInfo text, const char *qualifier,
						   const List *columns, const char *but);
static char *target_text(const MlopsPeriods *periods, const char *target,
						 bool recorded);
static void start(DestReceiver *self, int operation, TupleDesc row);
static bool receive(TupleTableSlot *slot, DestReceiver *self);
static uint64 hash_of(const TupleTableSlot *slot, int column);
static void finish(DestReceiver *self);
static bool see(Scan *scan, uint64 number);

MlopsPeriods *
mlops_periods_open(const char *source, const char *event_time,
				   const MlopsLabelSource **labels, bool needed)
{
	MlopsPeriods *periods = palloc0(sizeof(MlopsPeriods));
	int			column;

	periods->source = mlops_source_open(source);
	periods->event_time = event_time;
	column = mlops_source_column(periods->source, event_time);
	periods->type = mlops_time_type(event_time,
									periods->source->columns[column].type);
	if (*labels != NULL && !needed && !has_key(periods, (*labels)->key))
		*labels = NULL;
	periods->labels = *labels;
	if (periods->labels != NULL)
		open_labels(periods);
	return periods;
}

bool
mlops_periods_zoned(const MlopsPeriods *periods)
{
	return periods->type == TIMESTAMPTZOID;
}

bool
mlops_periods_have(const MlopsPeriods *periods, const char *expression)
{
	const MlopsSource *source = periods->source;
	List	   *statements;

	if (mlops_source_has(source, expression))
		return true;
	statements = raw_parser(expression, RAW_PARSE_PLPGSQL_EXPR);
	return list_length(statements) == 1 &&
		!raw_expression_tree_walker(linitial_node(RawStmt, statements)->stmt,
									missing_walker,
									unconstify(MlopsSource *, source));
}

void
mlops_periods_need(const MlopsPeriods *periods, List *columns)
{
	ListCell   *cell;

	foreach(cell, columns)
		(void) mlops_source_column(periods->source, lfirst(cell));
}

List *
mlops_periods_stored(const MlopsPeriods *periods, List *names)
{
	const MlopsSource *source = periods->source;
	List	   *columns = NIL;

	for (int i = 0; i < source->n_columns; i++)
	{
		const MlopsColumn *column = &source->columns[i];
		int			n_same = 0;

		if (!column->stored || !mlops_names_have(names, column->name))
			continue;
		/* one that is there twice cannot be named */
		for (int j = 0; j < source->n_columns; j++)
			n_same += strcmp(source->columns[j].name, column->name) == 0;
		if (n_same == 1)
			columns = lappend(columns, column->name);
	}
	return columns;
}

bool
mlops_periods_computed(const MlopsPeriods *periods)
{
	const MlopsSource *source = periods->source;

	for (int i = 0; i < source->n_columns; i++)
		if (!source->columns[i].stored)
			return true;
	return false;
}

char *
mlops_periods_query(const MlopsPeriods *periods, int64 from, int64 to,
					const char **label)
{
	StringInfoData query;
	bool		join = (label != NULL && periods->labels != NULL);

	initStringInfo(&query);
	if (join)
	{
		appendStringInfo(&query, "SELECT mlops_s.*, mlops_l.%s FROM (",
						 quote_identifier(periods->label));
		*label = periods->label;
	}
	appendStringInfo(&query, "SELECT * FROM %s", periods->source->from);
	append_period(&query, periods, from, to);
	if (join)
	{
		appendStringInfoString(&query, ") AS mlops_s");
		append_labels(&query, periods);
	}
	return query.data;
}

void
mlops_periods_scan(const MlopsPeriods *periods, int64 from, int64 to,
				   const char *target, bool recorded, List *columns,
				   MlopsPeriodsCallback callback, void *arg)
{
	const char *time = quote_identifier(periods->event_time);
	StringInfoData query;
	Scan	   *scan = palloc0(sizeof(Scan));

	initStringInfo(&query);
	if (periods->labels != NULL)
	{
		columns = with_key(columns, periods->labels->key);
		appendStringInfo(&query, "SELECT mlops_s.%s, mlops_l.%s", time,
						 quote_identifier(periods->label));
		append_columns(&query, "mlops_s.", columns, NULL);
		appendStringInfo(&query, ", mlops_s.mlops_number FROM (SELECT %s",
						 time);
		append_columns(&query, "", columns, periods->event_time);
		appendStringInfo(&query, ", pg_catalog.row_number() OVER ()"
						 " AS mlops_number FROM %s", periods->source->from);
		append_period(&query, periods, from, to);
		appendStringInfoString(&query, ") AS mlops_s");
		append_labels(&query, periods);
	}
	else
	{
		appendStringInfo(&query, "SELECT %s, %s", time, target == NULL ?
						 "NULL" : target_text(periods, target, recorded));
		append_columns(&query, "", columns, NULL);
		appendStringInfo(&query, " FROM %s", periods->source->from);
		append_period(&query, periods, from, to);
	}
	scan->pub.receiveSlot = receive;
	scan->pub.rStartup = start;
	scan->pub.rShutdown = finish;
	scan->pub.rDestroy = finish;
	scan->pub.mydest = DestNone;
	scan->type = periods->type;
	scan->numbered = periods->labels != NULL;
	scan->context = CurrentMemoryContext;
	scan->callback = callback;
	scan->arg = arg;
	mlops_statement_run(query.data, &scan->pub);
}

char *
mlops_label_column(const char *query, List *key, const char *given)
{
	MlopsSource *source = mlops_source_open(query);
	const char *label = given;
	int			others = 0;
	ListCell   *cell;

	foreach(cell, key)
		(void) mlops_source_column(source, lfirst(cell));
	if (given != NULL)
	{
		(void) mlops_source_column(source, given);
		return pstrdup(given);
	}
	for (int i = 0; i < source->n_columns; i++)
	{
		if (mlops_names_have(key, source->columns[i].name))
			continue;
		label = source->columns[i].name;
		others++;
	}
	if (others != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("it is not known which column is the label"),
				 errdetail("The query has %d columns beside the key.",
						   others),
				 errhint("Pass label => with the column that holds it.")));
	return pstrdup(label);
}

/*
 * Has it all columns of a key?
 */
static bool
has_key(const MlopsPeriods *periods, List *key)
{
	ListCell   *cell;

	foreach(cell, key)
		if (!mlops_source_has(periods->source, lfirst(cell)))
			return false;
	return true;
}

/*
 * Analyse the query for labels: it must have the key, and so must the source.
 */
static void
open_labels(MlopsPeriods *periods)
{
	const MlopsLabelSource *labels = periods->labels;
	MlopsSource *source = mlops_source_open(labels->query);
	char	   *name = LABEL_NAME;
	ListCell   *cell;

	foreach(cell, labels->key)
	{
		(void) mlops_source_column(source, lfirst(cell));
		(void) mlops_source_column(periods->source, lfirst(cell));
	}
	(void) mlops_source_column(source, labels->label);
	for (int n = 1; mlops_source_has(periods->source, name); n++)
		name = psprintf(LABEL_NAME "_%d", n);
	periods->label = name;
	periods->labels_from = source->from;
}

/*
 * Does a parsed expression read a column that the source has not?  Names may
 * be qualified; a whole row is there.
 */
static bool
missing_walker(Node *node, void *context)
{
	const MlopsSource *source = context;

	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef))
	{
		Node	   *name = llast(castNode(ColumnRef, node)->fields);

		if (!IsA(name, String))
			return false;
		return !mlops_source_has(source, strVal(name));
	}
	return raw_expression_tree_walker(node, missing_walker, context);
}

/*
 * Append the WHERE of a period; the ends of time are no bounds.
 */
static void
append_period(StringInfo text, const MlopsPeriods *periods, int64 from,
			  int64 to)
{
	const char *time = quote_identifier(periods->event_time);
	bool		zoned = mlops_periods_zoned(periods);

	appendStringInfo(text, " WHERE %s %s %s AND %s < %s",
					 time, from == DT_NOBEGIN ? ">" : ">=",
					 mlops_time_literal(from, zoned), time,
					 mlops_time_literal(to, zoned));
}

/*
 * Append the join of labels to mlops_s.
 */
static void
append_labels(StringInfo text, const MlopsPeriods *periods)
{
	const MlopsLabelSource *labels = periods->labels;
	const char *separator = " ON ";
	ListCell   *cell;

	appendStringInfo(text, " LEFT JOIN (SELECT %s AS %s",
					 quote_identifier(labels->label),
					 quote_identifier(periods->label));
	foreach(cell, labels->key)
		appendStringInfo(text, ", %s AS mlops_key_%d",
						 quote_identifier(lfirst(cell)),
						 foreach_current_index(cell));
	appendStringInfo(text, " FROM %s) AS mlops_l", periods->labels_from);
	foreach(cell, labels->key)
	{
		appendStringInfo(text, "%smlops_s.%s = mlops_l.mlops_key_%d",
						 separator, quote_identifier(lfirst(cell)),
						 foreach_current_index(cell));
		separator = " AND ";
	}
}

/* The columns, and those of the key that are not among them. */
static List *
with_key(List *columns, List *key)
{
	ListCell   *cell;

	columns = list_copy(columns);
	foreach(cell, key)
		if (!mlops_names_have(columns, lfirst(cell)))
			columns = lappend(columns, lfirst(cell));
	return columns;
}

/* Append columns, but for one. */
static void
append_columns(StringInfo text, const char *qualifier, const List *columns,
			   const char *but)
{
	ListCell   *cell;

	foreach(cell, columns)
		if (but == NULL || strcmp(lfirst(cell), but) != 0)
			appendStringInfo(text, ", %s%s", qualifier,
							 quote_identifier(lfirst(cell)));
}

/*
 * The label as an expression; what is recorded must be harmless, see
 * mlops_reader_open().
 */
static char *
target_text(const MlopsPeriods *periods, const char *target, bool recorded)
{
	MlopsExpression *expression = mlops_source_expression(periods->source,
														  "target", target);

	if (recorded && !expression->harmless)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("recorded %s is not run unasked", "target"),
				 errdetail("It holds a query, or a function that is volatile or not the server's: \"%s\".",
						   target),
				 errhint("If you trust it, pass it as argument \"%s\".",
						 "target")));
	return psprintf("(%s)", expression->text);
}

/* The receiver has nothing to prepare. */
static void
start(DestReceiver *self, int operation, TupleDesc row)
{
}

/*
 * Hand one row on.
 */
static bool
receive(TupleTableSlot *slot, DestReceiver *self)
{
	Scan	   *scan = (Scan *) self;
	MlopsPeriodsRow row = {0};
	int			n = slot->tts_tupleDescriptor->natts;

	CHECK_FOR_INTERRUPTS();
	slot_getallattrs(slot);
	if (slot->tts_isnull[0])
		return true;
	row.time = mlops_time_value(slot->tts_values[0], scan->type);
	if (TIMESTAMP_NOT_FINITE(row.time))
		return true;
	row.labelled = !slot->tts_isnull[1];
	if (scan->numbered)
		row.repeated = see(scan, DatumGetInt64(slot->tts_values[--n]));
	row.hash = mlops_hash_mix(row.time);
	for (int i = 1; i < n; i++)
		row.hash = mlops_hash_mix(row.hash + hash_of(slot, i));
	scan->callback(&row, scan->arg);
	return true;
}

/*
 * The hash of a column of a row, as it is stored.
 */
static uint64
hash_of(const TupleTableSlot *slot, int column)
{
	Form_pg_attribute attribute = TupleDescAttr(slot->tts_tupleDescriptor,
												column);
	Datum		value = slot->tts_values[column];
	struct varlena *bytes;
	uint64		hash;

	if (slot->tts_isnull[column])
		return 1;
	if (attribute->attbyval)
		return mlops_hash_mix(value);
	if (attribute->attlen > 0)
		return mlops_hash_bytes(DatumGetPointer(value), attribute->attlen, 0);
	if (attribute->attlen == -2)
		return mlops_hash_bytes(DatumGetCString(value),
								strlen(DatumGetCString(value)), 0);
	bytes = PG_DETOAST_DATUM_PACKED(value);
	hash = mlops_hash_bytes(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes), 0);
	if ((Pointer) bytes != DatumGetPointer(value))
		pfree(bytes);
	return hash;
}

/* Nor anything to release. */
static void
finish(DestReceiver *self)
{
}

/*
 * Has the row of that number come before?  It has now.
 */
static bool
see(Scan *scan, uint64 number)
{
	uint64		byte = number / 8;
	uint8		bit = 1 << number % 8;
	bool		seen;

	if (byte >= scan->room)
	{
		uint64		room = Max(byte * 2, 1024);

		scan->seen = scan->seen == NULL ?
			MemoryContextAllocHuge(scan->context, room) :
			repalloc_huge(scan->seen, room);
		memset(scan->seen + scan->room, 0, room - scan->room);
		scan->room = room;
	}
	seen = (scan->seen[byte] & bit) != 0;
	scan->seen[byte] |= bit;
	return seen;
}
