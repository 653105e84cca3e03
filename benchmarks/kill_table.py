"""A run with ``--store`` killed at evenly spread moments, then the same run again: is what is kept equal?

In: nothing, or ``--points N`` (default 200) and names of inputs. Out: a table of inputs by what became of the killed
runs and whether everything kept equals that of a run nobody killed: incidents with their findings, evidence and
records, decisions, every table of the pattern of life, and what the next run begins with. Status 1 when anything
differs. Each run is a forked child of this process, which has imported everything: all its moments are the command's.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

from benchmarks import size

LATEST = datetime(2026, 6, 21, 7, tzinfo=UTC)
POINTS = size(200, 2)
Json = dict[str, Any]


def web_log(folder: Path) -> None:
    """The example's probes among ordinary requests."""
    probes = files("kanaria.app").joinpath("examples/home-server-access.log").read_text("utf-8")
    moments = (LATEST + timedelta(seconds=7 * n) for n in range(2_000))
    ordinary = "".join(
        f'192.0.2.{n % 250 + 1} - - [{moment:%d/%b/%Y:%H:%M:%S} +0000] "GET /{n % 40} HTTP/1.1" 200 512 "-" "x"\n'
        for n, moment in enumerate(moments)
    )
    (folder / "access.log").write_text(probes + ordinary, "utf-8")


def capture(folder: Path) -> None:
    """The example's break-in and mining."""
    shutil.copyfile(str(files("kanaria.app").joinpath("examples/dns-server.pcap")), folder / "dns-server.pcap")


def zeek(folder: Path) -> None:
    """Two days of an office's connections, and a device that asks for a pool."""
    logs: dict[str, list[Json]] = {"conn.log": [], "ssl.log": []}
    for n in range(600):
        at = (LATEST - timedelta(days=2) + timedelta(minutes=5 * n)).timestamp()
        ends = {"id.orig_h": f"192.168.1.{n % 9 + 20}", "id.orig_p": 40_000 + n}
        ends |= {"id.resp_h": "198.51.100.7", "id.resp_p": 443}
        logs["conn.log"].append(
            {"ts": at, "uid": f"C{n}", **ends, "proto": "tcp", "duration": 9.0, "orig_bytes": 900, "resp_bytes": 4_000,
             "orig_pkts": 9, "resp_pkts": 9, "conn_state": "SF"}
        )  # fmt: skip
        if n % 50 == 7:
            named = {"version": "TLSv12", "server_name": "xmr.pool.minergate.com", "established": True}
            logs["ssl.log"].append({"ts": at, "uid": f"C{n}", **ends, **named})
    for name, rows in logs.items():
        (folder / name).write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")


INPUTS: dict[str, Callable[[Path], None]] = {"web log": web_log, "capture": capture, "Zeek folder": zeek}


def run(inputs: Path, store: Path, kill_after: float | None = None) -> tuple[str, float]:
    """``kanaria analyze inputs --store store`` in a child; how it ended, and after how many seconds."""
    begun = time.monotonic()
    child = os.fork()
    if child == 0:
        _command(["analyze", str(inputs), "--store", str(store), "-o", str(store.parent / "report.txt")], inputs.parent)
    if kill_after is not None:
        time.sleep(max(0.0, begun + kill_after - time.monotonic()))
        os.kill(child, signal.SIGKILL)
    _pid, status = os.waitpid(child, 0)
    took = time.monotonic() - begun
    if os.WIFSIGNALED(status):
        return "killed", took
    code = os.waitstatus_to_exitcode(status)
    return ("ended" if code in (0, 1) else f"failed with status {code}: {(inputs.parent / 'err').read_text()}"), took


def _command(arguments: Sequence[str], folder: Path) -> None:
    """Never returns."""
    status = 70
    try:
        with (folder / "err").open("w") as err:
            os.dup2(err.fileno(), 1)
            os.dup2(err.fileno(), 2)
        sys.argv = ["kanaria", *arguments]
        from kanaria.app.commands.main import main as kanaria

        kanaria()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0
    finally:
        os._exit(status)


def kept(store: Path) -> Json:
    """Everything a store holds that must not depend on whether a run was killed."""
    with sqlite3.connect(store / "incidents.sqlite") as db:
        found = {name: sorted(db.execute(query).fetchall(), key=repr) for name, query in _KEPT.items()}
        documents = dict(db.execute("SELECT id, document FROM incident WHERE state <> 'merged'").fetchall())
        state = dict(db.execute("SELECT name, content FROM state").fetchall())
    db.close()
    # What was told before, and how many runs there were, is another story for a run that was read twice.
    texts = [json.loads(text) for _, text in sorted(documents.items())]
    found["documents"] = [{name: value for name, value in text.items() if name not in _ABOUT_RUNS} for text in texts]
    for name, packed in state.items():
        found[f"state {name}"] = _same(json.loads(zlib.decompress(packed)))
    found["normal"] = list(_normal(store))
    return found


