-- Drift at a glance, drift of columns together, and thresholds.  The examples
-- of the documentation are here.
SET client_min_messages = notice;
SET timezone = 'UTC';
SET mlops.threads = 1;

-- numbers that look random and are the same everywhere
CREATE FUNCTION draw(i integer, salt text) RETURNS integer IMMUTABLE LANGUAGE sql
RETURN ('x' || substr(md5(salt || i), 1, 7))::bit(28)::integer;
CREATE TABLE ride AS
SELECT i AS id, draw(i, 'd') % 1000 / 10.0 AS distance,
	   draw(i, 'd') % 1000 / 5.0 + draw(i, 'f') % 1000 / 100.0 AS fare,
	   draw(i, 'r') % 5 AS riders,
	   (ARRAY['card', 'card', 'cash', 'app'])[1 + draw(i, 'p') % 4] AS payment,
	   draw(i, 'n') % 3 = 0 AS night,
	   CASE WHEN draw(i, 'm') % 10 > 0 THEN draw(i, 't') % 211 END AS tip,
	   timestamp '2026-01-01' + draw(i, 'a') % 80000 * interval '1 minute' AS at,
	   draw(i, 'd') % 1000 + draw(i, 's') % 700 > 800 AS shared
FROM generate_series(1, 8000) i;
SELECT version FROM mlops.train('ride', 'ride', 'shared', key => 'id',
								task => 'binary', split => 'none',
								params => '{"num_boost_round": 10}');

-- no statistics yet
CREATE TABLE ride_june AS
SELECT id, distance, fare, riders,
	   CASE WHEN id % 4 = 0 THEN 'voucher' ELSE payment END AS payment,
	   night, tip, at, shared
FROM ride WHERE id <= 4000;
SELECT feature, kind, status, source FROM mlops.drift_glance('ride', 'ride_june', features => '{distance,payment}');

-- documentation: a first look
ANALYZE ride_june;
SELECT feature, status, round(psi::numeric, 2) AS psi, round(linf::numeric, 2) AS linf, n,
	   source
FROM mlops.drift_glance('ride', 'ride_june');
SELECT feature, status, n, source FROM mlops.drift_glance('ride', 'ride_june', escalate => false)
WHERE status <> 'none';
SELECT bool_and(analyzed_at > now() - interval '1 day') AS analyzed FROM mlops.drift_glance('ride', 'ride_june');

-- the table that the version was trained on, however little ANALYZE looks at
CREATE TABLE glances (target integer, feature text, status text, psi float8);
DO $$
DECLARE
	target integer;
BEGIN
	FOREACH target IN ARRAY ARRAY[1, 5, 30, 100, 1000] LOOP
		EXECUTE format('SET default_statistics_target = %s', target);
		ANALYZE ride;
		INSERT INTO glances SELECT target, g.feature, g.status, g.psi
		FROM mlops.drift_glance('ride', 'ride', escalate => false) g WHERE g.source = 'pg_stats';
	END LOOP;
END $$;
RESET default_statistics_target;
SELECT count(*), count(*) FILTER (WHERE status IN ('potential', 'detected')) AS alarms FROM glances;

-- numbers that shift, what is missing, what is common
CREATE TABLE ride_july AS
SELECT id, distance + 30 AS distance, fare, 1 AS riders, payment, true AS night,
	   CASE WHEN id % 2 = 0 THEN tip END AS tip, at, shared
FROM ride WHERE id <= 3000;
ANALYZE ride_july;
SELECT feature, status, round(missing::numeric, 2) AS missing, round(missing_reference::numeric, 2) AS missing_reference,
	   source
FROM mlops.drift_glance('ride', 'ride_july') WHERE feature NOT LIKE 'at.%';
SELECT g.feature, g.psi = d.psi AND g.linf = d.linf AND g.status = d.status AS same
FROM mlops.drift_glance('ride', 'ride_july') g JOIN mlops.drift('ride', 'ride_july') d USING (feature)
WHERE g.source = 'scan' ORDER BY feature COLLATE "C";

