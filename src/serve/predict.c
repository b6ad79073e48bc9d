/*
 * predict.c
 *		The functions that predict a row.
 *
 * Which version serves is read under the statement's own snapshot, and kept
 * at the call site with the identity of that snapshot and the current role.
 * A call site outlives statements (plpgsql keeps its expressions), so the
 * identity is compared at every call.  A site may see several models, when
 * the reference is a column: it keeps a place for each.
 *
 * Nothing is planned and nothing written on this path.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "base/base.h"
#include "data/encode.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "serve/version_cache.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(mlops_predict);
PG_FUNCTION_INFO_V1(mlops_predict_label);
PG_FUNCTION_INFO_V1(mlops_predict_proba);
PG_FUNCTION_INFO_V1(mlops_predict_proba_label);
PG_FUNCTION_INFO_V1(mlops_predict_pinned);
PG_FUNCTION_INFO_V1(mlops_classes);

/* What tells one state of the database from another, for one role. */
typedef struct Moment
{
	TransactionId xmin;
	TransactionId xmax;
	uint32		xcnt;
	int32		subxcnt;
	CommandId	curcid;
	Oid			role;
} Moment;

/* What a call site knows of one model reference. */
typedef struct Place
{
	MemoryContext context;		/* of what hangs below */
	text	   *key;			/* reference, or model of a pinned one */
	int			pinned_version; /* 0: not pinned */
	MlopsReference reference;
	bool		resolved;
	Moment		moment;			/* when version_id was read */
	int64		version_id;
	const MlopsPredictor *predictor;
	uint64		serial;			/* of the cache, when predictor was got */
	/* the row type that the encoder is bound to */
	Oid			row_type;
	int32		row_typmod;
	TupleDesc	tupdesc;
	MlopsEncoder *encoder;
	MemoryContext encoder_context;
	Datum	   *values;
	bool	   *nulls;
	float	   *features;
	float	   *outputs;
} Place;

/* A call site: one FmgrInfo. */
typedef struct CallSite
{
	int			n_places;
	int			last;			/* the place used last */
	Place	   *places;
} CallSite;

/* More references than this at one site share the last place. */
#define MAX_PLACES 64

static Place *find_place(FunctionCallInfo fcinfo, text *key,
						 int pinned_version);
static Place *add_place(CallSite *site, MemoryContext context, text *key,
						int pinned_version);
static void refresh(Place *place);
static void bind_row_type(Place *place, HeapTupleHeader row);
static Place *predict_row(FunctionCallInfo fcinfo, text *key,
						  int pinned_version, HeapTupleHeader row);
static float8 single_prediction(const Place *place);
static void require_classes(const Place *place);
static double class_probability(const Place *place, int class);

/* predict(model model_ref, input record) returns float8 */
Datum
mlops_predict(PG_FUNCTION_ARGS)
{
	Place	   *place = predict_row(fcinfo, PG_GETARG_TEXT_PP(0), 0,
									PG_GETARG_HEAPTUPLEHEADER(1));

	PG_RETURN_FLOAT8(single_prediction(place));
}

/* predict_pinned(model text, version integer, input record) returns float8 */
Datum
mlops_predict_pinned(PG_FUNCTION_ARGS)
{
	int			version = PG_GETARG_INT32(1);
	Place	   *place;

	if (version <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("version must be a positive number, not %d", version)));
	place = predict_row(fcinfo, PG_GETARG_TEXT_PP(0), version,
						PG_GETARG_HEAPTUPLEHEADER(2));
	PG_RETURN_FLOAT8(single_prediction(place));
}

/* predict_label(model model_ref, input record) returns text */
Datum
mlops_predict_label(PG_FUNCTION_ARGS)
{
	Place	   *place = predict_row(fcinfo, PG_GETARG_TEXT_PP(0), 0,
									PG_GETARG_HEAPTUPLEHEADER(1));
	const MlopsVersion *version = place->predictor->version;
	int			best = 0;

	require_classes(place);
	if (version->n_classes == 2)
		best = place->outputs[0] > 0.5f ? 1 : 0;
	else
		for (int i = 1; i < version->n_classes; i++)
			if (place->outputs[i] > place->outputs[best])
				best = i;
	PG_RETURN_TEXT_P(cstring_to_text(version->classes[best]));
}

