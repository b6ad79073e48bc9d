/*
 * glance.c
 *		mlops.drift_glance(): what the statistics of a table say of drift.
 *
 * ANALYZE leaves a histogram and the most frequent values, of which the share
 * of each bin of the baseline follows to within a bucket.  What they leave
 * open is taken as the baseline has it: a glance finds what is certain, and
 * what it finds is then looked at by a scan.
 */
#include "postgres.h"

#include <math.h>

#include "base/base.h"
#include "catalog/catalog.h"
#include "catalog/pg_class.h"
#include "data/statistics.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#include "watch/drift.h"

PG_FUNCTION_INFO_V1(mlops_drift_glance);

/* Columns of the result. */
enum
{
	COLUMN_FEATURE, COLUMN_KIND, COLUMN_STATUS, COLUMN_PSI, COLUMN_LINF,
	COLUMN_MISSING, COLUMN_MISSING_REFERENCE, COLUMN_ANALYZED_AT, COLUMN_N,
	COLUMN_SOURCE, N_COLUMNS
};

/* Where a figure comes from. */
typedef enum Origin
{
	FROM_NOTHING,
	FROM_STATISTICS,
	FROM_SCAN
} Origin;

/* What one call does. */
typedef struct Glance
{
	MlopsWindowLayout *layout;
	bool	   *wanted;			/* [n_columns] */
	MlopsDriftOptions options;
	MlopsDriftReference *reference;
	MlopsStatistics *statistics;
	MlopsDriftFigures *figures; /* [n_columns] */
	Origin	   *origin;			/* [n_columns] */
	ReturnSetInfo *result;
} Glance;

static MlopsDriftReference *stored_reference(const Glance *glance,
											 const MlopsPredictor *predictor,
											 const char *spelled);
static const MlopsColumnStatistics *statistics_of(const Glance *glance,
												  int column);
static void look(Glance *glance, int column);
static double *share_numbers(const MlopsSummary *base,
							 const MlopsColumnStatistics *known);
static double share_below(const MlopsColumnStatistics *known, double edge,
						  double wanted);
static double *share_categories(const MlopsDriftCategories *base,
								const MlopsWindowColumn *column,
								const MlopsColumnStatistics *known);
static int	slot_of(const MlopsDriftCategories *base,
					const MlopsWindowColumn *column, const char *text);
static void share_rest(const MlopsDriftCategories *base,
					   const MlopsColumnStatistics *known,
					   const bool *common, double *shares);
static void report_gaps(const Glance *glance, MlopsKnowledge knowledge);
static void escalate(Glance *glance, const char *relation);
static void put_row(const Glance *glance, int column);

/* drift_glance(model, relation, features, escalate, thresholds) */
Datum
mlops_drift_glance(PG_FUNCTION_ARGS)
{
	Glance		glance = {0};
	char	   *spelled = mlops_required_text(fcinfo, 0, "model");
	char	   *relation = mlops_required_text(fcinfo, 1, "relation");
	bool		may_scan = PG_ARGISNULL(3) || PG_GETARG_BOOL(3);
	MlopsReference reference = mlops_reference_parse(spelled);
	Snapshot	snapshot = GetActiveSnapshot();
	MlopsPredictor *predictor;
	MemoryContext context;
	MemoryContext caller;

	InitMaterializedSRF(fcinfo, 0);
	glance.result = (ReturnSetInfo *) fcinfo->resultinfo;
	context = AllocSetContextCreate(CurrentMemoryContext, "mlops glance",
									ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);
	mlops_drift_options(&glance.options, PG_ARGISNULL(4) ? NULL :
						PG_GETARG_JSONB_P(4));
	predictor = mlops_predictor_load(mlops_resolve(&reference, snapshot,
												   MLOPS_READ), snapshot);
	glance.layout = mlops_window_of_features(predictor);
	glance.wanted = mlops_window_wanted(glance.layout,
										mlops_optional_list(fcinfo, 2));
	glance.reference = stored_reference(&glance, predictor, spelled);
	glance.statistics = mlops_statistics_read(relation,
											  predictor->signature);
	glance.figures = palloc0(sizeof(MlopsDriftFigures) *
							 glance.layout->n_columns);
	glance.origin = palloc0(sizeof(Origin) * glance.layout->n_columns);
	for (int i = 0; i < glance.layout->n_columns; i++)
		if (glance.wanted[i])
			look(&glance, i);
	report_gaps(&glance, MLOPS_HIDDEN);
	report_gaps(&glance, MLOPS_NOT_ANALYZED);
	if (may_scan)
		escalate(&glance, relation);
	for (int i = 0; i < glance.layout->n_columns; i++)
		if (glance.wanted[glance.layout->order[i]])
			put_row(&glance, glance.layout->order[i]);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}

