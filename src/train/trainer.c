/*
 * trainer.c
 *		The backend's side of mlops-trainer: start it, feed it, hear it.
 *
 * The socket is non-blocking and every wait goes through one wait event set,
 * made when the trainer starts: the socket, the latch, the postmaster's
 * death and the client's departure.  Both are given back by a reset callback
 * of the trainer's memory context; the process itself by base/child.c.
 *
 * A conversation cannot be resumed after an error: whoever catches one must
 * let the trainer go.  A trainer that is silent for SILENCE_MS, although its
 * heartbeat runs in a thread of its own, is stopped or swapped out, and is
 * given up.
 */
#include "postgres.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/base.h"
#include "base/child.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "train/trainer.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

/*
 * The header of Port asks for those of GSSAPI and OpenSSL, which need not be
 * installed; the only member that is read here is its first in any case.
 */
#undef ENABLE_GSS
#undef USE_OPENSSL
#include "libpq/libpq-be.h"

#define PROGRAM			"mlops-trainer"
#define SILENCE_MS		30000
#define GRACE_MS		2000
#define READ_CHUNK		65536

struct MlopsTrainer
{
	MlopsMatrix *matrix;
	MlopsChild *child;
	pgsocket	socket;			/* PGINVALID_SOCKET when closed */
	WaitEventSet *events;
	int			socket_event;	/* position of socket in events */
	bool		writing;		/* events waits for room to write as well */
	int			n_threads;
	int			nice;
	uint64		max_memory;		/* 0: limits are not sent yet */
	const MlopsTrainRequest *request;	/* under way */
	char		version[48];
	TimestampTz last_heard;
	/* bytes that have come and are not taken yet: [taken, filled) */
	char	   *input;
	size_t		taken;
	size_t		filled;
	size_t		capacity;
	MemoryContext context;
	MemoryContextCallback callback;
};

/* A frame inside of the input buffer, valid until the next is read. */
typedef struct Incoming
{
	MlopsFrameKind kind;
	uint32		length;
	const char *payload;
} Incoming;

/* What one mlops_trainer_train() has gathered so far. */
typedef struct Gathering
{
	const MlopsTrainRequest *request;
	MlopsTrainOutcome *outcome;
	uint64		model_filled;
	int			rounds_heard;
	MlopsRoundMetric last;		/* metric heard, no name before the first */
	bool		predicted;
	bool		done;
} Gathering;

static void close_socket(MlopsTrainer *trainer);
static void trainer_reset_callback(void *arg);
static void connect_child(MlopsTrainer *trainer);
static void create_events(MlopsTrainer *trainer);
static void hear_hello(MlopsTrainer *trainer);
static void send_limits(MlopsTrainer *trainer);
static void send_train(MlopsTrainer *trainer,
					   const MlopsTrainRequest *request);
static void send_frame(MlopsTrainer *trainer, MlopsFrameKind kind,
					   const void *payload, size_t length);
static void send_bytes(MlopsTrainer *trainer, const char *bytes, size_t size);
static void wait_for_trainer(MlopsTrainer *trainer, bool to_write,
							 long timeout_ms);
static bool read_available(MlopsTrainer *trainer);
static bool next_frame(MlopsTrainer *trainer, Incoming *frame);
static void receive_frame(MlopsTrainer *trainer, Incoming *frame);
static void handle_answer(MlopsTrainer *trainer, Gathering *gathering,
						  const Incoming *frame,
						  MlopsRoundCallback callback, void *arg);
static void handle_progress(MlopsTrainer *trainer, Gathering *gathering,
							const Incoming *frame,
							MlopsRoundCallback callback, void *arg);
static void handle_metric(MlopsTrainer *trainer, Gathering *gathering,
						  uint32 round, MlopsRoundMetric *metric);
static void handle_model(MlopsTrainer *trainer, Gathering *gathering,
						 const Incoming *frame);
static void handle_trained(MlopsTrainer *trainer, Gathering *gathering,
						   const Incoming *frame);
static void report_error_frame(MlopsTrainer *trainer, const Incoming *frame)
			pg_attribute_noreturn();
