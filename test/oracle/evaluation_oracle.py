#!/usr/bin/python3
"""Hold mlops.evaluate, mlops.compare and the curves against scikit-learn.

    evaluation_oracle.py [--dsn DSN]

Draws data with fixed seeds, trains small models on them, and takes their
predictions by mlops.predict() and mlops.predict_proba().  From these alone,
scikit-learn must find the same metrics for each slice, the same curves and
the same confusion matrix, and numpy the same DeLong and McNemar tests.
Intervals are checked by what they promise: over a thousand samples of one
population, about as many as they say hold the population's value; and
p-values of two versions that are equally good by construction are uniform.

Works in a schema of its own, which it drops at the end with its models.  The
last line is `N passed, N failed`; exit 1 on failure.
"""
import argparse
import io
import sys
import traceback
import warnings

import numpy as np
import psycopg2
from scipy import stats
from sklearn import metrics as sk

SCHEMA = "mlops_evaluation_oracle"
MODELS = ["ev_binary", "ev_multi", "ev_number", "ev_pair", "ev_rank",
          "ev_time"]
RESULTS = []


def result(ok, name, detail=""):
    """Count one check; print it when it fails."""
    RESULTS.append(bool(ok))
    if not ok:
        print(f"not ok - {name}{': ' if detail else ''}{detail}")
    return bool(ok)


def near(a, b, tolerance=1e-9):
    """Equal to a relative tolerance; a missing value equals NaN only."""
    if a is None or b is None or np.isnan(b):
        return a is None and (b is None or np.isnan(b))
    return abs(a - b) <= tolerance * max(1, abs(b))


# --- data and models ---------------------------------------------------------

def copy_table(cursor, table, columns, arrays):
    """Make a table out of equally long arrays."""
    cursor.execute(f"CREATE TABLE {table} ({columns})")
    text = io.StringIO()
    for row in zip(*arrays):
        text.write("\t".join(r"\N" if v is None else str(v)
                             for v in row) + "\n")
    text.seek(0)
    cursor.copy_expert(f"COPY {table} FROM STDIN", text)


def make_rows(cursor, table, n, seed):
    """n rows of one population: features, a class, a number, slices."""
    rng = np.random.default_rng(seed)
    a, b, c = rng.normal(size=(3, n))
    margin = 1.2 * a - 0.8 * b + 0.5 * a * b
    y = rng.uniform(size=n) < 1 / (1 + np.exp(-margin))
    kind = np.argmax(np.stack([a, b, c]) + rng.gumbel(size=(3, n)), axis=0)
    number = 3 * a - 2 * b * b + rng.normal(size=n) * (1 + 0.3 * np.abs(c))
    place = np.array([None, "left", "right"], object)[
        rng.integers(0, 3, size=n)]
    weight = rng.integers(0, 4, size=n) / 2
    copy_table(cursor, table,
               "sim integer, a float8, b float8, c float8, y boolean, "
               "kind text, number float8, place text, weight float8",
               [np.arange(n) // 200, a, b, c, y,
                np.array(["red", "green", "blue"])[kind], number, place,
                weight])


def train(cursor, model, source, target, more=""):
    """One version."""
    cursor.execute("SELECT version FROM mlops.train(%s, %s, %s, params => "
                   "'{\"num_boost_round\": 30, \"max_depth\": 3}'" + more +
                   ")", (model, source, target))


def evaluate(cursor, model, source, more=""):
    """{slice: {metric: (value, low, high, n)}}"""
    cursor.execute("SELECT slice::text, metric, value, ci_low, ci_high, n "
                   f"FROM mlops.evaluate(%s, %s{more})", (model, source))
    found = {}
    for name, metric, *rest in cursor.fetchall():
        found.setdefault(name, {})[metric] = rest
    return found


# --- metrics -----------------------------------------------------------------

