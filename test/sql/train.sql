-- mlops.train: what it takes, what it infers, what it leaves behind.
SET client_min_messages = error;
CREATE TYPE train_size AS ENUM ('small', 'large', 'huge');
CREATE TABLE train_data AS
SELECT i AS id, i * 37 % 101 AS a, (i * 53 % 89)::float8 / 8 AS b,
	   (ARRAY['red', 'green', 'blue'])[1 + i * 7 % 3] AS colour,
	   i * 37 % 101 > 50 AS flag,
	   CASE WHEN i * 37 % 101 > 50 THEN 'yes' ELSE 'no' END AS answer,
	   (i * 37 % 101 > 50)::int AS bit,
	   (enum_range(NULL::train_size))[1 + (i * 37 % 101) / 34] AS size,
	   (i * 37 % 101) / 25 AS grade,
	   (i * 37 % 101) * 1.5 AS amount,
	   date '2024-01-01' + i AS day,
	   timestamp '2024-01-01 00:00' + i * interval '7 hours' AS at
FROM generate_series(1, 600) i;
CREATE FUNCTION train_short(target text, args text DEFAULT '',
	source text DEFAULT 'train_data') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	r record; c text;
BEGIN
	EXECUTE format('SELECT * FROM mlops.train(''train_m'', %L, %L,
		params => ''{"num_boost_round": 5}'' %s)', source, target, args) INTO r;
	SELECT v.classes::text INTO c FROM mlops.versions v
	WHERE v.model = r.model AND v.version = r.version;
	PERFORM mlops.drop_model('train_m');
	RETURN concat_ws(' ', r.task, c, r.rows_train + r.rows_validation + r.rows_test);
END $$;

-- the task follows from the target; labels come back as they are written
SELECT t, train_short(t, ', features => ''{a,b}''')
FROM (VALUES ('flag'), ('answer'), ('bit'), ('size'), ('grade'), ('amount'),
	('colour'), ('amount > 50'), ('bit::numeric'), ('answer::char(3)'),
	('CASE WHEN amount > 100 THEN 1 WHEN amount < 30 THEN 0 END'),
	('grade / 2'), ('CASE WHEN flag THEN -1 ELSE 1 END'),
	('CASE WHEN flag THEN ''TRUE'' ELSE ''FALSE'' END'),
	('CASE WHEN flag THEN ''b'' ELSE ''Z'' END'),
	('CASE WHEN flag THEN 2.50 ELSE 2.5 + 1 END')) v(t);
-- and a task that is given
SELECT t, k, train_short(t, format(', features => ''{a,b}'', task => %L', k))
FROM (VALUES ('bit', 'regression'), ('grade', 'multiclass'),
	('grade', 'regression'), ('bit', 'binary'), ('bit', 'multiclass'),
	('amount', 'regression')) v(t, k);
SELECT p, train_short('answer', format(', features => ''a'', positive => %L', p))
FROM (VALUES ('yes'), ('no')) v(p);
-- what is inferred is said
RESET client_min_messages;
SELECT train_short('answer', ', features => ''a''');
SELECT train_short('grade', ', features => ''a''');
SELECT train_short('answer', ', features => ''a'', task => ''binary'', positive => ''no''');
SET client_min_messages = error;

-- columns: all usable ones but those of target, key, weight and exclude
CREATE FUNCTION train_columns(target text, args text DEFAULT '',
	source text DEFAULT 'train_data') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT version FROM mlops.train(''train_m'', %L, %L,
		params => ''{"num_boost_round": 3}'' %s)', source, target, args);
	SELECT effective ->> 'features' INTO result
	FROM mlops.runs WHERE model = 'train_m' ORDER BY run_id DESC LIMIT 1;
	PERFORM mlops.drop_model('train_m');
	RETURN result;
END $$;
SELECT args, train_columns('flag', args) FROM (VALUES (''),
	(', exclude => ''{answer,bit,size,grade,amount}'''),
	(', features => ''{b,a,colour}'''),
	(', features => ''{a,day}'', key => ''id'''),
	(', exclude => ''{answer,bit,size,grade,amount}'', key => ''{id,a}'''),
	(', exclude => ''{answer,bit,size,grade,amount}'', weight => ''b'''),
	(', exclude => ''{answer,bit,size,grade,amount}'', event_time => ''at''')
	) v(args);
