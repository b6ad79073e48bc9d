#!/usr/bin/python3
"""Time predictions by the forest module against libxgboost.

Both predict the same rows in memory in one thread, in turns, and take the
processor time of a round: every path of the module that this machine has, row
by row and in batches, and libxgboost all rows in one call.  Rows have no
missing values.  The first round of each is not counted.  Checks that all give
the same bits.

Prints a table with nanoseconds per row, and ends with one line per target:
measure, ratio to libxgboost, target, ok or short, separated by tabs.  The
targets leave room for what a query does beside.

The model of 26 classes is of letter_recognition where MLOPS_ORACLE_DATA has
it, else of synthetic rows.
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import xgboost as xgb

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, os.pardir, "oracle"))

import forest_oracle as forest  # noqa: E402

ROUNDS = max(5, int(os.environ.get("BENCH_ROUNDS", "5")))
FEATURES = 20
TRAINING = 100000
ROWS = 16384
# name: trees, depth
MODELS = {"M3": (50, 3), "M1": (100, 6), "M2": (500, 8)}
# model, path, in batches, greatest ratio
TARGETS = [
    ("M1", "avx512", False, 0.22), ("M2", "avx512", False, 0.16),
    ("M1", "avx2", False, 0.24), ("M2", "avx2", False, 0.17),
    ("M1", "avx2", True, 0.15), ("M2", "avx2", True, 0.09),
    ("M1", "portable", False, 0.7),
]


def synthetic(rows):
    """Rows that make trees use all their depth, and a score."""
    rng = np.random.default_rng(rows)
    table = rng.normal(size=(rows, FEATURES)).astype(np.float32)
    score = table[:, 0] * table[:, 1] + np.sin(3 * table[:, 2]) + \
        0.3 * table[:, 3:].sum(axis=1) + \
        table[:, 4] * table[:, 5] * table[:, 6] + rng.normal(size=rows)
    return table, score


def letters():
    """The 26 classes of letter_recognition, or of synthetic rows."""
    path = os.path.join(os.environ.get("MLOPS_ORACLE_DATA", ""),
                        "letter_recognition.csv.gz")
    if os.path.exists(path):
        table, _, label = forest.load(path, "lettr", [])
        known = sorted(set(label))
        return table, np.array([known.index(text) for text in label])
    table, score = synthetic(20000)
    return table, np.digitize(score, np.quantile(score, np.arange(1, 26) / 26))


def train(name):
    """A model and the rows that it is timed on."""
    params = dict(nthread=os.cpu_count(), tree_method="hist", eta=0.1)
    if name == "letters":
        table, label = letters()
        params.update(objective="multi:softprob", num_class=26, max_depth=6)
        trees = 40
    else:
        table, score = synthetic(TRAINING)
        trees, depth = MODELS[name]
        label = score > 0
        params.update(objective="binary:logistic", max_depth=depth)
    booster = xgb.train(params, xgb.DMatrix(table, label=label), trees)
    booster.set_param({"nthread": 1})
    return booster, np.ascontiguousarray(table[:ROWS])


def library_round(booster, table):
    """Nanoseconds per row of one call, and what it returns."""
    start = time.process_time()
    values = booster.inplace_predict(table)
    return (time.process_time() - start) / len(table) * 1e9, values


def module_round(cli, path, table, way):
    """Nanoseconds per row, as forest_cli measures them; None if impossible."""
    environment = dict(os.environ, MLOPS_PATH=way[0])
    if way[1]:
        environment["MLOPS_BATCH"] = "1"
    done = subprocess.run([cli, "time", path], input=table.tobytes(),
                          capture_output=True, check=False, env=environment)
    return float(done.stdout) if done.returncode == 0 else None


def measure(cli, folder, name, ways):
    """Medians of all ways and of the library, and ratios, by way."""
    booster, table = train(name)
    path = os.path.join(folder, "model.ubj")
    booster.save_model(path)
    _, want = library_round(booster, table)
    for way in ways:
        got = forest.run(cli, "predict", path, table, *way)
        if (forest.bits(got) != forest.bits(want)).any():
            sys.exit("%s by %s: other bits" % (name, way))
    times = {way: [] for way in ways}
    times["library"] = []
    for turn in range(ROUNDS + 1):
        library = library_round(booster, table)[0]
        for way in ways:
            spent = module_round(cli, path, table, way)
            if turn > 0:
                times[way].append((spent, spent / library))
        if turn > 0:
            times["library"].append((library, 1.0))
    return {way: tuple(statistics.median(values) for values in zip(*turns))
            for way, turns in times.items()}


def main():
    """Measure all models."""
    short = 0
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        cli = forest.build(folder)
        empty = os.path.join(folder, "empty.ubj")
        table = np.zeros((1, 1), np.float32)
        xgb.train({}, xgb.DMatrix(table, label=[0]), 1).save_model(empty)
        ways = [way for way in forest.PATHS
                if forest.run(cli, "margin", empty, table, *way) is not None]
        print("%-8s %8s" % ("ns/row", "library") + "".join(
            " %15s" % (path + (" batch" if batch else ""))
            for path, batch in ways), flush=True)
        for name in [*MODELS, "letters"]:
            medians = measure(cli, folder, name, ways)
            results[name] = medians
            print("%-8s %8.0f" % (name, medians["library"][0]) + "".join(
                " %7.0f (%.3f)" % medians[way] for way in ways), flush=True)
    for name, path, batch, target in TARGETS:
        if (path, batch) not in ways:
            continue
        ratio = results[name][path, batch][1]
        good = ratio <= target
        short += not good
        print("%s by %s%s\t%.3f\t%.2f\t%s" % (
            name, path, ", in batches" if batch else "", ratio, target,
            "ok" if good else "short"))
    sys.exit(1 if short else 0)


if __name__ == "__main__":
    main()
