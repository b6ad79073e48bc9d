/*
 * signature.c
 *		Signatures to jsonb and back.
 *
 *		{"format": 1,
 *		 "time_zone": "Europe/Berlin" or null,
 *		 "inputs": [{"name": "origin", "type": "text", "kind": "category",
 *					 "features": ["origin"], "categories": ["ABE", ...]}]}
 *
 * categories stands with kind category only, in the order of their codes.
 * The features follow from name and kind, for an array also from how many are
 * listed; they are written for people and checked when read, so that a build
 * which knows other parts refuses the version instead
 * of mixing up its features.  The reader takes nothing on trust: a dump may
 * have been edited.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "base/compat.h"
#include "data/field.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#define SIGNATURE_FORMAT	1

/* a jsonb object under construction */
typedef JsonbParseState *Builder;

static const char *const kind_names[] = {
	"number", "boolean", "category", "date", "timestamp", "timestamptz",
	"interval", "time", "timetz", "inet", "macaddr", "array", "bits",
	"range", "intrange", "daterange", "tsrange", "tstzrange"
};

static void name_features(MlopsSignature *signature, const MlopsInput *input);
static void push_key(Builder *builder, const char *key);
static void push_string(Builder *builder, const char *string, bool element);
static void push_strings(Builder *builder, const char *key, char **strings,
						 int n);
static void push_input(Builder *builder, const MlopsSignature *signature,
					   const MlopsInput *input);
static void corrupted(const char *what) pg_attribute_noreturn();
static JsonbValue *member(JsonbContainer *object, const char *key,
						  enum jbvType type);
static char *member_string(JsonbContainer *object, const char *key);
static JsonbContainer *member_array(JsonbContainer *object, const char *key);
static char *element_string(JsonbContainer *array, int i);
static int	member_count(JsonbContainer *object);
static void read_input(JsonbContainer *object, MlopsInput *input);
static void read_categories(JsonbContainer *array, MlopsInput *input);
static void check_features(const MlopsSignature *signature,
						   JsonbContainer *inputs);

void
mlops_signature_lay_out(MlopsSignature *signature)
{
	int			n = 0;

	for (int i = 0; i < signature->n_inputs; i++)
	{
		MlopsInput *input = &signature->inputs[i];

		input->first_feature = n;
		if (!MLOPS_KIND_IS_ARRAY(input->kind))
			input->n_features = mlops_kind_features(input->kind);
		n += input->n_features;
	}
	signature->n_features = n;
	signature->feature_names = palloc0(sizeof(char *) * Max(n, 1));
	signature->categorical = palloc0(sizeof(bool) * Max(n, 1));
	for (int i = 0; i < signature->n_inputs; i++)
		name_features(signature, &signature->inputs[i]);
}

Jsonb *
mlops_signature_to_jsonb(const MlopsSignature *signature)
{
	Builder		builder = NULL;
	JsonbValue	number;
	JsonbValue	null = {.type = jbvNull};

	number.type = jbvNumeric;
	number.val.numeric = int64_to_numeric(SIGNATURE_FORMAT);
	pushJsonbValue(&builder, WJB_BEGIN_OBJECT, NULL);
	push_key(&builder, "format");
	pushJsonbValue(&builder, WJB_VALUE, &number);
	push_key(&builder, "time_zone");
	if (signature->time_zone != NULL)
		push_string(&builder, signature->time_zone, false);
	else
		pushJsonbValue(&builder, WJB_VALUE, &null);
	push_key(&builder, "inputs");
	pushJsonbValue(&builder, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < signature->n_inputs; i++)
		push_input(&builder, signature, &signature->inputs[i]);
	pushJsonbValue(&builder, WJB_END_ARRAY, NULL);
	return JsonbValueToJsonb(pushJsonbValue(&builder, WJB_END_OBJECT, NULL));
}

/*
 * The result is palloc'd and does not point into the jsonb.
 */
