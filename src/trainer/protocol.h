/*
 * protocol.h
 *		What a backend and its mlops-trainer say to each other.
 *
 * Included by both sides, so no header of the server and none of libxgboost.
 *
 * The trainer inherits two descriptors.  MLOPS_TRAINER_MATRIX is a sealed
 * memfd that the backend fills with rows; MLOPS_TRAINER_SOCKET is a stream
 * socket that carries frames: a MlopsFrame header and `length` bytes of
 * payload.  Both sides check every length and every value before they use
 * it, and treat anything unexpected as the end of the conversation.
 *
 * trainer				backend
 * HELLO		->						version of protocol and library, pid
 *				<-		LIMITS			threads, memory, nice, rank and world
 *				<-		DATA			the layout; n_rows is the end-of-data mark
 *				<-		INIT ...		the model to go on from, if any, in pieces
 *				<-		TRAIN			parameters, rounds, roles, what to predict
 * PROGRESS		->						after each round: round and metrics
 *				<-		STOP			end after this round, keep what there is
 * MODEL ...	->						the model as UBJ, in pieces
 * PREDICTED	->						output region of the matrix is filled
 * TRAINED		->						end of this TRAIN; another may follow
 * ERROR		->						instead of any of these; ends this TRAIN
 * HEARTBEAT	->						at least every MLOPS_HEARTBEAT_MS
 *
 * The trainer leaves with _exit(0) when the socket closes.
 */
#ifndef MLOPS_PROTOCOL_H
#define MLOPS_PROTOCOL_H

#include <stdint.h>

#define MLOPS_PROTOCOL_VERSION	2
#define MLOPS_TRAINER_MATRIX	3
#define MLOPS_TRAINER_SOCKET	4

/* No frame is longer; a model comes in several. */
#define MLOPS_MAX_FRAME			(1024 * 1024)
/* No model is longer: what mlops.artefact may hold. */
#define MLOPS_MAX_MODEL			((uint64_t) 256 * 1024 * 1024)
#define MLOPS_HEARTBEAT_MS		1000

/* What a row is for, one byte each in the matrix. */
typedef enum MlopsRole
{
	MLOPS_ROLE_TRAIN = 0,
	MLOPS_ROLE_VALIDATION = 1,
	MLOPS_ROLE_TEST = 2,
	MLOPS_ROLE_NONE = 255		/* left out */
} MlopsRole;

/*
 * Where things are in the matrix.  Rows stand in blocks of rows_per_block,
 * block_bytes apart (a multiple of the page size); inside a block each array
 * starts at its offset.  Features are row-major float32, NaN is missing.
 * An offset of 0 means that there is no such array, but features_offset,
 * which is always 0.  upper holds upper bounds of labels that are lower ones,
 * infinite if censored; group numbers the query groups, and never falls from
 * one row to the next.  After the blocks, at output_offset, there is room for
 * n_rows x n_outputs float32 in row order: the trainer writes predictions
 * there, as PREDICT asks.  Base margins take the place of the model's base
 * score, in training, metrics and predictions.  With groups a weight is that
 * of the group, taken from its first row.
 */
typedef struct MlopsMatrixLayout
{
	uint64_t	n_rows;
	uint64_t	block_bytes;
	uint64_t	features_offset;	/* float32 [rows_per_block][n_features] */
	uint64_t	label_offset;		/* float32 [rows_per_block] */
	uint64_t	weight_offset;		/* float32 [rows_per_block], or 0 */
	uint64_t	time_offset;		/* int64 [rows_per_block], or 0 */
	uint64_t	upper_offset;		/* float32 [rows_per_block], or 0 */
	uint64_t	group_offset;		/* uint32 [rows_per_block], or 0 */
	uint64_t	margin_offset;		/* float32 [rows_per_block][n_margins], or 0 */
	uint64_t	role_offset;		/* uint8 [rows_per_block] */
	uint64_t	output_offset;		/* from the start of the matrix */
	uint32_t	rows_per_block;
	uint32_t	n_features;
	uint32_t	n_outputs;
	uint32_t	n_margins;			/* base margins of a row */
} MlopsMatrixLayout;

typedef enum MlopsFrameKind
{
	MLOPS_FRAME_HELLO = 1,
	MLOPS_FRAME_LIMITS,
	MLOPS_FRAME_DATA,
	MLOPS_FRAME_TRAIN,
	MLOPS_FRAME_STOP,
	MLOPS_FRAME_PROGRESS,
	MLOPS_FRAME_MODEL,
	MLOPS_FRAME_PREDICTED,
	MLOPS_FRAME_TRAINED,
	MLOPS_FRAME_ERROR,
	MLOPS_FRAME_HEARTBEAT,
	MLOPS_FRAME_INIT
} MlopsFrameKind;

