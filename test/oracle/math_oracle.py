#!/usr/bin/python3
"""Hold src/math against scikit-learn, numpy and scipy.

    math_oracle.py [MATH_CLI]

Builds test/unit/math_cli.c into a temporary folder unless the program is
given.  Random data of several seeds with ties, weights, zero weights, one
class, missing values.  Metrics must agree to 1e-9, quantiles and moments to
1e-12 relative, counts exactly; the quantiles of sampled columns within the
error that summary.h states.  Last line: N passed, N failed; exit 1 on failure.
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy as np
from scipy import stats
from sklearn import metrics as sk

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESULTS = []
WORST = {}


def build(folder):
    program = os.path.join(folder, "math_cli")
    sources = [str(ROOT / "test/unit/math_cli.c")]
    sources += [str(ROOT / f"src/math/{stem}.c")
                for stem in ("hash", "metrics", "moments", "quantile",
                             "summary")]
    subprocess.run(["cc", "-std=gnu11", "-O2", "-ffp-contract=off",
                    "-I", str(ROOT / "src"), "-o", program,
                    *sources, "-lm"], check=True)
    return program


def call(program, *arguments):
    """What the program printed, as name -> float."""
    text = subprocess.run([program, *map(str, arguments)], check=True,
                          capture_output=True, text=True).stdout
    rows = (line.split("\t") for line in text.splitlines())
    return {name: float(value) for name, value in rows}


def close(name, got, want, tolerance, relative=False):
    """Whether two numbers agree; NaN agrees with NaN only."""
    if np.isnan(want) or np.isnan(got):
        return bool(np.isnan(want) and np.isnan(got))
    if np.isinf(want) or np.isinf(got):
        return got == want
    error = abs(got - want)
    if relative and want != 0:
        error /= abs(want)
    elif not relative:
        error /= max(1, abs(want))
    WORST[name] = max(WORST.get(name, 0), error)
    return error <= tolerance


def record(name, bad):
    RESULTS.append(not bad)
    print(f"{'ok' if not bad else 'not ok'} {len(RESULTS)} - {name}"
          + "".join(f"\n#   {b}" for b in bad))


def compare(case, got, want, tolerance=1e-9, relative=False):
    """One result: all of want are in got and agree, and got has no other."""
    bad = [f"{k}: got {got.get(k)} want {v}" for k, v in want.items()
           if k not in got or not close(k, got[k], v, tolerance, relative)]
    bad += [f"{k}: not expected" for k in got if k not in want]
    record(case, bad)


def write(folder, *arrays):
    path = os.path.join(folder, "data")
    with open(path, "wb") as file:
        for array in arrays:
            if array is not None:
                file.write(np.ascontiguousarray(array, "<f4").tobytes())
    return path


def defined(function, *arguments, **named):
    """The metric, NaN where scikit-learn refuses or warns that it has none."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return float(function(*arguments, **named))
        except (UserWarning, ValueError):
            return float("nan")


def binary_want(y, p, w):
    y = y.astype(int)
    p = p.astype(float)
    hard = (p > 0.5).astype(int)
    named = {"sample_weight": w}
    auc = defined(sk.roc_auc_score, y, p, **named)
    ap = defined(sk.average_precision_score, y, p, **named)
    mcc = sk.matthews_corrcoef(y, hard, **named)
    keep = slice(None) if w is None else w > 0
    if len(set(y[keep])) < 2 or len(set(hard[keep])) < 2:
        mcc = float("nan")
    return {
        "roc_auc": auc,
        "pr_auc": ap,
        "log_loss": sk.log_loss(y, p, labels=[0, 1], **named),
        "brier": float(np.average((y - p) ** 2, weights=w)),
        "accuracy": sk.accuracy_score(y, hard, **named),
        "precision": defined(sk.precision_score, y, hard, **named),
        "recall": defined(sk.recall_score, y, hard, **named),
        "f1": defined(sk.f1_score, y, hard, **named)
        if y.any() or hard.any() else float("nan"),
        "mcc": mcc,
        "base_rate": float(np.average(y, weights=w)),
        "gini": 2 * auc - 1,
    }


