"""Log sources that go silent: against their own rhythm, while others go on, once, and never at the end of a file."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from kanaria.baseline.silence import Silence
from kanaria.baseline.silent_files import GivenFile
from kanaria.core.schema import from_rows

START = datetime(2026, 3, 2, tzinfo=UTC)
Record = tuple[str, float, str]  # host, hours since START, file


def slices(records: Iterable[Record], hours: float = 24) -> list[dict[str, pa.Table]]:
    """Logon tables of a day each, in order of time."""
    parts: dict[int, list[dict[str, object]]] = {}
    for number, (host, hour, file) in enumerate(sorted(records, key=lambda record: record[1]), 1):
        row = {
            "time": START + timedelta(hours=hour), "source": file, "line": number, "event_id": number, "host_name": host,
            "device": host,
        }  # fmt: skip
        parts.setdefault(int(hour // hours), []).append(row)
    return [{"logon": from_rows("logon", rows)} for _, rows in sorted(parts.items())]


def steady(
    host: str, until: float, *, every: float = 0.5, since: float = 0.0, file: str = "remote.log"
) -> list[Record]:
    return [(host, since + every * n + 0.01 * len(host), file) for n in range(int((until - since) / every))]


def told(known: Silence, tables: Sequence[dict[str, pa.Table]]) -> list[dict[str, Any]]:
    return [row for part in tables if "host" in (seen := known.watch(part)) for row in seen["host"].to_pylist()]


def test_a_host_that_stops_while_others_go_on() -> None:
    records = [*steady("gate", 30), *(r for name in ("web", "mail", "files") for r in steady(name, 72))]
    (row,) = told(Silence(), slices(records))
    assert (row["device"], row["kind"], row["time"]) == ("gate", "silence", START + timedelta(hours=29.54))
    assert row["baseline.silent_hours"] == pytest.approx(48 - 29.54, abs=0.6)
    assert (row["baseline.longest_pause_hours"], row["baseline.others_writing"]) == (0.5, 3)
    assert (row["source"], row["line"], row["event_id"]) == ("remote.log", row["event_id"], row["event_id"])


def test_it_is_told_once_and_again_only_after_it_spoke() -> None:
    others = [r for name in ("web", "mail", "files") for r in steady(name, 24 * 9)]
    records = [*steady("gate", 30), *steady("gate", 24 * 5, since=24 * 4), *others]
    assert [row["device"] for row in told(Silence(), slices(records))] == ["gate", "gate"]


@pytest.mark.parametrize(
    "records",
    [
        pytest.param([r for name in ("a", "bb", "ccc") for r in steady(name, 40)], id="the end of the file"),
        pytest.param([*steady("a", 30), *steady("bb", 200)], id="one other is nobody"),
        pytest.param(
            [*steady("a", 30, file="a.log"), *(r for n in ("bb", "cc", "dd") for r in steady(n, 99, file="b.log"))],
            id="another log goes on",
        ),
        pytest.param(
            [
                *(r for n in ("a", "b", "c", "d") for r in steady(n, 30)),
                *(r for n in ("ee", "ff") for r in steady(n, 99)),
            ],
            id="most stop together: the collector",
        ),
        pytest.param([*steady("a", 20), *(r for n in ("bb", "cc", "dd") for r in steady(n, 99))], id="less than a day"),
        pytest.param(
            [*steady("a", 96, every=9), *(r for n in ("bb", "cc", "dd") for r in steady(n, 200))], id="rarely writes"
        ),
    ],
)
def test_what_is_no_silence(records: list[Record]) -> None:
    assert told(Silence(), slices(records)) == []


def test_rotation_is_one_log() -> None:
    records = [*steady("gate", 30), *(r for name in ("web", "mail", "files") for r in steady(name, 72))]
    names = {0: "remote.log.2.gz", 1: "remote.log-20260303", 2: "remote.log"}
    rotated = [(host, hour, names[int(hour // 24)]) for host, hour, _ in records]
    assert [row["device"] for row in told(Silence(), slices(rotated))] == ["gate"]


def test_nights_and_weekends_are_no_silence_once_known() -> None:
    chance = random.Random(7)
    records = [
        (host, 24.0 * day + chance.uniform(8, 18), "remote.log")
        for host in ("ann", "ben", "cat", "dan")
        for day in range(28)
        if day % 7 < 5
        for _ in range(20)
    ]
    records += [r for name in ("web", "mail", "files") for r in steady(name, 24 * 28)]
    assert told(Silence(), slices(records)) == []


def test_what_was_learned_is_there_in_the_next_run() -> None:
    others = [r for name in ("web", "mail", "files") for r in steady(name, 72)]
    first, *later = slices([*steady("gate", 35), *others], hours=36)
    known = Silence()
    assert told(known, [first]) == []
    known = Silence(json.loads(json.dumps(known.dump())))
    assert [row["device"] for row in told(known, later)] == ["gate"]
    assert told(Silence(known.dump()), later) == [], "told already"


def test_other_rows_of_the_table_stay() -> None:
    known, parts = Silence(), slices([*steady("gate", 30), *(r for n in ("x", "y", "z") for r in steady(n, 72))])
    cpu = from_rows("host", [{"event_id": 9, "kind": "cpu"}])
    rows = [row for part in parts for row in known.watch({**part, "host": cpu})["host"].to_pylist()]
    assert sorted(row["kind"] for row in rows) == ["cpu", "cpu", "cpu", "silence"]
    assert known.watch({"dns": cpu}) == {"dns": cpu}


@settings(max_examples=15, deadline=None)
@drawn(st.integers(0, 10**6), st.floats(0.05, 1.0), st.integers(2, 6))
def test_steady_chance_alone_is_no_silence(seed: int, mean: float, hosts: int) -> None:
    records: list[Record] = []
    chance = random.Random(seed)
    for host in range(hosts):
        hour = 0.0
        while hour < 24 * 10:
            hour += chance.expovariate(1 / mean)
            records.append((f"h{host}", hour, "remote.log"))
    assert told(Silence(), slices(records)) == []


def microseconds(hour: float) -> int:
    return round((START + timedelta(hours=hour)).timestamp() * 1e6)


def own_files(until: float = 72, **ends: float) -> list[Record]:
    """Each host writes into a file of its own, the named ones until an hour of their own."""
    hosts = {"web": until, "mail": until, "files": until, **ends}
    return [record for host, end in hosts.items() for record in steady(host, end, file=f"remote/{host}/auth.log")]


def given(records: Sequence[Record], *, again: bool = False, copied: float | None = None) -> dict[str, GivenFile]:
    """The files as the hosts left them, or as a copy made at some hour."""
    last: dict[str, float] = {}
    for _, hour, file in records:
        last[file] = max(hour, last.get(file, 0.0))
    changed = {file: microseconds(hour if copied is None else copied) for file, hour in last.items()}
    return {file: GivenFile(when, again) for file, when in changed.items()}


def at_the_end(records: Sequence[Record], files: dict[str, GivenFile] | None = None) -> list[str]:
    known = Silence()
    assert told(known, slices(records)) == [], "only the end of the run can tell"
    rows = known.at_the_end(given(records) if files is None else files)
    return [] if rows is None else [row["device"] for row in rows.to_pylist()]


def test_a_file_of_its_own_that_ends_while_the_others_go_on() -> None:
    known, records = Silence(), own_files(gate=40)
    told(known, slices(records))
    rows = known.at_the_end(given(records))
    assert rows is not None
    (row,) = rows.to_pylist()
    assert (row["device"], row["kind"], row["source"]) == ("gate", "silence", "remote/gate/auth.log")
    assert (row["baseline.silent_hours"], row["baseline.others_writing"]) == (pytest.approx(32, abs=0.6), 3)
    assert known.at_the_end(given(records)) is None, "told already"


def test_nothing_new_in_the_next_run_while_the_others_have() -> None:
    records = own_files(gate=40)
    known = Silence()
    told(known, slices([record for record in records if record[1] < 40]))
    assert known.at_the_end(given(records, copied=41)) is None
    known = Silence(json.loads(json.dumps(known.dump())))
    told(known, slices([record for record in records if record[1] >= 40]))
    assert known.at_the_end(given(records, copied=73)) is None, "perhaps only an older copy of it was given"
    rows = known.at_the_end(given(records, again=True, copied=73))
    assert rows is not None and rows["device"].to_pylist() == ["gate"]


@pytest.mark.parametrize(
    ("records", "files"),
    [
        pytest.param(own_files(gate=71), None, id="all end together"),
        pytest.param(own_files(gate=40), given(own_files(gate=40), copied=99), id="cut or copied later"),
        pytest.param(
            [(h, t, f.replace("gate/auth.log", "gate/auth.log.1")) for h, t, f in own_files(gate=40)],
            None,
            id="an older part, the current one was not given",
        ),
        pytest.param(
            [(h, t, f.replace("auth.log", f"auth-2026030{2 + int(t // 24)}.log")) for h, t, f in own_files(gate=40)],
            None,
            id="dated parts",
        ),
        pytest.param(
            [*own_files(gate=40), *steady("gate", 72, file="remote/gate/sudo.log")], None, id="writes into another log"
        ),
        pytest.param(own_files(gate=40, web=40, mail=40), None, id="most end together"),
        pytest.param([*steady("gate", 40, file="a.log"), *steady("web", 72, file="b.log")], None, id="one other"),
        pytest.param(
            [*steady("gate", 40, file="gate.log"), *(r for r in own_files(144) if r[1] > 48)], None, id="never together"
        ),
        pytest.param(own_files(gate=20), None, id="less than a day"),
        pytest.param(
            own_files(gate=40), {k: v for k, v in given(own_files(gate=40)).items() if "gate" not in k}, id="not given"
        ),
        pytest.param(own_files(gate=40), {}, id="no files, such as standard input"),
    ],
)
def test_an_end_that_is_no_silence(records: list[Record], files: dict[str, GivenFile] | None) -> None:
    assert at_the_end(records, files) == []


def test_numbered_hosts_with_files_of_their_own_do_not_share_a_log() -> None:
    records = [(host, hour, f"{host}.log") for host in ("node1", "node22", "node333", "node4444") for host, hour, _ in
               steady(host, 40 if host == "node1" else 72)]  # fmt: skip
    assert at_the_end(records, given(records, copied=99)) == []
    assert at_the_end(records) == ["node1"]


@settings(max_examples=10, deadline=None)
@drawn(st.integers(0, 10**6), st.floats(0.05, 1.0), st.integers(3, 6), st.integers(1, 4))
def test_rotated_sets_of_steady_hosts_are_quiet(seed: int, mean: float, hosts: int, parts: int) -> None:
    records: list[Record] = []
    chance = random.Random(seed)
    for host in range(hosts):
        hour = 0.0
        while hour < 24 * 8:
            hour += chance.expovariate(1 / mean)
            part = parts - 1 - min(int(hour // (24 * 8 / parts)), parts - 1)
            records.append((f"h{host}", hour, f"h{host}/auth.log" + (f".{part}" if part else "")))
    assert at_the_end(records) == []


def test_names_that_strangers_write_do_not_drive_out_the_host_that_stops() -> None:
    """Of too many hosts those with a rhythm stay; of the others those heard last."""
    known = Silence(most=10)
    ours = [*steady("gate", 30), *(r for name in ("web", "mail", "files") for r in steady(name, 72))]
    strangers = [(f"stranger-{n}", 31 + n / 100, f"{n % 9}.log") for n in range(500)]
    assert [row["device"] for row in told(known, slices([*ours, *strangers], hours=24))] == ["gate"]
    left = [name for hosts in known.dump().values() for name in hosts]
    assert sorted(left) == sorted(["gate", "web", "mail", "files", *(f"stranger-{n}" for n in range(494, 500))])
    assert known.forgotten == 494
    assert [name for hosts in Silence(known.dump(), most=10).dump().values() for name in hosts] == left
