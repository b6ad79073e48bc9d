/*
 * summary.c
 *		Statistics of many float32 columns at once: the drift baseline.
 *
 * Rows are taken CHUNK at a time and turned, TILE columns at a time, into
 * columns that lie in the first-level cache.  Moments are computed per chunk
 * and merged.  Bins are counted without a search: how many values lie over
 * each edge is a loop without branches, and a bin is the difference of two
 * such numbers.
 *
 * The sample holds one value, at a hashed place, of each run of 2^level
 * values.  When it is full, of each two neighbours a hashed one stays.
 *
 * All memory hangs on the MlopsSummarizer.
 */
#include "math/summary.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/hash.h"
#include "math/moments.h"
#include "math/quantile.h"

#define CHUNK MLOPS_SUMMARY_ROWS
#define TILE 16
/* Not a power of 2, so that the columns of a tile use different cache sets. */
#define PITCH (CHUNK + 16)
#define LANES 4

#define N_EDGES (MLOPS_SUMMARY_BINS - 1)
#define N_CUTS (N_EDGES + MLOPS_SUMMARY_WIDTH_BINS + 1)

typedef float FloatLanes __attribute__((vector_size(16), may_alias));
typedef int32_t IntLanes __attribute__((vector_size(16)));

/* TILE columns of up to CHUNK rows. */
typedef struct Tile
{
	float		column[TILE][PITCH] __attribute__((aligned(64)));
} Tile;

/* What is kept of a column while rows come in. */
typedef struct Column
{
	MlopsMoments moments;
	float		finite_min;
	float		finite_max;
	uint64_t	seen;			/* values that were not missing */

	/* the sample */
	float	   *sample;
	uint32_t	held;
	uint32_t	room;			/* allocated */
	int			level;			/* one of 2^level is held */
	uint64_t	next;			/* number of the value to look at next */

	/* second pass: values over each cut, and rows */
	float		cut[N_CUTS];
	uint64_t	over[N_CUTS];
	uint64_t	counted;
	uint64_t	present;
} Column;

struct MlopsSummarizer
{
	int			n_columns;
	bool		window;			/* began with the second pass */
	uint32_t	capacity;		/* of a sample; a power of 2 */
	Column	   *columns;
	MlopsSummary *summaries;
};

static MlopsSummarizer *create(int n_columns);
static uint32_t sample_capacity(int n_columns);
static size_t select_rows(const float *block, size_t stride, size_t rows,
						  const uint8_t *role, uint8_t wanted, size_t *at,
						  const float **list);
static void load_tile(Tile *tile, const float **list, size_t count,
					  int first, int n);
static size_t drop_missing(float *x, size_t count);
static bool add_values(MlopsSummarizer *s, int c, float *x, size_t count);
static void take_extremes(Column *col, MlopsSummary *out, const float *x,
						  size_t count);
static size_t drop_infinite(float *x, size_t count);
static bool sample_values(Column *col, uint32_t capacity, const float *x,
						  size_t count);
static bool sample_room(Column *col, uint32_t capacity);
static void halve_sample(Column *col);
static uint64_t next_place(const Column *col, uint32_t capacity);
static void finish_moments(const Column *col, MlopsSummary *out);
static void finish_quantiles(const Column *col, MlopsSummary *out);
static int	value_edges(const float *sorted, size_t n, double *edge);
static int	decile_edges(const float *sorted, size_t n,
						 const MlopsSummary *out, double *edge);
static size_t rank_below(const float *sorted, size_t n, float value);
static float float_below(double x);
static void set_cuts(Column *col, const MlopsSummary *out);
static void count_column(Column *col, const float *x, size_t count);
static uint32_t count_over(const float *x, float cut);
static void set_counts(const Column *col, MlopsSummary *out);

MlopsSummarizer *
mlops_summary_begin(int n_columns)
{
	return create(n_columns);
}

