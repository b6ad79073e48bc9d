-- Charts as SVG.
--
-- Bodies in standard SQL: they mean the same under every search_path, and a
-- source is still looked up by that of the caller, with the caller's rights.

CREATE FUNCTION mlops.draw(spec jsonb)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'mlops_draw';
COMMENT ON FUNCTION mlops.draw(jsonb) IS
'a chart of any numbers as SVG: lines, steps, points, bars, bands, cells';

CREATE FUNCTION mlops.bar(value double precision, maximum double precision,
	width integer DEFAULT 20)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
WITH eighths AS MATERIALIZED (
	SELECT CASE WHEN bar.value > 0 AND bar.value < 'Infinity'
					 AND bar.maximum > 0 AND bar.maximum < 'Infinity'
				THEN round(least(bar.value / bar.maximum, 1)
						   * greatest(0, least(bar.width, 1000)) * 8)::integer
				WHEN bar.value = 'Infinity' AND bar.maximum > 0
					 AND bar.maximum < 'Infinity'
				THEN greatest(0, least(bar.width, 1000)) * 8
				ELSE 0 END AS n)
SELECT CASE WHEN pg_catalog.getdatabaseencoding() = 'UTF8'
			-- no constant, which other encodings would fail to fold
			THEN repeat(chr(9608 + n * 0), n / 8)
				 || CASE WHEN n % 8 > 0 THEN chr(9616 - n % 8) ELSE '' END
			ELSE repeat('#', (n + 4) / 8) END
FROM eighths;
END;
COMMENT ON FUNCTION mlops.bar(double precision, double precision, integer) IS
'a bar of text, for psql';

CREATE FUNCTION mlops._plot_version(model mlops.model_ref, kind text,
	source text, feature text,
	OUT name text, OUT version integer, OUT task text, OUT classes text[],
	OUT target text)
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_plot_version';
COMMENT ON FUNCTION mlops._plot_version(mlops.model_ref, text, text, text) IS
'the version that mlops.plot() draws, after checking its arguments';

CREATE FUNCTION mlops._plot_number(value double precision, digits integer)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_plot_number';
COMMENT ON FUNCTION mlops._plot_number(double precision, integer) IS
'a number as people read it';

CREATE FUNCTION mlops._plot_signed(value double precision)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN value > 0 THEN '+' ELSE '' END
	|| mlops._plot_number(value, 3);
COMMENT ON FUNCTION mlops._plot_signed(double precision) IS
'a change as people read it';

CREATE FUNCTION mlops._plot_classes(model mlops.model_ref, task text,
	source text, target text, label text, weight text,
	OUT place bigint, OUT class text, OUT n bigint)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
WITH seen AS (
	SELECT m.actual, sum(m.n) AS n, min(m.ordinality) AS place,
		   sum(sum(m.n)) OVER () AS total
	FROM mlops.confusion_matrix(_plot_classes.model, _plot_classes.source,
			_plot_classes.target, 0.5, _plot_classes.weight)
			WITH ORDINALITY m
	WHERE _plot_classes.task = 'multiclass' AND _plot_classes.label IS NULL
	GROUP BY m.actual),
several AS (
	SELECT row_number() OVER (ORDER BY s.place) AS place, s.actual,
		   s.total::bigint AS total
	FROM seen s WHERE s.n > 0 AND s.n < s.total)
SELECT s.place, s.actual, s.total FROM several s
WHERE (SELECT count(*) FROM several) <= 8
UNION ALL
-- one class; or too many, so that the curve asks for one
SELECT 1, _plot_classes.label, NULL
WHERE (SELECT count(*) FROM several) NOT BETWEEN 1 AND 8;
END;
COMMENT ON FUNCTION mlops._plot_classes(mlops.model_ref, text, text, text,
	text, text) IS
'the classes that a chart has a curve of, and the rows if there are several';

