"""What the SQL of rules may refer to: the columns of our tables, and a few derived ones, with their kinds.

Derived columns start with ``@`` and are built from ordinary ones when a batch is looked at; a literal that occurs in
the derived column also occurs in one of its bases, which is what the prefilter needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import pyarrow as pa

from kanaria.core.schema import TABLES

Kind = Literal["text", "number", "bool", "time", "list", "any"]

STEM, QUERY, TEXT = "@stem", "@query", "@text"
FIELD = "@field:"
"""Prefix of the fields of the ``event`` table by name; they stand in its column ``fields``."""
ENRICHMENT = ("mining.", "payload.", "baseline.", "knowledge.", "device.")
"""Prefixes of the columns that stages before this one add."""
_NOT_CONTENT = {"source", "sensor", "direction", "community_id", "device", "remote"}
_PATH = "regexp_replace(\"url\", '^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*', '')"
# A row without "?" has no query at all: null, not empty, so that a missing query never equals one.
_DERIVED = {
    STEM: (("url",), f"split_part({_PATH}, '?', 1)"),
    QUERY: (("url",), 'CASE WHEN contains("url", \'?\') THEN substr("url", strpos("url", \'?\') + 1) END'),
}


def ident(name: str) -> str:
    """A quoted SQL identifier."""
    return '"' + name.replace('"', '""').replace("\0", "\ufffd") + '"'


def kind(table: str, column: str) -> Kind:
    """What the column holds; ``any`` for enrichment and unknown columns, whose type only the batch knows."""
    if column in (STEM, QUERY, TEXT) or column.startswith(FIELD):
        return "text"
    types = {item.name: item.type for item in TABLES[table].columns} if table in TABLES else {}
    return arrow_kind(types[column]) if column in types else "any"


def arrow_kind(type_: pa.DataType) -> Kind:
    """The same for an Arrow type."""
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        return "list"
    if pa.types.is_boolean(type_):
        return "bool"
    if pa.types.is_timestamp(type_):
        return "time"
    if pa.types.is_integer(type_) or pa.types.is_floating(type_):
        return "number"
    return "text"


def text_columns(schema: pa.Schema) -> tuple[str, ...]:
    """The columns a keyword is looked for in: all text and bytes of the record itself and what was decoded from it."""
    return tuple(
        field.name
        for field in schema
        if arrow_kind(field.type) == "text"
        and field.name not in _NOT_CONTENT
        and ("." not in field.name or field.name.startswith("payload."))
    )


def bases(column: str, schema: pa.Schema) -> tuple[str, ...]:
    """The ordinary columns a column is built from; itself when it is ordinary."""
    if column == TEXT:
        return text_columns(schema)
    if column.startswith(FIELD):
        return ("fields",)
    return _DERIVED[column][0] if column in _DERIVED else (column,)


def projection(column: str, schema: pa.Schema) -> str:
    """The SQL that builds a column over a table with that schema; null when its base is missing."""
    available: Sequence[str] = [name for name in bases(column, schema) if name in schema.names]
    if not available:
        return "CAST(NULL AS VARCHAR)"
    if column == TEXT:
        return f"concat_ws(chr(10), {', '.join(map(ident, available))})"
    if column.startswith(FIELD):
        return _field(column.removeprefix(FIELD))
    return _DERIVED[column][1] if column in _DERIVED else ident(column)


def _field(name: str) -> str:
    """The value of a field, null where an event has none of that name."""
    begin = "chr(31) || '" + name.replace("'", "''") + "='"
    return f'CASE WHEN contains("fields", {begin}) THEN split_part(split_part("fields", {begin}, 2), chr(31), 1) END'
