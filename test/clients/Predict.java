/*
 * Predict.java
 *	Predictions by JDBC, with statements that are prepared once.
 *
 *	java -cp postgresql.jar Predict.java URL
 *
 * Prepares its statements, and runs all of them each time when a line comes
 * from the standard input: in a transaction if it says "begin", which goes on
 * until a line says "commit".  Prints a line for each result, its name and the
 * bits of the number or the SQLSTATE of the error, and then "done".
 */
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.sql.Array;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;

public class Predict
{
	private static final int ROWS = 5;
	private static final String ROW =
		"(SELECT ?::float8 AS a, ?::float8 AS b, ?::float8 AS c) t";

	private final Connection connection;
	private final PreparedStatement literal;
	private final PreparedStatement table;
	private final PreparedStatement row;
	private final PreparedStatement json;
	private final PreparedStatement array;

	private Predict(String url) throws SQLException
	{
		connection = DriverManager.getConnection(url);
		literal = connection.prepareStatement(
			"SELECT mlops.predict('m', t) FROM t WHERE id = ?");
		table = connection.prepareStatement(
			"SELECT mlops.predict(?, t) FROM t WHERE id = ?");
		row = connection.prepareStatement(
			"SELECT mlops.predict(?, t) FROM " + ROW);
		json = connection.prepareStatement(
			"SELECT mlops.predict_json(?, ?::jsonb)");
		array = connection.prepareStatement(
			"SELECT mlops.predict_array(?, ?::float8[])");
	}

	/** Run a statement whose parameters are set, and print its number. */
	private static void show(String name, PreparedStatement statement)
	{
		try (ResultSet result = statement.executeQuery())
		{
			result.next();
			System.out.printf("%s %016x%n", name,
							  Double.doubleToLongBits(result.getDouble(1)));
		}
		catch (SQLException error)
		{
			System.out.println(name + " " + error.getSQLState());
		}
	}

	/** The statements for one row; its values are those of the table. */
	private void predict(int id) throws SQLException
	{
		double[] values = {id, id * 7919 % 200, id * 31 % 200};
		Array numbers = connection.createArrayOf("float8",
			new Object[] {values[0], values[1]});

		literal.setInt(1, id);
		show("literal " + id, literal);
		table.setString(1, "m");
		table.setInt(2, id);
		show("table " + id, table);
		row.setString(1, "m");
		for (int i = 0; i < 3; i++)
			row.setDouble(i + 2, values[i]);
		show("row " + id, row);
		json.setString(1, "m");
		json.setString(2, String.format("{\"a\": %f, \"b\": %f, \"c\": %f}",
										values[0], values[1], values[2]));
		show("json " + id, json);
		array.setString(1, "m");
		array.setArray(2, numbers);
		show("array " + id, array);
	}

	public static void main(String[] arguments) throws Exception
	{
		Predict client = new Predict(arguments[0]);
		BufferedReader input =
			new BufferedReader(new InputStreamReader(System.in));
		String line;

		while ((line = input.readLine()) != null)
		{
			if (line.equals("begin"))
				client.connection.setAutoCommit(false);
			for (int id = 1; id <= ROWS; id++)
				client.predict(id);
			if (line.equals("commit"))
				client.connection.setAutoCommit(true);
			System.out.println("done");
			System.out.flush();
		}
	}
}
