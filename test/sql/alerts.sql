-- Rules of alerts, and what becomes of alerts, by windows of a stream.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
\pset null -

-- a stream of ten days: days 4, 5 and 8 have other numbers, day 6 has no rows
CREATE TABLE al_rows AS
SELECT i AS id, timestamptz '2024-03-01 00:00+00' + i * interval '6 minutes' AS at,
	   abs(hashint4(i)) % 100 + CASE WHEN i / 240 IN (4, 5, 8) THEN 70 ELSE 0 END AS a,
	   abs(hashint4(i + 7)) % 50 AS b, CASE WHEN i % 2 = 0 THEN 'north' ELSE 'south' END AS region,
	   abs(hashint4(i)) % 100 > 50 AS y
FROM generate_series(0, 2399) i WHERE i / 240 <> 6;
CREATE TABLE al_train AS
SELECT i AS id, timestamptz '2024-02-01 00:00+00' + i * interval '6 minutes' AS at,
	   abs(hashint4(i + 99)) % 100 AS a, abs(hashint4(i + 107)) % 50 AS b,
	   CASE WHEN i % 2 = 0 THEN 'north' ELSE 'south' END AS region, abs(hashint4(i + 99)) % 100 > 50 AS y
FROM generate_series(0, 2399) i;
SELECT version FROM mlops.train('al', 'al_train', 'y', features => '{a,b,region}', event_time => 'at',
	params => '{"num_boost_round": 5}');
SELECT mlops.create_monitor('al', 'al_rows', window_size => '1 day', metrics => '{psi,roc_auc}', segments => 'region');

-- three rules: the defaults; two windows within four days; each feature
SELECT mlops.create_alert_rule('al');
SELECT mlops.create_alert_rule('al', name => 'al twice', events => 'drift', min_count => 2, period => '4 days',
	severity => 'critical');
SELECT mlops.create_alert_rule('al', name => 'al features', events => 'drift', features => '{a,b}',
	cooldown => '5 days', auto_reset => false, least_status => 'potential');
SELECT rule, events, features, least_status, severity, min_count, period, cooldown, auto_reset
FROM mlops.alert_rules WHERE model = 'al' ORDER BY rule;

-- a day after the other, as a job would
CREATE FUNCTION al_day(day date) RETURNS TABLE (status text, alerts text) LANGUAGE sql AS $$
SELECT string_agg(r.state || ' ' || r.status, ',') FROM mlops.run_monitor('al', until => day + 1) r;
SELECT (SELECT w.state || ', ' || w.status FROM mlops.monitor_windows w
		WHERE w.monitor = 'al' ORDER BY w.window_start DESC LIMIT 1),
	   (SELECT string_agg(format('%s %s%s%s %s x%s', rule, event,
			CASE WHEN slice <> '{}' THEN ' ' || (slice ->> 'region') ELSE '' END,
			CASE WHEN feature <> '' THEN ' ' || feature ELSE '' END, state, n_seen),
			'; ' ORDER BY alert_id)
		FROM mlops.alerts WHERE model = 'al' AND state <> 'resolved' AND slice = '{}')
$$;
SELECT day::date, d.* FROM generate_series(timestamptz '2024-03-01', '2024-03-10', '1 day') day, al_day(day::date) d;
SELECT alert_id - min(alert_id) OVER () AS n, rule, event, slice, feature, severity, state, raised_for::date,
	   first_seen_at::date, last_seen_at::date, n_seen
FROM mlops.alerts WHERE model = 'al' ORDER BY alert_id;

-- what is pending cannot be acknowledged
DO $$
BEGIN
	PERFORM mlops.acknowledge(alert_id) FROM mlops.alerts WHERE state = 'pending' AND rule = 'al twice';
EXCEPTION WHEN SQLSTATE '55000' THEN RAISE WARNING '%', regexp_replace(SQLERRM, '\d+', 'N');
END $$;