def weights_of(rng, kind, n):
    if kind == "none":
        return None
    w = rng.gamma(0.7, 2, n) if kind == "real" else rng.integers(0, 4, n)
    w = w.astype(np.float32).astype(float)
    w[0] = 1
    return w


def check_binary(program, folder):
    for seed in range(3):
        for n in (2, 7, 1000, 50_000):
            for kind in ("none", "real", "whole"):
                for ties in (0, 1, 3):
                    rng = np.random.default_rng([seed, n, ties, len(kind)])
                    p = rng.beta(0.6, 0.9, n)
                    y = (rng.random(n) < p).astype(np.float32)
                    p = (np.round(p, ties) if ties else p).astype(np.float32)
                    w = weights_of(rng, kind, n)
                    got = call(program, "binary", n, int(w is not None),
                               write(folder, y, p, w))
                    compare(f"binary seed {seed} n {n} weight {kind} "
                            f"ties {ties}", got, binary_want(y, p, w))
    for name, y, p in (
            ("all negative", np.zeros(50), np.linspace(0, 1, 50)),
            ("all positive", np.ones(50), np.linspace(0, 1, 50)),
            ("one score", np.arange(50) % 2, np.full(50, 0.25)),
            ("exactly one half", np.arange(50) % 2, np.full(50, 0.5)),
            ("perfect", np.arange(50) % 2, np.arange(50) % 2),
            ("all wrong", np.arange(50) % 2, 1 - np.arange(50) % 2),
            ("tiny scores", np.arange(50) % 3 == 0, np.arange(50) * 1e-44)):
        y = y.astype(np.float32)
        p = p.astype(np.float32)
        compare(f"binary {name}", call(program, "binary", 50, 0,
                                       write(folder, y, p)),
                binary_want(y, p, None))


def regression_want(y, p, w):
    y = y.astype(float)
    p = p.astype(float)
    named = {"sample_weight": w}
    keep = y if w is None else y[w > 0]
    r2 = defined(sk.r2_score, y, p, **named)
    if len(keep) < 2 or np.ptp(keep) == 0:
        r2 = float("nan")
    return {
        "rmse": np.sqrt(sk.mean_squared_error(y, p, **named)),
        "mae": sk.mean_absolute_error(y, p, **named),
        "r2": r2,
        "mape": sk.mean_absolute_percentage_error(y, p, **named),
        "mean_error": float(np.average(p - y, weights=w)),
    }


def check_regression(program, folder):
    for seed in range(3):
        for n in (1, 2, 1000, 50_000):
            for kind in ("none", "real", "whole"):
                for shape in ("normal", "offset", "wide", "constant"):
                    rng = np.random.default_rng([seed, n, len(shape)])
                    y = {"normal": rng.normal(size=n),
                         "offset": 1e6 + rng.normal(size=n),
                         "wide": np.exp(rng.normal(0, 8, n)),
                         "constant": np.full(n, 0.1)}[shape]
                    y = y.astype(np.float32)
                    p = (y + rng.normal(size=n)).astype(np.float32)
                    w = weights_of(rng, kind, n)
                    compare(f"regression seed {seed} n {n} weight {kind} "
                            f"{shape}",
                            call(program, "regression", n,
                                 int(w is not None), write(folder, y, p, w)),
                            regression_want(y, p, w))


def multiclass_want(y, p, k, w):
    keep = slice(None) if w is None else w > 0
    y = y.astype(int)[keep]
    p = p.astype(float)[keep]
    w = None if w is None else w[keep]
    hard = p.argmax(axis=1)
    named = {"sample_weight": w}
    ovr = float("nan")
    if len(set(y)) == k:
        ovr = np.average([sk.roc_auc_score(y == c, p[:, c], **named)
                          for c in range(k)])
    clipped = np.clip(p, np.finfo(float).eps, 1 - np.finfo(float).eps)
    clipped /= clipped.sum(axis=1)[:, None]
    # scikit-learn once made rows sum to one, and no longer does
    loss = np.average(-np.log(clipped[np.arange(len(y)), y]), weights=w)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "log_loss": loss,
            "accuracy": sk.accuracy_score(y, hard, **named),
            "f1_macro": sk.f1_score(y, hard, average="macro", **named),
            "balanced_accuracy": sk.balanced_accuracy_score(y, hard, **named),
            "roc_auc_ovr": ovr,
        }


