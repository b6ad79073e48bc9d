#!/usr/bin/python3
"""Hold detectors of change and estimated performance against Python.

    watch_oracle.py [--dsn DSN]

Detectors: streams are drawn with fixed seeds and read by mlops.adwin,
page_hinkley, ddm and kswin, and by plain restatements of the published
methods here, KSWIN with scipy's exact test and Python's own random module.
All must change at the same values.

Estimated performance: models are trained, their predictions taken by
mlops.predict() and mlops.predict_proba(), calibrated by scikit-learn's
isotonic regression on a reference, and what follows must be what
mlops.estimate_performance() says.  Bands are checked by what they promise:
over many windows of shifted inputs, about as many as they say hold what is
realised; and where the meaning of the inputs changes, they do not, which is
what the note of each row says.

Works in a schema of its own, which it drops at the end with its models.  The
last line is `N passed, N failed`; exit 1 on failure.
"""
import argparse
import collections
import io
import math
import random
import sys
import traceback
import warnings

import numpy as np
import psycopg2
from scipy import stats
from sklearn import metrics as sk
from sklearn.isotonic import IsotonicRegression

SCHEMA = "mlops_watch_oracle"
MODELS = ["wo_binary", "wo_multi", "wo_number"]
RESULTS = []


def result(ok, name, detail=""):
    """Count one check; print it when it fails."""
    RESULTS.append(bool(ok))
    if not ok:
        print(f"not ok - {name}{': ' if detail else ''}{detail}")
    return bool(ok)


# --- detectors ---------------------------------------------------------------

def page_hinkley(xs, threshold=50., delta=.005, least=30, alpha=.9999):
    """Positions from 1 of the Page-Hinkley test in both directions."""
    found, n = [], 0
    for i, x in enumerate(xs):
        if n == 0:
            mean = up = down = 0.
            low, high = math.inf, -1.
        n += 1
        mean += (x - mean) / n
        up = alpha * up + (x - mean) - delta
        down = alpha * down + (x - mean) + delta
        low, high = min(low, up), max(high, down)
        if n >= least and (up - low > threshold or high - down > threshold):
            found.append(i + 1)
            n = 0
    return found


def ddm(xs):
    """Positions from 1 of the drift detection method."""
    found, n = [], 0
    for i, x in enumerate(xs):
        if n == 0:
            p, best = 0., (math.inf, math.inf, math.inf)
        n += 1
        p += (x - p) / n
        s = math.sqrt(max(p * (1 - p), 0) / n)
        if n > 30:
            if p + s <= best[0]:
                best = (p + s, p, s)
            if p + s > best[1] + 3 * best[2]:
                found.append(i + 1)
                n = 0
    return found


def adwin(xs, delta=.002):
    """Positions from 1 of adaptive windowing, with lists for buckets."""
    found, rows = [], None
    for i, x in enumerate(xs):
        if rows is None:
            rows, width, total, variance, tick = [[]], 0, 0., 0., 0
        rows[0].append((x, 0.))
        width += 1
        if width > 1:
            variance += (width - 1) * (x - total / (width - 1)) ** 2 / width
        total += x
        for k in range(60):
            if k >= len(rows) or len(rows[k]) < 6:
                break
            if k + 1 == len(rows):
                rows.append([])
            (a, va), (b, vb) = rows[k][:2]
            rows[k] = rows[k][2:]
            size = 2 ** k
            rows[k + 1].append((a + b, va + vb + size * size *
                                (a / size - b / size) ** 2 / (2 * size)))
        tick += 1
        if tick % 32 or width <= 10:
            continue
        changed = again = True
        changed = False
        while again:
            again = False
            n0, n1, u0, u1 = 0., width, 0., total
            cuts = [(k, j) for k in range(len(rows) - 1, -1, -1)
                    for j in range(len(rows[k]) - 1)]
            for k, j in cuts:
                size = 2 ** k
                n0, n1 = n0 + size, n1 - size
                u0, u1 = u0 + rows[k][j][0], u1 - rows[k][j][0]
                if n0 < 5 or n1 < 5:
                    continue
                chance = math.log(2 * math.log(width) / delta)
                m = 1 / (n0 - 4) + 1 / (n1 - 4)
                if abs(u0 / n0 - u1 / n1) > (
                        math.sqrt(2 * m * variance / width * chance) +
                        2 / 3 * chance * m):
                    size = 2 ** (len(rows) - 1)
                    u, v = rows[-1].pop(0)
                    width -= size
                    total -= u
                    variance -= v + size * width * (
                        u / size - total / width) ** 2 / (size + width)
                    if not rows[-1]:
                        rows.pop()
                    changed = again = True
                    break
        if changed:
            found.append(i + 1)
            rows = None
    return found


