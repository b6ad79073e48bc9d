-- Charts: every kind of every kind of model, refusals, rights, hostile text.
-- How they look is tested in a browser, by test/t/010_plot.pl.
SET client_min_messages = warning;

-- the examples of docs/reference.md
CREATE TABLE house AS
SELECT i AS id,
       40 + (i * 37) % 120 AS area,
       CASE WHEN i % 11 <> 0 THEN 1 + i % 5 END AS rooms,
       (ARRAY['north', 'south', 'west'])[1 + i % 3] AS district,
       timestamp '2024-01-01' + i * interval '7 hours' AS sold_at,
       (2.5 * (40 + (i * 37) % 120) + 60 * (i % 3))::numeric AS price
FROM generate_series(1, 1000) i;
SELECT version FROM mlops.train('house_price', 'house', target => 'price',
                 key => 'id', exclude => 'sold_at',
                 params => '{"max_depth": 4}');
SELECT version FROM mlops.train('expensive',
                 'SELECT area, rooms, sold_at, price > 250 AS expensive FROM house',
                 target => 'expensive', event_time => 'sold_at');
SELECT mlops.plot('expensive', 'roc', 'house', target => 'price > 250') LIKE '<svg %</svg>%' AS drawn;
SELECT mlops.plot('house_price', 'partial_dependence', 'house', feature => 'area',
                  title => 'What does space cost?') LIKE '%What does space cost?%' AS drawn;
SELECT mlops.plot_reasons('house_price', h) LIKE '%area = 151%' AS drawn
FROM house h WHERE id = 3;
SELECT mlops.draw(jsonb_build_object(
         'title', 'Sales',
         'x', jsonb_build_object('label', 'Week'),
         'y', jsonb_build_object('label', 'Houses', 'min', 0),
         'series', jsonb_build_array(jsonb_build_object(
           'type', 'bars', 'x', jsonb_agg(week), 'y', jsonb_agg(n)))))
       LIKE '%Houses by Week%' AS drawn
FROM (SELECT date_trunc('week', sold_at)::date AS week, count(*) AS n
      FROM house WHERE sold_at < '2024-03-01' GROUP BY 1 ORDER BY 1) s;
SELECT district, round(avg(price)) AS price, mlops.bar(avg(price)::float8, 500, 20)
FROM house GROUP BY district ORDER BY district;

-- other models
CREATE TABLE flat AS
SELECT i AS id, 40 + i * 37 % 120 AS area, 1 + i * 7 % 5 AS rooms,
	   CASE WHEN i % 10 > 0 THEN (ARRAY['north', 'south', 'west'])[1 + i % 3] END AS district,
	   1 + i * 13 % 4 AS weight, 2.5 * (40 + i * 37 % 120) + 60 * (i % 3) + i * 31 % 101 AS price
FROM generate_series(1, 1200) i;
CREATE VIEW flat_sizes AS SELECT *, CASE WHEN area < 70 THEN 'small' WHEN area < 120 THEN 'middle' ELSE 'large' END AS size FROM flat;
SELECT version FROM mlops.train('flat_size', 'SELECT price, rooms, district, size FROM flat_sizes', 'size', params => '{"num_boost_round": 20, "eval_metric": ["merror", "mlogloss"]}');
SELECT version FROM mlops.train('line', 'SELECT area, rooms, price FROM flat', 'price', params => '{"booster": "gblinear"}');
SELECT version FROM mlops.train('times', 'SELECT area, rooms, price FROM flat', 'price', task => 'survival');
SELECT version FROM mlops.train('ranks', 'SELECT area, rooms, weight AS grade, id / 10 AS q FROM flat', 'grade', task => 'ranking', query_group => 'q');
SELECT version FROM mlops.import_model('imported', mlops.export_model('line', 'json'));

