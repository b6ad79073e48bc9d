#!/usr/bin/python3
"""Compare the forest module with python3-xgboost, bit for bit.

Trains models of many kinds with the library, lets forest_cli evaluate them
on all rows, and compares every float32 of margins and predictions; and loads
the JSON that the module writes of each model into the library again.  Prints
one line for each comparison and ends with "N passed, N failed".

usage: forest_oracle.py [--cli PATH] [--data DIR] [--quick]

PATH is a forest_cli, built into a temporary folder if not given.  DIR (or
MLOPS_ORACLE_DATA) holds real data sets as NAME.csv.gz; without it only
synthetic data is used.
"""

import argparse
import csv
import glob
import gzip
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import xgboost as xgb

# name: (target, task, columns left out).
DATA_SETS = {
    "adult": ("income", "binary", []),
    "bank_marketing": ("y", "binary", []),
    "elec2": ("class", "binary", []),
    "california_housing": ("median_house_value", "regression", []),
    "bike_sharing_hour": ("cnt", "count",
                          ["instant", "dteday", "casual", "registered"]),
    "wine_quality": ("quality", "regression", []),
    "diamonds": ("price", "gamma", []),
    "german_credit": ("class", "binary", []),
    "skin_segmentation": ("is_skin", "binary", []),
    "letter_recognition": ("lettr", "multi", []),
    "kddcup99_10pct": ("label", "multi", []),
    "hflights": ("arr_delay", "regression",
                 ["cancellation_code", "tail_num", "actual_elapsed_time"]),
    "beijing_pm25": ("pm2.5", "regression", ["no"]),
    "lightgbm_rank": ("relevance", "rank", ["split"]),
    "higgs_7500": ("is_signal", "binary", ["split"]),
    "powersupply": ("hour_class", "multi", []),
    "penguins": ("species", "multi", []),
    "energy_efficiency": ("heating_load", "regression", ["cooling_load"]),
    "veterans_lung_cancer": ("survival_label_lower_bound", "aft",
                             ["survival_label_upper_bound"]),
}
NULLS = {"", "?", "NA"}

passed = failed = 0


def build(folder):
    """Compile forest_cli; its path."""
    top = os.path.dirname(os.path.dirname(os.path.dirname(
        os.path.abspath(__file__))))
    cli = os.path.join(folder, "forest_cli")
    subprocess.run([os.environ.get("CC", "gcc"), "-std=gnu11", "-O2",
                    "-ffp-contract=off", "-I", os.path.join(top, "src"),
                    "-o", cli, os.path.join(top, "test/unit/forest_cli.c")] +
                   sorted(glob.glob(os.path.join(top, "src/forest/*.c"))) +
                   ["-lm"], check=True)
    return cli


def report(data, objective, booster, rows, mismatches, note=""):
    """Print a line of the table and count it."""
    global passed, failed
    good = mismatches == 0 and rows > 0
    passed += good
    failed += not good
    print("%-24s %-20s %-22s %8d %8d %s %s" % (
        data, objective, booster, rows, mismatches,
        "ok" if good else "FAILED", note), flush=True)


def bits(values):
    """The bits of float32 values, with one NaN only."""
    values = np.ascontiguousarray(values, dtype=np.float32)
    out = values.reshape(-1).view(np.uint32).copy()
    out[np.isnan(values.reshape(-1))] = 0x7FC00000
    return out


# Ways to evaluate, of which the machine may lack some: path, in batches.
PATHS = [(path, batch) for path in ("avx512", "avx2", "neon", "portable")
         for batch in (False, True)]


def run(cli, what, model, rows, path=None, batch=False):
    """Outputs of forest_cli for these rows, as a flat array.

    None if the path is not one of this machine.
    """
    environment = dict(os.environ)
    if path:
        environment["MLOPS_PATH"] = path
    if batch:
        environment["MLOPS_BATCH"] = "1"
    done = subprocess.run([cli, what, model], input=rows.tobytes(),
                          capture_output=True, check=False, env=environment)
    if done.returncode == 3 and path:
        return None
    if done.returncode != 0:
        raise RuntimeError(done.stderr.decode())
    return np.frombuffer(done.stdout, dtype=np.float32)


