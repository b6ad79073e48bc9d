/*
 * alias_place.c
 *		Where the row of an alias was found the last time.
 *
 * Every statement that predicts asks which version serves, under its own
 * snapshot; for a query of one row, the index scan would take as long as the
 * prediction.  What is remembered here is the buffer, the place in it, and the
 * row as it was.  There the row is looked at again: if it is visible under the
 * snapshot and is the same, byte by byte, then it is the row that the index
 * would lead to, since no other one with the same key can be visible.  Else
 * the index is asked.  So nothing has to be invalidated but the place itself,
 * when the table is written to another file, and old snapshots, own changes
 * and standbys need no care of their own.
 *
 * The table is locked as long as the transaction lasts, like the tables of a
 * query; it is not opened.
 *
 * Where no transaction has ended since, not even that is looked at: two
 * snapshots with the same bounds and as many running transactions between
 * them see the same rows.  For what is below the upper bound has begun, so
 * transactions can only leave the ones that run.  Own changes are another
 * matter, so this holds for transactions without an xid of their own.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/relscan.h"
#include "access/xact.h"
#include "base/compat.h"
#include "catalog/alias_place.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

/* Aliases that are remembered, and the longest row of one. */
#define MAX_PLACES 16
#define MAX_ROW 256

/*
 * For how long an answer is good for equal snapshots, in microseconds: far too
 * short for xids to come round to the same bounds.
 */
#define ANSWER_TIME INT64CONST(60000000)

/* What a snapshot sees, for a transaction without an xid. */
typedef struct View
{
	TransactionId xmin;
	TransactionId xmax;
	uint32		xcnt;
	int32		subxcnt;
	TimestampTz time;			/* when it was noted; 0: none */
} View;

typedef struct AliasPlace
{
	uint64		generation;		/* of the catalog; 0: not in use */
	Oid			relation;		/* mlops.alias */
	MlopsFile	file;
	Buffer		buffer;
	ItemPointerData tid;
	char		model[2 * NAMEDATALEN];
	char		alias[NAMEDATALEN];
	/* the row, without its header, and what it says */
	int			n_columns;
	Size		length;
	char		row[MAX_ROW];
	int64		model_id;
	int64		version_id;
	View		view;			/* under which it was found the last time */
} AliasPlace;

static AliasPlace places[MAX_PLACES];
static int	next_place = 0;

static AliasPlace *find(const MlopsReference *reference);
static bool is_seen_alike(const View *view, Snapshot snapshot);
static void note_view(View *view, Snapshot snapshot);
static bool is_there(const AliasPlace *place, Snapshot snapshot);

/*
 * Serializable transactions note what they have read, by the index.
 */
bool
mlops_alias_recall(const MlopsReference *reference, Snapshot snapshot,
				   int64 *model_id, int64 *version_id)
{
	AliasPlace *place = find(reference);
	bool		found = false;

	if (place == NULL || snapshot == NULL ||
		snapshot->snapshot_type != SNAPSHOT_MVCC || IsolationIsSerializable())
		return false;
	if (is_seen_alike(&place->view, snapshot))
	{
		/* as taking the lock would */
		AcceptInvalidationMessages();
		found = place->generation == mlops_catalog_generation();
	}
	if (found)
	{
		*model_id = place->model_id;
		*version_id = place->version_id;
		return true;
	}
	if (place->generation != mlops_catalog_generation())
		return false;
	/* which tells of changes of the table that come before */
	LockRelationOid(place->relation, AccessShareLock);
	if (place->generation == mlops_catalog_generation() &&
		ReadRecentBuffer(place->file, MAIN_FORKNUM,
						 ItemPointerGetBlockNumber(&place->tid),
						 place->buffer))
	{
		LockBuffer(place->buffer, BUFFER_LOCK_SHARE);
		found = is_there(place, snapshot);
		UnlockReleaseBuffer(place->buffer);
	}
	if (!found)
	{
		UnlockRelationOid(place->relation, AccessShareLock);
		return false;
	}
	note_view(&place->view, snapshot);
	*model_id = place->model_id;
	*version_id = place->version_id;
	return true;
}