-- every kind of every model: well-formed, and titled with the version
CREATE TABLE drawn AS
SELECT model, kind, svg FROM (
	SELECT model, kind, mlops.plot(model, kind, source, target, feature, label, weight) AS svg
	FROM (VALUES ('expensive', 'house', 'price > 250', 'area', NULL, NULL),
				 ('flat_size', 'flat_sizes', NULL, 'district', 'small', 'weight'),
				 ('house_price', 'house', NULL, 'district', NULL, NULL),
				 ('line', 'flat', NULL, 'area', NULL, NULL),
				 ('times', 'flat', NULL, 'rooms', NULL, NULL),
				 ('ranks', 'flat', 'weight', 'rooms', NULL, NULL)) m(model, source, target, feature, label, weight),
		 unnest('{roc,pr,lift,calibration,confusion,importance,partial_dependence}'::text[]) WITH ORDINALITY k(kind, place)
	WHERE k.place > 5 OR m.model IN ('expensive', 'flat_size')
	UNION ALL SELECT model, 'learning_curve', mlops.plot(model, 'learning_curve') FROM unnest('{expensive,flat_size,house_price,line,times,ranks}'::text[]) model
	UNION ALL SELECT 'flat_size', 'roc of all', mlops.plot('flat_size', 'roc', 'flat_sizes')
	UNION ALL SELECT 'flat_size', 'pr of all', mlops.plot('flat_size', 'pr', 'flat_sizes')
	UNION ALL SELECT 'imported', 'importance', mlops.plot('imported', 'importance')) s;
SELECT kind, model, xmlparse(document svg) IS DOCUMENT AS xml,
	   xpath('count(//*[local-name() = "title"]) > 0', svg::xml) AS title,
	   (xpath('string(/*/*[local-name() = "title"])', svg::xml))[1] AS name,
	   svg LIKE '<svg xmlns="http://www.w3.org/2000/svg" %role="img" aria-label=%' AS labelled,
	   svg !~ '[^[:ascii:]]' AS ascii, svg !~ '(NaN|nan|inf)' AS numbers
FROM drawn ORDER BY kind, model COLLATE "C";
-- the same call gives the same bytes
SELECT mlops.plot('expensive', 'roc', 'house', 'price > 250') = (SELECT svg FROM drawn WHERE kind = 'roc' AND model = 'expensive') AS same;
-- what legends and subtitles say is what evaluation says
SELECT svg LIKE '%AUC ' || round(value::numeric, 3) || ' (95 %: ' || round(ci_low::numeric, 3) || ' to ' || round(ci_high::numeric, 3) || ')<%' AS auc,
	   svg LIKE '%>1,000 rows, class true of price &gt; 250<%' AS subtitle
FROM drawn, mlops.evaluate('expensive', 'house', 'price > 250') e
WHERE kind = 'roc' AND model = 'expensive' AND metric = 'roc_auc';
-- of several classes one against the rest, by the definition of the area
SELECT c AS class, svg LIKE '%>' || c || ': AUC ' || round(mlops.roc_auc(size = c, p)::numeric, 3) || '<%' AS area
FROM drawn, unnest('{large,middle,small}'::text[]) c, LATERAL (SELECT size, mlops.predict_proba('flat_size', f, c) AS p FROM flat_sizes f) f
WHERE kind = 'roc of all' GROUP BY c, svg ORDER BY c;
SELECT kind, svg LIKE '%' || legend || '%' AS there
FROM drawn, (VALUES ('learning_curve', '>train<'), ('learning_curve', '>validation<'), ('learning_curve', '>mlogloss<'), ('importance', '>3 features<')) l(k, legend)
WHERE model = 'flat_size' AND kind = k ORDER BY kind, legend;
SELECT mlops.plot('flat_size', 'learning_curve', label => 'merror') LIKE '%merror after each%' AS chosen;
-- as many bars, points and cells as there are rows to draw
SELECT kind, model, regexp_count(svg, '<rect class="fill bar"') AS bars, regexp_count(svg, '<circle') AS circles, regexp_count(svg, '<rect class="fill cell"') AS cells
FROM drawn WHERE (kind, model) IN (('lift', 'expensive'), ('confusion', 'flat_size'), ('importance', 'house_price'), ('partial_dependence', 'house_price')) ORDER BY 1, 2;

-- reasons: steps lead from the bias to the margin
SELECT mlops.plot_reasons('expensive', h) LIKE '%>on average ' || b.average || '<%' AS bias,
	   mlops.plot_reasons('expensive', h) LIKE '%>this row ' || b.margin || '<%' AS margin
FROM house h, LATERAL (SELECT mlops._plot_number(max(contribution) FILTER (WHERE feature = '(bias)'), 4) AS average,
							  mlops._plot_number(sum(contribution), 4) AS margin FROM mlops.explain('expensive', h)) b
