-- mlops.score(), predict_batch() and mlops.create_function(); the examples of their sections
-- in docs/reference.md stand first.

SET client_min_messages = warning;
CREATE TABLE customer AS
SELECT i AS id, 18 + i % 60 AS age, (i * 7919) % 1000 AS spending,
       (ARRAY['north', 'south', 'östlich'])[1 + i % 3] AS region,
       timestamptz '2024-01-01 00:00+00' + i * interval '1 hour' AS updated_at,
       (18 + i % 60) * 10 < (i * 7919) % 1000 AS churned
FROM generate_series(1, 300) i;
SELECT version FROM mlops.train('churn', 'customer', 'churned', key => 'id',
                                exclude => 'updated_at',
                                params => '{"num_boost_round": 10}');
SELECT version FROM mlops.train('churn', 'customer', 'churned', key => 'id',
                                exclude => 'updated_at',
                                params => '{"num_boost_round": 5}');

-- score
SELECT into_table, model, version, inserted, updated, removed
FROM mlops.score('churn', 'customer', into_table => 'churn_score', key => 'id',
                 columns => 'region');
UPDATE customer SET spending = spending + 500 WHERE id <= 3;
SELECT inserted, updated, removed
FROM mlops.score('churn', 'customer', 'churn_score', key => 'id', columns => 'region');

-- predict_batch
SELECT c.region, count(*) AS customers, min(p.probability) >= 0.5 AS most_probable
FROM mlops.predict_batch('churn', 'SELECT * FROM customer WHERE age > 70', key => 'id') p
JOIN customer c ON c.id = (p.key->>'id')::integer
GROUP BY c.region ORDER BY c.region;

-- what is there is what predict says, and nothing was written twice
SELECT count(*), count(*) FILTER (WHERE s.prediction = mlops.predict('churn', c)
                                  AND s.label = mlops.predict_label('churn', c)
                                  AND s.probability = mlops.predict_proba('churn', c, s.label)
                                  AND s.region = c.region AND s.version = 1) AS same
FROM churn_score s JOIN customer c USING (id);
SELECT inserted, updated FROM mlops.score('churn', 'customer', 'churn_score', 'id', 'region');
-- a row whose copied column changed
UPDATE customer SET region = 'west' WHERE id = 5;
SELECT inserted, updated FROM mlops.score('churn', 'customer', 'churn_score', 'id', 'region');
-- new rows, and rows that are gone
INSERT INTO customer VALUES (1000, 30, NULL, NULL, '2024-06-01 00:00+00', false);
DELETE FROM customer WHERE id <= 2;
SELECT inserted, updated, removed FROM mlops.score('churn', 'customer', 'churn_score', 'id', 'region');
SELECT inserted, updated, removed
FROM mlops.score('churn', 'customer', 'churn_score', 'id', 'region', prune => true);
SELECT count(*), min(id), max(id) FROM churn_score;

-- every row again when another version serves, and back
SELECT mlops.deploy('churn/2');
SELECT version, inserted, updated FROM mlops.score('churn', 'customer', 'churn_score', 'id', 'region');
SELECT DISTINCT model, version FROM churn_score;
BEGIN;
SELECT mlops.rollback('churn');
SELECT version, inserted, updated FROM mlops.score('churn', 'customer', 'churn_score', 'id', 'region');
ROLLBACK;
SELECT DISTINCT version FROM churn_score;

-- reading only what changed
SELECT inserted, updated
FROM mlops.score('churn', 'customer', 'by_time', 'id', changed_at => 'updated_at');
UPDATE customer SET age = 90 WHERE id = 10;     -- long before the last change
UPDATE customer SET age = 91, updated_at = '2024-06-01 01:00+00' WHERE id = 11;
SELECT inserted, updated
FROM mlops.score('churn', 'customer', 'by_time', 'id', changed_at => 'updated_at');
SELECT inserted, updated
FROM mlops.score('churn', 'customer', 'by_time', 'id', changed_at => 'updated_at',
                 lookback => '200 days');
UPDATE customer SET age = 92 WHERE id = 10;
SELECT inserted, updated
FROM mlops.score('churn', 'customer', 'by_time', 'id', changed_at => 'updated_at',
                 rescore => true);

-- reasons, a query as source, a key of two columns, names that need quotes
CREATE SCHEMA "S c";
SELECT into_table, inserted
FROM mlops.score('churn', 'SELECT id AS "I d", region AS "Zoné", c.* FROM customer c WHERE region IS NOT NULL',
                 into_table => '"S c"."Scörés"', key => ARRAY['I d', 'Zoné'], reasons => 2);
SELECT count(*), bool_and(reasons ~ '^[a-z]+=.* \([+-][0-9.]+\), [a-z]+=') AS reasons
FROM "S c"."Scörés";