/* predict_proba(model model_ref, input record) returns float8[] */
Datum
mlops_predict_proba(PG_FUNCTION_ARGS)
{
	Place	   *place = predict_row(fcinfo, PG_GETARG_TEXT_PP(0), 0,
									PG_GETARG_HEAPTUPLEHEADER(1));
	int			n = place->predictor->version->n_classes;
	Datum	   *probabilities;

	require_classes(place);
	probabilities = palloc(sizeof(Datum) * n);
	for (int i = 0; i < n; i++)
		probabilities[i] = Float8GetDatum(class_probability(place, i));
	PG_RETURN_ARRAYTYPE_P(construct_array(probabilities, n, FLOAT8OID, 8,
										  FLOAT8PASSBYVAL,
										  TYPALIGN_DOUBLE));
}

/* predict_proba(model model_ref, input record, label text) returns float8 */
Datum
mlops_predict_proba_label(PG_FUNCTION_ARGS)
{
	Place	   *place = predict_row(fcinfo, PG_GETARG_TEXT_PP(0), 0,
									PG_GETARG_HEAPTUPLEHEADER(1));
	const MlopsVersion *version = place->predictor->version;
	char	   *label = text_to_cstring(PG_GETARG_TEXT_PP(2));

	require_classes(place);
	for (int i = 0; i < version->n_classes; i++)
		if (strcmp(version->classes[i], label) == 0)
			PG_RETURN_FLOAT8(class_probability(place, i));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("model \"%s\" has no class \"%s\"",
					place->reference.model, label),
			 errhint("mlops.classes() lists the classes.")));
}

/* classes(model model_ref) returns text[] */
Datum
mlops_classes(PG_FUNCTION_ARGS)
{
	Place	   *place = find_place(fcinfo, PG_GETARG_TEXT_PP(0), 0);
	const MlopsVersion *version;

	refresh(place);
	require_classes(place);
	version = place->predictor->version;
	PG_RETURN_ARRAYTYPE_P(mlops_text_array((const char *const *) version->classes,
										   version->n_classes));
}

/*
 * Predict the row by what the reference means now; the outputs are in the
 * place that is returned.
 */
static Place *
predict_row(FunctionCallInfo fcinfo, text *key, int pinned_version,
			HeapTupleHeader row)
{
	Place	   *place = find_place(fcinfo, key, pinned_version);
	HeapTupleData tuple;

	refresh(place);
	if (place->encoder == NULL ||
		place->row_type != HeapTupleHeaderGetTypeId(row) ||
		place->row_typmod != HeapTupleHeaderGetTypMod(row))
		bind_row_type(place, row);

	tuple.t_len = HeapTupleHeaderGetDatumLength(row);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = row;
	heap_deform_tuple(&tuple, place->tupdesc, place->values, place->nulls);
	(void) mlops_encode_row(place->encoder, place->values, place->nulls,
							place->features);
	mlops_forest_predict(place->predictor->forest, place->features,
						 place->outputs);
	return place;
}

/* The site's place for the reference; a new one if it is new here. */
static Place *
find_place(FunctionCallInfo fcinfo, text *key, int pinned_version)
{
	CallSite   *site = fcinfo->flinfo->fn_extra;
	Size		length = VARSIZE_ANY_EXHDR(key);

	if (site == NULL)
	{
		site = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt,
									  sizeof(CallSite));
		site->places = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt,
											  sizeof(Place) * MAX_PLACES);
		fcinfo->flinfo->fn_extra = site;
	}
	for (int i = 0; i < site->n_places; i++)
	{
		/* most often it is the one of the last call */
		int			candidate = (site->last + i) % site->n_places;
		Place	   *place = &site->places[candidate];

		if (place->pinned_version == pinned_version &&
			VARSIZE_ANY_EXHDR(place->key) == length &&
			memcmp(VARDATA_ANY(place->key), VARDATA_ANY(key), length) == 0)
		{
			site->last = candidate;
			return place;
		}
	}
	return add_place(site, fcinfo->flinfo->fn_mcxt, key, pinned_version);
}

