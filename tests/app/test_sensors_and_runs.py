"""What sensors saw in several runs with one store is what they saw in one: whose a device is, doubles, and names."""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kanaria.app.run.engine import Engine
from kanaria.app.run.setup import prepare
from kanaria.core.stream import Placed
from kanaria.store.incidents import IncidentStore
from tests.app.running import Done, Kanaria
from tests.app.test_between_runs import mined, runs, told
from tests.app.test_cli_incident import DAY, MINER_HOST, POOL, SERVER, flow
from tests.app.test_earlier_rows import hello
from tests.app.test_same_however_read import Piece
from tests.app.test_what_teaches import write

RENTED, STRANGER = "198.18.7.7", "198.18.0.9"
"""A rented server, which has no private address."""


def rows(store: Path, columns: str, kind: str = "connection") -> list[tuple[Any, ...]]:
    """These columns of all kept rows of a table."""
    with duckdb.connect() as engine:
        places = [str(path) for path in (store / "events").glob(f"{kind}-*")]
        return engine.execute(f"SELECT {columns} FROM read_parquet(?) ORDER BY ALL", [places]).fetchall()  # noqa: S608


def visits(count: int) -> list[str]:
    """Strangers ask the rented server for pages, one a minute; in between it has one thing to ask of somebody."""
    asked = [flow(DAY + timedelta(minutes=n), n, f"198.18.1.{n}", RENTED, 443) for n in range(count)]
    return [*asked, flow(DAY + timedelta(minutes=count), 900, RENTED, STRANGER, 443)]


def test_a_single_conversation_is_of_the_server_that_earlier_runs_showed(kanaria: Kanaria, tmp_path: Path) -> None:
    """Alone it would be the stranger's, who opened it."""
    write(tmp_path / "one.log", visits(30))
    write(tmp_path / "two.log", [flow(DAY + timedelta(hours=2), 950, STRANGER, RENTED, 22)])
    write(tmp_path / "ssl.log", [hello(RENTED, DAY + timedelta(hours=3))])
    apart = runs(kanaria, "apart", ["one.log"], ["two.log"], ["ssl.log"], ["two.log", "ssl.log"])
    whole = runs(kanaria, "whole", ["one.log", "two.log", "ssl.log"])
    (note,) = [note["en"] for note in apart[1].document["notes"] if "counts as yours" in note["en"]]
    assert RENTED in note and note in [said["en"] for said in whole[0].document["notes"]]
    for kind in ("connection", "tls"):
        sides = rows(tmp_path / "whole", "event_id, direction, device, remote", kind)
        assert {device for _id, _direction, device, _remote in sides} == {RENTED}
        assert rows(tmp_path / "apart", "event_id, direction, device, remote", kind) == sides
    assert told(tmp_path / "apart") == told(tmp_path / "whole")


def test_one_private_address_in_any_run_says_that_nobody_has_to_guess(kanaria: Kanaria, tmp_path: Path) -> None:
    write(tmp_path / "office.log", [flow(DAY, 1, "192.168.1.9", STRANGER, 443)])
    write(tmp_path / "public.log", visits(30))
    apart = runs(kanaria, "apart", ["office.log"], ["public.log"])
    runs(kanaria, "whole", ["office.log", "public.log"])
    assert not [note for note in apart[1].document["notes"] if "counts as yours" in note["en"]]
    assert rows(tmp_path / "apart", "event_id, direction") == rows(tmp_path / "whole", "event_id, direction")


