"""What the logon formats share: rows of several tables collected into one batch, and text made safe for Arrow.

In come ``(table, row)`` pairs, out go finished tables and batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby

import numpy as np
import pyarrow as pa

from kanaria.core import schema
from kanaria.core.network import parse_address
from kanaria.core.remembered import remembered
from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import Batch, Position, RejectedRecord
from kanaria.formats import columns as cols
from kanaria.formats.text_log import Row

Taken = tuple[str, Row]
"""A table's name and one row of it."""
SEPARATOR = "\x1f"
Rejects = Sequence[tuple[int, str, bytes]]

_LONGEST = 128
"""Characters of an address with its zone (an interface's name), with room to spare; hostile texts are longer."""
BATCH_ROWS = 20_000
"""Records per batch of formats that read one record at a time: a few ten MB of Python objects at most."""


def tables_of(taken: Iterable[Taken], stream: Stream, context: ReadContext, sensor: str) -> dict[str, pa.Table]:
    """One finished table per name, rows in the order of their lines."""
    ordered = sorted(taken, key=lambda pair: (pair[0], int(str(pair[1]["line"]))))
    return {
        name: _table(name, [row for _name, row in group], stream, context, sensor)
        for name, group in groupby(ordered, key=lambda pair: pair[0])
    }


def _table(name: str, rows: list[Row], stream: Stream, context: ReadContext, sensor: str) -> pa.Table:
    kinds = {column.name: column.type for column in schema.TABLES[name].columns}
    lines = np.array([row["line"] for row in rows], np.int64)
    if name == "http":
        from kanaria.formats.web import tables

        raw = [line if isinstance(line := row.get("raw"), bytes) else b"" for row in rows]
        return tables.finish(tables.from_rows(rows, raw), lines, stream.name, context, sensor)
    names = {key for row in rows for key in row} - {"line"}
    columns = {key: pa.array([_safe(row.get(key)) for row in rows], kinds[key]) for key in names}
    return cols.finish(name, columns, lines, stream=stream, context=context, sensor=sensor)


def _safe(value: object) -> object:
    """Text from JSON can hold lone surrogates, which are no UTF-8."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "backslashreplace").decode()
    return value


def batch_of(
    stream: Stream, context: ReadContext, *, name: str, sensor: str, taken: Iterable[Taken], rows: int, last: int,
    rejects: Rejects, passed_over: int = 0, unparsed: Sequence[tuple[int, bytes]] = (),
) -> Batch:  # fmt: skip
    """A batch of formats that count records, not bytes; ``last`` is the number of the last record."""
    refused = tuple(
        RejectedRecord(source=stream.name, row=row, reason=reason, raw=raw[: cols.RAW_KEPT])
        for row, reason, raw in rejects
    )
    return Batch(
        source=stream.name, format=name, tables=tables_of(taken, stream, context, sensor), rows=rows, rejects=refused,
        rejected=len(refused), passed_over=passed_over, unparsed=cols.unparsed_lines(unparsed),
        position=Position(source=stream.name, offset=0, row=last),
    )  # fmt: skip


def batches(
    records: Iterable[list[Taken] | tuple[str, bytes]],
    stream: Stream,
    context: ReadContext,
    *,
    name: str,
    sensor: str,
) -> Iterator[Batch]:
    """Records one by one into batches. A record is a list of rows (numbered here), or a reason and raw bytes; without a
    reason it is of a kind that this format has no rows for, and is searched like any line.
    """
    taken: list[Taken] = []
    rejects: list[tuple[int, str, bytes]] = []
    unparsed: list[tuple[int, bytes]] = []
    number, begun = 0, 0
    for number, record in enumerate(records, start=1):
        if not isinstance(record, tuple):
            taken += [(table, {**row, "line": number}) for table, row in record]
        elif record[0]:
            rejects.append((number, record[0], record[1]))
        else:
            unparsed.append((number, record[1]))
        if number - begun >= BATCH_ROWS:
            yield batch_of(stream, context, name=name, sensor=sensor, taken=taken, rows=number - begun, last=number,
                           rejects=rejects, passed_over=len(unparsed), unparsed=unparsed)  # fmt: skip
            taken, rejects, unparsed, begun = [], [], [], number
    if number > begun:
        yield batch_of(stream, context, name=name, sensor=sensor, taken=taken, rows=number - begun, last=number,
                       rejects=rejects, passed_over=len(unparsed), unparsed=unparsed)  # fmt: skip


def address(text: object) -> str | None:
    """An address in its usual spelling, or None for anything else (names, ``-``, ``LOCAL``)."""
    if not text:
        return None
    bare = str(text).strip().strip("[]")
    return _spelled(bare) if len(bare) <= _LONGEST else None


@remembered
def _spelled(text: str) -> str | None:
    parsed = parse_address(text)
    return None if parsed is None or parsed.is_unspecified else str(parsed)


def endpoint(text: str) -> tuple[str | None, int | None]:
    """Address and port of ``192.0.2.1:445``, ``[2001:db8::1]:445``, ``ipv4:192.0.2.1:445`` or an address alone."""
    kind, _, rest = text.strip().partition(":")
    typed = kind in ("ipv4", "ipv6")  # Samba's spelling: always with a port, IPv6 without brackets
    text = rest if typed else text.strip()
    whole = None if typed else address(text)
    if whole:
        return whole, None
    host, _, last = text.rpartition(":")
    ip = address(host)
    return (ip, number(last, 65_535)) if ip else (None, None)


def number(value: object, limit: int = 2**31 - 1) -> int | None:
    """A whole number from 0 to ``limit`` out of decimal or ``0x`` text, else None."""
    text = str(value).strip().lower()
    if len(text) > 20 or not text.isascii():
        return None
    try:
        parsed = int(text, 16) if text.startswith("0x") else int(text)
    except ValueError:
        return None
    return parsed if 0 <= parsed <= limit else None


def joined_fields(fields: Mapping[str, str]) -> str:
    """Fields as the ``event`` table has them: ``name=value`` between unit separators, which values cannot hold."""
    parts = (f"{name.lower()}={value.replace(SEPARATOR, ' ')}" for name, value in fields.items() if value)
    return SEPARATOR + SEPARATOR.join(parts) + SEPARATOR


def earlier(one: datetime | None, other: datetime | None) -> bool:
    """Whether both are known and the first is before the second."""
    return one is not None and other is not None and one < other
