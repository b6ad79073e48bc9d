-- What people read.  The views run with the rights of the extension's owner
-- and filter by those of the reader.

CREATE VIEW mlops.models WITH (security_barrier) AS
SELECT m.name AS model, m.owner, v.task, a.version AS serving,
	   n.versions, n.latest, n.bytes, m.description, m.keep_versions,
	   m.created_at
FROM mlops.model m
LEFT JOIN mlops.alias a ON a.model = m.name AND a.alias = 'champion'
LEFT JOIN mlops.version v ON v.version_id = a.version_id
CROSS JOIN LATERAL (
	SELECT pg_catalog.count(*) AS versions,
		   pg_catalog.max(x.version) AS latest,
		   COALESCE(pg_catalog.sum(x.model_size + x.forest_size), 0)::bigint
			   AS bytes
	FROM mlops.version x
	WHERE x.model_id = m.model_id AND x.dropped_at IS NULL) n
WHERE mlops.has_model_privilege(m.name, 'predict');
COMMENT ON VIEW mlops.models IS
'models that the current role may predict with, and which version serves';

CREATE VIEW mlops.versions WITH (security_barrier) AS
SELECT m.name AS model, v.version, v.task,
	   ARRAY(SELECT a.alias::text FROM mlops.alias a
			 WHERE a.version_id = v.version_id ORDER BY 1) AS aliases,
	   v.objective, v.booster, v.n_features AS features,
	   v.n_trees AS trees, v.n_rounds AS rounds, v.target, v.classes,
	   (SELECT pg_catalog.jsonb_object_agg(s.split, s.metrics)
		FROM (SELECT x.split,
					 pg_catalog.jsonb_object_agg(x.name, x.value) AS metrics
			  FROM mlops.metric x WHERE x.run_id = v.run_id
			  GROUP BY x.split) s) AS metrics,
	   v.signature, v.model_size, v.forest_size, v.model_sha256,
	   v.library_version, v.run_id, v.description, v.created_at,
	   v.created_by, v.dropped_at, v.dropped_by
FROM mlops.version v
JOIN mlops.model m USING (model_id)
WHERE mlops.has_model_privilege(m.name, 'read');
COMMENT ON VIEW mlops.versions IS
'versions of the models that the current role may read';

CREATE VIEW mlops.deployments WITH (security_barrier) AS
SELECT h.model, h.alias, h.action, h.version,
	   h.changed_at AS valid_from,
	   pg_catalog.lead(h.changed_at) OVER later AS valid_to,
	   pg_catalog.lead(h.history_id) OVER later IS NULL
	   AND h.version IS NOT NULL AS current,
	   h.changed_by, h.session_role_name AS session_role, h.note
FROM mlops.alias_history h
JOIN mlops.model m USING (model_id)
WHERE mlops.has_model_privilege(m.name, 'read')
WINDOW later AS (PARTITION BY h.model_id, h.alias ORDER BY h.history_id);
COMMENT ON VIEW mlops.deployments IS
'which version each alias pointed to, when, and who changed it';

CREATE VIEW mlops.runs WITH (security_barrier) AS
SELECT r.run_id, r.parent_run_id, r.kind, r.state, r.error, r.model,
	   v.version, r.started_at, r.ended_at,
	   r.ended_at - r.started_at AS elapsed,
	   r.current_role_name AS run_by, r.session_role_name AS session_role,
	   r.application_name, r.trigger_kind, r.arguments, r.effective,
	   r.source, r.query, r.relations, r.row_security, r.server_version,
	   r.extension_version, r.library_version, r.threads, r.seed,
	   r.snapshot, r.wal_position, r.rows_train, r.rows_validation,
	   r.rows_test, r.rows_skipped, r.fingerprint_ordered,
	   r.fingerprint_unordered, r.event_time_min, r.event_time_max,
	   r.peak_memory, r.read_seconds, r.train_seconds, r.cpu_seconds,
	   r.advice
FROM mlops.run r
LEFT JOIN mlops.version v USING (run_id)
LEFT JOIN mlops.model m ON m.model_id = r.model_id
WHERE CASE WHEN m.model_id IS NOT NULL
		   THEN mlops.has_model_privilege(m.name, 'read')
		   ELSE r.current_role_name = CURRENT_USER END;
COMMENT ON VIEW mlops.runs IS
'runs of the models that the current role may read, with all that made them';

CREATE VIEW mlops.metrics WITH (security_barrier) AS
SELECT m.name AS model, v.version, x.split, x.name, NULL::integer AS round,
	   x.value
