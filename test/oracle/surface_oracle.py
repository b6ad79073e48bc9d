#!/usr/bin/python3
"""Hold margins, leaves and explanations in SQL against python3-xgboost.

    surface_oracle.py [--dsn DSN] [--data DIR]

Trains on every data set of DIR (default: test/data) and loads the exported
model with python3-xgboost; further objectives and boosters are trained there,
on rows with missing values, and imported.  Over all rows

- mlops.predict_margin() and predict_margins() must be the float32 of
  output_margin, mlops.predict_leaf() the numbers of pred_leaf;
- mlops.explain() must be pred_contribs to 1e-5 of max(1, |margin|), and add
  up to the margin to 1e-5 of it (the library's own sums are float32);
- predict_json(to_jsonb(row)) must be predict(row) to the last bit, and where
  all inputs are numbers predict_array() too, for real[], double precision[]
  and numeric[];
- predict_full() must agree with predict, predict_label, predict_proba and
  explain_text.

mlops.importance() must be get_score() to 1e-6, and its shap the mean of
pred_contribs to 1e-5.  Works in a schema of its own, which it drops at the end
with its models.  The last line is `N passed, N failed`; exit 1 on failure.
"""
import argparse
import os
import sys
import traceback

import numpy as np
import psycopg2
import xgboost

sys.dont_write_bytecode = True
import predict_oracle as base  # noqa: E402

SCHEMA = "mlops_surface_oracle"

# name of model, file, target, further arguments of mlops.train
JOBS = [
    ("iris", "iris", "species", ""),
    ("breast_cancer", "breast_cancer", "diagnosis", ""),
    ("diabetes", "diabetes", "progression", ""),
    ("wine", "wine", "class", ", task => 'multiclass'"),
    ("digits", "digits", "digit", ", task => 'multiclass'"),
    ("digits_regression", "digits", "digit", ", task => 'regression'"),
    ("flights_late", "flights", "delay > 15",
     ", event_time => 'dep_time', exclude => '{row_number,delay}'"),
    ("flights_delay", "flights", "delay", ", event_time => 'dep_time'"),
]

# Models that python3-xgboost trains and mlops.import_model() takes: name, file,
# target as a number, parameters
IMPORTS = [
    ("linear", "diabetes", "progression",
     {"booster": "gblinear", "objective": "reg:squarederror"}),
    ("linear_binary", "breast_cancer", "(diagnosis = 'malignant')::int",
     {"booster": "gblinear", "objective": "binary:logistic"}),
    ("linear_classes", "wine", "class",
     {"booster": "gblinear", "objective": "multi:softprob", "num_class": 4}),
    ("dart", "diabetes", "progression",
     {"booster": "dart", "rate_drop": 0.3, "objective": "reg:squarederror"}),
    ("dart_classes", "digits", "digit",
     {"booster": "dart", "rate_drop": 0.3, "objective": "multi:softmax",
      "num_class": 10}),
    ("forest", "breast_cancer", "(diagnosis = 'malignant')::int",
     {"num_parallel_tree": 4, "subsample": 0.6, "colsample_bynode": 0.5,
      "objective": "binary:logistic"}),
    ("deep", "digits", "digit",
     {"max_depth": 20, "min_child_weight": 0, "objective": "reg:squarederror"}),
    ("logit", "breast_cancer", "(diagnosis = 'malignant')::int",
     {"objective": "binary:logitraw"}),
    ("fraction", "diabetes", "progression / 1000.0",
     {"objective": "reg:logistic"}),
    ("poisson", "diabetes", "progression / 100", {"objective": "count:poisson"}),
    ("gamma", "diabetes", "progression", {"objective": "reg:gamma"}),
    ("tweedie", "diabetes", "progression", {"objective": "reg:tweedie"}),
    ("huber", "diabetes", "progression / 100.0",
     {"objective": "reg:pseudohubererror"}),
    ("cox", "diabetes", "progression", {"objective": "survival:cox"}),
    ("ranking", "digits", "digit", {"objective": "rank:pairwise"}),
]

