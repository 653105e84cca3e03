"""Whose network an address belongs to: ASN, holder's name and country, by tables of address ranges.

The ranges are not shipped; ``kanaria knowledge update`` turns the CSV files of the packages ``@ip-location-db/asn``
(CC BY 4.0, from RouteViews and DB-IP) and ``@ip-location-db/asn-country`` (CC0) into Arrow files that are mapped into
memory. Ranges are compared in their 16-byte form, IPv4 as IPv4-mapped IPv6, once per distinct address.
"""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from kanaria.core.errors import SourceError
from kanaria.core.facts import Provenance
from kanaria.core.network import ip16
from kanaria.core.values import dataclass

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

ASN_FILE, COUNTRY_FILE, ABOUT_FILE = "asn.arrow", "country.arrow", "about.json"
COLUMNS = {"asn": pa.int64(), "as_name": pa.string(), "country": pa.string()}
_MAPPED = b"\0" * 10 + b"\xff\xff"


def default_directory() -> Path:
    """``$XDG_DATA_HOME/kanaria/networks``, by the XDG base directory specification ``~/.local/share`` when unset."""
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "kanaria" / "networks"


@dataclass(frozen=True)
class _Ranges:
    """Sorted, disjoint ranges; ``start`` and ``end`` inclusive, 16 bytes each, and the columns that belong to them."""

    table: pa.Table

    @cached_property
    def start(self) -> npt.NDArray[np.bytes_]:
        return _bytes16(self.table["start"])

    @cached_property
    def end(self) -> npt.NDArray[np.bytes_]:
        return _bytes16(self.table["end"])

    def rows(self, addresses: npt.NDArray[np.bytes_]) -> pa.Array:
        """Row of the range each address lies in, null for none."""
        import numpy as np  # 60 ms to import; only tables need it

        row = np.searchsorted(self.start, addresses, side="right") - 1
        inside = (row >= 0) & (addresses <= self.end[np.maximum(row, 0)])
        return pa.array(row, mask=~inside)


@dataclass(frozen=True)
class NetworkTable:
    """Ranges of addresses with their holders; ``provenance`` says which release of which data."""

    ranges: Mapping[str, _Ranges]
    provenance: Provenance

    @classmethod
    def open(cls, directory: Path | None = None) -> NetworkTable | None:
        """The installed data, or None when none is installed. Raises SourceError for files that cannot be read."""
        folder = directory or default_directory()
        if not (folder / ABOUT_FILE).is_file():
            return None
        try:
            about = json.loads((folder / ABOUT_FILE).read_text(encoding="utf-8"))
            provenance = Provenance(source=about["source"], date=date.fromisoformat(about["date"]))
            ranges = {name: _Ranges(_mapped(folder / name)) for name in about["files"]}
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
            raise SourceError(
                source=str(folder), expected="network data", got=str(error), cause="run kanaria knowledge update again"
            ) from error
        return cls(ranges=ranges, provenance=provenance)

    def columns(self, addresses: pa.ChunkedArray | pa.Array) -> dict[str, pa.Array]:
        """``asn``, ``as_name`` and ``country`` for a column of address texts; null where nothing is known.

        Text that is no address gives null. 100,000 distinct addresses take some 0.7 s on one core; repeats cost next to
        nothing.
        """
        flat = addresses.combine_chunks() if isinstance(addresses, pa.ChunkedArray) else addresses
        encoded = flat.dictionary_encode()
        distinct = self._distinct(encoded.dictionary.to_pylist())
        return {name: values.take(encoded.indices) for name, values in distinct.items()}

    def of_address(self, ip: str) -> dict[str, object]:
        """The same for one address."""
        return {name: values[0].as_py() for name, values in self._distinct([ip]).items()}

    def _distinct(self, texts: list[str]) -> dict[str, pa.Array]:
        import numpy as np  # 60 ms to import; only tables need it

        forms = [ip16(text) for text in texts]
        is_address = pa.array([form is not None for form in forms], pa.bool_())
        packed = np.array([form or b"" for form in forms], dtype="S16")
        columns: dict[str, pa.Array] = {name: pa.nulls(len(texts), kind) for name, kind in COLUMNS.items()}
        for ranges in self.ranges.values():
            rows = _where(is_address, ranges.rows(packed))
            for name in set(COLUMNS) & set(ranges.table.column_names):
                columns[name] = ranges.table[name].take(rows).combine_chunks()
        return columns


