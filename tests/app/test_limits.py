"""Limits of what is remembered are settings: what matters most stays, and the report says what was forgotten."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from kanaria.app.config import load
from kanaria.app.live.judging import Judging
from kanaria.app.run.case_file import CaseFile
from kanaria.app.run.engine import Engine
from kanaria.app.run.input_accounts import Inputs
from kanaria.app.run.judged import Judged
from kanaria.app.run.setup import prepare
from kanaria.core.limits import Limits
from kanaria.core.network import ip16, parse_address
from kanaria.core.remembered import remember
from kanaria.core.types import Record
from kanaria.formats.web import values
from kanaria.formats.web.forward import target
from kanaria.incidents.rhythm import Rhythms
from kanaria.memory.contact_times import Contacts
from kanaria.memory.open_findings import Carried
from kanaria.sources import text_stream
from kanaria.sources.chunks import Chunk
from kanaria.sources.file_marks import Mark, Marks
from kanaria.store.incidents import IncidentStore
from tests.app.running import Kanaria
from tests.app.test_cli_incident import DAY, SERVER, flow, guessing
from tests.event_rows import events_of
from tests.report.report_samples import finding

AT = "[{at:%d/%b/%Y:%H:%M:%S +0000}]"
LOGIN = (
    "203.0.113.{n} - - "
    + AT
    + r' "{{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"login\",\"params\":{{\"login\":\"name{n}\",'
    r'\"pass\":\"x\",\"agent\":\"XMRig/6.21\"}}}}" 400 0 "-" "-"'
)
PAGE = "203.0.113.1 - - " + AT + ' "GET /{n} HTTP/1.1" 200 {n} "-" "-"'
GARBLED = "203.0.113.{n} - - " + AT + r' "\x16\x03\x01" 400 0 "-" "-"'
LIMITS = {
    "findings": 8, "records": 200, "sources": 5, "pairs": 2, "correlation_events": 10, "pictured_devices": 2,
    "hosts": 5,
}  # fmt: skip


def campaign(folder: Path) -> None:
    """Thirty gates where somebody guesses passwords, and one where they get in, each with a log of its own."""
    for number in range(30):
        source = f"203.0.113.{number + 1}"
        start = DAY + timedelta(minutes=20 * number)
        lines = list(guessing(start, source))[: None if number == 3 else -1]
        (folder / f"auth-{number:02}.log").write_text("\n".join(lines).replace(" gate ", f" gate{number} ") + "\n")


def test_what_is_forgotten_is_the_least_severe_and_is_said(kanaria: Kanaria, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    campaign(logs)
    (tmp_path / "k.toml").write_text("[limits]\nfindings = 8\nsources = 5\nhosts = 7\n")
    done = kanaria("analyze", "logs", "--store", "store", "--config", "k.toml", "--format", "json")
    notes = " ".join(note["en"] for note in done.document["notes"])
    assert "findings are more than is remembered at once" in notes and "(limits.findings)" in notes
    assert "25 inputs are more than is remembered" in notes and "(limits.sources)" in notes
    assert "23 hosts are more than is remembered" in notes and "(limits.hosts)" in notes
    with IncidentStore(tmp_path / "store") as store:
        state = store.state()
        found = sum(len(kept.document["findings"]) for kept in store.all())
    carried = state["carried"]["content"]["findings"]
    assert found > 8 >= len(carried), "all are kept, few are carried on"
    assert "ssh_success_after_brute_force" in {finding["rule"] for finding in carried}
    assert len(state["sources"]["content"]["sources"]) == 5
    (hosts,) = state["silence"]["content"].values()
    assert sorted(hosts) == [f"gate{number}" for number in range(23, 30)], "those heard last"


def test_as_ever_nothing_is_forgotten(kanaria: Kanaria, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    campaign(logs)
    done = kanaria("analyze", "logs", "--store", "store", "--format", "json")
    assert "limits." not in " ".join(note["en"] for note in done.document["notes"])


def test_a_limit_is_a_whole_number(kanaria: Kanaria, tmp_path: Path) -> None:
    (tmp_path / "k.toml").write_text("[limits]\nsources = 0.5\n")
    done = kanaria("analyze", "k.toml", "--config", "k.toml")
    assert done.status == 2 and "expected a whole number above 0" in done.err and "k.toml:2" in done.err


def lives(folder: Path, **limits: int) -> Engine:
    """An engine without an end, with its store in the folder."""
    (folder / "k.toml").write_text("[limits]\n" + "".join(f"{name} = {most}\n" for name, most in limits.items()))
    return Engine(prepare(load(folder / "k.toml"), store=folder / "store"), lateness=timedelta(0))


def kept(engine: Engine) -> set[str]:
    """Keep everything, as a service does from time to time; returns the settings that notes name."""
    engine.commit(engine.hurry(), checkpoint=False)
    engine.commit(Judged(changed=()))
    return {note.en.rpartition("(limits.")[2].rstrip(")") for note in engine.left_out}


def test_a_life_holds_no_more_than_its_limits_and_goes_on_saying_so(tmp_path: Path) -> None:
    """What a checkpoint does not hand on, a run that goes on does not hold either."""
    logs = tmp_path / "logs"
    logs.mkdir()
    campaign(logs)
    flows = "".join(f"{flow(DAY, n, f'192.168.1.{n}', SERVER, 443)}\n" for n in range(60, 70))
    (logs / "conn.log").write_text(flows)
    with lives(tmp_path, **LIMITS) as engine:
        for log in sorted(logs.iterdir()):
            engine.commit(engine.step(engine.read([text_stream(log.name, log.read_bytes())])), checkpoint=False)
        assert len(engine.case.findings) > LIMITS["findings"]
        assert kept(engine) == set(LIMITS) - {"records"}
        held = engine.case
        assert 0 < len(held.findings) <= LIMITS["findings"] and 0 < len(held.records) <= LIMITS["records"]
        assert "ssh_success_after_brute_force" in {finding.rule for finding in held.findings.values()}
        assert len(engine.accounts.summaries) == LIMITS["sources"]
        elsewhere = engine.memory.ledger.beyond, engine._series.beyond, engine._detector.beyond(10)
        assert elsewhere == (0, 0, 0)
        later = text_stream("later.log", "\n".join(guessing(DAY + timedelta(days=1), "203.0.113.9")).encode())
        engine.commit(engine.step(engine.read([later])), checkpoint=False)
        assert kept(engine) == set(LIMITS) - {"records"}, "what was forgotten before is said as long as it runs"


def test_a_life_takes_its_tables_from_the_heap_that_gives_back(tmp_path: Path) -> None:
    """Arrow's own allocator kept 92 MB for 23 MB of tables in two months of an office."""
    with lives(tmp_path):
        assert pa.default_memory_pool().backend_name == "system"