MlopsSummarizer *
mlops_summary_begin_window(const MlopsSummary *reference, int n_columns)
{
	MlopsSummarizer *s = create(n_columns);
	int			c;

	if (s == NULL)
		return NULL;
	s->window = true;
	for (c = 0; c < n_columns; c++)
	{
		MlopsSummary *out = &s->summaries[c];
		int			q;

		memcpy(out->edge, reference[c].edge, sizeof(out->edge));
		out->n_bins = reference[c].n_bins;
		out->width_low = reference[c].width_low;
		out->width_high = reference[c].width_high;
		for (q = 0; q < MLOPS_SUMMARY_QUANTILES; q++)
			out->quantile[q] = NAN;
		out->mean = out->stddev = out->skewness = NAN;
		set_cuts(&s->columns[c], out);
	}
	return s;
}

bool
mlops_summary_add(MlopsSummarizer *s, const float *block, size_t stride,
				  size_t rows, const uint8_t *role, uint8_t wanted)
{
	const float *list[CHUNK];
	Tile		tile;
	size_t		at = 0;
	size_t		count;

	while ((count = select_rows(block, stride, rows, role, wanted, &at,
								list)) > 0)
	{
		int			first;

		for (first = 0; first < s->n_columns; first += TILE)
		{
			int			n = s->n_columns - first;
			int			c;

			n = n < TILE ? n : TILE;
			load_tile(&tile, list, count, first, n);
			for (c = 0; c < n; c++)
			{
				if (!add_values(s, first + c, tile.column[c], count))
					return false;
			}
		}
	}
	return true;
}

bool
mlops_summary_edges(MlopsSummarizer *s)
{
	int			c;

	for (c = 0; c < s->n_columns; c++)
	{
		Column	   *col = &s->columns[c];
		MlopsSummary *out = &s->summaries[c];

		finish_moments(col, out);
		if (!mlops_sort_floats(col->sample, col->held))
			return false;
		finish_quantiles(col, out);
		free(col->sample);
		col->sample = NULL;
		col->held = col->room = 0;
		set_cuts(col, out);
	}
	return true;
}

void
mlops_summary_count(MlopsSummarizer *s, const float *block, size_t stride,
					size_t rows, const uint8_t *role, uint8_t wanted)
{
	const float *list[CHUNK];
	Tile		tile;
	size_t		at = 0;
	size_t		count;
	int			c;

	while ((count = select_rows(block, stride, rows, role, wanted, &at,
								list)) > 0)
	{
		int			first;

		for (first = 0; first < s->n_columns; first += TILE)
		{
			int			n = s->n_columns - first;

			n = n < TILE ? n : TILE;
			load_tile(&tile, list, count, first, n);
			for (c = 0; c < n; c++)
				count_column(&s->columns[first + c], tile.column[c], count);
		}
	}
	for (c = 0; c < s->n_columns; c++)
	{
		set_counts(&s->columns[c], &s->summaries[c]);
		if (s->window)
		{
			s->summaries[c].n = s->columns[c].counted;
			s->summaries[c].n_missing = s->summaries[c].bin_missing;
		}
	}
}

void
mlops_summary_count_column(MlopsSummarizer *s, int column, const float *x,
						   size_t rows)
{
	count_column(&s->columns[column], x, rows);
}

const MlopsSummary *
mlops_summary_columns(const MlopsSummarizer *s)
{
	return s->summaries;
}

void
mlops_summary_free(MlopsSummarizer *s)
{
	int			c;

	if (s == NULL)
		return;
	for (c = 0; s->columns != NULL && c < s->n_columns; c++)
		free(s->columns[c].sample);
	free(s->columns);
	free(s->summaries);
	free(s);
}

/* A state that has seen nothing; NULL: out of memory or no column. */
static MlopsSummarizer *
create(int n_columns)
{
	MlopsSummarizer *s;
	int			c;

	if (n_columns < 1)
		return NULL;
	s = calloc(1, sizeof(MlopsSummarizer));
	if (s == NULL)
		return NULL;
	s->n_columns = n_columns;
	s->capacity = sample_capacity(n_columns);
	s->columns = calloc(n_columns, sizeof(Column));
	s->summaries = calloc(n_columns, sizeof(MlopsSummary));
	if (s->columns == NULL || s->summaries == NULL)
	{
		mlops_summary_free(s);
		return NULL;
	}
	for (c = 0; c < n_columns; c++)
	{
		s->columns[c].finite_min = INFINITY;
		s->columns[c].finite_max = -INFINITY;
		s->summaries[c].min = s->summaries[c].max = NAN;
		s->summaries[c].width_low = s->summaries[c].width_high = NAN;
		s->summaries[c].n_bins = 1;
	}
	return s;
}

