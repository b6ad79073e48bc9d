/*
 * cron_remote.c
 *		pg_cron in another database of the cluster.
 *
 * A connection sees one database only, so a background worker connects to
 * the one of pg_cron, as the caller's role.  It is started for one request
 * and needs no preloading.  The request and the result are in a segment of
 * shared memory, and so is a queue through which its errors and notices come
 * back as messages of the protocol, as those of parallel workers do.  The
 * segment is gone when both sides have detached, at the latest with their
 * resource owners.
 */
#include "postgres.h"

#include "access/xact.h"
#include "base/compat.h"
#include "catalog/cron.h"
#include "catalog/pg_authid.h"
#include "commands/dbcommands.h"
#include "libpq/pqformat.h"
#include "libpq/pqmq.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/proc.h"
#include "storage/shm_mq.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "watch/cron_remote.h"

#define QUEUE_SIZE	16384
#define TEXT_SIZE	512

/* The segment; the queue follows. */
typedef struct Segment
{
	Oid			place;
	Oid			role;
	bool		is_removal;
	bool		is_sweep;
	char		owner[NAMEDATALEN];	/* empty: all of the database */
	char		name[TEXT_SIZE];
	char		schedule[TEXT_SIZE];
	char		command[TEXT_SIZE];
	char		database[TEXT_SIZE];
	/* by the worker */
	bool		is_done;
	int64		result;
} Segment;

static Oid	place_of(const MlopsCronRequest *request, int level);
static Segment *fill_segment(dsm_segment *shared, Oid place,
							 const MlopsCronRequest *request);
static shm_mq *queue_of(Segment *segment);
static BackgroundWorkerHandle *start_worker(dsm_segment *shared, int level);
static bool listen_to(shm_mq_handle *queue, int level);
static bool report(StringInfo message, int level);

bool
mlops_cron_remote(const MlopsCronRequest *request, int level, int64 *result)
{
	Oid			place = place_of(request, level);
	dsm_segment *shared;
	Segment    *segment;
	BackgroundWorkerHandle *worker;
	bool		is_done;

	if (!OidIsValid(place))
		return false;
	shared = dsm_create(MAXALIGN(sizeof(Segment)) + QUEUE_SIZE, 0);
	segment = fill_segment(shared, place, request);
	shm_mq_set_receiver(queue_of(segment), MyProc);
	worker = start_worker(shared, level);
	if (worker == NULL)
	{
		dsm_detach(shared);
		return false;
	}
	PG_TRY();
	{
		is_done = listen_to(shm_mq_attach(queue_of(segment), shared, worker),
							level);
	}
	PG_CATCH();
	{
		TerminateBackgroundWorker(worker);
		PG_RE_THROW();
	}
	PG_END_TRY();
	if (is_done && !segment->is_done)
		ereport(level,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("background worker for pg_cron ended early"),
				 errhint("The server's log says why.")));
	is_done = segment->is_done;
	*result = segment->result;
	dsm_detach(shared);
	return is_done;
}

void
mlops_cron_worker_main(Datum argument)
{
	dsm_segment *shared;
	Segment    *segment;
	shm_mq_handle *queue;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	CurrentResourceOwner = ResourceOwnerCreate(NULL, "mlops cron worker");
	shared = dsm_attach(DatumGetUInt32(argument));
	if (shared == NULL)
		return;					/* who asked has given up */
	segment = dsm_segment_address(shared);
	shm_mq_set_sender(queue_of(segment), MyProc);
	queue = shm_mq_attach(queue_of(segment), shared, NULL);
	pq_redirect_to_shm_mq(shared, queue);

	BackgroundWorkerInitializeConnectionByOid(segment->place, segment->role,
											  0);
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (segment->is_sweep && segment->owner[0] != '\0')
		segment->result = mlops_cron_remove_all(segment->owner, NULL);
	else if (segment->is_sweep)
		segment->result = mlops_cron_remove_all(NULL, segment->database);
	else if (segment->is_removal)
		segment->result = mlops_cron_remove(segment->command,
											segment->database);
	else
		segment->result = mlops_cron_add(segment->name, segment->schedule,
										 segment->command,
										 segment->database);
	PopActiveSnapshot();
	CommitTransactionCommand();
	segment->is_done = true;
}

