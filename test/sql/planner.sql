-- How predict is planned: rows become the columns that the model takes, and
-- every construct gives the same numbers as the row form does.
SET client_min_messages = error;
SET max_parallel_workers_per_gather = 0;
CREATE TABLE pln (id int PRIMARY KEY, gone int, a int, "Größe" float8, colour text, pad text, y boolean);
ALTER TABLE pln DROP COLUMN gone;
INSERT INTO pln SELECT i, i * 37 % 101, CASE WHEN i % 7 > 0 THEN i * 53 % 89 END,
	(ARRAY['red', 'green', NULL, 'blue'])[1 + i * 7 % 4], repeat('x', 10), i * 37 % 101 + i * 53 % 89 + i * 7 % 4 * 20 > 120
FROM generate_series(1, 300) i;
ANALYZE pln;
SELECT version FROM mlops.train('pln_m', 'SELECT a, "Größe", colour, y FROM pln', 'y', params => '{"num_boost_round": 10}');
SELECT version FROM mlops.train('pln_three', 'SELECT a, "Größe", coalesce(colour, ''none'') AS target FROM pln', 'target', params => '{"num_boost_round": 5}');
SELECT version FROM mlops.train('pln_number', 'SELECT a, "Größe" AS b, a * 2 AS target FROM pln', 'target', params => '{"num_boost_round": 5}');

-- what EXPLAIN shows
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM pln t WHERE mlops.predict('pln_m', t) > 0.5;
EXPLAIN (VERBOSE, COSTS OFF) SELECT mlops.predict_label('pln_m', t), mlops.predict_proba('pln_m@champion', t),
	mlops.predict_proba('pln_m/1', t, colour) FROM pln t;
EXPLAIN (VERBOSE, COSTS OFF) SELECT mlops.predict_margin('pln_m', t), mlops.predict_margins('pln_three', t),
	mlops.predict_pinned('pln_m', 1, t) FROM pln t;
EXPLAIN (VERBOSE, COSTS OFF) SELECT mlops.predict('pln_m', t) FROM generate_series(1, 2) i LEFT JOIN pln t ON t.id = i;
-- cheap conditions come first, whatever the order; subqueries lose columns
EXPLAIN (COSTS OFF) SELECT id FROM pln t WHERE mlops.predict('pln_m', t) > 0.5 AND a > 10 AND colour ~ 'r';
EXPLAIN (VERBOSE, COSTS OFF) SELECT mlops.predict('pln_m', s) FROM (SELECT * FROM pln ORDER BY a, id LIMIT 5) s;