FROM mlops.metric x
JOIN mlops.version v USING (run_id)
JOIN mlops.model m USING (model_id)
WHERE mlops.has_model_privilege(m.name, 'read')
UNION ALL
SELECT m.name, v.version, x.split, x.name, x.round, x.value
FROM mlops.metric_history x
JOIN mlops.version v USING (run_id)
JOIN mlops.model m USING (model_id)
WHERE mlops.has_model_privilege(m.name, 'read');
COMMENT ON VIEW mlops.metrics IS
'metrics of versions per split, and after each boosting round where round is not NULL';

CREATE VIEW mlops.baselines WITH (security_barrier) AS
SELECT m.name AS model, v.version, b.kind, b.feature, b.n, b.n_missing,
	   b.min, b.max, b.mean, b.stddev, b.skewness, b.quantiles, b.edges,
	   b.bin_counts, b.width_counts, b.categories, b.category_counts,
	   b.n_other
FROM mlops.baseline b
JOIN mlops.version v USING (version_id)
JOIN mlops.model m USING (model_id)
WHERE mlops.has_model_privilege(m.name, 'read');
COMMENT ON VIEW mlops.baselines IS
'statistics of features and predictions over the training rows';

CREATE VIEW mlops.stat_progress_train WITH (security_barrier) AS
SELECT p.pid, p.model, p.phase, p.rows_read, p.rows_estimated, p.round,
	   p.rounds, p.metric, p.value, p.started_at,
	   CASE WHEN p.round > 0 AND p.phase = 'training'
			THEN (pg_catalog.clock_timestamp() - p.phase_started_at)
				 / p.round * (p.rounds - p.round) END AS remaining