-- thresholds, few rows, all that is NULL, no rows
SELECT feature, status FROM mlops.drift_glance('ride', 'ride_june', 'payment', thresholds => '{"psi": 100, "js": 1, "linf": null}');
CREATE TABLE ride_few AS SELECT * FROM ride WHERE id <= 50;
ANALYZE ride_few;
SELECT DISTINCT status FROM mlops.drift_glance('ride', 'ride_few');
CREATE TABLE ride_null AS
SELECT id, NULL::numeric AS distance, 'NaN'::numeric AS fare, NULL::integer AS riders, NULL::text AS payment,
	   NULL::boolean AS night, tip, at, shared
FROM ride WHERE id <= 500;
ANALYZE ride_null;
SELECT feature, status, missing, source FROM mlops.drift_glance('ride', 'ride_null') WHERE feature NOT LIKE 'at.%';
CREATE TABLE ride_none AS SELECT * FROM ride WHERE false;
ANALYZE ride_none;
SELECT DISTINCT status FROM mlops.drift_glance('ride', 'ride_none');

-- partitions: statistics of all of them together
CREATE TABLE ride_part (LIKE ride) PARTITION BY RANGE (id);
CREATE TABLE ride_part_1 PARTITION OF ride_part FOR VALUES FROM (0) TO (4000);
CREATE TABLE ride_part_2 PARTITION OF ride_part FOR VALUES FROM (4000) TO (9000);
INSERT INTO ride_part SELECT * FROM ride;
ANALYZE ride_part_1;
SELECT DISTINCT status FROM mlops.drift_glance('ride', 'ride_part', '{distance,payment}');
ANALYZE ride_part;
SELECT feature, status, n, source FROM mlops.drift_glance('ride', 'ride_part', '{distance,payment}');
CREATE TABLE ride_parent (LIKE ride);
CREATE TABLE ride_child () INHERITS (ride_parent);
INSERT INTO ride_parent SELECT * FROM ride WHERE id <= 1000;
INSERT INTO ride_child SELECT * FROM ride_july;
ANALYZE ride_parent;
ANALYZE ride_child;
SELECT feature, n, source FROM mlops.drift_glance('ride', 'ride_parent', 'distance', false);

-- names that need quotes, text that is not ASCII, a dropped column
CREATE TABLE "Ride Ü" AS SELECT * FROM ride WHERE id <= 2000;
ALTER TABLE "Ride Ü" DROP COLUMN id;
ALTER TABLE "Ride Ü" ALTER COLUMN payment TYPE varchar(20);
UPDATE "Ride Ü" SET payment = 'größe' WHERE payment = 'app';
ANALYZE "Ride Ü";
SELECT feature, status, source FROM mlops.drift_glance('ride', '"Ride Ü"', '{riders,payment}');

-- what pg_stats hides
CREATE ROLE ride_reader;
SELECT mlops.grant_model('ride', 'ride_reader', 'read');
GRANT SELECT (id, distance, at) ON ride_june TO ride_reader;
GRANT SELECT ON ride_part TO ride_reader;
ALTER TABLE ride_part ENABLE ROW LEVEL SECURITY;
SET ROLE ride_reader;
SELECT feature, status, source FROM mlops.drift_glance('ride', 'ride_june', '{distance,payment,tip}');
SELECT feature, status, source FROM mlops.drift_glance('ride', 'ride_part', 'distance');
RESET ROLE;

-- what is no table, or not the right one
CREATE VIEW ride_view AS SELECT * FROM ride;
SELECT * FROM mlops.drift_glance('ride', 'ride_view');
SELECT * FROM mlops.drift_glance('ride', 'SELECT * FROM ride');
SELECT * FROM mlops.drift_glance('ride', 'glances');
SELECT * FROM mlops.drift_glance('ride', 'ride', 'nothing');
CREATE TABLE ride_type AS SELECT id, 'x' AS distance, fare, riders, payment, night, tip, at FROM ride;
SELECT * FROM mlops.drift_glance('ride', 'ride_type');

