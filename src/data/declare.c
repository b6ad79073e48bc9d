/*
 * declare.c
 *		The signature of a model from elsewhere: as its file tells, and as a
 *		person tells.
 *
 * jsonb does not keep the order of an object's members, so an object is
 * matched by name: each member declares the input whose features begin with
 * that name, and the model gives the order.  An array is in the order of the
 * features.  Either may leave out what the model knows itself.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "base/base.h"
#include "base/compat.h"
#include "data/declare.h"
#include "data/field.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

/* An input as declared; what is not said is NULL or -1. */
typedef struct Declared
{
	char	   *name;			/* of the column */
	char	   *feature;		/* of the model, if it has another name there */
	int			kind;			/* MlopsInputKind or -1 */
	int			n_categories;	/* -1: none given */
	char	  **categories;
	bool		used;
} Declared;

/* Kinds that a word declares, and the type that stands for each. */
static const struct
{
	const char *word;
	MlopsInputKind kind;
	const char *type_name;
}			kinds[] = {
	{"number", MLOPS_INPUT_NUMBER, "double precision"},
	{"boolean", MLOPS_INPUT_BOOLEAN, "boolean"},
	{"category", MLOPS_INPUT_CATEGORY, "text"},
	{"date", MLOPS_INPUT_DATE, "date"},
	{"timestamp", MLOPS_INPUT_TIMESTAMP, "timestamp without time zone"},
	{"time", MLOPS_INPUT_TIME, "time without time zone"},
	{"interval", MLOPS_INPUT_INTERVAL, "interval"},
};

static MlopsSignature *accept_full(const MlopsModelFeatures *features,
								   Jsonb *given);
static Declared *read_object(JsonbContainer *object, int *n);
static Declared *read_array(JsonbContainer *array, int *n);
static void read_declaration(JsonbValue *value, Declared *declared);
static void read_members(JsonbContainer *object, Declared *declared);
static int	kind_of_word(const JsonbValue *value, const char *column);
static void read_categories(JsonbContainer *array, Declared *declared);
static void place_by_name(MlopsSignature *signature,
						  const MlopsModelFeatures *features,
						  Declared *declared, int n);
static void place_by_order(MlopsSignature *signature,
						   const MlopsModelFeatures *features,
						   Declared *declared, int n);
static void refuse_name(const MlopsModelFeatures *features,
						const Declared *declared) pg_attribute_noreturn();
static Declared *starts_at(Declared *declared, int n, const char *feature);
static int	add_input(MlopsSignature *signature,
					  const MlopsModelFeatures *features, int feature,
					  const Declared *declared);
static void set_categories(MlopsInput *input,
						   const MlopsModelFeatures *features, int feature,
						   const Declared *declared);
static void check_part(const MlopsModelFeatures *features, int feature,
					   const char *name, int part, int kind);
static void check_inputs(const MlopsSignature *signature);
static void check_categories(const MlopsInput *input);
static int	model_kind(const MlopsModelFeatures *features, int feature);
static char *model_name(const MlopsModelFeatures *features, int feature);
static char *json_string(const JsonbValue *value);
static int	compare_strings(const void *a, const void *b);
static void refuse(const char *detail) pg_attribute_noreturn();

MlopsSignature *
mlops_signature_declare(const MlopsModelFeatures *features, Jsonb *given)
{
	MlopsSignature *signature;
	Declared   *declared = NULL;
	int			n = 0;

	if (given != NULL && JB_ROOT_IS_SCALAR(given))
		refuse("It is neither an object nor an array.");
	if (given != NULL && JB_ROOT_IS_OBJECT(given) &&
		getKeyJsonValueFromContainer(&given->root, "inputs", 6, NULL) != NULL &&
		getKeyJsonValueFromContainer(&given->root, "format", 6, NULL) != NULL)
		return accept_full(features, given);
	if (features->n_features > MaxTupleAttributeNumber)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("model has %u features, more than a row has columns",
						features->n_features),
				 errdetail("A row has at most %d columns.",
						   MaxTupleAttributeNumber)));

	signature = palloc0(sizeof(MlopsSignature));
	signature->inputs = palloc0(sizeof(MlopsInput) * features->n_features);
	if (given != NULL && JB_ROOT_IS_OBJECT(given))
		declared = read_object(&given->root, &n);
	else if (given != NULL)
		declared = read_array(&given->root, &n);
	if (given != NULL && JB_ROOT_IS_ARRAY(given))
		place_by_order(signature, features, declared, n);
	else
		place_by_name(signature, features, declared, n);
	check_inputs(signature);
	mlops_signature_lay_out(signature);
	return signature;
}

