/*
 * source.h
 *		Sources: a relation name or a query, and the statements made of them.
 *
 * Private to data/.  All functions run with the caller's rights.
 */
#ifndef MLOPS_SOURCE_H
#define MLOPS_SOURCE_H

#include "nodes/bitmapset.h"
#include "nodes/parsenodes.h"
#include "tcop/dest.h"

typedef struct MlopsColumn
{
	char	   *name;
	Oid			type;
	int32		typmod;
	AttrNumber	attribute;		/* in the relation or query */
	bool		stored;			/* in the only relation that is read */
} MlopsColumn;

typedef struct MlopsSource
{
	char	   *from;			/* what follows FROM */
	int			n_columns;
	MlopsColumn *columns;
} MlopsSource;

/* An expression over a source. */
typedef struct MlopsExpression
{
	char	   *text;			/* fit for a target list */
	Oid			type;
	int32		typmod;
	Oid			collation;
	bool		whole_row;		/* reads all columns */
	bool		harmless;		/* no query, and of functions only those of
								 * the server that are not volatile */
	Bitmapset  *reads;			/* indexes into the source's columns */
	const char *what;			/* for messages: "target" or the like */
} MlopsExpression;

/* What the planner and rewriter say of a statement. */
typedef struct MlopsStatement
{
	char	   *relations;		/* jsonb text: [{relation, columns}] */
	bool		row_security;
	double		estimated_rows;
} MlopsStatement;

/* Analyse a source; the result is palloc'd. */
extern MlopsSource *mlops_source_open(const char *text);

/*
 * The index of a column; 42703 with the nearest name, or those that there
 * are, if there is none, 42702 if there are two.
 */
extern int	mlops_source_column(const MlopsSource *source, const char *name);

/* Has the source a column of that name? */
extern bool mlops_source_has(const MlopsSource *source, const char *name);

/*
 * Analyse an expression: a column's name as it is, or any expression.  "what"
 * is the argument that it was given in.
 */
extern MlopsExpression *mlops_source_expression(const MlopsSource *source,
												const char *what,
												const char *text);

/* Plan a statement. */
extern void mlops_statement_plan(const char *query,
								 MlopsStatement *statement);

/*
 * Run a statement under the active snapshot and send its rows to dest.  The
 * order of the rows is that of a plan without parallel workers and without
 * synchronised scans: the same rows come in the same order each time.
 */
extern void mlops_statement_run(const char *query, DestReceiver *dest);

/* Run a command that returns nothing, with the caller's rights. */
extern void mlops_statement_execute(const char *command);

/* The relations of a rewritten query, and whether policies filter them. */
extern char *mlops_lineage(Query *query, bool *row_security);

#endif							/* MLOPS_SOURCE_H */
