/*
 * quick_scan.c
 *		Rows of small tables in a session that has just begun.
 *
 * To open a table and its index for the first time costs a session as much
 * as a hundred predictions each: the server reads all that it knows of their
 * columns, triggers and constraints.  So the first scans of a session read
 * the table's few pages without that, as the server itself does with the
 * pg_class of another database.  Visibility is decided row by row under the
 * snapshot as in any scan, and the columns that are read have types that never
 * change.  All else goes the usual way: tables of more than MOST_BLOCKS, that
 * have other storage than the server's own, serializable transactions, which
 * note what they read, and sessions that go on.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/xact.h"
#include "base/compat.h"
#include "catalog/internal.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/smgr.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

/* Pages that are read in full at most. */
#define MOST_BLOCKS 4

/* Scans of a table that are quick. */
#define MOST_SCANS 8

/*
 * The leading columns of a table, as far as they are read: a letter for each,
 * b(igint), i(nteger), t(ext and what is stored like it).
 */
typedef struct QuickTable
{
	const char *name;
	const char *columns;
	int			scans;			/* so far */
	TupleDesc	layout;			/* made on demand, kept for ever */
} QuickTable;

static QuickTable tables[] = {
	{"alias", "ttbb"},
	{"model", "bttti"},
	{"model_grant", "btt"},
	{"version", "bbibtbbttttbttiiit"},
	{"artefact", "btit"},
};

static QuickTable *find_table(const char *name);
static void make_layout(QuickTable *table);
static bool find_file(const char *name, Oid relation, MlopsFile *file,
					  bool *permanent);
static void read_block(MlopsScan *scan, Buffer buffer, int n_keys,
					   ScanKey keys);
static int	visible_rows(const MlopsScan *scan, Buffer buffer,
						 HeapTuple rows);
static bool matches(HeapTuple tuple, TupleDesc layout, int n_keys,
					ScanKey keys);

bool
mlops_quick_scan(MlopsScan *scan, const char *name, Snapshot snapshot,
				 int n_keys, ScanKey keys)
{
	QuickTable *table = find_table(name);
	Oid			relation;
	MlopsFile	file;
	bool		permanent;
	SMgrRelation storage;
	BlockNumber blocks;

	if (table == NULL || table->scans >= MOST_SCANS ||
		IsolationIsSerializable() ||
		(snapshot != NULL && snapshot->snapshot_type != SNAPSHOT_MVCC))
		return false;
	table->scans++;
	relation = mlops_catalog_relation(name);
	LockRelationOid(relation, AccessShareLock);
	if (!find_file(name, relation, &file, &permanent))
	{
		UnlockRelationOid(relation, AccessShareLock);
		return false;
	}
	if (table->layout == NULL)
		make_layout(table);

	/* first the snapshot: it does not see what comes in later blocks */
	snapshot = RegisterSnapshot(snapshot ? snapshot :
								GetCatalogSnapshot(relation));
	storage = smgropen(file, MLOPS_ANY_PROCESS);
	blocks = smgrnblocks(storage, MAIN_FORKNUM);
	if (blocks > MOST_BLOCKS)
	{
		UnregisterSnapshot(snapshot);
		UnlockRelationOid(relation, AccessShareLock);
		return false;
	}

	scan->layout = table->layout;
	scan->locked = relation;
	scan->snapshot = snapshot;
	for (BlockNumber block = 0; block < blocks; block++)
	{
		Buffer		buffer = ReadBufferWithoutRelcache(file, MAIN_FORKNUM,
													   block, RBM_NORMAL, NULL,
													   permanent);

		read_block(scan, buffer, n_keys, keys);
		ReleaseBuffer(buffer);
	}
	return true;
}

HeapTuple
mlops_quick_next(MlopsScan *scan)
{
	return scan->next_row < list_length(scan->rows) ?
		list_nth(scan->rows, scan->next_row++) : NULL;
}

/*
 * What is out of line is read with the table locked, so not before this.
 */