static void report_death(MlopsTrainer *trainer) pg_attribute_noreturn();
static void report_breach(MlopsTrainer *trainer, const char *what)
			pg_attribute_noreturn();
static const char *memory_hint(const char *how);
static char *clean_text(const char *text, size_t length);

MlopsTrainer *
mlops_trainer_start(MlopsMatrix *matrix, int n_threads, int nice)
{
	MlopsTrainer *trainer = palloc0(sizeof(MlopsTrainer));

	trainer->matrix = matrix;
	trainer->n_threads = n_threads;
	trainer->nice = nice;
	trainer->socket = PGINVALID_SOCKET;
	trainer->context = CurrentMemoryContext;
	trainer->capacity = READ_CHUNK;
	trainer->input = palloc(trainer->capacity);
	trainer->callback.func = trainer_reset_callback;
	trainer->callback.arg = trainer;
	MemoryContextRegisterResetCallback(CurrentMemoryContext,
									   &trainer->callback);

	connect_child(trainer);
	create_events(trainer);
	trainer->last_heard = GetCurrentTimestamp();
	hear_hello(trainer);
	return trainer;
}

const char *
mlops_trainer_version(const MlopsTrainer *trainer)
{
	return trainer->version;
}

void
mlops_trainer_poll(MlopsTrainer *trainer)
{
	Incoming	frame;

	wait_for_trainer(trainer, false, 0);
	(void) read_available(trainer);
	while (next_frame(trainer, &frame))
	{
		if (frame.kind == MLOPS_FRAME_ERROR)
			report_error_frame(trainer, &frame);
		if (frame.kind != MLOPS_FRAME_HEARTBEAT)
			report_breach(trainer, "speaks before it is asked");
	}
}

void
mlops_trainer_begin(MlopsTrainer *trainer, const MlopsTrainRequest *request,
					uint64 max_memory)
{
	trainer->last_heard = GetCurrentTimestamp();
	trainer->request = request;
	if (trainer->max_memory == 0)
	{
		trainer->max_memory = max_memory;
		send_limits(trainer);
	}
	send_frame(trainer, MLOPS_FRAME_DATA, &trainer->matrix->layout,
			   sizeof(MlopsMatrixLayout));
	send_train(trainer, request);
}

MlopsTrainOutcome *
mlops_trainer_finish(MlopsTrainer *trainer, MlopsRoundCallback callback,
					 void *arg)
{
	Gathering	gathering = {.request = trainer->request};

	gathering.outcome = palloc0(sizeof(MlopsTrainOutcome));
	trainer->last_heard = GetCurrentTimestamp();
	while (!gathering.done)
	{
		Incoming	frame;

		receive_frame(trainer, &frame);
		handle_answer(trainer, &gathering, &frame, callback, arg);
	}
	return gathering.outcome;
}

void
mlops_trainer_stop(MlopsTrainer *trainer)
{
	close_socket(trainer);
	pfree(mlops_child_end(trainer->child, 0));
}

/*
 * Give back the socket and the wait event set.
 */
static void
close_socket(MlopsTrainer *trainer)
{
	if (trainer->events != NULL)
	{
		FreeWaitEventSet(trainer->events);
		trainer->events = NULL;
		ReleaseExternalFD();
	}
	if (trainer->socket != PGINVALID_SOCKET)
	{
		close(trainer->socket);
		trainer->socket = PGINVALID_SOCKET;
		ReleaseExternalFD();
	}
}

/*
 * The trainer's memory goes.
 */
static void
trainer_reset_callback(void *arg)
{
	close_socket((MlopsTrainer *) arg);
}

/*
 * Start the program, with one end of a socket pair and the matrix.
 */
