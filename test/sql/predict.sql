-- Predictions: how a model is named, where a row comes from, what changes
-- between calls.
SET client_min_messages = error;
CREATE TABLE pre AS
SELECT i AS id, i * 37 % 101 AS a, (i * 53 % 89)::float8 AS b,
	   (ARRAY['red', 'green', 'blue'])[1 + i * 7 % 3] AS colour,
	   timestamptz '2024-01-01 00:00+00' + i * interval '5 hours' AS at,
	   i * 37 % 101 > 50 AS y
FROM generate_series(1, 300) i;
CREATE INDEX ON pre (id);
-- version 1 goes by a, version 2 by the opposite
SELECT version FROM mlops.train('pre_m', 'pre', 'y', features => '{a,b,colour}');
SELECT version FROM mlops.train('pre_m', 'SELECT a, b, colour, NOT y AS y FROM pre', 'y');
SELECT version FROM mlops.train('pre_three', 'pre', 'colour', features => '{a,b,id}', params => '{"num_boost_round": 20}');
SELECT version FROM mlops.train('pre_number', 'SELECT a, b, a * 2 AS target FROM pre', 'target');
CREATE VIEW pre_row AS SELECT id, a, b, colour, y FROM pre WHERE id IN (1, 2, 3);

-- what the four functions give
SELECT id, y, mlops.predict('pre_m', t) > 0.5 AS p, mlops.predict_label('pre_m', t) AS label,
	   (mlops.predict_proba('pre_m', t))[2] = mlops.predict('pre_m', t) AS proba,
	   abs((mlops.predict_proba('pre_m', t))[1] + mlops.predict('pre_m', t) - 1) < 1e-6 AS whole,
	   mlops.predict_proba('pre_m', t, 'true') = mlops.predict('pre_m', t) AS of_true,
	   mlops.predict_proba('pre_m', t, 'false') = (mlops.predict_proba('pre_m', t))[1] AS of_false
FROM pre_row t ORDER BY id;
SELECT bool_and(array_length(p, 1) = 3 AND abs(p[1] + p[2] + p[3] - 1) < 1e-5) AS whole,
	   bool_and((mlops.classes('pre_three'))[(SELECT o FROM unnest(p) WITH ORDINALITY u(v, o) ORDER BY v DESC, o LIMIT 1)] = l) AS label,
	   bool_and(p[2] = g) AS one
FROM (SELECT mlops.predict_proba('pre_three', t) AS p, mlops.predict_label('pre_three', t) AS l,
			 mlops.predict_proba('pre_three', t, 'green') AS g FROM pre t) s;
SELECT mlops.classes('pre_m'), mlops.classes('pre_three');
SELECT max(abs(mlops.predict('pre_number', t) - 2 * a)) < 20 AS good FROM pre t;

-- how the model is named
SELECT count(DISTINCT p) AS same FROM (
	SELECT mlops.predict('pre_m', t) AS p FROM pre_row t WHERE id = 1
	UNION ALL SELECT mlops.predict('pre_m/1', t) FROM pre_row t WHERE id = 1
	UNION ALL SELECT mlops.predict('pre_m@champion', t) FROM pre_row t WHERE id = 1
	UNION ALL SELECT mlops.predict('pre_m'::text, t) FROM pre_row t WHERE id = 1
	UNION ALL SELECT mlops.predict('pre_m'::varchar, t) FROM pre_row t WHERE id = 1
	UNION ALL SELECT mlops.predict_pinned('pre_m', 1, t) FROM pre_row t WHERE id = 1
	UNION ALL SELECT mlops.predict(m, t) FROM pre_row t, (VALUES ('pre_m')) v(m) WHERE id = 1) s;
SELECT id, m, (mlops.predict(m, t) > 0.5) = y AS agrees
FROM pre_row t, (VALUES ('pre_m'), ('pre_m/1'), ('pre_m/2')) v(m) ORDER BY 1, 2;
SELECT count(*) FILTER (WHERE (mlops.predict('pre_m/' || 1 + id % 2, t) > 0.5) = (y = (id % 2 = 0)))
	   > 290 AS column_of_references FROM pre t;
