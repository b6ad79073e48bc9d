/*
 * trainer_hostile_test.c
 *		mlops-trainer stopped, killed, orphaned and fed with garbage.
 *
 * It must say ERROR or just end, within seconds each time, and leave no
 * process.  Argument: the program (default src/trainer/mlops-trainer).
 */
#define _GNU_SOURCE

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "forest_fixture.h"
#include "trainer_fixture.h"

/*
 * After what has been sent, the trainer must say ERROR, or just end, and be
 * gone in a few seconds.
 */
static void
expect_end(Session *s, const char *name, double seconds)
{
	double		begin = clock_seconds();
	Answer		a;
	int			status;

	session_hear(s, &recipes[0], &a);
	free(a.model);
	status = session_wait(s, seconds);
	check(!a.trained && status != -1 && WIFEXITED(status) &&
		  clock_seconds() - begin < seconds + 1,
		  "%s: \"%s\", exit code %d after %.1f s", name, a.error,
		  WEXITSTATUS(status), clock_seconds() - begin);
	session_close(s);
}

/* Send a payload under a wrong kind, or no frame at all. */
static void
test_garbage(void)
{
	static const char noise[64] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
	const MlopsFrame absurd[] = {
		{MLOPS_FRAME_TRAIN, UINT32_MAX},
		{MLOPS_FRAME_TRAIN, MLOPS_MAX_FRAME + 1},
		{MLOPS_FRAME_TRAIN, 3},
		{MLOPS_FRAME_DATA, 0},
		{MLOPS_FRAME_STOP, 4},
		{MLOPS_FRAME_MODEL, 0},
		{0, 0},
		{UINT32_MAX, 0},
	};
	MlopsFrame	frame = {MLOPS_FRAME_DATA, sizeof(MlopsMatrixLayout)};
	Session		s;

	session_open(&s, 0, 1);
	session_send(&s, noise, sizeof(noise));
	expect_end(&s, "garbage", 10);
	for (size_t i = 0; i < sizeof(absurd) / sizeof(absurd[0]); i++)
	{
		char		name[64];

		session_open(&s, 0, 1);
		session_send(&s, &absurd[i], sizeof(absurd[i]));
		snprintf(name, sizeof(name), "kind %u with length %u",
				 absurd[i].kind, absurd[i].length);
		expect_end(&s, name, 10);
	}

	session_open(&s, 0, 1);
	session_send(&s, &frame, sizeof(frame));
	session_send(&s, noise, 10);
	shutdown(s.socket, SHUT_WR);
	expect_end(&s, "a frame that stops in the middle", 10);
	session_open(&s, 0, 1);
	session_send(&s, &frame, 5);
	expect_end(&s, "half a header, then silence", 15);

	session_start(&s);
	session_send_train(&s, &recipes[0]);
	expect_end(&s, "TRAIN before LIMITS", 10);
	session_open(&s, 0, 1);
	session_send_limits(&s, 0, 1, 1, getpid());
	expect_end(&s, "LIMITS twice", 10);
	session_start(&s);
	session_send_limits(&s, 0, 0, 1, getpid());
	expect_end(&s, "no threads", 10);
	session_start(&s);
	session_send_limits(&s, 0, 100000, 1, getpid());
	expect_end(&s, "100000 threads", 10);
	session_start(&s);
	session_send_limits(&s, 0, 1, 3, getpid());
	expect_end(&s, "three nodes", 10);
	session_start(&s);
	session_send_limits(&s, 0, 1, 1, 1);
	expect_end(&s, "another parent", 10);
}