WHERE id = 3;
SELECT mlops.plot_reasons('flat_size', f, 'small') LIKE '%reasons for class small%' AS class, xmlparse(document mlops.plot_reasons('flat_size', f)) IS DOCUMENT AS xml FROM flat f WHERE id = 10;
SELECT mlops.plot_reasons(NULL, h) IS NULL AS model, mlops.plot_reasons('expensive', NULL) IS NULL AS input FROM house h WHERE id = 3;
\set VERBOSITY terse
SELECT mlops.plot_reasons('expensive', h, 'maybe') FROM house h WHERE id = 3;
SELECT mlops.plot_reasons('nobody', h) FROM house h WHERE id = 3;
SELECT mlops.plot_reasons('house_price', f) FROM (SELECT 1 AS area) f;
-- with more features than bars
SELECT version FROM mlops.train('wide', 'SELECT (SELECT array_agg(sin(i * j)) FROM generate_series(1, 30) j) AS v, i % 7 AS "Ünï <ö> & ""q""", sin(i) + sin(2 * i) + i % 7 AS y FROM generate_series(1, 500) i', 'y');
SELECT s LIKE '%>_ other features<%' OR s LIKE '%>__ other features<%' AS others, regexp_count(s, 'class="fill bar"') AS bars, s LIKE '%>Ünï &lt;ö&gt; &amp; &quot;q&quot; = 3<%' AS name
FROM mlops.plot_reasons('wide', (SELECT r FROM (SELECT (SELECT array_agg(sin(3 * j)) FROM generate_series(1, 30) j) AS v, 3 AS "Ünï <ö> & ""q""") r)) s;
SELECT regexp_count(mlops.plot('wide', 'importance'), 'class="fill bar"') AS bars, mlops.plot('wide', 'importance') LIKE '%>the first 25 of 31 features<%' AS says;

-- a source is found by the caller's search_path, and rows may be few
CREATE SCHEMA other; SET search_path = other, pg_catalog;
CREATE TABLE other.house AS SELECT * FROM public.house WHERE id < 8;
SELECT mlops.plot('expensive', 'lift', 'house', 'price > 250') LIKE '%>7 rows, class true%' AS found;
SET search_path = '';
SELECT mlops.plot('expensive', 'roc', 'SELECT * FROM public.house', 'price > 250') = (SELECT svg FROM public.drawn WHERE kind = 'roc' AND model = 'expensive') AS same;
SELECT mlops.plot_reasons('expensive', h) LIKE '<svg%' AS drawn FROM public.house h WHERE id = 3;
RESET search_path;

\set VERBOSITY default
-- refused
SELECT mlops.plot(NULL, 'roc', 'house');
SELECT mlops.plot('expensive', NULL, 'house');
SELECT mlops.plot('expensive', 'rocs', 'house');
SELECT mlops.plot('expensive', 'violin', 'house');
SELECT mlops.plot('expensive', 'roc');
SELECT mlops.plot('expensive', 'partial_dependence', 'house');
SELECT mlops.plot('expensive', 'partial_dependence', feature => 'area');
SELECT mlops.plot('expensive', 'partial_dependence', 'house', feature => 'nothing');
SELECT mlops.plot('house_price', 'calibration', 'house');
SELECT mlops.plot('imported', 'learning_curve');
SELECT mlops.plot('flat_size', 'learning_curve', label => 'mlogless');
SELECT mlops.plot('flat_size', 'lift', 'flat_sizes');
SELECT mlops.plot('flat_size', 'pr', 'flat_sizes', label => 'tiny');
SELECT mlops.plot('nobody', 'roc', 'house');
SELECT mlops.plot('expensive/7', 'roc', 'house');
SELECT mlops.plot('expensive', 'roc', 'nowhere', 'price > 250');
SELECT mlops.plot('expensive', 'roc', 'SELECT * FROM house WHERE false', 'price > 250');
SELECT mlops.plot('expensive', 'roc', 'SELECT * FROM house WHERE id = 1', 'price > 250');
SELECT mlops.plot('expensive', 'roc', 'house', 'prize > 250');