/* The stored baseline; 55000 if there is none. */
static MlopsDriftReference *
stored_reference(const Glance *glance, const MlopsPredictor *predictor,
				 const char *spelled)
{
	List	   *baselines = mlops_baselines(predictor->version->version_id,
											GetActiveSnapshot());
	MlopsDriftReference *reference;

	if (baselines == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no baseline", spelled),
				 errdetail("Its version was not trained here."),
				 errhint("Use mlops.drift() with a reference.")));
	reference = mlops_drift_reference_stored(glance->layout, baselines);
	mlops_drift_reference_skip_widths(reference);
	return reference;
}

/* What is known of the column that a column of the layout is made of. */
static const MlopsColumnStatistics *
statistics_of(const Glance *glance, int column)
{
	const MlopsSignature *signature = glance->layout->predictor->signature;
	int			feature = glance->layout->columns[column].feature;
	int			input = 0;

	while (signature->inputs[input].first_feature +
		   signature->inputs[input].n_features <= feature)
		input++;
	return &glance->statistics->columns[input];
}

/* Hold the statistics of a column against the baseline. */
static void
look(Glance *glance, int column)
{
	const MlopsColumnStatistics *known = statistics_of(glance, column);
	const MlopsWindowLayout *layout = glance->layout;
	MlopsDriftReference *reference = glance->reference;
	MlopsDriftFigures *figures = &glance->figures[column];
	double	   *shares;

	CHECK_FOR_INTERRUPTS();
	if (known->knowledge != MLOPS_KNOWN)
	{
		figures->column = &layout->columns[column];
		figures->missing = figures->missing_reference = NAN;
		for (int i = 0; i < MLOPS_FIGURES; i++)
			figures->figure[i] = NAN;
		return;
	}
	if (column < layout->n_numbers)
		shares = share_numbers(&reference->numbers[column], known);
	else
		shares = share_categories(&reference->categories[column -
														 layout->n_numbers],
								  &layout->columns[column], known);
	mlops_drift_measure_shares(reference, column, shares,
							   glance->statistics->sample, figures);
	mlops_drift_decide(figures, &glance->options);
	glance->origin[column] = FROM_STATISTICS;
}

/* The share of each bin, and of what is missing. */
static double *
share_numbers(const MlopsSummary *base, const MlopsColumnStatistics *known)
{
	double	   *shares = palloc0(sizeof(double) * (base->n_bins + 1));
	double		present = 1 - known->missing;
	double		base_present = base->n - base->n_missing;
	double		base_below = 0;
	double		before = 0;

	for (int b = 0; b < base->n_bins - 1; b++)
	{
		double		below;

		base_below += base->bin_count[b];
		below = share_below(known, base->edge[b],
							base_below / base_present * present);
		below = fmax(below, before);
		shares[b] = below - before;
		before = below;
	}
	shares[base->n_bins - 1] = fmax(present - before, 0);
	shares[base->n_bins] = known->missing;
	return shares;
}

