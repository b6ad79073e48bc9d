-- Plans that predict many rows at a time: the same rows, bit for bit and in
-- the same order, as row by row, by every path; and where they may not.
SET client_min_messages = error;
SET max_parallel_workers_per_gather = 0;
CREATE TABLE bat (gone int, id int PRIMARY KEY, a int, "Größe" float8, n numeric, r real, kind text, code varchar(9),
	ok boolean, at timestamp, day date, arr float8[], pad text, y boolean, cls text, num float8);
ALTER TABLE bat DROP COLUMN gone;
INSERT INTO bat SELECT i, CASE WHEN i % 7 > 0 THEN i * 37 % 101 END,
	CASE i % 50 WHEN 1 THEN 'NaN' WHEN 2 THEN 'infinity' WHEN 3 THEN '-infinity' WHEN 4 THEN NULL ELSE i * 53 % 89 / 7.0 END,
	CASE WHEN i % 5 > 0 THEN i * 29 % 97 / 3.0 END, i % 13, (ARRAY['red', 'green', NULL, 'blue'])[1 + i * 7 % 4],
	'c' || i % 9, i % 3 = 0, timestamp '2024-01-01' + i * interval '7 hours', date '2024-01-01' + i % 400,
	ARRAY[i % 17, i % 19], repeat('x', i % 40), i * 37 % 101 + i * 53 % 89 + i * 7 % 4 * 20 > 120,
	(ARRAY['x', 'y', 'z'])[1 + (i * 37 % 101 + i % 13) / 45], i * 37 % 101 + i % 13 * 2.5
FROM generate_series(1, 1500) i;
ANALYZE bat;
CREATE VIEW bat_rows AS SELECT id, a, "Größe", n, r, kind, code, ok, at, day, arr, pad FROM bat;
CREATE VIEW bat_train AS SELECT a, CASE WHEN abs("Größe") < 1e9 THEN "Größe" END AS "Größe", n, r, kind, code, ok, at, day, y, cls, num FROM bat;

CREATE TABLE bat_model (name text, query text, target text, params jsonb);
INSERT INTO bat_model VALUES
	('bat_two', 'SELECT a, "Größe", n, r, kind, code, ok, at, day, y FROM bat_train', 'y', '{"num_boost_round": 30}'),
	('bat_three', 'SELECT a, "Größe", n, kind, cls FROM bat_train', 'cls', '{"num_boost_round": 12}'),
	('bat_num', 'SELECT a, "Größe", r, num FROM bat_train', 'num', '{"num_boost_round": 25, "max_depth": 3}'),
	('bat_deep', 'SELECT a, "Größe", n, r, num FROM bat_train', 'num', '{"num_boost_round": 8, "max_depth": 12}'),
	('bat_dart', 'SELECT a, "Größe", r, num FROM bat_train', 'num', '{"num_boost_round": 20, "booster": "dart", "rate_drop": 0.3}'),
	('bat_linear', 'SELECT a, r, n, num FROM bat_train', 'num', '{"num_boost_round": 10, "booster": "gblinear"}'),
	('bat_raw', 'SELECT a, "Größe", y FROM bat_train', 'y', '{"num_boost_round": 9, "objective": "binary:logitraw"}'),
	('bat_array', 'SELECT a, arr, num FROM bat', 'num', '{"num_boost_round": 9}');
SELECT name, (mlops.train(name, query, target, params => params)).version FROM bat_model;
-- more columns than a function takes
CREATE FUNCTION bat_wide_query(n int) RETURNS text LANGUAGE sql AS
$$ SELECT format('SELECT i AS id, %s, i %% 10 + i %% 7 AS y FROM generate_series(1, %s) i',
	string_agg(format('CASE WHEN (i + %s) %% 9 > 0 THEN i * %s %% 83 END AS w%s', k, k, k), ', '), n)
   FROM generate_series(1, 120) k $$;
SELECT format('CREATE TABLE bat_wide AS %s', bat_wide_query(600)) \gexec
ANALYZE bat_wide;
SELECT version FROM mlops.train('bat_wide', 'SELECT * FROM bat_wide', 'y', exclude => 'id', params => '{"num_boost_round": 10}');