-- documentation: columns together.  Each is as it was, and fare does not go
-- with distance any more
CREATE TABLE ride_august AS
SELECT id, distance, 210 - fare AS fare, riders, payment, night, tip, at, shared
FROM ride WHERE id <= 4000;
SELECT feature, status FROM mlops.drift_between('ride_august', 'ride', '{distance,fare,riders}');
SELECT method, round(value::numeric, 2) AS value, threshold_low, threshold_high, status, n,
	   n_reference
FROM mlops.drift_multivariate('ride_august', 'ride',
							  features => '{distance,fare,riders,payment}');
SELECT method, round(value::numeric, 2) AS value,
	   round(threshold_low::numeric, 2) AS threshold_low,
	   round(threshold_high::numeric, 2) AS threshold_high, status
FROM mlops.drift_multivariate('ride_august', 'ride',
							  features => '{distance,fare,riders,payment}',
							  method => 'pca');
SELECT f ->> 'feature' AS feature, (f ->> 'share')::numeric > 0.1 AS much
FROM mlops.drift_multivariate('ride_august', 'ride',
							  features => '{distance,fare,riders,payment}'),
	 jsonb_array_elements(features) f LIMIT 2;

-- the same rows, other rows like them, and with the features of a version
SELECT m.method, m.status, value = 0.5 AS half, jsonb_array_length(features) AS n_features, ci_low <= value AND value <= ci_high AS inside
FROM unnest(ARRAY['classifier', 'pca']) method, mlops.drift_multivariate('ride', 'ride', '{distance,fare,riders,payment,tip}', method) m;
SELECT m.method, m.status
FROM unnest(ARRAY['classifier', 'pca']) method,
	 mlops.drift_multivariate('SELECT * FROM ride WHERE id <= 1500', 'SELECT * FROM ride WHERE id > 1500',
							  '{distance,fare,riders,payment,tip}', method) m;
SELECT m.method, m.status, features -> 0 ->> 'feature' IN ('distance', 'fare') AS blamed
FROM unnest(ARRAY['classifier', 'pca']) method,
	 mlops.drift_multivariate('ride_august', 'ride', '{distance,fare,at.hour}', method, 'ride') m;
-- a sample is the same each time; another seed draws another one
SELECT count(DISTINCT value), min(n), min(n_reference)
FROM generate_series(1, 2) i, mlops.drift_multivariate('ride_june', 'ride', max_rows => 1000 + i - i);
SELECT count(DISTINCT value)
FROM generate_series(1, 2) i, mlops.drift_multivariate('ride_june', 'ride', max_rows => 1000, seed => i);

-- rows that are few, missing, constant, infinite, and a category for each
SELECT m.method, m.status, value, n FROM unnest(ARRAY['classifier', 'pca']) method,
	mlops.drift_multivariate('ride_few', 'ride', 'distance', method) m;
SELECT m.method, m.status, value, n FROM unnest(ARRAY['classifier', 'pca']) method,
	mlops.drift_multivariate('ride_none', 'ride_none', NULL, method) m;
SELECT m.method, m.status, value FROM unnest(ARRAY['classifier', 'pca']) method,
	mlops.drift_multivariate('ride_null', 'ride_null', '{distance,fare,riders,payment,night}', method) m;
SELECT m.method, m.status FROM unnest(ARRAY['classifier', 'pca']) method,
	mlops.drift_multivariate('ride_null', 'ride', '{distance,fare,riders,payment,night}', method) m;
SELECT m.method, m.status, round(value::numeric, 6) AS value FROM unnest(ARRAY['classifier', 'pca']) method,
	mlops.drift_multivariate('SELECT 2 AS k FROM ride', 'SELECT 1 AS k FROM ride', NULL, method) m;
SELECT m.method, m.status, value FROM unnest(ARRAY['classifier', 'pca']) method,
	mlops.drift_multivariate('SELECT float8 ''-infinity'' AS k, 1e300::float8 AS l FROM ride',
							 'SELECT float8 ''infinity'' AS k, 1e300::float8 AS l FROM ride', NULL, method) m;
SELECT m.method, m.status FROM unnest(ARRAY['classifier', 'pca']) method,
	mlops.drift_multivariate('SELECT ''n'' || id AS name FROM ride', 'SELECT ''o'' || id AS name FROM ride', NULL, method) m;