def test_what_nobody_counted_before_is_counted_when_it_is_read_again(kanaria: Kanaria, tmp_path: Path) -> None:
    """Whose networks are whose was said in the first run, and is not in the second."""
    write(tmp_path / "one.log", visits(30))
    (said,) = runs(kanaria, "store", ["--home", "198.18.7.0/24", "one.log"])
    (again,) = runs(kanaria, "store", ["one.log"])
    noted = [[note["en"] for note in one.document["notes"] if "counts as yours" in note["en"]] for one in (said, again)]
    assert noted[0] == [] and RENTED in noted[1][0]


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(12, 31), min_size=1, max_size=2, unique=True), again=st.booleans())
def test_whose_the_server_is_does_not_depend_on_the_runs(
    kanaria: Kanaria, tmp_path: Path, cuts: list[int], again: bool
) -> None:
    """From a dozen visitors on nobody else can be meant."""
    lines = visits(30)
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    names = _parts(folder, lines, sorted(cuts))
    inputs = [names[: n + 1] if again else [name] for n, name in enumerate(names)]
    runs(kanaria, str(folder / "apart"), *inputs)
    runs(kanaria, str(folder / "whole"), names)
    apart, whole = (rows(folder / name, "event_id, direction, device") for name in ("apart", "whole"))
    assert apart == whole and {device for _id, _direction, device in whole} == {RENTED}


def _parts(folder: Path, lines: Sequence[str], cuts: Sequence[int]) -> list[str]:
    """The lines in as many files as there are cuts and one more; those with lines are named."""
    edges, names = [0, *cuts, len(lines)], []
    for number, (low, high) in enumerate(itertools.pairwise(edges)):
        if high > low:
            write(folder / f"{number}.log", lines[low:high])
            names.append(str(folder / f"{number}.log"))
    return names


NAME = "xmr.pool.minergate.com"


def asked(at: datetime, address: str = POOL, name: str = NAME, n: int = 1) -> str:
    """A line of Zeek's dns.log: the server asks its resolver for a name."""
    return json.dumps({
        "ts": at.timestamp(), "uid": f"D{n}", "id.orig_h": SERVER, "id.orig_p": 40001 + n, "id.resp_h": "192.168.1.1",
        "id.resp_p": 53, "proto": "udp", "query": name, "qtype_name": "A", "rcode_name": "NOERROR", "answers": [address],
    })  # fmt: skip


def eve(line: str, *, later: float = 0.4) -> str:
    """What Suricata says of a connection in Zeek's words, a little later by its clock."""
    row = json.loads(line)
    begin = datetime.fromtimestamp(row["ts"] + later, UTC)
    end = begin + timedelta(seconds=row["duration"])
    return json.dumps({
        "timestamp": end.isoformat(), "event_type": "flow", "flow_id": row["id.orig_p"], "proto": "TCP",
        "src_ip": row["id.orig_h"], "src_port": row["id.orig_p"], "dest_ip": row["id.resp_h"],
        "dest_port": row["id.resp_p"], "app_proto": "tls",
        "flow": {
            "pkts_toserver": 9, "pkts_toclient": 9, "bytes_toserver": 1400, "bytes_toclient": 1400,
            "start": begin.isoformat(), "end": end.isoformat(), "state": "closed", "reason": "timeout",
        },
    })  # fmt: skip


def conversations() -> list[str]:
    """A server's ordinary day in Zeek's words, with three connections to an address of a pool in it."""
    usual = [flow(DAY + timedelta(minutes=11 * n), n, SERVER, f"198.51.100.{n % 3}", 443) for n in range(60)]
    mined = [flow(DAY + timedelta(hours=5 + n), 100 + n, SERVER, POOL, 443) for n in range(3)]
    return sorted([*usual, *mined], key=lambda line: json.loads(line)["ts"])


def without_ids(store: Path) -> list[tuple[Any, ...]]:
    """What is kept of incidents apart from ids and times, which are those of the sensor that was read first."""
    with IncidentStore(store) as kept:
        return sorted(
            (one.state, one.document["severity"], one.document["outcome"]["value"],
             tuple(sorted((f["rule"], f["values"]["count"]) for f in one.document["findings"])))
            for one in kept.all()
        )  # fmt: skip


BY = "sensor, src_ip, src_port, dst_ip, epoch_us(time), sni"


