/*
 * detector.c
 *		Detectors of change as aggregates, and as states that rows can hold.
 *
 * mlops.detector_state is a detector with a list of what it found.  It is
 * flat; an aggregate changes its own in place, and makes a larger one when
 * the list is full.  An aggregate keeps all that it found; a state that was
 * made by mlops.detector() would grow for ever, and keeps the last of it.
 * Its text form is that of bytea.  Bytes from outside are checked in full,
 * by every function that takes them.
 */
#include "postgres.h"

#include <math.h>

#include "base/base.h"
#include "base/members.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "math/detectors.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#define KEPT_EVENTS		100		/* of states outside of aggregates */
#define FIRST_ROOM		4
#define N_COLUMNS		5

/* The state; events follow the detector: 2 * position, + 1 for a warning. */
typedef struct State
{
	int32		vl_len_;
	int32		n_events;
	int32		keep;			/* the last of them, 0: all */
	int32		detector_size;
	double		detector[FLEXIBLE_ARRAY_MEMBER];
} State;

PG_FUNCTION_INFO_V1(mlops_detector_state_in);
PG_FUNCTION_INFO_V1(mlops_detector_state_out);
PG_FUNCTION_INFO_V1(mlops_detector_state_recv);
PG_FUNCTION_INFO_V1(mlops_detector_state_send);
PG_FUNCTION_INFO_V1(mlops_adwin_add);
PG_FUNCTION_INFO_V1(mlops_page_hinkley_add);
PG_FUNCTION_INFO_V1(mlops_ddm_add_boolean);
PG_FUNCTION_INFO_V1(mlops_ddm_add_number);
PG_FUNCTION_INFO_V1(mlops_kswin_add);
PG_FUNCTION_INFO_V1(mlops_detect_changes_add);
PG_FUNCTION_INFO_V1(mlops_detector_status);
PG_FUNCTION_INFO_V1(mlops_detector_create);
PG_FUNCTION_INFO_V1(mlops_detector_add);

static MlopsDetector *detector_of(State *state);
static int64 *events_of(State *state);
static int32 room_of(const State *state);
static State *checked_state(struct varlena *bytes);
static State *state_argument(FunctionCallInfo fcinfo, int argument);
static State *state_to_change(FunctionCallInfo fcinfo);
static State *new_state(MlopsDetectorKind kind, const double *options,
						int32 keep);
static State *add_event(State *state, int64 event);
static State *see(State *state, double value);
static Datum add_value(FunctionCallInfo fcinfo, MlopsDetectorKind kind,
					   double value, const int *places, int n_places);
static void set_option(MlopsDetectorKind kind, double *options, int i,
					   double value);
static void check_together(MlopsDetectorKind kind, const double *options);
static void default_options(MlopsDetectorKind kind, double *options);
static MlopsDetectorKind kind_argument(FunctionCallInfo fcinfo,
									   int argument);
static void read_options(MlopsDetectorKind kind, Jsonb *object,
						 double *options);
static int	find_option(MlopsDetectorKind kind, const char *name);
static double option_value(MlopsDetectorKind kind, const char *name, int i,
						   const JsonbValue *value);
static Datum positions(State *state, bool warnings);

/* Input, in the forms of bytea; 22P02 for what is no state. */
Datum
mlops_detector_state_in(PG_FUNCTION_ARGS)
{
	Datum		bytes = DirectFunctionCall1(byteain, PG_GETARG_DATUM(0));

	PG_RETURN_POINTER(checked_state((struct varlena *)
									DatumGetPointer(bytes)));
}

/* Output: what follows the length word, as bytea. */
Datum
mlops_detector_state_out(PG_FUNCTION_ARGS)
{
	State	   *state = state_argument(fcinfo, 0);

	return DirectFunctionCall1(byteaout, PointerGetDatum(state));
}

/* Binary input; 22P02 for what is no state. */
Datum
mlops_detector_state_recv(PG_FUNCTION_ARGS)
{
	Datum		bytes = DirectFunctionCall1(bytearecv, PG_GETARG_DATUM(0));

	PG_RETURN_POINTER(checked_state((struct varlena *)
									DatumGetPointer(bytes)));
}

/* Binary output: the same bytes as text has. */
Datum
mlops_detector_state_send(PG_FUNCTION_ARGS)
{
	State	   *state = state_argument(fcinfo, 0);

	return DirectFunctionCall1(byteasend, PointerGetDatum(state));
}

