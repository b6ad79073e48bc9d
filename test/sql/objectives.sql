-- Objectives, boosters, constraints, warm starts, and the arguments that
-- belong to a task.
SET client_min_messages = error;
SELECT setseed(0.5);
CREATE TABLE obj AS
SELECT i AS id, (i * 37) % 120 AS a, (i * 53) % 97 / 97.0::float8 AS b,
	   CASE WHEN i % 11 <> 0 THEN i % 5 END AS c,
	   (ARRAY['north', 'south', 'west'])[1 + i % 3] AS d,
	   timestamp '2024-01-01' + i * interval '7 hours' AS at,
	   i % 40 AS grp,
	   sin(((i * 37) % 120) / 8.0) + 3 + i % 5 / 5.0 AS y,
	   ((i * 37) % 120 / 40 + i % 2)::integer AS n,
	   ((i * 37) % 120 + i % 3) / 125.0::float8 AS u,
	   ((i * 37) % 120 + i % 7 * 10) > 90 AS bin,
	   (ARRAY['x', 'y', 'z'])[1 + ((i * 37) % 120 + i % 2 * 20) / 50] AS cls,
	   1 + ((i * 37) % 120) / 10.0 + i % 4 AS t,
	   i % 4 <> 0 AS seen,
	   (i % 7) / 7.0::float8 AS m
FROM generate_series(1, 1500) i;

-- every objective with every booster learns something and is stored as such
CREATE TABLE obj_case (objective text, target text, more text, metric text);
INSERT INTO obj_case VALUES
	('binary:logistic', 'bin', '', 'log_loss'), ('binary:logitraw', 'bin', '', 'log_loss'),
	('binary:hinge', 'bin', '', 'accuracy'), ('multi:softprob', 'cls', '', 'log_loss'),
	('multi:softmax', 'cls', '', 'log_loss'), ('reg:squarederror', 'y', '', 'rmse'),
	('reg:squaredlogerror', 'y', '', 'rmse'), ('reg:logistic', 'u', '', 'rmse'),
	('reg:pseudohubererror', 'y', '', 'mae'), ('reg:absoluteerror', 'y', '', 'mae'),
	('count:poisson', 'n', '', 'poisson_deviance'), ('reg:gamma', 't', '', 'gamma_deviance'),
	('reg:tweedie', 'n', '', 'tweedie_deviance'),
	('rank:pairwise', 'n', ', query_group => ''grp''', 'ndcg'),
	('rank:ndcg', 'n', ', query_group => ''grp''', 'ndcg'),
	('rank:map', '(n > 1)::integer', ', query_group => ''grp''', 'map'),
	('survival:aft', 't', ', event_observed => ''seen''', 'concordance'),
	('survival:cox', 't', ', event_observed => ''seen''', 'concordance');
CREATE FUNCTION obj_run(o obj_case, params jsonb, OUT task text, OUT stored text,
	OUT metric float8, OUT history text, OUT finite bigint, OUT missing float8) LANGUAGE plpgsql AS $$
DECLARE
	p text := CASE WHEN o.objective LIKE 'multi:%' THEN 'mlops.predict_proba(''obj'', x, ''x'')'
		ELSE 'mlops.predict(''obj'', x)' END;
BEGIN
	EXECUTE format('SELECT task, (metrics -> ''test'' ->> %L)::float8 FROM mlops.train(''obj'', ''obj'',
		%L, features => ''{a,b,c}'', params => %L%s)', o.metric, o.target,
		params || jsonb_build_object('objective', o.objective), o.more) INTO task, metric;
	SELECT objective || ' ' || booster INTO stored FROM mlops.versions WHERE model = 'obj';
	SELECT DISTINCT name INTO history FROM mlops.metrics
	WHERE model = 'obj' AND split = 'validation' AND round = 0;
	EXECUTE format('SELECT count(*) FILTER (WHERE %s BETWEEN -1e6 AND 1e6) FROM obj x', p) INTO finite;
	EXECUTE format('SELECT %s FROM (SELECT NULL::integer AS a, NULL::float8 AS b,
		NULL::integer AS c) x', p) INTO missing;
	PERFORM mlops.drop_model('obj');
