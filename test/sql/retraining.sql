-- Retraining: challengers, gates, guard, limits, and what becomes of errors.
-- Metrics depend on the library, so decisions are shown and not their figures.
SET client_min_messages = warning;
SET TimeZone = 'UTC';

-- What makes y true turns round at row 3000: an old model is then wrong.
CREATE TABLE web_visit AS
SELECT i AS id, timestamptz '2024-01-01' + i * interval '1 hour' AS seen_at,
       (i * 37) % 100 AS pages, (i * 61) % 50 AS minutes,
       (ARRAY['north', 'south'])[1 + i % 2] AS region,
       CASE WHEN i < 3000 THEN (i * 37) % 100 > 50
            ELSE (i * 37) % 100 < 50 END <> (i % 17 = 0) AS bought
FROM generate_series(1, 4000) i;
CREATE FUNCTION hour(i int) RETURNS timestamptz LANGUAGE sql IMMUTABLE
RETURN timestamptz '2024-01-01 00:00+00' + i * interval '1 hour';
CREATE VIEW said AS
SELECT action, dry_run AS dry, triggers, champion AS champ, challenger AS chall, refitted AS refit, trainings AS t,
       n_rows, metric, gain > 0 AS better, probability > 0.5 AS likely, ci_low <= gain AND gain <= ci_high AS inside,
       error_code AS code, data_until
FROM mlops.decisions WHERE model = 'buyer' ORDER BY decision_id;

SELECT version, rows_train
FROM mlops.train('buyer', 'SELECT * FROM web_visit WHERE id <= 2900', 'bought',
    key => 'id', event_time => 'seen_at', exclude => 'seen_at',
    params => '{"num_boost_round": 20, "max_depth": 3}');

-- errors, before anything is done
SELECT mlops.retrain('nobody');
SELECT mlops.retrain('buyer', force => false);
SELECT mlops.retrain('buyer', until => 'infinity');
SELECT mlops.drop_retraining_policy('buyer');
SELECT mlops.set_retraining_policy('buyer', trigger_on => 'moon');
SELECT mlops.set_retraining_policy('buyer', trigger_on => '{}');
SELECT mlops.set_retraining_policy('buyer', gate => '{"metrics": "roc_auc"}');
SELECT mlops.set_retraining_policy('buyer', gate => '{"metric": "rock"}');
SELECT mlops.set_retraining_policy('buyer', gate => '{"min_gain": "much"}');
SELECT mlops.set_retraining_policy('buyer', gate => '{"min_probability": 2}');
SELECT mlops.set_retraining_policy('buyer', gate => '{"slices": ["region"]}');
SELECT mlops.set_retraining_policy('buyer', gate => '{"fairness": {"columns": "region"}}');
SELECT mlops.set_retraining_policy('buyer', gate => '{"floors": {"accuracy": null}}');
SELECT mlops.set_retraining_policy('buyer', gate => '[]');
SELECT mlops.set_retraining_policy('buyer', max_age => '-1 day');
SELECT mlops.set_retraining_policy('buyer', max_per_day => 0);
SELECT mlops.set_retraining_policy('buyer', refit => NULL);
-- the recorded source ends where the champion's rows do
SELECT action, reason FROM mlops.retrain('buyer', until => hour(3600));

-- the examples of docs/reference.md
SELECT mlops.set_retraining_policy('buyer', trigger_on => '{performance,age}',
           source => 'web_visit', event_time => 'seen_at', max_age => '20 days',
           memory => '20 days',
           gate => '{"metric": "log_loss", "floors": {"accuracy": 0.5}}');
SELECT action, challenger IS NULL AS undone
FROM mlops.retrain('buyer', dry_run => true, until => '2024-05-25');
SELECT action, champion, challenger, refitted, gain > 0 AS better
FROM mlops.retrain('buyer', until => '2024-05-25');
SELECT action, trainings, metric, checks -> 0 -> 'check' AS first_check
FROM mlops.decisions WHERE model = 'buyer' ORDER BY decision_id DESC LIMIT 1;

