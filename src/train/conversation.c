/*
 * conversation.c
 *		Frames to and from a trainer.
 *
 * The socket is non-blocking; every wait also hears the latch, the
 * postmaster's death and the client's departure.  Nothing that comes is
 * trusted: lengths are checked before they are used.
 */
#include "postgres.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"
#include "train/conversation.h"
#include "utils/wait_event.h"

#define SILENCE_MS		30000
#define GRACE_MS		2000

static void send_bytes(MlopsTrainer *trainer, const char *bytes, size_t size);
static const char *memory_hint(const char *how);
static char *clean_text(const char *text, size_t length);

/*
 * Send one frame.
 */
void
mlops_trainer_send(MlopsTrainer *trainer, MlopsFrameKind kind,
				   const void *payload, size_t length)
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
			(void) mlops_trainer_read(trainer);
			mlops_trainer_wait(trainer, true, SILENCE_MS);
		}
		else if (sent == 0 || errno != EINTR)
		{
			/* its last words may say why */
			MlopsIncoming	frame;

			(void) mlops_trainer_read(trainer);
			while (mlops_trainer_next(trainer, &frame))
			{
				if (frame.kind == MLOPS_FRAME_ERROR)
					mlops_trainer_report_error(trainer, &frame);
			}
			mlops_trainer_report_death(trainer);
		}
	}
}

/*
 * Wait until there is something to read (or room to write), or timeout_ms
 * have gone.  Answers interrupts, and leaves for good if the client has.
 * Errors if the trainer has been silent for too long.
 */
void
mlops_trainer_wait(MlopsTrainer *trainer, bool to_write, long timeout_ms)
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
		(void) mlops_trainer_read(trainer);
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
bool
mlops_trainer_read(MlopsTrainer *trainer)
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
		if (trainer->capacity - trainer->filled < MLOPS_READ_CHUNK)
		{
			trainer->capacity = Min(trainer->capacity * 2,
									MLOPS_MAX_FRAME + 2 * MLOPS_READ_CHUNK);
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
bool
mlops_trainer_next(MlopsTrainer *trainer, MlopsIncoming *frame)
{
	MlopsFrame	header;
	size_t		there = trainer->filled - trainer->taken;

	if (there < sizeof(header))
		return false;
	memcpy(&header, trainer->input + trainer->taken, sizeof(header));
	if (header.length > MLOPS_MAX_FRAME ||
		header.kind < MLOPS_FRAME_HELLO || header.kind > MLOPS_FRAME_HEARTBEAT)
		mlops_trainer_report_breach(trainer, "sent something that is no frame");
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
void
mlops_trainer_receive(MlopsTrainer *trainer, MlopsIncoming *frame)
{
	bool		open = true;

	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		while (mlops_trainer_next(trainer, frame))
		{
			if (frame->kind != MLOPS_FRAME_HEARTBEAT)
				return;
			if (frame->length != 0)
				mlops_trainer_report_breach(trainer, "sent a malformed frame");
		}
		if (!open)
			mlops_trainer_report_death(trainer);
		mlops_trainer_wait(trainer, false, SILENCE_MS);
		open = mlops_trainer_read(trainer);
	}
}

/*
 * The trainer says why it could not.
 */
void
mlops_trainer_report_error(MlopsTrainer *trainer, const MlopsIncoming *frame)
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
void
mlops_trainer_report_death(MlopsTrainer *trainer)
{
	char	   *how;
	const char *hint;

	mlops_trainer_close(trainer);
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
void
mlops_trainer_report_breach(MlopsTrainer *trainer, const char *what)
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

/*
 * Give back the socket and the wait event set.
 */
void
mlops_trainer_close(MlopsTrainer *trainer)
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
