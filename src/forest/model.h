/*
 * model.h
 *		A model document, checked and typed.
 *
 * mlops_model_read() checks everything about a model except its trees, which
 * mlops_tree_read() checks one at a time into storage that is used again.
 * A model refers to its document.
 */
#ifndef MLOPS_FOREST_MODEL_H
#define MLOPS_FOREST_MODEL_H

#include "forest/block.h"
#include "forest/value.h"

typedef struct MlopsModel
{
	const MlopsDocument *document;
	MlopsForestError *err;
	int32_t		version[3];
	int			objective;
	MlopsBooster booster;
	uint32_t	n_features;
	uint32_t	n_outputs;
	uint32_t	n_trees;
	uint32_t	n_parallel;		/* trees of one output in a round */
	uint32_t	n_rounds;
	float	   *base;			/* margin[n_outputs] */
	float	   *weights;		/* dart: [n_trees], or NULL */
	float	   *linear;			/* gblinear: [n_features + 1][n_outputs] */
	const MlopsValue *trees;	/* array, NULL for gblinear */
	const MlopsValue *categories;	/* array, NULL without: categories.c */
} MlopsModel;

/* One tree, its nodes as numbered in the model. */
typedef struct MlopsTreeScratch
{
	uint32_t	n_nodes;
	uint32_t	capacity;
	int32_t    *left;			/* -1: leaf */
	int32_t    *right;
	int32_t    *parent;
	int32_t    *feature;
	float	   *condition;		/* leaf: its value */
	float	   *cover;
	float	   *weight;
	int32_t    *default_left;
	int32_t    *categorical;	/* 0 or 1 */
	uint32_t   *order;			/* reachable nodes, level by level */
	uint32_t   *place;			/* the inverse of order */
	uint32_t	n_reachable;
	uint32_t	depth;
	uint32_t	n_categorical;	/* categorical splits */
	uint32_t	n_categories;	/* of all these together */
	uint32_t	category_capacity;
	int32_t    *category_node;
	int32_t    *category_start;
	int32_t    *category_count;
	int32_t    *category;
} MlopsTreeScratch;

/* Check a document; false with err set.  Free the model in either case. */
extern bool mlops_model_read(const MlopsDocument *document,
							 MlopsModel *model, MlopsForestError *err);
extern void mlops_model_free(MlopsModel *model);

/* Check the tree at this index; scratch starts zeroed.  False with err set. */
extern bool mlops_tree_read(const MlopsModel *model, const MlopsValue *value,
							uint32_t index, MlopsTreeScratch *scratch);
extern void mlops_tree_free(MlopsTreeScratch *scratch);

/*
 * Check the categories of a data frame, an object or NULL, and note the
 * array of them by feature in the model.  Then of an element of this: its
 * categories and the bytes that their text takes at most; and these in text,
 * with a NUL after each, and where they begin in names (or NULL).
 */
extern bool mlops_categories_check(MlopsModel *model,
								   const MlopsValue *recoder);
extern bool mlops_categories_measure(const MlopsModel *model,
									 const MlopsValue *column,
									 uint32_t *count, size_t *bytes);
extern bool mlops_categories_read(const MlopsModel *model,
								  const MlopsValue *column, char *text,
								  const char **names);

/* A string member that holds an integer; absent is fallback if not optional. */
extern bool mlops_member_count(const MlopsModel *model,
							   const MlopsValue *object, const char *key,
							   bool required, uint32_t fallback,
							   uint32_t least, uint32_t most,
							   uint32_t *count);

/*
 * All elements of an array of count integers (or booleans), each in range;
 * what is above INT32_MAX, if allowed, becomes that.
 */
extern bool mlops_read_integers(const MlopsModel *model,
								const MlopsValue *array, const char *what,
								uint32_t count, int64_t least, int64_t most,
								int32_t *out);

/* All elements of an array of count numbers. */
extern bool mlops_read_floats(const MlopsModel *model,
							  const MlopsValue *array, const char *what,
							  uint32_t count, float *out);

/* One of the names that a feature's type can have, NULL for any other. */
extern const char *mlops_model_known_type(const MlopsDocument *document,
										  const MlopsValue *value);

/* Check all trees of a model; false with err set. */
extern bool mlops_model_check_trees(const MlopsModel *model);

/*
 * A base score as releases before 3.1 read it too: without brackets if all
 * its elements are the same, else as it is.
 */
extern MlopsRange mlops_plain_base_score(const MlopsDocument *document,
										 const MlopsValue *value);

#endif							/* MLOPS_FOREST_MODEL_H */
