#!/usr/bin/python3
"""Time contributions by the forest module against libxgboost.

Both explain the same rows in one thread, in turns, and take the processor
time of a round: the module one row after the other, as a query does it,
libxgboost all rows in one call.  The first round of each is not counted.
Checks that both say the same, and ends with one line per model: medians in
microseconds per row, the ratio of the medians, target, ok or short.
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
MODELS = [(100, 6, 400), (500, 8, 100)]  # trees, depth, rows
FEATURES = 20
TARGET = 1.0


def train(trees, depth):
    """A model of 20 features that needs all its depth."""
    rng = np.random.default_rng(trees)
    table = rng.normal(size=(20000, FEATURES)).astype(np.float32)
    score = table[:, 0] * table[:, 1] + np.sin(3 * table[:, 2]) + \
        0.1 * table[:, 3:].sum(axis=1)
    label = score + rng.normal(size=len(table)) > 0
    booster = xgb.train(dict(objective="binary:logistic", nthread=1,
                             tree_method="hist", max_depth=depth, eta=0.1),
                        xgb.DMatrix(table, label=label, nthread=1), trees)
    return booster, table


def library_round(booster, table):
    """Microseconds per row of one call; a new matrix, not counted."""
    matrix = xgb.DMatrix(table, nthread=1)
    start = time.process_time()
    booster.predict(matrix, pred_contribs=True)
    return (time.process_time() - start) / len(table) * 1e6


def module_round(cli, path, table):
    """Microseconds per row, as forest_cli measures them."""
    done = subprocess.run([cli, "explain_time", path], input=table.tobytes(),
                          capture_output=True, check=True)
    return float(done.stdout) / 1e3


def compare(cli, path, booster, table):
    """Greatest difference, over max(1, |margin|)."""
    matrix = xgb.DMatrix(table, nthread=1)
    theirs = booster.predict(matrix, pred_contribs=True)
    ours = np.frombuffer(subprocess.run(
        [cli, "explain", path], input=table.tobytes(), capture_output=True,
        check=True).stdout).reshape(theirs.shape)
    margin = booster.predict(matrix, output_margin=True)
    return np.max(np.abs(ours - theirs) /
                  np.maximum(1, np.abs(margin))[:, None])


def main():
    """Measure all models."""
    short = 0
    with tempfile.TemporaryDirectory() as folder:
        cli = forest.build(folder)
        path = os.path.join(folder, "model.ubj")
        for trees, depth, rows in MODELS:
            booster, table = train(trees, depth)
            booster.save_model(path)
            table = np.ascontiguousarray(table[:rows])
            error = compare(cli, path, booster, table)
            library, module = [], []
            for _ in range(ROUNDS + 1):
                library.append(library_round(booster, table))
                module.append(module_round(cli, path, table))
            theirs = statistics.median(library[1:])
            ours = statistics.median(module[1:])
            good = error <= 1e-5 and theirs / ours >= TARGET
            short += not good
            print("%d trees of depth %d: libxgboost %.1f us, module %.1f us "
                  "a row, ratio %.1f (%d rounds, target %.1f), difference "
                  "%.1e: %s" % (trees, depth, theirs, ours, theirs / ours,
                                ROUNDS, TARGET, error,
                                "ok" if good else "short"), flush=True)
    sys.exit(1 if short else 0)


if __name__ == "__main__":
    main()
