-- Evaluation of rankings, survival times, counts and the like.
SET client_min_messages = error;
CREATE TABLE page AS
SELECT i AS id, i / 12 AS query, i * 7919 % 1000 / 1000.0 AS x, i * 104729 % 997 / 997.0 AS z,
	   (i * 7919 % 1000 / 400.0)::int AS relevance, i % 7 AS clicks
FROM generate_series(1, 2400) i;
SELECT version FROM mlops.train('page', 'page', 'relevance', query_group => 'query', features => '{x,z}', params => '{"num_boost_round": 20}');
SELECT version FROM mlops.train('page', 'page', 'relevance', query_group => 'query', features => '{z}', params => '{"num_boost_round": 20}');
-- the query group is the one of the training, unless another is given
SELECT metric, value > 0.9 AS good, ci_low <= value AND value <= ci_high AS inside, n FROM mlops.evaluate('page/1', 'page');
SELECT count(DISTINCT value) FROM (
	SELECT value FROM mlops.evaluate('page/1', 'page') WHERE metric = 'ndcg'
	UNION ALL SELECT value FROM mlops.evaluate('page/1', 'SELECT x, z, relevance, query::text AS q FROM page ORDER BY id DESC', query_group => 'q') WHERE metric = 'ndcg') s;
SELECT count(*) FROM mlops.evaluate('page/1', 'SELECT x, z, relevance, query AS q FROM page');
SELECT count(*) FROM mlops.evaluate('page/1', 'SELECT x, z, relevance, nullif(query, 7) AS q FROM page', query_group => 'q');
SELECT count(*) FROM mlops.evaluate('page/1', 'SELECT x, z, relevance, to_json(query) AS q FROM page', query_group => 'q');
SELECT count(*) FROM mlops.evaluate('page/1', 'page', event_observed => 'true');
-- relevant or not is a relevance
SELECT metric, value > 0.9 AS good FROM mlops.evaluate('page/1', 'page', 'relevance > 1') WHERE metric = 'mrr';
-- groups are the units of a comparison: few of them make no test
SELECT metric, better, n FROM mlops.compare('page/1', 'page/2', 'page') WHERE metric IN ('ndcg', 'map');
SELECT metric, p_value IS NULL AS open, n FROM mlops.compare('page/1', 'page/2', 'SELECT * FROM page WHERE query < 9') WHERE metric = 'ndcg';

CREATE TABLE patient AS
SELECT i AS id, i * 7919 % 1000 / 1000.0 AS x, 1 + i * 7919 % 1000 / 100.0 + i * 31337 % 1009 / 500.0 AS days, i % 4 > 0 AS died
FROM generate_series(1, 800) i;
SELECT version FROM mlops.train('patient', 'patient', 'days', event_observed => 'died', exclude => 'id', params => '{"num_boost_round": 20}');
SELECT version FROM mlops.train('patient', 'patient', 'days', event_observed => 'died', exclude => 'id', params => '{"num_boost_round": 20, "objective": "survival:cox"}');
-- what is observed is as at the training, unless something else is given
SELECT metric, value > 0.8 AS good, n FROM mlops.evaluate('patient/1', 'patient');
SELECT metric, value > 0.8 AS good, n FROM mlops.evaluate('patient/2', 'patient');
SELECT a.value = b.value AS same, a.value = c.value AS other
FROM mlops.evaluate('patient/1', 'patient') a
JOIN mlops.evaluate('patient/1', 'patient', target_upper => 'CASE WHEN died THEN days END') b USING (metric)
JOIN mlops.evaluate('patient/1', 'patient', event_observed => 'true') c USING (metric);
SELECT abs(e.value - s.value) < 1e-5 AS same FROM mlops.evaluate('patient/1', 'patient') e,
	(SELECT avg(abs(days - mlops.predict('patient/1', p))) AS value FROM patient p WHERE died) s WHERE metric = 'mae_observed';
-- a time and a hazard are compared by what both have
SELECT metric, value > 0.8 AS a, other_value > 0.8 AS b, n FROM mlops.compare('patient/1', 'patient/2', 'patient');
SELECT count(*) FROM mlops.evaluate('patient/1', 'patient', target_upper => 'days', event_observed => 'died');
SELECT count(*) FROM mlops.evaluate('patient/1', 'patient', target_upper => 'days - 1');
SELECT count(*) FROM mlops.evaluate('patient/1', 'patient', target_upper => 'died');
SELECT count(*) FROM mlops.evaluate('patient/1', 'patient', event_observed => 'days');
SELECT count(*) FROM mlops.evaluate('patient/1', 'patient', event_observed => 'nullif(died, false)');
SELECT count(*) FROM mlops.evaluate('patient/1', 'patient', query_group => 'id');

-- the deviance is that of the objective, with the power of the model
SELECT version FROM mlops.train('clicks', 'page', 'clicks', task => 'count', features => '{x,z}', params => '{"num_boost_round": 20}');
SELECT version FROM mlops.train('clicks', 'page', 'clicks', task => 'regression', features => '{x,z}', params => '{"num_boost_round": 20, "objective": "reg:tweedie", "tweedie_variance_power": 1.2}');
SELECT metric, abs(e.value - s.value) < 1e-5 AS same FROM mlops.evaluate('clicks/1', 'page') e,
	(SELECT 2 * avg(CASE WHEN clicks > 0 THEN clicks * ln(clicks / mu) ELSE 0 END - clicks + mu) AS value
	 FROM (SELECT clicks, mlops.predict('clicks/1', p) AS mu FROM page p) s) s WHERE metric = 'poisson_deviance';
SELECT metric, abs(e.value - s.value) < 1e-5 AS same FROM mlops.evaluate('clicks/2', 'page') e,
	(SELECT 2 * avg(clicks ^ 0.8 / (-0.2 * 0.8) + clicks * mu ^ (-0.2) / 0.2 + mu ^ 0.8 / 0.8) AS value
	 FROM (SELECT clicks, mlops.predict('clicks/2', p) AS mu FROM page p) s) s WHERE metric = 'tweedie_deviance';
-- one deviance for both versions
SELECT metric FROM mlops.compare('clicks/1', 'clicks/2', 'page');
SELECT metric FROM mlops.compare('clicks/2', 'clicks/1', 'page');

-- log odds are taken as the probabilities that they stand for
SELECT version FROM mlops.train('odds', 'SELECT x, z, relevance > 1 AS y FROM page', 'y', params => '{"num_boost_round": 5}');
SELECT version FROM mlops.train('odds', 'SELECT x, z, relevance > 1 AS y FROM page', 'y', params => '{"num_boost_round": 5, "objective": "binary:logitraw"}');
SELECT metric, abs(a.value - b.value) < 1e-3 AS near FROM mlops.evaluate('odds/1', 'page', 'relevance > 1') a
JOIN mlops.evaluate('odds/2', 'page', 'relevance > 1') b USING (metric) WHERE metric IN ('log_loss', 'brier', 'accuracy', 'roc_auc');

SELECT mlops.drop_model(m) FROM unnest('{odds,page,patient,clicks}'::text[]) m;
DROP TABLE page, patient;
