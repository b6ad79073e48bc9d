/*
 * forest_hostile_test.c
 *		Damaged and forged models and blocks.
 *
 * Every fixture is mutated thousands of times by a fixed generator: bytes,
 * lengths, numbers, truncation.  Nothing may crash, hang or read out of
 * bounds (the sanitizers watch), and whatever builds must also open, predict
 * and go through JSON.  The same for blocks, whose checksum is made good
 * after each mutation so that the checks behind it are reached.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forest/block.h"
#include "forest_fixture.h"

/* Mutations of each fixture, of each kind. */
#define MUTATIONS 1500

/* Rows that each is tried with: enough for a batch. */
#define ROWS 13

/* What libxgboost is known to fail on: indexes, sizes, extremes. */
static const char *const numbers[] = {
	"0", "-1", "1", "2", "100", "1000000", "2147483647", "-2147483648",
	"4294967295", "4294967296", "9223372036854775807", "1e39", "-1e39",
	"NaN", "Infinity", "-Infinity", "1e-45", "0.5", "true", "null", "[]",
	"\"\"", "16777215", "16777216",
};

static uint64_t random_state = 1;

static uint32_t random_below(uint32_t limit);
static size_t mutate_bytes(unsigned char *model, size_t size);
static size_t mutate_lengths(unsigned char *model, size_t size);
static size_t mutate_numbers(unsigned char *model, size_t size);
static bool try_model(const unsigned char *model, size_t size, bool *built);
static bool try_forest(const MlopsForest *forest);
static void test_models(const Fixture *fixture);
static void test_truncated(const Fixture *fixture);
static void test_blocks(const Fixture *fixture);
static void mutate_block(MlopsForest *forest, size_t size);
static void test_refused_blocks(const Fixture *fixture);
static void test_outdated(const Fixture *fixture);
static void test_large_counts(void);

/* Run all tests. */
int
main(void)
{
	unsigned	i;

	for (i = 0; i < FIXTURE_COUNT; i++)
	{
		Fixture		fixture;

		fixture_load(i, &fixture);
		test_models(&fixture);
		test_truncated(&fixture);
		test_blocks(&fixture);
		if (i == 0)
		{
			test_refused_blocks(&fixture);
			test_outdated(&fixture);
		}
		fixture_free(&fixture);
	}
	test_large_counts();
	return check_total();
}

/* A number below limit, which is not 0; the same ones in every run. */
static uint32_t
random_below(uint32_t limit)
{
	random_state = random_state * UINT64_C(6364136223846793005) +
		UINT64_C(1442695040888963407);
	return (uint32_t) (random_state >> 33) % limit;
}

/* Change one to four bytes: flip, set, remove, insert.  The new size. */
static size_t
mutate_bytes(unsigned char *model, size_t size)
{
	int			left = 1 + random_below(4);

	for (; left > 0 && size > 2; left--)
	{
		size_t		at = random_below(size);

		switch (random_below(4))
		{
			case 0:
				model[at] ^= 1 << random_below(8);
				break;
			case 1:
				model[at] = "\0\xFF{}[]LSUldD$#TFZ\"\\,:-0"[random_below(23)];
				break;
			case 2:
				memmove(model + at, model + at + 1, size - at - 1);
				size--;
				break;
			default:
				memmove(model + at + 1, model + at, size - at);
				model[at] = random_below(256);
				size++;
		}
	}
	return size;
}

/* Change a length or a type of UBJ. */
static size_t
mutate_lengths(unsigned char *model, size_t size)
{
	size_t		at = random_below(size);
	size_t		i;

	for (i = 0; i + 9 < size; i++)
	{
		size_t		place = (at + i) % (size - 9);

		if (model[place] != 'L')
			continue;
		switch (random_below(4))
		{
			case 0:
				model[place + 8] += 1 + random_below(255);
				break;
			case 1:
				model[place + 1 + random_below(8)] = random_below(256);
				break;
			case 2:
				memset(model + place + 1, 0xFF, 8);
				break;
			default:
				model[place] = "iUIlLdDSC"[random_below(9)];
		}
		break;
	}
	return size;
}

/* Replace one or two numbers of JSON, also of those within strings. */
static size_t
mutate_numbers(unsigned char *model, size_t size)
{
	int			left = 1 + random_below(2);

	for (; left > 0; left--)
	{
		const char *number = numbers[random_below(sizeof(numbers) /
												  sizeof(numbers[0]))];
		size_t		length = strlen(number);
		size_t		at = random_below(size);
		size_t		end;

		while (at < size && (model[at] < '0' || model[at] > '9'))
			at++;
		for (end = at; end < size && model[end] && model[end] < 0x80 &&
			 strchr("0123456789.E-", model[end]); end++)
			;
		if (at == size)
			continue;
		memmove(model + at + length, model + end, size - end);
		memcpy(model + at, number, length);
		size = size - (end - at) + length;
	}
	return size;
}

