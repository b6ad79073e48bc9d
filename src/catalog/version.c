/*
 * version.c
 *		Versions as serving needs them: which one, its row, its bytes.
 *
 * This is on the path of predict, so there are index scans only.  A version
 * never changes after it was stored, but that dropping it takes its bytes:
 * whoever has loaded it may keep it for ever.
 */
#include "postgres.h"

#include <sys/mman.h>
#include <unistd.h>

#include "access/detoast.h"
#include "access/table.h"
#include "access/tableam.h"
#include "base/compat.h"
#include "catalog/alias_place.h"
#include "catalog/internal.h"
#include "catalog/pg_type.h"
#include "forest/forest.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

static int64 resolve_alias(const MlopsReference *reference,
						   Snapshot snapshot, MlopsModel *model);
static int64 resolve_version(const MlopsReference *reference,
							 Snapshot snapshot, MlopsModel **model);
static void populate(char *memory, size_t size);
static bool read_chunk(Datum stored, char *bytes, size_t room,
					   size_t *loaded);
static void report_unresolved(const MlopsReference *reference,
							  Snapshot snapshot) pg_attribute_noreturn();
static char **text_array_elements(Datum array, int *n);

int64
mlops_resolve(const MlopsReference *reference, Snapshot snapshot,
			  MlopsPrivilege privilege)
{
	MlopsModel	alias_model = {.name = reference->model};
	MlopsModel *model = &alias_model;
	int64		version_id;

	if (reference->version > 0)
		version_id = resolve_version(reference, snapshot, &model);
	else
		version_id = resolve_alias(reference, snapshot, model);
	if (version_id == 0)
		report_unresolved(reference, snapshot);
	mlops_model_check(model, privilege);
	return version_id;
}

int64
mlops_resolve_quietly(const MlopsReference *reference, Snapshot snapshot,
					  MlopsPrivilege privilege)
{
	MlopsModel	alias_model = {.name = reference->model};
	MlopsModel *model = &alias_model;
	int64		version_id = 0;

	if (reference->version == 0)
		version_id = resolve_alias(reference, snapshot, model);
	else if (mlops_model_lookup(reference->model, snapshot, true) != NULL)
		version_id = resolve_version(reference, snapshot, &model);
	if (version_id == 0 ||
		!mlops_model_allows(model, GetUserId(), privilege))
		return 0;
	return version_id;
}

Oid
mlops_alias_relation(void)
{
	return mlops_catalog_relation("alias");
}

Oid
mlops_model_relation(void)
{
	return mlops_catalog_relation("model");
}

int64
mlops_alias_version(const char *model, const char *alias, Snapshot snapshot)
{
	MlopsReference reference = {(char *) model, 0, (char *) alias};
	MlopsModel	unused;

	return resolve_alias(&reference, snapshot, &unused);
}

int64
mlops_version_model(int64 version_id)
{
	MlopsScan	scan;
	ScanKeyData key;
	HeapTuple	tuple;
	int64		model_id = 0;

	mlops_key_int8(&key, Anum_version_version_id, version_id);
	mlops_scan_begin(&scan, "version", "version_pkey", NULL, 1, &key);
	tuple = mlops_scan_next(&scan);
	if (HeapTupleIsValid(tuple))
		model_id = mlops_scan_int8(&scan, tuple, Anum_version_model_id);
	mlops_scan_end(&scan);
	return model_id;
}