/*
 * How much lies at an edge and below.  That is known to within the bucket that
 * the edge lies in: if it may be as much as the baseline has, it is, else the
 * values of the bucket are taken as even.
 */
static double
share_below(const MlopsColumnStatistics *known, double edge, double wanted)
{
	double		bucket = known->rest / (known->n_bounds - 1);
	double		least = 0;
	double		most;
	double		likely;

	for (int i = 0; i < known->n_common; i++)
		if (known->common_number[i] <= edge)
			least += known->common_share[i];
	likely = most = least;
	for (int i = 0; i + 1 < known->n_bounds; i++)
	{
		double		low = known->bounds[i];
		double		high = known->bounds[i + 1];
		double		part = (edge - low) / (high - low);

		if (low > edge)
			break;
		most += bucket;
		if (high <= edge)
		{
			least += bucket;
			likely += bucket;
		}
		else if (part >= 0 && part <= 1)
			likely += part * bucket;
	}
	/* others that are too few for a histogram may be anywhere */
	if (known->n_bounds < 2)
		most += known->rest;
	return wanted >= least && wanted <= most ? wanted : likely;
}

/* The share of each slot. */
static double *
share_categories(const MlopsDriftCategories *base,
				 const MlopsWindowColumn *column,
				 const MlopsColumnStatistics *known)
{
	double	   *shares = palloc0(sizeof(double) * MLOPS_SLOTS(base));
	bool	   *common = palloc0(sizeof(bool) * MLOPS_SLOTS(base));

	for (int i = 0; i < known->n_common; i++)
	{
		int			slot = slot_of(base, column, known->common_text[i]);

		shares[slot] += known->common_share[i];
		common[slot] = slot != MLOPS_SLOT_OTHER(base);
	}
	share_rest(base, known, common, shares);
	shares[MLOPS_SLOT_MISSING(base)] = known->missing;
	return shares;
}

/* The slot of a category; the others' if it has none. */
static int
slot_of(const MlopsDriftCategories *base, const MlopsWindowColumn *column,
		const char *text)
{
	for (int code = 0; code < column->n_known; code++)
		if (strcmp(column->categories[code], text) == 0)
			return base->slot[code];
	return MLOPS_SLOT_OTHER(base);
}

/*
 * What is not among the most frequent values goes to the slots that are not,
 * as the baseline has them, but none gets more than the last of the most
 * frequent has.
 */
static void
share_rest(const MlopsDriftCategories *base,
		   const MlopsColumnStatistics *known, const bool *common,
		   double *shares)
{
	int			other = MLOPS_SLOT_OTHER(base);
	double		total = 0;
	double		left = known->rest;
	double		most = known->n_common == 0 ? 0 :
		known->common_share[known->n_common - 1];

	for (int i = 0; i <= other; i++)
		if (!common[i])
			total += base->count[i];
	for (int i = 0; i < other; i++)
	{
		double		share;

		if (common[i] || total == 0)
			continue;
		share = fmin(known->rest * base->count[i] / total, most);
		shares[i] = share;
		left -= share;
	}
	shares[other] += fmax(left, 0);
}

