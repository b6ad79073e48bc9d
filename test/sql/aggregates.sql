-- Metric aggregates: values, what is skipped, what is NULL, errors, states.
SET search_path = mlops, public;
SET extra_float_digits = 0;
\set VERBOSITY terse
\pset null NULL

CREATE TABLE scored (region text, won boolean, probability float8, weight float8);
INSERT INTO scored VALUES
	('north', true, 0.9, 1), ('north', false, 0.2, 2), ('north', true, 0.4, 1),
	('north', false, 0.6, 1), ('south', true, 0.7, 1), ('south', false, 0.7, 3),
	('south', true, 0.8, 0), ('west', true, 0.3, 1);

-- the examples of the documentation
SELECT region, roc_auc(won, probability), count(*)
FROM scored GROUP BY region ORDER BY region;
SELECT round(roc_auc(won, probability)::numeric, 6) AS roc_auc,
	round(pr_auc(won, probability)::numeric, 6) AS pr_auc,
	round(log_loss(won, probability)::numeric, 6) AS log_loss,
	round(brier(won, probability)::numeric, 6) AS brier,
	round(ece(won, probability)::numeric, 6) AS ece
FROM scored;
SELECT accuracy(won, probability > 0.5), precision_score(won, probability > 0.5),
	recall_score(won, probability > 0.5), f1(won, probability > 0.5)
FROM scored;
SELECT rmse(y, p), mae(y, p), r2(y, p), mape(y, p)
FROM (VALUES (1, 2), (2, 2), (4, 3), (5, 5)) AS v (y, p);
SELECT pinball_loss(y, p, 0.75) FROM (VALUES (1, 2), (3, 2)) AS v (y, p);
SELECT accuracy(kind, guess), round(f1_macro(kind, guess)::numeric, 6) AS f1_macro,
	round(balanced_accuracy(kind, guess)::numeric, 6) AS balanced_accuracy,
	round(mcc(kind, guess)::numeric, 6) AS mcc
FROM (VALUES ('cat', 'cat'), ('dog', 'cat'), ('dog', 'dog'), ('eel', 'eel')) AS v (kind, guess);
SELECT query, round(ndcg(relevance, score)::numeric, 6) AS ndcg,
	round(ndcg(relevance, score, 1)::numeric, 6) AS ndcg_1
FROM (VALUES (1, 3, 0.2), (1, 0, 0.1), (1, 1, 0.9), (2, 0, 0.5)) AS v (query, relevance, score)
GROUP BY query ORDER BY query;
SELECT concordance(days, died, predicted)
FROM (VALUES (5, true, 4), (8, false, 9), (9, true, 3)) AS v (days, died, predicted);
SELECT poisson_deviance(n, mu), round(gamma_deviance(n + 1, mu)::numeric, 6) AS gamma,
	tweedie_deviance(n, mu, 1.5) > 0 AS tweedie
FROM (VALUES (0, 1.0), (1, 1.0)) AS v (n, mu);

-- weights: a row of weight 2 counts as two rows, one of 0 as none
SELECT roc_auc(won, probability, weight) = (SELECT roc_auc(won, probability)
	FROM scored, generate_series(1, weight::int)) AS roc_auc,
	log_loss(won, probability, weight) = (SELECT log_loss(won, probability)
	FROM scored, generate_series(1, weight::int)) AS log_loss,
	f1(won, probability > 0.5, weight) = (SELECT f1(won, probability > 0.5)
	FROM scored, generate_series(1, weight::int)) AS f1,
	round((mcc(won, probability > 0.5, weight) - (SELECT mcc(won, probability > 0.5)
	FROM scored, generate_series(1, weight::int)))::numeric, 12) AS mcc,
	round((r2(probability, 0.5, weight) - (SELECT r2(probability, 0.5)
	FROM scored, generate_series(1, weight::int)))::numeric, 12) AS r2
FROM scored;

-- labels of other types; literals
SELECT roc_auc(won::int, probability) = roc_auc(won, probability) AS "integer",
	roc_auc(won::int::numeric, probability::numeric) = roc_auc(won, probability) AS "numeric",
	roc_auc(won::int::smallint, probability::real) > 0 AS "smallint",
	brier('1', probability) > 0 AS literal,
	f1(won::int, (probability > 0.5)::int) = f1(won, probability > 0.5) AS f1
FROM scored;
SELECT accuracy(1, 1.0), accuracy('a', 'a'), accuracy('a'::char(3), 'a'::char(5)),
	accuracy(1.0::float8, 1), mcc(a, b), f1_macro(1.50, 1.5)