END $$;
SELECT c.objective, r.task, r.stored = c.objective || ' gbtree' AS stored, r.history, r.finite,
	   r.missing IS NOT NULL AS missing,
	   CASE WHEN c.metric IN ('accuracy', 'ndcg', 'map', 'concordance') THEN r.metric > 0.75
			ELSE r.metric < 0.5 END AS good
FROM obj_case c, obj_run(c, '{"num_boost_round": 40}') r ORDER BY c.ctid;
SELECT c.objective, r.stored = c.objective || ' dart' AS stored, r.finite,
	   CASE WHEN c.metric IN ('accuracy', 'ndcg', 'map', 'concordance') THEN r.metric > 0.7
			ELSE r.metric < 0.7 END AS good
FROM obj_case c, obj_run(c, '{"booster": "dart", "rate_drop": 0.2, "num_boost_round": 30}') r ORDER BY c.ctid;
SELECT c.objective, r.stored = c.objective || ' gblinear' AS stored, r.finite, r.metric IS NOT NULL AS metric
FROM obj_case c, obj_run(c, '{"booster": "gblinear", "num_boost_round": 30}') r ORDER BY c.ctid;
SELECT c.objective, r.finite FROM obj_case c,
	obj_run(c, '{"num_parallel_tree": 4, "subsample": 0.7, "num_boost_round": 2}') r
WHERE c.objective <> 'reg:absoluteerror' ORDER BY c.ctid;

-- tasks from arguments
SELECT task, rows_train + rows_validation + rows_test AS rows
FROM mlops.train('obj_rank', 'obj', 'n', features => '{a,b,c}', query_group => 'grp', params => '{"num_boost_round": 5}');
SELECT task FROM mlops.train('obj_count', 'obj', 'n', features => '{a,b,c}', task => 'count', params => '{"num_boost_round": 5}');
SELECT task FROM mlops.train('obj_time', 'obj', 't', features => '{a,b,c}', params => '{"num_boost_round": 5}',
	target_upper => 'CASE WHEN seen THEN t END');
SELECT model, task, objective FROM mlops.versions WHERE model LIKE 'obj\_%' ORDER BY 1;
SELECT arguments ->> 'task' AS given, effective ->> 'task' AS task FROM mlops.runs WHERE model = 'obj_count';

-- what does not go together
CREATE FUNCTION obj_try(more text, target text DEFAULT 'y') RETURNS text LANGUAGE sql AS
$$ SELECT try(format('SELECT version FROM mlops.train(''obj_bad'', ''obj'', %L, features => ''{a,b}'', %s)', target, more)) $$;
SELECT more, obj_try(more) FROM (VALUES ($$task => 'rankng'$$), ($$task => 'counts'$$), ($$task => 'ranking'$$),
	($$query_group => 'grp', task => 'regression'$$), ($$query_group => 'grp', params => '{"objective": "reg:gamma"}'$$),
	($$query_group => 'nope'$$), ($$event_observed => 'seen', task => 'regression'$$),
	($$target_upper => 't', task => 'count'$$), ($$target_upper => 't', event_observed => 'seen'$$),
	($$target_upper => 't', params => '{"objective": "survival:cox"}'$$),
	($$task => 'binary', params => '{"objective": "reg:gamma"}'$$),
	($$task => 'count', params => '{"objective": "reg:gamma"}'$$),
	($$split => 'hsh'$$), ($$split => 'x'$$), ($$split => 'group'$$), ($$split => 'column'$$), ($$split => 'time'$$),
	($$split_column => 'grp'$$), ($$split => 'hash', split_column => 'grp'$$),
	($$split => 'none', params => '{"early_stopping_rounds": 5}'$$),
	($$split => 'none', deploy => 'if_better'$$),
	($$base_margin => 'm', deploy => 'if_better'$$), ($$base_margin => 'nope'$$)) v(more);
