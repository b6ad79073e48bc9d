/*
 * trainer_fixture.h
 *		What the tests of mlops-trainer share: one end of its conversation,
 *		with this program in the place of a backend.
 *
 * Nothing here checks anything; a trainer that is gone is seen when reading.
 */
#ifndef TRAINER_FIXTURE_H
#define TRAINER_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "trainer/protocol.h"

#define N_FEATURES		6
#define ROWS_PER_BLOCK	512
#define BLOCK_BYTES		(UINT64_C(1) << 16)

/* One trainer. */
typedef struct Session
{
	pid_t		pid;
	int			socket;
	int			matrix;
	MlopsMatrixLayout layout;
	float	   *rows;			/* [n_rows][N_FEATURES] */
	uint8_t    *roles;
} Session;

/* What a TRAIN asks for. */
typedef struct Recipe
{
	const char *name;
	const char *params;			/* "name=value name=value" */
	uint32_t	n_outputs;
	uint32_t	n_rounds;
	uint32_t	early_stopping;
	bool		maximize;
	bool		weight;
	bool		categorical;	/* feature 0 */
	bool		all_train;		/* no other role */
	bool		grouped;		/* in query groups */
	bool		bounded;		/* labels are lower bounds */
	uint32_t	n_margins;		/* base margins */
	bool		init;			/* goes on from what INIT sent */
} Recipe;

/* How a TRAIN ended. */
typedef struct Answer
{
	bool		trained;
	bool		ended;			/* end of file came first */
	char		error[512];
	unsigned	n_progress;
	double		best;			/* of the last validation metric */
	unsigned	best_round;
	double		first_train;	/* train metric of round 0 */
	double		last_train;
	unsigned char *model;
	uint64_t	model_size;
	uint64_t	model_filled;
	MlopsTrained result;
} Answer;

/* The program to test, and the state of the random numbers. */
extern const char *trainer_program;
extern uint64_t trainer_random;

/* What is trained; the first is a plain regression. */
#define N_RECIPES 35
extern const Recipe recipes[N_RECIPES];

/* Seconds of a clock that only goes forward. */
extern double clock_seconds(void);

/* Start a trainer the way a backend does, on an empty matrix. */
extern void session_start(Session *s);

/* Start, hear HELLO, send LIMITS.  max_memory in bytes; 0: no limit. */
extern bool session_open(Session *s, uint64_t max_memory, uint32_t n_threads);

/*
 * Wait for the process to end by itself, at most so many seconds, then kill
 * it.  Returns its status, or -1 if it had to be killed.
 */
extern int	session_wait(Session *s, double seconds);

/* Close the socket and wait for the end; true if that was exit code 0. */
extern bool session_close(Session *s);

/* Send bytes, a frame, LIMITS, a TRAIN. */
extern void session_send(Session *s, const void *bytes, size_t size);
extern void session_send_frame(Session *s, uint32_t kind, const void *payload,
							   size_t length);
extern void session_send_limits(Session *s, uint64_t max_memory,
								uint32_t n_threads, uint32_t world,
								pid_t parent);
extern void session_send_train(Session *s, const Recipe *recipe);

/*
 * The next frame, or the next that is no heartbeat; false at end of file or
 * after a while.  The payload is overwritten by the next call.
 */
extern bool session_read(Session *s, MlopsFrame *frame,
						 unsigned char **payload);
extern bool session_read_answer(Session *s, MlopsFrame *frame,
								unsigned char **payload);

/* Hear everything that one TRAIN says; a->model is the caller's to free. */
extern void session_hear(Session *s, const Recipe *recipe, Answer *a);

/* A layout in small blocks; the payload of a TRAIN, returns its length. */
extern void make_layout(MlopsMatrixLayout *layout, uint64_t n_rows,
						const Recipe *recipe);
extern size_t make_train(const Recipe *recipe, char *payload);

/* Send a model as INIT frames, in pieces of so many bytes. */
extern void session_send_init(Session *s, const void *model, size_t size,
							  size_t piece);

/* Fill the matrix with random rows and send DATA. */
extern void session_fill(Session *s, const Recipe *recipe, uint64_t n_rows);

#endif							/* TRAINER_FIXTURE_H */
