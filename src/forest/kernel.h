/*
 * kernel.h
 *		What the evaluation of rows and of batches by ranks share.
 *
 * kernel_row.h and kernel_batch.h are code for any instruction set.  They are
 * included once by each kernel_*.c, which defines before
 *		KERNEL(name)		the name of a function of this instruction set
 *		KERNEL_TARGET		the attribute that allows its instructions
 *		rank_in_block()		how many of 16 cuts are not above a feature
 *		rank_in_blocks()	the same of a group of more
 *		missing_bits()		all bits set for NaN, none for others
 *		any_missing()		whether one of some features is NaN
 * and for each of the two what it says.
 */
#ifndef MLOPS_FOREST_KERNEL_H
#define MLOPS_FOREST_KERNEL_H

#include "forest/path.h"
#include "forest/ranks.h"

#define KERNEL_INLINE KERNEL_TARGET inline __attribute__((always_inline))

/*
 * The rank of a feature, 0 for NaN.
 */
static KERNEL_INLINE unsigned
rank_of(const MlopsGroup *group, const char *cuts, float feature)
{
	const float *block = (const float *) (cuts + group->start);

	return group->blocks > 1 ? rank_in_blocks(block, feature) :
		rank_in_block(block, feature);
}

/*
 * Is a value of the row missing?  What trees do not ask for may be looked at
 * as well: a row is taken for one with missing values for nothing at worst.
 */
static KERNEL_INLINE bool
row_missing(const MlopsForest *forest, const float *row)
{
	const MlopsGroup *groups = mlops_forest_section(forest,
													MLOPS_SECTION_GROUPS);
	uint32_t	n_groups = mlops_group_count(forest);
	unsigned	missing = 0;
	uint32_t	i;

	if (forest->n_features <= 4 * n_groups)
		return any_missing(row, forest->n_features);
	for (i = 0; i < n_groups; i++)
		missing |= missing_bits(row[groups[i].feature]);
	return missing != 0;
}

/*
 * 1 if a rank is above a bound, else 0.  As a compare it might become a
 * branch, and what is chosen cannot be guessed.
 */
static KERNEL_INLINE uint32_t
is_above(int rank, int bound)
{
	return (uint32_t) (bound - rank) >> 31;
}

/*
 * 1 if a row goes right at a split of a record, else 0.
 */
static KERNEL_INLINE uint32_t
record_right(const MlopsRecord *record, uint32_t split, const int8_t *lanes)
{
	return is_above(lanes[record->lane[split]], record->bound[split]);
}

/*
 * The leaf below a way, by its record.
 */
static KERNEL_INLINE float
record_leaf(const MlopsRecord *record, const int8_t *lanes)
{
	uint32_t	way = record_right(record, 0, lanes);

	way = 2 * way + record_right(record, 1 + way, lanes);
	return record->leaf[2 * way + record_right(record, 3 + way, lanes)];
}

/*
 * Ask for the lines of the record below a way.
 */
static KERNEL_INLINE void
ask_for(const MlopsRecord *record)
{
	__builtin_prefetch(record);
	__builtin_prefetch((const char *) (record + 1) - 1);
}

/*
 * The value of the leaf that a walk over nodes from one of them ends in.
 * Leaves are no splits of a feature, so their slot is not read.
 */
static KERNEL_INLINE float
walk_nodes(const MlopsForest *forest, const MlopsTree *tree, uint32_t at,
		   const float *row)
{
	const MlopsNode *nodes = mlops_forest_section(forest,
												  MLOPS_SECTION_NODES);
	uint32_t	steps;

	if (!tree->straight)
	{
		while (nodes[at].left != at)
			at = nodes[at].left +
				mlops_node_goes_right(forest, nodes[at].slot,
									  nodes[at].value, row);
		return nodes[at].value;
	}
	for (steps = tree->depth; steps > 6; steps--)
	{
		const MlopsNode *node = &nodes[at];
		uint32_t	feature = node->slot / 2;
		uint32_t	inner = node->left != at;
		float		value = row[inner ? feature : 0];
		uint32_t	right = (value >= node->value) |
			((value != value) & node->slot);

		at = node->left + (right & inner);
	}
	return nodes[at].value;
}

#endif							/* MLOPS_FOREST_KERNEL_H */
