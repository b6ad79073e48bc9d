/*
 * ranks_build.h
 *		The layout of ranks.h while it is made; between ranks_build.c and
 *		ranks_fill.c.
 */
#ifndef MLOPS_FOREST_RANKS_BUILD_H
#define MLOPS_FOREST_RANKS_BUILD_H

#include "forest/ranks.h"

/* A threshold, and later a distinct one. */
typedef struct MlopsCut
{
	uint32_t	feature;
	float		value;
} MlopsCut;

typedef struct MlopsRankBuilder
{
	const MlopsRankSource *source;
	MlopsRankSections *sections;
	uint8_t    *shapes;			/* [n_trees] */
	MlopsCut   *cuts;			/* sorted, distinct after group_cuts() */
	size_t		n_cuts;
	size_t		room;			/* for cuts */
	uint32_t   *first_cut;		/* [n_features + 1] */
	uint32_t   *first_group;	/* [n_features] */
	uint32_t	n_groups;
	uint32_t	n_blocks;
	MlopsChunk *chunks;
	uint32_t	n_chunks;
	uint16_t   *maps;			/* of all chunks, or one of all groups */
	uint32_t	n_maps;
	uint64_t	n_lines;
	bool		shared;			/* one map of all groups */
	uint8_t    *slots;			/* [n_groups] in the chunk at hand */
	bool	   *used;			/* [n_groups], by the chunk at hand */
	uint32_t	n_used;
} MlopsRankBuilder;

/* Is the node a leaf? */
static inline bool
mlops_is_leaf(const MlopsRankBuilder *builder, uint32_t at)
{
	return builder->source->nodes[at].left == at;
}

/* The group of a split, and the number of its cut within that. */
extern void mlops_ranks_find_cut(const MlopsRankBuilder *builder,
								 const MlopsNode *node, uint32_t *group,
								 uint32_t *number);

/*
 * Make the sections of chunks, maps and units, from the chunks and maps of
 * the builder; false if out of memory.
 */
extern bool mlops_ranks_fill(MlopsRankBuilder *builder);

#endif							/* MLOPS_FOREST_RANKS_BUILD_H */
