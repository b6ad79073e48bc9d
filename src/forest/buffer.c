/*
 * buffer.c
 *		Bytes that grow.
 *
 * By halves, so that appending n bytes one by one copies 3n of them at most.
 */
#include <stdlib.h>
#include <string.h>

#include "forest/buffer.h"

void *
mlops_buffer_room(MlopsBuffer *buffer, size_t length)
{
	void	   *room;

	if (length > buffer->capacity - buffer->size || buffer->data == NULL)
	{
		size_t		capacity = buffer->size + buffer->size / 2 + length + 64;
		char	   *larger = realloc(buffer->data, capacity);

		if (larger == NULL)
			return NULL;
		buffer->data = larger;
		buffer->capacity = capacity;
	}
	room = buffer->data + buffer->size;
	buffer->size += length;
	return room;
}

bool
mlops_buffer_put(MlopsBuffer *buffer, const void *bytes, size_t length)
{
	void	   *room = mlops_buffer_room(buffer, length);

	if (room != NULL && length > 0)
		memcpy(room, bytes, length);
	return room != NULL;
}
