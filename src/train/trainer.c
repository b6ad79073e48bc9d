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
 * let the trainer go.  A trainer that is silent for long, although its
 * heartbeat runs in a thread of its own, is stopped or swapped out, and is
 * given up.
 */
#include "postgres.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/compat.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "train/conversation.h"
#include "utils/wait_event.h"

/*
 * The header of Port asks for those of GSSAPI and OpenSSL, which need not be
 * installed; the only member that is read here is its first in any case.
 */
#undef ENABLE_GSS
#undef USE_OPENSSL
#include "libpq/libpq-be.h"

/* A model to go on from is sent in pieces of this many bytes. */
#define INIT_PIECE	(512 * 1024)

/* What one mlops_trainer_finish() has gathered so far. */
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

static void trainer_reset_callback(void *arg);
static void connect_child(MlopsTrainer *trainer);
static void create_events(MlopsTrainer *trainer);
static void hear_hello(MlopsTrainer *trainer);
static void send_limits(MlopsTrainer *trainer);
static void send_init(MlopsTrainer *trainer,
					  const MlopsTrainRequest *request);
static void send_train(MlopsTrainer *trainer,
					   const MlopsTrainRequest *request);
static void handle_answer(MlopsTrainer *trainer, Gathering *gathering,
						  const MlopsIncoming *frame,
						  MlopsRoundCallback callback, void *arg);
static void handle_progress(MlopsTrainer *trainer, Gathering *gathering,
							const MlopsIncoming *frame,
							MlopsRoundCallback callback, void *arg);
static void handle_metric(MlopsTrainer *trainer, Gathering *gathering,
						  uint32 round, MlopsRoundMetric *metric);
static void handle_model(MlopsTrainer *trainer, Gathering *gathering,
						 const MlopsIncoming *frame);
static void handle_trained(MlopsTrainer *trainer, Gathering *gathering,
						   const MlopsIncoming *frame);

MlopsTrainer *
mlops_trainer_start(MlopsMatrix *matrix, int n_threads, int nice)
{
	MlopsTrainer *trainer = palloc0(sizeof(MlopsTrainer));

	trainer->matrix = matrix;
	trainer->n_threads = n_threads;
	trainer->nice = nice;
	trainer->socket = PGINVALID_SOCKET;
	trainer->context = CurrentMemoryContext;
	trainer->capacity = MLOPS_READ_CHUNK;
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
	MlopsIncoming	frame;
	bool		alive;

	mlops_trainer_wait(trainer, false, 0);
	alive = mlops_trainer_read(trainer);
	while (mlops_trainer_next(trainer, &frame))
	{
		if (frame.kind == MLOPS_FRAME_ERROR)
			mlops_trainer_report_error(trainer, &frame);
		if (frame.kind != MLOPS_FRAME_HEARTBEAT)
			mlops_trainer_report_breach(trainer, "speaks before it is asked");
	}
	if (!alive)
		mlops_trainer_report_death(trainer);
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
	mlops_trainer_send(trainer, MLOPS_FRAME_DATA, &trainer->matrix->layout,
					   sizeof(MlopsMatrixLayout));
	if (request->init_model != NULL)
		send_init(trainer, request);
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
		MlopsIncoming	frame;

		mlops_trainer_receive(trainer, &frame);
		handle_answer(trainer, &gathering, &frame, callback, arg);
	}
	return gathering.outcome;
}

void
mlops_trainer_stop(MlopsTrainer *trainer)
{
	mlops_trainer_close(trainer);
	pfree(mlops_child_end(trainer->child, 0));
}

/*
 * The trainer's memory goes.
 */
static void
trainer_reset_callback(void *arg)
{
	mlops_trainer_close((MlopsTrainer *) arg);
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
		trainer->child = mlops_child_start(MLOPS_TRAINER_PROGRAM, fds, 2);
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
		trainer->events = mlops_create_wait_event_set(4);
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
	MlopsIncoming	frame;
	MlopsHello	hello;

	mlops_trainer_receive(trainer, &frame);
	if (frame.kind == MLOPS_FRAME_ERROR)
		mlops_trainer_report_error(trainer, &frame);
	if (frame.kind != MLOPS_FRAME_HELLO || frame.length != sizeof(hello))
		mlops_trainer_report_breach(trainer, "did not introduce itself");
	memcpy(&hello, frame.payload, sizeof(hello));
	if (hello.protocol != MLOPS_PROTOCOL_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("program \"%s\" is of another version", MLOPS_TRAINER_PROGRAM),
				 errdetail("It speaks protocol %u, not %d.", hello.protocol,
						   MLOPS_PROTOCOL_VERSION),
				 errhint("Reinstall the extension's files with \"make install\".")));
	if (hello.pid != mlops_child_pid(trainer->child))
		mlops_trainer_report_breach(trainer, "is not the process that was started");
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
	mlops_trainer_send(trainer, MLOPS_FRAME_LIMITS, &limits, sizeof(limits));
}

