-- Jobs, as pg_cron runs them; without it, they are run by whoever asks.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
\pset null -

-- a day that begins meanwhile would be one more
DO $$ BEGIN PERFORM pg_sleep(61) WHERE now()::time >= '23:59'; END $$;
-- three days until yesterday, one window each
CREATE TABLE jo_rows AS
SELECT i AS id, date_trunc('day', now()) - interval '3 days' + i * interval '6 minutes' AS at,
	   abs(hashint4(i)) % 100 AS a, abs(hashint4(i + 7)) % 50 AS b, abs(hashint4(i) % 100 + hashint4(i + 3) % 50) > 50 AS y
FROM generate_series(0, 719) i;
SELECT version FROM mlops.train('jo', 'jo_rows', 'y', features => '{a,b}', event_time => 'at',
	params => '{"num_boost_round": 3}');
SELECT mlops.create_monitor('jo', 'jo_rows', name => 'jo days');
CREATE ROLE regress_jo;
SELECT mlops.grant_model('jo', 'regress_jo', 'manage');
GRANT SELECT ON jo_rows TO regress_jo;

-- a job without a schedule: what else runs schedules may call run_job()
SELECT mlops.schedule('jo days', schedule => NULL) AS job \gset
SELECT mlops.run_job(:job);
SELECT mlops.run_job(:job);
SELECT mlops.schedule('jo', schedule => NULL, kind => 'watch') AS watch \gset
SELECT mlops.run_job(:watch);
SELECT mlops.alter_monitor('jo days', enabled => false);
SELECT mlops.run_job(:watch);
-- the same again is the same job, another subject is not
SELECT mlops.schedule('jo', schedule => NULL, kind => 'watch') = :watch AS same;
SELECT mlops.schedule('jo', schedule => NULL, kind => 'retrain', name => 'watch jo');
SELECT name, kind, subject, model, schedule, problem, next_run, last_started <= last_ended AS ended, duration < '1 minute' AS quick,
	last_state, last_message, last_error, runs, failures, cron_job_id, run_as = CURRENT_USER AS mine
FROM mlops.schedules WHERE model = 'jo' ORDER BY name;
SELECT name, state, message, error FROM mlops.job_runs WHERE model = 'jo' ORDER BY name, started_at;

-- what fails is a row and an alert, until it is well again
SELECT mlops.create_alert_rule('jo', events => 'failure', severity => 'critical', cooldown => '0');
SET ROLE regress_jo;
SELECT mlops.schedule('jo', schedule => NULL, kind => 'watch', name => 'hers') AS hers \gset
RESET ROLE;
SELECT mlops.revoke_model('jo', 'regress_jo', 'manage'), mlops.grant_model('jo', 'regress_jo', 'read');
SET ROLE regress_jo;
SELECT mlops.run_job(:hers);
SELECT mlops.run_job(:hers);
SELECT name, last_state, last_message, last_error, last_error_code, runs, failures FROM mlops.schedules ORDER BY name;
SELECT event, subject, severity, state, n_seen, message FROM mlops.alerts;
-- it may not run, schedule or end what is not its own
SELECT mlops.run_job(:job);
SELECT mlops.schedule('jo days', schedule => NULL);
SELECT mlops.unschedule('watch jo');
RESET ROLE;
SELECT mlops.grant_model('jo', 'regress_jo', 'manage');
SET ROLE regress_jo;
SELECT mlops.run_job(:hers);
RESET ROLE;
SELECT event, subject, state, n_seen FROM mlops.alerts WHERE model = 'jo';

-- a cancel leaves a row too
CREATE FUNCTION jo_slow(integer) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_sleep(20) WHERE current_setting('jo.slow', true) = 'on';
	RETURN $1;
END $$;
SELECT mlops.create_monitor('jo', 'SELECT at, jo_slow(a) AS a, b, y FROM jo_rows LIMIT 1', name => 'jo slow');
SELECT mlops.schedule('jo slow', schedule => NULL) AS slow \gset
SET jo.slow = on;
SET statement_timeout = '1s';
SELECT mlops.run_job(:slow);
RESET statement_timeout;
RESET jo.slow;
SELECT name, last_state, last_message, last_error, last_error_code FROM mlops.schedules WHERE name = 'monitor jo slow';

