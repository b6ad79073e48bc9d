/*
 * call_site.c
 *		What a place in a query where something is predicted knows.
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
#include "base/base.h"
#include "base/compat.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "serve/binding.h"
#include "serve/call_site.h"
#include "serve/model_ref.h"
#include "serve/telemetry.h"
#include "serve/version_cache.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

/* A call site: one FmgrInfo. */
typedef struct CallSite
{
	int			n_places;
	int			last;			/* the place used last */
	MlopsPlace *places;			/* one, or MAX_PLACES */
	TupleTableSlot **slot;		/* see mlops_call_site_read_slot() */
	void	   *extra;
	MlopsPlace	first;			/* places, while there is one */
} CallSite;

/* More references than this at one site share the last place. */
#define MAX_PLACES 64

static inline bool is_for(const MlopsPlace *place, const text *key,
						  int pinned_version);
static CallSite *call_site(FmgrInfo *function);
static MlopsPlace *add_place(CallSite *site, MemoryContext context, text *key,
							 int pinned_version);
static void read_reference(MlopsPlace *place, text *key, int pinned_version);
static void free_place(MlopsPlace *place);
static inline bool is_settled(const MlopsPlace *place);
static void refresh(MlopsPlace *place);
static void take_version(MlopsPlace *place, int64 version_id,
						 Snapshot snapshot);
static void bind_row_type(MlopsPlace *place, HeapTupleHeader row);
static void bind_columns(MlopsPlace *place, FunctionCallInfo fcinfo,
						 int names);
static void bind_slot(MlopsPlace *place, ArrayType *names,
					  const int2vector *numbers);
static void make_encoder(MlopsPlace *place, ArrayType *names,
						 const Oid *types, int n, TupleDesc row_type);
static void read_types(FunctionCallInfo fcinfo, int first, int n, Oid *types);
static TupleDesc argument_types(FunctionCallInfo fcinfo, int first,
								List *names);
static void reset_encoder(MlopsPlace *place);
static void find_attributes(MlopsPlace *place);
static void free_explainer(void *explainer);

MlopsPlace *
mlops_call_site_place(FunctionCallInfo fcinfo, text *key, int pinned_version)
{
	CallSite   *site = call_site(fcinfo->flinfo);
	MlopsPlace *place = &site->places[site->last];

	/* most often it is the one of the last call, at the same moment */
	if (site->n_places > 0 && is_for(place, key, pinned_version))
	{
		if (!is_settled(place))
			refresh(place);
		return place;
	}
	for (int i = 0; i < site->n_places; i++)
	{
		place = &site->places[i];
		if (is_for(place, key, pinned_version))
		{
			site->last = i;
			refresh(place);
			return place;
		}
	}
	place = add_place(site, fcinfo->flinfo->fn_mcxt, key, pinned_version);
	refresh(place);
	return place;
}

void
mlops_call_site_read_slot(FmgrInfo *function, TupleTableSlot **slot)
{
	call_site(function)->slot = slot;
}

void **
mlops_call_site_extra(FunctionCallInfo fcinfo)
{
	return &call_site(fcinfo->flinfo)->extra;
}

MemoryContext
mlops_place_context(MlopsPlace *place)
{
	if (place->version_memory == NULL)
		place->version_memory =
			AllocSetContextCreate(place->context, "mlops version in use",
								  ALLOCSET_SMALL_SIZES);
	return place->version_memory;
}

TupleDesc
mlops_call_site_result(FunctionCallInfo fcinfo)
{
	void	  **extra = mlops_call_site_extra(fcinfo);
	MemoryContext old_context;

	if (*extra == NULL)
	{
		old_context = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
		*extra = mlops_result_type(fcinfo);
		MemoryContextSwitchTo(old_context);
	}
	return *extra;
}

bool
mlops_moment_now(MlopsMoment *moment)
{
	Snapshot	snapshot = ActiveSnapshotSet() ? GetActiveSnapshot() : NULL;

	memset(moment, 0, sizeof(MlopsMoment));
	if (snapshot != NULL)
	{
		moment->xmin = snapshot->xmin;
		moment->xmax = snapshot->xmax;
		moment->xcnt = snapshot->xcnt;
		moment->subxcnt = snapshot->subxcnt;
		moment->curcid = snapshot->curcid;
	}
	moment->role = GetUserId();
	return snapshot != NULL;
}

