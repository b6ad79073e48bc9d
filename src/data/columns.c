/*
 * columns.c
 *		Which columns of the source are features, and the statement that reads
 *		them.
 *
 * Never features: what the target reads (it would be learnt from itself), the
 * key, the weight.  The event time yields its parts like any other timestamp,
 * never the moment itself.  Only the columns that are needed stand in the
 * statement, so that the rest is not fetched from disk or toast.
 */
#include "postgres.h"

#include "base/base.h"
#include "data/plan.h"
#include "lib/stringinfo.h"
#include "pgtime.h"
#include "utils/builtins.h"

/* What is known of a column of the source while choosing. */
typedef struct Choice
{
	const MlopsSource *source;
	Bitmapset  *listed;			/* features as given */
	Bitmapset  *excluded;
	Bitmapset  *key;
	int			weight;			/* index, or -1 */
	int			time;			/* index, or -1 */
	const MlopsExpression *target;
} Choice;

static Bitmapset *find_columns(const MlopsSource *source, List *names);
static Bitmapset *find_excluded(const MlopsSource *source, List *names);
static int	find_column(const MlopsSource *source, const char *name);
static void check_listed(const Choice *choice);
static const char *why_never(const Choice *choice, int column);
static bool is_candidate(const Choice *choice, int column, bool all);
static List *choose(const Choice *choice, bool all);
static void unusable_error(const MlopsSource *source, List *unusable);
static void make_signature(MlopsSignature *signature,
						   const MlopsSource *source, List *chosen);
static void check_feature_names(const MlopsSignature *signature);
static int	compare_names(const void *a, const void *b);
static void make_fields(MlopsDatasetPlan *plan,
						const MlopsSignature *signature,
						const MlopsSource *source, List *chosen);
static void bind_roles(MlopsDatasetPlan *plan, const Choice *choice,
					   List **selected);
static int	select_column(List **selected, int column);
static char *compose(const MlopsSource *source, const char *target,
					 List *selected);

void
mlops_columns_choose(MlopsDataset *dataset,
					 const MlopsDatasetRequest *request,
					 const MlopsSource *source,
					 const MlopsExpression *target)
{
	MlopsDatasetPlan *plan = dataset->plan;
	Choice		choice = {0};
	List	   *chosen;
	List	   *selected;
	ListCell   *cell;

	choice.source = source;
	choice.target = target;
	choice.listed = find_columns(source, request->features);
	choice.excluded = find_excluded(source, request->exclude);
	choice.key = find_columns(source, request->key);
	choice.weight = find_column(source, request->weight);
	choice.time = find_column(source, request->event_time);
	check_listed(&choice);
	chosen = choose(&choice, request->features == NIL);

	make_signature(dataset->signature, source, chosen);
	make_fields(plan, dataset->signature, source, chosen);
	selected = list_copy(chosen);
	bind_roles(plan, &choice, &selected);
	foreach(cell, request->also)
		(void) select_column(&selected,
							 mlops_source_column(source, lfirst(cell)));
	plan->tap = request->tap;
	plan->tap_arg = request->tap_arg;
	dataset->query = compose(source, target->text, selected);

	plan->n_attributes = list_length(selected) + 1;
	plan->types = palloc(sizeof(Oid) * plan->n_attributes);
	plan->types[0] = target->type;
	foreach(cell, selected)
		plan->types[foreach_current_index(cell) + 1] =
			source->columns[lfirst_int(cell)].type;
}

/*
 * Indexes of columns by a list of names; an unknown name is an error.
 */
static Bitmapset *
find_columns(const MlopsSource *source, List *names)
{
	Bitmapset  *result = NULL;
	ListCell   *cell;

	foreach(cell, names)
		result = bms_add_member(result,
								mlops_source_column(source, lfirst(cell)));
	return result;
}

/*
 * The same for excluded columns, where a name may mean more than one.
 */
