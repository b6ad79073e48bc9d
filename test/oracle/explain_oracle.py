#!/usr/bin/python3
"""Compare explanations and descriptions with python3-xgboost.

Trains models of many kinds with the library and compares, over all rows,
contributions (to 1e-5 of max(1, |margin|) beside the rounding of the library's
sums, which are floats, and of linear models of each), their sums with the float margin
(to 2e-6 of the sum of their absolute values) and with the leaves added up in
double (to 1e-12 of theirs), the leaves (exactly), and of the model all
importances (to 1e-5), and the dump (the same text).  Prints a line with the
greatest errors for each, beside how far the library's own sums are off, and
ends with "N passed, N failed".

usage: explain_oracle.py [--cli PATH] [--data DIR] [--quick]

PATH is a forest_cli, built into a temporary folder if not given.  DIR (or
MLOPS_TEST_DATA or MLOPS_ORACLE_DATA) holds real data sets as NAME.csv.gz, in
addition to test/data.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import pandas as pd
import xgboost as xgb

import forest_oracle as forest

HERE = os.path.dirname(os.path.abspath(__file__))
OWN_DATA = os.path.join(HERE, os.pardir, "data")

# name: (target, task, columns left out), as in forest_oracle.
OWN_SETS = {
    "iris": ("species", "multi", []),
    "breast_cancer": ("diagnosis", "binary", []),
    "diabetes": ("progression", "regression", []),
    "wine": ("class", "multi", []),
    "digits": ("digit", "multi", []),
    "flights": ("delay", "regression", ["dep_time"]),
}
TASKS = {"binary": "binary:logistic", "multi": "multi:softprob",
         "regression": "reg:squarederror", "count": "count:poisson",
         "gamma": "reg:gamma", "rank": "rank:ndcg", "aft": "survival:aft"}
BOOSTERS = {
    "gbtree": dict(tree_method="hist", max_depth=5),
    "lossguide": dict(tree_method="hist", grow_policy="lossguide",
                      max_depth=0, max_leaves=40),
    "pruned": dict(tree_method="exact", max_depth=5, gamma=0.5),
    "dart": dict(booster="dart", tree_method="hist", rate_drop=0.3,
                 one_drop=1, max_depth=4),
    "forest": dict(tree_method="hist", num_parallel_tree=3, subsample=0.6,
                   max_depth=4),
    "gblinear": dict(booster="gblinear"),
}
# Rows times trees of a comparison, as the library takes its time.
WORK = 1000000
# Contributions of each side that are compared at a time.
PART = 20000000

passed = failed = 0


def run(cli, what, path, rows=b""):
    """Output of forest_cli."""
    done = subprocess.run([cli, what, path], input=rows, capture_output=True,
                          check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.decode())
    return done.stdout


def parts(matrix, table, width):
    """The rows, in parts of at most PART contributions, width of each."""
    step = max(1, PART // width)
    if len(table) <= step:
        yield matrix, table
        return
    for start in range(0, len(table), step):
        rows = table[start:start + step]
        yield xgb.DMatrix(rows, feature_names=matrix.feature_names,
                          feature_types=matrix.feature_types,
                          enable_categorical=True), rows


def contribution_errors(cli, path, booster, matrix, table, linear):
    """Our sums, and greatest errors: of contributions, of our sums, of theirs.
    """
    shape = booster.predict(matrix, output_margin=True,
                            strict_shape=True).shape
    sums, errors = [], []
    for part, rows in parts(matrix, table, shape[1] * (table.shape[1] + 1)):
        ours, *found = part_errors(cli, path, booster, part, rows, linear)
        sums.append(ours)
        errors.append(found)
    return (np.concatenate(sums), *np.max(errors, axis=0))


def part_errors(cli, path, booster, matrix, table, linear):
    """The same of rows whose contributions fit into memory."""
    theirs = booster.predict(matrix, pred_contribs=True, strict_shape=True)
    margin = booster.predict(matrix, output_margin=True, strict_shape=True)
    ours = np.frombuffer(run(cli, "explain", path, table.tobytes()))
    ours = ours.reshape(theirs.shape)
    scale = np.maximum(1, np.abs(margin.astype(float)))
    terms = np.maximum(1, np.abs(ours).sum(axis=2))
    # contributions that cancel: the library adds them up in float
    rounding = 2 * np.finfo(np.float32).eps * np.abs(ours).sum(axis=2)
    errors = np.maximum(0, np.abs(ours - theirs) - rounding[:, :, None])
    if linear:
        errors = np.maximum(0, errors - np.spacing(np.abs(theirs)))
    sums = ours.sum(axis=2)
    return (sums, np.max(errors / scale[:, :, None]),
            np.max(np.abs(sums - margin) / terms),
            np.max(np.abs(theirs.astype(float).sum(axis=2) - margin) / terms))


def double_error(booster, matrix, ours):
    """How far our sums are from those of the leaves in double.

    The base margin is what remains, the same for all rows.
    """
    model = json.loads(booster.save_raw(raw_format="json").decode())
    model = model["learner"]["gradient_booster"]
    weights = np.array(model.get("weight_drop", []), dtype=np.float32)
    trees = model.get("gbtree", model)["model"]
    if not trees["trees"]:
        return 0.0
    leaves = booster.predict(matrix, pred_leaf=True, strict_shape=True)
    leaves = leaves.reshape(len(leaves), -1).astype(int)
    sums = np.zeros(ours.shape)
    terms = np.ones(ours.shape)
    for i, tree in enumerate(trees["trees"]):
        values = np.array(tree["split_conditions"], dtype=np.float32)
        if len(weights):
            values = values * weights[i]
        reached = values[leaves[:, i]].astype(float)
        sums[:, trees["tree_info"][i]] += reached
        terms[:, trees["tree_info"][i]] += np.abs(reached)
    rest = ours - sums
    return np.max(np.abs(rest - rest[:1]) / terms)


def wrong_leaves(cli, path, booster, matrix, table):
    """How many leaves differ.  Without trees the library divides by 0."""
    if booster.num_boosted_rounds() == 0:
        return len(run(cli, "leaves", path, table.tobytes()))
    theirs = booster.predict(matrix, pred_leaf=True, strict_shape=True)
    ours = np.frombuffer(run(cli, "leaves", path, table.tobytes()),
                         dtype=np.uint32)
    return int((theirs.reshape(-1) != ours).sum())


def importance_error(cli, path, booster, linear):
    """Greatest relative error of get_score() of all types."""
    lines = run(cli, "importance", path).decode().splitlines()
    ours = np.array([[float(x) for x in line.split()] for line in lines])
    names = booster.feature_names or \
        ["f%d" % i for i in range(booster.num_features())]
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = {"weight": ours[:, 0], "total_gain": ours[:, 1],
                   "total_cover": ours[:, 2], "gain": ours[:, 1] / ours[:, 0],
                   "cover": ours[:, 2] / ours[:, 0]}
    worst = 0.0
    for kind in ["weight"] if linear else columns:
        scores = booster.get_score(importance_type=kind)
        if set(scores) != {name for name, row in zip(names, ours)
                           if linear or row[0] > 0}:
            return np.inf
        for i, name in enumerate(names):
            if name not in scores:
                continue
            score = scores[name]
            if isinstance(score, list):
                score = float(np.abs(score).sum())
            worst = max(worst, abs(columns[kind][i] - score) /
                        max(abs(score), 1e-6))
    return worst


def same_dump(cli, path, booster):
    """Is the text of the trees the library's?"""
    text = "".join("booster[%d]:\n%s" % (i, tree) for i, tree in
                   enumerate(booster.get_dump(with_stats=True)))
    return text == run(cli, "dump", path).decode()