void
mlops_place_encode(MlopsPlace *place, HeapTupleHeader row)
{
	HeapTupleData tuple;
	int			unseen;

	mlops_usage_begin_row(place->predictor->usage);
	if (place->encoder == NULL ||
		place->row_type != HeapTupleHeaderGetTypeId(row) ||
		place->row_typmod != HeapTupleHeaderGetTypMod(row) ||
		place->row_form != assign_record_type_identifier(place->row_type,
														 place->row_typmod))
		bind_row_type(place, row);

	tuple.t_len = HeapTupleHeaderGetDatumLength(row);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = row;
	heap_deform_tuple(&tuple, place->tupdesc, place->values, place->nulls);
	unseen = mlops_encode_row(place->encoder, place->values, place->nulls,
							  place->features);
	mlops_usage_row(place->predictor->usage, unseen);
}

bool
mlops_place_encode_columns(MlopsPlace *place, FunctionCallInfo fcinfo,
						   int names)
{
	int			unseen;

	mlops_usage_begin_row(place->predictor->usage);
	if (!place->bound && place->slot != NULL)
		bind_slot(place, PG_GETARG_ARRAYTYPE_P(names),
				  (int2vector *) PG_GETARG_POINTER(names + 1));
	else if (!place->bound)
		bind_columns(place, fcinfo, names);
	if (place->sign >= 0 && PG_ARGISNULL(place->sign))
	{
		mlops_usage_trying = NULL;
		return false;
	}
	if (place->as_row)
	{
		mlops_place_encode(place, PG_GETARG_HEAPTUPLEHEADER(names + 1));
		return true;
	}
	if (place->slot != NULL)
	{
		TupleTableSlot *slot = *place->slot;

		slot_getsomeattrs(slot, place->last_number);
		unseen = mlops_encode_numbered(place->encoder, place->numbers,
									   slot->tts_values, slot->tts_isnull,
									   place->features);
	}
	else
		unseen = mlops_encode_arguments(place->encoder,
										&fcinfo->args[names + 1],
										place->features);
	mlops_usage_row(place->predictor->usage, unseen);
	return true;
}

/*
 * The columns were bound when the query was planned; if another version
 * serves by now, it may need others.  That is rare: a deploy invalidates
 * plans.  All plans of the session go, so that the next try binds anew.
 */
void
mlops_place_check_columns(const MlopsPlace *place, List *names)
{
	const MlopsSignature *signature = place->predictor->signature;

	for (int i = 0; i < signature->n_inputs; i++)
	{
		const char *name = signature->inputs[i].name;
		bool		found = i < list_length(names) &&
			strcmp(list_nth(names, i), name) == 0;
		ListCell   *cell;

		/* most often it is where it was when the query was planned */
		foreach(cell, names)
		{
			if (found)
				break;
			found = strcmp(lfirst(cell), name) == 0;
		}
		if (found)
			continue;
		ResetPlanCache();
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("model \"%s\" changed while the query was planned",
						place->reference.model),
				 errdetail("The version that serves now takes column \"%s\" too.",
						   name),
				 errhint("Run the statement again.")));
	}
}

void
mlops_place_predict(MlopsPlace *place, HeapTupleHeader row)
{
	mlops_place_encode(place, row);
	mlops_place_evaluate(place);
}

void
mlops_place_evaluate(MlopsPlace *place)
{
	mlops_forest_predict(place->predictor->forest, place->features,
						 place->outputs);
	mlops_usage_end_row(place->predictor->usage, place->features,
						place->predictor->signature->n_features);
}

void
mlops_place_evaluate_margin(MlopsPlace *place)
{
	mlops_forest_margin(place->predictor->forest, place->features,
						place->outputs);
	mlops_usage_end_row(place->predictor->usage, place->features,
						place->predictor->signature->n_features);
}

void
mlops_place_count_error(const MlopsPlace *place)
{
	mlops_usage_touch(place->predictor->usage);
	place->predictor->usage->counts.errors++;
}

int
mlops_place_attribute(MlopsPlace *place, int input)
{
	if (place->attributes == NULL)
		find_attributes(place);
	return place->attributes[input];
}

double
mlops_place_single(const MlopsPlace *place)
{
	if (place->predictor->version->n_classes > 2)
	{
		mlops_place_count_error(place);
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("model \"%s\" tells %d classes apart",
						place->reference.model,
						place->predictor->version->n_classes),
				 errhint("Use mlops.predict_label() or mlops.predict_proba().")));
	}
	return (double) place->outputs[0];
}

MlopsExplainer *
mlops_place_explainer(MlopsPlace *place)
{
	MemoryContext old_context;

	if (place->explainer == NULL)
	{
		old_context = MemoryContextSwitchTo(mlops_place_context(place));
		place->explainer = mlops_context_explainer(place->predictor->forest);
		MemoryContextSwitchTo(old_context);
	}
	return place->explainer;
}