-- the champion changed in one step, and the runs say why
SELECT version, rows_train, rows_test, trigger_kind, arguments ->> 'description' AS description,
       event_time_max, arguments -> 'recipe' ->> 'source' AS source, arguments -> 'params' ? 'num_boost_round' AS fixed
FROM mlops.runs WHERE model = 'buyer' ORDER BY version;
SELECT version, action, note LIKE 'log_loss % against % of version 1 on % new rows: better by %' AS note
FROM mlops.deployments WHERE model = 'buyer' AND current;
-- no row of the hold-out was trained on by the challenger
SELECT d.n_rows = r.rows_test AS tested, d.n_rows = (SELECT count(*) FROM web_visit WHERE seen_at > r.event_time_max AND seen_at < d.data_until) AS later
FROM mlops.decisions d JOIN mlops.runs r ON r.model = d.model AND r.version = d.challenger;
-- what the gate saw is what compare() sees, to the last digit
SELECT d.challenger_value = c.value AND d.champion_value = c.other_value AND d.gain = -c.difference
       AND d.ci_low = -c.ci_high AND d.ci_high = -c.ci_low AS same
FROM mlops.decisions d,
     LATERAL mlops.compare('buyer/2', 'buyer/1', format('SELECT * FROM web_visit WHERE seen_at > %L AND seen_at < %L',
         (SELECT event_time_max FROM mlops.runs WHERE model = 'buyer' AND version = 2), d.data_until)) c
WHERE d.challenger = 2 AND c.metric = 'log_loss';
-- a training by hand with the same rows gives the same bytes
SELECT version FROM mlops.train('by_hand', 'SELECT * FROM web_visit WHERE seen_at >= ''2024-05-05'' AND seen_at < ''2024-05-25''', 'bought', key => 'id', event_time => 'seen_at',
    exclude => 'seen_at', split => 'none', params => (SELECT arguments -> 'params' FROM mlops.runs WHERE model = 'buyer' AND version = 3));
SELECT count(*), count(DISTINCT model_sha256) FROM mlops.versions WHERE (model, version) IN (('by_hand', 1), ('buyer', 3));

-- not due, then cooldown, age and too few rows; what is the same is said once
SELECT action, reason, decision_id IS NULL AS silent FROM mlops.retrain('buyer', force => false, until => '2024-05-26');
SELECT mlops.set_retraining_policy('buyer', trigger_on => '{new_rows,schedule}', source => 'web_visit', min_new_rows => 24, cooldown => '2 days', max_per_day => 2);
SELECT action, reason, triggers FROM mlops.retrain('buyer', force => false, until => '2024-05-26 12:00');
SELECT action, decision_id IS NULL AS silent FROM mlops.retrain('buyer', force => false, until => '2024-05-26 13:00');
SELECT mlops.set_retraining_policy('buyer', trigger_on => '{schedule}', source => 'web_visit', cooldown => '0', max_per_day => 1);
SELECT action, reason FROM mlops.retrain('buyer', force => false, until => '2024-05-25 18:00');
SELECT action, reason FROM mlops.retrain('buyer', force => false, until => '2024-05-27 00:00');
-- a clock that went back sees no later decision, and no new row
SELECT action, reason FROM mlops.retrain('buyer', force => false, until => '2024-03-01');
SELECT mlops.set_retraining_policy('buyer', source => 'web_visit', enabled => false, trigger_on => 'schedule');
SELECT action, reason FROM mlops.retrain('buyer', force => false, until => '2024-06-01');

-- a gate that cannot be passed keeps the champion, whatever else holds
SELECT mlops.set_retraining_policy('buyer', source => 'web_visit', cooldown => '0', trigger_on => 'schedule',
    gate => '{"min_gain": -10, "min_probability": 0, "floors": {"roc_auc": 1.01}, "slices": "region", "max_slice_loss": 0,
              "fairness": {"columns": ["region"], "max_difference": 0}, "max_latency": 1e6, "holdout": 0.5}');
