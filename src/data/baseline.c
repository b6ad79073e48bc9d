/*
 * baseline.c
 *		Statistics of the features over the training rows: what drift is held
 *		against.
 *
 * Numbers are summarised all at once in two passes over the matrix; counts of
 * categories were taken while reading.
 */
#include "postgres.h"

#include <math.h>

#include "base/compat.h"
#include "catalog/catalog.h"
#include "data/plan.h"
#include "math/summary.h"
#include "utils/memutils.h"

/* The most frequent categories of an input that are told apart. */
#define MAX_CATEGORIES	100

/* Frees a summariser when its memory context goes. */
typedef struct SummaryGuard
{
	MemoryContextCallback callback;
	MlopsSummarizer *summarizer;
} SummaryGuard;

typedef struct CategoryCount
{
	char	   *category;
	uint64		count;
} CategoryCount;

static void free_summary(void *arg);
static void out_of_memory(void) pg_attribute_noreturn();
static MlopsSummarizer *summarize(MlopsMatrix *matrix, SummaryGuard *guard);
static MlopsBaseline *category_baseline(const MlopsDataset *dataset,
										int field);
static int	compare_counts(const void *a, const void *b);

List *
mlops_dataset_baselines(MlopsDataset *dataset, MlopsMatrix *matrix)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "mlops baselines",
												  ALLOCSET_DEFAULT_SIZES);
	SummaryGuard *guard = MemoryContextAllocZero(context,
												 sizeof(SummaryGuard));
	const MlopsSignature *signature = dataset->signature;
	const MlopsSummary *columns;
	List	   *baselines = NIL;

	guard->callback.func = free_summary;
	guard->callback.arg = guard;
	MemoryContextRegisterResetCallback(context, &guard->callback);
	columns = mlops_summary_columns(summarize(matrix, guard));

	for (int i = 0; i < signature->n_inputs; i++)
	{
		const MlopsInput *input = &signature->inputs[i];

		if (input->kind == MLOPS_INPUT_CATEGORY)
		{
			baselines = lappend(baselines, category_baseline(dataset, i));
			continue;
		}
		for (int part = 0; part < input->n_features; part++)
		{
			int			feature = input->first_feature + part;
			const char *name = signature->feature_names[feature];

			baselines = lappend(baselines,
								mlops_number_baseline(name, "number",
													  &columns[feature]));
		}
	}
	MemoryContextDelete(context);
	return baselines;
}

MlopsBaseline *
mlops_number_baseline(const char *name, const char *kind,
					  const MlopsSummary *summary)
{
	MlopsBaseline *baseline = palloc0(sizeof(MlopsBaseline));

	baseline->feature = pstrdup(name);
	baseline->kind = pstrdup(kind);
	baseline->n = summary->n;
	baseline->n_missing = summary->n_missing;
	baseline->n_edges = -1;
	if (summary->n == summary->n_missing)
		return baseline;

	baseline->has_moments = true;
	baseline->min = summary->min;
	baseline->max = summary->max;
	baseline->mean = summary->mean;
	baseline->stddev = summary->stddev;
	baseline->skewness = summary->skewness;
	baseline->n_quantiles = MLOPS_SUMMARY_QUANTILES;
	baseline->quantiles = palloc(sizeof(double) * MLOPS_SUMMARY_QUANTILES);
	memcpy(baseline->quantiles, summary->quantile,
		   sizeof(double) * MLOPS_SUMMARY_QUANTILES);

	baseline->n_edges = summary->n_bins - 1;
	baseline->edges = palloc(sizeof(double) * MLOPS_SUMMARY_BINS);
	memcpy(baseline->edges, summary->edge,
		   sizeof(double) * baseline->n_edges);
	baseline->bin_counts = palloc(sizeof(int64) * MLOPS_SUMMARY_BINS);
	for (int i = 0; i < summary->n_bins; i++)
		baseline->bin_counts[i] = summary->bin_count[i];

	/* no finite value: no bins of equal width */
	if (isnan(summary->width_low))
		return baseline;
	baseline->n_widths = MLOPS_SUMMARY_WIDTH_BINS;
	baseline->width_counts = palloc(sizeof(int64) *
									MLOPS_SUMMARY_WIDTH_BINS);
	for (int i = 0; i < MLOPS_SUMMARY_WIDTH_BINS; i++)
		baseline->width_counts[i] = summary->width_count[i];
	return baseline;
}