def check_multiclass(program, folder):
    for seed in range(3):
        for n, k in ((5, 3), (1000, 2), (1000, 3), (1000, 26), (20_000, 7)):
            for kind in ("none", "real", "whole"):
                for missing_class in (0, 1):
                    rng = np.random.default_rng([seed, n, k, missing_class])
                    p = rng.dirichlet(np.full(k, 0.5), n)
                    y = np.array([rng.choice(k, p=row) for row in p])
                    if missing_class:
                        y[y == k - 1] = 0
                    p = np.round(p, 2) if seed % 2 else p
                    p = p.astype(np.float32)
                    w = weights_of(rng, kind, n)
                    compare(f"multiclass seed {seed} n {n} k {k} weight "
                            f"{kind} missing {missing_class}",
                            call(program, "multiclass", n,
                                 int(w is not None),
                                 write(folder, y, p, w), k),
                            multiclass_want(y, p, k, w))
    # against scikit-learn's own multiclass AUC, on rows that sum to one
    rng = np.random.default_rng(5)
    p = rng.dirichlet(np.ones(4), 3000).astype(np.float32)
    y = rng.integers(0, 4, 3000)
    got = call(program, "multiclass", 3000, 0, write(folder, y, p), 4)
    want = sk.roc_auc_score(y, p.astype(float), multi_class="ovr")
    record("multiclass roc_auc_score(multi_class='ovr')",
           [] if close("roc_auc_ovr", got["roc_auc_ovr"], want, 1e-9)
           else [f"{got['roc_auc_ovr']} {want}"])


def columns_of(rng, n):
    """Columns that are hard in different ways."""
    columns = [
        rng.normal(size=n), 1e6 + rng.normal(size=n),
        np.exp(rng.normal(0, 3, n)), rng.integers(0, 40, n),
        np.where(rng.random(n) < 0.7, 0, rng.exponential(size=n)),
        np.where(rng.random(n) < 0.5, 3, rng.normal(3, 1, n)),
        rng.integers(0, 2, n), rng.random(n) < 0.01, np.full(n, 7.25),
        np.full(n, np.nan), rng.normal(size=n) * 1e37,
        rng.normal(size=n) * 1e-42, np.sort(rng.normal(size=n)),
        -np.exp(rng.normal(0, 2, n)), np.arange(n) % 128,
        rng.standard_cauchy(n), np.zeros(n), rng.integers(-5, 6, n) / 10,
    ]
    data = np.column_stack(columns).astype(np.float32)
    holes = rng.random(data.shape) < 0.1
    holes[:, [0, 8]] = False
    data[holes] = np.nan
    return data


def edges_are_sound(got, prefix, x):
    """Deciles where nothing ties, counts as the edges say, always."""
    n_bins = int(got[prefix + "n_bins"])
    edge = np.array([got[f"{prefix}edge{i}"] for i in range(n_bins - 1)])
    count = [int(got[f"{prefix}bin{i}"]) for i in range(n_bins)]
    bad = []
    bounds = np.r_[-np.inf, edge, np.inf]
    for i in range(n_bins):
        n = int(((x > bounds[i]) & (x <= bounds[i + 1])).sum())
        if n != count[i]:
            bad.append(f"{prefix}bin{i}: got {count[i]} want {n}")
    if np.any(np.diff(edge) <= 0) or n_bins > 10:
        bad.append(f"{prefix}edges {edge}")
    values = np.unique(x)
    if 0 < len(values) <= 10 and list(edge) != list(values[:-1]):
        bad.append(f"{prefix}edges {edge} of values {values}")
    deciles = np.quantile(x, np.arange(1, 10) / 10) if len(x) else []
    if len(values) > 10 and len(np.unique(deciles)) == 9 \
            and deciles[-1] < values[-1]:
        below = deciles.astype(np.float32)
        below = np.where(below > deciles,
                         np.nextafter(below, np.float32(-np.inf)), below)
        if got[prefix + "sampled"] == 0 and list(edge) != list(below):
            bad.append(f"{prefix}edges {edge} deciles {deciles}")
    return bad


