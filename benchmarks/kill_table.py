"""A run with ``--store`` killed at chosen operations of its own, then the same run again: is what is kept equal?

In: nothing, or ``--points N`` (default 200 for each input) and names of inputs. Out: for each input, by what the run
was doing when it was killed (SIGKILL before an operation on a file, or when half of it was written; while it reads, at
a moment), what was left: nothing of the run, incidents that nobody was told of, or all; and of how many all this holds
after the same run again:

* everything kept equals that of a run nobody killed: incidents with their findings, evidence and records, decisions,
  every table of the pattern of life, every kept row of events, what the next run begins with, and the names of all
  files;
* news was marked as told only when the report was there, whole; what was not marked is news again in the second
  report, and what was marked is not.

Every other point begins with the store of a run over the first part of the input. Status 1 when anything differs.
Each run is a forked child of this process, which has imported everything: all its moments are the command's.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import struct
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

from benchmarks import faults, size
from benchmarks.faults import Operation

LATEST = datetime(2026, 6, 21, 7, tzinfo=UTC)
POINTS = size(200, 6)
SEED = 12
Json = dict[str, Any]


def web_log(folder: Path, first: bool) -> None:
    """The example's probes among ordinary requests; before them only the latter."""
    probes = files("kanaria.app").joinpath("examples/home-server-access.log").read_text("utf-8")
    moments = (LATEST - timedelta(days=1) + timedelta(seconds=7 * n) for n in range(2_000))
    ordinary = "".join(
        f'192.0.2.{n % 250 + 1} - - [{moment:%d/%b/%Y:%H:%M:%S} +0000] "GET /{n % 40} HTTP/1.1" 200 512 "-" "x"\n'
        for n, moment in enumerate(moments)
    )
    (folder / "access.log").write_text(ordinary if first else ordinary + probes, "utf-8")


def capture(folder: Path, first: bool) -> None:
    """The last hours of the example: around the break-in, and then the mining."""
    data = files("kanaria.app").joinpath("examples/dns-server.pcap").read_bytes()
    parts, at = {"a.pcap": bytearray(data[:24]), "b.pcap": bytearray(data[:24])}, 24
    (begin,) = struct.unpack_from("<I", data, at)
    while at < len(data):
        seconds, _fraction, kept, _whole = struct.unpack_from("<IIII", data, at)
        slot = (seconds - begin) // 600
        if slot >= 1189:
            parts["a.pcap" if slot < 1205 else "b.pcap"] += data[at : at + 16 + kept]
        at += 16 + kept
    for name, part in list(parts.items())[: 1 if first else 2]:
        (folder / name).write_bytes(part)


def zeek(folder: Path, first: bool) -> None:
    """Two days of an office's connections, and a device that asks for a pool; before it the first of them."""
    logs: dict[str, list[Json]] = {"conn.log": [], "ssl.log": []}
    for n in range(300 if first else 600):
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


INPUTS: dict[str, Callable[[Path, bool], None]] = {"web log": web_log, "capture": capture, "Zeek folder": zeek}
REPORT = "report.json"
PHASES = {"opening": 0.1, "reading": 0.1, "learning": 0.15, "committing": 0.35, "reporting": 0.15, "telling": 0.15}
"""What a run does one after another, and which share of the points is there: most where it keeps and tells."""
LEFT = ("nothing kept", "kept, not told", "told")


@dataclass(frozen=True)
class Fault:
    """What is to happen to a run: at its n-th operation, or after so many seconds."""

    what: str
    number: int = 0
    seconds: float | None = None


def run(inputs: Path, place: Path, fault: Fault | None = None, below: str = "") -> tuple[str, float]:
    """``kanaria analyze inputs --store place/store`` in a child; how it ended, and after how many seconds. What it did
    with files in ``place`` (or in ``below`` it) is logged beside it when there is a fault."""
    begun = time.monotonic()
    sys.stdout.flush()  # what waits to be printed here is no word of the child's
    child = os.fork()
    if child == 0:
        if fault and fault.seconds is None:
            faults.arm(fault.what, fault.number, place / below, _log(place))
        store, report = place / "store", place / REPORT
        _command(["analyze", str(inputs), "--store", str(store), "--format", "json", "-o", str(report)], place.parent)
    if fault and fault.seconds is not None:
        time.sleep(max(0.0, begun + fault.seconds - time.monotonic()))
        os.kill(child, signal.SIGKILL)
    _pid, status = os.waitpid(child, 0)
    took = time.monotonic() - begun
    if os.WIFSIGNALED(status):
        return "killed", took
    code = os.waitstatus_to_exitcode(status)
    return ("ended" if code in (0, 1) else f"failed with status {code}: {(place.parent / 'err').read_text()}"), took