static void
connect_child(MlopsTrainer *trainer)
{
	int			pair[2];
	int			fds[2];

	if (!AcquireExternalFD())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not create a socket for the trainer: %m")));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
	{
		int			save_errno = errno;

		ReleaseExternalFD();
		errno = save_errno;
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not create a socket for the trainer: %m")));
	}
	trainer->socket = pair[0];

	fds[MLOPS_TRAINER_MATRIX - 3] = trainer->matrix->fd;
	fds[MLOPS_TRAINER_SOCKET - 3] = pair[1];
	PG_TRY();
	{
		trainer->child = mlops_child_start(PROGRAM, fds, 2);
	}
	PG_FINALLY();
	{
		close(pair[1]);
	}
	PG_END_TRY();

	if (!pg_set_noblock(trainer->socket))
		ereport(ERROR,
				(errcode(ERRCODE_SYSTEM_ERROR),
				 errmsg("could not set the trainer's socket to nonblocking mode: %m")));
}

/*
 * All that a wait for the trainer must wake up for.
 */
static void
create_events(MlopsTrainer *trainer)
{
	if (!AcquireExternalFD())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not wait for the trainer: %m")));
	PG_TRY();
	{
		/* up to 16 a memory context, from 17 on a resource owner or none */
		trainer->events = CreateWaitEventSet(PG_VERSION_NUM >= 170000 ?
											 NULL : (void *) TopMemoryContext,
											 4);
	}
	PG_CATCH();
	{
		ReleaseExternalFD();
		PG_RE_THROW();
	}
	PG_END_TRY();
	trainer->socket_event = AddWaitEventToSet(trainer->events,
											  WL_SOCKET_READABLE,
											  trainer->socket, NULL, NULL);
	AddWaitEventToSet(trainer->events, WL_LATCH_SET, PGINVALID_SOCKET,
					  MyLatch, NULL);
	AddWaitEventToSet(trainer->events, WL_EXIT_ON_PM_DEATH,
					  PGINVALID_SOCKET, NULL, NULL);
	if (MyProcPort != NULL && WaitEventSetCanReportClosed())
		AddWaitEventToSet(trainer->events, WL_SOCKET_CLOSED,
						  MyProcPort->sock, NULL, NULL);
}

/*
 * The first frame: is it the trainer that this module was made for?
 */
static void
hear_hello(MlopsTrainer *trainer)
{
	Incoming	frame;
	MlopsHello	hello;

	receive_frame(trainer, &frame);
	if (frame.kind == MLOPS_FRAME_ERROR)
		report_error_frame(trainer, &frame);
	if (frame.kind != MLOPS_FRAME_HELLO || frame.length != sizeof(hello))
		report_breach(trainer, "did not introduce itself");
	memcpy(&hello, frame.payload, sizeof(hello));
	if (hello.protocol != MLOPS_PROTOCOL_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("program \"%s\" is of another version", PROGRAM),
				 errdetail("It speaks protocol %u, not %d.", hello.protocol,
						   MLOPS_PROTOCOL_VERSION),
				 errhint("Reinstall the extension's files with \"make install\".")));
	if (hello.pid != mlops_child_pid(trainer->child))
		report_breach(trainer, "is not the process that was started");
	snprintf(trainer->version, sizeof(trainer->version), "%d.%d.%d",
			 hello.version[0], hello.version[1], hello.version[2]);
}

/*
 * Tell the trainer what it may take.
 */
static void
send_limits(MlopsTrainer *trainer)
{
	MlopsLimits limits;

	memset(&limits, 0, sizeof(limits));
	limits.max_memory = trainer->max_memory;
	limits.n_threads = trainer->n_threads;
	limits.nice = trainer->nice;
	limits.rank = 0;
	limits.world = 1;
	limits.parent_pid = (int32) getpid();
	send_frame(trainer, MLOPS_FRAME_LIMITS, &limits, sizeof(limits));
}

/*
 * Send a request as a TRAIN frame.
 */
