#!/usr/bin/python3
"""Every objective and booster on every data set, against python3-xgboost.

    objective_oracle.py [--dsn DSN] [--data DIR] [--only NAME]

Trains each objective that a data set's target fits with each booster, on some
thousand of its rows and for few rounds, exports the model and loads it with
python3-xgboost.  Over all rows of the data set the float32 of mlops.predict(), or of each
element of mlops.predict_proba(), must be those of the Booster.  The matrix is
built by predict_oracle.py from the stored signature and the raw rows.

Data sets are those of DIR (default: test/data) and, if it is set, of the
folder in MLOPS_TEST_DATA, or else of ../shared/data where that exists.  Two
processes share them.  Works in schemas of its own, which are dropped with
their models at the end.  Prints a line for each data set and objective: rows,
and how many predictions differ with each booster, - where libxgboost or mlops
has no such combination.  The last line is `N passed, N failed`.
"""
import argparse
import io
import json
import multiprocessing
import os
import pathlib
import sys
import traceback

import numpy as np
import psycopg2

import predict_oracle as base

SCHEMA = "mlops_objective_oracle"

# data set -> (kind of target, its expression, arguments, columns left out);
# numbers are scaled to 0 .. 10
TARGETS = {
    "iris": [("class", "species", "", "")],
    "breast_cancer": [("binary", "diagnosis", "", "")],
    "diabetes": [("number", "progression", "", "")],
    "wine": [("class", "class", "", "")],
    "digits": [("class", "digit", "", ""), ("number", "digit", "", "")],
    "flights": [("number", "delay", "", ""),
                ("binary", "delay > 15", "", "delay")],
    "adult": [("binary", "income", "", "")],
    "bank_marketing": [("binary", "y", "", "")],
    "beijing_pm25": [("number", "pm2_5", "", "")],
    "bike_sharing_hour": [("number", "cnt", "", "casual,registered")],
    "california_housing": [("number", "median_house_value", "", "")],
    "diamonds": [("number", "price", "", "")],
    "elec2": [("binary", "class", "", "")],
    "emotions_multilabel": [("binary", "amazed_suprised", "", "")],
    "energy_efficiency": [("number", "heating_load", "", "cooling_load")],
    "fashion_mnist_10k": [("class", "label", "", "")],
    "german_credit": [("binary", "class", "", "")],
    "hflights": [("number", "arr_delay", "", "dep_delay")],
    "higgs_7500": [("binary", "is_signal", "", "split")],
    "kddcup99_10pct": [("class", "label", "", "")],
    "letter_recognition": [("class", "lettr", "", "")],
    "lightgbm_rank": [("rank", "relevance", "query_group => 'qid'", "split")],
    "nyc_taxis_6433": [("number", "tip", "", ""),
                       ("binary", "payment", "", "")],
    "penguins": [("class", "species", "", "")],
    "powersupply": [("number", "main_grid", "", ""),
                    ("class", "hour_class", "", "")],
    "skin_segmentation": [("binary", "is_skin", "", "")],
    "sms_spam": [("binary", "label", "", "")],
    "veterans_lung_cancer": [
        ("survival", "survival_label_lower_bound",
         "target_upper => 'survival_label_upper_bound::float8'", ""),
        ("cox", "survival_label_lower_bound", "event_observed => "
         "'survival_label_upper_bound::float8 = "
         "survival_label_lower_bound'",
         "survival_label_upper_bound")],
    "wine_quality": [("class", "quality", "", ""),
                     ("binary", "color", "", "")],
}

# kind of target -> objective, and the target made of the expression {}
OBJECTIVES = {
    "binary": [("binary:logistic", "{}"), ("binary:logitraw", "{}"),
               ("binary:hinge", "{}")],
    "class": [("multi:softprob", "{}"), ("multi:softmax", "{}")],
    "number": [("reg:squarederror", "{}"), ("reg:squaredlogerror", "{}"),
               ("reg:logistic", "least(({}) / 10, 1)"),
               ("reg:pseudohubererror", "{}"), ("reg:absoluteerror", "{}"),
               ("reg:quantileerror", "{}"), ("count:poisson", "floor({})"),
               ("reg:gamma", "({}) + 1"), ("reg:tweedie", "{}")],
    "rank": [("rank:pairwise", "{}"), ("rank:ndcg", "{}"),
             ("rank:map", "least({}, 1)")],
    "survival": [("survival:aft", "{}")],
    "cox": [("survival:cox", "{}")],
}

