"""Requests that a sensor saw are part of a device's life: its programs and the names it asks. A web server's are not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner

from kanaria.app.commands import baseline_answers as life
from kanaria.app.commands.main import cli
from kanaria.app.run.engine import Engine
from kanaria.app.run.setup import Setup, prepare
from kanaria.app.run.understand import enrich
from kanaria.baseline import words
from kanaria.sources import open_inputs
from tests.app.running import Kanaria
from tests.packets.build_packets import START, conversation, pcap

BEGIN = datetime.fromtimestamp(START // 1_000_000, UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
DAYS = 14
DEVICE, PEERS = "192.168.1.20", ("192.168.1.21", "192.168.1.22")
SITE, UPDATES, STRANGE = "198.51.100.10", "198.51.100.20", "203.0.113.80"
BROWSER, UPDATER, TOOL = "Mozilla/5.0 (Example OS 12)", "Updater/{}.1", "Fetch/1.0"


@dataclass(frozen=True)
class Request:
    time: datetime
    src: str
    dst: str
    host: str
    agent: str


def life_of(days: int, *last: Request) -> list[Request]:
    """Days of three devices that browse and look for updates every other hour, and then ``last``."""
    found = []
    for hour in range((DAYS - days) * 24, DAYS * 24, 2):
        for number, device in enumerate((DEVICE, *PEERS)):
            at = BEGIN + timedelta(hours=hour, minutes=number)
            found.append(Request(at, device, SITE, "www.example.org", BROWSER))
            release = UPDATER.format(hour)
            found.append(Request(at + timedelta(minutes=9), device, UPDATES, "updates.example.net", release))
    return [*found, *last]


END = BEGIN + timedelta(days=DAYS, minutes=5)
USUAL = Request(END, DEVICE, SITE, "www.example.org", BROWSER)
FETCHED = Request(END + timedelta(minutes=1), DEVICE, STRANGE, "files.example.com", TOOL)
OTHER_PROGRAM = Request(END + timedelta(minutes=2), PEERS[0], SITE, "www.example.org", TOOL)


HEADERS = 3
"""Lines before the first record of a Zeek log as it is written here."""


def zeek(folder: Path, requests: list[Request]) -> Path:
    names = ["ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "method", "host", "uri", "user_agent"]
    lines = ["#separator \\x09", "#path\thttp", "#fields\t" + "\t".join(names)]
    for number, one in enumerate(requests):
        ends = [one.src, 40_000 + number % 9_000, one.dst, 80]
        values = [f"{one.time.timestamp():.6f}", f"C{number}", *ends, "GET", one.host, "/", one.agent]
        lines.append("\t".join(str(value) for value in values))
    path = folder / "http.log"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def suricata(folder: Path, requests: list[Request]) -> Path:
    path = folder / "eve.json"
    with path.open("w", encoding="utf-8") as out:
        for number, one in enumerate(requests):
            asked = {"hostname": one.host, "url": "/", "http_user_agent": one.agent, "http_method": "GET"}
            ends = {"src_ip": one.src, "src_port": 40_000 + number % 9_000, "dest_ip": one.dst, "dest_port": 80}
            event = {"timestamp": one.time.isoformat(), "flow_id": number, "event_type": "http", "proto": "TCP"}
            out.write(json.dumps({**event, **ends, "http": asked}) + "\n")
    return path


def packets(folder: Path, requests: list[Request]) -> Path:
    frames = []
    for number, one in enumerate(requests):
        asked = f"GET / HTTP/1.1\r\nHost: {one.host}\r\nUser-Agent: {one.agent}\r\n\r\n".encode()
        script = [("c", asked), ("s", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")]
        said = conversation(script, sport=40_000 + number % 9_000, dport=80, src=one.src, dst=one.dst)
        at = int(one.time.timestamp() * 1e6) - START
        frames += [(at + 1_000 * step, frame) for step, frame in enumerate(said)]
    path = folder / "office.pcap"
    path.write_bytes(pcap(frames))
    return path


def access_log(folder: Path, requests: list[Request]) -> Path:
    """A log in which the server's own address stands too."""
    path = folder / "u_ex260601.log"
    lines = ["#Software: Microsoft Internet Information Services 10.0"]
    lines.append(
        "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port c-ip cs(User-Agent) cs-host sc-status"
    )
    for one in requests:
        when = f"{one.time:%Y-%m-%d %H:%M:%S}"
        lines.append(f"{when} {one.dst} GET / - 80 {one.src} {one.agent.replace(' ', '+')} {one.host} 200")
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def passed(engine: Engine, *paths: Path) -> Iterator[dict[str, pa.Table]]:
    """Every batch of a run, scored and learned."""
    for piece in engine.slices(engine.read(open_inputs([str(path) for path in paths]))):
        scored = engine.pattern.score(piece, enrich(piece.tables, engine.setup))
        engine.pattern.learn(piece, scored)
        yield dict(scored)


def scored_requests(setup: Setup, *paths: Path) -> list[dict[str, Any]]:
    with Engine(setup) as engine:
        return [
            row for tables in passed(engine, *paths) for row in (tables["http"].to_pylist() if "http" in tables else ())
        ]