SELECT train_columns('a > 50 AND b > 1', ', exclude => ''{answer,bit,size,grade,amount,flag,day,at}''');

-- sources
CREATE VIEW train_view AS SELECT id, a, b, colour, flag FROM train_data;
CREATE MATERIALIZED VIEW train_mat AS SELECT * FROM train_view;
CREATE TABLE train_parts (LIKE train_data) PARTITION BY LIST (colour);
CREATE TABLE train_red PARTITION OF train_parts FOR VALUES IN ('red');
CREATE TABLE train_rest PARTITION OF train_parts DEFAULT;
INSERT INTO train_parts SELECT * FROM train_data;
CREATE TEMP TABLE train_temp AS SELECT * FROM train_view;
SELECT s, train_short('flag', ', features => ''{a,b}''', s)
FROM (VALUES ('train_data'), ('public.train_data'), ('train_view'),
	('train_mat'), ('train_parts'), ('train_temp'), ('"train_data"'),
	('SELECT * FROM train_data WHERE id <= 300'),
	('SELECT * FROM train_data ORDER BY id LIMIT 100;'),
	('  select a, b, flag from train_data -- a comment'),
	('WITH w AS (SELECT * FROM train_data) SELECT a, b, flag FROM w'),
	('TABLE train_data'), ('(SELECT a, b, flag FROM train_data)'),
	('SELECT x AS a, x % 7 AS b, x > 50 AS flag FROM generate_series(1, 100) x'),
	('SELECT a, b, flag FROM train_view UNION ALL SELECT a, b, flag FROM train_mat'),
	('SELECT t.a, u.b, t.flag FROM train_data t JOIN train_data u USING (id)')) v(s);
SELECT train_short('column3', '', (SELECT 'VALUES ' || string_agg(
	format('(%s, %s, %L::bool)', a, b, flag), ',') FROM train_data));

-- NULL everywhere: in the target skips the row, in features it is missing
CREATE TABLE train_null AS
SELECT i AS id, NULLIF(i * 37 % 101, i % 10 + 30) AS a,
	   CASE WHEN i % 3 = 0 THEN i % 17 END AS b, NULL::int AS nothing,
	   7 AS constant, NULLIF('x' || i % 4, 'x2') AS word, NULL::text AS blank,
	   CASE WHEN i % 9 > 0 THEN i * 37 % 101 > 50 END AS flag
FROM generate_series(1, 600) i;
SELECT rows_train + rows_validation + rows_test AS rows
FROM mlops.train('train_m', 'train_null', 'flag', exclude => 'id');
SELECT rows_skipped, effective -> 'features' AS features
FROM mlops.runs WHERE model = 'train_m' AND version = 1;
SELECT kind, feature, n, n_missing, min, max, categories
FROM mlops.baselines WHERE model = 'train_m' AND kind <> 'prediction' ORDER BY 2;
SELECT avg(((mlops.predict('train_m', t) > 0.5) = flag)::int) > 0.9 AS good,
	   count(mlops.predict('train_m', t)) AS predicted
FROM train_null t;
SELECT mlops.drop_model('train_m');

-- names that need quotes or are not ASCII; dropped columns; domains
CREATE DOMAIN train_number AS numeric CHECK (VALUE >= 0);
CREATE TABLE "Träin Data" ("Größe" train_number, "two words" int, gone int,
	"a""b" float4, "Ziel" text);
INSERT INTO "Träin Data"
SELECT i * 37 % 101, i % 7, i, i % 5, CASE WHEN i * 37 % 101 > 50 THEN 'ja ✓' ELSE 'nein' END
FROM generate_series(1, 300) i;
ALTER TABLE "Träin Data" DROP COLUMN gone;
ALTER TABLE "Träin Data" ADD COLUMN late text DEFAULT 'x';
SELECT task, rows_train + rows_validation + rows_test AS rows
FROM mlops.train('Modèle 1', '"Träin Data"', 'Ziel', positive => 'ja ✓');
SELECT model, classes FROM mlops.versions WHERE model = 'Modèle 1';
SELECT mlops.predict_label('Modèle 1', t) AS label, count(*),
	   count(*) FILTER (WHERE mlops.predict_label('Modèle 1', t) = "Ziel") > 0.9 * count(*) AS good
