#!/usr/bin/python3
"""Hold mlops.import_model and mlops.export_model against python3-xgboost.

    exchange_oracle.py [--dsn DSN] [--data DIR]

The library trains models of many objectives and boosters on the data sets of
DIR (default: test/data), some of them on a pandas frame with categories and
names that need quoting, and saves them as JSON and as UBJ.  Each file is
imported, also in the forms that 2.x, 3.0 and 3.1 give it, and over all rows
the float32 of mlops.predict() or mlops.predict_proba() must be those of the
Booster.  Then both formats are exported of each imported version: what was
imported must come back byte for byte, what was converted must load, with its
names and types, and predict the same.

Works in a schema of its own, which it drops at the end with its models.  The
last line is `N passed, N failed`; exit 1 on failure.
"""
import argparse
import io
import json
import os
import pathlib
import sys

import numpy as np
import pandas as pd
import psycopg2
import xgboost

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = "mlops_exchange_oracle"
RESULTS = []

# table, target, objective -> label of the target; further names of columns
POSITIVE = ("reg:gamma", "reg:tweedie", "count:poisson", "survival:cox",
            "survival:aft", "reg:squaredlogerror")
DATA_SETS = {
    "iris": ("species", ["multi:softprob", "multi:softmax"]),
    "wine": ("class", ["multi:softprob"]),
    "digits": ("digit", ["multi:softprob", "rank:pairwise", "rank:ndcg",
                         "reg:absoluteerror"]),
    "breast_cancer": ("diagnosis", ["binary:logistic", "binary:logitraw",
                                    "binary:hinge", "reg:logistic"]),
    "diabetes": ("progression", ["reg:squarederror", "reg:pseudohubererror",
                                 *POSITIVE]),
    "flights": ("delay", ["binary:logistic", "reg:squarederror"]),
}
BOOSTERS = {
    "gbtree": {"tree_method": "hist", "max_depth": 5},
    "exact": {"tree_method": "exact", "max_depth": 4, "gamma": 0.5},
    "dart": {"booster": "dart", "tree_method": "hist", "rate_drop": 0.3,
             "one_drop": 1, "max_depth": 3},
    "forest": {"tree_method": "hist", "num_parallel_tree": 3,
               "subsample": 0.7, "max_depth": 4},
    "gblinear": {"booster": "gblinear"},
}
# what frames of people are called
NAMES = {"bmi": "body mass (kg/m²)", "age": 'the "age"', "sex": "Größe, 性",
         "mean_radius": "Mean Radius", "distance": "Distance"}


def result(good, name, detail=""):
    """Count one check; print it when it fails."""
    RESULTS.append(bool(good))
    if not good:
        print(f"not ok - {name}{': ' if detail else ''}{detail}", flush=True)
    return bool(good)


# --- rows, in the server and as a frame --------------------------------------

def quoted(name):
    """An identifier in SQL."""
    return '"' + name.replace('"', '""') + '"'


def sql_type(column):
    """The type of a column of a frame."""
    if column.dtype == bool:
        return "boolean"
    if str(column.dtype) == "category" or column.dtype == object:
        return "text"
    if np.issubdtype(column.dtype, np.integer):
        return "bigint"
    return "double precision"


def load(cursor, folder, name):
    """Features and target of a data set; the features in a table."""
    frame = pd.read_csv(folder / f"{name}.csv.gz")
    target = frame.pop(DATA_SETS[name][0])
    if "dep_time" in frame:
        frame["late in the day"] = (
            pd.to_datetime(frame.pop("dep_time")).dt.hour >= 17)
    frame = frame.rename(columns=NAMES)
    for column in frame:
        if frame[column].dtype == object:
            # codes that are in no order of their own
            values = sorted(frame[column].unique(), key=lambda v: v[::-1])
            frame[column] = pd.Categorical(frame[column], categories=values)
    columns = ", ".join(f"{quoted(c)} {sql_type(frame[c])}" for c in frame)
    cursor.execute(f"CREATE TABLE {name} (row_number bigint, {columns})")
    text = io.StringIO()
    frame.to_csv(text, header=False)
    text.seek(0)
    cursor.copy_expert(f"COPY {name} FROM STDIN (FORMAT csv)", text)
    return frame, target


def label_of(name, objective, target):
    """The target as the objective wants it."""
    if objective.startswith("multi:"):
        return pd.factorize(target, sort=True)[0]
    if name == "breast_cancer":
        return pd.factorize(target, sort=True)[0]
    if name == "flights" and objective == "binary:logistic":
        return (target > 15).astype(int)
    if name == "flights":
        return np.log1p(np.maximum(target, 0))
    return target


