"""Limits of what is remembered are settings: what matters most stays, and the report says what was forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa

from kanaria.app.config import load
from kanaria.app.run.case_file import CaseFile
from kanaria.app.run.engine import Engine, Judged
from kanaria.app.run.setup import prepare
from kanaria.core.types import Record
from kanaria.incidents import rhythm
from kanaria.incidents.rhythm import Rhythms
from kanaria.memory.contact_times import Contacts
from kanaria.memory.open_findings import Carried
from kanaria.sources import text_stream
from kanaria.store.incidents import IncidentStore
from tests.app.running import Kanaria
from tests.app.test_cli_incident import DAY, SERVER, flow, guessing
from tests.event_rows import events_of
from tests.report.report_samples import finding

LIMITS = {
    "findings": 8, "records": 200, "sources": 5, "pairs": 2, "correlation_events": 10, "pictured_devices": 2,
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
    (tmp_path / "k.toml").write_text("[limits]\nfindings = 8\nsources = 5\n")
    done = kanaria("analyze", "logs", "--store", "store", "--config", "k.toml", "--format", "json")
    notes = " ".join(note["en"] for note in done.document["notes"])
    assert "findings are more than is remembered at once" in notes and "(limits.findings)" in notes
    assert "25 inputs are more than is remembered" in notes and "(limits.sources)" in notes
    with IncidentStore(tmp_path / "store") as store:
        state = store.state()
        found = sum(len(kept.document["findings"]) for kept in store.all())
    carried = state["carried"]["content"]["findings"]
    assert found > 8 >= len(carried), "all are kept, few are carried on"
    assert "ssh_success_after_brute_force" in {finding["rule"] for finding in carried}
    assert len(state["sources"]["content"]["sources"]) == 5


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
        elsewhere = engine.memory.ledger.beyond, engine._series.beyond, engine._detector.beyond(10)
        assert elsewhere == (0, 0, 0)
        later = text_stream("later.log", "\n".join(guessing(DAY + timedelta(days=1), "203.0.113.9")).encode())
        engine.commit(engine.step(engine.read([later])), checkpoint=False)
        assert kept(engine) == set(LIMITS) - {"records"}, "what was forgotten before is said as long as it runs"


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
    known = Rhythms()
    for number in range(3 * rhythm.MOST_IDENTITIES):
        known.add("203.0.113.9", f"name-{number}", "", DAY + timedelta(seconds=number))
        if number % 1_000 == 0:
            known.add("203.0.113.4", "wallet", "", DAY + timedelta(seconds=number))
    found = known.of("203.0.113.4", "wallet", "")
    assert found is not None and found.logins == 3 * rhythm.MOST_IDENTITIES // 1_000
