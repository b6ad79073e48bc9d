/*
 * ranks.h
 *		A second layout of the trees, for byte compares.
 *
 * A tree only ever asks where a feature lies among its thresholds.  So the
 * distinct thresholds of a feature are cut into groups of at most
 * MLOPS_GROUP_CUTS, and a row is first turned into one byte for each group:
 * the rank, which is the number of cuts that are not above the feature.  A
 * split at cut number b sends a row right if rank > b.  That is exact, since
 * ranks have the order of the floats that they stand for.  The rank of NaN is
 * 255 for splits where missing values go right, 0 where they go left.  A
 * feature above all 255 cuts has the rank 255, too, and goes right everywhere.
 *
 * Trees lie in units of 64 splits that are compared at once; what a unit
 * holds of a tree are its first three to six levels.  Consecutive trees of one
 * shape whose splits use at most 64 groups are a chunk, which numbers these
 * groups by slots.
 *
 * The layout is made when a block is built, if it is worth it.  A block
 * without it is evaluated by its nodes alone, to the same bits.  With many
 * groups it may be worth it for batches but not for single rows, which have
 * to bring the ranks of each chunk together.
 */
#ifndef MLOPS_FOREST_RANKS_H
#define MLOPS_FOREST_RANKS_H

#include "forest/block.h"

#define MLOPS_GROUP_CUTS 255	/* of one group, at most */
#define MLOPS_CUT_BLOCK 16		/* cuts that are compared at once */
#define MLOPS_MAX_GROUPS 2048	/* of a block */
#define MLOPS_CHUNK_SLOTS 64
#define MLOPS_CHUNK_LANES (2 * MLOPS_CHUNK_SLOTS)
#define MLOPS_UNIT_SPLITS 64
#define MLOPS_LINE 64			/* bytes of a line of units */
#define MLOPS_RANK_MISSING 255
#define MLOPS_RANK_BIAS 0x80	/* makes unsigned order that of signed bytes */

/*
 * Cuts of one feature, ascending, in blocks of 16 filled up with NaN, which
 * is above everything.  A group of more than one block has the last cut of
 * each block but its own last in a block before them, so that two compares
 * find a rank; whether its last block holds a cut does not matter.
 */
typedef struct MlopsGroup
{
	uint32_t	feature;
	uint32_t	start;			/* bytes from that of the section of cuts */
	uint32_t	blocks;			/* 1 .. 16, without the one before them */
	uint32_t	reserved;
} MlopsGroup;

/*
 * What a unit holds, and what lies in the lines of outcomes: for the shapes up
 * to MLOPS_SHAPE_SIX, of 3 to 6 levels, a float for every way through a tree;
 * else five levels and 32 records, or six levels and 64 numbers of nodes where
 * the walk over nodes goes on.  A plain chunk has no units: its trees are
 * walked by their nodes.
 */
typedef enum MlopsShape
{
	MLOPS_SHAPE_THREE,			/* eight trees in a unit */
	MLOPS_SHAPE_FOUR,			/* four */
	MLOPS_SHAPE_FIVE,			/* two */
	MLOPS_SHAPE_SIX,			/* one, as in MLOPS_SHAPE_NODES */
	MLOPS_SHAPE_RECORDS,		/* two, of seven or eight levels */
	MLOPS_SHAPE_NODES,
	MLOPS_SHAPE_PLAIN,
	MLOPS_SHAPE_COUNT
} MlopsShape;

/* Trees first_tree .. first_tree + n_trees. */
typedef struct MlopsChunk
{
	uint32_t	first_tree;
	uint32_t	n_trees;
	uint32_t	shape;			/* MlopsShape */
	uint32_t	n_slots;		/* that are used, at least 1 */
	uint32_t	map;			/* which map tells the groups of the slots */
	uint32_t	units;			/* first of 2 lines for each unit */
	uint32_t	outcomes;		/* first of 4 or 48 lines for each unit */
	uint32_t	reserved;
} MlopsChunk;

