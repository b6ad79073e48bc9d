/*
 * target.c
 *		The target: its values into labels, its task, its classes.
 *
 * The task, unless it is given: booleans are binary; numbers are regression,
 * but binary if there are just two distinct ones; anything else is a class,
 * binary if there are two and multiclass if there are more.
 *
 * A number whose task is open starts as if it were binary.  When the third
 * distinct value comes, which is soon, the labels so far are rewritten as
 * numbers.  So one pass over the source is enough.
 */
#include "postgres.h"

#include "data/target.h"
#include "math/hash.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

/* libxgboost takes 2^label for an integer, and refuses larger labels. */
#define MAX_GRADE	31

static bool given_task(const MlopsDatasetRequest *request, MlopsTask *task);
static bool in_range(MlopsLabelRange range, double number);
static void set_mode(MlopsTarget *target);
static float number_label(MlopsTarget *target, Datum value, uint64 *hash);
static float code_label(MlopsTarget *target, Datum value, uint64 *hash);
static float undecided_label(MlopsTarget *target, Datum value,
							 MlopsMatrix *matrix, uint64 *hash);
static void settle_on_numbers(MlopsTarget *target, MlopsMatrix *matrix);
static int	add_label(MlopsTarget *target, const char *bytes, int length);

MlopsTarget *
mlops_target_open(const MlopsExpression *expression,
				  const MlopsDatasetRequest *request)
{
	MlopsTarget *target = palloc0(sizeof(MlopsTarget));

	mlops_label_type_open(&target->type, expression->type);
	target->type_name = format_type_with_typemod(expression->type,
												 expression->typmod);
	target->positive = request->positive;
	target->n_fixed = request->n_fixed_classes;
	target->fixed = request->fixed_classes;
	target->inferred = !given_task(request, &target->task);
	target->range = request->label_range;
	if (!target->inferred && target->task == MLOPS_RANKING &&
		target->range == MLOPS_LABEL_ANY)
		target->range = MLOPS_LABEL_NOT_NEGATIVE;
	/* both bounds are looked at elsewhere */
	if (!target->inferred && target->task == MLOPS_SURVIVAL)
		target->range = MLOPS_LABEL_ANY;
	set_mode(target);
	if (target->positive != NULL && !target->inferred &&
		target->task != MLOPS_BINARY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a positive class needs the task binary"),
				 errdetail("The task given is %s.",
						   mlops_task_name(target->task))));
	return target;
}

float
mlops_target_label(MlopsTarget *target, Datum value, MlopsMatrix *matrix,
				   uint64 *hash)
{
	switch (target->mode)
	{
		case MLOPS_LABEL_NUMBER:
			return number_label(target, value, hash);
		case MLOPS_LABEL_BOOLEAN:
			target->seen[DatumGetBool(value)] = true;
			*hash = DatumGetBool(value);
			return DatumGetBool(value);
		case MLOPS_LABEL_CODE:
			return code_label(target, value, hash);
		case MLOPS_LABEL_UNDECIDED:
			return undecided_label(target, value, matrix, hash);
	}
	return 0;
}

const char *
mlops_task_name(MlopsTask task)
{
	switch (task)
	{
		case MLOPS_BINARY:
			return "binary";
		case MLOPS_MULTICLASS:
			return "multiclass";
		case MLOPS_REGRESSION:
			return "regression";
		case MLOPS_RANKING:
			return "ranking";
		case MLOPS_SURVIVAL:
			return "survival";
	}
	return NULL;
}

void
mlops_target_check(const MlopsTarget *target, uint64 n_rows)
{
	static const char *const words[] = {"a number", "at least 0",
		"greater than 0", "from 0 to 1", "greater than -1",
	"a whole number from 0 to 31", "0 or 1"};

	if (target->n_out_of_range > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("target must be %s", words[target->range]),
				 errdetail("In " UINT64_FORMAT " of " UINT64_FORMAT " rows it is not; the first is %g.",
						   target->n_out_of_range, n_rows,
						   target->out_of_range),
				 target->task == MLOPS_RANKING ?
				 errhint("Make grades of it, such as 0 for irrelevant and 4 for perfect.") :
				 errhint("The objective takes no other labels: leave these rows out, or choose another objective.")));
}

/*
 * The task that is given, by its name or by arguments that only one task has;
 * false if there is none.
 */