-- rows that come late are counted once, however often the window is computed
INSERT INTO al_rows SELECT id + 1000000, at + interval '2 days', a, b, region, y FROM al_rows
WHERE at >= '2024-03-09' AND at < '2024-03-10' AND id % 3 > 0;
SELECT window_start::date, status FROM mlops.run_monitor('al', until => '2024-03-12');
INSERT INTO al_rows SELECT id + 1000000, at + interval '2 days', a, b, region, y FROM al_rows
WHERE at >= '2024-03-09' AND at < '2024-03-10' AND id % 3 = 0;
SELECT window_start::date, status FROM mlops.run_monitor('al', until => '2024-03-12');
SELECT rule, event, state, raised_for::date, last_seen_at::date, n_seen FROM mlops.alerts
WHERE model = 'al' AND slice = '{}' AND feature = '' AND last_seen_at >= '2024-03-09' ORDER BY alert_id;
-- and when they are as they should be, the alert was none
UPDATE al_rows SET a = a - 70 WHERE at >= '2024-03-11';
INSERT INTO al_rows SELECT id + 2000000, at, a, b, region, y FROM al_rows WHERE at >= '2024-03-11' AND id % 9 = 0;
SELECT window_start::date, status FROM mlops.run_monitor('al', until => '2024-03-12');
SELECT rule, event, state, raised_for::date, last_seen_at::date, n_seen FROM mlops.alerts
WHERE model = 'al' AND slice = '{}' AND feature = '' AND last_seen_at >= '2024-03-09' ORDER BY alert_id;

-- acknowledge: what resets itself stays until it is well, else it is over
SELECT mlops.acknowledge(alert_id, 'it is the new sensor') FROM mlops.alerts
WHERE rule = 'al features' AND state = 'open' AND slice = '{}';
SELECT mlops.acknowledge(alert_id) FROM mlops.alerts WHERE rule = 'al' AND event = 'drift' AND slice = '{}' ORDER BY alert_id LIMIT 1;
SELECT rule, state, acknowledged_by = CURRENT_USER AS by_me, note, resolved_at IS NOT NULL AS resolved FROM mlops.alerts
WHERE acknowledged_at IS NOT NULL AND model = 'al' ORDER BY alert_id;
SELECT mlops.acknowledge(0);

-- a window that fails
ALTER TABLE al_rows RENAME b TO c;
INSERT INTO al_rows SELECT id + 3000000, at + interval '1 day', a, c, region, y FROM al_rows WHERE at >= '2024-03-11';
SELECT window_start::date, state FROM mlops.run_monitor('al', until => '2024-03-13');
SELECT rule, event, state, raised_for::date, message FROM mlops.alerts WHERE model = 'al' AND event = 'failure' ORDER BY alert_id;
ALTER TABLE al_rows RENAME c TO b;
SELECT window_start::date, state FROM mlops.run_monitor('al', until => '2024-03-13');
SELECT rule, event, state, raised_for::date FROM mlops.alerts WHERE model = 'al' AND event = 'failure' ORDER BY alert_id;
-- figures of features, without naming these
SELECT mlops.create_alert_rule('al', name => 'al psi', events => 'drift', metrics => 'psi');
INSERT INTO al_rows SELECT id + 4000000, at + interval '1 day', a + 70, b, region, y FROM al_rows WHERE at >= '2024-03-12';
SELECT window_start::date, status FROM mlops.run_monitor('al', until => '2024-03-14');
SELECT rule, feature, severity, message ~ '^drift of model "al", feature "a": psi is [0-9.]+ \(threshold [0-9.]+\)$' AS message,
	details -> 'figures' -> 0 ->> 'metric' AS metric, details ->> 'window_start' AS window