-- labels out of an objective's range
SELECT split_part(obj_try('query_group => ''grp''' || more, target), E'\n', 1) FROM (VALUES ('', 'y'), ('', 'id'),
	(', params => ''{"objective": "rank:pairwise"}''', 'id'), (', params => ''{"objective": "rank:map"}''', 'n')) v(more, target);
SELECT obj_try('query_group => ''grp''', 'n - 1');
SELECT objective, target, obj_try(format('params => %L', jsonb_build_object('objective', objective)), target)
FROM (VALUES ('count:poisson', '-n'), ('reg:gamma', 'n'), ('reg:tweedie', '-y'), ('reg:logistic', 'y'),
	('reg:squaredlogerror', '-y')) v(objective, target);

-- several metrics, all kept; the last one decides
SELECT version FROM mlops.train('obj_metrics', 'obj', 'bin', features => '{a,b,c}',
	params => '{"eval_metric": ["logloss", "error@0.3", "auc"], "num_boost_round": 200, "early_stopping_rounds": 3}');
SELECT split, name, count(*) = max(max(round)) OVER () + 1 AS all_rounds FROM mlops.metrics
WHERE model = 'obj_metrics' AND round IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2;
SELECT v.rounds = m.round + 1 AS best FROM mlops.versions v, LATERAL (SELECT round FROM mlops.metrics m
	WHERE m.model = v.model AND split = 'validation' AND name = 'auc' ORDER BY value DESC, round LIMIT 1) m
WHERE v.model = 'obj_metrics';
SELECT effective -> 'library' -> 'eval_metric' AS eval_metric FROM mlops.runs WHERE model = 'obj_metrics';

-- a monotone constraint holds, and without it would not
CREATE FUNCTION obj_falls(m text) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM (SELECT p < lag(p) OVER (PARTITION BY b, c ORDER BY a) AS falls
		FROM (SELECT a, b, c, mlops.predict(m, x) AS p
			  FROM (SELECT a, b / 10.0::float8 AS b, c FROM generate_series(0, 119) a,
					generate_series(0, 9) b, generate_series(0, 4) c) x) p) f WHERE falls $$;
SELECT version FROM mlops.train('obj_free', 'obj', 'y', features => '{a,b,c}', params => '{"num_boost_round": 20}');
SELECT version FROM mlops.train('obj_rising', 'obj', 'y', features => '{a,b,c}',
	params => '{"num_boost_round": 20, "monotone_constraints": {"a": 1}}');
SELECT obj_falls('obj_free') > 0 AS free, obj_falls('obj_rising') AS rising;
SELECT effective -> 'library' -> 'monotone_constraints' AS c FROM mlops.runs WHERE model = 'obj_rising';
-- dates are several features, categories have no order
SELECT c, try(format('SELECT version FROM mlops.train(''obj_bad'', ''obj'', ''y'', features => ''{at,d,a}'', params => %L)',
	jsonb_build_object('num_boost_round', 2, 'monotone_constraints', c::jsonb)))
FROM (VALUES ('{"at": 1}'), ('{"at.hour": 1, "a": -1}'), ('{"d": 1}')) v(c);
SELECT effective -> 'library' -> 'monotone_constraints' AS c FROM mlops.runs WHERE model = 'obj_bad';
SELECT mlops.drop_model('obj_bad');

-- an interaction constraint: what a adds does not depend on b
SELECT version FROM mlops.train('obj_apart', 'SELECT a, b, at, a * b AS y FROM obj', 'y', features => '{a,b,at}',
	params => '{"num_boost_round": 20, "interaction_constraints": [["a"], ["b", "at"]]}');
SELECT version FROM mlops.train('obj_together', 'SELECT a, b, at, a * b AS y FROM obj', 'y', features => '{a,b,at}',
	params => '{"num_boost_round": 20}');
