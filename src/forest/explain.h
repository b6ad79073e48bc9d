/*
 * explain.h
 *		Why a forest predicts what it predicts.
 *
 * Plain C.  Contributions are exact Shapley values of the margin by the
 * path-dependent definition of TreeSHAP (Lundberg et al., 2018), in double
 * throughout: those of a row and its bias add up to the margin, to 1e-12 of
 * the sum of its leaves in double, to float rounding of the float margin.
 */
#ifndef MLOPS_FOREST_EXPLAIN_H
#define MLOPS_FOREST_EXPLAIN_H

#include "forest/forest.h"

/*
 * What the explanation of rows needs besides the forest; made once, used for
 * many rows, not shared by threads.  It takes about twice the memory of the
 * block, from malloc(); the forest must outlive it.  NULL: out of memory.
 */
typedef struct MlopsExplainer MlopsExplainer;
extern MlopsExplainer *mlops_explainer_create(const MlopsForest *forest);
extern void mlops_explainer_free(MlopsExplainer *explainer);

/*
 * Contributions of one row to the margin: contribution[n_outputs][n_features
 * + 1], the last of each output its bias (the expected margin, base score
 * included).  Linear boosters and dart included.  row is as for
 * mlops_forest_margin().  Nothing is allocated and nothing can fail; all
 * numbers of a forest of trees are finite unless leaves add up beyond double.
 */
extern void mlops_explain(MlopsExplainer *explainer, const float *row,
						  double *contribution);

/*
 * The leaf that a row reaches in each tree: leaf[n_trees], numbered as in the
 * model file, as libxgboost's pred_leaf gives it, trees in the model's order
 * (by round, output and parallel tree).  Nothing for gblinear.
 */
extern void mlops_forest_leaves(const MlopsForest *forest, const float *row,
								uint32_t *leaf);

#endif							/* MLOPS_FOREST_EXPLAIN_H */