static void
send_train(MlopsTrainer *trainer, const MlopsTrainRequest *request)
{
	MlopsTrainCommand command;
	StringInfoData payload;

	memset(&command, 0, sizeof(command));
	command.n_rounds = request->n_rounds;
	command.early_stopping = request->early_stopping;
	command.max_bin = request->max_bin;
	command.n_params = request->n_params;
	command.n_features = request->n_features;
	command.flags = (request->maximize ? MLOPS_TRAIN_MAXIMIZE : 0) |
		(request->validate ? MLOPS_TRAIN_VALIDATE : 0) |
		(request->predict ? MLOPS_TRAIN_PREDICT : 0);

	initStringInfo(&payload);
	appendBinaryStringInfo(&payload, (char *) &command, sizeof(command));
	for (int i = 0; i < request->n_params; i++)
	{
		const MlopsTrainerParam *param = &request->params[i];

		appendBinaryStringInfo(&payload, param->name,
							   strlen(param->name) + 1);
		appendBinaryStringInfo(&payload, param->value,
							   strlen(param->value) + 1);
	}
	for (int i = 0; i < request->n_features; i++)
	{
		appendStringInfoChar(&payload, request->categorical[i] ? 'c' : 'q');
		appendBinaryStringInfo(&payload, request->feature_names[i],
							   strlen(request->feature_names[i]) + 1);
	}
	if (payload.len > MLOPS_MAX_FRAME)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("parameters and feature names are too long"),
				 errdetail("Together they take %d bytes; %d are allowed.",
						   payload.len, MLOPS_MAX_FRAME)));
	send_frame(trainer, MLOPS_FRAME_TRAIN, payload.data, payload.len);
	pfree(payload.data);
}

/*
 * Send one frame.
 */
static void
send_frame(MlopsTrainer *trainer, MlopsFrameKind kind, const void *payload,
		   size_t length)
{
	MlopsFrame	frame = {kind, (uint32) length};

	send_bytes(trainer, (const char *) &frame, sizeof(frame));
	send_bytes(trainer, payload, length);
}

/*
 * Write all of it, interruptible while there is no room.
 */
static void
send_bytes(MlopsTrainer *trainer, const char *bytes, size_t size)
{
	while (size > 0)
	{
		ssize_t		sent;

		sent = send(trainer->socket, bytes, size, MSG_NOSIGNAL);
		if (sent > 0)
		{
			bytes += sent;
			size -= sent;
		}
		else if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		{
			/* what it says meanwhile must not keep it from reading */
			(void) read_available(trainer);
			wait_for_trainer(trainer, true, SILENCE_MS);
		}
		else if (sent == 0 || errno != EINTR)
		{
			/* its last words may say why */
			Incoming	frame;

			(void) read_available(trainer);
			while (next_frame(trainer, &frame))
			{
				if (frame.kind == MLOPS_FRAME_ERROR)
					report_error_frame(trainer, &frame);
			}
			report_death(trainer);
		}
	}
}

/*
 * Wait until there is something to read (or room to write), or timeout_ms
 * have gone.  Answers interrupts, and leaves for good if the client has.
 * Errors if the trainer has been silent for too long.
 */
static void
wait_for_trainer(MlopsTrainer *trainer, bool to_write, long timeout_ms)
{
	WaitEvent	events[4];
	int			n_events;
	bool		silent = timeout_ms > 0;

	if (trainer->events == NULL)
		elog(ERROR, "trainer is not running");
	if (trainer->writing != to_write)
	{
		ModifyWaitEvent(trainer->events, trainer->socket_event,
						to_write ? WL_SOCKET_READABLE | WL_SOCKET_WRITEABLE :
						WL_SOCKET_READABLE, NULL);
		trainer->writing = to_write;
	}
	n_events = WaitEventSetWait(trainer->events, timeout_ms, events,
								lengthof(events), PG_WAIT_EXTENSION);
	for (int i = 0; i < n_events; i++)
	{
		if (events[i].events & WL_LATCH_SET)
			ResetLatch(MyLatch);
		if (events[i].pos == trainer->socket_event)
			silent = false;
		if (events[i].events & WL_SOCKET_CLOSED)
			ereport(FATAL,
					(errcode(ERRCODE_CONNECTION_FAILURE),
					 errmsg("connection to client lost")));
	}
	CHECK_FOR_INTERRUPTS();
	/* a backend that was stopped itself has not looked yet */
	if (silent)
		(void) read_available(trainer);
	if (silent &&
		TimestampDifferenceExceeds(trainer->last_heard,
								   GetCurrentTimestamp(), SILENCE_MS))
	{
		mlops_trainer_stop(trainer);
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("trainer process does not respond"),
				 errdetail("It was silent for %d seconds and has been ended.",
						   SILENCE_MS / 1000)));
	}
}