/*
 * Build, and if that succeeds open, predict and write as JSON.  False if
 * something that should follow from a successful build fails.
 */
static bool
try_model(const unsigned char *model, size_t size, bool *built)
{
	void	   *copy = fixture_copy(model, size);
	void	   *block;
	size_t		block_size;
	size_t		length;
	char	   *text = NULL;
	MlopsForestError err;
	bool		good = true;

	*built = mlops_forest_build(copy, size, &block, &block_size, &err);
	if (*built)
	{
		const MlopsForest *forest = mlops_forest_open(block, block_size,
													  &err);

		good = forest != NULL && try_forest(forest) &&
			mlops_model_to_json(copy, size, &text, &length, &err);
		free(text);
		text = NULL;
		good = good && mlops_model_to_ubj(copy, size, &text, &length, &err);
		free(text);
		free(block);
		if (good && block_size > 1024 + 64 * size + 40000 * sizeof(float))
			good = false;
	}
	else if (block != NULL || mlops_model_to_json(copy, size, &text, &length,
												  &err))
		good = false;
	free(copy);
	return good;
}

/*
 * Predict rows of odd values by every path; the outputs must fit where they
 * belong.
 */
static bool
try_forest(const MlopsForest *forest)
{
	static const float odd[] = {
		0.0f, 1.0f, -1.0f, NAN, INFINITY, -INFINITY, 3e38f, 1e-45f, 40.0f,
		16777216.0f
	};
	MlopsForestInfo info;
	float	   *rows;
	float	   *outputs;
	uint32_t	i;
	int			path;

	mlops_forest_info(forest, &info);
	rows = malloc((size_t) ROWS * info.n_features * sizeof(float));
	outputs = malloc((size_t) ROWS * info.n_outputs * sizeof(float));
	for (i = 0; i < ROWS * info.n_features; i++)
		rows[i] = odd[(i + i / info.n_features) % 10];
	for (path = 0; path < MLOPS_PATH_COUNT; path++)
	{
		if (!mlops_forest_path_force(path))
			continue;
		for (i = 0; i < ROWS; i++)
			mlops_forest_predict(forest, rows + i * info.n_features,
								 outputs + i * info.n_outputs);
		mlops_forest_predict_batch(forest, rows, ROWS, info.n_features,
								   outputs);
	}
	free(rows);
	free(outputs);
	return strlen(info.objective) > 0 && strlen(info.booster) > 0;
}

/* Mutations of a model. */
static void
test_models(const Fixture *fixture)
{
	unsigned char *model = malloc(2 * fixture->size + 256);
	unsigned	n_built = 0;
	unsigned	n_bad = 0;
	unsigned	i;

	for (i = 0; i < 2 * MUTATIONS; i++)
	{
		size_t		size;
		bool		built;

		memcpy(model, fixture->model, fixture->size);
		if (i % 2 == 0)
			size = mutate_bytes(model, fixture->size);
		else if (fixture->json)
			size = mutate_numbers(model, fixture->size);
		else
			size = mutate_lengths(model, fixture->size);
		n_bad += !try_model(model, size, &built);
		n_built += built;
	}
	check(n_bad == 0, "%s: %u mutations, %u of them models", fixture->name,
		  2 * MUTATIONS, n_built);
	/* A test that refuses everything, or nothing, would show nothing. */
	check(n_built > 0 && n_built < MUTATIONS,
		  "%s: some mutations are models and most are not", fixture->name);
	free(model);
}

/* No beginning of a model is a model, and none with something after it. */
static void
test_truncated(const Fixture *fixture)
{
	unsigned char *model = fixture_copy(fixture->model, fixture->size + 1);
	unsigned	n_bad = 0;
	unsigned	n_built = 0;
	size_t		size;
	bool		built;

	for (size = 0; size < fixture->size; size += 1 + size / 200)
	{
		n_bad += !try_model(model, size, &built);
		n_built += built;
	}
	model[fixture->size] = 'x';
	n_bad += !try_model(model, fixture->size + 1, &built);
	n_built += built;
	check(n_bad == 0 && n_built == 0, "%s: only whole models are models",
		  fixture->name);
	free(model);
}

/* Mutations of a block. */
static void
test_blocks(const Fixture *fixture)
{
	MlopsForestError err;
	void	   *block;
	void	   *copy;
	size_t		size;
	unsigned	n_opened = 0;
	unsigned	n_unsigned = 0;
	unsigned	i;

	if (!mlops_forest_build(fixture->model, fixture->size, &block, &size,
							&err))
		abort();
	copy = aligned_alloc(MLOPS_FOREST_ALIGN, size);
	for (i = 0; i < 2 * MUTATIONS; i++)
	{
		MlopsForest *forest = copy;
		const MlopsForest *opened;

		memcpy(copy, block, size);
		mutate_block(forest, size);
		if (memcmp(copy, block, size) != 0 &&
			mlops_forest_open(copy, size, &err) != NULL)
			n_unsigned++;
		forest->checksum = mlops_block_checksum(forest, size);
		opened = mlops_forest_open(copy, size, &err);
		if (opened != NULL)
		{
			n_opened++;
			try_forest(opened);
		}
	}
	check(n_unsigned == 0, "%s: no changed block passes its checksum",
		  fixture->name);
	check(n_opened > 0 && n_opened < 2 * MUTATIONS,
		  "%s: %u of %u signed blocks opened", fixture->name, n_opened,
		  2 * MUTATIONS);
	free(copy);
	free(block);
}