FROM (VALUES (1::bigint, 1.0), (2, 2.00), (3, 3.000)) AS v (a, b);
SELECT f1_macro(a, b) FROM (VALUES (-0.0::float8, 0::float8), (1, 1)) AS v (a, b);
SELECT accuracy(point '(1,1)', point '(1,1)');

-- FILTER, DISTINCT, window frames, empty input, NULLs, one class, constants
SELECT roc_auc(won, probability) FILTER (WHERE region = 'north') AS filtered,
	roc_auc(DISTINCT won, probability) AS "distinct",
	roc_auc(won, probability ORDER BY probability DESC) AS ordered
FROM scored;
SELECT probability, roc_auc(won, probability) OVER w,
	round(rmse(won::int, probability) OVER w::numeric, 4) AS rmse,
	mcc(won, probability > 0.5) OVER w
FROM scored WINDOW w AS (ORDER BY probability, won ROWS BETWEEN 3 PRECEDING AND CURRENT ROW)
ORDER BY probability, 2;
SELECT probability, round(roc_auc(won, probability) OVER (ORDER BY probability)::numeric, 4) AS running
FROM scored ORDER BY probability, 2;
SELECT roc_auc(won, probability), pr_auc(won, probability), log_loss(won, probability),
	brier(won, probability), ece(won, probability), rmse(probability, 1), r2(probability, 1),
	f1(won, won), mcc(won, won), accuracy(won, won), ndcg(1, probability),
	concordance(probability, won, 1)
FROM scored WHERE false;
SELECT roc_auc(NULL::boolean, 0.5), log_loss(true, NULL), rmse(1, 1, NULL), mcc(NULL, 'a'),
	ndcg(NULL, 1, 1), concordance(1, NULL, 1), r2(1, NULL);
SELECT roc_auc(true, 0.5), pr_auc(false, 0.5), r2(1, 2), precision_score(true, false),
	recall_score(false, true), f1(false, false), mcc(true, true), mcc(1, 2),
	balanced_accuracy(1, 2), ndcg(0, 1), concordance(1, false, 1), rmse(1, 3, 0);
SELECT r2(y, y + 1) AS constant, rmse(y, y + 1) FROM (SELECT 0.1::float8 FROM generate_series(1, 10)) AS v (y);

-- NaN gives NaN, unless its row weighs nothing; infinite scores are ordered
SELECT roc_auc(true, 'NaN'), roc_auc(1, 'NaN', 0::float8), log_loss('NaN'::float8, 0.5), rmse('NaN', 1), r2('NaN', 1),
	f1('NaN'::float8, 1), ece(true, 'NaN'), concordance('NaN', true, 1), ndcg('NaN', 1),
	rmse('NaN', 1, 0), brier(true, 'NaN'), poisson_deviance('NaN', 1);
SELECT roc_auc(y, s), pr_auc(y, s)
FROM (VALUES (true, 'Infinity'::float8), (false, 0), (false, '-Infinity'), (true, '-0')) AS v (y, s);
SELECT rmse('Infinity', 1), mae(1, '-Infinity'), log_loss(true, 0) < 37, log_loss(false, 0);

-- errors
\set VERBOSITY sqlstate
SELECT roc_auc(2, 0.5);
SELECT log_loss(true, 1.5);
SELECT brier(true, -0.1);
SELECT rmse(1, 1, -1);
SELECT rmse(1, 1, 'Infinity');
SELECT roc_auc(true, 0.5, 'NaN');
SELECT pinball_loss(1, 1, 1.5);
SELECT poisson_deviance(-1, 1);
SELECT poisson_deviance(1, 0);
SELECT gamma_deviance(0, 1);
SELECT tweedie_deviance(1, 1, 3);
SELECT f1(3, 1);
SELECT ndcg(-1, 1);
SELECT ndcg(1, 1, 0);
SELECT ndcg(1, 1, k) FROM generate_series(1, 2) AS k;
SELECT concordance('Infinity', true, 1);
SELECT mcc(i, i) FROM generate_series(1, 100001) AS i;
SELECT accuracy(true, 1);
SELECT roc_auc(NULL, NULL);
\set VERBOSITY default
SELECT roc_auc(2, 0.5);

