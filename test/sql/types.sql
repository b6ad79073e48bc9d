-- Types of arguments: model_ref, name_list, deploy_mode.

-- model_ref: a name, a version, an alias
SELECT r::mlops.model_ref::text FROM (VALUES ('churn'), ('churn/3'),
	('churn@challenger'), ('My Model'), ('Kündigung/12'), ('a.b-c'),
	('m/2147483647')) v(r);
SELECT 'churn/3'::mlops.model_ref, mlops.model_ref 'churn@champion',
	   'churn'::varchar(10)::mlops.model_ref,
	   pg_typeof('churn'::mlops.model_ref), pg_collation_for('x'::text);
SELECT octet_length(mlops._model_ref_send('churn/3'));
-- bad ones
-- a reference is read where it is used, so any text can be one until then
SELECT left(r, 12) AS r, left(try(format('SELECT mlops.classes(%L)', r)), 110) AS "classes()"
FROM (VALUES (''), ('/'), ('@'), ('m/'), ('m@'), ('/1'), ('@a'), ('m/0'),
	('m/-1'), ('m/1x'), ('m/99999999999'), ('m/1/2'), ('m@a@b'), ('m/1@a'),
	('m@A'), ('m@1a'), ('m/01'), ('no_such'), ('no_such/1'), ('no_such@a'),
	(repeat('x', 201))) v(r);

-- name_list: an array, its literal, or one bare name
SELECT 'id'::mlops.name_list, '{id,ts}'::mlops.name_list,
	   ARRAY['id', 'ts']::mlops.name_list, '{"a b",C}'::mlops.name_list,
	   'a b'::mlops.name_list, ''::mlops.name_list, '{}'::mlops.name_list;
SELECT ('{id,ts}'::mlops.name_list)::text[] AS list,
	   ('id'::mlops.name_list)::text[] AS bare,
	   ('a, b'::mlops.name_list)::text[] AS no_list,
	   cardinality(('{id,ts}'::mlops.name_list)::text[]);
SELECT l, try(format('SELECT (%L::mlops.name_list)::text[]', l))
FROM (VALUES ('{a'), ('{a,NULL}'), ('{{a,b},{c,d}}'), ('{a,}'), ('{""}')) v(l);

-- deploy_mode: its labels, a boolean, text
SELECT enum_range(NULL::mlops.deploy_mode);
SELECT true::mlops.deploy_mode, false::mlops.deploy_mode,
	   (1 = 1)::mlops.deploy_mode, 'if_better'::text::mlops.deploy_mode,
	   'first'::mlops.deploy_mode;
SELECT try('SELECT ''always''::mlops.deploy_mode');
SELECT try('SELECT ''maybe''::text::mlops.deploy_mode');

-- as arguments: literals, parameters of several types, columns
CREATE TABLE types_data AS
SELECT i AS id, (i * 7 % 11)::int AS a, i * 7 % 11 > 5 AS y
FROM generate_series(1, 200) i;
SELECT version, deployed FROM mlops.train('types_m', 'types_data', 'y',
	exclude => 'id', params => '{"num_boost_round": 3}');
SELECT version, deployed FROM mlops.train('types_m', 'types_data', 'y',
	exclude => ARRAY['id'], params => '{"num_boost_round": 3}', deploy => false);
SELECT version, deployed FROM mlops.train('types_m', 'types_data', 'y',
	exclude => '{id}', params => '{"num_boost_round": 3}', deploy => 'true');
PREPARE p_unknown AS SELECT mlops.classes($1);
PREPARE p_text(text) AS SELECT mlops.classes($1);
PREPARE p_varchar(varchar) AS SELECT mlops.classes($1);
PREPARE p_ref(mlops.model_ref) AS SELECT mlops.classes($1);
EXECUTE p_unknown('types_m');
EXECUTE p_text('types_m/1');
EXECUTE p_varchar('types_m@champion');
EXECUTE p_ref('types_m/2');
SELECT r, mlops.classes(r) FROM (VALUES ('types_m'::text), ('types_m/2')) v(r);
SELECT mlops.classes(NULL) IS NULL AS null_ref;
PREPARE p_train(text, text[], boolean) AS
SELECT version, deployed FROM mlops.train($1, 'types_data', 'y', exclude => $2,
	params => '{"num_boost_round": 3}', deploy => $3);
EXECUTE p_train('types_m', '{id}', false);
EXECUTE p_train('types_m', '{id}', true);

SELECT mlops.drop_model('types_m');
DROP TABLE types_data;
