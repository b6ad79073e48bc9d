/*
 * serving_library.c
 *		libxgboost as a C program uses it, for serving.py to compare with.
 *
 *	serving_library MATRIX FEATURES MODEL...
 *
 * MATRIX is a file of native float32, row by row.  Then one command a line on
 * standard input, one answer a line on standard output:
 *
 *	dense MODEL ROWS	the first ROWS rows of the matrix, in place, in blocks
 *						of 8,192 rows
 *	matrix MODEL ROWS	the same from a DMatrix of them all, which is made
 *						anew before the clock starts: the library remembers
 *						what it predicted for one
 *	single MODEL ROWS	one call for each row
 *
 * MODEL counts from 0.  The answer has nanoseconds of the process and of the
 * wall, and the sum of the first output of each row, added up in double in
 * the order of the rows.  Everything runs in one thread.  Any error ends the
 * program.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <xgboost/c_api.h>

#define BLOCK_ROWS 8192
#define MAX_MODELS 16
#define CONFIG \
	"{\"type\":0,\"training\":false,\"iteration_begin\":0," \
	"\"iteration_end\":0,\"strict_shape\":false,\"cache_id\":0," \
	"\"missing\":NaN}"

typedef struct Clock
{
	int64_t		process;
	int64_t		wall;
} Clock;

static const float *values;
static uint64_t n_rows;
static int	n_features;
static BoosterHandle models[MAX_MODELS];

/* End the program with a reason. */
static void
fail(const char *what)
{
	fprintf(stderr, "serving_library: %s\n", what);
	exit(1);
}

/* End the program if a call of the library failed. */
static void
check(int status)
{
	if (status != 0)
		fail(XGBGetLastError());
}

/* Nanoseconds of a clock. */
static int64_t
nanoseconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Both clocks now. */
static Clock
read_clock(void)
{
	Clock		now = {nanoseconds(CLOCK_PROCESS_CPUTIME_ID),
	nanoseconds(CLOCK_MONOTONIC)};

	return now;
}

/* The matrix into memory, all pages touched. */
static void
map_matrix(const char *path)
{
	int			file = open(path, O_RDONLY);
	struct stat about;

	if (file < 0 || fstat(file, &about) != 0)
		fail(path);
	n_rows = about.st_size / sizeof(float) / n_features;
	values = mmap(NULL, about.st_size, PROT_READ,
				  MAP_PRIVATE | MAP_POPULATE, file, 0);
	if (values == MAP_FAILED)
		fail("mmap");
	close(file);
}

/* The array interface of rows from first on, for the library. */
static void
array_text(char *text, size_t size, uint64_t first, uint64_t rows)
{
	snprintf(text, size,
			 "{\"data\":[%" PRIuPTR ",true],\"shape\":[%" PRIu64 ",%d],"
			 "\"strides\":null,\"typestr\":\"<f4\",\"version\":3}",
			 (uintptr_t) (values + first * n_features), rows, n_features);
}

/* Add the first of each row's outputs to a sum. */
static double
add_first(double sum, const float *result, const bst_ulong *shape,
		  bst_ulong dimensions, uint64_t rows)
{
	uint64_t	outputs = 1;

	for (bst_ulong i = 1; i < dimensions; i++)
		outputs *= shape[i];
	if (dimensions < 1 || shape[0] != rows)
		fail("an odd number of results");
	for (uint64_t i = 0; i < rows; i++)
		sum += result[i * outputs];
	return sum;
}

/* Predict rows in place, at most block in a call. */
static double
predict_dense(BoosterHandle model, uint64_t rows, uint64_t block)
{
	double		sum = 0;

	for (uint64_t first = 0; first < rows; first += block)
	{
		uint64_t	n = rows - first < block ? rows - first : block;
		char		array[160];
		const bst_ulong *shape;
		bst_ulong	dimensions;
		const float *result;

		array_text(array, sizeof(array), first, n);
		check(XGBoosterPredictFromDense(model, array, CONFIG, NULL, &shape,
										&dimensions, &result));
		sum = add_first(sum, result, shape, dimensions, n);
	}
	return sum;
}

/* Predict rows from a matrix of the library's, made before the clock. */
static double
predict_matrix(BoosterHandle model, uint64_t rows, Clock *start)
{
	DMatrixHandle matrix;
	char		array[160];
	const bst_ulong *shape;
	bst_ulong	dimensions;
	const float *result;
	double		sum;

	array_text(array, sizeof(array), 0, rows);
	check(XGDMatrixCreateFromDense(array, "{\"missing\":NaN,\"nthread\":1}",
								   &matrix));
	*start = read_clock();
	check(XGBoosterPredictFromDMatrix(model, matrix, CONFIG, &shape,
									  &dimensions, &result));
	sum = add_first(0, result, shape, dimensions, rows);
	check(XGDMatrixFree(matrix));
	return sum;
}

/* One command. */
static void
run(const char *how, BoosterHandle model, uint64_t rows)
{
	Clock		start = read_clock();
	Clock		end;
	double		sum = 0;

	if (rows > n_rows)
		rows = n_rows;
	if (strcmp(how, "dense") == 0)
		sum = predict_dense(model, rows, BLOCK_ROWS);
	else if (strcmp(how, "single") == 0)
		sum = predict_dense(model, rows, 1);
	else if (strcmp(how, "matrix") == 0)
		sum = predict_matrix(model, rows, &start);
	else
		fail(how);
	end = read_clock();
	printf("%" PRId64 " %" PRId64 " %" PRIu64 " %.17g\n",
		   end.process - start.process, end.wall - start.wall, rows, sum);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	char		line[200];
	int			n_models = argc - 3;

	if (argc < 4 || n_models > MAX_MODELS)
		fail("usage: serving_library MATRIX FEATURES MODEL...");
	n_features = atoi(argv[2]);
	if (n_features < 1)
		fail("FEATURES");
	map_matrix(argv[1]);
	for (int i = 0; i < n_models; i++)
	{
		check(XGBoosterCreate(NULL, 0, &models[i]));
		check(XGBoosterLoadModel(models[i], argv[i + 3]));
		check(XGBoosterSetParam(models[i], "nthread", "1"));
	}
	while (fgets(line, sizeof(line), stdin) != NULL)
	{
		char		how[20];
		int			model;
		uint64_t	rows;

		if (sscanf(line, "%19s %d %" SCNu64, how, &model, &rows) != 3 ||
			model < 0 || model >= n_models)
			fail("not a command");
		run(how, models[model], rows);
	}
	return 0;
}
