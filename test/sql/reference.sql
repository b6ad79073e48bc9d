-- The examples of docs/reference.md, in their order.

CREATE TABLE house AS
SELECT i AS id,
       40 + (i * 37) % 120 AS area,
       CASE WHEN i % 11 <> 0 THEN 1 + i % 5 END AS rooms,
       (ARRAY['north', 'south', 'west'])[1 + i % 3] AS district,
       timestamp '2024-01-01' + i * interval '7 hours' AS sold_at,
       (2.5 * (40 + (i * 37) % 120) + 60 * (i % 3))::numeric AS price
FROM generate_series(1, 1000) i;

-- train
SELECT version, task, rows_train, rows_validation, rows_test,
       (metrics -> 'test' ->> 'r2')::numeric > 0.9 AS good, deployed
FROM mlops.train('house_price', 'house', target => 'price',
                 key => 'id', exclude => 'sold_at',
                 params => '{"max_depth": 4}');
SELECT version, task, deployed
FROM mlops.train('house_price', 'house', target => 'price',
                 key => 'id', exclude => 'sold_at',
                 params => '{"max_depth": 6}', description => 'deeper trees');
SELECT version, task, rows_train, rows_validation, rows_test
FROM mlops.train('expensive',
                 'SELECT area, rooms, sold_at, price > 250 AS expensive FROM house',
                 target => 'expensive', event_time => 'sold_at');
SELECT version, task, deployed
FROM mlops.train('district', 'house', target => 'district',
                 features => ARRAY['area', 'price'], deploy => false);

-- predict
SELECT id, mlops.predict('house_price', h) BETWEEN 0.9 * price AND 1.1 * price AS near
FROM house h WHERE id <= 3 ORDER BY id;
SELECT mlops.predict('house_price', r) > 300 AS dear
FROM (SELECT 'west' AS district, 3 AS rooms, 120 AS area) r;

-- a column that is called like the table
CREATE TABLE offer (offer integer, area integer, rooms integer, district text);
INSERT INTO offer VALUES (1, 100, 2, 'north');
SELECT mlops.predict('house_price', offer.*) = mlops.predict('house_price', o) AS same
FROM offer, offer o;

-- How predict is planned
SELECT mlops.predict('house_price', x) = mlops.predict('house_price', y) AS same
FROM (SELECT 'west' AS district, 'NaN'::float8 AS rooms, 1e400 AS area) x,
     (SELECT 'west' AS district, NULL::integer AS rooms, 1000000 AS area) y;
EXPLAIN (VERBOSE, COSTS OFF)
SELECT mlops.predict_label('district/1', h) FROM house h WHERE area > 100;

-- predict_label, predict_proba, classes
SELECT mlops.classes('district/1'), mlops.classes('expensive');
SELECT mlops.predict_label('expensive', h) AS label, price
FROM house h WHERE id IN (1, 3) ORDER BY id;
SELECT array_length(mlops.predict_proba('district/1', h), 1) AS classes,
       mlops.predict_label('district/1', h) AS label,
       mlops.predict_proba('district/1', h, 'west')
         = (mlops.predict_proba('district/1', h))[3] AS same
FROM house h WHERE id = 2;

-- predict_pinned
CREATE INDEX house_by_prediction
    ON house (mlops.predict_pinned('house_price', 1, house));
SELECT mlops.predict_pinned('house_price', 1, h) = mlops.predict('house_price/1', h) AS same
FROM house h WHERE id = 1;

-- deploy, rollback, set_alias, drop_alias
SELECT mlops.deploy('house_price/2', note => 'deeper trees');
SELECT mlops.rollback('house_price', note => 'complaints');
SELECT mlops.set_alias('house_price/2', 'challenger');
SELECT mlops.predict('house_price@challenger', h) = mlops.predict('house_price/2', h) AS same
FROM house h WHERE id = 1;
SELECT mlops.drop_alias('house_price', 'challenger');
SELECT alias, action, version, current, note
FROM mlops.deployments WHERE model = 'house_price'
ORDER BY alias, valid_from, valid_to;

-- export_model
SELECT convert_from(mlops.export_model('house_price', 'json'), 'UTF8')::json
         #>> '{learner,objective,name}' AS objective;

-- import_model
CREATE TABLE model_file AS SELECT mlops.export_model('house_price/1', 'json') AS data;
SELECT model, version, task, rows_train, deployed
FROM mlops.import_model('price_elsewhere', (SELECT data FROM model_file),
                        signature => '{"district": ["north", "south", "west"]}',
                        target => 'price');
SELECT count(*) AS houses,
       count(*) FILTER (WHERE mlops.predict('price_elsewhere', h)
                              <> mlops.predict('house_price/1', h)) AS different
FROM house h;

-- export_bundle, import_bundle
CREATE TABLE bundle AS SELECT mlops.export_bundle('house_price/1') AS data;
SELECT model, version, task, rows_train, deployed
FROM mlops.import_bundle((SELECT data FROM bundle), model => 'price_copy', deploy => true);
SELECT trigger_kind, effective #>> '{imported_from,model}' AS imported_from
FROM mlops.runs WHERE model = 'price_copy';
SELECT mlops.drop_model(model) FROM mlops.models WHERE model LIKE 'price%';
DROP TABLE model_file, bundle;

-- grant_model, revoke_model, has_model_privilege, alter_model
SELECT mlops.grant_model('house_price', 'public', 'predict');
SELECT mlops.revoke_model('house_price', 'public', 'predict');
SELECT mlops.has_model_privilege('house_price', 'manage');
SELECT mlops.alter_model('house_price', description => 'price of a house',
                         keep_versions => 5);
SELECT model, task, serving, versions, latest, description, keep_versions
FROM mlops.models WHERE model IN ('district', 'house_price') ORDER BY model;

-- versions, runs, metrics, baselines
SELECT version, task, aliases, features, target, rounds > 0 AS trained
FROM mlops.versions WHERE model = 'house_price' ORDER BY version;
SELECT version, state, effective ->> 'split' AS split, rows_train
FROM mlops.runs WHERE model = 'house_price' ORDER BY run_id;
SELECT split, name, round(value::numeric, 1) AS value
FROM mlops.metrics
WHERE model = 'house_price' AND version = 1 AND round IS NULL AND name = 'r2'
ORDER BY split;
SELECT kind, feature, n, n_missing, min, max, categories
FROM mlops.baselines
WHERE model = 'house_price' AND version = 1 AND kind <> 'prediction'
ORDER BY kind, feature;

-- stat_cache
SELECT model, version, bytes > 0 AS loaded, loads FROM mlops.stat_cache
WHERE model = 'house_price' AND version = 1 AND NOT shared;

-- stat_model, stat_model_reset
SELECT model, version, calls > 0 AS called, rows > 0 AS used FROM mlops.stat_model
WHERE model = 'house_price' AND version = 1;
SELECT mlops.stat_model_reset('house_price');

-- drop_version, drop_model
SELECT mlops.drop_version('house_price/2');
SELECT version, dropped_at IS NOT NULL AS dropped
FROM mlops.versions WHERE model = 'house_price' ORDER BY version;
DROP INDEX house_by_prediction;
SELECT mlops.drop_model('house_price');
SELECT mlops.drop_model('expensive');
SELECT mlops.drop_model('district');
DROP TABLE house, offer;
