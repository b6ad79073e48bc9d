/*
 * cut.c
 *		The rows of a query, read once to be looked at several times.
 *
 * They are a tuplestore that statements know by a name, as triggers know their
 * transition tables.  The name is one that no relation is likely to have;
 * where it is shown, it goes before a relation's.
 */
#include "postgres.h"

#include "data/cut.h"
#include "data/source.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/queryenvironment.h"
#include "utils/tuplestore.h"

struct MlopsCut
{
	DestReceiver pub;
	EphemeralNamedRelationData relation;
	Tuplestorestate *rows;
	MemoryContext context;
};

/* The one that is shown, or NULL. */
static MlopsCut *shown = NULL;

static void start(DestReceiver *self, int operation, TupleDesc row);
static bool receive(TupleTableSlot *slot, DestReceiver *self);
static void finish(DestReceiver *self);

MlopsCut *
mlops_cut_take(const char *query)
{
	MlopsCut   *cut = palloc0(sizeof(MlopsCut));

	cut->pub.receiveSlot = receive;
	cut->pub.rStartup = start;
	cut->pub.rShutdown = finish;
	cut->pub.rDestroy = finish;
	cut->pub.mydest = DestNone;
	cut->context = CurrentMemoryContext;
	cut->rows = tuplestore_begin_heap(false, false, work_mem);
	cut->relation.reldata = cut->rows;
	cut->relation.md.name = MLOPS_CUT_NAME;
	cut->relation.md.reliddesc = InvalidOid;
	cut->relation.md.enrtype = ENR_NAMED_TUPLESTORE;
	mlops_statement_run(query, &cut->pub);
	cut->relation.md.enrtuples = tuplestore_tuple_count(cut->rows);
	return cut;
}

void
mlops_cut_show(MlopsCut *cut)
{
	shown = cut;
}

void
mlops_cut_end(MlopsCut *cut)
{
	tuplestore_end(cut->rows);
	FreeTupleDesc(cut->relation.md.tupdesc);
	pfree(cut);
}

void
mlops_cut_register(void)
{
	if (shown != NULL &&
		SPI_register_relation(&shown->relation) != SPI_OK_REL_REGISTER)
		elog(ERROR, "rows that were read cannot be registered");
}

/* Keep the row type; it may have no constraints. */
static void
start(DestReceiver *self, int operation, TupleDesc row)
{
	MlopsCut   *cut = (MlopsCut *) self;
	MemoryContext old = MemoryContextSwitchTo(cut->context);

	cut->relation.md.tupdesc = CreateTupleDescCopy(row);
	MemoryContextSwitchTo(old);
}

/* Keep a row. */
static bool
receive(TupleTableSlot *slot, DestReceiver *self)
{
	CHECK_FOR_INTERRUPTS();
	tuplestore_puttupleslot(((MlopsCut *) self)->rows, slot);
	return true;
}

/* There is nothing to release. */
static void
finish(DestReceiver *self)
{
}