SELECT action, reason LIKE 'roc_auc is %, and must be at least 1.01' AS reason, challenger FROM mlops.retrain('buyer', force => false, until => '2024-06-10');
SELECT regexp_replace(c ->> 'check', 'loss in .*', 'loss') AS "check", (c ->> 'bound')::float8 AS bound, c ->> 'value' IS NOT NULL AS told, CASE WHEN c ->> 'check' !~ 'loss|fairness' THEN c -> 'ok' END AS ok
FROM mlops.decisions, jsonb_array_elements(checks) c WHERE decision_id = (SELECT max(decision_id) FROM mlops.decisions) ORDER BY (c ->> 'check') COLLATE "C";
SELECT serving FROM mlops.models WHERE model = 'buyer';
-- without refit the challenger itself serves; memory leaves old rows out
SELECT mlops.set_retraining_policy('buyer', source => 'web_visit', cooldown => '0', refit => false, memory => '30 days', trigger_on => 'schedule',
    gate => '{"min_gain": -10, "min_probability": 0}');
SELECT action, challenger, refitted, trainings FROM mlops.retrain('buyer', 'quarter end', until => '2024-06-10');
SELECT version, event_time_min, rows_train, rows_test FROM mlops.runs WHERE model = 'buyer' AND version = 5;

-- the guard: with that gate a bad version is promoted, and taken back
CREATE TABLE fooled AS SELECT * FROM web_visit WHERE id < 3840;
INSERT INTO fooled SELECT id, seen_at, pages, minutes, region, NOT bought FROM web_visit WHERE id BETWEEN 3840 AND 3900;
INSERT INTO fooled SELECT * FROM web_visit WHERE id > 3900;
SELECT mlops.set_retraining_policy('buyer', source => 'fooled', cooldown => '0', memory => '3 days', trigger_on => 'schedule', min_new_rows => 50,
    gate => '{"min_gain": -10, "min_probability": 0}');
SELECT action, champion, challenger, refitted FROM mlops.retrain('buyer', 'oops', until => hour(3901));
SELECT mlops.set_retraining_policy('buyer', source => 'fooled', cooldown => '0', trigger_on => 'age', min_new_rows => 50);
SELECT action, champion, challenger, gain < 0 AS worse, trainings,
       reason ~ '^log_loss .* of version 7 against .* of version 5 on 98 rows since its promotion$' AS reason
FROM mlops.retrain('buyer', force => false, until => hour(3999));
SELECT version, action FROM mlops.deployments WHERE model = 'buyer' ORDER BY valid_from DESC LIMIT 1;
-- and only once
SELECT action, reason FROM mlops.retrain('buyer', force => false, until => hour(4000));

-- a source that lost a column, again and again: the breaker opens
SELECT mlops.set_retraining_policy('buyer', source => 'SELECT * FROM web_visit WHERE id < 5000', cooldown => '0', trigger_on => 'schedule', max_failures => 2, guard => false,
    gate => '{"min_gain": -10, "min_probability": 0}');
ALTER TABLE web_visit RENAME COLUMN pages TO sheets;
SELECT action, reason FROM mlops.retrain('buyer', force => false, until => hour(4001));
SELECT action, reason FROM mlops.retrain('buyer', force => false, until => hour(4002));
SELECT action, reason FROM mlops.retrain('buyer', force => false, until => hour(4003));
SELECT action, decision_id IS NULL AS silent FROM mlops.retrain('buyer', force => false, until => hour(4004));
SELECT breaker_open, last_action, summary FROM mlops.watch_status WHERE model = 'buyer';
ALTER TABLE web_visit RENAME COLUMN sheets TO pages;
SELECT action FROM mlops.retrain('buyer', force => false, until => hour(4005));
SELECT action FROM mlops.retrain('buyer', until => hour(4006));
SELECT breaker_open, last_action FROM mlops.watch_status WHERE model = 'buyer';
SELECT mlops.drop_retraining_policy('buyer');
SELECT line FROM mlops.watch('buyer', 'web_visit', window_size => '7 days',
                             schedule => NULL) line LIMIT 3;