result = base.result


def check_margins(cursor, name, model, order, booster, data):
    """Margins as bits; returns them as [rows][outputs]."""
    want = booster.predict(data, output_margin=True, validate_features=False)
    want = want.reshape(data.num_row(), -1)
    got = np.array(base.column_of(
        cursor, f"SELECT mlops.predict_margins('{model}', t) {order}"))
    bad = base.mismatches(got, want)
    result(bad == 0, f"{name}: predict_margins", f"{bad} differ")
    if want.shape[1] == 1:
        one = base.column_of(
            cursor, f"SELECT mlops.predict_margin('{model}', t) {order}")
        result(base.mismatches(one, want[:, 0]) == 0,
               f"{name}: predict_margin")
    return want, bad


def check_leaves(cursor, name, model, order, booster, data, linear):
    if linear:
        try:
            cursor.execute(f"SELECT mlops.predict_leaf('{model}', t) {order}")
            code = None
        except psycopg2.Error as error:
            code = error.pgcode
        result(code == "0A000", f"{name}: predict_leaf", f"{code}")
        return 0
    want = booster.predict(data, pred_leaf=True, validate_features=False)
    want = want.reshape(data.num_row(), -1).astype(int)
    got = np.array(base.column_of(
        cursor, f"SELECT mlops.predict_leaf('{model}', t) {order}"))
    bad = int(np.sum(got != want)) if got.shape == want.shape else -1
    result(bad == 0, f"{name}: predict_leaf",
           f"{got.shape} for {want.shape}, {bad} differ")
    return bad


def check_explain(cursor, name, model, order, names, classes, margins,
                  booster, data):
    """Contributions of all rows and classes; returns the greatest error."""
    want = booster.predict(data, pred_contribs=True, validate_features=False)
    want = want.reshape(data.num_row(), margins.shape[1], -1)
    worst = worst_sum = 0.0
    for output in range(margins.shape[1]):
        label = "NULL" if margins.shape[1] == 1 else "%s"
        cursor.execute(
            "SELECT (SELECT array_agg(e.contribution ORDER BY array_position("
            f"%s::text[], e.feature)) FROM mlops.explain('{model}', t, "
            f"{label}) e) {order}",
            [names + ["(bias)"]] +
            ([] if label == "NULL" else [classes[output]]))
        got = np.array([row[0] for row in cursor.fetchall()])
        size = np.maximum(1, np.abs(margins[:, output]))
        error = np.abs(got - want[:, output]) / size[:, None]
        worst = max(worst, float(error.max()))
        sums = np.abs(got.sum(axis=1) - margins[:, output]) / size
        worst_sum = max(worst_sum, float(sums.max()))
    result(worst <= 1e-5, f"{name}: explain", f"off by {worst:g}")
    result(worst_sum <= 1e-5, f"{name}: sums", f"off by {worst_sum:g}")
    return worst, worst_sum, np.abs(want[:, :, :-1]).mean(axis=0).sum(axis=0)


def check_importance(cursor, name, model, table, names, booster, shap,
                     linear):
    cursor.execute("SELECT feature, weight, gain, cover, total_gain, "
                   f"total_cover, shap FROM mlops.importance('{model}', %s)",
                   (table,))
    rows = {row[0]: row[1:] for row in cursor.fetchall()}
    result(sorted(rows) == sorted(names), f"{name}: importance: features")
    kinds = ("weight", "gain", "cover", "total_gain", "total_cover")
    if linear:
        result(all(row[1:5] == (None,) * 4 for row in rows.values()),
               f"{name}: importance: gains of a linear model")
        kinds = kinds[:1]
    for column, kind in enumerate(kinds):
        score = booster.get_score(importance_type=kind)
        score = {names[int(key[1:])]: np.abs(value).sum() if
                 np.ndim(value) else value for key, value in score.items()}
        error = max(abs(rows[feature][column] - score.get(feature, 0)) /
                    max(1, abs(score.get(feature, 0))) for feature in names)
        result(error <= 1e-6, f"{name}: importance: {kind}",
               f"off by {error:g}")
    error = max(abs(rows[feature][5] - shap[i]) / max(1, shap[i])
                for i, feature in enumerate(names))
    result(error <= 1e-5, f"{name}: importance: shap", f"off by {error:g}")


