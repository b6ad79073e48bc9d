-- Evaluation: metrics by slices, curves, comparisons.  What a model predicts
-- depends on the library, so metrics are held against SQL over predictions.
SET client_min_messages = warning;
SET TimeZone = 'UTC';

-- the examples of docs/reference.md
CREATE TABLE house AS
SELECT i AS id,
       40 + (i * 37) % 120 AS area,
       CASE WHEN i % 11 <> 0 THEN 1 + i % 5 END AS rooms,
       (ARRAY['north', 'south', 'west'])[1 + i % 3] AS district,
       timestamp '2024-01-01' + i * interval '7 hours' AS sold_at,
       (2.5 * (40 + (i * 37) % 120) + 60 * (i % 3))::numeric AS price
FROM generate_series(1, 1000) i;
SELECT version FROM mlops.train('house_price', 'house', target => 'price',
                 key => 'id', exclude => 'sold_at',
                 params => '{"max_depth": 4}');
SELECT version FROM mlops.train('house_price', 'house', target => 'price',
                 key => 'id', exclude => 'sold_at',
                 params => '{"max_depth": 6}');
SELECT version FROM mlops.train('expensive',
                 'SELECT area, rooms, sold_at, price > 250 AS expensive FROM house',
                 target => 'expensive', event_time => 'sold_at');
SELECT metric, value > 0.5 AS good, ci_low <= value AND value <= ci_high AS inside, n
FROM mlops.evaluate('expensive', 'house', target => 'price > 250')
WHERE metric IN ('roc_auc', 'accuracy');
SELECT slice ->> 'district' AS district, value > 0.5 AS good, n
FROM mlops.evaluate('expensive', 'house', target => 'price > 250', by => 'district')
WHERE metric = 'roc_auc';
SELECT actual, predicted, n > 0 AS seen
FROM mlops.confusion_matrix('expensive', 'house', target => 'price > 250', threshold => 0.4);
SELECT count(*) <= 50 AS few, min(fpr), max(tpr)
FROM mlops.roc_curve('expensive', 'house', target => 'price > 250', points => 50);
SELECT max(recall), min(precision) > 0 AS good
FROM mlops.pr_curve('expensive', 'house', target => 'price > 250');
SELECT bin, share > 0 AS some, lift > 1 AS better
FROM mlops.lift_curve('expensive', 'house', target => 'price > 250', bins => 2);
SELECT sum(n) AS n, bool_and(observed BETWEEN low AND high) AS inside
FROM mlops.calibration_curve('expensive', 'house', target => 'price > 250');
SELECT metric, value > 0 AS some, abs(difference - (value - other_value)) < 1e-9 AS same,
       p_value BETWEEN 0 AND 1 AS p, n
FROM mlops.compare('house_price/2', 'house_price/1', 'house')
WHERE metric IN ('rmse', 'mae');
SELECT mlops.drop_model(m) FROM unnest('{expensive,house_price}'::text[]) m;
DROP TABLE house;

CREATE TABLE flat AS
SELECT i AS id, 40 + i * 37 % 120 AS area, 1 + i * 7 % 5 AS rooms,
	   CASE WHEN i % 10 > 0 THEN (ARRAY['north', 'south', 'west'])[1 + i % 3] END AS district,
	   i * 13 % 4 AS weight, 2.5 * (40 + i * 37 % 120) + 60 * (i % 3) + i * 31 % 101 AS price
FROM generate_series(1, 1200) i;
SELECT version FROM mlops.train('expensive', 'SELECT area, rooms, district, price > 280 AS expensive FROM flat', 'expensive', params => '{"num_boost_round": 20}');
SELECT version FROM mlops.train('expensive', 'SELECT rooms, district, price > 280 AS expensive FROM flat', 'expensive', params => '{"num_boost_round": 20}');
SELECT version FROM mlops.train('flat_price', 'flat', 'price', features => '{area,rooms,district}');
SELECT version FROM mlops.train('flat_size', 'SELECT price, rooms, CASE WHEN area < 70 THEN ''small'' WHEN area < 120 THEN ''middle'' ELSE ''large'' END AS size FROM flat', 'size');