SELECT mlops.unwatch('buyer');
DROP TABLE web_visit CASCADE;
SELECT action, reason FROM mlops.retrain('buyer', until => hour(4007));
SELECT * FROM said;

-- labels come later, from elsewhere, or never
CREATE TABLE ride AS SELECT i AS id, timestamp '2024-01-01' + i * interval '1 hour' AS at, i % 24 AS hour, 10 + 3 * (i % 24) + (i * 37) % 7 AS cost
FROM generate_series(1, 2000) i;
CREATE TABLE bill AS SELECT id, cost FROM ride;
CREATE VIEW trip AS SELECT id, at, hour FROM ride;
SELECT version FROM mlops.train('fare', 'SELECT * FROM ride WHERE id <= 1000', 'cost', key => 'id', event_time => 'at', exclude => 'at',
    params => '{"num_boost_round": 10, "early_stopping_rounds": 0}');
SELECT mlops.set_retraining_policy('fare', source => 'trip', gate => '{"min_gain": -100, "min_probability": 0}');
SELECT action, reason FROM mlops.retrain('fare', until => '2024-03-01');
SELECT mlops.set_label_source('fare', 'SELECT id, cost FROM bill', key => 'id');
SELECT action, metric, trainings FROM mlops.retrain('fare', until => '2024-03-01');
UPDATE bill SET cost = NULL WHERE id > 1500;
SELECT action, reason FROM mlops.retrain('fare', until => '2024-03-20');
INSERT INTO bill VALUES (1, 1);
SELECT action, reason FROM mlops.retrain('fare', until => '2024-03-20');
SELECT error_code FROM mlops.decisions WHERE model = 'fare' ORDER BY decision_id DESC LIMIT 1;
SELECT mlops.set_label_source('fare', NULL, NULL);

-- rolled back with its transaction: nothing is left
BEGIN;
SELECT mlops.set_retraining_policy('fare', source => 'ride', gate => '{"min_gain": -100, "min_probability": 0}');
SELECT action, refitted FROM mlops.retrain('fare', until => '2024-03-20');
ROLLBACK;
SELECT m.serving, m.versions, (SELECT count(*) FROM mlops.decisions d WHERE d.model = m.model) AS decisions FROM mlops.models m WHERE model = 'fare';
-- a dry run leaves its row only
SELECT mlops.set_retraining_policy('fare', source => 'ride', gate => '{"min_gain": -100, "min_probability": 0}');
SELECT action, challenger, refitted, trainings FROM mlops.retrain('fare', dry_run => true, until => '2024-03-20');
SELECT m.serving, m.versions, (SELECT count(*) FROM mlops.decisions d WHERE d.model = m.model) AS decisions FROM mlops.models m WHERE model = 'fare';
-- two in one statement: the second sees what the first did
SELECT action, champion, refitted FROM generate_series(1, 2) i, mlops.retrain('fare', until => timestamptz '2024-03-10' + i * interval '7 days');

-- a model without event_time, or one that nothing serves
SELECT version FROM mlops.train('plain', 'SELECT hour, cost FROM ride', 'cost', params => '{"num_boost_round": 2}');
SELECT action, reason FROM mlops.retrain('plain');
SELECT mlops.drop_alias('plain', 'champion');
SELECT action, reason FROM mlops.retrain('plain');

-- other ways to split, weights, groups: the recipe is gone on with
CREATE TABLE rank AS SELECT i AS id, i / 10 AS q, timestamp '2024-01-01' + i * interval '1 hour' AS at, (i * 37) % 11 AS a, ((i * 37) % 11) / 4 AS grade,
    CASE WHEN i % 5 = 0 THEN 'test' WHEN i % 5 = 1 THEN 'validation' ELSE 'train' END AS part, 1 + i % 3 AS w FROM generate_series(1, 1500) i;