def compare(cli, folder, data, booster, matrix, table, name):
    """All comparisons of one model; a line of the table."""
    global passed, failed
    path = os.path.join(folder, "model.ubj")
    booster.save_model(path)
    linear = name == "gblinear"
    table = np.ascontiguousarray(table, dtype=np.float32)
    ours, error, own, library = contribution_errors(cli, path, booster,
                                                    matrix, table, linear)
    double = 0.0 if linear else double_error(booster, matrix, ours)
    leaves = 0 if linear else wrong_leaves(cli, path, booster, matrix, table)
    score = importance_error(cli, path, booster, linear)
    dump = linear or same_dump(cli, path, booster)
    good = len(table) > 0 and error <= 1e-5 and own <= 2e-6 and \
        double <= 1e-12 and leaves == 0 and score <= 1e-5 and dump
    passed += good
    failed += not good
    print("%-36s %-10s %7d %8.1e %8.1e %8.1e %8.1e %6d %8.1e %-5s %s" % (
        data, name, len(table), error, own, double, library, leaves, score,
        "same" if dump else "other", "ok" if good else "FAILED"), flush=True)


def check_synthetic(cli, folder, quick):
    """Objectives by boosters, with missing values and categories."""
    seed = 0
    for objective, label_of in forest.OBJECTIVES.items():
        for name, extra in BOOSTERS.items():
            if objective == "reg:absoluteerror" and \
                    name in ("gblinear", "forest"):
                continue
            seed += 1
            if quick and seed % 5:
                continue
            categorical = extra.get("tree_method") == "hist" and seed % 3 > 0
            table, score, types = forest.synthetic(seed, 600, 8, 0.2,
                                                   categorical)
            extra = dict(extra)
            if categorical:
                extra["max_cat_to_onehot"] = 4 if seed % 2 else 64
            booster = forest.train(objective, table, label_of(score), types,
                                   extra, 12)
            matrix = xgb.DMatrix(table, feature_types=types,
                                 enable_categorical=types is not None)
            compare(cli, folder, objective + (", categories" if categorical
                                              else ""),
                    booster, matrix, table, name)


