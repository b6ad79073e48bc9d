-- Generated columns are features like any other.  From version 18 on some are
-- computed when they are read; the same statements hold for both kinds.
SET client_min_messages = warning;
SELECT CASE WHEN current_setting('server_version_num')::int >= 180000 THEN 'VIRTUAL' ELSE 'STORED' END AS kind \gset
CREATE TABLE gen (id int PRIMARY KEY, a float8, b int,
	twice float8 GENERATED ALWAYS AS (a * 2) :kind,
	total float8 GENERATED ALWAYS AS (a * 10 + b) :kind,
	low float8 GENERATED ALWAYS AS (least(a, b)) STORED, y float8);
INSERT INTO gen (id, a, b, y) SELECT i, i % 83 / 83.0, i % 7, i % 83 / 8.3 + i % 7 + i % 3 FROM generate_series(1, 1000) i;
CREATE TABLE gen_plain AS SELECT * FROM gen;
SELECT version FROM mlops.train('gen', 'gen', 'y', key => 'id', features => '{twice,total,low}', params => '{"num_boost_round": 20}');
SELECT version FROM mlops.train('gen_plain', 'gen_plain', 'y', key => 'id', features => '{twice,total,low}', params => '{"num_boost_round": 20}');
SELECT count(DISTINCT mlops.predict('gen', g)) > 20 AS learnt,
	count(*) FILTER (WHERE mlops.predict('gen', g) = mlops.predict('gen_plain', p)) AS same
FROM gen g JOIN gen_plain p USING (id);
-- in batches, row by row, by a whole row, a view, a function, an outer join
CREATE VIEW gen_view AS SELECT id, mlops.predict('gen', g) AS p FROM gen g;
CREATE FUNCTION gen_row(gen) RETURNS float8 LANGUAGE sql STABLE AS $$ SELECT mlops.predict('gen', $1) $$;
CREATE FUNCTION gen_both() RETURNS TABLE (n bigint, same bigint) LANGUAGE sql AS $$
	SELECT count(*), count(*) FILTER (WHERE p.p = v.p AND p.p = gen_row(g) AND p.p = mlops.predict('gen', (SELECT r FROM gen r WHERE r.id = g.id)))
	FROM (SELECT id, mlops.predict('gen', p) AS p FROM gen_plain p) p JOIN gen_view v USING (id) JOIN gen g USING (id) WHERE id <= 200 $$;
SET mlops.batch_min_splits = 0;
SELECT * FROM gen_both();
SET mlops.batch = off;
SELECT * FROM gen_both();
RESET mlops.batch;
RESET mlops.batch_min_splits;
SELECT count(*), count(mlops.predict('gen', g)) FROM generate_series(999, 1002) i LEFT JOIN gen g ON g.id = i;
SELECT count(*) AS n, count(*) FILTER (WHERE g.prediction = p.prediction) AS same
FROM mlops.predict_batch('gen', 'gen', 'id') g JOIN mlops.predict_batch('gen', 'gen_plain', 'id') p USING (key);
-- what has been written
INSERT INTO gen (id, a, b) VALUES (1001, 0.25, 3) RETURNING mlops.predict('gen', gen) = mlops.predict_json('gen', '{"twice": 0.5, "total": 5.5, "low": 0.25}') AS same;
UPDATE gen g SET b = 5 WHERE id = 1001 RETURNING mlops.predict('gen', g) = mlops.predict_json('gen', '{"twice": 0.5, "total": 7.5, "low": 0.25}') AS same;
DELETE FROM gen g WHERE id = 1001 RETURNING mlops.predict('gen', g) = mlops.predict_json('gen', '{"twice": 0.5, "total": 7.5, "low": 0.25}') AS same;
SELECT metric, g.value = p.value AS same FROM mlops.evaluate('gen', 'gen') g JOIN mlops.evaluate('gen', 'gen_plain') p USING (metric) WHERE metric = 'rmse';
SELECT feature, status, g.psi = p.psi AS same FROM mlops.drift('gen', 'gen') g JOIN mlops.drift('gen', 'gen_plain') p USING (feature, status) ORDER BY feature COLLATE "C";
SELECT mlops.drop_model(m) FROM unnest('{gen,gen_plain}'::text[]) m;
DROP FUNCTION gen_row, gen_both;
DROP TABLE gen, gen_plain CASCADE;