SELECT version FROM mlops.train('ranked', 'SELECT id, q, at, a, grade FROM rank WHERE id <= 1000', 'grade', key => 'id', query_group => 'q', event_time => 'at', exclude => 'at', params => '{"num_boost_round": 5}');
SELECT version FROM mlops.train('parted', 'SELECT * FROM rank WHERE id <= 1000', 'grade', key => 'id', event_time => 'at', exclude => '{at,q}', weight => 'w',
    split => 'column', split_column => 'part', task => 'multiclass', params => '{"num_boost_round": 30, "early_stopping_rounds": 2}');
SELECT mlops.set_retraining_policy(m, source => 'rank', gate => '{"min_gain": -100, "min_probability": 0}') FROM unnest('{parted}'::text[]) m;
SELECT mlops.set_retraining_policy('ranked', source => 'SELECT id, q, at, a, grade FROM rank', gate => '{"min_gain": -100, "min_probability": 0}');
SELECT action, metric, trainings, refitted FROM mlops.retrain('ranked', until => '2024-03-01');
SELECT action, metric, trainings, refitted FROM mlops.retrain('parted', until => '2024-03-01');
SELECT r.version, r.rows_train, r.rows_validation, r.rows_test
FROM mlops.runs r WHERE model = 'parted' ORDER BY 1;

-- rights: who may not manage, who may not read the source, whose text it is
CREATE ROLE regress_keeper;
CREATE ROLE regress_guest;
SELECT mlops.grant_model('fare', 'regress_keeper', 'manage');
SELECT mlops.grant_model('fare', 'regress_guest', 'predict');
SET ROLE regress_guest;
SELECT mlops.retrain('fare');
SELECT mlops.set_retraining_policy('fare');
SELECT mlops.drop_retraining_policy('fare');
SELECT count(*) FROM mlops.decisions;
SET ROLE regress_keeper;
SELECT action, reason FROM mlops.retrain('fare', until => '2024-03-25');
SELECT mlops.set_retraining_policy('fare', source => 'ride');
SELECT action, reason FROM mlops.retrain('fare', until => '2024-03-25');
SELECT count(*) > 0 AS some FROM mlops.decisions;
SELECT model, trigger_on, source, created_by FROM mlops.retraining_policies;
RESET ROLE;
SELECT action, reason FROM mlops.retrain('fare', until => '2024-03-25');

-- nor is an expression of his run, unless it can only compute
GRANT SELECT ON ride TO regress_keeper;
CREATE FUNCTION doubled(numeric) RETURNS numeric LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN $1 * 2; END $$;
SET ROLE regress_keeper;
SELECT version FROM mlops.train('keeper', 'SELECT * FROM ride WHERE id <= 1000', 'doubled(cost)', key => 'id', event_time => 'at', exclude => 'at', params => '{"num_boost_round": 2}');
SELECT version FROM mlops.train('keeper', 'SELECT * FROM ride WHERE id <= 1000', 'cost * 2', key => 'id', event_time => 'at', exclude => 'at', params => '{"num_boost_round": 2}');
RESET ROLE;
SELECT mlops.set_retraining_policy('keeper', source => 'ride', gate => '{"min_gain": -100, "min_probability": 0}');
SELECT action, reason FROM mlops.retrain('keeper', until => '2024-03-25');
SELECT mlops.deploy('keeper/2');
SELECT action FROM mlops.retrain('keeper', until => '2024-03-25');
SET ROLE regress_keeper;
SELECT action FROM mlops.retrain('keeper', until => '2024-03-26');
RESET ROLE;
SELECT mlops.drop_model('keeper');
DROP FUNCTION doubled;

-- a new class, which the champion cannot tell
SELECT version FROM mlops.train('grown', $$SELECT id, at, hour, CASE WHEN hour > 11 THEN 'b' ELSE 'a' END AS c FROM ride WHERE id <= 1000$$, 'c', key => 'id', event_time => 'at', exclude => 'at', params => '{"num_boost_round": 2}');
SELECT mlops.set_retraining_policy('grown', source => $$SELECT id, at, hour, CASE WHEN hour > 11 AND id > 1000 THEN 'c' WHEN hour > 11 THEN 'b' ELSE 'a' END AS c FROM ride$$);
SELECT action, reason, trainings FROM mlops.retrain('grown', until => '2024-03-25');
SELECT mlops.drop_model('grown');

