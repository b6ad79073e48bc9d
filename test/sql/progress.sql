-- Trainings in progress, as others see them.
SELECT count(*) AS running FROM mlops.stat_progress_train;
-- The training's own source reads the view while it is being read.
SELECT rows_train + rows_validation + rows_test AS rows
FROM mlops.train('prg_m', 'SELECT i AS a, i > 50 AS y,
		(SELECT count(*) FROM mlops.stat_progress_train
		 WHERE pid = pg_backend_pid() AND model = ''prg_m''
		   AND phase = ''reading'' AND started_at IS NOT NULL) AS seen
	FROM generate_series(1, 100) i', 'y', task => 'binary');
SELECT n, min, max FROM mlops.baselines WHERE model = 'prg_m' AND feature = 'seen';
SELECT count(*) AS running FROM mlops.stat_progress_train;
-- nor does one that failed stay
SELECT version FROM mlops.train('prg_m', 'SELECT i AS a, 1 / (50 - i) AS b, i > 50 AS y FROM generate_series(1, 100) i', 'y', task => 'binary');
SELECT count(*) AS running FROM mlops.stat_progress_train;
SELECT mlops.drop_model('prg_m');