@pytest.mark.parametrize("written", [zeek, suricata, packets])
def test_a_program_and_a_name_a_device_never_used_are_surprising(
    written: Callable[[Path, list[Request]], Path], tmp_path: Path
) -> None:
    rows = scored_requests(prepare(), written(tmp_path, life_of(DAYS, USUAL, FETCHED, OTHER_PROGRAM)))
    released, usual, fetched, other = rows[-4:]
    assert (usual["user_agent"], fetched["user_agent"]) == (BROWSER, TOOL)
    assert (fetched["device"], fetched["direction"]) == (DEVICE, "outbound")
    assert max(usual["baseline.agent_bits"], usual["baseline.name_bits"]) < 2
    assert min(fetched["baseline.agent_bits"], fetched["baseline.name_bits"]) > 5
    assert [row["baseline.anomalous"] for row in (released, usual, fetched)] == [False, False, True]
    assert {row["baseline.learning"] for row in (released, usual, fetched)} == {False}
    # The program alone, where everything else is as ever.
    assert other["baseline.agent_bits"] > 5
    assert max(other["baseline.endpoint_bits"], other["baseline.name_bits"]) < 2
    # The next release of a program is the same program.
    assert released["user_agent"] == UPDATER.format(DAYS * 24 - 2)
    assert released["baseline.agent_bits"] < 2


def said(*arguments: str) -> str:
    """What the command prints."""
    done = CliRunner().invoke(cli, arguments, standalone_mode=False)
    assert done.exception is None, done.exception
    return done.stdout


def test_words_tell_which_programs_are_usual_and_that_one_was_not(tmp_path: Path) -> None:
    requests = life_of(8, USUAL, FETCHED)
    path = zeek(tmp_path, requests)
    store = tmp_path / "store"
    place = f"{path}:{len(requests) + HEADERS}"
    told = list(life.explain_event(place, [str(path)], prepare(store=store), "en"))
    show = ["baseline", "show", DEVICE, "--store", str(store), "--lang", "en"]
    assert said(*show) == f"Nothing is known about {DEVICE}.\n", "it teaches nothing"
    assert said("baseline", "learn", str(path), "--store", str(store), "--lang", "en")
    shown = " ".join(said(*show).split())
    assert told[0] == f"{DEVICE} → {STRANGE}:80"
    assert {"the program that asked", "the name used"} <= {line.partition(" bits: ")[2] for line in told}
    # Learning judges nothing: the odd request of the last minute is in it, with the little weight of one hour.
    assert "Usual names, of 3: example.org (50 %), example.net (49 %), example.com (0.62 %)." in shown
    assert "Usual programs, of 3: Mozilla/ (Example OS ) (50 %), Updater/ (49 %), Fetch/ (0.62 %)." in shown


def test_what_a_web_server_logged_is_no_part_of_any_life(tmp_path: Path) -> None:
    """Not even where the log names the server, and a sensor's records lie beside it."""
    requests = life_of(8, USUAL)
    (tmp_path / "web").mkdir()
    logged, sensed = access_log(tmp_path / "web", life_of(8, FETCHED)), zeek(tmp_path, requests)
    with Engine(prepare()) as engine:
        rows = [
            row for tables in passed(engine, logged, sensed) for row in tables.get("http", pa.table({})).to_pylist()
        ]
        shown = " ".join(said.en for said in words.describe(engine.memory.learned.life(), DEVICE))
    scored = [row for row in rows if row.get("baseline.surprise_bits") is not None]
    assert {row["sensor"]: row["dst_ip"] for row in rows if row["dst_ip"] == SITE} == {"w3c": SITE, "zeek": SITE}
    assert [row["event_id"] for row in scored] == [row["event_id"] for row in rows if row["sensor"] == "zeek"]
    assert (len(rows), len(scored)) == (2 * len(requests), len(requests))
    assert "Usual programs, of 2: " in shown


def test_the_same_records_again_teach_nothing(kanaria: Kanaria, tmp_path: Path) -> None:
    path, store = zeek(tmp_path, life_of(2, USUAL)), tmp_path / "store"
    known = []
    for _run in range(2):
        assert kanaria("analyze", "--store", str(store), str(path)).status == 0
        with Engine(prepare(store=store)) as engine:
            state = engine.memory.learned.life().state
            known.append(state.engine.execute(f"SELECT count(*), sum(log2(weight)) FROM {state.alias}.ties").fetchall())  # noqa: S608
    assert known[0] == known[1]
    assert known[0][0][0] > 0


@pytest.mark.parametrize(("strangers", "sides"), [(3, ("inbound", "198.51.100.5")), (1, ("external", "198.51.100.5"))])
def test_requests_get_the_sides_of_their_connections_where_it_is_certain_who_is_at_home(
    strangers: int, sides: tuple[str, str], tmp_path: Path
) -> None:
    """Of one conversation only, the client counts as ours; a request that attacks its server must not be turned round."""
    talk = [("c", b"GET / HTTP/1.1\r\nHost: www.example.org\r\n\r\n"), ("s", b"HTTP/1.1 200 OK\r\n\r\n")]
    frames = [
        frame
        for number in range(strangers)
        for frame in conversation(talk, dport=80, src=f"203.0.113.{number + 1}", dst="198.51.100.5")
    ]
    (tmp_path / "rented.pcap").write_bytes(pcap(frames))
    rows = scored_requests(prepare(), tmp_path / "rented.pcap")
    assert {(row["direction"], row["device"]) for row in rows} == {sides}
    assert len(rows) == strangers