FROM mlops._progress_train() p
WHERE p.database_id = (SELECT d.oid FROM pg_catalog.pg_database d
					   WHERE d.datname = pg_catalog.current_database())
  AND (pg_catalog.pg_has_role(p.role_id, 'USAGE')
	   OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE'));
COMMENT ON VIEW mlops.stat_progress_train IS
'trainings that run now in this database; needs shared_preload_libraries';

CREATE VIEW mlops.stat_cache WITH (security_barrier) AS
SELECT m.name AS model, v.version, c.bytes, c.loads, c.hits, c.load_time,
	   c.last_use, c.shared, c.sessions
FROM mlops._stat_cache() c
JOIN mlops.version v USING (version_id)
JOIN mlops.model m USING (model_id)
WHERE mlops.has_model_privilege(m.name, 'predict');
COMMENT ON VIEW mlops.stat_cache IS
'versions in memory, this session''s and shared: bytes, loads, uses, times in ms';

CREATE VIEW mlops.stat_model WITH (security_barrier) AS
SELECT m.name AS model, v.version, s.calls, s.rows, s.total_time, s.errors,
	   s.missing, s.unseen, s.cache_hits, s.loads, s.load_time, s.first_use,
	   s.last_use
FROM mlops._stat_model() s
JOIN mlops.version v USING (version_id)
JOIN mlops.model m USING (model_id)
WHERE mlops.has_model_privilege(m.name, 'read');
COMMENT ON VIEW mlops.stat_model IS
'what versions are used for: statements, rows, times in ms, errors, missing values';

CREATE VIEW mlops.monitors WITH (security_barrier) AS
SELECT m.name AS model, o.name AS monitor, o.reference, o.source,
	   o.event_time, o.window_size, o.lateness, o.start_at, o.segments,
	   o.metrics, o.features, o.thresholds, o.baseline_source, o.target,
	   o.enabled, n.windows, n.failed, w.window_start AS last_window,
	   w.state AS last_state, w.status AS last_status,
	   w.version AS last_version, w.n_rows AS last_n_rows,
	   w.n_labelled AS last_n_labelled, w.error AS last_error,
	   w.computed_at AS last_computed_at,
	   w.window_end + o.window_size + o.lateness AS next_due,
	   o.time_zone, o.search_path, o.created_at, o.created_by
FROM mlops.monitor o
JOIN mlops.model m USING (model_id)
CROSS JOIN LATERAL (
	SELECT pg_catalog.count(*) AS windows,
		   pg_catalog.count(*) FILTER (WHERE x.state = 'failed') AS failed
	FROM mlops.monitor_window x
	WHERE x.monitor_id = o.monitor_id) n
LEFT JOIN LATERAL (
	SELECT x.* FROM mlops.monitor_window x
	WHERE x.monitor_id = o.monitor_id
	ORDER BY x.window_start DESC LIMIT 1) w ON true
WHERE mlops.has_model_privilege(m.name, 'read');
COMMENT ON VIEW mlops.monitors IS
'monitors of the models that the current role may read, and how the last window was';

CREATE VIEW mlops.monitor_windows WITH (security_barrier) AS
SELECT m.name AS model, o.name AS monitor, w.window_start, w.window_end,
	   w.state, w.status, w.version, w.n_rows, w.n_labelled, w.error,
	   w.error_code, w.runs, w.computed_at, w.computed_by, w.seconds
FROM mlops.monitor_window w
JOIN mlops.monitor o USING (monitor_id)
JOIN mlops.model m USING (model_id)
WHERE mlops.has_model_privilege(m.name, 'read');
COMMENT ON VIEW mlops.monitor_windows IS
'windows that monitors have looked at: how they were, or why they failed';

CREATE VIEW mlops.monitor_results WITH (security_barrier) AS
SELECT m.name AS model, o.name AS monitor, w.version, r.window_start,
	   w.window_end, r.measure, r.slice, r.kind, r.feature, r.metric,
	   r.status, r.value, r.threshold, r.ci_low, r.ci_high, r.n,
	   r.importance
FROM mlops.monitor_result r
JOIN mlops.monitor_window w USING (monitor_id, window_start)
JOIN mlops.monitor o USING (monitor_id)
JOIN mlops.model m USING (model_id)
WHERE mlops.has_model_privilege(m.name, 'read');
COMMENT ON VIEW mlops.monitor_results IS
'figures of windows, a row each; feature is empty where one is of the model as a whole';

CREATE VIEW mlops.drift_latest WITH (security_barrier) AS
SELECT m.name AS model, o.name AS monitor, w.version, w.window_start,
	   w.window_end, r.slice, r.kind, r.feature, r.metric, r.status, r.value,
	   r.threshold, r.n, r.importance,
	   r.importance * pg_catalog.max(r.value) FILTER (WHERE r.metric = 'psi')
	   OVER (PARTITION BY o.monitor_id, r.slice, r.kind, r.feature) AS impact
FROM mlops.monitor o
JOIN mlops.model m USING (model_id)
CROSS JOIN LATERAL (
	SELECT x.* FROM mlops.monitor_window x
	WHERE x.monitor_id = o.monitor_id AND x.state = 'completed'
	ORDER BY x.window_start DESC LIMIT 1) w
JOIN mlops.monitor_result r ON r.monitor_id = o.monitor_id
	AND r.window_start = w.window_start AND r.measure = 'drift'
WHERE mlops.has_model_privilege(m.name, 'read')
ORDER BY m.name, o.name, r.slice, r.kind <> 'model', impact DESC NULLS LAST,
	r.kind, r.feature, r.metric;
COMMENT ON VIEW mlops.drift_latest IS
'drift in the last window of each monitor, what matters most first';

CREATE VIEW mlops.alert_rules WITH (security_barrier) AS
SELECT m.name AS model, r.name AS rule, r.events, r.metrics, r.features,
	   r.least_status, r.severity, r.min_count, r.period, r.cooldown,
	   r.auto_reset, r.created_at, r.created_by
FROM mlops.alert_rule r
JOIN mlops.model m USING (model_id)
WHERE mlops.has_model_privilege(m.name, 'read');
COMMENT ON VIEW mlops.alert_rules IS
'rules of alerts for the models that the current role may read';

CREATE VIEW mlops.alerts WITH (security_barrier) AS
SELECT a.alert_id, m.name AS model, a.rule, a.event, a.subject, a.slice,
	   a.feature, a.severity, a.state, a.raised_at, a.raised_for,
	   a.first_seen_at, a.last_seen_at, a.n_seen, a.resolved_at, a.message,
	   a.acknowledged_at, a.acknowledged_by, a.note, a.details
FROM mlops.alert a
JOIN mlops.model m USING (model_id)
WHERE mlops.has_model_privilege(m.name, 'read');
COMMENT ON VIEW mlops.alerts IS
'alerts on the models that the current role may read, and what became of them';

CREATE VIEW mlops.schedules WITH (security_barrier) AS
SELECT j.job_id, j.name, j.kind, j.subject, m.name AS model, j.schedule,
	   j.run_as, p.problem,
	   CASE WHEN p.problem IS NULL
			THEN mlops._next_run(j.schedule, r.started_at) END AS next_run,
	   r.started_at AS last_started, r.ended_at AS last_ended,
	   r.ended_at - r.started_at AS duration, r.state AS last_state,
	   r.message AS last_message, r.error AS last_error,
	   r.error_code AS last_error_code, n.runs, n.failures, j.cron_job_id,
	   j.cron_database, j.created_at
FROM mlops.job j
LEFT JOIN mlops.model m USING (model_id)
LEFT JOIN LATERAL (
	SELECT x.*
	FROM mlops.job_run x
	WHERE x.job_id = j.job_id
	ORDER BY x.started_at DESC, x.job_run_id DESC
	LIMIT 1) r ON true
CROSS JOIN LATERAL (
	SELECT pg_catalog.count(*) AS runs,
		   pg_catalog.count(*) FILTER (WHERE x.state = 'failed') AS failures
	FROM mlops.job_run x
	WHERE x.job_id = j.job_id) n
CROSS JOIN LATERAL (
	SELECT COALESCE(
		mlops._job_obstacle(j.run_as, j.system_identifier),
		CASE WHEN m.model_id IS NULL
			 THEN 'the model does not exist any more' END) AS problem) p
WHERE CASE WHEN m.model_id IS NOT NULL
		   THEN mlops.has_model_privilege(m.name, 'read')
		   ELSE j.run_as = CURRENT_USER
				OR (SELECT x.rolsuper FROM pg_catalog.pg_roles x
					WHERE x.rolname = CURRENT_USER) END;
COMMENT ON VIEW mlops.schedules IS
'jobs on the models that the current role may read: next run, and how the last one ended';

CREATE VIEW mlops.job_runs WITH (security_barrier) AS
SELECT j.name, j.kind, j.subject, m.name AS model, r.state, r.started_at,
	   r.ended_at, r.ended_at - r.started_at AS duration, r.message, r.error,
	   r.error_code, r.run_by
FROM mlops.job_run r
JOIN mlops.job j USING (job_id)
JOIN mlops.model m USING (model_id)
WHERE mlops.has_model_privilege(m.name, 'read');
COMMENT ON VIEW mlops.job_runs IS
'each run of jobs on the models that the current role may read: the last 1,000 of each job';
CREATE VIEW mlops.retraining_policies WITH (security_barrier) AS
SELECT m.name AS model, p.enabled, p.trigger_on, p.gate, p.source,
	   p.event_time, p.cooldown, p.max_per_day, p.max_age, p.min_new_rows,
	   p.memory, p.refit, p.guard, p.max_failures, p.created_at, p.created_by
FROM mlops.retraining_policy p
JOIN mlops.model m USING (model_id)
WHERE mlops.has_model_privilege(m.name, 'read');
COMMENT ON VIEW mlops.retraining_policies IS
'when models are trained again, and when the new version may serve';

CREATE VIEW mlops.decisions WITH (security_barrier) AS
SELECT d.decision_id, m.name AS model, d.decided_at, d.data_until, d.action,
	   d.dry_run, d.triggers, d.reason, d.champion, d.challenger, d.refitted,
	   d.trainings, d.n_rows, d.metric, d.champion_value, d.challenger_value,
	   d.gain, d.ci_low, d.ci_high, d.probability, d.checks, d.error_code,
	   d.seconds, d.decided_by
FROM mlops.decision d
JOIN mlops.model m USING (model_id)
WHERE mlops.has_model_privilege(m.name, 'read');
COMMENT ON VIEW mlops.decisions IS
'every decision on a retraining or a rollback: figures, and the reason';

CREATE VIEW mlops.watch_status WITH (security_barrier) AS
SELECT m.name AS model, a.version AS serving,
	   pg_catalog.now() - COALESCE(r.event_time_max, r.started_at) AS age,
	   w.window_start AS last_window, w.drift_status,
	   COALESCE(y.status, CASE WHEN w.n_labelled > 0
							   THEN 'insufficient data' END)
		   AS performance_status, y.metric, y.value, y.threshold,
	   COALESCE(o.open_alerts, 0) AS open_alerts,
	   d.action AS last_action, d.reason AS last_reason,
	   d.decided_at AS last_decided_at,
	   j.next_run, f.open AS breaker_open,
	   CASE WHEN a.version IS NULL THEN 'nothing serves'
			WHEN f.open THEN 'retraining stopped after failures'
			WHEN j.problem IS NOT NULL THEN 'the job cannot run'
			WHEN j.last_error IS NOT NULL THEN 'the last run of the job failed'
			WHEN d.action = 'failed' THEN 'the last retraining failed'
			WHEN w.state = 'failed' THEN 'the last window failed'
			WHEN y.status = 'detected' THEN 'performance is worse'
			WHEN w.drift_status = 'detected' THEN 'data have drifted'
			WHEN o.open_alerts > 0 THEN 'open alerts'
			WHEN w.state IS NULL THEN 'no window yet'
			ELSE 'ok' END AS summary
FROM mlops.model m
LEFT JOIN mlops.alias a ON a.model = m.name AND a.alias = 'champion'
LEFT JOIN mlops.version v USING (version_id)
LEFT JOIN mlops.run r USING (run_id)
LEFT JOIN mlops.retraining_policy p ON p.model_id = m.model_id
LEFT JOIN LATERAL (
	SELECT x.window_start, x.state, x.n_labelled, g.drift_status
	FROM mlops.monitor_window x
	JOIN mlops.monitor n USING (monitor_id)
	LEFT JOIN LATERAL (
		SELECT CASE WHEN pg_catalog.bool_or(z.status = 'detected')
					THEN 'detected'
					WHEN pg_catalog.bool_or(z.status = 'potential')
					THEN 'potential'
					ELSE pg_catalog.min(z.status) END AS drift_status
		FROM mlops.monitor_result z
		WHERE z.monitor_id = x.monitor_id
		  AND z.window_start = x.window_start
		  AND z.feature = '' AND z.slice = '{}'
		  AND z.measure = 'drift') g ON true
	WHERE n.model_id = m.model_id AND x.state <> 'empty'
	ORDER BY x.window_start DESC, n.name LIMIT 1) w ON true
-- labels may come late: the latest window of what serves that has enough
LEFT JOIN LATERAL (
	SELECT z.status, z.metric, z.value, z.threshold
	FROM (
		SELECT x.monitor_id, x.window_start
		FROM mlops.monitor_window x
		JOIN mlops.monitor n USING (monitor_id)
		WHERE n.model_id = m.model_id AND x.n_labelled > 0
		  AND x.version = a.version
		  AND EXISTS (SELECT FROM mlops.monitor_result z
					  WHERE z.monitor_id = x.monitor_id
						AND z.window_start = x.window_start
						AND z.measure = 'performance'
						AND z.status <> 'insufficient data')
		ORDER BY x.window_start DESC, n.name LIMIT 1) x
	JOIN mlops.monitor_result z USING (monitor_id, window_start)
	WHERE z.feature = '' AND z.slice = '{}' AND z.measure = 'performance'
	ORDER BY z.status = 'detected' DESC, z.status = 'potential' DESC,
			 z.threshold IS NULL, z.metric LIMIT 1) y ON true
LEFT JOIN LATERAL (
	SELECT pg_catalog.count(*) AS open_alerts
	FROM mlops.alert x
	WHERE x.model_id = m.model_id AND x.state = 'open') o ON true
LEFT JOIN LATERAL (
	SELECT x.action, x.reason, x.decided_at
	FROM mlops.decision x
	WHERE x.model_id = m.model_id AND NOT x.dry_run
	ORDER BY x.decision_id DESC LIMIT 1) d ON true
LEFT JOIN LATERAL (
	SELECT pg_catalog.count(*) >= p.max_failures AS open
	FROM mlops.decision x
	WHERE x.model_id = m.model_id AND NOT x.dry_run AND x.action = 'failed'
	  AND x.decided_at >= p.created_at
	  AND x.decision_id > COALESCE(
			(SELECT pg_catalog.max(y.decision_id) FROM mlops.decision y
			 WHERE y.model_id = m.model_id AND NOT y.dry_run
			   AND y.action IN ('promoted', 'kept')), 0)) f ON true
LEFT JOIN LATERAL (
	SELECT x.next_run, x.last_error, x.problem
	FROM mlops.schedules x
	WHERE x.kind = 'watch' AND x.model = m.name
	ORDER BY x.next_run LIMIT 1) j ON true
WHERE mlops.has_model_privilege(m.name, 'read')
  AND (p.model_id IS NOT NULL
	   OR EXISTS (SELECT FROM mlops.monitor x WHERE x.model_id = m.model_id));
COMMENT ON VIEW mlops.watch_status IS
'one row for each model that is watched: how it is';

GRANT SELECT ON mlops.models, mlops.versions, mlops.deployments, mlops.runs,
	mlops.metrics, mlops.baselines, mlops.stat_progress_train,
	mlops.stat_cache, mlops.stat_model, mlops.monitors,
	mlops.monitor_windows, mlops.monitor_results, mlops.drift_latest,
	mlops.alert_rules, mlops.alerts, mlops.schedules, mlops.job_runs,
	mlops.retraining_policies, mlops.decisions, mlops.watch_status TO PUBLIC;
