/*
 * mlops.c
 *		The module: settings, hooks and shared memory.
 */
#include "postgres.h"

#include "base/base.h"
#include "fmgr.h"
#include "forest/forest.h"
#include "serve/batch.h"
#include "serve/planner.h"
#include "serve/prefetch.h"
#include "serve/scan_call.h"
#include "serve/shared_versions.h"
#include "serve/telemetry.h"
#include "train/progress.h"
#include "watch/role_guard.h"

PG_MODULE_MAGIC;

extern void _PG_init(void);

static bool set_forest_path(const char *name, bool check);

/* Called when the library is loaded, by the postmaster or by a backend. */
void
_PG_init(void)
{
	mlops_settings_init(set_forest_path);
	mlops_progress_init();
	mlops_batch_init();
	mlops_scan_call_init();
	mlops_shared_versions_init();
	mlops_telemetry_init();
	mlops_prefetch_init();
	mlops_plan_widths_init();
	mlops_role_guard_init();
}

/*
 * Use the forest path of this name, or the best; see MlopsPathSetter.
 */
static bool
set_forest_path(const char *name, bool check)
{
	MlopsPath	path;

	if (!mlops_forest_path_find(name, &path))
	{
		if (!check)
			mlops_forest_path_choose();
		return true;
	}
	return check ? mlops_forest_path_available(path) :
		mlops_forest_path_force(path);
}
