/*
 * field.c
 *		Values of columns into features: types, texts, numerics.
 *
 * Nothing here writes to the catalog or runs a query: it is on the path of
 * predict, and inside parallel workers.
 */
#include "postgres.h"

#include <math.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "base/compat.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "data/field.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/uuid.h"

/*
 * The on-disk form of numeric, which pg_upgrade keeps: a 16-bit header, for
 * the long form a 16-bit weight, then digits to the base of 10,000.
 */
#define NUMERIC_KIND		0xC000
#define NUMERIC_NEGATIVE	0x4000
#define NUMERIC_SHORT		0x8000
#define NUMERIC_SPECIAL		0xC000
#define SHORT_NEGATIVE		0x2000
#define SHORT_WEIGHT_SIGN	0x0040
#define SHORT_WEIGHT		0x003F

static bool conversion_of_array(Oid type, MlopsConversion *conversion);
static bool conversion_of_range(Oid type, MlopsConversion *conversion);
static bool decode_numeric(const char *data, int size, double *result);
static double scale_digits(int64 digits, int power, bool negative);
static void write_uuid(const pg_uuid_t *uuid, char *buffer);
static int	compare_labels(const void *a, const void *b);
static const char *enum_label(const MlopsField *field, Oid value,
							  char *buffer);

bool
mlops_conversion_of(Oid type, MlopsConversion *conversion)
{
	static const struct
	{
		Oid			type;
		MlopsConversion conversion;
	}			known[] = {
		{INT2OID, MLOPS_FROM_INT2},
		{INT4OID, MLOPS_FROM_INT4},
		{INT8OID, MLOPS_FROM_INT8},
		{FLOAT4OID, MLOPS_FROM_FLOAT4},
		{FLOAT8OID, MLOPS_FROM_FLOAT8},
		{NUMERICOID, MLOPS_FROM_NUMERIC},
		{BOOLOID, MLOPS_FROM_BOOL},
		{DATEOID, MLOPS_FROM_DATE},
		{TIMESTAMPOID, MLOPS_FROM_TIMESTAMP},
		{TIMESTAMPTZOID, MLOPS_FROM_TIMESTAMPTZ},
		{INTERVALOID, MLOPS_FROM_INTERVAL},
		{TIMEOID, MLOPS_FROM_TIME},
		{TIMETZOID, MLOPS_FROM_TIMETZ},
		{INETOID, MLOPS_FROM_INET},
		{CIDROID, MLOPS_FROM_INET},
		{MACADDROID, MLOPS_FROM_MACADDR},
		{MACADDR8OID, MLOPS_FROM_MACADDR8},
		{BITOID, MLOPS_FROM_BITS},
		{VARBITOID, MLOPS_FROM_BITS},
		{TEXTOID, MLOPS_FROM_TEXT},
		{VARCHAROID, MLOPS_FROM_TEXT},
		{BPCHAROID, MLOPS_FROM_BPCHAR},
		{NAMEOID, MLOPS_FROM_NAME},
		{CHAROID, MLOPS_FROM_CHAR},
		{UUIDOID, MLOPS_FROM_UUID},
	};
	Oid			base = type;

	/* most often it is one of those; else perhaps a domain over one */
	for (int round = 0; round < 2; round++)
	{
		for (int i = 0; i < lengthof(known); i++)
		{
			if (known[i].type == base)
			{
				*conversion = known[i].conversion;
				return true;
			}
		}
		if (round == 0)
			base = getBaseType(type);
	}
	*conversion = MLOPS_FROM_ENUM;
	return type_is_enum(base) || conversion_of_array(base, conversion) ||
		conversion_of_range(base, conversion);
}

/*
 * The kind of input that a column becomes at training.
 */
