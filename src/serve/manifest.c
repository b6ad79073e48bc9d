/*
 * manifest.c
 *		The manifest of a bundle, read into the records that are stored.
 *
 * Whoever wrote the bundle may have written anything: every member is checked
 * for its type and range before the catalog sees it.  Who ran a training, and
 * from where, is a claim that nobody can check: such names do not go into the
 * columns that show it, but under "imported_from" of the run's effective
 * arguments.
 */
#include "postgres.h"

#include <math.h>

#include "base/compat.h"
#include "data/declare.h"
#include "serve/manifest.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

/* Limits of what a training writes. */
#define MAX_NAME		1000
#define MAX_EDGES		1000
#define N_QUANTILES		101
#define N_WIDTHS		20
#define MAX_CATEGORIES	100

/* An object and where in the manifest it stands, for messages. */
typedef struct Place
{
	JsonbContainer *object;
	const char *where;
} Place;

static void read_artefacts(Place root, MlopsManifest *manifest);
static void read_version(Place root, MlopsManifest *manifest,
						 MlopsVersionRecord *version);
static void read_run(Place root, const MlopsManifest *manifest,
					 MlopsRunRecord *run);
static char *with_origin(Place root, Place run, const MlopsManifest *manifest);
static void push_string(JsonbParseState **state, JsonbIteratorToken token,
						const char *string);
static const char *fingerprint(Place run, const char *key);
static List *read_metrics(Place root, const char *key, bool history,
						  List *metrics);
static void check_metrics(List *metrics);
static int	compare_metrics(const ListCell *a, const ListCell *b);
static List *read_baselines(Place root);
static MlopsBaseline *read_baseline(Place place);
static void read_bins(Place place, MlopsBaseline *baseline);
static int	compare_baselines(const ListCell *a, const ListCell *b);
static Place object_at(Place place, const char *key);
static JsonbContainer *array_at(Place place, const char *key, bool required);
static Place object_in(Place place, JsonbContainer *array, int i);
static JsonbValue *member(Place place, const char *key, bool required);
static char *text_at(Place place, const char *key, size_t longest);
static char *optional_text_at(Place place, const char *key, size_t longest);
static char *text_of(Place place, const char *key, const JsonbValue *value,
					 size_t longest);
static int64 integer_at(Place place, const char *key, int64 least, int64 most);
static int64 integer_of(Place place, const char *key, const JsonbValue *value,
						int64 least, int64 most);
static double number_at(Place place, const char *key);
static double number_of(Place place, const char *key,
						const JsonbValue *value);
static bool boolean_at(Place place, const char *key);
static TimestampTz time_at(Place place, const char *key, bool *present);
static char **texts_at(Place place, const char *key, int *n);
static int64 *integers_at(Place place, const char *key, int64 most, int *n);
static double *numbers_at(Place place, const char *key, int *n);
static char *json_at(Place place, const char *key, bool object);
static void refuse(Place place, const char *key, const char *problem)
			pg_attribute_noreturn();

void
mlops_manifest_read(Jsonb *jsonb, MlopsManifest *manifest,
					MlopsArrival *arrival)
{
	Place		root = {&jsonb->root, "the manifest"};
	MlopsVersionRecord *version = &arrival->version;

	if (!JB_ROOT_IS_OBJECT(jsonb))
		refuse(root, NULL, "is no object");
	manifest->model = text_at(root, "model", MAX_NAME);
	read_artefacts(root, manifest);
	read_version(root, manifest, version);
	read_run(root, manifest, &arrival->run);
	version->metrics = read_metrics(root, "metrics", false, NIL);
	version->metrics = read_metrics(root, "history", true, version->metrics);
	check_metrics(version->metrics);
	version->baselines = read_baselines(root);
}

/* The list of artefacts: the model, and nothing else. */
static void
read_artefacts(Place root, MlopsManifest *manifest)
{
	JsonbContainer *array = array_at(root, "artefacts", true);
	Place		place = {NULL, "artefacts"};

	if (JsonContainerSize(array) != 1)
		refuse(root, "artefacts", "has not one element");
	place = object_in(place, array, 0);
	if (strcmp(text_at(place, "kind", MAX_NAME), "model") != 0)
		refuse(place, "kind", "is not \"model\"");
	manifest->model_size = integer_at(place, "size", 1, MaxAllocSize);
	manifest->model_sha256 = text_at(place, "sha256", 64);
}