MlopsSignature *
mlops_signature_from_jsonb(Jsonb *jsonb)
{
	MlopsSignature *signature = palloc0(sizeof(MlopsSignature));
	JsonbContainer *root = &jsonb->root;
	JsonbContainer *inputs;
	JsonbValue *format;
	bool		zone_needed = false;
	int			n_features = 0;

	if (!JB_ROOT_IS_OBJECT(jsonb))
		corrupted("It is no object.");
	format = member(root, "format", jbvNumeric);
	if (!DatumGetBool(DirectFunctionCall2(numeric_eq,
										  NumericGetDatum(format->val.numeric),
										  NumericGetDatum(int64_to_numeric(SIGNATURE_FORMAT)))))
		corrupted("Its format is not known to this release.");
	if (member_count(root) != 3)
		corrupted("It has unknown members.");

	inputs = member_array(root, "inputs");
	signature->n_inputs = JsonContainerSize(inputs);
	if (signature->n_inputs < 1 ||
		signature->n_inputs > MaxTupleAttributeNumber)
		corrupted("It has no input, or too many.");
	signature->inputs = palloc0(sizeof(MlopsInput) * signature->n_inputs);
	for (int i = 0; i < signature->n_inputs; i++)
	{
		JsonbValue *value = getIthJsonbValueFromContainer(inputs, i);

		if (value->type != jbvBinary ||
			!JsonContainerIsObject(value->val.binary.data))
			corrupted("An input is no object.");
		read_input(value->val.binary.data, &signature->inputs[i]);
		zone_needed |= MLOPS_KIND_HAS_ZONE(signature->inputs[i].kind);
		n_features += signature->inputs[i].n_features;
		if (n_features > MLOPS_SIGNATURE_FEATURES)
			corrupted("It has too many features.");
	}
	if (zone_needed)
		signature->time_zone = member_string(root, "time_zone");
	else
		(void) member(root, "time_zone", jbvNull);

	mlops_signature_lay_out(signature);
	check_features(signature, inputs);
	return signature;
}

/*
 * Name the features of one input and mark the categorical ones.
 */
static void
name_features(MlopsSignature *signature, const MlopsInput *input)
{
	for (int part = 0; part < input->n_features; part++)
	{
		int			feature = input->first_feature + part;
		const char *name = mlops_kind_part(input->kind, part);

		signature->feature_names[feature] =
			MLOPS_KIND_IS_ARRAY(input->kind) ?
			psprintf("%s[%d]", input->name, part + 1) :
			name == NULL ? pstrdup(input->name) :
			psprintf("%s.%s", input->name, name);
		signature->categorical[feature] =
			input->kind == MLOPS_INPUT_CATEGORY;
	}
}

/*
 * Add a member's key.
 */
static void
push_key(Builder *builder, const char *key)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, key);
	value.val.string.len = strlen(key);
	pushJsonbValue(builder, WJB_KEY, &value);
}

/*
 * Add a string, as an array's element or a member's value.
 */
static void
push_string(Builder *builder, const char *string, bool element)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, string);
	value.val.string.len = strlen(string);
	pushJsonbValue(builder, element ? WJB_ELEM : WJB_VALUE, &value);
}

/*
 * Add a member that is an array of strings.
 */
static void
push_strings(Builder *builder, const char *key, char **strings, int n)
{
	push_key(builder, key);
	pushJsonbValue(builder, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < n; i++)
		push_string(builder, strings[i], true);
	pushJsonbValue(builder, WJB_END_ARRAY, NULL);
}

/*
 * Add an input to the array of inputs.
 */
static void
push_input(Builder *builder, const MlopsSignature *signature,
		   const MlopsInput *input)
{
	pushJsonbValue(builder, WJB_BEGIN_OBJECT, NULL);
	push_key(builder, "name");
	push_string(builder, input->name, false);
	push_key(builder, "type");
	push_string(builder, input->type_name, false);
	push_key(builder, "kind");
	push_string(builder, kind_names[input->kind], false);
	push_strings(builder, "features",
				 signature->feature_names + input->first_feature,
				 input->n_features);
	if (input->kind == MLOPS_INPUT_CATEGORY)
		push_strings(builder, "categories", input->categories,
					 input->n_categories);
	pushJsonbValue(builder, WJB_END_OBJECT, NULL);
}

/*
 * Refuse a stored signature.
 */
static void
corrupted(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("signature of the version is damaged"),
			 errdetail("%s", what)));
}

/*
 * A member of an object that must be there and of that type.
 */
