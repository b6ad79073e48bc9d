-- What a session has loaded, and what it does with too little memory.  What is
-- in shared memory depends on preloading: see stat_shared.
SET client_min_messages = error;
CREATE TABLE sca AS SELECT i AS a, i > 50 AS y FROM generate_series(1, 100) i;
SELECT version FROM mlops.train('sca_m', 'sca', 'y', params => '{"num_boost_round": 5}');
SELECT version FROM mlops.train('sca_m', 'SELECT a, NOT y AS y FROM sca', 'y', params => '{"num_boost_round": 5}', deploy => 'false');
\c
-- nothing is loaded in a fresh session
SELECT count(*) FROM mlops.stat_cache WHERE NOT shared;
SELECT count(mlops.predict('sca_m', t)) FROM sca t;
SELECT model, version, bytes > 1000 AS bytes, loads, hits > 0 AS hits, load_time >= 0 AS load_time,
	   last_use BETWEEN now() - interval '1 hour' AND clock_timestamp() AS last_use
FROM mlops.stat_cache WHERE NOT shared;
SELECT last_use FROM mlops.stat_cache WHERE NOT shared \gset
SELECT count(mlops.predict('sca_m/2', t)), count(mlops.predict('sca_m', t)) FROM sca t;
SELECT model, version, loads, last_use > :'last_use' AS used_since FROM mlops.stat_cache WHERE NOT shared ORDER BY 2;
-- too little memory: only the last one stays, and another is loaded for each use
\c
SET client_min_messages = error;
SET mlops.cache_size = 0;
SELECT count(mlops.predict_pinned('sca_m', 2, t)) FROM sca t;
SELECT count(mlops.predict_pinned('sca_m', 1, t)) FROM sca t;
SELECT version, loads FROM mlops.stat_cache WHERE NOT shared;
SELECT count(mlops.predict('sca_m/' || 1 + a % 2, t)) FROM sca t;
SELECT version, loads > 5 AS loaded_again FROM mlops.stat_cache WHERE NOT shared;
SELECT DISTINCT mlops.predict_label('sca_m/1', t) <> mlops.predict_label('sca_m/2', t) AS differ FROM sca t;
RESET mlops.cache_size;
SELECT count(mlops.predict('sca_m/' || 1 + a % 2, t)) FROM sca t;
SELECT version, loads > 5 AS loaded_again FROM mlops.stat_cache WHERE NOT shared ORDER BY version;
-- only models that the role may predict with
CREATE ROLE sca_reader;
SET ROLE sca_reader;
SELECT count(*) FROM mlops.stat_cache WHERE NOT shared;
RESET ROLE;
SELECT mlops.grant_model('sca_m', 'sca_reader', 'predict');
SET ROLE sca_reader;
SELECT model, version FROM mlops.stat_cache WHERE NOT shared ORDER BY version;
RESET ROLE;
-- the example of the reference
SELECT model, version, pg_size_pretty(bytes) IS NOT NULL AS bytes, loads >= 1 AS loads FROM mlops.stat_cache WHERE NOT shared ORDER BY version;
SELECT mlops.drop_model('sca_m');
SELECT count(*) FROM mlops.stat_cache;
DROP TABLE sca;
DROP ROLE sca_reader;