def expected_binary(y, p, w):
    """The metrics of mlops for two classes, by scikit-learn."""
    q = p > 0.5
    auc = sk.roc_auc_score(y, p, sample_weight=w)
    return {
        "roc_auc": auc, "gini": 2 * auc - 1,
        "pr_auc": sk.average_precision_score(y, p, sample_weight=w),
        "log_loss": sk.log_loss(y, p, sample_weight=w),
        "brier": sk.brier_score_loss(y, p, sample_weight=w),
        "accuracy": sk.accuracy_score(y, q, sample_weight=w),
        "precision": sk.precision_score(y, q, sample_weight=w),
        "recall": sk.recall_score(y, q, sample_weight=w),
        "f1": sk.f1_score(y, q, sample_weight=w),
        "mcc": sk.matthews_corrcoef(y, q, sample_weight=w),
        "base_rate": np.average(y, weights=w),
    }


def expected_number(y, p, w):
    """The metrics of mlops for numbers."""
    return {
        "rmse": np.sqrt(sk.mean_squared_error(y, p, sample_weight=w)),
        "mae": sk.mean_absolute_error(y, p, sample_weight=w),
        "r2": sk.r2_score(y, p, sample_weight=w),
        "mape": sk.mean_absolute_percentage_error(y, p, sample_weight=w),
        "mean_error": np.average(p - y, weights=w),
    }


def expected_multi(y, p, w):
    """The metrics of mlops for several classes; y counts classes."""
    q = np.argmax(p, axis=1)
    auc = [sk.roc_auc_score(y == k, p[:, k], sample_weight=w)
           for k in range(p.shape[1])]
    return {
        "log_loss": sk.log_loss(y, p / p.sum(axis=1, keepdims=True),
                                sample_weight=w),
        "accuracy": sk.accuracy_score(y, q, sample_weight=w),
        "f1_macro": sk.f1_score(y, q, average="macro", sample_weight=w),
        "balanced_accuracy": sk.balanced_accuracy_score(y, q,
                                                        sample_weight=w),
        "roc_auc_ovr": np.mean(auc),
    }


def check_slices(name, found, expected_of, y, p, w, place):
    """Metrics of all slices of place, and of all rows."""
    slices = {"{}": np.ones(len(y), bool)}
    for value in (None, "left", "right"):
        key = "null" if value is None else f'"{value}"'
        slices[f'{{"place": {key}}}'] = place == value
    result(list(found) == list(slices), f"{name}: slices in order",
           str(list(found)))
    for key, rows in slices.items():
        weights = None if w is None else w[rows]
        expected = expected_of(y[rows], p[rows], weights)
        got = found.get(key, {})
        n = int(rows.sum() if w is None else (weights > 0).sum())
        for metric, value in expected.items():
            have = got.get(metric, [None])[0]
            # scikit-learn works on float32 predictions as they are
            result(near(have, value, 1e-7), f"{name} {key} {metric}",
                   f"{have} instead of {value}")
        result(set(got) == set(expected) and
               all(row[3] == n for row in got.values()),
               f"{name} {key}: all metrics, and n")


def check_metrics(cursor):
    """evaluate() by slices, with and without weights."""
    cursor.execute(
        "SELECT y, kind, number, place, weight, mlops.predict('ev_binary', r),"
        " mlops.predict_proba('ev_multi', r), mlops.predict('ev_number', r) "
        "FROM test_rows r")
    rows = cursor.fetchall()
    y, kind, number, place, weight, p, proba, predicted = zip(*rows)
    cursor.execute("SELECT mlops.classes('ev_multi')")
    classes = cursor.fetchone()[0]
    jobs = {
        "ev_binary": (expected_binary, np.array(y), np.array(p)),
        "ev_multi": (expected_multi,
                     np.array([classes.index(k) for k in kind]),
                     np.array(proba)),
        # labels are float4, like at training
        "ev_number": (expected_number,
                      np.array(number, np.float32).astype(float),
                      np.array(predicted)),
    }
    place = np.array(place, object)
    for model, (expected_of, truth, prediction) in jobs.items():
        for more, w in ((", by => 'place'", None),
                        (", by => 'place', weight => 'weight'",
                         np.array(weight))):
            check_slices(model + (" weighted" if w is not None else ""),
                         evaluate(cursor, model, "test_rows", more),
                         expected_of, truth, prediction, w, place)
    return np.array(y), np.array(p), jobs


# --- curves --------------------------------------------------------------------

