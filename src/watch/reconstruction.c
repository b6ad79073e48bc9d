/*
 * reconstruction.c
 *		Do the principal components of the reference describe new rows?
 *
 * Columns become numbers first: what is missing becomes the mean, or the most
 * frequent category, and a category becomes how often the reference has it.
 * Then the error of a row is the length of what components that explain most
 * of the reference's variance leave of it.
 *
 * What is usual comes from chunks of the reference, each described by the
 * components of the others: rows that components were made of are described
 * better than any new one.  But these may come again, so the lower bound is
 * that of the reference described by its own components.
 */
#include "postgres.h"

#include <math.h>

#include "math/paired.h"
#include "math/pca.h"
#include "miscadmin.h"
#include "watch/multivariate.h"

#define CHUNKS		10
#define MOST_COLUMNS	500
#define BLOCK_ROWS	64

/* How a column becomes a number. */
typedef struct Coding
{
	int			column;			/* of the layout */
	int			n_codes;		/* categories only */
	double	   *counts;			/* [n_codes], standardised; NULL: a number */
	double		missing;		/* what stands for it */
	double		unseen;			/* a code that the reference has not */
	double		mean;
	double		deviation;
} Coding;

/* A comparison on its way. */
typedef struct Reconstruction
{
	const MlopsSides *sides;
	int			n;				/* columns */
	Coding	   *codings;
	double		explained;
	double	   *block;			/* [BLOCK_ROWS][n] */
	double	   *rest;			/* [n] */
	double	   *work;			/* [n x n + 3 n] */
} Reconstruction;

/* Errors of some rows. */
typedef struct Errors
{
	MlopsSpread rows;
	double	   *squares;		/* [n]: sums by column */
} Errors;

static void code_columns(Reconstruction *r);
static void code_number(Reconstruction *r, Coding *coding);
static void code_category(Reconstruction *r, Coding *coding);
static void number_row(const Reconstruction *r, const float *values,
					   double *row);
static MlopsPcaSums *new_sums(int n);
static void add_rows(Reconstruction *r, MlopsPcaSums *sums, size_t first,
					 size_t last);
static MlopsPca *new_pca(int n);
static void fit(Reconstruction *r, MlopsPca *pca, const MlopsPcaSums *sums);
static void add_errors(Reconstruction *r, const MlopsPca *pca,
					   const MlopsSide *side, size_t first, size_t last,
					   Errors *errors);
static void conclude(const Reconstruction *r,
					 const MlopsSidesOptions *options, const Errors *current,
					 const Errors *reference, const Errors *own,
					 const MlopsSpread *chunks,
					 MlopsSidesVerdict *verdict);
static void blame(const Errors *current, const Errors *reference, int n,
				  double *share);

void
mlops_sides_reconstruct(const MlopsSides *sides,
						const MlopsSidesOptions *options,
						MlopsSidesVerdict *verdict)
{
	Reconstruction r = {sides, sides->n_used};
	MlopsPcaSums *all;
	MlopsPcaSums *others;
	MlopsPca   *pca;
	MlopsSpread chunks = {0};
	Errors		reference = {0};
	Errors		own = {0};
	Errors		current = {0};
	Size		n = r.n;
	size_t		rows = sides->reference.n;

	if (n > MOST_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many columns for method \"pca\""),
				 errdetail("There are %d, and at most %d are possible.",
						   r.n, MOST_COLUMNS),
				 errhint("Name some as features, or use method \"classifier\".")));
	r.explained = options->explained;
	r.block = palloc(sizeof(double) * BLOCK_ROWS * n);
	r.rest = palloc(sizeof(double) * n);
	r.work = palloc(sizeof(double) * (n * n + 3 * n));
	reference.squares = palloc0(sizeof(double) * n);
	own.squares = palloc0(sizeof(double) * n);
	current.squares = palloc0(sizeof(double) * n);
	code_columns(&r);
	all = new_sums(r.n);
	others = new_sums(r.n);
	pca = new_pca(r.n);
	add_rows(&r, all, 0, rows);
	for (int i = 0; i < CHUNKS; i++)
	{
		size_t		first = rows * i / CHUNKS;
		size_t		last = rows * (i + 1) / CHUNKS;
		MlopsSpread before = reference.rows;
		MlopsPcaSums *chunk = new_sums(r.n);
		double		sum;

		add_rows(&r, chunk, first, last);
		others->rows = all->rows;
		memcpy(others->sum, all->sum, sizeof(double) * n);
		memcpy(others->products, all->products, sizeof(double) * n * n);
		mlops_pca_less(others, chunk);
		fit(&r, pca, others);
		add_errors(&r, pca, &sides->reference, first, last, &reference);
		sum = reference.rows.mean * reference.rows.n - before.mean * before.n;
		mlops_spread_add(&chunks, sum / (last - first));
		pfree(chunk->sum);
		pfree(chunk->products);
		pfree(chunk);
	}
	fit(&r, pca, all);
	add_errors(&r, pca, &sides->reference, 0, rows, &own);
	add_errors(&r, pca, &sides->current, 0, sides->current.n, &current);
	conclude(&r, options, &current, &reference, &own, &chunks, verdict);
}