BOOSTERS = {
    "gbtree": {"booster": "gbtree", "max_depth": 4},
    "forest": {"booster": "gbtree", "num_parallel_tree": 3,
               "subsample": 0.7, "max_depth": 4},
    "dart": {"booster": "dart", "rate_drop": 0.5, "one_drop": 1,
             "max_depth": 4},
    "gblinear": {"booster": "gblinear"},
}


def binary_column(cursor, sql, width):
    """A column of float8, or of arrays of width float8, as an array."""
    data = io.BytesIO()
    cursor.copy_expert(f"COPY ({sql}) TO STDOUT (FORMAT binary)", data)
    kind = ([("count", ">i2"), ("size", ">i4")] +
            ([("head", "V20"), ("cells", [("size", ">i4"), ("value", ">f8")],
                                (width,))] if width > 1
             else [("value", ">f8")]))
    rows = np.frombuffer(data.getvalue()[19:-2], np.dtype(kind))
    return rows["cells"]["value"] if width > 1 else rows["value"]


def number_target(cursor, table, target):
    """The target from 0 to 10."""
    cursor.execute(f"SELECT min({target})::float8, max({target})::float8 "
                   f"FROM {table}")
    low, high = cursor.fetchone()
    return f"(({target}) - ({low!r})::float8) * {10 / (high - low)!r}"


def categories_of(cursor, table):
    """Columns that a linear model cannot take."""
    cursor.execute("SELECT attname FROM pg_attribute WHERE attrelid = "
                   "%s::regclass AND attnum > 0 AND atttypid = "
                   "'text'::regtype", (table,))
    return [row[0] for row in cursor.fetchall()]


def train(cursor, model, table, job, every, objective, target, booster):
    """Task, signature and classes of a new version; None if not supported."""
    _, _, more, hidden = job
    exclude = ["row_number"] + [c for c in hidden.split(",") if c]
    if booster == "gblinear":
        exclude += categories_of(cursor, table)
    params = {"objective": objective, "num_boost_round": 4,
              **BOOSTERS[booster]}
    try:
        cursor.execute(
            f"SELECT task FROM mlops.train(%s, %s, %s, exclude => %s, "
            f"params => %s, split => 'none'{', ' + more if more else ''})",
            (model, f"SELECT * FROM {table} WHERE row_number % {every} = 0",
             target, exclude,
             json.dumps(params)))
    except psycopg2.errors.FeatureNotSupported as error:
        if "needs libxgboost" not in str(error):
            raise
        return None
    except psycopg2.errors.InvalidParameterValue as error:
        unknown = {"forest": "num_parallel_tree",
                   "gblinear": "no column that can be a feature"}
        if unknown.get(booster, "never") not in str(error):
            raise
        return None
    cursor.execute("SELECT task, signature, classes, objective, booster FROM "
                   "mlops.versions WHERE model = %s", (model,))
    return cursor.fetchone()


def different(cursor, model, table, version, matrices):
    """How many predictions differ, of how many rows."""
    task, signature, classes, objective, _ = version
    key = json.dumps(signature)
    if key not in matrices:
        if len(matrices) > 3:
            matrices.clear()
        matrices[key] = base.matrix_of(cursor, table, signature)
    matrix, _, types = matrices[key]
    booster = base.booster_of(cursor, model, "ubj")
    wrong = 0
    if objective == "multi:softmax":
        labels = base.expected(booster, matrix, types)
        booster.set_param({"objective": "multi:softprob"})
    want = base.expected(booster, matrix, types)
    width = len(classes) if task == "multiclass" else 1
    function = "predict_proba" if width > 1 else "predict"
    got = binary_column(cursor, f"SELECT mlops.{function}('{model}', t) "
                        f"FROM {table} t ORDER BY row_number", width)
    wrong = base.mismatches(got, want)
    if objective == "multi:softmax":
        wrong += int(np.sum(np.argmax(got, axis=1) != labels))
    return wrong, len(want)


