-- A tour of mlops: real flights, a model of which ones leave late, why it says
-- so and how far it can be trusted, a second version, a dry run, a deploy, a
-- rollback, predictions in a table, months that are watched.
--
-- Run by `make demo`.  By hand, in an empty database of a server that has
-- the extension:
--     psql -v flights=/path/to/test/data/flights.csv.gz -f docs/tour.sql

\set QUIET on
\set ON_ERROR_STOP on
\pset footer off
SET client_encoding = 'UTF8';
SET client_min_messages = notice;

\echo
\echo '== 1. The data: 60,000 flights in the United States, January to June 2001'
\echo
CREATE EXTENSION mlops;
CREATE TABLE flights (
	id			bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	dep_time	timestamp NOT NULL,
	delay		integer NOT NULL,	-- minutes
	distance	integer NOT NULL,	-- miles
	origin		text NOT NULL,
	destination	text NOT NULL
);
\set load '\\copy flights (dep_time, delay, distance, origin, destination) from program ''gunzip -c "' :flights '"'' with (format csv, header)'
:load
ANALYZE flights;
SELECT * FROM flights ORDER BY dep_time LIMIT 4;

\echo
\echo 'How many leave more than 15 minutes late, by month ...'
\echo
SELECT to_char(dep_time, 'Mon') AS month, count(*) AS flights,
	   round(avg((delay > 15)::int), 3) AS late,
	   repeat('█', round(avg((delay > 15)::int) * 100)::int) AS bar
FROM flights
WHERE dep_time < '2001-07-01'
GROUP BY 1, date_trunc('month', dep_time)
ORDER BY date_trunc('month', dep_time);

\echo
\echo '... and by the hour they leave:'
\echo
SELECT extract(hour FROM dep_time)::int AS hour, count(*) AS flights,
	   round(avg((delay > 15)::int), 3) AS late,
	   repeat('█', round(avg((delay > 15)::int) * 100)::int) AS bar
FROM flights
GROUP BY 1
HAVING count(*) > 100
ORDER BY 1;

\echo
\echo '== 2. Train.  One call: what to learn from, and what to learn'
\echo
\echo 'The hour and the weekday go in as columns of a view.  Rows are split by'
\echo 'time: the first months train, the next days decide when to stop, and'
\echo 'the last fifth, which is all of June and a little more, is the test.'
\echo
CREATE VIEW flight AS
SELECT *, extract(hour FROM dep_time)::int AS hour,
	   extract(isodow FROM dep_time)::int AS weekday
FROM flights;

SELECT model, version, task, rows_train, rows_validation, rows_test,
	   deployed, elapsed
FROM mlops.train('late', 'flight', target => 'delay > 15',
				 features => '{hour,weekday,distance,origin,destination}',
				 event_time => 'dep_time');

\echo
\echo 'How good it is on flights that it has not seen:'
\echo
SELECT name AS metric,
	   round(max(value) FILTER (WHERE split = 'train')::numeric, 4) AS train,
	   round(max(value) FILTER (WHERE split = 'validation')::numeric, 4)
		   AS validation,
	   round(max(value) FILTER (WHERE split = 'test')::numeric, 4) AS test
FROM mlops.metrics
WHERE model = 'late' AND version = 1 AND round IS NULL
GROUP BY name
ORDER BY name;

DO $$
BEGIN
	ASSERT (SELECT value >= 0.60 FROM mlops.metrics
			WHERE model = 'late' AND version = 1 AND split = 'test'
			  AND name = 'roc_auc' AND round IS NULL),
		'the test AUC is below 0.60';
END
$$;

\echo
\echo '== 3. Predict.  A function of a row, in any query'
\echo
SELECT to_char(dep_time, 'Dy DD Mon HH24:MI') AS departure, origin,
	   destination, delay,
	   round(mlops.predict('late', f)::numeric, 3) AS p_late
FROM flight f
WHERE dep_time BETWEEN '2001-06-15 17:00' AND '2001-06-15 23:59'
ORDER BY mlops.predict('late', f) DESC
LIMIT 5;

\echo
\echo 'A flight need not be in a table, only have the right names:'
\echo
SELECT hour,
	   round(mlops.predict('late', f)::numeric, 3) AS p_late,
	   repeat('█', round(mlops.predict('late', f) * 100)::int) AS bar
FROM (SELECT hour, 5 AS weekday, 1846 AS distance, 'ORD' AS origin,
			 'SFO' AS destination
	  FROM generate_series(6, 22, 2) AS hour) AS f
