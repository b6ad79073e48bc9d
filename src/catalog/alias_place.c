/*
 * alias_place.c
 *		Where the row of an alias was found the last time.
 *
 * Every statement that predicts asks which version serves, under its own
 * snapshot; for a query of one row, the index scan would take as long as the
 * prediction.  What is remembered here is not the answer but only the buffer
 * and the place in it.  There the row is looked at again: if it is visible
 * under the snapshot and has the names that are asked for, then it is the row
 * that the index would lead to, since no other one with the same key can be
 * visible.  Else the index is asked.  So nothing has to be invalidated, and
 * old snapshots, own changes and standbys need no care of their own.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/xact.h"
#include "base/compat.h"
#include "catalog/alias_place.h"
#include "catalog/pg_am.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

/* Aliases that are remembered. */
#define MAX_PLACES 16

typedef struct AliasPlace
{
	Oid			relation;		/* mlops.alias; 0: not in use */
	Buffer		buffer;
	ItemPointerData tid;
	char		model[2 * NAMEDATALEN];
	char		alias[NAMEDATALEN];
} AliasPlace;

static AliasPlace places[MAX_PLACES];
static int	next_place = 0;

static AliasPlace *find(const MlopsReference *reference);
static bool read_row(const AliasPlace *place, Relation relation,
					 Snapshot snapshot, int64 *model_id, int64 *version_id);
static bool is_row_of(const AliasPlace *place, Relation relation,
					  HeapTuple tuple);
static bool equals(Relation relation, HeapTuple tuple, int column,
				   const char *value);

/*
 * Serializable transactions note what they have read, by the index.
 */
bool
mlops_alias_recall(const MlopsReference *reference, Snapshot snapshot,
				   int64 *model_id, int64 *version_id)
{
	AliasPlace *place = find(reference);
	Relation	relation;
	bool		found = false;

	if (place == NULL || snapshot == NULL ||
		snapshot->snapshot_type != SNAPSHOT_MVCC || IsolationIsSerializable() ||
		place->relation != mlops_catalog_relation("alias"))
		return false;
	relation = table_open(place->relation, AccessShareLock);
	if (relation->rd_rel->relam == HEAP_TABLE_AM_OID &&
		mlops_read_recent_buffer(relation,
								 ItemPointerGetBlockNumber(&place->tid),
								 place->buffer))
	{
		LockBuffer(place->buffer, BUFFER_LOCK_SHARE);
		found = read_row(place, relation, snapshot, model_id, version_id);
		UnlockReleaseBuffer(place->buffer);
	}
	table_close(relation, AccessShareLock);
	return found;
}

void
mlops_alias_remember(const MlopsReference *reference, const MlopsScan *scan,
					 HeapTuple tuple)
{
	TupleTableSlot *slot = scan->scan ? scan->scan->slot : NULL;
	AliasPlace *place = find(reference);

	if (slot == NULL || !TTS_IS_BUFFERTUPLE(slot) ||
		strlen(reference->model) >= sizeof(place->model) ||
		strlen(reference->alias) >= sizeof(place->alias))
		return;
	if (place == NULL)
	{
		place = &places[next_place];
		next_place = (next_place + 1) % MAX_PLACES;
		strlcpy(place->model, reference->model, sizeof(place->model));
		strlcpy(place->alias, reference->alias, sizeof(place->alias));
	}
	place->relation = RelationGetRelid(scan->relation);
	place->buffer = ((BufferHeapTupleTableSlot *) slot)->buffer;
	place->tid = tuple->t_self;
}

/* The place of an alias, or NULL. */
static AliasPlace *
find(const MlopsReference *reference)
{
	for (int i = 0; i < MAX_PLACES; i++)
		if (OidIsValid(places[i].relation) &&
			strcmp(places[i].model, reference->model) == 0 &&
			strcmp(places[i].alias, reference->alias) == 0)
			return &places[i];
	return NULL;
}

/*
 * Read the row at the place, whose buffer is locked; false if there is none
 * of the alias, or it is not visible.
 */
static bool
read_row(const AliasPlace *place, Relation relation, Snapshot snapshot,
		 int64 *model_id, int64 *version_id)
{
	Page		page = BufferGetPage(place->buffer);
	OffsetNumber number = ItemPointerGetOffsetNumber(&place->tid);
	HeapTupleData tuple;
	ItemId		item;
	bool		null;

	if (number > PageGetMaxOffsetNumber(page))
		return false;
	item = PageGetItemId(page, number);
	if (!ItemIdIsNormal(item))
		return false;
	tuple.t_data = (HeapTupleHeader) PageGetItem(page, item);
	tuple.t_len = ItemIdGetLength(item);
	tuple.t_tableOid = RelationGetRelid(relation);
	tuple.t_self = place->tid;
	if (!HeapTupleSatisfiesVisibility(&tuple, snapshot, place->buffer) ||
		!is_row_of(place, relation, &tuple))
		return false;
	*model_id = DatumGetInt64(heap_getattr(&tuple, Anum_alias_model_id,
										   RelationGetDescr(relation),
										   &null));
	*version_id = DatumGetInt64(heap_getattr(&tuple, Anum_alias_version_id,
											 RelationGetDescr(relation),
											 &null));
	return true;
}

/* Whether this is a row of the place's alias. */
static bool
is_row_of(const AliasPlace *place, Relation relation, HeapTuple tuple)
{
	return equals(relation, tuple, Anum_alias_model, place->model) &&
		equals(relation, tuple, Anum_alias_alias, place->alias);
}

/* Whether a column of type text has this value; false if it is compressed. */
static bool
equals(Relation relation, HeapTuple tuple, int column, const char *value)
{
	bool		null;
	Datum		datum = heap_getattr(tuple, column,
									 RelationGetDescr(relation), &null);
	struct varlena *text = (struct varlena *) DatumGetPointer(datum);
	Size		length = strlen(value);

	return !null && !VARATT_IS_COMPRESSED(text) && !VARATT_IS_EXTERNAL(text) &&
		VARSIZE_ANY_EXHDR(text) == length &&
		memcmp(VARDATA_ANY(text), value, length) == 0;
}