FROM mlops.alerts WHERE rule = 'al psi' AND slice = '{}' ORDER BY feature LIMIT 1;
-- without rules nothing is raised
SELECT mlops.drop_alert_rule(rule) FROM mlops.alert_rules WHERE model = 'al' ORDER BY rule;
SELECT state, count(*) FROM mlops.alerts WHERE model = 'al' GROUP BY 1 ORDER BY 1;
INSERT INTO al_rows SELECT id + 5000000, at + interval '1 day', a + 70, b, region, y FROM al_rows WHERE at >= '2024-03-13';
SELECT window_start::date, status FROM mlops.run_monitor('al', until => '2024-03-15');
SELECT count(*) FROM mlops.alerts WHERE model = 'al' AND last_seen_at >= '2024-03-14';

-- rules that are none
SELECT mlops.create_alert_rule('al', events => 'drifft');
SELECT mlops.create_alert_rule('al', events => '{}');
SELECT mlops.create_alert_rule('al', events => '{drift,drift}');
SELECT mlops.create_alert_rule('al', features => 'nonsense');
SELECT mlops.create_alert_rule('al', metrics => 'nonsense');
SELECT mlops.create_alert_rule('al', least_status => 'none');
SELECT mlops.create_alert_rule('al', severity => 'warn');
SELECT mlops.create_alert_rule('al', min_count => 0);
SELECT mlops.create_alert_rule('al', period => '0');
SELECT mlops.create_alert_rule('al', cooldown => '-1 day');
SELECT mlops.create_alert_rule('al', name => '');
SELECT mlops.create_alert_rule('nothing');
SELECT mlops.create_alert_rule('al'), mlops.create_alert_rule('al');
SELECT mlops.drop_alert_rule('nothing');

-- the rows of a monitor that is dropped have no open alerts
SELECT mlops.create_alert_rule('al');
INSERT INTO al_rows SELECT id + 6000000, at + interval '1 day', a, b, region, y FROM al_rows WHERE at >= '2024-03-14';
SELECT window_start::date, status FROM mlops.run_monitor('al', until => '2024-03-16');
SELECT count(*) > 0 AS open FROM mlops.alerts WHERE model = 'al' AND state = 'open';
SELECT mlops.drop_monitor('al');
SELECT count(*) AS open FROM mlops.alerts WHERE model = 'al' AND state = 'open';

-- what matters is found among many that do not: an alert that was opened long ago, a cooldown of a
-- month, one of all time; and a window of long ago that is computed again
CREATE TABLE al_quiet AS
SELECT timestamptz '2024-01-01 00:00+00' + i * interval '1 day' AS at, 1 AS a, 2 AS b, 'north' AS region, true AS y
FROM generate_series(0, 69) i WHERE i NOT IN (2, 20, 40, 60);
SELECT mlops.create_monitor('al', 'al_quiet', window_size => '1 day', metrics => 'drift', name => 'quiet');
SELECT mlops.create_alert_rule('al', name => 'al month', events => 'no_data', cooldown => '1 month'),
	   mlops.create_alert_rule('al', name => 'al stays', events => 'no_data', cooldown => '0', auto_reset => false),
	   mlops.create_alert_rule('al', name => 'al once', events => 'no_data', cooldown => '170000000 years');
INSERT INTO mlops.alert (rule_id, model_id, rule, event, subject, severity, state, n_seen, first_seen_at, last_seen_at,
	raised_at, resolved_at, message, details, slice, feature, raised_for, seen_at)