def kswin(xs, alpha=.005, size=100, part=30, seed=42):
    """Positions from 1 of Kolmogorov-Smirnov windowing."""
    found = []
    window, rng = collections.deque(maxlen=size), random.Random(seed)
    for i, x in enumerate(xs):
        window.append(x)
        if len(window) < size:
            continue
        older = [window[k] for k in rng.sample(range(size - part), part)]
        d, p = stats.ks_2samp(older, list(window)[size - part:],
                              method="exact")
        if p <= alpha and d > .1:
            found.append(i + 1)
            window, rng = collections.deque(maxlen=size), random.Random(seed)
    return found


def check_detectors(cursor):
    """Streams of several kinds through all detectors."""
    rng = np.random.default_rng(7)
    streams = {
        "steps": np.concatenate([rng.normal(m, 1, 700)
                                 for m in (0, 0.7, 3, -2, -2)]),
        "drifting": rng.normal(size=4000) + np.arange(4000) / 800,
        "wider": np.concatenate([rng.normal(0, s, 900) for s in (1, 3, 1)]),
        "large": 1e9 + np.concatenate([rng.normal(m, 5, 800)
                                       for m in (0, 40)]),
        "stable": rng.exponential(size=3000),
        "constant": np.ones(500),
    }
    errors = {f"errors {a} {b}": np.concatenate([
        rng.uniform(size=1500) < a, rng.uniform(size=1500) < b]).astype(float)
        for a, b in ((.05, .3), (.2, .2), (.4, .1), (0, .02))}
    for name, xs in {**streams, **errors}.items():
        xs = [float(x) for x in xs]
        cursor.execute(
            "SELECT (mlops.adwin(x ORDER BY i)).detections,"
            " (mlops.adwin(x, 0.1 ORDER BY i)).detections,"
            " (mlops.page_hinkley(x ORDER BY i)).detections,"
            " (mlops.page_hinkley(x, 15, 0.1 ORDER BY i)).detections,"
            " (mlops.kswin(x ORDER BY i)).detections,"
            " (mlops.kswin(x, 0.05 ORDER BY i)).detections,"
            " (mlops.detect_changes(x, 'kswin', '{\"window_size\": 400,"
            " \"stat_size\": 20, \"seed\": 0}' ORDER BY i)).detections"
            " FROM unnest(%s) WITH ORDINALITY u(x, i)", (xs,))
        ours = cursor.fetchone()
        theirs = (adwin(xs), adwin(xs, .1), page_hinkley(xs),
                  page_hinkley(xs, 15, .1), kswin(xs), kswin(xs, .05),
                  kswin(xs, size=400, part=20, seed=0))
        for what, a, b in zip(("adwin", "adwin 0.1", "page_hinkley",
                               "page_hinkley 15", "kswin", "kswin 0.05",
                               "kswin 400"), ours, theirs):
            result(a == b, f"{what} of {name}", f"{a} {b}")
        if name in errors:
            cursor.execute("SELECT (mlops.ddm(x ORDER BY i)).detections FROM "
                           "unnest(%s) WITH ORDINALITY u(x, i)", (xs,))
            ours = cursor.fetchone()[0]
            result(ours == ddm(xs), f"ddm of {name}", f"{ours} {ddm(xs)}")


# --- estimated performance ---------------------------------------------------

