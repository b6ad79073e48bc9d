-- Models and versions that come from elsewhere, and go there.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET mlops.threads = 1;
SET timezone = 'UTC';

-- a model file of XGBoost, small enough to read: two trees on two features
CREATE FUNCTION tree(feature int, threshold text, low float4, high float4,
	type int, id int) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
SELECT jsonb_build_object('id', id, 'tree_param', '{"num_nodes": "3",
	"num_feature": "2", "num_deleted": "0", "size_leaf_vector": "0"}'::jsonb,
	'left_children', '[1,-1,-1]'::jsonb, 'right_children', '[2,-1,-1]'::jsonb,
	'parents', '[2147483647,0,0]'::jsonb,
	'split_indices', jsonb_build_array(feature, 0, 0),
	'split_conditions', jsonb_build_array(threshold::float4, low, high),
	'split_type', jsonb_build_array(type, 0, 0), 'default_left', '[0,0,0]'::jsonb,
	'loss_changes', '[1,0,0]'::jsonb, 'sum_hessian', '[9,4,5]'::jsonb,
	'base_weights', jsonb_build_array(0, low, high),
	'categories', CASE type WHEN 1 THEN '[1]' ELSE '[]' END::jsonb,
	'categories_nodes', CASE type WHEN 1 THEN '[0]' ELSE '[]' END::jsonb,
	'categories_segments', CASE type WHEN 1 THEN '[0]' ELSE '[]' END::jsonb,
	'categories_sizes', CASE type WHEN 1 THEN '[1]' ELSE '[]' END::jsonb)
$$;
CREATE FUNCTION model(objective text, names text DEFAULT '["distance","carrier"]',
	types text DEFAULT '["float","c"]', classes int DEFAULT 0,
	version text DEFAULT '[1,7,4]', base text DEFAULT '5E-1')
RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
SELECT convert_to(replace(jsonb_build_object('version', version::jsonb, 'learner',
	jsonb_build_object('attributes', '{}'::jsonb, 'feature_names', names::jsonb,
		'feature_types', types::jsonb, 'learner_model_param',
		jsonb_build_object('base_score', base, 'num_class', classes::text,
			'num_feature', '2', 'num_target', '1'),
		'objective', jsonb_build_object('name', objective) || CASE WHEN classes > 0
			THEN jsonb_build_object('softmax_multiclass_param',
				jsonb_build_object('num_class', classes::text)) ELSE '{}' END,
		'gradient_booster', jsonb_build_object('name', 'gbtree', 'model',
			jsonb_build_object('gbtree_model_param', jsonb_build_object(
				'num_trees', greatest(classes, 2)::text, 'num_parallel_tree', '1',
				'size_leaf_vector', '0'),
				'trees', (SELECT jsonb_agg(tree((i + 1) % 2, '500', -0.25 * i, 0.5,
					CASE WHEN types LIKE '%c%' AND i % 2 = 0 THEN 1 ELSE 0 END, i)
					ORDER BY i) FROM generate_series(0, greatest(classes, 2) - 1) i),
				'tree_info', (SELECT jsonb_agg(CASE WHEN classes > 0 THEN i ELSE 0 END
					ORDER BY i) FROM generate_series(0, greatest(classes, 2) - 1) i)))
	))::text, ': ', ':'), 'UTF8')
$$;
CREATE TABLE flight (distance integer, carrier text);
INSERT INTO flight VALUES (100, 'AA'), (900, 'B6'), (NULL, 'B6'), (900, NULL), (100, 'ZZ');

-- the signature is read, the categories are given
SELECT model, version, task, rows_train, rows_validation, rows_test, metrics, deployed
FROM mlops.import_model('delay', model('reg:squarederror'),
	signature => '{"carrier": ["AA", "B6"]}', target => 'delay',
	description => 'from elsewhere');
SELECT f.*, mlops.predict('delay', f) FROM flight f;
SELECT version, task, objective, features, trees, rounds, target, classes, metrics,
	signature, library_version, description FROM mlops.versions WHERE model = 'delay';
SELECT kind, state, trigger_kind, source, query, relations, rows_train,
	arguments - 'bytes' AS arguments, effective, library_version
FROM mlops.runs WHERE model = 'delay';
SELECT count(*) FROM mlops.metrics WHERE model = 'delay';
SELECT count(*) FROM mlops.baselines WHERE model = 'delay';
SELECT model, task, serving FROM mlops.models WHERE model = 'delay';
SELECT alias, action, note FROM mlops.deployments WHERE model = 'delay';