/* What the version's row says, but for what follows from its bytes. */
static void
read_version(Place root, MlopsManifest *manifest, MlopsVersionRecord *version)
{
	Place		place = object_at(root, "version");
	JsonbValue *signature = member(place, "signature", true);

	version->task = text_at(place, "task", MAX_NAME);
	version->target = text_at(place, "target", MaxAllocSize);
	version->class_type = optional_text_at(place, "class_type", MAX_NAME);
	version->description = optional_text_at(place, "description",
											MaxAllocSize);
	version->classes = texts_at(place, "classes", &version->n_classes);
	version->n_classes = Max(version->n_classes, 0);
	if (signature->type != jbvBinary)
		refuse(place, "signature", "is no object");
	version->signature = JsonbValueToJsonb(signature);

	manifest->objective = text_at(place, "objective", MAX_NAME);
	manifest->booster = text_at(place, "booster", MAX_NAME);
	manifest->n_features = integer_at(place, "n_features", 1, PG_INT32_MAX);
	manifest->n_trees = integer_at(place, "n_trees", 0, PG_INT32_MAX);
	manifest->n_rounds = integer_at(place, "n_rounds", 0, PG_INT32_MAX);
}

/* The run as it was; only its trigger becomes the import. */
static void
read_run(Place root, const MlopsManifest *manifest, MlopsRunRecord *run)
{
	Place		place = object_at(root, "run");
	int64		most = PG_INT64_MAX;
	bool		present[2];

	run->kind = text_at(place, "kind", MAX_NAME);
	if (strcmp(run->kind, "train") != 0 && strcmp(run->kind, "import") != 0)
		refuse(place, "kind", "is neither \"train\" nor \"import\"");
	if (strcmp(text_at(place, "state", MAX_NAME), "completed") != 0)
		refuse(place, "state", "is not \"completed\"");
	run->call = json_at(place, "arguments", true);
	run->effective = with_origin(root, place, manifest);
	run->source = text_at(place, "source", MaxAllocSize);
	run->query = text_at(place, "query", MaxAllocSize);
	run->relations = json_at(place, "relations", false);
	run->advice = json_at(place, "advice", false);
	run->library_version = text_at(place, "library_version", MAX_NAME);
	run->threads = integer_at(place, "threads", 0, PG_INT32_MAX);
	run->seed = integer_at(place, "seed", PG_INT64_MIN, most);
	run->trigger = "import";
	run->snapshot = text_at(place, "snapshot", MaxAllocSize);
	run->started_at = time_at(place, "started_at", NULL);
	run->ended_at = time_at(place, "ended_at", NULL);
	if (run->ended_at < run->started_at)
		refuse(place, "ended_at", "is before \"started_at\"");
	run->server_version = text_at(place, "server_version", MAX_NAME);
	run->extension_version = text_at(place, "extension_version", MAX_NAME);
	run->wal_position = text_at(place, "wal_position", MAX_NAME);
	run->rows_train = integer_at(place, "rows_train", 0, most);
	run->rows_validation = integer_at(place, "rows_validation", 0, most);
	run->rows_test = integer_at(place, "rows_test", 0, most);
	run->rows_skipped = integer_at(place, "rows_skipped", 0, most);
	run->fingerprint_ordered = fingerprint(place, "fingerprint_ordered");
	run->fingerprint_unordered = fingerprint(place, "fingerprint_unordered");
	run->event_time_min = time_at(place, "event_time_min", &present[0]);
	run->event_time_max = time_at(place, "event_time_max", &present[1]);
	run->has_event_time = present[0];
	if (present[0] != present[1] || run->event_time_min > run->event_time_max)
		refuse(place, "event_time_max", "does not fit \"event_time_min\"");
	run->row_security = boolean_at(place, "row_security");
	run->peak_memory = integer_at(place, "peak_memory", 0, most);
	run->read_seconds = number_at(place, "read_seconds");
	run->train_seconds = number_at(place, "train_seconds");
	run->cpu_seconds = number_at(place, "cpu_seconds");
	if (!(run->read_seconds >= 0 && run->train_seconds >= 0 &&
		  run->cpu_seconds >= 0))
		refuse(place, "read_seconds", "or another duration is negative");
}