ORDER BY hour;

\echo
\echo 'All flights of June, ten groups by predicted risk.  What happened:'
\echo
CREATE VIEW june_decile AS
SELECT ntile(10) OVER (ORDER BY mlops.predict('late', f) DESC, f) AS decile,
	   mlops.predict('late', f) AS p, delay > 15 AS late
FROM flight f
WHERE dep_time >= '2001-06-01' AND dep_time < '2001-07-01';

SELECT decile, count(*) AS flights, round(avg(p)::numeric, 3) AS predicted,
	   round(avg(late::int), 3) AS late,
	   repeat('█', round(avg(late::int) * 100)::int) AS bar
FROM june_decile
GROUP BY decile
ORDER BY decile;

SELECT round(avg(late::int), 3) AS base_rate,
	   round(avg(late::int) FILTER (WHERE decile = 1), 3) AS top_decile,
	   round(avg(late::int) FILTER (WHERE decile = 1) / avg(late::int), 2)
		   AS lift
FROM june_decile;

DO $$
BEGIN
	ASSERT (SELECT avg(late::int) FILTER (WHERE decile = 1)
				   > 1.2 * avg(late::int) FROM june_decile),
		'the top decile is not later than the others';
END
$$;

\echo
\echo '== 4. Ask it why, and what it is worth'
\echo
\echo 'The three columns that move each prediction most, in log odds:'
\echo
SELECT destination AS dest, delay,
	   round(mlops.predict('late', f)::numeric, 3) AS p_late,
	   mlops.explain_text('late', f) AS because
FROM flight f
WHERE dep_time BETWEEN '2001-06-15 17:00' AND '2001-06-15 23:59'
ORDER BY mlops.predict('late', f) DESC
LIMIT 3;

\echo
\echo 'What counts over all flights of June, on the same scale:'
\echo
CREATE VIEW june AS
SELECT * FROM flight
WHERE dep_time >= '2001-06-01' AND dep_time < '2001-07-01';

SELECT feature, round(shap::numeric, 3) AS shap,
	   repeat('█', round(shap * 60)::int) AS bar
FROM mlops.importance('late', 'june');

\echo
\echo 'Does it hold?  In May the training rows end:'
\echo
SELECT slice ->> 'month' AS month, n AS flights,
	   round(value::numeric, 3) AS roc_auc, round(ci_low::numeric, 3) AS low,
	   round(ci_high::numeric, 3) AS high,
	   repeat('█', round((value - 0.5) * 100)::int) AS "above a coin"
