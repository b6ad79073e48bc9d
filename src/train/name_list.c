/*
 * name_list.c
 *		The type mlops.name_list: names, forgiving in how they are written.
 *
 * Its bytes are those of text[], so casts change nothing.
 * A literal in braces is an array, any other is one bare name.
 */
#include "postgres.h"

#include "base/base.h"
#include "catalog/pg_type.h"
#include "utils/fmgroids.h"

PG_FUNCTION_INFO_V1(mlops_name_list_in);
PG_FUNCTION_INFO_V1(mlops_name_list_out);
PG_FUNCTION_INFO_V1(mlops_name_list_cast);

/* _name_list_in(cstring) returns name_list */
Datum
mlops_name_list_in(PG_FUNCTION_ARGS)
{
	const char *string = PG_GETARG_CSTRING(0);

	if (string[strspn(string, " \t\r\n")] == '{')
		PG_RETURN_DATUM(OidFunctionCall3(F_ARRAY_IN, CStringGetDatum(string),
										 ObjectIdGetDatum(TEXTOID),
										 Int32GetDatum(-1)));
	PG_RETURN_ARRAYTYPE_P(mlops_text_array(&string, 1));
}

/* _name_list_out(name_list) returns cstring */
Datum
mlops_name_list_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(OidFunctionCall1(F_ARRAY_OUT, PG_GETARG_DATUM(0)));
}

/* _name_list(text[]) returns name_list, and _text_array() back */
Datum
mlops_name_list_cast(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}
