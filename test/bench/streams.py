#!/usr/bin/python3
"""Replay real streams, window by window, through the calls that jobs make.

Before the rows of a window come, the version that serves predicts them; then
they are inserted, and each policy does what it does at the end of a window:

    never         the first version serves for ever
    every         a new version is trained on all rows
    every, 90 d   a new version is trained on the rows of 90 days
    loop          after mlops.watch(), by mlops.run_monitor() and then
                  mlops.retrain(force => false), as a job does
    loop, 90 d    the same with a memory of 90 days
    no change     the label of the row before is the prediction

All policies have the same parameters, and the same first version, trained on
the rows before the first window with the newest fifth of them as its test.
The figure of a policy is that of all predictions: accuracy of classes, rmse
of numbers.  A point is one percent of accuracy, or of the rmse that it is
held against.

A false promotion is one whose version is worse than the one before it, on
the rows that came until the next promotion or rollback.  A training is a
call that trained; the loop's may fit two models, the challenger and, if it
is better, its recipe on all rows, so models are counted as well.

Then the rows of each stream are shuffled, so that nothing changes, and a
monitor and its alerts look at them.  At last one line per claim, separated
by tabs: measure, figure, target, ok or short.
"""
import gzip
import math
import os
import re
import time

import psycopg2

PARAMS = '{"num_boost_round": 100, "eta": 0.1, "max_depth": 4}'
MEMORY = "90 days"
# two windows of a month, whatever its length
MAX_AGE = "56 days"
CLAIMS = []


class Stream:
    """Where a stream comes from, and how it is cut.

    columns is the file's, picked what is served of it; a row of number n
    (from 0) is of window block(n), 0 before the first, and of the time at.
    """

    def __init__(self, name, file, columns, picked, target, at, block,
                 start, window, order="n"):
        self.name, self.file, self.columns = name, file, columns
        self.picked, self.target, self.at = picked, target, at
        self.block, self.start, self.window = block, start, window
        self.order = order


def by_rows(first, size):
    """Cut by numbers of rows: a window of so many is 30 days, which begin
    where a monitor's do."""
    return dict(
        at=f"timestamptz '2000-01-03' + n * (interval '30 days' / {size})",
        block=f"CASE WHEN n < {first} THEN 0 ELSE (n - {first}) / {size} + 1 "
              "END",
        start=f"timestamptz '2000-01-03' + {first / size} * "
              "interval '30 days'",
        window="30 days")


def bank(name, dates):
    """Calls of a bank; dates are columns of the file to be picked as well."""
    return Stream(name, "bank_marketing",
                  'age integer, job text, marital text, education text, '
                  '"default" text, balance integer, housing text, loan text, '
                  'contact text, day integer, month text, duration integer, '
                  'campaign integer, pdays integer, previous integer, '
                  'poutcome text, y text',
                  'age, job, marital, education, "default", balance, '
                  f'housing, loan, contact, {dates}campaign, pdays, '
                  'previous, poutcome, y', "y", **by_rows(5000, 5000))


