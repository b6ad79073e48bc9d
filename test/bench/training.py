#!/usr/bin/python3
"""Time mlops.train against libxgboost alone and against Python clients.

The server is the one that the environment names; training.sh starts it.
The alternatives take turns in each round, each Python one as a process of
its own that reports the seconds from its first to its last step, imports
not counted, and its peak resident memory.  All train the same rows with the
same parameters: 50 rounds of depth 6, 20 features, a binary target.

Memory of mlops.train is watched in a round of its own, so that the watching
does not slow what is timed: private pages of backend and trainer, plus the
shared mapping between them counted once; shared buffers are not counted.

Ends with one line per claim: measure, figure, target, ok or short.
"""
import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time

ROWS = int(os.environ.get("BENCH_ROWS", "1000000"))
ROUNDS = max(3, int(os.environ.get("BENCH_ROUNDS", "3")))
FEATURES = [f"x{i}" for i in range(20)]
BOOST_ROUNDS = 50
THREADS = os.cpu_count()

TABLE = f"""
CREATE EXTENSION IF NOT EXISTS mlops;
SELECT setseed(0.5);
CREATE TABLE bench AS
SELECT {', '.join(f'g.x[{i + 1}] AS {name}'
                  for i, name in enumerate(FEATURES))},
       (g.x[1] + g.x[2] * g.x[3] + sin(6 * g.x[4]) * 0.3
        + (random() - 0.5) * 0.8 > 0.8)::int AS y
FROM (SELECT ARRAY[{', '.join(['random()'] * 20)}] AS x
      FROM generate_series(1, {ROWS})) g;
VACUUM (ANALYZE, FREEZE) bench;
CHECKPOINT;
"""

TRAIN = f"""
SELECT version, rows_train FROM mlops.train(
    'bench', 'bench', target => 'y', validation => 0, test => 0,
    task => 'binary',
    params => '{{"num_boost_round": {BOOST_ROUNDS}, "max_depth": 6,
                 "learning_rate": 0.3, "max_bin": 256}}')
"""


# --- the alternatives, each in a process of its own --------------------------

def connect():
    import psycopg2
    connection = psycopg2.connect("")
    connection.autocommit = True
    return connection


def boost(make, features, label):
    """Train as a Python user would; returns the booster."""
    import xgboost
    matrix = make(features, label, nthread=THREADS)
    return xgboost.train(
        {"objective": "binary:logistic", "tree_method": "hist",
         "max_depth": 6, "learning_rate": 0.3, "max_bin": 256,
         "nthread": THREADS, "verbosity": 0}, matrix, BOOST_ROUNDS)


def read_copy():
    """All rows by binary COPY: float32 features and label."""
    import io
    import numpy
    buffer = io.BytesIO()
    with connect().cursor() as cursor:
        columns = ", ".join(FEATURES)
        cursor.copy_expert(f"COPY (SELECT {columns}, y::float8 FROM bench) "
                           "TO STDOUT (FORMAT binary)", buffer)
    # 19 bytes of header, 2 of trailer; a row is a count and, per column, a
    # length and a big-endian double
    fields = [("count", ">i2")]
    for name in FEATURES + ["y"]:
        fields += [(name + "_length", ">i4"), (name, ">f8")]
    rows = numpy.frombuffer(buffer.getbuffer()[19:-2], numpy.dtype(fields))
    features = numpy.empty((len(rows), len(FEATURES)), numpy.float32)
    for i, name in enumerate(FEATURES):
        features[:, i] = rows[name]
    return features, rows["y"].astype(numpy.float32)


def read_pandas():
    """All rows by pandas.read_sql."""
    import warnings
    import pandas
    warnings.simplefilter("ignore")
    frame = pandas.read_sql("SELECT * FROM bench", connect())
    return frame[FEATURES], frame["y"]


def run_alternative(name):
    """Do one alternative and print {seconds, bytes} as JSON."""
    import numpy  # noqa: F401, imports are not what is timed
    import xgboost
    if name == "pandas":
        import pandas  # noqa: F401
    if name in ("array", "array_quantile"):
        features, label = read_copy()
        start = time.perf_counter()
        boost(xgboost.DMatrix if name == "array"
              else xgboost.QuantileDMatrix, features, label)
    else:
        start = time.perf_counter()
        features, label = read_copy() if name == "copy" else read_pandas()
        boost(xgboost.DMatrix, features, label)
    seconds = time.perf_counter() - start
    with open("/proc/self/status", encoding="ascii") as status:
        peak = int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1))
    print(json.dumps({"seconds": seconds, "bytes": peak * 1024}))


