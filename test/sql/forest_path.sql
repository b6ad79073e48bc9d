-- Every path of evaluation gives the same predictions, with missing values,
-- categories and none of either.
SET client_min_messages = warning;
CREATE TABLE path_rows AS
  SELECT i, sin(i * 0.37) AS a, cos(i * 0.11) * 5 AS b,
         CASE WHEN i % 7 = 0 THEN NULL ELSE i % 90 END AS c,
         CASE WHEN i % 11 = 0 THEN NULL ELSE 'kind ' || i % 5 END AS d,
         sin(i * 0.37) * (i % 90) + cos(i * 0.11) AS y
  FROM generate_series(1, 3000) AS i;
SELECT version FROM mlops.train('path_numbers', 'SELECT a, b, c, y FROM path_rows', 'y',
                                params => '{"num_boost_round": 40}');
SELECT version FROM mlops.train('path_kinds', 'SELECT a, b, c, d, y > 0 AS y FROM path_rows', 'y',
                                params => '{"num_boost_round": 40, "max_depth": 9}');
CREATE TABLE path_predictions (path text, i int, numbers float8, kinds float8);
DO $$
DECLARE
  path text;
BEGIN
  FOR path IN SELECT unnest(enumvals) FROM pg_settings
              WHERE name = 'mlops.forest_path'
  LOOP
    BEGIN
      PERFORM set_config('mlops.forest_path', path, false);
      INSERT INTO path_predictions
        SELECT path, t.i, mlops.predict('path_numbers', t),
               mlops.predict('path_kinds', t)
        FROM path_rows t;
    EXCEPTION WHEN invalid_parameter_value THEN
      NULL;  -- not on this processor
    END;
  END LOOP;
END
$$;
RESET mlops.forest_path;
SELECT bool_and(count = 3000) AS all_rows, count(*) >= 2 AS paths
  FROM (SELECT count(*) FROM path_predictions GROUP BY path) AS s;
SELECT count(*) AS differing
  FROM (SELECT i FROM path_predictions GROUP BY i
        HAVING count(DISTINCT numbers) <> 1 OR count(DISTINCT kinds) <> 1) AS s;
-- what is no path
SET mlops.forest_path = 'fast';
SHOW mlops.forest_path;
DROP TABLE path_rows, path_predictions;
SELECT mlops.drop_model('path_numbers');
SELECT mlops.drop_model('path_kinds');