/* Change one to three words, rather of the header and of indexes. */
static void
mutate_block(MlopsForest *forest, size_t size)
{
	static const uint32_t words[] = {
		0, 1, 2, 3, 5, 64, 1000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF,
		0x7FC00000, 0x7F800000, 0xFF800000, 0x00100000, 0x10000
	};
	int			left = 1 + random_below(3);

	for (; left > 0; left--)
	{
		size_t		limit = random_below(4) ? size : sizeof(MlopsForest);
		size_t		first = offsetof(MlopsForest, version);
		size_t		at = first + 4 * random_below((limit - first) / 4);
		uint32_t	word = words[random_below(sizeof(words) /
											  sizeof(words[0]))];

		if (random_below(3) == 0)
		{
			memcpy(&word, (char *) forest + at, sizeof(word));
			word += (int) random_below(7) - 3;
		}
		memcpy((char *) forest + at, &word, sizeof(word));
	}
}

/* Blocks that are refused for what they are, not for what they hold. */
static void
test_refused_blocks(const Fixture *fixture)
{
	MlopsForestError err;
	void	   *block;
	char	   *larger;
	size_t		size;
	size_t		i;
	unsigned	n_opened = 0;

	if (!mlops_forest_build(fixture->model, fixture->size, &block, &size,
							&err))
		abort();
	check((uintptr_t) block % MLOPS_FOREST_ALIGN == 0 &&
		  size % MLOPS_FOREST_ALIGN == 0, "blocks are aligned");
	for (i = 0; i < size; i += 8)
	{
		void	   *part = aligned_alloc(MLOPS_FOREST_ALIGN, 64 + i / 64 * 64);

		memcpy(part, block, i);
		n_opened += mlops_forest_open(part, i, &err) != NULL;
		free(part);
	}
	check(n_opened == 0, "no part of a block opens");
	larger = aligned_alloc(MLOPS_FOREST_ALIGN, size + 64);
	memcpy(larger + 8, block, size);
	check(!mlops_forest_open(larger + 8, size, &err) &&
		  strstr(err.message, "not aligned"),
		  "a block at a wrong address is refused: %s", err.message);
	memset(larger, 0, size);
	check(!mlops_forest_open(larger, size, &err) &&
		  !mlops_forest_is_outdated(larger, size),
		  "zeroes are no block: %s", err.message);
	free(larger);
	free(block);
}

/* Another format or byte order is told apart from damage. */
static void
test_outdated(const Fixture *fixture)
{
	MlopsForestError err;
	MlopsForest *forest;
	void	   *block;
	size_t		size;

	if (!mlops_forest_build(fixture->model, fixture->size, &block, &size,
							&err))
		abort();
	forest = block;
	check(!mlops_forest_is_outdated(block, size), "a new block is not old");
	forest->format = 99;
	check(mlops_forest_is_outdated(block, size) &&
		  !mlops_forest_open(block, size, &err),
		  "another format is outdated: %s", err.message);
	forest->format = MLOPS_BLOCK_FORMAT;
	forest->magic = __builtin_bswap32(forest->magic);
	check(mlops_forest_is_outdated(block, size),
		  "another byte order is outdated");
	forest->magic = 0;
	check(!mlops_forest_is_outdated(block, size), "something else is not");
	check(!mlops_forest_is_outdated(block, 4), "nor is too little");
	free(block);
}

/* Members and elements by the hundred thousand take neither long nor much. */
static void
test_large_counts(void)
{
	const unsigned count = 200000;
	char	   *text = malloc(count * 16 + 64);
	char	   *at = text;
	MlopsForestError err;
	void	   *block;
	unsigned	i;

	at += sprintf(at, "{");
	for (i = 0; i < count; i++)
		at += sprintf(at, "\"%u\":{},", i);
	sprintf(at, "\"7\":0}");
	check(!fixture_open(text, strlen(text), &block, &err) &&
		  strstr(err.message, "key twice") != NULL,
		  "a key twice among many is found");
	at = text + sprintf(text, "{\"a\":[");
	memset(at, '[', count);
	at[count] = 0;
	check(!fixture_open(text, strlen(text), &block, &err) &&
		  strstr(err.message, "nested too deep") != NULL,
		  "deep nesting is refused");
	at = text + sprintf(text, "{\"a\":");
	memset(at, '9', count);
	strcpy(at + count, "}");
	check(!fixture_open(text, strlen(text), &block, &err),
		  "a long number is refused: %s", err.message);
	free(text);
}
