-- Realised performance by windows, and what is estimated without labels.
-- What a model predicts depends on the library, so figures are held against
-- those of mlops.evaluate().
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
SELECT window_start, value IS NOT NULL AS some, value BETWEEN ci_low AND ci_high AS inside, n
FROM mlops.performance('house_price', 'house', event_time => 'sold_at',
                       window_size => '1 month')
WHERE metric = 'mae' ORDER BY window_start LIMIT 3;
SELECT window_start, slice ->> 'district' AS district, n
FROM mlops.performance('house_price', 'house', 'sold_at', '7 days', by => 'district')
WHERE metric = 'mae' AND window_start < '2024-01-09' ORDER BY window_start, slice;
SELECT (mlops.page_hinkley(value ORDER BY window_start)).n
FROM mlops.performance('house_price', 'house', 'sold_at', '1 day') WHERE metric = 'mae';

SELECT version FROM mlops.train('expensive', 'SELECT area, rooms, sold_at, price > 250 AS expensive FROM house', 'expensive', event_time => 'sold_at', params => '{"num_boost_round": 10}');
SELECT version FROM mlops.train('rooms', 'SELECT area, district, price, rooms::text AS rooms FROM house', 'rooms', params => '{"num_boost_round": 5}');

-- each window, and each slice of it, is what evaluate gives of its rows
CREATE FUNCTION wrong(model text, source text, target text, size interval, by mlops.name_list, confidence float8) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
	w timestamptz;
	n bigint;
	total bigint = 0;
BEGIN
	CREATE TEMP TABLE found ON COMMIT DROP AS
	SELECT * FROM mlops.performance(model, source, 'sold_at', size, target, by, confidence => confidence);
	FOR w IN SELECT DISTINCT window_start FROM found LOOP
		SELECT count(*) INTO n FROM (
			SELECT slice, metric, value, ci_low, ci_high, f.n FROM found f WHERE window_start = w) f
		FULL JOIN mlops.evaluate(model, format('SELECT * FROM (%s) s WHERE sold_at >= %L::timestamp AND sold_at < %L::timestamp',
			source, w::timestamp, w::timestamp + size), target, by, confidence => confidence) e USING (slice, metric)
		WHERE (f.value, f.ci_low, f.ci_high, f.n) IS DISTINCT FROM (e.value, e.ci_low, e.ci_high, e.n);
		total := total + n;
	END LOOP;
	SELECT count(*) INTO n FROM found;
	RAISE INFO '% rows, % windows', n, (SELECT count(DISTINCT window_start) FROM found);
	DROP TABLE found;
	RETURN total;
END $$;
SELECT wrong('house_price', 'SELECT * FROM house', 'price', '1 month', NULL, 0.95),
	   wrong('house_price', 'SELECT * FROM house', 'price + 1', '1 month', 'district', 0.5),
	   wrong('house_price', 'SELECT * FROM house', 'price', '6 hours', NULL, 0.95),
	   wrong('expensive', 'SELECT * FROM house', 'price > 250', '7 days', 'district', 0.99),
	   wrong('rooms', 'SELECT * FROM house', 'rooms', '1 year', 'district', 0.95);
-- the sum of all windows is all
SELECT sum(n) FROM mlops.performance('expensive', 'SELECT *, price > 250 AS expensive FROM house', NULL, '3 months') WHERE metric = 'accuracy';
SELECT bool_and(p = e) AS one_window FROM
	(SELECT row(slice, metric, value, ci_low, ci_high, n) AS p FROM mlops.performance('expensive', 'house', 'sold_at', '100 years', 'price > 250', weight => 'area') WHERE true) p
	FULL JOIN (SELECT row(slice, metric, value, ci_low, ci_high, n) AS e FROM mlops.evaluate('expensive', 'house', 'price > 250', weight => 'area')) e ON p = e;

-- how windows are cut: at the Monday, the month, the day of the session
SELECT DISTINCT window_start FROM mlops.performance('house_price', 'SELECT * FROM house WHERE id < 100', 'sold_at', '1 week') ORDER BY 1;
SELECT DISTINCT window_start FROM mlops.performance('house_price', 'SELECT * FROM house', 'sold_at', '4 months') ORDER BY 1;
SELECT DISTINCT window_start FROM mlops.performance('house_price', 'SELECT *, sold_at - interval ''30 years'' AS at FROM house', 'at', '6 months') ORDER BY 1;
SELECT DISTINCT window_start FROM mlops.performance('house_price', 'SELECT *, sold_at::date AS day FROM house WHERE id < 10', 'day', '1 day') ORDER BY 1;
SET TimeZone = 'America/New_York';
SELECT window_start, n FROM mlops.performance('house_price', $$SELECT *, timestamptz '2024-03-09 00:00' + id * interval '1 hour' AS at FROM house WHERE id < 72$$, 'at', '1 day') WHERE metric = 'mae' ORDER BY 1;
SELECT window_start, n FROM mlops.performance('house_price', $$SELECT *, timestamptz '2024-11-03 00:00' + id * interval '1 hour' AS at FROM house WHERE id < 5$$, 'at', '1 hour') WHERE metric = 'mae' ORDER BY 1;
SET TimeZone = 'UTC';