-- the better of two versions is named, and curves have their ends
SELECT metric, value > 0.5 AS good, ci_low < value AND value < ci_high AS inside, n
FROM mlops.evaluate('expensive/1', 'flat', target => 'price > 280')
WHERE metric IN ('roc_auc', 'accuracy');
SELECT slice ->> 'district' AS district, value > 0.5 AS good, n
FROM mlops.evaluate('expensive/1', 'flat', target => 'price > 280', by => 'district')
WHERE metric = 'roc_auc';
SELECT actual, predicted, n > 0 AS seen
FROM mlops.confusion_matrix('expensive/1', 'flat', target => 'price > 280', threshold => 0.4);
SELECT count(*) <= 50 AS few, min(fpr), max(tpr)
FROM mlops.roc_curve('expensive/1', 'flat', target => 'price > 280', points => 50);
SELECT max(recall), min(precision) > 0 AS good
FROM mlops.pr_curve('expensive/1', 'flat', target => 'price > 280');
SELECT bin, share > 0 AS some, lift > 1 AS better
FROM mlops.lift_curve('expensive/1', 'flat', target => 'price > 280', bins => 2);
SELECT sum(n) AS n, bool_and(observed BETWEEN low AND high) AS inside
FROM mlops.calibration_curve('expensive/1', 'flat', target => 'price > 280');
SELECT metric, difference > 0 AS larger, p_value < 0.01 AS sure, better, n
FROM mlops.compare('expensive/1', 'expensive/2', 'flat', target => 'price > 280')
WHERE metric IN ('roc_auc', 'log_loss', 'accuracy');

-- the overall slice comes first, then the others in order, with their rows
SELECT slice, count(*), min(n) = max(n) AS one_n, min(n) AS n
FROM mlops.evaluate('expensive/1', 'flat', 'price > 280', '{district,rooms}') WITH ORDINALITY e
GROUP BY slice ORDER BY min(ordinality);
SELECT slice FROM mlops.evaluate('flat_price', 'SELECT *, id % 2 = 0 AS "Ünï ""q""", date ''2024-01-01'' + id % 2 AS d, id % 2 * 1.50 AS x, ''NaN''::float8 AS nan FROM flat', by => '{"Ünï \"q\"",d,x,nan}') WHERE metric = 'rmse';
-- equal values make one slice, however they are written
SELECT slice, n FROM mlops.evaluate('flat_price', 'SELECT *, CASE WHEN id % 2 = 0 THEN 1.0 WHEN id % 3 = 0 THEN 1.00 ELSE 2 END AS x FROM flat', by => 'x') WHERE metric = 'rmse';

-- metrics are those of SQL over predictions
CREATE VIEW seen AS
SELECT price > 280 AS y, mlops.predict('expensive/1', f) AS p, mlops.predict('flat_price', f) AS number, f.* FROM flat f;
SELECT e.metric, abs(e.value - s.value) < 1e-6 AS same, e.n FROM (
	SELECT d, v.metric, v.value FROM (
		SELECT district AS d, avg(((p > 0.5) = y)::int) AS accuracy, avg((p - y::int) ^ 2) AS brier,
			   avg(y::int) AS base_rate, avg(y::int) FILTER (WHERE p > 0.5) AS precision,
			   avg((p > 0.5)::int) FILTER (WHERE y) AS recall
		FROM seen GROUP BY GROUPING SETS ((), (district)) HAVING grouping(district) = 1 OR district = 'west') a,
		LATERAL (VALUES ('accuracy', accuracy), ('brier', brier), ('base_rate', base_rate), ('precision', precision), ('recall', recall)) v(metric, value)) s
JOIN mlops.evaluate('expensive/1', 'flat', 'price > 280', 'district') e
  ON e.metric = s.metric AND (e.slice ->> 'district') IS NOT DISTINCT FROM s.d AND (s.d IS NOT NULL OR e.slice = '{}')
ORDER BY e.n DESC, e.metric;
SELECT e.metric, abs(e.value - s.value) < 1e-6 * s.value AS same, e.n FROM (
	SELECT sqrt(sum((number - price) ^ 2 * weight) / sum(weight)) AS rmse, sum(abs(number - price) * weight) / sum(weight) AS mae FROM seen) a,
	LATERAL (VALUES ('rmse', rmse), ('mae', mae)) s(metric, value)
