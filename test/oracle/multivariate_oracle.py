#!/usr/bin/python3
"""Hold drift_multivariate and drift_glance against scikit-learn and chance.

    multivariate_oracle.py [--dsn DSN]

Draws data with fixed seeds.  The reconstruction error and its bounds must be
those of scikit-learn's scaler and components.  The area under the ROC curve
must be that of python3-xgboost's trees on the same folds, which are made again
here from the values, and its interval DeLong's.  What is called drift is
counted over many windows without any, and planted changes must be found.

Works in a schema of its own, which it drops at the end with its models.  The
last line is `N passed, N failed`; exit 1 on failure.
"""
import argparse
import io
import struct
import sys
import traceback
import warnings

import numpy as np
import psycopg2
import xgboost
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

SCHEMA = "mlops_multivariate_oracle"
MODEL = "mv_glance"
FOLDS = 5
MASK = (1 << 64) - 1
RESULTS = []


def result(ok, name, detail=""):
    """Count one check; print it when it fails."""
    RESULTS.append(bool(ok))
    if not ok:
        print(f"not ok - {name}{': ' if detail else ''}{detail}")
    return bool(ok)


def near(a, b, name, tolerance=1e-9):
    """Equal to a relative tolerance."""
    return result(abs(a - b) <= tolerance * max(1e-3, abs(b)), name,
                  f"{a}, not {b}")


# --- data ---------------------------------------------------------------------

def make_table(cursor, table, numbers, words=None):
    """
    A view of float4 columns a0, a1, ... and perhaps a text column w, with
    the rows in their order, which a table need not keep.
    """
    cursor.execute(f"DROP TABLE IF EXISTS {table}_rows CASCADE")
    columns = [f"a{i} float4" for i in range(numbers.shape[1])]
    if words is not None:
        columns.append("w text")
    cursor.execute(f"CREATE TABLE {table}_rows (id integer, "
                   f"{', '.join(columns)})")
    text = io.StringIO()
    for i, row in enumerate(numbers):
        cells = ["\\N" if np.isnan(v) else repr(float(np.float32(v)))
                 for v in row]
        if words is not None:
            cells.append("\\N" if words[i] is None else words[i])
        text.write("\t".join([str(i)] + cells) + "\n")
    text.seek(0)
    cursor.copy_expert(f"COPY {table}_rows FROM STDIN", text)
    names = ", ".join(column.split()[0] for column in columns)
    cursor.execute(f"CREATE VIEW {table} AS SELECT {names} FROM {table}_rows "
                   "ORDER BY id")