-- rows without a time or a label
SET client_min_messages = notice;
SELECT window_start, n FROM mlops.performance('house_price', $$SELECT *, CASE id WHEN 1 THEN NULL WHEN 2 THEN 'infinity' WHEN 3 THEN '-infinity' ELSE sold_at END AS at FROM house WHERE id < 10$$, 'at', '1 year') WHERE metric = 'mae';
SELECT count(*) FROM mlops.performance('house_price', 'SELECT *, NULL::timestamp AS at FROM house', 'at', '1 year');
SET client_min_messages = warning;
SELECT window_start, n FROM mlops.performance('house_price', 'house', 'sold_at', '6 months', 'CASE WHEN id % 2 = 0 THEN price END') WHERE metric = 'mae' ORDER BY 1;
SELECT window_start, value IS NULL AS undefined, n FROM mlops.performance('expensive', 'SELECT * FROM house WHERE id <= 2 AND price > 0', 'sold_at', '8 hours', 'price > 0') WHERE metric = 'roc_auc' ORDER BY 1;

-- errors
SELECT * FROM mlops.performance(NULL, 'house', 'sold_at', '1 day');
SELECT * FROM mlops.performance('house_price', NULL, 'sold_at', '1 day');
SELECT * FROM mlops.performance('house_price', 'house', 'sold_at', NULL);
SELECT * FROM mlops.performance('house_price', 'house', NULL, '1 day');
SELECT * FROM mlops.performance('house_price', 'house', 'sold', '1 day');
SELECT * FROM mlops.performance('house_price', 'house', 'price', '1 day');
SELECT * FROM mlops.performance('house_price', 'house', 'sold_at', '0');
SELECT * FROM mlops.performance('house_price', 'house', 'sold_at', '-1 day');
SELECT * FROM mlops.performance('house_price', 'house', 'sold_at', '1 month 1 day');
SELECT * FROM mlops.performance('house_price', 'SELECT *, timestamp ''4713-01-01 BC'' AS at FROM house', 'at', '300000 years');
SELECT count(*) FROM mlops.performance('house_price', 'SELECT h.*, sold_at + g * interval ''1 year'' AS at FROM house h, generate_series(1, 11) g', 'at', '1 hour');
SELECT * FROM mlops.performance('house_price', 'SELECT * FROM house WHERE false', 'sold_at', '1 day');
SELECT * FROM mlops.performance('house_price', 'house', 'sold_at', '1 day', 'NULL::int');
SELECT * FROM mlops.performance('house_price', 'house', 'sold_at', '1 day', confidence => 0);
SELECT * FROM mlops.performance('house_price', 'house', 'sold_at', '1 day', by => 'sold');
SELECT * FROM mlops.performance('nobody', 'house', 'sold_at', '1 day');

DROP FUNCTION wrong;
SELECT mlops.drop_model(m) FROM unnest('{expensive,house_price,rooms}'::text[]) m;
DROP TABLE house;

-- estimated without labels, the examples of docs/reference.md
CREATE TABLE visit AS
SELECT i AS id, i % 10 / 10.0 AS age, (i * 7919) % 1000 / 1000.0 AS income,
       (i * 104729) % 1000 < (i % 10 * 100 + (i * 7919) % 1000) / 2.0 AS bought,
       (i * 7919) % 1000 / 100.0 + (i % 10) * ((i * 104729) % 1000 / 1000.0 - 0.5) AS spent
FROM generate_series(1, 12000) i;
CREATE VIEW visit_known AS SELECT * FROM visit WHERE id BETWEEN 4001 AND 8000;
CREATE VIEW visit_new AS SELECT * FROM visit WHERE id > 8000 AND age < 0.3;
SELECT version FROM mlops.train('bought',
                 'SELECT age, income, bought FROM visit WHERE id <= 4000',
                 target => 'bought', params => '{"max_depth": 3, "num_boost_round": 30}');
SELECT version FROM mlops.train('spent',
                 'SELECT age, income, spent FROM visit WHERE id <= 4000',
                 target => 'spent', params => '{"max_depth": 3, "num_boost_round": 30}');
SELECT e.metric, abs(e.estimate - v.value) < 0.05 AS near,
       v.value BETWEEN e.low AND e.high AS inside, e.n
FROM mlops.estimate_performance('bought', 'SELECT age, income FROM visit_new',
                                reference => 'visit_known') e
JOIN mlops.evaluate('bought', 'visit_new') v USING (metric)
WHERE metric IN ('accuracy', 'brier', 'log_loss') ORDER BY metric;
SELECT e.metric, abs(e.estimate / v.value - 1) < 0.1 AS near,
       v.value BETWEEN e.low AND e.high AS inside,
       e.realized_reference / v.value > 1.2 AS moved, e.n
