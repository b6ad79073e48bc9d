-- Versions and their uses in shared memory, as other sessions see them.
SET client_min_messages = error;
CREATE TABLE ssh AS SELECT i AS a, i > 50 AS y FROM generate_series(1, 10000) i;
ALTER TABLE ssh SET (parallel_workers = 2);
SELECT version FROM mlops.train('ssh_m', 'SELECT * FROM ssh WHERE a <= 100', 'y', params => '{"num_boost_round": 5}');
SELECT mlops.stat_model_reset('ssh_m');
SELECT name, setting, unit, min_val, max_val, context, short_desc
FROM pg_settings WHERE name LIKE 'mlops.%' AND context = 'postmaster' ORDER BY 1;
-- put there by the first session, found by the next
\c
SELECT count(mlops.predict('ssh_m', s)) FROM ssh s WHERE a <= 100;
\c
SET client_min_messages = error;
SELECT bytes > 8192 AS bytes, loads, hits, load_time > 0 AS load_time, last_use > now() - interval '1 hour' AS last_use, sessions
FROM mlops.stat_cache WHERE shared AND model = 'ssh_m';
SELECT count(*) FROM mlops.stat_cache WHERE NOT shared;
SELECT count(mlops.predict('ssh_m', s)) FROM ssh s WHERE a <= 100;
SELECT shared, loads, hits > 0 AS hits, sessions FROM mlops.stat_cache WHERE model = 'ssh_m' ORDER BY shared;
SELECT calls, rows, loads, cache_hits > 0 AS cache_hits FROM mlops.stat_model WHERE model = 'ssh_m';
-- held until the transaction ends, however it ends
BEGIN;
SELECT count(mlops.predict('ssh_m', s)) FROM ssh s WHERE a <= 100;
SELECT sessions FROM mlops.stat_cache WHERE shared AND model = 'ssh_m';
SAVEPOINT s;
SELECT mlops.predict('ssh_m', s) FROM (SELECT 'x' AS b) s;
ROLLBACK TO s;
SELECT sessions FROM mlops.stat_cache WHERE shared AND model = 'ssh_m';
ROLLBACK;
SELECT sessions FROM mlops.stat_cache WHERE shared AND model = 'ssh_m';
SET mlops.cache_size = 0;
BEGIN;
SELECT count(mlops.predict('ssh_m', s)) FROM ssh s WHERE a <= 100;
SELECT sessions FROM mlops.stat_cache WHERE shared AND model = 'ssh_m';
COMMIT;
SELECT sessions FROM mlops.stat_cache WHERE shared AND model = 'ssh_m';
RESET mlops.cache_size;
-- rows of parallel workers count
SELECT mlops.stat_model_reset('ssh_m');
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT count(mlops.predict('ssh_m', s)) FROM ssh s;
SELECT rows, loads FROM mlops.stat_model WHERE model = 'ssh_m';
-- what is not committed is not shared, and is never found by its id
BEGIN;
SELECT version FROM mlops.train('ssh_new', 'SELECT * FROM ssh WHERE a <= 100', 'y', params => '{"num_boost_round": 5}');
SELECT count(mlops.predict('ssh_new', s)) FROM ssh s WHERE a <= 100;
SELECT count(*) FROM mlops.stat_cache WHERE model = 'ssh_new' AND shared;
ROLLBACK;
SELECT version FROM mlops.train('ssh_new', 'SELECT * FROM ssh WHERE a <= 100', 'y', params => '{"num_boost_round": 5}');
SELECT count(mlops.predict('ssh_new', s)) FROM ssh s WHERE a <= 100;
SELECT count(*) FROM mlops.stat_cache WHERE model = 'ssh_new' AND shared;
SELECT mlops.drop_model('ssh_m'), mlops.drop_model('ssh_new');
SELECT count(*) FROM mlops.stat_cache;
DROP TABLE ssh;