MlopsVersion *
mlops_version_load(int64 version_id, Snapshot snapshot)
{
	MlopsVersion *version = palloc0(sizeof(MlopsVersion));
	MlopsScan	scan;
	ScanKeyData key;
	HeapTuple	tuple;
	Datum		value;
	bool		null;

	mlops_key_int8(&key, Anum_version_version_id, version_id);
	mlops_scan_begin(&scan, "version", "version_pkey", snapshot, 1, &key);
	tuple = mlops_scan_next(&scan);
	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("version with id %lld is missing",
						(long long) version_id)));

	version->version_id = version_id;
	version->model_id = mlops_scan_int8(&scan, tuple, Anum_version_model_id);
	version->version = mlops_scan_int4(&scan, tuple, Anum_version_version);
	(void) mlops_scan_value(&scan, tuple, Anum_version_dropped_at, &null);
	version->dropped = !null;
	version->task = mlops_scan_text(&scan, tuple, Anum_version_task);
	version->model_size = mlops_scan_int8(&scan, tuple,
										  Anum_version_model_size);
	version->forest_size = mlops_scan_int8(&scan, tuple,
										   Anum_version_forest_size);
	version->signature = mlops_scan_json(&scan, tuple,
										 Anum_version_signature);
	value = mlops_scan_value(&scan, tuple, Anum_version_classes, &null);
	if (!null)
		version->classes = text_array_elements(value, &version->n_classes);
	version->run_id = mlops_scan_int8(&scan, tuple, Anum_version_run_id);
	version->objective = mlops_scan_text(&scan, tuple,
										 Anum_version_objective);
	version->target = mlops_scan_text(&scan, tuple, Anum_version_target);
	version->committed = scan.committed;
	mlops_scan_end(&scan);
	return version;
}

char *
mlops_artefact_load(int64 version_id, const char *kind, size_t size,
					Snapshot snapshot)
{
	bool		committed;

	return mlops_artefact_read(version_id, kind, size, snapshot, &committed);
}

char *
mlops_artefact_read(int64 version_id, const char *kind, size_t size,
					Snapshot snapshot, bool *committed)
{
	char	   *memory = palloc_extended(size + VARHDRSZ + MLOPS_FOREST_ALIGN,
										 MCXT_ALLOC_HUGE);
	char	   *bytes = (char *) TYPEALIGN(MLOPS_FOREST_ALIGN,
										   memory + VARHDRSZ);
	size_t		loaded = 0;
	MlopsScan	scan;
	ScanKeyData keys[2];
	HeapTuple	tuple;

	populate(bytes, size);
	mlops_key_int8(&keys[0], Anum_artefact_version_id, version_id);
	mlops_key_text(&keys[1], Anum_artefact_kind, kind);
	mlops_scan_begin(&scan, "artefact", "artefact_pkey", snapshot, 2, keys);
	while (HeapTupleIsValid(tuple = mlops_scan_next(&scan)))
	{
		bool		null;
		int			chunk = mlops_scan_int4(&scan, tuple, Anum_artefact_chunk);
		Datum		stored = mlops_scan_value(&scan, tuple,
											  Anum_artefact_data, &null);
		size_t		offset = (size_t) chunk * MLOPS_CHUNK_SIZE;

		if (offset > size ||
			!read_chunk(stored, bytes + offset, size - offset, &loaded))
			break;
	}
	mlops_scan_end(&scan);
	*committed = scan.committed;

	if (loaded != size)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("artefact \"%s\" of version id %lld is incomplete",
						kind, (long long) version_id),
				 errdetail("%zu of %zu bytes are there.", loaded, size)));
	return bytes;
}

void
mlops_version_table(Oid *relation, Oid *file)
{
	*file = mlops_catalog_file("version", relation);
}

/*
 * Have the kernel give the pages of new memory at once, which is faster than
 * one by one as they are written.  If it does not, nothing is lost.
 */
static void
populate(char *memory, size_t size)
{
#ifdef MADV_POPULATE_WRITE
	uintptr_t	page = sysconf(_SC_PAGESIZE);
	uintptr_t	begin = TYPEALIGN(page, memory);
	uintptr_t	end = TYPEALIGN_DOWN(page, memory + size);

	if (end > begin)
		(void) madvise((void *) begin, end - begin, MADV_POPULATE_WRITE);
#endif
}

/*
 * Read a stored chunk to where it belongs, where there is room for so many
 * bytes, and count it; false if it is longer.  One out of line is not copied
 * twice: the server writes it behind a header, for which the four bytes
 * before it would do, and does not write the header itself.
 */
