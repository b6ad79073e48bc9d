/*
 * progress.c
 *		What trainings that run show to other sessions.
 *
 * The places are an array in shared memory, one for each backend that can
 * be.  Only its owner writes a place; a counter that is odd while it writes
 * lets readers try again, so nobody waits for anybody.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "base/base.h"
#include "base/compat.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "train/progress.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(mlops_progress_train);

#define TEXT_SIZE 64

/* What one backend shows. */
typedef struct Place
{
	pg_atomic_uint32 changes;	/* odd while it is being written */
	int			pid;			/* 0: empty */
	Oid			database;
	Oid			role;
	TimestampTz started_at;
	TimestampTz phase_started_at;
	int64		rows_read;
	int64		rows_estimated; /* -1: unknown */
	int			round;
	int			rounds;
	double		value;			/* NaN: none */
	char		model[NAMEDATALEN * 4];
	char		phase[TEXT_SIZE];
	char		metric[TEXT_SIZE];
} Place;

static Place *places = NULL;
static bool ends_with_transaction = false;
static shmem_request_hook_type previous_request_hook = NULL;
static shmem_startup_hook_type previous_startup_hook = NULL;

static void request_memory(void);
static void start_memory(void);
static int	number_of_places(void);
static Place *own_place(void);
static void begin_change(Place *place);
static void end_change(Place *place);
static void end_with_transaction(XactEvent event, void *arg);
static void end_with_subtransaction(SubXactEvent event,
									SubTransactionId subtransaction,
									SubTransactionId parent, void *arg);
static void end_at_exit(int code, Datum arg);
static bool copy_place(const Place *place, Place *copy);
static void put_place(ReturnSetInfo *result, const Place *place);

void
mlops_progress_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	previous_request_hook = shmem_request_hook;
	shmem_request_hook = request_memory;
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = start_memory;
}

void
mlops_progress_begin(const char *model)
{
	Place	   *place = own_place();

	if (place == NULL)
		return;
	if (!ends_with_transaction)
	{
		RegisterXactCallback(end_with_transaction, NULL);
		RegisterSubXactCallback(end_with_subtransaction, NULL);
		before_shmem_exit(end_at_exit, (Datum) 0);
		ends_with_transaction = true;
	}
	begin_change(place);
	place->pid = MyProcPid;
	place->database = MyDatabaseId;
	place->role = GetUserId();
	place->started_at = GetCurrentTimestamp();
	place->phase_started_at = place->started_at;
	place->rows_read = 0;
	place->rows_estimated = -1;
	place->round = 0;
	place->rounds = 0;
	place->value = NAN;
	strlcpy(place->model, model, sizeof(place->model));
	strlcpy(place->phase, "starting", sizeof(place->phase));
	place->metric[0] = '\0';
	end_change(place);
}

void
mlops_progress_phase(const char *phase)
{
	Place	   *place = own_place();

	if (place == NULL)
		return;
	begin_change(place);
	strlcpy(place->phase, phase, sizeof(place->phase));
	place->phase_started_at = GetCurrentTimestamp();
	end_change(place);
}

void
mlops_progress_rows(uint64 rows, double estimated)
{
	Place	   *place = own_place();

	if (place == NULL)
		return;
	begin_change(place);
	place->rows_read = rows;
	place->rows_estimated = estimated >= 0 ? (int64) estimated : -1;
	end_change(place);
}

void
mlops_progress_round(int round, int rounds, const char *metric, double value)
{
	Place	   *place = own_place();

	if (place == NULL)
		return;
	begin_change(place);
	place->round = round;
	place->rounds = rounds;
	place->value = value;
	strlcpy(place->metric, metric ? metric : "", sizeof(place->metric));
	end_change(place);
}

void
mlops_progress_end(void)
{
	Place	   *place = own_place();

	if (place == NULL || place->pid == 0)
		return;
	begin_change(place);
	place->pid = 0;
	end_change(place);
}

