/*
 * source.c
 *		Sources: a relation name or a query, and the statements made of them.
 *
 * What people pass as text becomes part of a statement.  Each piece is parsed
 * alone first, so that it cannot end the piece it stands in: a source must be
 * one SELECT, an expression one expression.  What is run is then one SELECT
 * that writes nothing; its rights are the caller's, checked by the executor.
 *
 * Statements are analysed and run by SPI.  What outlives the call is copied
 * to the caller's memory context.
 */
#include "postgres.h"

#include "access/transam.h"
#include "base/base.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "data/cut.h"
#include "data/source.h"
#include "executor/spi.h"
#include "executor/spi_priv.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parser.h"
#include "parser/scansup.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"

/* The name under which expressions may qualify columns of a query. */
#define SOURCE_ALIAS	"source"

/* Columns that an error lists. */
#define MAX_LISTED		12

typedef struct ParseContext
{
	const char *what;			/* "source" or an argument's name */
	const char *text;
} ParseContext;

typedef void (*PlanVisitor) (CachedPlanSource *plan_source, SPIPlanPtr plan,
							 void *result);

static bool is_query(const char *text);
static const char *skip_blanks(const char *text);
static char *relation_from(const char *text);
static char *query_from(const char *text);
static List *parse(const char *text, RawParseMode mode, const char *what);
static void parse_error(void *arg);
static const char *column_list(const MlopsSource *source);
static void check_expression(const char *what, const char *text);
static void prepare(const char *query, PlanVisitor visitor, void *result);
static void check_read_only(List *queries);
static bool writes_walker(Node *node, void *context);
static bool harm_walker(Node *node, void *context);
static bool harmful_function(Oid function, void *context);
static int	pin_row_order(void);
static void visit_columns(CachedPlanSource *plan_source, SPIPlanPtr plan,
						  void *result);
static bool is_stored(const Query *query, int column);
static void visit_expression(CachedPlanSource *plan_source, SPIPlanPtr plan,
							 void *result);
static void visit_statement(CachedPlanSource *plan_source, SPIPlanPtr plan,
							void *result);

MlopsSource *
mlops_source_open(const char *text)
{
	MlopsSource *source = palloc0(sizeof(MlopsSource));

	source->from = is_query(text) ? query_from(text) : relation_from(text);
	prepare(psprintf("SELECT * FROM %s", source->from), visit_columns,
			source);
	return source;
}

int
mlops_source_column(const MlopsSource *source, const char *name)
{
	const char **names = palloc(sizeof(char *) * Max(source->n_columns, 1));
	const char *nearest;
	int			found = -1;

	for (int i = 0; i < source->n_columns; i++)
	{
		names[i] = source->columns[i].name;
		if (strcmp(names[i], name) != 0)
			continue;
		if (found >= 0)
			ereport(ERROR,
					(errcode(ERRCODE_AMBIGUOUS_COLUMN),
					 errmsg("column \"%s\" is there twice in the source",
							name),
					 errhint("Give one of them another name in the query.")));
		found = i;
	}
	if (found < 0)
	{
		nearest = mlops_closest_match(name, names, source->n_columns);
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" is not in the source", name),
				 nearest == NULL ?
				 errdetail("Its columns are: %s.", column_list(source)) :
				 errhint("Perhaps you meant \"%s\".", nearest)));
	}
	pfree(names);
	return found;
}

bool
mlops_source_has(const MlopsSource *source, const char *name)
{
	for (int i = 0; i < source->n_columns; i++)
		if (strcmp(source->columns[i].name, name) == 0)
			return true;
	return false;
}

/*
 * A text that is exactly a column's name means the column, so that names
 * which need quotes do not need them here.
 */
MlopsExpression *
mlops_source_expression(const MlopsSource *source, const char *what,
						const char *text)
{
	MlopsExpression *expression = palloc0(sizeof(MlopsExpression));
	Bitmapset  *attributes;

	expression->what = what;

	for (int i = 0; i < source->n_columns && expression->text == NULL; i++)
		if (strcmp(source->columns[i].name, text) == 0)
			expression->text = pstrdup(quote_identifier(text));
	if (expression->text == NULL)
	{
		check_expression(what, text);
		/* a comment at its end must not swallow the parenthesis */
		expression->text = psprintf("(%s\n)", text);
	}
	prepare(psprintf("SELECT %s FROM %s", expression->text, source->from),
			visit_expression, expression);

	/* from the relation's attribute numbers to indexes of columns */
	attributes = expression->reads;
	expression->reads = NULL;
	for (int i = 0; i < source->n_columns; i++)
		if (bms_is_member(source->columns[i].attribute, attributes))
			expression->reads = bms_add_member(expression->reads, i);
	bms_free(attributes);
	return expression;
}

