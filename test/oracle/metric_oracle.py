#!/usr/bin/python3
"""Hold the metric aggregates and the metrics by order against scikit-learn.

    metric_oracle.py

The aggregates run in the server that the environment names, over random rows
with ties, weights, zero weights, NULLs and groups, some of them with one class
or one row; serially, with forced parallel workers, and partition by partition.
Concordance is held against all pairs, one by one; rankings against
scikit-learn's ndcg_score and average_precision_score by group; curves against
roc_curve and precision_recall_curve; DeLong's variance against its definition
by placements.  All to 1e-9; the ways to run to 1e-12 of each other.  Last line:
N passed, N failed; exit 1 on failure.
"""
import ctypes
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import psycopg2
from scipy import stats
from sklearn import metrics as sk

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESULTS = []
WORST = [0.0]
warnings.simplefilter("ignore")


def record(name, bad=()):
    RESULTS.append(not bad)
    print(f"{'not ok' if bad else 'ok'} {len(RESULTS)} - {name}"
          + "".join(f"\n#   {b}" for b in list(bad)[:10]))


def close(got, want, tolerance=1e-9):
    """Whether two numbers agree; None and NaN stand for not defined."""
    absent = [x is None or math.isnan(x) for x in (got, want)]
    if any(absent):
        return all(absent)
    if math.isinf(want):
        return got == want
    error = abs(got - want) / max(1, abs(want))
    WORST[0] = max(WORST[0], error)
    return error <= tolerance


# --- definitions -------------------------------------------------------------

def concordance(lower, upper, prediction, weight, reverse=False):
    """All pairs of rows; see src/math/sample.h for which are comparable."""
    good = pairs = 0.0
    for j in range(len(lower)):
        first = (upper < lower[j]) | (
            (upper == lower[j]) & (upper[j] > lower[j]))
        first &= np.isfinite(upper)
        w = weight[first] * weight[j]
        d = prediction[j] - prediction[first]
        d = -d if reverse else d
        good += (w * ((d > 0) + 0.5 * (d == 0))).sum()
        pairs += w.sum()
    return good / pairs if pairs else None


def ece(y, p, w):
    bins = np.minimum((p * 10).astype(int), 9)
    return sum(abs((w * (y - p))[bins == b].sum()) for b in range(10)) / w.sum()


def mcc(y, p, w):
    """NULL where scikit-learn gives 0 for want of variation."""
    if len(set(y)) < 2 or len(set(p)) < 2:
        return None
    return sk.matthews_corrcoef(y, p, sample_weight=w)


