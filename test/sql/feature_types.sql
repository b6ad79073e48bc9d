-- Columns of every type: the features that they become, in training and in
-- prediction, held against what SQL computes from them.
SET client_min_messages = error;
SET timezone = 'Europe/Berlin';
CREATE DOMAIN ft_vector AS real[] CHECK (cardinality(VALUE) = 3);
CREATE DOMAIN ft_score AS float8;
CREATE DOMAIN ft_span AS daterange;
CREATE TYPE ft_floatrange AS RANGE (subtype = float8);
CREATE TYPE ft_textrange AS RANGE (subtype = text);
CREATE TYPE ft_pair AS (a integer, b float8);

CREATE TABLE ft AS
SELECT i AS id, i * 37 % 101 + (i * 53 % 89) / 8.0 AS y,
	   i * 37 % 101 AS a,
	   CASE WHEN i % 7 > 0 THEN (i * 53 % 89) / 8.0 - 3 END AS b,
	   CASE WHEN i % 13 = 0 THEN 'NaN' ELSE (i * 29 % 61) / 16.0 END::float8 AS c,
	   i % 11 = 0 AS gap,
	   CASE WHEN i % 19 > 0 THEN
			 make_interval(months => i % 31 - 9, days => i * 7 % 45 - 11, secs => i * 3.25) END AS span,
	   CASE WHEN i % 17 > 0 THEN
			 time '00:00' + i * interval '433.25 seconds' END AS at_time,
	   timetz '00:00' + i * interval '433.25 seconds' AS at_timetz,
	   CASE WHEN i % 2 = 0 THEN format('%s.%s.%s.%s/%s', i % 224, i % 7, i * 11 % 256, i % 5, i % 33)
			ELSE format('2001:db8:%s::%s/%s', to_hex(i % 512), i % 10, 128 - i % 100) END::inet AS ip,
	   substr(md5(i::text), 1, 12) AS hex,
	   CASE WHEN i % 9 = 0 THEN 'empty' WHEN i % 8 = 0 THEN int8range(NULL, i)
			WHEN i % 5 = 0 THEN int8range(i % 50, NULL)
			ELSE int8range(i % 50, i % 50 + i * 7 % 90, '[]') END AS r8,
	   CASE WHEN i % 9 = 0 THEN 'empty'
			ELSE numrange(i % 50 / 4.0, i % 50 / 4.0 + i * 7 % 90, '(]') END AS rn,
	   CASE WHEN i % 9 = 0 THEN 'empty' WHEN i % 8 = 0 THEN daterange('-infinity', date '2024-03-01' + i)
			WHEN i % 5 = 0 THEN daterange(date '2024-03-01' + i, NULL)
			ELSE daterange(date '2023-03-01' + i, date '2023-04-01' + i * 2, '[]') END AS rd,
	   CASE WHEN i % 9 = 0 THEN 'empty' WHEN i % 8 = 0 THEN tsrange(timestamp '2024-03-01' + i * interval '7.3 hours', 'infinity')
			ELSE tsrange(timestamp '1995-03-01' + i * interval '7.3 hours', timestamp '2025-03-01' + i * interval '17.3 hours') END AS rt,
	   tstzrange(timestamp '2023-03-26' + i * interval '4.1 hours', timestamp '2023-10-28' + i * interval '13.7 hours') AS rz,
	   (md5((i % 23)::text))::uuid AS u
FROM generate_series(1, 400) i;

