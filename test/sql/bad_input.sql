-- Every public function with bad values for each of its arguments.  The
-- functions and their arguments come from the catalog, so that none can be
-- forgotten; a call that works is below for each of them.  Every call is
-- undone, also one that works.
SET client_min_messages = error;
SET timezone = 'UTC';
\pset format unaligned
\pset tuples_only on
CREATE TABLE bi AS
SELECT i AS id, i * 37 % 101 AS a, i % 7 / 7.0::float8 AS b, 'w' || i % 3 AS word,
	   i * 37 % 101 > 50 AS y, 'c' || i * 37 % 101 / 34 AS cls,
	   (i * 37 % 101 + i % 7)::float8 AS num, i * 37 % 101 / 40 AS rel, i % 20 AS grp,
	   1 + i * 37 % 101 / 10.0::float8 AS t, i % 4 <> 0 AS seen, 1 + i % 2 AS w,
	   timestamptz '2024-01-01 00:00+00' + i * interval '1 hour' AS at,
	   '{}'::jsonb AS doc, (i * 37 % 101) / 101.0::float8 AS p
FROM generate_series(1, 300) i;
CREATE UNIQUE INDEX bi_index ON bi (id);
CREATE TABLE bi_plain (id integer, other text);
CREATE SEQUENCE bi_sequence;
CREATE TABLE bi_scores (id integer PRIMARY KEY);
CREATE TEMP TABLE bi_started AS SELECT pg_postmaster_start_time() AS at, pg_backend_pid() AS pid;

-- models of every kind, all of the same columns but the two of numbers only
CREATE FUNCTION bi_train(model text, target text, more text DEFAULT '', features text DEFAULT '{a,b,word}')
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	result integer;
BEGIN
	EXECUTE format('SELECT version FROM mlops.train(%L, ''bi'', %L, features => %L, key => ''id'' %s)', model, target,
		features, CASE WHEN more LIKE '%params%' THEN more ELSE more || ', params => ''{"num_boost_round": 3}''' END) INTO result;
	RETURN result;
END $$;
SELECT bi_train('bi_bin', 'y'), bi_train('bi_bin', 'y'), bi_train('bi_bin', 'y'), bi_train('bi_idle', 'num', ', deploy => false'),
	   bi_train('bi_multi', 'cls'), bi_train('bi_reg', 'num', ', task => ''regression'''),
	   bi_train('bi_rank', 'rel', ', query_group => ''grp'''), bi_train('bi_surv', 't', ', event_observed => ''seen'''),
	   bi_train('bi_lin', 'num', ', params => ''{"booster": "gblinear", "num_boost_round": 3}''', '{a,b}'),
	   bi_train('bi_numbers', 'num', '', '{a,b}');
SELECT version FROM mlops.train('bi_time', 'SELECT * FROM bi WHERE id <= 100', 'num', features => '{a,b,word}', key => 'id', event_time => 'at',
	params => '{"num_boost_round": 3}', validation => 0);
SELECT mlops.set_retraining_policy('bi_time', source => 'bi');
SELECT mlops.drop_version('bi_bin/3'), mlops.deploy('bi_bin/2'), mlops.set_alias('bi_bin/1', 'challenger');
SELECT version FROM mlops.import_model('bi_imp', mlops.export_model('bi_bin/1', 'json'),
	signature => '{"word": ["w0", "w1", "w2"]}', target => 'y');
CREATE TABLE bi_file AS SELECT mlops.export_model('bi_numbers') AS ubj, mlops.export_model('bi_bin', 'json') AS json,
	mlops.export_bundle('bi_bin/1') AS bundle;
SELECT inserted FROM mlops.score('bi_bin/2', 'bi', 'bi_stored', 'id', columns => '{a,b}', changed_at => 'at');
CREATE VIEW bi_stored_view AS SELECT * FROM bi_stored;
SELECT mlops.create_monitor('bi_bin', 'bi', 'at', '2 days', name => 'bi_monitor');
SELECT mlops.create_alert_rule('bi_bin', 'bi_rule', events => 'no_data'), mlops.schedule('bi_bin', NULL, 'watch', 'bi_job') > 0;
SELECT mlops.create_monitor('bi_bin', 'bi', 'at', '7 days', name => 'bi_alerting');
SELECT count(*) FROM mlops.run_monitor('bi_alerting', until => '2024-02-10');

-- the functions, and a call of each that works
CREATE TABLE bi_function AS
SELECT p.oid AS fn, p.proname::text AS name, p.prokind = 'a' AS aggregate, p.proisstrict AS strict, a.n, a.arg,
	   format_type(p.proargtypes[a.n - 1], NULL) AS type, pg_get_function_arg_default(p.oid, a.n) IS NOT NULL AS optional
FROM pg_extension e JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
	JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
	LEFT JOIN LATERAL (SELECT i AS n, p.proargnames[i] AS arg FROM generate_series(1, p.pronargs) i) a ON true
WHERE e.extname = 'mlops' AND p.pronamespace = 'mlops'::regnamespace AND p.proname NOT LIKE '\_%';
-- a variant, as in train/ranking, is another call that works
CREATE TABLE bi_good (fn regprocedure, variant text, args jsonb, PRIMARY KEY (fn, variant));
SET search_path = mlops, public;
INSERT INTO bi_good
SELECT CASE WHEN f LIKE '%(%' THEN f::regprocedure ELSE split_part(f, '/', 1)::regproc::regprocedure END,
	   split_part(f, '/', 2), a::jsonb