def test_a_flow_that_a_better_sensor_saw_in_an_earlier_run_is_no_other_flow(kanaria: Kanaria, tmp_path: Path) -> None:
    write(tmp_path / "dns.log", [asked(DAY)])
    write(tmp_path / "conn.log", conversations())
    write(tmp_path / "eve.json", [eve(line) for line in conversations()])
    runs(kanaria, "apart", ["dns.log", "conn.log"], ["eve.json"], ["eve.json", "conn.log"])
    runs(kanaria, "whole", ["dns.log", "conn.log", "eve.json"])
    assert rows(tmp_path / "apart", f"event_id, {BY}") == rows(tmp_path / "whole", f"event_id, {BY}")
    assert {sensor for (sensor,) in rows(tmp_path / "apart", "sensor")} == {"zeek"}
    assert told(tmp_path / "apart") == told(tmp_path / "whole") != []


def test_who_saw_a_flow_better_takes_the_place_of_who_was_read_first(kanaria: Kanaria, tmp_path: Path) -> None:
    write(tmp_path / "dns.log", [asked(DAY)])
    write(tmp_path / "conn.log", conversations())
    write(tmp_path / "eve.json", [eve(line) for line in conversations()])
    done = runs(kanaria, "apart", ["dns.log", "eve.json"], ["conn.log"], ["eve.json", "conn.log", "dns.log"])
    runs(kanaria, "whole", ["dns.log", "conn.log", "eve.json"])
    assert rows(tmp_path / "apart", BY) == rows(tmp_path / "whole", BY)
    assert without_ids(tmp_path / "apart") == without_ids(tmp_path / "whole") != []
    kinds = [[incident["alert"]["kind"] for incident in one.document["incidents"]] for one in done]
    assert kinds[0] == ["new"] and not {"new", "reopened"} & {*kinds[1], *kinds[2]}


def test_what_only_the_better_sensor_shows_is_found_although_another_was_read_first(
    kanaria: Kanaria, tmp_path: Path
) -> None:
    """Totals first, and then the packets: the words of a miner."""
    mined(tmp_path / "miner.pcap", 0)
    total = {
        **json.loads(flow(DAY, 1, MINER_HOST, POOL, 3333, seconds=900)),
        "id.orig_p": _port(tmp_path / "miner.pcap"),
    }
    write(tmp_path / "eve.json", [eve(json.dumps(total))])
    first, second = runs(kanaria, "apart", ["eve.json"], ["miner.pcap"])
    (whole,) = runs(kanaria, "whole", ["eve.json", "miner.pcap"])
    assert not first.document["incidents"]
    assert _rules(second) == _rules(whole) and "crypto_currency_mining_activity" in _rules(second)[0]
    assert rows(tmp_path / "apart", BY) == rows(tmp_path / "whole", BY) and len(rows(tmp_path / "apart", BY)) == 1


def _rules(done: Done) -> list[set[str]]:
    return [{finding["rule"] for finding in incident["findings"]} for incident in done.document["incidents"]]


def _port(capture: Path) -> int:
    """The client's port in the first packet."""
    packet = capture.read_bytes()[24 + 16 :]
    return int.from_bytes(packet[14 + 20 : 14 + 22], "big")


def test_pieces_of_one_flow_in_several_files_are_no_doubles(kanaria: Kanaria, tmp_path: Path) -> None:
    """A sensor that reports a long connection every minute, in a file for each hour."""
    for hour in range(2):
        pieces = [
            flow(DAY + timedelta(minutes=60 * hour + n), 1, SERVER, POOL, 443, seconds=60 + 0.3 * (n % 2))
            for n in range(60)
        ]
        write(tmp_path / f"conn-{hour}.log", pieces)
    runs(kanaria, "apart", ["conn-0.log"], ["conn-1.log"])
    runs(kanaria, "whole", ["conn-0.log", "conn-1.log"])
    for store in ("apart", "whole"):
        assert len(rows(tmp_path / store, BY)) == 120


