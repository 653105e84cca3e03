"""Why a request is surprising: which part of it, on which level, what is usual instead, and who told of it already.

Scored tables come in, before they are learned; ``http`` goes out with ``COLUMNS``, filled where ``baseline.anomalous``
is true. Such rows are few, so that this costs nothing as long as nothing is odd.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from kanaria.baseline.encode import ROW_SHIFT, TABLES
from kanaria.baseline.shape import INBOUND, KINDS, LANDMARK, LARGEST_EXPONENT, NETWORK_SUBJECT
from kanaria.baseline.words import percent, usual
from kanaria.core.limits import Limits
from kanaria.core.text import cut, printable

if TYPE_CHECKING:
    from kanaria.baseline.pattern import PatternOfLife

Tables = Mapping[str, pa.Table]

_PARTS = ("agent", "name")
_LEVELS = ("device", "peers", "network")
_LEVEL_WORDS = {"device": "this device", "peers": "devices of the same role", "network": "all devices"}
COLUMNS: dict[str, tuple[pa.DataType, str]] = {
    **{
        f"baseline.{part}_bits_{level}": (pa.float64(), f"the {what} among those of {_LEVEL_WORDS[level]}")
        for part, what in (("agent", "user agent"), ("name", "name"))
        for level in _LEVELS
    },
    "baseline.usual_agents": (pa.string(), "what this device's requests usually name as their program"),
    "baseline.usual_names": (pa.string(), "the names this device usually has to do with"),
    "baseline.connection_told": (pa.bool_(), "the connection it came in is told of as an anomaly itself"),
}
"""What is known of anomalous requests. Levels are as of before the batch, where the bits beside them know its past."""

OWN: Mapping[str, float] = {
    "baseline.endpoint_bits": 6,
    "baseline.service_bits": 8,
    "baseline.name_bits": 8,
    "baseline.volume_bits": 8,
}
"""Bits from which an anomalous connection is told of for itself: those of the model ``unexplained_anomaly``; a test
compares them."""
USUAL = 3
"""Usual values named in a reason: they fit into its line with the program's name beside them."""
WIDTH = 60
"""Display columns of each: system and engine of a browser are in front."""
SLACK_US = 60_000_000
"""Two sensors' clocks and time-outs differ; Zeek and Suricata both give up an idle flow after a minute or less."""

_BITS = """
WITH chosen AS ({chosen}),
asked AS ({asked}),
times AS (SELECT subject, kind, value, sum(weight) AS weight FROM {alias}.ties
    WHERE value IN (SELECT value FROM asked) GROUP BY ALL),
every AS (SELECT subject, kind, sum(weight) AS weight, sum(types) AS types FROM {alias}.totals
    WHERE subject IN (SELECT subject FROM asked) GROUP BY ALL)
SELECT row, part, level,
    -log2(greatest(1e-300, least(1.0,
        CASE WHEN times.weight > 0 THEN times.weight * now ELSE types END / (every.weight * now + types))))
FROM asked LEFT JOIN times USING (subject, kind, value) JOIN every USING (subject, kind)
WHERE every.weight * now + types > 0"""
_ENDS = ("src_ip", "src_port", "dst_ip", "dst_port")