def check_column(got, prefix, raw):
    """Everything about one column; the list of what is wrong."""
    x = raw[~np.isnan(raw)].astype(float)
    bad = []

    def same(name, want, tolerance=1e-12, relative=True):
        value = got[prefix + name]
        if not close("summary " + name.rstrip("0123456789"), value, want,
                     tolerance, relative):
            bad.append(f"{prefix}{name}: got {value} want {want}")

    same("n", len(raw), 0)
    same("n_missing", len(raw) - len(x), 0)
    if len(x) == 0:
        for name in ("min", "max", "mean", "stddev", "skewness", "q50"):
            same(name, float("nan"))
        return bad
    same("min", x.min(), 0)
    same("max", x.max(), 0)
    # a mean near 0 is as exact as its terms are large
    scale = np.abs(x).mean() or 1
    if not close("summary mean", got[prefix + "mean"] / scale,
                 np.mean(x.astype(np.longdouble)) / scale, 1e-12):
        bad.append(f"{prefix}mean: {got[prefix + 'mean']} {x.mean()}")
    exact = x.astype(np.longdouble) - x.astype(np.longdouble).mean()
    m2 = (exact ** 2).mean()
    same("stddev", float(np.sqrt(m2)))
    skew = float((exact ** 3).mean() / m2 ** 1.5) if np.ptp(x) else np.nan
    same("skewness", skew, 1e-11, False)
    if np.ptp(x) and abs(x).max() < 1e30 and x.std() > 1e-30 * abs(x).max() \
            and not close("scipy skew", got[prefix + "skewness"],
                          stats.skew(x), 1e-6):
        bad.append(f"{prefix}skewness: scipy says {stats.skew(x)}")
    order = np.sort(x)
    for i in range(101):
        want = np.quantile(x, i / 100)
        if got[prefix + "sampled"] == 0:
            same(f"q{i}", want)
            continue
        value = got[f"{prefix}q{i}"]
        rank = (np.searchsorted(order, value, "left") / len(x),
                np.searchsorted(order, value, "right") / len(x))
        error = max(0, rank[0] - i / 100, i / 100 - rank[1])
        WORST["sampled rank"] = max(WORST.get("sampled rank", 0), error)
        if error > 0.0105:
            bad.append(f"{prefix}q{i}: {value} has rank {rank}")
    bad += edges_are_sound(got, prefix, x)
    if np.ptp(x):
        want = np.histogram(x, 20)[0]
        value = [int(got[f"{prefix}width{i}"]) for i in range(20)]
        if list(want) != value:
            bad.append(f"{prefix}width: got {value} want {list(want)}")
    return bad


def check_summary(program, folder):
    for seed in range(3):
        for n in (0, 1, 2, 3, 10, 257, 5000, 131_072, 400_000):
            data = columns_of(np.random.default_rng([seed, n]), n)
            got = call(program, "summary", n, data.shape[1],
                       write(folder, data))
            bad = []
            for c in range(data.shape[1]):
                bad += check_column(got, f"{c}.", data[:, c])
            record(f"summary seed {seed} n {n}, {data.shape[1]} columns", bad)
            sampled = any(v for k, v in got.items() if k.endswith("sampled"))
            record(f"summary seed {seed} n {n} sampled: {sampled}",
                   [] if sampled == (n > 131_072) else ["wrong"])


def main():
    with tempfile.TemporaryDirectory() as folder:
        program = sys.argv[1] if len(sys.argv) > 1 else build(folder)
        check_binary(program, folder)
        check_regression(program, folder)
        check_multiclass(program, folder)
        check_summary(program, folder)
    print("\nlargest difference")
    for name, error in sorted(WORST.items()):
        print(f"  {name:24s} {error:.2e}")
    print(f"{sum(RESULTS)} passed, {len(RESULTS) - sum(RESULTS)} failed")
    sys.exit(0 if all(RESULTS) else 1)


main()