-- What is batched: heavy models over many rows.
SHOW mlops.batch;
SHOW mlops.batch_min_splits;
EXPLAIN (VERBOSE, COSTS OFF) SELECT sum(mlops.predict('bat_two', t)) FROM bat t;
EXPLAIN (COSTS OFF) SELECT sum(mlops.predict('bat_two', t)) FROM bat t WHERE id < 20;
EXPLAIN (COSTS OFF) SELECT sum(mlops.predict('bat_num', t)) FROM bat t;
EXPLAIN (COSTS OFF) SELECT sum(mlops.predict('bat_raw', t)) FROM bat t;
SET mlops.batch = off;
EXPLAIN (COSTS OFF) SELECT sum(mlops.predict('bat_two', t)) FROM bat t;
RESET mlops.batch;
SET mlops.batch_min_splits = 0;
EXPLAIN (VERBOSE, COSTS OFF) SELECT id, mlops.predict('bat_num', t), upper(pad) FROM bat t;
-- version 18 prints fractions of rows, and whether a node is disabled
CREATE FUNCTION bat_explain(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE query LOOP
		RETURN NEXT regexp_replace(regexp_replace(line, '(rows=\d+)\.00', '\1'), ',\s*"Disabled": false', '', 'g');
	END LOOP;
END $$;
SELECT bat_explain('EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) SELECT count(mlops.predict_label(''bat_three/1'', t)), sum(mlops.predict_pinned(''bat_num'', 1, t)) FROM bat t WHERE a > 50');
SELECT bat_explain('EXPLAIN (FORMAT json, COSTS OFF) SELECT avg(mlops.predict(''bat_num'', t)) FROM bat t');
-- and leaves out joins of a table with itself
DO $$ BEGIN PERFORM set_config(name, 'off', false) FROM pg_settings WHERE name = 'enable_self_join_elimination'; END $$;

-- Each query with batches and without: how many nodes, are the rows the same.
CREATE FUNCTION bat_nodes(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	line text;
	n int := 0;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		n := n + (line ~ 'MlopsPredict')::int;
	END LOOP;
	RETURN n;
END $$;
CREATE FUNCTION bat_run(query text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	lines text[];
	message text;
	state text;
BEGIN
	EXECUTE 'CREATE TEMP TABLE bat_result AS ' || query;
	SELECT array_agg(q::text ORDER BY ctid) INTO lines FROM bat_result q;
	DROP TABLE bat_result;
	RETURN lines;
EXCEPTION WHEN others THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, state = RETURNED_SQLSTATE;
	RETURN ARRAY[state || ' ' || message];
END $$;
CREATE FUNCTION bat_same(query text, OUT nodes int, OUT same boolean, OUT n int, OUT first text) LANGUAGE plpgsql AS $$
DECLARE
	batched text[];
BEGIN
	nodes := bat_nodes(query);
	batched := bat_run(query);
	n := cardinality(batched);
	SET LOCAL mlops.batch = off;
	same := batched IS NOT DISTINCT FROM bat_run(query) AND bat_nodes(query) = 0;
	SET LOCAL mlops.batch = on;
	first := CASE WHEN n = 1 AND batched[1] ~ '^[0-9A-Z]{5} ' THEN batched[1] END;
END $$;

-- every model, every function, every path
CREATE TABLE bat_query (query text);
INSERT INTO bat_query SELECT format(q, name) FROM (VALUES ('bat_two'), ('bat_three'), ('bat_num'), ('bat_deep'), ('bat_dart'),
	('bat_linear'), ('bat_raw'), ('bat_wide')) m(name), unnest(ARRAY[
	'SELECT id, mlops.predict(%1$L, t) FROM %2$s t', 'SELECT id, mlops.predict_label(%1$L, t), mlops.predict_proba(%1$L, t) FROM %2$s t',
	'SELECT id, mlops.predict_margin(%1$L, t) FROM %2$s t', 'SELECT id, mlops.predict_margins(%1$L, t), mlops.predict_pinned(%1$L, 1, t) FROM %2$s t',
	'SELECT id, mlops.predict_proba(%1$L, t, ''true'') FROM %2$s t', 'SELECT id, mlops.predict_proba(%1$L, t, ''y'') FROM %2$s t',
	'SELECT sum(mlops.predict_margin(%1$L, t)), count(*) FROM %2$s t']) u(f),
	LATERAL (SELECT replace(f, '%2$s', CASE name WHEN 'bat_wide' THEN 'bat_wide' ELSE 'bat' END)) r(q);
CREATE TABLE bat_paths (path text, query text, nodes int, same boolean, n int, first text);
DO $$
DECLARE
	path text;
BEGIN
	FOR path IN SELECT unnest(enumvals) FROM pg_settings WHERE name = 'mlops.forest_path' LOOP
		BEGIN
			PERFORM set_config('mlops.forest_path', path, false);
			INSERT INTO bat_paths SELECT path, query, s.* FROM bat_query, bat_same(query) s;
		EXCEPTION WHEN invalid_parameter_value THEN
			NULL;				-- not on this processor
		END;
	END LOOP;
END $$;
RESET mlops.forest_path;
SELECT count(DISTINCT path) >= 2 AS paths, count(*) % 56 AS rest, count(*) FILTER (WHERE NOT same) AS differ,
	count(*) FILTER (WHERE n = 1 AND first IS NULL AND query !~ 'sum') AS empty, min(nodes), max(nodes) FROM bat_paths;
SELECT DISTINCT first, query FROM bat_paths WHERE first IS NOT NULL ORDER BY query;

-- plans of all kinds
CREATE TABLE bat_part (id int, a int, r real, "Größe" float8) PARTITION BY RANGE (id);
CREATE TABLE bat_part_1 (gone int, r real, a int, "Größe" float8, id int);
ALTER TABLE bat_part_1 DROP COLUMN gone;
ALTER TABLE bat_part ATTACH PARTITION bat_part_1 FOR VALUES FROM (1) TO (700);
CREATE TABLE bat_part_2 PARTITION OF bat_part FOR VALUES FROM (700) TO (2000);
INSERT INTO bat_part SELECT id, a, r, "Größe" FROM bat;
CREATE INDEX ON bat_part (id);
ANALYZE bat_part;
CREATE FUNCTION bat_leaky(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1; END';
SELECT q, nodes, same, n > 0 AS some, first FROM unnest(ARRAY[
	-- aggregates
	'SELECT kind, sum(mlops.predict(''bat_num'', t)), max(pad), min(at) FROM bat t GROUP BY kind ORDER BY 1',
	'SELECT kind, avg(mlops.predict(''bat_num'', t)), stddev(mlops.predict(''bat_num'', t)) FROM bat t GROUP BY kind HAVING max(mlops.predict(''bat_num'', t)) > 10 ORDER BY 1',
	'SELECT a, array_agg(mlops.predict(''bat_num'', t) ORDER BY id DESC) FROM bat t GROUP BY a ORDER BY a LIMIT 20',
	'SELECT count(DISTINCT mlops.predict_label(''bat_three'', t)), string_agg(DISTINCT mlops.predict_label(''bat_three'', t), '','') FROM bat t',
	'SELECT sum(mlops.predict(''bat_num'', t)) FILTER (WHERE a > 5) FROM bat t',
	'SELECT kind, ok, sum(mlops.predict(''bat_num'', t)) FROM bat t GROUP BY GROUPING SETS ((kind), (ok)) ORDER BY 1, 2',
	'SELECT mlops.predict_label(''bat_three'', t), count(*) FROM bat t GROUP BY 1 ORDER BY 1',
	'SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY mlops.predict(''bat_num'', t)) FROM bat t',
	'SELECT id, sum(mlops.predict(''bat_num'', t)) OVER (PARTITION BY kind ORDER BY id) FROM bat t',
	-- nested in other expressions
	'SELECT id, round(mlops.predict(''bat_num'', t)::numeric, 2), (mlops.predict_proba(''bat_three'', t))[2], mlops.predict_label(''bat_three'', t) = cls FROM bat t',
	'SELECT id, CASE WHEN a > 50 THEN mlops.predict(''bat_num'', t) END FROM bat t',
	'SELECT id, a > 50 AND mlops.predict(''bat_num'', t) > 1 AS q, coalesce(a, mlops.predict(''bat_num'', t)), NOT mlops.predict(''bat_num'', t) > 1 AS r FROM bat t',
	'SELECT id, nullif(mlops.predict(''bat_num'', t), 1), greatest(mlops.predict(''bat_num'', t), 4), ARRAY[mlops.predict(''bat_num'', t)], pad || mlops.predict_label(''bat_three'', t) FROM bat t',
	'SELECT id, mlops.predict(''bat_num'', t) + mlops.predict(''bat_num'', t) AS twice, (SELECT 1) AS one FROM bat t',
	'SELECT id, generate_series(1, 2), mlops.predict(''bat_num'', t) FROM bat t',
	-- conditions, sorts and limits
	'SELECT id FROM bat t WHERE mlops.predict(''bat_num'', t) > 50',
	'SELECT id FROM bat t WHERE mlops.predict(''bat_num'', t) > 50 ORDER BY mlops.predict(''bat_num'', t), id',
	'SELECT id, mlops.predict(''bat_num'', t) FROM bat t ORDER BY 2, 1 LIMIT 130',
	'SELECT id, mlops.predict(''bat_num'', t) FROM bat t LIMIT 130',
	'SELECT id, mlops.predict(''bat_num'', t) FROM bat t ORDER BY id LIMIT 130',
	'SELECT DISTINCT mlops.predict(''bat_num'', t) FROM bat t ORDER BY 1',
	'SELECT count(*) FROM (SELECT mlops.predict(''bat_num'', t) p FROM bat t OFFSET 0) s WHERE p > 50',
	'SELECT count(*) FROM bat t WHERE mlops.predict(''bat_num'', t) > 50',
	'SELECT id, pad, mlops.predict(''bat_num'', t) FROM bat t WHERE a > 20 AND mlops.predict(''bat_num'', t) > 50',
	'SELECT id, mlops.predict_pinned(''bat_num'', 1, t), mlops.predict_margin(''bat_num'', t), mlops.predict(''bat_deep'', t) AS deep FROM bat t WHERE mlops.predict(''bat_num'', t) BETWEEN 20 AND 60',
	'SELECT id, mlops.predict_proba(''bat_three'', t) FROM bat t WHERE mlops.predict_label(''bat_three'', t) = ''x'' AND mlops.predict(''bat_num'', t) > 20 AND mlops.predict_label(''bat_three'', t) <> ''y'' AND bat_leaky(id) > 30',
	'SELECT id FROM bat t WHERE mlops.predict(''bat_num'', t) > 50 OR a > 50', 'SELECT id FROM bat t WHERE NOT mlops.predict(''bat_num'', t) > 50',
	'SELECT id FROM bat t WHERE mlops.predict(''bat_num'', t) > 50 LIMIT 3',
	'SELECT id FROM bat t WHERE mlops.predict(''bat_num'', t) > (SELECT avg(mlops.predict(''bat_num'', b)) FROM bat b)',
	'SELECT id FROM bat t WHERE mlops.predict(''bat_num'', t) > (SELECT a FROM bat b WHERE b.id = t.id)',
	'SELECT id FROM bat t WHERE mlops.predict_label(''bat_num'', t) = ''x'' AND a > 1000', 'SELECT id FROM bat t WHERE a > 99 AND mlops.predict_label(''bat_num'', t) = ''x''',
	'SELECT mlops.predict_label(''bat_num'', t) FROM bat t WHERE mlops.predict(''bat_num'', t) > 1e9', 'SELECT mlops.predict_label(''bat_num'', t) FROM bat t WHERE mlops.predict(''bat_num'', t) > 50',
	'SELECT count(*) FROM bat b LEFT JOIN bat t ON t.id = b.id + 1400 WHERE mlops.predict(''bat_num'', t) IS NULL',
	'SELECT b.id, t.id AS other FROM bat b JOIN bat t ON t.id = b.id + 1 WHERE mlops.predict(''bat_num'', t) > mlops.predict(''bat_num'', b)',
	-- subqueries, joins and unions
	'SELECT id, mlops.predict(''bat_num'', s) FROM (SELECT id, a, r, "Größe" FROM bat WHERE a > 3) s',
	'SELECT sum(mlops.predict(''bat_num'', s)) FROM (SELECT a * 2 AS a, r, id::float8 AS "Größe" FROM bat) s',
	'SELECT id, mlops.predict(''bat_num'', s) FROM (SELECT id, a * 2 AS a, r, 1.5::float8 AS "Größe" FROM bat) s',
	'SELECT sum(mlops.predict(''bat_num'', s)) FROM (SELECT a, a::real AS r, a::float8 AS "Größe" FROM bat) s',
	'SELECT sum(mlops.predict(''bat_num'', s)) FROM (SELECT a AS a, a AS r, a AS "Größe" FROM bat) s',
	'SELECT b.id, mlops.predict(''bat_num'', t) FROM bat b LEFT JOIN bat t ON t.id = b.id + 1400',
	'SELECT sum(mlops.predict(''bat_num'', t)), count(mlops.predict(''bat_num'', t)) FROM bat b LEFT JOIN bat t ON t.id = b.id + 1400',
	'SELECT b.id, mlops.predict(''bat_num'', t) FROM bat b JOIN bat t USING (id)',
	'SELECT g, (SELECT sum(mlops.predict(''bat_num'', t)) FROM bat t WHERE t.a > g) FROM generate_series(1, 5) g',
	'SELECT g, s FROM generate_series(1, 5) g, LATERAL (SELECT sum(mlops.predict(''bat_num'', t)) AS s FROM bat t WHERE t.a > g) q',
	'WITH w AS MATERIALIZED (SELECT id, mlops.predict(''bat_num'', t) p FROM bat t) SELECT (SELECT sum(p) FROM w) AS total, id FROM w ORDER BY p, id',
	'SELECT id FROM bat b WHERE EXISTS (SELECT FROM bat t WHERE t.id = b.id AND mlops.predict(''bat_num'', t) > 50)',
	'SELECT mlops.predict(''bat_num'', t) FROM bat t UNION ALL SELECT mlops.predict(''bat_num'', p) FROM bat_part p',
	'SELECT mlops.predict(''bat_num'', t) FROM bat t EXCEPT SELECT mlops.predict(''bat_num'', p) FROM bat_part p WHERE id < 500',
	'SELECT sum(mlops.predict(''bat_num'', p)) FROM bat_part p', 'SELECT id, mlops.predict(''bat_num'', p) FROM bat_part p WHERE id > 90',
	'SELECT id, mlops.predict(''bat_num'', p) FROM bat_part p ORDER BY id',
	'SELECT mlops.predict(''bat_num'', v) FROM (VALUES (1, 2.0::real, 3.0::float8), (4, 5, NULL), (NULL, NULL, NULL)) v(a, r, "Größe")',
	'SELECT mlops.predict(''bat_num'', t), t FROM bat t', 'SELECT ctid AS c, tableoid AS o, mlops.predict(''bat_num'', t) FROM bat t',
	'SELECT id, mlops.predict(''bat_two'', t), mlops.predict_label(''bat_three'', t), mlops.predict(''bat_wide'', w) AS wide FROM bat t JOIN bat_wide w USING (id)',
	'SELECT mlops.predict_proba(''bat_three'', t, cls) FROM bat t', 'SELECT mlops.predict(''bat_'' || ''num'', t) FROM bat t',
	-- what may fail or has effects
	'SELECT mlops.predict(''bat_array'', t) FROM bat t', 'SELECT sum(mlops.predict(''bat_array'', t)) FROM bat t',
	'SELECT mlops.predict(''bat_num'', t) FROM bat t WHERE bat_leaky(a) > 5', 'SELECT sum(mlops.predict(''bat_num'', t)) FROM bat t WHERE bat_leaky(a) > 5',
	'SELECT sum(mlops.predict(''bat_num'', t)) FROM bat t WHERE random() >= 0',
	'SELECT mlops.predict(''bat_num'', t), random() >= 0 FROM bat t',
	'SELECT mlops.predict(''bat_num'', t), 1 / (id - 1400) FROM bat t', 'SELECT mlops.predict(''bat_three'', t) FROM bat t',
	'SELECT mlops.predict_label(''bat_num'', t) FROM bat t WHERE a > 1000', 'SELECT mlops.predict_proba(''bat_three'', t, ''w'') FROM bat t',
	'SELECT mlops.predict(''bat_num'', t) FROM bat t FOR UPDATE', 'SELECT mlops.predict(''bat_none'', t) FROM bat t']) q, bat_same(q);

-- by other scans and joins
CREATE INDEX bat_covering ON bat (id) INCLUDE (a, r, "Größe");
CREATE INDEX bat_a ON bat (a);
VACUUM ANALYZE bat;
CREATE FUNCTION bat_by(query text, VARIADIC off text[]) RETURNS TABLE (plan text, nodes int, same boolean, n int) LANGUAGE plpgsql AS $$
DECLARE
	name text;
	line text;
BEGIN
	FOREACH name IN ARRAY off LOOP
		PERFORM set_config('enable_' || name, 'off', true);
	END LOOP;
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		plan := concat_ws(' / ', plan, substring(line FROM '^ *(?:-> +)?((?:Custom|Seq|Index|Bitmap|Tid|Merge|Nested|Hash|CTE|Subquery|Function)[A-Za-z ]*?)(?: using.*| on .*| [(].*|$)'));
	END LOOP;
	SELECT s.nodes, s.same, s.n INTO nodes, same, n FROM bat_same(query) s;
	FOREACH name IN ARRAY off LOOP
		PERFORM set_config('enable_' || name, 'on', true);
	END LOOP;
	RETURN NEXT;
END $$;
SELECT * FROM bat_by('SELECT id, mlops.predict(''bat_num'', t) FROM bat t WHERE id > 10', 'seqscan', 'bitmapscan');
SELECT * FROM bat_by('SELECT id, mlops.predict(''bat_num'', s) FROM (SELECT id, a, r, "Größe" FROM bat) s WHERE id > 10', 'seqscan', 'bitmapscan');
SELECT * FROM bat_by('SELECT id, mlops.predict(''bat_two'', t) FROM bat t WHERE a > 10', 'seqscan', 'indexscan');
SELECT * FROM bat_by('SELECT id, mlops.predict(''bat_two'', t) FROM bat t WHERE ctid > ''(0,5)''', 'seqscan');
SELECT * FROM bat_by('SELECT b.id, mlops.predict(''bat_two'', t), mlops.predict(''bat_num'', b) AS b FROM bat b JOIN bat t USING (id)', 'hashjoin', 'nestloop');
SELECT * FROM bat_by('SELECT b.id, mlops.predict(''bat_two'', t), mlops.predict(''bat_num'', b) AS b FROM bat b JOIN bat t USING (id)', 'hashjoin', 'mergejoin');
SELECT * FROM bat_by('SELECT sum(mlops.predict(''bat_two'', t)), sum(mlops.predict(''bat_num'', b)) AS b FROM bat b FULL JOIN bat t ON t.id = b.id + 1000', 'mergejoin');
SELECT * FROM bat_by('SELECT mlops.predict(''bat_num'', f) FROM (SELECT a, r, 1.5 AS "Größe" FROM ROWS FROM (generate_series(1, 500), generate_series(2, 400)) g(a, r)) f', 'sort');
CREATE VIEW bat_barrier WITH (security_barrier) AS SELECT * FROM bat WHERE a > 20;
SELECT * FROM bat_by('SELECT id FROM bat_barrier t WHERE mlops.predict(''bat_num'', t) > -1e9 AND bat_leaky(id) > 5', 'sort');
DROP INDEX bat_covering, bat_a;

-- inserts, updates and deletes
CREATE TABLE bat_into (id int PRIMARY KEY, p float8, pad text);
EXPLAIN (COSTS OFF) INSERT INTO bat_into SELECT id, mlops.predict('bat_num', t), pad FROM bat t;
INSERT INTO bat_into SELECT id, mlops.predict('bat_num', t), pad FROM bat t;
SELECT count(*) FILTER (WHERE i.p = mlops.predict('bat_num', t)), count(*) FROM bat_into i JOIN bat t USING (id);
CREATE TABLE bat_copy AS SELECT * FROM bat;
ALTER TABLE bat_copy ADD p float8, ADD l text;
ANALYZE bat_copy;
EXPLAIN (COSTS OFF) UPDATE bat_copy SET p = mlops.predict('bat_num', bat_copy), l = mlops.predict_label('bat_three', bat_copy);
UPDATE bat_copy SET p = mlops.predict('bat_num', bat_copy), l = mlops.predict_label('bat_three', bat_copy);
SELECT count(*) FILTER (WHERE c.p = mlops.predict('bat_num', t) AND c.l = mlops.predict_label('bat_three', t)), count(*) FROM bat_copy c JOIN bat t USING (id);
UPDATE bat_copy c SET p = -1, a = 0 WHERE mlops.predict('bat_num', c) = p AND id % 2 = 0;
EXPLAIN (COSTS OFF) UPDATE bat_copy c SET p = mlops.predict('bat_num', t) FROM bat t WHERE t.id = c.id;
EXPLAIN (COSTS OFF) DELETE FROM bat_copy c WHERE mlops.predict('bat_num', c) = p;
DELETE FROM bat_copy c WHERE mlops.predict('bat_num', c) = p;
SELECT count(*), count(*) FILTER (WHERE p = -1 AND id % 2 = 0) AS updated FROM bat_copy;
SELECT bat_nodes('DELETE FROM bat_into WHERE p < (SELECT avg(mlops.predict(''bat_num'', t)) FROM bat t)');
WITH u AS (UPDATE bat_part p SET a = round(mlops.predict('bat_num', p)) WHERE id % 3 = 0 RETURNING id, a)
SELECT count(*), count(*) FILTER (WHERE u.a = round(mlops.predict('bat_num', t))) AS same FROM u JOIN bat t USING (id);

-- in parallel
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT kind, count(mlops.predict('bat_two', t)) FROM bat t GROUP BY kind ORDER BY kind;
SELECT bat_nodes(q), count(*), sum(p::numeric(20, 10)) = (SELECT sum(mlops.predict('bat_two', t)::numeric(20, 10)) FROM ONLY bat t WHERE random() < 2) AS same
FROM (SELECT mlops.predict('bat_two', t) p FROM bat t) s, (VALUES ('SELECT mlops.predict(''bat_two'', t) p FROM bat t')) v(q) GROUP BY q;
RESET max_parallel_workers_per_gather;
SET max_parallel_workers_per_gather = 0;

-- prepared statements, cursors, functions
PREPARE bat_statement(int, float8) AS SELECT sum(mlops.predict('bat_num', s)) FROM (SELECT a + $1 AS a, r, $2 AS "Größe" FROM bat) s;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (VERBOSE, COSTS OFF) EXECUTE bat_statement(1, 2);
CREATE TEMP TABLE bat_generic AS EXECUTE bat_statement(1, 2);
SET mlops.batch = off;
SELECT sum(mlops.predict('bat_num', s)) = (SELECT sum FROM bat_generic) AS same FROM (SELECT a + 1 AS a, r, 2::float8 AS "Größe" FROM bat) s;
RESET mlops.batch;
RESET plan_cache_mode;
BEGIN;
DECLARE bat_cursor SCROLL CURSOR FOR SELECT rank() OVER (ORDER BY mlops.predict('bat_num', t), id) FROM bat t;
FETCH 2 FROM bat_cursor;
FETCH LAST FROM bat_cursor;
FETCH FIRST FROM bat_cursor;
FETCH BACKWARD 1 FROM bat_cursor;
MOVE 700 FROM bat_cursor;
FETCH BACKWARD 1 FROM bat_cursor;
EXPLAIN (COSTS OFF) DECLARE bat_plain CURSOR FOR SELECT id, mlops.predict('bat_num', t) AS p FROM bat t;
COMMIT;
CREATE FUNCTION bat_loop(most int, OUT n int, OUT total float8) LANGUAGE plpgsql AS $$
DECLARE
	row record;
BEGIN
	n := 0;
	total := 0;
	FOR row IN SELECT id, mlops.predict('bat_num', t) AS p FROM bat t LOOP
		n := n + 1;
		total := total + row.p;
		EXIT WHEN n = most;
	END LOOP;
	FOR row IN SELECT mlops.predict('bat_num', t) AS p FROM bat t ORDER BY p DESC LOOP
		EXIT WHEN row.p < 100;
		total := total + 1000 * row.p;
	END LOOP;
END $$;
CREATE TEMP TABLE bat_looped AS SELECT * FROM bat_loop(200);
SET mlops.batch = off;
SELECT l.n, l.total = b.total AS same FROM bat_loop(200) l, bat_looped b;
RESET mlops.batch;

-- a reader that stops early does not meet the errors of later rows
CREATE FUNCTION bat_lazy() RETURNS SETOF int LANGUAGE sql STABLE AS
$$ SELECT id FROM bat t WHERE 1 / (id - 100) IS NOT NULL AND mlops.predict('bat_num', t) > -1e9 $$;
SELECT bat_nodes('SELECT id FROM bat t WHERE 1 / (id - 100) IS NOT NULL AND mlops.predict(''bat_num'', t) > -1e9');
SELECT bat_lazy() LIMIT 3;
SELECT count(*) FROM bat_lazy();
BEGIN;
DECLARE bat_stops CURSOR FOR SELECT id, mlops.predict('bat_num', t) IS NULL AS missing FROM bat t WHERE 1 / (id - 100) IS NOT NULL;
FETCH 3 FROM bat_stops;
MOVE 96 FROM bat_stops;
FETCH 1 FROM bat_stops;
ROLLBACK;
SELECT EXISTS (SELECT mlops.predict('bat_num', t) FROM bat t WHERE 1 / (id - 100) IS NOT NULL AND mlops.predict('bat_num', t) > -1e9) AS exists;
SELECT (SELECT count(*) FROM (SELECT mlops.predict('bat_num', t) FROM bat t WHERE 1 / (id - 100) IS NOT NULL LIMIT 5) s) AS five;

-- a version that is evicted while its rows are read and handed on
SET mlops.cache_size = 0;
SELECT count(*), count(*) FILTER (WHERE p IS DISTINCT FROM q) AS differ FROM (
	SELECT mlops.predict('bat_num', t) p, mlops.predict_label('bat_three', t) l FROM bat t WHERE mlops.predict('bat_dart', t) > -1e9 ) s,
	LATERAL (SELECT s.p AS q) u;
SELECT id, nodes, same, n FROM (SELECT 1 AS id, (bat_same('SELECT id, mlops.predict(''bat_num'', t), mlops.predict_label(''bat_three'', t), CASE WHEN true THEN mlops.predict(''bat_deep'', t) END FROM bat t')).*) s;
SELECT id, nodes, same, n FROM (SELECT 2 AS id, (bat_same('SELECT sum(mlops.predict(''bat_num'', t)), max(mlops.predict_label(''bat_three'', t)) FROM bat t WHERE mlops.predict(''bat_dart'', t) > -1e9')).*) s;
RESET mlops.cache_size;

-- cancelled, in an aggregate and in a subtransaction
SET statement_timeout = '200ms';
SELECT sum(mlops.predict('bat_two', t)) FROM bat t, generate_series(1, 100000);
DO $$
BEGIN
	PERFORM count(mlops.predict('bat_two', t)) FROM bat t, generate_series(1, 100000);
EXCEPTION WHEN query_canceled THEN
	NULL;
END $$;
RESET statement_timeout;
SELECT count(mlops.predict('bat_two', t)) FROM bat t;

-- a source with its keys
SELECT key, prediction > 0 AS positive, label, probability FROM mlops.predict_batch('bat_num', 'bat', 'id') LIMIT 2;
SELECT key, (prediction > 0.5)::text = label AS same, probability = greatest(prediction, 1 - prediction) AS probable
FROM mlops.predict_batch('bat_two', 'SELECT * FROM bat WHERE id % 400 = 1 ORDER BY id', key => '{id,day}');
SELECT label, count(*) > 100 AS some, count(prediction) AS predictions, min(probability) > 0.3 AS probable
FROM mlops.predict_batch('bat_three', 'bat', 'id') GROUP BY label ORDER BY label;
SELECT m.name, count(*), count(*) FILTER (WHERE p.prediction IS DISTINCT FROM t.p) AS differ
FROM (VALUES ('bat_two'), ('bat_num'), ('bat_deep'), ('bat_dart'), ('bat_linear'), ('bat_raw'), ('bat_array')) m(name),
	LATERAL mlops.predict_batch(name, 'bat', 'id') p,
	LATERAL (SELECT mlops.predict(name::mlops.model_ref, b) p FROM bat b WHERE b.id = (p.key->>'id')::int) t
GROUP BY m.name ORDER BY m.name;
SELECT count(*), count(*) FILTER (WHERE p.label IS DISTINCT FROM mlops.predict_label('bat_three', b)
	OR p.probability IS DISTINCT FROM mlops.predict_proba('bat_three', b, p.label)) AS differ
FROM mlops.predict_batch('bat_three', 'bat', 'id') p JOIN bat b ON b.id = (p.key->>'id')::int;
SELECT count(*) FROM mlops.predict_batch('bat_wide', 'bat_wide', 'id');
SELECT * FROM mlops.predict_batch('bat_num', 'SELECT * FROM bat WHERE false', 'id');
SELECT key, prediction > 0 AS positive, label FROM mlops.predict_batch('bat_num', $$SELECT 'é "q"' AS "schlüssel x", NULL::int AS a, 'NaN'::float8 AS "Größe", NULL::real AS r$$, ARRAY['schlüssel x', 'a']);
SELECT * FROM mlops.predict_batch('bat_num', 'bat', NULL);
SELECT * FROM mlops.predict_batch('bat_num', 'bat', '{}');
SELECT * FROM mlops.predict_batch('bat_num', 'bat', '{id,id}');
SELECT * FROM mlops.predict_batch('bat_num', 'bat', 'nokey');
SELECT * FROM mlops.predict_batch('bat_num', 'SELECT id FROM bat', 'id');
SELECT * FROM mlops.predict_batch('bat_none', 'bat', 'id');
SELECT * FROM mlops.predict_batch(NULL, 'bat', 'id');
SELECT * FROM mlops.predict_batch('bat_num', NULL, 'id');

-- who may not call the function, or has no right to the model
CREATE ROLE bat_reader;
GRANT SELECT ON bat TO bat_reader;
GRANT USAGE ON SCHEMA mlops TO bat_reader;
SET ROLE bat_reader;
SELECT sum(mlops.predict('bat_num', t)) FROM bat t;
RESET ROLE;
SELECT mlops.grant_model('bat_num', 'bat_reader', 'predict');
SET ROLE bat_reader;
SELECT bat_nodes('SELECT sum(mlops.predict(''bat_num'', t)) FROM bat t');
PREPARE bat_granted AS SELECT count(mlops.predict('bat_num', t)) FROM bat t;
EXECUTE bat_granted;
RESET ROLE;
SELECT mlops.revoke_model('bat_num', 'bat_reader', 'predict');
SET ROLE bat_reader;
EXECUTE bat_granted;
RESET ROLE;
DEALLOCATE bat_granted;

-- another version, between planning and execution and within a transaction
PREPARE bat_deployed AS SELECT count(*), sum(mlops.predict('bat_num', t)) = sum(mlops.predict('bat_num/1', t)) AS first FROM bat t;
EXECUTE bat_deployed;
SELECT version FROM mlops.train('bat_num', 'SELECT a, "Größe", id AS r, num FROM bat WHERE abs("Größe") < 100', 'num', params => '{"num_boost_round": 3}', deploy => 'true');
EXECUTE bat_deployed;
SELECT * FROM bat_same('SELECT id, mlops.predict(''bat_num'', t), mlops.predict(''bat_num/1'', t) AS first FROM bat t');
BEGIN;
SELECT mlops.deploy('bat_num/1');
EXECUTE bat_deployed;
ROLLBACK;
EXECUTE bat_deployed;

-- wide columns that are kept end a batch before they take more than work_mem
CREATE FUNCTION bat_kept(int) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT sum(total_bytes) FROM pg_backend_memory_contexts WHERE name = 'mlops batch');
END $$;
SET work_mem = '1MB';
SELECT count(*), sum(length(wide)), max(bat_kept(id)) BETWEEN 1000000 AND 1500000 AS bounded, sum(p) = (SELECT sum(mlops.predict('bat_num/1', t)) FROM bat t) AS same
FROM (SELECT id, wide, mlops.predict('bat_num/1', s) AS p FROM (SELECT id, repeat('x', 200000) AS wide, a, r, "Größe" FROM bat OFFSET 0) s OFFSET 0) q;
RESET work_mem;
SELECT bat_kept(1) IS NULL AS none;

-- the first statement of a session
\c -
EXPLAIN (COSTS OFF) SELECT sum(mlops.predict('bat_two', t)) FROM bat t;
DROP OWNED BY bat_reader;
DROP ROLE bat_reader;
SET client_min_messages = error;
SELECT count(mlops.drop_model(name)) FROM bat_model;
SELECT mlops.drop_model('bat_wide');
DROP TABLE bat, bat_copy, bat_wide, bat_part, bat_into, bat_model, bat_query, bat_paths CASCADE;
DROP FUNCTION bat_wide_query, bat_explain, bat_nodes, bat_run, bat_same, bat_leaky, bat_lazy, bat_loop, bat_by, bat_kept;