MlopsSignature *
mlops_signature_accept(Jsonb *jsonb)
{
	MemoryContext context = CurrentMemoryContext;
	MlopsSignature *volatile signature = NULL;

	/* the same checks as for a stored one, under another error code */
	PG_TRY();
	{
		signature = mlops_signature_from_jsonb(jsonb);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		if (error->sqlerrcode == ERRCODE_DATA_CORRUPTED)
		{
			error->sqlerrcode = ERRCODE_INVALID_PARAMETER_VALUE;
			error->message = pstrdup("signature is not valid");
		}
		ReThrowError(error);
	}
	PG_END_TRY();
	return signature;
}

/* A signature in the form that mlops.versions shows. */
static MlopsSignature *
accept_full(const MlopsModelFeatures *features, Jsonb *given)
{
	MlopsSignature *signature = mlops_signature_accept(given);

	for (int i = 0; i < Min(signature->n_features, features->n_features); i++)
		if (features->named &&
			strcmp(signature->feature_names[i], model_name(features, i)) != 0)
			refuse(psprintf("Feature %d of the model is \"%s\", not \"%s\".",
							i + 1, model_name(features, i),
							signature->feature_names[i]));
	if (signature->n_features < features->n_features)
		refuse(psprintf("It has no feature \"%s\", number %d of %u.",
						model_name(features, signature->n_features),
						signature->n_features + 1, features->n_features));
	if (signature->n_features > features->n_features)
		refuse(psprintf("The model has %u features, and no \"%s\".",
						features->n_features,
						signature->feature_names[features->n_features]));
	for (int i = 0; i < signature->n_inputs; i++)
	{
		MlopsInput *input = &signature->inputs[i];
		Declared	declared = {.name = input->name,
			.n_categories = input->n_categories,
		.categories = input->categories};

		if (input->kind == MLOPS_INPUT_CATEGORY)
			set_categories(input, features, input->first_feature, &declared);
	}
	check_inputs(signature);
	return signature;
}

/* The declarations of an object by column name, *n of them. */
static Declared *
read_object(JsonbContainer *object, int *n)
{
	Declared   *declared = palloc0(sizeof(Declared) *
								   Max(JsonContainerSize(object), 1));
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue	value;

	*n = 0;
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			declared[*n].name = json_string(&value);
			declared[*n].kind = -1;
			declared[*n].n_categories = -1;
		}
		else if (token == WJB_VALUE)
			read_declaration(&value, &declared[(*n)++]);
	}
	return declared;
}

/* The declarations of an array in the order of the features, *n of them. */
static Declared *
read_array(JsonbContainer *array, int *n)
{
	Declared   *declared;

	*n = JsonContainerSize(array);
	declared = palloc0(sizeof(Declared) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		JsonbValue *value = getIthJsonbValueFromContainer(array, i);

		declared[i].kind = -1;
		declared[i].n_categories = -1;
		if (value->type == jbvString)
			declared[i].name = json_string(value);
		else if (value->type == jbvBinary &&
				 JsonContainerIsObject(value->val.binary.data))
			read_members(value->val.binary.data, &declared[i]);
		else
			refuse(psprintf("Element %d is neither a name nor an object.",
							i + 1));
		if (declared[i].name == NULL)
			refuse(psprintf("Element %d has no \"name\".", i + 1));
	}
	return declared;
}

/* What stands after a column's name: a kind, categories, or an object. */
static void
read_declaration(JsonbValue *value, Declared *declared)
{
	if (value->type == jbvString)
		declared->kind = kind_of_word(value, declared->name);
	else if (value->type == jbvBinary &&
			 JsonContainerIsArray(value->val.binary.data))
		read_categories(value->val.binary.data, declared);
	else if (value->type == jbvBinary)
	{
		char	   *name = declared->name;

		read_members(value->val.binary.data, declared);
		if (strcmp(declared->name, name) != 0)
			refuse(psprintf("Column \"%s\" has two names.", name));
	}
	else
		refuse(psprintf("What is given for \"%s\" is no kind, list or object.",
						declared->name));
}