def check_targets(cli, folder):
    """Several targets, and no rounds at all."""
    table, score, _ = forest.synthetic(2, 900, 6, 0.1, False)
    label = np.stack([score, -score, score ** 2], axis=1)
    matrix = xgb.DMatrix(table, label=label)
    for rounds in (9, 0):
        booster = xgb.train(dict(objective="reg:squarederror", nthread=1,
                                 verbosity=0, tree_method="hist",
                                 base_score=0.2), matrix, rounds)
        compare(cli, folder, "three targets, %d rounds" % rounds, booster,
                matrix, table, "gbtree")


def check_pandas(cli, folder):
    """A data frame with categories by name."""
    path = os.path.join(OWN_DATA, "flights.csv.gz")
    frame = pd.read_csv(path, nrows=20000)[["distance", "origin",
                                            "destination", "delay"]]
    label = frame.pop("delay")
    for column in ("origin", "destination"):
        frame[column] = frame[column].astype("category")
    matrix = xgb.DMatrix(frame, label=label, enable_categorical=True)
    table = np.stack([frame["distance"], frame["origin"].cat.codes,
                      frame["destination"].cat.codes], axis=1)
    for name in ("gbtree", "dart"):
        booster = xgb.train(dict(BOOSTERS[name], nthread=2, verbosity=0),
                            matrix, 15)
        compare(cli, folder, "flights, data frame", booster, matrix, table,
                name)


def finite_weights(booster):
    """Are the weights of a linear model numbers?"""
    model = json.loads(booster.save_raw(raw_format="json").decode())
    weights = model["learner"]["gradient_booster"]["model"]["weights"]
    return bool(np.all(np.isfinite(weights)))


def check_data_set(cli, folder, path, label, description):
    """All rows of a real data set, with three boosters."""
    target, task, left_out = description
    table, types, labels = forest.load(path, target, left_out)
    if task in ("binary", "multi"):
        code = {text: k for k, text in enumerate(sorted(set(labels)))}
        values = [code[text] for text in labels]
    else:
        values = [float(text) for text in labels]
    values = np.array(values, dtype=np.float32)
    groups = len(set(labels)) if task == "multi" else 1
    rounds = int(min(40, max(1, WORK / len(table) / groups)))
    for name in ("gbtree", "dart", "gblinear"):
        linear = name == "gblinear"
        if linear and task == "aft":
            continue
        if linear:
            with np.errstate(divide="ignore", invalid="ignore"):
                table = ((table - np.nanmean(table, axis=0)) /
                         np.maximum(np.nanstd(table, axis=0), 1e-6))
        booster = forest.train(TASKS[task], table, values,
                               None if linear else types, BOOSTERS[name],
                               rounds)
        booster.set_param({"nthread": 2})
        if linear and not finite_weights(booster):
            print("%-36s %-10s the library's training diverged" % (label,
                                                                   name))
            continue
        matrix = xgb.DMatrix(table, feature_types=None if linear else types,
                             enable_categorical=not linear)
        compare(cli, folder, label, booster, matrix, table, name)


def main():
    """Parse arguments and run all comparisons."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cli")
    parser.add_argument("--data",
                        default=os.environ.get("MLOPS_TEST_DATA") or
                        os.environ.get("MLOPS_ORACLE_DATA"))
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    print("%-36s %-10s %7s %8s %8s %8s %8s %6s %8s %s" % (
        "data set", "booster", "rows", "error", "sums", "double", "theirs",
        "leaves", "scores", "dump"))
    with tempfile.TemporaryDirectory() as folder:
        cli = arguments.cli or forest.build(folder)
        check_synthetic(cli, folder, arguments.quick)
        check_targets(cli, folder)
        check_pandas(cli, folder)
        for name, description in OWN_SETS.items():
            check_data_set(cli, folder, os.path.join(
                OWN_DATA, name + ".csv.gz"), name, description)
        for name, description in forest.DATA_SETS.items():
            path = os.path.join(arguments.data or "", name + ".csv.gz")
            if arguments.data and os.path.exists(path):
                check_data_set(cli, folder, path, name, description)
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
