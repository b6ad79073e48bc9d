-- Bad input, and what is said of it.
SET client_min_messages = error;
CREATE TABLE err AS
SELECT i AS id, i * 37 % 101 AS a, i % 7 AS b, 'w' || i % 3 AS word,
	   i * 37 % 101 > 50 AS y, NULL::text AS nothing, now() AS at,
	   ARRAY[i::text] AS list, '{}'::jsonb AS doc, point(i, i) AS place, 'x' AS const,
	   CASE WHEN i = 3 THEN 'Infinity' ELSE i::float8 END AS infinite,
	   CASE WHEN i = 3 THEN -1 ELSE i END AS negative, i % 3 AS three,
	   CASE WHEN i > 3 THEN timestamp '2024-01-01' END AS some_time
FROM generate_series(1, 200) i;
-- train
\pset format unaligned
\pset fieldsep '\n  '
SELECT args, try('SELECT version FROM mlops.train(' || args || ')')
FROM (VALUES
	($$NULL, 'err', 'y'$$),
	($$'err_bad', NULL, 'y'$$),
	($$'err_bad', 'err', NULL$$),
	($$'', 'err', 'y'$$),
	($$'a/b', 'err', 'y'$$),
	($$'a@b', 'err', 'y'$$),
	($$'err_bad', 'no_such', 'y'$$),
	($$'err_bad', '', 'y'$$),
	($$'err_bad', 'no_schema.err', 'y'$$),
	($$'err_bad', 'err; DROP TABLE err', 'y'$$),
	($$'err_bad', 'SELECT 1 AS y; SELECT 2 AS y', 'y'$$),
	($$'err_bad', 'DELETE FROM err RETURNING *', 'y'$$),
	($$'err_bad', 'WITH d AS (DELETE FROM err RETURNING *) SELECT * FROM d', 'y'$$),
	($$'err_bad', 'SELECT * FROM err FOR UPDATE', 'y'$$),
	($$'err_bad', 'SELECT * INTO err2 FROM err', 'y'$$),
	($$'err_bad', 'SELECT * FRM err', 'y'$$),
	($$'err_bad', 'SELECT * FROM err WHERE id = $1', 'y'$$),
	($$'err_bad', 'SELECT a, 1/(id-5) AS q, y FROM err', 'y'$$),
	($$'err_bad', 'SELECT a, a, y FROM err', 'y'$$),
	($$'err_bad', 'err', 'z'$$),
	($$'err_bad', 'err', 'worf'$$),
	($$'err_bad', 'err', 'count(*)'$$),
	($$'err_bad', 'err', 'generate_series(1, 2)'$$),
	($$'err_bad', 'err', 'y, a'$$),
	($$'err_bad', 'err', 'y FROM err; --'$$),
	($$'err_bad', 'err', 'a +'$$),
	($$'err_bad', 'err', '(SELECT 1'$$),
	($$'err_bad', 'err', 'doc', features => 'a'$$),
	($$'err_bad', 'err', 'nothing', features => 'a'$$),
	($$'err_bad', 'err', 'const', features => 'a'$$),
	($$'err_bad', 'err', 'infinite', features => 'a', task => 'regression'$$),
	($$'err_bad', 'err', 'y', features => 'z'$$),
	($$'err_bad', 'err', 'y', features => '{a,wrd}'$$),
	($$'err_bad', 'err', 'y', features => '{a,NULL}'$$),
	($$'err_bad', 'err', 'y', features => '{a,y}'$$),
	($$'err_bad', 'err', 'y', features => '{a,b}', exclude => 'b'$$),
	($$'err_bad', 'err', 'y', features => 'list'$$),
	($$'err_bad', 'err', 'y', features => 'infinite'$$),
	($$'err_bad', 'err', 'y'$$),
	($$'err_bad', 'err', 'y', exclude => '{list,doc}'$$),
	($$'err_bad', 'err', 'y', exclude => 'z'$$),
	($$'err_bad', 'SELECT y FROM err', 'y'$$),
	($$'err_bad', 'SELECT a, y FROM err', 'y', exclude => 'a'$$),
	($$'err_bad', 'err', 'y', features => 'a', key => 'z'$$),
	($$'err_bad', 'err', 'y', features => 'a', weight => 'z'$$),
	($$'err_bad', 'err', 'y', features => 'a', weight => 'word'$$),
	($$'err_bad', 'err', 'y', features => 'a', weight => 'negative'$$),
	($$'err_bad', 'err', 'y', features => 'a', event_time => 'z'$$),
	($$'err_bad', 'err', 'y', features => 'a', event_time => 'a'$$),
	($$'err_bad', 'err', 'y', features => 'a', event_time => 'some_time'$$),
	($$'err_bad', 'err', 'y', features => 'a', task => 'bynary'$$),
	($$'err_bad', 'err', 'y', features => 'a', task => 'clustering'$$),
	($$'err_bad', 'err', 'three', features => 'a', task => 'binary'$$),
	($$'err_bad', 'err', 'word', features => 'a', task => 'regression'$$),
	($$'err_bad', 'err', 'y', features => 'a', positive => 'perhaps'$$),
	($$'err_bad', 'err', 'three', features => 'a', positive => '1'$$),
	($$'err_bad', 'err', 'a', features => 'b', task => 'regression', positive => '1'$$),
	($$'err_bad', 'err', 'y', features => 'a', validation => 1$$),
	($$'err_bad', 'err', 'y', features => 'a', validation => -0.1$$),
	($$'err_bad', 'err', 'y', features => 'a', test => 'NaN'$$),
	($$'err_bad', 'err', 'y', features => 'a', validation => 0.5, test => 0.5$$),
	($$'err_bad', 'err', 'y', features => 'a', seed => -1$$),
	($$'err_bad', 'err', 'y', features => 'a', seed => 2147483648$$),
	($$'err_bad', 'err', 'y', features => 'a', deploy => 'maybe'$$),
	($$'err_bad', 'err', 'y', features => 'a', deploy => 'if_better', test => 0, validation => 0$$),
	($$'err_bad', 'err', 'y', features => 'a', params => '[]'$$),
	($$'err_bad', 'SELECT * FROM err LIMIT 0', 'y', features => 'a'$$),
	($$'err_bad', 'SELECT * FROM err LIMIT 1', 'y', features => 'a'$$),
	($$'err_bad', 'SELECT a, id AS label FROM err UNION ALL SELECT a, id + 1000 FROM err UNION ALL SELECT a, id + 2000 FROM err UNION ALL SELECT a, id + 3000 FROM err UNION ALL SELECT a, id + 4000 FROM err UNION ALL SELECT a, id + 5000 FROM err', 'label', task => 'multiclass'$$)
	) v(args);