def scorers():
    """SQL expression over (y, l, p, x, k, q, w) -> function of the columns."""
    def two(y):
        return 0 < y.sum() < len(y)

    table = {
        "roc_auc(y, p{w})": lambda c, w: sk.roc_auc_score(
            c.y, c.p, sample_weight=w) if two(c.y) else None,
        "pr_auc(l, p{w})": lambda c, w: sk.average_precision_score(
            c.y, c.p, sample_weight=w) if c.y.any() else None,
        "log_loss(y, p{w})": lambda c, w: sk.log_loss(
            c.y, c.p, sample_weight=w, labels=[0, 1]),
        "brier(l, p{w})": lambda c, w: np.average(
            (c.y - c.p) ** 2, weights=w),
        "ece(y, p{w})": lambda c, w: ece(c.y, c.p, w),
        "rmse(x, k{w})": lambda c, w: math.sqrt(sk.mean_squared_error(
            c.x, c.k, sample_weight=w)),
        "mae(x, k{w})": lambda c, w: sk.mean_absolute_error(
            c.x, c.k, sample_weight=w),
        "mape(x, k{w})": lambda c, w: sk.mean_absolute_percentage_error(
            c.x, c.k, sample_weight=w),
        "r2(x, k{w})": lambda c, w: sk.r2_score(
            c.x, c.k, sample_weight=w) if len(set(c.x)) > 1 else None,
        "pinball_loss(x, k, 0.3{w})": lambda c, w: sk.mean_pinball_loss(
            c.x, c.k, alpha=0.3, sample_weight=w),
        "poisson_deviance(q, k{w})": lambda c, w: sk.mean_poisson_deviance(
            c.q, c.k, sample_weight=w),
        "gamma_deviance(q + 1, k{w})": lambda c, w: sk.mean_gamma_deviance(
            c.q + 1, c.k, sample_weight=w),
        "tweedie_deviance(q, k, 1.4{w})": lambda c, w: sk.mean_tweedie_deviance(
            c.q, c.k, power=1.4, sample_weight=w),
        "accuracy(q, r{w})": lambda c, w: sk.accuracy_score(
            c.q, c.r, sample_weight=w),
        "balanced_accuracy('c' || q, 'c' || r{w})": lambda c, w:
            sk.balanced_accuracy_score(c.q, c.r, sample_weight=w),
        "f1_macro(q, r{w})": lambda c, w: sk.f1_score(
            c.q, c.r, average="macro", sample_weight=w),
        "mcc(q::numeric, (r || '.0')::numeric{w})": lambda c, w:
            mcc(c.q, c.r, w),
        "mcc(l, p > 0.5{w})": lambda c, w: mcc(c.y, c.p > 0.5, w),
        "f1(l, p > 0.5{w})": lambda c, w: sk.f1_score(
            c.y, c.p > 0.5, sample_weight=w)
            if c.y.any() or (c.p > 0.5).any() else None,
        "precision_score(y, (p > 0.5)::int{w})": lambda c, w:
            sk.precision_score(c.y, c.p > 0.5, sample_weight=w)
            if (c.p > 0.5).any() else None,
        "recall_score(l, p > 0.5{w})": lambda c, w: sk.recall_score(
            c.y, c.p > 0.5, sample_weight=w) if c.y.any() else None,
        "concordance(t, l, k{w})": lambda c, w: concordance(
            c.t, np.where(c.y > 0, c.t, np.inf), c.k, w),
        "ndcg(q, p)": lambda c, w: sk.ndcg_score(
            [2.0 ** c.q - 1], [c.p]) if len(c.q) > 1 and c.q.any()
            else 1.0 if c.q.any() else None,
        "ndcg(q, p, 5)": lambda c, w: sk.ndcg_score(
            [2.0 ** c.q - 1], [c.p], k=5) if len(c.q) > 1 and c.q.any()
            else 1.0 if c.q.any() else None,
    }
    return table


class Columns:
    def __init__(self, data, rows):
        for name, values in data.items():
            setattr(self, name, values[rows])


def make_data(rng, n):
    y = (rng.random(n) < 0.4).astype(float)
    g = rng.integers(0, 12, n)
    g[:1] = 90                              # one row
    y[g == 3] = 1                           # one class
    y[g == 4] = 0
    q = rng.integers(0, 5, n).astype(float)
    q[g == 5] = 0                           # nothing relevant
    p = 0.5 * rng.random(n) + 0.4 * y
    return {"g": g, "y": y, "q": q,
            "p": np.where(g % 2, p, np.round(p, 2)),
            "r": np.where(rng.random(n) < 0.6, q, rng.integers(0, 5, n)),
            "x": 1e6 + rng.normal(0, 3, n) * (g != 6),  # far from 0; constant
            "k": np.round(np.exp(rng.normal(0, 1, n)), 1) + 0.05,
            "t": rng.integers(1, 40, n).astype(float),
            "w": rng.choice([0, 0.5, 1, 3.25], n)}


def load(cursor, data):
    cursor.execute("""
        DROP TABLE IF EXISTS metric_rows;
        CREATE TABLE metric_rows (g int, y int, q int, p float8, r int,
            x float8, k float8, t float8, w float8, l boolean)
            PARTITION BY LIST (g);
        CREATE TABLE metric_rows_1 PARTITION OF metric_rows
            FOR VALUES IN (0, 1, 2, 3, 4, 5);
        CREATE TABLE metric_rows_2 PARTITION OF metric_rows DEFAULT""")
    names = list(data)
    rows = [tuple(float(data[name][i]) for name in names) for i in
            range(len(data["g"]))]
    holes = [(r[0],) + (None,) * (len(names) - 1) for r in rows[::17]]
    values = ", ".join("(" + ", ".join("NULL" if v is None else repr(v)
                                       for v in row) + ")"
                       for row in rows + holes)
    cursor.execute(f"INSERT INTO metric_rows ({', '.join(names)}, l) "
                   f"SELECT *, (v.y <> 0)::boolean FROM (VALUES {values}) "
                   f"v ({', '.join(names)})")
    cursor.execute("ANALYZE metric_rows")