FROM "Träin Data" t GROUP BY 1 ORDER BY 1;
SELECT train_columns('"Ziel" = ''nein''', ', exclude => ''{late,Ziel}''', '"Träin Data"');
SELECT mlops.drop_model('Modèle 1');

-- categories: more than fit are missing, and it is said
SET mlops.max_categories = 3;
SELECT train_columns('a > 50', ', features => ''{word,b}''',
	'SELECT *, ''w'' || id % 10 AS word FROM train_data');
RESET mlops.max_categories;

-- weights: a row of weight 0 does not count
SELECT version FROM mlops.train('train_m', 'SELECT a, CASE WHEN id % 2 = 0
	THEN flag ELSE NOT flag END AS y, (id % 2 = 0)::int AS w FROM train_data',
	'y', weight => 'w', validation => 0, test => 0);
SELECT round(avg(((mlops.predict('train_m', t) > 0.5) = flag)::int), 2) AS agree FROM train_data t;
SELECT mlops.drop_model('train_m');

-- splits: the same rows for the same seed, whatever the order of rows
CREATE FUNCTION train_split(args text, source text DEFAULT 'train_data')
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	r record; u text;
BEGIN
	EXECUTE format('SELECT * FROM mlops.train(''train_m'', %L, ''flag'',
		features => ''{a,b}'', params => ''{"num_boost_round": 3}'' %s)',
		source, args) INTO r;
	SELECT effective ->> 'split' INTO u
	FROM mlops.runs WHERE model = 'train_m' ORDER BY run_id DESC LIMIT 1;
	PERFORM mlops.drop_model('train_m');
	RETURN format('%s: %s/%s/%s', u, r.rows_train, r.rows_validation, r.rows_test);
END $$;
SELECT args, train_split(args) FROM (VALUES (', key => ''id'''),
	(', key => ''id'', seed => 7'), (', validation => 0'),
	(', test => 0, validation => 0'), (', test => NULL, validation => NULL'),
	(', event_time => ''at'''), (', event_time => ''day'', test => 0.5'),
	(', event_time => ''at'', key => ''id''')) v(args);
SELECT train_split(', key => ''id''') =
	   train_split(', key => ''id''', 'SELECT * FROM train_data ORDER BY id DESC')
	AS same_split;
