-- A tour of mlops: real flights, a model of which ones leave late, a second
-- version, a dry run, a deploy, a rollback.
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
	dep_time	timestamp NOT NULL,
	delay		integer NOT NULL,	-- minutes
	distance	integer NOT NULL,	-- miles
	origin		text NOT NULL,
	destination	text NOT NULL
);
\set load '\\copy flights from program ''gunzip -c "' :flights '"'' with (format csv, header)'
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
\echo '== 4. A second version: smaller steps, more of them'
\echo
SELECT model, version, rows_train, deployed, elapsed
FROM mlops.train('late', 'flight', target => 'delay > 15',
				 features => '{hour,weekday,distance,origin,destination}',
				 event_time => 'dep_time',
				 params => '{"learning_rate": 0.1, "max_depth": 6,
							 "num_boost_round": 400, "min_child_weight": 5}',
				 description => 'smaller steps');

\echo
\echo 'The first version serves at once, later ones wait for a decision.  Both'
\echo 'can be asked, here about the same flights of June:'
\echo
WITH scored AS (
	SELECT v.version, (delay > 15)::int AS late,
		   CASE v.version WHEN 1 THEN mlops.predict('late/1', f)
						  ELSE mlops.predict('late/2', f) END AS p
	FROM flight f, generate_series(1, 2) AS v(version)
	WHERE dep_time >= '2001-06-01' AND dep_time < '2001-07-01'
), ranked AS (
	SELECT *, rank() OVER above + (count(*) OVER ties - 1) / 2.0 AS place,
		   ntile(10) OVER (PARTITION BY version ORDER BY p DESC, late)
			   AS decile
	FROM scored
	WINDOW above AS (PARTITION BY version ORDER BY p),
		   ties AS (PARTITION BY version, p)
)
SELECT version, count(*) AS flights,
	   round((sum(place) FILTER (WHERE late = 1)
			  - sum(late) * (sum(late) + 1) / 2.0)
			 / (sum(late) * sum(1 - late)), 4) AS auc,
	   round(avg(-ln(CASE late WHEN 1 THEN p ELSE 1 - p END))::numeric, 4)
		   AS log_loss,
	   round(avg(late) FILTER (WHERE decile = 1), 3) AS top_decile
FROM ranked
GROUP BY version
ORDER BY version;

\echo
\echo '== 5. Deploy.  It is a transaction like any other, so a dry run is one'
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
\echo '== 6. What happened, for those who come later'
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

DO $$
BEGIN
	ASSERT (SELECT serving = 1 FROM mlops.models WHERE model = 'late'),
		'the rollback has not brought version 1 back';
END
$$;