static JsonbValue *
member(JsonbContainer *object, const char *key, enum jbvType type)
{
	JsonbValue *value = getKeyJsonValueFromContainer(object, key,
													 strlen(key), NULL);

	if (value == NULL || value->type != type)
		corrupted(psprintf("Member \"%s\" is missing or of another type.",
						   key));
	return value;
}

/*
 * A member that is a string, copied.
 */
static char *
member_string(JsonbContainer *object, const char *key)
{
	JsonbValue *value = member(object, key, jbvString);

	return pnstrdup(value->val.string.val, value->val.string.len);
}

/*
 * A member that is an array.
 */
static JsonbContainer *
member_array(JsonbContainer *object, const char *key)
{
	JsonbValue *value = member(object, key, jbvBinary);

	if (!JsonContainerIsArray(value->val.binary.data))
		corrupted(psprintf("Member \"%s\" is no array.", key));
	return value->val.binary.data;
}

/*
 * An element of an array that must be a string, copied.
 */
static char *
element_string(JsonbContainer *array, int i)
{
	JsonbValue *value = getIthJsonbValueFromContainer(array, i);

	if (value == NULL || value->type != jbvString)
		corrupted("A list holds something else than strings.");
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/*
 * How many members an object has.
 */
static int
member_count(JsonbContainer *object)
{
	return JsonContainerSize(object);
}

/*
 * Read an input; its features are numbered later.
 */
static void
read_input(JsonbContainer *object, MlopsInput *input)
{
	char	   *kind = member_string(object, "kind");
	bool		category;

	input->name = member_string(object, "name");
	input->type_name = member_string(object, "type");
	input->kind = lengthof(kind_names);
	for (int i = 0; i < lengthof(kind_names); i++)
		if (strcmp(kind, kind_names[i]) == 0)
			input->kind = i;
	if (input->kind == lengthof(kind_names))
		corrupted("An input is of unknown kind.");

	category = (input->kind == MLOPS_INPUT_CATEGORY);
	if (member_count(object) != (category ? 5 : 4))
		corrupted("An input has unknown members.");
	if (category)
		read_categories(member_array(object, "categories"), input);
	if (MLOPS_KIND_IS_ARRAY(input->kind))
	{
		input->n_features =
			JsonContainerSize(member_array(object, "features"));
		if (input->n_features < 1)
			corrupted("An array has no features.");
	}
}

/*
 * Read the categories.  The encoder's codes are their places, so that none
 * may be there twice.  A training sorts them bytewise; a model from elsewhere
 * has its own order.
 */
static void
read_categories(JsonbContainer *array, MlopsInput *input)
{
	bool		sorted = true;
	char	  **copy;

	input->n_categories = JsonContainerSize(array);
	input->categories = palloc(sizeof(char *) * Max(input->n_categories, 1));
	if (input->n_categories > MLOPS_DICTIONARY_VALUES)
		corrupted("An input has too many categories.");
	for (int i = 0; i < input->n_categories; i++)
	{
		input->categories[i] = element_string(array, i);
		sorted &= i == 0 ||
			strcmp(input->categories[i - 1], input->categories[i]) < 0;
	}
	if (sorted)
		return;

	copy = palloc(sizeof(char *) * input->n_categories);
	memcpy(copy, input->categories, sizeof(char *) * input->n_categories);
	qsort(copy, input->n_categories, sizeof(char *), pg_qsort_strcmp);
	for (int i = 1; i < input->n_categories; i++)
		if (strcmp(copy[i - 1], copy[i]) == 0)
			corrupted("A category is there twice.");
	pfree(copy);
}

/*
 * The features as written must be the features as laid out.
 */
static void
check_features(const MlopsSignature *signature, JsonbContainer *inputs)
{
	for (int i = 0; i < signature->n_inputs; i++)
	{
		const MlopsInput *input = &signature->inputs[i];
		JsonbValue *value = getIthJsonbValueFromContainer(inputs, i);
		JsonbContainer *features = member_array(value->val.binary.data,
												"features");

		if (JsonContainerSize(features) != input->n_features)
			corrupted("An input has other features.");
		for (int part = 0; part < input->n_features; part++)
		{
			int			feature = input->first_feature + part;

			if (strcmp(element_string(features, part),
					   signature->feature_names[feature]) != 0)
				corrupted("An input has other features.");
		}
	}
}