class OddRequests:
    """Fills in ``COLUMNS``, slice by slice of one run."""

    def __init__(self, pattern: PatternOfLife, most: int = Limits.told_connections) -> None:
        self._pattern, self._most = pattern, most
        self._told: dict[tuple[Any, ...], deque[tuple[int, int]]] = {}
        """By their ends, when connections told of began and ended."""
        self._order: deque[tuple[Any, ...]] = deque()
        """The ends of all in ``_told``, the last told of last."""
        self.forgotten = 0
        """How many were let go of for want of room."""

    def explain(self, tables: Tables) -> Tables:
        """The tables just scored, ``http`` with what there is to say about its anomalous rows."""
        if "connection" in tables:
            self._note(tables["connection"])
        http = tables.get("http")
        if http is None or "baseline.anomalous" not in http.column_names:
            return tables
        odd = np.flatnonzero(http["baseline.anomalous"].to_numpy())
        added: dict[int, dict[str, Any]] = {int(row): {} for row in odd}
        if added:
            self._weigh(odd, added)
            ends = http.select(["time", *_ENDS]).take(odd).to_pylist()
            for row, request in zip(odd.tolist(), ends, strict=True):
                added[row]["baseline.connection_told"] = self._covered(request)
        kept = http.drop_columns([name for name in COLUMNS if name in http.column_names])
        for name, (kind, _) in COLUMNS.items():
            kept = kept.append_column(
                name, _column(len(http), {row: told.get(name) for row, told in added.items()}, kind)
            )
        return {**tables, "http": kept}

    # ---- the connection of the same conversation ----------------------------------------------------------------

    def _note(self, connection: pa.Table) -> None:
        """Remember the connections that are anomalous by themselves, and when."""
        if "baseline.anomalous" not in connection.column_names:
            return
        strange = connection.filter(connection["baseline.anomalous"])
        for row in strange.select([*_ENDS, "time", "duration_us", *OWN]).to_pylist():
            if row["time"] is not None and any((row[name] or 0.0) >= least for name, least in OWN.items()):
                begin = _us(row["time"])
                span = (begin - SLACK_US, begin + (row["duration_us"] or 0) + SLACK_US)
                ends = tuple(row[name] for name in _ENDS)
                self._told.setdefault(ends, deque()).append(span)
                self._order.append(ends)
        while len(self._order) > self._most:
            self._forget_the_oldest()

    def _forget_the_oldest(self) -> None:
        ends = self._order.popleft()
        self._told[ends].popleft()
        if not self._told[ends]:
            del self._told[ends]
        self.forgotten += 1

    def _covered(self, request: Mapping[str, Any]) -> bool:
        spans = self._told.get(tuple(request[name] for name in _ENDS), ())
        return request["time"] is not None and any(low <= _us(request["time"]) <= high for low, high in spans)

    # ---- levels, and what is usual ------------------------------------------------------------------------------

    def _weigh(self, odd: np.ndarray[Any, np.dtype[np.int64]], added: dict[int, dict[str, Any]]) -> None:
        """Put the bits of program and name on each level, and the usual ones, into ``added``."""
        shift = TABLES.index("http") << ROW_SHIFT
        statements = self._pattern.state.statements
        statements.take_in("odd_requests", pa.table({"row": odd + shift}))
        for row, part, level, bits in statements.run(self._query()).fetchall():
            added[row - shift][f"baseline.{part}_bits_{level}"] = bits
        actors = statements.run("SELECT row, actor FROM encoded SEMI JOIN odd_requests USING (row)").fetchall()
        listed = {actor: dict(self._usual(actor)) for actor in {actor for _, actor in actors}}
        for row, actor in actors:
            added[row - shift] |= listed[actor]

    def _usual(self, actor: int) -> Iterator[tuple[str, str | None]]:
        for part in _PARTS:
            values, _ = usual(self._pattern, actor, part, USUAL)
            listed = [f"{cut(printable(text), WIDTH)} ({percent(share)} %)" for text, share in values]
            yield f"baseline.usual_{part}s", ", ".join(listed) or None

    def _query(self) -> str:
        half_life = self._pattern.settings.half_life_days * 24
        exponent = f"({LANDMARK} - hour) / {half_life}::DOUBLE"
        now = f"power(2.0, greatest(least({exponent}, {LARGEST_EXPONENT}), -{LARGEST_EXPONENT}))"
        chosen = " UNION ALL ".join(
            f"""SELECT row, '{part}' AS part, {part} AS value, actor, grp, {now} AS now,
                    {KINDS.index(part)} + CASE WHEN inbound THEN {INBOUND} ELSE 0 END AS kind
                FROM encoded SEMI JOIN odd_requests USING (row) WHERE {part} IS NOT NULL"""  # noqa: S608
            for part in _PARTS
        )
        subjects = zip(_LEVELS, ("actor", "grp", str(NETWORK_SUBJECT)), strict=True)
        asked = " UNION ALL ".join(
            f"SELECT row, part, kind, value, now, '{level}' AS level, {subject}::BIGINT AS subject FROM chosen"  # noqa: S608
            for level, subject in subjects
        )
        return _BITS.format(chosen=chosen, asked=asked, alias=self._pattern.state.alias)


def _us(time: datetime) -> int:
    return round(time.timestamp() * 1e6)


def _column(length: int, values: Mapping[int, Any], kind: pa.DataType) -> pa.ChunkedArray:
    """A column with these values at their rows, and nulls elsewhere."""
    if not values:
        return pa.nulls(length, kind)
    place = np.full(length, -1, np.int64)
    place[list(values)] = np.arange(len(values))
    return pa.array(list(values.values()), kind).take(pa.array(place, mask=place < 0))