def question(time: datetime, name: str, n: int) -> str:
    """A line of Zeek's dns.log in JSON, by a client that uses one port for everything it asks."""
    return json.dumps(
        {"ts": time.timestamp(), "uid": f"D{n}", "id.orig_h": MINER_HOST, "id.orig_p": 53001, "id.resp_h": "192.168.1.1",
         "id.resp_p": 53, "proto": "udp", "query": name, "qtype_name": "A", "rcode_name": "NOERROR"}
    )  # fmt: skip


@pytest.mark.parametrize("split", [False, True], ids=["one run", "two runs"])
def test_another_question_from_the_same_port_is_no_double(kanaria: Kanaria, tmp_path: Path, split: bool) -> None:
    """At the border of two files of one sensor, within the time in which the same question would be one."""
    write(tmp_path / "dns.1.log", [question(DAY + timedelta(seconds=n), f"{n}.example.org", n) for n in range(20)])
    asked = [question(DAY + timedelta(seconds=21), "pool.supportxmr.com", 21)]
    write(tmp_path / "dns.2.log", [*asked, question(DAY + timedelta(seconds=22), "1.example.org", 22)])
    names = (["dns.1.log"], ["dns.2.log"]) if split else (["dns.1.log", "dns.2.log"],)
    done = runs(kanaria, "kept", *names)
    assert "pool.supportxmr.com" in json.dumps(done[-1].document["incidents"])
    assert {name for (name,) in rows(tmp_path / "kept", "query", "dns")} >= {"pool.supportxmr.com"}


@pytest.mark.parametrize("late", [timedelta(minutes=5), timedelta(hours=-2)])
@pytest.mark.parametrize("again", [False, True])
def test_a_name_that_a_later_run_learns_of_names_the_connection(
    kanaria: Kanaria, tmp_path: Path, late: timedelta, again: bool
) -> None:
    write(tmp_path / "conn.log", conversations())
    write(tmp_path / "dns.log", [asked(DAY + timedelta(hours=5) + late)])
    first, second = runs(kanaria, "apart", ["conn.log"], ["conn.log", "dns.log"] if again else ["dns.log"])
    runs(kanaria, "whole", ["conn.log", "dns.log"])
    assert not first.document["incidents"] and len(second.document["incidents"]) == 1
    assert rows(tmp_path / "apart", f"event_id, {BY}, names") == rows(tmp_path / "whole", f"event_id, {BY}, names")
    assert told(tmp_path / "apart") == told(tmp_path / "whole") != []


def test_a_handshake_that_a_later_run_brings_names_the_connection(kanaria: Kanaria, tmp_path: Path) -> None:
    write(tmp_path / "dns.log", [asked(DAY, name="cdn.example.net")])
    write(tmp_path / "conn.log", [flow(DAY + timedelta(hours=1), 10000, SERVER, POOL, 443)])
    write(tmp_path / "ssl.log", [hello(SERVER, DAY + timedelta(hours=1, seconds=1))])
    runs(kanaria, "apart", ["dns.log", "conn.log"], ["ssl.log"])
    runs(kanaria, "whole", ["dns.log", "conn.log", "ssl.log"])
    assert rows(tmp_path / "apart", f"{BY}, names") == rows(tmp_path / "whole", f"{BY}, names")
    assert [sni for (sni,) in rows(tmp_path / "apart", "sni")] == [NAME]
    assert told(tmp_path / "apart") == told(tmp_path / "whole") != []