MlopsInputKind
mlops_conversion_kind(MlopsConversion conversion)
{
	if (MLOPS_IS_NUMBER(conversion))
		return MLOPS_INPUT_NUMBER;
	switch (conversion)
	{
		case MLOPS_FROM_BOOL:
			return MLOPS_INPUT_BOOLEAN;
		case MLOPS_FROM_DATE:
			return MLOPS_INPUT_DATE;
		case MLOPS_FROM_TIMESTAMP:
			return MLOPS_INPUT_TIMESTAMP;
		case MLOPS_FROM_TIMESTAMPTZ:
			return MLOPS_INPUT_TIMESTAMPTZ;
		case MLOPS_FROM_INTERVAL:
			return MLOPS_INPUT_INTERVAL;
		case MLOPS_FROM_TIME:
			return MLOPS_INPUT_TIME;
		case MLOPS_FROM_TIMETZ:
			return MLOPS_INPUT_TIMETZ;
		case MLOPS_FROM_INET:
			return MLOPS_INPUT_INET;
		case MLOPS_FROM_MACADDR:
		case MLOPS_FROM_MACADDR8:
			return MLOPS_INPUT_MACADDR;
		case MLOPS_FROM_ARRAY:
			return MLOPS_INPUT_ARRAY;
		case MLOPS_FROM_BOOL_ARRAY:
		case MLOPS_FROM_BITS:
			return MLOPS_INPUT_BITS;
		case MLOPS_FROM_RANGE:
			return MLOPS_INPUT_RANGE;
		case MLOPS_FROM_INT_RANGE:
			return MLOPS_INPUT_INTRANGE;
		case MLOPS_FROM_DATERANGE:
			return MLOPS_INPUT_DATERANGE;
		case MLOPS_FROM_TSRANGE:
			return MLOPS_INPUT_TSRANGE;
		case MLOPS_FROM_TSTZRANGE:
			return MLOPS_INPUT_TSTZRANGE;
		default:
			Assert(MLOPS_IS_CATEGORY(conversion));
			return MLOPS_INPUT_CATEGORY;
	}
}

void
mlops_field_bind(MlopsField *field, Oid type, const MlopsInput *input,
				 const char *time_zone)
{
	Oid			base = getBaseType(type);
	Oid			element = InvalidOid;

	field->kind = input->kind;
	field->first_feature = input->first_feature;
	field->n_features = input->n_features;
	if (field->conversion == MLOPS_FROM_ENUM)
		field->labels = mlops_enum_labels(type, &field->n_labels);
	if (MLOPS_KIND_HAS_ZONE(input->kind))
		field->zone = mlops_time_zone(time_zone);
	if (MLOPS_IS_ARRAY(field->conversion))
	{
		field->name = pstrdup(input->name);
		element = get_element_type(base);
	}
	if (MLOPS_IS_RANGE(field->conversion))
	{
		/* such an entry stays for as long as the backend lives */
		field->range = lookup_type_cache(base, TYPECACHE_RANGE_INFO);
		element = get_range_subtype(base);
	}
	if (OidIsValid(element))
	{
		(void) mlops_conversion_of(element, &field->element);
		get_typlenbyvalalign(element, &field->element_length,
							 &field->element_by_value,
							 &field->element_align);
	}
}

MlopsEnumLabel *
mlops_enum_labels(Oid enum_type, int *n_labels)
{
	MlopsEnumLabel *labels;
	int			n = 0;
	int			room = 16;
	Relation	relation;
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;

	labels = palloc(sizeof(MlopsEnumLabel) * room);
	ScanKeyInit(&key, Anum_pg_enum_enumtypid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(getBaseType(enum_type)));
	relation = table_open(EnumRelationId, AccessShareLock);
	scan = systable_beginscan(relation, EnumTypIdLabelIndexId, true, NULL,
							  1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_enum form = (Form_pg_enum) GETSTRUCT(tuple);

		if (n == room)
		{
			room *= 2;
			labels = repalloc(labels, sizeof(MlopsEnumLabel) * room);
		}
		labels[n].oid = form->oid;
		labels[n].label = pstrdup(NameStr(form->enumlabel));
		n++;
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);

	qsort(labels, n, sizeof(MlopsEnumLabel), compare_labels);
	*n_labels = n;
	return labels;
}

