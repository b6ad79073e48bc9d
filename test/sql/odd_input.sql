-- What no training has seen: NaN, infinity, numbers out of range, texts that
-- are no numbers, and columns whose type has changed.
SET client_min_messages = error;
SET mlops.batch_min_splits = 0;
-- trees that part high values, low ones and missing ones of each column
CREATE TABLE odd AS
SELECT i AS id, CASE WHEN i % 7 <> 0 THEN (i * 37 % 101) / 101.0::float8 END AS f8, CASE WHEN i % 5 <> 0 THEN (i * 53 % 97) / 97.0::real END AS f4,
	   CASE WHEN i % 6 <> 0 THEN (i * 29 % 89) / 89.0 END AS num, i * 31 % 83 AS i4, 0.0::float8 AS y
FROM generate_series(1, 2000) i;
UPDATE odd SET y = CASE WHEN f8 > 0.5 THEN 10 WHEN f8 <= 0.5 THEN -10 ELSE 30 END + CASE WHEN f4 > 0.5 THEN 20 WHEN f4 <= 0.5 THEN -20 ELSE 60 END
				   + CASE WHEN num > 0.5 THEN 40 WHEN num <= 0.5 THEN -40 ELSE 100 END + i4 / 50.0;
SELECT version FROM mlops.train('odd', 'odd', 'y', features => '{f8,f4,num,i4}', params => '{"num_boost_round": 30}');

-- the values, and what XGBoost sees in their place: a number beyond all
-- thresholds, or nothing
CREATE TABLE odd_value (what text PRIMARY KEY, v numeric, f8 float8, f4 real, number float8, missing boolean);
INSERT INTO odd_value VALUES
	('NaN', 'NaN', 'NaN', 'NaN', 'NaN', true), ('NULL', NULL, NULL, NULL, NULL, true),
	('Infinity', 'Infinity', 'Infinity', 'Infinity', 1e30, false), ('-Infinity', '-Infinity', '-Infinity', '-Infinity', -1e30, false),
	('1e39', 1e39, 1e39, 'Infinity', 1e30, false), ('-1e39', -1e39, -1e39, '-Infinity', -1e30, false),
	('1e400', 1e400, 'Infinity', 'Infinity', 1e30, false), ('-1e400', -1e400, '-Infinity', '-Infinity', -1e30, false),
	('1e-400', 1e-400, 0, 0, 0, false), ('-1e-50', -1e-50, -1e-50, 0, 0, false), ('-0', 0, '-0', '-0', 0, false);
-- a row for each value and column
CREATE VIEW odd_row AS
SELECT what, c, CASE WHEN c = 1 THEN f8 ELSE 0.25 END AS f8, CASE WHEN c = 2 THEN f4 ELSE 0.75::real END AS f4,
	   CASE WHEN c = 3 THEN v ELSE 0.75 END AS num, 40 AS i4,
	   CASE WHEN c = 1 THEN number ELSE 0.25 END AS n1, CASE WHEN c = 2 THEN number ELSE 0.75::real END AS n2,
	   CASE WHEN c = 3 THEN number ELSE 0.75 END AS n3, missing
FROM odd_value, generate_series(1, 3) c;
CREATE TABLE odd_table AS SELECT r.* FROM odd_row r, generate_series(1, 30);
ANALYZE odd_table;
CREATE TABLE odd_expected AS
SELECT what, c, mlops.predict('odd', x) AS p
FROM odd_row r, LATERAL (SELECT n1 AS f8, n2 AS f4, n3 AS num, 40 AS i4) x;
-- it matters for each column: high values and low ones, or missing ones, differ
SELECT c, count(DISTINCT p) AS ways, count(DISTINCT p) FILTER (WHERE what IN ('NaN', 'NULL')) AS missing,
	   count(DISTINCT p) FILTER (WHERE what IN ('Infinity', '1e39', '1e400')) AS high,
	   count(DISTINCT p) FILTER (WHERE what IN ('-Infinity', '-1e39', '-1e400')) AS low