static bool
given_task(const MlopsDatasetRequest *request, MlopsTask *task)
{
	if (request->task != NULL)
	{
		for (*task = MLOPS_BINARY; *task <= MLOPS_SURVIVAL; (*task)++)
			if (strcmp(request->task, mlops_task_name(*task)) == 0)
				return true;
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("task \"%s\" is not known", request->task),
				 errhint("Tasks are binary, multiclass, regression, ranking and survival.")));
	}
	if (request->query_group != NULL)
		*task = MLOPS_RANKING;
	else if (request->target_upper != NULL || request->event_observed != NULL)
		*task = MLOPS_SURVIVAL;
	else if (request->n_fixed_classes > 0)
		*task = request->n_fixed_classes == 2 ? MLOPS_BINARY :
			MLOPS_MULTICLASS;
	else
		return false;
	return true;
}

/*
 * Can the number be a label?
 */
static bool
in_range(MlopsLabelRange range, double number)
{
	switch (range)
	{
		case MLOPS_LABEL_ANY:
			break;
		case MLOPS_LABEL_NOT_NEGATIVE:
			return number >= 0;
		case MLOPS_LABEL_POSITIVE:
			return number > 0;
		case MLOPS_LABEL_UNIT:
			return number >= 0 && number <= 1;
		case MLOPS_LABEL_ABOVE_MINUS_ONE:
			return number > -1;
		case MLOPS_LABEL_GRADE:
			return number >= 0 && number <= MAX_GRADE &&
				number == floor(number);
		case MLOPS_LABEL_RELEVANT:
			return number == 0 || number == 1;
	}
	return true;
}

/*
 * Choose how labels are kept while rows are read.
 */
static void
set_mode(MlopsTarget *target)
{
	bool		number = mlops_label_is_number(&target->type);
	bool		boolean = mlops_label_is_boolean(&target->type);

	if (!target->inferred && target->task >= MLOPS_REGRESSION)
	{
		/* relevant or not is a relevance */
		if (!number && !(boolean && target->task == MLOPS_RANKING))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("%s needs a number as target",
							mlops_task_name(target->task)),
					 errdetail("The target is of type %s.",
							   target->type_name)));
		target->mode = MLOPS_LABEL_NUMBER;
	}
	else if (boolean)
		target->mode = MLOPS_LABEL_BOOLEAN;
	else if (number && target->inferred)
		target->mode = MLOPS_LABEL_UNDECIDED;
	else
	{
		target->mode = MLOPS_LABEL_CODE;
		target->labels = mlops_dictionary_create();
	}
}

/*
 * The label of a regression.
 */
static float
number_label(MlopsTarget *target, Datum value, uint64 *hash)
{
	double		number = mlops_label_number(&target->type, value);
	float		label = (float) number;

	/* as a float4, which is what the objective sees */
	if (!in_range(target->range, label) && target->n_out_of_range++ == 0)
		target->out_of_range = number;
	*hash = mlops_hash_row(&label, 1, 0);
	return label;
}

/*
 * The code of a class.  A number is known by its text, in one form for each
 * value.
 */
static float
code_label(MlopsTarget *target, Datum value, uint64 *hash)
{
	MlopsBytes	bytes = {0};
	int			code;

	mlops_label_bytes(&target->type, value, &bytes);
	code = add_label(target, bytes.bytes, bytes.length);
	mlops_bytes_close(&bytes);
	*hash = target->labels->values[code].hash;
	return code;
}

/*
 * The label of a number while at most two distinct ones have been seen.
 */
static float
undecided_label(MlopsTarget *target, Datum value, MlopsMatrix *matrix,
				uint64 *hash)
{
	bool		integer = MLOPS_IS_INTEGER(target->type.field.conversion);
	double		number = mlops_scalar(target->type.field.conversion, value);
	int64		whole = 0;
	int			i = 0;
	float		label = number_label(target, value, hash);

	/* doubles tell integers apart up to 2^53 only */
	if (integer)
		whole = target->type.field.conversion == MLOPS_FROM_INT8 ?
			DatumGetInt64(value) : (int64) number;
	while (i < target->n_values &&
		   (target->numbers[i] != number || target->integers[i] != whole))
		i++;
	if (i == 2)
	{
		settle_on_numbers(target, matrix);
		return label;
	}
	if (i == target->n_values)
	{
		int16		length;
		bool		by_value;
		MemoryContext old =
			MemoryContextSwitchTo(target->type.output.fn_mcxt);

		get_typlenbyval(target->type.oid, &length, &by_value);
		target->values[i] = datumCopy(value, by_value, length);
		target->numbers[i] = number;
		target->integers[i] = whole;
		target->n_values++;
		MemoryContextSwitchTo(old);
	}
	return i;
}

