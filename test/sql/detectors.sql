-- Detectors of change: aggregates, windows, states in rows.
SET search_path = mlops, public;

-- the examples of docs/reference.md
CREATE TABLE call_center AS
SELECT i AS minute, timestamp '2024-01-01' + i * interval '1 minute' AS at,
       CASE WHEN i <= 600 THEN 3 ELSE 5 END + (i * 37) % 11 / 10.0 AS wait,
       (i * 7919) % 100 < CASE WHEN i <= 600 THEN 10 ELSE 30 END AS failed
FROM generate_series(1, 1200) i;

SELECT (adwin(wait ORDER BY at)).* FROM call_center;
SELECT (page_hinkley(wait ORDER BY at)).detections FROM call_center;
SELECT (ddm(failed ORDER BY at)).* FROM call_center;
SELECT (kswin(wait, 0.0001 ORDER BY at)).detections FROM call_center;
SELECT (detect_changes(wait, 'page_hinkley', '{"threshold": 20, "mode": "up"}'
                       ORDER BY at)).detections
FROM call_center;

SELECT minute, detections
FROM (SELECT minute, (page_hinkley(wait) OVER (ORDER BY at)).detections FROM call_center) s
WHERE cardinality(detections) > 0 ORDER BY minute LIMIT 1;

CREATE TABLE watched (name text PRIMARY KEY, state detector_state);
INSERT INTO watched VALUES ('wait', detector('page_hinkley', '{"threshold": 10}'));
DO $$
DECLARE
    x float8;
BEGIN
    FOR x IN SELECT wait FROM call_center ORDER BY at LOOP
        UPDATE watched SET state = detector_update(state, x) WHERE name = 'wait';
    END LOOP;
END $$;
SELECT name, (detector_status(state)).* FROM watched;

-- a stream that any program can draw; positions count from 1
CREATE TABLE stream AS
WITH RECURSIVE s(i, s) AS (
	SELECT 1, (1103515245 * 7::bigint + 12345) % 2147483648
	UNION ALL SELECT i + 1, (1103515245 * s + 12345) % 2147483648 FROM s WHERE i < 4000)
SELECT i, (s / 2147483648.0 < CASE WHEN i <= 2000 THEN 0.1 ELSE 0.2 END) AS failed FROM s;
SELECT count(*) FILTER (WHERE failed AND i <= 2000), count(*) FILTER (WHERE failed AND i > 2000) FROM stream;
SELECT (page_hinkley(failed::int ORDER BY i)).detections,
	   (page_hinkley(failed::int, 20 ORDER BY i)).detections,
	   (adwin(failed::int ORDER BY i)).detections,
	   (ddm(failed ORDER BY i)).*,
	   (kswin(failed::int, 0.05 ORDER BY i)).detections FROM stream;
-- defaults by name are the defaults
SELECT (page_hinkley(failed::int, 50, 0.005 ORDER BY i))::text = (page_hinkley(failed::int ORDER BY i))::text AS page_hinkley,
	   (adwin(failed::int, 0.002 ORDER BY i))::text = (adwin(failed::int ORDER BY i))::text AS adwin,
	   (ddm(failed ORDER BY i))::text = (ddm(failed::int ORDER BY i))::text AS ddm,
	   (kswin(failed::int, 0.005 ORDER BY i))::text = (kswin(failed::int ORDER BY i))::text AS kswin,
	   (detect_changes(failed::int, 'adwin', '{"delta": 0.002, "clock": 32, "max_buckets": 5, "min_window_length": 5, "grace_period": 10}' ORDER BY i))::text
	   = (adwin(failed::int ORDER BY i))::text AS all_options
FROM stream;
-- a window gives at each row what the aggregate gives of the rows so far
SELECT bool_and(w = a) AS same FROM
	(SELECT i, (ddm(failed) OVER (ORDER BY i))::text AS w FROM stream) s
	JOIN LATERAL (SELECT (ddm(failed ORDER BY i))::text AS a FROM stream t WHERE t.i <= s.i) t ON true
