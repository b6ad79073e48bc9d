/*
 * members.c
 *		Members of JSON objects, one after the other read or written.
 */
#include "postgres.h"

#include <math.h>

#include "base/members.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/numeric.h"

void
mlops_object_check(Jsonb *jsonb, const char *what, const char *example)
{
	if (!JB_ROOT_IS_OBJECT(jsonb))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a JSON object", what),
				 errhint("Such as '%s'.", example)));
}

void
mlops_members_begin(MlopsMembers *members, JsonbContainer *object)
{
	members->iterator = JsonbIteratorInit(object);
	members->name = NULL;
}

bool
mlops_members_next(MlopsMembers *members)
{
	JsonbIteratorToken token;

	do
	{
		token = JsonbIteratorNext(&members->iterator, &members->value, true);
		if (token == WJB_KEY)
			members->name = mlops_member_text(&members->value);
	} while (token != WJB_VALUE && token != WJB_DONE);
	return token == WJB_VALUE;
}

double
mlops_member_number(const JsonbValue *value)
{
	return value->type != jbvNumeric ? NAN :
		DatumGetFloat8(DirectFunctionCall1(numeric_float8,
										   NumericGetDatum(value->val.numeric)));
}

char *
mlops_member_text(const JsonbValue *value)
{
	return pnstrdup(value->val.string.val, value->val.string.len);
}

bool
mlops_member_is_array(const JsonbValue *value, int n)
{
	return value->type == jbvBinary &&
		JsonContainerIsArray(value->val.binary.data) &&
		JsonContainerSize(value->val.binary.data) == n;
}

void
mlops_append_name(StringInfo json, const char *name)
{
	if (json->data[json->len - 1] != '{')
		appendStringInfoString(json, ", ");
	escape_json(json, name);
	appendStringInfoString(json, ": ");
}

void
mlops_append_text(StringInfo json, const char *name,
				  const char *value) { mlops_append_name(json, name);
	if (value != NULL)
		escape_json(json, value);
	else
		appendStringInfoString(json, "null");
}

void
mlops_append_number(StringInfo json, const char *name,
					double value) { mlops_append_name(json, name);
	appendStringInfoString(json, isfinite(value) ?
						   float8out_internal(value) : "null");
}

void
mlops_append_value(StringInfo json, const char *name,
				   const char *value) { mlops_append_name(json, name);
	appendStringInfoString(json, value);
}

void
mlops_append_int8(StringInfo json, const char *name,
				  int64 value) { mlops_append_name(json, name);
	appendStringInfo(json, INT64_FORMAT, value);
}

void
mlops_append_list(StringInfo json, const char *name, const List *strings)
{
	ListCell   *cell;

	mlops_append_name(json, name);
	appendStringInfoChar(json, '[');
	foreach(cell, strings)
	{
		if (cell != list_head(strings))
			appendStringInfoString(json, ", ");
		escape_json(json, lfirst(cell));
	}
	appendStringInfoChar(json, ']');
}