-- names that are all different, and no more new than old
SELECT m.method, m.status FROM unnest(ARRAY['classifier', 'pca']) method,
	mlops.drift_multivariate('SELECT ''n'' || id AS name FROM ride WHERE id <= 300',
							 'SELECT ''o'' || id AS name FROM ride WHERE id <= 300', NULL, method,
							 thresholds => '{"reconstruction_error": 2}') m;

-- a thousand columns
CREATE TABLE wide AS SELECT (SELECT array_agg((i * j * 7919) % 1013) FROM generate_series(1, 1000) j) AS v
FROM generate_series(1, 200) i;
DO $$
BEGIN
	EXECUTE 'CREATE VIEW wide_columns AS SELECT ' || (SELECT string_agg(format('v[%s] AS "c %s"', j, j), ', ')
		FROM generate_series(1, 1000) j) || ' FROM wide';
END $$;
SELECT status FROM mlops.drift_multivariate('wide_columns', 'wide_columns');
SELECT status FROM mlops.drift_multivariate('wide_columns', 'wide_columns', method => 'pca');

-- thresholds of the methods
SELECT m.method, m.status, threshold_low, threshold_high FROM (VALUES ('classifier'), ('pca')) v(method),
	mlops.drift_multivariate('ride_august', 'ride', '{distance,fare}', v.method, thresholds => '{"auc": 1, "reconstruction_error": [0, 100]}') m;
SELECT status FROM mlops.drift_multivariate('ride_few', 'ride', 'distance', thresholds => '{"min_rows": 20}');
SELECT status FROM mlops.drift_multivariate('ride_august', 'ride', '{distance,fare,riders}', 'pca', thresholds => '{"deviations": 1000, "explained": 0.5}');
SELECT mlops.drift_multivariate('ride', 'ride', thresholds => '{"aux": 1}');
SELECT mlops.drift_multivariate('ride', 'ride', thresholds => '{"nothing": 1}');
SELECT mlops.drift_multivariate('ride', 'ride', thresholds => '{"auc": "x"}');
SELECT mlops.drift_multivariate('ride', 'ride', thresholds => '[]');
SELECT mlops.drift_multivariate('ride', 'ride', method => 'clasifier');
SELECT mlops.drift_multivariate('ride', 'ride', method => 'x');
SELECT mlops.drift_multivariate('ride', 'ride', max_rows => 99);
SELECT mlops.drift_multivariate(NULL, 'ride');
SELECT mlops.drift_multivariate('ride', 'ride', model => 'ride', features => 'nothing');
SET ROLE ride_reader;
SELECT mlops.drift_multivariate('ride_august', 'ride');
RESET ROLE;

-- thresholds of rates
CREATE TABLE ride_rates AS
SELECT id, distance + CASE WHEN id % 50 = 0 THEN 500 ELSE 0 END AS distance, fare, riders,
	   CASE WHEN id % 50 = 1 THEN 'barter' ELSE payment END AS payment, night,
	   CASE WHEN id % 8 > 0 THEN tip END AS tip, at, shared
FROM ride WHERE id <= 2000;
SELECT feature, status, metric, round(value::numeric, 3) AS value, round(threshold::numeric, 3) AS threshold
FROM mlops.drift('ride', 'ride_rates', features => '{distance,payment,tip}',
				 thresholds => '{"missing": 0.15, "unseen": 0.01, "out_of_range": 0.01, "linf": null}');
-- as much is missing as always was; one new category in a hundred rows may be chance
SELECT feature, status, metric, round(threshold::numeric, 3) AS threshold
FROM mlops.drift('ride', 'ride', features => 'tip',
				 thresholds => '{"missing": 0.05, "psi": null, "js": null, "linf": null, "wasserstein_std": null}');
-- documentation: thresholds from the reference's own parts
SELECT feature, status, metric, round(threshold::numeric, 4) AS threshold
FROM mlops.drift('ride', 'ride_june', reference => 'ride', features => '{fare,payment}',
				 thresholds => '{"psi": "learned", "js": null, "linf": null,
								 "wasserstein_std": null}');
