-- What an analyst sees: names, columns, signatures, and a small training.
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
\set ON_ERROR_ROLLBACK 1
\set ON_ERROR_STOP true
SET client_min_messages = error;
BEGIN;
SET LOCAL search_path = public, mlops;
SELECT no_plan();

SELECT has_schema('mlops');
SELECT has_extension('mlops');
SELECT views_are('mlops', ARRAY['models', 'versions', 'deployments', 'runs',
	'metrics', 'baselines', 'stat_cache', 'stat_model',
	'stat_progress_train', 'monitors',
	'monitor_windows', 'monitor_results', 'drift_latest',
	'alert_rules', 'alerts', 'schedules', 'job_runs', 'decisions',
	'retraining_policies', 'watch_status']);
SELECT columns_are('mlops', 'models', ARRAY['model', 'owner', 'task',
	'serving', 'versions', 'latest', 'bytes', 'description', 'keep_versions',
	'created_at']);
SELECT columns_are('mlops', 'deployments', ARRAY['model', 'alias', 'action',
	'version', 'valid_from', 'valid_to', 'current', 'changed_by',
	'session_role', 'note']);
SELECT columns_are('mlops', 'metrics', ARRAY['model', 'version', 'split',
	'name', 'round', 'value']);
SELECT columns_are('mlops', 'monitor_results', ARRAY['model', 'monitor',
	'version', 'window_start', 'window_end', 'measure', 'slice', 'kind',
	'feature', 'metric', 'status', 'value', 'threshold', 'ci_low', 'ci_high',
	'n', 'importance']);
SELECT columns_are('mlops', 'monitor_windows', ARRAY['model', 'monitor',
	'window_start', 'window_end', 'state', 'status', 'version', 'n_rows',
	'n_labelled', 'error', 'error_code', 'runs', 'computed_at',
	'computed_by', 'seconds']);
SELECT columns_are('mlops', 'alerts', ARRAY['alert_id', 'model', 'rule',
	'event', 'subject', 'slice', 'feature', 'severity', 'state', 'raised_at',
	'raised_for', 'first_seen_at', 'last_seen_at', 'n_seen', 'resolved_at',
	'message', 'acknowledged_at', 'acknowledged_by', 'note', 'details']);
SELECT columns_are('mlops', 'schedules', ARRAY['job_id', 'name', 'kind',
	'subject', 'model', 'schedule', 'run_as', 'problem', 'next_run',
	'last_started', 'last_ended', 'duration', 'last_state', 'last_message',
	'last_error', 'last_error_code', 'runs', 'failures', 'cron_job_id',
	'cron_database', 'created_at']);
SELECT columns_are('mlops', 'decisions', ARRAY['decision_id', 'model',
	'decided_at', 'data_until', 'action', 'dry_run', 'triggers', 'reason',
	'champion', 'challenger', 'refitted', 'trainings', 'n_rows', 'metric',
	'champion_value', 'challenger_value', 'gain', 'ci_low', 'ci_high',
	'probability', 'checks', 'error_code', 'seconds', 'decided_by']);
SELECT columns_are('mlops', 'watch_status', ARRAY['model', 'serving', 'age',
	'last_window', 'drift_status', 'performance_status', 'metric', 'value',
	'threshold', 'open_alerts', 'last_action', 'last_reason',
	'last_decided_at', 'next_run', 'breaker_open', 'summary']);
SELECT has_column('mlops', 'versions', c, c) FROM unnest(ARRAY['model',
	'version', 'task', 'aliases', 'metrics', 'classes', 'features',
	'created_at', 'model_sha256']) c;
SELECT col_type_is('mlops', 'metrics', 'value', 'double precision', 'a number');
SELECT view_owner_is('mlops', 'models', current_user);
SELECT table_privs_are('mlops', 'model', 'public', ARRAY[]::text[]);
SELECT enums_are('mlops', ARRAY['deploy_mode']);
SELECT enum_has_labels('mlops', 'deploy_mode', ARRAY['first', 'true', 'false', 'if_better']);
SELECT has_type('mlops', 'model_ref', 'model_ref');
SELECT ok(EXISTS (SELECT FROM pg_cast WHERE castsource = 'text'::regtype
	AND casttarget = 'mlops.model_ref'::regtype AND castcontext = 'i'),
	'text is a model reference');