/*
 * Send the model to go on from, in pieces.
 */
static void
send_init(MlopsTrainer *trainer, const MlopsTrainRequest *request)
{
	MlopsModelPiece piece = {request->init_size, 0};
	char	   *payload = palloc(sizeof(piece) + INIT_PIECE);

	while (piece.offset < piece.total)
	{
		size_t		part = Min(piece.total - piece.offset, INIT_PIECE);

		memcpy(payload, &piece, sizeof(piece));
		memcpy(payload + sizeof(piece),
			   (const char *) request->init_model + piece.offset, part);
		mlops_trainer_send(trainer, MLOPS_FRAME_INIT, payload,
						   sizeof(piece) + part);
		piece.offset += part;
	}
	pfree(payload);
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
		(request->predict ? MLOPS_TRAIN_PREDICT : 0) |
		(request->init_model ? MLOPS_TRAIN_INIT : 0);

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
	mlops_trainer_send(trainer, MLOPS_FRAME_TRAIN, payload.data, payload.len);
	pfree(payload.data);
}

/*
 * One frame of the answer to a TRAIN: PROGRESS for each round, then the
 * MODEL, then PREDICTED if it was asked for, then TRAINED.
 */
static void
handle_answer(MlopsTrainer *trainer, Gathering *gathering,
			  const MlopsIncoming *frame, MlopsRoundCallback callback, void *arg)
{
	MlopsTrainOutcome *outcome = gathering->outcome;
	bool		model_complete = outcome->model != NULL &&
		gathering->model_filled == outcome->model_size;

	switch (frame->kind)
	{
		case MLOPS_FRAME_ERROR:
			mlops_trainer_report_error(trainer, frame);
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
	mlops_trainer_report_breach(trainer, "sent frames in a wrong order");
}

/*
 * A round is done.  The callback gets the last metric that was heard, of this
 * round or an earlier one.
 */
static void
handle_progress(MlopsTrainer *trainer, Gathering *gathering,
				const MlopsIncoming *frame, MlopsRoundCallback callback, void *arg)
{
	MlopsProgress progress;
	MlopsRoundMetric *metric = &gathering->last;

	if (frame->length < sizeof(progress))
		mlops_trainer_report_breach(trainer, "sent a malformed frame");
	memcpy(&progress, frame->payload, sizeof(progress));
	if (progress.n_metrics > MLOPS_MAX_ROUND_METRICS ||
		frame->length != sizeof(progress) +
		progress.n_metrics * sizeof(MlopsRoundMetric) ||
		progress.round != gathering->rounds_heard ||
		progress.round >= gathering->request->n_rounds)
		mlops_trainer_report_breach(trainer, "sent a malformed frame");

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
		mlops_trainer_report_breach(trainer, "sent a malformed frame");
	for (size_t i = 0; i < length; i++)
	{
		if (metric->name[i] <= ' ' || metric->name[i] > '~')
			mlops_trainer_report_breach(trainer, "sent a malformed frame");
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
			 const MlopsIncoming *frame)
{
	MlopsTrainOutcome *outcome = gathering->outcome;
	MlopsModelPiece piece;
	size_t		size;

	if (frame->length <= sizeof(piece))
		mlops_trainer_report_breach(trainer, "sent a malformed frame");
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
		mlops_trainer_report_breach(trainer, "sent a malformed frame");
	memcpy(outcome->model + piece.offset, frame->payload + sizeof(piece),
		   size);
	gathering->model_filled += size;
}

/*
 * The end of a training.
 */
static void
handle_trained(MlopsTrainer *trainer, Gathering *gathering,
			   const MlopsIncoming *frame)
{
	MlopsTrainOutcome *outcome = gathering->outcome;
	MlopsTrained trained;

	if (frame->length != sizeof(trained))
		mlops_trainer_report_breach(trainer, "sent a malformed frame");
	memcpy(&trained, frame->payload, sizeof(trained));
	if (trained.n_rounds < 1 ||
		trained.n_rounds > gathering->rounds_heard +
		gathering->request->init_rounds)
		mlops_trainer_report_breach(trainer, "sent a malformed frame");
	outcome->n_rounds = trained.n_rounds;
	outcome->stopped_early = trained.stopped_early != 0;
	outcome->peak_memory = trained.peak_memory;
	outcome->cpu_seconds = trained.cpu_seconds;
	outcome->build_seconds = trained.build_seconds;
	outcome->train_seconds = trained.train_seconds;
	gathering->done = true;
}