/* Layouts that are out of range. */
static void
test_layouts(void)
{
#define WITH(field, number) \
	{#field " " #number, offsetof(MlopsMatrixLayout, field), \
	 sizeof(((MlopsMatrixLayout *) 0)->field), number}
	static const struct
	{
		const char *name;
		size_t		offset;
		size_t		size;
		uint64_t	value;
	}			cases[] = {
		WITH(n_rows, UINT64_MAX),
		WITH(n_rows, 1000000),
		WITH(block_bytes, 0),
		WITH(block_bytes, 1),
		WITH(block_bytes, 4096),
		WITH(block_bytes, UINT64_C(1) << 63),
		WITH(features_offset, 64),
		WITH(label_offset, 0),
		WITH(label_offset, 2),
		WITH(label_offset, BLOCK_BYTES),
		WITH(label_offset, UINT64_MAX - 3),
		WITH(weight_offset, BLOCK_BYTES - 4),
		WITH(time_offset, BLOCK_BYTES - 8),
		WITH(upper_offset, BLOCK_BYTES - 4),
		WITH(group_offset, BLOCK_BYTES - 4),
		WITH(margin_offset, 64),
		WITH(n_margins, 1),
		WITH(n_margins, UINT32_MAX),
		WITH(role_offset, BLOCK_BYTES - 1),
		WITH(output_offset, 4096),
		WITH(output_offset, UINT64_C(1) << 40),
		WITH(output_offset, UINT64_MAX - 4095),
		WITH(rows_per_block, 0),
		WITH(rows_per_block, UINT32_MAX),
		WITH(n_features, 0),
		WITH(n_features, UINT32_MAX),
		WITH(n_outputs, 0),
		WITH(n_outputs, 10000),
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		MlopsMatrixLayout layout;
		Session		s;

		session_open(&s, 0, 1);
		session_fill(&s, &recipes[0], 2000);
		layout = s.layout;
		memcpy((char *) &layout + cases[i].offset, &cases[i].value,
			   cases[i].size);
		session_send_frame(&s, MLOPS_FRAME_DATA, &layout, sizeof(layout));
		expect_end(&s, cases[i].name, 10);
	}
}

/* TRAIN payloads that are cut or changed in one byte; none may crash it. */
static void
test_train_payloads(void)
{
	char		payload[2048];
	size_t		length = make_train(&recipes[0], payload);
	unsigned	crashes = 0;
	unsigned	silent = 0;
	Session		s;
	Answer		a;

	session_open(&s, 0, 1);
	session_fill(&s, &recipes[0], 600);
	for (size_t cut = sizeof(MlopsTrainCommand); cut < length; cut++)
	{
		session_send_frame(&s, MLOPS_FRAME_TRAIN, payload, cut);
		session_hear(&s, &recipes[0], &a);
		free(a.model);
		silent += a.error[0] == '\0';
		crashes += a.ended;
		if (a.ended)
			break;
	}
	check(crashes == 0 && silent == 0, "a TRAIN cut anywhere is an error");
	for (size_t i = 0; i < sizeof(MlopsTrainCommand); i++)
	{
		char		changed[2048];

		/* many rounds are allowed, and slow */
		if (i < 4)
			continue;
		memcpy(changed, payload, length);
		changed[i] ^= 0x55;
		session_send_frame(&s, MLOPS_FRAME_TRAIN, changed, length);
		session_hear(&s, &recipes[0], &a);
		free(a.model);
		crashes += a.ended;
		if (a.ended)
			break;
	}
	check(crashes == 0, "a TRAIN with a changed number does not end it");
	check(session_close(&s), "TRAIN payloads: leaves");

	session_open(&s, 0, 1);
	make_layout(&s.layout, 0, &recipes[0]);
	s.layout.output_offset = 0;
	session_send_frame(&s, MLOPS_FRAME_DATA, &s.layout, sizeof(s.layout));
	session_send_train(&s, &recipes[0]);
	session_hear(&s, &recipes[0], &a);
	check(a.error[0] != '\0', "no rows: \"%s\"", a.error);
	check(session_close(&s), "no rows: leaves");
}