/* The members of a declaration: name, feature, kind, categories. */
static void
read_members(JsonbContainer *object, Declared *declared)
{
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *key = NULL;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			key = json_string(&value);
		if (token != WJB_VALUE)
			continue;
		if (strcmp(key, "name") == 0 && value.type == jbvString)
			declared->name = json_string(&value);
		else if (strcmp(key, "feature") == 0 && value.type == jbvString)
			declared->feature = json_string(&value);
		else if (strcmp(key, "kind") == 0 && value.type == jbvString)
			declared->kind = kind_of_word(&value, declared->name);
		else if (strcmp(key, "categories") == 0 && value.type == jbvBinary &&
				 JsonContainerIsArray(value.val.binary.data))
			read_categories(value.val.binary.data, declared);
		else
			refuse(psprintf("Member \"%s\"%s%s%s is unknown or of a wrong type.",
							key, declared->name ? " of \"" : "",
							declared->name ? declared->name : "",
							declared->name ? "\"" : ""));
	}
}

/* The kind that a word names. */
static int
kind_of_word(const JsonbValue *value, const char *column)
{
	char	   *word = json_string(value);

	for (int i = 0; i < lengthof(kinds); i++)
		if (strcmp(word, kinds[i].word) == 0)
			return kinds[i].kind;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown kind of input: \"%s\"", word),
			 column ? errdetail("It is given for column \"%s\".", column) : 0,
			 errhint("Kinds are number, boolean, category, date, timestamp, time and interval; others take the form of mlops.versions.signature.")));
}

/* Categories in the order of their codes; numbers count as their text. */
static void
read_categories(JsonbContainer *array, Declared *declared)
{
	int			n = JsonContainerSize(array);
	char	   *name = declared->name ? declared->name : "";

	if (n > MLOPS_DICTIONARY_VALUES)
		refuse(psprintf("Column \"%s\" has more than %d categories.", name,
						MLOPS_DICTIONARY_VALUES));
	declared->n_categories = n;
	declared->categories = palloc(sizeof(char *) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		JsonbValue *value = getIthJsonbValueFromContainer(array, i);

		if (value->type == jbvNumeric)
			declared->categories[i] =
				DatumGetCString(DirectFunctionCall1(numeric_out,
													NumericGetDatum(value->val.numeric)));
		else if (value->type == jbvBool)
			declared->categories[i] = value->val.boolean ? "true" : "false";
		else if (value->type == jbvString)
			declared->categories[i] = json_string(value);
		else
			refuse(psprintf("A category of column \"%s\" is no string.", name));
	}
}

/* Make the inputs in the model's order, declared or not. */
static void
place_by_name(MlopsSignature *signature, const MlopsModelFeatures *features,
			  Declared *declared, int n)
{
	/* a misspelt name explains what would be found missing below */
	for (int i = 0; i < n; i++)
	{
		int			feature = 0;

		while (feature < features->n_features &&
			   starts_at(&declared[i], 1, model_name(features, feature)) == NULL)
			feature++;
		if (feature == features->n_features)
			refuse_name(features, &declared[i]);
	}

	for (int feature = 0; feature < features->n_features;)
	{
		Declared   *found = starts_at(declared, n,
									  model_name(features, feature));

		if (found != NULL)
			found->used = true;
		feature += add_input(signature, features, feature, found);
	}
	for (int i = 0; i < n; i++)
		if (!declared[i].used)
			refuse_name(features, &declared[i]);
}

/* Refuse a declaration of what is no feature of the model. */
static void
refuse_name(const MlopsModelFeatures *features, const Declared *declared)
{
	const char *name = declared->feature ? declared->feature : declared->name;
	const char *part = declared->kind < 0 ? NULL :
		mlops_kind_part(declared->kind, 0);
	const char **names = palloc(sizeof(char *) * features->n_features);
	const char *closest;

	if (part != NULL)
		name = psprintf("%s.%s", name, part);
	for (int feature = 0; feature < features->n_features; feature++)
		names[feature] = model_name(features, feature);
	closest = mlops_closest_match(name, names, features->n_features);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("signature does not fit the model"),
			 errdetail("The model has no feature \"%s\".", name),
			 closest ? errhint("Perhaps you meant \"%s\".", closest) :
			 errhint("An array gives names in the order of the features.")));
}