double
mlops_enum_position(Oid enum_type, const char *label)
{
	HeapTuple	tuple = SearchSysCache2(ENUMTYPOIDNAME,
										ObjectIdGetDatum(enum_type),
										CStringGetDatum(label));
	double		position;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "enum %u has no label \"%s\"", enum_type, label);
	position = ((Form_pg_enum) GETSTRUCT(tuple))->enumsortorder;
	ReleaseSysCache(tuple);
	return position;
}

/*
 * The bytes of a category as text output gives them, without the padding of
 * bpchar.  A toasted value is fetched; _close frees that.
 */
void
mlops_bytes_open(const MlopsField *field, Datum value, MlopsBytes *bytes)
{
	struct varlena *packed;

	bytes->owned = NULL;
	switch (field->conversion)
	{
		case MLOPS_FROM_TEXT:
		case MLOPS_FROM_BPCHAR:
			packed = PG_DETOAST_DATUM_PACKED(value);
			if ((Pointer) packed != DatumGetPointer(value))
				bytes->owned = packed;
			bytes->bytes = VARDATA_ANY(packed);
			bytes->length = VARSIZE_ANY_EXHDR(packed);
			if (field->conversion == MLOPS_FROM_BPCHAR)
				while (bytes->length > 0 &&
					   bytes->bytes[bytes->length - 1] == ' ')
					bytes->length--;
			break;
		case MLOPS_FROM_NAME:
			bytes->bytes = NameStr(*DatumGetName(value));
			bytes->length = strnlen(bytes->bytes, NAMEDATALEN);
			break;
		case MLOPS_FROM_CHAR:
			/* a byte that is no character of its own is written \ooo */
			if (IS_HIGHBIT_SET(DatumGetChar(value)))
				snprintf(bytes->buffer, sizeof(bytes->buffer), "\\%03o",
						 (unsigned char) DatumGetChar(value));
			else
			{
				bytes->buffer[0] = DatumGetChar(value);
				bytes->buffer[1] = '\0';
			}
			bytes->bytes = bytes->buffer;
			bytes->length = strlen(bytes->buffer);
			break;
		case MLOPS_FROM_UUID:
			write_uuid(DatumGetUUIDP(value), bytes->buffer);
			bytes->bytes = bytes->buffer;
			bytes->length = strlen(bytes->buffer);
			break;
		default:
			Assert(field->conversion == MLOPS_FROM_ENUM);
			bytes->bytes = enum_label(field, DatumGetObjectId(value),
									  bytes->buffer);
			bytes->length = strlen(bytes->bytes);
			break;
	}
}

void
mlops_bytes_close(MlopsBytes *bytes)
{
	if (bytes->owned != NULL)
		pfree(bytes->owned);
	bytes->owned = NULL;
}

double
mlops_numeric_to_double(Datum value)
{
	struct varlena *packed = PG_DETOAST_DATUM_PACKED(value);
	double		result;

	if (!decode_numeric(VARDATA_ANY(packed), VARSIZE_ANY_EXHDR(packed),
						&result))
		result = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
													value));
	if ((Pointer) packed != DatumGetPointer(value))
		pfree(packed);
	return result;
}

/*
 * The conversion of an array of numbers or booleans; false if it is none.
 */
static bool
conversion_of_array(Oid type, MlopsConversion *conversion)
{
	Oid			element = get_element_type(type);
	MlopsConversion of;

	if (!OidIsValid(element) || !mlops_conversion_of(element, &of) ||
		of > MLOPS_FROM_BOOL)
		return false;
	*conversion = of == MLOPS_FROM_BOOL ? MLOPS_FROM_BOOL_ARRAY :
		MLOPS_FROM_ARRAY;
	return true;
}

/*
 * The conversion of a range of numbers, dates or timestamps; false if it is
 * none.
 */
static bool
conversion_of_range(Oid type, MlopsConversion *conversion)
{
	Oid			subtype = get_range_subtype(type);
	MlopsConversion of;

	if (!OidIsValid(subtype) || !mlops_conversion_of(subtype, &of))
		return false;
	if (MLOPS_IS_INTEGER(of))
		*conversion = MLOPS_FROM_INT_RANGE;
	else if (MLOPS_IS_NUMBER(of))
		*conversion = MLOPS_FROM_RANGE;
	else if (of == MLOPS_FROM_DATE)
		*conversion = MLOPS_FROM_DATERANGE;
	else if (of == MLOPS_FROM_TIMESTAMP)
		*conversion = MLOPS_FROM_TSRANGE;
	else if (of == MLOPS_FROM_TIMESTAMPTZ)
		*conversion = MLOPS_FROM_TSTZRANGE;
	else
		return false;
	return true;
}