void
mlops_alias_remember(const MlopsReference *reference, const MlopsScan *scan,
					 HeapTuple tuple, int64 model_id, int64 version_id)
{
	TupleTableSlot *slot = scan->scan ? scan->scan->slot : NULL;
	AliasPlace *place = find(reference);
	Size		length = tuple->t_len - tuple->t_data->t_hoff;

	if (slot == NULL || !TTS_IS_BUFFERTUPLE(slot) || length > MAX_ROW ||
		HeapTupleHasNulls(tuple) || HeapTupleHasExternal(tuple) ||
		strlen(reference->model) >= sizeof(place->model) ||
		strlen(reference->alias) >= sizeof(place->alias))
		return;
	/* the generation only changes with tables that are known */
	if (mlops_catalog_relation("alias") != RelationGetRelid(scan->relation))
		return;
	if (place == NULL)
	{
		place = &places[next_place];
		next_place = (next_place + 1) % MAX_PLACES;
		strlcpy(place->model, reference->model, sizeof(place->model));
		strlcpy(place->alias, reference->alias, sizeof(place->alias));
	}
	place->generation = mlops_catalog_generation();
	place->relation = RelationGetRelid(scan->relation);
	place->file = mlops_file_of(scan->relation);
	place->buffer = ((BufferHeapTupleTableSlot *) slot)->buffer;
	place->tid = tuple->t_self;
	place->n_columns = HeapTupleHeaderGetNatts(tuple->t_data);
	place->length = length;
	memcpy(place->row, (char *) tuple->t_data + tuple->t_data->t_hoff, length);
	place->model_id = model_id;
	place->version_id = version_id;
	place->view.time = 0;
}

/* The place of an alias, or NULL. */
static AliasPlace *
find(const MlopsReference *reference)
{
	for (int i = 0; i < MAX_PLACES; i++)
		if (places[i].generation != 0 &&
			strcmp(places[i].model, reference->model) == 0 &&
			strcmp(places[i].alias, reference->alias) == 0)
			return &places[i];
	return NULL;
}

/*
 * Whether what was seen in a view is what the snapshot sees.
 */
static bool
is_seen_alike(const View *view, Snapshot snapshot)
{
	TimestampTz age = GetCurrentStatementStartTimestamp() - view->time;

	return view->time != 0 && age >= 0 && age < ANSWER_TIME &&
		snapshot->xmin == view->xmin && snapshot->xmax == view->xmax &&
		snapshot->xcnt == view->xcnt && snapshot->subxcnt == view->subxcnt &&
		!TransactionIdIsValid(GetTopTransactionIdIfAny());
}

/*
 * Note what the snapshot sees, if it can be compared with another one's.
 */
static void
note_view(View *view, Snapshot snapshot)
{
	view->xmin = snapshot->xmin;
	view->xmax = snapshot->xmax;
	view->xcnt = snapshot->xcnt;
	view->subxcnt = snapshot->subxcnt;
	view->time = TransactionIdIsValid(GetTopTransactionIdIfAny()) ? 0 :
		GetCurrentStatementStartTimestamp();
}

/*
 * Whether the row is at the place, whose buffer is locked, and visible.
 */
static bool
is_there(const AliasPlace *place, Snapshot snapshot)
{
	Page		page = BufferGetPage(place->buffer);
	OffsetNumber number = ItemPointerGetOffsetNumber(&place->tid);
	HeapTupleData tuple;
	HeapTupleHeader header;
	ItemId		item;

	if (number > PageGetMaxOffsetNumber(page))
		return false;
	item = PageGetItemId(page, number);
	if (!ItemIdIsNormal(item))
		return false;
	header = (HeapTupleHeader) PageGetItem(page, item);
	tuple.t_data = header;
	tuple.t_len = ItemIdGetLength(item);
	tuple.t_tableOid = place->relation;
	tuple.t_self = place->tid;
	return !HeapTupleHasNulls(&tuple) &&
		HeapTupleHeaderGetNatts(header) == place->n_columns &&
		tuple.t_len - header->t_hoff == place->length &&
		memcmp((char *) header + header->t_hoff, place->row,
			   place->length) == 0 &&
		HeapTupleSatisfiesVisibility(&tuple, snapshot, place->buffer);
}