/* The database of pg_cron, if the current role may connect to it. */
static Oid
place_of(const MlopsCronRequest *request, int level)
{
	Oid			place = get_database_oid(request->place, true);
	char	   *role;

	if (!OidIsValid(place))
	{
		ereport(level,
				(errcode(ERRCODE_UNDEFINED_DATABASE),
				 errmsg("database \"%s\" of pg_cron does not exist",
						request->place),
				 errhint("The setting cron.database_name says where pg_cron lives.")));
		return InvalidOid;
	}
	if (request->is_sweep || mlops_may_connect(place, GetUserId()))
		return place;
	role = GetUserNameFromId(GetUserId(), false);
	ereport(level,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("role \"%s\" may not connect to database \"%s\"",
					role, request->place),
			 errdetail("pg_cron lives there."),
			 errhint("A superuser runs: GRANT CONNECT ON DATABASE %s TO %s;",
					 quote_identifier(request->place),
					 quote_identifier(role))));
	return InvalidOid;
}

/* Write the request into the segment, and make its queue. */
static Segment *
fill_segment(dsm_segment *shared, Oid place, const MlopsCronRequest *request)
{
	Segment    *segment = dsm_segment_address(shared);

	memset(segment, 0, sizeof(Segment));
	segment->place = place;
	segment->role = GetUserId();
	segment->is_removal = request->name == NULL;
	segment->is_sweep = request->is_sweep;
	if (request->is_sweep)
		segment->role = BOOTSTRAP_SUPERUSERID;
	if (request->owner != NULL)
		strlcpy(segment->owner, request->owner, NAMEDATALEN);
	if (request->name != NULL)
	{
		strlcpy(segment->name, request->name, TEXT_SIZE);
		strlcpy(segment->schedule, request->schedule, TEXT_SIZE);
	}
	if (request->command != NULL)
		strlcpy(segment->command, request->command, TEXT_SIZE);
	if (request->database != NULL)
		strlcpy(segment->database, request->database, TEXT_SIZE);
	shm_mq_create(queue_of(segment), QUEUE_SIZE);
	return segment;
}

/* The queue behind a segment's struct. */
static shm_mq *
queue_of(Segment *segment)
{
	return (shm_mq *) ((char *) segment + MAXALIGN(sizeof(Segment)));
}

/* Start the worker; NULL if there is no room for one. */
static BackgroundWorkerHandle *
start_worker(dsm_segment *shared, int level)
{
	BackgroundWorker worker = {0};
	BackgroundWorkerHandle *handle;

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS |
		BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "mlops", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "mlops_cron_worker_main",
			sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "mlops scheduling with pg_cron", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "mlops scheduling", BGW_MAXLEN);
	worker.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(shared));
	worker.bgw_notify_pid = MyProcPid;
	if (RegisterDynamicBackgroundWorker(&worker, &handle))
		return handle;
	ereport(level,
			(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
			 errmsg("no background worker is free to reach pg_cron"),
			 errhint("Try again, or raise max_worker_processes.")));
	return NULL;
}

/*
 * Report what the worker says until it has ended; false if that was an error
 * that did not end the caller too.
 */
static bool
listen_to(shm_mq_handle *queue, int level)
{
	bool		is_good = true;
	Size		length;
	void	   *data;

	while (shm_mq_receive(queue, &length, &data, false) == SHM_MQ_SUCCESS)
	{
		StringInfoData message;

		initStringInfo(&message);
		appendBinaryStringInfo(&message, data, length);
		if (!report(&message, level))
			is_good = false;
	}
	return is_good;
}

/* Report an error or a notice; true for all but errors. */
static bool
report(StringInfo message, int level)
{
	ErrorData	error;
	char		type = pq_getmsgbyte(message);

	if (type != 'E' && type != 'N')
		return true;
	pq_parse_errornotice(message, &error);
	if (type == 'E')
		error.elevel = level;
	ThrowErrorData(&error);
	return type != 'E';
}
