/*
 * columns.c
 *		Which columns of the source are features, and the statement that reads
 *		them.
 *
 * Never features: what the target reads (it would be learnt from itself), and
 * columns with other roles, see roles.c.  The event time yields its parts like
 * any other timestamp, never the moment itself.  Only the columns that are
 * needed stand in the statement, so that the rest is not fetched from disk or
 * toast.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "data/plan.h"
#include "lib/stringinfo.h"
#include "parser/parse_coerce.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* What is known of a column of the source while choosing. */
typedef struct Choice
{
	const MlopsSource *source;
	Bitmapset  *listed;			/* features as given */
	Bitmapset  *excluded;
	const MlopsRoles *roles;
} Choice;

static Bitmapset *find_columns(const MlopsSource *source, List *names);
static Bitmapset *find_excluded(const MlopsSource *source, List *names);
static void check_listed(const Choice *choice);
static bool is_candidate(const Choice *choice, int column, bool all);
static List *choose(const Choice *choice, bool all);
static void unusable_error(const MlopsSource *source, List *unusable);
static const char *way_out(const MlopsColumn *column);
static bool has_cast(Oid from, Oid to);
static void make_signature(MlopsSignature *signature,
						   const MlopsSource *source,
						   const MlopsExpression *target, List *chosen);
static void measure_arrays(MlopsSignature *signature,
						   const MlopsSource *source,
						   const MlopsExpression *target, List *chosen);
static void check_feature_names(const MlopsSignature *signature);
static int	compare_names(const void *a, const void *b);
static void make_fields(MlopsDatasetPlan *plan,
						const MlopsSignature *signature,
						const MlopsSource *source, List *chosen);
static List *choose_fixed(Choice *choice, const MlopsDatasetRequest *request);
static void make_fixed(MlopsDataset *dataset, const MlopsSignature *fixed);
static void describe(MlopsDatasetPlan *plan, const MlopsSource *source,
					 const MlopsExpression *target, List *selected,
					 List *expressions);
static void bind_encoder(MlopsDatasetPlan *plan,
						 const MlopsSignature *signature,
						 const MlopsSource *source, List *selected);
static char *compose(const MlopsSource *source, const char *target,
					 List *selected, List *expressions, const char *order);

void
mlops_columns_choose(MlopsDataset *dataset,
					 const MlopsDatasetRequest *request,
					 const MlopsSource *source,
					 const MlopsExpression *target)
{
	MlopsDatasetPlan *plan = dataset->plan;
	Choice		choice = {0};
	List	   *chosen = NIL;
	List	   *selected;
	List	   *expressions;
	ListCell   *cell;

	choice.source = source;
	choice.roles = mlops_roles_find(plan, request, source, target);
	choice.listed = find_columns(source, request->features);
	choice.excluded = find_excluded(source, request->exclude);
	if (request->fixed != NULL)
		chosen = choose_fixed(&choice, request);
	check_listed(&choice);
	if (request->fixed == NULL)
		chosen = choose(&choice, request->features == NIL);

	if (request->fixed == NULL)
		make_signature(dataset->signature, source, target, chosen);
	else
		*dataset->signature = *request->fixed;
	make_fields(plan, dataset->signature, source, chosen);
	if (request->fixed != NULL)
		make_fixed(dataset, request->fixed);

	selected = list_copy(chosen);
	mlops_roles_bind(plan, choice.roles, &selected);
	foreach(cell, request->also)
		(void) mlops_select_column(&selected,
								   mlops_source_column(source, lfirst(cell)));
	expressions = mlops_roles_expressions(plan, choice.roles,
										  list_length(selected) + 1);
	plan->tap = request->tap;
	plan->tap_arg = request->tap_arg;
	dataset->query = compose(source, target->text, selected, expressions,
							 mlops_roles_order(plan, choice.roles));
	describe(plan, source, target, selected, expressions);
	if (request->fixed != NULL)
		bind_encoder(plan, dataset->signature, source, selected);
}

/*
 * Types of the statement's columns: the target, the selected ones, the
 * expressions.
 */