void
mlops_statement_plan(const char *query, MlopsStatement *statement)
{
	int			nest_level = pin_row_order();

	prepare(query, visit_statement, statement);
	AtEOXact_GUC(false, nest_level);
}

void
mlops_statement_run(const char *query, DestReceiver *dest)
{
	SPIExecuteOptions options = {0};
	SPIPlanPtr	plan;
	int			nest_level = pin_row_order();
	int			result;

	SPI_connect();
	mlops_cut_register();
	plan = SPI_prepare(query, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s",
			 SPI_result_code_string(SPI_result));
	options.read_only = true;
	options.must_return_tuples = true;
	options.dest = dest;
	result = SPI_execute_plan_extended(plan, &options);
	if (result < 0)
		elog(ERROR, "SPI_execute_plan_extended failed: %s",
			 SPI_result_code_string(result));
	SPI_finish();
	AtEOXact_GUC(false, nest_level);
}

void
mlops_statement_execute(const char *command)
{
	int			status;

	SPI_connect();
	status = SPI_execute(command, false, 0);
	if (status < 0)
		elog(ERROR, "SPI_execute failed: %s",
			 SPI_result_code_string(status));
	SPI_finish();
}

/*
 * The names of the first columns, for an error's detail.
 */
static const char *
column_list(const MlopsSource *source)
{
	StringInfoData list;
	int			n = Min(source->n_columns, MAX_LISTED);

	if (source->n_columns == 0)
		return "none";
	initStringInfo(&list);
	for (int i = 0; i < n; i++)
		appendStringInfo(&list, "%s\"%s\"", i == 0 ? "" : ", ",
						 source->columns[i].name);
	if (n < source->n_columns)
		appendStringInfo(&list, " and %d more", source->n_columns - n);
	return list.data;
}

/*
 * Is the text a query?  It is if its first word, behind blanks, comments and
 * parentheses, is one that begins a query and is not all there is of it.
 */
static bool
is_query(const char *text)
{
	static const char *const words[] = {"select", "with", "table", "values"};
	const char *start = skip_blanks(text);

	while (*start == '(')
		start = skip_blanks(start + 1);
	for (int i = 0; i < lengthof(words); i++)
	{
		size_t		length = strlen(words[i]);
		char		next;

		if (pg_strncasecmp(start, words[i], length) != 0)
			continue;
		next = start[length];
		if (next == '_' || next == '$' || next == '.' ||
			IS_HIGHBIT_SET(next) || isalnum((unsigned char) next))
			continue;
		return *skip_blanks(start + length) != '\0';
	}
	return false;
}

/*
 * Skip blanks and comments as SQL knows them.
 */
static const char *
skip_blanks(const char *text)
{
	for (;;)
	{
		if (scanner_isspace(*text))
			text++;
		else if (text[0] == '-' && text[1] == '-')
			text += strcspn(text, "\n\r");
		else if (text[0] == '/' && text[1] == '*')
		{
			int			depth = 0;

			do
			{
				if (text[0] == '/' && text[1] == '*')
					depth++, text += 2;
				else if (text[0] == '*' && text[1] == '/')
					depth--, text += 2;
				else if (*text != '\0')
					text++;
			} while (depth > 0 && *text != '\0');
		}
		else
			return text;
	}
}

/*
 * What follows FROM for a relation: its qualified name.  The table keeps its
 * name there, so that expressions may use it.
 */
static char *
relation_from(const char *text)
{
	List	   *names = mlops_name_parts(text, 3);
	const char *schema;
	Oid			relation;

	if (names == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("source is neither a relation nor a query"),
				 errdetail("Given is: \"%s\".", text),
				 errhint("Pass a name such as public.customers, or a query that begins with SELECT, WITH, TABLE or VALUES.")));
	relation = RangeVarGetRelid(makeRangeVarFromNameList(names),
								AccessShareLock, false);
	schema = get_namespace_name(get_rel_namespace(relation));
	return pstrdup(quote_qualified_identifier(schema,
											  get_rel_name(relation)));
}

