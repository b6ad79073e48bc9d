-- What analysts and BI tools write around predictions: which of it is
-- predicted many rows at a time; with the same rows, bit for bit and in the
-- same order, the same errors, and no row predicted that need not be.
SET client_min_messages = error;
SET max_parallel_workers_per_gather = 0;
-- plans of later versions
DO $$ BEGIN PERFORM set_config(name, 'off', false) FROM pg_settings WHERE name IN ('enable_presorted_aggregate', 'enable_self_join_elimination'); END $$;
CREATE TABLE frm (id int PRIMARY KEY, region text, ok boolean, a int, b float8, c real, note text, score float8,
	amount numeric, day date, y float8, big boolean, cls text);
INSERT INTO frm SELECT i, 'r' || i % 6, CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN false ELSE true END, CASE WHEN i % 7 > 0 THEN i * 37 % 101 END,
	CASE WHEN i % 11 > 0 THEN i * 53 % 89 / 7.0 END, i * 29 % 97 / 3.0, CASE WHEN i % 3 > 0 THEN repeat('n', i % 9) END,
	CASE WHEN i % 4 = 0 THEN i / 10.0 END, i % 50 + 0.25, date '2025-01-01' + i % 300, i * 37 % 101 + i * 29 % 97, i * 53 % 89 > 40,
	(ARRAY['x', 'y', 'z'])[1 + (i * 37 % 101) / 34]