/* Pieces of an initial model that do not fit. */
static void
test_init_pieces(void)
{
	static const struct
	{
		const char *name;
		MlopsModelPiece piece;
		size_t		size;
		MlopsModelPiece next;
	}			cases[] = {
		{"an empty model", {0, 0}, 10, {0, 0}},
		{"a model of 1 TB", {UINT64_C(1) << 40, 0}, 10, {0, 0}},
		{"a model that begins in the middle", {100, 10}, 10, {0, 0}},
		{"more bytes than the model has", {5, 0}, 10, {0, 0}},
		{"a gap", {100, 0}, 10, {100, 20}},
		{"a piece twice", {100, 0}, 10, {100, 5}},
		{"a model that grows", {100, 0}, 10, {1000, 10}},
		{"an offset that overflows", {100, 0}, 10, {100, UINT64_MAX}},
	};
	char		payload[64] = {0};
	Recipe		recipe = recipes[0];
	Session		s;
	Answer		a;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		session_open(&s, 0, 1);
		session_fill(&s, &recipes[0], 600);
		memcpy(payload, &cases[i].piece, sizeof(MlopsModelPiece));
		session_send_frame(&s, MLOPS_FRAME_INIT, payload,
						   sizeof(MlopsModelPiece) + cases[i].size);
		memcpy(payload, &cases[i].next, sizeof(MlopsModelPiece));
		if (cases[i].next.total > 0)
			session_send_frame(&s, MLOPS_FRAME_INIT, payload,
							   sizeof(MlopsModelPiece) + cases[i].size);
		expect_end(&s, cases[i].name, 10);
	}
	session_open(&s, 0, 1);
	session_send_frame(&s, MLOPS_FRAME_INIT, payload,
					   sizeof(MlopsModelPiece));
	expect_end(&s, "an INIT without bytes", 10);

	recipe.init = true;
	session_open(&s, 0, 1);
	session_fill(&s, &recipe, 600);
	session_send_train(&s, &recipe);
	session_hear(&s, &recipe, &a);
	check(a.error[0] != '\0', "no INIT: \"%s\"", a.error);
	session_send_init(&s, "{\"learner\": {}}", 15, 100);
	session_send_train(&s, &recipe);
	session_hear(&s, &recipe, &a);
	check(a.error[0] != '\0', "no model: \"%s\"", a.error);
	memcpy(payload, &(MlopsModelPiece) {100, 0}, sizeof(MlopsModelPiece));
	session_send_frame(&s, MLOPS_FRAME_INIT, payload,
					   sizeof(MlopsModelPiece) + 10);
	session_send_train(&s, &recipe);
	session_hear(&s, &recipe, &a);
	check(a.error[0] != '\0', "a piece of a model: \"%s\"", a.error);
	recipe.init = false;
	session_send_train(&s, &recipe);
	session_hear(&s, &recipe, &a);
	check(a.trained, "and then without one");
	free(a.model);
	check(session_close(&s), "initial models: leaves");
}

/* What stands beside the features is checked too. */
static void
test_row_info(void)
{
	Recipe		grouped = recipes[0];
	Recipe		margins = recipes[0];
	const float infinite = INFINITY;
	const uint32_t group = 0;
	Session		s;
	Answer		a;

	grouped.params = "objective=rank:ndcg";
	grouped.grouped = true;
	grouped.all_train = true;
	margins.n_margins = 1;
	margins.all_train = true;
	for (uint64_t row = 511; row <= 512; row++)
	{
		session_open(&s, 0, 1);
		session_fill(&s, &grouped, 2000);
		if (pwrite(s.matrix, &group, 4, row / ROWS_PER_BLOCK * BLOCK_BYTES +
				   s.layout.group_offset + row % ROWS_PER_BLOCK * 4) != 4)
			abort();
		session_send_train(&s, &grouped);
		session_hear(&s, &grouped, &a);
		check(a.error[0] != '\0', "a group number falls in row %u: \"%s\"",
			  (unsigned) row, a.error);
		check(session_close(&s), "leaves");
	}
	session_open(&s, 0, 1);
	session_fill(&s, &margins, 2000);
	if (pwrite(s.matrix, &infinite, 4, BLOCK_BYTES +
			   s.layout.margin_offset) != 4)
		abort();
	session_send_train(&s, &margins);
	session_hear(&s, &margins, &a);
	check(a.error[0] != '\0', "an infinite base margin: \"%s\"", a.error);
	check(session_close(&s), "leaves");
}

/* A training with rounds of a second or so; heard until one is done. */
static bool
long_training(Session *s)
{
	static const Recipe recipe = {
		.name = "long",
		.params = "objective=reg:squarederror max_depth=12 "
		"num_parallel_tree=20",
		.n_outputs = 1, .n_rounds = 100000, .all_train = true
	};
	MlopsFrame	frame;
	unsigned char *payload;

	session_fill(s, &recipe, 60000);
	session_send_train(s, &recipe);
	return session_read_answer(s, &frame, &payload) &&
		frame.kind == MLOPS_FRAME_PROGRESS;
}

/* Wait for so many frames; true if they come within 10 seconds. */
static bool
hear_frames(Session *s, unsigned count)
{
	double		end = clock_seconds() + 10;

	while (count-- > 0)
	{
		MlopsFrame	frame;
		unsigned char *payload;

		if (!session_read(s, &frame, &payload) || clock_seconds() > end)
			return false;
	}
	return true;
}