MODES = {
    "serial": "SET max_parallel_workers_per_gather = 0",
    "parallel": """SET max_parallel_workers_per_gather = 4;
        SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
        SET min_parallel_table_scan_size = 0; SET enable_sort = off""",
    "partitionwise": """SET max_parallel_workers_per_gather = 0;
        SET enable_partitionwise_aggregate = on""",
}


def run_modes(connection, query, wanted_nodes):
    """The rows of each mode, and whether its plan was what it is to be."""
    results = {}
    for mode, settings in MODES.items():
        with connection.cursor() as cursor:
            cursor.execute("RESET ALL; SET search_path = mlops, public")
            cursor.execute(settings)
            cursor.execute("EXPLAIN " + query)
            plan = "\n".join(row[0] for row in cursor.fetchall())
            if mode == "parallel" and "Partial" not in plan:
                wanted_nodes.append(f"{mode}: {plan}")
            cursor.execute(query)
            results[mode] = dict((row[0], row[1:])
                                 for row in cursor.fetchall())
    return results


def test_aggregates(connection, seed, n):
    data = make_data(np.random.default_rng(seed), n)
    with connection.cursor() as cursor:
        cursor.execute("SET search_path = mlops, public")
        load(cursor, data)
    table = scorers()
    calls = [(e.format(w=w), f, w) for e, f in table.items()
             for w in (("", ", w") if "{w}" in e else ("",))]
    query = "SELECT coalesce(g, -1), " + ", ".join(c[0] for c in calls) + \
        " FROM metric_rows GROUP BY GROUPING SETS (g)"
    all_query = "SELECT -1, " + ", ".join(c[0] for c in calls) + \
        " FROM metric_rows"
    plans = []
    results = run_modes(connection, query.replace("GROUPING SETS (g)", "g"),
                        plans)
    for mode, rows in run_modes(connection, all_query, plans).items():
        results[mode].update(rows)
    record(f"seed {seed}: plans are parallel", plans)
    for i, (call, function, weighted) in enumerate(calls):
        bad, apart = [], []
        for g, values in results["serial"].items():
            rows = np.flatnonzero((data["g"] == g) | (g == -1))
            if weighted:
                rows = rows[data["w"][rows] > 0]
            c = Columns(data, rows)
            w = data["w"][rows] if weighted else np.ones(len(rows))
            want = function(c, w) if len(rows) else None
            if not close(values[i], want):
                bad.append(f"group {g}: got {values[i]} want {want}")
            for mode in ("parallel", "partitionwise"):
                other = results[mode][g][i]
                if not (other is None) == (values[i] is None) or (
                        other is not None and
                        abs(other - values[i]) > 1e-12 * max(1, abs(other))):
                    apart.append(f"{mode} {g}: {other} not {values[i]}")
        record(f"seed {seed}: {call}", bad)
        record(f"seed {seed}: {call}, the same in workers and partitions",
               apart)


# --- plain C -----------------------------------------------------------------

class Metric(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("value", ctypes.c_double)]


class Roc(ctypes.Structure):
    _fields_ = [(n, ctypes.c_double) for n in ("threshold", "x", "y")]


class Lift(ctypes.Structure):
    _fields_ = [("bin", ctypes.c_int), ("n", ctypes.c_size_t),
                ("positives", ctypes.c_size_t)] + \
        [(n, ctypes.c_double) for n in ("share", "precision", "lift", "gain",
                                        "low_score", "high_score")]


class Calibration(ctypes.Structure):
    _fields_ = [("bin", ctypes.c_int), ("n", ctypes.c_size_t)] + \
        [(n, ctypes.c_double) for n in ("mean_prediction", "observed", "low",
                                        "high")]


class Delong(ctypes.Structure):
    _fields_ = [("auc", ctypes.c_double * 2), ("variance", ctypes.c_double * 2),
                ("covariance", ctypes.c_double)]


def build(folder):
    library = os.path.join(folder, "math.so")
    subprocess.run(["cc", "-std=gnu11", "-O2", "-ffp-contract=off", "-fPIC",
                    "-shared", "-I", str(ROOT / "src"), "-o", library,
                    *map(str, sorted((ROOT / "src/math").glob("*.c"))),
                    "-lm"], check=True)
    return ctypes.CDLL(library)


