/*
 * trainer_test.c
 *		What mlops-trainer makes of good data, and of data that is not.
 *
 * What it predicts is compared, bit for bit and row by row, with what the
 * forest module makes of the model that it sends.  Argument: the program
 * (default src/trainer/mlops-trainer).
 */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "forest_fixture.h"
#include "trainer_fixture.h"

/*
 * Whether what was predicted for a row with base margins is not, but for
 * rounding, the model's own margin and them together.
 */
static bool
margin_differs(const Session *s, const MlopsForest *forest, uint64_t row)
{
	uint32_t	width = s->layout.n_outputs;
	float		margin[8];
	float		found[8];
	double		expected[8];
	double		sum = 0;

	if (pread(s->matrix, found, width * 4,
			  s->layout.output_offset + row * width * 4) != width * 4)
		abort();
	if (s->roles[row] == MLOPS_ROLE_NONE)
		return found[0] != 0;
	mlops_forest_margin(forest, s->rows + row * N_FEATURES, margin);
	for (uint32_t i = 0; i < width; i++)
	{
		expected[i] = margin[i] + row % 7 * 0.5 - i;
		sum += exp(expected[i]);
	}
	for (uint32_t i = 0; i < width; i++)
		if (fabs((width > 1 ? exp(expected[i]) / sum : expected[i]) -
				 found[i]) > 1e-5)
			return true;
	return false;
}

/*
 * Rows whose predictions differ in any bit from the forest module's, rows
 * left out that were written to included; n_rounds is the model's.
 */
static uint64_t
mismatches(const Session *s, const Answer *a, unsigned *n_rounds)
{
	uint32_t	width = s->layout.n_outputs;
	void	   *block;
	MlopsForestError error;
	MlopsForestInfo info;
	const MlopsForest *forest = fixture_open(a->model, a->model_size, &block,
											 &error);
	uint64_t	wrong = 0;

	if (forest == NULL)
	{
		printf("# %s\n", error.message);
		return UINT64_MAX;
	}
	mlops_forest_info(forest, &info);
	*n_rounds = info.n_rounds;
	for (uint64_t i = 0; i < s->layout.n_rows && info.n_outputs == width; i++)
	{
		float		expected[8] = {0};
		float		found[8];

		if (s->roles[i] != MLOPS_ROLE_NONE)
			mlops_forest_predict(forest, s->rows + i * N_FEATURES, expected);
		if (s->layout.n_margins > 0)
		{
			wrong += margin_differs(s, forest, i);
			continue;
		}
		if (pread(s->matrix, found, width * 4,
				  s->layout.output_offset + i * width * 4) != width * 4)
			abort();
		wrong += memcmp(expected, found, width * 4) != 0;
	}
	free(block);
	return info.n_outputs == width ? wrong : UINT64_MAX;
}

/* One recipe, trained twice in one process. */
static void
test_recipe(const Recipe *recipe)
{
	Session		s;
	Answer		a;
	Answer		b;
	unsigned	n_rounds = 0;
	uint64_t	wrong;

	if (!session_open(&s, UINT64_C(200) << 20, 2))
	{
		check(false, "%s: no HELLO", recipe->name);
		return;
	}
	session_fill(&s, recipe, 6000);
	session_send_train(&s, recipe);
	session_hear(&s, recipe, &a);
	check(a.trained && a.model_filled == a.model_size && a.model_size > 0,
		  "%s: trains %s", recipe->name, a.error);
	if (a.trained)
	{
		wrong = mismatches(&s, &a, &n_rounds);
		check(wrong == 0, "%s: predictions are the model's, %llu differ",
			  recipe->name, (unsigned long long) wrong);
		check(recipe->maximize ? a.last_train > a.first_train :
			  a.last_train < a.first_train, "%s: learns", recipe->name);
		check(n_rounds == a.result.n_rounds ||
			  strstr(recipe->params, "gblinear") != NULL,
			  "%s: the model has the rounds that are told", recipe->name);
		if (recipe->early_stopping > 0)
			check(a.result.stopped_early &&
				  a.result.n_rounds == a.best_round + 1 &&
				  a.n_progress == a.best_round + 1 + recipe->early_stopping,
				  "%s: the best round is kept", recipe->name);
		else
			check(!a.result.stopped_early &&
				  a.n_progress == recipe->n_rounds,
				  "%s: all rounds are made", recipe->name);
		check(a.result.peak_memory > (1 << 18) &&
			  a.result.peak_memory < (200 << 20) && a.result.cpu_seconds > 0,
			  "%s: tells what it took: %.1f MB, %.3f s", recipe->name,
			  a.result.peak_memory / 1048576.0, a.result.cpu_seconds);
		session_send_train(&s, recipe);
		session_hear(&s, recipe, &b);
		check(b.trained && a.model_size == b.model_size &&
			  memcmp(a.model, b.model, a.model_size) == 0,
			  "%s: the same bytes again", recipe->name);
		free(b.model);
	}
	free(a.model);
	check(session_close(&s), "%s: leaves when the socket closes",
		  recipe->name);
}