static void
describe(MlopsDatasetPlan *plan, const MlopsSource *source,
		 const MlopsExpression *target, List *selected, List *expressions)
{
	ListCell   *cell;
	int			n = 0;

	plan->n_attributes = 1 + list_length(selected) + list_length(expressions);
	plan->types = palloc(sizeof(Oid) * plan->n_attributes);
	plan->types[n++] = target->type;
	foreach(cell, selected)
		plan->types[n++] = source->columns[lfirst_int(cell)].type;
	foreach(cell, expressions)
		plan->types[n++] = ((MlopsExpression *) lfirst(cell))->type;
}

/*
 * Indexes of the columns of a fixed signature, in its order, which become the
 * listed ones.  42703 for one that is missing, 22023 if other features are
 * asked for.
 */
static List *
choose_fixed(Choice *choice, const MlopsDatasetRequest *request)
{
	List	   *chosen = NIL;
	Bitmapset  *fixed = NULL;

	for (int i = 0; i < request->fixed->n_inputs; i++)
	{
		int			column = mlops_source_column(choice->source,
												 request->fixed->inputs[i].name);

		chosen = lappend_int(chosen, column);
		fixed = bms_add_member(fixed, column);
	}
	if (request->features != NIL && !bms_equal(fixed, choice->listed))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("features differ from those of the version to start from"),
				 errdetail("It has %d input columns, %d are listed.",
						   bms_num_members(fixed),
						   bms_num_members(choice->listed)),
				 errhint("Leave features out: they are those of the version.")));
	choice->listed = fixed;
	return chosen;
}

/*
 * Fields of a fixed signature: an encoder reads them, their dictionaries hold
 * the categories of the signature and only count.
 */
static void
make_fixed(MlopsDataset *dataset, const MlopsSignature *fixed)
{
	MlopsDatasetPlan *plan = dataset->plan;

	for (int i = 0; i < fixed->n_inputs; i++)
	{
		const MlopsInput *input = &fixed->inputs[i];

		if (plan->fields[i].dictionary == NULL)
			continue;
		for (int k = 0; k < input->n_categories; k++)
			(void) mlops_dictionary_add(plan->fields[i].dictionary,
										input->categories[k],
										strlen(input->categories[k]));
	}
}

/*
 * An encoder over the rows of the statement.  The target has no name there,
 * so that it is taken for no feature.
 */
static void
bind_encoder(MlopsDatasetPlan *plan, const MlopsSignature *signature,
			 const MlopsSource *source, List *selected)
{
	TupleDesc	row = CreateTemplateTupleDesc(list_length(selected) + 1);
	ListCell   *cell;

	TupleDescInitEntry(row, 1, "", plan->types[0], -1, 0);
	foreach(cell, selected)
	{
		const MlopsColumn *column = &source->columns[lfirst_int(cell)];

		TupleDescInitEntry(row, foreach_current_index(cell) + 2,
						   column->name, column->type, column->typmod, 0);
	}
	plan->encoder = mlops_encoder_bind(signature, row);
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
 * Refuse features that were asked for and cannot be had.
 */
static void
check_listed(const Choice *choice)
{
	int			column = -1;

	while ((column = bms_next_member(choice->listed, column)) >= 0)
	{
		const char *name = choice->source->columns[column].name;
		const char *why = mlops_roles_why_never(choice->roles, column);

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
 * Is the column to be a feature, if its type can be one?
 */
static bool
is_candidate(const Choice *choice, int column, bool all)
{
	if (mlops_roles_why_never(choice->roles, column) != NULL ||
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
			 errhint("In a query, select what is of use in it, such as %s; or use exclude => %s.",
					 way_out(first), names.data) :
			 errhint("In a query, select what is of use in it, such as %s; or use exclude => ARRAY[%s].",
					 way_out(first), names.data)));
}

/*
 * An expression that makes a feature of a column whose type cannot be one.
 */
static const char *
way_out(const MlopsColumn *column)
{
	static const struct
	{
		Oid			type;
		const char *format;
	}			known[] = {
		{JSONOID, "(%s->>'field')::float8"},
		{JSONBOID, "(%s->>'field')::float8"},
		{XMLOID, "(xpath('/doc/field/text()', %s))[1]::text::float8"},
		{BYTEAOID, "length(%s)"},
		{TSVECTOROID, "(%s @@ to_tsquery('word'))"},
		{POINTOID, "%s[0]"},
		{LSEGOID, "@-@ %s"},
		{PATHOID, "@-@ %s"},
		{BOXOID, "area(%s)"},
		{CIRCLEOID, "area(%s)"},
		{POLYGONOID, "area(%s::path)"},
		{LINEOID, "%s::text"},
		{MONEYOID, "%s::numeric"},
	};
	static const struct
	{
		Oid			type;
		const char *format;
	}			casts[] = {
		{FLOAT4ARRAYOID, "%s::real[]"},
		{FLOAT8OID, "%s::float8"},
	};
	const char *name = quote_identifier(column->name);
	Oid			type = getBaseType(column->type);
	const char *format = "%s::text";

	if (type_is_array(type))
		format = "cardinality(%s)";
	else if (type_is_multirange(type))
		format = "range_merge(%s)";
	else if (type_is_range(type))
		format = "lower(%s)::text";
	else if (type_is_rowtype(type))
		format = "(%s).field";
	for (int i = lengthof(casts) - 1; i >= 0; i--)
		if (has_cast(type, casts[i].type))
			format = casts[i].format;
	for (int i = 0; i < lengthof(known); i++)
		if (known[i].type == type)
			format = known[i].format;
	return psprintf(format, name);
}

/*
 * Does a cast lead from one type to the other that is more than output and
 * input of the text?
 */
static bool
has_cast(Oid from, Oid to)
{
	Oid			function;
	CoercionPathType path = find_coercion_pathway(to, from,
												  COERCION_EXPLICIT,
												  &function);

	return path == COERCION_PATH_FUNC || path == COERCION_PATH_RELABELTYPE;
}

/*
 * The signature of the chosen columns, yet without categories.
 */
static void
make_signature(MlopsSignature *signature, const MlopsSource *source,
			   const MlopsExpression *target, List *chosen)
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
		if (MLOPS_KIND_HAS_ZONE(input->kind))
			signature->time_zone =
				pstrdup(pg_get_timezone_name(session_timezone));
	}
	measure_arrays(signature, source, target, chosen);
	mlops_signature_lay_out(signature);
	check_feature_names(signature);
}

