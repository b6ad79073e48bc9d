/*
 * trainer_fixture.c
 *		What the tests of mlops-trainer share.
 */
#define _GNU_SOURCE

#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "trainer_fixture.h"

#define PATIENCE_MS		20000	/* for any frame; the machine may be busy */

const char *trainer_program = "src/trainer/mlops-trainer";
uint64_t	trainer_random = 88172645463325252u;

const Recipe recipes[N_RECIPES] = {
	{.name = "regression", .params = "objective=reg:squarederror",
	.n_outputs = 1, .n_rounds = 10},
	{.name = "regression, all rows trained on",
		.params = "objective=reg:squarederror",
	.n_outputs = 1, .n_rounds = 10, .all_train = true},
	{.name = "binary", .params = "objective=binary:logistic",
	.n_outputs = 1, .n_rounds = 10},
	{.name = "binary, weights", .params = "objective=binary:logistic",
	.n_outputs = 1, .n_rounds = 10, .weight = true},
	{.name = "three classes",
		.params = "objective=multi:softprob num_class=3",
	.n_outputs = 3, .n_rounds = 10},
	{.name = "early stopping", .params = "objective=reg:squarederror eta=0.9",
	.n_outputs = 1, .n_rounds = 300, .early_stopping = 4},
	{.name = "early stopping, larger is better",
		.params = "objective=binary:logistic eval_metric=auc eta=0.9",
		.n_outputs = 1, .n_rounds = 300, .early_stopping = 4,
	.maximize = true},
	{.name = "early stopping, three classes",
		.params = "objective=multi:softprob num_class=3 eta=0.9",
	.n_outputs = 3, .n_rounds = 300, .early_stopping = 4},
	{.name = "categories",
		.params = "objective=reg:squarederror max_cat_to_onehot=2",
	.n_outputs = 1, .n_rounds = 10, .categorical = true},
	{.name = "forest",
		.params = "objective=reg:squarederror num_parallel_tree=3 "
		"subsample=0.5",
	.n_outputs = 1, .n_rounds = 5},
	{.name = "dart",
		.params = "objective=reg:squarederror booster=dart rate_drop=0.3",
	.n_outputs = 1, .n_rounds = 10},
	{.name = "dart, early stopping",
		.params = "objective=reg:squarederror booster=dart rate_drop=0.3 "
		"eta=0.9",
	.n_outputs = 1, .n_rounds = 100, .early_stopping = 4},
	{.name = "linear",
		.params = "objective=reg:squarederror booster=gblinear "
		"updater=coord_descent",
	.n_outputs = 1, .n_rounds = 10},
	{.name = "linear, early stopping",
		.params = "objective=reg:squarederror booster=gblinear "
		"updater=coord_descent eta=1",
	.n_outputs = 1, .n_rounds = 100, .early_stopping = 3},
	{.name = "exact",
		.params = "objective=reg:squarederror tree_method=exact",
	.n_outputs = 1, .n_rounds = 5},
	{.name = "counts", .params = "objective=count:poisson",
	.n_outputs = 1, .n_rounds = 10},
	{.name = "counts, linear",
		.params = "objective=count:poisson booster=gblinear "
		"updater=coord_descent",
	.n_outputs = 1, .n_rounds = 10},
	{.name = "gamma", .params = "objective=reg:gamma",
	.n_outputs = 1, .n_rounds = 10},
	{.name = "tweedie",
		.params = "objective=reg:tweedie tweedie_variance_power=1.3",
	.n_outputs = 1, .n_rounds = 10},
	{.name = "absolute error", .params = "objective=reg:absoluteerror",
	.n_outputs = 1, .n_rounds = 10},
	{.name = "pseudo-Huber",
		.params = "objective=reg:pseudohubererror huber_slope=2",
	.n_outputs = 1, .n_rounds = 10},
	{.name = "logarithms", .params = "objective=reg:squaredlogerror",
	.n_outputs = 1, .n_rounds = 10},
	{.name = "fractions", .params = "objective=reg:logistic",
	.n_outputs = 1, .n_rounds = 10},
	{.name = "raw scores", .params = "objective=binary:logitraw",
	.n_outputs = 1, .n_rounds = 10},
	{.name = "hinge", .params = "objective=binary:hinge",
	.n_outputs = 1, .n_rounds = 10},
	{.name = "softmax, forest",
		.params = "objective=multi:softmax num_class=3 num_parallel_tree=2 "
		"eval_metric=mlogloss",
	.n_outputs = 3, .n_rounds = 6},
	{.name = "three classes, dart",
		.params = "objective=multi:softprob num_class=3 booster=dart "
		"rate_drop=0.3",
	.n_outputs = 3, .n_rounds = 10},
	{.name = "ranking", .params = "objective=rank:ndcg eval_metric=ndcg",
		.n_outputs = 1, .n_rounds = 10, .maximize = true, .grouped = true},
	{.name = "ranking, weights, early stopping",
		.params = "objective=rank:pairwise eval_metric=ndcg eta=0.9",
		.n_outputs = 1, .n_rounds = 300, .early_stopping = 4,
	.maximize = true, .grouped = true, .weight = true},
	{.name = "ranking, linear",
		.params = "objective=rank:map eval_metric=map booster=gblinear "
		"updater=coord_descent",
		.n_outputs = 1, .n_rounds = 10, .maximize = true, .grouped = true},
	{.name = "failure times",
		.params = "objective=survival:aft eval_metric=aft-nloglik",
	.n_outputs = 1, .n_rounds = 10, .bounded = true},
	{.name = "failure times, weights, dart",
		.params = "objective=survival:aft eval_metric=aft-nloglik "
		"booster=dart rate_drop=0.2 aft_loss_distribution=extreme",
	.n_outputs = 1, .n_rounds = 10, .bounded = true, .weight = true},
	{.name = "hazards", .params = "objective=survival:cox",
	.n_outputs = 1, .n_rounds = 10},
	{.name = "base margins",
		.params = "objective=reg:squarederror base_score=0",
	.n_outputs = 1, .n_rounds = 10, .n_margins = 1},
	{.name = "base margins of three classes, several metrics",
		.params = "objective=multi:softprob num_class=3 base_score=0 "
		"eval_metric=merror eval_metric=mlogloss",
	.n_outputs = 3, .n_rounds = 10, .n_margins = 3},
};

