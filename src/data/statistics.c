/*
 * statistics.c
 *		What ANALYZE has left of the columns that a signature needs.
 *
 * The rows of pg_statistic are read as the planner reads them, after the
 * rules of the view pg_stats have been applied: SELECT on the table or the
 * column, and no row security that holds for the caller.
 *
 * ANALYZE does not say how many rows it has looked at.  It takes 300 times
 * the statistics target, so that is worked out from what it has left.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/relation.h"
#include "base/base.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_statistic.h"
#include "commands/vacuum.h"
#include "data/encode.h"
#include "data/field.h"
#include "data/statistics.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#define ROWS_PER_TARGET	300

/* A table whose statistics are read. */
typedef struct Table
{
	Relation	relation;
	bool		inherited;		/* with the rows of its children */
	double		rows;			/* as far as it is known */
	int			target;			/* most that a list has shown */
	bool		full;			/* a list had no room for all values */
} Table;

static Relation open_table(const char *name);
static void look_at_children(Table *table);
static TimestampTz last_time(Oid function, Oid relation);
static Form_pg_attribute find_column(Relation relation, const char *name);
static bool may_read(Relation relation, AttrNumber attribute);
static void read_column(Table *table, const MlopsInput *input,
						const char *time_zone,
						MlopsColumnStatistics *column);
static bool says_something(const MlopsInput *input);
static void take_common(const AttStatsSlot *slot, const MlopsField *field,
						MlopsColumnStatistics *column);
static void take_bounds(const AttStatsSlot *slot, const MlopsField *field,
						MlopsColumnStatistics *column);

MlopsStatistics *
mlops_statistics_read(const char *relation, const MlopsSignature *signature)
{
	MlopsStatistics *statistics = palloc0(sizeof(MlopsStatistics));
	Table		table = {open_table(relation)};
	Oid			oid = RelationGetRelid(table.relation);
	TimestampTz by_hand = last_time(F_PG_STAT_GET_LAST_ANALYZE_TIME, oid);
	TimestampTz alone = last_time(F_PG_STAT_GET_LAST_AUTOANALYZE_TIME, oid);

	look_at_children(&table);
	statistics->relation = oid;
	statistics->analyzed_at = Max(by_hand, alone);
	statistics->n_columns = signature->n_inputs;
	statistics->columns = palloc0(sizeof(MlopsColumnStatistics) *
								  Max(signature->n_inputs, 1));
	for (int i = 0; i < signature->n_inputs; i++)
		read_column(&table, &signature->inputs[i], signature->time_zone,
					&statistics->columns[i]);
	if (!table.full)
		table.target = Max(table.target, default_statistics_target);
	statistics->sample = Min(table.rows,
							 (double) ROWS_PER_TARGET * table.target);
	relation_close(table.relation, NoLock);
	return statistics;
}

/* Open the table, locked until the end of the transaction; 42809. */
static Relation
open_table(const char *name)
{
	List	   *names = mlops_name_parts(name, 3);
	Relation	relation;

	if (names == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("relation must be the name of a table"),
				 errdetail("Given is: \"%s\".", name),
				 errhint("Rows of a query have no statistics; use mlops.drift().")));
	relation = relation_openrv(makeRangeVarFromNameList(names),
							   AccessShareLock);
	if (relation->rd_rel->relkind != RELKIND_RELATION &&
		relation->rd_rel->relkind != RELKIND_PARTITIONED_TABLE &&
		relation->rd_rel->relkind != RELKIND_MATVIEW &&
		relation->rd_rel->relkind != RELKIND_FOREIGN_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" has no statistics",
						RelationGetRelationName(relation)),
				 errdetail("It is no table."),
				 errhint("Name the table, or use mlops.drift().")));
	return relation;
}

/* Whether there are any, and how many rows there are in all. */
static void
look_at_children(Table *table)
{
	List	   *tables =
		find_all_inheritors(RelationGetRelid(table->relation), NoLock, NULL);
	ListCell   *cell;

	table->inherited = list_length(tables) > 1 ||
		table->relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
	foreach(cell, tables)
	{
		HeapTuple	tuple = SearchSysCache1(RELOID,
											ObjectIdGetDatum(lfirst_oid(cell)));
		Form_pg_class form;

		if (!HeapTupleIsValid(tuple))
			continue;
		form = (Form_pg_class) GETSTRUCT(tuple);
		/* what a partitioned table has is the sum of its partitions */
		if (form->relkind != RELKIND_PARTITIONED_TABLE)
			table->rows += Max(form->reltuples, 0);
		ReleaseSysCache(tuple);
	}
}

/* When an ANALYZE was, as a function of the server says; 0: not known. */
static TimestampTz
last_time(Oid function, Oid relation)
{
	LOCAL_FCINFO(fcinfo, 1);
	FmgrInfo	info;
	Datum		result;

	fmgr_info(function, &info);
	InitFunctionCallInfoData(*fcinfo, &info, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = ObjectIdGetDatum(relation);
	fcinfo->args[0].isnull = false;
	result = FunctionCallInvoke(fcinfo);
	return fcinfo->isnull ? 0 : DatumGetTimestampTz(result);
}

/* A column by its name; 42703. */
static Form_pg_attribute
find_column(Relation relation, const char *name)
{
	TupleDesc	columns = RelationGetDescr(relation);

	for (int i = 0; i < columns->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(columns, i);

		if (!column->attisdropped &&
			strcmp(NameStr(column->attname), name) == 0)
			return column;
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\" is not in the table", name),
			 errdetail("Table \"%s\" lacks what the version was trained on.",
					   RelationGetRelationName(relation))));
}