-- regression, several classes
SELECT version FROM mlops.train('spending', 'customer', 'spending', key => 'id',
                                features => ARRAY['age', 'region']);
SELECT version FROM mlops.train('region', 'customer', 'region', key => 'id',
                                features => ARRAY['age', 'spending']);
SELECT inserted FROM mlops.score('spending', 'customer', 'spending_score', 'id');
SELECT inserted FROM mlops.score('region', 'customer', 'region_score', 'id');
SELECT count(prediction), count(label), count(probability) FROM spending_score;
SELECT count(prediction), count(label), count(probability) FROM region_score;

-- a table of one's own
CREATE TABLE own (id integer UNIQUE, prediction float8, label text, probability float8,
                  model text, version integer, input_hash bigint, scored_at timestamptz,
                  note text DEFAULT 'mine');
SELECT inserted FROM mlops.score('churn', 'customer', 'own', 'id');
SELECT DISTINCT note FROM own;

-- no rows
SELECT inserted, updated, removed FROM mlops.score('churn', 'SELECT * FROM customer WHERE false', 'none', 'id');

-- errors
SELECT try($$SELECT mlops.score(NULL, 'customer', 'x', 'id')$$);
SELECT try($$SELECT mlops.score('churn', NULL, 'x', 'id')$$);
SELECT try($$SELECT mlops.score('churn', 'customer', NULL, 'id')$$);
SELECT try($$SELECT mlops.score('churn', 'customer', 'x', NULL)$$);
SELECT try($$SELECT mlops.score('churn', 'customer', 'x', '{}')$$);
SELECT try($$SELECT mlops.score('churn', 'customer', 'x', 'idd')$$);
SELECT try($$SELECT mlops.score('churn', 'customer', 'x', 'id', reasons => -1)$$);
SELECT try($$SELECT mlops.score('churn', 'customer', 'x', 'id', columns => 'nothing')$$);
SELECT try($$SELECT mlops.score('churn', 'customer', 'x', 'id', changed_at => 'age')$$);
SELECT try($$SELECT mlops.score('churn', 'customer', 'x y', 'id')$$);
SELECT try($$SELECT mlops.score('nothing', 'customer', 'x', 'id')$$);
SELECT try($$SELECT mlops.score('churn/9', 'customer', 'x', 'id')$$);
SELECT try($$SELECT mlops.score('churn', 'SELECT id FROM customer', 'x', 'id')$$);
SELECT try($$SELECT mlops.score('churn', 'SELECT 1 AS id, 2 AS version, c.age, c.spending, c.region FROM customer c', 'x', 'version')$$);
SELECT try($$SELECT mlops.score('churn', 'SELECT 1 AS id, age, spending, region FROM customer', 'x', 'id')$$);
SELECT split_part(try($$SELECT mlops.score('churn', 'SELECT nullif(id, 5) AS id, age, spending, region FROM customer', 'x', 'id')$$), chr(10), 1);
SELECT try($$SELECT mlops.score('churn', 'SELECT id, age / (id - 5) AS age, spending, region FROM customer', 'x', 'id')$$);
SELECT try($$SELECT mlops.score('churn', 'customer', 'customer', 'id')$$);
SELECT try($$SELECT mlops.score('churn', 'customer', 'own', 'id', columns => 'region')$$);
ALTER TABLE own DROP CONSTRAINT own_id_key;
SELECT try($$SELECT mlops.score('churn', 'customer', 'own', 'id')$$);
ALTER TABLE own ALTER version TYPE text;
SELECT try($$SELECT mlops.score('churn', 'customer', 'own', 'id')$$);
SELECT to_regclass('x') IS NULL AS nothing_left;

-- create_function
SELECT mlops.create_function('churn/1', 'churn_risk');
SELECT churn_risk(age => 40, spending => 700, region => 'north')
       = mlops.predict('churn/1', r) AS same
FROM (SELECT 40 AS age, 700 AS spending, 'north' AS region) r;

SELECT pg_get_function_arguments('churn_risk'::regproc), provolatile, proparallel
FROM pg_proc WHERE oid = 'churn_risk'::regproc;
SELECT count(*), count(*) FILTER (WHERE churn_risk(age, spending, region) = mlops.predict('churn/1', c)) AS same
FROM customer c;
SELECT mlops.create_function('churn', '"S c".now', output => 'label');
SELECT mlops.create_function('region', 'region_probabilities', output => 'probabilities');
SELECT bool_and("S c".now(age, spending, region) = mlops.predict_label('churn', c)) AS label,
       bool_and(region_probabilities(age, spending) = mlops.predict_proba('region', c)) AS probabilities
