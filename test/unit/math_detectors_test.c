/*
 * math_detectors_test.c
 *		Detectors of change, and the generator behind one of them.
 *
 * Prints "ok N - name" or "not ok N - name" for each check and ends with
 * "N passed, N failed"; exit code 1 if one failed.  The streams and where
 * they change are those of the examples of the library river,
 * drawn with Python's random module; and a stream that any program can
 * draw.
 */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "math/detectors.h"
#include "math/twister.h"

#define STREAM 4000
#define MOST_FOUND 16

/* What a detector finds in a stream, counted from 0. */
typedef struct Found
{
	int			n;
	int			at[MOST_FOUND];
	int			n_warned;		/* first warnings only */
	int			warned[MOST_FOUND];
	double		estimate;
} Found;

static double python_random(uint32_t *words, uint64_t *position);
static int	python_stream(uint32_t seed, double *stream);
static int	python_errors(double *stream);
static int	portable_errors(double *stream);
static MlopsDetector *create(MlopsDetectorKind kind, int option,
							 double value);
static Found run(MlopsDetector *detector, const double *stream, int n);
static bool first_is(const Found *found, int n, int at);
static void test_twister(void);
static void test_examples(void);
static void test_portable(void);
static void test_stored(void);
static void test_hostile(void);
static void test_options(void);

/* Run all tests. */
int
main(void)
{
	test_twister();
	test_examples();
	test_portable();
	test_stored();
	test_hostile();
	test_options();
	return check_total();
}

/* random.random() */
static double
python_random(uint32_t *words, uint64_t *position)
{
	uint32_t	a = mlops_twister_next(words, position) >> 5;
	uint32_t	b = mlops_twister_next(words, position) >> 6;

	return (a * 67108864.0 + b) / 9007199254740992.0;
}

/* choices([0, 1], k=1000) + choices(range(4, 8), k=1000) */
static int
python_stream(uint32_t seed, double *stream)
{
	uint32_t	words[MLOPS_TWISTER_WORDS];
	uint64_t	position = mlops_twister_seed(words, seed);

	for (int i = 0; i < 2000; i++)
		stream[i] = i < 1000 ? floor(2 * python_random(words, &position)) :
			4 + floor(4 * python_random(words, &position));
	return 2000;
}

/* seed 42, choices([0, 1], k=1000) + choices([0, 1], [.3, .7], k=1000) */
static int
python_errors(double *stream)
{
	uint32_t	words[MLOPS_TWISTER_WORDS];
	uint64_t	position = mlops_twister_seed(words, 42);

	for (int i = 0; i < 2000; i++)
	{
		double		u = python_random(words, &position);

		stream[i] = i < 1000 ? floor(2 * u) : u >= 0.3;
	}
	return 2000;
}

/* 2,000 errors of rate 0.1, 2,000 of 0.2, by a congruential generator. */
static int
portable_errors(double *stream)
{
	uint64_t	s = 7;

	for (int i = 0; i < STREAM; i++)
	{
		s = (1103515245 * s + 12345) % (UINT64_C(1) << 31);
		stream[i] = s / 2147483648.0 < (i < 2000 ? 0.1 : 0.2);
	}
	return STREAM;
}

/* A detector with defaults but for one option, -1: none. */
static MlopsDetector *
create(MlopsDetectorKind kind, int option, double value)
{
	const MlopsDetectorOption *known = mlops_detector_options(kind);
	double		options[MLOPS_DETECTOR_OPTIONS] = {0};
	MlopsDetector *detector;

	for (int i = 0; known[i].name != NULL; i++)
		options[i] = i == option ? value : known[i].fallback;
	detector = malloc(mlops_detector_size(kind, options));
	mlops_detector_init(detector, kind, options);
	return detector;
}

/* Show the stream to a detector, and free it. */
static Found
run(MlopsDetector *detector, const double *stream, int n)
{
	Found		found = {0};
	bool		warned = false;

	for (int i = 0; i < n; i++)
	{
		mlops_detector_update(detector, stream[i]);
		if (detector->drift && found.n < MOST_FOUND)
			found.at[found.n++] = i;
		if (detector->warning && !warned && found.n_warned < MOST_FOUND)
			found.warned[found.n_warned++] = i;
		warned = detector->drift ? false : warned || detector->warning;
	}
	found.estimate = mlops_detector_estimate(detector);
	free(detector);
	return found;
}

/* So many were found, the first of them there. */
static bool
first_is(const Found *found, int n, int at)
{
	return found->n == n && found->at[0] == at;
}

/* random.Random(...), .getrandbits(32), .sample() */
static void
test_twister(void)
{
	uint32_t	words[MLOPS_TWISTER_WORDS];
	uint64_t	position = mlops_twister_seed(words, 42);
	uint32_t	drawn[30];
	uint32_t	pool[5] = {14, 3, 35, 31, 28};
	uint32_t	wide[5] = {864, 394, 776, 911, 430};

	check(mlops_twister_next(words, &position) == 2746317213u &&
		  mlops_twister_next(words, &position) == 478163327u,
		  "bits of seed 42");
	position = mlops_twister_seed(words, 42);
	mlops_twister_sample(words, &position, 70, 30, drawn);
	check(memcmp(drawn, pool, sizeof(pool)) == 0, "30 of 70");
	position = mlops_twister_seed(words, 0);
	mlops_twister_sample(words, &position, 970, 30, drawn);
	check(memcmp(drawn, wide, sizeof(wide)) == 0, "30 of 970");
}