/* Make the inputs in the order of the declarations. */
static void
place_by_order(MlopsSignature *signature, const MlopsModelFeatures *features,
			   Declared *declared, int n)
{
	int			feature = 0;

	for (int i = 0; i < n; i++)
	{
		if (feature >= features->n_features)
			refuse(psprintf("The model has %u features, \"%s\" is one more.",
							features->n_features, declared[i].name));
		feature += add_input(signature, features, feature, &declared[i]);
	}
	if (feature < features->n_features)
		refuse(psprintf("It has %d of the model's %u features: \"%s\" is missing.",
						feature, features->n_features,
						model_name(features, feature)));
}

/* The unused declaration whose features begin with this one, or NULL. */
static Declared *
starts_at(Declared *declared, int n, const char *feature)
{
	for (int i = 0; i < n; i++)
	{
		const char *name = declared[i].feature ? declared[i].feature :
			declared[i].name;
		size_t		length = strlen(name);
		const char *part = declared[i].kind < 0 ? NULL :
			mlops_kind_part(declared[i].kind, 0);

		if (declared[i].used || strncmp(feature, name, length) != 0)
			continue;
		if (part == NULL ? feature[length] == '\0' :
			feature[length] == '.' && strcmp(feature + length + 1, part) == 0)
			return &declared[i];
	}
	return NULL;
}

/*
 * Append the input that begins at the feature, as declared or, for NULL, as
 * the model knows it.  Returns how many features it takes.
 */
static int
add_input(MlopsSignature *signature, const MlopsModelFeatures *features,
		  int feature, const Declared *declared)
{
	MlopsInput *input = &signature->inputs[signature->n_inputs++];
	const char *type = features->types[feature];
	const char *name;
	int			n;

	input->kind = model_kind(features, feature);
	if (declared != NULL && declared->n_categories >= 0)
		input->kind = MLOPS_INPUT_CATEGORY;
	if (declared != NULL && declared->kind >= 0)
		input->kind = declared->kind;
	for (int i = 0; i < lengthof(kinds); i++)
		if (kinds[i].kind == input->kind)
			input->type_name = pstrdup(kinds[i].type_name);
	if (input->kind == MLOPS_INPUT_NUMBER && type != NULL &&
		strcmp(type, "int") == 0)
		input->type_name = pstrdup("bigint");

	input->name = pstrdup(declared ? declared->name :
						  model_name(features, feature));
	name = declared && declared->feature ? declared->feature : input->name;
	n = mlops_kind_features(input->kind);
	for (int part = 0; part < n; part++)
		check_part(features, feature + part, name, part, input->kind);
	if (declared != NULL && declared->n_categories >= 0 &&
		input->kind != MLOPS_INPUT_CATEGORY)
		refuse(psprintf("Column \"%s\" has categories, but is no category.",
						input->name));
	if (input->kind == MLOPS_INPUT_CATEGORY)
		set_categories(input, features, feature, declared);
	return n;
}

/* Categories of an input, as declared or as the model has them. */
static void
set_categories(MlopsInput *input, const MlopsModelFeatures *features,
			   int feature, const Declared *declared)
{
	int			known = features->n_categories[feature];

	if (declared != NULL && declared->n_categories >= 0)
	{
		input->n_categories = declared->n_categories;
		input->categories = declared->categories;
	}
	else if (known > 0)
	{
		if (known > MLOPS_DICTIONARY_VALUES)
			refuse(psprintf("Feature \"%s\" has more than %d categories.",
							input->name, MLOPS_DICTIONARY_VALUES));
		input->n_categories = known;
		input->categories = palloc(sizeof(char *) * known);
		for (int i = 0; i < known; i++)
		{
			const char *text = features->categories[feature][i];

			input->categories[i] = pstrdup(pg_any_to_server(text, strlen(text),
															PG_UTF8));
		}
	}
	if (input->n_categories == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("categories of feature \"%s\" are not known",
						input->name),
				 errdetail("The model file has numbers in their place."),
				 errhint("Give them in the order of these numbers: signature => '{\"%s\": [\"first\", \"second\"]}'.",
						 input->name)));
	if (features->splits_by_category[feature] &&
		features->max_category[feature] >= input->n_categories)
		refuse(psprintf("The model needs %u categories of \"%s\" or more, given are %d.",
						features->max_category[feature] + 1, input->name,
						input->n_categories));
}

