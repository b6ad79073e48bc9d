/*
 * stat_file.c
 *		What versions were used for, from a stop of the server to its start.
 *
 * The postmaster writes the file when it exits and reads it when it starts,
 * as pg_stat_statements does with its own.  It is removed once it is read:
 * after a crash there is none, and a base backup of a running server has
 * none.  An immediate stop is no crash to the postmaster, which exits as it
 * does otherwise, but its children may have died while they counted; so
 * whether shared memory is whole is asked of the control file.
 *
 * The postmaster does nothing else meanwhile and must not fail by it: all
 * trouble is logged, and memory comes from malloc().
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "access/xlog_internal.h"
#include "catalog/pg_control.h"
#include "pgstat.h"
#include "port/pg_crc32c.h"
#include "serve/stat_file.h"
#include "storage/fd.h"

#define STAT_FILE		PGSTAT_STAT_PERMANENT_DIRECTORY "/mlops_stat_model.stat"
#define TEMPORARY_FILE	STAT_FILE ".tmp"

#define MAGIC			0x6d6c7573	/* "mlus" */
#define FORMAT			1

/* How a file begins; the records follow, and nothing else. */
typedef struct Header
{
	uint32		magic;
	uint32		format;
	uint32		server;			/* major version: oids mean what they did */
	uint32		record_size;
	uint32		n_records;
	pg_crc32c	crc;			/* of the records */
} Header;

static void make_header(Header *header, const MlopsUsageRecord *records,
						int n);
static bool write_file(const Header *header, const MlopsUsageRecord *records);
static MlopsUsageRecord *read_file(FILE *file, int *n);
static bool check_header(const Header *header, FILE *file);
static bool invalid(const char *why);

bool
mlops_stat_file_is_due(void)
{
	ControlFileData control;
	FILE	   *file = AllocateFile(XLOG_CONTROL_FILE, PG_BINARY_R);
	bool		whole;

	if (file == NULL)
		return false;
	whole = fread(&control, sizeof(control), 1, file) == 1;
	FreeFile(file);
	return whole && (control.state == DB_SHUTDOWNED ||
					 control.state == DB_SHUTDOWNED_IN_RECOVERY);
}

void
mlops_stat_file_write(const MlopsUsageRecord *records, int n)
{
	Header		header;

	make_header(&header, records, n);
	if (write_file(&header, records))
		(void) durable_rename(TEMPORARY_FILE, STAT_FILE, LOG);
	else
	{
		ereport(LOG,
				(errcode_for_file_access(),
				 errmsg("could not write file \"%s\": %m", TEMPORARY_FILE)));
		unlink(TEMPORARY_FILE);
	}
}

MlopsUsageRecord *
mlops_stat_file_read(int *n)
{
	MlopsUsageRecord *records;
	FILE	   *file = AllocateFile(STAT_FILE, PG_BINARY_R);

	*n = 0;
	if (file == NULL)
	{
		if (errno != ENOENT)
			ereport(LOG,
					(errcode_for_file_access(),
					 errmsg("could not read file \"%s\": %m", STAT_FILE)));
		return NULL;
	}
	records = read_file(file, n);
	FreeFile(file);
	mlops_stat_file_remove();
	return records;
}

void
mlops_stat_file_remove(void)
{
	if (unlink(STAT_FILE) != 0 && errno != ENOENT)
		ereport(LOG,
				(errcode_for_file_access(),
				 errmsg("could not remove file \"%s\": %m", STAT_FILE)));
}

/* The header of n records. */
static void
make_header(Header *header, const MlopsUsageRecord *records, int n)
{
	*header = (Header) {MAGIC, FORMAT, PG_VERSION_NUM / 100,
	sizeof(MlopsUsageRecord), n};
	INIT_CRC32C(header->crc);
	COMP_CRC32C(header->crc, records, sizeof(MlopsUsageRecord) * n);
	FIN_CRC32C(header->crc);
}

/* Write the temporary file; false, with errno set, if that fails. */
static bool
write_file(const Header *header, const MlopsUsageRecord *records)
{
	FILE	   *file = AllocateFile(TEMPORARY_FILE, PG_BINARY_W);
	bool		written;
	int			error;

	if (file == NULL)
		return false;
	written = fwrite(header, sizeof(Header), 1, file) == 1 &&
		fwrite(records, sizeof(MlopsUsageRecord), header->n_records,
			   file) == header->n_records;
	error = errno;
	if (FreeFile(file) != 0)
		return false;
	errno = error;
	return written;
}

/* The records of a file: malloc'd; NULL, and logged, if it cannot be used. */
static MlopsUsageRecord *
read_file(FILE *file, int *n)
{
	Header		header;
	Header		expected;
	MlopsUsageRecord *records;

	if (fread(&header, sizeof(Header), 1, file) != 1)
	{
		(void) invalid("It is shorter than its header.");
		return NULL;
	}
	if (!check_header(&header, file))
		return NULL;
	records = malloc(sizeof(MlopsUsageRecord) * header.n_records);
	if (records == NULL)
	{
		ereport(LOG,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
		return NULL;
	}
	if (fread(records, sizeof(MlopsUsageRecord), header.n_records,
			  file) == header.n_records)
	{
		make_header(&expected, records, header.n_records);
		if (EQ_CRC32C(expected.crc, header.crc))
		{
			*n = header.n_records;
			return records;
		}
	}
	(void) invalid("Its checksum is wrong.");
	free(records);
	return NULL;
}

/* Is this the beginning of such a file, of this version and whole? */
static bool
check_header(const Header *header, FILE *file)
{
	struct stat status;

	if (header->magic != MAGIC)
		return invalid("It does not begin as such a file does.");
	if (header->format != FORMAT ||
		header->server != PG_VERSION_NUM / 100 ||
		header->record_size != sizeof(MlopsUsageRecord))
		return invalid("It was written by another version of the server or of mlops.");
	if (header->n_records < 1 || header->n_records > MLOPS_USAGE_RECORDS ||
		fstat(fileno(file), &status) != 0 ||
		status.st_size != sizeof(Header) +
		(off_t) header->n_records * sizeof(MlopsUsageRecord))
		return invalid("Its size is not that of what it says it holds.");
	return true;
}

/* Say why the file is not used; false. */
static bool
invalid(const char *why)
{
	ereport(LOG,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("ignoring invalid data in file \"%s\"", STAT_FILE),
			 errdetail_internal("%s", why)));
	return false;
}
