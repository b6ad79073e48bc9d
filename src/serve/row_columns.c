/*
 * row_columns.c
 *		The columns of a row argument, as far as they are known when a query
 *		is planned.
 *
 * A row is most often the whole-row Var of a table, a view or a subquery;
 * where a view or subquery was pulled up it is a RowExpr by then.  Names are
 * those that the executor would give to the row: of its type if that has
 * them, else of the range table entry.  Whatever is not understood in full is
 * left alone, since the row itself always works.
 */
#include "postgres.h"

#include "base/base.h"
#include "base/compat.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "serve/row_columns.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

static bool columns_of_var(PlannerInfo *root, Var *var,
						   MlopsRowColumns *columns);
static bool is_bindable(const RangeTblEntry *rte, bool nullable);
static bool is_nullable(Node *node, int varno, bool below);
static bool columns_of_row(RowExpr *row, MlopsRowColumns *columns);
static bool columns_of_child(PlannerInfo *root, ConvertRowtypeExpr *convert,
							 MlopsRowColumns *columns);
static bool columns_of_named(FuncExpr *call, MlopsRowColumns *columns);
static void reserve(MlopsRowColumns *columns, int n);
static void add_column(MlopsRowColumns *columns, const char *name,
					   void *value);
static bool add_typed(MlopsRowColumns *columns, Oid type, List *values);
static int	compare_places(const void *a, const void *b, void *columns);

bool
mlops_row_columns(PlannerInfo *root, Node *row, MlopsRowColumns *columns)
{
	memset(columns, 0, sizeof(MlopsRowColumns));
	switch (nodeTag(row))
	{
		case T_Var:
			return columns_of_var(root, (Var *) row, columns);
		case T_RowExpr:
			return columns_of_row((RowExpr *) row, columns);
		case T_ConvertRowtypeExpr:
			return columns_of_child(root, (ConvertRowtypeExpr *) row, columns);
		case T_FuncExpr:
			return columns_of_named((FuncExpr *) row, columns);
		default:
			return false;
	}
}

int *
mlops_row_columns_sort(const MlopsRowColumns *columns)
{
	int		   *order = palloc(sizeof(int) * Max(columns->n, 1));

	for (int i = 0; i < columns->n; i++)
		order[i] = i;
	qsort_arg(order, columns->n, sizeof(int), compare_places,
			  unconstify(MlopsRowColumns *, columns));
	return order;
}

int
mlops_row_column_find(const MlopsRowColumns *columns, const int *order,
					  const char *name)
{
	int			low = 0;
	int			high = columns->n;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (strcmp(columns->names[order[middle]], name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == columns->n || strcmp(columns->names[order[low]], name) != 0)
		return -1;
	if (low + 1 < columns->n &&
		strcmp(columns->names[order[low + 1]], name) == 0)
		return -2;
	return order[low];
}

/*
 * A whole-row Var.  One of an outer query would be missing among what is
 * passed down, so it is left alone.  On the nullable side of an outer join
 * the row as a whole is NULL where there is no match, which columns do not
 * tell; tableoid does, since no row of a table lacks it.
 */
static bool
columns_of_var(PlannerInfo *root, Var *var, MlopsRowColumns *columns)
{
	RangeTblEntry *rte;
	List	   *names;
	List	   *vars;
	bool		nullable;
	ListCell   *name;
	ListCell   *value;

	if (var->varattno != InvalidAttrNumber || var->varlevelsup != 0 ||
		IS_SPECIAL_VARNO(var->varno) || !mlops_var_is_current(var) ||
		var->varno > list_length(root->parse->rtable))
		return false;
	rte = rt_fetch(var->varno, root->parse->rtable);
	nullable = is_nullable((Node *) root->parse->jointree, var->varno, false);
	if (!is_bindable(rte, nullable))
		return false;

	mlops_expand_rte(rte, var, &names, &vars);
	foreach(value, vars)
		if (IsA(lfirst(value), Var))
			mlops_var_follow((Var *) lfirst(value), var);
	if (var->vartype != RECORDOID)
	{
		if (!add_typed(columns, var->vartype, vars))
			return false;
	}
	else
	{
		reserve(columns, list_length(vars));
		forboth(name, names, value, vars)
			if (IsA(lfirst(value), Var))
				add_column(columns, strVal(lfirst(name)), lfirst(value));
	}
	if (nullable)
	{
		Var		   *sign = makeVar(var->varno, TableOidAttributeNumber,
								   OIDOID, -1, InvalidOid, 0);

		mlops_var_follow(sign, var);
		columns->sign = (Expr *) sign;
	}
	return true;
}

/* Whether the columns of the entry may stand for its row. */
static bool
is_bindable(const RangeTblEntry *rte, bool nullable)
{
	switch (rte->rtekind)
	{
		case RTE_RELATION:
			return !nullable || rte->relkind == RELKIND_RELATION ||
				rte->relkind == RELKIND_PARTITIONED_TABLE ||
				rte->relkind == RELKIND_MATVIEW;
		case RTE_SUBQUERY:
		case RTE_FUNCTION:
		case RTE_VALUES:
		case RTE_CTE:
		case RTE_NAMEDTUPLESTORE:
			return !nullable;
		default:
			return false;
	}
}

/*
 * Whether the entry stands below an outer join that may make its columns
 * NULL; below says so of the node.
 */
static bool
is_nullable(Node *node, int varno, bool below)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblRef))
		return below && ((RangeTblRef *) node)->rtindex == varno;
	if (IsA(node, FromExpr))
	{
		ListCell   *cell;

		foreach(cell, ((FromExpr *) node)->fromlist)
			if (is_nullable(lfirst(cell), varno, below))
				return true;
		return false;
	}
	if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;
		bool		left = join->jointype == JOIN_RIGHT ||
			join->jointype == JOIN_FULL;
		bool		right = join->jointype == JOIN_LEFT ||
			join->jointype == JOIN_FULL;

		return is_nullable(join->larg, varno, below || left) ||
			is_nullable(join->rarg, varno, below || right);
	}
	return true;
}