-- Trains on a column and on what SQL makes of it.  Equal fingerprints mean
-- that all features of all rows are the same float4; then both versions
-- predict every row, the first under another time zone.
CREATE FUNCTION ft_same(typed text, scalars text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	q1 text := format('SELECT y, %s FROM ft', typed);
	q2 text := format('SELECT y, %s FROM ft', scalars);
	same boolean; names text; p1 float8[]; p2 float8[];
BEGIN
	PERFORM mlops.train('ft_a', q1, 'y', params => '{"num_boost_round": 5}');
	PERFORM mlops.train('ft_b', q2, 'y', params => '{"num_boost_round": 5}');
	SELECT count(DISTINCT fingerprint_ordered) = 1 INTO same
	FROM (SELECT * FROM mlops.runs ORDER BY run_id DESC LIMIT 2) r;
	SELECT string_agg(feature, ' ' ORDER BY n) INTO names
	FROM mlops.version v, jsonb_array_elements(v.signature -> 'inputs') i,
		jsonb_array_elements_text(i -> 'features') WITH ORDINALITY f(feature, n)
	WHERE v.model_id = (SELECT model_id FROM mlops.model WHERE name = 'ft_a');
	EXECUTE format('SELECT array_agg(mlops.predict(''ft_b'', s)) FROM (%s) s', q2) INTO p2;
	PERFORM set_config('timezone', 'Asia/Kolkata', false);
	EXECUTE format('SELECT array_agg(mlops.predict(''ft_a'', s)) FROM (%s) s', q1) INTO p1;
	PERFORM set_config('timezone', 'Europe/Berlin', false);
	PERFORM mlops.drop_model('ft_a');
	PERFORM mlops.drop_model('ft_b');
	RETURN format('%s, %s of %s predictions equal, %s different ones: %s',
		CASE WHEN same THEN 'same' ELSE 'OTHER' END,
		(SELECT count(*) FROM unnest(p1, p2) u(x, y) WHERE x = y),
		cardinality(p2), (SELECT count(DISTINCT x) > 3 FROM unnest(p1) x), names);
END $$;

-- arrays: a feature for each element
SELECT typed, ft_same(typed, scalars) FROM (VALUES
	('CASE WHEN NOT gap THEN ARRAY[a, b, c]::real[] END AS v',
	 'CASE WHEN NOT gap THEN a END a, CASE WHEN NOT gap THEN b::real END b, CASE WHEN NOT gap THEN c::real END c'),
	('CASE WHEN NOT gap THEN ARRAY[a, b, c]::float8[] END AS v',
	 'CASE WHEN NOT gap THEN a END a, CASE WHEN NOT gap THEN b END b, CASE WHEN NOT gap THEN c END c'),
	('ARRAY[a, id * 0.001, id]::float8[] AS v', 'a, (id * 0.001)::float8 AS b, id'),
	('ARRAY[a, b, c]::numeric[] AS v', 'a, b, c'),
	('ARRAY[a, id, NULL]::int2[] AS v', 'a, id, NULL::real AS n'),
	('ARRAY[a, NULL, id]::int4[] AS v', 'a, NULL::real AS n, id'),
	('ARRAY[a, id]::int8[] AS v', 'a, id'),
	('ARRAY[a, b, c]::ft_vector AS v', 'a, b::real, c::real'),
	('ARRAY[a, b, c]::ft_score[] AS v', 'a, b::float8, c'),
	('ARRAY[gap, a > 50, NULL] AS v', 'gap, a > 50 AS b, NULL::bool AS n'),
	('a::bit(7) AS v', '(a / 64) % 2 AS a1, (a / 32) % 2 AS a2, (a / 16) % 2 AS a3, (a / 8) % 2 AS a4, (a / 4) % 2 AS a5, (a / 2) % 2 AS a6, a % 2 AS a7'),
	('a::bit(12)::varbit AS v', '0 AS a0, 0 AS a1, 0 AS a2, 0 AS a3, 0 AS a4, (a / 64) % 2 AS a5, (a / 32) % 2 AS a6, (a / 16) % 2 AS a7, (a / 8) % 2 AS a8, (a / 4) % 2 AS a9, (a / 2) % 2 AS a10, a % 2 AS a11'),
	-- several of them, among other columns
	('a, ARRAY[c] AS v, id, ARRAY[b, a] AS w', 'a, c, id, b, a AS d')) t(typed, scalars);

-- times, intervals, addresses, ranges, uuid: their parts
SELECT typed, ft_same(typed, scalars) FROM (VALUES
	('span', 'extract(year FROM span) * 360 * 86400 + extract(month FROM span) * 30 * 86400
		+ extract(day FROM span) * 86400 + extract(hour FROM span) * 3600
		+ extract(minute FROM span) * 60 + extract(second FROM span) AS span'),
	('at_time', 'extract(epoch FROM at_time) / 3600 AS h, extract(minute FROM at_time) AS m'),
	('at_timetz', 'extract(epoch FROM at_timetz::time) / 3600 AS h, extract(minute FROM at_timetz) AS m,
		extract(timezone FROM at_timetz) / 3600 AS z'),
	('(at_timetz AT TIME ZONE interval ''-03:30'') AS t',
	 'extract(epoch FROM (at_timetz AT TIME ZONE interval ''-03:30'')::time) / 3600 AS h,
		extract(minute FROM (at_timetz AT TIME ZONE interval ''-03:30'')) AS m, -3.5 AS z'),
	('ip', 'family(ip) AS f, masklen(ip) AS m, get_byte(inet_send(ip), 4) AS o1, get_byte(inet_send(ip), 5) AS o2,
		get_byte(inet_send(ip), 6) AS o3, get_byte(inet_send(ip), 7) AS o4'),
	('network(ip) AS net', 'family(ip) AS f, masklen(ip) AS m, get_byte(inet_send(network(ip)), 4) AS o1,
		get_byte(inet_send(network(ip)), 5) AS o2, get_byte(inet_send(network(ip)), 6) AS o3,
		get_byte(inet_send(network(ip)), 7) AS o4'),
	('hex::macaddr AS mac', 'get_byte(decode(hex, ''hex''), 0) AS o1, get_byte(decode(hex, ''hex''), 1) AS o2,
		get_byte(decode(hex, ''hex''), 2) AS o3, get_byte(decode(hex, ''hex''), 0) / 2 % 2 AS l'),
	('(hex || ''0000'')::macaddr8 AS mac', 'get_byte(decode(hex, ''hex''), 0) AS o1, get_byte(decode(hex, ''hex''), 1) AS o2,
		get_byte(decode(hex, ''hex''), 2) AS o3, get_byte(decode(hex, ''hex''), 0) / 2 % 2 AS l'),
	('r8', 'lower(r8) AS l, upper(r8) AS u, upper(r8) - lower(r8) AS w'),
	('int4range(lower(r8)::int, upper(r8)::int) AS r', 'lower(r8) AS l, upper(r8) AS u, upper(r8) - lower(r8) AS w'),
	('rn', 'lower(rn) AS l, upper(rn) AS u, upper(rn) - lower(rn) AS w'),
	('ft_floatrange(a, a + b * b) AS r',
	 'CASE WHEN b IS NULL OR b <> 0 THEN a END AS a, CASE WHEN b <> 0 THEN a + b::float8 * b::float8 END AS u,
		CASE WHEN b <> 0 THEN a + b::float8 * b::float8 - a END AS w'),
	('u', 'u::text')) t(typed, scalars);

-- ranges of dates and timestamps: the parts of both bounds, and the width
CREATE FUNCTION ft_parts(x text, name text, with_hour boolean) RETURNS text
LANGUAGE sql AS $$
SELECT string_agg(format('CASE WHEN isfinite(%s) THEN %s END AS %s%s', x,
	replace(part, 'X', x), name, n), ', ' ORDER BY n)
FROM unnest(ARRAY['extract(hour FROM X) + extract(minute FROM X) / 60',
	'extract(isodow FROM X)', 'extract(day FROM X)', 'extract(doy FROM X)',
	'extract(month FROM X)']) WITH ORDINALITY p(part, n)
WHERE with_hour OR n > 1
$$;
SELECT typed, ft_same(typed, concat_ws(', ', ft_parts('lower' || x, 'l', with_hour),
	ft_parts('upper' || x, 'u', with_hour),
	format('CASE WHEN isfinite(lower%1$s) AND isfinite(upper%1$s) THEN ' || width || ' END AS w', x)))
FROM (VALUES ('rd', '(rd)', false, 'upper%1$s - lower%1$s'),
	('rd::ft_span AS rd', '(rd)', false, 'upper%1$s - lower%1$s'),
	('rt', '(rt)', true, 'extract(epoch FROM upper%1$s - lower%1$s)'),
	('rz', '(rz)', true, 'extract(epoch FROM upper%1$s - lower%1$s)')) t(typed, x, with_hour, width);

-- All of them at once, as a row, as JSON and in reasons.
CREATE VIEW ft_all AS
SELECT id, y, gap, ARRAY[a, b, c]::real[] AS v1, ARRAY[a, b, c]::float8[] AS v2, ARRAY[b, c]::numeric[] AS v3,
	   ARRAY[gap, NULL] AS v4, ARRAY[c] AS v5, a::bit(7) AS b1, a::bit(7)::varbit AS b2, span, at_time, at_timetz,
	   ip, network(ip) AS net, hex::macaddr AS mac, (hex || '0000')::macaddr8 AS mac8, r8, rn,
	   ft_floatrange(a, a + b * b) AS rf, rd, rt, rz, u
FROM ft;
SELECT version FROM mlops.train('ft_all', 'ft_all', 'y', exclude => 'id');
SELECT count(*), count(*) FILTER (WHERE mlops.predict_json('ft_all', to_jsonb(t)) IS DISTINCT FROM mlops.predict('ft_all', t)) AS different
FROM ft_all t;
SELECT count(*), count(*) FILTER (WHERE abs(s - mlops.predict('ft_all', t)) > 1e-4) AS different
FROM ft_all t, LATERAL (SELECT sum(contribution) FROM mlops.explain('ft_all', t)) e(s) WHERE id <= 50;
SELECT e.feature, e.value FROM ft_all t, mlops.explain('ft_all', t) e
WHERE id = 5 AND feature ~ 'v1|v5|span|rz.lower|ip|^u' ORDER BY feature COLLATE "C";
SELECT metric, value IS NOT NULL AS there FROM mlops.evaluate('ft_all', 'ft_all');
SELECT mlops.drop_model('ft_all');
-- numbers in arrays, among other numbers, as one array
SELECT version FROM mlops.train('ft_all', 'SELECT y, id, ARRAY[a, b]::real[] AS v, gap FROM ft', 'y');
SELECT count(*), count(*) FILTER (WHERE mlops.predict_array('ft_all', ARRAY[id, a, b, gap::integer]::real[]) IS DISTINCT FROM
	mlops.predict('ft_all', t)) AS different
FROM (SELECT y, id, ARRAY[a, b]::real[] AS v, gap, a, b FROM ft) t;
SELECT mlops.drop_model('ft_all');

-- What prediction takes for what was trained on.
CREATE FUNCTION ft_stands(trained text, given text[])
RETURNS TABLE (given_ text, result text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM mlops.train('ft_s', format('SELECT y, %s AS x FROM ft', trained), 'y',
		params => '{"num_boost_round": 3}');
	RETURN QUERY SELECT g, try(format('SELECT count(mlops.predict(''ft_s'', s)) FROM (SELECT %s AS x, a FROM ft) s', g))
	FROM unnest(given) g;
	PERFORM mlops.drop_model('ft_s');
END $$;
SELECT t.trained, s.* FROM (VALUES
	('ARRAY[a, id]', ARRAY['ARRAY[a, id]::numeric[]', 'ARRAY[a, id]::real[]', 'NULL::int2[]', 'ARRAY[gap, gap]', 'a',
		'ARRAY[a]', 'ARRAY[a, id, id]', '''{}''::real[]', 'ARRAY[ARRAY[a, id]]', '''[0:1]={1,2}''::int[]',
		'''{1,inf}''::float8[]', 'ARRAY[1e300, -1e300]', '''{1,2}''']),
	('ARRAY[gap, NOT gap]', ARRAY['B''10''', 'B''1''::varbit', 'ARRAY[a, id]', 'NULL::bool[]']),
	('span', ARRAY['a', 'at_time', '''1 day''', 'NULL::interval']),
	('at_time', ARRAY['at_timetz', 'timestamp ''2024-01-01''', 'time ''24:00''']),
	('ip', ARRAY['network(ip)', 'host(ip)', 'NULL::cidr']),
	('macaddr ''08:00:2b:01:02:03''', ARRAY['macaddr8 ''08:00:2b:01:02:03:04:05''', '''x''']),
	('r8', ARRAY['int4range(a, a + 1)', 'rn', 'int8range(NULL, NULL)', '''(1,2)''', 'a']),
	('rn', ARRAY['ft_floatrange(1, ''inf'')', 'r8', 'rd']),
	('rt', ARRAY['rd', 'tstzrange(lower(rt), upper(rt))', 'tsrange(''-infinity'', ''infinity'')']),
	('u', ARRAY['u::text', 'upper(u::text)', 'a', 'NULL::uuid', 'gen_random_uuid()'])) t(trained, given),
	ft_stands(trained, given) s;

-- What training refuses.
SELECT x, try(format('SELECT version FROM mlops.train(''ft_e'', %L, ''y'')', 'SELECT y, a, ' || x || ' FROM ft'))
FROM (VALUES ('CASE WHEN id = 300 THEN ARRAY[a] ELSE ARRAY[a, id] END AS v'),
	('CASE WHEN id = 300 THEN ARRAY[[a], [id]] ELSE ARRAY[a, id] END AS v'),
	('CASE WHEN id = 300 THEN ''[0:1]={1,2}''::int[] ELSE ARRAY[a, id] END AS v'),
	('CASE WHEN id = 300 THEN ''{}'' ELSE ARRAY[a, id] END AS v'),
	('CASE WHEN id = 300 THEN B''101''::varbit ELSE B''10'' END AS v'),
	('NULL::real[] AS v'), ('ARRAY[]::real[] AS v'), ('ARRAY[a] AS v, CASE WHEN id > 1 THEN ARRAY[a] ELSE ''{}'' END AS w'),
	('array_fill(a, ARRAY[20000]) AS v'), ('ARRAY[a] AS v, array_fill(a, ARRAY[16384]) AS w'),
	('CASE WHEN id = 300 THEN ARRAY[a, ''infinity''] ELSE ARRAY[a, id]::float8[] END AS v'),
	('CASE WHEN id = 300 THEN ARRAY[a, 1e39] ELSE ARRAY[a, id]::numeric[] END AS v'),
	('numrange(a, CASE WHEN id = 300 THEN 1e39 ELSE 1000 END) AS "the range"'),
	('ft_floatrange(a, ''infinity'') AS r'), ('CASE WHEN id = 300 THEN 1e39 ELSE a END AS n'),
	('ARRAY[a] AS v, id AS "v[1]"'), ('r8, id AS "r8.width"'),
	('''{}''::jsonb AS "a doc"'), ('''{}''::json AS doc'), ('ROW(1, 2)::ft_pair AS pair'), ('ft'),
	('''<a/>''::xml AS x'), ('''\x00''::bytea AS b'), ('to_tsvector(''x'') AS "größe"'),
	('point(1, 2) AS p'), ('''(1,2),(2,3),(1,1)''::polygon AS p'), ('1::money AS m'), ('1::oid AS o'),
	('''pg_class''::regclass AS c'), ('''0/1''::pg_lsn AS l'), ('ARRAY[u] AS u'), ('ARRAY[''x''] AS u'),
	('''{}''::int4multirange AS m'), ('ft_textrange(''a'', ''b'') AS r')) t(x);
SELECT count(*) FROM mlops.models WHERE model = 'ft_e';
-- a row whose target is NULL does not say how long arrays are
SELECT rows_train
FROM mlops.train('ft_n', 'SELECT CASE WHEN id > 9 THEN y END AS y,
		CASE WHEN id > 9 THEN ARRAY[a] ELSE ARRAY[a, a] END AS v FROM ft', 'y',
		validation => 0, test => 0, params => '{"num_boost_round": 3}');
SELECT mlops.drop_model('ft_n');

-- A signature that was tampered with is refused.
CREATE FUNCTION ft_tamper(path text[], content jsonb) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	PERFORM mlops.train('ft_t', 'SELECT y, ARRAY[a, id] AS v, rd FROM ft', 'y',
		params => '{"num_boost_round": 3}');
	UPDATE mlops.version SET signature = jsonb_set(signature, path, content)
	WHERE model_id = (SELECT model_id FROM mlops.model WHERE name = 'ft_t');
	result := try('SELECT mlops.predict(''ft_t'', s) IS NOT NULL FROM (SELECT ARRAY[1, 2] AS v, daterange(NULL, NULL) AS rd) s');
	PERFORM mlops.drop_model('ft_t');
	RETURN regexp_replace(result, 'id \d+', 'id');
END $$;
SELECT path, content, ft_tamper(path::text[], content::jsonb)
FROM (VALUES ('{format}', '1'), ('{inputs,0,features}', '[]'),
	('{inputs,0,features}', '["v[1]"]'), ('{inputs,0,features}', '["v[1]", "v[3]"]'),
	('{inputs,0,features}', '{}'), ('{inputs,0,kind}', '"vector"'), ('{inputs,0,kind}', '"number"'),
	('{inputs,0,kind}', '"bits"'), ('{inputs,1,kind}', '"tsrange"'),
	('{inputs,1,kind}', '"tstzrange"'), ('{inputs,0,length}', '2')) t(path, content);

-- Names that need quotes, dropped, generated and identity columns.
CREATE TABLE "ft Größe" (gone1 text, "Länge [cm]" real[], "a ""b""" integer,
	gone2 jsonb, "select" interval, "名前" text,
	number bigint GENERATED BY DEFAULT AS IDENTITY,
	twice integer GENERATED ALWAYS AS ("a ""b""" * 2) STORED, "Y'" float8);
INSERT INTO "ft Größe" (gone1, "Länge [cm]", "a ""b""", gone2, "select", "名前", "Y'")
SELECT 'x', ARRAY[a, b], a, '{}', span, 'n' || a % 5, y FROM ft;
ALTER TABLE "ft Größe" DROP gone1, DROP gone2;
SELECT task, rows_train + rows_validation + rows_test AS rows
FROM mlops.train('ft_g', '"ft Größe"', 'Y''', params => '{"num_boost_round": 5}');
SELECT feature FROM mlops.baselines
WHERE model = 'ft_g' AND kind <> 'prediction' ORDER BY feature COLLATE "C";
SELECT count(mlops.predict('ft_g', t)), count(DISTINCT mlops.predict('ft_g', t)) > 10 AS distinct
FROM "ft Größe" t;
SELECT mlops.drop_model('ft_g');

-- 1,600 columns of a table, and 1,664 of a query.
DO $$ BEGIN EXECUTE (SELECT format('CREATE TABLE ft_wide (y integer, %s)', string_agg(format('%I %s', 'column ' || i,
	(ARRAY['bit(1)', '"char"', 'bool', 'int2'])[1 + i % 4]), ', ' ORDER BY i))
FROM generate_series(2, 1600) i);
EXECUTE (SELECT format('INSERT INTO ft_wide SELECT i, %s FROM generate_series(1, 60) i', string_agg(format((ARRAY[
	'(i / %s %% 2)::bit', '(i %% (%s %% 7 + 1))::text::"char"', 'i %% %s < 9', 'i * %s %% 91'])[1 + c % 4], c), ', ' ORDER BY c))
FROM generate_series(2, 1600) c);
END $$;
SELECT rows_train + rows_validation + rows_test AS rows
FROM mlops.train('ft_w', 'ft_wide', 'y', params => '{"num_boost_round": 3}', task => 'regression');
SELECT count(*) FROM mlops.baselines WHERE model = 'ft_w' AND kind <> 'prediction';
SELECT count(mlops.predict('ft_w', t)), count(mlops.predict('ft_w', r))
FROM ft_wide t, LATERAL (SELECT t.*) r;
SELECT format('SELECT t.*, %s FROM ft_wide t', string_agg(format('t.y * %s AS z%s', i, i), ', ')) AS query
FROM generate_series(1, 64) i \gset
SELECT rows_train + rows_validation + rows_test AS rows
FROM mlops.train('ft_q', :'query', 'y', params => '{"num_boost_round": 3}', task => 'regression');
SELECT count(*) FROM mlops.baselines WHERE model = 'ft_q' AND kind <> 'prediction';
SELECT count(mlops.predict('ft_q', s)) FROM (:query) s;
-- an array of as many numbers as there may be features
SELECT rows_train + rows_validation + rows_test AS rows
FROM mlops.train('ft_v', 'SELECT y, array_fill(a, ARRAY[16384]) AS v FROM ft LIMIT 50', 'y',
	validation => 0, params => '{"num_boost_round": 2}');
SELECT count(mlops.predict('ft_v', s)) FROM (SELECT array_fill(a, ARRAY[16384])::real[] AS v, a FROM ft LIMIT 5) s;
SELECT mlops.drop_model(m) FROM unnest(ARRAY['ft_w', 'ft_q', 'ft_v']) m;

-- the example of docs/reference.md
CREATE TABLE reading (
	sensor macaddr, valid tstzrange, took interval, spectrum real[], failed boolean);
INSERT INTO reading
SELECT ('08:00:2b:00:00:' || lpad(to_hex(i % 8), 2, '0'))::macaddr,
	   tstzrange('2024-05-01Z'::timestamptz + i * interval '1 hour', NULL),
	   i % 50 * interval '1 second', ARRAY[i % 7, i % 11, i % 13], i % 50 > 40
FROM generate_series(1, 500) i;
SELECT task, version
FROM mlops.train('reading', 'reading', 'failed', params => '{"num_boost_round": 5}');
SELECT feature FROM mlops.baselines
WHERE model = 'reading' AND feature ~ 'took|spectrum' ORDER BY feature;
SELECT mlops.predict('reading', r) > 0.5 AS failed
FROM reading r WHERE took = '45 seconds' LIMIT 1;
SELECT mlops.drop_model('reading');

DROP VIEW ft_all;
DROP TABLE reading, ft, ft_wide, "ft Größe";
DROP FUNCTION ft_same, ft_parts, ft_stands, ft_tamper;
DROP TYPE ft_vector, ft_score, ft_span, ft_floatrange, ft_textrange, ft_pair;
RESET timezone;
