/*
 * window.c
 *		The rows of a source as numbers in which drift is looked for.
 *
 * The encoder of a version tells known categories; one that is missing to it
 * although the row has a value is unseen, and only then its bytes are looked
 * at again.  Of a source without a version every category is unseen at first.
 */
#include "postgres.h"

#include <math.h>

#include "data/dictionary.h"
#include "data/field.h"
#include "data/reader.h"
#include "data/source.h"
#include "data/window.h"
#include "pgtime.h"
#include "utils/builtins.h"

struct MlopsWindow
{
	MlopsWindowLayout *layout;
	MlopsReader *reader;
	int			n_categories;
	MlopsField *fields;			/* of the categories */
	TupleDesc	beside;
	int		   *feature;		/* [n_numbers]: where a number comes from; -1 of
								 * an output */
	float	   *values;
	MlopsWindowCallback callback;
	void	   *arg;
};

static MlopsWindowLayout *lay_out(const MlopsPredictor *predictor);
static MlopsWindowColumn *add_column(MlopsWindowLayout *layout,
									 MlopsWindowKind kind, const char *name,
									 int feature);
static void add_input(MlopsInput *input, const MlopsColumn *column);
static bool can_compare(const MlopsColumn *column, bool must);
static void take_row(const MlopsReaderRow *row, void *arg);
static float category_code(const MlopsWindow *window, int category,
						   float known, Datum value, bool null);

MlopsWindowLayout *
mlops_window_of_predictor(const MlopsPredictor *predictor)
{
	MlopsWindowLayout *layout = lay_out(predictor);

	layout->predict = true;
	return layout;
}

MlopsWindowLayout *
mlops_window_of_features(const MlopsPredictor *predictor)
{
	MlopsPredictor *features = palloc(sizeof(MlopsPredictor));

	*features = *predictor;
	features->version = NULL;
	return lay_out(features);
}

bool *
mlops_window_wanted(const MlopsWindowLayout *layout, List *names)
{
	bool	   *wanted = palloc0(sizeof(bool) * layout->n_columns);
	ListCell   *cell;

	for (int i = 0; i < layout->n_columns; i++)
		wanted[i] = names == NIL;
	foreach(cell, names)
	{
		const char *name = lfirst(cell);
		bool		found = false;

		for (int i = 0; i < layout->n_columns; i++)
		{
			const MlopsWindowColumn *column = &layout->columns[i];

			if (strcmp(column->name, name) != 0 &&
				(column->input == NULL || strcmp(column->input, name) != 0))
				continue;
			wanted[i] = found = true;
		}
		if (!found)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("the version has no feature \"%s\"", name),
					 errhint("mlops.importance() lists the features.")));
	}
	return wanted;
}

MlopsWindowLayout *
mlops_window_infer(const char *source, List *names)
{
	MlopsSource *opened = mlops_source_open(source);
	MlopsPredictor *predictor = palloc0(sizeof(MlopsPredictor));
	MlopsSignature *signature = palloc0(sizeof(MlopsSignature));
	ListCell   *cell;
	int			n = names == NIL ? opened->n_columns : list_length(names);

	signature->inputs = palloc0(sizeof(MlopsInput) * Max(n, 1));
	if (names == NIL)
	{
		for (int i = 0; i < n; i++)
			if (can_compare(&opened->columns[i], false))
				add_input(&signature->inputs[signature->n_inputs++],
						  &opened->columns[i]);
	}
	foreach(cell, names)
	{
		const MlopsColumn *column =
			&opened->columns[mlops_source_column(opened, lfirst(cell))];

		(void) can_compare(column, true);
		for (int i = 0; i < signature->n_inputs; i++)
			if (strcmp(signature->inputs[i].name, column->name) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_COLUMN),
						 errmsg("column \"%s\" is listed twice",
								column->name)));
		add_input(&signature->inputs[signature->n_inputs++], column);
	}
	if (signature->n_inputs == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("source has no column that can be compared")));
	signature->time_zone = pstrdup(pg_get_timezone_name(session_timezone));
	mlops_signature_lay_out(signature);
	predictor->signature = signature;
	predictor->info.n_features = signature->n_features;
	return lay_out(predictor);
}

MlopsWindow *
mlops_window_open(MlopsWindowLayout *layout, const char *source, List *beside)
{
	MlopsWindow *window = palloc0(sizeof(MlopsWindow));
	MlopsReaderRequest request = {0};
	TupleDesc	types;
	int			n = layout->n_columns - layout->n_numbers;

	window->layout = layout;
	window->n_categories = n;
	window->values = palloc(sizeof(float) * layout->n_columns);
	window->feature = palloc(sizeof(int) * Max(layout->n_numbers, 1));
	for (int i = 0; i < layout->n_numbers; i++)
		window->feature[i] = layout->columns[i].feature;
	request.source = source;
	request.n_predictors = 1;
	request.predictors = &layout->predictor;
	request.predict = layout->predict;
	for (int i = 0; i < n; i++)
		request.columns = lappend(request.columns, unconstify(char *,
															  layout->columns[layout->n_numbers + i].input));
	request.columns = list_concat(request.columns, beside);
	window->reader = mlops_reader_open(&request);

	types = mlops_reader_columns(window->reader);
	window->fields = palloc0(sizeof(MlopsField) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		const MlopsSignature *signature = layout->predictor->signature;
		int			feature = layout->columns[layout->n_numbers + i].feature;
		const MlopsInput *input = signature->inputs;
		Oid			type = TupleDescAttr(types, i)->atttypid;

		while (input->first_feature != feature)
			input++;
		(void) mlops_conversion_of(type, &window->fields[i].conversion);
		mlops_field_bind(&window->fields[i], type, input,
						 signature->time_zone);
	}
	window->beside = CreateTemplateTupleDesc(list_length(beside));
	for (int i = 0; i < list_length(beside); i++)
		TupleDescCopyEntry(window->beside, i + 1, types, n + i + 1);
	return window;
}