-- the same in parallel workers, whose states are combined
CREATE TABLE many AS
SELECT i % 7 AS g, (i * 7919) % 1000 < 400 AS y, ((i * 104729) % 997) / 997.0::float8 AS p, 1 + i % 3 AS w
FROM generate_series(1, 20000) AS i;
ANALYZE many;
SET max_parallel_workers_per_gather = 0;
CREATE TABLE serial AS SELECT roc_auc(y, p), pr_auc(y, p, w), log_loss(y, p), ece(y, p, w), rmse(p, w), r2(p, w),
	f1(y, p > 0.5), mcc(g, w), f1_macro(g::text, w::text, w), accuracy(g, w),
	concordance(w + g, y, p), ndcg(g, p), balanced_accuracy((p * 40)::int, (p * 39)::int, w) FROM many;
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT roc_auc(y, p), mcc(g, w), rmse(p, w) FROM many;
CREATE TABLE parallel AS SELECT roc_auc(y, p), pr_auc(y, p, w), log_loss(y, p), ece(y, p, w), rmse(p, w), r2(p, w),
	f1(y, p > 0.5), mcc(g, w), f1_macro(g::text, w::text, w), accuracy(g, w),
	concordance(w + g, y, p), ndcg(g, p), balanced_accuracy((p * 40)::int, (p * 39)::int, w) FROM many;
SELECT count(*) AS differences
FROM serial AS s, parallel AS p, jsonb_each(to_jsonb(s)) AS a JOIN jsonb_each(to_jsonb(p)) AS b USING (key)
WHERE abs(a.value::float8 - b.value::float8) > 1e-12;
RESET max_parallel_workers_per_gather;

-- frames of more rows and classes than a small state holds
SELECT count(*) FILTER (WHERE auc IS DISTINCT FROM (SELECT roc_auc(y, p) FROM generate_series(i - 200, i) AS j,
		LATERAL (SELECT j % 3 = 0 AS y, j * 37 % 101 AS p WHERE j > 0) AS v)) AS roc_auc,
	count(*) FILTER (WHERE balanced IS DISTINCT FROM (SELECT balanced_accuracy(a, b) FROM generate_series(i - 200, i) AS j,
		LATERAL (SELECT j % 13 AS a, j % 11 AS b WHERE j > 0) AS v)) AS balanced_accuracy, count(*)
FROM (SELECT i, roc_auc(i % 3 = 0, i * 37 % 101) OVER w AS auc, balanced_accuracy(i % 13, i % 11) OVER w AS balanced
	FROM generate_series(1, 400) AS i WINDOW w AS (ORDER BY i ROWS 200 PRECEDING)) AS x;

-- states: kept in a table, read back, refused when malformed
CREATE TABLE state (s sample_state, c class_state);
INSERT INTO state SELECT mlops._scored_add(mlops._scored_add('\x000000000000000000000000', true, 0.5), false, 0.25),
	mlops._class_add(mlops._class_add('\x000000000000000000000000', 'a', 'b'), 'b', 'b', 3);
INSERT INTO state SELECT s::text::sample_state, c::text::class_state FROM state;
SELECT mlops._roc_auc_final(s), length(s::text), mlops._mcc_final(c), mlops._balanced_accuracy_final(c),
	length(c::text) FROM state;
SELECT mlops._roc_auc_final(mlops._sample_combine(a.s, b.s)), mlops._f1_macro_final(mlops._class_combine(a.c, b.c))
FROM state AS a, state AS b WHERE a.ctid < b.ctid;
SELECT mlops._sums_combine('{1,0,2,0}', '{1,0,3,0}');
\set VERBOSITY sqlstate
SELECT ''::sample_state;
SELECT '\x02000000ffffffffffffffff'::sample_state;
SELECT '\x010000000000000000000000'::sample_state;
SELECT '\x050000000000000000000000'::sample_state;
SELECT '\xffffffffffffffffffffffff'::sample_state;
SELECT '\x020000000100000000000000'::sample_state;
SELECT '\x00'::class_state;
SELECT '\xffffffffffffffffffffffff'::class_state;
SELECT '\x010000000000000000000000'::class_state;
SELECT '\x010000000000000001000000'::class_state;
SELECT '\x01000000000000000100000041'::class_state;
SELECT '\x0000000001000000000000000000000000000000000000000000f03f0000000000000000'::class_state;
SELECT '\x01000000000000000100000000'::class_state IS NOT NULL;
SELECT mlops._concordance_final(s) FROM state;
SELECT mlops._sample_combine(s, mlops._ndcg_add('\x000000000000000000000000', 1, 1, 1)) FROM state;
SELECT mlops._mean_final('{1,2}');
SELECT mlops._mean_final('{1,2,NULL,4}');
SELECT mlops._mean_final('{{1,2,3,4}}');
SELECT mlops._sums_combine('{1,0,0}', '{1,0,0}');
SELECT mlops._sums_combine('{1,0}', '{1,0,1,0}');
SELECT mlops._r2_combine('{1}', '{1}');

DROP TABLE scored, many, serial, parallel, state;