static Bitmapset *
find_excluded(const MlopsSource *source, List *names)
{
	Bitmapset  *result = NULL;
	ListCell   *cell;

	foreach(cell, names)
	{
		int			n = bms_num_members(result);

		for (int i = 0; i < source->n_columns; i++)
			if (strcmp(source->columns[i].name, lfirst(cell)) == 0)
				result = bms_add_member(result, i);
		/* none, or one that was listed before */
		if (bms_num_members(result) == n)
			(void) mlops_source_column(source, lfirst(cell));
	}
	return result;
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
 * Refuse features that were asked for and cannot be had.
 */
static void
check_listed(const Choice *choice)
{
	int			column = -1;

	while ((column = bms_next_member(choice->listed, column)) >= 0)
	{
		const char *name = choice->source->columns[column].name;
		const char *why = why_never(choice, column);

		if (bms_is_member(column, choice->excluded))
			why = "It is excluded as well.";
		if (why != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" cannot be a feature", name),
					 errdetail("%s", why)));
	}
}

/*
 * Why a column is never a feature; NULL if it may be one.
 */
static const char *
why_never(const Choice *choice, int column)
{
	if (choice->target->whole_row ||
		bms_is_member(column, choice->target->reads))
		return "The target is computed from it.";
	if (bms_is_member(column, choice->key))
		return "It belongs to the key.";
	if (column == choice->weight)
		return "It is the weight.";
	return NULL;
}

/*
 * Is the column to be a feature, if its type can be one?
 */
static bool
is_candidate(const Choice *choice, int column, bool all)
{
	if (why_never(choice, column) != NULL ||
		bms_is_member(column, choice->excluded))
		return false;
	return all || bms_is_member(column, choice->listed);
}

/*
 * Indexes of the columns that become features, in the source's order.
 */
static List *
choose(const Choice *choice, bool all)
{
	const MlopsSource *source = choice->source;
	List	   *chosen = NIL;
	List	   *unusable = NIL;
	MlopsConversion conversion;

	for (int i = 0; i < source->n_columns; i++)
	{
		if (!is_candidate(choice, i, all))
			continue;
		/* finds out whether the name is there twice */
		(void) mlops_source_column(source, source->columns[i].name);
		if (mlops_conversion_of(source->columns[i].type, &conversion))
			chosen = lappend_int(chosen, i);
		else
			unusable = lappend_int(unusable, i);
	}
	if (unusable != NIL)
		unusable_error(source, unusable);
	if (chosen == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("source has no column that can be a feature"),
				 errdetail("Columns of target, key and weight, and excluded ones, are left out.")));
	return chosen;
}

/*
 * Name the first column whose type is of no use, and exclude all of them in
 * the hint.
 */
static void
unusable_error(const MlopsSource *source, List *unusable)
{
	const MlopsColumn *first = &source->columns[linitial_int(unusable)];
	StringInfoData names;
	ListCell   *cell;

	initStringInfo(&names);
	foreach(cell, unusable)
	{
		const MlopsColumn *column = &source->columns[lfirst_int(cell)];

		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
						 quote_literal_cstr(column->name));
	}
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("column \"%s\" of type %s cannot be a feature",
					first->name,
					format_type_with_typemod(first->type, first->typmod)),
			 list_length(unusable) == 1 ?
			 errhint("Use exclude => %s, or cast it to a number, text or timestamp in a query.",
					 names.data) :
			 errhint("Use exclude => ARRAY[%s], or cast them to numbers, text or timestamps in a query.",
					 names.data)));
}

/*
 * The signature of the chosen columns, yet without categories.
 */
static void
make_signature(MlopsSignature *signature, const MlopsSource *source,
			   List *chosen)
{
	ListCell   *cell;

	signature->n_inputs = list_length(chosen);
	signature->inputs = palloc0(sizeof(MlopsInput) * signature->n_inputs);
	foreach(cell, chosen)
	{
		const MlopsColumn *column = &source->columns[lfirst_int(cell)];
		MlopsInput *input = &signature->inputs[foreach_current_index(cell)];
		MlopsConversion conversion;

		(void) mlops_conversion_of(column->type, &conversion);
		input->name = pstrdup(column->name);
		input->type_name = format_type_with_typemod(column->type,
													column->typmod);
		input->kind = mlops_conversion_kind(conversion);
		if (input->kind == MLOPS_INPUT_TIMESTAMPTZ)
			signature->time_zone =
				pstrdup(pg_get_timezone_name(session_timezone));
	}
	mlops_signature_lay_out(signature);
	check_feature_names(signature);
}

/*
 * Two features may get one name only by a column that is called like a part
 * of another: "at.hour" beside a timestamp "at".
 */
