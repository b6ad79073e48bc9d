#!/usr/bin/python3
"""Write the model fixtures of test/data/models with python3-xgboost 1.7.4.

Each fixture is NAME.ubj or NAME.json and NAME.txt, which holds
    objective OBJECTIVE
    booster BOOSTER
    shape ROWS FEATURES OUTPUTS
    row VALUE ...          one line a row, "nan" for missing
    margin VALUE ...       what the library returns for it
    predict VALUE ...
with float32 values as hexadecimal C constants.  Run again only with the
library's version named above: the bytes are committed.

usage: make_models.py [FOLDER]
"""

import os
import sys

import numpy as np
import xgboost as xgb

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir,
                      "data", "models")
ROWS = 24
FEATURES = 5


def data(seed, categorical=False):
    """Rows with a tenth of the values missing, and a score."""
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(300, FEATURES)).astype(np.float32)
    score = table[:, 0] + np.sin(3 * table[:, 1]) + table[:, 2] * table[:, 3]
    if categorical:
        table[:, 4] = rng.integers(0, 70, len(table))
        table[:, 3] = rng.integers(0, 4, len(table))
        score = score + 2 * (table[:, 4] % 3 == 0) + (table[:, 3] == 1)
    table[rng.random(table.shape) < 0.1] = np.nan
    return table, score


def write(name, form, params, label_of, rounds=5, categorical=False, seed=1,
          bounds=False):
    """Train one model and write its files."""
    table, score = data(seed, categorical)
    label = np.asarray(label_of(score), dtype=np.float32)
    types = ["q", "q", "q", "c", "c"] if categorical else None
    matrix = xgb.DMatrix(table, label=label, feature_types=types,
                         enable_categorical=categorical,
                         feature_names=["a", "b", "c", "d", "\u00e9"])
    if bounds:
        matrix.set_float_info("label_lower_bound", label)
        matrix.set_float_info("label_upper_bound", label * 1.5)
    params = dict(nthread=1, seed=3, verbosity=0, max_depth=3,
                  base_score=0.4, **params)
    booster = xgb.train(params, matrix, rounds)
    with open(os.path.join(FOLDER, name + "." + form), "wb") as file:
        file.write(booster.save_raw(raw_format=form))
    some = xgb.DMatrix(table[:ROWS], feature_types=types,
                       feature_names=matrix.feature_names,
                       enable_categorical=categorical)
    margin = booster.predict(some, output_margin=True).reshape(ROWS, -1)
    predicted = booster.predict(some).reshape(ROWS, -1)

    def line(word, values):
        return word + " " + " ".join(
            "nan" if np.isnan(v) else float(v).hex() for v in values) + "\n"

    with open(os.path.join(FOLDER, name + ".txt"), "w",
              encoding="ascii") as file:
        file.write("objective %s\nbooster %s\nshape %d %d %d\n" % (
            params["objective"], params.get("booster", "gbtree"), ROWS,
            FEATURES, margin.shape[1]))
        for i in range(ROWS):
            file.write(line("row", table[i]) + line("margin", margin[i]) +
                       line("predict", predicted[i]))


def main():
    """Write all fixtures."""
    global FOLDER
    if len(sys.argv) > 1:
        FOLDER = sys.argv[1]
    os.makedirs(FOLDER, exist_ok=True)
    hist = dict(tree_method="hist")
    write("binary", "ubj", dict(hist, objective="binary:logistic"),
          lambda s: s > 0)
    write("regression", "json", dict(hist, objective="reg:squarederror"),
          lambda s: s)
    write("classes", "ubj", dict(hist, objective="multi:softprob",
                                 num_class=3),
          lambda s: np.digitize(s, (-0.5, 0.5)), rounds=3)
    write("dart", "ubj", dict(hist, objective="binary:logistic",
                              booster="dart", rate_drop=0.4, one_drop=1),
          lambda s: s > 0, rounds=8)
    write("categorical", "json", dict(hist, objective="reg:squarederror",
                                      max_cat_to_onehot=5),
          lambda s: s, rounds=4, categorical=True)
    write("categorical_ubj", "ubj", dict(hist, objective="binary:logistic",
                                         max_cat_to_onehot=1),
          lambda s: s > 1, rounds=4, categorical=True)
    write("linear", "json", dict(objective="reg:squarederror",
                                 booster="gblinear"), lambda s: s)
    write("forest", "ubj", dict(hist, objective="reg:squarederror",
                                num_parallel_tree=3, subsample=0.7),
          lambda s: s, rounds=2)
    write("poisson", "json", dict(hist, objective="count:poisson"),
          lambda s: np.round(np.exp(0.4 * s)), rounds=4)
    write("aft", "ubj", dict(hist, objective="survival:aft"),
          lambda s: np.exp(0.4 * s), rounds=3, bounds=True)
    write("deleted", "ubj", dict(objective="reg:squarederror",
                                 tree_method="exact", gamma=6.0),
          lambda s: s, rounds=3)


if __name__ == "__main__":
    main()
