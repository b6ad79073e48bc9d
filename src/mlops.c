/*
 * mlops.c
 *		The module: settings, hooks and shared memory.
 */
#include "postgres.h"

#include "base/base.h"
#include "fmgr.h"
#include "train/progress.h"
#include "utils/builtins.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(mlops_extension_version);

extern void _PG_init(void);

/* Called when the library is loaded, by the postmaster or by a backend. */
void
_PG_init(void)
{
	mlops_settings_init();
	mlops_progress_init();
}

/* extension_version() returns text */
Datum
mlops_extension_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(MLOPS_VERSION));
}
