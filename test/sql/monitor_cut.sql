-- Sources that join or compute are read once for each window, and windows are what they are of a table.
SET client_min_messages = error;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
CREATE TABLE flow AS
SELECT i AS id, timestamptz '2024-01-01' + i * interval '10 minutes' AS at, (i * 7919) % 1000 / 1000.0 AS a,
       CASE WHEN i % 11 = 0 THEN NULL ELSE (ARRAY['north', 'süd', 'west'])[1 + i % 3] END AS region,
       repeat('long ', i % 500) AS note, (i * 104729) % 1000 < (i * 7919) % 1000 AS y
FROM generate_series(0, 2879) i;
SELECT version FROM mlops.train('flow', 'SELECT at, a, region, y FROM flow WHERE id < 1440', 'y', event_time => 'at', exclude => 'at',
                 params => '{"num_boost_round": 5}');
SELECT mlops.create_monitor('flow', 'flow', 'at', '2 days', name => n, segments => 'region', target => 'y',
	metrics => '{drift,consecutive_drift,performance,estimate}', baseline_source => 'SELECT * FROM flow WHERE id < 1440')
FROM unnest('{table,view,query,label}'::text[]) n;
CREATE VIEW flow_view AS SELECT f.*, v.x FROM flow f JOIN (VALUES (1)) AS v (x) ON true ORDER BY f.id;
SELECT mlops.alter_monitor('view', source => 'flow_view');
SELECT mlops.alter_monitor('query', source => 'SELECT id, at, a * 1 AS a, region || '''' AS region, note, y FROM flow -- all');
SELECT mlops.alter_monitor('label', source => 'SELECT id, at, a + 0 AS a, lower(region) AS region FROM flow', target => '');
CREATE TABLE flow_label AS SELECT id, y FROM flow;
SELECT mlops.set_label_source('flow', 'flow_label', 'id');
SELECT (SELECT count(*) FROM mlops.run_monitor('table', '2024-01-21')), (SELECT count(*) FROM mlops.run_monitor('view', '2024-01-21'));
-- rows that do not fit into memory
SET work_mem = '64kB';
SELECT (SELECT count(*) FROM mlops.run_monitor('query', '2024-01-21')), (SELECT count(*) FROM mlops.run_monitor('label', '2024-01-21'));
RESET work_mem;
CREATE FUNCTION found(name text) RETURNS TABLE (f text) LANGUAGE sql AS $$
SELECT (window_start, measure, slice, kind, feature, metric, status, round(value::numeric, 9), round(threshold::numeric, 9),
	round(ci_low::numeric, 9), round(ci_high::numeric, 9), n)::text
FROM mlops.monitor_results WHERE monitor = name AND value NOT IN ('NaN', 'Infinity') $$;
SELECT state, count(*), sum(n_rows), sum(n_labelled) FROM mlops.monitor_windows GROUP BY state ORDER BY state;
SELECT measure, count(*) > 10 AS many FROM mlops.monitor_results WHERE monitor = 'table' GROUP BY measure ORDER BY measure;
SELECT n, (SELECT count(*) FROM (SELECT * FROM found(n) EXCEPT SELECT * FROM found('table')) d) AS more,
	   (SELECT count(*) FROM (SELECT * FROM found('table') EXCEPT SELECT * FROM found(n)) d) AS fewer
FROM unnest('{view,query,label}'::text[]) n;

-- how often rows are read: to be counted, and once more
SELECT mlops.set_label_source('flow', NULL, NULL);
CREATE SEQUENCE n_reads;
SELECT mlops.create_monitor('flow', 'SELECT at, region, y, a + 0 * nextval(''n_reads'') AS a FROM flow', 'at', '2 days', name => 'counted',
	metrics => '{drift,performance,estimate}', baseline_source => 'SELECT * FROM flow WHERE id < 1440');
SELECT count(*), sum(n_rows) FROM mlops.run_monitor('counted', '2024-01-21');
SELECT last_value / (SELECT count(*) FROM flow) AS reads FROM n_reads;
-- an error in one of the windows
UPDATE flow SET a = -1 WHERE id = 700;
SELECT mlops.create_monitor('flow', 'SELECT at, region, y, ln(a + 0.0001) AS a FROM flow', 'at', '2 days', name => 'broken',
	metrics => '{drift,performance}');
SELECT window_start::date, state, n_labelled, message IS NOT NULL AS said FROM mlops.run_monitor('broken', '2024-01-13');
SELECT error, error_code FROM mlops.monitor_windows WHERE state = 'failed';
-- nothing is shown afterwards
DO $$ BEGIN PERFORM mlops.drift('flow', 'SELECT * FROM "mlops cut"'); EXCEPTION WHEN undefined_table THEN NULL; END $$;
CREATE TABLE "mlops cut" AS SELECT at, a + 1 AS a, region, y FROM flow WHERE id < 200;
SELECT mlops.create_monitor('flow', 'SELECT at, a * 1 AS a, region, y FROM "mlops cut"', 'at', '2 days', name => 'same',
	metrics => '{drift,performance}');
SELECT window_start::date, state, n_rows FROM mlops.run_monitor('same', '2024-01-03');
SELECT mlops.drop_model('flow');
DROP FUNCTION found;
DROP VIEW flow_view;
DROP TABLE flow, flow_label, "mlops cut";
DROP SEQUENCE n_reads;