def make_rows(cursor, table, n, seed, shift=0., meaning=1.):
    """Rows of which inputs are shifted, or mean something else."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, n))
    a = a + shift
    margin = meaning * (1.5 * a - b)
    y = rng.uniform(size=n) < 1 / (1 + np.exp(-margin))
    kind = np.argmax(np.stack([a, b, 0 * a]) + rng.gumbel(size=(3, n)), 0)
    number = 2 * a + rng.normal(size=n) * np.exp(0.3 * a) * meaning
    text = io.StringIO("".join(
        f"{i}\t{i * 50 // n}\t{p}\t{q}\t{'t' if r else 'f'}\tk{s}\t{t}\n"
        for i, (p, q, r, s, t) in enumerate(zip(a, b, y, kind, number))))
    cursor.execute(f"CREATE TABLE {table} (i int, block int, a float8, "
                   "b float8, y boolean, kind text, number float8)")
    cursor.copy_expert(f"COPY {table} FROM STDIN", text)


def estimate(cursor, model, source, more=""):
    """{metric: (estimate, low, high)} with the table reference."""
    cursor.execute("SELECT metric, estimate, low, high FROM "
                   f"mlops.estimate_performance(%s, %s, 'reference'{more})",
                   (model, source))
    return {row[0]: row[1:] for row in cursor}


def evaluate(cursor, model, source):
    """{metric: value}"""
    cursor.execute("SELECT metric, value FROM mlops.evaluate(%s, %s)",
                   (model, source))
    return dict(cursor.fetchall())


def calibrated(reference, label, scores):
    """Isotonic regression of scikit-learn."""
    return IsotonicRegression(out_of_bounds="clip").fit(
        reference, label).predict(scores)


def near(a, b, tolerance=1e-9):
    """Equal to a relative tolerance."""
    return a is not None and abs(a - b) <= tolerance * max(1, abs(b))


def check_binary(cursor):
    """The formulas of expected counts, from sklearn's calibration."""
    def take(table):
        cursor.execute("SELECT mlops.predict('wo_binary', t), y::int "
                       f"FROM {table} t ORDER BY i")
        return np.array(cursor.fetchall()).T
    p_ref, y_ref = take("reference")
    p, _ = take("shifted")
    c = calibrated(p_ref, y_ref, p)
    hit = p > 0.5
    tp, fp = c[hit].sum(), (1 - c[hit]).sum()
    fn, tn = c[~hit].sum(), (1 - c[~hit]).sum()
    twice = (np.r_[np.ones(len(p)), np.zeros(len(p))], np.r_[p, p])
    weight = np.r_[c, 1 - c]
    expected = {
        "accuracy": (tp + tn) / len(p), "precision": tp / (tp + fp),
        "recall": tp / (tp + fn), "f1": tp / (tp + (fp + fn) / 2),
        "base_rate": c.mean(),
        "roc_auc": sk.roc_auc_score(*twice, sample_weight=weight),
        "pr_auc": sk.average_precision_score(*twice, sample_weight=weight),
        "log_loss": sk.log_loss(*twice, sample_weight=weight),
        "brier": sk.brier_score_loss(*twice, sample_weight=weight),
        "mcc": sk.matthews_corrcoef(twice[0], twice[1] > 0.5,
                                    sample_weight=weight)}
    ours = estimate(cursor, "wo_binary", "shifted")
    for name, value in expected.items():
        result(near(ours[name][0], value), f"binary {name}",
               f"{ours[name][0]} {value}")
    plain = estimate(cursor, "wo_binary", "shifted", ", calibration => 'none'")
    result(near(plain["accuracy"][0], np.maximum(p, 1 - p).mean()),
           "accuracy without calibration")
    platt = estimate(cursor, "wo_binary", "shifted", ", calibration => 'platt'")
    result(abs(platt["accuracy"][0] - expected["accuracy"]) < 0.02,
           "accuracy by a sigmoid", str(platt["accuracy"]))