FROM customer c;
-- it follows deployments, as predict does
SELECT mlops.deploy('churn/1');
SELECT bool_and("S c".now(age, spending, region) = mlops.predict_label('churn/1', c)) FROM customer c;
-- an index on it, and NULLs
CREATE INDEX ON customer (churn_risk(age, spending, region));
SELECT churn_risk(NULL, NULL, NULL) = mlops.predict('churn/1', r) AS same
FROM (SELECT NULL::integer AS age, NULL::integer AS spending, NULL::text AS region) r;
-- inlined, so that nothing but the call itself is left
EXPLAIN (VERBOSE, COSTS OFF) SELECT churn_risk(age, spending, region) FROM customer;

-- rights: with those of the caller, or with those of the owner
CREATE ROLE regress_bi;
GRANT USAGE ON SCHEMA "S c" TO regress_bi;
SELECT mlops.create_function('churn/1', '"S c".granted', security => 'definer');
SET ROLE regress_bi;
SELECT try($$SELECT churn_risk(40, 700, 'north')$$);
SELECT "S c".granted(40, 700, 'north') IS NOT NULL AS granted;
SELECT try($$SELECT mlops.create_function('churn', 'mine')$$);
SELECT try($$SELECT mlops.score('churn', 'SELECT 1 AS id', 'x', 'id')$$);
RESET ROLE;
GRANT CREATE ON SCHEMA "S c" TO regress_bi;
GRANT SELECT (id, age, spending, region) ON customer TO regress_bi;
SELECT mlops.grant_model('churn', 'regress_bi', 'predict');
SET ROLE regress_bi;
SELECT inserted FROM mlops.score('churn', 'SELECT id, age, spending, region FROM customer', '"S c".bi', 'id');
SELECT try($$SELECT mlops.score('churn', 'SELECT id, age, spending, region FROM customer', 'own', 'id')$$);
RESET ROLE;

-- errors
SELECT try($$SELECT mlops.create_function(NULL, 'f')$$);
SELECT try($$SELECT mlops.create_function('churn', NULL)$$);
SELECT try($$SELECT mlops.create_function('churn', 'a.b.c')$$);
SELECT try($$SELECT mlops.create_function('churn', '')$$);
SELECT try($$SELECT mlops.create_function('churn', 'f', output => 'x')$$);
SELECT try($$SELECT mlops.create_function('churn', 'f', security => 'x')$$);
SELECT try($$SELECT mlops.create_function('spending', 'f', output => 'label')$$);
SELECT try($$SELECT mlops.create_function('region', 'f')$$);
SELECT try($$SELECT mlops.create_function('churn/1', 'churn_risk')$$);
SELECT mlops.create_function('churn/1', 'churn_risk', or_replace => true);
SELECT try($$SELECT mlops._named(ARRAY['a'], 1, 2)$$);

-- a source may predict, too, and so push the version that scores out of a cache that is too small
SET mlops.cache_size = 0;
SELECT version, inserted, updated FROM mlops.score('churn', 'SELECT c.*, (mlops.predict_full(''region'', c)).label AS guess,
	mlops.predict(''spending'', c) AS spends FROM customer c', 'both_score', key => 'id', columns => '{guess,spends}');
SELECT version, inserted, updated FROM mlops.score('churn', 'SELECT c.*, (mlops.predict_full(''region'', c)).label AS guess,
	mlops.predict(''spending'', c) AS spends FROM customer c', 'both_score', key => 'id', columns => '{guess,spends}', rescore => true);
RESET mlops.cache_size;
DROP TABLE both_score;

-- a feature may be called as what the statement calls its rows; a table that is empty again, or was filled by
-- another model, is filled with all rows
SELECT version FROM mlops.train('letters', 'SELECT age AS q, spending AS s, churned FROM customer', 'churned',
	params => '{"num_boost_round": 2}');
SELECT model, inserted, updated FROM mlops.score('letters', 'SELECT id, age AS q, spending AS s, updated_at FROM customer',
	'by_time', 'id', changed_at => 'updated_at');
SELECT DISTINCT model FROM by_time;
TRUNCATE by_time;
SELECT model, inserted, updated FROM mlops.score('letters', 'SELECT id, age AS q, spending AS s, updated_at FROM customer',
	'by_time', 'id', changed_at => 'updated_at');

DROP INDEX customer_churn_risk_idx;
DROP OWNED BY regress_bi;
SELECT mlops.revoke_model('churn', 'regress_bi', 'predict');
DROP ROLE regress_bi;
DROP FUNCTION churn_risk;
DROP FUNCTION region_probabilities;
DROP SCHEMA "S c" CASCADE;
DROP TABLE customer, churn_score, by_time, spending_score, region_score, own, none;
SELECT mlops.drop_model(m) FROM unnest(ARRAY['churn', 'spending', 'region', 'letters']) m;