def _log(place: Path) -> Path:
    return place.with_name(f"{place.name}.log")


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


def kept(place: Path) -> Json:
    """Everything a run keeps that must not depend on whether it was killed."""
    store = place / "store"
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
    found["files"] = sorted(str(path.relative_to(place)) for path in place.rglob("*") if not path.name.endswith("-shm"))
    found["events"] = _events(store)
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


def _events(store: Path) -> list[tuple[str, str]]:
    """Every row of the files that the store lists; there are no others."""
    import duckdb

    with sqlite3.connect(store / "incidents.sqlite") as db:
        parts = db.execute("SELECT kind, file FROM part ORDER BY file").fetchall()
    db.close()
    there = sorted(os.listdir(store / "events")) if (store / "events").is_dir() else []
    rows = [("not listed", file) for file in set(there) - {file for _, file in parts}]
    with duckdb.connect() as engine:
        for kind, file in parts:
            found = engine.execute("FROM read_parquet(?)", [str(store / "events" / file)])
            rows += [(kind, repr(row)) for row in found.to_arrow_table().to_pylist()]
    return sorted(rows)


def differing(one: Json, other: Json) -> list[str]:
    """Names of what is not equal."""
    return [name for name in {**one, **other} if one.get(name) != other.get(name)]


def news(place: Path) -> dict[str, str]:
    """What the report tells somebody of: ids, and what kind of news it is. Empty where there is no report."""
    if not (place / REPORT).exists():
        return {}
    incidents = json.loads((place / REPORT).read_text("utf-8"))["incidents"]
    return {item["id"]: item["alert"]["kind"] for item in incidents if item["alert"]["tell"]}


@dataclass(frozen=True)
class Begun:
    """Where a run begins (``before``, None for no store), and what it comes to when nobody kills it."""

    inputs: Path
    before: Path | None
    whole: Json
    told: dict[str, str]
    operations: dict[str, list[int]]
    """Numbers of operations by what the run is doing."""
    seconds: float


def begun(inputs: Path, folder: Path, before: Path | None) -> Begun:
    """Run it undisturbed. Raises SystemExit when that fails, or when there is nothing to tell."""
    place = copied(before, folder)
    ended, took = run(inputs, place, Fault("count"))
    told = news(place) if ended == "ended" else {}
    if not told:
        raise SystemExit(f"{inputs}: {ended}, tells of {len(told)} incidents")
    doing = _doing(faults.operations(_log(place)), place)
    return Begun(inputs=inputs, before=before, whole=kept(place), told=told, operations=doing, seconds=took)


def copied(before: Path | None, place: Path) -> Path:
    if before:
        shutil.copytree(before, place)
    else:
        place.mkdir()
    return place


def _doing(done: Sequence[Operation], place: Path) -> dict[str, list[int]]:
    """The operations by what the run is doing."""
    names = [os.path.relpath(one.path, place) for one in done]
    report = max(at for at, name in enumerate(names) if name == REPORT)
    commit = _last_transaction(done[:report], f"{place / 'store' / 'incidents.sqlite'}")
    found: dict[str, list[int]] = {name: [] for name in PHASES}
    for at, (one, name) in enumerate(zip(done, names, strict=True)):
        if one.number in commit:
            phase = "committing"
        elif name.startswith("store/baseline"):
            phase = "learning"
        elif not name.startswith("store"):
            phase = "reporting"
        else:
            phase = "telling" if at > report else "opening"
        found[phase].append(one.number)
    return found


def _last_transaction(done: Sequence[Operation], database: str) -> frozenset[int]:
    """Numbers of the operations of the last one that wrote: for each the database is opened, and closed by removing
    its journal."""
    group: list[int] = []
    last: list[int] = []
    for one in done:
        if one.path.startswith(database):
            group.append(one.number)
        if one.name == "remove" and one.path == f"{database}-wal":
            last, group = group if len(group) > 1 else last, []
    return frozenset(last)


def faults_of(ways: Sequence[Begun], points: int) -> Iterator[tuple[str, Begun, Fault]]:
    """What a run is doing at each point, where it begins, and what happens to it. The same for the same seed."""
    seeded = random.Random(SEED)
    done = {phase: share for phase, share in PHASES.items() if phase == "reading" or _operations(ways, phase)}
    for phase, share in done.items():
        for point in range(round(points * share / sum(done.values()))):
            way = ways[point % len(ways)]
            if phase == "reading":
                yield phase, way, Fault("kill", seconds=way.seconds * seeded.uniform(0.1, 0.9))
            else:
                yield phase, way, Fault(seeded.choice(("kill", "kill", "torn")), seeded.choice(way.operations[phase]))


