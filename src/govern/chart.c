/*
 * chart.c
 *		The specification of a chart: jsonb in, checked structs out.
 *
 * A key that is not known is an error, as a misspelt one would be drawn as
 * if it were not there.  A number that is none (null, NaN, infinity) is no
 * error but a gap.  An axis whose values are strings is one of categories,
 * in the order in which they come.
 */
#include "postgres.h"

#include <limits.h>
#include <math.h>

#include "base/base.h"
#include "govern/chart.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/float.h"

/* Sizes of a chart, in pixels. */
#define MIN_SIZE	200
#define MAX_SIZE	4000
#define WIDTH		720

static const char *const chart_keys[] = {
	"title", "subtitle", "description", "width", "height", "square",
	"x", "y", "series"
};
static const char *const axis_keys[] = {"label", "min", "max", "categories"};
static const char *const series_keys[] = {
	"type", "name", "color", "dash", "x", "y", "low", "high", "base",
	"shade", "labels"
};
static const char *const mark_names[] = {
	"line", "step", "points", "bars", "band", "cells"
};

static void check_keys(JsonbContainer *object, const char *where,
					   const char *const *known, int n_known);
static void read_axis(JsonbContainer *chart, const char *name,
					  MlopsAxis *axis);
static void read_series(JsonbContainer *object, MlopsChart *chart,
						MlopsSeries *series);
static void check_series(const MlopsChart *chart, const MlopsSeries *series);
static MlopsMark read_mark(JsonbContainer *object);
static double *read_values(JsonbContainer *object, const char *key,
						   MlopsAxis *axis, int *n);
static double value_of(JsonbValue *value, const char *key, MlopsAxis *axis);
static double category_of(MlopsAxis *axis, const char *name);
static char **read_strings(JsonbContainer *object, const char *key, int *n);
static char *string_of(const JsonbValue *value);
static JsonbValue *get(JsonbContainer *object, const char *key);
static JsonbContainer *get_container(JsonbContainer *object, const char *key,
									 bool array);
static char *get_string(JsonbContainer *object, const char *key);
static bool get_number(JsonbContainer *object, const char *key, double *value);
static bool get_bool(JsonbContainer *object, const char *key);
static void wrong_type(const char *key, const char *wanted);

/* See chart.h. */
MlopsChart *
mlops_chart_read(Jsonb *spec)
{
	MlopsChart *chart = palloc0(sizeof(MlopsChart));
	JsonbContainer *object = &spec->root;
	JsonbContainer *list;

	if (!JB_ROOT_IS_OBJECT(spec))
		wrong_type(NULL, "an object");
	check_keys(object, "a chart", chart_keys, lengthof(chart_keys));
	chart->title = get_string(object, "title");
	chart->subtitle = get_string(object, "subtitle");
	chart->description = get_string(object, "description");
	chart->square = get_bool(object, "square");
	chart->width = WIDTH;
	for (int i = 0; i < 2; i++)
	{
		const char *key = i == 0 ? "width" : "height";
		double	   *size = i == 0 ? &chart->width : &chart->height;

		if (get_number(object, key, size) &&
			!(*size >= MIN_SIZE && *size <= MAX_SIZE))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"%s\" is out of range", key),
					 errhint("It must be at least %d and at most %d.",
							 MIN_SIZE, MAX_SIZE)));
	}
	read_axis(object, "x", &chart->x);
	read_axis(object, "y", &chart->y);

	list = get_container(object, "series", true);
	if (list == NULL)
		return chart;
	chart->n_series = JsonContainerSize(list);
	if (chart->n_series > MLOPS_MAX_SERIES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a chart cannot have %d series", chart->n_series),
				 errdetail("The limit is %d.", MLOPS_MAX_SERIES)));
	chart->series = palloc0(sizeof(MlopsSeries) * (chart->n_series + 1));
	for (int i = 0; i < chart->n_series; i++)
	{
		JsonbValue *value = getIthJsonbValueFromContainer(list, i);

		if (value->type != jbvBinary ||
			!JsonContainerIsObject(value->val.binary.data))
			wrong_type("series", "an array of objects");
		chart->series[i].color = i % 8 + 1;
		read_series(value->val.binary.data, chart, &chart->series[i]);
	}
	for (int i = 0; i < chart->n_series; i++)
		check_series(chart, &chart->series[i]);
	return chart;
}

