/*
 * model_ref.c
 *		The type mlops.model_ref: a model, version or alias by name.
 *
 * Its bytes are those of text, so text and varchar become references without
 * a function; what they say is checked when they are used.
 */
#include "postgres.h"

#include "catalog/catalog.h"
#include "fmgr.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"

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
