/*
 * members.h
 *		Members of JSON objects, one after the other read or written.
 */
#ifndef MLOPS_MEMBERS_H
#define MLOPS_MEMBERS_H

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

/* --- reading ----------------------------------------------------------- */

/* 22023 unless it is an object; the example is one, for the hint. */
extern void mlops_object_check(Jsonb *jsonb, const char *what,
							   const char *example);

/* A member of an object. */
typedef struct MlopsMembers
{
	JsonbIterator *iterator;
	char	   *name;			/* palloc'd */
	JsonbValue	value;			/* objects and arrays are jbvBinary */
} MlopsMembers;

/* Stand before the first member of an object; go to the next, if there is. */
extern void mlops_members_begin(MlopsMembers *members,
								JsonbContainer *object);
extern bool mlops_members_next(MlopsMembers *members);

/* A number, NaN if it is none; 22003 if a double cannot hold it. */
extern double mlops_member_number(const JsonbValue *value);

/* A string, palloc'd. */
extern char *mlops_member_text(const JsonbValue *value);

/* Is it an array of so many elements? */
extern bool mlops_member_is_array(const JsonbValue *value, int n);

/* --- writing ----------------------------------------------------------- */

/*
 * Append a member to the text of an object that was begun with its brace, and
 * the comma before it: its name only, or with a value.  That is a string, null
 * for NULL; a number, null if it is not finite; what is JSON already; or an
 * integer.
 */
extern void mlops_append_name(StringInfo json, const char *name);
extern void mlops_append_text(StringInfo json, const char *name,
							  const char *value);
extern void mlops_append_number(StringInfo json, const char *name,
								double value);
extern void mlops_append_value(StringInfo json, const char *name,
							   const char *value);
extern void mlops_append_int8(StringInfo json, const char *name, int64 value);

/* An array of strings (char *). */
extern void mlops_append_list(StringInfo json, const char *name,
							  const List *strings);

#endif							/* MLOPS_MEMBERS_H */