/* 22023 if the object has a key that is not known. */
static void
check_keys(JsonbContainer *object, const char *where,
		   const char *const *known, int n_known)
{
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue	value;

	/* the start of the object; then keys, with values skipped */
	(void) JsonbIteratorNext(&iterator, &value, true);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *key;
		const char *near;
		bool		found = false;

		if (token != WJB_KEY)
			continue;
		key = string_of(&value);
		for (int i = 0; i < n_known && !found; i++)
			found = strcmp(key, known[i]) == 0;
		if (found)
			continue;
		near = mlops_closest_match(key, known, n_known);
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s has no \"%s\"", where, key),
				 near ? errhint("Perhaps you meant \"%s\".", near) :
				 errhint("See mlops.draw() in docs/reference.md.")));
	}
}

/* Read the axis of that name; without one it is empty. */
static void
read_axis(JsonbContainer *chart, const char *name, MlopsAxis *axis)
{
	JsonbContainer *object = get_container(chart, name, false);

	if (object == NULL)
		return;
	check_keys(object, "an axis", axis_keys, lengthof(axis_keys));
	axis->label = get_string(object, "label");
	axis->has_low = get_number(object, "min", &axis->low);
	axis->has_high = get_number(object, "max", &axis->high);
	if (axis->has_low && axis->has_high && !(axis->low < axis->high))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"min\" of the %s axis must be below \"max\"",
						name),
				 errdetail("They are %g and %g.", axis->low, axis->high)));
	axis->categories = read_strings(object, "categories",
									&axis->n_categories);
	axis->categorical = axis->categories != NULL;
	axis->n_categories = Max(axis->n_categories, 0);
	if (axis->n_categories > MLOPS_MAX_CATEGORIES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("an axis cannot have %d categories",
						axis->n_categories),
				 errdetail("The limit is %d.", MLOPS_MAX_CATEGORIES)));
}

/* Read a series; its values may add categories to the axes. */
static void
read_series(JsonbContainer *object, MlopsChart *chart, MlopsSeries *series)
{
	struct
	{
		const char *key;
		double	  **values;
		MlopsAxis  *axis;
	}			arrays[] = {
		{"x", &series->x, &chart->x},
		{"y", &series->y, &chart->y},
		{"low", &series->low, NULL},
		{"high", &series->high, NULL},
		{"base", &series->base, NULL},
		{"shade", &series->shade, NULL}
	};
	double		color;
	int			n;

	check_keys(object, "a series", series_keys, lengthof(series_keys));
	series->mark = read_mark(object);
	series->name = get_string(object, "name");
	series->dashed = get_bool(object, "dash");
	if (get_number(object, "color", &color))
	{
		if (!(color >= 0 && color <= 8 && color == floor(color)))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"color\" is out of range"),
					 errhint("It must be at least 0, a neutral one, and at most 8.")));
		series->color = (int) color;
	}

	series->n = -1;
	for (int i = 0; i <= lengthof(arrays); i++)
	{
		const char *key = "labels";

		if (i < lengthof(arrays))
		{
			key = arrays[i].key;
			*arrays[i].values = read_values(object, key, arrays[i].axis, &n);
		}
		else
			series->labels = read_strings(object, key, &n);
		if (n >= 0 && series->n >= 0 && n != series->n)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("arrays of a series differ in length"),
					 errdetail("\"%s\" has %d elements, those before it "
							   "have %d.", key, n, series->n)));
		series->n = Max(series->n, n);
	}
	series->n = Max(series->n, 0);
}

