/*
 * block.h
 *		Layout of the flattened forest.
 *
 * A block is one piece of memory without pointers: a header of 512 bytes,
 * then sections, each at a multiple of 64 bytes.  The header's table says
 * where each kind of section lies (length 0: there is none), so that another
 * layout of the same trees can be put beside the present ones under a new
 * kind.  Any change of what exists needs a new MLOPS_BLOCK_FORMAT.
 *
 * Numbers are in the byte order of the machine; a block from a machine of the
 * other order is outdated.
 */
#ifndef MLOPS_FOREST_BLOCK_H
#define MLOPS_FOREST_BLOCK_H

#include <math.h>
#include <string.h>

#include "forest/forest.h"

#define MLOPS_BLOCK_MAGIC 0x4D4C4642u
#define MLOPS_BLOCK_FORMAT 5u

/* Limits that a block and a model keep. */
#define MLOPS_MAX_FEATURES (1u << 20)
#define MLOPS_MAX_OUTPUTS 10000u
#define MLOPS_MAX_TREES 100000u
#define MLOPS_MAX_NODES (1u << 22)	/* of one tree */
#define MLOPS_MAX_CATEGORY (1u << 24)

/* Trees are walked straight, without asking for leaves, up to this depth. */
#define MLOPS_STRAIGHT_DEPTH 16

typedef enum MlopsSectionKind
{
	MLOPS_SECTION_BASE,			/* float margin[n_outputs] */
	MLOPS_SECTION_TREES,		/* MlopsTree[n_trees] */
	MLOPS_SECTION_NODES,		/* MlopsNode[n_nodes] */
	MLOPS_SECTION_CATEGORIES,	/* uint32_t words, see MlopsNode */
	MLOPS_SECTION_LINEAR,		/* float[n_features + 1][n_outputs] */
	MLOPS_SECTION_STATISTICS,	/* MlopsNodeStatistics[n_nodes] */
	MLOPS_SECTION_WEIGHTS,		/* float[n_trees], dart only */
	MLOPS_SECTION_NUMBERS,		/* uint16_t or uint32_t, see MlopsNode */
	MLOPS_SECTION_GROUPS,		/* MlopsGroup[n_groups], see ranks.h */
	MLOPS_SECTION_CUTS,			/* float[][MLOPS_CUT_BLOCK] */
	MLOPS_SECTION_CHUNKS,		/* MlopsChunk[n_chunks] */
	MLOPS_SECTION_MAPS,			/* uint16_t[][MLOPS_CHUNK_SLOTS] */
	MLOPS_SECTION_UNITS,		/* lines of 64 bytes */
	MLOPS_SECTION_COUNT			/* slots in the table: 16 */
} MlopsSectionKind;

#define MLOPS_SECTION_SLOTS 16

typedef enum MlopsBooster
{
	MLOPS_BOOSTER_GBTREE,
	MLOPS_BOOSTER_DART,
	MLOPS_BOOSTER_GBLINEAR
} MlopsBooster;

/* Flags of a block. */
#define MLOPS_BLOCK_CATEGORICAL 1u	/* some split is categorical */
#define MLOPS_BLOCK_STRAIGHT 2u /* every tree is straight */
#define MLOPS_BLOCK_RANKED_ROWS 4u	/* ranks serve single rows, too */

typedef struct MlopsSection
{
	uint32_t	kind;			/* its own place in the table */
	uint32_t	reserved;
	uint64_t	offset;			/* from the start of the block */
	uint64_t	length;			/* bytes, without padding */
} MlopsSection;

struct MlopsForest
{
	uint32_t	magic;
	uint32_t	format;
	uint64_t	size;			/* of the whole block */
	uint64_t	checksum;		/* of everything after this field */
	int32_t		version[3];
	uint32_t	objective;		/* number in the table of objective.c */
	uint32_t	booster;		/* MlopsBooster */
	uint32_t	n_features;
	uint32_t	n_outputs;
	uint32_t	n_trees;
	uint32_t	n_rounds;
	uint32_t	max_depth;
	uint32_t	flags;
	uint32_t	n_sections;		/* MLOPS_SECTION_SLOTS */
	uint64_t	n_nodes;
	MlopsSection sections[MLOPS_SECTION_SLOTS];
	unsigned char padding[48];
};

/*
 * A tree: count nodes from first on, its root the first of them.
 */
typedef struct MlopsTree
{
	uint32_t	first;
	uint32_t	count;
	uint32_t	depth;			/* most splits on a path */
	uint16_t	output;			/* that its leaf is added to */
	uint16_t	straight;		/* see MlopsNode */
} MlopsTree;

/*
 * A node.  Nodes lie level by level, the two children of the k-th split of a
 * tree at 2k + 1 and 2k + 2 from its root, which is never numbered but 0 in
 * the model.  The section of numbers has the model's number of the left child
 * of every split, of all trees; the right one has the next.  It is left out
 * if those are the places 2k + 1, and has uint16_t if all fit.
 *
 * slot is 2 * feature, plus 1 if a missing value goes right.  A row is first
 * written into slots: a missing value as -infinity into the even slot of its
 * feature and +infinity into the odd one, so that the one comparison
 * slots[slot] < value also decides missing values.  Slot 2 * n_features holds
 * -infinity: a leaf has that slot and itself as left child, so that further
 * steps stay there.  A straight tree can therefore be walked with depth steps
 * and no branch.
 *
 * MLOPS_SLOT_CATEGORICAL marks a categorical split, whose value is the bits
 * of an index into the categories section: a word with the number of words
 * after it, and MLOPS_CATEGORY_LIST or not.  A list holds the categories
 * that go right in ascending order, otherwise the words are a bit set of
 * them.  Such a tree is not straight, nor one that compares with -infinity.
 */
typedef struct MlopsNode
{
	float		value;			/* leaf value, threshold or index */
	uint32_t	slot;
	uint32_t	left;			/* of all nodes of the block */
} MlopsNode;

#define MLOPS_SLOT_CATEGORICAL 0x80000000u
#define MLOPS_CATEGORY_LIST 0x80000000u

/*
 * What explanations need of a node.  weight of a leaf is its value without
 * the weight that dart gives to the tree.
 */
typedef struct MlopsNodeStatistics
{
	float		cover;			/* sum of the hessian */
	float		weight;
} MlopsNodeStatistics;

/* The start of a section. */
static inline const void *
mlops_forest_section(const MlopsForest *forest, MlopsSectionKind kind)
{
	return (const char *) forest + forest->sections[kind].offset;
}

/* Does a category go right at the split with the set at this index? */
extern bool mlops_category_goes_right(const MlopsForest *forest,
									  uint32_t index, float feature);

/* Does a row go right at a split with this slot and value? */
static inline bool
mlops_node_goes_right(const MlopsForest *forest, uint32_t slot, float value,
					  const float *row)
{
	float		feature = row[(slot & ~MLOPS_SLOT_CATEGORICAL) / 2];

	if (slot & MLOPS_SLOT_CATEGORICAL)
	{
		uint32_t	index;

		if (isnan(feature))
			return slot & 1;
		memcpy(&index, &value, sizeof(index));
		return mlops_category_goes_right(forest, index, feature);
	}
	return isnan(feature) ? slot & 1 : !(feature < value);
}

/* Checksum of a block of this size, from its bytes after that field. */
extern uint64_t mlops_block_checksum(const void *block, size_t size);

#endif							/* MLOPS_FOREST_BLOCK_H */