FROM mlops.evaluate('late', 'SELECT *, to_char(dep_time, ''MM Mon'') AS month
							 FROM flight WHERE dep_time < ''2001-07-01''',
					by => 'month')
WHERE metric = 'roc_auc' AND slice ? 'month';

\echo
\echo 'Do three in ten flights leave late where it says 0.3?'
\echo
SELECT n AS flights, round(mean_prediction::numeric, 3) AS predicted,
	   round(observed::numeric, 3) AS late, round(low::numeric, 3) AS low,
	   round(high::numeric, 3) AS high
FROM mlops.calibration_curve('late', 'june')
WHERE n >= 100;

\echo
\echo '== 5. A second version: smaller steps, more of them'
\echo
SELECT model, version, rows_train, deployed, elapsed
FROM mlops.train('late', 'flight', target => 'delay > 15',
				 features => '{hour,weekday,distance,origin,destination}',
				 event_time => 'dep_time',
				 params => '{"learning_rate": 0.1, "max_depth": 6,
							 "num_boost_round": 400, "min_child_weight": 5}',
				 description => 'smaller steps');

\echo
\echo 'The first version serves at once, later ones wait for a decision.  Which'
\echo 'one is better, on the same flights of June?'
\echo
SELECT metric, round(value::numeric, 4) AS "late/1",
	   round(other_value::numeric, 4) AS "late/2",
	   round(difference::numeric, 4) AS difference,
	   round(p_value::numeric, 4) AS p_value, better
FROM mlops.compare('late/1', 'late/2', 'june')
WHERE metric IN ('roc_auc', 'pr_auc', 'log_loss', 'brier');

\echo
\echo '== 6. Deploy.  It is a transaction like any other, so a dry run is one'
\echo '== that is rolled back'
\echo
\set june15 'SELECT origin, destination, round(mlops.predict(''late'', f)::numeric, 4) AS p_late FROM flight f WHERE dep_time >= ''2001-06-15 18:00'' ORDER BY dep_time, delay, origin LIMIT 3;'
\echo 'Version 1 serves:'
:june15
BEGIN;
SELECT mlops.deploy('late/2', note => 'only trying');
\echo
\echo 'Inside the transaction version 2 serves, for this session only:'
:june15
ROLLBACK;
\echo
\echo 'Rolled back, nothing has changed:'
:june15

\echo
\echo 'Now for all, and back again:'
\echo
SELECT mlops.deploy('late/2', note => 'better on June');
SELECT serving, versions, latest, pg_size_pretty(bytes) AS size
FROM mlops.models WHERE model = 'late';
SELECT mlops.rollback('late', note => 'on second thoughts');

\echo
\echo '== 7. Predictions in a table, for those who only read tables'
\echo
\set score 'SELECT version, inserted, updated, removed, elapsed FROM mlops.score(''late'', ''june'', ''late_score'', key => ''id'', reasons => 2);'
:score
SELECT id, round(prediction::numeric, 3) AS p_late, label, reasons, version
FROM late_score ORDER BY prediction DESC, id LIMIT 3;
\echo
\echo 'Again: nothing is new, so nothing is written.  After a deploy all is.'
\echo
:score
SELECT mlops.deploy('late/2', note => 'better on June');
:score
SELECT mlops.rollback('late');

\echo
\echo '== 8. What happened, for those who come later'
\echo
SELECT action, version, to_char(valid_from, 'HH24:MI:SS') AS "from",
	   to_char(valid_to, 'HH24:MI:SS') AS until, current, changed_by, note
FROM mlops.deployments
WHERE model = 'late'
ORDER BY valid_from;

\echo
\echo 'Each version knows what made it:'
\echo
SELECT version, rows_train, fingerprint_ordered AS rows_fingerprint, seed,
	   library_version AS xgboost, round(train_seconds::numeric, 2) AS seconds
FROM mlops.runs WHERE model = 'late'
ORDER BY version;

\echo
\echo 'And none is locked in: this is a file that XGBoost itself loads.'
\echo
SELECT length(mlops.export_model('late/1')) AS ubj_bytes,
	   length(mlops.export_model('late/1', 'json')) AS json_bytes;

\echo
\echo '== 9. Watched: a model of the winter, and what comes after it'
\echo
SELECT model, version, rows_train
FROM mlops.train('winter', 'SELECT * FROM flight WHERE dep_time < ''2001-02-12''',
				 target => 'delay > 15',
				 features => '{hour,weekday,distance,origin,destination}',
				 event_time => 'dep_time');
\echo
\echo 'One call: a monitor, a policy of retraining, an alert rule, a job.  With a'
\echo 'schedule, such as ''7 * * * *'', pg_cron runs the job; here the months are'
\echo 'played: first what the monitor sees, then what becomes of it.'
\echo
SELECT line FROM mlops.watch('winter', 'flight', window_size => '14 days',
							 max_age => '28 days', schedule => NULL) line;
SELECT format('SELECT window_start::date AS "window", n_rows, status, message FROM mlops.run_monitor(%L, until => %L)',
			  'winter', until),
	   format('SELECT action, triggers, reason FROM mlops.retrain(%L, force => false, until => %L)',
			  'winter', until)
FROM generate_series('2001-03-12'::timestamptz, '2001-06-04', '28 days') until
\gexec
\echo
\echo 'A version that serves was better than the one before it on rows that'
\echo 'neither had seen.  Every decision is a row, and so is how the model is:'
\echo
SELECT data_until::date AS until, action, champion, challenger, refitted,
	   round(champion_value::numeric, 4) AS champion_log_loss,
	   round(challenger_value::numeric, 4) AS challenger_log_loss
FROM mlops.decisions WHERE model = 'winter'
ORDER BY decision_id;
SELECT model, serving, drift_status, performance_status, open_alerts, summary
FROM mlops.watch_status;
\echo
\echo 'What moved in the last window, what matters most first:'
\echo
SELECT feature, round(value::numeric, 4) AS psi, threshold, status,
	   round(importance::numeric, 3) AS importance
FROM mlops.drift_latest
WHERE model = 'winter' AND metric = 'psi';

DO $$
BEGIN
	ASSERT (SELECT serving = 1 FROM mlops.models WHERE model = 'late'),
		'the rollback has not brought version 1 back';
END
$$;