-- rights: predict draws what rows say, read what training left
CREATE ROLE plot_reader; CREATE ROLE plot_stranger;
GRANT USAGE ON SCHEMA mlops TO plot_reader, plot_stranger;
SELECT mlops.grant_model('expensive', 'plot_reader', 'predict');
GRANT SELECT ON house TO plot_reader;
CREATE TABLE hidden AS TABLE house;
SET ROLE plot_reader;
SELECT mlops.plot('expensive', 'pr', 'house', 'price > 250') LIKE '<svg%' AS drawn;
SELECT mlops.plot_reasons('expensive', h) LIKE '<svg%' AS drawn FROM house h WHERE id = 3;
SELECT mlops.plot('expensive', 'pr', 'hidden', 'price > 250');
SELECT mlops.plot('expensive', 'learning_curve');
SELECT mlops.plot('expensive', 'importance');
SET ROLE plot_stranger;
SELECT mlops.plot('expensive', 'pr', 'house', 'price > 250');
SELECT mlops.draw('{}') LIKE '<svg%' AS draw;
RESET ROLE;

-- draw: nothing, one point, gaps, constants, limits
SELECT mlops.draw(NULL) IS NULL AS none;
SELECT spec, xmlparse(document mlops.draw(spec::jsonb)) IS DOCUMENT AS xml, mlops.draw(spec::jsonb) LIKE '%No data%' AS empty
FROM (VALUES ('{}'), ('{"series": []}'), ('{"series": [{"x": [], "y": []}]}'),
	('{"series": [{"x": [null, "NaN"], "y": [1, 2]}]}'),
	('{"series": [{"x": [1], "y": [2]}]}'),
	('{"series": [{"x": [1, 2, 3], "y": [5, 5, 5]}]}'),
	('{"series": [{"x": [1, 2, 3], "y": [0, "Infinity", 1e999]}]}'),
	('{"series": [{"x": [-1e300, 1e300], "y": [-1e300, 1e300]}]}'),
	('{"series": [{"x": [1e-300, 2e-300], "y": [1e15, 1000000000000001]}]}'),
	('{"x": {"min": 10}, "y": {"max": -10}, "series": [{"x": [1, 2], "y": [3, 4]}]}'),
	('{"x": {"categories": []}, "series": [{"type": "bars", "x": [], "y": []}]}'),
	('{"series": [{"type": "bars", "x": ["a", null], "y": [null, 1]}]}'),
	('{"series": [{"type": "band", "x": [1, 2, 3], "low": [1, null, 1], "high": [2, 2, 2]}]}'),
	('{"width": 200, "height": 200, "title": "t", "series": [{"name": "a", "x": [1], "y": [1]}, {"name": "b", "x": [1], "y": [1]}]}')) s(spec);
SELECT length(svg) < 250000 AS thin, regexp_count(svg, '<circle') AS circles, xmlparse(document svg) IS DOCUMENT AS xml
FROM (SELECT mlops.draw(jsonb_build_object('series', jsonb_build_array(
		jsonb_build_object('x', jsonb_agg(i), 'y', jsonb_agg(CASE WHEN i <> 54321 THEN sin(i) END)),
		jsonb_build_object('type', 'points', 'x', jsonb_agg(i), 'y', jsonb_agg(cos(i)))))) AS svg
	  FROM generate_series(1, 100000) i) s;
-- a peak is not lost by thinning
SELECT svg ~ 'd="[^"]*[L ]58[^0-9]' OR svg ~ ' 24[L"]' OR svg ~ ' 24\.?[0-9]*L' AS peak
FROM (SELECT mlops.draw(jsonb_build_object('series', jsonb_build_array(
		jsonb_build_object('x', jsonb_agg(i), 'y', jsonb_agg(CASE WHEN i = 31234 THEN 100 ELSE 0 END))))) AS svg
	  FROM generate_series(1, 50000) i) s;
-- hostile text stays text
SELECT xmlparse(document svg) IS DOCUMENT AS xml, svg LIKE '%<script%' AS script,
	   svg ~ '[\u0001-\u0008\u000b-\u001f\u202e]' AS controls,
	   (xpath('string(/*/*[local-name() = "title"])', svg::xml))[1] AS title
FROM mlops.draw('{"title": "</svg><script>alert(1)</script>\u0001\u001b\u202e ]]> &amp; \"\u0027",
	"subtitle": "<!-- ", "description": "</desc><script/>",
	"x": {"label": "\" onload=\"alert(1)", "categories": ["<script>", "&lt;", "\uffff\u0085", ""]}, "y": {"label": "<![CDATA["},
	"series": [{"name": "</style><script>", "type": "bars", "x": [1, 2, 3, 4], "y": [1, 2, 3, 4], "labels": ["<", ">", "&", "\u0007"]}]}') svg;
