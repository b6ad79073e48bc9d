-- The prediction surface: margins, leaves, JSON, arrays, explanations, what
-- served when.
SET client_min_messages = error;
SET timezone = 'UTC';
CREATE TYPE pd_mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN pd_code AS char(4);
CREATE TABLE pd AS
SELECT i AS id, i * 37 % 101 AS a, CASE WHEN i % 7 <> 0 THEN (i * 53 % 89)::float8 / 7 END AS b,
	   ((i % 17) / 3.0)::real AS r, (i * i % 1009) / 10.0 AS n, (i * 1234567891011)::bigint AS big,
	   i % 3 = 0 AS flag, i * 37 % 101 > 50 AS y
FROM generate_series(1, 600) i;
CREATE TABLE pd_wide AS
SELECT *, (ARRAY['red', 'green', 'blue, dark', 'a "b"', ''])[1 + i * 7 % 5] AS "Colour é",
	   (ARRAY['ab', 'cd'])[1 + i % 2]::pd_code AS code, (enum_range(NULL::pd_mood))[1 + i % 3] AS mood,
	   date '2023-11-01' + i AS day, timestamp '2024-01-01' + i * interval '5 hours' AS at,
	   CASE WHEN i % 5 <> 0 THEN timestamptz '2024-01-01 00:00+00' + i * interval '5 hours' END AS atz
FROM pd, LATERAL (SELECT id AS i) x;
ALTER TABLE pd_wide DROP COLUMN i;
SELECT version FROM mlops.train('pd_number', 'SELECT a, b, r, n, big, flag, a * 2 + n AS target FROM pd', 'target');
SELECT version FROM mlops.train('pd_wide', 'SELECT *, (a > 50) <> (mood = ''sad'') AS late FROM pd_wide', 'late', exclude => '{id,y}');
SELECT version FROM mlops.train('pd_three', 'pd_wide', '"Colour é"', exclude => 'y', params => '{"num_boost_round": 20}');
SELECT version FROM mlops.train('pd_time', 'pd', 'y', features => '{a,b}', params => '{"num_boost_round": 3}');

-- margins are what the objective transforms
SELECT bool_and(mlops.predict_margin('pd_number', t) = mlops.predict('pd_number', t)) AS regression FROM pd t;
SELECT bool_and(abs(1 / (1 + exp(-mlops.predict_margin('pd_wide', t))) - mlops.predict('pd_wide', t)) < 1e-6) AS binary FROM pd_wide t;
SELECT bool_and(abs(exp(m[2]) / (SELECT sum(exp(x)) FROM unnest(m) x) - p[2]) < 1e-6) AS multiclass
FROM (SELECT mlops.predict_margins('pd_three', t) AS m, mlops.predict_proba('pd_three', t) AS p FROM pd_wide t) s;
SELECT bool_and(mlops.predict_margins('pd_wide', t) = ARRAY[mlops.predict_margin('pd_wide', t)]) AS one FROM pd_wide t;

-- leaves: one for each tree; rows of equal leaves have equal predictions
SELECT bool_and(array_length(mlops.predict_leaf('pd_number', t), 1) = v.trees) AS trees
FROM pd t, mlops.versions v WHERE v.model = 'pd_number';
SELECT count(*) AS differ FROM (
	SELECT mlops.predict_leaf('pd_time', t) AS leaves FROM pd t
	GROUP BY 1 HAVING count(DISTINCT mlops.predict('pd_time', t)) > 1) s;

-- JSON: the same float for every row
SELECT count(*) AS n, count(*) FILTER (WHERE mlops.predict('pd_number', t) = mlops.predict_json('pd_number', to_jsonb(t))) AS number FROM pd t;
SELECT count(*) AS n, count(*) FILTER (WHERE mlops.predict('pd_wide', t) = mlops.predict_json('pd_wide', to_jsonb(t))) AS wide,
	   count(*) FILTER (WHERE mlops.predict('pd_wide', t) = mlops.predict_json('pd_wide', (SELECT jsonb_object_agg(key, value) FROM jsonb_each_text(to_jsonb(t))))) AS texts
FROM pd_wide t;
SET timezone = 'Asia/Tokyo';
SELECT count(*) FILTER (WHERE mlops.predict('pd_wide', t) <> mlops.predict_json('pd_wide', to_jsonb(t))) AS other_zone FROM pd_wide t;
SET timezone = 'UTC';
-- the edges of numbers
SELECT v, mlops.predict_json('pd_number', jsonb_build_object('a', 1, 'b', 2, 'r', v::real, 'n', v, 'big', 0, 'flag', true)) =
	   mlops.predict('pd_number', x) AS same
FROM (VALUES ('NaN'::float8), ('Infinity'), ('-Infinity'), (0.1), (-0.0), (1e-30), (3e38), (16777217), (1/3.0::float8)) s(v),
	 LATERAL (SELECT 1 AS a, 2 AS b, v::real AS r, v AS n, 0 AS big, true AS flag) x;