SELECT rule_id, model_id, name, 'no_data', 'monitor quiet', 'warning', 'resolved', 1, t, t, t, t, '', '{}', '{}', '', t, ARRAY[t]
FROM mlops.alert_rule r, generate_series(1, 3000) i, LATERAL (SELECT timestamptz '2020-01-01 00:00+00' + i * interval '1 hour' AS t) l
WHERE name IN ('al month', 'al stays');
CREATE VIEW al_recent AS
SELECT rule, state, first_seen_at::date, last_seen_at::date, raised_for::date, n_seen FROM mlops.alert
WHERE subject = 'monitor quiet' AND rule LIKE 'al %' AND last_seen_at > '2023-01-01' ORDER BY rule, alert_id;
SELECT count(*) FROM mlops.run_monitor('quiet', until => '2024-02-21 00:00+00');
SELECT * FROM al_recent;
SELECT count(*) FROM mlops.run_monitor('quiet', until => '2024-03-11 00:00+00');
INSERT INTO al_quiet VALUES ('2024-02-10 12:00+00', 1, 2, 'north', true), ('2024-01-03 12:00+00', 1, 2, 'north', true);
SELECT window_start::date FROM mlops.run_monitor('quiet', until => '2024-03-11 00:00+00', recompute => '100 days');
SELECT * FROM al_recent;
SELECT mlops.drop_monitor('quiet');
DROP VIEW al_recent;

-- rights
CREATE ROLE regress_al_reader;
CREATE ROLE regress_al_manager;
SELECT mlops.grant_model('al', 'regress_al_reader', 'read'), mlops.grant_model('al', 'regress_al_manager', 'manage');
SET ROLE regress_al_reader;
SELECT count(*) > 0 AS alerts FROM mlops.alerts;
SELECT mlops.create_alert_rule('al', name => 'mine');
SELECT mlops.drop_alert_rule('al');
SELECT mlops.acknowledge(alert_id) FROM mlops.alerts ORDER BY alert_id LIMIT 1;
RESET ROLE;
SELECT mlops.revoke_model('al', 'regress_al_reader', 'read');
SET ROLE regress_al_reader;
SELECT (SELECT count(*) FROM mlops.alerts), (SELECT count(*) FROM mlops.alert_rules);
SET ROLE regress_al_manager;
SELECT mlops.create_alert_rule('al', name => 'regress_al', severity => 'info');
SELECT mlops.drop_alert_rule('regress_al');
RESET ROLE;

SELECT mlops.drop_model('al');
SELECT count(*) FROM mlops.alert a WHERE NOT EXISTS (SELECT FROM mlops.model m WHERE m.model_id = a.model_id);
DROP ROLE regress_al_reader, regress_al_manager;
DROP TABLE al_rows, al_train, al_quiet;
DROP FUNCTION al_day;

-- the examples of docs/reference.md
CREATE TABLE shopping AS
SELECT i AS id, timestamptz '2024-03-01 00:00+00' + i * interval '6 minutes' AS at,
       abs(hashint4(i)) % 40 + CASE WHEN i >= 1200 THEN 20 ELSE 0 END AS pages,
       abs(hashint4(i + 7)) % 50 AS minutes,
       abs(hashint4(i)) % 40 + abs(hashint4(i + 3)) % 20 > 30 AS bought
FROM generate_series(0, 1679) i;
SELECT version
FROM mlops.train('buys', 'SELECT * FROM shopping WHERE at < ''2024-03-04 00:00+00''', 'bought',
                 exclude => 'id', event_time => 'at', params => '{"num_boost_round": 5}');
SELECT mlops.create_monitor('buys', 'shopping', start_at => '2024-03-04 00:00+00');
SELECT mlops.create_alert_rule('buys', events => '{drift,no_data,failure}');
SELECT window_start::date, status FROM mlops.run_monitor('buys', until => '2024-03-08 00:00+00');
SELECT event, subject, severity, state, first_seen_at::date, last_seen_at::date, n_seen, message
FROM mlops.alerts WHERE model = 'buys';
SELECT mlops.acknowledge(alert_id, 'the new site has more pages')
FROM mlops.alerts WHERE model = 'buys' AND state = 'open';
SELECT mlops.drop_alert_rule('buys');
SELECT mlops.schedule('buys', NULL) > 0 AS scheduled;
SELECT mlops.run_job(job_id) ~ '^monitor buys: windows computed: \d+$' AS done
FROM mlops.schedules WHERE name = 'monitor buys';
SELECT mlops.drop_model('buys');
DROP TABLE shopping;