FROM (VALUES
	('extension_version', '{}'),
	('train', $${"model": "'bi_new'", "source": "'bi'", "target": "'num'", "features": "'{a,b,word}'", "key": "'id'",
		"params": "'{\"num_boost_round\": 2}'"}$$),
	('train/all', $${"model": "'bi_new'", "source": "'SELECT id, a, b, word, num FROM bi'", "target": "'num'"}$$),
	('train/binary', $${"model": "'bi_bin'", "source": "'bi'", "target": "'y'", "features": "'{a,b}'", "positive": "'true'",
		"params": "'{\"num_boost_round\": 2}'"}$$),
	('train/ranking', $${"model": "'bi_new'", "source": "'bi'", "target": "'rel'", "features": "'{a,b}'", "query_group": "'grp'",
		"params": "'{\"num_boost_round\": 2}'"}$$),
	('train/survival', $${"model": "'bi_new'", "source": "'bi'", "target": "'t'", "features": "'{a,b}'", "event_observed": "'seen'",
		"params": "'{\"num_boost_round\": 2}'"}$$),
	('train/bounds', $${"model": "'bi_new'", "source": "'bi'", "target": "'t'", "features": "'{a,b}'", "target_upper": "'t + 1'",
		"params": "'{\"num_boost_round\": 2}'"}$$),
	('train/group', $${"model": "'bi_new'", "source": "'bi'", "target": "'num'", "features": "'{a,b}'", "split": "'group'", "split_column": "'grp'",
		"params": "'{\"num_boost_round\": 2}'"}$$),
	('train/column', $${"model": "'bi_new'", "source": "'bi'", "target": "'num'", "features": "'{a,b}'", "split": "'column'", "split_column": "'seen'",
		"params": "'{\"num_boost_round\": 2}'"}$$),
	('train/time', $${"model": "'bi_new'", "source": "'bi'", "target": "'num'", "features": "'{a,b}'", "event_time": "'at'",
		"params": "'{\"num_boost_round\": 2}'"}$$),
	('train/warm', $${"model": "'bi_new'", "source": "'bi'", "target": "'num'", "features": "'{a,b,word}'", "init_model": "'bi_reg/1'",
		"params": "'{\"num_boost_round\": 2}'"}$$),
	('predict', $${"model": "'bi_bin'", "input": "r"}$$),
	('predict_label', $${"model": "'bi_bin'", "input": "r"}$$),
	('predict_proba(model_ref, record)', $${"model": "'bi_bin'", "input": "r"}$$),
	('predict_proba(model_ref, record, text)', $${"model": "'bi_bin'", "input": "r", "label": "'true'"}$$),
	('predict_pinned', $${"model": "'bi_bin'", "version": "1", "input": "r"}$$),
	('predict_margin', $${"model": "'bi_bin'", "input": "r"}$$),
	('predict_margins', $${"model": "'bi_bin'", "input": "r"}$$),
	('predict_full', $${"model": "'bi_bin'", "input": "r"}$$),
	('predict_json', $${"model": "'bi_bin'", "input": "to_jsonb(r)"}$$),
	('predict_array', $${"model": "'bi_numbers'", "input": "ARRAY[r.a, r.b]"}$$),
	('predict_leaf', $${"model": "'bi_bin'", "input": "r"}$$),
	('predict_as_of', $${"model": "'bi_bin'", "input": "r", "as_of": "'2100-01-01 00:00+00'"}$$),
	('classes', $${"model": "'bi_bin'"}$$),
	('explain', $${"model": "'bi_bin'", "input": "r"}$$),
	('explain/multiclass', $${"model": "'bi_multi'", "input": "r", "label": "'c1'"}$$),
	('explain_text', $${"model": "'bi_bin'", "input": "r"}$$),
	('importance', $${"model": "'bi_bin'", "source": "'bi'"}$$),
	('partial_dependence', $${"model": "'bi_bin'", "source": "'bi'", "feature": "'a'"}$$),
	('what_if', $${"model": "'bi_bin'", "input": "r", "feature": "'a'", "candidates": "'{1,2}'"}$$),
	('what_if/baseline', $${"model": "'bi_bin/2'", "input": "r", "feature": "'a'"}$$),
	('predict_batch', $${"model": "'bi_bin'", "source": "'bi'", "key": "'id'"}$$),
	('score', $${"model": "'bi_bin'", "source": "'bi'", "into_table": "'bi_result'", "key": "'id'"}$$),
	('score/again', $${"model": "'bi_bin'", "source": "'bi'", "into_table": "'bi_stored'", "key": "'id'", "columns": "'{a,b}'",
		"changed_at": "'at'", "lookback": "'1 day'"}$$),
	('plot', $${"model": "'bi_bin'", "kind": "'roc'", "source": "'bi'"}$$),
	('plot/pr', $${"model": "'bi_bin/1'", "kind": "'pr'", "source": "'SELECT * FROM bi'", "label": "'true'"}$$),
	('plot/lift', $${"model": "'bi_bin/1'", "kind": "'lift'", "source": "'SELECT * FROM bi'"}$$),
	('plot/calibration', $${"model": "'bi_bin/1'", "kind": "'calibration'", "source": "'SELECT * FROM bi'"}$$),
	('plot/confusion', $${"model": "'bi_bin/1'", "kind": "'confusion'", "source": "'SELECT * FROM bi'"}$$),
	('plot/learning_curve', $${"model": "'bi_bin/1'", "kind": "'learning_curve'", "label": "'logloss'"}$$),
	('plot/importance', $${"model": "'bi_bin/1'", "kind": "'importance'"}$$),
	('plot/partial_dependence', $${"model": "'bi_bin/1'", "kind": "'partial_dependence'", "source": "'SELECT * FROM bi'",
		"feature": "'a'"}$$),
	('plot_reasons', $${"model": "'bi_bin'", "input": "r"}$$),
	('draw', $${"spec": "'{\"series\": [{\"x\": [1, 2], \"y\": [1, 3]}]}'"}$$),
	('bar', $${"value": "3", "maximum": "4"}$$),
	('create_function', $${"model": "'bi_bin'", "name": "'bi_made'"}$$),
	('evaluate', $${"model": "'bi_bin'", "source": "'bi'"}$$),
	('evaluate/ranking', $${"model": "'bi_rank/1'", "source": "'bi'", "query_group": "'grp'"}$$),
	('evaluate/survival', $${"model": "'bi_surv/1'", "source": "'bi'", "event_observed": "'seen'"}$$),
	('evaluate/bounds', $${"model": "'bi_surv/1'", "source": "'bi'", "target_upper": "'t + 1'"}$$),
	('confusion_matrix', $${"model": "'bi_bin'", "source": "'bi'"}$$),
	('roc_curve', $${"model": "'bi_bin'", "source": "'bi'"}$$),
	('roc_curve/multiclass', $${"model": "'bi_multi'", "source": "'bi'", "label": "'c1'"}$$),
	('pr_curve', $${"model": "'bi_bin'", "source": "'bi'"}$$),
	('lift_curve', $${"model": "'bi_bin'", "source": "'bi'"}$$),
	('calibration_curve', $${"model": "'bi_bin'", "source": "'bi'"}$$),
	('compare', $${"model": "'bi_bin/1'", "other": "'bi_bin/2'", "source": "'bi'"}$$),
	('compare/ranking', $${"model": "'bi_rank/1'", "other": "'bi_rank/1'", "source": "'bi'", "query_group": "'grp'"}$$),
	('compare/survival', $${"model": "'bi_surv/1'", "other": "'bi_surv/1'", "source": "'bi'", "event_observed": "'seen'"}$$),
	('drift', $${"model": "'bi_bin'", "source": "'bi'"}$$),
	('drift/reference', $${"model": "'bi_bin/1'", "source": "'SELECT * FROM bi'", "reference": "'bi'"}$$),
	('performance', $${"model": "'bi_bin'", "source": "'bi'", "event_time": "'at'", "window_size": "'1 day'"}$$),
	('performance/ranking', $${"model": "'bi_rank/1'", "source": "'bi'", "event_time": "'at'", "window_size": "'1 day'", "query_group": "'grp'"}$$),
	('performance/survival', $${"model": "'bi_surv/1'", "source": "'bi'", "event_time": "'at'", "window_size": "'1 day'", "event_observed": "'seen'"}$$),
	('performance/bounds', $${"model": "'bi_surv/1'", "source": "'bi'", "event_time": "'at'", "window_size": "'1 day'", "target_upper": "'t + 1'"}$$),
	('estimate_performance', $${"model": "'bi_bin'", "source": "'bi'", "reference": "'SELECT * FROM bi'"}$$),
	('detector', $${"kind": "'adwin'"}$$),
	('detector_update', $${"state": "detector('adwin')", "value": "1"}$$),
	('detector_status', $${"state": "detector('adwin')"}$$),
	('drift_between', $${"source": "'bi'", "reference": "'SELECT * FROM bi'", "features": "'{a,b,word}'"}$$),
	('drift_glance', $${"model": "'bi_bin'", "relation": "'bi'"}$$),
	('drift_multivariate', $${"source": "'bi'", "reference": "'SELECT * FROM bi'", "features": "'{a,b,word}'"}$$),
	('drift_multivariate/pca', $${"source": "'bi'", "reference": "'bi'", "method": "'pca'", "model": "'bi_bin/1'"}$$),

	('set_label_source', $${"model": "'bi_bin'", "query": "'SELECT id, y FROM bi'", "key": "'id'"}$$),
	('create_monitor', $${"model": "'bi_bin'", "source": "'bi'", "event_time": "'at'"}$$),
	('alter_monitor', $${"monitor": "'bi_monitor'"}$$),
	('drop_monitor', $${"monitor": "'bi_monitor'"}$$),
	('run_monitor', $${"monitor": "'bi_monitor'", "until": "'2024-02-01'::timestamptz"}$$),
	('create_alert_rule', $${"model": "'bi_bin'", "name": "'bi_new_rule'"}$$),
	('drop_alert_rule', $${"name": "'bi_rule'"}$$),
	('acknowledge', $${"alert": "(SELECT min(alert_id) FROM mlops.alerts)", "note": "'seen'"}$$),
	('schedule', $${"subject": "'bi_bin'", "kind": "'watch'", "schedule": "NULL"}$$),
	('unschedule', $${"name": "'bi_job'"}$$),
	('run_job', $${"job": "(SELECT job_id FROM mlops.schedules WHERE name = 'bi_job')"}$$),
	('deploy', $${"model": "'bi_bin/1'"}$$),
	('rollback', $${"model": "'bi_bin'"}$$),
	('set_alias', $${"model": "'bi_bin/1'", "alias": "'shadow'"}$$),
	('drop_alias', $${"model": "'bi_bin'", "alias": "'challenger'"}$$),
	('drop_version', $${"model": "'bi_idle/1'"}$$),
	('drop_model', $${"model": "'bi_bin'"}$$),
	('export_model', $${"model": "'bi_bin'"}$$),
	('export_bundle', $${"model": "'bi_bin'"}$$),
	('import_model', $${"model": "'bi_new'", "data": "(SELECT ubj FROM bi_file)", "target": "'num'"}$$),
	('import_model/classes', $${"model": "'bi_new'", "data": "(SELECT json FROM bi_file)", "target": "'y'",
		"classes": "'{no,yes}'", "signature": "'{\"word\": [\"w0\", \"w1\", \"w2\"]}'"}$$),
	('import_bundle', $${"bundle": "(SELECT bundle FROM bi_file)", "model": "'bi_new'"}$$),
	('grant_model', $${"model": "'bi_bin'", "role": "'public'", "privilege": "'predict'"}$$),
	('revoke_model', $${"model": "'bi_bin'", "role": "'public'", "privilege": "'predict'"}$$),
	('alter_model', $${"model": "'bi_bin'", "description": "'for tests'"}$$),
	('stat_model_reset', $${"model": "'bi_bin'"}$$),

	('set_retraining_policy', $${"model": "'bi_time'", "source": "'bi'"}$$),
	('drop_retraining_policy', $${"model": "'bi_time'"}$$),
	('retrain', $${"model": "'bi_time'", "until": "'2024-01-20'"}$$),
	('watch', $${"model": "'bi_reg'", "source": "'bi'", "event_time": "'at'", "schedule": "NULL"}$$),
	('unwatch', $${"model": "'bi_time'"}$$),
	('has_model_privilege', $${"model": "'bi_bin'", "privilege": "'read'"}$$)) v(f, a);
