-- Drift: the rows of a source held against those that a version was trained
-- on, or against another source.  The examples of the documentation are here.
SET client_min_messages = warning;

CREATE TABLE loan AS
SELECT i AS id, 20 + (i * 7919) % 50 AS age,
	   ((i * 104729) % 9973) / 10.0 AS income,
	   CASE WHEN i % 20 = 0 THEN NULL ELSE (i * 31) % 7 END AS dependants,
	   (ARRAY['rent', 'own', 'mortgage'])[1 + (i * i) % 3] AS home,
	   i % 2 = 0 AS married,
	   ((i * 104729) % 9973) + (i * 48271) % 5000 > 7000 AS repaid
FROM generate_series(1, 6000) i;
SELECT version FROM mlops.train('loan', 'loan', 'repaid', key => 'id',
								split => 'none',
								params => '{"num_boost_round": 10}');

-- the same rows: nothing drifts
SELECT feature, kind, status, metric, round(value::numeric, 4) AS value,
	   threshold, n, n_reference, missing, unseen, out_of_range, exact
FROM mlops.drift('loan', 'loan');

-- documentation: rows that have changed
CREATE TABLE loan_may AS
SELECT id, age, income + 300 AS income, dependants,
	   CASE WHEN id % 5 = 0 THEN 'family' ELSE home END AS home, married,
	   repaid
FROM loan WHERE id <= 2000;
SELECT feature, status, round(psi::numeric, 1) AS psi,
	   round(js::numeric, 2) AS js, round(ks::numeric, 1) AS ks,
	   round(unseen::numeric, 2) AS unseen,
	   round(out_of_range::numeric, 2) AS out_of_range
FROM mlops.drift('loan', 'loan_may');

-- documentation: exact figures, against rows
SELECT feature, round(ks::numeric, 3) AS ks,
	   round(wasserstein::numeric, 2) AS wasserstein, exact
FROM mlops.drift('loan', 'loan_may', reference => 'loan')
WHERE kind = 'number';

-- documentation: segments
SELECT slice, feature, status
FROM mlops.drift('loan', 'loan_may', by => 'married')
WHERE feature IN ('income', 'home') OR kind = 'model';

-- documentation: without a model
SELECT feature, kind, status, metric, round(value::numeric, 3) AS value,
	   threshold
FROM mlops.drift_between('loan_may', 'loan', features => '{income,home}');

-- documentation: what other tools say
SELECT method, feature, status, metric, round(value::numeric, 3) AS value,
	   round(threshold::numeric, 3) AS threshold
FROM unnest(ARRAY['evidently', 'nannyml', 'mlrun', 'tfdv']) AS method,
	 mlops.drift('loan', 'loan_may', 'loan', method, features => 'income');

-- documentation: other thresholds
SELECT feature, status, metric, round(value::numeric, 3) AS value,
	   round(threshold::numeric, 3) AS threshold
FROM mlops.drift('loan', 'loan_may', features => '{income,married}',
				 thresholds => '{"psi": 3, "js": null, "ks": [0.05, 0.9]}');

-- documentation: aggregates
SELECT married, round(mlops.psi(income, current)::numeric, 2) AS psi,
	   round(mlops.ks(income, current)::numeric, 2) AS ks,
	   round(mlops.wasserstein(income, current)::numeric, 1) AS wasserstein
FROM (SELECT married, income, false AS current FROM loan
	  UNION ALL SELECT married, income, true FROM loan_may) AS both_months
GROUP BY married ORDER BY married;
SELECT mlops.psi(NULL, true), mlops.ks(NULL::float8, NULL),
	   mlops.wasserstein(1, true);
SELECT round(mlops.psi(x, x > 2)::numeric, 4) AS psi, mlops.ks(x, x > 2) AS ks,
	   mlops.wasserstein(x, x > 2) AS wasserstein
FROM (VALUES (1.0), (2), (3), (4), (NULL)) AS v (x);
SELECT round(mlops.psi(x, c)::numeric, 4) AS psi, mlops.ks(x, c) AS ks,
	   mlops.wasserstein(x, c) AS wasserstein
