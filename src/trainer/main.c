/*
 * main.c
 *		mlops-trainer: trains XGBoost models for a PostgreSQL backend.
 *
 * The only program of the extension that libxgboost is loaded into.  Started
 * by a backend with a matrix and a socket (trainer/protocol.h); of no use to
 * anybody else.  It trusts nothing that it reads.
 *
 * A TRAIN that fails is answered with ERROR, and another may follow; a frame
 * that breaks the protocol is answered with ERROR and ends the process.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xgboost/c_api.h>
#include <xgboost/version_config.h>

#include "trainer/worker.h"

/* What the process keeps from frame to frame. */
typedef struct Worker
{
	MlopsRows	rows;
	MlopsInit	init;
	int			n_threads;		/* 0 before LIMITS */
} Worker;

static bool say_hello(void);
static bool handle_frame(const MlopsFrame *frame, void *payload,
						 Worker *worker);
static bool handle_init(MlopsInit *init, const char *payload, size_t length);
static void forget_init(MlopsInit *init);
static void handle_train(Worker *worker, void *payload, size_t length);
static void send_error(void);
static void swallow_log(const char *message);

/*
 * Exit status 0 when the backend leaves, 1 after a breach of the protocol.
 */
int
main(void)
{
	Worker		worker;
	bool		good;

	memset(&worker, 0, sizeof(worker));
	mlops_signals_init();
	good = say_hello() && mlops_wire_heartbeat();
	while (good)
	{
		MlopsFrame	frame;
		void	   *payload;

		good = mlops_wire_read(&frame, &payload) &&
			handle_frame(&frame, payload, &worker);
		free(payload);
	}
	send_error();
	_exit(1);
}

/*
 * Check the library and introduce both.  The names and bits of libxgboost's
 * functions are the same in all versions from 1.7 on, what they mean is not:
 * another version at run time than at compile time is refused.
 */
static bool
say_hello(void)
{
	MlopsHello	hello;
	int			version[3];

	memset(&hello, 0, sizeof(hello));
	XGBoostVersion(&version[0], &version[1], &version[2]);
	if (version[0] != XGBOOST_VER_MAJOR || version[1] != XGBOOST_VER_MINOR)
		return mlops_fail("libxgboost is version %d.%d.%d, but mlops was built with %d.%d.%d",
						  version[0], version[1], version[2],
						  XGBOOST_VER_MAJOR, XGBOOST_VER_MINOR,
						  XGBOOST_VER_PATCH);
	if (version[0] < 1 || (version[0] == 1 && version[1] < 7))
		return mlops_fail("libxgboost is version %d.%d.%d, but mlops needs 1.7 or later",
						  version[0], version[1], version[2]);
	if (XGBRegisterLogCallback(swallow_log) != 0 ||
		XGBSetGlobalConfig("{\"verbosity\":0}") != 0)
		return mlops_fail_library();

	hello.protocol = MLOPS_PROTOCOL_VERSION;
	hello.pid = (int32_t) getpid();
	for (int i = 0; i < 3; i++)
		hello.version[i] = version[i];
	mlops_wire_send(MLOPS_FRAME_HELLO, &hello, sizeof(hello), NULL, 0);
	return true;
}

/*
 * Do what a frame asks.  False if it may not come now or holds nonsense that
 * makes going on useless.
 */
static bool
handle_frame(const MlopsFrame *frame, void *payload, Worker *worker)
{
	MlopsLimits limits;
	MlopsMatrixLayout layout;

	if ((worker->n_threads == 0) != (frame->kind == MLOPS_FRAME_LIMITS))
		return mlops_fail("unexpected frame of kind %u", frame->kind);
	switch (frame->kind)
	{
		case MLOPS_FRAME_LIMITS:
			memcpy(&limits, payload, sizeof(limits));
			worker->n_threads = (int) limits.n_threads;
			return mlops_limits_apply(&limits);
		case MLOPS_FRAME_DATA:
			memcpy(&layout, payload, sizeof(layout));
			return mlops_rows_map(&worker->rows, &layout);
		case MLOPS_FRAME_TRAIN:
			handle_train(worker, payload, frame->length);
			return true;
		case MLOPS_FRAME_INIT:
			return handle_init(&worker->init, payload, frame->length);
		default:
			/* STOP that crossed the end of its TRAIN */
			return true;
	}
}

/*
 * Keep a piece of a model.  False if it does not follow on the last one.
 */
static bool
handle_init(MlopsInit *init, const char *payload, size_t length)
{
	MlopsModelPiece piece;
	size_t		size = length - sizeof(piece);

	memcpy(&piece, payload, sizeof(piece));
	if (piece.offset == 0)
	{
		forget_init(init);
		if (piece.total == 0 || piece.total > MLOPS_MAX_MODEL)
			return mlops_fail("size of the initial model is out of range");
		/* one more, for some versions read beyond the end */
		init->bytes = calloc(1, piece.total + 1);
		if (init->bytes == NULL)
			return mlops_fail("out of memory");
		init->total = piece.total;
	}
	if (init->bytes == NULL || piece.total != init->total ||
		piece.offset != init->filled || size > init->total - init->filled)
		return mlops_fail("pieces of the initial model do not fit");
	memcpy(init->bytes + init->filled, payload + sizeof(piece), size);
	init->filled += size;
	return true;
}

/*
 * Free the initial model.
 */
static void
forget_init(MlopsInit *init)
{
	free(init->bytes);
	memset(init, 0, sizeof(*init));
}

/*
 * Train; a failure is told and forgotten, and so is the initial model.
 */
static void
handle_train(Worker *worker, void *payload, size_t length)
{
	MlopsJob   *job = calloc(1, sizeof(MlopsJob));
	bool		good = job != NULL || mlops_fail("out of memory");

	if (good)
	{
		job->n_threads = worker->n_threads;
		good = mlops_job_parse(job, &worker->rows, &worker->init, payload,
							   length) && mlops_job_run(job, &worker->rows);
		if (good)
			mlops_wire_send(MLOPS_FRAME_TRAINED, &job->result,
							sizeof(job->result), NULL, 0);
		mlops_job_free(job);
	}
	forget_init(&worker->init);
	if (!good)
		send_error();
}

/*
 * Tell the backend why something failed.
 */
static void
send_error(void)
{
	const char *text = mlops_failure();

	mlops_wire_send(MLOPS_FRAME_ERROR, text, strlen(text), NULL, 0);
}

/*
 * What libxgboost would print has no reader.
 */
static void
swallow_log(const char *message)
{
}