def train(frame, label, objective, extra, categorical):
    """A booster and the matrix it predicts."""
    matrix = xgboost.DMatrix(frame, label=label, nthread=2,
                             enable_categorical=categorical)
    if objective == "survival:aft":
        matrix.set_float_info("label_lower_bound", label)
        matrix.set_float_info("label_upper_bound", label * 1.3)
    if objective.startswith("rank:"):
        matrix.set_group([len(frame) // 3] * 2 +
                         [len(frame) - 2 * (len(frame) // 3)])
    params = dict(objective=objective, nthread=2, seed=3, verbosity=0,
                  max_cat_to_onehot=4, base_score=0.4, **extra)
    if objective.startswith("multi:"):
        params["num_class"] = int(np.max(label)) + 1
    return xgboost.train(params, matrix, 8), matrix


def is_refused(objective, kind, error):
    """Whether it is the forest of medians, which 3.0 does not train."""
    return (xgboost.__version__.startswith("3.0.") and
            objective == "reg:absoluteerror" and kind == "forest" and
            "random forest is not supported" in str(error))


def predicted(booster, matrix, objective):
    """What the library predicts; of an argmax objective the probabilities."""
    if objective == "multi:softmax":
        text = bytes(booster.save_raw("json"))
        again = xgboost.Booster()
        again.load_model(bytearray(text.replace(b"multi:softmax",
                                                b"multi:softprob")))
        booster = again
    return booster.predict(matrix)


# --- the forms of later releases ----------------------------------------------

def plain_json(booster):
    """The model as the library saves it, with NaN as Python reads it."""
    return json.loads(bytes(booster.save_raw("json")))


def body_of(document):
    """Where the trees are, or the weights."""
    inner = document["learner"]["gradient_booster"]
    return inner.get("gbtree", inner)["model"]


def as_second(document):
    """The form of 2.x: where rounds begin, sizes of leaves per tree."""
    document["version"] = [2, 1, 4]
    document["learner"]["learner_model_param"]["boost_from_average"] = "1"
    body = body_of(document)
    if "trees" in body:
        count = len(body["trees"])
        param = body["gbtree_model_param"]
        param.pop("size_leaf_vector", None)
        learner = document["learner"]["learner_model_param"]
        outputs = max(int(learner["num_class"]), 1)
        step = int(param["num_parallel_tree"]) * outputs
        body["iteration_indptr"] = list(range(0, count + 1, step))
        for tree in body["trees"]:
            tree["tree_param"]["size_leaf_vector"] = "1"
    return document


def as_third(document):
    """The form of 3.1 and later: base scores in brackets, categories."""
    document = as_second(document)
    document["version"] = [3, 3, 0]
    param = document["learner"]["learner_model_param"]
    outputs = max(int(param["num_class"]), 1)
    param["base_score"] = "[" + ",".join([param["base_score"]] * outputs) + "]"
    body = body_of(document)
    if "trees" in body:
        body["cats"] = {"enc": [], "feature_segments": [], "sorted_idx": []}
    return document


def with_categories(document, frame):
    """The form of 3.1 with the categories of the frame."""
    document = as_third(document)
    columns, segments, order = [], [0], []
    for name in frame:
        values = []
        if str(frame[name].dtype) == "category":
            values = [v.encode() for v in frame[name].cat.categories]
        offsets = np.cumsum([0] + [len(v) for v in values]).tolist()
        text = np.frombuffer(b"".join(values), np.int8).tolist()
        columns.append({"offsets": offsets if values else [], "values": text})
        order += sorted(range(len(values)), key=values.__getitem__)
        segments.append(segments[-1] + len(values))
    body_of(document)["cats"] = {"enc": columns, "feature_segments": segments,
                                 "sorted_idx": order}
    return document


def encoded(document):
    return json.dumps(document, ensure_ascii=False).encode()


# --- comparing -----------------------------------------------------------------

def differing(got, want):
    """How many values are not the float32, widened."""
    got = np.asarray(got, np.float64)
    want = np.asarray(want, np.float32).astype(np.float64)
    if got.shape != want.shape:
        return max(got.size, want.size)
    return int(np.sum(got != want))


def served(cursor, model, table, several):
    """What the server predicts for all rows."""
    function = "predict_proba" if several else "predict"
    cursor.execute(f"SELECT mlops.{function}(%s, t) FROM {table} t "
                   "ORDER BY row_number", (model,))
    return [row[0] for row in cursor]


def import_file(cursor, model, data, frame, categorical, given=True):
    """Import with the categories of the frame; the version's reference."""
    signature = None
    if categorical and given:
        signature = json.dumps({
            c: list(frame[c].cat.categories) for c in frame
            if str(frame[c].dtype) == "category"})
    cursor.execute("SELECT version FROM mlops.import_model(%s, %s, "
                   "signature => %s, target => 'y')",
                   (model, bytes(data), signature))
    return f"{model}/{cursor.fetchone()[0]}"


def check_exports(cursor, reference, data, booster, matrix, want, name):
    """The imported file comes back, the other format is as good."""
    for form in ("json", "ubj"):
        cursor.execute("SELECT mlops.export_model(%s, %s)", (reference, form))
        out = bytes(cursor.fetchone()[0])
        if (data[1:2] in b'" ') == (form == "json"):
            result(out == bytes(data), f"{name}: {form} comes back")
            continue
        again = xgboost.Booster()
        again.load_model(bytearray(out))
        result(again.feature_names == booster.feature_names and
               again.feature_types == booster.feature_types,
               f"{name}: names and types in {form}")
        objective = json.loads(booster.save_config())["learner"]["objective"]
        bad = differing(predicted(again, matrix, objective["name"]), want)
        result(bad == 0, f"{name}: converted to {form}", f"{bad} differ")


def check_text(cursor, reference, booster, name):
    """The text names features and has all trees of the library's dump."""
    cursor.execute("SELECT convert_from(mlops.export_model(%s, 'text'), "
                   "'UTF8')", (reference,))
    text = cursor.fetchone()[0]
    trees = booster.get_dump(with_stats=True)
    result(text.count("booster[") == len(trees), f"{name}: trees in the text")
    used = [f for f in booster.get_score() if f in text]
    result(len(used) == len(booster.get_score()), f"{name}: names in the text")


def check(cursor, table, frame, label, objective, kind, extra):
    """Train, save in all forms, import, predict, export."""
    categorical = any(str(t) == "category" for t in frame.dtypes)
    try:
        booster, matrix = train(frame, label, objective, extra, categorical)
    except xgboost.core.XGBoostError as error:
        if not is_refused(objective, kind, error):
            raise
        print(f"{table:14} {objective:20} {kind:9} refused", flush=True)
        return
    if kind == "gblinear" and not np.all(np.isfinite(
            body_of(plain_json(booster))["weights"])):
        print(f"{table:14} {objective:20} {kind:9} diverged", flush=True)
        return
    want = predicted(booster, matrix, objective)
    several = objective.startswith("multi:")
    name = f"{table} {objective} {kind}"
    forms = {
        "1.7 json": bytes(booster.save_raw("json")),
        "1.7 ubj": bytes(booster.save_raw("ubj")),
    }
    # a library that writes the last form writes none that is like the others
    if plain_json(booster)["version"] < [3, 1]:
        forms["2.x json"] = encoded(as_second(plain_json(booster)))
        forms["3.x json"] = encoded(as_third(plain_json(booster)))
    if categorical and "3.x json" in forms:
        forms["3.x frame"] = encoded(with_categories(plain_json(booster),
                                                     frame))
    model = f"x {table} {objective}"
    total = 0
    for form, data in forms.items():
        reference = import_file(cursor, model, data, frame, categorical,
                                form != "3.x frame")
        bad = differing(served(cursor, reference, table, several), want)
        total += bad
        result(bad == 0, f"{name}: {form}", f"{bad} differ")
        if form.startswith("1.7"):
            check_exports(cursor, reference, data, booster, matrix, want,
                          f"{name}: {form}")
        elif form != "2.x json":
            cursor.execute("SELECT mlops.export_model(%s, 'ubj')",
                           (reference,))
            out = bytes(cursor.fetchone()[0])
            again = import_file(cursor, model, out, frame, categorical,
                                form != "3.x frame")
            bad = differing(served(cursor, again, table, several), want)
            result(bad == 0, f"{name}: {form} as UBJ", f"{bad} differ")
    if kind != "gblinear":
        check_text(cursor, reference, booster, name)
    print(f"{table:14} {objective:20} {kind:9} {len(frame):6} rows "
          f"{len(forms)} forms {total} differ", flush=True)


def run(connection, folder):
    cursor = connection.cursor()
    cursor.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    cursor.execute(f"CREATE SCHEMA {SCHEMA}")
    cursor.execute(f"SET search_path = {SCHEMA}")
    for table, (_, objectives) in DATA_SETS.items():
        frame, target = load(cursor, folder, table)
        for objective in objectives:
            label = label_of(table, objective, target)
            for kind, extra in BOOSTERS.items():
                if table == "flights" and (
                        kind not in ("gbtree", "dart", "forest")):
                    continue
                if kind == "gblinear" and objective in (
                        "reg:absoluteerror", "rank:ndcg"):
                    continue
                if table == "digits" and kind in ("exact", "forest") and \
                        objective.startswith("rank:"):
                    continue
                check(cursor, table, frame, label, objective, kind, extra)
                connection.commit()
    cursor.execute("SELECT mlops.drop_model(model) FROM mlops.models "
                   "WHERE model LIKE 'x %'")
    cursor.execute(f"DROP SCHEMA {SCHEMA} CASCADE")
    connection.commit()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dsn", default=os.environ.get("MLOPS_DSN", ""))
    parser.add_argument("--data", type=pathlib.Path,
                        default=ROOT / "test" / "data")
    options = parser.parse_args()
    connection = psycopg2.connect(options.dsn)
    connection.cursor().execute("SET client_min_messages = warning")
    run(connection, options.data)
    failed = RESULTS.count(False)
    print(f"{len(RESULTS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