/* The examples of river's documentation. */
static void
test_examples(void)
{
	double		stream[STREAM];
	int			n = python_stream(12345, stream);
	Found		found = run(create(MLOPS_PAGE_HINKLEY, -1, 0), stream, n);

	check(first_is(&found, 1, 1006) && stream[1006] == 5,
		  "Page-Hinkley: index 1006, value 5");
	found = run(create(MLOPS_ADWIN, -1, 0), stream, n);
	check(first_is(&found, 1, 1023) && stream[1023] == 4,
		  "ADWIN: index 1023, value 4");
	found = run(create(MLOPS_KSWIN, MLOPS_KSWIN_ALPHA, 0.0001), stream, n);
	check(first_is(&found, 1, 1016) && stream[1016] == 6,
		  "KSWIN: index 1016, value 6");

	n = python_errors(stream);
	found = run(create(MLOPS_DDM, -1, 0), stream, n);
	check(first_is(&found, 1, 1334), "DDM: index 1334");
	check(found.n_warned == 2 && found.warned[0] == 1084 &&
		  found.warned[1] == 1492, "DDM: warnings at 1084 and 1492");
}

/* Streams of errors. */
static void
test_portable(void)
{
	double		stream[STREAM];
	int			n = portable_errors(stream);
	Found		found = run(create(MLOPS_PAGE_HINKLEY, -1, 0), stream, n);
	double		tail = 0;

	check(first_is(&found, 1, 2356), "Page-Hinkley, 50: 2356");
	for (int i = 2357; i < n; i++)
		tail += stream[i] / (n - 2357);
	check(fabs(found.estimate - tail) < 1e-12, "mean since then");
	found = run(create(MLOPS_PAGE_HINKLEY, MLOPS_PH_THRESHOLD, 20), stream,
				n);
	check(first_is(&found, 1, 2087), "Page-Hinkley, 20: 2087");
	found = run(create(MLOPS_PAGE_HINKLEY, MLOPS_PH_MODE, MLOPS_PH_DOWN),
				stream, n);
	check(found.n == 0, "Page-Hinkley down: nothing");
	found = run(create(MLOPS_ADWIN, -1, 0), stream, n);
	check(first_is(&found, 1, 2367), "ADWIN: 2367");
	found = run(create(MLOPS_DDM, -1, 0), stream, n);
	check(found.n == 3 && found.at[0] == 337 && found.at[1] == 2085 &&
		  found.at[2] == 2197, "DDM: 337, 2085, 2197");
	check(found.n_warned == 4 && found.warned[0] == 248 &&
		  found.warned[1] == 791 && found.warned[2] == 2168 &&
		  found.warned[3] == 2344, "DDM: warnings");
	found = run(create(MLOPS_KSWIN, MLOPS_KSWIN_ALPHA, 0.05), stream, n);
	check(first_is(&found, 1, 2347), "KSWIN of errors");
}

/* A detector whose bytes are copied goes on as if nothing had been. */
static void
test_stored(void)
{
	double		stream[STREAM];
	int			n = portable_errors(stream);

	for (int kind = 0; kind < MLOPS_DETECTOR_KINDS; kind++)
	{
		MlopsDetector *plain = create(kind, -1, 0);
		MlopsDetector *moved = create(kind, -1, 0);
		size_t		size = plain->size;
		bool		same = strcmp(mlops_detector_name(kind), "") != 0 &&
			mlops_detector_kind(mlops_detector_name(kind)) == kind;

		for (int i = 0; i < n; i++)
		{
			MlopsDetector *copy = malloc(size);

			memcpy(copy, moved, size);
			free(moved);
			moved = copy;
			same = same && mlops_detector_valid(moved, size);
			mlops_detector_update(plain, stream[i]);
			mlops_detector_update(moved, stream[i]);
			same = same && memcmp(plain, moved, size) == 0;
		}
		check(same && !mlops_detector_valid(moved, size - 8), "stored bytes");
		free(plain);
		free(moved);
	}
	check(mlops_detector_kind("none") == -1, "no such kind");
}

/* Bytes that were changed are refused, or can be used. */
static void
test_hostile(void)
{
	double		stream[STREAM];
	int			n = portable_errors(stream);
	int			refused = 0;
	int			used = 0;

	srand(1);
	for (int turn = 0; turn < 20000; turn++)
	{
		MlopsDetector *d = create(turn % MLOPS_DETECTOR_KINDS, -1, 0);
		size_t		size = d->size;
		int			bytes = 1 + rand() % 8;

		for (int i = 0; i < 200; i++)
			mlops_detector_update(d, stream[i]);
		for (int i = 0; i < bytes; i++)
			((unsigned char *) d)[rand() % (rand() % 2 ? 160 : size)] =
				rand();
		if (!mlops_detector_valid(d, size))
			refused++;
		else
		{
			used++;
			for (int i = 0; i < 100; i++)
				mlops_detector_update(d, stream[n - 1 - i]);
			(void) mlops_detector_estimate(d);
		}
		free(d);
	}
	check(refused > 1000 && used > 1000, "changed bytes");
}

/* Options that do not go together. */
static void
test_options(void)
{
	double		kswin[] = {0.005, 50, 30, 42, 0};
	double		ddm[] = {30, 4, 3, 0, 0};
	const char *reason = NULL;

	check(!mlops_detector_check(MLOPS_KSWIN, kswin, &reason) &&
		  reason != NULL, "kswin: a window too small");
	kswin[1] = 60;
	check(mlops_detector_check(MLOPS_KSWIN, kswin, &reason),
		  "kswin: a window just large enough");
	check(!mlops_detector_check(MLOPS_DDM, ddm, &reason),
		  "ddm: warns after it detects");
}