/* 22023 unless the series has what its kind needs; 54000 if too much. */
static void
check_series(const MlopsChart *chart, const MlopsSeries *series)
{
	const char *missing = NULL;
	int			most = series->mark == MLOPS_BARS ? MLOPS_MAX_BARS :
		series->mark == MLOPS_CELLS ? MLOPS_MAX_CELLS : INT_MAX;

	if (series->n > most)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a series cannot have %d %s", series->n,
						mark_names[series->mark]),
				 errdetail("The limit is %d.", most)));
	if (series->x == NULL)
		missing = "x";
	else if (series->mark == MLOPS_BAND)
		missing = series->low == NULL ? "low" :
			series->high == NULL ? "high" : NULL;
	else if (series->y == NULL)
		missing = "y";
	else if (series->mark == MLOPS_CELLS && series->shade == NULL)
		missing = "shade";
	if (missing != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a series of %s needs \"%s\"",
						mark_names[series->mark], missing),
				 errhint("Give it an array of one value for each mark.")));

	if (series->n == 0)
		return;
	if (series->mark == MLOPS_CELLS &&
		!(chart->x.categorical && chart->y.categorical))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cells need categories on both axes"),
				 errhint("Give the axes \"categories\", or texts as values.")));
	if (series->mark == MLOPS_BARS &&
		chart->x.categorical && chart->y.categorical)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("bars need numbers on one axis"),
				 errdetail("Both axes have categories.")));
}

/* The kind of a series, by its type. */
static MlopsMark
read_mark(JsonbContainer *object)
{
	char	   *name = get_string(object, "type");
	const char *near;

	if (name == NULL)
		name = "line";
	for (int i = 0; i < lengthof(mark_names); i++)
		if (strcmp(name, mark_names[i]) == 0)
			return (MlopsMark) i;
	near = mlops_closest_match(name, mark_names, lengthof(mark_names));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("a series has no type \"%s\"", name),
			 near ? errhint("Perhaps you meant \"%s\".", near) :
			 errhint("Types are line, step, points, bars, band and cells.")));
}

/*
 * The array of numbers under the key, NULL and *n = -1 if there is none.
 * With an axis its elements may be categories.
 */
static double *
read_values(JsonbContainer *object, const char *key, MlopsAxis *axis, int *n)
{
	JsonbContainer *array = get_container(object, key, true);
	double	   *values;

	*n = -1;
	if (array == NULL)
		return NULL;
	*n = JsonContainerSize(array);
	values = palloc(sizeof(double) * (*n + 1));
	for (int i = 0; i < *n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		values[i] = value_of(getIthJsonbValueFromContainer(array, i), key,
							 axis);
	}
	return values;
}

/* A number; NaN for what is not finite, the place of a category. */
static double
value_of(JsonbValue *value, const char *key, MlopsAxis *axis)
{
	double		number = get_float8_nan();

	if (value->type == jbvNumeric)
	{
		Datum		numeric = NumericGetDatum(value->val.numeric);

		number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
													numeric));
		/* so far out, sums and products of coordinates overflow */
		if (!(fabs(number) <= 1e300))
			number = get_float8_nan();
	}
	else if (value->type == jbvString)
	{
		char	   *text = string_of(value);

		if (axis != NULL && axis->categorical)
			return category_of(axis, text);
		if (strcmp(text, "NaN") == 0 || strcmp(text, "Infinity") == 0 ||
			strcmp(text, "-Infinity") == 0)
			return number;
		if (axis == NULL)
			wrong_type(key, "an array of numbers");
		return category_of(axis, text);
	}
	else if (value->type != jbvNull)
		wrong_type(key, axis ? "an array of numbers or strings" :
				   "an array of numbers");
	return number;
}

