/*
 * tally.c
 *		Rows as a layout has them, kept or counted.
 *
 * The summariser is malloc()ed; a reset callback of the memory context that a
 * tally lives in frees it.  All else is that context's.
 */
#include "postgres.h"

#include <math.h>

#include "base/compat.h"
#include "math/quantile.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "watch/tally.h"

/* Rows that are counted at once, and columns. */
#define BLOCK_ROWS	MLOPS_SUMMARY_ROWS
#define TILE		16

/* A source that is counted while it is read. */
typedef struct Stream
{
	MlopsTally *tally;
	float	   *block;
	size_t		rows;
} Stream;

static void check_types(TupleDesc by, TupleDesc like);
static void keep_row(const float *values, const Datum *by, const bool *nulls,
					 void *arg);
static void make_room(MlopsDriftRows *rows);
static MlopsTally *begin_tally(const MlopsWindowLayout *layout,
							   const MlopsSummary *reference);
static void see_first(MlopsTally *tally, const float *values, size_t rows);
static void cut_bins(MlopsTally *tally);
static void count_rows(MlopsTally *tally, const float *values, size_t rows);
static void end_tally(MlopsTally *tally);
static void stream_row(const float *values, const Datum *beside,
					   const bool *nulls, void *arg);
static void count_tile(MlopsTally *tally, int first, const float *values,
					   size_t rows);
static void count_codes(MlopsTally *tally, int category, const float *values,
						size_t rows);
static void make_codes(MlopsTally *tally, int category, int code);
static void free_summarizer(void *arg);
static void out_of_memory(void) pg_attribute_noreturn();

MlopsDriftRows *
mlops_drift_rows_read(MlopsWindowLayout *layout, const char *source, List *by,
					  const MlopsDriftRows *like)
{
	MlopsDriftRows *rows = palloc0(sizeof(MlopsDriftRows));
	MlopsWindow *window = mlops_window_open(layout, source, by);

	rows->layout = layout;
	rows->context = CurrentMemoryContext;
	if (by != NIL)
	{
		rows->by = mlops_window_beside(window);
		if (like != NULL)
			check_types(rows->by, like->by);
		rows->slices = like != NULL ? like->slices :
			mlops_slices_create(rows->by);
	}
	make_room(rows);
	mlops_window_run(window, keep_row, rows);
	return rows;
}

void
mlops_drift_rows_sort(MlopsDriftRows *rows)
{
	int			n_slices;
	uint64	   *order = palloc_extended(sizeof(uint64) * Max(rows->n, 1),
										MCXT_ALLOC_HUGE);

	pfree(mlops_slices_order(rows->slices, &n_slices));
	rows->starts = palloc0(sizeof(uint64) * (n_slices + 2));
	/* starts[s + 1] is where s is filled, and in the end where s + 1 starts */
	for (uint64 i = 0; i < rows->n; i++)
		rows->starts[rows->slice[i] + 2]++;
	for (int s = 0; s < n_slices; s++)
		rows->starts[s + 2] += rows->starts[s + 1];
	for (uint64 i = 0; i < rows->n; i++)
		order[rows->starts[rows->slice[i] + 1]++] = i;
	rows->order = order;
	rows->n_slices = n_slices;
}

MlopsDriftRows *
mlops_drift_rows_of(const MlopsDriftRows *rows, unsigned slice)
{
	MlopsDriftRows *some = palloc0(sizeof(MlopsDriftRows));
	int			width = rows->layout->n_columns;
	const uint64 *order = rows->order;

	some->layout = rows->layout;
	if (slice < rows->n_slices)
	{
		order += rows->starts[slice];
		some->n = rows->starts[slice + 1] - rows->starts[slice];
	}
	some->values = palloc_extended(sizeof(float) * width * Max(some->n, 1),
								   MCXT_ALLOC_HUGE);
	for (uint64 i = 0; i < some->n; i++)
		memcpy(some->values + i * width, rows->values + order[i] * width,
			   sizeof(float) * width);
	return some;
}

double *
mlops_drift_sample(const MlopsDriftRows *rows, int column, size_t *n)
{
	float	   *values = palloc_extended(sizeof(float) * Max(rows->n, 1),
										 MCXT_ALLOC_HUGE);
	double	   *sample = palloc_extended(sizeof(double) * Max(rows->n, 1),
										 MCXT_ALLOC_HUGE);

	*n = 0;
	for (uint64 i = 0; i < rows->n; i++)
	{
		float		x = rows->values[i * rows->layout->n_columns + column];

		if (!isnan(x))
			values[(*n)++] = x;
	}
	if (!mlops_sort_floats(values, *n))
		out_of_memory();
	for (size_t i = 0; i < *n; i++)
		sample[i] = values[i];
	pfree(values);
	return sample;
}