STREAMS = [
    Stream("elec2", "elec2",
           "date float8, day integer, period float8, nswprice float8, "
           "nswdemand float8, vicprice float8, vicdemand float8, "
           "transfer float8, class text",
           "day, period, nswprice, nswdemand, vicprice, vicdemand, "
           "transfer, class", "class", **by_rows(2880, 1440)),
    Stream("bike", "bike_sharing_hour",
           "instant integer, dteday date, season integer, yr integer, "
           "mnth integer, hr integer, holiday integer, weekday integer, "
           "workingday integer, weathersit integer, temp float8, "
           "atemp float8, hum float8, windspeed float8, casual integer, "
           "registered integer, cnt integer",
           "dteday, season, yr, mnth, hr, holiday, weekday, workingday, "
           "weathersit, temp, atemp, hum, windspeed, cnt::float8 AS cnt",
           "cnt", at="dteday::timestamptz + hr * interval '1 hour'",
           block="greatest(0, yr * 12 + mnth - 3)",
           start="timestamptz '2011-04-01'", window="1 month"),
    # How long a call took is known after it only.  The rows are in the order
    # of day and month, and no year is told: with them each month is one that
    # no version has seen, so they are a stream of their own.
    bank("bank", ""),
    bank("bank_dated", "day, month, "),
    Stream("power", "powersupply",
           "main_grid float8, other_grids float8, hour_class integer",
           "main_grid, other_grids, hour_class::text AS hour_class",
           "hour_class", **by_rows(5000, 5000)),
    Stream("flights", "flights",
           "dep_time timestamp, delay integer, distance integer, "
           "origin text, destination text",
           "dep_time, distance, origin, destination, "
           "CASE WHEN delay > 15 THEN 'late' ELSE 'on time' END AS arrival",
           "arrival", order="dep_time, n", **by_rows(5000, 5000)),
]


class Score:
    """Predictions of one policy or version, and how far off they were."""

    def __init__(self, numbers):
        self.numbers, self.rows, self.total = numbers, 0, 0.0

    def add(self, rows, total):
        """Rows, and how many were right, or the sum of squared errors."""
        self.rows += rows
        self.total += total

    def value(self):
        """Accuracy, or rmse."""
        mean = self.total / self.rows
        return math.sqrt(mean) if self.numbers else mean

    def points_below(self, other):
        """How much worse it is, in points."""
        if self.numbers:
            return 100 * (self.value() / other.value() - 1)
        return 100 * (other.value() - self.value())