SELECT mlops.predict_json('pd_number', '{"a": 1e400, "b": -1e400, "r": 1e400, "n": "1e400", "big": 1e-400, "flag": "on"}') =
	   mlops.predict('pd_number', x) AS same
FROM (SELECT 1e400 AS a, -1e400 AS b, 'Infinity'::real AS r, 1e400 AS n, 1e-400 AS big, true AS flag) x;
SELECT j, try(format('SELECT mlops.predict_json(''pd_number'', %L) IS NOT NULL', j))
FROM (VALUES ('{"a": 1, "b": null, "r": "2.5", "n": 3, "big": "4", "flag": false, "more": [{}]}'),
	('{"a": 1, "b": null, "r": 2, "n": 3, "flag": false}'), ('{}'), ('null'), ('7'), ('"a"'), ('[]'),
	('[{"a": 1}, {"a": 2}]'),
	('{"a": "one", "b": null, "r": 2, "n": 3, "big": 4, "flag": false}'),
	('{"a": "", "b": null, "r": 2, "n": 3, "big": 4, "flag": false}'),
	('{"a": 1, "b": null, "r": "1e99", "n": 3, "big": 4, "flag": false}'),
	('{"a": true, "b": null, "r": 2, "n": 3, "big": 4, "flag": false}'),
	('{"a": 1, "b": null, "r": 2, "n": 3, "big": 4, "flag": 1}'),
	('{"a": 1, "b": null, "r": 2, "n": 3, "big": 4, "flag": "maybe"}'),
	('{"a": [1], "b": null, "r": 2, "n": 3, "big": 4, "flag": true}'),
	('{"a": {"x": 1}, "b": null, "r": 2, "n": 3, "big": 4, "flag": true}')) v(j);
SELECT k, v, try(format('SELECT mlops.predict_json(''pd_wide'', %L) IS NOT NULL', to_jsonb(t) || jsonb_build_object(k, v)))
FROM pd_wide t, (VALUES ('at', '"2024-02-30"'::jsonb), ('at', '20240101'), ('day', '"infinity"'), ('atz', '"2024-01-01 10:00+01"'),
	('mood', '"angry"'), ('Colour é', '5'), ('Colour é', 'true'), ('day', 'true')) s(k, v) WHERE id = 1;
-- a number or a boolean is taken for the category that it is written like
SELECT mlops.predict_json('pd_wide', to_jsonb(t) || '{"Colour é": "red"}') = mlops.predict('pd_wide', x) AS same
FROM pd_wide t, LATERAL (SELECT t.a, t.b, t.r, t.n, t.big, t.flag, 'red' AS "Colour é", t.code, t.mood, t.day, t.at, t.atz) x WHERE id = 1;

-- arrays: in the order of the inputs, of any type of numbers
SELECT count(*) AS n,
	   count(*) FILTER (WHERE p = mlops.predict_array('pd_number', ARRAY[a, b, r, n, big, flag::int]::float8[])) AS float8,
	   count(*) FILTER (WHERE p = mlops.predict_array('pd_number', ARRAY[a, b, r, n, big, flag::int]::real[])) AS real,
	   count(*) FILTER (WHERE p = mlops.predict_array('pd_number', ARRAY[a::numeric, b::numeric, r::float8::numeric, n, big, flag::int])) AS numeric
FROM (SELECT *, mlops.predict('pd_number', t) AS p FROM pd t) s;
CREATE TABLE pd_array (id int, v real[]);
INSERT INTO pd_array SELECT id, ARRAY[a, b, r, n, big, flag::int]::real[] FROM pd;
SELECT count(*) FILTER (WHERE mlops.predict_array('pd_number', v) <> mlops.predict('pd_number', t)) AS stored_differ FROM pd_array JOIN pd t USING (id);
ALTER TABLE pd_array ALTER v TYPE float8[], ALTER v SET STORAGE EXTERNAL;
INSERT INTO pd_array SELECT -1, array_agg(i) FROM generate_series(1, 2000) i;
SELECT id > 0 AS fits, count(*), min(try(format('SELECT mlops.predict_array(''pd_number'', v) IS NOT NULL FROM pd_array WHERE id = %s', id)))
FROM pd_array WHERE id < 3 GROUP BY 1 ORDER BY 1;
SELECT mlops.predict_array('pd_time', ARRAY[1, 0]) = mlops.predict('pd_time', x) AS int4, mlops.predict_array('pd_time', ARRAY[1, 0]::smallint[]) = mlops.predict('pd_time', x) AS int2,
	   mlops.predict_array('pd_time', ARRAY[1, 0]::bigint[]) = mlops.predict('pd_time', x) AS int8, mlops.predict_array('pd_time', ARRAY[true, false]) = mlops.predict('pd_time', x) AS bool,
	   mlops.predict_array('pd_time', '[5:6]={1,0}'::real[]) = mlops.predict('pd_time', x) AS bounds