/* (state, value [, delta]) */
Datum
mlops_adwin_add(PG_FUNCTION_ARGS)
{
	static const int places[] = {MLOPS_ADWIN_DELTA};

	if (PG_ARGISNULL(1))
		return add_value(fcinfo, MLOPS_ADWIN, NAN, NULL, 0);
	return add_value(fcinfo, MLOPS_ADWIN, PG_GETARG_FLOAT8(1), places,
					 lengthof(places));
}

/* (state, value [, threshold [, delta]]) */
Datum
mlops_page_hinkley_add(PG_FUNCTION_ARGS)
{
	static const int places[] = {MLOPS_PH_THRESHOLD, MLOPS_PH_DELTA};

	if (PG_ARGISNULL(1))
		return add_value(fcinfo, MLOPS_PAGE_HINKLEY, NAN, NULL, 0);
	return add_value(fcinfo, MLOPS_PAGE_HINKLEY, PG_GETARG_FLOAT8(1), places,
					 lengthof(places));
}

/* (state, error boolean) */
Datum
mlops_ddm_add_boolean(PG_FUNCTION_ARGS)
{
	return add_value(fcinfo, MLOPS_DDM, PG_ARGISNULL(1) ? NAN :
					 PG_GETARG_BOOL(1), NULL, 0);
}

/* (state, error float8) */
Datum
mlops_ddm_add_number(PG_FUNCTION_ARGS)
{
	return add_value(fcinfo, MLOPS_DDM, PG_ARGISNULL(1) ? NAN :
					 PG_GETARG_FLOAT8(1), NULL, 0);
}

/* (state, value [, alpha]) */
Datum
mlops_kswin_add(PG_FUNCTION_ARGS)
{
	static const int places[] = {MLOPS_KSWIN_ALPHA};

	if (PG_ARGISNULL(1))
		return add_value(fcinfo, MLOPS_KSWIN, NAN, NULL, 0);
	return add_value(fcinfo, MLOPS_KSWIN, PG_GETARG_FLOAT8(1), places,
					 lengthof(places));
}

/* (state, value, kind text, options jsonb): the first row's options hold. */
Datum
mlops_detect_changes_add(PG_FUNCTION_ARGS)
{
	double		options[MLOPS_DETECTOR_OPTIONS];
	MlopsDetectorKind kind;
	State	   *state;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	if (PG_ARGISNULL(0))
	{
		kind = kind_argument(fcinfo, 2);
		default_options(kind, options);
		if (!PG_ARGISNULL(3))
			read_options(kind, PG_GETARG_JSONB_P(3), options);
		state = new_state(kind, options, 0);
	}
	else
		state = state_to_change(fcinfo);
	PG_RETURN_POINTER(see(state, PG_GETARG_FLOAT8(1)));
}

/* (state): mlops.change_points */
Datum
mlops_detector_status(PG_FUNCTION_ARGS)
{
	State	   *state = state_argument(fcinfo, 0);
	const MlopsDetector *detector = detector_of(state);
	Datum		values[N_COLUMNS];
	bool		nulls[N_COLUMNS] = {0};

	values[0] = Int64GetDatum(detector->n);
	values[1] = positions(state, false);
	values[2] = positions(state, true);
	mlops_put_number(values, nulls, 3, mlops_detector_estimate(detector));
	values[4] = BoolGetDatum(detector->warning);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(mlops_result_type(fcinfo),
													  values, nulls)));
}

/* detector(kind text, options jsonb) returns detector_state */
Datum
mlops_detector_create(PG_FUNCTION_ARGS)
{
	double		options[MLOPS_DETECTOR_OPTIONS];
	MlopsDetectorKind kind = kind_argument(fcinfo, 0);

	default_options(kind, options);
	if (!PG_ARGISNULL(1))
		read_options(kind, PG_GETARG_JSONB_P(1), options);
	PG_RETURN_POINTER(new_state(kind, options, KEPT_EVENTS));
}

/* detector_update(state detector_state, value float8) */
Datum
mlops_detector_add(PG_FUNCTION_ARGS)
{
	State	   *state;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be NULL", "state"),
				 errhint("mlops.detector() makes a state.")));
	if (PG_ARGISNULL(1))
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	state = checked_state((struct varlena *)
						  PG_DETOAST_DATUM_COPY(PG_GETARG_DATUM(0)));
	PG_RETURN_POINTER(see(state, PG_GETARG_FLOAT8(1)));
}

/* The detector in a state. */
static MlopsDetector *
detector_of(State *state)
{
	return (MlopsDetector *) state->detector;
}

/* What it found, n_events of it, oldest first. */
static int64 *
events_of(State *state)
{
	return (int64 *) ((char *) state->detector + state->detector_size);
}