def draw(rng, n, columns, missing=0.0):
    """Numbers that go together in pairs, as float4."""
    base = rng.normal(size=(n, columns))
    base[:, 1::2] = 0.9 * base[:, 0:columns // 2 * 2:2] + 0.3 * base[:, 1::2]
    base *= np.arange(1, columns + 1)
    base[rng.random(base.shape) < missing] = np.nan
    return base.astype(np.float32)


def draw_words(rng, n, k=6, missing=0.05):
    """Words of falling frequency."""
    words = [f"w{int(k * u * u)}" for u in rng.random(n)]
    return [None if rng.random() < missing else w for w in words]


def call(cursor, *arguments, **named):
    """The row of drift_multivariate as a dictionary."""
    spelled = ["%s"] * len(arguments) + [f"{k} => %s" for k in named]
    cursor.execute("SELECT * FROM mlops.drift_multivariate("
                   f"{', '.join(spelled)})", (*arguments, *named.values()))
    return dict(zip((c.name for c in cursor.description), cursor.fetchone()))


# --- components ----------------------------------------------------------------

def numbers_of(reference, words, other, other_words):
    """Both sides as numbers: means, and counts of words, filled in."""
    mean = np.nanmean(reference.astype(float), axis=0)
    sides = [np.where(np.isnan(x), mean, x.astype(float))
             for x in (reference, other)]
    if words is not None:
        names, counts = np.unique([w for w in words if w is not None],
                                  return_counts=True)
        count = dict(zip(names, counts))
        # of equal ones the first that came
        most = max(counts)
        first = next(w for w in words if w is not None and count[w] == most)
        count[first] += sum(w is None for w in words)
        for i, side in enumerate((words, other_words)):
            column = [count[first] if w is None else count.get(w, 0)
                      for w in side]
            sides[i] = np.column_stack([sides[i], column])
    return sides


def errors_of(fitted, rows):
    """Lengths of what components leave."""
    scaler = StandardScaler().fit(fitted)
    pca = PCA(n_components=0.65, svd_solver="full")
    pca.fit(scaler.transform(fitted))
    scaled = scaler.transform(rows)
    left = scaled - pca.inverse_transform(pca.transform(scaled))
    return np.linalg.norm(left, axis=1)


def expected_bounds(reference, other):
    """The bounds from tenths of the reference."""
    n = len(reference)
    chunks, all_errors = [], []
    for i in range(10):
        part = slice(n * i // 10, n * (i + 1) // 10)
        errors = errors_of(np.delete(reference, np.r_[part], axis=0),
                           reference[part])
        chunks.append(errors.mean())
        all_errors.extend(errors)
    chance = np.std(all_errors, ddof=1) * np.sqrt(1 / len(other) + 1 / n)
    width = 3 * max(np.std(chunks), chance)
    own = errors_of(reference, reference).mean()
    mean = np.mean(all_errors)
    return min(own, mean) - width, mean + width


def test_components(cursor):
    """Against scikit-learn."""
    rng = np.random.default_rng(1)
    for n, m, columns, missing, words in ((1000, 400, 6, 0, False),
                                          (700, 900, 9, 0.1, True),
                                          (3000, 150, 2, 0, True),
                                          (500, 500, 40, 0.02, True)):
        a, b = draw(rng, n, columns, missing), draw(rng, m, columns, missing)
        aw, bw = ((draw_words(rng, n), draw_words(rng, m, 7))
                  if words else (None, None))
        make_table(cursor, "a", a, aw)
        make_table(cursor, "b", b, bw)
        got = call(cursor, "b", "a", method="pca")
        reference, other = numbers_of(a, aw, b, bw)
        name = f"{n} x {columns}"
        near(got["value"], errors_of(reference, other).mean(),
             f"{name}: value", 1e-6)
        low, high = expected_bounds(reference, other)
        near(got["threshold_low"], max(low, 0), f"{name}: low", 1e-6)
        near(got["threshold_high"], high, f"{name}: high", 1e-6)
        result((got["status"] == "detected") ==
               (not low <= got["value"] <= high), f"{name}: status")


# --- classifier ----------------------------------------------------------------

def mix(x):
    """mlops_hash_mix()."""
    for _ in range(2):
        x ^= x >> 32
        x = x * 0xd6e8feb86659fd93 & MASK
    return x ^ x >> 32


def hash_row(values, seed):
    """mlops_hash_row()."""
    key_a, key_b, key_c = (0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f,
                           0x8cb92ba72f3d8dd7)
    bits = [0x7fc00000 if np.isnan(v) else
            struct.unpack("<I", struct.pack("<f", v + 0.0))[0]
            for v in values]
    bits += [0] * (-len(bits) % 4)
    h = mix(seed + key_c & MASK)
    for i in range(0, len(bits), 4):
        first = bits[i] | bits[i + 1] << 32
        second = bits[i + 2] | bits[i + 3] << 32
        product = (first ^ h ^ key_a) * (second ^ key_b)
        h = ((h << 29 | h >> 35) + (product ^ product >> 64)) & MASK
    return mix(h ^ len(values) * key_b & MASK)


def folds_of(rows, seed):
    """The fold of each row of a side."""
    seen, folds = {}, []
    for row in rows:
        h = hash_row(row, seed)
        before = seen.get(h, 0)
        seen[h] = before + 1
        folds.append(mix(h + before & MASK) % FOLDS)
    return np.array(folds)


def delong_variance(label, score):
    """By its definition."""
    positive, negative = score[label == 1], score[label == 0]
    above = ((positive[:, None] > negative[None, :]) +
             0.5 * (positive[:, None] == negative[None, :]))
    return (above.mean(axis=1).var(ddof=1) / len(positive) +
            above.mean(axis=0).var(ddof=1) / len(negative))


def codes_of(words, other):
    """Codes in the order in which words came, and the trees' codes of both."""
    code = {}
    sides = [[np.nan if w is None else float(code.setdefault(w, len(code)))
              for w in side] for side in (words, other)]
    names = sorted(code, key=lambda w: (-sum(v == w for v in words + other),
                                        code[w]))
    trees = {float(code[w]): float(i) for i, w in enumerate(names)}
    return sides, [[trees.get(c, np.nan) for c in side] for side in sides]


def test_classifier(cursor):
    """Against python3-xgboost on the same folds."""
    rng = np.random.default_rng(2)
    for n, m, shift, words in ((800, 600, 0, False), (1500, 700, 0.4, True),
                               (2000, 2000, 0.1, True)):
        a, b = draw(rng, n, 4, 0.05), draw(rng, m, 4, 0.05)
        b[:, 1] = b[:, 1] * (1 - shift) + shift
        types = ["q"] * 4
        hashed, trees = [a, b], [a, b]
        aw = bw = None
        if words:
            aw, bw = draw_words(rng, n), draw_words(rng, m)
            codes, tree_codes = codes_of(aw, bw)
            hashed = [np.column_stack([x, np.array(c, np.float32)])
                      for x, c in zip(hashed, codes)]
            trees = [np.column_stack([x, np.array(c, np.float32)])
                     for x, c in zip(trees, tree_codes)]
            types.append("c")
        make_table(cursor, "a", a, aw)
        make_table(cursor, "b", b, bw)
        got = call(cursor, "b", "a", seed=7)
        fold = np.concatenate([folds_of(x, 7) for x in hashed])
        rows = np.concatenate(trees)
        label = np.r_[np.zeros(n), np.ones(m)]
        areas, variances = [], []
        for k in range(FOLDS):
            held = fold == k
            train = xgboost.QuantileDMatrix(
                rows[~held], label[~held], feature_types=types,
                enable_categorical=True, max_bin=256)
            booster = xgboost.train(
                {"objective": "binary:logistic", "tree_method": "hist",
                 "base_score": float(f"{m / (n + m):.9g}"), "eta": 0.1,
                 "max_depth": 4, "min_child_weight": 5, "seed": 7,
                 "max_bin": 256, "nthread": 1}, train, 60)
            score = booster.predict(xgboost.DMatrix(
                rows[held], feature_types=types, enable_categorical=True))
            areas.append(roc_auc_score(label[held], score))
            variances.append(delong_variance(label[held], score))
        name = f"{n} and {m}, shift {shift}"
        near(got["value"], np.mean(areas), f"{name}: area", 1e-6)
        error = 1.96 * np.sqrt(np.sum(variances)) / FOLDS
        near(got["ci_high"], min(np.mean(areas) + error, 1),
             f"{name}: interval", 1e-5)


# --- chance, and planted drift ---------------------------------------------------

def test_alarms(cursor):
    """Windows without drift."""
    rng = np.random.default_rng(3)
    alarms = {"classifier": 0, "pca": 0}
    windows = {"classifier": 30, "pca": 200}
    a = draw(rng, 2000, 6)
    make_table(cursor, "a", a, draw_words(rng, len(a)))
    for method, n_windows in windows.items():
        for i in range(n_windows):
            n = (100, 300, 1000)[i % 3]
            make_table(cursor, "b", draw(rng, n, 6), draw_words(rng, n))
            alarms[method] += call(cursor, "b", "a",
                                   method=method)["status"] == "detected"
        result(alarms[method] <= 0.02 * n_windows, f"{method}: alarms",
               f"{alarms[method]} of {n_windows}")
    for n in (100, 500, 2000):
        part = f"SELECT * FROM a LIMIT {n}"
        for method in windows:
            got = call(cursor, part, "a", method=method)
            result(got["status"] == "none",
                   f"{method}: {n} rows of the reference itself", str(got))


def test_planted(cursor):
    """Columns that no longer go together, each as it was."""
    rng = np.random.default_rng(4)
    make_table(cursor, "a", draw(rng, 2000, 6))
    for i in range(5):
        b = draw(rng, 500, 6)
        b[:, 1] = rng.permutation(b[:, 1])
        make_table(cursor, "b", b)
        for method in ("classifier", "pca"):
            got = call(cursor, "b", "a", method=method)
            result(got["status"] == "detected", f"{method}: planted {i}",
                   str(got))
            result({f["feature"] for f in got["features"][:2]} ==
                   {"a0", "a1"}, f"{method}: blamed {i}",
                   str(got["features"]))
        cursor.execute("SELECT count(*) FROM mlops.drift_between('b', 'a') "
                       "WHERE status <> 'none'")
        result(cursor.fetchone()[0] == 0, f"each as it was {i}")


# --- a first look ----------------------------------------------------------------

GLANCE = """SELECT random() * 100 AS even, exp(random() * 6) AS skewed,
    (random() * 30)::integer AS whole, floor(random() ^ 3 * 8) AS few,
    CASE WHEN random() < 0.2 THEN NULL ELSE random() END AS gaps,
    random() < 0.05 AS flag, 'c' || floor(random() ^ 2 * 40) AS word,
    'd' || floor(random() * 2000) AS many, random() < 0.5 AS y
    FROM generate_series(1, %d)"""


def test_glance(cursor):
    """Tables without drift, whatever ANALYZE looks at, and with some."""
    cursor.execute("SELECT setseed(0.4)")
    cursor.execute("CREATE TABLE trained AS " + GLANCE % 20000)
    cursor.execute(f"SELECT version FROM mlops.train('{MODEL}', "
                   f"'{SCHEMA}.trained', 'y', "
                   "params => '{\"num_boost_round\": 3}')")
    looks = alarms = 0
    for i in range(60):
        cursor.execute("DROP TABLE IF EXISTS fresh")
        cursor.execute("CREATE TABLE fresh AS " + GLANCE %
                       (300, 3000, 30000)[i % 3])
        cursor.execute("SET default_statistics_target = %s",
                       ((2, 10, 100, 1000)[i % 4],))
        cursor.execute("ANALYZE fresh")
        cursor.execute("SELECT count(*), count(*) FILTER (WHERE status <> "
                       f"'none') FROM mlops.drift_glance('{MODEL}', 'fresh', "
                       "escalate => false)")
        row = cursor.fetchone()
        looks, alarms = looks + row[0], alarms + row[1]
    result(alarms <= 0.02 * looks, "glance: alarms", f"{alarms} of {looks}")
    for target in (10, 100):
        cursor.execute("SET default_statistics_target = %s", (target,))
        for change, feature in (("even = even + 40", "even"),
                                ("skewed = skewed * 3", "skewed"),
                                ("whole = whole / 2", "whole"),
                                ("few = 7 WHERE random() < 0.4", "few"),
                                ("gaps = NULL WHERE random() < 0.5", "gaps"),
                                ("flag = true WHERE random() < 0.3", "flag"),
                                ("word = 'c30' WHERE random() < 0.5", "word"),
                                ("many = 'x' || even", "many")):
            cursor.execute("DROP TABLE IF EXISTS fresh")
            cursor.execute("CREATE TABLE fresh AS " + GLANCE % 5000)
            cursor.execute(f"UPDATE fresh SET {change}")
            cursor.execute("ANALYZE fresh")
            cursor.execute("SELECT g.feature, g.status, g.source, g.psi, d.psi"
                           f" FROM mlops.drift_glance('{MODEL}', 'fresh') g "
                           f"JOIN mlops.drift('{MODEL}', 'fresh') d USING "
                           "(feature) WHERE g.source = 'scan'")
            rows = cursor.fetchall()
            # where all names are rare, others in their place are no drift
            result([r[0] for r in rows] == [feature] * (feature != "many"),
                   f"glance at {target}: {change}", str(rows))
            result(all(r[3] == r[4] for r in rows), f"scan of {change}")
    cursor.execute("RESET default_statistics_target")


def main():
    """Run all of it."""
    warnings.simplefilter("ignore")
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
                       "WHERE model = %s", (MODEL,))
    drop_models()
    for test in (test_components, test_classifier, test_alarms, test_planted,
                 test_glance):
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