FROM mlops.estimate_performance('spent', 'SELECT age, income FROM visit_new',
                                reference => 'visit_known') e
JOIN mlops.evaluate('spent', 'visit_new') v USING (metric) ORDER BY metric;

-- all metrics, their bands and the note
SELECT metric, estimate BETWEEN low AND high AS ordered, realized_reference IS NOT NULL AS known, n,
	   regexp_replace(note, '[0-9]+ groups', 'N groups') AS note
FROM mlops.estimate_performance('bought', 'visit', 'SELECT * FROM visit WHERE id > 8000', calibration => 'platt');
SELECT metric, estimate BETWEEN low AND high AS ordered, realized_reference IS NOT NULL AS known, n,
	   regexp_replace(note, '[0-9]+ groups', 'N groups') AS note
FROM mlops.estimate_performance('spent', 'visit', 'visit', 'spent + 1');
-- of the reference itself the estimates are what it realised
SELECT metric, abs(estimate - realized_reference) < 1e-6 AS same
FROM mlops.estimate_performance('bought', 'visit', 'visit') WHERE metric = 'base_rate'
UNION ALL SELECT metric, abs(estimate - realized_reference) < 1e-6 FROM mlops.estimate_performance('spent', 'visit', 'visit');
-- a wider confidence, a wider band
SELECT bool_and(a.low >= b.low AND a.high <= b.high AND a.high - a.low < b.high - b.low AND a.estimate = b.estimate) AS wider
FROM mlops.estimate_performance('bought', 'SELECT * FROM visit WHERE id > 11000', 'SELECT * FROM visit WHERE id < 5000', confidence => 0.8) a
JOIN mlops.estimate_performance('bought', 'SELECT * FROM visit WHERE id > 11000', 'SELECT * FROM visit WHERE id < 5000', confidence => 0.99) b USING (metric);
-- few rows, one class, nothing known of the inputs
SELECT metric, estimate IS NULL AS unknown, n, note FROM mlops.estimate_performance('bought', 'SELECT * FROM visit WHERE id = 1', 'SELECT * FROM visit WHERE id < 100') WHERE metric IN ('accuracy', 'roc_auc', 'log_loss');
SELECT metric, estimate, low, high, realized_reference FROM mlops.estimate_performance('bought', 'visit', 'SELECT * FROM visit WHERE NOT bought AND id < 200') WHERE metric IN ('base_rate', 'roc_auc');
SELECT metric, estimate IS NOT NULL AS known, low IS NOT NULL AS band, n FROM mlops.estimate_performance('spent', 'SELECT NULL::float8 AS age, NULL::float8 AS income', 'SELECT * FROM visit WHERE id = 1');

SELECT * FROM mlops.estimate_performance(NULL, 'visit', 'visit');
SELECT * FROM mlops.estimate_performance('bought', NULL, 'visit');
SELECT * FROM mlops.estimate_performance('bought', 'visit', NULL);
SELECT * FROM mlops.estimate_performance('bought', 'SELECT * FROM visit WHERE false', 'visit');
SELECT * FROM mlops.estimate_performance('bought', 'visit', 'SELECT * FROM visit WHERE false');
SELECT * FROM mlops.estimate_performance('bought', 'visit', 'visit', 'NULL::boolean');
SELECT * FROM mlops.estimate_performance('bought', 'visit', 'visit', calibration => 'beta');
SELECT * FROM mlops.estimate_performance('bought', 'visit', 'visit', confidence => 1);
SELECT * FROM mlops.estimate_performance('bought', 'SELECT age FROM visit', 'visit');
SELECT version FROM mlops.train('ranked', 'SELECT age, income, bought::int AS grade, id / 10 AS visit_day FROM visit', 'grade', query_group => 'visit_day', params => '{"num_boost_round": 2}');
SELECT * FROM mlops.estimate_performance('ranked', 'visit', 'visit');
SELECT count(*) FROM mlops.performance('ranked', $$SELECT *, bought::int AS grade, id / 10 AS visit_day, date '2024-01-01' + id / 1000 AS at FROM visit$$, 'at', '7 days') WHERE metric = 'ndcg';
-- whoever may not predict, may not ask
CREATE ROLE regress_watch_nobody;
GRANT SELECT ON visit TO regress_watch_nobody;
SET ROLE regress_watch_nobody;
SELECT * FROM mlops.estimate_performance('bought', 'visit', 'visit');
SELECT * FROM mlops.performance('bought', 'visit', 'id', '1 day');
RESET ROLE;
SELECT mlops.drop_model(m) FROM unnest('{bought,spent,ranked}'::text[]) m;
DROP VIEW visit_known, visit_new;
DROP TABLE visit;
DROP ROLE regress_watch_nobody;