def alternative(name):
    """The same from the driver's side."""
    done = subprocess.run([sys.executable, __file__, name], check=True,
                          stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


# --- mlops.train -------------------------------------------------------------

def train():
    """Seconds of one call, with the connection open as a session has it."""
    connection = connect()
    with connection.cursor() as cursor:
        cursor.execute("SELECT mlops.extension_version()")
        start = time.perf_counter()
        cursor.execute(TRAIN)
        version, rows = cursor.fetchone()
        seconds = time.perf_counter() - start
        assert rows == ROWS, f"{rows} rows were trained on"
        cursor.execute("SELECT mlops.drop_model('bench')")
    connection.close()
    return {"seconds": seconds, "version": version}


def private_bytes(pid):
    """Private pages of a process, without those of shared mappings."""
    total = 0
    shared = False
    with open(f"/proc/{pid}/smaps", encoding="ascii",
              errors="replace") as smaps:
        for line in smaps:
            word = line.split(None, 2)
            if not word[0].endswith(":"):
                shared = word[1].endswith("s")
            elif word[0].startswith("Private_") and not shared:
                total += int(word[1]) * 1024
    return total


def memfd_bytes(pids):
    """Size in memory of all memfds that the processes hold, each once."""
    seen = {}
    for pid in pids:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            path = f"/proc/{pid}/fd/{fd}"
            try:
                if os.readlink(path).startswith("/memfd:"):
                    info = os.stat(path)
                    seen[info.st_ino] = info.st_blocks * 512
            except OSError:
                continue
    return sum(seen.values())


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


class Watch(threading.Thread):
    """Poll the memory of a backend and its children until told to stop."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid = pid
        self.base = private_bytes(pid)
        self.peak = self.base
        self.samples = 0
        self.with_trainer = 0
        self.stop = threading.Event()

    def run(self):
        while not self.stop.is_set():
            try:
                pids = [self.pid] + children(self.pid)
                total = (sum(private_bytes(pid) for pid in pids)
                         + memfd_bytes(pids))
                self.peak = max(self.peak, total)
                self.with_trainer += len(pids) > 1
                self.samples += 1
            except OSError:
                pass            # a process has just ended
            time.sleep(0.01)


def train_memory():
    """Peak bytes of one call."""
    connection = connect()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        watch = Watch(cursor.fetchone()[0])
        watch.start()
        cursor.execute(TRAIN)
        watch.stop.set()
        watch.join()
        cursor.execute("SELECT mlops.drop_model('bench')")
    connection.close()
    assert watch.with_trainer > 10, "the trainer was not seen"
    return watch.peak


# --- the measuring -----------------------------------------------------------

NAMES = {
    "train": "mlops.train, the whole call",
    "array": "libxgboost, DMatrix from an array in memory",
    "array_quantile": "libxgboost, QuantileDMatrix from an array",
    "copy": "Python client, binary COPY",
    "pandas": "Python client, pandas.read_sql",
}


def claim(measure, figure, target, unit=""):
    state = "ok" if figure <= target else "short"
    digits = 0 if unit else 3
    print(f"{measure}\t{figure:.{digits}f}{unit}\t<= {target}{unit}\t{state}")
    return state == "ok"


def main():
    with connect().cursor() as cursor:
        for statement in TABLE.split(";"):
            if statement.strip():
                cursor.execute(statement)
    seconds = {name: [] for name in NAMES}
    peak = {}
    train()                     # the first call reads the table into memory
    for round_number in range(ROUNDS):
        for name in NAMES:
            result = train() if name == "train" else alternative(name)
            seconds[name].append(result["seconds"])
            if "bytes" in result:
                peak[name] = max(peak.get(name, 0), result["bytes"])
        print(f"# round {round_number + 1}: " + ", ".join(
            f"{name} {values[-1]:.2f} s" for name, values in seconds.items()),
            flush=True)
    peak["train"] = train_memory()

    print(f"\n{ROWS} rows x {len(FEATURES)} float8, {BOOST_ROUNDS} rounds of "
          f"depth 6, {THREADS} threads, median of {ROUNDS}")
    median = {}
    for name, text in NAMES.items():
        median[name] = statistics.median(seconds[name])
        memory = (f"{peak[name] / 1e6:6.0f} MB" if name in peak else "")
        print(f"  {text:46s}{median[name]:7.2f} s  {memory}")
    print()
    library = min(median["array"], median["array_quantile"])
    claim("train time over libxgboost on an array",
          median["train"] / library, 1.1)
    claim("train time over a Python client with binary COPY",
          median["train"] / median["copy"], 0.85)
    claim("peak private memory of backend and trainer",
          peak["train"] / 1e6, 300, " MB")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        run_alternative(sys.argv[1])
    else:
        main()