class Replay:
    """The tables of one stream in the database, and what is asked of them."""

    def __init__(self, cursor, stream):
        self.cursor, self.stream = cursor, stream
        self.load()
        self.numbers = self.one(
            "SELECT atttypid = 'float8'::regtype FROM pg_attribute WHERE "
            "attrelid = %s::regclass AND attname = %s",
            self.table(), stream.target)
        self.windows = self.one(f"SELECT max(block) FROM {self.all()}")

    def one(self, query, *values):
        """The first column of the first row."""
        self.cursor.execute(query, values or None)
        return self.cursor.fetchone()[0]

    def table(self):
        """The table that grows."""
        return self.stream.name

    def all(self):
        """All rows that will ever come."""
        return self.stream.name + "_all"

    def load(self):
        """Read the file; nothing has come yet."""
        stream, cursor = self.stream, self.cursor
        cursor.execute(f"CREATE TEMP TABLE file (n bigint GENERATED ALWAYS "
                       f"AS IDENTITY, {stream.columns})")
        names = re.findall(r'("?\w+"?) \w+(?:, |$)', stream.columns)
        with gzip.open(f"files/{stream.file}.csv.gz", "rt") as file:
            cursor.copy_expert(f"COPY file ({', '.join(names)}) FROM STDIN "
                               "(FORMAT csv, HEADER)", file)
        cursor.execute(
            f"CREATE TABLE {self.all()} AS SELECT {stream.at} AS at, "
            f"{stream.block} AS block, {stream.picked} FROM (SELECT "
            f"{', '.join(names)}, row_number() OVER (ORDER BY "
            f"{stream.order}) - 1 AS n FROM file) AS file ORDER BY n")
        cursor.execute("DROP TABLE file")
        cursor.execute(f"CREATE TABLE {self.table()} (LIKE {self.all()})")

    def shuffle(self, seed):
        """Give the rows the times of others, and take back all of them."""
        cursor, every = self.cursor, self.all()
        others = [f'"{name}"' for name in self.columns()
                  if name not in ("at", "block")]
        cursor.execute("SELECT setseed(%s)", (seed / 1000,))
        cursor.execute(
            f"CREATE TABLE shuffled AS SELECT at, block, {', '.join(others)} "
            f"FROM (SELECT at, block, row_number() OVER (ORDER BY at, block) "
            f"FROM {every}) AS a JOIN (SELECT {', '.join(others)}, "
            f"row_number() OVER (ORDER BY random()) FROM (SELECT * FROM "
            f"{every} ORDER BY at) AS ordered) AS b USING (row_number) "
            f"ORDER BY row_number")
        cursor.execute(f"DROP TABLE {every}")
        cursor.execute(f"ALTER TABLE shuffled RENAME TO {every}")
        cursor.execute(f"TRUNCATE {self.table()}")

    def columns(self):
        """Names of the columns."""
        self.cursor.execute(f"SELECT * FROM {self.all()} LIMIT 0")
        return [column.name for column in self.cursor.description]

    def insert(self, block):
        """The rows of a window come."""
        self.cursor.execute(f"INSERT INTO {self.table()} SELECT * FROM "
                            f"{self.all()} WHERE block = %s", (block,))

    def end_of(self, block):
        """The moment at which a window ends."""
        return self.one(f"SELECT {self.stream.start} + %s * interval "
                        f"'{self.stream.window}'", block)

    def measure(self, model, block):
        """Rows of a window and the errors of a model, or hits, on them."""
        target = self.stream.target
        what = (f"sum((mlops.predict(%s, t) - {target})^2)" if self.numbers
                else "count(*) FILTER (WHERE mlops.predict_label(%s, t) = "
                     f"{target})")
        self.cursor.execute(f"SELECT count(*), {what} FROM {self.all()} AS t "
                            "WHERE block = %s", (model, block))
        return self.cursor.fetchone()

    def no_change(self):
        """The score of the label of the row before."""
        target = self.stream.target
        what = (f"sum(({target} - before)^2)" if self.numbers
                else f"count(*) FILTER (WHERE {target} = before)")
        self.cursor.execute(
            f"SELECT count(*), {what} FROM (SELECT block, {target}, "
            f"lag({target}) OVER (ORDER BY at) AS before FROM {self.all()}) "
            "AS t WHERE block > 0")
        score = Score(self.numbers)
        score.add(*self.cursor.fetchone())
        return score

    def train_first(self, model):
        """The version that every policy begins with."""
        self.cursor.execute(
            "SELECT version FROM mlops.train(%s, %s, %s, exclude => "
            "'{at,block}', event_time => 'at', params => %s, "
            "validation => 0, test => 0.2, deploy => true)",
            (model, self.table(), self.stream.target, PARAMS))

    def watch(self, model, memory=None):
        """A monitor, a policy and an alert rule; jobs are not wanted, their
        calls are made here."""
        self.cursor.execute(
            "SELECT mlops.watch(%s, %s, event_time => 'at', window_size => "
            "%s, max_age => %s, memory => %s)",
            (model, self.table(), self.stream.window, MAX_AGE, memory))

    def run_monitor(self, model, until):
        """Compute the windows that are due; the status of the latest, and
        whether an alert was raised or seen again."""
        before = self.alerted(model)
        self.cursor.execute("SELECT state, status, message FROM "
                            "mlops.run_monitor(%s, until => %s)",
                            (model, until))
        windows = self.cursor.fetchall()
        assert windows and all(row[0] == "completed" for row in windows), \
            windows
        return windows[-1][1], self.alerted(model) > before

    def alerted(self, model):
        """How many times an alert of a model was raised, or seen again."""
        return self.one("SELECT coalesce(sum(n_seen), 0) FROM mlops.alerts "
                        "WHERE model = %s AND state <> 'pending' AND event "
                        "IN ('drift', 'performance')", model)


