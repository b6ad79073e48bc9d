/*
 * worker.h
 *		What the parts of the program mlops-trainer share.
 *
 * Functions that can fail return false, having said why with mlops_fail();
 * what they hold then is freed by whoever frees it otherwise.  Only
 * main.c decides whether a failure ends a TRAIN or the process.
 */
#ifndef MLOPS_WORKER_H
#define MLOPS_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trainer/protocol.h"

/* As void * in <xgboost/c_api.h>. */
typedef void *MlopsHandle;

/* The matrix as it is mapped here. */
typedef struct MlopsRows
{
	MlopsMatrixLayout layout;
	uint64_t	n_blocks;
	char	   *blocks;			/* read only, n_blocks x block_bytes */
	size_t		blocks_size;
	float	   *output;			/* n_rows x n_outputs, or NULL */
	size_t		output_size;
	uint64_t	count[3];		/* rows of each MlopsRole but NONE */
} MlopsRows;

/* The model that the next TRAIN may go on from. */
typedef struct MlopsInit
{
	char	   *bytes;			/* malloc'd, total + 1, or NULL */
	uint64_t	total;
	uint64_t	filled;
} MlopsInit;

/* Rows of some roles out of one block, packed. */
typedef struct MlopsBatch
{
	const float *features;
	const float *label;
	const float *weight;		/* or NULL */
	const float *margin;		/* n_rows x n_margins, or NULL */
	uint64_t	n_rows;
	/* what they point to, when packed */
	float	   *buffer;
	size_t		buffer_size;
} MlopsBatch;

/* A TRAIN frame, checked; points into its payload. */
typedef struct MlopsJob
{
	MlopsTrainCommand command;
	const char *param_names[MLOPS_MAX_PARAMS];
	const char *param_values[MLOPS_MAX_PARAMS];
	const char **feature_names; /* n_features, malloc'd */
	const char **feature_types; /* "c" or "q" each, malloc'd */
	bool		quantile;		/* hist on trees: binned, not plain, matrix */
	bool		linear;			/* booster gblinear */
	bool		rewrites;		/* gblinear and dart: a round changes earlier ones */
	bool		softmax;		/* predicts the class, not probabilities */
	bool		many_rows;		/* too many to evaluate in every round */
	int			n_threads;
	const MlopsInit *init;		/* to go on from, or NULL */
	uint32_t	init_rounds;	/* that it has */
	/* handles, NULL when not there */
	MlopsHandle train;
	MlopsHandle validation;
	MlopsHandle booster;
	bool		cached;			/* booster has seen all rows of train so far */
	MlopsTrained result;
} MlopsJob;

/* Roles as a set. */
#define MLOPS_ROLES(role)	(1u << (role))

/* errors.c: remember why something failed; always false. */
extern bool mlops_fail(const char *format,...)
			__attribute__((format(printf, 1, 2)));
extern bool mlops_fail_library(void);
extern const char *mlops_failure(void);

/* limits.c */
extern void mlops_signals_init(void);
extern bool mlops_limits_apply(const MlopsLimits *limits);
extern double mlops_now(void);
extern double mlops_cpu_seconds(void);
extern void mlops_memory_reset(void);
extern void mlops_memory_sample(void);
extern uint64_t mlops_memory_peak(void);

/* wire.c */
extern bool mlops_wire_heartbeat(void);
extern void mlops_wire_send(MlopsFrameKind kind, const void *head,
							size_t head_size, const void *tail,
							size_t tail_size);
extern bool mlops_wire_read(MlopsFrame *frame, void **payload);
extern bool mlops_wire_stop_asked(bool *stop);

/* rows.c */
extern bool mlops_rows_map(MlopsRows *rows, const MlopsMatrixLayout *layout);
extern void mlops_rows_unmap(MlopsRows *rows);
extern bool mlops_rows_check(MlopsRows *rows, const MlopsJob *job);
extern uint64_t mlops_rows_count(const MlopsRows *rows, unsigned roles);
extern uint64_t mlops_rows_in_block(const MlopsRows *rows, uint64_t block);
extern const uint8_t *mlops_rows_roles(const MlopsRows *rows, uint64_t block);
extern bool mlops_rows_batch(const MlopsRows *rows, uint64_t block,
							 unsigned roles, MlopsBatch *batch);
extern bool mlops_rows_pack(const MlopsRows *rows, unsigned roles,
							MlopsBatch *all);
extern bool mlops_rows_column(const MlopsRows *rows, unsigned roles,
							  uint64_t offset, uint32_t width,
							  uint32_t **column);
extern void mlops_batch_free(MlopsBatch *batch);

/* job.c */
extern bool mlops_job_parse(MlopsJob *job, const MlopsRows *rows,
							const MlopsInit *init, void *payload,
							size_t length);
extern bool mlops_job_run(MlopsJob *job, MlopsRows *rows);
extern void mlops_job_free(MlopsJob *job);

/* build.c */
extern bool mlops_build_matrices(MlopsJob *job, const MlopsRows *rows);
extern bool mlops_set_features(MlopsHandle matrix, const MlopsJob *job);
extern bool mlops_set_margin(MlopsHandle matrix, const MlopsRows *rows,
							 const float *margin, uint64_t n_rows);
extern void mlops_array_text(char *text, size_t size, const float *data,
							 uint64_t n_rows, uint32_t n_columns);

/* boost.c */
extern bool mlops_boost(MlopsJob *job);

/* predict.c */
extern bool mlops_predict_all(const MlopsJob *job, MlopsRows *rows);

#endif							/* MLOPS_WORKER_H */