-- aggregates: one line for all forms of the same arguments
INSERT INTO bi_good
SELECT p.oid, '', a::jsonb || CASE WHEN p.proargnames[p.pronargs] = 'weight' THEN '{"weight": "r.w"}' ELSE '{}'::jsonb END
FROM (VALUES
	('{roc_auc,pr_auc}', 'boolean', $${"label": "r.y", "score": "r.p"}$$),
	('{roc_auc,pr_auc}', 'double precision', $${"label": "r.y::int", "score": "r.p"}$$),
	('{log_loss,brier,ece}', 'boolean', $${"label": "r.y", "probability": "r.p"}$$),
	('{log_loss,brier,ece}', 'double precision', $${"label": "r.y::int", "probability": "r.p"}$$),
	('{precision_score,recall_score,f1}', 'boolean', $${"label": "r.y", "predicted": "r.seen"}$$),
	('{precision_score,recall_score,f1}', 'double precision', $${"label": "r.y::int", "predicted": "r.seen::int"}$$),
	('{accuracy,balanced_accuracy,f1_macro,mcc}', 'anycompatible', $${"label": "r.cls", "predicted": "r.cls"}$$),
	('{rmse,mae,mape,r2,poisson_deviance,gamma_deviance}', 'double precision', $${"label": "r.t", "prediction": "r.t + 1"}$$),
	('{pinball_loss}', 'double precision', $${"label": "r.t", "prediction": "r.t", "alpha": "0.5"}$$),
	('{tweedie_deviance}', 'double precision', $${"label": "r.t", "prediction": "r.t", "power": "1.5"}$$),
	('{ndcg}', 'double precision', $${"relevance": "r.rel", "score": "r.p", "k": "10"}$$),
	('{adwin}', 'double precision', $${"value": "r.p", "delta": "0.002"}$$),
	('{page_hinkley}', 'double precision', $${"value": "r.p", "threshold": "50", "delta": "0.005"}$$),
	('{ddm}', 'boolean', $${"error": "r.y"}$$),
	('{ddm}', 'double precision', $${"error": "r.y::int"}$$),
	('{kswin}', 'double precision', $${"value": "r.p", "alpha": "0.005"}$$),
	('{detect_changes}', 'double precision', $${"value": "r.p", "kind": "'adwin'", "options": "'{}'::jsonb"}$$),
	('{psi,ks,wasserstein}', 'double precision', $${"value": "r.t", "is_current": "r.seen"}$$),
	('{concordance}', 'double precision', $${"event_time": "r.t", "observed": "r.seen", "prediction": "r.p"}$$)
	) v(names, type, a) JOIN pg_proc p ON p.proname = ANY (names::text[]) AND p.prokind = 'a'
		AND p.pronamespace = 'mlops'::regnamespace AND format_type(p.proargtypes[0], NULL) = type;