/* Say of which columns nothing is known, and why. */
static void
report_gaps(const Glance *glance, MlopsKnowledge knowledge)
{
	const MlopsWindowLayout *layout = glance->layout;
	const char *name = get_rel_name(glance->statistics->relation);
	StringInfoData names;
	int			n = 0;

	initStringInfo(&names);
	for (int i = 0; i < layout->n_columns; i++)
	{
		int			column = layout->order[i];

		if (!glance->wanted[column] ||
			statistics_of(glance, column)->knowledge != knowledge)
			continue;
		if (n++ < 10)
			appendStringInfo(&names, "%s\"%s\"", n > 1 ? ", " : "",
							 layout->columns[column].name);
	}
	if (n == 0)
		return;
	if (n > 10)
		appendStringInfoString(&names, ", ...");
	if (knowledge == MLOPS_HIDDEN)
		ereport(NOTICE,
				(errmsg_plural("statistics of %d feature of table \"%s\" are hidden",
							   "statistics of %d features of table \"%s\" are hidden",
							   n, n, name),
				 errdetail("Hidden: %s.", names.data),
				 errhint("pg_stats shows them to roles with SELECT on the column, unless row security holds for them.")));
	else
		ereport(NOTICE,
				(errmsg_plural("table \"%s\" has no statistics of %d feature",
							   "table \"%s\" has no statistics of %d features",
							   n, name, n),
				 errdetail("Not analyzed: %s.", names.data),
				 get_rel_relkind(glance->statistics->relation) ==
				 RELKIND_PARTITIONED_TABLE ?
				 errhint("Run ANALYZE on the table; autovacuum does that for its partitions only.") :
				 errhint("Run ANALYZE on the table, or use mlops.drift().")));
}

/* Scan the table for the features that have moved, if there are any. */
static void
escalate(Glance *glance, const char *relation)
{
	const MlopsWindowLayout *layout = glance->layout;
	MlopsDriftFigures *scanned = palloc(sizeof(MlopsDriftFigures) *
										layout->n_columns);
	MlopsTally *tally;
	int			n = 0;

	for (int i = 0; i < layout->n_columns; i++)
		n += glance->figures[i].status >= MLOPS_DRIFT_POTENTIAL;
	if (n == 0)
		return;
	tally = mlops_tally_source(glance->layout, relation,
							   glance->reference->numbers);
	n = 0;
	for (int i = 0; i < layout->n_columns; i++)
		if (glance->figures[i].status >= MLOPS_DRIFT_POTENTIAL)
			mlops_drift_measure(glance->reference, tally, NULL, i,
								&scanned[n++]);
	mlops_drift_adjust(scanned, n);
	for (int i = 0; i < n; i++)
	{
		int			column = scanned[i].column - layout->columns;

		mlops_drift_decide(&scanned[i], &glance->options);
		glance->figures[column] = scanned[i];
		glance->origin[column] = FROM_SCAN;
	}
}

/* Return a row. */
static void
put_row(const Glance *glance, int column)
{
	static const char *const origins[] = {"", "pg_stats", "scan"};
	const MlopsDriftFigures *figures = &glance->figures[column];
	Origin		origin = glance->origin[column];
	Datum		values[N_COLUMNS] = {0};
	bool		nulls[N_COLUMNS] = {0};

	values[COLUMN_FEATURE] = CStringGetTextDatum(figures->column->name);
	values[COLUMN_KIND] = CStringGetTextDatum(column <
											  glance->layout->n_numbers ?
											  "number" : "category");
	values[COLUMN_STATUS] =
		CStringGetTextDatum(mlops_drift_status_name(figures->status));
	mlops_put_number(values, nulls, COLUMN_PSI,
					 figures->figure[MLOPS_FIGURE_PSI]);
	mlops_put_number(values, nulls, COLUMN_LINF,
					 figures->figure[MLOPS_FIGURE_LINF]);
	mlops_put_number(values, nulls, COLUMN_MISSING, figures->missing);
	mlops_put_number(values, nulls, COLUMN_MISSING_REFERENCE,
					 figures->missing_reference);
	values[COLUMN_ANALYZED_AT] =
		TimestampTzGetDatum(glance->statistics->analyzed_at);
	nulls[COLUMN_ANALYZED_AT] = glance->statistics->analyzed_at == 0;
	values[COLUMN_N] = Float8GetDatum(figures->n);
	values[COLUMN_SOURCE] = CStringGetTextDatum(origins[origin]);
	nulls[COLUMN_N] = nulls[COLUMN_SOURCE] = origin == FROM_NOTHING;
	tuplestore_putvalues(glance->result->setResult, glance->result->setDesc,
						 values, nulls);
}
