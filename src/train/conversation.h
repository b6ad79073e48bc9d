/*
 * conversation.h
 *		Frames to and from a trainer.
 *
 * Private to train/.  What cannot be sent or understood is an error, and ends
 * the conversation.
 */
#ifndef MLOPS_CONVERSATION_H
#define MLOPS_CONVERSATION_H

#include "base/child.h"
#include "base/compat.h"
#include "storage/latch.h"
#include "train/trainer.h"
#include "utils/timestamp.h"

#define MLOPS_TRAINER_PROGRAM	"mlops-trainer"
#define MLOPS_READ_CHUNK		65536

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
typedef struct MlopsIncoming
{
	MlopsFrameKind kind;
	uint32		length;
	const char *payload;
} MlopsIncoming;

/* Give back the socket and the wait event set. */
extern void mlops_trainer_close(MlopsTrainer *trainer);

/* Send a frame, waiting for room. */
extern void mlops_trainer_send(MlopsTrainer *trainer, MlopsFrameKind kind,
							   const void *payload, size_t length);

/* Wait for the trainer, and for all that must not wait for it. */
extern void mlops_trainer_wait(MlopsTrainer *trainer, bool to_write,
							   long timeout_ms);

/* Take what has come into the buffer; false: the trainer has left. */
extern bool mlops_trainer_read(MlopsTrainer *trainer);

/* Take a frame out of the buffer; false: none is whole yet. */
extern bool mlops_trainer_next(MlopsTrainer *trainer, MlopsIncoming *frame);

/* Wait for the next frame that is no heartbeat. */
extern void mlops_trainer_receive(MlopsTrainer *trainer,
								  MlopsIncoming *frame);

/* Report what an ERROR frame says, that the trainer died, or broke rules. */
extern void mlops_trainer_report_error(MlopsTrainer *trainer,
									   const MlopsIncoming *frame)
			pg_attribute_noreturn();
extern void mlops_trainer_report_death(MlopsTrainer *trainer)
			pg_attribute_noreturn();
extern void mlops_trainer_report_breach(MlopsTrainer *trainer,
										const char *what)
			pg_attribute_noreturn();

#endif							/* MLOPS_CONVERSATION_H */