/* Make a place; the last one gives way when there are too many. */
static Place *
add_place(CallSite *site, MemoryContext context, text *key,
		  int pinned_version)
{
	MemoryContext place_context;
	MemoryContext old_context;
	MlopsReference reference;
	text	   *key_copy;
	Place	   *place;

	/* first what may fail, then what changes the site */
	place_context = AllocSetContextCreate(CurrentMemoryContext,
										  "mlops call site",
										  ALLOCSET_SMALL_SIZES);
	old_context = MemoryContextSwitchTo(place_context);
	key_copy = cstring_to_text_with_len(VARDATA_ANY(key),
										VARSIZE_ANY_EXHDR(key));
	if (pinned_version > 0)
		reference = (MlopsReference) {text_to_cstring(key), pinned_version, NULL};
	else
		reference = mlops_reference_parse(text_to_cstring(key));
	MemoryContextSwitchTo(old_context);

	if (site->n_places < MAX_PLACES)
		site->n_places++;
	else
		MemoryContextDelete(site->places[MAX_PLACES - 1].context);
	site->last = site->n_places - 1;
	place = &site->places[site->last];
	memset(place, 0, sizeof(Place));
	MemoryContextSetParent(place_context, context);
	place->context = place_context;
	place->key = key_copy;
	place->pinned_version = pinned_version;
	place->reference = reference;
	return place;
}

/*
 * Make the place's version the one that the reference means under the active
 * snapshot, and have it loaded.
 */
static void
refresh(Place *place)
{
	Snapshot	snapshot = ActiveSnapshotSet() ? GetActiveSnapshot() : NULL;
	Moment		moment = {0};
	int64		version_id = place->version_id;

	if (snapshot != NULL)
	{
		moment.xmin = snapshot->xmin;
		moment.xmax = snapshot->xmax;
		moment.xcnt = snapshot->xcnt;
		moment.subxcnt = snapshot->subxcnt;
		moment.curcid = snapshot->curcid;
	}
	moment.role = GetUserId();

	if (!place->resolved || snapshot == NULL ||
		memcmp(&moment, &place->moment, sizeof(Moment)) != 0)
	{
		version_id = mlops_resolve(&place->reference, snapshot,
								   MLOPS_PREDICT);
		place->moment = moment;
		place->resolved = true;
	}
	else if (place->serial == mlops_version_cache_serial())
		return;

	if (version_id != place->version_id || place->predictor == NULL ||
		place->serial != mlops_version_cache_serial())
	{
		place->resolved = false;
		place->encoder = NULL;
		place->predictor = mlops_version_get(version_id, snapshot);
		place->serial = mlops_version_cache_serial();
		place->version_id = version_id;
		place->resolved = true;
	}
}

/* Bind the encoder to the type of the row. */
static void
bind_row_type(Place *place, HeapTupleHeader row)
{
	MemoryContext old_context;
	TupleDesc	tupdesc;

	if (place->encoder_context == NULL)
		place->encoder_context =
			AllocSetContextCreate(place->context, "mlops encoder",
								  ALLOCSET_SMALL_SIZES);
	place->encoder = NULL;
	MemoryContextReset(place->encoder_context);

	place->row_type = HeapTupleHeaderGetTypeId(row);
	place->row_typmod = HeapTupleHeaderGetTypMod(row);
	tupdesc = lookup_rowtype_tupdesc(place->row_type, place->row_typmod);

	old_context = MemoryContextSwitchTo(place->encoder_context);
	place->tupdesc = CreateTupleDescCopyConstr(tupdesc);
	ReleaseTupleDesc(tupdesc);
	place->values = palloc(sizeof(Datum) * Max(place->tupdesc->natts, 1));
	place->nulls = palloc(sizeof(bool) * Max(place->tupdesc->natts, 1));
	place->features = palloc(sizeof(float) *
							 place->predictor->signature->n_features);
	place->outputs = palloc(sizeof(float) * place->predictor->info.n_outputs);
	place->encoder = mlops_encoder_bind(place->predictor->signature,
										place->tupdesc);
	MemoryContextSwitchTo(old_context);
}

/* The one number that the version predicts; an error for several classes. */
static float8
single_prediction(const Place *place)
{
	if (place->predictor->version->n_classes > 2)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("model \"%s\" tells %d classes apart",
						place->reference.model,
						place->predictor->version->n_classes),
				 errhint("Use mlops.predict_label() or mlops.predict_proba().")));
	return (float8) place->outputs[0];
}

/* An error unless the version is a classifier. */
static void
require_classes(const Place *place)
{
	if (place->predictor->version->n_classes == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("model \"%s\" predicts numbers, not classes",
						place->reference.model),
				 errhint("Use mlops.predict().")));
}

/* The probability of a class by its number, after predict_row(). */
static double
class_probability(const Place *place, int class)
{
	if (place->predictor->version->n_classes > 2)
		return (double) place->outputs[class];
	return class == 1 ? (double) place->outputs[0]
		: 1.0 - (double) place->outputs[0];
}
