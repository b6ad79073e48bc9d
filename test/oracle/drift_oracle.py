#!/usr/bin/python3
"""Hold mlops.drift and mlops.drift_between against scipy, and against chance.

    drift_oracle.py [--dsn DSN]

Draws data with fixed seeds.  scipy and numpy must find the same figures from
the same rows.  What a stored baseline can only say about is checked by how
far it is off.  The conventions of other tools are checked on a stream that
their figures are known for.  And the status is checked by what it promises:
over a thousand windows without any drift few are called drift, whatever the
column is like, and planted shifts are found.

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
from scipy.spatial.distance import jensenshannon

SCHEMA = "mlops_drift_oracle"
MODELS = ["dr_many", "dr_few", "dr_pair"]
WINDOWS = 400
RESULTS = []


def result(ok, name, detail=""):
    """Count one check; print it when it fails."""
    RESULTS.append(bool(ok))
    if not ok:
        print(f"not ok - {name}{': ' if detail else ''}{detail}")
    return bool(ok)


def near(a, b, name, tolerance=1e-9):
    """Equal to a relative tolerance; a missing value equals NaN only."""
    if a is None or np.isnan(b):
        return result(a is None and np.isnan(b), name, f"{a}, not {b}")
    return result(abs(a - b) <= tolerance * max(1e-3, abs(b)), name,
                  f"{a}, not {b}")


# --- data ---------------------------------------------------------------------

def copy_table(cursor, table, columns, arrays):
    """Make a table out of equally long arrays."""
    cursor.execute(f"CREATE TABLE {table} ({columns})")
    text = io.StringIO()
    for row in zip(*arrays):
        text.write("\t".join(r"\N" if v is None or v != v else str(v)
                             for v in row) + "\n")
    text.seek(0)
    cursor.copy_expert(f"COPY {table} FROM STDIN", text)


def drift(cursor, call, parameters=()):
    """{(slice, feature): {column: value}}; the whole has feature None."""
    cursor.execute(f"SELECT d.* FROM {call} d", parameters)
    names = [c.name for c in cursor.description]
    rows = [dict(zip(names, row)) for row in cursor.fetchall()]
    return {(str(r["slice"]), r["feature"]): r for r in rows}


def lcg(n, seed=42):
    """Uniform numbers that anything can make again."""
    out = []
    for _ in range(n):
        seed = (1103515245 * seed + 12345) % (1 << 31)
        out.append(seed / (1 << 31))
    return np.array(out)


# --- exact figures ---------------------------------------------------------------

def shares(counts):
    """Counts as shares."""
    return np.asarray(counts, float) / np.sum(counts)


def quantile_bins(base, now):
    """Shares over the deciles of the reference, and what is missing."""
    present = base[~np.isnan(base)]
    values = np.unique(present)
    if len(values) <= 10:
        edges = values[:-1]
    else:
        edges = np.quantile(present.astype(float), np.arange(1, 10) / 10)
    out = []
    for x in (base, now):
        there = x[~np.isnan(x)].astype(float)
        bins = np.searchsorted(edges, there, side="left")
        counts = np.bincount(bins, minlength=len(edges) + 1)
        out.append(shares(np.append(counts, np.isnan(x).sum())))
    return out


def category_bins(base, now):
    """Counts of categories with five rows or more of the reference, of the
    rest, of missing."""
    names = [v for v in {v for v in base if v is not None}
             if np.sum(base == v) >= 5]
    out = []
    for x in (base, now):
        counts = [np.sum(x == v) for v in names]
        missing = sum(v is None for v in x)
        out.append(np.array(counts + [len(x) - sum(counts) - missing,
                                      missing]))
    return out


def check_distances(row, p, q, name):
    """All distances over shares that are known."""
    some = p + q > 0
    p, q = p[some], q[some]
    a, b = np.where(p == 0, 1e-4, p), np.where(q == 0, 1e-4, q)
    near(row["kl"], stats.entropy(a, b), f"{name}: kl")
    near(row["js"], jensenshannon(p, q, base=2) ** 2, f"{name}: js", 1e-8)
    near(row["hellinger"], np.sqrt(np.sum((np.sqrt(p) - np.sqrt(q)) ** 2) / 2),
         f"{name}: hellinger")
    near(row["tv"], np.abs(p - q).sum() / 2, f"{name}: tv")
    near(row["linf"], np.abs(p - q).max(), f"{name}: linf")
    return np.sum((a - b) * np.log(a / b))


def check_number(row, base, now, name):
    """A number, from its values."""
    p, q = quantile_bins(base, now)
    near(row["psi"], check_distances(row, p, q, name), f"{name}: psi")
    b = base[~np.isnan(base)].astype(float)
    n = now[~np.isnan(now)].astype(float)
    near(row["missing"], np.isnan(now).mean(), f"{name}: missing")
    near(row["missing_reference"], np.isnan(base).mean(),
         f"{name}: missing in the reference")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        test = stats.ks_2samp(b, n)
    near(row["ks"], test.statistic, f"{name}: ks")
    near(row["p_value"], test.pvalue, f"{name}: p-value of ks", 0.01)
    w = stats.wasserstein_distance(b, n)
    near(row["wasserstein"], w, f"{name}: wasserstein")
    near(row["wasserstein_std"], w / b.std(), f"{name}: wasserstein_std")
    near(row["out_of_range"], ((n < b.min()) | (n > b.max())).mean(),
         f"{name}: out of range")


def check_category(row, base, now, name):
    """A category, from its values."""
    a, b = category_bins(base, now)
    check_distances(row, shares(a), shares(b), name)
    keep = np.append(shares(a)[:-2] >= max(0.01, 20 / a.sum()),
                     [False, False])
    psi = np.stack([np.concatenate([[x[:-1][~keep[:-1]].sum()], x[keep],
                                    x[-1:]]) for x in (a, b)])
    p, q = (np.where(x == 0, 1e-4, x) for x in map(shares, psi))
    near(row["psi"], np.sum((p - q) * np.log(p / q)), f"{name}: psi")
    table = np.stack([a[:-1], b[:-1]])
    table = table[:, table.sum(axis=0) > 0]
    chi2, p_value, _, _ = stats.chi2_contingency(table, correction=False)
    near(row["chi2"], chi2, f"{name}: chi2")
    near(row["p_value"], p_value, f"{name}: p-value")
    near(row["cramers_v"], np.sqrt(chi2 / table.sum()), f"{name}: V")
    unseen = np.sum([v not in set(base) for v in now])
    near(row["unseen"], unseen / b[:-1].sum(), f"{name}: unseen")


def make_columns(rng, n, shift):
    """Numbers and categories, moved by a shift."""
    normal = rng.normal(size=n) + shift
    skewed = rng.lognormal(size=n) * (1 + shift)
    few = np.floor(rng.uniform(0, 7, size=n) * (1 + shift / 4))
    holes = np.where(rng.uniform(size=n) < 0.1 + shift / 5, np.nan,
                     rng.gamma(2, size=n))
    place = rng.choice(np.array(list("abcdefgh"), object), size=n,
                       p=[0.4, 0.3, 0.15, 0.1, 0.03, 0.01, 0.005, 0.005])
    place[rng.uniform(size=n) < 0.05] = None
    if shift:
        place[rng.uniform(size=n) < shift / 10] = "new"
    return [np.float32(normal), np.float32(skewed), np.float32(few),
            np.float32(holes), place]


TYPES = ("normal real, skewed real, few real, holes real, place text")
NAMES = ["normal", "skewed", "few", "holes"]


def test_exact(cursor):
    """Any two sources: all figures of scipy."""
    rng = np.random.default_rng(7)
    for i, (n_base, n_now, shift) in enumerate([
            (3000, 1500, 0.3), (1000, 1000, 0), (20000, 400, 0.1),
            (500, 12000, 0.6), (200, 150, 1)]):
        base = make_columns(rng, n_base, 0)
        now = make_columns(rng, n_now, shift)
        copy_table(cursor, f"base{i}", TYPES, base)
        copy_table(cursor, f"now{i}", TYPES, now)
        rows = drift(cursor, f"mlops.drift_between('now{i}', 'base{i}')")
        for c, name in enumerate(NAMES):
            check_number(rows["{}", name], base[c], now[c],
                         f"case {i} {name}")
        check_category(rows["{}", "place"], base[4], now[4],
                       f"case {i} place")
        p = [rows["{}", name]["p_value"] for name in NAMES + ["place"]]
        order = np.argsort(p)
        adjusted = np.minimum.accumulate(
            (np.array(p)[order] * 5 / np.arange(1, 6))[::-1])[::-1]
        for k, place in enumerate(order):
            near(rows["{}", (NAMES + ["place"])[place]]["p_adjusted"],
                 adjusted[k], f"case {i} adjusted p-value {k}", 1e-12)


def test_stored(cursor):
    """Against a baseline: the same bins, and KS within 0.01."""
    rng = np.random.default_rng(8)
    base = make_columns(rng, 8000, 0)
    copy_table(cursor, "pair", TYPES + ", y boolean",
               base + [rng.uniform(size=8000) < 0.5])
    cursor.execute("SELECT version FROM mlops.train('dr_pair', 'pair', 'y',"
                   " split => 'none', params => '{\"num_boost_round\": 5}')")
    for i, shift in enumerate([0, 0.05, 0.2, 0.5, 1, -0.3]):
        now = make_columns(rng, 2500, max(shift, 0))
        now[0] -= np.float32(max(-shift, 0))
        copy_table(cursor, f"stored{i}", TYPES, now)
        rows = drift(cursor, f"mlops.drift('dr_pair', 'stored{i}')")
        same = drift(cursor, f"mlops.drift('dr_pair', 'stored{i}',"
                             " reference => 'pair')")
        for name in NAMES + ["place"]:
            a, b = rows["{}", name], same["{}", name]
            for figure in ("psi", "js", "hellinger", "tv", "kl", "linf",
                           "chi2", "unseen", "out_of_range", "missing"):
                if b[figure] is not None or a[figure] is not None:
                    near(a[figure], b[figure],
                         f"stored {i} {name}: {figure}")
            if name == "place":
                continue
            result(not a["exact"] and b["exact"],
                   f"stored {i} {name}: marked as approximate")
            result(abs(a["ks"] - b["ks"]) <= 0.01,
                   f"stored {i} {name}: ks within 0.01",
                   f"{a['ks']} and {b['ks']}")
            result(abs(a["wasserstein"] - b["wasserstein"]) <=
                   0.05 * b["wasserstein"] + 0.02 * np.nanstd(
                       base[NAMES.index(name)]),
                   f"stored {i} {name}: wasserstein",
                   f"{a['wasserstein']} and {b['wasserstein']}")


# --- the figures of other tools ------------------------------------------------------

def test_methods(cursor):
    """A stream whose figures are known, with each tool's conventions."""
    u = lcg(3500)
    base, now = u[:2000], u[2000:] ** 1.2 + 0.05
    letters = np.array(list("abcd"), object)
    base_c = letters[np.digitize(u[:2000], [0.5, 0.8])]
    now_c = letters[np.digitize(u[2000:], [0.4, 0.75, 0.95])]
    copy_table(cursor, "golden_base", "x float8, c text", [base, base_c])
    copy_table(cursor, "golden_now", "x float8, c text", [now, now_c])
    expected = {
        "evidently": {"ks": 0.0485, "p_value": 0.0344556035142,
                      "psi": 0.0640514202542, "kl": 0.0313303174857,
                      "js": 0.0890096828526,
                      "wasserstein": 0.0159259177433,
                      "wasserstein_std": 0.0550985203908},
        "nannyml": {"js": 0.174817747933, "hellinger": 0.167821900879},
        "mlrun": {"tv": 0.1245, "hellinger": 0.217227098742,
                  "kl": 0.53876027158, "value": 0.170863549371},
    }
    for method, figures in expected.items():
        rows = drift(cursor, "mlops.drift_between('golden_now', "
                     "'golden_base', method => %s)", (method,))
        for figure, value in figures.items():
            near(rows["{}", "x"][figure], value, f"{method}: {figure}", 1e-6)
        c = rows["{}", "c"]
        if method == "evidently":
            result(c["p_value"] == 0 and np.isinf(c["chi2"]),
                   "evidently: a new category")
        if method == "nannyml":
            near(c["chi2"], 140.034732545, "nannyml: chi2", 1e-11)
            near(c["js"], 0.183780153784, "nannyml: js", 1e-11)
            near(c["linf"], 0.113333333333, "nannyml: linf", 1e-11)
    rows = drift(cursor, "mlops.drift_between('golden_now', 'golden_base')")
    near(rows["{}", "x"]["psi"], 0.0241366088141, "PSI of deciles", 1e-6)
    near(rows["{}", "c"]["cramers_v"], 0.200024807422, "V", 1e-11)
    rows = drift(cursor, "mlops.drift_between('golden_now', 'golden_base', "
                 "method => 'tfdv', thresholds => '{\"linf\": 0.1}')")
    near(rows["{}", "c"]["linf"], 0.113333333333, "tfdv: linf", 1e-11)
    result(rows["{}", "c"]["status"] == "detected", "tfdv: a given bound")
    f32 = [np.float32(x).astype(float) for x in (base, now)]
    cells = np.unique(np.concatenate([np.histogram_bin_edges(x, 10)
                                      for x in f32]))
    spread = []
    for x in f32:
        counts, edges = np.histogram(x, 10)
        spread.append(np.diff(np.interp(cells, edges, np.append(
            0, np.cumsum(counts)))))
    near(rows["{}", "x"]["js"],
         jensenshannon(*map(shares, spread), base=2) ** 2, "tfdv: js", 1e-8)
    test_learned(cursor, f32)