-- the bytes come back; the other format predicts the same
SELECT mlops.export_model('delay', 'json') = model('reg:squarederror') AS same;
SELECT version FROM mlops.import_model('delay', mlops.export_model('delay', 'ubj'),
	signature => '["distance", {"name": "carrier", "categories": ["AA", "B6"]}]');
SELECT count(*) FROM flight f WHERE mlops.predict('delay/1', f)
	IS DISTINCT FROM mlops.predict('delay/2', f);
SELECT version FROM mlops.import_model('delay', mlops.export_model('delay/2', 'json'),
	signature => (SELECT signature FROM mlops.versions
				  WHERE model = 'delay' AND version = 1));
SELECT count(*) FROM flight f WHERE mlops.predict('delay/1', f)
	IS DISTINCT FROM mlops.predict('delay/3', f);
SELECT convert_from(mlops.export_model('delay', 'text'), 'UTF8');

-- forms of the signature
CREATE FUNCTION inputs(signature jsonb, types text DEFAULT '["float","c"]',
	names text DEFAULT '["distance","carrier"]')
RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	n integer;
BEGIN
	n := (mlops.import_model('forms', model('reg:squarederror', names, types),
							 signature)).version;
	RETURN (SELECT jsonb_agg(i - '{features}'::text[]) FROM mlops.versions v,
		jsonb_array_elements(v.signature -> 'inputs') i
		WHERE v.model = 'forms' AND v.version = n);
END $$;
SELECT inputs('{"carrier": {"kind": "category", "categories": ["B6", "AA"]}}');
SELECT inputs('{"carrier": "number"}');
SELECT inputs('{"carrier": [1, 2.5, true]}');
SELECT inputs(NULL, '["int","i"]');
SELECT inputs('{"carrier": "number"}', '["int","i"]');
SELECT inputs(NULL, '[]', '[]');
SELECT inputs('["distance", "carrier"]', '[]', '[]');
SELECT inputs('{"f1": {"categories": ["a", "b"]}}', '[]', '[]');
SELECT inputs('[{"name": "km", "feature": "distance"}, {"name": "carrier", "kind": "boolean"}]',
			  '["q","q"]');
SELECT inputs('["Distance (km)", "Größe"]', '[]', '["Distance (km)", "Größe"]');