MlopsExplainer *
mlops_context_explainer(const MlopsForest *forest)
{
	MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));
	MlopsExplainer *explainer = mlops_explainer_create(forest);

	if (explainer == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	callback->func = free_explainer;
	callback->arg = explainer;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	return explainer;
}

/* Whether the place is that of the key. */
static inline bool
is_for(const MlopsPlace *place, const text *key, int pinned_version)
{
	Size		length = VARSIZE_ANY_EXHDR(key);

	return place->pinned_version == pinned_version &&
		VARSIZE_ANY_EXHDR(place->key) == length &&
		memcmp(VARDATA_ANY(place->key), VARDATA_ANY(key), length) == 0;
}

/* The function's call site; made at its first call. */
static CallSite *
call_site(FmgrInfo *function)
{
	CallSite   *site = function->fn_extra;

	if (site == NULL)
	{
		MemoryContext context = function->fn_mcxt;

		site = MemoryContextAllocZero(context, sizeof(CallSite));
		site->places = &site->first;
		function->fn_extra = site;
	}
	return site;
}

/* Make a place; the last one gives way when there are too many. */
static MlopsPlace *
add_place(CallSite *site, MemoryContext context, text *key,
		  int pinned_version)
{
	MlopsPlace	new = {.context = context,.slot = site->slot};
	MlopsPlace *place;

	/* first what may fail, then what changes the site */
	read_reference(&new, key, pinned_version);
	if (site->n_places == 1)
	{
		site->places = MemoryContextAlloc(context,
										  sizeof(MlopsPlace) * MAX_PLACES);
		site->places[0] = site->first;
	}
	if (site->n_places < MAX_PLACES)
		site->n_places++;
	else
		free_place(&site->places[MAX_PLACES - 1]);
	site->last = site->n_places - 1;
	place = &site->places[site->last];
	*place = new;
	return place;
}

/* Set the key of a place, and what it says. */
static void
read_reference(MlopsPlace *place, text *key, int pinned_version)
{
	MemoryContext old_context;

	place->pinned_version = pinned_version;
	if (pinned_version == 0)
		place->key = mlops_reference_known(key, &place->reference);
	if (place->key != NULL)
		return;
	old_context = MemoryContextSwitchTo(place->context);
	place->key = cstring_to_text_with_len(VARDATA_ANY(key),
										  VARSIZE_ANY_EXHDR(key));
	if (pinned_version > 0)
		place->reference = (MlopsReference) {text_to_cstring(key), pinned_version, NULL};
	else
		place->reference = mlops_reference_parse(text_to_cstring(key));
	place->owns_reference = true;
	MemoryContextSwitchTo(old_context);
}

/* Free what a place has. */
static void
free_place(MlopsPlace *place)
{
	if (place->owns_reference)
	{
		pfree(place->key);
		pfree(place->reference.model);
		if (place->reference.alias != NULL)
			pfree(place->reference.alias);
	}
	if (place->arrays != NULL)
		pfree(place->arrays);
	if (place->version_memory != NULL)
		MemoryContextDelete(place->version_memory);
	if (place->encoder_context != NULL)
		MemoryContextDelete(place->encoder_context);
}

/*
 * Whether nothing has changed for the place since it was refreshed: a quick
 * form of the first half of refresh().
 */
static inline bool
is_settled(const MlopsPlace *place)
{
	Snapshot	snapshot;

	if (!place->resolved || place->predictor == NULL ||
		place->serial != mlops_version_cache_serial() || !ActiveSnapshotSet())
		return false;
	snapshot = GetActiveSnapshot();
	return snapshot->xmin == place->moment.xmin &&
		snapshot->xmax == place->moment.xmax &&
		snapshot->xcnt == place->moment.xcnt &&
		snapshot->subxcnt == place->moment.subxcnt &&
		snapshot->curcid == place->moment.curcid &&
		GetUserId() == place->moment.role;
}

/*
 * Make the place's version the one that the reference means under the active
 * snapshot, and have it loaded.
 */
static void
refresh(MlopsPlace *place)
{
	MlopsMoment moment;
	bool		known = mlops_moment_now(&moment);
	Snapshot	snapshot = known ? GetActiveSnapshot() : NULL;
	int64		version_id = place->version_id;
	bool		asked = false;

	if (!place->resolved || !known ||
		memcmp(&moment, &place->moment, sizeof(MlopsMoment)) != 0)
	{
		version_id = mlops_resolve(&place->reference, snapshot,
								   MLOPS_PREDICT);
		place->moment = moment;
		place->resolved = true;
		asked = true;
	}
	else if (place->serial == mlops_version_cache_serial())
		return;

	if (version_id != place->version_id || place->predictor == NULL ||
		place->serial != mlops_version_cache_serial())
		take_version(place, version_id, snapshot);
	if (asked && mlops_track_usage)
		place->predictor->usage->counts.calls++;
}