typedef struct MlopsFrame
{
	uint32_t	kind;			/* MlopsFrameKind */
	uint32_t	length;			/* of the payload, at most MLOPS_MAX_FRAME */
} MlopsFrame;

/* What the payloads may hold at most. */
#define MLOPS_MAX_THREADS		256
#define MLOPS_MAX_ROUNDS		1000000
#define MLOPS_MAX_PARAMS		256
#define MLOPS_MAX_FEATURES		16384
#define MLOPS_MAX_NAME			255
#define MLOPS_MAX_BIN			65536
#define MLOPS_MAX_ROUND_METRICS	32
#define MLOPS_METRIC_NAME		64
#define MLOPS_MAX_CATEGORY		65536
#define MLOPS_MAX_OUTPUTS		10000

/* HELLO: the trainer's first frame. */
typedef struct MlopsHello
{
	uint32_t	protocol;		/* MLOPS_PROTOCOL_VERSION */
	int32_t		pid;
	int32_t		version[3];		/* of libxgboost at run time */
	uint32_t	reserved;
} MlopsHello;

/* LIMITS: the backend's first frame, sent once. */
typedef struct MlopsLimits
{
	uint64_t	max_memory;		/* bytes of private memory; 0: no limit */
	uint32_t	n_threads;		/* 1 .. MLOPS_MAX_THREADS */
	int32_t		nice;			/* 0 .. 19 */
	uint32_t	rank;			/* of this trainer among world of them */
	uint32_t	world;
	int32_t		parent_pid;		/* the backend's */
	uint32_t	reserved;
} MlopsLimits;

/* DATA: a MlopsMatrixLayout. */

/*
 * TRAIN: this, then n_params times a name and a value, each with its final
 * NUL, then n_features times a byte ('c' categorical, 'q' numeric) and a name
 * with its final NUL.
 */
#define MLOPS_TRAIN_MAXIMIZE	1	/* the last metric is better when larger */
#define MLOPS_TRAIN_VALIDATE	2	/* evaluate rows of role VALIDATION */
#define MLOPS_TRAIN_PREDICT		4	/* fill the output region */
#define MLOPS_TRAIN_INIT		8	/* go on from the model of INIT */

typedef struct MlopsTrainCommand
{
	uint32_t	n_rounds;		/* 1 .. MLOPS_MAX_ROUNDS, beside those of INIT */
	uint32_t	early_stopping; /* rounds without a better metric; 0: off */
	uint32_t	max_bin;		/* 2 .. MLOPS_MAX_BIN */
	uint32_t	n_params;
	uint32_t	n_features;		/* equal to the layout's */
	uint32_t	flags;			/* MLOPS_TRAIN_... */
} MlopsTrainCommand;

/*
 * PROGRESS: this, then n_metrics times a MlopsRoundMetric, those of
 * VALIDATION last.  Where there are many training rows theirs come in some
 * rounds only.
 */
typedef struct MlopsProgress
{
	uint32_t	round;			/* of this TRAIN, from 0 */
	uint32_t	n_metrics;		/* at most MLOPS_MAX_ROUND_METRICS */
} MlopsProgress;

typedef struct MlopsRoundMetric
{
	double		value;
	uint32_t	role;			/* MLOPS_ROLE_TRAIN or _VALIDATION */
	char		name[MLOPS_METRIC_NAME + 4];	/* XGBoost's, ASCII, NUL */
} MlopsRoundMetric;

/*
 * MODEL and INIT: this, then the bytes from offset on.  INIT is kept for the
 * next TRAIN; a piece with offset 0 begins another model.
 */
typedef struct MlopsModelPiece
{
	uint64_t	total;			/* bytes of the whole model */
	uint64_t	offset;			/* bytes sent before */
} MlopsModelPiece;

/* TRAINED. */
typedef struct MlopsTrained
{
	uint32_t	n_rounds;		/* in the model, those of INIT included */
	uint32_t	stopped_early;	/* no better metric for early_stopping rounds */
	uint64_t	peak_memory;	/* bytes of private memory */
	double		cpu_seconds;	/* of this TRAIN, all threads */
	double		build_seconds;	/* checking rows and making the matrices */
	double		train_seconds;	/* boosting and evaluating */
	double		predict_seconds;	/* filling the output region */
} MlopsTrained;

/* ERROR: text in UTF-8 or ASCII, without a final NUL.  Others are empty. */

#endif							/* MLOPS_PROTOCOL_H */