RESET search_path;
-- functions without such a call
SELECT DISTINCT fn::regprocedure FROM bi_function WHERE fn NOT IN (SELECT fn FROM bi_good) ORDER BY 1;

-- bad values: names of arguments, their type, the case, the expression
CREATE TABLE bi_bad (args text, type text, "case" text, expr text);
INSERT INTO bi_bad VALUES
	-- drift, detectors and performance
	('kind', 'text', 'kind of a detector: unknown', $$'adwim'$$),
	('options', 'jsonb', 'options: no object', $$'[1]'::jsonb$$),
	('options', 'jsonb', 'options: unknown', $$'{"delat": 1}'::jsonb$$),
	('options', 'jsonb', 'options: out of range', $$'{"delta": -1}'::jsonb$$),
	('options', 'jsonb', 'options: no number', $$'{"delta": "x"}'::jsonb$$),
	('state', '.*detector_state', 'state: malformed', $$'x'$$),
	('calibration', 'text', 'calibration: unknown', $$'sigmoid'$$),
	('window_size', 'interval', 'interval: negative', $$'-1 day'::interval$$),
	('window_size', 'interval', 'interval: none', $$'0'::interval$$),
	('window_size', 'interval', 'interval: tiny', $$'1 microsecond'::interval$$),
	('error', 'boolean', 'error: NULL', $$NULL::boolean$$),
	('method', 'text', 'method: unknown', $$'kolmogoroff'$$),
	('relation', 'text', 'relation: unknown', $$'bi_nothing'$$),
	('relation', 'text', 'relation: empty', $$''$$),
	('relation', 'text', 'relation: a query', $$'SELECT * FROM bi'$$),
	('relation', 'text', 'relation: a view', $$'bi_stored_view'$$),
	('relation', 'text', 'relation: an index', $$'bi_index'$$),
	('relation', 'text', 'relation: a sequence', $$'bi_sequence'$$),
	('relation', 'text', 'relation: other columns', $$'bi_plain'$$),

	-- monitors
	('monitor', 'text', 'monitor: unknown', $$'nobody'$$),
	('monitor', 'text', 'monitor: empty', $$''$$),
	('query', 'text', 'query: unknown relation', $$'bi_nothing'$$),
	('query', 'text', 'query: syntax', $$'SELECT * FRM bi'$$),
	('query', 'text', 'query: other columns', $$'bi_plain'$$),
	('query', 'text', 'query: the key alone', $$'SELECT id FROM bi'$$),
	('baseline_source', 'text', 'source: unknown', $$'bi_nothing'$$),
	('baseline_source', 'text', 'source: feature missing', $$'SELECT id, a FROM bi'$$),
	('enabled', 'boolean', 'flag: off', 'false'),
	('schedule', 'text', 'schedule: unknown', $$'now and then'$$),
	('metrics', '.*', 'metrics: unknown', $$'roc_uac'$$),
	('metrics', '.*', 'metrics: estimates', $$'estimate'$$),
	('until|start_at', '.*', 'time: infinity', $$'infinity'::timestamptz$$),
	('until|start_at', '.*', 'time: -infinity', $$'-infinity'::timestamptz$$),
	('lateness|recompute|max_duration', 'interval', 'interval: negative', $$'-1 day'::interval$$),
	('lateness|recompute|max_duration', 'interval', 'interval: huge', $$'170000000 years'::interval$$),
	('reference', 'text', 'reference: unknown relation', $$'bi_nothing'$$),
	('reference', 'text', 'reference: no rows', $$'SELECT * FROM bi WHERE false'$$),
	('reference', 'text', 'reference: other columns', $$'bi_plain'$$),
	('thresholds', 'jsonb', 'thresholds: no object', $$'[1]'$$),
	('thresholds', 'jsonb', 'thresholds: unknown', $$'{"psj": 0.1}'$$),
	('thresholds', 'jsonb', 'thresholds: negative', $$'{"psi": -1}'$$),
	('thresholds', 'jsonb', 'thresholds: no number', $$'{"psi": "x"}'$$),
	('is_current', 'boolean', 'is_current: NULL', $$NULL::boolean$$),
	-- alerts and jobs
	('events', '.*name_list', 'events: unknown', $$'nonsense'$$),
	('least_status|severity', 'text', 'word: unknown', $$'nonsense'$$),
	('period|cooldown', 'interval', 'interval: negative', $$'-1 day'::interval$$),
	('period|cooldown|max_duration', 'interval', 'interval: none', $$'0'::interval$$),
	('period|cooldown', 'interval', 'interval: huge', $$'170000000 years'::interval$$),
	('auto_reset', 'boolean', 'flag: false', 'false'),
	('schedule', 'text', 'schedule: malformed', $$'0 * * *'$$),
	('schedule', 'text', 'schedule: out of range', $$'0 25 * * *'$$),
	('schedule', 'text', 'schedule: empty', $$''$$),
	('subject', 'text', 'subject: unknown', $$'bi_none'$$),
	('subject', 'text', 'subject: empty', $$''$$),
	('name', 'text', 'name: unknown', $$'bi_none'$$),
	('name', 'text', 'name: too long', $$repeat('x', 201)$$),
	-- retraining
	('gate', 'jsonb', 'gate: no object', $$'[1]'$$),
	('gate', 'jsonb', 'gate: unknown', $$'{"metrics": "rmse"}'$$),
	('gate', 'jsonb', 'gate: no metric', $$'{"metric": "rms"}'$$),
	('gate', 'jsonb', 'gate: out of range', $$'{"holdout": 1}'$$),
	('gate', 'jsonb', 'gate: no number', $$'{"min_gain": {}}'$$),
	('gate', 'jsonb', 'gate: incomplete', $$'{"max_slice_loss": 1}'$$),
	('trigger_on', '.*', 'trigger: unknown', $$'draft'$$),
	('trigger_on', '.*', 'trigger: none', $$'{}'$$),
	('max_age|memory', 'interval', 'interval: negative', $$'-1 hour'$$),
	('max_age|memory', 'interval', 'interval: huge', $$'170000000 years'$$),
	('until', 'timestamp with time zone', 'time: before', $$'2000-01-01'$$),
	('until', 'timestamp with time zone', 'time: -infinity', $$'-infinity'$$),
	('until', 'timestamp with time zone', 'time: infinity', $$'infinity'$$),
	('refit|guard|enabled|force|dry_run', 'boolean', 'flag: false', 'false'),
	-- references
	('model|other', '.*model_ref', 'model: unknown', $$'bi_none'$$),
	('init_model', '.*', 'init_model: unknown', $$'bi_none'$$),
	('.*', '.*model_ref', 'model: version unknown', $$'bi_bin/9'$$),
	('.*', '.*model_ref', 'model: alias unknown', $$'bi_bin@nobody'$$),
	('.*', '.*model_ref', 'model: version dropped', $$'bi_bin/3'$$),
	('.*', '.*model_ref', 'model: none deployed', $$'bi_idle'$$),
	('.*', '.*model_ref', 'model: three parts', $$'a/b/c'$$),
	('.*', '.*model_ref', 'model: empty', $$''$$),
	('.*', '.*model_ref', 'model: version 0', $$'m/0'$$),
	('.*', '.*model_ref', 'model: version no number', $$'m/x'$$),
	('.*', '.*model_ref', 'model: version too large', $$'bi_bin/99999999999'$$),
	('.*', '.*model_ref', 'model: alias empty', $$'bi_bin@'$$),
	('.*', '.*model_ref', 'model: name too long', $$repeat('x', 201)$$),
	('model', 'text', 'name of a model: unknown', $$'bi_none'$$),
	('model', 'text', 'name of a model: none deployed', $$'bi_idle'$$),
	('model', 'text', 'name of a model: a version', $$'bi_bin/1'$$),
	('model', 'text', 'name of a model: an alias', $$'bi_bin@challenger'$$),
	('model', 'text', 'name of a model: empty', $$''$$),
	('model', 'text', 'name of a model: too long', $$repeat('x', 201)$$),
	-- kinds of models
	('.*', '.*model_ref', 'kind: multiclass', $$'bi_multi/1'$$),
	('.*', '.*model_ref', 'kind: regression', $$'bi_reg/1'$$),
	('.*', '.*model_ref', 'kind: ranking', $$'bi_rank/1'$$),
	('.*', '.*model_ref', 'kind: survival', $$'bi_surv/1'$$),
	('.*', '.*model_ref', 'kind: linear', $$'bi_lin/1'$$),
	('.*', '.*model_ref', 'kind: imported', $$'bi_imp/1'$$),
	('model', 'text', 'kind: multiclass', $$'bi_multi'$$),
	('model', 'text', 'kind: linear', $$'bi_lin'$$),
	('model', 'text', 'kind: imported', $$'bi_imp'$$),
	-- sources
	('source', 'text', 'source: unknown', $$'bi_none'$$),
	('source', 'text', 'source: schema unknown', $$'no_schema.bi'$$),
	('source', 'text', 'source: empty', $$''$$),
	('source', 'text', 'source: syntax', $$'SELECT * FRM bi'$$),
	('source', 'text', 'source: two statements', $$'SELECT * FROM bi; SELECT 1'$$),
	('source', 'text', 'source: no query', $$'DELETE FROM bi RETURNING *'$$),
	('source', 'text', 'source: writes', $$'WITH d AS (DELETE FROM bi RETURNING *) SELECT * FROM d'$$),
	('source', 'text', 'source: locks', $$'SELECT * FROM bi FOR UPDATE'$$),
	('source', 'text', 'source: parameter', $$'SELECT * FROM bi WHERE id = $1'$$),
	('source', 'text', 'source: sequence', $$'bi_sequence'$$),
	('source', 'text', 'source: no columns', $$'SELECT FROM bi'$$),
	('source', 'text', 'source: no rows', $$'SELECT * FROM bi WHERE false'$$),
	('source', 'text', 'source: one row', $$'SELECT * FROM bi LIMIT 1'$$),
	('source', 'text', 'source: fails half way', $$'SELECT * FROM bi WHERE 1 / (id - 150) IS NOT NULL'$$),
	('source', 'text', 'source: columns missing', $$'SELECT id FROM bi'$$),
	('source', 'text', 'source: feature missing', $$'SELECT id, a, b, y, num FROM bi'$$),
	('source', 'text', 'source: column twice', $$'SELECT *, a FROM bi'$$),
	('source', 'text', 'source: other types', $$'SELECT id, y, num, word AS a, b, a AS word FROM bi'$$),
	('source', 'text', 'source: all NULL', $$'SELECT id, y, num, NULL::integer AS a, NULL::float8 AS b, NULL::text AS word FROM bi'$$),
	('source', 'text', 'source: target NULL', $$'SELECT id, a, b, word, NULL::boolean AS y, NULL::float8 AS num FROM bi'$$),
	('source', 'text', 'source: infinite', $$'SELECT id, a, float8 ''infinity'' AS b, word, y, num FROM bi'$$),
	-- columns
	('target|target_upper|event_observed', 'text', 'expression: unknown column', $$'nonsense'$$),
	('target|target_upper|event_observed', 'text', 'expression: empty', $$''$$),
	('target|target_upper|event_observed', 'text', 'expression: two', $$'y, num'$$),
	('target|target_upper|event_observed', 'text', 'expression: open', $$'(num'$$),
	('target|target_upper|event_observed', 'text', 'expression: aggregate', $$'max(num)'$$),
	('target|target_upper|event_observed', 'text', 'expression: fails half way', $$'1 / (id - 150)'$$),
	('target|target_upper|event_observed', 'text', 'expression: text', $$'word'$$),
	('target|target_upper|event_observed', 'text', 'expression: jsonb', $$'doc'$$),
	('target|target_upper|event_observed', 'text', 'expression: NULL', $$'NULL::float8'$$),
	('target|target_upper|event_observed', 'text', 'expression: constant', $$'1'$$),
	('weight|base_margin|event_time|query_group|split_column|changed_at|feature', 'text', 'column: unknown', $$'nonsense'$$),
	('weight|base_margin|event_time|query_group|split_column|changed_at|feature', 'text', 'column: empty', $$''$$),
	('weight|base_margin|event_time|query_group|split_column|changed_at|feature', 'text', 'column: text', $$'word'$$),
	('weight|base_margin|event_time|query_group|split_column|changed_at|feature', 'text', 'column: jsonb', $$'doc'$$),
	('.*', '.*name_list', 'columns: unknown', $$'nonsense'$$),
	('.*', '.*name_list', 'columns: none', $$'{}'$$),
	('.*', '.*name_list', 'columns: empty name', $$ARRAY['']$$),
	('.*', '.*name_list', 'columns: NULL in it', $$ARRAY['a', NULL]$$),
	('.*', '.*name_list', 'columns: twice', $$'{a,a}'$$),
	('.*', '.*name_list', 'columns: jsonb', $$'doc'$$),
	('.*', '.*name_list', 'columns: malformed', $$'{a'$$),
	-- words
	('task|split|positive|format|output|security|privilege|label|role|owner|kind', 'text', 'word: unknown', $$'nonsense'$$),
	('task|split|positive|format|output|security|privilege|label|role|owner|kind', 'text', 'word: empty', $$''$$),
	('deploy', '.*deploy_mode', 'word: unknown', $$'nonsense'$$),
	('deploy', '.*deploy_mode', 'word: if_better', $$'if_better'$$),
	('alias', 'text', 'alias: unknown', $$'nobody'$$),
	('alias', 'text', 'alias: malformed', $$'No Alias'$$),
	('alias', 'text', 'alias: empty', $$''$$),
	('note|description|title', 'text', 'note: empty', $$''$$),
	('into_table', 'text', 'table: empty', $$''$$),
	('into_table', 'text', 'table: a view', $$'bi_stored_view'$$),
	('into_table', 'text', 'table: an index', $$'bi_index'$$),
	('into_table', 'text', 'table: no key', $$'bi_plain'$$),
	('into_table', 'text', 'table: no columns for it', $$'bi_scores'$$),
	('into_table', 'text', 'table: schema unknown', $$'no_schema.bi'$$),
	('into_table', 'text', 'table: four parts', $$'a.b.c.d'$$),
	('into_table', 'text', 'table: the source', $$'bi'$$),
	('name', 'text', 'name: empty', $$''$$),
	('name', 'text', 'name: schema unknown', $$'no_schema.f'$$),
	('name', 'text', 'name: four parts', $$'a.b.c.d'$$),
	('or_replace|prune|rescore|escalate', 'boolean', 'flag: set', 'true'),
	-- numbers
	('version', 'integer', 'version: unknown', '9'),
	('version', 'integer', 'version: dropped', '3'),
	('.*', 'integer|bigint', 'number: negative', '-1'),
	('.*', 'integer|bigint', 'number: 0', '0'),
	('.*', 'integer', 'number: huge', '2147483647'),
	('.*', 'bigint', 'number: huge', '9223372036854775807'),
	('.*', 'double precision', 'number: negative', '-1'),
	('.*', 'double precision', 'number: 0', '0'),
	('.*', 'double precision', 'number: 1', '1'),
	('.*', 'double precision', 'number: NaN', $$'NaN'$$),
	('.*', 'double precision', 'number: infinite', $$'infinity'$$),
	('.*', 'double precision', 'number: huge', '1e308'),
	('lookback', 'interval', 'interval: negative', $$'-1 hour'$$),
	('lookback', 'interval', 'interval: huge', $$'170000000 years'$$),
	('as_of', '.*', 'time: before', $$'2000-01-01'$$),
	('as_of', '.*', 'time: -infinity', $$'-infinity'$$),
	('as_of', '.*', 'time: infinity', $$'infinity'$$),
	-- rows, documents, files
	('input', 'record', 'row: columns missing', '(SELECT x FROM (SELECT 1 AS nonsense) x)'),
	('input', 'record', 'row: without names', 'ROW(1, 2)'),
	('input', 'record', 'row: empty', 'ROW()'),
	('input', 'record', 'row: other types', $$(SELECT x FROM (SELECT 'x' AS a, 'y' AS b, 1 AS word) x)$$),
	('input', 'record', 'row: column twice', '(SELECT x FROM (SELECT r.*, 1 AS a) x)'),
	('input', 'record', 'row: all NULL', 'NULL::bi'),
	('input', 'record', 'row: infinite', $$(SELECT x FROM (SELECT 1 AS a, float8 'infinity' AS b, 'w1' AS word) x)$$),
	('input', 'jsonb', 'json: array', $$'[]'$$),
	('input', 'jsonb', 'json: null', $$'null'$$),
	('input', 'jsonb', 'json: member missing', $$'{"a": 1}'$$),
	('input', 'jsonb', 'json: no number', $$'{"a": "x", "b": 1, "word": "w"}'$$),
	('input', 'jsonb', 'json: too large', $$'{"a": 1e99, "b": 1, "word": "w"}'$$),
	('input', 'jsonb', 'json: object', $$'{"a": {}, "b": 1, "word": "w"}'$$),
	('input', 'anyarray', 'array: empty', $$'{}'::real[]$$),
	('input', 'anyarray', 'array: too long', $$'{1,2,3}'::real[]$$),
	('input', 'anyarray', 'array: two dimensions', $$'{{1},{2}}'::real[]$$),
	('input', 'anyarray', 'array: text', $$'{1,2}'::text[]$$),
	('input', 'anyarray', 'array: NULLs', $$'{NULL,NULL}'::real[]$$),
	('input', 'anyarray', 'array: infinite', $$'{1,infinity}'::float8[]$$),
	('params|signature|spec', 'jsonb', 'json: array', $$'[]'$$),
	('params|signature|spec', 'jsonb', 'json: null', $$'null'$$),
	('params|signature|spec', 'jsonb', 'json: unknown member', $$'{"nonsense": 1}'$$),
	('spec', 'jsonb', 'json: empty', $$'{}'$$),
	('spec', 'jsonb', 'json: no array', $$'{"series": 1}'$$),
	('spec', 'jsonb', 'json: lengths differ', $$'{"series": [{"x": [1], "y": [1, 2]}]}'$$),
	('spec', 'jsonb', 'json: unknown type', $$'{"series": [{"type": "nonsense", "x": [1], "y": [1]}]}'$$),
	('spec', 'jsonb', 'json: unknown category', $$'{"x": {"categories": ["a"]}, "series": [{"x": ["b"], "y": [1]}]}'$$),
	('spec', 'jsonb', 'json: too large', $$'{"width": 1e99, "series": []}'$$),
	('params', 'jsonb', 'json: out of range', $$'{"eta": -1}'$$),
	('params', 'jsonb', 'json: no number', $$'{"eta": "x"}'$$),
	('params', 'jsonb', 'json: no whole number', $$'{"max_depth": 1.5}'$$),
	('params', 'jsonb', 'json: too large', $$'{"num_boost_round": 1e99}'$$),
	('params', 'jsonb', 'json: object', $$'{"eta": {}}'$$),
	('params', 'jsonb', 'json: unknown objective', $$'{"objective": "nonsense"}'$$),
	('params', 'jsonb', 'json: unknown metric', $$'{"eval_metric": "nonsense"}'$$),
	('params', 'jsonb', 'json: unknown column', $$'{"monotone_constraints": {"nonsense": 1}}'$$),
	('data|bundle', 'bytea', 'bytes: none', $$''$$),
	('data|bundle', 'bytea', 'bytes: others', $$'\x0001ff'$$),
	('data|bundle', 'bytea', 'bytes: text', $$'{"version": 1'$$),
	('data', 'bytea', 'bytes: cut', '(SELECT substr(ubj, 1, 900) FROM bi_file)'),
	('bundle', 'bytea', 'bytes: cut', '(SELECT substr(bundle, 1, 900) FROM bi_file)'),
	('bundle', 'bytea', 'bytes: changed', '(SELECT set_byte(bundle, 900, 255 - get_byte(bundle, 900)) FROM bi_file)'),
	('classes|candidates', 'text\[\]', 'list: empty', $$'{}'$$),
	('classes|candidates', 'text\[\]', 'list: NULL in it', $$'{NULL,x}'$$),
	('classes|candidates', 'text\[\]', 'list: twice', $$'{x,x}'$$),
	-- labels of aggregates
	('label|predicted|observed', 'boolean', 'label: false', 'false'),
	('label|predicted', 'anycompatible', 'label: jsonb', 'r.doc'),
	('label|predicted', 'anycompatible', 'label: point', 'point(1, 2)'),
	('label|predicted', 'anycompatible', 'label: number', 'r.num');
