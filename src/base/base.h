/*
 * base.h
 *		Settings and small helpers that every stage uses.
 */
#ifndef MLOPS_BASE_H
#define MLOPS_BASE_H

#include "access/tupdesc.h"
#include "fmgr.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/jsonb.h"

/* Settings, mlops.<name>; see docs/configuration.md for what they mean. */
extern bool mlops_batch;
extern int	mlops_batch_min_splits;
extern int	mlops_cache_size;	/* kilobytes */
extern int	mlops_forest_path_number;	/* only to be shown */
extern int	mlops_max_categories;
extern int	mlops_max_train_memory; /* megabytes */
extern int	mlops_shared_cache_size;	/* kilobytes */
extern int	mlops_stat_model_max;
extern bool mlops_stat_model_save;
extern bool mlops_track_usage;
extern int	mlops_trainer_nice;

/*
 * Evaluate forests by the path of this name, or as is best if it is "auto";
 * false if that is not possible here.  With check, only say whether it is.
 */
typedef bool (*MlopsPathSetter) (const char *name, bool check);

/* Define the settings; from _PG_init, which knows the layers above. */
extern void mlops_settings_init(MlopsPathSetter forest_path);

/* Threads that a training uses now: mlops.threads resolved, at least 1. */
extern int	mlops_effective_threads(void);

/*
 * The candidate nearest to word by edit distance, or NULL if none is near
 * enough to be what was meant.
 */
extern const char *mlops_closest_match(const char *word,
									   const char *const *candidates,
									   int n_candidates);

/* The place of a word among n that are known, -1 if it is none of them. */
extern int	mlops_word_place(const char *word, const char *const *words,
							 int n);

/*
 * The same; if it is none of them 22023, which says that there is no such
 * thing, and which there are.
 */
extern int	mlops_word_of(const char *thing, const char *word,
						  const char *const *words, int n);

/* Is the name in a List of char *? */
extern bool mlops_names_have(const List *names, const char *name);

/* List of char * out of a text[] without NULLs; NIL for a NULL pointer. */
extern List *mlops_text_array_to_list(ArrayType *array);

/*
 * The parts of a name such as public.t, folded and unquoted, as String nodes;
 * NIL if the text is no name of at most so many parts.
 */
extern List *mlops_name_parts(const char *text, int most);

/* Raise 53200, where plain C could not get memory. */
extern void mlops_out_of_memory(void);

/* 22004 if an argument is NULL. */
extern void mlops_check_given(FunctionCallInfo fcinfo, int argument,
							  const char *name);

/* A text argument that must not be NULL (22004), or may, as a C string. */
extern char *mlops_required_text(FunctionCallInfo fcinfo, int argument,
								 const char *name);
extern char *mlops_optional_text(FunctionCallInfo fcinfo, int argument);

/* A list of names, or text[], as a List of char *; NIL for NULL. */
extern List *mlops_optional_list(FunctionCallInfo fcinfo, int argument);

/* The row type that the function returns, blessed, in the current context. */
extern TupleDesc mlops_result_type(FunctionCallInfo fcinfo);

/* text[] out of n strings, a NULL among them as a NULL element. */
extern ArrayType *mlops_text_array(const char *const *strings, int n);

/* A number in a row of a result, NULL if it is NaN. */
extern void mlops_put_number(Datum *values, bool *nulls, int column,
							 double value);

/* The jsonb {}, palloc'd. */
extern Jsonb *mlops_empty_object(void);

/* The active snapshot, as pg_current_snapshot() writes it. */
extern char *mlops_snapshot_text(void);

#endif							/* MLOPS_BASE_H */