/* True if nothing comes for so many milliseconds. */
static bool
is_silent(Session *s, int milliseconds)
{
	struct pollfd ready = {s->socket, POLLIN, 0};

	return poll(&ready, 1, milliseconds) == 0;
}

/* Ends in the middle of a training. */
static void
test_interruptions(void)
{
	const Recipe recipe = {.name = "long"};
	double		begin;
	Session		s;
	Answer		a;
	int			status;

	session_open(&s, 0, 2);
	check(long_training(&s), "a long training runs");
	kill(s.pid, SIGINT);
	check(hear_frames(&s, 4), "INT is ignored, the heart beats");
	kill(s.pid, SIGSTOP);
	waitpid(s.pid, &status, WUNTRACED);
	while (!is_silent(&s, 100))
		hear_frames(&s, 1);
	check(is_silent(&s, 2000), "STOP: it is silent");
	kill(s.pid, SIGCONT);
	check(hear_frames(&s, 2), "CONT: it goes on");
	session_send_frame(&s, MLOPS_FRAME_STOP, NULL, 0);
	session_hear(&s, &recipe, &a);
	check(a.trained && a.result.n_rounds > 0 && a.model_size > 0,
		  "a STOP frame keeps what there is");
	free(a.model);
	check(session_close(&s), "STOP frame: leaves");

	session_open(&s, 0, 2);
	long_training(&s);
	begin = clock_seconds();
	close(s.socket);
	status = session_wait(&s, 10);
	check(status == 0, "closed in a round: exit code 0 after %.1f s",
		  clock_seconds() - begin);
	session_close(&s);

	session_open(&s, 0, 2);
	long_training(&s);
	kill(s.pid, SIGTERM);
	status = session_wait(&s, 10);
	check(status == 0, "TERM in a round: exit code 0");
	session_close(&s);

	session_open(&s, 0, 2);
	long_training(&s);
	kill(s.pid, SIGKILL);
	session_hear(&s, &recipe, &a);
	status = session_wait(&s, 10);
	check(a.ended && WIFSIGNALED(status), "KILL in a round: end of file");
	session_close(&s);
}

/* Its parent dies while the socket stays open. */
static void
test_orphan(void)
{
	Session	   *s = mmap(NULL, sizeof(Session), PROT_READ | PROT_WRITE,
						 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int			pair[2];
	pid_t		parent;
	Session		copy;
	int			status = -1;
	char		byte;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		abort();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	parent = fork();
	if (parent == 0)
	{
		char		control[CMSG_SPACE(sizeof(int))] = {0};
		struct iovec io = {"x", 1};
		struct msghdr message = {.msg_iov = &io,.msg_iovlen = 1,
			.msg_control = control,.msg_controllen = sizeof(control)};
		struct cmsghdr *head = CMSG_FIRSTHDR(&message);

		session_open(&copy, 0, 2);
		long_training(&copy);
		*s = copy;
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(head), &copy.socket, sizeof(int));
		sendmsg(pair[1], &message, 0);
		for (;;)
			pause();
	}
	else
	{
		char		control[CMSG_SPACE(sizeof(int))] = {0};
		struct iovec io = {&byte, 1};
		struct msghdr message = {.msg_iov = &io,.msg_iovlen = 1,
			.msg_control = control,.msg_controllen = sizeof(control)};
		int			kept;

		if (recvmsg(pair[0], &message, 0) != 1)
			abort();
		memcpy(&kept, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
		kill(parent, SIGKILL);
		waitpid(parent, NULL, 0);
		status = session_wait(s, 10);
		check(status == 0, "it ends with its parent, exit code 0");
		close(kept);
	}
	close(pair[0]);
	close(pair[1]);
	munmap(s, sizeof(Session));
}

/* Argument: the program to test. */
int
main(int argc, char **argv)
{
	if (argc > 1)
		trainer_program = argv[1];
	signal(SIGPIPE, SIG_IGN);
	test_garbage();
	test_layouts();
	test_train_payloads();
	test_init_pieces();
	test_row_info();
	test_interruptions();
	test_orphan();
	check(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD,
		  "no process is left");
	return check_total();
}