/* How each column becomes a number of mean 0 and deviation 1. */
static void
code_columns(Reconstruction *r)
{
	r->codings = palloc0(sizeof(Coding) * r->n);
	for (int i = 0; i < r->n; i++)
	{
		r->codings[i].column = r->sides->used[i];
		if (r->codings[i].column < r->sides->layout->n_numbers)
			code_number(r, &r->codings[i]);
		else
			code_category(r, &r->codings[i]);
	}
}

/* The mean and deviation of a number; what is infinite is missing. */
static void
code_number(Reconstruction *r, Coding *coding)
{
	const MlopsSide *side = &r->sides->reference;
	int			width = r->sides->layout->n_columns;
	MlopsSpread spread = {0};

	for (size_t i = 0; i < side->n; i++)
	{
		float		x = side->values[i * width + coding->column];

		if (isfinite(x))
			mlops_spread_add(&spread, x);
	}
	coding->mean = spread.n > 0 ? spread.mean : 0;
	coding->deviation = spread.squares > 0 ?
		sqrt(spread.squares / spread.n) : 1;
}

/* How often the reference has each category, on the common scale. */
static void
code_category(Reconstruction *r, Coding *coding)
{
	const MlopsSide *side = &r->sides->reference;
	int			width = r->sides->layout->n_columns;
	int			missing = 0;
	int			most = 0;
	MlopsSpread spread = {0};

	for (size_t i = 0; i < side->n; i++)
	{
		float		code = side->values[i * width + coding->column];

		if (isnan(code))
			missing++;
		else
			coding->n_codes = Max(coding->n_codes, (int) code + 1);
	}
	coding->counts = palloc0(sizeof(double) * Max(coding->n_codes, 1));
	for (size_t i = 0; i < side->n; i++)
	{
		float		code = side->values[i * width + coding->column];

		if (!isnan(code))
			coding->counts[(int) code]++;
	}
	for (int i = 1; i < coding->n_codes; i++)
		if (coding->counts[i] > coding->counts[most])
			most = i;
	coding->counts[most] += missing;
	for (size_t i = 0; i < side->n; i++)
	{
		float		code = side->values[i * width + coding->column];

		mlops_spread_add(&spread,
						 coding->counts[isnan(code) ? most : (int) code]);
	}
	coding->mean = spread.mean;
	coding->deviation = spread.squares > 0 ?
		sqrt(spread.squares / spread.n) : 1;
	for (int i = 0; i < coding->n_codes; i++)
		coding->counts[i] = (coding->counts[i] - coding->mean) /
			coding->deviation;
	coding->missing = coding->counts[most];
	coding->unseen = -coding->mean / coding->deviation;
}

/* A row of values as numbers. */
static void
number_row(const Reconstruction *r, const float *values, double *row)
{
	for (int i = 0; i < r->n; i++)
	{
		const Coding *coding = &r->codings[i];
		float		x = values[coding->column];

		if (coding->counts == NULL)
			row[i] = isfinite(x) ?
				((double) x - coding->mean) / coding->deviation : 0;
		else if (isnan(x))
			row[i] = coding->missing;
		else
			row[i] = x < coding->n_codes ? coding->counts[(int) x] :
				coding->unseen;
	}
}

/* Sums of nothing. */
static MlopsPcaSums *
new_sums(int n)
{
	MlopsPcaSums *sums = palloc0(sizeof(MlopsPcaSums));

	sums->n = n;
	sums->sum = palloc0(sizeof(double) * n);
	sums->products = palloc0(sizeof(double) * n * n);
	return sums;
}

