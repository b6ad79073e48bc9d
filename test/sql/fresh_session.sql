-- What the first statements of a session see: they read small tables in a way
-- of their own.  \c begins a new session.
SET client_min_messages = error;
CREATE TABLE frs AS SELECT i AS a, i > 50 AS y FROM generate_series(1, 100) i;
SELECT version FROM mlops.train('frs_m', 'frs', 'y', params => '{"num_boost_round": 5}');
SELECT version FROM mlops.train('frs_m', 'SELECT a, NOT y AS y FROM frs', 'y', params => '{"num_boost_round": 5}', deploy => 'false');
-- which version serves: the first one gives high numbers to high values
CREATE FUNCTION frs_serves(reference text DEFAULT 'frs_m') RETURNS integer LANGUAGE sql
AS $$SELECT CASE WHEN mlops.predict($1::mlops.model_ref, r) > 0.5 THEN 1 ELSE 2 END FROM (SELECT 99 AS a) r$$;
\c
SELECT frs_serves(), frs_serves('frs_m/1'), frs_serves('frs_m/2');
-- one's own changes, and those that are rolled back
\c
BEGIN;
SELECT mlops.deploy('frs_m/2');
SELECT frs_serves();
SAVEPOINT s;
SELECT mlops.deploy('frs_m/1');
SELECT frs_serves();
ROLLBACK TO s;
SELECT frs_serves();
ROLLBACK;
SELECT frs_serves();
\c
SELECT frs_serves();
-- other levels of isolation
\c
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM frs;
SELECT frs_serves();
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT frs_serves();
COMMIT;
-- many rows that are dead, and then many that are not
\c
DO $$
BEGIN
	FOR i IN 1 .. 200 LOOP
		PERFORM mlops.deploy('frs_m/' || 1 + i % 2);
	END LOOP;
END $$;
\c
SELECT frs_serves();
DO $$
BEGIN
	FOR i IN 1 .. 400 LOOP
		PERFORM mlops.set_alias('frs_m/' || 1 + i % 2, 'alias_' || i);
	END LOOP;
END $$;
SELECT pg_relation_size('mlops.alias') > 4 * 8192 AS large;
\c
SELECT frs_serves('frs_m@alias_7'), frs_serves('frs_m@alias_8'), frs_serves('frs_m@alias_400');
SELECT frs_serves('frs_m@alias_401');
-- rights
CREATE ROLE frs_reader;
GRANT USAGE ON SCHEMA mlops TO frs_reader;
\c
SET ROLE frs_reader;
SELECT frs_serves();
RESET ROLE;
SELECT mlops.grant_model('frs_m', 'frs_reader', 'predict');
\c
SET ROLE frs_reader;
SELECT frs_serves(), frs_serves('frs_m/1');
RESET ROLE;
SELECT mlops.revoke_model('frs_m', 'frs_reader', 'predict');
SET ROLE frs_reader;
SELECT frs_serves();
-- a signature that is stored out of line, and small and large forests
\c
SET client_min_messages = error;
SELECT version FROM mlops.train('frs_long', $$SELECT md5(i::text) AS word, i AS a, i % 2 = 0 AS y FROM generate_series(1, 900) i$$, 'y',
	params => '{"num_boost_round": 60}');
SELECT version FROM mlops.train('frs_short', 'SELECT i AS a, i > 50 AS y FROM generate_series(1, 100) i', 'y',
	params => '{"num_boost_round": 1, "max_depth": 1}');
CREATE TABLE frs_kept AS SELECT sum(mlops.predict('frs_long', r)) AS long, sum(mlops.predict('frs_short', r)) AS short
FROM (SELECT md5(i::text) AS word, i AS a FROM generate_series(1, 900) i) r;
\c
SELECT sum(mlops.predict('frs_long', r)) = long AS long, sum(mlops.predict('frs_short', r)) = short AS short
FROM (SELECT md5(i::text) AS word, i AS a FROM generate_series(1, 900) i) r, frs_kept GROUP BY long, short;
-- what is gone is gone
\c
SELECT mlops.drop_model('frs_long'), mlops.drop_model('frs_short');
SELECT mlops.drop_alias('frs_m', 'alias_7');
\c
SELECT frs_serves('frs_m@alias_7');
SELECT frs_serves('frs_long');
SELECT mlops.drop_model('frs_m');
\c
SELECT frs_serves();
DROP FUNCTION frs_serves;
DROP TABLE frs, frs_kept;
REVOKE USAGE ON SCHEMA mlops FROM frs_reader;
DROP ROLE frs_reader;
