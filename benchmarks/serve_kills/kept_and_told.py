"""What a service keeps and has told, read from its store's files, and what of it must be so however its lines came.

How surprising a record is depends on what had been learned when it was judged: the records of an hour that come at once
know nothing of each other, those that come one after another do. What was looked up when an incident was judged (like
ones, what each day brought), and which of more than a hundred like incidents were told one by one before they became
one, depend on it as well. Everything else does not depend on how lines came.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from ast import literal_eval
from collections import Counter
from pathlib import Path
from typing import Any

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


_AS_JUDGED = frozenset({"daily_counts", "similar"})
_LEARNED = ("baseline.", "device.")
_ROWS = ("record", "pair", "decision", "waiting", "state sources", "state live", "state silence", "events")


def however_it_came(found: Json) -> Json:
    """Of everything that is kept (``kill_table.kept``) what must not depend on which lines were judged together."""
    normal = dict(found["normal"])
    return {
        **{name: found[name] for name in _ROWS},
        "incident": [row for row in found["incident"] if row[1] != "merged"],
        "finding": [(*row[:3], _unlearned(json.loads(row[3]))) for row in found["finding"]],
        "evidence": [(*row[:4], _unlearned(json.loads(row[4]))) for row in found["evidence"]],
        "documents": [_document(document) for document in found["documents"]],
        "state carried": _unlearned(found["state carried"]),
        "words of what is normal": normal["texts"],
        "devices of what is normal": [literal_eval(row)[:2] for row in normal["devices"]],
        "kept from learning": sorted(literal_eval(row)[:3] for row in normal["withheld"]),
    }


def _document(document: Json) -> Json:
    series = [one for one in document["series"] if one["kind"] not in {"surprise", "threshold"}]
    return {**{name: value for name, value in document.items() if name not in _AS_JUDGED}, "series": series}


def _unlearned(part: Any) -> Any:
    """Without the values that what was learned before decides."""
    if isinstance(part, dict):
        return {name: _unlearned(value) for name, value in part.items() if not name.startswith(_LEARNED)}
    return [_unlearned(value) for value in part] if isinstance(part, list) else part