/*
 * Reset callback: the summariser is not memory of the context.
 */
static void
free_summary(void *arg)
{
	SummaryGuard *guard = arg;

	mlops_summary_free(guard->summarizer);
	guard->summarizer = NULL;
}

/*
 * The summariser could not get memory.
 */
static void
out_of_memory(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OUT_OF_MEMORY),
			 errmsg("out of memory"),
			 errdetail("Statistics of the features could not be computed.")));
}

/*
 * Summarise all features over the rows of role TRAIN.
 */
static MlopsSummarizer *
summarize(MlopsMatrix *matrix, SummaryGuard *guard)
{
	int			width = matrix->layout.n_features;
	MlopsSummarizer *summarizer = mlops_summary_begin(width);

	if (summarizer == NULL)
		out_of_memory();
	guard->summarizer = summarizer;
	for (int pass = 0; pass < 2; pass++)
	{
		uint64		first = 0;
		uint64		rows = 0;

		while (mlops_matrix_next(matrix, &first, &rows))
		{
			const float *block = mlops_matrix_features(matrix);
			const uint8 *roles = mlops_matrix_role(matrix);

			if (pass == 1)
				mlops_summary_count(summarizer, block, width, rows, roles,
									MLOPS_ROLE_TRAIN);
			else if (!mlops_summary_add(summarizer, block, width, rows,
										roles, MLOPS_ROLE_TRAIN))
				out_of_memory();
		}
		if (pass == 0 && !mlops_summary_edges(summarizer))
			out_of_memory();
	}
	return summarizer;
}

/*
 * The baseline of a category input, out of the counts taken while reading.
 */
static MlopsBaseline *
category_baseline(const MlopsDataset *dataset, int field)
{
	const MlopsDatasetPlan *plan = dataset->plan;
	const MlopsInput *input = &dataset->signature->inputs[field];
	const MlopsDictionary *dictionary = plan->fields[field].dictionary;
	MlopsBaseline *baseline = palloc0(sizeof(MlopsBaseline));
	CategoryCount *counts = palloc(sizeof(CategoryCount) *
								   Max(input->n_categories, 1));
	int64		present = 0;

	for (int i = 0; i < input->n_categories; i++)
	{
		int			code = mlops_dictionary_find(dictionary,
												 input->categories[i],
												 strlen(input->categories[i]));

		counts[i].category = input->categories[i];
		counts[i].count = plan->counts[field][code];
	}
	/* those that are too many for the version are not missing here */
	for (int code = 0; code < dictionary->n_values; code++)
		present += plan->counts[field][code];
	qsort(counts, input->n_categories, sizeof(CategoryCount),
		  compare_counts);

	baseline->feature = pstrdup(input->name);
	baseline->kind = pstrdup("category");
	baseline->n = dataset->n_rows[MLOPS_ROLE_TRAIN];
	baseline->n_missing = baseline->n - present;
	baseline->n_edges = -1;
	baseline->n_categories = Min(input->n_categories, MAX_CATEGORIES);
	baseline->categories = palloc(sizeof(char *) * MAX_CATEGORIES);
	baseline->category_counts = palloc(sizeof(int64) * MAX_CATEGORIES);
	baseline->n_other = present;
	for (int i = 0; i < baseline->n_categories; i++)
	{
		baseline->categories[i] = pstrdup(counts[i].category);
		baseline->category_counts[i] = counts[i].count;
		baseline->n_other -= counts[i].count;
	}
	pfree(counts);
	return baseline;
}

/*
 * qsort() comparator: more frequent categories first, then by bytes.
 */
static int
compare_counts(const void *a, const void *b)
{
	const CategoryCount *left = a;
	const CategoryCount *right = b;

	if (left->count != right->count)
		return left->count > right->count ? -1 : 1;
	return strcmp(left->category, right->category);
}