SELECT count(*) FROM mlops.models WHERE model LIKE 'err%';
SELECT to_regclass('err2'), count(*) FROM err;

-- a model to do things with
SELECT version FROM mlops.train('err_m', 'err', 'y', features => '{a,word}');
SELECT version FROM mlops.train('err_m', 'err', 'y', features => '{a,word}');
SELECT version FROM mlops.train('err_multi', 'err', 'three', features => '{a,b}', task => 'multiclass');
SELECT version FROM mlops.train('err_number', 'err', 'a', features => '{b,id}', task => 'regression', deploy => false);
SELECT call, try('SELECT ' || call || ' FROM (SELECT * FROM err WHERE id = 1) t') FROM (VALUES
	-- predict
	($$mlops.predict('no_such', t)$$),
	($$mlops.predict('err_m/3', t)$$),
	($$mlops.predict('err_m@no_such', t)$$),
	($$mlops.predict('err_m/0', t)$$),
	($$mlops.predict('err_number', t)$$),
	($$mlops.predict('err_m', ROW(1, 'x'))$$),
	($$mlops.predict('err_m', 1)$$),
	($$mlops.predict('err_m', (SELECT x FROM (SELECT 1 AS a) x))$$),
	($$mlops.predict('err_m', (SELECT x FROM (SELECT 1 AS a, 2 AS word) x))$$),
	($$mlops.predict('err_m', (SELECT x FROM (SELECT 'x' AS a, 'x' AS word) x))$$),
	($$mlops.predict('err_m', (SELECT x FROM (SELECT 1 AS a, 2 AS a, 'x' AS word) x))$$),
	($$mlops.predict('err_m', (SELECT x FROM (SELECT 1e300 AS a, 'x' AS word) x)) IS NOT NULL$$),
	($$mlops.predict('err_multi', t)$$),
	($$mlops.predict_label('err_number/1', t)$$),
	($$mlops.predict_proba('err_number/1', t)$$),
	($$mlops.predict_proba('err_number/1', t, '1')$$),
	($$mlops.predict_proba('err_m', t, 'yes')$$),
	($$mlops.predict_proba('err_multi', t, '7')$$),
	($$mlops.classes('err_number/1')$$),
	($$mlops.predict_pinned('err_m', 0, t)$$),
	($$mlops.predict_pinned('err_m', 3, t)$$),
	($$mlops.predict_pinned('no_such', 1, t)$$),
	($$mlops.predict_pinned('err_m/1', 1, t)$$),
	($$mlops.predict_pinned('err_multi', 1, t)$$),
	-- versions
	($$mlops.deploy(NULL)$$),
	($$mlops.deploy('err_m')$$),
	($$mlops.deploy('err_m/9')$$),
	($$mlops.deploy('err_m@nobody')$$),
	($$mlops.deploy('no_such/1')$$),
	($$mlops.deploy('err_m@champion')$$),
	($$mlops.rollback(NULL)$$),
	($$mlops.rollback('no_such')$$),
	($$mlops.rollback('err_m')$$),
	($$mlops.rollback('err_number')$$),
	($$mlops.rollback('err_m/1')$$),
	($$mlops.set_alias('err_m/2', NULL)$$),
	($$mlops.set_alias('err_m/2', 'Challenger')$$),
	($$mlops.set_alias('err_m/2', '')$$),
	($$mlops.set_alias('err_m/2', '1st')$$),
	($$mlops.set_alias('err_m/2', repeat('x', 64))$$),
	($$mlops.set_alias('err_m/9', 'x')$$),
	($$mlops.set_alias('err_number', 'x')$$),
	($$mlops.drop_alias('err_m', 'nobody')$$),
	($$mlops.drop_alias('no_such', 'champion')$$),
	($$mlops.drop_alias(NULL, 'x')$$),
	($$mlops.drop_version('err_m')$$),
	($$mlops.drop_version('err_m@champion')$$),
	($$mlops.drop_version('err_m/1')$$),
	($$mlops.drop_version('err_m/9')$$),
	($$mlops.drop_model('no_such')$$),
	($$mlops.drop_model('err_m/1')$$),
	($$mlops.export_model('err_m', 'pickle')$$),
	($$mlops.export_model('err_m/9')$$),
	-- who may
	($$mlops.grant_model('no_such', 'public', 'read')$$),
	($$mlops.grant_model('err_m', 'regress_mlops_no_such', 'read')$$),
	($$mlops.grant_model('err_m', 'public', 'write')$$),
	($$mlops.revoke_model('err_m', 'public', 'write')$$),
	($$mlops.alter_model('no_such', keep_versions => 1)$$),
	($$mlops.alter_model(NULL, keep_versions => 1)$$),
	($$mlops.alter_model('err_m', keep_versions => -1)$$),
	($$mlops.alter_model('err_m', owner => 'regress_mlops_no_such')$$),
	($$mlops.has_model_privilege('err_m', 'eat')$$)
	) v(call);