/*
 * _progress_train() returns setof record: all places that are taken.  55000
 * without preloading.
 */
Datum
mlops_progress_train(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	if (places == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("progress is not shared without preloading"),
				 errhint("Add mlops to shared_preload_libraries in postgresql.conf, as in shared_preload_libraries = 'mlops', and restart the server.")));
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < number_of_places(); i++)
	{
		Place		copy;

		if (copy_place(&places[i], &copy))
			put_place(result, &copy);
	}
	return (Datum) 0;
}

/* shmem_request_hook */
static void
request_memory(void)
{
	if (previous_request_hook)
		previous_request_hook();
	RequestAddinShmemSpace(mul_size(number_of_places(), sizeof(Place)));
}

/* shmem_startup_hook */
static void
start_memory(void)
{
	bool		found;

	if (previous_startup_hook)
		previous_startup_hook();
	places = ShmemInitStruct("mlops progress",
							 mul_size(number_of_places(), sizeof(Place)),
							 &found);
	if (found)
		return;
	memset(places, 0, number_of_places() * sizeof(Place));
	for (int i = 0; i < number_of_places(); i++)
		pg_atomic_init_u32(&places[i].changes, 0);
}

static int
number_of_places(void)
{
	return MaxBackends;
}

/* This backend's place, or NULL without preloading. */
static Place *
own_place(void)
{
	int			number = MyProc ? (int) mlops_process_number() : -1;

	if (places == NULL || number < 0 || number >= number_of_places())
		return NULL;
	return &places[number];
}

static void
begin_change(Place *place)
{
	pg_atomic_fetch_add_u32(&place->changes, 1);
	pg_write_barrier();
}

static void
end_change(Place *place)
{
	pg_write_barrier();
	pg_atomic_fetch_add_u32(&place->changes, 1);
}

/* A transaction callback. */
static void
end_with_transaction(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT ||
		event == XACT_EVENT_PREPARE)
		mlops_progress_end();
}

/* A training that fails in a savepoint is over too. */
static void
end_with_subtransaction(SubXactEvent event, SubTransactionId subtransaction,
						SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		mlops_progress_end();
}

/* before_shmem_exit: a FATAL ends no transaction as others do. */
static void
end_at_exit(int code, Datum arg)
{
	mlops_progress_end();
}

/* Copy a place as it is at one moment; false if it is empty. */
static bool
copy_place(const Place *place, Place *copy)
{
	uint32		before;
	uint32		after;

	do
	{
		CHECK_FOR_INTERRUPTS();
		before = pg_atomic_read_u32((pg_atomic_uint32 *) &place->changes);
		pg_read_barrier();
		memcpy(copy, place, sizeof(Place));
		pg_read_barrier();
		after = pg_atomic_read_u32((pg_atomic_uint32 *) &place->changes);
	} while (before != after || (before & 1) != 0);
	return copy->pid != 0;
}

/* Add a place to the result. */
static void
put_place(ReturnSetInfo *result, const Place *place)
{
	Datum		values[13];
	bool		nulls[13] = {0};
	int			i = 0;

	values[i++] = Int32GetDatum(place->pid);
	values[i++] = CStringGetTextDatum(place->model);
	values[i++] = CStringGetTextDatum(place->phase);
	values[i++] = Int64GetDatum(place->rows_read);
	nulls[i] = place->rows_estimated < 0;
	values[i++] = Int64GetDatum(place->rows_estimated);
	values[i++] = Int32GetDatum(place->round);
	values[i++] = Int32GetDatum(place->rounds);
	nulls[i] = place->metric[0] == '\0';
	values[i++] = CStringGetTextDatum(place->metric);
	mlops_put_number(values, nulls, i++, place->value);
	values[i++] = TimestampTzGetDatum(place->started_at);
	values[i++] = TimestampTzGetDatum(place->phase_started_at);
	values[i++] = ObjectIdGetDatum(place->database);
	values[i++] = ObjectIdGetDatum(place->role);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}
