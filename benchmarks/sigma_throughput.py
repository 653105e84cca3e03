"""Rules times events: Kanaria's rule engine and pySigma's SQLite backend over the same events in one run.

Run ``python -m benchmarks.sigma_throughput``; prints a Markdown table of events per second. Nothing hits, as on an
ordinary day, except in the last column, where one event in a thousand does.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pyarrow as pa
import yaml
from sigma.collection import SigmaCollection

from benchmarks import size
from kanaria.core.schema import TABLES
from kanaria.detect import Detector, RuleSet, load

EVENTS = size(500_000, 5_000)
SQLITE_EVENTS = size(20_000, 500)  # what the reference finishes in seconds with 1,000 rules
COUNTS = size((1, 100, 1000), (1, 10))


def rule(number: int) -> dict[str, object]:
    """A web rule as the public collections write them: some literals, a status, an exception."""
    return {
        "title": f"Rule {number}",
        "name": f"rule_{number}",
        "logsource": {"category": "webserver"},
        "detection": {
            "path": {"cs-uri-stem|contains": [f"/exploit{number}/shell", f"/cgi-bin/vuln{number}.cgi"]},
            "agent": {"cs-user-agent|contains": f"scanner-{number}/", "sc-status|gte": 200},
            "filter": {"c-ip|startswith": "10.255."},
            "condition": "path or agent and not filter",
        },
    }


def events(count: int, hits: bool) -> pa.Table:
    """Ordinary requests; with ``hits`` every thousandth is for the first rule."""
    urls = [f"/articles/{n % 5000}/index.html?page={n % 7}&session={n:08x}" for n in range(count)]
    if hits:
        urls[::1000] = ["/exploit0/shell?x"] * len(urls[::1000])
    agents = [f"Mozilla/5.0 (X11; Linux x86_64; rv:{n % 90}.0) Gecko/20100101 Firefox/{n % 90}.0" for n in range(count)]
    columns = {
        "event_id": pa.array(range(count), pa.int64()),
        "url": pa.array(urls),
        "user_agent": pa.array(agents),
        "status": pa.array([200 if n % 9 else 404 for n in range(count)], pa.int32()),
        "src_ip": pa.array([f"198.51.100.{n % 250}" for n in range(count)]),
        "method": pa.array(["GET"] * count),
    }
    schema = TABLES["http"].arrow
    return pa.table([columns.get(f.name, pa.nulls(count, f.type)) for f in schema], schema=schema)


def best(action: Callable[[], object], repeats: int = 3) -> float:
    """Seconds of the fastest of a few runs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


def rules_of(count: int) -> tuple[RuleSet, list[str]]:
    documents = [rule(number) for number in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        for number, document in enumerate(documents):
            (Path(folder) / f"{number}.yml").write_text(yaml.safe_dump(document))
        ruleset = load([Path(folder)])
    assert len(ruleset) == count, ruleset.errors[:1]
    return ruleset, _queries(documents)


def _queries(documents: Sequence[dict[str, object]]) -> list[str]:
    """The same rules for SQLite; none where the backend, which only the tests bring, is not installed."""
    if find_spec("sigma.backends.sqlite") is None:
        return []
    from sigma.backends.sqlite import sqliteBackend

    queries = sqliteBackend().convert(SigmaCollection.from_dicts(list(documents)))
    return [str(query).replace("<TABLE_NAME>", "logs") for query in queries]


def reference(table: pa.Table) -> sqlite3.Connection:
    """The same events in a SQLite table with the rules' field names."""
    connection = sqlite3.connect(":memory:")
    connection.execute('CREATE TABLE logs ("cs-uri-stem", "cs-user-agent", "sc-status", "c-ip")')
    rows = zip(*(table[name].to_pylist() for name in ("url", "user_agent", "status", "src_ip")), strict=True)
    connection.executemany("INSERT INTO logs VALUES (?, ?, ?, ?)", rows)
    return connection


def main() -> None:
    """Measure and print."""
    quiet, noisy = events(EVENTS, False), events(EVENTS, True)
    sqlite = reference(quiet.slice(0, SQLITE_EVENTS))
    engine = duckdb.connect()
    print("| rules | Kanaria, events/s | SQLite backend, events/s | ratio | Kanaria with hits, events/s |")
    print("|---:|---:|---:|---:|---:|")
    for count in COUNTS:
        ruleset, queries = rules_of(count)
        detector = Detector(ruleset, engine)
        assert detector.evaluate({"http": quiet}) == []
        assert len(detector.evaluate({"http": noisy})) == 1
        ours = EVENTS / best(lambda d=detector: d.evaluate({"http": quiet}))  # type: ignore[misc]
        hit = EVENTS / best(lambda d=detector: d.evaluate({"http": noisy}))  # type: ignore[misc]
        theirs = SQLITE_EVENTS / best(lambda q=queries: [sqlite.execute(one).fetchall() for one in q], 1)  # type: ignore[misc]
        compared = f"{theirs:,.0f} | {ours / theirs:,.0f}" if queries else "not installed | –"
        print(f"| {count:,} | {ours:,.0f} | {compared} | {hit:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
