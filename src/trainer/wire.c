/*
 * wire.c
 *		Frames over the socket to the backend.
 *
 * The main thread reads; it and the heartbeat's thread write, one whole frame
 * at a time under a mutex.  A backend that is gone (end of file, broken pipe)
 * ends the process at once, which is how a long boosting round ends too: the
 * heartbeat notices.
 *
 * A frame that has begun must be complete within PATIENCE_MS; between frames
 * the trainer waits for ever.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "trainer/worker.h"

#define PATIENCE_MS		10000

static pthread_mutex_t write_lock = PTHREAD_MUTEX_INITIALIZER;

static void *heartbeat_main(void *arg);
static void write_fully(const void *data, size_t size);
static bool read_fully(void *data, size_t size, bool begun);
static bool check_frame(const MlopsFrame *frame);

/*
 * Start the thread that says every half MLOPS_HEARTBEAT_MS that the process
 * lives, and samples its memory.
 */
bool
mlops_wire_heartbeat(void)
{
	pthread_attr_t attributes;
	pthread_t	thread;
	int			error;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, 256 * 1024);
	error = pthread_create(&thread, &attributes, heartbeat_main, NULL);
	pthread_attr_destroy(&attributes);
	if (error != 0)
		return mlops_fail("could not create a thread: %s", strerror(error));
	return true;
}

/*
 * Write one frame whose payload is head, then tail (either may be NULL with
 * size 0).  Does not return if the backend is gone.
 */
void
mlops_wire_send(MlopsFrameKind kind, const void *head, size_t head_size,
				const void *tail, size_t tail_size)
{
	MlopsFrame	frame = {kind, (uint32_t) (head_size + tail_size)};

	pthread_mutex_lock(&write_lock);
	write_fully(&frame, sizeof(frame));
	write_fully(head, head_size);
	write_fully(tail, tail_size);
	pthread_mutex_unlock(&write_lock);
}

/*
 * Wait for the next frame; *payload is malloc'd, with a NUL behind its end,
 * and the caller's to free.  False if it is none that a backend may send, or
 * longer than allowed, or stops in the middle.
 */
bool
mlops_wire_read(MlopsFrame *frame, void **payload)
{
	char	   *data;

	*payload = NULL;
	if (!read_fully(frame, sizeof(*frame), false) || !check_frame(frame))
		return false;
	data = malloc((size_t) frame->length + 1);
	if (data == NULL)
		return mlops_fail("out of memory");
	if (!read_fully(data, frame->length, true))
	{
		free(data);
		return false;
	}
	data[frame->length] = '\0';
	*payload = data;
	return true;
}

/*
 * Between two rounds: has a STOP frame come?  Nothing else may come then;
 * false if something has.
 */
bool
mlops_wire_stop_asked(bool *stop)
{
	struct pollfd ready = {MLOPS_TRAINER_SOCKET, POLLIN, 0};
	MlopsFrame	frame;

	if (poll(&ready, 1, 0) <= 0)
		return true;
	if (!read_fully(&frame, sizeof(frame), false) || !check_frame(&frame))
		return false;
	if (frame.kind != MLOPS_FRAME_STOP)
		return mlops_fail("unexpected frame of kind %u while training",
						  frame.kind);
	*stop = true;
	return true;
}

/*
 * Beat for ever.  If the socket is full or the main thread is writing, there
 * is no need to: the backend has something to read.
 */
static void *
heartbeat_main(void *arg)
{
	const MlopsFrame frame = {MLOPS_FRAME_HEARTBEAT, 0};
	struct timespec pause = {0, MLOPS_HEARTBEAT_MS / 2 * 1000000L};

	for (;;)
	{
		ssize_t		sent;

		nanosleep(&pause, NULL);
		mlops_memory_sample();
		if (pthread_mutex_trylock(&write_lock) != 0)
			continue;
		sent = send(MLOPS_TRAINER_SOCKET, &frame, sizeof(frame),
					MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			_exit(0);
		if (sent > 0 && sent < (ssize_t) sizeof(frame))
			write_fully((const char *) &frame + sent, sizeof(frame) - sent);
		pthread_mutex_unlock(&write_lock);
	}
	return arg;
}

/*
 * Write all of it, waiting as long as it takes.
 */
static void
write_fully(const void *data, size_t size)
{
	const char *at = data;

	while (size > 0)
	{
		ssize_t		sent = send(MLOPS_TRAINER_SOCKET, at, size, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			_exit(0);
		at += sent;
		size -= sent;
	}
}

/*
 * Read all of it.  Does not return if the backend is gone before the first
 * byte of a frame; false if it is gone or silent later.
 */
static bool
read_fully(void *data, size_t size, bool begun)
{
	char	   *at = data;

	while (size > 0)
	{
		struct pollfd ready = {MLOPS_TRAINER_SOCKET, POLLIN, 0};
		ssize_t		got;

		if (begun && poll(&ready, 1, PATIENCE_MS) == 0)
			return mlops_fail("incomplete frame");
		got = recv(MLOPS_TRAINER_SOCKET, at, size, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
		{
			if (!begun)
				_exit(0);
			return mlops_fail("incomplete frame");
		}
		begun = true;
		at += got;
		size -= got;
	}
	return true;
}

/*
 * Is it a frame that a backend may send, of a length that its kind has?
 */
static bool
check_frame(const MlopsFrame *frame)
{
	bool		fits = false;

	if (frame->length > MLOPS_MAX_FRAME)
		return mlops_fail("frame of %u bytes is too long", frame->length);
	switch (frame->kind)
	{
		case MLOPS_FRAME_LIMITS:
			fits = frame->length == sizeof(MlopsLimits);
			break;
		case MLOPS_FRAME_DATA:
			fits = frame->length == sizeof(MlopsMatrixLayout);
			break;
		case MLOPS_FRAME_TRAIN:
			fits = frame->length >= sizeof(MlopsTrainCommand);
			break;
		case MLOPS_FRAME_INIT:
			fits = frame->length > sizeof(MlopsModelPiece);
			break;
		case MLOPS_FRAME_STOP:
			fits = frame->length == 0;
			break;
		default:
			return mlops_fail("unexpected frame of kind %u", frame->kind);
	}
	if (!fits)
		return mlops_fail("frame of kind %u has a wrong length, %u",
						  frame->kind, frame->length);
	return true;
}