-- Each query with the model as a constant, and with one that is known only
-- when it is executed: whether columns were bound, whether the rows are equal.
CREATE FUNCTION pln_plan(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	plan text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
		plan := plan || line || E'\n';
	END LOOP;
	RETURN plan;
END $$;
CREATE FUNCTION pln_rows(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line record;
	lines text[] := '{}';
BEGIN
	BEGIN
		FOR line IN EXECUTE query LOOP
			lines := lines || line::text;
		END LOOP;
		RAISE division_by_zero;
	EXCEPTION WHEN division_by_zero THEN
		-- what it has written is undone
	END;
	RETURN (SELECT string_agg(l, E'\n' ORDER BY l) FROM unnest(lines) l);
END $$;
CREATE FUNCTION pln_same(query text, OUT bound boolean, OUT same boolean, OUT n int, OUT missing int)
LANGUAGE plpgsql AS $$
DECLARE
	columns text := replace(query, '@@', '''pln_m''');
	plain text := replace(query, '@@', '(SELECT ''pln_m''::mlops.model_ref)');
	result text;
BEGIN
	bound := pln_plan(columns) ~ 'mlops\._predict';
	result := pln_rows(columns);
	same := result = pln_rows(plain) AND pln_plan(plain) !~ 'mlops\._predict';
	n := (SELECT count(*) FROM regexp_matches(result, E'\n', 'g')) + 1;
	missing := (SELECT count(*) FROM regexp_matches(result, ',\)', 'g'));
END $$;

CREATE VIEW pln_view AS SELECT *, a + 1 AS b FROM pln;
CREATE VIEW pln_barrier WITH (security_barrier) AS SELECT * FROM pln WHERE a > 20;
CREATE VIEW pln_computed AS SELECT id, a * 2 AS a, "Größe" / 2 AS "Größe", lower(colour) AS colour FROM pln;
CREATE MATERIALIZED VIEW pln_stored AS SELECT * FROM pln;
CREATE TABLE pln_part (id int, pad text, colour text, a int, "Größe" float8) PARTITION BY RANGE (id);
CREATE TABLE pln_part_1 (gone int, a int, "Größe" float8, colour text, id int, pad text);
ALTER TABLE pln_part_1 DROP COLUMN gone;
ALTER TABLE pln_part ATTACH PARTITION pln_part_1 FOR VALUES FROM (1) TO (150);
CREATE TABLE pln_part_2 PARTITION OF pln_part FOR VALUES FROM (150) TO (1000);
INSERT INTO pln_part (id, pad, colour, a, "Größe") SELECT id, pad, colour, a, "Größe" FROM pln;
CREATE TABLE pln_child (extra int, LIKE pln) INHERITS (pln);
INSERT INTO pln_child (extra, id, a, "Größe", colour) VALUES (1, 1001, 5, 5, 'red'), (2, 1002, 99, 1, NULL);
CREATE TYPE pln_type AS (colour text, more int, a int, "Größe" float8);
CREATE FUNCTION pln_inline(pln) RETURNS float8 LANGUAGE sql STABLE AS 'SELECT mlops.predict(''pln_m'', $1)';
CREATE FUNCTION pln_opaque(pln) RETURNS float8 LANGUAGE sql VOLATILE AS 'SELECT mlops.predict(''pln_m'', $1)';
CREATE FUNCTION pln_body(r pln) RETURNS float8 LANGUAGE plpgsql AS 'BEGIN RETURN mlops.predict(''pln_m'', r); END';
CREATE FUNCTION pln_set(int) RETURNS SETOF pln LANGUAGE sql STABLE AS 'SELECT * FROM ONLY pln WHERE id < $1';
CREATE FUNCTION pln_rough(int) RETURNS SETOF pln LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT * FROM ONLY pln WHERE id < $1; RETURN NEXT NULL; END';
CREATE SEQUENCE pln_seq;
SELECT f.name, mlops.create_function('pln_m', f.name) IS NOT NULL AS made FROM (VALUES ('pln_made')) f(name);

SELECT regexp_replace(q, '\s+', ' ', 'g') AS query, r.* FROM (VALUES
	(1, 'SELECT id, mlops.predict(@@, t) FROM pln t'),
	(2, 'SELECT id, mlops.predict(@@, t.*) FROM ONLY pln t'),
	(3, 'SELECT id, mlops.predict(@@, pln) FROM pln'),
	(4, 'SELECT i, mlops.predict(@@, t) FROM pln AS t(i, c, b, d)'),
	(5, 'SELECT id, mlops.predict(@@, t) FROM pln_view t'),
	(6, 'SELECT id, mlops.predict(@@, t) FROM pln_barrier t WHERE mlops.predict(@@, t) > 0.3'),
	(7, 'SELECT id, mlops.predict(@@, t) FROM pln_computed t'),
	(8, 'SELECT id, mlops.predict(@@, t) FROM pln_stored t'),
	(9, 'SELECT id, mlops.predict(@@, t) FROM pln_part t'),
	(10, 'SELECT id, mlops.predict(@@, t) FROM pln_part_1 t'),
	(11, 'SELECT id, mlops.predict(@@, t::pln) FROM pln_child t'),
	(12, 'WITH t AS (SELECT * FROM pln) SELECT id, mlops.predict(@@, t) FROM t'),
	(13, 'WITH t AS MATERIALIZED (SELECT * FROM pln) SELECT id, mlops.predict(@@, t) FROM t'),
	(14, 'WITH RECURSIVE t AS (SELECT 1 AS a, 1.5::float8 AS "Größe", ''red'' AS colour UNION ALL SELECT a + 1, "Größe" * 1.5, colour FROM t WHERE a < 60) SELECT a, mlops.predict(@@, t) FROM t'),
	(15, 'SELECT a, mlops.predict(@@, t) FROM (SELECT a, "Größe", colour FROM pln OFFSET 0) t'),
	(16, 'SELECT a, mlops.predict(@@, t) FROM (SELECT a, "Größe" * 2 AS "Größe", upper(colour) AS colour FROM pln) t'),
	(17, 'SELECT id, mlops.predict(@@, t) FROM (SELECT * FROM pln_computed UNION ALL SELECT id, a, "Größe", colour FROM pln) t'),
	(18, 'SELECT id, mlops.predict(@@, t) FROM (SELECT * FROM pln_computed UNION SELECT id, a, "Größe", colour FROM pln) t'),
	(19, 'SELECT t.id, mlops.predict(@@, t), mlops.predict(@@, u) FROM pln t JOIN pln_part u ON t.id = u.a'),
	(20, 'SELECT i, mlops.predict(@@, t) FROM generate_series(290, 310) i LEFT JOIN pln t ON t.id = i'),
	(21, 'SELECT i, mlops.predict(@@, t) FROM pln t RIGHT JOIN generate_series(290, 310) i ON t.id = i'),
	(22, 'SELECT i, mlops.predict(@@, t) FROM generate_series(290, 310) i FULL JOIN pln t ON t.id = i'),
	(23, 'SELECT i, mlops.predict(@@, t) FROM generate_series(290, 310) i LEFT JOIN pln_view t ON t.id = i'),
	(24, 'SELECT i, mlops.predict(@@, t) FROM generate_series(290, 310) i LEFT JOIN (SELECT * FROM pln OFFSET 0) t ON t.id = i'),
	(25, 'SELECT i, p FROM generate_series(290, 310) i LEFT JOIN (SELECT id, mlops.predict(@@, t) AS p FROM pln t) s ON s.id = i'),
	(26, 'SELECT i, p FROM generate_series(290, 310) i LEFT JOIN (SELECT id, mlops.predict(@@, t) AS p FROM pln_computed t) s ON s.id = i'),
	(27, 'SELECT i, mlops.predict(@@, t) FROM generate_series(290, 310) i LEFT JOIN (pln t JOIN pln_part u USING (id)) ON t.id = i'),
	(28, 'SELECT i, mlops.predict(@@, t) FROM generate_series(290, 310) i LEFT JOIN pln_part t ON t.id = i'),
	(29, 'SELECT i, t.id FROM generate_series(290, 310) i LEFT JOIN pln t ON t.id = i AND mlops.predict(@@, t) > 0.5'),
	(30, 'SELECT i, t.id FROM generate_series(290, 310) i LEFT JOIN pln t ON t.id = i WHERE mlops.predict(@@, t) > 0.5'),
	(31, 'SELECT id, mlops.predict(@@, j) FROM (SELECT id, a, "Größe" FROM pln) x JOIN (SELECT id, colour FROM pln) y USING (id), LATERAL (SELECT x.a, x."Größe", y.colour) j'),
	(32, 'SELECT j.id, mlops.predict(@@, j) FROM ((SELECT id, a, "Größe" FROM ONLY pln) x JOIN (SELECT id, colour FROM ONLY pln) y USING (id)) j'),
	(33, 'SELECT id, mlops.predict(@@, ROW(colour, 1, a, "Größe")::pln_type) FROM pln'),
	(34, 'SELECT id, mlops.predict(@@, (SELECT s FROM (SELECT t.a, t."Größe", t.colour) s)) FROM pln t'),
	(35, 'SELECT v.a, mlops.predict(@@, v) FROM (VALUES (1, 2.5::float8, ''red''), (2, NULL, NULL)) v(a, "Größe", colour)'),
	(36, 'SELECT id, mlops.predict(@@, t) FROM pln_set(50) t'),
	(37, 'SELECT id, mlops.predict(@@, t) FROM pln_rough(50) t'),
	(38, 'SELECT t.a, mlops.predict(@@, r) FROM pln t, jsonb_to_record(to_jsonb(t)) AS r(a int, "Größe" float8, colour text)'),
	(39, 'SELECT id, (SELECT max(u.id) FROM pln u WHERE mlops.predict(@@, u) > mlops.predict(@@, t)) FROM pln t WHERE id < 30'),
	(40, 'SELECT t.id, s.p FROM pln t, LATERAL (SELECT mlops.predict(@@, t) AS p OFFSET 0) s'),
	(41, 'SELECT t.id, s.p FROM pln t, LATERAL (SELECT mlops.predict(@@, t) AS p) s'),
	(42, 'SELECT t.id, g FROM pln t, LATERAL generate_series(1, (3 * mlops.predict(@@, t))::int) g'),
	(43, 'SELECT id FROM pln t WHERE EXISTS (SELECT FROM pln u WHERE u.a = t.id AND mlops.predict(@@, u) > 0.5)'),
	(44, 'SELECT id FROM pln t WHERE id IN (SELECT u.a FROM pln_part u WHERE mlops.predict(@@, u) > 0.5)'),
	(45, 'SELECT mlops.predict(@@, t) AS p, count(*) FROM pln t GROUP BY 1 HAVING mlops.predict(@@, t) > 0.2 ORDER BY mlops.predict(@@, t)'),
	(46, 'SELECT mlops.predict(@@, t), count(*) FROM pln t GROUP BY t'),
	(47, 'SELECT mlops.predict(@@, s), count(*) FROM (SELECT a, "Größe", colour FROM pln) s GROUP BY s'),
	(48, 'SELECT id, mlops.predict(@@, t), count(*) FROM ONLY pln t GROUP BY id'),
	(49, 'SELECT a, mlops.predict(@@, t), count(*) FROM pln t GROUP BY GROUPING SETS ((t, a), (a))'),
	(50, 'SELECT id, a, mlops.predict(@@, t), count(*) FROM ONLY pln t GROUP BY GROUPING SETS ((id, a), (id))'),
	(51, 'SELECT id, rank() OVER (PARTITION BY colour ORDER BY mlops.predict(@@, t), id) FROM pln t'),
	(52, 'SELECT DISTINCT ON (mlops.predict(@@, t)) mlops.predict(@@, t) AS p, id FROM pln t ORDER BY 1, 2'),
	(53, 'SELECT colour, max(mlops.predict(@@, t)), min(id) FILTER (WHERE mlops.predict(@@, t) > 0.5) FROM pln t GROUP BY colour'),
	(54, 'SELECT max(mlops.predict(@@, t)), 1 FROM pln t'),
	(55, 'SELECT id, mlops.predict(@@, t) FROM pln t ORDER BY mlops.predict(@@, t), id LIMIT 10 FOR UPDATE'),
	(56, 'SELECT id, mlops.predict(@@, t) FROM pln t TABLESAMPLE SYSTEM (100)'),
	(57, 'SELECT id, mlops.predict_margin(@@, t), mlops.predict_label(@@, t), mlops.predict_proba(@@, t), mlops.predict_proba(@@, t, ''true''), mlops.predict_margins(@@, t) FROM pln t'),
	(58, 'SELECT id, mlops.predict_proba(@@, t, CASE WHEN id % 2 = 0 THEN ''true'' END) FROM pln t'),
	(60, 'SELECT id, mlops.predict(@@, NULL::pln) FROM pln t'),
	(61, 'INSERT INTO pln VALUES (1 + (SELECT max(id) FROM pln), 50, 40, ''red'') RETURNING 1, mlops.predict(@@, pln)'),
	(62, 'INSERT INTO pln VALUES (7, 0, 0, ''blue'') ON CONFLICT (id) DO UPDATE SET "Größe" = 1000 * mlops.predict(@@, excluded) + mlops.predict(@@, pln) * 0, colour = pln.colour RETURNING id, "Größe", mlops.predict(@@, pln)'),
	(63, 'UPDATE pln t SET pad = mlops.predict(@@, t)::text WHERE mlops.predict(@@, t) > 0.4 RETURNING id, pad, mlops.predict(@@, t)'),
	(64, 'UPDATE pln t SET pad = mlops.predict(@@, u)::text FROM pln_part u WHERE u.id = t.a RETURNING t.id, t.pad, mlops.predict(@@, t), mlops.predict(@@, u)'),
	(67, 'SELECT id, mlops.predict(@@, t) FROM (SELECT * FROM pln UNION ALL SELECT * FROM pln_set(20)) t'),
	(68, 'SELECT t.id, mlops.predict(@@, t) FROM pln t NATURAL JOIN pln_stored'),
	(69, 'SELECT t.id, mlops.predict(@@, t) FROM pln t CROSS JOIN LATERAL (VALUES (t.a), (t.a + 1)) v(a) WHERE mlops.predict(@@, t) > 0.5'),
	(70, 'SELECT i, mlops.predict(@@, t), mlops.predict(@@, u) FROM generate_series(295, 305) i LEFT JOIN (SELECT i AS j, t FROM generate_series(295, 302) i LEFT JOIN pln t ON t.id = i) s ON i = j, LATERAL (SELECT (s.t).*) u')
) v(k, q), pln_same(q) r ORDER BY k;

-- several classes
SELECT bool_and(mlops.predict_proba('pln_three', t) = mlops.predict_proba(m, t)) AS proba,
	   bool_and(mlops.predict_margins('pln_three', t) = mlops.predict_margins(m, t)) AS margins,
	   bool_and(mlops.predict_label('pln_three', t) = mlops.predict_label(m, t)) AS label,
	   count(DISTINCT mlops.predict_proba('pln_three', t)) > 10 AS differ
FROM pln t, (SELECT 'pln_three'::mlops.model_ref OFFSET 0) AS s(m);
SELECT mlops.predict('pln_three', t) FROM pln t LIMIT 1;
SELECT mlops.predict_margin('pln_three', t) FROM pln t LIMIT 1;
SELECT mlops.predict_label('pln_number', t) FROM (SELECT *, "Größe" AS b FROM pln) t LIMIT 1;
SELECT mlops.predict_proba('pln_m', t, 'maybe') FROM pln t LIMIT 1;

-- MERGE keeps the row
CREATE TABLE pln_stage AS SELECT id, 0.0::float8 AS p FROM pln WHERE id < 100;
MERGE INTO pln_stage s USING pln t ON s.id = t.id
WHEN MATCHED THEN UPDATE SET p = mlops.predict('pln_m', t)
WHEN NOT MATCHED THEN INSERT VALUES (t.id, mlops.predict('pln_m', t));
SELECT count(*), bool_and(p = mlops.predict('pln_m', t)) FROM pln_stage s JOIN pln t USING (id);

-- functions: of rows, of columns, triggers
SELECT pln_plan('SELECT pln_inline(t) FROM pln t') ~ '_predict' AS inline,
	   pln_plan('SELECT pln_made(a, "Größe", colour) FROM pln t') ~ '_predict' AS made;
SELECT bool_and(p = pln_inline(t)) AS inline, bool_and(p = pln_opaque(t)) AS opaque,
	   bool_and(p = pln_body(t)) AS body, bool_and(p = pln_made(t.a, t."Größe", t.colour)) AS made
FROM pln t, LATERAL (SELECT mlops.predict('pln_m', t) AS p) s;
CREATE FUNCTION pln_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.pad := mlops.predict_label('pln_m', NEW);
	SELECT NEW.pad || ' ' || mlops.predict_label('pln_m', t) INTO NEW.pad FROM (SELECT NEW.*) t;
	RETURN NEW;
END $$;
CREATE TRIGGER t BEFORE INSERT ON pln FOR EACH ROW EXECUTE FUNCTION pln_trigger();
INSERT INTO pln SELECT 2000 + i, 12 * i, 10 * i, 'red' FROM generate_series(1, 8) i
RETURNING id, pad, mlops.predict_label('pln_m', pln);
DELETE FROM pln t WHERE id > 2000 RETURNING id, mlops.predict_label('pln_m', t) || ' ' || mlops.predict_label('pln_m', t) = pad AS same;
DROP TRIGGER t ON pln;

-- what must not change: effects of columns that are not needed, and NULL rows
SELECT count(mlops.predict('pln_m', s)) FROM (SELECT a, "Größe", colour, nextval('pln_seq') FROM ONLY pln) s;
SELECT last_value FROM pln_seq;
SELECT count(mlops.predict('pln_m', ROW('red', nextval('pln_seq'), a, "Größe")::pln_type)) FROM ONLY pln;
SELECT last_value FROM pln_seq;
SELECT count(*) FILTER (WHERE p IS NULL) AS absent, count(p) AS present
FROM (SELECT mlops.predict('pln_m', t) AS p FROM generate_series(299, 305) i LEFT JOIN
	  (VALUES (299), (300), (301)) v(k) ON k = i LEFT JOIN LATERAL (SELECT NULL::int AS a, NULL::float8 AS "Größe", NULL AS colour) t ON v.k = i) s;
SELECT count(*) FILTER (WHERE p IS NULL) AS absent, count(p) AS present
FROM (SELECT mlops.predict('pln_m', t) AS p FROM generate_series(299, 305) i LEFT JOIN pln t ON t.id = i) s;

-- errors come when it is executed, as they do with the row
PREPARE pln_none AS SELECT mlops.predict('pln_nothing', t) FROM pln t WHERE id < 0;
EXECUTE pln_none;
SELECT mlops.predict('pln_nothing', t) FROM pln t WHERE id < 2;
SELECT CASE WHEN id > 0 THEN 1 ELSE mlops.predict('pln_m@nowhere', t) END FROM pln t WHERE id = 2;
SELECT mlops.predict('pln_m/77', t) FROM pln t WHERE id < 2;
SELECT mlops.predict('pln_m//'::text, t) FROM pln t WHERE id < 0;
SELECT mlops.predict('pln_m//'::text, t) FROM pln t WHERE id < 2;
SELECT mlops.predict_pinned('pln_m', 0, t) FROM pln t WHERE id < 2;
SELECT mlops.predict('pln_m', t) FROM (SELECT a, colour FROM pln) t;
SELECT mlops.predict('pln_m', t) FROM (SELECT a, "Größe", colour = 'red' AS colour FROM pln) t;
SELECT mlops.predict('pln_m', t) FROM (SELECT a, "Größe", colour, a FROM pln) t;
SELECT mlops._predict('pln_m', '{a,Größe,colour}', 1, 2.0);
SELECT mlops._predict('pln_m', '{a,Größe,colour}', VARIADIC ARRAY[1, 2, 3]);
SELECT mlops._predict('pln_m', NULL, 1);
SELECT mlops._predict('pln_m', '{a,NULL,colour}', 1, 2.0, 'red'::text);
SELECT mlops._predict('pln_m', '{a,Größe}', 1, 2.0);
\echo :SQLSTATE
SELECT mlops._predict(NULL, '{a}', 1) IS NULL AS no_model, mlops._predict_proba('pln_m', NULL::text, '{a}'::text[], 1) IS NULL AS no_label,
	   mlops._predict_pinned('pln_m', NULL, '{a}', 1) IS NULL AS no_version;

-- prepared: the version that serves, whatever was planned
SELECT version FROM mlops.train('pln_m', 'SELECT a, id, y FROM pln', 'y', features => '{a,id}', params => '{"num_boost_round": 3}', deploy => 'false');
CREATE FUNCTION pln_sum(m mlops.model_ref) RETURNS float8 LANGUAGE sql AS 'SELECT sum(mlops.predict(m, t)) FROM pln t';
SET plan_cache_mode = force_generic_plan;
PREPARE pln_p AS SELECT sum(mlops.predict('pln_m', t)) FROM pln t;
CREATE FUNCTION pln_loop() RETURNS float8 LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT sum(mlops.predict(''pln_m'', t)) FROM pln t); END';
CREATE FUNCTION pln_check(OUT serving int, OUT plan text, OUT expected float8, OUT looped boolean) LANGUAGE plpgsql AS $$
BEGIN
	serving := (SELECT m.serving FROM mlops.models m WHERE model = 'pln_m');
	plan := (regexp_match(pln_plan('EXECUTE pln_p'), '{[^}]*}'))[1];
	expected := pln_sum('pln_m/' || serving);
	looped := pln_loop() = expected;
END $$;
EXECUTE pln_p \gset first_
SELECT serving, plan, expected = :first_sum AS same, looped FROM pln_check();
SELECT mlops.deploy('pln_m/2');
EXECUTE pln_p \gset second_
SELECT serving, plan, expected = :second_sum AS same, looped FROM pln_check();
SELECT :first_sum <> :second_sum AS differ;
BEGIN;
SAVEPOINT s;
SELECT mlops.rollback('pln_m');
EXECUTE pln_p \gset third_
SELECT serving, plan, expected = :third_sum AS same, looped FROM pln_check();
ROLLBACK TO s;
EXECUTE pln_p \gset third_
SELECT serving, plan, expected = :third_sum AS same, looped FROM pln_check();
SELECT mlops.rollback('pln_m');
EXECUTE pln_p \gset third_
ROLLBACK;
EXECUTE pln_p \gset fourth_
SELECT :third_sum = :first_sum AS inside, :fourth_sum = :second_sum AS after;
SELECT mlops.rollback('pln_m');
EXECUTE pln_p \gset fourth_
SELECT serving, plan, expected = :fourth_sum AS same, looped FROM pln_check();
-- a column is renamed and comes back
ALTER TABLE pln RENAME colour TO color;
EXECUTE pln_p;
ALTER TABLE pln RENAME color TO colour;
EXECUTE pln_p \gset fourth_
SELECT :fourth_sum = :first_sum AS same;
-- the plan is the role's
CREATE ROLE pln_reader;
GRANT SELECT ON pln TO pln_reader;
SET ROLE pln_reader;
EXECUTE pln_p;
RESET ROLE;
SELECT mlops.grant_model('pln_m', 'pln_reader', 'predict');
SET ROLE pln_reader;
EXECUTE pln_p \gset fourth_
RESET ROLE;
REVOKE EXECUTE ON FUNCTION mlops.predict(mlops.model_ref, record) FROM PUBLIC;
SET ROLE pln_reader;
EXECUTE pln_p;
RESET ROLE;
GRANT EXECUTE ON FUNCTION mlops.predict(mlops.model_ref, record) TO PUBLIC;
REVOKE EXECUTE ON FUNCTION mlops._predict(mlops.model_ref, text[], "any") FROM PUBLIC;
SET ROLE pln_reader;
EXECUTE pln_p \gset fifth_
RESET ROLE;
GRANT EXECUTE ON FUNCTION mlops._predict(mlops.model_ref, text[], "any") TO PUBLIC;
SELECT :fourth_sum = :first_sum AS granted, :fifth_sum = :first_sum AS row_form;
-- row security and rights on columns stay what they are
ALTER TABLE pln ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON pln USING (a < 30);
SET ROLE pln_reader;
SELECT count(*), max(a) < 30 AS filtered, count(mlops.predict('pln_m', t)) AS n FROM pln t WHERE mlops.predict('pln_m', t) >= 0;
EXPLAIN (COSTS OFF) SELECT id FROM ONLY pln t WHERE mlops.predict('pln_m', t) > 0.5;
RESET ROLE;
ALTER TABLE pln DISABLE ROW LEVEL SECURITY;
REVOKE SELECT ON pln FROM pln_reader;
GRANT SELECT (a, "Größe", colour) ON pln TO pln_reader;
SET ROLE pln_reader;
SELECT mlops.predict('pln_m', t) FROM pln t LIMIT 1;
SELECT count(mlops.predict('pln_m', t)) FROM (SELECT a, "Größe", colour FROM pln) t;
RESET ROLE;
RESET plan_cache_mode;
DEALLOCATE ALL;

-- an index of predictions is found, and others are no obstacle
CREATE TABLE pln_index AS SELECT id, a, "Größe", colour FROM ONLY pln;
CREATE INDEX pln_index_p ON pln_index (mlops.predict_pinned('pln_m', 1, pln_index));
CREATE INDEX pln_index_id ON pln_index (id) WHERE mlops.predict_pinned('pln_m', 2, pln_index) > 0.4;
SELECT mlops.create_function('pln_m/1', 'pln_fixed');
CREATE INDEX pln_index_f ON pln_index (pln_fixed(a, "Größe", colour));
ANALYZE pln_index;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM pln_index t WHERE mlops.predict_pinned('pln_m', 1, t) > 0.9;
EXPLAIN (COSTS OFF) SELECT id FROM pln_index t WHERE mlops.predict_pinned('pln_m', 2, t) > 0.4 AND id < 20;
EXPLAIN (COSTS OFF) SELECT id FROM pln_index t WHERE pln_fixed(a, "Größe", colour) > 0.9;
EXPLAIN (COSTS OFF) SELECT t.id FROM (VALUES (1), (2)) s(i), pln_index t WHERE mlops.predict_pinned('pln_m', 1, t) > 0.9;
SELECT count(*) AS by_index FROM pln_index t WHERE mlops.predict_pinned('pln_m', 1, t) > 0.5 \gset
RESET enable_seqscan;
DROP INDEX pln_index_p, pln_index_f;
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM pln_index t WHERE mlops.predict_pinned('pln_m', 1, t) > 0.9;
SELECT count(*) = :by_index AS same FROM pln_index t WHERE mlops.predict_pinned('pln_m', 1, t) > 0.5;

-- more columns than a function may have arguments
DO $$ BEGIN
	EXECUTE format('CREATE TABLE pln_wide AS SELECT i AS id, %s, i %% 2 = 0 AS y FROM generate_series(1, 200) i',
		(SELECT string_agg(format('(i * %s %% 97)::real AS c%s', c + 3, c), ', ') FROM generate_series(1, 150) c));
END $$;
SELECT version FROM mlops.train('pln_w', 'pln_wide', 'y', exclude => 'id', params => '{"num_boost_round": 5}');
SELECT version FROM mlops.train('pln_w95', 'SELECT * FROM pln_wide', 'y', features => (SELECT array_agg('c' || c) FROM generate_series(1, 95) c), params => '{"num_boost_round": 5}');
SELECT version FROM mlops.train('pln_w96', 'SELECT * FROM pln_wide', 'y', features => (SELECT array_agg('c' || c) FROM generate_series(1, 96) c), params => '{"num_boost_round": 5}');
SELECT m, pln_plan(format('SELECT mlops.predict(%L, t) FROM pln_wide t FOR UPDATE', m)) ~ '_predict\(.*::text\[\], ROW\(c1, c2' AS as_row,
	   pln_plan(format('SELECT mlops.predict(%L, t) FROM pln_wide t FOR UPDATE', m)) ~ '_predict\(.*::text\[\], c1, c2' AS singly,
	   pln_plan(format('SELECT mlops.predict(%L, t) FROM pln_wide t', m)) ~ '_predict\(.*::text\[\], ''2 3 4 [ 0-9]*''::int2vector' AS in_place,
	   pln_rows(format('SELECT id, i, mlops.predict(%L, t) FROM pln_wide t FULL JOIN generate_series(190, 210) i ON i = id', m)) =
	   pln_rows(format('SELECT id, i, mlops.predict((SELECT %L::mlops.model_ref), t) FROM pln_wide t FULL JOIN generate_series(190, 210) i ON i = id', m)) AS same,
	   pln_rows(format('SELECT id, mlops.predict_proba(%L, t, ''true'') FROM pln_wide t', m)) =
	   pln_rows(format('SELECT id, mlops.predict(%L, t) FROM pln_wide t', m)) AS of_label
FROM (VALUES ('pln_w'), ('pln_w95'), ('pln_w96')) v(m);

-- workers bind as the leader does, and see what only this session has done
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
BEGIN;
SELECT mlops.deploy('pln_m/2');
EXPLAIN (COSTS OFF) SELECT sum(mlops.predict('pln_m', t)) FROM ONLY pln t;
SELECT sum(mlops.predict('pln_m', t)) AS s FROM ONLY pln t \gset w_
SET LOCAL max_parallel_workers_per_gather = 0;
SELECT abs(:w_s - sum(mlops.predict('pln_m/2', t))) < 1e-9 AS same FROM ONLY pln t;
ROLLBACK;
SET parallel_leader_participation = off;
SELECT sum(mlops.predict_proba('pln_m', t, 'maybe')) FROM ONLY pln t;
SELECT bool_and(p = mlops.predict('pln_m', t)) AS same FROM (SELECT id, mlops.predict('pln_m', t) AS p FROM pln t) s JOIN pln t USING (id);

-- an enum's labels are read anew by each statement
CREATE TYPE pln_mood AS ENUM ('low', 'high');
CREATE TABLE pln_enum AS SELECT i, (ARRAY['low', 'high'])[1 + i % 2]::pln_mood AS mood, i % 2 = 1 AS y FROM generate_series(1, 100) i;
SELECT version FROM mlops.train('pln_e', 'pln_enum', 'y', features => 'mood', key => 'i', params => '{"num_boost_round": 3}');
SELECT mood, mlops.predict_label('pln_e', t) FROM (SELECT DISTINCT mood FROM pln_enum) t ORDER BY 1;
ALTER TYPE pln_mood RENAME VALUE 'low' TO 'middle';
ALTER TYPE pln_mood RENAME VALUE 'high' TO 'low';
SELECT mood, mlops.predict_label('pln_e', t) FROM (SELECT DISTINCT mood FROM pln_enum) t ORDER BY 1;
DROP TABLE pln_enum;
SELECT mlops.drop_model('pln_e');
-- one column list, several types
SELECT mlops.predict('pln_number', t) = mlops.predict(m, t) AS same, pg_typeof(t.a), pg_typeof(t.b)
FROM (VALUES (3, 2.5::numeric), (4, NULL)) t(a, b), (SELECT 'pln_number'::mlops.model_ref OFFSET 0) s(m);
SELECT mlops.predict('pln_number', t) = mlops.predict(m, t) AS same, pg_typeof(t.a), pg_typeof(t.b)
FROM (VALUES (3::real, 2::bigint), (4, NULL)) t(a, b), (SELECT 'pln_number'::mlops.model_ref OFFSET 0) s(m);

DROP TABLE pln_index, pln_wide, pln_stage, pln_part;
DROP OWNED BY pln_reader;
DROP ROLE pln_reader;
SELECT mlops.drop_model(m) FROM (VALUES ('pln_m'), ('pln_three'), ('pln_number'), ('pln_w'), ('pln_w95'), ('pln_w96')) v(m);