-- names that need quotes, a search path of the policy's, a model that goes
CREATE SCHEMA "Über x";
CREATE TABLE "Über x"."a ""b" AS SELECT i AS "der id", timestamp '2024-01-01' + i * interval '1 hour' AS "wann?", i % 7 AS "Größe", i % 7 > 3 AS "ja/nein" FROM generate_series(1, 600) i;
SET search_path = "Über x";
SELECT version FROM mlops.train('naïve', '"a ""b"', 'ja/nein', key => 'der id', event_time => 'wann?', exclude => 'wann?', params => '{"num_boost_round": 2}');
SELECT mlops.set_retraining_policy('naïve', source => '"a ""b"', gate => '{"min_gain": -100, "min_probability": 0}');
INSERT INTO "a ""b" SELECT i, timestamp '2024-01-01' + i * interval '1 hour', i % 7, i % 7 > 3 FROM generate_series(601, 800) i;
RESET search_path;
SELECT action, refitted FROM mlops.retrain('naïve', until => '2024-03-01');
SELECT mlops.drop_model('naïve');
SELECT count(*) FROM mlops.retraining_policies WHERE model = 'naïve';
SELECT mlops.retrain('naïve');

-- what monitors find makes a retraining due, but not for the next version
CREATE TABLE load AS SELECT i AS id, timestamptz '2024-01-01' + i * interval '1 hour' AS at, (i * 37) % 100 + CASE WHEN i > 1176 THEN 60 ELSE 0 END AS a, (i * 61) % 50 AS b,
    CASE WHEN i > 1176 THEN (i * 37) % 100 < 40 ELSE (i * 37) % 100 > 40 END <> (i % 13 = 0) AS y FROM generate_series(1, 1700) i;
SELECT version FROM mlops.train('loaded', 'SELECT * FROM load WHERE id < 840', 'y', key => 'id', event_time => 'at', exclude => 'at', params => '{"num_boost_round": 15, "max_depth": 3}', validation => 0);
SELECT mlops.create_monitor('loaded', 'load', window_size => '7 days', start_at => '2024-02-05 00:00+00', metrics => '{drift,performance,estimate}',
    baseline_source => 'SELECT * FROM load WHERE id BETWEEN 640 AND 839');
SELECT mlops.set_retraining_policy('loaded', trigger_on => '{drift,performance,estimate,age}', source => 'load', cooldown => '0', max_age => '1 year', memory => '7 days');
SELECT window_start, status FROM mlops.run_monitor('loaded', until => '2024-02-19 00:00+00');
SELECT action, triggers FROM mlops.retrain('loaded', force => false, until => '2024-02-19 00:00+00');
SELECT window_start, status FROM mlops.run_monitor('loaded', until => '2024-02-26 00:00+00');
SELECT action, triggers, refitted, CASE WHEN action = 'failed' THEN reason END AS reason FROM mlops.retrain('loaded', force => false, until => '2024-02-26 00:00+00');
SELECT action, triggers FROM mlops.retrain('loaded', force => false, until => '2024-02-26 00:00+00');
SELECT window_start FROM mlops.run_monitor('loaded', until => '2024-03-04 00:00+00');
SELECT 'performance' = ANY (triggers) AS still FROM mlops.retrain('loaded', force => false, until => '2024-03-04 00:00+00');
SELECT serving, last_window, performance_status, metric IS NOT NULL AS metric, value IS NOT NULL AS value FROM mlops.watch_status WHERE model = 'loaded';
SELECT mlops.drop_monitor('loaded');
-- a column that the source has got since is no feature
ALTER TABLE load ADD leak boolean;
UPDATE load SET leak = y;
SELECT mlops.set_retraining_policy('loaded', source => 'load', memory => '14 days', gate => '{"min_gain": -100, "min_probability": 0}');
SELECT action FROM mlops.retrain('loaded', until => '2024-03-11 00:00+00');
SELECT array_agg(DISTINCT feature ORDER BY feature) AS features FROM mlops.baselines WHERE model = 'loaded' AND kind <> 'prediction' AND version > 3;
-- the same as a job, by the clock of today
SELECT count(*) AS lines FROM mlops.watch('loaded', 'load', window_size => '30 days', schedule => NULL);
SELECT mlops.run_job(job_id) ~ 'promoted|kept|skipped' AS done FROM mlops.schedules WHERE model = 'loaded';
SELECT last_state, last_error FROM mlops.schedules WHERE model = 'loaded';
SELECT triggers FROM mlops.decisions WHERE model = 'loaded' ORDER BY decision_id DESC LIMIT 1;
SELECT mlops.unwatch('loaded');
SELECT mlops.drop_model('loaded');
DROP TABLE load;