-- all rows of a key fall into one part
SELECT train_split(', key => ''k'', test => 0.5, validation => 0',
	'SELECT *, 1 AS k FROM (SELECT * FROM train_data LIMIT 50) a UNION ALL
	 SELECT *, 2 FROM (SELECT * FROM train_data LIMIT 50) a UNION ALL
	 SELECT *, 3 FROM (SELECT * FROM train_data LIMIT 50) a') ~ ': (50|100|150)/0/(0|50|100)$' AS whole_keys;
-- by time, the test is the latest
SELECT event_time, rows_train, rows_validation, rows_test
FROM (VALUES ('at')) v(event_time), mlops.train('train_m', 'train_data',
	'flag', features => 'a', event_time => 'at', test => 0.25,
	validation => 0.25);
SELECT event_time_min AT TIME ZONE current_setting('TimeZone') AS min,
	   event_time_max AT TIME ZONE current_setting('TimeZone') AS max
FROM mlops.runs WHERE model = 'train_m' AND version = 1;
SELECT mlops.drop_model('train_m');

-- the same call makes the same bytes, with any number of threads
SELECT version FROM mlops.train('train_m', 'train_data', 'size', exclude => '{id,grade,amount}', key => 'id');
SELECT version FROM mlops.train('train_m', 'train_data', 'size', exclude => '{id,grade,amount}', key => 'id');
SET mlops.threads = 1;
SELECT version FROM mlops.train('train_m', 'train_data', 'size', exclude => '{id,grade,amount}', key => 'id');
RESET mlops.threads;
SELECT version FROM mlops.train('train_m', 'train_data', 'size', exclude => '{id,grade,amount}', key => 'id', seed => 1, params => '{"subsample": 0.5}');
SELECT count(DISTINCT model_sha256) AS different,
	   count(DISTINCT model_sha256) FILTER (WHERE version <= 3) AS of_one_call
FROM mlops.versions WHERE model = 'train_m';
SELECT count(DISTINCT fingerprint_ordered) AS ordered,
	   count(DISTINCT fingerprint_unordered) AS unordered, min(seed), max(seed)
FROM mlops.runs WHERE model = 'train_m' AND version IS NOT NULL;
-- predicts what it was trained on
SELECT count(*) FILTER (WHERE mlops.predict_label('train_m', t) = size::text) > 590 AS good
FROM train_data t;
SELECT mlops.drop_model('train_m');

-- the result, and what is recorded
SELECT model, version, task, rows_train > rows_test AS rows, deployed,
	   elapsed BETWEEN interval '0' AND interval '1 minute' AS elapsed,
	   (SELECT jsonb_object_agg(k, (SELECT array_agg(m ORDER BY m)
		FROM jsonb_object_keys(metrics -> k) m)) FROM jsonb_object_keys(metrics) k) AS metrics
FROM mlops.train('train_m', 'train_data', 'amount', features => '{a,b}',
	description => 'a straight line');
SELECT model, owner = current_user AS mine, task, serving, versions, latest,
	   bytes > 0 AS bytes, description FROM mlops.models WHERE model = 'train_m';
SELECT version, task, aliases, objective, booster, features,
	   trees = rounds AND trees BETWEEN 1 AND 100 AS rounds,
	   target, classes, length(model_sha256), description
FROM mlops.versions WHERE model = 'train_m';
SELECT kind, state, error, model, version, arguments, source, relations
FROM mlops.runs WHERE model = 'train_m' AND version = 1;
SELECT key, value FROM mlops.runs, jsonb_each(effective)
WHERE model = 'train_m' AND version = 1 AND key <> 'library' ORDER BY 1;
SELECT split, name, round IS NULL AS final, count(*) >= 1 AS there FROM mlops.metrics
WHERE model = 'train_m' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SELECT mlops.drop_model('train_m');

-- when a version serves
SELECT version, deployed FROM mlops.train('train_m', 'train_data', 'flag', features => 'b', deploy => false);
SELECT version, deployed FROM mlops.train('train_m', 'train_data', 'flag', features => 'b');
SELECT version, deployed FROM mlops.train('train_m', 'train_data', 'flag', features => 'a');
SELECT version, deployed FROM mlops.train('train_m', 'train_data', 'flag', features => 'a', deploy => 'if_better');
SELECT version, deployed FROM mlops.train('train_m', 'train_data', 'flag', features => 'b', deploy => 'if_better');
SELECT version, deployed FROM mlops.train('train_m', 'train_data', 'flag', features => 'b', deploy => true);
SELECT version, deployed FROM mlops.train('train_m', 'train_data', 'flag', features => 'a', deploy => NULL);
SELECT version, action, current FROM mlops.deployments WHERE model = 'train_m' ORDER BY valid_from, version;
SELECT mlops.drop_model('train_m');
-- the first of a new model is as good as any
SELECT version, deployed FROM mlops.train('train_m', 'train_data', 'flag', features => 'a', deploy => 'if_better');
SELECT mlops.drop_model('train_m');

-- every row counts, to the last: what served has the metrics that it has on just these rows
CREATE TABLE train_rows AS SELECT abs(hashint4(i)) % 100 AS a, CASE WHEN i % 7 > 0 THEN abs(hashint4(i + 1)) % 100 END AS b,
	'w' || abs(hashint4(i + 2)) % 9 AS word, hashint4(i + 3) / 1e9::float8 AS m,
	(ARRAY['test', 'train', 'train', 'validation', 'train'])[1 + i % 5] AS part, NULL::float8 AS y FROM generate_series(1, 1500) i;
UPDATE train_rows SET y = a + sqrt(coalesce(b, 50)) + ascii(right(word, 1)) * m;
SELECT version FROM mlops.train('train_rows', 'train_rows', 'y', features => '{a,b}', split => 'column', split_column => 'part',
	params => '{"num_boost_round": 20}');
SELECT version FROM mlops.train('train_rows', 'train_rows', 'y', features => '{a,word}', split => 'column', split_column => 'part',
	params => '{"num_boost_round": 10}', deploy => 'if_better');
SELECT count(*), bool_and(abs(m.value - e.value) < 1e-12 * (1 + abs(e.value))) AS same
FROM mlops.metrics m JOIN mlops.evaluate('train_rows/1', $$SELECT * FROM train_rows WHERE part = 'test'$$, 'y') e ON e.metric = m.name
WHERE m.model = 'train_rows' AND m.version = 2 AND m.split = 'champion';
-- and what is predicted without base margins is the baseline
SELECT version FROM mlops.train('train_rows', 'train_rows', 'y', features => '{a,b,word}', split => 'column', split_column => 'part',
	base_margin => 'm', params => '{"num_boost_round": 20}');
SELECT n, b.min = p.min AS min, b.max = p.max AS max, abs(b.mean - p.avg) < 1e-9 AS mean, abs(b.stddev - p.stddev) < 1e-6 AS stddev
FROM mlops.baselines b, (SELECT min(p), max(p), avg(p), stddev_pop(p) AS stddev
	FROM (SELECT mlops.predict('train_rows/3', t) AS p FROM train_rows t WHERE part <> 'train') s) p
WHERE b.model = 'train_rows' AND b.version = 3 AND b.kind = 'prediction';
SELECT mlops.drop_model('train_rows');
DROP TABLE train_rows;

-- a transaction that is rolled back leaves nothing
RESET client_min_messages;
BEGIN;
SELECT version, deployed FROM mlops.train('train_m', 'train_data', 'flag', features => 'a', task => 'binary');
SELECT count(mlops.predict('train_m', t)) FROM train_data t;
ROLLBACK;
SELECT count(*) FROM mlops.models WHERE model = 'train_m';
SELECT count(*) FROM mlops.runs WHERE model = 'train_m' AND version IS NOT NULL;
SELECT try('SELECT mlops.classes(''train_m'')');
BEGIN;
SELECT version FROM mlops.train('train_m', 'train_data', 'flag', features => 'a', task => 'binary');
SAVEPOINT s;
SELECT version FROM mlops.train('train_m', 'train_data', 'flag', features => 'b', task => 'binary', deploy => true);
SELECT serving, versions FROM mlops.models WHERE model = 'train_m';
ROLLBACK TO s;
SELECT serving, versions FROM mlops.models WHERE model = 'train_m';
SELECT version FROM mlops.train('train_m', 'train_data', 'flag', features => 'a', task => 'binary');
COMMIT;
SELECT serving, versions, latest FROM mlops.models WHERE model = 'train_m';
SELECT mlops.drop_model('train_m');
SET client_min_messages = error;

-- rows that the transaction itself has written are read
BEGIN;
CREATE TABLE train_new AS SELECT i AS a, i > 50 AS y FROM generate_series(1, 100) i;
SELECT rows_train + rows_validation + rows_test AS rows FROM mlops.train('train_m', 'train_new', 'y');
INSERT INTO train_new SELECT i, i > 50 FROM generate_series(1, 100) i;
SELECT rows_train + rows_validation + rows_test AS rows FROM mlops.train('train_m', 'train_new', 'y');
ROLLBACK;

-- real data
\getenv abs_srcdir PG_ABS_SRCDIR
CREATE TABLE iris (sepal_length float8, sepal_width float8,
	petal_length float8, petal_width float8, species text);
\set command '\\copy iris FROM PROGRAM ''gunzip -c ' :abs_srcdir '/data/iris.csv.gz'' WITH (FORMAT csv, HEADER)'
:command
SELECT task, rows_train + rows_validation + rows_test AS rows,
	   (metrics #>> '{test,accuracy}')::float8 > 0.85 AS good
FROM mlops.train('iris', 'iris', 'species');
SELECT mlops.classes('iris');
SELECT count(*) FILTER (WHERE mlops.predict_label('iris', i) = species) > 140 AS good FROM iris i;
SELECT mlops.drop_model('iris');

DROP TABLE iris, "Träin Data", train_null, train_parts;
DROP MATERIALIZED VIEW train_mat;
DROP VIEW train_view;
DROP FUNCTION train_short, train_columns, train_split;
DROP TABLE train_data, train_temp;
DROP DOMAIN train_number;
DROP TYPE train_size;