-- what does not fit
SELECT inputs(NULL);
SELECT inputs('{"carrier": ["AA"]}');
SELECT inputs('{"carrier": ["AA", "AA"]}');
SELECT inputs('{"carrier": []}');
SELECT inputs('{"carier": ["AA", "B6"]}');
SELECT inputs('["distance"]');
SELECT inputs('["carrier", "distance"]');
SELECT inputs('["distance", {"name": "carrier", "categories": ["a", "b"]}, "more"]');
SELECT inputs('{"carrier": "text"}');
SELECT inputs('{"carrier": {"kind": "number", "categories": ["a", "b"]}}');
SELECT inputs('{"carrier": {"labels": ["a", "b"]}}');
SELECT inputs('{"carrier": 1}');
SELECT inputs('{"carrier": [null, "b"]}');
SELECT inputs('[1, 2]');
SELECT inputs('"distance"');
SELECT inputs('{"distance": "date"}');
SELECT inputs('{"format": 1, "inputs": [], "time_zone": null}');
SELECT inputs(jsonb_set((SELECT signature FROM mlops.versions
	WHERE model = 'delay' AND version = 1), '{inputs,0}', '{"name": "km",
	"type": "integer", "kind": "number", "features": ["km"]}'));
SELECT inputs((SELECT signature #- '{inputs,1}' FROM mlops.versions
	WHERE model = 'delay' AND version = 1));
SELECT inputs('["a", "a"]', '[]', '[]');
SELECT inputs(NULL, '[]', '["", "b"]');
SELECT inputs(NULL, '[]', jsonb_build_array(repeat('x', 64), 'b')::text);
SELECT inputs(jsonb_build_array(jsonb_build_object('name', 'x', 'feature',
	repeat('x', 64)), 'b'), '[]', jsonb_build_array(repeat('x', 64), 'b')::text);

-- tasks and classes
CREATE FUNCTION task(objective text, labels text[] DEFAULT NULL, n int DEFAULT 0,
	version text DEFAULT '[1,7,4]', base text DEFAULT '5E-1')
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	r mlops.train_result;
BEGIN
	r := mlops.import_model('tasks', model(objective, types => '[]',
		classes => n, version => version, base => base), classes => labels,
		deploy => true);
	RETURN r.task || (SELECT COALESCE(' ' || v.classes::text, '') || ' '
		|| v.library_version FROM mlops.versions v
		WHERE v.model = r.model AND v.version = r.version);
END $$;
ALTER TABLE flight ADD score float8 DEFAULT 0.5;
CREATE VIEW numbered AS SELECT distance, score AS carrier FROM flight;
SELECT task('binary:logistic');
SELECT task('binary:logistic', '{early,late}');
SELECT mlops.predict_label('tasks', f) AS label, mlops.classes('tasks')
FROM numbered f LIMIT 2;
SELECT task('binary:hinge', '{no,yes}');
SELECT task('multi:softprob', NULL, 3);
SELECT task('multi:softmax', '{a,b,c}', 3);
SELECT mlops.predict_label('tasks', f) AS label,
	array_length(mlops.predict_proba('tasks', f), 1) AS n
FROM numbered f LIMIT 1;
SELECT task('reg:squarederror'), task('count:poisson'), task('reg:logistic'),
	task('rank:ndcg'), task('survival:cox'), task('survival:aft');
SELECT task('binary:logitraw');
SELECT task('binary:logistic', version => '[3,3,0]', base => '[5E-1]');
SELECT task('binary:logistic', '{a}');
SELECT task('binary:logistic', '{a,a}');
SELECT task('binary:logistic', '{a,NULL}');
SELECT task('reg:squarederror', '{a,b}');
SELECT task('multi:softprob', '{a,b}', 3);
SELECT task('multi:softprob', NULL, 2);
SELECT task('binary:logistic', base => '[5E-1]');
SELECT task('reg:evil');

-- arguments
SELECT mlops.import_model(NULL, model('reg:squarederror'));
SELECT mlops.import_model('m', NULL);
SELECT mlops.import_model('a/b', model('reg:squarederror'));
SELECT mlops.import_model('', model('reg:squarederror'));
SELECT mlops.import_model('m', model('reg:squarederror'), deploy => 'if_better');
SELECT mlops.import_model('m', '');
SELECT mlops.import_model('m', 'binf');
SELECT mlops.import_model('m', '{"learner": {}}');
SELECT mlops.import_model('m', '{"learner": ');
SELECT (mlops.import_model('m', model('reg:squarederror', types => '[]'), NULL, NULL, NULL,
	NULL, NULL)).deployed;
SELECT (mlops.import_model('m', model('reg:squarederror', types => '[]'))).deployed;
SELECT mlops.export_model('m', 'pmml');
SELECT mlops.export_model('nobody');
SELECT mlops.export_model(NULL) IS NULL, mlops.export_model('m', NULL) IS NULL;
BEGIN READ ONLY;
SELECT mlops.import_model('m', model('reg:squarederror'));
ROLLBACK;
BEGIN READ ONLY;
SELECT mlops.import_bundle('');
ROLLBACK;

-- a feature of a date: columns of the model's names, or the column itself
CREATE TABLE seen AS SELECT '2001-01-01'::date + g AS day, g * 7919 % 13 AS y
	FROM generate_series(1, 300) g;
SELECT version FROM mlops.train('week', 'seen', 'y', task => 'regression',
	params => '{"num_boost_round": 5}');
SELECT version FROM mlops.import_model('week', mlops.export_model('week'),
	signature => '{"day": "date"}');
SELECT count(*) FROM seen s WHERE mlops.predict('week/1', s) <> mlops.predict('week/2', s);
SELECT version FROM mlops.import_model('week', mlops.export_model('week'));
SELECT jsonb_agg(i -> 'name') FROM mlops.versions, jsonb_array_elements(signature -> 'inputs') i
WHERE model = 'week' AND version = 3;
SELECT mlops.import_model('week', mlops.export_model('week'), '{"day": "timestamp"}');

-- bundles
SELECT model, version, task, rows_train, rows_validation, rows_test, deployed
FROM mlops.import_bundle(mlops.export_bundle('week/1'));
SELECT model, version, rows_train, metrics = (SELECT metrics FROM mlops.versions
		WHERE model = 'week' AND version = 1) AS same, deployed
FROM mlops.import_bundle(mlops.export_bundle('week/1'), 'copy', 'first');
SELECT count(*) FROM seen s WHERE mlops.predict('week/1', s) <> mlops.predict('copy', s);
SELECT a.key FROM mlops.versions v, mlops.versions w, jsonb_each(to_jsonb(v)) a,
	jsonb_each(to_jsonb(w)) b
WHERE v.model = 'week' AND v.version = 1 AND w.model = 'copy' AND a.key = b.key
	AND a.value <> b.value AND a.key NOT IN ('run_id', 'created_at');
SELECT a.key FROM mlops.runs v, mlops.runs w, jsonb_each(to_jsonb(v)) a,
	jsonb_each(to_jsonb(w)) b
WHERE v.model = 'week' AND v.version = 1 AND w.model = 'copy' AND a.key = b.key
	AND a.value <> b.value AND a.key <> 'run_id' ORDER BY 1;
SELECT effective -> 'imported_from' ->> 'model' AS model,
	effective -> 'imported_from' ->> 'version' AS version
FROM mlops.runs WHERE model = 'copy';
SELECT count(*) > 10 AS some, count(*) FILTER (WHERE m.value IS DISTINCT FROM c.value) AS other
FROM mlops.metrics m FULL JOIN mlops.metrics c
	ON m.split = c.split AND m.name = c.name AND m.round IS NOT DISTINCT FROM c.round
	AND c.model = 'copy' WHERE m.model = 'week' AND m.version = 1;
SELECT count(*) > 4 AS some, count(*) FILTER (WHERE to_jsonb(b) - '{model,version}'::text[]
	IS DISTINCT FROM to_jsonb(c) - '{model,version}'::text[]) AS other
FROM mlops.baselines b LEFT JOIN mlops.baselines c
	ON b.kind = c.kind AND b.feature = c.feature AND c.model = 'copy'
WHERE b.model = 'week' AND b.version = 1;
SELECT model, version FROM mlops.import_bundle(mlops.export_bundle('delay/2'));
SELECT count(*) FROM flight f WHERE mlops.predict('delay/2', f)
	IS DISTINCT FROM mlops.predict('delay/4', f);
SELECT mlops.export_bundle('week/2') = mlops.export_bundle('week/2') AS same,
	substr(mlops.export_bundle('week/2'), 1, 16);
SELECT mlops.export_bundle(NULL) IS NULL;
SELECT mlops.export_bundle('nobody');
SELECT mlops.import_bundle(NULL);
SELECT mlops.import_bundle('');
SELECT mlops.import_bundle(mlops.export_model('week/1'));
SELECT mlops.import_bundle(substr(mlops.export_bundle('week/1'), 1, 1000));
SELECT mlops.import_bundle(set_byte(mlops.export_bundle('week/1'), 15, 7));
SELECT mlops.import_bundle(mlops.export_bundle('week/1'), 'a@b');
SELECT mlops.import_bundle(mlops.export_bundle('week/1'), deploy => 'if_better');

-- rights
CREATE ROLE regress_mlops_reader;
CREATE ROLE regress_mlops_stranger;
GRANT SELECT ON seen TO regress_mlops_reader, regress_mlops_stranger;
SELECT mlops.grant_model('week', 'regress_mlops_reader', 'read');
SET ROLE regress_mlops_stranger;
SELECT mlops.export_bundle('week/1');
SELECT mlops.export_model('week/1', 'text');
SET ROLE regress_mlops_reader;
SELECT octet_length(mlops.export_bundle('week/1')) > 1000 AS exported;
SELECT mlops.import_bundle(mlops.export_bundle('week/1'));
SELECT mlops.import_model('week', mlops.export_model('week/1'));
SELECT model, version, deployed
FROM mlops.import_model('mine', mlops.export_model('week/1'), '{"day": "date"}');
SELECT mlops.drop_model('mine');
RESET ROLE;

SELECT mlops.drop_model(model) FROM mlops.models
WHERE model IN ('copy', 'delay', 'forms', 'm', 'tasks', 'week');
DROP TABLE seen;
DROP VIEW numbered;
DROP TABLE flight;
DROP FUNCTION inputs, task, model, tree;
DROP ROLE regress_mlops_reader, regress_mlops_stranger;