SELECT has_function('mlops', f, f) FROM unnest(ARRAY['train', 'predict',
	'predict_label', 'predict_proba', 'predict_pinned', 'classes', 'deploy',
	'rollback', 'set_alias', 'drop_alias', 'drop_version', 'drop_model',
	'export_model', 'grant_model', 'revoke_model', 'alter_model',
	'has_model_privilege', 'extension_version']) f;
SELECT function_returns('mlops'::name, 'predict'::name, 'double precision', 'predict returns');
SELECT function_returns('mlops'::name, 'predict_label'::name, 'text', 'predict_label returns');
SELECT function_returns('mlops'::name, 'train'::name, 'train_result', 'train returns');
SELECT volatility_is('mlops'::name, 'predict'::name, 'stable', 'predict is stable');
SELECT volatility_is('mlops'::name, 'predict_pinned'::name, 'immutable', 'predict_pinned is immutable');
SELECT volatility_is('mlops'::name, 'train'::name, 'volatile', 'train is volatile');
SELECT is_strict('mlops'::name, 'predict'::name, 'predict is strict');

-- a training, and what comes of it
CREATE TABLE fruit AS
SELECT i AS id, 100 + i * 37 % 101 AS grams,
	   (ARRAY['green', 'red', 'yellow'])[1 + (i * 37 % 101) / 34] AS skin,
	   (ARRAY['apple', 'cherry', 'lemon'])[1 + (i * 37 % 101) / 34] AS name
FROM generate_series(1, 400) i;
SELECT results_eq(
	$$SELECT model, version, task, deployed FROM train('fruit', 'fruit', 'name', exclude => 'id')$$,
	$$VALUES ('fruit', 1, 'multiclass', true)$$, 'train');
SELECT results_eq($$SELECT classes('fruit')$$,
	$$VALUES (ARRAY['apple', 'cherry', 'lemon'])$$, 'classes');
SELECT results_eq($$SELECT DISTINCT predict_label('fruit', f) FROM fruit f ORDER BY 1$$,
	$$VALUES ('apple'), ('cherry'), ('lemon')$$, 'labels');
SELECT cmp_ok((SELECT avg((predict_label('fruit', f) = name)::int) FROM fruit f),
	'>', 0.95, 'most are right');
SELECT results_eq($$SELECT serving, versions, latest FROM models WHERE model = 'fruit'$$,
	$$VALUES (1, 1::bigint, 1)$$, 'models');
SELECT results_eq($$SELECT alias, action, version, current FROM deployments WHERE model = 'fruit'$$,
	$$VALUES ('champion', 'deploy', 1, true)$$, 'deployments');
SELECT set_has($$SELECT split, name FROM metrics WHERE model = 'fruit' AND round IS NULL$$,
	$$VALUES ('test', 'accuracy'), ('train', 'accuracy'), ('validation', 'log_loss')$$, 'metrics');
SELECT results_eq($$SELECT version, deployed FROM train('fruit', 'fruit', 'name', exclude => 'id')$$,
	$$VALUES (2, false)$$, 'a second version waits');
SELECT is(deploy('fruit/2'), 2, 'deploy');
SELECT is(rollback('fruit'), 1, 'rollback');
SELECT throws_ok($$SELECT predict('fruit', f) FROM fruit f$$, '0A000', NULL, 'three classes are no number');
SELECT throws_ok($$SELECT predict('no_such', f) FROM fruit f$$, '42704', NULL, 'no such model');
SELECT throws_ok($$SELECT predict_label('fruit', f) FROM (SELECT 1 AS id) f$$, '42703', NULL, 'a column is missing');
SELECT lives_ok($$SELECT drop_model('fruit')$$, 'drop_model');
SELECT is_empty($$SELECT FROM models WHERE model = 'fruit'$$, 'it is gone');

SELECT * FROM finish();
ROLLBACK;