MlopsTally *
mlops_tally_rows(const MlopsDriftRows *rows, const MlopsSummary *reference)
{
	MlopsTally *tally = begin_tally(rows->layout, reference);

	for (int pass = reference == NULL ? 0 : 1; pass < 2; pass++)
	{
		for (uint64 first = 0; first < rows->n; first += BLOCK_ROWS)
		{
			const float *values = rows->values +
				first * rows->layout->n_columns;
			size_t		n = Min(rows->n - first, BLOCK_ROWS);

			CHECK_FOR_INTERRUPTS();
			if (pass == 0)
				see_first(tally, values, n);
			else
				count_rows(tally, values, n);
		}
		if (pass == 0)
			cut_bins(tally);
	}
	end_tally(tally);
	return tally;
}

MlopsTally *
mlops_tally_source(MlopsWindowLayout *layout, const char *source,
				   const MlopsSummary *reference)
{
	Stream		stream = {0};

	stream.tally = begin_tally(layout, reference);
	stream.block = palloc(sizeof(float) * BLOCK_ROWS * layout->n_columns);
	mlops_window_run(mlops_window_open(layout, source, NIL), stream_row,
					 &stream);
	count_rows(stream.tally, stream.block, stream.rows);
	end_tally(stream.tally);
	return stream.tally;
}

/* 42804 unless the columns that make slices are of the same types. */
static void
check_types(TupleDesc by, TupleDesc like)
{
	for (int i = 0; i < by->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(by, i);
		Form_pg_attribute other = TupleDescAttr(like, i);

		if (attribute->atttypid != other->atttypid)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" has two types",
							NameStr(attribute->attname)),
					 errdetail("It is of type %s in the reference and %s in the source.",
							   format_type_be(other->atttypid),
							   format_type_be(attribute->atttypid)),
					 errhint("Cast it in a query.")));
	}
}

/* Callback: keep a row. */
static void
keep_row(const float *values, const Datum *by, const bool *nulls, void *arg)
{
	MlopsDriftRows *rows = arg;
	int			n = rows->layout->n_columns;

	if (rows->n == rows->room)
		make_room(rows);
	memcpy(rows->values + rows->n * n, values, sizeof(float) * n);
	if (rows->slices != NULL)
		rows->slice[rows->n] = mlops_slices_find(rows->slices, by, nulls);
	rows->n++;
}

/* Room for twice as many rows. */
static void
make_room(MlopsDriftRows *rows)
{
	Size		width = sizeof(float) * rows->layout->n_columns;

	if (rows->room == 0)
	{
		rows->room = 1024;
		rows->values = MemoryContextAllocHuge(rows->context,
											  rows->room * width);
		if (rows->slices != NULL)
			rows->slice = MemoryContextAllocHuge(rows->context, rows->room *
												 sizeof(unsigned));
		return;
	}
	rows->room *= 2;
	rows->values = repalloc_huge(rows->values, rows->room * width);
	if (rows->slices != NULL)
		rows->slice = repalloc_huge(rows->slice,
									rows->room * sizeof(unsigned));
}

/*
 * Begin in the current memory context; reference is NULL for a reference, or
 * has the bins and quantiles of one.
 */
static MlopsTally *
begin_tally(const MlopsWindowLayout *layout, const MlopsSummary *reference)
{
	MlopsTally *tally = palloc0(sizeof(MlopsTally));
	int			n = layout->n_columns - layout->n_numbers;

	tally->layout = layout;
	tally->context = CurrentMemoryContext;
	tally->codes = palloc0(sizeof(uint64 *) * Max(n, 1));
	tally->n_codes = palloc0(sizeof(int) * Max(n, 1));
	tally->missing = palloc0(sizeof(uint64) * Max(n, 1));
	for (int i = 0; i < n; i++)
		make_codes(tally, i, layout->columns[layout->n_numbers + i].n_known);
	if (layout->n_numbers == 0)
		return tally;

	tally->guard.func = free_summarizer;
	tally->guard.arg = tally;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &tally->guard);
	tally->summarizer = reference == NULL ?
		mlops_summary_begin(layout->n_numbers) :
		mlops_summary_begin_window(reference, layout->n_numbers);
	if (tally->summarizer == NULL)
		out_of_memory();
	if (reference != NULL)
	{
		tally->knots = palloc_extended(sizeof(MlopsKnots) *
									   layout->n_numbers, MCXT_ALLOC_HUGE);
		for (int i = 0; i < layout->n_numbers; i++)
			mlops_knots_begin(&tally->knots[i], reference[i].quantile,
							  reference[i].mean,
							  reference[i].n - reference[i].n_missing);
	}
	return tally;
}

