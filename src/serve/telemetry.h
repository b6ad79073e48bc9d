/*
 * telemetry.h
 *		What versions are used for: mlops.stat_model.
 *
 * A session counts in memory of its own, in the MlopsUsage of a version,
 * which is there for as long as the session.  At the end of a transaction,
 * and every FLUSH_ROWS rows, counts go to shared memory, or without
 * shared_preload_libraries to the session's own totals.
 */
#ifndef MLOPS_TELEMETRY_H
#define MLOPS_TELEMETRY_H

#include "base/base.h"
#include "portability/instr_time.h"
#include "serve/shared_versions.h"

/* What is counted. */
typedef struct MlopsUsageCounts
{
	int64		calls;			/* statements, by places in them */
	int64		rows;
	int64		errors;
	int64		missing;		/* features, unseen ones not counted */
	int64		unseen;
	int64		hits;			/* it was in memory when asked for */
	int64		loads;			/* it was not */
	double		load_time;		/* milliseconds */
	double		time;			/* of rows, milliseconds */
} MlopsUsageCounts;

/* What the session has used a version for since its last flush. */
typedef struct MlopsUsage
{
	MlopsVersionKey key;
	MlopsUsageCounts counts;
	/* the time of rows one by one, which is not in the counts yet */
	int64		untimed;		/* rows since the last one whose time was taken */
	int64		interval;		/* after so many, mlops_usage_start_clock() */
	int64		wait;			/* which takes that of the row after so many */
	int64		step;			/* and then of one of so many, less one */
	int64		timed;			/* rows that row_time stands for */
	double		row_time;		/* milliseconds */
	double		last_time;		/* of the last row that was timed */
	instr_time	started;		/* of the row whose time is taken */
	bool		timing;
	/* in shared memory, and which one was there */
	void	   *entry;			/* NULL: not known */
	uint64		generation;
	bool		pending;		/* is in the list of what is to be flushed */
	struct MlopsUsage *next;
	MlopsUsageCounts total;		/* without shared memory */
	TimestampTz first_use;
	TimestampTz last_use;
} MlopsUsage;

/* Ask for shared memory; from _PG_init. */
extern void mlops_telemetry_init(void);

/* The usage of a version in this session. */
extern MlopsUsage *mlops_usage_find(const MlopsVersionKey *key);

/* The same for a statement that predicts with a version outside of the cache. */
extern MlopsUsage *mlops_usage_begin_call(int64 version_id);

/* Have the counts flushed in time; to be called before counting. */
extern void mlops_usage_touch(MlopsUsage *usage);

/*
 * Something begins that may fail, and has ended.  A transaction or savepoint
 * that is rolled back between the two counts as an error of the version.
 */
extern MlopsUsage *mlops_usage_trying;

/*
 * Rows that were predicted together, features[n_rows][n_features], in so many
 * milliseconds.
 */
extern void mlops_usage_batch(MlopsUsage *usage, const float *features,
							  int n_rows, int n_features, int unseen,
							  double time);

/*
 * Begin and end taking the time of a row.  The first row since the last flush
 * begins, and those whose turn it is.
 */
extern void mlops_usage_start_clock(MlopsUsage *usage);
extern void mlops_usage_stop_clock(MlopsUsage *usage);

/* How many of the numbers are NaN. */
static inline int
mlops_count_missing(const float *features, int n)
{
	typedef float Four __attribute__((vector_size(16)));
	typedef int FourInts __attribute__((vector_size(16)));
	FourInts	count = {0, 0, 0, 0};
	int			missing;
	int			i;

	for (i = 0; i + 4 <= n; i += 4)
	{
		Four		value;

		memcpy(&value, features + i, sizeof(value));
		count -= (FourInts) (value != value);
	}
	missing = count[0] + count[1] + count[2] + count[3];
	for (; i < n; i++)
		missing += features[i] != features[i];
	return missing;
}

/* A row is being encoded. */
static inline void
mlops_usage_begin_row(MlopsUsage *usage)
{
	if (!mlops_track_usage)
		return;
	mlops_usage_trying = usage;
	if (unlikely(usage->untimed >= usage->interval))
		mlops_usage_start_clock(usage);
}

/* It is encoded, and so many of its categories were not known. */
static inline void
mlops_usage_row(MlopsUsage *usage, int unseen)
{
	if (!mlops_track_usage)
		return;
	usage->counts.rows++;
	usage->untimed++;
	usage->counts.missing -= unseen;
	usage->counts.unseen += unseen;
	mlops_usage_trying = NULL;
}

/*
 * It is predicted.  Features are counted only now, because four of them that
 * have just been written one by one cannot be read at once for a while.
 */
static inline void
mlops_usage_end_row(MlopsUsage *usage, const float *features, int n_features)
{
	if (!mlops_track_usage)
		return;
	usage->counts.missing += mlops_count_missing(features, n_features);
	if (unlikely(usage->timing))
		mlops_usage_stop_clock(usage);
}

#endif							/* MLOPS_TELEMETRY_H */
