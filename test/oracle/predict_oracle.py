#!/usr/bin/python3
"""Hold mlops.train and mlops.predict against python3-xgboost.

    predict_oracle.py [--dsn DSN] [--data DIR]

Loads every data set of DIR (default: test/data) and, if it is set, of the
folder in MLOPS_TEST_DATA, trains on it by mlops.train, exports the model as
UBJ and as JSON and loads both with python3-xgboost.  The matrix is built here
from the version's stored signature and the raw rows, so that a fault in the
encoder shows as well as one in the evaluator.  Over all rows the float32 of
mlops.predict() and mlops.predict_proba() must be those of the Booster, and
mlops.predict_label() must follow from them.  Where the split is by time, the
parts are found here too, and the stored metrics must be scikit-learn's to
1e-9.  The order of features, categories and classes is checked on the way.

Works in a schema of its own, which it drops at the end with its models.  The
last line is `N passed, N failed`; exit 1 on failure.
"""
import argparse
import csv
import gzip
import io
import os
import pathlib
import re
import sys
import traceback

import numpy as np
import psycopg2
import xgboost
from sklearn import metrics as sk

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = "mlops_oracle"
RESULTS = []

# name of model, file, target, further arguments of mlops.train
JOBS = [
    ("iris", "iris", "species", ""),
    ("breast_cancer", "breast_cancer", "diagnosis", ""),
    ("diabetes", "diabetes", "progression", ""),
    ("wine", "wine", "class", "task => 'multiclass'"),
    ("digits", "digits", "digit", "task => 'multiclass'"),
    ("digits_regression", "digits", "digit", "task => 'regression'"),
    ("flights_late", "flights", "delay > 15",
     "event_time => 'dep_time', exclude => 'delay'"),
    ("flights_delay", "flights", "delay", "event_time => 'dep_time'"),
    ("flights_weighted", "flights", "delay > 15",
     "event_time => 'dep_time', exclude => 'delay', weight => 'distance'"),
    ("flights_carried", "flights", "CASE WHEN delay > 30 THEN 'late' "
     "WHEN delay > 0 THEN 'soon' ELSE 'early' END",
     "event_time => 'dep_time', exclude => 'delay'"),
    ("adult", "adult", "income", ""),
    ("bank", "bank_marketing", "y", "key => 'duration'"),
    ("housing", "california_housing", "median_house_value", ""),
    ("diamonds", "diamonds", "price", ""),
    ("wine_colour", "wine_quality", "color", ""),
    ("wine_quality", "wine_quality", "quality", "task => 'multiclass'"),
    ("credit", "german_credit", "class", "task => 'binary'"),
    ("letters", "letter_recognition", "lettr", ""),
    ("penguins", "penguins", "species", ""),
    ("bikes", "bike_sharing_hour", "cnt",
     "event_time => 'dteday', exclude => '{casual,registered,instant}'"),
    ("elec2", "elec2", "class", "exclude => 'date'"),
    ("taxis", "nyc_taxis_6433", "payment", ""),
    ("taxi_tips", "nyc_taxis_6433", "tip", "event_time => 'pickup'"),
    ("energy", "energy_efficiency", "heating_load",
     "exclude => 'cooling_load'"),
    ("pm25", "beijing_pm25", "pm2_5", "exclude => 'no'"),
    ("skin", "skin_segmentation", "is_skin", "task => 'binary'"),
]


def result(ok, name, detail=""):
    """Count one check; print it when it fails."""
    RESULTS.append(bool(ok))
    if not ok:
        print(f"not ok - {name}{': ' if detail else ''}{detail}")
    return bool(ok)


# --- loading ---------------------------------------------------------------