-- arguments without a bad value
SELECT DISTINCT name, arg, type FROM bi_function f WHERE arg IS NOT NULL
	AND NOT EXISTS (SELECT FROM bi_bad b WHERE f.arg ~ ('^(' || b.args || ')$') AND f.type ~ ('^(' || b.type || ')$'))
ORDER BY 1, 2;

-- a call: the arguments that work, one of them replaced
CREATE FUNCTION bi_call(called oid, which text, other text DEFAULT NULL, expr text DEFAULT NULL, rows text DEFAULT NULL)
RETURNS text LANGUAGE sql AS $$
SELECT format('SELECT count(*), count(x) FROM (SELECT mlops.%I(%s) AS x FROM public.bi r WHERE %s OFFSET 0) q', min(f.name),
	string_agg(CASE WHEN f.aggregate THEN '' ELSE quote_ident(f.arg) || ' => ' END
		|| CASE WHEN f.arg = other THEN expr ELSE g.args ->> f.arg END, ', ' ORDER BY f.n)
		FILTER (WHERE f.arg = other OR g.args ? f.arg),
	COALESCE(rows, CASE WHEN bool_or(f.aggregate) THEN 'true' ELSE 'id = 7' END))
FROM bi_function f JOIN bi_good g USING (fn) WHERE f.fn = called AND g.variant = which
$$;
-- what came of it; what it did is undone
CREATE FUNCTION bi_try(call text, OUT state text, OUT message text, OUT detail text, OUT hint text)
LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
	n_values bigint;