-- more models than a call site keeps
SELECT count(DISTINCT mlops.predict((ARRAY['pre_m', 'pre_m/1', 'pre_m/2', 'pre_m@champion', 'pre_number', 'pre_number/1', 'pre_number@champion'])[1 + id % 7], t)) > 1 FROM pre t;
SET plan_cache_mode = force_generic_plan;
PREPARE g AS SELECT mlops.predict_label($1, t) FROM pre_row t ORDER BY id;
EXECUTE g('pre_m');
EXECUTE g('pre_m/2');
SET plan_cache_mode = force_custom_plan;
EXECUTE g('pre_m');
EXECUTE g('pre_m/2');
RESET plan_cache_mode;
SELECT mlops.predict(NULL, t) IS NULL AS no_model, mlops.predict('pre_m', NULL) IS NULL AS no_row FROM pre_row t LIMIT 1;

-- where the row comes from: by name, in any order, more columns do not matter
CREATE FUNCTION pre_same(sql text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	p float8; q float8;
BEGIN
	EXECUTE sql INTO p;
	SELECT mlops.predict('pre_m/1', t) INTO q FROM pre t WHERE id = 1;
	RETURN p = q;
END $$;
SELECT s, pre_same(s) FROM (VALUES
	('SELECT mlops.predict(''pre_m'', t) FROM (SELECT colour, b, a FROM pre WHERE id = 1) t'),
	('SELECT mlops.predict(''pre_m'', t) FROM (SELECT *, 1 AS more FROM pre WHERE id = 1) t'),
	('SELECT mlops.predict(''pre_m'', t.*) FROM pre t WHERE id = 1'),
	('WITH t AS (SELECT * FROM pre) SELECT mlops.predict(''pre_m'', t) FROM t WHERE id = 1'),
	('WITH t AS MATERIALIZED (SELECT * FROM pre) SELECT mlops.predict(''pre_m'', t) FROM t WHERE id = 1'),
	('SELECT mlops.predict(''pre_m'', t) FROM pre_row t WHERE id = 1'),
	('SELECT p FROM (SELECT id, mlops.predict(''pre_m'', t) AS p FROM pre t OFFSET 0) s WHERE id = 1'),
	('SELECT mlops.predict(''pre_m'', (SELECT t FROM pre t WHERE id = 1))'),
	('SELECT mlops.predict(''pre_m'', x) FROM pre t, LATERAL (SELECT t.a, t.b, t.colour) x WHERE id = 1'),
	('SELECT mlops.predict(''pre_m'', r) FROM pre t, jsonb_to_record(to_jsonb(t)) AS r(a int, b float8, colour text) WHERE t.id = 1'),
	('SELECT mlops.predict(''pre_m'', jsonb_populate_record(NULL::pre, to_jsonb(t))) FROM pre t WHERE id = 1')) v(s);
-- NULL and a category that was not there are the same; so is its varchar
SELECT mlops.predict('pre_m', x) = mlops.predict('pre_m', z) AS unseen_is_null
FROM (SELECT a, b, 'mauve' AS colour FROM pre WHERE id = 1) x, (SELECT a, b, NULL::text AS colour FROM pre WHERE id = 1) z;
SELECT mlops.predict('pre_m', x) IS NOT NULL AS all_null FROM (SELECT NULL::int AS a, NULL::float8 AS b, NULL::text AS colour) x;
-- the row that an outer join makes up predicts NULL
SELECT i, mlops.predict('pre_m', t) IS NULL AS p, mlops.predict_label('pre_m', t) AS label
FROM generate_series(299, 302) i LEFT JOIN pre t ON t.id = i ORDER BY i;

-- in other clauses
SELECT count(*) > 100 AS some, bool_and(y) AS all_y FROM pre t WHERE mlops.predict('pre_m', t) > 0.5 AND a > 55;
SELECT bool_and(y) AS top_is_y FROM (SELECT * FROM pre t ORDER BY mlops.predict('pre_m', t) DESC, id LIMIT 20) s;
SELECT label, count(*) > 50 AS many FROM (SELECT mlops.predict_label('pre_m', t) AS label FROM pre t) s GROUP BY 1 ORDER BY 1;
CREATE VIEW pre_scored AS SELECT id, y, mlops.predict_label('pre_m', t) AS label FROM pre t;
SELECT * FROM pre_scored WHERE id <= 3 ORDER BY id;
CREATE TABLE pre_log (a int, b float8, colour text, label text);
CREATE FUNCTION pre_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.label := mlops.predict_label('pre_m', NEW);
	RETURN NEW;
END $$;
CREATE TRIGGER t BEFORE INSERT ON pre_log FOR EACH ROW EXECUTE FUNCTION pre_trigger();
INSERT INTO pre_log SELECT a, b, colour FROM pre WHERE id <= 3 ORDER BY id RETURNING label;

-- across a deploy: the next statement sees it, a cursor goes on as it began
PREPARE across AS SELECT label FROM pre_scored WHERE id = 1;
EXECUTE across;
BEGIN;
DECLARE c CURSOR FOR SELECT id, label FROM pre_scored WHERE id <= 3 ORDER BY id;
FETCH 1 FROM c;
SELECT mlops.deploy('pre_m/2');
FETCH 2 FROM c;
EXECUTE across;
INSERT INTO pre_log SELECT a, b, colour FROM pre WHERE id = 1 RETURNING label;
ROLLBACK;
EXECUTE across;
-- plpgsql keeps its expressions
CREATE FUNCTION pre_across() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	r pre; label text;
BEGIN
	SELECT * INTO r FROM pre WHERE id = 1;
	FOR i IN 1..4 LOOP
		label := mlops.predict_label('pre_m', r);
		RETURN NEXT label;
		IF i = 2 THEN
			PERFORM mlops.deploy('pre_m/2');
		END IF;
	END LOOP;
	PERFORM mlops.rollback('pre_m');
	label := mlops.predict_label('pre_m', r);
	RETURN NEXT label;
END $$;
SELECT y FROM pre WHERE id = 1;
SELECT pre_across();
SELECT serving FROM mlops.models WHERE model = 'pre_m';

-- a version given by number does not change: indexes may use it
CREATE FUNCTION pre_score(t pre) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$ SELECT mlops.predict_pinned('pre_m', 1, t) $$;
CREATE INDEX pre_score ON pre (pre_score(pre));
ANALYZE pre;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM pre WHERE pre_score(pre) > 0.5;
SELECT count(*) FILTER (WHERE y) > 130 AS good FROM pre WHERE pre_score(pre) > 0.5;
RESET enable_seqscan;
INSERT INTO pre SELECT 1000, a, b, colour, at, y FROM pre WHERE id = 1;
DELETE FROM pre WHERE id = 1000;

-- the same in workers
CREATE TABLE pre_one AS SELECT sum(mlops.predict('pre_m', t)::numeric(20, 10)) AS s FROM pre t;
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT sum(mlops.predict('pre_m', t)::numeric(20, 10)) FROM pre t;
SELECT sum(mlops.predict('pre_m', t)::numeric(20, 10)) = (SELECT s FROM pre_one) AS same FROM pre t;
SELECT set_config(name, 'on', false) FROM pg_settings
WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SELECT mlops.predict_label('pre_m', t) FROM pre_row t ORDER BY id;
SELECT set_config(name, 'off', false) FROM pg_settings
WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
RESET min_parallel_table_scan_size;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET max_parallel_workers_per_gather;

-- times mean the same in any session
SET TimeZone = 'UTC';
SELECT version FROM mlops.train('pre_time', 'SELECT at, extract(hour FROM at) > 11 AS y FROM pre', 'y');
CREATE TABLE pre_utc AS SELECT id, mlops.predict('pre_time', t) AS p FROM pre t;
SELECT count(DISTINCT p) > 1 AS differ, count(*) FILTER (WHERE (u.p > 0.5) = (extract(hour FROM t.at) > 11)) > 290 AS good FROM pre t JOIN pre_utc u USING (id);
SET TimeZone = 'Asia/Tokyo';
SET DateStyle = 'German';
SELECT count(*) AS others FROM pre t JOIN pre_utc u USING (id) WHERE mlops.predict('pre_time', t) <> u.p;
RESET TimeZone;
RESET DateStyle;

-- a tiny cache changes nothing
SET mlops.cache_size = 0;
SELECT count(*) FILTER (WHERE mlops.predict('pre_m/' || 1 + id % 2, t) IS NULL) AS none FROM pre t;
RESET mlops.cache_size;

SELECT mlops.drop_model(m) FROM unnest('{pre_m,pre_three,pre_number,pre_time}'::text[]) m;
DROP TABLE pre_utc, pre_one, pre_log;
DROP FUNCTION pre_trigger, pre_across, pre_same;
DROP TABLE pre CASCADE;