/* The place of a category on the axis, where it is put if it is new. */
static double
category_of(MlopsAxis *axis, const char *name)
{
	char	  **grown;

	for (int i = 0; i < axis->n_categories; i++)
		if (strcmp(axis->categories[i], name) == 0)
			return i + 1;
	if (axis->n_categories >= MLOPS_MAX_CATEGORIES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("an axis cannot have more than %d categories",
						MLOPS_MAX_CATEGORIES)));
	grown = palloc(sizeof(char *) * (axis->n_categories + 1));
	if (axis->n_categories > 0)
		memcpy(grown, axis->categories, sizeof(char *) * axis->n_categories);
	axis->categories = grown;
	axis->categorical = true;
	axis->categories[axis->n_categories++] = pstrdup(name);
	return axis->n_categories;
}

/* The array of scalars under the key as strings, "" for null; or NULL. */
static char **
read_strings(JsonbContainer *object, const char *key, int *n)
{
	JsonbContainer *array = get_container(object, key, true);
	char	  **strings;

	*n = array == NULL ? -1 : JsonContainerSize(array);
	if (array == NULL)
		return NULL;
	strings = palloc(sizeof(char *) * (*n + 1));
	for (int i = 0; i < *n; i++)
	{
		JsonbValue *value = getIthJsonbValueFromContainer(array, i);

		CHECK_FOR_INTERRUPTS();
		strings[i] = string_of(value);
		if (strings[i] == NULL)
			wrong_type(key, "an array of strings");
	}
	return strings;
}

/* A scalar as text; NULL if it is none. */
static char *
string_of(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			return pnstrdup(value->val.string.val, value->val.string.len);
		case jbvNumeric:
			return DatumGetCString(DirectFunctionCall1(numeric_out,
													   NumericGetDatum(value->val.numeric)));
		case jbvBool:
			return pstrdup(value->val.boolean ? "true" : "false");
		case jbvNull:
			return pstrdup("");
		default:
			return NULL;
	}
}

/* The value of a key, NULL if there is none or it is null. */
static JsonbValue *
get(JsonbContainer *object, const char *key)
{
	JsonbValue *value = getKeyJsonValueFromContainer(object, key, strlen(key),
													 NULL);

	return value == NULL || value->type == jbvNull ? NULL : value;
}

/* The array or object under a key, or NULL. */
static JsonbContainer *
get_container(JsonbContainer *object, const char *key, bool array)
{
	JsonbValue *value = get(object, key);

	if (value == NULL)
		return NULL;
	if (value->type != jbvBinary ||
		JsonContainerIsArray(value->val.binary.data) != array)
		wrong_type(key, array ? "an array" : "an object");
	return value->val.binary.data;
}

/* The string under a key, or NULL. */
static char *
get_string(JsonbContainer *object, const char *key)
{
	JsonbValue *value = get(object, key);

	if (value != NULL && value->type == jbvBinary)
		wrong_type(key, "a string");
	return value == NULL ? NULL : string_of(value);
}

/* Whether there is a finite number under the key, and which. */
static bool
get_number(JsonbContainer *object, const char *key, double *number)
{
	JsonbValue *value = get(object, key);
	double		found;

	if (value == NULL)
		return false;
	if (value->type != jbvNumeric)
		wrong_type(key, "a number");
	found = value_of(value, key, NULL);
	if (isnan(found))
		wrong_type(key, "a number of at most 1e300");
	*number = found;
	return true;
}

/* The boolean under a key, false if there is none. */
static bool
get_bool(JsonbContainer *object, const char *key)
{
	JsonbValue *value = get(object, key);

	if (value == NULL)
		return false;
	if (value->type != jbvBool)
		wrong_type(key, "true or false");
	return value->val.boolean;
}

/* 22023: something, or all of it, is of the wrong type. */
static void
wrong_type(const char *key, const char *wanted)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 key == NULL ? errmsg("a chart must be %s", wanted) :
			 errmsg("\"%s\" of a chart must be %s", key, wanted),
			 errhint("See mlops.draw() in docs/reference.md.")));
}
