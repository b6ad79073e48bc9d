/*
 * lineage.c
 *		Which relations and columns a query reads.
 *
 * The query is the rewritten one, so that views have been opened: the view is
 * named and so are the tables below it.  A column counts if the query, or a
 * view on the way, refers to it.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "catalog/pg_class.h"
#include "data/source.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"

typedef struct LineageRelation
{
	Oid			oid;
	char	   *name;			/* qualified */
	Bitmapset  *columns;		/* of attribute number - lowest system one */
} LineageRelation;

typedef struct Lineage
{
	List	   *relations;		/* of LineageRelation * */
	List	   *queries;		/* of Query *, the innermost first */
	bool		row_security;
} Lineage;

static bool lineage_walker(Node *node, Lineage *lineage);
static bool walk_query(Query *query, Lineage *lineage);
static void walk_entry(RangeTblEntry *entry, Lineage *lineage);
static bool walk_var(Var *var, Lineage *lineage);
static Oid	entry_relation(RangeTblEntry *entry);
static LineageRelation *note_relation(Lineage *lineage, Oid oid);
static int	compare_relations(const ListCell *a, const ListCell *b);
static void write_relation(StringInfo json, LineageRelation *relation);

/*
 * jsonb text [{"relation": "public.t", "columns": ["a", "b"]}, ...], sorted
 * by name; palloc'd.  *row_security: policies filter the rows of one of them.
 */
char *
mlops_lineage(Query *query, bool *row_security)
{
	Lineage		lineage = {0};
	StringInfoData json;
	ListCell   *cell;

	(void) lineage_walker((Node *) query, &lineage);
	*row_security = lineage.row_security;

	list_sort(lineage.relations, compare_relations);
	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	foreach(cell, lineage.relations)
	{
		if (json.len > 1)
			appendStringInfoString(&json, ", ");
		write_relation(&json, lfirst(cell));
	}
	appendStringInfoChar(&json, ']');
	return json.data;
}

/*
 * Note what is below the node.
 */
static bool
lineage_walker(Node *node, Lineage *lineage)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return walk_query((Query *) node, lineage);
	if (IsA(node, RangeTblEntry))
	{
		walk_entry((RangeTblEntry *) node, lineage);
		return false;
	}
	if (IsA(node, Var))
		return walk_var((Var *) node, lineage);
	return expression_tree_walker(node, lineage_walker, (void *) lineage);
}

/*
 * Descend into a query.  Alias lists of joins name every column of both
 * sides and are looked at only through the Vars that point to them.
 */
static bool
walk_query(Query *query, Lineage *lineage)
{
	bool		result;

	lineage->queries = lcons(query, lineage->queries);
	result = query_tree_walker(query, lineage_walker, (void *) lineage,
							   QTW_EXAMINE_RTES_BEFORE |
							   QTW_IGNORE_JOINALIASES);
	lineage->queries = list_delete_first(lineage->queries);
	return result;
}

/*
 * Note the relation of a range table entry.  Only policies put security
 * quals on the relations of a SELECT.
 */
static void
walk_entry(RangeTblEntry *entry, Lineage *lineage)
{
	Oid			relation = entry_relation(entry);

	if (OidIsValid(relation))
		(void) note_relation(lineage, relation);
	if (entry->securityQuals != NIL)
		lineage->row_security = true;
}

/*
 * Note the column that a Var means; through a join, what the join's column
 * stands for.
 */
static bool
walk_var(Var *var, Lineage *lineage)
{
	List	   *saved = lineage->queries;
	List	   *level = list_copy_tail(saved, var->varlevelsup);
	Query	   *query = linitial_node(Query, level);
	RangeTblEntry *entry = rt_fetch(var->varno, query->rtable);
	Oid			relation = entry_relation(entry);
	bool		result = false;

	if (entry->rtekind == RTE_JOIN && var->varattno > 0)
	{
		/* its expression is relative to the join's own query */
		lineage->queries = level;
		result = lineage_walker(list_nth(entry->joinaliasvars,
										 var->varattno - 1), lineage);
		lineage->queries = saved;
	}
	else if (OidIsValid(relation))
	{
		LineageRelation *noted = note_relation(lineage, relation);

		noted->columns = bms_add_member(noted->columns, var->varattno -
										FirstLowInvalidHeapAttributeNumber);
	}
	list_free(level);
	return result;
}

/*
 * The relation that an entry stands for.  A view has become a subquery: some
 * releases leave its oid in the entry, others only in the entry "old" that
 * is the first of its own range table.
 */
static Oid
entry_relation(RangeTblEntry *entry)
{
	RangeTblEntry *first;

	if (entry->rtekind != RTE_RELATION && entry->rtekind != RTE_SUBQUERY)
		return InvalidOid;
	if (OidIsValid(entry->relid) || entry->rtekind == RTE_RELATION)
		return entry->relid;
	if (entry->subquery == NULL || entry->subquery->rtable == NIL)
		return InvalidOid;
	first = linitial_node(RangeTblEntry, entry->subquery->rtable);
	if (first->rtekind == RTE_RELATION && first->relkind == RELKIND_VIEW &&
		strcmp(first->eref->aliasname, "old") == 0)
		return first->relid;
	return InvalidOid;
}

/*
 * The relation's place in the lineage, made if it has none.
 */
static LineageRelation *
note_relation(Lineage *lineage, Oid oid)
{
	LineageRelation *relation;
	const char *schema;
	ListCell   *cell;

	foreach(cell, lineage->relations)
	{
		relation = lfirst(cell);
		if (relation->oid == oid)
			return relation;
	}
	relation = palloc0(sizeof(LineageRelation));
	relation->oid = oid;
	schema = get_namespace_name(get_rel_namespace(oid));
	relation->name = quote_qualified_identifier(schema, get_rel_name(oid));
	lineage->relations = lappend(lineage->relations, relation);
	return relation;
}

/*
 * list_sort() comparator by name.
 */
static int
compare_relations(const ListCell *a, const ListCell *b)
{
	return strcmp(((LineageRelation *) lfirst(a))->name,
				  ((LineageRelation *) lfirst(b))->name);
}

/*
 * Append a relation's object; a reference to its whole row is written "*".
 */
static void
write_relation(StringInfo json, LineageRelation *relation)
{
	const char *separator = "";
	int			member = -1;

	appendStringInfoString(json, "{\"relation\": ");
	escape_json(json, relation->name);
	appendStringInfoString(json, ", \"columns\": [");
	while ((member = bms_next_member(relation->columns, member)) >= 0)
	{
		AttrNumber	number = member + FirstLowInvalidHeapAttributeNumber;
		char	   *name = number == 0 ? "*" :
			get_attname(relation->oid, number, true);

		if (name == NULL)
			continue;
		appendStringInfoString(json, separator);
		escape_json(json, name);
		separator = ", ";
	}
	appendStringInfoString(json, "]}");
}
