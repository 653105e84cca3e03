"""What leaves a store by age and by size, with everything that was about it, and what stays whatever happens."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kanaria.core.errors import SourceError
from kanaria.respond.dispatch import dispatch
from kanaria.store.alone import alone
from kanaria.store.incidents import IncidentStore
from kanaria.store.outbox import Outbox
from tests.respond.test_sender import plan

BEGAN = datetime(2026, 6, 21, 12, 0, tzinfo=UTC)
TABLES = ("incident", "finding", "evidence", "record", "decision", "told", "pair", "news")


def incident(number: int, quote: str = "", *, size: int = 0, kind: str = "new") -> dict[str, Any]:
    """One with a finding, and evidence that quotes a record."""
    return {
        "id": f"i-{number:04d}", "severity": "low", "title": {"en": "probe", "ja": "probe"}, "first_seen": BEGAN.isoformat(),
        "last_seen": BEGAN.isoformat(), "devices": ["192.0.2.1"], "remotes": [f"203.0.113.{number}"], "alert": {"kind": kind},
        "findings": [{"id": f"f-{number}", "rule": "r", "device": "192.0.2.1", "remote": f"203.0.113.{number}"}],
        "evidence": [{
            "id": f"e-{number}", "kind": "record", "family": "payload", "about": "actor", "bits": 1.0, "source": "a.log",
            "line": number, "time": BEGAN.isoformat(), "quote": quote or f"line {number} " + "x" * size,
        }],
    }  # fmt: skip


def rows(folder: Path) -> dict[str, int]:
    db = sqlite3.connect(folder / "incidents.sqlite")
    try:
        return {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}  # noqa: S608
    finally:
        db.close()


def at(days: float) -> datetime:
    return BEGAN + timedelta(days=days)


def test_what_is_closed_and_old_leaves_with_everything_about_it(tmp_path: Path) -> None:
    with IncidentStore(tmp_path) as store:
        store.save([incident(1, "shared"), incident(2)], BEGAN)
        store.mark_told(["i-0001", "i-0002"], BEGAN)
        before = rows(tmp_path)
        store.save([incident(3, "shared"), incident(4)], BEGAN)
        store.mark_told(["i-0003", "i-0004"], BEGAN)
        store.decide("i-0003", "closed", who="a", why="b", now=BEGAN)
        store.decide("i-0004", "dismissed", who="a", why="b", now=at(2))
        assert store.forget(at(1)).incidents == 1
        assert {kept.id for kept in store.all()} == {"i-0001", "i-0002", "i-0004"}
        assert store.get("i-0001").document["evidence"][0]["quote"] == "shared"
        assert store.forget(at(3)).incidents == 1
        assert store.forget(at(1000)).incidents == 0
    assert rows(tmp_path) == before


def test_what_somebody_works_on_or_is_still_to_be_told_of_stays(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    with IncidentStore(tmp_path) as store:
        store.save([incident(number) for number in range(1, 7)], BEGAN)
        store.mark_told([f"i-{number:04d}" for number in (1, 2, 4, 5, 6)], BEGAN)
        store.decide("i-0002", "acknowledged", who="a", why="b", now=BEGAN)
        for number in (3, 4, 5, 6):
            store.decide(f"i-{number:04d}", "closed", who="a", why="b", now=BEGAN)
        brief = {**incident(4), "verdict": {}, "todo": [], "alert": {"kind": "new", "because": []}}
        phone, digest = plan(), plan(name="mail", severity="critical", digest="daily")
        dispatch([brief], [phone], outbox, BEGAN.timestamp())
        dispatch([{**brief, "id": "i-0005"}], [digest], outbox, BEGAN.timestamp())
        assert store.forget(at(1000), 0, outbox.incidents()).incidents == 1
        assert {kept.id for kept in store.all()} == {f"i-{number:04d}" for number in (1, 2, 3, 4, 5)}
    outbox.close()


def test_what_was_merged_into_it_leaves_with_it(tmp_path: Path) -> None:
    with IncidentStore(tmp_path) as store:
        store.save([incident(1), incident(2)], BEGAN)
        both = incident(1) | {"findings": [*incident(1)["findings"], *incident(2)["findings"]]}
        store.save([both], BEGAN)
        assert store.get("i-0002").id == "i-0001"
        store.mark_told(["i-0001"], BEGAN)
        store.decide("i-0001", "closed", who="a", why="b", now=BEGAN)
        assert store.forget(at(1)).incidents == 1
    assert set(rows(tmp_path).values()) == {0}


def test_the_oldest_leave_while_it_is_too_large_and_the_file_shrinks(tmp_path: Path) -> None:
    with IncidentStore(tmp_path) as store:
        for number in range(1, 101):
            name = store.save([incident(number, size=20_000)], at(number / 50))[0]
            store.mark_told([name], at(number / 50))
            store.decide(name, "closed", who="a", why="b", now=at(number / 50))
        large, file = store.size, tmp_path / "incidents.sqlite"
        for _ in range(50):
            if not store.forget(BEGAN, large / 2).more:
                break
        assert store.size <= large / 2
        left = [kept.id for kept in store.all()]
        assert 25 < len(left) < 50
        assert set(left) == {f"i-{number:04d}" for number in range(101 - len(left), 101)}
        store._opened.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert file.stat().st_size < large * 0.6
        while store.forget(at(10)).incidents:
            pass
        assert store.all() == []


def test_a_file_made_before_it_could_shrink_is_written_anew_once(tmp_path: Path) -> None:
    with IncidentStore(tmp_path) as store:
        for number in range(1, 40):
            name = store.save([incident(number, size=50_000)], BEGAN)[0]
            store.mark_told([name], BEGAN)
            store.decide(name, "closed", who="a", why="b", now=BEGAN)
    db = sqlite3.connect(tmp_path / "incidents.sqlite", isolation_level=None)
    for statement in (
        "PRAGMA journal_mode = DELETE",
        "PRAGMA auto_vacuum = NONE",
        "VACUUM",
        "PRAGMA journal_mode = WAL",
    ):
        db.execute(statement)
    assert db.execute("PRAGMA auto_vacuum").fetchone() == (0,)
    db.close()
    large = (tmp_path / "incidents.sqlite").stat().st_size
    with IncidentStore(tmp_path) as store:
        assert store.forget(at(1)).incidents == 39
        assert store._opened.db.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    assert (tmp_path / "incidents.sqlite").stat().st_size < large / 4


def test_a_url_is_no_store_and_makes_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match="a store is a folder with SQLite files"):
        IncidentStore(Path("postgresql://kanaria@192.0.2.5/kanaria"))
    with pytest.raises(SourceError, match="a store is a folder with SQLite files"), alone(Path("postgresql://x/y")):
        pass
    assert list(tmp_path.iterdir()) == []


def test_open_informational_ones_leave_a_store_that_is_too_large_when_nothing_else_can(tmp_path: Path) -> None:
    with IncidentStore(tmp_path) as store:
        for number in range(1, 9):
            severity = "informational" if number > 2 else "low"
            store.save([incident(number, size=50_000) | {"severity": severity}], at(number))
        store.mark_told([f"i-{number:04d}" for number in range(1, 8)], at(9))  # of the eighth somebody is still to hear
        store.decide("i-0003", "acknowledged", who="a", why="b", now=at(3))
        store.decide("i-0004", "closed", who="a", why="b", now=at(9))
        large = store.size
        assert store.forget(BEGAN, large, quiet=at(1000)).incidents == 0
        assert store.forget(BEGAN, 0).incidents == 1  # what is finished goes first
        assert store.forget(BEGAN, 0).incidents == 0  # and without ``quiet`` nothing else
        done = store.forget(BEGAN, 0, spare=["i-0005"], quiet=at(6.5))
        assert (done.incidents, done.open) == (1, 1)
        assert {kept.id for kept in store.all()} == {f"i-{number:04d}" for number in (1, 2, 3, 5, 7, 8)}
        while store.forget(BEGAN, 0, quiet=at(1000)).open:
            pass
        assert {kept.id for kept in store.all()} == {f"i-{number:04d}" for number in (1, 2, 3, 8)}


def test_what_was_merged_keeps_no_evidence_of_its_own(tmp_path: Path) -> None:
    """A hundred told one by one and then as one are no larger than one that held them from the beginning."""
    both = incident(1) | {"findings": [*incident(1)["findings"], *incident(2)["findings"]]}
    both["evidence"] = [*incident(1)["evidence"], *incident(2)["evidence"]]
    with IncidentStore(tmp_path / "apart") as store:
        store.save([incident(1), incident(2)], BEGAN)
        store.save([both], BEGAN)
        assert store.get("i-0002").document["evidence"] == store.get("i-0001").document["evidence"] == both["evidence"]
    with IncidentStore(tmp_path / "at once") as store:
        store.save([both], BEGAN)
    apart, at_once = (rows(tmp_path / name) for name in ("apart", "at once"))
    assert {name: apart[name] for name in ("finding", "evidence", "record")} == {
        "finding": 2,
        "evidence": 2,
        "record": 2,
    }
    assert {**apart, "incident": 1, "news": 1} == {**at_once, "news": 1}