def _operations(ways: Sequence[Begun], phase: str) -> bool:
    """Whether all of them have operations then: a web log teaches nothing, and its points are in the other phases."""
    return all(way.operations[phase] for way in ways)


def point(way: Begun, fault: Fault, place: Path) -> tuple[str, list[str]]:
    """What a run that was killed there left, and what is wrong after the same run again."""
    copied(way.before, place)
    run(way.inputs, place, fault)
    left, first = left_by(way, place), news(place)
    again, _took = run(way.inputs, place)
    if again != "ended":
        return left, [again]
    wrong = differing(way.whole, kept(place))
    if left == "told" and first != way.told:
        wrong.append("marked as told without a whole report")
    if news(place) != ({} if left == "told" else way.told):
        wrong.append("what the second report tells")
    return left, wrong


def left_by(way: Begun, place: Path) -> str:
    """One of ``LEFT``: state and incidents are kept together, so either says whether they are."""
    older = {number for number, _incident, _told in _news_rows(way.before)}
    rows = [row for row in _news_rows(place) if row[0] not in older]
    waits = {incident for _number, incident, told in rows if told is None}
    if set(way.told) <= waits:
        return LEFT[1]
    return LEFT[2] if set(way.told) <= {incident for _number, incident, _told in rows} - waits else LEFT[0]


def _news_rows(place: Path | None) -> list[tuple[int, str, str | None]]:
    if place is None or not (place / "store" / "incidents.sqlite").is_file():
        return []
    with sqlite3.connect(f"file:{place / 'store' / 'incidents.sqlite'}?mode=ro", uri=True) as db:
        made = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'news'").fetchone()
        rows = db.execute("SELECT number, incident, told FROM news").fetchall() if made else []
    db.close()
    return rows


def ways(name: str, folder: Path) -> list[Begun]:
    """An input read with no store there, and with that of its first part."""
    inputs, first = folder / "inputs", folder / "first"
    for place, only_first in ((inputs, False), (first, True)):
        place.mkdir()
        INPUTS[name](place, only_first)
    before = folder / "before"
    before.mkdir()
    inputs.rename(folder / "later")
    first.rename(inputs)  # the same name, so that it is the same input
    run(inputs, before)
    shutil.rmtree(inputs)
    (folder / "later").rename(inputs)
    return [begun(inputs, folder / "whole", None), begun(inputs, folder / "whole after", before)]


def rows(name: str, points: int, folder: Path) -> Iterator[tuple[list[str], bool]]:
    """The lines of an input, and whether all was equal."""
    warm(name, folder / "warm")
    both = ways(name, folder)
    print(f"{name}: runs take {', '.join(f'{way.seconds:.2f} s' for way in both)}", file=sys.stderr, flush=True)
    seen: dict[str, Counter[str]] = {phase: Counter() for phase in PHASES}
    for number, (phase, way, fault) in enumerate(faults_of(both, points)):
        place = folder / f"{number}"
        left, wrong = point(way, fault, place)
        seen[phase].update([left, "wrong" if wrong else "equal"])
        for one in wrong:
            print(f"{name}, {phase}, {fault} ({left}): {one}", file=sys.stderr, flush=True)
        if not wrong:
            shutil.rmtree(place)
    for phase, counted in seen.items():
        done = counted["equal"] + counted["wrong"]
        cells = [name, phase, str(done), *(str(counted[left]) for left in LEFT), str(counted["equal"])]
        if done:
            yield cells, not counted["wrong"]


def warm(name: str, folder: Path) -> None:
    """A run in this process: children find every module and all compiled code there."""
    from click.testing import CliRunner

    from kanaria.app.commands.main import cli

    (folder / "inputs").mkdir(parents=True)
    INPUTS[name](folder / "inputs", False)
    CliRunner().invoke(cli, ["analyze", str(folder / "inputs"), "--store", str(folder / "store")])


def main(arguments: Sequence[str] = ()) -> int:
    """Print the table; status 1 when anything differs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kill_table")
    parser.add_argument("--points", type=int, default=POINTS)
    parser.add_argument("inputs", nargs="*", help=f"of {', '.join(INPUTS)}")
    asked = parser.parse_args(arguments)
    good = True
    faults.preloaded("benchmarks.kill_table", arguments)
    with tempfile.TemporaryDirectory(prefix="kill-table-") as folder:
        print(f"| input | killed while | points | {' | '.join(LEFT)} | equal after the same run again |")
        print("|---|---|---|---|---|---|---|")
        for number, name in enumerate(asked.inputs or INPUTS):
            place = Path(folder) / f"{number}"
            place.mkdir()
            for cells, equal in rows(name, asked.points, place):
                print(f"| {' | '.join(cells)} |", flush=True)
                good = good and equal
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