/* How many values of a column are held at most. */
static uint32_t
sample_capacity(int n_columns)
{
	uint32_t	capacity = MLOPS_SUMMARY_SAMPLE;

	while (capacity > 4096 &&
		   capacity * sizeof(float) > MLOPS_SUMMARY_MEMORY / n_columns)
		capacity /= 2;
	return capacity;
}

/* The next up to CHUNK rows that are wanted, from *at on; 0 at the end. */
static size_t
select_rows(const float *block, size_t stride, size_t rows,
			const uint8_t *role, uint8_t wanted, size_t *at,
			const float **list)
{
	size_t		count = 0;
	size_t		i = *at;

	for (; i < rows && count < CHUNK; i++)
	{
		list[count] = block + i * stride;
		count += role == NULL || role[i] == wanted;
	}
	*at = i;
	return count;
}

/* Columns first to first + n - 1 of the listed rows; NaN up to CHUNK. */
static void
load_tile(Tile *tile, const float **list, size_t count, int first, int n)
{
	size_t		r;
	int			c;

	for (r = 0; r < count; r++)
	{
		const float *row = list[r] + first;

		if (n == TILE)
		{
			for (c = 0; c < TILE; c++)
				tile->column[c][r] = row[c];
		}
		else
		{
			for (c = 0; c < n; c++)
				tile->column[c][r] = row[c];
		}
	}
	for (c = 0; c < n; c++)
	{
		for (r = count; r < CHUNK; r++)
			tile->column[c][r] = NAN;
	}
}

/* Close the gaps of NaN; the number of values left. */
static size_t
drop_missing(float *x, size_t count)
{
	size_t		kept = 0;
	size_t		i;

	for (i = 0; i < count; i++)
	{
		float		v = x[i];

		x[kept] = v;
		kept += !isnan(v);
	}
	return kept;
}

/* First pass over one column of a tile, which is used up. */
static bool
add_values(MlopsSummarizer *s, int c, float *x, size_t count)
{
	Column	   *col = &s->columns[c];
	MlopsSummary *out = &s->summaries[c];
	size_t		present = drop_missing(x, count);
	MlopsMoments b;

	out->n += count;
	out->n_missing += count - present;
	if (present == 0)
		return true;
	if (!sample_values(col, s->capacity, x, present))
		return false;
	col->seen += present;
	take_extremes(col, out, x, present);
	if (!isfinite(out->min) || !isfinite(out->max))
	{
		size_t		finite = drop_infinite(x, present);

		out->n_infinite += present - finite;
		present = finite;
		take_extremes(col, NULL, x, present);
	}
	if (present > 0)
	{
		mlops_moments_of(&b, x, present);
		mlops_moments_merge(&col->moments, &b);
	}
	return true;
}

/*
 * Widen the range of the column by the values: that of all values, or, with
 * out NULL, that of the finite ones only.
 */
static void
take_extremes(Column *col, MlopsSummary *out, const float *x, size_t count)
{
	float		low[LANES];
	float		high[LANES];
	size_t		i;
	int			l;

	for (l = 0; l < LANES; l++)
	{
		low[l] = INFINITY;
		high[l] = -INFINITY;
	}
	for (i = 0; i + LANES <= count; i += LANES)
	{
		for (l = 0; l < LANES; l++)
		{
			low[l] = x[i + l] < low[l] ? x[i + l] : low[l];
			high[l] = x[i + l] > high[l] ? x[i + l] : high[l];
		}
	}
	for (; i < count; i++)
	{
		low[0] = x[i] < low[0] ? x[i] : low[0];
		high[0] = x[i] > high[0] ? x[i] : high[0];
	}
	for (l = 1; l < LANES; l++)
	{
		low[0] = low[l] < low[0] ? low[l] : low[0];
		high[0] = high[l] > high[0] ? high[l] : high[0];
	}

	if (out != NULL && !(out->min <= low[0]))
		out->min = low[0];
	if (out != NULL && !(out->max >= high[0]))
		out->max = high[0];
	if (low[0] < col->finite_min && isfinite(low[0]))
		col->finite_min = low[0];
	if (high[0] > col->finite_max && isfinite(high[0]))
		col->finite_max = high[0];
}