/* The effective arguments, with where the version comes from. */
static char *
with_origin(Place root, Place run, const MlopsManifest *manifest)
{
	static const char *const of_run[] = {
		"current_role_name", "session_role_name", "application_name",
		"trigger_kind"
	};
	static const char *const of_version[] = {"created_at", "created_by"};
	Place		version = object_at(root, "version");
	int64		number = integer_at(version, "version", 1, PG_INT32_MAX);
	JsonbParseState *state = NULL;
	Datum		effective;
	Datum		origin;
	Jsonb	   *both;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_string(&state, WJB_KEY, "imported_from");
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_string(&state, WJB_KEY, "model");
	push_string(&state, WJB_VALUE, manifest->model);
	push_string(&state, WJB_KEY, "version");
	push_string(&state, WJB_VALUE, psprintf("%lld", (long long) number));
	for (int i = 0; i < lengthof(of_run); i++)
	{
		push_string(&state, WJB_KEY, of_run[i]);
		push_string(&state, WJB_VALUE, text_at(run, of_run[i], MAX_NAME));
	}
	for (int i = 0; i < lengthof(of_version); i++)
	{
		push_string(&state, WJB_KEY, of_version[i]);
		push_string(&state, WJB_VALUE,
					text_at(version, of_version[i], MAX_NAME));
	}
	pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	origin = JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&state,
															 WJB_END_OBJECT,
															 NULL)));
	effective = DirectFunctionCall1(jsonb_in,
									CStringGetDatum(json_at(run, "effective",
															true)));
	both = DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, effective,
											  origin));
	return JsonbToCString(NULL, &both->root, VARSIZE(both));
}

/* Add a string to a jsonb under construction. */
static void
push_string(JsonbParseState **state, JsonbIteratorToken token,
			const char *string)
{
	JsonbValue	value = {.type = jbvString};

	value.val.string.val = unconstify(char *, string);
	value.val.string.len = strlen(string);
	pushJsonbValue(state, token, &value);
}

/* A fingerprint: 32 hexadecimal digits, or empty where no rows were read. */
static const char *
fingerprint(Place run, const char *key)
{
	char	   *text = text_at(run, key, 32);

	if (text[0] != '\0' && (strlen(text) != 32 ||
							strspn(text, "0123456789abcdef") != 32))
		refuse(run, key, "is no fingerprint");
	return text;
}

/* Metrics [split, name, value] or, of the history, [split, name, round, value]. */
static List *
read_metrics(Place root, const char *key, bool history, List *metrics)
{
	JsonbContainer *array = array_at(root, key, true);
	int			length = history ? 4 : 3;
	JsonbIterator *iterator = JsonbIteratorInit(array);
	JsonbIteratorToken token;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		MlopsMetricRow *row;
		JsonbContainer *elements;

		if (token != WJB_ELEM)
			continue;
		if (value.type != jbvBinary ||
			!JsonContainerIsArray(value.val.binary.data) ||
			JsonContainerSize(value.val.binary.data) != length)
			refuse(root, key, "has an element that is no metric");
		elements = value.val.binary.data;
		row = palloc(sizeof(MlopsMetricRow));
		row->split = text_of(root, key,
							 getIthJsonbValueFromContainer(elements, 0),
							 MAX_NAME);
		row->name = text_of(root, key,
							getIthJsonbValueFromContainer(elements, 1),
							MAX_NAME);
		row->step = !history ? -1 :
			integer_of(root, key, getIthJsonbValueFromContainer(elements, 2),
					   0, PG_INT32_MAX);
		row->value = number_of(root, key,
							   getIthJsonbValueFromContainer(elements,
															 length - 1));
		metrics = lappend(metrics, row);
	}
	return metrics;
}

