-- Rules of alerts, and what becomes of alerts, by windows of a stream.
SET client_min_messages = warning;
SET timezone = 'UTC';
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