def test_learned(cursor, samples):
    """NannyML's bound: three deviations over ten parts of the reference."""
    base = samples[0]
    edges = np.histogram_bin_edges(base, "doane")
    whole = shares(np.histogram(base, edges)[0])
    parts = [jensenshannon(whole, shares(np.histogram(part, edges)[0]),
                           base=2) for part in np.split(base, 10)]
    rows = drift(cursor, "mlops.drift_between('golden_now', 'golden_base', "
                 "method => 'nannyml')")
    row = rows["{}", "x"]
    near(row["threshold"], np.mean(parts) + 3 * np.std(parts),
         "nannyml: learned bound", 1e-8)
    result(row["status"] == "detected", "nannyml: detected")


# --- what the status promises -------------------------------------------------------

def population(rng, n):
    """Columns of many kinds, and what they are called."""
    hundred = np.array([f"c{i}" for i in range(100)], object)
    zipf = 1 / np.arange(1, 1001)
    many = np.array([f"z{i}" for i in range(1000)], object)
    columns = {
        "gauss": rng.normal(size=n),
        "heavy": rng.standard_cauchy(size=n),
        "rare_flag": (rng.uniform(size=n) < 0.01) * 1.0,
        "count": rng.poisson(1.5, size=n) * 1.0,
        "zeros": np.where(rng.uniform(size=n) < 0.6, 0, rng.gamma(2, size=n)),
        "holes": np.where(rng.uniform(size=n) < 0.02, np.nan,
                          rng.uniform(size=n)),
        "five": np.array(list("abcde"), object)[rng.integers(0, 5, size=n)],
        "hundred": hundred[rng.integers(0, 100, size=n)],
        "zipf": many[rng.choice(1000, size=n, p=zipf / zipf.sum())],
    }
    return columns


