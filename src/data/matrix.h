/*
 * matrix.h
 *		The shared mapping that a source query is read into.
 *
 * A matrix is a memfd, sealed against shrinking, laid out as
 * trainer/protocol.h says.  The backend maps one block of rows at a time, so
 * that the trainer, and not the backend, is what the kernel finds when memory
 * runs out.
 *
 * Descriptor and mapping are released by a reset callback of the memory
 * context that was current at creation.
 */
#ifndef MLOPS_MATRIX_H
#define MLOPS_MATRIX_H

#include "trainer/protocol.h"

typedef struct MlopsMatrix
{
	int			fd;				/* the memfd */
	MlopsMatrixLayout layout;	/* n_rows grows while rows are appended */
	uint64		size;			/* bytes of the memfd in use, for limits */
	uint64		max_size;		/* over it, an error with the forecast */
	/* the block that is mapped, or NULL */
	char	   *window;
	uint64		window_block;
	struct MlopsMatrixGuard *guard; /* what the reset callback releases */
} MlopsMatrix;

/* An empty memfd, as the trainer inherits it; the layout comes later. */
extern MlopsMatrix *mlops_matrix_create(uint64 max_size);

/* Which arrays a matrix has besides features, labels and roles. */
typedef struct MlopsMatrixArrays
{
	bool		weight;
	bool		event_time;
	bool		upper;
	bool		group;
	int			n_margins;		/* 0 for none */
} MlopsMatrixArrays;

/* Fix the columns of an empty matrix. */
extern void mlops_matrix_layout(MlopsMatrix *matrix, int n_features,
								const MlopsMatrixArrays *arrays);

/*
 * Map the block that holds the row, if it is not mapped already; returns the
 * row's place in its arrays.  Interrupts are served where a block begins.
 */
extern uint64 mlops_matrix_seek(MlopsMatrix *matrix, uint64 row);

/*
 * Map the next block: *first and *rows, 0 before the first call, become its
 * first row and how many it has; false behind the last one.
 */
extern bool mlops_matrix_next(MlopsMatrix *matrix, uint64 *first,
							  uint64 *rows);

/* Room for one more row; grows the memfd, counts the row, seeks to it. */
extern uint64 mlops_matrix_append(MlopsMatrix *matrix);

/* Room for n_outputs predictions per row behind the blocks. */
extern void mlops_matrix_add_outputs(MlopsMatrix *matrix, int n_outputs);

/*
 * Copy the predictions of all rows with the given role, in row order, to
 * output[count x n_outputs]; returns the count.  output NULL only counts.
 */
extern uint64 mlops_matrix_outputs(MlopsMatrix *matrix, MlopsRole role,
								   float *output);

/* Unmap and close now, before the context goes. */
extern void mlops_matrix_close(MlopsMatrix *matrix);

/* Arrays of the mapped block; a row is where mlops_matrix_seek() says. */
static inline float *
mlops_matrix_features(const MlopsMatrix *m)
{
	return (float *) (m->window + m->layout.features_offset);
}

static inline float *
mlops_matrix_label(const MlopsMatrix *m)
{
	return (float *) (m->window + m->layout.label_offset);
}

static inline float *
mlops_matrix_weight(const MlopsMatrix *m)
{
	return (float *) (m->window + m->layout.weight_offset);
}

static inline int64 *
mlops_matrix_time(const MlopsMatrix *m)
{
	return (int64 *) (m->window + m->layout.time_offset);
}

static inline float *
mlops_matrix_upper(const MlopsMatrix *m)
{
	return (float *) (m->window + m->layout.upper_offset);
}

static inline uint32 *
mlops_matrix_group(const MlopsMatrix *m)
{
	return (uint32 *) (m->window + m->layout.group_offset);
}

static inline float *
mlops_matrix_margin(const MlopsMatrix *m)
{
	return (float *) (m->window + m->layout.margin_offset);
}

static inline uint8 *
mlops_matrix_role(const MlopsMatrix *m)
{
	return (uint8 *) (m->window + m->layout.role_offset);
}

#endif							/* MLOPS_MATRIX_H */