/* Close the gaps of infinite values; the number of values left. */
static size_t
drop_infinite(float *x, size_t count)
{
	size_t		kept = 0;
	size_t		i;

	for (i = 0; i < count; i++)
	{
		float		v = x[i];

		x[kept] = v;
		kept += isfinite(v) != 0;
	}
	return kept;
}

/* Hold what of x[count] belongs into the sample; false: out of memory. */
static bool
sample_values(Column *col, uint32_t capacity, const float *x, size_t count)
{
	while (col->next < col->seen + count)
	{
		if (col->held == capacity)
			halve_sample(col);
		else
		{
			if (col->held == col->room && !sample_room(col, capacity))
				return false;
			col->sample[col->held++] = x[col->next - col->seen];
		}
		col->next = next_place(col, capacity);
	}
	return true;
}

/* Make room for more of the sample; false: out of memory. */
static bool
sample_room(Column *col, uint32_t capacity)
{
	uint32_t	room = col->room == 0 ? 1024 : 2 * col->room;
	float	   *larger;

	if (room > capacity)
		room = capacity;
	larger = realloc(col->sample, room * sizeof(float));
	if (larger == NULL)
		return false;
	col->sample = larger;
	col->room = room;
	return true;
}

/* Keep one of each two neighbours, and from now on half as many. */
static void
halve_sample(Column *col)
{
	uint32_t	i;

	col->held /= 2;
	for (i = 0; i < col->held; i++)
	{
		uint64_t	hash = mlops_hash_mix((uint64_t) col->level << 32 | i);

		col->sample[i] = col->sample[2 * i + (hash & 1)];
	}
	col->level++;
}

/*
 * The number of the value to hold next: one in the run that comes.  With the
 * sample full that is the first of the run, to halve before it is gone.
 */
static uint64_t
next_place(const Column *col, uint32_t capacity)
{
	uint64_t	start = (uint64_t) col->held << col->level;
	uint64_t	hash;

	if (col->level == 0 || col->held == capacity)
		return start;
	hash = mlops_hash_mix(start + ((uint64_t) col->level << 56));
	return start + (hash & (((uint64_t) 1 << col->level) - 1));
}

/* Mean, deviation, skewness and finite range. */
static void
finish_moments(const Column *col, MlopsSummary *out)
{
	out->mean = mlops_moments_mean(&col->moments);
	out->stddev = mlops_moments_stddev(&col->moments);
	out->skewness = mlops_moments_skewness(&col->moments);
	if (col->moments.n > 0)
	{
		out->width_low = col->finite_min;
		out->width_high = col->finite_max;
	}
}

/* Quantiles and edges from the sorted sample. */
static void
finish_quantiles(const Column *col, MlopsSummary *out)
{
	int			n_edges;
	int			i;

	for (i = 0; i < MLOPS_SUMMARY_QUANTILES; i++)
		out->quantile[i] = mlops_quantile(col->sample, col->held,
										  i / 100.0);
	out->quantile[0] = out->min;
	out->quantile[MLOPS_SUMMARY_QUANTILES - 1] = out->max;
	out->sampled = col->level > 0;

	n_edges = value_edges(col->sample, col->held, out->edge);
	if (n_edges < 0)
		n_edges = decile_edges(col->sample, col->held, out, out->edge);
	out->n_bins = n_edges + 1;
}

/*
 * With no more different values than bins, each value gets its own bin: the
 * edges are the values but the largest.  Returns their number, or -1 if there
 * are more.  Deciles would hide a flag that is true in one of a hundred rows.
 */
static int
value_edges(const float *sorted, size_t n, double *edge)
{
	size_t		at = 0;
	int			found = 0;

	while (at < n)
	{
		float		v = sorted[at];

		at += rank_below(sorted + at, n - at, nextafterf(v, INFINITY));
		/* at the largest; for +inf the step above found nothing */
		if (at >= n || sorted[at] == v)
			return found;
		if (found == N_EDGES)
			return -1;
		edge[found++] = v;
	}
	return found;
}

/*
 * The nine deciles, rounded down to float32, which moves no float32 value
 * into another bin.  A value that fills two or more deciles gets a bin of its
 * own, by the next smaller value as a further edge; the edges that it merged
 * make room for it.
 */
