/*
 * learn.c
 *		Thresholds of drift that are learned from the reference.
 *
 * The rows of the reference, in their order, are cut into parts, and each is
 * held against all of it.  What is beyond the mean and three deviations of
 * these figures is more than the reference itself has.
 */
#include "postgres.h"

#include <math.h>

#include "math/paired.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "watch/figures.h"

#define PARTS		10
#define LEAST_PARTS	6
#define DEVIATIONS	3

/* What parts have reached, by column. */
typedef MlopsSpread Reached[MLOPS_DECIDERS];

static bool any_learned(const MlopsDriftOptions *options);
static void measure_part(const MlopsDriftReference *reference, int part,
						 Reached *reached);

MlopsThresholds *
mlops_drift_learn(const MlopsDriftReference *reference,
				  const MlopsDriftOptions *options)
{
	int			n = reference->layout->n_columns;
	Reached    *reached;
	MlopsThresholds *thresholds;

	if (!any_learned(options))
		return NULL;
	if (reference->rows == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("thresholds cannot be learned from a stored baseline"),
				 errdetail("They are learned from parts of the reference's rows."),
				 errhint("Give the training rows as reference => ...")));
	reached = palloc0(sizeof(Reached) * n);
	thresholds = palloc(sizeof(MlopsThresholds) * n);
	for (int part = 0; part < PARTS; part++)
		measure_part(reference, part, reached);
	for (int i = 0; i < n; i++)
	{
		for (int figure = 0; figure < MLOPS_DECIDERS; figure++)
		{
			const MlopsSpread *spread = &reached[i][figure];

			thresholds[i].of[figure] = options->threshold[figure];
			if (options->learned[figure] && spread->n >= LEAST_PARTS)
				thresholds[i].of[figure].detected = spread->mean +
					DEVIATIONS * sqrt(spread->squares / spread->n);
		}
	}
	pfree(reached);
	return thresholds;
}

/* Is there anything to learn? */
static bool
any_learned(const MlopsDriftOptions *options)
{
	for (int figure = 0; figure < MLOPS_DECIDERS; figure++)
		if (options->learned[figure])
			return true;
	return false;
}

/* Add the figures of one part, all columns. */
static void
measure_part(const MlopsDriftReference *reference, int part, Reached *reached)
{
	const MlopsWindowLayout *layout = reference->layout;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "mlops drift part",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	MlopsDriftRows rows = *reference->rows;
	uint64		first = rows.n * part / PARTS;
	const MlopsTally *tally;

	rows.values += first * layout->n_columns;
	rows.n = reference->rows->n * (part + 1) / PARTS - first;
	tally = mlops_tally_rows(&rows, reference->numbers);
	for (int i = 0; rows.n > 0 && i < layout->n_columns; i++)
	{
		MlopsDriftFigures figures;

		CHECK_FOR_INTERRUPTS();
		mlops_drift_measure(reference, tally, &rows, i, &figures);
		for (int figure = 0; figure < MLOPS_DECIDERS; figure++)
		{
			double		value = mlops_drift_decider(&figures, figure);

			if (!isnan(value))
				mlops_spread_add(&reached[i][figure], value);
		}
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