BEGIN
	EXECUTE call INTO n, n_values;
	RAISE SQLSTATE 'BI000' USING MESSAGE = CASE WHEN n = 0 THEN 'no rows' WHEN n_values = 0 THEN 'NULL' ELSE 'a result' END;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END $$;
CREATE VIEW bi_counts AS
SELECT (SELECT count(*) FROM mlops.model) AS models, (SELECT count(*) FROM mlops.version) AS versions,
	   (SELECT count(*) FROM mlops.run) AS runs, (SELECT count(*) FROM mlops.alias) AS aliases,
	   (SELECT count(*) FROM mlops.alias_history) AS history, (SELECT count(*) FROM mlops.artefact) AS artefacts,
	   (SELECT count(*) FROM mlops.model_grant) AS grants, (SELECT count(*) FROM bi_stored) AS stored,
	   to_regclass('bi_result') AS result, to_regproc('bi_made') AS made;
CREATE TABLE bi_before AS SELECT * FROM bi_counts;

-- the calls that should work and do not
CREATE TABLE bi_first AS SELECT fn, variant, t.* FROM bi_good, bi_try(bi_call(fn, variant)) t;
SELECT fn::regprocedure, variant, state, message, detail, hint FROM bi_first WHERE message <> 'a result' ORDER BY fn::regprocedure::text;

