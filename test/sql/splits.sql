-- How rows fall into training, validation and test.
SET client_min_messages = error;
CREATE TABLE split_data AS
SELECT i AS id, (i * 37) % 101 AS a, i % 5 AS fifth,
	   (ARRAY['x', 'y', 'z', 'z', 'z'])[1 + i % 5] AS class, i % 50 AS customer,
	   i % 4 = 0 AS is_test, i / 10.0::float8 AS y, i % 3 AS rel,
	   (ARRAY['train', 'train', 'validation', 'test'])[1 + i % 4] AS part,
	   timestamp '2024-01-01' + i * interval '1 hour' AS at
FROM generate_series(1, 1000) i;

-- the example
SELECT rows_train, rows_validation, rows_test
FROM mlops.train('split_stratified', 'split_data', target => 'class',
                 features => 'a', split => 'stratified');

CREATE FUNCTION try_split(args text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE r record; d text; h text;
BEGIN
	EXECUTE 'SELECT * FROM mlops.train(''s'', ' || args ||
		', params => ''{"num_boost_round": 2}'')' INTO r;
	RETURN format('%s: %s, %s, %s', r.task, r.rows_train, r.rows_validation, r.rows_test);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
	RETURN format('%s %s | %s | %s', SQLSTATE, SQLERRM, d, h);
END $$;
\pset format unaligned
\pset fieldsep '\n  '
SELECT args, try_split(args) FROM (VALUES
	($$'split_data', 'y', features => 'a', split => 'none'$$),
	($$'split_data', 'y', features => 'a', split => 'stratified'$$),
	($$'split_data', 'y', features => 'a', split => 'time', event_time => 'at'$$),
	($$'split_data', 'y', features => 'a', event_time => 'at'$$),
	($$'split_data', 'class', features => 'a', split => 'column', split_column => 'is_test'$$),
	($$'split_data', 'class', features => 'a', split => 'column', split_column => 'part'$$),
	($$'split_data', 'rel', features => 'a', query_group => 'customer', split => 'column', split_column => 'is_test'$$),
	($$'split_data', 'rel', features => 'a', query_group => 'customer', split => 'stratified'$$),
	($$'split_data', 'rel', features => 'a', query_group => 'fifth', split => 'group', split_column => 'id'$$),
	($$'SELECT *, nullif(customer, 7) AS c FROM split_data', 'rel', features => 'a', query_group => 'c'$$),
	($$'SELECT *, nullif(is_test, true) AS p FROM split_data', 'y', features => 'a', split => 'column', split_column => 'p'$$),
	($$'split_data', 'y', features => 'a', split => 'column', split_column => 'class'$$),
	($$'split_data', 'y', features => 'a', split => 'column', split_column => 'id'$$),
	($$'split_data', 'y', features => 'customer', split => 'group', split_column => 'customer'$$),
	($$'split_data', 'y', features => 'a', split => 'group'$$),
	($$'split_data', 'y', features => 'a', split => 'column'$$),
	($$'split_data', 'y', features => 'a', split => 'time'$$),
	($$'split_data', 'y', features => 'a', split => 'random', split_column => 'customer'$$)
	) v(args);
\pset format aligned

-- random, group: reproducible, about the fractions, another seed is another split
SELECT split, a.rows_test = b.rows_test AS same, abs(a.rows_test - 200) < 80 AS near,
	   a.rows_train + a.rows_validation + a.rows_test AS rows
FROM (VALUES ('random', NULL), ('group', 'customer')) v(split, col),
	 mlops.train('s', 'split_data', 'y', features => 'a', split => v.split, split_column => v.col) a,
	 mlops.train('s', 'split_data', 'y', features => 'a', split => v.split, split_column => v.col) b;
-- the same data in another order: the same rows by group
SELECT count(DISTINCT (rows_train, rows_test)) AS splits
FROM (VALUES ('SELECT * FROM split_data ORDER BY id'), ('SELECT * FROM split_data ORDER BY a, id DESC')) v(source),
	 mlops.train('s', v.source, 'y', features => 'a', split => 'group', split_column => 'customer');
SELECT count(DISTINCT fingerprint_unordered) AS unordered, count(DISTINCT fingerprint_ordered) AS ordered
FROM (SELECT * FROM mlops.runs WHERE model = 's' ORDER BY run_id DESC LIMIT 2) r;
SELECT mlops.drop_model(model) FROM mlops.models WHERE model IN ('s', 'split_stratified');
DROP TABLE split_data;
DROP FUNCTION try_split;
