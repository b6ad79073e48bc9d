-- Time that runs of monitors take: max_duration, timeouts, and what stays.
\set SHOW_CONTEXT never
SET client_min_messages = error;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
CREATE FUNCTION raises(command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN EXECUTE command; RETURN 'no error'; EXCEPTION WHEN OTHERS OR query_canceled THEN RETURN SQLSTATE || ' ' || SQLERRM; END $$;
CREATE TABLE tick AS
SELECT timestamptz '2024-01-01' + i * interval '1 hour' AS at, i % 24 AS a, i % 3 = 0 AS y
FROM generate_series(0, 575) i;
SELECT version FROM mlops.train('timed', 'tick', 'y', features => 'a', event_time => 'at',
                 params => '{"num_boost_round": 2}');

-- the first window whatever it takes, then as many as fit
SELECT mlops.create_monitor('timed', 'tick', window_size => '4 days', metrics => 'drift');
SET client_min_messages = notice;
SELECT window_start::date, state FROM mlops.run_monitor('timed', '2024-02-01', max_duration => '1 microsecond');
SELECT window_start::date, state FROM mlops.run_monitor('timed', '2024-02-01', max_duration => '1 microsecond');
SELECT window_start::date, state FROM mlops.run_monitor('timed', '2024-02-01', max_windows => 1, max_duration => '1 microsecond');
SELECT window_start::date, state FROM mlops.run_monitor('timed', '2024-02-01', max_duration => '1 hour');
SELECT count(*) FROM mlops.run_monitor('timed', '2024-02-01', max_duration => '1 microsecond');
SELECT raises(format($$SELECT mlops.run_monitor('timed', max_duration => %L)$$, d)) FROM unnest('{0,-1 day,1 month -31 days}'::text[]) d;
SET client_min_messages = warning;

-- statement_timeout is seen to come: nothing is lost, and call after call goes on
CREATE FUNCTION slowly(at timestamptz, a integer) RETURNS integer LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF extract(hour FROM at) = 0 THEN PERFORM pg_sleep(0.1); END IF;
	RETURN a;
END $$;
SELECT mlops.create_monitor('timed', 'SELECT at, slowly(at, a) AS a, y FROM tick', name => 'slow', metrics => 'drift');
CREATE TEMP TABLE call (windows bigint);
SET client_min_messages = error;
SET statement_timeout = '1s';
INSERT INTO call SELECT count(*) FROM mlops.run_monitor('slow', '2024-01-25');
INSERT INTO call SELECT count(*) FROM mlops.run_monitor('slow', '2024-01-25');
RESET statement_timeout;
SELECT count(*), bool_and(windows BETWEEN 1 AND 9) FROM call;
SELECT count(*) BETWEEN 2 AND 18, sum(runs) = count(*), bool_and(state = 'completed') FROM mlops.monitor_windows WHERE monitor = 'slow';
-- a job does the same, and leaves the rest of its work
SELECT mlops.drop_monitor('timed');
SELECT mlops.set_retraining_policy('timed', 'schedule', cooldown => '0');
SELECT mlops.schedule('timed', NULL, 'watch', name => 'tock') > 0 AS scheduled;
SELECT job_id FROM mlops.schedules WHERE name = 'tock' \gset
SET statement_timeout = '1s';
SELECT mlops.run_job(:job_id) ~ '^monitor slow: windows computed: [1-9], left: [0-9]+; retraining is left to the next run$';
RESET statement_timeout;
SELECT state, error FROM mlops.job_runs WHERE name = 'tock';
SELECT mlops.unschedule('tock'), mlops.drop_retraining_policy('timed'), mlops.drop_monitor('slow');
SET client_min_messages = warning;

-- where it was not seen to come, it is caught
CREATE OR REPLACE FUNCTION slowly(at timestamptz, a integer) RETURNS integer LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF at = '2024-01-04' THEN PERFORM pg_sleep(60); END IF;
	RETURN a;
END $$;
SELECT mlops.create_monitor('timed', 'SELECT at, slowly(at, a) AS a, y FROM tick', name => 'stuck', metrics => 'drift');
SET statement_timeout = '1s';
SELECT window_start::date, state FROM mlops.run_monitor('stuck', '2024-01-08');
-- without a window before it there is nothing to keep
SELECT count(*) FROM mlops.run_monitor('stuck', '2024-01-08');
RESET statement_timeout;
SELECT count(*), max(window_start)::date FROM mlops.monitor_windows WHERE monitor = 'stuck';
-- the rest of the statement has as much time once more, and no run of a monitor is in it
SELECT mlops.drop_monitor('stuck');
SELECT mlops.create_monitor('timed', 'SELECT at, slowly(at, a) AS a, y FROM tick', name => 'stuck', metrics => 'drift');
SET statement_timeout = '1s';
DO $$
DECLARE n bigint[];
BEGIN
	n := ARRAY[(SELECT count(*) FROM mlops.run_monitor('stuck', '2024-01-08'))];
	n := n || ARRAY[(SELECT count(*) FROM mlops.run_monitor('stuck', '2024-01-08'))];
	RAISE WARNING '%', n;
END $$;
SELECT mlops.drop_monitor('stuck');
SELECT mlops.create_monitor('timed', 'SELECT at, slowly(at, a) AS a, y FROM tick', name => 'stuck', metrics => 'drift');
DO $$ BEGIN PERFORM mlops.run_monitor('stuck', '2024-01-08'); PERFORM pg_sleep(60); END $$;
RESET statement_timeout;
SELECT count(*) FROM mlops.monitor_windows WHERE monitor = 'stuck';
-- in a job it is its error
SELECT mlops.schedule('stuck', NULL, name => 'tock') > 0 AS scheduled;
SELECT job_id FROM mlops.schedules WHERE name = 'tock' \gset
SET client_min_messages = error;
UPDATE tick SET at = at + interval '20 years' WHERE at >= '2024-01-08';
SET statement_timeout = '1s';
SELECT mlops.run_job(:job_id);
RESET statement_timeout;
SELECT state, error_code, message FROM mlops.job_runs WHERE name = 'tock';
SELECT count(*), bool_and(state = 'completed') FROM mlops.monitor_windows WHERE monitor = 'stuck';
SELECT mlops.unschedule('tock');

SELECT mlops.drop_model('timed');
DROP FUNCTION raises, slowly;
DROP TABLE tick;
