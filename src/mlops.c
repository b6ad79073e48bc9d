/*
 * mlops.c
 *		The module: settings and shared memory.
 */
#include "postgres.h"

#include "base/base.h"
#include "fmgr.h"
#include "train/progress.h"

PG_MODULE_MAGIC;

extern void _PG_init(void);

/* Called when the library is loaded, by the postmaster or by a backend. */
void
_PG_init(void)
{
	mlops_settings_init();
	mlops_progress_init();
}