def _where(valid: pa.Array, rows: pa.Array) -> pa.Array:
    import pyarrow.compute as pc  # 40 ms to import; only tables need it

    return pc.if_else(valid, rows, pa.scalar(None, rows.type))


def _bytes16(column: pa.ChunkedArray) -> npt.NDArray[np.bytes_]:
    import numpy as np  # 60 ms to import; only tables need it

    flat = column.combine_chunks()
    flat = flat.chunk(0) if isinstance(flat, pa.ChunkedArray) else flat
    return np.frombuffer(flat.buffers()[1], dtype="S16", count=len(flat), offset=flat.offset * 16)


def _mapped(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()


def convert(csv_folder: Path, target: Path, provenance: Provenance) -> dict[str, int]:
    """Turn the CSV files below a folder into the mapped form; returns the number of ranges by file.

    Reads ``*asn*ipv4.csv``/``ipv6`` (start, end, number, name) and ``*country*ipv4.csv``/``ipv6`` (start, end, country
    code). Raises SourceError when there are none, or when a line is no range.
    """
    files = sorted(path for path in csv_folder.rglob("*.csv") if path.stem.endswith(("-ipv4", "-ipv6")))
    countries = [path for path in files if "country" in path.stem]
    numbers = [path for path in files if "asn" in path.stem and "country" not in path.stem]
    if not numbers and not countries:
        raise SourceError(
            source=str(csv_folder),
            expected="files such as asn-ipv4.csv or asn-country-ipv4.csv",
            got="none",
            cause="is this the folder of the package @ip-location-db/asn?",
        )
    target.mkdir(parents=True, exist_ok=True)
    written: dict[str, int] = {}
    for name, paths, columns in (
        (ASN_FILE, numbers, {"asn": pa.int64(), "as_name": pa.string()}),
        (COUNTRY_FILE, countries, {"country": pa.string()}),
    ):
        if paths:
            table = _ranges(paths, columns)
            _write(table, target / name)
            written[name] = table.num_rows
    about = {"source": provenance.source, "date": provenance.date.isoformat(), "files": sorted(written)}
    _replace(target / ABOUT_FILE, json.dumps(about, indent=1).encode())
    return written


def _ranges(paths: Iterable[Path], columns: Mapping[str, pa.DataType]) -> pa.Table:
    import pyarrow.csv as pv  # only an update reads CSV

    kinds = {"start": pa.string(), "end": pa.string(), **columns}
    tables = []
    for path in paths:
        try:
            table = pv.read_csv(
                path,
                read_options=pv.ReadOptions(column_names=list(kinds)),
                convert_options=pv.ConvertOptions(column_types=kinds),
            )
            sides = {side: pa.array(map(_packed, table[side].to_pylist()), pa.binary(16)) for side in ("start", "end")}
        except (pa.ArrowInvalid, ValueError, TypeError) as error:
            raise SourceError(source=str(path), expected="start,end,… lines", got=str(error)) from error
        tables.append(pa.table({**sides, **{name: table[name] for name in columns}}))
    return pa.concat_tables(tables).sort_by("start")


def _packed(text: str) -> bytes:
    parsed = ipaddress.ip_address(text)
    return parsed.packed if parsed.version == 6 else _MAPPED + parsed.packed


def _write(table: pa.Table, path: Path) -> None:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    _replace(path, sink.getvalue().to_pybytes())


def _replace(path: Path, data: bytes) -> None:
    """All or nothing: readers that have the old file mapped keep it."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(data)
    fresh.replace(path)
