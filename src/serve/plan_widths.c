/*
 * plan_widths.c
 *		How wide columns are, where a plan predicts.
 *
 * The planner asks the statistics of every column that a query reads for its
 * average width, and those that a session asks for the first time it reads
 * from the catalog: with the twenty columns of a model that takes longer than
 * all else of a first prediction.  For columns of fixed length the answer is
 * known: it is their length, whatever the statistics.  So plans stay the same.
 */
#include "postgres.h"

#include "access/table.h"
#include "nodes/pathnodes.h"
#include "optimizer/plancat.h"
#include "serve/planner.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

static get_relation_info_hook_type previous_hook = NULL;

static void fill_widths(PlannerInfo *root, Oid relation, bool inhparent,
						RelOptInfo *rel);

void
mlops_plan_widths_init(void)
{
	previous_hook = get_relation_info_hook;
	get_relation_info_hook = fill_widths;
}

/*
 * The hook: when the planner begins with a relation, which it has locked.
 * Somebody else may know better about widths.
 */
static void
fill_widths(PlannerInfo *root, Oid relation, bool inhparent, RelOptInfo *rel)
{
	Relation	table;
	TupleDesc	columns;

	if (previous_hook)
		previous_hook(root, relation, inhparent, rel);
	if (rel->attr_widths == NULL || get_attavgwidth_hook != NULL ||
		!mlops_planning_is_bound(root->glob))
		return;
	table = table_open(relation, NoLock);
	columns = RelationGetDescr(table);
	for (int i = 0; i < columns->natts && i < rel->max_attr; i++)
	{
		Form_pg_attribute column = TupleDescAttr(columns, i);
		int32	   *width = &rel->attr_widths[i + 1 - rel->min_attr];

		if (!column->attisdropped && column->attlen > 0 && *width <= 0)
			*width = column->attlen;
	}
	table_close(table, NoLock);
}