-- refused
SELECT mlops.draw('[]');
SELECT mlops.draw('"x"');
SELECT mlops.draw('{"titel": "x"}');
SELECT mlops.draw('{"x": {"labl": "x"}}');
SELECT mlops.draw('{"x": []}');
SELECT mlops.draw('{"title": {}}');
SELECT mlops.draw('{"width": 10}');
SELECT mlops.draw('{"width": "10"}');
SELECT mlops.draw('{"x": {"min": 2, "max": 1}}');
SELECT mlops.draw('{"series": {}}');
SELECT mlops.draw('{"series": [1]}');
SELECT mlops.draw('{"series": [{"type": "bar", "x": [1], "y": [1]}]}');
SELECT mlops.draw('{"series": [{"type": "pie", "x": [1], "y": [1]}]}');
SELECT mlops.draw('{"series": [{"x": [1, 2], "y": [1]}]}');
SELECT mlops.draw('{"series": [{"x": [1]}]}');
SELECT mlops.draw('{"series": [{"type": "band", "x": [1], "low": [1]}]}');
SELECT mlops.draw('{"series": [{"type": "cells", "x": [1], "y": [1], "shade": [1]}]}');
SELECT mlops.draw('{"series": [{"type": "bars", "x": ["a"], "y": ["b"]}]}');
SELECT mlops.draw('{"series": [{"x": [true], "y": [1]}]}');
SELECT mlops.draw('{"series": [{"x": [1], "y": [1], "low": ["a"]}]}');
SELECT mlops.draw('{"series": [{"x": [1], "y": [1], "color": 9}]}');
SELECT mlops.draw('{"series": [{"x": [1], "y": [1], "labels": [[]]}]}');
SELECT mlops.draw(jsonb_build_object('series', (SELECT jsonb_agg('{}'::jsonb) FROM generate_series(1, 65))));
SELECT mlops.draw(jsonb_build_object('x', jsonb_build_object('categories', (SELECT jsonb_agg(i) FROM generate_series(1, 401) i))));
SELECT mlops.draw(jsonb_build_object('series', jsonb_build_array(jsonb_build_object('x', (SELECT jsonb_agg('c' || i) FROM generate_series(1, 401) i)))));

SELECT mlops.draw(jsonb_build_object('series', jsonb_build_array((SELECT jsonb_build_object('type', 'bars', 'x', jsonb_agg(i), 'y', jsonb_agg(i)) FROM generate_series(1, 2001) i))));
-- with these codes
CREATE FUNCTION code_of(call text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'SELECT ' || call;
	RETURN 'none';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
SELECT call, code_of(call) FROM unnest(ARRAY[
	$$mlops.plot(NULL, 'roc')$$, $$mlops.plot('expensive', NULL)$$, $$mlops.plot('expensive', 'rocs')$$,
	$$mlops.plot('expensive', 'roc')$$, $$mlops.plot('expensive', 'partial_dependence', 'house')$$,
	$$mlops.plot('house_price', 'roc', 'house')$$, $$mlops.plot('imported', 'learning_curve')$$,
	$$mlops.plot('expensive', 'learning_curve', label => 'x')$$, $$mlops.plot('nobody', 'importance')$$,
	$$mlops.draw('[]')$$, $$mlops.draw('{"title": []}')$$, $$mlops.draw('{"x": {"categories": [[]]}}')$$,
	$$mlops.draw(jsonb_build_object('series', array_fill('{}'::jsonb, '{65}')))$$]) call;
DROP FUNCTION code_of;

-- bars of text
SELECT x, mlops.bar(x, 8, 4) || '|' AS bar FROM unnest('{0,0.2,1,2.5,8,9,-1,NaN,Infinity,-Infinity,NULL}'::float8[]) x;
SELECT mlops.bar(1, 0) AS zero, mlops.bar(1, 1, 0) AS narrow, length(mlops.bar(1, 1, 1000000)) AS wide, mlops.bar(1, 'NaN') AS nan, mlops.bar(1, 'Infinity') AS infinite;

SELECT mlops.drop_model(m) FROM unnest('{expensive,house_price,flat_size,line,times,ranks,imported,wide}'::text[]) m;
DROP TABLE drawn; DROP VIEW flat_sizes; DROP TABLE flat, hidden, house;
DROP SCHEMA other CASCADE;
REVOKE USAGE ON SCHEMA mlops FROM plot_reader, plot_stranger;
DROP ROLE plot_reader; DROP ROLE plot_stranger;
