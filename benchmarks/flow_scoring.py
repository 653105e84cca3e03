"""Flow scoring and learning against histories of growing size, printed as a Markdown table.

A history of so many ties is written straight into the state, then micro-batches of new flows are scored and learned,
folding included. Nine in ten flows repeat a tie that is known, as in live traffic, but each another one: no flow is
like the one before, which is the worst case. The bare loop beside it only looks each flow's tie up and appends it,
nothing is encoded or judged: what any program on this engine pays. Run:
``python benchmarks/flow_scoring.py [TIES …]``; ``day`` scores the flows of a whole day at once instead: the choices
they come to, against the largest history.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from benchmarks import size
from kanaria.baseline.pattern import PatternOfLife
from kanaria.baseline.plans import plans
from kanaria.baseline.settings import BaselineSettings
from kanaria.core import schema

SIZES = size((10_000, 100_000, 1_000_000, 10_000_000), (1_000,))
BATCH = size(100_000, 500)
BATCHES = size(34, 4)
"""Two rounds of folding with ten million ties."""
DEVICES = 5_000
HOUR = 3_600_000_000
NOW = 490_848


def batch(number: int, ties: int) -> pa.Table:
    """One micro-batch inside one hour."""
    dice = np.random.default_rng(number)
    pick = dice.integers(0, ties, BATCH)
    fresh = dice.random(BATCH) < 0.1
    device, remote = pick % DEVICES, np.where(fresh, ties + dice.integers(0, ties, BATCH), pick)
    src = pa.array([f"10.{d >> 16}.{d >> 8 & 255}.{d & 255}" for d in device.tolist()])
    dst = pa.array([f"{20 + (r >> 24)}.{r >> 16 & 255}.{r >> 8 & 255}.{r & 255}" for r in remote.tolist()])
    times = pa.array(np.sort(NOW * HOUR + dice.integers(0, HOUR, BATCH)), schema.TIME)
    columns = {
        "event_id": pa.array(np.arange(BATCH) + number * BATCH), "time": times, "src_ip": src, "dst_ip": dst,
        "dst_port": pa.array(np.full(BATCH, 443, dtype=np.int32)), "device": src, "remote": dst,
        "direction": pa.array(["outbound"] * BATCH), "transport": pa.array(["tcp"] * BATCH),
        "state": pa.array(["SF"] * BATCH), "src_bytes": pa.array(dice.integers(100, 10_000, BATCH)),
        "dst_bytes": pa.array(dice.integers(100, 100_000, BATCH)), "duration_us": pa.array(dice.integers(1, 10**7, BATCH)),  # noqa: E501
    }  # fmt: skip
    return schema.conform("connection", columns)


def fill(pattern: PatternOfLife, ties: int) -> None:
    """That many address ties, as if learned an hour ago."""
    alias = pattern.state.alias
    pattern.state.engine.execute(
        f"""INSERT INTO {alias}.ties
            SELECT xor(subject, value), subject, 0, value, pow(2, {NOW - 438_289} / 336.0), {NOW - 1}
            FROM (SELECT (hash('device', '10.' || (d >> 16) || '.' || (d >> 8 & 255) || '.' || (d & 255)) >> 1)::BIGINT
                    AS subject, (hash('endpoint', 'out', (20 + (r >> 24)) || '.' || (r >> 16 & 255) || '.'
                    || (r >> 8 & 255) || '.' || (r & 255)) >> 1)::BIGINT AS value
                  FROM (SELECT i AS r, i % {DEVICES} AS d FROM range({ties}) t(i)));
            INSERT INTO {alias}.totals SELECT subject, kind, sum(weight), count(*) FROM {alias}.ties GROUP BY ALL"""  # noqa: S608
    )
    pattern.state.compact(pattern.settings.max_ties)


DAY = 20_000_000


def whole_day(ties: int) -> str:
    """One line: 20 million flows of a day, encoded, to the surprise of every choice in them (the summary set)."""
    with tempfile.TemporaryDirectory() as folder:
        engine, pattern = _opened(folder)
        fill(pattern, ties)
        execute = pattern.state.engine.execute
        execute(f"CREATE TEMP TABLE day_rows AS {_DAY_ROWS.format(ties=ties)}")
        execute("CREATE OR REPLACE TEMP VIEW baseline_rows AS FROM day_rows")
        score = plans(pattern.settings.half_life_days * 24).score
        start = time.perf_counter()
        for name in ("choices", "seen", "sums", "judged"):
            execute(f"CREATE OR REPLACE TEMP TABLE baseline_{name} AS {score[name]}")
        taken = time.perf_counter() - start
        choices = execute("SELECT count(*) FROM baseline_judged").fetchall()[0][0]
        engine.close()
    return f"{DAY:,} flows, {choices:,} choices: {taken:.1f} s, {DAY / taken:,.0f} flows/s"


_ENDPOINT = """(hash('endpoint', 'out', (20 + (r >> 24)) || '.' || (r >> 16 & 255) || '.' || (r >> 8 & 255) || '.'
    || (r & 255)) >> 1)::BIGINT"""
# Each device comes back to the same 200 of its ties all day; the rest of the history is older.
_DAY_ROWS = f"""
    WITH pairs AS (
        SELECT r, r % {DEVICES} AS d, {_ENDPOINT} AS endpoint,
            (hash('device', '10.' || (d >> 16) || '.' || (d >> 8 & 255) || '.' || (d & 255)) >> 1)::BIGINT AS actor
        FROM (SELECT range AS r FROM range(least({{ties}}, {200 * DEVICES})))
    )
    SELECT i AS row, actor, (hash('role', 'unknown') >> 1)::BIGINT AS grp, {NOW} + i % 24 AS hour, false AS inbound,
        endpoint, NULL::BIGINT AS network, (hash('service', 'out', 'tcp', 443) >> 1)::BIGINT AS service,
        NULL::BIGINT AS name, NULL::BIGINT AS account, NULL::BIGINT AS agent,
        (hash('slot', i % 24) >> 1)::BIGINT AS slot
    FROM range({DAY}) t(i) JOIN pairs ON pairs.r = i % least({{ties}}, {200 * DEVICES})"""  # noqa: S608


def measure(ties: int) -> str:
    """One line of the table. The history is written by another process, so that memory is that of scoring alone."""
    with tempfile.TemporaryDirectory() as folder:
        writer = multiprocessing.get_context("spawn").Process(target=_written, args=(folder, ties))
        writer.start()
        writer.join()
        engine, pattern = _opened(folder)
        pattern.learn(pattern.score({"connection": batch(0, ties)}))  # files are warm
        taken, used = [], []
        for number in range(1, BATCHES + 1):
            tables = {"connection": batch(number, ties)}
            start, busy = time.perf_counter(), time.process_time()
            pattern.learn(pattern.score(tables))
            taken.append(time.perf_counter() - start)
            used.append(time.process_time() - busy)
        size = pattern.status().sizes["bytes"] / 1e6
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        bare = bare_loop(pattern.state.engine, pattern.state.alias)
        engine.close()
    figures = (BATCH / statistics.mean(taken), BATCH / statistics.mean(used), bare, statistics.median(taken) * 1e3,
               max(taken) * 1e3, size, memory)  # fmt: skip
    return f"| {ties:,} | " + " | ".join(f"{figure:,.0f}" for figure in figures) + " |"


def bare_loop(engine: duckdb.DuckDBPyConnection, alias: str) -> float:
    """Flows/s of looking 100,000 ties up and appending them, rolled back at the end."""
    dice = np.random.default_rng(0)
    known = engine.execute(f"SELECT tie FROM {alias}.ties USING SAMPLE {BATCH} ROWS").fetchnumpy()["tie"]  # noqa: S608
    taken = []
    engine.execute("BEGIN")
    for _ in range(BATCHES // 4):
        pick = np.where(dice.random(BATCH) < 0.1, dice.integers(0, 1 << 62, BATCH), dice.choice(known, BATCH))
        batch = pa.table({"tie": pick})
        start = time.perf_counter()
        engine.register("bare", batch)
        engine.execute(
            f"""CREATE OR REPLACE TEMP TABLE bare_found AS
                SELECT tie, sum(weight) AS weight, max(last) AS last FROM {alias}.ties
                SEMI JOIN (SELECT DISTINCT tie FROM bare WHERE tie % 2 < 2) USING (tie) GROUP BY tie;
                INSERT INTO {alias}.ties SELECT tie, 0, 0, tie, coalesce(weight, 1), {NOW}
                FROM bare LEFT JOIN bare_found USING (tie)"""  # noqa: S608
        )
        taken.append(time.perf_counter() - start)
    engine.execute("ROLLBACK")
    engine.unregister("bare")
    return BATCH / statistics.mean(taken)


def _opened(folder: str) -> tuple[duckdb.DuckDBPyConnection, PatternOfLife]:
    engine = duckdb.connect(config={"memory_limit": "600MB", "temp_directory": folder})
    return engine, PatternOfLife(engine, settings=BaselineSettings(warm_up_days=0.0), directory=Path(folder) / "state")


def _written(folder: str, ties: int) -> None:
    engine, pattern = _opened(folder)
    fill(pattern, ties)
    engine.close()


def main() -> None:
    """Print the table."""
    load = os.getloadavg()[0]
    if sys.argv[1:] == ["day"]:
        print(f"{os.cpu_count()} cores, load {load:.1f} at the start; {whole_day(SIZES[-1])}")
        return
    print(f"{os.cpu_count()} cores, load {load:.1f} at the start, micro-batches of {BATCH:,} flows, {BATCHES} each\n")
    print(
        "| ties | flows/s | per processor s | bare loop, flows/s | median ms | worst ms | state MB | peak memory MB |"
    )
    print("|---:|---:|---:|---:|---:|---:|---:|---:|")
    for ties in [int(text) for text in sys.argv[1:]] or SIZES:
        print(measure(ties), flush=True)


if __name__ == "__main__":
    main()
