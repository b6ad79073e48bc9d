/*
 * side.c
 *		A sample of the rows of a source.
 *
 * Each row has the same chance (reservoir sampling), and what is drawn
 * depends on nothing but the seed and the number of rows.
 */
#include "postgres.h"

#include "math/hash.h"
#include "miscadmin.h"
#include "watch/multivariate.h"

/* A sample while rows come. */
typedef struct Reservoir
{
	MlopsSide  *side;
	int			width;
	size_t		most;
	size_t		room;
	uint64		seed;
	uint64	   *number;			/* [room]: which row it is */
	MemoryContext context;
} Reservoir;

static void take_row(const float *values, const Datum *beside,
					 const bool *nulls, void *arg);
static void make_room(Reservoir *reservoir);
static void restore_order(Reservoir *reservoir);
static int	compare_places(const void *a, const void *b, void *arg);

void
mlops_side_read(MlopsSide *side, MlopsWindowLayout *layout,
				const char *source, size_t most, uint64 seed)
{
	Reservoir	reservoir = {side, layout->n_columns, most};

	memset(side, 0, sizeof(MlopsSide));
	reservoir.seed = mlops_hash_mix(seed);
	reservoir.context = CurrentMemoryContext;
	make_room(&reservoir);
	mlops_window_run(mlops_window_open(layout, source, NIL), take_row,
					 &reservoir);
	if (side->seen > side->n)
		restore_order(&reservoir);
	pfree(reservoir.number);
}

/* Callback: keep the row, in place of another one if there is no room. */
static void
take_row(const float *values, const Datum *beside, const bool *nulls,
		 void *arg)
{
	Reservoir  *reservoir = arg;
	MlopsSide  *side = reservoir->side;
	uint64		row = side->seen++;
	uint64		place = row;

	if (side->n == reservoir->most)
	{
		place = mlops_hash_mix(reservoir->seed + row) % side->seen;
		if (place >= side->n)
			return;
	}
	else
	{
		if (side->n == reservoir->room)
			make_room(reservoir);
		side->n++;
	}
	reservoir->number[place] = row;
	memcpy(side->values + place * reservoir->width, values,
		   sizeof(float) * reservoir->width);
}

/* Room for twice as many rows. */
static void
make_room(Reservoir *reservoir)
{
	MlopsSide  *side = reservoir->side;
	Size		width = sizeof(float) * Max(reservoir->width, 1);

	if (reservoir->room == 0)
	{
		reservoir->room = Min(1024, reservoir->most);
		side->values = MemoryContextAllocHuge(reservoir->context,
											  reservoir->room * width);
		reservoir->number = MemoryContextAllocHuge(reservoir->context,
												   reservoir->room *
												   sizeof(uint64));
		return;
	}
	reservoir->room = Min(reservoir->room * 2, reservoir->most);
	side->values = repalloc_huge(side->values, reservoir->room * width);
	reservoir->number = repalloc_huge(reservoir->number,
									  reservoir->room * sizeof(uint64));
}

/* Put the rows into the order in which they came. */
static void
restore_order(Reservoir *reservoir)
{
	MlopsSide  *side = reservoir->side;
	Size		width = sizeof(float) * reservoir->width;
	float	   *values = palloc_extended(side->n * Max(width, 1),
										 MCXT_ALLOC_HUGE);
	unsigned   *order = palloc_extended(side->n * sizeof(unsigned),
										MCXT_ALLOC_HUGE);

	for (size_t i = 0; i < side->n; i++)
		order[i] = i;
	qsort_arg(order, side->n, sizeof(unsigned), compare_places,
			  reservoir->number);
	for (size_t i = 0; i < side->n; i++)
		memcpy(values + i * reservoir->width,
			   side->values + (size_t) order[i] * reservoir->width, width);
	pfree(order);
	pfree(side->values);
	side->values = values;
}

/* qsort_arg() comparator of places by the rows that they hold. */
static int
compare_places(const void *a, const void *b, void *arg)
{
	const uint64 *number = arg;
	uint64		left = number[*(const unsigned *) a];
	uint64		right = number[*(const unsigned *) b];

	return left < right ? -1 : left > right;
}
