/*
 * statistics.h
 *		What ANALYZE has left of the columns that a signature needs.
 *
 * The same that pg_stats shows to the caller, and nothing that it hides.  No
 * row of the relation is read.
 */
#ifndef MLOPS_STATISTICS_H
#define MLOPS_STATISTICS_H

#include "data/signature.h"
#include "datatype/timestamp.h"

typedef enum MlopsKnowledge
{
	MLOPS_KNOWN,
	MLOPS_NOT_ANALYZED,			/* ANALYZE has not seen the column */
	MLOPS_HIDDEN,				/* the caller may not read it, or all rows */
	MLOPS_NO_ORDER				/* values say nothing about the features */
} MlopsKnowledge;

/* A column; shares are of all rows. */
typedef struct MlopsColumnStatistics
{
	MlopsKnowledge knowledge;
	double		missing;		/* NULL or NaN */
	int			n_common;		/* the most frequent values */
	double	   *common_share;
	double	   *common_number;	/* as float4, unless it is a category */
	char	  **common_text;	/* if it is one */
	double		rest;			/* share of all other values */
	int			n_bounds;		/* numbers: as many of the others lie between
								 * each two neighbours */
	double	   *bounds;
} MlopsColumnStatistics;

typedef struct MlopsStatistics
{
	Oid			relation;
	double		sample;			/* rows that were looked at, about */
	TimestampTz analyzed_at;	/* 0: not known */
	int			n_columns;		/* inputs of the signature */
	MlopsColumnStatistics *columns;
} MlopsStatistics;

/*
 * Look them up for a table by its name; of partitioned tables, and others that
 * have children, those of all of them together.  42809 if it is no table,
 * 42703 and 42804 for columns that are missing or of the wrong type.
 */
extern MlopsStatistics *
			mlops_statistics_read(const char *relation,
								  const MlopsSignature *signature);

#endif							/* MLOPS_STATISTICS_H */