class Never:
    """A policy: what it does at the end of each window, and what came of
    it."""

    def __init__(self, replay, name):
        self.replay, self.name = replay, name
        self.model = replay.stream.name + "_" + re.sub(r"\W+", "_", name)
        self.score = Score(replay.numbers)
        self.trainings = self.models = 1
        self.seconds = 0.0

    def begin(self):
        """The rows before the first window are there."""
        self.replay.train_first(self.model)

    def predict(self, block):
        """The rows of a window are about to come."""
        self.score.add(*self.replay.measure(self.model, block))

    def end_window(self, until):
        """They have come, and there will be others."""

    def report(self):
        """Numbers for the table."""
        return [self.trainings, self.models, "", "", "", ""]


class Every(Never):
    """Train on all rows, or on those of some time, and let it serve."""

    def __init__(self, replay, name, memory=None):
        super().__init__(replay, name)
        self.memory = memory

    def end_window(self, until):
        table = self.replay.table()
        source = table if self.memory is None else (
            f"SELECT * FROM {table} WHERE at >= timestamptz '{until}' - "
            f"interval '{self.memory}'")
        self.replay.cursor.execute(
            "SELECT version FROM mlops.train(%s, %s, %s, exclude => "
            "'{at,block}', params => %s, split => 'none', deploy => true)",
            (self.model, source, self.replay.stream.target, PARAMS))
        self.trainings += 1
        self.models += 1


class Loop(Never):
    """The guarded loop, by the calls of a job."""

    def __init__(self, replay, name, memory=None):
        super().__init__(replay, name)
        self.memory = memory
        self.promotions = self.rollbacks = 0
        self.false = []     # points that were lost by each
        self.alerts = 0     # windows with one
        self.old = None     # model/version that the last promotion replaced
        self.duel = None    # scores of the new and the old since then

    def begin(self):
        super().begin()
        self.replay.watch(self.model, self.memory)

    def predict(self, block):
        rows, total = self.replay.measure(self.model, block)
        self.score.add(rows, total)
        if self.old:
            self.duel[0].add(rows, total)
            self.duel[1].add(*self.replay.measure(self.old, block))

    def end_window(self, until):
        cursor = self.replay.cursor
        before = self.serving()
        status, alert = self.replay.run_monitor(self.model, until)
        self.alerts += alert
        cursor.execute("SELECT action, trainings, reason FROM mlops.retrain("
                       "%s, force => false, until => %s)",
                       (self.model, until))
        action, trainings, reason = cursor.fetchone()
        assert action != "failed", reason
        if os.environ.get("BENCH_TELL"):
            print(f"#   {until:%Y-%m-%d} {self.name}: {status}, "
                  f"{action}: {reason}", flush=True)
        self.trainings += trainings > 0
        self.models += trainings
        self.rollbacks = self.replay.one(
            "SELECT count(*) FROM mlops.decisions WHERE model = %s AND "
            "action = 'rolled back'", self.model)
        self.promotions += action == "promoted"
        if self.serving() != before:
            self.settle()
            if action == "promoted":
                self.old = f"{self.model}/{before}"
                self.duel = [Score(self.replay.numbers) for _ in range(2)]

    def serving(self):
        """The version that serves."""
        return self.replay.one("SELECT version FROM mlops.versions WHERE "
                               "model = %s AND 'champion' = ANY (aliases)",
                               self.model)

    def settle(self):
        """The last promotion's time is over: was it a false one?"""
        if self.old and self.duel[0].rows:
            worse = self.duel[0].points_below(self.duel[1])
            if worse > 0:
                self.false.append(worse)
        self.old = None

    def report(self):
        self.settle()
        return [self.trainings, self.models, self.promotions,
                len(self.false), self.rollbacks, self.alerts]


def claim(measure, figure, target, good):
    """Keep one line for the end."""
    CLAIMS.append(f"{measure}\t{figure}\t{target}\t"
                  f"{'ok' if good else 'short'}")