def f4(values):
    values = np.ascontiguousarray(values, np.float32)
    return values.ctypes.data_as(ctypes.c_void_p), values


def metrics_of(function, arrays, *rest):
    """What a function of metrics.h gives, as a dict."""
    out = (Metric * 16)()
    kept = [f4(a) if a is not None else (None, None) for a in arrays]
    count = function(*[k[0] for k in kept], *rest, out)
    return {out[i].name.decode(): out[i].value for i in range(count)}


def compare(name, got, want):
    record(name, [f"{k}: got {got.get(k)} want {v}" for k, v in want.items()
                  if k not in got or not close(got[k], v)] +
           [f"{k}: not expected" for k in got if k not in want])


def test_survival(c, rng, n, case):
    time = np.round(rng.random(n) * 20 + 1, 0 if case % 2 else 3)
    kind = rng.integers(0, 3, n)
    upper = np.where(kind == 0, np.inf, time +
                     np.where(kind == 1, 0, rng.integers(1, 5, n)))
    prediction = np.round(time + rng.normal(0, 4, n), case % 3)
    weight = rng.choice([0, 1, 2.5], n) if case % 2 else np.ones(n)
    time, upper, prediction = (a.astype(np.float32).astype(float)
                               for a in (time, upper, prediction))
    on = weight > 0
    for reverse in (False, True):
        got = metrics_of(
            lambda l, u, p, w, r, out: c.mlops_metrics_survival(
                l, u, p, r, w, ctypes.c_size_t(n), out),
            (time, upper, prediction, weight), ctypes.c_bool(reverse))
        want = {"concordance": concordance(time[on], upper[on],
                                           prediction[on], weight[on],
                                           reverse)}
        if not reverse:
            seen = on & (upper == time)
            want["mae_observed"] = np.average(
                abs(prediction - time)[seen], weights=weight[seen]) \
                if seen.any() else None
        compare(f"survival {case}, n {n}, reverse {reverse}", got, want)


def reciprocal(relevant, score, rng):
    """The mean of 1 / rank of the first relevant row over tie orders."""
    top = float(score[relevant].max())
    before = int((score > top).sum())
    tied = int((score == top).sum())
    k = int((relevant & (score == top)).sum())
    total = 0.0
    for j in range(tied - k + 1):
        total += math.comb(tied - j - 1, k - 1) / math.comb(tied, k) / (
            before + j + 1)
    return total


def test_ranking(c, rng, groups, case):
    sizes = rng.integers(1, 30, groups)
    group = np.repeat(np.arange(groups), sizes).astype(np.uint32)
    n = len(group)
    relevance = rng.integers(0, 4, n) * (rng.random(n) < 0.4)
    score = np.round(rng.normal(0, 1, n), 1 if case % 2 else 6)
    score = score.astype(np.float32).astype(float)
    weight = rng.choice([0, 1, 2.5], groups)[group] if case % 2 else None
    got = metrics_of(
        lambda r, s, w, out: c.mlops_metrics_ranking(
            r, s, group.ctypes.data_as(ctypes.c_void_p), w,
            ctypes.c_size_t(n), out), (relevance, score, weight))
    sums = dict.fromkeys(("ndcg", "ndcg_5", "ndcg_10", "map", "mrr"), 0.0)
    total = 0.0
    for g in range(groups):
        at = group == g
        r, s = relevance[at], score[at]
        w = 1 if weight is None else weight[at][0]
        if not r.any() or w == 0:
            continue
        gain = [2.0 ** r - 1]
        total += w
        for name, k in (("ndcg", None), ("ndcg_5", 5), ("ndcg_10", 10)):
            sums[name] += w * (sk.ndcg_score(gain, [s], k=k)
                               if len(r) > 1 else 1)
        sums["map"] += w * sk.average_precision_score(r > 0.5, s)
        sums["mrr"] += w * reciprocal(r > 0.5, s, rng)
    compare(f"ranking {case}, {groups} groups", got,
            {k: v / total for k, v in sums.items()})