WHERE s.i % 400 = 0;
-- groups, and NULLs are skipped
SELECT i % 2 AS half, (adwin(failed::int ORDER BY i)).n FROM stream GROUP BY 1 ORDER BY 1;
SELECT (ddm(CASE WHEN i % 2 = 0 THEN failed END ORDER BY i)) = (ddm(failed ORDER BY i) FILTER (WHERE i % 2 = 0)) AS same FROM stream;
SELECT adwin(x), page_hinkley(x), kswin(x), ddm(x), detect_changes(x, 'ddm', NULL) FROM (VALUES (NULL::float8)) v(x);
SELECT adwin(x) FROM (VALUES (1.5::float8)) v(x);
SELECT (adwin(3)).*, (page_hinkley(3)).detections, (kswin(3)).detections, (ddm(true)).detections FROM generate_series(1, 5000);
-- an aggregate keeps all that it found, a state the last hundred
CREATE TABLE steps AS SELECT i, i / 40 % 2 * 1000 AS x FROM generate_series(1, 20000) i;
CREATE TABLE kept (s detector_state);
INSERT INTO kept VALUES (detector('page_hinkley'));
DO $$
DECLARE
	state mlops.detector_state = mlops.detector('page_hinkley');
	x float8;
BEGIN
	FOR x IN SELECT t.x FROM steps t ORDER BY i LOOP
		state := mlops.detector_update(state, x);
	END LOOP;
	UPDATE kept SET s = state;
END $$;
SELECT cardinality(a) > 200 AS all_kept, cardinality(k) AS kept, a[cardinality(a) - 99:] = k AS last
FROM (SELECT (page_hinkley(x ORDER BY i)).detections AS a FROM steps) a, (SELECT (detector_status(s)).detections AS k FROM kept) k;
-- a state goes out and comes in, as text and in binary
SELECT k, detector_status(detector_update(detector_update(detector(k), 1), NULL)),
	   detector_status(detector(k)::text::detector_state)::text = detector_status(detector(k))::text AS same,
	   detector(k)::text = detector(k)::text::detector_state::text AS text
FROM unnest('{adwin,page_hinkley,ddm,kswin}'::text[]) k;
SELECT '\x' || encode(_detector_state_send(s), 'hex') = s::text AS same FROM kept;

-- errors
SELECT adwin('NaN'::float8);
SELECT adwin('Infinity'::float8);
SELECT page_hinkley(1e200);
SELECT ddm(2);
SELECT adwin(1, 0);
SELECT adwin(1, 'NaN');
SELECT kswin(1, 2);
SELECT page_hinkley(1, -1);
SELECT adwin(x, x / 10) FROM (VALUES (1::float8), (2)) v(x);
SELECT detector(NULL);
SELECT detector('cusum');
SELECT detector('adwin', '{"dleta": 1}');
SELECT detector('adwin', '{"clock": 1.5}');
SELECT detector('adwin', '{"clock": "often"}');
SELECT detector('adwin', '{"clock": [1]}');
SELECT detector('adwin', '[1]');
SELECT detector('page_hinkley', '{"mode": "sideways"}');
SELECT detector('kswin', '{"window_size": 40}');
SELECT detector('kswin', '{"window_size": 5000}');
SELECT detector('ddm', '{"warning_threshold": 4}');
SELECT detector_update(NULL, 1);
SELECT detector_update(detector('ddm'), 0.5);
SELECT detector_status(NULL);
SELECT '\x'::detector_state;
SELECT '\x00'::detector_state;
SELECT 'nonsense'::detector_state;
SELECT length(detector('adwin')::text) > 100 AS long, (left(detector('adwin')::text, 400))::detector_state;
SELECT regexp_replace(detector('kswin')::text, '^(.{24}).{8}', '\1ffffffff')::detector_state;
DROP TABLE call_center, watched, stream, steps, kept;
