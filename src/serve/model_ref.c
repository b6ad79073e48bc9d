/*
 * model_ref.c
 *		The type mlops.model_ref: a model, version or alias by name.
 *
 * Its bytes are those of text, so text and varchar become references without
 * a function; what they say is checked when they are used.
 *
 * A session keeps what the first ones say for ever: for a statement of one row,
 * to read a reference would take as long as to find out what it means.
 */
#include "postgres.h"

#include "catalog/catalog.h"
#include "fmgr.h"
#include "libpq/pqformat.h"
#include "serve/model_ref.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* References that are kept, and the length of the longest. */
#define MAX_KNOWN 64
#define MAX_LENGTH 256

typedef struct KnownReference
{
	text	   *key;
	MlopsReference reference;
} KnownReference;

static KnownReference known_references[MAX_KNOWN];
static int	n_known = 0;

PG_FUNCTION_INFO_V1(mlops_model_ref_in);
PG_FUNCTION_INFO_V1(mlops_model_ref_out);
PG_FUNCTION_INFO_V1(mlops_model_ref_recv);
PG_FUNCTION_INFO_V1(mlops_model_ref_send);

/* _model_ref_in(cstring) returns model_ref; 22023 if it is none */
Datum
mlops_model_ref_in(PG_FUNCTION_ARGS)
{
	char	   *string = PG_GETARG_CSTRING(0);

	(void) mlops_reference_parse(string);
	PG_RETURN_TEXT_P(cstring_to_text(string));
}

/* _model_ref_out(model_ref) returns cstring */
Datum
mlops_model_ref_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(TextDatumGetCString(PG_GETARG_DATUM(0)));
}

/* _model_ref_recv(internal) returns model_ref */
Datum
mlops_model_ref_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buffer = (StringInfo) PG_GETARG_POINTER(0);
	int			length;
	char	   *string = pq_getmsgtext(buffer, buffer->len - buffer->cursor,
									   &length);

	(void) mlops_reference_parse(string);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(string, length));
}

/* _model_ref_send(model_ref) returns bytea */
Datum
mlops_model_ref_send(PG_FUNCTION_ARGS)
{
	StringInfoData buffer;
	text	   *reference = PG_GETARG_TEXT_PP(0);

	pq_begintypsend(&buffer);
	pq_sendtext(&buffer, VARDATA_ANY(reference), VARSIZE_ANY_EXHDR(reference));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

text *
mlops_reference_known(text *key, MlopsReference *reference)
{
	Size		length = VARSIZE_ANY_EXHDR(key);
	KnownReference *known;
	MemoryContext old_context;
	char	   *string;

	for (int i = 0; i < n_known; i++)
	{
		known = &known_references[i];
		if (VARSIZE_ANY_EXHDR(known->key) == length &&
			memcmp(VARDATA_ANY(known->key), VARDATA_ANY(key), length) == 0)
		{
			*reference = known->reference;
			return known->key;
		}
	}
	if (n_known == MAX_KNOWN || length > MAX_LENGTH)
		return NULL;
	string = text_to_cstring(key);
	(void) mlops_reference_parse(string);	/* what is none is not kept */
	known = &known_references[n_known];
	old_context = MemoryContextSwitchTo(TopMemoryContext);
	known->reference = mlops_reference_parse(string);
	known->key = cstring_to_text_with_len(VARDATA_ANY(key), length);
	MemoryContextSwitchTo(old_context);
	n_known++;
	*reference = known->reference;
	return known->key;
}