CREATE FUNCTION obj_depends(m text) RETURNS float8 LANGUAGE sql AS $$
	SELECT max(spread) FROM (SELECT max(d) - min(d) AS spread FROM (
		SELECT r.a, mlops.predict(m, r) - mlops.predict(m, s) AS d
		FROM (SELECT a, b / 10.0::float8 AS b, timestamp '2024-05-01' AS at
			  FROM generate_series(0, 119, 10) a, generate_series(0, 9) b) r,
			 LATERAL (SELECT 50 AS a, r.b, r.at) s) d GROUP BY a) g $$;
SELECT obj_depends('obj_apart') < 1e-4 AS apart, obj_depends('obj_together') > 10 AS together;
SELECT effective -> 'library' -> 'interaction_constraints' AS c FROM mlops.runs WHERE model = 'obj_apart';

-- going on from a version is the same as one go
CREATE FUNCTION obj_warm(rounds integer, start text, more text DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	v integer;
BEGIN
	EXECUTE format('SELECT version FROM mlops.train(''obj_warm'', ''obj'', ''cls'', %s key => ''id'', validation => 0,
		params => %L, init_model => %L)', CASE WHEN start IS NULL THEN 'features => ''{a,b,c,d}'',' ELSE '' END,
		more::jsonb || jsonb_build_object('num_boost_round', rounds), start) INTO v;
	RETURN (SELECT x.rounds || ' rounds, ' || x.trees || ' trees, ' || x.classes::text || ' ' || x.model_sha256
		FROM mlops.versions x WHERE x.model = 'obj_warm' AND x.version = v);
END $$;
SELECT left(one, 28) AS one, left(two, 26) AS two, one = three AS same FROM obj_warm(12, NULL) one, obj_warm(5, NULL) two,
	LATERAL obj_warm(7, CASE WHEN two > '' THEN 'obj_warm/2' END) three;
SELECT arguments -> 'init_model' AS init_model FROM mlops.runs WHERE model = 'obj_warm' AND version = 3;
-- early stopping counts on from its rounds
SELECT version FROM mlops.train('obj_warm', 'obj', 'cls', init_model => 'obj_warm/2',
	params => '{"num_boost_round": 500, "early_stopping_rounds": 4, "eta": 0.9}');
SELECT v.rounds = 5 + m.round + 1 AS best, v.rounds < 505 AS stopped FROM mlops.versions v,
	LATERAL (SELECT round FROM mlops.metrics m WHERE m.model = v.model AND m.version = v.version
		AND split = 'validation' AND name = 'mlogloss' ORDER BY value, round LIMIT 1) m
WHERE v.model = 'obj_warm' AND v.version = 4;
SELECT more, try('SELECT version FROM mlops.train(''obj_warm'', ''obj'', ''cls'', init_model => ' || more || ')')
FROM (VALUES ($$'obj_warm/99'$$), ($$'nope'$$), ($$'obj_free'$$), ($$'obj_warm/2', task => 'regression'$$),
	($$'obj_warm/2', features => 'a'$$), ($$'obj_warm/2', exclude => 'a'$$), ($$'obj_warm/2', base_margin => 'm'$$),
	($$'obj_warm/2', positive => 'x'$$), ($$'obj_warm/2', params => '{"base_score": 0.1}'$$),
	($$'obj_warm/2', params => '{"booster": "dart"}'$$), ($$'obj_warm/2', params => '{"objective": "multi:softmax"}'$$),
	($$'obj_warm/2', params => '{"num_parallel_tree": 2}'$$)) v(more);
CREATE ROLE obj_reader;
GRANT SELECT ON obj TO obj_reader;
GRANT EXECUTE ON FUNCTION try(text) TO obj_reader;
SELECT mlops.grant_model('obj_warm', 'obj_reader', 'predict');
SET ROLE obj_reader;
SELECT try($$SELECT version FROM mlops.train('obj_own', 'obj', 'cls', init_model => 'obj_warm/2')$$);
RESET ROLE;
SELECT mlops.grant_model('obj_warm', 'obj_reader', 'read');
SET ROLE obj_reader;
SELECT version FROM mlops.train('obj_own', 'obj', 'cls', init_model => 'obj_warm/2', params => '{"num_boost_round": 1}');
RESET ROLE;

