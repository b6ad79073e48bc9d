/*
 * detectors.h
 *		Detectors of change in a stream of numbers: ADWIN, Page-Hinkley, DDM,
 *		KSWIN.
 *
 * Plain C, no allocation.  A detector is one block of memory without
 * pointers: its bytes can be stored and used again, after
 * mlops_detector_valid() has looked at them.  Detections come at the very
 * values at which the library river has them.  The value after a detection
 * starts anew.
 */
#ifndef MLOPS_DETECTORS_H
#define MLOPS_DETECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum MlopsDetectorKind
{
	MLOPS_ADWIN,
	MLOPS_PAGE_HINKLEY,
	MLOPS_DDM,
	MLOPS_KSWIN
} MlopsDetectorKind;

#define MLOPS_DETECTOR_KINDS	4
#define MLOPS_DETECTOR_OPTIONS	5

/* Squares of larger values might not be finite. */
#define MLOPS_DETECTOR_MOST		1e100

/* Where the options of each kind stand. */
enum
{
	MLOPS_ADWIN_DELTA, MLOPS_ADWIN_CLOCK, MLOPS_ADWIN_MAX_BUCKETS,
	MLOPS_ADWIN_MIN_WINDOW_LENGTH, MLOPS_ADWIN_GRACE_PERIOD
};
enum
{
	MLOPS_PH_MIN_INSTANCES, MLOPS_PH_DELTA, MLOPS_PH_THRESHOLD,
	MLOPS_PH_ALPHA, MLOPS_PH_MODE
};
enum
{
	MLOPS_DDM_WARM_START, MLOPS_DDM_WARNING_THRESHOLD,
	MLOPS_DDM_DRIFT_THRESHOLD
};
enum
{
	MLOPS_KSWIN_ALPHA, MLOPS_KSWIN_WINDOW_SIZE, MLOPS_KSWIN_STAT_SIZE,
	MLOPS_KSWIN_SEED
};

/* What Page-Hinkley looks for: numbers of its option mode. */
enum
{
	MLOPS_PH_BOTH, MLOPS_PH_UP, MLOPS_PH_DOWN
};

typedef struct MlopsDetectorOption
{
	const char *name;			/* NULL: no more options */
	double		fallback;
	double		least;
	double		most;
	bool		whole;
} MlopsDetectorOption;

/* Rows of the exponential histogram: more than any stream fills. */
#define MLOPS_ADWIN_ROWS	48

typedef struct MlopsAdwin
{
	uint64_t	ticks;
	double		width;
	double		total;
	double		variance;		/* times width */
	uint32_t	n_rows;
	uint32_t	unused;
	uint8_t		counts[MLOPS_ADWIN_ROWS];	/* buckets of each row */
} MlopsAdwin;

typedef struct MlopsPageHinkley
{
	uint64_t	n;
	double		mean;
	double		up;
	double		down;
	double		least_up;
	double		most_down;
} MlopsPageHinkley;

typedef struct MlopsDdm
{
	uint64_t	n;
	double		rate;
	double		least_rate;
	double		least_error;
	double		least_sum;
} MlopsDdm;

typedef struct MlopsKswin
{
	uint64_t	n;				/* values in the window */
	uint64_t	position;		/* words used of the generator's state */
} MlopsKswin;

typedef struct MlopsDetector
{
	uint32_t	magic;
	uint32_t	kind;
	uint64_t	size;			/* bytes of all of it */
	double		options[MLOPS_DETECTOR_OPTIONS];
	uint64_t	n;				/* values seen */
	uint32_t	drift;			/* at the last value: 1 or 0 */
	uint32_t	warning;
	union
	{
		MlopsAdwin	adwin;
		MlopsPageHinkley page_hinkley;
		MlopsDdm	ddm;
		MlopsKswin	kswin;
	}			of;
	double		body[];			/* buckets, or the window and a generator */
} MlopsDetector;

/* The kind of that name, -1 if there is none; and the name of a kind. */
extern int	mlops_detector_kind(const char *name);
extern const char *mlops_detector_name(MlopsDetectorKind kind);

/* The options of a kind, at most MLOPS_DETECTOR_OPTIONS. */
extern const MlopsDetectorOption *
			mlops_detector_options(MlopsDetectorKind kind);

/*
 * Whether the options go together; each is known to be in its range.  If not,
 * *reason says why.
 */
extern bool mlops_detector_check(MlopsDetectorKind kind,
								 const double *options, const char **reason);

/* Bytes that a detector with these checked options takes. */
extern size_t mlops_detector_size(MlopsDetectorKind kind,
								  const double *options);

/* Make a detector in that many bytes, aligned as doubles are. */
extern void mlops_detector_init(MlopsDetector *detector,
								MlopsDetectorKind kind,
								const double *options);

/* Whether bytes, aligned as doubles are, hold a detector that can go on. */
extern bool mlops_detector_valid(const void *bytes, size_t size);

/*
 * See one value, at most MLOPS_DETECTOR_MOST either way, of DDM 0 or 1; sets
 * drift and warning.
 */
extern void mlops_detector_update(MlopsDetector *detector, double value);

/* The mean that the detector holds for the present one; NaN of no value. */
extern double mlops_detector_estimate(const MlopsDetector *detector);

#endif							/* MLOPS_DETECTORS_H */