-- all others
CREATE TABLE bi_outcome AS
WITH p AS (	-- of a variant only the arguments that make it one
	SELECT f.*, g.variant FROM bi_function f JOIN bi_good g USING (fn) LEFT JOIN bi_good b ON b.fn = g.fn AND b.variant = ''
	WHERE g.variant = '' OR g.args -> f.arg <> COALESCE(b.args -> f.arg, 'null')), c AS (
	SELECT fn, name, variant, arg, 'NULL' AS "case", 'NULL' AS expr, bi_call(fn, variant, arg, 'NULL::' ||
		CASE type WHEN 'record' THEN 'bi' WHEN 'anyarray' THEN 'real[]' WHEN 'anycompatible' THEN 'text' ELSE type END) AS call
	FROM p WHERE arg IS NOT NULL
	UNION ALL SELECT p.fn, p.name, p.variant, p.arg, b.case, b.expr, bi_call(p.fn, p.variant, p.arg,
		CASE WHEN p.aggregate AND p.type <> 'anycompatible' THEN format('(%s)::%s', b.expr, p.type) ELSE b.expr END)
	FROM p JOIN bi_bad b ON p.arg ~ ('^(' || b.args || ')$') AND p.type ~ ('^(' || b.type || ')$')
	UNION ALL SELECT DISTINCT fn, name, variant, '', 'aggregate: ' || r.case, '', bi_call(fn, variant, rows => r.cond)
	FROM p, (VALUES ('no rows', 'false'), ('one row', 'id = 7')) r("case", cond) WHERE aggregate)