/*
 * What follows FROM for a query: it in parentheses, without a semicolon.
 */
static char *
query_from(const char *text)
{
	List	   *statements = parse(text, RAW_PARSE_DEFAULT, "source");
	RawStmt    *statement;
	int			length;

	if (list_length(statements) != 1 ||
		!IsA(linitial_node(RawStmt, statements)->stmt, SelectStmt))
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("source must be one query"),
				 errdetail("It holds %d statements, or one that is no query.",
						   list_length(statements))));
	statement = linitial_node(RawStmt, statements);
	length = statement->stmt_len > 0 ? statement->stmt_len :
		strlen(text) - statement->stmt_location;
	/* the line feed ends a comment that may stand at the end */
	return psprintf("(%.*s\n) AS %s", length,
					text + statement->stmt_location, SOURCE_ALIAS);
}

/*
 * Parse a text alone; errors point into it.
 */
static List *
parse(const char *text, RawParseMode mode, const char *what)
{
	ParseContext context = {what, text};
	ErrorContextCallback callback;
	List	   *result;

	callback.callback = parse_error;
	callback.arg = &context;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	result = raw_parser(text, mode);
	error_context_stack = callback.previous;
	return result;
}

/*
 * Error context of parse(): the position is one in its text, not in the
 * statement that the client sent.
 */
static void
parse_error(void *arg)
{
	ParseContext *context = arg;
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(context->text);
	}
	errcontext("%s", context->what);
}

/*
 * Check that the text is one expression and nothing behind it.
 */
static void
check_expression(const char *what, const char *text)
{
	List	   *statements = parse(text, RAW_PARSE_PLPGSQL_EXPR, what);
	SelectStmt *select = NULL;

	if (list_length(statements) == 1)
		select = (SelectStmt *) linitial_node(RawStmt, statements)->stmt;
	if (select == NULL || !IsA(select, SelectStmt) ||
		list_length(select->targetList) != 1 ||
		linitial_node(ResTarget, select->targetList)->name != NULL ||
		select->distinctClause != NIL || select->fromClause != NIL ||
		select->whereClause != NULL || select->groupClause != NIL ||
		select->havingClause != NULL || select->windowClause != NIL ||
		select->sortClause != NIL || select->limitOffset != NULL ||
		select->limitCount != NULL || select->lockingClause != NIL ||
		select->op != SETOP_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("%s must be a column or one expression", what),
				 errdetail("Given is: \"%s\".", text)));
}

/*
 * Prepare a statement, hand its analysed form to the visitor in the caller's
 * memory context, and forget it.  The locks that analysis took stay.
 */
static void
prepare(const char *query, PlanVisitor visitor, void *result)
{
	MemoryContext caller = CurrentMemoryContext;
	SPIPlanPtr	plan;
	CachedPlanSource *plan_source;

	SPI_connect();
	mlops_cut_register();
	plan = SPI_prepare(query, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s",
			 SPI_result_code_string(SPI_result));
	if (list_length(plan->plancache_list) != 1)
		elog(ERROR, "composed source is not one statement");
	plan_source = linitial(plan->plancache_list);
	if (plan_source->resultDesc == NULL)
		elog(ERROR, "composed source returns no rows");
	check_read_only(plan_source->query_list);

	MemoryContextSwitchTo(caller);
	visitor(plan_source, plan, result);
	SPI_finish();
}

/*
 * Refuse what writes or locks rows, wherever it stands.
 */
static void
check_read_only(List *queries)
{
	if (list_length(queries) != 1 ||
		linitial_node(Query, queries)->commandType != CMD_SELECT ||
		writes_walker((Node *) linitial(queries), NULL))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("source must only read"),
				 errdetail("It holds a statement that writes, or locks rows.")));
}

/*
 * Does any query below the node write or lock?
 */
static bool
writes_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query	   *query = (Query *) node;

		if (query->commandType != CMD_SELECT || query->hasForUpdate ||
			query->hasModifyingCTE)
			return true;
		return query_tree_walker(query, writes_walker, context, 0);
	}
	return expression_tree_walker(node, writes_walker, context);
}

/*
 * Plan without parallel workers and scan from the start of tables until
 * AtEOXact_GUC() is called with the result; an error undoes it as well.
 */
