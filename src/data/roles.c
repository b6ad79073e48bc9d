/*
 * roles.c
 *		Columns that are no features: target, key, weight, times, groups,
 *		margins, splits.
 *
 * They are found in the source before features are chosen, and bound to the
 * statement afterwards.  The split is settled here, for it hangs on which of
 * them are given: by time if there is an event time, else by group if there
 * are query groups, else by hash.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "data/plan.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

static int	find_column(const MlopsSource *source, const char *name);
static const MlopsExpression *find_expression(const MlopsSource *source,
											  const char *what,
											  const char *text);
static void check_balanced(const MlopsTarget *target,
						   const MlopsDatasetRequest *request);
static void settle_split(MlopsDatasetPlan *plan,
						 const MlopsDatasetRequest *request);
static void check_split_arguments(const MlopsDatasetRequest *request,
								  MlopsSplit split);
static void check_group_split(MlopsSplit split);
static int	bind_number(const MlopsRoles *roles, int column,
						List **selected, const char *what, char **name,
						MlopsConversion *conversion);
static void refuse_target(const MlopsRoles *roles, int column,
						  const char *what);
static void bind_time(MlopsDatasetPlan *plan, const MlopsRoles *roles,
					  List **selected);
static void bind_group(MlopsDatasetPlan *plan, const MlopsRoles *roles,
					   List **selected);
static void bind_margin(MlopsDatasetPlan *plan, const MlopsRoles *roles,
						List **selected);
static void bind_split(MlopsDatasetPlan *plan, const MlopsRoles *roles,
					   List **selected);

MlopsRoles *
mlops_roles_find(MlopsDatasetPlan *plan, const MlopsDatasetRequest *request,
				 const MlopsSource *source, const MlopsExpression *target)
{
	MlopsRoles *roles = palloc0(sizeof(MlopsRoles));
	ListCell   *cell;

	check_balanced(plan->target, request);
	settle_split(plan, request);
	plan->cox = request->cox;
	plan->balanced = request->balanced;

	roles->source = source;
	roles->target = target;
	foreach(cell, request->key)
		roles->key = bms_add_member(roles->key,
									mlops_source_column(source, lfirst(cell)));
	roles->weight = find_column(source, request->weight);
	roles->time = find_column(source, request->event_time);
	roles->group = find_column(source, request->query_group);
	roles->margin = find_column(source, request->base_margin);
	roles->split = find_column(source, request->split_column);
	roles->upper = find_expression(source, "target_upper",
								   request->target_upper);
	roles->observed = find_expression(source, "event_observed",
									  request->event_observed);
	return roles;
}

const char *
mlops_roles_why_never(const MlopsRoles *roles, int column)
{
	if (roles->target->whole_row ||
		bms_is_member(column, roles->target->reads))
		return "The target is computed from it.";
	if (roles->upper != NULL &&
		(roles->upper->whole_row ||
		 bms_is_member(column, roles->upper->reads)))
		return "The upper bound of the target is computed from it.";
	if (roles->observed != NULL &&
		(roles->observed->whole_row ||
		 bms_is_member(column, roles->observed->reads)))
		return "Whether the event was observed is computed from it.";
	if (bms_is_member(column, roles->key))
		return "It belongs to the key.";
	if (column == roles->weight)
		return "It is the weight.";
	if (column == roles->group)
		return "It is the query group.";
	if (column == roles->margin)
		return "It is the base margin.";
	if (column == roles->split)
		return "It is the split column.";
	return NULL;
}

void
mlops_roles_bind(MlopsDatasetPlan *plan, const MlopsRoles *roles,
				 List **selected)
{
	const MlopsColumn *columns = roles->source->columns;
	int			column = -1;

	plan->weight = bind_number(roles, roles->weight, selected, "weight",
							   &plan->weight_name, &plan->weight_conversion);
	bind_time(plan, roles, selected);
	plan->key = palloc0(sizeof(MlopsKeyPart) *
						Max(bms_num_members(roles->key), 1));
	while ((column = bms_next_member(roles->key, column)) >= 0)
		mlops_key_bind(&plan->key[plan->n_key++], columns[column].type,
					   mlops_select_column(selected, column));
	bind_group(plan, roles, selected);
	bind_margin(plan, roles, selected);
	bind_split(plan, roles, selected);
}

List *
mlops_roles_expressions(MlopsDatasetPlan *plan, const MlopsRoles *roles,
						int n_attributes)
{
	List	   *expressions = NIL;

	plan->upper = -1;
	plan->observed = -1;
	if (roles->upper != NULL)
	{
		if (!mlops_conversion_of(roles->upper->type,
								 &plan->upper_conversion) ||
			!MLOPS_IS_NUMBER(plan->upper_conversion))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("target_upper is no number"),
					 errdetail("It is of type %s.",
							   format_type_be(roles->upper->type))));
		plan->upper = n_attributes++;
		expressions = lappend(expressions, (void *) roles->upper);
	}
	if (roles->observed != NULL)
	{
		if (getBaseType(roles->observed->type) != BOOLOID)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("event_observed is no boolean"),
					 errdetail("It is of type %s.",
							   format_type_be(roles->observed->type)),
					 errhint("Use a condition, such as status = 'dead'.")));
		plan->observed = n_attributes++;
		expressions = lappend(expressions, (void *) roles->observed);
	}
	return expressions;
}

/*
 * An expression means columns of the source, a number one of the statement:
 * text is ordered by its bytes, in every database and locale.
 */