/* 22023 unless the model's feature may be this part of the named input. */
static void
check_part(const MlopsModelFeatures *features, int feature, const char *name,
		   int part, int kind)
{
	const char *suffix = mlops_kind_part(kind, part);
	char	   *wanted = suffix == NULL ? pstrdup(name) :
		psprintf("%s.%s", name, suffix);

	if (feature >= features->n_features)
		refuse(psprintf("The model has %u features, \"%s\" is one more.",
						features->n_features, wanted));
	if (features->named && strcmp(model_name(features, feature), wanted) != 0)
		refuse(psprintf("Feature %d of the model is \"%s\", not \"%s\".",
						feature + 1, model_name(features, feature), wanted));
}

/* What no row could serve: names that no column can have, or twice. */
static void
check_inputs(const MlopsSignature *signature)
{
	char	  **names = palloc(sizeof(char *) * signature->n_inputs);

	for (int i = 0; i < signature->n_inputs; i++)
	{
		const MlopsInput *input = &signature->inputs[i];
		size_t		length = strlen(input->name);

		names[i] = input->name;
		if (length == 0 || length >= NAMEDATALEN)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("no column can have the name of input %d", i + 1),
					 errdetail("It has %zu bytes; a name has 1 to %d.",
							   length, NAMEDATALEN - 1),
					 errhint("Give it another in an array: {\"name\": \"...\", \"feature\": \"...\"}.")));
		if (input->kind == MLOPS_INPUT_CATEGORY)
			check_categories(input);
	}
	qsort(names, signature->n_inputs, sizeof(char *), compare_strings);
	for (int i = 1; i < signature->n_inputs; i++)
		if (strcmp(names[i - 1], names[i]) == 0)
			refuse(psprintf("Two features have the name \"%s\".", names[i]));
}

/* No category twice, and no more of them than a dictionary holds. */
static void
check_categories(const MlopsInput *input)
{
	char	  **sorted = palloc(sizeof(char *) * input->n_categories);
	size_t		bytes = 0;

	for (int i = 0; i < input->n_categories; i++)
	{
		sorted[i] = input->categories[i];
		bytes += strlen(sorted[i]);
	}
	if (bytes > MLOPS_DICTIONARY_BYTES)
		refuse(psprintf("Categories of \"%s\" have more than %d MB.",
						input->name, (int) (MLOPS_DICTIONARY_BYTES >> 20)));
	qsort(sorted, input->n_categories, sizeof(char *), compare_strings);
	for (int i = 1; i < input->n_categories; i++)
		if (strcmp(sorted[i - 1], sorted[i]) == 0)
			refuse(psprintf("Category \"%s\" of \"%s\" is there twice.",
							sorted[i], input->name));
	pfree(sorted);
}

/* The kind that the model's file tells of a feature. */
static int
model_kind(const MlopsModelFeatures *features, int feature)
{
	const char *type = features->types[feature];

	if (features->splits_by_category[feature] ||
		features->n_categories[feature] > 0 ||
		(type != NULL && strcmp(type, "c") == 0))
		return MLOPS_INPUT_CATEGORY;
	if (type != NULL && strcmp(type, "i") == 0)
		return MLOPS_INPUT_BOOLEAN;
	return MLOPS_INPUT_NUMBER;
}

/* The model's name of a feature in the server's encoding; may be a copy. */
static char *
model_name(const MlopsModelFeatures *features, int feature)
{
	const char *name = features->names[feature];

	return pg_any_to_server(name, strlen(name), PG_UTF8);
}

/* A string of a jsonb, copied. */
static char *
json_string(const JsonbValue *value)
{
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* For qsort of strings, bytewise. */
static int
compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Refuse what was given, or what the model has. */
static void
refuse(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("signature does not fit the model"),
			 errdetail_internal("%s", detail)));
}