/*
 * Find out how many features each array is.
 */
static void
measure_arrays(MlopsSignature *signature, const MlopsSource *source,
			   const MlopsExpression *target, List *chosen)
{
	int		   *lengths = palloc(sizeof(int) * source->n_columns);
	List	   *arrays = NIL;
	int64		n = 0;
	ListCell   *cell;

	memset(lengths, -1, sizeof(int) * source->n_columns);
	foreach(cell, chosen)
		if (MLOPS_KIND_IS_ARRAY(signature->inputs[foreach_current_index(cell)].kind))
			arrays = lappend_int(arrays, lfirst_int(cell));
	if (arrays == NIL)
		return;

	mlops_array_lengths(source, target->text, arrays, lengths);
	foreach(cell, chosen)
	{
		MlopsInput *input = &signature->inputs[foreach_current_index(cell)];

		if (!MLOPS_KIND_IS_ARRAY(input->kind))
			continue;
		input->n_features = lengths[lfirst_int(cell)];
		n += input->n_features;
		if (n > MLOPS_MAX_FEATURES)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("array column \"%s\" has too many elements",
							input->name),
					 errdetail("The arrays up to it have %lld elements together; there may be %d features.",
							   (long long) n, MLOPS_MAX_FEATURES)));
	}
	pfree(lengths);
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
		mlops_field_bind(field, type, &signature->inputs[i],
						 signature->time_zone);
		if (field->kind == MLOPS_INPUT_CATEGORY)
		{
			field->dictionary = mlops_dictionary_create();
			plan->n_dictionaries++;
		}
	}
}

/*
 * The statement: the target, the selected columns, the expressions.
 */
static char *
compose(const MlopsSource *source, const char *target, List *selected,
		List *expressions, const char *order)
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
	/* names that no feature has, for who looks columns up by name */
	foreach(cell, expressions)
		appendStringInfo(&query, ", %s AS \"mlops expression %d\"",
						 ((MlopsExpression *) lfirst(cell))->text,
						 foreach_current_index(cell) + 1);
	appendStringInfo(&query, " FROM %s", source->from);
	if (order != NULL)
		appendStringInfo(&query, " ORDER BY %s", order);
	return query.data;
}