/* The first pass of a reference: a block of rows. */
static void
see_first(MlopsTally *tally, const float *values, size_t rows)
{
	if (tally->summarizer != NULL &&
		!mlops_summary_add(tally->summarizer, values,
						   tally->layout->n_columns, rows, NULL, 0))
		out_of_memory();
}

/* Its end: the bins are cut. */
static void
cut_bins(MlopsTally *tally)
{
	if (tally->summarizer != NULL && !mlops_summary_edges(tally->summarizer))
		out_of_memory();
}

/* The pass that counts, of a reference the second: a block of rows. */
static void
count_rows(MlopsTally *tally, const float *values, size_t rows)
{
	int			n_columns = tally->layout->n_columns;
	int			n_numbers = tally->layout->n_numbers;

	tally->n += rows;
	if (tally->knots != NULL)
	{
		for (int i = 0; i < n_numbers; i += TILE)
			count_tile(tally, i, values, rows);
	}
	else if (tally->summarizer != NULL)
		mlops_summary_count(tally->summarizer, values, n_columns, rows, NULL,
							0);
	for (int i = n_numbers; i < n_columns; i++)
		count_codes(tally, i - n_numbers, values + i, rows);
}

/* All rows are counted. */
static void
end_tally(MlopsTally *tally)
{
	if (tally->summarizer == NULL)
		return;
	/* counts are set even if there was no row */
	mlops_summary_count(tally->summarizer, NULL, 0, 0, NULL, 0);
	tally->numbers = mlops_summary_columns(tally->summarizer);
}

/* Callback: count a row, with others. */
static void
stream_row(const float *values, const Datum *beside, const bool *nulls,
		   void *arg)
{
	Stream	   *stream = arg;
	int			n = stream->tally->layout->n_columns;

	memcpy(stream->block + stream->rows * n, values, sizeof(float) * n);
	if (++stream->rows < BLOCK_ROWS)
		return;
	count_rows(stream->tally, stream->block, stream->rows);
	stream->rows = 0;
}

/*
 * Count up to TILE numbers from the first on, in rows that are at most
 * BLOCK_ROWS, column by column.
 */
static void
count_tile(MlopsTally *tally, int first, const float *values, size_t rows)
{
	/* not a power of 2, so that columns use different cache sets */
	float		tile[TILE][BLOCK_ROWS + 16] __attribute__((aligned(64)));
	int			stride = tally->layout->n_columns;
	int			n = Min(tally->layout->n_numbers - first, TILE);

	for (size_t r = 0; r < rows; r++)
	{
		const float *row = values + r * stride + first;

		if (n == TILE)
			for (int c = 0; c < TILE; c++)
				tile[c][r] = row[c];
		else
			for (int c = 0; c < n; c++)
				tile[c][r] = row[c];
	}
	for (int c = 0; c < n; c++)
	{
		for (size_t r = rows; r < BLOCK_ROWS; r++)
			tile[c][r] = NAN;
		mlops_summary_count_column(tally->summarizer, first + c, tile[c],
								   rows);
		mlops_knots_count(&tally->knots[first + c], tile[c], 1, rows);
	}
}

/* Count the codes of a category in rows. */
static void
count_codes(MlopsTally *tally, int category, const float *values, size_t rows)
{
	int			stride = tally->layout->n_columns;

	for (size_t i = 0; i < rows; i++)
	{
		float		x = values[i * stride];

		if (isnan(x))
			tally->missing[category]++;
		else
		{
			if (x >= tally->n_codes[category])
				make_codes(tally, category, (int) x + 1);
			tally->codes[category][(int) x]++;
		}
	}
}

/* Let a category have n codes or more. */
static void
make_codes(MlopsTally *tally, int category, int n)
{
	int			had = tally->n_codes[category];
	int			room = Max(n, had * 2);

	if (room == 0)
		return;
	if (had == 0)
		tally->codes[category] =
			MemoryContextAllocZero(tally->context, sizeof(uint64) * room);
	else
	{
		tally->codes[category] = repalloc(tally->codes[category],
										  sizeof(uint64) * room);
		memset(tally->codes[category] + had, 0,
			   sizeof(uint64) * (room - had));
	}
	tally->n_codes[category] = room;
}

/* Reset callback: the summariser is not memory of the context. */
static void
free_summarizer(void *arg)
{
	mlops_summary_free(((MlopsTally *) arg)->summarizer);
}

/* malloc() failed. */
static void
out_of_memory(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OUT_OF_MEMORY),
			 errmsg("out of memory"),
			 errdetail("Rows could not be summarised.")));
}
