/*
 * create_function.c
 *		A version as a typed SQL function of its own.
 *
 * The function has an argument for each column that the model takes, by its
 * name and type, so that BI tools list it and it can be granted.  Its body is
 * one expression, which the planner inlines into queries where it may.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "base/base.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "data/source.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "parser/parse_type.h"
#include "serve/version_cache.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(mlops_create_function);
PG_FUNCTION_INFO_V1(mlops_named_row);

/* What a function may give back. */
typedef struct Output
{
	const char *name;
	const char *type;
	const char *function;
	bool		classes;		/* needs a classification */
} Output;

static const Output outputs[] = {
	{"prediction", "double precision", "predict", false},
	{"label", "text", "predict_label", true},
	{"probabilities", "double precision[]", "predict_proba", true}
};

/* The row type that a call site of mlops._named() makes. */
typedef struct NamedSite
{
	ArrayType  *names;			/* as given, to notice others */
	TupleDesc	tupdesc;
} NamedSite;

static const Output *find_output(const char *name,
								 const MlopsPredictor *predictor,
								 const char *spelled);
static bool security_definer(const char *name);
static List *function_name(const char *text);
static void append_arguments(StringInfo text,
							 const MlopsSignature *signature,
							 Oid *types);
static void append_body(StringInfo text, const MlopsReference *reference,
						const Output *output,
						const MlopsSignature *signature);
static Oid	argument_type(const MlopsInput *input);
static NamedSite *bind_names(FunctionCallInfo fcinfo, ArrayType *names);

/*
 * create_function(model model_ref, name text, output text, security text,
 * or_replace boolean) returns regprocedure
 */
Datum
mlops_create_function(PG_FUNCTION_ARGS)
{
	char	   *spelled = mlops_required_text(fcinfo, 0, "model");
	char	   *name = mlops_required_text(fcinfo, 1, "name");
	char	   *output_name = mlops_optional_text(fcinfo, 2);
	char	   *security = mlops_optional_text(fcinfo, 3);
	bool		replace = !PG_ARGISNULL(4) && PG_GETARG_BOOL(4);
	MlopsReference reference = mlops_reference_parse(spelled);
	const MlopsPredictor *predictor;
	const Output *output;
	StringInfoData text;
	Oid		   *types;
	List	   *parts;
	int			n_inputs;

	PreventCommandIfReadOnly("mlops.create_function()");
	predictor = mlops_version_get(mlops_resolve(&reference, NULL,
												MLOPS_PREDICT),
								  GetActiveSnapshot());
	output = find_output(output_name, predictor, spelled);
	parts = function_name(name);
	n_inputs = predictor->signature->n_inputs;
	if (n_inputs > FUNC_MAX_ARGS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("model \"%s\" takes %d columns, a function %d",
						spelled, n_inputs, FUNC_MAX_ARGS),
				 errhint("Use mlops.predict() in a view.")));
	types = palloc(sizeof(Oid) * Max(n_inputs, 1));

	initStringInfo(&text);
	appendStringInfo(&text, "CREATE %sFUNCTION %s(",
					 replace ? "OR REPLACE " : "",
					 NameListToQuotedString(parts));
	append_arguments(&text, predictor->signature, types);
	appendStringInfo(&text,
					 ") RETURNS %s LANGUAGE sql %s PARALLEL SAFE%s RETURN ",
					 output->type,
					 reference.version > 0 &&
					 strcmp(output->name, "prediction") == 0 ?
					 "IMMUTABLE" : "STABLE",
					 security_definer(security) ? " SECURITY DEFINER" : "");
	append_body(&text, &reference, output, predictor->signature);
	mlops_statement_execute(text.data);

	PG_RETURN_OID(LookupFuncName(parts, n_inputs, types, false));
}

/* _named(names text[], VARIADIC "any") returns record */
Datum
mlops_named_row(PG_FUNCTION_ARGS)
{
	ArrayType  *names = PG_GETARG_ARRAYTYPE_P(0);
	NamedSite  *site = fcinfo->flinfo->fn_extra;
	Datum		values[FUNC_MAX_ARGS];
	bool		nulls[FUNC_MAX_ARGS];

	if (site == NULL || VARSIZE(site->names) != VARSIZE(names) ||
		memcmp(site->names, names, VARSIZE(names)) != 0)
		site = bind_names(fcinfo, names);
	for (int i = 0; i < site->tupdesc->natts; i++)
	{
		values[i] = PG_GETARG_DATUM(i + 1);
		nulls[i] = PG_ARGISNULL(i + 1);
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(site->tupdesc, values,
													  nulls)));
}