-- labels that are late: the latest window that has them counts; a failure is told until a retraining works
CREATE TABLE late AS SELECT i AS id, timestamptz '2024-01-01' + i * interval '1 hour' AS at, (i * 37) % 100 AS a, (i * 37) % 100 > CASE WHEN i > 840 THEN 80 ELSE 40 END AS y FROM generate_series(1, 1176) i;
SELECT version FROM mlops.train('late', 'SELECT * FROM late WHERE id < 672', 'y', key => 'id', event_time => 'at', exclude => 'at', params => '{"num_boost_round": 5}', validation => 0);
UPDATE late SET y = NULL WHERE id > 1000;
SELECT count(*) FROM mlops.watch('late', 'late', window_size => '7 days', schedule => NULL, trigger_on => 'performance');
SELECT window_start, n_labelled FROM mlops.run_monitor('late', until => '2024-02-19 00:00+00') WHERE n_labelled > 0 OR window_start > '2024-02-01' ORDER BY 1 DESC LIMIT 2;
ALTER TABLE late RENAME y TO z;
SELECT action, triggers, reason FROM mlops.retrain('late', force => false, until => '2024-02-19 00:00+00');
SELECT open_alerts > 0 AS alerts, last_action, summary FROM mlops.watch_status WHERE model = 'late';
ALTER TABLE late RENAME z TO y;
SELECT action, triggers FROM mlops.retrain('late', force => false, until => '2024-02-20 00:00+00');
SELECT state FROM mlops.alerts WHERE model = 'late' AND event = 'failure';
SELECT mlops.unwatch('late');
SELECT mlops.drop_model('late');
DROP TABLE late;

-- watch and unwatch
SELECT mlops.drop_retraining_policy('fare');
SELECT regexp_replace(said, '(job|run_job.)( ?)[0-9]+', '\1\2N', 'g') AS said
FROM mlops.watch('fare', 'ride', window_size => '7 days', schedule => NULL, max_age => '14 days') said;
SELECT serving > 1 AS serving, last_window, open_alerts, next_run, breaker_open, summary FROM mlops.watch_status WHERE model = 'fare';
SELECT model, trigger_on, source, max_age FROM mlops.retraining_policies WHERE model = 'fare';
SELECT mlops.watch('fare', 'ride');
SELECT mlops.unwatch('fare');
SELECT mlops.unwatch('fare');
SELECT count(*) FROM mlops.watch_status WHERE model = 'fare';
SELECT mlops.watch('fare', 'nowhere');
SELECT mlops.watch('fare', 'ride', gate => '{"x": 1}');
SELECT count(*) FROM mlops.watch_status WHERE model = 'fare';

DROP SCHEMA "Über x" CASCADE;
SELECT mlops.drop_model(model) FROM mlops.models WHERE model IN ('buyer', 'by_hand', 'fare', 'plain', 'ranked', 'parted');
DROP VIEW trip;
DROP TABLE fooled, ride, bill, rank;
DROP FUNCTION hour;
DROP ROLE regress_keeper, regress_guest;