/* Add rows first .. last - 1 of the reference. */
static void
add_rows(Reconstruction *r, MlopsPcaSums *sums, size_t first, size_t last)
{
	int			width = r->sides->layout->n_columns;
	size_t		filled = 0;

	for (size_t i = first; i < last; i++)
	{
		number_row(r, r->sides->reference.values + i * width,
				   r->block + filled * r->n);
		if (++filled < BLOCK_ROWS && i + 1 < last)
			continue;
		CHECK_FOR_INTERRUPTS();
		mlops_pca_add(sums, r->block, filled);
		filled = 0;
	}
}

/* Room for components. */
static MlopsPca *
new_pca(int n)
{
	MlopsPca   *pca = palloc0(sizeof(MlopsPca));

	pca->mean = palloc(sizeof(double) * n);
	pca->deviation = palloc(sizeof(double) * n);
	pca->values = palloc(sizeof(double) * n);
	pca->components = palloc(sizeof(double) * n * n);
	return pca;
}

/* Find the components; 22023 if numbers are too large for it. */
static void
fit(Reconstruction *r, MlopsPca *pca, const MlopsPcaSums *sums)
{
	CHECK_FOR_INTERRUPTS();
	if (!mlops_pca_fit(pca, sums, r->explained, r->work))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("principal components cannot be computed"),
				 errhint("Leave out columns whose numbers are near the limits of float4.")));
}

/* Add the errors of rows first .. last - 1 of a side. */
static void
add_errors(Reconstruction *r, const MlopsPca *pca, const MlopsSide *side,
		   size_t first, size_t last, Errors *errors)
{
	int			width = r->sides->layout->n_columns;

	for (size_t i = first; i < last; i++)
	{
		double		error;

		if (i % BLOCK_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		number_row(r, side->values + i * width, r->block);
		error = mlops_pca_error(pca, r->block, r->rest, r->work);
		/* what is rounding only is none */
		if (error < 1e-9 * sqrt(r->n))
			error = 0;
		mlops_spread_add(&errors->rows, error);
		for (int c = 0; error > 0 && c < r->n; c++)
			errors->squares[c] += r->rest[c] * r->rest[c];
	}
}

/*
 * Bounds are so many deviations of the chunks' means from the mean of rows
 * that the components know, or do not know, or of what the mean of so few rows
 * has by chance, if that is more.
 */
static void
conclude(const Reconstruction *r, const MlopsSidesOptions *options,
		 const Errors *current, const Errors *reference,
		 const Errors *own, const MlopsSpread *chunks,
		 MlopsSidesVerdict *verdict)
{
	double		of_rows = mlops_spread_deviation(&reference->rows);
	double		chance = of_rows * sqrt(1.0 / current->rows.n +
										1.0 / reference->rows.n);
	double		of_chunks = sqrt(chunks->squares / chunks->n);
	double		width = options->deviations * Max(of_chunks, chance);
	double		error = 1.96 * mlops_spread_deviation(&current->rows) /
		sqrt(current->rows.n);

	verdict->value = current->rows.mean;
	verdict->ci_low = Max(verdict->value - error, 0);
	verdict->ci_high = verdict->value + error;
	verdict->low = options->low[MLOPS_SIDES_PCA];
	verdict->high = options->high[MLOPS_SIDES_PCA];
	if (isnan(verdict->high))
	{
		verdict->low = Max(Min(own->rows.mean, reference->rows.mean) - width,
						   0);
		verdict->high = reference->rows.mean + width;
	}
	verdict->status = verdict->value > verdict->high ||
		verdict->value < verdict->low ?
		MLOPS_DRIFT_DETECTED : MLOPS_DRIFT_NONE;
	blame(current, reference, r->n, verdict->share);
}

/* Each column's share of the change in mean squared errors. */
static void
blame(const Errors *current, const Errors *reference, int n, double *share)
{
	double		total = 0;

	for (int i = 0; i < n; i++)
	{
		share[i] = fabs(current->squares[i] / current->rows.n -
						reference->squares[i] / reference->rows.n);
		total += share[i];
	}
	for (int i = 0; i < n; i++)
		share[i] = total > 0 ? share[i] / total : 0;
}