/* The output of that name, prediction for NULL, if the model has it. */
static const Output *
find_output(const char *name, const MlopsPredictor *predictor,
			const char *spelled)
{
	int			n_classes = predictor->version->n_classes;

	for (int i = 0; i < lengthof(outputs); i++)
	{
		if (strcmp(name ? name : "prediction", outputs[i].name) != 0)
			continue;
		if (outputs[i].classes && n_classes == 0)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("model \"%s\" does not predict classes",
							spelled),
					 errhint("Use the output prediction.")));
		if (!outputs[i].classes && n_classes > 2)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("model \"%s\" has %d classes", spelled,
							n_classes),
					 errhint("Use the output label or probabilities.")));
		return &outputs[i];
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown output: \"%s\"", name),
			 errhint("Outputs are prediction, label and probabilities.")));
}

/* Whether the function is to run with its owner's rights. */
static bool
security_definer(const char *name)
{
	if (name == NULL || strcmp(name, "invoker") == 0)
		return false;
	if (strcmp(name, "definer") == 0)
		return true;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown security: \"%s\"", name),
			 errhint("It is invoker or definer.")));
}

/* The parts of the function's name; 42602 if it is none. */
static List *
function_name(const char *text)
{
	List	   *parts = mlops_name_parts(text, 2);

	if (parts == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("name \"%s\" is no name of a function", text),
				 errhint("Pass a name such as churn_score or public.churn_score.")));
	return parts;
}

/* "name type, ..." of the columns that the version takes. */
static void
append_arguments(StringInfo text, const MlopsSignature *signature,
				 Oid *types)
{
	for (int i = 0; i < signature->n_inputs; i++)
	{
		const MlopsInput *input = &signature->inputs[i];

		types[i] = argument_type(input);
		appendStringInfo(text, "%s%s %s", i > 0 ? ", " : "",
						 quote_identifier(input->name),
						 format_type_be_qualified(types[i]));
	}
}

/* The type of a column at training; 42704 if there is none of that name now. */
static Oid
argument_type(const MlopsInput *input)
{
	Oid			type;
	int32		typmod;

	parseTypeString(input->type_name, &type, &typmod, false);
	return type;
}

/*
 * The expression.  Arguments are written by position: a column may be called
 * like anything.
 */
static void
append_body(StringInfo text, const MlopsReference *reference,
			const Output *output, const MlopsSignature *signature)
{
	const char *model = quote_literal_cstr(reference->model);

	if (reference->version == 0)
		appendStringInfo(text, "mlops.%s(%s::mlops.model_ref, ",
						 output->function,
						 quote_literal_cstr(psprintf("%s@%s",
													 reference->model,
													 reference->alias)));
	else if (strcmp(output->name, "prediction") == 0)
		appendStringInfo(text, "mlops.predict_pinned(%s, %d, ", model,
						 reference->version);
	else
		appendStringInfo(text, "mlops.%s(%s::mlops.model_ref, ",
						 output->function,
						 quote_literal_cstr(psprintf("%s/%d",
													 reference->model,
													 reference->version)));
	appendStringInfoString(text, "mlops._named(ARRAY[");
	for (int i = 0; i < signature->n_inputs; i++)
		appendStringInfo(text, "%s%s", i > 0 ? ", " : "",
						 quote_literal_cstr(signature->inputs[i].name));
	appendStringInfoString(text, "]::text[]");
	for (int i = 0; i < signature->n_inputs; i++)
		appendStringInfo(text, ", $%d", i + 1);
	appendStringInfoString(text, "))");
}

/* Make the row type of these names and of the call's argument types. */
static NamedSite *
bind_names(FunctionCallInfo fcinfo, ArrayType *names)
{
	MemoryContext old_context;
	NamedSite  *site;
	List	   *list = mlops_text_array_to_list(names);
	int			n = list_length(list);

	if (n != PG_NARGS() - 1 || get_fn_expr_variadic(fcinfo->flinfo))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%d names are given for %d values", n,
						PG_NARGS() - 1),
				 errhint("Call the functions that mlops.create_function() makes.")));
	old_context = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	site = palloc(sizeof(NamedSite));
	site->tupdesc = CreateTemplateTupleDesc(n);
	for (int i = 0; i < n; i++)
	{
		Oid			type = get_fn_expr_argtype(fcinfo->flinfo, i + 1);

		TupleDescInitEntry(site->tupdesc, i + 1, list_nth(list, i),
						   OidIsValid(type) && type != UNKNOWNOID ? type : TEXTOID,
						   -1, 0);
	}
	site->tupdesc = BlessTupleDesc(site->tupdesc);
	site->names = (ArrayType *) palloc(VARSIZE(names));
	memcpy(site->names, names, VARSIZE(names));
	fcinfo->flinfo->fn_extra = site;
	MemoryContextSwitchTo(old_context);
	return site;
}