def test_deviance(c, rng, n, case):
    y = rng.poisson(2, n).astype(float)
    p = np.exp(rng.normal(0.5, 0.5, n)).astype(np.float32).astype(float)
    w = rng.choice([0.5, 1, 2], n) if case % 2 else np.ones(n)
    size = ctypes.c_size_t(n)
    for power, name in ((1, "poisson_deviance"), (2, "gamma_deviance"),
                        (1.5, "tweedie_deviance")):
        label = y + (power == 2)
        got = metrics_of(lambda a, b, d, out: c.mlops_metrics_deviance(
            a, b, d, size, ctypes.c_double(power), out), (label, p, w))
        compare(f"{name} {case}", got, {
            name: sk.mean_tweedie_deviance(label, p, power=power,
                                           sample_weight=w),
            "rmse": math.sqrt(sk.mean_squared_error(label, p,
                                                    sample_weight=w)),
            "mae": sk.mean_absolute_error(label, p, sample_weight=w),
            "r2": sk.r2_score(label, p, sample_weight=w),
            "mean_error": np.average(p - label, weights=w)})
    got = metrics_of(lambda a, b, d, out: c.mlops_metrics_quantile(
        a, b, d, size, ctypes.c_double(0.2), out), (y, p, w))
    compare(f"quantile {case}", got, {
        "pinball_loss": sk.mean_pinball_loss(y, p, alpha=0.2,
                                             sample_weight=w),
        "coverage": np.average(y <= p, weights=w),
        "mae": sk.mean_absolute_error(y, p, sample_weight=w),
        "mean_error": np.average(p - y, weights=w)})


def test_curves(c, rng, n, case):
    y = (rng.random(n) < 0.3).astype(float)
    p = np.round(np.clip(0.6 * rng.random(n) + 0.3 * y, 0, 1),
                 2 if case % 2 else 7).astype(np.float32).astype(float)
    w = rng.choice([0.5, 1, 2], n) if case % 3 else np.ones(n)
    a = [f4(v) for v in (y, p, w)]
    pointers = [v[0] for v in a]
    size = ctypes.c_size_t(n)

    def curve(function, most):
        out = (Roc * most)()
        count = function(*pointers, size, ctypes.c_size_t(most), out)
        return np.array([(o.threshold, o.x, o.y) for o in out[:count]])

    fpr, tpr, threshold = sk.roc_curve(y, p, sample_weight=w,
                                       drop_intermediate=False)
    threshold[0] = np.inf
    want = np.column_stack((threshold, fpr, tpr))
    got = curve(c.mlops_curve_roc, n + 1)
    record(f"roc curve {case}", [] if got.shape == want.shape and
           np.allclose(got, want, 0, 1e-9) else [f"{got.shape} {want.shape}"])
    few = curve(c.mlops_curve_roc, 20)
    inside = {tuple(r) for r in got}
    record(f"roc curve {case}, thinned",
           [m for m, good in (
               ("more than asked", len(few) <= 20),
               ("not points of the curve",
                all(tuple(r) in inside for r in few)),
               ("ends", tuple(few[0]) == tuple(got[0]) and
                tuple(few[-1]) == tuple(got[-1])),
               ("the best point", (few[:, 2] - few[:, 1]).max() ==
                (got[:, 2] - got[:, 1]).max())) if not good])

    precision, recall, threshold = sk.precision_recall_curve(
        y, p, sample_weight=w)
    want = np.column_stack((np.append(threshold, np.inf), recall,
                            precision))[::-1]
    got = curve(c.mlops_curve_pr, n + 1)
    # some versions end where recall is reached
    want = want[:len(got)]
    record(f"pr curve {case}", [] if np.allclose(got[:len(want)], want, 0,
                                                 1e-9)
           else [f"{got[:4]} {want[:4]}"])

    out = (Delong * 1)()
    other = np.round(rng.random(n) + 0.2 * y, 2)
    o = f4(other)
    other = o[1].astype(float)
    c.mlops_delong(pointers[0], pointers[1], o[0], pointers[2], size, out)
    v = []
    pos, neg = y > 0, y == 0
    for s in (p, other):
        d = s[pos][:, None] - s[neg][None, :]
        h = (d > 0) + 0.5 * (d == 0)
        v.append((h @ (w[neg] / w[neg].sum()), (w[pos] / w[pos].sum()) @ h))

    def error(a, b):
        total = 0
        for k, wk in ((0, w[pos]), (1, w[neg])):
            m = len(wk)
            da = v[a][k] - np.average(v[a][k], weights=wk)
            db = v[b][k] - np.average(v[b][k], weights=wk)
            total += (wk * wk * da * db).sum() / wk.sum() ** 2 * m / (m - 1)
        return total

    compare(f"delong {case}", {
        "auc": out[0].auc[0], "auc2": out[0].auc[1],
        "var": out[0].variance[0], "var2": out[0].variance[1],
        "cov": out[0].covariance}, {
        "auc": sk.roc_auc_score(y, p, sample_weight=w),
        "auc2": sk.roc_auc_score(y, other, sample_weight=w),
        "var": error(0, 0), "var2": error(1, 1), "cov": error(0, 1)})

    lift = (Lift * 10)()
    count = c.mlops_curve_lift(*pointers, size, 10, lift)
    bad = []
    for b in lift[:count]:
        at = (p >= b.low_score) & (p <= b.high_score)
        upto = p >= b.low_score
        for name, got, value in (
                ("n", b.n, at.sum()), ("positives", b.positives, y[at].sum()),
                ("precision", b.precision, np.average(y[at], weights=w[at])),
                ("lift", b.lift, np.average(y[at], weights=w[at]) /
                 np.average(y, weights=w)),
                ("share", b.share, w[upto].sum() / w.sum()),
                ("gain", b.gain, (w * y)[upto].sum() / (w * y).sum())):
            if not close(float(got), float(value)):
                bad.append(f"bin {b.bin} {name}: {got} want {value}")
    if sum(b.n for b in lift[:count]) != n or \
            (case % 2 == 0 and count != min(10, n)):
        bad.append(f"{count} bins do not hold all rows")
    record(f"lift {case}", bad)

    bins = (Calibration * 10)()
    z = stats.norm.ppf(0.975)
    count = c.mlops_curve_calibration(*pointers, size, 10,
                                      ctypes.c_bool(False),
                                      ctypes.c_double(z), bins)
    cell = np.minimum((p * 10).astype(int), 9)
    bad = [] if count == len(set(cell)) else [f"{count} bins"]
    for b in bins[:count]:
        at = cell == b.bin - 1
        share = np.average(y[at], weights=w[at])
        m = w[at].sum() ** 2 / (w[at] ** 2).sum()
        mid = (share + z * z / (2 * m)) / (1 + z * z / m)
        half = z / (1 + z * z / m) * math.sqrt(
            share * (1 - share) / m + z * z / (4 * m * m))
        for name, got, value in (
                ("n", b.n, at.sum()), ("observed", b.observed, share),
                ("mean", b.mean_prediction,
                 np.average(p[at], weights=w[at])),
                ("low", b.low, mid - half), ("high", b.high, mid + half)):
            if not close(float(got), float(value)):
                bad.append(f"bin {b.bin} {name}: {got} want {value}")
    record(f"calibration {case}", bad)


