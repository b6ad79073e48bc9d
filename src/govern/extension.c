/*
 * extension.c
 *		What this library says of itself.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(mlops_extension_version);

/* extension_version() returns text */
Datum
mlops_extension_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(MLOPS_VERSION));
}
