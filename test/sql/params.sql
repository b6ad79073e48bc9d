-- Training parameters: names, ranges, hints.
SET client_min_messages = error;
CREATE TABLE par AS
SELECT i % 101 AS a, i % 7 AS b, i % 101 > 50 AS y FROM generate_series(1, 200) i;
CREATE FUNCTION par_try(p text, target text DEFAULT 'y') RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	r text;
BEGIN
	r := try(format('SELECT version FROM mlops.train(''par_m'', ''par'', %L,
		features => ''a'', params => %L)', target, p));
	IF r LIKE 'ok%' THEN
		PERFORM mlops.drop_model('par_m');
	END IF;
	RETURN r;
END $$;

-- every number at its ends and beyond them
CREATE TABLE par_rule (name text, low text, below text, high text, above text);
INSERT INTO par_rule VALUES
	('alpha', '0', '-0.1', '1e12', '2e12'),
	('reg_alpha', '0', '-0.1', '1e12', '2e12'),
	('base_score', '0.001', '0', '0.999', '1'),
	('colsample_bylevel', '0.01', '0', '1', '1.01'),
	('colsample_bynode', '0.01', '0', '1', '1.01'),
	('colsample_bytree', '0.01', '0', '1', '1.01'),
	('early_stopping_rounds', '0', '-1', '100000', '100001'),
	('eta', '0.0001', '0', '1', '1.5'),
	('learning_rate', '0.0001', '0', '1', '1.5'),
	('gamma', '0', '-1', '1e12', '2e12'),
	('num_parallel_tree', '1', '0', '3', '10001'),
	('min_split_loss', '0', '-1', '1e12', '2e12'),
	('lambda', '0', '-1', '1e12', '2e12'),
	('reg_lambda', '0', '-1', '1e12', '2e12'),
	('max_bin', '2', '1', '4096', '4097'),
	('max_cat_threshold', '1', '0', '65536', '65537'),
	('max_cat_to_onehot', '1', '0', '65536', '65537'),
	('max_delta_step', '0', '-1', '1e12', '2e12'),
	('max_depth', '1', '-1', '24', '25'),
	('max_leaves', '0', '-1', '1000000', '1000001'),
	('min_child_weight', '0', '-1', '1e12', '2e12'),
	('num_boost_round', '1', '0', NULL, '100001'),
	('n_estimators', '1', '0', NULL, '100001'),
	('scale_pos_weight', '0.001', '0', '1e12', '2e12'),
	('subsample', '0.1', '0', '1', '1.1');
CREATE FUNCTION par_value(name text, value text) RETURNS text LANGUAGE sql AS
$$ SELECT CASE WHEN name IN ('num_boost_round', 'n_estimators')
			   THEN format('{"%s": %s}', name, value)
			   ELSE format('{"%s": %s, "num_boost_round": 2}', name, value) END $$;
SELECT name, par_try(par_value(name, low)) AS low,
	   par_try(par_value(name, high)) AS high
FROM par_rule WHERE high IS NOT NULL ORDER BY 1;
SELECT par_try(par_value('num_boost_round', '1'));
SELECT par_try(par_value(name, below)) FROM par_rule ORDER BY name;
SELECT par_try(par_value(name, above)) FROM par_rule ORDER BY name;
-- whole numbers, numbers at all
SELECT p, par_try(p) FROM (VALUES ('{"max_depth": 2.5}'), ('{"max_depth": 3.0}'),
	('{"max_depth": "3"}'), ('{"max_depth": null}'), ('{"max_depth": true}'),
	('{"max_depth": [3]}'), ('{"max_depth": {"a": 1}}'), ('{"eta": "0.1"}'),
	('{"eta": 1e400}'), ('{"eta": 1e-400}'), ('{"num_boost_round": 1.5}')) v(p);

-- words
SELECT p, par_try(p) FROM (VALUES ('{"grow_policy": "lossguide"}'),
	('{"grow_policy": "depthwise"}'), ('{"grow_policy": "loss"}'),
	('{"grow_policy": 1}'), ('{"grow_policy": ""}'),
	('{"tree_method": "hist"}'), ('{"tree_method": "exact"}'),
	('{"tree_method": "gpu_hist"}'), ('{"eval_metric": "auc"}'),
	('{"eval_metric": "auc aucpr"}'), ('{"eval_metric": "mlogloss"}'),
	('{"eval_metric": "rmsle"}'), ('{"eval_metric": ["auc"]}'),
	('{"eval_metric": ["auc", "logloss"]}'), ('{"eval_metric": []}'),
	('{"eval_metric": ["auc", "auc"]}'), ('{"eval_metric": ["auc", 1]}'),
	('{"eval_metric": {"auc": 1}}'), ('{"eval_metric": ["auc", ["error"]]}'),
	('{"eval_metric": "error@0.7"}'), ('{"eval_metric": "error@x"}'),
	('{"eval_metric": "error@1.5"}'), ('{"eval_metric": "auc@3"}'),
	('{"eval_metric": ["error@0.1","error@0.11","error@0.12","error@0.13","error@0.14",
		"error@0.15","error@0.16","error@0.17","error@0.18","error@0.19","error@0.2",
		"error@0.21","error@0.22","error@0.23","error@0.24","error@0.25","error@0.26"]}')) v(p);
SELECT m, par_try(format('{"eval_metric": "%s", "num_boost_round": 2}', m), 'b') AS b
FROM unnest('{rmse,mae,mape,rmsle,logloss,mlogloss,auc}'::text[]) m;

-- names
SELECT p, par_try(p) FROM (VALUES ('{"max_dept": 3}'), ('{"maxdepth": 3}'),
	('{"MAX_DEPTH": 3}'), ('{"learning_rte": 0.1}'), ('{"n_estimator": 3}'),
	('{"lamda": 1}'), ('{"foo": 1}'), ('{"": 1}'), ('{"seed": 1}'),
	('{"nthread": 1}'), ('{"n_jobs": 1}'), ('{"objective": "x"}'),
	('{"random_state": 1}'), ('{"verbosity": 0}'), ('{"num_class": 3}'),
	('{"device": "cuda"}'), ('{"booster": "dart"}'),
	('{"eta": 0.1, "learning_rate": 0.2}'), ('{"lambda": 1, "reg_lambda": 1}'),
	('{"importance_type": "gain"}'), ('{"enable_categorical": true}'), ('{"missing": 0}'),
	('{"num_leaves": 31}'), ('{"xgb_model": "m"}'), ('{"sampling_method": "gradient_based"}'),
	('{"sampling_method": "uniform"}'), ('{"process_type": "update"}')) v(p);

-- objectives, boosters and what belongs to them
SELECT p, par_try(p, target) FROM (VALUES
	('{"objective": "reg:squarederror"}', 'b'), ('{"objective": "reg:linear"}', 'b'),
	('{"objective": "reg:squarederrr"}', 'b'), ('{"objective": "x"}', 'b'),
	('{"objective": 1}', 'b'), ('{"objective": "reg:quantileerror"}', 'b'),
	('{"objective": "binary:logistic"}', 'b'), ('{"objective": "rank:ndcg"}', 'b'),
	('{"objective": "reg:absoluteerror", "num_parallel_tree": 2}', 'b'),
	('{"objective": "count:poisson", "base_score": 0}', 'b'),
	('{"objective": "reg:gamma"}', 'b'), ('{"objective": "reg:logistic"}', 'b'),
	('{"objective": "count:poisson", "eval_metric": "auc"}', 'b'),
	('{"objective": "reg:tweedie", "tweedie_variance_power": 1.2, "eval_metric": ["tweedie-nloglik@1.2"]}', 'b'),
	('{"objective": "reg:tweedie", "tweedie_variance_power": 2}', 'b'),
	('{"objective": "reg:tweedie", "tweedie_variance_power": 1}', 'b'),
	('{"tweedie_variance_power": 1.5}', 'b'), ('{"scale_pos_weight": 2}', 'b'),
	('{"huber_slope": 0, "objective": "reg:pseudohubererror"}', 'b'),
	('{"quantile_alpha": [0.1, 0.9], "objective": "reg:quantileerror"}', 'b'),
	('{"lambdarank_pair_method": "topk"}', 'b'), ('{"class_weight": "balanced"}', 'b'),
	('{"class_weight": {"true": 2}}', 'y'), ('{"class_weight": "balanced"}', 'y'),
	('{"class_weight": "balanced", "scale_pos_weight": 2}', 'y')) v(p, target);
SELECT p, par_try(p) FROM (VALUES ('{"booster": "gbforest"}'),
	('{"booster": "gblinear"}'), ('{"booster": "gblinear", "max_depth": 3}'),
	('{"booster": "gblinear", "tree_method": "hist"}'),
	('{"booster": "gblinear", "updater": "shotgun"}'),
	('{"booster": "gblinear", "updater": "coord_descent", "feature_selector": "greedy", "top_k": 1}'),
	('{"booster": "gblinear", "feature_selector": "best"}'),
	('{"booster": "gblinear", "monotone_constraints": {"a": 1}}'),
	('{"updater": "coord_descent"}'), ('{"rate_drop": 0.1}'),
	('{"booster": "dart", "rate_drop": 0.1, "skip_drop": 0.5, "one_drop": true, "sample_type": "weighted", "normalize_type": "forest"}'),
	('{"booster": "dart", "rate_drop": 1.1}'), ('{"booster": "dart", "one_drop": 2}'),
	('{"num_parallel_tree": 10000, "num_boost_round": 101}')) v(p);

-- constraints
SELECT p, par_try(p) FROM (VALUES ('{"monotone_constraints": {"a": 1}}'),
	('{"monotone_constraints": {"A": 1}}'), ('{"monotone_constraints": {"zzz": 1}}'),
	('{"monotone_constraints": {"a": 2}}'), ('{"monotone_constraints": {"a": "1"}}'),
	('{"monotone_constraints": {"a": null}}'), ('{"monotone_constraints": [1]}'),
	('{"monotone_constraints": "(1)"}'), ('{"monotone_constraints": {}}'),
	('{"monotone_constraints": {"b": 1}}'),
	('{"interaction_constraints": [["a"]]}'), ('{"interaction_constraints": [["aa"]]}'),
	('{"interaction_constraints": [[]]}'), ('{"interaction_constraints": []}'),
	('{"interaction_constraints": ["a"]}'), ('{"interaction_constraints": [[1]]}'),
	('{"interaction_constraints": {"a": ["b"]}}'), ('{"interaction_constraints": [["a", null]]}'),
	('{"interaction_constraints": 3}')) v(p);

-- together
SELECT p, par_try(p) FROM (VALUES ('{"max_depth": 0}'),
	('{"max_depth": 0, "max_leaves": 4}'),
	('{"max_depth": 0, "grow_policy": "lossguide"}'),
	('{"max_depth": 0, "grow_policy": "lossguide", "max_leaves": 4, "num_boost_round": 2}')) v(p);
SELECT p, par_try(p) FROM (VALUES ('[]'), ('3'), ('"max_depth"'), ('null'), ('{}')) v(p);
SELECT try($$SELECT version FROM mlops.train('par_m', 'par', 'y', params => '{"early_stopping_rounds": 5}', validation => 0)$$);

-- what is given arrives, and what is not has its default
SELECT version FROM mlops.train('par_m', 'par', 'y', validation => 0,
	params => '{"n_estimators": 7, "max_depth": 2, "reg_lambda": 0, "learning_rate": 0.5, "max_bin": 16}');
SELECT effective - 'library' - 'max_categories' AS effective, effective -> 'library' AS library
FROM mlops.runs WHERE model = 'par_m' AND version = 1;
SELECT trees, rounds FROM mlops.versions WHERE model = 'par_m';
SELECT version FROM mlops.train('par_m', 'par', 'y', params => NULL);
SELECT effective -> 'num_boost_round' AS rounds,
	   effective -> 'early_stopping_rounds' AS early_stopping, effective -> 'library' AS library
FROM mlops.runs WHERE model = 'par_m' AND version = 2;
SELECT mlops.drop_model('par_m');
DROP TABLE par, par_rule;
DROP FUNCTION par_try, par_value;
