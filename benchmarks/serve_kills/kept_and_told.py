"""What a service keeps and has told, read from its store's files."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections import Counter
from pathlib import Path

from benchmarks.serving import Json


def state(folder: Path) -> Json:
    """What the store's last checkpoint keeps of the live sources."""
    file = folder / "store" / "incidents.sqlite"
    if not file.exists():
        return {}
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30) as db:
        made = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'state'").fetchone()
        rows = db.execute("SELECT content FROM state WHERE name = 'live'").fetchall() if made else []
    db.close()
    return dict(json.loads(zlib.decompress(rows[0][0]))["content"]["positions"]) if rows else {}


def lines_read(folder: Path) -> int:
    """Lines up to the kept positions."""
    return sum(mark["lines"] for places in state(folder).values() for mark in places.values())


def counted(folder: Path) -> Counter[str]:
    """How often each probe's word stands in an incident."""
    with sqlite3.connect(folder / "store" / "incidents.sqlite") as db:
        documents = [json.loads(row[0]) for row in db.execute("SELECT document FROM incident WHERE state <> 'merged'")]
    db.close()
    return Counter(message["worker"] for document in documents for message in document["messages"])


def told(folder: Path) -> dict[str, list[str]]:
    """The messages of each incident being new, by incident; one that was not sent is an empty word."""
    found: dict[str, list[str]] = {}
    with sqlite3.connect(folder / "store" / "outbox.sqlite") as db:
        for ident, status, content in db.execute("SELECT id, state, content FROM message WHERE kind = 'incident'"):
            incident = json.loads(content)
            if incident["alert"]["kind"] == "new":
                found.setdefault(incident["id"], []).append(ident if status == "sent" else "")
    db.close()
    return found


def waiting(folder: Path) -> bool:
    """Whether a message still is to be sent."""
    with sqlite3.connect(f"file:{folder / 'store' / 'outbox.sqlite'}?mode=ro", uri=True, timeout=30) as db:
        (count,) = db.execute("SELECT count(*) FROM message WHERE state = 'waiting'").fetchone()
    db.close()
    return bool(count)
