"""An incident's document as rows of tables, and back: its findings, its evidence, and the records that this quotes.

In: the connection of the store, inside its transactions. What can be asked for in SQL has columns; the rest of each row
is JSON. A record is kept once, however much evidence of however many incidents rests on it. Only rows that are others
than those that are kept are written: an incident of hundreds of devices grows by one at a time.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

Json = dict[str, Any]
_Same = tuple[str | None, str]
"""What two rows of evidence have in common that are the same: the record they quote, and the rest."""

FINDING = ("rule", "stage", "severity", "device", "remote", "time", "until", "bits")
EVIDENCE = ("id", "kind", "family", "about", "bits")
RECORD = ("source", "line", "time", "quote")
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True)
AT_ONCE = 500
"""Incidents read with one statement; SQLite takes a thousand values in older versions."""


def put_rows(db: sqlite3.Connection, incident: str, document: Json) -> str:
    """Write the rows of a document, and return the rest of it as text."""
    change_rows(db, incident, document)
    return rest_of(incident, document)


def change_rows(db: sqlite3.Connection, incident: str, document: Json, *, beside: bool = False) -> bool:
    """Write the rows of a document that are not kept as they are; returns whether there were any. ``beside`` those that
    are kept and that it does not name: they stay, ahead of its own, as ``joining.joined`` has it."""
    changed = _change_findings(db, incident, document.get("findings", ()), beside)
    told = beside or "evidence" in document
    return (told and _change_evidence(db, incident, document.get("evidence", ()), beside)) or changed


def rest_of(incident: str, document: Json) -> str:
    """What of a document has no rows, as text."""
    rest = {name: value for name, value in document.items() if name not in {"findings", "evidence"}}
    return _text({**rest, "id": incident})


def with_rows(db: sqlite3.Connection, documents: Mapping[str, str]) -> dict[str, Json]:
    """Documents with their rows, by id; ``documents`` is what ``put_rows`` returned."""
    made: dict[str, Json] = {ident: json.loads(text) | {"findings": []} for ident, text in documents.items()}
    for part in _parts(list(made)):
        marks = ",".join("?" * len(part))
        for ident, content in db.execute(
            f"SELECT incident, content FROM finding WHERE incident IN ({marks}) AND number IS NOT NULL"  # noqa: S608
            " ORDER BY incident, number",
            part,
        ):
            made[ident]["findings"].append(json.loads(content))
        for ident, content, source, line, time, quote in db.execute(
            "SELECT incident, content, source, line, time, quote"  # noqa: S608
            f" FROM evidence LEFT JOIN record ON record.id = evidence.record WHERE incident IN ({marks})"
            " ORDER BY incident, number",
            part,
        ):
            quoted = {"source": source, "line": line, "time": time, "quote": quote} if quote is not None else {}
            made[ident].setdefault("evidence", []).append(json.loads(content) | quoted)
    return made


def drop_evidence(db: sqlite3.Connection, incident: str) -> None:
    """Forget what an incident rests on, with the records that nothing else quotes."""
    records = _quoted(db, incident)
    db.execute("DELETE FROM evidence WHERE incident = ?", (incident,))
    _forget(db, records)


def _quoted(db: sqlite3.Connection, incident: str) -> set[str]:
    rows = db.execute("SELECT DISTINCT record FROM evidence WHERE incident = ? AND record IS NOT NULL", (incident,))
    return {ident for (ident,) in rows}


def _forget(db: sqlite3.Connection, records: Collection[str]) -> None:
    """These records, as far as nothing quotes them."""
    db.executemany(
        "DELETE FROM record WHERE id = ? AND NOT EXISTS (SELECT 1 FROM evidence WHERE evidence.record = record.id)",
        [(ident,) for ident in sorted(records)],
    )


def _change_findings(db: sqlite3.Connection, incident: str, findings: Sequence[Json], beside: bool) -> bool:
    rows = db.execute("SELECT id, number, content FROM finding WHERE incident = ?", (incident,))
    before = {ident: (number, content) for ident, number, content in rows}
    ids = {item["id"] for item in findings}
    others = sorted((n, ident) for ident, (n, _) in before.items() if n is not None and ident not in ids)
    stay = others if beside else []
    now = {item["id"]: (number, _text(item), item) for number, item in enumerate(findings, len(stay))}
    left = [] if beside else [(ident,) for _, ident in others]
    same = {ident for ident, (_, content, _) in now.items() if ident in before and before[ident][1] == content}
    moved = [(number, ident) for number, (was, ident) in enumerate(stay) if number != was]
    moved += [(now[ident][0], ident) for ident in now if ident in same and before[ident][0] != now[ident][0]]
    new = [
        (ident, incident, number, *(item.get(name) for name in FINDING), content)
        for ident, (number, content, item) in now.items()
        if ident not in same
    ]
    db.executemany("UPDATE finding SET number = NULL WHERE id = ?", left)
    db.executemany("UPDATE finding SET number = ? WHERE id = ?", moved)
    db.executemany(
        "INSERT INTO finding (id, incident, number, rule, stage, severity, device, remote, time, until, bits, content)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET incident = excluded.incident,"
        " number = excluded.number, rule = excluded.rule, stage = excluded.stage, severity = excluded.severity,"
        " device = excluded.device, remote = excluded.remote, time = excluded.time, until = excluded.until,"
        " bits = excluded.bits, content = excluded.content",
        new,
    )
    return bool(left or moved or new)


def _change_evidence(db: sqlite3.Connection, incident: str, evidence: Sequence[Json], beside: bool) -> bool:
    rows = db.execute(
        "SELECT number, id, record, content FROM evidence WHERE incident = ? ORDER BY number", (incident,)
    ).fetchall()
    now = [(item, *_row(item)) for item in evidence]
    stay = _beside(rows, {item.get("id") for item in evidence}, {same for _, _, same in now}) if beside else {}
    before: dict[_Same, list[int]] = {}
    for number, _ident, digest, content in reversed(rows):
        if number not in stay:
            before.setdefault((digest, content), []).append(number)
    new, records = list[tuple[Any, ...]](), list[tuple[Any, ...]]()
    moved = [(was, number) for was, number in stay.items() if was != number]
    for number, (item, record, (digest, content)) in enumerate(now, len(stay)):
        was = numbers.pop() if (numbers := before.get((digest, content))) else None
        if was is None:
            new.append((incident, number, *(item.get(name) for name in EVIDENCE), digest, content))
            records += [record] if record else []
        elif was != number:
            moved.append((was, number))
    gone = {number: digest for (digest, _), numbers in before.items() for number in numbers}
    db.executemany("DELETE FROM evidence WHERE incident = ? AND number = ?", [(incident, number) for number in gone])
    _move(db, incident, moved)
    db.executemany(
        "INSERT INTO record (id, source, line, time, quote) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING", records
    )
    db.executemany(
        "INSERT INTO evidence (incident, number, id, kind, family, about, bits, record, content)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        new,
    )
    _forget(db, {digest for digest in gone.values() if digest})
    return bool(gone or moved or new)


def _beside(rows: Sequence[Any], ids: Collection[object], now: Collection[_Same]) -> dict[int, int]:
    """The numbers of rows that a document says nothing of, with those they get: each once, ahead of its own."""
    others: dict[_Same, int] = {}
    for number, ident, digest, content in rows:
        if (ident is None or ident not in ids) and (digest, content) not in now:
            others.setdefault((digest, content), number)
    return {was: number for number, was in enumerate(others.values())}


def _move(db: sqlite3.Connection, incident: str, moved: Sequence[tuple[int, int]]) -> None:
    """Give rows of evidence other numbers, neighbours together; below zero on the way, where nobody is in theirs."""
    runs: list[tuple[int, str, int, int]] = []
    for was, number in sorted(moved):
        if runs and runs[-1][3] == was - 1 and runs[-1][0] == number - was:
            runs[-1] = (*runs[-1][:3], was)
        else:
            runs.append((number - was, incident, was, was))
    db.executemany("UPDATE evidence SET number = -1 - (number + ?) WHERE incident = ? AND number BETWEEN ? AND ?", runs)
    if runs:
        db.execute("UPDATE evidence SET number = -1 - number WHERE incident = ? AND number < 0", (incident,))


def _record(item: Json) -> tuple[Any, ...] | None:
    """The record a piece of evidence quotes."""
    if not set(item) >= set(RECORD) or item["quote"] is None:
        return None
    values = [item[name] for name in RECORD]
    digest = hashlib.blake2b(_text(values).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return digest, *values


def _row(item: Json) -> tuple[tuple[Any, ...] | None, _Same]:
    """The record a piece of evidence quotes, and what it has in common with a row that says the same."""
    record = _record(item)
    return record, (record[0] if record else None, _text(_rest(item, record)))


def _rest(item: Json, record: object) -> Json:
    return {name: value for name, value in item.items() if name not in RECORD} if record else item


def _text(value: object) -> str:
    return _ENCODER.encode(value)


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]
