/*
 * row_columns.h
 *		The columns of a row argument, as far as they are known when a query
 *		is planned.
 */
#ifndef MLOPS_ROW_COLUMNS_H
#define MLOPS_ROW_COLUMNS_H

#include "nodes/pathnodes.h"

/* A row by its columns: names[n] and an expression for each. */
typedef struct MlopsRowColumns
{
	int			n;
	const char **names;
	Expr	  **values;
	Expr	   *sign;			/* NULL where there is no row; or a null pointer */
} MlopsRowColumns;

/*
 * Take a row apart: false if it cannot be done, or not without another
 * result.  What it yields is in the current memory context and shares
 * expressions with the row.
 */
extern bool mlops_row_columns(PlannerInfo *root, Node *row,
							  MlopsRowColumns *columns);

/*
 * The index of the column of that name, -1 if there is none and -2 if there
 * are several.  order comes from _sort.
 */
extern int *mlops_row_columns_sort(const MlopsRowColumns *columns);
extern int	mlops_row_column_find(const MlopsRowColumns *columns,
								  const int *order, const char *name);

#endif							/* MLOPS_ROW_COLUMNS_H */
