-- What versions are used for.
SET client_min_messages = error;
CREATE TABLE smo AS SELECT i AS a, 'w' || i % 3 AS word, i > 50 AS y, i AS id FROM generate_series(1, 100) i;
SELECT version FROM mlops.train('smo_m', 'smo', 'y', exclude => 'id', params => '{"num_boost_round": 5}');
SELECT version FROM mlops.train('smo_m', 'SELECT a, NOT y AS y FROM smo', 'y', params => '{"num_boost_round": 5}', deploy => 'false');
SELECT version FROM mlops.train('smo_three', 'SELECT a, word FROM smo', 'word', params => '{"num_boost_round": 2}');
CREATE FUNCTION usage(wanted text DEFAULT 'smo_m', version integer DEFAULT 1)
RETURNS TABLE (calls bigint, rows bigint, errors bigint, missing bigint, unseen bigint) LANGUAGE sql
AS 'SELECT s.calls, s.rows, s.errors, s.missing, s.unseen FROM mlops.stat_model s WHERE s.model = $1 AND s.version = $2';
CREATE FUNCTION failure(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE query;
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	RETURN sqlstate;
END $$;
\c
SET client_min_messages = error;
SELECT mlops.stat_model_reset('smo_m');
SELECT count(mlops.predict('smo_m', s)) FROM smo s;
SELECT * FROM usage();
-- time, hits and loads
SELECT model, version, total_time > 0 AS total_time, cache_hits > 0 AS hits, loads <= 1 AS loads, load_time >= 0 AS load_time,
	   last_use >= first_use AND first_use > now() - interval '1 hour' AS uses
FROM mlops.stat_model WHERE model = 'smo_m';
-- missing values and categories that the version does not know
SELECT mlops.stat_model_reset('smo_m');
SELECT count(mlops.predict('smo_m', s)) FROM (VALUES (NULL::integer, 'w1'), (2, NULL), (3, 'other'), (NULL, 'another')) s(a, word);
SELECT count(mlops.predict('smo_m', s)) FROM (SELECT 'NaN'::float8 AS a, 'w1' AS word) s;
SELECT * FROM usage();
-- other forms of input
SELECT mlops.stat_model_reset('smo_m');
SELECT count(mlops.predict_json('smo_m', '{"a": null, "word": "none"}')),
	   count(mlops.predict_label('smo_m', ROW(s.*)::smo)) FROM smo s WHERE id <= 7;
SELECT count(mlops.predict_array('smo_m/2', ARRAY[a::real])), count(mlops.predict_array('smo_m/2', ARRAY[NULL]::integer[])),
	   count(mlops.predict_pinned('smo_m', 2, s)), count(mlops.predict_margin('smo_m/2', s)), count(mlops.predict_leaf('smo_m/2', s))
FROM smo s WHERE id <= 3;
SELECT * FROM usage();
SELECT * FROM usage('smo_m', 2);
-- tables, and sources that are read
SELECT mlops.stat_model_reset('smo_m');
SELECT inserted FROM mlops.score('smo_m', 'smo', 'smo_scored', 'id');
SELECT calls > 0 AS calls, rows, missing FROM usage();
SELECT count(*) FROM mlops.predict_batch('smo_m', 'SELECT id, NULLIF(a, 5) AS a, word FROM smo', 'id');
SELECT calls > 1 AS calls, rows, missing FROM usage();
DROP TABLE smo_scored;
-- statements in a function
SELECT mlops.stat_model_reset('smo_m');
CREATE FUNCTION in_a_loop() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	n bigint = 0;
BEGIN
	FOR i IN 1 .. 5 LOOP
		n := n + (SELECT count(mlops.predict('smo_m', s)) FROM smo s WHERE id <= i);
	END LOOP;
	RETURN n;
END $$;
SELECT in_a_loop(), in_a_loop();
SELECT rows FROM usage();
-- errors: a column that is missing, of another type, and no number
SELECT mlops.stat_model_reset('smo_m'), mlops.stat_model_reset('smo_three');
SELECT failure($$SELECT mlops.predict('smo_m', s) FROM (SELECT 1 AS a) s$$), failure($$SELECT mlops.predict('smo_m', s) FROM (SELECT 'x' AS a, 'w1' AS word) s$$),
	   failure($$SELECT mlops.predict('smo_three', s) FROM smo s$$), failure($$SELECT mlops.predict('smo_m', s) / 0 FROM smo s$$),
	   failure($$SELECT mlops.predict_json('smo_m', '{"a": 1}')$$), failure($$SELECT mlops.predict_label('smo_m', s) FROM smo s$$);
SELECT mlops.predict('smo_m', s) FROM (SELECT 1 AS a) s;
SELECT errors FROM usage();
SELECT calls, errors FROM usage('smo_three');
-- what is rolled back has been predicted
SELECT mlops.stat_model_reset('smo_m');
BEGIN;
SELECT count(mlops.predict('smo_m', s)) FROM smo s;
SELECT rows FROM usage();
ROLLBACK;
SELECT rows FROM usage();
-- rows without a row
SELECT count(mlops.predict('smo_m', s)) FROM (VALUES (1), (200)) v(id) LEFT JOIN smo s USING (id);
SELECT rows FROM usage();
-- nothing is counted
SELECT mlops.stat_model_reset('smo_m');
SET mlops.track_usage = off;
SELECT count(mlops.predict('smo_m', s)) FROM smo s;
RESET mlops.track_usage;
SELECT calls, rows, total_time FROM mlops.stat_model WHERE model = 'smo_m' AND version = 1 AND calls + rows > 0;
-- for who may read the model; resetting is for who may manage it
CREATE ROLE smo_reader;
CREATE ROLE smo_manager;
SELECT mlops.grant_model('smo_m', 'smo_reader', 'predict'), mlops.grant_model('smo_three', 'smo_manager', 'manage');
SELECT count(mlops.predict('smo_m', s)), count(mlops.predict_label('smo_three', s)) FROM smo s;
GRANT SELECT ON smo TO smo_reader;
SET ROLE smo_reader;
SELECT count(mlops.predict('smo_m', s)) FROM smo s;
SELECT count(*) FROM mlops.stat_model;
SELECT mlops.stat_model_reset('smo_m');
SET mlops.track_usage = off;
RESET ROLE;
SELECT mlops.grant_model('smo_m', 'smo_reader', 'read');
SET ROLE smo_reader;
SELECT model, rows FROM mlops.stat_model WHERE rows > 0;
SELECT mlops.stat_model_reset();
SELECT model, rows FROM mlops.stat_model WHERE rows > 0;
SET ROLE smo_manager;
SELECT mlops.stat_model_reset();
SELECT count(*) FROM mlops.stat_model;
RESET ROLE;
SELECT rows FROM usage();
SELECT mlops.stat_model_reset('no_such');
-- the example of the reference
SELECT model, version, calls > 0 AS called, rows, missing, unseen FROM mlops.stat_model WHERE model = 'smo_m' AND rows > 0;
SELECT mlops.stat_model_reset();
SELECT count(*) FROM mlops.stat_model;
SELECT mlops.drop_model('smo_m'), mlops.drop_model('smo_three');
DROP TABLE smo;
DROP FUNCTION usage, failure, in_a_loop;
DROP ROLE smo_reader, smo_manager;
