-- Who may do what with a model.
SET client_min_messages = error;
CREATE ROLE regress_mlops_owner;
CREATE ROLE regress_mlops_predict;
CREATE ROLE regress_mlops_read;
CREATE ROLE regress_mlops_manage;
CREATE ROLE regress_mlops_none;
CREATE ROLE regress_mlops_group;
CREATE ROLE regress_mlops_member IN ROLE regress_mlops_group;
CREATE TABLE prv AS SELECT i AS id, i % 101 AS a, i % 101 > 50 AS y FROM generate_series(1, 300) i;
GRANT SELECT ON prv TO PUBLIC;
-- what each role may, by a call of each kind
CREATE FUNCTION prv_may() RETURNS TABLE (what text, result text) LANGUAGE sql AS $$
	SELECT c, split_part(try('SELECT ' || c), E'\n', 1) FROM (VALUES
	('mlops.predict(''prv_m'', t) IS NOT NULL FROM prv t WHERE id = 1'),
	('mlops.predict_pinned(''prv_m'', 1, t) IS NOT NULL FROM prv t WHERE id = 1'),
	('mlops.classes(''prv_m'')'),
	('(SELECT count(*) FROM mlops.models)'),
	('(SELECT count(*) FROM mlops.versions)'),
	('(SELECT count(*) FROM mlops.runs WHERE version IS NOT NULL)'),
	('(SELECT count(*) FROM mlops.deployments)'),
	('(SELECT count(*) > 0 FROM mlops.metrics)'),
	('(SELECT count(*) > 0 FROM mlops.baselines)'),
	('octet_length(mlops.export_model(''prv_m'')) > 0'),
	('mlops.deploy(''prv_m/2'')'),
	('mlops.rollback(''prv_m'')'),
	('mlops.set_alias(''prv_m/2'', ''x'')'),
	('mlops.drop_alias(''prv_m'', ''x'')'),
	('mlops.alter_model(''prv_m'', description => ''d'')'),
	('mlops.alter_model(''prv_m'', owner => ''regress_mlops_owner'')'),
	('mlops.grant_model(''prv_m'', ''regress_mlops_none'', ''manage'')'),
	('mlops.revoke_model(''prv_m'', ''regress_mlops_none'', ''manage'')')) v(c)
$$;
GRANT EXECUTE ON FUNCTION prv_may(), try(text) TO PUBLIC;
SET ROLE regress_mlops_owner;
SELECT version FROM mlops.train('prv_m', 'prv', 'y', features => 'a', params => '{"num_boost_round": 3}');
SELECT version FROM mlops.train('prv_m', 'prv', 'y', features => 'a', params => '{"num_boost_round": 4}');
SELECT mlops.grant_model('prv_m', 'regress_mlops_predict', 'predict');
SELECT mlops.grant_model('prv_m', 'regress_mlops_read', 'read');
SELECT mlops.grant_model('prv_m', 'regress_mlops_manage', 'manage');
SELECT mlops.grant_model('prv_m', 'regress_mlops_group', 'predict');
SELECT owner FROM mlops.models;
SELECT * FROM prv_may();
SET ROLE regress_mlops_predict;
SELECT * FROM prv_may();
SELECT mlops.has_model_privilege('prv_m', 'predict') AS predict, mlops.has_model_privilege('prv_m', 'read') AS read, mlops.has_model_privilege('prv_m', 'manage') AS manage;
SELECT try('SELECT mlops.drop_model(''prv_m'')');
SELECT try('SELECT mlops.drop_version(''prv_m/2'')');
SELECT try('SELECT version FROM mlops.train(''prv_m'', ''prv'', ''y'')');
SET ROLE regress_mlops_read;
SELECT * FROM prv_may();
SELECT mlops.has_model_privilege('prv_m', 'predict') AS predict, mlops.has_model_privilege('prv_m', 'read') AS read, mlops.has_model_privilege('prv_m', 'manage') AS manage;
SET ROLE regress_mlops_manage;
SELECT * FROM prv_may();
SELECT version FROM mlops.train('prv_m', 'prv', 'y', features => 'a', params => '{"num_boost_round": 5}');
SELECT mlops.drop_version('prv_m/3');
SELECT try('SELECT mlops.alter_model(''prv_m'', owner => ''regress_mlops_manage'')');
SET ROLE regress_mlops_none;
SELECT * FROM prv_may();
SET ROLE regress_mlops_member;
SELECT mlops.classes('prv_m');
RESET ROLE;
-- everybody
SELECT mlops.grant_model('prv_m', 'public', 'predict');
SET ROLE regress_mlops_none;
SELECT mlops.classes('prv_m');
SELECT model FROM mlops.models;
RESET ROLE;
SELECT mlops.revoke_model('prv_m', 'public', 'predict');
SELECT mlops.revoke_model('prv_m', 'regress_mlops_predict', 'predict');
SET ROLE regress_mlops_predict;
SELECT try('SELECT mlops.classes(''prv_m'')');
-- nobody reaches the tables
SELECT try('SELECT count(*) FROM mlops.' || t) FROM unnest('{model,model_grant,version,artefact,run,alias,alias_history,metric,metric_history,baseline}'::text[]) t;
SELECT try('DELETE FROM mlops.' || t) FROM unnest('{model,artefact,alias}'::text[]) t;
SELECT try('UPDATE mlops.models SET owner = current_user');
SELECT try('SELECT nextval(''mlops.model_model_id_seq'')');
RESET ROLE;