def library(booster, matrix, objective, margin):
    """What the library returns; for argmax objectives the probabilities."""
    if objective == "multi:softmax" and not margin:
        raw = booster.save_raw(raw_format="json").decode()
        raw = raw.replace('"multi:softmax"', '"multi:softprob"')
        booster = xgb.Booster()
        booster.load_model(bytearray(raw.encode()))
    return booster.predict(matrix, output_margin=margin)


def compare(cli, folder, data, booster, rows, label, types=None, note="",
            objective=None):
    """Compare one booster on all rows: UBJ, JSON, and our JSON reloaded.

    Margins are compared by every path, by row and in batches.
    """
    matrix = xgb.DMatrix(rows, feature_types=types,
                         enable_categorical=types is not None)
    config = json.loads(booster.save_config())
    objective = objective or config["learner"]["objective"]["name"]
    want = [library(booster, matrix, objective, m) for m in (True, False)]
    ubj = os.path.join(folder, "model.ubj")
    text = os.path.join(folder, "model.json")
    mine = os.path.join(folder, "mine.json")
    with open(ubj, "wb") as file:
        file.write(booster.save_raw(raw_format="ubj"))
    with open(text, "wb") as file:
        file.write(booster.save_raw(raw_format="json"))
    wrong = 0
    try:
        for path in (ubj, text):
            for expected, what in zip(want, ("margin", "predict")):
                got = run(cli, what, path, rows)
                if got.size != expected.size:
                    wrong += expected.size
                    note += " size %d, not %d" % (got.size, expected.size)
                    continue
                wrong += int((bits(got) != bits(expected)).sum())
        for path, batch in PATHS:
            got = run(cli, "margin", ubj, rows, path, batch)
            if got is not None:
                different = int((bits(got) != bits(want[0])).sum())
                wrong += different
                note += " %s" % path if different else ""
        for path in (ubj, text):
            out = subprocess.run([cli, "json", path], capture_output=True,
                                 check=True).stdout
            json.loads(out.decode(), parse_constant=lambda word: 1 / 0)
            with open(mine, "wb") as file:
                file.write(out)
            again = xgb.Booster(model_file=mine)
            reread = library(again, matrix, objective, False)
            wrong += int((bits(reread) != bits(want[1])).sum())
    except (RuntimeError, subprocess.CalledProcessError,
            ZeroDivisionError) as error:
        wrong += 1
        note += " " + str(error).strip()
    report(data, objective, label, len(rows), wrong, note)


def synthetic(seed, rows, columns, missing, categorical):
    """Random rows: some constant steps, ties and repeated values."""
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(rows, columns)).astype(np.float32)
    table[:, 1] = np.round(table[:, 1], 1)
    table[:, 2] *= 1e6
    types = None
    if categorical:
        table[:, -1] = rng.integers(0, 40, rows)
        table[:, -2] = rng.integers(0, 5, rows)
        types = ["q"] * (columns - 2) + ["c", "c"]
    score = np.sin(table[:, 0]) + table[:, 1] * table[:, 3]
    if categorical:
        score = score + (table[:, -1] % 3 == 0)
    if missing:
        table[rng.random(table.shape) < missing] = np.nan
    return table, score.astype(np.float32), types


OBJECTIVES = {
    "reg:squarederror": lambda s: s,
    "reg:squaredlogerror": lambda s: np.exp(s * 0.3),
    "reg:absoluteerror": lambda s: s,
    "reg:pseudohubererror": lambda s: s,
    "reg:logistic": lambda s: 1 / (1 + np.exp(-s)),
    "reg:gamma": lambda s: np.exp(s * 0.3),
    "reg:tweedie": lambda s: np.maximum(s, 0),
    "binary:logistic": lambda s: s > 0,
    "binary:logitraw": lambda s: s > 0,
    "binary:hinge": lambda s: s > 0,
    "count:poisson": lambda s: np.round(np.exp(s * 0.3)),
    "survival:cox": lambda s: np.exp(s * 0.3),
    "survival:aft": lambda s: np.exp(s * 0.3),
    "multi:softprob": lambda s: np.digitize(s, (-1, -0.3, 0.3, 1)),
    "multi:softmax": lambda s: np.digitize(s, (-1, 0, 1)),
    "rank:pairwise": lambda s: np.digitize(s, (-1, 0, 1)),
    "rank:ndcg": lambda s: np.digitize(s, (-1, 0, 1)),
    "rank:map": lambda s: s > 0,
}
BOOSTERS = {
    "gbtree": dict(tree_method="hist", max_depth=6),
    "gbtree exact": dict(tree_method="exact", max_depth=4, gamma=0.5),
    "gbtree lossguide": dict(tree_method="hist", grow_policy="lossguide",
                             max_depth=0, max_leaves=60),
    "dart": dict(booster="dart", tree_method="hist", rate_drop=0.3,
                 one_drop=1, max_depth=4),
    "gblinear": dict(booster="gblinear"),
    "forest": dict(tree_method="hist", num_parallel_tree=4, subsample=0.6,
                   max_depth=5),
}