FROM (VALUES ('Infinity'::float8, true), (1, false), (2, false)) AS v (x, c);
SELECT mlops.psi(x, c) AS psi, mlops.ks(x, c) AS ks
FROM (VALUES ('NaN'::float8, true), (1, false), (2, false)) AS v (x, c);
-- the same as of the function
SELECT a.psi = d.psi AS psi, a.ks = d.ks AS ks,
	   abs(a.wasserstein - d.wasserstein) < 1e-3 AS wasserstein
FROM mlops.drift_between('loan_may', 'loan', features => 'income') AS d,
	 (SELECT mlops.psi(income, current), mlops.ks(income, current),
			 mlops.wasserstein(income, current)
	  FROM (SELECT income, false AS current FROM loan
			UNION ALL SELECT income, true FROM loan_may) AS b) AS a
WHERE d.kind = 'number';

-- other tools; MLRun's needs no rows
SELECT feature, status, metric, round(value::numeric, 1) AS value, threshold
FROM mlops.drift('loan', 'loan_may', method => 'mlrun');
SELECT feature, status, metric, value > 0 AS some, threshold
FROM mlops.drift('loan', 'loan_may', reference => 'loan', method => 'tfdv',
				 thresholds => '{"linf": 0.1, "js": [0.01, 0.9]}');
SELECT feature, status, metric, round(p_value::numeric, 4) AS p_value
FROM mlops.drift_between('SELECT * FROM loan_may LIMIT 500',
						 'SELECT * FROM loan LIMIT 1000', method => 'evidently');

-- explained: how much of the model's ground moved
SELECT feature, round(importance::numeric, 1) AS importance,
	   round(impact::numeric, 1) AS impact
FROM mlops.drift('loan', 'loan_may') WHERE importance IS NOT NULL
ORDER BY impact DESC;
SELECT round(sum(importance)::numeric, 6) AS importance
FROM mlops.drift('loan', 'loan_may');
-- adjusted p-values are no smaller, and no greater than 1
SELECT count(*), bool_and(p_adjusted >= p_value AND p_adjusted <= 1)
FROM mlops.drift('loan', 'loan_may') WHERE p_value IS NOT NULL;
-- parts of dates are numbers of their own
SELECT feature, kind FROM mlops.drift_between(
	'SELECT DATE ''2024-01-01'' + id AS day, home AS "Ünder ""x""" FROM loan',
	'SELECT DATE ''2024-01-01'' + id AS day, home AS "Ünder ""x""" FROM loan');

-- few rows, none, one
SELECT feature, status, metric, psi IS NULL AS no_psi, n
FROM mlops.drift('loan', 'SELECT * FROM loan LIMIT 99');
SELECT feature, status, psi, ks, n, missing
FROM mlops.drift('loan', 'SELECT * FROM loan WHERE false');
SELECT feature, status, round(tv::numeric, 1) AS tv, n
FROM mlops.drift('loan', 'SELECT * FROM loan LIMIT 1', reference => 'loan');
SELECT feature, status, psi, n, n_reference
FROM mlops.drift_between('loan', 'SELECT * FROM loan WHERE false',
						 features => '{age,home}');
SELECT feature, status, n
FROM mlops.drift('loan', 'SELECT * FROM loan LIMIT 99',
				 thresholds => '{"min_rows": 50}') WHERE feature = 'age';
-- all missing, constant, infinite
SELECT feature, status, round(psi::numeric, 2) AS psi,
	   round(ks::numeric, 2) AS ks, missing, out_of_range