static int
pin_row_order(void)
{
	int			nest_level = NewGUCNestLevel();

	(void) set_config_option("max_parallel_workers_per_gather", "0",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	(void) set_config_option("synchronize_seqscans", "off",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	return nest_level;
}

/*
 * Take the columns of SELECT * FROM source.
 */
static void
visit_columns(CachedPlanSource *plan_source, SPIPlanPtr plan, void *result)
{
	MlopsSource *source = result;
	Query	   *query = linitial_node(Query, plan_source->query_list);
	TupleDesc	row = plan_source->resultDesc;

	source->n_columns = row->natts;
	source->columns = palloc0(sizeof(MlopsColumn) * Max(row->natts, 1));
	for (int i = 0; i < row->natts; i++)
	{
		MlopsColumn *column = &source->columns[i];
		TargetEntry *entry = list_nth_node(TargetEntry, query->targetList, i);

		column->name = pstrdup(NameStr(TupleDescAttr(row, i)->attname));
		column->type = TupleDescAttr(row, i)->atttypid;
		column->typmod = TupleDescAttr(row, i)->atttypmod;
		column->attribute = castNode(Var, entry->expr)->varattno;
		column->stored = is_stored(query, i);
	}
}

/*
 * Is a column of a query one of a relation that is all that it reads, by
 * itself or through other such queries?
 */
static bool
is_stored(const Query *query, int column)
{
	const Var  *var = (Var *) list_nth_node(TargetEntry, query->targetList,
											column)->expr;
	const List *from = query->jointree->fromlist;
	const RangeTblEntry *entry;

	if (!IsA(var, Var) || list_length(from) != 1 ||
		!IsA(linitial(from), RangeTblRef) || var->varattno < 1 ||
		linitial_node(RangeTblRef, from)->rtindex != var->varno)
		return false;
	entry = list_nth_node(RangeTblEntry, query->rtable, var->varno - 1);
	return entry->rtekind == RTE_RELATION ||
		(entry->rtekind == RTE_SUBQUERY &&
		 is_stored(entry->subquery, var->varattno - 1));
}

/*
 * Take the type of an expression and the attributes that it reads.  What
 * would make other rows out of those of the source is refused.
 */
static void
visit_expression(CachedPlanSource *plan_source, SPIPlanPtr plan,
				 void *result)
{
	MlopsExpression *expression = result;
	Query	   *query = linitial_node(Query, plan_source->query_list);
	TargetEntry *entry = linitial_node(TargetEntry, query->targetList);
	ListCell   *cell;

	if (query->hasAggs || query->hasTargetSRFs)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s must have one value per row", expression->what),
				 errhint("Compute aggregates and sets in a query, and pass that as the source.")));
	expression->type = exprType((Node *) entry->expr);
	expression->typmod = exprTypmod((Node *) entry->expr);
	expression->collation = exprCollation((Node *) entry->expr);
	expression->harmless = !harm_walker((Node *) entry->expr, NULL);
	foreach(cell, pull_vars_of_level((Node *) entry->expr, 0))
	{
		Var		   *var = lfirst_node(Var, cell);

		if (var->varattno == 0)
			expression->whole_row = true;
		else if (var->varattno > 0)
			expression->reads = bms_add_member(expression->reads,
											   var->varattno);
	}
}

/*
 * Does the expression run code of a user, or some that has effects?
 */
static bool
harm_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query) ||
		(IsA(node, CoerceToDomain) &&
		 castNode(CoerceToDomain, node)->resulttype >= FirstNormalObjectId) ||
		check_functions_in_node(node, harmful_function, NULL))
		return true;
	return expression_tree_walker(node, harm_walker, context);
}

/*
 * Is the function a user's, or volatile?
 */
static bool
harmful_function(Oid function, void *context)
{
	return function >= FirstNormalObjectId ||
		func_volatile(function) == PROVOLATILE_VOLATILE;
}

/*
 * Plan the statement for its estimate of rows, and take its lineage.
 */
static void
visit_statement(CachedPlanSource *plan_source, SPIPlanPtr plan, void *result)
{
	MlopsStatement *statement = result;
	CachedPlan *cached;

	statement->relations = mlops_lineage(linitial(plan_source->query_list),
										 &statement->row_security);
	cached = SPI_plan_get_cached_plan(plan);
	if (cached == NULL)
		elog(ERROR, "composed source has no plan");
	statement->estimated_rows =
		linitial_node(PlannedStmt, cached->stmt_list)->planTree->plan_rows;
	/* an unsaved plan belongs to no resource owner */
	ReleaseCachedPlan(cached, NULL);
}
