/*
 * base.c
 *		Small helpers over the server's interface.
 */
#include "postgres.h"

#include <limits.h>
#include <math.h>

#include "base/base.h"
#include "base/compat.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "nodes/value.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/varlena.h"

/* Longer strings the server's edit distance does not take. */
#define MAX_WORD_LENGTH 255

const char *
mlops_closest_match(const char *word, const char *const *candidates,
					int n_candidates)
{
	const char *best = NULL;
	int			best_distance = INT_MAX;
	int			length = strlen(word);

	for (int i = 0; i < n_candidates; i++)
	{
		int			candidate_length = strlen(candidates[i]);
		int			distance;

		if (length > MAX_WORD_LENGTH ||
			candidate_length > MAX_WORD_LENGTH)
			continue;
		distance = varstr_levenshtein(word, length, candidates[i],
									  candidate_length, 1, 1, 1, true);
		if (distance < best_distance)
		{
			best = candidates[i];
			best_distance = distance;
		}
	}

	/* farther than half of the word is no misspelling of it */
	return best_distance <= Max(length / 2, 1) ? best : NULL;
}

int
mlops_word_place(const char *word, const char *const *words, int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(word, words[i]) == 0)
			return i;
	return -1;
}

int
mlops_word_of(const char *thing, const char *word, const char *const *words,
			  int n)
{
	int			place = mlops_word_place(word, words, n);
	const char *nearest;
	StringInfoData all;

	if (place >= 0)
		return place;
	nearest = mlops_closest_match(word, words, n);
	initStringInfo(&all);
	for (int i = 0; i < n; i++)
		appendStringInfo(&all, "%s%s", i == 0 ? "" : i == n - 1 ? " and " :
						 ", ", words[i]);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("there is no %s \"%s\"", thing, word),
			 nearest != NULL ? errhint("Perhaps you meant \"%s\".", nearest) :
			 errhint("There are %s.", all.data)));
}

bool
mlops_names_have(const List *names, const char *name)
{
	ListCell   *cell;

	foreach(cell, names)
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	return false;
}

List *
mlops_text_array_to_list(ArrayType *array)
{
	List	   *list = NIL;
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	if (array == NULL)
		return NIL;
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("list of names must not contain NULL")));
		list = lappend(list, TextDatumGetCString(elements[i]));
	}
	return list;
}

ArrayType *
mlops_text_array(const char *const *strings, int n)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(n, 1));
	bool	   *nulls = palloc(sizeof(bool) * Max(n, 1));
	int			dimension = n;
	int			lower_bound = 1;

	if (n == 0)
		return construct_empty_array(TEXTOID);
	for (int i = 0; i < n; i++)
	{
		nulls[i] = (strings[i] == NULL);
		elements[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(strings[i]);
	}
	return construct_md_array(elements, nulls, 1, &dimension, &lower_bound,
							  TEXTOID, -1, false, TYPALIGN_INT);
}

List *
mlops_name_parts(const char *text, int most)
{
	List	   *parts;
	ListCell   *cell;

	if (!SplitIdentifierString(pstrdup(text), '.', &parts) ||
		list_length(parts) > most)
		return NIL;
	foreach(cell, parts)
		lfirst(cell) = makeString(lfirst(cell));
	return parts;
}

void
mlops_out_of_memory(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OUT_OF_MEMORY),
			 errmsg("out of memory")));
}

void
mlops_check_given(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be NULL", name)));
}

char *
mlops_required_text(FunctionCallInfo fcinfo, int argument, const char *name)
{
	mlops_check_given(fcinfo, argument, name);
	return text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

char *
mlops_optional_text(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL :
		text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

char *
mlops_snapshot_text(void)
{
	Datum		snapshot = OidFunctionCall0(F_PG_CURRENT_SNAPSHOT);

	return DatumGetCString(OidFunctionCall1(F_PG_SNAPSHOT_OUT, snapshot));
}

List *
mlops_optional_list(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NIL :
		mlops_text_array_to_list(PG_GETARG_ARRAYTYPE_P(argument));
}

TupleDesc
mlops_result_type(FunctionCallInfo fcinfo)
{
	TupleDesc	type;

	if (get_call_result_type(fcinfo, NULL, &type) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return BlessTupleDesc(CreateTupleDescCopy(type));
}

void
mlops_put_number(Datum *values, bool *nulls, int column, double value)
{
	values[column] = Float8GetDatum(value);
	nulls[column] = isnan(value);
}

Jsonb *
mlops_empty_object(void)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
											  CStringGetDatum("{}")));
}