-- what needs memory is bounded
SET mlops.max_train_memory = '16MB';
SELECT split_part(try($$SELECT version FROM mlops.train('err_big',
	'SELECT i % 7 = 0 AS y, i AS a, i AS b, i AS c, i AS d FROM generate_series(1, 1000000) i', 'y')$$), E'\n', 1);
RESET mlops.max_train_memory;
-- names of models are compared by bytes
SELECT try($$SELECT mlops.classes('ERR_M')$$);
-- a read-only transaction
SELECT mlops.create_monitor('err_m/1', 'err', 'at');
BEGIN READ ONLY;
SELECT try(call) FROM (VALUES ($$SELECT mlops.create_monitor('err_m/1', 'err', 'at', name => 'x')$$),
	($$SELECT mlops.run_monitor('err_m')$$), ($$SELECT mlops.alter_monitor('err_m', enabled => false)$$),
	($$SELECT mlops.drop_monitor('err_m')$$), ($$SELECT mlops.set_label_source('err_m', NULL, NULL)$$)) v(call);
SELECT try($$SELECT mlops.deploy('err_m/2')$$);
SELECT try($$SELECT version FROM mlops.train('err_m', 'err', 'y', features => 'a')$$);
ROLLBACK;

SELECT mlops.drop_model(model) FROM mlops.models WHERE model LIKE 'err\_%';
DROP TABLE err;