def test_what_is_open_teaches_nothing_though_its_findings_are_forgotten(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    campaign(logs)
    with lives(tmp_path, findings=4) as engine:
        for log in sorted(logs.iterdir()):
            engine.commit(engine.step(engine.read([text_stream(log.name, log.read_bytes())])), checkpoint=False)
        attackers = {remote for _finding, _device, remote in engine.case.pairs()}
        kept(engine)
        assert attackers > {remote for _finding, _device, remote in engine.case.pairs()}
        assert attackers <= {remote for _device, remote in engine.memory._withheld}


def test_what_a_forgotten_attack_would_have_left_is_not_looked_for() -> None:
    """Files that exploits drop are looked for in all requests that follow, as long as the exploit is remembered."""
    record = Record(
        event_id=1, table="http", source="a", line=1, time=DAY, device=SERVER, remote="203.0.113.9", quote="",
        values={"payload.dropped": "/tmp/some-dropped-file"},
    )  # fmt: skip
    attack = replace(finding(time=DAY), event_ids=(1,))
    later = {"some-dropped-file": [replace(record, event_id=2)]}
    case = CaseFile(Carried(findings=[attack], records=[record], later_requests=later))
    case.shrink({attack.id})
    assert set(case.later_requests) == set(later)
    case.shrink(())
    assert (case.records, case.later_requests) == ({}, {})


def test_pairs_last_in_touch_are_kept_and_others_are_counted_anew() -> None:
    def connection(remote: str, begin: datetime) -> dict[str, object]:
        return {"time": begin, "duration_us": 9_000_000, "src_ip": SERVER, "dst_ip": remote, "dst_port": 443}

    rows = [connection("203.0.113.1", DAY), connection("203.0.113.2", DAY + timedelta(hours=1))]
    schema = pa.schema([
        ("time", pa.timestamp("us", tz="UTC")), ("duration_us", pa.int64()), ("src_ip", pa.string()),
        ("dst_ip", pa.string()), ("dst_port", pa.int32()),
    ])  # fmt: skip
    known = Contacts(most=1)
    seconds = known.of(events_of(connection=pa.Table.from_pylist(rows, schema=schema)))
    for remote in ("203.0.113.1", "203.0.113.2"):
        assert seconds(SERVER, [(remote, 443)]) == 9
    assert known.beyond == 1
    known.forget()
    assert known.beyond == 0 and [pair[1] for pair in known.dump()["pairs"]] == ["203.0.113.2"]
    assert seconds(SERVER, [("203.0.113.1", 443)]) == 9, "the rows are asked again"


def test_who_logs_in_again_and_again_is_not_driven_out_by_names_used_once() -> None:
    known = Rhythms(most=1_000)
    for number in range(100_000):
        known.add("203.0.113.9", f"name-{number}", "", DAY + timedelta(seconds=number))
        if number % 100 == 0:
            known.add("203.0.113.4", "wallet", "", DAY + timedelta(seconds=number))
    found = known.of("203.0.113.4", "wallet", "")
    assert found is not None and found.logins == 1_000
    assert known.forgotten >= 99_000 and len(known._known) <= 1_000


def test_a_flood_of_inputs_is_accounted_for_no_longer_than_there_is_room() -> None:
    """The log that is read all the time stays, and so does the newest of the others."""
    accounts = Inputs()
    for number in range(100_000):
        accounts.open(f"{number}.log", "combined")
        if number % 50 == 0:
            accounts.open("access.log", "combined")
            accounts.forget(100)
    accounts.forget(100)
    assert len(accounts.summaries) == 100 and {"access.log", "99999.log"} <= set(accounts.summaries)


@pytest.fixture
def few_addresses() -> Iterator[int]:
    remember(1_000)
    yield 1_000
    remember(Limits.addresses)


def test_a_flood_of_addresses_and_long_texts_is_not_remembered(few_addresses: int) -> None:
    """Names and headers come from strangers; what they mean is worked out anew, with the same result."""
    looks = (parse_address, ip16, values.address, values.is_client, values.client, target)
    for number in range(few_addresses):
        for look in looks:
            look(f"203.0.113.{number}.example")
    tracemalloc.start()
    try:
        for number in range(10 * few_addresses):
            for look in looks:
                look(f"198.18.{number // 250}.{number % 250}")
        for number in range(2 * few_addresses):
            for look in looks:
                look(f"{number}" * 1_000)
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held < 500 * few_addresses * len(looks)
    assert values.client("198.18.0.1", "203.0.113.7, " * 50 + "198.51.100.7") == ("198.18.0.1", None)


def test_a_flood_of_files_leaves_the_position_of_the_log_that_is_read_all_the_time(tmp_path: Path) -> None:
    def read(judging: Judging, place: str, at: int) -> None:
        judging._note_position(
            "logs", Chunk(name=place, place=place, data=b"", position={"at": at}, first_line=1, lines=0)
        )

    (tmp_path / "k.toml").write_text("[limits]\npositions = 20\n")
    config = load(tmp_path / "k.toml")
    with Judging(config, tmp_path / "store", on_the_wire=False, on_reject=print, on_alert=lambda *_: None) as judging:
        for number in range(10_000):
            read(judging, f"{number}.log", 0)
            if number % 10 == 0:
                read(judging, "access.log", number)
        assert len(judging.positions["logs"]) == 20
        assert judging.positions["logs"]["access.log"] == {"at": 9_990}
        assert [note.en[:13] for note in judging.left_out] == ["9,981 files a"]
    marks = Marks({}, config.limits.positions)
    for number in range(10_000):
        marks.keep(Mark(path=f"{number}.log"))
        if number % 10 == 0:
            marks.keep(Mark(path="access.log", offset=number))
    assert len(marks) == 20 and marks.latest("access.log") == Mark(path="access.log", offset=9_990)


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("identities", [LOGIN.format(n=n, at=DAY) for n in range(9)]),
        ("web_answers", [PAGE.format(n=n, at=DAY) for n in range(99)]),
        ("web_clients", [GARBLED.format(n=n, at=DAY) for n in range(99)]),
        ("web_answers_kept", [PAGE.format(n=n, at=DAY) for n in range(99)]),
        ("web_clients_kept", [GARBLED.format(n=n, at=DAY) for n in range(99)]),
    ],
)
def test_what_is_forgotten_as_it_comes_is_said(tmp_path: Path, name: str, lines: list[str]) -> None:
    log = text_stream("access.log", "\n".join(lines).encode())
    with lives(tmp_path, **{name: 4}) as engine:
        engine.commit(engine.step(engine.read([log])), checkpoint=False)
        kept(engine)  # counts what has waited
        assert kept(engine) == {name}