static bool
read_chunk(Datum stored, char *bytes, size_t room, size_t *loaded)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(stored);
	bytea	   *data;
	size_t		length;

	if (VARATT_IS_EXTERNAL_ONDISK(value))
	{
		varatt_external pointer;
		Relation	toast;

		VARATT_EXTERNAL_GET_POINTER(pointer, value);
		length = VARATT_EXTERNAL_GET_EXTSIZE(pointer);
		if (!VARATT_EXTERNAL_IS_COMPRESSED(pointer))
		{
			if (length > room)
				return false;
			toast = table_open(pointer.va_toastrelid, AccessShareLock);
			table_relation_fetch_toast_slice(toast, pointer.va_valueid, length,
											 0, length,
											 (struct varlena *) (bytes - VARHDRSZ));
			table_close(toast, AccessShareLock);
			*loaded += length;
			return true;
		}
	}

	/* a small one is used where it lies */
	data = DatumGetByteaPP(stored);
	length = VARSIZE_ANY_EXHDR(data);
	if (length > room)
		return false;
	memcpy(bytes, VARDATA_ANY(data), length);
	*loaded += length;
	if ((Pointer) data != DatumGetPointer(stored))
		pfree(data);
	return true;
}

/*
 * The version an alias points to, or 0; fills what of the model is needed to
 * check rights.
 */
static int64
resolve_alias(const MlopsReference *reference, Snapshot snapshot,
			  MlopsModel *model)
{
	MlopsScan	scan;
	ScanKeyData keys[2];
	HeapTuple	tuple;
	int64		version_id = 0;

	model->owner = "";			/* only if the model is gone by now */
	if (mlops_alias_recall(reference, snapshot, &model->model_id,
						   &version_id))
		return version_id;
	mlops_key_text(&keys[0], Anum_alias_model, reference->model);
	mlops_key_text(&keys[1], Anum_alias_alias, reference->alias);
	mlops_scan_begin(&scan, "alias", "alias_pkey", snapshot, 2, keys);
	tuple = mlops_scan_next(&scan);
	if (HeapTupleIsValid(tuple))
	{
		model->model_id = mlops_scan_int8(&scan, tuple, Anum_alias_model_id);
		version_id = mlops_scan_int8(&scan, tuple, Anum_alias_version_id);
		mlops_alias_remember(reference, &scan, tuple, model->model_id,
							 version_id);
	}
	mlops_scan_end(&scan);
	return version_id;
}

/* The version of that number, or 0 if there is none or it was dropped. */
static int64
resolve_version(const MlopsReference *reference, Snapshot snapshot,
				MlopsModel **model)
{
	MlopsScan	scan;
	ScanKeyData keys[2];
	HeapTuple	tuple;
	int64		version_id = 0;

	*model = mlops_model_lookup(reference->model, snapshot, false);
	mlops_key_int8(&keys[0], Anum_version_model_id, (*model)->model_id);
	mlops_key_int4(&keys[1], Anum_version_version, reference->version);
	mlops_scan_begin(&scan, "version", "version_model_id_version_key",
					 snapshot, 2, keys);
	tuple = mlops_scan_next(&scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		live;

		(void) mlops_scan_value(&scan, tuple, Anum_version_dropped_at, &live);
		if (live)
			version_id = mlops_scan_int8(&scan, tuple,
										 Anum_version_version_id);
	}
	mlops_scan_end(&scan);
	return version_id;
}

/* Say why a reference leads nowhere. */
static void
report_unresolved(const MlopsReference *reference, Snapshot snapshot)
{
	(void) mlops_model_lookup(reference->model, snapshot, false);

	if (reference->version > 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("version %d of model \"%s\" does not exist",
						reference->version, reference->model),
				 errhint("The view mlops.versions lists the versions.")));
	if (strcmp(reference->alias, MLOPS_CHAMPION) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no version of model \"%s\" is deployed",
						reference->model),
				 errhint("Deploy one with mlops.deploy('%s/<version>').",
						 reference->model)));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("alias \"%s\" of model \"%s\" does not exist",
					reference->alias, reference->model),
			 errhint("Set it with mlops.set_alias().")));
}

/* The strings of a text[] without NULLs, palloc'd. */
static char **
text_array_elements(Datum array, int *n)
{
	Datum	   *elements;
	char	  **strings;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, NULL, n);
	strings = palloc(sizeof(char *) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		strings[i] = TextDatumGetCString(elements[i]);
	return strings;
}
