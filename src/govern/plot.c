/*
 * plot.c
 *		Charts of versions: what can be drawn of which.
 *
 * The charts themselves are put together in SQL, out of what the functions
 * for evaluation and explanation return; here is what SQL cannot say well:
 * which version is meant, whether the call makes sense, and numbers as text.
 */
#include "postgres.h"

#include "base/base.h"
#include "catalog/catalog.h"
#include "fmgr.h"
#include "funcapi.h"
#include "math/ticks.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(mlops_plot_version);
PG_FUNCTION_INFO_V1(mlops_plot_number);
PG_FUNCTION_INFO_V1(mlops_plot_metric);

/* A kind of chart, and what it needs. */
typedef struct PlotKind
{
	const char *name;
	bool		classes;		/* of classification models only */
	bool		source;
	bool		feature;
	MlopsPrivilege privilege;
} PlotKind;

static const PlotKind kinds[] = {
	{"roc", true, true, false, MLOPS_PREDICT},
	{"pr", true, true, false, MLOPS_PREDICT},
	{"lift", true, true, false, MLOPS_PREDICT},
	{"calibration", true, true, false, MLOPS_PREDICT},
	{"confusion", true, true, false, MLOPS_PREDICT},
	{"learning_curve", false, false, false, MLOPS_READ},
	{"importance", false, false, false, MLOPS_READ},
	{"partial_dependence", false, true, true, MLOPS_PREDICT}
};

static const PlotKind *find_kind(const char *name);
static void require(const PlotKind *kind, bool given, const char *argument);

/*
 * _plot_version(model model_ref, kind text, source text, feature text)
 * returns (name text, version integer, task text, classes text[],
 * target text), after checking the arguments of mlops.plot().
 */
Datum
mlops_plot_version(PG_FUNCTION_ARGS)
{
	char	   *model = mlops_required_text(fcinfo, 0, "model");
	const PlotKind *kind = find_kind(mlops_required_text(fcinfo, 1, "kind"));
	MlopsReference reference = mlops_reference_parse(model);
	Snapshot	snapshot = GetActiveSnapshot();
	MlopsVersion *version;
	TupleDesc	desc;
	Datum		values[5];
	bool		nulls[5] = {false};

	version = mlops_version_load(mlops_resolve(&reference, snapshot,
											   kind->privilege), snapshot);
	if (kind->classes && version->n_classes == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("chart \"%s\" is of classes, model \"%s\" has none",
						kind->name, reference.model),
				 errhint("Charts of every model are learning_curve, "
						 "importance and partial_dependence.")));
	require(kind, !kind->source || !PG_ARGISNULL(2), "source");
	require(kind, !kind->feature || !PG_ARGISNULL(3), "feature");

	desc = mlops_result_type(fcinfo);
	values[0] = CStringGetTextDatum(reference.model);
	values[1] = Int32GetDatum(version->version);
	values[2] = CStringGetTextDatum(version->task);
	nulls[3] = version->n_classes == 0;
	if (!nulls[3])
		values[3] = PointerGetDatum(mlops_text_array((const char *const *)
													 version->classes,
													 version->n_classes));
	values[4] = CStringGetTextDatum(version->target);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc,
													  values, nulls)));
}

/* _plot_number(value float8, digits integer) returns text */
Datum
mlops_plot_number(PG_FUNCTION_ARGS)
{
	int			digits = PG_GETARG_INT32(1);
	char		text[64];

	mlops_readable_number(PG_GETARG_FLOAT8(0), Max(1, Min(digits, 15)), text,
						  sizeof(text));
	PG_RETURN_TEXT_P(cstring_to_text(text));
}

/*
 * _plot_metric(metric text, known text[], model text) returns text: the
 * metric; 55000 if none is known, 22023 if this one is not.
 */
Datum
mlops_plot_metric(PG_FUNCTION_ARGS)
{
	char	   *metric = mlops_optional_text(fcinfo, 0);
	char	   *model = mlops_required_text(fcinfo, 2, "model");
	List	   *known = mlops_optional_list(fcinfo, 1);
	const char *names[100];
	int			n = 0;
	const char *near;
	ListCell   *cell;

	if (known == NIL || metric == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no metrics by round are stored for model \"%s\"",
						model),
				 errdetail("Imported models have none.")));
	foreach(cell, known)
	{
		if (strcmp(lfirst(cell), metric) == 0)
			PG_RETURN_TEXT_P(cstring_to_text(metric));
		if (n < lengthof(names))
			names[n++] = lfirst(cell);
	}
	near = mlops_closest_match(metric, names, n);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("no metric \"%s\" is stored by round", metric),
			 errhint("Perhaps you meant \"%s\".", near ? near : names[0])));
}

/* The kind of that name; 22023 if there is none. */
static const PlotKind *
find_kind(const char *name)
{
	const char *names[lengthof(kinds)];
	const char *near;

	for (int i = 0; i < lengthof(kinds); i++)
	{
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
		names[i] = kinds[i].name;
	}
	near = mlops_closest_match(name, names, lengthof(names));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("there is no chart \"%s\"", name),
			 near ? errhint("Perhaps you meant \"%s\".", near) :
			 errhint("Charts are roc, pr, lift, calibration, confusion, "
					 "learning_curve, importance and "
					 "partial_dependence.")));
}

/* 22023 if an argument that the kind needs is not given. */
static void
require(const PlotKind *kind, bool given, const char *argument)
{
	if (!given)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("chart \"%s\" needs a %s", kind->name, argument),
				 errhint("Pass argument \"%s\".", argument)));
}