-- the objective, and what labels it takes, are the version's
DO $$
DECLARE
	o record;
BEGIN
	FOR o IN SELECT * FROM (VALUES (1, 'rank:pairwise', 'n', 'grp', NULL), (3, 'survival:cox', 't', NULL, 'seen'),
		(5, 'reg:gamma', 't', NULL, NULL)) v(n, objective, target, grp, seen)
	LOOP
		PERFORM mlops.train('obj_on', 'obj', o.target, features => '{a,b,c}', query_group => o.grp, event_observed => o.seen,
			params => jsonb_build_object('num_boost_round', 3, 'early_stopping_rounds', 0, 'objective', o.objective));
		PERFORM mlops.train('obj_on', 'obj', o.target, query_group => o.grp, event_observed => o.seen,
			params => '{"num_boost_round": 2, "early_stopping_rounds": 0}', init_model => 'obj_on/' || o.n);
	END LOOP;
END $$;
SELECT version, objective, rounds FROM mlops.versions WHERE model = 'obj_on' ORDER BY 1;
SELECT more, try('SELECT version FROM mlops.train(''obj_on'', ''obj'', ' || more || ')')
FROM (VALUES ($$'n', init_model => 'obj_on/1'$$), ($$'t', init_model => 'obj_on/3', target_upper => 't + 1'$$),
	($$'y - 10', init_model => 'obj_on/5'$$)) v(more);

-- base margins: what is served is the model's own part
SELECT version FROM mlops.train('obj_margin', 'SELECT a, b, c, 100 * m AS m, y + 100 * m AS y FROM obj', 'y',
	features => '{a,b,c}', base_margin => 'm', params => '{"num_boost_round": 50}');
SELECT effective -> 'library' ->> 'base_score' AS base_score FROM mlops.runs WHERE model = 'obj_margin';
SELECT max(abs(mlops.predict('obj_margin', o) - y)) < 1 AS own FROM obj o;
SELECT value > 0.99 AS with_margins FROM mlops.metrics WHERE model = 'obj_margin' AND split = 'test' AND name = 'r2';
SELECT mean < 10 AS without FROM mlops.baselines WHERE model = 'obj_margin' AND kind = 'prediction';
SELECT version FROM mlops.train('obj_margins', 'SELECT a, b, c, cls, ARRAY[m, -m, 0] AS m FROM obj', 'cls',
	features => '{a,b,c}', base_margin => 'm', params => '{"num_boost_round": 20}');

-- balanced classes weigh the same: the rare one is found
SELECT version FROM mlops.train('obj_plain', 'SELECT a, b, c, id % 10 = 3 AS rare FROM obj', 'rare',
	features => '{b,a}', params => '{"num_boost_round": 5, "max_depth": 2}');
SELECT version FROM mlops.train('obj_balanced', 'SELECT a, b, c, id % 10 = 3 AS rare FROM obj', 'rare',
	features => '{b,a}', params => '{"num_boost_round": 5, "max_depth": 2, "class_weight": "balanced"}');
SELECT avg(mlops.predict('obj_plain', o)) < 0.2 AS plain, avg(mlops.predict('obj_balanced', o)) > 0.3 AS balanced FROM obj o;

-- a raw score is the logit of the probability, everywhere
SELECT version FROM mlops.train('obj_raw', 'obj', 'bin', features => '{a,b,c}',
	params => '{"objective": "binary:logitraw", "num_boost_round": 20}');
SELECT bool_and(abs(proba[2] - 1 / (1 + exp(-raw))) < 1e-12) AS logit, bool_and(abs(proba[1] + proba[2] - 1) < 1e-12) AS sum,
	   bool_and(label = (proba[2] > 0.5)::text) AS label, min(raw) < 0 AS negative
FROM (SELECT mlops.predict('obj_raw', o) AS raw, mlops.predict_proba('obj_raw', o) AS proba,
			 mlops.predict_label('obj_raw', o) AS label FROM obj o) p;