/*
 * Take what can be read without waiting into the buffer.  False if the
 * trainer has closed its end.
 */
static bool
read_available(MlopsTrainer *trainer)
{
	for (;;)
	{
		ssize_t		got;

		if (trainer->taken > 0)
		{
			memmove(trainer->input, trainer->input + trainer->taken,
					trainer->filled - trainer->taken);
			trainer->filled -= trainer->taken;
			trainer->taken = 0;
		}
		/* a whole frame is there: it goes first, and bounds the buffer */
		if (trainer->filled >= MLOPS_MAX_FRAME + sizeof(MlopsFrame))
			return true;
		if (trainer->capacity - trainer->filled < READ_CHUNK)
		{
			trainer->capacity = Min(trainer->capacity * 2,
									MLOPS_MAX_FRAME + 2 * READ_CHUNK);
			trainer->input = repalloc(trainer->input, trainer->capacity);
		}
		got = recv(trainer->socket, trainer->input + trainer->filled,
				   trainer->capacity - trainer->filled, 0);
		if (got > 0)
		{
			trainer->filled += got;
			trainer->last_heard = GetCurrentTimestamp();
		}
		else if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return true;
		else if (got == 0 || errno != EINTR)
			return false;
	}
}

/*
 * Take a frame out of the buffer if a whole one is there.
 */
static bool
next_frame(MlopsTrainer *trainer, Incoming *frame)
{
	MlopsFrame	header;
	size_t		there = trainer->filled - trainer->taken;

	if (there < sizeof(header))
		return false;
	memcpy(&header, trainer->input + trainer->taken, sizeof(header));
	if (header.length > MLOPS_MAX_FRAME ||
		header.kind < MLOPS_FRAME_HELLO || header.kind > MLOPS_FRAME_HEARTBEAT)
		report_breach(trainer, "sent something that is no frame");
	if (there < sizeof(header) + header.length)
		return false;
	frame->kind = header.kind;
	frame->length = header.length;
	frame->payload = trainer->input + trainer->taken + sizeof(header);
	trainer->taken += sizeof(header) + header.length;
	return true;
}

/*
 * Wait for the next frame that is no heartbeat.  Errors: the trainer ends.
 */
static void
receive_frame(MlopsTrainer *trainer, Incoming *frame)
{
	bool		open = true;

	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		while (next_frame(trainer, frame))
		{
			if (frame->kind != MLOPS_FRAME_HEARTBEAT)
				return;
			if (frame->length != 0)
				report_breach(trainer, "sent a malformed frame");
		}
		if (!open)
			report_death(trainer);
		wait_for_trainer(trainer, false, SILENCE_MS);
		open = read_available(trainer);
	}
}

/*
 * One frame of the answer to a TRAIN: PROGRESS for each round, then the
 * MODEL, then PREDICTED if it was asked for, then TRAINED.
 */
static void
handle_answer(MlopsTrainer *trainer, Gathering *gathering,
			  const Incoming *frame, MlopsRoundCallback callback, void *arg)
{
	MlopsTrainOutcome *outcome = gathering->outcome;
	bool		model_complete = outcome->model != NULL &&
		gathering->model_filled == outcome->model_size;

	switch (frame->kind)
	{
		case MLOPS_FRAME_ERROR:
			report_error_frame(trainer, frame);
		case MLOPS_FRAME_PROGRESS:
			if (outcome->model != NULL)
				break;
			handle_progress(trainer, gathering, frame, callback, arg);
			return;
		case MLOPS_FRAME_MODEL:
			if (gathering->rounds_heard == 0 || model_complete)
				break;
			handle_model(trainer, gathering, frame);
			return;
		case MLOPS_FRAME_PREDICTED:
			if (!model_complete || gathering->predicted ||
				!gathering->request->predict || frame->length != 0)
				break;
			gathering->predicted = true;
			return;
		case MLOPS_FRAME_TRAINED:
			if (!model_complete ||
				gathering->predicted != gathering->request->predict)
				break;
			handle_trained(trainer, gathering, frame);
			return;
		default:
			break;
	}
	report_breach(trainer, "sent frames in a wrong order");
}