JOIN mlops.evaluate('flat_price', 'flat', weight => 'weight') e USING (metric) ORDER BY 1;
SELECT actual, predicted, c.n = coalesce(s.n, 0) AS same, abs(share - coalesce(s.n, 0)::float8 / t.n) < 1e-9 AS shares
FROM mlops.confusion_matrix('expensive/1', 'flat', 'price > 280', 0.3) c
LEFT JOIN (SELECT y::text AS actual, (p > 0.3)::text AS predicted, count(*) AS n FROM seen GROUP BY 1, 2) s USING (actual, predicted)
JOIN (SELECT y::text AS actual, count(*) AS n FROM seen GROUP BY 1) t USING (actual);
SELECT actual, predicted, c.n = coalesce(s.n, 0) AS same
FROM mlops.confusion_matrix('flat_size', 'SELECT *, CASE WHEN area < 70 THEN ''small'' WHEN area < 120 THEN ''middle'' ELSE ''large'' END AS size FROM flat') c
LEFT JOIN (SELECT CASE WHEN area < 70 THEN 'small' WHEN area < 120 THEN 'middle' ELSE 'large' END AS actual, mlops.predict_label('flat_size', f) AS predicted, count(*) AS n FROM flat f GROUP BY 1, 2) s USING (actual, predicted);

-- intervals hold their metric; more confidence makes them wider
SELECT count(*), bool_and(a.ci_low <= a.value AND a.value <= a.ci_high) AS inside,
	   bool_and(b.ci_low <= a.ci_low AND a.ci_high <= b.ci_high) AS wider, bool_and(a.value = b.value) AS same
FROM mlops.evaluate('expensive/1', 'flat', 'price > 280') a
JOIN mlops.evaluate('expensive/1', 'flat', 'price > 280', confidence => 0.99) b USING (metric);
-- the same call gives the same
CREATE TABLE first AS SELECT * FROM mlops.evaluate('expensive/1', 'flat', 'price > 280', 'rooms');
SELECT count(*) FROM ((SELECT * FROM mlops.evaluate('expensive/1', 'flat', 'price > 280', 'rooms')) EXCEPT TABLE first) d;
SELECT count(*) FROM ((SELECT * FROM mlops.compare('expensive/1', 'expensive/2', 'flat', 'price > 280'))
	EXCEPT (SELECT * FROM mlops.compare('expensive/1', 'expensive/2', 'flat', 'price > 280', seed => 42))) d;

-- what is not defined is NULL
\pset null '(null)'
SELECT metric, value, ci_low, n FROM mlops.evaluate('expensive/1', 'SELECT * FROM flat WHERE price > 280 LIMIT 1', 'price > 280') WHERE metric IN ('roc_auc', 'mcc', 'base_rate', 'log_loss') AND (value IS NULL OR value = 1);
SELECT metric, p_value, better FROM mlops.compare('expensive/1', 'expensive/2', 'SELECT * FROM flat LIMIT 9', 'price > 280') WHERE metric = 'accuracy';
SELECT min(p_value), max(p_value), max(abs(difference)), max(better) FROM mlops.compare('expensive/1', 'expensive/1', 'flat', 'price > 280');
-- and so is a weight of 0 in every row
SELECT count(value), count(*), max(n) FROM mlops.evaluate('flat_price', 'SELECT *, 0 AS nothing FROM flat', weight => 'nothing');
-- rows without a target, and with a class that is not known
SET client_min_messages = notice;
SELECT metric, n FROM mlops.evaluate('expensive/1', 'flat', 'CASE WHEN id % 2 = 0 THEN ''true'' WHEN id % 4 = 1 THEN ''false'' WHEN id % 8 = 3 THEN ''maybe'' END') WHERE metric = 'accuracy';
SET client_min_messages = warning;
-- a class is known by its value, not by its type
SELECT version FROM mlops.train('rooms', 'SELECT area, price, rooms FROM flat', 'rooms', task => 'multiclass', params => '{"num_boost_round": 5}');
SELECT count(DISTINCT value) FROM (
	SELECT value FROM mlops.evaluate('rooms', 'flat') WHERE metric = 'accuracy'
	UNION ALL SELECT value FROM mlops.evaluate('rooms', 'flat', 'rooms::numeric(10,3)') WHERE metric = 'accuracy'
	UNION ALL SELECT value FROM mlops.evaluate('rooms', 'flat', 'rooms::float8') WHERE metric = 'accuracy'
	UNION ALL SELECT value FROM mlops.evaluate('rooms', 'flat', 'rooms::text') WHERE metric = 'accuracy') s;