-- the source is read with the rights of the one who trains
CREATE TABLE prv_secret AS TABLE prv;
SET ROLE regress_mlops_none;
SELECT try('SELECT version FROM mlops.train(''prv_s'', ''prv_secret'', ''y'')');
SELECT try('SELECT version FROM mlops.train(''prv_s'', ''SELECT * FROM prv_secret'', ''y'')');
SELECT try('SELECT version FROM mlops.train(''prv_s'', ''prv'', ''y OR EXISTS (SELECT FROM prv_secret)'')');
RESET ROLE;
GRANT SELECT (a, y) ON prv_secret TO regress_mlops_none;
SET ROLE regress_mlops_none;
SELECT try('SELECT version FROM mlops.train(''prv_s'', ''SELECT a, y FROM prv_secret'', ''y'')');
RESET ROLE;
GRANT SELECT ON prv_secret TO regress_mlops_none;
ALTER TABLE prv_secret ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON prv_secret USING (id <= 150 OR current_user = 'regress_mlops_owner');
GRANT SELECT ON prv_secret TO regress_mlops_owner;
SET ROLE regress_mlops_none;
SELECT rows_train + rows_validation + rows_test AS rows FROM mlops.train('prv_rls', 'prv_secret', 'y', features => 'a');
SELECT row_security FROM mlops.runs WHERE model = 'prv_rls';
SET ROLE regress_mlops_owner;
SELECT rows_train + rows_validation + rows_test AS rows FROM mlops.train('prv_rls2', 'prv_secret', 'y', features => 'a');
SELECT try('SELECT mlops.classes(''prv_rls'')');
RESET ROLE;
-- the role in force: a function that runs as its owner lends its rights
CREATE FUNCTION prv_definer() RETURNS text[] LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$ SELECT mlops.classes('prv_rls') $$;
ALTER FUNCTION prv_definer() OWNER TO regress_mlops_none;
CREATE FUNCTION prv_train() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$ SELECT version FROM mlops.train('prv_rls', 'prv_secret', 'y', features => 'a') $$;
ALTER FUNCTION prv_train() OWNER TO regress_mlops_none;
SET ROLE regress_mlops_predict;
SELECT prv_definer();
SELECT prv_train();
SELECT try('SELECT mlops.classes(''prv_rls'')');
RESET ROLE;
SELECT version, run_by FROM mlops.runs WHERE model = 'prv_rls' ORDER BY 1;
-- a call site does not keep rights
PREPARE p AS SELECT mlops.classes('prv_rls');
EXECUTE p;
SET ROLE regress_mlops_predict;
EXECUTE p;
RESET ROLE;
-- the owner changes
SELECT mlops.alter_model('prv_rls', owner => 'regress_mlops_predict');
SET ROLE regress_mlops_none;
SELECT try('SELECT mlops.classes(''prv_rls'')');
SET ROLE regress_mlops_predict;
SELECT mlops.classes('prv_rls');
SELECT try('SELECT mlops.alter_model(''prv_rls'', owner => ''regress_mlops_none'')');
SELECT mlops.drop_model('prv_rls');
RESET ROLE;
SELECT mlops.drop_model(model) FROM mlops.models WHERE model LIKE 'prv%';
DROP FUNCTION prv_may, prv_definer, prv_train;
DROP TABLE prv, prv_secret;
DROP ROLE regress_mlops_member, regress_mlops_group, regress_mlops_owner, regress_mlops_predict, regress_mlops_read, regress_mlops_manage, regress_mlops_none;
