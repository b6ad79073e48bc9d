-- Windows whose rows have not become more, but others: they are computed again.
SET client_min_messages = error;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
CREATE TABLE seen AS
SELECT i AS id, timestamp '2024-01-01' + i * interval '1 hour' AS at, i % 10 AS a, i % 7 / 7.0 AS b, i % 10 > 4 AS y,
       'r' || i % 3 AS region, 0 AS unused
FROM generate_series(0, 287) i;
SELECT version FROM mlops.train('changing', 'SELECT a, b, y FROM seen', 'y', params => '{"num_boost_round": 2}');
-- which windows a run computes
CREATE FUNCTION told(monitor text) RETURNS text LANGUAGE sql AS
$$ SELECT COALESCE(string_agg(to_char(window_start, 'DD') || ' ' || state || ' ' || n_labelled, ', ' ORDER BY window_start), 'none')
FROM mlops.run_monitor(monitor, '2024-01-13') $$;
CREATE FUNCTION accuracy(monitor text, day integer) RETURNS numeric LANGUAGE sql AS
$$ SELECT round(value::numeric, 3) FROM mlops.monitor_results r WHERE r.monitor = accuracy.monitor AND metric = 'accuracy'
AND window_start = timestamptz '2024-01-01' + (day - 1) * interval '1 day' $$;

-- labels in the source
SELECT mlops.create_monitor('changing', 'seen', 'at', '2 days', metrics => '{drift,accuracy}', segments => 'region',
	name => 'direct');
SELECT told('direct'), accuracy('direct', 3), accuracy('direct', 5);
SELECT told('direct');
UPDATE seen SET y = NOT y WHERE id BETWEEN 48 AND 59;
SELECT told('direct'), accuracy('direct', 3), accuracy('direct', 5);
-- two labels that change places
UPDATE seen SET y = NOT y WHERE id IN (100, 106);
SELECT told('direct');
-- an input, a column of segments, a time within the window, a row in place of another
UPDATE seen SET b = NULL WHERE id = 3;
SELECT told('direct');
UPDATE seen SET region = 'r9' WHERE id = 3;
SELECT told('direct');
UPDATE seen SET at = at + interval '1 second' WHERE id = 3;
SELECT told('direct');
DELETE FROM seen WHERE id = 3;
INSERT INTO seen VALUES (3, '2024-01-01 03:00', 5, 0.1, true, 'r1', 0);
SELECT told('direct');
-- what nothing depends on, rows in another order, values that are the same
UPDATE seen SET unused = 1;
UPDATE seen SET y = y;
VACUUM FULL seen;
SELECT told('direct');
-- fewer rows and labels are no reason
DELETE FROM seen WHERE id = 4;
UPDATE seen SET y = NULL WHERE id = 60;
SELECT told('direct');
SELECT window_start::date, n_rows, n_labelled, runs FROM mlops.monitor_windows WHERE monitor = 'direct' ORDER BY 1;
INSERT INTO seen VALUES (4, '2024-01-01 04:00', 4, 4 / 7.0, false, 'r1', 0);
UPDATE seen SET y = true WHERE id = 60;
SELECT told('direct');
-- only as far back as windows are looked at again
UPDATE seen SET a = a + 1 WHERE id IN (0, 240);
SELECT count(*) FROM mlops.run_monitor('direct', '2024-01-13', recompute => '1 day');
SELECT told('direct');

-- an altered monitor leaves windows as they were; so does a source that has lost a column
SELECT mlops.alter_monitor('direct', target => 'NOT y');
SELECT told('direct');
ALTER TABLE seen RENAME b TO c;
SELECT told('direct');
ALTER TABLE seen RENAME c TO b;
SELECT told('direct');
UPDATE seen SET y = NOT y WHERE id = 287;
SELECT told('direct');

-- what is computed is not looked at, nor is what is joined: labels are
CREATE VIEW computed AS SELECT s.id, s.at, a, b + extract(epoch FROM now()) * 0 + u.i AS b, y FROM seen s JOIN generate_series(0, 0) AS u (i) ON true;
SELECT mlops.create_monitor('changing', 'computed', 'at', '2 days', metrics => '{drift,accuracy}', name => 'computed');
SELECT mlops.create_monitor('changing', 'SELECT at, a, a / 10.0 AS b, y FROM seen', 'at', '2 days', metrics => '{drift,accuracy}', name => 'half');
SELECT told('computed'), told('half');
UPDATE seen SET a = 3 WHERE id = 100;
UPDATE seen SET b = 0.5 WHERE id = 150;
SELECT told('computed'), told('half');
UPDATE seen SET y = NOT y WHERE id = 200;
SELECT told('computed'), told('half'), told('direct');