def check_forms(cursor, name, model, table, signature):
    """JSON and arrays against rows; returns how many differ."""
    cursor.execute(
        f"SELECT count(*) FROM {table} t WHERE mlops.predict('{model}', t) "
        f"IS DISTINCT FROM mlops.predict_json('{model}', to_jsonb(t))")
    bad = cursor.fetchone()[0]
    result(bad == 0, f"{name}: predict_json", f"{bad} differ")
    kinds = {item["kind"] for item in signature["inputs"]}
    if not kinds <= {"number", "boolean"}:
        return bad
    elements = ", ".join(f'"{item["name"]}"::double precision'
                         for item in signature["inputs"])
    for element in ("real", "double precision", "numeric"):
        cursor.execute(
            f"SELECT count(*) FROM {table} t WHERE mlops.predict('{model}', "
            f"t) IS DISTINCT FROM mlops.predict_array('{model}', "
            f"ARRAY[{elements}]::{element}[])")
        differ = cursor.fetchone()[0]
        result(differ == 0, f"{name}: predict_array of {element}",
               f"{differ} differ")
        bad += differ
    return bad


def check_full(cursor, name, model, table, task):
    label = probability = "NULL"
    prediction = f"mlops.predict('{model}', t)"
    probabilities = "NULL::float8[]"
    if task in ("binary", "multiclass"):
        label = f"mlops.predict_label('{model}', t)"
        probabilities = f"mlops.predict_proba('{model}', t)"
        probability = f"mlops.predict_proba('{model}', t, f.label)"
    if task == "multiclass":
        prediction = "NULL"
    cursor.execute(
        "SELECT count(*) FILTER (WHERE (f.prediction, f.label, f.probability, "
        f"f.probabilities, f.reasons) IS DISTINCT FROM ({prediction}, "
        f"{label}, {probability}, {probabilities}, "
        f"mlops.explain_text('{model}', t))), count(DISTINCT f.reasons) "
        f"FROM {table} t, mlops.predict_full('{model}', t) f")
    bad, reasons = cursor.fetchone()
    result(bad == 0, f"{name}: predict_full", f"{bad} differ")
    result(reasons > 1, f"{name}: reasons vary")


def run(cursor, job, table, n_rows):
    """Train, compare, tell."""
    name, _, target, more = job
    model = f"{SCHEMA}_{name}"
    if "exclude" not in more:
        more += ", exclude => 'row_number'"
    cursor.execute("SELECT task FROM mlops.train(%s, %s, %s, params => "
                   f"'{{\"num_boost_round\": 25}}'{more})",
                   (model, table, target))
    task = cursor.fetchone()[0]
    compare(cursor, name, model, table, n_rows, task)