/*
 * A unit: for each split where its rank is, and the number of the cut, biased.
 * A biased rank > bound in signed bytes sends a row right.  A rank is told by
 * its lane in bits 0 .. 6: the slot, plus MLOPS_CHUNK_SLOTS if missing values
 * go left.  Bit 7 is bit 4 once more, for shuffles of 16 bytes.  From places
 * without a split all ways lead to the same outcome.
 *
 * A tree of a shape of L levels has 2^L bytes.  First come the splits of its
 * first L - 3 levels, level by level, then eight (four, two, one) times the
 * seven of the last three.
 */
typedef struct MlopsUnit
{
	uint8_t		table[MLOPS_UNIT_SPLITS];
	uint8_t		bound[MLOPS_UNIT_SPLITS];
} MlopsUnit;

/*
 * What lies below a way through five levels: the split of the sixth, two of
 * the seventh and four of the eighth, from the left, one that nothing reads,
 * and the leaves.  The splits lie in one line.
 */
typedef struct MlopsRecord
{
	uint8_t		lane[8];		/* as in a unit */
	int8_t		bound[8];
	float		leaf[8];
} MlopsRecord;

#define MLOPS_TREE_RECORDS 32

/* Levels of a tree in a unit, trees in it, bytes of each. */
#define MLOPS_SHAPE_LEVELS(shape) \
	((shape) == MLOPS_SHAPE_RECORDS ? 5 : \
	 (shape) < MLOPS_SHAPE_SIX ? 3 + (shape) : 6)
#define MLOPS_SHAPE_TREES(shape) (64 >> MLOPS_SHAPE_LEVELS(shape))
#define MLOPS_SHAPE_WIDTH(shape) (1 << MLOPS_SHAPE_LEVELS(shape))

#define MLOPS_UNIT_LINES 2
#define MLOPS_OUTCOME_LINES(shape) ((shape) == MLOPS_SHAPE_RECORDS ? 48 : 4)

/* Number of groups; 0 if the block has not this layout. */
static inline uint32_t
mlops_group_count(const MlopsForest *forest)
{
	return forest->sections[MLOPS_SECTION_GROUPS].length / sizeof(MlopsGroup);
}

/* Does the block have this layout?  Without a split there are no groups. */
static inline bool
mlops_forest_ranked(const MlopsForest *forest)
{
	return forest->sections[MLOPS_SECTION_CHUNKS].length > 0;
}

/* Chunks of an opened block. */
static inline const MlopsChunk *
mlops_chunks(const MlopsForest *forest, uint32_t *count)
{
	*count = forest->sections[MLOPS_SECTION_CHUNKS].length /
		sizeof(MlopsChunk);
	return mlops_forest_section(forest, MLOPS_SECTION_CHUNKS);
}

/* A line of the section of units. */
static inline const void *
mlops_line(const MlopsForest *forest, uint32_t line)
{
	return (const char *) mlops_forest_section(forest, MLOPS_SECTION_UNITS) +
		(size_t) line * MLOPS_LINE;
}

/* What the layout is made of. */
typedef struct MlopsRankSource
{
	uint32_t	n_features;
	uint32_t	n_trees;
	uint64_t	n_nodes;
	const MlopsTree *trees;
	const MlopsNode *nodes;
} MlopsRankSource;

/* The sections of the layout; sizes are bytes, data from malloc() or NULL. */
typedef struct MlopsRankSections
{
	void	   *data[MLOPS_SECTION_COUNT];
	size_t		size[MLOPS_SECTION_COUNT];
	bool		rows;			/* worth it for single rows, not only batches */
} MlopsRankSections;

/*
 * Make the layout, all sizes 0 if it is not worth it; false only if out of
 * memory.  The sections are to be freed in either case.
 */
extern bool mlops_ranks_build(const MlopsRankSource *source,
							  MlopsRankSections *sections);
extern void mlops_ranks_free(MlopsRankSections *sections);

/*
 * Check the layout of a block whose other sections are good; what is wrong
 * with it, NULL if nothing or if there is none.
 */
extern const char *mlops_ranks_check(const MlopsForest *forest);

#endif							/* MLOPS_FOREST_RANKS_H */