FROM (SELECT 1 AS a, 0 AS b) x;
SELECT a, try('SELECT mlops.predict_array(' || a || ') IS NOT NULL')
FROM (VALUES ('''pd_time'', ARRAY[1, NULL]'), ('''pd_time'', ARRAY[NULL, NULL]::real[]'), ('''pd_time'', ARRAY[''NaN'', ''Infinity'']::float8[]'),
	('''pd_time'', ARRAY[1]'), ('''pd_time'', ARRAY[1, 2, 3]'), ('''pd_time'', ''{}''::real[]'), ('''pd_time'', ARRAY[[1, 2]]'),
	('''pd_time'', ARRAY[''1'', ''2'']'), ('''pd_time'', ARRAY[now(), now()]'), ('''pd_time'', ''{1,2}'''),
	('''pd_wide'', ARRAY[1, 2]'), ('''pd_three'', ARRAY[1, 2]'), ('''no'', ARRAY[1, 2]')) v(a);
SELECT mlops.predict_array('pd_time', NULL::real[]) IS NULL AS null_array, mlops.predict_json('pd_time', NULL) IS NULL AS null_json;

-- all of a prediction at once
SELECT f.label, f.prediction = mlops.predict('pd_wide', t) AS p, f.probability = f.probabilities[2] AS of_label,
	   f.probabilities = mlops.predict_proba('pd_wide', t) AS all_of_them, f.model, f.version,
	   f.reasons = mlops.explain_text('pd_wide', t) AS reasons
FROM pd_wide t, mlops.predict_full('pd_wide', t) f WHERE t.id = 2;
SELECT bool_and(f.label = mlops.predict_label('pd_three', t)) AS label, bool_and(f.prediction IS NULL) AS prediction,
	   bool_and(f.probability = mlops.predict_proba('pd_three', t, f.label)) AS probability, bool_and(f.reasons = mlops.explain_text('pd_three', t, 2, f.label)) AS reasons
FROM pd_wide t, mlops.predict_full('pd_three', t, 2) f;
SELECT f.label, f.probability, f.probabilities, f.reasons, f.prediction = mlops.predict('pd_number', t) AS p, f.version
FROM pd t, mlops.predict_full('pd_number/1', t, 0) f WHERE id = 1;
SELECT mlops.predict_full(NULL, t) IS NULL AS no_model, mlops.predict_full('pd_number', NULL) IS NULL AS no_row,
	   (mlops.predict_full('pd_number', t, NULL)).reasons IS NULL AS no_reasons FROM pd t WHERE id = 1;

-- explanations add up to the margin, for each class
SELECT max(abs(s - m) / greatest(1, abs(m))) < 1e-5 AS number FROM (
	SELECT mlops.predict_margin('pd_number', t) AS m, (SELECT sum(contribution) FROM mlops.explain('pd_number', t)) AS s FROM pd t) x;
SELECT max(abs(s - m) / greatest(1, abs(m))) < 1e-5 AS wide, max(abs(s + o)) < 1e-9 AS other_class FROM (
	SELECT mlops.predict_margin('pd_wide', t) AS m, (SELECT sum(contribution) FROM mlops.explain('pd_wide', t)) AS s,
		   (SELECT sum(contribution) FROM mlops.explain('pd_wide', t, 'false')) AS o FROM pd_wide t) x;
SELECT max(abs(s - m) / greatest(1, abs(m))) < 1e-5 AS three FROM (
	SELECT (mlops.predict_margins('pd_three', t))[c.n] AS m, (SELECT sum(contribution) FROM mlops.explain('pd_three', t, c.label)) AS s
	FROM pd_wide t, unnest(mlops.classes('pd_three')) WITH ORDINALITY c(label, n) WHERE id < 50) x;
SELECT bool_and(e.s = d.s) AS the_predicted_class FROM pd_wide t,
	LATERAL (SELECT sum(contribution) AS s FROM mlops.explain('pd_three', t)) e,
	LATERAL (SELECT sum(contribution) AS s FROM mlops.explain('pd_three', t, mlops.predict_label('pd_three', t))) d WHERE id < 50;
SELECT feature, value FROM pd_wide t, mlops.explain('pd_wide', t) WHERE id = 5 ORDER BY feature COLLATE "C";
SELECT bool_and(size <= last) AS largest_first FROM (
	SELECT abs(contribution) AS size, lag(abs(contribution)) OVER (ORDER BY o) AS last
	FROM pd_wide t, mlops.explain('pd_wide', t) WITH ORDINALITY e(feature, value, contribution, o) WHERE id = 1 AND feature <> '(bias)') x;
SELECT feature, o FROM pd t, mlops.explain('pd_number', t) WITH ORDINALITY e(feature, value, contribution, o) WHERE id = 1 AND feature = '(bias)';
SELECT mlops.explain_text('pd_wide', x, 100) ~ v AS quoted, v
FROM (VALUES ('blue, dark', 'Colour é="blue, dark" \([+-]'), ('a "b"', 'Colour é="a ""b""" \([+-]'), ('', 'Colour é="" \([+-]'),
	('red', 'Colour é=red \([+-]'), ('NULL', 'Colour é="NULL" \([+-]'), (NULL, 'Colour é=NULL \([+-]')) s(c, v), pd_wide t,
	LATERAL (SELECT t.a, t.b, t.r, t.n, t.big, t.flag, c AS "Colour é", t.code, t.mood, t.day, t.at, t.atz) x
WHERE id = 1 AND EXISTS (SELECT FROM mlops.explain('pd_wide', x) WHERE feature = 'Colour é' AND contribution <> 0);
SET extra_float_digits = -10;
SET datestyle = 'German';
CREATE TEMP TABLE pd_text AS SELECT id, mlops.explain_text('pd_wide', t, 100) AS x FROM pd_wide t;
RESET extra_float_digits;
RESET datestyle;
SELECT bool_and(x = mlops.explain_text('pd_wide', t, 100)) AS same_in_every_session FROM pd_text JOIN pd_wide t USING (id);
SELECT c, try('SELECT ' || c || ' FROM pd t WHERE id = 1') FROM (VALUES
	('mlops.explain_text(''pd_number'', t, 0)'), ('mlops.explain_text(''pd_number'', t, -1)'), ('mlops.explain_text(''pd_number'', t, 3, ''red'')'),
	('mlops.explain_text(''pd_time'', t, 3, ''red'')'), ('mlops.predict_full(''pd_number'', t, -1)'),
	('(SELECT count(*) FROM mlops.explain(''pd_time'', t, ''red''))'), ('mlops.explain_text(''pd_wide'', t)'),
	('mlops.explain_text(NULL, t)'), ('mlops.explain_text(''pd_number'', NULL)'),
	('(SELECT count(*) FROM mlops.explain(NULL, t))'), ('(SELECT count(*) FROM mlops.explain(''pd_number'', NULL))'),
	('mlops.predict_margin(''pd_three'', w) FROM pd_wide w WHERE id = 1 --'), ('mlops.predict_leaf(''pd_number'', t.id)'),
	('mlops.predict_json(''pd_three'', to_jsonb(w)) FROM pd_wide w WHERE id = 1 --'), ('mlops.predict_leaf(''no'', t)'), ('mlops.predict_margin(''pd_time/9'', t)'),
	('mlops.explain_text(''pd_time@none'', t)')) v(c);
-- a lateral call for each row, and a plan that is run again
PREPARE pd_again AS SELECT sum(contribution) IS NOT NULL AS some, count(DISTINCT t.id) FROM pd t, mlops.explain('pd_time', t) e;
EXECUTE pd_again;
EXECUTE pd_again;
SELECT count(*) FROM (SELECT mlops.explain('pd_time', t) FROM pd t) s;

-- importance
SELECT feature, weight > 0 AS used, abs(total_gain - gain * weight) <= 1e-6 * total_gain AS gain, abs(total_cover - cover * weight) <= 1e-6 * total_cover AS cover, shap
FROM mlops.importance('pd_number') ORDER BY 1;
SELECT bool_and(gain <= last) AS by_gain FROM (SELECT gain, lag(gain) OVER (ORDER BY n) AS last FROM mlops.importance('pd_wide') WITH ORDINALITY e(f, w, gain, c, tg, tc, s, n)) x;
SELECT bool_and(shap <= last) AS by_shap FROM (SELECT shap, lag(shap) OVER (ORDER BY n) AS last FROM mlops.importance('pd_wide', 'pd_wide') WITH ORDINALITY e(f, w, gain, c, tg, tc, shap, n)) x;
SELECT bool_and(abs(i.shap - e.shap) < 1e-9 * (1 + e.shap)) AS mean_of_sizes, count(*)
FROM mlops.importance('pd_number', 'pd') i JOIN (SELECT feature, avg(abs(contribution)) AS shap FROM pd t, mlops.explain('pd_number', t) GROUP BY 1) e USING (feature);
SELECT bool_and(abs(i.shap - e.shap) < 1e-9 * (1 + e.shap)) AS summed_over_classes, count(*)
FROM mlops.importance('pd_three', 'SELECT * FROM pd_wide WHERE id <= 40') i JOIN (
	SELECT feature, sum(abs(contribution)) / 40 AS shap FROM pd_wide t, unnest(mlops.classes('pd_three')) c, mlops.explain('pd_three', t, c) WHERE id <= 40 GROUP BY 1) e USING (feature);
SELECT count(*), count(shap) AS no_rows FROM mlops.importance('pd_number', 'SELECT * FROM pd WHERE false');

-- partial dependence is what one would do by hand
SELECT bool_and(abs(p.prediction - h.prediction) < 1e-9 * (1 + abs(h.prediction))) AS prediction, bool_and(abs(p.low - h.low) < 1e-4) AS low,
	   bool_and(abs(p.high - h.high) < 1e-4) AS high, bool_and(p.n = 600) AS n, count(*)
FROM mlops.partial_dependence('pd_number', 'pd', 'a', 5) p, LATERAL (
	SELECT avg(q) AS prediction, percentile_cont(0.1) WITHIN GROUP (ORDER BY q) AS low, percentile_cont(0.9) WITHIN GROUP (ORDER BY q) AS high
	FROM (SELECT mlops.predict('pd_number', x) AS q FROM pd, LATERAL (SELECT p.number AS a, b, r, n, big, flag) x) s) h;
SELECT value, number, n, low <= prediction AND prediction <= high AS between FROM mlops.partial_dependence('pd_number', 'pd', 'a', 5);
SELECT value, number, n FROM mlops.partial_dependence('pd_number', 'pd', 'flag');
SELECT value, number, n FROM mlops.partial_dependence('pd_number', 'SELECT * FROM pd WHERE id <= 3', 'r');
SELECT value, number, n FROM mlops.partial_dependence('pd_number', 'pd', 'a', 1);
SELECT value, number, n FROM mlops.partial_dependence('pd_wide', 'pd_wide', 'Colour é');
SELECT value, number, n FROM mlops.partial_dependence('pd_wide', 'pd_wide', 'Colour é', 2);
SELECT value, n FROM mlops.partial_dependence('pd_wide', 'pd_wide', 'at.hour', 4);
SELECT bool_and(abs(a.prediction + b.prediction - 1) < 1e-6) AS the_other_class, bool_and(abs(a.low + b.high - 1) < 1e-6) AS mirrored
FROM mlops.partial_dependence('pd_wide', 'pd_wide', 'a') a JOIN mlops.partial_dependence('pd_wide', 'pd_wide', 'a', label => 'false') b USING (value);
SELECT count(*), min(n), max(n) FROM mlops.partial_dependence('pd_three', 'pd_wide', 'n', label => 'red', max_rows => 50);
SELECT count(*) AS differ FROM mlops.partial_dependence('pd_number', 'pd', 'n', max_rows => 77) a FULL JOIN mlops.partial_dependence('pd_number', 'SELECT *, 1 AS more FROM pd', 'n', max_rows => 77) b
	USING (value, prediction, low, high, n) WHERE a.number IS NULL OR b.number IS NULL;
SELECT count(*) AS no_rows FROM mlops.partial_dependence('pd_number', 'SELECT * FROM pd WHERE false', 'a');
SELECT count(*) AS all_null FROM mlops.partial_dependence('pd_number', 'SELECT a, NULL::float8 AS b, r, n, big, flag FROM pd', 'b');
SELECT count(*) AS constant FROM mlops.partial_dependence('pd_number', 'SELECT 7 AS a, b, r, n, big, flag FROM pd', 'a');

-- what if: the same as predicting the changed row
SELECT bool_and(w.prediction = mlops.predict('pd_wide', x)) AS same, bool_and(w.change = w.prediction - mlops.predict('pd_wide', t)) AS change,
	   bool_and(w.label = mlops.predict_label('pd_wide', x)) AS label, count(*)
FROM pd_wide t, mlops.what_if('pd_wide', t, 'a', '{0,50,51,100}') w,
	LATERAL (SELECT w.value::int AS a, t.b, t.r, t.n, t.big, t.flag, t."Colour é", t.code, t.mood, t.day, t.at, t.atz) x WHERE id <= 20;
SELECT value, label IS NOT NULL AS label FROM pd_wide t, mlops.what_if('pd_wide', t, 'mood') w WHERE id = 1 ORDER BY value;
SELECT value FROM pd_wide t, mlops.what_if('pd_wide', t, 'flag') w WHERE id = 1;
SELECT count(*) BETWEEN 15 AND 20 AS grid, min(value::numeric), max(value::numeric) FROM pd_wide t, mlops.what_if('pd_wide', t, 'a') w WHERE id = 1;
SELECT count(*) > 10 AS hours, max(value::numeric) < 24 AS below FROM pd_wide t, mlops.what_if('pd_wide', t, 'at.hour') w WHERE id = 1;
SELECT value, prediction IS NOT NULL AS p FROM pd_wide t, mlops.what_if('pd_wide', t, 'at', '{2024-05-01 12:30,infinity,NULL}') w WHERE id = 1;
SELECT value, prediction = lead(prediction) OVER (ORDER BY o) AS unseen_is_missing FROM pd_wide t, mlops.what_if('pd_wide', t, 'Colour é', '{mauve,NULL}') WITH ORDINALITY w(value, prediction, change, label, o) WHERE id = 1;
SELECT value, prediction = mlops.predict_proba('pd_three', x, 'red') AS of_red FROM pd_wide t, mlops.what_if('pd_three', t, 'n', '{1.5}', 'red') w,
	LATERAL (SELECT t.id, t.a, t.b, t.r, 1.5 AS n, t.big, t.flag, t.code, t.mood, t.day, t.at, t.atz) x WHERE t.id = 2 AND w.label = mlops.predict_label('pd_three', x);
SELECT value, label, change FROM pd t, mlops.what_if('pd_number', t, 'a', ARRAY[t.a::text]) w WHERE id = 1;
SELECT count(*) AS none FROM pd t, mlops.what_if('pd_number', t, 'a', '{}') w WHERE id = 1;

-- bad input of the functions that return rows
SELECT c, try('SELECT count(*) FROM mlops.' || c) FROM (VALUES
	('importance(NULL)'), ('importance(''no'')'), ('importance(''pd_number/7'')'), ('importance(''pd_number'', ''no_such'')'), ('importance(''pd_number'', ''SELECT 1 AS a'')'),
	('importance(''pd_number'', ''SELECT *, 1 / (id - 300) AS boom FROM pd'')'),
	('importance(''pd_number'', ''SELECT a, b, r, n, 1 / (id - 300) AS big, flag FROM pd'')'),
	('partial_dependence(NULL, ''pd'', ''a'')'), ('partial_dependence(''pd_number'', NULL, ''a'')'), ('partial_dependence(''pd_number'', ''pd'', NULL)'),
	('partial_dependence(''pd_number'', ''pd'', ''no'')'), ('partial_dependence(''pd_number'', ''pd'', ''a'', 0)'), ('partial_dependence(''pd_number'', ''pd'', ''a'', 1001)'),
	('partial_dependence(''pd_number'', ''pd'', ''a'', max_rows => 0)'), ('partial_dependence(''pd_number'', ''pd'', ''a'', max_rows => 100001)'),
	('partial_dependence(''pd_number'', ''pd'', ''a'', NULL, NULL, NULL)'), ('partial_dependence(''pd_number'', ''pd'', ''a'', label => ''x'')'),
	('partial_dependence(''pd_three'', ''pd_wide'', ''a'')'), ('partial_dependence(''pd_three'', ''pd_wide'', ''a'', label => ''x'')'),
	('partial_dependence(''pd_wide'', ''pd_wide'', ''at'')'), ('partial_dependence(''pd_wide'', ''pd'', ''a'')'),
	('partial_dependence(''pd_number'', ''DELETE FROM pd RETURNING *'', ''a'')'),
	('what_if(NULL, (SELECT t FROM pd t LIMIT 1), ''a'')'), ('what_if(''pd_number'', NULL, ''a'')'), ('what_if(''pd_number'', (SELECT t FROM pd t LIMIT 1), NULL)'),
	('what_if(''pd_number'', (SELECT t FROM pd t LIMIT 1), ''id'')'), ('what_if(''pd_number'', (SELECT t FROM pd t LIMIT 1), ''a'', ''{x}'')'),
	('what_if(''pd_number'', (SELECT t FROM pd t LIMIT 1), ''a'', NULL, ''x'')'), ('what_if(''pd_wide'', (SELECT t FROM pd_wide t LIMIT 1), ''a'', NULL, ''x'')'),
	('what_if(''pd_wide'', (SELECT t FROM pd_wide t LIMIT 1), ''at'')'), ('what_if(''pd_wide'', (SELECT t FROM pd_wide t LIMIT 1), ''at'', ''{noon}'')'),
	('what_if(''pd_wide'', (SELECT t FROM pd_wide t LIMIT 1), ''at.hour'', ''{noon}'')'), ('what_if(''pd_wide'', (SELECT t FROM pd_wide t LIMIT 1), ''mood'', ''{angry}'')')) v(c);

-- what served when
SELECT version FROM mlops.train('pd_time', 'SELECT a, b, NOT y AS y FROM pd', 'y', params => '{"num_boost_round": 3}', deploy => false);
SELECT pg_sleep(0.01);
SELECT clock_timestamp() AS t1 \gset
SELECT mlops.deploy('pd_time/2');
SELECT clock_timestamp() AS t2 \gset
SELECT mlops.rollback('pd_time');
SELECT clock_timestamp() AS t3 \gset
SELECT mlops.drop_alias('pd_time', 'champion');
SELECT clock_timestamp() AS t4 \gset
SELECT mlops.deploy('pd_time/2');
SELECT bool_and(mlops.predict_as_of('pd_time', t, :'t1') = mlops.predict('pd_time/1', t)) AS t1,
	   bool_and(mlops.predict_as_of('pd_time', t, :'t2') = mlops.predict('pd_time/2', t)) AS t2,
	   bool_and(mlops.predict_as_of('pd_time', t, :'t3') = mlops.predict('pd_time/1', t)) AS t3,
	   bool_and(mlops.predict_as_of('pd_time', t, now()) = mlops.predict('pd_time/2', t)) AS now,
	   bool_and(mlops.predict_as_of('pd_time', t, 'infinity') = mlops.predict('pd_time', t)) AS infinity,
	   bool_and(mlops.predict_as_of('pd_time', t, CASE WHEN id % 2 = 0 THEN :'t1'::timestamptz ELSE :'t2' END) = mlops.predict('pd_time/' || 1 + id % 2, t)) AS by_row
FROM pd t;
SELECT split_part(try(format('SELECT mlops.predict_as_of(''pd_time'', t, %L) FROM pd t LIMIT 1', :'t4')), ' at ', 1) AS no_alias;
SELECT try('SELECT mlops.predict_as_of(' || c || ') FROM pd t LIMIT 1') FROM (VALUES ('''pd_time'', t, ''2000-01-01 00:00+00'''), ('''pd_time'', t, ''-infinity'''),
	('''no'', t, now()'), ('''pd_time/1'', t, now()'), ('NULL, t, now()'), ('''pd_time'', NULL, now()'), ('''pd_time'', t, NULL'), ('''pd_three'', t, now()')) v(c);
-- under the statement's snapshot
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT mlops.predict_as_of('pd_time', t, 'infinity') = mlops.predict('pd_time', t) AS before FROM pd t WHERE id = 1;
SELECT mlops.deploy('pd_time/1');
SELECT mlops.predict_as_of('pd_time', t, 'infinity') = mlops.predict('pd_time/1', t) AS own_change FROM pd t WHERE id = 1;
ROLLBACK;
SELECT mlops.predict_as_of('pd_time', t, 'infinity') = mlops.predict('pd_time/2', t) AS rolled_back FROM pd t WHERE id = 1;
SELECT mlops.drop_version('pd_time/1');
SELECT split_part(try(format('SELECT mlops.predict_as_of(''pd_time'', t, %L) FROM pd t LIMIT 1', :'t1')), E'\n', 1) AS dropped;

-- rights
CREATE ROLE regress_mlops_pd;
GRANT SELECT ON pd_wide TO regress_mlops_pd;
GRANT EXECUTE ON FUNCTION try(text) TO PUBLIC;
CREATE FUNCTION pd_may() RETURNS TABLE (what text, result text) LANGUAGE sql AS $$
	SELECT c, split_part(try('SELECT ' || c), E'\n', 1) FROM (VALUES
	('mlops.predict_margin(''pd_wide'', t) IS NOT NULL FROM pd_wide t LIMIT 1'), ('mlops.predict_margins(''pd_wide'', t) IS NOT NULL FROM pd_wide t LIMIT 1'),
	('mlops.predict_json(''pd_wide'', to_jsonb(t)) IS NOT NULL FROM pd_wide t LIMIT 1'), ('mlops.predict_array(''pd_number'', ARRAY[1,2,3,4,5,6]) IS NOT NULL'),
	('mlops.predict_leaf(''pd_wide'', t) IS NOT NULL FROM pd_wide t LIMIT 1'), ('mlops.predict_full(''pd_wide'', t) IS NOT NULL FROM pd_wide t LIMIT 1'),
	('mlops.predict_as_of(''pd_wide'', t, now()) IS NOT NULL FROM pd_wide t LIMIT 1'), ('mlops.explain_text(''pd_wide'', t) IS NOT NULL FROM pd_wide t LIMIT 1'),
	('count(*) FROM mlops.explain(''pd_wide'', (SELECT t FROM pd_wide t LIMIT 1))'), ('count(*) FROM mlops.importance(''pd_wide'')'),
	('count(*) FROM mlops.importance(''pd_number'', ''pd'')'), ('count(*) > 0 FROM mlops.partial_dependence(''pd_wide'', ''pd_wide'', ''a'')'),
	('count(*) FROM mlops.partial_dependence(''pd_number'', ''pd'', ''a'')'), ('count(*) FROM mlops.what_if(''pd_wide'', (SELECT t FROM pd_wide t LIMIT 1), ''a'', ''{1}'')'),
	('count(*) > 0 FROM mlops.what_if(''pd_wide'', (SELECT t FROM pd_wide t LIMIT 1), ''flag'')'),
	('count(*) > 0 FROM mlops.what_if(''pd_wide'', (SELECT t FROM pd_wide t LIMIT 1), ''a'')')) v(c)
$$;
SET ROLE regress_mlops_pd;
SELECT * FROM pd_may();
RESET ROLE;
SELECT mlops.grant_model('pd_wide', 'regress_mlops_pd', 'predict'), mlops.grant_model('pd_number', 'regress_mlops_pd', 'predict');
SET ROLE regress_mlops_pd;
SELECT * FROM pd_may();
RESET ROLE;
SELECT mlops.grant_model('pd_wide', 'regress_mlops_pd', 'read'), mlops.grant_model('pd_number', 'regress_mlops_pd', 'read');
SET ROLE regress_mlops_pd;
SELECT * FROM pd_may() WHERE what LIKE '%importance%' OR what LIKE '%''a'')';
RESET ROLE;

-- a linear model has margins and explanations, but no leaves
SELECT version FROM mlops.train('pd_linear', 'SELECT a, b, flag, a * 2 + 1 AS target FROM pd', 'target', params => '{"booster": "gblinear", "num_boost_round": 20}');
SELECT try('SELECT mlops.predict_leaf(''pd_linear'', t) FROM pd t LIMIT 1');
SELECT max(abs(s - m) / greatest(1, abs(m))) < 1e-5 AS linear FROM (
	SELECT mlops.predict_margin('pd_linear', t) AS m, (SELECT sum(contribution) FROM mlops.explain('pd_linear', t)) AS s FROM pd t) x;
SELECT feature, weight <> 0 AS used, gain, cover, total_gain, total_cover, shap > 0 AS shap FROM mlops.importance('pd_linear', 'pd');
SELECT mlops.drop_model('pd_linear');

-- more columns than usual, dropped ones among them
DO $$ BEGIN
	EXECUTE (SELECT format('CREATE TABLE pd_many AS SELECT i AS id, i %% 2 = 0 AS y, %s FROM generate_series(1, 60) i',
						   string_agg(format('(i * %s %% 101)::real AS c%s', n, n), ', ')) FROM generate_series(1, 1000) n);
END $$;
ALTER TABLE pd_many DROP COLUMN c3, DROP COLUMN c500;
SELECT version FROM mlops.train('pd_many', 'pd_many', 'y', key => 'id', params => '{"num_boost_round": 5}');
SELECT bool_and(mlops.predict('pd_many', t) = mlops.predict_json('pd_many', to_jsonb(t))) AS json, bool_and(array_length(mlops.predict_leaf('pd_many', t), 1) = 5) AS leaves,
	   bool_and((SELECT count(*) FROM mlops.explain('pd_many', t)) = 999) AS explained FROM pd_many t;
SELECT count(*) FROM mlops.importance('pd_many', 'pd_many');

-- the examples of docs/reference.md
RESET client_min_messages;
CREATE TABLE house AS
SELECT i AS id,
       40 + (i * 37) % 120 AS area,
       CASE WHEN i % 11 <> 0 THEN 1 + i % 5 END AS rooms,
       (ARRAY['north', 'south', 'west'])[1 + i % 3] AS district,
       timestamp '2024-01-01' + i * interval '7 hours' AS sold_at,
       (2.5 * (40 + (i * 37) % 120) + 60 * (i % 3))::numeric AS price
FROM generate_series(1, 1000) i;
SELECT version, task, deployed
FROM mlops.train('house_price', 'house', target => 'price',
                 key => 'id', exclude => 'sold_at',
                 params => '{"max_depth": 4}');
SELECT version, task, deployed
FROM mlops.train('district', 'house', target => 'district',
                 features => ARRAY['area', 'price'], deploy => false);

-- predict_margin, predict_margins
SELECT mlops.predict_margin('house_price', h) = mlops.predict('house_price', h) AS same,
       array_length(mlops.predict_margins('district/1', h), 1) AS margins
FROM house h WHERE id = 1;

-- predict_full
SELECT label, probability > 0.5 AS sure, array_length(probabilities, 1) AS classes,
       model, version, reasons LIKE '%price=252.5 (+%' AS reasons
FROM house h, mlops.predict_full('district/1', h)
WHERE id = 1;

-- predict_json
SELECT mlops.predict_json('house_price', '{"area": 120, "rooms": 3, "district": "west"}')
         = mlops.predict('house_price', r) AS same
FROM (SELECT 'west' AS district, 3 AS rooms, 120 AS area) r;

-- predict_array
SELECT version FROM mlops.train('house_size', 'house', target => 'area',
                                features => ARRAY['price', 'rooms']);
SELECT mlops.predict_array('house_size', ARRAY[2, 252.5])
         = mlops.predict('house_size', r) AS same
FROM (SELECT 252.5 AS price, 2 AS rooms) r;

-- predict_leaf
SELECT array_length(mlops.predict_leaf('house_price', h), 1) = v.trees AS one_for_each_tree
FROM house h, mlops.versions v
WHERE h.id = 1 AND v.model = 'house_price' AND v.version = 1;

-- predict_as_of
SELECT mlops.predict_as_of('house_price', h, now()) = mlops.predict('house_price', h) AS same
FROM house h WHERE id = 1;

-- explain, explain_text
SELECT feature, value, contribution > 0 AS raises
FROM house h, mlops.explain('house_price', h)
WHERE id = 3;
SELECT mlops.explain_text('house_price', h, 2) LIKE 'area=151 (+%), district=north (-%)' AS ok
FROM house h WHERE id = 3;

-- importance
SELECT feature, weight > 0 AS used, shap > 1 AS matters
FROM mlops.importance('house_price', 'house');

-- partial_dependence
SELECT value, number, n, prediction > lag(prediction) OVER (ORDER BY number) AS rises
FROM mlops.partial_dependence('house_price', 'house', 'area', points => 4);

-- what_if
SELECT value, change > 20 AS dearer, label
FROM house h, mlops.what_if('house_price', h, 'district', ARRAY['north', 'south', 'west'])
WHERE id = 3;

SET client_min_messages = error;
SELECT mlops.drop_model(m) FROM unnest(ARRAY['house_price', 'house_size', 'district', 'pd_number', 'pd_wide', 'pd_three', 'pd_time', 'pd_many']) m;
DROP FUNCTION pd_may();
DROP TABLE house, pd, pd_wide, pd_array, pd_many;
DROP DOMAIN pd_code;
DROP TYPE pd_mood;
DROP ROLE regress_mlops_pd;
