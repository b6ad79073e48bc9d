-- Predictions of rows of a table that the scan's own slot is read for: they
-- are those of the row, whatever the scan, the columns and the statement.
SET client_min_messages = error;
SET mlops.batch = off;
CREATE TYPE sca_size AS ENUM ('small', 'large');
CREATE DOMAIN sca_number AS integer;
CREATE TABLE sca (gone text, id integer PRIMARY KEY, a integer, b float8, word text, size sca_size, number sca_number, late timestamp, y boolean, note text);
INSERT INTO sca SELECT 'x', i, NULLIF(i % 50, 7), sin(i), CASE WHEN i % 9 > 0 THEN 'w' || i % 5 END,
	CASE WHEN i % 2 = 0 THEN 'small' ELSE 'large' END::sca_size, i % 13, '2024-01-01'::timestamp + i * interval '7 hours',
	(i % 50) * 0.1 + sin(i) + i % 2 > 2, repeat('note ', i % 400) FROM generate_series(1, 600) i;
ALTER TABLE sca DROP COLUMN gone;
ANALYZE sca;
SELECT version FROM mlops.train('sca_m', 'sca', 'y', exclude => '{id,note}', params => '{"num_boost_round": 20}');
SELECT version FROM mlops.train('sca_m', 'SELECT b, number, NOT y AS y FROM sca', 'y', params => '{"num_boost_round": 20}', deploy => 'false');
-- a reference that is no constant has the row
CREATE FUNCTION same(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan text := '';
	line text;
	numbered text;
	of_rows text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
		plan := plan || line || E'\n';
	END LOOP;
	EXECUTE format('SELECT md5(string_agg(q::text, '','')) FROM (%s) q', query) INTO numbered;
	EXECUTE format('SELECT md5(string_agg(q::text, '','')) FROM (%s) q',
				   replace(query, $q$('sca_m'$q$, $q$((SELECT 'sca_m'::mlops.model_ref)$q$)) INTO of_rows;
	RETURN CASE WHEN plan ~ '_predict[a-z_]*\([^()]*int2vector' THEN 'numbers' ELSE 'values' END ||
		CASE WHEN numbered = of_rows THEN ', same' ELSE ', other' END;
END $$;
SELECT same($$SELECT id, mlops.predict('sca_m', t) AS p FROM sca t ORDER BY id$$);
SELECT same($$SELECT id, mlops.predict('sca_m', t) AS p FROM sca t WHERE id = 17$$);
SELECT same($$SELECT id, mlops.predict_label('sca_m', t), mlops.predict_proba('sca_m', t), mlops.predict_proba('sca_m', t, 'false'), mlops.predict_margin('sca_m', t), mlops.predict_margins('sca_m', t) FROM sca t WHERE id BETWEEN 30 AND 40$$);
SELECT same($$SELECT id, mlops.predict_margins('sca_m', t), length(note) FROM sca t WHERE a = 3 OR id = 4$$);
SET enable_seqscan = off;
SET enable_indexscan = off;
SELECT same($$SELECT id, mlops.predict('sca_m', t) AS p FROM sca t WHERE id BETWEEN 30 AND 400$$);
SET enable_bitmapscan = off;
SET enable_indexscan = on;
SELECT same($$SELECT id, mlops.predict('sca_m', t) AS p FROM sca t WHERE id BETWEEN 30 AND 400 ORDER BY id DESC$$);
RESET enable_seqscan;
RESET enable_indexscan;
RESET enable_bitmapscan;
-- within expressions, and where some rows are not predicted
SELECT same($$SELECT id, CASE WHEN id % 3 = 0 THEN mlops.predict('sca_m', t) END, COALESCE(NULLIF(mlops.predict('sca_m', t) > 0.5, true), a = 3), round(mlops.predict('sca_m', t)::numeric, 3) + 1 FROM sca t$$);
SELECT same($$SELECT (SELECT max(x) FROM generate_series(1, 1 + (mlops.predict('sca_m', t) * 3)::integer) x), ARRAY[mlops.predict('sca_m', t)] FROM sca t WHERE id < 20$$);
-- arguments of aggregates: the first row of a group is another copy than the others
SET enable_hashagg = off;
SELECT same($$SELECT count(*), sum(mlops.predict('sca_m', t)::numeric), max(id + mlops.predict('sca_m', t)), string_agg(mlops.predict_label('sca_m', t), ',' ORDER BY id DESC) FROM sca t$$);
SELECT same($$SELECT a, word, count(DISTINCT mlops.predict('sca_m', t)), avg(mlops.predict('sca_m', t)::numeric) FILTER (WHERE id % 2 = 0) FROM sca t GROUP BY a, word HAVING min(mlops.predict('sca_m', t)) < 0.9 ORDER BY 1, 2$$);
SELECT same($$SELECT t.a, sum(mlops.predict('sca_m', t)::numeric), min(t.late) FROM sca t JOIN sca u ON u.id = t.id + 1 WHERE t.id < 100 GROUP BY t.a ORDER BY 1$$);
SELECT same($$SELECT sum(mlops.predict('sca_m', t)::numeric) FROM sca t WHERE id < 0$$);
SELECT same($$SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY mlops.predict('sca_m', t)) FROM sca t$$);
RESET enable_hashagg;
SET enable_sort = off;
SET work_mem = '64kB';
SELECT same($$SELECT id, sum(mlops.predict('sca_m', t)::numeric) FROM sca t GROUP BY id$$);
SELECT same($$SELECT count(*), sum(x) FROM (SELECT late, sum(mlops.predict('sca_m', t)::numeric) AS x FROM sca t GROUP BY late) s$$);
SELECT same($$SELECT a, word, sum(mlops.predict('sca_m', t)::numeric), count(*) FROM sca t GROUP BY CUBE (a, word) ORDER BY 1, 2$$);
RESET enable_sort;
RESET work_mem;
-- joins, subqueries, parts, both ways of counting rows
SELECT same($$SELECT s.id, s.p, u.id FROM (SELECT id, mlops.predict('sca_m', t) AS p FROM sca t WHERE a > 3 OFFSET 0) s JOIN sca u ON u.id = s.id + 1 ORDER BY 1$$);
SELECT same($$SELECT u.id, t.id, mlops.predict('sca_m', t) AS p FROM sca u LEFT JOIN sca t ON t.id = u.id * 2 WHERE u.id > 290 ORDER BY 1$$);
SELECT same($$SELECT id, (SELECT mlops.predict('sca_m', t) FROM sca t WHERE t.id = u.id + 1) FROM sca u WHERE id < 30$$);
SELECT same($$SELECT mlops.predict('sca_m', t) AS p FROM sca t WHERE id < 20 UNION ALL SELECT mlops.predict('sca_m', u) FROM sca u WHERE id > 580$$);
SELECT same($$SELECT id, mlops.predict('sca_m', t) AS p FROM sca t ORDER BY id FOR UPDATE$$);
CREATE TABLE sca_part (number sca_number, y boolean, size sca_size, a integer, id integer, b float8, late timestamp, word text) PARTITION BY RANGE (id);
CREATE TABLE sca_part_1 PARTITION OF sca_part FOR VALUES FROM (0) TO (300);
CREATE TABLE sca_part_2 (b float8, gone integer, y boolean, size sca_size, word text, number sca_number, a integer, id integer, late timestamp);
ALTER TABLE sca_part_2 DROP COLUMN gone;
ALTER TABLE sca_part ATTACH PARTITION sca_part_2 FOR VALUES FROM (300) TO (700);
INSERT INTO sca_part (number, y, size, a, id, b, late, word) SELECT number, y, size, a, id, b, late, word FROM sca;
SELECT same($$SELECT id, mlops.predict('sca_m', t) AS p FROM sca_part t ORDER BY id$$);
SELECT sum(abs(p.p - q.p)) FROM (SELECT id, mlops.predict('sca_m', t) AS p FROM sca_part t) p JOIN (SELECT id, mlops.predict('sca_m', t) AS p FROM sca t) q USING (id);
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
ALTER TABLE sca SET (parallel_workers = 2);
SELECT same($$SELECT sum(a), sum(mlops.predict('sca_m', t)::numeric) FROM sca t$$);
SELECT same($$SELECT sum(a), sum(p) FROM (SELECT id, a, mlops.predict_margin('sca_m', t)::numeric AS p FROM sca t OFFSET 0) s$$);
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
-- statements that are kept, while what they read and what serves changes
PREPARE one(integer) AS SELECT id, round(mlops.predict('sca_m', t)::numeric, 5) = round(mlops.predict((SELECT 'sca_m'::mlops.model_ref), t)::numeric, 5) AS same, mlops.predict('sca_m', t) > 0.5 AS p FROM sca t WHERE id = $1;
SET plan_cache_mode = force_generic_plan;
EXECUTE one(8);
EXECUTE one(9);
ALTER TABLE sca ADD COLUMN more integer DEFAULT 5;
EXECUTE one(8);
ALTER TABLE sca DROP COLUMN note;
ALTER TABLE sca ALTER COLUMN a TYPE numeric;
EXECUTE one(8);
SELECT mlops.deploy('sca_m/2');
EXECUTE one(8);
BEGIN;
SELECT mlops.deploy('sca_m/1');
EXECUTE one(8);
DECLARE c SCROLL CURSOR FOR SELECT id, mlops.predict('sca_m', t) = mlops.predict((SELECT 'sca_m'::mlops.model_ref), t) AS same FROM sca t WHERE id BETWEEN 100 AND 104;
FETCH 3 FROM c;
ROLLBACK;
ALTER TABLE sca RENAME COLUMN b TO c;
EXECUTE one(8);
ALTER TABLE sca RENAME COLUMN c TO b;
EXECUTE one(8);
RESET plan_cache_mode;
-- in functions, in tables that are made, and in changes
CREATE FUNCTION scored(integer) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	p float8;
BEGIN
	FOR i IN 1 .. 3 LOOP
		SELECT mlops.predict('sca_m', t) INTO p FROM sca t WHERE id = $1;
	END LOOP;
	RETURN p;
END $$;
CREATE TABLE sca_made AS SELECT id, mlops.predict('sca_m', t) AS p FROM sca t;
SELECT count(*), sum((m.p = scored(id))::integer) AS same FROM sca_made m WHERE id < 50;
UPDATE sca_made m SET p = p - mlops.predict('sca_m', t) FROM sca t WHERE t.id = m.id;
INSERT INTO sca_made SELECT 1000 + id, mlops.predict('sca_m', t) - mlops.predict((SELECT 'sca_m'::mlops.model_ref), t) FROM sca t WHERE id < 10;
WITH u AS (UPDATE sca_made SET p = p WHERE id = 1 RETURNING id) SELECT u.id, mlops.predict('sca_m', t) = mlops.predict((SELECT 'sca_m'::mlops.model_ref), t) AS same FROM u JOIN sca t USING (id);
SELECT count(*), sum(p) FROM sca_made;
-- numbers that nobody has told a call of are no values
SELECT mlops._predict('sca_m', '{b,number}', '3 4'::int2vector);
SELECT mlops._predict('sca_m', '{b,number}', '3 4'::int2vector) FROM sca WHERE id = 1;
SELECT mlops.predict('sca_m', t), mlops._predict('sca_m', '{b,number}', '3 4'::int2vector) FROM sca t WHERE id = 1;
SELECT mlops.drop_model('sca_m');
DROP TABLE sca, sca_part, sca_made;
DROP FUNCTION same, scored;
DROP TYPE sca_size;
DROP DOMAIN sca_number;