SELECT * FROM mlops.drift('ride', 'ride_june', thresholds => '{"psi": "learned"}');
SELECT * FROM mlops.drift('ride', 'ride_june', 'ride', thresholds => '{"p_value": "learned"}');
SELECT * FROM mlops.drift('ride', 'ride_june', thresholds => '{"psi": "leaned"}');
-- a shift of the mean by a fifth of the deviation is potential drift
SELECT feature, status, metric, round(value::numeric, 2) AS value, threshold
FROM mlops.drift('ride', 'SELECT * FROM (SELECT id, distance + 6 AS distance, fare, riders, payment, night, tip, at FROM ride) r',
				 features => 'distance');

-- no drift, no alarm: many rare categories, of which those have a bin that chance favoured, and a long tail
WITH drawn AS (
	SELECT w, s, array_agg('c' || draw(i + 1000 * w, s) % 100) AS categories, array_agg(1e7 / (1 + draw(i + 3000 * w, s) % 10000000)) AS tail
	FROM generate_series(1, 40) w, (VALUES ('reference', 300, 700), ('current', 300, 2000)) v (s, few, more), generate_series(1, more) i
	GROUP BY w, s),
told AS (
	SELECT kind, status FROM drawn r JOIN drawn c USING (w),
		 mlops.drift_between(format('SELECT unnest(%L::text[]) AS f', c.categories[1:300]), format('SELECT unnest(%L::text[]) AS f', r.categories[1:300]))
	WHERE r.s = 'reference' AND c.s = 'current' AND feature = 'f'
	UNION ALL
	SELECT kind, status FROM drawn r JOIN drawn c USING (w),
		 mlops.drift_between(format('SELECT unnest(%L::float8[]) AS f', c.tail), format('SELECT unnest(%L::float8[]) AS f', r.tail))
	WHERE r.s = 'reference' AND c.s = 'current' AND feature = 'f')
SELECT kind, count(*) AS windows, count(*) FILTER (WHERE status <> 'none') <= 3 AS quiet FROM told GROUP BY kind ORDER BY kind;
-- few values far out where the reference has no long tail are drift all the same
SELECT feature, status, metric
FROM mlops.drift_between('SELECT distance + CASE WHEN id IN (7, 77) THEN 50000 ELSE 0 END AS distance FROM ride WHERE id <= 2000', 'ride', 'distance');

-- drift explained: what drifts and matters comes first
SELECT array_agg(impact ORDER BY ordinality) = array_agg(impact ORDER BY impact DESC NULLS LAST) AS by_impact
FROM mlops.drift('ride', 'ride_july') WITH ORDINALITY WHERE kind IN ('number', 'category');

-- predictions are held against those for rows that were not trained on
SELECT version FROM mlops.train('ride', 'ride', 'shared', key => 'id', task => 'binary', params => '{"num_boost_round": 10}');
SELECT n FROM mlops.baselines WHERE model = 'ride' AND version = 2 AND kind = 'prediction';
SELECT rows_validation + rows_test AS held_out FROM mlops.runs WHERE model = 'ride' AND version = 2;
SELECT version FROM mlops.train('ride', 'SELECT * FROM ride WHERE id <= 500', 'shared', key => 'id', task => 'binary',
								params => '{"num_boost_round": 10}');
SELECT b.n = r.rows_train AS training_rows FROM mlops.baselines b JOIN mlops.runs r USING (model, version)
WHERE model = 'ride' AND version = 3 AND b.kind = 'prediction';

-- an import has no baseline
SELECT version FROM mlops.import_model('ride_imported', mlops.export_model('ride/1', 'json'),
	signature => '{"payment": ["app", "card", "cash"]}', target => 'shared');
SELECT * FROM mlops.drift_glance('ride_imported', 'ride');

SELECT mlops.drop_model('ride'), mlops.drop_model('ride_imported');
DROP TABLE ride, ride_june, ride_july, ride_august, ride_few, ride_null, ride_none, ride_part, ride_parent, "Ride Ü",
	ride_type, ride_rates, glances, wide CASCADE;
DROP ROLE ride_reader;
DROP FUNCTION draw(integer, text);
