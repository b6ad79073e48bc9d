/*
 * settings.c
 *		The settings mlops.*, in alphabetical order.
 *
 * Limits that protect the server (memory, threads, priority) are the
 * superuser's to raise; what only shapes one's own results is everybody's.
 */
#include "postgres.h"

#include <limits.h>
#include <unistd.h>

#include "base/base.h"
#include "miscadmin.h"
#include "utils/guc.h"

bool		mlops_batch = true;
int			mlops_batch_min_splits = 100;
int			mlops_cache_size = 65536;
int			mlops_forest_path_number = 0;
int			mlops_max_categories = 1000;
int			mlops_max_train_memory = 4096;
int			mlops_shared_cache_size = 65536;
int			mlops_stat_model_max = 1000;
bool		mlops_stat_model_save = true;
bool		mlops_track_usage = true;
int			mlops_trainer_nice = 10;

/* What mlops.forest_path may be; the first is "auto". */
static const struct config_enum_entry forest_paths[] = {
	{"auto", 0, false},
	{"avx512", 1, false},
	{"avx2", 2, false},
	{"neon", 3, false},
	{"portable", 4, false},
	{NULL, 0, false}
};

static MlopsPathSetter set_forest_path;

static int	threads = 0;		/* 0: as many as there are processors */

static bool check_forest_path(int *number, void **extra, GucSource source);
static void assign_forest_path(int number, void *extra);

void
mlops_settings_init(MlopsPathSetter forest_path)
{
	set_forest_path = forest_path;
	DefineCustomBoolVariable("mlops.batch",
							 "Plans predict many rows at a time where they can.",
							 "Results are the same; EXPLAIN shows such nodes as MlopsPredict.",
							 &mlops_batch, true,
							 PGC_USERSET, GUC_EXPLAIN, NULL, NULL, NULL);
	DefineCustomIntVariable("mlops.batch_min_splits",
							"Splits that a row passes from which on plans predict many rows at a time.",
							"That is trees times levels; smaller models are as fast row by row.",
							&mlops_batch_min_splits, 100, 0, INT_MAX,
							PGC_USERSET, GUC_EXPLAIN, NULL, NULL, NULL);
	DefineCustomIntVariable("mlops.cache_size",
							"Memory for loaded model versions in each backend.",
							"The least recently used version is dropped first; the one in use always stays.",
							&mlops_cache_size, 65536, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomEnumVariable("mlops.forest_path",
							 "Instructions that predictions are computed with.",
							 "All give the same results; auto takes the fastest of this processor.",
							 &mlops_forest_path_number, 0, forest_paths,
							 PGC_USERSET, 0, check_forest_path,
							 assign_forest_path, NULL);
	DefineCustomIntVariable("mlops.max_categories",
							"Distinct values of a text feature that are told apart.",
							"The most frequent ones are kept, the others count as missing.",
							&mlops_max_categories, 1000, 2, 65536,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("mlops.max_train_memory",
							"Memory that one training may take.",
							"Bounds the rows read and the trainer process together.",
							&mlops_max_train_memory, 4096, 16, INT_MAX,
							PGC_SUSET, GUC_UNIT_MB, NULL, NULL, NULL);
	/* those of shared memory: there is none otherwise */
	if (process_shared_preload_libraries_in_progress)
	{
		DefineCustomIntVariable("mlops.shared_cache_size",
								"Shared memory for loaded model versions.",
								"0 turns it off: each backend then has its own.",
								&mlops_shared_cache_size, 65536, 0, INT_MAX,
								PGC_POSTMASTER, GUC_UNIT_KB, NULL, NULL, NULL);
		DefineCustomIntVariable("mlops.stat_model_max",
								"Versions that mlops.stat_model has counts of.",
								"0 turns it off: each session then sees its own counts.",
								&mlops_stat_model_max, 1000, 0, 1000000,
								PGC_POSTMASTER, 0, NULL, NULL, NULL);
		DefineCustomBoolVariable("mlops.stat_model_save",
								 "Keeps the counts of mlops.stat_model while the server is down.",
								 NULL, &mlops_stat_model_save, true,
								 PGC_SIGHUP, 0, NULL, NULL, NULL);
	}
	DefineCustomIntVariable("mlops.threads",
							"Threads that a training uses.",
							"0 takes as many as there are processors.",
							&threads, 0, 0, 256,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("mlops.track_usage",
							 "Counts what versions are used for.",
							 "mlops.stat_model has the counts.",
							 &mlops_track_usage, true, PGC_SUSET, 0,
							 NULL, NULL, NULL);
	DefineCustomIntVariable("mlops.trainer_nice",
							"Priority of the trainer process, as nice(1) takes it.",
							"Above 0, queries of other sessions go first.",
							&mlops_trainer_nice, 10, 0, 19,
							PGC_SUSET, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("mlops");
}

/*
 * Can this processor use the path?
 */
static bool
check_forest_path(int *number, void **extra, GucSource source)
{
	if (set_forest_path(forest_paths[*number].name, true))
		return true;
	GUC_check_errdetail("This processor or build has no path \"%s\".",
						forest_paths[*number].name);
	GUC_check_errhint("\"auto\" takes the fastest that there is.");
	return false;
}

/*
 * Use the path from now on.
 */
static void
assign_forest_path(int number, void *extra)
{
	set_forest_path(forest_paths[number].name, false);
}

int
mlops_effective_threads(void)
{
	long		processors;

	if (threads > 0)
		return threads;
	processors = sysconf(_SC_NPROCESSORS_ONLN);
	return (int) Min(Max(processors, 1), 256);
}