/*
 * A row that is written out or was pulled up.
 */
static bool
columns_of_row(RowExpr *row, MlopsRowColumns *columns)
{
	ListCell   *name;
	ListCell   *value;

	if (row->row_typeid != RECORDOID)
		return add_typed(columns, row->row_typeid, row->args);
	if (list_length(row->colnames) != list_length(row->args))
		return false;
	reserve(columns, list_length(row->args));
	forboth(name, row->colnames, value, row->args)
		add_column(columns, strVal(lfirst(name)), lfirst(value));
	return true;
}

/*
 * A row that is cast to the type of an ancestor: columns that the ancestor
 * has not got are not to be seen.
 */
static bool
columns_of_child(PlannerInfo *root, ConvertRowtypeExpr *convert,
				 MlopsRowColumns *columns)
{
	TupleDesc	tupdesc;
	int			n = 0;

	if (!mlops_row_columns(root, (Node *) convert->arg, columns))
		return false;
	tupdesc = lookup_rowtype_tupdesc_domain(convert->resulttype, -1, true);
	if (tupdesc == NULL)
		return false;
	for (int i = 0; i < columns->n; i++)
		for (int k = 0; k < tupdesc->natts; k++)
			if (!TupleDescAttr(tupdesc, k)->attisdropped &&
				strcmp(NameStr(TupleDescAttr(tupdesc, k)->attname),
					   columns->names[i]) == 0)
			{
				columns->names[n] = columns->names[i];
				columns->values[n++] = columns->values[i];
				break;
			}
	columns->n = n;
	ReleaseTupleDesc(tupdesc);
	return true;
}

/*
 * A call of mlops._named(), as functions made by mlops.create_function()
 * contain it.
 */
static bool
columns_of_named(FuncExpr *call, MlopsRowColumns *columns)
{
	Const	   *names;
	List	   *list;
	ListCell   *cell;

	char	   *name = get_func_name(call->funcid);

	if (get_func_namespace(call->funcid) != get_namespace_oid("mlops", true) ||
		name == NULL || strcmp(name, "_named") != 0)
		return false;
	names = linitial(call->args);
	if (!IsA(names, Const) || names->constisnull || call->funcvariadic)
		return false;
	list = mlops_text_array_to_list(DatumGetArrayTypeP(names->constvalue));
	if (list_length(list) != list_length(call->args) - 1)
		return false;
	reserve(columns, list_length(list));
	foreach(cell, list)
	{
		Expr	   *value = list_nth(call->args,
									 foreach_current_index(cell) + 1);

		if (exprType((Node *) value) == UNKNOWNOID)
			return false;
		add_column(columns, lfirst(cell), value);
	}
	return true;
}

/* Make room for n columns. */
static void
reserve(MlopsRowColumns *columns, int n)
{
	columns->names = palloc(sizeof(char *) * Max(n, 1));
	columns->values = palloc(sizeof(Expr *) * Max(n, 1));
}

/* Append a column for which there is room. */
static void
add_column(MlopsRowColumns *columns, const char *name, void *value)
{
	columns->names[columns->n] = name;
	columns->values[columns->n++] = value;
}

/*
 * Append the columns of a row type, whose values are in its order, dropped
 * columns included; false if they are not of its types.
 */
static bool
add_typed(MlopsRowColumns *columns, Oid type, List *values)
{
	TupleDesc	tupdesc = lookup_rowtype_tupdesc_domain(type, -1, true);
	bool		fits;
	ListCell   *cell;

	if (tupdesc == NULL)
		return false;
	fits = tupdesc->natts == list_length(values);
	reserve(columns, list_length(values));
	foreach(cell, values)
	{
		Form_pg_attribute attribute;

		if (!fits)
			break;
		attribute = TupleDescAttr(tupdesc, foreach_current_index(cell));
		if (attribute->attisdropped)
			continue;
		fits = exprType(lfirst(cell)) == attribute->atttypid;
		add_column(columns, pstrdup(NameStr(attribute->attname)),
				   lfirst(cell));
	}
	ReleaseTupleDesc(tupdesc);
	return fits;
}

/* qsort_arg() comparator of indexes of columns by their names. */
static int
compare_places(const void *a, const void *b, void *columns)
{
	const char **names = ((MlopsRowColumns *) columns)->names;

	return strcmp(names[*(const int *) a], names[*(const int *) b]);
}
