"""Indicators out of CSV, STIX 2.1 bundles and MISP events.

Takes text of one of them; returns candidates with their dates and comments, and what was left aside with the reason.
Only what the sender marked as something to act on counts: patterns of STIX indicators that still hold, MISP attributes
with ``to_ids``, or without that flag but of a type that MISP sets it for by default.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from kanaria.core.errors import SourceError
from kanaria.core.late_regex import late_regex
from kanaria.core.values import dataclass
from kanaria.knowledge.indicators_text import HASH, classify, refang

# Kinds of values a table of ours can be compared with.
TYPES = ("ipv4", "ipv6", "domain", "url", "user_agent", "cookie", "wallet", "account", "file", "hash")

_VALUE = (
    "value",
    "indicator",
    "indicator_value",
    "ioc",
    "observable",
    "ip",
    "ip_address",
    "address",
    "domain",
    "hostname",
    "host",
    "url",
    "値",
    "痕跡情報",
)
_COMMENT = ("comment", "description", "note", "notes", "コメント", "説明", "備考")
_DATE = ("date", "first_seen", "first_seen_utc", "date_added", "dateadded", "timestamp", "created", "日付")
_TYPE = ("type", "indicator_type", "kind", "種類")
_STIX_PATHS = {
    "ipv4-addr:value": "ipv4",
    "ipv6-addr:value": "ipv6",
    "domain-name:value": "domain",
    "url:value": "url",
    "network-traffic:extensions.'http-request-ext'.request_header.'User-Agent'": "user_agent",
    "user-account:account_login": "account",
    "file:name": "file",
    "file:hashes.MD5": "hash",
    "file:hashes.'MD5'": "hash",
    "file:hashes.'SHA-1'": "hash",
    "file:hashes.'SHA-256'": "hash",
}
_COMPARISON = late_regex(r"([a-z0-9-]+:[^=\s]+(?:\s*'[^']*')?)\s*=\s*'((?:[^'\\]|\\.)*)'")
# MISP type: ours, or None where the value itself shows what it is.
_MISP_TYPES = {
    "ip-src": None, "ip-dst": None, "ip-src|port": None, "ip-dst|port": None, "domain": None, "hostname": None,
    "url": None, "uri": None, "hostname|port": None, "domain|ip": None, "user-agent": "user_agent", "cookie": "cookie",
    "xmr": "wallet", "btc": "wallet", "dash": "wallet", "filename": "file", "target-user": "account",
    "md5": "hash", "sha1": "hash", "sha256": "hash",
}  # fmt: skip

_CONTEXT_BY_DEFAULT = frozenset({"user-agent", "cookie", "target-user"})
"""Of these, those that MISP does not detect by unless somebody says so (``sane_defaults`` of its ``describeTypes``)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportCandidate:
    """One value of a file; ``refused`` says why it must not be used."""

    value: str
    type: str | None = None
    comment: str | None = None
    date: date | None = None
    refused: str | None = None


def candidate(value: str, comment: str | None, day: date | None, kind: str | None = None) -> ImportCandidate:
    """A value as read; its kind is what it looks like, unless the sender says one that only they can know."""
    text = refang(value).strip()
    if kind == "hash":
        is_hash = HASH.fullmatch(text)
        return ImportCandidate(
            value=text.lower(), type=kind, comment=comment, date=day, refused=None if is_hash else "no hash"
        )
    if kind is not None and kind not in {"ipv4", "ipv6", "domain", "url"}:
        return ImportCandidate(value=text, type=kind, comment=comment, date=day)
    recognised = classify(text)
    if recognised is None:
        return ImportCandidate(value=text[:200], refused="no address, name or URL")
    return ImportCandidate(value=recognised.value, type=recognised.type, comment=comment, date=day)


def from_csv(text: str) -> Iterator[ImportCandidate]:
    """Rows of a table with a header that names a value column, or of value and comment without one."""
    first = text.lstrip("\ufeff").splitlines()[0] if text.strip() else ""
    delimiter = max(",;\t", key=first.count)
    rows = [row for row in csv.reader(io.StringIO(text.lstrip("\ufeff")), delimiter=delimiter) if any(row)]
    rows = [row for row in rows if not row[0].lstrip().startswith("#")]
    if not rows:
        return
    header = [name.strip().lower().replace(" ", "_") for name in rows[0]]
    column = _column(header, _VALUE)
    if column is None:
        places = {"value": 0, "comment": 1}
    else:
        rows = rows[1:]
        named = {"value": _VALUE, "comment": _COMMENT, "date": _DATE, "type": _TYPE}
        places = {name: place for name, headings in named.items() if (place := _column(header, headings)) is not None}
    for row in rows:
        cells = {name: row[place].strip() for name, place in places.items() if place < len(row)}
        kind = cells.get("type", "").lower().replace("-", "_")
        value = cells.get("value", "").removeprefix("'")
        yield candidate(value, cells.get("comment") or None, day(cells.get("date")), kind if kind in TYPES else None)