def take(cursor, job, table):
    """Train in Python with missing values, import, compare, tell."""
    name, _, target, parameters = job
    model = f"{SCHEMA}_{name}"
    own = f"{SCHEMA}.take_{name}"
    cursor.execute("SELECT quote_ident(attname) FROM pg_attribute WHERE "
                   "attrelid = %s::regclass AND attnum > 1 AND atttypid IN "
                   "('int'::regtype, 'float8'::regtype) AND attname <> ALL "
                   "(regexp_split_to_array(%s, '\\W+')) ORDER BY attnum",
                   (table, target))
    names = [row[0] for row in cursor.fetchall()]
    columns = ", ".join(
        f"CASE WHEN (row_number * 31 + {i} * 7) % 23 > 0 THEN {column} END::"
        f"float8 AS {column}" for i, column in enumerate(names))
    cursor.execute(f"CREATE TABLE {own} AS SELECT row_number, {columns}, "
                   f"{target} AS label FROM {table}")
    cursor.execute(f"SELECT {', '.join(names)}, label::float8 FROM {own} "
                   "ORDER BY row_number")
    rows = np.array(cursor.fetchall(), np.float64)
    data = xgboost.DMatrix(rows[:, :-1].astype(np.float32), rows[:, -1],
                           feature_names=[n.strip('"') for n in names])
    if parameters["objective"].startswith("rank"):
        data.set_group([len(rows) // 7] * 7 + [len(rows) % 7])
    booster = xgboost.train({"nthread": 2, "seed": 5, "verbosity": 0,
                             **parameters}, data, 15)
    cursor.execute("SELECT task FROM mlops.import_model(%s, %s)",
                   (model, bytes(booster.save_raw("ubj"))))
    compare(cursor, name, model, own, len(rows), cursor.fetchone()[0],
            parameters.get("booster") == "gblinear")


def compare(cursor, name, model, table, n_rows, task, linear=False):
    """All comparisons of a version over a table, and a line of the result."""
    cursor.execute("SELECT signature, classes FROM mlops.versions WHERE "
                   "model = %s", (model,))
    signature, classes = cursor.fetchone()
    matrix, names, types = base.matrix_of(cursor, table, signature)
    booster = base.booster_of(cursor, model, "ubj")
    booster.feature_names = None
    booster.feature_types = None
    data = xgboost.DMatrix(matrix, feature_types=types, nthread=2,
                           enable_categorical=True)
    order = f"FROM {table} t ORDER BY row_number"

    margins, bad_margins = check_margins(cursor, name, model, order, booster,
                                         data)
    bad_leaves = check_leaves(cursor, name, model, order, booster, data,
                              linear)
    worst, worst_sum, shap = check_explain(cursor, name, model, order, names,
                                           classes, margins, booster, data)
    check_importance(cursor, name, model, table, names, booster, shap, linear)
    bad_forms = "-"
    if task != "multiclass":
        bad_forms = check_forms(cursor, name, model, table, signature)
    check_full(cursor, name, model, table, task)
    print(f"{name:18} {task:11} {n_rows:7} {len(names):4} "
          f"{margins.shape[1]:7} {bad_margins:8} {bad_leaves:7} "
          f"{bad_forms:>6} {worst:10.1e} {worst_sum:10.1e}", flush=True)


def clean(cursor):
    cursor.execute("SET client_min_messages = warning")
    cursor.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    cursor.execute("SELECT mlops.drop_model(model) FROM mlops.models WHERE "
                   "model = ANY(%s)", ([f"{SCHEMA}_{job[0]}"
                                        for job in JOBS + IMPORTS],))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dsn", default="")
    parser.add_argument("--data", default=str(base.ROOT / "test/data"))
    arguments = parser.parse_args()
    files = base.data_files([arguments.data])
    connection = psycopg2.connect(arguments.dsn or
                                  "dbname=" + os.environ.get("PGDATABASE",
                                                             "postgres"))
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("CREATE EXTENSION IF NOT EXISTS mlops")
    clean(cursor)
    cursor.execute(f"CREATE SCHEMA {SCHEMA}")
    sizes = {}
    print(f"{'model':18} {'task':11} {'rows':>7} {'feat':>4} {'outputs':>7} "
          f"{'margins':>8} {'leaves':>7} {'forms':>6} {'explain':>10} "
          f"{'sum':>10}")
    for job in JOBS + IMPORTS:
        stem = job[1]
        table = f"{SCHEMA}.{stem}"
        try:
            if stem not in sizes:
                sizes[stem] = base.load(cursor, files[stem], table)
            if job in IMPORTS:
                take(cursor, job, table)
            else:
                run(cursor, job, table, sizes[stem])
        except Exception:  # a job that fails must not hide the others
            result(False, job[0], traceback.format_exc())
    clean(cursor)
    failed = base.RESULTS.count(False)
    print(f"{len(base.RESULTS) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
