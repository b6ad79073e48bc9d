-- Monitors: windows of a source, looked at one after the other.
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET IntervalStyle = 'postgres';
CREATE FUNCTION raises(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN SQLSTATE || ' ' || SQLERRM || coalesce(' | ' || nullif(hint, ''), '');
END $$;
-- a window of a monitor as it is told here
CREATE FUNCTION told(monitor text, until timestamptz, max_windows integer DEFAULT 1000, recompute interval DEFAULT NULL)
RETURNS SETOF text LANGUAGE sql AS $$
	SELECT concat_ws(' ', to_char(window_start, 'MM-DD HH24:MI'), state, status, n_rows, n_labelled,
		regexp_replace(split_part(message, E'\n', 1), ' [-.e0-9]+ \(', ' (', 'g'))
	FROM mlops.run_monitor(monitor, until, max_windows, recompute) ORDER BY window_start $$;

-- the examples of docs/reference.md
CREATE TABLE visit AS
SELECT i AS id, timestamp '2024-01-01' + i * interval '10 minutes' AS at,
       i % 10 / 10.0 AS age, (i * 7919) % 1000 / 1000.0 AS income,
       (ARRAY['north', 'south', 'west'])[1 + i % 3] AS region,
       (i * 104729) % 1000 < (i % 10 * 100 + (i * 7919) % 1000) / 2.0 AS bought
FROM generate_series(1, 8000) i;
SELECT version FROM mlops.train('bought',
                 'SELECT age, income, region, at, bought FROM visit WHERE id <= 4000',
                 target => 'bought', exclude => 'at', event_time => 'at',
                 params => '{"max_depth": 3, "num_boost_round": 30}');
SELECT mlops.create_monitor('bought', 'visit', window_size => '7 days',
                            start_at => '2024-01-29');
SELECT window_start, state, status, n_rows, n_labelled
FROM mlops.run_monitor('bought', until => '2024-02-20');
SELECT DISTINCT measure, metric, status
FROM mlops.monitor_results
WHERE monitor = 'bought' AND feature = '' AND metric IN ('drifted_share', 'roc_auc');
SELECT feature, metric, status
FROM mlops.drift_latest
WHERE monitor = 'bought' AND feature <> '' AND metric = 'psi' ORDER BY feature;
SELECT monitor, windows, failed, last_window, last_state, last_status, next_due
FROM mlops.monitors;
SELECT window_start, state, version, n_rows, runs FROM mlops.monitor_windows ORDER BY 1;

-- labels that come later
CREATE TABLE outcome (visit_id integer, result boolean);
INSERT INTO outcome SELECT id, bought FROM visit WHERE id < 5000;
SELECT mlops.set_label_source('bought', 'SELECT visit_id AS id, result FROM outcome',
                              key => 'id');
SELECT mlops.create_monitor('bought', 'SELECT id, at, age, income, region FROM visit',
                            name => 'late labels', window_size => '1 day',
                            start_at => '2024-02-03', lateness => '6 hours',
                            metrics => '{accuracy,roc_auc}',
                            thresholds => '{"accuracy": 0.6, "roc_auc": [0.7, 0.6]}');
SELECT * FROM told('late labels', until => '2024-02-07 05:59');
INSERT INTO outcome SELECT id, bought FROM visit WHERE id BETWEEN 5000 AND 6000;
SELECT * FROM told('late labels', until => '2024-02-07 06:00');
-- nothing has changed
SELECT * FROM told('late labels', until => '2024-02-07 06:00');
SELECT metric, threshold FROM mlops.monitor_results
WHERE monitor = 'late labels' AND window_start = '2024-02-05' ORDER BY metric;
SELECT mlops.alter_monitor('late labels', thresholds => '{"accuracy": 0.99}');
SELECT mlops.drop_monitor('late labels');

-- a metric is that of mlops.evaluate(), and a figure that of mlops.drift()
SELECT count(*) AS metrics, count(*) FILTER (WHERE (r.value, r.ci_low, r.ci_high, r.n) IS DISTINCT FROM (e.value, e.ci_low, e.ci_high, e.n)) AS differ
FROM (SELECT * FROM mlops.monitor_results WHERE measure = 'performance' AND window_start = '2024-02-05') r
FULL JOIN mlops.evaluate('bought', $$SELECT * FROM visit WHERE at >= '2024-02-05' AND at < '2024-02-12'$$) e USING (metric);
SELECT count(*) AS figures, count(*) FILTER (WHERE r.value IS DISTINCT FROM d.psi OR r.n IS DISTINCT FROM d.n OR r.importance IS DISTINCT FROM d.importance) AS differ
FROM (SELECT * FROM mlops.monitor_results WHERE metric = 'psi' AND window_start = '2024-02-05') r
FULL JOIN (SELECT * FROM mlops.drift('bought', $$SELECT * FROM visit WHERE at >= '2024-02-05' AND at < '2024-02-12'$$) WHERE kind <> 'model') d USING (feature);
SELECT r.status = d.status AND r.value = d.value AND r.threshold = d.threshold AS same
FROM mlops.monitor_results r, mlops.drift('bought', $$SELECT * FROM visit WHERE at >= '2024-02-05' AND at < '2024-02-12'$$) d
WHERE r.metric = 'drifted_share' AND window_start = '2024-02-05' AND d.kind = 'model';

-- drift, against the baseline and against the window before; segments
CREATE TABLE moved AS SELECT id, at::timestamptz AS at, age, CASE WHEN at >= '2024-02-10' THEN income + 5 ELSE income END AS income,
	CASE WHEN at >= '2024-02-10' THEN 'west' ELSE region END AS region, bought FROM visit WHERE id > 4000;
SELECT mlops.create_monitor('bought', 'moved', 'at', '1 week', name => 'moved', segments => 'region',
	metrics => '{psi,ks,consecutive_drift}', thresholds => '{"ks": 0.3, "psi": [0.2, 0.4], "drifted_share": 0.4}');
SELECT * FROM told('moved', '2024-03-01');
SELECT measure, slice, feature, kind, metric, status, n FROM mlops.monitor_results
WHERE monitor = 'moved' AND window_start = '2024-02-05' AND (feature = 'income' OR feature = '') ORDER BY 1, 2, 3, 5;
SELECT measure, window_start, status FROM mlops.monitor_results
WHERE monitor = 'moved' AND feature = 'income' AND slice = '{}' AND metric = 'psi' ORDER BY 1, 2;
SELECT mlops.drop_monitor('moved');

-- a baseline that is a source, and estimates without labels
SELECT mlops.create_monitor('bought', 'SELECT age, income, region, at FROM visit', 'at', '1 week', name => 'blind',
	metrics => '{drift,estimate}', features => '{age,income}', baseline_source => 'SELECT * FROM visit WHERE id > 4000', start_at => '2024-02-05');
SELECT * FROM told('blind', '2024-02-20');
SELECT measure, metric, status, ci_low < value AND value < ci_high AS inside, n FROM mlops.monitor_results
WHERE monitor = 'blind' AND feature = '' AND window_start = '2024-02-05' AND metric IN ('accuracy', 'roc_auc', 'drifted_share') ORDER BY 1, 2;
SELECT mlops.alter_monitor('blind', metrics => '{estimated_accuracy}', thresholds => '{"estimated_accuracy": 0.99}');
SELECT * FROM told('blind', '2024-02-26');
SELECT mlops.drop_monitor('blind');

-- rates of drift, and thresholds that are learned from the rows of a baseline
SELECT mlops.create_monitor('bought', 'SELECT at, CASE WHEN id % 3 > 0 THEN age END AS age, income + 1 AS income, ''far'' || region AS region FROM visit', 'at', '1 week',
	name => 'rates', metrics => '{missing,unseen,out_of_range,psi}', thresholds => '{"missing": 0.1, "unseen": 0.1, "out_of_range": 0.1, "psi": "learned"}',
	baseline_source => 'SELECT age, income, region FROM visit WHERE id <= 4000', start_at => '2024-02-05');
SELECT * FROM told('rates', '2024-02-13');
SELECT feature, metric, status, round(value::numeric, 2) AS value, threshold < 0.25 AS low FROM mlops.monitor_results
WHERE monitor = 'rates' AND kind IN ('number', 'category') ORDER BY 1, 2;
SELECT mlops.drop_monitor('rates');
SELECT raises($$SELECT mlops.create_monitor('bought', 'visit', 'at', name => 'x', thresholds => '{"psi": "learned"}')$$);

-- performance that falls
SELECT mlops.create_monitor('bought', 'SELECT *, CASE WHEN at < ''2024-02-12'' THEN bought ELSE NOT bought END AS truth FROM visit', name => 'worse',
	target => 'truth', window_size => '7 days', start_at => '2024-02-05');
SELECT mlops.set_label_source('bought', NULL, NULL);
SELECT told('worse', '2024-02-20');
SELECT metric, status, threshold > 0.5 AS expected FROM mlops.monitor_results
WHERE monitor = 'worse' AND window_start = '2024-02-12' AND metric IN ('roc_auc', 'base_rate', 'accuracy') ORDER BY 1;
SELECT mlops.drop_monitor('worse');

-- catching up, late rows, and windows without any
CREATE TABLE stream (LIKE visit);
SELECT mlops.create_monitor('bought', 'stream', window_size => '6 hours', name => 'stream', thresholds => '{"min_rows": 10}');
SELECT told('stream', '2024-02-01');
INSERT INTO stream SELECT * FROM visit WHERE at >= '2024-02-01 03:00' AND at < '2024-02-01 06:00';
SELECT told('stream', '2024-02-01 12:00');
SELECT told('stream', '2024-02-03', max_windows => 2);
INSERT INTO stream SELECT * FROM visit WHERE at >= '2024-02-01 06:00' AND at < '2024-02-01 12:00';
INSERT INTO stream SELECT * FROM visit WHERE at >= '2024-02-02 12:00' AND at < '2024-02-02 14:00';
SELECT told('stream', '2024-02-03', max_windows => 2);
SELECT told('stream', '2024-02-03');
-- a clock that goes back, and a source that forgets
SELECT told('stream', '2024-02-01');
DELETE FROM stream WHERE at < '2024-02-01 12:00';
SELECT told('stream', '2024-02-03');
INSERT INTO stream SELECT * FROM visit WHERE at < '2024-02-01 12:00' AND at >= '2024-01-31';
SELECT told('stream', '2024-02-05', recompute => '1 day');
SELECT told('stream', '2024-02-05');
SELECT window_start, n_rows, runs FROM mlops.monitor_windows WHERE monitor = 'stream' AND (runs > 1 OR n_rows > 0) ORDER BY 1;
-- rows that were held up for long come all at once
CREATE TABLE held (LIKE visit);
INSERT INTO held SELECT * FROM visit WHERE at < '2024-01-03';
SELECT mlops.create_monitor('bought', 'held', name => 'held', metrics => 'drift');
SELECT told('held', '2024-01-04');
SELECT count(*), min(told), max(told) FROM told('held', '2024-01-30');
INSERT INTO held SELECT * FROM visit WHERE at >= '2024-01-03' AND at < '2024-01-06';
SELECT told('held', '2024-01-30');
SELECT mlops.drop_monitor('held');
DROP TABLE held;
-- rows without a time, or at its ends, are in no window
INSERT INTO stream (at, age) VALUES (NULL, 1), ('infinity', 1), ('-infinity', 1);
SELECT told('stream', '2024-02-05 06:00');

-- what goes wrong is said, and is no end
ALTER TABLE stream RENAME income TO earnings;
INSERT INTO stream SELECT * FROM visit WHERE at >= '2024-02-05 06:00' AND at < '2024-02-05 18:00';
SELECT told('stream', '2024-02-05 12:00');
SELECT state, error, error_code, version FROM mlops.monitor_windows WHERE monitor = 'stream' ORDER BY window_start DESC LIMIT 1;
ALTER TABLE stream RENAME at TO happened;
SELECT told('stream', '2024-02-05 18:00');
-- without a window to say it of, it is an error
SELECT raises($$SELECT told('stream', '2024-02-05 18:00')$$);
ALTER TABLE stream RENAME happened TO at;
ALTER TABLE stream RENAME earnings TO income;
SELECT told('stream', '2024-02-05 18:00');
SELECT state, error, runs FROM mlops.monitor_windows WHERE monitor = 'stream' ORDER BY window_start DESC LIMIT 2;
-- labels that are not unique, of one window only
CREATE TABLE label (id integer, bought boolean);
INSERT INTO label SELECT id, bought FROM stream WHERE at >= '2024-02-05';
INSERT INTO label SELECT id, bought FROM stream WHERE at = '2024-02-05 07:00';
SELECT mlops.set_label_source('bought', 'label', 'id', 'bought');
SELECT mlops.create_monitor('bought', 'stream', window_size => '6 hours', name => 'labels', start_at => '2024-02-05', metrics => 'performance');
SELECT told('labels', '2024-02-05 18:00');
SELECT mlops.set_label_source('bought', 'SELECT DISTINCT id, NULL::boolean AS bought FROM label', 'id');
SELECT told('labels', '2024-02-05 18:00');
SELECT mlops.set_label_source('bought', 'SELECT DISTINCT id, bought FROM label', '{id}');
SELECT told('labels', '2024-02-05 18:00');
SELECT mlops.set_label_source('bought', NULL, NULL);
-- all-NULL columns
UPDATE stream SET age = NULL, income = NULL, region = NULL, bought = NULL;
SELECT mlops.create_monitor('bought', 'stream', window_size => '6 hours', name => 'empty', start_at => '2024-02-05 06:00');
SELECT told('empty', '2024-02-05 12:00');
SELECT feature, status, n FROM mlops.monitor_results WHERE monitor = 'empty' AND metric IN ('psi', 'drifted_share') ORDER BY 1;

-- versions: none, one that is gone, and the one that a window was seen with
SELECT version FROM mlops.train('idle', 'visit', 'bought', features => '{age,income}', deploy => false, params => '{"num_boost_round": 2}');
SELECT mlops.create_monitor('idle', 'visit', 'at', '14 days', start_at => '2024-01-01');
SELECT told('idle', '2024-01-30');
SELECT mlops.deploy('idle/1');
SELECT told('idle', '2024-01-30');
SELECT version FROM mlops.train('idle', 'visit', 'bought', features => '{age,income}', params => '{"num_boost_round": 3}', deploy => true);
UPDATE visit SET at = at - interval '20 days' WHERE id = 8000;
SELECT told('idle', '2024-02-12');
SELECT window_start, version, runs FROM mlops.monitor_windows WHERE monitor = 'idle' ORDER BY 1;
SELECT mlops.create_monitor('idle/1', 'visit', 'at', '14 days', name => 'pinned', start_at => '2024-01-15');
SELECT mlops.drop_version('idle/1');
SELECT told('pinned', '2024-02-12');

-- what is expected of a version: what it was on its test rows, or what its
-- challenger was before it was refitted on all rows; else it is not judged
SELECT version FROM mlops.train('idle', 'visit', 'bought', features => '{age,income}', params => '{"num_boost_round": 3}', test => 0, validation => 0, deploy => true);
SELECT mlops.create_monitor('idle/3', 'visit', 'at', '14 days', name => 'refitted', metrics => '{accuracy,roc_auc}', start_at => '2024-01-15');
SELECT told('refitted', '2024-01-30');
SELECT metric, status, threshold FROM mlops.monitor_results WHERE monitor = 'refitted' ORDER BY 1;
INSERT INTO mlops.decision (model_id, model, decided_at, action, dry_run, triggers, reason, champion, challenger, refitted, trainings, n_rows,
	metric, champion_value, challenger_value, checks, seconds, decided_by)
SELECT model_id, name, now(), 'promoted', false, '{age}', 'for a test', 1, 2, 3, 2, 1000, 'roc_auc', 0.9, 0.9999, '{}', 1, current_user
FROM mlops.model WHERE name = 'idle';
SELECT told('refitted', '2024-02-12');
SELECT r.metric, r.status <> 'none' AS bad, r.threshold BETWEEN 0.9 AND 0.9999 AS of_the_decision,
	   r.threshold BETWEEN m.value - 0.2 AND m.value AS of_the_challenger
FROM mlops.monitor_results r LEFT JOIN mlops.metrics m ON m.model = 'idle' AND m.version = 2 AND m.split = 'test' AND m.name = r.metric
WHERE r.monitor = 'refitted' AND r.window_start = '2024-01-29' ORDER BY 1;

-- every task, and a model from elsewhere
SET client_min_messages = error;
CREATE TABLE task AS SELECT i AS id, i * 37 % 101 AS a, i % 7 / 7.0::float8 AS b, 'c' || i * 37 % 101 / 34 AS class, i * 37 % 101 / 40 AS relevance,
	i / 10 AS question, 1 + i * 37 % 101 / 10.0::float8 AS lived, i % 4 <> 0 AS seen, timestamptz '2024-01-01 00:00+00' + i * interval '1 hour' AS at FROM generate_series(1, 1000) i;
SELECT version FROM mlops.train('task_class', 'task', 'class', features => '{a,b}', params => '{"num_boost_round": 5}');
SELECT version FROM mlops.train('task_rank', 'task', 'relevance', features => '{a,b}', query_group => 'question', params => '{"num_boost_round": 5}');
SELECT version FROM mlops.train('task_survival', 'task', 'lived', features => '{a,b}', event_observed => 'seen', params => '{"num_boost_round": 5}');
SELECT version FROM mlops.train('task_count', 'task', 'relevance', features => '{a,b}', params => '{"num_boost_round": 5, "objective": "count:poisson"}');
SELECT version FROM mlops.import_model('task_import', mlops.export_model('task_class/1', 'json'), target => 'class', classes => '{c0,c1,c2}');
SET client_min_messages = warning;
SELECT raises($$SELECT mlops.create_monitor('task_import', 'task', 'at')$$);
SELECT mlops.create_monitor(m, 'task', 'at', '14 days', metrics => CASE m WHEN 'task_import' THEN '{performance}' END::text[])
FROM unnest('{task_class,task_rank,task_survival,task_count,task_import}'::text[]) m;
SELECT m, array_agg(state ORDER BY window_start) FROM unnest('{task_class,task_rank,task_survival,task_count,task_import}'::text[]) m, mlops.run_monitor(m, '2024-02-10') GROUP BY 1 ORDER BY 1;
SELECT monitor, string_agg(metric || CASE WHEN threshold IS NULL THEN ' (not judged)' ELSE '' END, ', ' ORDER BY metric) FROM mlops.monitor_results
WHERE monitor ~ '^task_' AND window_start = '2024-01-15' AND measure = 'performance' GROUP BY 1 ORDER BY 1;
SELECT mlops.drop_model(m) FROM unnest('{task_class,task_rank,task_survival,task_count,task_import}'::text[]) m;
DROP TABLE task;

-- names that need quoting, and texts in other languages
CREATE TABLE "Größe""s" AS SELECT at AS "wann ""es"" war", age AS "Alter", income AS "in-come", region AS "Größe", bought AS "ja?", id AS "nr" FROM visit;
SELECT version FROM mlops.train('größe', '"Größe""s"', '"ja?"', features => '{Alter,in-come,Größe}', params => '{"num_boost_round": 2}');
SELECT mlops.set_label_source('größe', 'SELECT "nr", "ja?" AS "la bel" FROM "Größe""s"', '{nr}');
SELECT mlops.create_monitor('größe', '"Größe""s"', 'wann "es" war', '1 month', segments => '{Größe}', name => 'mon''itor "ü"');
SELECT told('mon''itor "ü"', '2024-03-01');
-- a label that is called as ours is, and a source that is a query with a comment at its end
CREATE VIEW odd AS SELECT *, 1 AS mlops_label FROM "Größe""s";
SELECT mlops.alter_monitor('mon''itor "ü"', source => 'SELECT * FROM odd WHERE nr > 0 -- all');
SELECT mlops.drop_monitor('mon''itor "ü"');

-- the time zone and the search path are those of who created it
CREATE SCHEMA here;
CREATE TABLE here.rows AS SELECT at::timestamptz AS at, age, income, region FROM visit WHERE id BETWEEN 4000 AND 5000;
SET search_path = here;
SET TimeZone = 'America/New_York';
SELECT mlops.create_monitor('bought', 'rows', 'at', '1 day', name => 'elsewhere', metrics => 'drift');
RESET search_path;
SET TimeZone = 'UTC';
SELECT told('elsewhere', '2024-01-31');
SHOW search_path;
SHOW TimeZone;
-- hours that the clocks skip: local time without a zone in the zone of a monitor
SET TimeZone = 'America/New_York';
CREATE TABLE skipped AS SELECT timestamp '2024-03-10 00:00' + i * interval '10 minutes' AS at, age, income, region FROM generate_series(0, 35) i JOIN visit ON id = i + 1;
SELECT mlops.create_monitor('bought', 'skipped', 'at', '1 hour', name => 'skipped', metrics => 'drift');
SELECT window_start, window_end, n_rows FROM mlops.run_monitor('skipped', '2024-03-10 06:00 America/New_York');
SELECT count(*) FROM mlops.run_monitor('skipped', '2024-03-10 06:00 America/New_York');
SET TimeZone = 'UTC';

-- months, dates, another interval style
CREATE TABLE dated AS SELECT at::date AS day, age, income, region, bought FROM visit;
SELECT mlops.create_monitor('bought', 'dated', 'day', '1 month', name => 'dated', metrics => 'drift');
SELECT told('dated', '2024-03-15');

-- switched off
SELECT mlops.alter_monitor('dated', enabled => false);
SELECT told('dated', '2024-05-15');
SELECT mlops.alter_monitor('dated', enabled => true);
SELECT told('dated', '2024-05-15');

-- errors
SELECT raises(format('SELECT mlops.create_monitor(%s)', args)) FROM (VALUES
	($$NULL, 'visit'$$), ($$'bought', NULL$$), ($$'nobody', 'visit'$$), ($$'bought', 'nowhere'$$),
	($$'größe', '"Größe""s"'$$), ($$'bought', 'visit'$$), ($$'bought', 'visit', 'att', name => 'x'$$),
	($$'bought', 'visit', 'age', name => 'x'$$), ($$'bought', 'visit', window_size => NULL, name => 'x'$$),
	($$'bought', 'visit', window_size => '-1 day', name => 'x'$$), ($$'bought', 'visit', segments => 'nothing', name => 'x'$$),
	($$'bought', 'visit', metrics => 'roc_uac', name => 'x'$$), ($$'bought', 'visit', metrics => 'no such thing at all', name => 'x'$$),
	($$'bought', 'visit', metrics => 'estimate', name => 'x'$$), ($$'bought', 'visit', metrics => 'estimated_nothing', name => 'x'$$),
	($$'bought', 'SELECT age, income, region, at FROM visit', metrics => 'roc_auc', name => 'x'$$),
	($$'bought', 'visit', thresholds => '[1]', name => 'x'$$), ($$'bought', 'visit', thresholds => '{"psi": "a"}', name => 'x'$$),
	($$'bought', 'visit', thresholds => '{"roc_auc": "a"}', name => 'x'$$), ($$'bought', 'visit', thresholds => '{"roc_auc": [1]}', name => 'x'$$),
	($$'bought', 'visit', thresholds => '{"nothing": 1}', name => 'x'$$), ($$'bought', 'visit', name => ''$$),
	($$'bought', 'visit', features => 'nothing', name => 'x'$$), ($$'bought', 'visit', target => 'nothing', name => 'x'$$),
	($$'bought', 'visit', target => '1 +', name => 'x'$$), ($$'bought', 'SELECT age, at FROM visit', name => 'x'$$),
	($$'bought', 'visit', baseline_source => 'SELECT age FROM visit', name => 'x'$$), ($$'bought', 'visit', lateness => '-1 s', name => 'x'$$),
	($$'bought', 'visit', start_at => 'infinity', name => 'x'$$), ($$'bought', 'DELETE FROM visit', name => 'x'$$)) x (args);
SELECT raises(s) FROM (VALUES
	($$SELECT mlops.run_monitor(NULL)$$), ($$SELECT mlops.run_monitor('nobody')$$), ($$SELECT mlops.run_monitor('dated', 'infinity')$$),
	($$SELECT mlops.run_monitor('dated', max_windows => 0)$$), ($$SELECT mlops.alter_monitor(NULL)$$), ($$SELECT mlops.alter_monitor('nobody')$$),
	($$SELECT mlops.alter_monitor('dated', source => 'nowhere')$$), ($$SELECT mlops.alter_monitor('dated', metrics => 'nothing')$$),
	($$SELECT mlops.drop_monitor(NULL)$$), ($$SELECT mlops.drop_monitor('nobody')$$), ($$SELECT mlops.set_label_source(NULL, 'label', 'id')$$),
	($$SELECT mlops.set_label_source('nobody', 'label', 'id')$$), ($$SELECT mlops.set_label_source('bought', 'label', NULL)$$),
	($$SELECT mlops.set_label_source('bought', 'label', '{}')$$), ($$SELECT mlops.set_label_source('bought', 'label', 'nothing')$$),
	($$SELECT mlops.set_label_source('bought', 'label', '{id}', 'nothing')$$), ($$SELECT mlops.set_label_source('bought', 'visit', '{id}')$$)) x (s);
-- a source without the key
SELECT mlops.set_label_source('bought', 'SELECT id AS nr, bought FROM label', 'nr');
SELECT raises($$SELECT mlops.create_monitor('bought', 'visit', name => 'x')$$);
SELECT mlops.set_label_source('bought', NULL, NULL);

-- rights
CREATE ROLE regress_mon_a;
CREATE ROLE regress_mon_b;
GRANT SELECT ON visit TO regress_mon_a, regress_mon_b;
GRANT EXECUTE ON FUNCTION told, raises TO PUBLIC;
SET ROLE regress_mon_a;
SELECT raises($$SELECT mlops.create_monitor('bought', 'visit', name => 'x')$$);
SELECT raises($$SELECT mlops.run_monitor('dated')$$), raises($$SELECT mlops.drop_monitor('dated')$$), raises($$SELECT mlops.alter_monitor('dated')$$),
	raises($$SELECT mlops.set_label_source('bought', NULL, NULL)$$);
SELECT count(*) FROM mlops.monitors;
SELECT raises('SELECT * FROM mlops.monitor');
RESET ROLE;
SELECT mlops.grant_model('bought', 'regress_mon_a', 'manage');
SELECT mlops.grant_model('bought', 'regress_mon_b', 'manage');
SET ROLE regress_mon_a;
-- what another role has written is not run with more rights than it has
SELECT raises($$SELECT mlops.create_monitor('bought', 'dated', 'day', name => 'x')$$);
SELECT mlops.create_monitor('bought', 'visit', window_size => '1 month', name => 'of a', metrics => 'drift');
SELECT told('of a', '2024-02-01');
RESET ROLE;
SELECT raises($$SELECT told('of a', '2024-03-01')$$);
SET ROLE regress_mon_b;
SELECT raises($$SELECT told('of a', '2024-03-01')$$);
SELECT mlops.alter_monitor('of a', enabled => true);
SELECT told('of a', '2024-03-01');
-- policies hide rows from who may not see them
RESET ROLE;
CREATE POLICY p ON visit USING (id % 2 = 0);
ALTER TABLE visit ENABLE ROW LEVEL SECURITY;
SET ROLE regress_mon_b;
SELECT mlops.create_monitor('bought', 'visit', window_size => '1 month', name => 'half', metrics => 'drift');
SELECT told('half', '2024-02-01');
-- a table that may not be read any more
RESET ROLE;
REVOKE SELECT ON visit FROM regress_mon_b;
SET ROLE regress_mon_b;
SELECT told('half', '2024-03-01');
RESET ROLE;
GRANT SELECT ON visit TO regress_mon_b;
-- a role that is gone
SELECT mlops.revoke_model('bought', 'regress_mon_b', 'manage');
REVOKE ALL ON visit FROM regress_mon_a, regress_mon_b;
DROP ROLE regress_mon_b;
SELECT raises($$SELECT told('half', '2024-03-01')$$);
SELECT mlops.alter_monitor('half', enabled => true);
SELECT told('half', '2024-03-01');
-- labels of another role
SET ROLE regress_mon_a;
SELECT mlops.set_label_source('bought', 'SELECT 1 AS id, true AS bought', 'id');
RESET ROLE;
SELECT raises($$SELECT told('half', '2024-04-01')$$);
-- not even planned, which may run functions that say they are immutable
SELECT raises($$SELECT mlops.create_monitor('bought', 'visit', name => 'x')$$), raises($$SELECT mlops.alter_monitor('half', lateness => '1 hour')$$);
SELECT mlops.set_label_source('bought', NULL, NULL);
SELECT mlops.revoke_model('bought', 'regress_mon_a', 'manage');
DROP ROLE regress_mon_a;

-- a cancel is an error, and leaves nothing
CREATE FUNCTION slow(x numeric) RETURNS numeric LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(10); RETURN x; END $$;
SELECT mlops.create_monitor('bought', 'SELECT at, age, region, slow(income) AS income FROM visit', window_size => '7 days', name => 'slow', metrics => 'drift', start_at => '2024-01-29');
SET statement_timeout = '1s';
SELECT raises($$SELECT mlops.run_monitor('slow', '2024-02-20')$$);
RESET statement_timeout;
SELECT count(*) FROM mlops.monitor_windows WHERE monitor = 'slow';

-- a model takes its monitors with it
SELECT mlops.drop_model(m) FROM unnest('{bought,idle,größe}'::text[]) m;
SELECT count(*) FROM mlops.monitor_results;
DROP FUNCTION slow, told, raises;
DROP TABLE visit, outcome, moved, stream, label, dated, skipped;
DROP VIEW odd;
DROP TABLE "Größe""s";
DROP SCHEMA here CASCADE;
