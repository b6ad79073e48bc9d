-- Versions: which one serves, aliases, history, dropping, files.
SET client_min_messages = error;
CREATE TABLE ver AS SELECT i % 101 AS a, i % 101 > 50 AS y FROM generate_series(1, 300) i;
CREATE FUNCTION ver_train(args text DEFAULT '') RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	v int;
BEGIN
	EXECUTE 'SELECT version FROM mlops.train(''ver_m'', ''ver'', ''y'', params => ''{"num_boost_round": 3}''' || args || ')' INTO v;
	RETURN v;
END $$;
CREATE VIEW ver_now AS SELECT serving, versions, latest FROM mlops.models WHERE model = 'ver_m';
SELECT ver_train(), ver_train(), ver_train(), ver_train();
TABLE ver_now;
-- deploy, and back one by one
SELECT mlops.deploy('ver_m/2', 'looks good');
SELECT mlops.deploy('ver_m/3', note => NULL);
SELECT mlops.rollback('ver_m', 'not good');
SELECT mlops.rollback('ver_m');
SELECT try('SELECT mlops.rollback(''ver_m'')');
SELECT mlops.deploy('ver_m/4');
SELECT mlops.rollback('ver_m');
SELECT alias, action, version, current, changed_by = current_user AS by_me, session_role = session_user AS session, note
FROM mlops.deployments WHERE model = 'ver_m' ORDER BY valid_from, version;
SELECT bool_and(valid_to IS NULL = current) AS until FROM mlops.deployments WHERE model = 'ver_m';
-- aliases
SELECT mlops.set_alias('ver_m/3', 'challenger', 'a try');
SELECT mlops.set_alias('ver_m@challenger', 'other');
SELECT version, aliases FROM mlops.versions WHERE model = 'ver_m' ORDER BY 1;
SELECT mlops.set_alias('ver_m/4', 'challenger');
SELECT mlops.deploy('ver_m@challenger');
SELECT mlops.drop_alias('ver_m', 'other');
SELECT try('SELECT mlops.classes(''ver_m@other'')');
SELECT try('SELECT mlops.drop_alias(''ver_m'', ''other'')');
SELECT version, aliases FROM mlops.versions WHERE model = 'ver_m' ORDER BY 1;
SELECT alias, count(*), count(*) FILTER (WHERE current) AS current FROM mlops.deployments WHERE model = 'ver_m' GROUP BY 1 ORDER BY 1;
-- a dry run
BEGIN;
SELECT mlops.deploy('ver_m/1');
SELECT serving FROM ver_now;
ROLLBACK;
SELECT serving FROM ver_now;
-- files: every version can be had
SELECT octet_length(mlops.export_model('ver_m/1')) > 500 AS ubj,
	   mlops.export_model('ver_m/1') = mlops.export_model('ver_m/1', 'ubj') AS by_default,
	   jsonb_typeof(convert_from(mlops.export_model('ver_m/1', 'json'), 'UTF8')::jsonb -> 'learner') AS json,
	   convert_from(mlops.export_model('ver_m', 'json'), 'UTF8')::jsonb #>> '{learner,objective,name}' AS objective,
	   encode(sha256(mlops.export_model('ver_m/1')), 'hex') = (SELECT model_sha256 FROM mlops.versions WHERE model = 'ver_m' AND version = 1) AS sha256;
SELECT convert_from(mlops.export_model('ver_m', 'json'), 'UTF8')::jsonb #> '{learner,feature_names}' AS names;
-- dropping versions
SELECT mlops.drop_version('ver_m/2');
SELECT try('SELECT mlops.classes(''ver_m/2'')');
SELECT try('SELECT mlops.drop_version(''ver_m/2'')');
SELECT try('SELECT mlops.deploy(''ver_m/2'')');
SELECT try('SELECT mlops.drop_version(''ver_m/4'')');
SELECT version, dropped_at IS NOT NULL AS dropped, dropped_by = current_user AS by_me, aliases FROM mlops.versions WHERE model = 'ver_m' ORDER BY 1;
SELECT count(*) FROM mlops.artefact JOIN mlops.version USING (version_id) JOIN mlops.model USING (model_id) WHERE name = 'ver_m' AND version = 2;
-- a number is never used again
SELECT mlops.drop_version('ver_m/3');
SELECT ver_train();
SELECT mlops.drop_version('ver_m/5');
SELECT ver_train();
-- rollback passes over what was dropped
SELECT mlops.deploy('ver_m/1');
SELECT mlops.deploy('ver_m/6');
SELECT mlops.set_alias('ver_m/4', 'challenger');
SELECT mlops.drop_alias('ver_m', 'challenger');
SELECT mlops.drop_version('ver_m/1');
SELECT try('SELECT mlops.rollback(''ver_m'')');
TABLE ver_now;
-- only so many are kept; never those that serve or have a name
SELECT mlops.alter_model('ver_m', keep_versions => 2);
SELECT mlops.set_alias('ver_m/4', 'gold');
SELECT ver_train(), ver_train(), ver_train();
SELECT version, aliases FROM mlops.versions WHERE model = 'ver_m' AND dropped_at IS NULL ORDER BY 1;
SELECT ver_train(', deploy => true');
SELECT ver_train();
SELECT version, aliases FROM mlops.versions WHERE model = 'ver_m' AND dropped_at IS NULL ORDER BY 1;
SELECT mlops.alter_model('ver_m', description => 'of numbers');
SELECT description, keep_versions FROM mlops.models WHERE model = 'ver_m';
SELECT mlops.alter_model('ver_m', keep_versions => 0);
SELECT ver_train(), ver_train();
SELECT description, keep_versions FROM mlops.models WHERE model = 'ver_m';
SELECT version FROM mlops.versions WHERE model = 'ver_m' AND dropped_at IS NULL ORDER BY 1;
-- the whole model
BEGIN;
SELECT mlops.drop_model('ver_m');
SELECT count(*) FROM ver_now;
ROLLBACK;
SELECT count(*) FROM ver_now;
SELECT mlops.drop_model('ver_m');
SELECT count(*) FROM ver_now;
SELECT (SELECT count(*) FROM mlops.model) AS models, (SELECT count(*) FROM mlops.version) AS versions,
	   (SELECT count(*) FROM mlops.artefact) AS artefacts, (SELECT count(*) FROM mlops.alias) AS aliases,
	   (SELECT count(*) FROM mlops.baseline) AS baselines;
-- a new one of that name begins anew
SELECT ver_train();
SELECT count(*) FROM mlops.deployments WHERE model = 'ver_m';
SELECT mlops.drop_model('ver_m');
DROP VIEW ver_now;
DROP FUNCTION ver_train;
DROP TABLE ver;