def matrix_for(objective, table, target, types):
    """A training matrix with the labels that the objective needs."""
    matrix = xgb.DMatrix(table, label=target, feature_types=types,
                         enable_categorical=types is not None)
    if objective == "survival:aft":
        matrix.set_float_info("label_lower_bound", target)
        matrix.set_float_info("label_upper_bound", target * 1.5)
    if objective.startswith("rank:"):
        groups = [50] * (len(table) // 50)
        groups[-1] += len(table) - sum(groups)
        matrix.set_group(groups)
    return matrix


def train(objective, table, target, types, extra, rounds=25):
    """Train; None where the library does not offer the combination."""
    target = np.asarray(target, dtype=np.float32)
    params = dict(objective=objective, verbosity=0, seed=7, base_score=0.37,
                  nthread=1 if len(table) < 20000 else 2, **extra)
    if objective.startswith("multi:"):
        params["num_class"] = int(target.max()) + 1
    return xgb.train(params, matrix_for(objective, table, target, types),
                     rounds)


def check_synthetic(cli, folder, quick):
    """Objectives by boosters by missing rates by categories."""
    seed = 0
    for objective, label_of in OBJECTIVES.items():
        for name, extra in BOOSTERS.items():
            for missing in (0.0, 0.3):
                for categorical in (False, True):
                    hist = extra.get("tree_method") == "hist"
                    if categorical and not hist:
                        continue
                    # the library refuses these, or does from 2.0 on
                    if objective == "reg:absoluteerror" and \
                            name in ("gblinear", "forest"):
                        continue
                    seed += 1
                    if quick and seed % 4:
                        continue
                    table, score, types = synthetic(seed, 1500, 8, missing,
                                                    categorical)
                    extra = dict(extra)
                    if categorical:
                        extra["max_cat_to_onehot"] = 4 if seed % 2 else 64
                    booster = train(objective, table, label_of(score), types,
                                    extra)
                    compare(cli, folder, "missing %.0f%%%s" % (
                        100 * missing, ", categories" if categorical else ""),
                        booster, table, name, types)


def check_special(cli, folder):
    """Shapes and values that ordinary training seldom meets."""
    table, score, types = synthetic(1, 3000, 12, 0.2, True)
    odd = table.copy()
    rng = np.random.default_rng(3)
    odd[:, -1] = rng.choice(np.array([-1, -0.5, -0.0, 0.5, 3.7, 39, 40, 63,
                                      64, 1e5, 16777215, 16777216, 3e9],
                                     dtype=np.float32), len(odd))
    odd[:, 0] = rng.choice(np.array([-3e38, -1e-45, -0.0, 0.0, 1e-45, 3e38],
                                    dtype=np.float32), len(odd))
    for onehot in (1, 100):
        booster = train("binary:logistic", table, score > 0, types,
                        dict(tree_method="hist", max_cat_to_onehot=onehot))
        # Without types the library does not look at the categories itself.
        compare(cli, folder, "odd categories", booster, odd, "gbtree")
    table, score, _ = synthetic(2, 2000, 6, 0.1, False)
    two = np.stack([score, -score, score ** 2], axis=1)
    for objective in ("reg:squarederror", "binary:logistic"):
        label = two if objective[0] == "r" else (two > 0)
        booster = xgb.train(dict(objective=objective, nthread=1, verbosity=0,
                                 tree_method="hist", base_score=0.2),
                            xgb.DMatrix(table, label=label), 11)
        compare(cli, folder, "three targets", booster, table, "gbtree")
    wide = rng.normal(size=(200, 3000)).astype(np.float32)
    wide[rng.random(wide.shape) < 0.5] = np.nan
    booster = train("reg:squarederror", wide, rng.normal(size=200), None,
                    dict(tree_method="exact", max_depth=3), rounds=9)
    compare(cli, folder, "3000 features", booster, wide, "gbtree")
    booster = train("reg:squarederror", table, score, None,
                    dict(tree_method="hist"), rounds=0)
    compare(cli, folder, "no rounds", booster, table, "gbtree")
    deep = np.cumsum(rng.exponential(size=4000)).astype(np.float32)
    booster = train("reg:squarederror", deep.reshape(-1, 1),
                    2.0 ** (np.arange(4000) / 40.0), None,
                    dict(tree_method="exact", max_depth=40,
                         min_child_weight=0))
    compare(cli, folder, "deep trees", booster, deep.reshape(-1, 1), "gbtree")
    booster = train("multi:softprob", table, np.digitize(score, (-1, 0, 1)),
                    None, dict(tree_method="hist", num_parallel_tree=3,
                               booster="dart", rate_drop=0.5))
    compare(cli, folder, "classes", booster, table, "dart forest")


def check_exponent(cli, folder):
    """Margins all over the range, where float and double exp would differ."""
    ramp = np.linspace(-110, 110, 200001, dtype=np.float32).reshape(-1, 1)
    for objective in ("survival:aft", "survival:cox", "count:poisson",
                      "reg:gamma", "reg:tweedie", "binary:logistic"):
        booster = train(objective, np.ones((10, 1), np.float32),
                        np.ones(10), None, dict(booster="gblinear"), 1)
        model = json.loads(booster.save_raw(raw_format="json").decode())
        model["learner"]["gradient_booster"]["model"]["weights"] = [1.0, 0.25]
        booster = xgb.Booster()
        booster.load_model(bytearray(json.dumps(model).encode()))
        compare(cli, folder, "ramp of margins", booster, ramp, "gblinear")


def load(path, target, left_out):
    """Read a csv.gz: (float32 table, feature types, labels as text)."""
    with gzip.open(path, "rt", newline="") as file:
        reader = csv.reader(file)
        header = next(reader)
        rows = []
        place = header.index(target)
        for row in reader:
            if row[place] not in NULLS:
                rows.append(row)
    columns, types = [], []
    for i, name in enumerate(header):
        if name == target or name in left_out:
            continue
        cells = [row[i] for row in rows]
        try:
            column = [np.nan if c in NULLS else float(c) for c in cells]
            types.append("q")
        except ValueError:
            known = sorted(set(cells) - NULLS)
            if len(known) > 400:
                continue
            code = {text: k for k, text in enumerate(known)}
            column = [code.get(c, np.nan) for c in cells]
            types.append("c")
        columns.append(np.array(column, dtype=np.float32))
    return np.stack(columns, axis=1), types, [row[place] for row in rows]


def check_data_set(cli, folder, path, name):
    """Train on a real data set, with two boosters, and compare all rows."""
    target, task, left_out = DATA_SETS[name]
    table, types, labels = load(path, target, left_out)
    if task in ("binary", "multi"):
        known = sorted(set(labels))
        code = {text: k for k, text in enumerate(known)}
        label = np.array([code[text] for text in labels], dtype=np.float32)
    else:
        label = np.array([float(text) for text in labels], dtype=np.float32)
    objective = {"binary": "binary:logistic", "multi": "multi:softprob",
                 "regression": "reg:squarederror", "count": "count:poisson",
                 "gamma": "reg:gamma", "rank": "rank:ndcg",
                 "aft": "survival:aft"}[task]
    rounds = 8 if task == "multi" or len(table) > 100000 else 60
    for booster_name in ("gbtree", "dart"):
        booster = train(objective, table, label, types,
                        BOOSTERS[booster_name],
                        rounds if booster_name == "gbtree" else rounds // 3)
        compare(cli, folder, name, booster, table, booster_name, types)


def main():
    """Parse arguments and run all comparisons."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cli")
    parser.add_argument("--data", default=os.environ.get("MLOPS_ORACLE_DATA"))
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    print("%-24s %-20s %-22s %8s %8s" % ("data set", "objective", "booster",
                                         "rows", "mismatches"))
    with tempfile.TemporaryDirectory() as folder:
        cli = arguments.cli or build(folder)
        check_exponent(cli, folder)
        check_special(cli, folder)
        check_synthetic(cli, folder, arguments.quick)
        if arguments.data:
            for name in DATA_SETS:
                path = os.path.join(arguments.data, name + ".csv.gz")
                if os.path.exists(path):
                    check_data_set(cli, folder, path, name)
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