PATTERNS = [
    ("integer", re.compile(r"[+-]?\d{1,9}$")),
    ("double precision",
     re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")),
    ("date", re.compile(r"\d{4}-\d\d-\d\d$")),
    ("timestamp", re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?$")),
    ("text", re.compile("")),
]


def type_of(values):
    """The first type that all values fit; bit by bit for speed."""
    distinct = {v for v in values if v != ""}
    return next(name for name, pattern in PATTERNS
                if all(pattern.match(v) for v in distinct))


def load(cursor, path, table):
    """Make the table, types inferred; a number tells rows apart."""
    with gzip.open(path, "rt", newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    header = [re.sub(r"\W", "_", name.lower()) for name in rows.pop(0)]
    rows = [["" if v == "NA" else v for v in row] for row in rows]
    types = [type_of(column) for column in zip(*rows)]
    columns = ", ".join(f'"{name}" {kind}'
                        for name, kind in zip(header, types))
    cursor.execute(f"CREATE TABLE {table} (row_number integer, {columns})")
    text = io.StringIO()
    csv.writer(text).writerows([i, *row] for i, row in enumerate(rows))
    text.seek(0)
    cursor.copy_expert(f"COPY {table} FROM STDIN (FORMAT csv)", text)
    cursor.execute(f"ANALYZE {table}")
    return len(rows)


# --- features, from the signature ------------------------------------------

def parts_of(value, kind):
    """The features of a date or timestamp, as float32."""
    hour = []
    if kind != "date":
        hour = [np.float32(value.hour * 60 + value.minute) / np.float32(60)]
    return [*hour, value.isoweekday(), value.day, value.timetuple().tm_yday,
            value.month]


def feature_columns(item, values):
    """The features that one input becomes."""
    kind = item["kind"]
    nan = np.float32("nan")
    if kind in ("number", "boolean"):
        return [np.array([nan if v is None else v for v in values],
                         np.float64).astype(np.float32)]
    if kind == "category":
        place = {c: i for i, c in enumerate(item["categories"])}
        return [np.array([place.get(v, nan) for v in values], np.float32)]
    width = len(item["features"])
    rows = [[nan] * width if v is None else parts_of(v, kind)
            for v in values]
    return list(np.array(rows, np.float32).reshape(-1, width).T)


def matrix_of(cursor, table, signature):
    """Features of all rows, their names and types."""
    names, types, columns = [], [], []
    for item in signature["inputs"]:
        column = '"' + item["name"].replace('"', '""') + '"'
        cursor.execute(f"SELECT {column} FROM {table} ORDER BY row_number")
        values = [row[0] for row in cursor.fetchall()]
        columns += feature_columns(item, values)
        names += item["features"]
        types += ["c" if item["kind"] == "category" else "q"
                  for _ in item["features"]]
        if item["kind"] == "category":
            ordered = sorted(item["categories"], key=str.encode)
            result(item["categories"] == ordered, f"{table}.{column}: order")
    return np.column_stack(columns), names, types


# --- comparing -------------------------------------------------------------

def booster_of(cursor, model, form):
    cursor.execute("SELECT mlops.export_model(%s, %s)", (model, form))
    booster = xgboost.Booster({"nthread": 2})
    booster.load_model(bytearray(cursor.fetchone()[0]))
    return booster


def expected(booster, matrix, types):
    """What the Booster predicts for the matrix, float32."""
    data = xgboost.DMatrix(matrix, feature_types=types, nthread=2,
                           enable_categorical=True)
    booster.feature_names = None
    booster.feature_types = None
    return booster.predict(data, validate_features=False)


def column_of(cursor, sql):
    cursor.execute(sql)
    return [row[0] for row in cursor.fetchall()]


def mismatches(got, want):
    """How many float64 are not exactly the float32, as bits."""
    got = np.asarray(got, np.float64)
    want = np.asarray(want, np.float32)
    if got.shape != want.shape:
        return max(got.size, want.size)
    return int(np.sum(got != want.astype(np.float64)))


def forest_paths(cursor):
    """The values of mlops.forest_path that this server's processor takes."""
    cursor.execute("LOAD 'mlops'")
    cursor.execute("SELECT unnest(enumvals) FROM pg_settings "
                   "WHERE name = 'mlops.forest_path'")
    paths = []
    for name in [row[0] for row in cursor.fetchall()]:
        try:
            cursor.execute(f"SET mlops.forest_path = {name}")
            paths.append(name)
        except psycopg2.errors.InvalidParameterValue:
            pass
    cursor.execute("RESET mlops.forest_path")
    return paths


def check_paths(cursor, model, order, task, want):
    """Every path of evaluation on all rows; how many values differ."""
    call = "predict_proba" if task == "multiclass" else "predict"
    bad = 0
    for path in forest_paths(cursor):
        cursor.execute(f"SET mlops.forest_path = {path}")
        got = column_of(cursor, f"SELECT mlops.{call}('{model}', t) {order}")
        wrong = mismatches(got, want)
        result(wrong == 0, f"{model}: {call} by {path}", f"{wrong} differ")
        bad += wrong
    cursor.execute("RESET mlops.forest_path")
    return bad


def check_predictions(cursor, model, table, task, classes, want):
    """Number and label, or the array, of all rows, by every path."""
    order = f"FROM {table} t ORDER BY row_number"
    bad = check_paths(cursor, model, order, task, want)
    if task != "multiclass":
        got = column_of(cursor, f"SELECT mlops.predict('{model}', t) {order}")
        bad += mismatches(got, want)
        result(bad == 0, f"{model}: predict", f"{bad} of {len(want)} differ")
    if task == "regression":
        return bad, np.asarray(got)
    proba = np.array(column_of(
        cursor, f"SELECT mlops.predict_proba('{model}', t) {order}"))
    labels = column_of(
        cursor, f"SELECT mlops.predict_label('{model}', t) {order}")
    if task == "binary":
        both = np.column_stack([1 - want.astype(np.float64), want])
        wrong = int(np.sum(proba[:, 1] != both[:, 1]) +
                    np.sum(np.abs(proba[:, 0] - both[:, 0]) > 1e-6))
        guess = [classes[int(p > 0.5)] for p in want]
    else:
        wrong = mismatches(proba, want)
        guess = [classes[i] for i in np.argmax(want, axis=1)]
    result(wrong == 0, f"{model}: predict_proba", f"{wrong} differ")
    unlike = sum(a != b for a, b in zip(guess, labels))
    result(unlike == 0, f"{model}: predict_label", f"{unlike} differ")
    return bad + wrong + unlike, proba


def time_parts(times, test=0.2, validation=0.1):
    """Boundaries by rank, rows of one moment together, to the nearer end."""
    ordered = sorted(times)
    everyone, end = len(ordered), len(ordered)
    parts = np.full(everyone, "train", object)
    times = np.array(times, object)
    for name, fraction in (("test", test), ("validation", validation)):
        exact = max(end - int(np.rint(everyone * fraction)), 0)
        moment = ordered[exact]
        first = sum(t < moment for t in ordered)
        after = sum(t <= moment for t in ordered)
        rank = first if first > 0 and exact - first <= after - exact else after
        if rank >= end:
            continue
        chosen = (times >= ordered[rank]) & (parts == "train")
        parts[chosen] = name
        end = rank
    return parts


def sklearn_metrics(task, truth, scores, classes, weight):
    """Of one part: name -> value.  truth are labels as text, or numbers."""
    if task == "regression":
        truth = np.asarray(truth, np.float32).astype(np.float64)
        mse = sk.mean_squared_error(truth, scores, sample_weight=weight)
        return {"rmse": np.sqrt(mse),
                "mae": sk.mean_absolute_error(truth, scores,
                                              sample_weight=weight),
                "r2": sk.r2_score(truth, scores, sample_weight=weight)}
    codes = np.array([classes.index(t) for t in truth])
    # as float64 both are normalized to the last digit; what probabilities
    # are clipped to is another in each version of scikit-learn
    clipped = scores / scores.sum(axis=1, keepdims=True)
    clipped = np.clip(clipped[np.arange(len(codes)), codes], 1e-15, 1 - 1e-15)
    values = {
        "log_loss": np.average(-np.log(clipped), weights=weight),
        "accuracy": sk.accuracy_score(
            codes, np.argmax(scores, axis=1) if task == "multiclass"
            else (scores[:, 1] > 0.5).astype(int), sample_weight=weight)}
    if task == "binary":
        values["auc"] = sk.roc_auc_score(codes, scores[:, 1],
                                         sample_weight=weight)
        values["brier"] = sk.brier_score_loss(codes, scores[:, 1],
                                              sample_weight=weight)
    return values


ALIASES = {"log_loss": ("log_loss", "logloss"), "auc": ("auc", "roc_auc"),
           "brier": ("brier", "brier_score")}


def check_metrics(cursor, job, table, task, classes, scores):
    """Stored metrics of a split by time against scikit-learn's."""
    model, _, target, more = job
    column = re.search(r"event_time => '(\w+)'", more).group(1)
    weight = re.search(r"weight => '(\w+)'", more)
    weight = weight.group(1) if weight else "NULL::float8"
    text = "" if task == "regression" else "::text"
    cursor.execute(f"SELECT {column}, ({target}){text}, {weight} FROM {table} "
                   "ORDER BY row_number")
    rows = cursor.fetchall()
    known = np.array([row[1] is not None for row in rows])
    kept = [row for row in rows if row[1] is not None]
    parts = time_parts([row[0] for row in kept])
    truth = np.array([row[1] for row in kept], object)
    weights = (None if weight == "NULL::float8"
               else np.array([row[2] for row in kept], np.float64))
    scores = scores[known]
    cursor.execute("SELECT split, name, value FROM mlops.metrics WHERE model "
                   "= %s AND round IS NULL AND value IS NOT NULL", (model,))
    stored = {(split, name): value for split, name, value in cursor}
    compared = 0
    for part in ("train", "validation", "test"):
        mask = parts == part
        values = sklearn_metrics(
            task, truth[mask].tolist(), scores[mask], classes,
            None if weights is None else weights[mask])
        for name, value in values.items():
            got = next((stored[part, n] for n in ALIASES.get(name, (name,))
                        if (part, n) in stored), None)
            if got is None:
                continue
            compared += 1
            error = abs(got - value) / max(1, abs(value))
            result(error <= 1e-9, f"{model}: {name} of {part}",
                   f"{got!r}, scikit-learn {value!r}")
    result(compared >= 4, f"{model}: metrics compared",
           f"{compared} of {sorted(stored)}")
    return compared


# --- one data set ----------------------------------------------------------

def run(cursor, job, table, n_rows):
    """Train, predict, compare, tell."""
    model, _, target, more = job
    exclude = re.search(r"exclude => '\{?([\w,]+)\}?'", more)
    hidden = ["row_number"] + (exclude.group(1).split(",") if exclude else [])
    more = re.sub(r"exclude => '[^']*'(, )?", "", more).rstrip(", ")
    more = ", " + more if more else ""
    cursor.execute(
        "SELECT task, metrics FROM mlops.train(%s, %s, %s, exclude => %s, "
        f"params => '{{\"num_boost_round\": 60}}'{more})",
        (model, f"SELECT * FROM {table}", target, hidden))
    task = cursor.fetchone()[0]
    cursor.execute("SELECT signature, classes, rounds, trees FROM "
                   "mlops.versions WHERE model = %s", (model,))
    signature, classes, rounds, trees = cursor.fetchone()
    if task != "regression":
        cursor.execute("SELECT mlops.classes(%s)", (model,))
        result(cursor.fetchone()[0] == classes, f"{model}: classes")

    matrix, names, types = matrix_of(cursor, table, signature)
    booster = booster_of(cursor, model, "ubj")
    result(booster.feature_names in (None, names), f"{model}: feature names")
    result(booster.num_boosted_rounds() == rounds, f"{model}: rounds",
           f"{booster.num_boosted_rounds()}, stored {rounds}")
    want = expected(booster, matrix, types)
    again = expected(booster_of(cursor, model, "json"), matrix, types)
    result(np.array_equal(want, again), f"{model}: json predicts like ubj")
    bad, scores = check_predictions(cursor, model, table, task, classes, want)
    spread = len(np.unique(want))
    result(spread > 2, f"{model}: predictions vary", f"{spread} values")
    compared = 0
    if "event_time" in more:
        compared = check_metrics(cursor, (model, *job[1:3], more), table,
                                 task, classes, scores)
    categorical = types.count("c")
    print(f"{model[len(SCHEMA) + 1:]:18} {task:11} {n_rows:7} {len(types):4} {categorical:4} "
          f"{rounds:6} {bad:10} {compared:8}", flush=True)


def data_files(folders):
    """Stem -> path of every data set, the first folder that has it wins."""
    found = {}
    for folder in folders:
        for path in sorted(pathlib.Path(folder).glob("*.csv.gz")):
            found.setdefault(path.name[:-len(".csv.gz")], path)
    return found


def clean(cursor):
    cursor.execute("SET client_min_messages = warning")
    cursor.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    cursor.execute("SELECT model FROM mlops.models WHERE model = ANY(%s)",
                   ([SCHEMA + "_" + job[0] for job in JOBS],))
    for (model,) in cursor.fetchall():
        cursor.execute("SELECT mlops.drop_model(%s)", (model,))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dsn", default="")
    parser.add_argument("--data", default=str(ROOT / "test/data"))
    arguments = parser.parse_args()
    folders = [arguments.data]
    if os.environ.get("MLOPS_TEST_DATA"):
        folders.append(os.environ["MLOPS_TEST_DATA"])
    files = data_files(folders)
    connection = psycopg2.connect(arguments.dsn or
                                  "dbname=" + os.environ.get("PGDATABASE",
                                                             "postgres"))
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("CREATE EXTENSION IF NOT EXISTS mlops")
    clean(cursor)
    cursor.execute(f"CREATE SCHEMA {SCHEMA}")
    sizes = {}
    print(f"{'model':18} {'task':11} {'rows':>7} {'feat':>4} {'cat':>4} "
          f"{'rounds':>6} {'mismatches':>10} {'metrics':>8}")
    for job in JOBS:
        stem = job[1]
        if stem not in files:
            continue
        table = f"{SCHEMA}.{stem}"
        try:
            if stem not in sizes:
                sizes[stem] = load(cursor, files[stem], table)
            run(cursor, (SCHEMA + "_" + job[0], *job[1:]), table, sizes[stem])
        except Exception:  # a job that fails must not hide the others
            result(False, job[0], traceback.format_exc())
    clean(cursor)
    print(f"# {len(sizes)} data sets")
    failed = RESULTS.count(False)
    print(f"{len(RESULTS) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