static void
check_feature_names(const MlopsSignature *signature)
{
	int			n = signature->n_features;
	char	  **names = palloc(sizeof(char *) * n);

	memcpy(names, signature->feature_names, sizeof(char *) * n);
	qsort(names, n, sizeof(char *), compare_names);
	for (int i = 1; i < n; i++)
		if (strcmp(names[i - 1], names[i]) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("two features would be called \"%s\"", names[i]),
					 errhint("Use exclude => %s, or rename the column in a query.",
							 quote_literal_cstr(names[i]))));
	pfree(names);
}

/*
 * qsort() comparator of strings.
 */
static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/*
 * The fields that convert the chosen columns, which follow the target in the
 * statement.
 */
static void
make_fields(MlopsDatasetPlan *plan, const MlopsSignature *signature,
			const MlopsSource *source, List *chosen)
{
	ListCell   *cell;

	plan->n_fields = signature->n_inputs;
	plan->fields = palloc0(sizeof(MlopsField) * plan->n_fields);
	foreach(cell, chosen)
	{
		int			i = foreach_current_index(cell);
		MlopsField *field = &plan->fields[i];
		Oid			type = source->columns[lfirst_int(cell)].type;

		(void) mlops_conversion_of(type, &field->conversion);
		field->attribute = i + 1;
		field->kind = signature->inputs[i].kind;
		field->first_feature = signature->inputs[i].first_feature;
		field->n_features = signature->inputs[i].n_features;
		if (field->kind == MLOPS_INPUT_CATEGORY)
		{
			field->dictionary = mlops_dictionary_create();
			plan->n_dictionaries++;
		}
		if (field->conversion == MLOPS_FROM_ENUM)
			field->labels = mlops_enum_labels(type, &field->n_labels);
		if (field->conversion == MLOPS_FROM_TIMESTAMPTZ)
			field->zone = mlops_time_zone(signature->time_zone);
	}
}

/*
 * Bind weight, event time and key to columns of the statement; those that
 * are no features are added to it.
 */
static void
bind_roles(MlopsDatasetPlan *plan, const Choice *choice, List **selected)
{
	const MlopsColumn *columns = choice->source->columns;
	int			column = -1;

	plan->weight = -1;
	plan->time = -1;
	if (choice->weight >= 0)
	{
		plan->weight_name = pstrdup(columns[choice->weight].name);
		if (bms_is_member(choice->weight, choice->target->reads))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" cannot be the weight",
							plan->weight_name),
					 errdetail("The target is computed from it.")));
		if (!mlops_conversion_of(columns[choice->weight].type,
								 &plan->weight_conversion) ||
			!MLOPS_IS_NUMBER(plan->weight_conversion))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("weight column \"%s\" is no number",
							plan->weight_name)));
		plan->weight = select_column(selected, choice->weight);
	}
	if (choice->time >= 0)
	{
		plan->time_name = pstrdup(columns[choice->time].name);
		if (!mlops_conversion_of(columns[choice->time].type,
								 &plan->time_conversion) ||
			plan->time_conversion < MLOPS_FROM_DATE ||
			plan->time_conversion > MLOPS_FROM_TIMESTAMPTZ)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("event time \"%s\" is no date or timestamp",
							plan->time_name)));
		plan->time = select_column(selected, choice->time);
	}

	plan->key = palloc0(sizeof(MlopsKeyPart) *
						Max(bms_num_members(choice->key), 1));
	while ((column = bms_next_member(choice->key, column)) >= 0)
		mlops_key_bind(&plan->key[plan->n_key++], columns[column].type,
					   select_column(selected, column));
}

/*
 * The place of a column of the source among those of the statement, where it
 * is added unless it stands there.  The target is at 0.
 */
static int
select_column(List **selected, int column)
{
	ListCell   *cell;

	foreach(cell, *selected)
		if (lfirst_int(cell) == column)
			return foreach_current_index(cell) + 1;
	*selected = lappend_int(*selected, column);
	return list_length(*selected);
}

/*
 * The statement: the target, then the selected columns.
 */
static char *
compose(const MlopsSource *source, const char *target, List *selected)
{
	StringInfoData query;
	ListCell   *cell;

	initStringInfo(&query);
	appendStringInfo(&query, "SELECT %s", target);
	foreach(cell, selected)
	{
		const MlopsColumn *column = &source->columns[lfirst_int(cell)];

		appendStringInfo(&query, ", %s", quote_identifier(column->name));
	}
	appendStringInfo(&query, " FROM %s", source->from);
	return query.data;
}