/* HELLO, and the same bytes from 1, 2 and 3 threads. */
static void
test_threads(void)
{
	unsigned char *first = NULL;
	uint64_t	size = 0;

	for (uint32_t threads = 1; threads <= 3; threads++)
	{
		const Recipe *recipe = &recipes[0];
		Session		s;
		Answer		a;

		trainer_random = 4711;
		if (!session_open(&s, 0, threads))
			continue;
		session_fill(&s, recipe, 6000);
		session_send_train(&s, recipe);
		session_hear(&s, recipe, &a);
		if (threads == 1)
		{
			first = a.model;
			size = a.model_size;
			check(a.trained, "1 thread");
		}
		else
		{
			check(a.trained && a.model_size == size &&
				  memcmp(a.model, first, size) == 0,
				  "the same bytes from %u threads", threads);
			free(a.model);
		}
		session_close(&s);
	}
	free(first);
}

static void
test_hello(void)
{
	Session		s;
	MlopsFrame	frame;
	MlopsHello	hello;
	unsigned char *payload;
	bool		good;

	session_start(&s);
	good = session_read_answer(&s, &frame, &payload) &&
		frame.kind == MLOPS_FRAME_HELLO && frame.length == sizeof(hello);
	check(good, "HELLO comes first");
	if (good)
	{
		memcpy(&hello, payload, sizeof(hello));
		check(hello.protocol == MLOPS_PROTOCOL_VERSION &&
			  hello.pid == s.pid && hello.version[0] >= 1,
			  "HELLO tells protocol, process and library");
	}
	good = session_read(&s, &frame, &payload) &&
		frame.kind == MLOPS_FRAME_HEARTBEAT;
	check(good, "the heart beats while nothing is asked");
	check(session_close(&s), "leaves before LIMITS");
}

/* One TRAIN on a session that is open and filled; a->model is a copy. */
static void
train_once(Session *s, const Recipe *recipe, Answer *a)
{
	session_send_train(s, recipe);
	session_hear(s, recipe, a);
}

/* Going on from a model gives the one that training in one go gives. */
static void
test_init(void)
{
	static const char *const names[] = {"regression", "three classes",
		"counts", "ranking", "failure times", "linear", "categories"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		Recipe		recipe = {0};
		Recipe		rest;
		Session		s;
		Answer		whole;
		Answer		half;
		Answer		again;
		unsigned	n_rounds = 0;
		uint64_t	wrong;

		for (size_t j = 0; j < N_RECIPES; j++)
			if (strcmp(recipes[j].name, names[i]) == 0)
				recipe = recipes[j];
		if (!session_open(&s, 0, 2))
			continue;
		session_fill(&s, &recipe, 3000);
		train_once(&s, &recipe, &whole);
		rest = recipe;
		rest.n_rounds = 6;
		train_once(&s, &rest, &half);
		rest.n_rounds = recipe.n_rounds - 6;
		rest.init = true;
		session_send_init(&s, half.model, half.model_size, 777);
		train_once(&s, &rest, &again);
		check(again.trained && again.result.n_rounds == recipe.n_rounds &&
			  again.n_progress == rest.n_rounds,
			  "%s: goes on, %u rounds %s", names[i], again.result.n_rounds,
			  again.error);
		if (again.trained)
		{
			check(again.model_size == whole.model_size &&
				  memcmp(again.model, whole.model, whole.model_size) == 0,
				  "%s: 6 rounds and the rest are as one go", names[i]);
			wrong = mismatches(&s, &again, &n_rounds);
			check(wrong == 0, "%s: %llu predictions differ", names[i],
				  (unsigned long long) wrong);
		}
		free(whole.model);
		free(half.model);
		free(again.model);
		train_once(&s, &rest, &again);
		check(again.error[0] != '\0', "%s: INIT is for one TRAIN: \"%s\"",
			  names[i], again.error);
		free(again.model);
		check(session_close(&s), "%s: leaves", names[i]);
	}
}

/* Early stopping counts the rounds of the initial model. */
static void
test_init_stopping(void)
{
	const Recipe *stopping = &recipes[5];
	Recipe		rest = *stopping;
	Session		s;
	Answer		first;
	Answer		again;
	unsigned	n_rounds = 0;

	rest.n_rounds = 2;
	rest.early_stopping = 0;
	session_open(&s, 0, 2);
	session_fill(&s, stopping, 3000);
	train_once(&s, &rest, &first);
	rest = *stopping;
	rest.init = true;
	session_send_init(&s, first.model, first.model_size, MLOPS_MAX_FRAME / 2);
	train_once(&s, &rest, &again);
	check(again.trained && again.result.stopped_early &&
		  again.result.n_rounds == 2 + again.best_round + 1 &&
		  mismatches(&s, &again, &n_rounds) == 0 &&
		  n_rounds == again.result.n_rounds,
		  "early stopping after 2 rounds: %u rounds in the model %s", n_rounds,
		  again.error);
	free(first.model);
	free(again.model);
	check(session_close(&s), "early stopping after an initial model: leaves");
}