FROM generate_series(1, 900) i;
ANALYZE frm;
SELECT version FROM mlops.train('frm_num', 'SELECT a, b, c, y FROM frm', 'y', params => '{"num_boost_round": 20}');
SELECT version FROM mlops.train('frm_big', 'SELECT a, b, big FROM frm', 'big', task => 'binary', params => '{"num_boost_round": 20}');
SELECT version FROM mlops.train('frm_cls', 'SELECT a, c, cls FROM frm', 'cls', params => '{"num_boost_round": 8}');
CREATE TYPE frm_in AS (a numeric, b float8, c float8);
CREATE TABLE frm_other AS SELECT id * 2 AS id, id % 3 AS kind, b AS w FROM frm;
CREATE TABLE frm_small AS SELECT g AS n FROM generate_series(1, 5) g;
ANALYZE frm_other;
ANALYZE frm_small;
CREATE VIEW frm_view AS SELECT id, region, mlops.predict('frm_num', f) AS p, mlops.predict_label('frm_big', f) AS l FROM frm f;
CREATE FUNCTION frm_loud(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN IF $1 = 77 THEN RAISE ''loud''; END IF; RETURN $1; END';

-- Each with batches and without: how many nodes, whether rows or the error are
-- the same, and whether no more rows were predicted (equal calls are one).
CREATE FUNCTION frm_nodes(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	line text;
	n int := 0;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		n := n + (line ~ 'MlopsPredict')::int;
	END LOOP;
	RETURN n;
END $$;
CREATE FUNCTION frm_run(query text, OUT lines text[], OUT predicted bigint) LANGUAGE plpgsql AS $$
DECLARE
	message text;
	state text;
BEGIN
	predicted := -coalesce(sum(rows), 0) FROM mlops.stat_model;
	BEGIN
		EXECUTE 'CREATE TEMP TABLE frm_result AS ' || query;
		SELECT array_agg(q::text ORDER BY ctid) INTO lines FROM frm_result q;
		DROP TABLE frm_result;
	EXCEPTION WHEN others THEN
		GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, state = RETURNED_SQLSTATE;
		lines := ARRAY[state || ' ' || message];
	END;
	predicted := predicted + coalesce(sum(rows), 0) FROM mlops.stat_model;
END $$;
CREATE FUNCTION frm_same(query text, OUT nodes int, OUT same boolean, OUT n int, OUT counted boolean, OUT first text) LANGUAGE plpgsql AS $$
DECLARE
	batched record;
	plain record;
BEGIN
	nodes := frm_nodes(query);
	batched := frm_run(query);
	SET LOCAL mlops.batch = off;
	plain := frm_run(query);
	same := batched.lines IS NOT DISTINCT FROM plain.lines AND frm_nodes(query) = 0;
	SET LOCAL mlops.batch = on;
	n := cardinality(batched.lines);
	first := CASE WHEN n = 1 AND batched.lines[1] ~ '^[0-9A-Z]{5} ' THEN batched.lines[1] END;
	counted := batched.predicted <= plain.predicted OR first IS NOT NULL;
END $$;
SET mlops.batch_min_splits = 0;

-- the example of the reference
SELECT s.* FROM frm_same($$ SELECT region, count(*) FILTER (WHERE mlops.predict('frm_big', f) > 0.5) AS likely,
       avg(mlops.predict('frm_num', f)) FILTER (WHERE ok) AS mean,
       sum(CASE WHEN a IS NOT NULL THEN coalesce(score, mlops.predict('frm_num', f)) END) AS total
FROM frm f GROUP BY region ORDER BY region $$) s;

-- CASE
SELECT q, s.* FROM unnest(ARRAY[
	'SELECT id, CASE WHEN mlops.predict(''frm_big'', f) > 0.8 THEN ''high'' WHEN mlops.predict(''frm_big'', f) > 0.5 THEN ''middle'' ELSE ''low'' END FROM frm f',
	'SELECT CASE WHEN mlops.predict(''frm_big'', f) > 0.5 THEN ''yes'' ELSE ''no'' END AS bucket, count(*), sum(amount) FROM frm f GROUP BY 1 ORDER BY 1',
	'SELECT sum(CASE WHEN mlops.predict(''frm_big'', f) > 0.5 THEN amount ELSE 0 END) FROM frm f',
	'SELECT id, CASE WHEN a IS NULL THEN NULL ELSE mlops.predict(''frm_num'', f) END FROM frm f',
	'SELECT id, CASE WHEN ok THEN mlops.predict(''frm_num'', f) END FROM frm f',
	'SELECT id, CASE WHEN ok THEN ''known'' WHEN mlops.predict(''frm_num'', f) > 60 THEN ''a'' WHEN region = ''r1'' THEN ''b'' WHEN mlops.predict(''frm_big'', f) > 0.5 THEN ''c'' ELSE mlops.predict_label(''frm_cls'', f) END FROM frm f',
	'SELECT id, CASE region WHEN ''r1'' THEN mlops.predict(''frm_num'', f) WHEN ''r2'' THEN mlops.predict(''frm_big'', f) WHEN NULL THEN 1 END FROM frm f',
	'SELECT id, CASE mlops.predict_label(''frm_cls'', f) WHEN ''x'' THEN 1 WHEN ''y'' THEN 2 END FROM frm f',
	'SELECT id, CASE cls WHEN mlops.predict_label(''frm_cls'', f) THEN ''right'' ELSE ''wrong'' END FROM frm f',
	'SELECT id, CASE cls WHEN ''z'' THEN ''skipped'' WHEN mlops.predict_label(''frm_cls'', f) THEN ''right'' ELSE ''wrong'' END FROM frm f',
	'SELECT id, CASE WHEN a > 50 THEN CASE WHEN b > 5 THEN mlops.predict(''frm_num'', f) WHEN b > 2 THEN -mlops.predict(''frm_num'', f) END ELSE 0 END FROM frm f',
	'SELECT id, CASE WHEN a > 50 THEN mlops.predict(''frm_num'', f) END AS first, CASE WHEN b > 5 THEN mlops.predict(''frm_num'', f) END FROM frm f',
	'SELECT id, CASE WHEN a > 50 THEN mlops.predict(''frm_num'', f) END, mlops.predict(''frm_num'', f) FROM frm f',
	'SELECT id, CASE WHEN a > 50 THEN mlops.predict(''frm_num'', f) ELSE mlops.predict_margin(''frm_num'', f) END FROM frm f',
	'SELECT id, CASE WHEN mlops.predict(''frm_big'', f) > 0.5 THEN mlops.predict(''frm_num'', f) END FROM frm f',
	'SELECT id, CASE WHEN mlops.predict_proba(''frm_cls'', f, ''x'') > 0.5 THEN mlops.predict_label(''frm_cls'', f) ELSE ''other'' END FROM frm f',
	'SELECT id, CASE WHEN mlops.predict(''frm_big'', f) > 0.5 THEN CASE WHEN mlops.predict(''frm_num'', f) > 60 THEN mlops.predict_label(''frm_cls'', f) END END FROM frm f',
	'SELECT id, CASE WHEN day > now() - interval ''1000 years'' THEN mlops.predict(''frm_num'', f) END FROM frm f',
	'SELECT id, CASE WHEN day > now() - interval ''1000 years'' THEN mlops.predict(''frm_num'', f) END, random() < 2 FROM frm f',
	'SELECT id, CASE WHEN a > 50 THEN mlops.predict(''frm_num'', f) END, random() < 2 FROM frm f',
	'SELECT id, CASE WHEN random() < 2 THEN mlops.predict(''frm_num'', f) END FROM frm f',
	'SELECT id, CASE WHEN a > (SELECT avg(a) FROM frm) THEN mlops.predict(''frm_num'', f) END FROM frm f',
	'SELECT id, CASE WHEN a > 50 THEN mlops.predict(''frm_num'', f) END FROM frm f ORDER BY 2 DESC NULLS LAST, 1 LIMIT 90',
	'SELECT id, CASE WHEN a > 50 THEN mlops.predict(''frm_num'', f) END FROM frm f LIMIT 90',
	'SELECT avg(CASE WHEN region IN (''r1'', ''r2'') THEN mlops.predict(''frm_num'', f) END), max(CASE WHEN region = ''r3'' THEN mlops.predict_label(''frm_cls'', f) END) FROM frm f',
	'SELECT id, CASE WHEN a > 50 THEN mlops.predict(''frm_num'', s) END FROM (SELECT id, a, b * 2 AS b, 100 / (id + 1) AS c FROM frm) s']) q, frm_same(q) s;

-- AND, OR, COALESCE and the like
SELECT q, s.* FROM unnest(ARRAY[
	'SELECT id, ok AND mlops.predict(''frm_num'', f) > 60 FROM frm f',
	'SELECT id, mlops.predict(''frm_num'', f) > 60 AND ok FROM frm f',
	'SELECT id, ok OR mlops.predict(''frm_num'', f) > 60 OR mlops.predict(''frm_big'', f) > 0.5 FROM frm f',
	'SELECT id, NOT (ok AND NOT (a > 50 OR mlops.predict(''frm_num'', f) > 60)) FROM frm f',
	'SELECT id, coalesce(score, mlops.predict(''frm_num'', f)) FROM frm f',
	'SELECT id, coalesce(mlops.predict(''frm_num'', f), 0) FROM frm f',
	'SELECT id, coalesce(note, CASE WHEN ok THEN mlops.predict_label(''frm_cls'', f) END, mlops.predict_label(''frm_big'', f), ''none'') FROM frm f',
	'SELECT id, coalesce(CASE WHEN mlops.predict(''frm_num'', f) > 60 THEN 1.5 END, mlops.predict(''frm_big'', f)) FROM frm f',
	'SELECT sum(coalesce(score, mlops.predict(''frm_num'', f))) FROM frm f',
	'SELECT id, nullif(mlops.predict_label(''frm_cls'', f), cls), greatest(score, mlops.predict(''frm_num'', f)), round(mlops.predict(''frm_num'', f)::numeric, 1) FROM frm f',
	'SELECT id, ARRAY[mlops.predict(''frm_num'', f), score]::numeric[], format(''%s: %s'', region, mlops.predict_label(''frm_cls'', f)) FROM frm f',
	'SELECT width_bucket(mlops.predict(''frm_num'', f), 0, 200, 10), count(*) FROM frm f GROUP BY 1 ORDER BY 1',
	'SELECT id FROM frm f WHERE ok OR mlops.predict(''frm_num'', f) > 60',
	'SELECT id, mlops.predict(''frm_num'', f) FROM frm f WHERE ok OR mlops.predict(''frm_num'', f) > 60',
	'SELECT id FROM frm f WHERE mlops.predict(''frm_num'', f) > 60 OR mlops.predict(''frm_big'', f) > 0.5',
	'SELECT id FROM frm f WHERE CASE WHEN ok THEN mlops.predict(''frm_num'', f) > 60 ELSE a > 50 END',
	'SELECT id FROM frm f WHERE coalesce(score, mlops.predict(''frm_num'', f)) > 60 AND region <> ''r1''']) q, frm_same(q) s;

-- several conditions, several models
SELECT q, s.* FROM unnest(ARRAY[
	'SELECT id FROM frm f WHERE mlops.predict(''frm_num'', f) > 60 AND mlops.predict(''frm_big'', f) > 0.5',
	'SELECT id, mlops.predict_label(''frm_cls'', f) FROM frm f WHERE mlops.predict(''frm_num'', f) > 60 AND mlops.predict(''frm_big'', f) > 0.5 AND a > 5',
	'SELECT id, mlops.predict(''frm_num'', f) AS n, mlops.predict(''frm_big'', f) AS b FROM frm f WHERE mlops.predict(''frm_num'', f) > 60',
	'SELECT id, mlops.predict_margin(''frm_num'', f), mlops.predict_label(''frm_big'', f) FROM frm f WHERE mlops.predict(''frm_num'', f) > 60 AND mlops.predict_proba(''frm_big'', f, ''true'') > 0.5',
	'SELECT id, CASE WHEN ok THEN mlops.predict(''frm_big'', f) END FROM frm f WHERE mlops.predict(''frm_num'', f) > 60',
	'SELECT id, mlops.predict(''frm_num'', f), CASE WHEN ok THEN mlops.predict(''frm_num'', f) END FROM frm f WHERE mlops.predict(''frm_num'', f) > 60',
	'SELECT id FROM frm f WHERE mlops.predict(''frm_num'', f) > 60 AND (ok OR mlops.predict(''frm_big'', f) > 0.5)',
	'SELECT id, mlops.predict_pinned(''frm_num'', 1, f) FROM frm f WHERE mlops.predict(''frm_num'', f) > 60 AND (mlops.predict(''frm_num'', f) < 90 OR mlops.predict(''frm_big'', f) > 0.5)',
	'SELECT count(*), sum(mlops.predict(''frm_big'', f)) FROM frm f WHERE mlops.predict(''frm_num'', f) > 60',
	'SELECT id, mlops.predict(''frm_num'', f) - mlops.predict(''frm_num/1'', f) AS d FROM frm f WHERE abs(mlops.predict(''frm_num'', f) - mlops.predict(''frm_num@champion'', f)) < 1']) q, frm_same(q) s;

-- FILTER
SELECT q, s.* FROM unnest(ARRAY[
	'SELECT count(*) FILTER (WHERE mlops.predict(''frm_big'', f) > 0.5) FROM frm f',
	'SELECT region, count(*) FILTER (WHERE mlops.predict(''frm_big'', f) > 0.5), avg(mlops.predict(''frm_big'', f)), sum(amount) FILTER (WHERE mlops.predict(''frm_num'', f) > 60) FROM frm f GROUP BY region ORDER BY region',
	'SELECT avg(mlops.predict(''frm_num'', f)) FILTER (WHERE ok), min(mlops.predict(''frm_num'', f)) FILTER (WHERE region = ''r1'') FROM frm f',
	'SELECT avg(mlops.predict(''frm_num'', f)) FILTER (WHERE ok), min(mlops.predict(''frm_num'', f)) FROM frm f',
	'SELECT avg(mlops.predict(''frm_num'', f)) FILTER (WHERE mlops.predict(''frm_big'', f) > 0.5) FROM frm f',
	'SELECT avg(mlops.predict(''frm_num'', f)) FILTER (WHERE mlops.predict(''frm_num'', f) > 60) FROM frm f',
	'SELECT array_agg(mlops.predict(''frm_num'', f) ORDER BY mlops.predict(''frm_big'', f), id) FILTER (WHERE a > 30 AND ok) FROM frm f',
	'SELECT percentile_cont(0.9) WITHIN GROUP (ORDER BY mlops.predict(''frm_num'', f)) FILTER (WHERE ok) FROM frm f',
	'SELECT region, sum(mlops.predict(''frm_num'', f)) FILTER (WHERE ok) FROM frm f GROUP BY region HAVING count(*) FILTER (WHERE mlops.predict(''frm_big'', f) > 0.5) > 70 ORDER BY 1',
	'SELECT region, count(*) FROM frm f GROUP BY region HAVING avg(mlops.predict(''frm_num'', f)) > 95 ORDER BY 1',
	'SELECT count(mlops.predict(''frm_num'', f)) FILTER (WHERE random() < 2) FROM frm f',
	'SELECT mlops.roc_auc(big, mlops.predict(''frm_big'', f)), mlops.rmse(y, mlops.predict(''frm_num'', f)) FILTER (WHERE region > ''r2'') FROM frm f']) q, frm_same(q) s;

-- groups: after an aggregation
SELECT q, s.* FROM unnest(ARRAY[
	'SELECT day, mlops.predict(''frm_num'', ROW(avg(a), avg(b), max(c))::frm_in) FROM frm GROUP BY day ORDER BY day',
	'SELECT day, count(*), CASE WHEN count(*) > 2 THEN mlops.predict(''frm_num'', ROW(avg(a), avg(b), max(c))::frm_in) END FROM frm GROUP BY day ORDER BY day',
	'SELECT day FROM frm GROUP BY day HAVING mlops.predict(''frm_num'', ROW(avg(a), avg(b), max(c))::frm_in) > 100 AND count(*) > 2 ORDER BY day',
	'SELECT day, mlops.predict(''frm_num'', s) FROM (SELECT day, avg(a) AS a, avg(b) AS b, max(c) AS c FROM frm GROUP BY day) s ORDER BY day',
	'SELECT id, mlops.predict(''frm_num'', f), avg(w), mlops.predict(''frm_num'', ROW(count(*), avg(w), max(c))::frm_in) > avg(mlops.predict(''frm_big'', f)) FROM frm f JOIN frm_other o USING (id) GROUP BY f.id ORDER BY id',
	'SELECT DISTINCT mlops.predict_label(''frm_cls'', f), ok FROM frm f ORDER BY 1, 2',
	'SELECT DISTINCT ON (mlops.predict_label(''frm_cls'', f)) mlops.predict_label(''frm_cls'', f), id FROM frm f ORDER BY 1, 2',
	'SELECT region, mlops.predict_label(''frm_cls'', f), count(*) FROM frm f GROUP BY ROLLUP (1, 2) ORDER BY 1, 2, 3',
	'SELECT region, l, count(*), avg(p) FROM (SELECT region, mlops.predict_label(''frm_cls'', f) AS l, mlops.predict(''frm_num'', f) AS p FROM frm f OFFSET 0) s GROUP BY ROLLUP (1, 2) ORDER BY 1, 2, 3']) q, frm_same(q) s;

-- windows
SELECT q, s.* FROM unnest(ARRAY[
	'SELECT id, mlops.predict(''frm_num'', f), row_number() OVER (ORDER BY id DESC) FROM frm f',
	'SELECT id, rank() OVER (PARTITION BY region ORDER BY mlops.predict(''frm_num'', f) DESC), ntile(10) OVER (ORDER BY mlops.predict(''frm_num'', f)) FROM frm f',
	'SELECT id, avg(mlops.predict(''frm_num'', f)) OVER (PARTITION BY region), note, amount FROM frm f',
	'SELECT id, mlops.predict(''frm_num'', f) - avg(mlops.predict(''frm_num'', f)) OVER (PARTITION BY region) FROM frm f',
	'SELECT id, mlops.predict(''frm_num'', f) / sum(mlops.predict(''frm_num'', f)) OVER () FROM frm f ORDER BY 2, 1',
	'SELECT id, sum(mlops.predict(''frm_num'', f)) OVER (PARTITION BY region ORDER BY id) FROM frm f',
	'SELECT id, sum(mlops.predict(''frm_num'', f)) FILTER (WHERE ok) OVER (PARTITION BY region), count(*) FILTER (WHERE mlops.predict(''frm_big'', f) > 0.5) OVER (PARTITION BY region) FROM frm f',
	'SELECT id, sum(mlops.predict(''frm_num'', f)) OVER w, min(mlops.predict_label(''frm_cls'', f)) OVER (PARTITION BY region ORDER BY day, id) FROM frm f WINDOW w AS (PARTITION BY ok ORDER BY id)',
	'SELECT id, CASE WHEN ok THEN mlops.predict(''frm_num'', f) END, avg(y) OVER (PARTITION BY region) FROM frm f',
	'SELECT id, CASE WHEN row_number() OVER (PARTITION BY region ORDER BY id) = 1 THEN mlops.predict(''frm_num'', f) END FROM frm f',
	'SELECT id, mlops.predict(''frm_num'', ROW(sum(a) OVER (ORDER BY id), b, c)::frm_in) FROM frm f',
	'SELECT id, mlops.predict(''frm_num'', s) FROM (SELECT id, sum(a) OVER (ORDER BY id) / id AS a, b, c FROM frm) s',
	'SELECT id, p, avg(p) OVER (PARTITION BY region ORDER BY id ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) FROM frm_view',
	'SELECT * FROM (SELECT id, region, p, row_number() OVER (PARTITION BY region ORDER BY p DESC, id) AS n FROM frm_view) s WHERE n <= 3',
	'SELECT id, mlops.predict(''frm_num'', f), row_number() OVER (ORDER BY id DESC) FROM frm f LIMIT 100']) q, frm_same(q) s;
-- a row that is in several frames is predicted once; frames that may leave the row out, and functions that look at some rows
SELECT q, s.nodes, s.same, s.n, s.first FROM unnest(ARRAY[
	'SELECT id, avg(mlops.predict(''frm_num'', f)) OVER (ORDER BY id ROWS BETWEEN 3 PRECEDING AND 3 FOLLOWING) FROM frm f',
	'SELECT id, max(mlops.predict(''frm_num'', f)) OVER (ORDER BY id ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) FROM frm f',
	'SELECT id, max(mlops.predict(''frm_num'', f)) OVER (ORDER BY region GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM frm f',
	'SELECT id, sum(mlops.predict(''frm_num'', f)) OVER (ORDER BY id ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING) FROM frm f',
	'SELECT id, sum(mlops.predict(''frm_num'', f)) OVER (ORDER BY id ROWS BETWEEN 3 PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW) FROM frm f',
	'SELECT id, sum(mlops.predict(''frm_num'', f)) OVER (ORDER BY a RANGE BETWEEN 3 PRECEDING AND CURRENT ROW) FROM frm f',
	'SELECT id, lag(mlops.predict(''frm_num'', f)) OVER (ORDER BY id), first_value(mlops.predict(''frm_big'', f)) OVER (PARTITION BY region ORDER BY id) FROM frm f',
	'SELECT id, lag(p) OVER (ORDER BY id) FROM (SELECT id, mlops.predict(''frm_num'', f) AS p FROM frm f OFFSET 0) s',
	'SELECT id, sum(mlops.predict(''frm_cls'', f)) OVER (ORDER BY id ROWS BETWEEN 2000 PRECEDING AND 1999 PRECEDING) FROM frm f',
	'SELECT id, sum(mlops.predict(''frm_num'', f)) OVER (ORDER BY id ROWS BETWEEN -1 PRECEDING AND CURRENT ROW) FROM frm f']) q, frm_same(q) s;

-- views, joins, unions, subqueries and tables made of predictions
SELECT q, s.* FROM unnest(ARRAY[
	'SELECT region, l, avg(p) FROM frm_view GROUP BY 1, 2 ORDER BY 1, 2',
	'SELECT * FROM frm_view WHERE p > 60 OR region = ''r1''',
	'SELECT f.id, kind, mlops.predict(''frm_num'', f) FROM frm f JOIN frm_other o ON o.id = f.id AND mlops.predict(''frm_big'', f) > 0.5',
	'SELECT f.id, kind, CASE WHEN kind > 0 THEN mlops.predict(''frm_num'', f) ELSE w END FROM frm f LEFT JOIN frm_other o USING (id) ORDER BY 1',
	'SELECT f.id, w, CASE WHEN o.id IS NULL THEN mlops.predict(''frm_num'', f) END FROM frm f LEFT JOIN frm_other o ON o.id = f.id AND mlops.predict(''frm_big'', f) > 0.5 ORDER BY 1',
	'SELECT id, ''num'' AS m, mlops.predict(''frm_num'', f) AS p FROM frm f UNION ALL SELECT id, ''big'', CASE WHEN ok THEN mlops.predict(''frm_big'', f) END FROM frm f',
	'SELECT mlops.predict_label(''frm_cls'', f) FROM frm f UNION SELECT coalesce(note, mlops.predict_label(''frm_big'', f)) FROM frm f ORDER BY 1',
	'SELECT id FROM frm f WHERE mlops.predict(''frm_num'', f) > 60 INTERSECT SELECT id FROM frm f WHERE mlops.predict(''frm_big'', f) > 0.5 ORDER BY 1',
	'WITH p AS (SELECT id, region, CASE WHEN ok THEN mlops.predict(''frm_num'', f) END AS p FROM frm f), r AS (SELECT region, avg(p) AS mean FROM p GROUP BY region) SELECT id, p - mean FROM p JOIN r USING (region) ORDER BY id',
	'SELECT id FROM frm f WHERE mlops.predict(''frm_num'', f) > (SELECT avg(mlops.predict(''frm_num'', f)) FILTER (WHERE ok) FROM frm f)',
	'SELECT id, mlops.predict(''frm_num'', f) > all (SELECT n FROM frm_small) FROM frm f',
	'SELECT n, (SELECT sum(CASE WHEN ok THEN mlops.predict(''frm_num'', f) END) FROM frm f WHERE f.a > n) FROM frm_small',
	'SELECT n, s FROM frm_small, LATERAL (SELECT sum(mlops.predict(''frm_num'', f)) FILTER (WHERE f.a > n) AS s FROM frm f) q',
	'SELECT id, generate_series(1, 2), CASE WHEN ok THEN mlops.predict(''frm_num'', f) END FROM frm f']) q, frm_same(q) s;

-- what fails does so if and only if it is evaluated
SELECT q, s.* FROM unnest(ARRAY[
	'SELECT id, CASE WHEN a > 1000 THEN mlops.predict(''frm_cls'', f) END FROM frm f',
	'SELECT id, CASE WHEN a > 99 THEN mlops.predict(''frm_cls'', f) END FROM frm f',
	'SELECT id, a > 1000 AND mlops.predict_proba(''frm_cls'', f, ''w'') > 0 FROM frm f', 'SELECT id, a > 50 AND mlops.predict_proba(''frm_cls'', f, ''w'') > 0 FROM frm f',
	'SELECT id, coalesce(id, length(mlops.predict_label(''frm_num'', f))) FROM frm f', 'SELECT id, coalesce(score, length(mlops.predict_label(''frm_num'', f))) FROM frm f',
	'SELECT sum(mlops.predict(''frm_cls'', f)) FILTER (WHERE a > 1000) FROM frm f', 'SELECT sum(mlops.predict(''frm_cls'', f)) FILTER (WHERE a > 50) FROM frm f',
	'SELECT id, sum(mlops.predict(''frm_cls'', f)) FILTER (WHERE a > 1000) OVER () FROM frm f', 'SELECT id, sum(mlops.predict(''frm_cls'', f)) FILTER (WHERE a > 50) OVER () FROM frm f',
	'SELECT id FROM frm f WHERE id > 0 OR mlops.predict(''frm_cls'', f) > 1', 'SELECT id FROM frm f WHERE id > 50 OR mlops.predict(''frm_cls'', f) > 1',
	'SELECT id FROM frm f WHERE mlops.predict(''frm_num'', f) > 1e9 AND mlops.predict_label(''frm_num'', f) = ''x''',
	'SELECT id FROM frm f WHERE mlops.predict(''frm_num'', f) > 60 AND mlops.predict_label(''frm_num'', f) = ''x''',
	'SELECT mlops.predict_label(''frm_num'', f) FROM frm f WHERE mlops.predict(''frm_num'', f) > 60 AND mlops.predict(''frm_big'', f) > 2',
	'SELECT mlops.predict_label(''frm_num'', f) FROM frm f WHERE mlops.predict(''frm_num'', f) > 60 AND mlops.predict(''frm_big'', f) > 0',
	'SELECT mlops.predict_label(''frm_num'', f) FROM frm f WHERE mlops.predict(''frm_num'', f) > 60 AND (mlops.predict(''frm_num'', f) < 0 OR mlops.predict(''frm_big'', f) > 2)',
	'SELECT id, CASE WHEN 1 / (id - 10) = 0 THEN mlops.predict(''frm_num'', f) END FROM frm f',
	'SELECT id, CASE WHEN id <> 10 AND 1 / (id - 10) = 0 THEN mlops.predict(''frm_num'', f) END FROM frm f',
	'SELECT id, CASE WHEN id = 10 THEN 0 WHEN 1 / (id - 10) = 0 THEN mlops.predict(''frm_num'', f) END FROM frm f',
	'SELECT id, CASE WHEN frm_loud(id) > 50 THEN mlops.predict(''frm_num'', f) END FROM frm f', 'SELECT id, CASE WHEN frm_loud(id) > 50 THEN mlops.predict(''frm_num'', f) END FROM frm f WHERE id <> 77',
	'SELECT id, CASE WHEN id <> 77 THEN mlops.predict(''frm_num'', s) END FROM (SELECT id, frm_loud(id) AS a, b, c FROM frm) s',
	'SELECT id, id <> 77 OR mlops.predict(''frm_num'', s) > 0 FROM (SELECT id, frm_loud(id) AS a, b, c FROM frm) s',
	'SELECT id, CASE WHEN id = 5 THEN mlops.predict(''frm_none'', f) END FROM frm f', 'SELECT id, CASE WHEN id < 0 THEN mlops.predict(''frm_none'', f) END FROM frm f']) q, frm_same(q) s;
-- a reader that stops early meets neither a guard nor a prediction that fails later on
BEGIN;
DECLARE frm_stops CURSOR FOR SELECT id, CASE WHEN 1 / (id - 10) = 0 THEN mlops.predict('frm_num', f) IS NULL END FROM frm f;
FETCH 3 FROM frm_stops;
MOVE 6 FROM frm_stops;
FETCH 1 FROM frm_stops;
ROLLBACK;
SELECT (SELECT count(*) FROM (SELECT CASE WHEN id >= 50 THEN mlops.predict('frm_cls', f) END FROM frm f LIMIT 40) s) AS forty;
CREATE FUNCTION frm_first() RETURNS SETOF int LANGUAGE sql STABLE AS
$$ SELECT id FROM frm f WHERE id < 50 OR mlops.predict('frm_cls', f) > 0 $$;
SELECT frm_first() LIMIT 2;
SELECT frm_first() OFFSET 60;

-- a role without the right to the model: as far as the model is asked for
CREATE ROLE frm_reader;
GRANT SELECT ON frm TO frm_reader;
GRANT USAGE ON SCHEMA mlops TO frm_reader;
SELECT mlops.grant_model('frm_num', 'frm_reader', 'predict');
SET ROLE frm_reader;
PREPARE frm_never AS SELECT count(CASE WHEN a > 1000 THEN mlops.predict('frm_num', f) END) FROM frm f;
PREPARE frm_some AS SELECT count(CASE WHEN a > 50 THEN mlops.predict('frm_num', f) END) FROM frm f;
EXECUTE frm_never;
EXECUTE frm_some;
RESET ROLE;
SELECT mlops.revoke_model('frm_num', 'frm_reader', 'predict');
SET ROLE frm_reader;
EXECUTE frm_never;
EXECUTE frm_some;
RESET ROLE;
DEALLOCATE frm_never;
DEALLOCATE frm_some;
DROP OWNED BY frm_reader;
DROP ROLE frm_reader;

-- plans
EXPLAIN (VERBOSE, COSTS OFF) SELECT id, CASE WHEN ok THEN mlops.predict('frm_num', f) END FROM frm f;
EXPLAIN (VERBOSE, COSTS OFF) SELECT avg(mlops.predict('frm_num', f)) FILTER (WHERE mlops.predict('frm_big', f) > 0.5) FROM frm f;
EXPLAIN (COSTS OFF) SELECT id, mlops.predict_label('frm_cls', f) FROM frm f WHERE a > 3 AND mlops.predict('frm_num', f) > 60 AND mlops.predict('frm_big', f) > 0.5;
EXPLAIN (COSTS OFF) SELECT day FROM frm GROUP BY day HAVING mlops.predict('frm_num', ROW(avg(a), avg(b), max(c))::frm_in) > 100;

-- guards are weighed
RESET mlops.batch_min_splits;
SELECT version FROM mlops.train('frm_heavy', 'SELECT a, b, c, y FROM frm', 'y', params => '{"num_boost_round": 150, "early_stopping_rounds": 0}');
SELECT frm_nodes('SELECT sum(CASE WHEN ok THEN mlops.predict(''frm_heavy'', f) END) FROM frm f'), frm_nodes('SELECT sum(CASE WHEN ok THEN mlops.predict(''frm_num'', f) END) FROM frm f') AS light, frm_nodes('SELECT sum(CASE WHEN frm_loud(a) > 0 THEN mlops.predict(''frm_heavy'', f) END) FROM frm f') AS costly;
SET mlops.batch_min_splits = 0;

-- prepared, with parameters in guards, and in functions
PREPARE frm_plan(int, text) AS SELECT sum(CASE WHEN a > $1 THEN mlops.predict('frm_num', f) END), count(*) FILTER (WHERE region = $2 OR mlops.predict('frm_big', f) > 0.5) FROM frm f;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE frm_plan(50, 'r1');
CREATE TEMP TABLE frm_prepared AS EXECUTE frm_plan(50, 'r1');
CREATE TEMP TABLE frm_prepared_null AS EXECUTE frm_plan(NULL, NULL);
RESET plan_cache_mode;
DEALLOCATE frm_plan;
SET mlops.batch = off;
SELECT (SELECT p FROM frm_prepared p) = ROW(sum(CASE WHEN a > 50 THEN mlops.predict('frm_num', f) END), count(*) FILTER (WHERE region = 'r1' OR mlops.predict('frm_big', f) > 0.5)) AS same,
	(SELECT p.sum IS NULL AND p.count > 0 FROM frm_prepared_null p) AND (SELECT count FROM frm_prepared_null) = count(*) FILTER (WHERE mlops.predict('frm_big', f) > 0.5) AS null FROM frm f;
RESET mlops.batch;

-- rows that are locked
SELECT q, s.* FROM unnest(ARRAY[
	'SELECT id, mlops.predict(''frm_num'', f) FROM frm f FOR UPDATE', 'SELECT id FROM frm f WHERE mlops.predict(''frm_num'', f) > 60 ORDER BY id FOR NO KEY UPDATE SKIP LOCKED',
	'SELECT id FROM frm f WHERE mlops.predict(''frm_num'', f) > 60 ORDER BY id LIMIT 10 FOR UPDATE SKIP LOCKED',
	'SELECT f.id, o.w, CASE WHEN ok THEN mlops.predict(''frm_num'', f) END FROM frm f JOIN frm_other o USING (id) ORDER BY 1 FOR SHARE OF o',
	'SELECT id, avg(p) OVER () FROM (SELECT id, mlops.predict(''frm_num'', f) AS p FROM frm f FOR UPDATE) s']) q, frm_same(q) s;

-- updates of one table by predictions for another, and values with RETURNING
CREATE TABLE frm_to AS SELECT id, 0::float8 AS p FROM frm;
ANALYZE frm_to;
SELECT frm_nodes('UPDATE frm_to t SET p = CASE WHEN ok THEN mlops.predict(''frm_num'', f) ELSE -1 END FROM frm f WHERE f.id = t.id');
UPDATE frm_to t SET p = CASE WHEN ok THEN mlops.predict('frm_num', f) ELSE -1 END FROM frm f WHERE f.id = t.id;
SELECT count(*) FILTER (WHERE p = -1 AND ok IS NOT TRUE) AS skipped, count(*) FILTER (WHERE ok AND p = mlops.predict('frm_num', f)) AS predicted, count(*) FROM frm_to t JOIN frm f USING (id);
SELECT frm_nodes('DELETE FROM frm_to t USING frm f WHERE f.id = t.id AND (f.ok OR mlops.predict(''frm_num'', f) > 60)');
DELETE FROM frm_to t USING frm f WHERE f.id = t.id AND (f.ok OR mlops.predict('frm_num', f) > 60);
SELECT count(*) = count(*) FILTER (WHERE ok IS NOT TRUE AND mlops.predict('frm_num', f) <= 60) AS rest, count(*) > 0 AS some FROM frm_to t JOIN frm f USING (id);
SELECT frm_nodes('UPDATE frm f SET y = 0 RETURNING mlops.predict(''frm_num'', f)');

-- in parallel workers
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT region, count(CASE WHEN ok THEN mlops.predict('frm_num', f) END) FILTER (WHERE mlops.predict('frm_big', f) > 0.5) FROM frm f GROUP BY region ORDER BY region;
CREATE TEMP TABLE frm_parallel AS SELECT region, count(CASE WHEN ok THEN mlops.predict('frm_num', f) END) FILTER (WHERE mlops.predict('frm_big', f) > 0.5) AS n, max(coalesce(score, mlops.predict('frm_num', f))) AS m FROM frm f GROUP BY region;
SET max_parallel_workers_per_gather = 0;
SET mlops.batch = off;
SELECT count(*) FROM (SELECT region, count(CASE WHEN ok THEN mlops.predict('frm_num', f) END) FILTER (WHERE mlops.predict('frm_big', f) > 0.5) AS n, max(coalesce(score, mlops.predict('frm_num', f))) AS m FROM frm f GROUP BY region) s JOIN frm_parallel USING (region, n, m);
RESET mlops.batch;

-- versions that are evicted while rows are read and handed on
SET mlops.cache_size = 0;
SELECT s.* FROM frm_same('SELECT id, CASE WHEN mlops.predict(''frm_big'', f) > 0.5 THEN mlops.predict(''frm_num'', f) END AS p, CASE WHEN ok THEN mlops.predict_label(''frm_cls'', f) END AS l, coalesce(score, mlops.predict(''frm_num/1'', f)) FROM frm f') s;
SELECT s.* FROM frm_same('SELECT region, avg(mlops.predict(''frm_num'', f)) FILTER (WHERE mlops.predict(''frm_big'', f) > 0.5), count(*) FILTER (WHERE ok AND mlops.predict_label(''frm_cls'', f) = ''x'') FROM frm f GROUP BY region ORDER BY region') s;
RESET mlops.cache_size;

-- cancelled, in nodes above one another
SET statement_timeout = '200ms';
SELECT count(CASE WHEN mlops.predict('frm_big', f) > 0.1 THEN mlops.predict('frm_num', f) END) FROM frm f, generate_series(1, 100000);
RESET statement_timeout;
SELECT count(CASE WHEN mlops.predict('frm_big', f) > 0.1 THEN mlops.predict('frm_num', f) END) > 0 AS again FROM frm f;

SELECT count(mlops.drop_model(m)) FROM unnest('{frm_num,frm_big,frm_cls,frm_heavy}'::text[]) m;
DROP TABLE frm, frm_other, frm_small, frm_to CASCADE;
DROP TYPE frm_in;
DROP FUNCTION frm_loud, frm_nodes, frm_run, frm_same, frm_first;
