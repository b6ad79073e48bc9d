#!/usr/bin/python3
"""Time mlops.drift against hand-written SQL and a Python client.

All read the same table of 20 float8 columns, in turns within one run:

    drift   one call against the stored baseline, predictions included
    plain   count, min, max and avg of each column, one SELECT
    bins    ten bins and what is missing of each column, by width_bucket and
            GROUP BY, one query a column: what PSI needs, and no more
    client  COPY of the table to Python, the same bins by numpy

After the medians one line per claim, separated by tabs: measure, figure,
target, ok or short.
"""
import io
import os
import statistics
import time

import numpy as np
import psycopg2

ROWS = int(os.environ.get("BENCH_ROWS", "1000000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
COLUMNS = [f"x{i}" for i in range(1, 21)]


def prepare(cursor):
    """The table, and a version trained on some of it."""
    cursor.execute("CREATE EXTENSION mlops")
    cursor.execute("SELECT setseed(0.5)")
    cursor.execute("CREATE TABLE big AS SELECT %s, random() < 0.5 AS y "
                   "FROM generate_series(1, %d) i" % (", ".join(
                       f"random() * {k} AS {name}"
                       for k, name in enumerate(COLUMNS, 1)), ROWS))
    cursor.execute("VACUUM ANALYZE big")
    cursor.execute("SELECT version FROM mlops.train('big', "
                   "'SELECT * FROM big LIMIT 50000', 'y', "
                   "params => '{\"num_boost_round\": 10}')")
    cursor.execute("SELECT feature, edges FROM mlops.baselines "
                   "WHERE model = 'big' AND kind = 'number'")
    return dict(cursor.fetchall())


def run_drift(cursor, edges):
    """All figures of all columns."""
    cursor.execute("SELECT * FROM mlops.drift('big', 'big')")
    rows = cursor.fetchall()
    assert len(rows) == len(COLUMNS) + 2
    return rows


def run_plain(cursor, edges):
    """What anybody would look at first."""
    cursor.execute("SELECT %s FROM big" % ", ".join(
        f"count({c}), min({c}), max({c}), avg({c})" for c in COLUMNS))
    return cursor.fetchall()


def run_bins(cursor, edges):
    """Bins in SQL."""
    for name in COLUMNS:
        cursor.execute(f"SELECT width_bucket({name}, %s::float8[]), count(*) "
                       "FROM big GROUP BY 1", (edges[name],))
        assert len(cursor.fetchall()) == 10


def run_client(cursor, edges):
    """Bins in Python."""
    text = io.StringIO()
    cursor.copy_expert("COPY (SELECT %s FROM big) TO STDOUT" %
                       ", ".join(COLUMNS), text)
    text.seek(0)
    table = np.fromstring(text.getvalue().replace("\t", " "), sep=" ")
    table = table.reshape(-1, len(COLUMNS))
    assert len(table) == ROWS
    for i, name in enumerate(COLUMNS):
        np.bincount(np.searchsorted(edges[name], table[:, i]))


NAMES = {"drift": run_drift, "plain": run_plain, "bins": run_bins,
         "client": run_client}


def claim(name, figure, target, at_most):
    """One line."""
    good = figure <= target if at_most else figure >= target
    print(f"{name}\t{figure:.2f}\t{'<=' if at_most else '>='} {target}\t"
          f"{'ok' if good else 'short'}")


def main():
    """Measure all of it."""
    connection = psycopg2.connect("")
    connection.autocommit = True
    cursor = connection.cursor()
    edges = prepare(cursor)
    # as drift reads: one process, no workers
    cursor.execute("SET max_parallel_workers_per_gather = 0")
    seconds = {name: [] for name in NAMES}
    for name in ("plain", "drift"):
        NAMES[name](cursor, edges)  # the first call reads into memory
    for round_number in range(ROUNDS):
        for name, run in NAMES.items():
            start = time.perf_counter()
            run(cursor, edges)
            seconds[name].append(time.perf_counter() - start)
        print(f"# round {round_number + 1}: " + ", ".join(
            f"{name} {values[-1]:.2f} s" for name, values in seconds.items()),
            flush=True)
    median = {name: statistics.median(v) for name, v in seconds.items()}
    print(f"\n{ROWS} rows x {len(COLUMNS)} float8, median of {ROUNDS}")
    for name, value in median.items():
        print(f"  {name:8s}{value:7.2f} s")
    print()
    claim("drift time over count, min, max, avg",
          median["drift"] / median["plain"], 1.5, True)
    claim("width_bucket and GROUP BY over drift time",
          median["bins"] / median["drift"], 10, False)
    claim("Python client with COPY and numpy over drift time",
          median["client"] / median["drift"], 5, False)


if __name__ == "__main__":
    main()