/*
 * A round is done.  The callback gets the last metric that was heard, of this
 * round or an earlier one.
 */
static void
handle_progress(MlopsTrainer *trainer, Gathering *gathering,
				const Incoming *frame, MlopsRoundCallback callback, void *arg)
{
	MlopsProgress progress;
	MlopsRoundMetric *metric = &gathering->last;

	if (frame->length < sizeof(progress))
		report_breach(trainer, "sent a malformed frame");
	memcpy(&progress, frame->payload, sizeof(progress));
	if (progress.n_metrics > MLOPS_MAX_ROUND_METRICS ||
		frame->length != sizeof(progress) +
		progress.n_metrics * sizeof(MlopsRoundMetric) ||
		progress.round != gathering->rounds_heard ||
		progress.round >= gathering->request->n_rounds)
		report_breach(trainer, "sent a malformed frame");

	for (uint32 i = 0; i < progress.n_metrics; i++)
	{
		memcpy(metric, frame->payload + sizeof(progress) +
			   i * sizeof(MlopsRoundMetric), sizeof(*metric));
		handle_metric(trainer, gathering, progress.round, metric);
	}
	gathering->rounds_heard++;
	if (callback != NULL)
		callback(progress.round, gathering->request->n_rounds,
				 metric->name[0] != '\0' ? metric->name : NULL,
				 metric->value, arg);
}

/*
 * Check one metric and add it to the history.
 */
static void
handle_metric(MlopsTrainer *trainer, Gathering *gathering, uint32 round,
			  MlopsRoundMetric *metric)
{
	MlopsEvaluation *evaluation;
	size_t		length = strnlen(metric->name, sizeof(metric->name));

	if (length == 0 || length > MLOPS_METRIC_NAME ||
		(metric->role != MLOPS_ROLE_TRAIN &&
		 metric->role != MLOPS_ROLE_VALIDATION))
		report_breach(trainer, "sent a malformed frame");
	for (size_t i = 0; i < length; i++)
	{
		if (metric->name[i] <= ' ' || metric->name[i] > '~')
			report_breach(trainer, "sent a malformed frame");
	}
	evaluation = palloc(sizeof(MlopsEvaluation));
	evaluation->round = round;
	evaluation->split = metric->role == MLOPS_ROLE_TRAIN ?
		"train" : "validation";
	evaluation->metric = pstrdup(metric->name);
	evaluation->value = metric->value;
	gathering->outcome->history = lappend(gathering->outcome->history,
										  evaluation);
}

/*
 * A piece of the model.
 */
static void
handle_model(MlopsTrainer *trainer, Gathering *gathering,
			 const Incoming *frame)
{
	MlopsTrainOutcome *outcome = gathering->outcome;
	MlopsModelPiece piece;
	size_t		size;

	if (frame->length <= sizeof(piece))
		report_breach(trainer, "sent a malformed frame");
	memcpy(&piece, frame->payload, sizeof(piece));
	size = frame->length - sizeof(piece);
	if (outcome->model == NULL)
	{
		if (piece.total == 0 || piece.total > MLOPS_MAX_MODEL)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("model is too large"),
					 errdetail("It takes " UINT64_FORMAT " bytes; " UINT64_FORMAT " are allowed.",
							   piece.total, MLOPS_MAX_MODEL),
					 errhint("Use fewer rounds or a smaller \"max_depth\".")));
		outcome->model = palloc_extended(piece.total, MCXT_ALLOC_HUGE);
		outcome->model_size = piece.total;
	}
	if (piece.total != outcome->model_size ||
		piece.offset != gathering->model_filled ||
		size > piece.total - piece.offset)
		report_breach(trainer, "sent a malformed frame");
	memcpy(outcome->model + piece.offset, frame->payload + sizeof(piece),
		   size);
	gathering->model_filled += size;
}