def test_normal(c):
    p = np.concatenate((np.logspace(-300, -1, 200), np.linspace(0.1, 0.9, 81),
                        1 - np.logspace(-15, -1, 50)))
    bad = [f"{q}" for q in p if not close(
        c.mlops_normal_quantile(ctypes.c_double(q)), stats.norm.ppf(q),
        1e-12)]
    record("normal quantile", bad)


def main():
    rng = np.random.default_rng(7)
    with tempfile.TemporaryDirectory() as folder:
        c = build(folder)
        for function in ("curve_roc", "curve_pr", "curve_lift",
                         "curve_calibration"):
            getattr(c, "mlops_" + function).restype = ctypes.c_long
        c.mlops_delong.restype = ctypes.c_bool
        c.mlops_normal_quantile.restype = ctypes.c_double
        for case in range(6):
            test_survival(c, rng, (1, 2, 7, 60, 500, 1500)[case], case)
            test_ranking(c, rng, (3, 20, 100)[case % 3], case)
            test_deviance(c, rng, 50 + 400 * case, case)
            test_curves(c, rng, 200 + 500 * case, case)
        test_normal(c)
    connection = psycopg2.connect("")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS mlops")
    for seed in range(2):
        test_aggregates(connection, seed, 600 + 2400 * seed)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE metric_rows")
    print(f"# worst error {WORST[0]:.2g}")
    print(f"{sum(RESULTS)} passed, {len(RESULTS) - sum(RESULTS)} failed")
    return 0 if all(RESULTS) else 1


if __name__ == "__main__":
    sys.exit(main())