static int
decile_edges(const float *sorted, size_t n, const MlopsSummary *out,
			 double *edge)
{
	int			found = 0;
	int			i;

	for (i = 1; i <= N_EDGES; i++)
	{
		float		e = float_below(out->quantile[10 * i]);
		bool		repeats = i < N_EDGES &&
			float_below(out->quantile[10 * (i + 1)]) == e;

		if (found > 0 && e <= edge[found - 1])
			continue;
		if (repeats)
		{
			size_t		below = rank_below(sorted, n, e);

			if (below > 0 && (found == 0 ||
							  sorted[below - 1] > edge[found - 1]))
				edge[found++] = sorted[below - 1];
		}
		if (e < out->max)
			edge[found++] = e;
	}
	return found;
}

/* How many of sorted[n] are less than value. */
static size_t
rank_below(const float *sorted, size_t n, float value)
{
	size_t		low = 0;
	size_t		high = n;

	while (low < high)
	{
		size_t		mid = low + (high - low) / 2;

		if (sorted[mid] < value)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The largest float that is not over x. */
static float
float_below(double x)
{
	float		f = (float) x;

	return f > x ? nextafterf(f, -INFINITY) : f;
}

/*
 * The edges as cuts for "x > cut" in float32.  Quantile edges belong to the
 * bin below, width edges to the bin above, so those go down by one float if
 * they are one.  Cuts that are not used are infinite: nothing is over them.
 */
static void
set_cuts(Column *col, const MlopsSummary *out)
{
	double		low = out->width_low;
	double		step = (out->width_high - low) / MLOPS_SUMMARY_WIDTH_BINS;
	int			i;

	for (i = 0; i < N_CUTS; i++)
		col->cut[i] = INFINITY;
	for (i = 0; i < out->n_bins - 1; i++)
		col->cut[i] = float_below(out->edge[i]);
	if (isnan(low))
		return;
	for (i = 0; i < MLOPS_SUMMARY_WIDTH_BINS; i++)
	{
		double		e = low + i * step;
		float		f = float_below(e);

		col->cut[N_EDGES + i] = f == e ? nextafterf(f, -INFINITY) : f;
	}
	col->cut[N_CUTS - 1] = float_below(out->width_high);
}

/* Second pass over one column of a tile, padded with NaN to CHUNK. */
static void
count_column(Column *col, const float *x, size_t count)
{
	const FloatLanes *lanes = (const FloatLanes *) x;
	IntLanes	present = {0};
	int			i;

	for (i = 0; i < CHUNK / LANES; i++)
		present -= lanes[i] == lanes[i];
	for (i = 0; i < LANES; i++)
		col->present += present[i];
	col->counted += count;
	for (i = 0; i < N_CUTS; i++)
	{
		if (col->cut[i] < INFINITY)
			col->over[i] += count_over(x, col->cut[i]);
	}
}

/* How many of x[CHUNK] are over the cut; NaN is not. */
static uint32_t
count_over(const float *x, float cut)
{
	const FloatLanes *lanes = (const FloatLanes *) x;
	FloatLanes	limit = {cut, cut, cut, cut};
	IntLanes	a = {0};
	IntLanes	b = {0};
	int			i;

	/* a comparison that holds is -1 */
	for (i = 0; i < CHUNK / LANES; i += 2)
	{
		a -= lanes[i] > limit;
		b -= lanes[i + 1] > limit;
	}
	a += b;
	return a[0] + a[1] + a[2] + a[3];
}

/* Bins as differences of what lies over their edges. */
static void
set_counts(const Column *col, MlopsSummary *out)
{
	const uint64_t *width = col->over + N_EDGES;
	uint64_t	over = col->present;
	int			i;

	for (i = 0; i < MLOPS_SUMMARY_BINS; i++)
	{
		uint64_t	next = i < N_EDGES ? col->over[i] : 0;

		out->bin_count[i] = over - next;
		over = next;
	}
	out->bin_missing = col->counted - col->present;
	if (isnan(out->width_low))
		return;
	out->width_below = col->present - width[0];
	for (i = 0; i < MLOPS_SUMMARY_WIDTH_BINS; i++)
		out->width_count[i] = width[i] - width[i + 1];
	out->width_above = width[MLOPS_SUMMARY_WIDTH_BINS];
}