/*
 * The end of a training.
 */
static void
handle_trained(MlopsTrainer *trainer, Gathering *gathering,
			   const Incoming *frame)
{
	MlopsTrainOutcome *outcome = gathering->outcome;
	MlopsTrained trained;

	if (frame->length != sizeof(trained))
		report_breach(trainer, "sent a malformed frame");
	memcpy(&trained, frame->payload, sizeof(trained));
	if (trained.n_rounds < 1 || trained.n_rounds > gathering->rounds_heard)
		report_breach(trainer, "sent a malformed frame");
	outcome->n_rounds = trained.n_rounds;
	outcome->stopped_early = trained.stopped_early != 0;
	outcome->peak_memory = trained.peak_memory;
	outcome->cpu_seconds = trained.cpu_seconds;
	outcome->build_seconds = trained.build_seconds;
	outcome->train_seconds = trained.train_seconds;
	gathering->done = true;
}

/*
 * The trainer says why it could not.
 */
static void
report_error_frame(MlopsTrainer *trainer, const Incoming *frame)
{
	char	   *text = clean_text(frame->payload, frame->length);
	bool		memory = strstr(text, "bad_alloc") != NULL ||
		strstr(text, "out of memory") != NULL ||
		strstr(text, "llocate") != NULL;

	mlops_trainer_stop(trainer);
	if (memory)
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("training ran out of memory"),
				 errdetail("The trainer may take " UINT64_FORMAT " MB beside the rows.",
						   trainer->max_memory / (1024 * 1024)),
				 errhint("%s", memory_hint(NULL))));
	ereport(ERROR,
			(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
			 errmsg("training failed"),
			 errdetail("%s", text)));
}

/*
 * The trainer has gone without a word.
 */
static void
report_death(MlopsTrainer *trainer)
{
	char	   *how;
	const char *hint;

	close_socket(trainer);
	how = mlops_child_end(trainer->child, GRACE_MS);
	/* a shutdown of the server is the better reason */
	CHECK_FOR_INTERRUPTS();
	hint = memory_hint(how);
	ereport(ERROR,
			(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
			 errmsg("trainer process %s", how),
			 hint != NULL ? errhint("%s", hint) : 0));
}

/*
 * The trainer says something that it never would.
 */
static void
report_breach(MlopsTrainer *trainer, const char *what)
{
	mlops_trainer_stop(trainer);
	ereport(ERROR,
			(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
			 errmsg("trainer process %s", what),
			 errhint("Reinstall the extension's files with \"make install\".")));
}

/*
 * What to do about memory, if an end like this may come from a lack of it:
 * signal 9 is the kernel's way, exit code 1 the OpenMP library's.  NULL for
 * how means that it is certain.
 */
static const char *
memory_hint(const char *how)
{
	if (how == NULL)
		return "Use fewer rows or columns, a smaller \"max_bin\" or \"max_depth\", or raise mlops.max_train_memory.";
	if (strstr(how, "signal 9") != NULL)
		return "Perhaps the system was out of memory: use fewer rows or columns, or lower mlops.max_train_memory.";
	if (strstr(how, "code 1") != NULL)
		return "Perhaps mlops.max_train_memory is too low for the number of threads.";
	return NULL;
}

/*
 * A text from the trainer, fit for a message: its first line, printable ASCII
 * and valid text of the database's encoding only, without a place in the
 * source "[hh:mm:ss] file:line: " before it; palloc'd.
 */
static char *
clean_text(const char *text, size_t length)
{
	char	   *clean;
	char	   *start;

	length = Min(length, 1000);
	clean = pnstrdup(text, length);
	clean[strcspn(clean, "\r\n")] = '\0';
	for (char *at = clean; *at != '\0'; at++)
	{
		if ((unsigned char) *at < ' ' || (unsigned char) *at > '~')
			*at = '?';
	}
	start = clean;
	if (start[0] == '[' && strstr(start, ": ") != NULL)
		start = strstr(start, ": ") + 2;
	return start[0] != '\0' ? start : pstrdup("No reason was given.");
}
