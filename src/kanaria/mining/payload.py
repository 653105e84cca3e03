"""Attack payloads in web requests: in, the ``http`` table; out, the same table with ``payload.*`` columns.

Only rows with a word or a wrapping that ordinary requests do not have are decoded; the test for that is one pass over
the bytes of the log. For every other row the columns are null.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kanaria.mining import payload_extract as extract
from kanaria.mining.payload_decode import LIMIT, decode, spaced
from kanaria.mining.payload_words import candidates, suspicious

COLUMNS: Mapping[str, str] = {
    "payload.decoded": "request, body and headers with every layer of encoding undone; hidden text on lines of its own",
    "payload.download_url": "address something would be fetched from",
    "payload.command": "shell command, at most 500 characters",
    "payload.callback": "host the victim would call back: JNDI server, out-of-band service, reverse shell",
    "payload.dropped": "files the request would leave behind, comma separated",
}
"""The string columns ``enrich`` adds, each with its meaning."""

_PARTS = ("url", "request", "request_body", "referer", "user_agent", "user", "host")
# A referrer is quoted from another page and may be any search; only one that itself carries an injection counts.
_INJECTED = re.compile(r"\$(?:\{|%7b)|%24(?:\{|%7b)|\(\)(?:%20|\s)*\{|<\?|jndi", re.IGNORECASE)
_SCRIPT = re.compile(r"^/?([^?#\s]{1,200}\.(?:jspx?|php\d?|phtml|aspx?|war))(?:[/?#]|%20|$)", re.IGNORECASE)


def enrich(http: pa.Table, loaded: npt.NDArray[np.int64] | None = None) -> pa.Table:
    """The table with ``COLUMNS`` appended; null for rows that need no look. Never raises for hostile content.

    ``loaded`` are the rows whose whole record has a suspicious word, where somebody looked already.
    """
    rows = _candidates(http, candidates().rows(http["raw"])[0] if loaded is None else loaded)
    picked = http.select([name for name in (*_PARTS, "method") if name in http.column_names]).take(pa.array(rows))
    records = picked.to_pylist()
    texts = [decode(_text(record)) for record in records]
    kept = _kept(texts, records)
    found = {int(rows[index]): _values(texts[index], records[index]) for index in kept}
    return _append(http, found)


def _candidates(http: pa.Table, loaded: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Row numbers worth decoding: by the raw record where there is one, else by its parts."""
    columns = ["request_body"]
    if http["raw"].null_count:
        columns += ["url", "request", "referer", "user_agent"]
    return np.unique(np.concatenate([loaded, *(candidates().rows(http[name])[0] for name in columns)]))


def _text(record: Mapping[str, object]) -> str:
    """The parts of a request that an attacker chooses, one a line: target, body, then headers as far as they matter."""
    parts = [spaced(_string(record["url"] or record["request"]))]
    body = _string(record["request_body"])
    parts.append(body if body.lstrip()[:1] in {"{", "[", "<", "-"} else spaced(body))
    referer = _string(record["referer"])
    if _INJECTED.search(referer):
        parts.append(referer)
    parts += [_string(record[name]) for name in ("user_agent", "user", "host")]
    return "\n".join(part for part in parts if part not in {"", "-"})[:LIMIT]


def _string(value: object) -> str:
    if isinstance(value, bytes):
        return value[:LIMIT].decode("utf-8", "replace")
    return "" if value is None else str(value)


def _kept(texts: list[str], records: list[dict[str, object]]) -> list[int]:
    """Which decoded texts really have a suspicious word, or upload a script."""
    encoded = pa.array([text.encode("utf-8", "replace") for text in texts], pa.binary())
    worded = set(suspicious().rows(encoded)[0].tolist())
    return [index for index in range(len(texts)) if index in worded or _uploaded(records[index])]


def _uploaded(record: Mapping[str, object]) -> str | None:
    if record["method"] not in {"PUT", "MOVE"}:
        return None
    found = _SCRIPT.match(_string(record["url"]))
    return found[1] if found else None


def _values(text: str, record: Mapping[str, object]) -> dict[str, str | None]:
    names = [name for name in (_uploaded(record), extract.dropped(text)) if name]
    return {
        "payload.decoded": text,
        "payload.download_url": extract.download_url(text),
        "payload.command": extract.command(text),
        "payload.callback": extract.callback(text),
        "payload.dropped": ",".join(names) or None,
    }


def _append(http: pa.Table, found: Mapping[int, Mapping[str, str | None]]) -> pa.Table:
    """The columns at full height; null rows share one slot, so an ordinary log costs no text."""
    slots = np.full(http.num_rows, -1, np.int64)
    slots[list(found)] = np.arange(len(found))
    indices = pa.array(slots, mask=slots < 0)
    for name in COLUMNS:
        values = _strings(record[name] for record in found.values())
        http = http.append_column(name, values.take(indices))
    return http


def _strings(values: Iterable[str | None]) -> pa.Array:
    clean = [None if value is None else value.encode("utf-8", "replace").decode() for value in values]
    return pa.array(clean, pa.string())