/*
 * Convert a numeric of few digits; false if it takes the long way.  data is
 * what follows the length word, and may be unaligned.  The result is the
 * nearest double: see scale_digits().
 */
static bool
decode_numeric(const char *data, int size, double *result)
{
	uint16		header;
	int16		weight;
	int			at = sizeof(uint16);
	int			n_digits;
	int64		digits = 0;
	bool		negative;

	if (size < at)
		return false;
	memcpy(&header, data, sizeof(header));
	if ((header & NUMERIC_KIND) == NUMERIC_SPECIAL)
		return false;
	if ((header & NUMERIC_KIND) == NUMERIC_SHORT)
	{
		weight = header & SHORT_WEIGHT;
		if (header & SHORT_WEIGHT_SIGN)
			weight -= SHORT_WEIGHT_SIGN;
		negative = (header & SHORT_NEGATIVE) != 0;
	}
	else
	{
		if (size < at + sizeof(weight))
			return false;
		memcpy(&weight, data + at, sizeof(weight));
		at += sizeof(weight);
		negative = (header & NUMERIC_KIND) == NUMERIC_NEGATIVE;
	}

	n_digits = (size - at) / sizeof(int16);
	if (n_digits > 4)
		return false;
	for (int i = 0; i < n_digits; i++)
	{
		int16		digit;

		memcpy(&digit, data + at + i * sizeof(int16), sizeof(digit));
		digits = digits * 10000 + digit;
	}
	*result = scale_digits(digits, weight - n_digits + 1, negative);
	return !isnan(*result);
}

/*
 * digits * 10000^power, correctly rounded: both factors are exact doubles,
 * so the one operation rounds once.  NaN where they would not be.
 */
static double
scale_digits(int64 digits, int power, bool negative)
{
	static const double powers[] = {1, 1e4, 1e8, 1e12, 1e16, 1e20};
	double		result;

	if (digits == 0)
		return 0;
	if (digits > (INT64CONST(1) << 53) || abs(power) >= lengthof(powers))
		return get_float8_nan();
	if (power >= 0)
		result = digits * powers[power];
	else
		result = digits / powers[-power];
	return negative ? -result : result;
}

/*
 * Write a uuid as its output function does.
 */
static void
write_uuid(const pg_uuid_t *uuid, char *buffer)
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < UUID_LEN; i++)
	{
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*buffer++ = '-';
		*buffer++ = digits[uuid->data[i] >> 4];
		*buffer++ = digits[uuid->data[i] & 0x0F];
	}
	*buffer = '\0';
}

/*
 * qsort() comparator of enum labels by oid.
 */
static int
compare_labels(const void *a, const void *b)
{
	Oid			left = ((const MlopsEnumLabel *) a)->oid;
	Oid			right = ((const MlopsEnumLabel *) b)->oid;

	return left < right ? -1 : left > right;
}

/*
 * The label of an enum value.  One that was added after the column was bound
 * is looked up and copied to buffer[NAMEDATALEN].
 */
static const char *
enum_label(const MlopsField *field, Oid value, char *buffer)
{
	int			low = 0;
	int			high = field->n_labels;
	HeapTuple	tuple;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (field->labels[middle].oid == value)
			return field->labels[middle].label;
		if (field->labels[middle].oid < value)
			low = middle + 1;
		else
			high = middle;
	}
	tuple = SearchSysCache1(ENUMOID, ObjectIdGetDatum(value));
	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid internal value for enum: %u", value)));
	strlcpy(buffer, NameStr(((Form_pg_enum) GETSTRUCT(tuple))->enumlabel),
			NAMEDATALEN);
	ReleaseSysCache(tuple);
	return buffer;
}