def run_job(cursor, stem, table, job, every):
    """All objectives and boosters of one target."""
    kind, target = job[:2]
    if kind == "number":
        target = number_target(cursor, table, target)
    matrices = {}
    for objective, shape in OBJECTIVES[kind]:
        cells, rows = [], 0
        for name, params in BOOSTERS.items():
            model = f"{SCHEMA}_{stem}"
            version = train(cursor, model, table, job, every, objective,
                            shape.format(target), name)
            if version is None:
                cells.append("-")
                continue
            base.result(version[3:] == (objective, params["booster"]),
                        f"{stem} {objective} {name}: stored as {version[3:]}")
            wrong, rows = different(cursor, model, table, version, matrices)
            base.result(wrong == 0, f"{stem} {objective} {name}",
                        f"{wrong} of {rows} differ")
            cells.append(wrong)
            cursor.execute("SELECT mlops.drop_model(%s)", (model,))
        print(f"{stem:22} {objective:21} {rows:7} " +
              " ".join(f"{c:>9}" for c in cells), flush=True)


def clean(cursor, stem):
    cursor.execute("SET client_min_messages = error")
    cursor.execute(f"DROP SCHEMA IF EXISTS {SCHEMA}_{stem} CASCADE")
    cursor.execute("SELECT model FROM mlops.models WHERE model = %s",
                   (f"{SCHEMA}_{stem}",))
    for (model,) in cursor.fetchall():
        cursor.execute("SELECT mlops.drop_model(%s)", (model,))


def run_data_set(task):
    """One data set, in a worker; returns passed and failed."""
    stem, path, dsn = task
    base.RESULTS.clear()
    try:
        connection = psycopg2.connect(dsn)
        connection.autocommit = True
        cursor = connection.cursor()
        clean(cursor, stem)
        cursor.execute(f"CREATE SCHEMA {SCHEMA}_{stem}")
        table = f"{SCHEMA}_{stem}.data"
        n_rows = base.load(cursor, path, table)
        for job in TARGETS[stem]:
            run_job(cursor, stem, table, job, n_rows // 4000 + 1)
        clean(cursor, stem)
        connection.close()
    except Exception:  # one that fails must not hide the others
        base.result(False, stem, traceback.format_exc())
    return base.RESULTS.count(True), base.RESULTS.count(False)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dsn", default="dbname=" +
                        os.environ.get("PGDATABASE", "postgres"))
    parser.add_argument("--data", default=str(base.ROOT / "test/data"))
    parser.add_argument("--only")
    arguments = parser.parse_args()
    folders = [arguments.data, os.environ.get(
        "MLOPS_TEST_DATA", str(base.ROOT.parent / "shared/data"))]
    files = base.data_files([f for f in folders if pathlib.Path(f).is_dir()])
    tasks = [(stem, path, arguments.dsn) for stem, path in files.items()
             if stem in TARGETS and arguments.only in (None, stem)]
    # the large ones first, so that both processes end together
    tasks.sort(key=lambda task: -task[1].stat().st_size)
    with psycopg2.connect(arguments.dsn) as connection:
        connection.cursor().execute("CREATE EXTENSION IF NOT EXISTS mlops")
    print(f"{'data set':22} {'objective':21} {'rows':>7} " +
          " ".join(f"{name:>9}" for name in BOOSTERS), flush=True)
    with multiprocessing.Pool(2) as pool:
        counts = pool.map(run_data_set, tasks, chunksize=1)
    passed = sum(count[0] for count in counts)
    failed = sum(count[1] for count in counts)
    print(f"# {len(tasks)} data sets")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
