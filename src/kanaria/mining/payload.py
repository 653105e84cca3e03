"""Attack payloads in web requests: in, the ``http`` table; out, the same table with ``payload.*`` columns.

Only rows with a word or a wrapping that ordinary requests do not have are decoded; the test for that is one pass over
the bytes of the log. For every other row the columns are null.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kanaria.core.late_regex import late_regex
from kanaria.mining import payload_extract as extract
from kanaria.mining.deeds import Deeds, read
from kanaria.mining.payload_action import forged_action, subrequest
from kanaria.mining.payload_aim import at_router, merely_quoted
from kanaria.mining.payload_decode import LIMIT, decode, spaced
from kanaria.mining.payload_words import candidates, suspicious
from kanaria.mining.request_values import Value, further, in_pieces, text_of, values

COLUMNS: Mapping[str, str] = {
    "payload.decoded": "request, body and headers with every layer of encoding undone; hidden text on lines of its own",
    "payload.download_url": "address something would be fetched from",
    "payload.command": "shell command, at most 500 characters",
    "payload.callback": "host the victim would call back: JNDI server, out-of-band service, reverse shell",
    "payload.dropped": "files the request would leave behind, comma separated",
    "payload.does": "what a command line of one value would do, read as a shell reads it: deliver when a program is"
    " brought or hidden text run; fetch, save, pipe, run, hidden, executable, persist, kill, miner, shell",
    "payload.aim": "router when the request is meant for routers, cameras and recorders",
    "payload.action": "value of the header Next-Action where it is no id that Next.js gives a server action",
}
"""The string columns ``enrich`` adds, each with its meaning."""

_PARTS = ("url", "request", "request_body", "referer", "user_agent", "user", "host")
# A referrer is quoted from another page and may be any search; only one that itself carries an injection counts.
_INJECTED = late_regex(r"\$(?:\{|%7b)|%24(?:\{|%7b)|\(\)(?:%20|\s)*\{|<\?|jndi", re.IGNORECASE)
# What is no address of a page, no browser sends: those are the sender's own words.
_PAGE = late_regex(r"[a-z][a-z0-9+.-]{1,20}://|/", re.IGNORECASE)
_SCRIPT = late_regex(r"^/?([^?#\s]{1,200}\.(?:jspx?|php\d?|phtml|aspx?|war))(?:[/?#]|%20|$)", re.IGNORECASE)


def enrich(http: pa.Table, loaded: npt.NDArray[np.int64] | None = None) -> pa.Table:
    """The table with ``COLUMNS`` appended; null for rows that need no look. Never raises for hostile content.

    ``loaded`` are the rows whose whole record has a suspicious word, where somebody looked already.
    """
    rows = _candidates(http, candidates().rows(http["raw"])[0] if loaded is None else loaded)
    picked = http.select([name for name in (*_PARTS, "method", "raw") if name in http.column_names]).take(
        pa.array(rows)
    )
    records = picked.to_pylist()
    columns_of = _columns_of(records, _further(records))
    return _append(http, {int(rows[index]): columns for index, columns in columns_of.items()})


def enrich_commands(process: pa.Table) -> pa.Table:
    """The same columns for what a machine was told to run: jobs, orders, statements of a database, services' lines."""
    commands = pc.is_in(process["kind"], pa.array(["job", "line", "order", "running", "script", "text"]))
    jobs = pc.and_(commands, pc.is_valid(process["command"]))
    rows = np.flatnonzero(pc.fill_null(jobs, False).to_numpy())
    told_by = process.select(["kind", "command"]).take(pa.array(rows)).to_pylist()
    texts = [f"powershell {one['command']}" if one["kind"] == "script" else one["command"] for one in told_by]
    columns_of = _columns_of([{"request_body": text} for text in texts])
    return _append(process, {int(rows[index]): columns for index, columns in columns_of.items()})