/* Would pg_stats show the column to the caller? */
static bool
may_read(Relation relation, AttrNumber attribute)
{
	Oid			oid = RelationGetRelid(relation);

	return (pg_class_aclcheck(oid, GetUserId(), ACL_SELECT) == ACLCHECK_OK ||
			pg_attribute_aclcheck(oid, attribute, GetUserId(),
								  ACL_SELECT) == ACLCHECK_OK) &&
		check_enable_rls(oid, InvalidOid, true) != RLS_ENABLED;
}

/* What is known of the column of an input. */
static void
read_column(Table *table, const MlopsInput *input, const char *time_zone,
			MlopsColumnStatistics *column)
{
	Form_pg_attribute attribute = find_column(table->relation, input->name);
	MlopsField	field = {0};
	HeapTuple	tuple;
	AttStatsSlot slot;

	if (!mlops_input_takes(input, attribute->atttypid))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" has another type than at training",
						input->name),
				 errdetail("The model was trained on %s, given is %s.",
						   input->type_name,
						   format_type_with_typemod(attribute->atttypid,
													attribute->atttypmod))));
	column->knowledge = MLOPS_HIDDEN;
	if (!may_read(table->relation, attribute->attnum))
		return;
	column->knowledge = MLOPS_NO_ORDER;
	if (!says_something(input))
		return;
	column->knowledge = MLOPS_NOT_ANALYZED;
	tuple = SearchSysCache3(STATRELATTINH,
							ObjectIdGetDatum(RelationGetRelid(table->relation)),
							Int16GetDatum(attribute->attnum),
							BoolGetDatum(table->inherited));
	if (!HeapTupleIsValid(tuple))
		return;
	column->knowledge = MLOPS_KNOWN;
	(void) mlops_conversion_of(attribute->atttypid, &field.conversion);
	mlops_field_bind(&field, attribute->atttypid, input, time_zone);
	column->missing = ((Form_pg_statistic) GETSTRUCT(tuple))->stanullfrac;
	column->rest = 1 - column->missing;
	if (get_attstatsslot(&slot, tuple, STATISTIC_KIND_MCV, InvalidOid,
						 ATTSTATSSLOT_VALUES | ATTSTATSSLOT_NUMBERS))
	{
		table->target = Max(table->target, slot.nvalues);
		take_common(&slot, &field, column);
		free_attstatsslot(&slot);
	}
	if (get_attstatsslot(&slot, tuple, STATISTIC_KIND_HISTOGRAM, InvalidOid,
						 ATTSTATSSLOT_VALUES))
	{
		table->target = Max(table->target, slot.nvalues - 1);
		table->full = true;
		if (!MLOPS_IS_CATEGORY(field.conversion))
			take_bounds(&slot, &field, column);
		free_attstatsslot(&slot);
	}
	ReleaseSysCache(tuple);
	/* values that cannot be ordered, or are too long to be kept */
	if (!MLOPS_IS_CATEGORY(field.conversion) && column->n_bounds == 0 &&
		column->n_common == 0 && column->rest > 0)
		column->knowledge = MLOPS_NO_ORDER;
}

/* Is the feature the value itself? */
static bool
says_something(const MlopsInput *input)
{
	return input->kind == MLOPS_INPUT_NUMBER ||
		input->kind == MLOPS_INPUT_BOOLEAN ||
		input->kind == MLOPS_INPUT_CATEGORY ||
		input->kind == MLOPS_INPUT_INTERVAL;
}

/* The most frequent values. */
static void
take_common(const AttStatsSlot *slot, const MlopsField *field,
			MlopsColumnStatistics *column)
{
	bool		category = MLOPS_IS_CATEGORY(field->conversion);

	column->common_share = palloc(sizeof(double) * Max(slot->nvalues, 1));
	if (category)
		column->common_text = palloc(sizeof(char *) * Max(slot->nvalues, 1));
	else
		column->common_number = palloc(sizeof(double) *
									   Max(slot->nvalues, 1));
	for (int i = 0; i < Min(slot->nvalues, slot->nnumbers); i++)
	{
		double		share = slot->numbers[i];
		int			n = column->n_common;
		MlopsBytes	bytes;

		column->rest = Max(column->rest - share, 0);
		column->common_share[n] = share;
		if (category)
		{
			mlops_bytes_open(field, slot->values[i], &bytes);
			column->common_text[n] = pnstrdup(bytes.bytes, bytes.length);
			mlops_bytes_close(&bytes);
		}
		else
		{
			column->common_number[n] =
				(float) mlops_scalar(field->conversion, slot->values[i]);
			if (isnan(column->common_number[n]))
			{
				column->missing += share;
				continue;
			}
		}
		column->n_common++;
	}
}

/* What lies between the others; NaN is greater than any number. */
static void
take_bounds(const AttStatsSlot *slot, const MlopsField *field,
			MlopsColumnStatistics *column)
{
	column->bounds = palloc(sizeof(double) * slot->nvalues);
	column->n_bounds = slot->nvalues;
	for (int i = 0; i < slot->nvalues; i++)
	{
		double		bound = (float) mlops_scalar(field->conversion,
												 slot->values[i]);

		column->bounds[i] = isnan(bound) ? INFINITY : bound;
	}
}