/* No metric twice. */
static void
check_metrics(List *metrics)
{
	List	   *sorted = list_copy(metrics);

	list_sort(sorted, compare_metrics);
	for (int i = 1; i < list_length(sorted); i++)
		if (compare_metrics(list_nth_cell(sorted, i - 1),
							list_nth_cell(sorted, i)) == 0)
			refuse((Place) {NULL, "the manifest"}, "metrics",
				   "has a metric twice");
	list_free(sorted);
}

/* Order of metrics by what tells them apart. */
static int
compare_metrics(const ListCell *a, const ListCell *b)
{
	const MlopsMetricRow *x = lfirst(a);
	const MlopsMetricRow *y = lfirst(b);
	int			order = strcmp(x->split, y->split);

	if (order == 0)
		order = strcmp(x->name, y->name);
	return order ? order : (x->step > y->step) - (x->step < y->step);
}

/* All baselines, none of them twice. */
static List *
read_baselines(Place root)
{
	JsonbContainer *array = array_at(root, "baselines", true);
	Place		place = {NULL, "baselines"};
	List	   *baselines = NIL;
	List	   *sorted;

	for (int i = 0; i < JsonContainerSize(array); i++)
		baselines = lappend(baselines,
							read_baseline(object_in(place, array, i)));
	sorted = list_copy(baselines);
	list_sort(sorted, compare_baselines);
	for (int i = 1; i < list_length(sorted); i++)
		if (compare_baselines(list_nth_cell(sorted, i - 1),
							  list_nth_cell(sorted, i)) == 0)
			refuse(root, "baselines", "has a feature twice");
	list_free(sorted);
	return baselines;
}

/* The baseline of one feature or output. */
static MlopsBaseline *
read_baseline(Place place)
{
	MlopsBaseline *baseline = palloc0(sizeof(MlopsBaseline));
	int			n_counts;
	int64		most = PG_INT64_MAX;

	baseline->feature = text_at(place, "feature", MaxAllocSize);
	baseline->kind = text_at(place, "kind", MAX_NAME);
	if (strcmp(baseline->kind, "number") != 0 &&
		strcmp(baseline->kind, "category") != 0 &&
		strcmp(baseline->kind, "prediction") != 0)
		refuse(place, "kind", "is not known");
	baseline->n = integer_at(place, "n", 0, most);
	baseline->n_missing = integer_at(place, "n_missing", 0, baseline->n);
	baseline->min = number_at(place, "min");
	baseline->max = number_at(place, "max");
	baseline->mean = number_at(place, "mean");
	baseline->stddev = number_at(place, "stddev");
	baseline->skewness = number_at(place, "skewness");
	baseline->has_moments = !isnan(baseline->min);
	if (baseline->min > baseline->max || baseline->stddev < 0)
		refuse(place, "max", "or \"stddev\" is out of range");
	read_bins(place, baseline);

	baseline->categories = texts_at(place, "categories",
									&baseline->n_categories);
	baseline->category_counts = integers_at(place, "category_counts",
											baseline->n, &n_counts);
	if (n_counts != baseline->n_categories || n_counts > MAX_CATEGORIES)
		refuse(place, "category_counts", "is of a wrong length");
	if (baseline->category_counts != NULL)
		baseline->n_other = integer_at(place, "n_other", 0, baseline->n);
	else if (member(place, "n_other", false) != NULL)
		refuse(place, "n_other", "is there without categories");
	return baseline;
}

/* Quantiles and bins: of the right lengths, limits in order. */
static void
read_bins(Place place, MlopsBaseline *baseline)
{
	int			n_bins;
	int			n_widths;

	baseline->quantiles = numbers_at(place, "quantiles",
									 &baseline->n_quantiles);
	if (baseline->n_quantiles > 0 && baseline->n_quantiles != N_QUANTILES)
		refuse(place, "quantiles", "is of a wrong length");
	baseline->edges = numbers_at(place, "edges", &baseline->n_edges);
	baseline->bin_counts = integers_at(place, "bin_counts", baseline->n,
									   &n_bins);
	if (baseline->n_edges > MAX_EDGES ||
		(n_bins < 0 ? baseline->n_edges >= 0 :
		 n_bins != baseline->n_edges + 1))
		refuse(place, "bin_counts", "is of a wrong length");
	for (int i = 1; i < baseline->n_quantiles; i++)
		if (!(baseline->quantiles[i - 1] <= baseline->quantiles[i]))
			refuse(place, "quantiles", "is not in order");
	for (int i = 1; i < baseline->n_edges; i++)
		if (!(baseline->edges[i - 1] <= baseline->edges[i]))
			refuse(place, "edges", "is not in order");
	baseline->width_counts = integers_at(place, "width_counts", baseline->n,
										 &n_widths);
	if (n_widths >= 0 && n_widths != N_WIDTHS)
		refuse(place, "width_counts", "is of a wrong length");
	baseline->n_widths = Max(n_widths, 0);
}