TupleDesc
mlops_window_beside(const MlopsWindow *window)
{
	return window->beside;
}

uint64
mlops_window_run(MlopsWindow *window, MlopsWindowCallback callback, void *arg)
{
	window->callback = callback;
	window->arg = arg;
	return mlops_reader_run(window->reader, take_row, window);
}

/* Columns for the features and outputs; categories last. */
static MlopsWindowLayout *
lay_out(const MlopsPredictor *predictor)
{
	const MlopsSignature *signature = predictor->signature;
	const MlopsVersion *version = predictor->version;
	int			n_outputs = version == NULL ? 0 : predictor->info.n_outputs;
	int			n = signature->n_features + n_outputs;
	MlopsWindowLayout *layout = palloc0(sizeof(MlopsWindowLayout));

	layout->predictor = predictor;
	layout->columns = palloc0(sizeof(MlopsWindowColumn) * n);
	layout->order = palloc(sizeof(int) * n);
	for (int i = 0; i < signature->n_inputs; i++)
	{
		const MlopsInput *input = &signature->inputs[i];

		for (int f = input->first_feature;
			 input->kind != MLOPS_INPUT_CATEGORY &&
			 f < input->first_feature + input->n_features; f++)
			add_column(layout, MLOPS_WINDOW_NUMBER,
					   signature->feature_names[f], f)->input = input->name;
	}
	for (int i = 0; i < n_outputs; i++)
		add_column(layout, MLOPS_WINDOW_PREDICTION, n_outputs > 1 ?
				   version->classes[i] : "prediction", -1);
	layout->n_numbers = layout->n_columns;
	for (int i = 0; i < signature->n_inputs; i++)
	{
		const MlopsInput *input = &signature->inputs[i];
		MlopsWindowColumn *column;

		if (input->kind != MLOPS_INPUT_CATEGORY)
			continue;
		column = add_column(layout, MLOPS_WINDOW_CATEGORY, input->name,
							input->first_feature);
		column->input = input->name;
		column->n_known = input->n_categories;
		column->categories = input->categories;
		column->others = mlops_dictionary_create();
	}
	for (int i = 0, output = 0; i < n; i++)
	{
		int			feature = layout->columns[i].feature;

		layout->order[feature >= 0 ? feature :
					  signature->n_features + output++] = i;
	}
	return layout;
}

/* One column more. */
static MlopsWindowColumn *
add_column(MlopsWindowLayout *layout, MlopsWindowKind kind, const char *name,
		   int feature)
{
	MlopsWindowColumn *column = &layout->columns[layout->n_columns++];

	column->kind = kind;
	column->name = name;
	column->feature = feature;
	return column;
}

/* An input for a column that can be compared. */
static void
add_input(MlopsInput *input, const MlopsColumn *column)
{
	MlopsConversion conversion;

	(void) mlops_conversion_of(column->type, &conversion);
	input->name = pstrdup(column->name);
	input->type_name = format_type_with_typemod(column->type, column->typmod);
	input->kind = mlops_conversion_kind(conversion);
}

/* Can a column be compared?  42804 if it must and cannot. */
static bool
can_compare(const MlopsColumn *column, bool must)
{
	MlopsConversion conversion;
	bool		can = mlops_conversion_of(column->type, &conversion) &&
		!MLOPS_IS_ARRAY(conversion);

	if (must && !can)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" cannot be compared", column->name),
				 errdetail("It is of type %s.",
						   format_type_with_typemod(column->type,
													column->typmod)),
				 errhint("Cast it in a query, or take parts of it.")));
	return can;
}

/* Callback of the reader: put a row's values where the layout has them. */
static void
take_row(const MlopsReaderRow *row, void *arg)
{
	MlopsWindow *window = arg;
	const MlopsWindowLayout *layout = window->layout;
	const float *features = row->features[0];
	const int  *feature = window->feature;
	float	   *values = window->values;
	int			output = 0;

	for (int i = 0; i < layout->n_numbers; i++)
		values[i] = feature[i] >= 0 ? features[feature[i]] :
			row->outputs[0][output++];
	for (int i = 0; i < window->n_categories; i++)
	{
		int			column = layout->n_numbers + i;

		values[column] =
			category_code(window, i, features[layout->columns[column].feature],
						  row->values[i], row->nulls[i]);
	}
	window->callback(values, row->values + window->n_categories,
					 row->nulls + window->n_categories, window->arg);
}

/*
 * The code of a category: the known one, else one of those that came besides;
 * all that there is no more room for share the last code.
 */
static float
category_code(const MlopsWindow *window, int category, float known,
			  Datum value, bool null)
{
	const MlopsWindowColumn *column =
		&window->layout->columns[window->layout->n_numbers + category];
	MlopsBytes	bytes;
	int			code;

	if (null || !isnan(known))
		return known;
	mlops_bytes_open(&window->fields[category], value, &bytes);
	code = mlops_dictionary_add(column->others, bytes.bytes, bytes.length);
	mlops_bytes_close(&bytes);
	return column->n_known + (code < 0 ? MLOPS_DICTIONARY_VALUES : code);
}