CREATE FUNCTION mlops._plot_about(n bigint, target text, class text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(to_char(_plot_about.n, 'FM999,999,999,999,999')
				|| CASE WHEN _plot_about.n = 1 THEN ' row' ELSE ' rows' END
				|| ', ', '')
	|| CASE WHEN _plot_about.class IS NULL THEN 'classes of '
			ELSE 'class ' || _plot_about.class || ' of ' END
	|| _plot_about.target;
COMMENT ON FUNCTION mlops._plot_about(bigint, text, text) IS
'subtitle of a chart: rows, class, target';

CREATE FUNCTION mlops._plot_roc(model mlops.model_ref, task text,
	classes text[], truth text, source text, target text, label text,
	weight text)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
WITH class AS MATERIALIZED (
	SELECT c.place, c.class, c.n
	FROM mlops._plot_classes(_plot_roc.model, _plot_roc.task,
			_plot_roc.source, _plot_roc.target, _plot_roc.label,
			_plot_roc.weight) c),
known AS MATERIALIZED (
	SELECT e.value, e.ci_low, e.ci_high, e.n
	FROM mlops.evaluate(_plot_roc.model, _plot_roc.source, _plot_roc.target,
			NULL, _plot_roc.weight) e
	WHERE e.metric = 'roc_auc' AND _plot_roc.task = 'binary'),
point AS (
	SELECT c.place, c.class, r.ordinality AS i, r.fpr, r.tpr,
		   (r.fpr - lag(r.fpr) OVER w) * (r.tpr + lag(r.tpr) OVER w) / 2
		   AS part
	FROM class c, mlops.roc_curve(_plot_roc.model, _plot_roc.source,
			_plot_roc.target, c.class, _plot_roc.weight, 100000)
			WITH ORDINALITY r
	WINDOW w AS (PARTITION BY c.place ORDER BY r.ordinality)),
curve AS (
	SELECT p.place, p.class, sum(p.part) AS area,
		   jsonb_agg(p.fpr ORDER BY p.i) AS x,
		   jsonb_agg(p.tpr ORDER BY p.i) AS y
	FROM point p GROUP BY p.place, p.class),
series AS (
	SELECT jsonb_agg(jsonb_build_object('type', 'line', 'color', v.place,
		   'x', v.x, 'y', v.y, 'name',
		   CASE WHEN v.n_curves > 1 THEN v.class || ': ' ELSE '' END
		   || 'AUC ' || round(coalesce(k.value, v.area)::numeric, 3)
		   || coalesce(' (95 %: ' || round(k.ci_low::numeric, 3) || ' to '
					   || round(k.ci_high::numeric, 3) || ')', ''))
		   ORDER BY v.place) AS list
	FROM (SELECT c.*, count(*) OVER () AS n_curves FROM curve c) v
	LEFT JOIN known k ON _plot_roc.task = 'binary')
SELECT jsonb_build_object(
	'title', 'ROC curve',
	'subtitle', mlops._plot_about(
		(SELECT coalesce((SELECT k.n FROM known k), max(c.n)) FROM class c),
		_plot_roc.truth,
		coalesce(_plot_roc.label, CASE WHEN _plot_roc.task = 'binary'
				 THEN _plot_roc.classes[2] END)),
	'width', 620, 'square', true,
	'x', '{"label": "False positive rate", "min": 0, "max": 1}'::jsonb,
	'y', '{"label": "True positive rate", "min": 0, "max": 1}'::jsonb,
	'series', '[{"name": "chance", "color": 0, "dash": true, "x": [0, 1], "y": [0, 1]}]'::jsonb
		|| s.list)
FROM series s;
END;
COMMENT ON FUNCTION mlops._plot_roc(mlops.model_ref, text, text[], text, text,
	text, text, text) IS 'chart: roc';

CREATE FUNCTION mlops._plot_pr(model mlops.model_ref, task text,
	classes text[], truth text, source text, target text, label text,
	weight text)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
WITH class AS MATERIALIZED (
	SELECT c.place, c.class, c.n, count(*) OVER () AS n_curves
	FROM mlops._plot_classes(_plot_pr.model, _plot_pr.task,
			_plot_pr.source, _plot_pr.target, _plot_pr.label,
			_plot_pr.weight) c),
point AS (
	SELECT c.place, c.class, c.n_curves, r.ordinality AS i, r.recall,
		   r.precision,
		   (r.recall - lag(r.recall) OVER w) * r.precision AS part
	FROM class c, mlops.pr_curve(_plot_pr.model, _plot_pr.source,
			_plot_pr.target, c.class, _plot_pr.weight, 100000)
			WITH ORDINALITY r
	WINDOW w AS (PARTITION BY c.place ORDER BY r.ordinality)),
curve AS (
	SELECT p.place, p.class, p.n_curves, sum(p.part) AS area,
		   jsonb_agg(p.recall ORDER BY p.i) AS x,
		   jsonb_agg(p.precision ORDER BY p.i) AS y
	FROM point p GROUP BY p.place, p.class, p.n_curves),
whole AS MATERIALIZED (
	SELECT l.precision AS share, l.n
	FROM class c, mlops.lift_curve(_plot_pr.model, _plot_pr.source,
			_plot_pr.target, c.class, _plot_pr.weight, 1) l
	WHERE c.n_curves = 1),
series AS (
	SELECT jsonb_agg(jsonb_build_object('type', 'line', 'color', v.place,
		   'x', v.x, 'y', v.y, 'name',
		   CASE WHEN v.n_curves > 1 THEN v.class || ': ' ELSE '' END
		   || 'average precision ' || round(v.area::numeric, 3))
		   ORDER BY v.place) AS list
	FROM curve v)
SELECT jsonb_build_object(
	'title', 'Precision and recall',
	'subtitle', mlops._plot_about(
		(SELECT coalesce((SELECT w.n FROM whole w), max(c.n)) FROM class c),
		_plot_pr.truth,
		coalesce(_plot_pr.label, CASE WHEN _plot_pr.task = 'binary'
				 THEN _plot_pr.classes[2] END)),
	'width', 620, 'square', true,
	'x', '{"label": "Recall", "min": 0, "max": 1}'::jsonb,
	'y', '{"label": "Precision", "min": 0, "max": 1}'::jsonb,
	'series', coalesce((SELECT jsonb_build_array(jsonb_build_object(
		'name', 'share of the class ' || round(w.share::numeric, 3),
		'color', 0, 'dash', true, 'x', '[0, 1]'::jsonb,
		'y', jsonb_build_array(w.share, w.share))) FROM whole w), '[]')
		|| s.list)
FROM series s;
END;
COMMENT ON FUNCTION mlops._plot_pr(mlops.model_ref, text, text[], text, text,
	text, text, text) IS 'chart: pr';

CREATE FUNCTION mlops._plot_lift(model mlops.model_ref, task text,
	classes text[], truth text, source text, target text, label text,
	weight text)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
SELECT jsonb_build_object(
	'title', 'Lift',
	'subtitle', mlops._plot_about(sum(l.n)::bigint, _plot_lift.truth,
		coalesce(_plot_lift.label, _plot_lift.classes[2])),
	'x', jsonb_build_object(
		'label', 'Share of rows, highest probabilities first',
		'categories', jsonb_agg(round(l.share::numeric * 100) || ' %'
								ORDER BY l.bin)),
	'y', '{"label": "Lift over all rows", "min": 0}'::jsonb,
	'series', jsonb_build_array(
		jsonb_build_object('type', 'bars',
			'x', jsonb_agg(l.ordinality ORDER BY l.bin),
			'y', jsonb_agg(l.lift ORDER BY l.bin),
			'labels', jsonb_agg(coalesce(mlops._plot_number(l.lift, 3), '')
								ORDER BY l.bin)),
		jsonb_build_object('name', 'no lift', 'color', 0, 'dash', true,
			'x', jsonb_build_array(0.5, count(*) + 0.5),
			'y', '[1, 1]'::jsonb)))
FROM mlops.lift_curve(_plot_lift.model, _plot_lift.source, _plot_lift.target,
		_plot_lift.label, _plot_lift.weight, 10) WITH ORDINALITY l;
END;
COMMENT ON FUNCTION mlops._plot_lift(mlops.model_ref, text, text[], text, text,
	text, text, text) IS 'chart: lift';

CREATE FUNCTION mlops._plot_calibration(model mlops.model_ref, task text,
	classes text[], truth text, source text, target text, label text,
	weight text)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
SELECT jsonb_build_object(
	'title', 'Calibration',
	'subtitle', mlops._plot_about(sum(c.n)::bigint, _plot_calibration.truth,
		coalesce(_plot_calibration.label, _plot_calibration.classes[2])),
	'width', 620, 'square', true,
	'x', '{"label": "Predicted probability", "min": 0, "max": 1}'::jsonb,
	'y', '{"label": "Share observed", "min": 0, "max": 1}'::jsonb,
	'series', jsonb_build_array(
		'{"name": "calibrated", "color": 0, "dash": true, "x": [0, 1], "y": [0, 1]}'::jsonb,
		jsonb_build_object('color', 1,
			'x', jsonb_agg(c.mean_prediction ORDER BY c.bin),
			'y', jsonb_agg(c.observed ORDER BY c.bin)),
		jsonb_build_object('type', 'points', 'color', 1,
			'name', 'rows of a bin, with 95 % interval',
			'x', jsonb_agg(c.mean_prediction ORDER BY c.bin),
			'y', jsonb_agg(c.observed ORDER BY c.bin),
			'low', jsonb_agg(c.low ORDER BY c.bin),
			'high', jsonb_agg(c.high ORDER BY c.bin))))
FROM mlops.calibration_curve(_plot_calibration.model,
		_plot_calibration.source, _plot_calibration.target,
		_plot_calibration.label, _plot_calibration.weight, 10) c;
END;
COMMENT ON FUNCTION mlops._plot_calibration(mlops.model_ref, text, text[],
	text, text, text, text, text) IS 'chart: calibration';

CREATE FUNCTION mlops._plot_confusion(model mlops.model_ref, classes text[],
	truth text, source text, target text, weight text)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
WITH class AS (SELECT cardinality(_plot_confusion.classes) AS n)
SELECT jsonb_build_object(
	'title', 'Confusion matrix',
	'subtitle', mlops._plot_about(sum(m.n)::bigint, _plot_confusion.truth,
		NULL) || ', shaded by the share of the actual class',
	'width', least(900, 260 + 110 * max(c.n)),
	'height', least(4000, 150 + max(c.n) * greatest(28, 90 - 6 * max(c.n))),
	'x', jsonb_build_object('label', 'Predicted',
		'categories', to_jsonb(_plot_confusion.classes)),
	'y', jsonb_build_object('label', 'Actual',
		'categories', to_jsonb(_plot_confusion.classes)),
	'series', jsonb_build_array(jsonb_build_object('type', 'cells',
		'x', jsonb_agg((m.ordinality - 1) % c.n + 1 ORDER BY m.ordinality),
		'y', jsonb_agg((m.ordinality - 1) / c.n + 1 ORDER BY m.ordinality),
		'shade', jsonb_agg(coalesce(m.share, 0) ORDER BY m.ordinality),
		'labels', jsonb_agg(to_char(m.n, 'FM999,999,999,999,999')
			|| CASE WHEN c.n <= 5 AND m.share IS NOT NULL
					THEN ' (' || round(m.share::numeric * 100) || ' %)'
					ELSE '' END ORDER BY m.ordinality))))
FROM class c, mlops.confusion_matrix(_plot_confusion.model,
		_plot_confusion.source, _plot_confusion.target, 0.5,
		_plot_confusion.weight) WITH ORDINALITY m;
END;
COMMENT ON FUNCTION mlops._plot_confusion(mlops.model_ref, text[], text, text,
	text, text) IS 'chart: confusion';

CREATE FUNCTION mlops._plot_metric(metric text, known text[], model text)
RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'mlops_plot_metric';
COMMENT ON FUNCTION mlops._plot_metric(text, text[], text) IS
'the metric, if it is among those known';

CREATE FUNCTION mlops._plot_learning_curve(name text, version integer,
	metric text)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
WITH history AS (
	SELECT m.split, m.name, m.round + 1 AS round, m.value
	FROM mlops.metrics m
	WHERE m.model = _plot_learning_curve.name
	  AND m.version = _plot_learning_curve.version AND m.round IS NOT NULL),
decides AS (
	SELECT CASE jsonb_typeof(p.metric) WHEN 'array' THEN p.metric ->> -1
				ELSE p.metric #>> '{}' END AS metric
	FROM (SELECT r.effective -> 'library' -> 'eval_metric' AS metric
		  FROM mlops.runs r
		  WHERE r.model = _plot_learning_curve.name
			AND r.version = _plot_learning_curve.version LIMIT 1) p),
chosen AS MATERIALIZED (
	SELECT mlops._plot_metric(coalesce(_plot_learning_curve.metric,
		(SELECT d.metric FROM decides d
		 WHERE d.metric IN (SELECT h.name FROM history h)), min(h.name)),
		array_agg(DISTINCT h.name), _plot_learning_curve.name) AS metric
	FROM history h),
curve AS (
	SELECT h.split, min(h.value) AS low, max(h.value) AS high,
		   max(h.round) AS rounds,
		   CASE h.split WHEN 'train' THEN 1 WHEN 'validation' THEN 2
						ELSE 3 END AS place,
		   jsonb_agg(h.round ORDER BY h.round) AS x,
		   jsonb_agg(h.value ORDER BY h.round) AS y
	FROM history h, chosen c WHERE h.name = c.metric GROUP BY h.split),
kept AS (
	SELECT v.rounds FROM mlops.versions v
	WHERE v.model = _plot_learning_curve.name
	  AND v.version = _plot_learning_curve.version)
SELECT jsonb_build_object(
	'title', 'Learning curve',
	'subtitle', c.metric || ' after each of '
		|| (SELECT max(u.rounds) FROM curve u) || ' rounds',
	'x', '{"label": "Round", "min": 0}'::jsonb,
	'y', jsonb_build_object('label', c.metric),
	'series', (SELECT jsonb_agg(jsonb_build_object('type', 'line',
				'name', u.split, 'color', u.place, 'x', u.x, 'y', u.y)
				ORDER BY u.place, u.split) FROM curve u)
		|| coalesce((SELECT jsonb_build_array(jsonb_build_object(
				'name', 'kept: ' || k.rounds || ' rounds', 'color', 0,
				'dash', true, 'x', jsonb_build_array(k.rounds, k.rounds),
				'y', (SELECT jsonb_build_array(min(u.low), max(u.high))
					  FROM curve u)))
			FROM kept k
			WHERE k.rounds < (SELECT max(u.rounds) FROM curve u)), '[]'))
FROM chosen c;
END;
COMMENT ON FUNCTION mlops._plot_learning_curve(text, integer, text) IS
'chart: learning_curve';

CREATE FUNCTION mlops._plot_importance(model mlops.model_ref, source text)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
WITH every AS (
	SELECT i.feature, i.ordinality AS place,
		   coalesce(i.shap, i.gain, abs(i.weight)) AS value,
		   count(*) OVER () AS n, max(i.shap) OVER () AS shap,
		   max(i.gain) OVER () AS gain
	FROM mlops.importance(_plot_importance.model, _plot_importance.source)
		WITH ORDINALITY i),
first AS (SELECT e.* FROM every e WHERE e.place <= 25)
SELECT jsonb_build_object(
	'title', 'Importance of features',
	'subtitle', CASE WHEN max(f.n) > count(*)
		THEN 'the first ' || count(*) || ' of ' || max(f.n) || ' features'
		ELSE count(*) || CASE WHEN count(*) = 1 THEN ' feature'
							  ELSE ' features' END END,
	'x', jsonb_build_object('min', 0, 'label',
		CASE WHEN max(f.shap) IS NOT NULL THEN 'Mean size of the contribution'
			 WHEN max(f.gain) IS NOT NULL THEN 'Mean gain of a split'
			 ELSE 'Size of the coefficient' END),
	'y', jsonb_build_object('categories',
							jsonb_agg(f.feature ORDER BY f.place)),
	'series', jsonb_build_array(jsonb_build_object('type', 'bars',
		'x', jsonb_agg(f.value ORDER BY f.place),
		'y', jsonb_agg(f.place ORDER BY f.place),
		'labels', jsonb_agg(coalesce(mlops._plot_number(f.value, 3), '')
							ORDER BY f.place))))
FROM first f;
END;
COMMENT ON FUNCTION mlops._plot_importance(mlops.model_ref, text) IS
'chart: importance';

CREATE FUNCTION mlops._plot_partial_dependence(model mlops.model_ref,
	task text, classes text[], truth text, source text, feature text,
	label text)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
WITH point AS MATERIALIZED (
	SELECT p.value, p.number, p.prediction, p.low, p.high, p.n,
		   row_number() OVER (ORDER BY p.number, p.ordinality) AS place
	FROM mlops.partial_dependence(_plot_partial_dependence.model,
			_plot_partial_dependence.source,
			_plot_partial_dependence.feature, 30,
			_plot_partial_dependence.label) WITH ORDINALITY p),
whole AS (
	SELECT coalesce(bool_and(p.number IS NOT NULL), true) AS numbers,
		   max(p.n) AS n,
		   jsonb_agg(coalesce(p.value, 'NULL') ORDER BY p.place) AS value,
		   coalesce(jsonb_agg(p.number ORDER BY p.place), '[]') AS number,
		   jsonb_agg(p.place ORDER BY p.place) AS place,
		   coalesce(jsonb_agg(p.prediction ORDER BY p.place), '[]') AS mean,
		   coalesce(jsonb_agg(p.low ORDER BY p.place), '[]') AS low,
		   coalesce(jsonb_agg(p.high ORDER BY p.place), '[]') AS high
	FROM point p),
text AS (
	SELECT CASE WHEN _plot_partial_dependence.classes IS NULL
				THEN 'Prediction of ' || _plot_partial_dependence.truth
				ELSE 'Probability of ' ||
					 coalesce(_plot_partial_dependence.label,
							  _plot_partial_dependence.classes[2]) END
		   AS prediction)
SELECT jsonb_build_object(
	'title', 'Partial dependence on ' || _plot_partial_dependence.feature,
	'subtitle', 'over ' || to_char(coalesce(w.n, 0),
		'FM999,999,999,999,990') || CASE WHEN w.n = 1 THEN ' row'
										 ELSE ' rows' END)
	|| CASE WHEN w.numbers THEN jsonb_build_object(
		'x', jsonb_build_object('label', _plot_partial_dependence.feature),
		'y', jsonb_build_object('label', t.prediction),
		'series', jsonb_build_array(
			jsonb_build_object('type', 'band', 'color', 1,
				'name', '8 of 10 rows', 'x', w.number, 'low', w.low,
				'high', w.high),
			jsonb_build_object('type', 'line', 'color', 1, 'name', 'mean',
				'x', w.number, 'y', w.mean)))
	ELSE jsonb_build_object(
		'x', jsonb_build_object('label', t.prediction),
		'y', jsonb_build_object('label', _plot_partial_dependence.feature,
								'categories', w.value),
		'series', jsonb_build_array(jsonb_build_object('type', 'points',
			'color', 1, 'name', 'mean, and 8 of 10 rows', 'x', w.mean,
			'y', w.place, 'low', w.low, 'high', w.high))) END
FROM whole w, text t;
END;
COMMENT ON FUNCTION mlops._plot_partial_dependence(mlops.model_ref, text,
	text[], text, text, text, text) IS 'chart: partial_dependence';

CREATE FUNCTION mlops.plot(
	model			mlops.model_ref,
	kind			text,
	source			text DEFAULT NULL,
	target			text DEFAULT NULL,
	feature			text DEFAULT NULL,
	label			text DEFAULT NULL,
	weight			text DEFAULT NULL,
	title			text DEFAULT NULL)
RETURNS text
LANGUAGE sql STABLE PARALLEL UNSAFE COST 1000000
BEGIN ATOMIC
WITH drawn AS MATERIALIZED (
	SELECT v.*, coalesce(plot.target, v.target) AS truth
	FROM mlops._plot_version(plot.model, plot.kind, plot.source,
							 plot.feature) v),
spec AS (
	SELECT d.name || '/' || d.version AS version, CASE plot.kind
		WHEN 'roc' THEN mlops._plot_roc(plot.model, d.task, d.classes,
			d.truth, plot.source, plot.target, plot.label, plot.weight)
		WHEN 'pr' THEN mlops._plot_pr(plot.model, d.task, d.classes,
			d.truth, plot.source, plot.target, plot.label, plot.weight)
		WHEN 'lift' THEN mlops._plot_lift(plot.model, d.task, d.classes,
			d.truth, plot.source, plot.target, plot.label, plot.weight)
		WHEN 'calibration' THEN mlops._plot_calibration(plot.model, d.task,
			d.classes, d.truth, plot.source, plot.target, plot.label,
			plot.weight)
		WHEN 'confusion' THEN mlops._plot_confusion(plot.model, d.classes,
			d.truth, plot.source, plot.target, plot.weight)
		WHEN 'learning_curve' THEN mlops._plot_learning_curve(d.name,
			d.version, plot.label)
		WHEN 'importance' THEN mlops._plot_importance(plot.model,
			plot.source)
		WHEN 'partial_dependence' THEN mlops._plot_partial_dependence(
			plot.model, d.task, d.classes, d.target, plot.source,
			plot.feature, plot.label)
		END AS chart
	FROM drawn d)
SELECT mlops.draw(s.chart || jsonb_build_object('title',
	coalesce(plot.title, (s.chart ->> 'title') || ': ' || s.version)))
FROM spec s;
END;
COMMENT ON FUNCTION mlops.plot(mlops.model_ref, text, text, text, text, text,
	text, text) IS
'a chart of a version as SVG: roc, pr, lift, calibration, confusion, learning_curve, importance, partial_dependence';

CREATE FUNCTION mlops._plot_reasons(features text[], "values" text[],
	contributions double precision[], prediction mlops.prediction, label text)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
WITH reason AS MATERIALIZED (
	SELECT e.feature, e.value, e.contribution, e.place,
		   count(*) OVER () - 1 AS n
	FROM unnest(features, "values", contributions)
		WITH ORDINALITY e(feature, value, contribution, place)),
bias AS (
	SELECT r.contribution AS value FROM reason r WHERE r.place = r.n + 1),
step AS (
	-- the last row has all that has none of its own
	SELECT CASE WHEN least(r.place, 13) < 13 OR r.n = 13 THEN
				min(r.feature || coalesce(' = ' || r.value, ' is missing'))
				ELSE r.n - 12 || ' other features' END AS name,
		   least(r.place, 13) AS place, sum(r.contribution) AS change
	FROM reason r WHERE r.place <= r.n
	GROUP BY least(r.place, 13), r.n),
bar AS (
	SELECT s.*, b.value + sum(s.change) OVER (ORDER BY s.place) AS high,
		   b.value + sum(s.change) OVER (ORDER BY s.place) - s.change AS low
	FROM step s, bias b),
series AS (
	SELECT b.change >= 0 AS up, jsonb_build_object('type', 'bars',
		'name', CASE WHEN b.change >= 0 THEN 'raises' ELSE 'lowers' END,
		'color', CASE WHEN b.change >= 0 THEN 2 ELSE 1 END,
		'x', jsonb_agg(b.high ORDER BY b.place),
		'base', jsonb_agg(b.low ORDER BY b.place),
		'y', jsonb_agg(b.place ORDER BY b.place),
		'labels', jsonb_agg(mlops._plot_signed(b.change)
							ORDER BY b.place)) AS bars
	FROM bar b GROUP BY b.change >= 0),
margin AS (
	SELECT b.value AS low, b.value + coalesce((SELECT sum(s.change)
											   FROM step s), 0) AS high,
		   (SELECT count(*) FROM step s) AS n
	FROM bias b),
whole AS (
	SELECT (prediction).model || '/' || (prediction).version AS version,
		   CASE WHEN (prediction).label IS NULL THEN 'prediction '
				|| mlops._plot_number((prediction).prediction, 4)
				ELSE 'predicted ' || (prediction).label || ', probability '
				|| mlops._plot_number((prediction).probability, 3) END
		   || coalesce('; reasons for class ' || _plot_reasons.label, '')
		   AS about)
SELECT jsonb_build_object(
	'title', 'Reasons: ' || w.version,
	'subtitle', w.about,
	'x', '{"label": "Margin"}'::jsonb,
	'y', jsonb_build_object('categories', (
		SELECT coalesce(jsonb_agg(s.name ORDER BY s.place), '[]')
		FROM step s)),
	'series', coalesce((SELECT jsonb_agg(s.bars ORDER BY s.up DESC)
						FROM series s), '[]')
		|| jsonb_build_array(
			jsonb_build_object('color', 0, 'dash', true,
				'name', 'on average ' || mlops._plot_number(m.low, 4),
				'x', jsonb_build_array(m.low, m.low),
				'y', jsonb_build_array(0.5, m.n + 0.5)),
			jsonb_build_object('color', 7, 'dash', true,
				'name', 'this row ' || mlops._plot_number(m.high, 4),
				'x', jsonb_build_array(m.high, m.high),
				'y', jsonb_build_array(0.5, m.n + 0.5))))
FROM margin m, whole w;
END;
COMMENT ON FUNCTION mlops._plot_reasons(text[], text[], double precision[],
	mlops.prediction, text) IS 'chart of mlops.plot_reasons()';

-- PL/pgSQL, as functions in SQL take no records; each name is qualified, and
-- there is no operator in it.
CREATE FUNCTION mlops.plot_reasons(model mlops.model_ref, input record,
	label text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 2000
AS $$
#variable_conflict use_variable
BEGIN
	RETURN mlops.draw((
		SELECT mlops._plot_reasons(
			pg_catalog.array_agg(e.feature ORDER BY e.ordinality),
			pg_catalog.array_agg(e.value ORDER BY e.ordinality),
			pg_catalog.array_agg(e.contribution ORDER BY e.ordinality),
			mlops.predict_full(model, input, 0), label)
		FROM mlops.explain(model, input, label) WITH ORDINALITY e));
END
$$;
COMMENT ON FUNCTION mlops.plot_reasons(mlops.model_ref, record, text) IS
'the reasons of one prediction as SVG: from the average to this row''s margin';
