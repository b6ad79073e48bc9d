#!/usr/bin/python3
"""Time predictions in queries against libxgboost used in other ways.

The servers are the ones that the environment names; serving.sh starts them,
builds serving_library beside this file and puts data sets into files/.  All
alternatives take turns in each round.  A figure is the median over rounds of
the ratio within a round, so that a machine that changes its speed between
rounds does no harm.  What one process does is measured by the processor time
of that process, what several do, clients included, by the wall.

Queries have the whole table as input and a sum over all rows as output.  That
sum must be, to the last bit, what libxgboost predicts for the same rows added
up in double in the same order, whatever the path; else the run fails.  (A
parallel sum adds in another order.)

What is slow runs on fewer rows and is compared per row: libxgboost in batches
on M2, plpython3u, and one call per row.  libxgboost's batch is the better of
two: the array in place in blocks of 8,192 rows, and a DMatrix made before the
clock starts.  To one call per row, by the C program, the scan of a plain sum
is added: a function written in C would need it as well.

The rates of point queries need more care.  Clients and sessions are four
processes that wake each other up many thousand times a second, and where the
system has put them decides as much as what is asked: a run differs from the
next one by several percent, and keeps what it was dealt as long as it lasts.
So within a round there are many runs of one second, each with processes of its
own, in the order AB BA AB and so on, so that neither is favoured by a machine
that gets slower or faster; the figure of the round is the median ratio of
neighbours.  A session's first statements, some milliseconds, are part of it.
Nothing is pinned to a processor: clients beside their sessions would make the
share of the prediction smaller than it is, clients apart from them larger.

Ends with one line per measure, separated by tabs: measure, figure, target,
and ok, short, or missing where this build, machine or data has no such thing.
"""
import collections
import csv
import gzip
import io
import os
import re
import statistics
import subprocess
import sys
import time

import numpy as np