def _column(header: list[str], headings: tuple[str, ...]) -> int | None:
    return next((header.index(name) for name in headings if name in header), None)


def from_json(text: str, name: str, today: date) -> Iterator[ImportCandidate]:
    """A STIX bundle or MISP event. Raises SourceError for JSON that is neither."""
    try:
        loaded = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError(source=name, expected="JSON", got=str(error), cause="cut off?") from error
    if isinstance(loaded, Mapping) and isinstance(loaded.get("objects"), list):
        yield from _stix(loaded["objects"], today)
    elif events := _misp_events(loaded):
        for event in events:
            yield from _misp(event)
    else:
        raise SourceError(
            source=name, expected="a STIX bundle (objects) or a MISP event (Event, response)", got="other JSON"
        )


def _stix(objects: list[Any], today: date) -> Iterator[ImportCandidate]:
    for item in objects:
        if not isinstance(item, Mapping) or item.get("type") != "indicator":
            continue
        pattern = str(item.get("pattern", ""))
        reason = _unusable(item, pattern, today)
        if reason:
            yield ImportCandidate(value=pattern[:200], refused=reason)
            continue
        comment = item.get("description") or item.get("name")
        since = day(item.get("valid_from") or item.get("modified"))
        for path, quoted in _COMPARISON.findall(pattern):
            kind = _STIX_PATHS.get(path.strip())
            value = re.sub(r"\\(.)", r"\1", quoted)
            if kind is None:
                yield ImportCandidate(value=value[:200], refused=f"no table has {path}")
            else:
                yield candidate(value, comment if isinstance(comment, str) else None, since, kind)


def _unusable(item: Mapping[str, Any], pattern: str, today: date) -> str | None:
    """Why a STIX indicator says nothing by its single values."""
    if item.get("revoked") is True:
        return "revoked by its author"
    until = day(item.get("valid_until"))
    if until is not None and until < today:
        return f"valid until {until} only"
    if item.get("pattern_type", "stix") != "stix":
        return f"pattern language {item.get('pattern_type')}"
    outside = _COMPARISON.sub(" ", pattern)
    if re.search(r"\b(AND|NOT|FOLLOWEDBY|WITHIN|REPEATS)\b", outside):
        return "a compound pattern: its parts prove nothing alone"
    return None if _COMPARISON.search(pattern) else "no comparison with one value"


def _misp_events(loaded: Any) -> list[Mapping[str, Any]]:
    """The events of a single export, a response of several, or a bare list; attributes that were searched for count as
    one event."""
    wrapped = loaded.get("response", [loaded]) if isinstance(loaded, Mapping) else loaded
    wrapped = [wrapped] if isinstance(wrapped, Mapping) else wrapped
    if not isinstance(wrapped, list):
        return []
    events = [item["Event"] for item in wrapped if isinstance(item, Mapping) and isinstance(item.get("Event"), Mapping)]
    bare = [item for item in wrapped if isinstance(item, Mapping) and isinstance(item.get("Attribute"), list)]
    return events or bare


def _misp(event: Mapping[str, Any]) -> Iterator[ImportCandidate]:
    objects = [item for item in event.get("Object") or () if isinstance(item, Mapping)]
    listed = [*(event.get("Attribute") or ()), *(a for item in objects for a in item.get("Attribute") or ())]
    info = event.get("info")
    for attribute in listed:
        if not isinstance(attribute, Mapping) or attribute.get("type") not in _MISP_TYPES or attribute.get("deleted"):
            continue
        value = str(attribute.get("value", ""))
        if not _is_to_detect(attribute):
            yield ImportCandidate(value=value[:200], refused="the sender marked it as context only (to_ids)")
            continue
        comment = attribute.get("comment") or info
        when = day(attribute.get("timestamp")) or day(event.get("date"))
        kind = _MISP_TYPES[attribute["type"]]
        parts = [value] if kind else value.split("|")[: 2 if attribute["type"] == "domain|ip" else 1]
        for part in parts:
            yield candidate(part, comment if isinstance(comment, str) else None, when, kind)


def _is_to_detect(attribute: Mapping[str, Any]) -> bool:
    """Whether an attribute is one to detect by. Where the flag is left out, as MISP's format allows (it is not required
    of a feed, and exports without context drop it), the type's own default holds: that of ``describeTypes``."""
    marked = attribute.get("to_ids")
    if marked is None:
        return attribute.get("type") not in _CONTEXT_BY_DEFAULT
    return marked in (True, 1, "1", "true")


def day(value: object) -> date | None:
    """A date out of ISO text or Unix seconds; None when it is neither."""
    text = str(value or "").strip()
    try:
        if re.fullmatch(r"\d{9,10}", text):
            return datetime.fromtimestamp(int(text), UTC).date()
        return datetime.fromisoformat(text.replace("/", "-")[:10]).date()
    except ValueError:
        return None
