-- What needs preloading says so; all else works without.
SELECT current_setting('shared_preload_libraries') LIKE '%mlops%' AS preloaded;
SELECT try('SELECT count(*) FROM mlops.stat_progress_train');
SELECT version FROM mlops.train('nop_m', 'SELECT i AS a, i > 50 AS y FROM generate_series(1, 100) i', 'y', task => 'binary');
SELECT mlops.classes('nop_m');
SELECT mlops.drop_model('nop_m');