def _candidates(http: pa.Table, loaded: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Row numbers worth decoding: by the raw record where there is one, else by its parts."""
    columns = ["request_body"]
    if http["raw"].null_count:
        columns += ["url", "request", "referer", "user_agent"]
    return np.unique(np.concatenate([loaded, *(candidates().rows(http[name])[0] for name in columns)]))


def _further(records: list[dict[str, object]]) -> list[list[Value]]:
    """What each record holds beside its columns, as far as it has a suspicious word."""
    held = [(index, value) for index, record in enumerate(records) for value in further(record)]
    texts = pa.array([value.text.encode("utf-8", "replace") for _, value in held], pa.binary())
    further_of: list[list[Value]] = [[] for _ in records]
    for row in candidates().rows(texts)[0].tolist():
        further_of[held[row][0]].append(held[row][1])
    return further_of


def _columns_of(
    records: list[dict[str, object]], beside: Sequence[Sequence[Value]] = ()
) -> dict[int, dict[str, str | None]]:
    """The columns of each record that has anything in it; ``beside`` is what it holds apart from its columns.

    Requests that differ in time and sender only, as those of a scanner do, are read once.
    """
    alike: dict[object, list[int]] = {}
    for index, (record, more) in enumerate(zip(records, beside or [()] * len(records), strict=True)):
        sent = (*(record.get(name) for name in (*_PARTS, "method")), forged_action(record), subrequest(record))
        alike.setdefault((sent, tuple(more)), []).append(index)
    firsts = [indices[0] for indices in alike.values()]
    columns_of = _read([records[index] for index in firsts], [beside[index] if beside else () for index in firsts])
    return {
        index: columns_of[place]
        for place, indices in enumerate(alike.values())
        if place in columns_of
        for index in indices
    }


def _read(records: list[dict[str, object]], beside: Sequence[Sequence[Value]]) -> dict[int, dict[str, str | None]]:
    texts = [
        decode("\n".join([_text(record), *(value.text for value in more)]))
        for record, more in zip(records, beside, strict=True)
    ]
    read_values = [
        _acting([*(own := values(record)), *in_pieces(own), *more])
        for record, more in zip(records, beside, strict=True)
    ]
    encoded = pa.array([text.encode("utf-8", "replace") for text in texts], pa.binary())
    worded = set(suspicious().rows(encoded)[0].tolist())
    return {
        index: _columns(text, acting, record)
        for index, (text, acting, record) in enumerate(zip(texts, read_values, records, strict=True))
        if index in worded or acting.deeds.names or _uploaded(record) or forged_action(record)
    }


def _text(record: Mapping[str, object]) -> str:
    """The parts of a request that an attacker chooses, one a line: target, body, then headers as far as they matter."""
    parts = [spaced(text_of(record.get("url") or record.get("request")))]
    body = text_of(record.get("request_body"))
    parts.append(body if body.lstrip()[:1] in {"{", "[", "<", "-"} else spaced(body))
    referer = text_of(record.get("referer"))
    if _INJECTED.search(referer) or not _PAGE.match(referer):
        parts.append(referer)
    parts += [text_of(record.get(name)) for name in ("user_agent", "user", "host")]
    parts.append(subrequest(record) or "")
    return "\n".join(part for part in parts if part not in {"", "-"})[:LIMIT]


class _Acting:
    """The value of a request that would do most, and whether every command in it is merely quoted."""

    def __init__(self) -> None:
        self.deeds, self.text, self.quoted, self.value = Deeds(), "", False, Value("", "", "")

    def consider(self, value: Value) -> None:
        written = spaced(value.text) if value.place in ("parameter", "path") or value.name else value.text
        text, deeds = _often_read(written) if len(written) <= _SHORT else _read_value(written)
        if not deeds.names:
            return
        if merely_quoted(value, text, deeds):
            self.quoted = self.quoted or not self.deeds.names
        elif _weight(deeds) > _weight(self.deeds) or not self.deeds.names:
            self.deeds, self.text, self.value, self.quoted = deeds, text, value, False


_SHORT = 512
"""Characters up to which what a value does is remembered: names of browsers and the values of a flood recur."""


def _read_value(written: str) -> tuple[str, Deeds]:
    text = decode(written)
    return text, _read_lines(text)


_often_read = lru_cache(maxsize=4096)(_read_value)


def _weight(deeds: Deeds) -> tuple[bool, int]:
    return deeds.delivers(), len(deeds.names)


def _read_lines(text: str) -> Deeds:
    """The deeds of a value in the reading that has most: decoding appends hidden texts on lines of their own."""
    lines = text.split("\n")
    deeds = [read(line) for line in lines[:12]]
    if len(lines) > 1:
        deeds.append(read(text))
    return max(deeds, key=_weight)


def _acting(read_values: Iterable[Value]) -> _Acting:
    acting = _Acting()
    for value in read_values:
        acting.consider(value)
    return acting


def _uploaded(record: Mapping[str, object]) -> str | None:
    if record.get("method") not in {"PUT", "MOVE"}:
        return None
    match = _SCRIPT.match(text_of(record["url"]))
    return match[1] if match else None


def _columns(text: str, acting: _Acting, record: Mapping[str, object]) -> dict[str, str | None]:
    deeds, own = acting.deeds, acting.text or text
    does = (["deliver"] if deeds.delivers() else []) + sorted(deeds.names)
    names = [name for name in (_uploaded(record), *deeds.files, extract.dropped(own)) if name]
    return {
        "payload.decoded": text,
        "payload.download_url": None if acting.quoted else _remote(deeds) or extract.download_url(own),
        "payload.command": None if acting.quoted else extract.command(own) or (extract.tidy(own) if does else None),
        "payload.callback": extract.callback(text) or deeds.callback,
        "payload.dropped": None if acting.quoted else ",".join(dict.fromkeys(",".join(names).split(","))) or None,
        "payload.does": " ".join(does) or None,
        "payload.aim": "router" if at_router(record, own) else None,
        "payload.action": forged_action(record),
    }


def _remote(deeds: Deeds) -> str | None:
    return deeds.remotes[0].rstrip(".,")[: extract.URL_LIMIT] if deeds.remotes else None


def _append(http: pa.Table, columns_of: Mapping[int, Mapping[str, str | None]]) -> pa.Table:
    """The columns at full height; null rows share one slot, so an ordinary log costs no text."""
    slots = np.full(http.num_rows, -1, np.int64)
    slots[list(columns_of)] = np.arange(len(columns_of))
    indices = pa.array(slots, mask=slots < 0)
    for name in COLUMNS:
        values = _strings(record[name] for record in columns_of.values())
        http = http.append_column(name, values.take(indices))
    return http


def _strings(values: Iterable[str | None]) -> pa.Array:
    clean = [None if value is None else value.encode("utf-8", "replace").decode() for value in values]
    return pa.array(clean, pa.string())