FROM odd_expected GROUP BY c ORDER BY c;
-- row by row with columns, as a row, in batches, as JSON, as an array
SET mlops.batch = off;
SELECT count(*) AS n, count(*) FILTER (WHERE mlops.predict('odd', t) IS DISTINCT FROM p) AS columns,
	   count(*) FILTER (WHERE mlops.predict('odd' || left(what, 0), t) IS DISTINCT FROM p) AS "row"
FROM odd_table t JOIN odd_expected USING (what, c);
SET mlops.batch = on;
CREATE TEMP TABLE odd_batch AS SELECT what, c, mlops.predict('odd', t) AS b FROM odd_table t;
EXPLAIN (COSTS OFF) SELECT what, c, mlops.predict('odd', t) AS b FROM odd_table t;
SELECT count(*) AS n, count(*) FILTER (WHERE b IS DISTINCT FROM p) AS batch FROM odd_batch JOIN odd_expected USING (what, c);
SELECT count(*) AS n,
	   count(*) FILTER (WHERE mlops.predict_json('odd', to_jsonb(t)) IS DISTINCT FROM p) AS json,
	   count(*) FILTER (WHERE mlops.predict_json('odd', (SELECT jsonb_object_agg(key, value) FROM jsonb_each_text(to_jsonb(t)))) IS DISTINCT FROM p) AS texts,
	   count(*) FILTER (WHERE mlops.predict_array('odd', ARRAY[f8, f4, num, i4]::float8[]) IS DISTINCT FROM p) AS arrays
FROM odd_row t JOIN odd_expected USING (what, c) WHERE what !~ '1e-?400';
SELECT count(*) AS n,
	   count(*) FILTER (WHERE mlops.predict_array('odd', ARRAY[f8::numeric, f4::numeric, num, i4]) IS DISTINCT FROM p) AS numerics,
	   count(*) FILTER (WHERE mlops.predict_array('odd', ARRAY[f8::real, f4, num::float8::real, i4]) IS DISTINCT FROM p) AS reals
FROM odd_row t JOIN odd_expected USING (what, c) WHERE what !~ '1e';
-- in explanations they are the same values
SELECT count(*) AS n, count(*) FILTER (WHERE e.contribution IS DISTINCT FROM x.contribution) AS differ
FROM odd_row r, LATERAL (SELECT f8, f4, num, i4 FROM odd_row o WHERE (o.what, o.c) = (r.what, r.c)) t, mlops.explain('odd', t) e
JOIN LATERAL (SELECT x.* FROM (SELECT n1 AS f8, n2 AS f4, n3 AS num, 40 AS i4) s, mlops.explain('odd', s) x) x USING (feature);

-- texts in a jsonb that are no numbers: the column is named
SELECT left(v::text, 12) AS v, try(format('SELECT mlops.predict_json(''odd'', %L) IS NOT NULL', jsonb_build_object('f8', v, 'f4', 0, 'num', 0, 'i4', 0))) AS f8,
	   try(format('SELECT mlops.predict_json(''odd'', %L) IS NOT NULL', jsonb_build_object('f8', 0, 'f4', v, 'num', 0, 'i4', 0))) AS f4
FROM (VALUES ('one'::text), (''), (' '), ('1,5'), ('1 000'), ('0x'), ('NULL'), ('--1'), ('1e'), ('inf'), ('nan'), (' 2.5 '), ('1e99999'), (repeat('9', 200))) s(v);
SELECT left(v::text, 12) AS v, try(format('SELECT mlops.predict_json(''odd'', %L) IS NOT NULL', jsonb_build_object('f8', v, 'f4', 0, 'num', 0, 'i4', 0))) AS f8
FROM (VALUES ('[1]'::jsonb), ('{}'), ('true'), ('"NaN"'), ('null'), ('1e400')) s(v);
-- a column that is jsonb is to be cast; what is no number there is an error of the cast
CREATE TABLE odd_doc AS SELECT what, jsonb_build_object('f8', 'one') AS doc FROM odd_value LIMIT 1;
SELECT try('SELECT mlops.predict(''odd'', x) FROM odd_doc, LATERAL (SELECT doc->''f8'' AS f8, 0 AS f4, 0 AS num, 0 AS i4) x');
SELECT try('SELECT mlops.predict(''odd'', x) FROM odd_doc, LATERAL (SELECT (doc->>''f8'')::float8 AS f8, 0 AS f4, 0 AS num, 0 AS i4) x');