/* Load the version; what was made for another one goes. */
static void
take_version(MlopsPlace *place, int64 version_id, Snapshot snapshot)
{
	const MlopsPredictor *predictor;
	int			n_features;

	place->resolved = false;
	place->predictor = NULL;
	place->bound = false;
	place->encoder = NULL;
	place->explainer = NULL;
	place->json = NULL;
	place->scratch = NULL;
	place->scratch_size = 0;
	if (place->version_memory != NULL)
		MemoryContextReset(place->version_memory);
	if (place->arrays != NULL)
		pfree(place->arrays);
	place->arrays = NULL;

	/* the predictor last: with it, the rest is taken to be there */
	predictor = mlops_version_get(version_id, snapshot);
	n_features = predictor->signature->n_features;
	place->arrays =
		MemoryContextAlloc(place->context, sizeof(float) *
						   (n_features + predictor->info.n_outputs));
	place->features = place->arrays;
	place->outputs = place->features + n_features;
	place->predictor = predictor;
	place->serial = mlops_version_cache_serial();
	place->version_id = version_id;
	place->resolved = true;
}

/* Bind the encoder to the type of the row. */
static void
bind_row_type(MlopsPlace *place, HeapTupleHeader row)
{
	MemoryContext old_context;
	TupleDesc	tupdesc;

	reset_encoder(place);
	place->row_type = HeapTupleHeaderGetTypeId(row);
	place->row_typmod = HeapTupleHeaderGetTypMod(row);
	tupdesc = lookup_rowtype_tupdesc(place->row_type, place->row_typmod);
	place->row_form = assign_record_type_identifier(place->row_type,
													place->row_typmod);

	old_context = MemoryContextSwitchTo(place->encoder_context);
	place->tupdesc = CreateTupleDescCopyConstr(tupdesc);
	ReleaseTupleDesc(tupdesc);
	place->values = palloc(sizeof(Datum) * Max(place->tupdesc->natts, 1));
	place->nulls = palloc(sizeof(bool) * Max(place->tupdesc->natts, 1));
	place->encoder = mlops_encoder_bind(place->predictor->signature,
										place->tupdesc);
	MemoryContextSwitchTo(old_context);
}

/* Forget what the encoder is bound to. */
static void
reset_encoder(MlopsPlace *place)
{
	if (place->encoder_context == NULL)
		place->encoder_context =
			AllocSetContextCreate(place->context, "mlops encoder",
								  ALLOCSET_SMALL_SIZES);
	place->encoder = NULL;
	place->attributes = NULL;
	MemoryContextReset(place->encoder_context);
}

/*
 * Bind the encoder to values that come as arguments.  Of a row only the
 * names are looked at here: it is bound when it is seen.
 */
static void
bind_columns(MlopsPlace *place, FunctionCallInfo fcinfo, int names)
{
	ArrayType  *array = PG_ARGISNULL(names) ? NULL :
		PG_GETARG_ARRAYTYPE_P(names);
	int			n = PG_NARGS() - names - 1;
	Oid			types[FUNC_MAX_ARGS];
	int			n_names = array ? ArrayGetNItems(ARR_NDIM(array),
												 ARR_DIMS(array)) : 0;

	read_types(fcinfo, names + 1, n, types);
	place->as_row = n > 0 && types[0] == RECORDOID;
	if (place->as_row)
		place->sign = n == 2 ? names + 2 : -1;
	else
		place->sign = n == n_names + 1 ? names + n : -1;
	if (n_names == 0 ||
		n - (place->sign >= 0) != (place->as_row ? 1 : n_names) ||
		get_fn_expr_variadic(fcinfo->flinfo))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%d names are given for %d values", n_names, n)));

	if (place->as_row)
		mlops_place_check_columns(place, mlops_text_array_to_list(array));
	else
	{
		place->encoder = mlops_binding_find(place->predictor, array, types,
											n_names);
		if (place->encoder == NULL)
		{
			List	   *list = mlops_text_array_to_list(array);

			mlops_place_check_columns(place, list);
			make_encoder(place, array, types, n_names,
						 argument_types(fcinfo, names + 1, list));
		}
	}
	place->bound = true;
}

/*
 * Bind the encoder to columns of the place's slot, of these numbers.  In short
 * statements this counts.
 */