char *
mlops_roles_order(const MlopsDatasetPlan *plan, const MlopsRoles *roles)
{
	const MlopsColumn *column;

	if (plan->group < 0)
		return NULL;
	column = &roles->source->columns[roles->group];
	if (OidIsValid(get_typcollation(column->type)))
		return psprintf("%s COLLATE pg_catalog.\"C\"",
						quote_identifier(column->name));
	return psprintf("%d", plan->group + 1);
}

int
mlops_select_column(List **selected, int column)
{
	ListCell   *cell;

	foreach(cell, *selected)
		if (lfirst_int(cell) == column)
			return foreach_current_index(cell) + 1;
	*selected = lappend_int(*selected, column);
	return list_length(*selected);
}

/*
 * Index of a column by its name, -1 for none given.
 */
static int
find_column(const MlopsSource *source, const char *name)
{
	return name == NULL ? -1 : mlops_source_column(source, name);
}

/*
 * An expression over the source, NULL for none given.
 */
static const MlopsExpression *
find_expression(const MlopsSource *source, const char *what, const char *text)
{
	return text == NULL ? NULL : mlops_source_expression(source, what, text);
}

/*
 * Refuse balanced weights where the task is given and has no classes.
 */
static void
check_balanced(const MlopsTarget *target, const MlopsDatasetRequest *request)
{
	if (request->balanced && !target->inferred &&
		target->task != MLOPS_BINARY && target->task != MLOPS_MULTICLASS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("balanced weights need classes"),
				 errdetail("The task is %s.",
						   mlops_task_name(target->task))));
}

/*
 * Choose the split, and check it against the other arguments.
 */
static void
settle_split(MlopsDatasetPlan *plan, const MlopsDatasetRequest *request)
{
	MlopsSplit	split = request->split;

	if (split == MLOPS_SPLIT_AUTO && request->split_column == NULL)
		split = request->event_time != NULL ? MLOPS_SPLIT_TIME :
			request->query_group != NULL ? MLOPS_SPLIT_GROUP :
			MLOPS_SPLIT_HASH;
	check_split_arguments(request, split);
	if (request->query_group != NULL)
		check_group_split(split);
	plan->split = split;
	if (split == MLOPS_SPLIT_NONE || split == MLOPS_SPLIT_COLUMN)
		plan->validation = plan->test = 0;
}

/*
 * Refuse a split without what it needs, or with what it does not read.
 */
static void
check_split_arguments(const MlopsDatasetRequest *request, MlopsSplit split)
{
	bool		reads = (split == MLOPS_SPLIT_GROUP ||
						 split == MLOPS_SPLIT_COLUMN);

	if (split == MLOPS_SPLIT_TIME && request->event_time == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("split by time needs event_time"),
				 errhint("Name the column that says when a row happened.")));
	if (!reads && request->split_column != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("split_column needs a split that reads it"),
				 errhint("Use split => 'group' or split => 'column'.")));
	if (!reads || request->split_column != NULL)
		return;
	if (split == MLOPS_SPLIT_COLUMN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("split by column needs split_column"),
				 errhint("Name a boolean column, true for test, or one that holds train, validation or test.")));
	if (request->query_group == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("split by group needs split_column"),
				 errhint("Name the column whose rows must stay together, such as a customer.")));
}

/*
 * Refuse a split that would tear query groups apart.
 */
static void
check_group_split(MlopsSplit split)
{
	if (split == MLOPS_SPLIT_STRATIFIED)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a stratified split does not keep query groups whole"),
				 errhint("Use split => 'group', 'random' or 'time'.")));
}

/*
 * Bind a column of numbers; its attribute, or -1 for none.
 */