-- a column whose type has changed since training; statements stay prepared
CREATE TABLE odd_typed AS SELECT i AS id, i % 2 AS f8, 0.75::real AS f4, 0.75 AS num, 40 AS i4 FROM generate_series(1, 200) i;
ANALYZE odd_typed;
PREPARE one AS SELECT mlops.predict('odd', t)::numeric(6, 2) FROM odd_typed t WHERE id = 1;
PREPARE many AS SELECT sum(mlops.predict('odd', t))::numeric(8, 1) FROM odd_typed t;
PREPARE reference(mlops.model_ref) AS SELECT mlops.predict($1, t)::numeric(6, 2) FROM odd_typed t WHERE id = 1;
EXECUTE one;
EXECUTE many;
EXECUTE reference('odd');
CREATE FUNCTION odd_change(change text) RETURNS TABLE (column_type text, one text, many text, reference text, document text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'ALTER TABLE odd_typed ' || change;
	RETURN QUERY SELECT coalesce((SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'odd_typed'::regclass AND attname = 'f8'), '-'),
		try('EXECUTE one'), try('EXECUTE many'), try('EXECUTE reference(''odd'')'),
		try('SELECT mlops.predict_json(''odd'', to_jsonb(t))::numeric(6, 2) FROM odd_typed t WHERE id = 1');
END $$;
\pset format unaligned
SELECT * FROM odd_change('ALTER f8 TYPE smallint');
SELECT * FROM odd_change('ALTER f8 TYPE bigint');
SELECT * FROM odd_change('ALTER f8 TYPE numeric(5, 2)');
SELECT * FROM odd_change('ALTER f8 TYPE real');
SELECT * FROM odd_change('ALTER f8 TYPE text');
SELECT * FROM odd_change('ALTER f8 TYPE boolean USING f8::float8 > 0');
SELECT * FROM odd_change('ALTER f8 TYPE float8[] USING ARRAY[f8::int]');
SELECT * FROM odd_change('ALTER f8 TYPE jsonb USING to_jsonb(f8[1])');
SELECT * FROM odd_change('ALTER f8 TYPE interval USING interval ''1 s''');
SELECT * FROM odd_change('RENAME f8 TO g8');
SELECT * FROM odd_change('ADD f8 float8 DEFAULT 1');
SELECT * FROM odd_change('DROP f8');
\pset format aligned
DEALLOCATE ALL;

-- rows of a type that is altered within a transaction, at one call site
CREATE TABLE odd_altered (id int, f8 float8, f4 real, num numeric, i4 int, p numeric(6, 2));
CREATE FUNCTION odd_fill() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.p := mlops.predict('odd', NEW);
	RETURN NEW;
END $$;
CREATE TRIGGER odd_fill BEFORE INSERT ON odd_altered FOR EACH ROW EXECUTE FUNCTION odd_fill();
BEGIN;
INSERT INTO odd_altered VALUES (1, 1, 0.75, 0.75, 40);
ALTER TABLE odd_altered ALTER f8 TYPE bigint;
INSERT INTO odd_altered VALUES (2, 1, 0.75, 0.75, 40);
ALTER TABLE odd_altered ALTER f8 TYPE numeric, ALTER num TYPE float8, DROP id;
INSERT INTO odd_altered VALUES (1, 0.75, 0.75, 40);
ALTER TABLE odd_altered DROP f8, ADD f8 float8;
INSERT INTO odd_altered (f4, num, i4, f8) VALUES (0.75, 0.75, 40, 1);
SELECT count(*), count(DISTINCT p) FROM odd_altered;
ALTER TABLE odd_altered ALTER f8 TYPE text;
INSERT INTO odd_altered (f4, num, i4, f8) VALUES (0.75, 0.75, 40, '1');
ROLLBACK;
INSERT INTO odd_altered VALUES (1, 1, 0.75, 0.75, 40) RETURNING p;
SELECT mlops.drop_model('odd');
DROP TABLE odd, odd_table, odd_expected, odd_doc, odd_typed, odd_altered, odd_batch;
DROP VIEW odd_row;
DROP TABLE odd_value;
DROP FUNCTION odd_change, odd_fill;