SELECT c.*, t.state, t.detail, t.hint, t.message AS said,
	   -- the same message for another value is no other message
	   CASE WHEN c.case LIKE 'number:%' THEN regexp_replace(t.message, '(: |not |is )(-?[0-9][0-9.e+]*|NaN|-?Infinity)$', '\1...')
			WHEN c.case LIKE 'label: %' THEN regexp_replace(t.message, 'mlops.\w+\([^)]*\)', 'mlops...')
			WHEN c.expr = '''''' THEN replace(t.message, '""', '"..."')
			WHEN c.case LIKE '%too long' THEN replace(t.message, repeat('x', 201), '...')
			WHEN c.expr LIKE '''__%''' THEN replace(replace(t.message, trim('''' FROM c.expr), '...'),
				'"' || split_part(trim('''' FROM c.expr), '/', 1) || '"', '"..."')
			ELSE t.message END AS message
FROM c, bi_try(call) t;

-- What is said.  SQLSTATE and message, + for a hint or detail; ... for the
-- bad value; then the cases and the functions, with the argument unless it is
-- the model, source or input.  A variant only where it differs.
CREATE FUNCTION bi_lines(head text, cases text, functions text) RETURNS text LANGUAGE sql AS $$
SELECT head || E'\n' || regexp_replace(regexp_replace('[' || cases || '] ' || functions, '(.{1,92})( |$)', '    \1' || E'\n', 'g'), '\n$', '')
$$;
CREATE VIEW bi_said AS
WITH o AS (
	SELECT DISTINCT o.state, o.message || CASE WHEN o.detail <> '' OR o.hint <> '' THEN ' +' ELSE '' END AS message, o.case,
		   o.name || CASE WHEN b.case IS NULL THEN '/' || o.variant ELSE '' END AS name,
		   o.arg
	FROM bi_outcome o LEFT JOIN (SELECT DISTINCT name, arg, "case", state, message FROM bi_outcome WHERE variant = '') b
		USING (name, arg, "case", state, message)),
n AS (SELECT state, message, "case", name || CASE WHEN max(arg) IN ('model', 'source', 'input', '') THEN ''
		ELSE '(' || string_agg(arg, ', ' ORDER BY arg) || ')' END AS name
	FROM o GROUP BY state, message, "case", o.name),
f AS (SELECT state, message, "case", string_agg(name, ' ' ORDER BY name COLLATE "C") AS functions FROM n GROUP BY state, message, "case"),
k AS (SELECT state, message, functions, split_part("case", ': ', 1) AS kind,
		string_agg(split_part("case", ': ', 2), ', ' ORDER BY "case" COLLATE "C") AS cases FROM f GROUP BY 1, 2, 3, 4)
SELECT state, message, functions, min(kind) AS first,
	   string_agg(concat_ws(': ', kind, NULLIF(cases, '')), '; ' ORDER BY kind COLLATE "C") AS cases
FROM k GROUP BY state, message, functions;
SELECT bi_lines(state || ' ' || message, cases, functions) FROM bi_said WHERE state <> 'BI000'
ORDER BY state, message COLLATE "C", cases COLLATE "C", functions COLLATE "C";
-- what is no error
SELECT bi_lines(message, cases, functions) FROM bi_said WHERE state = 'BI000'
ORDER BY message COLLATE "C", cases COLLATE "C", functions COLLATE "C";

-- How it is said.  What is the server's own, and so not ours to word:
CREATE TABLE bi_excused (state text, message text, why text);
INSERT INTO bi_excused VALUES
	('0A000', '^WITH clause containing a data-modifying statement', 'parser, of a source'),
	('21000', '^ON CONFLICT DO UPDATE command', 'executor, of two rows with one key'),
	('42703', '^column "[^"]*" does not exist$', 'parser, of an expression; has a hint if a name is near'),
	('42704', '^role ', 'look-up of roles');
SELECT DISTINCT state, said FROM bi_outcome WHERE state ~ '^(XX|08|38|5[378]|P0|0Z)';
SELECT DISTINCT state, said FROM bi_outcome
WHERE (said ~ '^[[:upper:]]' OR said ~ '[.!]$' OR said ~ '\n' OR length(regexp_replace(said, '"[^"]*"', '""', 'g')) > 100)
	AND state <> 'BI000' AND NOT EXISTS (SELECT FROM bi_excused e WHERE e.state = bi_outcome.state AND said ~ e.message);
SELECT DISTINCT state, said, s FROM bi_outcome, unnest(ARRAY[detail, hint]) s WHERE s <> '' AND s !~ '^["0-9[:upper:]m].*[.?)]$';
SELECT DISTINCT state, said FROM bi_outcome
WHERE state IN ('22023', '42704', '42703', '55000', '0A000', '42804') AND detail = '' AND hint = ''
	AND NOT EXISTS (SELECT FROM bi_excused e WHERE e.state = bi_outcome.state AND said ~ e.message)
ORDER BY 1, 2;
-- each of the excuses is needed
SELECT * FROM bi_excused e WHERE NOT EXISTS (SELECT FROM bi_outcome o WHERE o.state = e.state AND said ~ e.message);

-- nothing is left, nobody died, and everything still works
SELECT count(*) > 2500 AS many FROM bi_outcome;
SELECT pg_postmaster_start_time() = at AND pg_backend_pid() = pid AS same FROM bi_started;
SELECT children FROM pg_read_file(format('/proc/%s/task/%1$s/children', pg_backend_pid()), 0, 100, true) children WHERE children <> '';
SELECT b = a AS same FROM bi_before b, bi_counts a;
SELECT g.fn::regprocedure, g.variant, t.* FROM bi_good g JOIN bi_first f USING (fn, variant), bi_try(bi_call(fn, variant)) t
WHERE (t.state, t.message) IS DISTINCT FROM (f.state, f.message);

SELECT count(mlops.drop_model(model)) AS dropped FROM mlops.models WHERE model LIKE 'bi\_%';
DROP VIEW bi_said, bi_counts, bi_stored_view;
DROP TABLE bi, bi_plain, bi_scores, bi_stored, bi_file, bi_function, bi_good, bi_bad, bi_before, bi_first, bi_outcome, bi_excused;
DROP SEQUENCE bi_sequence;
DROP FUNCTION bi_train, bi_call, bi_try, bi_lines;
