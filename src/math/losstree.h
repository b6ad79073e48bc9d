/*
 * losstree.h
 *		How large a loss is to be expected of a row: a small regression tree.
 *
 * Plain C.  Rows are split by one feature after the other where their losses
 * differ beyond chance; a leaf knows the mean and the variance of the losses
 * that fell into it.
 */
#ifndef MLOPS_LOSSTREE_H
#define MLOPS_LOSSTREE_H

#include <stdbool.h>
#include <stddef.h>

#define MLOPS_LOSS_DEPTH	5
#define MLOPS_LOSS_NODES	((2 << MLOPS_LOSS_DEPTH) - 1)

typedef struct MlopsLossNode
{
	int			feature;		/* -1: a leaf */
	float		cut;			/* less goes left */
	bool		missing_left;
	int			left;			/* and the right one follows */
	size_t		n;
	double		mean;
	double		variance;		/* with n - 1; NaN of one row */
} MlopsLossNode;

typedef struct MlopsLossTree
{
	int			n_nodes;
	MlopsLossNode nodes[MLOPS_LOSS_NODES];
} MlopsLossTree;

/*
 * Grow a tree from features[n x p], NaN is missing, and finite losses of
 * n > 0 rows.  No leaf has fewer than least rows.  false: out of memory.
 */
extern bool mlops_loss_tree_fit(const float *features, const double *loss,
								size_t n, size_t p, size_t least,
								MlopsLossTree *tree);

/* The number of the leaf that a row falls into. */
extern int	mlops_loss_tree_leaf(const MlopsLossTree *tree,
								 const float *features);

/*
 * The mean loss of rows of which rows[i] fell into node i, and its error as
 * an estimate of what they will turn out to have: the spread of their own
 * losses, and how well the leaves' means are known; NaN of one row.
 */
extern double mlops_loss_tree_mean(const MlopsLossTree *tree,
								   const size_t *rows, double *error);

#endif							/* MLOPS_LOSSTREE_H */
