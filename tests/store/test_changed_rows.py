"""An incident that grows is kept as if it had been written anew, and only what is new of it is written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kanaria.store
from kanaria.store.incidents import IncidentStore
from kanaria.store.joining import joined
from kanaria.store.rows import change_rows, put_rows, with_rows

NOW = datetime(2026, 6, 21, 12, tzinfo=UTC)
Json = dict[str, Any]
TABLES = (
    "SELECT id, incident, number, rule, stage, severity, device, remote, time, until, bits, content FROM finding",
    "SELECT incident, number, id, kind, family, about, bits, record, content FROM evidence",
    "SELECT id, source, line, time, quote FROM record",
)


def finding(name: int, version: int = 0) -> Json:
    return {"id": f"f-{name}", "rule": "r", "stage": None, "device": f"10.0.0.{name}", "bits": float(version)}


def evidence(name: int, version: int = 0, line: int | None = None) -> Json:
    """``line`` of a record it quotes; others may quote the same."""
    quoted = {"source": "dns.log", "line": line, "time": None, "quote": f"line {line}" if line is not None else None}
    return {"id": f"e-{name}", "kind": "k", "bits": float(version), "because": {"ja": "名", "en": "n"}, **quoted}


some = st.integers(0, 6)
documents = st.fixed_dictionaries(
    {"findings": st.lists(st.builds(finding, some, st.integers(0, 1)), unique_by=lambda item: item["id"])},
    optional={
        "evidence": st.lists(
            st.builds(evidence, some, st.integers(0, 1), st.none() | st.integers(0, 3)),
            max_size=9,
        )
    },
)
"""Evidence may come twice: nothing forbids it."""


@settings(max_examples=150, deadline=None)
@given(saved=st.lists(st.tuples(st.sampled_from(("i-1", "i-2")), documents), max_size=8))
def test_what_is_kept_is_what_writing_everything_anew_keeps(saved: Sequence[tuple[str, Json]]) -> None:
    with _empty() as one, _empty() as other:
        for incident, document in saved:
            before = _tables(one)
            assert change_rows(one, incident, document) == (before != _tables(one))
            _write_anew(other, incident, document)
            assert _tables(one) == _tables(other)
            assert with_rows(one, {incident: "{}"})[incident]["findings"] == document["findings"]


@settings(max_examples=150, deadline=None)
@given(saved=st.lists(documents, max_size=6), left=st.sets(some))
def test_what_stays_beside_is_what_joining_and_writing_everything_anew_keeps(
    saved: Sequence[Json], left: set[int]
) -> None:
    """Also of findings that were another incident's, and are listed no more (``left``)."""
    with _empty() as one, _empty() as other:
        for document in saved:
            before = with_rows(other, {"i-1": "{}"})["i-1"]
            kept = _tables(one)
            changed = change_rows(one, "i-1", document, beside=True)
            assert _tables(one) == _joined_anew(other, before, document)
            assert changed == (kept != _tables(one))
            for db in (one, other):
                db.executemany("UPDATE finding SET number = NULL WHERE id = ?", [(f"f-{name}",) for name in left])


def _joined_anew(db: sqlite3.Connection, before: Json, document: Json) -> list[list[Any]]:
    names = ("findings", "evidence")
    lists = {name: joined(before.get(name, []), document.get(name, [])) for name in names if name in before | document}
    _write_anew(db, "i-1", lists)
    return _tables(db)


def _write_anew(db: sqlite3.Connection, incident: str, document: Json) -> None:
    db.execute("UPDATE finding SET number = NULL WHERE incident = ?", (incident,))
    db.executemany("DELETE FROM finding WHERE id = ?", [(item["id"],) for item in document["findings"]])
    if "evidence" in document:
        db.execute("DELETE FROM evidence WHERE incident = ?", (incident,))
    db.execute("DELETE FROM record WHERE id NOT IN (SELECT record FROM evidence WHERE record IS NOT NULL)")
    put_rows(db, incident, document)


def _tables(db: sqlite3.Connection) -> list[list[Any]]:
    return [sorted(db.execute(query), key=repr) for query in TABLES]


@contextmanager
def _empty() -> Iterator[sqlite3.Connection]:
    schema = Path(kanaria.store.__file__).with_name("schema.sql")
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.executescript(schema.read_text())
        yield db


def grown(members: Sequence[int]) -> Json:
    """An incident as the judge gives it: evidence stands by who it is about, findings in order of time."""
    return {
        "id": "i-1", "severity": "high", "first_seen": NOW.isoformat(), "last_seen": NOW.isoformat(), "series": [],
        "findings": [{**finding(member), "remote": "203.0.113.7"} for member in members],
        "evidence": [evidence(member, line=member) for member in sorted(members)],
        "entities": {"devices": [f"10.0.0.{member}" for member in members], "remotes": ["203.0.113.7"]},
    }  # fmt: skip


def test_one_member_more_costs_the_same_however_many_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    true = sqlite3.connect

    def connect(*arguments: Any, **named: Any) -> sqlite3.Connection:
        db: sqlite3.Connection = true(*arguments, **named)
        db.set_trace_callback(lambda said: written.append(said) if said.split()[0] in WRITES else None)
        return db

    monkeypatch.setattr("kanaria.store.database.sqlite3.connect", connect)
    counts = []
    for size in (20, 200):
        members = list(range(10, 10 + size))
        with IncidentStore(tmp_path / str(size)) as store:
            store.save([grown(members)], NOW)
            for number in (size + 11, 5):  # one that stands last, and one whose evidence stands first
                members.append(number)
                written.clear()
                store.save([grown(members)], NOW + timedelta(minutes=number))
                counts.append(len(written))
            written.clear()
            store.save([grown(members)], NOW)
            assert not any("evidence" in said or "finding" in said for said in written), "nothing of it is new"
            assert [e["line"] for e in store.get("i-1").document["evidence"]] == sorted(members)
    assert counts[:2] == counts[2:], counts


def test_what_an_incident_says_no_more_stays_and_is_not_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a campaign only so many findings are carried on: each further one would read all that were kept before."""
    with IncidentStore(tmp_path) as store:
        store.save([grown(range(1, 31))], NOW)
        with monkeypatch.context() as patch:
            patch.setattr("kanaria.store.incidents.with_rows", None)
            for last in (31, 32):
                store.save([grown(range(last - 19, last + 1))], NOW + timedelta(minutes=last))
        kept = store.get("i-1").document
    assert [one["id"] for one in kept["findings"]] == [f"f-{n}" for n in range(1, 33)]
    assert [one["line"] for one in kept["evidence"]] == list(range(1, 33))


WRITES = ("INSERT", "UPDATE", "DELETE")