/* How many events fit. */
static int32
room_of(const State *state)
{
	return (VARSIZE(state) - offsetof(State, detector) -
			state->detector_size) / sizeof(int64);
}

/* A plain bytea as a state, 22P02 if it is none. */
static State *
checked_state(struct varlena *bytes)
{
	State	   *state = (State *) bytes;
	Size		size = VARSIZE(bytes);
	bool		good = size >= offsetof(State, detector) &&
		state->detector_size >= 0 && state->detector_size % 8 == 0 &&
		state->detector_size <= size - offsetof(State, detector) &&
		mlops_detector_valid(state->detector, state->detector_size) &&
		state->n_events >= 0 && state->keep >= 0 &&
		state->n_events <= room_of(state);

	if (!good)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input for type %s", "mlops.detector_state")));
	return state;
}

/* A state that is only read. */
static State *
state_argument(FunctionCallInfo fcinfo, int argument)
{
	return checked_state(PG_DETOAST_DATUM(PG_GETARG_DATUM(argument)));
}

/*
 * The first argument as a state that may be changed: itself, if it is an
 * aggregate's own, whose bytes nobody else has written, else a copy.
 */
static State *
state_to_change(FunctionCallInfo fcinfo)
{
	struct varlena *bytes = (struct varlena *)
		DatumGetPointer(PG_GETARG_DATUM(0));

	if (AggCheckCallContext(fcinfo, NULL) && !VARATT_IS_EXTENDED(bytes))
		return (State *) bytes;
	return checked_state((struct varlena *)
						 PG_DETOAST_DATUM_COPY(PG_GETARG_DATUM(0)));
}

/* A state that has seen nothing. */
static State *
new_state(MlopsDetectorKind kind, const double *options, int32 keep)
{
	Size		detector_size = mlops_detector_size(kind, options);
	Size		size = offsetof(State, detector) + detector_size;
	State	   *state = palloc0(size);

	SET_VARSIZE(state, size);
	state->keep = keep;
	state->detector_size = detector_size;
	mlops_detector_init(detector_of(state), kind, options);
	return state;
}

/* The state, or a larger one, with one more event. */
static State *
add_event(State *state, int64 event)
{
	if (state->keep > 0 && state->n_events >= state->keep)
	{
		state->n_events = state->keep - 1;
		memmove(events_of(state), events_of(state) + 1,
				sizeof(int64) * state->n_events);
	}
	if (state->n_events == room_of(state))
	{
		Size		room = Max(2 * (Size) state->n_events, FIRST_ROOM);
		Size		size = offsetof(State, detector) + state->detector_size +
			sizeof(int64) * room;
		State	   *larger = palloc0(size);

		memcpy(larger, state, VARSIZE(state));
		SET_VARSIZE(larger, size);
		state = larger;
	}
	events_of(state)[state->n_events++] = event;
	return state;
}

/*
 * The state after one more value; 22023 if the detector cannot take it.  A
 * warning is an event when it is the first since the last detection.
 */
static State *
see(State *state, double value)
{
	MlopsDetector *detector = detector_of(state);
	bool		warned = state->n_events > 0 &&
		events_of(state)[state->n_events - 1] % 2 == 1;

	if (!(fabs(value) <= MLOPS_DETECTOR_MOST))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("value %g cannot be watched for changes", value),
				 errhint("Leave out what is no finite number, such as with FILTER.")));
	if (detector->kind == MLOPS_DDM && value != 0 && value != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("error must be 0 or 1, not %g", value),
				 errhint("The detector ddm watches a rate of errors; use adwin or page_hinkley for other numbers.")));
	mlops_detector_update(detector, value);
	if (detector->drift)
		return add_event(state, 2 * detector->n);
	if (detector->warning && !warned)
		return add_event(state, 2 * detector->n + 1);
	return state;
}

/*
 * An aggregate's transition.  NULL values, which come as NAN with no options,
 * are skipped.  The options that follow the value must be those of the rows
 * before: 22023.
 */
static Datum
add_value(FunctionCallInfo fcinfo, MlopsDetectorKind kind, double value,
		  const int *places, int n_places)
{
	double		options[MLOPS_DETECTOR_OPTIONS];
	State	   *state;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	default_options(kind, options);
	for (int i = 0; i < n_places && i + 2 < PG_NARGS(); i++)
		if (!PG_ARGISNULL(i + 2))
			set_option(kind, options, places[i], PG_GETARG_FLOAT8(i + 2));
	if (PG_ARGISNULL(0))
		state = new_state(kind, options, 0);
	else
	{
		state = state_to_change(fcinfo);
		for (int i = 0; i < n_places; i++)
			if (detector_of(state)->kind != kind ||
				detector_of(state)->options[places[i]] != options[places[i]])
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("options must be the same for all rows of a group"),
						 errhint("Pass constants.")));
	}
	PG_RETURN_POINTER(see(state, value));
}