_KEPT = {
    "incident": "SELECT id, state, severity, first_seen, last_seen FROM incident",
    "finding": "SELECT id, incident, rule, content FROM finding",
    "evidence": "SELECT incident, number, id, record, content FROM evidence",
    "record": "SELECT id, source, line, time, quote FROM record",
    "decision": "SELECT incident, was, became FROM decision",
    "pair": "SELECT incident, device, remote FROM pair",
    "waiting": "SELECT incident FROM news WHERE told IS NULL",
}
_ABOUT_RUNS = frozenset({"alert", "report", "similar"})
"""The report says what is new of an incident; which incidents are alike is asked of those kept before."""


def _same(part: Any) -> Any:
    """A part of the state without the numbers of runs and generations."""
    if isinstance(part, dict):
        return {key: _same(value) for key, value in part.items() if key not in {"run", "generation"}}
    return [_same(value) for value in part] if isinstance(part, list) else part


def _normal(store: Path) -> Iterator[tuple[str, list[str]]]:
    """Every table of the pattern of life."""
    import duckdb

    for path in sorted((store / "baseline").glob("*.duckdb")):
        with duckdb.connect(str(path), read_only=True) as engine:
            for (name,) in engine.execute("SELECT table_name FROM duckdb_tables() ORDER BY table_name").fetchall():
                yield name, sorted(map(repr, engine.execute(f'FROM "{name}"').fetchall()))


def differing(one: Json, other: Json) -> list[str]:
    """Names of what is not equal."""
    return [name for name in one if one[name] != other.get(name)]


def table_row(name: str, points: int, folder: Path) -> tuple[list[str], bool]:
    """One line of the table, and whether all was equal."""
    inputs = folder / "inputs"
    inputs.mkdir()
    INPUTS[name](inputs)
    whole = folder / "whole" / "store"
    whole.parent.mkdir()
    (folder / "warm").mkdir()
    run(inputs, folder / "warm" / "store")  # the first run reads modules and compiled code from the disk
    ended, took = run(inputs, whole)
    if ended != "ended":
        return [name, ended], False
    print(f"{name}: a run takes {took:.2f} s", file=sys.stderr, flush=True)
    truth, seen, wrong = kept(whole), Counter[str](), Counter[str]()
    for point in range(points):
        place = folder / f"{point}"
        place.mkdir()
        state = _killed(inputs, place / "store", took * _moment(point, points))
        seen[state] += 1
        again, _took = run(inputs, place / "store")
        found = [again] if again != "ended" else differing(truth, kept(place / "store"))
        wrong.update(found)
        for one in found:
            print(f"{name}, point {point} ({state}): {one}", file=sys.stderr, flush=True)
        shutil.rmtree(place)
    cells = [str(seen[state]) for state in ("nothing kept", "kept, not told", "told")]
    return [name, str(points), *cells, f"differs: {dict(wrong)}" if wrong else str(points)], not wrong


def _moment(point: int, points: int) -> float:
    """Half of the moments are spread over the run, half over its last fifth, where it keeps and tells."""
    half = points // 2
    return (point + 0.5) / half if point < half else 0.8 + 0.22 * (point - half + 0.5) / (points - half)


def _killed(inputs: Path, store: Path, after: float) -> str:
    """What a run that was killed then left."""
    run(inputs, store, after)
    if not (store / "incidents.sqlite").is_file():
        return "nothing kept"
    with sqlite3.connect(f"file:{store / 'incidents.sqlite'}?mode=ro", uri=True) as db:
        made = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'news'").fetchone()
        rows = db.execute("SELECT count(*), count(told) FROM news").fetchone() if made else (0, 0)
    db.close()
    return "nothing kept" if not rows[0] else "told" if rows[0] == rows[1] else "kept, not told"


def main(arguments: Sequence[str] = ()) -> int:
    """Print the table; status 1 when anything differs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kill_table")
    parser.add_argument("--points", type=int, default=POINTS)
    parser.add_argument("inputs", nargs="*", help=f"of {', '.join(INPUTS)}")
    asked = parser.parse_args(arguments)
    import kanaria.app.run.analyze
    import kanaria.baseline.pattern
    import kanaria.store.incidents  # noqa: F401  (imported before the children are)

    print("| input | points | nothing kept | kept, not told | told | equal after the same run again |")
    print("|---|---|---|---|---|---|")
    good = True
    for name in asked.inputs or INPUTS:
        with tempfile.TemporaryDirectory(prefix="kill-table-") as folder:
            row, equal = table_row(name, asked.points, Path(folder))
            print(f"| {' | '.join(row)} |", flush=True)
            good = good and equal
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