def check_multiclass(cursor):
    """One class against the rest, scaled to a sum of 1."""
    def take(table):
        cursor.execute("SELECT mlops.predict_proba('wo_multi', t), "
                       f"right(kind, 1)::int FROM {table} t ORDER BY i")
        rows = cursor.fetchall()
        return np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    p_ref, y_ref = take("reference")
    p, _ = take("shifted")
    c = np.stack([calibrated(p_ref[:, k], y_ref == k, p[:, k])
                  for k in range(3)], 1)
    c /= c.sum(1, keepdims=True)
    truth = np.tile(np.arange(3), len(p))
    rows = np.repeat(p, 3, 0)
    weight = c.ravel()
    predicted = rows.argmax(1)
    expected = {
        "accuracy": sk.accuracy_score(truth, predicted, sample_weight=weight),
        "f1_macro": sk.f1_score(truth, predicted, sample_weight=weight,
                                average="macro"),
        "balanced_accuracy": sk.balanced_accuracy_score(
            truth, predicted, sample_weight=weight),
        "log_loss": sk.log_loss(truth, rows, sample_weight=weight),
        "roc_auc_ovr": np.mean([sk.roc_auc_score(
            truth == k, rows[:, k], sample_weight=weight)
            for k in range(3)])}
    ours = estimate(cursor, "wo_multi", "shifted")
    for name, value in expected.items():
        result(near(ours[name][0], value, 1e-7), f"multiclass {name}",
               f"{ours[name][0]} {value}")


def check_bands(cursor):
    """Bands of 95 % hold what is realised in 80 % and more of 50 windows."""
    for model, names in (
            ("wo_binary", ("accuracy", "precision", "recall", "f1", "roc_auc",
                           "log_loss", "brier", "base_rate", "mcc")),
            ("wo_multi", ("accuracy", "log_loss", "f1_macro")),
            ("wo_number", ("mae", "rmse"))):
        inside = collections.Counter()
        for block in range(50):
            source = f"SELECT * FROM shifted WHERE block = {block}"
            real = evaluate(cursor, model, source)
            for name, (_, low, high) in estimate(cursor, model,
                                                 source).items():
                inside[name] += low <= real[name] <= high
        for name in names:
            result(inside[name] >= 40, f"band of {model} {name}",
                   f"{inside[name]} of 50")


def check_limits(cursor):
    """What is seen, and what cannot be."""
    for model, name in (("wo_binary", "accuracy"), ("wo_binary", "f1"),
                        ("wo_number", "mae"), ("wo_number", "rmse")):
        there = evaluate(cursor, model, "reference")[name]
        real = evaluate(cursor, model, "shifted")[name]
        ours = estimate(cursor, model, "shifted")[name][0]
        result(abs(ours - real) < abs(there - real),
               f"{model} {name}: nearer than the reference",
               f"{ours} {real} {there}")
        real = evaluate(cursor, model, "reversed")[name]
        _, low, high = estimate(cursor, model, "reversed")[name]
        result(not low <= real <= high,
               f"{model} {name}: a change of meaning is not seen")


def main():
    """All of it, in a schema of its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--dsn", default="")
    connection = psycopg2.connect(parser.parse_args().dsn)
    connection.autocommit = True
    cursor = connection.cursor()
    warnings.simplefilter("ignore")

    def clean():
        cursor.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        cursor.execute("SELECT mlops.drop_model(model) FROM mlops.models "
                       "WHERE model = ANY (%s)", (MODELS,))
    clean()
    cursor.execute(f"CREATE SCHEMA {SCHEMA}")
    cursor.execute(f"SET search_path = {SCHEMA}")
    try:
        check_detectors(cursor)
        make_rows(cursor, "train", 5000, 1)
        make_rows(cursor, "reference", 5000, 2)
        make_rows(cursor, "shifted", 25000, 3, shift=0.8)
        make_rows(cursor, "reversed", 3000, 4, meaning=-3)
        for model, target in zip(MODELS, ("y", "kind", "number")):
            cursor.execute(
                "SELECT mlops.train(%s, %s, %s, params => "
                "'{\"max_depth\": 3, \"num_boost_round\": 40}')",
                (model, f"SELECT a, b, {target} FROM train", target))
        check_binary(cursor)
        check_multiclass(cursor)
        check_bands(cursor)
        check_limits(cursor)
    except Exception:
        result(False, "no exception", traceback.format_exc())
    clean()
    failed = RESULTS.count(False)
    print(f"{len(RESULTS) - failed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