/* Set an option; 22023 out of its range. */
static void
set_option(MlopsDetectorKind kind, double *options, int i, double value)
{
	const MlopsDetectorOption *option = &mlops_detector_options(kind)[i];

	if (!(value >= option->least && value <= option->most) ||
		(option->whole && value != floor(value)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" is out of range: %g", option->name,
						value),
				 errhint("It must be %s from %g to %g.", option->whole ?
						 "a whole number" : "a number", option->least,
						 option->most)));
	options[i] = value;
}

/* 22023 if the options do not go together. */
static void
check_together(MlopsDetectorKind kind, const double *options)
{
	const char *reason;

	if (!mlops_detector_check(kind, options, &reason))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options of detector \"%s\" do not go together",
						mlops_detector_name(kind)),
				 errdetail("%s", reason)));
}

/* What holds where nothing is said. */
static void
default_options(MlopsDetectorKind kind, double *options)
{
	const MlopsDetectorOption *known = mlops_detector_options(kind);

	for (int i = 0; i < MLOPS_DETECTOR_OPTIONS; i++)
		options[i] = 0;
	for (int i = 0; i < MLOPS_DETECTOR_OPTIONS && known[i].name != NULL; i++)
		options[i] = known[i].fallback;
}

/* A kind by its name; 22004, 22023. */
static MlopsDetectorKind
kind_argument(FunctionCallInfo fcinfo, int argument)
{
	char	   *name = mlops_required_text(fcinfo, argument, "kind");
	int			kind = mlops_detector_kind(name);

	if (kind < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no detector \"%s\"", name),
				 errhint("There are adwin, page_hinkley, ddm and kswin.")));
	return (MlopsDetectorKind) kind;
}

/* Options out of a jsonb object; 22023. */
static void
read_options(MlopsDetectorKind kind, Jsonb *object, double *options)
{
	MlopsMembers members;

	mlops_object_check(object, "options", "{\"delta\": 0.01}");
	mlops_members_begin(&members, &object->root);
	while (mlops_members_next(&members))
	{
		int			i = find_option(kind, members.name);

		set_option(kind, options, i,
				   option_value(kind, members.name, i, &members.value));
	}
	check_together(kind, options);
}

/* The place of an option; 22023 with the nearest name if there is none. */
static int
find_option(MlopsDetectorKind kind, const char *name)
{
	const MlopsDetectorOption *known = mlops_detector_options(kind);
	const char *names[MLOPS_DETECTOR_OPTIONS];
	const char *closest;
	int			n = 0;

	for (; n < MLOPS_DETECTOR_OPTIONS && known[n].name != NULL; n++)
	{
		if (strcmp(known[n].name, name) == 0)
			return n;
		names[n] = known[n].name;
	}
	closest = mlops_closest_match(name, names, n);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("detector \"%s\" has no option \"%s\"",
					mlops_detector_name(kind), name),
			 closest ? errhint("Perhaps you meant \"%s\".", closest) : 0));
}

/* A number, or the number of a mode; 22023. */
static double
option_value(MlopsDetectorKind kind, const char *name, int i,
			 const JsonbValue *value)
{
	static const char *const modes[] = {"both", "up", "down"};

	if (kind == MLOPS_PAGE_HINKLEY && i == MLOPS_PH_MODE)
	{
		for (int m = 0; m < lengthof(modes); m++)
			if (value->type == jbvString &&
				value->val.string.len == strlen(modes[m]) &&
				memcmp(value->val.string.val, modes[m],
					   value->val.string.len) == 0)
				return m;
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" must be both, up or down", name)));
	}
	if (value->type != jbvNumeric)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" must be a number", name),
				 errhint("Write it without quotes.")));
	return mlops_member_number(value);
}

/* bigint[] of the detections, or of the warnings. */
static Datum
positions(State *state, bool warnings)
{
	const int64 *events = events_of(state);
	Datum	   *elements = palloc(sizeof(Datum) * Max(state->n_events, 1));
	int			n = 0;

	for (int i = 0; i < state->n_events; i++)
		if ((events[i] % 2 == 1) == warnings)
			elements[n++] = Int64GetDatum(events[i] / 2);
	return PointerGetDatum(construct_array(elements, n, INT8OID,
										   sizeof(int64),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}