def test_of_too_many_answers_and_clients_a_restart_knows_the_commonest(tmp_path: Path) -> None:
    pages = [PAGE.format(n=n, at=DAY) for n in [*range(9), 7, 7, 8]]
    log = text_stream("access.log", "\n".join([*pages, *(GARBLED.format(n=n, at=DAY) for n in range(9))]).encode())
    with lives(tmp_path, web_answers_kept=3, web_clients_kept=2) as engine:
        engine.commit(engine.step(engine.read([log])), checkpoint=False)
        kept(engine)
        assert kept(engine) == {"web_answers_kept", "web_clients_kept"}
        assert any(note.en.startswith("7 answers of web servers are more") for note in engine.left_out)
        assert any(note.en.startswith("7 clients that sent what could not") for note in engine.left_out)
    with lives(tmp_path) as engine:
        web = engine.memory.learned.web
        assert [web.answers(200, f"/{n}").total for n in range(9)] == [0] * 7 + [3, 2]
        assert web.malformed_sources(400) == 2


def test_connections_told_of_are_remembered_up_to_the_setting(tmp_path: Path) -> None:
    """An operator who wants to hear of every hour has many."""
    (tmp_path / "k.toml").write_text(
        "alerts_per_day = 1000\n[baseline]\nwarm_up_days = 0.01\ndevice_warm_up_hours = 0.01\n[limits]\ntold_connections = 2\n"
    )
    usual = [flow(DAY + timedelta(hours=n // 9), n, "192.168.1.20", f"203.0.113.{n % 9}", 443) for n in range(400)]
    later = DAY + timedelta(hours=50)
    strange = [flow(later, 900 + n, "192.168.1.20", f"198.51.{n}.7", 443) for n in range(5)]
    with Engine(prepare(load(tmp_path / "k.toml"), store=tmp_path / "store"), lateness=timedelta(0)) as engine:
        for number, lines in enumerate((usual, strange)):
            log = text_stream(f"conn{number}.log", "\n".join(lines).encode())
            engine.commit(engine.step(engine.read([log])), checkpoint=False)
        assert kept(engine) == {"told_connections"}
        assert [note.en[:34] for note in engine.left_out] == ["3 connections told of as anomalies"]