-- one that was restored on another cluster does nothing there
UPDATE mlops.job SET system_identifier = '1' WHERE job_id = :slow;
SELECT mlops.run_job(:slow);
SELECT name, problem, next_run FROM mlops.schedules WHERE name = 'monitor jo slow';
SELECT mlops.schedule('jo slow', schedule => NULL) <> :slow AS again;
SELECT name, problem, runs FROM mlops.schedules WHERE name = 'monitor jo slow';

-- what is no schedule, kind, subject or name
SELECT mlops.schedule('jo days', '0 * * *');
SELECT mlops.schedule('jo days', '0 25 * * *');
SELECT mlops.schedule('jo days', '*/70 * * * *');
SELECT mlops.schedule('jo days', '0 0 * * fri-sun');
SELECT mlops.schedule('jo days', '@dayly');
SELECT mlops.schedule('jo days', '90 seconds');
SELECT mlops.schedule('jo days', '');
SELECT mlops.schedule('jo days', kind => 'moniter');
SELECT mlops.schedule('nothing');
SELECT mlops.schedule('nothing', kind => 'watch');
SELECT mlops.schedule('jo days', schedule => NULL, name => '');
SELECT mlops.unschedule('nothing');
SELECT mlops.run_job(0);
-- with a schedule: pg_cron takes it, or what is missing is said
DO $$
DECLARE
	hint text;
BEGIN
	PERFORM mlops.schedule('jo days', '30 5 * * mon-fri', name => 'jo cron');
	RAISE EXCEPTION USING ERRCODE = 'JO000';
EXCEPTION
	WHEN SQLSTATE '55000' THEN
		GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
		IF SQLERRM !~ 'pg_cron' OR hint !~ 'add pg_cron to shared_preload_libraries|CREATE EXTENSION pg_cron' THEN RAISE; END IF;
	WHEN SQLSTATE 'JO000' THEN NULL;
END $$;

-- times of schedules are those of GMT
SELECT s, to_char(n AT TIME ZONE 'GMT', part) AS next, n > now() AND n <= now() + most AS soon
FROM (VALUES ('17 * * * *', 'MI', interval '1 hour'), ('5 4 * * *', 'HH24:MI', '1 day'), ('0 0 1 * *', 'DD HH24:MI', '31 days'),
	('@yearly', 'MM-DD HH24:MI', '366 days'), ('0 12 29 2 *', 'MM-DD HH24:MI', '8 years')) s (s, part, most),
	mlops._next_run(s.s, now()) n;
SELECT mlops._next_run('5 seconds', now() + interval '1 minute') - now() AS interval,
	   mlops._next_run('0 0 30 2 *', now()), mlops._next_run('@reboot', now()), mlops._next_run('nonsense', now());

-- a job that has lost what it is for ends itself
SELECT mlops.unschedule('monitor jo slow');
SELECT mlops.drop_monitor('jo days');
SELECT name FROM mlops.schedules WHERE model = 'jo' ORDER BY name;
CREATE TEMP TABLE jo_watch AS SELECT :watch::bigint AS job_id;
SELECT mlops.drop_model('jo');
SELECT name, problem, last_state FROM mlops.schedules WHERE subject = 'jo' ORDER BY name;
SELECT mlops.run_job(:watch);
DO $$
BEGIN
	PERFORM mlops.run_job(job_id) FROM jo_watch;
EXCEPTION WHEN SQLSTATE '42704' THEN RAISE WARNING '%', regexp_replace(SQLERRM, '\d+', 'N');
END $$;
SET ROLE regress_jo;
SELECT name, problem FROM mlops.schedules;
SELECT mlops.unschedule('hers');
RESET ROLE;
SELECT count(*) FROM mlops.schedules WHERE subject = 'jo';
DROP OWNED BY regress_jo;
DROP ROLE regress_jo;
DROP TABLE jo_rows;
DROP FUNCTION jo_slow;