/* Order of baselines by what tells them apart. */
static int
compare_baselines(const ListCell *a, const ListCell *b)
{
	const MlopsBaseline *x = lfirst(a);
	const MlopsBaseline *y = lfirst(b);
	int			order = strcmp(x->kind, y->kind);

	return order ? order : strcmp(x->feature, y->feature);
}

/* A member that is an object. */
static Place
object_at(Place place, const char *key)
{
	JsonbValue *value = member(place, key, true);

	if (value->type != jbvBinary ||
		!JsonContainerIsObject(value->val.binary.data))
		refuse(place, key, "is no object");
	return (Place) {value->val.binary.data, key};
}

/* A member that is an array; NULL for null if it is not required. */
static JsonbContainer *
array_at(Place place, const char *key, bool required)
{
	JsonbValue *value = member(place, key, required);

	if (value == NULL)
		return NULL;
	if (value->type != jbvBinary ||
		!JsonContainerIsArray(value->val.binary.data))
		refuse(place, key, "is no array");
	return value->val.binary.data;
}

/* An element that is an object. */
static Place
object_in(Place place, JsonbContainer *array, int i)
{
	JsonbValue *value = getIthJsonbValueFromContainer(array, i);

	if (value->type != jbvBinary ||
		!JsonContainerIsObject(value->val.binary.data))
		refuse(place, NULL, "has an element that is no object");
	return (Place) {value->val.binary.data, place.where};
}

/* A member; null or absent is NULL if it is not required. */
static JsonbValue *
member(Place place, const char *key, bool required)
{
	JsonbValue *value = getKeyJsonValueFromContainer(place.object, key,
													 strlen(key), NULL);

	if (value != NULL && value->type == jbvNull)
		value = NULL;
	if (value == NULL && required)
		refuse(place, key, "is missing");
	return value;
}

/* A string of at most so many bytes, which may be empty. */
static char *
text_at(Place place, const char *key, size_t longest)
{
	return text_of(place, key, member(place, key, true), longest);
}

/* The same, or NULL. */
static char *
optional_text_at(Place place, const char *key, size_t longest)
{
	JsonbValue *value = member(place, key, false);

	return value == NULL ? NULL : text_of(place, key, value, longest);
}

/* The string of a value. */
static char *
text_of(Place place, const char *key, const JsonbValue *value, size_t longest)
{
	if (value->type != jbvString)
		refuse(place, key, "is no string");
	if (value->val.string.len > longest)
		refuse(place, key, "is too long");
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* An integer in a range. */
static int64
integer_at(Place place, const char *key, int64 least, int64 most)
{
	return integer_of(place, key, member(place, key, true), least, most);
}

/* The integer of a value. */
static int64
integer_of(Place place, const char *key, const JsonbValue *value,
		   int64 least, int64 most)
{
	double		rough;
	Datum		rounded;
	int64		number;

	if (value->type != jbvNumeric)
		refuse(place, key, "is no number");
	rough = number_of(place, key, value);
	if (!(fabs(rough) < 9.2e18))
		refuse(place, key, "is out of range");
	number = DatumGetInt64(DirectFunctionCall1(numeric_int8,
											   NumericGetDatum(value->val.numeric)));
	rounded = NumericGetDatum(int64_to_numeric(number));
	if (!DatumGetBool(DirectFunctionCall2(numeric_eq, rounded,
										  NumericGetDatum(value->val.numeric))))
		refuse(place, key, "is no integer");
	if (number < least || number > most)
		refuse(place, key, "is out of range");
	return number;
}

/* A number; null is NaN. */
static double
number_at(Place place, const char *key)
{
	JsonbValue *value = member(place, key, false);

	return value == NULL ? NAN : number_of(place, key, value);
}

/* The number of a value: null is NaN, infinities are strings. */
static double
number_of(Place place, const char *key, const JsonbValue *value)
{
	if (value->type == jbvNull)
		return NAN;
	if (value->type == jbvString && value->val.string.len == 8 &&
		memcmp(value->val.string.val, "Infinity", 8) == 0)
		return INFINITY;
	if (value->type == jbvString && value->val.string.len == 9 &&
		memcmp(value->val.string.val, "-Infinity", 9) == 0)
		return -INFINITY;
	if (value->type != jbvNumeric)
		refuse(place, key, "is no number");
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
											  NumericGetDatum(value->val.numeric)));
}