def check_curves(cursor, y, p, jobs):
    """All points of the curves, and the confusion matrix."""
    cursor.execute("SELECT threshold, fpr, tpr FROM mlops.roc_curve("
                   "'ev_binary', 'test_rows', points => 100000)")
    fpr, tpr, threshold = sk.roc_curve(y, p, drop_intermediate=False)
    got = np.array(cursor.fetchall())
    result(len(got) == len(fpr) and np.allclose(got[:, 1], fpr, atol=1e-12)
           and np.allclose(got[:, 2], tpr, atol=1e-12)
           and np.allclose(got[1:, 0], threshold[1:]), "roc_curve")

    cursor.execute("SELECT threshold, recall, precision FROM mlops.pr_curve("
                   "'ev_binary', 'test_rows', points => 100000)")
    got = np.array(cursor.fetchall())
    area = np.sum(np.diff(got[:, 1]) * got[1:, 2])
    result(near(area, sk.average_precision_score(y, p), 1e-9),
           "pr_curve: its steps make the average precision")

    cursor.execute("SELECT n, positives, lift, gain FROM mlops.lift_curve("
                   "'ev_binary', 'test_rows')")
    got = cursor.fetchall()
    at = got[0][0]
    best = y[np.argsort(-p, kind="stable")[:at]]
    result(sum(r[0] for r in got) == len(y) and
           sum(r[1] for r in got) == y.sum() and got[0][1] == best.sum() and
           near(got[0][2], best.mean() / y.mean()) and
           near(got[-1][3], 1.0), "lift_curve")

    cursor.execute("SELECT n, mean_prediction, observed FROM "
                   "mlops.calibration_curve('ev_binary', 'test_rows')")
    got = np.array(cursor.fetchall())
    prob_true, prob_pred = [], []
    for k in range(10):
        inside = np.minimum((p * 10).astype(int), 9) == k
        if inside.any():
            prob_true.append(y[inside].mean())
            prob_pred.append(p[inside].mean())
    result(np.allclose(got[:, 1], prob_pred) and
           np.allclose(got[:, 2], prob_true), "calibration_curve")

    _, truth, proba = jobs["ev_multi"]
    cursor.execute("SELECT n FROM mlops.confusion_matrix('ev_multi', "
                   "'test_rows')")
    got = np.array(cursor.fetchall()).reshape(proba.shape[1], -1)
    result((got == sk.confusion_matrix(truth, proba.argmax(axis=1))).all(),
           "confusion_matrix")


# --- rankings and times ----------------------------------------------------------

def check_rank_and_time(cursor):
    """
    Metrics of rankings and survival times, and their intervals' units.  The
    models are regressions whose task is changed in the catalog: how they were
    trained does not matter here.
    """
    for model, task, objective in (("ev_rank", "ranking", "rank:ndcg"),
                                   ("ev_time", "survival", "survival:aft")):
        cursor.execute(
            "UPDATE mlops.version SET task = %s, objective = %s WHERE "
            "model_id = (SELECT model_id FROM mlops.model WHERE name = %s)",
            (task, objective, model))
    source = ("SELECT *, row_number() OVER () % 97 AS q, "
              "CASE WHEN number > 2 THEN 2 WHEN number > 0 THEN 1 ELSE 0 END "
              "AS relevance, exp(number / 4) AS time FROM test_rows")
    cursor.execute(f"SELECT q, relevance, mlops.predict('ev_rank', r), time, "
                   f"place IS NOT NULL FROM ({source}) r")
    q, relevance, score, time, observed = map(np.array,
                                              zip(*cursor.fetchall()))
    ndcg = []
    for group in np.unique(q):
        inside = q == group
        gain = 2.0 ** relevance[inside] - 1
        order = np.argsort(-score[inside], kind="stable")
        discount = 1 / np.log2(np.arange(len(gain)) + 2)
        # equal scores share the mean gain
        s = score[inside]
        shared = np.array([gain[s == v].mean() for v in s])
        ideal = (np.sort(gain)[::-1] * discount).sum()
        if ideal > 0:
            ndcg.append((shared[order] * discount).sum() / ideal)
    got = evaluate(cursor, "ev_rank", source,
                   ", 'relevance', query_group => 'q'")["{}"]["ndcg"]
    error = np.std(ndcg, ddof=1) / np.sqrt(len(ndcg))
    result(near(got[0], np.mean(ndcg)), "ndcg", f"{got} {np.mean(ndcg)}")
    result(near(got[1], np.mean(ndcg) - stats.norm.ppf(0.975) * error),
           "the interval of ndcg has groups as units", str(got))

    got = evaluate(cursor, "ev_time", source, ", 'time', event_observed => "
                   "'place IS NOT NULL'")["{}"]
    prediction = score
    first = observed[:, None] & ((time[:, None] < time[None, :]) |
                                 ((time[:, None] == time[None, :]) &
                                  ~observed[None, :]))
    right = (prediction[:, None] < prediction[None, :]) + 0.5 * (
        prediction[:, None] == prediction[None, :])
    result(near(got["concordance"][0], right[first].mean(), 1e-6),
           "concordance", f"{got} {right[first].mean()}")
    result(near(got["mae_observed"][0],
                np.abs(prediction - time)[observed].mean(), 1e-6),
           "mae_observed", str(got["mae_observed"]))


