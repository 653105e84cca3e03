"""An incident's document as rows of tables, and back: its findings, its evidence, and the records that this quotes.

In: the connection of the store, inside its transactions. What can be asked for in SQL has columns; the rest of each row
is JSON. A record is kept once, however much evidence of however many incidents rests on it.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

Json = dict[str, Any]

FINDING = ("rule", "stage", "severity", "device", "remote", "time", "until", "bits")
EVIDENCE = ("id", "kind", "family", "about", "bits")
RECORD = ("source", "line", "time", "quote")
AT_ONCE = 500
"""Incidents read with one statement; SQLite takes a thousand values in older versions."""


def put_rows(db: sqlite3.Connection, incident: str, document: Json) -> str:
    """Write the rows of a document, and return the rest of it as text."""
    rest = {name: value for name, value in document.items() if name not in {"findings", "evidence"}}
    _put_findings(db, incident, document.get("findings", ()))
    if "evidence" in document:
        _put_evidence(db, incident, document["evidence"])
    return json.dumps({**rest, "id": incident}, ensure_ascii=False, sort_keys=True)


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


def _put_findings(db: sqlite3.Connection, incident: str, findings: Sequence[Json]) -> None:
    db.execute("UPDATE finding SET number = NULL WHERE incident = ?", (incident,))
    db.executemany(
        "INSERT INTO finding (id, incident, number, rule, stage, severity, device, remote, time, until, bits, content)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET incident = excluded.incident,"
        " number = excluded.number, rule = excluded.rule, stage = excluded.stage, severity = excluded.severity,"
        " device = excluded.device, remote = excluded.remote, time = excluded.time, until = excluded.until,"
        " bits = excluded.bits, content = excluded.content",
        [
            (item["id"], incident, number, *(item.get(name) for name in FINDING), _text(item))
            for number, item in enumerate(findings)
        ],
    )


def _put_evidence(db: sqlite3.Connection, incident: str, evidence: Sequence[Json]) -> None:
    before = _quoted(db, incident)
    db.execute("DELETE FROM evidence WHERE incident = ?", (incident,))
    records = [_record(item) for item in evidence]
    db.executemany(
        "INSERT INTO record (id, source, line, time, quote) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
        [record for record in records if record],
    )
    db.executemany(
        "INSERT INTO evidence (incident, number, id, kind, family, about, bits, record, content)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (incident, number, *(item.get(name) for name in EVIDENCE), record and record[0], _text(_rest(item, record)))
            for number, (item, record) in enumerate(zip(evidence, records, strict=True))
        ],
    )
    _forget(db, before - {record[0] for record in records if record})


def _record(item: Json) -> tuple[Any, ...] | None:
    """The record a piece of evidence quotes."""
    if not set(item) >= set(RECORD) or item["quote"] is None:
        return None
    values = [item[name] for name in RECORD]
    digest = hashlib.blake2b(_text(values).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return digest, *values


def _rest(item: Json, record: object) -> Json:
    return {name: value for name, value in item.items() if name not in RECORD} if record else item


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]