/*
 * A third value: the target is a number.  Rewrite the labels so far.
 */
static void
settle_on_numbers(MlopsTarget *target, MlopsMatrix *matrix)
{
	uint64		first = 0;
	uint64		rows = 0;

	while (mlops_matrix_next(matrix, &first, &rows))
	{
		float	   *labels = mlops_matrix_label(matrix);

		for (uint64 i = 0; i < rows; i++)
			labels[i] = (float) target->numbers[(int) labels[i]];
	}
	target->mode = MLOPS_LABEL_NUMBER;
}

/*
 * The code of a label; 54000 if there are too many.
 */
static int
add_label(MlopsTarget *target, const char *bytes, int length)
{
	int			code = mlops_dictionary_add(target->labels, bytes, length);

	if (code < 0 || code >= MLOPS_MAX_CLASSES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("target has more than %d classes",
						MLOPS_MAX_CLASSES),
				 mlops_label_is_number(&target->type) ?
				 errhint("For a number, use task => 'regression'.") :
				 errhint("Map rare classes to a common one.")));
	return code;
}

/* --- classes ------------------------------------------------------------ */

/* A class before it has its place. */
typedef struct Class
{
	char	   *label;
	int			code;			/* its provisional label */
	double		rank;			/* numbers and enums: what they sort by */
} Class;

static Class *collect_classes(MlopsTarget *target, int *n_classes);
static double class_rank(MlopsTarget *target, const char *label);
static int	compare_classes(const void *a, const void *b);
static void decide_task(MlopsTarget *target, int n_classes);
static int	positive_class(MlopsTarget *target, const Class *classes);
static int	given_positive(MlopsTarget *target, const Class *classes);
static void take_fixed(MlopsTarget *target, const Class *classes,
					   int n_seen);

/*
 * Labels of a regression stay what they are: n_codes is 0 then.
 */
void
mlops_target_close(MlopsTarget *target)
{
	Class	   *classes = NULL;
	int			n_classes = 0;

	if (target->mode != MLOPS_LABEL_NUMBER)
		classes = collect_classes(target, &n_classes);
	decide_task(target, target->n_fixed > 0 ? target->n_fixed : n_classes);
	if (target->task >= MLOPS_REGRESSION)
		return;
	if (target->n_fixed > 0)
	{
		take_fixed(target, classes, n_classes);
		return;
	}

	if (target->task == MLOPS_BINARY && positive_class(target, classes) == 0)
	{
		Class		swap = classes[0];

		classes[0] = classes[1];
		classes[1] = swap;
	}
	target->n_classes = n_classes;
	target->classes = palloc(sizeof(char *) * n_classes);
	target->n_codes = n_classes;
	target->recoded = palloc(sizeof(float) * n_classes);
	for (int i = 0; i < n_classes; i++)
	{
		target->classes[i] = classes[i].label;
		target->recoded[classes[i].code] = i;
	}
}

/*
 * The classes that were seen, in their order.
 */
static Class *
collect_classes(MlopsTarget *target, int *n_classes)
{
	int			n = target->mode == MLOPS_LABEL_CODE ?
		target->labels->n_values : 2;
	Class	   *classes = palloc0(sizeof(Class) * Max(n, 1));

	*n_classes = 0;
	for (int code = 0; code < n; code++)
	{
		Class	   *class = &classes[*n_classes];

		class->code = code;
		if (target->mode == MLOPS_LABEL_CODE)
			class->label = target->labels->values[code].bytes;
		else if (target->mode == MLOPS_LABEL_BOOLEAN && target->seen[code])
			class->label = code ? "true" : "false";
		else if (target->mode == MLOPS_LABEL_UNDECIDED &&
				 code < target->n_values)
			class->label = mlops_label_text(&target->type,
											target->values[code]);
		else
			continue;
		class->rank = class_rank(target, class->label);
		(*n_classes)++;
	}
	qsort(classes, *n_classes, sizeof(Class), compare_classes);
	return classes;
}

/*
 * What a class sorts by before its bytes: the number, or the enum's order.
 */
static double
class_rank(MlopsTarget *target, const char *label)
{
	if (mlops_label_is_number(&target->type))
		return strtod(label, NULL);
	if (target->type.has_conversion &&
		target->type.field.conversion == MLOPS_FROM_ENUM)
		return mlops_enum_position(target->type.oid, label);
	return 0;
}