static int
bind_number(const MlopsRoles *roles, int column, List **selected,
			const char *what, char **name, MlopsConversion *conversion)
{
	if (column < 0)
		return -1;
	*name = pstrdup(roles->source->columns[column].name);
	refuse_target(roles, column, what);
	if (!mlops_conversion_of(roles->source->columns[column].type,
							 conversion) || !MLOPS_IS_NUMBER(*conversion))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s column \"%s\" is no number", what, *name),
				 errdetail("It is of type %s.",
						   format_type_be(roles->source->columns[column].type))));
	return mlops_select_column(selected, column);
}

/*
 * Refuse a column that the target reads.
 */
static void
refuse_target(const MlopsRoles *roles, int column, const char *what)
{
	if (roles->target->whole_row ||
		bms_is_member(column, roles->target->reads))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" cannot be the %s",
						roles->source->columns[column].name, what),
				 errdetail("The target is computed from it.")));
}

/*
 * Bind the event time.
 */
static void
bind_time(MlopsDatasetPlan *plan, const MlopsRoles *roles, List **selected)
{
	const MlopsColumn *column;

	plan->time = -1;
	if (roles->time < 0)
		return;
	column = &roles->source->columns[roles->time];
	plan->time_name = pstrdup(column->name);
	if (!mlops_conversion_of(column->type, &plan->time_conversion) ||
		plan->time_conversion < MLOPS_FROM_DATE ||
		plan->time_conversion > MLOPS_FROM_TIMESTAMPTZ)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("event time \"%s\" is no date or timestamp",
						plan->time_name),
				 errdetail("It is of type %s.",
						   format_type_be(column->type))));
	plan->time = mlops_select_column(selected, roles->time);
}

/*
 * Bind the query group: of any type that has an order.
 */
static void
bind_group(MlopsDatasetPlan *plan, const MlopsRoles *roles, List **selected)
{
	const MlopsColumn *column;

	plan->group = -1;
	if (roles->group < 0)
		return;
	column = &roles->source->columns[roles->group];
	plan->group_name = pstrdup(column->name);
	refuse_target(roles, roles->group, "query group");
	if (!OidIsValid(lookup_type_cache(column->type,
									  TYPECACHE_LT_OPR)->lt_opr))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("query_group \"%s\" is of a type without an order",
						plan->group_name),
				 errdetail("It is of type %s.",
						   format_type_be(column->type)),
				 errhint("Cast it to text in a query.")));
	plan->group = mlops_select_column(selected, roles->group);
	mlops_key_bind(&plan->group_part, column->type, plan->group);
}

/*
 * Bind the base margin: a number, or an array of numbers.
 */
static void
bind_margin(MlopsDatasetPlan *plan, const MlopsRoles *roles, List **selected)
{
	const MlopsColumn *column;
	Oid			type;

	plan->margin = -1;
	if (roles->margin < 0)
		return;
	column = &roles->source->columns[roles->margin];
	type = get_base_element_type(column->type);
	if (!OidIsValid(type))
	{
		plan->margin = bind_number(roles, roles->margin, selected,
								   "base_margin", &plan->margin_name,
								   &plan->margin_conversion);
		return;
	}
	plan->margin_name = pstrdup(column->name);
	refuse_target(roles, roles->margin, "base margin");
	if (!mlops_conversion_of(type, &plan->margin_conversion) ||
		!MLOPS_IS_NUMBER(plan->margin_conversion))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("base_margin \"%s\" is no array of numbers",
						plan->margin_name),
				 errdetail("It is of type %s.",
						   format_type_be(column->type))));
	plan->margin_element = type;
	get_typlenbyvalalign(type, &plan->margin_length, &plan->margin_by_value,
						 &plan->margin_align);
	plan->margin = mlops_select_column(selected, roles->margin);
}

/*
 * Bind the split column: of any type for groups, else boolean or text.
 */
static void
bind_split(MlopsDatasetPlan *plan, const MlopsRoles *roles, List **selected)
{
	const MlopsColumn *column;

	plan->split_column = -1;
	if (roles->split < 0)
		return;
	column = &roles->source->columns[roles->split];
	plan->split_name = pstrdup(column->name);
	if (plan->split == MLOPS_SPLIT_COLUMN &&
		(!mlops_conversion_of(column->type, &plan->split_conversion) ||
		 (plan->split_conversion != MLOPS_FROM_BOOL &&
		  !MLOPS_IS_CATEGORY(plan->split_conversion))))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("split_column \"%s\" is neither boolean nor text",
						plan->split_name),
				 errdetail("It is of type %s.",
						   format_type_be(column->type))));
	plan->split_column = mlops_select_column(selected, roles->split);
	mlops_key_bind(&plan->split_part, column->type, plan->split_column);
}