-- the curve of one class against the rest
SELECT min(fpr), max(tpr), count(*) <= 10 AS few FROM mlops.roc_curve('flat_size', 'SELECT *, CASE WHEN area < 70 THEN ''small'' WHEN area < 120 THEN ''middle'' ELSE ''large'' END AS size FROM flat', label => 'middle', points => 10);
SELECT sum(n), sum(positives), max(gain) FROM mlops.lift_curve('expensive/1', 'flat', 'price > 280', label => 'false');

-- refused: NULLs, unknown models, kinds that do not fit
\set VERBOSITY default
SELECT * FROM mlops.evaluate(NULL, 'flat');
SELECT * FROM mlops.evaluate('flat_price', NULL);
SELECT * FROM mlops.evaluate('nobody', 'flat');
SELECT * FROM mlops.evaluate('flat_price/9', 'flat');
SELECT * FROM mlops.evaluate('flat_price', 'nowhere');
SELECT * FROM mlops.evaluate('flat_price', 'flat', confidence => 1);
SELECT * FROM mlops.evaluate('flat_price', 'flat', confidence => 'NaN');
SELECT * FROM mlops.evaluate('flat_price', 'flat', query_group => 'rooms');
SELECT * FROM mlops.evaluate('flat_price', 'flat', target_upper => 'price + 1');
SELECT * FROM mlops.evaluate('flat_price', 'flat', event_observed => 'true');
SELECT * FROM mlops.roc_curve('flat_price', 'flat');
SELECT * FROM mlops.confusion_matrix('flat_price', 'flat');
SELECT * FROM mlops.pr_curve('rooms', 'flat');
SELECT * FROM mlops.lift_curve('rooms', 'flat', label => '9');
SELECT * FROM mlops.roc_curve('rooms', 'flat', label => '1', points => 2);
SELECT * FROM mlops.calibration_curve('rooms', 'flat', label => '1', bins => 0);
SELECT * FROM mlops.confusion_matrix('rooms', 'flat', threshold => 0.3);
SELECT * FROM mlops.confusion_matrix('expensive/1', 'flat', 'price > 280', threshold => -1);
SELECT * FROM mlops.compare('expensive/1', 'flat_price', 'flat', 'price > 280');
SELECT * FROM mlops.compare('rooms', 'flat_size', 'flat');
SELECT * FROM mlops.compare('expensive/1', NULL, 'flat');
-- sources
SELECT * FROM mlops.evaluate('flat_price', 'SELECT * FROM flat WHERE false');
SELECT * FROM mlops.evaluate('flat_price', 'flat', 'NULL::int');
SELECT * FROM mlops.evaluate('flat_price', 'flat', 'district');
SELECT * FROM mlops.evaluate('flat_price', 'flat', '''NaN''::float8');
SELECT * FROM mlops.evaluate('expensive/1', 'flat', 'district');
SELECT * FROM mlops.evaluate('expensive/1', 'flat', '(');
SELECT * FROM mlops.evaluate('flat_price', 'SELECT area, rooms, price FROM flat');
SELECT * FROM mlops.evaluate('flat_price', 'SELECT area::text, rooms, district, price FROM flat');
SELECT * FROM mlops.evaluate('flat_price', 'flat', by => 'distrikt');
SELECT * FROM mlops.evaluate('flat_price', 'flat', by => '{rooms,rooms}');
SELECT * FROM mlops.evaluate('flat_price', 'flat', by => 'id');
SELECT * FROM mlops.evaluate('flat_price', 'flat', weight => 'district');
SELECT * FROM mlops.evaluate('flat_price', 'SELECT *, nullif(rooms, 3) AS w FROM flat', weight => 'w');
SELECT * FROM mlops.evaluate('flat_price', 'SELECT *, rooms - 2 AS w FROM flat', weight => 'w');
SELECT * FROM mlops.roc_curve('expensive/1', 'SELECT * FROM flat WHERE price > 280', 'price > 280');
\set VERBOSITY terse
SELECT * FROM mlops.evaluate('flat_price', 'SELECT area, rooms, district, price / (id - 700) AS price FROM flat');
SELECT * FROM mlops.evaluate('flat_price', 'DELETE FROM flat RETURNING *');

-- their SQLSTATEs
CREATE FUNCTION state_of(call text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'SELECT count(*) FROM mlops.' || call;
	RETURN 'none';
EXCEPTION WHEN OTHERS THEN
	RETURN sqlstate;
END $$;
SELECT call, state_of(call) FROM unnest(ARRAY[
	$$evaluate(NULL, 'flat')$$, $$evaluate('flat_price', NULL)$$,
	$$evaluate('nobody', 'flat')$$, $$evaluate('a@b@c', 'flat')$$,
	$$evaluate('flat_price/9', 'flat')$$, $$evaluate('flat_price@old', 'flat')$$,
	$$evaluate('flat_price', 'nowhere')$$, $$evaluate('flat_price', '')$$,
	$$evaluate('flat_price', 'SELECT 1; SELECT 2')$$, $$evaluate('flat_price', 'SELECT FROM flat FOR UPDATE')$$,
	$$evaluate('flat_price', 'flat', 'count(*)')$$, $$evaluate('flat_price', 'flat', 'nothing')$$,
	$$evaluate('flat_price', 'flat', 'NULL::int')$$, $$evaluate('flat_price', 'flat', 'district')$$,
	$$evaluate('flat_price', 'flat', $q$'Infinity'::float8$q$)$$, $$evaluate('flat_price', 'flat', '1e300')$$,
	$$evaluate('flat_price', 'SELECT area, rooms, price FROM flat')$$,
	$$evaluate('flat_price', 'SELECT *, area FROM flat')$$,
	$$evaluate('flat_price', 'SELECT area::text, rooms, district, price FROM flat')$$,
	$$evaluate('flat_price', 'flat', confidence => 0)$$, $$evaluate('flat_price', 'flat', by => 'nothing')$$,
	$$evaluate('flat_price', 'flat', by => 'id')$$, $$evaluate('flat_price', 'flat', by => '{id,id}')$$,
	$$evaluate('flat_price', 'flat', weight => 'district')$$, $$evaluate('flat_price', 'flat', query_group => 'id')$$,
	$$evaluate('flat_price', 'SELECT area, rooms, district, price / (id - 700) AS price FROM flat')$$,
	$$evaluate('flat_price', 'SELECT * FROM flat WHERE false')$$,
	$$confusion_matrix(NULL, 'flat')$$, $$confusion_matrix('flat_price', 'flat')$$,
	$$confusion_matrix('expensive/1', 'flat', 'price > 280', threshold => 'NaN')$$,
	$$roc_curve(NULL, NULL)$$, $$roc_curve('flat_price', 'flat')$$, $$roc_curve('rooms', 'flat')$$,
	$$pr_curve('rooms', 'flat', label => 'nothing')$$, $$pr_curve('rooms', 'flat', label => '1', points => 0)$$,
	$$lift_curve('rooms', 'flat', label => '1', bins => -1)$$, $$calibration_curve('rooms', 'flat', label => '1', bins => 1001)$$,
	$$compare('flat_price', NULL, 'flat')$$, $$compare(NULL, 'flat_price', 'flat')$$, $$compare('flat_price', 'rooms', 'flat')$$,
	$$compare('flat_size', 'rooms', 'flat')$$, $$compare('flat_price', 'nobody', 'flat')$$]) call;
-- NULL for every argument that may be NULL is its default
SELECT state_of($$evaluate('flat_price', 'flat', NULL, NULL, NULL, NULL, NULL, NULL, NULL)$$), state_of($$confusion_matrix('rooms', 'flat', NULL, NULL, NULL)$$),
	   state_of($$roc_curve('rooms', 'flat', NULL, '1', NULL, NULL)$$), state_of($$lift_curve('rooms', 'flat', NULL, '1', NULL, NULL)$$),
	   state_of($$compare('rooms', 'rooms', 'flat', NULL, NULL, NULL, NULL, NULL, NULL, NULL)$$);

-- rights: predict on the model, and what the source needs
CREATE ROLE eva_reader;
GRANT USAGE ON SCHEMA mlops TO eva_reader;
SET ROLE eva_reader;
SELECT count(*) FROM mlops.evaluate('flat_price', 'flat');
RESET ROLE;
SELECT mlops.grant_model('flat_price', 'eva_reader', 'predict');
SET ROLE eva_reader;
SELECT count(*) FROM mlops.evaluate('flat_price', 'flat');
RESET ROLE;
GRANT SELECT (area, rooms, district, price) ON flat TO eva_reader;
SET ROLE eva_reader;
SELECT count(*) FROM mlops.evaluate('flat_price', 'flat');
SELECT count(*) FROM mlops.evaluate('flat_price', 'flat', by => 'id');
RESET ROLE;
-- row security holds
CREATE POLICY first_hundred ON flat TO eva_reader USING (id <= 100);
ALTER TABLE flat ENABLE ROW LEVEL SECURITY;
SET ROLE eva_reader;
SELECT n FROM mlops.evaluate('flat_price', 'flat') WHERE metric = 'rmse';
RESET ROLE;
ALTER TABLE flat DISABLE ROW LEVEL SECURITY;

SELECT version FROM mlops.train('trap', 'flat', 'price > 250', features => '{area,rooms}');
-- a recorded target is somebody else's: no code of theirs with the caller's rights
CREATE FUNCTION trap(numeric) RETURNS numeric LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'caught %', current_user; END $$;
CREATE DOMAIN trapped AS numeric CHECK (trap(VALUE) > 0);
CREATE OPERATOR !! (PROCEDURE = trap, RIGHTARG = numeric);
SELECT target, state_of(format($$confusion_matrix('trap_%s', 'flat')$$, n)),
	   state_of(format($$confusion_matrix('trap_%s', 'flat', target => %L)$$, n, target))
FROM (VALUES (1, 'trap(price) > 250'), (2, 'price > (SELECT avg(f.price) FROM flat f)'), (3, 'price::trapped > 250'),
	(4, '!! price > 250'), (5, 'random() > 0.5'), (6, 'round(price, 1) > 250.0 AND district IN (''west'', ''north'')')) v(n, target),
LATERAL mlops.import_model('trap_' || n, mlops.export_model('trap'), classes => '{false,true}', target => target,
	signature => (SELECT signature FROM mlops.versions WHERE model = 'trap')) i ORDER BY n;
SELECT count(mlops.drop_model(model)) FROM mlops.models WHERE model LIKE 'trap%';
DROP FUNCTION trap CASCADE;

-- columns that were dropped, and many of them
ALTER TABLE flat ADD COLUMN gone text;
ALTER TABLE flat DROP COLUMN gone;
SELECT n FROM mlops.evaluate('flat_price', 'flat') WHERE metric = 'rmse';
SELECT 'SELECT f.*, ' || string_agg(format('%s AS "Col %s"', i, i), ', ') || ' FROM flat f' AS wide FROM generate_series(1, 1000) i \gset
SELECT n FROM mlops.evaluate('flat_price', :'wide', by => 'Col 999') WHERE metric = 'rmse';

-- a cancelled query
SET statement_timeout = 100;
SELECT count(*) FROM mlops.evaluate('flat_price', 'SELECT f.* FROM flat f, generate_series(1, 100000)');
RESET statement_timeout;

SELECT mlops.drop_model(m) FROM unnest('{expensive,flat_price,flat_size,rooms}'::text[]) m;
DROP OWNED BY eva_reader;
DROP ROLE eva_reader;
DROP FUNCTION state_of(text);
DROP VIEW seen;
DROP TABLE flat, first;