void
mlops_quick_end(MlopsScan *scan)
{
	ListCell   *cell;

	foreach(cell, scan->rows)
		heap_freetuple(lfirst(cell));
	list_free(scan->rows);
	UnregisterSnapshot(scan->snapshot);
	UnlockRelationOid(scan->locked, AccessShareLock);
}

/* The table of that name, if it is read quickly. */
static QuickTable *
find_table(const char *name)
{
	for (int i = 0; i < lengthof(tables); i++)
		if (strcmp(tables[i].name, name) == 0)
			return &tables[i];
	return NULL;
}

/* Describe the columns as types that are stored like them. */
static void
make_layout(QuickTable *table)
{
	MemoryContext old_context = MemoryContextSwitchTo(TopMemoryContext);
	int			n = strlen(table->columns);
	TupleDesc	layout = CreateTemplateTupleDesc(n);

	for (int i = 0; i < n; i++)
		TupleDescInitBuiltinEntry(layout, i + 1, "",
								  table->columns[i] == 'b' ? INT8OID :
								  table->columns[i] == 'i' ? INT4OID : TEXTOID,
								  -1, 0);
	table->layout = layout;
	MemoryContextSwitchTo(old_context);
}

/*
 * Where the relation's rows are, if they can be read directly.  It is locked.
 */
static bool
find_file(const char *name, Oid relation, MlopsFile *file, bool *permanent)
{
	HeapTuple	tuple = mlops_catalog_class(name, relation);
	Form_pg_class class;
	bool		good;

	if (!HeapTupleIsValid(tuple))
		return false;
	class = (Form_pg_class) GETSTRUCT(tuple);
	good = class->relam == HEAP_TABLE_AM_OID &&
		class->relkind == RELKIND_RELATION && class->relfilenode != 0 &&
		class->relpersistence != RELPERSISTENCE_TEMP;
	*permanent = class->relpersistence == RELPERSISTENCE_PERMANENT;
	mlops_set_file(file, OidIsValid(class->reltablespace) ?
				   class->reltablespace : MyDatabaseTableSpace,
				   MyDatabaseId, class->relfilenode);
	ReleaseSysCache(tuple);
	return good;
}

/* Take the rows of a page that are visible and have the keys. */
static void
read_block(MlopsScan *scan, Buffer buffer, int n_keys, ScanKey keys)
{
	HeapTupleData rows[MaxHeapTuplesPerPage];
	int			n;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	n = visible_rows(scan, buffer, rows);
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);

	/* as long as it is pinned they stay where they are */
	for (int i = 0; i < n; i++)
		if (matches(&rows[i], scan->layout, n_keys, keys))
			scan->rows = lappend(scan->rows, heap_copytuple(&rows[i]));
}

/* How many rows of a page are visible, and which. */
static int
visible_rows(const MlopsScan *scan, Buffer buffer, HeapTuple rows)
{
	Page		page = BufferGetPage(buffer);
	int			n = 0;

	if (PageIsNew(page))
		return 0;
	for (OffsetNumber i = FirstOffsetNumber;
		 i <= PageGetMaxOffsetNumber(page); i++)
	{
		ItemId		item = PageGetItemId(page, i);
		HeapTuple	row = &rows[n];

		if (!ItemIdIsNormal(item))
			continue;
		row->t_data = (HeapTupleHeader) PageGetItem(page, item);
		row->t_len = ItemIdGetLength(item);
		row->t_tableOid = scan->locked;
		ItemPointerSet(&row->t_self, BufferGetBlockNumber(buffer), i);
		n += HeapTupleSatisfiesVisibility(row, scan->snapshot, buffer);
	}
	return n;
}

/* Does the row have the keys? */
static bool
matches(HeapTuple tuple, TupleDesc layout, int n_keys, ScanKey keys)
{
	for (int i = 0; i < n_keys; i++)
	{
		bool		null;
		Datum		value = heap_getattr(tuple, keys[i].sk_attno, layout,
										 &null);

		if (null ||
			!DatumGetBool(FunctionCall2Coll(&keys[i].sk_func,
											keys[i].sk_collation, value,
											keys[i].sk_argument)))
			return false;
	}
	return true;
}
