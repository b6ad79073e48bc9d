/*
 * buffer.h
 *		Bytes that grow.
 *
 * What writes a model in another form does so into one of these.  The bytes
 * are malloc'd and belong to whoever has the buffer.
 */
#ifndef MLOPS_BUFFER_H
#define MLOPS_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

/* Starts as all zero bytes. */
typedef struct MlopsBuffer
{
	char	   *data;
	size_t		size;
	size_t		capacity;
} MlopsBuffer;

/*
 * Append room for bytes and return it, not initialised, valid until the next
 * call; NULL, and nothing is appended, if out of memory.
 */
extern void *mlops_buffer_room(MlopsBuffer *buffer, size_t length);

/* Append bytes; false, and nothing is appended, if out of memory. */
extern bool mlops_buffer_put(MlopsBuffer *buffer, const void *bytes,
							 size_t length);

#endif							/* MLOPS_BUFFER_H */