# --- intervals and tests ----------------------------------------------------------

def check_coverage(cursor):
    """Of 1,000 samples of 200 rows, how many intervals hold the truth?"""
    for model, least in (("ev_binary", {"pr_auc": 0.91, "mcc": 0.91}),
                         ("ev_number", {"r2": 0.90, "rmse": 0.90}),
                         ("ev_multi", {})):
        found = evaluate(cursor, model, "population", ", by => 'sim'")
        truth = found.pop("{}")
        for metric, (value, *_) in truth.items():
            if metric == "mape":
                continue        # has no variance: numbers near 0
            inside = [low <= value <= high for s in found.values()
                      for (_, low, high, _) in [s[metric]]
                      if low is not None]
            share = np.mean(inside)
            result(len(inside) > 990 and
                   least.get(metric, 0.925) < share < 0.975,
                   f"coverage of {model} {metric}",
                   f"{share:.3f} of {len(inside)}")
            print(f"# {model} {metric}: {share:.3f}")


def delong(y, p, q):
    """Areas, and the covariance of the two, by placements."""
    def placements(score):
        one, zero = score[y], score[~y]
        wins = (one[:, None] > zero) + 0.5 * (one[:, None] == zero)
        return wins.mean(axis=1), wins.mean(axis=0)
    (p1, p0), (q1, q0) = placements(p), placements(q)
    return (p1.mean(), q1.mean(),
            np.cov(p1, q1) / len(p1) + np.cov(p0, q0) / len(p0))


def check_compare(cursor):
    """
    Version 2 of ev_pair is version 1 on another column; both columns say
    equally much of the class, so neither version is better.
    """
    values = {}
    for sim in range(300):
        cursor.execute(
            "SELECT metric, p_value FROM mlops.compare('ev_pair/1', "
            "'ev_pair/2', %s, seed => %s)",
            (f"SELECT * FROM twins WHERE sim = {sim}", sim))
        for metric, p_value in cursor.fetchall():
            if p_value is not None:
                values.setdefault(metric, []).append(p_value)
    for metric, p_values in values.items():
        if metric == "base_rate":
            result(set(p_values) == {1.0}, "base_rate does not differ")
            continue
        rejected = np.mean(np.array(p_values) < 0.05)
        print(f"# {metric}: {rejected:.3f} below 0.05, "
              f"Kolmogorov-Smirnov {stats.kstest(p_values, 'uniform')[1]:.3f}")
        result(len(p_values) == 300 and 0.015 < rejected < 0.09,
               f"p-values of {metric} below 0.05", f"{rejected:.3f}")
        # that of accuracy is discrete
        if metric != "accuracy":
            result(stats.kstest(p_values, "uniform")[1] > 0.001,
                   f"p-values of {metric} are uniform")