static void
bind_slot(MlopsPlace *place, ArrayType *names, const int2vector *numbers)
{
	TupleDesc	columns = (*place->slot)->tts_tupleDescriptor;
	const int16 *number = numbers->values;
	int			n = numbers->dim1;
	int			last = 0;
	Oid			few[FUNC_MAX_ARGS];
	Oid		   *types = n <= lengthof(few) ? few : palloc(sizeof(Oid) * n);

	if (n != ArrayGetNItems(ARR_NDIM(names), ARR_DIMS(names)))
		elog(ERROR, "names and numbers of columns do not match");
	for (int i = 0; i < n; i++)
	{
		if (number[i] < 1 || number[i] > columns->natts)
			elog(ERROR, "column %d is not in the row", number[i]);
		types[i] = TupleDescAttr(columns, number[i] - 1)->atttypid;
		last = Max(last, number[i]);
	}
	place->as_row = false;
	place->sign = -1;
	place->numbers = number;
	place->last_number = last;
	place->encoder = mlops_binding_find(place->predictor, names, types, n);
	if (place->encoder == NULL)
	{
		List	   *list = mlops_text_array_to_list(names);
		TupleDesc	row_type = CreateTemplateTupleDesc(n);

		mlops_place_check_columns(place, list);
		for (int i = 0; i < n; i++)
			TupleDescInitEntry(row_type, i + 1, list_nth(list, i), types[i],
							   TupleDescAttr(columns,
											 number[i] - 1)->atttypmod, 0);
		make_encoder(place, names, types, n, row_type);
	}
	place->bound = true;
}

/* The types of n arguments from first on.  In short statements this counts. */
static void
read_types(FunctionCallInfo fcinfo, int first, int n, Oid *types)
{
	Node	   *call = fcinfo->flinfo->fn_expr;
	List	   *args = call != NULL && IsA(call, FuncExpr) ?
		((FuncExpr *) call)->args : NIL;

	for (int i = 0; i < n; i++)
	{
		Var		   *value = first + i < list_length(args) ?
			list_nth(args, first + i) : NULL;

		types[i] = value != NULL && IsA(value, Var) ? value->vartype :
			get_fn_expr_argtype(fcinfo->flinfo, first + i);
	}
}

/*
 * Make an encoder for n values of those names and types, in the same order in
 * the row type, and have it kept.
 */
static void
make_encoder(MlopsPlace *place, ArrayType *names, const Oid *types, int n,
			 TupleDesc row_type)
{
	MemoryContext context =
		AllocSetContextCreate(mlops_place_context(place), "mlops encoder",
							  ALLOCSET_SMALL_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	MlopsEncoder *encoder = mlops_encoder_bind(place->predictor->signature,
											   row_type);

	MemoryContextSwitchTo(old_context);
	mlops_binding_keep(place->predictor, names, types, n, encoder, context);
	place->encoder = encoder;
}

/* A row type out of the names and types of arguments from first on. */
static TupleDesc
argument_types(FunctionCallInfo fcinfo, int first, List *names)
{
	Node	   *call = fcinfo->flinfo->fn_expr;
	TupleDesc	tupdesc = CreateTemplateTupleDesc(list_length(names));
	ListCell   *cell;

	foreach(cell, names)
	{
		int			i = foreach_current_index(cell);
		Oid			type = get_fn_expr_argtype(fcinfo->flinfo, first + i);
		int32		typmod = -1;

		if (!OidIsValid(type))
			ereport(ERROR,
					(errcode(ERRCODE_INDETERMINATE_DATATYPE),
					 errmsg("type of column \"%s\" is not known",
							(char *) lfirst(cell))));
		if (call != NULL && IsA(call, FuncExpr))
			typmod = exprTypmod(list_nth(((FuncExpr *) call)->args,
										 first + i));
		TupleDescInitEntry(tupdesc, i + 1, lfirst(cell), type, typmod, 0);
	}
	return tupdesc;
}

/* Find the columns of all inputs; they are there, the encoder found them. */
static void
find_attributes(MlopsPlace *place)
{
	const MlopsSignature *signature = place->predictor->signature;
	int		   *attributes = MemoryContextAllocZero(place->encoder_context,
													sizeof(int) * signature->n_inputs);

	for (int i = 0; i < signature->n_inputs; i++)
		for (int k = 0; k < place->tupdesc->natts; k++)
		{
			Form_pg_attribute attribute = TupleDescAttr(place->tupdesc, k);

			if (!attribute->attisdropped &&
				strcmp(NameStr(attribute->attname),
					   signature->inputs[i].name) == 0)
				attributes[i] = k;
		}
	place->attributes = attributes;
}

/* Reset callback. */
static void
free_explainer(void *explainer)
{
	mlops_explainer_free(explainer);
}