FROM mlops.drift('loan', 'SELECT id, NULL::integer AS age, 7 AS income,
				 ''Infinity''::float8 AS dependants, NULL::text AS home,
				 married FROM loan');
SELECT feature, status, psi, js, ks, wasserstein, wasserstein_std
FROM mlops.drift_between('SELECT 1 AS a, ''NaN''::float8 AS b,
						 ''-Infinity''::float8 AS c FROM loan',
						 'SELECT 1 AS a, ''NaN''::float8 AS b,
						 ''-Infinity''::float8 AS c FROM loan');
-- a thousand columns
SELECT format('SELECT %s FROM loan LIMIT 300',
			  string_agg(format('(id * %s) %% 97 AS c%s', i, i), ', '))
	   AS wide FROM generate_series(1, 1000) i \gset
SELECT count(*), count(*) FILTER (WHERE status = 'none') AS none
FROM mlops.drift_between(:'wide', :'wide');

-- errors
SELECT * FROM mlops.drift(NULL, 'loan');
SELECT * FROM mlops.drift('loan', NULL);
SELECT * FROM mlops.drift('nobody', 'loan');
SELECT * FROM mlops.drift('loan', 'SELECT id, age FROM loan');
SELECT * FROM mlops.drift('loan', 'SELECT *, 1 AS x FROM loan',
						  features => 'incom');
SELECT * FROM mlops.drift('loan', 'loan', method => 'evidentely');
SELECT * FROM mlops.drift('loan', 'loan', method => 'nannyml');
SELECT * FROM mlops.drift('loan', 'loan', thresholds => '[1]');
SELECT * FROM mlops.drift('loan', 'loan', thresholds => '{"spi": 1}');
SELECT * FROM mlops.drift('loan', 'loan', thresholds => '{"psi": "much"}');
SELECT * FROM mlops.drift('loan', 'loan', thresholds => '{"psi": [1, -1]}');
SELECT * FROM mlops.drift('loan', 'loan', by => 'nothing');
SELECT * FROM mlops.drift('loan', 'loan', by => '{id}');
SELECT * FROM mlops.drift('loan', 'SELECT *, 1 AS s FROM loan',
						  reference => 'SELECT *, ''1'' AS s FROM loan',
						  by => 's');
SELECT * FROM mlops.drift_between('loan', 'loan', features => '{age,age}');
SELECT * FROM mlops.drift_between('loan', 'loan', features => 'ages');
SELECT * FROM mlops.drift_between('SELECT point(1, 2) AS p',
								  'SELECT point(1, 2) AS p');
SELECT * FROM mlops.drift_between('SELECT point(1, 2) AS p',
								  'SELECT point(1, 2) AS p', features => 'p');
SELECT * FROM mlops.drift_between('SELECT age::text AS age FROM loan',
								  'SELECT age FROM loan');
-- a version from elsewhere has no baseline, but can be given rows
SELECT mlops.import_model('guest', mlops.export_model('loan', 'ubj'),
						  target => 'repaid',
						  signature => '{"home": ["mortgage", "own", "rent"]}')
	   IS NOT NULL AS imported;
SELECT count(*) FROM mlops.drift('guest', 'SELECT age, income, dependants,
	1 AS home, married::integer AS married FROM loan');
SELECT feature, kind, status
FROM mlops.drift('guest', 'SELECT age, income, dependants, home,
				 married::integer AS married FROM loan_may',
				 reference => 'SELECT age, income, dependants, home,
				 married::integer AS married FROM loan');

-- who may
CREATE ROLE drift_reader;
CREATE ROLE drift_predictor;
GRANT USAGE ON SCHEMA public TO drift_reader, drift_predictor;
GRANT SELECT ON loan TO drift_predictor;
SELECT mlops.grant_model('loan', 'drift_reader', 'read');
SELECT mlops.grant_model('loan', 'drift_predictor', 'predict');
SET ROLE drift_predictor;
SELECT * FROM mlops.drift('loan', 'loan');
SELECT count(*) FROM mlops.drift_between('loan', 'loan');
SET ROLE drift_reader;
SELECT * FROM mlops.drift('loan', 'loan');
RESET ROLE;
GRANT SELECT ON loan TO drift_reader;
SET ROLE drift_reader;
SELECT count(*) FROM mlops.drift('loan', 'loan');
RESET ROLE;

SELECT mlops.drop_model('loan'), mlops.drop_model('guest');
DROP OWNED BY drift_reader, drift_predictor;
DROP ROLE drift_reader, drift_predictor;
DROP TABLE loan, loan_may;