COLUMNS = ("gauss real, heavy real, rare_flag real, count real, zeros real, "
           "holes real, five text, hundred text, zipf text")


def train(cursor, model, rng, n):
    """A version whose baseline is n rows of the population."""
    columns = population(rng, n)
    y = np.nan_to_num(columns["gauss"]) + rng.normal(size=n) > 0
    copy_table(cursor, model, COLUMNS + ", y boolean",
               list(columns.values()) + [y])
    cursor.execute("SELECT version FROM mlops.train(%s, %s, 'y', "
                   "split => 'none', params => '{\"num_boost_round\": 10}')",
                   (model, model))


def alarm_rates(cursor, model, table):
    """Share of windows called drift, by feature, and of whole windows."""
    cursor.execute("SELECT COALESCE(feature, kind), "
                   "avg((status = 'detected')::int), "
                   "avg((status IN ('potential', 'detected'))::int), count(*)"
                   " FROM mlops.drift(%s, %s, by => 'win')"
                   " WHERE slice <> '{}' GROUP BY 1 ORDER BY 1",
                   (model, table))
    return {name: (float(a), float(b), n)
            for name, a, b, n in cursor.fetchall()}


def test_alarms(cursor):
    """Windows of the same population: hardly any is called drift."""
    rng = np.random.default_rng(9)
    train(cursor, "dr_many", rng, 20000)
    train(cursor, "dr_few", rng, 1000)
    for size in (100, 300, 1000):
        n = WINDOWS * size
        columns = population(rng, n)
        copy_table(cursor, f"calm{size}", "win integer, " + COLUMNS,
                   [np.arange(n) // size] + list(columns.values()))
        for model in ("dr_many", "dr_few"):
            rates = alarm_rates(cursor, model, f"calm{size}")
            # few rows of reference are one drawing that all windows are held
            # against, which a thousand rare categories make the most of
            most = 0.02 if model == "dr_many" else 0.06
            for name, (_, rate, n_windows) in rates.items():
                if model == "dr_few" and name == "prediction":
                    continue # predictions of so few training rows differ
                result(n_windows == WINDOWS and rate <= most,
                       f"{model}, windows of {size}, {name}: false alarms",
                       f"{rate:.3f}")
            mean = np.mean([r[1] for name, r in rates.items()
                            if name not in ("model", "prediction")])
            result(mean <= 0.02, f"{model}, windows of {size}: of all",
                   f"{mean:.4f}")
            worst = max(rates, key=lambda name: rates[name][1])
            print(f"# {model}, windows of {size}: "
                  f"{np.mean([r[1] for r in rates.values()]):.4f} of all, at "
                  f"most {rates[worst][1]:.3f} ({worst}) called drift")


def test_shifts(cursor):
    """Planted shifts of one column each are found, and only there."""
    rng = np.random.default_rng(10)
    shifts = {
        "gauss": lambda c, n: c["gauss"] + 0.8,
        "heavy": lambda c, n: c["heavy"] * 3,
        "count": lambda c, n: rng.poisson(2.7, size=n) * 1.0,
        "zeros": lambda c, n: np.where(rng.uniform(size=n) < 0.3, 0,
                                       rng.gamma(2, size=n)),
        "holes": lambda c, n: np.where(rng.uniform(size=n) < 0.2, np.nan,
                                       c["holes"]),
        "five": lambda c, n: np.where(rng.uniform(size=n) < 0.35, "a",
                                      c["five"]),
        "hundred": lambda c, n: np.where(rng.uniform(size=n) < 0.15, "new",
                                         c["hundred"]),
    }
    windows = 100
    for size, least in ((300, 0.9), (1000, 0.99)):
        n = windows * size
        for name, shift in shifts.items():
            columns = population(rng, n)
            columns[name] = shift(columns, n)
            table = f"moved_{name}{size}"
            copy_table(cursor, table, "win integer, " + COLUMNS,
                       [np.arange(n) // size] + list(columns.values()))
            rates = alarm_rates(cursor, "dr_many", table)
            result(rates[name][1] >= least,
                   f"windows of {size}: the shift of {name} is found",
                   f"{rates[name][1]:.3f}")
            others = [rates[o][1] for o in columns if o != name]
            result(max(others) <= 0.05,
                   f"windows of {size}: only {name} moved", f"{others}")
            print(f"# windows of {size}, {name} moved: found in "
                  f"{rates[name][1]:.3f}, detected in {rates[name][0]:.3f}")


def main():
    """Run all of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--dsn", default="")
    connection = psycopg2.connect(parser.parse_args().dsn)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("SET client_min_messages = warning")
    cursor.execute("CREATE EXTENSION IF NOT EXISTS mlops")
    cursor.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    cursor.execute(f"CREATE SCHEMA {SCHEMA}")
    cursor.execute(f"SET search_path = {SCHEMA}, public")

    def drop_models():
        cursor.execute("SELECT mlops.drop_model(model) FROM mlops.models "
                       "WHERE model = ANY (%s)", (MODELS,))
    drop_models()
    for test in (test_exact, test_stored, test_methods, test_alarms,
                 test_shifts):
        try:
            test(cursor)
        except Exception:
            traceback.print_exc(file=sys.stdout)
            result(False, test.__name__)
    cursor.execute(f"DROP SCHEMA {SCHEMA} CASCADE")
    drop_models()
    print(f"{sum(RESULTS)} passed, {len(RESULTS) - sum(RESULTS)} failed")
    return 0 if all(RESULTS) else 1


if __name__ == "__main__":
    sys.exit(main())
