"""Each part of what one run hands to the next: saved, loaded, and still in force; taken away, its effect is gone."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

import kanaria as api
from kanaria.core.types import Analysis
from kanaria.store.incidents import IncidentStore
from tests.app.running import Kanaria
from tests.app.test_cli_incident import DAY, SERVER, logon
from tests.app.test_what_teaches import hourly, tables

STRANGER = "203.0.113.9"


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