-- labels that are joined, of several types
CREATE TABLE truth AS SELECT id AS nr, y AS result FROM seen;
SELECT mlops.set_label_source('changing', 'SELECT nr AS id, result FROM truth', 'id');
SELECT mlops.create_monitor('changing', 'SELECT id, at::date + interval ''1 hour'' AS at, a, b FROM seen', 'at', '2 days', metrics => '{drift,accuracy}', name => 'joined');
SELECT told('joined');
-- of rows with the same time, too
UPDATE truth SET result = NOT result WHERE nr IN (49, 54);
SELECT told('joined');
ALTER TABLE truth ALTER result TYPE text USING CASE WHEN result THEN 'true' ELSE 'false' END;
UPDATE truth SET result = 'true' WHERE nr = 0;
SELECT told('joined');
SELECT told('joined');

-- of a snapshot that is older than what was computed, nothing is computed
SELECT mlops.create_monitor('changing', 'seen', 'at', '2 days', target => 'y', metrics => '{drift,accuracy}', name => 'old');
SELECT told('old');
BEGIN ISOLATION LEVEL REPEATABLE READ;
UPDATE seen SET y = NOT y WHERE id = 1;
SELECT told('old');
UPDATE seen SET y = NOT y WHERE id = 1;
SELECT told('old');
COMMIT;

-- labels that come twenty windows late are waited for, and more than ten windows that have them are not looked at again
SELECT mlops.drop_monitor(monitor) FROM mlops.monitors WHERE model = 'changing';
CREATE TABLE later (nr integer, result boolean);
SELECT mlops.set_label_source('changing', 'SELECT nr AS id, result FROM later', 'id');
SELECT mlops.create_monitor('changing', 'SELECT id, at, a, b FROM seen WHERE id < 287', 'at', '6 hours', metrics => '{drift,accuracy}',
	thresholds => '{"min_rows": 5, "accuracy": 0.9}', name => 'waiting');
SELECT count(*), sum(n_labelled) AS labelled FROM mlops.run_monitor('waiting', '2024-01-12 18:00');
SELECT last_window, performance_status FROM mlops.watch_status WHERE model = 'changing';
INSERT INTO later SELECT id, NOT y FROM seen WHERE id < 162;
SELECT count(*), min(window_start), max(window_start) FROM mlops.run_monitor('waiting', '2024-01-12 18:00');
SELECT last_window, performance_status, metric, value < 0.9 AS worse FROM mlops.watch_status WHERE model = 'changing';
UPDATE later SET result = NOT result WHERE nr IN (90, 96, 102);
SELECT window_start FROM mlops.run_monitor('waiting', '2024-01-12 18:00') ORDER BY 1;
SELECT count(*) FROM mlops.run_monitor('waiting', '2024-01-12 18:00', recompute => '10 days');

-- what was found stays, and why it could not be computed again is said
SELECT mlops.drop_monitor('waiting'), mlops.set_label_source('changing', NULL, NULL);
SELECT mlops.create_monitor('changing', 'seen', 'at', '4 days', metrics => '{drift,accuracy}', thresholds => '{"min_rows": 5}', name => 'kept');
SELECT mlops.create_alert_rule('changing', 'kept', events => 'failure');
SELECT told('kept');
DROP VIEW computed;
ALTER TABLE seen ALTER a TYPE text USING 'a' || a;
SELECT told('kept');
SELECT window_start::date, state, error, runs, (SELECT count(*) > 10 FROM mlops.monitor_results r WHERE r.window_start = w.window_start AND r.monitor = 'kept') AS results
FROM mlops.monitor_windows w WHERE monitor = 'kept' ORDER BY 1;
SELECT state, message FROM mlops.alerts WHERE rule = 'kept';
DELETE FROM seen WHERE id < 90;
ALTER TABLE seen ALTER a TYPE integer USING substr(a, 2)::integer;
SELECT told('kept');
SELECT window_start::date, state, n_rows, error FROM mlops.monitor_windows WHERE monitor = 'kept' ORDER BY 1;
SELECT state FROM mlops.alerts WHERE rule = 'kept';

SELECT mlops.drop_model('changing');
DROP FUNCTION told, accuracy;
DROP TABLE seen, truth, later;
