/*
 * parts.c
 *		Which parts a value yields, by the kind of its input, and those of
 *		network addresses.
 *
 * The names are part of stored signatures: a reader checks them.  A kind that
 * has been stored keeps its parts, in their order; what is wanted besides is
 * a new kind.
 */
#include "postgres.h"

#include <sys/socket.h>

#include "base/compat.h"
#include "data/field.h"
#include "utils/inet.h"

/* Octets of an address that are features: of IPv6 they name the network. */
#define INET_OCTETS		4

/* The bit of the first octet that says: not given by a maker. */
#define MACADDR_LOCAL	0x02

typedef struct KindParts
{
	int			n;
	const char *const *names;	/* NULL: one, called like the column */
} KindParts;

/* hour comes first, dates go without it */
static const char *const moment_names[] = {
	"hour", "day_of_week", "day_of_month", "day_of_year", "month"
};
static const char *const time_names[] = {"hour", "minute", "utc_offset"};
static const char *const inet_names[] = {
	"family", "masklen", "octet_1", "octet_2", "octet_3", "octet_4"
};
static const char *const macaddr_names[] = {
	"octet_1", "octet_2", "octet_3", "local"
};
static const char *const range_names[] = {"lower", "upper", "width"};
static const char *const daterange_names[] = {
	"lower.day_of_week", "lower.day_of_month", "lower.day_of_year",
	"lower.month",
	"upper.day_of_week", "upper.day_of_month", "upper.day_of_year",
	"upper.month",
	"width"
};
static const char *const tsrange_names[] = {
	"lower.hour", "lower.day_of_week", "lower.day_of_month",
	"lower.day_of_year", "lower.month",
	"upper.hour", "upper.day_of_week", "upper.day_of_month",
	"upper.day_of_year", "upper.month",
	"width"
};

static KindParts parts_of(MlopsInputKind kind);
static void inet_parts(Datum value, float *features);
static void macaddr_parts(const unsigned char *octets, float *features);

/*
 * How many features an input of the kind yields; 0 for arrays.
 */
int
mlops_kind_features(MlopsInputKind kind)
{
	return parts_of(kind).n;
}

/*
 * The name of a part, NULL if the kind has no parts with names.
 */
const char *
mlops_kind_part(MlopsInputKind kind, int part)
{
	KindParts	parts = parts_of(kind);

	return parts.names == NULL ? NULL : parts.names[part];
}

void
mlops_field_parts(const MlopsField *field, Datum value, float *features)
{
	switch (field->conversion)
	{
		case MLOPS_FROM_DATE:
		case MLOPS_FROM_TIMESTAMP:
		case MLOPS_FROM_TIMESTAMPTZ:
			(void) mlops_moment_parts(field->conversion,
									  field->kind != MLOPS_INPUT_DATE,
									  field->zone, value, features);
			break;
		case MLOPS_FROM_TIME:
			mlops_time_parts(value, features);
			break;
		case MLOPS_FROM_TIMETZ:
			mlops_timetz_parts(value, features);
			break;
		case MLOPS_FROM_INET:
			inet_parts(value, features);
			break;
		case MLOPS_FROM_MACADDR:
		case MLOPS_FROM_MACADDR8:
			/* both are just their octets */
			macaddr_parts((unsigned char *) DatumGetPointer(value),
						  features);
			break;
		case MLOPS_FROM_ARRAY:
		case MLOPS_FROM_BOOL_ARRAY:
			mlops_array_features(field, value, features);
			break;
		case MLOPS_FROM_BITS:
			mlops_bit_features(field, value, features);
			break;
		default:
			Assert(MLOPS_IS_RANGE(field->conversion));
			mlops_range_features(field, value, features);
			break;
	}
}

/*
 * The parts of a kind.
 */
static KindParts
parts_of(MlopsInputKind kind)
{
	switch (kind)
	{
		case MLOPS_INPUT_NUMBER:
		case MLOPS_INPUT_BOOLEAN:
		case MLOPS_INPUT_CATEGORY:
		case MLOPS_INPUT_INTERVAL:
			return (KindParts) {1, NULL};
		case MLOPS_INPUT_DATE:
			return (KindParts) {lengthof(moment_names) - 1, moment_names + 1};
		case MLOPS_INPUT_TIMESTAMP:
		case MLOPS_INPUT_TIMESTAMPTZ:
			return (KindParts) {lengthof(moment_names), moment_names};
		case MLOPS_INPUT_TIME:
			return (KindParts) {lengthof(time_names) - 1, time_names};
		case MLOPS_INPUT_TIMETZ:
			return (KindParts) {lengthof(time_names), time_names};
		case MLOPS_INPUT_INET:
			return (KindParts) {lengthof(inet_names), inet_names};
		case MLOPS_INPUT_MACADDR:
			return (KindParts) {lengthof(macaddr_names), macaddr_names};
		case MLOPS_INPUT_ARRAY:
		case MLOPS_INPUT_BITS:
			return (KindParts) {0, NULL};
		case MLOPS_INPUT_RANGE:
		case MLOPS_INPUT_INTRANGE:
			return (KindParts) {lengthof(range_names), range_names};
		case MLOPS_INPUT_DATERANGE:
			return (KindParts) {lengthof(daterange_names), daterange_names};
		case MLOPS_INPUT_TSRANGE:
		case MLOPS_INPUT_TSTZRANGE:
			return (KindParts) {lengthof(tsrange_names), tsrange_names};
	}
	return (KindParts) {0, NULL};
}

/*
 * Family (4 or 6), length of the netmask, and the leading octets.
 */
static void
inet_parts(Datum value, float *features)
{
	inet	   *address = DatumGetInetPP(value);

	features[0] = ip_family(address) == PGSQL_AF_INET ? 4 : 6;
	features[1] = ip_bits(address);
	for (int i = 0; i < INET_OCTETS; i++)
		features[2 + i] = ip_addr(address)[i];
	if ((Pointer) address != DatumGetPointer(value))
		pfree(address);
}

/*
 * The octets that name the maker, and whether the address is local, as those
 * are that a device makes up.
 */
static void
macaddr_parts(const unsigned char *octets, float *features)
{
	for (int i = 0; i < 3; i++)
		features[i] = octets[i];
	features[3] = (octets[0] & MACADDR_LOCAL) != 0;
}