/* A TRAIN that fails is told; the next one works. */
static void
test_failures(void)
{
	static const Recipe bad[] = {
		{.name = "an unknown objective", .params = "objective=no:such",
		.n_outputs = 1, .n_rounds = 5},
		{.name = "a wrong number of outputs",
			.params = "objective=reg:squarederror",
		.n_outputs = 3, .n_rounds = 5},
		{.name = "no rounds", .params = "objective=reg:squarederror",
		.n_outputs = 1},
		{.name = "labels out of range",
			.params = "objective=multi:softprob num_class=2",
		.n_outputs = 2, .n_rounds = 5},
		{.name = "early stopping without rows",
			.params = "objective=reg:squarederror",
		.n_outputs = 1, .n_rounds = 5, .early_stopping = 3, .all_train = true},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		Recipe		good = recipes[0];
		Session		s;
		Answer		a;

		good.n_outputs = bad[i].n_outputs;
		good.all_train = bad[i].all_train;
		if (!session_open(&s, 0, 1))
			continue;
		session_fill(&s, &bad[i], 2000);
		session_send_train(&s, &bad[i]);
		session_hear(&s, &bad[i], &a);
		check(a.error[0] != '\0' && a.error[0] != '[' &&
			  strchr(a.error, '\n') == NULL, "%s: \"%s\"", bad[i].name,
			  a.error);
		free(a.model);
		if (good.n_outputs == 1)
		{
			session_send_train(&s, &good);
			session_hear(&s, &good, &a);
			check(a.trained, "%s: the next TRAIN works", bad[i].name);
			free(a.model);
		}
		check(session_close(&s), "%s: leaves", bad[i].name);
	}
}

/* Values that the library must never see. */
static void
test_values(void)
{
	static const struct
	{
		const char *name;
		float		value;
		bool		categorical;
		uint8_t		role;
	}			cases[] = {
		{"an infinite feature", INFINITY, false, 0},
		{"a negative infinite feature", -INFINITY, false, 0},
		{"an enormous category", 16777215, true, 0},
		{"a negative category", -1, true, 0},
		{"half a category", 1.5, true, 0},
		{"an unknown role", 1, false, 77},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		Recipe		recipe = recipes[0];
		Session		s;
		Answer		a;

		recipe.categorical = cases[i].categorical;
		recipe.all_train = true;
		if (!session_open(&s, UINT64_C(200) << 20, 2))
			continue;
		session_fill(&s, &recipe, 2000);
		/* of the last row */
		if (pwrite(s.matrix, &cases[i].value, 4, 1999 / ROWS_PER_BLOCK *
				   BLOCK_BYTES + 1999 % ROWS_PER_BLOCK * N_FEATURES * 4) != 4
			|| pwrite(s.matrix, &cases[i].role, 1, 1999 / ROWS_PER_BLOCK *
					  BLOCK_BYTES + s.layout.role_offset +
					  1999 % ROWS_PER_BLOCK) != 1)
			abort();
		session_send_train(&s, &recipe);
		session_hear(&s, &recipe, &a);
		check(a.error[0] != '\0', "%s: \"%s\"", cases[i].name, a.error);
		free(a.model);
		check(session_close(&s), "%s: leaves", cases[i].name);
	}
}

/* Memory runs out, at every size until it suffices. */
static void
test_memory(void)
{
	static const Recipe recipe = {
		.name = "memory",
		.params = "objective=reg:squarederror max_depth=8",
		.n_outputs = 1, .n_rounds = 3, .all_train = true
	};
	unsigned	errors = 0;
	unsigned	ends = 0;
	unsigned	others = 0;
	bool		enough = false;

	for (uint64_t megabytes = 1; !enough && megabytes <= 64; megabytes *= 2)
	{
		Session		s;
		Answer		a;
		int			status;

		session_open(&s, megabytes << 20, 2);
		session_fill(&s, &recipe, 200000);
		session_send_train(&s, &recipe);
		session_hear(&s, &recipe, &a);
		free(a.model);
		enough = a.trained;
		errors += a.error[0] != '\0';
		ends += a.ended;
		close(s.socket);
		status = session_wait(&s, 5);
		others += status == -1 || WIFSIGNALED(status);
		s.socket = -1;
		session_close(&s);
	}
	check(errors + ends >= 2 && enough && others == 0,
		  "too little memory: %u errors, %u exits, then enough", errors,
		  ends);
}

/* Argument: the program to test. */
int
main(int argc, char **argv)
{
	if (argc > 1)
		trainer_program = argv[1];
	signal(SIGPIPE, SIG_IGN);
	test_hello();
	for (size_t i = 0; i < N_RECIPES; i++)
		test_recipe(&recipes[i]);
	test_threads();
	test_init();
	test_init_stopping();
	test_failures();
	test_values();
	test_memory();
	check(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD,
		  "no process is left");
	return check_total();
}
