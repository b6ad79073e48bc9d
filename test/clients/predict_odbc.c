/*
 * predict_odbc.c
 *		Predictions by ODBC, with statements that are prepared once.
 *
 *	predict_odbc CONNECTION_STRING
 *
 * Does what Predict.java does, but for the array: see there.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sql.h>
#include <sqlext.h>

#define ROWS 5

static SQLHDBC connection;

/*
 * End the program if a call failed, with what the driver says of it.
 */
static void
check(SQLRETURN status, SQLSMALLINT kind, SQLHANDLE handle, const char *what)
{
	SQLCHAR		state[6] = "";
	SQLCHAR		message[500] = "";

	if (SQL_SUCCEEDED(status))
		return;
	SQLGetDiagRec(kind, handle, 1, state, NULL, message, sizeof(message),
				  NULL);
	fprintf(stderr, "%s: %s %s\n", what, state, message);
	exit(1);
}

/*
 * A prepared statement.
 */
static SQLHSTMT
prepare(const char *text)
{
	SQLHSTMT	statement;

	check(SQLAllocHandle(SQL_HANDLE_STMT, connection, &statement),
		  SQL_HANDLE_DBC, connection, "statement");
	check(SQLPrepare(statement, (SQLCHAR *) text, SQL_NTS), SQL_HANDLE_STMT,
		  statement, text);
	return statement;
}

/*
 * Bind a parameter of a type; strings end with a zero.
 */
static void
bind(SQLHSTMT statement, int number, SQLSMALLINT c_type, SQLSMALLINT type,
	 void *value)
{
	static SQLLEN ends = SQL_NTS;

	check(SQLBindParameter(statement, number, SQL_PARAM_INPUT, c_type, type,
						   100, 0, value, 0, c_type == SQL_C_CHAR ? &ends :
						   NULL),
		  SQL_HANDLE_STMT, statement, "parameter");
}

/*
 * Run a statement and print the bits of its number, or its SQLSTATE.
 */
static void
show(const char *name, int id, SQLHSTMT statement)
{
	SQLCHAR		state[6] = "";
	double		value = 0;
	uint64_t	bits;

	if (SQL_SUCCEEDED(SQLExecute(statement)) &&
		SQL_SUCCEEDED(SQLFetch(statement)) &&
		SQL_SUCCEEDED(SQLGetData(statement, 1, SQL_C_DOUBLE, &value, 0, NULL)))
	{
		memcpy(&bits, &value, sizeof(bits));
		printf("%s %d %016" PRIx64 "\n", name, id, bits);
	}
	else
	{
		SQLGetDiagRec(SQL_HANDLE_STMT, statement, 1, state, NULL, NULL, 0,
					  NULL);
		printf("%s %d %s\n", name, id, state);
	}
	SQLFreeStmt(statement, SQL_CLOSE);
}

/*
 * Connect.
 */
static void
connect_to(const char *to)
{
	SQLHENV		environment;

	SQLAllocHandle(SQL_HANDLE_ENV, SQL_NULL_HANDLE, &environment);
	SQLSetEnvAttr(environment, SQL_ATTR_ODBC_VERSION,
				  (SQLPOINTER) SQL_OV_ODBC3, 0);
	SQLAllocHandle(SQL_HANDLE_DBC, environment, &connection);
	check(SQLDriverConnect(connection, NULL, (SQLCHAR *) to, SQL_NTS, NULL, 0,
						   NULL, SQL_DRIVER_NOPROMPT),
		  SQL_HANDLE_DBC, connection, "connection");
}

/*
 * Whether statements are transactions.
 */
static void
set_autocommit(SQLULEN on)
{
	check(SQLSetConnectAttr(connection, SQL_ATTR_AUTOCOMMIT, (SQLPOINTER) on,
							0),
		  SQL_HANDLE_DBC, connection, "autocommit");
}

/*
 * Answer the lines of the standard input.
 */
int
main(int argc, char **argv)
{
	char		model[] = "m";
	char		line[20];
	char		document[200];
	SQLINTEGER	id;
	double		values[3];
	SQLHSTMT	literal;
	SQLHSTMT	table;
	SQLHSTMT	row;
	SQLHSTMT	json;
	int			i;

	connect_to(argc > 1 ? argv[1] : "");
	literal = prepare("SELECT mlops.predict('m', t) FROM t WHERE id = ?");
	bind(literal, 1, SQL_C_SLONG, SQL_INTEGER, &id);
	table = prepare("SELECT mlops.predict(?, t) FROM t WHERE id = ?");
	bind(table, 1, SQL_C_CHAR, SQL_VARCHAR, model);
	bind(table, 2, SQL_C_SLONG, SQL_INTEGER, &id);
	row = prepare("SELECT mlops.predict(?, t) FROM (SELECT ?::float8 AS a, "
				  "?::float8 AS b, ?::float8 AS c) t");
	bind(row, 1, SQL_C_CHAR, SQL_VARCHAR, model);
	for (i = 0; i < 3; i++)
		bind(row, i + 2, SQL_C_DOUBLE, SQL_DOUBLE, &values[i]);
	json = prepare("SELECT mlops.predict_json(?, ?::jsonb)");
	bind(json, 1, SQL_C_CHAR, SQL_VARCHAR, model);
	bind(json, 2, SQL_C_CHAR, SQL_VARCHAR, document);
	while (fgets(line, sizeof(line), stdin) != NULL)
	{
		if (strcmp(line, "begin\n") == 0)
			set_autocommit(SQL_AUTOCOMMIT_OFF);
		for (id = 1; id <= ROWS; id++)
		{
			values[0] = id;
			values[1] = id * 7919 % 200;
			values[2] = id * 31 % 200;
			snprintf(document, sizeof(document),
					 "{\"a\": %f, \"b\": %f, \"c\": %f}", values[0],
					 values[1], values[2]);
			show("literal", id, literal);
			show("table", id, table);
			show("row", id, row);
			show("json", id, json);
		}
		if (strcmp(line, "commit\n") == 0)
		{
			check(SQLEndTran(SQL_HANDLE_DBC, connection, SQL_COMMIT),
				  SQL_HANDLE_DBC, connection, "commit");
			set_autocommit(SQL_AUTOCOMMIT_ON);
		}
		puts("done");
		fflush(stdout);
	}
	return 0;
}