ROWS = int(os.environ.get("BENCH_ROWS", "1000000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
POINT_RUNS = int(os.environ.get("BENCH_POINT_RUNS", "10"))
ONLY = os.environ.get("BENCH_ONLY", "")
PLAIN = os.environ.get("BENCH_PLAIN", "")
FILES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "files")

FEATURES = [f"c{i}" for i in range(20)]
MODELS = {"m3": (50, 3), "m1": (100, 6), "m2": (500, 8)}  # trees, depth
TRAIN_ROWS = 100000
LIBRARY_ROWS = {"m3": ROWS, "m1": ROWS, "m2": min(ROWS, 100000)}
SINGLE_ROWS = min(ROWS, 5000)
ARRAY_ROWS = min(ROWS, 8192 * 12)
WIDE_COLUMNS = 600
WIDE_ROWS = max(2000, ROWS // 20)
WIDE_FEATURES = [f"w{i}" for i in range(59, WIDE_COLUMNS, 60)]
LETTER_ROWS = 200000
CONNECTIONS = 15                # in each round, for what a session does once
ENOUGH = 0.3                    # seconds that a task takes at least

Time = collections.namedtuple("Time", "process wall")


class Missing(Exception):
    """This build or machine has no such thing; says what."""


# --- connections and clocks ---------------------------------------------------

def connect(host=""):
    import psycopg2
    connection = psycopg2.connect(f"host={host}" if host else "")
    connection.autocommit = True
    return connection


def process_seconds(pid):
    """Processor time of a process's first thread."""
    try:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[0]) / 1e9
    except OSError:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            field = file.read().rpartition(")")[2].split()
        return (int(field[11]) + int(field[12])) / os.sysconf("SC_CLK_TCK")


def timed(connection, query):
    """Run a query; its Time in seconds and the value that it returns."""
    pid = connection.get_backend_pid()
    with connection.cursor() as cursor:
        process, wall = process_seconds(pid), time.perf_counter()
        cursor.execute(query)
        value = cursor.fetchone()[0] if cursor.description else None
        wall = time.perf_counter() - wall
        return Time(process_seconds(pid) - process, wall), value


def per_row(seconds, rows):
    return Time(*(value / rows for value in seconds))


def repeated(once):
    """Median Time of what is done again until it has taken a while."""
    times = []
    while sum(seconds.process for seconds in times) < ENOUGH:
        times.append(once())
    return Time(*(statistics.median(values) for values in zip(*times)))


# --- data and models ----------------------------------------------------------

def copy_in(connection, table, columns):
    """Binary COPY of columns, NumPy arrays by name, into a table."""
    form = [("count", ">i2")]
    for name, values in columns.items():
        kind = ">i4" if values.dtype.kind == "i" else ">f8"
        form += [(name + " length", ">i4"), (name, kind)]
    rows = len(next(iter(columns.values())))
    buffer = np.zeros(rows, np.dtype(form))
    buffer["count"] = len(columns)
    for name, values in columns.items():
        buffer[name + " length"] = buffer.dtype[name].itemsize
        buffer[name] = values
    data = io.BytesIO(b"PGCOPY\n\xff\r\n\0" + bytes(8) + buffer.tobytes()
                      + b"\xff\xff")
    with connection.cursor() as cursor:
        cursor.copy_expert(f"COPY {table} ({', '.join(columns)}) "
                           "FROM STDIN (FORMAT binary)", data)


def boost(name, features, label, names, trees, depth, **params):
    """Train a model and save it; returns its path."""
    import xgboost
    matrix = xgboost.DMatrix(features, label=label, feature_names=names,
                             nthread=1)
    booster = xgboost.train(
        {"objective": "binary:logistic", "tree_method": "hist", "eta": 0.1,
         "max_depth": depth, "min_child_weight": 0, "nthread": 1,
         "verbosity": 0, **params}, matrix, trees)
    path = os.path.join(FILES, name + ".ubj")
    booster.save_model(path)
    nodes = sum(tree.count("\n") for tree in booster.get_dump())
    say(f"# {name}: {trees} trees of depth {depth}, {nodes} nodes")
    return path


def label_of(values, rng):
    """A noisy target that needs all the depth there is."""
    score = (values[:, 0] * values[:, 1] + np.sin(3 * values[:, 2])
             + 0.1 * values[:, 3:].sum(axis=1))
    return score + rng.normal(size=len(values)) > 0


def import_model(connection, name, path, classes=None):
    with connection.cursor() as cursor, open(path, "rb") as file:
        cursor.execute("SELECT mlops.import_model(%s, %s, classes => %s, "
                       "description => 'benchmark')",
                       (name, file.read(), classes))


def run(connection, *statements):
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def make_table(db, models):
    """Table t, its values as real[] in ta and as the library's matrix."""
    rng = np.random.default_rng(5)
    values = rng.normal(size=(ROWS, len(FEATURES))).astype(np.float32)
    values.tofile(os.path.join(FILES, "t.f32"))
    run(db, f"CREATE TABLE t ({', '.join(f'{n} float8' for n in FEATURES)}, "
        "id integer)")
    for first in range(0, ROWS, 100000):
        part = values[first:first + 100000]
        copy_in(db, "t", {
            **{name: part[:, i] for i, name in enumerate(FEATURES)},
            "id": np.arange(first, first + len(part), dtype=np.int32)})
    run(db, "ALTER TABLE t ADD PRIMARY KEY (id)",
        f"CREATE TABLE ta AS SELECT ARRAY[{', '.join(FEATURES)}]::real[] AS a "
        "FROM t", "VACUUM (FREEZE, ANALYZE) t", "VACUUM (FREEZE, ANALYZE) ta")
    train = rng.normal(size=(TRAIN_ROWS, len(FEATURES))).astype(np.float32)
    label = label_of(train, rng)
    for name in models:
        import_model(db, name, boost(name, train, label, FEATURES,
                                     *MODELS[name]))


def make_wide(db):
    """Table wide, and the ten columns that model m10 needs in narrow."""
    rng = np.random.default_rng(6)
    names = [f"w{i}" for i in range(WIDE_COLUMNS)]
    run(db, f"CREATE TABLE wide ({', '.join(f'{n} float8' for n in names)})")
    for first in range(0, WIDE_ROWS, 10000):
        part = rng.normal(size=(min(10000, WIDE_ROWS - first), WIDE_COLUMNS))
        copy_in(db, "wide", {n: part[:, i] for i, n in enumerate(names)})
    run(db, f"CREATE TABLE narrow AS SELECT {', '.join(WIDE_FEATURES)} "
        "FROM wide", "VACUUM (FREEZE, ANALYZE) wide",
        "VACUUM (FREEZE, ANALYZE) narrow")
    train = rng.normal(size=(TRAIN_ROWS, 10)).astype(np.float32)
    import_model(db, "m10", boost("m10", train, label_of(train, rng),
                                  WIDE_FEATURES, *MODELS["m1"]))


def make_letter(db):
    """letter_recognition, repeated, and a model of its 26 classes."""
    path = os.path.join(FILES, "letter_recognition.csv.gz")
    if not os.path.exists(path):
        return False
    with gzip.open(path, "rt", encoding="ascii") as file:
        rows = list(csv.reader(file))
    names, rows = rows[0][1:], rows[1:]
    classes = sorted({row[0] for row in rows})
    label = np.array([classes.index(row[0]) for row in rows])
    values = np.array([row[1:] for row in rows], np.float32)
    model = boost("letter", values, label, names, 20, 6, eta=0.3,
                  objective="multi:softprob", num_class=len(classes))
    values = np.tile(values, (max(1, LETTER_ROWS // len(values)), 1))
    values = np.ascontiguousarray(values[:max(ROWS, 1)])
    values.tofile(os.path.join(FILES, "letter.f32"))
    run(db, f"CREATE TABLE letter ({', '.join(f'{n} float8' for n in names)})")
    copy_in(db, "letter", {n: values[:, i] for i, n in enumerate(names)})
    run(db, "VACUUM (FREEZE, ANALYZE) letter")
    import_model(db, "letter", model, classes)
    return len(values)


PYTHON = """
CREATE EXTENSION IF NOT EXISTS plpython3u;
CREATE FUNCTION python_row({arguments}) RETURNS float8
LANGUAGE plpython3u STABLE AS $$
if "booster" not in SD:
    import numpy, xgboost
    SD["numpy"] = numpy
    SD["booster"] = xgboost.Booster({{"nthread": 1}}, model_file="{path}")
row = SD["numpy"].array([args], "f4")
return float(SD["booster"].inplace_predict(row)[0])
$$;
CREATE FUNCTION python_arrays({arrays}) RETURNS float8[]
LANGUAGE plpython3u STABLE AS $$
if "booster" not in SD:
    import numpy, xgboost
    SD["numpy"] = numpy
    SD["booster"] = xgboost.Booster({{"nthread": 1}}, model_file="{path}")
rows = SD["numpy"].array(args, "f4").T
return SD["booster"].inplace_predict(rows).tolist()
$$
"""


def make_python(db):
    run(db, PYTHON.format(
        arguments=", ".join(f"{n} float8" for n in FEATURES),
        arrays=", ".join(f"{n} float8[]" for n in FEATURES),
        path=os.path.join(FILES, "m1.ubj")))


# --- the library as a C program -----------------------------------------------

class Library:
    """serving_library with one matrix; ends with this process."""

    def __init__(self, matrix, features, models):
        program = os.path.join(os.path.dirname(FILES), "serving_library")
        self.models = models
        self.process = subprocess.Popen(
            [program, os.path.join(FILES, matrix), str(features)]
            + [os.path.join(FILES, name + ".ubj") for name in models],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def predict(self, how, model, rows):
        """Time in seconds, and the sum of the predictions."""
        self.process.stdin.write(f"{how} {self.models.index(model)} {rows}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if len(answer) != 4 or int(answer[2]) != rows:
            raise RuntimeError("serving_library failed")
        return (Time(int(answer[0]) / 1e9, int(answer[1]) / 1e9),
                float(answer[3]))


# --- clients, each in a process of its own --------------------------------------

def client_copy(connection, booster):
    """Binary COPY into NumPy, predict, binary COPY back."""
    buffer = io.BytesIO()
    with connection.cursor() as cursor:
        cursor.copy_expert(f"COPY (SELECT id, {', '.join(FEATURES)} FROM t) "
                           "TO STDOUT (FORMAT binary)", buffer)
    # 19 bytes of header, 2 of trailer; a row is a count and, per column, a
    # length and a big-endian number
    form = [("count", ">i2"), ("id length", ">i4"), ("id", ">i4")]
    for name in FEATURES:
        form += [(name + " length", ">i4"), (name, ">f8")]
    rows = np.frombuffer(buffer.getbuffer()[19:-2], np.dtype(form))
    values = np.empty((len(rows), len(FEATURES)), np.float32)
    for i, name in enumerate(FEATURES):
        values[:, i] = rows[name]
    run(connection, "CREATE TABLE back (id integer, p float8)")
    copy_in(connection, "back", {"id": rows["id"],
                                 "p": booster.inplace_predict(values)})


def client_pandas(connection, booster):
    """pandas.read_sql, predict, COPY of text back."""
    import warnings
    import pandas
    warnings.simplefilter("ignore")
    frame = pandas.read_sql("SELECT * FROM t", connection)
    result = pandas.DataFrame({
        "id": frame["id"],
        "p": booster.inplace_predict(frame[FEATURES].to_numpy(np.float32))})
    buffer = io.StringIO()
    result.to_csv(buffer, header=False, index=False)
    buffer.seek(0)
    run(connection, "CREATE TABLE back (id integer, p float8)")
    with connection.cursor() as cursor:
        cursor.copy_expert("COPY back FROM STDIN (FORMAT csv)", buffer)


def run_client(name):
    """Do all of it and print the seconds; imports and model not counted."""
    import xgboost
    if name == "pandas":
        import pandas  # noqa: F401
    booster = xgboost.Booster(model_file=os.path.join(FILES, "m1.ubj"))
    connection = connect()
    start = time.perf_counter()
    (client_copy if name == "copy" else client_pandas)(connection, booster)
    print(time.perf_counter() - start)


# --- the alternatives -------------------------------------------------------------

class Bench:
    """What the alternatives need: connections, library, sums to expect."""

    def __init__(self, tasks):
        """Make what these tasks need."""
        self.db = connect()
        run(self.db, "CREATE EXTENSION mlops", "CREATE EXTENSION pg_prewarm")
        models = [name for name in MODELS if name == "m1" or
                  any(name in task.split() for task in tasks)]
        make_table(self.db, models)
        self.library = Library("t.f32", len(FEATURES), models)
        self.sums = {}
        self.ways = {}
        self.rates = None
        self.tables = ["t", "ta"]
        if any("wide" in task or "narrow" in task for task in tasks):
            make_wide(self.db)
            self.tables += ["wide", "narrow"]
        self.letter_rows = None
        if any("letter" in task for task in tasks):
            self.letter_rows = make_letter(self.db)
            if self.letter_rows:
                self.tables.append("letter")
                self.letter = Library("letter.f32", 16, ["letter"])
                self.sums["letter"] = self.letter.predict(
                    "dense", "letter", self.letter_rows)[1]
        self.python = None
        if any("python" in task for task in tasks):
            import psycopg2
            try:
                make_python(self.db)
                self.python = True
            except psycopg2.Error as error:
                say(f"# no plpython3u: {str(error).splitlines()[0]}")
        for host in ("", PLAIN):
            db = connect(host)
            if host:
                run(db, "CREATE EXTENSION mlops")
                for name in models:
                    import_model(db, name, os.path.join(FILES, name + ".ubj"))
            columns = ", ".join(f"{0.1 * i:.1f}::float8 AS {name}"
                                for i, name in enumerate(FEATURES))
            run(db, f"CREATE TABLE one AS SELECT {columns}",
                "VACUUM (FREEZE, ANALYZE) one", "CHECKPOINT")
            db.close()
        for table in self.tables:
            run(self.db, f"SELECT pg_prewarm('{table}')")

    def expect(self, model, rows):
        """The library's sum over the first rows."""
        if (model, rows) not in self.sums:
            self.sums[model, rows] = self.library.predict(
                "dense", model, rows)[1]
        return self.sums[model, rows]

    def set(self, settings):
        run(self.db, *(f"SET {name} = '{value}'" for name, value in settings))

    def reset(self, settings):
        run(self.db, *(f"RESET {name}" for name, _ in settings))

    def query(self, query, rows, expected=None, exact=True, settings=()):
        """Time of a row of a query under settings; its sum is checked."""
        def once():
            seconds, value = timed(self.db, query)
            if expected is not None and value != expected and (
                    exact or abs(value - expected) > 1e-9 * abs(expected)):
                raise RuntimeError(f"{query}: {value!r}, not {expected!r}")
            return seconds
        try:
            self.set(settings)
            return per_row(repeated(once), rows)
        finally:
            self.reset(settings)

    def setting(self, pattern, kind):
        """The name of a setting of this kind, or Missing."""
        with self.db.cursor() as cursor:
            cursor.execute("SELECT min(name) FROM pg_settings "
                           "WHERE name ~ %s AND vartype = %s", (pattern, kind))
            name = cursor.fetchone()[0]
        if name is None:
            raise Missing(f"no setting {pattern}")
        return name

    # row by row, through batches, in parallel

    def best_batch(self, library, model, rows, expected):
        """The library's better way with many rows; notes both."""
        times = {}
        for how in ("dense", "matrix"):
            def once():
                seconds, value = library.predict(how, model, rows)
                assert value == expected, "the library disagrees with itself"
                return seconds
            times[how] = per_row(repeated(once), rows)
            self.ways.setdefault(f"{model} {how}", []).append(
                times[how].process)
        return min(times.values())

    def library_batch(self, model):
        rows = LIBRARY_ROWS[model]
        return self.best_batch(self.library, model, rows,
                               self.expect(model, rows))

    def library_single(self, model):
        return per_row(self.library.predict("single", model, SINGLE_ROWS)[0],
                       SINGLE_ROWS)

    def predict(self, model, settings=()):
        return self.query(f"SELECT sum(mlops.predict('{model}', t)) FROM t",
                          ROWS, self.expect(model, ROWS), True, settings)

    def no_batch(self):
        """Settings that keep the planner from batches, if there are any."""
        try:
            return [(self.setting(r"^mlops\..*batch", "bool"), "off")]
        except Missing:
            return []

    def predict_path(self, model, path):
        """Row by row, by a path that is forced."""
        import psycopg2
        name = self.setting(r"^mlops\.forest_path$", "enum")
        try:
            return self.predict(model, [(name, path)] + self.no_batch())
        except psycopg2.errors.InvalidParameterValue as error:
            raise Missing(f"path {path}") from error

    def predict_rowwise(self, model):
        return self.predict(model, self.no_batch())

    def use_batch(self):
        """Settings that have the planner take batches."""
        return [(self.setting(r"^mlops\..*batch", "bool"), "on")]

    def predict_batch(self, model, path):
        import psycopg2
        name = self.setting(r"^mlops\.forest_path$", "enum")
        try:
            return self.predict(model, [(name, path)] + self.use_batch())
        except psycopg2.errors.InvalidParameterValue as error:
            raise Missing(f"path {path}") from error

    def predict_two(self, model, settings):
        """One worker and the leader."""
        if os.cpu_count() < 2:
            raise Missing("a second processor")
        settings = settings + [
            ("max_parallel_workers_per_gather", 1),
            ("parallel_setup_cost", 0), ("parallel_tuple_cost", 0),
            ("min_parallel_table_scan_size", 0)]
        query = f"SELECT sum(mlops.predict('{model}', t)) FROM t"
        self.set(settings)
        with self.db.cursor() as cursor:
            cursor.execute("EXPLAIN " + query)
            plan = "\n".join(row[0] for row in cursor.fetchall())
        self.reset(settings)
        if "Workers Planned: 1" not in plan:
            raise Missing("a parallel plan")
        return self.query(query, ROWS, self.expect(model, ROWS), False,
                          settings)

    def scan(self):
        return self.query(f"SELECT sum({' + '.join(FEATURES)}) FROM t", ROWS)

    def predict_array(self, model):
        return self.query(f"SELECT sum(mlops.predict_array('{model}', a)) "
                          "FROM ta", ROWS, self.expect(model, ROWS))

    # a model of 26 classes

    def need_letter(self):
        if not self.letter_rows:
            raise Missing("letter_recognition.csv.gz in MLOPS_TEST_DATA")

    def letter_library(self):
        self.need_letter()
        return self.best_batch(self.letter, "letter", self.letter_rows,
                               self.sums["letter"])

    def letter_predict(self):
        self.need_letter()
        return self.query(
            "SELECT sum((mlops.predict_proba('letter', l))[1]) "
            "FROM letter l", self.letter_rows, self.sums["letter"])

    # a wide table

    def wide_sum(self, table):
        return self.query(f"SELECT sum({' + '.join(WIDE_FEATURES)}) "
                          f"FROM {table}", WIDE_ROWS)

    def wide_predict(self, table):
        query = f"SELECT sum(mlops.predict('m10', w)) FROM {table} w"
        if "m10" not in self.sums:
            self.sums["m10"] = timed(self.db, query)[1]
        return self.query(query, WIDE_ROWS, self.sums["m10"])

    # Python

    def python_row(self):
        if not self.python:
            raise Missing("plpython3u")
        return self.query(
            f"SELECT sum(python_row({', '.join(FEATURES)})) "
            f"FROM (SELECT * FROM t LIMIT {SINGLE_ROWS}) s", SINGLE_ROWS,
            self.expect("m1", SINGLE_ROWS))

    def python_arrays(self):
        if not self.python:
            raise Missing("plpython3u")
        arrays = ", ".join(f"array_agg({name})" for name in FEATURES)
        return self.query(
            f"SELECT sum(p) FROM (SELECT unnest(python_arrays({arrays})) "
            f"FROM (SELECT * FROM t LIMIT {ARRAY_ROWS}) s "
            "GROUP BY id / 8192) b(p)", ARRAY_ROWS,
            self.expect("m1", ARRAY_ROWS), False)

    def check_back(self):
        """What was written back must be the library's."""
        with self.db.cursor() as cursor:
            cursor.execute("SELECT sum(p) FROM back")
            value, expected = cursor.fetchone()[0], self.expect("m1", ROWS)
        assert abs(value - expected) < 1e-9 * expected, "wrong rows written"
        run(self.db, "DROP TABLE back")

    def client(self, name):
        done = subprocess.run([sys.executable, __file__, name], check=True,
                              stdout=subprocess.PIPE, text=True)
        self.check_back()
        return Time(None, float(done.stdout) / ROWS)

    def create_table(self):
        seconds = timed(self.db, "CREATE TABLE back AS SELECT id, "
                        "mlops.predict('m1', t) AS p FROM t")[0]
        self.check_back()
        return per_row(seconds, ROWS)

    # many short queries

    def fresh(self, host, query):
        """The first query of a session, median of some, in seconds."""
        times = []
        for _ in range(CONNECTIONS):
            connection = connect(host)
            times.append(timed(connection, query)[0])
            connection.close()
        return Time(*(statistics.median(t) for t in zip(*times)))

    def fresh_empty(self, host):
        return self.fresh(host, "SELECT sum(c0) FROM one")

    def fresh_predict(self, host, model):
        return self.fresh(host, f"SELECT sum(mlops.predict('{model}', one)) "
                          "FROM one")

    def pgbench(self, columns):
        """Rate of a point query in one second, both clients together."""
        script = os.path.join(FILES, "pgbench.sql")
        with open(script, "w", encoding="ascii") as file:
            file.write(f"\\set id random(0, {ROWS - 1})\n"
                       f"SELECT {columns} FROM t WHERE id = :id;\n")
        done = subprocess.run(
            [os.environ.get("BENCH_PGBENCH", "pgbench"), "-n", "-M",
             "prepared", "-c", "2", "-j", "2", "-T", "1", "-f", script],
            stdout=subprocess.PIPE, text=True, check=True)
        return float(re.search(r"^tps = ([0-9.]+)", done.stdout, re.M).group(1))

    def points(self):
        """Run both point queries; keep the rates of both, run by run."""
        queries = ["id, c0", "id, c0, mlops.predict('m1', t)"]
        rates = {query: [] for query in queries}
        for i in range(POINT_RUNS):
            for query in queries if i % 2 == 0 else reversed(queries):
                rates[query].append(self.pgbench(query))
        self.rates = [rates[query] for query in queries]
        ratios = sorted(b / a for a, b in zip(*self.rates))
        say("# point query, ratios of neighbours: "
            + " ".join(f"{ratio:.3f}" for ratio in ratios))

    def point(self, predicts):
        """Seconds of a point query, by the rate of both clients.

        The same runs tell those of both queries, see points().  Of the second
        one it is that of the first by the median ratio of neighbours.
        """
        if not predicts:
            self.points()
        plain = statistics.median(self.rates[0])
        ratio = statistics.median(b / a for a, b in zip(*self.rates))
        return Time(None, 1 / (plain * ratio) if predicts else 1 / plain)


# In the order of a round: what is compared stands together.
TASKS = {
    "scan": lambda b: b.scan(),
    "m3 library": lambda b: b.library_batch("m3"),
    "m3 row": lambda b: b.predict_rowwise("m3"),
    "m1 library": lambda b: b.library_batch("m1"),
    "m1 avx512": lambda b: b.predict_path("m1", "avx512"),
    "m1 avx2": lambda b: b.predict_path("m1", "avx2"),
    "m1 portable": lambda b: b.predict_path("m1", "portable"),
    "m1 row": lambda b: b.predict_rowwise("m1"),
    "m1 array": lambda b: b.predict_array("m1"),
    "m1 two": lambda b: b.predict_two("m1", b.no_batch()),
    "m1 single": lambda b: b.library_single("m1"),
    "python row": lambda b: b.python_row(),
    "python arrays": lambda b: b.python_arrays(),
    "m2 library": lambda b: b.library_batch("m2"),
    "m2 avx512": lambda b: b.predict_path("m2", "avx512"),
    "m2 avx2": lambda b: b.predict_path("m2", "avx2"),
    "m2 batch avx2": lambda b: b.predict_batch("m2", "avx2"),
    "m2 row": lambda b: b.predict_rowwise("m2"),
    "m2 batch": lambda b: b.predict("m2", b.use_batch()),
    "m2 two": lambda b: b.predict_two("m2", b.no_batch()),
    "m2 batch two": lambda b: b.predict_two("m2", b.use_batch()),
    "m2 single": lambda b: b.library_single("m2"),
    "letter library": lambda b: b.letter_library(),
    "letter row": lambda b: b.letter_predict(),
    "wide sum": lambda b: b.wide_sum("wide"),
    "wide row": lambda b: b.wide_predict("wide"),
    "narrow sum": lambda b: b.wide_sum("narrow"),
    "narrow row": lambda b: b.wide_predict("narrow"),
    "create table": lambda b: b.create_table(),
    "client copy": lambda b: b.client("copy"),
    "client pandas": lambda b: b.client("pandas"),
    "fresh empty": lambda b: b.fresh_empty(""),
    "fresh m1": lambda b: b.fresh_predict("", "m1"),
    "fresh m2": lambda b: b.fresh_predict("", "m2"),
    "plain empty": lambda b: b.fresh_empty(PLAIN),
    "plain m1": lambda b: b.fresh_predict(PLAIN, "m1"),
    "plain m2": lambda b: b.fresh_predict(PLAIN, "m2"),
    "point": lambda b: b.point(False),
    "point m1": lambda b: b.point(True),
}


# --- the measures ---------------------------------------------------------------

Measure = collections.namedtuple("Measure", "text tasks figure target "
                                 "least unit", defaults=(False, ""))


def ratio(text, one, other, target, wall=False, plus=()):
    """One task over another (and more added to that)."""
    field = "wall" if wall else "process"

    def figure(times):
        below = sum(getattr(times[name], field) for name in (other, *plus))
        return getattr(times[one], field) / below
    return Measure(text, (one, other, *plus), figure, target)


def first(text, task, empty, target):
    """Milliseconds of a first query, beyond those of an empty one."""
    return Measure(text, (task, empty), lambda times: 1e3 * (
        times[task].process - times[empty].process), target, unit=" ms")


def wide_figure(times):
    trees = times["narrow row"].process - times["narrow sum"].process
    return (times["wide row"].process - trees) / times["wide sum"].process


MEASURES = [
    ratio("row by row over library batch, M1, AVX-512",
          "m1 avx512", "m1 library", 0.33),
    ratio("row by row over library batch, M2, AVX-512",
          "m2 avx512", "m2 library", 0.17),
    ratio("row by row over library batch, M1, AVX2",
          "m1 avx2", "m1 library", 0.36),
    ratio("row by row over library batch, M2, AVX2",
          "m2 avx2", "m2 library", 0.18),
    ratio("row by row over library batch, M1, portable C",
          "m1 portable", "m1 library", 0.8),
    ratio("row by row over library batch, M1, path by default",
          "m1 row", "m1 library", 0.36),
    ratio("row by row over library batch, M2, path by default",
          "m2 row", "m2 library", 0.18),
    ratio("row by row over library batch, M3, path by default",
          "m3 row", "m3 library", 1),
    ratio("row by row over library batch, 26 classes, path by default",
          "letter row", "letter library", 1),
    ratio("through batches over library batch, M2, AVX2",
          "m2 batch avx2", "m2 library", 0.1),
    ratio("M3 over a plain sum of 20 columns", "m3 row", "scan", 1.3),
    ratio("row by row over library called per row, M1",
          "m1 row", "m1 single", 1 / 50, plus=("scan",)),
    ratio("row by row over library called per row, M2",
          "m2 row", "m2 single", 1 / 20, plus=("scan",)),
    ratio("row argument over predict_array of real[], M1",
          "m1 row", "m1 array", 1.1),
    ratio("create table over client with pandas.read_sql, M1",
          "create table", "client pandas", 1 / 8, wall=True),
    ratio("create table over client with binary COPY, M1",
          "create table", "client copy", 1 / 3, wall=True),
    ratio("row by row over plpython3u per row, M1",
          "m1 row", "python row", 1 / 100),
    ratio("row by row over plpython3u in arrays of 8,192, M1",
          "m1 row", "python arrays", 1 / 5),
    ratio("two processes over one, M1", "m1 two", "m1 row", 0.6, wall=True),
    ratio("two processes over one, M2", "m2 two", "m2 row", 0.6, wall=True),
    ratio("two processes over one, through batches, M2",
          "m2 batch two", "m2 batch", 0.6, wall=True),
    first("first prediction, no preload, M1", "plain m1", "plain empty", 2),
    first("first prediction, preload, M1", "fresh m1", "fresh empty", 0.3),
    first("first prediction, no preload, M2", "plain m2", "plain empty", 20),
    first("first prediction, preload, M2", "fresh m2", "fresh empty", 1),
    Measure("10 of 600 columns, less the trees, over a plain sum of the 10",
            ("wide row", "wide sum", "narrow row", "narrow sum"),
            wide_figure, 1.5),
    Measure("rate of a point query with a prediction over without, M1",
            ("point", "point m1"),
            lambda times: times["point"].wall / times["point m1"].wall,
            0.9, True),
]


def say(text):
    print(text, flush=True)


def run_round(bench, tasks, gone):
    """Time of each task by name; puts what is missing into gone."""
    times = {}
    for name in tasks:
        if name in gone:
            continue
        try:
            times[name] = TASKS[name](bench)
        except Missing as reason:
            gone[name] = str(reason)
            say(f"# {name}: missing, {reason}")
    return times


def report_times(rounds, ways):
    """Medians of each task, and of the library's ways."""
    say("\n# medians, microseconds of a row or query: process, wall")
    for name in rounds[0]:
        process, wall = zip(*(times[name] for times in rounds))
        process = ("" if process[0] is None
                   else f"{statistics.median(process) * 1e6:.3f}")
        say(f"# {name:16s}{process:>12s}"
            f"{statistics.median(wall) * 1e6:12.3f}")
    for name, values in ways.items():
        say(f"# {name:16s}{statistics.median(values[1:]) * 1e6:12.3f}")


def report(measure, rounds, gone):
    """The line of a measure."""
    sign = ">=" if measure.least else "<="
    target = f"{sign} {measure.target:.3g}{measure.unit}"
    if any(name in gone for name in measure.tasks):
        say(f"{measure.text}\t-\t{target}\tmissing")
        return
    figure = statistics.median(measure.figure(times) for times in rounds)
    good = (figure >= measure.target if measure.least
            else figure <= measure.target)
    say(f"{measure.text}\t{figure:.3g}{measure.unit}\t{target}\t"
        f"{'ok' if good else 'short'}")


def main():
    measures = [m for m in MEASURES if re.search(ONLY, m.text)]
    if not measures:
        sys.exit(f"no measure matches {ONLY!r}")
    wanted = {name for measure in measures for name in measure.tasks}
    tasks = [name for name in TASKS if name in wanted]
    say(f"# {ROWS} rows, {ROUNDS} rounds, {os.cpu_count()} processors, "
        f"load {os.getloadavg()[0]:.1f}")
    bench = Bench(tasks)
    gone = {}
    run_round(bench, tasks, gone)       # not counted: caches and sums
    rounds = []
    for number in range(ROUNDS):
        rounds.append(run_round(bench, tasks, gone))
        say(f"# round {number + 1}, load {os.getloadavg()[0]:.1f}")
    report_times(rounds, bench.ways)
    say("")
    for measure in measures:
        report(measure, rounds, gone)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        run_client(sys.argv[1])
    else:
        main()
