/*
 * slices.c
 *		Slices of rows by the values of some columns.
 *
 * A row's slice is found by the text of its values, which needs no more of a
 * type than its output function; numeric values are stripped of trailing
 * zeros first, so that equal ones have one text.  What people see, and what
 * slices are ordered by, is each value as to_jsonb() writes it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "data/dictionary.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "nodes/makefuncs.h"
#include "train/slices.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

/* One column. */
typedef struct Column
{
	char	   *name;
	Oid			base_type;
	FmgrInfo	output;
	FmgrInfo	to_jsonb;
} Column;

struct MlopsSlices
{
	MemoryContext context;
	int			n_columns;
	Column	   *columns;
	MlopsDictionary *keys;		/* by slice */
	Jsonb	 ***values;			/* [slice][column] */
};

static void bind_column(Column *column, Form_pg_attribute attribute);
static Datum canonical(const Column *column, Datum value);
static void add_slice(MlopsSlices *slices, int slice, const Datum *values,
					  const bool *nulls);
static int	compare_slices(const void *a, const void *b, void *arg);

MlopsSlices *
mlops_slices_create(TupleDesc columns)
{
	MlopsSlices *slices = palloc0(sizeof(MlopsSlices));

	slices->context = CurrentMemoryContext;
	slices->n_columns = columns->natts;
	slices->columns = palloc0(sizeof(Column) * columns->natts);
	for (int i = 0; i < columns->natts; i++)
	{
		bind_column(&slices->columns[i], TupleDescAttr(columns, i));
		for (int k = 0; k < i; k++)
			if (strcmp(slices->columns[k].name, slices->columns[i].name) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_COLUMN),
						 errmsg("column \"%s\" is listed twice",
								slices->columns[i].name),
						 errhint("Name each column once.")));
	}
	slices->keys = mlops_dictionary_create();
	slices->values = palloc0(sizeof(Jsonb **) * MLOPS_MAX_SLICES);
	return slices;
}

unsigned
mlops_slices_find(MlopsSlices *slices, const Datum *values, const bool *nulls)
{
	StringInfoData key;
	int			slice;

	initStringInfo(&key);
	for (int i = 0; i < slices->n_columns; i++)
	{
		Column	   *column = &slices->columns[i];
		char	   *text;

		if (nulls[i])
		{
			appendStringInfoString(&key, "-1:");
			continue;
		}
		text = OutputFunctionCall(&column->output,
								  canonical(column, values[i]));
		appendStringInfo(&key, "%zu:%s", strlen(text), text);
	}
	slice = mlops_dictionary_find(slices->keys, key.data, key.len);
	if (slice >= 0)
		return slice;

	slice = mlops_dictionary_add(slices->keys, key.data, key.len);
	if (slice < 0 || slice >= MLOPS_MAX_SLICES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("columns make more than %d slices",
						MLOPS_MAX_SLICES),
				 errhint("Use fewer columns, or group their values in a query.")));
	add_slice(slices, slice, values, nulls);
	return slice;
}

unsigned *
mlops_slices_order(const MlopsSlices *slices, int *n)
{
	unsigned   *order;

	*n = slices->keys->n_values;
	order = palloc(sizeof(unsigned) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		order[i] = i;
	qsort_arg(order, *n, sizeof(unsigned), compare_slices,
			  unconstify(MlopsSlices *, slices));
	return order;
}

Jsonb *
mlops_slices_name(const MlopsSlices *slices, unsigned slice)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < slices->n_columns; i++)
	{
		Jsonb	   *jsonb = slices->values[slice][i];
		JsonbValue	key;
		JsonbValue	value;

		key.type = jbvString;
		key.val.string.val = slices->columns[i].name;
		key.val.string.len = strlen(slices->columns[i].name);
		pushJsonbValue(&state, WJB_KEY, &key);
		if (!JB_ROOT_IS_SCALAR(jsonb) ||
			!JsonbExtractScalar(&jsonb->root, &value))
		{
			value.type = jbvBinary;
			value.val.binary.data = &jsonb->root;
			value.val.binary.len = VARSIZE(jsonb) - VARHDRSZ;
		}
		pushJsonbValue(&state, WJB_VALUE, &value);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/*
 * Look up what a column's values need.  to_jsonb() asks for the type of its
 * argument, so it is given an expression.
 */
static void
bind_column(Column *column, Form_pg_attribute attribute)
{
	Oid			type = attribute->atttypid;
	Oid			output;
	bool		is_varlena;

	column->name = pstrdup(NameStr(attribute->attname));
	column->base_type = getBaseType(type);
	getTypeOutputInfo(type, &output, &is_varlena);
	fmgr_info(output, &column->output);
	fmgr_info(F_TO_JSONB, &column->to_jsonb);
	fmgr_info_set_expr((Node *)
					   makeFuncExpr(F_TO_JSONB, JSONBOID,
									list_make1(makeNullConst(type, -1,
															 InvalidOid)),
									InvalidOid, InvalidOid,
									COERCE_EXPLICIT_CALL),
					   &column->to_jsonb);
}

/*
 * The value in the one form that all equal ones share.
 */
static Datum
canonical(const Column *column, Datum value)
{
	if (column->base_type == NUMERICOID)
		return DirectFunctionCall1(numeric_trim_scale, value);
	if (column->base_type == FLOAT8OID && DatumGetFloat8(value) == 0)
		return Float8GetDatum(0);
	if (column->base_type == FLOAT4OID && DatumGetFloat4(value) == 0)
		return Float4GetDatum(0);
	return value;
}

/*
 * Keep the values of a new slice.
 */
static void
add_slice(MlopsSlices *slices, int slice, const Datum *values,
		  const bool *nulls)
{
	MemoryContext old = MemoryContextSwitchTo(slices->context);
	JsonbValue	null = {.type = jbvNull};

	slices->values[slice] = palloc(sizeof(Jsonb *) * slices->n_columns);
	for (int i = 0; i < slices->n_columns; i++)
	{
		Column	   *column = &slices->columns[i];

		slices->values[slice][i] = nulls[i] ? JsonbValueToJsonb(&null) :
			DatumGetJsonbPCopy(FunctionCall1(&column->to_jsonb,
											 canonical(column, values[i])));
	}
	MemoryContextSwitchTo(old);
}

/*
 * qsort_arg() comparator of slices: column by column.
 */
static int
compare_slices(const void *a, const void *b, void *arg)
{
	const MlopsSlices *slices = arg;
	Jsonb	  **left = slices->values[*(const unsigned *) a];
	Jsonb	  **right = slices->values[*(const unsigned *) b];

	for (int i = 0; i < slices->n_columns; i++)
	{
		int			order = compareJsonbContainers(&left[i]->root,
												   &right[i]->root);

		if (order != 0)
			return order;
	}
	return 0;
}