def check_tests(cursor):
    """DeLong's and McNemar's tests by numpy and scipy."""
    source = "SELECT * FROM twins WHERE sim < 4"
    cursor.execute("SELECT y, mlops.predict('ev_pair/1', r), "
                   f"mlops.predict('ev_pair/2', r) FROM ({source}) r")
    y, p, q = map(np.array, zip(*cursor.fetchall()))
    cursor.execute("SELECT metric, difference, ci_low, ci_high, p_value FROM "
                   "mlops.compare('ev_pair/1', 'ev_pair/2', %s)", (source,))
    got = {row[0]: row[1:] for row in cursor.fetchall()}
    auc, other, cov = delong(y, p, q)
    error = np.sqrt(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
    z = stats.norm.ppf(0.975)
    expected = (auc - other, auc - other - z * error, auc - other + z * error,
                2 * stats.norm.sf(abs(auc - other) / error))
    result(all(near(a, b, 1e-8) for a, b in zip(got["roc_auc"], expected)),
           "DeLong's test", f"{got['roc_auc']} {expected}")
    b = int((((p > 0.5) == y) & ((q > 0.5) != y)).sum())
    c = int((((p > 0.5) != y) & ((q > 0.5) == y)).sum())
    mid = min(1, 2 * stats.binom.cdf(min(b, c), b + c, 0.5) -
              stats.binom.pmf(min(b, c), b + c, 0.5))
    result(near(got["accuracy"][3], mid, 1e-9), "McNemar's test, mid-p",
           f"{got['accuracy']} {mid}")
    single = evaluate(cursor, "ev_pair/1", source)["{}"]["roc_auc"]
    result(near(single[1], auc - z * np.sqrt(cov[0, 0]), 1e-8),
           "DeLong's interval")
    cursor.execute("SELECT metric, better FROM mlops.compare('ev_pair/1', "
                   "'ev_pair/2', 'SELECT sim, a, random() AS b, y FROM "
                   "twins WHERE sim < 10')")
    better = dict(cursor.fetchall())
    result(all(better[m] == "ev_pair/1" for m in
               ("roc_auc", "log_loss", "brier", "accuracy")),
           "the better version is named", str(better))


def run(cursor):
    """Everything, in order."""
    make_rows(cursor, "train_rows", 3000, 1)
    make_rows(cursor, "test_rows", 2000, 2)
    make_rows(cursor, "population", 200000, 3)
    rng = np.random.default_rng(4)
    n = 60000
    y = rng.uniform(size=n) < 0.4
    a, b = rng.normal(size=(2, n)) + 0.8 * y + 0.5 * rng.normal(size=n)
    copy_table(cursor, "twins", "sim integer, a float8, b float8, y boolean",
               [np.arange(n) // 200, a, b, y])
    train(cursor, "ev_binary", "SELECT a, b, c, y FROM train_rows", "y")
    train(cursor, "ev_multi", "SELECT a, b, c, kind FROM train_rows", "kind")
    for model in ("ev_number", "ev_rank", "ev_time"):
        train(cursor, model, "SELECT a, b, c, number FROM train_rows",
              "number")
    train(cursor, "ev_pair", "SELECT a, y FROM twins WHERE sim >= 250", "y")
    train(cursor, "ev_pair", "SELECT a AS b, y FROM twins WHERE sim >= 250",
          "y")
    y, p, jobs = check_metrics(cursor)
    check_curves(cursor, y, p, jobs)
    check_rank_and_time(cursor)
    check_tests(cursor)
    check_coverage(cursor)
    check_compare(cursor)


def main():
    """Run, clean up, count."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--dsn", default="")
    connection = psycopg2.connect(parser.parse_args().dsn)
    connection.autocommit = True
    warnings.simplefilter("ignore")
    cursor = connection.cursor()
    cursor.execute("SET client_min_messages = warning")
    cursor.execute("CREATE EXTENSION IF NOT EXISTS mlops")
    cursor.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    cursor.execute(f"CREATE SCHEMA {SCHEMA}")
    cursor.execute(f"SET search_path = {SCHEMA}, public")
    try:
        run(cursor)
    except Exception:
        traceback.print_exc(file=sys.stdout)
        result(False, "no exception")
    finally:
        cursor.execute("SELECT mlops.drop_model(model) FROM mlops.models "
                       "WHERE model = ANY(%s)", (MODELS,))
        cursor.execute(f"DROP SCHEMA {SCHEMA} CASCADE")
    failed = RESULTS.count(False)
    print(f"{len(RESULTS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