static double
uniform(void)
{
	trainer_random ^= trainer_random << 13;
	trainer_random ^= trainer_random >> 7;
	trainer_random ^= trainer_random << 17;
	return (trainer_random >> 11) / 9007199254740992.0;
}

double
clock_seconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

/* Start a trainer the way a backend does, on an empty matrix. */
void
session_start(Session *s)
{
	char	   *const arguments[] = {(char *) trainer_program, NULL};
	char	   *const environment[] = {"LC_ALL=C", "OMP_WAIT_POLICY=passive",
	NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t	all;
	int			pair[2];
	int			error;

	memset(s, 0, sizeof(*s));
	s->matrix = memfd_create("matrix", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (s->matrix < 0 ||
		fcntl(s->matrix, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL) != 0 ||
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		abort();
	s->socket = pair[0];
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, s->matrix, 63);
	posix_spawn_file_actions_adddup2(&actions, pair[1], 64);
	posix_spawn_file_actions_adddup2(&actions, 63, MLOPS_TRAINER_MATRIX);
	posix_spawn_file_actions_adddup2(&actions, 64, MLOPS_TRAINER_SOCKET);
	posix_spawn_file_actions_addclosefrom_np(&actions, 5);
	sigfillset(&all);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &all);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK |
							 POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	error = posix_spawn(&s->pid, trainer_program, &actions, &attributes,
						arguments, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	close(pair[1]);
	if (error != 0)
	{
		fprintf(stderr, "cannot start %s: %s\n", trainer_program, strerror(error));
		exit(2);
	}
}

/* Write bytes; a trainer that is gone is seen when reading. */
void
session_send(Session *s, const void *bytes, size_t size)
{
	const char *at = bytes;

	while (size > 0)
	{
		ssize_t		sent = send(s->socket, at, size, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		at += sent;
		size -= sent;
	}
}

void
session_send_frame(Session *s, uint32_t kind, const void *payload,
				   size_t length)
{
	MlopsFrame	frame = {kind, (uint32_t) length};

	session_send(s, &frame, sizeof(frame));
	session_send(s, payload, length);
}

/* Read size bytes; false at end of file or after PATIENCE_MS. */
static bool
read_bytes(Session *s, void *bytes, size_t size)
{
	char	   *at = bytes;

	while (size > 0)
	{
		struct pollfd ready = {s->socket, POLLIN, 0};
		ssize_t		got;

		if (poll(&ready, 1, PATIENCE_MS) <= 0)
			return false;
		got = recv(s->socket, at, size, 0);
		if (got <= 0)
			return false;
		at += got;
		size -= got;
	}
	return true;
}

/* The next frame, heartbeats too; false at the end.  Payload in a buffer. */
bool
session_read(Session *s, MlopsFrame *frame, unsigned char **payload)
{
	static unsigned char buffer[MLOPS_MAX_FRAME];

	*payload = buffer;
	return read_bytes(s, frame, sizeof(*frame)) &&
		frame->length <= MLOPS_MAX_FRAME &&
		read_bytes(s, buffer, frame->length);
}

/* The first frame that is no heartbeat. */
bool
session_read_answer(Session *s, MlopsFrame *frame, unsigned char **payload)
{
	double		end = clock_seconds() + 3 * PATIENCE_MS / 1e3;

	do
	{
		/* a heart may beat for ever */
		if (!session_read(s, frame, payload) || clock_seconds() > end)
			return false;
	} while (frame->kind == MLOPS_FRAME_HEARTBEAT);
	return true;
}

void
session_send_limits(Session *s, uint64_t max_memory, uint32_t n_threads,
			uint32_t world, pid_t parent)
{
	MlopsLimits limits;

	memset(&limits, 0, sizeof(limits));
	limits.max_memory = max_memory;
	limits.n_threads = n_threads;
	limits.world = world;
	limits.parent_pid = parent;
	session_send_frame(s, MLOPS_FRAME_LIMITS, &limits, sizeof(limits));
}

/* Start, hear HELLO, send LIMITS. */
bool
session_open(Session *s, uint64_t max_memory, uint32_t n_threads)
{
	MlopsFrame	frame;
	unsigned char *payload;

	session_start(s);
	if (!session_read_answer(s, &frame, &payload) ||
		frame.kind != MLOPS_FRAME_HELLO)
		return false;
	session_send_limits(s, max_memory, n_threads, 1, getpid());
	return true;
}

/*
 * Wait for the process to end by itself, at most so many seconds, then kill
 * it.  Returns its status, or -1 if it had to be killed.
 */
int
session_wait(Session *s, double seconds)
{
	double		begin = clock_seconds();
	int			status = -1;

	while (waitpid(s->pid, &status, WNOHANG) == 0)
	{
		if (clock_seconds() - begin > seconds)
		{
			kill(s->pid, SIGKILL);
			waitpid(s->pid, &status, 0);
			return -1;
		}
		usleep(2000);
	}
	return status;
}

/* Close the socket and wait for the end; true if that was exit code 0. */
bool
session_close(Session *s)
{
	bool		good;

	close(s->socket);
	good = session_wait(s, 10) == 0;
	close(s->matrix);
	free(s->rows);
	free(s->roles);
	return good;
}

/* Offsets as mlops_matrix_layout() would choose them, in small blocks. */
void
make_layout(MlopsMatrixLayout *layout, uint64_t n_rows, const Recipe *recipe)
{
	uint64_t	n_blocks = (n_rows + ROWS_PER_BLOCK - 1) / ROWS_PER_BLOCK;
	uint64_t	array = ROWS_PER_BLOCK * sizeof(float);

	memset(layout, 0, sizeof(*layout));
	layout->n_rows = n_rows;
	layout->block_bytes = BLOCK_BYTES;
	layout->rows_per_block = ROWS_PER_BLOCK;
	layout->n_features = N_FEATURES;
	layout->n_outputs = recipe->n_outputs;
	layout->label_offset = array * N_FEATURES;
	layout->weight_offset = recipe->weight ?
		layout->label_offset + array : 0;
	layout->role_offset = layout->label_offset + 2 * array;
	layout->upper_offset = recipe->bounded ?
		layout->label_offset + 3 * array : 0;
	layout->group_offset = recipe->grouped ?
		layout->label_offset + 4 * array : 0;
	layout->n_margins = recipe->n_margins;
	layout->margin_offset = recipe->n_margins > 0 ?
		layout->label_offset + 5 * array : 0;
	layout->output_offset = n_blocks * BLOCK_BYTES;
}

/* A row's features and label. */
static void
make_row(const Recipe *recipe, float *row, float *label)
{
	double		z;

	for (int i = 0; i < N_FEATURES; i++)
		row[i] = uniform() < 0.1 ? NAN : (float) (uniform() * 4 - 2);
	if (recipe->categorical)
		row[0] = floorf(uniform() * 20);
	z = (isnan(row[0]) ? 0 : sinf(row[0])) * 2 +
		(isnan(row[1]) ? 0.5f : row[1] * row[1]) + uniform() - 1;
	if (strstr(recipe->params, "multi:"))
		*label = z < -0.5 ? 0 : z < 1 ? 1 : 2;
	else if (strstr(recipe->params, "binary:"))
		*label = z > 0;
	else if (strstr(recipe->params, "count:"))
		*label = floor(fabs(z) * 3);
	else if (strstr(recipe->params, "rank:map"))
		*label = z > 0;
	else if (recipe->grouped)
		*label = z < -0.5 ? 0 : z < 1 ? 1 : 2;
	else if (strstr(recipe->params, "reg:logistic"))
		*label = 1 / (1 + exp(-z));
	else if (strstr(recipe->params, "gamma") || recipe->bounded ||
			 strstr(recipe->params, "tweedie") ||
			 strstr(recipe->params, "logerror"))
		*label = exp(z / 2);
	else if (strstr(recipe->params, "survival:cox"))
		*label = uniform() < 0.3 ? -exp(z / 2) : exp(z / 2);
	else
		*label = z;
}

/* A row's bound, group and margins. */
static void
fill_more(const Recipe *recipe, const MlopsMatrixLayout *layout, char *block,
		  uint64_t at, uint64_t row)
{
	float	   *label = (float *) (block + layout->label_offset) + at;
	float	   *upper = (float *) (block + layout->upper_offset) + at;
	float	   *margin = (float *) (block + layout->margin_offset);

	if (recipe->bounded)
		*upper = row % 3 == 0 ? INFINITY : row % 3 == 1 ? *label * 2 : *label;
	if (recipe->grouped)
		((uint32_t *) (block + layout->group_offset))[at] = row / 23;
	for (uint32_t i = 0; i < recipe->n_margins; i++)
		margin[at * recipe->n_margins + i] = row % 7 * 0.5f - i;
}

/* Fill the matrix and send DATA. */
void
session_fill(Session *s, const Recipe *recipe, uint64_t n_rows)
{
	uint64_t	size;
	char	   *map;

	make_layout(&s->layout, n_rows, recipe);
	size = s->layout.output_offset + n_rows * recipe->n_outputs * 4 +
		BLOCK_BYTES;
	size = size / BLOCK_BYTES * BLOCK_BYTES;
	s->rows = calloc(n_rows, N_FEATURES * sizeof(float));
	s->roles = calloc(n_rows, 1);
	if (ftruncate(s->matrix, size) != 0)
		abort();
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, s->matrix, 0);
	if (map == MAP_FAILED)
		abort();
	for (uint64_t i = 0; i < n_rows; i++)
	{
		static const uint8_t roles[] = {0, 0, 0, 0, 1, 1, 2, MLOPS_ROLE_NONE};
		char	   *block = map + i / ROWS_PER_BLOCK * BLOCK_BYTES;
		uint64_t	at = i % ROWS_PER_BLOCK;
		float	   *row = s->rows + i * N_FEATURES;
		float		weight = 1 + i % 3;

		make_row(recipe, row,
				 (float *) (block + s->layout.label_offset) + at);
		/* beyond what is trained on, and a category that is not */
		s->roles[i] = recipe->all_train ? 0 : roles[(int) (uniform() * 8)];
		if (s->roles[i] != 0 && i % 5 == 0)
			row[0] = recipe->categorical ? 30 : 100;
		memcpy(block + at * N_FEATURES * 4, row, N_FEATURES * 4);
		fill_more(recipe, &s->layout, block, at, i);
		if (recipe->weight)
			memcpy(block + s->layout.weight_offset + at * 4, &weight, 4);
		block[s->layout.role_offset + at] = s->roles[i];
	}
	munmap(map, size);
	session_send_frame(s, MLOPS_FRAME_DATA, &s->layout, sizeof(s->layout));
}

/* The payload of a TRAIN; returns its length. */
size_t
make_train(const Recipe *recipe, char *payload)
{
	MlopsTrainCommand command;
	char		params[512];
	char	   *at = payload + sizeof(command);
	char	   *save = NULL;

	memset(&command, 0, sizeof(command));
	command.n_rounds = recipe->n_rounds;
	command.early_stopping = recipe->early_stopping;
	command.max_bin = 64;
	command.n_features = N_FEATURES;
	command.flags = MLOPS_TRAIN_PREDICT |
		(recipe->maximize ? MLOPS_TRAIN_MAXIMIZE : 0) |
		(recipe->init ? MLOPS_TRAIN_INIT : 0) |
		(recipe->all_train ? 0 : MLOPS_TRAIN_VALIDATE);
	snprintf(params, sizeof(params),
			 "tree_method=hist max_depth=5 base_score=0.5 seed=7 %s",
			 recipe->params);
	for (char *word = strtok_r(params, " ", &save); word != NULL;
		 word = strtok_r(NULL, " ", &save))
	{
		size_t		length = strlen(word) + 1;

		memcpy(at, word, length);
		*strchr(at, '=') = '\0';
		at += length;
		command.n_params++;
	}
	for (int i = 0; i < N_FEATURES; i++)
		at += sprintf(at, "%cfeature %d",
					  recipe->categorical && i == 0 ? 'c' : 'q', i) + 1;
	memcpy(payload, &command, sizeof(command));
	return at - payload;
}

void
session_send_init(Session *s, const void *model, size_t size, size_t piece)
{
	static char payload[MLOPS_MAX_FRAME];
	MlopsModelPiece head = {size, 0};

	while (head.offset < size)
	{
		size_t		part = size - head.offset < piece ?
			size - head.offset : piece;

		memcpy(payload, &head, sizeof(head));
		memcpy(payload + sizeof(head), (const char *) model + head.offset,
			   part);
		session_send_frame(s, MLOPS_FRAME_INIT, payload, sizeof(head) + part);
		head.offset += part;
	}
}

void
session_send_train(Session *s, const Recipe *recipe)
{
	char		payload[2048];
	size_t		length = make_train(recipe, payload);

	session_send_frame(s, MLOPS_FRAME_TRAIN, payload, length);
}

/* Take the metrics of a round. */
static void
take_progress(Answer *a, const Recipe *recipe, const unsigned char *payload)
{
	MlopsProgress progress;
	MlopsRoundMetric metric;

	memcpy(&progress, payload, sizeof(progress));
	for (unsigned i = 0; i < progress.n_metrics; i++)
	{
		memcpy(&metric, payload + sizeof(progress) + i * sizeof(metric),
			   sizeof(metric));
		if (metric.role == MLOPS_ROLE_TRAIN)
		{
			a->last_train = metric.value;
			if (progress.round == 0)
				a->first_train = metric.value;
		}
		else if (progress.round == 0 ||
				 (recipe->maximize ? metric.value > a->best :
				  metric.value < a->best))
		{
			a->best = metric.value;
			a->best_round = progress.round;
		}
	}
	a->n_progress++;
}

/* Hear everything that one TRAIN says. */
void
session_hear(Session *s, const Recipe *recipe, Answer *a)
{
	MlopsFrame	frame;
	unsigned char *payload;

	memset(a, 0, sizeof(*a));
	while (!a->trained && a->error[0] == '\0')
	{
		MlopsModelPiece piece;

		if (!session_read_answer(s, &frame, &payload))
		{
			a->ended = true;
			return;
		}
		switch (frame.kind)
		{
			case MLOPS_FRAME_PROGRESS:
				take_progress(a, recipe, payload);
				break;
			case MLOPS_FRAME_MODEL:
				memcpy(&piece, payload, sizeof(piece));
				if (a->model == NULL)
					a->model = malloc(piece.total);
				a->model_size = piece.total;
				memcpy(a->model + piece.offset, payload + sizeof(piece),
					   frame.length - sizeof(piece));
				a->model_filled += frame.length - sizeof(piece);
				break;
			case MLOPS_FRAME_TRAINED:
				memcpy(&a->result, payload, sizeof(a->result));
				a->trained = true;
				break;
			case MLOPS_FRAME_ERROR:
				snprintf(a->error, sizeof(a->error), "%.*s",
						 (int) frame.length, (char *) payload);
				break;
			default:
				break;
		}
	}
}
