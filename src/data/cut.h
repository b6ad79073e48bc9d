/*
 * cut.h
 *		The rows of a query, read once to be looked at several times.
 */
#ifndef MLOPS_CUT_H
#define MLOPS_CUT_H

/* A source that stands for the rows of the cut that is shown. */
#define MLOPS_CUT_NAME		"mlops cut"
#define MLOPS_CUT_SOURCE	"SELECT * FROM \"" MLOPS_CUT_NAME "\""

typedef struct MlopsCut MlopsCut;

/*
 * Run a query and keep its rows, in memory up to work_mem, else in a temporary
 * file; they last as long as the current memory context and transaction.
 */
extern MlopsCut *mlops_cut_take(const char *query);

/*
 * Let the statements of source.h see this one, or NULL: none.  Whoever shows a
 * cut takes care that none is shown after an error.
 */
extern void mlops_cut_show(MlopsCut *cut);

/* Give back what it takes. */
extern void mlops_cut_end(MlopsCut *cut);

/* Make the cut that is shown known to SPI, which has just been connected. */
extern void mlops_cut_register(void);

#endif							/* MLOPS_CUT_H */