def replay_stream(replay):
    """All policies side by side; prints a table."""
    name = replay.stream.name
    policies = [Never(replay, "never"), Every(replay, "every"),
                Every(replay, "every, 90 d", MEMORY), Loop(replay, "loop"),
                Loop(replay, "loop, 90 d", MEMORY)]
    replay.insert(0)
    for policy in policies:
        policy.begin()
    for block in range(1, replay.windows + 1):
        for policy in policies:
            policy.predict(block)
        replay.insert(block)
        if block == replay.windows:
            break
        for policy in policies:
            start = time.perf_counter()
            policy.end_window(replay.end_of(block))
            policy.seconds += time.perf_counter() - start
    none = replay.no_change()
    print(f"\n{name}: {replay.windows} windows, {none.rows} rows, "
          f"{'rmse' if replay.numbers else 'accuracy'}")
    print(f"  {'policy':14s}{'figure':>9s}{'trainings':>11s}{'models':>8s}"
          f"{'promotions':>12s}{'false':>7s}{'rollbacks':>11s}{'alerts':>8s}"
          f"{'s':>7s}")
    for policy in policies:
        row = policy.report()
        print(f"  {policy.name:14s}{policy.score.value():9.4f}{row[0]:11d}"
              f"{row[1]:8d}{row[2]:>12}{row[3]:>7}{row[4]:>11}"
              f"{row[5]:>8}{policy.seconds:7.1f}")
    print(f"  {'no change':14s}{none.value():9.4f}", flush=True)
    claim_stream(name, {policy.name: policy for policy in policies})


def claim_stream(name, policies):
    """What has to hold of a stream."""
    never = policies["never"].score
    for suffix in ("", ", 90 d"):
        loop, every = policies["loop" + suffix], policies["every" + suffix]
        if name == "elec2":
            figure = loop.score.points_below(every.score)
            claim(f"{name}: points of loop{suffix} below every{suffix}",
                  f"{figure:.2f}", "<= 1", figure <= 1)
            figure = loop.trainings / every.trainings
            claim(f"{name}: trainings of loop{suffix} over those of "
                  f"every{suffix}", f"{figure:.2f}", "<= 0.75",
                  figure <= 0.75)
        figure = loop.score.points_below(never)
        claim(f"{name}: points of loop{suffix} below never", f"{figure:.2f}",
              "<= 0.5", figure <= 0.5)


def watch_shuffled(replay, shuffles):
    """Windows of rows among which nothing changes, and those of them that an
    alert saw."""
    windows = seen = 0
    for seed in range(1, shuffles + 1):
        replay.shuffle(seed)
        model = f"{replay.stream.name}_shuffled_{seed}"
        replay.insert(0)
        replay.train_first(model)
        replay.watch(model)
        for block in range(1, replay.windows + 1):
            replay.insert(block)
            windows += 1
            seen += replay.run_monitor(model, replay.end_of(block))[1]
    print(f"  shuffled {shuffles} times: {seen} of {windows} windows with an "
          "alert", flush=True)
    return windows, seen


def main():
    """Replay all of them."""
    connection = psycopg2.connect("")
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("SET client_min_messages = error")
    cursor.execute("CREATE EXTENSION mlops")
    only = re.compile(os.environ.get("BENCH_ONLY", ""))
    shuffles = int(os.environ.get("BENCH_SHUFFLES", "3"))
    start = time.perf_counter()
    windows = seen = 0
    for stream in STREAMS:
        if not only.search(stream.name):
            continue
        if not os.path.exists(f"files/{stream.file}.csv.gz"):
            CLAIMS.append(f"{stream.name}\t\t\tmissing")
            continue
        replay = Replay(cursor, stream)
        replay_stream(replay)
        if shuffles:
            counted = watch_shuffled(replay, shuffles)
            windows, seen = windows + counted[0], seen + counted[1]
    if windows:
        share = seen / windows
        claim("shuffled streams: share of windows with a model-level alert",
              f"{share:.3f}", "<= 0.05", share <= 0.05)
    print(f"\n{time.perf_counter() - start:.0f} s\n")
    print("\n".join(CLAIMS))


if __name__ == "__main__":
    main()