-- if_better: larger is better for rankings and survival
SELECT version, deployed FROM mlops.train('obj_rank', 'obj', 'n', features => '{a,b,c}', query_group => 'grp',
	params => '{"num_boost_round": 1, "max_depth": 1, "eta": 0.01}', deploy => 'if_better');
SELECT version, deployed FROM mlops.train('obj_time', 'obj', 't', features => '{a,b,c}', event_observed => 'seen',
	params => '{"num_boost_round": 40, "objective": "survival:cox"}', deploy => 'if_better');
SELECT split FROM mlops.metrics WHERE model = 'obj_time' AND version = 2 AND name = 'concordance' ORDER BY 1;

-- without a key, too, rows keep the split and the hash that they had
CREATE TABLE obj_words AS SELECT o.*, 'w' || id % 37 AS word FROM obj o;
SELECT version FROM mlops.train('obj_words', 'SELECT a, word, n FROM obj_words', 'n', task => 'regression',
	params => '{"num_boost_round": 5}');
SELECT version FROM mlops.train('obj_words', 'SELECT a, word, n FROM obj_words', 'n', task => 'regression',
	params => '{"num_boost_round": 5}', init_model => 'obj_words/1');
SELECT count(*), count(DISTINCT (rows_train, rows_validation, rows_test, fingerprint_ordered)) AS different
FROM mlops.runs WHERE model = 'obj_words';
DROP TABLE obj_words;

SELECT jsonb_typeof(advice) FROM mlops.runs WHERE model = 'obj_margin';
SELECT count(mlops.drop_model(model)) > 10 AS dropped FROM mlops.models WHERE model LIKE 'obj%';
DROP TABLE obj, obj_case CASCADE;
DROP FUNCTION obj_try, obj_falls, obj_depends, obj_warm;
REVOKE ALL ON FUNCTION try(text) FROM obj_reader;
DROP ROLE obj_reader;

-- the examples of docs/reference.md
CREATE TABLE house AS
SELECT i AS id,
       40 + (i * 37) % 120 AS area,
       CASE WHEN i % 11 <> 0 THEN 1 + i % 5 END AS rooms,
       (ARRAY['north', 'south', 'west'])[1 + i % 3] AS district,
       timestamp '2024-01-01' + i * interval '7 hours' AS sold_at,
       (2.5 * (40 + (i * 37) % 120) + 60 * (i % 3))::numeric AS price
FROM generate_series(1, 1000) i;
SELECT version, task
FROM mlops.train('house_rising', 'house', target => 'price', key => 'id',
                 features => ARRAY['area', 'rooms', 'district'],
                 params => '{"objective": "reg:gamma", "max_depth": 4,
                             "monotone_constraints": {"area": 1},
                             "interaction_constraints": [["area", "district"], ["rooms"]],
                             "eval_metric": ["rmse", "gamma-deviance"]}');
SELECT name, count(*) > 10 AS rounds
FROM mlops.metrics
WHERE model = 'house_rising' AND split = 'validation' AND round IS NOT NULL
GROUP BY name ORDER BY name;
SELECT version, task
FROM mlops.train('house_rising', 'house', target => 'price', key => 'id',
                 init_model => 'house_rising/1',
                 params => '{"num_boost_round": 10, "eta": 0.05}');
SELECT version, task
FROM mlops.train('house_rank', 'house', target => 'round(price / 100)::integer',
                 query_group => 'district', exclude => ARRAY['id', 'sold_at', 'price'],
                 params => '{"objective": "rank:ndcg", "num_boost_round": 20}');
SELECT version, task
FROM mlops.train('house_sale', 'SELECT area, rooms, district, 1 + id % 90 AS days,
                                       id % 4 <> 0 AS sold FROM house',
                 target => 'days', event_observed => 'sold',
                 params => '{"num_boost_round": 10}');
SELECT count(mlops.drop_model(m)) AS dropped FROM unnest('{house_rising,house_rank,house_sale}'::text[]) m;
DROP TABLE house;