@pytest.mark.parametrize("restarted", [False, True])
def test_a_service_names_what_it_handed_on_and_counts_no_flow_twice(tmp_path: Path, restarted: bool) -> None:
    """Its connection first, then the name, and then what another sensor says of the connection."""
    setup = replace(prepare(), store=tmp_path / "store")
    mined = flow(DAY + timedelta(hours=1), 1, SERVER, POOL, 443)
    parts = [
        ("eve.json", eve(mined), "suricata"),
        ("dns.log", asked(DAY + timedelta(hours=1, minutes=3)), "zeek-json"),
        ("conn.log", mined, "zeek-json"),
        ("eve2.json", eve(mined, later=0.7), "suricata"),
    ]
    engine = Engine(setup, lateness=timedelta(0))
    for number, (name, line, format_name) in enumerate(parts):
        piece = Piece(name, f"{line}\n".encode(), format_name, Placed(identity="", before=0))
        judged = engine.step(engine.read([piece]))
        engine.commit(judged, checkpoint=restarted or number == len(parts) - 1)
        if restarted:
            engine.close()
            engine = Engine(setup, lateness=timedelta(0))
    engine.close()
    (row,) = rows(tmp_path / "store", BY)
    assert (row[0], row[-1]) == ("zeek", NAME)
    (incident,) = without_ids(tmp_path / "store")
    assert ("crypto_currency_mining_activity", "1") in incident[-1]


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.lists(st.integers(0, 1), min_size=6, max_size=6), again=st.booleans())
@example(where=[0, 1, 1, 0, 1, 0], again=True)
def test_in_whichever_run_each_sensor_s_hours_are(
    kanaria: Kanaria, tmp_path: Path, where: list[int], again: bool
) -> None:
    """Two sensors and a resolver's log, each in two halves, and every half in the first run or the second."""
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    lines = conversations()
    halves = [lines[:20], lines[20:]]
    given_files: list[list[str]] = [[], []]
    for number, run in enumerate(where):
        sensor, half = divmod(number, 2)
        name = str(folder / f"{('conn', 'eve', 'dns')[sensor]}-{half}.log")
        names_asked = [asked(DAY + timedelta(hours=hours), n=half) for hours in ((4.5,), (6.2,))[half]]
        write(Path(name), (halves[half], [eve(line) for line in halves[half]], names_asked)[sensor])
        given_files[run].append(name)
    inputs = [one for one in (given_files[0], given_files[1] + (given_files[0] if again else [])) if one]
    runs(kanaria, str(folder / "apart"), *inputs)
    runs(kanaria, str(folder / "whole"), [*given_files[0], *given_files[1]])
    assert rows(folder / "apart", BY) == rows(folder / "whole", BY)
    assert without_ids(folder / "apart") == without_ids(folder / "whole")


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.permutations(["conn.log", "eve.json", "dns.log", "ssl.log"]),
    restarts=st.lists(st.booleans(), min_size=4, max_size=4),
)
@example(order=["eve.json", "dns.log", "ssl.log", "conn.log"], restarts=[True, False, True, False])
def test_a_service_that_gets_whole_logs_one_after_the_other(
    kanaria: Kanaria, tmp_path: Path, order: list[str], restarts: list[bool]
) -> None:
    """As after hours without a network: each sensor sends all it had at once, and the service is restarted between."""
    lines = conversations()
    logs = {
        "conn.log": ("zeek-json", lines),
        "eve.json": ("suricata", [eve(line) for line in lines]),
        "dns.log": ("zeek-json", [asked(DAY + timedelta(hours=hours), n=n) for n, hours in enumerate((4.5, 6.2))]),
        "ssl.log": ("zeek-json", [hello(SERVER, DAY + timedelta(hours=8))]),
    }
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    for name in logs:
        write(folder / name, logs[name][1])
    runs(kanaria, str(folder / "whole"), [str(folder / name) for name in logs])
    setup = replace(prepare(), store=folder / "live")
    engine = Engine(setup, lateness=timedelta(0))
    for name, restart in zip(order, restarts, strict=True):
        format_name, sent = logs[name]
        piece = Piece(name, "".join(f"{line}\n" for line in sent).encode(), format_name, Placed(identity="", before=0))
        engine.commit(engine.step(engine.read([piece])), checkpoint=True)
        if restart:
            engine.close()
            engine = Engine(setup, lateness=timedelta(0))
    engine.close()
    assert rows(folder / "live", BY) == rows(folder / "whole", BY)
    assert without_ids(folder / "live") == without_ids(folder / "whole") != []