/* True or false. */
static bool
boolean_at(Place place, const char *key)
{
	JsonbValue *value = member(place, key, true);

	if (value->type != jbvBool)
		refuse(place, key, "is no boolean");
	return value->val.boolean;
}

/* A time; null is an error unless it can be told by *present. */
static TimestampTz
time_at(Place place, const char *key, bool *present)
{
	char	   *text = optional_text_at(place, key, MAX_NAME);

	if (present != NULL)
		*present = text != NULL;
	else if (text == NULL)
		refuse(place, key, "is missing");
	if (text == NULL)
		return 0;
	return DatumGetTimestampTz(OidFunctionCall3(F_TIMESTAMPTZ_IN,
												CStringGetDatum(text),
												ObjectIdGetDatum(InvalidOid),
												Int32GetDatum(-1)));
}

/* An array of strings; null is NULL, and *n is -1 then. */
static char **
texts_at(Place place, const char *key, int *n)
{
	JsonbContainer *array = array_at(place, key, false);
	char	  **texts;

	*n = -1;
	if (array == NULL)
		return NULL;
	*n = JsonContainerSize(array);
	texts = palloc(sizeof(char *) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		texts[i] = text_of(place, key, getIthJsonbValueFromContainer(array, i),
						   MaxAllocSize);
	return texts;
}

/* An array of integers from 0 on; null is NULL, and *n is -1 then. */
static int64 *
integers_at(Place place, const char *key, int64 most, int *n)
{
	JsonbContainer *array = array_at(place, key, false);
	int64	   *integers;

	*n = -1;
	if (array == NULL)
		return NULL;
	*n = JsonContainerSize(array);
	if (*n > MAX_EDGES + 1)
		refuse(place, key, "is too long");
	integers = palloc(sizeof(int64) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		integers[i] = integer_of(place, key,
								 getIthJsonbValueFromContainer(array, i),
								 0, most);
	return integers;
}

/* An array of numbers; null is NULL, and *n is -1 then. */
static double *
numbers_at(Place place, const char *key, int *n)
{
	JsonbContainer *array = array_at(place, key, false);
	double	   *numbers;

	*n = -1;
	if (array == NULL)
		return NULL;
	*n = JsonContainerSize(array);
	if (*n > MAX_EDGES)
		refuse(place, key, "is too long");
	numbers = palloc(sizeof(double) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		numbers[i] = number_of(place, key,
							   getIthJsonbValueFromContainer(array, i));
		if (isnan(numbers[i]))
			refuse(place, key, "has an element that is no number");
	}
	return numbers;
}

/* A member that is an object or array, as text. */
static char *
json_at(Place place, const char *key, bool object)
{
	JsonbValue *value = member(place, key, true);

	if (value->type != jbvBinary ||
		(object ? !JsonContainerIsObject(value->val.binary.data) :
		 !JsonContainerIsArray(value->val.binary.data)))
		refuse(place, key, object ? "is no object" : "is no array");
	return JsonbToCString(NULL, value->val.binary.data,
						  value->val.binary.len);
}

/* Refuse the bundle for what a member is. */
static void
refuse(Place place, const char *key, const char *problem)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("bundle is not valid"),
			 key ? errdetail("\"%s\" in %s %s.", key, place.where, problem) :
			 errdetail("What is in %s %s.", place.where, problem)));
}