/*
 * qsort() comparator of classes.
 */
static int
compare_classes(const void *a, const void *b)
{
	const Class *left = a;
	const Class *right = b;

	if (left->rank != right->rank)
		return left->rank < right->rank ? -1 : 1;
	return strcmp(left->label, right->label);
}

/*
 * Fix the task, and check that the classes suit it.
 */
static void
decide_task(MlopsTarget *target, int n_classes)
{
	bool		undecided = (target->mode == MLOPS_LABEL_UNDECIDED);

	if (target->mode == MLOPS_LABEL_NUMBER && target->inferred)
		target->task = MLOPS_REGRESSION;
	else if (target->inferred)
		target->task = n_classes <= 2 ? MLOPS_BINARY : MLOPS_MULTICLASS;

	if (target->task < MLOPS_REGRESSION && n_classes < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("target has one class only"),
				 errdetail("It is always %s.", target->mode ==
						   MLOPS_LABEL_BOOLEAN && target->seen[1] ? "true" :
						   target->mode == MLOPS_LABEL_BOOLEAN ? "false" :
						   undecided ?
						   mlops_label_text(&target->type,
											target->values[0]) :
						   target->labels->values[0].bytes)));
	if (target->task == MLOPS_BINARY && n_classes != 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("target has %d classes, binary needs two",
						n_classes),
				 errhint("Use task => 'multiclass', or a condition as target.")));
	if (target->positive != NULL && target->task != MLOPS_BINARY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a positive class needs the task binary"),
				 errdetail("The target makes it %s.",
						   mlops_task_name(target->task))));
	if (target->inferred)
		ereport(NOTICE,
				(errmsg("task is %s, inferred from the target",
						mlops_task_name(target->task))));
}

/*
 * Which of two classes is the positive one: the given one, else the one that
 * says yes, else the last.
 */
static int
positive_class(MlopsTarget *target, const Class *classes)
{
	static const char *const words[] = {"true", "1", "yes", "y", "t"};
	int			positive = 1;

	if (target->positive != NULL)
		return given_positive(target, classes);
	for (int i = 0; i < lengthof(words) * 2; i++)
	{
		if (pg_strcasecmp(classes[i % 2].label, words[i / 2]) == 0)
		{
			positive = i % 2;
			break;
		}
	}
	if (target->mode != MLOPS_LABEL_BOOLEAN)
		ereport(NOTICE,
				(errmsg("positive class is \"%s\"",
						classes[positive].label)));
	return positive;
}

/*
 * The class that was given as the positive one; 22023 if it is none.
 */
static int
given_positive(MlopsTarget *target, const Class *classes)
{
	bool		truth;

	for (int i = 0; i < 2; i++)
		if (strcmp(classes[i].label, target->positive) == 0)
			return i;
	if (target->mode == MLOPS_LABEL_BOOLEAN &&
		parse_bool(target->positive, &truth))
		return truth ? 1 : 0;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("positive class \"%s\" is not in the target",
					target->positive),
			 errdetail("Its classes are \"%s\" and \"%s\".",
					   classes[0].label, classes[1].label)));
}

/*
 * The classes are those that are given, in their order; 22023 if the target
 * has another, or the positive class is not the last of two.
 */
static void
take_fixed(MlopsTarget *target, const Class *classes, int n_seen)
{
	int			n_codes = 2;

	if (target->mode == MLOPS_LABEL_CODE)
		n_codes = target->labels->n_values;
	target->n_classes = target->n_fixed;
	target->classes = target->fixed;
	target->n_codes = Max(n_codes, 1);
	target->recoded = palloc0(sizeof(float) * target->n_codes);
	for (int i = 0; i < n_seen; i++)
	{
		int			place = 0;

		while (place < target->n_fixed &&
			   strcmp(target->fixed[place], classes[i].label) != 0)
			place++;
		if (place == target->n_fixed)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("target has a class that the version does not know"),
					 errdetail("It is \"%s\"; the version to start from has %d classes.",
							   classes[i].label, target->n_fixed),
					 errhint("Leave these rows out, or train a version without init_model.")));
		target->recoded[classes[i].code] = place;
	}
	if (target->positive != NULL && target->task == MLOPS_BINARY &&
		strcmp(target->positive, target->fixed[1]) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("positive class differs from that of the version"),
				 errdetail("It is \"%s\" there.", target->fixed[1])));
}
